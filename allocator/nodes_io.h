// SPDX-License-Identifier: Apache-2.0
/*
 * The Nodes of the cluster, watched and decoded, for rules that ask where things meet. One that
 * does not decode is left out: the speakers, which need them, say so.
 */
#ifndef BELLMAN_ALLOCATOR_NODES_IO_H
#define BELLMAN_ALLOCATOR_NODES_IO_H

#include "lib/kube/kube.h"
#include "lib/model/config.h"

struct nodes_io; /* opaque */

struct nodes_io_cfg {
	struct kube *kube; /* borrowed */
	bool keep;         /* for nodes_io_lend(); they are large */
	/* A Node is as @n says, lent; NULL: it is gone, or does not decode. */
	void (*told)(void *arg, const char *name, const struct node *n);
	/* All were told; or the API does not let them be listed. More than once. */
	void (*answered)(void *arg);
	void *arg;
};

/* Begin to watch. Returns 0 or -ENOMEM. */
int nodes_io_open(const struct nodes_io_cfg *cfg, struct nodes_io **ret);

/* Lend those that are kept to @ret until the loop turns; none before they were listed. */
void nodes_io_lend(const struct nodes_io *n, struct config_inputs *ret);

/* Close it before its kube. NULL is fine; returns NULL. */
struct nodes_io *nodes_io_close(struct nodes_io *n);

#endif
