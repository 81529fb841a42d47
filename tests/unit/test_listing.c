// SPDX-License-Identifier: Apache-2.0
/* A list that is made piece by piece is the list that it would be whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/intern.h"
#include "standalone/apiserver/listing.h"

static struct kinds kinds;

static int setup(void **state)
{
	(void)state;
	kinds_init(&kinds);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	kinds_done(&kinds);
	return 0;
}

static struct listing *list_of(unsigned count, bool table)
{
	const struct kind *kind = kinds_builtin(&kinds, KIND_CONFIG_MAP);
	const struct view view = { .as = table ? AS_TABLE : AS_OBJECT, .meta_version = "v1" };
	struct listing *l = listing_new(kind, kind->versions[0], &view);
	char text[128];

	for (unsigned i = 0; i < count; i++) {
		snprintf(text, sizeof(text),
			 "{\"metadata\":{\"name\":\"n%u\"},\"data\":{\"text\":\"a,]}\"}}", i);
		struct text *t = text_new(text, strlen(text));

		listing_add(l, t);
		text_unref(t); /* the list has its own */
	}
	listing_begin(l, 77, count > 1 ? "77~default~n1" : NULL, count > 1 ? 5 : 0);
	return l;
}

/* All of it, @max bytes a time; takes @l over. */
static cJSON *gather(struct listing *l, size_t max)
{
	struct buf b = { 0 };
	char block[512];
	size_t n;

	while ((n = listing_read(l, block, max)) > 0)
		buf_add(&b, block, n);
	assert_int_equal(listing_read(l, block, max), 0); /* the end stays the end */
	listing_free(l);
	size_t len = b.len;
	char *text = buf_take(&b);
	cJSON *json = js_parse(text, len);
	assert_non_null(json);
	free(text);
	return json;
}

static void test_pieces_of_any_size_make_the_same_list(void **state)
{
	(void)state;
	for (unsigned count = 0; count <= 3; count++) {
		cJSON *whole = gather(list_of(count, false), 512);

		assert_string_equal(js_text(whole, "kind"), "ConfigMapList");
		assert_string_equal(js_text(whole, "metadata.resourceVersion"), "77");
		assert_int_equal(js_at(whole, "metadata.continue") != NULL, count > 1);
		assert_int_equal(js_int(whole, "metadata.remainingItemCount", 0),
				 count > 1 ? 5 : 0);
		assert_int_equal(cJSON_GetArraySize(js_at(whole, "items")), count);
		for (size_t max = 1; max < 200; max++) {
			cJSON *again = gather(list_of(count, false), max);
			assert_true(cJSON_Compare(whole, again, true));
			cJSON_Delete(again);
		}
		cJSON_Delete(whole);
	}
}

static void test_a_table_is_made_row_by_row(void **state)
{
	(void)state;
	cJSON *table = gather(list_of(3, true), 7);
	const cJSON *rows = js_at(table, "rows");

	assert_string_equal(js_text(table, "kind"), "Table");
	assert_true(cJSON_GetArraySize(js_at(table, "columnDefinitions")) > 1);
	assert_int_equal(cJSON_GetArraySize(rows), 3);
	const cJSON *cells = js_at(cJSON_GetArrayItem(rows, 2), "cells");
	assert_string_equal(cJSON_GetArrayItem(cells, 0)->valuestring, "n2");
	cJSON_Delete(table);
}

static void test_a_list_may_be_left_half_read(void **state)
{
	struct listing *l = list_of(3, false);
	char block[100];

	(void)state;
	assert_int_equal(listing_read(l, block, sizeof(block)), sizeof(block));
	listing_free(l); /* LeakSanitizer looks */
}

/* A definition with one version and as many columns, all of .spec and of @type. */
static const struct kind *define(unsigned columns, const char *type)
{
	struct buf b = { 0 };

	buf_puts(&b,
		 "{\"metadata\":{\"name\":\"foos.x.io\"},\"spec\":{\"group\":\"x.io\",\"scope\":"
		 "\"Cluster\",\"names\":{\"plural\":\"foos\"},\"versions\":[{\"name\":\"v1\","
		 "\"served\":true,\"storage\":true,\"deprecated\":true,"
		 "\"additionalPrinterColumns\":[");
	for (unsigned i = 0; i < columns; i++)
		buf_printf(&b, "%s{\"name\":\"C%u\",\"type\":\"%s\",\"jsonPath\":\".spec\"}",
			   i == 0 ? "" : ",", i, type);
	buf_puts(&b, "]}]},\"status\":{\"acceptedNames\":{\"plural\":\"foos\",\"singular\":\"foo\","
		     "\"kind\":\"Foo\",\"listKind\":\"FooList\",\"shortNames\":[\"a\",\"b\"]},"
		     "\"conditions\":[{\"type\":\"Established\",\"status\":\"True\"}]}}");
	size_t len = b.len;
	char *text = buf_take(&b);
	cJSON *crd = js_parse(text, len);
	assert_non_null(crd);
	const struct kind *kind = kinds_define(&kinds, crd);
	cJSON_Delete(crd);
	free(text);
	return kind;
}

