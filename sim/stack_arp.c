// SPDX-License-Identifier: Apache-2.0
/* ARP as Linux does it (net/ipv4/arp.c): what is asked and answered, and what the cache is told. */
#include "proto/arp.h"

#include "lib/base/duration.h"
#include "sim/stack_state.h"

#define LOCKTIME_NS (1 * NS_PER_S) /* net.ipv4.neigh.default.locktime */

static void arp_send(struct sim_iface *i, const uint8_t to[static ETHER_ADDR_LEN], struct arp *arp,
		     const char *why)
{
	uint8_t frame[ARP_FRAME_LEN];
	struct wr w = wr_init(frame, sizeof(frame));

	memcpy(arp->sender_mac, i->mac, sizeof(arp->sender_mac));
	arp_encode(&w, to, arp);
	sim_port_send(i->port, frame, wr_len(&w), why);
}

/* arp_solicit() */
void stack_arp_ask(const struct neighbour *n, const uint8_t *to)
{
	struct arp arp = { .op = ARP_REQUEST,
			   .sender_ip = neigh_waiting_source(n),
			   .target_ip = n->ip };

	if (!stack_owns(n->iface->stack, NULL, &arp.sender_ip))
		arp.sender_ip = stack_source(n->iface, &n->ip);
	if (arp.sender_ip.family == IP_V4)
		arp_send(n->iface, to != NULL ? to : ether_broadcast, &arp, NULL);
}

void stack_arp_announce(struct sim_iface *i, const struct ip_addr *ip, const char *why)
{
	struct arp arp = { .op = ARP_REQUEST, .sender_ip = *ip, .target_ip = *ip };

	arp_send(i, ether_broadcast, &arp, why);
}

static void answer(struct sim_iface *i, const struct arp *question)
{
	struct arp arp = { .op = ARP_REPLY,
			   .sender_ip = question->target_ip,
			   .target_ip = question->sender_ip };

	memcpy(arp.target_mac, question->sender_mac, sizeof(arp.target_mac));
	arp_send(i, question->sender_mac, &arp, NULL);
}

/* arp_is_garp(): of a reply the target hardware address must say so too. */
static bool is_gratuitous(const struct arp *a)
{
	return ip_equal(&a->sender_ip, &a->target_ip) &&
	       (a->op == ARP_REQUEST ||
		memcmp(a->sender_mac, a->target_mac, sizeof(a->sender_mac)) == 0);
}

/* Somebody says where he is, and did not ask for us. */
static void learn(struct sim_iface *i, const struct arp *a, bool for_us)
{
	struct neighbour *n = neigh_find(i, &a->sender_ip);
	bool answered = a->op == ARP_REPLY && for_us; /* what went to all says nothing of us */

	if (n == NULL && i->stack->arp_accept && (a->op == ARP_REPLY || is_gratuitous(a)) &&
	    !stack_owns(i->stack, NULL, &a->sender_ip))
		n = neigh_make(i, &a->sender_ip);
	if (n == NULL)
		return;
	bool open = !neigh_changed_within(n, LOCKTIME_NS) || is_gratuitous(a);
	neigh_update(n, a->sender_mac, answered ? SIM_NEIGH_REACHABLE : SIM_NEIGH_STALE,
		     open ? NEIGH_OVERRIDE : 0);
}

/* arp_process() */
void stack_arp_input(struct sim_iface *i, const struct ether *e, struct rd r)
{
	bool for_us = memcmp(e->dst, i->mac, sizeof(e->dst)) == 0;
	struct arp a;

	if ((!for_us && !ether_is_group(e->dst)) || arp_decode(r, &a) != NULL ||
	    (a.op != ARP_REQUEST && a.op != ARP_REPLY))
		return;
	bool probe = ip_to_number(&a.sender_ip) == 0; /* RFC 5227: is the address free? */
	/* Who asks from an address of ours is a martian and gets no answer. */
	if (a.op == ARP_REQUEST && stack_owns(i->stack, NULL, &a.target_ip) &&
	    !stack_owns(i->stack, NULL, &a.sender_ip)) {
		if (!probe)
			neigh_update(neigh_make(i, &a.sender_ip), a.sender_mac, SIM_NEIGH_STALE,
				     NEIGH_OVERRIDE);
		answer(i, &a);
	} else if (!probe) {
		learn(i, &a, for_us);
	}
}
