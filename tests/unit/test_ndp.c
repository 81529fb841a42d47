// SPDX-License-Identifier: Apache-2.0
/* Neighbour discovery: frames made by scapy 2.5 as vectors, and each check of RFC 4861
 * section 7.1.1. */
#include "proto/ndp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/frames.h"

/* From fe80::1, who is 2001:db8:1::10? */
static const uint8_t solicitation[] = {
	0x33, 0x33, 0xff, 0x00, 0x00, 0x10, 0x02, 0x00, 0x00, 0x00, 0x00, 0x01, 0x86, 0xdd, 0x60,
	0x00, 0x00, 0x00, 0x00, 0x20, 0x3a, 0xff, 0xfe, 0x80, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0xff, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x01, 0xff, 0x00, 0x00, 0x10, 0x87, 0x00, 0x4b, 0x42, 0x00, 0x00,
	0x00, 0x00, 0x20, 0x01, 0x0d, 0xb8, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x10, 0x01, 0x01, 0x02, 0x00, 0x00, 0x00, 0x00, 0x01,
};

/* From fe80::aa to fe80::1: 2001:db8:1::10 is at 02:00:00:00:00:aa, S=1, O=0. */
static const uint8_t advertisement[] = {
	0x02, 0x00, 0x00, 0x00, 0x00, 0x01, 0x02, 0x00, 0x00, 0x00, 0x00, 0xaa, 0x86, 0xdd, 0x60,
	0x00, 0x00, 0x00, 0x00, 0x20, 0x3a, 0xff, 0xfe, 0x80, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xaa, 0xfe, 0x80, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x88, 0x00, 0x07, 0x83, 0x40, 0x00,
	0x00, 0x00, 0x20, 0x01, 0x0d, 0xb8, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x10, 0x02, 0x01, 0x02, 0x00, 0x00, 0x00, 0x00, 0xaa,
};

/* Decode a heap copy of exactly @n bytes of a frame, so that ASan sees a read of one too many. */
static const char *decode_copy(const uint8_t *bytes, size_t n, struct ndp_ns *ret)
{
	uint8_t *copy = malloc(n == 0 ? 1 : n);
	struct ether e;

	assert_non_null(copy);
	memcpy(copy, bytes, n);
	struct rd r = rd_init(copy, n);
	const char *bad = ether_decode(&r, &e) < 0 ? "short" : ndp_ns_decode(r, ret);
	free(copy);
	return bad;
}

static void test_solicitation_is_read(void **state)
{
	struct ndp_ns ns;
	char text[IP_TEXT_MAX];

	(void)state;
	assert_null(decode_copy(solicitation, sizeof(solicitation), &ns));
	assert_string_equal(ip_format(&ns.src, text), "fe80::1");
	assert_string_equal(ip_format(&ns.target, text), "2001:db8:1::10");
	assert_true(ns.has_lladdr);
	assert_memory_equal(ns.lladdr, client_mac, sizeof(client_mac));
}

static void test_cut_anywhere_it_is_refused_and_the_result_left_alone(void **state)
{
	(void)state;
	for (size_t n = 0; n < sizeof(solicitation); n++) {
		struct ndp_ns ns = { .has_lladdr = true, .target = ip_of("::9") };

		assert_string_equal(decode_copy(solicitation, n, &ns), "short");
		assert_true(ns.has_lladdr);
		assert_int_equal(ns.target.bytes[15], 9);
	}
}

static void test_any_flipped_bit_of_the_message_is_noticed(void **state)
{
	(void)state;
	for (size_t i = ETHER_HEADER_LEN + 8; i < sizeof(solicitation); i++) {
		uint8_t bytes[sizeof(solicitation)];
		struct ndp_ns ns;

		memcpy(bytes, solicitation, sizeof(bytes));
		bytes[i] ^= 0x04;
		assert_non_null(decode_copy(bytes, sizeof(bytes), &ns));
	}
}

