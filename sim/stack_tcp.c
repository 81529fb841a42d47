// SPDX-License-Identifier: Apache-2.0
/*
 * TCP, as little of it as carries a stream through loss, duplication and reordering (RFC 9293).
 *
 * Go-back-N: what comes out of order is dropped and acknowledged with what is still awaited, and
 * after the retransmission time-out everything from the first unacknowledged byte is sent again.
 * Who sees the peer's FIN closes too, once all it has is sent: a connection is half-open only
 * towards who closed first. There is no TIME-WAIT, since ports are not used again soon.
 */
#include "sim/stack_tcp.h"

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

/* Until the listener has said which. */
static const struct sim_tcp_ops no_ops;

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
	t->ops = &no_ops;
	tcp_enter(t);
	t->busy++;
	bool accepted = l->accept(l->arg, t, &t->ops, &t->arg);
	t->busy--;
	if (!accepted)
		refuse(s, p);
	if (!accepted || t->gone)
		tcp_leave(t);
	else
		tcp_start(t);
}

/* The handshake is done. */
static void opened(struct sim_tcp *t)
{
	t->state = OPEN;
	t->una = t->nxt;
	tcp_progress(t);
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
	if (tcp_before(seq, t->awaited) && t->awaited - seq <= len) { /* some of it came before */
		bytes += t->awaited - seq;
		len -= t->awaited - seq;
		seq = t->awaited;
	}
	if (seq != t->awaited || t->peer_fin)
		return;
	t->awaited += (uint32_t)len + fin;
	t->peer_fin = fin;
	if (len > 0 && t->ops->received != NULL)
		t->ops->received(t->arg, t, bytes, len);
	t->fin_wanted |= fin; /* after what it answers to the last bytes */
}

/* RFC 9293 section 3.10.7, what is left of it when RST is dealt with. */
static void in_order(struct sim_tcp *t, const struct sim_packet *p)
{
	bool acks = (p->flags & SIM_ACK) != 0;

	if (t->state != OPEN && acks && p->ack != t->nxt) {
		refuse(t->stack, p); /* it is of a connection that we have forgotten */
		return;
	}
	if (t->state == SYN_SENT) {
		if ((p->flags & (SIM_SYN | SIM_ACK)) != (SIM_SYN | SIM_ACK))
			return;
		t->awaited = p->seq + 1;
		t->ack_due = true;
		opened(t);
	} else if (t->state == SYN_RECEIVED) {
		if ((p->flags & SIM_SYN) != 0)
			tcp_start(t);
		else if (acks)
			opened(t);
	} else if ((p->flags & SIM_SYN) != 0) {
		t->ack_due = true; /* our last word of the handshake was lost */
	}
	if (t->gone || t->state != OPEN || (p->flags & SIM_SYN) != 0)
		return;
	if (acks && tcp_before(t->max, p->ack)) { /* of what was never sent */
		t->ack_due = true;
		return;
	}
	if (acks)
		tcp_acknowledged(t, p->ack);
	take_data(t, p);
}

/* RFC 9293 section 3.10.7: one that nobody who is not on the way could have made up. */
static bool is_reset(const struct sim_tcp *t, const struct sim_packet *p)
{
	return t->state == SYN_SENT ? (p->flags & SIM_ACK) != 0 && p->ack == t->nxt
				    : p->seq == t->awaited;
}

/*
 * Of a peer whose last bytes were lost, RST comes too early in the sequence: say what is awaited,
 * and he resets that.
 */
static bool is_worth_a_challenge(const struct sim_tcp *t, const struct sim_packet *p)
{
	return t->state == OPEN && tcp_before(t->awaited, p->seq) &&
	       p->seq - t->awaited < TCP_WINDOW;
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
		else if (is_worth_a_challenge(t, p))
			tcp_put(t, t->nxt, SIM_ACK, NULL, 0);
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
		tcp_put(t, t->nxt, SIM_ACK, NULL, 0);
	if (t->peer_fin && t->fin_acked)
		tcp_over(t, "closed");
}
