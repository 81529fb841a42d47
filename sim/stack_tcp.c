// SPDX-License-Identifier: Apache-2.0
/*
 * TCP, as little of it as carries a stream through loss, duplication and reordering (RFC 9293).
 *
 * Go-back-N: what comes out of order is dropped and acknowledged with what is still awaited, and
 * after the retransmission time-out everything from the first unacknowledged byte is sent again.
 * Who sees the peer's FIN closes too, once all it has is sent: there are no half-open connections,
 * and no TIME-WAIT, since ports are not used again soon.
 */
#include "sim/stack_tcp.h"

#include "lib/base/duration.h"

#define WINDOW      65535
#define MSS         1440 /* of IPv6, which has the longer header */
#define SYN_RTO_NS  (1 * NS_PER_S)
#define RTO_NS      (200 * NS_PER_MS)
#define RTO_MAX_NS  (60 * NS_PER_S)
#define SYN_TRIES   6
#define DATA_TRIES  15
#define FIN_WAIT_NS (60 * NS_PER_S) /* for the peer's FIN, when ours is acknowledged */

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

void tcp_leave(struct sim_tcp *t)
{
	if (!t->gone) {
		t->gone = true;
		RB_REMOVE(tcp_tree, &t->stack->tcps, t);
		sim_timer_stop(t->stack->clock, &t->timer);
	}
	reap(t);
}

void tcp_over(struct sim_tcp *t, const char *why)
{
	t->busy++;
	tcp_leave(t);
	if (t->ops->closed != NULL)
		t->ops->closed(t->arg, t, why);
	t->busy--;
	reap(t);
}

void tcp_forget(struct sim_stack *s, const char *why)
{
	for (struct sim_tcp *t; (t = RB_MIN(tcp_tree, &s->tcps)) != NULL;)
		if (why != NULL)
			tcp_over(t, why);
		else
			tcp_leave(t);
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
	if (t->confirms) /* sock_confirm_neigh() */
		neigh_confirm(t->stack, &t->remote);
	t->confirms = false;
	stack_output(t->stack, &p);
}

static void on_timer(void *arg);

static void wake_in(struct sim_tcp *t, uint64_t ns)
{
	sim_timer_set(t->stack->clock, &t->timer, sim_clock_now(t->stack->clock) + ns, on_timer, t);
}

void tcp_start(struct sim_tcp *t)
{
	put(t, t->una, t->state == SYN_SENT ? SIM_SYN : SIM_SYN | SIM_ACK, NULL, 0);
	wake_in(t, t->rto_ns);
}

void tcp_reset(struct sim_tcp *t)
{
	put(t, t->nxt, SIM_RST | SIM_ACK, NULL, 0);
}

void tcp_output(struct sim_tcp *t)
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
	if (t->fin_acked)
		wake_in(t, FIN_WAIT_NS);
	else if (t->una == t->nxt)
		sim_timer_stop(t->stack->clock, &t->timer);
	else if (!sim_timer_is_set(&t->timer))
		wake_in(t, t->rto_ns);
}

static void on_timer(void *arg)
{
	struct sim_tcp *t = arg;

	if (t->fin_acked || ++t->tries > (t->state == OPEN ? DATA_TRIES : SYN_TRIES)) {
		tcp_over(t, "timed out");
		return;
	}
	t->rto_ns = t->rto_ns < RTO_MAX_NS / 2 ? t->rto_ns * 2 : RTO_MAX_NS;
	if (t->state != OPEN) {
		tcp_start(t);
		return;
	}
	t->nxt = t->una;
	t->fin_sent = false;
	tcp_output(t);
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

bool tcp_enter(struct sim_tcp *t)
{
	return RB_INSERT(tcp_tree, &t->stack->tcps, t) == NULL;
}

struct sim_tcp *tcp_new(struct sim_stack *s, enum tcp_state state)
{
	struct sim_tcp *t = must(calloc(1, sizeof(*t)));

	t->stack = s;
	t->state = state;
	t->una = (uint32_t)rng_next(&s->rng);
	t->nxt = t->max = t->una + 1; /* SYN */
	t->rto_ns = SYN_RTO_NS;
	return t;
}

static void accept_new(struct sim_stack *s, const struct sim_packet *p, bool wild)
{
	struct sim_listener *l = tcp_listener(s, wild ? 0 : p->dst_port);

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
	tcp_enter(t);
	tcp_start(t);
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
	t->confirms = true;
	sim_timer_stop(t->stack->clock, &t->timer);
}

/* The handshake is done. */
static void opened(struct sim_tcp *t)
{
	t->state = OPEN;
	t->una = t->nxt;
	t->tries = 0;
	t->rto_ns = RTO_NS;
	t->confirms = true;
	sim_timer_stop(t->stack->clock, &t->timer);
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
		if ((p->flags & SIM_ACK) != 0 && p->ack != t->nxt) {
			refuse(t->stack, p); /* it is of a connection that we have forgotten */
			return;
		}
		if ((p->flags & (SIM_SYN | SIM_ACK)) != (SIM_SYN | SIM_ACK))
			return;
		t->awaited = p->seq + 1;
		t->ack_due = true;
		opened(t);
	} else if (t->state == SYN_RECEIVED) {
		if ((p->flags & SIM_SYN) != 0)
			tcp_start(t);
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

/* LAST-ACK: the peer has closed and forgotten, and what he would acknowledge is our FIN. */
static bool all_said(const struct sim_tcp *t)
{
	return t->peer_fin && t->fin_sent;
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
			tcp_over(t, t->state == SYN_SENT ? "refused"
				    : all_said(t)        ? "closed"
							 : "reset");
		return;
	}
	t->busy++;
	in_order(t, p);
	t->busy--;
	if (t->gone) {
		reap(t);
		return;
	}
	tcp_output(t);
	if (t->ack_due)
		put(t, t->nxt, SIM_ACK, NULL, 0);
	if (t->peer_fin && t->fin_acked)
		tcp_over(t, "closed");
}
