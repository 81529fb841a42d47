// SPDX-License-Identifier: Apache-2.0
/* Covers against what they must and may hold, filters by running them as the kernel would. */
#include "speaker/filter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <linux/if_packet.h>

#include "lib/base/rng.h"
#include "sim/bpf.h"
#include "tests/unit/frames.h"

static bool passes_arp(const struct ip_prefix *p, size_t n, const struct frame *f, uint8_t type)
{
	struct sock_filter code[FILTER_LEN_MAX];
	size_t len = filter_arp(p, n, code);

	assert_true(len <= FILTER_LEN_MAX);
	assert_true(sim_bpf_is_valid(code, len));
	return sim_bpf_run(code, f->bytes, f->len, type) > 0;
}

static bool passes_ndp(const struct ip_prefix *p, size_t n, const struct frame *f, uint8_t type)
{
	struct sock_filter code[FILTER_LEN_MAX];
	size_t len = filter_ndp(p, n, code);

	assert_true(len <= FILTER_LEN_MAX);
	assert_true(sim_bpf_is_valid(code, len));
	return sim_bpf_run(code, f->bytes, f->len, type) > 0;
}

/* --- filters ------------------------------------------------------------------------------- */

static struct ip_prefix prefix(const char *text)
{
	struct ip_prefix p;

	assert_int_equal(ip_prefix_parse(text, &p), 0);
	return p;
}

static void test_only_arp_requests_for_covered_targets_pass(void **state)
{
	const struct ip_prefix held[] = { prefix("192.0.2.8/30"), prefix("198.51.100.7/32") };
	struct frame f;

	(void)state;
	f = arp_request("10.0.0.1", "192.0.2.11");
	assert_true(passes_arp(held, 2, &f, PACKET_BROADCAST));
	f = arp_request("0.0.0.0", "198.51.100.7");
	assert_true(passes_arp(held, 2, &f, PACKET_BROADCAST));
	assert_true(passes_arp(held, 2, &f, PACKET_HOST));
	assert_false(passes_arp(held, 2, &f, PACKET_OTHERHOST));
	assert_false(passes_arp(held, 0, &f, PACKET_BROADCAST));
	f = arp_request("192.0.2.8", "192.0.2.12"); /* the sender's address is no matter */
	assert_false(passes_arp(held, 2, &f, PACKET_BROADCAST));
	f = arp_request("10.0.0.1", "198.51.100.6");
	assert_false(passes_arp(held, 2, &f, PACKET_BROADCAST));
	f = arp_request("10.0.0.1", "192.0.2.11");
	f.bytes[21] = ARP_REPLY;
	assert_false(passes_arp(held, 2, &f, PACKET_BROADCAST));
	f = arp_request("10.0.0.1", "192.0.2.11");
	f.len = 40; /* cut inside the target */
	assert_false(passes_arp(held, 2, &f, PACKET_BROADCAST));
}

static void test_the_prefix_of_no_length_lets_every_request_in(void **state)
{
	const struct ip_prefix any = { .addr.family = IP_V4 };
	struct frame f = arp_request("10.0.0.1", "203.0.113.200");

	(void)state;
	assert_true(passes_arp(&any, 1, &f, PACKET_BROADCAST));
}

static void test_only_solicitations_for_covered_targets_pass(void **state)
{
	const struct ip_prefix held[] = { prefix("2001:db8:1::10/128"), prefix("2001:db8:2::/71") };
	struct frame f;

	(void)state;
	f = neighbour_solicitation(
		(struct ns_shape){ .src = "fe80::1", .target = "2001:db8:1::10" });
	assert_true(passes_ndp(held, 2, &f, PACKET_MULTICAST));
	assert_false(passes_ndp(held, 2, &f, PACKET_OTHERHOST));
	assert_false(passes_ndp(held, 0, &f, PACKET_MULTICAST));
	f = neighbour_solicitation((struct ns_shape){
		.src = "::", .target = "2001:db8:2:0:100::5", .no_lladdr = true });
	assert_true(passes_ndp(held, 2, &f, PACKET_MULTICAST));
	f = neighbour_solicitation((struct ns_shape){
		.src = "::", .target = "2001:db8:2:0:200::5", .no_lladdr = true });
	assert_false(passes_ndp(held, 2, &f, PACKET_MULTICAST));
	f = neighbour_solicitation(
		(struct ns_shape){ .src = "fe80::1", .target = "2001:db8:1::11" });
	assert_false(passes_ndp(held, 2, &f, PACKET_MULTICAST));
	f = neighbour_solicitation(
		(struct ns_shape){ .src = "fe80::1", .target = "2001:db8:1::10", .type = 136 });
	assert_false(passes_ndp(held, 2, &f, PACKET_MULTICAST));
}

/* Of a prefix of any length, the filter tests its bits, all of them and no other. */
static void test_each_length_tests_exactly_its_bits(void **state)
{
	const struct ip_addr bases[] = { ip_of("192.0.2.165"), ip_of("2001:db8:a5a5::c3:96") };
	char text[IP_TEXT_MAX];

	(void)state;
	for (size_t b = 0; b < 2; b++) {
		unsigned bits = ip_bits(bases[b].family);
		for (unsigned len = 0; len <= bits; len++) {
			struct ip_prefix held = ip_prefix_of(&bases[b], (uint8_t)len);
			for (unsigned flip = 0; flip <= bits; flip++) { /* `bits`: none */
				struct ip_addr asked = bases[b];
				if (flip < bits)
					asked.bytes[flip / 8] ^= (uint8_t)(0x80 >> flip % 8);
				ip_format(&asked, text);
				struct frame f =
					b == 0 ? arp_request("10.0.0.1", text)
					       : neighbour_solicitation((struct ns_shape){
							 .src = "fe80::1", .target = text });
				bool passed = b == 0 ? passes_arp(&held, 1, &f, PACKET_BROADCAST)
						     : passes_ndp(&held, 1, &f, PACKET_MULTICAST);
				assert_int_equal(passed, flip >= len);
			}
		}
	}
}

