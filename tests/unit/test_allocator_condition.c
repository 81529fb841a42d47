// SPDX-License-Identifier: Apache-2.0
/* The condition of a Service (decision 26): what it says, that it is written on change only. */
#include "lib/base/utf8.h"
#include "tests/unit/allocator_world.h"

#define ONE  "[{\"name\":\"a\",\"addresses\":[\"192.0.2.0/32\"]}]"
#define FULL "False NoAddressAvailable: no available IPs: pool \"a\" has no free IPv4 address"

static void test_waiting_service_says_why_and_a_served_one_that_it_is(void **state)
{
	struct world *w = world_new(ONE, NULL);
	(void)state;

	world_apply(w, "web/a", LB_V4, NULL, NULL);
	world_apply(w, "web/b", LB_V4, NULL, NULL);
	assert_int_equal(world_run(w), 2); /* addresses and condition go in one write */
	assert_string_equal(world_condition(w, "web/a"),
			    "True Allocated: the addresses are from pool \"a\"");
	assert_string_equal(world_condition(w, "web/b"), FULL);
	assert_int_equal(world_run(w), 0);
	world_delete(w, "web/a");
	assert_int_equal(world_run(w), 1);
	assert_string_equal(world_shows(w, "web/b"), "192.0.2.0 a");
	assert_string_equal(world_condition(w, "web/b"),
			    "True Allocated: the addresses are from pool \"a\"");
	world_free(w);
}

static void test_each_cause_has_its_reason(void **state)
{
	static const struct {
		const char *spec, *annotations, *condition;
	} rows[] = {
		{ "{\"type\":\"LoadBalancer\"," PORTS(80) "}", NULL,
		  "False NoClusterIP: the Service has no cluster IP yet" },
		{ "{\"type\":\"LoadBalancer\",\"clusterIP\":\"None\"," PORTS(80) "}", NULL,
		  "False NoClusterIP: a headless Service (clusterIP: None) gets no address" },
		{ "{\"type\":\"LoadBalancer\",\"clusterIPs\":[\"10.96.0.1\"],"
		  "\"ipFamilyPolicy\":\"RequireDualStack\"," PORTS(80) "}",
		  NULL,
		  "False NotEnoughClusterIPs: RequireDualStack needs two cluster IPs, there is "
		  "one" },
		{ "{\"type\":\"LoadBalancer\",\"clusterIPs\":[\"10.96.0.1\",\"10.96.0.2\"],"
		  "\"ipFamilyPolicy\":\"RequireDualStack\"," PORTS(80) "}",
		  NULL, "False FamilyMismatch: the two cluster IPs are of one family" },
		{ LB_DUAL("SingleStack"), NULL,
		  "False FamilyMismatch: two cluster IPs do not go with ipFamilyPolicy "
		  "SingleStack" },
		{ LB_V4, A_IPS("x"), "False InvalidRequest: invalid requested address \"x\"" },
		{ LB_V4, A_POOL("x"), "False NoSuchPool: there is no pool \"x\"" },
		{ LB_V4, A_IPS("192.0.2.9"), "False RequestRefused: 192.0.2.9 is in no pool" },
		{ LB_V6, NULL,
		  "False NoAddressAvailable: no available IPs: pool \"a\" has no IPv6 addresses" },
		{ LB_V6, A_POOL("a"),
		  "False NoAddressAvailable: pool \"a\" has no IPv6 addresses" },
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world *w = world_new(ONE, NULL);

		world_apply(w, "web/a", rows[i].spec, rows[i].annotations, NULL);
		world_run(w);
		assert_string_equal(world_condition(w, "web/a"), rows[i].condition);
		world_free(w);
	}
}

/* A 404 of every source is no list: what would be said might be undone a moment later. */
static void test_lack_of_pools_is_said_only_when_that_is_sure(void **state)
{
	struct world *w = world_new("[]", NULL);
	(void)state;

	world_pools_complete(w, "[]", false);
	world_apply(w, "web/a", LB_V4, NULL, NULL);
	assert_int_equal(world_run(w), 0);
	assert_string_equal(world_view(w, "web/a").reason, "there is no address pool");
	world_pools_complete(w, "[]", true);
	assert_int_equal(world_run(w), 1);
	assert_string_equal(world_condition(w, "web/a"), "False NoPools: there is no address pool");
	world_free(w);
}

