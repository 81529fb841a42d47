// SPDX-License-Identifier: Apache-2.0
/*
 * Which addresses a Service may have: pools that serve it, the first free addresses in them,
 * whether given ones may be held, and what it asks for. And the sentence that says why not.
 *
 * Asks the books and changes nothing in them; what is done about an answer is in decide.c.
 */
#ifndef BELLMAN_ALLOCATOR_PICK_H
#define BELLMAN_ALLOCATOR_PICK_H

#include "allocator/explain.h"
#include "allocator/record.h"

/* Append to a sentence of at most WHY_MAX bytes; what has no room is cut off. So do all `why`. */
void why_add(char *why, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

const char *families_text(unsigned families); /* "IPv4", "IPv4 and IPv6" */

/* The set of families in a list; 0 when one is there twice. */
unsigned families_of(struct ips ips);

/*
 * One address of each of @families from the first of @pools that serves @r and has them, IPv4
 * first; with PreferDualStack, one alone if there is no such pool. False with *ret untouched.
 */
bool pick(struct allocator *a, struct record *r, struct pool_book *const *pools, size_t count,
	  unsigned families, struct ip_list *ret);
/* The same from the pinned pools, else from the open ones. */
bool pick_anywhere(struct allocator *a, struct record *r, unsigned families, struct ip_list *ret);

/*
 * May @r use @p at all (compatibility page 3.5)? ALLOCATOR_COULD, or which selector shuts it out;
 * that in words.
 */
enum allocator_answer pool_admits(const struct allocator *a, const struct record *r,
				  const struct pool *p);
void why_shut_out(const struct record *r, const struct pool *p, enum allocator_answer answer,
		  char *why);

/* Those of which @pool has addresses at all. */
unsigned pool_families(struct pool_book *pool);

/*
 * What @pool says to a request for an address of each of @families, and with perRange for one of
 * every range. With ALLOCATOR_COULD they are in *ret, IPv4 first, else what is there is of no use.
 * @rng: of the strategy; NULL: it does not matter which they are.
 */
enum allocator_answer pool_offer(const struct allocator *a, const struct record *r,
				 struct pool_book *pool, unsigned families, struct rng *rng,
				 struct ip_list *ret);

/* Would the namespace of @r be within its quota in @pool if @r held @ips of it? */
bool within_quota(const struct allocator *a, const struct record *r, const struct pool_book *pool,
		  struct ips ips);

void why_drain(const struct pool *p, char *why);
void why_quota(const struct record *r, const struct pool *p, char *why);

/*
 * The same in words, which why has in any case; and why no pool at all gives them, pool by pool
 * (explain.c).
 */
enum allocator_answer pool_answer(const struct allocator *a, const struct record *r,
				  struct pool_book *pool, unsigned families, char *why);
void why_answer(const struct record *r, struct pool_book *pool, unsigned families,
		enum allocator_answer answer, char *why);
void why_none(const struct allocator *a, const struct record *r, unsigned families,
	      const struct ip_list *request, char *why); /* @request: host parts; NULL: none */

/*
 * May @r hold @ips? False and why when not (compatibility page 3.4).
 * @families: of its cluster IPs. @single: one of two families will do. @keeps: its status shows
 * them, so that they are nothing new to it, which a drained pool and a quota would refuse.
 */
bool may_hold(const struct allocator *a, const struct record *r, struct ips ips, unsigned families,
	      bool single, bool keeps, char *why);

/*
 * The addresses of @ips that @r may keep when not all: of a pool with perRange whose ranges have
 * changed, or that has it no more. In *ret, in their order; false when there are none.
 */
bool may_keep_some(const struct allocator *a, const struct record *r, struct ips ips,
		   unsigned families, bool single, struct ip_list *ret);

/*
 * Append to @list, which @r holds of @pool, what it lacks and may have: an address of the other
 * family, or with perRange of further ranges. ALLOCATOR_COULD: nothing is lacking now; else what
 * stands against the rest, of which the families are in *ret_lacking.
 */
enum allocator_answer pool_complete(struct allocator *a, struct record *r, struct pool_book *pool,
				    unsigned families, struct ip_list *list, unsigned *ret_lacking);

/*
 * May @r have @ip? ALLOCATOR_COULD with the pool that gives it out in *ret_pool (NULL: no matter),
 * else which refusal, and why. @keeps: as above.
 */
enum allocator_answer address_answer(const struct allocator *a, const struct record *r,
				     const struct ip_addr *ip, bool keeps,
				     const struct pool_book **ret_pool, char *why);

#endif
