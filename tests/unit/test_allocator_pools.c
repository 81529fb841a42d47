// SPDX-License-Identifier: Apache-2.0
/* The fields of a pool that only Bellman has: strategy, drain, quota. A rule a test. */
#include "tests/unit/allocator_world.h"

#define A_SHARED A_SHARE("k")

/* --- strategy --------------------------------------------------------------------------- */

#define THREE_RANGES(fields)                                                                       \
	"[{\"name\":\"a\"," fields "\"addresses\":[\"192.0.2.0/29\",\"192.0.2.16/28\","            \
	"\"192.0.2.64-192.0.2.65\"]}]"
#define LEAST_USED "\"strategy\":\"leastUsedRange\","
#define RANDOM     "\"strategy\":\"random\","

static void apply_many(struct world *w, unsigned count, const char *spec, const char *annotations)
{
	for (unsigned i = 0; i < count; i++) {
		char name[32];

		snprintf(name, sizeof(name), "web/s%02u", i);
		world_apply(w, name, spec, annotations, NULL);
	}
	world_run(w);
}

static const char *shows_many(struct world *w, unsigned i)
{
	char name[32];

	snprintf(name, sizeof(name), "web/s%02u", i);
	return world_shows(w, name);
}

static void test_first_fit_fills_range_by_range(void **state)
{
	static const char *const order[] = { "192.0.2.0", "192.0.2.1", "192.0.2.2",
					     "192.0.2.3", "192.0.2.4", "192.0.2.5",
					     "192.0.2.6", "192.0.2.7", "192.0.2.16" };
	struct world *w = world_new(THREE_RANGES("\"strategy\":\"firstFit\","), NULL);
	(void)state;

	apply_many(w, 9, LB_V4, NULL);
	for (unsigned i = 0; i < 9; i++) {
		char text[64];

		snprintf(text, sizeof(text), "%s a", order[i]);
		assert_string_equal(shows_many(w, i), text);
	}
	world_free(w);
}

/* Shares of 8, 16 and 2 addresses: 0, 0, 0 -> the first; 1/8, 0, 0 -> the second; ... */
static void test_least_used_range_has_the_smallest_share_in_use(void **state)
{
	static const char *const order[] = {
		"192.0.2.0 a",  "192.0.2.16 a", "192.0.2.64 a", /* 1/8 1/16 1/2 */
		"192.0.2.17 a",                                 /* 1/8 2/16 1/2 */
		"192.0.2.1 a",                                  /* equal: the first in order */
		"192.0.2.18 a", "192.0.2.19 a",                 /* 2/8 4/16 1/2 */
		"192.0.2.2 a",
	};
	struct world *w = world_new(THREE_RANGES(LEAST_USED), NULL);
	(void)state;

	apply_many(w, 8, LB_V4, NULL);
	for (unsigned i = 0; i < 8; i++)
		assert_string_equal(shows_many(w, i), order[i]);
	world_free(w);
}

/* What is excluded or avoided is no address of a range. */
static void test_least_used_range_counts_what_can_be_given_out(void **state)
{
	struct world *w = world_new("[{\"name\":\"a\"," LEAST_USED "\"avoidBuggyIPs\":true,"
				    "\"exclude\":[\"192.0.2.1-192.0.2.2\"],"
				    "\"addresses\":[\"192.0.2.0/30\",\"198.51.100.0/29\"]}]",
				    NULL);
	(void)state;

	apply_many(w, 9, LB_V4, NULL); /* 1 and 7 addresses */
	assert_string_equal(shows_many(w, 0), "192.0.2.3 a");
	assert_string_equal(shows_many(w, 1), "198.51.100.1 a");
	assert_string_equal(shows_many(w, 7), "198.51.100.7 a");
	assert_string_equal(shows_many(w, 8), "");
	world_free(w);
}

static void test_a_freed_address_changes_which_range_is_least_used(void **state)
{
	struct world *w = world_new(THREE_RANGES(LEAST_USED), NULL);
	(void)state;

	apply_many(w, 8, LB_V4, NULL);
	world_delete(w, "web/s02"); /* the only one of the third range */
	world_apply(w, "web/x", LB_V4, NULL, NULL);
	world_run(w);
	assert_string_equal(world_shows(w, "web/x"), "192.0.2.64 a");
	world_free(w);
}

