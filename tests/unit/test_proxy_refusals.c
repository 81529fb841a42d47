// SPDX-License-Identifier: Apache-2.0
/*
 * The proxy's engine beside a kernel that refuses: the search for what is at fault, which never
 * goes in circles, takes nothing from those that are not, and leaves no leftovers behind.
 */
#include "tests/unit/proxy_kernel.h"

/* --- what the kernel refuses ------------------------------------------------------------- */

static void test_one_bad_service_does_not_stop_the_others(void **state)
{
	struct rules *r = rules_new("node-a");
	(void)state;

	for (unsigned i = 0; i < 64; i++)
		put(r, i);
	rules_restart_on_nothing(r);
	unsigned took = go_on(r, "web-37/", 1);
	assert_in_range(took, 3, 20); /* halves, not one by one */
	assert_int_equal(rules_refusals(r), 1);
	assert_int_equal(rules_services(r), 63);

	/* It is tried again after a while, and taken once it is good. */
	assert_int_equal(go_on(r, "web-37/", 2), 0);
	assert_in_range(rules_wake_ns(r), 3, 100 * NS_PER_S);
	assert_int_equal(go_on(r, "web-37/", 100 * NS_PER_S) > 0, 1);
	assert_int_equal(rules_refusals(r), 1);
	assert_int_equal(go_on(r, "nothing", 200 * NS_PER_S), 1);
	assert_int_equal(rules_refusals(r), 0);
	assert_int_equal(rules_services(r), 64);
	rules_free(r);
	assert_int_equal(intern_count(), 0);
}

static void test_two_bad_services_are_both_found(void **state)
{
	struct rules *r = rules_new("node-a");
	(void)state;

	for (unsigned i = 0; i < 40; i++)
		put(r, i);
	rules_restart_on_nothing(r);
	go_on(r, "web-3", 1); /* and web-30 to web-39 */
	assert_int_equal(rules_refusals(r), 11);
	assert_int_equal(rules_services(r), 29);
	rules_free(r);
}

static void test_a_change_that_is_refused_leaves_what_was_before(void **state)
{
	struct rules *r = rules_new("node-a");
	(void)state;

	put(r, 1);
	put(r, 2);
	rules_restart_on_nothing(r);
	go_on(r, "nothing", 1);
	rules_service_gone(r, "default", "web-1");
	char *json = rules_pass(r, 2);
	assert_true(has(json, COMMAND("flush", "chain", 1)));
	free(json);
	/* One alone, and what the kernel has is long known: look first, it may have lost something.
	 */
	assert_true(rules_refused(r, 2, "No"));
	assert_true(rules_must_look(r));
	assert_int_equal(rules_services(r), 2);
	assert_int_equal(rules_refusals(r), 0);

	struct inherited *found = inherited_new();
	inherit(found, 1, 1);
	inherit(found, 2, 2);
	rules_take_over(r, found, no_affinity);
	json = rules_pass(r, 3); /* the frame alone */
	assert_false(has(json, "web-"));
	free(json);
	rules_done(r);
	go_on(r, "nothing", 3);
	assert_int_equal(rules_services(r), 1);
	rules_free(r);
}

static void test_when_even_the_frame_is_refused_no_service_is_blamed(void **state)
{
	struct rules *r = rules_new("node-a");
	(void)state;

	for (unsigned i = 0; i < 8; i++)
		put(r, i);
	rules_restart(r);
	for (unsigned tries = 0; tries < 20; tries++) {
		if (rules_must_look(r))
			rules_restart(r);
		char *json = rules_pass(r, 1);
		assert_non_null(json);
		free(json);
		rules_refused(r, 1, "Operation not permitted");
	}
	assert_int_equal(rules_refusals(r), 0);
	rules_restart_on_nothing(r);
	go_on(r, "nothing", 2);
	assert_int_equal(rules_services(r), 8);
	rules_free(r);
}

/* What a predecessor made for the Services @from to @to, as a look finds it. */
static struct inherited *found(unsigned from, unsigned to)
{
	struct inherited *i = inherited_new();

