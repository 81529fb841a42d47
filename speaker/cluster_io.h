// SPDX-License-Identifier: Apache-2.0
/*
 * The cluster as the speaker's engine is told it: Services, EndpointSlices and Nodes,
 * watched, decoded and handed on. What does not decode is skipped, logged once and
 * counted, and what was known of it stays.
 */
#ifndef BELLMAN_SPEAKER_CLUSTER_IO_H
#define BELLMAN_SPEAKER_CLUSTER_IO_H

#include "lib/kube/kube.h"
#include "speaker/engine.h"

struct cluster_io; /* opaque */

struct cluster_io_cfg {
	struct kube *kube;       /* borrowed */
	struct speaker *speaker; /* borrowed */
	struct metrics *metrics; /* borrowed */
	const char *node_name;   /* our own; borrowed */
	/* Our own Node, as the API has it; NULL: it has none (any more). */
	void (*own_node)(void *arg, const cJSON *object);
	void (*changed)(void *arg); /* the engine was told something, or a list is complete now */
	void *arg;
};

/* Start the watches. Returns 0 or -ENOMEM. */
int cluster_io_open(const struct cluster_io_cfg *cfg, struct cluster_io **ret);

/* Was each list complete once? */
bool cluster_io_synced(const struct cluster_io *c);

/* Close it before its kube. NULL is fine; returns NULL. */
struct cluster_io *cluster_io_close(struct cluster_io *c);

#endif
