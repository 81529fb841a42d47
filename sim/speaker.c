// SPDX-License-Identifier: Apache-2.0
/* The life of a simulated speaker, and the turns of its loop. */
#include <stdio.h>

#include "lib/base/duration.h"
#include "sim/speaker_state.h"

#define CLOCK_ZERO_MIN_NS (1 * NS_PER_S) /* 0 is no time for an engine */
#define CLOCK_ZERO_MAX_NS (30 * 86400 * NS_PER_S)
#define MOMENT_MAX        1000 /* passes that one moment may see */

static uint64_t own_now(const struct sim_speaker *s)
{
	return sim_clock_now(s->clock) + s->faults.early_ns;
}

static void broke(struct sim_speaker *s, const char *what)
{
	if (s->cfg.ops->broke != NULL)
		s->cfg.ops->broke(s->cfg.arg, s, what);
}

static void passed(struct sim_speaker *s)
{
	if (s->cfg.ops->passed != NULL)
		s->cfg.ops->passed(s->cfg.arg, s);
}

/* --- passes ------------------------------------------------------------------------------ */

/*
 * When libuv runs a timer that main.c sets for @wake_ns: the wait is in whole milliseconds, rounded
 * up, and epoll_wait() sleeps for all of it. (A loop that something else wakes meanwhile may run it
 * within the last millisecond; what wakes a speaker, but for frames, has it pass anyway.)
 */
static uint64_t timer_due(const struct sim_speaker *s, uint64_t wake_ns)
{
	uint64_t now_ns = own_now(s), wait_ns = wake_ns > now_ns ? wake_ns - now_ns : 0;

	return sim_clock_now(s->clock) + (wait_ns + NS_PER_MS - 1) / NS_PER_MS * NS_PER_MS;
}

/* Whose turns never end would stop the clock of all. */
static bool is_busy(struct sim_speaker *s)
{
	char text[120];

	if (s->moment_ns != sim_clock_now(s->clock))
		s->moment_passes = 0;
	s->moment_ns = sim_clock_now(s->clock);
	if (++s->moment_passes <= MOMENT_MAX)
		return false;
	if (s->moment_passes == MOMENT_MAX + 1) {
		snprintf(text, sizeof(text), "more than %d passes at one moment", MOMENT_MAX);
		broke(s, text);
	}
	return true;
}

static void on_turn(void *arg);

static void turn_at(struct sim_speaker *s, uint64_t at_ns)
{
	if (!s->faults.paused)
		sim_timer_set(s->clock, &s->turn, at_ns + s->faults.slow_ns, on_turn, s);
}

static void turn_next(struct sim_speaker *s)
{
	uint64_t wake_ns = speaker_wake_ns(s->engine);

	if (s->told)
		turn_at(s, sim_clock_now(s->clock));
	else if (wake_ns == UINT64_MAX)
		sim_timer_stop(s->clock, &s->turn);
	else
		turn_at(s,
			is_busy(s) ? sim_clock_now(s->clock) + NS_PER_MS : timer_due(s, wake_ns));
}

static void check_twice(struct sim_speaker *s)
{
	static const char *const names[] = {
		[SPEAKER_FILTER] = "a filter",
		[SPEAKER_JOIN] = "a group to join",
		[SPEAKER_LEAVE] = "a group to leave",
		[SPEAKER_SEND] = "a frame",
		[SPEAKER_ANNOUNCED] = "an announcement",
		[SPEAKER_WITHDRAWN] = "a withdrawal",
		[SPEAKER_EVENT] = "an event",
		[SPEAKER_CONFIG] = "a configuration",
	};
	char text[120];

	if (!s->cfg.check_twice || speaker_wake_ns(s->engine) <= own_now(s))
		return;
	speaker_pass(s->engine, own_now(s), &s->asked);
	if (s->asked.count > 0) {
		snprintf(text, sizeof(text), "a second pass had %zu things to do, the first %s",
			 s->asked.count, names[s->asked.items[0].type]);
		sim_speaker_do(s, &s->asked);
		broke(s, text);
	}
	speaker_actions_clear(&s->asked);
}

static void pass(struct sim_speaker *s)
{
	s->told = false;
	speaker_pass(s->engine, own_now(s), &s->actions);
	sim_speaker_do(s, &s->actions);
	speaker_actions_clear(&s->actions);
	check_twice(s);
}

static void leave_in_order(struct sim_speaker *s);

static void on_turn(void *arg)
{
	struct sim_speaker *s = arg;

	if (s->stopping) {
		leave_in_order(s);
		return;
	}
	if (!s->told)
		s->wakes++;
	pass(s);
	turn_next(s);
	passed(s);
}

