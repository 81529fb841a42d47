// SPDX-License-Identifier: Apache-2.0
/* lib/kube/page.h and json_scan.h: lists decoded object by object, however their bytes are cut. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/kube/page.h"

struct seen_items {
	unsigned count, stop_at;
	char kind[32], api_version[32];
	char names[64];
};

static void keep(char *to, size_t size, const cJSON *object, const char *member)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, member));

	snprintf(to, size, "%s", text == NULL ? "" : text);
}

static int see_item(void *arg, cJSON *object)
{
	struct seen_items *s = arg;

	keep(s->kind, sizeof(s->kind), object, "kind");
	keep(s->api_version, sizeof(s->api_version), object, "apiVersion");
	const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(
		cJSON_GetObjectItemCaseSensitive(object, "metadata"), "name"));
	size_t len = strlen(s->names);
	snprintf(s->names + len, sizeof(s->names) - len, "%s ", name == NULL ? "?" : name);
	return ++s->count == s->stop_at ? -ECANCELED : 0;
}

/* Feed pieces of @piece bytes, each a heap copy of its own, so that one read too many is seen. */
static int decode_pieces(const char *text, size_t len, size_t piece, struct seen_items *s,
			 struct page *ret)
{
	struct page_reader r;

	page_begin(&r, see_item, s);
	for (size_t at = 0; at < len; at += piece) {
		size_t n = len - at < piece ? len - at : piece;
		char *copy = malloc(n);

		memcpy(copy, text + at, n);
		page_feed(&r, copy, n);
		free(copy);
	}
	return page_end(&r, ret);
}

static int decode_copy(const char *text, size_t len, struct seen_items *s, struct page *ret)
{
	return decode_pieces(text, len, len, s, ret);
}

static const char services_page[] =
	"{\"kind\":\"ServiceList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"12\","
	"\"continue\":\"abc==\",\"remainingItemCount\":7},\"items\":[{\"metadata\":{\"name\":\"a\"}"
	"},\n"
	" {\"metadata\":{\"name\":\"b\"}}]}\n";

static void test_objects_of_a_typed_list_get_their_kind(void **state)
{
	struct seen_items s = { 0 };
	struct page p;

	(void)state;
	assert_int_equal(decode_copy(services_page, strlen(services_page), &s, &p), 0);
	assert_int_equal(s.count, 2);
	assert_string_equal(s.kind, "Service");
	assert_string_equal(s.api_version, "v1");
	assert_string_equal(p.version, "12");
	assert_string_equal(p.next, "abc==");
	page_done(&p);
}

/* Custom resources: fields in the order of the alphabet, `items` before what names them. */
static void test_custom_resources_keep_their_own_kind(void **state)
{
	static const char text[] =
		"{\"apiVersion\":\"metallb.io/v1beta1\",\"items\":[{\"apiVersion\":\"metallb.io/"
		"v1beta1\",\"kind\":\"IPAddressPool\"}],\"kind\":\"IPAddressPoolList\","
		"\"metadata\":"
		"{\"continue\":\"\",\"resourceVersion\":\"9\"}}";
	struct seen_items s = { 0 };
	struct page p;

	(void)state;
	assert_int_equal(decode_copy(text, strlen(text), &s, &p), 0);
	assert_string_equal(s.kind, "IPAddressPool");
	assert_null(p.next);
	page_done(&p);
}

static void test_cut_anywhere_a_page_is_refused(void **state)
{
	(void)state;
	for (size_t len = 0; len < strlen(services_page) - 1; len++) {
		struct seen_items s = { 0 };
		struct page p = { NULL, NULL };

		assert_int_equal(decode_copy(services_page, len, &s, &p), -EBADMSG);
		assert_null(p.version);
	}
}

