// SPDX-License-Identifier: Apache-2.0
/* EndpointSlices by the Service that they are of, which everybody asks for and no name tells. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/intern.h"
#include "lib/base/must.h"
#include "sim/api_state.h"

/* Those of one Service; at least one. */
struct sim_api_group {
	RB_ENTRY(sim_api_group) link;
	const char *ns, *service; /* interned */
	struct sim_slices slices;
};

static int group_cmp(const struct sim_api_group *a, const struct sim_api_group *b)
{
	int cmp = strcmp(a->ns, b->ns);

	return cmp != 0 ? cmp : strcmp(a->service, b->service);
}

TREE_GENERATE(sim_api_groups, sim_api_group, link, group_cmp)

static struct sim_api_group *group_find(const struct sim_api *a, const char *ns,
					const char *service)
{
	struct sim_api_group key = { .ns = ns, .service = service };

	return RB_FIND(sim_api_groups, (struct sim_api_groups *)&a->groups, &key);
}

static struct sim_api_group *group_get(struct sim_api *a, const char *ns, const char *service)
{
	struct sim_api_group *g = group_find(a, ns, service);

	if (g != NULL)
		return g;
	g = must(calloc(1, sizeof(*g)));
	g->ns = intern(ns);
	g->service = intern(service);
	RB_INSERT(sim_api_groups, &a->groups, g);
	return g;
}

static void group_free(struct sim_api *a, struct sim_api_group *g)
{
	RB_REMOVE(sim_api_groups, &a->groups, g);
	array_free(&g->slices);
	intern_unref(g->ns);
	intern_unref(g->service);
	free(g);
}

static void add(struct sim_api *a, const struct endpoint_slice *x)
{
	struct sim_slices *all = &group_get(a, x->meta.ns, x->service)->slices;
	size_t at = 0;

	must(array_push_tight(all));
	while (at + 1 < all->count && strcmp(all->items[at]->meta.name, x->meta.name) < 0)
		at++;
	memmove(all->items + at + 1, all->items + at, (all->count - 1 - at) * sizeof(*all->items));
	all->items[at] = x;
}

static void take_out(struct sim_api *a, const struct endpoint_slice *x)
{
	struct sim_api_group *g = group_find(a, x->meta.ns, x->service);
	size_t kept = 0;

	for (size_t i = 0; i < g->slices.count; i++)
		if (g->slices.items[i] != x)
			g->slices.items[kept++] = g->slices.items[i];
	g->slices.count = kept;
	if (kept == 0)
		group_free(a, g);
}

static const struct endpoint_slice *slice_of(const struct sim_object *o)
{
	return o != NULL && o->kind == SIM_SLICE && o->slice != NULL && o->slice->service != NULL
		       ? o->slice
		       : NULL;
}

void sim_api_slices_change(struct sim_api *a, const struct sim_object *before,
			   const struct sim_object *now)
{
	const struct endpoint_slice *old = slice_of(before), *new = slice_of(now);

	if (new != NULL)
		add(a, new);
	if (old != NULL)
		take_out(a, old);
}

void sim_api_slices_done(struct sim_api *a)
{
	for (struct sim_api_group *g; (g = RB_ROOT(&a->groups)) != NULL;)
		group_free(a, g);
}

const struct sim_slices *sim_api_slices(const struct sim_api *a, const char *ns,
					const char *service)
{
	static const struct sim_slices none = { 0 };
	const struct sim_api_group *g = group_find(a, sim_api_object_ns(SIM_SLICE, ns), service);

	return g != NULL ? &g->slices : &none;
}
