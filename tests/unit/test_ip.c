// SPDX-License-Identifier: Apache-2.0
/* lib/base/ip.h: addresses, prefixes and ranges of both families. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/ip.h"

static struct ip_addr addr(const char *text)
{
	struct ip_addr ip;

	assert_int_equal(ip_parse(text, &ip), 0);
	return ip;
}

static struct ip_range range(const char *text)
{
	struct ip_range r;

	assert_int_equal(ip_range_parse(text, &r), 0);
	return r;
}

enum { RANGE_TEXT_MAX = 2 * IP_TEXT_MAX };

static const char *range_text(const struct ip_range *r, char buf[static RANGE_TEXT_MAX])
{
	char first[IP_TEXT_MAX], last[IP_TEXT_MAX];

	snprintf(buf, RANGE_TEXT_MAX, "%s-%s", ip_format(&r->first, first),
		 ip_format(&r->last, last));
	return buf;
}

/* RFC 5952 section 4: lower case, the longest run of zeros shortened, no leading zeros. */
static void test_text_is_canonical(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "192.0.2.1", "192.0.2.1" },
		{ "0.0.0.0", "0.0.0.0" },
		{ "255.255.255.255", "255.255.255.255" },
		{ "2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1" },
		{ "2001:0db8::0001", "2001:db8::1" },
		{ "::", "::" },
		{ "fe80::1", "fe80::1" },
		{ "::ffff:192.0.2.1", "::ffff:192.0.2.1" },
	};
	char buf[IP_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct ip_addr ip = addr(rows[i].in);
		assert_string_equal(ip_format(&ip, buf), rows[i].out);
	}
	assert_string_equal(ip_format(&(struct ip_addr){ 0 }, buf), "");
}

static void test_what_is_no_address_is_refused_and_the_result_left_alone(void **state)
{
	static const char *const rows[] = {
		"",         " ",        "1.2.3",  "1.2.3.4.5",    "256.1.1.1",     "1.2.3.4 ",
		" 1.2.3.4", "1.2.3.04", "::1::",  "fe80::1%eth0", "2001:db8::/32", "10.0.0.0/8",
		"12345::",  "g::",      "0x7f.1", "localhost",
	};
	struct ip_addr ip = { .family = 99 };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_int_equal(ip_parse(rows[i], &ip), -EINVAL);
		assert_int_equal(ip.family, 99);
	}
	assert_int_equal(ip_parse(NULL, &ip), -EINVAL);
}

/* As Kubernetes reads what an API server has taken. */
static void test_zeros_in_front_of_numbers_are_nothing(void **state)
{
	static const struct {
		const char *in, *out; /* NULL: refused */
	} rows[] = {
		{ "010.000.02.0001", "10.0.2.1" },
		{ "192.0.2.10", "192.0.2.10" },
		{ "00012::00000", "12::" },
		{ "2001:db8::ffff:010.0.0.1", "2001:db8::ffff:a00:1" },
		{ "::ffff:192.0.2.1", "192.0.2.1" },
		{ "0000000000000000000000000000000000000000000000000001.2.3.4", "1.2.3.4" },
		{ "1.2.3.0256", NULL },
		{ "1.2.3", NULL },
		{ "fe80::1%0", NULL },
		{ "1111111111111111111111111111111111111111111111111111.2.3.4", NULL },
		{ "", NULL },
	};
	static const struct {
		const char *in, *out;
	} prefixes[] = {
		{ "010.0.0.0/08", "10.0.0.0/8" },
		{ "10.1.2.3/00", "0.0.0.0/0" },
		{ "2001:0db8::/032", "2001:db8::/32" },
		{ "10.0.0.0/033", NULL },
		{ "10.0.0.0", NULL },
		{ "10.0.0.0/", NULL },
	};
	char buf[IP_PREFIX_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct ip_addr ip = { .family = 99 };
		int rc = ip_parse_sloppy(rows[i].in, &ip);

		assert_int_equal(rc, rows[i].out == NULL ? -EINVAL : 0);
		if (rc == 0)
			assert_string_equal(ip_format(&ip, buf), rows[i].out);
		else
			assert_int_equal(ip.family, 99);
	}
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++) {
		struct ip_prefix p;
		int rc = ip_prefix_parse_sloppy(prefixes[i].in, &p);

		assert_int_equal(rc, prefixes[i].out == NULL ? -EINVAL : 0);
		if (rc == 0)
			assert_string_equal(ip_prefix_format(&p, buf), prefixes[i].out);
	}
	assert_int_equal(ip_parse_sloppy(NULL, &(struct ip_addr){ 0 }), -EINVAL);
	assert_int_equal(ip_prefix_parse_sloppy(NULL, &(struct ip_prefix){ 0 }), -EINVAL);
}

