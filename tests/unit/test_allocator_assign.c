// SPDX-License-Identifier: Apache-2.0
/* Which address a Service gets, and when it loses it: MetalLB's rules, one test each. */
#include "tests/unit/allocator_world.h"

#define ONE_POOL "[{\"name\":\"a\",\"addresses\":[\"192.0.2.0/30\"]}]"
#define DUAL_POOL                                                                                  \
	"[{\"name\":\"a\",\"addresses\":[\"192.0.2.0/30\",\"2001:db8::10-2001:db8::12\"]}]"

static void test_lowest_address_of_written_order_is_given(void **state)
{
	struct world *w = world_new(
		"[{\"name\":\"a\",\"addresses\":[\"192.0.2.9-192.0.2.9\",\"192.0.2.0/31\"]}]",
		NULL);
	(void)state;

	world_apply(w, "web/c", LB_V4, NULL, NULL);
	world_apply(w, "web/a", LB_V4, NULL, NULL);
	world_apply(w, "web/b", LB_V4, NULL, NULL);
	assert_int_equal(world_run(w), 3);
	assert_string_equal(world_shows(w, "web/a"), "192.0.2.9 a");
	assert_string_equal(world_shows(w, "web/b"), "192.0.2.0 a");
	assert_string_equal(world_shows(w, "web/c"), "192.0.2.1 a");
	assert_true(world_said(w, "IPAllocated web/a: Assigned IP [\"192.0.2.9\"]\n"));
	world_free(w);
}

static void test_nothing_is_decided_before_lists_and_config_are_there(void **state)
{
	struct world *w = world_new(NULL, NULL);
	(void)state;

	world_apply(w, "web/a", LB_V4, NULL, NULL);
	assert_int_equal(world_run_once(w), 0);
	world_pools(w, ONE_POOL);
	assert_int_equal(world_run(w), 1);
	world_free(w);
}

static void test_deleted_service_frees_its_address_for_a_waiting_one(void **state)
{
	struct world *w = world_new("[{\"name\":\"a\",\"addresses\":[\"192.0.2.1/32\"]}]", NULL);
	(void)state;

	world_apply(w, "web/a", LB_V4, NULL, NULL);
	world_run(w);
	world_apply(w, "web/b", LB_V4, NULL, NULL);
	assert_int_equal(world_run(w), 1); /* its condition */
	assert_true(world_said(w, "AllocationFailed web/b: Failed to allocate IP for \"web/b\": no "
				  "available IPs: pool \"a\" has no free IPv4 address\n"));
	assert_string_equal(world_view(w, "web/b").reason,
			    "no available IPs: pool \"a\" has no free IPv4 address");
	world_delete(w, "web/a");
	world_run(w);
	assert_string_equal(world_shows(w, "web/b"), "192.0.2.1 a");
	assert_string_equal(world_view(w, "web/b").reason, "");
	world_free(w);
}

static void test_type_change_clears_and_frees(void **state)
{
	struct world *w = world_new("[{\"name\":\"a\",\"addresses\":[\"192.0.2.1/32\"]}]", NULL);
	(void)state;

	world_apply(w, "web/a", LB_V4, NULL, NULL);
	world_apply(w, "web/b", LB_V4, NULL, NULL);
	world_run(w);
	world_apply(w, "web/a", CLUSTER_IP, NULL, NULL);
	assert_int_equal(world_run(w), 2);
	assert_string_equal(world_shows(w, "web/a"), "");
	assert_string_equal(world_shows(w, "web/b"), "192.0.2.1 a");
	world_free(w);
}

static void test_a_reason_is_said_once(void **state)
{
	struct world *w = world_new("[{\"name\":\"a\",\"addresses\":[\"2001:db8::/64\"]}]", NULL);
	(void)state;

	world_apply(w, "web/a", LB_V4, NULL, NULL);
	world_run(w);
	assert_true(world_said(w, "pool \"a\" has no IPv4 addresses"));
	world_apply(w, "web/a", LB_V4, NULL, "\"x\":\"y\"");
	world_run(w);
	assert_string_equal(w->events, "");
	world_free(w);
}