static void test_only_a_list_is_an_empty_list(void **state)
{
	static const struct {
		const char *text;
		int rc;
	} cases[] = {
		{ "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[]}", 0 },
		{ "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":null}", 0 },
		{ "{\"metadata\":{\"resourceVersion\":\"1\"}}", -EBADMSG },
		{ "{\"metadata\":{},\"items\":[]}", -EBADMSG },
		{ "{\"items\":[]}", -EBADMSG },
		{ "{}", -EBADMSG },
		{ "[]", -EBADMSG },
		{ "<html>login</html>", -EBADMSG },
		{ "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[]} x", -EBADMSG },
		{ "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[1]}", -EBADMSG },
		{ "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":{}}", -EBADMSG },
		{ "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[{},]}", -EBADMSG },
		{ "{\"metadata\":{\"resourceVersion\":1},\"items\":[]}", -EBADMSG },
		{ "{1:2}", -EBADMSG },
		{ "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[{]]}", -EBADMSG },
		{ "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[{}}", -EBADMSG },
		{ "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[{}{}]}", -EBADMSG },
		{ "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[]]", -EBADMSG },
		{ "{\"metadata\":{\"resourceVersion\":\"1\"} \"items\":[]}", -EBADMSG },
		{ "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[],}", -EBADMSG },
		{ "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[{}],\"items\":[]}",
		  -EBADMSG },
		{ "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":nil}", -EBADMSG },
		{ "{\"items\":[],\"metadata\":{\"resourceVersion\":\"1\"},\"n\":12 }\n", 0 },
		{ "{\"items\":[],\"metadata\":{\"resourceVersion\":\"1\"},\"n\":}}", -EBADMSG },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct seen_items s = { 0 };
		struct page p;

		assert_int_equal(decode_copy(cases[i].text, strlen(cases[i].text), &s, &p),
				 cases[i].rc);
		if (cases[i].rc == 0)
			page_done(&p);
	}
}

static void test_the_user_can_end_a_page_at_any_object(void **state)
{
	struct seen_items s = { .stop_at = 1 };
	struct page p;

	(void)state;
	assert_int_equal(decode_copy(services_page, strlen(services_page), &s, &p), -ECANCELED);
	assert_int_equal(s.count, 1);
}

/* --- pieces --------------------------------------------------------------------------------- */

/* Brackets and quotes in strings, escapes at every place, numbers and words at the outer level. */
static const char tricky_page[] =
	"{ \"kind\" : "
	"\"ServiceList\",\"n\":-12.5e3,\"t\":true,\"apiVersion\":\"v1\",\"x\":[1,{\"y\":[]}],"
	"\"metadata\":{\"resourceVersion\":\"7\",\"continue\":\"a\\\"b\\\\\"},\n\"items\" : [ "
	"{\"metadata\":{\"name\":\"}]{[\\\"\\\\\"}},{\"a\":\"\\u005d\",\"metadata\":{\"name\":\"\"}"
	"} ,"
	"{\"a\":[[[{}]]],\"metadata\":{\"name\":\"c\"}}\r\n] ,\"last\":null}\n";

static void test_cut_into_pieces_of_any_size_it_is_the_same_list(void **state)
{
	(void)state;
	for (size_t piece = 1; piece <= sizeof(tricky_page); piece++) {
		struct seen_items s = { 0 };
		struct page p;

		assert_int_equal(decode_pieces(tricky_page, strlen(tricky_page), piece, &s, &p), 0);
		assert_string_equal(s.names, "}]{[\"\\  c ");
		assert_string_equal(s.kind, "Service");
		assert_string_equal(p.version, "7");
		assert_string_equal(p.next, "a\"b\\");
		page_done(&p);
	}
}

/* No server that we know writes this, but nothing forbids it. */
static void test_objects_wait_for_a_kind_that_comes_late(void **state)
{
	static const char *const texts[] = {
		"{\"items\":[{\"metadata\":{\"name\":\"a\"}},{\"metadata\":{\"name\":\"b\"}}],"
		"\"kind\":\"NodeList\",\"metadata\":{\"resourceVersion\":\"9\"},\"apiVersion\":"
		"\"v1\"}",
		"{\"apiVersion\":\"v1\",\"items\":[{\"metadata\":{\"name\":\"a\"}},{\"metadata\":{"
		"\"name\":"
		"\"b\"}}],\"metadata\":{\"resourceVersion\":\"9\"},\"kind\":\"NodeList\"}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct seen_items s = { 0 };
		struct page p;

		assert_int_equal(decode_pieces(texts[i], strlen(texts[i]), 7, &s, &p), 0);
		assert_string_equal(s.names, "a b ");
		assert_string_equal(s.kind, "Node");
		assert_string_equal(s.api_version, "v1");
		page_done(&p);

		s = (struct seen_items){ .stop_at = 1 }; /* and may be ended there, too */
		assert_int_equal(decode_copy(texts[i], strlen(texts[i]), &s, &p), -ECANCELED);
		assert_int_equal(s.count, 1);
	}
}

