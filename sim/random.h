// SPDX-License-Identifier: Apache-2.0
/*
 * Scenarios made up from a seed: a cluster of 3 to 50 nodes, Services of all kinds, and troubles
 * of all kinds one after the other and at once, with quiet in between in which the world must come
 * back in order.
 */
#ifndef BELLMAN_SIM_RANDOM_H
#define BELLMAN_SIM_RANDOM_H

#include "sim/scenario.h"

struct sim_random_cfg {
	uint64_t seed;
	unsigned nodes_min, nodes_max; /* 0: 3 and 50 */
	unsigned services_max;         /* 0: 40 */
	uint64_t until_ns;             /* 0: 5 to 15 minutes */
};
/* The caller's, for sim_scenario_free(). The same seed gives the same. */
struct sim_scenario *sim_random_scenario(const struct sim_random_cfg *cfg);

#endif
