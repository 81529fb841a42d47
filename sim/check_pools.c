// SPDX-License-Identifier: Apache-2.0
/* What pools say, for those who hold statuses against them: a second opinion on allocator/pick.c.
 */
#include "sim/check_given.h"

bool given_pool_is_open(const struct pool *p)
{
	return !p->drain && p->quota.count == 0 && p->quota_others == POOL_NO_QUOTA &&
	       p->ipam.url == NULL && p->exclude.count == 0 && p->reserve_ns == 0;
}

bool given_pool_is_plain(const struct pool *p)
{
	return given_pool_is_open(p) && !p->per_range;
}

bool given_pool_gives(const struct pool *p, const struct ip_addr *ip)
{
	return pool_contains(p, ip, false) && !pool_excludes(p, ip);
}

bool given_pool_admits(const struct given *g, const struct pool *p)
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

bool given_is_shown(const struct answered *a, const struct owned_service *but)
{
	for (size_t i = 0; i < a->owned.count; i++)
		if (a->owned.items[i]->shown && a->owned.items[i]->service != but)
			return true;
	return false;
}

static void count_used(void *arg, struct answered *a)
{
	struct count *c = arg;

	c->used += a->ip.family == c->family && given_pool_gives(c->pool, &a->ip) &&
		   given_is_shown(a, NULL);
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
			size += given_pool_gives(p, &ip);
		}
	}
	owner_each_answered(w, count_used, &c);
	return c.used < size;
}

bool given_pool_has_room(const struct given *g, const struct pool *p, uint8_t family)
{
	struct rooms *r = &g->look->rooms[p - g->config->pools.items];
	bool *known = family == IP_V4 ? &r->known4 : &r->known6;
	bool *room = family == IP_V4 ? &r->room4 : &r->room6;

	if (!*known)
		*room = count_room(g->w, p, family);
	*known = true;
	return *room;
}