/* Kubernetes' convention: lastTransitionTime moves with status alone. */
static void test_time_of_the_condition_moves_with_its_status_alone(void **state)
{
	struct world *w = world_new(ONE, NULL);
	(void)state;

	world_apply(w, "web/b", LB_V4, A_IPS("192.0.2.9"), NULL);
	world_run(w);
	const struct said *ready = &world_thing(w, "web/b")->ready;
	time_t since = ready->since;
	world_apply(w, "web/b", NULL, A_IPS("x"), NULL);
	assert_int_equal(world_run(w), 1);
	assert_string_equal(ready->reason, "InvalidRequest");
	assert_int_equal(ready->since, since);
	world_apply(w, "web/b", NULL, "", NULL);
	assert_int_equal(world_run(w), 1);
	assert_true(ready->since > since);
	since = ready->since;
	world_pools(w, "[{\"name\":\"b\",\"addresses\":[\"192.0.2.0/32\"]}]");
	assert_int_equal(world_run(w), 1);
	assert_string_equal(world_condition(w, "web/b"),
			    "True Allocated: the addresses are from pool \"b\"");
	assert_int_equal(ready->since, since);
	world_free(w);
}

/* Nothing is written over again: not by a restart, nor by what becomes of other Services. */
static void test_condition_is_written_once(void **state)
{
	struct world *w = world_new("[{\"name\":\"a\",\"addresses\":[\"192.0.2.0/30\"]}]", NULL);
	(void)state;

	for (int i = 0; i < 4; i++) {
		char name[16];
		snprintf(name, sizeof(name), "web/%d", i);
		world_apply(w, name, LB_V4, NULL, NULL);
	}
	world_apply(w, "web/v6", LB_V6, NULL, NULL);
	world_apply(w, "web/x", LB_V4, NULL, NULL);
	world_apply(w, "web/y", LB_V4, A_IPS("192.0.2.3"), NULL);
	world_run(w);
	assert_string_equal(world_condition(w, "web/x"), FULL);
	world_restart(w);
	assert_int_equal(world_run(w), 0);
	assert_string_equal(w->events, ""); /* who was before us has said it all */
	w->now_ns += ALLOCATOR_RETRY_NS;
	assert_int_equal(world_run(w), 0);
	/* One goes, the first who waits follows: nobody else is written to. */
	world_delete(w, "web/2");
	assert_int_equal(world_run(w), 1);
	assert_string_equal(world_shows(w, "web/x"), "192.0.2.2 a");
	world_free(w);
}

/* A cluster that comes over from MetalLB sees no write. */
static void test_served_service_without_a_condition_is_not_written_for_it(void **state)
{
	struct world *w = world_new(ONE, NULL);
	struct thing *t;
	(void)state;

	world_apply(w, "web/a", LB_V4, NULL, NULL);
	world_run(w);
	t = world_thing(w, "web/a");
	t->ready = (struct said){ 0 };
	world_restart(w);
	assert_int_equal(world_run(w), 0);
	/* One that says something else is put right, whatever it is. */
	t->ready = (struct said){ .set = ALLOCATOR_CONDITION_FALSE, .reason = "x", .message = "y" };
	world_restart(w);
	assert_int_equal(world_run(w), 1);
	assert_string_equal(world_condition(w, "web/a"),
			    "True Allocated: the addresses are from pool \"a\"");
	world_free(w);
}

/* Somebody who takes the condition away may do so each time: no endless contest of writes. */
static void test_condition_that_somebody_takes_away_is_not_fought_for(void **state)
{
	struct world *w = world_new(ONE, NULL);
	struct thing *t;
	(void)state;

	world_apply(w, "web/a", LB_V4, A_IPS("192.0.2.9"), NULL);
	world_run(w);
	t = world_thing(w, "web/a");
	t->ready = (struct said){ 0 };
	world_apply(w, "web/a", NULL, NULL, "\"x\":\"1\"");
	assert_int_equal(world_run(w), 0);
	world_apply(w, "web/a", NULL, A_IPS("x"), NULL); /* news */
	assert_int_equal(world_run(w), 1);
	assert_string_equal(t->ready.reason, "InvalidRequest");
	world_free(w);
}

/* A write refused for its version has not said anything yet. */
static void test_condition_of_a_refused_write_is_said_again(void **state)
{
	struct world *w = world_new(ONE, NULL);
	(void)state;

	world_apply(w, "web/a", LB_V4, A_IPS("192.0.2.9"), NULL);
	w->late = true;
	world_run(w);
	world_thing(w, "web/a")->version = ++w->version;
	struct letter l = world_take(&w->writing, 0);
	l.outcome = world_write(w, &l);
	assert_int_equal(l.outcome, ALLOCATOR_CONFLICT);
	world_answer(w, &l);
	w->late = false;
	assert_int_equal(world_run(w), 1);
	assert_string_equal(world_condition(w, "web/a"),
			    "False RequestRefused: 192.0.2.9 is in no pool");
	world_free(w);
}

