// SPDX-License-Identifier: Apache-2.0
/*
 * Leader election by a Lease, rule by rule: client-go's, and what Bellman adds to them. Times are
 * those of the defaults, 15 s, 10 s and 2 s, so that a write may take 5 s.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/duration.h"
#include "lib/kube/lease.h"

#define S NS_PER_S

static struct kube_lease *lease;
static uint64_t now;

static int setup(void **state)
{
	(void)state;
	now = 1000 * S;
	lease = kube_lease_new(&(struct kube_lease_cfg){ .identity = "me",
							 .duration_ns = 15 * S,
							 .renew_deadline_ns = 10 * S,
							 .retry_ns = 2 * S,
							 .seed = 1 });
	kube_lease_want(lease, true, now);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	lease = kube_lease_free(lease);
	return 0;
}

static struct kube_lease_record record(const char *holder, const char *renewed)
{
	return (struct kube_lease_record){ holder, "A", renewed, 15, 3 };
}

static void got(struct kube_lease_record r, bool holder_dead)
{
	assert_int_equal(kube_lease_take(lease, now), LEASE_GET);
	kube_lease_answer(lease, LEASE_DONE, &r, holder_dead, now);
}

static void absent(void)
{
	assert_int_equal(kube_lease_take(lease, now), LEASE_GET);
	kube_lease_answer(lease, LEASE_DONE, NULL, false, now);
}

/* It is asked for now, and answered so. */
static void written(enum kube_lease_todo want, enum kube_lease_outcome outcome)
{
	assert_int_equal(kube_lease_take(lease, now), want);
	assert_int_equal(kube_lease_take(lease, now), LEASE_NOTHING); /* one at a time */
	kube_lease_answer(lease, outcome, NULL, false, now);
}

/* Nothing is asked for before @at_ns, and then @want is. */
static void waits(uint64_t at_ns, enum kube_lease_todo want)
{
	assert_int_equal(kube_lease_wake_ns(lease), at_ns);
	now = at_ns - 1;
	assert_int_equal(kube_lease_take(lease, now), LEASE_NOTHING);
	now = at_ns;
	assert_int_equal(kube_lease_take(lease, now), want);
}

static void lead(void)
{
	absent();
	written(LEASE_CREATE, LEASE_DONE);
	assert_true(kube_lease_leads(lease));
}

/* --- getting it ---------------------------------------------------------------------- */

static void test_where_there_is_no_lease_it_is_made_and_we_lead_at_once(void **state)
{
	(void)state;
	assert_false(kube_lease_leads(lease));
	lead();
	assert_int_equal(kube_lease_quiet_ns(lease), 0);
	assert_int_equal(kube_lease_until_ns(lease), now + 15 * S);
	assert_string_equal(kube_lease_holder(lease), "me");
	waits(now + 2 * S, LEASE_RENEW);
}

static void test_who_makes_it_second_follows(void **state)
{
	(void)state;
	absent();
	written(LEASE_CREATE, LEASE_CONFLICT);
	got(record("other", "1"), false);
	assert_false(kube_lease_leads(lease));
	waits(now + 15 * S, LEASE_ACQUIRE);
}

static void test_a_lease_is_free_when_it_has_not_changed_for_its_duration(void **state)
{
	struct kube_lease_record r = record("other", "1");

	(void)state;
	got(r, false);
	now += 14 * S;
	kube_lease_seen(lease, &r, false, now); /* a label, say: the spec is the same */
	waits(1015 * S, LEASE_ACQUIRE);
}

static void test_each_renewal_begins_the_wait_anew(void **state)
{
	struct kube_lease_record r = record("other", "2");

	(void)state;
	got(record("other", "1"), false);
	now += 14 * S;
	kube_lease_seen(lease, &r, false, now);
	waits(now + 15 * S, LEASE_ACQUIRE);
	kube_lease_answer(lease, LEASE_DONE, NULL, false, now);
	assert_true(kube_lease_leads(lease));
	/* It ended at 1029 s. Whatever was sent under it has 5 s. */
	assert_int_equal(kube_lease_quiet_ns(lease), 1034 * S);
}

