// SPDX-License-Identifier: Apache-2.0
/* What the API holds, listed once: for `bellman status`, `explain` and `plan --from live`. */
#ifndef BELLMAN_CTL_LIVE_H
#define BELLMAN_CTL_LIVE_H

#include <cjson/cJSON.h>

struct live_cfg {
	const char *server, *kubeconfig; /* as kube_cfg */
	const char *ns;                  /* where MetalLB's resources are looked for */
};

struct live_ops {
	void (*each)(void *arg, const cJSON *object); /* lent for the call */
	/* @plural, what not everybody may see, are refused, and why. It is no failure: everything
	 * else is told. */
	void (*refused)(void *arg, const char *plural, const char *why);
};

/*
 * Read Services, EndpointSlices, Nodes, Namespaces, pools, advertisements, the events on Services,
 * the allocator's Lease and its ConfigMap of reservations; of what tells why the daemons may see it
 * otherwise, ConfigurationStates, pools of other namespaces, and MetalLB's controller (its pods,
 * and the allocator's event on them). Definitions that are not installed are no objects. Returns 0,
 * or a negative errno when the API cannot be asked, which is said on stderr.
 */
int live_read(const struct live_cfg *cfg, const struct live_ops *ops, void *arg);

#endif
