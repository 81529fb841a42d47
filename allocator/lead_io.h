// SPDX-License-Identifier: Apache-2.0
/*
 * Which of several allocators gives the addresses: leader election by the Lease
 * `bellman-allocator` in our namespace. allocator/lead.h decides; here are its requests, its watch,
 * its clock and its words.
 *
 * Each replica watches the Lease, so that one that is released is taken at once. Without a watch
 * (it may not list) it is taken when it has expired.
 */
#ifndef BELLMAN_ALLOCATOR_LEAD_IO_H
#define BELLMAN_ALLOCATOR_LEAD_IO_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "allocator/gate_io.h"
#include "lib/base/metrics.h"
#include "lib/kube/kube.h"

struct lead_io; /* opaque */

struct lead_io_cfg {
	uv_loop_t *loop;
	struct kube *kube;       /* borrowed; to be closed after lead_io_close() */
	struct gate_io *gate;    /* borrowed */
	struct metrics *metrics; /* borrowed */
	const char *ns;          /* borrowed; where the Lease is */
	const char *pod;         /* NULL: the host's name */
	bool ignore_metallb;     /* lead beside a controller of MetalLB's */
	uint64_t lease_duration_ns, renew_deadline_ns, retry_period_ns; /* that go together */
	uint64_t seed;
	/* Decide from here on, and no more. While we decide the gate has been opened. */
	void (*lead)(void *arg, bool lead);
	/* The gate, which was closing since the Lease could not be renewed, is open again. */
	void (*renewed)(void *arg);
	void (*left)(void *arg); /* after lead_io_leave() */
	void *arg;
};

/* Get ready to stand for election; lead_io_stand() begins it. *ret belongs to the caller. Returns 0
 * or a negative errno. */
int lead_io_open(const struct lead_io_cfg *cfg, struct lead_io **ret);

/* Stand for election from now on: there is a configuration to lead with. */
void lead_io_stand(struct lead_io *l);

/* Is it known that nobody leads, no other allocator and no controller of MetalLB's? */
bool lead_io_leaderless(const struct lead_io *l);

/*
 * Lead no more, wait for the writes that are under way, give the Lease back: cfg.left() runs when
 * that is done, or when it has taken longer than it may.
 */
void lead_io_leave(struct lead_io *l);

/* Why no leader can be elected here, a sentence without a full stop; NULL: nothing is wrong. */
const char *lead_io_trouble(const struct lead_io *l);

/* Stop at once. The memory goes when the loop has run the close callbacks and kube_close() has
 * ended the requests. NULL is fine; returns NULL. */
struct lead_io *lead_io_close(struct lead_io *l);

#endif
