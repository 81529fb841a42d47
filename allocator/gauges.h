// SPDX-License-Identifier: Apache-2.0
/*
 * What the engine's books say, as gauges: how full each pool is, with MetalLB's names
 * (metallb_allocator_*), and how many Services are served or wait (bellman_allocator_*). And one
 * counter: how often two Services showed one address.
 */
#ifndef BELLMAN_ALLOCATOR_GAUGES_H
#define BELLMAN_ALLOCATOR_GAUGES_H

#include "allocator/engine.h"
#include "lib/base/metrics.h"

/* All addresses, then by family. */
enum { GAUGES_SUM, GAUGES_V4, GAUGES_V6, GAUGES_SUMS };

struct gauges {
	struct metric_family *total[GAUGES_SUMS], *in_use[GAUGES_SUMS];
	struct metric_family *pool_services; /* that have addresses of a pool */
	struct metric_family *reserved;      /* addresses of a pool that are kept for the gone */
	struct metric_family *draining;
	struct metric_family *services; /* by state */
	struct metric_family *pending;  /* those of one state, by reason */
	int64_t *duplicates;
};

void gauges_init(struct gauges *g, struct metrics *m);

/* Set them anew for the pools and Services there are. More than 2^63 - 1 addresses show as that. */
void gauges_update(struct gauges *g, const struct allocator *engine);

/* Show none: the books of who does not lead say nothing. */
void gauges_clear(struct gauges *g);

#endif