	for (unsigned number = from; number <= to; number++)
		inherit(i, number, number);
	return i;
}

/* A Service that is refused keeps what a predecessor made for it; with the Service that goes too.
 */
static void test_what_a_refused_service_had_goes_with_it(void **state)
{
	struct rules *r = rules_new("node-a");
	(void)state;

	put(r, 1);
	put(r, 2);
	rules_take_over(r, found(1, 3), no_affinity);
	for (unsigned i = 0; i < 20 && !rules_settled(r); i++) {
		char *json = rules_pass(r, 1);

		if (has(json, "\"expr\"") && has(json, "web-1/")) {
			assert_true(rules_refused(r, 1, "No"));
			if (rules_must_look(r))
				rules_take_over(r, found(1, 3), no_affinity);
		} else {
			assert_false(has(json, "web-1/"));
			rules_done(r);
		}
		free(json);
	}
	assert_true(rules_settled(r));
	assert_int_equal(rules_refusals(r), 1);
	assert_int_equal(rules_services(r), 2); /* it is served still */

	/* The others' chains go, and it keeps its own. */
	char *json = rules_pass(r, 10 * NS_PER_S);
	assert_true(has(json, COMMAND("delete", "chain", 3)));
	assert_false(has(json, "web-1/"));
	free(json);
	rules_done(r);

	rules_service_gone(r, "default", "web-1");
	json = rules_pass(r, 11 * NS_PER_S);
	assert_true(has(json, command("delete", "element", "services4")));
	assert_true(has(json, command("delete", "element", "addresses4")));
	assert_true(has(json, COMMAND("flush", "chain", 1)));
	free(json);
	rules_done(r);
	assert_int_equal(rules_refusals(r), 0);
	assert_int_equal(rules_services(r), 1);
	json = rules_pass(r, 20 * NS_PER_S);
	assert_true(has(json, COMMAND("delete", "chain", 1)));
	free(json);
	rules_done(r);
	assert_true(rules_wake_ns(r) == UINT64_MAX);
	rules_free(r);
	assert_int_equal(intern_count(), 0);
}

/* It has been found out before: what the kernel has is not in doubt, nor anybody else's rules. */
static void test_a_service_that_is_refused_again_costs_nobody_else_anything(void **state)
{
	struct rules *r = rules_new("node-a");
	uint64_t now = NS_PER_S;
	(void)state;

	for (unsigned i = 0; i < 8; i++)
		put(r, i);
	rules_restart_on_nothing(r);
	go_on(r, "web-3/", now);
	assert_int_equal(rules_refusals(r), 1);
	for (unsigned minute = 0; minute < 3; minute++) {
		unsigned alone = 0;
		char *json;

		now = rules_wake_ns(r);
		assert_in_range(now, 2 * NS_PER_S, 1000 * NS_PER_S);
		put(r, 10 + minute); /* one that is new goes in another transaction */
		for (; (json = rules_pass(r, now)) != NULL; free(json)) {
			assert_int_equal(services_in(json), 1);
			if (!has(json, "web-3/")) {
				rules_done(r);
				continue;
			}
			assert_true(rules_refused(r, now, "No"));
			assert_false(rules_must_look(r));
			alone++;
		}
		assert_int_equal(alone, 1);
	}
	assert_true(rules_behind_since_ns(r) == UINT64_MAX);
	rules_free(r);
}

/* --- leftovers --------------------------------------------------------------------------- */

/* Take over with web-1 wanted and web-2 to web-5 left over, up to where those are to go. */
static struct rules *with_leftovers(void)
{
	struct rules *r = rules_new("node-a");

	put(r, 1);
	rules_take_over(r, found(1, 5), no_affinity);
	free(rules_pass(r, 1));
	rules_done(r);
	return r;
}

