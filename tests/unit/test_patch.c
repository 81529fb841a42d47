// SPDX-License-Identifier: Apache-2.0
/* Merge patch (RFC 7386 appendix A), JSON patch (RFC 6902 appendix A), strategic merge patch. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "standalone/apiserver/patch.h"
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

/* JSON with ' for ". */
static cJSON *json(const char *text)
{
	char *copy = mem_text(text);

	for (char *c = copy; *c != '\0'; c++)
		*c = *c == '\'' ? '"' : *c;
	cJSON *j = js_parse(copy, strlen(copy));
	if (j == NULL)
		print_error("not JSON: %s\n", copy);
	assert_non_null(j);
	free(copy);
	return j;
}

/* The code of the refusal, 0 when the result is @want. */
static int patched(enum kind_id id, enum patch_type type, const char *object, const char *patch,
		   const char *want)
{
	cJSON *o = json(object), *p = json(patch);
	cJSON *wrong = patch_apply(kinds_builtin(&kinds, id), type, p, &o);
	int code = wrong == NULL ? 0 : status_code(wrong);

	if (wrong == NULL) {
		cJSON *w = json(want);
		/* As text: the order of list elements and members counts. */
		char *have = cJSON_PrintUnformatted(o), *expected = cJSON_PrintUnformatted(w);

		assert_string_equal(have, expected);
		free(have);
		free(expected);
		cJSON_Delete(w);
	}
	cJSON_Delete(wrong);
	cJSON_Delete(o);
	cJSON_Delete(p);
	return code;
}

