// SPDX-License-Identifier: Apache-2.0
/*
 * Who may have an address and port, or a node port, that several Services ask for: the one that
 * asks for it as its cluster IP before one that has it from a load balancer, and that before one
 * that lists it among its external IPs, which anybody may write. Of equals the older one, then the
 * first by namespace and name.
 *
 * It follows from the Services that there are and from nothing else: in which order they became
 * known, or whether the proxy has been started anew since, makes no difference.
 */
#ifndef BELLMAN_PROXY_CLAIMS_H
#define BELLMAN_PROXY_CLAIMS_H

#include "standalone/proxy/plan.h"

struct claims; /* opaque */

struct claimant {
	const char *ns, *name; /* interned, and referenced for as long as it claims something */
	int64_t created_s;     /* when the Service was made; 0, not said, is younger than all */
	void *who;             /* handed back only */
};

struct claims *claims_new(void);
struct claims *claims_free(struct claims *c); /* NULL is fine; returns NULL */

/* @by asks for the way in @e, with the rank that @e has; it did not before. */
void claims_add(struct claims *c, const struct element *e, const struct claimant *by);
/* It does not any more. Both are as they were given to claims_add(). */
void claims_remove(struct claims *c, const struct element *e, const struct claimant *by);

/* Who may have @e: its `who`, or NULL when nobody asks for it. */
void *claims_winner(const struct claims *c, const struct element *e);

#endif
