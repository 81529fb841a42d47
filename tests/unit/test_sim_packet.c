// SPDX-License-Identifier: Apache-2.0
/* Packets of the simulated hosts, against frames that Scapy 2.8.0 made. */
#include "sim/packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const uint8_t mac1[ETHER_ADDR_LEN] = { 2, 0, 0, 0, 0, 1 };
static const uint8_t mac2[ETHER_ADDR_LEN] = { 2, 0, 0, 0, 0, 2 };

struct vector {
	const char *hex, *src, *dst, *payload;
	struct sim_packet p;
};

static const struct vector vectors[] = {
	{ .hex = "02000000000202000000000108004500001f00004000401126cc0a0000010a0000029c400035000b8"
		 "afd"
		 "616263",
	  .src = "10.0.0.1",
	  .dst = "10.0.0.2",
	  .payload = "abc",
	  .p = { .protocol = SIM_UDP, .src_port = 40000, .dst_port = 53 } },
	{ .hex = "02000000000202000000000186dd60000000000c1140fd000000000000000000000000000001fd000"
		 "000"
		 "0000000000000000000000029c400035000ca49561626364",
	  .src = "fd00::1",
	  .dst = "fd00::2",
	  .payload = "abcd",
	  .p = { .protocol = SIM_UDP, .src_port = 40000, .dst_port = 53 } },
	{ .hex = "02000000000202000000000108004500002800004000400626ce0a0000010a0000029c4000b3fffff"
		 "ff0"
		 "000000005002fffffefb0000",
	  .src = "10.0.0.1",
	  .dst = "10.0.0.2",
	  .payload = "",
	  .p = { .protocol = SIM_TCP,
		 .src_port = 40000,
		 .dst_port = 179,
		 .seq = 0xfffffff0,
		 .flags = SIM_SYN,
		 .window = 65535 } },
	{ .hex = "02000000000202000000000186dd6000000000190640fd000000000000000000000000000001fd000"
		 "000"
		 "00000000000000000000000200b39c4000000007fffffff15018ffffd504000068656c6c6f",
	  .src = "fd00::1",
	  .dst = "fd00::2",
	  .payload = "hello",
	  .p = { .protocol = SIM_TCP,
		 .src_port = 179,
		 .dst_port = 40000,
		 .seq = 7,
		 .ack = 0xfffffff1,
		 .flags = SIM_PSH | SIM_ACK,
		 .window = 65535 } },
};
#define VECTORS (sizeof(vectors) / sizeof(vectors[0]))

static size_t frame_of(const char *hex, uint8_t frame[static SIM_FRAME_MAX])
{
	size_t len = 0;

	for (unsigned byte; sscanf(hex, "%2x", &byte) == 1; hex += 2)
		frame[len++] = (uint8_t)byte;
	return len;
}

static struct sim_packet packet_of(const struct vector *v)
{
	struct sim_packet p = v->p;

	assert_int_equal(ip_parse(v->src, &p.src), 0);
	assert_int_equal(ip_parse(v->dst, &p.dst), 0);
	p.payload = (const uint8_t *)v->payload;
	p.payload_len = strlen(v->payload);
	return p;
}

static const char *decode(const uint8_t *frame, size_t len, struct sim_packet *ret)
{
	struct rd r = rd_init(frame, len);
	struct ether e;

	assert_int_equal(ether_decode(&r, &e), 0);
	return sim_packet_decode(e.type, r, ret);
}

static void test_what_is_encoded_is_what_others_encode(void **state)
{
	(void)state;
	for (size_t i = 0; i < VECTORS; i++) {
		struct sim_packet p = packet_of(&vectors[i]);
		uint8_t want[SIM_FRAME_MAX], got[SIM_FRAME_MAX];
		size_t len = frame_of(vectors[i].hex, want);
		struct wr w = wr_init(got, sizeof(got));

		sim_packet_encode(&w, mac2, mac1, &p);
		assert_int_equal(wr_len(&w), len);
		assert_memory_equal(got, want, len);
	}
}