static void test_what_a_write_may_take_is_that_of_the_lease_that_ended(void **state)
{
	struct kube_lease_record r = { "other", "A", "1", 6, 0 };

	(void)state;
	got(r, false);
	waits(1006 * S, LEASE_ACQUIRE);
	kube_lease_answer(lease, LEASE_DONE, NULL, false, now);
	assert_int_equal(kube_lease_quiet_ns(lease), 1008 * S);
}

static void test_a_released_lease_is_taken_at_once_and_acted_under_at_once(void **state)
{
	struct kube_lease_record r = { "", "2", "2", 1, 3 };

	(void)state;
	got(record("other", "1"), false);
	now += 3 * S;
	kube_lease_seen(lease, &r, false, now);
	written(LEASE_ACQUIRE, LEASE_DONE);
	assert_true(kube_lease_leads(lease));
	assert_int_equal(kube_lease_quiet_ns(lease), 0);
}

static void test_the_lease_of_a_dead_holder_needs_not_expire(void **state)
{
	(void)state;
	got(record("other", "1"), true);
	written(LEASE_ACQUIRE, LEASE_DONE);
	assert_true(kube_lease_leads(lease));
	assert_int_equal(kube_lease_quiet_ns(lease), now + 5 * S);
}

static void test_a_lease_that_is_deleted_is_not_free_before_its_time(void **state)
{
	(void)state;
	got(record("other", "1"), false);
	now += 1 * S;
	kube_lease_seen(lease, NULL, false, now);
	waits(1015 * S, LEASE_CREATE);
	kube_lease_answer(lease, LEASE_DONE, NULL, false, now);
	assert_int_equal(kube_lease_quiet_ns(lease), 1020 * S);
}

/* Whoever holds it writes on until he sees that, and his writes take their time. */
static void test_a_lease_that_is_edited_is_not_free_before_its_time(void **state)
{
	static const struct kube_lease_record edits[] = {
		{ "", "A", "1", 15, 3 },     { NULL, "A", "1", 15, 3 },
		{ "other", "A", "1", 0, 3 }, { "", "A", "1", 1, 3 },
		{ "", "A", "1", 0, 3 },      { "other", "A", "1", 1, 3 },
		{ "third", "A", "1", 1, 3 }, { NULL, NULL, NULL, 0, 0 },
		{ NULL, NULL, NULL, 1, 0 },
	};

	for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
		teardown(state);
		setup(state);
		got(record("other", "1"), false);
		now += 1 * S;
		kube_lease_seen(lease, &edits[i], false, now);
		uint64_t at_ns = kube_lease_wake_ns(lease);
		assert_in_range(at_ns, 1015 * S, 1016 * S);
		waits(at_ns, LEASE_ACQUIRE);
		kube_lease_answer(lease, LEASE_DONE, NULL, false, now);
		assert_int_equal(kube_lease_quiet_ns(lease), at_ns + 5 * S);
	}
}

static void test_a_lease_that_nobody_gave_back_is_somebodys(void **state)
{
	struct kube_lease_record empty = { 0 };

	(void)state;
	got(empty, false);
	assert_int_equal(kube_lease_unheld_ns(lease), 1015 * S);
	waits(1015 * S, LEASE_ACQUIRE);
	kube_lease_answer(lease, LEASE_DONE, NULL, false, now);
	assert_int_equal(kube_lease_quiet_ns(lease), 1020 * S);
	assert_int_equal(kube_lease_unheld_ns(lease), 0);
}

/* The leader, too, whom an edit has deposed, waits like any other. */
static void test_a_leader_whose_lease_is_emptied_takes_it_when_it_is_free(void **state)
{
	struct kube_lease_record r = { "", "A", "1", 15, 3 };

	(void)state;
	lead();
	now += 1 * S;
	kube_lease_seen(lease, &r, false, now);
	got(r, false);
	assert_false(kube_lease_leads(lease));
	waits(1016 * S, LEASE_ACQUIRE);
	kube_lease_answer(lease, LEASE_DONE, NULL, false, now);
	assert_int_equal(kube_lease_quiet_ns(lease), 1021 * S);
}

static void test_odd_durations_are_taken_for_ours(void **state)
{
	struct kube_lease_record r = { "other", NULL, NULL, -5, -5 };

	(void)state;
	got(r, false);
	waits(1015 * S, LEASE_ACQUIRE);
	kube_lease_answer(lease, LEASE_DONE, NULL, false, now);
	assert_int_equal(kube_lease_quiet_ns(lease), 1020 * S);
}

