// SPDX-License-Identifier: Apache-2.0
#include "standalone/apiserver/kinds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/intern.h"
#include "standalone/apiserver/json.h"
#include "standalone/apiserver/types_tables.h"

/* Texts of custom kinds are interned, those of the built-in ones literals. */

#define NAMES(...)                                                                                 \
	(const char *const[])                                                                      \
	{                                                                                          \
		__VA_ARGS__, NULL                                                                  \
	}
static const char *const no_names[] = { NULL };

static struct kind_version v1 = { .name = "v1", .served = true };
static struct kind_version v1_status = { .name = "v1", .served = true, .status = true };
static struct kind_version *const plain[] = { &v1 }, *const with_status[] = { &v1_status };

/* By group and plural: the order of discovery, and so of `kubectl get all`. */
static const struct kind builtin[] = {
	{ KIND_CONFIG_MAP, .type = &type_config_map, .plural = "configmaps",
	  .singular = "configmap", .name = "ConfigMap", .short_names = NAMES("cm"),
	  .namespaced = true, .versions = plain },
	{ KIND_ENDPOINTS, .type = &type_endpoints, .plural = "endpoints", .singular = "endpoints",
	  .name = "Endpoints", .short_names = NAMES("ep"), .namespaced = true, .versions = plain },
	{ KIND_EVENT, .type = &type_event, .plural = "events", .singular = "event", .name = "Event",
	  .short_names = NAMES("ev"), .namespaced = true, .versions = plain },
	{ KIND_NAMESPACE, .type = &type_namespace, .plural = "namespaces", .singular = "namespace",
	  .name = "Namespace", .short_names = NAMES("ns"), .versions = with_status },
	{ KIND_NODE, .type = &type_node, .plural = "nodes", .singular = "node", .name = "Node",
	  .short_names = NAMES("no"), .versions = with_status },
	{ KIND_POD, .type = &type_pod, .plural = "pods", .singular = "pod", .name = "Pod",
	  .short_names = NAMES("po"), .categories = NAMES("all"), .namespaced = true,
	  .versions = with_status },
	{ KIND_SECRET, .type = &type_secret, .plural = "secrets", .singular = "secret",
	  .name = "Secret", .namespaced = true, .versions = plain },
	{ KIND_SERVICE_ACCOUNT, .type = &type_service_account, .plural = "serviceaccounts",
	  .singular = "serviceaccount", .name = "ServiceAccount", .short_names = NAMES("sa"),
	  .namespaced = true, .versions = plain },
	{ KIND_SERVICE, .type = &type_service, .plural = "services", .singular = "service",
	  .name = "Service", .short_names = NAMES("svc"), .categories = NAMES("all"),
	  .namespaced = true, .versions = with_status },
	{ KIND_CRD, .type = &type_custom_resource_definition, .group = "apiextensions.k8s.io",
	  .plural = "customresourcedefinitions", .singular = "customresourcedefinition",
	  .name = "CustomResourceDefinition", .short_names = NAMES("crd", "crds"),
	  .categories = NAMES("api-extensions"), .versions = with_status },
	{ KIND_LEASE, .type = &type_lease, .group = "coordination.k8s.io", .plural = "leases",
	  .singular = "lease", .name = "Lease", .namespaced = true, .versions = plain },
	{ KIND_ENDPOINT_SLICE, .type = &type_endpoint_slice, .group = "discovery.k8s.io",
	  .plural = "endpointslices", .singular = "endpointslice", .name = "EndpointSlice",
	  .namespaced = true, .versions = plain },
	{ KIND_INGRESS_CLASS, .type = &type_ingress_class, .group = "networking.k8s.io",
	  .plural = "ingressclasses", .singular = "ingressclass", .name = "IngressClass",
	  .versions = plain },
	{ KIND_INGRESS, .type = &type_ingress, .group = "networking.k8s.io", .plural = "ingresses",
	  .singular = "ingress", .name = "Ingress", .short_names = NAMES("ing"), .namespaced = true,
	  .versions = with_status },
};

/* Put @text ("" for NULL) in the place of what is there. */
static void set(const char **slot, const char *text)
{
	const char *before = *slot;

	*slot = intern(text == NULL ? "" : text);
	intern_unref(before);
}

static void free_names(const char *const *names)
{
	for (const char *const *n = names; *n != NULL; n++)
		intern_unref(*n);
	if (names != no_names)
		free((void *)(uintptr_t)names);
}

static void set_names(const char *const **slot, const cJSON *list)
{
	const char *const *before = *slot;
	int n = cJSON_GetArraySize(list), i = 0;
	const cJSON *s;

	*slot = no_names;
	if (n > 0) {
		const char **names = mem_zero(((size_t)n + 1) * sizeof(names[0]));

		cJSON_ArrayForEach (s, list)
			names[i++] = intern(s->valuestring);
		*slot = names;
	}
	free_names(before);
}

/* --- columns --------------------------------------------------------------------------- */

struct columns *columns_ref(struct columns *c)
{
	if (c != NULL)
		c->refs++;
	return c;
}

