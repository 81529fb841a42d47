// SPDX-License-Identifier: Apache-2.0
/* Verbs that write: reading the body, calling objects.c, answering. */
#include <stdlib.h>
#include <string.h>

#include "lib/model/doc.h"
#include "standalone/apiserver/listing.h"
#include "standalone/apiserver/objects_impl.h"
#include "standalone/apiserver/protobuf.h"
#include "standalone/apiserver/rest_impl.h"
#include "standalone/apiserver/status.h"

/* The body as a tree: JSON, or YAML or protobuf where it says so. NULL and *wrong otherwise. */
static cJSON *read_body(const struct request *q, const char *what, cJSON **wrong)
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
					"application/yaml, " PROTOBUF_TYPE);
		return NULL;
	}
	json = js_parse(q->body, q->body_len);
	if (json == NULL)
		*wrong = status_bad_request("%s: %s", what,
					    q->body_len == 0 ? "unexpected end of JSON input"
							     : "the body is not valid JSON");
	return json;
}

static void warn(void *arg, const char *text)
{
	reply_warn(arg, text);
}

/* The object as it is now, with what Kubernetes says of one that it takes all the same. */
static void reply_written(const struct request *q, const struct route *at, struct reply *r,
			  int code, const cJSON *object)
{
	if (at->kind->id == KIND_SERVICE && at->sub[0] == '\0')
		service_rules_warn(object, warn, r);
	rest_reply_object(q, at, r, code, object);
}

static const char unrecognized[] =
	"the object provided is unrecognized: couldn't get version/kind; json parse error";

static bool is_one_of(const char *text, const char *const *list)
{
	for (; *list != NULL; list++)
		if (strcmp(text, *list) == 0)
			return true;
	return false;
}

/* Query parameters that say how to write; @options is what Kubernetes calls the set of them. */
static cJSON *check_options(const struct request *q, const char *options)
{
	static const char *const dry_runs[] = { "All", NULL };
	static const char *const validations[] = { "Ignore", "Strict", "Warn", NULL };
	const char *dry_run = rest_param(q, "dryRun");
	const char *validation = rest_param(q, "fieldValidation");
	struct rule_causes causes = { 0 };

	if (dry_run != NULL && !is_one_of(dry_run, dry_runs))
		causes_add(&causes, "FieldValueNotSupported", "dryRun",
			   "Unsupported value: []string{\"%.80s\"}: supported values: \"All\"",
			   dry_run);
	if (validation != NULL && !is_one_of(validation, validations))
		causes_add(&causes, "FieldValueNotSupported", "fieldValidation",
			   "Unsupported value: \"%.80s\": supported values: \"\", \"Ignore\", "
			   "\"Strict\", \"Warn\"",
			   validation);
	cJSON *wrong = causes.count == 0 ? NULL : status_invalid_option(options, &causes);
	causes_free(&causes);
	return wrong;
}

static struct target target_of(const struct request *q, const struct route *at, struct reply *r)
{
	const char *fields = rest_param(q, "fieldValidation");

	return (struct target){
		.strict = fields != NULL && strcmp(fields, "Strict") == 0,
		.notes = fields != NULL && strcmp(fields, "Ignore") == 0 ? NULL : &r->warnings,
		.kind = at->kind,
		.version = at->version,
		.ns = at->ns,
		.name = at->name[0] == '\0' ? NULL : at->name,
		.status = strcmp(at->sub, "status") == 0,
		.finalize = strcmp(at->sub, "finalize") == 0,
		.dry_run = rest_param(q, "dryRun") != NULL,
	};
}

void rest_create(struct api *a, const struct request *q, const struct route *at, struct reply *r)
{
	struct target t = target_of(q, at, r);
	cJSON *wrong = check_options(q, "CreateOptions"), *object = NULL;

	if (wrong == NULL)
		object = read_body(q, unrecognized, &wrong);
	if (wrong == NULL)
		wrong = objects_create(a, &t, object);
	if (wrong != NULL)
		reply_status(r, wrong);
	else
		reply_written(q, at, r, 201, object);
	cJSON_Delete(object);
}

void rest_update(struct api *a, const struct request *q, const struct route *at, struct reply *r)
{
	struct target t = target_of(q, at, r);
	cJSON *wrong = check_options(q, "UpdateOptions"), *object = NULL;
	bool created = false;

	if (wrong == NULL)
		object = read_body(q, unrecognized, &wrong);
	if (wrong == NULL)
		wrong = objects_update(a, &t, object, &created);
	if (wrong != NULL)
		reply_status(r, wrong);
	else
		reply_written(q, at, r, created ? 201 : 200, object);
	cJSON_Delete(object);
}