/* While it is there it is waited for, as client-go has it. Who deletes or empties it helps. */
static void test_an_absurd_duration_ends_with_its_lease(void **state)
{
	struct kube_lease_record r = { "other", "A", "1", INT32_MAX, 3 };

	for (int emptied = 0; emptied < 2; emptied++) {
		teardown(state);
		setup(state);
		got(r, false);
		assert_int_equal(kube_lease_wake_ns(lease), now + (uint64_t)INT32_MAX * S);
		assert_int_equal(kube_lease_unheld_ns(lease), 0);
		struct kube_lease_record empty = r;
		empty.holder = "";
		kube_lease_seen(lease, emptied ? &empty : NULL, false, now);
		assert_int_equal(kube_lease_unheld_ns(lease), 1060 * S);
		waits(1060 * S, emptied ? LEASE_ACQUIRE : LEASE_CREATE);
		kube_lease_answer(lease, LEASE_DONE, NULL, false, now);
		assert_int_equal(kube_lease_quiet_ns(lease), 1065 * S);
	}
}

static void test_trouble_is_tried_again_with_jitter(void **state)
{
	uint64_t first = 0;

	(void)state;
	for (int i = 0; i < 100; i++) {
		written(LEASE_GET, LEASE_FAILED);
		uint64_t wait = kube_lease_wake_ns(lease) - now;

		assert_in_range(wait, 2 * S,
				4 * S + 400 * NS_PER_MS); /* client-go: up to 2.2 times */
		if (i == 0)
			first = wait;
		else if (i == 1)
			assert_int_not_equal(wait, first);
		now += wait;
	}
}

/* Its write landed although nobody said so; who had it before still gets his time. */
static void test_a_lease_found_to_be_ours_does_not_shorten_the_wait(void **state)
{
	(void)state;
	got(record("other", "1"), false);
	waits(1015 * S, LEASE_ACQUIRE);
	now += 1 * S;
	kube_lease_answer(lease, LEASE_CONFLICT, NULL, false, now);
	got(record("me", "2"), false);
	assert_false(kube_lease_leads(lease));
	written(LEASE_RENEW, LEASE_DONE);
	assert_true(kube_lease_leads(lease));
	assert_int_equal(kube_lease_quiet_ns(lease), 1020 * S);
}

static void test_an_answer_that_comes_too_late_makes_no_leader(void **state)
{
	(void)state;
	absent();
	assert_int_equal(kube_lease_take(lease, now), LEASE_CREATE);
	now += 10 * S;
	kube_lease_answer(lease, LEASE_DONE, NULL, false, now);
	assert_false(kube_lease_leads(lease));
	written(LEASE_RENEW, LEASE_DONE);
	assert_true(kube_lease_leads(lease));
}

/* --- keeping it ---------------------------------------------------------------------- */

static void test_the_lease_counts_from_the_sending_of_its_renewal(void **state)
{
	(void)state;
	lead();
	waits(1002 * S, LEASE_RENEW);
	now += 3 * S;
	kube_lease_answer(lease, LEASE_DONE, NULL, false, now);
	assert_int_equal(kube_lease_until_ns(lease), 1017 * S);
	waits(1005 * S, LEASE_RENEW);
}

/* Each takes longer than the retry period, and two of them with a pause longer than the deadline.
 */
static void test_a_server_that_is_slow_to_answer_does_not_cost_the_lead(void **state)
{
	(void)state;
	lead();
	now += 2 * S;
	for (unsigned i = 0; i < 10; i++) {
		assert_int_equal(kube_lease_take(lease, now), LEASE_RENEW);
		now += 4500 * NS_PER_MS;
		assert_true(kube_lease_leads(lease));
		kube_lease_answer(lease, LEASE_DONE, NULL, false, now);
	}
	assert_int_equal(kube_lease_take(lease, now), LEASE_RENEW);
	assert_true(kube_lease_leads(lease));
}

static void test_who_cannot_renew_leads_until_the_deadline(void **state)
{
	(void)state;
	lead();
	for (now = 1002 * S; now < 1010 * S; now += 2 * S) {
		written(LEASE_RENEW, LEASE_FAILED);
		assert_true(kube_lease_leads(lease));
		assert_int_equal(kube_lease_wake_ns(lease), now + 2 * S);
	}
	now = 1010 * S - 1;
	kube_lease_take(lease, now);
	assert_true(kube_lease_leads(lease));
	now = 1010 * S;
	kube_lease_take(lease, now);
	assert_false(kube_lease_leads(lease));
	assert_int_equal(kube_lease_quiet_ns(lease), 1015 * S);
}

