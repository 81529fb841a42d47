// SPDX-License-Identifier: Apache-2.0
/*
 * What Services have in their status.
 *
 * `double-address`: two have one address only where sharing allows it (compatibility page 3.4): at
 * once, unless the other has just been changed, and in the end always. `allocation`: none that
 * could have an address is without, as far as plain arithmetic can tell. `pool`: what they have, a
 * pool gives to such as them.
 */
#include <stdio.h>

#include "lib/base/text.h"
#include "lib/model/json.h"
#include "sim/check_state.h"

/* A write may be so long on its way, and know no better. */
#define WRITE_NS (10 * NS_PER_S)

/* --- sharing ----------------------------------------------------------------------------- */

static bool same_labels(const struct labels *a, const struct labels *b)
{
	if (a->count != b->count)
		return false;
	for (uint32_t i = 0; i < a->count; i++)
		if (strcmp(a->items[i].key, b->items[i].key) != 0 ||
		    strcmp(a->items[i].value, b->items[i].value) != 0)
			return false;
	return true;
}

/* What goes to the endpoints of policy Local goes to those of its selector; else to anybody's. */
static bool same_backend(const struct service *a, const struct service *b)
{
	if (a->external_policy != POLICY_LOCAL && b->external_policy != POLICY_LOCAL)
		return true;
	if (a->external_policy == b->external_policy)
		return same_labels(&a->selector, &b->selector);
	const struct service *local = a->external_policy == POLICY_LOCAL ? a : b;
	return local->selector.count == 0;
}

static bool may_share(const struct service *a, const struct service *b)
{
	if (a->sharing_key == NULL || b->sharing_key == NULL || *a->sharing_key == '\0' ||
	    strcmp(a->sharing_key, b->sharing_key) != 0 || !same_backend(a, b))
		return false;
	for (unsigned i = 0; i < a->port_count; i++)
		for (unsigned k = 0; k < b->port_count; k++)
			if (a->ports[i].port == b->ports[k].port &&
			    a->ports[i].protocol == b->ports[k].protocol)
				return false;
	return true;
}

static bool shows(const struct sim_object *o, const struct ip_addr *ip)
{
	for (unsigned i = 0; o != NULL && o->service != NULL && i < o->service->ingress_count; i++)
		if (ip_equal(&o->service->ingress[i], ip))
			return true;
	return false;
}

static const struct service *service_of(const struct sim_world *w, const struct owned_service *s)
{
	const struct sim_object *o = sim_api_get(w->api, SIM_SERVICE, s->ns, s->name);

	return o != NULL ? o->service : NULL;
}

/* Have @a and @b one address in their status that they must not share? */
static bool is_double(const struct sim_world *w, const struct owned *a, const struct owned *b)
{
	const struct service *x = service_of(w, a->service), *y = service_of(w, b->service);

	return a->shown && b->shown && x != NULL && y != NULL && !may_share(x, y);
}

static void check_pair(struct sim_world *w, const struct owned *a, const struct owned *b)
{
	if (is_double(w, a, b))
		check_broken(w, "double-address", NULL, a->service->text, &a->ip, "%s has it, too",
			     b->service->text);
}

/* Is what decides about sharing as it was? */
static bool same_terms(const struct sim_object *before, const struct sim_object *now)
{
	return before->service != NULL && now->service != NULL &&
	       text_equal(before->service->sharing_key, now->service->sharing_key) &&
	       json_equal(cJSON_GetObjectItemCaseSensitive(before->json, "spec"),
			  cJSON_GetObjectItemCaseSensitive(now->json, "spec"));
}

/* Who had no address shared it with nobody: nobody's write can count on what it was. */
static bool had_address(const struct sim_object *before)
{
	return before != NULL && before->service != NULL && before->service->ingress_count > 0;
}

/* Was the other one not changed lately, so that who shares with it could have known? */
static bool is_settled(const struct sim_world *w, const struct owned_service *other)
{
	return other->terms_ns == 0 || world_is_well(w, other->terms_ns, WRITE_NS);
}

/*
 * Do two others than @o have its address who must not? A user has made it so, by a change of what
 * they share under, and one of them is about to lose it.
 */
static bool is_contested(const struct sim_world *w, const struct owned *o)
{
	const struct answered *a = o->answered;

	for (size_t i = 0; i < a->owned.count; i++)
		for (size_t k = 0; k < i; k++)
			if (a->owned.items[i] != o && a->owned.items[k] != o &&
			    is_double(w, a->owned.items[i], a->owned.items[k]))
				return true;
	return false;
}

void check_shared(struct sim_world *w, const struct sim_object *before,
		  const struct sim_object *now)
{
	struct owned_service *s = owner_service_of(w, now);

	if (s == NULL || now->service == NULL)
		return;
	if (had_address(before) && !same_terms(before, now))
		s->terms_ns = world_now(w);
	if (before == NULL && world_now(w) == 0)
		return; /* what was there before us */
	for (size_t i = 0; i < s->ips.count; i++) {
		const struct owned *o = s->ips.items[i];

		if (!o->shown || shows(before, &o->ip) || is_contested(w, o))
			continue;
		for (size_t k = 0; k < o->answered->owned.count; k++) {
			const struct owned *other = o->answered->owned.items[k];

			if (other != o && is_settled(w, other->service))
				check_pair(w, o, other);
		}
	}
}