static void test_leftovers_that_are_refused_once_are_looked_at_and_go(void **state)
{
	struct rules *r = with_leftovers();
	(void)state;

	free(rules_pass(r, 1));
	assert_false(rules_refused(r, 1, "Out of memory"));
	assert_true(rules_must_look(r));
	rules_take_over(r, found(1, 5), no_affinity);
	free(rules_pass(r, 2));
	rules_done(r);
	assert_false(rules_settled(r));
	char *json = rules_pass(r, 2);
	for (unsigned i = 2; i <= 5; i++)
		assert_true(has(json, COMMAND("flush", "chain", i)));
	free(json);
	rules_done(r);
	assert_true(rules_settled(r));
	rules_free(r);
}

static void test_only_the_leftover_that_the_kernel_keeps_refusing_is_left(void **state)
{
	struct rules *r = with_leftovers();
	bool emptied[6] = { false }, deleted[6] = { false };
	unsigned looks = 0;
	uint64_t now = 1;
	char *json;
	(void)state;

	for (unsigned i = 0; i < 50; i++) {
		if ((json = rules_pass(r, now)) == NULL) {
			if (rules_wake_ns(r) == UINT64_MAX)
				break;
			now = rules_wake_ns(r);
			continue;
		}
		if (has(json, COMMAND("delete", "chain", 3))) {
			if (!rules_refused(r, now, "Device or resource busy"))
				looks++;
			if (rules_must_look(r))
				rules_take_over(r, found(1, 5), no_affinity);
		} else {
			for (unsigned n = 2; n <= 5; n++) {
				emptied[n] |= has(json, COMMAND("flush", "chain", n));
				deleted[n] |= has(json, COMMAND("delete", "chain", n));
			}
			rules_done(r);
		}
		free(json);
	}
	assert_true(rules_wake_ns(r) == UINT64_MAX);
	assert_int_equal(looks, 1);
	for (unsigned n = 2; n <= 5; n++) {
		assert_true(emptied[n]);
		assert_int_equal(deleted[n], n != 3);
	}
	rules_free(r);
}

static void test_leftovers_that_are_refused_with_a_service_do_not_hold_it_up(void **state)
{
	struct rules *r = with_leftovers();
	(void)state;

	put(r, 9);
	char *json = rules_pass(r, 1);
	assert_true(has(json, COMMAND("add", "chain", 9)));
	assert_true(has(json, COMMAND("flush", "chain", 2)));
	free(json);
	assert_true(rules_refused(r, 1, "No"));
	json = rules_pass(r, 1);
	assert_false(has(json, "web-9/"));
	assert_true(has(json, COMMAND("flush", "chain", 2)));
	free(json);
	rules_done(r);
	json = rules_pass(r, 1);
	assert_true(has(json, COMMAND("add", "chain", 9)));
	assert_false(has(json, "web-2/"));
	free(json);
	rules_free(r);
}

/* Something is dirty at every pass, as when endpoints come and go all the time. */
static void test_steady_changes_keep_nobody_from_settling_or_tidying(void **state)
{
	struct rules *r = rules_new("node-a");
	uint64_t now = NS_PER_S;
	(void)state;

	for (unsigned i = 1; i <= 4; i++)
		put(r, i);
	rules_take_over(r, found(1, 5), no_affinity);
	bool deleted4 = false, deleted5 = false;
	for (unsigned i = 0; i < 20; i++, now += NS_PER_S) {
		rules_now(r, now);
		put(r, 100 + i);
		if (i == 5)
			rules_service_gone(r, "default", "web-4");
		char *json = rules_pass(r, now);
		rules_now(r, now + 1);
		put(r, 200 + i);
		assert_in_range(rules_behind_since_ns(r), i == 0 ? 0 : now - NS_PER_S, now);
		deleted4 |= has(json, COMMAND("delete", "chain", 4));
		deleted5 |= has(json, COMMAND("delete", "chain", 5));
		free(json);
		rules_done(r);
		assert_int_equal(rules_behind_since_ns(r), now + 1);
		assert_true(i < 2 || rules_settled(r));
	}
	assert_true(deleted4);
	assert_true(deleted5);
	rules_free(r);
}

