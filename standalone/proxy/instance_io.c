// SPDX-License-Identifier: Apache-2.0
#include "standalone/proxy/instance_io.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = "\0bellman-proxy" };
#define NAME_LEN                                                                                   \
	((socklen_t)(offsetof(struct sockaddr_un, sun_path) + sizeof("\0bellman-proxy") - 1))

/* Who has the name? -EEXIST: one of ours; 0: somebody else, or nobody any more. */
static int ask_who(int fd, pid_t *ret_pid)
{
	struct ucred who;
	socklen_t len = sizeof(who);

	if (connect(fd, (const struct sockaddr *)&name, NAME_LEN) != 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) != 0)
		return 0;
	if (who.uid != 0 && who.uid != geteuid())
		return 0;
	*ret_pid = who.pid;
	return -EEXIST;
}

int instance_claim(pid_t *ret_pid)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), rc = 0;

	if (fd == -1)
		return -errno;
	if (bind(fd, (const struct sockaddr *)&name, NAME_LEN) != 0)
		rc = errno == EADDRINUSE ? ask_who(fd, ret_pid) : -errno;
	else if (listen(fd, 8) != 0)
		rc = -errno;
	if (rc == 0)
		return fd;
	close(fd);
	return rc;
}