void sim_speaker_told(struct sim_speaker *s)
{
	if (!s->ready && !s->stopping && sim_speaker_feeds_synced(s)) {
		s->ready = true;
		speaker_ready_set(s->engine, true);
	}
	s->told = true;
	/* A slow one that is about to run is not put off by what comes meanwhile. */
	if (!sim_timer_is_set(&s->turn) ||
	    s->turn.at_ns > sim_clock_now(s->clock) + s->faults.slow_ns)
		turn_at(s, sim_clock_now(s->clock));
}

size_t sim_speaker_retell(struct sim_speaker *s)
{
	size_t count = 0;

	if (!sim_speaker_is_current(s))
		return 0; /* what the API has is not yet what it was told */
	if (speaker_wake_ns(s->engine) <= own_now(s))
		pass(s);
	sim_speaker_feeds_retell(s);
	do {
		speaker_pass(s->engine, own_now(s), &s->asked);
		count += s->asked.count;
		sim_speaker_do(s, &s->asked);
		speaker_actions_clear(&s->asked);
	} while (speaker_wake_ns(s->engine) == 0);
	turn_next(s);
	return count;
}

/* --- life -------------------------------------------------------------------------------- */

void sim_speaker_start(struct sim_speaker *s)
{
	const struct speaker_cfg cfg = { .node_name = s->cfg.node,
					 .lb_class = s->cfg.lb_class,
					 .ignore_exclude_lb = s->cfg.ignore_exclude_lb,
					 .exclude = s->cfg.exclude,
					 .ranks = s->cfg.ranks,
					 .seed = rng_next(&s->rng) };

	if (s->engine != NULL)
		return;
	must_0(speaker_new(&cfg, &s->engine));
	s->faults.early_ns = CLOCK_ZERO_MIN_NS + rng_below(&s->rng, CLOCK_ZERO_MAX_NS);
	s->client = sim_api_client_new(s->cfg.api, s->cfg.node);
	sim_speaker_feeds_start(s);
	sim_speaker_wire_open(s);
	sim_speaker_told(s);
	passed(s);
}

static void end(struct sim_speaker *s)
{
	sim_timer_stop(s->clock, &s->turn);
	sim_timer_stop(s->clock, &s->receive);
	sim_speaker_wire_close(s);
	s->client = sim_api_client_free(s->client);
	memset(s->feeds, 0, sizeof(s->feeds));
	s->engine = speaker_free(s->engine);
	s->wakes = 0;
	s->told = s->ready = s->stopping = s->faults.paused = false;
}

/* As main.c's on_stop(). */
static void leave_in_order(struct sim_speaker *s)
{
	speaker_ready_set(s->engine, false);
	do
		pass(s);
	while (speaker_wake_ns(s->engine) == 0);
	end(s);
	passed(s);
}

void sim_speaker_kill(struct sim_speaker *s)
{
	if (s->engine == NULL)
		return;
	end(s);
	passed(s);
}

void sim_speaker_stop(struct sim_speaker *s)
{
	if (s->engine == NULL || s->stopping)
		return;
	s->stopping = true;
	turn_at(s, sim_clock_now(s->clock)); /* one that is paused hears of it when it goes on */
}

void sim_speaker_pause(struct sim_speaker *s, bool paused)
{
	if (s->engine == NULL || s->faults.paused == paused)
		return;
	s->faults.paused = paused;
	sim_api_client_pause(s->client, paused);
	if (paused) {
		sim_timer_stop(s->clock, &s->turn);
		sim_timer_stop(s->clock, &s->receive);
	} else if (s->stopping) {
		turn_at(s, sim_clock_now(s->clock));
	} else {
		sim_speaker_wire_resume(s);
	}
}

void sim_speaker_slow(struct sim_speaker *s, uint64_t turn_ns)
{
	s->faults.slow_ns = turn_ns;
}

struct sim_speaker *sim_speaker_new(const struct sim_speaker_cfg *cfg)
{
	struct sim_speaker *s = must(calloc(1, sizeof(*s)));

	s->cfg = *cfg;
	s->cfg.node = must_copy(cfg->node);
	s->cfg.lb_class = must_copy(cfg->lb_class);
	s->cfg.exclude = must_copy(cfg->exclude);
	s->clock = sim_stack_clock(cfg->stack);
	s->rng = rng_seeded(cfg->seed);
	return s;
}

struct sim_speaker *sim_speaker_free(struct sim_speaker *s)
{
	if (s == NULL)
		return NULL;
	if (s->engine != NULL)
		end(s);
	speaker_actions_done(&s->actions);
	speaker_actions_done(&s->answers);
	speaker_actions_done(&s->asked);
	speaker_actions_done(&s->told_asker);
	free((char *)s->cfg.node);
	free((char *)s->cfg.lb_class);
	free((char *)s->cfg.exclude);
	free(s);
	return NULL;
}
