// SPDX-License-Identifier: Apache-2.0
#include "standalone/apiserver/rest.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/intern.h"
#include "lib/model/doc.h"
#include "standalone/apiserver/discovery.h"
#include "standalone/apiserver/endpoints.h"
#include "standalone/apiserver/objects.h"
#include "standalone/apiserver/protobuf.h"
#include "standalone/apiserver/snapshot.h"
#include "standalone/apiserver/status.h"
#include "standalone/apiserver/table.h"

static const char json_type[] = "application/json";

/* --- answers --------------------------------------------------------------------------- */

void reply_done(struct reply *r)
{
	buf_done(&r->body);
	if (r->watch != NULL) {
		watch_spec_done(r->watch);
		free(r->watch);
	}
}

void watch_spec_done(struct watch_spec *w)
{
	intern_unref(w->ns);
	query_done(&w->query);
}

static void reply_json(struct reply *r, int code, const cJSON *json)
{
	struct text *t = js_print(json);

	r->code = code;
	r->content_type = json_type;
	buf_add(&r->body, t->bytes, t->len);
	text_unref(t);
}

void reply_status(struct reply *r, cJSON *status)
{
	reply_json(r, status_code(status), status);
	cJSON_Delete(status);
}

/* --- the path -------------------------------------------------------------------------- */

enum { SEGMENTS_MAX = 8, SEGMENT_LEN = 254 };

struct route {
	const struct kind *kind;
	const struct kind_version *version;
	char group[SEGMENT_LEN], ns[SEGMENT_LEN], name[SEGMENT_LEN], sub[SEGMENT_LEN];
};

/* Split into segments; returns how many, -1 when there are too many or one is too long. */
static int split(const char *path, char segments[SEGMENTS_MAX][SEGMENT_LEN])
{
	int n = 0;

	while (*path == '/') {
		size_t len = strcspn(++path, "/");

		if (len == 0 && path[len] == '\0')
			break; /* a trailing slash */
		if (n == SEGMENTS_MAX || len == 0 || len >= SEGMENT_LEN)
			return -1;
		memcpy(segments[n], path, len);
		segments[n++][len] = '\0';
		path += len;
	}
	return n;
}

/*
 * /api/VERSION/... or /apis/GROUP/VERSION/..., then PLURAL[/NAME[/SUB]], with
 * namespaces/NS in front for what lives in one.
 */
static bool find_route(const struct kinds *kinds, const char *path, struct route *ret)
{
	char s[SEGMENTS_MAX][SEGMENT_LEN];
	int n = split(path, s), at;

	memset(ret, 0, sizeof(*ret));
	if (n >= 3 && strcmp(s[0], "api") == 0) {
		at = 1;
	} else if (n >= 4 && strcmp(s[0], "apis") == 0) {
		snprintf(ret->group, sizeof(ret->group), "%s", s[1]);
		at = 2;
	} else {
		return false;
	}
	const char *version = s[at++];
	/* namespaces/NS/status is the Namespace's own. */
	bool own = n - at == 3 && strcmp(s[at + 2], "status") == 0 && ret->group[0] == '\0';
	if (n - at >= 3 && strcmp(s[at], "namespaces") == 0 && !own) {
		snprintf(ret->ns, sizeof(ret->ns), "%s", s[at + 1]);
		at += 2;
	}
	ret->kind = kinds_find(kinds, ret->group, version, s[at++], &ret->version);
	if (ret->kind == NULL || n - at > 2)
		return false;
	if (n > at)
		snprintf(ret->name, sizeof(ret->name), "%s", s[at]);
	if (n > at + 1)
		snprintf(ret->sub, sizeof(ret->sub), "%s", s[at + 1]);
	if (ret->ns[0] != '\0' && !ret->kind->namespaced)
		return false;
	/* What lives in a namespace is named with it; only lists may go across. */
	return ret->name[0] == '\0' || !ret->kind->namespaced || ret->ns[0] != '\0';
}

/* --- parameters ------------------------------------------------------------------------ */

static const char *param(const struct request *q, const char *name)
{
	const char *v = q->param(q->arg, name);

	return v == NULL || v[0] == '\0' ? NULL : v;
}

static bool param_true(const struct request *q, const char *name)
{
	const char *v = q->param(q->arg, name);

	return v != NULL && strcmp(v, "false") != 0 && strcmp(v, "0") != 0;
}

