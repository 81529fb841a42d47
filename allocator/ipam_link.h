// SPDX-License-Identifier: Apache-2.0
/*
 * What ties the IPAM client (ipam.h) to the engine's records and books: how a pool whose addresses
 * somebody else gives out takes part in choosing, and who hears of answers.
 *
 * Such a pool is asked in its turn like any other. As long as the answer is due, record.ipam_waits
 * keeps the Service from going on to the next pool.
 */
#ifndef BELLMAN_ALLOCATOR_IPAM_LINK_H
#define BELLMAN_ALLOCATOR_IPAM_LINK_H

#include "allocator/pick.h"

struct ipam *ipam_link_new(struct allocator *a, uint64_t seed);

/* Does somebody else give out the addresses of @pool? */
static inline bool pool_has_ipam(const struct pool *p)
{
	return p->ipam.url != NULL;
}

/*
 * One address of each of @families from @pool, which has a hook: what @r has or shares there, and
 * for the rest what the server offered. False when there is nothing to take (yet).
 */
bool ipam_pick(struct allocator *a, struct record *r, struct pool_book *pool, unsigned families,
	       struct ip_list *ret);
/*
 * The same for the very @ips, all of which @r may hold: may it take them now? True for a pool
 * without a hook; else false and why.
 */
bool ipam_grants(struct allocator *a, struct record *r, struct ips ips, char *why);

/* What @pool, which has a hook, says to such a wish; as pool_answer() and address_answer(). */
enum allocator_answer ipam_pick_answer(const struct allocator *a, const struct record *r,
				       struct pool_book *pool, unsigned families, char *why);
enum allocator_answer ipam_grants_answer(const struct allocator *a, const struct record *r,
					 struct pool_book *pool, struct ips ips, char *why);

/* Around a decision about @r. */
void ipam_link_begin(struct allocator *a, struct record *r);
void ipam_link_end(struct allocator *a, struct record *r, struct allocator_actions *out);
/* @r is no Service any more. What it held has left the books. */
void ipam_link_gone(struct allocator *a, const struct record *r);

/* Before and after all decisions of a run. */
void ipam_link_tick(struct allocator *a, uint64_t now_ns);
void ipam_link_calls(struct allocator *a, uint64_t now_ns, struct allocator_actions *out);

#endif