/* All are given out once, in another order than the first one, and another seed has another. */
static void test_random_gives_every_address_in_an_order_of_the_seed(void **state)
{
	char got[3][26][64] = { { { 0 } } };
	(void)state;

	for (unsigned run = 0; run < 3; run++) {
		struct world *w = world_new(NULL, NULL);
		unsigned sum = 0, in_order = 0;

		w->cfg.seed = run == 2 ? 8 : 7;
		world_pools(w, THREE_RANGES(RANDOM));
		world_restart(w);
		apply_many(w, 26, LB_V4, NULL);
		for (unsigned i = 0; i < 26; i++) {
			unsigned last;

			snprintf(got[run][i], sizeof(got[run][i]), "%.63s", shows_many(w, i));
			assert_int_equal(sscanf(got[run][i], "192.0.2.%u a", &last), 1);
			sum += last;
			in_order += i > 0 && strcmp(got[run][i - 1], got[run][i]) < 0;
		}
		assert_int_equal(sum, 28 + 16 * 16 + 120 + 129); /* each of them once */
		assert_true(in_order < 25);
		world_free(w);
	}
	assert_memory_equal(got[0], got[1], sizeof(got[0]));
	assert_memory_not_equal(got[0], got[2], sizeof(got[0]));
}

/* Each of 26 addresses is first 50 times in 1,300 runs; 20 and 90 are six deviations away. */
static void test_random_likes_no_address_better(void **state)
{
	unsigned counts[256] = { 0 };
	(void)state;

	for (unsigned run = 0; run < 1300; run++) {
		struct world *w = world_new(NULL, NULL);
		unsigned last;

		w->cfg.seed = run;
		world_pools(w, THREE_RANGES(RANDOM));
		world_restart(w);
		apply_many(w, 1, LB_V4, NULL);
		assert_int_equal(sscanf(shows_many(w, 0), "192.0.2.%u a", &last), 1);
		counts[last]++;
		world_free(w);
	}
	for (unsigned i = 0; i < 256; i++) {
		bool there = i < 8 || (i >= 16 && i < 32) || i == 64 || i == 65;

		assert_true(there ? counts[i] > 20 && counts[i] < 90 : counts[i] == 0);
	}
}

/*
 * Five addresses are free, here behind a long row of others and there alone: each comes 200 times
 * in 1,000; 120 and 280 are six deviations away. What is excluded or avoided never comes.
 */
static void test_random_likes_no_address_better_in_a_pool_that_is_all_but_full(void **state)
{
	struct world *w = world_new(
		"[{\"name\":\"a\"," RANDOM
		"\"avoidBuggyIPs\":true,\"exclude\":[\"192.0.2.5-192.0.2.9\"],"
		"\"addresses\":[\"192.0.2.0-192.0.2.20\",\"198.51.100.254-198.51.101.1\"]}]",
		NULL);
	static const char *const holes[] = { "192.0.2.4 a", "192.0.2.19 a", "192.0.2.20 a",
					     "198.51.100.254 a", "198.51.101.1 a" };
	unsigned counts[5] = { 0 };
	(void)state;

	for (unsigned i = 1; i <= 18; i += i == 3 ? 7 : 1) {
		char name[16], ip[64];

		snprintf(name, sizeof(name), "web/held%u", i);
		snprintf(ip, sizeof(ip), A_IPS("192.0.2.%u"), i);
		world_apply(w, name, LB_V4, ip, NULL);
	}
	world_run(w);
	for (unsigned run = 0; run < 1000; run++) {
		world_apply(w, "web/one", LB_V4, NULL, NULL);
		world_run(w);
		for (unsigned i = 0; i < 5; i++)
			counts[i] += strcmp(world_shows(w, "web/one"), holes[i]) == 0;
		world_delete(w, "web/one");
		world_run(w);
	}
	for (unsigned i = 0; i < 5; i++)
		assert_true(counts[i] > 120 && counts[i] < 280);
	assert_int_equal(counts[0] + counts[1] + counts[2] + counts[3] + counts[4], 1000);
	world_free(w);
}

