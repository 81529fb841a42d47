// SPDX-License-Identifier: Apache-2.0
/*
 * Which addresses Services have, by plain arithmetic over what the API holds.
 *
 * `allocation`: none that could have an address is without, or without the one that it asks for,
 * or without the second one of two. `families`: what they have are addresses of the families that
 * they need. `pool`: one pool gives all of them to such as it, and nobody but a LoadBalancer has
 * any.
 */
#include <stdio.h>

#include "lib/base/text.h"
#include "sim/check_state.h"

#define WISHES 2 /* addresses that are asked for; who asks for more is passed over */

/* Of one pool: whether it has an address left. It is asked of many Services, and costly. */
struct rooms {
	bool known4, known6, room4, room6;
};

/* All of one look. */
struct look {
	struct sim_world *w;
	const struct config *config;
	struct rooms *rooms; /* of the pools, in their order */
};

/* One Service, as it is held against the pools. */
struct given {
	const struct look *look;
	struct sim_world *w;
	const struct sim_object *object;
	const struct service *service;
	const struct config *config;
	bool four, six; /* it needs an address of that family, or one of both will do: */
	bool one_will_do;
	char text[520];
};

/* --- what a pool says -------------------------------------------------------------------- */

/* Others may have reasons that are not told here. */
static bool is_plain(const struct pool *p)
{
	return !p->drain && !p->per_range && p->quota.count == 0 &&
	       p->quota_others == POOL_NO_QUOTA && p->ipam.url == NULL && p->exclude.count == 0 &&
	       p->reserve_ns == 0;
}

static bool gives(const struct pool *p, const struct ip_addr *ip)
{
	return pool_contains(p, ip, false) && !pool_excludes(p, ip);
}

static bool admits(const struct given *g, const struct pool *p)
{
	const struct sim_object *ns = sim_api_get(g->w->api, SIM_NAMESPACE, "", g->object->ns);
	bool all = p->namespaces.count == 0 && p->namespace_selectors.count == 0;
	bool by_label = p->namespace_selectors.count > 0 && ns != NULL && ns->namespace != NULL &&
			selectors_match(&p->namespace_selectors, &ns->namespace->meta.labels);

	return (all || by_label || names_contain(&p->namespaces, g->object->ns)) &&
	       (p->service_selectors.count == 0 ||
		selectors_match(&p->service_selectors, &g->service->meta.labels));
}

struct count {
	const struct pool *pool;
	uint8_t family;
	u128 used;
};

static bool is_shown(const struct answered *a, const struct owned_service *but)
{
	for (size_t i = 0; i < a->owned.count; i++)
		if (a->owned.items[i]->shown && a->owned.items[i]->service != but)
			return true;
	return false;
}

static void count_used(void *arg, struct answered *a)
{
	struct count *c = arg;

	c->used += a->ip.family == c->family && gives(c->pool, &a->ip) && is_shown(a, NULL);
}

static bool count_room(struct sim_world *w, const struct pool *p, uint8_t family)
{
	struct count c = { .pool = p, .family = family };
	u128 size = 0;

	for (size_t i = 0; i < p->addresses.count; i++) {
		const struct ip_range *r = &p->addresses.items[i].range;

		if (r->first.family != family)
			continue;
		u128 in_all = ip_range_size_minus_1(r) + 1;
		if (!p->avoid_buggy_ips || in_all > 65536) {
			size += in_all;
			continue;
		}
		for (u128 k = 0; k < in_all; k++) {
			struct ip_addr ip = ip_from_number(family, ip_to_number(&r->first) + k);
			size += gives(p, &ip);
		}
	}
	owner_each_answered(w, count_used, &c);
	return c.used < size;
}

static bool has_room(const struct given *g, const struct pool *p, uint8_t family)
{
	struct rooms *r = &g->look->rooms[p - g->config->pools.items];
	bool *known = family == IP_V4 ? &r->known4 : &r->known6;
	bool *room = family == IP_V4 ? &r->room4 : &r->room6;

	if (!*known)
		*room = count_room(g->w, p, family);
	*known = true;
	return *room;
}

