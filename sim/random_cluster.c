// SPDX-License-Identifier: Apache-2.0
/* Links, nodes, hosts and clients of a made-up scenario. */
#include <assert.h>
#include <stdio.h>

#include "sim/packet.h"
#include "sim/random_state.h"

static const char *const link_names[MAKER_LINKS + 1] = { "lan0", "lan1", "lan2", NULL };

const char *maker_link_name(unsigned link)
{
	return link_names[link];
}

static void make_link(struct maker *m, unsigned n)
{
	struct sim_scenario_link *l = must(array_push(&m->s->links));
	char text[IP_PREFIX_MAX];

	l->name = must_copy(link_names[n]);
	snprintf(text, sizeof(text), "10.0.%u.0/24", n);
	must_0(ip_prefix_parse(text, &l->prefix4));
	snprintf(text, sizeof(text), "fd00:10:%u::/64", n);
	must_0(ip_prefix_parse(text, &l->prefix6));
	l->delay_ns = maker_between(m, 20, 500) * 1000;
	l->fdb_age_ns = maker_between(m, 30, 300) * NS_PER_S;
}

static void make_iface(struct sim_scenario_station *st, unsigned link)
{
	struct sim_scenario_iface *i = must(array_push(&st->ifaces));

	i->name = must_text("eth%u", link);
	i->link = must_copy(link_names[link]);
}

/* On the first link, most of all. */
static unsigned some_links(struct maker *m)
{
	unsigned links = maker_one_in(m, 8) ? 0 : 1;

	for (unsigned i = 1; i < m->links; i++)
		links |= maker_one_in(m, 2) ? 1u << i : 0;
	return links != 0 ? links : 1;
}

static void make_station(struct sim_scenario_station *st, const char *name, unsigned links)
{
	st->name = must_copy(name);
	for (unsigned i = 0; i < MAKER_LINKS; i++)
		if ((links & 1u << i) != 0)
			make_iface(st, i);
}

static void make_node(struct maker *m, unsigned number)
{
	struct sim_scenario_station *st = must(array_push(&m->s->nodes));
	struct maker_node *n = must(array_push(&m->nodes));

	snprintf(n->name, sizeof(n->name), "node%u", number);
	n->zone = maker_below(m, 3);
	n->disk = maker_below(m, 2);
	n->links = some_links(m);
	make_station(st, n->name, n->links);
	if (maker_one_in(m, 6))
		st->api_delay_ns = maker_between(m, 1, 100) * NS_PER_MS;
	*(cJSON **)must(array_push(&m->s->objects)) = maker_node_json(m, n);
}

static void make_host(struct maker *m, unsigned number)
{
	struct sim_scenario_station *st = must(array_push(&m->s->hosts));
	char name[24];

	assert(m->links > 0);
	snprintf(name, sizeof(name), "host%u", number);
	make_station(st, name, 1u << number % m->links);
	st->arp_accept = maker_one_in(m, 4);
}

/* Small clusters find as much as large ones, in a fraction of the time. */
static unsigned some_nodes(struct maker *m)
{
	unsigned span = m->cfg.nodes_max - m->cfg.nodes_min + 1;
	unsigned a = maker_below(m, span), b = maker_below(m, span), c = maker_below(m, span);

	a = a < b ? a : b;
	a = a < c ? a : c;
	if (!maker_one_in(m, 8))
		a /= 2;
	return m->cfg.nodes_min + a;
}

void maker_topology(struct maker *m)
{
	unsigned nodes = some_nodes(m);

	m->links = maker_one_in(m, 3) ? 1 + maker_below(m, MAKER_LINKS) : 1;
	m->hosts = m->links + maker_below(m, 2);
	for (unsigned i = 0; i < m->links; i++)
		make_link(m, i);
	for (unsigned i = 0; i < nodes; i++)
		make_node(m, i + 1);
	for (unsigned i = 0; i < m->hosts; i++)
		make_host(m, i);
	m->s->allocators = 1 + maker_below(m, 3);
}
