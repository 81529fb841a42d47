// SPDX-License-Identifier: Apache-2.0
/*
 * What becomes of an address when something changes: MetalLB's change matrix, with a change
 * that cannot be met keeping what is there, sharing, and the way of writes that fail.
 */
#include <time.h>

#include "tests/unit/allocator_world.h"

#define TWO_POOLS                                                                                  \
	"[{\"name\":\"a\",\"addresses\":[\"192.0.2.0/30\"]},"                                      \
	"{\"name\":\"b\",\"addresses\":[\"198.51.100.0/31\"]}]"

#define LOCAL(selector)                                                                            \
	"{\"type\":\"LoadBalancer\",\"clusterIP\":\"10.96.0.1\",\"clusterIPs\":[\"10.96.0.1\"],"   \
	"\"externalTrafficPolicy\":\"Local\",\"selector\":" selector "," PORTS(443) "}"

/* --- restart ---------------------------------------------------------------------------------- */

static void test_restart_keeps_every_address(void **state)
{
	struct world *w =
		world_new("[{\"name\":\"a\",\"addresses\":[\"192.0.2.1-192.0.2.2\"]}]", NULL);
	(void)state;

	world_apply(w, "web/c", LB_V4, NULL, NULL);
	world_run(w);
	world_apply(w, "web/b", LB_V4, NULL, NULL);
	world_run(w);
	world_apply(w, "web/a", LB_V4, NULL, NULL); /* waits, and would come first by name */
	world_run(w);
	world_restart(w);
	assert_int_equal(world_run(w), 0);
	assert_false(world_said(w, "ClearAssignment"));
	assert_string_equal(world_shows(w, "web/a"), "");
	assert_string_equal(world_shows(w, "web/b"), "192.0.2.2 a");
	assert_string_equal(world_shows(w, "web/c"), "192.0.2.1 a");
	world_free(w);
}

/* Who loses its address at a restart does not get one that a later Service shows. */
static void test_all_shown_addresses_are_taken_back_before_any_is_given(void **state)
{
	struct world *w = world_new(TWO_POOLS, NULL);
	(void)state;

	world_apply(w, "web/a", LB_V4, NULL, NULL);
	world_apply(w, "web/b", LB_V4, NULL, NULL);
	world_apply(w, "web/c", "{\"type\":\"LoadBalancer\"," PORTS(80) "}", NULL, NULL);
	world_status(w, "web/a", "203.0.113.1", NULL); /* in no pool */
	world_status(w, "web/b", "192.0.2.0", NULL);
	world_status(w, "web/c", "192.0.2.1", NULL); /* may not keep it, but shows it still */
	world_restart(w);
	w->late = true;
	world_run(w);
	assert_int_equal(w->writing.count, 3);
	assert_string_equal(w->writing.items[0].ips[0], "192.0.2.2");
	w->late = false;
	world_run(w);
	assert_string_equal(world_shows(w, "web/a"), "192.0.2.2 a");
	assert_string_equal(world_shows(w, "web/b"), "192.0.2.0 a");
	assert_string_equal(world_shows(w, "web/c"), "");
	world_free(w);
}

static void test_order_of_a_status_is_left_alone(void **state)
{
	struct world *w =
		world_new("[{\"name\":\"a\",\"addresses\":[\"192.0.2.0/30\",\"2001:db8::/126\"]}]",
			  NULL);
	(void)state;

	world_apply(w, "web/a", LB_DUAL("RequireDualStack"), A_IPS("2001:db8::3, 192.0.2.3"), NULL);
	world_run(w);
	assert_string_equal(world_shows(w, "web/a"), "2001:db8::3,192.0.2.3 a");
	world_status(w, "web/a", "192.0.2.3", "2001:db8::3");
	assert_int_equal(world_run(w), 0);
	world_restart(w);
	assert_int_equal(world_run(w), 0);
	world_free(w);
}

/* --- statuses written by others -----------------------------------------------------------------
 */

static void test_status_written_by_somebody_is_adopted_if_it_holds(void **state)
{
	struct world *w = world_new(TWO_POOLS, NULL);
	(void)state;

	world_apply(w, "web/a", LB_V4, NULL, NULL);
	world_run(w);
	world_status(w, "web/a", "198.51.100.1", NULL);
	world_run(w);
	assert_string_equal(world_shows(w, "web/a"), "198.51.100.1 b");
	world_status(w, "web/a", "203.0.113.1", NULL); /* in no pool: ours is written again */
	world_run(w);
	assert_true(world_said(w, "ClearAssignment"));
	assert_string_equal(world_shows(w, "web/a"), "198.51.100.1 b");
	world_free(w);
}

static void test_emptied_status_is_written_again(void **state)
{
	struct world *w = world_new(TWO_POOLS, NULL);
	(void)state;

	world_apply(w, "web/a", LB_V4, A_POOL("b"), NULL);
	world_run(w);
	world_status(w, "web/a", NULL, NULL);
	assert_int_equal(world_run(w), 1);
	assert_string_equal(world_shows(w, "web/a"), "198.51.100.0 b");
	world_free(w);
}

/* --- pools that change
 * ---------------------------------------------------------------------------- */

static void test_address_that_stays_in_some_pool_is_kept_and_the_annotation_follows(void **state)
{
	struct world *w = world_new(TWO_POOLS, NULL);
	(void)state;

	world_apply(w, "web/a", LB_V4, NULL, NULL);
	world_run(w);
	world_pools(w,
		    "[{\"name\":\"big\",\"autoAssign\":false,\"addresses\":[\"192.0.2.0/24\"]}]");
	assert_int_equal(world_run(w), 1);
	assert_string_equal(world_shows(w, "web/a"), "192.0.2.0 big");
	world_free(w);
}