static bool could_give(const struct given *g, const struct pool *p)
{
	if (!is_plain(p) || !admits(g, p))
		return false;
	bool room4 = g->four && has_room(g, p, IP_V4);
	bool room6 = g->six && has_room(g, p, IP_V6);
	return g->one_will_do ? room4 || room6 : g->four == room4 && g->six == room6;
}

/* --- what it asks for -------------------------------------------------------------------- */

/* The addresses that it asks for; 0: none, or not in a way that is understood here. */
static unsigned wishes_of(const struct service *s, struct ip_addr ret[static WISHES])
{
	char text[2 * IP_TEXT_MAX], *rest = text;
	unsigned count = 0;

	if (s->requested_ips == NULL || s->lb_ip != NULL ||
	    strlen(s->requested_ips) >= sizeof(text))
		return 0;
	strcpy(text, s->requested_ips);
	for (const char *word; (word = strsep(&rest, ",")) != NULL; count++)
		if (count == WISHES || ip_parse(word, &ret[count]) != 0)
			return 0;
	return count;
}

static bool has(const struct service *s, const struct ip_addr *ip)
{
	for (unsigned i = 0; i < s->ingress_count; i++)
		if (ip_equal(&s->ingress[i], ip))
			return true;
	return false;
}

static bool is_free_for(const struct given *g, const struct ip_addr *ip)
{
	const struct answered *a = owner_answered(g->w, ip);

	return a == NULL || !is_shown(a, owner_service_of(g->w, g->object));
}

/* Could @p give it all of @ips? */
static bool could_grant(const struct given *g, const struct pool *p, const struct ip_addr *ips,
			unsigned count)
{
	bool four = false, six = false;

	if (!is_plain(p) || !admits(g, p) ||
	    (g->service->address_pool != NULL && strcmp(g->service->address_pool, p->name) != 0))
		return false;
	for (unsigned i = 0; i < count; i++) {
		if (!gives(p, &ips[i]) || !is_free_for(g, &ips[i]))
			return false;
		four |= ips[i].family == IP_V4;
		six |= ips[i].family == IP_V6;
	}
	return four == g->four && six == g->six && count == (unsigned)four + six;
}

static void check_wishes(const struct given *g, const struct ip_addr *ips, unsigned count)
{
	unsigned granted = 0;

	for (unsigned i = 0; i < count; i++)
		granted += has(g->service, &ips[i]);
	if (granted == count && g->service->ingress_count == count)
		return;
	for (size_t i = 0; i < g->config->pools.count; i++)
		if (could_grant(g, &g->config->pools.items[i], ips, count))
			check_broken(g->w, "allocation", NULL, g->text, &ips[0],
				     "it has not what it asks for, although pool %s has it",
				     g->config->pools.items[i].name);
}

/* It asks for nothing, or for a pool. */
static void check_waiting(const struct given *g)
{
	const char *wanted = g->service->address_pool;

	for (size_t i = 0; i < g->config->pools.count; i++) {
		const struct pool *p = &g->config->pools.items[i];
		bool there = g->service->ingress_count > 0 &&
			     (wanted == NULL || gives(p, &g->service->ingress[0]));

		if (there || (wanted != NULL ? strcmp(wanted, p->name) != 0 : !p->auto_assign) ||
		    !could_give(g, p))
			continue;
		check_broken(g->w, "allocation", NULL, g->text, NULL,
			     "it has no address%s, although pool %s has room",
			     wanted != NULL ? " of the pool that it asks for" : "", p->name);
		return;
	}
}

/* --- what it has ------------------------------------------------------------------------- */

static void check_families(const struct given *g)
{
	unsigned four = 0, six = 0, all = g->service->ingress_count;

	for (unsigned i = 0; i < all; i++) {
		four += g->service->ingress[i].family == IP_V4;
		six += g->service->ingress[i].family == IP_V6;
	}
	if ((four > 0 && !g->four) || (six > 0 && !g->six) ||
	    (!g->one_will_do && all > 0 && ((four > 0) != g->four || (six > 0) != g->six)))
		check_broken(g->w, "families", NULL, g->text, NULL,
			     "it has %u addresses of IPv4 and %u of IPv6, and needs %s%s%s", four,
			     six, g->four ? "IPv4" : "", g->four && g->six ? " and " : "",
			     g->six ? "IPv6" : "");
}

