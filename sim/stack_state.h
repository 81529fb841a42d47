// SPDX-License-Identifier: Apache-2.0
/*
 * Private to stack*.c: what a host keeps, and what the parts of its stack ask of each other.
 *
 *	stack.c		interfaces and addresses; what comes in, where what goes out goes
 *	stack_table.c	which neighbours there are
 *	stack_neigh.c	what is known of one, for how long, and what waits for it
 *	stack_arp.c, stack_ndp.c	how neighbours are asked, answered and told
 *	stack_udp.c, stack_tcp*.c
 */
#ifndef BELLMAN_SIM_STACK_STATE_H
#define BELLMAN_SIM_STACK_STATE_H

#include <sys/queue.h>

#include "lib/base/array.h"
#include "lib/base/must.h"
#include "lib/base/rng.h"
#include "lib/base/tree.h"
#include "sim/packet.h"
#include "sim/stack.h"

struct iface_address {
	struct ip_addr ip;
	uint8_t len; /* of the prefix that is on-link */
};

struct sim_iface {
	struct sim_stack *stack;
	struct sim_port *port;
	char *name;
	unsigned index;
	uint8_t mac[ETHER_ADDR_LEN];
	struct ip_addr link_local;
	struct {
		ARRAY_OF(struct iface_address);
	} addresses;
};

/* A packet that waits for the address of its neighbour; its Ethernet destination is still open. */
struct waiting {
	STAILQ_ENTRY(waiting) next;
	size_t len;
	uint8_t frame[];
};

#define NEIGH_NEVER (INT64_MIN / 2) /* longer ago than any time-out */

struct neighbour {
	RB_ENTRY(neighbour) by_ip;
	struct sim_iface *iface;
	struct ip_addr ip;
	enum sim_neigh_state state;
	uint8_t mac[ETHER_ADDR_LEN];
	uint64_t used_ns, updated_ns; /* as in the kernel's struct neighbour */
	int64_t confirmed_ns;         /* or NEIGH_NEVER */
	unsigned probes;
	bool has_header; /* something was sent to it once */
	STAILQ_HEAD(, waiting) queue;
	unsigned queued;
	struct sim_timer timer;
};

RB_HEAD(neighbour_tree, neighbour);
RB_HEAD(tcp_tree, sim_tcp);

struct sim_stack {
	struct sim_clock *clock;
	char *name;
	struct rng rng;
	bool arp_accept, on;
	uint64_t base_reachable_ns, delay_probe_ns, retrans_ns;
	struct {
		ARRAY_OF(struct sim_iface *);
	} ifaces;
	struct neighbour_tree neighbours;
	size_t neighbour_counts[2];                /* of IPv4, of IPv6: two tables in Linux */
	struct sim_timer collect;                  /* set while one of these is large */
	uint64_t reachable_ns, reachable_until_ns; /* reachable_time, drawn anew now and then */
	LIST_HEAD(, sim_udp) udps;
	struct tcp_tree tcps;
	LIST_HEAD(, sim_listener) listeners;
	unsigned ports_given;
	sim_stack_tap *tap;
	void *tap_arg;
	sim_stack_link_watch *link_watch;
	void *link_watch_arg;
	sim_stack_service *service;
	void *service_arg;
};

/* stack.c */

/* Ephemeral ports: net.ipv4.ip_local_port_range. */
#define FIRST_FREE_PORT 32768
#define FREE_PORTS      28232

/* Is @ip one of the host's own, on @i or, NULL, on any interface? */
bool stack_owns(const struct sim_stack *s, const struct sim_iface *i, const struct ip_addr *ip);
/* The interface by which @to is reached; NULL: none has an address of its family. */
struct sim_iface *stack_route(struct sim_stack *s, const struct ip_addr *to);
/* The host's own address for talking to @to on @i; IP_NONE: it has none of that family. */
struct ip_addr stack_source(const struct sim_iface *i, const struct ip_addr *to);
/* Send @p, whose source is set, by its neighbour. What has no way is dropped. */
void stack_output(struct sim_stack *s, const struct sim_packet *p);
/* The next of the ephemeral ports, in turn; the caller looks whether it is taken. */
uint16_t stack_next_port(struct sim_stack *s);

/* stack_table.c */

struct neighbour *neigh_find(const struct sim_iface *i, const struct ip_addr *ip); /* or NULL */
struct neighbour *neigh_make(struct sim_iface *i, const struct ip_addr *ip); /* if there is none */
void neigh_flush(struct sim_stack *s, const struct sim_iface *i); /* NULL: of all interfaces */

/* stack_neigh.c */

bool neigh_is_valid(const struct neighbour *n); /* there is an address to send to */

enum { NEIGH_OVERRIDE = 1, NEIGH_WEAK_OVERRIDE = 2 };
/*
 * Somebody says that @n has @mac; NULL: he does not say where, only that he is. @state: REACHABLE
 * when that was an answer to us, else STALE. Without NEIGH_OVERRIDE another address than the known
 * one is not taken; with NEIGH_WEAK_OVERRIDE it at least makes the known one STALE.
 */
void neigh_update(struct neighbour *n, const uint8_t *mac, enum sim_neigh_state state,
		  unsigned flags);
bool neigh_changed_within(const struct neighbour *n, uint64_t ns);
/* Whom the first packet that waits for @n comes from; IP_NONE: none waits. */
struct ip_addr neigh_waiting_source(const struct neighbour *n);
/* Send a frame, whose Ethernet destination is left open, to @ip; or when its address is known. */
void neigh_output(struct sim_iface *i, const struct ip_addr *ip, uint8_t *frame, size_t len);
/* TCP has got on with @ip: its neighbour is there. */
void neigh_confirm(struct sim_stack *s, const struct ip_addr *ip);
void neigh_queue_drop(struct neighbour *n);

/* stack_arp.c, stack_ndp.c */

void stack_arp_input(struct sim_iface *i, const struct ether *e, struct rd r);
void stack_ndp_input(struct sim_iface *i, const struct ether *e, struct rd r);
/* Ask who has the address of @n: @to alone, or NULL, all. */
void stack_arp_ask(const struct neighbour *n, const uint8_t *to);
void stack_ndp_ask(const struct neighbour *n, const uint8_t *to);
/* Tell all that @ip is here. */
void stack_arp_announce(struct sim_iface *i, const struct ip_addr *ip, const char *why);
void stack_ndp_announce(struct sim_iface *i, const struct ip_addr *ip, const char *why);

/* stack_udp.c, stack_tcp.c */

/* @wild: for the host's service proxy, not for an address of its own. */
void udp_input(struct sim_stack *s, const struct sim_packet *p, bool wild);
void tcp_input(struct sim_stack *s, const struct sim_packet *p, bool wild);
/* Every connection; @why: what their users are told, NULL: nothing. */
void tcp_forget(struct sim_stack *s, const char *why);

#endif
