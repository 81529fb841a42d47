// SPDX-License-Identifier: Apache-2.0
/*
 * Who should announce an address, worked out from what the API holds, without the speaker's engine:
 * a second opinion, slow and plain, to hold the engine against.
 *
 * It is written from compatibility page 4.1 to 4.3 and shares with the engine what reads objects
 * and matches selectors, nothing that decides. What it looks up it reads anew after every change
 * of the API.
 */
#ifndef BELLMAN_SIM_ORACLE_H
#define BELLMAN_SIM_ORACLE_H

#include "sim/api.h"

struct sim_oracle;

/*
 * @api is borrowed. As the speakers have them: @lb_class, copied; NULL or "": Services without one;
 * @ignore_exclude_lb: the label that excludes a Node says nothing.
 */
struct sim_oracle *sim_oracle_new(const struct sim_api *api, const char *lb_class,
				  bool ignore_exclude_lb);
struct sim_oracle *sim_oracle_free(struct sim_oracle *o); /* NULL is fine; returns NULL */

/* Addresses of a Service's status all have the same. */
struct sim_verdict {
	const char *owner; /* name of a Node, lent until the API changes; NULL: nobody */
	const char *why;   /* nobody: why, a literal */
	/* On which interfaces of the owner it is to be heard; empty: all. The names are the
	 * configuration's; array_free(). */
	struct names interfaces;
};

/* A Node without a speaker counts: nobody knows better, without gossip. */
void sim_oracle_owner(struct sim_oracle *o, const char *ns, const char *name,
		      struct sim_verdict *ret);

#endif
