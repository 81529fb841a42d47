// SPDX-License-Identifier: Apache-2.0
/*
 * Rules of CustomResourceDefinitions: what their spec may say (validation.go of apiextensions).
 *
 * Of a schema only the root is checked, as it is kept and explained, not enforced; of a conversion
 * webhook, which is never called, not its address; of selectable fields not whether there are such.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/model/json.h"
#include "lib/model/name_rules.h"
#include "standalone/apiserver/admit_impl.h"

/* --- small things ---------------------------------------------------------------------- */

/* One of @words, ended by NULL, in the words that this group of Kubernetes has for it. */
static void check_word(const char *field, const char *value, const char *const *words,
		       bool required, struct rule_causes *causes)
{
	struct buf why = { 0 };

	for (const char *const *w = words; *w != NULL; w++) {
		if (strcmp(*w, value) == 0) {
			buf_done(&why);
			return;
		}
		buf_printf(&why, "%s%s", w == words ? "must be one of " : ",", *w);
	}
	char *text = buf_take(&why);
	if (value[0] != '\0')
		cause_invalid_text(causes, field, value, text);
	else if (required)
		cause_required_why(causes, field, text);
	free(text);
}

static void check_labels(const char *field, const cJSON *list, struct rule_causes *causes)
{
	const cJSON *s;
	int i = 0;

	cJSON_ArrayForEach (s, list)
		name_check_label_1035(causes, FIELD("%s[%d]", field, i++), s->valuestring);
}

static void check_same(const cJSON *object, const cJSON *old, const char *path,
		       struct rule_causes *causes)
{
	if (!same_field(object, old, path))
		cause_invalid_text(causes, path, text_at(object, path), "field is immutable");
}

/* --- one version ----------------------------------------------------------------------- */

/*
 * Where a field of a version is told: what is the same in all of them (and so all that a single one
 * has) as if it stood in the spec, with the first.
 */
struct place {
	char path[32]; /* "spec" or "spec.versions[3]"; "": it was told */
	bool shared;
};

static struct place place_of(const cJSON *versions, int index, const char *field)
{
	struct place at = { .shared = true };
	const cJSON *v;

	cJSON_ArrayForEach (v, versions)
		if (!same_field(v, versions->child, field))
			at.shared = false;
	if (!at.shared)
		snprintf(at.path, sizeof(at.path), "spec.versions[%d]", index);
	else if (index == 0)
		strcpy(at.path, "spec");
	return at;
}

static void check_schema(const struct place *at, const cJSON *version, struct rule_causes *causes)
{
	const char *type = text_at(version, "schema.openAPIV3Schema.type");
	const struct field_name field = field_name("%s.%s.openAPIV3Schema.type", at->path,
						   at->shared ? "validation" : "schema");

	if (type[0] == '\0')
		cause_required_why(causes, field.text, "must not be empty at the root");
	else if (strcmp(type, "object") != 0)
		cause_invalid_text(causes, field.text, type, "must be object at the root");
}

/* A path has to begin with a dot, and with one of @roots; of what follows nothing is asked. */
static void check_path(const char *field, const char *path, const char *const *roots,
		       const char *why, struct rule_causes *causes)
{
	if (path[0] == '\0') {
		cause_required(causes, field);
		return;
	}
	if (path[0] != '.') {
		cause_invalid_text(causes, field, path,
				   "must be a simple json path starting with .");
		return;
	}
	for (; *roots != NULL; roots++)
		if (strncmp(path, *roots, strlen(*roots)) == 0)
			return;
	cause_invalid_text(causes, field, path, why);
}

static void check_columns(const struct place *at, const cJSON *columns, struct rule_causes *causes)
{
	static const char *const types[] = {
		"boolean", "date", "integer", "number", "string", NULL
	};
	static const char *const formats[] = { "byte",  "date",  "date-time", "double", "float",
					       "int32", "int64", "password",  NULL };
	static const char *const any[] = { ".", NULL };
	const cJSON *c;
	int i = 0;

	cJSON_ArrayForEach (c, columns) {
		const struct field_name column =
			field_name("%s.additionalPrinterColumns[%d]", at->path, i++);

		if (text_at(c, "name")[0] == '\0')
			cause_required(causes, FIELD("%s.name", column.text));
		check_word(FIELD("%s.type", column.text), text_at(c, "type"), types, true, causes);
		check_word(FIELD("%s.format", column.text), text_at(c, "format"), formats, false,
			   causes);
		check_path(FIELD("%s.JSONPath", column.text), text_at(c, "jsonPath"), any, "",
			   causes);
	}
}