static void test_address_that_leaves_the_pools_is_replaced(void **state)
{
	struct world *w = world_new(TWO_POOLS, NULL);
	(void)state;

	world_apply(w, "web/a", LB_V4, NULL, NULL);
	world_run(w);
	world_pools(w, "[{\"name\":\"b\",\"addresses\":[\"198.51.100.0/31\"]}]");
	world_run(w);
	assert_true(world_said(w, "ClearAssignment web/a: "));
	assert_string_equal(world_shows(w, "web/a"), "198.51.100.0 b");
	world_free(w);
}

static void test_no_pool_at_all_empties_statuses_only_if_that_is_meant(void **state)
{
	struct world *w = world_new(TWO_POOLS, NULL);
	(void)state;

	world_apply(w, "web/a", LB_V4, NULL, NULL);
	world_run(w);
	world_pools_complete(w, "[]", false);
	world_apply(w, "web/b", LB_V4, NULL, NULL);
	assert_int_equal(world_run(w), 0);
	assert_string_equal(world_shows(w, "web/a"), "192.0.2.0 a");
	assert_string_equal(world_view(w, "web/b").reason, "there is no address pool");
	world_pools_complete(w, "[]", true);
	world_run(w);
	assert_string_equal(world_shows(w, "web/a"), "");
	world_pools(w, TWO_POOLS);
	world_run(w);
	assert_string_equal(world_shows(w, "web/a"), "192.0.2.0 a");
	world_free(w);
}

static void test_narrowed_pool_moves_those_it_no_longer_serves(void **state)
{
	struct world *w = world_new(TWO_POOLS, NULL);
	(void)state;

	world_apply(w, "web/a", LB_V4, NULL, NULL);
	world_run(w);
	world_pools(w, "[{\"name\":\"a\",\"addresses\":[\"192.0.2.0/30\"],\"serviceAllocation\":"
		       "{\"namespaces\":[\"db\"]}},"
		       "{\"name\":\"b\",\"addresses\":[\"198.51.100.0/31\"]}]");
	world_run(w);
	assert_string_equal(world_shows(w, "web/a"), "198.51.100.0 b");
	world_free(w);
}

/* --- requests
 * --------------------------------------------------------------------------------------- */

static void test_requests_that_are_met_and_those_that_wait(void **state)
{
	static const struct {
		const char *spec, *annotations, *shows, *reason;
	} rows[] = {
		{ LB_V4, A_IPS("198.51.100.1"), "198.51.100.1 b", "" },
		{ LB_V4, A_IPS(" 198.51.100.1 "), "198.51.100.1 b", "" },
		{ LB_V4, A_IPS("192.0.2.3") "," A_POOL("a"), "192.0.2.3 a", "" },
		{ LB_V4, A_POOL("b"), "198.51.100.0 b", "" },
		{ LB_V4, A_IPS("192.0.2.3") "," A_POOL("b"), "",
		  "the requested address is in pool \"a\", not in \"b\" as the annotation says" },
		{ LB_V4, A_POOL("c"), "", "there is no pool \"c\"" },
		{ LB_V4, A_IPS("203.0.113.1"), "", "203.0.113.1 is in no pool" },
		{ LB_V4, A_IPS("192.0.2.0"), "", "192.0.2.0 is held by web/0" },
		{ LB_V4, A_IPS("2001:db8::1"), "", "the Service needs IPv4, not IPv6" },
		{ LB_V4, A_IPS("192.0.2.256"), "", "invalid requested address \"192.0.2.256\"" },
		{ LB_V4, A_IPS(""), "", "invalid requested address \"\"" },
		{ LB_V4, A_IPS("192.0.2.2,"), "", "invalid requested address \"\"" },
		{ LB_V4, A_IPS("192.0.2.2,192.0.2.3"), "",
		  "two addresses of one family are requested: \"192.0.2.2,192.0.2.3\"" },
		{ LB_V4, A_IPS("192.0.2.2,2001:db8::1,192.0.2.3"), "",
		  "more than two addresses are requested: \"192.0.2.2,2001:db8::1,192.0.2.3\"" },
		{ LB_DUAL("PreferDualStack"), A_IPS("192.0.2.3"), "",
		  "the Service needs IPv4 and IPv6, not IPv4 alone" },
		{ LB_DUAL("PreferDualStack"), A_IPS("192.0.2.3,2001:db8::1"), "",
		  "the addresses are in two pools, \"a\" and \"c6\"" },
		{ "{\"type\":\"LoadBalancer\",\"loadBalancerIP\":\"192.0.2.2\",\"clusterIP\":\"10."
		  "96.0.1\",\"clusterIPs\":[\"10.96.0.1\"]," PORTS(80) "}",
		  "", "192.0.2.2 a", "" },
		{ "{\"type\":\"LoadBalancer\",\"loadBalancerIP\":\"192.0.2.2\",\"clusterIP\":\"10."
		  "96.0.1\",\"clusterIPs\":[\"10.96.0.1\"]," PORTS(80) "}",
		  A_IPS("192.0.2.2"), "",
		  "both spec.loadBalancerIP and annotation metallb.io/loadBalancerIPs are set" },
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world *w = world_new("[{\"name\":\"a\",\"addresses\":[\"192.0.2.0/30\"]},"
					    "{\"name\":\"b\",\"addresses\":[\"198.51.100.0/31\"]},"
					    "{\"name\":\"c6\",\"addresses\":[\"2001:db8::/126\"]}]",
					    NULL);

		world_apply(w, "web/0", LB_V4, NULL, NULL);
		world_apply(w, "web/a", rows[i].spec, rows[i].annotations, NULL);
		world_run(w);
		assert_string_equal(world_view(w, "web/a").reason, rows[i].reason);
		assert_string_equal(world_shows(w, "web/a"), rows[i].shows);
		assert_int_equal(world_said(w, "AllocationFailed web/a: "),
				 rows[i].reason[0] != '\0');
		world_free(w);
	}
}

