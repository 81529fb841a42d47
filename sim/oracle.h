// SPDX-License-Identifier: Apache-2.0
/*
 * Who should announce an address, worked out from what the API holds, without the speaker's engine:
 * a second opinion, slow and plain, to hold the engine against.
 */
#ifndef BELLMAN_SIM_ORACLE_H
#define BELLMAN_SIM_ORACLE_H

#include "sim/api.h"

/* Addresses of a Service's status all have the same. */
struct sim_verdict {
	const char *owner; /* name of a Node, lent from the API; NULL: nobody */
	const char *why;   /* nobody: why, a literal */
	struct names
		interfaces; /* of the owner on which it is to be heard; empty: all; array_free() */
};

/*
 * @lb_class: as the speakers have it, NULL or "" for none. Eligibility of compatibility page 4.1
 * and 4.2 and the hash of 4.2. A Node without a speaker counts: nobody knows better, without
 * gossip.
 */
void sim_oracle_owner(const struct sim_api *api, const char *lb_class, const char *ns,
		      const char *name, struct sim_verdict *ret);

#endif
