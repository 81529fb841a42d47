// SPDX-License-Identifier: Apache-2.0
/*
 * The readers of files: what a scalar means, where a node was written, what is refused.
 * What the fields mean is for test_config.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/model/doc.h"
#include "lib/model/file_io.h"
#include "lib/model/json.h"

static struct doc *load(const char *path, const char *text, struct faults *faults)
{
	struct doc *d = NULL;

	if (doc_load_text(path, text, strlen(text), faults, &d) != 0)
		assert_null(d);
	return d;
}

static const cJSON *member(const cJSON *of, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(of, key);
}

/* One YAML value as JSON text. */
static void expect_tree(const char *yaml, const char *json)
{
	char err[128] = "";
	cJSON *tree = doc_parse_yaml(yaml, strlen(yaml), err, sizeof(err));

	assert_string_equal(err, "");
	char *text = cJSON_PrintUnformatted(tree);
	assert_string_equal(text, json);
	free(text);
	cJSON_Delete(tree);
}

/* As sigs.k8s.io/yaml, kubectl's reader, resolves plain scalars (YAML 1.1). */
static void test_plain_scalars_mean_what_they_mean_to_kubectl(void **state)
{
	(void)state;
	static const char *const rows[][2] = {
		{ "true", "true" },
		{ "True", "true" },
		{ "yes", "true" },
		{ "on", "true" },
		{ "FALSE", "false" },
		{ "No", "false" },
		{ "off", "false" },
		{ "tRUE", "\"tRUE\"" },
		{ "~", "null" },
		{ "null", "null" },
		{ "nul", "\"nul\"" },
		{ "0", "0" },
		{ "-7", "-7" },
		{ "+7", "7" },
		{ "1_000", "1000" },
		{ "0x1F", "31" },
		{ "-0x10", "-16" },
		{ "017", "15" },
		{ "0o17", "15" },
		{ "0b101", "5" },
		{ "08", "8" },
		{ "1.5", "1.5" },
		{ ".5", "0.5" },
		{ "1e3", "1000" },
		{ "1.2.3", "\"1.2.3\"" },
		{ "10.0.0.1", "\"10.0.0.1\"" },
		{ "-", "[null]" },
		{ "+", "\"+\"" },
		{ ".", "\".\"" },
		{ "1:20", "\"1:20\"" },
		{ "1e", "\"1e\"" },
		{ "0x", "\"0x\"" },
		{ "0xg", "\"0xg\"" },
		{ "::1", "\"::1\"" },
		{ "2024-01-02", "\"2024-01-02\"" },
		/* what cJSON would round, or print short, is kept as its digits */
		{ "999999999999999", "999999999999999" },
		{ "1000000000000001", "1000000000000001" },
		{ "9007199254740992", "9007199254740992" },
		{ "9007199254740993", "9007199254740993" },
		{ "18446744073709551615", "18446744073709551615" },
		{ "99999999999999999999999", "99999999999999999999999" },
		{ "64512:100", "\"64512:100\"" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		expect_tree(rows[i][0], rows[i][1]);
}

static void test_quoted_and_tagged_scalars_are_texts(void **state)
{
	(void)state;
	expect_tree("'true'", "\"true\"");
	expect_tree("\"12\"", "\"12\"");
	expect_tree("!!str 12", "\"12\"");
	expect_tree("|\n  a\n  b\n", "\"a\\nb\\n\"");
	expect_tree("!!int \"12\"", "12");
}

static void test_json_is_yaml(void **state)
{
	(void)state;
	expect_tree("{\"a\":[1,true,null,\"x\\u00e4\"],\"b\":{}}",
		    "{\"a\":[1,true,null,\"x\xc3\xa4\"],\"b\":{}}");
}

static void test_aliases_are_copies(void **state)
{
	(void)state;
	expect_tree("{a: &x {k: [1, 2]}, b: *x, c: &s text, d: *s}",
		    "{\"a\":{\"k\":[1,2]},\"b\":{\"k\":[1,2]},\"c\":\"text\",\"d\":\"text\"}");
	/* the latest anchor of a name counts */
	expect_tree("[&x 1, &x 2, *x]", "[1,2,2]");
}

static void test_merge_keys_fill_what_is_missing(void **state)
{
	(void)state;
	expect_tree("{base: &b {x: 1, y: 2}, own: {<<: *b, y: 3}}",
		    "{\"base\":{\"x\":1,\"y\":2},\"own\":{\"y\":3,\"x\":1}}");
	expect_tree("{<<: [{x: 1}, {x: 2, y: 2}], z: 3}", "{\"z\":3,\"x\":1,\"y\":2}");
	/* an anchor inside a merged map stays good */
	expect_tree("{<<: &b {x: 1}, z: *b}", "{\"z\":{\"x\":1},\"x\":1}");
}

static const struct {
	const char *path, *text, *fault;
} refused[] = {
	{ "a.yaml", "a: 1\nb: [1,\nc: 2\n",
	  "a.yaml:4: syntax error: did not find expected ',' or ']'" },
	{ "a.yaml", "a: 1\n\tb: 2\n",
	  "a.yaml:2: syntax error: found a tab character that violates indentation" },
	{ "a.yaml", "a: \"\xff\"\n", "a.yaml:1: syntax error: invalid leading UTF-8 octet" },
	{ "a.yaml", "a: 1\nb: *nothing\n", "a.yaml:2: an alias without its anchor before it" },
	/* an anchor counts from its end on: nothing can hold itself */
	{ "a.yaml", "a: &x\n  b: *x\n", "a.yaml:2: an alias without its anchor before it" },
	/* ... and only within its document */
	{ "a.yaml", "apiVersion: v1\nkind: &x A\n---\nkind: *x\n",
	  "a.yaml:4: an alias without its anchor before it" },
	{ "a.yaml", "a: 1\n? [b]\n: c\n", "a.yaml:2: a key must be a text" },
	{ "a.yaml", "a: \"x\\0y\"\n", "a.yaml:1: a text must not hold NUL" },
	{ "a.yaml", "a: 1\n<<: 5\n", "a.yaml:1: \"<<\" takes a map or a list of maps" },
	{ "a.yaml", "<<: {a: 1}\n<<: {b: 1}\n", "a.yaml:2: \"<<\" is there twice" },
	{ "a.json", "{\n\"a\": 1,\n}", "a.json:3: syntax error, this is not JSON" },
	{ "a.json", "{\n\"a\": \"x\\u0000y\" }", "a.json:2: a text must not hold NUL" },
	{ "a.conf", "pools = (\n{ name = \"a\" 5 }\n);", "a.conf:2: syntax error" },
	{ "a.conf", "pools = (\n\n\"a\n\n", "a.conf:3: a string without an end" },
	{ "a.conf", "pools = ( );\n\"a\" = 1;", "a.conf:2: syntax error" },
	{ "a.conf", "pools = ( 1\n\"a\" );", "a.conf:2: syntax error" },
	{ "a.conf", "pools = ( );,\n\"a\";", "a.conf:2: syntax error" },
	{ "a.conf", "pools = (\n@include \"x\"\n);",
	  "a.conf:2: @include is not supported, put all in one file" },
};

static void test_a_syntax_error_ends_the_file_with_its_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		struct faults faults = { 0 };
		char buf[512];

		assert_null(load(refused[i].path, refused[i].text, &faults));
		assert_int_equal(faults.count, 1);
		assert_string_equal(fault_format(&faults.items[0], buf, sizeof(buf)),
				    refused[i].fault);
		faults_free(&faults);
	}
}

