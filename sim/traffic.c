// SPDX-License-Identifier: Apache-2.0
#include "sim/traffic.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "lib/base/duration.h"
#include "lib/base/must.h"
#include "lib/base/rng.h"
#include "sim/packet.h"

#define ANSWER_MAX  255
#define PATIENCE_NS (60 * NS_PER_S)

/* --- endpoints -------------------------------------------------------------------------------- */

struct sim_server {
	struct sim_stack *stack;
	char *answer;
	struct sim_udp *udp;
	struct sim_listener *listener;
	LIST_HEAD(, served) served;
};

/* Who has connected. He may be gone without a word that reached us: nobody is waited for forever.
 */
struct served {
	LIST_ENTRY(served) link;
	struct sim_server *server;
	struct sim_tcp *tcp;
	struct sim_timer patience;
};

static void served_free(struct served *x)
{
	LIST_REMOVE(x, link);
	sim_timer_stop(sim_stack_clock(x->server->stack), &x->patience);
	free(x);
}

static void served_abort(void *arg)
{
	struct served *x = arg;

	sim_tcp_abort(x->tcp);
	served_free(x);
}

static void on_datagram(void *arg, const struct ip_addr *from, uint16_t from_port,
			const struct ip_addr *to, uint16_t to_port, const uint8_t *bytes,
			size_t len)
{
	struct sim_server *s = arg;

	(void)bytes;
	(void)len;
	sim_udp_send(s->udp, to, to_port, from, from_port, s->answer, strlen(s->answer));
}

static void on_question(void *arg, struct sim_tcp *t, const uint8_t *bytes, size_t len)
{
	const struct served *x = arg;

	(void)bytes;
	(void)len;
	sim_tcp_send(t, x->server->answer, strlen(x->server->answer));
	sim_tcp_close(t);
}

static void on_served_closed(void *arg, struct sim_tcp *t, const char *why)
{
	(void)t;
	(void)why;
	served_free(arg);
}

static bool on_accept(void *arg, struct sim_tcp *t, const struct sim_tcp_ops **ret_ops,
		      void **ret_arg)
{
	static const struct sim_tcp_ops ops = { .received = on_question,
						.closed = on_served_closed };
	struct sim_server *s = arg;
	struct sim_clock *clock = sim_stack_clock(s->stack);
	struct served *x = must(calloc(1, sizeof(*x)));

	x->server = s;
	x->tcp = t;
	LIST_INSERT_HEAD(&s->served, x, link);
	sim_timer_set(clock, &x->patience, sim_clock_now(clock) + PATIENCE_NS, served_abort, x);
	*ret_ops = &ops;
	*ret_arg = x;
	return true;
}

struct sim_server *sim_server_open(struct sim_stack *stack, const char *answer)
{
	struct sim_server *s = must(calloc(1, sizeof(*s)));

	s->stack = stack;
	s->answer = must_copy(answer);
	s->udp = sim_udp_open_service(stack, on_datagram, s);
	s->listener = sim_tcp_listen_service(stack, on_accept, s);
	LIST_INIT(&s->served);
	return s;
}

struct sim_server *sim_server_close(struct sim_server *s)
{
	if (s == NULL)
		return NULL;
	for (struct served *x; (x = LIST_FIRST(&s->served)) != NULL;)
		served_abort(x);
	sim_udp_close(s->udp);
	sim_listener_close(s->listener);
	free(s->answer);
	free(s);
	return NULL;
}

/* --- clients ---------------------------------------------------------------------------------- */

struct attempt {
	LIST_ENTRY(attempt) link;
	struct sim_client *client;
	uint64_t began_ns;
	struct ip_addr to;
	uint16_t port;
	struct sim_timer timeout;
	struct sim_udp *udp;
	struct sim_tcp *tcp;
	bool ended; /* it waits for its connection to be closed by both */
};

struct sim_client {
	struct sim_stack *stack;
	struct sim_client_cfg cfg;
	struct sim_timer next;
	LIST_HEAD(, attempt) attempts;
	struct sim_client_counts counts;
	uint64_t success_ns; /* when the last one was answered; UINT64_MAX: none yet */
	bool failed_since;   /* one was not since then */
	bool had_target;
};

static uint64_t now_ns(const struct sim_client *c)
{
	return sim_clock_now(sim_stack_clock(c->stack));
}

static void attempt_free(struct attempt *a)
{
	LIST_REMOVE(a, link);
	sim_timer_stop(sim_stack_clock(a->client->stack), &a->timeout);
	sim_udp_close(a->udp);
	if (a->tcp != NULL)
		sim_tcp_abort(a->tcp);
	free(a);
}

/* Is the time since the last success the longest one? */
static void measure_gap(const struct sim_client *c, struct sim_client_counts *counts)
{
	if (!c->failed_since || c->success_ns == UINT64_MAX ||
	    now_ns(c) - c->success_ns <= counts->gap_ns)
		return;
	counts->gap_ns = now_ns(c) - c->success_ns;
	counts->gap_began_ns = c->success_ns;
}