static void test_what_others_encode_is_decoded(void **state)
{
	(void)state;
	for (size_t i = 0; i < VECTORS; i++) {
		struct sim_packet want = packet_of(&vectors[i]), got;
		uint8_t frame[SIM_FRAME_MAX];
		size_t len = frame_of(vectors[i].hex, frame);

		assert_null(decode(frame, len, &got));
		assert_true(ip_equal(&got.src, &want.src) && ip_equal(&got.dst, &want.dst));
		assert_int_equal(got.ttl, 64);
		assert_int_equal(got.protocol, want.protocol);
		assert_int_equal(got.src_port, want.src_port);
		assert_int_equal(got.dst_port, want.dst_port);
		assert_int_equal(got.payload_len, want.payload_len);
		assert_memory_equal(got.payload, want.payload, want.payload_len);
		if (want.protocol != SIM_TCP)
			continue;
		assert_int_equal(got.seq, want.seq);
		assert_int_equal(got.ack, want.ack);
		assert_int_equal(got.flags, want.flags);
		assert_int_equal(got.window, want.window);
	}
}

static void test_padding_behind_a_packet_is_not_of_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < VECTORS; i++) {
		uint8_t frame[SIM_FRAME_MAX] = { 0 };
		size_t len = frame_of(vectors[i].hex, frame);
		struct sim_packet got;

		memset(frame + len, 0xee, 20);
		assert_null(decode(frame, len + 20, &got));
		assert_int_equal(got.payload_len, strlen(vectors[i].payload));
	}
}

static void test_options_of_tcp_are_skipped(void **state)
{
	uint8_t frame[SIM_FRAME_MAX];
	size_t len =
		frame_of("02000000000202000000000108004500002d00004000400626c90a0000010a0000029c40"
			 "00b300000001000000006002ffff6f2e0000020405b478",
			 frame);
	struct sim_packet got;

	(void)state;
	assert_null(decode(frame, len, &got));
	assert_int_equal(got.payload_len, 1);
	assert_int_equal(got.payload[0], 'x');
}

/* Each cut is a copy of its own, so that AddressSanitizer sees a read behind it. */
static void test_a_packet_that_is_cut_anywhere_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < VECTORS; i++) {
		uint8_t frame[SIM_FRAME_MAX];
		size_t len = frame_of(vectors[i].hex, frame);

		for (size_t cut = ETHER_HEADER_LEN; cut < len; cut++) {
			uint8_t *copy = malloc(cut);
			struct sim_packet got = { .ttl = 77 };

			assert_non_null(copy);
			memcpy(copy, frame, cut);
			assert_non_null(decode(copy, cut, &got));
			assert_int_equal(got.ttl, 77); /* untouched */
			free(copy);
		}
	}
}

/* Traffic class, flow label and hop limit of IPv6 are under no checksum. */
static bool is_unprotected(const struct vector *v, size_t byte, unsigned bit)
{
	size_t at = byte - ETHER_HEADER_LEN;

	return strchr(v->src, ':') != NULL &&
	       (at == 7 || (at == 0 && bit < 4) || (at > 0 && at < 4));
}

static void test_one_wrong_bit_anywhere_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < VECTORS; i++) {
		uint8_t frame[SIM_FRAME_MAX];
		size_t len = frame_of(vectors[i].hex, frame);

		for (size_t n = ETHER_HEADER_LEN * 8; n < len * 8; n++) {
			struct sim_packet got;

			if (is_unprotected(&vectors[i], n / 8, n % 8))
				continue;
			frame[n / 8] ^= (uint8_t)(1u << n % 8);
			assert_non_null(decode(frame, len, &got));
			frame[n / 8] ^= (uint8_t)(1u << n % 8);
		}
	}
}

/* RFC 768: over IPv4 a checksum of 0 is none; RFC 8200 section 8.1: over IPv6 it is an error. */
static void test_udp_without_a_checksum_is_for_ipv4_alone(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		uint8_t frame[SIM_FRAME_MAX];
		size_t len = frame_of(vectors[i].hex, frame);
		uint8_t *checksum = frame + ETHER_HEADER_LEN + (i == 0 ? 20 : 40) + 6;
		struct sim_packet got;

		checksum[0] = checksum[1] = 0;
		assert_int_equal(decode(frame, len, &got) == NULL, i == 0);
	}
}

