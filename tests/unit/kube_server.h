// SPDX-License-Identifier: Apache-2.0
/*
 * An API server whose every word the test chooses. It lives in the test's own loop: it reads a
 * whole request, writes it down, and lets the test's `answer` say what comes back.
 */
#ifndef BELLMAN_TESTS_KUBE_SERVER_H
#define BELLMAN_TESTS_KUBE_SERVER_H

#include "tests/unit/kube_bench.h"

#include <arpa/inet.h>
#include <sys/queue.h>

/* --- the server ----------------------------------------------------------------------------- */

struct conn {
	uv_tcp_t tcp;
	struct server *server;
	char *in;
	size_t len;
	bool closing;
	TAILQ_ENTRY(conn) link;
};

struct server {
	uv_loop_t *loop;
	uv_tcp_t listener;
	unsigned port; /* 0 until the first start; kept over stop and start */
	void (*answer)(struct conn *c, const char *request);
	TAILQ_HEAD(, conn) conns;
	unsigned accepted, open, open_max, asked;
	char log[1 << 16]; /* request lines, one a line */
};

static inline void on_conn_closed(uv_handle_t *handle)
{
	struct conn *c = handle->data;

	free(c->in);
	free(c);
}

static inline void hang_up(struct conn *c)
{
	if (c->closing)
		return;
	c->closing = true;
	c->server->open--;
	TAILQ_REMOVE(&c->server->conns, c, link);
	uv_close((uv_handle_t *)&c->tcp, on_conn_closed);
}

static inline void on_written(uv_write_t *req, int status)
{
	(void)status;
	free(req->data);
	free(req);
}

static inline void say_bytes(struct conn *c, const char *bytes, size_t len)
{
	uv_write_t *req = calloc(1, sizeof(*req));
	uv_buf_t buf = { .base = malloc(len), .len = len };

	memcpy(buf.base, bytes, len);
	req->data = buf.base;
	if (uv_write(req, (uv_stream_t *)&c->tcp, &buf, 1, on_written) < 0) {
		free(buf.base);
		free(req);
	}
}

static inline void say(struct conn *c, const char *text)
{
	say_bytes(c, text, strlen(text));
}

/* A whole answer; the connection stays. */
static inline void reply(struct conn *c, int status, const char *body)
{
	char *text;

	assert_true(asprintf(&text, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n\r\n%s", status,
			     strlen(body), body) > 0);
	say(c, text);
	free(text);
}

/* The server is busy, and says for how long. */
static inline void reply_later(struct conn *c, int status, const char *retry_after)
{
	char text[256];

	snprintf(text, sizeof(text),
		 "HTTP/1.1 %d X\r\nContent-Length: 2\r\nRetry-After: %s\r\n\r\n{}", status,
		 retry_after);
	say(c, text);
}

/* Begin a watch: the stream lasts until the connection ends. */
static inline void stream(struct conn *c, const char *lines)
{
	say(c, "HTTP/1.1 200 OK\r\n\r\n");
	if (*lines != '\0')
		say(c, lines);
}

static inline void on_alloc(uv_handle_t *handle, size_t want, uv_buf_t *buf)
{
	(void)handle;
	*buf = (uv_buf_t){ .base = malloc(want), .len = want };
}

/* Take one whole request from the front; false when there is none yet. */
static inline bool take_request(struct conn *c)
{
	struct server *s = c->server;
	char *end = c->in == NULL ? NULL : strstr(c->in, "\r\n\r\n");

	if (end == NULL)
		return false;
	const char *length = strcasestr(c->in, "\r\nContent-Length:");
	size_t total = (size_t)(end + 4 - c->in);
	if (length != NULL && length < end)
		total += strtoul(length + 17, NULL, 10);
	if (c->len < total)
		return false;

	char *request = strndup(c->in, total);
	c->len -= total;
	memmove(c->in, c->in + total, c->len + 1);
	size_t at = strlen(s->log);
	snprintf(s->log + at, sizeof(s->log) - at, "%.*s\n", (int)strcspn(request, "\r"), request);
	s->asked++;
	s->answer(c, request);
	free(request);
	return true;
}

static inline void on_read(uv_stream_t *stream_, ssize_t got, const uv_buf_t *buf)
{
	struct conn *c = stream_->data;

	if (got > 0) {
		c->in = realloc(c->in, c->len + (size_t)got + 1);
		memcpy(c->in + c->len, buf->base, (size_t)got);
		c->len += (size_t)got;
		c->in[c->len] = '\0';
		while (!c->closing && take_request(c))
			;
	}
	free(buf->base);
	if (got < 0)
		hang_up(c);
}

static inline void on_connection(uv_stream_t *listener, int status)
{
	struct server *s = listener->data;
	struct conn *c = calloc(1, sizeof(*c));

	assert_int_equal(status, 0);
	c->server = s;
	c->tcp.data = c;
	uv_tcp_init(s->loop, &c->tcp);
	assert_int_equal(uv_accept(listener, (uv_stream_t *)&c->tcp), 0);
	TAILQ_INSERT_TAIL(&s->conns, c, link);
	s->accepted++;
	if (++s->open > s->open_max)
		s->open_max = s->open;
	uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
}

static inline void server_start(struct server *s)
{
	struct sockaddr_in at;
	int len = sizeof(at);

	uv_ip4_addr("127.0.0.1", (int)s->port, &at);
	uv_tcp_init(s->loop, &s->listener);
	s->listener.data = s;
	assert_int_equal(uv_tcp_bind(&s->listener, (struct sockaddr *)&at, 0), 0);
	assert_int_equal(uv_listen((uv_stream_t *)&s->listener, 128, on_connection), 0);
	uv_tcp_getsockname(&s->listener, (struct sockaddr *)&at, &len);
	s->port = ntohs(at.sin_port);
}

static inline void server_hang_up_all(struct server *s)
{
	struct conn *c;

	while ((c = TAILQ_FIRST(&s->conns)) != NULL)
		hang_up(c);
}

static inline void server_stop(struct server *s)
{
	if (!uv_is_closing((uv_handle_t *)&s->listener))
		uv_close((uv_handle_t *)&s->listener, NULL);
	server_hang_up_all(s);
}

/* --- the bench ------------------------------------------------------------------------------ */

static struct server server;
static struct bench *bench; /* of the test that runs, for the server's answers */

static inline void open_here(struct bench *b)
{
	char url[64];

	snprintf(url, sizeof(url), "http://127.0.0.1:%u", server.port);
	bench_open(b, url, NULL);
}

static inline int bench_setup(void **state)
{
	*state = bench = bench_new();
	server = (struct server){ .loop = &bench->loop };
	TAILQ_INIT(&server.conns);
	bench->more = server.log;
	server_start(&server);
	open_here(bench);
	return 0;
}

static inline int bench_teardown(void **state)
{
	server_stop(&server);
	bench_free(*state);
	return 0;
}

static inline unsigned asked_for(const char *text)
{
	return count_of(text, server.log);
}

#define OBJECT(name, version)                                                                      \
	"{\"metadata\":{\"namespace\":\"web\",\"name\":\"" name                                    \
	"\",\"resourceVersion\":\"" version "\"}}"
#define LIST(version, items)                                                                       \
	"{\"kind\":\"ServiceList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":"       \
	"\"" version "\"},\"items\":[" items "]}"
#define EVENT(type, object) "{\"type\":\"" type "\",\"object\":" object "}\n"
#define SERVICES            "/api/v1/services"

static inline bool is_watch(const char *request)
{
	return strstr(request, "watch=true") != NULL;
}

#endif
