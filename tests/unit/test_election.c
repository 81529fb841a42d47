// SPDX-License-Identifier: Apache-2.0
/* The election, against vectors computed apart from it (compatibility page, Appendix A). */
#include "speaker/election.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct candidates ranked(const char *first, const int64_t weights[3])
{
	static const char *const nodes[] = { "node-a", "node-b", "node-c" };
	struct candidates c = { 0 };
	struct ip_addr ip;

	assert_int_equal(ip_parse(first, &ip), 0);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(election_enter(&c, nodes[i], weights[i], &ip), 0);
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

		assert_string_equal(election_winner(&c)->node, vectors[v].order[0]);
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
	assert_ptr_equal(election_winner(&c), &c.items[0]);
	array_free(&c);
}

static void test_nobody_wins_among_none(void **state)
{
	struct candidates none = { 0 };

	(void)state;
	assert_null(election_winner(&none));
	election_sort(&none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order_and_hash_are_those_of_metallb),
		cmocka_unit_test(test_preference_comes_before_the_hash),
		cmocka_unit_test(test_nobody_wins_among_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
