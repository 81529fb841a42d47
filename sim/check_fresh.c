// SPDX-License-Identifier: Apache-2.0
/*
 * `idempotent`: an engine that is told the truth has nothing left to do. A speaker that is told
 * once more all that it knows, and an allocator that has just begun, told all that is.
 */
#include <stdio.h>

#include "sim/check_state.h"

#define RETOLD 3 /* speakers, of all */

void check_retold(struct sim_world *w)
{
	for (size_t i = 0; i < RETOLD; i++) {
		struct world_node *n = &w->nodes[rng_below(&w->rng, w->node_count)];

		if (!world_is_well(w, n->health.well_ns, w->bound_ns))
			continue;
		size_t actions = sim_speaker_retell(n->speaker);
		if (actions > 0)
			check_broken(w, "idempotent", n->cfg->name, NULL, NULL,
				     "%s does %zu things when it is told what it knows",
				     n->cfg->name, actions);
	}
}

static void tell_service(void *arg, const struct sim_object *o)
{
	struct allocator *a = arg;
	struct faults faults = { 0 };
	struct service *s;

	if (service_decode(o->json, (struct where){ 0 }, &faults, &s) == 0)
		allocator_service_upsert(a, s);
	faults_free(&faults);
}

static void tell_namespace(void *arg, const struct sim_object *o)
{
	struct allocator *a = arg;
	struct faults faults = { 0 };
	struct namespace *n;

	if (namespace_decode(o->json, (struct where){ 0 }, &faults, &n) == 0)
		allocator_namespace_upsert(a, n);
	faults_free(&faults);
}

/* An allocator that knows what the API holds. */
static struct allocator *begun(struct sim_world *w)
{
	const struct sim_object *config = sim_api_get(w->api, SIM_CONFIG, "", "");
	const struct allocator_cfg cfg = { .lb_class = w->scenario->lb_class, .seed = w->seed };
	struct allocator *a = allocator_new(&cfg);

	if (config != NULL)
		allocator_set_config(a, config->config, true);
	sim_api_each(w->api, SIM_SERVICE, tell_service, a);
	sim_api_each(w->api, SIM_NAMESPACE, tell_namespace, a);
	allocator_synced(a);
	return a;
}

/* Its words alone: of several reasons to wait, the one that was found last was told. */
static bool is_rewording(const struct sim_world *w, const struct allocator_action *act)
{
	const struct sim_object *o = sim_api_get(w->api, SIM_SERVICE, act->ns, act->name);

	return o != NULL && o->service != NULL && o->service->ingress_count == 0 &&
	       act->ip_count == 0 && act->condition.set == ALLOCATOR_CONDITION_FALSE &&
	       !act->condition.turned;
}

void check_fresh(struct sim_world *w)
{
	struct allocator_actions out = { 0 };
	struct allocator *a = begun(w);
	char service[520];

	allocator_run(a, NS_PER_S, &out);
	for (size_t i = 0; i < out.count; i++) {
		const struct allocator_action *act = &out.items[i];

		if (act->type != ALLOCATOR_WRITE || is_rewording(w, act))
			continue;
		snprintf(service, sizeof(service), "%s/%s", act->ns, act->name);
		check_broken(w, "idempotent", NULL, service, NULL,
			     "an allocator that has just begun would write it: %u addresses%s%s",
			     act->ip_count,
			     act->condition.set != ALLOCATOR_CONDITION_KEEP ? ", and the condition "
									    : "",
			     act->condition.message != NULL ? act->condition.message : "");
	}
	allocator_actions_done(&out);
	allocator_free(a);
}
