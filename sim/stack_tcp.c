// SPDX-License-Identifier: Apache-2.0
/*
 * TCP, as little of it as carries a stream through loss, duplication and reordering (RFC 9293).
 *
 * Go-back-N: what comes out of order is dropped and acknowledged with what is still awaited, and
 * after the retransmission time-out everything from the first unacknowledged byte is sent again.
 * Who sees the peer's FIN closes too, once all it has is sent: there are no half-open connections,
 * and no TIME-WAIT, since ports are not used again soon.
 */
#include "sim/stack_state.h"

#include "lib/base/duration.h"

#define WINDOW     65535
#define MSS        1440 /* of IPv6, which has the longer header */
#define SYN_RTO_NS (1 * NS_PER_S)
#define RTO_NS     (200 * NS_PER_MS)
#define RTO_MAX_NS (60 * NS_PER_S)
#define SYN_TRIES  6
#define DATA_TRIES 15

enum state { SYN_SENT, SYN_RECEIVED, OPEN };

struct sim_tcp {
	RB_ENTRY(sim_tcp) by_ends;
	struct sim_stack *stack;
	struct ip_addr local, remote;
	uint16_t local_port, remote_port;
	enum state state;
	uint32_t una, nxt, max; /* of what is sent: first unacknowledged, next, never sent yet */
	uint32_t awaited;       /* of what is received: next in order */
	uint8_t *unsent;        /* from `una` on, but for SYN and FIN */
	size_t unsent_len, unsent_cap;
	bool fin_wanted, fin_sent, fin_acked, peer_fin, ack_due;
	unsigned tries;
	uint64_t rto_ns;
	struct sim_timer timer;
	const struct sim_tcp_ops *ops;
	void *arg;
	unsigned busy; /* callbacks that run; while they do the memory stays */
	bool gone;
};

struct sim_listener {
	LIST_ENTRY(sim_listener) link;
	uint16_t port; /* 0: of the service proxy */
	sim_tcp_accept *accept;
	void *arg;
};

static int tcp_cmp(const struct sim_tcp *a, const struct sim_tcp *b)
{
	int c = (int)a->local_port - (int)b->local_port;

	if (c == 0)
		c = (int)a->remote_port - (int)b->remote_port;
	if (c == 0)
		c = ip_cmp(&a->remote, &b->remote);
	return c != 0 ? c : ip_cmp(&a->local, &b->local);
}

TREE_GENERATE(tcp_tree, sim_tcp, by_ends, tcp_cmp)

/* Sequence numbers wrap. */
static bool before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

/* --- ends ------------------------------------------------------------------------------------- */

static void reap(struct sim_tcp *t)
{
	if (!t->gone || t->busy > 0)
		return;
	free(t->unsent);
	free(t);
}

static void leave(struct sim_tcp *t)
{
	if (t->gone)
		return;
	t->gone = true;
	RB_REMOVE(tcp_tree, &t->stack->tcps, t);
	sim_timer_stop(t->stack->clock, &t->timer);
}

static void over(struct sim_tcp *t, const char *why)
{
	leave(t);
	t->busy++;
	if (t->ops->closed != NULL)
		t->ops->closed(t->arg, t, why);
	t->busy--;
	reap(t);
}

void tcp_forget(struct sim_stack *s)
{
	for (struct sim_tcp *t; (t = RB_MIN(tcp_tree, &s->tcps)) != NULL;)
		over(t, "reset");
}

/* --- what goes out ------------------------------------------------------------------------------
 */

static void put(struct sim_tcp *t, uint32_t seq, uint8_t flags, const uint8_t *bytes, size_t len)
{
	const struct sim_packet p = { .src = t->local,
				      .dst = t->remote,
				      .protocol = SIM_TCP,
				      .src_port = t->local_port,
				      .dst_port = t->remote_port,
				      .seq = seq,
				      .ack = (flags & SIM_ACK) != 0 ? t->awaited : 0,
				      .flags = flags,
				      .window = WINDOW,
				      .payload = bytes,
				      .payload_len = len };

	if ((flags & SIM_ACK) != 0)
		t->ack_due = false;
	stack_output(t->stack, &p);
}

