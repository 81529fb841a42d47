// SPDX-License-Identifier: Apache-2.0
/* Names as Kubernetes takes them: labels, subdomains, words, qualified names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "lib/model/name_rules.h"

static void test_labels(void **state)
{
	(void)state;
	assert_true(name_is_label("a-1", 3, NAME_LABEL_MAX));
	assert_true(name_is_label("1a.x", 2, NAME_LABEL_MAX)); /* only what is counted */
	assert_false(name_is_label("", 0, NAME_LABEL_MAX));
	assert_false(name_is_label("-a", 2, NAME_LABEL_MAX));
	assert_false(name_is_label("a-", 2, NAME_LABEL_MAX));
	assert_false(name_is_label("Ab", 2, NAME_LABEL_MAX));
	assert_false(name_is_label("abc", 3, 2));
}

static void test_subdomains(void **state)
{
	static const char *const bad[] = { "", ".", "a.", ".a", "a..b", "a_b", "A.b" };
	char longest[NAME_SUBDOMAIN_MAX + 2];

	(void)state;
	assert_true(name_is_subdomain("a.b-1.c", 7, NAME_LABEL_MAX));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(name_is_subdomain(bad[i], strlen(bad[i]), NAME_LABEL_MAX));
	memset(longest, 'a', sizeof(longest));
	assert_true(name_is_subdomain(longest, NAME_SUBDOMAIN_MAX, NAME_SUBDOMAIN_MAX));
	assert_false(name_is_subdomain(longest, NAME_SUBDOMAIN_MAX + 1, NAME_SUBDOMAIN_MAX + 1));
	assert_false(name_is_subdomain(longest, NAME_LABEL_MAX + 1, NAME_LABEL_MAX));
}

static void test_qualified_names(void **state)
{
	static const char *const good[] = { "a", "A_b.c-9", "kubernetes.io/hostname", "x/Y" };
	static const char *const bad[] = {
		"", "/", "a/", "/a", "-a", "a-", "a/b/c", "A.io/b", "a b"
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		assert_true(name_is_qualified(good[i], NAME_LABEL_MAX));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(name_is_qualified(bad[i], NAME_LABEL_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_labels),
		cmocka_unit_test(test_subdomains),
		cmocka_unit_test(test_qualified_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
