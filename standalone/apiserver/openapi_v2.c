// SPDX-License-Identifier: Apache-2.0
/*
 * OpenAPI version 2 in protobuf, by the field numbers of gnostic's OpenAPIv2.proto.
 *
 * Pods and definitions have no schema here: their tables do not look into everything, and kubectl
 * would take what is not in them for unknown.
 */
#include <stdlib.h>
#include <string.h>

#include "standalone/apiserver/openapi_impl.h"

/* --- wire format ----------------------------------------------------------------------- */

static void put_varint(struct buf *to, uint64_t n)
{
	char byte;

	do {
		byte = (char)((n & 0x7f) | (n > 0x7f ? 0x80 : 0));
		buf_add(to, &byte, 1);
		n >>= 7;
	} while (n > 0);
}

static void put_bytes(struct buf *to, uint32_t number, const void *bytes, size_t len)
{
	put_varint(to, (uint64_t)number << 3 | 2);
	put_varint(to, len);
	buf_add(to, bytes, len);
}

static void put_text(struct buf *to, uint32_t number, const char *text)
{
	put_bytes(to, number, text, strlen(text));
}

/* A message inside of another; @inner is freed. */
static void put_message(struct buf *to, uint32_t number, struct buf *inner)
{
	put_bytes(to, number, inner->bytes == NULL ? "" : inner->bytes, inner->len);
	buf_done(inner);
}

/* NamedX {name = 1, value = 2}: how maps are written; @value is freed. */
static void put_named(struct buf *to, uint32_t number, const char *name, struct buf *value)
{
	struct buf named = { 0 };

	put_text(&named, 1, name);
	put_message(&named, 2, value);
	put_message(to, number, &named);
}

/* A vendor extension: Any {yaml = 2}. */
static void put_extension(struct buf *to, uint32_t number, const char *name, const char *yaml)
{
	struct buf any = { 0 };

	put_text(&any, 2, yaml);
	put_named(to, number, name, &any);
}

/* --- schemas --------------------------------------------------------------------------- */

enum {
	SCHEMA_REF = 1,
	SCHEMA_FORMAT = 2,
	SCHEMA_ADDITIONAL = 21,
	SCHEMA_TYPE = 22,
	SCHEMA_ITEMS = 23,
	SCHEMA_PROPERTIES = 25,
	SCHEMA_EXTENSION = 31,
};

static void put_type(struct buf *schema, const char *type)
{
	struct buf item = { 0 };

	put_text(&item, 1, type);
	put_message(schema, SCHEMA_TYPE, &item);
}

/* Of quantities, as of what no table describes, nothing is said: they may be numbers, too. */
static void put_value(struct buf *schema, const struct kind *kind, const struct field *f)
{
	char *name, *ref;

	switch (f->type) {
	case T_OBJECT:
		name = openapi_name(kind, f->object);
		ref = mem_printf("#/definitions/%s", name);
		put_text(schema, SCHEMA_REF, ref);
		free(ref);
		free(name);
		break;
	case T_INT32:
	case T_INT64:
		put_text(schema, SCHEMA_FORMAT, f->type == T_INT32 ? "int32" : "int64");
		put_type(schema, "integer");
		break;
	case T_FLAG:
		put_type(schema, "boolean");
		break;
	case T_INT_OR_TEXT:
		put_text(schema, SCHEMA_FORMAT, "int-or-string");
		put_type(schema, "string");
		break;
	case T_QUANTITY:
	case T_ANY:
		break;
	default:
		put_type(schema, "string");
	}
}

static void put_field(struct buf *schema, const struct kind *kind, const struct field *f)
{
	struct buf inner = { 0 }, items = { 0 };

	if (f->shape == T_ONE) {
		put_value(schema, kind, f);
		return;
	}
	put_value(&inner, kind, f);
	put_message(&items, 1, &inner);
	if (f->shape == T_LIST) {
		put_type(schema, "array");
		put_message(schema, SCHEMA_ITEMS, &items);
	} else {
		put_type(schema, "object");
		put_message(schema, SCHEMA_ADDITIONAL, &items);
	}
	if (f->merge_key == NULL)
		return;
	put_extension(schema, SCHEMA_EXTENSION, "x-kubernetes-patch-strategy", "merge\n");
	if (f->merge_key[0] != '\0') {
		char *yaml = mem_printf("%s\n", f->merge_key);
		put_extension(schema, SCHEMA_EXTENSION, "x-kubernetes-patch-merge-key", yaml);
		free(yaml);
	}
}

