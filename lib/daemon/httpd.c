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
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/base/ip.h"
#include "lib/base/log.h"
#include "lib/daemon/httpd_cert.h"
#include "lib/daemon/httpd_conns.h"
#include "lib/daemon/loop.h"

enum {
	SEND_BUFFER = 256 << 10, /* what the kernel holds for a client that does not read */
	POOL = 32 << 10,         /* of MHD for a connection: header and what is being sent */
	SWEEP_MS = 250,
};

struct client {
	struct conn conn; /* first: a conn is a client */
	struct httpd *httpd;
	int fd;
};

struct httpd {
	struct MHD_Daemon *mhd;
	struct cert *cert;        /* NULL: plain HTTP */
	TAILQ_ENTRY(httpd) entry; /* of with_tls */
	struct conns conns;
	MHD_AccessHandlerCallback handler;
	MHD_RequestCompletedCallback completed;
	void *arg;
	uv_poll_t poll;
	uv_timer_t timer;
	uv_timer_t sweep; /* active while there are connections */
	uv_idle_t kick;   /* active: MHD has more to do at once */
	int open_handles;
};

/* Those with TLS: GnuTLS tells its callback nothing of ours but the socket. */
static TAILQ_HEAD(, httpd) with_tls = TAILQ_HEAD_INITIALIZER(with_tls);

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

/* A listening socket made here and not by MHD, so that a failure has its errno. */
int httpd_listen(const char *listen_text, int *ret_fd)
{
	struct sockaddr_storage addr;
	const int on = 1, off = 0, idle_s = 60, every_s = 15, send_buffer = SEND_BUFFER;

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
	/* And this: no tuning upwards. */
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof(send_buffer));
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

static uint64_t now_ms(void)
{
	return daemon_now_ns() / 1000000;
}

/* --- connections ----------------------------------------------------------------------- */

/* NULL: it has none, as while the server stops. */
static struct client *client_of(struct MHD_Connection *c)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info == NULL ? NULL : info->socket_context;
}

/*
 * MHD cannot be asked to close a connection, but sees that the peer has gone. In the middle of an
 * answer nothing lingers: the kernel forgets what was not sent. Whoever was answered may take his
 * time to read that.
 */
static void drop(struct client *k)
{
	const struct linger none = { .l_onoff = 1 };

	if (k->conn.phase == CONN_DROPPED)
		return;
	if (k->conn.phase == CONN_ANSWER || k->conn.phase == CONN_STREAM)
		setsockopt(k->fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
	conns_enter(&k->httpd->conns, &k->conn, CONN_DROPPED, now_ms());
	shutdown(k->fd, SHUT_RDWR);
}

static void make_room(struct httpd *h)
{
	struct conn *conn;

	while ((conn = conns_surplus(&h->conns, now_ms())) != NULL)
		drop((struct client *)conn);
}

/* The peer has closed his side, and all he sent was read. */
static bool is_half_closed(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLRDHUP };
	int left;

	return poll(&p, 1, 0) == 1 && ioctl(fd, FIONREAD, &left) == 0 && left == 0;
}

/*
 * Whoever closes his side along with the last thing he sends is not seen to: one event tells of
 * both, and MHD reads no further. Those in @phase of whom nothing more can come are let go.
 */
static void drop_half_closed(struct httpd *h, enum conn_phase phase)
{
	struct conn *conn, *next;

	for (conn = TAILQ_FIRST(&h->conns.phases[phase]); conn != NULL; conn = next) {
		next = TAILQ_NEXT(conn, entry);
		if (now_ms() - conn->since_ms < SWEEP_MS)
			return; /* and those behind it: what came may still be worked on */
		if (is_half_closed(((struct client *)conn)->fd))
			drop((struct client *)conn);
	}
}

static void on_sweep(uv_timer_t *timer)
{
	struct httpd *h = timer->data;
	struct conn *conn;

	drop_half_closed(h, CONN_NEW);
	drop_half_closed(h, CONN_IDLE);
	drop_half_closed(h, CONN_BODY);
	while ((conn = conns_overdue(&h->conns, now_ms())) != NULL)
		drop((struct client *)conn);
	make_room(h);
	if (h->conns.count == 0)
		uv_timer_stop(timer);
}