static void test_bytes_after_a_nul_are_not_lost(void **state)
{
	(void)state;
	static const char text[] = "pools = ( );\n\0poolz = ( );";
	struct faults faults = { 0 };
	struct doc *d = NULL;

	assert_int_equal(doc_load_text("a.conf", text, sizeof(text) - 1, &faults, &d), -EBADMSG);
	assert_int_equal(faults.items[0].line, 2);
	faults_free(&faults);
}

/* Nine levels of ten aliases each would be a billion nodes. */
static void test_aliases_cannot_grow_without_bound(void **state)
{
	(void)state;
	struct faults faults = { 0 };
	char text[2048] = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";

	for (int i = 1; i < 10; i++) {
		char line[128];
		snprintf(line, sizeof(line), "a%d: &a%d [*a%d", i, i, i - 1);
		strcat(text, line);
		for (int k = 0; k < 9; k++) {
			snprintf(line, sizeof(line), ",*a%d", i - 1);
			strcat(text, line);
		}
		strcat(text, "]\n");
	}
	assert_null(load("a.yaml", text, &faults));
	assert_int_equal(faults.count, 1);
	assert_string_equal(faults.items[0].message, "aliases that grow too large or too deep");
	faults_free(&faults);
}

static void test_depth_is_bounded_in_each_format(void **state)
{
	(void)state;
	static const char *const paths[] = { "a.yaml", "a.json", "a.conf" };

	for (size_t p = 0; p < 3; p++) {
		struct faults faults = { 0 };
		size_t n = 100000;
		char *text = malloc(n + 8);

		assert_non_null(text);
		strcpy(text, p == 2 ? "pools = " : "");
		size_t at = strlen(text);
		memset(text + at, p == 2 ? '(' : '[', n - at);
		text[n] = '\0';
		assert_null(load(paths[p], text, &faults));
		assert_int_equal(faults.errors, 1);
		assert_int_equal(faults.items[0].line, 1);
		faults_free(&faults);
		free(text);
	}
}

