// SPDX-License-Identifier: Apache-2.0
/* perRange, where a Service has an address of each range, and requests for the end of an address:
 * a rule a test. */
#include "tests/unit/allocator_world.h"

/* --- perRange --------------------------------------------------------------------------- */

#define PER_RANGE(fields, ranges)                                                                  \
	"[{\"name\":\"a\",\"perRange\":true," fields "\"addresses\":[" ranges "]}]"
#define TWO_V4 "\"192.0.2.0/30\",\"198.51.100.8-198.51.100.9\""
#define TWO_V6 "\"2001:db8:1::/126\",\"2001:db8:2::/126\""

static void test_a_service_gets_an_address_of_every_range(void **state)
{
	static const struct {
		const char *pools, *spec, *shows[2];
	} cases[] = {
		{ PER_RANGE("", TWO_V4),
		  LB_V4,
		  { "192.0.2.0,198.51.100.8 a", "192.0.2.1,198.51.100.9 a" } },
		/* of the families that it needs, IPv4 first */
		{ PER_RANGE("", TWO_V6 "," TWO_V4),
		  LB_V4,
		  { "192.0.2.0,198.51.100.8 a", "192.0.2.1,198.51.100.9 a" } },
		{ PER_RANGE("", TWO_V6 "," TWO_V4),
		  LB_DUAL("RequireDualStack"),
		  { "192.0.2.0,198.51.100.8,2001:db8:1::,2001:db8:2:: a",
		    "192.0.2.1,198.51.100.9,2001:db8:1::1,2001:db8:2::1 a" } },
		/* PreferDualStack does with the ranges of one family */
		{ PER_RANGE("", TWO_V6),
		  LB_DUAL("PreferDualStack"),
		  { "2001:db8:1::,2001:db8:2:: a", "2001:db8:1::1,2001:db8:2::1 a" } },
		/* a range of which nothing is left is none */
		{ PER_RANGE("\"exclude\":[\"198.51.100.8/31\"],", TWO_V4),
		  LB_V4,
		  { "192.0.2.0 a", "192.0.2.1 a" } },
	};
	(void)state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct world *w = world_new(cases[i].pools, NULL);

		world_apply(w, "web/a", cases[i].spec, NULL, NULL);
		world_apply(w, "web/b", cases[i].spec, NULL, NULL);
		world_run(w);
		assert_string_equal(world_shows(w, "web/a"), cases[i].shows[0]);
		assert_string_equal(world_shows(w, "web/b"), cases[i].shows[1]);
		world_restart(w); /* and keeps them */
		assert_int_equal(world_run(w), 0);
		world_free(w);
	}
}

/* Thirty-two ranges are the most. */
static void test_a_service_may_have_thirty_two_addresses(void **state)
{
	char ranges[2048] = "";
	(void)state;

	for (unsigned i = 0; i < 32; i++) {
		size_t len = strlen(ranges);

		snprintf(ranges + len, sizeof(ranges) - len, "%s\"10.0.%u.0/24\"", i > 0 ? "," : "",
			 i);
	}
	char *pools = world_text("[{\"name\":\"a\",\"perRange\":true,\"addresses\":[%s]}]", ranges);
	struct world *w = world_new(pools, NULL);

	free(pools);
	world_apply(w, "web/a", LB_V4, NULL, NULL);
	assert_int_equal(world_run(w), 1);
	assert_int_equal(world_view(w, "web/a").ip_count, 32);
	world_restart(w);
	assert_int_equal(world_run(w), 0);
	assert_int_equal(world_view(w, "web/a").ip_count, 32);
	world_free(w);
}

static void test_it_is_all_ranges_or_none(void **state)
{
	struct world *w = world_new(PER_RANGE("", TWO_V4), NULL);
	(void)state;

	world_apply(w, "web/a", LB_V4, NULL, NULL);
	world_apply(w, "web/b", LB_V4, NULL, NULL);
	world_apply(w, "web/c", LB_V4, NULL, NULL); /* the second range is full */
	world_run(w);
	assert_string_equal(world_shows(w, "web/c"), "");
	assert_string_equal(world_view(w, "web/c").reason,
			    "no available IPs: pool \"a\" has no free IPv4 address in each of its "
			    "ranges");
	world_delete(w, "web/a");
	world_run(w);
	assert_string_equal(world_shows(w, "web/c"), "192.0.2.0,198.51.100.8 a");
	world_free(w);
}

