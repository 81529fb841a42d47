// SPDX-License-Identifier: Apache-2.0
/* What a link knows of MAC addresses: who wants frames for one (its station, members of a group),
 * and behind which port it was seen last, which is the switch's forwarding database. */
#include <assert.h>

#include "lib/base/must.h"
#include "sim/net_state.h"

static int address_cmp(const struct sim_address *a, const struct sim_address *b)
{
	return a->mac < b->mac ? -1 : a->mac > b->mac;
}
TREE_GENERATE(address_tree, sim_address, node, address_cmp)

static uint64_t number_of(const uint8_t mac[ETHER_ADDR_LEN])
{
	struct rd r = rd_init(mac, ETHER_ADDR_LEN);

	return rd_number(&r, ETHER_ADDR_LEN);
}

struct sim_address *address_find(const struct sim_link *l, const uint8_t mac[ETHER_ADDR_LEN])
{
	struct sim_address key = { .mac = number_of(mac) };

	/* The macro takes no const tree, and changes nothing. */
	return RB_FIND(address_tree, (struct address_tree *)&l->addresses, &key);
}

static struct sim_address *address_new(struct sim_link *l, const uint8_t mac[ETHER_ADDR_LEN])
{
	struct sim_address *a = must(calloc(1, sizeof(*a)));

	a->mac = number_of(mac);
	RB_INSERT(address_tree, &l->addresses, a);
	return a;
}

static struct sim_address *address_get(struct sim_link *l, const uint8_t mac[ETHER_ADDR_LEN])
{
	struct sim_address *a = address_find(l, mac);

	return a != NULL ? a : address_new(l, mac);
}

static void address_free(struct sim_link *l, struct sim_address *a)
{
	RB_REMOVE(address_tree, &l->addresses, a);
	port_set_unref(a->wanted);
	free(a);
}

void address_done(struct sim_link *l)
{
	for (struct sim_address *a; (a = RB_ROOT(&l->addresses)) != NULL;)
		address_free(l, a);
}

/* --- sets of ports --------------------------------------------------------------------- */

struct port_set *port_set_ref(struct port_set *s)
{
	if (s != NULL)
		s->refs++;
	return s;
}

struct port_set *port_set_unref(struct port_set *s)
{
	if (s != NULL && --s->refs == 0)
		free(s);
	return NULL;
}

/* The set *@s, nobody else's, with room for @more. */
static struct port_set *port_set_own(struct port_set **s, size_t more)
{
	struct port_set *old = *s;
	size_t count = old != NULL ? old->count : 0;

	if (old != NULL && old->refs == 1 && old->cap >= count + more)
		return old;
	size_t cap = count < 4 ? count + 1 : count + count / 2;
	struct port_set *own = must(malloc(sizeof(*own) + cap * sizeof(own->items[0])));
	own->refs = 1;
	own->count = count;
	own->cap = cap;
	if (count > 0)
		memcpy(own->items, old->items, count * sizeof(own->items[0]));
	port_set_unref(old);
	return *s = own;
}

/* Where @p is in @s, or belongs. */
static size_t port_set_place(const struct port_set *s, const struct sim_port *p)
{
	size_t low = 0, high = s != NULL ? s->count : 0;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (s->items[middle].port->number < p->number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void port_set_join(struct port_set **s, struct sim_port *p)
{
	size_t i = port_set_place(*s, p);

	if (*s != NULL && i < (*s)->count && (*s)->items[i].port == p) {
		(*s)->items[i].joins++;
		return;
	}
	struct port_set *own = port_set_own(s, 1);
	memmove(&own->items[i + 1], &own->items[i], (own->count - i) * sizeof(own->items[0]));
	own->items[i] = (struct port_member){ p, 1 };
	own->count++;
}

static void port_set_leave(struct port_set **s, struct sim_port *p)
{
	size_t i = port_set_place(*s, p);

	assert(*s != NULL && i < (*s)->count && (*s)->items[i].port == p); /* it has joined */
	if (--(*s)->items[i].joins > 0)
		return;
	if ((*s)->count == 1) {
		*s = port_set_unref(*s);
		return;
	}
	struct port_set *own = port_set_own(s, 0);
	own->count--;
	memmove(&own->items[i], &own->items[i + 1], (own->count - i) * sizeof(own->items[0]));
}

void sim_port_join(struct sim_port *p, const uint8_t group[static ETHER_ADDR_LEN])
{
	port_set_join(&address_get(p->link, group)->wanted, p);
}

void sim_port_leave(struct sim_port *p, const uint8_t group[static ETHER_ADDR_LEN])
{
	struct sim_address *a = address_get(p->link, group);

	port_set_leave(&a->wanted, p);
	if (a->wanted == NULL && a->port == NULL)
		address_free(p->link, a);
}

void sim_port_promiscuous(struct sim_port *p, bool on)
{
	if (on && !p->promiscuous)
		port_set_join(&p->link->promiscuous, p);
	else if (!on && p->promiscuous)
		port_set_leave(&p->link->promiscuous, p);
	p->promiscuous = on;
}

/* --- the forwarding database ----------------------------------------------------------- */

static bool fdb_is_old(const struct sim_link *l, const struct sim_address *a)
{
	return sim_clock_now(l->net->clock) - a->seen_ns >= l->fdb_age_ns;
}

struct sim_port *address_port(const struct sim_link *l, const struct sim_address *a)
{
	return a == NULL || a->port == NULL || fdb_is_old(l, a) ? NULL : a->port;
}

static void fdb_take_out(struct sim_link *l, struct sim_address *a)
{
	TAILQ_REMOVE(&l->fdb.entries, a, fdb);
	l->fdb.count--;
	a->port = NULL;
}

static void fdb_drop(struct sim_link *l, struct sim_address *a)
{
	fdb_take_out(l, a);
	if (a->wanted == NULL)
		address_free(l, a);
}

static void fdb_drop_old(struct sim_link *l)
{
	struct sim_address *a;

	while ((a = TAILQ_FIRST(&l->fdb.entries)) != NULL && fdb_is_old(l, a))
		fdb_drop(l, a);
}

void address_learn(struct sim_link *l, const uint8_t mac[ETHER_ADDR_LEN], struct sim_port *port)
{
	if (!ether_is_station(mac))
		return; /* IEEE 802.1Q clause 8.7: never of a group */
	fdb_drop_old(l);
	struct sim_address *a = address_find(l, mac);
	if (a != NULL && a->port != NULL)
		fdb_take_out(l, a); /* to be put at the end */
	else if (l->fdb.count == SIM_FDB_MAX)
		return;
	else if (a == NULL)
		a = address_new(l, mac);
	a->port = port;
	a->seen_ns = sim_clock_now(l->net->clock);
	TAILQ_INSERT_TAIL(&l->fdb.entries, a, fdb);
	l->fdb.count++;
}

void address_forget(struct sim_link *l, const struct sim_port *port)
{
	struct sim_address *a, *next;

	TAILQ_FOREACH_SAFE (a, &l->fdb.entries, fdb, next) {
		if (port == NULL || a->port == port)
			fdb_drop(l, a);
	}
}

void sim_link_forget(struct sim_link *l)
{
	address_forget(l, NULL);
}

struct sim_port *sim_link_fdb(const struct sim_link *l, const uint8_t mac[static ETHER_ADDR_LEN])
{
	return address_port(l, address_find(l, mac));
}
