// SPDX-License-Identifier: Apache-2.0
#include "standalone/proxy/flows.h"

#include <stdlib.h>

#include "lib/base/must.h"
#include "lib/base/tree.h"

struct way_in {
	RB_ENTRY(way_in) by_key;
	struct element key;
	bool gone;
	struct endpoint_list to; /* sorted */
};
RB_HEAD(ways_in, way_in);

struct flows {
	struct ways_in tree;
	unsigned node_ports;
};

static int way_in_cmp(const struct way_in *a, const struct way_in *b)
{
	return element_cmp(&a->key, &b->key);
}

TREE_GENERATE(ways_in, way_in, by_key, way_in_cmp)

static bool is_udp_way_in(const struct element *e)
{
	return element_is_exclusive(e) && e->protocol == L4_UDP;
}

static struct way_in *find(const struct flows *f, const struct element *e)
{
	struct way_in key = { .key = *e };

	/* The tree's macros write to no node when they search. */
	return RB_FIND(ways_in, (struct ways_in *)(uintptr_t)&f->tree, &key);
}

static struct way_in *get(struct flows *f, const struct element *e)
{
	struct way_in *w = find(f, e);

	if (w == NULL) {
		w = must(calloc(1, sizeof(*w)));
		w->key = *e;
		RB_INSERT(ways_in, &f->tree, w);
		f->node_ports += e->set == SET_NODE_PORTS;
	}
	return w;
}

static void drop(struct flows *f, struct way_in *w)
{
	RB_REMOVE(ways_in, &f->tree, w);
	f->node_ports -= w->key.set == SET_NODE_PORTS;
	array_free(&w->to);
	free(w);
}

/* --- noting -------------------------------------------------------------------------------- */

static const struct endpoint_list *endpoints_of(const struct plan *p, const struct element *e)
{
	for (size_t i = 0; i < p->udp.count; i++) {
		const struct plan_udp *u = &p->udp.items[i];

		if (u->family == e->family && u->port == e->chain_port)
			return &u->to;
	}
	return NULL;
}

static bool contains(const struct endpoint_list *list, const struct endpoint_at *what)
{
	return list != NULL && list->count > 0 &&
	       bsearch(what, list->items, list->count, sizeof(*what), endpoint_at_cmp) != NULL;
}

/* Has @now lost one that @before had, or got its first? */
static bool flows_changed(const struct endpoint_list *before, const struct endpoint_list *now)
{
	if (before == NULL || before->count == 0)
		return now != NULL && now->count > 0;
	for (size_t i = 0; i < before->count; i++)
		if (!contains(now, &before->items[i]))
			return true;
	return false;
}

static int by_key(const void *a, const void *b)
{
	return element_cmp(a, b);
}

static const struct element *element_find(const struct plan *p, const struct element *e)
{
	return p->elements.count == 0
		       ? NULL
		       : bsearch(e, p->elements.items, p->elements.count, sizeof(*e), by_key);
}

static void note_present(struct flows *f, const struct element *e, const struct endpoint_list *to)
{
	struct way_in *w = get(f, e);

	w->gone = false;
	w->to.count = 0;
	for (size_t i = 0; to != NULL && i < to->count; i++)
		*(struct endpoint_at *)must(array_push(&w->to)) = to->items[i];
}

void flows_note_gone(struct flows *f, const struct element *e)
{
	struct way_in *w = get(f, e);

	w->gone = true;
	w->to.count = 0;
}

void flows_note_losses(struct flows *f, const struct plan *before, const struct plan *now)
{
	if (before->udp.count == 0)
		return;
	for (size_t i = 0; i < before->elements.count; i++) {
		const struct element *e = &before->elements.items[i];

		if (is_udp_way_in(e) && element_find(now, e) == NULL)
			flows_note_gone(f, e);
	}
}

void flows_note_gains(struct flows *f, const struct plan *before, const struct plan *now)
{
	if (now->udp.count == 0)
		return;
	for (size_t i = 0; i < now->elements.count; i++) {
		const struct element *e = &now->elements.items[i];

		if (!is_udp_way_in(e))
			continue;
		const struct element *old = element_find(before, e);
		const struct endpoint_list *to = endpoints_of(now, e);

		if (old == NULL || flows_changed(endpoints_of(before, old), to))
			note_present(f, e, to);
	}
}

void flows_merge(struct flows *f, struct flows *from)
{
	struct way_in *w, *next;

	RB_FOREACH_SAFE (w, ways_in, &from->tree, next) {
		if (w->gone)
			flows_note_gone(f, &w->key);
		else
			note_present(f, &w->key, &w->to);
		drop(from, w);
	}
}

void flows_allow(struct flows *f, const struct flows *coming)
{
	struct flows *from = (struct flows *)(uintptr_t)coming; /* the macros again */
	struct way_in *c;

	RB_FOREACH (c, ways_in, &from->tree) {
		struct way_in *w = c->gone ? NULL : find(f, &c->key);

		if (w == NULL)
			continue;
		size_t had = w->to.count;
		for (size_t i = 0; i < c->to.count; i++) {
			const struct endpoint_list before = { .items = w->to.items, .count = had };

			if (!contains(&before, &c->to.items[i]))
				*(struct endpoint_at *)must(array_push(&w->to)) = c->to.items[i];
		}
		w->gone = false;
		if (w->to.count > had)
			qsort(w->to.items, w->to.count, sizeof(*w->to.items), endpoint_at_cmp);
	}
}

void flows_forget(struct flows *f)
{
	struct way_in *w, *next;

	RB_FOREACH_SAFE (w, ways_in, &f->tree, next)
		drop(f, w);
}

/* --- looking ------------------------------------------------------------------------------- */

bool flows_empty(const struct flows *f)
{
	return RB_EMPTY(&f->tree);
}

bool flows_need_local(const struct flows *f)
{
	return f->node_ports > 0;
}

bool flows_stale(const struct flows *f, const struct flow *flow, bool is_local)
{
	const struct element by_address = { .set = SET_SERVICES,
					    .family = flow->to.family,
					    .protocol = L4_UDP,
					    .port = flow->to_port,
					    .addr = flow->to };
	const struct element by_port = { .set = SET_NODE_PORTS,
					 .family = flow->to.family,
					 .protocol = L4_UDP,
					 .port = flow->to_port };
	const struct endpoint_at from = { .addr = flow->from, .port = flow->from_port };
	const struct way_in *w = find(f, &by_address);

	if ((w == NULL || w->gone) && is_local) {
		const struct way_in *node_port = find(f, &by_port);

		w = node_port != NULL ? node_port : w;
	}
	if (w == NULL)
		return false;
	if (w->gone || w->to.count == 0)
		return flow->translated;
	return !contains(&w->to, &from);
}

struct flows *flows_new(void)
{
	return must(calloc(1, sizeof(struct flows)));
}

struct flows *flows_free(struct flows *f)
{
	if (f != NULL)
		flows_forget(f);
	free(f);
	return NULL;
}