/* 2^64 addresses: more than rng_next() could tell apart in one throw would still be spread. */
static void test_random_reaches_all_of_a_large_pool(void **state)
{
	struct world *w =
		world_new("[{\"name\":\"a\"," RANDOM "\"addresses\":[\"2001:db8::/32\"]}]", NULL);
	unsigned upper = 0, lower = 0;
	(void)state;

	apply_many(w, 40, LB_V6, NULL);
	for (unsigned i = 0; i < 40; i++) {
		struct ip_addr ip;
		char text[64];

		assert_int_equal(sscanf(shows_many(w, i), "%60s a", text), 1);
		assert_int_equal(ip_parse(text, &ip), 0);
		upper += ip.bytes[4] >= 0x80;
		lower += ip.bytes[15] >= 0x80;
	}
	assert_true(upper > 5 && upper < 35 && lower > 5 && lower < 35);
	world_free(w);
}

/* One key, ports of their own: MetalLB's users expect one address, whatever the strategy. */
static void test_services_of_one_key_meet_with_every_strategy(void **state)
{
	static const char *const pools[] = { THREE_RANGES(""), THREE_RANGES(LEAST_USED),
					     THREE_RANGES(RANDOM) };
	(void)state;

	for (size_t i = 0; i < sizeof(pools) / sizeof(*pools); i++) {
		struct world *w = world_new(pools[i], NULL);
		char first[64];

		world_apply(w, "web/a", LB_V4_PORT(80), A_SHARED, NULL);
		world_apply(w, "web/b", LB_V4_PORT(443), A_SHARED, NULL);
		world_apply(w, "web/c", LB_V4_PORT(80), A_SHARED, NULL);
		world_run(w);
		snprintf(first, sizeof(first), "%.63s", world_shows(w, "web/a"));
		assert_string_equal(world_shows(w, "web/b"), first);
		assert_string_not_equal(world_shows(w, "web/c"), first); /* port 80 is taken */
		world_free(w);
	}
}

/* --- drain ------------------------------------------------------------------------------ */

#define TWO_POOLS(fields)                                                                          \
	"[{\"name\":\"a\"," fields "\"addresses\":[\"192.0.2.0/30\",\"2001:db8::/126\"]},"         \
	"{\"name\":\"b\",\"addresses\":[\"198.51.100.0/30\"]}]"
#define DRAIN "\"drain\":true,"

static void test_a_drained_pool_keeps_its_holders_and_gives_nothing_new(void **state)
{
	struct world *w = world_new(TWO_POOLS(""), NULL);
	(void)state;

	world_apply(w, "web/old", LB_V4, NULL, NULL);
	world_run(w);
	assert_string_equal(world_shows(w, "web/old"), "192.0.2.0 a");
	world_pools(w, TWO_POOLS(DRAIN));
	world_apply(w, "web/new", LB_V4, NULL, NULL);
	assert_int_equal(world_run(w), 1);
	assert_string_equal(world_shows(w, "web/old"), "192.0.2.0 a");
	assert_string_equal(world_shows(w, "web/new"), "198.51.100.0 b");
	world_restart(w); /* a new engine knows holders by their statuses alone */
	assert_int_equal(world_run(w), 0);
	assert_string_equal(world_shows(w, "web/old"), "192.0.2.0 a");
	world_free(w);
}

static void test_a_drained_pool_refuses_requests_in_plain_words(void **state)
{
	static const struct {
		const char *name, *annotations, *spec, *why;
	} cases[] = {
		{ "web/pool", A_POOL("a"), LB_V4,
		  "pool \"a\" is drained and gives out nothing new" },
		{ "web/ip", A_IPS("192.0.2.3"), LB_V4,
		  "192.0.2.3 is refused: pool \"a\" is drained and gives out nothing new" },
		{ "web/share", A_SHARED, LB_V6,
		  "no available IPs: pool \"a\" is drained and gives out nothing new; pool \"b\" "
		  "has no IPv6 addresses" },
	};
	struct world *w = world_new(TWO_POOLS(""), NULL);
	(void)state;

	world_apply(w, "web/holder", LB_V6, A_SHARED, NULL);
	world_run(w);
	world_pools(w, TWO_POOLS(DRAIN));
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		world_apply(w, cases[i].name, cases[i].spec, cases[i].annotations, NULL);
	assert_int_equal(world_run(w), 3); /* their conditions */
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_string_equal(world_shows(w, cases[i].name), "");
		assert_string_equal(world_view(w, cases[i].name).reason, cases[i].why);
	}
	world_pools(w, TWO_POOLS("")); /* and when it is filled again they are served */
	world_run(w);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_string_equal(world_view(w, cases[i].name).reason, "");
	world_free(w);
}

