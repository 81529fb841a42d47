// SPDX-License-Identifier: Apache-2.0
#include "standalone/apiserver/rest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/intern.h"
#include "standalone/apiserver/discovery.h"
#include "standalone/apiserver/listing.h"
#include "standalone/apiserver/openapi.h"
#include "standalone/apiserver/rest_impl.h"
#include "standalone/apiserver/reviews.h"
#include "standalone/apiserver/status.h"
#include "standalone/apiserver/table.h"

/* --- answers --------------------------------------------------------------------------- */

void reply_done(struct reply *r)
{
	buf_done(&r->body);
	text_unref(r->text);
	listing_free(r->list);
	notes_done(&r->warnings);
	if (r->watch != NULL) {
		watch_spec_done(r->watch);
		free(r->watch);
	}
}

void reply_gather(struct reply *r)
{
	char block[4096];
	size_t n;

	if (r->text != NULL)
		buf_add(&r->body, r->text->bytes, r->text->len);
	r->text = text_unref(r->text);
	if (r->list == NULL)
		return;
	while ((n = listing_read(r->list, block, sizeof(block))) > 0)
		buf_add(&r->body, block, n);
	r->list = listing_free(r->list);
}

void watch_spec_done(struct watch_spec *w)
{
	intern_unref(w->ns);
	query_done(&w->query);
}

void reply_json(struct reply *r, int code, const cJSON *json)
{
	struct text *t = js_print(json);

	r->code = code;
	r->content_type = JSON_TYPE;
	buf_add(&r->body, t->bytes, t->len);
	text_unref(t);
}

void reply_status(struct reply *r, cJSON *status)
{
	reply_json(r, status_code(status), status);
	cJSON_Delete(status);
}

void reply_warn(struct reply *r, const char *text)
{
	char **slot = array_push(&r->warnings);

	if (slot == NULL)
		abort();
	*slot = mem_text(text);
}

/* --- the path -------------------------------------------------------------------------- */

enum { SEGMENTS_MAX = 8 };

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
	/* namespaces/NS/status and finalize are the Namespace's own. */
	bool own = n - at == 3 && ret->group[0] == '\0' &&
		   (strcmp(s[at + 2], "status") == 0 || strcmp(s[at + 2], "finalize") == 0);
	if (n - at >= 3 && strcmp(s[at], "namespaces") == 0 && !own) {
		snprintf(ret->ns, sizeof(ret->ns), "%s", s[at + 1]);
		at += 2;
	}
	ret->kind = kinds_find(kinds, ret->group, version, s[at++], &ret->version);
	if (ret->kind == NULL || ret->version == NULL || n - at > 2)
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

const char *rest_param(const struct request *q, const char *name)
{
	const char *v = q->param(q->arg, name);

	return v == NULL || v[0] == '\0' ? NULL : v;
}

bool rest_param_true(const struct request *q, const char *name)
{
	const char *v = q->param(q->arg, name);

	return v != NULL && strcmp(v, "false") != 0 && strcmp(v, "0") != 0;
}

int rest_param_number(const struct request *q, const char *name, int64_t *ret)
{
	const char *v = rest_param(q, name);
	char *end;

	if (v == NULL)
		return 0;
	if ((*v < '0' || *v > '9') && *v != '-')
		return -EINVAL;
	errno = 0;
	long long n = strtoll(v, &end, 10);
	if (*end != '\0' || errno != 0 || end == v)
		return -EINVAL;
	*ret = n;
	return 0;
}

cJSON *rest_not_a_number(const struct request *q, const char *name)
{
	return status_bad_request("strconv.ParseInt: parsing \"%.80s\": invalid syntax",
				  rest_param(q, name));
}

cJSON *rest_version(const struct request *q, uint64_t *ret)
{
	int64_t rv = 0;

	if (rest_param_number(q, "resourceVersion", &rv) != 0 || rv < 0)
		/* An error of the server's, without a reason, in Kubernetes, too. */
		return status_failure(500, "",
				      "resourceVersion: Invalid value: \"%.80s\": "
				      "strconv.ParseUint: parsing \"%.80s\": invalid syntax",
				      rest_param(q, "resourceVersion"),
				      rest_param(q, "resourceVersion"));
	*ret = (uint64_t)rv;
	return NULL;
}

