// SPDX-License-Identifier: Apache-2.0
/* Metadata rules: what names, labels, annotations and finalizers may be, in Kubernetes' words. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "lib/model/name_rules.h"
#include "standalone/apiserver/admit.h"
#include "standalone/apiserver/status.h"

enum { ANNOTATIONS_MAX = 256 * 1024 };

static const char subdomain_rule[] =
	"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
	"'.', and must start and end with an alphanumeric character (e.g. 'example.com')";
static const char label_rule[] =
	"a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and "
	"must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc')";
static const char service_rule[] =
	"a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an "
	"alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or "
	"'abc-123')";

static const char *name_fault(const struct kind *kind, const char *name)
{
	size_t len = strlen(name);

	if (kind->id == KIND_SERVICE)
		return name_is_label(name, len, NAME_LABEL_MAX) && islower((unsigned char)name[0])
			       ? NULL
			       : service_rule;
	if (kind->id == KIND_NAMESPACE)
		return name_is_label(name, len, NAME_LABEL_MAX) ? NULL : label_rule;
	return name_is_subdomain(name, len, NAME_SUBDOMAIN_MAX) ? NULL : subdomain_rule;
}

static void check_map(const cJSON *map, const char *field, bool labels, struct rule_causes *causes)
{
	const cJSON *m;
	size_t size = 0;

	if (map == NULL || cJSON_IsNull(map))
		return;
	if (!cJSON_IsObject(map)) {
		causes_add(causes, "FieldValueInvalid", field, "Invalid value: must be a map");
		return;
	}
	cJSON_ArrayForEach (m, map) {
		if (!name_is_qualified(m->string, NAME_SUBDOMAIN_MAX))
			causes_add(
				causes, "FieldValueInvalid", field,
				"Invalid value: \"%.80s\": name part must consist of alphanumeric "
				"characters, '-', '_' or '.', and must start and end with an "
				"alphanumeric character (e.g. 'MyName',  or 'my.name',  or "
				"'123-abc')",
				m->string);
		if (!cJSON_IsString(m)) {
			causes_add(causes, "FieldValueInvalid", field,
				   "Invalid value: the value of \"%.80s\" must be a string",
				   m->string);
			continue;
		}
		size += strlen(m->string) + strlen(m->valuestring);
		if (labels && m->valuestring[0] != '\0' && !name_is_word(m->valuestring))
			causes_add(
				causes, "FieldValueInvalid", field,
				"Invalid value: \"%.80s\": a valid label must be an empty string "
				"or consist of alphanumeric characters, '-', '_' or '.', and must "
				"start and end with an alphanumeric character",
				m->valuestring);
	}
	if (!labels && size > ANNOTATIONS_MAX)
		causes_add(causes, "FieldValueTooLong", field,
			   "Too long: may not be more than %d bytes", ANNOTATIONS_MAX);
}

static bool list_has(const cJSON *list, const char *text)
{
	const cJSON *item;

	cJSON_ArrayForEach (item, list)
		if (cJSON_IsString(item) && strcmp(item->valuestring, text) == 0)
			return true;
	return false;
}

/* Well formed, and none new on an object that is being deleted. */
static void check_finalizers(const cJSON *object, const cJSON *old, struct rule_causes *causes)
{
	const cJSON *list = js_at(object, "metadata.finalizers"), *f;
	bool ending = js_text(old, "metadata.deletionTimestamp") != NULL;

	cJSON_ArrayForEach (f, list) {
		if (!cJSON_IsString(f) || !name_is_qualified(f->valuestring, NAME_SUBDOMAIN_MAX))
			causes_add(causes, "FieldValueInvalid", "metadata.finalizers",
				   "Invalid value: \"%.80s\": must be a qualified name",
				   cJSON_IsString(f) ? f->valuestring : "");
		else if (ending && !list_has(js_at(old, "metadata.finalizers"), f->valuestring))
			causes_add(
				causes, "FieldValueForbidden", "metadata.finalizers",
				"Forbidden: no new finalizers can be added if the object is being "
				"deleted, found new finalizers []string{\"%.80s\"}",
				f->valuestring);
	}
}

static void check_owners(const cJSON *object, struct rule_causes *causes)
{
	static const char *const needed[] = { "apiVersion", "kind", "name", "uid" };
	const cJSON *ref;
	int i = 0;

	cJSON_ArrayForEach (ref, js_at(object, "metadata.ownerReferences")) {
		for (size_t n = 0; n < sizeof(needed) / sizeof(needed[0]); n++) {
			const char *text = js_text(ref, needed[n]);
			char field[64];

			if (text != NULL && text[0] != '\0')
				continue;
			snprintf(field, sizeof(field), "metadata.ownerReferences[%d].%s", i,
				 needed[n]);
			causes_add(causes, "FieldValueInvalid", field,
				   "Invalid value: \"\": %s must not be empty", needed[n]);
		}
		i++;
	}
}

cJSON *admit_metadata(const struct kind *kind, const cJSON *object, const cJSON *old)
{
	struct rule_causes causes = { 0 };
	const char *name = js_text(object, "metadata.name");
	cJSON *s = NULL;

	if (name == NULL) {
		causes_add(&causes, "FieldValueRequired", "metadata.name", "Required value");
		name = "";
	} else if (old == NULL) {
		const char *fault = name_fault(kind, name);
		if (fault != NULL)
			causes_add(&causes, "FieldValueInvalid", "metadata.name",
				   "Invalid value: \"%.80s\": %s", name, fault);
	}
	check_map(js_at(object, "metadata.labels"), "metadata.labels", true, &causes);
	check_map(js_at(object, "metadata.annotations"), "metadata.annotations", false, &causes);
	check_finalizers(object, old, &causes);
	check_owners(object, &causes);
	if (causes.count > 0)
		s = status_invalid(kind, name, &causes);
	array_free(&causes);
	return s;
}
