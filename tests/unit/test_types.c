// SPDX-License-Identifier: Apache-2.0
/* The form of built-in kinds: what is dropped, filled in, told and refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "standalone/apiserver/kinds.h"
#include "standalone/apiserver/types_tables.h"

/* @text with ' for ". */
static cJSON *json(const char *text)
{
	char *copy = mem_text(text);

	for (char *c = copy; *c != '\0'; c++)
		*c = *c == '\'' ? '"' : *c;
	cJSON *node = js_parse(copy, strlen(copy));
	assert_non_null(node);
	free(copy);
	return node;
}

static void assert_json(const cJSON *node, const char *want)
{
	cJSON *wanted = json(want);
	struct text *have = js_print(node), *should = js_print(wanted);

	assert_string_equal(have->bytes, should->bytes);
	text_unref(have);
	text_unref(should);
	cJSON_Delete(wanted);
}

/* @before becomes @after, and @told is noted, with ", " between. */
static void assert_form(const struct object_type *type, const char *before, const char *after,
			const char *told)
{
	cJSON *object = json(before);
	struct notes notes = { 0 };
	struct buf all = { 0 };

	assert_null(types_apply(type, object, &notes));
	assert_json(object, after);
	for (size_t i = 0; i < notes.count; i++)
		buf_printf(&all, "%s%s", i == 0 ? "" : ", ", notes.items[i]);
	char *text = buf_take(&all);
	assert_string_equal(text, told);
	free(text);
	notes_done(&notes);
	cJSON_Delete(object);
}

static void assert_refused(const struct object_type *type, const char *before, const char *why)
{
	cJSON *object = json(before);
	struct notes notes = { 0 };
	char *wrong = types_apply(type, object, &notes);

	assert_non_null(wrong);
	assert_string_equal(wrong, why);
	free(wrong);
	notes_done(&notes);
	cJSON_Delete(object);
}

#define META "'metadata':{'name':'a','creationTimestamp':null}"

static void test_unknown_fields_are_dropped_and_told_with_their_path(void **state)
{
	(void)state;
	assert_form(&type_config_map, "{'kind':'ConfigMap','x':1," META ",'data':{'any':'thing'}}",
		    "{'kind':'ConfigMap'," META ",'data':{'any':'thing'}}", "unknown field \"x\"");
	assert_form(
		&type_endpoint_slice,
		"{" META ",'addressType':'IPv4','endpoints':[{'addresses':['10.0.0.1'],'y':1,"
		"'conditions':{'z':1}}],'ports':[]}",
		"{" META ",'addressType':'IPv4','endpoints':[{'addresses':['10.0.0.1'],"
		"'conditions':{}}],'ports':[]}",
		"unknown field \"endpoints[0].y\", unknown field \"endpoints[0].conditions.z\"");
}

static void test_of_duplicate_fields_the_last_one_stays(void **state)
{
	(void)state;
	assert_form(&type_config_map,
		    "{'metadata':{'name':'b','name':'a','creationTimestamp':null},"
		    "'data':{'x':'1','x':'2'}}",
		    "{" META ",'data':{'x':'2'}}",
		    "duplicate field \"metadata.name\", duplicate field \"data.x\"");
}

static void test_what_is_empty_is_left_out_unless_it_says_something(void **state)
{
	(void)state;
	assert_form(&type_config_map,
		    "{'metadata':{'name':'a','labels':{},'finalizers':[],'generation':0},'data':{},"
		    "'immutable':false,'binaryData':null}",
		    "{'metadata':{'name':'a','creationTimestamp':null},'immutable':false}", "");
}

static void test_what_is_always_written_is_filled_in(void **state)
{
	(void)state;
	assert_form(&type_endpoint_slice, "{'endpoints':[{}]}",
		    "{'endpoints':[{'addresses':null,'conditions':{}}],"
		    "'metadata':{'creationTimestamp':null},'addressType':'','ports':null}",
		    "");
	assert_form(&type_ingress, "{" META "}",
		    "{" META ",'spec':{},'status':{'loadBalancer':{}}}", "");
}