static struct listing *table_of(const struct kind *kind, const char *spec)
{
	const struct view view = { .as = AS_TABLE, .meta_version = "v1" };
	struct listing *l = listing_new(kind, kind->versions[0], &view);
	char *text = mem_printf("{\"metadata\":{\"name\":\"a\"},\"spec\":%s}", spec);
	struct text *t = text_new(text, strlen(text));

	listing_add(l, t);
	text_unref(t);
	free(text);
	listing_begin(l, 1, NULL, 0);
	return l;
}

static const cJSON *first_cells(const cJSON *table)
{
	return js_at(cJSON_GetArrayItem(js_at(table, "rows"), 0), "cells");
}

/* The name is a column, too. */
static void test_rows_have_the_columns_of_the_head(void **state)
{
	struct listing *l = table_of(define(30, "string"), "\"x\"");

	(void)state;
	define(2, "string");
	cJSON *table = gather(l, 100);
	assert_int_equal(cJSON_GetArraySize(js_at(table, "columnDefinitions")), 31);
	assert_int_equal(cJSON_GetArraySize(first_cells(table)), 31);
	cJSON_Delete(table);
	table = gather(table_of(define(2, "string"), "\"x\""), 100);
	assert_int_equal(cJSON_GetArraySize(first_cells(table)), 3);
	cJSON_Delete(table);
}

/* @spec in a column of @type. */
static cJSON *cell_of(const char *type, const char *spec)
{
	cJSON *table = gather(table_of(define(1, type), spec), 512);
	cJSON *cell = cJSON_DetachItemFromArray((cJSON *)(uintptr_t)first_cells(table), 1);

	cJSON_Delete(table);
	return cell;
}

static void test_cells_hold_what_their_type_says(void **state)
{
	static const struct {
		const char *type, *spec, *cell;
	} rows[] = {
		{ "string", "\"x\"", "\"x\"" },
		{ "string", "5", "\"5\"" },
		{ "string", "{\"a\":[1,2]}", "\"{\\\"a\\\":[1,2]}\"" },
		{ "integer", "5", "5" },
		{ "integer", "1.5", "1" },
		{ "integer", "9007199254740993", "9007199254740993" },
		{ "integer", "\"5\"", "null" },
		{ "integer", "{\"a\":1}", "null" },
		{ "number", "1.5", "1.5" },
		{ "number", "[1]", "null" },
		{ "boolean", "true", "true" },
		{ "boolean", "1", "null" },
		{ "date", "1", "null" },
		{ "date", "\"x\"", "\"<invalid>\"" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cJSON *cell = cell_of(rows[i].type, rows[i].spec);
		struct text *t = js_print(cell);

		assert_string_equal(t->bytes, rows[i].cell);
		text_unref(t);
		cJSON_Delete(cell);
	}
}

/* Many columns would make many times the object of it. */
static void test_a_cell_is_cut_between_characters(void **state)
{
	struct buf text = { 0 }, list = { 0 };

	(void)state;
	buf_puts(&text, "\"a");
	buf_puts(&list, "[0");
	for (int i = 0; i < 600; i++) {
		buf_puts(&text, "\xc3\xa9"); /* from every odd byte on */
		buf_puts(&list, ",\"xyz\"");
	}
	buf_puts(&text, "\"");
	buf_puts(&list, "]");
	char *long_text = buf_take(&text), *long_list = buf_take(&list);
	cJSON *cell = cell_of("string", long_text);
	assert_int_equal(strlen(cell->valuestring), 1023);
	assert_memory_equal(cell->valuestring, long_text + 1, 1023);
	cJSON_Delete(cell);
	cell = cell_of("string", long_list);
	assert_in_range(strlen(cell->valuestring), 1000, 1024);
	assert_memory_equal(cell->valuestring, long_list, strlen(cell->valuestring));
	cJSON_Delete(cell);
	free(long_text);
	free(long_list);
}

static void test_a_definition_written_again_keeps_nothing_of_the_last(void **state)
{
	(void)state;
	define(3, "string");
	size_t before = intern_count();
	define(40, "date");
	define(3, "string");
	assert_int_equal(intern_count(), before); /* and LeakSanitizer looks */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces_of_any_size_make_the_same_list),
		cmocka_unit_test(test_a_table_is_made_row_by_row),
		cmocka_unit_test(test_a_list_may_be_left_half_read),
		cmocka_unit_test(test_rows_have_the_columns_of_the_head),
		cmocka_unit_test(test_cells_hold_what_their_type_says),
		cmocka_unit_test(test_a_cell_is_cut_between_characters),
		cmocka_unit_test(test_a_definition_written_again_keeps_nothing_of_the_last),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
