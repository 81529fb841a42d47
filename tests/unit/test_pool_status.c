// SPDX-License-Identifier: Apache-2.0
/*
 * allocator/pool_status: the numbers of an IPAddressPool's status, counted as MetalLB does, and
 * pool_status_book: when they are written.
 */
#include "tests/unit/allocator_world.h"

#include "allocator/pool_status_book.h"

static void take_first(void *arg, const struct allocator_pool_view *view)
{
	*(struct pool_status *)arg = pool_status_of(view);
}

static void expect(const struct world *w, int64_t assigned_v4, int64_t assigned_v6,
		   int64_t available_v4, int64_t available_v6)
{
	struct pool_status s = { 0 };

	allocator_pools(w->a, take_first, &s);
	assert_int_equal(s.assigned_v4, assigned_v4);
	assert_int_equal(s.assigned_v6, assigned_v6);
	assert_int_equal(s.available_v4, available_v4);
	assert_int_equal(s.available_v6, available_v6);
}

/* Compatibility page 1.1. */
static void test_capacity_is_metallbs(void **state)
{
	static const struct {
		const char *pool;
		int64_t v4, v6;
	} rows[] = {
		{ "\"addresses\":[\"192.0.2.0/24\",\"2001:db8::/124\"]", 256, 16 },
		{ "\"addresses\":[\"192.0.2.10-192.0.2.20\"]", 11, 0 },
		/* two less for each /24 within, and for the ends of what is longer */
		{ "\"addresses\":[\"10.0.0.0/23\"],\"avoidBuggyIPs\":true", 508, 0 },
		{ "\"addresses\":[\"10.0.0.0/25\"],\"avoidBuggyIPs\":true", 127, 0 },
		{ "\"addresses\":[\"10.0.0.128/25\"],\"avoidBuggyIPs\":true", 127, 0 },
		{ "\"addresses\":[\"10.0.0.64/26\"],\"avoidBuggyIPs\":true", 64, 0 },
		{ "\"addresses\":[\"2001:db8::/120\"],\"avoidBuggyIPs\":true", 0, 256 },
		/* 61 host bits are counted, 62 never run out */
		{ "\"addresses\":[\"2001:db8::/67\"]", 0, (int64_t)1 << 61 },
		{ "\"addresses\":[\"2001:db8::/66\"]", 0, INT64_MAX },
		{ "\"addresses\":[\"::/0\"]", 0, INT64_MAX },
		{ "\"addresses\":[\"2001:db8::/66\",\"2001:db8:1::/66\"]", 0, INT64_MAX },
		/* Bellman's own: what is never given out is not available */
		{ "\"addresses\":[\"192.0.2.0/24\"],\"exclude\":[\"192.0.2.1\",\"192.0.2.8/29\"]",
		  247, 0 },
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char pools[256];
		snprintf(pools, sizeof(pools), "[{\"name\":\"a\",%s}]", rows[i].pool);
		struct world *w = world_new(pools, NULL);
		expect(w, 0, 0, rows[i].v4, rows[i].v6);
		world_free(w);
	}
}

static void test_assigned_are_distinct_addresses(void **state)
{
	struct world *w =
		world_new("[{\"name\":\"a\",\"addresses\":[\"192.0.2.0/30\",\"2001:db8::/66\"]}]",
			  NULL);
	(void)state;

	world_apply(w, "web/a", LB_V4_PORT(80), "\"metallb.io/allow-shared-ip\":\"x\"", NULL);
	world_apply(w, "web/b", LB_V4_PORT(81), "\"metallb.io/allow-shared-ip\":\"x\"", NULL);
	world_run(w);
	assert_string_equal(world_shows(w, "web/b"), world_shows(w, "web/a"));
	expect(w, 1, 0, 3, INT64_MAX);
	world_apply(w, "web/c", LB_DUAL("RequireDualStack"), NULL, NULL);
	world_run(w);
	expect(w, 2, 1, 2, INT64_MAX - 1);
	world_delete(w, "web/a");
	world_run(w);
	expect(w, 2, 1, 2, INT64_MAX - 1);
	world_delete(w, "web/b");
	world_run(w);
	expect(w, 1, 1, 3, INT64_MAX - 1);
	world_free(w);
}

/* A leader that has not looked at everything yet would tell of addresses as free that are held. */
static void test_books_count_when_all_that_was_told_is_looked_at(void **state)
{
	struct world *w = world_new("[{\"name\":\"a\",\"addresses\":[\"192.0.2.0/30\"]}]", NULL);
	(void)state;

	world_apply(w, "web/a", LB_V4, NULL, NULL);
	assert_false(allocator_settled(w->a));
	world_run(w);
	assert_true(allocator_settled(w->a));
	expect(w, 1, 0, 3, 0);

	allocator_lead(w->a, false);
	world_run(w);
	assert_false(allocator_settled(w->a));
	allocator_lead(w->a, true);
	world_run(w);
	assert_false(allocator_settled(w->a)); /* no list since */
	allocator_synced(w->a);
	assert_false(allocator_settled(w->a));
	world_run(w);
	assert_true(allocator_settled(w->a));
	expect(w, 1, 0, 3, 0);
	world_free(w);
}