static void test_waiting_service_is_tried_every_five_minutes(void **state)
{
	struct world *w = world_new("[{\"name\":\"a\",\"addresses\":[\"192.0.2.1/32\"]}]", NULL);
	(void)state;

	assert_true(allocator_wake_ns(w->a) == UINT64_MAX);
	world_apply(w, "web/a", LB_V4, NULL, NULL);
	world_apply(w, "web/b", LB_V4, NULL, NULL);
	world_run(w);
	assert_true(allocator_wake_ns(w->a) == w->now_ns + ALLOCATOR_RETRY_NS);
	w->now_ns = allocator_wake_ns(w->a);
	assert_int_equal(world_run(w), 0);
	assert_true(allocator_wake_ns(w->a) == w->now_ns + ALLOCATOR_RETRY_NS);
	world_delete(w, "web/b");
	world_run(w);
	assert_true(allocator_wake_ns(w->a) == UINT64_MAX);
	world_free(w);
}

static void test_families_follow_the_cluster_ips(void **state)
{
	struct world *w = world_new(DUAL_POOL, NULL);
	(void)state;

	world_apply(w, "web/four", LB_V4, NULL, NULL);
	world_apply(w, "web/six", LB_V6, NULL, NULL);
	world_apply(w, "web/both", LB_DUAL("RequireDualStack"), NULL, NULL);
	world_apply(w, "web/prefer", LB_DUAL("PreferDualStack"), NULL, NULL);
	world_apply(w, "web/wrong", LB_DUAL("SingleStack"), NULL, NULL);
	world_run(w);
	assert_string_equal(world_shows(w, "web/both"), "192.0.2.0,2001:db8::10 a");
	assert_string_equal(world_shows(w, "web/four"), "192.0.2.1 a");
	assert_string_equal(world_shows(w, "web/prefer"), "192.0.2.2,2001:db8::11 a");
	assert_string_equal(world_shows(w, "web/six"), "2001:db8::12 a");
	assert_string_equal(world_shows(w, "web/wrong"), "");
	world_free(w);
}

static void test_service_without_usable_cluster_ips_waits_with_a_reason(void **state)
{
	static const struct {
		const char *spec, *event;
	} rows[] = {
		{ "{\"type\":\"LoadBalancer\"," PORTS(80) "}", "AllocationFailed web/a: " },
		{ "{\"type\":\"LoadBalancer\",\"clusterIP\":\"None\",\"clusterIPs\":[\"None\"]"
		  "," PORTS(80) "}",
		  "headless" },
		{ "{\"type\":\"LoadBalancer\",\"clusterIP\":\"10.96.0.1\",\"clusterIPs\":[\"10.96."
		  "0.1\"],\"ipFamilies\":[\"IPv4\"],\"ipFamilyPolicy\":\"RequireDualStack\"," PORTS(
			  80) "}",
		  "not enough clusterips web/a: " },
		{ "{\"type\":\"LoadBalancer\",\"clusterIP\":\"10.96.0.1\",\"clusterIPs\":[\"10.96."
		  "0.1\",\"10.96.0.2\"],\"ipFamilyPolicy\":\"RequireDualStack\"," PORTS(80) "}",
		  "noclusterIPsIPFamily web/a: " },
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world *w = world_new(DUAL_POOL, NULL);

		world_apply(w, "web/a", rows[i].spec, NULL, NULL);
		assert_int_equal(world_run(w), 1); /* its condition */
		assert_string_equal(world_shows(w, "web/a"), "");
		assert_true(world_said(w, rows[i].event));
		assert_string_not_equal(world_view(w, "web/a").reason, "");
		world_free(w);
	}
}

static void test_prefer_dual_takes_one_family_and_later_the_other_from_the_same_pool(void **state)
{
	struct world *w = world_new("[{\"name\":\"a\",\"addresses\":[\"192.0.2.0/30\"]}]", NULL);
	(void)state;

	world_apply(w, "web/a", LB_DUAL("PreferDualStack"), NULL, NULL);
	world_run(w);
	assert_string_equal(world_shows(w, "web/a"), "192.0.2.0 a");
	assert_true(world_said(
		w, "AdditionalAssignFailed web/a: stays on [\"192.0.2.0\"]: pool \"a\" has no IPv6 "
		   "addresses\n"));

	/* A dual pool that appears elsewhere does not move it. */
	world_pools(w, "[{\"name\":\"a\",\"addresses\":[\"192.0.2.0/30\"]},"
		       "{\"name\":\"b\",\"addresses\":[\"198.51.100.0/30\",\"2001:db8::/120\"]}]");
	assert_int_equal(world_run(w), 0);
	world_pools(w, "[{\"name\":\"a\",\"addresses\":[\"192.0.2.0/30\",\"2001:db8::5/128\"]}]");
	assert_int_equal(world_run(w), 1);
	assert_string_equal(world_shows(w, "web/a"), "192.0.2.0,2001:db8::5 a");
	assert_true(world_said(w, "Assigned additional IP \"2001:db8::5\""));
	world_free(w);
}

