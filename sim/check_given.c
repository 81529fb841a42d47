// SPDX-License-Identifier: Apache-2.0
/*
 * What a Service has, when the world is quiet.
 *
 * `families`: addresses of the families that it needs, one of each but where a pool gives one of
 * each range. `pool`: one pool gives all of them to such as it, as the annotation and ipMode say;
 * nobody but a LoadBalancer has any. `allocation`: the second of two, or one of each range, does
 * not lack where there is one.
 */
#include "sim/check_given.h"

#include <stdio.h>

#include "lib/base/text.h"

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
			of_it += given_pool_gives(p, &g->service->ingress[k]);
		if (of_it == g->service->ingress_count && given_pool_admits(g, p))
			return p;
	}
	return NULL;
}

/* ipMode tells the service proxy whether to take what comes in for it. */
static void check_mode(const struct given *g, const struct pool *p)
{
	for (unsigned i = 0; i < g->service->ingress_count; i++) {
		const bool *proxied = g->service->ingress_proxied;

		if ((proxied != NULL && proxied[i]) != (p->ip_mode == IP_MODE_PROXY))
			check_broken(g->w, "pool", NULL, g->text, &g->service->ingress[i],
				     "its ipMode is not that of pool %s", p->name);
	}
}

static unsigned count_in(const struct service *s, const struct ip_range *r)
{
	unsigned count = 0;

	for (unsigned i = 0; i < s->ingress_count; i++)
		count += ip_range_contains(r, &s->ingress[i]);
	return count;
}

struct range_use {
	const struct ip_range *range;
	u128 used;
};

static void count_in_use(void *arg, struct answered *a)
{
	struct range_use *u = arg;

	u->used += ip_range_contains(u->range, &a->ip) && given_is_shown(a, NULL);
}

/* Has @r an address that nobody has, and is there nothing more to it than that? */
static bool is_range_free(const struct given *g, const struct pool *p, const struct ip_range *r)
{
	struct range_use u = { .range = r };

	if (!given_pool_is_open(p) || p->avoid_buggy_ips)
		return false;
	owner_each_answered(g->w, count_in_use, &u);
	return u.used <= ip_range_size_minus_1(r);
}

/* One address of each range; and of other pools one of each family. */
static void check_ranges(const struct given *g, const struct pool *p)
{
	for (size_t i = 0; p->per_range && i < p->addresses.count; i++) {
		const struct ip_range *r = &p->addresses.items[i].range;
		unsigned count = count_in(g->service, r);

		if (count > 1 || (count == 0 && (r->first.family == IP_V4 ? g->four : g->six) &&
				  !given_asks(g->service) && is_range_free(g, p, r)))
			check_broken(g->w, "allocation", NULL, g->text, &r->first,
				     "it has %u addresses of a range of pool %s", count, p->name);
	}
	for (unsigned i = 0; !p->per_range && i < g->service->ingress_count; i++)
		for (unsigned k = 0; k < i; k++)
			if (g->service->ingress[i].family == g->service->ingress[k].family)
				check_broken(g->w, "families", NULL, g->text,
					     &g->service->ingress[i],
					     "it has two addresses of one family");
}

/* One of the two families that it would like to have. */
static void check_second(const struct given *g, const struct pool *p)
{
	uint8_t other = g->service->ingress[0].family == IP_V4 ? IP_V6 : IP_V4;

	/* Who asks for two of which one is held keeps the other, and takes none in its place. */
	if (g->one_will_do && g->service->ingress_count == 1 && given_pool_is_plain(p) &&
	    !given_asks(g->service) && given_pool_has_room(g, p, other))
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
	if (p == NULL)
		return;
	check_mode(g, p);
	check_ranges(g, p);
	check_second(g, p);
}

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
	given_check_wishes(&g);
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