/* A number; -EINVAL for what is none. Absent: *ret stays. */
static int param_number(const struct request *q, const char *name, uint64_t *ret)
{
	const char *v = param(q, name);
	char *end;

	if (v == NULL)
		return 0;
	if (*v < '0' || *v > '9')
		return -EINVAL;
	errno = 0;
	unsigned long long n = strtoull(v, &end, 10);
	if (*end != '\0' || errno != 0)
		return -EINVAL;
	*ret = n;
	return 0;
}

static struct view view_of(const struct request *q)
{
	struct view v = { .table_version = "v1" };
	const char *accept = q->accept == NULL ? "" : q->accept;
	const char *include = param(q, "includeObject");

	/* The first of the offered types decides; kubectl offers the table first. */
	size_t first = strcspn(accept, ",");
	const char *as = strstr(accept, "as=Table");
	v.table = as != NULL && (size_t)(as - accept) < first &&
		  strstr(accept, "g=meta.k8s.io") != NULL;
	if (v.table && memmem(accept, first, "v=v1beta1", 9) != NULL)
		v.table_version = "v1beta1";
	if (include != NULL)
		v.include = strcmp(include, "Object") == 0 ? INCLUDE_OBJECT
			    : strcmp(include, "None") == 0 ? INCLUDE_NONE
							   : INCLUDE_METADATA;
	return v;
}

/* --- objects out ----------------------------------------------------------------------- */

struct text *rest_convert(const struct kind *kind, const struct kind_version *version,
			  struct text *stored)
{
	char want[256], needle[280];

	if (kind->version_count <= 1)
		return text_ref(stored);
	kind_api_version(kind, version->name, want, sizeof(want));
	snprintf(needle, sizeof(needle), "\"apiVersion\":\"%s\"", want);
	if (strstr(stored->bytes, needle) != NULL &&
	    strncmp(version->name, kind->versions[kind->storage].name, 64) == 0)
		return text_ref(stored);
	cJSON *json = js_parse(stored->bytes, stored->len);
	js_set_text(json, "apiVersion", want);
	struct text *t = js_print(json);
	cJSON_Delete(json);
	return t;
}

static void reply_object(const struct request *q, const struct route *at, struct reply *r, int code,
			 const cJSON *object)
{
	struct view v = view_of(q);

	if (v.table && strcmp(q->method, "GET") == 0) {
		cJSON *table = table_new(at->kind, at->version, &v, true);
		const char *rv = js_text(object, "metadata.resourceVersion");

		table_add(table, at->kind, at->version, &v, object);
		js_set_text(js_object(table, "metadata"), "resourceVersion", rv == NULL ? "" : rv);
		reply_json(r, code, table);
		cJSON_Delete(table);
		return;
	}
	struct text *t = js_print(object), *out = rest_convert(at->kind, at->version, t);
	r->code = code;
	r->content_type = json_type;
	buf_add(&r->body, out->bytes, out->len);
	text_unref(out);
	text_unref(t);
}

static void get_object(struct api *a, const struct request *q, const struct route *at,
		       struct reply *r)
{
	cJSON *json;

	if (at->kind->id == KIND_ENDPOINTS) {
		json = endpoints_get(a, at->ns, at->name);
	} else {
		const struct object *o = store_get(a->store, at->kind, at->ns, at->name);
		json = o == NULL ? NULL : js_parse(o->text->bytes, o->text->len);
	}
	if (json == NULL) {
		reply_status(r, status_not_found(at->kind, at->name));
		return;
	}
	reply_object(q, at, r, 200, json);
	cJSON_Delete(json);
}

/* --- lists ----------------------------------------------------------------------------- */

/* What a list collects: either text after text, or table rows. */
struct listing {
	const struct route *at;
	struct view view;
	struct buf items;
	cJSON *table;
	size_t count;
};

static void list_add(struct listing *l, struct text *text, const cJSON *json)
{
	l->count++;
	if (l->table != NULL) {
		cJSON *own = json == NULL ? js_parse(text->bytes, text->len) : NULL;

		table_add(l->table, l->at->kind, l->at->version, &l->view,
			  json == NULL ? own : json);
		cJSON_Delete(own);
		return;
	}
	struct text *out = rest_convert(l->at->kind, l->at->version, text);
	if (l->items.len > 0)
		buf_add(&l->items, ",", 1);
	buf_add(&l->items, out->bytes, out->len);
	text_unref(out);
}