/* A request for what one holds already is nothing new. */
static void test_a_holder_may_ask_for_what_it_holds_in_a_drained_pool(void **state)
{
	struct world *w = world_new(TWO_POOLS(""), NULL);
	(void)state;

	world_apply(w, "web/a", LB_V4, NULL, NULL);
	world_run(w);
	world_pools(w, TWO_POOLS(DRAIN));
	world_apply(w, "web/a", NULL, A_IPS("192.0.2.0"), NULL);
	assert_int_equal(world_run(w), 0);
	world_apply(w, "web/a", NULL, A_POOL("a"), NULL);
	assert_int_equal(world_run(w), 0);
	assert_string_equal(world_view(w, "web/a").note, "");
	world_free(w);
}

static void test_a_second_family_of_a_drained_pool_is_new(void **state)
{
	struct world *w = world_new(TWO_POOLS(""), NULL);
	(void)state;

	world_apply(w, "web/a", LB_V4, NULL, NULL);
	world_run(w);
	world_pools(w, TWO_POOLS(DRAIN));
	world_apply(w, "web/a", LB_DUAL("PreferDualStack"), NULL, NULL);
	world_run(w);
	assert_string_equal(world_shows(w, "web/a"), "192.0.2.0 a");
	assert_true(world_said(w, "AdditionalAssignFailed web/a: stays on [\"192.0.2.0\"]: pool "
				  "\"a\" is drained and gives out nothing new\n"));
	world_pools(w, TWO_POOLS(""));
	world_run(w);
	assert_string_equal(world_shows(w, "web/a"), "192.0.2.0,2001:db8:: a");
	world_free(w);
}

/* --- quota ------------------------------------------------------------------------------ */

#define QUOTA(q)                                                                                   \
	"[{\"name\":\"a\",\"quota\":" q ",\"addresses\":[\"192.0.2.0/28\",\"2001:db8::/124\"]}]"

static void test_a_namespace_gets_no_more_than_its_quota(void **state)
{
	struct world *w = world_new(QUOTA("2"), NULL);
	(void)state;

	apply_many(w, 3, LB_V4, NULL);
	world_apply(w, "db/x", LB_V4, NULL, NULL);
	world_run(w);
	assert_string_equal(shows_many(w, 0), "192.0.2.0 a");
	assert_string_equal(shows_many(w, 1), "192.0.2.1 a");
	assert_string_equal(shows_many(w, 2), "");
	assert_string_equal(world_view(w, "web/s02").reason,
			    "no available IPs: pool \"a\" has a quota of 2 for namespace \"web\", "
			    "which is used up");
	assert_string_equal(world_shows(w, "db/x"), "192.0.2.2 a"); /* its own quota */
	world_delete(w, "web/s00");
	world_run(w);
	assert_string_equal(shows_many(w, 2), "192.0.2.0 a");
	world_free(w);
}

static void test_a_quota_may_name_namespaces(void **state)
{
	static const struct {
		const char *pools, *a, *b;
	} cases[] = {
		{ QUOTA("[\"web=1\"]"), "web/a", "web/b" },
		{ QUOTA("[\"web=9\",\"*=1\"]"), "db/a", "db/b" },
		{ QUOTA("[\"web=0\",\"*=1\"]"), NULL, "web/a" },
	};
	(void)state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct world *w = world_new(cases[i].pools, NULL);

		if (cases[i].a != NULL)
			world_apply(w, cases[i].a, LB_V4, NULL, NULL);
		world_apply(w, cases[i].b, LB_V4, NULL, NULL);
		world_run(w);
		if (cases[i].a != NULL)
			assert_string_equal(world_shows(w, cases[i].a), "192.0.2.0 a");
		assert_string_equal(world_shows(w, cases[i].b), "");
		world_free(w);
	}
}

/* Both addresses of a dual-stack Service count. */
static void test_a_quota_counts_addresses_of_both_families(void **state)
{
	struct world *w = world_new(QUOTA("3"), NULL);
	(void)state;

	world_apply(w, "web/a", LB_DUAL("RequireDualStack"), NULL, NULL);
	world_apply(w, "web/b", LB_DUAL("RequireDualStack"), NULL, NULL);
	world_apply(w, "web/c", LB_V6, NULL, NULL);
	world_run(w);
	assert_string_equal(world_shows(w, "web/a"), "192.0.2.0,2001:db8:: a");
	assert_string_equal(world_shows(w, "web/b"), "");
	assert_string_equal(world_shows(w, "web/c"), "2001:db8::1 a");
	world_free(w);
}

