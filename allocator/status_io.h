// SPDX-License-Identifier: Apache-2.0
/*
 * Writing what the allocator's engine decided into the status of Services.
 *
 * One write is one strategic merge patch of the status subresource, guarded by resourceVersion:
 * addresses, annotation and condition together. A 409 has the object read again and the engine
 * decide anew. How each write ended is told to the engine; it alone decides what comes next.
 */
#ifndef BELLMAN_ALLOCATOR_STATUS_IO_H
#define BELLMAN_ALLOCATOR_STATUS_IO_H

#include "allocator/engine.h"
#include "allocator/gate_io.h"
#include "lib/base/metrics.h"
#include "lib/kube/kube.h"

struct status_io; /* opaque */

struct status_io_cfg {
	struct kube *kube;        /* borrowed; to be closed after status_io_close() */
	struct gate_io *gate;     /* borrowed; all writes go through it */
	struct allocator *engine; /* borrowed */
	struct metrics *metrics;  /* borrowed */
	/* Decode what was read after a conflict; NULL when it does not. The caller's. */
	struct service *(*decode)(void *arg, const cJSON *object);
	void (*changed)(void *arg); /* the engine was told something */
	void *arg;
};

struct status_io *status_io_open(const struct status_io_cfg *cfg);

/* Do one ALLOCATOR_WRITE. */
void status_io_write(struct status_io *w, const struct allocator_action *act);

/*
 * Neither the engine nor cfg.changed is told anything from here on. The memory goes when
 * kube_close() has ended the requests that are under way. NULL is fine; returns NULL.
 */
struct status_io *status_io_close(struct status_io *w);

#endif
