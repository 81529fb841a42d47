// SPDX-License-Identifier: Apache-2.0
#include "standalone/apiserver/admit_impl.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/model/json.h"
#include "standalone/apiserver/status.h"
#include "standalone/apiserver/types.h"

/* NULL, or a 422 of @causes, which are freed. */
static cJSON *refuse(const struct kind *kind, const cJSON *object, struct rule_causes *causes)
{
	cJSON *s = causes->count == 0
			   ? NULL
			   : status_invalid(kind, js_text(object, "metadata.name"), causes);

	causes_free(causes);
	return s;
}

/* --- Namespace, Pod -------------------------------------------------------------------- */

static void default_namespace(cJSON *object, const cJSON *old)
{
	cJSON *spec = js_object(object, "spec"), *list;

	js_set_text(js_object(js_object(object, "metadata"), "labels"),
		    "kubernetes.io/metadata.name", js_text(object, "metadata.name"));
	if (old == NULL && js_at(spec, "finalizers") == NULL) {
		list = cJSON_CreateArray();
		cJSON_AddItemToArray(list, cJSON_CreateString("kubernetes"));
		js_set(spec, "finalizers", list);
	}
	if (js_text(object, "status.phase") == NULL)
		js_set_text(js_object(object, "status"), "phase", "Active");
}

/* --- CustomResourceDefinition ---------------------------------------------------------- */

static void need_text(const cJSON *object, const char *path, struct rule_causes *causes)
{
	const char *text = js_text(object, path);

	if (text == NULL || text[0] == '\0')
		causes_add(causes, "FieldValueRequired", path, "Required value");
}

static void check_versions(const cJSON *versions, struct rule_causes *causes)
{
	const cJSON *v;
	int stored = 0, i = 0;

	cJSON_ArrayForEach (v, versions) {
		char field[48];

		snprintf(field, sizeof(field), "spec.versions[%d].name", i++);
		if (js_text(v, "name") == NULL)
			causes_add(causes, "FieldValueRequired", field, "Required value");
		stored += js_true(v, "storage") ? 1 : 0;
	}
	if (i == 0 || i > KIND_VERSIONS_MAX)
		causes_add(causes, "FieldValueInvalid", "spec.versions",
			   "Invalid value: must have 1 to %d versions", KIND_VERSIONS_MAX);
	else if (stored != 1)
		causes_add(
			causes, "FieldValueInvalid", "spec.versions",
			"Invalid value: must have exactly one version marked as storage version");
}

static void add_condition(cJSON *list, const char *type, const char *reason, const char *message,
			  const char *since)
{
	cJSON *c = cJSON_CreateObject();

	js_set_text(c, "type", type);
	js_set_text(c, "status", "True");
	js_set_text(c, "reason", reason);
	js_set_text(c, "message", message);
	js_set_text(c, "lastTransitionTime", since);
	cJSON_AddItemToArray(list, c);
}

static void set_crd_status(cJSON *object)
{
	const char *since = js_text(object, "metadata.creationTimestamp");
	cJSON *status = cJSON_CreateObject(), *list = cJSON_CreateArray(), *stored;
	const cJSON *v;

	add_condition(list, "NamesAccepted", "NoConflicts", "no conflicts found", since);
	add_condition(list, "Established", "InitialNamesAccepted",
		      "the initial names have been accepted", since);
	js_set(status, "conditions", list);
	js_set(status, "acceptedNames", cJSON_Duplicate(js_at(object, "spec.names"), 1));
	stored = cJSON_CreateArray();
	cJSON_ArrayForEach (v, js_at(object, "spec.versions"))
		if (js_true(v, "storage"))
			cJSON_AddItemToArray(stored, cJSON_CreateString(js_text(v, "name")));
	js_set(status, "storedVersions", stored);
	js_set(object, "status", status);
}

static void default_names(cJSON *names)
{
	const char *kind = js_text(names, "kind");

	if (js_text(names, "singular") == NULL) {
		char *lower = mem_text(kind);
		for (char *c = lower; *c != '\0'; c++)
			*c = (char)tolower((unsigned char)*c);
		js_set_text(names, "singular", lower);
		free(lower);
	}
	if (js_text(names, "listKind") == NULL) {
		char *list = mem_printf("%sList", kind);
		js_set_text(names, "listKind", list);
		free(list);
	}
}

/* The group, scope and plural of a definition never change: stored objects hang on them. */
static void check_same(const cJSON *object, const cJSON *old, const char *path,
		       struct rule_causes *causes)
{
	if (old != NULL && !json_equal(js_at(object, path), js_at(old, path)))
		causes_add(causes, "FieldValueInvalid", path, "Invalid value: field is immutable");
}

