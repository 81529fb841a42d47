// SPDX-License-Identifier: Apache-2.0
/*
 * What the proxy gives to nft for the objects in tests/golden/proxy/NAME.objects.json, compared
 * byte for byte with NAME.nft.json. tests/golden/test_golden_proxy.py shows that to nft and the
 * kernel, and compares what they made of it.
 *
 * Run with GOLDEN_WRITE=1 to write them anew, and read the difference before committing it.
 */
#include "standalone/proxy/rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "lib/base/intern.h"
#include "lib/base/log.h"

#define FOLDER "tests/golden/proxy/"

/* The whole of a file, for the caller to free(). */
static char *read_file(const char *name, const char *suffix)
{
	char path[128], *text = NULL;
	size_t size = 0;

	snprintf(path, sizeof(path), FOLDER "%s.%s", name, suffix);
	FILE *from = fopen(path, "re");
	if (from == NULL)
		fail_msg("%s is missing", path);
	FILE *to = open_memstream(&text, &size);
	for (int c; (c = fgetc(from)) != EOF;)
		fputc(c, to);
	fclose(from);
	fclose(to);
	return text;
}

static void write_file(const char *name, const char *suffix, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), FOLDER "%s.%s", name, suffix);
	FILE *to = fopen(path, "we");
	assert_non_null(to);
	assert_int_equal(fputs(text, to) >= 0, 1);
	fclose(to);
}

static void feed(struct rules *r, const cJSON *object)
{
	const char *kind = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, "kind"));
	struct faults faults = { 0 };
	struct service *service;
	struct endpoint_slice *slice;
	struct node *node;
	struct where where = { 0 };

	assert_non_null(kind);
	if (strcmp(kind, "Service") == 0) {
		assert_int_equal(service_decode(object, where, &faults, &service), 0);
		assert_int_equal(rules_service(r, service), 0);
	} else if (strcmp(kind, "EndpointSlice") == 0) {
		assert_int_equal(endpoint_slice_decode(object, where, &faults, &slice), 0);
		assert_int_equal(rules_slice(r, slice), 0);
	} else {
		assert_string_equal(kind, "Node");
		assert_int_equal(node_decode(object, where, &faults, &node), 0);
		rules_node(r, node);
	}
	faults_free(&faults);
}

/* The objects of @name as node-a sees them. */
static void assert_golden(const char *name)
{
	struct rules *r = rules_new("node-a");
	char *text = read_file(name, "objects.json");
	cJSON *objects = cJSON_Parse(text);
	const cJSON *object;

	free(text);
	assert_true(cJSON_IsArray(objects));
	cJSON_ArrayForEach (object, objects)
		feed(r, object);
	cJSON_Delete(objects);
	text = rules_pass(r, 0);
	if (getenv("GOLDEN_WRITE") != NULL)
		write_file(name, "nft.json", text);
	char *golden = read_file(name, "nft.json");
	assert_string_equal(text, golden);
	free(golden);
	free(text);
	rules_free(r);
	assert_int_equal(intern_count(), 0);
}

/* clang-format off */
static void test_ways_in(void **state)   { (void)state; assert_golden("ways-in"); }
static void test_local(void **state)     { (void)state; assert_golden("local"); }
static void test_endpoints(void **state) { (void)state; assert_golden("endpoints"); }
static void test_affinity(void **state)  { (void)state; assert_golden("affinity"); }
static void test_sources(void **state)   { (void)state; assert_golden("sources"); }
static void test_sctp(void **state)      { (void)state; assert_golden("sctp"); }
static void test_nothing(void **state)   { (void)state; assert_golden("nothing"); }
static void test_kube_proxy(void **state) { (void)state; assert_golden("kube-proxy"); }
/* clang-format on */

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ways_in),   cmocka_unit_test(test_local),
		cmocka_unit_test(test_endpoints), cmocka_unit_test(test_affinity),
		cmocka_unit_test(test_sources),   cmocka_unit_test(test_sctp),
		cmocka_unit_test(test_nothing),   cmocka_unit_test(test_kube_proxy),
	};
	log_setup("test", LOG_LEVEL_NONE, LOG_TEXT);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
