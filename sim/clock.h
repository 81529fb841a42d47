// SPDX-License-Identifier: Apache-2.0
/*
 * Virtual time: an ordered list of what is to happen, and nothing else happens.
 *
 * Time starts at 0 and stands still while something runs. What is due at the same moment runs in
 * the order in which it was set, so that a run depends on its seed alone.
 */
#ifndef BELLMAN_SIM_CLOCK_H
#define BELLMAN_SIM_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim_clock; /* opaque: a binary heap of timers */

/*
 * Something to happen once; memory of its owner's, embedded in what it serves, who stops it before
 * that goes away. Zeroed: not set. The fields are for reading only, and @at_ns only while it is
 * set.
 */
struct sim_timer {
	uint64_t at_ns;
	size_t slot; /* where it is in the heap, from 1; 0: it is not set */
	void (*run)(void *arg);
	void *arg;
};

/* At 0, with nothing to do. It belongs to the caller. */
struct sim_clock *sim_clock_new(void);
/* Timers that are set never run. NULL is fine; returns NULL. */
struct sim_clock *sim_clock_free(struct sim_clock *c);

/* Nanoseconds since it was made. */
uint64_t sim_clock_now(const struct sim_clock *c);

/*
 * @run(@arg) at @at_ns, or now if that has passed: after what is due then already. A timer that is
 * set is moved, and so comes last at its moment, even if that is the same. It is no longer set when
 * @run runs, which may set it anew or free what it is in.
 */
void sim_timer_set(struct sim_clock *c, struct sim_timer *t, uint64_t at_ns, void (*run)(void *arg),
		   void *arg);
void sim_timer_stop(struct sim_clock *c, struct sim_timer *t); /* one that is not set is fine */
static inline bool sim_timer_is_set(const struct sim_timer *t)
{
	return t->slot != 0;
}

/* When the next one is due; UINT64_MAX: never. */
uint64_t sim_clock_next(const struct sim_clock *c);
/*
 * Run the next one, if it is due at @until_ns or before; it is its moment then. False: none is, and
 * it is @until_ns now, or later if it was already. Not from within a timer.
 */
bool sim_clock_step(struct sim_clock *c, uint64_t until_ns);
/* How many have run. */
uint64_t sim_clock_steps(const struct sim_clock *c);

#endif