static void on_timer(void *arg);

static void arm(struct sim_tcp *t)
{
	sim_timer_set(t->stack->clock, &t->timer, sim_clock_now(t->stack->clock) + t->rto_ns,
		      on_timer, t);
}

static void send_syn(struct sim_tcp *t)
{
	put(t, t->una, t->state == SYN_SENT ? SIM_SYN : SIM_SYN | SIM_ACK, NULL, 0);
	arm(t);
}

/* Send what the window has room for. */
static void output(struct sim_tcp *t)
{
	if (t->state != OPEN)
		return;
	while (!t->fin_sent) {
		size_t sent = t->nxt - t->una, left = t->unsent_len - sent;
		size_t len = left < MSS ? left : MSS;

		if (left == 0 || sent + len > WINDOW)
			break;
		put(t, t->nxt, SIM_ACK | SIM_PSH, t->unsent + sent, len);
		t->nxt += (uint32_t)len;
	}
	if (t->fin_wanted && !t->fin_sent && t->nxt - t->una == t->unsent_len) {
		put(t, t->nxt++, SIM_FIN | SIM_ACK, NULL, 0);
		t->fin_sent = true;
	}
	if (before(t->max, t->nxt))
		t->max = t->nxt;
	if (t->una == t->nxt)
		sim_timer_stop(t->stack->clock, &t->timer);
	else if (!sim_timer_is_set(&t->timer))
		arm(t);
}

static void on_timer(void *arg)
{
	struct sim_tcp *t = arg;

	if (++t->tries > (t->state == OPEN ? DATA_TRIES : SYN_TRIES)) {
		over(t, "timed out");
		return;
	}
	t->rto_ns = t->rto_ns < RTO_MAX_NS / 2 ? t->rto_ns * 2 : RTO_MAX_NS;
	if (t->state != OPEN) {
		send_syn(t);
		return;
	}
	t->nxt = t->una;
	t->fin_sent = false;
	output(t);
}

static void refuse(struct sim_stack *s, const struct sim_packet *p)
{
	struct sim_packet rst = { .src = p->dst,
				  .dst = p->src,
				  .protocol = SIM_TCP,
				  .src_port = p->dst_port,
				  .dst_port = p->src_port,
				  .flags = SIM_RST };

	if ((p->flags & SIM_RST) != 0)
		return;
	if ((p->flags & SIM_ACK) != 0) {
		rst.seq = p->ack;
	} else {
		rst.flags |= SIM_ACK;
		rst.ack = p->seq + (uint32_t)p->payload_len + ((p->flags & SIM_SYN) != 0);
	}
	stack_output(s, &rst);
}

/* --- what comes in ------------------------------------------------------------------------------
 */

static struct sim_tcp *tcp_new(struct sim_stack *s, enum state state)
{
	struct sim_tcp *t = must(calloc(1, sizeof(*t)));

	t->stack = s;
	t->state = state;
	t->una = (uint32_t)rng_next(&s->rng);
	t->nxt = t->max = t->una + 1; /* SYN */
	t->rto_ns = SYN_RTO_NS;
	return t;
}

static struct sim_listener *listener_find(const struct sim_stack *s, uint16_t port)
{
	struct sim_listener *l;

	LIST_FOREACH (l, &s->listeners, link)
		if (l->port == port)
			return l;
	return NULL;
}

