// SPDX-License-Identifier: Apache-2.0
/*
 * The fields of a Service spec and their JSON types. bellman-apiserver has brought objects into
 * form before they come here; those of a file are checked and brought into form by this.
 */
#include <stdio.h>

#include "lib/model/service_rules_impl.h"

enum shape { TEXT, WHOLE, TRUTH, WHOLE_OR_TEXT, TEXTS, TEXT_MAP, OBJECT, OBJECTS };

/* When a field is left out: some when they are null alone, the others when they are empty too. */
enum keep { IF_FULL, IF_THERE };

struct field_type {
	const char *name;
	enum shape shape;
	enum keep keep;
	const struct field_type *fields; /* of OBJECT and OBJECTS; ends with no name */
};

static const struct field_type port_fields[] = {
	{ "name", TEXT, IF_FULL, NULL },
	{ "protocol", TEXT, IF_FULL, NULL },
	{ "appProtocol", TEXT, IF_THERE, NULL },
	{ "port", WHOLE, IF_THERE, NULL },
	{ "targetPort", WHOLE_OR_TEXT, IF_FULL, NULL },
	{ "nodePort", WHOLE, IF_FULL, NULL },
	{ 0 },
};

static const struct field_type client_ip_fields[] = {
	{ "timeoutSeconds", WHOLE, IF_THERE, NULL },
	{ 0 },
};

static const struct field_type affinity_fields[] = {
	{ "clientIP", OBJECT, IF_THERE, client_ip_fields },
	{ 0 },
};

static const struct field_type spec_fields[] = {
	{ "ports", OBJECTS, IF_FULL, port_fields },
	{ "selector", TEXT_MAP, IF_FULL, NULL },
	{ "clusterIP", TEXT, IF_FULL, NULL },
	{ "clusterIPs", TEXTS, IF_FULL, NULL },
	{ "type", TEXT, IF_FULL, NULL },
	{ "externalIPs", TEXTS, IF_FULL, NULL },
	{ "sessionAffinity", TEXT, IF_FULL, NULL },
	{ "loadBalancerIP", TEXT, IF_FULL, NULL },
	{ "loadBalancerSourceRanges", TEXTS, IF_FULL, NULL },
	{ "externalName", TEXT, IF_FULL, NULL },
	{ "externalTrafficPolicy", TEXT, IF_FULL, NULL },
	{ "healthCheckNodePort", WHOLE, IF_FULL, NULL },
	{ "publishNotReadyAddresses", TRUTH, IF_FULL, NULL },
	{ "sessionAffinityConfig", OBJECT, IF_THERE, affinity_fields },
	{ "ipFamilies", TEXTS, IF_FULL, NULL },
	{ "ipFamilyPolicy", TEXT, IF_THERE, NULL },
	{ "allocateLoadBalancerNodePorts", TRUTH, IF_THERE, NULL },
	{ "loadBalancerClass", TEXT, IF_THERE, NULL },
	{ "internalTrafficPolicy", TEXT, IF_THERE, NULL },
	{ "trafficDistribution", TEXT, IF_THERE, NULL },
	{ 0 },
};

static const struct field_type service_fields[] = {
	{ "spec", OBJECT, IF_THERE, spec_fields },
	{ 0 },
};

/* --- check ---------------------------------------------------------------------------------------
 */

static bool is_whole(const cJSON *v)
{
	return cJSON_IsNumber(v) && v->valuedouble == (double)v->valueint;
}

static const char *shape_fault(const cJSON *v, enum shape shape)
{
	switch (shape) {
	case TEXT:
		return cJSON_IsString(v) ? NULL : "must be a string";
	case WHOLE:
		return is_whole(v) ? NULL : "must be an integer";
	case TRUTH:
		return cJSON_IsBool(v) ? NULL : "must be a boolean";
	case WHOLE_OR_TEXT:
		return is_whole(v) || cJSON_IsString(v) ? NULL : "must be an integer or a string";
	case TEXTS:
	case OBJECTS:
		return cJSON_IsArray(v) ? NULL : "must be a list";
	case TEXT_MAP:
	case OBJECT:
		return cJSON_IsObject(v) ? NULL : "must be an object";
	}
	return NULL;
}

static void check_object(const cJSON *o, const struct field_type *fields, const char *path,
			 struct rule_causes *causes);

