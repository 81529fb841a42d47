// SPDX-License-Identifier: Apache-2.0
/*
 * The allocator's hands: it watches Services, Namespaces and the configuration, feeds the
 * engine, and does what the engine says: status writes and events.
 *
 * Decides nothing. Here the parts are put together and the engine is run; each subject has a
 * file of its own: what the API tells (input_io), the writes (status_io, pool_status_io), the
 * gauges (gauges).
 */
#ifndef BELLMAN_ALLOCATOR_IO_H
#define BELLMAN_ALLOCATOR_IO_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "allocator/gate_io.h"
#include "lib/base/metrics.h"
#include "lib/kube/kube.h"
#include "lib/model/config.h"

struct allocator_io; /* opaque */

struct allocator_io_cfg {
	uv_loop_t *loop;
	struct kube *kube;       /* borrowed; to be closed after allocator_io_close() */
	struct gate_io *gate;    /* borrowed; for what is written */
	struct metrics *metrics; /* borrowed */
	const char *config_file; /* NULL: none */
	const char *ns;          /* where custom resources are looked for */
	const char *pod;         /* own pod; NULL: not known */
	const char *ml_secret;   /* Secret of the speakers to create; NULL or "": none */
	const char *lb_class;    /* NULL or "": Services without a class */
	enum config_frr frr;     /* of peers in the file and in the webhook */
	bool webhook;            /* allocator_io_inputs() will be asked */
	uint64_t seed;
	/* A configuration is in force; the first one says that there is something to lead with. */
	void (*configured)(void *arg);
	/* Is it known that nobody leads? */
	bool (*leaderless)(void *arg);
	void *arg;
};

/* Begin to watch. *ret belongs to the caller. Returns 0 or a negative errno. */
int allocator_io_open(const struct allocator_io_cfg *cfg, struct allocator_io **ret);

void allocator_io_reload(struct allocator_io *io); /* SIGHUP */

/*
 * Decide from now on, once a list of Services that begins now is complete; or stand by. It begins
 * as a standby. While it leads, it decides only as long as the gate is open.
 */
void allocator_io_lead(struct allocator_io *io, bool lead);
/* The gate is open again. */
void allocator_io_go_on(struct allocator_io *io);

/* Were all lists and the configuration read once? */
bool allocator_io_ready(const struct allocator_io *io);

/* Why it has nothing to lead with, a sentence without a full stop; NULL: nothing is wrong. */
const char *allocator_io_trouble(const struct allocator_io *io);

/* All that is configured, as config_source_inputs(), and the Nodes. */
bool allocator_io_inputs(const struct allocator_io *io, struct config_inputs *ret);

/* Bring the gauges up to date. */
void allocator_io_measure(struct allocator_io *io);

/*
 * Stop watching and writing; answers still under way are not waited for. The memory goes once
 * kube_close() has ended the requests and the loop has run the close callbacks.
 * NULL is fine; returns NULL.
 */
struct allocator_io *allocator_io_close(struct allocator_io *io);

#endif
