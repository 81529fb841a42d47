// SPDX-License-Identifier: Apache-2.0
/* What `bellman check` warns of once a world is decoded: ctl/advice.h has the rest. */
#ifndef BELLMAN_CTL_ADVICE_CLUSTER_H
#define BELLMAN_CTL_ADVICE_CLUSTER_H

#include "ctl/cluster.h"

/* What the user says of a network that the files do not show. Lists with commas; NULL: nothing. */
struct network {
	const char *service_cidrs, *gateways;
};

/* Are they lists of prefixes and of addresses? If not, *ret_option names the one that is none. */
bool network_valid(const struct network *n, const char **ret_option);

/*
 * Add warnings to w->faults, and put them in order: pools that hold what the cluster uses (the
 * addresses and Pod CIDRs of Nodes, Service CIDRs, cluster IPs, gateways), and names of communities
 * that nothing in the files gives.
 */
void advise_on_cluster(struct world *w, const struct cluster *c, const struct network *n);

#endif
