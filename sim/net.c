// SPDX-License-Identifier: Apache-2.0
#include "sim/net.h"

#include <assert.h>

#include "lib/base/duration.h"
#include "lib/base/must.h"
#include "sim/net_state.h"

#define FDB_AGE_NS (300 * NS_PER_S) /* IEEE 802.1Q clause 8.8.3 */

struct sim_net *sim_net_new(struct sim_clock *clock, uint64_t seed)
{
	struct sim_net *n = must(calloc(1, sizeof(*n)));

	n->clock = clock;
	n->rng = rng_seeded(seed);
	LIST_INIT(&n->flights);
	return n;
}

static void link_free(struct sim_link *l)
{
	storm_end(l);
	address_done(l);
	port_set_unref(l->promiscuous);
	for (size_t i = 0; i < l->ports.count; i++) {
		free(l->ports.items[i]->name);
		free(l->ports.items[i]);
	}
	array_free(&l->ports);
	array_free(&l->cuts);
	free(l->name);
	free(l);
}

struct sim_net *sim_net_free(struct sim_net *n)
{
	if (n == NULL)
		return NULL;
	for (struct flight *f; (f = LIST_FIRST(&n->flights)) != NULL;)
		net_flight_free(f);
	for (size_t i = 0; i < n->links.count; i++)
		link_free(n->links.items[i]);
	array_free(&n->links);
	array_free(&n->taps);
	free(n);
	return NULL;
}

struct sim_link *sim_link_add(struct sim_net *n, const struct sim_link_cfg *cfg)
{
	struct sim_link *l = must(calloc(1, sizeof(*l)));

	l->net = n;
	l->index = n->links.count;
	*(struct sim_link **)must(array_push(&n->links)) = l;
	l->name = must_copy(cfg->name);
	l->rng = rng_seeded(rng_next(&n->rng));
	l->delay_ns = cfg->delay_ns;
	l->fdb_age_ns = cfg->fdb_age_ns != 0 ? cfg->fdb_age_ns : FDB_AGE_NS;
	RB_INIT(&l->addresses);
	TAILQ_INIT(&l->fdb.entries);
	LIST_INIT(&l->storm.echoes);
	return l;
}

const char *sim_link_name(const struct sim_link *l)
{
	return l->name;
}

struct sim_link *sim_link_find(const struct sim_net *n, const char *name)
{
	for (size_t i = 0; i < n->links.count; i++)
		if (strcmp(n->links.items[i]->name, name) == 0)
			return n->links.items[i];
	return NULL;
}

size_t sim_net_links(const struct sim_net *n)
{
	return n->links.count;
}

struct sim_link *sim_net_link(const struct sim_net *n, size_t i)
{
	assert(i < n->links.count);
	return n->links.items[i];
}

size_t sim_link_index(const struct sim_link *l)
{
	return l->index;
}

struct sim_port *sim_port_add(struct sim_link *l, const char *name,
			      const uint8_t mac[static ETHER_ADDR_LEN],
			      const struct sim_port_ops *ops, void *arg)
{
	struct sim_port *p = must(calloc(1, sizeof(*p)));

	assert(ether_is_station(mac));
	*(struct sim_port **)must(array_push(&l->ports)) = p;
	p->link = l;
	p->name = must_copy(name);
	p->ops = *ops;
	p->arg = arg;
	memcpy(p->mac, mac, ETHER_ADDR_LEN);
	p->number = (unsigned)l->ports.count;
	p->plugged = p->powered = true;
	sim_port_join(p, mac);
	sim_port_join(p, ether_broadcast);
	return p;
}

struct sim_link *sim_port_link(const struct sim_port *p)
{
	return p->link;
}

const char *sim_port_name(const struct sim_port *p)
{
	return p->name;
}

bool sim_port_is_up(const struct sim_port *p)
{
	return p->plugged && p->powered;
}

void sim_port_send(struct sim_port *p, const void *bytes, size_t len, const char *why)
{
	struct sim_net *n = p->link->net;

	if (!sim_port_is_up(p) || len < ETHER_HEADER_LEN) {
		n->counts.lost++;
		return;
	}
	n->counts.sent++;
	for (size_t i = 0; i < n->taps.count; i++)
		n->taps.items[i].tap(n->taps.items[i].arg, p->link, p, bytes, len, why);

	struct sim_frame *f = must(malloc(sizeof(*f) + len));
	f->refs = 1;
	f->len = len;
	memcpy(f->bytes, bytes, len);
	net_uplink(p, f);
	frame_unref(f);
}

/* Change one of the two things that make a port be up. */
static void set_up(struct sim_port *p, bool *what, bool on)
{
	bool was = sim_port_is_up(p);

	*what = on;
	if (was && !on)
		address_forget(p->link, p); /* as a switch does for a port that goes down */
}

void sim_port_carrier(struct sim_port *p, bool up)
{
	if (p->plugged == up)
		return;
	set_up(p, &p->plugged, up);
	if (p->ops.carrier != NULL)
		p->ops.carrier(p->arg, up);
}

void sim_port_power(struct sim_port *p, bool on)
{
	set_up(p, &p->powered, on);
}

void sim_net_tap(struct sim_net *n, sim_tap *tap, void *arg)
{
	*(struct net_tap *)must(array_push(&n->taps)) = (struct net_tap){ tap, arg };
}

void sim_net_untap(struct sim_net *n, sim_tap *tap, void *arg)
{
	size_t kept = 0;

	for (size_t i = 0; i < n->taps.count; i++)
		if (n->taps.items[i].tap != tap || n->taps.items[i].arg != arg)
			n->taps.items[kept++] = n->taps.items[i];
	n->taps.count = kept;
}

struct sim_net_counts sim_net_counts(const struct sim_net *n)
{
	return n->counts;
}