static void test_a_shared_address_counts_once_a_namespace(void **state)
{
	struct world *w = world_new(QUOTA("1"), NULL);
	(void)state;

	world_apply(w, "web/a", LB_V4_PORT(80), A_SHARED, NULL);
	world_apply(w, "web/b", LB_V4_PORT(81), A_SHARED, NULL);
	world_apply(w, "web/c", LB_V4_PORT(80), A_SHARED, NULL); /* it would need another */
	world_apply(w, "db/d", LB_V4_PORT(82), A_SHARED, NULL);
	world_apply(w, "db/e", LB_V4, NULL, NULL); /* db holds the shared one */
	world_run(w);
	assert_string_equal(world_shows(w, "web/a"), "192.0.2.0 a");
	assert_string_equal(world_shows(w, "web/b"), "192.0.2.0 a");
	assert_string_equal(world_shows(w, "web/c"), "");
	assert_string_equal(world_shows(w, "db/d"), "192.0.2.0 a");
	assert_string_equal(world_shows(w, "db/e"), "");
	/* The namespace is through with it only when the last of its Services is. */
	world_delete(w, "web/a");
	world_apply(w, "web/f", LB_V4, NULL, NULL);
	world_run(w);
	assert_string_equal(world_shows(w, "web/f"), "");
	world_delete(w, "web/b");
	world_delete(w, "web/c");
	world_run(w);
	assert_string_equal(world_shows(w, "web/f"), "192.0.2.1 a");
	world_free(w);
}

/* A lower address is free, and still the quota leaves only the one that is shared. */
static void test_within_a_quota_sharing_comes_before_a_lower_address(void **state)
{
	struct world *w = world_new(QUOTA("2"), NULL);
	(void)state;

	world_apply(w, "web/a", LB_V4_PORT(80), NULL, NULL);
	world_apply(w, "web/b", LB_V4_PORT(80), NULL, NULL);
	world_run(w);
	world_delete(w, "web/a");
	world_apply(w, "web/b", LB_V4_PORT(80), A_SHARED, NULL); /* on 192.0.2.1 */
	world_apply(w, "web/c", LB_V4_PORT(80), NULL, NULL);     /* on 192.0.2.0 */
	world_run(w);
	world_apply(w, "db/x", LB_V4, A_IPS("192.0.2.0"), NULL);
	world_delete(w, "web/c");
	world_apply(w, "web/d", LB_V4, A_IPS("192.0.2.2"), NULL); /* 2 of 2 */
	world_run(w);
	world_delete(w, "db/x");
	world_run(w);
	world_apply(w, "web/e", LB_V4_PORT(443), A_SHARED, NULL);
	world_run(w);
	assert_string_equal(world_shows(w, "web/e"), "192.0.2.1 a");
	world_free(w);
}

static void test_a_lowered_quota_takes_nothing_away(void **state)
{
	struct world *w = world_new(QUOTA("3"), NULL);
	(void)state;

	apply_many(w, 3, LB_V4, NULL);
	world_pools(w, QUOTA("1"));
	assert_int_equal(world_run(w), 0);
	world_restart(w);
	assert_int_equal(world_run(w), 0);
	for (unsigned i = 0; i < 3; i++)
		assert_string_not_equal(shows_many(w, i), "");
	world_delete(w, "web/s00"); /* 2 are still above 1 */
	world_apply(w, "web/x", LB_V4, NULL, NULL);
	world_run(w);
	assert_string_equal(world_shows(w, "web/x"), "");
	world_free(w);
}

/* Moving within a pool needs no more than there is; a request beyond the quota is refused. */
static void test_requests_are_held_against_the_quota(void **state)
{
	struct world *w = world_new(QUOTA("1"), NULL);
	(void)state;

	world_apply(w, "web/a", LB_V4, NULL, NULL);
	world_run(w);
	world_apply(w, "web/b", LB_V4, A_IPS("192.0.2.7"), NULL);
	world_run(w);
	assert_string_equal(world_shows(w, "web/b"), "");
	assert_string_equal(world_view(w, "web/b").reason,
			    "pool \"a\" has a quota of 1 for namespace \"web\", which is used up");
	world_apply(w, "web/a", NULL, A_IPS("192.0.2.9"), NULL);
	world_run(w);
	assert_string_equal(world_shows(w, "web/a"), "192.0.2.9 a");
	world_free(w);
}