/* A chain that cannot be deleted keeps its Service from nothing. */
static void test_an_old_chain_that_stays_does_not_stop_its_service(void **state)
{
	struct rules *r = rules_new("node-a");
	(void)state;

	put(r, 1);
	rules_restart_on_nothing(r);
	go_on(r, "nothing", 1);
	rules_service_gone(r, "default", "web-1");
	go_on(r, "nothing", NS_PER_S);
	free(rules_pass(r, 10 * NS_PER_S));
	/* Not known for sure to be there: look first. */
	assert_true(rules_refused(r, 10 * NS_PER_S, "Device or resource busy"));
	assert_true(rules_must_look(r));
	rules_take_over(r, found(1, 1), no_affinity);
	put(r, 1);
	assert_int_equal(go_on(r, "\"delete\":{\"chain\"", 11 * NS_PER_S) > 0, 1);
	assert_int_equal(rules_refusals(r), 0);
	assert_int_equal(rules_services(r), 1);
	rules_free(r);
}

/* --- Nodes ------------------------------------------------------------------------------- */

/* There may be no table any more: to try the same again at once would be in vain for ever. */
static void test_a_node_that_is_refused_makes_it_look(void **state)
{
	struct rules *r = rules_new("node-a");
	(void)state;

	put(r, 1);
	rules_restart_on_nothing(r);
	go_on(r, "nothing", 1);
	put_node(r, "node-b", "\"10.244.2.0/24\"");
	char *json = rules_pass(r, 2);
	assert_true(has(json, "10.244.2.0"));
	free(json);
	assert_false(rules_refused(r, 2, "No such file or directory"));
	assert_true(rules_must_look(r));
	rules_restart_on_nothing(r);
	json = rules_pass(r, 3);
	assert_true(has(json, "10.244.2.0"));
	assert_true(has(json, COMMAND("add", "chain", 1)));
	free(json);
	rules_free(r);
}

/* What a set holds is known after a refusal too. */
static void test_addresses_of_nodes_that_went_in_a_refused_transaction_go(void **state)
{
	struct rules *r = rules_new("node-a");
	const char *const ips[] = { "{\"type\":\"InternalIP\",\"address\":\"10.0.0.2\"}", "" };
	(void)state;

	rules_restart_on_nothing(r);
	for (unsigned i = 0; i < 2; i++) {
		struct faults faults = { 0 };
		struct node *n = NULL;
		char text[256];

		snprintf(text, sizeof(text),
			 "{\"metadata\":{\"name\":\"node-b\"},\"status\":{\"addresses\":[%s]}}",
			 ips[i]);
		cJSON *object = cJSON_Parse(text);
		assert_int_equal(node_decode(object, (struct where){ 0 }, &faults, &n), 0);
		cJSON_Delete(object);
		rules_node(r, n);
		if (i == 0)
			go_on(r, "nothing", 1);
	}
	put(r, 1);
	put(r, 2);
	free(rules_pass(r, 2));
	assert_true(rules_refused(r, 2, "No"));
	char *json = rules_pass(r, 2);
	assert_true(has(json, command("flush", "set", "node_ips4")));
	free(json);
	rules_free(r);
}

/* --- a table that is replaced ------------------------------------------------------------- */

/* As go_on(), with the table of another version there until ours is. */
static unsigned replace(struct rules *r, unsigned count, const char *bad)
{
	unsigned refusals = 0;
	bool replaced = false;

	for (unsigned i = 0; i < 100; i++) {
		if (rules_must_look(r) && !replaced)
			rules_restart(r);
		assert_false(rules_must_look(r));
		char *json = rules_pass(r, 1);

		if (json == NULL)
			return refusals;
		if (has(json, bad)) {
			rules_refused(r, 1, "No");
			refusals++;
		} else {
			/* What changes anything leaves nobody out who is served already. */
			if (!rules_is_trial(r) && !replaced) {
				assert_int_equal(services_in(json), count);
				replaced = true;
			}
			rules_done(r);
		}
		free(json);
	}
	fail();
	return 0;
}

