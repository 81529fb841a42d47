// SPDX-License-Identifier: Apache-2.0
/*
 * The allocator engine as one of several: a standby knows everything and decides nothing; who
 * begins to lead waits for a list; who ends to lead forgets what nobody else can see.
 */
#include "tests/unit/allocator_world.h"

#define POOL "[{\"name\":\"a\",\"addresses\":[\"192.0.2.0/30\"]}]"

static struct world *standby_new(void)
{
	struct world *w = world_new(NULL, NULL);

	w->cfg.standby = true;
	w->config = world_config(POOL);
	world_restart(w);
	return w;
}

static void test_a_standby_decides_nothing_and_forgets_nothing(void **state)
{
	struct world *w = standby_new();

	(void)state;
	world_apply(w, "web/a", LB_V4, NULL, NULL);
	world_apply(w, "web/b", LB_V4, NULL, NULL);
	world_status(w, "web/b", "192.0.2.0", NULL);
	assert_int_equal(world_run(w), 0);
	assert_string_equal(w->events, "");
	assert_int_equal(allocator_wake_ns(w->a), UINT64_MAX);
	w->now_ns += 2 * ALLOCATOR_RETRY_NS;
	assert_int_equal(world_run(w), 0);

	allocator_lead(w->a, true);
	assert_int_equal(world_run(w),
			 0); /* somebody may have written since the list that it knows */
	world_status(w, "web/b", "192.0.2.1", NULL);
	allocator_synced(w->a);
	world_run(w);
	assert_string_equal(world_shows(w, "web/a"), "192.0.2.0 a");
	assert_string_equal(world_shows(w, "web/b"), "192.0.2.1 a");
	world_free(w);
}

static void test_what_another_leader_gave_meanwhile_is_kept(void **state)
{
	struct world *w = world_new(POOL, NULL);

	(void)state;
	world_apply(w, "web/b", LB_V4, NULL, NULL);
	w->late = true;
	world_run(w); /* decided: 192.0.2.0 for web/b. The write is lost, and so is the lead. */
	assert_int_equal(w->writing.count, 1);
	letters_free(&w->writing);
	w->late = false;
	allocator_written(w->a, "web", "b", ALLOCATOR_FAILED, NULL, w->now_ns);
	allocator_lead(w->a, false);
	world_apply(w, "web/c", LB_V4, NULL, NULL);
	world_status(w, "web/c", "192.0.2.0", "");
	w->now_ns += 3600 * 1000 * NS_OF_MS;
	assert_int_equal(world_run(w), 0); /* no back-off is left that would end */

	allocator_lead(w->a, true);
	allocator_synced(w->a);
	world_run(w);
	assert_string_equal(world_shows(w, "web/c"), "192.0.2.0 a");
	assert_string_equal(world_shows(w, "web/b"), "192.0.2.1 a");
	assert_false(world_said(w, "ClearAssignment"));
	world_free(w);
}

/* Of a write that ends after the lead did, nothing is believed: the watch and the list say it. */
static void test_a_write_that_ends_after_the_lead_says_nothing(void **state)
{
	struct world *w = world_new(POOL, NULL);

	(void)state;
	world_apply(w, "web/a", LB_V4, NULL, NULL);
	w->late = true;
	world_run(w);
	letters_free(&w->writing); /* never arrives, whatever is told of it */
	allocator_lead(w->a, false);
	allocator_written(w->a, "web", "a", ALLOCATOR_WRITTEN, "99", w->now_ns);
	w->late = false;
	allocator_lead(w->a, true);
	allocator_synced(w->a);
	assert_int_equal(world_run(w), 1);
	assert_string_equal(world_shows(w, "web/a"), "192.0.2.0 a");
	world_free(w);
}

static void test_a_service_that_goes_while_its_write_outlives_the_lead_is_gone(void **state)
{
	struct world *w = world_new(POOL, NULL);
	struct allocator_service_view v;

	(void)state;
	world_apply(w, "web/a", LB_V4, NULL, NULL);
	w->late = true;
	world_run(w);
	allocator_lead(w->a, false);
	allocator_service_remove(w->a, "web", "a");
	allocator_lead(w->a, true);
	allocator_synced(w->a);
	allocator_written(w->a, "web", "a", ALLOCATOR_FAILED, NULL, w->now_ns);
	assert_false(allocator_service(w->a, "web", "a", &v));
	world_free(w);
}

static void test_a_service_that_waits_is_told_again_unless_its_condition_says_why(void **state)
{
	struct world *w = world_new("[]", NULL);

	(void)state;
	world_apply(w, "web/a", LB_V4, NULL, NULL);
	world_run(w);
	assert_true(world_said(w, "AllocationFailed"));
	allocator_lead(w->a, false);
	assert_string_equal(world_view(w, "web/a").reason, ""); /* it is not ours to say */
	allocator_lead(w->a, true);
	allocator_synced(w->a);
	world_run(w);
	assert_false(world_said(w, "AllocationFailed")); /* as after a restart */
	assert_string_equal(world_view(w, "web/a").reason, "there is no address pool");
	allocator_lead(w->a, false);
	world_thing(w, "web/a")->ready = (struct said){ 0 };
	world_apply(w, "web/a", NULL, NULL, NULL);
	allocator_lead(w->a, true);
	allocator_synced(w->a);
	world_run(w);
	assert_true(world_said(w, "AllocationFailed"));
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_standby_decides_nothing_and_forgets_nothing),
		cmocka_unit_test(test_what_another_leader_gave_meanwhile_is_kept),
		cmocka_unit_test(test_a_write_that_ends_after_the_lead_says_nothing),
		cmocka_unit_test(
			test_a_service_that_goes_while_its_write_outlives_the_lead_is_gone),
		cmocka_unit_test(
			test_a_service_that_waits_is_told_again_unless_its_condition_says_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
