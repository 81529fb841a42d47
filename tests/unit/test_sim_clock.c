// SPDX-License-Identifier: Apache-2.0
#include "sim/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/rng.h"

static int setup(void **state)
{
	*state = sim_clock_new();
	return 0;
}

static int teardown(void **state)
{
	*state = sim_clock_free(*state);
	return 0;
}

/* What ran, as text. */
static char ran[32];

struct mark {
	struct sim_timer timer;
	char name;
	struct sim_clock *clock;
	struct mark *sets; /* to run at the same moment, when this one runs */
	struct mark *stops;
};

static void run(void *arg)
{
	struct mark *m = arg;

	assert_false(sim_timer_is_set(&m->timer));
	assert_int_equal(sim_clock_now(m->clock), m->timer.at_ns);
	ran[strlen(ran)] = m->name;
	if (m->sets != NULL)
		sim_timer_set(m->clock, &m->sets->timer, 0, run, m->sets);
	if (m->stops != NULL)
		sim_timer_stop(m->clock, &m->stops->timer);
}

static void set(struct sim_clock *c, struct mark *m, char name, uint64_t at_ns)
{
	m->name = name;
	m->clock = c;
	sim_timer_set(c, &m->timer, at_ns, run, m);
}

static const char *run_until(struct sim_clock *c, uint64_t until_ns)
{
	memset(ran, 0, sizeof(ran));
	while (sim_clock_step(c, until_ns))
		;
	return ran;
}

static void test_timers_run_by_time_and_then_in_the_order_of_setting(void **state)
{
	struct mark m[5] = { 0 };

	set(*state, &m[0], 'a', 20);
	set(*state, &m[1], 'b', 10);
	set(*state, &m[2], 'c', 20);
	set(*state, &m[3], 'd', 10);
	set(*state, &m[4], 'e', 30);
	assert_int_equal(sim_clock_next(*state), 10);
	assert_string_equal(run_until(*state, 29), "bdac");
	assert_int_equal(sim_clock_now(*state), 29);
	assert_int_equal(sim_clock_next(*state), 30);
	assert_string_equal(run_until(*state, 30), "e");
	assert_int_equal(sim_clock_next(*state), UINT64_MAX);
	assert_int_equal(sim_clock_steps(*state), 5);
}

static void test_time_never_goes_back(void **state)
{
	struct mark m = { 0 };

	assert_false(sim_clock_step(*state, 100));
	assert_false(sim_clock_step(*state, 50));
	assert_int_equal(sim_clock_now(*state), 100);
	set(*state, &m, 'a', 50);
	assert_int_equal(m.timer.at_ns, 100);
	assert_string_equal(run_until(*state, 100), "a");
}

static void test_a_timer_that_is_set_again_is_moved_behind_the_others(void **state)
{
	struct mark m[3] = { 0 };

	set(*state, &m[0], 'a', 10);
	set(*state, &m[1], 'b', 10);
	set(*state, &m[2], 'c', 5);
	set(*state, &m[0], 'a', 10);
	set(*state, &m[2], 'c', 15);
	assert_string_equal(run_until(*state, 100), "bac");
}

static void test_a_stopped_timer_does_not_run(void **state)
{
	struct mark m[3] = { 0 };

	for (unsigned i = 0; i < 3; i++)
		set(*state, &m[i], (char)('a' + i), i);
	sim_timer_stop(*state, &m[1].timer);
	sim_timer_stop(*state, &m[1].timer);
	assert_false(sim_timer_is_set(&m[1].timer));
	assert_true(sim_timer_is_set(&m[2].timer));
	assert_string_equal(run_until(*state, 100), "ac");
}

static void test_what_runs_may_set_and_stop_others_and_itself(void **state)
{
	struct mark m[4] = { 0 };

	for (unsigned i = 0; i < 3; i++)
		set(*state, &m[i], (char)('a' + i), 7);
	m[3] = (struct mark){ .name = 'd', .clock = *state };
	m[0].sets = &m[3]; /* due at once: after those that were due already */
	m[0].stops = &m[1];
	assert_string_equal(run_until(*state, 7), "acd");

	set(*state, &m[0], 'a', 8);
	m[0].sets = &m[0];
	m[0].stops = NULL;
	for (unsigned i = 0; i < 3; i++)
		assert_true(sim_clock_step(*state, 8));
	assert_true(sim_timer_is_set(&m[0].timer));
}

#define MANY 500

/* Against the slow way: look through all. */
static void test_a_random_sequence_runs_in_order(void **state)
{
	static struct mark m[MANY];
	static uint64_t orders[MANY];
	uint64_t order = 0;
	struct rng rng = rng_seeded(7);

	for (unsigned n = 0; n < 20000; n++) {
		unsigned i = (unsigned)rng_below(&rng, MANY);
		uint64_t what = rng_below(&rng, 8);

		if (what < 5) {
			set(*state, &m[i], 'x', sim_clock_now(*state) + rng_below(&rng, 100));
			orders[i] = ++order;
		} else if (what < 6) {
			sim_timer_stop(*state, &m[i].timer);
		} else {
			const struct mark *first = NULL;

			for (unsigned k = 0; k < MANY; k++)
				if (sim_timer_is_set(&m[k].timer) &&
				    (first == NULL || m[k].timer.at_ns < first->timer.at_ns ||
				     (m[k].timer.at_ns == first->timer.at_ns &&
				      orders[k] < orders[first - m])))
					first = &m[k];
			memset(ran, 0, sizeof(ran));
			assert_int_equal(sim_clock_step(*state, UINT64_MAX - 1), first != NULL);
			if (first == NULL)
				break;
			assert_false(sim_timer_is_set(&first->timer));
			assert_int_equal(strlen(ran), 1);
		}
	}
	assert_true(sim_clock_steps(*state) > 4000);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_timers_run_by_time_and_then_in_the_order_of_setting),
		T(test_time_never_goes_back),
		T(test_a_timer_that_is_set_again_is_moved_behind_the_others),
		T(test_a_stopped_timer_does_not_run),
		T(test_what_runs_may_set_and_stop_others_and_itself),
		T(test_a_random_sequence_runs_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