static void test_services_of_one_key_share_every_address(void **state)
{
	struct world *w = world_new(PER_RANGE("\"strategy\":\"random\",", TWO_V4), NULL);
	char first[64];
	(void)state;

	world_apply(w, "web/a", LB_V4_PORT(80), A_SHARE("k"), NULL);
	world_apply(w, "web/b", LB_V4_PORT(81), A_SHARE("k"), NULL);
	world_run(w);
	snprintf(first, sizeof(first), "%.63s", world_shows(w, "web/a"));
	assert_non_null(strchr(first, ','));
	assert_string_equal(world_shows(w, "web/b"), first);
	world_free(w);
}

/* The first address decides which node announces them all: it is not to change. */
static void test_a_change_of_the_ranges_keeps_what_can_stay_in_its_place(void **state)
{
	struct world *w = world_new(PER_RANGE("", TWO_V4), NULL);
	(void)state;

	world_apply(w, "web/a", LB_V4, NULL, NULL);
	world_run(w);
	world_pools(w, PER_RANGE("", "\"203.0.113.0/30\"," TWO_V4)); /* one more, in front */
	world_run(w);
	assert_string_equal(world_shows(w, "web/a"), "192.0.2.0,198.51.100.8,203.0.113.0 a");
	assert_true(world_said(w, "IPAllocated web/a: Assigned additional IP \"203.0.113.0\"\n"));
	world_pools(w, PER_RANGE("", "\"203.0.113.0/30\",\"198.51.100.8/31\"")); /* one less */
	world_run(w);
	assert_string_equal(world_shows(w, "web/a"), "198.51.100.8,203.0.113.0 a");
	assert_true(world_said(w, "ClearAssignment web/a: Current IP [\"192.0.2.0\"] can no "
				  "longer be used"));
	world_free(w);
}

/* The same when it happens while nobody runs. */
static void test_ranges_may_change_while_nobody_looks(void **state)
{
	struct world *w = world_new(PER_RANGE("", TWO_V4), NULL);
	(void)state;

	world_apply(w, "web/a", LB_V4, NULL, NULL);
	world_run(w);
	config_unref(w->config);
	w->config = world_config(PER_RANGE("", "\"203.0.113.0/30\",\"198.51.100.8/31\""));
	world_restart(w);
	world_run(w);
	assert_string_equal(world_shows(w, "web/a"), "198.51.100.8,203.0.113.0 a");
	world_free(w);
}

static void test_what_a_new_range_lacks_is_added_when_it_is_free(void **state)
{
	struct world *w = world_new(PER_RANGE("", TWO_V4), NULL);
	(void)state;

	world_apply(w, "web/a", LB_V4, NULL, NULL);
	world_apply(w, "web/b", LB_V4, NULL, NULL);
	world_run(w);
	world_pools(w, PER_RANGE("", TWO_V4 ",\"203.0.113.7/32\""));
	world_run(w);
	assert_string_equal(world_shows(w, "web/a"), "192.0.2.0,198.51.100.8,203.0.113.7 a");
	assert_string_equal(world_shows(w, "web/b"), "192.0.2.1,198.51.100.9 a");
	assert_string_equal(world_view(w, "web/b").note,
			    "stays on [\"192.0.2.1\" \"198.51.100.9\"]: pool \"a\" has no free "
			    "IPv4 address in each of its ranges");
	world_delete(w, "web/a");
	world_run(w);
	assert_string_equal(world_shows(w, "web/b"), "192.0.2.1,198.51.100.9,203.0.113.7 a");
	world_free(w);
}

static void test_a_pool_may_begin_and_end_to_be_per_range(void **state)
{
	struct world *w = world_new("[{\"name\":\"a\",\"addresses\":[" TWO_V4 "]}]", NULL);
	(void)state;

	world_apply(w, "web/a", LB_V4, NULL, NULL);
	world_run(w);
	assert_string_equal(world_shows(w, "web/a"), "192.0.2.0 a");
	world_pools(w, PER_RANGE("", TWO_V4));
	world_run(w);
	assert_string_equal(world_shows(w, "web/a"), "192.0.2.0,198.51.100.8 a");
	world_pools(w, "[{\"name\":\"a\",\"addresses\":[" TWO_V4 "]}]");
	world_run(w);
	assert_string_equal(world_shows(w, "web/a"), "192.0.2.0 a");
	world_free(w);
}

