// SPDX-License-Identifier: Apache-2.0
/*
 * The index of shared addresses against asking each of them in turn: Services of one key with
 * ports of a few come, share, change and go, and the first address that admits one is the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "allocator/share.h"
#include "lib/base/intern.h"
#include "lib/base/rng.h"

#define ADDRESSES 12
#define RANGES    3
#define STEPS     20000

/* An address, and the claims of its users. */
struct address {
	struct share *share;
	struct claim *users[8];
	unsigned count;
};

static struct claim *claim_with(unsigned ports)
{
	struct service_port list[4];
	struct service s = { .sharing_key = "k", .ports = list };

	for (unsigned i = 0; i < 4; i++) {
		if (ports & 1u << i)
			list[s.port_count++] = (struct service_port){ .port = (uint16_t)(80 + i),
								      .protocol = L4_TCP };
	}
	return claim_of(&s);
}

static struct ip_addr ip_of(unsigned i)
{
	return ip_from_number(IP_V4, 0xc0000200u + i);
}

static void test_the_first_that_admits_is_found_whatever_went_before(void **state)
{
	struct pool_book pool = { .pool = NULL }; /* only told apart */
	struct address addresses[ADDRESSES] = { { NULL } };
	struct share_book *book = share_book_new();
	struct rng rng = rng_seeded(3);
	unsigned found = 0;

	(void)state;
	for (unsigned step = 0; step < STEPS; step++) {
		struct address *at = &addresses[rng_below(&rng, ADDRESSES)];
		unsigned i = (unsigned)(at - addresses);
		struct claim *c = claim_with(1 + (unsigned)rng_below(&rng, 15));
		struct ip_addr ip = ip_of(i);
		uint32_t port;

		if (rng_below(&rng, 3) == 0 && at->count > 0) { /* one leaves */
			struct claim *gone = at->users[--at->count];

			share_remove(at->share, gone);
			claim_unref(gone);
			if (at->count == 0)
				at->share = share_free(book, at->share);
		} else if (at->count < 8 &&
			   (at->share == NULL || share_admits(at->share, c, NULL, &port))) {
			if (at->share == NULL) {
				at->share = share_new(claim_key(c), &ip);
				share_set_place(book, at->share,
						(struct place){ &pool, i / (ADDRESSES / RANGES) });
			}
			share_add(at->share, c);
			at->users[at->count++] = claim_ref(c);
		}

		size_t range = rng_below(&rng, RANGES + 1), in = 99;
		unsigned first = ADDRESSES;
		u128 number = 0;

		if (range == RANGES)
			range = RANGE_ANY;
		for (unsigned k = 0; k < ADDRESSES && first == ADDRESSES; k++) {
			if ((range == RANGE_ANY || k / (ADDRESSES / RANGES) == range) &&
			    addresses[k].share != NULL &&
			    share_admits(addresses[k].share, c, NULL, &port))
				first = k;
		}
		bool has = share_first(book, &pool, IP_V4, range, c, &in, &number);
		assert_int_equal(has, first < ADDRESSES);
		if (has) {
			struct ip_addr expected = ip_of(first);

			found++;
			assert_true(number == ip_to_number(&expected));
			assert_int_equal(in, first / (ADDRESSES / RANGES));
		}
		claim_unref(c);
	}
	assert_true(found > STEPS / 10 && found < STEPS);
	for (unsigned i = 0; i < ADDRESSES; i++) {
		while (addresses[i].count > 0) {
			struct claim *gone = addresses[i].users[--addresses[i].count];

			share_remove(addresses[i].share, gone);
			claim_unref(gone);
		}
		share_free(book, addresses[i].share);
	}
	share_book_free(book);
	assert_int_equal(intern_count(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_first_that_admits_is_found_whatever_went_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
