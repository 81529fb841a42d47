// SPDX-License-Identifier: Apache-2.0
/* What the tests of lib/model/service_rules.h share: Services as text, and the books to send them
 * to. */
#ifndef BELLMAN_TESTS_SERVICE_BENCH_H
#define BELLMAN_TESTS_SERVICE_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/ip.h"
#include "lib/model/service_rules.h"

static struct service_books *books __attribute__((unused));

static inline int new_books(void **state)
{
	(void)state;
	return service_books_new("10.96.0.0/16,fd00:10:96::/112", "30000-32767", &books);
}

static inline int free_books(void **state)
{
	(void)state;
	books = service_books_free(books);
	return 0;
}

/* Other books, for the rest of this test. */
static inline void use_books(const char *service_cidrs, const char *node_ports)
{
	service_books_free(books);
	assert_int_equal(service_books_new(service_cidrs, node_ports, &books), 0);
}

/* A Service of that name from its spec, and more members of the metadata, in a text with ' for ".
 */
static inline cJSON *service_with(const char *name, const char *meta, const char *spec)
{
	char text[2048];

	snprintf(text, sizeof(text),
		 "{'metadata':{'name':'%s','namespace':'default'%s%s},'spec':%s}", name,
		 meta == NULL ? "" : ",", meta == NULL ? "" : meta, spec);
	for (char *c = text; *c != '\0'; c++)
		*c = *c == '\'' ? '"' : *c;
	cJSON *s = cJSON_Parse(text);
	assert_non_null(s);
	return s;
}

static inline cJSON *service(const char *name, const char *spec)
{
	return service_with(name, NULL, spec);
}

static inline cJSON *spec_of(const cJSON *s)
{
	return cJSON_GetObjectItemCaseSensitive(s, "spec");
}

static inline cJSON *list_at(const cJSON *s, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(spec_of(s), name);
}

static inline const char *text_at(const cJSON *s, const char *name)
{
	return cJSON_GetStringValue(list_at(s, name));
}

static inline const char *item_text(const cJSON *s, const char *list, int i)
{
	return cJSON_GetStringValue(cJSON_GetArrayItem(list_at(s, list), i));
}

static inline int port_number(const cJSON *s, int i, const char *field)
{
	const cJSON *n =
		cJSON_GetObjectItemCaseSensitive(cJSON_GetArrayItem(list_at(s, "ports"), i), field);

	return n == NULL ? 0 : n->valueint;
}

static inline void print_causes(const struct rule_causes *causes)
{
	for (size_t i = 0; i < causes->count; i++)
		print_error("%s: %s\n", causes->items[i].field, causes->items[i].message);
}

static inline void apply_ok(cJSON *s, const cJSON *old)
{
	struct rule_causes causes = { 0 };
	int rc = service_rules_apply(books, s, old, &causes);

	print_causes(&causes);
	assert_int_equal(rc, 0);
	assert_int_equal(causes.count, 0);
}

/* Refused with @rc, and one of the causes is on @field and says @why. */
static inline void apply_fails(cJSON *s, const cJSON *old, int rc, const char *field,
			       const char *why)
{
	struct rule_causes causes = { 0 };
	bool found = false;

	assert_int_equal(service_rules_apply(books, s, old, &causes), rc);
	for (size_t i = 0; i < causes.count; i++)
		found = found || (strcmp(causes.items[i].field, field) == 0 &&
				  strstr(causes.items[i].message, why) != NULL);
	if (!found)
		print_causes(&causes);
	assert_true(found);
	causes_free(&causes);
}

/* One that is made and no longer needed: it holds its numbers. */
static inline void made(const char *name, const char *spec)
{
	cJSON *s = service(name, spec);

	apply_ok(s, NULL);
	cJSON_Delete(s);
}

static inline void refused(const char *name, const char *spec, int rc, const char *field,
			   const char *why)
{
	cJSON *s = service(name, spec);

	apply_fails(s, NULL, rc, field, why);
	cJSON_Delete(s);
}

#define RULE(f) cmocka_unit_test_setup_teardown(f, new_books, free_books)

#endif