static void test_a_table_is_replaced_as_a_whole_or_not_at_all(void **state)
{
	(void)state;
	for (unsigned bad = 0; bad < 2; bad++) {
		struct rules *r = rules_new("node-a");

		for (unsigned i = 0; i < 64; i++)
			put(r, i);
		rules_restart(r);
		assert_in_range(replace(r, 64 - bad, bad ? "web-37/" : "nothing"), 2 * bad,
				20 * bad);
		assert_int_equal(rules_refusals(r), bad);
		assert_int_equal(rules_services(r), 64 - bad);
		assert_true(rules_settled(r));
		rules_free(r);
		assert_int_equal(intern_count(), 0);
	}
}

static void put_with_affinity(struct rules *r, const char *name, unsigned last)
{
	put_service(r,
		    "{\"metadata\":{\"namespace\":\"default\",\"name\":\"%s\"},\"spec\":{"
		    "\"clusterIPs\":[\"10.97.0.%u\"],\"sessionAffinity\":\"ClientIP\","
		    "\"ports\":[" PORT80 "]}}",
		    name, last);
}

static void test_affinity_is_recalled_until_the_table_is_replaced(void **state)
{
	struct rules *r = rules_new("node-a");
	(void)state;

	put_with_affinity(r, "web", 1);
	put_slice(r, "web-1", "IPv4", ON("node-a", "10.244.1.2"));
	rules_restart(r);
	rules_recall(r, IP_V4, strdup("\"RECALLED\""));
	for (unsigned i = 0; i < 2; i++) {
		char *json = rules_pass(r, 1);
		assert_true(has(json, "RECALLED"));
		free(json);
		assert_false(rules_refused(r, 1, "Out of memory"));
		rules_restart(r);
	}
	/* From the second time on it finds out whose fault it is. If it is that, without. */
	bool in_trial = false;
	for (unsigned i = 0; i < 10; i++) {
		char *json = rules_pass(r, 1);

		if (json != NULL && has(json, "RECALLED")) {
			in_trial |= rules_is_trial(r);
			assert_true(rules_refused(r, 1, "No"));
		} else {
			rules_done(r);
		}
		free(json);
	}
	assert_true(in_trial);
	assert_true(rules_settled(r));
	assert_int_equal(rules_refusals(r), 0);
	assert_int_equal(rules_services(r), 1);
	rules_free(r);
}

static int quiet(void **state)
{
	(void)state;
	log_setup("test", LOG_LEVEL_NONE, LOG_TEXT);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_bad_service_does_not_stop_the_others),
		cmocka_unit_test(test_two_bad_services_are_both_found),
		cmocka_unit_test(test_a_change_that_is_refused_leaves_what_was_before),
		cmocka_unit_test(test_when_even_the_frame_is_refused_no_service_is_blamed),
		cmocka_unit_test(test_what_a_refused_service_had_goes_with_it),
		cmocka_unit_test(test_a_service_that_is_refused_again_costs_nobody_else_anything),
		cmocka_unit_test(test_leftovers_that_are_refused_once_are_looked_at_and_go),
		cmocka_unit_test(test_only_the_leftover_that_the_kernel_keeps_refusing_is_left),
		cmocka_unit_test(test_leftovers_that_are_refused_with_a_service_do_not_hold_it_up),
		cmocka_unit_test(test_steady_changes_keep_nobody_from_settling_or_tidying),
		cmocka_unit_test(test_an_old_chain_that_stays_does_not_stop_its_service),
		cmocka_unit_test(test_a_node_that_is_refused_makes_it_look),
		cmocka_unit_test(test_addresses_of_nodes_that_went_in_a_refused_transaction_go),
		cmocka_unit_test(test_a_table_is_replaced_as_a_whole_or_not_at_all),
		cmocka_unit_test(test_affinity_is_recalled_until_the_table_is_replaced),
	};

	return cmocka_run_group_tests(tests, quiet, NULL);
}