static void test_prefer_dual_order_of_pools(void **state)
{
	/* A dual pool first of all, whatever its name; else the Service's first family. */
	struct world *w = world_new(
		"[{\"name\":\"a\",\"addresses\":[\"192.0.2.0/32\"]},"
		"{\"name\":\"b\",\"addresses\":[\"2001:db8:b::/127\"]},"
		"{\"name\":\"c\",\"addresses\":[\"198.51.100.0/32\",\"2001:db8:c::/128\"]}"
		"]",
		NULL);
	(void)state;

	world_apply(w, "web/1", LB_DUAL("PreferDualStack"), NULL, NULL);
	world_apply(w, "web/2",
		    "{\"type\":\"LoadBalancer\",\"clusterIP\":\"fd00::1\",\"clusterIPs\":[\"fd00::"
		    "1\",\"10.96.0.1\"],\"ipFamilies\":[\"IPv6\",\"IPv4\"],\"ipFamilyPolicy\":"
		    "\"PreferDualStack\"," PORTS(80) "}",
		    NULL, NULL);
	world_apply(w, "web/3", LB_DUAL("PreferDualStack"), NULL, NULL);
	world_apply(w, "web/4", LB_DUAL("PreferDualStack"), NULL, NULL);
	world_run(w);
	assert_string_equal(world_shows(w, "web/1"), "198.51.100.0,2001:db8:c:: c");
	assert_string_equal(world_shows(w, "web/2"), "2001:db8:b:: b");
	assert_string_equal(world_shows(w, "web/3"), "192.0.2.0 a");
	assert_string_equal(world_shows(w, "web/4"), "2001:db8:b::1 b");
	world_free(w);
}

static void test_dual_pool_that_loses_a_family_moves_both_addresses(void **state)
{
	struct world *w =
		world_new("[{\"name\":\"a\",\"addresses\":[\"192.0.2.0/30\",\"2001:db8::/127\"]},"
			  "{\"name\":\"b\",\"addresses\":[\"198.51.100.0/30\",\"2001:db8:b::/127\"]"
			  "}]",
			  NULL);
	(void)state;

	world_apply(w, "web/a", LB_DUAL("RequireDualStack"), NULL, NULL);
	world_run(w);
	assert_string_equal(world_shows(w, "web/a"), "192.0.2.0,2001:db8:: a");
	world_pools(w,
		    "[{\"name\":\"a\",\"addresses\":[\"192.0.2.0/30\"]},"
		    "{\"name\":\"b\",\"addresses\":[\"198.51.100.0/30\",\"2001:db8:b::/127\"]}]");
	assert_int_equal(world_run(w), 1);
	assert_true(world_said(w, "ClearAssignment web/a: "));
	assert_string_equal(world_shows(w, "web/a"), "198.51.100.0,2001:db8:b:: b");
	world_free(w);
}

static void test_switching_to_require_dual_drops_a_single_address(void **state)
{
	struct world *w = world_new(ONE_POOL, NULL);
	(void)state;

	world_apply(w, "web/a", LB_DUAL("PreferDualStack"), NULL, NULL);
	world_run(w);
	assert_string_equal(world_shows(w, "web/a"), "192.0.2.0 a");
	world_apply(w, "web/a", LB_DUAL("RequireDualStack"), NULL, NULL);
	world_run(w);
	assert_string_equal(world_shows(w, "web/a"), "");
	world_apply(w, "web/a", LB_DUAL("PreferDualStack"), NULL, NULL);
	world_run(w);
	assert_string_equal(world_shows(w, "web/a"), "192.0.2.0 a");
	world_free(w);
}