static void test_as_many_addresses_as_are_asked_for_each_of_another_range(void **state)
{
	static const struct {
		const char *annotations, *shows, *why;
	} cases[] = {
		{ A_IPS("198.51.100.9"), "198.51.100.9 a", "" },
		{ A_IPS("198.51.100.9,192.0.2.3"), "198.51.100.9,192.0.2.3 a", "" },
		{ A_IPS("192.0.2.1,192.0.2.3"), "",
		  "192.0.2.1 and 192.0.2.3 are in one range, of which pool \"a\" gives one "
		  "address" },
		{ A_IPS("192.0.2.1,192.0.2.1"), "",
		  "192.0.2.1 and 192.0.2.1 are in one range, of which pool \"a\" gives one "
		  "address" },
		{ A_IPS("192.0.2.1,203.0.113.9"), "", "203.0.113.9 is in no pool" },
		{ A_IPS("192.0.2.1,2001:db8::1"), "", "the Service needs IPv4, not IPv4 and IPv6" },
	};
	(void)state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct world *w = world_new(PER_RANGE("", TWO_V4), NULL);

		world_apply(w, "web/a", LB_V4, cases[i].annotations, NULL);
		world_run(w);
		assert_string_equal(world_shows(w, "web/a"), cases[i].shows);
		assert_string_equal(world_view(w, "web/a").reason, cases[i].why);
		world_restart(w);
		assert_int_equal(world_run(w), 0);
		world_free(w);
	}
}

/* Without any such pool the limits are MetalLB's. */
static void test_two_of_one_family_are_only_for_pools_with_per_range(void **state)
{
	struct world *w = world_new("[{\"name\":\"a\",\"addresses\":[" TWO_V4
				    "]},{\"name\":\"b\",\"perRange\":true,"
				    "\"addresses\":[\"203.0.113.0/30\"]}]",
				    NULL);
	(void)state;

	world_apply(w, "web/a", LB_V4, A_IPS("192.0.2.1,198.51.100.8"), NULL);
	world_run(w);
	assert_string_equal(world_shows(w, "web/a"), "");
	assert_string_equal(world_view(w, "web/a").reason,
			    "the Service needs IPv4, not two of one family");
	world_free(w);
}

/* Two entries, but one address: that is not what it holds in another order. */
static void test_a_status_that_has_one_address_twice_is_put_right(void **state)
{
	struct world *w = world_new("[{\"name\":\"a\",\"addresses\":[\"192.0.2.0/31\","
				    "\"192.0.2.8/31\"],\"perRange\":true}]",
				    NULL);
	(void)state;

	world_apply(w, "web/a", LB_V4, NULL, NULL);
	world_run(w);
	world_status(w, "web/a", "192.0.2.8", "192.0.2.8");
	assert_int_equal(world_run(w), 1);
	assert_true(world_said(w, "ClearAssignment web/a: Current IP [\"192.0.2.8\" "
				  "\"192.0.2.8\"] can no longer be used"));
	assert_false(world_said(w, "IPAllocated"));
	assert_string_equal(world_shows(w, "web/a"), "192.0.2.0,192.0.2.8 a");
	world_free(w);
}

static void test_drain_and_quota_hold_for_further_ranges(void **state)
{
	static const char *const fields[] = { "\"drain\":true,", "\"quota\":2," };
	(void)state;

	for (size_t i = 0; i < 2; i++) {
		struct world *w = world_new(PER_RANGE("", TWO_V4), NULL);
		char *pools =
			world_text("[{\"name\":\"a\",\"perRange\":true,%s\"addresses\":[" TWO_V4
				   ",\"203.0.113.0/30\"]}]",
				   fields[i]);

		world_apply(w, "web/a", LB_V4, NULL, NULL);
		world_run(w);
		world_pools(w, pools);
		world_run(w);
		assert_string_equal(world_shows(w, "web/a"), "192.0.2.0,198.51.100.8 a");
		assert_non_null(
			strstr(world_view(w, "web/a").note, i == 0 ? "drained" : "quota of 2"));
		free(pools);
		world_free(w);
	}
}

/* --- host parts ------------------------------------------------------------------------- */

#define HOSTS                                                                                      \
	"[{\"name\":\"a\",\"addresses\":[\"192.0.2.0/28\",\"198.51.100.200-198.51.100.210\","      \
	"\"2001:db8:a::/64\"]},"                                                                   \
	"{\"name\":\"b\",\"addresses\":[\"10.1.0.0/16\",\"2001:db8:b::/48\"]},"                    \
	"{\"name\":\"c\",\"autoAssign\":false,\"addresses\":[\"203.0.113.0/24\"]}]"