struct columns *columns_unref(struct columns *c)
{
	if (c == NULL || --c->refs > 0)
		return NULL;
	for (unsigned i = 0; i < c->count; i++) {
		intern_unref(c->items[i].name);
		intern_unref(c->items[i].type);
		intern_unref(c->items[i].format);
		intern_unref(c->items[i].description);
		intern_unref(c->items[i].path);
	}
	free(c);
	return NULL;
}

static struct columns *columns_new(const cJSON *list)
{
	int n = cJSON_GetArraySize(list);
	const cJSON *c;

	if (n == 0)
		return NULL;
	struct columns *columns = mem_zero(sizeof(*columns) + (size_t)n * sizeof(struct column));

	columns->refs = 1;
	cJSON_ArrayForEach (c, list) {
		struct column *column = &columns->items[columns->count++];

		set(&column->name, js_text(c, "name"));
		set(&column->type, js_text(c, "type"));
		set(&column->format, js_text(c, "format"));
		set(&column->description, js_text(c, "description"));
		set(&column->path, js_text(c, "jsonPath"));
		column->priority = (int)js_int(c, "priority", 0);
	}
	return columns;
}

/* --- the table ------------------------------------------------------------------------- */

static struct kind *append(struct kinds *k, const struct kind *from)
{
	struct kind *kind = mem_get(sizeof(*kind));

	*kind = *from;
	kind->order = k->count++;
	*k->last = kind;
	k->last = &kind->next;
	return kind;
}

void kinds_init(struct kinds *k)
{
	*k = (struct kinds){ .last = &k->first };
	for (size_t i = 0; i < sizeof(builtin) / sizeof(builtin[0]); i++) {
		struct kind *kind = append(k, &builtin[i]);
		char text[128];

		if (kind->group == NULL)
			kind->group = "";
		snprintf(text, sizeof(text), "%s%s%s", kind->plural,
			 kind->group[0] != '\0' ? "." : "", kind->group);
		kind->resource = intern(text);
		snprintf(text, sizeof(text), "%sList", kind->name);
		kind->list = intern(text);
		if (kind->short_names == NULL)
			kind->short_names = no_names;
		if (kind->categories == NULL)
			kind->categories = no_names;
		kind->version_count = 1;
	}
}

/* What only a custom kind owns. */
static void free_custom(struct kind *kind)
{
	intern_unref(kind->group);
	intern_unref(kind->plural);
	intern_unref(kind->singular);
	intern_unref(kind->name);
	free_names(kind->short_names);
	free_names(kind->categories);
	for (unsigned i = 0; i < kind->version_count; i++) {
		struct kind_version *v = kind->versions[i];

		intern_unref(v->name);
		intern_unref(v->warning);
		columns_unref(v->columns);
		free(v);
	}
	free((void *)(uintptr_t)kind->versions);
}

void kinds_done(struct kinds *k)
{
	for (struct kind *kind = k->first, *next; kind != NULL; kind = next) {
		next = kind->next;
		if (kind->id == KIND_CUSTOM)
			free_custom(kind);
		intern_unref(kind->resource);
		intern_unref(kind->list);
		free(kind);
	}
	*k = (struct kinds){ .last = &k->first };
}

static const struct kind_version *served(const struct kind *kind, const char *version)
{
	for (unsigned i = 0; i < kind->version_count; i++)
		if (kind->versions[i]->served && strcmp(kind->versions[i]->name, version) == 0)
			return kind->versions[i];
	return NULL;
}

const struct kind *kinds_find(const struct kinds *k, const char *group, const char *version,
			      const char *plural, const struct kind_version **ret_version)
{
	for (const struct kind *kind = k->first; kind != NULL; kind = kind->next) {
		if (kind->gone || strcmp(kind->plural, plural) != 0 ||
		    strcmp(kind->group, group) != 0)
			continue;
		*ret_version = served(kind, version);
		return *ret_version == NULL ? NULL : kind;
	}
	return NULL;
}

const struct kind *kinds_by_resource(const struct kinds *k, const char *resource)
{
	for (const struct kind *kind = k->first; kind != NULL; kind = kind->next)
		if (strcmp(kind->resource, resource) == 0)
			return kind;
	return NULL;
}

const struct kind *kinds_builtin(const struct kinds *k, enum kind_id id)
{
	for (const struct kind *kind = k->first; kind != NULL; kind = kind->next)
		if (kind->id == id)
			return kind;
	return NULL;
}

const struct kind *kinds_by_object(const struct kinds *k, const char *api_version, const char *name,
				   const struct kind_version **ret_version)
{
	char text[256];

	for (const struct kind *kind = k->first; kind != NULL; kind = kind->next) {
		if (kind->gone || strcmp(kind->name, name) != 0)
			continue;
		for (unsigned i = 0; i < kind->version_count; i++) {
			kind_api_version(kind, kind->versions[i]->name, text, sizeof(text));
			if (kind->versions[i]->served && strcmp(text, api_version) == 0) {
				*ret_version = kind->versions[i];
				return kind;
			}
		}
	}
	return NULL;
}

