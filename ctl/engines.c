// SPDX-License-Identifier: Apache-2.0
#include "ctl/engines.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "allocator/reserve_map.h"
#include "allocator/status_object.h"
#include "lib/base/intern.h"
#include "lib/base/must.h"

/* A write may free what another Service waits for; each round serves one at least. */
#define ROUNDS_MAX 1000

/* --- the allocator ---------------------------------------------------------------------------- */

/* Do to the object what the daemon would have the API do. There is no time at which a plan happens.
 */
static void write_status(struct cluster_service *s, const struct allocator_action *a)
{
	cJSON *patch = status_object_patch(a, NULL);

	status_object_apply(s->json, patch);
	cJSON_Delete(patch);
}

/* Keep what is told of an address that goes: it says why. */
static void note_cleared(struct cluster_service *s, const struct allocator_action *a)
{
	if (strcmp(a->reason, "ClearAssignment") != 0)
		return;
	free(s->cleared);
	s->cleared = must(strdup(a->message));
}

/* What is kept for Services that are gone, as an allocator that begins to lead reads it. */
static void tell_reservations(const struct cluster *c, struct allocator *a)
{
	const struct reserve_now now = { .ns = 0, .wall_s = time(NULL) };
	struct reserve_list list = { 0 };

	if (!allocator_reservations_needed(a))
		return;
	/* What is not understood there keeps nothing: the allocator warns of it. */
	if (c->reservations != NULL)
		reserve_map_decode(c->reservations, now, &list);
	allocator_reservations_told(a, list.items, list.count);
	reserve_list_done(&list);
}

/* Do what the daemon would do; no IPAM is asked (engines_run() names no cluster). */
static void act(struct cluster *c, struct allocator *a, const struct allocator_action *w)
{
	if (w->type == ALLOCATOR_RESERVE) {
		allocator_reservations_written(a, ALLOCATOR_WRITTEN, 0);
		return;
	}
	if (w->type != ALLOCATOR_WRITE && w->type != ALLOCATOR_EVENT)
		return;
	struct cluster_service *s = cluster_service(c, w->ns, w->name);
	if (s == NULL)
		return;
	if (w->type == ALLOCATOR_EVENT) {
		note_cleared(s, w);
		return;
	}
	write_status(s, w);
	allocator_written(a, s->ns, s->name, ALLOCATOR_WRITTEN, NULL, 0);
	allocator_service_upsert(a, cluster_service_decode(s));
}

static void allocate(struct cluster *c, struct allocator *a, bool write)
{
	struct allocator_actions actions = { 0 };

	allocator_set_config(a, c->config, true);
	for (size_t i = 0; i < c->namespaces.count; i++)
		allocator_namespace_upsert(a, c->namespaces.items[i]);
	c->namespaces.count = 0; /* handed over */
	for (size_t i = 0; i < c->services.count; i++)
		allocator_service_upsert(a, cluster_service_decode(&c->services.items[i]));
	allocator_synced(a);
	tell_reservations(c, a);

	allocator_run(a, 0, &actions);
	for (int round = 0; write && actions.count > 0 && round < ROUNDS_MAX; round++) {
		for (size_t i = 0; i < actions.count; i++)
			act(c, a, &actions.items[i]);
		allocator_actions_done(&actions);
		allocator_run(a, 0, &actions);
	}
	allocator_actions_done(&actions);
}

/* --- the speaker ------------------------------------------------------------------------------ */

/* What the API holds has no slice only if it has no endpoint: nothing is taken for granted there.
 */
static void feed_no_endpoints(struct speaker *speaker, const struct cluster_service *s)
{
	struct endpoint_slice none = { .family = IP_V4 };
	char name[300];

	snprintf(name, sizeof(name), "none/%s", s->name); /* no slice can have that name */
	none.meta.ns = intern(s->ns);
	none.meta.name = intern(name);
	none.service = intern(s->name);
	speaker_slice_upsert(speaker, &none);
	intern_unref(none.service);
	meta_done(&none.meta);
}

struct speaker_cfg engines_speaker_cfg(const struct cluster *c, const char *lb_class)
{
	const char *ignore = config_setting(c->config, "ignoreExcludeLB");

	return (struct speaker_cfg){
		.lb_class = lb_class != NULL ? lb_class
					     : config_setting(c->config, "loadBalancerClass"),
		.ignore_exclude_lb = ignore != NULL && strcmp(ignore, "true") == 0,
		.assume_endpoints = true,
	};
}

struct speaker *engines_speaker(const struct cluster *c, const struct speaker_cfg *cfg)
{
	struct speaker *speaker;

	if (speaker_new(cfg, &speaker) != 0)
		abort(); /* out of memory: there is no exclude expression to be wrong */
	speaker_config_set(speaker, c->config);
	for (size_t i = 0; i < c->nodes.count; i++)
		speaker_node_upsert(speaker, c->nodes.items[i]);
	for (size_t i = 0; i < c->slices.count; i++)
		speaker_slice_upsert(speaker, c->slices.items[i]);
	for (size_t i = 0; i < c->services.count; i++) {
		struct service *s = cluster_service_decode(&c->services.items[i]);
		if (c->services.items[i].live && !c->services.items[i].has_slice)
			feed_no_endpoints(speaker, &c->services.items[i]);
		speaker_service_upsert(speaker, s);
		service_free(s);
	}
	return speaker;
}

struct engines engines_run(struct cluster *c, const char *lb_class, bool write)
{
	const struct speaker_cfg observer = engines_speaker_cfg(c, lb_class);
	const struct allocator_cfg cfg = { .lb_class = observer.lb_class, .reservations = true };
	struct engines e = { .allocator = must(allocator_new(&cfg)) };

	allocate(c, e.allocator, write);
	e.speaker = engines_speaker(c, &observer);
	return e;
}

void engines_done(struct engines *e)
{
	speaker_free(e->speaker);
	allocator_free(e->allocator);
}