static void check_scale(const struct place *at, const cJSON *scale, struct rule_causes *causes)
{
	static const char *const spec[] = { ".spec.", NULL }, *const status[] = { ".status.",
										  NULL };
	static const char *const both[] = { ".spec.", ".status.", NULL };
	const char *selector = text_at(scale, "labelSelectorPath");

	if (scale == NULL)
		return;
	check_path(FIELD("%s.subresources.scale.specReplicasPath", at->path),
		   text_at(scale, "specReplicasPath"), spec, "should be a json path under .spec",
		   causes);
	check_path(FIELD("%s.subresources.scale.statusReplicasPath", at->path),
		   text_at(scale, "statusReplicasPath"), status,
		   "should be a json path under .status", causes);
	if (selector[0] != '\0')
		check_path(FIELD("%s.subresources.scale.labelSelectorPath", at->path), selector,
			   both, "should be a json path under either .spec or .status", causes);
}

static void check_selectable(const struct place *at, const cJSON *fields,
			     struct rule_causes *causes)
{
	const cJSON *f;
	int i = 0;

	cJSON_ArrayForEach (f, fields) {
		if (text_at(f, "jsonPath")[0] == '\0')
			cause_required(causes,
				       FIELD("%s.selectableFields[%d].jsonPath", at->path, i));
		i++;
	}
}

/* It goes into a header. */
static void check_warning(const char *field, const cJSON *version, struct rule_causes *causes)
{
	enum { WARNING_MAX = 256 };
	const char *text = js_text(version, "deprecationWarning");

	if (text == NULL)
		return;
	if (!js_true(version, "deprecated")) {
		cause_invalid_text(causes, field, text, "can only be set for deprecated versions");
		return;
	}
	if (strlen(text) > WARNING_MAX)
		cause_invalid_text(causes, field, text, "must be <= 256 characters long");
	if (text[0] == '\0')
		cause_invalid_text(causes, field, text, "must not be an empty string");
	for (size_t i = 0; text[i] != '\0'; i++)
		if (iscntrl((unsigned char)text[i])) {
			char *why = mem_printf("must only contain printable UTF-8 characters; "
					       "non-printable character found at index %zu",
					       i);
			cause_invalid_text(causes, field, text, why);
			free(why);
			break;
		}
}

static void check_version(const cJSON *versions, const cJSON *version, int i,
			  struct rule_causes *causes)
{
	const struct place schema = place_of(versions, i, "schema"),
			   subresources = place_of(versions, i, "subresources"),
			   columns = place_of(versions, i, "additionalPrinterColumns"),
			   selectable = place_of(versions, i, "selectableFields");

	name_check_label_1035(causes, FIELD("spec.versions[%d].name", i), text_at(version, "name"));
	check_warning(FIELD("spec.versions[%d].deprecationWarning", i), version, causes);
	if (!cJSON_IsObject(js_at(version, "schema.openAPIV3Schema")))
		cause_required_why(causes, FIELD("spec.versions[%d].schema.openAPIV3Schema", i),
				   "schemas are required");
	else if (schema.path[0] != '\0')
		check_schema(&schema, version, causes);
	if (subresources.path[0] != '\0')
		check_scale(&subresources, js_at(version, "subresources.scale"), causes);
	if (columns.path[0] != '\0')
		check_columns(&columns, js_at(version, "additionalPrinterColumns"), causes);
	if (selectable.path[0] != '\0')
		check_selectable(&selectable, js_at(version, "selectableFields"), causes);
}

static bool is_named_before(const cJSON *versions, const cJSON *version)
{
	for (const cJSON *v = versions->child; v != version; v = v->next)
		if (strcmp(text_at(v, "name"), text_at(version, "name")) == 0)
			return true;
	return false;
}

static void check_versions(const cJSON *versions, struct rule_causes *causes)
{
	bool unique = true;
	int stored = 0, i = 0;
	const cJSON *v;

	cJSON_ArrayForEach (v, versions) {
		check_version(versions, v, i++, causes);
		unique = unique && !is_named_before(versions, v);
		stored += js_true(v, "storage") ? 1 : 0;
	}
	/* Kubernetes shows the value here, page after page of Go. */
	if (!unique)
		causes_add(causes, "FieldValueInvalid", "spec.versions",
			   "Invalid value: must contain unique version names");
	if (stored != 1)
		causes_add(
			causes, "FieldValueInvalid", "spec.versions",
			"Invalid value: must have exactly one version marked as storage version");
}