int kind_version_rank(const char *v)
{
	unsigned major = 0, minor = 0;
	char stage[8] = "";
	int n = sscanf(v, "v%4u%7[a-z]%4u", &major, stage, &minor);

	if (n < 1)
		return 0;
	int level = n == 1                        ? 3
		    : strcmp(stage, "beta") == 0  ? 2
		    : strcmp(stage, "alpha") == 0 ? 1
						  : 0;
	return level * 100000000 + (int)major * 10000 + (int)minor;
}

const char *kind_api_version(const struct kind *kind, const char *version, char *buf, size_t size)
{
	snprintf(buf, size, "%s%s%s", kind->group, kind->group[0] != '\0' ? "/" : "", version);
	return buf;
}

/* What users of a deprecated version are told where the definition does not say it. */
static void set_default_warning(const char **slot, const struct kind *kind, const cJSON *versions,
				const char *name)
{
	const cJSON *v;
	char text[512];
	int n = snprintf(text, sizeof(text), "%.200s/%s %s is deprecated", kind->group, name,
			 kind->name);

	cJSON_ArrayForEach (v, versions)
		if (js_true(v, "served") && !js_true(v, "deprecated") &&
		    kind_version_rank(js_text(v, "name")) > kind_version_rank(name)) {
			snprintf(text + n, sizeof(text) - (size_t)n, "; use %.100s/%s %s",
				 kind->group, js_text(v, "name"), kind->name);
			break;
		}
	set(slot, text);
}

/* Names that it did not get make a definition wait, without a kind. */
static bool is_established(const cJSON *crd)
{
	const cJSON *c;

	cJSON_ArrayForEach (c, js_at(crd, "status.conditions"))
		if (strcmp(js_text(c, "type"), "Established") == 0)
			return strcmp(js_text(c, "status"), "True") == 0;
	return false;
}

static struct kind_version *add_version(struct kind *kind, const char *name)
{
	size_t count = kind->version_count;
	struct kind_version **list = mem_get((count + 1) * sizeof(list[0]));

	for (size_t i = 0; i < count; i++)
		list[i] = kind->versions[i];
	list[count] = mem_zero(sizeof(*list[count]));
	set(&list[count]->name, name);
	free((void *)(uintptr_t)kind->versions);
	kind->versions = list;
	kind->version_count++;
	return list[count];
}

static void set_version(struct kind *kind, const cJSON *versions, const cJSON *v)
{
	const char *name = js_text(v, "name");
	struct kind_version *version;
	unsigned i = 0;

	while (i < kind->version_count && strcmp(kind->versions[i]->name, name) != 0)
		i++;
	version = i < kind->version_count ? kind->versions[i] : add_version(kind, name);
	version->served = js_true(v, "served");
	version->status = js_at(v, "subresources.status") != NULL;
	if (!js_true(v, "deprecated"))
		version->warning = intern_unref(version->warning);
	else if (js_text(v, "deprecationWarning") != NULL)
		set(&version->warning, js_text(v, "deprecationWarning"));
	else
		set_default_warning(&version->warning, kind, versions, name);
	columns_unref(version->columns);
	version->columns = columns_new(js_at(v, "additionalPrinterColumns"));
	if (js_true(v, "storage"))
		kind->storage = i;
}

static struct kind *add_custom(struct kinds *k, const char *resource, const cJSON *spec)
{
	struct kind *kind = append(k, &(struct kind){ .id = KIND_CUSTOM,
						      .type = &type_custom,
						      .short_names = no_names,
						      .categories = no_names });

	set(&kind->resource, resource);
	set(&kind->group, js_text(spec, "group"));
	set(&kind->plural, js_text(spec, "names.plural"));
	return kind;
}

const struct kind *kinds_define(struct kinds *k, const cJSON *crd)
{
	const cJSON *spec = js_at(crd, "spec"), *names = js_at(crd, "status.acceptedNames"), *v;
	const char *resource = js_text(crd, "metadata.name");
	struct kind *kind = (struct kind *)(uintptr_t)kinds_by_resource(k, resource);

	if (kind == NULL)
		kind = add_custom(k, resource, spec);
	/* What may change with an update of the definition. */
	kind->gone = !is_established(crd);
	kind->namespaced = strcmp(js_text(spec, "scope"), "Namespaced") == 0;
	set(&kind->singular, js_text(names, "singular"));
	set(&kind->name, js_text(names, "kind"));
	set(&kind->list, js_text(names, "listKind"));
	set_names(&kind->short_names, js_at(names, "shortNames"));
	set_names(&kind->categories, js_at(names, "categories"));
	for (unsigned i = 0; i < kind->version_count; i++)
		kind->versions[i]->served = false;
	cJSON_ArrayForEach (v, js_at(spec, "versions"))
		set_version(kind, js_at(spec, "versions"), v);
	return kind;
}

void kinds_undefine(struct kinds *k, const char *resource)
{
	struct kind *kind = (struct kind *)(uintptr_t)kinds_by_resource(k, resource);

	if (kind != NULL)
		kind->gone = true;
}
