// SPDX-License-Identifier: Apache-2.0
/* What the API says: which addresses Services have, and what concerns the verdicts on them. */
#include "sim/owner_state.h"

/* --- what the API says ------------------------------------------------------------------- */

static bool shows(const struct sim_object *o, const struct ip_addr *ip)
{
	return o != NULL && o->service != NULL &&
	       owner_ips_have(o->service->ingress, o->service->ingress_count, ip);
}

static struct owned *owned_get(struct sim_world *w, struct owned_service *s,
			       const struct ip_addr *ip)
{
	struct owned *o = owner_owned(s, ip);

	if (o != NULL)
		return o;
	o = must(calloc(1, sizeof(*o)));
	o->service = s;
	o->ip = *ip;
	o->assigned_ns = world_now(w);
	o->first_ns = UINT64_MAX;
	o->answered = owner_answered_get(w, ip);
	*(struct owned **)must(array_push(&s->ips)) = o;
	*(struct owned **)must(array_push(&o->answered->owned)) = o;
	return o;
}

/* Those of the status first, in its order. */
static void bring_in_order(struct owned_service *s, const struct service *service)
{
	for (size_t i = 0; i < service->ingress_count && i < s->ips.count; i++)
		for (size_t k = i + 1; k < s->ips.count; k++)
			if (ip_equal(&s->ips.items[k]->ip, &service->ingress[i])) {
				struct owned *o = s->ips.items[k];

				s->ips.items[k] = s->ips.items[i];
				s->ips.items[i] = o;
			}
}

static void show(struct sim_world *w, struct owned *o, bool shown)
{
	o->shown = shown;
	sim_journal_add(&w->journal, world_now(w), shown ? SIM_ASSIGNED : SIM_CLEARED, NULL,
			o->service->text, &o->ip, "");
	owner_settle(w, o);
}

static void service_changed(struct sim_world *w, const struct sim_object *now)
{
	struct owned_service *s = owner_service_get(w->owners, now->ns, now->name);

	s->asked = false;
	for (size_t i = 0; i < s->ips.count; i++)
		if (s->ips.items[i]->shown && !shows(now, &s->ips.items[i]->ip))
			show(w, s->ips.items[i], false);
	for (size_t i = 0; now->service != NULL && i < now->service->ingress_count; i++) {
		struct owned *o = owned_get(w, s, &now->service->ingress[i]);

		if (!o->shown)
			show(w, o, true);
	}
	if (now->service != NULL)
		bring_in_order(s, now->service);
	for (size_t i = 0; i < s->claims.count; i++)
		owner_make_hot(s->claims.items[i].node, s);
	world_changed(w);
}

static void slice_changed(struct sim_world *w, const struct sim_object *o)
{
	if (o == NULL || o->slice == NULL || o->slice->service == NULL)
		return;
	struct owned_service *s =
		owner_service_find(w->owners, o->slice->meta.ns, o->slice->service);
	if (s != NULL)
		s->asked = false;
}

void owner_witness(struct sim_world *w, const struct sim_object *before,
		   const struct sim_object *now)
{
	switch (now->kind) {
	case SIM_SERVICE:
		service_changed(w, now);
		break;
	case SIM_SLICE:
		slice_changed(w, before);
		slice_changed(w, now);
		break;
	case SIM_NODE:
	case SIM_CONFIG:
		w->owners->epoch++;
		break;
	default:
		break;
	}
}
