// SPDX-License-Identifier: Apache-2.0
/* How full each pool is, as gauges with MetalLB's names (metallb_allocator_*). */
#ifndef BELLMAN_ALLOCATOR_POOL_GAUGES_H
#define BELLMAN_ALLOCATOR_POOL_GAUGES_H

#include "allocator/engine.h"
#include "lib/base/metrics.h"

/* All addresses, then by family. */
enum { POOL_GAUGES_SUM, POOL_GAUGES_V4, POOL_GAUGES_V6, POOL_GAUGES };

struct pool_gauges {
	struct metric_family *total[POOL_GAUGES], *in_use[POOL_GAUGES];
};

void pool_gauges_init(struct pool_gauges *g, struct metrics *m);

/* Set them anew for the pools there are. More than 2^63 - 1 addresses show as that. */
void pool_gauges_update(struct pool_gauges *g, const struct allocator *engine);

#endif
