// SPDX-License-Identifier: Apache-2.0
/*
 * What Services have in their status, held against each other; check_given.c holds it against the
 * pools.
 *
 * `double-address`: two have one address only where sharing allows it (compatibility page 3.4): at
 * once, unless the other has just been changed, and in the end always.
 */
#include "lib/base/text.h"
#include "lib/model/json.h"
#include "sim/check_state.h"

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
	return other->terms_ns == 0 || world_is_well(w, other->terms_ns, CHECK_WRITE_NS);
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

		if (!o->shown || shows(before, &o->ip))
			continue;
		check_gets(w, o, !had_address(before));
		if (is_contested(w, o))
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

void check_statuses(struct sim_world *w)
{
	owner_each_answered(w, check_sharers, w);
	check_given(w);
}
