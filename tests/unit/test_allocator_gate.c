// SPDX-License-Identifier: Apache-2.0
/*
 * The gate that the allocator's writes go through, and who opens it: what is withheld and when, and
 * what an allocator says that may not use its Lease. Against a server whose every word is chosen.
 */
#include "tests/unit/kube_bench.h"

#include <errno.h>

#include "allocator/gate_io.h"
#include "allocator/lead_io.h"
#include "allocator/lead_words_io.h"
#include "lib/base/duration.h"
#include "lib/daemon/loop.h"
#include "tests/unit/kube_server.h"

static struct metrics *metrics;
static struct gate_io *gate;
static struct lead_io *lead;
static unsigned ended, leads, left;

static int setup(void **state)
{
	int rc = bench_setup(state);

	metrics = metrics_new();
	gate = gate_io_new(bench->kube, metrics);
	ended = leads = left = 0;
	return rc;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	lead = lead_io_close(lead);
	b->kube = kube_close(b->kube);
	gate = gate_io_free(gate);
	bench_teardown(state);
	metrics = metrics_free(metrics);
	return 0;
}

static void on_ended(void *arg)
{
	(void)arg;
	ended++;
}

static int write_one(struct bench *b)
{
	return gate_io_send(gate, "PATCH", "/x", KUBE_MERGE_PATCH, "{}", on_done, b);
}

static void open_for(uint64_t lease_ms, uint64_t write_ms)
{
	gate_open(gate_io_gate(gate), daemon_now_ns() + lease_ms * NS_PER_MS, write_ms * NS_PER_MS);
}

static uint64_t quiet(void)
{
	return gate_quiet_ns(gate_io_gate(gate), daemon_now_ns());
}

static void answer_ok(struct conn *c, const char *request)
{
	(void)request;
	reply(c, 200, "{\"text\":\"ok\"}");
}

static void answer_never(struct conn *c, const char *request)
{
	(void)c;
	(void)request;
}

static void answer_busy_once(struct conn *c, const char *request)
{
	(void)request;
	if (server.asked == 1)
		reply_later(c, 429, "1");
	else
		reply(c, 200, "{\"text\":\"ok\"}");
}

static void test_nothing_passes_a_closed_gate(void **state)
{
	struct bench *b = *state;

	server.answer = answer_ok;
	assert_false(gate_io_is_open(gate));
	assert_int_equal(write_one(b), -EACCES);
	open_for(60000, 5000);
	assert_true(gate_io_is_open(gate));
	assert_int_equal(write_one(b), 0);
	wait_for(b, b->done == 1);
	assert_int_equal(b->status, 200);
	assert_int_equal(quiet(), 0);
	gate_close(gate_io_gate(gate));
	assert_int_equal(write_one(b), -EACCES);
	assert_int_equal(server.asked, 1);
}

/* It would end before the lease only if it were quick. */
static void test_a_write_is_withheld_when_the_lease_has_less_time_than_it(void **state)
{
	struct bench *b = *state;

	server.answer = answer_ok;
	open_for(4999, 5000);
	assert_false(gate_io_is_open(gate));
	assert_int_equal(write_one(b), 0);
	wait_for(b, b->done == 1);
	assert_int_equal(b->status, 0);
	assert_int_equal(server.asked, 0);
	assert_int_equal(quiet(), 0); /* it was not sent: nothing can land */
	open_for(60000, 5000);        /* renewed */
	assert_int_equal(write_one(b), 0);
	wait_for(b, b->done == 2);
	assert_int_equal(b->status, 200);
}

static void test_a_write_that_had_to_wait_is_withheld_when_the_lease_ran_out(void **state)
{
	struct bench *b = *state;

	server.answer = answer_busy_once;
	open_for(1000, 500);
	assert_int_equal(write_one(b), 0);
	wait_for(b, b->done == 1); /* after a second */
	assert_int_equal(b->status, 0);
	assert_int_equal(server.asked, 1);
}

/* It belongs to what was decided in the term before. */
static void test_a_write_of_an_earlier_term_is_not_sent_in_the_next(void **state)
{
	struct bench *b = *state;

	server.answer = answer_busy_once;
	gate_watch(gate_io_gate(gate), on_ended, NULL);
	open_for(60000, 5000);
	assert_int_equal(write_one(b), 0);
	wait_for(b, server.asked == 1);
	gate_close(gate_io_gate(gate));
	assert_int_equal(b->done, 1); /* its owner knows at once, and once */
	assert_int_equal(b->status, 0);
	open_for(60000, 5000);
	wait_for(b, ended == 1);
	assert_int_equal(server.asked, 1);
	assert_int_equal(b->done, 1);
}

