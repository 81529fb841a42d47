// SPDX-License-Identifier: Apache-2.0
#include "allocator/gauges.h"

#include "allocator/pool_status.h"

static struct metric_family *family(struct metrics *m, const char *name, const char *help,
				    const char *const *labels)
{
	return metrics_family(m, name, help, METRIC_GAUGE, labels);
}

void gauges_init(struct gauges *g, struct metrics *m)
{
	static const char *const pool[] = { "pool", NULL };
	static const char *const state[] = { "state", NULL };
	static const char *const reason[] = { "reason", NULL };
	static const char *const names[GAUGES_SUMS][2] = {
		[GAUGES_SUM] = { "metallb_allocator_addresses_total",
				 "metallb_allocator_addresses_in_use_total" },
		[GAUGES_V4] = { "metallb_allocator_ipv4_addresses_total",
				"metallb_allocator_ipv4_addresses_in_use_total" },
		[GAUGES_V6] = { "metallb_allocator_ipv6_addresses_total",
				"metallb_allocator_ipv6_addresses_in_use_total" },
	};

	for (size_t i = 0; i < GAUGES_SUMS; i++) {
		g->total[i] = family(m, names[i][0], "Usable addresses of a pool.", pool);
		g->in_use[i] = family(m, names[i][1], "Addresses of a pool in use.", pool);
	}
	g->pool_services = family(m, "metallb_allocator_services_allocated_total",
				  "Services that have addresses of a pool.", pool);
	g->reserved =
		family(m, "bellman_allocator_addresses_reserved",
		       "Addresses of a pool that are kept for Services which are gone.", pool);
	g->draining = family(m, "bellman_allocator_pool_draining",
			     "1 for a pool that gives nothing new.", pool);
	g->services = family(m, "bellman_allocator_services",
			     "Services of type LoadBalancer and of our class: served, pending, or "
			     "unwritten: decided, but the status does not show it yet.",
			     state);
	g->pending = family(m, "bellman_allocator_services_pending",
			    "Pending Services by the reason that their condition has.", reason);
	g->duplicates =
		metric_value0(metrics_family(m, "bellman_allocator_duplicates_repaired_total",
					     "Services moved off an address that another one held.",
					     METRIC_COUNTER, NULL));
}

/* Both are at least 0. */
static int64_t sum(int64_t a, int64_t b)
{
	return a > INT64_MAX - b ? INT64_MAX : a + b;
}

static void measure_pool(void *arg, const struct allocator_pool_view *v)
{
	struct gauges *g = arg;
	const char *pool = v->pool->name;
	const struct pool_status s = pool_status_of(v);
	int64_t v4 = pool_status_capacity(&v->v4), v6 = pool_status_capacity(&v->v6);

	*metric_value1(g->total[GAUGES_SUM], pool) = sum(v4, v6);
	*metric_value1(g->total[GAUGES_V4], pool) = v4;
	*metric_value1(g->total[GAUGES_V6], pool) = v6;
	*metric_value1(g->in_use[GAUGES_SUM], pool) = sum(s.assigned_v4, s.assigned_v6);
	*metric_value1(g->in_use[GAUGES_V4], pool) = s.assigned_v4;
	*metric_value1(g->in_use[GAUGES_V6], pool) = s.assigned_v6;
	*metric_value1(g->draining, pool) = v->pool->drain;
	metric_value1(g->pool_services, pool); /* 0 is said, too */
	if (v->pool->reserve_ns > 0)
		metric_value1(g->reserved, pool);
}

struct reserved_sum {
	struct gauges *gauges;
	const struct allocator *engine;
};

static void measure_reservation(void *arg, const struct allocator_reservation *item)
{
	const struct reserved_sum *s = arg;

	for (unsigned i = 0; i < item->ip_count; i++) {
		const struct pool *pool = allocator_pool_of(s->engine, &item->ips[i]);

		if (pool != NULL)
			++*metric_value1(s->gauges->reserved, pool->name);
	}
}

static void measure_service(void *arg, const struct allocator_service_view *v)
{
	struct gauges *g = arg;

	if (v->ip_count > 0 && v->pool != NULL)
		++*metric_value1(g->pool_services, v->pool);
	if (!v->ours)
		return;
	if (v->unwritten) {
		++*metric_value1(g->services, "unwritten");
	} else if (v->ip_count > 0) {
		++*metric_value1(g->services, "served");
	} else {
		++*metric_value1(g->services, "pending");
		++*metric_value1(g->pending, v->word != NULL ? v->word : "Undecided");
	}
}

void gauges_clear(struct gauges *g)
{
	for (size_t i = 0; i < GAUGES_SUMS; i++) {
		metric_clear(g->total[i]);
		metric_clear(g->in_use[i]);
	}
	metric_clear(g->pool_services);
	metric_clear(g->reserved);
	metric_clear(g->draining);
	metric_clear(g->services);
	metric_clear(g->pending);
}

void gauges_update(struct gauges *g, const struct allocator *engine)
{
	static const char *const states[] = { "served", "pending", "unwritten" };
	struct reserved_sum reserved = { g, engine };

	gauges_clear(g);
	*g->duplicates = (int64_t)allocator_duplicates(engine);
	for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++)
		metric_value1(g->services, states[i]);
	allocator_pools(engine, measure_pool, g);
	allocator_services(engine, measure_service, g);
	allocator_reservations(engine, measure_reservation, &reserved);
}
