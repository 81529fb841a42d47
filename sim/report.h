// SPDX-License-Identifier: Apache-2.0
/* What came of a run, for people and for programs: the timeline in words, dark times, clients. */
#ifndef BELLMAN_SIM_REPORT_H
#define BELLMAN_SIM_REPORT_H

#include <cjson/cJSON.h>
#include <stdio.h>

#include "sim/world.h"

/* The timeline, then a table of addresses and one of clients. The same run gives the same bytes. */
void sim_report_table(const struct sim_world *w, FILE *to);
/* The same as JSON (bellman.1): {"scenario", "seed", "until", "timeline", "addresses", "clients",
 * "broken", "counts"}, for the caller to delete. */
cJSON *sim_report_json(const struct sim_world *w);

/* Ownership over time as SVG: a row an address, a colour and a pattern a node, marks for faults. */
int sim_report_svg(const struct sim_world *w, FILE *to);

#endif