static void succeeded(struct sim_client *c)
{
	measure_gap(c, &c->counts);
	c->success_ns = now_ns(c);
	c->failed_since = false;
}

/* @node: who answered; NULL: nobody. @to: NULL: there was nobody to ask. */
static void count(struct sim_client *c, uint64_t began_ns, const struct ip_addr *to,
		  const char *node)
{
	const struct ip_addr nobody = { 0 };

	c->counts.attempts++;
	if (node == NULL) {
		c->counts.failed++;
		c->failed_since = true;
	} else if (strcmp(node, SIM_FOREIGN) == 0) {
		c->counts.foreign++;
		c->failed_since = true;
	} else {
		succeeded(c);
	}
	if (c->cfg.ended != NULL)
		c->cfg.ended(c->cfg.arg, began_ns, to != NULL ? to : &nobody, node);
}

/* The attempt may live on until its connection is closed. */
static void end(struct attempt *a, const char *node)
{
	if (a->ended)
		return;
	a->ended = true;
	count(a->client, a->began_ns, &a->to, node);
}

static void on_timeout(void *arg)
{
	struct attempt *a = arg;

	end(a, NULL);
	attempt_free(a);
}

static void answered(struct attempt *a, const uint8_t *bytes, size_t len)
{
	char node[ANSWER_MAX + 1];

	if (len > ANSWER_MAX)
		len = ANSWER_MAX;
	memcpy(node, bytes, len);
	node[len] = '\0';
	end(a, node);
}

static void on_udp_answer(void *arg, const struct ip_addr *from, uint16_t from_port,
			  const struct ip_addr *to, uint16_t to_port, const uint8_t *bytes,
			  size_t len)
{
	struct attempt *a = arg;

	(void)to;
	(void)to_port;
	if (!ip_equal(from, &a->to) || from_port != a->port)
		return;
	answered(a, bytes, len);
	attempt_free(a);
}

static void on_connected(void *arg, struct sim_tcp *t)
{
	(void)arg;
	sim_tcp_send(t, "?", 1);
}

static void on_tcp_answer(void *arg, struct sim_tcp *t, const uint8_t *bytes, size_t len)
{
	answered(arg, bytes, len);
	sim_tcp_close(t);
}

/* A host that has the address and not the Service refuses. */
static void on_closed(void *arg, struct sim_tcp *t, const char *why)
{
	struct attempt *a = arg;

	(void)t;
	a->tcp = NULL;
	end(a, strcmp(why, "refused") == 0 ? SIM_FOREIGN : NULL);
	attempt_free(a);
}

static void attempt_begin(struct sim_client *c, const struct ip_addr *to, uint16_t port)
{
	static const struct sim_tcp_ops ops = { on_connected, on_tcp_answer, on_closed };
	struct attempt *a = must(calloc(1, sizeof(*a)));

	a->client = c;
	a->began_ns = now_ns(c);
	a->to = *to;
	a->port = port;
	LIST_INSERT_HEAD(&c->attempts, a, link);
	sim_timer_set(sim_stack_clock(c->stack), &a->timeout, a->began_ns + c->cfg.timeout_ns,
		      on_timeout, a);
	if (c->cfg.protocol == SIM_UDP) {
		a->udp = sim_udp_open(c->stack, 0, on_udp_answer, a);
		if (a->udp != NULL)
			sim_udp_send(a->udp, NULL, 0, to, port, "?", 1);
	} else {
		a->tcp = sim_tcp_connect(c->stack, to, port, &ops, a);
	}
}

static void on_next(void *arg)
{
	struct sim_client *c = arg;
	struct ip_addr to;
	uint16_t port;

	sim_timer_set(sim_stack_clock(c->stack), &c->next, now_ns(c) + c->cfg.every_ns, on_next, c);
	if (c->cfg.target(c->cfg.arg, &to, &port)) {
		c->had_target = true;
		attempt_begin(c, &to, port);
	} else if (c->had_target) {
		count(c, now_ns(c), NULL, NULL);
	}
}

struct sim_client *sim_client_new(struct sim_stack *s, const struct sim_client_cfg *cfg)
{
	struct sim_client *c = must(calloc(1, sizeof(*c)));
	struct rng rng = rng_seeded(cfg->seed);

	c->stack = s;
	c->cfg = *cfg;
	c->success_ns = UINT64_MAX;
	LIST_INIT(&c->attempts);
	/* Clients do not begin all at one moment. */
	sim_timer_set(sim_stack_clock(s), &c->next, now_ns(c) + rng_below(&rng, cfg->every_ns),
		      on_next, c);
	return c;
}

struct sim_client *sim_client_free(struct sim_client *c)
{
	if (c == NULL)
		return NULL;
	sim_timer_stop(sim_stack_clock(c->stack), &c->next);
	for (struct attempt *a; (a = LIST_FIRST(&c->attempts)) != NULL;)
		attempt_free(a);
	free(c);
	return NULL;
}

struct sim_client_counts sim_client_counts(const struct sim_client *c)
{
	struct sim_client_counts counts = c->counts;

	measure_gap(c, &counts); /* one that has not ended */
	return counts;
}
