// SPDX-License-Identifier: Apache-2.0
/*
 * What follows from the Lease for the gate and the engine, rule by rule (allocator/lead.h, gate.h).
 * Times are those of the defaults, 15 s, 10 s and 2 s, so that a write may take 5 s.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "allocator/lead.h"
#include "lib/base/duration.h"

#define S NS_PER_S

static struct gate *gate;
static struct lead *lead;
static struct gate_call call; /* a write of the engine's */
static uint64_t now;
static unsigned version, given_up;
static const char *dead; /* whose process is known to have ended */

static void on_give_up(struct gate_call *c)
{
	(void)c;
	given_up++;
}

static bool is_dead(const char *identity)
{
	return dead != NULL && strcmp(identity, dead) == 0;
}

static void make(uint64_t duration_ns, uint64_t renew_deadline_ns)
{
	gate = gate_new();
	lead = lead_new(&(struct lead_cfg){ .gate = gate,
					    .ns = "sys",
					    .identity = "me",
					    .lease_duration_ns = duration_ns,
					    .renew_deadline_ns = renew_deadline_ns,
					    .retry_period_ns = 2 * S,
					    .seed = 1,
					    .is_dead = is_dead });
}

static int setup(void **state)
{
	(void)state;
	now = 1000 * S;
	version = given_up = 0;
	dead = NULL;
	make(15 * S + S / 2, 10 * S); /* whole seconds count */
	call = (struct gate_call){ .give_up = on_give_up };
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	gate_end(&call, true);
	lead = lead_free(lead);
	gate = gate_free(gate);
	return 0;
}

/* The Lease in another version, held by @holder; freed by who calls. */
static cJSON *lease_of(const char *holder)
{
	char text[256];

	version++;
	snprintf(text, sizeof(text),
		 "{\"metadata\":{\"resourceVersion\":\"%u\"},\"spec\":{\"holderIdentity\":\"%s\","
		 "\"leaseDurationSeconds\":15,\"acquireTime\":\"%u\",\"renewTime\":\"%u\"}}",
		 version, holder, version, version);
	return cJSON_Parse(text);
}

/* It is asked for now, and answered so; @holder NULL: with no object. */
static enum kube_lease_outcome answer(enum kube_lease_todo asked, int status, const char *holder)
{
	cJSON *object = holder != NULL ? lease_of(holder) : NULL;
	enum kube_lease_outcome outcome = lead_answered(lead, asked, status, object, now);

	cJSON_Delete(object);
	return outcome;
}

static struct lead_turn turn(enum kube_lease_todo todo)
{
	struct lead_turn t = lead_run(lead, now);

	assert_int_equal(t.send, todo);
	return t;
}

/* Nobody ever held it: ours at once. */
static void win(void)
{
	lead_stand(lead, true, now);
	turn(LEASE_GET);
	answer(LEASE_GET, 404, NULL);
	turn(LEASE_CREATE);
	answer(LEASE_CREATE, 201, "me");
	assert_int_equal(turn(LEASE_NOTHING).change, LEAD_BEGINS);
}

static void test_who_holds_the_lease_opens_the_gate_and_decides(void **state)
{
	(void)state;
	assert_false(gate_begin(gate, &call));
	assert_true(gate_may_decide(gate, now)); /* a standby: time goes on for it */
	win();
	assert_true(lead_leads(lead));
	assert_true(gate_is_open(gate, now));
	assert_int_equal(gate_timeout_ns(gate), 5 * S);
	assert_true(gate_begin(gate, &call));
	assert_true(gate_may_send(&call, now));
}

/* Whole seconds of the lease less the time-out, from when it was sent for. */
static void test_nothing_is_sent_or_decided_with_less_time_than_a_write_may_take(void **state)
{
	(void)state;
	win();
	assert_true(gate_begin(gate, &call));
	assert_true(gate_may_send(&call, now + 10 * S - 1));
	assert_true(gate_may_decide(gate, now + 10 * S - 1));
	assert_false(gate_may_decide(gate, now + 10 * S));
	assert_false(gate_may_send(&call, now + 10 * S));
	assert_true(gate_quiet_ns(gate, now) == 0); /* the earlier try was answered */
}

/* A lease of 12 s: a write may take 4 s, and a renewal may come later than the gate has closed. */
static void test_a_renewal_that_comes_late_opens_the_gate_again(void **state)
{
	teardown(state);
	make(12 * S, 10 * S);
	win();
	now += 2 * S;
	turn(LEASE_RENEW);
	answer(LEASE_RENEW, 200, "me");
	assert_int_equal(turn(LEASE_NOTHING).change, LEAD_STAYS); /* it was open all the time */
	now += 7 * S;
	turn(LEASE_RENEW);
	now += 2 * S;
	assert_int_equal(turn(LEASE_NOTHING).change, LEAD_STAYS);
	assert_true(lead_leads(lead));
	assert_false(gate_is_open(gate, now));
	answer(LEASE_RENEW, 200, "me");
	assert_int_equal(turn(LEASE_RENEW).change, LEAD_RENEWED);
	assert_true(gate_is_open(gate, now));
}

