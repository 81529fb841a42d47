// SPDX-License-Identifier: Apache-2.0
/* lib/base/rangeset.h, against a naive model and at the edges of 128 bits. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "lib/base/rangeset.h"
#include "lib/base/rng.h"

#define TOP (~(u128)0)

/* The model: one byte a number, for a small window anywhere in the number space. */
#define WINDOW 400
struct model {
	u128 base;
	bool in[WINDOW];
};

static size_t model_runs(const struct model *m)
{
	size_t runs = 0;

	for (size_t i = 0; i < WINDOW; i++)
		runs += m->in[i] && (i == 0 || !m->in[i - 1]);
	return runs;
}

static void compare(const struct rangeset *s, const struct model *m, size_t from, size_t to)
{
	size_t count = 0, free_at = from;
	u128 got = 0;

	for (size_t i = from; i <= to; i++)
		count += m->in[i];
	while (free_at <= to && m->in[free_at])
		free_at++;

	assert_true(rangeset_count(s, m->base + from, m->base + to) == count);
	bool found = rangeset_first_free(s, m->base + from, m->base + to, &got);
	assert_int_equal(found, free_at <= to);
	if (found)
		assert_true(got == m->base + free_at);
	for (size_t i = from, n = 0; i <= to; i++) {
		if (!m->in[i])
			assert_true(rangeset_nth_free(s, m->base + from, n++) == m->base + i);
	}
	assert_int_equal(rangeset_contains(s, m->base + from), m->in[from]);
	assert_int_equal(rangeset_runs(s), model_runs(m));
}

/* Thousands of random adds, removes and questions, each judged by the model. */
static void random_walk(u128 base, uint64_t seed)
{
	struct rng rng = rng_seeded(seed);
	struct model m = { .base = base };
	struct rangeset *s = rangeset_new();

	assert_non_null(s);
	for (int step = 0; step < 6000; step++) {
		size_t from = rng_below(&rng, WINDOW);
		size_t longest = rng_below(&rng, 8) == 0 ? WINDOW : 6;
		size_t to = from + rng_below(&rng, longest);
		if (to >= WINDOW)
			to = WINDOW - 1;
		bool add = rng_below(&rng, 2) == 0;

		if (add)
			assert_int_equal(rangeset_add(s, base + from, base + to), 0);
		else
			assert_int_equal(rangeset_remove(s, base + from, base + to), 0);
		memset(m.in + from, add, to - from + 1);

		from = rng_below(&rng, WINDOW);
		compare(s, &m, from, from + rng_below(&rng, WINDOW - from));
		compare(s, &m, 0, WINDOW - 1);
	}
	assert_null(rangeset_free(s));
}

static void test_random_operations_agree_with_a_naive_model(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 4; seed++) {
		random_walk(0, seed);
		random_walk(TOP - (WINDOW - 1), seed);
		random_walk((u128)UINT64_MAX - WINDOW / 2, seed); /* across the middle word */
	}
}

static void test_the_whole_space_is_one_run(void **state)
{
	struct rangeset *s = rangeset_new();
	u128 got = 7;

	(void)state;
	assert_int_equal(rangeset_add(s, 0, TOP), 0);
	assert_int_equal(rangeset_runs(s), 1);
	assert_true(rangeset_contains(s, 0));
	assert_true(rangeset_contains(s, TOP));
	assert_true(rangeset_count(s, 0, TOP) == TOP); /* 2^128 does not fit */
	assert_true(rangeset_count(s, 1, TOP) == TOP);
	assert_false(rangeset_first_free(s, 0, TOP, &got));
	assert_true(got == 7);

	assert_int_equal(rangeset_remove(s, TOP, TOP), 0);
	assert_true(rangeset_first_free(s, 0, TOP, &got));
	assert_true(got == TOP);
	assert_int_equal(rangeset_remove(s, 0, 0), 0);
	assert_true(rangeset_nth_free(s, 0, 0) == 0);
	assert_true(rangeset_nth_free(s, 0, 1) == TOP);
	assert_true(rangeset_nth_free(s, 1, 0) == TOP);
	assert_true(rangeset_count(s, 0, TOP) == TOP - 1);
	assert_true(rangeset_first_free(s, 0, TOP, &got));
	assert_true(got == 0);
	assert_int_equal(rangeset_runs(s), 1);
	rangeset_free(s);
}

