// SPDX-License-Identifier: Apache-2.0
/* The steps of a timeline that are about links and what is on them. */
#include "sim/world_state.h"

#define STORM_MOST 20 /* frames that go round in a loop at a time */

/* --- interfaces and ports ---------------------------------------------------------------- */

/* The next interface of @s, behind *@at, on @link (NULL: any). NULL: no more. */
static struct sim_iface *next_on(struct sim_stack *s, const struct sim_link *link, size_t *at)
{
	while (*at < sim_stack_ifaces(s)) {
		struct sim_iface *i = sim_stack_iface(s, (*at)++);

		if (link == NULL || sim_port_link(sim_iface_port(i)) == link)
			return i;
	}
	return NULL;
}

static void link_updown(struct sim_world *w, const struct sim_step *s)
{
	struct sim_stack *stack = world_station(w, s->what);
	struct world_node *n = world_node(w, s->what);
	size_t at = 0;

	for (struct sim_iface *i; stack != NULL && (i = next_on(stack, NULL, &at)) != NULL;) {
		bool up = s->op == SIM_OP_LINK_UP, was_up = sim_port_is_up(sim_iface_port(i));

		if (s->to != NULL && strcmp(sim_iface_name(i), s->to) != 0)
			continue;
		sim_port_carrier(sim_iface_port(i), up);
		if (up && !was_up)
			check_link_up(w, i);
	}
	if (n != NULL)
		owner_node_look(n);
}

/* --- cuts and impairments ---------------------------------------------------------------- */

typedef void way(struct sim_link *l, const struct sim_port *from, const struct sim_port *to);

static void one_way(struct sim_world *w, struct sim_link *l, const char *from, const char *to,
		    way *do_it)
{
	struct sim_stack *a = from != NULL ? world_station(w, from) : NULL;
	struct sim_stack *b = to != NULL ? world_station(w, to) : NULL;
	size_t at = 0;
	const struct sim_iface *x = a != NULL ? next_on(a, l, &at) : NULL;
	const struct sim_iface *y = NULL;

	at = 0;
	if (b != NULL)
		y = next_on(b, l, &at);
	if ((from != NULL && x == NULL) || (to != NULL && y == NULL))
		return; /* one of them is not on this link */
	do_it(l, x != NULL ? sim_iface_port(x) : NULL, y != NULL ? sim_iface_port(y) : NULL);
}

static void on_cut(struct sim_world *w, const struct sim_step *s, way *do_it)
{
	for (size_t i = 0; i < sim_net_links(w->net); i++) {
		struct sim_link *l = sim_net_link(w->net, i);

		if (s->link != NULL && strcmp(sim_link_name(l), s->link) != 0)
			continue;
		one_way(w, l, s->what, s->to, do_it);
		if (s->both)
			one_way(w, l, s->to, s->what, do_it);
	}
}

/* Nothing that impairs a link is what it was written with. */
static const struct sim_impair *impair_of(const struct sim_world *w, size_t link,
					  const struct sim_impair *said)
{
	return sim_impair_is_none(said) ? &w->scenario->links.items[link].impair : said;
}

static void impair(struct sim_world *w, const struct sim_step *s)
{
	struct sim_stack *stack = s->what != NULL ? world_station(w, s->what) : NULL;

	for (size_t i = 0; i < sim_net_links(w->net); i++) {
		struct sim_link *l = sim_net_link(w->net, i);
		size_t at = 0;

		if (s->link != NULL && strcmp(sim_link_name(l), s->link) != 0)
			continue;
		if (s->what == NULL)
			sim_link_impair(l, impair_of(w, i, &s->impair));
		for (struct sim_iface *x; stack != NULL && (x = next_on(stack, l, &at)) != NULL;)
			sim_port_impair(sim_iface_port(x), &s->impair);
	}
}

static void impair_back(struct sim_world *w, struct sim_stack *stack)
{
	const struct sim_impair none = { 0 };
	size_t at = 0;

	(void)w;
	for (struct sim_iface *x; (x = next_on(stack, NULL, &at)) != NULL;)
		sim_port_impair(sim_iface_port(x), &none);
}

