// SPDX-License-Identifier: Apache-2.0
/*
 * The books of the allocator: which address is held by whom, and which comes next.
 *
 * One tree of addresses with their users, of whom there are several when it is shared.
 * Knows the pools (pools.h) and MetalLB's sharing rule: equal sharing keys and back ends,
 * and no port twice. Which Service may use which pool is in decide.c; what becomes of its
 * status in engine.c. Running out of memory ends the process.
 */
#ifndef BELLMAN_ALLOCATOR_LEDGER_H
#define BELLMAN_ALLOCATOR_LEDGER_H

#include <sys/queue.h>

#include "allocator/pools.h"
#include "lib/model/service.h"

struct ledger;
struct ledger_addr; /* one address in the books */

/*
 * On what terms a Service would share an address: its key (sharing key and back end) and its
 * ports. NULL stands for "with nobody". Counted references, never changed.
 */
struct claim;
struct claim *claim_of(const struct service *s); /* NULL without a sharing key */
struct claim *claim_ref(struct claim *c);
struct claim *claim_unref(struct claim *c); /* NULL is fine; returns NULL */

/* One address in one holder's hands. */
struct use {
	LIST_ENTRY(use) of_addr, of_holder;
	struct ledger_addr *addr;
	struct holder *holder;
	struct claim *claim;
	bool leaving; /* given up, but the Service's status may still show it */
};
const struct ip_addr *use_ip(const struct use *u);

/* Who holds addresses; embedded in the engine's record of a Service. Texts are borrowed. */
struct holder {
	const char *ns, *name;
	LIST_HEAD(, use) uses;
};

struct ledger *ledger_new(void);
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

/*
 * The first address of @family in @pool that @h may take on the terms @claim: free, shared on
 * equal terms, or already its own. False with *ret untouched when there is none.
 */
bool ledger_first(struct ledger *b, struct pool_book *pool, uint8_t family, const struct holder *h,
		  const struct claim *claim, struct ip_addr *ret);

/*
 * The same without what is free: the first address of @family in @pool that @h has already or may
 * share.
 */
bool ledger_known(struct ledger *b, const struct pool_book *pool, uint8_t family,
		  const struct holder *h, const struct claim *claim, struct ip_addr *ret);
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

/* Counts each time that somebody who waits may have a new chance. */
uint64_t ledger_freed(const struct ledger *b);

#endif
