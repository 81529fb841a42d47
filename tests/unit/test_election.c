// SPDX-License-Identifier: Apache-2.0
/* The election, against vectors computed apart from it (compatibility page, Appendix A). */
#include "speaker/election.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "speaker/ranks.h"

static struct candidates ranked(const char *first, const int64_t weights[3])
{
	static const char *const nodes[] = { "node-a", "node-b", "node-c" };
	struct candidates c = { 0 };
	struct ip_addr ip;

	assert_int_equal(ip_parse(first, &ip), 0);
	struct election e = election_for(&ip);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(election_enter(&c, &e, nodes[i], weights[i]), 0);
	return c;
}

static void test_order_and_hash_are_those_of_metallb(void **state)
{
	static const struct {
		const char *first, *order[3];
		uint8_t hash[8];
	} vectors[] = {
		{ "192.168.1.240",
		  { "node-a", "node-c", "node-b" },
		  { 0x09, 0x05, 0xce, 0x28, 0xe6, 0x1d, 0x7e, 0xdb } },
		{ "192.168.1.241",
		  { "node-c", "node-a", "node-b" },
		  { 0x79, 0x2a, 0x46, 0xa5, 0x7e, 0xc6, 0x3b, 0xb6 } },
		{ "10.0.0.1",
		  { "node-b", "node-a", "node-c" },
		  { 0x2a, 0xca, 0xe8, 0x85, 0x81, 0xfd, 0x8b, 0x47 } },
		{ "fc00:f853:ccd:e799::1",
		  { "node-b", "node-a", "node-c" },
		  { 0x28, 0x8f, 0x78, 0x93, 0x9e, 0xdf, 0x77, 0xa6 } },
		{ "2001:db8::a",
		  { "node-a", "node-b", "node-c" },
		  { 0x09, 0x4e, 0xe4, 0x49, 0xee, 0xd4, 0x6b, 0xa3 } },
	};

	(void)state;
	for (size_t v = 0; v < sizeof(vectors) / sizeof(*vectors); v++) {
		struct candidates c = ranked(vectors[v].first, (int64_t[]){ 0, 0, 0 });

		election_sort(&c);
		for (size_t i = 0; i < 3; i++)
			assert_string_equal(c.items[i].node, vectors[v].order[i]);
		assert_memory_equal(c.items[0].hash, vectors[v].hash, sizeof(vectors[v].hash));
		array_free(&c);
	}
}

static void test_preference_comes_before_the_hash(void **state)
{
	struct candidates c = ranked("192.168.1.240", (int64_t[]){ 0, 50, 50 });

	(void)state;
	election_sort(&c);
	assert_string_equal(c.items[0].node, "node-c"); /* of the two, the smaller hash */
	assert_string_equal(c.items[1].node, "node-b");
	assert_string_equal(c.items[2].node, "node-a");
	array_free(&c);
}

static void test_none_are_in_order(void **state)
{
	struct candidates none = { 0 };

	(void)state;
	election_sort(&none);
	assert_int_equal(none.count, 0);
}

/* The rank is the beginning of the hash; and shared ranks are the same numbers. */
static void test_ranks_are_the_order_of_the_hashes(void **state)
{
	static const char *const names[] = { "node-a", "node-b", "node-c" };
	struct ranks *shared = ranks_new();
	uint8_t hash[ELECTION_HASH_LEN];
	struct ip_addr ip;
	char text[IP_TEXT_MAX];

	(void)state;
	assert_int_equal(ip_parse("192.168.1.240", &ip), 0);
	struct election e = election_for(&ip);
	assert_true(election_rank(&e, "node-a") == 0x0905ce28e61d7edb);

	/* Nodes come while there are rows already, and addresses beyond what a table holds. */
	for (uint32_t n = 0; n < 40; n++) {
		snprintf(text, sizeof(text), "node-%c", (int)('a' + n));
		assert_int_equal(ranks_number(shared, text), n);
		for (uint32_t k = 0; k < 100; k++) {
			struct ip_addr first = ip_from_number(IP_V4, 0xc0a80100u + n * 50 + k);
			const uint64_t *row = ranks_row(shared, &first);
			e = election_for(&first);
			assert_true(row[n] == election_rank(&e, text));
			assert_true(row[0] == election_rank(&e, "node-a"));
		}
	}
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(ranks_number(shared, names[i]), i);
	election_hash(&e, "node-b", hash);
	uint64_t rank = election_rank(&e, "node-b");
	for (size_t i = 0; i < sizeof(rank); i++)
		assert_int_equal(hash[i], (uint8_t)(rank >> (56 - 8 * i)));
	ranks_free(shared);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order_and_hash_are_those_of_metallb),
		cmocka_unit_test(test_preference_comes_before_the_hash),
		cmocka_unit_test(test_none_are_in_order),
		cmocka_unit_test(test_ranks_are_the_order_of_the_hashes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