static void test_buggy_addresses_are_avoided_on_request(void **state)
{
	struct world *w = world_new("[{\"name\":\"a\",\"avoidBuggyIPs\":true,"
				    "\"addresses\":[\"192.0.2.254-192.0.3.1\"]}]",
				    NULL);
	(void)state;

	world_apply(w, "web/1", LB_V4, NULL, NULL);
	world_apply(w, "web/2", LB_V4, NULL, NULL);
	world_apply(w, "web/3", LB_V4, A_IPS("192.0.3.0"), NULL);
	world_run(w);
	assert_string_equal(world_shows(w, "web/1"), "192.0.2.254 a");
	assert_string_equal(world_shows(w, "web/2"), "192.0.3.1 a");
	assert_string_equal(world_view(w, "web/3").reason,
			    "192.0.3.0 ends in 0 or 255, which pool \"a\" avoids");
	world_free(w);
}

static void test_avoiding_buggy_addresses_later_moves_their_holders(void **state)
{
	struct world *w = world_new(ONE_POOL, NULL);
	(void)state;

	world_apply(w, "web/a", LB_V4, NULL, NULL);
	world_run(w);
	world_pools(w,
		    "[{\"name\":\"a\",\"avoidBuggyIPs\":true,\"addresses\":[\"192.0.2.0/30\"]}]");
	world_run(w);
	assert_string_equal(world_shows(w, "web/a"), "192.0.2.1 a");
	world_free(w);
}

static void test_excluded_addresses_are_never_given(void **state)
{
	struct world *w =
		world_new("[{\"name\":\"a\",\"addresses\":[\"192.0.2.0/29\"],\"exclude\":[\"192.0."
			  "2.0-192.0.2.2\",\"192.0.2.2-192.0.2.3\",\"192.0.2.5/32\"]}]",
			  NULL);
	(void)state;

	world_apply(w, "web/1", LB_V4, NULL, NULL);
	world_apply(w, "web/2", LB_V4, NULL, NULL);
	world_apply(w, "web/3", LB_V4, A_IPS("192.0.2.5"), NULL);
	world_run(w);
	assert_string_equal(world_shows(w, "web/1"), "192.0.2.4 a");
	assert_string_equal(world_shows(w, "web/2"), "192.0.2.6 a");
	assert_string_equal(world_shows(w, "web/3"), "");
	world_free(w);
}

static void test_pool_that_does_not_assign_is_used_on_request_only(void **state)
{
	struct world *w = world_new("[{\"name\":\"a\",\"autoAssign\":false,\"addresses\":[\"192.0."
				    "2.0/30\"]}]",
				    NULL);
	(void)state;

	world_apply(w, "web/1", LB_V4, NULL, NULL);
	world_apply(w, "web/2", LB_V4, A_POOL("a"), NULL);
	world_apply(w, "web/3", LB_V4, A_IPS("192.0.2.3"), NULL);
	world_run(w);
	assert_string_equal(world_view(w, "web/1").reason,
			    "no available IPs: pool \"a\" is only used on request");
	assert_string_equal(world_shows(w, "web/2"), "192.0.2.0 a");
	assert_string_equal(world_shows(w, "web/3"), "192.0.2.3 a");
	world_free(w);
}

static void test_pinned_pools_by_priority_before_open_ones(void **state)
{
	struct world *w = world_new(
		"[{\"name\":\"open\",\"addresses\":[\"192.0.2.0/32\"]},"
		"{\"name\":\"zero\",\"addresses\":[\"192.0.2.1/32\"],\"serviceAllocation\":"
		"{\"namespaces\":[\"web\"]}},"
		"{\"name\":\"ten\",\"addresses\":[\"192.0.2.2/32\"],\"serviceAllocation\":"
		"{\"priority\":10}},"
		"{\"name\":\"five\",\"addresses\":[\"192.0.2.3/32\"],\"serviceAllocation\":"
		"{\"priority\":5,\"serviceSelectors\":[{\"matchLabels\":{\"app\":\"x\"}}]}}]",
		NULL);
	(void)state;

	world_apply(w, "web/1", LB_V4, NULL, "\"app\":\"x\"");
	world_apply(w, "web/2", LB_V4, NULL, "\"app\":\"x\"");
	world_apply(w, "web/3", LB_V4, NULL, "\"app\":\"x\"");
	world_apply(w, "web/4", LB_V4, NULL, "\"app\":\"x\"");
	world_apply(w, "web/5", LB_V4, NULL, "\"app\":\"x\"");
	world_run(w);
	assert_string_equal(world_shows(w, "web/1"), "192.0.2.3 five");
	assert_string_equal(world_shows(w, "web/2"), "192.0.2.2 ten");
	assert_string_equal(world_shows(w, "web/3"), "192.0.2.1 zero");
	assert_string_equal(world_shows(w, "web/4"), "192.0.2.0 open");
	assert_string_equal(world_shows(w, "web/5"), "");
	world_free(w);
}

