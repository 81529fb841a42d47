// SPDX-License-Identifier: Apache-2.0
/* The fields of a pool that only Bellman has, in the file and as annotations: what each may
 * say, and how it arrives in struct pool. A row a rule. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "lib/base/duration.h"
#include "lib/base/intern.h"
#include "lib/model/config.h"

/* Build a configuration out of one document; faults as text, one a line. */
static struct config *build(const char *path, const char *text, char *ret_faults, size_t size)
{
	struct config_inputs inputs = { 0 };
	struct faults faults = { 0 };
	struct config *c = NULL;
	struct doc *d = NULL;
	FILE *f = fmemopen(ret_faults, size, "w");

	assert_int_equal(doc_load_text(path, text, strlen(text), &faults, &d), 0);
	const struct doc_objects *objects = doc_objects(d);
	for (size_t i = 0; i < objects->count; i++) {
		struct config_input *in = array_push(&inputs);
		in->object = objects->items[i].json;
		in->where = objects->items[i].where;
		in->from_file = doc_is_config_file(objects->items[i].where.doc);
	}
	int rc = config_build(&inputs, &faults, &c);
	assert_int_equal(rc, faults.errors > 0 ? -EBADMSG : 0);
	faults_print(&faults, f);
	fputc('\0', f);
	assert_int_equal(fclose(f), 0);
	array_free(&inputs);
	faults_free(&faults);
	doc_free(d);
	return c;
}

/* The pool that @fields make, on line 2, in a configuration file. */
static struct config *pool_in_file(const char *fields, char *ret_faults, size_t size)
{
	char text[4096];

	snprintf(text, sizeof(text),
		 "pools = ( { name = \"a\"; addresses = ( \"192.0.2.0/24\" );\n%s } );\n", fields);
	return build("b.conf", text, ret_faults, size);
}

/* The same on a custom resource, as the annotation @name. */
static struct config *pool_annotated(const char *name, const char *json, char *ret_faults,
				     size_t size)
{
	char text[4096];

	snprintf(text, sizeof(text),
		 "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata:\n  name: a\n"
		 "  annotations:\n    bellman.io/%s: '%s'\nspec: {addresses: [192.0.2.0/24]}\n",
		 name, json);
	return build("m.yaml", text, ret_faults, size);
}

