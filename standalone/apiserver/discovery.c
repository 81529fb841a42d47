// SPDX-License-Identifier: Apache-2.0
#include "standalone/apiserver/discovery.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "standalone/apiserver/status.h"

static const char *const object_verbs[] = { "create", "delete", "deletecollection", "get",
					    "list",   "patch",  "update",           "watch" };
static const char *const derived_verbs[] = { "get", "list", "watch" };
static const char *const status_verbs[] = { "get", "patch", "update" };

#define VERBS(list) strings(list, sizeof(list) / sizeof((list)[0]))

static cJSON *strings(const char *const *list, size_t count)
{
	cJSON *array = cJSON_CreateArray();

	for (size_t i = 0; i < count; i++)
		cJSON_AddItemToArray(array, cJSON_CreateString(list[i]));
	return array;
}

static cJSON *document(const char *kind, const char *api_version)
{
	cJSON *d = cJSON_CreateObject();

	js_set_text(d, "kind", kind);
	js_set_text(d, "apiVersion", api_version);
	return d;
}

static void answer(struct reply *r, cJSON *json, const char *content_type)
{
	struct text *t = js_print(json);

	r->code = 200;
	r->content_type = content_type;
	buf_add(&r->body, t->bytes, t->len);
	text_unref(t);
	cJSON_Delete(json);
}

/* --- groups and their versions --------------------------------------------------------- */

/* Names of groups or versions, borrowed from the kinds. */
struct names {
	ARRAY_OF(const char *);
};

static bool has(const struct names *list, const char *text)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i], text) == 0)
			return true;
	return false;
}

static void add(struct names *list, const char *text)
{
	const char **slot = has(list, text) ? NULL : array_push(list);

	if (slot != NULL)
		*slot = text;
	else if (!has(list, text))
		abort();
}

/* All but core; array_free() them. */
static struct names groups(const struct kinds *kinds)
{
	struct names list = { 0 };

	for (const struct kind *k = kinds->first; k != NULL; k = k->next)
		if (!k->gone && k->group[0] != '\0')
			add(&list, k->group);
	return list;
}

/* Served versions of a group, the preferred one first; array_free() them. */
static struct names versions(const struct kinds *kinds, const char *group)
{
	struct names list = { 0 };

	for (const struct kind *k = kinds->first; k != NULL; k = k->next)
		for (unsigned i = 0; i < k->version_count && !k->gone; i++)
			if (k->versions[i]->served && strcmp(k->group, group) == 0)
				add(&list, k->versions[i]->name);
	for (size_t i = 1; i < list.count; i++)
		for (size_t j = i; j > 0 && kind_version_rank(list.items[j]) >
						    kind_version_rank(list.items[j - 1]);
		     j--) {
			const char *swap = list.items[j];

			list.items[j] = list.items[j - 1];
			list.items[j - 1] = swap;
		}
	return list;
}

static bool has_version(const struct kinds *kinds, const char *group)
{
	for (const struct kind *k = kinds->first; k != NULL; k = k->next)
		for (unsigned i = 0; i < k->version_count && !k->gone; i++)
			if (k->versions[i]->served && strcmp(k->group, group) == 0)
				return true;
	return false;
}

/* The next kind of a group and version after @k (NULL: the first). */
static const struct kind *next_kind(const struct kinds *kinds, const struct kind *k,
				    const char *group, const char *version,
				    const struct kind_version **ret)
{
	for (k = k == NULL ? kinds->first : k->next; k != NULL; k = k->next)
		for (unsigned i = 0; i < k->version_count && !k->gone; i++)
			if (k->versions[i]->served && strcmp(k->group, group) == 0 &&
			    strcmp(k->versions[i]->name, version) == 0) {
				*ret = k->versions[i];
				return k;
			}
	return NULL;
}

/* --- plain discovery ------------------------------------------------------------------- */

static cJSON *group_version(const char *group, const char *version)
{
	cJSON *gv = cJSON_CreateObject();
	char *text = mem_printf("%s/%s", group, version);

	js_set_text(gv, "groupVersion", text);
	js_set_text(gv, "version", version);
	free(text);
	return gv;
}

static cJSON *api_group(const struct kinds *kinds, const char *group, cJSON *into)
{
	struct names list = versions(kinds, group);
	cJSON *array = cJSON_CreateArray();

	js_set_text(into, "name", group);
	for (size_t i = 0; i < list.count; i++)
		cJSON_AddItemToArray(array, group_version(group, list.items[i]));
	js_set(into, "versions", array);
	if (list.count > 0)
		js_set(into, "preferredVersion", group_version(group, list.items[0]));
	array_free(&list);
	return into;
}

