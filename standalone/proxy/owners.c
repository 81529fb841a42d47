// SPDX-License-Identifier: Apache-2.0
#include "standalone/proxy/owners.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/intern.h"
#include "lib/base/must.h"

static int owner_cmp(const struct owner *a, const struct owner *b)
{
	int diff = strcmp(a->ns, b->ns);

	return diff != 0 ? diff : strcmp(a->name, b->name);
}

static int slice_cmp(const struct slice *a, const struct slice *b)
{
	int diff = strcmp(a->object->meta.ns, b->object->meta.ns);

	return diff != 0 ? diff : strcmp(a->object->meta.name, b->object->meta.name);
}

TREE_GENERATE(owner_tree, owner, by_name, owner_cmp)
TREE_GENERATE(slice_tree, slice, by_name, slice_cmp)

/* --- which are dirty ------------------------------------------------------------------------ */

void owner_mark(struct owners *os, struct owner *o)
{
	if (o->dirty)
		return;
	TAILQ_INSERT_TAIL(&os->dirty, o, in_dirty);
	o->dirty = true;
	o->dirty_since_ns = os->now_ns;
}

void owner_mark_first(struct owners *os, struct owner *o)
{
	owner_mark(os, o);
	TAILQ_REMOVE(&os->dirty, o, in_dirty);
	TAILQ_INSERT_HEAD(&os->dirty, o, in_dirty);
}

void owner_unmark(struct owners *os, struct owner *o)
{
	if (o->dirty)
		TAILQ_REMOVE(&os->dirty, o, in_dirty);
	o->dirty = false;
}

/* --- owners --------------------------------------------------------------------------------- */

struct owner *owners_find(struct owners *os, const char *ns, const char *name)
{
	struct owner key = { .ns = ns, .name = name };

	return RB_FIND(owner_tree, &os->tree, &key);
}

struct owner *owners_next(struct owners *os, struct owner *o)
{
	return o == NULL ? RB_MIN(owner_tree, &os->tree) : RB_NEXT(owner_tree, &os->tree, o);
}

static struct owner *owner_get(struct owners *os, const char *ns, const char *name)
{
	struct owner *o = owners_find(os, ns, name);

	if (o == NULL) {
		o = must(calloc(1, sizeof(*o)));
		o->ns = intern(ns);
		o->name = intern(name);
		LIST_INIT(&o->slices);
		RB_INSERT(owner_tree, &os->tree, o);
	}
	return o;
}

static void owner_free(struct owners *os, struct owner *o)
{
	RB_REMOVE(owner_tree, &os->tree, o);
	owner_unmark(os, o);
	array_free(&o->ways);
	service_free(o->service);
	intern_unref(o->ns);
	intern_unref(o->name);
	free(o);
}

void owner_reap(struct owners *os, struct owner *o)
{
	if (o->service == NULL && LIST_EMPTY(&o->slices) && o->sent.chains.count == 0 &&
	    o->sent.elements.count == 0 && !o->dirty && !o->under_way && !o->lingering)
		owner_free(os, o);
}

/* --- claims --------------------------------------------------------------------------------- */

static bool same_ways(const struct elements *a, const struct elements *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (element_cmp(&a->items[i], &b->items[i]) != 0 ||
		    a->items[i].rank != b->items[i].rank)
			return false;
	return true;
}

static struct claimant claimant_of(struct owner *o)
{
	return (struct claimant){
		.ns = o->ns, .name = o->name, .created_s = o->created_s, .who = o
	};
}

/* Claim what @o's Service asks for now. Whoever gains or loses by it is dirty. */
static void update_claims(struct owners *os, struct owner *o)
{
	int64_t created_s = o->service != NULL ? o->service->created_s : 0;
	struct elements ways, old = o->ways;
	struct claimant by = claimant_of(o);

	plan_ways_in(o->service, &ways);
	if (created_s == o->created_s && same_ways(&old, &ways)) {
		array_free(&ways);
		return;
	}
	for (size_t i = 0; i < old.count; i++) {
		bool had = claims_winner(os->claims, &old.items[i]) == o;

		claims_remove(os->claims, &old.items[i], &by);
		struct owner *heir = had ? claims_winner(os->claims, &old.items[i]) : NULL;
		if (heir != NULL)
			owner_mark(os, heir);
	}
	array_free(&old);
	o->ways = ways;
	o->created_s = created_s;
	by = claimant_of(o);
	for (size_t i = 0; i < ways.count; i++) {
		struct owner *loser = claims_winner(os->claims, &ways.items[i]);

		claims_add(os->claims, &ways.items[i], &by);
		if (loser != NULL && claims_winner(os->claims, &ways.items[i]) == o)
			owner_mark(os, loser);
	}
}

