// SPDX-License-Identifier: Apache-2.0
/*
 * A TCP proxy that does to connections what networks do: cut them, let them stand still, delay
 * them, garble them. It runs in the loop of the test, on a free port of 127.0.0.1.
 */
#ifndef BELLMAN_TESTS_FAULT_PROXY_H
#define BELLMAN_TESTS_FAULT_PROXY_H

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <cmocka.h>
#include <uv.h>

#include "lib/base/rng.h"

/* Bytes on their way. */
struct parcel {
	uint64_t due_ms;
	size_t len;
	TAILQ_ENTRY(parcel) link;
	char bytes[];
};

/* One side of a connection: what is read here is sent to the other. */
struct side {
	uv_tcp_t tcp;
	uv_timer_t timer; /* until the first parcel is due */
	struct pipe *pipe;
	struct side *other;
	TAILQ_HEAD(, parcel) parcels;
};

struct pipe {
	struct side client, server;
	struct fault_proxy *proxy;
	uv_connect_t connect;
	unsigned handles; /* not closed yet */
	bool cut, stalled;
	TAILQ_ENTRY(pipe) link;
};

struct fault_proxy {
	uv_loop_t *loop;
	uv_tcp_t listener;
	unsigned port, to_port;
	struct rng rng;
	bool refuse;           /* take connections and drop them at once */
	bool mute;             /* take connections and say nothing */
	unsigned delay_max_ms; /* of each parcel, at random; they stay in order */
	unsigned garble;       /* so many parcels of the server get a bit wrong */
	const char *garble_at; /* the first bit of this text; NULL: anywhere */
	size_t cut_after;      /* once so many more bytes of the server have passed; 0: never */
	unsigned taken;        /* connections, ever */
	TAILQ_HEAD(, pipe) pipes;
};

static inline void proxy_on_closed(uv_handle_t *handle)
{
	struct side *s = handle->data;
	struct pipe *p = s->pipe;

	if (--p->handles == 0)
		free(p);
}

static inline void side_close(struct side *s)
{
	struct parcel *parcel;

	while ((parcel = TAILQ_FIRST(&s->parcels)) != NULL) {
		TAILQ_REMOVE(&s->parcels, parcel, link);
		free(parcel);
	}
	uv_close((uv_handle_t *)&s->tcp, proxy_on_closed);
	uv_close((uv_handle_t *)&s->timer, proxy_on_closed);
}

static inline void pipe_cut(struct pipe *p)
{
	if (p->cut)
		return;
	p->cut = true;
	TAILQ_REMOVE(&p->proxy->pipes, p, link);
	side_close(&p->client);
	side_close(&p->server);
}

static inline void proxy_cut(struct fault_proxy *x)
{
	struct pipe *p;

	while ((p = TAILQ_FIRST(&x->pipes)) != NULL)
		pipe_cut(p);
}

/* The connections that are there stay, and nothing passes any more. */
static inline void proxy_stall(struct fault_proxy *x)
{
	struct pipe *p;

	TAILQ_FOREACH (p, &x->pipes, link) {
		p->stalled = true;
		uv_read_stop((uv_stream_t *)&p->client.tcp);
		uv_read_stop((uv_stream_t *)&p->server.tcp);
		uv_timer_stop(&p->client.timer);
		uv_timer_stop(&p->server.timer);
	}
}

static inline void proxy_on_alloc(uv_handle_t *handle, size_t want, uv_buf_t *buf)
{
	(void)handle;
	*buf = uv_buf_init(malloc(want), (unsigned)want);
}

static inline void proxy_on_written(uv_write_t *req, int status)
{
	(void)status;
	free(req->data);
	free(req);
}

/*
 * Flip a bit of something that gives the stream its shape: what is wrong inside a text, nobody but
 * TLS can see.
 */
static inline void garble(struct fault_proxy *x, char *bytes, size_t len)
{
	size_t from = rng_below(&x->rng, len);
	char *text = x->garble_at == NULL ? NULL
					  : memmem(bytes, len, x->garble_at, strlen(x->garble_at));

	if (text != NULL) {
		*text ^= 1;
		x->garble--;
	}
	for (size_t i = 0; x->garble_at == NULL && i < len; i++) {
		char *at = &bytes[(from + i) % len];

		if (strchr("{}[]\":,\r\n", *at) != NULL && *at != '\0') {
			*at ^= 1;
			x->garble--;
			return;
		}
	}
}

static inline void deliver(struct side *s, struct parcel *parcel)
{
	uv_write_t *req = calloc(1, sizeof(*req));
	uv_buf_t buf = uv_buf_init(parcel->bytes, (unsigned)parcel->len);

	req->data = parcel;
	if (uv_write(req, (uv_stream_t *)&s->other->tcp, &buf, 1, proxy_on_written) < 0) {
		proxy_on_written(req, 0);
		pipe_cut(s->pipe);
	}
}

