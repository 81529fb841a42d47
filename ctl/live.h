// SPDX-License-Identifier: Apache-2.0
/* What the API holds, listed once: for `bellman status` and `bellman plan --from live`. */
#ifndef BELLMAN_CTL_LIVE_H
#define BELLMAN_CTL_LIVE_H

#include <cjson/cJSON.h>

struct live_cfg {
	const char *server, *kubeconfig; /* as kube_cfg */
	const char *ns;                  /* where MetalLB's resources are looked for */
};

/*
 * Read Services, EndpointSlices, Nodes, Namespaces, pools, advertisements and the events on
 * Services; @each is lent every object. Definitions that are not installed are no objects.
 * Returns 0, or a negative errno when the API cannot be asked, which is said on stderr.
 */
int live_read(const struct live_cfg *cfg, void (*each)(void *arg, const cJSON *object), void *arg);

#endif
