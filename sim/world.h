// SPDX-License-Identifier: Apache-2.0
/*
 * The simulated world: nodes with speakers, allocators, an API server, segments, hosts and clients,
 * put together as a scenario says and played to its end.
 *
 * world.c builds and plays, fault.c does the steps of the timeline, owner.c follows who answers for
 * which address and for how long nobody did, check.c holds the invariants against all of it.
 * sim/oracle.h says who should answer, in a way of its own.
 *
 * Not here yet: gossip and BGP. A node's stack has UDP and TCP for them, and struct sim_speaker
 * is where their engines will be fed; a router is a host.
 */
#ifndef BELLMAN_SIM_WORLD_H
#define BELLMAN_SIM_WORLD_H

#include "sim/allocator.h"
#include "sim/api.h"
#include "sim/journal.h"
#include "sim/scenario.h"
#include "sim/speaker.h"
#include "sim/traffic.h"

struct sim_world;

struct sim_world_cfg {
	const struct sim_scenario *scenario; /* borrowed */
	uint64_t until_ns;                   /* over the scenario's; 0: as it says */
	uint64_t seed;                       /* the same, if @seeded: 0 is one like any other */
	bool seeded;
	bool say_why;    /* somebody captures: speakers say on each frame why it is sent */
	bool check_all;  /* the costly invariants too (every pass twice): for tests */
	bool stop_early; /* at the first expectation or invariant that does not hold */
	size_t journal_most;
};

/*
 * Build it. The scenario is borrowed until sim_world_free(). Returns NULL with the reason in @err:
 * two of one name, a link that is not there.
 */
struct sim_world *sim_world_new(const struct sim_world_cfg *cfg, char *err, size_t err_size);
struct sim_world *sim_world_free(struct sim_world *w); /* NULL is fine; returns NULL */

/* Play to the end. Returns 0, or how many expectations and invariants did not hold. */
unsigned sim_world_run(struct sim_world *w);

/* What it was built of, and what came of it; all is lent. */
const struct sim_scenario *sim_world_scenario(const struct sim_world *w);
uint64_t sim_world_seed(const struct sim_world *w);  /* that it is played with */
uint64_t sim_world_until(const struct sim_world *w); /* when it ends, or has ended */
const struct sim_journal *sim_world_journal(const struct sim_world *w);
struct sim_net *sim_world_net(struct sim_world *w); /* for taps */
struct sim_clock *sim_world_clock(struct sim_world *w);

/* What came of one address of one Service, in the end. */
struct sim_outcome {
	const char *service; /* NAMESPACE/NAME; lent */
	struct ip_addr ip;
	const char *owner;    /* NULL: nobody */
	uint64_t assigned_ns; /* when it came into the status first */
	uint64_t first_ns;    /* from then to the first announcement; UINT64_MAX: never */
	uint64_t dark_ns, dark_longest_ns; /* after that: nobody answered, in all and at once */
	unsigned moves;                    /* from one node to another */
};
/* By Service, then in the order of the status. */
void sim_world_outcomes(const struct sim_world *w,
			void (*each)(void *arg, const struct sim_outcome *o), void *arg);

/* What came of one client. */
struct sim_client_outcome {
	const char *host, *service;
	uint8_t protocol, family; /* as struct sim_scenario_client */
	struct sim_client_counts counts;
};
/* In the order of the scenario. */
void sim_world_clients(const struct sim_world *w,
		       void (*each)(void *arg, const struct sim_client_outcome *o), void *arg);

/* How much there was of what. */
struct sim_world_counts {
	uint64_t steps; /* of the clock */
	uint64_t looks; /* at all invariants, when the world was quiet */
	struct sim_net_counts net;
	struct sim_api_counts api;
};
struct sim_world_counts sim_world_counts(const struct sim_world *w);

#endif
