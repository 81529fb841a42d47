// SPDX-License-Identifier: Apache-2.0
/* Selectors in URLs: what they match and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "standalone/apiserver/query.h"
#include "standalone/apiserver/status.h"

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

static const char service_text[] =
	"{\"metadata\":{\"name\":\"web\",\"namespace\":\"default\",\"labels\":{\"app\":\"web\","
	"\"tier\":\"front\",\"n\":\"7\",\"k8s.io/x\":\"\"}},\"spec\":{\"type\":\"LoadBalancer\"}}";

/* 1: matches, 0: does not, else the code of the refusal. */
static int outcome(enum kind_id id, const char *labels, const char *fields)
{
	struct query q;
	cJSON *wrong = query_parse(kinds_builtin(&kinds, id), labels, fields, &q);

	if (wrong != NULL) {
		int code = status_code(wrong);
		cJSON_Delete(wrong);
		return code;
	}
	cJSON *json = js_parse(service_text, strlen(service_text));
	struct text *object = query_text(kinds_builtin(&kinds, id), json);
	bool matches = query_matches(&q, "default", "web", object);
	text_unref(object);
	cJSON_Delete(json);
	query_done(&q);
	return matches ? 1 : 0;
}

static void test_label_selectors(void **state)
{
	static const struct {
		const char *text;
		int want;
	} rows[] = {
		{ "", 1 },
		{ "app=web", 1 },
		{ "app==web", 1 },
		{ " app = web ", 1 },
		{ "app=other", 0 },
		{ "app!=other", 1 },
		{ "app!=web", 0 },
		{ "absent!=x", 1 },
		{ "absent=x", 0 },
		{ "app", 1 },
		{ "absent", 0 },
		{ "!absent", 1 },
		{ "! app", 0 },
		{ "app in (web,api)", 1 },
		{ "app in (api)", 0 },
		{ "app notin (api, db)", 1 },
		{ "app notin (web)", 0 },
		{ "absent notin (x)", 1 },
		{ "app=web,tier in (front,back),!old", 1 },
		{ "app=web,tier=back", 0 },
		{ "n>5", 1 },
		{ "n<5", 0 },
		{ "app>5", 0 },
		{ "k8s.io/x=", 1 },
		{ "k8s.io/x", 1 },
		{ "app in web", 400 },
		{ "app in (web", 400 },
		{ "=web", 400 },
		{ "app web", 400 },
		{ "app=web)", 400 },
		{ "a=b c", 400 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int have = outcome(KIND_SERVICE, rows[i].text, NULL);
		if (have != rows[i].want)
			print_error("%s: %d\n", rows[i].text, have);
		assert_int_equal(have, rows[i].want);
	}
}

static void test_field_selectors(void **state)
{
	static const struct {
		enum kind_id kind;
		const char *text;
		int want;
	} rows[] = {
		{ KIND_SERVICE, "metadata.name=web", 1 },
		{ KIND_SERVICE, "metadata.name==web", 1 },
		{ KIND_SERVICE, "metadata.name!=web", 0 },
		{ KIND_SERVICE, "metadata.name=web,metadata.namespace=default", 1 },
		{ KIND_SERVICE, "metadata.namespace=other", 0 },
		{ KIND_SERVICE, "spec.type=LoadBalancer", 1 },
		{ KIND_SERVICE, "spec.type!=LoadBalancer", 0 },
		{ KIND_SERVICE, "spec.clusterIP=", 1 },
		{ KIND_SERVICE, "metadata.name=w\\eb", 1 },
		{ KIND_SERVICE, "spec.ports=1", 400 },
		{ KIND_SERVICE, "metadata.name", 400 },
		{ KIND_SERVICE, "=x", 400 },
		{ KIND_NODE, "metadata.namespace=default", 400 },
		{ KIND_NODE, "spec.unschedulable=false", 1 },
		{ KIND_EVENT, "involvedObject.name=web", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int have = outcome(rows[i].kind, NULL, rows[i].text);
		if (have != rows[i].want)
			print_error("%s: %d\n", rows[i].text, have);
		assert_int_equal(have, rows[i].want);
	}
}

/* A label may be called like a field, a value like a key: places decide, not words. */
static void test_facts_are_told_apart(void **state)
{
	const struct kind *pods = kinds_builtin(&kinds, KIND_POD);
	cJSON *json =
		cJSON_Parse("{\"metadata\":{\"labels\":{\"a\":\"b\",\"b\":\"c\",\"empty\":\"\"}},"
			    "\"spec\":{\"nodeName\":\"a\"},\"status\":{\"phase\":\"Running\"}}");
	struct text *pod = query_text(pods, json);
	static const struct {
		const char *labels, *fields;
		bool want;
	} rows[] = {
		{ "a=b,b=c", NULL, true },
		{ "b=b", NULL, false },
		{ "c", NULL, false },
		{ "Running", NULL, false },
		{ "empty=", NULL, true },
		{ "empty", "spec.nodeName=a", true },
		{ NULL, "status.phase=Running", true },
		{ NULL, "status.podIP=", true },
		{ NULL, "spec.hostNetwork=false", true },
		{ "a=b", "spec.nodeName=b", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct query q;

		assert_null(query_parse(pods, rows[i].labels, rows[i].fields, &q));
		assert_int_equal(query_matches(&q, "default", "p", pod), rows[i].want);
		query_done(&q);
	}
	text_unref(pod);
	cJSON_Delete(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_label_selectors),
		cmocka_unit_test(test_field_selectors),
		cmocka_unit_test(test_facts_are_told_apart),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
