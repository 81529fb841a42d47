// SPDX-License-Identifier: Apache-2.0
/*
 * An allocator process: the engine of allocator/engine.h, leader election and the gate for writes,
 * each the code of the daemon, over the simulated API.
 *
 * Does what allocator/io.c, lead_io.c and status_io.c do with libuv and lib/kube, in the same
 * order: inputs are taken in together, a turn follows, and timers have whole milliseconds. Each
 * start has an identity and a clock of its own.
 *
 * What is not there: an IPAM (each call fails), and the ConfigMap with what is kept for Services
 * that are gone: each process keeps that for itself, as if it were written at once, and forgets it
 * when it ends.
 */
#ifndef BELLMAN_SIM_ALLOCATOR_H
#define BELLMAN_SIM_ALLOCATOR_H

#include "allocator/engine.h"
#include "sim/api.h"
#include "sim/process.h"

/* Where the Lease is, SIM_LEASE; its name is LEAD_LEASE of allocator/lead.h. */
#define SIM_ALLOCATOR_NS "metallb-system"

struct sim_allocator;

/* None of them may start, end or free the process. */
struct sim_allocator_ops {
	/* It begins to lead, or ends to: also by its own end. */
	void (*leads)(void *arg, const struct sim_allocator *a, bool leads);
	/* ALLOCATOR_EVENT, and ALLOCATOR_WRITE as it is decided. */
	void (*told)(void *arg, const struct sim_allocator *a, const struct allocator_action *act);
	/* It broke a rule that a process is bound to (a run that does things twice, one that asks
	 * for the next without end): a sentence, lent. */
	void (*broke)(void *arg, const struct sim_allocator *a, const char *what);
};

struct sim_allocator_cfg {
	const char *name;        /* copied */
	struct sim_clock *clock; /* borrowed, as the API is */
	struct sim_api *api;
	const char *lb_class; /* copied; NULL or "": Services without one */
	uint64_t lease_duration_ns, renew_deadline_ns, retry_period_ns; /* 0: 15, 10, 2 s */
	uint64_t seed;
	bool check_twice; /* run the engine a second time after each run: nothing must follow */
	const struct sim_allocator_ops *ops; /* borrowed; NULL, or any of them: not told */
	void *arg;
};

struct sim_allocator *sim_allocator_new(const struct sim_allocator_cfg *cfg); /* not started */
struct sim_allocator *sim_allocator_free(struct sim_allocator *a); /* NULL is fine; returns NULL */

void sim_allocator_start(struct sim_allocator *a); /* one that runs is fine */
void sim_allocator_kill(struct sim_allocator *a);  /* kill -9; what it sent may still land */
/* SIGTERM: gives the Lease back, then ends. One that is paused hears of it when it goes on. */
void sim_allocator_stop(struct sim_allocator *a);
void sim_allocator_pause(struct sim_allocator *a, bool paused); /* SIGSTOP, SIGCONT */
/* Each turn begins so much later than it could. 0: at once. Also after the next start. */
void sim_allocator_slow(struct sim_allocator *a, uint64_t turn_ns);
/* The time of day jumps, by SIM_CLOCK_STEP_MAX_NS at most in all. */
#define SIM_CLOCK_STEP_MAX_NS (INT64_C(36500) * 24 * 3600 * 1000000000)
void sim_allocator_step_clock(struct sim_allocator *a, int64_t by_ns);

const char *sim_allocator_name(const struct sim_allocator *a);
const char *sim_allocator_identity(const struct sim_allocator *a); /* in the Lease; "": none */
bool sim_allocator_runs(const struct sim_allocator *a); /* started, not ended; may be paused */
bool sim_allocator_leads(const struct sim_allocator *a);
bool sim_allocator_may_write(const struct sim_allocator *a); /* its gate would let it, now */
/* Has been told everything, has run, and no write is under way. */
bool sim_allocator_is_current(const struct sim_allocator *a);
struct sim_api_client *sim_allocator_client(const struct sim_allocator *a); /* NULL: does not run */
const struct allocator *sim_allocator_engine(const struct sim_allocator *a); /* the same */
/* Turns that it took because of the time alone, of all its lives. */
uint64_t sim_allocator_wakes(const struct sim_allocator *a);

#endif
