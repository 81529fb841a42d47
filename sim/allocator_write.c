// SPDX-License-Identifier: Apache-2.0
/* Status writes of a simulated allocator, as allocator/status_io.c and gate_io.c have them. */
#include <stdlib.h>
#include <time.h>

#include "allocator/status_object.h"
#include "lib/base/must.h"
#include "sim/allocator_state.h"

/* The engine hears how it ended. */
static void tell(const struct sim_errand *e, enum allocator_outcome outcome, const char *version)
{
	struct sim_allocator_life *l = e->life;

	allocator_written(l->engine, e->ns, e->name, outcome, version, sim_life_now(l));
	sim_turn_soon(&l->engine_turn);
}

static void errand_free(struct sim_errand *e)
{
	TAILQ_REMOVE(&e->life->errands, e, link);
	free(e->ns);
	free(e->name);
	free(e->version);
	free(e->patch);
	free(e);
}

static void errand_end(struct sim_errand *e, enum allocator_outcome outcome, const char *version)
{
	tell(e, outcome, version);
	errand_free(e);
}

/* After a conflict: the object as it is now. A successor of the same name is left to the watch. */
static void on_read(void *arg, int status, const struct sim_object *o)
{
	struct sim_errand *e = arg;
	struct service *s = status == 200 && o != NULL ? sim_inputs_decode(o) : NULL;
	bool known = s != NULL && allocator_service_reread(e->life->engine, s);

	errand_end(e, known ? ALLOCATOR_CONFLICT : ALLOCATOR_FAILED, NULL);
}

static void on_written(void *arg, int status, const struct sim_object *o)
{
	struct sim_errand *e = arg;

	gate_end(&e->call, status != 0);
	if (e->call.given_up)
		errand_free(e);
	else if (status >= 200 && status < 300)
		errand_end(e, ALLOCATOR_WRITTEN, o != NULL ? o->version : NULL);
	else if (status == 409)
		sim_api_read(e->life->client, SIM_SERVICE, e->ns, e->name, 0, on_read, e);
	else
		errand_end(e, ALLOCATOR_FAILED, NULL);
}

static void on_give_up(struct gate_call *call)
{
	tell((struct sim_errand *)call, ALLOCATOR_FAILED, NULL);
}

static bool may_send(void *arg)
{
	struct sim_errand *e = arg;

	return gate_may_send(&e->call, sim_life_now(e->life));
}

static void apply(const void *change_arg, cJSON *json)
{
	cJSON *patch = must(cJSON_Parse(change_arg));

	status_object_apply(json, patch);
	cJSON_Delete(patch);
}

/* RFC 3339, whole seconds. */
static const char *time_text(const struct sim_allocator_life *l, char buf[static 32])
{
	time_t now = (time_t)(sim_life_wall_us(l) / 1000000);
	struct tm tm;

	strftime(buf, 32, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
	return buf;
}

void sim_status_write(struct sim_allocator_life *l, const struct allocator_action *act)
{
	struct sim_errand *e = must(calloc(1, sizeof(*e)));
	char now[32];
	cJSON *patch = status_object_patch(act, time_text(l, now));

	*e = (struct sim_errand){ .call = { .give_up = on_give_up },
				  .life = l,
				  .ns = must_copy(act->ns),
				  .name = must_copy(act->name),
				  .version = must_copy(act->resource_version),
				  .patch = must(cJSON_PrintUnformatted(patch)) };
	cJSON_Delete(patch);
	TAILQ_INSERT_TAIL(&l->errands, e, link);
	if (gate_begin(l->gate, &e->call))
		sim_turn_soon(&l->send_turn);
	else
		errand_end(e, ALLOCATOR_FAILED, NULL);
}

static void hand_over(struct sim_errand *e)
{
	struct sim_allocator_life *l = e->life;

	sim_api_send(l->client, &(struct sim_api_write){
					.kind = SIM_SERVICE,
					.ns = e->ns,
					.name = e->name,
					.version = e->version,
					.timeout_ns = gate_timeout_ns(l->gate),
					.change = apply,
					.change_arg = e->patch, /* it is the request's now */
					.may_send = may_send,
					.done = on_written,
					.arg = e,
				});
	e->patch = NULL;
}

void sim_status_turn(struct sim_allocator_life *l)
{
	struct sim_errand *e;

	TAILQ_FOREACH (e, &l->errands, link) {
		if (e->patch != NULL)
			hand_over(e);
	}
}

void sim_status_forget(struct sim_allocator_life *l)
{
	struct sim_errand *e;

	while ((e = TAILQ_FIRST(&l->errands)) != NULL) {
		gate_end(&e->call, false);
		errand_free(e);
	}
}