/* --- the other parts ------------------------------------------------------------------- */

static void check_group(const char *group, struct rule_causes *causes)
{
	static const char field[] = "spec.group";

	if (group[0] == '\0')
		cause_required(causes, field);
	else if (name_check_subdomain(causes, field, group) && strchr(group, '.') == NULL)
		cause_invalid_text(causes, field, group,
				   "should be a domain with at least one dot");
}

static void check_names(const cJSON *names, struct rule_causes *causes)
{
	static const struct {
		const char *name, *field;
		bool (*check)(struct rule_causes *causes, const char *field, const char *value);
	} rules[] = {
		{ "plural", "spec.names.plural", name_check_label_1035 },
		{ "singular", "spec.names.singular", name_check_label_1035 },
		{ "kind", "spec.names.kind", name_check_kind },
		{ "listKind", "spec.names.listKind", name_check_kind },
	};

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		const char *value = text_at(names, rules[i].name);

		if (value[0] == '\0')
			cause_required(causes, rules[i].field);
		else
			rules[i].check(causes, rules[i].field, value);
	}
	check_labels("spec.names.shortNames", js_at(names, "shortNames"), causes);
	if (text_at(names, "kind")[0] != '\0' &&
	    strcmp(text_at(names, "kind"), text_at(names, "listKind")) == 0)
		cause_invalid_text(causes, "spec.names.listKind", text_at(names, "listKind"),
				   "kind and listKind may not be the same");
	check_labels("spec.names.categories", js_at(names, "categories"), causes);
}

static void check_review_versions(const cJSON *list, struct rule_causes *causes)
{
	static const char field[] = "spec.conversion.conversionReviewVersions";
	bool known = false;
	const cJSON *s;

	if (cJSON_GetArraySize(list) == 0) {
		cause_required(causes, field);
		return;
	}
	cJSON_ArrayForEach (s, list)
		known = known || strcmp(s->valuestring, "v1") == 0 ||
			strcmp(s->valuestring, "v1beta1") == 0;
	if (!known)
		cause_invalid_list(causes, field, "[]string", list,
				   "must include at least one of v1, v1beta1");
}

static void check_conversion(const cJSON *conversion, struct rule_causes *causes)
{
	static const char *const strategies[] = { "None", "Webhook", NULL };
	static const char client_field[] = "spec.conversion.webhookClientConfig";
	const char *strategy = text_at(conversion, "strategy");
	const cJSON *client = js_at(conversion, "webhook.clientConfig");
	const cJSON *reviews = js_at(conversion, "webhook.conversionReviewVersions");

	if (strategy[0] == '\0')
		cause_required(causes, "spec.conversion.strategy");
	else
		cause_unless_one_of(causes, "spec.conversion.strategy", strategy, strategies);
	if (strcmp(strategy, "Webhook") == 0) {
		if (client == NULL)
			cause_required_why(causes, client_field,
					   "required when strategy is set to Webhook");
		else if ((js_at(client, "url") == NULL) == (js_at(client, "service") == NULL))
			cause_required_why(causes, client_field,
					   "exactly one of url or service is required");
		check_review_versions(reviews, causes);
		return;
	}
	if (client != NULL)
		cause_forbidden(causes, client_field,
				"should not be set when strategy is not set to Webhook");
	if (cJSON_GetArraySize(reviews) > 0)
		cause_forbidden(causes, "spec.conversion.conversionReviewVersions",
				"should not be set when strategy is not set to Webhook");
}

/* --- groups of Kubernetes' own --------------------------------------------------------- */

static const char approval_name[] = "api-approved.kubernetes.io";

enum approval { APPROVAL_MISSING, APPROVAL_INVALID, APPROVED, APPROVAL_BYPASSED };

static const char *approval_text(const cJSON *object)
{
	const char *text = cJSON_GetStringValue(
		cJSON_GetObjectItemCaseSensitive(js_at(object, "metadata.annotations"),
						 approval_name));

	return text == NULL ? "" : text;
}

static enum approval approval_of(const cJSON *object)
{
	const char *text = approval_text(object), *host = strstr(text, "://");

	if (text[0] == '\0')
		return APPROVAL_MISSING;
	if (strncmp(text, "unapproved", strlen("unapproved")) == 0)
		return APPROVAL_BYPASSED;
	return isalpha((unsigned char)text[0]) && host != NULL && host[3] != '\0' && host[3] != '/'
		       ? APPROVED
		       : APPROVAL_INVALID;
}

