// SPDX-License-Identifier: Apache-2.0
#include "standalone/apiserver/kinds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "standalone/apiserver/json.h"
#include "standalone/apiserver/types_tables.h"

/* Strings of a custom kind, freed together. A changed definition leaves old ones until the end. */
struct kind_strings {
	struct kind_strings *next;
	char text[];
};

/* By group and plural: the order of discovery, and so of `kubectl get all`. */
static const struct kind builtin[] = {
	{ KIND_CONFIG_MAP, .type = &type_config_map, .plural = "configmaps",
	  .singular = "configmap", .name = "ConfigMap", .short_names = { "cm" }, .namespaced = true,
	  .versions = { { .name = "v1", .served = true, .status = false } } },
	{ KIND_ENDPOINTS, .type = &type_endpoints, .plural = "endpoints", .singular = "endpoints",
	  .name = "Endpoints", .list = "EndpointsList", .short_names = { "ep" }, .namespaced = true,
	  .versions = { { .name = "v1", .served = true, .status = false } } },
	{ KIND_EVENT, .type = &type_event, .plural = "events", .singular = "event", .name = "Event",
	  .short_names = { "ev" }, .namespaced = true,
	  .versions = { { .name = "v1", .served = true, .status = false } } },
	{ KIND_NAMESPACE, .type = &type_namespace, .plural = "namespaces", .singular = "namespace",
	  .name = "Namespace", .short_names = { "ns" },
	  .versions = { { .name = "v1", .served = true, .status = true } } },
	{ KIND_NODE, .type = &type_node, .plural = "nodes", .singular = "node", .name = "Node",
	  .short_names = { "no" },
	  .versions = { { .name = "v1", .served = true, .status = true } } },
	{ KIND_POD, .type = &type_pod, .plural = "pods", .singular = "pod", .name = "Pod",
	  .short_names = { "po" }, .categories = { "all" }, .namespaced = true,
	  .versions = { { .name = "v1", .served = true, .status = true } } },
	{ KIND_SECRET, .type = &type_secret, .plural = "secrets", .singular = "secret",
	  .name = "Secret", .namespaced = true,
	  .versions = { { .name = "v1", .served = true, .status = false } } },
	{ KIND_SERVICE_ACCOUNT, .type = &type_service_account, .plural = "serviceaccounts",
	  .singular = "serviceaccount", .name = "ServiceAccount", .short_names = { "sa" },
	  .namespaced = true, .versions = { { .name = "v1", .served = true, .status = false } } },
	{ KIND_SERVICE, .type = &type_service, .plural = "services", .singular = "service",
	  .name = "Service", .short_names = { "svc" }, .categories = { "all" }, .namespaced = true,
	  .versions = { { .name = "v1", .served = true, .status = true } } },
	{ KIND_CRD, .type = &type_custom_resource_definition, .group = "apiextensions.k8s.io",
	  .plural = "customresourcedefinitions", .singular = "customresourcedefinition",
	  .name = "CustomResourceDefinition", .short_names = { "crd", "crds" },
	  .categories = { "api-extensions" },
	  .versions = { { .name = "v1", .served = true, .status = true } } },
	{ KIND_LEASE, .type = &type_lease, .group = "coordination.k8s.io", .plural = "leases",
	  .singular = "lease", .name = "Lease", .namespaced = true,
	  .versions = { { .name = "v1", .served = true, .status = false } } },
	{ KIND_ENDPOINT_SLICE, .type = &type_endpoint_slice, .group = "discovery.k8s.io",
	  .plural = "endpointslices", .singular = "endpointslice", .name = "EndpointSlice",
	  .namespaced = true, .versions = { { .name = "v1", .served = true, .status = false } } },
	{ KIND_INGRESS_CLASS, .type = &type_ingress_class, .group = "networking.k8s.io",
	  .plural = "ingressclasses", .singular = "ingressclass", .name = "IngressClass",
	  .list = "IngressClassList",
	  .versions = { { .name = "v1", .served = true, .status = false } } },
	{ KIND_INGRESS, .type = &type_ingress, .group = "networking.k8s.io", .plural = "ingresses",
	  .singular = "ingress", .name = "Ingress", .short_names = { "ing" }, .namespaced = true,
	  .versions = { { .name = "v1", .served = true, .status = true } } },
};

/* A copy of @text that lives as long as @kind; "" for NULL. */
static const char *keep(struct kind *kind, const char *text)
{
	size_t len = text == NULL ? 0 : strlen(text);
	struct kind_strings *s = mem_get(sizeof(*s) + len + 1);

	memcpy(s->text, text == NULL ? "" : text, len);
	s->text[len] = '\0';
	s->next = kind->strings;
	kind->strings = s;
	return s->text;
}

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
		kind->resource = keep(kind, text);
		if (kind->list == NULL) {
			snprintf(text, sizeof(text), "%sList", kind->name);
			kind->list = keep(kind, text);
		}
		kind->version_count = 1;
	}
}

