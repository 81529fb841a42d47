// SPDX-License-Identifier: Apache-2.0
/* lib/base/intern.h: equal texts are one pointer, and the last user frees it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/intern.h"
#include "lib/base/rng.h"
#include "lib/base/siphash.h"

static void test_equal_texts_are_one_pointer(void **state)
{
	char copy[] = "node-a";
	const char *a = intern("node-a"), *b = intern(copy), *c = intern_len("node-abc", 6);

	(void)state;
	assert_ptr_equal(a, b);
	assert_ptr_equal(a, c);
	assert_ptr_not_equal(a, (const char *)copy);
	assert_string_equal(a, "node-a");
	assert_int_equal(intern_count(), 1);
	intern_unref(a);
	intern_unref(b);
	assert_string_equal(c, "node-a"); /* still one user */
	assert_null(intern_unref(c));
	assert_int_equal(intern_count(), 0);
}

static void test_a_prefix_is_another_text(void **state)
{
	const char *a = intern("node"), *b = intern("node-a"), *empty = intern("");

	(void)state;
	assert_ptr_not_equal(a, b);
	assert_string_equal(empty, "");
	assert_int_equal(intern_count(), 3);
	intern_unref(a);
	intern_unref(b);
	intern_unref(empty);
	assert_int_equal(intern_count(), 0);
}

static void test_null_stays_null(void **state)
{
	(void)state;
	assert_null(intern(NULL));
	assert_null(intern_ref(NULL));
	assert_null(intern_unref(NULL));
}

static void test_a_nul_ends_the_text(void **state)
{
	const char *a = intern_len("ab\0cd", 5), *b = intern("ab");

	(void)state;
	assert_ptr_equal(a, b);
	intern_unref(a);
	intern_unref(b);
	assert_int_equal(intern_count(), 0);
}

/* Appendix A of the paper (15 bytes), and the authors' table of vectors for 0, 7 and 8 bytes. */
static void test_siphash_vectors(void **state)
{
	const uint64_t key[2] = { 0x0706050403020100u, 0x0f0e0d0c0b0a0908u };
	unsigned char bytes[15];
	(void)state;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)i;
	assert_true(siphash(key, bytes, 15) == 0xa129ca6149be45e5u);
	assert_true(siphash(key, bytes, 0) == 0x726fdb47dd0e0e31u);
	assert_true(siphash(key, bytes, 7) == 0xab0200f58b01d137u);
	assert_true(siphash(key, bytes, 8) == 0x93f5f5799a932462u);
}

/* Growing, shrinking and closing holes never loses or doubles a text. */
static void test_random_use_agrees_with_counts(void **state)
{
	enum { NAMES = 2000 };
	static const char *held[NAMES];
	static unsigned users[NAMES];
	struct rng rng = rng_seeded(7);
	size_t alive = 0;

	(void)state;
	for (int phase = 0; phase < 2; phase++) {
		for (int step = 0; step < 60000; step++) {
			size_t i = rng_below(&rng, NAMES);
			char name[32];
			bool take = rng_below(&rng, 10) < (phase == 0 ? 7 : 3);

			snprintf(name, sizeof(name), "ns-%zu/svc-%zu", i % 7, i);
			if (take) {
				const char *got = rng_below(&rng, 2) == 0 && users[i] > 0
							  ? intern_ref(held[i])
							  : intern(name);
				assert_string_equal(got, name);
				if (users[i] > 0)
					assert_ptr_equal(got, held[i]);
				held[i] = got;
				alive += users[i]++ == 0;
			} else if (users[i] > 0) {
				intern_unref(held[i]);
				alive -= --users[i] == 0;
			}
			assert_int_equal(intern_count(), alive);
		}
	}
	for (size_t i = 0; i < NAMES; i++)
		while (users[i]-- > 0)
			intern_unref(held[i]);
	assert_int_equal(intern_count(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equal_texts_are_one_pointer),
		cmocka_unit_test(test_a_prefix_is_another_text),
		cmocka_unit_test(test_null_stays_null),
		cmocka_unit_test(test_a_nul_ends_the_text),
		cmocka_unit_test(test_siphash_vectors),
		cmocka_unit_test(test_random_use_agrees_with_counts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