/* In Kubernetes' words (ValidateListOptions). */
cJSON *rest_list_options(const struct request *q, bool watch)
{
	const char *match = rest_param(q, "resourceVersionMatch");
	const char *rv = rest_param(q, "resourceVersion");
	bool initial = rest_param(q, "sendInitialEvents") != NULL;
	struct rule_causes causes = { 0 };
	static const char forbidden[] = "FieldValueForbidden";
	static const char match_field[] = "resourceVersionMatch";

	if (initial && !watch)
		causes_add(&causes, forbidden, "sendInitialEvents",
			   "Forbidden: sendInitialEvents is forbidden for list");
	else if (initial && (match == NULL || strcmp(match, "NotOlderThan") != 0))
		causes_add(&causes, forbidden, match_field,
			   "Forbidden: sendInitialEvents requires setting resourceVersionMatch to "
			   "NotOlderThan");
	else if (match != NULL && watch && !initial)
		causes_add(&causes, forbidden, match_field,
			   "Forbidden: resourceVersionMatch is forbidden for watch unless "
			   "sendInitialEvents is provided");
	else if (match != NULL && !watch && rv == NULL)
		causes_add(&causes, forbidden, match_field,
			   "Forbidden: resourceVersionMatch is forbidden unless resourceVersion is "
			   "provided");
	else if (match != NULL && !watch && rest_param(q, "continue") != NULL)
		causes_add(
			&causes, forbidden, match_field,
			"Forbidden: resourceVersionMatch is forbidden when continue is provided");
	else if (match != NULL && strcmp(match, "Exact") != 0 && strcmp(match, "NotOlderThan") != 0)
		causes_add(&causes, "FieldValueNotSupported", match_field,
			   "Unsupported value: \"%.80s\": supported values: \"Exact\", "
			   "\"NotOlderThan\", \"\"",
			   match);
	else if (match != NULL && strcmp(match, "Exact") == 0 && strcmp(rv, "0") == 0)
		causes_add(&causes, forbidden, match_field,
			   "Forbidden: resourceVersionMatch \"exact\" is forbidden for "
			   "resourceVersion \"0\"");
	cJSON *wrong = causes.count == 0 ? NULL : status_invalid_option("ListOptions", &causes);
	causes_free(&causes);
	return wrong;
}

/* --- objects out ----------------------------------------------------------------------- */

struct text *rest_convert(const struct kind *kind, const struct kind_version *version,
			  struct text *stored)
{
	char want[256], begin[280];

	if (kind->version_count <= 1)
		return text_ref(stored);
	kind_api_version(kind, version->name, want, sizeof(want));
	/* Where it is the first member, which is the rule, the text need not be parsed. */
	snprintf(begin, sizeof(begin), "{\"apiVersion\":\"%s\",", want);
	if (strncmp(stored->bytes, begin, strlen(begin)) == 0)
		return text_ref(stored);
	cJSON *json = js_parse(stored->bytes, stored->len);
	js_set_text(json, "apiVersion", want);
	struct text *t = js_print(json);
	cJSON_Delete(json);
	return t;
}

void rest_reply_object(const struct request *q, const struct route *at, struct reply *r, int code,
		       const cJSON *object)
{
	const struct view v = at->view;

	if (v.as == AS_TABLE && strcmp(q->method, "GET") == 0) {
		cJSON *table = table_new(at->kind, at->version->columns, &v, true);
		const char *rv = js_text(object, "metadata.resourceVersion");

		table_add(table, at->kind, at->version->columns, &v, object);
		js_set_text(js_object(table, "metadata"), "resourceVersion", rv == NULL ? "" : rv);
		reply_json(r, code, table);
		cJSON_Delete(table);
		return;
	}
	struct text *t = js_print(object), *out = view_text(&v, at->kind, at->version, t);
	r->code = code;
	r->content_type = JSON_TYPE;
	buf_add(&r->body, out->bytes, out->len);
	text_unref(out);
	text_unref(t);
}

static void get_object(struct api *a, const struct request *q, const struct route *at,
		       struct reply *r)
{
	const struct object *o = store_get(a->store, at->kind, at->ns, at->name);

	if (o == NULL) {
		reply_status(r, status_not_found(at->kind, at->name));
		return;
	}
	if (at->view.as != AS_TABLE) { /* as it is */
		r->code = 200;
		r->content_type = JSON_TYPE;
		r->text = view_text(&at->view, at->kind, at->version, o->text);
		return;
	}
	cJSON *json = js_parse(o->text->bytes, o->text->len);
	rest_reply_object(q, at, r, 200, json);
	cJSON_Delete(json);
}

/* --- watches --------------------------------------------------------------------------- */

static cJSON *watch_parse(const struct request *q, const struct route *at, struct watch_spec *w)
{
	char *name = at->name[0] == '\0' ? NULL : mem_printf("metadata.name=%s", at->name);
	int64_t timeout = 0;
	cJSON *wrong = rest_list_options(q, true);

	if (wrong == NULL)
		wrong = query_parse(at->kind, rest_param(q, "labelSelector"),
				    name != NULL ? name : rest_param(q, "fieldSelector"),
				    &w->query);
	free(name);
	if (wrong == NULL)
		wrong = rest_version(q, &w->rv);
	if (wrong == NULL && rest_param_number(q, "timeoutSeconds", &timeout) != 0)
		wrong = rest_not_a_number(q, "timeoutSeconds");
	w->timeout_s = timeout < 0 ? 0 : (uint64_t)timeout;
	return wrong;
}

