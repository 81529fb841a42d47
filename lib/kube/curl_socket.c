// SPDX-License-Identifier: Apache-2.0
#include "lib/kube/curl_socket.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* Called by libcurl for each new connection. */
static int on_open(void *arg, curl_socket_t fd, curlsocktype purpose)
{
	unsigned ms = (unsigned)(uintptr_t)arg;

	(void)purpose;
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms)); /* no TCP: no need */
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	return CURL_SOCKOPT_OK;
}

/* Called by libcurl instead of close(). */
static int on_close(void *arg, curl_socket_t fd)
{
	const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };
	int unsent = 0;

	(void)arg;
	/* A reset, instead of a kernel that goes on for us. Not where the peer has it all. */
	if (ioctl(fd, SIOCOUTQ, &unsent) == 0 && unsent > 0)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	return close(fd);
}

void curl_socket_set(CURL *easy, unsigned unacked_ms)
{
	/* A number in a pointer: it is used for as long as the connection lives. */
	curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_open);
	curl_easy_setopt(easy, CURLOPT_SOCKOPTDATA, (void *)(uintptr_t)unacked_ms);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
}