static const struct bad {
	const char *fields, *fault;
} bad_in_file[] = {
	{ "strategy = \"worstFit\";",
	  "strategy: \"worstFit\" is none of firstFit, leastUsedRange, random" },
	{ "strategy = 1;", "strategy: must be a string, not a number" },
	{ "drain = \"yes\";", "drain: must be true or false, not a string" },
	{ "perRange = 1;", "perRange: must be true or false, not a number" },
	/* quota */
	{ "quota = -1;", "quota: -1 is not in 0..4294967295" },
	{ "quota = 4294967296L;", "quota: 4294967296 is not in 0..4294967295" },
	{ "quota = 1.5;", "quota: must be a whole number in 0..4294967295" },
	{ "quota = \"5\";",
	  "quota: must be a number or a list of \"NAMESPACE=NUMBER\", not a string" },
	{ "quota = true;",
	  "quota: must be a number or a list of \"NAMESPACE=NUMBER\", not a boolean" },
	{ "quota = ( 5 );", "quota[0]: must be a string, not a number" },
	{ "quota = ( \"web\" );", "quota[0]: \"web\" is not of the form NAMESPACE=NUMBER" },
	{ "quota = ( \"web=\" );", "quota[0]: \"web=\" is not of the form NAMESPACE=NUMBER" },
	{ "quota = ( \"web=-1\" );", "quota[0]: \"web=-1\" is not of the form NAMESPACE=NUMBER" },
	{ "quota = ( \"web=4294967296\" );",
	  "quota[0]: \"web=4294967296\" is not of the form NAMESPACE=NUMBER" },
	{ "quota = ( \"=5\" );", "quota[0]: \"=5\" is not of the form NAMESPACE=NUMBER" },
	{ "quota = ( \"Web=5\" );", "quota[0]: \"Web=5\" is not of the form NAMESPACE=NUMBER" },
	{ "quota = ( \"-w=5\" );", "quota[0]: \"-w=5\" is not of the form NAMESPACE=NUMBER" },
	{ "quota = ( \"**=5\" );", "quota[0]: \"**=5\" is not of the form NAMESPACE=NUMBER" },
	{ "quota = ( \"a=1\", \"ab=1\", \"a=2\" );", "quota[2]: \"a\" is there twice" },
	{ "quota = ( \"*=1\", \"*=2\" );", "quota[1]: \"*\" is there twice" },
	/* reserve */
	{ "reserve = 5;", "reserve: must be a string, not a number" },
	{ "reserve = \"5\";", "reserve: \"5\" is no duration such as \"90s\" or \"1m30s\"" },
	/* ipam */
	{ "ipam = \"x\";", "ipam: must be a map, not a string" },
	{ "ipam = { };", "ipam.url: is required" },
	{ "ipam = { url = \"\"; };", "ipam.url: must not be empty" },
	{ "ipam = { url = 1; };", "ipam.url: must be a string, not a number" },
	{ "ipam = { uri = \"https://a\"; url = \"https://a\"; };",
	  "ipam.uri: unknown field, did you mean url?" },
	{ "ipam = { url = \"ftp://a\"; };",
	  "ipam.url: \"ftp://a\" begins with none of http+unix://, https://, http://" },
	{ "ipam = { url = \"http+unix://run/x\"; };",
	  "ipam.url: needs the path of a socket, as in http+unix:///run/ipam.sock" },
	{ "ipam = { url = \"http+unix:///\"; };",
	  "ipam.url: needs the path of a socket, as in http+unix:///run/ipam.sock" },
	{ "ipam = { url = \"http://192.0.2.7/\"; };",
	  "ipam.url: plain http is for this machine only, use https://" },
	{ "ipam = { url = \"http://localhost.example.org/\"; };",
	  "ipam.url: plain http is for this machine only, use https://" },
	{ "ipam = { url = \"https://user:secret@a/\"; };",
	  "ipam.url: must not hold a user or a password" },
	{ "ipam = { url = \"https://a/b?c=d\"; };",
	  "ipam.url: must not hold a query or a fragment" },
	{ "ipam = { url = \"https://a/#b\"; };", "ipam.url: must not hold a query or a fragment" },
	{ "ipam = { url = \"https://a b/\"; };",
	  "ipam.url: has blanks or control characters in it" },
	{ "ipam = { url = \"https:///b\"; };",
	  "ipam.url: \"https:///b\" names no host, or no port in 1..65535" },
	{ "ipam = { url = \"https://a:0/\"; };",
	  "ipam.url: \"https://a:0/\" names no host, or no port in 1..65535" },
	{ "ipam = { url = \"https://a:/\"; };",
	  "ipam.url: \"https://a:/\" names no host, or no port in 1..65535" },
	{ "ipam = { url = \"https://a:65536\"; };",
	  "ipam.url: \"https://a:65536\" names no host, or no port in 1..65535" },
	{ "ipam = { url = \"https://[::1\"; };",
	  "ipam.url: \"https://[::1\" names no host, or no port in 1..65535" },
	{ "ipam = { url = \"https://[192.0.2.1]/\"; };",
	  "ipam.url: \"https://[192.0.2.1]/\" names no host, or no port in 1..65535" },
	{ "ipam = { url = \"https://[::1]x/\"; };",
	  "ipam.url: \"https://[::1]x/\" names no host, or no port in 1..65535" },
	{ "ipam = { url = \"https://a\"; timeout = \"0s\"; };",
	  "ipam.timeout: must be more than 0 and at most 60s" },
	{ "ipam = { url = \"https://a\"; timeout = \"61s\"; };",
	  "ipam.timeout: must be more than 0 and at most 60s" },
	{ "ipam = { url = \"https://a\"; timeout = \"soon\"; };",
	  "ipam.timeout: \"soon\" is no duration such as \"2s\" or \"500ms\"" },
	{ "ipam = { url = \"https://a\"; caFile = \"ca.pem\"; };",
	  "ipam.caFile: \"ca.pem\" is no absolute path" },
	{ "ipam = { url = \"https://a\"; tokenFile = \"\"; };", "ipam.tokenFile: is required" },
	{ "ipam = { url = \"http+unix:///run/x\"; caFile = \"/ca.pem\"; };",
	  "ipam.caFile: goes with a url that begins with https://" },
};

