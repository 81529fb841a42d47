// SPDX-License-Identifier: Apache-2.0
/* What has come of a cluster, told in the JSON of contracts. */
#ifndef BELLMAN_CTL_OUTCOME_H
#define BELLMAN_CTL_OUTCOME_H

#include "ctl/engines.h"

/*
 * Tell what @e, which ran on @c, has come to.
 *
 * @status: it was run to see what is, not what would be; adds `state` to each Service, and leaves
 * `announced` to ctl/since.h.
 * *ret_losses: how many Services would lose an address that they held.
 * Returns {"services", "pools", "errors": []} for the caller to delete.
 */
cJSON *outcome_tell(const struct cluster *c, const struct engines *e, bool status,
		    size_t *ret_losses);

/* Why a pool with an IPAM gives nothing in a plan; into @buf, which is returned. */
const char *outcome_ipam_text(const struct pool *pool, char *buf, size_t size);

#endif