static void test_the_deadline_does_not_wait_for_an_answer(void **state)
{
	(void)state;
	lead();
	waits(1002 * S, LEASE_RENEW);
	assert_int_equal(kube_lease_wake_ns(lease), 1010 * S);
	now = 1010 * S;
	assert_int_equal(kube_lease_take(lease, now), LEASE_NOTHING);
	assert_false(kube_lease_leads(lease));
	assert_int_equal(kube_lease_wake_ns(lease), UINT64_MAX); /* the answer is due */
}

static void test_who_lost_it_and_hears_no_answers_does_not_keep_it_from_others(void **state)
{
	(void)state;
	lead();
	waits(1002 * S, LEASE_RENEW);
	now = 1010 * S;
	kube_lease_take(lease, now);
	kube_lease_answer(lease, LEASE_FAILED, NULL, false, now);
	for (int i = 0; i < 10; i++) {
		now = kube_lease_wake_ns(lease);
		written(LEASE_GET, LEASE_FAILED);
	}
	now = kube_lease_wake_ns(lease);
	got(record("me", "2"), false);
	written(LEASE_RENEW, LEASE_DONE);
	assert_true(kube_lease_leads(lease));
}

static void test_who_lost_it_and_gets_it_back_waits_for_his_own_writes(void **state)
{
	(void)state;
	lead();
	now = 1300 * S; /* suspended, say */
	assert_int_equal(kube_lease_take(lease, now), LEASE_RENEW);
	assert_false(kube_lease_leads(lease));
	kube_lease_answer(lease, LEASE_DONE, NULL, false, now);
	assert_true(kube_lease_leads(lease));
	assert_int_equal(kube_lease_quiet_ns(lease), 1305 * S);
}

static void test_a_refused_renewal_is_looked_into_at_once(void **state)
{
	(void)state;
	lead();
	now = 1002 * S;
	written(LEASE_RENEW, LEASE_CONFLICT);
	assert_true(kube_lease_leads(lease));
	got(record("me", "2"), false); /* an earlier one had landed */
	assert_true(kube_lease_leads(lease));
	written(LEASE_RENEW, LEASE_CONFLICT);
	assert_int_equal(kube_lease_wake_ns(lease),
			 now + 2 * S); /* and not for ever at full speed */
	now += 2 * S;
	got(record("other", "3"), false);
	assert_false(kube_lease_leads(lease));
	assert_int_equal(kube_lease_quiet_ns(lease), now + 5 * S);
}

static void test_a_lease_that_was_deleted_is_lost(void **state)
{
	(void)state;
	lead();
	kube_lease_seen(lease, NULL, false, now);
	absent();
	assert_false(kube_lease_leads(lease));
	written(LEASE_CREATE, LEASE_DONE);
	assert_true(kube_lease_leads(lease));
	assert_int_equal(kube_lease_quiet_ns(lease), now + 5 * S);
}

/* The watch tells of what was before we took it. */
static void test_a_watch_that_is_behind_takes_no_lead(void **state)
{
	struct kube_lease_record old = record("other", "1");

	(void)state;
	lead();
	kube_lease_seen(lease, &old, false, now);
	assert_true(kube_lease_leads(lease));
	got(record("me", "2"), false);
	assert_true(kube_lease_leads(lease));
	assert_int_equal(kube_lease_quiet_ns(lease), 0);
}

/* --- leaving ------------------------------------------------------------------------- */

static void test_who_leaves_gives_it_back_once_his_writes_have_ended(void **state)
{
	(void)state;
	lead();
	kube_lease_want(lease, false, now);
	assert_false(kube_lease_leads(lease));
	assert_int_equal(kube_lease_wake_ns(lease), UINT64_MAX);
	assert_int_equal(kube_lease_take(lease, now), LEASE_NOTHING);
	assert_false(kube_lease_is_over(lease));
	kube_lease_drained(lease);
	written(LEASE_RELEASE, LEASE_DONE);
	assert_true(kube_lease_is_over(lease));
	assert_int_equal(kube_lease_wake_ns(lease), UINT64_MAX);
}

