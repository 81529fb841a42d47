// SPDX-License-Identifier: Apache-2.0
/*
 * A set of numbers up to 128 bits, kept as disjoint ranges that never touch.
 *
 * It holds which addresses of a pool are used: memory follows the number of used
 * runs, not the size of the pool, and the first free number at or after a point
 * is one tree descent, O(log n), because a neighbour of a used run is free. So is
 * the n-th free number, because each node of the tree knows how many lie under it.
 */
#ifndef BELLMAN_BASE_RANGESET_H
#define BELLMAN_BASE_RANGESET_H

#include "lib/base/ip.h"

struct rangeset; /* opaque */

/* An empty set for the caller, or NULL: out of memory. */
struct rangeset *rangeset_new(void);
/* NULL is fine. Always returns NULL. */
struct rangeset *rangeset_free(struct rangeset *s);

/* Add or remove first..last, both included. Returns 0, or -ENOMEM with the set as it was. */
int rangeset_add(struct rangeset *s, u128 first, u128 last);
int rangeset_remove(struct rangeset *s, u128 first, u128 last);

bool rangeset_contains(const struct rangeset *s, u128 number);

/*
 * The smallest number in from..last that is not in the set.
 * Returns true and *ret, or false with *ret untouched when all are in it.
 */
bool rangeset_first_free(const struct rangeset *s, u128 from, u128 last, u128 *ret);

/* The number at or behind @from before which @n others are free, if so many are: from 0 on. */
u128 rangeset_nth_free(const struct rangeset *s, u128 from, u128 n);

/* How many numbers of first..last are in the set, at most 2^128 - 1. */
u128 rangeset_count(const struct rangeset *s, u128 first, u128 last);

/* How many runs there are: what the set costs. */
size_t rangeset_runs(const struct rangeset *s);

#endif
