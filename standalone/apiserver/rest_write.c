// SPDX-License-Identifier: Apache-2.0
/* Verbs that write: reading the body, calling objects.c, answering. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/intern.h"
#include "lib/model/doc.h"
#include "standalone/apiserver/objects.h"
#include "standalone/apiserver/protobuf.h"
#include "standalone/apiserver/rest_impl.h"
#include "standalone/apiserver/status.h"

/* The body as a tree: JSON, or YAML where it says so. NULL and *wrong otherwise. */
static cJSON *read_body(const struct request *q, cJSON **wrong)
{
	const char *type = q->content_type == NULL ? JSON_TYPE : q->content_type;
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
		.dry_run = rest_param(q, "dryRun") != NULL,
	};
}

void rest_create(struct api *a, const struct request *q, const struct route *at, struct reply *r)
{
	struct target t = target_of(q, at);
	cJSON *wrong = NULL, *object = read_body(q, &wrong);

	if (wrong == NULL)
		wrong = objects_create(a, &t, object);
	if (wrong != NULL)
		reply_status(r, wrong);
	else
		rest_reply_object(q, at, r, 201, object);
	cJSON_Delete(object);
}

void rest_update(struct api *a, const struct request *q, const struct route *at, struct reply *r)
{
	struct target t = target_of(q, at);
	cJSON *wrong = NULL, *object = read_body(q, &wrong);

	if (wrong == NULL)
		wrong = objects_update(a, &t, object);
	if (wrong != NULL)
		reply_status(r, wrong);
	else
		rest_reply_object(q, at, r, 200, object);
	cJSON_Delete(object);
}

void rest_patch(struct api *a, const struct request *q, const struct route *at, struct reply *r)
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
		rest_reply_object(q, at, r, 200, object);
	cJSON_Delete(object);
}

/* DeleteOptions from the body, the policy from the query when it stands there. */
static cJSON *delete_options(const struct request *q, cJSON **wrong)
{
	const char *policy = rest_param(q, "propagationPolicy");
	cJSON *options = q->body_len == 0 ? cJSON_CreateObject() : read_body(q, wrong);

	if (options != NULL && policy != NULL)
		js_set_text(options, "propagationPolicy", policy);
	return options;
}

void rest_delete(struct api *a, const struct request *q, const struct route *at, struct reply *r)
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
void rest_delete_collection(struct api *a, const struct request *q, const struct route *at,
			    struct reply *r)
{
	struct target t = target_of(q, at);
	struct query query = { 0 };
	struct keys found = { 0 };
	cJSON *wrong = NULL, *options = delete_options(q, &wrong);
	const char *ns = at->ns[0] == '\0' ? NULL : at->ns;

	if (wrong == NULL)
		wrong = query_parse(at->kind, rest_param(q, "labelSelector"),
				    rest_param(q, "fieldSelector"), &query);
	for (const struct object *o = store_first(a->store, at->kind, ns, NULL, NULL);
	     wrong == NULL && o != NULL; o = store_next(o, ns)) {
		if (!query_matches(&query, o->ns, o->name, o->text))
			continue;
		struct key *k = array_push(&found);
		if (k == NULL)
			abort();
		*k = (struct key){ o->kind, intern_ref(o->ns), intern_ref(o->name) };
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