static void test_change_that_cannot_be_met_keeps_what_is_there(void **state)
{
	static const struct {
		const char *annotations, *event;
	} rows[] = {
		{ A_IPS("198.51.100.0"),
		  "AllocationFailed web/a: Failed to allocate IP for \"web/a\": "
		  "stays on [\"192.0.2.0\"]: 198.51.100.0 is held by web/b" },
		{ A_POOL("full"),
		  "stays on [\"192.0.2.0\"]: pool \"full\" has no free IPv4 address" },
		{ A_POOL("none"), "stays on [\"192.0.2.0\"]: there is no pool \"none\"" },
		{ A_IPS("rubbish"), "LoadBalancerFailed web/a: " },
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world *w =
			world_new("[{\"name\":\"a\",\"addresses\":[\"192.0.2.0/30\"]},"
				  "{\"name\":\"full\",\"addresses\":[\"198.51.100.0/32\"]}]",
				  NULL);

		world_apply(w, "web/a", LB_V4, NULL, NULL);
		world_apply(w, "web/b", LB_V4, A_POOL("full"), NULL);
		world_run(w);
		world_apply(w, "web/a", NULL, rows[i].annotations, NULL);
		assert_int_equal(world_run(w), 0);
		assert_string_equal(world_shows(w, "web/a"), "192.0.2.0 a");
		assert_true(world_said(w, rows[i].event));
		assert_string_equal(world_view(w, "web/a").reason, "");
		assert_string_not_equal(world_view(w, "web/a").note, "");
		world_free(w);
	}
}

static void test_move_happens_once_the_wanted_address_is_free(void **state)
{
	struct world *w = world_new(TWO_POOLS, NULL);
	(void)state;

	world_apply(w, "web/a", LB_V4, NULL, NULL);
	world_apply(w, "web/b", LB_V4, A_IPS("198.51.100.1"), NULL);
	world_run(w);
	world_apply(w, "web/a", NULL, A_IPS("198.51.100.1"), NULL);
	world_run(w);
	assert_string_equal(world_shows(w, "web/a"), "192.0.2.0 a");
	world_delete(w, "web/b");
	world_run(w);
	assert_string_equal(world_shows(w, "web/a"), "198.51.100.1 b");
	assert_string_equal(world_view(w, "web/a").note, "");
	world_free(w);
}

/* What becomes free is for those that hold something first, then for all in order, new or not. */
static void test_those_that_wait_and_new_ones_are_served_in_one_order(void **state)
{
	struct world *w = world_new("[{\"name\":\"a\",\"addresses\":[\"192.0.2.0/30\"]}]", NULL);
	static const char *const first[] = { "web/u", "web/v", "web/w", "web/x" };
	(void)state;

	for (size_t i = 0; i < 4; i++)
		world_apply(w, first[i], LB_V4, NULL, NULL);
	world_run(w);
	world_apply(w, "web/x", LB_V4, A_IPS("192.0.2.1"), NULL); /* is v's: it stays on .3 */
	world_apply(w, "web/c", LB_V4, NULL, NULL);
	world_apply(w, "web/d", LB_V4, NULL, NULL);
	world_apply(w, "web/e", LB_V4, A_IPS("192.0.2.2"), NULL);
	world_run(w);
	world_delete(w, "web/v");
	world_delete(w, "web/w");
	world_delete(w, "web/u");
	world_apply(w, "web/b", LB_V4, NULL, NULL);
	world_apply(w, "web/z", LB_V4, NULL, NULL);
	world_run(w);
	assert_string_equal(world_shows(w, "web/x"), "192.0.2.1 a");
	assert_string_equal(world_shows(w, "web/b"), "192.0.2.0 a");
	assert_string_equal(world_shows(w, "web/c"), "192.0.2.2 a");
	assert_string_equal(world_shows(w, "web/d"), "192.0.2.3 a"); /* once x shows it no more */
	assert_string_equal(world_shows(w, "web/e"), "");
	assert_string_equal(world_shows(w, "web/z"), "");
	world_free(w);
}

/* The pools that those who wait were being called for are not there any more. */
static void test_pools_change_in_the_middle_of_a_run(void **state)
{
	struct world *w = world_new(NULL, NULL);
	(void)state;

	w->cfg.actions_max = 1;
	world_restart(w);
	world_pools(w, "[{\"name\":\"a\",\"addresses\":[\"192.0.2.0/31\"]}]");
	world_apply(w, "web/a", LB_V4, A_IPS("192.0.2.0"), NULL);
	world_apply(w, "web/b", LB_V4, A_IPS("192.0.2.1"), NULL);
	world_apply(w, "web/c", LB_V4, NULL, NULL);
	world_apply(w, "web/d", LB_V4, NULL, NULL);
	world_run(w);
	world_delete(w, "web/a");
	world_delete(w, "web/b");
	world_run_once(w); /* c is called, and has one */
	assert_int_equal(world_view(w, "web/c").ip_count, 1);
	assert_int_equal(world_view(w, "web/d").ip_count, 0);
	world_pools(w, "[{\"name\":\"a\",\"addresses\":[\"192.0.2.0/32\"]},"
		       "{\"name\":\"b\",\"addresses\":[\"198.51.100.0/31\"]}]");
	world_run(w);
	assert_string_equal(world_shows(w, "web/c"), "192.0.2.0 a");
	assert_string_equal(world_shows(w, "web/d"), "198.51.100.0 b");
	world_free(w);
}

