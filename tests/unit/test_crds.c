// SPDX-License-Identifier: Apache-2.0
/*
 * The definitions of config/crds against the tables of lib/model: the same fields, types, bounds
 * and words. Whoever adds a field to one of them is told here to add it to the other.
 *
 * What an API server makes of the definitions is in tests/crds.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/model/doc.h"
#include "lib/model/schema.h"

#define ASN_MAX 4294967295

/* Where a bound differs on purpose. */
static const struct {
	const char *path, *key;
	int64_t defined;
} exceptions[] = {
	/* v1beta1 takes 0 for the default, and such a resource is read as v1beta2. */
	{ "BGPPeer v1beta2.spec.peerPort", "minimum", 1 },
};

/* A definition's view of a field, or of all of them. */
struct at {
	char path[256];
	const cJSON *schema;
};

static const cJSON *get(const cJSON *object, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(object, key);
}

static const char *text(const cJSON *object, const char *key)
{
	const char *value = cJSON_GetStringValue(get(object, key));

	return value == NULL ? "" : value;
}

static struct at below(const struct at *at, const char *name, const cJSON *schema)
{
	struct at to = { .schema = schema };

	assert_in_range(snprintf(to.path, sizeof(to.path), "%s.%s", at->path, name), 1,
			sizeof(to.path) - 1);
	return to;
}

static bool list_has(const cJSON *list, const char *word)
{
	const cJSON *item;

	cJSON_ArrayForEach (item, list)
		if (cJSON_IsString(item) && strcmp(item->valuestring, word) == 0)
			return true;
	return false;
}

static void want_text(const struct at *at, const char *key, const char *wanted)
{
	if (strcmp(text(at->schema, key), wanted) != 0)
		fail_msg("%s: %s is \"%s\", not \"%s\"", at->path, key, text(at->schema, key),
			 wanted);
}

static void want_number(const struct at *at, const char *key, int64_t wanted)
{
	int64_t n = 0;
	const cJSON *value = get(at->schema, key);

	for (size_t i = 0; i < sizeof(exceptions) / sizeof(*exceptions); i++)
		if (strcmp(exceptions[i].path, at->path) == 0 &&
		    strcmp(exceptions[i].key, key) == 0)
			wanted = exceptions[i].defined;
	if (value == NULL || !json_integer(value, &n) || n != wanted)
		fail_msg("%s: %s is not %" PRId64, at->path, key, wanted);
}

static void want_words(const struct at *at, const char *const *words)
{
	int count = 0;

	for (; words[count] != NULL; count++)
		if (!list_has(get(at->schema, "enum"), words[count]))
			fail_msg("%s: enum lacks %s", at->path, words[count]);
	assert_int_equal(cJSON_GetArraySize(get(at->schema, "enum")), count);
}

static void want_format(const struct at *at, const char *format)
{
	const cJSON *branch;

	cJSON_ArrayForEach (branch, get(at->schema, "anyOf"))
		if (strcmp(text(branch, "format"), format) == 0)
			return;
	fail_msg("%s: nothing of anyOf is a %s", at->path, format);
}

static void want_selector(const struct at *at)
{
	const cJSON *properties = get(at->schema, "properties");

	want_text(at, "type", "object");
	want_text(at, "x-kubernetes-map-type", "atomic");
	assert_non_null(get(properties, "matchLabels"));
	assert_non_null(get(properties, "matchExpressions"));
	assert_int_equal(cJSON_GetArraySize(properties), 2);
}

static void want_fields(const struct at *at, const struct field *fields);