static void list_finish(struct listing *l, struct reply *r, uint64_t rv, const char *next,
			size_t remaining)
{
	char version[256], rv_text[24];

	snprintf(rv_text, sizeof(rv_text), "%" PRIu64, rv);
	if (l->table != NULL) {
		cJSON *meta = js_object(l->table, "metadata");

		js_set_text(meta, "resourceVersion", rv_text);
		if (next != NULL)
			js_set_text(meta, "continue", next);
		if (remaining > 0)
			js_set_int(meta, "remainingItemCount", (long long)remaining);
		reply_json(r, 200, l->table);
		cJSON_Delete(l->table);
		return;
	}
	r->code = 200;
	r->content_type = json_type;
	// NOLINTNEXTLINE(clang-analyzer-core.NullDereference): a kind that was found has a version
	kind_api_version(l->at->kind, l->at->version->name, version, sizeof(version));
	buf_printf(&r->body, "{\"kind\":\"%s\",\"apiVersion\":\"%s\",\"metadata\":{",
		   l->at->kind->list, version);
	buf_printf(&r->body, "\"resourceVersion\":\"%s\"", rv_text);
	if (next != NULL)
		buf_printf(&r->body, ",\"continue\":\"%s\"", next);
	if (remaining > 0)
		buf_printf(&r->body, ",\"remainingItemCount\":%zu", remaining);
	buf_puts(&r->body, "},\"items\":[");
	buf_add(&r->body, l->items.bytes, l->items.len);
	buf_puts(&r->body, "]}");
	buf_done(&l->items);
}

/* "RV~NAMESPACE~NAME" of the last object given: no state is kept between pages. */
static bool parse_continue(const char *text, uint64_t *rv, char ns[SEGMENT_LEN],
			   char name[SEGMENT_LEN])
{
	char rest;

	return sscanf(text, "%" SCNu64 "~%253[^~]~%253[^~]%c", rv, ns, name, &rest) == 3 ||
	       (ns[0] = '\0', sscanf(text, "%" SCNu64 "~~%253[^~]%c", rv, name, &rest) == 2);
}

struct page {
	uint64_t limit, rv;
	bool resumed;
	char ns[SEGMENT_LEN], name[SEGMENT_LEN];
};

static cJSON *page_of(struct api *a, const struct request *q, struct page *p)
{
	const char *token = param(q, "continue");

	memset(p, 0, sizeof(*p));
	p->rv = store_rv(a->store);
	if (param_number(q, "limit", &p->limit) != 0)
		return status_bad_request("limit must be a number");
	if (token == NULL)
		return NULL;
	if (!parse_continue(token, &p->rv, p->ns, p->name) || p->rv > store_rv(a->store))
		return status_bad_request("continue key is not valid");
	p->resumed = true;
	return NULL;
}

/* *ret_json: the object where it had to be parsed, else NULL; the caller's. */
static bool matches(const struct query *query, const struct snapshot_item *item, cJSON **ret_json)
{
	*ret_json = NULL;
	if (query_empty(query))
		return true;
	if (!query_by_name(query))
		*ret_json = js_parse(item->text->bytes, item->text->len);
	return query_matches(query, item->ns, item->name, *ret_json);
}

static void list_stored(struct api *a, const struct route *at, const struct query *query,
			const struct page *p, struct listing *l, struct reply *r)
{
	const struct snapshot_item *last = NULL;
	struct snapshot snap;
	size_t remaining = 0;
	cJSON *json;

	if (!snapshot_take(a->store, at->kind, at->ns[0] == '\0' ? NULL : at->ns,
			   p->resumed ? p->ns : NULL, p->resumed ? p->name : NULL, p->rv, &snap)) {
		cJSON_Delete(l->table);
		reply_status(r, status_expired("The provided continue parameter is too old to "
					       "display a consistent list result. You can start a "
					       "new list without the continue parameter."));
		return;
	}
	for (size_t i = 0; i < snap.count; i++) {
		const struct snapshot_item *item = &snap.items[i];

		if (matches(query, item, &json)) {
			if (p->limit != 0 && l->count >= p->limit) {
				remaining++;
			} else {
				list_add(l, item->text, json);
				last = item;
			}
		}
		cJSON_Delete(json);
		/* With a selector Kubernetes does not count what remains; one more is enough. */
		if (remaining > 0 && !query_empty(query))
			break;
	}
	char *next = remaining == 0 ? NULL
				    : mem_printf("%" PRIu64 "~%s~%s", p->rv, last->ns, last->name);
	list_finish(l, r, p->rv, next, query_empty(query) ? remaining : 0);
	free(next);
	snapshot_done(&snap);
}

