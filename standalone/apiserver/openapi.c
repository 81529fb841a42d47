// SPDX-License-Identifier: Apache-2.0
#include "standalone/apiserver/openapi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "standalone/apiserver/openapi_impl.h"
#include "standalone/apiserver/rest_impl.h"
#include "standalone/apiserver/status.h"
#include "standalone/apiserver/types_tables.h"

/* --- names ----------------------------------------------------------------------------- */

char *openapi_name(const struct kind *kind, const struct object_type *type)
{
	if (type == &type_object_meta || strcmp(type->name, "OwnerReference") == 0)
		return mem_printf("io.k8s.apimachinery.pkg.apis.meta.v1.%s", type->name);
	return mem_printf("io.k8s.api.%.*s.v1.%s",
			  kind->group[0] == '\0' ? 4 : (int)strcspn(kind->group, "."),
			  kind->group[0] == '\0' ? "core" : kind->group, type->name);
}

char *openapi_path(const struct kind *kind, const struct kind_version *version)
{
	return mem_printf("/%s%s%s/%s/%s%s/{name}", kind->group[0] == '\0' ? "api" : "apis",
			  kind->group[0] == '\0' ? "" : "/", kind->group, version->name,
			  kind->namespaced ? "namespaces/{namespace}/" : "", kind->plural);
}

void openapi_each_type(const struct object_type *type, struct openapi_types *seen)
{
	for (size_t i = 0; i < seen->count; i++)
		if (seen->items[i] == type)
			return;
	const struct object_type **slot = array_push(seen);
	if (slot == NULL)
		abort();
	*slot = type;
	for (const struct field *f = type->fields; f->name != NULL || f->object != NULL; f++)
		if (f->object != NULL)
			openapi_each_type(f->object, seen);
}

/* --- version 3: a document for each group and version ---------------------------------- */

static const struct {
	const char *type, *format;
} plain[] = {
	[T_TEXT] = { "string", NULL },        [T_INT32] = { "integer", "int32" },
	[T_INT64] = { "integer", "int64" },   [T_FLAG] = { "boolean", NULL },
	[T_TIME] = { "string", "date-time" }, [T_MICRO_TIME] = { "string", "date-time" },
	[T_QUANTITY] = { "string", NULL },    [T_INT_OR_TEXT] = { "string", "int-or-string" },
	[T_BLOB] = { "string", "byte" },      [T_ANY] = { "object", NULL },
};

static void put_value(cJSON *schema, const struct kind *kind, const struct field *f)
{
	if (f->type == T_OBJECT) {
		char *name = openapi_name(kind, f->object);
		char *ref = mem_printf("#/components/schemas/%s", name);

		js_set_text(schema, "$ref", ref);
		free(ref);
		free(name);
		return;
	}
	js_set_text(schema, "type", plain[f->type].type);
	if (plain[f->type].format != NULL)
		js_set_text(schema, "format", plain[f->type].format);
}

static void put_properties(cJSON *properties, const struct kind *kind,
			   const struct object_type *type)
{
	for (const struct field *f = type->fields; f->name != NULL || f->object != NULL; f++) {
		if (f->name == NULL) {
			put_properties(properties, kind, f->object);
			continue;
		}
		cJSON *p = js_object(properties, f->name);
		if (f->shape == T_LIST) {
			js_set_text(p, "type", "array");
			put_value(js_object(p, "items"), kind, f);
		} else if (f->shape == T_MAP) {
			js_set_text(p, "type", "object");
			put_value(js_object(p, "additionalProperties"), kind, f);
		} else {
			put_value(p, kind, f);
		}
	}
}

static cJSON *group_version_kind(const struct kind *kind, const struct kind_version *version)
{
	cJSON *gvk = cJSON_CreateObject();

	js_set_text(gvk, "group", kind->group);
	js_set_text(gvk, "version", version->name);
	js_set_text(gvk, "kind", kind->name);
	return gvk;
}

static void mark_kind(cJSON *schema, const struct kind *kind, const struct kind_version *version)
{
	cJSON *list = cJSON_CreateArray();

	cJSON_AddItemToArray(list, group_version_kind(kind, version));
	js_set(schema, "x-kubernetes-group-version-kind", list);
}

static void put_schemas(cJSON *schemas, const struct kind *kind, const struct kind_version *version)
{
	static const char *const own[] = { "apiVersion", "kind" };
	struct openapi_types types = { 0 };

	openapi_each_type(kind->type, &types);
	for (size_t i = 0; i < types.count; i++) {
		char *name = openapi_name(kind, types.items[i]);
		cJSON *schema = js_object(schemas, name), *properties;

		js_set_text(schema, "type", "object");
		js_set_text(schema, "description", "");
		properties = js_object(schema, "properties");
		for (size_t n = 0; n < 2 && i == 0; n++)
			js_set_text(js_object(properties, own[n]), "type", "string");
		put_properties(properties, kind, types.items[i]);
		if (i == 0)
			mark_kind(schema, kind, version);
		free(name);
	}
	array_free(&types);
}