static void accept_new(struct sim_stack *s, const struct sim_packet *p, bool wild)
{
	struct sim_listener *l = listener_find(s, wild ? 0 : p->dst_port);

	if (l == NULL || (p->flags & (SIM_SYN | SIM_ACK)) != SIM_SYN) {
		refuse(s, p);
		return;
	}
	struct sim_tcp *t = tcp_new(s, SYN_RECEIVED);
	t->local = p->dst;
	t->remote = p->src;
	t->local_port = p->dst_port;
	t->remote_port = p->src_port;
	t->awaited = p->seq + 1;
	if (!l->accept(l->arg, t, &t->ops, &t->arg)) {
		free(t);
		refuse(s, p);
		return;
	}
	RB_INSERT(tcp_tree, &s->tcps, t);
	send_syn(t);
}

/* The peer has everything before @ack. */
static void acknowledged(struct sim_tcp *t, uint32_t ack)
{
	if (!before(t->una, ack) || before(t->max, ack))
		return;
	size_t acked = ack - t->una, bytes = acked < t->unsent_len ? acked : t->unsent_len;

	t->unsent_len -= bytes;
	memmove(t->unsent, t->unsent + bytes, t->unsent_len);
	t->fin_acked |= acked > bytes;
	t->una = ack;
	if (before(t->nxt, t->una))
		t->nxt = t->una;
	if (t->fin_acked)
		t->fin_sent = true;
	t->tries = 0;
	t->rto_ns = RTO_NS;
	sim_timer_stop(t->stack->clock, &t->timer);
	neigh_confirm(t->stack, &t->remote);
}

/* The handshake is done. */
static void opened(struct sim_tcp *t)
{
	t->state = OPEN;
	t->una = t->nxt;
	t->tries = 0;
	t->rto_ns = RTO_NS;
	sim_timer_stop(t->stack->clock, &t->timer);
	neigh_confirm(t->stack, &t->remote);
	if (t->ops->connected != NULL)
		t->ops->connected(t->arg, t);
}

static void take_data(struct sim_tcp *t, const struct sim_packet *p)
{
	const uint8_t *bytes = p->payload;
	size_t len = p->payload_len;
	uint32_t seq = p->seq;
	bool fin = (p->flags & SIM_FIN) != 0;

	if (len == 0 && !fin)
		return;
	t->ack_due = true;
	if (before(seq, t->awaited) && t->awaited - seq <= len) { /* some of it came before */
		bytes += t->awaited - seq;
		len -= t->awaited - seq;
		seq = t->awaited;
	}
	if (seq != t->awaited || t->peer_fin)
		return;
	t->awaited += (uint32_t)len;
	if (fin) {
		t->awaited++;
		t->peer_fin = t->fin_wanted = true;
	}
	if (len > 0 && t->ops->received != NULL)
		t->ops->received(t->arg, t, bytes, len);
}

static void in_order(struct sim_tcp *t, const struct sim_packet *p)
{
	if (t->state == SYN_SENT) {
		if ((p->flags & (SIM_SYN | SIM_ACK)) != (SIM_SYN | SIM_ACK) || p->ack != t->nxt)
			return;
		t->awaited = p->seq + 1;
		t->ack_due = true;
		opened(t);
	} else if (t->state == SYN_RECEIVED) {
		if ((p->flags & SIM_SYN) != 0)
			send_syn(t);
		else if ((p->flags & SIM_ACK) != 0 && p->ack == t->nxt)
			opened(t);
	} else if ((p->flags & SIM_SYN) != 0) {
		t->ack_due = true; /* our last word of the handshake was lost */
	}
	if (t->gone || t->state != OPEN || (p->flags & SIM_SYN) != 0)
		return;
	if ((p->flags & SIM_ACK) != 0)
		acknowledged(t, p->ack);
	take_data(t, p);
}

/* RFC 9293 section 3.10.7: one that nobody who is not on the way could have made up. */
static bool is_reset(const struct sim_tcp *t, const struct sim_packet *p)
{
	return t->state == SYN_SENT ? (p->flags & SIM_ACK) != 0 && p->ack == t->nxt
				    : p->seq == t->awaited;
}