static void on_connection(void *cls, struct MHD_Connection *c, void **context,
			  enum MHD_ConnectionNotificationCode what)
{
	struct httpd *h = cls;
	struct client *k = *context;

	if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
		if (k != NULL)
			conns_remove(&h->conns, &k->conn);
		free(k);
		*context = NULL;
		return;
	}
	k = calloc(1, sizeof(*k));
	*context = k;
	if (k == NULL)
		return; /* served, and not looked after */
	k->httpd = h;
	k->fd = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	conns_add(&h->conns, &k->conn, now_ms());
	make_room(h);
	if (!uv_is_active((uv_handle_t *)&h->sweep))
		uv_timer_start(&h->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
}

static void enter(struct MHD_Connection *c, enum conn_phase phase)
{
	struct client *k = client_of(c);

	if (k != NULL && k->conn.phase != CONN_DROPPED)
		conns_enter(&k->httpd->conns, &k->conn, phase, now_ms());
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *c, const char *url,
				  const char *method, const char *version, const char *upload,
				  size_t *upload_size, void **state)
{
	struct httpd *h = cls;
	const struct client *k = client_of(c);

	if (k != NULL && (k->conn.phase == CONN_NEW || k->conn.phase == CONN_IDLE))
		enter(c, CONN_BODY); /* the header is complete */
	else if (k != NULL && k->conn.phase == CONN_BODY && *upload_size == 0)
		enter(c, CONN_ANSWER);
	return h->handler(h->arg, c, url, method, version, upload, upload_size, state);
}

static void on_completed(void *cls, struct MHD_Connection *c, void **state,
			 enum MHD_RequestTerminationCode how)
{
	struct httpd *h = cls;

	enter(c, CONN_IDLE);
	if (h->completed != NULL)
		h->completed(h->arg, c, state, how);
}

void httpd_streams(struct MHD_Connection *c)
{
	enter(c, CONN_STREAM);
}

void httpd_drop(struct MHD_Connection *c)
{
	struct client *k = client_of(c);

	if (k != NULL)
		drop(k);
}