static void test_an_answer_that_is_due_is_waited_for_before_the_release(void **state)
{
	(void)state;
	absent();
	assert_int_equal(kube_lease_take(lease, now), LEASE_CREATE);
	kube_lease_want(lease, false, now);
	kube_lease_drained(lease);
	assert_int_equal(kube_lease_take(lease, now), LEASE_NOTHING);
	assert_false(kube_lease_is_over(lease));
	kube_lease_answer(lease, LEASE_DONE, NULL, false, now);
	assert_false(kube_lease_leads(lease));
	written(LEASE_RELEASE, LEASE_DONE);
	assert_true(kube_lease_is_over(lease));
}

static void test_a_refused_release_is_looked_into_and_tried_again_a_few_times(void **state)
{
	(void)state;
	lead();
	kube_lease_want(lease, false, now);
	kube_lease_drained(lease);
	for (int i = 0; i < 2; i++) {
		written(LEASE_RELEASE, LEASE_CONFLICT);
		assert_false(kube_lease_is_over(lease));
		now = kube_lease_wake_ns(lease);
		got(record("me", "2"), false);
	}
	written(LEASE_RELEASE, LEASE_CONFLICT);
	assert_true(kube_lease_is_over(lease));
}

static void test_a_release_without_an_answer_is_not_waited_for(void **state)
{
	(void)state;
	lead();
	kube_lease_want(lease, false, now);
	kube_lease_drained(lease);
	written(LEASE_RELEASE, LEASE_FAILED);
	assert_true(kube_lease_is_over(lease));
}

static void test_what_another_took_is_not_released(void **state)
{
	(void)state;
	lead();
	kube_lease_want(lease, false, now);
	kube_lease_drained(lease);
	written(LEASE_RELEASE, LEASE_CONFLICT);
	got(record("other", "2"), false);
	assert_true(kube_lease_is_over(lease));
}

/* Its namespace is being deleted, say: nothing can be made there, and nothing has to be. */
static void test_what_is_gone_needs_not_be_given_back(void **state)
{
	(void)state;
	lead();
	kube_lease_seen(lease, NULL, false, now);
	absent();
	written(LEASE_CREATE, LEASE_FAILED);
	kube_lease_want(lease, false, now);
	assert_false(kube_lease_is_over(lease)); /* what was sent may still land */
	kube_lease_drained(lease);
	absent(); /* it was not made without an answer */
	now = kube_lease_wake_ns(lease);
	assert_int_equal(kube_lease_take(lease, now), LEASE_NOTHING);
	assert_true(kube_lease_is_over(lease));
}

static void test_one_made_without_an_answer_is_given_back(void **state)
{
	(void)state;
	lead();
	kube_lease_seen(lease, NULL, false, now);
	absent();
	written(LEASE_CREATE, LEASE_FAILED);
	kube_lease_want(lease, false, now);
	kube_lease_drained(lease);
	got(record("me", "2"), false);
	now = kube_lease_wake_ns(lease);
	written(LEASE_RELEASE, LEASE_DONE);
	assert_true(kube_lease_is_over(lease));
}

/* Else a third one would act at once, while writes of the first are still given time. */
static void test_who_leaves_before_he_could_act_gives_it_back_later(void **state)
{
	(void)state;
	got(record("other", "1"), false);
	waits(1015 * S, LEASE_ACQUIRE);
	kube_lease_answer(lease, LEASE_DONE, NULL, false, now);
	kube_lease_want(lease, false, now);
	kube_lease_drained(lease);
	waits(1020 * S, LEASE_RELEASE);
}

static void test_who_changes_his_mind_waits_for_what_he_did(void **state)
{
	(void)state;
	lead();
	kube_lease_want(lease, false, now);
	now += 1 * S;
	kube_lease_want(lease, true, now);
	got(record("me", "1"), false);
	written(LEASE_RENEW, LEASE_DONE);
	assert_true(kube_lease_leads(lease));
	assert_int_equal(kube_lease_quiet_ns(lease), now + 5 * S);
}

static void test_who_wants_nothing_asks_nothing(void **state)
{
	struct kube_lease_record r = record("", "1");

	(void)state;
	kube_lease_want(lease, false, now);
	kube_lease_drained(lease);
	kube_lease_seen(lease, &r, false, now);
	assert_int_equal(kube_lease_take(lease, now), LEASE_NOTHING);
	assert_true(kube_lease_is_over(lease));
}

