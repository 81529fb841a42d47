// SPDX-License-Identifier: Apache-2.0
/* A world is put together, and taken apart. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "sim/world_build.h"

#define START_WITHIN_NS (100 * NS_PER_MS) /* allocators start one after the other */

int building_fail(const struct building *b, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(b->err, b->err_size, fmt, args);
	va_end(args);
	return -EINVAL;
}

void building_done(struct building *b)
{
	free(b->links);
	for (size_t i = 0; i < b->taken.count; i++)
		free(b->taken.items[i].node);
	array_free(&b->taken);
}

/* --- allocators and clients -------------------------------------------------------------- */

static void start_allocator(void *arg)
{
	struct world_allocator *a = arg;

	world_allocator_start(a);
}

static void build_allocators(struct building *b)
{
	struct sim_world *w = b->w;
	const struct sim_scenario *s = w->scenario;

	w->allocators = must(calloc(s->allocators + 1, sizeof(*w->allocators)));
	for (unsigned i = 0; i < s->allocators; i++) {
		struct world_allocator *a = &w->allocators[w->allocator_count++];
		char name[24];

		snprintf(name, sizeof(name), "a%u", i + 1);
		a->world = w;
		a->name = must_copy(name);
		a->health.off = true;
		a->health.well_ns = UINT64_MAX;
		const struct sim_allocator_cfg cfg = {
			.name = name,
			.clock = w->clock,
			.api = w->api,
			.lb_class = s->lb_class,
			.lease_duration_ns = s->lease_duration_ns,
			.renew_deadline_ns = s->renew_deadline_ns,
			.retry_period_ns = s->retry_period_ns,
			.seed = rng_next(&w->rng),
			.check_twice = w->cfg.check_all,
			.ops = &world_allocator_ops,
			.arg = a,
		};
		a->process = sim_allocator_new(&cfg);
		sim_timer_set(w->clock, &a->start, rng_below(&w->rng, START_WITHIN_NS),
			      start_allocator, a);
	}
}

static int build_clients(struct building *b)
{
	struct sim_world *w = b->w;
	const struct sim_scenario *s = w->scenario;

	w->clients = must(calloc(s->clients.count + 1, sizeof(*w->clients)));
	for (size_t i = 0; i < s->clients.count; i++) {
		struct world_client *c = &w->clients[w->client_count];
		struct sim_stack *stack = world_station(w, s->clients.items[i].host);

		if (stack == NULL)
			return building_fail(b, "there is no host %s", s->clients.items[i].host);
		c->world = w;
		c->cfg = &s->clients.items[i];
		world_client_start(c, stack);
		w->client_count++;
	}
	return 0;
}

/* --- objects ----------------------------------------------------------------------------- */

static void witness(void *arg, const struct sim_object *before, const struct sim_object *now)
{
	struct sim_world *w = arg;

	owner_witness(w, before, now);
	check_witness(w, before, now);
}

static void build_objects(struct sim_world *w)
{
	const struct sim_scenario *s = w->scenario;

	sim_api_watch_all(w->api, witness, w);
	if (s->config != NULL)
		sim_api_put_config(w->api, s->config);
	for (size_t i = 0; i < s->objects.count; i++)
		world_put(w, must(cJSON_Duplicate(s->objects.items[i], true)));
	world_add_nodes(w);
	world_add_slices(w);
}

/* --- all of it --------------------------------------------------------------------------- */

static int build(struct building *b)
{
	struct sim_world *w = b->w;
	const struct sim_scenario *s = w->scenario;
	const struct sim_api_cfg api = { .seed = rng_next(&w->rng),
					 .latency_ns = s->api_latency_ns,
					 .watch_delay_ns = s->api_watch_delay_ns };

	w->clock = sim_clock_new();
	w->net = sim_net_new(w->clock, rng_next(&w->rng));
	w->api = sim_api_new(w->clock, &api);
	w->ranks = ranks_new();
	w->oracle = sim_oracle_new(w->api, s->lb_class, s->ignore_exclude_lb);
	w->owners = owners_new(w);
	w->expects = expects_new(w);
	int rc = building_links(b);
	if (rc == 0)
		rc = building_stations(b);
	if (rc < 0)
		return rc;
	build_allocators(b);
	w->checks = check_start(w);
	build_objects(w);
	return build_clients(b);
}

struct sim_world *sim_world_new(const struct sim_world_cfg *cfg, char *err, size_t err_size)
{
	const struct sim_scenario *s = cfg->scenario;
	struct sim_world *w = must(calloc(1, sizeof(*w)));
	struct building b = { .w = w, .err = err, .err_size = err_size };

	w->scenario = s;
	w->cfg = *cfg;
	w->seed = cfg->seeded ? cfg->seed : s->seed;
	w->until_ns = cfg->until_ns != 0 ? cfg->until_ns : s->until_ns;
	w->bound_ns = s->bound_ns != 0 ? s->bound_ns : WORLD_BOUND_NS;
	w->rng = rng_seeded(w->seed);
	w->journal.most = cfg->journal_most;
	int rc = build(&b);
	building_done(&b);
	return rc == 0 ? w : sim_world_free(w);
}

static void node_done(struct world_node *n)
{
	sim_timer_stop(n->world->clock, &n->start);
	sim_speaker_free(n->speaker);
	sim_server_close(n->server);
	sim_stack_free(n->stack);
	array_free(&n->addresses);
}

static void host_done(struct world_host *h)
{
	for (size_t i = 0; i < h->stolen.count; i++)
		free(h->stolen.items[i].service);
	array_free(&h->stolen);
	sim_stack_free(h->stack);
}

struct sim_world *sim_world_free(struct sim_world *w)
{
	if (w == NULL)
		return NULL;
	sim_timer_stop(w->clock, &w->step);
	for (size_t i = 0; i < w->client_count; i++)
		sim_client_free(w->clients[i].client);
	check_end(w->checks);
	for (size_t i = 0; i < w->allocator_count; i++) {
		sim_timer_stop(w->clock, &w->allocators[i].start);
		sim_allocator_free(w->allocators[i].process);
		free(w->allocators[i].name);
	}
	for (size_t i = 0; i < w->node_count; i++)
		node_done(&w->nodes[i]);
	for (size_t i = 0; i < w->host_count; i++)
		host_done(&w->hosts[i]);
	expects_free(w);
	owners_free(w);
	sim_oracle_free(w->oracle);
	sim_api_free(w->api);
	ranks_free(w->ranks);
	sim_net_free(w->net);
	sim_clock_free(w->clock);
	sim_journal_done(&w->journal);
	free(w->clients);
	free(w->allocators);
	free(w->nodes);
	free(w->hosts);
	free(w);
	return NULL;
}