static void test_each_fault_in_the_file_has_its_line_and_field(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad_in_file) / sizeof(*bad_in_file); i++) {
		char faults[2048], expected[512];

		assert_null(pool_in_file(bad_in_file[i].fields, faults, sizeof(faults)));
		snprintf(expected, sizeof(expected), "b.conf:2: pools[0].%s\n",
			 bad_in_file[i].fault);
		assert_string_equal(faults, expected);
	}
}

static void test_a_socket_path_that_no_kernel_takes_is_refused(void **state)
{
	char fields[256], faults[1024], path[109];

	(void)state;
	memset(path, 'a', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	snprintf(fields, sizeof(fields), "ipam = { url = \"http+unix://%s\"; };", path);
	assert_null(pool_in_file(fields, faults, sizeof(faults)));
	assert_string_equal(faults, "b.conf:2: pools[0].ipam.url: the path of a socket has at "
				    "most 107 bytes\n");
	path[sizeof(path) - 2] = '\0';
	snprintf(fields, sizeof(fields), "ipam = { url = \"http+unix://%s\"; };", path);
	struct config *c = pool_in_file(fields, faults, sizeof(faults));
	assert_string_equal(faults, "");
	config_unref(c);
}

/* A resource must not make the allocator send a file of its machine to an address. */
static const struct bad_note {
	const char *name, *json, *fault;
} bad_annotations[] = {
	{ "strategy", "\"worstFit\"",
	  ": \"worstFit\" is none of firstFit, leastUsedRange, random" },
	{ "strategy", "random", ": is not JSON: random" },
	{ "drain", "1", ": must be true or false, not a number" },
	{ "quota", "[\"web\"]", "[0]: \"web\" is not of the form NAMESPACE=NUMBER" },
	{ "reserve", "\"soon\"", ": \"soon\" is no duration such as \"90s\" or \"1m30s\"" },
	{ "ipam", "{\"url\":\"http://192.0.2.7\"}",
	  ".url: plain http is for this machine only, use https://" },
	{ "ipam", "{\"url\":\"https://a\",\"caFile\":\"/etc/shadow\"}",
	  ".caFile: may stand in a configuration file only" },
	{ "ipam", "{\"url\":\"https://a\",\"tokenFile\":\"/etc/shadow\"}",
	  ".tokenFile: may stand in a configuration file only" },
	{ "ipMode", "\"vip\"", ": \"vip\" is none of VIP, Proxy" },
};

static void test_annotations_are_held_to_the_same_rules(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad_annotations) / sizeof(*bad_annotations); i++) {
		const struct bad_note *b = &bad_annotations[i];
		char faults[2048], expected[512];

		assert_null(pool_annotated(b->name, b->json, faults, sizeof(faults)));
		snprintf(expected, sizeof(expected),
			 "m.yaml:6: metadata.annotations[bellman.io/%s]%s\n", b->name, b->fault);
		assert_string_equal(faults, expected);
	}
}

static void test_without_them_a_pool_has_the_defaults(void **state)
{
	char faults[1024];
	struct config *c = pool_in_file("", faults, sizeof(faults));

	(void)state;
	assert_string_equal(faults, "");
	const struct pool *p = &c->pools.items[0];
	assert_int_equal(p->strategy, STRATEGY_FIRST_FIT);
	assert_int_equal(p->ip_mode, IP_MODE_UNSET);
	assert_false(p->drain || p->per_range);
	assert_true(pool_quota(p, "web") == POOL_NO_QUOTA);
	assert_int_equal(p->reserve_ns, 0);
	assert_null(p->ipam.url);
	config_unref(c);
}