static void test_a_key_that_is_twice_is_a_fault(void **state)
{
	(void)state;
	static const char *const texts[][2] = {
		{ "a.yaml", "apiVersion: v1\nkind: A\nspec:\n  x: 1\n  y: 2\n  x: 3\n" },
		{ "a.json", "{\"apiVersion\": \"v1\",\n\"kind\": \"A\",\n\"spec\": {\n\"x\": 1,\n"
			    "\"y\": 2,\n\"x\": 3}}" },
	};
	for (size_t i = 0; i < 2; i++) {
		struct faults faults = { 0 };
		struct doc *d = load(texts[i][0], texts[i][1], &faults);

		assert_non_null(d);
		assert_int_equal(faults.errors, 1);
		assert_int_equal(faults.items[0].line, 6);
		assert_string_equal(faults.items[0].field, "x");
		assert_string_equal(faults.items[0].message, "is there twice, first at line 4");
		faults_free(&faults);
		doc_free(d);
	}
}

static void test_documents_and_lists_are_taken_apart(void **state)
{
	(void)state;
	static const char *const texts[][2] = {
		{ "a.yml",
		  "---\napiVersion: v1\nkind: A\n---\n---\napiVersion: v1\nkind: List\nitems:\n"
		  "- apiVersion: v1\n  kind: B\n- apiVersion: v1\n  kind: CList\n  items:\n"
		  "  - {apiVersion: v1, kind: C}\n" },
		{ "a.json",
		  "{\"apiVersion\":\"v1\",\n\"kind\":\"A\"}\n{\"apiVersion\":\"v1\","
		  "\"kind\":\"List\",\"items\":[\n{\"apiVersion\":\"v1\",\n\"kind\":\"B\"},"
		  "{\"apiVersion\":\"v1\",\"kind\":\"CList\",\"items\":[\n"
		  "{\"apiVersion\":\"v1\",\"kind\":\"C\"}]}]}" },
	};
	static const char *const kinds[] = { "A", "B", "C" };
	static const unsigned lines[][3] = { { 2, 9, 14 }, { 1, 4, 6 } };

	for (size_t i = 0; i < 2; i++) {
		struct faults faults = { 0 };
		struct doc *d = load(texts[i][0], texts[i][1], &faults);

		assert_non_null(d);
		assert_int_equal(faults.count, 0);
		const struct doc_objects *objects = doc_objects(d);
		assert_int_equal(objects->count, 3);
		for (size_t k = 0; k < 3; k++) {
			const cJSON *json = objects->items[k].json;
			assert_string_equal(member(json, "kind")->valuestring, kinds[k]);
			assert_int_equal(doc_line(d, json), lines[i][k]);
		}
		doc_free(d);
	}
}

static void test_what_is_no_object_is_a_fault(void **state)
{
	(void)state;
	struct faults faults = { 0 };
	struct doc *d = load("a.yaml", "kind: A\n---\n\n- x\n---\nplain\n", &faults);

	assert_non_null(d);
	assert_int_equal(doc_objects(d)->count, 0);
	assert_int_equal(faults.errors, 3);
	assert_int_equal(faults.items[0].line, 1);
	assert_int_equal(faults.items[1].line, 4);
	assert_int_equal(faults.items[2].line, 6);
	faults_free(&faults);
	doc_free(d);
}

