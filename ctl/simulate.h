// SPDX-License-Identifier: Apache-2.0
/*
 * `bellman simulate`: what its options say, and those who do it. ctl/simulate.c reads the command
 * line; each of the others is one way to simulate.
 */
#ifndef BELLMAN_CTL_SIMULATE_H
#define BELLMAN_CTL_SIMULATE_H

#include "ctl/replay.h"

#define SIMULATE "bellman simulate"

struct simulate {
	struct look look; /* how to print, and where the API is */

	/* Of a scenario; NULL or not given: what it says itself, and one run. */
	const char *scenario, *pcap, *svg, *service_cidrs;
	uint64_t seed, runs, until_ns;
	bool seed_given, runs_given, until_given;

	struct replay_cfg replay;

	const char *exclude; /* of a live cluster: names of nodes, with commas between */
};

/* Play a scenario. */
enum ctl_exit simulate_play(const struct simulate *o);
/* Ask the API what would move if nodes were excluded. */
enum ctl_exit simulate_live(const struct simulate *o);

#endif
