// SPDX-License-Identifier: Apache-2.0
/*
 * What would come of a cluster: the engines of the allocator and the speaker, run on it.
 *
 * Nothing is decided here. The same code as in the daemons gives out the addresses and
 * elects the nodes; this feeds it, and tells the result in the JSON of contracts.
 */
#ifndef BELLMAN_CTL_OUTCOME_H
#define BELLMAN_CTL_OUTCOME_H

#include "ctl/cluster.h"

struct outcome_cfg {
	const char *lb_class; /* NULL: what `settings` in the configuration say */
	bool status; /* tell what is, do not go on to what would be; adds `state`, and leaves
			`announced` to ctl/since.h */
};

/*
 * Run the engines on @c, which has a config. Services in @c get the status that they would have.
 *
 * *ret_losses: how many Services would lose an address that they hold now.
 * Returns {"services", "pools", "errors": []} for the caller to delete.
 */
cJSON *outcome_run(struct cluster *c, const struct outcome_cfg *cfg, size_t *ret_losses);

#endif