static void test_the_gate_is_quiet_when_each_write_was_answered(void **state)
{
	struct bench *b = *state;

	server.answer = answer_never;
	gate_watch(gate_io_gate(gate), on_ended, NULL);
	open_for(60000, 5000);
	assert_int_equal(write_one(b), 0);
	wait_for(b, server.asked == 1);
	uint64_t quiet_ns = quiet();
	assert_true(quiet_ns > daemon_now_ns() && quiet_ns <= daemon_now_ns() + 5000 * NS_PER_MS);
	gate_close(gate_io_gate(gate));
	assert_true(quiet() == quiet_ns); /* it may still land */
	reply(TAILQ_FIRST(&server.conns), 200, "{}");
	wait_for(b, ended == 1);
	assert_int_equal(quiet(), 0);
	assert_int_equal(b->done, 1);
}

/* The connection broke, but what was sent may be on its way. */
static void test_the_gate_is_not_quiet_before_a_lost_write_has_had_its_time(void **state)
{
	struct bench *b = *state;

	server.answer = answer_never;
	open_for(60000, 5000);
	assert_int_equal(write_one(b), 0);
	wait_for(b, server.asked == 1);
	server_hang_up_all(&server);
	server_stop(&server);
	wait_for(b, b->done == 1);
	assert_int_equal(b->status, 0);
	assert_true(quiet() > daemon_now_ns());
}

/* An IPAM server's, say. */
static void test_the_gate_is_not_quiet_while_a_call_is_under_way(void **state)
{
	struct gate_call call = { 0 }, other = { 0 };

	(void)state;
	gate_watch(gate_io_gate(gate), on_ended, NULL);
	open_for(60000, 5000);
	gate_io_call_begin(gate, &call);
	gate_io_call_begin(gate, &other);
	gate_close(gate_io_gate(gate));
	gate_end(&other, true);
	assert_int_equal(ended, 1);
	assert_true(quiet() > daemon_now_ns());
	gate_end(&call, true);
	assert_int_equal(ended, 2);
	assert_int_equal(quiet(), 0);
	gate_end(&call, true); /* has ended */
	assert_int_equal(ended, 2);
}

/* It was given up after 5 s. The server may be about to do it. */
static void test_a_call_without_an_answer_has_its_time_once_more(void **state)
{
	struct gate_call call = { 0 };

	(void)state;
	open_for(60000, 5000);
	gate_io_call_begin(gate, &call);
	uint64_t sent_ns = call.sent_ns;
	gate_end(&call, false);
	assert_true(quiet() == sent_ns + 10000 * NS_PER_MS);
}

/* --- the Lease that may not be used -------------------------------------------------- */

static void on_lead(void *arg, bool yes)
{
	(void)arg;
	leads += yes;
}

static void on_renewed(void *arg)
{
	(void)arg;
}

static void on_left(void *arg)
{
	(void)arg;
	left++;
}

static void stand(struct bench *b, bool ignore_metallb)
{
	const struct lead_io_cfg cfg = {
		.loop = &b->loop,
		.kube = b->kube,
		.gate = gate,
		.metrics = metrics,
		.ns = "sys",
		.pod = "me",
		.ignore_metallb = ignore_metallb,
		.lease_duration_ns = 15 * NS_PER_S,
		.renew_deadline_ns = 10 * NS_PER_S,
		.retry_period_ns = NS_PER_S / 10,
		.lead = on_lead,
		.renewed = on_renewed,
		.left = on_left,
	};

	assert_int_equal(lead_io_open(&cfg, &lead), 0);
	lead_io_stand(lead);
}

#define LEASE_OURS                                                                                 \
	"{\"metadata\":{\"resourceVersion\":\"11\"},\"spec\":{\"holderIdentity\":\"x\","           \
	"\"leaseDurationSeconds\":15}}"

static bool forbid; /* what the server does not like */
static const char *forbidden;

static void answer_lease(struct conn *c, const char *request)
{
	char first[256];

	snprintf(first, sizeof(first), "%.*s", (int)strcspn(request, "\r"), request);
	if (forbid && strstr(first, forbidden) != NULL)
		reply(c, 403, "{\"kind\":\"Status\",\"reason\":\"Forbidden\",\"message\":\"no\"}");
	else if (is_watch(first))
		stream(c, "");
	else if (strstr(first, "limit=") != NULL)
		reply(c, 200, LIST("10", ""));
	else if (strncmp(first, "GET", 3) == 0)
		reply(c, 404, "{\"kind\":\"Status\",\"reason\":\"NotFound\"}");
	else if (strstr(first, "POST") != NULL && strstr(first, "leases") != NULL)
		reply(c, 201, LEASE_OURS);
	else
		reply(c, 200, LEASE_OURS);
}

