// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/duration.h"
#include "lib/base/must.h"
#include "sim/allocator_state.h"

#define CLOCK_ZERO_MIN_NS (1 * NS_PER_S) /* 0 is no time for an engine */
#define CLOCK_ZERO_MAX_NS (30 * 86400 * NS_PER_S)

/* A loop that comes back so often at one moment will not end. */
#define TURNS_AT_ONCE 1000

/* --- time ---------------------------------------------------------------------------------- */

static struct sim_clock *clock_of(const struct sim_allocator_life *l)
{
	return l->owner->cfg.clock;
}

uint64_t sim_life_now(const struct sim_allocator_life *l)
{
	return sim_clock_now(clock_of(l)) + l->owner->faults.early_ns;
}

int64_t sim_life_wall_us(const struct sim_allocator_life *l)
{
	int64_t wall_ns = (int64_t)sim_clock_now(clock_of(l)) + l->owner->faults.wall_ns;

	return SIM_EPOCH_S * INT64_C(1000000) + wall_ns / 1000;
}

/* --- turns --------------------------------------------------------------------------------- */

static void on_turn(void *arg);

/* @at_ns: of the world's clock. */
static void turn_set(struct sim_turn *t, uint64_t at_ns)
{
	const struct sim_allocator *a = t->life->owner;

	sim_timer_set(a->cfg.clock, &t->timer, at_ns + a->faults.slow_ns, on_turn, t);
}

/* How often has this been now? */
static bool is_endless(struct sim_turn *t)
{
	uint64_t now_ns = sim_life_now(t->life);

	t->at_once = now_ns == t->last_ns ? t->at_once + 1 : 1;
	t->last_ns = now_ns;
	return t->at_once > TURNS_AT_ONCE;
}

static void on_turn(void *arg)
{
	struct sim_turn *t = arg;

	if (is_endless(t)) {
		sim_life_broke(t->life, "its loop does not come to rest");
		turn_set(t, sim_clock_now(clock_of(t->life)) + NS_PER_MS);
		return;
	}
	t->life->owner->wakes += !t->asked;
	t->asked = false;
	t->take(t->life);
}

void sim_turn_soon(struct sim_turn *t)
{
	if (t->asked)
		return;
	t->asked = true;
	turn_set(t, sim_clock_now(clock_of(t->life)));
}

/*
 * When libuv runs a timer that io.c and lead_io.c set for @at_ns of the process's clock. They and
 * epoll_wait() count whole milliseconds, so that it is never early.
 */
static uint64_t timer_due(const struct sim_allocator_life *l, uint64_t at_ns)
{
	uint64_t now_ns = sim_life_now(l);

	if (at_ns <= now_ns)
		return sim_clock_now(clock_of(l));
	return sim_clock_now(clock_of(l)) + ((at_ns - now_ns) / NS_PER_MS + 1) * NS_PER_MS;
}

void sim_turn_at(struct sim_turn *t, uint64_t at_ns)
{
	if (t->asked)
		return;
	if (at_ns == UINT64_MAX)
		sim_timer_stop(clock_of(t->life), &t->timer);
	else
		turn_set(t, timer_due(t->life, at_ns));
}

#define TURNS 3
#define TURNS_OF(l)                                                                                \
	{                                                                                          \
		&(l)->lead_turn, &(l)->engine_turn, &(l)->send_turn                                \
	}

/* A process that stood still finds out at once how late it is, in whatever order. */
static void turns_go_on(struct sim_allocator_life *l)
{
	struct sim_turn *turns[TURNS] = TURNS_OF(l);
	size_t first = rng_below(&l->owner->rng, TURNS);

	for (size_t i = 0; i < TURNS; i++) {
		struct sim_turn *t = turns[(first + i) % TURNS];
		t->asked = false;
		sim_turn_soon(t);
	}
}

static void turns_stop(struct sim_allocator_life *l)
{
	struct sim_turn *turns[TURNS] = TURNS_OF(l);

	for (size_t i = 0; i < TURNS; i++)
		sim_timer_stop(clock_of(l), &turns[i]->timer);
}

/* --- a life -------------------------------------------------------------------------------- */

void sim_life_broke(const struct sim_allocator_life *l, const char *what)
{
	const struct sim_allocator *a = l->owner;

	if (a->cfg.ops->broke != NULL)
		a->cfg.ops->broke(a->cfg.arg, a, what);
}

static struct sim_allocator_life *life_begin(struct sim_allocator *a)
{
	struct sim_allocator_life *l = must(calloc(1, sizeof(*l)));
	const struct allocator_cfg engine_cfg = {
		.standby = true,
		.lb_class = a->cfg.lb_class,
		.reservations = true,
		.writes_max = ALLOCATOR_WRITES_MAX,
		.actions_max = ALLOCATOR_ACTIONS_MAX,
		.seed = rng_next(&a->rng),
	};

	l->owner = a;
	/* As allocator/identity_io.c: a name that others may have, and what nobody ever has again.
	 */
	snprintf(l->identity, sizeof(l->identity), "%.253s_%u-%08x", a->cfg.name, ++a->lives,
		 (unsigned)rng_next(&a->rng));
	a->faults.early_ns = CLOCK_ZERO_MIN_NS + rng_below(&a->rng, CLOCK_ZERO_MAX_NS);
	l->lead_turn = (struct sim_turn){ .life = l, .take = sim_lead_turn };
	l->engine_turn = (struct sim_turn){ .life = l, .take = sim_engine_turn };
	l->send_turn = (struct sim_turn){ .life = l, .take = sim_status_turn };
	TAILQ_INIT(&l->errands);
	l->client = sim_api_client_new(a->cfg.api, a->cfg.name);
	l->gate = gate_new();
	l->engine = allocator_new(&engine_cfg);
	sim_inputs_open(l);
	sim_lead_open(l);
	return l;
}