static bool is_in(const char *group, const char *domain)
{
	size_t len = strlen(group), n = strlen(domain);

	return len >= n && strcmp(group + len - n, domain) == 0 &&
	       (len == n || group[len - n - 1] == '.');
}

static void check_approval(const cJSON *object, const cJSON *old, struct rule_causes *causes)
{
	static const char field[] = "metadata.annotations[api-approved.kubernetes.io]";
	const char *group = text_at(object, "spec.group");

	if ((!is_in(group, "k8s.io") && !is_in(group, "kubernetes.io")) ||
	    (old != NULL && approval_of(old) == approval_of(object)))
		return;
	if (approval_of(object) == APPROVAL_MISSING)
		cause_required_why(causes, field,
				   "protected groups must have approval annotation "
				   "\"api-approved.kubernetes.io\", see "
				   "https://github.com/kubernetes/enhancements/pull/1111");
	else if (approval_of(object) == APPROVAL_INVALID)
		cause_invalid_text(causes, field, approval_text(object),
				   "protected groups must have approval annotation "
				   "\"api-approved.kubernetes.io\" with either a URL or a reason "
				   "starting with \"unapproved\", see "
				   "https://github.com/kubernetes/enhancements/pull/1111");
}

/* --- the whole ------------------------------------------------------------------------- */

static void default_spec(cJSON *spec)
{
	cJSON *names = js_object(spec, "names"), *service;
	const char *kind = text_at(names, "kind");

	if (text_at(names, "singular")[0] == '\0' && kind[0] != '\0') {
		char *lower = mem_text(kind);

		for (char *c = lower; *c != '\0'; c++)
			*c = (char)tolower((unsigned char)*c);
		js_set_text(names, "singular", lower);
		free(lower);
	}
	if (text_at(names, "listKind")[0] == '\0' && kind[0] != '\0') {
		char *list = mem_printf("%sList", kind);

		js_set_text(names, "listKind", list);
		free(list);
	}
	if (js_at(spec, "conversion") == NULL)
		js_set_text(js_object(spec, "conversion"), "strategy", "None");
	service = js_at(spec, "conversion.webhook.clientConfig.service");
	if (service != NULL && js_at(service, "port") == NULL)
		js_set_int(service, "port", 443);
}

static void check_name(const struct api *a, const cJSON *object, struct rule_causes *causes)
{
	const char *name = text_at(object, "metadata.name");
	char *want = mem_printf("%s.%s", text_at(object, "spec.names.plural"),
				text_at(object, "spec.group"));
	const struct kind *there = kinds_by_resource(&a->kinds, want);

	if (strcmp(want, name) != 0)
		cause_invalid_text(causes, "metadata.name", name,
				   "must be spec.names.plural+\".\"+spec.group");
	else if (there != NULL && there->id != KIND_CUSTOM)
		cause_forbidden(causes, "metadata.name", "this resource is built in");
	free(want);
}

/* Stored objects hang on them. */
static void check_fixed(const cJSON *object, const cJSON *old, struct rule_causes *causes)
{
	if (crd_is_established(old)) {
		check_same(object, old, "spec.scope", causes);
		check_same(object, old, "spec.names.kind", causes);
	}
	check_same(object, old, "spec.group", causes);
	check_same(object, old, "spec.names.plural", causes);
}

void admit_crd(const struct api *a, cJSON *object, const cJSON *old, struct rule_causes *causes)
{
	static const char *const scopes[] = { "Cluster", "Namespaced", NULL };
	const char *scope = text_at(object, "spec.scope");

	default_spec(js_object(object, "spec"));
	if (old == NULL)
		check_name(a, object, causes);
	check_group(text_at(object, "spec.group"), causes);
	if (scope[0] == '\0')
		cause_required(causes, "spec.scope");
	else
		cause_unless_one_of(causes, "spec.scope", scope, scopes);
	check_versions(js_at(object, "spec.versions"), causes);
	check_names(js_at(object, "spec.names"), causes);
	check_conversion(js_at(object, "spec.conversion"), causes);
	if (old != NULL)
		check_fixed(object, old, causes);
	check_approval(object, old, causes);
	if (js_true(object, "spec.preserveUnknownFields"))
		causes_add(causes, "FieldValueInvalid", "spec.preserveUnknownFields",
			   "Invalid value: true: cannot set to true, set "
			   "x-kubernetes-preserve-unknown-fields to true in "
			   "spec.versions[*].schema instead");
}