static void check_sharers(void *arg, struct answered *a)
{
	struct sim_world *w = arg;

	for (size_t i = 0; i < a->owned.count; i++)
		for (size_t k = 0; k < i; k++)
			check_pair(w, a->owned.items[i], a->owned.items[k]);
}

/* --- somebody waits ---------------------------------------------------------------------- */

/* Is it a pool for everybody, by itself? Others may have reasons that are not told here. */
static bool is_plain(const struct pool *p)
{
	return p->auto_assign && !p->drain && !p->pinned && !p->per_range && p->quota.count == 0 &&
	       p->quota_others == POOL_NO_QUOTA && p->ipam.url == NULL && p->exclude.count == 0 &&
	       p->reserve_ns == 0;
}

struct count {
	const struct pool *pool;
	uint8_t family;
	u128 used;
};

static bool gives(const struct pool *p, const struct ip_addr *ip)
{
	return pool_contains(p, ip, false);
}

static void count_used(void *arg, struct answered *a)
{
	struct count *c = arg;
	bool shown = false;

	for (size_t i = 0; i < a->owned.count; i++)
		shown |= a->owned.items[i]->shown;
	c->used += shown && a->ip.family == c->family && gives(c->pool, &a->ip);
}

static bool has_room(struct sim_world *w, const struct pool *p, uint8_t family)
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

static bool could_have(struct sim_world *w, const struct service *s, const struct pool *p)
{
	bool four = false, six = false;

	if (!is_plain(p))
		return false;
	for (unsigned i = 0; i < s->cluster_ip_count; i++) {
		four |= s->cluster_ips[i].family == IP_V4;
		six |= s->cluster_ips[i].family == IP_V6;
	}
	bool room4 = four && has_room(w, p, IP_V4), room6 = six && has_room(w, p, IP_V6);
	if (four && six && s->family_policy == FAMILY_PREFER_DUAL)
		return room4 || room6;
	return (four || six) && four == room4 && six == room6;
}

static bool asks_for_nothing(const struct service *s)
{
	return s->requested_ips == NULL && s->lb_ip == NULL && s->address_pool == NULL;
}

static bool is_ours(const struct sim_world *w, const struct service *s)
{
	return s != NULL && s->type == SERVICE_LOAD_BALANCER &&
	       text_equal(s->lb_class, w->scenario->lb_class);
}

static void check_waiting(void *arg, const struct sim_object *o)
{
	struct sim_world *w = arg;
	const struct sim_object *config = sim_api_get(w->api, SIM_CONFIG, "", "");
	const struct service *s = o->service;
	char text[520];

	if (!is_ours(w, s) || s->ingress_count > 0 || config == NULL || !asks_for_nothing(s))
		return;
	for (size_t i = 0; i < config->config->pools.count; i++) {
		const struct pool *p = &config->config->pools.items[i];

		if (!could_have(w, s, p))
			continue;
		snprintf(text, sizeof(text), "%s/%s", o->ns, o->name);
		check_broken(w, "allocation", NULL, text, NULL,
			     "it has no address, although pool %s has room", p->name);
		return;
	}
}

/* --- from where -------------------------------------------------------------------------- */

static bool admits(const struct sim_world *w, const struct pool *p, const struct sim_object *o)
{
	const struct sim_object *ns = sim_api_get(w->api, SIM_NAMESPACE, "", o->ns);
	bool all = p->namespaces.count == 0 && p->namespace_selectors.count == 0;
	bool by_label = p->namespace_selectors.count > 0 && ns != NULL && ns->namespace != NULL &&
			selectors_match(&p->namespace_selectors, &ns->namespace->meta.labels);

	return (all || by_label || names_contain(&p->namespaces, o->ns)) &&
	       (p->service_selectors.count == 0 ||
		selectors_match(&p->service_selectors, &o->service->meta.labels));
}

static bool is_given(const struct sim_world *w, const struct config *c, const struct sim_object *o,
		     const struct ip_addr *ip)
{
	for (size_t i = 0; i < c->pools.count; i++)
		if (gives(&c->pools.items[i], ip) && admits(w, &c->pools.items[i], o))
			return true;
	return false;
}

static void check_given(void *arg, const struct sim_object *o)
{
	struct sim_world *w = arg;
	const struct sim_object *config = sim_api_get(w->api, SIM_CONFIG, "", "");
	char text[520];

	if (config == NULL || !is_ours(w, o->service))
		return;
	snprintf(text, sizeof(text), "%s/%s", o->ns, o->name);
	for (unsigned i = 0; i < o->service->ingress_count; i++)
		if (!is_given(w, config->config, o, &o->service->ingress[i]))
			check_broken(w, "pool", NULL, text, &o->service->ingress[i],
				     "it has an address that no pool gives it");
}

void check_statuses(struct sim_world *w)
{
	owner_each_answered(w, check_sharers, w);
	sim_api_each(w->api, SIM_SERVICE, check_given, w);
	sim_api_each(w->api, SIM_SERVICE, check_waiting, w);
}