static void list_objects(struct api *a, const struct request *q, const struct route *at,
			 struct reply *r)
{
	struct listing l = { .at = at, .view = view_of(q) };
	struct query query;
	struct page p;
	uint64_t rv = 0;
	cJSON *wrong =
		query_parse(at->kind, param(q, "labelSelector"), param(q, "fieldSelector"), &query);

	if (wrong == NULL)
		wrong = page_of(a, q, &p);
	else
		query = (struct query){ 0 };
	if (wrong == NULL && param_number(q, "resourceVersion", &rv) != 0)
		wrong = status_bad_request("resourceVersion must be a number");
	if (wrong == NULL && rv > store_rv(a->store))
		wrong = status_failure(504, "Timeout",
				       "Too large resource version: %" PRIu64 ", current: %" PRIu64,
				       rv, store_rv(a->store));
	if (wrong != NULL) {
		reply_status(r, wrong);
		query_done(&query);
		return;
	}
	if (l.view.table)
		l.table = table_new(at->kind, at->version, &l.view, true);
	if (at->kind->id == KIND_ENDPOINTS) {
		cJSON *list = endpoints_list(a, at->ns[0] == '\0' ? NULL : at->ns), *item;

		cJSON_ArrayForEach (item, list) {
			struct text *t = js_print(item);
			if (query_matches(&query, js_text(item, "metadata.namespace"),
					  js_text(item, "metadata.name"), item))
				list_add(&l, t, item);
			text_unref(t);
		}
		cJSON_Delete(list);
		list_finish(&l, r, p.rv, NULL, 0);
	} else {
		list_stored(a, at, &query, &p, &l, r);
	}
	query_done(&query);
}

/* --- watches --------------------------------------------------------------------------- */

static void watch_objects(const struct request *q, const struct route *at, struct reply *r)
{
	struct watch_spec *w = mem_zero(sizeof(*w));
	const char *rv = param(q, "resourceVersion");
	cJSON *wrong = NULL;
	char *fields = at->name[0] == '\0' ? NULL : mem_printf("metadata.name=%s", at->name);

	if (param_true(q, "sendInitialEvents")) {
		struct rule_causes causes = { 0 };

		causes_add(&causes, "FieldValueForbidden", "sendInitialEvents",
			   "Forbidden: sendInitialEvents is forbidden for watch unless the "
			   "WatchList feature gate is enabled");
		wrong = status_invalid(at->kind, "", &causes);
		array_free(&causes);
	}
	if (wrong == NULL && at->kind->id == KIND_ENDPOINTS)
		wrong = status_failure(405, "MethodNotAllowed",
				       "endpoints are derived from EndpointSlices: watch those");
	if (wrong == NULL)
		wrong = query_parse(at->kind, param(q, "labelSelector"),
				    fields != NULL ? fields : param(q, "fieldSelector"), &w->query);
	if (wrong == NULL && (param_number(q, "resourceVersion", &w->rv) != 0 ||
			      param_number(q, "timeoutSeconds", &w->timeout_s) != 0))
		wrong = status_bad_request("resourceVersion and timeoutSeconds must be numbers");
	free(fields);
	if (wrong != NULL) {
		free(w);
		reply_status(r, wrong);
		return;
	}
	w->kind = at->kind;
	w->version = at->version;
	w->ns = at->ns[0] == '\0' ? NULL : intern(at->ns);
	w->view = view_of(q);
	w->from_start = rv == NULL || w->rv == 0;
	w->bookmarks = param_true(q, "allowWatchBookmarks");
	r->code = 200;
	r->content_type = json_type;
	r->watch = w;
}

/* --- writes ---------------------------------------------------------------------------- */