static void test_json_file_keeps_lines_and_digits(void **state)
{
	(void)state;
	struct faults faults = { 0 };
	struct doc *d = load("a.json",
			     "\xef\xbb\xbf\n{ \"apiVersion\": \"v1\", \"kind\": \"A\",\n"
			     "  \"n\": 9007199254740993,\n  \"text\": \"a\\\"]},{\\\\\",\n\n"
			     "  \"emoji\": \"\\ud83d\\ude00\", \"list\": [ 1,\n -2.5e1,\n {} ] }",
			     &faults);

	assert_non_null(d);
	const cJSON *o = doc_objects(d)->items[0].json;
	assert_int_equal(doc_line(d, o), 2);
	assert_int_equal(doc_line(d, member(o, "text")), 4);
	assert_int_equal(doc_line(d, member(o, "emoji")), 6);
	assert_string_equal(member(o, "emoji")->valuestring, "\xf0\x9f\x98\x80");
	assert_int_equal(doc_line(d, cJSON_GetArrayItem(member(o, "list"), 1)), 7);
	assert_int_equal(doc_line(d, cJSON_GetArrayItem(member(o, "list"), 2)), 8);
	assert_true(cJSON_IsRaw(member(o, "n")));
	assert_string_equal(member(o, "n")->valuestring, "9007199254740993");
	int64_t n = 0;
	assert_true(json_integer(member(o, "n"), &n));
	assert_true(n == 9007199254740993);
	doc_free(d);
}

static void test_a_faulty_copy_has_the_line_of_its_original(void **state)
{
	(void)state;
	struct faults faults = { 0 };
	struct doc *d =
		load("a.yaml", "apiVersion: v1\nkind: A\nx: &x\n  k: v\n\ny: *x\nz: {<<: *x}\n",
		     &faults);

	assert_non_null(d);
	const cJSON *o = doc_objects(d)->items[0].json;
	assert_int_equal(doc_line(d, member(member(o, "y"), "k")), 4);
	assert_int_equal(doc_line(d, member(member(o, "z"), "k")), 4);
	assert_int_equal(doc_line(d, member(o, "z")), 7);
	doc_free(d);
}

static void test_nearest_name_is_a_slip_not_a_guess(void **state)
{
	(void)state;
	static const char *const known[] = { "addresses", "autoAssign", "name", NULL };

	assert_string_equal(json_nearest("adresses", known), "addresses");
	assert_string_equal(json_nearest("autoassign", known), "autoAssign");
	assert_string_equal(json_nearest("auto_assign", known), "autoAssign");
	assert_null(json_nearest("colour", known));
	assert_null(json_nearest("x", known));
}

static void test_a_file_that_is_not_there_is_a_fault(void **state)
{
	(void)state;
	struct faults faults = { 0 };
	struct doc *d = NULL;
	char buf[256];

	assert_int_equal(doc_load("/nonexistent/a.yaml", &faults, &d), -EBADMSG);
	assert_string_equal(fault_format(&faults.items[0], buf, sizeof(buf)),
			    "/nonexistent/a.yaml: cannot be read: No such file or directory");
	faults_free(&faults);
	assert_int_equal(doc_load("/", &faults, &d), -EBADMSG);
	assert_string_equal(fault_format(&faults.items[0], buf, sizeof(buf)),
			    "/: cannot be read: Is a directory");
	faults_free(&faults);
}