static void test_neighbours_join_and_gaps_stay(void **state)
{
	struct rangeset *s = rangeset_new();

	(void)state;
	rangeset_add(s, TOP, TOP);
	rangeset_add(s, TOP - 2, TOP - 2);
	assert_int_equal(rangeset_runs(s), 2);
	rangeset_add(s, TOP - 1, TOP - 1);
	assert_int_equal(rangeset_runs(s), 1);
	rangeset_remove(s, TOP - 1, TOP - 1);
	assert_int_equal(rangeset_runs(s), 2);
	assert_true(rangeset_count(s, 0, TOP) == 2);
	rangeset_free(s);
}

static void test_an_empty_question_has_no_answer(void **state)
{
	struct rangeset *s = rangeset_new();
	u128 got = 7;

	(void)state;
	assert_false(rangeset_first_free(s, 5, 4, &got));
	assert_true(got == 7);
	assert_true(rangeset_count(s, 0, TOP) == 0);
	assert_true(rangeset_nth_free(s, 5, 4) == 9);
	assert_true(rangeset_nth_free(s, 0, TOP) == TOP);
	rangeset_free(s);
	assert_null(rangeset_free(NULL));
}

/* A pool costs what is used of it: a /8 full but for a few holes is a few runs, not 16 million. */
static void test_memory_follows_runs_not_pool_size(void **state)
{
	struct rangeset *s = rangeset_new();
	u128 base = (u128)10 << 24;

	(void)state;
	assert_int_equal(rangeset_add(s, base, base + (1 << 24) - 1), 0);
	for (u128 hole = 0; hole < 100; hole++)
		assert_int_equal(rangeset_remove(s, base + 3 * hole, base + 3 * hole), 0);
	assert_int_equal(rangeset_runs(s), 100);
	for (u128 hole = 0; hole < 100; hole++)
		assert_int_equal(rangeset_add(s, base + 3 * hole, base + 3 * hole), 0);
	assert_int_equal(rangeset_runs(s), 1);

	/* First fit, the way the allocator fills a /64: the run only grows. */
	u128 v6 = (u128)0x20010db8 << 96, at = 0;
	for (u128 n = 0; n < 10000; n++) {
		assert_true(rangeset_first_free(s, v6, v6 + UINT64_MAX, &at));
		assert_true(at == v6 + n);
		assert_int_equal(rangeset_add(s, at, at), 0);
	}
	assert_int_equal(rangeset_runs(s), 2);
	rangeset_free(s);
}

static double questions_s(size_t runs, int questions)
{
	struct rangeset *s = rangeset_new();
	struct rng rng = rng_seeded(runs);
	struct timespec a, b;
	u128 at = 0;

	for (u128 i = 0; i < runs; i++)
		assert_int_equal(rangeset_add(s, 4 * i, 4 * i + 2), 0);
	assert_int_equal(rangeset_runs(s), runs);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
	for (int q = 0; q < questions; q++) {
		u128 from = 4 * (u128)rng_below(&rng, runs);
		assert_true(rangeset_first_free(s, from, TOP, &at));
		assert_true(at == from + 3);
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
	rangeset_free(s);
	return (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
}

/*
 * 256 times the runs make a descent of 18 steps out of one of 10, and colder caches; a linear scan
 * would be 256 times slower. Ratio of CPU time in one process, so a busy machine does not matter.
 */
static void test_first_free_is_logarithmic(void **state)
{
	const int questions = 50000;
	double few = questions_s(1 << 10, questions), many = questions_s(1 << 18, questions);

	(void)state;
	assert_true(many < few * 40);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_operations_agree_with_a_naive_model),
		cmocka_unit_test(test_the_whole_space_is_one_run),
		cmocka_unit_test(test_neighbours_join_and_gaps_stay),
		cmocka_unit_test(test_an_empty_question_has_no_answer),
		cmocka_unit_test(test_memory_follows_runs_not_pool_size),
		cmocka_unit_test(test_first_free_is_logarithmic),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
