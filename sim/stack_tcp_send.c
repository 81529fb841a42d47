// SPDX-License-Identifier: Apache-2.0
/* What a TCP connection sends, and sends again. */
#include "sim/stack_tcp.h"

#include "lib/base/duration.h"

#define MSS         1440 /* of IPv6, which has the longer header */
#define SYN_RTO_NS  (1 * NS_PER_S)
#define RTO_NS      (200 * NS_PER_MS)
#define RTO_MAX_NS  (60 * NS_PER_S)
#define SYN_TRIES   6
#define DATA_TRIES  15
#define FIN_WAIT_NS (60 * NS_PER_S) /* for the peer's FIN, when ours is acknowledged */

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

void tcp_put(struct sim_tcp *t, uint32_t seq, uint8_t flags, const uint8_t *bytes, size_t len)
{
	const struct sim_packet p = { .src = t->local,
				      .dst = t->remote,
				      .protocol = SIM_TCP,
				      .src_port = t->local_port,
				      .dst_port = t->remote_port,
				      .seq = seq,
				      .ack = (flags & SIM_ACK) != 0 ? t->awaited : 0,
				      .flags = flags,
				      .window = TCP_WINDOW,
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
	tcp_put(t, t->una, t->state == SYN_SENT ? SIM_SYN : SIM_SYN | SIM_ACK, NULL, 0);
	wake_in(t, t->rto_ns);
}

void tcp_reset(struct sim_tcp *t)
{
	tcp_put(t, t->nxt, SIM_RST | SIM_ACK, NULL, 0);
}

void tcp_append(struct sim_tcp *t, const void *bytes, size_t len)
{
	if (t->unsent_at + t->unsent_len + len > t->unsent_cap) {
		if (t->unsent_at > 0) {
			memmove(t->unsent, t->unsent + t->unsent_at, t->unsent_len);
			t->unsent_at = 0;
		}
		t->unsent_cap = (t->unsent_len + len) * 2;
		t->unsent = must(realloc(t->unsent, t->unsent_cap));
	}
	memcpy(t->unsent + t->unsent_at + t->unsent_len, bytes, len);
	t->unsent_len += len;
}

/* The first @len bytes are not needed any more. */
static void drop_sent(struct sim_tcp *t, size_t len)
{
	t->unsent_at += len;
	t->unsent_len -= len;
	if (t->unsent_len > 0)
		return;
	free(t->unsent);
	t->unsent = NULL;
	t->unsent_at = t->unsent_cap = 0;
}

void tcp_output(struct sim_tcp *t)
{
	if (t->state != OPEN)
		return;
	while (!t->fin_sent) {
		size_t sent = t->nxt - t->una, left = t->unsent_len - sent;
		size_t len = left < MSS ? left : MSS;

		if (left == 0 || sent + len > TCP_WINDOW)
			break;
		tcp_put(t, t->nxt, SIM_ACK | SIM_PSH, t->unsent + t->unsent_at + sent, len);
		t->nxt += (uint32_t)len;
	}
	if (t->fin_wanted && !t->fin_sent && t->nxt - t->una == t->unsent_len) {
		tcp_put(t, t->nxt++, SIM_FIN | SIM_ACK, NULL, 0);
		t->fin_sent = true;
	}
	if (tcp_before(t->max, t->nxt))
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

void tcp_progress(struct sim_tcp *t)
{
	t->tries = 0;
	t->rto_ns = RTO_NS;
	t->confirms = true;
	sim_timer_stop(t->stack->clock, &t->timer);
}

void tcp_acknowledged(struct sim_tcp *t, uint32_t ack)
{
	if (!tcp_before(t->una, ack))
		return;
	size_t acked = ack - t->una, bytes = acked < t->unsent_len ? acked : t->unsent_len;

	drop_sent(t, bytes);
	t->fin_acked |= acked > bytes;
	t->una = ack;
	if (tcp_before(t->nxt, t->una))
		t->nxt = t->una;
	if (t->fin_acked)
		t->fin_sent = true;
	tcp_progress(t);
}
