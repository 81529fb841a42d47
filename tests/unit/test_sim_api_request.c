// SPDX-License-Identifier: Apache-2.0
/* Requests to the simulated API server: how they end, and whether they land. */
#include "tests/unit/sim_api_bench.h"

static void test_a_read_is_answered_after_a_round_trip(void **state)
{
	struct sim_api_client *c = sim_api_client_new(api, "test");
	struct answer a = { 0 }, b = { 0 };

	(void)state;
	put("a", "10.0.0.1");
	sim_api_read(c, SIM_SERVICE, "web", "a", 0, on_done, &a);
	sim_api_read(c, SIM_SERVICE, "web", "b", 0, on_done, &b);
	assert_int_equal(a.count, 0);
	run_for(S);
	answered(&a, 200);
	assert_string_equal(a.version, "1");
	assert_in_range(a.at_ns, 3 * MS, 5 * MS);
	answered(&b, 404);
	sim_api_client_free(c);
}

static void test_a_write_is_refused_if_the_version_is_another(void **state)
{
	struct sim_api_client *c = sim_api_client_new(api, "test");
	struct answer a, b;

	(void)state;
	put("a", "10.0.0.1");
	send(c, "a", 7, "1", &a);
	send(c, "a", 8, "1", &b);
	run_for(S);
	assert_int_equal(a.count + b.count, 2);
	assert_int_equal(a.status + b.status, 200 + 409);
	assert_int_equal(sim_api_number(api), 2);
	assert_int_equal(sim_api_counts(api).conflicts, 1);
	send(c, "a", 9, NULL, &a);
	run_for(S);
	answered(&a, 200);
	assert_string_equal(a.version, "3");
	assert_string_equal(cluster_ip_of(sim_api_get(api, SIM_SERVICE, "web", "a")), "10.0.0.9");
	sim_api_client_free(c);
}

static void test_conflicts_may_be_asked_for(void **state)
{
	struct sim_api_client *c = sim_api_client_new(api, "test");
	struct answer a, b;

	(void)state;
	put("a", "10.0.0.1");
	sim_api_conflicts(api, 1);
	send(c, "a", 7, NULL, &a);
	run_for(S);
	send(c, "a", 7, NULL, &b);
	run_for(S);
	answered(&a, 409);
	answered(&b, 200);
	sim_api_client_free(c);
}

static void test_create_only_what_is_not_there(void **state)
{
	struct sim_api_client *c = sim_api_client_new(api, "test");
	struct answer a, b, d;
	struct sim_api_write w = write_of("a", 1, &a);

	(void)state;
	w.create = true;
	sim_api_send(c, &w);
	run_for(S);
	answered(&a, 201);
	assert_string_equal(sim_api_get(api, SIM_SERVICE, "web", "a")->version, "1");
	w = write_of("a", 2, &b);
	w.create = true;
	sim_api_send(c, &w);
	send(c, "b", 1, NULL, &d);
	run_for(S);
	answered(&b, 409);
	answered(&d, 404);
	assert_int_equal(sim_api_number(api), 1);
	sim_api_client_free(c);
}

static void test_a_request_in_an_outage_is_refused_at_once(void **state)
{
	struct sim_api_client *c = sim_api_client_new(api, "test");
	struct answer a;

	(void)state;
	put("a", "10.0.0.1");
	sim_api_outage(api, true);
	send(c, "a", 7, NULL, &a);
	run_for(10 * MS);
	answered(&a, 0);
	assert_int_equal(sim_api_number(api), 1);
	assert_int_equal(sim_api_counts(api).unanswered, 1);
	sim_api_client_free(c);
}

