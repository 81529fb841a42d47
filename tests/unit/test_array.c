// SPDX-License-Identifier: Apache-2.0
/* lib/base/array.h: a growing array keeps what it holds and frees all of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/array.h"

struct item {
	uint64_t number;
	char pad[24];
};

struct items {
	ARRAY_OF(struct item);
};

static void test_elements_keep_their_values_while_it_grows(void **state)
{
	struct items a = { 0 };

	(void)state;
	for (uint64_t i = 0; i < 1000; i++) {
		struct item *it = array_push(&a);
		assert_non_null(it);
		assert_int_equal(it->number, 0); /* fresh memory is zeroed */
		assert_int_equal(it->pad[23], 0);
		it->number = i;
		it->pad[23] = 'x';
	}
	assert_int_equal(a.count, 1000);
	assert_in_range(a.cap, 1000, 2000);
	for (uint64_t i = 0; i < 1000; i++)
		assert_int_equal(a.items[i].number, i);
	array_free(&a);
	assert_null(a.items);
	assert_int_equal(a.count + a.cap, 0);
}

static void test_a_reused_slot_is_zeroed_again(void **state)
{
	struct items a = { 0 };

	(void)state;
	array_push(&a)->number = 7;
	a.count = 0;
	assert_int_equal(array_push(&a)->number, 0);
	array_free(&a);
}

static void test_trim_gives_spare_room_back(void **state)
{
	struct items a = { 0 };

	(void)state;
	for (uint64_t i = 0; i < 5; i++)
		array_push(&a)->number = i;
	array_trim(&a);
	assert_int_equal(a.cap, 5);
	assert_int_equal(a.items[4].number, 4);
	array_push(&a)->number = 5;
	assert_int_equal(a.items[5].number, 5);

	a.count = 0;
	array_trim(&a);
	assert_null(a.items);
	array_trim(&a); /* nothing to do */
	array_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_elements_keep_their_values_while_it_grows),
		cmocka_unit_test(test_a_reused_slot_is_zeroed_again),
		cmocka_unit_test(test_trim_gives_spare_room_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