/* The body as a tree: JSON, or YAML where it says so. NULL and *wrong otherwise. */
static cJSON *read_body(const struct request *q, cJSON **wrong)
{
	const char *type = q->content_type == NULL ? json_type : q->content_type;
	size_t len = strcspn(type, "; \t");
	char err[160];
	cJSON *json;

	if (len == 16 && strncasecmp(type, "application/yaml", 16) == 0) {
		json = doc_parse_yaml(q->body, q->body_len, err, sizeof(err));
		if (json == NULL)
			*wrong = status_bad_request("yaml: %s", err);
		return json;
	}
	if (len == sizeof(PROTOBUF_TYPE) - 1 && strncasecmp(type, PROTOBUF_TYPE, len) == 0) {
		bool known;

		json = protobuf_decode(q->body, q->body_len, &known);
		if (json == NULL && known)
			*wrong =
				status_bad_request("the body of the request is not valid protobuf");
		if (json != NULL || known)
			return json;
	}
	if (len < 5 || strncasecmp(type + len - 4, "json", 4) != 0) {
		*wrong = status_failure(415, "UnsupportedMediaType",
					"the body of the request was in an unknown format - "
					"accepted media types include: application/json, "
					"application/yaml");
		return NULL;
	}
	json = js_parse(q->body, q->body_len);
	if (json == NULL)
		*wrong = status_bad_request("the body of the request is not valid JSON");
	return json;
}

static struct target target_of(const struct request *q, const struct route *at)
{
	return (struct target){
		.kind = at->kind,
		.version = at->version,
		.ns = at->ns,
		.name = at->name[0] == '\0' ? NULL : at->name,
		.status = strcmp(at->sub, "status") == 0,
		.dry_run = param(q, "dryRun") != NULL,
	};
}

static void create_object(struct api *a, const struct request *q, const struct route *at,
			  struct reply *r)
{
	struct target t = target_of(q, at);
	cJSON *wrong = NULL, *object = read_body(q, &wrong);

	if (wrong == NULL)
		wrong = objects_create(a, &t, object);
	if (wrong != NULL)
		reply_status(r, wrong);
	else
		reply_object(q, at, r, 201, object);
	cJSON_Delete(object);
}

static void update_object(struct api *a, const struct request *q, const struct route *at,
			  struct reply *r)
{
	struct target t = target_of(q, at);
	cJSON *wrong = NULL, *object = read_body(q, &wrong);

	if (wrong == NULL)
		wrong = objects_update(a, &t, object);
	if (wrong != NULL)
		reply_status(r, wrong);
	else
		reply_object(q, at, r, 200, object);
	cJSON_Delete(object);
}

static void patch_object(struct api *a, const struct request *q, const struct route *at,
			 struct reply *r)
{
	struct target t = target_of(q, at);
	enum patch_type type;
	cJSON *wrong = NULL, *patch, *object = NULL;

	if (patch_type_parse(q->content_type, &type) != 0) {
		reply_status(r, status_failure(415, "UnsupportedMediaType",
					       "the body of the request was in an unknown format - "
					       "accepted media types include: "
					       "application/json-patch+json, "
					       "application/merge-patch+json, "
					       "application/strategic-merge-patch+json"));
		return;
	}
	patch = read_body(q, &wrong);
	if (wrong == NULL)
		wrong = objects_patch(a, &t, type, patch, &object);
	cJSON_Delete(patch);
	if (wrong != NULL)
		reply_status(r, wrong);
	else
		reply_object(q, at, r, 200, object);
	cJSON_Delete(object);
}

/* DeleteOptions from the body, the policy from the query when it stands there. */
static cJSON *delete_options(const struct request *q, cJSON **wrong)
{
	const char *policy = param(q, "propagationPolicy");
	cJSON *options = q->body_len == 0 ? cJSON_CreateObject() : read_body(q, wrong);

	if (options != NULL && policy != NULL)
		js_set_text(options, "propagationPolicy", policy);
	return options;
}

static void delete_object(struct api *a, const struct request *q, const struct route *at,
			  struct reply *r)
{
	struct target t = target_of(q, at);
	cJSON *wrong = NULL, *object = NULL, *options = delete_options(q, &wrong);

	if (cJSON_GetArraySize(js_at(options, "dryRun")) > 0)
		t.dry_run = true;
	if (wrong == NULL)
		wrong = objects_delete(a, &t, options, &object);
	cJSON_Delete(options);
	if (wrong != NULL)
		reply_status(r, wrong);
	else
		reply_json(r, 200, object);
	cJSON_Delete(object);
}