/* The outage begins when the write is done and its answer on the way. */
static void test_a_write_may_land_though_no_answer_comes(void **state)
{
	struct sim_api_client *c = sim_api_client_new(api, "test");
	struct answer a;

	(void)state;
	put("a", "10.0.0.1");
	send(c, "a", 7, NULL, &a);
	while (sim_api_number(api) == 1)
		assert_true(sim_clock_step(clock_, S));
	sim_api_outage(api, true);
	run_for(10 * MS);
	answered(&a, 0);
	sim_api_outage(api, false);

	sim_api_client_cut(c, false, true);
	struct sim_api_write w = write_of("a", 8, &a);
	w.timeout_ns = 5 * S;
	sim_api_send(c, &w);
	run_for(4999 * MS);
	assert_int_equal(a.count, 0);
	assert_int_equal(sim_api_number(api), 3);
	run_for(2 * MS);
	answered(&a, 0);
	sim_api_client_free(c);
}

/* TCP sends again what a cut has kept back, until the request is given up. */
static void test_a_write_may_land_late_but_not_after_its_timeout(void **state)
{
	struct sim_api_client *c = sim_api_client_new(api, "test");
	struct answer a;

	(void)state;
	put("a", "10.0.0.1");
	for (unsigned cut_s = 3; cut_s <= 6; cut_s += 3) {
		struct sim_api_write w = write_of("a", (int)cut_s, &a);

		w.timeout_ns = 5 * S;
		sim_api_client_cut(c, true, false);
		sim_api_send(c, &w);
		run_for(cut_s * S);
		assert_int_equal(a.count, cut_s == 6);
		sim_api_client_cut(c, false, false);
		run_for(20 * S);
		answered(&a, cut_s == 3 ? 200 : 0);
	}
	assert_int_equal(sim_api_number(api), 2);
	sim_api_client_free(c);
}

/* A request that is long on its way lands after its owner has given it up. */
static void test_a_slow_write_may_land_after_its_timeout(void **state)
{
	struct sim_api_client *c = sim_api_client_new(api, "test");
	struct answer a;
	struct sim_api_write w = write_of("a", 7, &a);

	(void)state;
	put("a", "10.0.0.1");
	sim_api_client_slow(c, 7 * S);
	w.timeout_ns = 5 * S;
	sim_api_send(c, &w);
	run_for(6 * S);
	answered(&a, 0);
	assert_int_equal(sim_api_number(api), 1);
	run_for(2 * S);
	answered(&a, 0);
	assert_int_equal(sim_api_number(api), 2);
	sim_api_client_free(c);
}

static void test_what_a_paused_process_sent_lands(void **state)
{
	struct sim_api_client *c = sim_api_client_new(api, "test");
	struct answer a, b;

	(void)state;
	put("a", "10.0.0.1");
	send(c, "a", 7, NULL, &a);
	sim_api_client_pause(c, true);
	run_for(S);
	assert_int_equal(a.count, 0);
	assert_int_equal(sim_api_number(api), 2);
	sim_api_client_pause(c, false);
	run_for(0);
	answered(&a, 200);

	/* Its clock went on meanwhile: it gives up before it looks what has come. */
	send(c, "a", 8, NULL, &b);
	sim_api_client_pause(c, true);
	run_for(60 * S);
	sim_api_client_pause(c, false);
	run_for(0);
	answered(&b, 0);
	assert_int_equal(sim_api_number(api), 3);
	sim_api_client_free(c);
}

/* kill -9 does not call back what is on the wire. */
static void test_what_a_killed_process_sent_lands(void **state)
{
	struct sim_api_client *c = sim_api_client_new(api, "test");
	struct answer a;

	(void)state;
	put("a", "10.0.0.1");
	send(c, "a", 7, NULL, &a);
	sim_api_client_free(c);
	run_for(S);
	assert_int_equal(a.count, 0);
	assert_int_equal(sim_api_number(api), 2);
	c = sim_api_client_new(api, "test");
	send(c, "a", 8, NULL, &a);
	sim_api_client_free(c); /* and still on its way when all ends */
}

/* Its kernel tries for the request's time, and no longer; the cut stays with what it sent. */
static void test_what_a_killed_process_sent_into_a_cut_is_lost(void **state)
{
	struct sim_api_client *c = sim_api_client_new(api, "test");
	struct answer a;

	(void)state;
	put("a", "10.0.0.1");
	sim_api_client_cut(c, true, true);
	send(c, "a", 7, NULL, &a);
	sim_api_client_free(c);
	run_for(16 * S);
	assert_int_equal(sim_api_number(api), 1);
	assert_int_equal(a.count, 0);
	assert_int_equal(sim_clock_next(clock_), UINT64_MAX);
}

