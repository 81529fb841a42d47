// SPDX-License-Identifier: Apache-2.0
/*
 * libmicrohttpd offers one epoll descriptor that becomes readable when any of its
 * sockets has work; libuv polls that one, and a timer stands in for its time-outs.
 */
#include "lib/daemon/httpd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/ip.h"
#include "lib/base/log.h"
#include "lib/model/file_io.h"

#define PEM_MAX (1u << 20)

struct httpd {
	struct MHD_Daemon *mhd;
	char *cert, *key;
	uv_poll_t poll;
	uv_timer_t timer;
	uv_idle_t kick; /* active: MHD has more to do at once */
	int open_handles;
};

static void work(struct httpd *h);

static void on_timer(uv_timer_t *timer)
{
	work(timer->data);
}

static void on_idle(uv_idle_t *idle)
{
	work(idle->data);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	work(poll->data);
}

/* Run MHD, then see when it wants to run again: at once, at a time, or on the next event. */
static void work(struct httpd *h)
{
	MHD_UNSIGNED_LONG_LONG wait_ms;

	/* Before and not after: a handler may resume another connection, of which MHD's time-out
	 * knows nothing, and its kick must last. */
	uv_idle_stop(&h->kick);
	MHD_run(h->mhd);
	if (MHD_get_timeout(h->mhd, &wait_ms) != MHD_YES)
		uv_timer_stop(&h->timer);
	else if (wait_ms == 0)
		httpd_kick(h);
	else
		uv_timer_start(&h->timer, on_timer, wait_ms, 0);
}

void httpd_kick(struct httpd *h)
{
	uv_idle_start(&h->kick, on_idle);
}

int httpd_address(const char *listen, struct sockaddr_storage *addr)
{
	struct ip_addr ip;
	uint16_t port;

	if (ip_listen_parse(listen, &ip, &port) != 0)
		return -EINVAL;
	memset(addr, 0, sizeof(*addr));
	if (ip.family == IP_V4) {
		struct sockaddr_in *sin = (struct sockaddr_in *)addr;
		sin->sin_family = AF_INET;
		sin->sin_port = htons(port);
		memcpy(&sin->sin_addr, ip.bytes, 4);
	} else {
		struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)addr;
		sin6->sin6_family = AF_INET6;
		sin6->sin6_port = htons(port);
		memcpy(&sin6->sin6_addr, ip.bytes, 16);
	}
	return 0;
}

/* A listening socket made here, so that a failure has its errno. */
static int listen_on(const char *listen_text, int *ret_fd)
{
	struct sockaddr_storage addr;
	const int on = 1, off = 0, idle_s = 60, every_s = 15;

	if (httpd_address(listen_text, &addr) != 0)
		return -EINVAL;
	int fd = socket(addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1 && errno == EAFNOSUPPORT && listen_text[0] == ':') {
		/* A kernel without IPv6: all addresses are those of IPv4. */
		struct sockaddr_in any = { .sin_family = AF_INET };
		any.sin_port = ((struct sockaddr_in6 *)&addr)->sin6_port;
		memcpy(&addr, &any, sizeof(any));
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	}
	if (fd == -1)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	/* Accepted sockets take these over: a peer that has lost its power is known in two minutes,
	 * also while its connection is suspended. */
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every_s, sizeof(every_s));
	if (addr.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	socklen_t len = addr.ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
						   : sizeof(struct sockaddr_in);
	if (bind(fd, (const struct sockaddr *)&addr, len) == -1 || listen(fd, 512) == -1) {
		int rc = -errno;
		close(fd);
		return rc;
	}
	*ret_fd = fd;
	return 0;
}

static int pem_read(const char *path, char **ret)
{
	size_t len;
	int rc = file_read(path, PEM_MAX, ret, &len);

	if (rc != 0)
		log_error("httpd", "cannot read", "file=%s err=\"%s\"", path, file_error(rc));
	return rc;
}

static void free_httpd(struct httpd *h)
{
	free(h->cert);
	free(h->key);
	free(h);
}