static inline void proxy_on_due(uv_timer_t *timer)
{
	struct side *s = timer->data;
	struct parcel *parcel;
	uint64_t now = uv_now(timer->loop);

	while (!s->pipe->cut && (parcel = TAILQ_FIRST(&s->parcels)) != NULL) {
		if (parcel->due_ms > now) {
			uv_timer_start(timer, proxy_on_due, parcel->due_ms - now, 0);
			return;
		}
		TAILQ_REMOVE(&s->parcels, parcel, link);
		deliver(s, parcel);
	}
}

static inline void proxy_on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
	struct side *s = stream->data;
	struct pipe *p = s->pipe;
	struct fault_proxy *x = p->proxy;
	size_t len = got < 0 ? 0 : (size_t)got;
	bool from_server = s == &p->server, cut = got < 0;

	if (from_server && x->cut_after != 0 && len > 0) {
		cut |= len >= x->cut_after;
		len = cut ? x->cut_after : len;
		x->cut_after = cut ? 0 : x->cut_after - len;
	}
	if (len > 0) {
		struct parcel *parcel = malloc(sizeof(*parcel) + len);

		parcel->len = len;
		parcel->due_ms = uv_now(x->loop) + rng_below(&x->rng, x->delay_max_ms + 1);
		memcpy(parcel->bytes, buf->base, len);
		if (from_server && x->garble > 0)
			garble(x, parcel->bytes, len);
		TAILQ_INSERT_TAIL(&s->parcels, parcel, link);
		if (!uv_is_active((uv_handle_t *)&s->timer))
			proxy_on_due(&s->timer);
	}
	free(buf->base);
	if (cut && !p->cut)
		pipe_cut(p);
}

static inline void proxy_on_connected(uv_connect_t *req, int status)
{
	struct pipe *p = req->data;

	if (p->cut)
		return;
	if (status < 0) {
		pipe_cut(p);
		return;
	}
	uv_read_start((uv_stream_t *)&p->client.tcp, proxy_on_alloc, proxy_on_read);
	uv_read_start((uv_stream_t *)&p->server.tcp, proxy_on_alloc, proxy_on_read);
}

static inline void side_init(struct pipe *p, struct side *s, struct side *other)
{
	uv_tcp_init(p->proxy->loop, &s->tcp);
	uv_timer_init(p->proxy->loop, &s->timer);
	s->tcp.data = s->timer.data = s;
	s->pipe = p;
	s->other = other;
	TAILQ_INIT(&s->parcels);
	p->handles += 2;
}

static inline void proxy_on_client(uv_stream_t *listener, int status)
{
	struct fault_proxy *x = listener->data;
	struct pipe *p = calloc(1, sizeof(*p));
	struct sockaddr_in to;

	assert_int_equal(status, 0);
	x->taken++;
	p->proxy = x;
	side_init(p, &p->client, &p->server);
	side_init(p, &p->server, &p->client);
	TAILQ_INSERT_TAIL(&x->pipes, p, link);
	assert_int_equal(uv_accept(listener, (uv_stream_t *)&p->client.tcp), 0);
	if (x->mute)
		return;
	p->connect.data = p;
	uv_ip4_addr("127.0.0.1", (int)x->to_port, &to);
	if (x->refuse || uv_tcp_connect(&p->connect, &p->server.tcp, (struct sockaddr *)&to,
					proxy_on_connected) < 0)
		pipe_cut(p);
}

static inline void proxy_open(struct fault_proxy *x, uv_loop_t *loop, unsigned to_port)
{
	struct sockaddr_in at;
	int len = sizeof(at);

	*x = (struct fault_proxy){ .loop = loop, .to_port = to_port, .rng = rng_seeded(1) };
	TAILQ_INIT(&x->pipes);
	uv_ip4_addr("127.0.0.1", 0, &at);
	uv_tcp_init(loop, &x->listener);
	x->listener.data = x;
	assert_int_equal(uv_tcp_bind(&x->listener, (struct sockaddr *)&at, 0), 0);
	assert_int_equal(uv_listen((uv_stream_t *)&x->listener, 64, proxy_on_client), 0);
	uv_tcp_getsockname(&x->listener, (struct sockaddr *)&at, &len);
	x->port = ntohs(at.sin_port);
}

/* The memory of @x must last until the loop has run its close callbacks. */
static inline void proxy_close(struct fault_proxy *x)
{
	uv_close((uv_handle_t *)&x->listener, NULL);
	proxy_cut(x);
}

#endif
