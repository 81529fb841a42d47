// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "ctl/scenario.h"
#include "ctl/simulate.h"

enum ctl_exit simulate_play(const struct simulate *o)
{
	struct faults faults = { 0 };
	struct sim_scenario *s = scenario_read(o->scenario, o->service_cidrs, &faults);

	faults_print(&faults, stderr);
	faults_free(&faults);
	if (s == NULL)
		return CTL_FAULT;
	fprintf(stderr, SIMULATE ": %s is in order, and cannot be played yet\n", o->scenario);
	sim_scenario_free(s);
	return CTL_FAULT;
}