/* It would say that there is none. */
static void test_a_checksum_of_udp_that_comes_to_zero_is_sent_as_ffff(void **state)
{
	struct sim_packet p = packet_of(&vectors[0]), got;
	uint8_t frame[SIM_FRAME_MAX], payload[2] = { 0 };
	struct wr w = wr_init(frame, sizeof(frame));

	(void)state;
	p.payload = payload;
	p.payload_len = sizeof(payload);
	sim_packet_encode(&w, mac2, mac1, &p); /* what is missing to 0 goes into the payload */
	memcpy(payload, frame + ETHER_HEADER_LEN + 26, 2);
	w = wr_init(frame, sizeof(frame));
	sim_packet_encode(&w, mac2, mac1, &p);
	assert_int_equal(frame[ETHER_HEADER_LEN + 26], 0xff);
	assert_int_equal(frame[ETHER_HEADER_LEN + 27], 0xff);
	assert_null(decode(frame, wr_len(&w), &got));
}

/* Right but for one field, with the checksum of the IPv4 header made right again. */
static const char *decode_with(size_t at, uint8_t value)
{
	uint8_t frame[SIM_FRAME_MAX];
	size_t len = frame_of(vectors[0].hex, frame);
	uint8_t *header = frame + ETHER_HEADER_LEN;
	struct sim_packet got;
	uint32_t sum = 0;

	header[at] = value;
	header[10] = header[11] = 0;
	for (size_t i = 0; i < 20; i += 2)
		sum += (uint32_t)(header[i] << 8 | header[i + 1]);
	sum = (sum & 0xffff) + (sum >> 16);
	header[10] = (uint8_t)(~sum >> 8);
	header[11] = (uint8_t)~sum;
	return decode(frame, len, &got);
}

static void test_what_is_not_supported_is_said(void **state)
{
	uint8_t frame[SIM_FRAME_MAX];
	struct sim_packet got;

	(void)state;
	assert_null(decode_with(8, 1));
	assert_string_equal(decode_with(0, 0x46), "ipv4_header");
	assert_string_equal(decode_with(6, 0x20), "fragment"); /* more follow */
	assert_string_equal(decode_with(7, 0x01), "fragment"); /* not the first */
	assert_string_equal(decode_with(9, 1), "protocol");
	assert_string_equal(decode_with(3, 19), "short");
	size_t len = frame_of(vectors[0].hex, frame);
	frame[12] = 0x88;
	assert_string_equal(decode(frame, len, &got), "ether_type");
}

static void test_what_does_not_fit_is_not_written(void **state)
{
	(void)state;
	for (size_t i = 0; i < VECTORS; i++) {
		struct sim_packet p = packet_of(&vectors[i]);
		uint8_t frame[SIM_FRAME_MAX];
		size_t len = frame_of(vectors[i].hex, frame);

		for (size_t room = 1; room < len; room++) {
			uint8_t *small = malloc(room);
			struct wr w = wr_init(small, room);

			assert_non_null(small);
			sim_packet_encode(&w, mac2, mac1, &p);
			assert_true(wr_failed(&w));
			free(small);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_encoded_is_what_others_encode),
		cmocka_unit_test(test_what_others_encode_is_decoded),
		cmocka_unit_test(test_padding_behind_a_packet_is_not_of_it),
		cmocka_unit_test(test_options_of_tcp_are_skipped),
		cmocka_unit_test(test_a_packet_that_is_cut_anywhere_is_refused),
		cmocka_unit_test(test_one_wrong_bit_anywhere_is_refused),
		cmocka_unit_test(test_udp_without_a_checksum_is_for_ipv4_alone),
		cmocka_unit_test(test_a_checksum_of_udp_that_comes_to_zero_is_sent_as_ffff),
		cmocka_unit_test(test_what_is_not_supported_is_said),
		cmocka_unit_test(test_what_does_not_fit_is_not_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