static void test_every_field_arrives_from_the_file(void **state)
{
	char faults[1024];
	struct config *c = pool_in_file(
		"strategy = \"random\"; drain = true; perRange = false; ipMode = \"Proxy\";"
		"quota = ( \"web=3\", \"db=0\", \"*=7\" ); reserve = \"1h30m\";"
		"ipam = { url = \"https://ipam.example:8443/v1\"; timeout = \"500ms\";"
		"  caFile = \"/etc/ca.pem\"; tokenFile = \"/etc/token\"; };",
		faults, sizeof(faults));

	(void)state;
	assert_string_equal(faults, "");
	const struct pool *p = &c->pools.items[0];
	assert_int_equal(p->strategy, STRATEGY_RANDOM);
	assert_int_equal(p->ip_mode, IP_MODE_PROXY);
	assert_true(p->drain);
	assert_int_equal(pool_quota(p, "web"), 3);
	assert_int_equal(pool_quota(p, "db"), 0);
	assert_int_equal(pool_quota(p, "we"), 7);
	assert_int_equal(pool_quota(p, "webs"), 7);
	assert_true(p->reserve_ns == 5400 * NS_PER_S);
	assert_string_equal(p->ipam.url, "https://ipam.example:8443/v1");
	assert_string_equal(p->ipam.ca_file, "/etc/ca.pem");
	assert_string_equal(p->ipam.token_file, "/etc/token");
	assert_true(p->ipam.timeout_ns == 500 * NS_PER_MS);
	config_unref(c);
}

/* A list without "*" leaves the others free; one number is for each. */
static void test_a_quota_is_for_each_namespace_or_for_those_named(void **state)
{
	static const struct {
		const char *fields;
		uint64_t web, other;
	} cases[] = {
		{ "quota = 5;", 5, 5 },
		{ "quota = 0;", 0, 0 },
		{ "quota = ( );", POOL_NO_QUOTA, POOL_NO_QUOTA },
		{ "quota = ( \"web=5\" );", 5, POOL_NO_QUOTA },
		{ "quota = ( \"*=2\" );", 2, 2 },
		{ "quota = ( \"web=0\", \"*=4294967295\" );", 0, UINT32_MAX },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char faults[1024];
		struct config *c = pool_in_file(cases[i].fields, faults, sizeof(faults));

		assert_string_equal(faults, "");
		assert_true(pool_quota(&c->pools.items[0], "web") == cases[i].web);
		assert_true(pool_quota(&c->pools.items[0], "other") == cases[i].other);
		config_unref(c);
	}
}

static void test_every_field_arrives_from_annotations(void **state)
{
	static const char text[] =
		"apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata:\n  name: a\n"
		"  annotations:\n"
		"    bellman.io/strategy: '\"leastUsedRange\"'\n"
		"    bellman.io/drain: 'false'\n"
		"    bellman.io/perRange: 'true'\n"
		"    bellman.io/quota: '12'\n"
		"    bellman.io/reserve: '\"30s\"'\n"
		"    bellman.io/ipam: 'null'\n"
		"    bellman.io/ipMode: '\"VIP\"'\n"
		"spec: {addresses: [192.0.2.0/24]}\n";
	char faults[1024];
	struct config *c = build("m.yaml", text, faults, sizeof(faults));

	(void)state;
	assert_string_equal(faults, "");
	const struct pool *p = &c->pools.items[0];
	assert_int_equal(p->strategy, STRATEGY_LEAST_USED_RANGE);
	assert_false(p->drain);
	assert_true(p->per_range);
	assert_int_equal(pool_quota(p, "web"), 12);
	assert_true(p->reserve_ns == 30 * NS_PER_S);
	assert_null(p->ipam.url);
	assert_int_equal(p->ip_mode, IP_MODE_VIP);
	config_unref(c);
}

static void test_urls_of_this_machine_and_with_tls_are_taken(void **state)
{
	static const char *const urls[] = {
		"http+unix:///run/ipam.sock", "http://127.0.0.1:8080/v1", "http://127.9.9.9",
		"http://[::1]:80/",           "http://localhost/",        "https://ipam",
		"https://192.0.2.7:65535/a",  "https://[2001:db8::7]",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
		char json[256], faults[1024];

		snprintf(json, sizeof(json), "{\"url\":\"%s\"}", urls[i]);
		struct config *c = pool_annotated("ipam", json, faults, sizeof(faults));
		assert_string_equal(faults, "");
		assert_string_equal(c->pools.items[0].ipam.url, urls[i]);
		assert_true(c->pools.items[0].ipam.timeout_ns == 2 * NS_PER_S);
		config_unref(c);
	}
}