static void test_every_digit_is_written(void **state)
{
	const struct pool_status s = { 2, 1, 4, INT64_MAX - 1 };
	char *patch = pool_status_patch(&s);
	(void)state;

	assert_string_equal(patch, "{\"status\":{\"assignedIPv4\":2,\"assignedIPv6\":1,"
				   "\"availableIPv4\":4,\"availableIPv6\":9223372036854775806}}");
	free(patch);
}

static void test_status_is_compared_field_by_field(void **state)
{
	static const struct {
		const char *status;
		bool is;
	} rows[] = {
		{ "{\"assignedIPv4\":2,\"assignedIPv6\":1,\"availableIPv4\":4,"
		  "\"availableIPv6\":9223372036854775806}",
		  true },
		{ "{\"assignedIPv4\":3,\"assignedIPv6\":1,\"availableIPv4\":4,"
		  "\"availableIPv6\":9223372036854775806}",
		  false },
		{ "{\"assignedIPv4\":2,\"assignedIPv6\":0,\"availableIPv4\":4,"
		  "\"availableIPv6\":9223372036854775806}",
		  false },
		{ "{\"assignedIPv4\":2,\"assignedIPv6\":1,\"availableIPv4\":\"4\","
		  "\"availableIPv6\":9223372036854775806}",
		  false },
		{ "{\"assignedIPv4\":2,\"assignedIPv6\":1,\"availableIPv4\":4}", false },
		{ "{}", false },
	};
	const struct pool_status s = { 2, 1, 4, INT64_MAX - 1 };
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		cJSON *status = cJSON_Parse(rows[i].status);
		assert_int_equal(pool_status_is(status, &s), rows[i].is);
		cJSON_Delete(status);
	}
	assert_false(pool_status_is(NULL, &s));
}

/* --- when it is written ------------------------------------------------------------------ */

/* The API has @name at @version, with a status that says @n are assigned; negative: without one. */
static cJSON *object(unsigned version, int n)
{
	char *text = n < 0 ? world_text("{\"metadata\":{\"resourceVersion\":\"%u\"}}", version)
			   : world_text("{\"metadata\":{\"resourceVersion\":\"%u\"},\"status\":{"
					"\"assignedIPv4\":%d,\"assignedIPv6\":0,"
					"\"availableIPv4\":0,\"availableIPv6\":0}}",
					version, n);
	cJSON *json = cJSON_Parse(text);

	free(text);
	return json;
}

static void told(struct pool_status_book *b, const char *name, unsigned version, int n)
{
	cJSON *json = object(version, n);

	pool_status_book_told(b, name, json);
	cJSON_Delete(json);
}

static void want(struct pool_status_book *b, const char *name, int n)
{
	pool_status_book_want(b, name, &(struct pool_status){ .assigned_v4 = n });
}

/* The write of @name is answered with an object that says @n. */
static enum pool_status_end answered(struct pool_status_book *b, const char *name, uint64_t now_ms,
				     unsigned version, int n)
{
	cJSON *json = object(version, n);
	enum pool_status_end end = pool_status_book_written(b, name, now_ms, 200, json);

	cJSON_Delete(json);
	return end;
}

/* The next one to be written is @name, and says @n; NULL: there is none. */
static void expect_next(struct pool_status_book *b, uint64_t now_ms, const char *name, int n)
{
	struct pool_status s;
	const char *next = pool_status_book_next(b, now_ms, &s);

	if (name == NULL) {
		assert_null(next);
		return;
	}
	assert_non_null(next);
	assert_string_equal(next, name);
	assert_int_equal(s.assigned_v4, n);
}

static void test_first_change_goes_at_once_and_others_each_second(void **state)
{
	struct pool_status_book *b = pool_status_book_new(1);
	(void)state;

	expect_next(b, 0, NULL, 0);
	assert_int_equal(pool_status_book_wake_ms(b), UINT64_MAX);
	told(b, "a", 1, -1);
	expect_next(b, 5000, NULL, 0); /* nobody said yet what it should be */
	want(b, "a", 1);
	expect_next(b, 5000, "a", 1);
	want(b, "a", 2);
	expect_next(b, 5000, NULL, 0); /* it is under way */
	assert_int_equal(answered(b, "a", 5010, 2, 1), POOL_STATUS_STANDS);
	assert_int_equal(pool_status_book_wake_ms(b), 6000);
	expect_next(b, 5999, NULL, 0);
	expect_next(b, 6000, "a", 2);
	assert_int_equal(answered(b, "a", 6010, 3, 2), POOL_STATUS_STANDS);
	assert_int_equal(pool_status_book_wake_ms(b), UINT64_MAX);
	told(b, "a", 4, 77); /* somebody's edit */
	assert_int_equal(pool_status_book_wake_ms(b), 7000);
	expect_next(b, 7000, "a", 2);
	assert_int_equal(answered(b, "a", 7010, 5, 2), POOL_STATUS_STANDS);
	/* One that is in force no more is let be, whatever it says; one that is gone, forgotten. */
	pool_status_book_begin(b);
	told(b, "a", 6, 77);
	expect_next(b, 9000, NULL, 0);
	want(b, "a", 2);
	pool_status_book_told(b, "a", NULL);
	expect_next(b, 9000, NULL, 0);
	pool_status_book_free(b);
}

