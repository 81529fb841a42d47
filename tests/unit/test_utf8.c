// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/utf8.h"

static void test_half_a_character_is_cut_off(void **state)
{
	static const char text[] = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x94\x94z"; /* of 1, 2, 3, 4, 1 */
	static const size_t whole[] = { 0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11 };
	(void)state;

	for (size_t len = 0; len <= strlen(text); len++)
		assert_int_equal(utf8_whole(text, len), whole[len]);
}

/* What is no UTF-8 to begin with is not made any shorter than by a character. */
static void test_other_bytes(void **state)
{
	(void)state;

	assert_int_equal(utf8_whole("\x80\x80\x80\x80\x80", 5), 5);
	assert_int_equal(utf8_whole("\x80", 1), 1);
	assert_int_equal(utf8_whole("abc\xff", 4), 3);
}

static void test_a_character_has_a_length(void **state)
{
	(void)state;

	assert_int_equal(utf8_len("a"), 1);
	assert_int_equal(utf8_len("\xc3\xa9z"), 2);
	assert_int_equal(utf8_len("\xe2\x82\xac"), 3);
	assert_int_equal(utf8_len("\xf0\x9f\x94\x94"), 4);
	assert_int_equal(utf8_len("\xc3"), 0);         /* cut */
	assert_int_equal(utf8_len("\x80"), 0);         /* has no beginning */
	assert_int_equal(utf8_len("\xc0\x80"), 0);     /* longer than it need be */
	assert_int_equal(utf8_len("\xed\xa0\x80"), 0); /* half of a pair of UTF-16 */
	assert_int_equal(utf8_len("\xf5\x80\x80\x80"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_half_a_character_is_cut_off),
		cmocka_unit_test(test_other_bytes),
		cmocka_unit_test(test_a_character_has_a_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