static cJSON *api_groups(const struct kinds *kinds)
{
	struct names list = groups(kinds);
	cJSON *d = document("APIGroupList", "v1"), *array = cJSON_CreateArray();

	for (size_t i = 0; i < list.count; i++)
		cJSON_AddItemToArray(array, api_group(kinds, list.items[i], cJSON_CreateObject()));
	array_free(&list);
	js_set(d, "groups", array);
	return d;
}

static cJSON *api_versions(void)
{
	static const char *const v1[] = { "v1" };
	cJSON *d = document("APIVersions", "v1");

	js_set(d, "versions", VERBS(v1));
	js_set(d, "serverAddressByClientCIDRs", cJSON_CreateArray());
	return d;
}

static size_t count_names(const char *const *names)
{
	size_t n = 0;

	while (names[n] != NULL)
		n++;
	return n;
}

/* Other names of a kind, and what it is shown with, as "all". */
static void add_names(cJSON *resource, const struct kind *k)
{
	if (k->short_names[0] != NULL)
		js_set(resource, "shortNames",
		       strings(k->short_names, count_names(k->short_names)));
	if (k->categories[0] != NULL)
		js_set(resource, "categories", strings(k->categories, count_names(k->categories)));
}

static cJSON *resources(const struct kinds *kinds, const char *group, const char *version)
{
	cJSON *d = document("APIResourceList", "v1"), *array = cJSON_CreateArray();
	char *gv = mem_printf("%s%s%s", group, group[0] == '\0' ? "" : "/", version);
	const struct kind_version *v;

	js_set_text(d, "groupVersion", gv);
	free(gv);
	for (const struct kind *k = NULL; (k = next_kind(kinds, k, group, version, &v)) != NULL;) {
		cJSON *res = cJSON_CreateObject();

		js_set_text(res, "name", k->plural);
		js_set_text(res, "singularName", k->singular);
		js_set(res, "namespaced", cJSON_CreateBool(k->namespaced));
		js_set_text(res, "kind", k->name);
		js_set(res, "verbs",
		       k->id == KIND_ENDPOINTS ? VERBS(derived_verbs) : VERBS(object_verbs));
		add_names(res, k);
		cJSON_AddItemToArray(array, res);
		if (!v->status)
			continue;
		char *name = mem_printf("%s/status", k->plural);
		res = cJSON_CreateObject();
		js_set_text(res, "name", name);
		js_set_text(res, "singularName", "");
		js_set(res, "namespaced", cJSON_CreateBool(k->namespaced));
		js_set_text(res, "kind", k->name);
		js_set(res, "verbs", VERBS(status_verbs));
		cJSON_AddItemToArray(array, res);
		free(name);
	}
	js_set(d, "resources", array);
	return d;
}

/* --- aggregated discovery (apidiscovery.k8s.io/v2): everything in two answers ---------- */

static const char aggregated_type[] =
	"application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

static cJSON *response_kind(const struct kind *k, const struct kind_version *v)
{
	cJSON *kind = cJSON_CreateObject();

	js_set_text(kind, "group", k->group);
	js_set_text(kind, "version", v->name);
	js_set_text(kind, "kind", k->name);
	return kind;
}

static cJSON *aggregated_resource(const struct kind *k, const struct kind_version *v)
{
	cJSON *res = cJSON_CreateObject();

	js_set_text(res, "resource", k->plural);
	js_set(res, "responseKind", response_kind(k, v));
	js_set_text(res, "scope", k->namespaced ? "Namespaced" : "Cluster");
	js_set_text(res, "singularResource", k->singular);
	js_set(res, "verbs", k->id == KIND_ENDPOINTS ? VERBS(derived_verbs) : VERBS(object_verbs));
	add_names(res, k);
	if (v->status) {
		cJSON *sub = cJSON_CreateObject(), *list = cJSON_CreateArray();

		js_set_text(sub, "subresource", "status");
		js_set(sub, "responseKind", response_kind(k, v));
		js_set(sub, "verbs", VERBS(status_verbs));
		cJSON_AddItemToArray(list, sub);
		js_set(res, "subresources", list);
	}
	return res;
}

