// SPDX-License-Identifier: Apache-2.0
/*
 * The pools of one configuration, cut into what can be given out, and what of it is taken.
 *
 * For each pool and family: the written ranges less what is excluded, and a set of taken
 * numbers, so that the first free one is found in O(log n) and memory follows what is
 * used. Who takes an address is in ledger.h, who may use a pool in decide.c. Running out
 * of memory ends the process.
 */
#ifndef BELLMAN_ALLOCATOR_POOLS_H
#define BELLMAN_ALLOCATOR_POOLS_H

#include "lib/base/ip.h"
#include "lib/model/config.h"

struct pools_book; /* all of them */

struct pool_book {
	const struct pool *pool;
	struct pool_side {
		struct span {
			u128 first, last;
		} * spans; /* addresses less excludes, in written order */
		size_t span_count;
		size_t open;            /* no span before it has a free address */
		struct rangeset *taken; /* in use, or met and never to be used; NULL: no spans */
		u128 total, used;       /* total: at most 2^128 - 1 */
	} sides[2];                     /* IPv4, IPv6 */
};

/* Where an address lies. Sorted by span, then number, places stand in the order of giving out. */
struct place {
	struct pool_book *pool; /* NULL: nowhere */
	size_t span;            /* of the pool's side */
};

/* The pools of @c, which must outlive them, all free. NULL: none. */
struct pools_book *pools_book_new(const struct config *c);
struct pools_book *pools_book_free(struct pools_book *b); /* NULL is fine; returns NULL */

/* Pools in the order in which they are tried: pinned ones by priority (0 last), then name;
 * open ones by name. Both without those that do not assign by themselves. Or all by name. */
enum pool_list { POOLS_PINNED, POOLS_OPEN, POOLS_ALL };
struct pool_book *const *pools_list(const struct pools_book *b, enum pool_list list,
				    size_t *ret_count);
struct pool_book *pools_named(const struct pools_book *b, const char *name);

/* The pool that may give @ip out; nowhere when none, or when it is excluded or avoided there. */
struct place pools_place(const struct pools_book *b, const struct ip_addr *ip);

/* Mark @ip, which lies at @place, as in use or as free again. Nowhere is fine. */
void pools_take(struct place place, const struct ip_addr *ip);
void pools_release(struct place place, const struct ip_addr *ip);

/* The first number of @family that is not in use. False with both untouched when all are. */
bool pool_first_free(struct pool_book *p, uint8_t family, size_t *ret_span, u128 *ret);

struct pool_side *pool_side(struct pool_book *p, uint8_t family);

#endif