static void check_value(const cJSON *v, enum shape shape, const struct field_type *fields,
			const char *field, struct rule_causes *causes)
{
	const char *fault = shape_fault(v, shape);
	const cJSON *item;
	char path[FIELD_MAX];
	int i = 0;

	if (fault != NULL) {
		char *shown = must(cJSON_PrintUnformatted(v));
		causes_add(causes, "FieldValueTypeInvalid", field, "Invalid value: %.120s: %s",
			   shown, fault);
		cJSON_free(shown);
	} else if (shape == OBJECT) {
		check_object(v, fields, field, causes);
	} else if (shape == TEXTS || shape == TEXT_MAP || shape == OBJECTS) {
		cJSON_ArrayForEach (item, v) {
			snprintf(path, sizeof(path), "%s[%d]", field, i++);
			check_value(item, shape == OBJECTS ? OBJECT : TEXT, fields,
				    shape == TEXT_MAP ? field : path, causes);
		}
	}
}

static void check_object(const cJSON *o, const struct field_type *fields, const char *path,
			 struct rule_causes *causes)
{
	for (const struct field_type *f = fields; f->name != NULL; f++) {
		const cJSON *v = rule_get(o, f->name);
		char field[FIELD_MAX];

		if (v == NULL)
			continue;
		snprintf(field, sizeof(field), "%s%s%s", path, path[0] == '\0' ? "" : ".", f->name);
		check_value(v, f->shape, f->fields, field, causes);
	}
}

bool service_check_types(const cJSON *service, struct rule_causes *causes)
{
	size_t before = causes->count;

	check_object(service, service_fields, "", causes);
	return causes->count == before;
}

/* --- unknown fields ----------------------------------------------------------------------- */

#define FIELDS_MAX 32

static const struct field_type *find_field(const struct field_type *fields, const char *name)
{
	for (; fields->name != NULL; fields++)
		if (strcmp(fields->name, name) == 0)
			return fields;
	return NULL;
}

static void warn_of_field(const struct json *j, const struct field_type *fields)
{
	const char *names[FIELDS_MAX + 1];
	size_t count = 0;

	for (const struct field_type *f = fields; f->name != NULL && count < FIELDS_MAX; f++)
		names[count++] = f->name;
	names[count] = NULL;
	const char *nearest = json_nearest(j->key, names);
	if (nearest != NULL)
		json_warn(j, "unknown field, did you mean %s?", nearest);
	else
		json_warn(j, "unknown field");
}

static void warn_object(const struct json *o, const struct field_type *fields)
{
	if (!cJSON_IsObject(o->value))
		return; /* told by decoding */
	json_each (j, o) {
		const struct field_type *f = find_field(fields, j.key);

		if (f == NULL)
			warn_of_field(&j, fields);
		else if (f->shape == OBJECT)
			warn_object(&j, f->fields);
		else if (f->shape == OBJECTS && cJSON_IsArray(j.value))
			json_each (item, &j)
				warn_object(&item, f->fields);
	}
}

void service_warn_of_unknown(const struct json *spec)
{
	warn_object(spec, spec_fields);
}

/* --- form
 * ------------------------------------------------------------------------------------------ */

static bool is_empty(const cJSON *v)
{
	return cJSON_IsFalse(v) || (cJSON_IsNumber(v) && v->valuedouble == 0) ||
	       (cJSON_IsString(v) && v->valuestring[0] == '\0') ||
	       ((cJSON_IsArray(v) || cJSON_IsObject(v)) && v->child == NULL);
}

static void prune_object(cJSON *o, const struct field_type *fields)
{
	for (const struct field_type *f = fields; f->name != NULL; f++) {
		cJSON *v = cJSON_GetObjectItemCaseSensitive(o, f->name), *item;

		if (f->shape == OBJECT && cJSON_IsObject(v))
			prune_object(v, f->fields);
		if (f->shape == OBJECTS)
			cJSON_ArrayForEach (item, v)
				prune_object(item, f->fields);
		if (cJSON_IsNull(v) || (v != NULL && f->keep == IF_FULL && is_empty(v)))
			rule_drop(o, f->name);
	}
}

void service_prune(cJSON *service)
{
	prune_object(service, service_fields);
}
