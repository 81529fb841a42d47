// SPDX-License-Identifier: Apache-2.0
/*
 * What a plan would change in a running cluster, Service by Service.
 *
 * What a Service has now is what its status and its annotation say, whatever configuration the
 * daemons run with: they may have a file that nobody here can see. Who announces it now is told by
 * election on what the API holds, or by the speakers' last event where a hidden file decides.
 */
#ifndef BELLMAN_CTL_CHANGES_H
#define BELLMAN_CTL_CHANGES_H

#include "ctl/cluster.h"
#include "ctl/since.h"

struct changes_now {
	const struct cluster *cluster; /* what the API holds; its config may be NULL */
	const cJSON *report;           /* status of it; NULL: nobody can be elected */
	struct since *since;
};

/*
 * Compare what the Services in @planned hold with what @report says of them: the outcome of
 * running the engines on it.
 *
 * Returns a list for the caller to delete, an object for each Service that would change:
 * {"namespace", "name", "change", "from": {"ips", "pool", "node"}, "to": {...}, "why"}. What
 * `change` may be is in bellman(1).
 */
cJSON *changes_find(const struct cluster *planned, const struct changes_now *now,
		    const cJSON *report);

#endif
