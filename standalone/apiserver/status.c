// SPDX-License-Identifier: Apache-2.0
#include "standalone/apiserver/status.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static cJSON *failure(int code, const char *reason, const char *message)
{
	cJSON *s = cJSON_CreateObject();

	js_set_text(s, "kind", "Status");
	js_set_text(s, "apiVersion", "v1");
	js_set(s, "metadata", cJSON_CreateObject());
	js_set_text(s, "status", "Failure");
	js_set_text(s, "message", message);
	/* An error that Kubernetes has no reason for has no details either. */
	if (reason[0] != '\0')
		js_set_text(s, "reason", reason);
	if (code != 400 && code != 401 && code != 410 && reason[0] != '\0')
		js_set(s, "details", cJSON_CreateObject());
	js_set_int(s, "code", code);
	return s;
}

static cJSON *__attribute__((format(printf, 3, 0)))
vfailure(int code, const char *reason, const char *fmt, va_list args)
{
	struct buf b = { 0 };

	buf_vprintf(&b, fmt, args);
	char *message = buf_take(&b);
	cJSON *s = failure(code, reason, message);
	free(message);
	return s;
}

/* As a JSON string, which is how Go quotes it. */
static struct text *text_quoted(const char *text)
{
	cJSON *node = cJSON_CreateString(text);
	struct text *t = js_print(node);

	cJSON_Delete(node);
	return t;
}

/* details.kind is the resource for most failures and the kind for 422, as in Kubernetes. */
static cJSON *about(cJSON *status, const struct kind *kind, const char *what, const char *name)
{
	cJSON *details = js_object(status, "details");

	if (name != NULL)
		js_set_text(details, "name", name);
	if (kind->group[0] != '\0')
		js_set_text(details, "group", kind->group);
	js_set_text(details, "kind", what);
	return status;
}

cJSON *status_failure(int code, const char *reason, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	cJSON *s = vfailure(code, reason, fmt, args);
	va_end(args);
	return s;
}

int status_code(const cJSON *status)
{
	return (int)js_int(status, "code", 500);
}

cJSON *status_bad_request(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	cJSON *s = vfailure(400, "BadRequest", fmt, args);
	va_end(args);
	return s;
}

cJSON *status_internal(const char *fmt, ...)
{
	struct buf b = { 0 };
	va_list args;

	va_start(args, fmt);
	buf_vprintf(&b, fmt, args);
	va_end(args);
	char *why = buf_take(&b);
	cJSON *s = status_failure(500, "InternalError", "Internal error occurred: %s", why);
	cJSON *cause = cJSON_CreateObject(), *list = cJSON_CreateArray();
	js_set_text(cause, "message", why);
	cJSON_AddItemToArray(list, cause);
	js_set(js_object(s, "details"), "causes", list);
	free(why);
	return s;
}

cJSON *status_expired(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	cJSON *s = vfailure(410, "Expired", fmt, args);
	va_end(args);
	return s;
}

cJSON *status_too_new(uint64_t asked, uint64_t current)
{
	cJSON *s = status_failure(504, "Timeout",
				  "Timeout: Too large resource version: %" PRIu64
				  ", current: %" PRIu64,
				  asked, current);
	cJSON *cause = cJSON_CreateObject(), *list = cJSON_CreateArray();

	js_set_text(cause, "reason", "ResourceVersionTooLarge");
	js_set_text(cause, "message", "Too large resource version");
	cJSON_AddItemToArray(list, cause);
	js_set(js_object(s, "details"), "causes", list);
	js_set_int(js_object(s, "details"), "retryAfterSeconds", 1);
	return s;
}

cJSON *status_not_found(const struct kind *kind, const char *name)
{
	return about(status_failure(404, "NotFound", "%s \"%s\" not found", kind->resource, name),
		     kind, kind->plural, name);
}

cJSON *status_no_such_resource(void)
{
	return status_failure(404, "NotFound", "the server could not find the requested resource");
}

cJSON *status_already_exists(const struct kind *kind, const char *name, bool ending)
{
	return about(status_failure(409, "AlreadyExists", "%s%s \"%s\" already exists",
				    ending ? "object is being deleted: " : "", kind->resource,
				    name),
		     kind, kind->plural, name);
}

cJSON *status_conflict(const struct kind *kind, const char *name, const char *why)
{
	return about(status_failure(409, "Conflict",
				    "Operation cannot be fulfilled on %s \"%s\": %s",
				    kind->resource, name, why),
		     kind, kind->plural, name);
}

