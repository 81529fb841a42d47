// SPDX-License-Identifier: Apache-2.0
/* lib/base/duration.h: what Go's time.ParseDuration takes, and what it refuses. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/duration.h"

/* Most rows are from the table of Go's own test, src/time/time_test.go. */
static void test_what_go_takes(void **state)
{
	static const struct {
		const char *in;
		uint64_t ns;
	} rows[] = {
		{ "0", 0 },
		{ "0s", 0 },
		{ "5s", 5 * NS_PER_S },
		{ "30s", 30 * NS_PER_S },
		{ "1478s", 1478 * NS_PER_S },
		{ "5.0s", 5 * NS_PER_S },
		{ "5.6s", 5600 * NS_PER_MS },
		{ "5.s", 5 * NS_PER_S },
		{ ".5s", 500 * NS_PER_MS },
		{ "1.0s", NS_PER_S },
		{ "1.004s", 1004 * NS_PER_MS },
		{ "100.00100s", 100001 * NS_PER_MS },
		{ "10ns", 10 },
		{ "11us", 11000 },
		{ "12\xc2\xb5s", 12000 },
		{ "12\xce\xbcs", 12000 },
		{ "13ms", 13 * NS_PER_MS },
		{ "15m", 900 * NS_PER_S },
		{ "16h", 57600 * NS_PER_S },
		{ "3h30m", 12600 * NS_PER_S },
		{ "10.5s4m", 250500 * NS_PER_MS },
		{ "1h2m3s4ms5us6ns", 3723 * NS_PER_S + 4005006 },
		{ "39h9m14.425s", 140954425 * NS_PER_MS },
		{ "52763797000ns", 52763797000 },
		{ "0.3333333333333333333h", 1200 * NS_PER_S - 1 },
		{ "9223372036854775807ns", INT64_MAX },
		{ "9223372036.854775807s", INT64_MAX },
		{ "0.100000000000000000000h", 360 * NS_PER_S },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		uint64_t ns = 1;
		assert_int_equal(duration_parse(rows[i].in, &ns), 0);
		assert_int_equal(ns, rows[i].ns);
	}
}

static void test_what_go_refuses_leaves_the_result_alone(void **state)
{
	static const struct {
		const char *in;
		int rc;
	} rows[] = {
		{ "", -EINVAL },
		{ "3", -EINVAL },
		{ "-5s", -EINVAL },
		{ "s", -EINVAL },
		{ ".", -EINVAL },
		{ ".s", -EINVAL },
		{ "+.s", -EINVAL },
		{ "1d", -EINVAL },
		{ "5 s", -EINVAL },
		{ " 5s", -EINVAL },
		{ "5s ", -EINVAL },
		{ "5s3", -EINVAL },
		{ "1e3s", -EINVAL },
		{ "\x85\x85", -EINVAL },
		{ "5S", -EINVAL },
		{ "9223372036854775808ns", -ERANGE },
		{ "9223372036854ms775us808ns", -ERANGE },
		{ "3000000h", -ERANGE },
		{ "99999999999999999999999999999999999999999999s", -ERANGE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		uint64_t ns = 42;
		assert_int_equal(duration_parse(rows[i].in, &ns), rows[i].rc);
		assert_int_equal(ns, 42);
	}
}

static void test_for_people_it_is_short_and_never_more_than_it_is(void **state)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} rows[] = {
		{ 0, "0 s" },
		{ 1, "1 ns" },
		{ 999, "999 ns" },
		{ 1000, "1 us" },
		{ 41500, "41.5 us" },
		{ 999999, "999 us" },
		{ 3100 * 1000, "3.1 ms" },
		{ 3109 * 1000, "3.1 ms" },
		{ 3050 * 1000, "3.05 ms" },
		{ 40 * NS_PER_MS, "40 ms" },
		{ 99990 * 1000, "99.9 ms" },
		{ 412345 * 1000, "412 ms" },
		{ NS_PER_S - 1, "999 ms" },
		{ NS_PER_S, "1 s" },
		{ 1250 * NS_PER_MS, "1.25 s" },
		{ 60 * NS_PER_S - 1, "59.9 s" },
		{ 60 * NS_PER_S, "1 min" },
		{ 125 * NS_PER_S, "2 min 5 s" },
		{ 3600 * NS_PER_S, "1 h" },
		{ (3 * 3600 + 7 * 60 + 59) * NS_PER_S, "3 h 7 min" },
		{ UINT64_MAX, "5124095 h 34 min" },
	};
	char buf[DURATION_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_string_equal(duration_format(rows[i].ns, buf), rows[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_go_takes),
		cmocka_unit_test(test_what_go_refuses_leaves_the_result_alone),
		cmocka_unit_test(test_for_people_it_is_short_and_never_more_than_it_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
