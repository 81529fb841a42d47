// SPDX-License-Identifier: Apache-2.0
/* What is true: the objects, and how they change. */
#include "sim/api.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/duration.h"
#include "lib/base/must.h"
#include "lib/model/json.h"
#include "lib/model/meta.h"
#include "sim/api_state.h"

#define LATENCY_NS     (2 * NS_PER_MS)
#define WATCH_DELAY_NS (5 * NS_PER_MS)
#define HISTORY        1000

static int entry_cmp(const struct sim_api_entry *a, const struct sim_api_entry *b)
{
	int cmp = strcmp(a->now->object.ns, b->now->object.ns);

	return cmp != 0 ? cmp : strcmp(a->now->object.name, b->now->object.name);
}

TREE_GENERATE(sim_api_entries, sim_api_entry, link, entry_cmp)

struct sim_api_entry *sim_api_entry_first(const struct sim_api_store *s)
{
	return RB_MIN(sim_api_entries, (struct sim_api_entries *)&s->entries);
}

struct sim_api_entry *sim_api_entry_next(struct sim_api_entry *e)
{
	return RB_NEXT(sim_api_entries, NULL, e);
}

struct sim_api_entry *sim_api_find(const struct sim_api *a, enum sim_kind kind, const char *ns,
				   const char *name)
{
	struct sim_api_version v = { .object = { .ns = ns, .name = name } };
	struct sim_api_entry key = { .now = &v };

	return RB_FIND(sim_api_entries, (struct sim_api_entries *)&a->stores[kind].entries, &key);
}

/* --- life ------------------------------------------------------------------------------- */

struct sim_api *sim_api_new(struct sim_clock *clock, const struct sim_api_cfg *cfg)
{
	struct sim_api *a = must(calloc(1, sizeof(*a)));

	a->clock = clock;
	a->cfg = *cfg;
	if (cfg->latency_ns == 0)
		a->cfg.latency_ns = LATENCY_NS;
	if (cfg->watch_delay_ns == 0)
		a->cfg.watch_delay_ns = WATCH_DELAY_NS;
	if (cfg->history == 0)
		a->cfg.history = HISTORY;
	a->rng = rng_seeded(cfg->seed);
	RB_INIT(&a->groups);
	TAILQ_INIT(&a->clients);
	for (size_t i = 0; i < SIM_KINDS; i++) {
		RB_INIT(&a->stores[i].entries);
		TAILQ_INIT(&a->stores[i].watches);
		TAILQ_INIT(&a->stores[i].idle);
	}
	return a;
}

static void store_done(struct sim_api_store *s)
{
	struct sim_api_entry *e;

	while ((e = RB_ROOT(&s->entries)) != NULL) {
		RB_REMOVE(sim_api_entries, &s->entries, e);
		sim_api_version_unref(e->now);
		free(e);
	}
	sim_api_snapshot_unref(s->snapshot);
	sim_api_history_done(&s->history);
}

struct sim_api *sim_api_free(struct sim_api *a)
{
	struct sim_api_client *c, *next;

	if (a == NULL)
		return NULL;
	TAILQ_FOREACH_SAFE (c, &a->clients, link, next) {
		assert(c->freed);
		sim_api_requests_drop(c); /* of it there is nothing else left */
	}
	sim_api_slices_done(a);
	for (size_t i = 0; i < SIM_KINDS; i++)
		store_done(&a->stores[i]);
	free(a);
	return NULL;
}

/* --- changes ----------------------------------------------------------------------------- */

/*
 * @v, which is handed over, takes the place of what @e has; NULL: of nothing. All that follows from
 * a change follows from here.
 */
static void install(struct sim_api *a, struct sim_api_entry *e, struct sim_api_version *v)
{
	struct sim_api_store *s = &a->stores[v->object.kind];
	struct sim_api_version *before = NULL;

	if (e == NULL) {
		e = must(calloc(1, sizeof(*e)));
		e->now = v;
		e->born = sim_api_history_end(&s->history);
		RB_INSERT(sim_api_entries, &s->entries, e);
		s->count++;
	} else {
		before = e->now;
		if (v->object.gone) {
			RB_REMOVE(sim_api_entries, &s->entries, e);
			s->count--;
		}
		e->now = v;
	}
	sim_api_slices_change(a, before != NULL ? &before->object : NULL, &v->object);
	s->snapshot = sim_api_snapshot_unref(s->snapshot);
	sim_api_history_add(s, v, e->born, a->cfg.history);
	sim_watches_wake(s);
	if (a->witness != NULL)
		a->witness(a->witness_arg, before != NULL ? &before->object : NULL, &v->object);
	sim_api_version_unref(before);
	if (v->object.gone) {
		sim_api_version_unref(v);
		free(e);
	}
}

/* Of the seed and of the change that made it. */
static const char *make_uid(const struct sim_api *a, char uid[static 40])
{
	struct rng rng = rng_seeded(a->cfg.seed ^ a->number << 32);
	uint64_t bits = rng_next(&rng);

	snprintf(uid, 40, "%08x-%04x-4%03x-8%03x-%012llx", (unsigned)(bits >> 32),
		 (unsigned)(bits >> 16 & 0xffff), (unsigned)(bits >> 4 & 0xfff),
		 (unsigned)(bits & 0xf), (unsigned long long)(a->number & 0xffffffffffffu));
	return uid;
}