static void test_merge_patch_follows_the_rfc(void **state)
{
	static const struct {
		const char *object, *patch, *want;
	} rows[] = {
		{ "{'a':'b'}", "{'a':'c'}", "{'a':'c'}" },
		{ "{'a':'b'}", "{'b':'c'}", "{'a':'b','b':'c'}" },
		{ "{'a':'b'}", "{'a':null}", "{}" },
		{ "{'a':'b','b':'c'}", "{'a':null}", "{'b':'c'}" },
		{ "{'a':['b']}", "{'a':'c'}", "{'a':'c'}" },
		{ "{'a':'c'}", "{'a':['b']}", "{'a':['b']}" },
		{ "{'a':{'b':'c'}}", "{'a':{'b':'d','c':null}}", "{'a':{'b':'d'}}" },
		{ "{'a':[{'b':'c'}]}", "{'a':[1]}", "{'a':[1]}" },
		{ "{'e':null}", "{'a':1}", "{'e':null,'a':1}" },
		{ "{'a':'x'}", "{'a':{'bb':{'ccc':null}}}", "{'a':{'bb':{}}}" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(patched(KIND_SERVICE, PATCH_MERGE, rows[i].object, rows[i].patch,
					 rows[i].want),
				 0);
}

static void test_a_merge_patch_is_an_object(void **state)
{
	(void)state;
	assert_int_equal(patched(KIND_SERVICE, PATCH_MERGE, "{}", "[1]", ""), 400);
	assert_int_equal(patched(KIND_SERVICE, PATCH_STRATEGIC, "{}", "'x'", ""), 400);
}

static void test_json_patch_follows_the_rfc(void **state)
{
	static const struct {
		const char *object, *patch, *want;
	} rows[] = {
		{ "{'foo':'bar'}", "[{'op':'add','path':'/baz','value':'qux'}]",
		  "{'foo':'bar','baz':'qux'}" },
		{ "{'foo':['bar','baz']}", "[{'op':'add','path':'/foo/1','value':'qux'}]",
		  "{'foo':['bar','qux','baz']}" },
		{ "{'foo':['bar']}", "[{'op':'add','path':'/foo/-','value':['abc']}]",
		  "{'foo':['bar',['abc']]}" },
		{ "{'baz':'qux','foo':'bar'}", "[{'op':'remove','path':'/baz'}]", "{'foo':'bar'}" },
		{ "{'foo':['bar','qux','baz']}", "[{'op':'remove','path':'/foo/1'}]",
		  "{'foo':['bar','baz']}" },
		{ "{'baz':'qux','foo':'bar'}", "[{'op':'replace','path':'/baz','value':'boo'}]",
		  "{'baz':'boo','foo':'bar'}" },
		{ "{'foo':{'bar':'baz','waldo':'fred'},'qux':{'corge':'grault'}}",
		  "[{'op':'move','from':'/foo/waldo','path':'/qux/thud'}]",
		  "{'foo':{'bar':'baz'},'qux':{'corge':'grault','thud':'fred'}}" },
		{ "{'foo':['all','grass','cows','eat']}",
		  "[{'op':'move','from':'/foo/1','path':'/foo/3'}]",
		  "{'foo':['all','cows','eat','grass']}" },
		{ "{'foo':['a','b','c']}", "[{'op':'replace','path':'/foo/1','value':9}]",
		  "{'foo':['a',9,'c']}" },
		{ "{'a':{'b':1}}", "[{'op':'copy','from':'/a','path':'/c'}]",
		  "{'a':{'b':1},'c':{'b':1}}" },
		{ "{'baz':'qux'}", "[{'op':'test','path':'/baz','value':'qux'}]", "{'baz':'qux'}" },
		{ "{'foo':{}}", "[{'op':'add','path':'/foo/a~1b~0c','value':1}]",
		  "{'foo':{'a/b~c':1}}" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(patched(KIND_SERVICE, PATCH_JSON, rows[i].object, rows[i].patch,
					 rows[i].want),
				 0);
}

static void test_a_json_patch_that_does_not_fit_is_refused(void **state)
{
	static const struct {
		const char *patch;
		int code;
	} rows[] = {
		{ "{'op':'add'}", 400 },
		{ "[{'op':'add'}]", 400 },
		{ "[{'op':'frob','path':'/a'}]", 400 },
		{ "[{'op':'add','path':'/x/y','value':1}]", 422 },
		{ "[{'op':'add','path':'/a'}]", 422 },
		{ "[{'op':'add','path':'a','value':1}]", 422 },
		{ "[{'op':'add','path':'/l/4','value':1}]", 422 },
		{ "[{'op':'add','path':'/l/1x','value':1}]", 422 },
		{ "[{'op':'add','path':'/l/01','value':1}]", 422 },
		{ "[{'op':'remove','path':'/l/2'}]", 422 },
		{ "[{'op':'remove','path':'/x'}]", 422 },
		{ "[{'op':'replace','path':'/x','value':1}]", 422 },
		{ "[{'op':'test','path':'/a','value':2}]", 422 },
		{ "[{'op':'move','from':'/x','path':'/y'}]", 422 },
		{ "[{'op':'move','from':'/o','path':'/o/p'}]", 422 },
		{ "[{'op':'add','path':'/~2','value':1}]", 422 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(patched(KIND_SERVICE, PATCH_JSON, "{'a':1,'l':[1,2],'o':{}}",
					 rows[i].patch, ""),
				 rows[i].code);
}

/* Thirty copies of the whole into itself would be a gigabyte. */
static void test_copies_cannot_blow_a_document_up(void **state)
{
	struct buf b = { 0 };
	char *patch;

	(void)state;
	buf_puts(&b, "[");
	for (int i = 0; i < 30; i++)
		buf_printf(&b, "%s{'op':'copy','from':'','path':'/c%d'}", i > 0 ? "," : "", i);
	buf_puts(&b, "]");
	patch = buf_take(&b);
	assert_int_equal(patched(KIND_SERVICE, PATCH_JSON, "{'a':'0123456789'}", patch, ""), 413);
	free(patch);
}

static void test_strategic_merge_knows_its_lists(void **state)
{
	static const struct {
		enum kind_id kind;
		const char *object, *patch, *want;
	} rows[] = {
		/* Ports merge by port and protocol. */
		{ KIND_SERVICE, "{'spec':{'ports':[{'port':80,'nodePort':30080}]}}",
		  "{'spec':{'ports':[{'port':80,'targetPort':8080}]}}",
		  "{'spec':{'ports':[{'port':80,'nodePort':30080,'targetPort':8080}]}}" },
		{ KIND_SERVICE, "{'spec':{'ports':[{'port':53,'protocol':'TCP','a':1}]}}",
		  "{'spec':{'ports':[{'port':53},{'port':53,'protocol':'UDP'}]}}",
		  "{'spec':{'ports':[{'port':53,'protocol':'TCP','a':1},"
		  "{'port':53,'protocol':'UDP'}]}}" },
		{ KIND_SERVICE, "{'spec':{'ports':[{'port':53,'protocol':'TCP','a':1}]}}",
		  "{'spec':{'$setElementOrder/ports':[{'port':53},{'port':53}],"
		  "'ports':[{'port':53,'protocol':'UDP'}]}}",
		  "{'spec':{'ports':[{'port':53,'protocol':'TCP','a':1},"
		  "{'port':53,'protocol':'UDP'}]}}" },
		{ KIND_SERVICE,
		  "{'spec':{'ports':[{'port':53,'name':'t'},{'port':53,'protocol':'UDP'}]}}",
		  "{'spec':{'$setElementOrder/ports':[{'port':53}],'ports':["
		  "{'port':53,'name':'t','protocol':null},{'$patch':'delete','port':53}]}}",
		  "{'spec':{'ports':[{'port':53,'name':'t'}]}}" },
		/* One of a number alone may change its protocol, or leave it out. */
		{ KIND_SERVICE, "{'spec':{'ports':[{'port':53,'protocol':'TCP','a':1}]}}",
		  "{'spec':{'ports':[{'port':53,'protocol':'UDP'}]}}",
		  "{'spec':{'ports':[{'port':53,'protocol':'UDP','a':1}]}}" },
		{ KIND_SERVICE, "{'spec':{'ports':[{'port':53,'protocol':'UDP','a':1}]}}",
		  "{'spec':{'ports':[{'port':53,'name':'x'}]}}",
		  "{'spec':{'ports':[{'port':53,'protocol':'UDP','a':1,'name':'x'}]}}" },
		{ KIND_SERVICE, "{'spec':{'ports':[{'port':53,'protocol':'TCP'}]}}",
		  "{'spec':{'ports':[{'port':53,'name':'x'}]}}",
		  "{'spec':{'ports':[{'port':53,'protocol':'TCP','name':'x'}]}}" },
		{ KIND_SERVICE, "{'spec':{'ports':[{'port':80},{'port':81}]}}",
		  "{'spec':{'ports':[{'port':80,'$patch':'delete'}]}}",
		  "{'spec':{'ports':[{'port':81}]}}" },
		/* kubectl names the port alone when it deletes. */
		{ KIND_SERVICE,
		  "{'spec':{'ports':[{'port':80},{'port':53,'protocol':'UDP'},{'port':53}]}}",
		  "{'spec':{'$setElementOrder/ports':[{'port':80}],"
		  "'ports':[{'port':53,'$patch':'delete'}]}}",
		  "{'spec':{'ports':[{'port':80}]}}" },
		{ KIND_SERVICE, "{'spec':{'ports':[{'port':53,'protocol':'UDP'},{'port':53}]}}",
		  "{'spec':{'ports':[{'port':53,'protocol':'TCP','$patch':'delete'}]}}",
		  "{'spec':{'ports':[{'port':53,'protocol':'UDP'}]}}" },
		/* What the patch names comes in its order, new ones before what it does not name.
		 */
		{ KIND_SERVICE, "{'spec':{'ports':[{'port':1},{'port':2},{'port':3},{'port':4}]}}",
		  "{'spec':{'ports':[{'port':9},{'port':3},{'port':2}]}}",
		  "{'spec':{'ports':[{'port':9},{'port':1},{'port':3},{'port':2},{'port':4}]}}" },
		{ KIND_SERVICE, "{'spec':{'ports':[{'port':1},{'port':2},{'port':3}]}}",
		  "{'spec':{'$setElementOrder/ports':[{'port':3},{'port':1}]}}",
		  "{'spec':{'ports':[{'port':2},{'port':3},{'port':1}]}}" },
		{ KIND_SERVICE, "{'spec':{'ports':[{'port':80}]}}",
		  "{'spec':{'ports':[{'$patch':'replace'},{'port':9}]}}",
		  "{'spec':{'ports':[{'port':9}]}}" },
		{ KIND_SERVICE, "{'spec':{'ports':[{'port':80},{'port':81}]}}",
		  "{'spec':{'$setElementOrder/ports':[{'port':82},{'port':81},{'port':80}],"
		  "'ports':[{'port':82}]}}",
		  "{'spec':{'ports':[{'port':82},{'port':81},{'port':80}]}}" },
		/* Conditions by type, finalizers as a set, other lists whole. */
		{ KIND_SERVICE, "{'status':{'conditions':[{'type':'A','status':'True'}]}}",
		  "{'status':{'conditions':[{'type':'B'},{'type':'A','status':'False'}]}}",
		  "{'status':{'conditions':[{'type':'B'},{'type':'A','status':'False'}]}}" },
		{ KIND_NODE, "{'metadata':{'finalizers':['a','b']}}",
		  "{'metadata':{'finalizers':['b','c']}}",
		  "{'metadata':{'finalizers':['a','b','c']}}" },
		{ KIND_NODE, "{'metadata':{'finalizers':['a','b']}}",
		  "{'metadata':{'$deleteFromPrimitiveList/finalizers':['a']}}",
		  "{'metadata':{'finalizers':['b']}}" },
		{ KIND_NODE, "{'status':{'addresses':[{'type':'Hostname','address':'n'}]}}",
		  "{'status':{'addresses':[{'type':'InternalIP','address':'10.0.0.1'}]}}",
		  "{'status':{'addresses':[{'type':'InternalIP','address':'10.0.0.1'},"
		  "{'type':'Hostname','address':'n'}]}}" },
		{ KIND_SERVICE, "{'spec':{'externalIPs':['1.1.1.1']}}",
		  "{'spec':{'externalIPs':['2.2.2.2']}}", "{'spec':{'externalIPs':['2.2.2.2']}}" },
		/* Maps. */
		{ KIND_SERVICE, "{'spec':{'selector':{'a':'1','b':'2'}}}",
		  "{'spec':{'selector':{'a':null,'c':'3'}}}",
		  "{'spec':{'selector':{'b':'2','c':'3'}}}" },
		{ KIND_SERVICE, "{'spec':{'selector':{'a':'1'}}}",
		  "{'spec':{'selector':{'$patch':'replace','b':'2'}}}",
		  "{'spec':{'selector':{'b':'2'}}}" },
		{ KIND_SERVICE, "{'spec':{'a':1,'b':2,'c':3}}",
		  "{'spec':{'$retainKeys':['a','b'],'b':4}}", "{'spec':{'a':1,'b':4}}" },
		{ KIND_SERVICE, "{}", "{'metadata':{'labels':{'a':null,'b':'c'}}}",
		  "{'metadata':{'labels':{'b':'c'}}}" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(patched(rows[i].kind, PATCH_STRATEGIC, rows[i].object,
					 rows[i].patch, rows[i].want),
				 0);
}

static void test_an_element_needs_its_key(void **state)
{
	(void)state;
	assert_int_equal(patched(KIND_SERVICE, PATCH_STRATEGIC, "{}",
				 "{'spec':{'ports':[{'name':'x'}]}}", ""),
			 400);
	assert_int_equal(patched(KIND_SERVICE, PATCH_STRATEGIC, "{}", "{'spec':{'ports':[80]}}",
				 ""),
			 400);
}

static void test_custom_resources_have_no_strategy(void **state)
{
	cJSON *crd = json("{'metadata':{'name':'pools.x.io'},'spec':{'group':'x.io',"
			  "'scope':'Namespaced','names':{'plural':'pools','singular':'pool',"
			  "'kind':'Pool','listKind':'PoolList'},"
			  "'versions':[{'name':'v1','served':true,'storage':true}]}}");
	const struct kind *kind = kinds_define(&kinds, crd);
	cJSON *o = json("{}"), *p = json("{}");
	cJSON *wrong = patch_apply(kind, PATCH_STRATEGIC, p, &o);

	(void)state;
	assert_int_equal(status_code(wrong), 415);
	cJSON_Delete(wrong);
	cJSON_Delete(o);
	cJSON_Delete(p);
	cJSON_Delete(crd);
}

static void test_the_type_is_read_from_the_header(void **state)
{
	enum patch_type t;

	(void)state;
	assert_int_equal(patch_type_parse("application/merge-patch+json; charset=utf-8", &t), 0);
	assert_int_equal(t, PATCH_MERGE);
	assert_int_equal(patch_type_parse("application/json-patch+json", &t), 0);
	assert_int_equal(t, PATCH_JSON);
	assert_true(patch_type_parse("application/apply-patch+yaml", &t) < 0);
	assert_true(patch_type_parse(NULL, &t) < 0);
}

/* Kubernetes' int64 are wider than a double is exact. */
static void test_long_integers_survive(void **state)
{
	static const char text[] = "{\"a\":9223372036854775807,\"b\":[-9007199254740993,1.5],"
				   "\"c\":\"9223372036854775807\"}";
	cJSON *j = js_parse(text, strlen(text));
	struct text *printed = js_print(j);

	(void)state;
	assert_string_equal(printed->bytes, text);
	text_unref(printed);
	cJSON_Delete(j);
	assert_null(js_parse("{} x", 4));
	assert_null(js_parse("{\"a\":}", 6));
}

/* cJSON alone takes all of these. */
static void test_what_is_no_json_is_refused(void **state)
{
	static const char *const texts[] = {
		"{\"a\":\"x\\u0000y\"}",
		"{\"a\\u0000b\":1}",
		"{\"a\":\"x\x01y\"}",
		"{\"a\":\"x\ny\"}",
		"[01]",
		"[-01]",
		"[1.]",
		"[1e]",
		"[1e400]",
		"[\x01 1]",
		"{} \v",
		"\xef\xbb\xbf{}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_null(js_parse(texts[i], strlen(texts[i])));
	assert_null(js_parse("\"a\0b\"", 5));
	assert_null(js_parse("[1,\0 2]", 7));
}

/* As Go does it: each byte that is no UTF-8, and half a pair of surrogates, is U+FFFD. */
static void test_text_is_mended(void **state)
{
	static const char *const pairs[][2] = {
		{ "\"x\xff\xc0y\"", "x\xef\xbf\xbd\xef\xbf\xbdy" },
		{ "\"\xe0\x80\x80\"", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\"\xed\xa0\x80\"", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\"\xf0\x9f\x98\x80\"", "\xf0\x9f\x98\x80" },
		{ "\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80" },
		{ "\"\\ud83dx\"", "\xef\xbf\xbdx" },
		{ "\"\\ude00\\u0041\"", "\xef\xbf\xbd"
					"A" },
		{ "\"\xe4\"", "\xef\xbf\xbd" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		cJSON *j = js_parse(pairs[i][0], strlen(pairs[i][0]));

		assert_non_null(j);
		assert_string_equal(j->valuestring, pairs[i][1]);
		cJSON_Delete(j);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_merge_patch_follows_the_rfc),
		cmocka_unit_test(test_a_merge_patch_is_an_object),
		cmocka_unit_test(test_json_patch_follows_the_rfc),
		cmocka_unit_test(test_a_json_patch_that_does_not_fit_is_refused),
		cmocka_unit_test(test_copies_cannot_blow_a_document_up),
		cmocka_unit_test(test_strategic_merge_knows_its_lists),
		cmocka_unit_test(test_an_element_needs_its_key),
		cmocka_unit_test(test_custom_resources_have_no_strategy),
		cmocka_unit_test(test_the_type_is_read_from_the_header),
		cmocka_unit_test(test_long_integers_survive),
		cmocka_unit_test(test_what_is_no_json_is_refused),
		cmocka_unit_test(test_text_is_mended),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
