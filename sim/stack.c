// SPDX-License-Identifier: Apache-2.0
#include "sim/stack_state.h"

#include "lib/base/duration.h"
#include "proto/ndp.h"

/* --- addresses and ways ----------------------------------------------------------------------- */

bool stack_owns(const struct sim_stack *s, const struct sim_iface *only, const struct ip_addr *ip)
{
	for (size_t n = 0; n < s->ifaces.count; n++) {
		const struct sim_iface *i = s->ifaces.items[n];

		if (only != NULL && i != only)
			continue;
		if (ip_equal(&i->link_local, ip))
			return true;
		for (size_t k = 0; k < i->addresses.count; k++)
			if (ip_equal(&i->addresses.items[k].ip, ip))
				return true;
	}
	return false;
}

static bool is_link_local(const struct ip_addr *ip)
{
	return ip->family == IP_V6 && ip->bytes[0] == 0xfe && (ip->bytes[1] & 0xc0) == 0x80;
}

/* How well @i leads to @ip: 0 not at all, 1 by its family, 2 on-link. */
static unsigned leads_to(const struct sim_iface *i, const struct ip_addr *ip)
{
	unsigned how = is_link_local(ip) ? 1 : 0;

	for (size_t k = 0; k < i->addresses.count; k++) {
		const struct iface_address *a = &i->addresses.items[k];
		struct ip_prefix prefix = ip_prefix_of(&a->ip, a->len);

		if (a->ip.family != ip->family)
			continue;
		if (ip_prefix_contains(&prefix, ip))
			return 2;
		how = 1;
	}
	return how;
}

struct sim_iface *stack_route(struct sim_stack *s, const struct ip_addr *to)
{
	struct sim_iface *best = NULL;
	unsigned how_best = 0;

	for (size_t n = 0; n < s->ifaces.count; n++) {
		unsigned how = leads_to(s->ifaces.items[n], to);
		if (how > how_best) {
			best = s->ifaces.items[n];
			how_best = how;
		}
	}
	return best;
}

struct ip_addr stack_source(const struct sim_iface *i, const struct ip_addr *to)
{
	struct ip_addr any = { .family = IP_NONE };

	if (is_link_local(to))
		return i->link_local;
	for (size_t k = 0; k < i->addresses.count; k++) {
		const struct iface_address *a = &i->addresses.items[k];
		struct ip_prefix prefix = ip_prefix_of(&a->ip, a->len);

		if (a->ip.family != to->family)
			continue;
		if (ip_prefix_contains(&prefix, to))
			return a->ip;
		if (any.family == IP_NONE)
			any = a->ip;
	}
	return any;
}

uint16_t stack_next_port(struct sim_stack *s)
{
	return (uint16_t)(FIRST_FREE_PORT + s->ports_given++ % FREE_PORTS);
}

void stack_output(struct sim_stack *s, const struct sim_packet *p)
{
	static const uint8_t open[ETHER_ADDR_LEN]; /* the neighbour's, when it is known */
	struct sim_iface *i = stack_route(s, &p->dst);
	uint8_t frame[SIM_FRAME_MAX];
	struct wr w = wr_init(frame, sizeof(frame));

	if (i == NULL || !s->on)
		return;
	sim_packet_encode(&w, open, i->mac, p);
	if (!wr_failed(&w))
		neigh_output(i, &p->dst, frame, wr_len(&w));
}

/* --- what comes in ---------------------------------------------------------------------------- */

static void packet_input(struct sim_iface *i, const struct ether *e, struct rd r)
{
	struct sim_stack *s = i->stack;
	struct sim_packet p;

	if (memcmp(e->dst, i->mac, sizeof(e->dst)) != 0 ||
	    sim_packet_decode(e->type, r, &p) != NULL)
		return;
	bool own = stack_owns(s, NULL, &p.dst);
	if (!own &&
	    (s->service == NULL || !s->service(s->service_arg, &p.dst, p.protocol, p.dst_port)))
		return;
	if (p.protocol == SIM_UDP)
		udp_input(s, &p, !own);
	else
		tcp_input(s, &p, !own);
}

#define IPV6_NEXT_HEADER 6 /* where in the header it stands */
#define ICMPV6           58

static void on_frame(void *arg, const uint8_t *bytes, size_t len)
{
	struct sim_iface *i = arg;
	struct rd r = rd_init(bytes, len);
	struct ether e;

	if (!i->stack->on)
		return;
	if (i->stack->tap != NULL)
		i->stack->tap(i->stack->tap_arg, i, bytes, len);
	if (ether_decode(&r, &e) < 0 || !ether_is_station(e.src))
		return;
	if (e.type == ETHER_TYPE_ARP)
		stack_arp_input(i, &e, r);
	else if (e.type == ETHER_TYPE_IPV6 && rd_left(&r) > IPV6_NEXT_HEADER &&
		 r.at[IPV6_NEXT_HEADER] == ICMPV6)
		stack_ndp_input(i, &e, r);
	else
		packet_input(i, &e, r);
}

static void on_carrier(void *arg, bool up)
{
	struct sim_iface *i = arg;

	if (!i->stack->on)
		return;
	if (!up)
		neigh_flush(i->stack, i); /* as neigh_carrier_down() leaves nothing that is sure */
	if (i->stack->link_watch != NULL)
		i->stack->link_watch(i->stack->link_watch_arg, i, up);
}

/* --- interfaces ------------------------------------------------------------------------------- */

