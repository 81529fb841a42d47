// SPDX-License-Identifier: Apache-2.0
/*
 * What every simulated process has: it starts, crashes without a word, is paused, runs slowly, and
 * has a clock of its own. sim/speaker.h and sim/allocator.h are the two there are.
 */
#ifndef BELLMAN_SIM_PROCESS_H
#define BELLMAN_SIM_PROCESS_H

#include "sim/clock.h"

struct sim_process_faults {
	bool paused;       /* SIGSTOP: nothing runs; time goes on */
	uint64_t slow_ns;  /* each turn of its loop begins so late */
	int64_t wall_ns;   /* its time of day is so far off; no engine may care */
	uint64_t early_ns; /* it was started so long after the world: its clock has its own zero */
};

#endif