static void test_fields_of_an_inlined_struct_stand_in_the_outer_one(void **state)
{
	(void)state;
	assert_form(&type_ingress,
		    "{" META ",'spec':{'rules':[{'host':'x','http':{'paths':[]}}]},'status':{}}",
		    "{" META ",'spec':{'rules':[{'host':'x','http':{'paths':[]}}]},"
		    "'status':{'loadBalancer':{}}}",
		    "");
}

static void test_times_are_kept_in_utc_at_their_precision(void **state)
{
	static const struct {
		const char *given, *kept;
	} rows[] = {
		{ "2026-01-02T03:04:05.000006Z", "2026-01-02T03:04:05.000006Z" },
		{ "2026-01-02T03:04:05.000006+02:00", "2026-01-02T01:04:05.000006Z" },
		{ "2026-01-01T23:04:05.999999-01:30", "2026-01-02T00:34:05.999999Z" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *before = mem_printf("{'spec':{'renewTime':'%s'}}", rows[i].given);
		char *after = mem_printf("{'spec':{'renewTime':'%s'},"
					 "'metadata':{'creationTimestamp':null}}",
					 rows[i].kept);
		assert_form(&type_lease, before, after, "");
		free(before);
		free(after);
	}
	assert_refused(&type_lease, "{'spec':{'renewTime':'2026-01-02T03:04:05Z'}}",
		       "parsing time \"2026-01-02T03:04:05Z\" as "
		       "\"2006-01-02T15:04:05.000000Z07:00\": cannot parse "
		       "\"2026-01-02T03:04:05Z\" as \"2006\"");
}

static void test_values_of_the_wrong_type_are_refused_in_the_words_of_go(void **state)
{
	static const struct {
		const struct object_type *type;
		const char *object, *why;
	} rows[] = {
		{ &type_service, "{'spec':{'ports':[{'port':'x'}]}}",
		  "json: cannot unmarshal string into Go struct field ServicePort.spec.ports.port "
		  "of "
		  "type int32" },
		{ &type_service, "{'spec':{'ports':[{'port':1.5}]}}",
		  "json: cannot unmarshal number 1.5 into Go struct field "
		  "ServicePort.spec.ports.port of type int32" },
		{ &type_service, "{'spec':{'ports':[{'port':12345678901234567890}]}}",
		  "json: cannot unmarshal number 12345678901234567890 into Go struct field "
		  "ServicePort.spec.ports.port of type int32" },
		{ &type_service, "{'spec':{'ports':{}}}",
		  "json: cannot unmarshal object into Go struct field ServiceSpec.spec.ports of "
		  "type "
		  "[]v1.ServicePort" },
		{ &type_service, "{'spec':[]}",
		  "json: cannot unmarshal array into Go struct field Service.spec of type "
		  "v1.ServiceSpec" },
		{ &type_config_map, "{'data':{'x':true}}",
		  "json: cannot unmarshal bool into Go struct field ConfigMap.data of type "
		  "string" },
		{ &type_config_map, "{'binaryData':{'x':'AA=A'}}",
		  "illegal base64 data at input byte 2" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_refused(rows[i].type, rows[i].object, rows[i].why);
}

static void test_a_null_element_is_an_empty_one(void **state)
{
	(void)state;
	assert_form(&type_endpoint_slice,
		    "{" META ",'addressType':'IPv4','endpoints':[null],'ports':[null]}",
		    "{" META
		    ",'addressType':'IPv4','endpoints':[{'addresses':null,'conditions':{}}],"
		    "'ports':[{}]}",
		    "");
	assert_form(&type_config_map, "{" META ",'data':{'x':null},'binaryData':{'y':null}}",
		    "{" META ",'data':{'x':''},'binaryData':{'y':''}}", "");
}

/* Every list and every map of @type holds one null, those of the objects in it too. */
static cJSON *full_of_null(const struct object_type *type)
{
	cJSON *object = cJSON_CreateObject();

	for (const struct field *f = type->fields; f->name != NULL || f->object != NULL; f++) {
		cJSON *list;

		if (f->name == NULL) {
			list = full_of_null(f->object);
			while (list->child != NULL) {
				cJSON *member = cJSON_DetachItemViaPointer(list, list->child);
				cJSON_AddItemToObject(object, member->string, member);
			}
			cJSON_Delete(list);
		} else if (f->shape == T_MAP) {
			cJSON_AddNullToObject(js_object(object, f->name), "x");
		} else if (f->shape == T_LIST) {
			list = cJSON_AddArrayToObject(object, f->name);
			cJSON_AddItemToArray(list, cJSON_CreateNull());
		} else if (f->type == T_OBJECT) {
			js_set(object, f->name, full_of_null(f->object));
		}
	}
	return object;
}

static unsigned assert_no_null(const struct object_type *type, const cJSON *object)
{
	unsigned checked = 0;

	for (const struct field *f = type->fields; f->name != NULL || f->object != NULL; f++) {
		const cJSON *there = f->name == NULL
					     ? object
					     : cJSON_GetObjectItemCaseSensitive(object, f->name);

		if (f->shape != T_ONE && f->type != T_ANY) {
			assert_non_null(there->child);
			assert_false(cJSON_IsNull(there->child));
			checked++;
		} else if (f->type == T_OBJECT) {
			checked += assert_no_null(f->object, there);
		}
	}
	return checked;
}

static void test_no_list_and_no_map_keeps_a_null(void **state)
{
	struct kinds kinds;
	unsigned checked = 0;

	(void)state;
	kinds_init(&kinds);
	for (const struct kind *k = kinds.first; k != NULL; k = k->next) {
		cJSON *object = full_of_null(k->type);
		struct notes notes = { 0 };

		assert_null(types_apply(k->type, object, &notes));
		assert_int_equal(notes.count, 0);
		checked += assert_no_null(k->type, object);
		cJSON_Delete(object);
		notes_done(&notes);
	}
	assert_true(checked > 100);
	kinds_done(&kinds);
}

static void test_custom_resources_have_metadata_and_keep_the_rest(void **state)
{
	(void)state;
	assert_form(&type_custom, "{'metadata':{'name':'a','x':1},'spec':{'y':null,'z':[]}}",
		    "{'metadata':{'name':'a','creationTimestamp':null},'spec':{'y':null,'z':[]}}",
		    "unknown field \"metadata.x\"");
}

static void test_every_builtin_kind_has_a_form(void **state)
{
	struct kinds kinds;

	(void)state;
	kinds_init(&kinds);
	for (const struct kind *k = kinds.first; k != NULL; k = k->next) {
		assert_non_null(k->type);
		assert_string_equal(k->type->name, k->name);
		assert_ptr_equal(types_field(k->type, "metadata")->object, &type_object_meta);
		assert_null(types_field(k->type, "frob"));
	}
	kinds_done(&kinds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unknown_fields_are_dropped_and_told_with_their_path),
		cmocka_unit_test(test_of_duplicate_fields_the_last_one_stays),
		cmocka_unit_test(test_what_is_empty_is_left_out_unless_it_says_something),
		cmocka_unit_test(test_what_is_always_written_is_filled_in),
		cmocka_unit_test(test_fields_of_an_inlined_struct_stand_in_the_outer_one),
		cmocka_unit_test(test_times_are_kept_in_utc_at_their_precision),
		cmocka_unit_test(test_values_of_the_wrong_type_are_refused_in_the_words_of_go),
		cmocka_unit_test(test_a_null_element_is_an_empty_one),
		cmocka_unit_test(test_no_list_and_no_map_keeps_a_null),
		cmocka_unit_test(test_custom_resources_have_metadata_and_keep_the_rest),
		cmocka_unit_test(test_every_builtin_kind_has_a_form),
	};

	cJSON_InitHooks(&(cJSON_Hooks){ mem_get, free });
	return cmocka_run_group_tests(tests, NULL, NULL);
}