static void watch_objects(const struct request *q, const struct route *at, struct reply *r)
{
	struct watch_spec *w = mem_zero(sizeof(*w));
	cJSON *wrong = watch_parse(q, at, w);

	if (wrong != NULL) {
		watch_spec_done(w);
		free(w);
		reply_status(r, wrong);
		return;
	}
	w->kind = at->kind;
	w->version = at->version;
	w->ns = at->ns[0] == '\0' ? NULL : intern(at->ns);
	w->view = at->view;
	w->bookmarks = rest_param_true(q, "allowWatchBookmarks");
	w->mark_initial = rest_param_true(q, "sendInitialEvents");
	w->from_start = w->rv == 0 || w->mark_initial;
	r->code = 200;
	r->content_type = JSON_TYPE;
	r->watch = w;
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
		if (rest_param_true(q, "watch"))
			watch_objects(q, at, r);
		else
			rest_list(a, q, at, r);
	} else if (strcmp(q->method, "POST") == 0 && !derived &&
		   (!at->kind->namespaced || at->ns[0] != '\0')) {
		rest_create(a, q, at, r);
	} else if (strcmp(q->method, "DELETE") == 0 && !derived &&
		   (!at->kind->namespaced || at->ns[0] != '\0')) {
		rest_delete_collection(a, q, at, r);
	} else {
		not_allowed(r);
	}
}

static void handle_object(struct api *a, const struct request *q, const struct route *at,
			  struct reply *r)
{
	bool derived = at->kind->id == KIND_ENDPOINTS;

	if (strcmp(q->method, "GET") == 0) {
		if (rest_param_true(q, "watch") && at->sub[0] == '\0')
			watch_objects(q, at, r);
		else
			get_object(a, q, at, r);
	} else if (derived) {
		not_allowed(r);
	} else if (strcmp(q->method, "PUT") == 0) {
		rest_update(a, q, at, r);
	} else if (strcmp(q->method, "PATCH") == 0) {
		rest_patch(a, q, at, r);
	} else if (strcmp(q->method, "DELETE") == 0 && at->sub[0] == '\0') {
		rest_delete(a, q, at, r);
	} else {
		not_allowed(r);
	}
}

/* Is there such a subresource? Namespaces alone have one beside the status, to write only. */
static bool has_sub(const struct route *at, const char *method)
{
	if (strcmp(at->sub, "finalize") == 0)
		return at->kind->id == KIND_NAMESPACE && strcmp(method, "PUT") == 0;
	return strcmp(at->sub, "status") == 0 && at->version->status;
}

/* 406 unless the client takes what there is; @at gets in which form. */
static cJSON *check_accept(const struct request *q, struct route *at)
{
	bool deletes = strcmp(q->method, "DELETE") == 0; /* answers with what it likes */
	bool list = strcmp(q->method, "GET") == 0 && at->name[0] == '\0' &&
		    !rest_param_true(q, "watch");

	if (!rest_view(q, &at->view))
		return status_failure(406, "NotAcceptable",
				      "only the following media types are accepted: "
				      "application/json");
	if (at->view.as == AS_METADATA && list)
		return status_failure(406, "NotAcceptable",
				      "you requested PartialObjectMetadata, but the requested "
				      "object is a list");
	if (at->view.as == AS_METADATA_LIST && !list && !deletes)
		return status_failure(406, "NotAcceptable",
				      "you requested PartialObjectMetadataList, but the requested "
				      "object is not a list");
	return NULL;
}

/* Outside of what any group serves there are no Status objects, only pages. */
static void no_such_path(const struct api *a, const struct request *q, struct reply *r)
{
	if (strncmp(q->path, "/api/", 5) == 0 || discovery_has_group(a, q->path)) {
		reply_status(r, status_no_such_resource());
		return;
	}
	r->code = 404;
	r->content_type = "text/plain; charset=utf-8";
	buf_puts(&r->body, "404 page not found\n");
}

void rest_handle(struct api *a, const struct request *q, struct reply *r)
{
	struct route at;

	if (discovery_handle(a, q, r) || openapi_handle(a, q, r) || reviews_handle(q, r))
		return;
	if (!find_route(&a->kinds, q->path, &at)) {
		no_such_path(a, q, r);
		return;
	}
	cJSON *wrong = check_accept(q, &at);
	if (wrong != NULL) {
		reply_status(r, wrong);
		return;
	}
	if (at.sub[0] != '\0' && !has_sub(&at, q->method)) {
		reply_status(r, status_no_such_resource());
		return;
	}
	if (at.version->warning != NULL)
		reply_warn(r, at.version->warning);
	if (at.name[0] == '\0')
		handle_collection(a, q, &at, r);
	else
		handle_object(a, q, &at, r);
}
