// SPDX-License-Identifier: Apache-2.0
/* Byte for byte by draft-ietf-opsawg-pcapng sections 3.1, 3.5 and 4.1 to 4.3. */
#include "proto/pcapng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static uint8_t bytes[140000];

static struct wr writer(void)
{
	memset(bytes, 0xaa, sizeof(bytes));
	return wr_init(bytes, sizeof(bytes));
}

static void assert_wrote(const struct wr *w, const void *expected, size_t len)
{
	assert_false(wr_failed(w));
	assert_int_equal(wr_len(w), len);
	assert_memory_equal(bytes, expected, len);
}

static void test_a_section_header_names_who_writes(void **state)
{
	static const uint8_t expected[] = {
		0x0a, 0x0d, 0x0d, 0x0a, 0,    0,    0,    44,   /* type, length */
		0x1a, 0x2b, 0x3c, 0x4d, 0,    1,    0,    0,    /* byte order, version 1.0 */
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, /* of unknown length */
		0,    4,    0,    5,    'h',  'e',  'l',  'l',  'o', 0, 0, 0, /* shb_userappl */
		0,    0,    0,    0,    0,    0,    0,    44,
	};
	struct wr w = writer();

	(void)state;
	pcapng_section_encode(&w, "hello");
	assert_wrote(&w, expected, sizeof(expected));
}

static void test_an_interface_has_a_name_a_description_and_nanoseconds(void **state)
{
	static const uint8_t expected[] = {
		0, 0, 0, 1, 0,    0,    0,    48,  0, 1, 0, 0, 0, 4, 0, 0, /* Ethernet, 262144 */
		0, 2, 0, 4, 'e',  't',  'h',  '0',                         /* if_name: no padding */
		0, 3, 0, 3, 0xe2, 0x82, 0xac, 0, /* if_description: UTF-8 */
		0, 9, 0, 1, 9,    0,    0,    0, /* if_tsresol: 10^-9 */
		0, 0, 0, 0, 0,    0,    0,    48,
	};
	struct wr w = writer();

	(void)state;
	pcapng_interface_encode(&w, "eth0", "\u20ac");
	assert_wrote(&w, expected, sizeof(expected));
}

static void test_a_packet_has_time_frame_and_comment(void **state)
{
	static const uint8_t expected[] = {
		0,    0,    0,    6,    0,    0,    0,    52,   0, 0, 0, 2, /* on interface 2 */
		0x17, 0x97, 0x9c, 0xfe, 0x36, 0x2a, 0x00, 0x01, /* both halves of the time */
		0,    0,    0,    5,    0,    0,    0,    5,    1, 2, 3, 4,
		5,    0,    0,    0,                         /* captured, on the wire */
		0,    1,    0,    2,    'o',  'k',  0,    0, /* opt_comment */
		0,    0,    0,    0,    0,    0,    0,    52,
	};
	struct wr w = writer();

	(void)state;
	pcapng_packet_encode(&w, 2, 1700000000000000001, "\1\2\3\4\5", 5, "ok");
	assert_wrote(&w, expected, sizeof(expected));
}

static void test_what_is_not_said_takes_no_room(void **state)
{
	static const uint8_t section[] = {
		0x0a, 0x0d, 0x0d, 0x0a, 0,    0,    0,    28,   0x1a, 0x2b, 0x3c, 0x4d, 0, 1,
		0,    0,    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0,    0,    0, 28,
	};
	static const uint8_t packet[] = {
		0, 0, 0, 6, 0, 0, 0, 36, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0, 9, 0, 0, 0, 4, 0, 0,  0, 4, 1, 2, 3, 4, 0, 0, 0, 36,
	};
	struct wr w = writer();

	(void)state;
	pcapng_section_encode(&w, NULL);
	assert_wrote(&w, section, sizeof(section));
	for (unsigned i = 0; i < 2; i++) {
		w = writer();
		pcapng_packet_encode(&w, 0, 9, "\1\2\3\4", 4, i == 0 ? NULL : "");
		assert_wrote(&w, packet, sizeof(packet));
	}
}

static void test_a_text_that_is_too_long_ends_with_a_whole_character(void **state)
{
	enum { LONG = 70000 };
	char *text = malloc(LONG + 1);
	struct wr w = writer();

	(void)state;
	for (size_t i = 0; i < LONG; i++) /* two bytes each: the 65,535th is half of one */
		text[i] = i % 2 == 0 ? '\xc3' : '\xa9';
	text[LONG] = '\0';
	pcapng_packet_encode(&w, 0, 0, text, 4, text);
	assert_false(wr_failed(&w));
	struct rd r = rd_init(bytes, wr_len(&w));
	rd_take(&r, 28 + 4);
	assert_int_equal(rd_u16(&r), 1);
	assert_int_equal(rd_u16(&r), UINT16_MAX - 1);
	assert_memory_equal(rd_take(&r, UINT16_MAX - 1), text, UINT16_MAX - 1);
	free(text);
}

/* Every block in as much room as is asked for, and in any less. */
static void test_room_suffices_and_less_fails_without_harm(void **state)
{
	static const char *const texts[] = { NULL, "", "a", "ab", "abc", "abcd", "abcde" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		for (size_t len = 0; len < 9; len++) {
			size_t room = pcapng_packet_room(len, texts[i]), used;
			uint8_t *buf = malloc(room);
			struct wr w = wr_init(buf, room);

			pcapng_packet_encode(&w, 0, 0, "12345678", len, texts[i]);
			assert_false(wr_failed(&w));
			used = wr_len(&w);
			assert_int_equal(used % 4, 0);
			free(buf);
			for (size_t less = 1; less < used; less++) {
				buf = malloc(less);
				w = wr_init(buf, less);
				pcapng_packet_encode(&w, 0, 0, "12345678", len, texts[i]);
				assert_true(wr_failed(&w));
				free(buf);
			}
			room = pcapng_header_room(texts[i], texts[len % 7]);
			buf = malloc(room);
			w = wr_init(buf, room);
			pcapng_interface_encode(&w, texts[i], texts[len % 7]);
			assert_false(wr_failed(&w));
			w = wr_init(buf, pcapng_header_room(texts[i], NULL));
			pcapng_section_encode(&w, texts[i]);
			assert_false(wr_failed(&w));
			free(buf);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_section_header_names_who_writes),
		cmocka_unit_test(test_an_interface_has_a_name_a_description_and_nanoseconds),
		cmocka_unit_test(test_a_packet_has_time_frame_and_comment),
		cmocka_unit_test(test_what_is_not_said_takes_no_room),
		cmocka_unit_test(test_a_text_that_is_too_long_ends_with_a_whole_character),
		cmocka_unit_test(test_room_suffices_and_less_fails_without_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
