// SPDX-License-Identifier: Apache-2.0
/*
 * What speakers put on the wire, looked at as it is put there.
 *
 * `wrong-sender`: a frame that claims an address says so from its port's MAC, of an address that
 * its node announces, and to whom it may. `usurper`: and not of one that it has long lost.
 * `frames`: it does not send too many of them unasked. A node's own kernel claims its own
 * addresses, which is none of a speaker's business.
 */
#include "proto/arp.h"
#include "proto/ndp.h"
#include "sim/check_state.h"

#define IPV6_LEN                40
#define NEXT_HEADER_AT          6
#define ICMPV6                  58
#define NEIGHBOUR_ADVERTISEMENT 136

/* One frame and whose it is. */
struct sent {
	struct sim_world *world;
	struct check_port *port;
	struct world_node *node;
	struct sim_iface *iface;
	struct ether ether;
	struct ip_addr ip; /* that it claims */
};

struct check_port *check_port_find(const struct checks *c, const struct sim_port *port)
{
	size_t first = 0, end = c->port_count;

	while (first < end) {
		size_t middle = first + (end - first) / 2;

		if (c->ports[middle].port == port)
			return &c->ports[middle];
		if ((uintptr_t)c->ports[middle].port < (uintptr_t)port)
			first = middle + 1;
		else
			end = middle;
	}
	return NULL;
}

static bool is_own(const struct world_node *n, const struct ip_addr *ip)
{
	for (size_t i = 0; i < sim_stack_ifaces(n->stack); i++) {
		struct ip_addr own = sim_iface_link_local(sim_stack_iface(n->stack, i));

		if (ip_equal(&own, ip))
			return true;
	}
	for (size_t i = 0; i < n->addresses.count; i++)
		if (ip_equal(&n->addresses.items[i], ip))
			return true;
	return false;
}

static void wrong(const struct sent *s, const char *what)
{
	check_broken(s->world, "wrong-sender", s->node->cfg->name, NULL, &s->ip,
		     "%s sends a frame %s", s->node->cfg->name, what);
}

/* Does the node announce a Service that has the address, or had it until just now? */
static bool announces(const struct sent *s)
{
	const struct answered *a = owner_answered(s->world, &s->ip);

	for (size_t i = 0; a != NULL && i < a->owned.count; i++)
		if (owner_claims(a->owned.items[i]->service, s->node))
			return true;
	return false;
}

static void check_sender(const struct sent *s)
{
	if (!sim_speaker_runs(s->node->speaker) || s->node->health.paused)
		wrong(s, "while its speaker does not run");
	else if (!announces(s))
		wrong(s, "of an address that it does not announce");
	else if (!sim_speaker_answers(s->node->speaker, s->iface, &s->ip))
		wrong(s, "of an address for which it does not answer there");
	if (!ether_equal(s->ether.src, sim_iface_mac(s->iface)))
		wrong(s, "from another's MAC");
}

static void count_unasked(const struct sent *s)
{
	s->world->checks->nodes[s->node->number].sent[sim_iface_index(s->iface) - 1]++;
	check_said(s->port, &s->ip, world_now(s->world));
}

static void check_arp(struct sent *s, struct rd r)
{
	bool to_all = ether_equal(s->ether.dst, ether_broadcast);
	struct arp arp;

	if (arp_decode(r, &arp) != NULL) {
		wrong(s, "of ARP that does not decode");
		return;
	}
	s->ip = arp.sender_ip;
	if (ip_to_number(&s->ip) == 0 || is_own(s->node, &s->ip))
		return;
	check_sender(s);
	if (!ether_equal(arp.sender_mac, sim_iface_mac(s->iface)))
		wrong(s, "that names another's MAC");
	if (to_all) {
		count_unasked(s);
		if (!ip_equal(&arp.sender_ip, &arp.target_ip))
			wrong(s, "to all that is not gratuitous");
	} else if (arp.op != ARP_REPLY || !ether_is_station(arp.target_mac) ||
		   !ether_equal(arp.target_mac, s->ether.dst)) {
		wrong(s, "that is no answer to whom it is sent");
	}
}

/* By its type alone (RFC 4861 section 4.4), whatever else may be wrong with it. */
static bool is_advertisement(struct rd r)
{
	rd_take(&r, NEXT_HEADER_AT);
	uint8_t next = rd_u8(&r);
	rd_take(&r, IPV6_LEN - NEXT_HEADER_AT - 1);
	uint8_t type = rd_u8(&r);
	return !rd_failed(&r) && next == ICMPV6 && type == NEIGHBOUR_ADVERTISEMENT;
}

static void check_ndp(struct sent *s, struct rd r)
{
	struct ndp_na na;

	if (!is_advertisement(r))
		return;
	if (ndp_na_decode(r, &na) != NULL) {
		wrong(s, "of neighbour discovery that does not decode");
		return;
	}
	s->ip = na.target;
	if (is_own(s->node, &s->ip))
		return;
	check_sender(s);
	if (!ether_equal(na.lladdr, sim_iface_mac(s->iface)))
		wrong(s, "that names another's MAC");
	struct ip_addr link_local = sim_iface_link_local(s->iface), all = ndp_all_nodes();
	if (!ip_equal(&na.src, &na.target) && !ip_equal(&na.src, &link_local))
		wrong(s, "from another's address");
	if (ip_equal(&na.dst, &all)) {
		count_unasked(s);
		if (na.solicited || !na.override || !ether_is_group(s->ether.dst))
			wrong(s, "to all that looks like an answer");
	} else if (!na.solicited || !ether_is_station(s->ether.dst)) {
		wrong(s, "that is no answer to whom it is sent");
	}
}

void check_frame(void *arg, const struct sim_link *l, const struct sim_port *from,
		 const uint8_t *bytes, size_t len, const char *why)
{
	struct sim_world *w = arg;
	struct rd r = rd_init(bytes, len);
	struct sent s = { .world = w };

	(void)l;
	(void)why;
	if (w->checks == NULL || ether_decode(&r, &s.ether) < 0)
		return;
	if (s.ether.type != ETHER_TYPE_ARP && s.ether.type != ETHER_TYPE_IPV6)
		return;
	struct check_port *p = check_port_find(w->checks, from);
	if (p == NULL)
		return;
	s.port = p;
	s.node = p->node;
	s.iface = p->iface;
	if (s.ether.type == ETHER_TYPE_ARP)
		check_arp(&s, r);
	else
		check_ndp(&s, r);
}
