// SPDX-License-Identifier: Apache-2.0
#include "sim/report.h"

#include "lib/base/must.h"

static void add_address(void *arg, const struct sim_outcome *o)
{
	struct sim_result *r = arg;

	*(struct sim_outcome *)must(array_push(&r->addresses)) = *o;
}

static void add_client(void *arg, const struct sim_client_outcome *o)
{
	struct sim_result *r = arg;

	*(struct sim_client_outcome *)must(array_push(&r->clients)) = *o;
}

void sim_result_of(const struct sim_world *w, struct sim_result *ret)
{
	const struct sim_scenario *s = sim_world_scenario(w);

	*ret = (struct sim_result){
		.scenario = s->name,
		.seed = sim_world_seed(w),
		.until_ns = sim_world_until(w),
		.journal = sim_world_journal(w),
		.counts = sim_world_counts(w),
	};
	for (size_t i = 0; i < s->nodes.count; i++)
		*(const char **)must(array_push(&ret->nodes)) = s->nodes.items[i].name;
	sim_world_outcomes(w, add_address, ret);
	sim_world_clients(w, add_client, ret);
}