static void test_request_or_annotation_taken_away_keeps_the_address(void **state)
{
	struct world *w = world_new(TWO_POOLS, NULL);
	(void)state;

	world_apply(w, "web/a", LB_V4, A_IPS("198.51.100.1"), NULL);
	world_apply(w, "web/b", LB_V4, A_POOL("b"), NULL);
	world_run(w);
	world_apply(w, "web/a", NULL, "", NULL);
	world_apply(w, "web/b", NULL, "", NULL);
	assert_int_equal(world_run(w), 0);
	assert_string_equal(world_shows(w, "web/a"), "198.51.100.1 b");
	assert_string_equal(world_shows(w, "web/b"), "198.51.100.0 b");
	world_free(w);
}

/* --- sharing
 * ------------------------------------------------------------------------------------------ */

static void test_equal_keys_and_different_ports_share_the_lowest_address(void **state)
{
	struct world *w = world_new(TWO_POOLS, NULL);
	(void)state;

	world_apply(w, "web/a", LB_V4_PORT(80), A_SHARE("k"), NULL);
	world_apply(w, "web/b", LB_V4_PORT(81), A_SHARE("k"), NULL);
	world_apply(w, "web/c", LB_V4_PORT(80), A_SHARE("k"), NULL); /* port taken */
	world_apply(w, "web/d", LB_V4_PORT(82), A_SHARE("l"), NULL); /* other key */
	world_apply(w, "web/e", LB_V4_PORT(83), A_SHARE(""), NULL);  /* no key */
	world_apply(w, "db/f", LB_V4_PORT(84), A_SHARE("k"), NULL);  /* other namespace */
	world_run(w);
	assert_string_equal(world_shows(w, "db/f"), "192.0.2.0 a");
	assert_string_equal(world_shows(w, "web/a"), "192.0.2.0 a");
	assert_string_equal(world_shows(w, "web/b"), "192.0.2.0 a");
	assert_string_equal(world_shows(w, "web/c"), "192.0.2.1 a");
	assert_string_equal(world_shows(w, "web/d"), "192.0.2.2 a");
	assert_string_equal(world_shows(w, "web/e"), "192.0.2.3 a");
	world_restart(w);
	assert_int_equal(world_run(w), 0);
	world_free(w);
}

static void test_port_added_that_clashes_moves_the_one_who_added_it(void **state)
{
	struct world *w = world_new(TWO_POOLS, NULL);
	(void)state;

	world_apply(w, "web/a", LB_V4_PORT(80), A_SHARE("k"), NULL);
	world_apply(w, "web/b", LB_V4_PORT(81), A_SHARE("k"), NULL);
	world_run(w);
	world_apply(w, "web/a", LB_V4_PORT(81), NULL, NULL);
	world_run(w);
	assert_string_equal(world_shows(w, "web/a"), "192.0.2.1 a");
	assert_string_equal(world_shows(w, "web/b"), "192.0.2.0 a");
	world_free(w);
}

static void test_key_changes_in_place_for_a_sole_user_only(void **state)
{
	struct world *w = world_new(TWO_POOLS, NULL);
	(void)state;

	world_apply(w, "web/a", LB_V4_PORT(80), A_SHARE("k"), NULL);
	world_run(w);
	world_apply(w, "web/a", NULL, A_SHARE("l"), NULL);
	world_run(w);
	assert_string_equal(world_shows(w, "web/a"), "192.0.2.0 a");
	world_apply(w, "web/b", LB_V4_PORT(81), A_SHARE("l"), NULL);
	world_run(w);
	assert_string_equal(world_shows(w, "web/b"), "192.0.2.0 a");
	world_apply(w, "web/a", NULL, "", NULL);
	world_run(w);
	assert_string_equal(world_shows(w, "web/a"), "192.0.2.1 a");
	world_free(w);
}

/* MetalLB's end-to-end case: policy Local needs equal selectors; who leaves loses the address. */
static void test_traffic_policy_and_selector_are_part_of_the_key(void **state)
{
	struct world *w = world_new("[{\"name\":\"a\",\"addresses\":[\"192.0.2.0/32\"]}]", NULL);
	(void)state;

	world_apply(w, "web/a", LB_V4_PORT(80), A_SHARE("k"), NULL);
	world_apply(w, "web/b", LB_V4_PORT(443), A_SHARE("k"), NULL);
	world_run(w);
	assert_string_equal(world_shows(w, "web/b"), "192.0.2.0 a");
	world_apply(w, "web/b", LOCAL("{\"app\":\"x\"}"), NULL, NULL);
	world_run(w);
	assert_string_equal(world_shows(w, "web/b"), "");
	assert_string_equal(world_shows(w, "web/a"), "192.0.2.0 a");
	world_apply(
		w, "web/a",
		"{\"type\":\"LoadBalancer\",\"clusterIP\":\"10.96.0.1\",\"clusterIPs\":[\"10."
		"96.0.1\"],\"externalTrafficPolicy\":\"Local\",\"selector\":{\"app\":\"x\"}," PORTS(
			80) "}",
		NULL, NULL);
	world_run(w);
	assert_string_equal(world_shows(w, "web/a"), "192.0.2.0 a");
	assert_string_equal(world_shows(w, "web/b"), "192.0.2.0 a");
	world_apply(w, "web/b", LOCAL("{\"app\":\"y\"}"), NULL, NULL);
	world_run(w);
	assert_string_equal(world_shows(w, "web/b"), "");
	world_free(w);
}