/* One that gives it all that it has; NULL: none. */
static const struct pool *pool_of(const struct given *g)
{
	for (size_t i = 0; i < g->config->pools.count; i++) {
		const struct pool *p = &g->config->pools.items[i];
		unsigned of_it = 0;

		for (unsigned k = 0; k < g->service->ingress_count; k++)
			of_it += gives(p, &g->service->ingress[k]);
		if (of_it == g->service->ingress_count && admits(g, p))
			return p;
	}
	return NULL;
}

/* One of the two families that it would like to have. */
static void check_second(const struct given *g, const struct pool *p)
{
	uint8_t other = g->service->ingress[0].family == IP_V4 ? IP_V6 : IP_V4;

	/* Who asks for two of which one is held keeps the other, and takes none in its place. */
	if (g->service->requested_ips == NULL && g->service->lb_ip == NULL && g->one_will_do &&
	    g->service->ingress_count == 1 && is_plain(p) && has_room(g, p, other))
		check_broken(g->w, "allocation", NULL, g->text, &g->service->ingress[0],
			     "it has no address of the other family, although pool %s has room",
			     p->name);
}

static void check_pool(const struct given *g)
{
	const struct pool *p = pool_of(g);

	if (p == NULL)
		check_broken(g->w, "pool", NULL, g->text, &g->service->ingress[0],
			     "it has an address that no pool gives it");
	else if (!text_equal(g->service->from_pool, p->name))
		check_broken(g->w, "pool", NULL, g->text, &g->service->ingress[0],
			     "it has an address of pool %s, and its annotation says %s", p->name,
			     g->service->from_pool != NULL ? g->service->from_pool : "nothing");
	else
		check_second(g, p);
}

/* ----------------------------------------------------------------------------------------- */

static bool is_balancer(const struct given *g)
{
	if (g->service->type == SERVICE_LOAD_BALANCER)
		return true;
	if (g->service->ingress_count > 0 || g->service->from_pool != NULL)
		check_broken(g->w, "pool", NULL, g->text, NULL,
			     "it has an address, or says so, and is no LoadBalancer");
	return false;
}

static void check_one(void *arg, const struct sim_object *o)
{
	const struct look *look = arg;
	const struct service *s = o->service;
	struct given g = { .look = look, .w = look->w, .config = look->config };
	struct ip_addr wishes[WISHES];

	if (s == NULL || !text_equal(s->lb_class, look->w->scenario->lb_class))
		return;
	g.object = o;
	g.service = s;
	snprintf(g.text, sizeof(g.text), "%s/%s", o->ns, o->name);
	for (unsigned i = 0; i < s->cluster_ip_count; i++) {
		g.four |= s->cluster_ips[i].family == IP_V4;
		g.six |= s->cluster_ips[i].family == IP_V6;
	}
	g.one_will_do = g.four && g.six && s->family_policy == FAMILY_PREFER_DUAL;
	if (!is_balancer(&g) || (!g.four && !g.six))
		return;
	if (s->ingress_count > 0) {
		check_families(&g);
		check_pool(&g);
	}
	unsigned count = wishes_of(s, wishes);
	if (count > 0)
		check_wishes(&g, wishes, count);
	else if (s->requested_ips == NULL && s->lb_ip == NULL)
		check_waiting(&g);
}

void check_given(struct sim_world *w)
{
	const struct sim_object *config = sim_api_get(w->api, SIM_CONFIG, "", "");
	struct look look = { .w = w };

	if (config == NULL)
		return;
	look.config = config->config;
	look.rooms = must(calloc(look.config->pools.count + 1, sizeof(*look.rooms)));
	sim_api_each(w->api, SIM_SERVICE, check_one, &look);
	free(look.rooms);
}
