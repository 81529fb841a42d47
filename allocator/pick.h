// SPDX-License-Identifier: Apache-2.0
/*
 * Which addresses a Service may have: pools that serve it, the first free addresses in them,
 * whether given ones may be held, and what it asks for. And the sentence that says why not.
 *
 * Asks the books and changes nothing in them; what is done about an answer is in decide.c.
 */
#ifndef BELLMAN_ALLOCATOR_PICK_H
#define BELLMAN_ALLOCATOR_PICK_H

#include "allocator/record.h"

/* Families as a set. */
enum { FAMILIES_V4 = 1, FAMILIES_V6 = 2, FAMILIES_BOTH = 3 };

/* Room for a sentence. Those below append to one, cut off where it is full. */
#define WHY_MAX 512
void why_add(char *why, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

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

/* Why @pool, or why no pool at all, gives @families to @r. */
void why_pool(const struct allocator *a, const struct record *r, struct pool_book *pool,
	      unsigned families, char *why);
void why_none(const struct allocator *a, const struct record *r, unsigned families, char *why);

/*
 * May @r hold @ips? False and why when not (compatibility page 3.4).
 * @families: of its cluster IPs. @single: one of two families will do.
 */
bool may_hold(const struct allocator *a, const struct record *r, struct ips ips, unsigned families,
	      bool single, char *why);

/* The addresses that @s asks for; count 0 for none. False and why when they cannot be read. */
bool request_of(const struct service *s, struct ip_list *ret, char *why);

#endif