static void test_a_host_part_is_the_end_of_an_address_of_a_range(void **state)
{
	static const struct {
		const char *spec, *annotations, *shows, *why;
	} cases[] = {
		{ LB_V4, A_IPS("0.0.0.10"), "192.0.2.10 a", "" },
		{ LB_V4, A_IPS("0.0.0.205"), "198.51.100.205 a",
		  "" },                                          /* FIRST-LAST: whole octets */
		{ LB_V4, A_IPS("0.0.0.99"), "10.1.0.99 b", "" }, /* in no range of a */
		{ LB_V4, A_IPS("0.0.7.10"), "10.1.7.10 b", "" },
		{ LB_V4, A_IPS("0.0.0.10") "," A_POOL("b"), "10.1.0.10 b", "" },
		{ LB_V4, A_IPS("0.0.0.99") "," A_POOL("c"), "203.0.113.99 c", "" },
		{ LB_V6, A_IPS("::10"), "2001:db8:a::10 a", "" },
		{ LB_V6, A_IPS("::1:0:0:10") "," A_POOL("b"), "2001:db8:b:0:1::10 b", "" },
		{ LB_DUAL("RequireDualStack"), A_IPS("0.0.0.10,::10"),
		  "192.0.2.10,2001:db8:a::10 a", "" },
		{ LB_DUAL("RequireDualStack"), A_IPS("::99,0.0.0.99"), "2001:db8:b::99,10.1.0.99 b",
		  "" },
		{ LB_DUAL("RequireDualStack"), A_IPS("10.1.0.5,::10"), "10.1.0.5,2001:db8:b::10 b",
		  "" },
		/* Refused. */
		{ LB_V4, A_IPS("0.1.0.10"), "",
		  "no available IPs: pool \"a\" has no address that ends in 0.1.0.10; pool \"b\" "
		  "has no address that ends in 0.1.0.10; pool \"c\" is only used on request" },
		{ LB_V4, A_IPS("0.0.0.99") "," A_POOL("a"), "",
		  "pool \"a\" has no address that ends in 0.0.0.99" },
		{ LB_V4, A_IPS("0.0.0.0"), "", "0.0.0.0 is in no pool" },
		{ LB_V4, A_IPS("1.0.0.10"), "", "1.0.0.10 is in no pool" },
		{ LB_V6, A_IPS("::ffff:192.0.2.1"), "", "::ffff:192.0.2.1 is in no pool" },
		{ LB_V6, A_IPS("0:0:0:1::10"), "", "::1:0:0:0:10 is in no pool" },
		{ LB_DUAL("RequireDualStack"), A_IPS("192.0.2.5,::1:0:0:0:10"), "",
		  "::1:0:0:0:10 is in no pool" },
	};
	(void)state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct world *w = world_new(HOSTS, NULL);

		world_apply(w, "web/a", cases[i].spec, cases[i].annotations, NULL);
		world_run(w);
		assert_string_equal(world_shows(w, "web/a"), cases[i].shows);
		assert_string_equal(world_view(w, "web/a").reason, cases[i].why);
		world_restart(w);
		assert_int_equal(world_run(w), 0);
		world_free(w);
	}
}

static void test_spec_load_balancer_ip_may_be_a_host_part(void **state)
{
	struct world *w = world_new(HOSTS, NULL);
	(void)state;

	world_apply(
		w, "web/a",
		"{\"type\":\"LoadBalancer\",\"clusterIP\":\"10.96.0.1\",\"clusterIPs\":"
		"[\"10.96.0.1\"],\"ipFamilies\":[\"IPv4\"],\"loadBalancerIP\":\"0.0.0.10\"," PORTS(
			80) "}",
		NULL, NULL);
	world_run(w);
	assert_string_equal(world_shows(w, "web/a"), "192.0.2.10 a");
	world_free(w);
}

/* Taken, excluded or drained in one pool: the next one is tried. */
static void test_a_host_part_that_may_not_be_had_is_looked_for_in_the_next_pool(void **state)
{
	static const char *const fields[] = { "", "\"exclude\":[\"192.0.2.10\"],",
					      "\"drain\":true,", "\"quota\":0,",
					      "\"serviceAllocation\":{\"namespaces\":[\"db\"]}," };
	(void)state;

	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		char *pools = world_text("[{\"name\":\"a\",%s\"addresses\":[\"192.0.2.0/28\"]},"
					 "{\"name\":\"b\",\"addresses\":[\"10.1.0.0/16\"]}]",
					 fields[i]);
		struct world *w = world_new(pools, NULL);

		if (i == 0)
			world_apply(w, "db/x", LB_V4, A_IPS("192.0.2.10"), NULL);
		world_run(w);
		world_apply(w, "web/a", LB_V4, A_IPS("0.0.0.10"), NULL);
		world_run(w);
		assert_string_equal(world_shows(w, "web/a"), "10.1.0.10 b");
		free(pools);
		world_free(w);
	}
}

