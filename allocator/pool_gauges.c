// SPDX-License-Identifier: Apache-2.0
#include "allocator/pool_gauges.h"

void pool_gauges_init(struct pool_gauges *g, struct metrics *m)
{
	static const char *const pool[] = { "pool", NULL };
	static const char *const names[POOL_GAUGES][2] = {
		[POOL_GAUGES_SUM] = { "metallb_allocator_addresses_total",
				      "metallb_allocator_addresses_in_use_total" },
		[POOL_GAUGES_V4] = { "metallb_allocator_ipv4_addresses_total",
				     "metallb_allocator_ipv4_addresses_in_use_total" },
		[POOL_GAUGES_V6] = { "metallb_allocator_ipv6_addresses_total",
				     "metallb_allocator_ipv6_addresses_in_use_total" },
	};

	for (size_t i = 0; i < POOL_GAUGES; i++) {
		g->total[i] = metrics_family(m, names[i][0], "Usable addresses of a pool.",
					     METRIC_GAUGE, pool);
		g->in_use[i] = metrics_family(m, names[i][1], "Addresses of a pool in use.",
					      METRIC_GAUGE, pool);
	}
}

static int64_t clamp(u128 n)
{
	return n > INT64_MAX ? INT64_MAX : (int64_t)n;
}

static u128 sum(u128 a, u128 b)
{
	return a + b < a ? ~(u128)0 : a + b;
}

static void measure(void *arg, const struct allocator_pool_view *v)
{
	struct pool_gauges *g = arg;
	const char *pool = v->pool->name;

	*metric_value1(g->total[POOL_GAUGES_SUM], pool) = clamp(sum(v->v4.total, v->v6.total));
	*metric_value1(g->total[POOL_GAUGES_V4], pool) = clamp(v->v4.total);
	*metric_value1(g->total[POOL_GAUGES_V6], pool) = clamp(v->v6.total);
	*metric_value1(g->in_use[POOL_GAUGES_SUM], pool) = clamp(sum(v->v4.used, v->v6.used));
	*metric_value1(g->in_use[POOL_GAUGES_V4], pool) = clamp(v->v4.used);
	*metric_value1(g->in_use[POOL_GAUGES_V6], pool) = clamp(v->v6.used);
}

void pool_gauges_update(struct pool_gauges *g, const struct allocator *engine)
{
	for (size_t i = 0; i < POOL_GAUGES; i++) {
		metric_clear(g->total[i]);
		metric_clear(g->in_use[i]);
	}
	allocator_pools(engine, measure, g);
}