static void admit_crd(const struct api *a, cJSON *object, const cJSON *old,
		      struct rule_causes *causes)
{
	const char *name = js_text(object, "metadata.name"), *scope = js_text(object, "spec.scope");

	need_text(object, "spec.group", causes);
	need_text(object, "spec.names.plural", causes);
	need_text(object, "spec.names.kind", causes);
	if (scope == NULL || (strcmp(scope, "Namespaced") != 0 && strcmp(scope, "Cluster") != 0))
		causes_add(
			causes, "FieldValueNotSupported", "spec.scope",
			"Unsupported value: \"%s\": supported values: \"Cluster\", \"Namespaced\"",
			scope == NULL ? "" : scope);
	check_versions(js_at(object, "spec.versions"), causes);
	check_same(object, old, "spec.group", causes);
	check_same(object, old, "spec.names.plural", causes);
	check_same(object, old, "spec.scope", causes);
	if (causes->count == 0) {
		char *want = mem_printf("%s.%s", js_text(object, "spec.names.plural"),
					js_text(object, "spec.group"));
		const struct kind *there = kinds_by_resource(&a->kinds, want);

		if (strcmp(want, name) != 0)
			causes_add(
				causes, "FieldValueInvalid", "metadata.name",
				"Invalid value: \"%s\": must be spec.names.plural+\".\"+spec.group",
				name);
		else if (there != NULL && there->id != KIND_CUSTOM)
			causes_add(causes, "FieldValueForbidden", "metadata.name",
				   "Forbidden: %s is built in", want);
		free(want);
	}
	if (js_at(object, "spec.conversion") == NULL)
		js_set_text(js_object(js_at(object, "spec"), "conversion"), "strategy", "None");
	if (causes->count == 0) {
		default_names(js_at(object, "spec.names"));
		set_crd_status(object);
	}
}

/* --- all kinds ------------------------------------------------------------------------- */

/* Kinds whose rules need no more than the object. */
static const struct {
	enum kind_id id;
	void (*admit)(cJSON *object, const cJSON *old, struct rule_causes *causes);
} kind_rules[] = {
	{ KIND_CONFIG_MAP, admit_config_map },
	{ KIND_SECRET, admit_secret },
	{ KIND_NODE, admit_node },
	{ KIND_POD, admit_pod },
	{ KIND_EVENT, admit_event },
	{ KIND_ENDPOINT_SLICE, admit_endpoint_slice },
	{ KIND_LEASE, admit_lease },
	{ KIND_INGRESS, admit_ingress },
	{ KIND_INGRESS_CLASS, admit_ingress_class },
};

static void drop_status(cJSON *object, const struct kind *kind)
{
	struct notes notes = { 0 };

	js_drop(object, "status");
	/* It has a form even when it is empty. */
	free(types_apply(kind->type, object, &notes));
	notes_done(&notes);
}

void admit_decoded(const struct kind *kind, cJSON *object)
{
	if (kind->id == KIND_SERVICE)
		service_rules_decoded(object);
}

cJSON *admit(struct api *a, const struct kind *kind, cJSON *object, const cJSON *old, bool status)
{
	/* Status is the subresource's, where there is one, but for what has no controller. */
	bool drops_status = old == NULL && kind->versions[kind->storage].status &&
			    kind->id != KIND_NODE && kind->id != KIND_POD;
	struct rule_causes causes = { 0 };

	admit_metadata(kind, object, old, &causes);
	if (kind->id == KIND_SERVICE) {
		cJSON *wrong = admit_service(a, kind, object, old, status, &causes);

		causes_free(&causes);
		return wrong;
	}
	if (drops_status)
		drop_status(object, kind);
	if (kind->id == KIND_NAMESPACE)
		default_namespace(object, old);
	else if (kind->id == KIND_CRD && !status)
		admit_crd(a, object, old, &causes);
	for (size_t i = 0; i < sizeof(kind_rules) / sizeof(kind_rules[0]); i++)
		if (kind_rules[i].id == kind->id)
			kind_rules[i].admit(object, old, &causes);
	return refuse(kind, object, &causes);
}

void admit_undo(struct api *a, const struct kind *kind, const cJSON *object, const cJSON *old)
{
	if (kind->id != KIND_SERVICE)
		return;
	service_rules_release(a->books, object);
	if (old != NULL)
		service_rules_adopt(a->books, old);
}

void admit_gone(struct api *a, const struct kind *kind, const cJSON *object)
{
	if (kind->id == KIND_SERVICE)
		service_rules_release(a->books, object);
	if (kind->id == KIND_CRD)
		kinds_undefine(&a->kinds, js_text(object, "metadata.name"));
}