bool sim_api_commit(struct sim_api *a, enum sim_kind kind, const char *ns, const char *name,
		    cJSON *json)
{
	struct sim_api_entry *e = sim_api_find(a, kind, ns, name);
	uint64_t now_ns = sim_clock_now(a->clock);
	char uid[40];

	if (e == NULL)
		sim_api_object_stamp(json, ns, name, make_uid(a, uid), now_ns);
	else
		sim_api_object_restamp(json, &e->now->object);
	if (e != NULL && json_equal(json, e->now->object.json)) {
		cJSON_Delete(json);
		return false;
	}
	sim_api_object_set_version(json, ++a->number);
	install(a, e, sim_api_version_new(kind, ns, name, a->number, now_ns, json, NULL));
	return true;
}

/* As the API server does it: a Service that is no LoadBalancer any more has no addresses. */
static void drop_addresses(cJSON *json)
{
	const cJSON *spec = cJSON_GetObjectItemCaseSensitive(json, "spec");
	const char *type = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(spec, "type"));

	if (type == NULL || strcmp(type, "LoadBalancer") != 0)
		cJSON_DeleteItemFromObjectCaseSensitive(cJSON_GetObjectItemCaseSensitive(json,
											 "status"),
							"loadBalancer");
}

static void keep_status(cJSON *json, const struct sim_object *old)
{
	const cJSON *status = cJSON_GetObjectItemCaseSensitive(json, "status");
	const cJSON *has = cJSON_GetObjectItemCaseSensitive(old->json, "status");

	if ((status != NULL && !cJSON_IsNull(status)) || has == NULL)
		return;
	cJSON_DeleteItemFromObjectCaseSensitive(json, "status");
	cJSON_AddItemToObject(json, "status", must(cJSON_Duplicate(has, true)));
	if (old->kind == SIM_SERVICE)
		drop_addresses(json);
}

const struct sim_object *sim_api_put(struct sim_api *a, enum sim_kind kind, cJSON *json)
{
	const char *name = meta_text_or_empty(json, "name");

	assert(kind != SIM_CONFIG);
	if (*name == '\0') {
		cJSON_Delete(json);
		return NULL;
	}
	/* Both outlive @json. */
	char *ns = must_copy(sim_api_object_ns(kind, meta_text(json, "namespace")));
	char *key = must_copy(name);
	const struct sim_api_entry *e = sim_api_find(a, kind, ns, key);
	if (e != NULL && sim_api_object_keeps_status(kind))
		keep_status(json, &e->now->object);
	sim_api_commit(a, kind, ns, key, json);
	const struct sim_object *o = sim_api_get(a, kind, ns, key);
	free(ns);
	free(key);
	return o;
}

void sim_api_put_config(struct sim_api *a, struct config *config)
{
	install(a, sim_api_find(a, SIM_CONFIG, "", ""),
		sim_api_version_new(SIM_CONFIG, "", "", ++a->number, sim_clock_now(a->clock), NULL,
				    config));
}

bool sim_api_delete(struct sim_api *a, enum sim_kind kind, const char *ns, const char *name)
{
	struct sim_api_entry *e = sim_api_find(a, kind, sim_api_object_ns(kind, ns), name);

	if (e == NULL)
		return false;
	const struct sim_object *old = &e->now->object;
	install(a, e,
		sim_api_version_new(kind, old->ns, old->name, ++a->number, sim_clock_now(a->clock),
				    NULL, NULL));
	return true;
}

/* --- questions --------------------------------------------------------------------------- */

const struct sim_object *sim_api_get(const struct sim_api *a, enum sim_kind kind, const char *ns,
				     const char *name)
{
	const struct sim_api_entry *e = sim_api_find(a, kind, sim_api_object_ns(kind, ns), name);

	return e != NULL ? &e->now->object : NULL;
}

size_t sim_api_count(const struct sim_api *a, enum sim_kind kind)
{
	return a->stores[kind].count;
}

void sim_api_each(const struct sim_api *a, enum sim_kind kind,
		  void (*each)(void *arg, const struct sim_object *o), void *arg)
{
	for (struct sim_api_entry *e = sim_api_entry_first(&a->stores[kind]); e != NULL;
	     e = sim_api_entry_next(e))
		each(arg, &e->now->object);
}

uint64_t sim_api_number(const struct sim_api *a)
{
	return a->number;
}

void sim_api_watch_all(struct sim_api *a, sim_api_witness *witness, void *arg)
{
	a->witness = witness;
	a->witness_arg = arg;
}

void sim_api_watch_writes(struct sim_api *a, sim_api_writes *writes, void *arg)
{
	a->writes = writes;
	a->writes_arg = arg;
}

struct sim_api_counts sim_api_counts(const struct sim_api *a)
{
	return a->counts;
}

/* --- what goes wrong ---------------------------------------------------------------------- */

void sim_api_break_watches(struct sim_api *a)
{
	struct sim_api_client *c;
	struct sim_watch *w;

	TAILQ_FOREACH (c, &a->clients, link) {
		TAILQ_FOREACH (w, &c->watches, of_client)
			sim_watch_break(w);
	}
}

void sim_api_outage(struct sim_api *a, bool down)
{
	struct sim_api_client *c;

	if (down && !a->down) {
		sim_api_break_watches(a);
		TAILQ_FOREACH (c, &a->clients, link)
			sim_api_requests_break(c);
	}
	a->down = down;
}

void sim_api_compact(struct sim_api *a)
{
	for (size_t i = 0; i < SIM_KINDS; i++)
		sim_api_history_forget(&a->stores[i]);
}

void sim_api_conflicts(struct sim_api *a, unsigned count)
{
	a->conflicts = count;
}
