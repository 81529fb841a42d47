// SPDX-License-Identifier: Apache-2.0
/*
 * Neighbour discovery as Linux does it (net/ipv6/ndisc.c): what is asked and answered, and what the
 * cache is told.
 */
#include "proto/ndp.h"

#include "sim/stack_state.h"

/* ndisc_solicit(): what waits says from where, else the link-local address asks. */
void stack_ndp_ask(const struct neighbour *n, const uint8_t *to)
{
	struct sim_iface *i = n->iface;
	struct ip_addr group = ndp_solicited_node(&n->ip);
	struct ndp_ns ns = { .src = neigh_waiting_source(n),
			     .dst = to != NULL ? n->ip : group,
			     .target = n->ip,
			     .has_lladdr = true };
	uint8_t frame[SIM_FRAME_MAX], group_mac[ETHER_ADDR_LEN];
	struct wr w = wr_init(frame, sizeof(frame));

	if (!stack_owns(i->stack, i, &ns.src))
		ns.src = i->link_local;
	memcpy(ns.lladdr, i->mac, sizeof(ns.lladdr));
	ndp_group_mac(&group, group_mac);
	ndp_ns_encode(&w, to != NULL ? to : group_mac, i->mac, &ns);
	sim_port_send(i->port, frame, wr_len(&w), NULL);
}

static size_t advertisement(const struct sim_iface *i, struct ndp_na *na,
			    uint8_t frame[static NDP_NA_FRAME_LEN])
{
	struct wr w = wr_init(frame, NDP_NA_FRAME_LEN);

	memcpy(na->lladdr, i->mac, sizeof(na->lladdr));
	ndp_na_encode(&w, na);
	return wr_len(&w);
}

void stack_ndp_announce(struct sim_iface *i, const struct ip_addr *ip, const char *why)
{
	struct ndp_na na = { .src = *ip, .dst = ndp_all_nodes(), .target = *ip, .override = true };
	uint8_t frame[NDP_NA_FRAME_LEN];

	ndp_group_mac(&na.dst, na.eth_dst);
	sim_port_send(i->port, frame, advertisement(i, &na, frame), why);
}

/* ndisc_recv_ns() */
static void on_ns(struct sim_iface *i, const struct ether *e, const struct ndp_ns *ns)
{
	bool to_all = ether_is_group(e->dst);

	if (!stack_owns(i->stack, i, &ns->target))
		return;
	if (ip_is_unspecified6(&ns->src)) { /* it is ours: RFC 4862 section 5.4.3 */
		stack_ndp_announce(i, &ns->target, NULL);
		return;
	}
	if (to_all && !ns->has_lladdr && neigh_find(i, &ns->src) == NULL)
		return;
	neigh_update(neigh_make(i, &ns->src), ns->has_lladdr ? ns->lladdr : NULL, SIM_NEIGH_STALE,
		     NEIGH_OVERRIDE | NEIGH_WEAK_OVERRIDE);

	/* The answer is a packet like any other: it counts as use of the neighbour, who is asked in
	 * turn if nothing confirms him. */
	struct ndp_na na = { .src = ns->target,
			     .dst = ns->src,
			     .target = ns->target,
			     .solicited = true,
			     .override = to_all,
			     .bare = !to_all };
	uint8_t frame[NDP_NA_FRAME_LEN];
	neigh_output(i, &ns->src, frame, advertisement(i, &na, frame));
}

/* ndisc_recv_na() */
static void on_na(struct sim_iface *i, const struct ndp_na *na)
{
	struct neighbour *n = neigh_find(i, &na->target);
	enum sim_neigh_state state = na->solicited ? SIM_NEIGH_REACHABLE : SIM_NEIGH_STALE;
	const uint8_t *mac = na->bare ? NULL : na->lladdr;

	if (stack_owns(i->stack, i, &na->target))
		return;
	if (n == NULL && i->stack->arp_accept && mac != NULL) { /* RFC 9131 */
		n = neigh_make(i, &na->target);
		state = SIM_NEIGH_STALE;
	}
	if (n != NULL && n->state != SIM_NEIGH_FAILED)
		neigh_update(n, mac, state,
			     NEIGH_WEAK_OVERRIDE | (na->override ? NEIGH_OVERRIDE : 0));
}

void stack_ndp_input(struct sim_iface *i, const struct ether *e, struct rd r)
{
	struct ndp_ns ns;
	struct ndp_na na;

	if (memcmp(e->dst, i->mac, sizeof(e->dst)) != 0 && !ether_is_group(e->dst))
		return;
	if (ndp_ns_decode(r, &ns) == NULL)
		on_ns(i, e, &ns);
	else if (ndp_na_decode(r, &na) == NULL)
		on_na(i, &na);
}