/* --- Services ------------------------------------------------------------------------------- */

/* May @name stand in a chain's name? The API server sees to it; this is for when it did not. */
static bool name_fits(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-.");

	return len > 0 && len <= DNS_LABEL_MAX && name[len] == '\0';
}

/* @service: NULL: there is none any more. */
static void set_service(struct owners *os, struct owner *o, struct service *service)
{
	service_free(o->service);
	o->service = service;
	owner_mark(os, o);
	update_claims(os, o);
}

int owners_service(struct owners *os, struct service *service)
{
	if (!name_fits(service->meta.ns) || !name_fits(service->meta.name)) {
		service_free(service);
		return -EINVAL;
	}
	set_service(os, owner_get(os, service->meta.ns, service->meta.name), service);
	return 0;
}

void owners_service_gone(struct owners *os, const char *ns, const char *name)
{
	struct owner *o = owners_find(os, ns, name);

	if (o != NULL && o->service != NULL)
		set_service(os, o, NULL);
}

/* --- slices --------------------------------------------------------------------------------- */

static struct slice *slice_find(struct owners *os, const char *ns, const char *name)
{
	struct endpoint_slice object = { .meta = { .ns = ns, .name = name } };
	struct slice key = { .object = &object };

	return RB_FIND(slice_tree, &os->slices, &key);
}

/* Take a slice from its Service, which is dirty then. */
static void slice_part(struct owners *os, struct slice *s)
{
	if (s->owner == NULL)
		return;
	LIST_REMOVE(s, of_owner);
	owner_mark(os, s->owner);
	s->owner = NULL;
}

static void slice_free(struct owners *os, struct slice *s)
{
	slice_part(os, s);
	RB_REMOVE(slice_tree, &os->slices, s);
	endpoint_slice_free(s->object);
	free(s);
}

void owners_slice_gone(struct owners *os, const char *ns, const char *name)
{
	struct slice *s = slice_find(os, ns, name);

	if (s != NULL)
		slice_free(os, s);
}

int owners_slice(struct owners *os, struct endpoint_slice *object)
{
	if (!name_fits(object->meta.ns) ||
	    (object->service != NULL && !name_fits(object->service))) {
		/* What it was before, it is no more. */
		owners_slice_gone(os, object->meta.ns, object->meta.name);
		endpoint_slice_free(object);
		return -EINVAL;
	}
	struct slice *s = slice_find(os, object->meta.ns, object->meta.name);

	if (s == NULL) {
		s = must(calloc(1, sizeof(*s)));
		s->object = object;
		RB_INSERT(slice_tree, &os->slices, s);
	} else {
		slice_part(os, s);
		endpoint_slice_free(s->object);
		s->object = object;
	}
	if (object->service != NULL) {
		s->owner = owner_get(os, object->meta.ns, object->service);
		LIST_INSERT_HEAD(&s->owner->slices, s, of_owner);
		owner_mark(os, s->owner);
	}
	return 0;
}

/* --- life ----------------------------------------------------------------------------------- */

void owners_init(struct owners *os)
{
	*os = (struct owners){ .claims = claims_new() };
	TAILQ_INIT(&os->dirty);
}

void owners_done(struct owners *os)
{
	struct slice *s, *next_slice;
	struct owner *o, *next;

	RB_FOREACH_SAFE (s, slice_tree, &os->slices, next_slice)
		slice_free(os, s);
	RB_FOREACH_SAFE (o, owner_tree, &os->tree, next)
		owner_free(os, o);
	os->claims = claims_free(os->claims);
}