/* --- covers -------------------------------------------------------------------------------- */

static int address_cmp(const void *a, const void *b)
{
	return ip_cmp(a, b);
}

static size_t distinct(struct ip_addr *a, size_t n)
{
	size_t to = 0;

	qsort(a, n, sizeof(*a), address_cmp);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || !ip_equal(&a[i], &a[i - 1]))
			a[to++] = a[i];
	return to;
}

/* Random sets of all sizes and both families: all covered, within the limit, ascending, disjoint,
 * no prefix without an address; and each address passes the filter made of the cover. */
static void test_every_address_is_covered_within_the_limit(void **state)
{
	struct rng rng = rng_seeded(7);

	(void)state;
	for (unsigned round = 0; round < 400; round++) {
		uint8_t family = round % 2 == 0 ? IP_V4 : IP_V6;
		size_t n = 1 + rng_below(&rng, 300), max = 1 + rng_below(&rng, 64);
		unsigned spread = 4 + (unsigned)rng_below(&rng, ip_bits(family) - 4);
		struct ip_addr *a = calloc(n, sizeof(*a));
		struct ip_prefix cover[FILTER_PREFIXES_MAX];

		for (size_t i = 0; i < n; i++) {
			u128 r = (u128)rng_next(&rng) << 64 | rng_next(&rng);
			if (spread < 128)
				r &= ((u128)1 << spread) - 1;
			a[i] = ip_from_number(family, r);
		}
		n = distinct(a, n);
		size_t count = filter_cover(a, n, max, cover);
		assert_in_range(count, 1, max);

		size_t at = 0;
		for (size_t i = 0; i < count; i++) {
			size_t inside = 0;
			for (; at < n && ip_prefix_contains(&cover[i], &a[at]); at++)
				inside++;
			assert_true(inside > 0);
		}
		assert_int_equal(at, n);
		free(a);
	}
}

static void test_neighbours_are_merged_and_strangers_are_not(void **state)
{
	const struct ip_addr held[] = { ip_of("10.0.0.1"), ip_of("192.0.2.1"), ip_of("192.0.2.2") };
	struct ip_prefix cover[FILTER_PREFIXES_MAX];
	char text[IP_PREFIX_MAX];

	(void)state;
	assert_int_equal(filter_cover(held, 3, 64, cover), 3);
	assert_int_equal(filter_cover(held, 3, 2, cover), 2);
	assert_string_equal(ip_prefix_format(&cover[0], text), "10.0.0.1/32");
	assert_string_equal(ip_prefix_format(&cover[1], text), "192.0.2.0/30");
	assert_int_equal(filter_cover(held, 3, 1, cover), 1);
	assert_string_equal(ip_prefix_format(&cover[0], text), "0.0.0.0/0");
}

static void test_a_full_block_is_one_prefix(void **state)
{
	struct ip_addr held[256];
	struct ip_prefix cover[FILTER_PREFIXES_MAX];
	char text[IP_PREFIX_MAX];

	(void)state;
	for (unsigned i = 0; i < 256; i++)
		held[i] = ip_from_number(IP_V4, 0xc0000200u + i);
	assert_int_equal(filter_cover(held, 256, 64, cover), 1);
	assert_string_equal(ip_prefix_format(&cover[0], text), "192.0.2.0/24");
}

/* The longest program: 64 IPv6 prefixes that need every word and a mask. */
static void test_the_largest_filter_fits_and_works(void **state)
{
	struct ip_prefix held[FILTER_PREFIXES_MAX];
	char text[IP_TEXT_MAX];

	(void)state;
	for (unsigned i = 0; i < FILTER_PREFIXES_MAX; i++) {
		snprintf(text, sizeof(text), "2001:db8::%x:0", i);
		struct ip_addr ip = ip_of(text);
		held[i] = ip_prefix_of(&ip, 127);
	}
	struct frame last = neighbour_solicitation(
		(struct ns_shape){ .src = "fe80::1", .target = "2001:db8::3f:1" });
	struct frame none = neighbour_solicitation(
		(struct ns_shape){ .src = "fe80::1", .target = "2001:db8::3f:2" });
	assert_true(passes_ndp(held, FILTER_PREFIXES_MAX, &last, PACKET_MULTICAST));
	assert_false(passes_ndp(held, FILTER_PREFIXES_MAX, &none, PACKET_MULTICAST));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_arp_requests_for_covered_targets_pass),
		cmocka_unit_test(test_the_prefix_of_no_length_lets_every_request_in),
		cmocka_unit_test(test_only_solicitations_for_covered_targets_pass),
		cmocka_unit_test(test_each_length_tests_exactly_its_bits),
		cmocka_unit_test(test_every_address_is_covered_within_the_limit),
		cmocka_unit_test(test_neighbours_are_merged_and_strangers_are_not),
		cmocka_unit_test(test_a_full_block_is_one_prefix),
		cmocka_unit_test(test_the_largest_filter_fits_and_works),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