static void test_after_a_fault_nothing_more_is_told(void **state)
{
	static const char bad[] = "{\"kind\":\"ServiceList\",\"apiVersion\":\"v1\",\"items\":[{},x";
	struct seen_items s = { 0 };
	struct page_reader r;
	struct page p;

	(void)state;
	page_begin(&r, see_item, &s);
	page_feed(&r, bad, strlen(bad));
	assert_int_equal(page_feed(&r, ",{},{}]}", 8), -EBADMSG);
	assert_int_equal(page_feed(&r, "{}", 2), -EBADMSG);
	assert_int_equal(s.count, 1);
	assert_int_equal(page_end(&r, &p), -EBADMSG);
}

static void test_an_object_that_never_ends_is_refused_before_it_fills_the_memory(void **state)
{
	static const char open[] =
		"{\"kind\":\"ServiceList\",\"apiVersion\":\"v1\",\"items\":[{\"a\":\"";
	struct seen_items s = { 0 };
	struct page_reader r;
	char piece[4096];
	size_t fed = 0;

	(void)state;
	memset(piece, 'x', sizeof(piece));
	page_begin(&r, see_item, &s);
	assert_int_equal(page_feed(&r, open, strlen(open)), 0);
	while (page_feed(&r, piece, sizeof(piece)) == 0)
		fed += sizeof(piece);
	assert_int_equal(r.rc, -EFBIG);
	assert_in_range(fed, PAGE_VALUE_MAX - 2 * sizeof(piece), PAGE_VALUE_MAX);
	assert_true(r.cap <= PAGE_VALUE_MAX);
	page_abandon(&r);
}

static void test_nesting_without_end_is_refused(void **state)
{
	char deep[JSON_DEPTH_MAX + 64] = "{\"items\":[";
	struct seen_items s = { 0 };
	struct page p;

	(void)state;
	memset(deep + strlen(deep), '[', JSON_DEPTH_MAX + 1);
	assert_int_equal(decode_copy(deep, strlen(deep), &s, &p), -EBADMSG);
}

/* A list of 10,000 objects of 1 KiB: what is held at any time is about one of them. */
static void test_a_large_list_holds_one_object_at_a_time(void **state)
{
	static const char head[] =
		"{\"kind\":\"ServiceList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":"
		"\"1\"},\"items\":[";
	struct seen_items s = { 0 };
	struct page_reader r;
	struct page p;
	char item[1024 + 1];
	size_t largest = 0;

	(void)state;
	assert_int_equal(snprintf(item, sizeof(item), "{\"a\":\"%01015d\"},", 7), 1024);
	page_begin(&r, see_item, &s);
	page_feed(&r, head, strlen(head));
	for (int i = 0; i < 10000; i++) {
		assert_int_equal(page_feed(&r, item, strlen(item)), 0);
		if (r.cap > largest)
			largest = r.cap;
	}
	assert_int_equal(page_feed(&r, "{}]}", 4), 0);
	assert_int_equal(page_end(&r, &p), 0);
	assert_int_equal(s.count, 10001);
	assert_in_range(largest, 1, 4096);
	page_done(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_objects_of_a_typed_list_get_their_kind),
		cmocka_unit_test(test_custom_resources_keep_their_own_kind),
		cmocka_unit_test(test_cut_anywhere_a_page_is_refused),
		cmocka_unit_test(test_only_a_list_is_an_empty_list),
		cmocka_unit_test(test_the_user_can_end_a_page_at_any_object),
		cmocka_unit_test(test_cut_into_pieces_of_any_size_it_is_the_same_list),
		cmocka_unit_test(test_objects_wait_for_a_kind_that_comes_late),
		cmocka_unit_test(test_after_a_fault_nothing_more_is_told),
		cmocka_unit_test(
			test_an_object_that_never_ends_is_refused_before_it_fills_the_memory),
		cmocka_unit_test(test_nesting_without_end_is_refused),
		cmocka_unit_test(test_a_large_list_holds_one_object_at_a_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
