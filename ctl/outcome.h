// SPDX-License-Identifier: Apache-2.0
/* What has come of a cluster, told in the JSON of contracts. */
#ifndef BELLMAN_CTL_OUTCOME_H
#define BELLMAN_CTL_OUTCOME_H

#include "ctl/engines.h"
#include "ctl/reason.h"

/*
 * Tell what @e, which ran on @c, has come to. With cfg->status add `state` to each Service, and
 * leave `announced` to ctl/since.h.
 * *ret_losses: how many Services would lose an address that they held.
 * Returns {"services", "pools", "errors": []} for the caller to delete.
 */
cJSON *outcome_tell(const struct cluster *c, const struct engines *e, const struct outcome_cfg *cfg,
		    size_t *ret_losses);

#endif