void rest_patch(struct api *a, const struct request *q, const struct route *at, struct reply *r)
{
	struct target t = target_of(q, at, r);
	enum patch_type type;
	cJSON *wrong = check_options(q, "PatchOptions"), *patch = NULL, *object = NULL;

	if (wrong == NULL && patch_type_parse(q->content_type, &type) != 0)
		wrong = status_failure(415, "UnsupportedMediaType",
				       "the body of the request was in an unknown format - "
				       "accepted media types include: %s",
				       at->kind->id == KIND_CUSTOM
					       ? "application/json-patch+json, "
						 "application/merge-patch+json"
					       : "application/json-patch+json, "
						 "application/merge-patch+json, "
						 "application/strategic-merge-patch+json");
	if (wrong == NULL)
		patch = read_body(q, "error decoding patch", &wrong);
	if (wrong == NULL)
		wrong = objects_patch(a, &t, type, patch, &object);
	cJSON_Delete(patch);
	if (wrong != NULL)
		reply_status(r, wrong);
	else
		reply_written(q, at, r, 200, object);
	cJSON_Delete(object);
}

/* DeleteOptions: the body's, and what the query says of them. */
static cJSON *delete_options(const struct request *q, cJSON **wrong)
{
	static const char *const policies[] = { "Foreground", "Background", "Orphan", NULL };
	static const char *const names[] = { "propagationPolicy", "dryRun", "gracePeriodSeconds" };
	cJSON *options =
		q->body_len == 0 ? cJSON_CreateObject() : read_body(q, unrecognized, wrong);
	struct rule_causes causes = { 0 };

	if (options == NULL)
		return NULL;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (rest_param(q, names[i]) != NULL)
			js_set_text(options, names[i], rest_param(q, names[i]));
	const char *policy = js_text(options, "propagationPolicy");
	const cJSON *dry_run = js_at(options, "dryRun");
	if (cJSON_IsArray(dry_run))
		dry_run = dry_run->child;
	if (cJSON_IsString(dry_run) && strcmp(dry_run->valuestring, "All") != 0)
		causes_add(&causes, "FieldValueNotSupported", "dryRun",
			   "Unsupported value: []string{\"%.80s\"}: supported values: \"All\"",
			   dry_run->valuestring);
	if (policy != NULL && !is_one_of(policy, policies))
		causes_add(&causes, "FieldValueNotSupported", "propagationPolicy",
			   "Unsupported value: \"%.80s\": supported values: \"Foreground\", "
			   "\"Background\", \"Orphan\", \"nil\"",
			   policy);
	if (causes.count > 0)
		*wrong = status_invalid_option("DeleteOptions", &causes);
	causes_free(&causes);
	return options;
}

static bool is_dry_run(const cJSON *options)
{
	const cJSON *dry_run = js_at(options, "dryRun");

	return cJSON_IsString(dry_run) || cJSON_GetArraySize(dry_run) > 0;
}

void rest_delete(struct api *a, const struct request *q, const struct route *at, struct reply *r)
{
	struct target t = target_of(q, at, r);
	cJSON *wrong = NULL, *object = NULL, *options = delete_options(q, &wrong);

	t.dry_run = is_dry_run(options);
	if (wrong == NULL)
		wrong = objects_delete(a, &t, options, &object);
	cJSON_Delete(options);
	if (wrong != NULL)
		reply_status(r, wrong);
	else
		reply_json(r, 200, object);
	cJSON_Delete(object);
}

/* Every object that matches; the first one that cannot be deleted ends it. Answers with them. */
void rest_delete_collection(struct api *a, const struct request *q, const struct route *at,
			    struct reply *r)
{
	const struct view view = rest_view(q);
	struct target t = target_of(q, at, r);
	struct listing *gone = listing_new(at->kind, at->version, &view);
	struct query query = { 0 };
	struct keys found = { 0 };
	cJSON *wrong = NULL, *options = delete_options(q, &wrong);
	const char *ns = at->ns[0] == '\0' ? NULL : at->ns;

	t.dry_run = is_dry_run(options);
	if (wrong == NULL)
		wrong = query_parse(at->kind, rest_param(q, "labelSelector"),
				    rest_param(q, "fieldSelector"), &query);
	for (const struct object *o = store_first(a->store, at->kind, ns, NULL, NULL);
	     wrong == NULL && o != NULL; o = store_next(o, ns)) {
		if (!query_matches(&query, o->ns, o->name, o->text))
			continue;
		keys_add(&found, o);
		listing_add(gone, o->text);
	}
	for (size_t i = 0; i < found.count && wrong == NULL; i++) {
		cJSON *answer = NULL;

		t.ns = found.items[i].ns;
		t.name = found.items[i].name;
		wrong = objects_delete(a, &t, options, &answer);
		/* Taken along by another one's cascade. */
		if (wrong != NULL && status_code(wrong) == 404)
			wrong = (cJSON_Delete(wrong), NULL);
		cJSON_Delete(answer);
	}
	keys_done(&found);
	query_done(&query);
	cJSON_Delete(options);
	if (wrong != NULL) {
		listing_free(gone);
		reply_status(r, wrong);
	} else {
		rest_reply_list(r, gone, store_rv(a->store), NULL, 0);
	}
}
