// SPDX-License-Identifier: Apache-2.0
/*
 * The last changes, in order: what watchers are fed from.
 *
 * One ring for all kinds, bounded by count and bytes. Changes are numbered without
 * gaps (seq); a watcher holds the number of the next one it wants, and there is no
 * queue of its own to bound: when the ring has moved past it, it was too slow.
 */
#ifndef BELLMAN_APISERVER_HISTORY_H
#define BELLMAN_APISERVER_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "standalone/apiserver/buf.h"
#include "standalone/apiserver/kinds.h"

enum change_type { CHANGE_ADDED, CHANGE_MODIFIED, CHANGE_DELETED };

struct change {
	enum change_type type;
	uint64_t rv;
	const struct kind *kind;
	const char *ns, *name; /* interned; ns "" for cluster scope */
	struct text *now;      /* the object; of a deleted one its last state, with the new rv */
	struct text *before;   /* NULL when added */
	uint64_t before_rv;    /* the version of that one */
};

struct history; /* opaque */

/* @floor_rv: changes up to it are not known. */
struct history *history_new(size_t count_max, size_t bytes_max, uint64_t floor_rv);
struct history *history_free(struct history *h); /* NULL is fine; returns NULL */

/* Append; takes references of its own. The oldest ones go when a bound is passed. */
void history_add(struct history *h, const struct change *c);

/* NULL: forgotten, or not yet there. */
const struct change *history_at(const struct history *h, uint64_t seq);
uint64_t history_end(const struct history *h); /* one after the newest */

/* The version behind which all changes are known. */
uint64_t history_floor(const struct history *h);

/*
 * The seq of the first change after version @rv (history_end() when there is none yet).
 * False: some after @rv are forgotten.
 */
bool history_after(const struct history *h, uint64_t rv, uint64_t *ret_seq);

#endif