static void put_properties(struct buf *properties, const struct kind *kind,
			   const struct object_type *type)
{
	for (const struct field *f = type->fields; f->name != NULL || f->object != NULL; f++) {
		struct buf schema = { 0 };

		if (f->name == NULL) {
			put_properties(properties, kind, f->object);
			continue;
		}
		put_field(&schema, kind, f);
		put_named(properties, 1, f->name, &schema);
	}
}

static char *kind_yaml(const struct kind *kind, const char *version, const char *dash)
{
	return mem_printf("%sgroup: \"%s\"\n%.*skind: %s\n%.*sversion: %s\n", dash, kind->group,
			  (int)strlen(dash), "  ", kind->name, (int)strlen(dash), "  ", version);
}

static void put_definitions(struct buf *definitions, const struct kind *kind)
{
	static const char *const own[] = { "apiVersion", "kind" };
	struct openapi_types types = { 0 };

	openapi_each_type(kind->type, &types);
	for (size_t i = 0; i < types.count; i++) {
		struct buf schema = { 0 }, properties = { 0 };
		char *name = openapi_name(kind, types.items[i]);

		for (size_t n = 0; n < 2 && i == 0; n++) {
			struct buf text = { 0 };

			put_type(&text, "string");
			put_named(&properties, 1, own[n], &text);
		}
		put_properties(&properties, kind, types.items[i]);
		put_type(&schema, "object");
		put_message(&schema, SCHEMA_PROPERTIES, &properties);
		if (i == 0) {
			char *yaml = kind_yaml(kind, kind->versions[0]->name, "- ");
			put_extension(&schema, SCHEMA_EXTENSION, "x-kubernetes-group-version-kind",
				      yaml);
			free(yaml);
		}
		put_named(definitions, 1, name, &schema);
		free(name);
	}
	array_free(&types);
}

/* --- paths ----------------------------------------------------------------------------- */

static void put_parameter(struct buf *operation, const char *name)
{
	struct buf query = { 0 }, plain = { 0 }, parameter = { 0 }, item = { 0 };

	put_text(&query, 2, "query");
	put_text(&query, 4, name);
	put_text(&query, 6, "string");
	put_message(&plain, 3, &query);
	put_message(&parameter, 2, &plain);
	put_message(&item, 1, &parameter);
	put_message(operation, 8, &item);
}

static void put_path(struct buf *paths, const struct kind *kind, const struct kind_version *version)
{
	struct buf operation = { 0 }, item = { 0 };
	char *path = openapi_path(kind, version), *yaml = kind_yaml(kind, version->name, "");

	put_parameter(&operation, "dryRun");
	put_extension(&operation, 13, "x-kubernetes-group-version-kind", yaml);
	put_message(&item, 8, &operation);
	put_named(paths, 2, path, &item);
	free(yaml);
	free(path);
}

void openapi_v2(const struct kinds *kinds, struct buf *to)
{
	struct buf info = { 0 }, paths = { 0 }, definitions = { 0 };

	put_text(to, 1, "2.0");
	put_text(&info, 1, "bellman-apiserver");
	put_text(&info, 2, BELLMAN_VERSION);
	put_message(to, 2, &info);
	for (const struct kind *k = kinds->first; k != NULL; k = k->next) {
		for (unsigned i = 0; i < k->version_count && !k->gone; i++)
			if (k->versions[i]->served)
				put_path(&paths, k, k->versions[i]);
		if (!k->gone && k->id != KIND_CUSTOM && k->id != KIND_POD && k->id != KIND_CRD)
			put_definitions(&definitions, k);
	}
	put_message(to, 8, &paths);
	put_message(to, 9, &definitions);
}