static void test_a_byte_order_mark_is_no_content(void **state)
{
	(void)state;
	static const struct {
		const char *path, *text;
	} rows[] = {
		{ "a.yaml", "\xef\xbb\xbf# x\napiVersion: v1\nkind: Node\n" },
		{ "a.json", "\xef\xbb\xbf{\"apiVersion\":\"v1\",\"kind\":\"Node\"}" },
		{ "a.conf", "\xef\xbb\xbfsettings = { };\n" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct faults faults = { 0 };
		struct doc *d = load(rows[i].path, rows[i].text, &faults);
		faults_print(&faults, stderr);
		assert_non_null(d);
		assert_int_equal(doc_objects(d)->count, 1);
		assert_int_equal(faults.count, 0);
		doc_free(d);
	}
}

/* It hangs here when it is opened or read as a file is. */
static void test_a_fifo_is_refused_and_holds_nobody_up(void **state)
{
	(void)state;
	struct faults faults = { 0 };
	struct doc *d = NULL;
	char dir[] = "/tmp/test-doc-XXXXXX", path[64], buf[256], want[128];

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/a.yaml", dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(doc_load(path, &faults, &d), -EBADMSG);
	snprintf(want, sizeof(want), "%s: cannot be read: not a regular file", path);
	assert_string_equal(fault_format(&faults.items[0], buf, sizeof(buf)), want);
	faults_free(&faults);
	unlink(path);
	rmdir(dir);
	assert_int_equal(doc_load("/dev/zero", &faults, &d), -EBADMSG);
	faults_free(&faults);
}

static void test_files_are_read_whole_up_to_their_limit(void **state)
{
	(void)state;
	char path[] = "/tmp/test-doc-XXXXXX", *text = NULL;
	size_t len = 0;
	int fd = mkstemp(path);

	assert_int_equal(write(fd, "0123456789", 10), 10);
	close(fd);
	assert_int_equal(file_read(path, 10, &text, &len), 0);
	assert_int_equal(len, 10);
	assert_string_equal(text, "0123456789");
	free(text);
	assert_int_equal(file_read(path, 9, &text, &len), -EFBIG);
	unlink(path);
	/* The kernel says that it has no bytes. */
	assert_int_equal(file_read("/proc/self/status", 1 << 20, &text, &len), 0);
	assert_true(len > 100 && strlen(text) == len);
	free(text);
	assert_int_equal(file_read("/proc/self/status", 20, &text, &len), -EFBIG);
	assert_int_equal(file_read("/dev/null", 0, &text, &len), 0);
	assert_int_equal(len, 0);
	free(text);
}

static void test_parse_yaml_tells_the_line(void **state)
{
	(void)state;
	char err[128];

	assert_null(doc_parse_yaml("a: 1\nb: [", 9, err, sizeof(err)));
	assert_non_null(strstr(err, "line 3: syntax error"));
	assert_null(doc_parse_yaml("a: 1\n---\nb: 2\n", 14, err, sizeof(err)));
	assert_string_equal(err, "2 documents instead of one");
	assert_null(doc_parse_yaml("", 0, err, sizeof(err)));
	assert_string_equal(err, "0 documents instead of one");
	assert_null(doc_parse_yaml("a: 1\na: 2\n", 10, err, sizeof(err)));
	assert_string_equal(err, "line 2: is there twice, first at line 1");
}

/* For files that are libconfig, but no configuration. */
static void test_a_tree_is_what_was_written_with_its_lines(void **state)
{
	(void)state;
	static const char text[] = "spec = { name = \"x\"; };\n"
				   "big = 4294967296;\n"
				   "list = ( 1.5, { a = true; } );\n";
	struct faults faults = { 0 };
	struct doc *d = NULL;

	assert_int_equal(doc_load_tree_text("f.conf", text, strlen(text), &faults, &d), 0);
	char *json = cJSON_PrintUnformatted(doc_tree(d));
	assert_string_equal(json, "{\"spec\":{\"name\":\"x\"},\"big\":4294967296,"
				  "\"list\":[1.5,{\"a\":true}]}");
	free(json);
	assert_int_equal(doc_objects(d)->count, 0);
	assert_int_equal(doc_line(d, member(doc_tree(d), "big")), 2);
	assert_int_equal(doc_line(d, member(doc_tree(d), "list")->child->next), 3);
	/* Paths are told as they are: here, spec is no part of a custom resource. */
	struct json_source source = { .where = { .doc = d }, .faults = &faults };
	struct json root = json_root(&source, doc_tree(d), ""), spec = json_get(&root, "spec");
	struct json name = json_get(&spec, "name");
	char buf[256];
	json_fault(&name, "no");
	assert_string_equal(fault_format(&faults.items[0], buf, sizeof(buf)),
			    "f.conf:1: spec.name: no");
	faults_free(&faults);
	doc_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain_scalars_mean_what_they_mean_to_kubectl),
		cmocka_unit_test(test_quoted_and_tagged_scalars_are_texts),
		cmocka_unit_test(test_json_is_yaml),
		cmocka_unit_test(test_aliases_are_copies),
		cmocka_unit_test(test_merge_keys_fill_what_is_missing),
		cmocka_unit_test(test_a_syntax_error_ends_the_file_with_its_line),
		cmocka_unit_test(test_bytes_after_a_nul_are_not_lost),
		cmocka_unit_test(test_aliases_cannot_grow_without_bound),
		cmocka_unit_test(test_depth_is_bounded_in_each_format),
		cmocka_unit_test(test_a_key_that_is_twice_is_a_fault),
		cmocka_unit_test(test_documents_and_lists_are_taken_apart),
		cmocka_unit_test(test_what_is_no_object_is_a_fault),
		cmocka_unit_test(test_json_file_keeps_lines_and_digits),
		cmocka_unit_test(test_a_faulty_copy_has_the_line_of_its_original),
		cmocka_unit_test(test_nearest_name_is_a_slip_not_a_guess),
		cmocka_unit_test(test_a_file_that_is_not_there_is_a_fault),
		cmocka_unit_test(test_a_byte_order_mark_is_no_content),
		cmocka_unit_test(test_a_fifo_is_refused_and_holds_nobody_up),
		cmocka_unit_test(test_files_are_read_whole_up_to_their_limit),
		cmocka_unit_test(test_parse_yaml_tells_the_line),
		cmocka_unit_test(test_a_tree_is_what_was_written_with_its_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
