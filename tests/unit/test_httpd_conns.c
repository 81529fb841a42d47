// SPDX-License-Identifier: Apache-2.0
/* Which connection has to go, and when; the time is a number. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/daemon/httpd_conns.h"

static void test_each_phase_has_its_time(void **state)
{
	static const struct {
		enum conn_phase phase;
		uint64_t limit_ms;
	} rows[] = {
		{ CONN_NEW, CONN_NEW_MS },
		{ CONN_IDLE, CONN_IDLE_MS },
		{ CONN_BODY, CONN_BODY_MS },
		{ CONN_ANSWER, CONN_ANSWER_MS },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct conns c;
		struct conn one, other;

		conns_init(&c, 10);
		conns_add(&c, &one, 5);
		conns_add(&c, &other, 6);
		conns_enter(&c, &one, rows[i].phase, 1000);
		conns_enter(&c, &other, rows[i].phase, 1001);
		assert_null(conns_overdue(&c, 999 + rows[i].limit_ms));
		assert_ptr_equal(conns_overdue(&c, 1000 + rows[i].limit_ms), &one);
		conns_enter(&c, &one, CONN_DROPPED, 1000 + rows[i].limit_ms);
		assert_null(conns_overdue(&c, 1000 + rows[i].limit_ms));
		assert_ptr_equal(conns_overdue(&c, 1001 + rows[i].limit_ms), &other);
	}
}

static void test_a_stream_has_no_end_of_its_own(void **state)
{
	struct conns c;
	struct conn one;

	(void)state;
	conns_init(&c, 0);
	conns_add(&c, &one, 0);
	conns_enter(&c, &one, CONN_STREAM, 0);
	assert_null(conns_overdue(&c, UINT64_MAX));
	assert_null(conns_surplus(&c, UINT64_MAX));
}

static void test_who_makes_room(void **state)
{
	struct conns c;
	struct conn idle, header, body, reader, stream, young;

	(void)state;
	conns_init(&c, 5);
	conns_add(&c, &stream, 0);
	conns_enter(&c, &stream, CONN_STREAM, 0);
	conns_add(&c, &reader, 0);
	conns_enter(&c, &reader, CONN_ANSWER, 1);
	conns_add(&c, &body, 0);
	conns_enter(&c, &body, CONN_BODY, 2);
	conns_add(&c, &header, 3);
	conns_add(&c, &idle, 0);
	conns_enter(&c, &idle, CONN_IDLE, 4);
	assert_null(conns_surplus(&c, 1000)); /* there is room */
	assert_ptr_equal(conns_slowest(&c, 1000), &reader);
	conns_enter(&c, &reader, CONN_ANSWER, 3);
	assert_ptr_equal(conns_slowest(&c, 1000), &body);
	assert_null(conns_slowest(&c, 200));

	conns_add(&c, &young, 1000);
	c.room = 0;
	struct conn *const order[] = { &idle, &header, &body, &reader };
	for (size_t i = 0; i < 4; i++) {
		assert_ptr_equal(conns_surplus(&c, 1000), order[i]);
		conns_enter(&c, order[i], CONN_DROPPED, 1000);
	}
	/* Those that have just come are left in peace, and the stream is. */
	assert_null(conns_surplus(&c, 999 + CONN_SPARED_MS));
	assert_ptr_equal(conns_surplus(&c, 1000 + CONN_SPARED_MS), &young);
	assert_int_equal(c.count, 2);
	conns_remove(&c, &young);
	conns_remove(&c, &idle);
	assert_int_equal(c.count, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_phase_has_its_time),
		cmocka_unit_test(test_a_stream_has_no_end_of_its_own),
		cmocka_unit_test(test_who_makes_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