static void test_a_lease_that_may_not_be_used_is_said_until_it_may(void **state)
{
	static const char *const cases[] = {
		"GET /apis/coordination.k8s.io/v1/namespaces/sys/"
		"leases/bellman-allocator",
		"POST /apis/coordination.k8s.io/v1/namespaces/sys/leases"
	};
	struct bench *b = *state;

	server.answer = answer_lease;
	for (size_t i = 0; i < 2; i++) {
		forbid = true;
		forbidden = cases[i];
		leads = 0;
		stand(b, true);
		wait_for(b, lead_io_trouble(lead) != NULL);
		assert_non_null(strstr(lead_io_trouble(lead), "sys/bellman-allocator"));
		assert_non_null(strstr(lead_io_trouble(lead), "403 Forbidden: no"));
		assert_non_null(strstr(lead_io_trouble(lead), "create and update of leases"));
		assert_int_equal(leads, 0);
		wait_for(b,
			 asked_for("bellman-allocator HTTP") > 2 + 3 * i); /* it goes on trying */
		assert_logged(b, "not leading", (unsigned)i + 1);          /* and says it once */
		forbid = false;
		wait_for(b, leads == 1);
		assert_null(lead_io_trouble(lead));
		assert_true(gate_io_is_open(gate));
		lead_io_leave(lead);
		assert_false(gate_io_is_open(gate));
		wait_for(b, left == i + 1);
		lead = lead_io_close(lead);
	}
}

static const char *no_lease; /* what a gateway says to renewals; NULL: nothing */

static void answer_as_a_gateway(struct conn *c, const char *request)
{
	if (no_lease != NULL && strncmp(request, "PUT", 3) == 0)
		reply(c, 200, no_lease);
	else
		answer_lease(c, request);
}

/* A renewal may have landed or not. It can be tried again only on top of what is known. */
static void test_an_answer_that_is_no_lease_is_none(void **state)
{
	static const char *const words[] = { "", "{}", "[]", "<html>", "{\"metadata\":7}" };
	struct bench *b = *state;

	server.answer = answer_as_a_gateway;
	forbid = false;
	no_lease = NULL;
	stand(b, true);
	wait_for(b, leads == 1);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		unsigned asked = asked_for("PUT");

		no_lease = words[i];
		wait_for(b, asked_for("PUT") >= asked + 2); /* it goes on trying */
		wait_for(b, lead_io_trouble(lead) != NULL);
		assert_non_null(strstr(lead_io_trouble(lead), "the answer is no Lease"));
		assert_null(strstr(lead_io_trouble(lead), "needs"));
		assert_logged(b, "is no Lease", (unsigned)i + 1);
		no_lease = NULL;
		wait_for(b, lead_io_trouble(lead) == NULL);
	}
	assert_int_equal(leads, 1);
	assert_true(gate_io_is_open(gate));
}

static bool busy;

static void answer_busy_to_renewals(struct conn *c, const char *request)
{
	if (busy && strncmp(request, "PUT", 3) == 0)
		reply_later(c, 429, "30"); /* as priority and fairness may say */
	else
		answer_lease(c, request);
}

/* It is tried again at the retry period. */
static void test_a_busy_server_takes_no_lead(void **state)
{
	struct bench *b = *state;

	server.answer = answer_busy_to_renewals;
	forbid = false;
	busy = false;
	stand(b, true);
	wait_for(b, leads == 1);
	busy = true;
	unsigned asked = asked_for("PUT");
	wait_for(b, asked_for("PUT") >= asked + 3);
	assert_true(gate_io_is_open(gate));
	assert_null(lead_io_trouble(lead));
	assert_logged(b, "leading no more", 0);
}

/* Others may write anything into a Lease. */
static void test_a_holder_of_any_length_is_named_once(void **state)
{
	struct bench *b = *state;
	struct lead_words words = { b->kube, .ns = "sys", .lease = "x", .identity = "me" };
	char name[4 * IDENTITY_MAX];

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	for (int i = 0; i < 3; i++)
		lead_name_holder(&words, name);
	assert_logged(b, "standing by", 1);
	name[5] = '\0';
	lead_name_holder(&words, name);
	assert_logged(b, "leader=nnnnn\n", 1);
}

static bool emptied;