bool httpd_drop_slowest(struct httpd *h)
{
	struct conn *conn = conns_slowest(&h->conns, now_ms());

	if (conn != NULL)
		drop((struct client *)conn);
	return conn != NULL;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* As MHD does it, but %00 stays what it is: the NUL would cut the path, and name another thing. */
static size_t on_unescape(void *cls, struct MHD_Connection *c, char *text)
{
	char *to = text;

	(void)cls;
	(void)c;
	for (const char *at = text; *at != '\0';) {
		int high = *at == '%' ? hex_digit(at[1]) : -1;
		int low = high < 0 ? -1 : hex_digit(at[2]);

		if (low < 0 || high + low == 0) {
			*to++ = *at++;
		} else {
			*to++ = (char)(high * 16 + low);
			at += 3;
		}
	}
	*to = '\0';
	return (size_t)(to - text);
}

/* The server whose connection has the socket @fd; NULL: none has. */
static struct httpd *server_of(int fd)
{
	struct httpd *h;
	const struct conn *conn;

	TAILQ_FOREACH (h, &with_tls, entry)
		TAILQ_FOREACH (conn, &h->conns.phases[CONN_NEW], entry)
			if (((const struct client *)conn)->fd == fd)
				return h;
	return NULL;
}

static int on_certificate(gnutls_session_t session, const gnutls_datum_t *names, int name_count,
			  const gnutls_pk_algorithm_t *algorithms, int algorithm_count,
			  gnutls_pcert_st **chain, unsigned *count, gnutls_privkey_t *key)
{
	const struct httpd *h = server_of(gnutls_transport_get_int(session));

	(void)names;
	(void)name_count;
	(void)algorithms;
	(void)algorithm_count;
	if (h == NULL)
		return -1;
	cert_current(h->cert, now_ms(), chain, count, key);
	return 0;
}

/* --- open, close ----------------------------------------------------------------------- */

static void free_httpd(struct httpd *h)
{
	if (h->cert != NULL)
		TAILQ_REMOVE(&with_tls, h, entry);
	cert_free(h->cert);
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
	struct MHD_OptionItem more[4], *option = more;
	const unsigned room = cfg->connections_max ? cfg->connections_max : 64;
	unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME;
	int fd = -1, rc;

	if (h == NULL)
		return -ENOMEM;
	conns_init(&h->conns, room);
	h->handler = cfg->handler;
	h->completed = cfg->completed;
	h->arg = cfg->arg;
	if (cfg->cert_file != NULL) {
		rc = cert_open(cfg->cert_file, cfg->key_file, &h->cert);
		if (rc != 0) {
			free_httpd(h);
			return rc;
		}
		TAILQ_INSERT_TAIL(&with_tls, h, entry);
		flags |= MHD_USE_TLS;
		*option++ = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_CERT_CALLBACK, 0,
						     (void *)(uintptr_t)on_certificate };
		*option++ = (struct MHD_OptionItem){
			MHD_OPTION_HTTPS_PRIORITIES, 0,
			(void *)(uintptr_t) "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"
		};
	}
	if (cfg->listen == NULL)
		flags |= MHD_USE_NO_LISTEN_SOCKET;
	rc = cfg->listen != NULL ? httpd_listen(cfg->listen, &fd) : 0;
	if (rc != 0) {
		free_httpd(h);
		return rc;
	}
	if (cfg->listen != NULL)
		*option++ = (struct MHD_OptionItem){ MHD_OPTION_LISTEN_SOCKET, fd, NULL };
	*option = (struct MHD_OptionItem){ MHD_OPTION_END, 0, NULL };
	/* More than there is room for, so that whoever makes others go can come in. No time-out of
	 * MHD: it would count from the last byte. */
	h->mhd = MHD_start_daemon(flags, 0, NULL, NULL, on_request, h, MHD_OPTION_CONNECTION_LIMIT,
				  room + room / 8, MHD_OPTION_CONNECTION_TIMEOUT, 0u,
				  MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)POOL,
				  MHD_OPTION_NOTIFY_CONNECTION, on_connection, h,
				  MHD_OPTION_NOTIFY_COMPLETED, on_completed, h,
				  MHD_OPTION_UNESCAPE_CALLBACK, on_unescape, NULL, MHD_OPTION_ARRAY,
				  more, MHD_OPTION_END);
	if (h->mhd == NULL) {
		if (fd != -1)
			close(fd);
		free_httpd(h);
		return -EINVAL;
	}

	const union MHD_DaemonInfo *info = MHD_get_daemon_info(h->mhd, MHD_DAEMON_INFO_EPOLL_FD);
	uv_poll_init(loop, &h->poll, info->epoll_fd);
	uv_timer_init(loop, &h->timer);
	uv_timer_init(loop, &h->sweep);
	uv_idle_init(loop, &h->kick);
	h->poll.data = h->timer.data = h->sweep.data = h->kick.data = h;
	h->open_handles = 4;
	uv_poll_start(&h->poll, UV_READABLE, on_readable);
	*ret = h;
	return 0;
}

void httpd_adopt(struct httpd *h, int fd, const struct sockaddr *peer, socklen_t len)
{
	/* Closes @fd when it does not want it. */
	MHD_add_connection(h->mhd, fd, peer, len);
	httpd_kick(h);
}

unsigned httpd_local_port(int fd)
{
	struct sockaddr_storage addr = { 0 };
	socklen_t len = sizeof(addr);

	if (getsockname(fd, (struct sockaddr *)&addr, &len) != 0)
		return 0;
	// NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): what getsockname() wrote
	return ntohs(addr.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&addr)->sin6_port
						: ((struct sockaddr_in *)&addr)->sin_port);
}

unsigned httpd_port(const struct httpd *h)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(h->mhd, MHD_DAEMON_INFO_LISTEN_FD);

	return info != NULL ? httpd_local_port(info->listen_fd) : 0;
}

struct httpd *httpd_close(struct httpd *h)
{
	if (h == NULL)
		return NULL;
	/* The poll first: its descriptor is MHD's. */
	uv_close((uv_handle_t *)&h->poll, on_closed);
	uv_close((uv_handle_t *)&h->timer, on_closed);
	uv_close((uv_handle_t *)&h->sweep, on_closed);
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