static void add_aggregated(const struct kinds *kinds, const char *group, cJSON *items)
{
	struct names list = versions(kinds, group);
	cJSON *item = cJSON_CreateObject(), *array = cJSON_CreateArray();

	if (group[0] != '\0')
		js_set_text(js_object(item, "metadata"), "name", group);
	else
		js_set(js_object(item, "metadata"), "creationTimestamp", cJSON_CreateNull());
	for (size_t i = 0; i < list.count; i++) {
		cJSON *version = cJSON_CreateObject(), *res = cJSON_CreateArray();
		const struct kind_version *v;

		js_set_text(version, "version", list.items[i]);
		js_set_text(version, "freshness", "Current");
		for (const struct kind *k = NULL;
		     (k = next_kind(kinds, k, group, list.items[i], &v)) != NULL;)
			cJSON_AddItemToArray(res, aggregated_resource(k, v));
		js_set(version, "resources", res);
		cJSON_AddItemToArray(array, version);
	}
	array_free(&list);
	js_set(item, "versions", array);
	cJSON_AddItemToArray(items, item);
}

static cJSON *aggregated(const struct kinds *kinds, bool core)
{
	cJSON *d = document("APIGroupDiscoveryList", "apidiscovery.k8s.io/v2");
	cJSON *items = cJSON_CreateArray();

	js_set(d, "metadata", cJSON_CreateObject());
	if (core) {
		add_aggregated(kinds, "", items);
	} else {
		struct names list = groups(kinds);

		for (size_t i = 0; i < list.count; i++)
			add_aggregated(kinds, list.items[i], items);
		array_free(&list);
	}
	js_set(d, "items", items);
	return d;
}

/* --- paths ----------------------------------------------------------------------------- */

/* The API level that the kinds and conventions follow; kubectl compares it with its own. */
static cJSON *version_document(void)
{
	cJSON *d = cJSON_CreateObject();

	js_set_text(d, "major", "1");
	js_set_text(d, "minor", "32");
	js_set_text(d, "gitVersion", "v1.32.0+bellman." BELLMAN_VERSION);
	js_set_text(d, "gitCommit", "");
	js_set_text(d, "gitTreeState", "clean");
	js_set_text(d, "buildDate", "");
	js_set_text(d, "goVersion", "");
	js_set_text(d, "compiler", "");
	js_set_text(d, "platform", "linux");
	return d;
}

/* "GROUP/VERSION" or "GROUP" behind a prefix. True when it names something served. */
static bool split_group(const struct kinds *kinds, const char *text, char group[256],
			char version[64])
{
	const struct kind_version *v;
	char rest;

	version[0] = '\0';
	if (sscanf(text, "%255[^/]/%63[^/]%c", group, version, &rest) > 2 || text[0] == '\0')
		return false;
	if (version[0] == '\0')
		return strchr(text, '/') == NULL && has_version(kinds, group);
	return next_kind(kinds, NULL, group, version, &v) != NULL;
}

bool discovery_has_group(const struct api *a, const char *path)
{
	const struct kind_version *v;
	char group[256], version[64];

	return sscanf(path, "/apis/%255[^/]/%63[^/]", group, version) == 2 &&
	       next_kind(&a->kinds, NULL, group, version, &v) != NULL;
}

bool discovery_handle(const struct api *a, const struct request *q, struct reply *r)
{
	const struct kinds *kinds = &a->kinds;
	const char *path = q->path;
	bool wants_aggregated =
		q->accept != NULL && strstr(q->accept, "v=v2;as=APIGroupDiscoveryList") != NULL;
	char group[256], version[64];

	if (strcmp(q->method, "GET") != 0)
		return false;
	if (strcmp(path, "/healthz") == 0 || strcmp(path, "/readyz") == 0 ||
	    strcmp(path, "/livez") == 0) {
		r->code = 200;
		r->content_type = "text/plain; charset=utf-8";
		if (q->param(q->arg, "verbose") == NULL)
			buf_puts(&r->body, "ok");
		else
			buf_printf(&r->body, "[+]ping ok\n[+]store ok\n%s check passed\n",
				   path + 1);
	} else if (strcmp(path, "/version") == 0) {
		answer(r, version_document(), "application/json");
	} else if (strcmp(path, "/api") == 0 || strcmp(path, "/apis") == 0) {
		bool core = path[4] == '\0';

		if (wants_aggregated)
			answer(r, aggregated(kinds, core), aggregated_type);
		else
			answer(r, core ? api_versions() : api_groups(kinds), "application/json");
	} else if (strcmp(path, "/api/v1") == 0) {
		answer(r, resources(kinds, "", "v1"), "application/json");
	} else if (strncmp(path, "/apis/", 6) == 0 &&
		   split_group(kinds, path + 6, group, version)) {
		answer(r,
		       version[0] == '\0' ? api_group(kinds, group, document("APIGroup", "v1"))
					  : resources(kinds, group, version),
		       "application/json");
	} else {
		return false;
	}
	return true;
}
