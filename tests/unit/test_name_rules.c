// SPDX-License-Identifier: Apache-2.0
/* Names as Kubernetes takes them, and the words in which it refuses others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "lib/model/name_rules.h"

typedef bool (*check_fn)(struct rule_causes *causes, const char *field, const char *value);

struct row {
	check_fn check;
	const char *value;
	const char *whys[4]; /* how each cause goes on after the value; none: a good name */
};

#define SIXTY    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define LONG_63  SIXTY "aaa"
#define LONG_64  SIXTY "aaaa"
#define LONG_253 LONG_63 LONG_63 LONG_63 LONG_63 "b"
#define WORD_WHY                                                                                   \
	"name part must consist of alphanumeric characters, '-', '_' or '.', and must start and "  \
	"end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex "  \
	"used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
#define LABEL_WHY                                                                                  \
	"a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "   \
	"and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', "   \
	"regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
#define KIND_WHY "may have mixed case, but should otherwise match: "

static const struct row rows[] = {
	{ name_check_label, "a-1", { NULL } },
	{ name_check_label, "1a", { NULL } },
	{ name_check_label, LONG_63, { NULL } },
	{ name_check_label, LONG_64, { "must be no more than 63 characters" } },
	{ name_check_label, "", { LABEL_WHY } },
	{ name_check_label, "-a", { LABEL_WHY } },
	{ name_check_label, "a-", { LABEL_WHY } },
	{ name_check_label, "Ab", { LABEL_WHY } },
	{ name_check_label, "a..b", { LABEL_WHY } },
	{ name_check_label, "a.b", { "must not contain dots" } },
	{ name_check_label_1035, "a-1", { NULL } },
	{ name_check_label_1035,
	  "1a",
	  { "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start "
	    "with an alphabetic character, and end with an alphanumeric character (e.g. "
	    "'my-name',  or 'abc-123', regex used for validation is "
	    "'[a-z]([-a-z0-9]*[a-z0-9])?')" } },
	{ name_check_label_1035, LONG_64, { "must be no more than 63 characters" } },
	{ name_check_kind, "Bgp2-Peer", { NULL } },
	{ name_check_kind, LONG_64, { KIND_WHY "must be no more than 63 characters" } },
	{ name_check_kind, "", { KIND_WHY "a DNS-1035 label" } },
	{ name_check_kind, "2Peer", { KIND_WHY "a DNS-1035 label" } },
	{ name_check_kind, "Peer-", { KIND_WHY "a DNS-1035 label" } },
	{ name_check_kind, "Pe er", { KIND_WHY "a DNS-1035 label" } },
	{ name_check_subdomain, "a.b-1.c", { NULL } },
	{ name_check_subdomain, LONG_64 ".x", { NULL } },
	{ name_check_subdomain, LONG_253, { NULL } },
	{ name_check_subdomain, LONG_253 "b", { "must be no more than 253 characters" } },
	{ name_check_subdomain,
	  "a_b",
	  { "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, "
	    "'-' or '.', and must start and end with an alphanumeric character (e.g. "
	    "'example.com', regex used for validation is "
	    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')" } },
	{ name_check_subdomain, "", { "a lowercase RFC 1123 subdomain" } },
	{ name_check_subdomain, ".", { "a lowercase RFC 1123 subdomain" } },
	{ name_check_subdomain, "a.", { "a lowercase RFC 1123 subdomain" } },
	{ name_check_subdomain, ".a", { "a lowercase RFC 1123 subdomain" } },
	{ name_check_subdomain, "a..b", { "a lowercase RFC 1123 subdomain" } },
	{ name_check_subdomain, "A.b", { "a lowercase RFC 1123 subdomain" } },
	{ name_check_label_value, "", { NULL } },
	{ name_check_label_value, "A_b.c-9", { NULL } },
	{ name_check_label_value, LONG_64, { "must be no more than 63 characters" } },
	{ name_check_label_value,
	  "a b",
	  { "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' "
	    "or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or "
	    "'my_value',  or '12345', regex used for validation is "
	    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')" } },
	{ name_check_label_value, "-a", { "a valid label" } },
	{ name_check_label_value, "a-", { "a valid label" } },
	{ name_check_qualified, "a", { NULL } },
	{ name_check_qualified, "A_b.c-9", { NULL } },
	{ name_check_qualified, "kubernetes.io/hostname", { NULL } },
	{ name_check_qualified, "x/Y", { NULL } },
	{ name_check_qualified, "-a", { WORD_WHY } },
	{ name_check_qualified, "a-", { WORD_WHY } },
	{ name_check_qualified, "a b", { WORD_WHY } },
	{ name_check_qualified, LONG_64, { "name part must be no more than 63 characters" } },
	{ name_check_qualified, "", { "name part must be non-empty", WORD_WHY } },
	{ name_check_qualified, "a/", { "name part must be non-empty", WORD_WHY } },
	{ name_check_qualified, "/a", { "prefix part must be non-empty" } },
	{ name_check_qualified, "A.io/b", { "prefix part a lowercase RFC 1123 subdomain" } },
	{ name_check_qualified,
	  "/",
	  { "prefix part must be non-empty", "name part must be non-empty", WORD_WHY } },
	{ name_check_qualified, "a/b/c", { "a qualified name must consist of alphanumeric" } },
	{ name_check_port, "http", { NULL } },
	{ name_check_port, "a-1", { NULL } },
	{ name_check_port, "much-too-long-a-name", { "must be no more than 15 characters" } },
	{ name_check_port, "80", { "must contain at least one letter (a-z)" } },
	{ name_check_port, "a--b", { "must not contain consecutive hyphens" } },
	{ name_check_port, "a-", { "must not begin or end with a hyphen" } },
	{ name_check_port, "-a", { "must not begin or end with a hyphen" } },
	{ name_check_port,
	  "A",
	  { "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
	    "must contain at least one letter (a-z)" } },
	{ name_check_port,
	  "",
	  { "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
	    "must contain at least one letter (a-z)" } },
};

static void test_each_fault_is_told_in_order(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		struct rule_causes causes = { 0 };
		bool good = row->check(&causes, "metadata.name", row->value);
		size_t want = 0;

		for (; want < 4 && row->whys[want] != NULL; want++) {
			char start[1024];

			assert_true(want < causes.count);
			snprintf(start, sizeof(start), "Invalid value: \"%s\": %s", row->value,
				 row->whys[want]);
			if (strncmp(causes.items[want].message, start, strlen(start)) != 0)
				fail_msg("%s, not %s", causes.items[want].message, start);
			assert_string_equal(causes.items[want].reason, "FieldValueInvalid");
			assert_string_equal(causes.items[want].field, "metadata.name");
		}
		if (causes.count != want || good != (want == 0))
			fail_msg("\"%s\": %zu causes, not %zu", row->value, causes.count, want);
		causes_free(&causes);
	}
}

static void test_values_are_quoted_as_go_does(void **state)
{
	char *quoted = go_quoted("a\"\\\n\x01\x7f\xc3\xa9");

	(void)state;
	assert_string_equal(quoted, "\"a\\\"\\\\\\n\\x01\\x7f\xc3\xa9\"");
	free(quoted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_fault_is_told_in_order),
		cmocka_unit_test(test_values_are_quoted_as_go_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