/* A tenant may have a Service of tens of thousands of ports, and change it every moment. */
static void test_services_of_very_many_ports_share_in_bearable_time(void **state)
{
	enum { PORTS_MANY = 60000, ROUNDS = 8 };
	struct world *w = world_new(TWO_POOLS, NULL);
	char *ports = NULL;
	size_t len;
	(void)state;

	FILE *f = open_memstream(&ports, &len);
	for (int i = 0; i < PORTS_MANY; i++)
		fprintf(f, "%s{\"port\":%d}", i > 0 ? "," : "", i + 1);
	fclose(f);
	char *spec = world_text("{\"type\":\"LoadBalancer\",\"clusterIPs\":[\"10.96.0.1\"],"
				"\"ports\":[%s]}",
				ports);
	world_apply(w, "web/few", LB_V4_PORT(65000), A_SHARE("k"), NULL);
	world_apply(w, "web/many", spec, A_SHARE("k"), NULL);
	clock_t start = clock();
	for (int i = 0; i < ROUNDS; i++) {
		world_apply(w, "web/many", NULL, NULL, i % 2 ? "\"a\":\"1\"" : "");
		world_run(w);
	}
	/* Each port against each takes many times that. */
	assert_true(clock() - start < 5 * CLOCKS_PER_SEC);
	assert_string_equal(world_shows(w, "web/few"), "192.0.2.0 a");
	assert_string_equal(world_shows(w, "web/many"), "192.0.2.0 a");
	free(ports);
	free(spec);
	world_free(w);
}

static void test_shared_address_counts_once_and_is_free_after_the_last_user(void **state)
{
	struct world *w = world_new("[{\"name\":\"a\",\"addresses\":[\"192.0.2.0/32\"]}]", NULL);
	(void)state;

	world_apply(w, "web/a", LB_V4_PORT(80), A_SHARE("k"), NULL);
	world_apply(w, "web/b", LB_V4_PORT(81), A_SHARE("k"), NULL);
	world_apply(w, "web/c", LB_V4, NULL, NULL);
	world_run(w);
	world_delete(w, "web/a");
	world_run(w);
	assert_string_equal(world_shows(w, "web/c"), "");
	world_delete(w, "web/b");
	world_run(w);
	assert_string_equal(world_shows(w, "web/c"), "192.0.2.0 a");
	world_free(w);
}

/* --- writes
 * ------------------------------------------------------------------------------------------- */

static struct letter answer(struct world *w, enum allocator_outcome outcome)
{
	struct letter l = world_take(&w->writing, 0);

	l.outcome = outcome;
	return l;
}

static void test_failed_write_backs_off_and_keeps_the_assignment(void **state)
{
	struct world *w = world_new("[{\"name\":\"a\",\"addresses\":[\"192.0.2.0/32\"]}]", NULL);
	uint64_t wait = NS_OF_MS * 1000;
	(void)state;

	w->late = true;
	world_apply(w, "web/a", LB_V4, NULL, NULL);
	while (world_step(w))
		;
	world_run(w);
	for (int i = 0; i < 9; i++) {
		struct letter l = answer(w, ALLOCATOR_FAILED);
		uint64_t wake;

		world_answer(w, &l);
		world_run(w);
		assert_int_equal(w->writing.count, 0);
		wake = allocator_wake_ns(w->a) - w->now_ns;
		assert_in_range(wake, wait / 5 * 4, wait / 5 * 6);
		w->now_ns += wake;
		world_run(w);
		assert_int_equal(w->writing.count, 1);
		wait = i < 6 ? wait * 2 : wait;
	}
	world_apply(w, "web/b", LB_V4, NULL, NULL);
	while (w->watch.count > 0)
		world_step(w);
	world_free(w);
}

/* An address that a status may still show is nobody else's. */
static void test_address_is_free_only_when_its_removal_has_landed(void **state)
{
	struct world *w = world_new(
		"[{\"name\":\"a\",\"addresses\":[\"192.0.2.0/32\"]},"
		"{\"name\":\"b\",\"autoAssign\":false,\"addresses\":[\"198.51.100.0/32\"]}]",
		NULL);
	(void)state;

	world_apply(w, "web/a", LB_V4, NULL, NULL);
	world_apply(w, "web/b", LB_V4, NULL, NULL);
	world_run(w);
	world_apply(w, "web/a", NULL, A_POOL("b"), NULL);
	w->late = true;
	world_run(w);
	assert_int_equal(w->writing.count, 1); /* a's move; b has to wait for it */
	assert_string_equal(w->writing.items[0].name, "web/a");
	struct letter l = answer(w, ALLOCATOR_FAILED);
	world_answer(w, &l);
	world_run(w);
	assert_int_equal(w->writing.count, 0);
	w->now_ns = allocator_wake_ns(w->a);
	world_run(w);
	assert_int_equal(w->writing.count, 1);
	w->late = false;
	world_run(w);
	assert_string_equal(world_shows(w, "web/a"), "198.51.100.0 b");
	assert_string_equal(world_shows(w, "web/b"), "192.0.2.0 a");
	world_free(w);
}

/* Two leave at once: who waits for either gets the first one. */
static void test_addresses_that_are_freed_together_are_given_in_their_order(void **state)
{
	struct world *w = world_new("[{\"name\":\"a\",\"addresses\":[\"192.0.2.0/31\"]}]", NULL);
	(void)state;

	world_apply(w, "a/a", LB_V4, A_IPS("192.0.2.1"), NULL);
	world_apply(w, "z/z", LB_V4, NULL, NULL);
	world_run(w);
	world_apply(w, "m/m", LB_V4, NULL, NULL);
	world_run(w);
	assert_string_equal(world_shows(w, "m/m"), "");
	world_pools(w, "[{\"name\":\"a\",\"addresses\":[\"192.0.2.0/31\"],"
		       "\"serviceAllocation\":{\"namespaces\":[\"m\"]}}]");
	world_run(w);
	assert_string_equal(world_shows(w, "m/m"), "192.0.2.0 a");
	world_free(w);
}

