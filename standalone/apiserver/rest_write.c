// SPDX-License-Identifier: Apache-2.0
/* Verbs that write: reading the body, calling objects.c, answering. Deleting is rest_delete.c's. */
#include <stdlib.h>
#include <string.h>

#include "lib/model/doc.h"
#include "standalone/apiserver/objects_impl.h"
#include "standalone/apiserver/protobuf.h"
#include "standalone/apiserver/rest_impl.h"
#include "standalone/apiserver/status.h"

cJSON *rest_read_body(const struct request *q, const char *what, cJSON **wrong)
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

bool text_is_one_of(const char *text, const char *const *list)
{
	for (; *list != NULL; list++)
		if (strcmp(text, *list) == 0)
			return true;
	return false;
}

void rest_cause_dry_run(struct rule_causes *causes, const char *values)
{
	causes_add(causes, "FieldValueNotSupported", "dryRun",
		   "Unsupported value: []string{%s}: supported values: \"All\"", values);
}

enum { FIELD_MANAGER_MAX = 128 };

/* Query parameters that say how to write; @options is what Kubernetes calls the set of them. */
static cJSON *check_options(const struct request *q, const char *options)
{
	static const char *const dry_runs[] = { "All", NULL };
	static const char *const validations[] = { "Ignore", "Strict", "Warn", NULL };
	const char *dry_run = rest_param(q, "dryRun");
	const char *validation = rest_param(q, "fieldValidation");
	const char *manager = rest_param(q, "fieldManager");
	struct rule_causes causes = { 0 };

	if (strcmp(options, "PatchOptions") == 0 && q->param(q->arg, "force") != NULL)
		causes_add(&causes, "FieldValueForbidden", "force",
			   "Forbidden: may not be specified for non-apply patch");
	if (manager != NULL && strlen(manager) > FIELD_MANAGER_MAX)
		causes_add(&causes, "FieldValueTooLong", "fieldManager",
			   "Too long: may not be more than %d bytes", FIELD_MANAGER_MAX);
	if (dry_run != NULL && !text_is_one_of(dry_run, dry_runs)) {
		char *quoted = mem_printf("\"%.80s\"", dry_run);

		rest_cause_dry_run(&causes, quoted);
		free(quoted);
	}
	if (validation != NULL && !text_is_one_of(validation, validations))
		causes_add(&causes, "FieldValueNotSupported", "fieldValidation",
			   "Unsupported value: \"%.80s\": supported values: \"\", \"Ignore\", "
			   "\"Strict\", \"Warn\"",
			   validation);
	cJSON *wrong = causes.count == 0 ? NULL : status_invalid_option(options, &causes);
	causes_free(&causes);
	return wrong;
}

struct target rest_target(const struct request *q, const struct route *at, struct reply *r)
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
	struct target t = rest_target(q, at, r);
	cJSON *wrong = check_options(q, "CreateOptions"), *object = NULL;

	if (wrong == NULL)
		object = rest_read_body(q, unrecognized, &wrong);
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
	struct target t = rest_target(q, at, r);
	cJSON *wrong = check_options(q, "UpdateOptions"), *object = NULL;
	bool created = false;

	if (wrong == NULL)
		object = rest_read_body(q, unrecognized, &wrong);
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
	struct target t = rest_target(q, at, r);
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
		patch = rest_read_body(q, "error decoding patch", &wrong);
	if (wrong == NULL)
		wrong = objects_patch(a, &t, type, patch, &object);
	cJSON_Delete(patch);
	if (wrong != NULL)
		reply_status(r, wrong);
	else
		reply_written(q, at, r, 200, object);
	cJSON_Delete(object);
}
