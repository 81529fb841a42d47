// SPDX-License-Identifier: Apache-2.0
/*
 * The pools of one configuration, cut into what can be given out, and what of it is taken.
 *
 * For each pool and family: the written ranges less what is excluded, and a set of taken
 * numbers, so that the next free one is found in O(log n) and memory follows what is
 * used. Who takes an address is in ledger.h, who may use a pool in pick.h. Running out
 * of memory ends the process.
 */
#ifndef BELLMAN_ALLOCATOR_POOLS_H
#define BELLMAN_ALLOCATOR_POOLS_H

#include "allocator/tally.h"
#include "lib/base/ip.h"
#include "lib/base/rng.h"
#include "lib/model/config.h"

struct pools_book; /* all of them */

/* One entry of a pool's addresses that can give something out. */
struct pool_range_book {
	const struct pool_range *written;
	size_t span, span_end; /* its spans in the side's */
	u128 total, used;      /* total: at most 2^128 - 1 */
	u128 open;             /* no number before it is free */
};

struct pool_side {
	struct pool_range_book *ranges; /* in written order */
	size_t range_count;
	size_t open; /* no range before it has a free address */
	struct span {
		u128 first, last; /* of one range less excludes, ascending */
	} * spans;
	size_t span_count;
	struct rangeset *taken; /* in use, excluded, or met and avoided; NULL: no spans */
	u128 total, used;       /* of all ranges; total: at most 2^128 - 1 */
	uint64_t freed;         /* ledger_freed() when an address was last freed */
};

struct pool_book {
	const struct pool *pool;
	struct pool_side sides[2];  /* IPv4, IPv6 */
	struct tally_book *tallies; /* NULL: the pool has no quota */
	uint64_t tallied;           /* ledger_freed() when a namespace last had one less */
	uint64_t changed;           /* the same of an address that got other users, or none */
};

/* Where an address lies. Sorted by range, then number, places stand in the order of giving out. */
struct place {
	struct pool_book *pool; /* NULL: nowhere */
	size_t range;           /* of the pool's side */
};

#define RANGE_ANY SIZE_MAX

/* The pools of @c, which must outlive them, all free. NULL: none. */
struct pools_book *pools_book_new(const struct config *c);
struct pools_book *pools_book_free(struct pools_book *b); /* NULL is fine; returns NULL */

/* Pools in the order in which they are tried: pinned ones by priority (0 last), then name;
 * open ones by name. Both without those that do not assign by themselves. Or all by name. */
enum pool_list { POOLS_PINNED, POOLS_OPEN, POOLS_ALL };
struct pool_book *const *pools_list(const struct pools_book *b, enum pool_list list,
				    size_t *ret_count);
bool pools_per_range(const struct pools_book *b); /* has one of them perRange? */
struct pool_book *pools_named(const struct pools_book *b, const char *name);

size_t pools_tallies(const struct pools_book *b); /* of namespaces, in all pools with a quota */

/* The pool that may give @ip out; nowhere when none, or when it is excluded or avoided there. */
struct place pools_place(const struct pools_book *b, const struct ip_addr *ip);

/* Mark @ip, which lies at @place, as in use or as free again. Nowhere is fine. */
void pools_take(struct place place, const struct ip_addr *ip);
void pools_release(struct place place, const struct ip_addr *ip);

/*
 * A number of @family that is not in use, in @range or RANGE_ANY: the first in written order, or
 * the one that comes next by the pool's strategy. False with both untouched when all are in use.
 */
bool pool_first_free(struct pool_book *p, uint8_t family, size_t range, size_t *ret_range,
		     u128 *ret);
bool pool_next_free(struct pool_book *p, uint8_t family, size_t range, struct rng *rng,
		    size_t *ret_range, u128 *ret);

struct pool_side *pool_side(struct pool_book *p, uint8_t family);

#endif
