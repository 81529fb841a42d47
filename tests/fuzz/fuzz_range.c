// SPDX-License-Identifier: Apache-2.0
/*
 * Text to addresses, prefixes, ranges and communities. What is taken holds what its type promises,
 * and written out again it means the same.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/ip.h"
#include "lib/model/community.h"
#include "lib/model/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_be(bool holds)
{
	if (!holds)
		abort();
}

static bool same_range(const struct ip_range *a, const struct ip_range *b)
{
	return ip_equal(&a->first, &b->first) && ip_equal(&a->last, &b->last);
}

static void check_range(const struct ip_range *r)
{
	char first[IP_TEXT_MAX], last[IP_TEXT_MAX], text[2 * IP_TEXT_MAX];
	struct ip_range again;

	must_be(r->first.family == r->last.family && ip_bits(r->first.family) != 0);
	must_be(ip_cmp(&r->first, &r->last) <= 0);
	must_be(ip_range_contains(r, &r->first) && ip_range_contains(r, &r->last));
	must_be(ip_range_overlaps(r, r));
	snprintf(text, sizeof(text), "%s-%s", ip_format(&r->first, first),
		 ip_format(&r->last, last));
	must_be(ip_range_parse(text, &again) == 0 && same_range(r, &again));

	/* A prefix of that length fits, and none that is wider. */
	uint8_t len = ip_range_widest_prefix(r);
	u128 block = ip_bits(r->first.family) == len
			     ? 0
			     : ~(u128)0 >> (128 - (ip_bits(r->first.family) - len));
	must_be(ip_range_size_minus_1(r) >= block);
	must_be(len == 0 || ip_range_size_minus_1(r) / 4 <= block + 1);
}

static void check_prefix(const char *text)
{
	char again_text[IP_PREFIX_MAX];
	struct ip_prefix p, again;

	if (ip_prefix_parse(text, &p) != 0)
		return;
	must_be(p.len <= ip_bits(p.addr.family) && ip_prefix_contains(&p, &p.addr));
	must_be(ip_prefix_parse(ip_prefix_format(&p, again_text), &again) == 0);
	must_be(ip_equal(&p.addr, &again.addr) && p.len == again.len);
	struct ip_range r = ip_prefix_range(&p);
	check_range(&r);
	must_be(ip_range_widest_prefix(&r) == p.len);
	must_be(ip_prefix_parse_sloppy(text, &again) ==
		0); /* it takes all that the strict one takes */
}

static void check_community(const char *text)
{
	struct community c = { 0 };
	char why[64] = "", again[64];

	if (community_parse(text, &c, why, sizeof(why)) != 0) {
		must_be(*why != '\0');
		return;
	}
	if (c.large)
		snprintf(again, sizeof(again), "large:%u:%u:%u", c.parts[0], c.parts[1],
			 c.parts[2]);
	else
		snprintf(again, sizeof(again), "%u:%u", c.parts[0] >> 16, c.parts[0] & 0xffff);
	struct community same;
	must_be(community_parse(again, &same, why, sizeof(why)) == 0);
	must_be(community_cmp(&c, &same) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);
	struct ip_range strict, single;
	struct ip_addr ip;
	uint16_t port;

	if (text == NULL)
		abort();
	int rc = ip_range_parse(text, &strict);
	if (rc == 0)
		check_range(&strict);
	int rc_single = schema_range_parse(text, true, &single);
	if (rc_single == 0)
		check_range(&single);
	must_be(rc != 0 || (rc_single == 0 && same_range(&strict, &single)));
	must_be((rc != 0 && rc_single == 0) == (ip_parse(text, &ip) == 0));
	check_prefix(text);
	check_community(text);
	if (ip_listen_parse(text, &ip, &port) == 0)
		must_be(ip_bits(ip.family) != 0);
	free(text);
	return 0;
}