static void test_writes_under_way_are_bounded(void **state)
{
	struct world *w = world_new("[{\"name\":\"a\",\"addresses\":[\"192.0.2.0/24\"]}]", NULL);
	(void)state;

	w->cfg.writes_max = 3;
	world_restart(w);
	for (int i = 0; i < 10; i++) {
		char name[16];
		snprintf(name, sizeof(name), "web/%d", i);
		world_apply(w, name, LB_V4, NULL, NULL);
	}
	w->late = true;
	world_run(w);
	assert_int_equal(w->writing.count, 3);
	for (int i = 0; i < 10; i++) {
		struct letter l = world_take(&w->writing, 0);

		l.outcome = world_write(w, &l);
		l.version = w->version;
		world_answer(w, &l);
		world_run(w);
		assert_int_equal(w->writing.count, i < 7 ? 3 : 9 - i);
	}
	world_free(w);
}

/* Thousands that come at once need no memory for thousands of events. */
static void test_events_of_a_run_are_bounded(void **state)
{
	struct world *w = world_new("[{\"name\":\"a\",\"addresses\":[\"192.0.2.0/24\"]}]", NULL);
	(void)state;

	w->cfg.actions_max = 3;
	world_restart(w);
	for (int i = 0; i < 7; i++) {
		char name[16];
		snprintf(name, sizeof(name), "web/%d", i);
		world_apply(w, name, LB_V4, NULL, NULL);
	}
	for (int i = 0; i < 2; i++) {
		assert_int_equal(world_run_once(w), 3);
		assert_int_equal(w->writes, 0); /* not before everything was looked at */
		assert_false(allocator_settled(w->a));
		assert_true(allocator_wake_ns(w->a) <= w->now_ns);
	}
	world_run_once(w); /* the last event, and all writes */
	assert_int_equal(w->writes, 7);
	assert_int_equal(world_run_once(w), 0);
	assert_true(allocator_settled(w->a));
	assert_true(allocator_wake_ns(w->a) == UINT64_MAX);
	assert_string_equal(world_shows(w, "web/6"), "192.0.2.6 a");
	world_free(w);
}

static void test_conflict_is_redone_on_the_fresh_object(void **state)
{
	struct world *w = world_new(TWO_POOLS, NULL);
	(void)state;

	world_apply(w, "web/a", LB_V4, NULL, NULL);
	w->late = true;
	world_run(w);
	world_apply(w, "web/a", NULL, A_POOL("b"), NULL); /* while the write is under way */
	struct letter l = world_take(&w->writing, 0);
	l.outcome = world_write(w, &l);
	assert_int_equal(l.outcome, ALLOCATOR_CONFLICT);
	world_answer(w, &l);
	world_run(w);
	assert_int_equal(w->writing.count, 1);
	assert_string_equal(w->writing.items[0].ips[0], "198.51.100.0");
	w->late = false;
	world_run(w);
	assert_string_equal(world_shows(w, "web/a"), "198.51.100.0 b");
	world_free(w);
}

/* What is read after a conflict may arrive behind what the watch tells. */
static void test_object_read_after_a_conflict_never_undoes_what_the_watch_told(void **state)
{
	static const enum { GONE, ANOTHER, NEWER } cases[] = { GONE, ANOTHER, NEWER };
	(void)state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world *w = world_new(TWO_POOLS, NULL);
		struct allocator_service_view v;

		world_apply(w, "web/a", LB_V4, NULL, NULL);
		w->late = true;
		world_run(w);
		world_thing(w, "web/a")->version = ++w->version;
		struct letter l = world_take(&w->writing, 0);
		assert_int_equal(world_write(w, &l), ALLOCATOR_CONFLICT);
		struct service *read = world_service(world_thing(w, "web/a"));
		w->late = false;
		if (cases[i] == NEWER)
			world_apply(w, "web/a", NULL, A_POOL("b"), NULL);
		else
			world_delete(w, "web/a");
		if (cases[i] == ANOTHER)
			world_apply(w, "web/a", LB_V4, A_POOL("b"), NULL);
		assert_int_equal(allocator_service_reread(w->a, read), cases[i] == NEWER);
		allocator_written(w->a, "web", "a",
				  cases[i] == NEWER ? ALLOCATOR_CONFLICT : ALLOCATOR_FAILED, NULL,
				  w->now_ns);
		world_run(w);
		if (cases[i] == GONE)
			assert_false(allocator_service(w->a, "web", "a", &v));
		else
			assert_string_equal(world_shows(w, "web/a"), "198.51.100.0 b");
		world_free(w);
	}
}