static void test_numbers_and_addresses_map_both_ways(void **state)
{
	static const char *const rows[] = {
		"0.0.0.0", "10.0.0.255",         "255.255.255.255",
		"::",      "2001:db8::ffff:0:1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct ip_addr ip = addr(rows[i]);
		struct ip_addr back = ip_from_number(ip.family, ip_to_number(&ip));
		assert_true(ip_equal(&ip, &back));
		back = ip_from_bytes(ip.family, ip.bytes);
		assert_true(ip_equal(&ip, &back));
	}
	struct ip_addr ip = addr("10.0.0.1");
	assert_true(ip_to_number(&ip) == 0x0a000001);
	ip = addr("::1:0:0:0:0");
	assert_true(ip_to_number(&ip) == (u128)1 << 64);
}

static void test_order_is_ipv4_first_then_by_value(void **state)
{
	static const char *const rising[] = {
		"0.0.0.1", "9.255.255.255", "10.0.0.0", "255.255.255.255", "::", "::1", "2001:db8::"
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rising) / sizeof(*rising); i++) {
		for (size_t j = 0; j < sizeof(rising) / sizeof(*rising); j++) {
			struct ip_addr a = addr(rising[i]), b = addr(rising[j]);
			int c = ip_cmp(&a, &b);
			assert_int_equal((c > 0) - (c < 0), (i > j) - (i < j));
		}
	}
}

static void test_prefix_host_bits_are_masked(void **state)
{
	static const struct {
		const char *in, *out, *range;
	} rows[] = {
		{ "192.0.2.77/24", "192.0.2.0/24", "192.0.2.0-192.0.2.255" },
		{ "192.0.2.77/32", "192.0.2.77/32", "192.0.2.77-192.0.2.77" },
		{ "192.0.2.77/31", "192.0.2.76/31", "192.0.2.76-192.0.2.77" },
		{ "1.2.3.4/0", "0.0.0.0/0", "0.0.0.0-255.255.255.255" },
		{ "2001:db8::7/120", "2001:db8::/120", "2001:db8::-2001:db8::ff" },
		{ "2001:db8::7/128", "2001:db8::7/128", "2001:db8::7-2001:db8::7" },
		{ "::1/0", "::/0", "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char text[IP_PREFIX_MAX], range[RANGE_TEXT_MAX];
		struct ip_prefix p;

		assert_int_equal(ip_prefix_parse(rows[i].in, &p), 0);
		assert_string_equal(ip_prefix_format(&p, text), rows[i].out);
		struct ip_range r = ip_prefix_range(&p);
		assert_string_equal(range_text(&r, range), rows[i].range);
		assert_true(ip_prefix_contains(&p, &r.first));
		assert_true(ip_prefix_contains(&p, &r.last));
	}
}

static void test_prefix_knows_its_neighbours_and_family(void **state)
{
	struct ip_prefix v4, any6;
	struct ip_addr in = addr("192.0.2.255"), above = addr("192.0.3.0"),
		       below = addr("192.0.1.255"), other = addr("::");

	(void)state;
	assert_int_equal(ip_prefix_parse("192.0.2.0/24", &v4), 0);
	assert_int_equal(ip_prefix_parse("::/0", &any6), 0);
	assert_true(ip_prefix_contains(&v4, &in));
	assert_false(ip_prefix_contains(&v4, &above));
	assert_false(ip_prefix_contains(&v4, &below));
	assert_false(ip_prefix_contains(&v4, &other));
	assert_true(ip_prefix_contains(&any6, &other));
	assert_false(ip_prefix_contains(&any6, &in));
}

static void test_what_is_no_prefix_is_refused(void **state)
{
	static const char *const rows[] = { "10.0.0.0",     "10.0.0.0/",
					    "10.0.0.0/33",  "10.0.0.0/-1",
					    "10.0.0.0/+8",  "10.0.0.0/ 8",
					    "10.0.0.0/08",  "10.0.0.0/8x",
					    "10.0.0.0/8/8", "::/129",
					    "::/1000",      "/8",
					    "10.0.0/8",     "" };
	struct ip_prefix p = { .len = 99 };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_int_equal(ip_prefix_parse(rows[i], &p), -EINVAL);
		assert_int_equal(p.len, 99);
	}
	assert_int_equal(ip_prefix_parse(NULL, &p), -EINVAL);
}