/* Every object that matches; the first one that cannot be deleted ends it. */
static void delete_collection(struct api *a, const struct request *q, const struct route *at,
			      struct reply *r)
{
	struct target t = target_of(q, at);
	struct query query = { 0 };
	struct keys found = { 0 };
	cJSON *wrong = NULL, *options = delete_options(q, &wrong), *json;
	const char *ns = at->ns[0] == '\0' ? NULL : at->ns;

	if (wrong == NULL)
		wrong = query_parse(at->kind, param(q, "labelSelector"), param(q, "fieldSelector"),
				    &query);
	for (const struct object *o = store_first(a->store, at->kind, ns, NULL, NULL);
	     wrong == NULL && o != NULL; o = store_next(o, ns)) {
		const struct snapshot_item item = { o->ns, o->name, o->text };

		if (matches(&query, &item, &json)) {
			struct key *k = array_push(&found);
			if (k == NULL)
				abort();
			*k = (struct key){ o->kind, intern_ref(o->ns), intern_ref(o->name) };
		}
		cJSON_Delete(json);
	}
	for (size_t i = 0; i < found.count; i++) {
		cJSON *gone = NULL;

		t.ns = found.items[i].ns;
		t.name = found.items[i].name;
		if (wrong == NULL)
			wrong = objects_delete(a, &t, options, &gone);
		/* Taken along by another one's cascade. */
		if (wrong != NULL && status_code(wrong) == 404)
			wrong = (cJSON_Delete(wrong), NULL);
		cJSON_Delete(gone);
		intern_unref(found.items[i].ns);
		intern_unref(found.items[i].name);
	}
	array_free(&found);
	query_done(&query);
	cJSON_Delete(options);
	if (wrong == NULL)
		wrong = status_deleted(at->kind, NULL, NULL);
	else if (status_code(wrong) == 404)
		wrong = (cJSON_Delete(wrong), status_deleted(at->kind, NULL, NULL));
	r->code = js_at(wrong, "code") == NULL ? 200 : status_code(wrong);
	reply_json(r, r->code, wrong);
	cJSON_Delete(wrong);
}

/* --- verbs ----------------------------------------------------------------------------- */

static void not_allowed(struct reply *r)
{
	reply_status(r, status_failure(405, "MethodNotAllowed",
				       "the server does not allow this method on the requested "
				       "resource"));
}

static void handle_collection(struct api *a, const struct request *q, const struct route *at,
			      struct reply *r)
{
	bool derived = at->kind->id == KIND_ENDPOINTS;

	if (strcmp(q->method, "GET") == 0) {
		if (param_true(q, "watch"))
			watch_objects(q, at, r);
		else
			list_objects(a, q, at, r);
	} else if (strcmp(q->method, "POST") == 0 && !derived &&
		   (!at->kind->namespaced || at->ns[0] != '\0')) {
		create_object(a, q, at, r);
	} else if (strcmp(q->method, "DELETE") == 0 && !derived &&
		   (!at->kind->namespaced || at->ns[0] != '\0')) {
		delete_collection(a, q, at, r);
	} else {
		not_allowed(r);
	}
}

static void handle_object(struct api *a, const struct request *q, const struct route *at,
			  struct reply *r)
{
	bool derived = at->kind->id == KIND_ENDPOINTS;

	if (strcmp(q->method, "GET") == 0) {
		if (param_true(q, "watch") && at->sub[0] == '\0')
			watch_objects(q, at, r);
		else
			get_object(a, q, at, r);
	} else if (derived) {
		not_allowed(r);
	} else if (strcmp(q->method, "PUT") == 0) {
		update_object(a, q, at, r);
	} else if (strcmp(q->method, "PATCH") == 0) {
		patch_object(a, q, at, r);
	} else if (strcmp(q->method, "DELETE") == 0 && at->sub[0] == '\0') {
		delete_object(a, q, at, r);
	} else {
		not_allowed(r);
	}
}

void rest_handle(struct api *a, const struct request *q, struct reply *r)
{
	struct route at;

	if (discovery_handle(a, q, r))
		return;
	if (!find_route(&a->kinds, q->path, &at)) {
		reply_status(r, status_no_such_resource());
		return;
	}
	if (at.sub[0] != '\0' && (strcmp(at.sub, "status") != 0 || !at.version->status)) {
		reply_status(r, status_no_such_resource());
		return;
	}
	r->warning = at.version->warning;
	if (at.name[0] == '\0')
		handle_collection(a, q, &at, r);
	else
		handle_object(a, q, &at, r);
}