static void test_namespace_labels_open_a_pool_and_close_it_again(void **state)
{
	struct world *w = world_new(
		"[{\"name\":\"gold\",\"addresses\":[\"192.0.2.0/30\"],\"serviceAllocation\":"
		"{\"namespaceSelectors\":[{\"matchLabels\":{\"tier\":\"gold\"}}]}}]",
		NULL);
	(void)state;

	world_namespace(w, "web", "");
	world_apply(w, "web/1", LB_V4, NULL, NULL);
	world_apply(w, "web/2", LB_V4, A_IPS("192.0.2.2"), NULL);
	world_run(w); /* selectors that match no namespace let nobody in, asked for or not */
	assert_string_equal(world_shows(w, "web/1"), "");
	assert_string_equal(world_shows(w, "web/2"), "");
	assert_string_equal(world_view(w, "web/2").reason,
			    "192.0.2.2 is refused: pool \"gold\" is not for namespace "
			    "\"web\"");
	world_namespace(w, "web", "\"tier\":\"gold\"");
	world_run(w);
	assert_string_equal(world_shows(w, "web/1"), "192.0.2.0 gold");
	assert_string_equal(world_shows(w, "web/2"), "192.0.2.2 gold");
	allocator_namespace_remove(w->a, "web");
	world_run(w);
	assert_string_equal(world_shows(w, "web/1"), "");
	world_free(w);
}

static void test_only_services_of_our_class_are_served(void **state)
{
	static const struct {
		const char *flag, *class;
		bool ours;
	} rows[] = {
		{ NULL, NULL, true }, { NULL, "x", false }, { "x", NULL, false },
		{ "x", "x", true },   { "x", "y", false },
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world *w = world_new(ONE_POOL, rows[i].flag);
		char *spec = world_text("{\"type\":\"LoadBalancer\",\"clusterIP\":\"10.96.0.1\","
					"\"clusterIPs\":[\"10.96.0.1\"]%s%s%s," PORTS(80) "}",
					rows[i].class != NULL ? ",\"loadBalancerClass\":\"" : "",
					rows[i].class != NULL ? rows[i].class : "",
					rows[i].class != NULL ? "\"" : "");

		world_apply(w, "web/a", spec, NULL, NULL);
		world_status(w, "web/a", "203.0.113.7", NULL);
		world_run(w); /* filtered means untouched */
		assert_string_equal(world_shows(w, "web/a"),
				    rows[i].ours ? "192.0.2.0 a" : "203.0.113.7");
		assert_int_equal(world_view(w, "web/a").ours, rows[i].ours);
		free(spec);
		world_free(w);
	}
}

static void test_service_that_leaves_its_class_is_released(void **state)
{
	struct world *w = world_new("[{\"name\":\"a\",\"addresses\":[\"192.0.2.1/32\"]}]", "x");
	const char *with = "{\"type\":\"LoadBalancer\",\"loadBalancerClass\":\"x\",\"clusterIP\":"
			   "\"10.96.0.1\",\"clusterIPs\":[\"10.96.0.1\"]," PORTS(80) "}";
	const char *other = "{\"type\":\"LoadBalancer\",\"loadBalancerClass\":\"y\",\"clusterIP\":"
			    "\"10.96.0.1\",\"clusterIPs\":[\"10.96.0.1\"]," PORTS(80) "}";
	(void)state;

	/* To no class at all, our annotation there: emptied. */
	world_apply(w, "web/a", with, NULL, NULL);
	world_run(w);
	world_apply(w, "web/a", LB_V4, NULL, NULL);
	world_run(w);
	assert_string_equal(world_shows(w, "web/a"), "");
	/* To another class: out of the books, its status is theirs now. */
	world_apply(w, "web/a", with, NULL, NULL);
	world_run(w);
	world_apply(w, "web/a", other, NULL, NULL);
	world_apply(w, "web/b", with, NULL, NULL);
	world_run(w);
	assert_string_equal(world_shows(w, "web/a"), "192.0.2.1 a");
	assert_string_equal(world_shows(w, "web/b"), "192.0.2.1 a");
	/* To ClusterIP: the class goes with the type. */
	world_apply(w, "web/b", CLUSTER_IP, NULL, NULL);
	world_run(w);
	assert_string_equal(world_shows(w, "web/b"), "");
	world_free(w);
}