static void group_join(struct sim_iface *i, struct ip_addr group, bool join)
{
	uint8_t mac[ETHER_ADDR_LEN];

	ndp_group_mac(&group, mac);
	if (join)
		sim_port_join(i->port, mac);
	else
		sim_port_leave(i->port, mac);
}

struct sim_iface *sim_iface_add(struct sim_stack *s, struct sim_link *link, const char *name,
				const uint8_t mac[static ETHER_ADDR_LEN])
{
	static const struct sim_port_ops ops = { .frame = on_frame, .carrier = on_carrier };
	struct sim_iface *i = must(calloc(1, sizeof(*i)));

	*(struct sim_iface **)must(array_push(&s->ifaces)) = i;
	i->stack = s;
	i->name = must_copy(name);
	i->index = (unsigned)s->ifaces.count;
	memcpy(i->mac, mac, sizeof(i->mac));
	i->link_local = ndp_link_local(mac);
	i->port = sim_port_add(link, s->name, mac, &ops, i);
	sim_port_power(i->port, s->on);
	group_join(i, ndp_all_nodes(), true);
	group_join(i, ndp_solicited_node(&i->link_local), true);
	return i;
}

unsigned sim_iface_index(const struct sim_iface *i)
{
	return i->index;
}

const char *sim_iface_name(const struct sim_iface *i)
{
	return i->name;
}

const uint8_t *sim_iface_mac(const struct sim_iface *i)
{
	return i->mac;
}

struct sim_port *sim_iface_port(const struct sim_iface *i)
{
	return i->port;
}

struct ip_addr sim_iface_link_local(const struct sim_iface *i)
{
	return i->link_local;
}

bool sim_iface_is_up(const struct sim_iface *i)
{
	return i->stack->on && sim_port_is_up(i->port);
}

size_t sim_stack_ifaces(const struct sim_stack *s)
{
	return s->ifaces.count;
}

struct sim_iface *sim_stack_iface(const struct sim_stack *s, size_t n)
{
	return s->ifaces.items[n];
}

void sim_iface_address_add(struct sim_iface *i, const struct ip_prefix *address)
{
	struct iface_address *a = must(array_push(&i->addresses));

	*a = (struct iface_address){ address->addr, address->len };
	if (a->ip.family == IP_V6)
		group_join(i, ndp_solicited_node(&a->ip), true);
}

void sim_iface_address_remove(struct sim_iface *i, const struct ip_addr *address)
{
	for (size_t k = 0; k < i->addresses.count; k++) {
		struct iface_address *a = &i->addresses.items[k];

		if (!ip_equal(&a->ip, address))
			continue;
		if (a->ip.family == IP_V6)
			group_join(i, ndp_solicited_node(&a->ip), false);
		i->addresses.count--; /* the first one is who the host speaks as: keep the order */
		memmove(a, a + 1, (i->addresses.count - k) * sizeof(*a));
		return;
	}
}

void sim_iface_gratuitous(struct sim_iface *i, const struct ip_addr *address, const char *why)
{
	if (address->family == IP_V4)
		stack_arp_announce(i, address, why);
	else
		stack_ndp_announce(i, address, why);
}

/* --- life ------------------------------------------------------------------------------------- */

static uint64_t or_default(uint64_t ns, uint64_t otherwise)
{
	return ns != 0 ? ns : otherwise;
}

struct sim_stack *sim_stack_new(struct sim_clock *clock, const struct sim_stack_cfg *cfg)
{
	struct sim_stack *s = must(calloc(1, sizeof(*s)));

	s->clock = clock;
	s->name = must_copy(cfg->name);
	s->rng = rng_seeded(cfg->seed);
	s->arp_accept = cfg->arp_accept;
	s->base_reachable_ns = or_default(cfg->base_reachable_ns, 30 * NS_PER_S);
	s->delay_probe_ns = or_default(cfg->delay_probe_ns, 5 * NS_PER_S);
	s->retrans_ns = or_default(cfg->retrans_ns, 1 * NS_PER_S);
	s->on = true;
	return s;
}

struct sim_stack *sim_stack_free(struct sim_stack *s)
{
	if (s == NULL)
		return NULL;
	tcp_forget(s, NULL);
	neigh_flush(s, NULL);
	for (size_t n = 0; n < s->ifaces.count; n++) {
		struct sim_iface *i = s->ifaces.items[n];
		array_free(&i->addresses);
		free(i->name);
		free(i);
	}
	array_free(&s->ifaces);
	free(s->name);
	free(s);
	return NULL;
}

void sim_stack_power(struct sim_stack *s, bool on)
{
	if (s->on == on)
		return;
	s->on = on;
	for (size_t n = 0; n < s->ifaces.count; n++)
		sim_port_power(s->ifaces.items[n]->port, on);
	if (!on) {
		tcp_forget(s, "reset");
		neigh_flush(s, NULL);
	}
}

const char *sim_stack_name(const struct sim_stack *s)
{
	return s->name;
}

struct sim_clock *sim_stack_clock(const struct sim_stack *s)
{
	return s->clock;
}

void sim_stack_tap_set(struct sim_stack *s, sim_stack_tap *tap, void *arg)
{
	s->tap = tap;
	s->tap_arg = arg;
}

void sim_stack_link_watch_set(struct sim_stack *s, sim_stack_link_watch *watch, void *arg)
{
	s->link_watch = watch;
	s->link_watch_arg = arg;
}

void sim_stack_service_set(struct sim_stack *s, sim_stack_service *service, void *arg)
{
	s->service = service;
	s->service_arg = arg;
}
