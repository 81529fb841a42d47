// SPDX-License-Identifier: Apache-2.0
/*
 * Keeping reservations on record: reads and writes ConfigMap bellman-reservations.
 *
 * It is read when the engine asks for it, which is once for each new leader, and when a write was
 * refused for its resourceVersion; written as a whole, through the gate. The wall clock, in which
 * the ends of reservations stand there, is known here and to nobody in the engine.
 */
#ifndef BELLMAN_ALLOCATOR_RESERVE_IO_H
#define BELLMAN_ALLOCATOR_RESERVE_IO_H

#include <uv.h>

#include "allocator/engine.h"
#include "allocator/gate_io.h"
#include "lib/base/metrics.h"

struct reserve_io; /* opaque */

struct reserve_io_cfg {
	uv_loop_t *loop;
	struct kube *kube;          /* borrowed; to be closed after reserve_io_close() */
	struct gate_io *gate;       /* borrowed */
	struct allocator *engine;   /* borrowed */
	struct metrics *metrics;    /* borrowed */
	const char *ns;             /* of the ConfigMap; copied */
	void (*changed)(void *arg); /* the engine was told something */
	void *arg;
	uint64_t seed;
};

struct reserve_io *reserve_io_open(const struct reserve_io_cfg *cfg);

/* The engine has run: read if it asks for that. */
void reserve_io_look(struct reserve_io *v);
/* Do one ALLOCATOR_RESERVE. */
void reserve_io_write(struct reserve_io *v);
void reserve_io_measure(struct reserve_io *v);

/* The engine is told nothing from here on. The memory goes when kube_close() has ended the requests
 * and the loop has run the close callbacks. NULL is fine; returns NULL. */
struct reserve_io *reserve_io_close(struct reserve_io *v);

#endif