static void want_list(const struct at *at, const struct field *field)
{
	struct at items = below(at, "items", get(at->schema, "items"));

	want_text(at, "type", "array");
	/* What may be there once is a set: the server itself refuses a second one. */
	if (field->type == FIELD_UNIQUE || field->type == FIELD_COMMUNITY)
		want_text(at, "x-kubernetes-list-type", "set");
	else if (strcmp(text(at->schema, "x-kubernetes-list-type"), "set") == 0)
		fail_msg("%s: a set, but the table lets items repeat", at->path);
	if (field->type == FIELD_SELECTORS)
		want_selector(&items);
	else if (field->type == FIELD_MAPS)
		want_fields(&items, field->fields);
	else
		want_text(&items, "type", "string");
	if (field->type == FIELD_RANGES)
		want_format(&items, "cidr");
	if (field->type == FIELD_COMMUNITY && *text(items.schema, "pattern") == '\0')
		fail_msg("%s: no pattern", items.path);
}

static void want_field(const struct at *at, const struct field *field)
{
	switch (field->type) {
	case FIELD_TEXT:
		want_text(at, "type", "string");
		break;
	case FIELD_BOOL:
		want_text(at, "type", "boolean");
		break;
	case FIELD_INT:
		want_text(at, "type", "integer");
		want_number(at, "minimum", field->min);
		want_number(at, "maximum", field->max);
		break;
	case FIELD_ASN:
		want_text(at, "type", "integer");
		want_text(at, "format", "int64");
		want_number(at, "minimum", field->min);
		want_number(at, "maximum", ASN_MAX);
		break;
	case FIELD_WORD:
		want_text(at, "type", "string");
		want_words(at, field->words);
		break;
	case FIELD_DURATION:
		want_text(at, "type", "string");
		if (*text(at->schema, "pattern") == '\0')
			fail_msg("%s: no pattern", at->path);
		break;
	case FIELD_IP:
		want_text(at, "type", "string");
		want_format(at, "ipv4");
		want_format(at, "ipv6");
		break;
	case FIELD_SELECTOR:
		want_selector(at);
		break;
	case FIELD_MAP:
		want_fields(at, field->fields);
		break;
	case FIELD_COMMUNITY:
		/* In a Community one, in an advertisement a list of them. */
		if (strcmp(text(at->schema, "type"), "array") == 0)
			want_list(at, field);
		else
			want_text(at, "type", "string");
		break;
	case FIELD_TEXTS:
	case FIELD_UNIQUE:
	case FIELD_RANGES:
	case FIELD_ADDRESSES:
	case FIELD_SELECTORS:
	case FIELD_MAPS:
		want_list(at, field);
		break;
	case FIELD_LISTEN:
	case FIELD_CHECKED:
		fail_msg("%s: no field of a custom resource", at->path);
	}
}

static const struct field *field_of(const struct field *fields, const char *name)
{
	for (; fields->name != NULL; fields++)
		if (strcmp(fields->name, name) == 0)
			return fields;
	return NULL;
}

static void want_fields(const struct at *at, const struct field *fields)
{
	const cJSON *properties = get(at->schema, "properties"), *property;

	want_text(at, "type", "object");
	cJSON_ArrayForEach (property, properties) {
		const struct field *field = field_of(fields, property->string);
		if (field == NULL || field->file_only)
			fail_msg("%s.%s is not in the table of lib/model", at->path,
				 property->string);
	}
	for (; fields->name != NULL; fields++) {
		struct at to = below(at, fields->name, get(properties, fields->name));

		if (fields->file_only)
			continue;
		if (to.schema == NULL)
			fail_msg("%s is not in the definition", to.path);
		if (fields->required != list_has(get(at->schema, "required"), fields->name))
			fail_msg("%s: required in one, not in the other", to.path);
		want_field(&to, fields);
	}
}

/* Each object with properties, and each property, says what it is: `kubectl explain` shows it. */
static void want_descriptions(const struct at *at)
{
	static const char *const known[] = { "apiVersion", "kind", "metadata", NULL };
	const cJSON *property;

	cJSON_ArrayForEach (property, get(at->schema, "properties")) {
		struct at to = below(at, property->string, property);
		size_t i = 0;

		while (known[i] != NULL && strcmp(known[i], property->string) != 0)
			i++;
		if (known[i] != NULL)
			continue;
		if (*text(property, "description") == '\0')
			fail_msg("%s: no description", to.path);
		want_descriptions(&to);
		to.schema = get(property, "items");
		want_descriptions(&to);
	}
}