static void say_leads(const struct sim_allocator_life *l, bool leads)
{
	const struct sim_allocator *a = l->owner;

	if (a->cfg.ops->leads != NULL)
		a->cfg.ops->leads(a->cfg.arg, a, leads);
}

void sim_life_end(struct sim_allocator_life *l)
{
	bool led = lead_leads(l->lead);

	gate_watch(l->gate, NULL, NULL);
	turns_stop(l);
	l->owner->life = NULL;
	l->owner->faults.paused = false;
	l->client = sim_api_client_free(l->client);
	sim_status_forget(l);
	lead_free(l->lead);
	gate_free(l->gate);
	allocator_free(l->engine);
	if (led)
		say_leads(l, false);
	free(l);
}

/* --- the process --------------------------------------------------------------------------- */

struct sim_allocator *sim_allocator_new(const struct sim_allocator_cfg *cfg)
{
	static const struct sim_allocator_ops nobody;
	struct sim_allocator *a = must(calloc(1, sizeof(*a)));

	a->cfg = *cfg;
	a->cfg.name = must_copy(cfg->name);
	a->cfg.lb_class = must_copy(cfg->lb_class);
	if (cfg->ops == NULL)
		a->cfg.ops = &nobody;
	if (cfg->lease_duration_ns == 0)
		a->cfg.lease_duration_ns = KUBE_LEASE_DURATION_NS;
	if (cfg->renew_deadline_ns == 0)
		a->cfg.renew_deadline_ns = KUBE_LEASE_RENEW_DEADLINE_NS;
	if (cfg->retry_period_ns == 0)
		a->cfg.retry_period_ns = KUBE_LEASE_RETRY_NS;
	a->rng = rng_seeded(cfg->seed);
	return a;
}

struct sim_allocator *sim_allocator_free(struct sim_allocator *a)
{
	if (a == NULL)
		return NULL;
	sim_allocator_kill(a);
	free((char *)a->cfg.name);
	free((char *)a->cfg.lb_class);
	free(a);
	return NULL;
}

void sim_allocator_start(struct sim_allocator *a)
{
	if (a->life == NULL)
		a->life = life_begin(a);
}

void sim_allocator_kill(struct sim_allocator *a)
{
	if (a->life != NULL)
		sim_life_end(a->life);
}

void sim_allocator_stop(struct sim_allocator *a)
{
	if (a->life == NULL)
		return;
	if (a->faults.paused)
		a->life->stop = true;
	else
		sim_lead_leave(a->life);
}

void sim_allocator_pause(struct sim_allocator *a, bool paused)
{
	if (a->life == NULL || a->faults.paused == paused)
		return;
	a->faults.paused = paused;
	if (paused) {
		turns_stop(a->life);
		sim_api_client_pause(a->life->client, true);
		return;
	}
	if (a->life->stop)
		sim_lead_leave(a->life);
	turns_go_on(a->life);
	sim_api_client_pause(a->life->client, false);
}

void sim_allocator_slow(struct sim_allocator *a, uint64_t turn_ns)
{
	a->faults.slow_ns = turn_ns;
}

void sim_allocator_step_clock(struct sim_allocator *a, int64_t by_ns)
{
	int64_t most = SIM_CLOCK_STEP_MAX_NS, wall_ns;

	/* Many steps add up to no more than one may be. */
	if (__builtin_add_overflow(a->faults.wall_ns, by_ns, &wall_ns))
		wall_ns = by_ns;
	a->faults.wall_ns = wall_ns > most ? most : wall_ns < -most ? -most : wall_ns;
}

/* --- questions ----------------------------------------------------------------------------- */

const char *sim_allocator_name(const struct sim_allocator *a)
{
	return a->cfg.name;
}

const char *sim_allocator_identity(const struct sim_allocator *a)
{
	return a->life != NULL ? a->life->identity : "";
}

bool sim_allocator_runs(const struct sim_allocator *a)
{
	return a->life != NULL;
}

bool sim_allocator_leads(const struct sim_allocator *a)
{
	return a->life != NULL && lead_leads(a->life->lead);
}

bool sim_allocator_may_write(const struct sim_allocator *a)
{
	return a->life != NULL && gate_is_open(a->life->gate, sim_life_now(a->life));
}

bool sim_allocator_is_current(const struct sim_allocator *a)
{
	const struct sim_allocator_life *l = a->life;

	return l != NULL && !a->faults.paused && !l->lead_turn.asked && !l->engine_turn.asked &&
	       gate_may_decide(l->gate, sim_life_now(l)) &&
	       allocator_wake_ns(l->engine) > sim_life_now(l) && TAILQ_EMPTY(&l->errands) &&
	       sim_watch_is_current(l->services) && sim_watch_is_current(l->namespaces) &&
	       sim_watch_is_current(l->config) && sim_watch_is_current(l->lease);
}

struct sim_api_client *sim_allocator_client(const struct sim_allocator *a)
{
	return a->life != NULL ? a->life->client : NULL;
}

const struct allocator *sim_allocator_engine(const struct sim_allocator *a)
{
	return a->life != NULL ? a->life->engine : NULL;
}

uint64_t sim_allocator_wakes(const struct sim_allocator *a)
{
	return a->wakes;
}
