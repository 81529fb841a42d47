// SPDX-License-Identifier: Apache-2.0
/*
 * What the kernel had when this began: chains and elements that a predecessor made, or an
 * earlier self before something went wrong. Rules are not among it; they are written anew, each
 * chain's at once.
 *
 * Whoever wants a thing that is there takes it; what nobody has taken in the end is left over and
 * goes. What was taken for a transaction that the kernel refused is there again.
 */
#ifndef BELLMAN_PROXY_INHERITED_H
#define BELLMAN_PROXY_INHERITED_H

#include <stdbool.h>

#include "standalone/proxy/plan.h"

struct inherited; /* opaque */

struct inherited *inherited_new(void);
struct inherited *inherited_free(struct inherited *i); /* NULL is fine; returns NULL */

/* The kernel has the chain @name. */
void inherited_add_chain(struct inherited *i, const char *name);
/* And the element @e, which leads to @chain, told of before; NULL: of a set. */
void inherited_add_element(struct inherited *i, const struct element *e, const char *chain);

/* Is the chain there, with rules or emptied? If so it is taken. */
bool inherited_take_chain(struct inherited *i, const char *name);
/* The chain @name, which is there, is left without rules. */
void inherited_empty_chain(struct inherited *i, const char *name);

enum inherited_element {
	INHERITED_NONE,
	INHERITED_SAME,  /* it is there and leads to @chain: taken */
	INHERITED_OTHER, /* it is there and leads elsewhere: taken */
};

enum inherited_element inherited_take_element(struct inherited *i, const struct element *e,
					      const char *chain);

/* What was taken or emptied since the last call of either is so for good, or is as it was before.
 */
void inherited_commit(struct inherited *i);
void inherited_roll_back(struct inherited *i);

/* Tell of all that is still there; @each may take it. @chain: NULL for an element of a set. */
void inherited_elements(struct inherited *i, void *arg,
			void (*each)(void *arg, const struct element *e, const char *chain));
/* @empty: inherited_empty_chain() has been told of it. */
void inherited_chains(struct inherited *i, void *arg,
		      void (*each)(void *arg, const char *name, bool empty));

#endif
