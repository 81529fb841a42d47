// SPDX-License-Identifier: Apache-2.0
/* The journal of a simulated run: what it keeps, and what it keeps of a run that is too long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/intern.h"
#include "sim/journal.h"

static void test_what_is_noted_is_a_copy(void **state)
{
	struct sim_journal j = { 0 };
	char node[] = "node1", service[] = "web/front", word[] = "why";
	struct ip_addr ip;

	(void)state;
	assert_int_equal(ip_parse("10.0.0.240", &ip), 0);
	sim_journal_add(&j, 7, SIM_WITHDRAWS, node, service, &ip, "%s not", word)->value_ns = 3;
	node[0] = service[0] = word[0] = '?';

	assert_int_equal(j.count, 1);
	assert_int_equal(j.items[0].at_ns, 7);
	assert_int_equal(j.items[0].type, SIM_WITHDRAWS);
	assert_string_equal(j.items[0].node, "node1");
	assert_string_equal(j.items[0].service, "web/front");
	assert_string_equal(j.items[0].text, "why not");
	assert_true(ip_equal(&j.items[0].ip, &ip));
	assert_int_equal(j.items[0].value_ns, 3);
	sim_journal_done(&j);
}

static void test_what_does_not_matter_is_empty(void **state)
{
	struct sim_journal j = { 0 };

	(void)state;
	const struct sim_entry *e = sim_journal_add(&j, 0, SIM_LEADS, NULL, NULL, NULL, "%s", "");
	assert_string_equal(e->node, "");
	assert_string_equal(e->service, "");
	assert_string_equal(e->text, "");
	assert_int_equal(e->ip.family, IP_NONE);
	sim_journal_done(&j);
}

/* A run that never ends must not eat the memory; but what was found is the reason for the run. */
static void test_what_is_beyond_the_most_is_counted_and_findings_are_kept(void **state)
{
	struct sim_journal j = { .most = 2 };

	(void)state;
	for (int i = 0; i < 5; i++)
		sim_journal_add(&j, (uint64_t)i, SIM_DARK, "node1", "web/front", NULL, "%d", i)
			->value_ns = 1;
	sim_journal_add(&j, 6, SIM_FAULT, NULL, NULL, NULL, "kill");
	sim_journal_add(&j, 7, SIM_HEALED, NULL, NULL, NULL, "restart");
	sim_journal_add(&j, 8, SIM_EXPECTED, NULL, NULL, NULL, "held");
	sim_journal_add(&j, 9, SIM_DISAPPOINTED, NULL, NULL, NULL, "did not hold");
	sim_journal_add(&j, 9, SIM_BROKEN, NULL, NULL, NULL, "two owners");

	assert_int_equal(j.count, 7);
	assert_int_equal(j.left_out, 3);
	assert_int_equal(j.items[1].at_ns, 1);
	assert_int_equal(j.items[2].type, SIM_FAULT);
	assert_int_equal(j.items[6].type, SIM_BROKEN);
	assert_int_equal(j.disappointed, 1);
	assert_int_equal(j.broken, 1);
	sim_journal_done(&j);
}

static void test_nothing_is_left_behind(void **state)
{
	struct sim_journal j = { .most = 1 };

	(void)state;
	for (int i = 0; i < 3; i++)
		sim_journal_add(&j, 0, SIM_TOLD, "a", "b/c", NULL, "text %d", i);
	sim_journal_done(&j);
	assert_int_equal(intern_count(), 0);
	assert_int_equal(j.count, 0);
	assert_int_equal(j.left_out, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_noted_is_a_copy),
		cmocka_unit_test(test_what_does_not_matter_is_empty),
		cmocka_unit_test(test_what_is_beyond_the_most_is_counted_and_findings_are_kept),
		cmocka_unit_test(test_nothing_is_left_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