void tcp_input(struct sim_stack *s, const struct sim_packet *p, bool wild)
{
	struct sim_tcp key = { .local = p->dst,
			       .remote = p->src,
			       .local_port = p->dst_port,
			       .remote_port = p->src_port };
	struct sim_tcp *t = RB_FIND(tcp_tree, &s->tcps, &key);

	if (t == NULL) {
		accept_new(s, p, wild);
		return;
	}
	if ((p->flags & SIM_RST) != 0) {
		if (is_reset(t, p))
			over(t, t->state == SYN_SENT ? "refused" : "reset");
		return;
	}
	t->busy++;
	in_order(t, p);
	t->busy--;
	if (t->gone) {
		reap(t);
		return;
	}
	output(t);
	if (t->ack_due)
		put(t, t->nxt, SIM_ACK, NULL, 0);
	if (t->peer_fin && t->fin_acked)
		over(t, "closed");
}

/* --- what users call ----------------------------------------------------------------------------
 */

struct sim_tcp *sim_tcp_connect(struct sim_stack *s, const struct ip_addr *to, uint16_t port,
				const struct sim_tcp_ops *ops, void *arg)
{
	const struct sim_iface *i = stack_route(s, to);
	struct ip_addr from = { .family = IP_NONE };

	if (i != NULL)
		from = stack_source(i, to);
	if (from.family == IP_NONE)
		return NULL;
	struct sim_tcp *t = tcp_new(s, SYN_SENT);
	t->local = from;
	t->remote = *to;
	t->remote_port = port;
	t->ops = ops;
	t->arg = arg;
	do
		t->local_port = stack_free_port(s);
	while (RB_INSERT(tcp_tree, &s->tcps, t) != NULL);
	send_syn(t);
	return t;
}

static struct sim_listener *listener_new(struct sim_stack *s, uint16_t port, sim_tcp_accept *accept,
					 void *arg)
{
	struct sim_listener *l = must(calloc(1, sizeof(*l)));

	*l = (struct sim_listener){ .port = port, .accept = accept, .arg = arg };
	LIST_INSERT_HEAD(&s->listeners, l, link);
	return l;
}

struct sim_listener *sim_tcp_listen(struct sim_stack *s, uint16_t port, sim_tcp_accept *accept,
				    void *arg)
{
	return listener_find(s, port) == NULL ? listener_new(s, port, accept, arg) : NULL;
}

struct sim_listener *sim_tcp_listen_service(struct sim_stack *s, sim_tcp_accept *accept, void *arg)
{
	return listener_new(s, 0, accept, arg);
}

struct sim_listener *sim_listener_close(struct sim_listener *l)
{
	if (l == NULL)
		return NULL;
	LIST_REMOVE(l, link);
	free(l);
	return NULL;
}

void sim_tcp_send(struct sim_tcp *t, const void *bytes, size_t len)
{
	if (t->gone || t->fin_wanted || len == 0)
		return;
	if (t->unsent_len + len > SIM_TCP_UNSENT_MAX) {
		put(t, t->nxt, SIM_RST | SIM_ACK, NULL, 0);
		over(t, "full");
		return;
	}
	if (t->unsent_len + len > t->unsent_cap) {
		t->unsent_cap = (t->unsent_len + len) * 2;
		t->unsent = must(realloc(t->unsent, t->unsent_cap));
	}
	memcpy(t->unsent + t->unsent_len, bytes, len);
	t->unsent_len += len;
	if (t->busy == 0) /* else when the callback is over, with what else there is to say */
		output(t);
}

void sim_tcp_close(struct sim_tcp *t)
{
	t->fin_wanted = true;
	if (t->busy == 0 && !t->gone)
		output(t);
}

void sim_tcp_abort(struct sim_tcp *t)
{
	if (!t->gone && t->state != SYN_SENT)
		put(t, t->nxt, SIM_RST | SIM_ACK, NULL, 0);
	leave(t);
	reap(t);
}

struct ip_addr sim_tcp_peer(const struct sim_tcp *t)
{
	return t->remote;
}
