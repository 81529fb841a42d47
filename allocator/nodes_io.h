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

/* Begin to watch; @kube is borrowed. Returns 0 or -ENOMEM. */
int nodes_io_open(struct kube *kube, struct nodes_io **ret);

/* Lend those that are known to @ret until the loop turns; none before they were listed. */
void nodes_io_lend(const struct nodes_io *n, struct config_inputs *ret);

/* Close it before its kube. NULL is fine; returns NULL. */
struct nodes_io *nodes_io_close(struct nodes_io *n);

#endif
