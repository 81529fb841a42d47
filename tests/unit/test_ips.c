// SPDX-License-Identifier: Apache-2.0
/* Lists of a Service's addresses: what is kept is shared, in order, and told in Go's form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "allocator/ips.h"

static struct ip_list list_of(unsigned count)
{
	struct ip_list l = { .count = count };

	for (unsigned i = 0; i < count; i++)
		l.ips[i] = ip_from_number(IP_V4, 0xc0000200u + i);
	return l;
}

static void test_the_empty_list_is_null_and_equal_to_itself(void **state)
{
	struct ip_list none = list_of(0), one = list_of(1);
	struct ip_kept *kept = NULL;

	(void)state;
	ip_kept_set(&kept, ip_list_lend(&none));
	assert_null(kept);
	assert_true(ip_kept_equal(kept, NULL));
	assert_false(ips_equal(ip_kept_lend(kept), ip_list_lend(&one)));
	ip_kept_set(&kept, ip_list_lend(&one));
	assert_false(ip_kept_equal(kept, NULL));
	ip_kept_set(&kept, ip_list_lend(&none));
	assert_null(kept);
}

static void test_keeping_what_is_kept_already_changes_nothing(void **state)
{
	struct ip_list l = list_of(IP_LIST_MAX);
	struct ip_kept *kept = NULL;

	(void)state;
	ip_kept_set(&kept, ip_list_lend(&l));
	const struct ip_kept *before = kept;
	ip_kept_set(&kept, ip_list_lend(&l));
	assert_ptr_equal(kept, before);
	ip_kept_set(&kept, ip_kept_lend(kept));
	assert_ptr_equal(kept, before);

	struct ip_list back = ip_list_of(ip_kept_lend(kept));
	assert_true(ips_equal(ip_list_lend(&back), ip_list_lend(&l)));
	ip_kept_unref(kept);
}

static void test_a_list_may_be_lent_from_the_one_it_replaces(void **state)
{
	struct ip_list l = list_of(3);
	struct ip_kept *kept = NULL;

	(void)state;
	ip_kept_set(&kept, ip_list_lend(&l));
	struct ips first = ip_kept_lend(kept);
	first.count = 1;
	ip_kept_set(&kept, first);
	assert_int_equal(ip_kept_lend(kept).count, 1);
	assert_true(ip_equal(ip_kept_lend(kept).items, &l.ips[0]));
	ip_kept_unref(kept);
}

static void test_a_list_lives_until_nobody_refers_to_it(void **state)
{
	struct ip_list two = list_of(2), three = list_of(3);
	struct ip_kept *held = NULL, *shown;

	(void)state;
	ip_kept_set(&held, ip_list_lend(&two));
	shown = ip_kept_ref(held);
	ip_kept_set(&held, ip_list_lend(&three));
	assert_int_equal(ip_kept_lend(shown).count, 2);
	assert_false(ip_kept_equal(held, shown));
	ip_kept_unref(held);
	ip_kept_unref(shown);
}

static void test_order_counts_for_equality_but_not_for_the_set(void **state)
{
	struct ip_list l = list_of(3), turned = l, other = l;

	(void)state;
	turned.ips[0] = l.ips[2];
	turned.ips[2] = l.ips[0];
	other.ips[2] = ip_from_number(IP_V6, 1);
	assert_false(ips_equal(ip_list_lend(&l), ip_list_lend(&turned)));
	assert_true(ips_same_set(ip_list_lend(&l), ip_list_lend(&turned)));
	assert_false(ips_same_set(ip_list_lend(&l), ip_list_lend(&other)));
}

static void test_text_is_that_of_go_and_a_long_list_is_counted(void **state)
{
	static const struct {
		unsigned count;
		const char *text;
	} cases[] = {
		{ 0, "[]" },
		{ 1, "[\"192.0.2.0\"]" },
		{ 2, "[\"192.0.2.0\" \"192.0.2.1\"]" },
		{ 8, "[\"192.0.2.0\" \"192.0.2.1\" \"192.0.2.2\" \"192.0.2.3\" \"192.0.2.4\" "
		     "\"192.0.2.5\" \"192.0.2.6\" \"192.0.2.7\"]" },
		{ 32, "[\"192.0.2.0\" \"192.0.2.1\" \"192.0.2.2\" \"192.0.2.3\" \"192.0.2.4\" "
		      "\"192.0.2.5\" \"192.0.2.6\" \"192.0.2.7\"] and 24 more" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct ip_list l = list_of(cases[i].count);
		char text[IPS_TEXT_MAX];

		assert_string_equal(ips_text(ip_list_lend(&l), text), cases[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_empty_list_is_null_and_equal_to_itself),
		cmocka_unit_test(test_keeping_what_is_kept_already_changes_nothing),
		cmocka_unit_test(test_a_list_may_be_lent_from_the_one_it_replaces),
		cmocka_unit_test(test_a_list_lives_until_nobody_refers_to_it),
		cmocka_unit_test(test_order_counts_for_equality_but_not_for_the_set),
		cmocka_unit_test(test_text_is_that_of_go_and_a_long_list_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
