// SPDX-License-Identifier: Apache-2.0
/*
 * What came of a run, for people and for programs: the timeline in words, dark times, clients.
 *
 * All of it is made of a struct sim_result, plain data. The same run gives the same bytes.
 */
#ifndef BELLMAN_SIM_REPORT_H
#define BELLMAN_SIM_REPORT_H

#include <cjson/cJSON.h>
#include <stdio.h>

#include "lib/model/meta.h"
#include "sim/world.h"

struct sim_result {
	const char *scenario; /* its name */
	uint64_t seed, until_ns;
	const struct sim_journal *journal;
	struct {
		ARRAY_OF(struct sim_outcome);
	} addresses;
	struct {
		ARRAY_OF(struct sim_client_outcome);
	} clients;
	struct names nodes; /* in the order of the scenario: which colour each has depends on it */
	struct sim_world_counts counts;
};

/* Of what was played so far. All texts are lent by @w. To be ended by sim_result_done(). */
void sim_result_of(const struct sim_world *w, struct sim_result *ret);
static inline void sim_result_done(struct sim_result *r)
{
	array_free(&r->addresses);
	array_free(&r->clients);
	array_free(&r->nodes);
}

/* The timeline, a table of addresses and one of clients, and whether all was as it should be. */
void sim_report_table(const struct sim_result *r, FILE *to);
/* The same as JSON, whose keys docs/simulation.md tells; for the caller to delete. */
cJSON *sim_report_json(const struct sim_result *r);

#endif