/* A custom resource is what its definition says. */
static void put_custom_schema(const struct api *a, cJSON *schemas, const struct kind *kind,
			      const struct kind_version *version)
{
	const struct kind *definitions = kinds_builtin(&a->kinds, KIND_CRD);
	const struct object *o = store_get(a->store, definitions, "", kind->resource);
	cJSON *crd = o == NULL ? NULL : js_parse(o->text->bytes, o->text->len);
	const cJSON *v;

	cJSON_ArrayForEach (v, js_at(crd, "spec.versions")) {
		const char *name = js_text(v, "name");
		const cJSON *schema = js_at(v, "schema.openAPIV3Schema");

		if (name == NULL || strcmp(name, version->name) != 0 || !cJSON_IsObject(schema))
			continue;
		char *full = mem_printf("%s.%s.%s", kind->group, version->name, kind->name);
		cJSON *copy = cJSON_Duplicate(schema, 1);
		mark_kind(copy, kind, version);
		js_set(schemas, full, copy);
		free(full);
	}
	cJSON_Delete(crd);
}

/* What a kind's path says: which kind it is, and what a patch of it understands. */
static void put_path(cJSON *paths, const struct kind *kind, const struct kind_version *version)
{
	static const char *const names[] = { "dryRun", "fieldValidation" };
	static const char *const verbs[] = { "get", "patch" };
	char *path = openapi_path(kind, version);
	cJSON *item = js_object(paths, path), *list = cJSON_CreateArray();

	for (size_t i = 0; i < 2; i++) {
		cJSON *verb = js_object(item, verbs[i]);

		js_set_text(verb, "x-kubernetes-action", verbs[i]);
		js_set(verb, "x-kubernetes-group-version-kind", group_version_kind(kind, version));
		js_set_text(js_object(js_object(verb, "responses"), "200"), "description", "OK");
	}
	for (size_t i = 0; i < 2; i++) {
		cJSON *parameter = cJSON_CreateObject();

		js_set_text(parameter, "name", names[i]);
		js_set_text(parameter, "in", "query");
		js_set_text(js_object(parameter, "schema"), "type", "string");
		cJSON_AddItemToArray(list, parameter);
	}
	js_set(js_object(item, "patch"), "parameters", list);
	free(path);
}

static void put_head(cJSON *d)
{
	js_set_text(js_object(d, "info"), "title", "bellman-apiserver");
	js_set_text(js_object(d, "info"), "version", BELLMAN_VERSION);
}

static void reply_document(struct reply *r, cJSON *d)
{
	reply_json(r, 200, d);
	cJSON_Delete(d);
}

/* False: nothing of that group and version is served. */
static bool reply_group(const struct api *a, struct reply *r, const char *group,
			const char *version)
{
	cJSON *d = cJSON_CreateObject(), *paths, *schemas;

	js_set_text(d, "openapi", "3.0.0");
	put_head(d);
	paths = js_object(d, "paths");
	schemas = js_object(js_object(d, "components"), "schemas");
	for (const struct kind *k = a->kinds.first; k != NULL; k = k->next)
		for (unsigned i = 0; i < k->version_count && !k->gone; i++) {
			const struct kind_version *v = k->versions[i];

			if (!v->served || strcmp(k->group, group) != 0 ||
			    strcmp(v->name, version) != 0)
				continue;
			put_path(paths, k, v);
			if (k->id == KIND_CUSTOM)
				put_custom_schema(a, schemas, k, v);
			else
				put_schemas(schemas, k, v);
		}
	if (paths->child == NULL) {
		cJSON_Delete(d);
		return false;
	}
	reply_document(r, d);
	return true;
}

static void reply_index(const struct api *a, struct reply *r)
{
	cJSON *d = cJSON_CreateObject(), *paths = js_object(d, "paths");

	for (const struct kind *k = a->kinds.first; k != NULL; k = k->next)
		for (unsigned i = 0; i < k->version_count && !k->gone; i++) {
			if (!k->versions[i]->served)
				continue;
			char *path = mem_printf("%s%s%s/%s", k->group[0] == '\0' ? "api" : "apis",
						k->group[0] == '\0' ? "" : "/", k->group,
						k->versions[i]->name);
			char *url = mem_printf("/openapi/v3/%s", path);
			js_set_text(js_object(paths, path), "serverRelativeURL", url);
			free(url);
			free(path);
		}
	reply_document(r, d);
}

/* --- paths ----------------------------------------------------------------------------- */

static void reply_v2(const struct api *a, const struct request *q, struct reply *r)
{
	if (q->accept != NULL && strstr(q->accept, "protobuf") != NULL) {
		r->code = 200;
		/* Its own type has an @, on which kubectl 1.20 trips. */
		r->content_type = "application/octet-stream";
		openapi_v2(&a->kinds, &r->body);
		return;
	}
	cJSON *d = cJSON_CreateObject();
	js_set_text(d, "swagger", "2.0");
	put_head(d);
	js_set(d, "paths", cJSON_CreateObject());
	reply_document(r, d);
}

bool openapi_handle(const struct api *a, const struct request *q, struct reply *r)
{
	static const char v3[] = "/openapi/v3";
	char group[256], version[64];

	if (strcmp(q->method, "GET") != 0)
		return false;
	if (strcmp(q->path, "/openapi/v2") == 0) {
		reply_v2(a, q, r);
		return true;
	}
	if (strncmp(q->path, v3, sizeof(v3) - 1) != 0)
		return false;
	const char *rest = q->path + sizeof(v3) - 1;
	if (rest[0] == '\0') {
		reply_index(a, r);
		return true;
	}
	if (strcmp(rest, "/api/v1") == 0)
		return reply_group(a, r, "", "v1");
	return sscanf(rest, "/apis/%255[^/]/%63[^/]", group, version) == 2 &&
	       reply_group(a, r, group, version);
}
