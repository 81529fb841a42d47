// SPDX-License-Identifier: Apache-2.0
/*
 * A scenario of the simulator with all that it names: the configuration, the manifests, and the
 * files of its steps, each as an API server would take them at that time.
 */
#ifndef BELLMAN_CTL_SCENARIO_H
#define BELLMAN_CTL_SCENARIO_H

#include "lib/model/fault.h"
#include "sim/scenario.h"

/*
 * Read it. Files are relative to the folder of @path. @service_cidrs: where cluster IPs come from;
 * NULL: what the scenario says.
 * What is wrong is in @faults, which also have warnings of what is not. NULL: something is wrong.
 */
struct sim_scenario *scenario_read(const char *path, const char *service_cidrs,
				   struct faults *faults);

#endif
