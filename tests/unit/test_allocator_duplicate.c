// SPDX-License-Identifier: Apache-2.0
/*
 * Two Services that show one address, by an edit from outside or because there were two
 * allocators: the older holder keeps it, the other is moved, both hear of it, and it is counted.
 */
#include "tests/unit/allocator_world.h"

#define POOL "[{\"name\":\"a\",\"addresses\":[\"192.0.2.0/30\"]}]"

static void test_edited_status_loses_against_the_holder_in_the_books(void **state)
{
	struct world *w = world_new(POOL, NULL);
	(void)state;

	world_apply(w, "web/b", LB_V4, NULL, NULL);
	world_run(w);
	world_apply(w, "web/a", LB_V4, NULL, NULL);
	world_status(w, "web/a", "192.0.2.0", NULL);
	world_run(w);
	assert_true(world_said(w,
			       "ClearAssignment web/a: Current IP [\"192.0.2.0\"] can no longer "
			       "be used, a new one will be tried: 192.0.2.0 is held by web/b\n"));
	assert_true(world_said(w, "DuplicateAddress web/b: 192.0.2.0 is in the status of web/a "
				  "too, which loses it\n"));
	assert_string_equal(world_shows(w, "web/a"), "192.0.2.1 a");
	assert_string_equal(world_shows(w, "web/b"), "192.0.2.0 a");
	assert_int_equal(allocator_duplicates(w->a), 1);
	/* Who held something goes back to it. */
	world_status(w, "web/b", "192.0.2.1", NULL);
	world_run(w);
	assert_string_equal(world_shows(w, "web/b"), "192.0.2.0 a");
	assert_string_equal(world_shows(w, "web/a"), "192.0.2.1 a");
	assert_int_equal(allocator_duplicates(w->a), 2);
	assert_int_equal(world_run(w), 0);
	assert_int_equal(allocator_duplicates(w->a), 2);
	world_free(w);
}

/* Decisions, "State that outlives a process": transition time, else creation, else UID. */
static void test_older_holder_keeps_the_address_when_nobody_knows_better(void **state)
{
	static const struct {
		const char *what;
		time_t since_a, since_b; /* of the condition; 0: none */
		unsigned year_a, year_b; /* of creation; 0: not said */
		const char *keeps;
	} rows[] = {
		{ "condition turned earlier", 200, 100, 2020, 2021, "web/b" },
		{ "condition turned earlier", 100, 200, 2021, 2020, "web/a" },
		{ "no condition: created earlier", 0, 0, 2025, 2024, "web/b" },
		{ "no condition: created earlier", 0, 0, 2024, 2025, "web/a" },
		{ "served before there were conditions", 0, 1900000000, 2024, 2024, "web/a" },
		{ "created after the other was served", 1700000000, 0, 2022, 2025, "web/a" },
		{ "same times: the lower UID", 0, 0, 2025, 2025, "web/b" },
		{ "no times at all: the lower UID", 0, 0, 0, 0, "web/b" },
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world *w = world_new(POOL, NULL);
		struct thing *a, *b;

		world_apply(w, "web/b", LB_V4, NULL, NULL); /* made first: the lower UID */
		world_apply(w, "web/a", LB_V4, NULL, NULL);
		world_status(w, "web/a", "192.0.2.0", NULL);
		world_status(w, "web/b", "192.0.2.0", NULL);
		a = world_thing(w, "web/a");
		b = world_thing(w, "web/b");
		a->year = rows[i].year_a;
		b->year = rows[i].year_b;
		if (rows[i].since_a != 0)
			a->ready = (struct said){ .set = ALLOCATOR_CONDITION_TRUE,
						  .since = rows[i].since_a };
		if (rows[i].since_b != 0)
			b->ready = (struct said){ .set = ALLOCATOR_CONDITION_TRUE,
						  .since = rows[i].since_b };
		world_restart(w);
		world_run(w);
		const char *moved = strcmp(rows[i].keeps, "web/b") == 0 ? "web/a" : "web/b";
		if (strcmp(world_shows(w, rows[i].keeps), "192.0.2.0 a") != 0)
			fail_msg("%s: row %zu", rows[i].what, i);
		assert_string_equal(world_shows(w, moved), "192.0.2.1 a");
		char *lost = world_text("ClearAssignment %s: ", moved);
		char *kept = world_text("DuplicateAddress %s: ", rows[i].keeps);
		assert_true(world_said(w, lost));
		assert_true(world_said(w, kept));
		assert_int_equal(allocator_duplicates(w->a), 1);
		free(lost);
		free(kept);
		world_free(w);
	}
}

/* The order of claims may change while they wait for their turn. */
static void test_age_that_changes_before_its_turn_is_the_one_that_counts(void **state)
{
	struct world *w = world_new(POOL, NULL);
	(void)state;

	for (int i = 0; i < 4; i++) {
		char name[16];
		snprintf(name, sizeof(name), "web/%d", i);
		world_apply(w, name, LB_V4, NULL, NULL);
		world_status(w, name, "192.0.2.3", NULL);
		world_thing(w, name)->ready =
			(struct said){ .set = ALLOCATOR_CONDITION_TRUE, .since = 100 + i };
	}
	world_restart(w);
	for (int i = 0; i < 4; i++) {
		char name[16];
		snprintf(name, sizeof(name), "web/%d", i);
		world_thing(w, name)->ready.since = 200 - i;
		world_apply(w, name, NULL, NULL, NULL);
	}
	world_run(w);
	assert_string_equal(world_shows(w, "web/3"), "192.0.2.3 a");
	assert_int_equal(allocator_duplicates(w->a), 3);
	world_free(w);
}

static void test_address_that_may_be_shared_is_no_duplicate(void **state)
{
	struct world *w = world_new(POOL, NULL);
	(void)state;

	world_apply(w, "web/a", LB_V4_PORT(80), A_SHARE("k"), NULL);
	world_apply(w, "web/b", LB_V4_PORT(81), A_SHARE("k"), NULL);
	world_status(w, "web/a", "192.0.2.2", NULL);
	world_status(w, "web/b", "192.0.2.2", NULL);
	world_restart(w);
	world_run(w);
	assert_string_equal(world_shows(w, "web/a"), "192.0.2.2 a");
	assert_string_equal(world_shows(w, "web/b"), "192.0.2.2 a");
	assert_int_equal(allocator_duplicates(w->a), 0);
	world_free(w);
}

/* A port that clashes is a change of the Service, not two who claim the address. */
static void test_service_that_leaves_a_shared_address_is_no_duplicate(void **state)
{
	struct world *w = world_new(POOL, NULL);
	(void)state;

	world_apply(w, "web/a", LB_V4_PORT(80), A_SHARE("k"), NULL);
	world_apply(w, "web/b", LB_V4_PORT(81), A_SHARE("k"), NULL);
	world_run(w);
	world_apply(w, "web/b", LB_V4_PORT(80), NULL, NULL);
	world_run(w);
	assert_string_equal(world_shows(w, "web/b"), "192.0.2.1 a");
	assert_false(world_said(w, "DuplicateAddress"));
	assert_int_equal(allocator_duplicates(w->a), 0);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_edited_status_loses_against_the_holder_in_the_books),
		cmocka_unit_test(test_older_holder_keeps_the_address_when_nobody_knows_better),
		cmocka_unit_test(test_age_that_changes_before_its_turn_is_the_one_that_counts),
		cmocka_unit_test(test_address_that_may_be_shared_is_no_duplicate),
		cmocka_unit_test(test_service_that_leaves_a_shared_address_is_no_duplicate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