/* Preconditions of a delete are told by kind, not by resource. */
cJSON *status_precondition(const struct kind *kind, const char *name, const char *why)
{
	return about(status_failure(409, "Conflict",
				    "Operation cannot be fulfilled on %s%s%s \"%s\": %s",
				    kind->name, kind->group[0] == '\0' ? "" : ".", kind->group,
				    name, why),
		     kind, kind->name, name);
}

cJSON *status_modified(const struct kind *kind, const char *name)
{
	return status_conflict(kind, name,
			       "the object has been modified; please apply your changes to the "
			       "latest version and try again");
}

cJSON *status_forbidden(const struct kind *kind, const char *name, const char *fmt, ...)
{
	struct buf b = { 0 };
	va_list args;

	va_start(args, fmt);
	buf_vprintf(&b, fmt, args);
	va_end(args);
	char *why = buf_take(&b);
	cJSON *s = about(status_failure(403, "Forbidden", "%s \"%s\" is forbidden: %s",
					kind->resource, name, why),
			 kind, kind->plural, name);
	free(why);
	return s;
}

/* 422: "Kind.group "name" is invalid: causes"; without a name @details stay anonymous. */
static cJSON *invalid(const char *kind, const char *group, const char *name,
		      const struct rule_causes *causes)
{
	struct buf b = { 0 };
	cJSON *list = cJSON_CreateArray();
	size_t told = 0; /* in the message: each once */

	buf_printf(&b, "%s%s%s \"%s\" is invalid: ", kind, group[0] == '\0' ? "" : ".", group,
		   name);
	for (size_t i = 0; i < causes->count; i++)
		told += cause_is_repeated(causes, i) ? 0 : 1;
	if (told > 1)
		buf_puts(&b, "[");
	for (size_t i = 0; i < causes->count; i++) {
		const struct rule_cause *c = &causes->items[i];
		cJSON *cause = cJSON_CreateObject();

		if (!cause_is_repeated(causes, i))
			buf_printf(&b, "%s%s: %s", i > 0 ? ", " : "", c->field, c->message);
		js_set_text(cause, "reason", c->reason);
		js_set_text(cause, "message", c->message);
		js_set_text(cause, "field", c->field);
		cJSON_AddItemToArray(list, cause);
	}
	if (told > 1)
		buf_puts(&b, "]");

	char *message = buf_take(&b);
	cJSON *s = failure(422, "Invalid", message), *details = js_object(s, "details");
	free(message);
	if (name[0] != '\0')
		js_set_text(details, "name", name);
	if (group[0] != '\0')
		js_set_text(details, "group", group);
	if (kind[0] != '\0')
		js_set_text(details, "kind", kind);
	js_set(details, "causes", list);
	return s;
}

cJSON *status_invalid(const struct kind *kind, const char *name, const struct rule_causes *causes)
{
	return invalid(kind->name, kind->group, name, causes);
}

cJSON *status_invalid_resource(const struct kind *kind, const char *name,
			       const struct rule_causes *causes)
{
	return invalid(kind->plural, kind->group, name, causes);
}

cJSON *status_invalid_option(const char *options, const struct rule_causes *causes)
{
	return invalid(options, "meta.k8s.io", "", causes);
}

cJSON *status_invalid_patch(const char *object, const char *why)
{
	struct text *quoted = text_quoted(object);
	cJSON *s = status_failure(422, "Invalid", " \"\" is invalid: patch: Invalid value: %s: %s",
				  quoted->bytes, why);
	cJSON *cause = cJSON_CreateObject(), *list = cJSON_CreateArray();
	char *message = mem_printf("Invalid value: %s: %s", quoted->bytes, why);

	js_set_text(cause, "reason", "FieldValueInvalid");
	js_set_text(cause, "message", message);
	js_set_text(cause, "field", "patch");
	cJSON_AddItemToArray(list, cause);
	js_set(js_object(s, "details"), "causes", list);
	free(message);
	text_unref(quoted);
	return s;
}

cJSON *status_deleted(const struct kind *kind, const char *name, const char *uid)
{
	cJSON *s = cJSON_CreateObject();

	js_set_text(s, "kind", "Status");
	js_set_text(s, "apiVersion", "v1");
	js_set(s, "metadata", cJSON_CreateObject());
	js_set_text(s, "status", "Success");
	about(s, kind, kind->plural, name);
	if (uid != NULL)
		js_set_text(js_object(s, "details"), "uid", uid);
	return s;
}