static void on_closed(uv_handle_t *handle)
{
	struct httpd *h = handle->data;

	if (--h->open_handles == 0)
		free_httpd(h);
}

int httpd_open(uv_loop_t *loop, const struct httpd_cfg *cfg, struct httpd **ret)
{
	struct httpd *h = calloc(1, sizeof(*h));
	struct MHD_OptionItem tls[3] = { { MHD_OPTION_END, 0, NULL } };
	unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME;
	int fd = -1, rc;

	if (h == NULL)
		return -ENOMEM;
	if (cfg->cert_file != NULL) {
		rc = pem_read(cfg->cert_file, &h->cert);
		if (rc == 0)
			rc = pem_read(cfg->key_file, &h->key);
		if (rc != 0) {
			free_httpd(h);
			return rc;
		}
		flags |= MHD_USE_TLS;
		tls[0] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_MEM_CERT, 0, h->cert };
		tls[1] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_MEM_KEY, 0, h->key };
		tls[2] = (struct MHD_OptionItem){ MHD_OPTION_END, 0, NULL };
	}
	rc = listen_on(cfg->listen, &fd);
	if (rc != 0) {
		free_httpd(h);
		return rc;
	}
	/* Options of MHD are read in order; an absent callback is the same as a NULL one. */
	h->mhd = MHD_start_daemon(flags, 0, NULL, NULL, cfg->handler, cfg->arg,
				  MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
				  cfg->connections_max ? cfg->connections_max : 64,
				  MHD_OPTION_CONNECTION_TIMEOUT,
				  cfg->timeout_s ? cfg->timeout_s : 60, MHD_OPTION_NOTIFY_COMPLETED,
				  cfg->completed, cfg->arg, MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
	if (h->mhd == NULL) {
		if (cfg->cert_file != NULL)
			log_error("httpd", "certificate and key are not usable", "cert=%s key=%s",
				  cfg->cert_file, cfg->key_file);
		close(fd);
		free_httpd(h);
		return -EINVAL;
	}

	const union MHD_DaemonInfo *info = MHD_get_daemon_info(h->mhd, MHD_DAEMON_INFO_EPOLL_FD);
	uv_poll_init(loop, &h->poll, info->epoll_fd);
	uv_timer_init(loop, &h->timer);
	uv_idle_init(loop, &h->kick);
	h->poll.data = h->timer.data = h->kick.data = h;
	h->open_handles = 3;
	uv_poll_start(&h->poll, UV_READABLE, on_readable);
	*ret = h;
	return 0;
}

unsigned httpd_port(const struct httpd *h)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(h->mhd, MHD_DAEMON_INFO_LISTEN_FD);
	struct sockaddr_storage addr = { 0 };
	socklen_t len = sizeof(addr);

	if (info == NULL || getsockname(info->listen_fd, (struct sockaddr *)&addr, &len) != 0)
		return 0;
	// NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): what getsockname() wrote
	return ntohs(addr.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&addr)->sin6_port
						: ((struct sockaddr_in *)&addr)->sin_port);
}

struct httpd *httpd_close(struct httpd *h)
{
	if (h == NULL)
		return NULL;
	/* The poll first: its descriptor is MHD's. */
	uv_close((uv_handle_t *)&h->poll, on_closed);
	uv_close((uv_handle_t *)&h->timer, on_closed);
	uv_close((uv_handle_t *)&h->kick, on_closed);
	MHD_stop_daemon(h->mhd);
	h->mhd = NULL;
	return NULL;
}

enum MHD_Result httpd_reply(struct MHD_Connection *c, unsigned status, const char *content_type,
			    const char *body, size_t len)
{
	/* MHD's prototype takes what it copies as not const. */
	struct MHD_Response *r = MHD_create_response_from_buffer(len, (void *)(uintptr_t)body,
								 MHD_RESPMEM_MUST_COPY);
	if (r == NULL)
		return MHD_NO;
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
	enum MHD_Result rc = MHD_queue_response(c, status, r);
	MHD_destroy_response(r);
	return rc;
}
