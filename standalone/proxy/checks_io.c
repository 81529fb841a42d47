// SPDX-License-Identifier: Apache-2.0
#include "standalone/proxy/checks_io.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/base/must.h"
#include "lib/base/tree.h"
#include "lib/daemon/httpd.h"

/* Balancers ask every few seconds, one connection each time. */
#define CONNECTIONS_MAX  256
#define ACCEPTS_PER_TURN 16
#define RETRY_MS         5000
/* For the API server, metrics, nft and netlink: without those no rule changes any more. */
#define DESCRIPTORS_KEPT 128

struct listener {
	RB_ENTRY(listener) by_port;
	uv_poll_t poll;
	struct checks_io *io;
	int fd; /* -1: not open */
	uint16_t port;
	bool complained; /* that it cannot be opened */
};
RB_HEAD(listeners, listener);

struct checks_io {
	struct checks_cfg cfg;
	uv_loop_t *loop;
	struct httpd *httpd;
	struct checks *checks;
	struct listeners listeners;
	uv_timer_t retry;     /* active while a listener is not open or does not accept */
	rlim_t listeners_end; /* the first descriptor that is none for a listener */
	int64_t *open, *failed;
};

static int listener_cmp(const struct listener *a, const struct listener *b)
{
	return (a->port > b->port) - (a->port < b->port);
}

TREE_GENERATE(listeners, listener, by_port, listener_cmp)

/* --- answering ------------------------------------------------------------------------------- */

static enum MHD_Result on_request(void *arg, struct MHD_Connection *c, const char *url,
				  const char *method, const char *version, const char *upload,
				  size_t *upload_size, void **state)
{
	struct checks_io *io = arg;
	char body[CHECK_BODY_MAX], weight[16];
	const struct check *check;

	(void)url; /* as with kube-proxy, whatever is asked for */
	(void)method;
	(void)version;
	(void)upload;
	(void)state;
	if (*upload_size != 0)
		return MHD_NO;
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
	check = info == NULL ? NULL
			     : checks_at(io->checks, (uint16_t)httpd_local_port(info->connect_fd));
	if (check == NULL)
		return MHD_NO; /* gone since it was accepted */

	unsigned status = check_answer(check, io->cfg.healthy(io->cfg.arg), body);
	struct MHD_Response *r =
		MHD_create_response_from_buffer(strlen(body), body, MHD_RESPMEM_MUST_COPY);
	if (r == NULL)
		return MHD_NO;
	snprintf(weight, sizeof(weight), "%u", check->endpoints);
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
	MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
	MHD_add_response_header(r, "X-Load-Balancing-Endpoint-Weight", weight);
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONNECTION, "close");
	enum MHD_Result rc = MHD_queue_response(c, status, r);
	MHD_destroy_response(r);
	return rc;
}

/* --- listening ------------------------------------------------------------------------------- */

static void on_retry(uv_timer_t *timer);

static void retry_later(struct checks_io *io)
{
	if (!uv_is_active((uv_handle_t *)&io->retry))
		uv_timer_start(&io->retry, on_retry, RETRY_MS, 0);
}

static void on_connection(uv_poll_t *poll, int status, int events)
{
	struct listener *l = poll->data;

	(void)status;
	(void)events;
	for (unsigned i = 0; i < ACCEPTS_PER_TURN; i++) {
		struct sockaddr_storage peer;
		socklen_t len = sizeof(peer);
		int fd = accept4(l->fd, (struct sockaddr *)&peer, &len,
				 SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			httpd_adopt(l->io->httpd, fd, (struct sockaddr *)&peer, len);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			/* It would be readable again at once, and we no wiser. */
			uv_poll_stop(&l->poll);
			retry_later(l->io);
		}
		return;
	}
}

static void complain(const struct listener *l, const struct check *check, int error)
{
	char message[256];

	log_warn("health", "cannot serve a health check, trying again",
		 "service=%s/%s port=%u err=\"%s\"", check->ns, check->name, l->port,
		 strerror(error));
	snprintf(message, sizeof(message), "node %s cannot serve the health check on port %u: %s",
		 l->io->cfg.node, l->port, strerror(error));
	kube_event(l->io->cfg.kube,
		   &(struct kube_event){ .component = "bellman-proxy",
					 .host = l->io->cfg.node,
					 .kind = "Service",
					 .api_version = "v1",
					 .name = check->name,
					 .ns = check->ns,
					 .type = "Warning",
					 .reason = "FailedToStartServiceHealthcheck",
					 .message = message });
}

/* As httpd_listen(), -EMFILE when the descriptors that are left are for other things. */
static int listen_within_limits(const struct checks_io *io, const char *listen, int *ret_fd)
{
	int fd, rc = httpd_listen(listen, &fd);

	if (rc != 0)
		return rc;
	/* The kernel gives the lowest that is free: those below are taken. */
	if ((rlim_t)fd >= io->listeners_end) {
		close(fd);
		return -EMFILE;
	}
	*ret_fd = fd;
	return 0;
}