/* One conflict is an accident; from the second in a row on somebody writes faster than we do. */
/* What fails for all is tried with a few, seldom; one that goes well lets all the others go. */
static void test_writes_that_all_fail_are_few(void **state)
{
	enum { MANY = 60 };
	struct world *w = world_new("[{\"name\":\"a\",\"addresses\":[\"192.0.2.0/24\"]}]", NULL);
	unsigned sent = 0, in_the_end = 0;
	(void)state;

	w->cfg.writes_max = 32;
	world_restart(w);
	for (unsigned i = 0; i < MANY; i++) {
		char name[32];
		snprintf(name, sizeof(name), "web/s%02u", i);
		world_apply(w, name, LB_V4, NULL, NULL);
	}
	w->late = true;
	while (w->now_ns < 120 * 1000 * NS_OF_MS) {
		world_run_once(w);
		while (w->writing.count > 0) {
			struct letter l = world_take(&w->writing, 0);
			sent++;
			in_the_end += w->now_ns > 60 * 1000 * NS_OF_MS;
			l.outcome = ALLOCATOR_FAILED;
			world_answer(w, &l);
		}
		uint64_t wake = allocator_wake_ns(w->a);
		assert_true(wake != UINT64_MAX);
		w->now_ns = wake > w->now_ns ? wake : w->now_ns + NS_OF_MS;
	}
	assert_in_range(sent, MANY / 2, 4 * MANY);
	assert_in_range(in_the_end, 40, 80); /* 4 each 4 s or so */

	w->late = false;
	w->now_ns = allocator_wake_ns(w->a);
	while (w->writes < MANY) {
		world_run(w);
		uint64_t wake = allocator_wake_ns(w->a);
		assert_true(w->writes == MANY || wake <= w->now_ns + 77 * 1000 * NS_OF_MS);
		w->now_ns = wake; /* the pause of one */
	}
	world_free(w);
}

/*
 * An address becomes free, and the last one that is called for it and takes it makes it a shared
 * one: those that were called before may join. Behind him only such wait as it does not concern.
 */
static void test_those_called_before_hear_of_it_in_the_same_run(void **state)
{
	struct world *w = world_new("[{\"name\":\"a\",\"addresses\":[\"192.0.2.0/32\","
				    "\"2001:db8::/128\"]}]",
				    NULL);
	(void)state;

	world_apply(w, "web/four", LB_V4, NULL, NULL);
	world_apply(w, "web/six", LB_V6, NULL, NULL);
	world_run(w);
	world_apply(w, "web/a", LB_DUAL("RequireDualStack"), A_SHARE("k"), NULL);
	world_apply(w, "web/b", LB_V4_PORT(81), A_SHARE("k"), NULL);
	world_apply(w, "web/c", LB_V4, A_IPS("203.0.113.1"), NULL);
	world_run(w);
	world_delete(w, "web/four");
	w->late = true;
	world_run_once(w);
	assert_int_equal(w->writing.count, 1);
	assert_string_equal(w->writing.items[0].name, "web/b");
	uint64_t decided = allocator_recomputed(w->a);
	world_run_once(w);
	assert_int_equal(allocator_recomputed(w->a), decided);
	world_free(w);
}

static void test_second_conflict_in_a_row_backs_off(void **state)
{
	struct world *w = world_new(TWO_POOLS, NULL);
	uint64_t wait = NS_OF_MS * 2000;
	(void)state;

	world_apply(w, "web/a", LB_V4, NULL, NULL);
	w->late = true;
	world_run(w);
	for (int i = 0; i < 5; i++) {
		world_thing(w, "web/a")->version = ++w->version;
		struct letter l = world_take(&w->writing, 0);
		l.outcome = world_write(w, &l);
		assert_int_equal(l.outcome, ALLOCATOR_CONFLICT);
		world_answer(w, &l);
		world_run(w);
		if (i > 0) {
			assert_int_equal(w->writing.count, 0);
			uint64_t wake = allocator_wake_ns(w->a) - w->now_ns;
			assert_in_range(wake, wait / 5 * 4, wait / 5 * 6);
			w->now_ns += wake;
			wait *= 2;
			world_run(w);
		}
		assert_int_equal(w->writing.count, 1);
	}

	/* One that lands ends the row: the next conflict is an accident again. */
	struct letter l = world_take(&w->writing, 0);
	l.outcome = world_write(w, &l);
	l.version = w->version;
	world_answer(w, &l);
	world_apply(w, "web/a", NULL, A_POOL("b"), NULL);
	while (w->watch.count > 0)
		world_step(w);
	world_run(w);
	world_thing(w, "web/a")->version = ++w->version;
	l = world_take(&w->writing, 0);
	l.outcome = world_write(w, &l);
	assert_int_equal(l.outcome, ALLOCATOR_CONFLICT);
	world_answer(w, &l);
	world_run(w);
	assert_int_equal(w->writing.count, 1);
	world_free(w);
}

/* A write whose answer was lost may have landed: what it said is guarded until that is known. */
static void test_address_of_a_write_without_an_answer_is_not_given_away(void **state)
{
	struct world *w = world_new("[{\"name\":\"a\",\"addresses\":[\"192.0.2.0/31\"]}]", NULL);
	(void)state;

	world_apply(w, "web/x", LB_V4, NULL, NULL);
	w->late = true;
	world_run(w);
	struct letter l = answer(w, ALLOCATOR_FAILED);
	world_write(w, &l); /* it lands all the same; the watch is late */
	world_answer(w, &l);
	world_pools(w, "[{\"name\":\"b\",\"addresses\":[\"198.51.100.0/31\"]}]");
	world_run(w);
	world_pools(w, "[{\"name\":\"a\",\"addresses\":[\"192.0.2.0/31\"]},"
		       "{\"name\":\"b\",\"addresses\":[\"198.51.100.0/31\"]}]");
	w->late = false;
	world_apply(w, "web/y", LB_V4, NULL, NULL);
	w->late = true;
	world_run(w);
	assert_int_equal(w->writing.count, 1);
	assert_string_equal(w->writing.items[0].name, "web/y");
	assert_string_equal(w->writing.items[0].ips[0], "192.0.2.1");
	world_free(w);
}