static void test_each_check_of_rfc4861_section_7_1_1(void **state)
{
	static const struct {
		struct ns_shape shape;
		const char *why; /* NULL: it is good */
	} rows[] = {
		{ { .src = "fe80::1", .target = "2001:db8::1" }, NULL },
		{ { .src = "fe80::1", .target = "2001:db8::1", .no_lladdr = true }, NULL },
		{ { .src = "fe80::1", .dst = "2001:db8::1", .target = "2001:db8::1" }, NULL },
		{ { .src = "::", .target = "2001:db8::1", .no_lladdr = true }, NULL },
		{ { .src = "fe80::1", .target = "2001:db8::1", .hop_limit = 254 }, "hop_limit" },
		{ { .src = "fe80::1", .target = "2001:db8::1", .bad_checksum = true }, "checksum" },
		{ { .src = "fe80::1", .target = "2001:db8::1", .code = 1 }, "not_a_solicitation" },
		{ { .src = "fe80::1", .target = "2001:db8::1", .type = 136 },
		  "not_a_solicitation" },
		{ { .src = "fe80::1", .target = "ff02::1" }, "target_multicast" },
		{ { .src = "fe80::1", .target = "2001:db8::1", .option_units = 0xff },
		  "option_length" },
		{ { .src = "fe80::1", .target = "2001:db8::1", .option_units = 2 },
		  "option_length" },
		{ { .src = "ff02::1", .target = "2001:db8::1" }, "source_multicast" },
		{ { .src = "::", .target = "2001:db8::1" }, "source_unspecified" },
		{ { .src = "::", .dst = "ff02::1", .target = "2001:db8::1", .no_lladdr = true },
		  "source_unspecified" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct frame f = neighbour_solicitation(rows[i].shape);
		struct ndp_ns ns;
		const char *bad = decode_copy(f.bytes, f.len, &ns);

		if (rows[i].why == NULL)
			assert_null(bad);
		else
			assert_string_equal(bad, rows[i].why);
	}
}

static void test_advertisement_is_byte_for_byte_the_vector(void **state)
{
	struct ndp_na na = { .src = ip_of("fe80::aa"),
			     .dst = ip_of("fe80::1"),
			     .target = ip_of("2001:db8:1::10"),
			     .solicited = true };
	uint8_t bytes[NDP_NA_FRAME_LEN];

	(void)state;
	memcpy(na.eth_dst, client_mac, sizeof(na.eth_dst));
	memcpy(na.lladdr, node_mac, sizeof(na.lladdr));
	struct wr w = wr_init(bytes, sizeof(bytes));
	ndp_na_encode(&w, &na);
	assert_int_equal(wr_len(&w), sizeof(advertisement));
	assert_memory_equal(bytes, advertisement, sizeof(advertisement));

	for (size_t n = 0; n < sizeof(bytes); n++) {
		w = wr_init(bytes, n);
		ndp_na_encode(&w, &na);
		assert_true(wr_failed(&w));
	}
}

/* With the option and without it, as the frame that was put together by hand. */
static void test_solicitation_is_written_as_it_is_read(void **state)
{
	const struct ns_shape shapes[] = {
		{ .src = "fe80::1", .target = "2001:db8:1::10" },
		{ .src = "::", .target = "2001:db8:1::10", .no_lladdr = true },
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct frame f = neighbour_solicitation(shapes[i]);
		struct ndp_ns ns;
		uint8_t bytes[128];
		struct wr w = wr_init(bytes, sizeof(bytes));

		assert_null(decode_copy(f.bytes, f.len, &ns));
		ndp_ns_encode(&w, f.bytes, client_mac, &ns);
		assert_int_equal(wr_len(&w), f.len);
		assert_memory_equal(bytes, f.bytes, f.len);
	}
}

/* RFC 4291 section 2.7.1 and RFC 2464 section 7, with the examples in them. */
static void test_group_and_its_mac(void **state)
{
	struct ip_addr ip = ip_of("4037::1:800:200e:8c6c"), group = ndp_solicited_node(&ip);
	uint8_t mac[ETHER_ADDR_LEN];
	char text[IP_TEXT_MAX], mac_text[ETHER_TEXT_MAX];

	(void)state;
	assert_string_equal(ip_format(&group, text), "ff02::1:ff0e:8c6c");
	ndp_group_mac(&group, mac);
	assert_string_equal(ether_format(mac, mac_text), "33:33:ff:0e:8c:6c");
}

/* RFC 4291 appendix A: FFFE in the middle, and the universal bit turned. */
static void test_link_local_addresses_are_made_of_the_mac(void **state)
{
	const uint8_t mac[ETHER_ADDR_LEN] = { 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde };
	struct ip_addr ip = ndp_link_local(mac), expected = ip_of("fe80::3656:78ff:fe9a:bcde");

	(void)state;
	assert_true(ip_equal(&ip, &expected));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_solicitation_is_read),
		cmocka_unit_test(test_cut_anywhere_it_is_refused_and_the_result_left_alone),
		cmocka_unit_test(test_any_flipped_bit_of_the_message_is_noticed),
		cmocka_unit_test(test_each_check_of_rfc4861_section_7_1_1),
		cmocka_unit_test(test_advertisement_is_byte_for_byte_the_vector),
		cmocka_unit_test(test_solicitation_is_written_as_it_is_read),
		cmocka_unit_test(test_group_and_its_mac),
		cmocka_unit_test(test_link_local_addresses_are_made_of_the_mac),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