/* Even if the renewal had landed. */
static void test_who_lost_the_lead_acts_again_only_after_a_write_of_its_own(void **state)
{
	(void)state;
	win();
	now += 9 * S;
	turn(LEASE_RENEW);
	now += S;
	assert_int_equal(turn(LEASE_NOTHING).change, LEAD_ENDS);
	assert_false(lead_leads(lead));
	answer(LEASE_RENEW, 200, "me");
	struct lead_turn t = turn(LEASE_NOTHING);
	assert_int_equal(t.change, LEAD_STAYS);
	now += 2 * S;
	turn(LEASE_RENEW);
	answer(LEASE_RENEW, 200, "me");
	now += 3 * S;
	assert_int_equal(turn(LEASE_RENEW).change, LEAD_BEGINS);
}

/* An IPAM server's, which is not withheld when the lease has little time left. */
static void test_who_lost_the_lead_acts_again_only_after_a_call_of_its_own(void **state)
{
	teardown(state);
	make(15 * S, 14 * S);
	win();
	now += 13 * S;
	turn(LEASE_RENEW);
	assert_true(gate_begin(gate, &call));
	gate_sent(&call, now);
	now += S;
	assert_int_equal(turn(LEASE_NOTHING).change, LEAD_ENDS);
	gate_end(&call, false);
	answer(LEASE_RENEW, 200, "me");
	now += 2 * S;
	turn(LEASE_RENEW);
	answer(LEASE_RENEW, 200, "me");
	now += 4 * S; /* all writes have ended, which are sent in time */
	struct lead_turn t = turn(LEASE_RENEW);
	assert_int_equal(t.change, LEAD_STAYS);
	answer(LEASE_RENEW, 200, "me");
	now += 3 * S;
	assert_int_equal(lead_run(lead, now).change, LEAD_BEGINS);
}

static void test_a_stopped_process_finds_its_gate_shut(void **state)
{
	(void)state;
	win();
	assert_true(gate_begin(gate, &call));
	now += 60 * S;
	assert_false(gate_may_send(&call, now));
	assert_int_equal(lead_run(lead, now).change, LEAD_ENDS);
	assert_int_equal(given_up, 1);
	assert_int_equal(gate_quiet_ns(gate, now), 0);
}

/* It is told once, here and now; and what is under way of the old term stays so. */
static void test_what_is_under_way_is_given_up_once_and_never_sent_later(void **state)
{
	(void)state;
	win();
	assert_true(gate_begin(gate, &call));
	gate_close(gate);
	gate_close(gate);
	assert_int_equal(given_up, 1);
	gate_open(gate, now + 15 * S, 5 * S);
	assert_false(gate_may_send(&call, now));
}

static void test_who_leaves_gives_the_lease_back_when_its_writes_have_ended(void **state)
{
	(void)state;
	win();
	assert_true(gate_begin(gate, &call));
	assert_true(gate_may_send(&call, now));
	lead_leave(lead, now);
	struct lead_turn t = turn(LEASE_NOTHING);
	assert_int_equal(t.change, LEAD_ENDS);
	assert_false(t.left);
	gate_end(&call, true);
	turn(LEASE_RELEASE);
	answer(LEASE_RELEASE, 200, "");
	t = turn(LEASE_NOTHING);
	assert_true(t.left);
	t = turn(LEASE_NOTHING);
	assert_false(t.left); /* said once */
	assert_int_equal(t.wake_ns, UINT64_MAX);
}

static void test_a_write_without_an_answer_has_its_time_before_the_lease_is_given_back(void **state)
{
	(void)state;
	win();
	assert_true(gate_begin(gate, &call));
	assert_true(gate_may_send(&call, now));
	lead_leave(lead, now);
	turn(LEASE_NOTHING);
	now += 3 * S;
	gate_end(&call, false);
	struct lead_turn t = turn(LEASE_NOTHING);
	assert_true(t.wake_ns == now + 7 * S); /* twice the time-out from its sending */
	now = t.wake_ns;
	turn(LEASE_RELEASE);
}

static void test_who_leaves_does_not_wait_for_ever(void **state)
{
	(void)state;
	win();
	turn(LEASE_NOTHING);
	now += 2 * S;
	turn(LEASE_RENEW); /* never answered */
	lead_leave(lead, now);
	struct lead_turn t = turn(LEASE_NOTHING);
	assert_false(t.left);
	assert_true(t.wake_ns == now + 16 * S);
	now = t.wake_ns;
	assert_true(turn(LEASE_NOTHING).left);
	lead_stand(lead, true, now); /* it is for good */
	assert_int_equal(turn(LEASE_NOTHING).wake_ns, UINT64_MAX);
}

