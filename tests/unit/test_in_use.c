// SPDX-License-Identifier: Apache-2.0
/* allocator/in_use: what comes out is what was put in, and what is news. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "allocator/in_use.h"
#include "lib/base/intern.h"

/* Rows of one object: "what prefix", ended by NULL. */
struct row {
	enum overlap_what what;
	const char *prefix;
};

static void fill(struct taken_ranges *t, const struct row *rows, const char *whose)
{
	for (; rows->prefix != NULL; rows++) {
		struct ip_prefix prefix;

		assert_int_equal(ip_prefix_parse(rows->prefix, &prefix), 0);
		struct ip_range range = ip_prefix_range(&prefix);
		assert_int_equal(taken_add(t, rows->what, &range, whose), 0);
	}
}

static bool set(struct in_use *u, enum in_use_kind kind, const char *name, const struct row *rows)
{
	struct taken_ranges t = { 0 };

	fill(&t, rows, name);
	bool news = in_use_set(u, kind, name, &t);
	taken_done(&t);
	return news;
}

struct seen {
	char text[1024]; /* "what first-last whose\n" */
	size_t rows, portions;
};

static void see(void *arg, const struct taken_ranges *portion)
{
	struct seen *s = arg;

	s->portions++;
	for (size_t i = 0; i < portion->count; i++) {
		const struct taken_range *t = &portion->items[i];
		char first[IP_TEXT_MAX], last[IP_TEXT_MAX];
		size_t len = strlen(s->text);

		s->rows++;
		snprintf(s->text + len, sizeof(s->text) - len, "%s %s-%s %s\n",
			 overlap_what_name(t->what), ip_format(&t->range.first, first),
			 ip_format(&t->range.last, last), t->whose);
	}
}

static const struct row node_a[] = {
	{ OVERLAP_NODE, "192.0.2.1/32" },
	{ OVERLAP_NODE, "2001:db8::1/128" },
	{ OVERLAP_PODS, "10.244.0.0/24" },
	{ OVERLAP_PODS, "fd00::/64" },
	{ 0, NULL },
};
static const struct row all[] = {
	{ OVERLAP_SERVICE_CIDR, "0.0.0.0/0" },
	{ OVERLAP_SERVICE_CIDR, "::/0" },
	{ 0, NULL },
};
static const struct row none[] = { { 0, NULL } };

static void test_what_comes_out_is_what_went_in(void **state)
{
	struct in_use *u = in_use_new();
	struct seen s = { 0 };
	(void)state;

	assert_true(set(u, IN_USE_SERVICE_CIDR, "a", all));
	assert_true(set(u, IN_USE_NODE, "a", node_a));
	assert_true(set(u, IN_USE_NODE, "b", none));
	in_use_each(u, see, &s);
	assert_string_equal(s.text, "node 192.0.2.1-192.0.2.1 a\n"
				    "node 2001:db8::1-2001:db8::1 a\n"
				    "pods 10.244.0.0-10.244.0.255 a\n"
				    "pods fd00::-fd00::ffff:ffff:ffff:ffff a\n"
				    "service-cidr 0.0.0.0-255.255.255.255 a\n"
				    "service-cidr ::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff a\n");
	in_use_free(u);
	assert_int_equal(intern_count(), 0);
}

static void test_only_what_differs_is_news(void **state)
{
	static const struct row moved[] = { { OVERLAP_NODE, "192.0.2.2/32" }, { 0, NULL } };
	static const struct row other[] = { { OVERLAP_PODS, "192.0.2.2/32" }, { 0, NULL } };
	struct in_use *u = in_use_new();
	struct seen s = { 0 };
	(void)state;

	assert_true(set(u, IN_USE_NODE, "a", node_a));
	assert_false(set(u, IN_USE_NODE, "a", node_a));
	assert_true(set(u, IN_USE_NODE, "a", moved));
	assert_true(set(u, IN_USE_NODE, "a", other));
	in_use_each(u, see, &s);
	assert_string_equal(s.text, "pods 192.0.2.2-192.0.2.2 a\n");
	assert_false(in_use_remove(u, IN_USE_SERVICE_CIDR, "a"));
	assert_true(in_use_remove(u, IN_USE_NODE, "a"));
	assert_false(in_use_remove(u, IN_USE_NODE, "a"));
	s = (struct seen){ 0 };
	in_use_each(u, see, &s);
	assert_int_equal(s.portions, 0);
	in_use_free(u);
}

static void test_thousands_come_in_portions(void **state)
{
	struct in_use *u = in_use_new();
	struct seen s = { 0 };
	char name[16];
	(void)state;

	for (unsigned i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		assert_true(set(u, IN_USE_NODE, name, node_a));
	}
	in_use_each(u, see, &s);
	assert_int_equal(s.rows, 5000 * 4);
	assert_true(s.portions >= 10 && s.portions <= 20);
	in_use_free(u);
	assert_int_equal(intern_count(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_comes_out_is_what_went_in),
		cmocka_unit_test(test_only_what_differs_is_news),
		cmocka_unit_test(test_thousands_come_in_portions),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