/* Open @l, or see to it that this is tried again. */
static void try_open(struct listener *l)
{
	struct checks_io *io = l->io;
	char listen[16];

	snprintf(listen, sizeof(listen), ":%u", l->port);
	int rc = listen_within_limits(io, listen, &l->fd);
	if (rc == 0)
		rc = uv_poll_init(io->loop, &l->poll, l->fd);
	if (rc != 0) {
		if (l->fd != -1)
			close(l->fd);
		l->fd = -1;
		if (!l->complained)
			complain(l, checks_at(io->checks, l->port), -rc);
		*io->failed += !l->complained;
		l->complained = true;
		retry_later(io);
		return;
	}
	l->poll.data = l;
	uv_poll_start(&l->poll, UV_READABLE, on_connection);
	++*io->open;
	*io->failed -= l->complained;
	if (l->complained)
		log_info("health", "health check served now", "port=%u", l->port);
	l->complained = false;
}

static void on_retry(uv_timer_t *timer)
{
	struct checks_io *io = timer->data;
	struct listener *l;

	RB_FOREACH (l, listeners, &io->listeners) {
		if (l->fd == -1)
			try_open(l);
		else if (!uv_is_active((uv_handle_t *)&l->poll))
			uv_poll_start(&l->poll, UV_READABLE, on_connection);
	}
}

static void on_closed(uv_handle_t *handle)
{
	struct listener *l = handle->data;

	close(l->fd);
	free(l);
}

static void listener_close(struct listener *l)
{
	struct checks_io *io = l->io;

	RB_REMOVE(listeners, &io->listeners, l);
	if (l->fd == -1) {
		*io->failed -= l->complained;
		free(l);
		return;
	}
	--*io->open;
	/* Clients are refused from here on, not when the loop comes to close it. */
	shutdown(l->fd, SHUT_RDWR);
	uv_close((uv_handle_t *)&l->poll, on_closed);
}

/* Bring the listener of @port to what is known. */
static void settle(struct checks_io *io, uint16_t port)
{
	struct listener key = { .port = port };
	struct listener *l = RB_FIND(listeners, &io->listeners, &key);
	bool wanted = checks_at(io->checks, port) != NULL;

	if (wanted && l == NULL) {
		l = must(calloc(1, sizeof(*l)));
		l->io = io;
		l->port = port;
		l->fd = -1;
		RB_INSERT(listeners, &io->listeners, l);
		try_open(l);
	} else if (!wanted && l != NULL) {
		listener_close(l);
	}
}

void checks_change(struct checks_io *io, struct check_changes *changes)
{
	if (io != NULL) {
		for (size_t i = 0; i < changes->count; i++)
			checks_apply(io->checks, &changes->items[i]);
		/* Those that go first: another Service may have got their port. */
		for (size_t i = 0; i < changes->count; i++)
			settle(io, changes->items[i].check.port);
	}
	check_changes_done(changes);
}

/* --- life ------------------------------------------------------------------------------------ */

static void on_retry_closed(uv_handle_t *handle)
{
	struct checks_io *io = handle->data;

	checks_free(io->checks);
	free(io);
}

/* Share the descriptors out. Returns how many connections may be open at a time. */
static unsigned share_descriptors(struct checks_io *io)
{
	struct rlimit limit = { .rlim_cur = RLIM_INFINITY };

	getrlimit(RLIMIT_NOFILE, &limit);
	rlim_t all = limit.rlim_cur;
	rlim_t kept = all / 2 < DESCRIPTORS_KEPT ? all / 2 : DESCRIPTORS_KEPT;
	rlim_t connections = all / 4 < CONNECTIONS_MAX ? all / 4 : CONNECTIONS_MAX;
	io->listeners_end = all - kept - connections;
	return connections > 0 ? (unsigned)connections : 1;
}

struct checks_io *checks_open(uv_loop_t *loop, const struct checks_cfg *cfg)
{
	static const char *const state_label[] = { "state", NULL };
	struct checks_io *io = must(calloc(1, sizeof(*io)));
	const struct httpd_cfg http = { .handler = on_request,
					.arg = io,
					.connections_max = share_descriptors(io) };

	io->cfg = *cfg;
	io->loop = loop;
	int rc = httpd_open(loop, &http, &io->httpd);
	if (rc != 0) {
		log_error("health", "health checks of Services are not served", "err=\"%s\"",
			  strerror(-rc));
		free(io);
		return NULL;
	}
	struct metric_family *f =
		metrics_family(cfg->metrics, "bellman_proxy_health_checks",
			       "Health-check node ports, by whether they are served.", METRIC_GAUGE,
			       state_label);
	io->open = metric_value1(f, "open");
	io->failed = metric_value1(f, "failed");
	io->checks = checks_new();
	RB_INIT(&io->listeners);
	uv_timer_init(loop, &io->retry);
	io->retry.data = io;
	return io;
}

struct checks_io *checks_close(struct checks_io *io)
{
	struct listener *l, *next;

	if (io == NULL)
		return NULL;
	RB_FOREACH_SAFE (l, listeners, &io->listeners, next)
		listener_close(l);
	io->httpd = httpd_close(io->httpd);
	uv_close((uv_handle_t *)&io->retry, on_retry_closed);
	return NULL;
}