/* --- times --------------------------------------------------------------------------- */

static void test_times_that_do_not_go_together_are_refused(void **state)
{
	static const struct {
		unsigned duration_ms, deadline_ms, retry_ms;
		bool good;
	} rows[] = {
		{ 15000, 10000, 2000, true },  { 137000, 107000, 26000, true },
		{ 3000, 2000, 500, true },     { 1000, 700, 200, true },
		{ 10000, 10000, 2000, false }, { 9000, 10000, 2000, false },
		{ 10500, 10200, 2000, false }, /* the Lease says 10 */
		{ 15000, 2400, 2000, false },  { 15000, 2401, 2000, true },
		{ 15000, 1000, 2000, false },  { 15000, 10000, 0, false },
		{ 900, 500, 100, false },      { 0, 0, 0, false },
		{ 15000, 0, 0, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *fault = kube_lease_times_fault(rows[i].duration_ms * NS_PER_MS,
							   rows[i].deadline_ms * NS_PER_MS,
							   rows[i].retry_ms * NS_PER_MS);
		if ((fault == NULL) != rows[i].good)
			fail_msg("row %zu: %s", i, fault != NULL ? fault : "no fault");
	}
	assert_int_equal(kube_lease_write_ns(15 * S), 5 * S);
	assert_int_equal(kube_lease_write_ns(137 * S), 5 * S);
	assert_int_equal(kube_lease_write_ns(3 * S), 1 * S);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_where_there_is_no_lease_it_is_made_and_we_lead_at_once),
		TEST(test_who_makes_it_second_follows),
		TEST(test_a_lease_is_free_when_it_has_not_changed_for_its_duration),
		TEST(test_each_renewal_begins_the_wait_anew),
		TEST(test_what_a_write_may_take_is_that_of_the_lease_that_ended),
		TEST(test_a_released_lease_is_taken_at_once_and_acted_under_at_once),
		TEST(test_the_lease_of_a_dead_holder_needs_not_expire),
		TEST(test_a_lease_that_is_deleted_is_not_free_before_its_time),
		TEST(test_a_lease_that_is_edited_is_not_free_before_its_time),
		TEST(test_a_lease_that_nobody_gave_back_is_somebodys),
		TEST(test_a_leader_whose_lease_is_emptied_takes_it_when_it_is_free),
		TEST(test_odd_durations_are_taken_for_ours),
		TEST(test_an_absurd_duration_ends_with_its_lease),
		TEST(test_trouble_is_tried_again_with_jitter),
		TEST(test_a_lease_found_to_be_ours_does_not_shorten_the_wait),
		TEST(test_an_answer_that_comes_too_late_makes_no_leader),
		TEST(test_the_lease_counts_from_the_sending_of_its_renewal),
		TEST(test_a_server_that_is_slow_to_answer_does_not_cost_the_lead),
		TEST(test_who_cannot_renew_leads_until_the_deadline),
		TEST(test_the_deadline_does_not_wait_for_an_answer),
		TEST(test_who_lost_it_and_hears_no_answers_does_not_keep_it_from_others),
		TEST(test_who_lost_it_and_gets_it_back_waits_for_his_own_writes),
		TEST(test_a_refused_renewal_is_looked_into_at_once),
		TEST(test_a_lease_that_was_deleted_is_lost),
		TEST(test_a_watch_that_is_behind_takes_no_lead),
		TEST(test_who_leaves_gives_it_back_once_his_writes_have_ended),
		TEST(test_an_answer_that_is_due_is_waited_for_before_the_release),
		TEST(test_a_refused_release_is_looked_into_and_tried_again_a_few_times),
		TEST(test_a_release_without_an_answer_is_not_waited_for),
		TEST(test_what_another_took_is_not_released),
		TEST(test_what_is_gone_needs_not_be_given_back),
		TEST(test_one_made_without_an_answer_is_given_back),
		TEST(test_who_leaves_before_he_could_act_gives_it_back_later),
		TEST(test_who_changes_his_mind_waits_for_what_he_did),
		TEST(test_who_wants_nothing_asks_nothing),
		TEST(test_times_that_do_not_go_together_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
