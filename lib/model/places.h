// SPDX-License-Identifier: Apache-2.0
/*
 * Where peers and advertisements apply, to tell whether two of them meet on a node.
 *
 * Places are the Nodes where they are known. Where they are not, each selector that occurs is
 * one, and one more stands for every other node: then two meet only if they surely do, because
 * one of them is for every node or both have the same selector.
 */
#ifndef BELLMAN_MODEL_PLACES_H
#define BELLMAN_MODEL_PLACES_H

#include "lib/model/cluster.h"

struct places; /* opaque */

/* One bit a place. */
struct place_set {
	uint64_t *words; /* of the caller, for free() */
	size_t count;
};

/*
 * @nodes: the Nodes there are, borrowed; with @node_count 0 they are not known.
 * @lists: every list of selectors that will be asked about, borrowed.
 * *ret is for places_free(). Returns 0 or -ENOMEM.
 */
int places_new(const struct node *const *nodes, size_t node_count,
	       const struct selectors *const *lists, size_t list_count, struct places **ret);
struct places *places_free(struct places *p); /* NULL is fine; returns NULL */

/* The places that @s selects; an empty list selects all. Returns 0 or -ENOMEM. */
int places_of(const struct places *p, const struct selectors *s, struct place_set *ret);
bool place_sets_meet(const struct place_set *a, const struct place_set *b);

#endif