static unsigned written[SIM_WRITE_VAIN + 1];
static char written_by[32];

static void on_write(void *arg, const struct sim_api_client *c, uint64_t number,
		     enum sim_written what, enum sim_kind kind, const char *ns, const char *name)
{
	(void)number;
	(void)arg;
	assert_int_equal(kind, SIM_SERVICE);
	assert_string_equal(ns, "web");
	assert_string_equal(name, "a");
	snprintf(written_by, sizeof(written_by), "%s", sim_api_client_name(c));
	written[what]++;
}

static void test_writes_are_seen_when_sent_and_when_they_arrive(void **state)
{
	struct sim_api_client *c = sim_api_client_new(api, "me");
	struct answer a;

	(void)state;
	memset(written, 0, sizeof(written));
	sim_api_watch_writes(api, on_write, NULL);
	put("a", "10.0.0.1");
	assert_int_equal(written[SIM_WRITE_SENT], 0);
	send(c, "a", 7, "1", &a);
	send(c, "a", 8, "1", &a);
	assert_int_equal(written[SIM_WRITE_SENT], 2);
	sim_api_client_free(c);
	run_for(S);
	assert_int_equal(written[SIM_WRITE_LANDED], 1);
	assert_int_equal(written[SIM_WRITE_VAIN], 1);
	assert_string_equal(written_by, "me");
}

static bool never(void *arg)
{
	(void)arg;
	return false;
}

static void test_a_write_may_be_withheld_when_its_turn_comes(void **state)
{
	struct sim_api_client *c = sim_api_client_new(api, "test");
	struct answer a;
	struct sim_api_write w = write_of("a", 7, &a);

	(void)state;
	put("a", "10.0.0.1");
	w.may_send = never;
	sim_api_send(c, &w);
	assert_int_equal(a.count, 0);
	run_for(S);
	answered(&a, 0);
	assert_int_equal(sim_api_counts(api).requests, 0);
	sim_api_client_free(c);
}

/* 32 under way, the rest in order; those about a Lease do not wait for them. */
static void test_requests_wait_for_their_turn_but_leases_do_not(void **state)
{
	struct sim_api_client *c = sim_api_client_new(api, "test");
	struct answer a[33] = { 0 }, lease = { 0 };

	(void)state;
	for (size_t i = 0; i < 33; i++)
		sim_api_read(c, SIM_SERVICE, "web", "a", 0, on_done, &a[i]);
	assert_int_equal(sim_api_counts(api).requests, 32);
	sim_api_read(c, SIM_LEASE, "web", "a", 0, on_done, &lease);
	assert_int_equal(sim_api_counts(api).requests, 33);
	run_for(S);
	for (size_t i = 0; i < 32; i++)
		assert_true(a[i].count == 1 && a[i].at_ns < 6 * MS);
	assert_true(a[32].count == 1 && a[32].at_ns >= 6 * MS);
	assert_true(lease.count == 1 && lease.at_ns < 6 * MS);
	sim_api_client_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_read_is_answered_after_a_round_trip),
		TEST(test_a_write_is_refused_if_the_version_is_another),
		TEST(test_conflicts_may_be_asked_for),
		TEST(test_create_only_what_is_not_there),
		TEST(test_a_request_in_an_outage_is_refused_at_once),
		TEST(test_a_write_may_land_though_no_answer_comes),
		TEST(test_a_write_may_land_late_but_not_after_its_timeout),
		TEST(test_a_slow_write_may_land_after_its_timeout),
		TEST(test_what_a_paused_process_sent_lands),
		TEST(test_what_a_killed_process_sent_lands),
		TEST(test_what_a_killed_process_sent_into_a_cut_is_lost),
		TEST(test_writes_are_seen_when_sent_and_when_they_arrive),
		TEST(test_a_write_may_be_withheld_when_its_turn_comes),
		TEST(test_requests_wait_for_their_turn_but_leases_do_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