static void test_object_older_than_our_own_write_is_dropped(void **state)
{
	struct world *w = world_new(TWO_POOLS, NULL);
	(void)state;

	world_apply(w, "web/a", LB_V4, NULL, NULL);
	world_run(w);
	world_apply(w, "web/a", NULL, A_POOL("b"), NULL);
	struct service *stale = world_service(world_thing(w, "web/a"));
	w->late = true;
	world_run(w);
	struct letter l = world_take(&w->writing, 0);
	l.outcome = world_write(w, &l);
	l.version = w->version;
	world_answer(w, &l);
	allocator_service_upsert(w->a, stale);
	assert_int_equal(world_run_once(w), 0);
	world_free(w);
}

static void test_unreadable_service_keeps_what_it_holds(void **state)
{
	struct world *w = world_new("[{\"name\":\"a\",\"addresses\":[\"192.0.2.0/31\"]}]", NULL);
	struct ip_addr ip;
	(void)state;

	/* Known before. */
	world_apply(w, "web/b", LB_V4, NULL, NULL);
	world_run(w);
	allocator_service_unreadable(w->a, "web", "b", NULL, 0);
	/* Never seen otherwise: what its status shows is taken before anybody who waits. */
	ip_parse("192.0.2.1", &ip);
	allocator_service_unreadable(w->a, "web", "z", &ip, 1);
	world_apply(w, "web/a", LB_V4, NULL, NULL);
	assert_int_equal(world_run(w), 1); /* that it waits */
	assert_string_equal(world_shows(w, "web/a"), "");
	assert_int_equal(world_view(w, "web/b").ip_count, 1);
	assert_int_equal(world_view(w, "web/z").ip_count, 1);
	allocator_service_remove(w->a, "web", "z");
	world_run(w);
	assert_string_equal(world_shows(w, "web/a"), "192.0.2.1 a");
	world_free(w);
}

static void test_service_of_the_same_name_is_another_one(void **state)
{
	struct world *w = world_new("[{\"name\":\"a\",\"addresses\":[\"192.0.2.0/31\"]}]", NULL);
	(void)state;

	world_apply(w, "web/a", LB_V4, A_IPS("192.0.2.1"), NULL);
	world_run(w);
	w->late = true;
	world_delete(w, "web/a");
	world_apply(w, "web/a", LB_V4, NULL, NULL);
	/* The list told both at once: only the new one is seen. */
	struct letter removed = world_take(&w->watch, 0);
	assert_int_equal(removed.what, LETTER_REMOVE);
	while (w->watch.count > 0)
		world_step(w);
	w->late = false;
	world_run(w);
	assert_string_equal(world_shows(w, "web/a"), "192.0.2.0 a");
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_restart_keeps_every_address),
		cmocka_unit_test(test_all_shown_addresses_are_taken_back_before_any_is_given),
		cmocka_unit_test(test_order_of_a_status_is_left_alone),
		cmocka_unit_test(test_status_written_by_somebody_is_adopted_if_it_holds),
		cmocka_unit_test(test_emptied_status_is_written_again),
		cmocka_unit_test(
			test_address_that_stays_in_some_pool_is_kept_and_the_annotation_follows),
		cmocka_unit_test(test_address_that_leaves_the_pools_is_replaced),
		cmocka_unit_test(test_no_pool_at_all_empties_statuses_only_if_that_is_meant),
		cmocka_unit_test(test_narrowed_pool_moves_those_it_no_longer_serves),
		cmocka_unit_test(test_requests_that_are_met_and_those_that_wait),
		cmocka_unit_test(test_change_that_cannot_be_met_keeps_what_is_there),
		cmocka_unit_test(test_move_happens_once_the_wanted_address_is_free),
		cmocka_unit_test(test_those_that_wait_and_new_ones_are_served_in_one_order),
		cmocka_unit_test(test_pools_change_in_the_middle_of_a_run),
		cmocka_unit_test(test_request_or_annotation_taken_away_keeps_the_address),
		cmocka_unit_test(test_equal_keys_and_different_ports_share_the_lowest_address),
		cmocka_unit_test(test_port_added_that_clashes_moves_the_one_who_added_it),
		cmocka_unit_test(test_key_changes_in_place_for_a_sole_user_only),
		cmocka_unit_test(test_traffic_policy_and_selector_are_part_of_the_key),
		cmocka_unit_test(test_services_of_very_many_ports_share_in_bearable_time),
		cmocka_unit_test(test_shared_address_counts_once_and_is_free_after_the_last_user),
		cmocka_unit_test(test_failed_write_backs_off_and_keeps_the_assignment),
		cmocka_unit_test(test_address_is_free_only_when_its_removal_has_landed),
		cmocka_unit_test(test_addresses_that_are_freed_together_are_given_in_their_order),
		cmocka_unit_test(test_writes_under_way_are_bounded),
		cmocka_unit_test(test_events_of_a_run_are_bounded),
		cmocka_unit_test(test_conflict_is_redone_on_the_fresh_object),
		cmocka_unit_test(
			test_object_read_after_a_conflict_never_undoes_what_the_watch_told),
		cmocka_unit_test(test_writes_that_all_fail_are_few),
		cmocka_unit_test(test_those_called_before_hear_of_it_in_the_same_run),
		cmocka_unit_test(test_second_conflict_in_a_row_backs_off),
		cmocka_unit_test(test_address_of_a_write_without_an_answer_is_not_given_away),
		cmocka_unit_test(test_object_older_than_our_own_write_is_dropped),
		cmocka_unit_test(test_unreadable_service_keeps_what_it_holds),
		cmocka_unit_test(test_service_of_the_same_name_is_another_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
