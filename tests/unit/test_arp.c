// SPDX-License-Identifier: Apache-2.0
/* ARP over Ethernet: bytes of RFC 826's layout, and what is refused. */
#include "proto/arp.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* Who has 192.0.2.10, tell 10.0.0.1: the fields of RFC 826 in their order. */
static const uint8_t request[] = {
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0x00, 0x00, 0x00, 0x00, 0x01, 0x08, 0x06,
	0x00, 0x01, 0x08, 0x00, 0x06, 0x04, 0x00, 0x01, 0x02, 0x00, 0x00, 0x00, 0x00, 0x01,
	0x0a, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xc0, 0x00, 0x02, 0x0a,
};

/* Decode a heap copy of exactly @n bytes, so that ASan sees a read of one too many. */
static const char *decode_copy(const uint8_t *bytes, size_t n, struct arp *ret)
{
	uint8_t *copy = malloc(n == 0 ? 1 : n);
	struct ether e;

	assert_non_null(copy);
	memcpy(copy, bytes, n);
	struct rd r = rd_init(copy, n);
	const char *bad = ether_decode(&r, &e) < 0 ? "short" : arp_decode(r, ret);
	free(copy);
	return bad;
}

static void test_request_is_read(void **state)
{
	struct arp a;
	char text[IP_TEXT_MAX], mac[ETHER_TEXT_MAX];

	(void)state;
	assert_null(decode_copy(request, sizeof(request), &a));
	assert_int_equal(a.op, ARP_REQUEST);
	assert_string_equal(ip_format(&a.sender_ip, text), "10.0.0.1");
	assert_string_equal(ip_format(&a.target_ip, text), "192.0.2.10");
	assert_string_equal(ether_format(a.sender_mac, mac), "02:00:00:00:00:01");
}

static void test_written_frame_is_the_one_read(void **state)
{
	uint8_t bytes[ARP_FRAME_LEN];
	struct wr w = wr_init(bytes, sizeof(bytes));
	struct arp a;

	(void)state;
	assert_null(decode_copy(request, sizeof(request), &a));
	arp_encode(&w, ether_broadcast, &a);
	assert_int_equal(wr_len(&w), sizeof(request));
	assert_memory_equal(bytes, request, sizeof(request));
}

static void test_padding_is_ignored(void **state)
{
	uint8_t padded[60] = { 0 };
	struct arp a;

	(void)state;
	memcpy(padded, request, sizeof(request));
	memset(padded + sizeof(request), 0xa5, sizeof(padded) - sizeof(request));
	assert_null(decode_copy(padded, sizeof(padded), &a));
	assert_int_equal(a.target_ip.bytes[3], 10);
}

static void test_cut_anywhere_it_is_refused_and_the_result_left_alone(void **state)
{
	(void)state;
	for (size_t n = 0; n < sizeof(request); n++) {
		struct arp a = { .op = 77 };

		assert_string_equal(decode_copy(request, n, &a), "short");
		assert_int_equal(a.op, 77);
	}
}

static void test_other_hardware_and_protocols_are_refused(void **state)
{
	static const size_t at[] = { 15, 16, 18, 19 }; /* htype, ptype, hlen, plen */

	(void)state;
	for (size_t i = 0; i < sizeof(at) / sizeof(*at); i++) {
		uint8_t bytes[sizeof(request)];
		struct arp a = { .op = 77 };

		memcpy(bytes, request, sizeof(bytes));
		bytes[at[i]] ^= 0x10;
		assert_string_equal(decode_copy(bytes, sizeof(bytes), &a), "arp_type");
		assert_int_equal(a.op, 77);
	}
}

static void test_no_room_writes_nothing(void **state)
{
	uint8_t bytes[ARP_FRAME_LEN];
	struct arp a = { .op = ARP_REPLY };

	(void)state;
	for (size_t n = 0; n < sizeof(bytes); n++) {
		struct wr w = wr_init(bytes, n);

		arp_encode(&w, ether_broadcast, &a);
		assert_true(wr_failed(&w));
		assert_int_equal(wr_len(&w), 0);
	}
}

static void test_a_mac_is_read_whole_or_not_at_all(void **state)
{
	static const char *const bad[] = { "",
					   "02:00:00:00:00",
					   "02:00:00:00:00:0",
					   "02:00:00:00:00:001",
					   "02:00:00:00:00:01:",
					   "02-00-00-00-00-01",
					   "02:00:00:00:00:0g",
					   "2:0:0:0:0:1",
					   " 02:00:00:00:00:01" };
	uint8_t mac[ETHER_ADDR_LEN];
	char text[ETHER_TEXT_MAX];

	(void)state;
	assert_int_equal(ether_parse("02:aB:9f:00:Ff:01", mac), 0);
	assert_string_equal(ether_format(mac, text), "02:ab:9f:00:ff:01");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(ether_parse(bad[i], mac), -EINVAL);
		assert_string_equal(ether_format(mac, text), "02:ab:9f:00:ff:01");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request_is_read),
		cmocka_unit_test(test_written_frame_is_the_one_read),
		cmocka_unit_test(test_padding_is_ignored),
		cmocka_unit_test(test_cut_anywhere_it_is_refused_and_the_result_left_alone),
		cmocka_unit_test(test_other_hardware_and_protocols_are_refused),
		cmocka_unit_test(test_no_room_writes_nothing),
		cmocka_unit_test(test_a_mac_is_read_whole_or_not_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