static void test_a_second_family_is_held_against_the_quota(void **state)
{
	struct world *w = world_new(QUOTA("1"), NULL);
	(void)state;

	world_apply(w, "web/a", LB_V4, NULL, NULL);
	world_run(w);
	world_apply(w, "web/a", LB_DUAL("PreferDualStack"), NULL, NULL);
	world_run(w);
	assert_string_equal(world_shows(w, "web/a"), "192.0.2.0 a");
	assert_string_equal(world_view(w, "web/a").note,
			    "stays on [\"192.0.2.0\"]: pool \"a\" has a quota of 1 for namespace "
			    "\"web\", which is used up");
	world_pools(w, QUOTA("2"));
	world_run(w);
	assert_string_equal(world_shows(w, "web/a"), "192.0.2.0,2001:db8:: a");
	world_free(w);
}

/* Each pool has a quota of its own, and the next pool is tried. */
static void test_beyond_the_quota_the_next_pool_is_tried(void **state)
{
	struct world *w = world_new(TWO_POOLS("\"quota\":1,"), NULL);
	(void)state;

	apply_many(w, 2, LB_V4, NULL);
	assert_string_equal(shows_many(w, 0), "192.0.2.0 a");
	assert_string_equal(shows_many(w, 1), "198.51.100.0 b");
	world_free(w);
}

/* --- exclude ---------------------------------------------------------------------------- */

static void test_a_request_for_what_is_excluded_is_refused(void **state)
{
	struct world *w = world_new("[{\"name\":\"a\",\"exclude\":[\"192.0.2.1\"],"
				    "\"addresses\":[\"192.0.2.0/30\"]}]",
				    NULL);
	(void)state;

	world_apply(w, "web/a", LB_V4, A_IPS("192.0.2.1"), NULL);
	world_run(w);
	assert_string_equal(world_shows(w, "web/a"), "");
	assert_string_equal(world_view(w, "web/a").reason, "192.0.2.1 is excluded from pool \"a\"");
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_fit_fills_range_by_range),
		cmocka_unit_test(test_least_used_range_has_the_smallest_share_in_use),
		cmocka_unit_test(test_least_used_range_counts_what_can_be_given_out),
		cmocka_unit_test(test_a_freed_address_changes_which_range_is_least_used),
		cmocka_unit_test(test_random_gives_every_address_in_an_order_of_the_seed),
		cmocka_unit_test(test_random_likes_no_address_better),
		cmocka_unit_test(
			test_random_likes_no_address_better_in_a_pool_that_is_all_but_full),
		cmocka_unit_test(test_random_reaches_all_of_a_large_pool),
		cmocka_unit_test(test_services_of_one_key_meet_with_every_strategy),
		cmocka_unit_test(test_a_drained_pool_keeps_its_holders_and_gives_nothing_new),
		cmocka_unit_test(test_a_drained_pool_refuses_requests_in_plain_words),
		cmocka_unit_test(test_a_holder_may_ask_for_what_it_holds_in_a_drained_pool),
		cmocka_unit_test(test_a_second_family_of_a_drained_pool_is_new),
		cmocka_unit_test(test_a_namespace_gets_no_more_than_its_quota),
		cmocka_unit_test(test_a_quota_may_name_namespaces),
		cmocka_unit_test(test_a_quota_counts_addresses_of_both_families),
		cmocka_unit_test(test_a_shared_address_counts_once_a_namespace),
		cmocka_unit_test(test_within_a_quota_sharing_comes_before_a_lower_address),
		cmocka_unit_test(test_a_lowered_quota_takes_nothing_away),
		cmocka_unit_test(test_requests_are_held_against_the_quota),
		cmocka_unit_test(test_a_second_family_is_held_against_the_quota),
		cmocka_unit_test(test_beyond_the_quota_the_next_pool_is_tried),
		cmocka_unit_test(test_a_request_for_what_is_excluded_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