/* The versions of the definition of @kind; @ret_doc is the caller's. */
static const cJSON *versions_of(const char *plural, struct doc **ret_doc)
{
	struct faults faults = { 0 };
	char file[128];

	snprintf(file, sizeof(file), "config/crds/%s.yaml", plural);
	if (doc_load(file, &faults, ret_doc) != 0 || faults.errors > 0) {
		faults_print(&faults, stderr);
		fail_msg("%s does not load", file);
	}
	faults_free(&faults);
	assert_int_equal(doc_objects(*ret_doc)->count, 1);
	return get(get(doc_objects(*ret_doc)->items[0].json, "spec"), "versions");
}

static struct at schema_of(const cJSON *versions, const char *name, const char *kind)
{
	struct at at = { .schema = NULL };
	const cJSON *version;

	snprintf(at.path, sizeof(at.path), "%s %s", kind, name);
	cJSON_ArrayForEach (version, versions)
		if (strcmp(text(version, "name"), name) == 0)
			at.schema = get(get(version, "schema"), "openAPIV3Schema");
	if (at.schema == NULL)
		fail_msg("%s: no such version", at.path);
	return at;
}

static const struct {
	const char *kind, *plural;
} read_kinds[] = {
	{ "IPAddressPool", "ipaddresspools" },
	{ "L2Advertisement", "l2advertisements" },
	{ "BGPAdvertisement", "bgpadvertisements" },
	{ "BGPPeer", "bgppeers" },
	{ "BFDProfile", "bfdprofiles" },
	{ "Community", "communities" },
};

static const char *plural_of(const struct kind *kind)
{
	for (size_t i = 0; i < sizeof(read_kinds) / sizeof(*read_kinds); i++)
		if (strcmp(read_kinds[i].kind, kind->name) == 0)
			return read_kinds[i].plural;
	fail_msg("%s has no definition", kind->name);
	return NULL;
}

static void test_definitions_have_the_fields_of_the_tables(void **state)
{
	size_t seen = 0;

	(void)state;
	for (const struct kind *k = kinds; k->name != NULL; k++) {
		struct doc *doc = NULL;

		if (strncmp(k->api_version, "metallb.io/", 11) != 0)
			continue; /* of the configuration file alone */
		struct at at =
			schema_of(versions_of(plural_of(k), &doc), k->api_version + 11, k->name);
		struct at spec = below(&at, "spec", get(get(at.schema, "properties"), "spec"));
		want_fields(&spec, k->spec);
		doc_free(doc);
		seen++;
	}
	assert_int_equal(seen, 7); /* six kinds, one of which has two versions */
}

static void test_definitions_say_what_their_fields_are(void **state)
{
	static const char *const written[] = { "servicel2statuses", "servicebgpstatuses",
					       "configurationstates" };
	const size_t read_count = sizeof(read_kinds) / sizeof(*read_kinds);

	(void)state;
	for (size_t i = 0; i < read_count + 3; i++) {
		const char *plural =
			i < read_count ? read_kinds[i].plural : written[i - read_count];
		struct doc *doc = NULL;
		const cJSON *versions = versions_of(plural, &doc), *version;

		cJSON_ArrayForEach (version, versions) {
			struct at at = {
				.schema = get(get(version, "schema"), "openAPIV3Schema"),
			};
			snprintf(at.path, sizeof(at.path), "%s %s", plural, text(version, "name"));
			if (*text(at.schema, "description") == '\0')
				fail_msg("%s: no description", at.path);
			want_descriptions(&at);
		}
		doc_free(doc);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_definitions_have_the_fields_of_the_tables),
		cmocka_unit_test(test_definitions_say_what_their_fields_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
