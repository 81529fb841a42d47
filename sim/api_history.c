// SPDX-License-Identifier: Apache-2.0
/*
 * What has happened to the objects of one kind, as far as somebody may still have to be told.
 *
 * Changes are kept for three: for whoever comes back to watch on (a window of the latest), for
 * watches that follow but lag, and, as far as deletions go, for watches that are to list anew and
 * then tell what is gone. Old ones are dropped now and then, a heap at a time, since looking for
 * the slowest watch is a walk over all of them.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/intern.h"
#include "lib/base/must.h"
#include "sim/api_state.h"

/* Watches that take nothing any more are ended, as a server ends whose buffer is full. */
static void end_stuck(struct sim_api_store *s)
{
	struct sim_watch *w;

	TAILQ_FOREACH (w, &s->watches, of_store) {
		if (w->position < s->history.window && sim_watch_is_open(w) &&
		    (w->client->paused || w->client->out_cut))
			sim_watch_break(w);
	}
}

static void drop_changes(struct sim_api_store *s)
{
	struct sim_api_history *h = &s->history;
	uint64_t needed = h->window;
	const struct sim_watch *w;

	TAILQ_FOREACH (w, &s->watches, of_store) {
		if (sim_watch_is_open(w) && w->position < needed)
			needed = w->position;
	}
	size_t drop = needed > h->begin ? (size_t)(needed - h->begin) : 0;
	if (drop == 0)
		return;
	for (size_t i = 0; i < drop; i++)
		sim_api_version_unref(h->items[i]);
	h->count -= drop;
	h->begin += drop;
	memmove(h->items, h->items + drop, h->count * sizeof(*h->items));
}

static void drop_graves(struct sim_api_store *s)
{
	struct sim_api_graves *g = &s->history.graves;
	uint64_t needed = sim_api_history_end(&s->history);
	const struct sim_watch *w;
	size_t drop = 0;

	TAILQ_FOREACH (w, &s->watches, of_store) {
		if (w->synced && w->position < needed)
			needed = w->position;
	}
	while (drop < g->count && g->items[drop].gone < needed) {
		intern_unref(g->items[drop].ns);
		intern_unref(g->items[drop++].name);
	}
	if (drop == 0)
		return;
	g->count -= drop;
	memmove(g->items, g->items + drop, g->count * sizeof(*g->items));
}

static void trim(struct sim_api_store *s)
{
	end_stuck(s);
	drop_changes(s);
	drop_graves(s);
}

void sim_api_history_add(struct sim_api_store *s, struct sim_api_version *v, uint64_t born,
			 size_t most)
{
	struct sim_api_history *h = &s->history;
	uint64_t at = sim_api_history_end(h);

	*(struct sim_api_version **)must(array_push(h)) = sim_api_version_ref(v);
	if (v->object.gone)
		*(struct sim_api_grave *)must(array_push(&h->graves)) =
			(struct sim_api_grave){ intern_ref(v->object.ns),
						intern_ref(v->object.name), born, at };
	if (at + 1 > h->window + most)
		h->window = at + 1 - most;
	if (h->count < h->trim_at || h->count <= most)
		return;
	trim(s);
	h->trim_at = 2 * (h->count > most ? h->count : most);
}

void sim_api_history_forget(struct sim_api_store *s)
{
	s->history.window = sim_api_history_end(&s->history);
	trim(s);
}

void sim_api_history_done(struct sim_api_history *h)
{
	for (size_t i = 0; i < h->count; i++)
		sim_api_version_unref(h->items[i]);
	sim_api_graves_done(&h->graves);
	array_free(h);
}

/* --- lists ------------------------------------------------------------------------------ */

struct sim_api_snapshot *sim_api_snapshot_take(struct sim_api_store *s)
{
	struct sim_api_snapshot *n = s->snapshot;

	if (n == NULL) {
		n = must(calloc(1, sizeof(*n) + s->count * sizeof(n->items[0])));
		n->refs = 1;
		n->position = sim_api_history_end(&s->history);
		for (struct sim_api_entry *e = sim_api_entry_first(s); e != NULL;
		     e = sim_api_entry_next(e))
			n->items[n->count++] = sim_api_version_ref(e->now);
		s->snapshot = n;
	}
	n->refs++;
	return n;
}

struct sim_api_snapshot *sim_api_snapshot_unref(struct sim_api_snapshot *s)
{
	if (s == NULL || --s->refs > 0)
		return NULL;
	for (size_t i = 0; i < s->count; i++)
		sim_api_version_unref(s->items[i]);
	free(s);
	return NULL;
}

static int by_key(const void *key, const void *item)
{
	const struct sim_object *o = &(*(struct sim_api_version *const *)item)->object;
	const struct sim_api_grave *g = key;
	int cmp = strcmp(g->ns, o->ns);

	return cmp != 0 ? cmp : strcmp(g->name, o->name);
}

struct sim_api_graves sim_api_history_lost(const struct sim_api_history *h, uint64_t position,
					   const struct sim_api_snapshot *now)
{
	const struct sim_api_graves *g = &h->graves;
	struct sim_api_graves lost = { 0 };
	size_t at = g->count;

	while (at > 0 && g->items[at - 1].gone >= position)
		at--;
	for (; at < g->count; at++) {
		struct sim_api_grave *one = &g->items[at];

		if (one->born >= position ||
		    bsearch(one, now->items, now->count, sizeof(now->items[0]), by_key) != NULL)
			continue;
		*(struct sim_api_grave *)must(array_push(&lost)) = *one;
		intern_ref(one->ns);
		intern_ref(one->name);
	}
	return lost;
}

void sim_api_graves_done(struct sim_api_graves *g)
{
	for (size_t i = 0; i < g->count; i++) {
		intern_unref(g->items[i].ns);
		intern_unref(g->items[i].name);
	}
	array_free(g);
}