static void view_pool(void *arg, const struct allocator_pool_view *view)
{
	*(struct allocator_pool_view *)arg = *view;
}

static void test_counts_of_a_pool(void **state)
{
	static const struct {
		const char *pool;
		uint64_t v4, v6;
	} rows[] = {
		{ "\"addresses\":[\"192.0.2.0/24\",\"2001:db8::/120\"]", 256, 256 },
		{ "\"avoidBuggyIPs\":true,\"addresses\":[\"10.0.0.0/8\"]", (1u << 24) - 2 * 65536,
		  0 },
		{ "\"avoidBuggyIPs\":true,\"addresses\":[\"192.0.2.255-192.0.3.0\"]", 0, 0 },
		{ "\"avoidBuggyIPs\":true,\"addresses\":[\"192.0.2.1-192.0.2.254\"],\"exclude\":["
		  "\"192.0.2.10-192.0.2.19\",\"192.0.2.15-192.0.2.20\"]",
		  243, 0 },
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *pools = world_text("[{\"name\":\"a\",%s}]", rows[i].pool);
		struct world *w = world_new(pools, NULL);
		struct allocator_pool_view v;

		world_apply(w, "web/a", LB_V4, NULL, NULL);
		world_run(w);
		allocator_pools(w->a, view_pool, &v);
		assert_true(v.v4.total == rows[i].v4);
		assert_true(v.v6.total == rows[i].v6);
		assert_true(v.v4.used == (rows[i].v4 > 0));
		assert_true(v.v4.available == v.v4.total - v.v4.used);
		free(pools);
		world_free(w);
	}
}

static void test_whole_address_space_is_a_pool_like_any(void **state)
{
	struct world *w = world_new("[{\"name\":\"a\",\"addresses\":[\"::/0\"]}]", NULL);
	struct allocator_pool_view v;
	(void)state;

	world_apply(w, "web/a", LB_V6, NULL, NULL);
	world_run(w);
	assert_string_equal(world_shows(w, "web/a"), ":: a");
	allocator_pools(w->a, view_pool, &v);
	assert_true(v.v6.total == ~(u128)0);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lowest_address_of_written_order_is_given),
		cmocka_unit_test(test_nothing_is_decided_before_lists_and_config_are_there),
		cmocka_unit_test(test_deleted_service_frees_its_address_for_a_waiting_one),
		cmocka_unit_test(test_type_change_clears_and_frees),
		cmocka_unit_test(test_a_reason_is_said_once),
		cmocka_unit_test(test_waiting_service_is_tried_every_five_minutes),
		cmocka_unit_test(test_families_follow_the_cluster_ips),
		cmocka_unit_test(test_service_without_usable_cluster_ips_waits_with_a_reason),
		cmocka_unit_test(
			test_prefer_dual_takes_one_family_and_later_the_other_from_the_same_pool),
		cmocka_unit_test(test_prefer_dual_order_of_pools),
		cmocka_unit_test(test_dual_pool_that_loses_a_family_moves_both_addresses),
		cmocka_unit_test(test_switching_to_require_dual_drops_a_single_address),
		cmocka_unit_test(test_buggy_addresses_are_avoided_on_request),
		cmocka_unit_test(test_avoiding_buggy_addresses_later_moves_their_holders),
		cmocka_unit_test(test_excluded_addresses_are_never_given),
		cmocka_unit_test(test_pool_that_does_not_assign_is_used_on_request_only),
		cmocka_unit_test(test_pinned_pools_by_priority_before_open_ones),
		cmocka_unit_test(test_namespace_labels_open_a_pool_and_close_it_again),
		cmocka_unit_test(test_only_services_of_our_class_are_served),
		cmocka_unit_test(test_service_that_leaves_its_class_is_released),
		cmocka_unit_test(test_counts_of_a_pool),
		cmocka_unit_test(test_whole_address_space_is_a_pool_like_any),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