/* The condition goes with the status that is cleared, even where an earlier process wrote it. */
static void test_condition_goes_when_the_service_is_no_load_balancer_any_more(void **state)
{
	static const struct {
		const char *lb_class, *spec;
		bool restart;
	} rows[] = {
		{ NULL, LB_V4, false },
		{ NULL, LB_V6, false }, /* one that waited */
		{ NULL, LB_V6, true },
		/* The API server takes the class away with the type. */
		{ "x",
		  "{\"type\":\"LoadBalancer\",\"loadBalancerClass\":\"x\",\"clusterIPs\":"
		  "[\"fd00::1\"]," PORTS(80) "}",
		  true },
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world *w = world_new(ONE, rows[i].lb_class);

		world_apply(w, "web/a", rows[i].spec, NULL, NULL);
		world_run(w);
		assert_string_not_equal(world_condition(w, "web/a"), "");
		world_apply(w, "web/a", CLUSTER_IP, NULL, NULL);
		if (rows[i].restart)
			world_restart(w);
		assert_int_equal(world_run(w), 1);
		assert_string_equal(world_shows(w, "web/a"), "");
		assert_string_equal(world_condition(w, "web/a"), "");
		assert_int_equal(world_run(w), 0);
		world_free(w);
	}
}

/* Decision 10: another controller may own it now, and what it says. */
static void test_condition_stays_when_another_class_takes_over(void **state)
{
	struct world *w = world_new(ONE, NULL);
	(void)state;

	world_apply(w, "web/a", LB_V6, NULL, NULL);
	world_run(w);
	world_apply(w, "web/a",
		    "{\"type\":\"LoadBalancer\",\"loadBalancerClass\":\"x\",\"clusterIPs\":"
		    "[\"fd00::1\"]," PORTS(80) "}",
		    NULL, NULL);
	assert_int_equal(world_run(w), 0);
	assert_string_not_equal(world_condition(w, "web/a"), "");
	world_free(w);
}

static bool is_utf8(const char *text)
{
	for (size_t len = 1; len <= strlen(text); len++) {
		bool ends = ((unsigned char)text[len] & 0xc0) != 0x80;

		if (ends != (utf8_whole(text, len) == len))
			return false;
	}
	return true;
}

/* Whatever somebody wrote into an annotation: what is cut is cut between characters. */
static void test_long_texts_are_cut_to_whole_characters(void **state)
{
	static const char *const keys[] = { "address-pool", "loadBalancerIPs" };
	struct world *w = world_new(ONE, NULL);
	char text[1300];
	(void)state;

	for (size_t k = 0; k < 2; k++) {
		for (size_t shift = 0; shift < 3; shift++) {
			size_t len = shift;

			memset(text, 'x', shift);
			while (len + 3 < sizeof(text)) {
				memcpy(text + len, "\xe2\x82\xac", 3);
				len += 3;
			}
			text[len] = '\0';
			char *meta = world_text("\"metallb.io/%s\":\"%s\"", keys[k], text);
			world_apply(w, "web/a", LB_V4, meta, NULL);
			free(meta);
			assert_int_equal(world_run(w), 1);
			assert_non_null(strstr(world_condition(w, "web/a"), "\xe2\x82\xac"));
			assert_true(is_utf8(world_condition(w, "web/a")));
			assert_true(is_utf8(w->events));
		}
	}
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_waiting_service_says_why_and_a_served_one_that_it_is),
		cmocka_unit_test(test_each_cause_has_its_reason),
		cmocka_unit_test(test_lack_of_pools_is_said_only_when_that_is_sure),
		cmocka_unit_test(test_time_of_the_condition_moves_with_its_status_alone),
		cmocka_unit_test(test_condition_is_written_once),
		cmocka_unit_test(test_served_service_without_a_condition_is_not_written_for_it),
		cmocka_unit_test(test_condition_that_somebody_takes_away_is_not_fought_for),
		cmocka_unit_test(test_condition_of_a_refused_write_is_said_again),
		cmocka_unit_test(test_condition_goes_when_the_service_is_no_load_balancer_any_more),
		cmocka_unit_test(test_condition_stays_when_another_class_takes_over),
		cmocka_unit_test(test_long_texts_are_cut_to_whole_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