static void answer_emptied(struct conn *c, const char *request)
{
	if (strncmp(request, "GET", 3) == 0 && strstr(request, "/bellman-allocator ") != NULL)
		reply(c, 200,
		      emptied ? "{\"metadata\":{\"resourceVersion\":\"9\"},\"spec\":{"
				"\"holderIdentity\":\"\",\"leaseDurationSeconds\":2147483647}}"
			      : "{\"metadata\":{\"resourceVersion\":\"9\"},\"spec\":{"
				"\"holderIdentity\":\"\",\"leaseDurationSeconds\":1,"
				"\"acquireTime\":\"A\",\"renewTime\":\"A\"}}");
	else
		answer_lease(c, request);
}

/* Who wonders why nobody leads reads why. */
static void test_a_lease_that_was_not_given_back_is_waited_for_aloud(void **state)
{
	struct bench *b = *state;

	server.answer = answer_emptied;
	forbid = false;
	for (int i = 0; i < 2; i++) {
		emptied = i == 0;
		stand(b, true);
		if (emptied)
			wait_for(b, count_of("waiting for who held it", bench_log(b)) == 1);
		else
			wait_for(b, leads == 1);
		lead = lead_io_close(lead);
	}
	assert_logged(b, "seconds=60\n", 1);
	assert_logged(b, "waiting for who held it", 1);
}

static void test_rights_are_named_where_they_are_lacking(void **state)
{
	struct bench *b = *state;
	struct lead_words words = { b->kube, .ns = "sys", .lease = "x", .identity = "me" };

	lead_set_trouble(&words, 403, "403 Forbidden");
	assert_string_equal(words.trouble, "needs get, list, watch, create and update of leases in "
					   "coordination.k8s.io, for Lease sys/x: 403 Forbidden");
	lead_set_trouble(&words, 400, "400 Bad Request");
	assert_string_equal(words.trouble, "Lease sys/x: 400 Bad Request");
	lead_set_trouble(&words, 200, NULL);
	assert_string_equal(words.trouble, "");
}

static void test_pods_that_may_not_be_seen_are_taken_for_metallbs(void **state)
{
	struct bench *b = *state;

	server.answer = answer_lease;
	forbid = true;
	forbidden = "/pods?";
	stand(b, false);
	wait_for(b, lead_io_trouble(lead) != NULL);
	assert_non_null(strstr(lead_io_trouble(lead), "list and watch of pods"));
	assert_non_null(strstr(lead_io_trouble(lead), "--ignore-metallb"));
	wait_for(b, asked_for("/pods?") > 3);
	assert_int_equal(leads, 0);
	assert_int_equal(asked_for("POST"), asked_for("events"));
	forbid = false;
	wait_for(b, leads == 1);
	assert_null(lead_io_trouble(lead));
}

static void answer_without_namespace(struct conn *c, const char *request)
{
	if (strncmp(request, "POST", 4) == 0 && strstr(request, "/leases ") != NULL &&
	    asked_for("POST /api/v1/namespaces HTTP") == 0)
		reply(c, 404,
		      "{\"kind\":\"Status\",\"reason\":\"NotFound\",\"details\":{\"name\":\"sys\","
		      "\"kind\":\"namespaces\"}}");
	else if (strncmp(request, "POST /api/v1/namespaces HTTP", 28) == 0)
		reply(c, 201, "{}");
	else
		answer_lease(c, request);
}

static void test_a_namespace_that_is_missing_is_made(void **state)
{
	struct bench *b = *state;

	server.answer = answer_without_namespace;
	forbid = false;
	stand(b, true);
	wait_for(b, leads == 1);
	assert_int_equal(asked_for("POST /api/v1/namespaces HTTP"), 1);
	assert_null(lead_io_trouble(lead));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_nothing_passes_a_closed_gate),
		TEST(test_a_write_is_withheld_when_the_lease_has_less_time_than_it),
		TEST(test_a_write_that_had_to_wait_is_withheld_when_the_lease_ran_out),
		TEST(test_a_write_of_an_earlier_term_is_not_sent_in_the_next),
		TEST(test_the_gate_is_quiet_when_each_write_was_answered),
		TEST(test_the_gate_is_not_quiet_before_a_lost_write_has_had_its_time),
		TEST(test_the_gate_is_not_quiet_while_a_call_is_under_way),
		TEST(test_a_call_without_an_answer_has_its_time_once_more),
		TEST(test_a_lease_that_may_not_be_used_is_said_until_it_may),
		TEST(test_an_answer_that_is_no_lease_is_none),
		TEST(test_a_busy_server_takes_no_lead),
		TEST(test_a_holder_of_any_length_is_named_once),
		TEST(test_a_lease_that_was_not_given_back_is_waited_for_aloud),
		TEST(test_rights_are_named_where_they_are_lacking),
		TEST(test_pods_that_may_not_be_seen_are_taken_for_metallbs),
		TEST(test_a_namespace_that_is_missing_is_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
