// SPDX-License-Identifier: Apache-2.0
/*
 * The cluster as the allocator's engine is told it: Services and Namespaces, watched,
 * decoded and handed on. What does not decode is skipped, logged once and counted; a Service
 * of which no more than the addresses can be read keeps those.
 */
#ifndef BELLMAN_ALLOCATOR_INPUT_IO_H
#define BELLMAN_ALLOCATOR_INPUT_IO_H

#include "allocator/engine.h"
#include "lib/base/metrics.h"
#include "lib/kube/kube.h"

struct input_io; /* opaque */

struct input_io_cfg {
	struct kube *kube;          /* borrowed */
	struct allocator *engine;   /* borrowed */
	struct metrics *metrics;    /* borrowed */
	void (*changed)(void *arg); /* the engine was told something */
	/* A Service as it is now, lent, before the engine is told; NULL: one is gone. */
	void (*service)(void *arg, const struct service *s);
	void *arg;
};

/* Start the watches. Returns 0 or -ENOMEM. */
int input_io_open(const struct input_io_cfg *cfg, struct input_io **ret);

/* Was each list complete once? */
bool input_io_synced(const struct input_io *c);

/* Have the engine hear allocator_synced() next of a list of Services that begins after this. */
void input_io_relist(struct input_io *c);

/* Decode a Service; NULL, and said and counted, when it does not. The caller's. */
struct service *input_io_decode(struct input_io *c, const cJSON *object);

/* Close it before its kube. NULL is fine; returns NULL. */
struct input_io *input_io_close(struct input_io *c);

#endif
