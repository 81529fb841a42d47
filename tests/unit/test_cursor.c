// SPDX-License-Identifier: Apache-2.0
/* lib/base/cursor.h: a read or write too far fails, sticks, and touches nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/cursor.h"

static void test_numbers_are_read_in_network_order(void **state)
{
	static const uint8_t bytes[] = { 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0xff };
	struct rd r = rd_init(bytes, sizeof(bytes));

	(void)state;
	assert_int_equal(rd_u8(&r), 0x01);
	assert_int_equal(rd_u16(&r), 0x0203);
	assert_int_equal(rd_u32(&r), 0x04050607);
	assert_int_equal(rd_left(&r), 1);
	assert_int_equal(rd_u8(&r), 0xff);
	assert_int_equal(rd_left(&r), 0);
	assert_false(rd_failed(&r));
}

/* On a heap copy of exactly n bytes, so that the sanitizer sees a read of one too many. */
static void test_every_cut_of_a_packet_fails_and_sticks(void **state)
{
	(void)state;
	for (size_t n = 0; n < 7; n++) {
		uint8_t *bytes = malloc(n == 0 ? 1 : n);
		memset(bytes, 0xaa, n);
		struct rd r = rd_init(bytes, n);

		rd_u8(&r);
		rd_u16(&r);
		rd_u32(&r);
		assert_true(rd_failed(&r));
		assert_int_equal(rd_left(&r), 0);
		assert_int_equal(rd_u8(&r), 0); /* even if a byte would be there */
		assert_null(rd_take(&r, 0));
		free(bytes);
	}
}

static void test_a_failed_copy_zeroes_its_target(void **state)
{
	static const uint8_t bytes[] = { 1, 2, 3 };
	uint8_t to[4] = { 9, 9, 9, 9 };
	struct rd r = rd_init(bytes, sizeof(bytes));

	(void)state;
	rd_bytes(&r, to, 4);
	assert_true(rd_failed(&r));
	assert_memory_equal(to, "\0\0\0\0", 4);

	r = rd_init(bytes, sizeof(bytes));
	rd_bytes(&r, to, 3);
	assert_memory_equal(to, "\1\2\3", 3);
}

static void test_a_sub_cursor_ends_where_its_length_says(void **state)
{
	static const uint8_t bytes[] = { 1, 2, 3, 4 };
	struct rd r = rd_init(bytes, sizeof(bytes));
	struct rd body = rd_sub(&r, 2);

	(void)state;
	assert_int_equal(rd_u16(&body), 0x0102);
	rd_u8(&body);
	assert_true(rd_failed(&body)); /* does not run into what follows */
	assert_false(rd_failed(&r));
	assert_int_equal(rd_u8(&r), 3);

	body = rd_sub(&r, 2); /* one is left */
	assert_true(rd_failed(&body));
	assert_true(rd_failed(&r));
}

static void test_no_bytes_at_all_can_be_read(void **state)
{
	struct rd r = rd_init(NULL, 0);

	(void)state;
	assert_int_equal(rd_left(&r), 0);
	assert_non_null(rd_take(&r, 0));
	assert_false(rd_failed(&r));
	rd_u8(&r);
	assert_true(rd_failed(&r));
}

static void test_what_is_written_reads_back(void **state)
{
	uint8_t bytes[16];
	struct wr w = wr_init(bytes, sizeof(bytes));

	(void)state;
	wr_u8(&w, 0x01);
	uint8_t *hole = wr_hole16(&w);
	wr_u32(&w, 0xdeadbeef);
	wr_bytes(&w, "xy", 2);
	wr_u16(&w, 0x0a0b);
	wr_fill16(&w, hole, (uint16_t)wr_len(&w));
	assert_false(wr_failed(&w));
	assert_int_equal(wr_len(&w), 11);
	assert_memory_equal(bytes, "\x01\x00\x0b\xde\xad\xbe\xefxy\x0a\x0b", 11);
}

static void test_a_full_buffer_fails_and_says_nothing_is_there(void **state)
{
	uint8_t bytes[5] = { 0, 0, 0, 0, 0x77 };
	struct wr w = wr_init(bytes, 4);

	(void)state;
	wr_u16(&w, 0x0102);
	wr_u32(&w, 0x03040506); /* only half would fit */
	assert_true(wr_failed(&w));
	assert_int_equal(wr_len(&w), 0);
	wr_u8(&w, 9); /* would fit, but the packet is lost already */
	assert_memory_equal(bytes, "\1\2\0\0\x77", 5);
	assert_null(wr_hole16(&w));
	wr_fill16(&w, NULL, 1);
	assert_null(wr_room(&w, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers_are_read_in_network_order),
		cmocka_unit_test(test_every_cut_of_a_packet_fails_and_sticks),
		cmocka_unit_test(test_a_failed_copy_zeroes_its_target),
		cmocka_unit_test(test_a_sub_cursor_ends_where_its_length_says),
		cmocka_unit_test(test_no_bytes_at_all_can_be_read),
		cmocka_unit_test(test_what_is_written_reads_back),
		cmocka_unit_test(test_a_full_buffer_fails_and_says_nothing_is_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