/* 8 that change all the time, and can be written at any time, are no reason for others to wait. */
static void test_who_has_waited_longest_comes_first(void **state)
{
	enum { POOLS = 12, ROUNDS = 20 };
	struct pool_status_book *b = pool_status_book_new(1);
	unsigned version = 100, written[POOLS] = { 0 };
	char names[POOLS][8];
	(void)state;

	for (int i = 0; i < POOLS; i++) {
		snprintf(names[i], sizeof(names[i]), "p%02u", (unsigned)i % 100);
		told(b, names[i], 1, -1);
	}
	for (uint64_t now = 0; now < ROUNDS * 1000; now += 1000) {
		for (int i = 0; i < POOLS; i++)
			want(b, names[i], (int)now + 1);
		for (int k = 0; k < 3; k++) { /* of 12 only 3 can go in a second */
			struct pool_status s;
			const char *next = pool_status_book_next(b, now, &s);
			assert_non_null(next);
			written[atoi(next + 1)]++;
			answered(b, next, now, ++version, (int)now + 1);
		}
	}
	for (int i = 0; i < POOLS; i++)
		assert_int_equal(written[i], ROUNDS * 3 / POOLS);
	pool_status_book_free(b);
}

/* A definition that does not know the fields: the API takes the write and drops them. */
static void test_write_that_changes_nothing_is_repeated_ever_more_seldom(void **state)
{
	struct pool_status_book *b = pool_status_book_new(1);
	unsigned writes = 0;
	(void)state;

	told(b, "a", 1, -1);
	want(b, "a", 1);
	for (uint64_t now = 0; now <= 3600 * 1000; now += 500) {
		struct pool_status s;
		if (pool_status_book_next(b, now, &s) == NULL)
			continue;
		writes++;
		assert_int_equal(answered(b, "a", now, 1, -1), POOL_STATUS_VAIN);
		told(b, "a", 1, -1); /* listed once more: no news */
		if (now > 20 * 60 * 1000)
			want(b, "a", (int)writes + 1); /* nor are other numbers a reason */
	}
	assert_in_range(writes, 12, 16);

	/* The definition is brought up to date. */
	uint64_t now = pool_status_book_wake_ms(b);
	struct pool_status s;
	assert_non_null(pool_status_book_next(b, now, &s));
	assert_int_equal(answered(b, "a", now, 2, (int)s.assigned_v4), POOL_STATUS_STANDS);
	want(b, "a", 9000);
	assert_int_equal(pool_status_book_wake_ms(b), now + 1000);
	pool_status_book_free(b);
}

static void test_failed_write_is_tried_again_with_a_growing_pause(void **state)
{
	struct pool_status_book *b = pool_status_book_new(1);
	uint64_t now = 0, pause = 0;
	(void)state;

	told(b, "a", 1, -1);
	told(b, "b", 1, -1);
	want(b, "a", 1);
	for (int i = 0; i < 10; i++) {
		expect_next(b, now, "a", 1);
		assert_int_equal(pool_status_book_written(b, "a", now, 500, NULL),
				 POOL_STATUS_FAILED);
		pause = pool_status_book_wake_ms(b) - now;
		now += pause;
	}
	assert_in_range(pause, 8000, 14000);
	want(b, "b", 1); /* which is another's affair */
	now -= 1;
	expect_next(b, now, "b", 1);
	pool_status_book_free(b);
}

/* Our write lands, somebody edits, the watch tells of that, and then our answer comes. */
static void test_answer_that_is_older_than_the_watch_is_not_believed(void **state)
{
	struct pool_status_book *b = pool_status_book_new(1);
	(void)state;

	told(b, "a", 9, -1);
	want(b, "a", 1);
	expect_next(b, 0, "a", 1);
	told(b, "a", 11, 77);
	assert_int_equal(answered(b, "a", 500, 10, 1), POOL_STATUS_STANDS);
	expect_next(b, 1000, "a", 1);
	assert_int_equal(answered(b, "a", 1010, 12, 1), POOL_STATUS_STANDS);
	expect_next(b, 2000, NULL, 0);
	pool_status_book_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_capacity_is_metallbs),
		cmocka_unit_test(test_assigned_are_distinct_addresses),
		cmocka_unit_test(test_books_count_when_all_that_was_told_is_looked_at),
		cmocka_unit_test(test_every_digit_is_written),
		cmocka_unit_test(test_status_is_compared_field_by_field),
		cmocka_unit_test(test_first_change_goes_at_once_and_others_each_second),
		cmocka_unit_test(test_who_has_waited_longest_comes_first),
		cmocka_unit_test(test_write_that_changes_nothing_is_repeated_ever_more_seldom),
		cmocka_unit_test(test_failed_write_is_tried_again_with_a_growing_pause),
		cmocka_unit_test(test_answer_that_is_older_than_the_watch_is_not_believed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