/* perRange with @count ranges, in the file or as a resource; @more: other fields of the file. */
static struct config *per_range(bool in_file, size_t count, const char *more, char *ret_faults,
				size_t size)
{
	char text[4096];
	size_t len;

	len = (size_t)
		snprintf(text, sizeof(text), "%s",
			 in_file ? "pools = ( { name = \"a\"; perRange = true; addresses = (\n"
				 : "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\n"
				   "metadata: {name: a, annotations: {bellman.io/perRange: "
				   "'true'}}\nspec:\n  addresses: [");
	for (size_t i = 0; i < count; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s\"10.0.%zu.0/24\"",
					i > 0 ? ", " : "", i);
	snprintf(text + len, sizeof(text) - len, in_file ? " ); %s } );\n" : "]\n%s", more);
	return build(in_file ? "b.conf" : "m.yaml", text, ret_faults, size);
}

static void test_per_range_takes_at_most_32_ranges(void **state)
{
	char faults[1024];

	(void)state;
	for (int in_file = 0; in_file < 2; in_file++) {
		struct config *c = per_range(in_file, 32, "", faults, sizeof(faults));

		assert_string_equal(faults, "");
		assert_true(c->pools.items[0].per_range);
		config_unref(c);
		assert_null(per_range(in_file, 33, "", faults, sizeof(faults)));
		assert_non_null(strstr(faults, "addresses: with perRange there are at most 32 "
					       "ranges, not 33\n"));
	}
}

/* A slip there gives away the address that was to be kept. */
static void test_exclude_is_compared_with_the_addresses(void **state)
{
	char faults[1024];

	(void)state;
	config_unref(pool_in_file("exclude = ( \"192.0.2.1\", \"192.0.2.250-192.0.3.9\" );", faults,
				  sizeof(faults)));
	assert_string_equal(faults, "");
	config_unref(pool_in_file("exclude = ( \"192.0.2.1\",\n\"192.0.99.1\", \"fd00::1\" );",
				  faults, sizeof(faults)));
	assert_string_equal(faults, "b.conf:3: pools[0].exclude[1]: warning: \"192.0.99.1\" is not "
				    "in the pool's addresses\n"
				    "b.conf:3: pools[0].exclude[2]: warning: \"fd00::1\" is not in "
				    "the pool's addresses\n");
	config_unref(pool_in_file("exclude = ( \"192.0.2.0/25\", \"192.0.2.128-192.0.3.1\" );",
				  faults, sizeof(faults)));
	assert_string_equal(faults,
			    "b.conf:2: pools[0].exclude: warning: all addresses of the pool "
			    "are excluded\n");
	config_unref(pool_annotated("exclude", "[\"192.0.99.1\"]", faults, sizeof(faults)));
	assert_string_equal(faults, "m.yaml:6: metadata.annotations[bellman.io/exclude]: warning: "
				    "\"192.0.99.1\" is not in the pool's addresses\n");
	config_unref(pool_annotated("exclude", "[\"192.0.2.0/24\"]", faults, sizeof(faults)));
	assert_string_equal(faults,
			    "m.yaml:6: metadata.annotations[bellman.io/exclude]: warning: all "
			    "addresses of the pool are excluded\n");
}

static void test_per_range_and_ipam_exclude_each_other(void **state)
{
	char faults[1024];

	(void)state;
	assert_null(per_range(true, 2, "ipam = { url = \"https://a\"; };", faults, sizeof(faults)));
	assert_string_equal(faults, "b.conf:1: pools[0].addresses: perRange and ipam exclude each "
				    "other\n");
}

static int nothing_is_left_interned(void **state)
{
	(void)state;
	return intern_count() == 0 ? 0 : -1;
}

#define TEST(name) cmocka_unit_test_teardown(name, nothing_is_left_interned)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_each_fault_in_the_file_has_its_line_and_field),
		TEST(test_a_socket_path_that_no_kernel_takes_is_refused),
		TEST(test_annotations_are_held_to_the_same_rules),
		TEST(test_without_them_a_pool_has_the_defaults),
		TEST(test_every_field_arrives_from_the_file),
		TEST(test_a_quota_is_for_each_namespace_or_for_those_named),
		TEST(test_every_field_arrives_from_annotations),
		TEST(test_urls_of_this_machine_and_with_tls_are_taken),
		TEST(test_per_range_takes_at_most_32_ranges),
		TEST(test_exclude_is_compared_with_the_addresses),
		TEST(test_per_range_and_ipam_exclude_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