static void test_who_holds_an_address_that_ends_so_keeps_it(void **state)
{
	struct world *w = world_new(HOSTS, NULL);
	(void)state;

	world_apply(w, "db/x", LB_V4, A_IPS("192.0.2.10"), NULL);
	world_run(w);
	world_apply(w, "web/a", LB_V4, A_IPS("0.0.0.10"), NULL);
	world_run(w);
	world_delete(w, "db/x"); /* the one in the first pool is free now */
	assert_int_equal(world_run(w), 0);
	world_restart(w);
	assert_int_equal(world_run(w), 0);
	assert_string_equal(world_shows(w, "web/a"), "10.1.0.10 b");
	world_apply(w, "web/a", NULL, A_IPS("0.0.0.10") "," A_POOL("a"), NULL);
	world_run(w);
	assert_string_equal(world_shows(w, "web/a"), "192.0.2.10 a");
	world_free(w);
}

/* Whoever has a pool of such addresses, for a test, means them. */
static void test_an_address_that_is_in_a_pool_is_no_host_part(void **state)
{
	struct world *w = world_new("[{\"name\":\"a\",\"addresses\":[\"192.0.2.0/28\"]},"
				    "{\"name\":\"b\",\"addresses\":[\"0.0.0.0/24\"]}]",
				    NULL);
	(void)state;

	world_apply(w, "web/a", LB_V4, A_IPS("0.0.0.10"), NULL);
	world_run(w);
	assert_string_equal(world_shows(w, "web/a"), "0.0.0.10 b");
	world_free(w);
}

static void test_a_host_part_once_for_each_range(void **state)
{
	struct world *w =
		world_new(PER_RANGE("", "\"192.0.2.0/28\",\"198.51.100.0/28\",\"203.0.113.0/28\""),
			  NULL);
	(void)state;

	world_apply(w, "web/a", LB_V4, A_IPS("0.0.0.10,0.0.0.10,0.0.0.9"), NULL);
	world_apply(w, "web/b", LB_V4, A_IPS("0.0.0.10"), NULL);
	world_run(w);
	assert_string_equal(world_shows(w, "web/a"), "192.0.2.10,198.51.100.10,203.0.113.9 a");
	assert_string_equal(world_shows(w, "web/b"), "203.0.113.10 a");
	world_restart(w);
	assert_int_equal(world_run(w), 0);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_service_gets_an_address_of_every_range),
		cmocka_unit_test(test_a_service_may_have_thirty_two_addresses),
		cmocka_unit_test(test_it_is_all_ranges_or_none),
		cmocka_unit_test(test_services_of_one_key_share_every_address),
		cmocka_unit_test(test_a_change_of_the_ranges_keeps_what_can_stay_in_its_place),
		cmocka_unit_test(test_ranges_may_change_while_nobody_looks),
		cmocka_unit_test(test_what_a_new_range_lacks_is_added_when_it_is_free),
		cmocka_unit_test(test_a_pool_may_begin_and_end_to_be_per_range),
		cmocka_unit_test(test_as_many_addresses_as_are_asked_for_each_of_another_range),
		cmocka_unit_test(test_two_of_one_family_are_only_for_pools_with_per_range),
		cmocka_unit_test(test_a_status_that_has_one_address_twice_is_put_right),
		cmocka_unit_test(test_drain_and_quota_hold_for_further_ranges),
		cmocka_unit_test(test_a_host_part_is_the_end_of_an_address_of_a_range),
		cmocka_unit_test(test_spec_load_balancer_ip_may_be_a_host_part),
		cmocka_unit_test(
			test_a_host_part_that_may_not_be_had_is_looked_for_in_the_next_pool),
		cmocka_unit_test(test_who_holds_an_address_that_ends_so_keeps_it),
		cmocka_unit_test(test_an_address_that_is_in_a_pool_is_no_host_part),
		cmocka_unit_test(test_a_host_part_once_for_each_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
