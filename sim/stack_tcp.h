// SPDX-License-Identifier: Apache-2.0
/* Private to stack_tcp*.c: a connection, and what its machine and its users do to it. */
#ifndef BELLMAN_SIM_STACK_TCP_H
#define BELLMAN_SIM_STACK_TCP_H

#include "sim/stack_state.h"

enum tcp_state { SYN_SENT, SYN_RECEIVED, OPEN };

struct sim_tcp {
	RB_ENTRY(sim_tcp) by_ends;
	struct sim_stack *stack;
	struct ip_addr local, remote;
	uint16_t local_port, remote_port;
	enum tcp_state state;
	uint32_t una, nxt, max; /* of what is sent: first unacknowledged, next, never sent yet */
	uint32_t awaited;       /* of what is received: next in order */
	uint8_t *unsent;        /* what was given to be sent, but for SYN and FIN */
	size_t unsent_at;       /* where `una` is in it; what is before has been acknowledged */
	size_t unsent_len, unsent_cap; /* from there on; of all */
	bool fin_wanted, fin_sent, fin_acked, peer_fin;
	bool ack_due;
	bool confirms; /* something was acknowledged: the next segment tells the neighbour cache */
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

/* Sequence numbers wrap. */
static inline bool tcp_before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

/* stack_tcp.c */

bool tcp_enter(struct sim_tcp *t);                 /* false: another one has the same ends */
void tcp_leave(struct sim_tcp *t);                 /* it is over, and goes when no callback runs */
void tcp_over(struct sim_tcp *t, const char *why); /* the same, and its user is told */

/* stack_tcp_send.c */

#define TCP_WINDOW 65535

struct sim_tcp *tcp_new(struct sim_stack *s, enum tcp_state state); /* among no others yet */
void tcp_start(struct sim_tcp *t);                                  /* send SYN, or SYN and ACK */
void tcp_append(struct sim_tcp *t, const void *bytes, size_t len);
void tcp_output(struct sim_tcp *t); /* send what the window has room for */
void tcp_put(struct sim_tcp *t, uint32_t seq, uint8_t flags, const uint8_t *bytes, size_t len);
void tcp_reset(struct sim_tcp *t);                      /* send RST */
void tcp_acknowledged(struct sim_tcp *t, uint32_t ack); /* the peer has everything before @ack */
void tcp_progress(struct sim_tcp *t); /* the peer is there: time-outs begin anew */

/* stack_tcp_calls.c */

/* @port 0: of the service proxy. NULL: there is none. */
struct sim_listener *tcp_listener(const struct sim_stack *s, uint16_t port);

#endif
