// SPDX-License-Identifier: Apache-2.0
/*
 * `allocation`: no Service that could have an address is without, nor without the one, or one of
 * the pool, that it asks for and could have.
 */
#include "sim/check_given.h"

#define WISHES 2 /* addresses that are asked for; who asks for more is passed over */

bool given_asks(const struct service *s)
{
	return s->requested_ips != NULL || s->lb_ip != NULL;
}

static bool could_give(const struct given *g, const struct pool *p)
{
	if (!given_pool_is_plain(p) || !given_pool_admits(g, p))
		return false;
	bool room4 = g->four && given_pool_has_room(g, p, IP_V4);
	bool room6 = g->six && given_pool_has_room(g, p, IP_V6);
	return g->one_will_do ? room4 || room6 : g->four == room4 && g->six == room6;
}

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

	return a == NULL || !given_is_shown(a, owner_service_of(g->w, g->object));
}

/* Could @p give it all of @ips? */
static bool could_grant(const struct given *g, const struct pool *p, const struct ip_addr *ips,
			unsigned count)
{
	bool four = false, six = false;

	if (!given_pool_is_plain(p) || !given_pool_admits(g, p) ||
	    (g->service->address_pool != NULL && strcmp(g->service->address_pool, p->name) != 0))
		return false;
	for (unsigned i = 0; i < count; i++) {
		if (!given_pool_gives(p, &ips[i]) || !is_free_for(g, &ips[i]))
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
			     (wanted == NULL || given_pool_gives(p, &g->service->ingress[0]));

		if (there || (wanted != NULL ? strcmp(wanted, p->name) != 0 : !p->auto_assign) ||
		    !could_give(g, p))
			continue;
		check_broken(g->w, "allocation", NULL, g->text, NULL,
			     "it has no address%s, although pool %s has room",
			     wanted != NULL ? " of the pool that it asks for" : "", p->name);
		return;
	}
}

void given_check_wishes(const struct given *g)
{
	struct ip_addr wishes[WISHES];
	unsigned count = wishes_of(g->service, wishes);

	if (count > 0)
		check_wishes(g, wishes, count);
	else if (!given_asks(g->service))
		check_waiting(g);
}