/* Every cut, storm and impairment that the timeline made; links are as they were written. */
static void heal_all(struct sim_world *w)
{
	for (size_t i = 0; i < sim_net_links(w->net); i++) {
		struct sim_link *l = sim_net_link(w->net, i);

		sim_link_heal(l, NULL, NULL);
		sim_link_storm(l, 0, 0);
		sim_link_impair(l, &w->scenario->links.items[i].impair);
	}
	for (size_t i = 0; i < w->node_count; i++)
		impair_back(w, w->nodes[i].stack);
	for (size_t i = 0; i < w->host_count; i++)
		impair_back(w, w->hosts[i].stack);
}

/* --- theft ------------------------------------------------------------------------------- */

static struct ip_addr wanted(const struct sim_world *w, const struct sim_step *s)
{
	const struct service *service = s->service != NULL ? world_service(w, s->service) : NULL;

	if (s->address.family != IP_NONE)
		return s->address;
	return service != NULL && service->ingress_count > 0 ? service->ingress[0]
							     : (struct ip_addr){ 0 };
}

/* A Service that has the address; NULL: none. */
static const char *service_with(const struct sim_world *w, const struct sim_step *s,
				const struct ip_addr *ip)
{
	const struct answered *a = owner_answered(w, ip);

	for (size_t i = 0; s->service == NULL && a != NULL && i < a->owned.count; i++)
		if (a->owned.items[i]->shown)
			return a->owned.items[i]->service->text;
	return s->service;
}

static void steal(struct sim_world *w, struct world_host *h, const struct sim_step *s)
{
	struct ip_prefix p = { .addr = wanted(w, s) };
	struct sim_iface *i = sim_stack_ifaces(h->stack) > 0 ? sim_stack_iface(h->stack, 0) : NULL;

	if (i == NULL || p.addr.family == IP_NONE)
		return;
	for (size_t k = 0; k < h->stolen.count; k++)
		if (ip_equal(&h->stolen.items[k].ip, &p.addr))
			return;
	struct world_theft *t = must(array_push(&h->stolen));
	t->ip = p.addr;
	t->service = must_copy(s->service);
	p.len = (uint8_t)ip_bits(p.addr.family);
	sim_iface_address_add(i, &p);
	sim_iface_gratuitous(i, &p.addr, "it steals the address");
	sim_journal_add(&w->journal, world_now(w), SIM_STOLEN, h->cfg->name,
			service_with(w, s, &p.addr), &p.addr, "");
}

static bool is_meant(const struct sim_step *s, const struct world_theft *t)
{
	if (s->address.family != IP_NONE)
		return ip_equal(&s->address, &t->ip);
	return s->service == NULL || (t->service != NULL && strcmp(s->service, t->service) == 0);
}

static void give_back(struct world_host *h, const struct sim_step *s)
{
	for (size_t k = 0; k < h->stolen.count;) {
		struct world_theft *t = &h->stolen.items[k];

		if (!is_meant(s, t)) {
			k++;
			continue;
		}
		sim_iface_address_remove(sim_stack_iface(h->stack, 0), &t->ip);
		free(t->service);
		*t = h->stolen.items[--h->stolen.count];
	}
}

static void on_theft(struct sim_world *w, const struct sim_step *s)
{
	struct world_host *h = world_host(w, s->what);

	if (h == NULL)
		return;
	if (s->op == SIM_OP_STEAL)
		steal(w, h, s);
	else
		give_back(h, s);
}

/* ------------------------------------------------------------------------------------------ */

void world_net_step(struct sim_world *w, const struct sim_step *s)
{
	struct sim_link *l = s->link != NULL ? sim_link_find(w->net, s->link) : NULL;

	switch (s->op) {
	case SIM_OP_LINK_DOWN:
	case SIM_OP_LINK_UP:
		link_updown(w, s);
		break;
	case SIM_OP_CUT:
		on_cut(w, s, sim_link_cut);
		break;
	case SIM_OP_HEAL:
		if (s->link == NULL && s->what == NULL)
			heal_all(w);
		else
			on_cut(w, s, sim_link_heal);
		break;
	case SIM_OP_IMPAIR:
		impair(w, s);
		break;
	case SIM_OP_STORM:
		if (l != NULL)
			sim_link_storm(l, (unsigned)s->count, STORM_MOST);
		break;
	case SIM_OP_FORGET:
		if (l != NULL)
			sim_link_forget(l);
		break;
	default:
		on_theft(w, s);
		break;
	}
}
