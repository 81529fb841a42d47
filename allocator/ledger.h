// SPDX-License-Identifier: Apache-2.0
/*
 * The books of the allocator: which address is held by whom, and which comes next.
 *
 * A table of addresses with their users, of whom there are several when it is shared
 * (share.h). Knows the pools (pools.h) and what their strategies and quotas say. Which
 * Service may use which pool is in pick.c; what becomes of its status in engine.c.
 * Running out of memory ends the process.
 */
#ifndef BELLMAN_ALLOCATOR_LEDGER_H
#define BELLMAN_ALLOCATOR_LEDGER_H

#include <sys/queue.h>

#include "allocator/ips.h"
#include "allocator/pools.h"
#include "allocator/share.h"

struct ledger;
struct ledger_addr; /* one address in the books */

/* One address in one holder's hands. */
struct use {
	LIST_ENTRY(use) of_addr, of_holder;
	struct ledger_addr *addr;
	struct holder *holder;
	struct claim *claim;
	bool leaving; /* given up, but the Service's status may still show it */
};
const struct ip_addr *use_ip(const struct use *u);

/* Who holds addresses; embedded in the engine's record of a Service. Texts are borrowed, the
 * namespace is interned. */
struct holder {
	const char *ns, *name;
	LIST_HEAD(, use) uses;
};

struct ledger *ledger_new(uint64_t seed);     /* of how addresses are hashed */
struct ledger *ledger_free(struct ledger *b); /* every holder must be empty; NULL is fine */

/* Pools from now on; @c must outlive the books or the next call. NULL: none. */
void ledger_set_config(struct ledger *b, const struct config *c);

const struct pools_book *ledger_pools(const struct ledger *b);

/*
 * Who stands against @h taking @ip on the terms @claim; NULL: nobody. Of several it is always the
 * same one, whoever came first: it is named in texts that are not to change without a cause.
 */
const struct holder *ledger_blocker(const struct ledger *b, const struct ip_addr *ip,
				    const struct holder *h, const struct claim *claim);

/* What somebody looks for in a pool. */
struct ledger_search {
	struct pool_book *pool;
	uint8_t family;
	size_t range; /* or RANGE_ANY */
	const struct holder *holder;
	const struct claim *claim;
	bool in_use; /* no free address will do */
};

/*
 * The first address that will do: free, shared on equal terms, or the holder's own already. Or
 * the one that comes next by the pool's strategy; those that are in use come before free ones
 * then. False with *ret untouched when there is none.
 */
bool ledger_first(const struct ledger *b, const struct ledger_search *s, struct ip_addr *ret);
bool ledger_next(const struct ledger *b, const struct ledger_search *s, struct rng *rng,
		 struct ip_addr *ret);

/* How many addresses of @pool, which has a quota, the namespace of @h would hold if @h held @ips
 * and nothing else. */
uint64_t ledger_would_hold(const struct ledger *b, const struct pool_book *pool,
			   const struct holder *h, struct ips ips);

/* Is @ip in anybody's hands? */
bool ledger_has(const struct ledger *b, const struct ip_addr *ip);
/* @freed runs for each address that the last one gave up. */
void ledger_on_freed(struct ledger *b, void (*freed)(void *arg, const struct ip_addr *ip),
		     void *arg);

/* Enter @ip as held by @h, or renew the terms if it is already. ledger_blocker() must be NULL. */
void ledger_take(struct ledger *b, const struct ip_addr *ip, struct holder *h, struct claim *claim);
/* @u ends; the address is free if nobody else uses it. */
void ledger_drop(struct ledger *b, struct use *u);
/* What @h has of @ip, or NULL. */
struct use *ledger_use(const struct holder *h, const struct ip_addr *ip);

/* How many addresses there are in the books, and what the search for shared ones remembers. */
size_t ledger_addresses(const struct ledger *b);
size_t ledger_cursors(const struct ledger *b);

/* Grows each time that somebody who waits may have a new chance. */
uint64_t ledger_freed(const struct ledger *b);
/* Has @ip got other users since @since? None at all, if another of its pool and family was freed.
 */
bool ledger_changed(const struct ledger *b, const struct ip_addr *ip, uint64_t since);
/* May somebody have a new chance in @pool who looks for @family on the terms @claim? */
bool ledger_news(const struct ledger *b, struct pool_book *pool, uint8_t family,
		 const struct claim *claim, uint64_t since);

#endif
