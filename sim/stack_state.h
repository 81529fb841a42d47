// SPDX-License-Identifier: Apache-2.0
/*
 * Private to stack*.c: what a host keeps, and what the parts of its stack ask of each other.
 *
 *	stack.c		interfaces and addresses; what comes in, where what goes out goes
 *	stack_neigh.c	ARP and NDP caches
 *	stack_udp.c, stack_tcp.c
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

struct neighbour {
	RB_ENTRY(neighbour) by_ip;
	struct sim_iface *iface;
	struct ip_addr ip;
	enum sim_neigh_state state;
	uint8_t mac[ETHER_ADDR_LEN];
	uint64_t used_ns, updated_ns, confirmed_ns; /* as in the kernel's struct neighbour */
	unsigned probes;
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
	struct {
		ARRAY_OF(struct sim_iface *);
	} ifaces;
	struct neighbour_tree neighbours;
	size_t neighbour_count;
	uint64_t reachable_ns, reachable_until_ns; /* reachable_time, drawn anew now and then */
	LIST_HEAD(, sim_udp) udps;
	struct tcp_tree tcps;
	LIST_HEAD(, sim_listener) listeners;
	uint16_t next_port;
	sim_stack_tap *tap;
	void *tap_arg;
	sim_stack_link_watch *link_watch;
	void *link_watch_arg;
	sim_stack_service *service;
	void *service_arg;
};

/* stack.c */

/* Is @ip one of the host's own, on @i or, NULL, on any interface? */
bool stack_owns(const struct sim_stack *s, const struct sim_iface *i, const struct ip_addr *ip);
/* The interface by which @to is reached; NULL: none has an address of its family. */
struct sim_iface *stack_route(struct sim_stack *s, const struct ip_addr *to);
/* The host's own address for talking to @to on @i; IP_NONE: it has none of that family. */
struct ip_addr stack_source(const struct sim_iface *i, const struct ip_addr *to);
/* Send @p, whose source is set, by its neighbour. What has no way is dropped. */
void stack_output(struct sim_stack *s, const struct sim_packet *p);
/* A port that nobody uses for @protocol; 0: all are taken. */
uint16_t stack_free_port(struct sim_stack *s);

/* stack_neigh.c */

void neigh_arp(struct sim_iface *i, const struct ether *e, struct rd r);
void neigh_ndp(struct sim_iface *i, const struct ether *e, struct rd r);
/* Send a frame, whose Ethernet destination is left open, to @ip; or when its address is known. */
void neigh_output(struct sim_iface *i, const struct ip_addr *ip, uint8_t *frame, size_t len);
/* TCP has got on with @ip: its neighbour is there. */
void neigh_confirm(struct sim_stack *s, const struct ip_addr *ip);
void neigh_flush(struct sim_stack *s, const struct sim_iface *i); /* NULL: of all interfaces */

/* stack_udp.c, stack_tcp.c */

/* @wild: for the host's service proxy, not for an address of its own. */
void udp_input(struct sim_stack *s, const struct sim_packet *p, bool wild);
void tcp_input(struct sim_stack *s, const struct sim_packet *p, bool wild);
void tcp_forget(struct sim_stack *s); /* every connection; nobody is told */

#endif
