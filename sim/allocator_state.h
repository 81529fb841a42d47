// SPDX-License-Identifier: Apache-2.0
/*
 * The inside of a simulated allocator: what its files share.
 *
 * allocator.c is the process: its turns, its end and what goes wrong with it. allocator_input.c
 * feeds the engine, allocator_engine.c runs it, allocator_write.c sends what it decides, and
 * allocator_lead.c stands for election.
 */
#ifndef BELLMAN_SIM_ALLOCATOR_STATE_H
#define BELLMAN_SIM_ALLOCATOR_STATE_H

#include <sys/queue.h>

#include "allocator/lead.h"
#include "lib/base/rng.h"
#include "sim/allocator.h"

#define SIM_ALLOCATOR_IDENTITY_MAX 300

struct sim_allocator_life;

/* Something that the loop does when an input came, or when it is time. */
struct sim_turn {
	struct sim_timer timer;
	struct sim_allocator_life *life;
	void (*take)(struct sim_allocator_life *l);
	bool asked; /* an input came */
	uint64_t last_ns;
	unsigned at_once; /* turns at that moment */
};

/* A status write under way; what came of it may be known before its end. */
struct sim_errand {
	struct gate_call call; /* first: it is what the gate knows of it */
	TAILQ_ENTRY(sim_errand) link;
	struct sim_allocator_life *life;
	char *ns, *name, *version;
	char *patch; /* NULL: it was handed to the client */
};

/* A process from its start to its end. */
struct sim_allocator_life {
	struct sim_allocator *owner;
	char identity[SIM_ALLOCATOR_IDENTITY_MAX];
	struct sim_api_client *client;
	struct sim_watch *services, *namespaces, *config, *lease;
	struct gate *gate;
	struct lead *lead;
	struct allocator *engine;
	struct sim_turn lead_turn, engine_turn, send_turn;
	TAILQ_HEAD(, sim_errand) errands;
	enum kube_lease_todo asked; /* the request for the Lease that is under way */
	bool configured;            /* there is something to lead with */
	bool fresh;                 /* the list of Services is one that was asked for */
	bool stop;                  /* SIGTERM came while it was paused */
};

struct sim_allocator {
	struct sim_allocator_cfg cfg; /* with its own copies of the texts */
	struct sim_process_faults faults;
	struct rng rng;
	struct sim_allocator_life *life; /* NULL: it does not run */
	unsigned lives;
	uint64_t wakes;
};

/* --- allocator.c ------------------------------------------------------------------------ */

uint64_t sim_life_now(const struct sim_allocator_life *l);    /* its monotonic clock */
int64_t sim_life_wall_us(const struct sim_allocator_life *l); /* its time of day since 1970 */
/* Take the turn once all inputs of this moment have been taken in. */
void sim_turn_soon(struct sim_turn *t);
/* Take it at @at_ns of the process's clock even without an input; UINT64_MAX: not at all. */
void sim_turn_at(struct sim_turn *t, uint64_t at_ns);
void sim_life_broke(const struct sim_allocator_life *l, const char *what);
void sim_life_end(struct sim_allocator_life *l); /* and free it */

/* --- allocator_input.c ------------------------------------------------------------------- */

void sim_inputs_open(struct sim_allocator_life *l);
/* The lists that come from here on are those to decide by. */
void sim_inputs_relist(struct sim_allocator_life *l);
struct service *sim_inputs_decode(const struct sim_object *o); /* the caller's; NULL: it does not */

/* --- allocator_engine.c ------------------------------------------------------------------- */

void sim_engine_turn(struct sim_allocator_life *l);

/* --- allocator_write.c ------------------------------------------------------------------- */

void sim_status_write(struct sim_allocator_life *l, const struct allocator_action *act);
/* Hand what is to be written to the client, as curl does it: not as it is decided. */
void sim_status_turn(struct sim_allocator_life *l);
/* Nobody is told of those that are under way. */
void sim_status_forget(struct sim_allocator_life *l);

/* --- allocator_lead.c -------------------------------------------------------------------- */

void sim_lead_open(struct sim_allocator_life *l);
void sim_lead_stand(struct sim_allocator_life *l);
void sim_lead_leave(struct sim_allocator_life *l);
void sim_lead_turn(struct sim_allocator_life *l);

#endif