static void test_who_follows_waits_for_the_lease_and_a_write_of_the_one_before(void **state)
{
	(void)state;
	lead_stand(lead, true, now);
	turn(LEASE_GET);
	answer(LEASE_GET, 200, "other");
	struct lead_turn t = turn(LEASE_NOTHING);
	assert_true(t.wake_ns == now + 15 * S);
	now = t.wake_ns;
	turn(LEASE_ACQUIRE);
	answer(LEASE_ACQUIRE, 200, "me");
	t = turn(LEASE_NOTHING);
	assert_int_equal(t.change, LEAD_STAYS);
	assert_false(lead_leads(lead));
	now += 5 * S;
	assert_int_equal(lead_run(lead, now).change, LEAD_BEGINS);
}

static void test_one_that_is_known_to_have_ended_is_not_waited_for(void **state)
{
	(void)state;
	dead = "other";
	lead_stand(lead, true, now);
	turn(LEASE_GET);
	answer(LEASE_GET, 200, "other");
	turn(LEASE_ACQUIRE);
}

static void test_old_news_of_the_watch_are_no_news(void **state)
{
	cJSON *old = lease_of("other");

	(void)state;
	lead_stand(lead, true, now);
	turn(LEASE_GET);
	answer(LEASE_GET, 404, NULL);
	turn(LEASE_CREATE);
	version = 7;
	answer(LEASE_CREATE, 201, "me");
	turn(LEASE_NOTHING);
	lead_seen(lead, old, now); /* version 1 */
	assert_string_equal(kube_lease_holder(lead_lease(lead)), "me");
	turn(LEASE_NOTHING); /* nothing is looked into */
	cJSON_Delete(old);
}

static void test_what_a_status_means_hangs_on_what_was_asked(void **state)
{
	static const struct {
		enum kube_lease_todo asked;
		int status;
		const char *holder;
		enum kube_lease_outcome outcome;
	} cases[] = {
		{ LEASE_GET, 200, "other", LEASE_DONE },
		{ LEASE_GET, 200, NULL, LEASE_FAILED }, /* without an object */
		{ LEASE_GET, 404, NULL, LEASE_DONE },
		{ LEASE_CREATE, 404, NULL, LEASE_FAILED }, /* there is no namespace */
		{ LEASE_CREATE, 409, NULL, LEASE_CONFLICT },
		{ LEASE_RENEW, 404, NULL, LEASE_CONFLICT },
		{ LEASE_RENEW, 409, NULL, LEASE_CONFLICT },
		{ LEASE_RENEW, 429, NULL, LEASE_FAILED },
		{ LEASE_RENEW, 0, NULL, LEASE_FAILED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(answer(cases[i].asked, cases[i].status, cases[i].holder),
				 cases[i].outcome);
}

static void test_what_is_written_is_on_top_of_what_is_known(void **state)
{
	(void)state;
	lead_stand(lead, true, now);
	turn(LEASE_GET);
	answer(LEASE_GET, 200, "");
	char *text = lead_object(lead, LEASE_ACQUIRE, 1000000);
	assert_non_null(strstr(text, "\"resourceVersion\":\"1\""));
	assert_non_null(strstr(text, "\"holderIdentity\":\"me\""));
	assert_non_null(strstr(text, "\"leaseDurationSeconds\":15"));
	assert_non_null(strstr(text, "\"renewTime\":\"1970-01-01T00:00:01.000000Z\""));
	free(text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_who_holds_the_lease_opens_the_gate_and_decides),
		TEST(test_nothing_is_sent_or_decided_with_less_time_than_a_write_may_take),
		TEST(test_a_renewal_that_comes_late_opens_the_gate_again),
		TEST(test_who_lost_the_lead_acts_again_only_after_a_write_of_its_own),
		TEST(test_who_lost_the_lead_acts_again_only_after_a_call_of_its_own),
		TEST(test_a_stopped_process_finds_its_gate_shut),
		TEST(test_what_is_under_way_is_given_up_once_and_never_sent_later),
		TEST(test_who_leaves_gives_the_lease_back_when_its_writes_have_ended),
		TEST(test_a_write_without_an_answer_has_its_time_before_the_lease_is_given_back),
		TEST(test_who_leaves_does_not_wait_for_ever),
		TEST(test_who_follows_waits_for_the_lease_and_a_write_of_the_one_before),
		TEST(test_one_that_is_known_to_have_ended_is_not_waited_for),
		TEST(test_old_news_of_the_watch_are_no_news),
		TEST(test_what_a_status_means_hangs_on_what_was_asked),
		TEST(test_what_is_written_is_on_top_of_what_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
