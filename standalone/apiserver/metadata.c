// SPDX-License-Identifier: Apache-2.0
/* Metadata rules: what names, labels, annotations and finalizers may be, in Kubernetes' words. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "lib/model/name_rules.h"
#include "standalone/apiserver/admit_impl.h"

enum { ANNOTATIONS_MAX = 256 * 1024 };

static void check_name(const struct kind *kind, const char *field, const char *name,
		       struct rule_causes *causes)
{
	if (kind->id == KIND_SERVICE)
		name_check_label_1035(causes, field, name);
	else if (kind->id == KIND_NAMESPACE)
		name_check_label(causes, field, name);
	else
		name_check_subdomain(causes, field, name);
}

/* The keys of annotations may have upper case where those of labels may not: in the prefix. */
static void check_key(const char *key, bool label, const char *field, struct rule_causes *causes)
{
	char *lower = mem_text(key);
	struct rule_causes ignored = { 0 };

	for (char *c = lower; *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
	if (label || !name_check_qualified(&ignored, field, lower))
		name_check_qualified(causes, field, key);
	causes_free(&ignored);
	free(lower);
}

static void check_map(const cJSON *map, const char *field, bool labels, struct rule_causes *causes)
{
	const cJSON *m;
	size_t size = 0;

	cJSON_ArrayForEach (m, map) {
		check_key(m->string, labels, field, causes);
		size += strlen(m->string) + strlen(m->valuestring);
		if (labels)
			name_check_label_value(causes, field, m->valuestring);
	}
	if (!labels && size > ANNOTATIONS_MAX)
		cause_too_long(causes, field, ANNOTATIONS_MAX);
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
		name_check_qualified(causes, "metadata.finalizers", f->valuestring);
		if (ending && !list_has(js_at(old, "metadata.finalizers"), f->valuestring))
			causes_add(
				causes, "FieldValueForbidden", "metadata.finalizers",
				"Forbidden: no new finalizers can be added if the object is being "
				"deleted, found new finalizers []string{\"%.80s\"}",
				f->valuestring);
	}
}

/* Of the built-in kinds: Kubernetes' own, or with a prefix that tells whose it is. @path: of all.
 */
static void check_known_finalizers(const cJSON *object, const char *path,
				   struct rule_causes *causes)
{
	static const char *const known[] = { "kubernetes", "orphan", "foregroundDeletion" };
	const cJSON *f;
	int i = 0;

	cJSON_ArrayForEach (f, js_at(object, path)) {
		bool good = strchr(f->valuestring, '/') != NULL;

		for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++)
			good = good || strcmp(f->valuestring, known[k]) == 0;
		if (!good)
			cause_invalid_text(causes, FIELD("%s[%d]", path, i), f->valuestring,
					   "name is neither a standard finalizer name nor is it "
					   "fully qualified");
		i++;
	}
}

/* What keeps the content of a namespace. */
static void check_namespace_finalizers(const cJSON *object, struct rule_causes *causes)
{
	const cJSON *f;
	int i = 0;

	cJSON_ArrayForEach (f, js_at(object, "spec.finalizers"))
		name_check_qualified(causes, FIELD("spec.finalizers[%d]", i++), f->valuestring);
	check_known_finalizers(object, "spec.finalizers", causes);
}

static void check_owners(const cJSON *object, struct rule_causes *causes)
{
	static const char *const needed[] = { "apiVersion", "kind", "name", "uid" };
	const cJSON *ref;

	cJSON_ArrayForEach (ref, js_at(object, "metadata.ownerReferences"))
		for (size_t n = 0; n < sizeof(needed) / sizeof(needed[0]); n++)
			if (text_at(ref, needed[n])[0] == '\0')
				cause_invalid_text(causes,
						   FIELD("metadata.ownerReferences.%s", needed[n]),
						   "",
						   FIELD("%s must not be empty",
							 n == 0 ? "version" : needed[n]));
}

/* A prefix may end in a dash: as Kubernetes does it, a letter stands for the last two of them. */
static void check_prefix(const struct kind *kind, const char *prefix, struct rule_causes *causes)
{
	struct rule_causes faults = { 0 };
	size_t len = strlen(prefix);
	char *name = mem_text(prefix);

	if (len > 1 && name[len - 1] == '-') {
		name[len - 2] = 'a';
		name[len - 1] = '\0';
	}
	check_name(kind, "metadata.generateName", name, &faults);
	if (faults.count > 0)
		check_name(kind, "metadata.generateName", prefix, causes);
	causes_free(&faults);
	free(name);
}

void admit_metadata(const struct kind *kind, const cJSON *object, const cJSON *old,
		    struct rule_causes *causes)
{
	const char *name = text_at(object, "metadata.name");
	const char *prefix = text_at(object, "metadata.generateName");

	if (old == NULL && prefix[0] != '\0')
		check_prefix(kind, prefix, causes);
	if (old == NULL)
		check_name(kind, "metadata.name", name, causes);
	check_map(js_at(object, "metadata.labels"), "metadata.labels", true, causes);
	check_map(js_at(object, "metadata.annotations"), "metadata.annotations", false, causes);
	check_owners(object, causes);
	check_finalizers(object, old, causes);
	if (kind->id != KIND_CUSTOM && kind->id != KIND_CRD)
		check_known_finalizers(object, "metadata.finalizers", causes);
	if (kind->id == KIND_NAMESPACE)
		check_namespace_finalizers(object, causes);
}
