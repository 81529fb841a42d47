// SPDX-License-Identifier: Apache-2.0
/* allocator/pool_status: the numbers of an IPAddressPool's status, counted as MetalLB does. */
#include "tests/unit/allocator_world.h"

#include "allocator/pool_status.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_capacity_is_metallbs),
		cmocka_unit_test(test_assigned_are_distinct_addresses),
		cmocka_unit_test(test_books_count_when_all_that_was_told_is_looked_at),
		cmocka_unit_test(test_every_digit_is_written),
		cmocka_unit_test(test_status_is_compared_field_by_field),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
