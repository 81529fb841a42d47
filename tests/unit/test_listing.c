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
	const struct view view = { .table = table, .table_version = "v1" };
	struct listing *l = listing_new(kind, &kind->versions[0], &view);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces_of_any_size_make_the_same_list),
		cmocka_unit_test(test_a_table_is_made_row_by_row),
		cmocka_unit_test(test_a_list_may_be_left_half_read),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
