// SPDX-License-Identifier: Apache-2.0
/* A simulated allocator as one of several, as allocator/lead_io.c has it. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/must.h"
#include "lib/model/version.h"
#include "sim/allocator_state.h"

/* --- requests ------------------------------------------------------------------------------ */

static void on_answer(void *arg, int status, const struct sim_object *o)
{
	struct sim_allocator_life *l = arg;
	enum kube_lease_todo asked = l->asked;

	l->asked = LEASE_NOTHING;
	lead_answered(l->lead, asked, status, o != NULL ? o->json : NULL, sim_life_now(l));
	sim_turn_soon(&l->lead_turn);
}

/* What is written is the whole object; the metadata is the server's. */
static void put(const void *change_arg, cJSON *json)
{
	cJSON *lease = must(cJSON_Parse(change_arg));

	cJSON_DeleteItemFromObjectCaseSensitive(json, "spec");
	cJSON_AddItemToObject(json, "spec", cJSON_DetachItemFromObjectCaseSensitive(lease, "spec"));
	cJSON_Delete(lease);
}

static void ask(struct sim_allocator_life *l, enum kube_lease_todo todo)
{
	uint64_t timeout_ns = lead_request_ns(l->lead);

	l->asked = todo;
	if (todo == LEASE_GET) {
		sim_api_read(l->client, SIM_LEASE, SIM_ALLOCATOR_NS, LEAD_LEASE, timeout_ns,
			     on_answer, l);
		return;
	}
	char *text = lead_object(l->lead, todo, sim_life_wall_us(l));
	cJSON *lease = must(cJSON_Parse(text));
	sim_api_send(l->client, &(struct sim_api_write){
					.kind = SIM_LEASE,
					.ns = SIM_ALLOCATOR_NS,
					.name = LEAD_LEASE,
					.version = version_of(lease),
					.create = todo == LEASE_CREATE,
					.timeout_ns = timeout_ns,
					.change = put,
					.change_arg = text,
					.done = on_answer,
					.arg = l,
				});
	cJSON_Delete(lease);
}

/* --- turns --------------------------------------------------------------------------------- */

static void change(struct sim_allocator_life *l, enum lead_change change)
{
	bool leads = change == LEAD_BEGINS;
	const struct sim_allocator *a = l->owner;

	if (change == LEAD_STAYS)
		return;
	if (change == LEAD_RENEWED) {
		sim_turn_soon(&l->engine_turn);
		return;
	}
	allocator_lead(l->engine, leads);
	if (leads)
		sim_inputs_relist(l);
	if (a->cfg.ops->leads != NULL)
		a->cfg.ops->leads(a->cfg.arg, a, leads);
}

void sim_lead_turn(struct sim_allocator_life *l)
{
	struct lead_turn turn = lead_run(l->lead, sim_life_now(l));

	change(l, turn.change);
	if (turn.send != LEASE_NOTHING)
		ask(l, turn.send);
	sim_turn_at(&l->lead_turn, turn.wake_ns);
	if (turn.left)
		sim_life_end(l);
}

/* A write has ended. Do we wait for that? */
static void on_ended(void *arg)
{
	struct sim_allocator_life *l = arg;

	if (!lead_leads(l->lead))
		sim_turn_soon(&l->lead_turn);
}

/* --- what the API tells --------------------------------------------------------------------- */

static bool is_ours(const char *ns, const char *name)
{
	return strcmp(ns, SIM_ALLOCATOR_NS) == 0 && strcmp(name, LEAD_LEASE) == 0;
}

static void on_upsert(void *arg, const struct sim_object *o)
{
	struct sim_allocator_life *l = arg;

	if (!is_ours(o->ns, o->name))
		return;
	lead_seen(l->lead, o->json, sim_life_now(l));
	sim_turn_soon(&l->lead_turn);
}

static void on_remove(void *arg, const char *ns, const char *name)
{
	struct sim_allocator_life *l = arg;

	if (!is_ours(ns, name))
		return;
	lead_seen(l->lead, NULL, sim_life_now(l));
	sim_turn_soon(&l->lead_turn);
}

/* --- life ----------------------------------------------------------------------------------- */

void sim_lead_open(struct sim_allocator_life *l)
{
	static const struct sim_watch_ops lease_ops = { .upsert = on_upsert, .remove = on_remove };
	const struct sim_allocator_cfg *cfg = &l->owner->cfg;

	l->lead = lead_new(&(struct lead_cfg){ .gate = l->gate,
					       .ns = SIM_ALLOCATOR_NS,
					       .identity = l->identity,
					       .lease_duration_ns = cfg->lease_duration_ns,
					       .renew_deadline_ns = cfg->renew_deadline_ns,
					       .retry_period_ns = cfg->retry_period_ns,
					       .seed = rng_next(&l->owner->rng) });
	gate_watch(l->gate, on_ended, l);
	l->lease = sim_watch_start(l->client, SIM_LEASE, &lease_ops, l);
}

void sim_lead_stand(struct sim_allocator_life *l)
{
	lead_stand(l->lead, true, sim_life_now(l));
	sim_turn_soon(&l->lead_turn);
}

void sim_lead_leave(struct sim_allocator_life *l)
{
	lead_leave(l->lead, sim_life_now(l));
	sim_turn_soon(&l->lead_turn);
}