static void test_range_entries_of_a_pool(void **state)
{
	static const struct {
		const char *in, *out;
	} good[] = {
		{ "192.0.2.0/30", "192.0.2.0-192.0.2.3" },
		{ "192.0.2.1-192.0.2.9", "192.0.2.1-192.0.2.9" },
		{ " 192.0.2.1 \t-  192.0.2.9 ", "192.0.2.1-192.0.2.9" },
		{ "192.0.2.1-192.0.2.1", "192.0.2.1-192.0.2.1" },
		{ "192.0.2.1-192.0.2.9\n", "192.0.2.1-192.0.2.9" }, /* of a YAML block */
		{ "192.0.2.77/24", "192.0.2.0-192.0.2.255" },
		{ "2001:db8::-2001:db8::ffff", "2001:db8::-2001:db8::ffff" },
	};
	static const struct {
		const char *in;
		int rc;
	} bad[] = {
		{ "192.0.2.1", -EINVAL },
		{ "192.0.2.9-192.0.2.1", -ERANGE },
		{ "192.0.2.1-::1", -EINVAL },
		{ "192.0.2.1-", -EINVAL },
		{ "-192.0.2.1", -EINVAL },
		{ "-", -EINVAL },
		{ "", -EINVAL },
		{ "1.1.1.1-1.1.1.2-1.1.1.3", -EINVAL },
		{ "192.0.2.0/24-192.0.3.0/24", -EINVAL },
	};
	struct ip_range r;
	char buf[RANGE_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_int_equal(ip_range_parse(good[i].in, &r), 0);
		assert_string_equal(range_text(&r, buf), good[i].out);
	}
	struct ip_range before = r;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(ip_range_parse(bad[i].in, &r), bad[i].rc);
		assert_memory_equal(&r, &before, sizeof(r));
	}
	assert_int_equal(ip_range_parse(NULL, &r), -EINVAL);
}

static void test_ranges_overlap_at_a_shared_end(void **state)
{
	struct ip_range a = range("10.0.0.10-10.0.0.20"), touching = range("10.0.0.20-10.0.0.30"),
			behind = range("10.0.0.21-10.0.0.30"), inside = range("10.0.0.12/31"),
			v6 = range("::/0");
	struct ip_addr in = addr("10.0.0.20"), out = addr("10.0.0.21"), far = addr("::a");

	(void)state;
	assert_true(ip_range_overlaps(&a, &touching));
	assert_true(ip_range_overlaps(&touching, &a));
	assert_true(ip_range_overlaps(&a, &inside));
	assert_false(ip_range_overlaps(&a, &behind));
	assert_false(ip_range_overlaps(&a, &v6));
	assert_true(ip_range_contains(&a, &in));
	assert_false(ip_range_contains(&a, &out));
	assert_false(ip_range_contains(&a, &far));
	assert_false(ip_range_contains(&v6, &in));
}

/* The blocks that a range is made of: the widest one says how far routes may be aggregated. */
static void test_widest_prefix_in_a_range(void **state)
{
	static const struct {
		const char *range;
		uint8_t len;
	} cases[] = {
		{ "192.0.2.0/24", 24 },
		{ "192.0.2.7-192.0.2.7", 32 },
		{ "192.0.2.1-192.0.2.2", 32 }, /* neighbours, but not of one block */
		{ "192.0.2.2-192.0.2.3", 31 },
		{ "192.0.2.1-192.0.2.254", 26 }, /* .64 and .128; .0 and .255 are missing */
		{ "192.0.2.15-192.0.2.32", 28 },
		{ "0.0.0.0/0", 0 },
		{ "0.0.0.1-255.255.255.255", 1 },
		{ "255.255.255.254-255.255.255.255", 31 },
		{ "2001:db8::/64", 64 },
		{ "2001:db8::1-2001:db8::ffff", 113 },
		{ "::/0", 0 },
		{ "::1-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 1 },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		  128 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct ip_range r = range(cases[i].range);
		assert_int_equal(ip_range_widest_prefix(&r), cases[i].len);
	}
}

static void test_sizes_do_not_overflow(void **state)
{
	struct ip_range all = range("::/0"), one = range("10.0.0.1/32"), v4 = range("0.0.0.0/0");

	(void)state;
	assert_true(ip_range_size_minus_1(&all) == ~(u128)0);
	assert_true(ip_range_size_minus_1(&one) == 0);
	assert_true(ip_range_size_minus_1(&v4) == UINT32_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_is_canonical),
		cmocka_unit_test(test_what_is_no_address_is_refused_and_the_result_left_alone),
		cmocka_unit_test(test_zeros_in_front_of_numbers_are_nothing),
		cmocka_unit_test(test_numbers_and_addresses_map_both_ways),
		cmocka_unit_test(test_order_is_ipv4_first_then_by_value),
		cmocka_unit_test(test_prefix_host_bits_are_masked),
		cmocka_unit_test(test_prefix_knows_its_neighbours_and_family),
		cmocka_unit_test(test_what_is_no_prefix_is_refused),
		cmocka_unit_test(test_range_entries_of_a_pool),
		cmocka_unit_test(test_ranges_overlap_at_a_shared_end),
		cmocka_unit_test(test_widest_prefix_in_a_range),
		cmocka_unit_test(test_sizes_do_not_overflow),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
