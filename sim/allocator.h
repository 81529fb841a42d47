// SPDX-License-Identifier: Apache-2.0
/*
 * An allocator process: the engine of allocator/engine.h, leader election and the gate for writes,
 * each the code of the daemon, over the simulated API.
 */
#ifndef BELLMAN_SIM_ALLOCATOR_H
#define BELLMAN_SIM_ALLOCATOR_H

#include "allocator/engine.h"
#include "sim/api.h"
#include "sim/process.h"

struct sim_allocator;

struct sim_allocator_ops {
	void (*leads)(void *arg, const struct sim_allocator *a, bool leads);
	/* ALLOCATOR_EVENT, and ALLOCATOR_WRITE as it is decided. */
	void (*told)(void *arg, const struct sim_allocator *a, const struct allocator_action *act);
	void (*broke)(void *arg, const struct sim_allocator *a, const char *what);
};

struct sim_allocator_cfg {
	const char *name; /* copied */
	struct sim_api *api;
	const char *lb_class;
	uint64_t lease_duration_ns, renew_deadline_ns, retry_period_ns; /* 0: 15, 10, 2 s */
	uint64_t seed;
	bool check_twice; /* run the engine a second time after each run: nothing must follow */
	const struct sim_allocator_ops *ops;
	void *arg;
};

struct sim_allocator *sim_allocator_new(const struct sim_allocator_cfg *cfg); /* not started */
struct sim_allocator *sim_allocator_free(struct sim_allocator *a);

void sim_allocator_start(struct sim_allocator *a);
void sim_allocator_kill(struct sim_allocator *a); /* kill -9; the next start has another identity */
void sim_allocator_stop(struct sim_allocator *a); /* SIGTERM: gives the Lease back, then ends */
void sim_allocator_pause(struct sim_allocator *a, bool paused);
void sim_allocator_slow(struct sim_allocator *a, uint64_t turn_ns);
void sim_allocator_step_clock(struct sim_allocator *a, int64_t by_ns); /* the time of day */

const char *sim_allocator_name(const struct sim_allocator *a);
const char *sim_allocator_identity(const struct sim_allocator *a); /* in the Lease */
bool sim_allocator_runs(const struct sim_allocator *a);
bool sim_allocator_leads(const struct sim_allocator *a);
bool sim_allocator_is_current(const struct sim_allocator *a); /* has been told everything, has run,
								 and no write is under way */
struct sim_api_client *sim_allocator_client(const struct sim_allocator *a);
const struct allocator *
sim_allocator_engine(const struct sim_allocator *a); /* NULL: does not run */
uint64_t sim_allocator_wakes(const struct sim_allocator *a);

#endif
