// SPDX-License-Identifier: Apache-2.0
/* What the allocator engine keeps: counted, and nothing of it grows with time alone. */
#include "tests/unit/allocator_world.h"

#define POOL "[{\"name\":\"a\",\"addresses\":[\"192.0.2.0/28\"],\"quota\":6}]"

static struct allocator_footprint come_and_go(struct world *w, unsigned round)
{
	char name[64];
	struct allocator_footprint most;

	for (unsigned i = 0; i < 6; i++) {
		snprintf(name, sizeof(name), "n%u/s%u", i % 2, round * 7 + i);
		world_apply(w, name, i % 3 == 0 ? LB_V4_PORT(443) : LB_V4,
			    i < 4 ? "\"metallb.io/allow-shared-ip\":\"k\"" : "", NULL);
	}
	world_run(w);
	most = allocator_footprint(w->a);
	for (unsigned i = 0; i < 6; i++) {
		snprintf(name, sizeof(name), "n%u/s%u", i % 2, round * 7 + i);
		world_delete(w, name);
		world_thing(w, name)->name[0] = '\0'; /* its place is another's */
	}
	world_run(w);
	return most;
}

static void test_what_services_took_is_gone_with_them(void **state)
{
	struct world *w = world_new(POOL, NULL);
	struct allocator_footprint first, last, none = { 0 };

	(void)state;
	first = come_and_go(w, 0);
	assert_int_equal(first.services, 6);
	assert_int_equal(first.uses, 6);
	assert_in_range(first.addresses, 4, 5); /* two keys, two ports, two alone */
	assert_int_equal(first.tallies, 2);
	assert_int_equal(first.queued + first.unwritten, 0);
	for (unsigned round = 1; round < 200; round++)
		last = come_and_go(w, round);
	assert_memory_equal(&first, &last, sizeof(first));
	last = allocator_footprint(w->a);
	assert_memory_equal(&last, &none, sizeof(none));
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_services_took_is_gone_with_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
