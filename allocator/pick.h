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

/*
 * What @pool says to a request for any address of each of @families; why says it in any case.
 * And why no pool at all gives them, pool by pool (explain.c).
 */
enum allocator_answer pool_answer(const struct allocator *a, const struct record *r,
				  struct pool_book *pool, unsigned families, char *why);
void why_none(const struct allocator *a, const struct record *r, unsigned families, char *why);

/*
 * May @r hold @ips? False and why when not (compatibility page 3.4).
 * @families: of its cluster IPs. @single: one of two families will do.
 */
bool may_hold(const struct allocator *a, const struct record *r, struct ips ips, unsigned families,
	      bool single, char *why);

/*
 * May @r have @ip? ALLOCATOR_COULD with the pool that gives it out in *ret_pool (NULL: no matter),
 * else which refusal, and why.
 */
enum allocator_answer address_answer(const struct allocator *a, const struct record *r,
				     const struct ip_addr *ip, const struct pool **ret_pool,
				     char *why);

/* The addresses that @s asks for; count 0 for none. False and why when they cannot be read. */
bool request_of(const struct service *s, struct ip_list *ret, char *why);

#endif