void kinds_done(struct kinds *k)
{
	for (struct kind *kind = k->first, *next; kind != NULL; kind = next) {
		next = kind->next;
		for (unsigned i = 0; i < kind->version_count; i++)
			free(kind->versions[i].columns);
		for (struct kind_strings *s = kind->strings, *then; s != NULL; s = then) {
			then = s->next;
			free(s);
		}
		free(kind);
	}
	*k = (struct kinds){ .last = &k->first };
}

static const struct kind_version *served(const struct kind *kind, const char *version)
{
	for (unsigned i = 0; i < kind->version_count; i++)
		if (kind->versions[i].served && strcmp(kind->versions[i].name, version) == 0)
			return &kind->versions[i];
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
			kind_api_version(kind, kind->versions[i].name, text, sizeof(text));
			if (kind->versions[i].served && strcmp(text, api_version) == 0) {
				*ret_version = &kind->versions[i];
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

static void take_columns(struct kind *kind, struct kind_version *v, const cJSON *columns)
{
	const cJSON *c;

	if (cJSON_GetArraySize(columns) == 0)
		return;
	v->columns = mem_zero(KIND_COLUMNS_MAX * sizeof(v->columns[0]));
	cJSON_ArrayForEach (c, columns) {
		if (v->column_count == KIND_COLUMNS_MAX)
			break;
		v->columns[v->column_count++] = (struct column){
			.name = keep(kind, js_text(c, "name")),
			.type = keep(kind, js_text(c, "type")),
			.format = keep(kind, js_text(c, "format")),
			.description = keep(kind, js_text(c, "description")),
			.path = keep(kind, js_text(c, "jsonPath")),
			.priority = (int)js_int(c, "priority", 0),
		};
	}
}

/* As many as there is room for; the others are not known. */
static void keep_list(struct kind *kind, const cJSON *list, const char *to[KIND_SHORT_MAX + 1])
{
	const cJSON *s;
	unsigned n = 0;

	memset(to, 0, (KIND_SHORT_MAX + 1) * sizeof(to[0]));
	cJSON_ArrayForEach (s, list)
		if (n < KIND_SHORT_MAX && cJSON_IsString(s))
			to[n++] = keep(kind, s->valuestring);
}

/* What users of a deprecated version are told where the definition does not say it. */
static const char *default_warning(struct kind *kind, const cJSON *versions, const char *name)
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
	return keep(kind, text);
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

const struct kind *kinds_define(struct kinds *k, const cJSON *crd)
{
	const cJSON *spec = js_at(crd, "spec"), *v;
	const cJSON *names = js_at(crd, "status.acceptedNames");
	const char *resource = js_text(crd, "metadata.name");
	struct kind *kind = (struct kind *)(uintptr_t)kinds_by_resource(k, resource);

	if (kind == NULL) {
		kind = append(k, &(struct kind){ .id = KIND_CUSTOM, .type = &type_custom });
		kind->resource = keep(kind, resource);
		kind->group = keep(kind, js_text(spec, "group"));
		kind->plural = keep(kind, js_text(spec, "names.plural"));
	}
	/* What may change with an update of the definition. */
	kind->gone = !is_established(crd);
	kind->namespaced = strcmp(js_text(spec, "scope"), "Namespaced") == 0;
	kind->singular = keep(kind, js_text(names, "singular"));
	kind->name = keep(kind, js_text(names, "kind"));
	kind->list = keep(kind, js_text(names, "listKind"));
	keep_list(kind, js_at(names, "shortNames"), kind->short_names);
	keep_list(kind, js_at(names, "categories"), kind->categories);

	/* Watchers hold a version by pointer: a name keeps its place, a dropped one is unserved. */
	for (unsigned i = 0; i < kind->version_count; i++)
		kind->versions[i].served = false;
	cJSON_ArrayForEach (v, js_at(spec, "versions")) {
		const char *name = js_text(v, "name");
		unsigned i = 0;

		while (i < kind->version_count && strcmp(kind->versions[i].name, name) != 0)
			i++;
		if (i == KIND_VERSIONS_MAX)
			break;
		struct kind_version *version = &kind->versions[i];
		if (i == kind->version_count) {
			version->name = keep(kind, name);
			kind->version_count++;
		}
		free(version->columns);
		version->columns = NULL;
		version->column_count = 0;
		version->served = js_true(v, "served");
		version->status = js_at(v, "subresources.status") != NULL;
		version->warning = NULL;
		if (js_true(v, "deprecated"))
			version->warning =
				js_text(v, "deprecationWarning") != NULL
					? keep(kind, js_text(v, "deprecationWarning"))
					: default_warning(kind, js_at(spec, "versions"), name);
		if (js_true(v, "storage"))
			kind->storage = i;
		take_columns(kind, version, js_at(v, "additionalPrinterColumns"));
	}
	return kind;
}

void kinds_undefine(struct kinds *k, const char *resource)
{
	struct kind *kind = (struct kind *)(uintptr_t)kinds_by_resource(k, resource);

	if (kind != NULL)
		kind->gone = true;
}
