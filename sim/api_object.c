// SPDX-License-Identifier: Apache-2.0
/* Versions of objects: made once, decoded once, shared by all who are told of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/duration.h"
#include "lib/base/intern.h"
#include "lib/base/must.h"
#include "lib/model/meta.h"
#include "sim/api_state.h"

static const struct kind_rules {
	bool namespaced;
	bool keeps_status; /* it is a subresource that users do not write */
} rules[SIM_KINDS] = {
	[SIM_SERVICE] = { true, true }, [SIM_SLICE] = { true, false },
	[SIM_NODE] = { false, true },   [SIM_NAMESPACE] = { false, true },
	[SIM_LEASE] = { true, false },  [SIM_CONFIG] = { false, false },
};

const char *sim_api_object_ns(enum sim_kind kind, const char *ns)
{
	if (!rules[kind].namespaced)
		return "";
	return ns == NULL || *ns == '\0' ? "default" : ns;
}

bool sim_api_object_keeps_status(enum sim_kind kind)
{
	return rules[kind].keeps_status;
}

/* What does not decode is told all the same, as production's clients meet it. */
static void decode(struct sim_object *o)
{
	const struct where api = { NULL };
	struct faults faults = { 0 };
	struct endpoint_slice *slice;
	struct namespace *namespace;
	struct service *service;
	struct node *node;

	switch (o->kind) {
	case SIM_SERVICE:
		if (service_decode(o->json, api, &faults, &service) == 0)
			o->service = service;
		break;
	case SIM_SLICE:
		if (endpoint_slice_decode(o->json, api, &faults, &slice) == 0)
			o->slice = slice;
		break;
	case SIM_NODE:
		if (node_decode(o->json, api, &faults, &node) == 0)
			o->node = node;
		break;
	case SIM_NAMESPACE:
		if (namespace_decode(o->json, api, &faults, &namespace) == 0)
			o->namespace = namespace;
		break;
	case SIM_LEASE:
	case SIM_CONFIG:
	case SIM_KINDS:
		break;
	}
	faults_free(&faults);
}

static void decoded_free(struct sim_object *o)
{
	switch (o->kind) {
	case SIM_SERVICE:
		service_free((struct service *)o->service);
		break;
	case SIM_SLICE:
		endpoint_slice_free((struct endpoint_slice *)o->slice);
		break;
	case SIM_NODE:
		node_free((struct node *)o->node);
		break;
	case SIM_NAMESPACE:
		namespace_free((struct namespace *)o->namespace);
		break;
	case SIM_CONFIG:
		config_unref(o->config);
		break;
	case SIM_LEASE:
	case SIM_KINDS:
		break;
	}
}

struct sim_api_version *sim_api_version_new(enum sim_kind kind, const char *ns, const char *name,
					    uint64_t number, uint64_t at_ns, cJSON *json,
					    struct config *config)
{
	struct sim_api_version *v = must(calloc(1, sizeof(*v)));

	v->refs = 1;
	v->at_ns = at_ns;
	snprintf(v->text, sizeof(v->text), "%llu", (unsigned long long)number);
	v->object = (struct sim_object){
		.kind = kind,
		.ns = intern(ns),
		.name = intern(name),
		.version = v->text,
		.number = number,
		.json = json,
		.gone = json == NULL && config == NULL,
	};
	if (config != NULL)
		v->object.config = config_ref(config);
	else if (json != NULL)
		decode(&v->object);
	return v;
}

struct sim_api_version *sim_api_version_ref(struct sim_api_version *v)
{
	v->refs++;
	return v;
}

struct sim_api_version *sim_api_version_unref(struct sim_api_version *v)
{
	if (v == NULL || --v->refs > 0)
		return NULL;
	decoded_free(&v->object);
	cJSON_Delete((cJSON *)v->object.json);
	intern_unref(v->object.ns);
	intern_unref(v->object.name);
	free(v);
	return NULL;
}

/* --- metadata -------------------------------------------------------------------------- */

/* @text NULL: without it. */
static void set_text(cJSON *metadata, const char *key, const char *text)
{
	cJSON *item = cJSON_GetObjectItemCaseSensitive(metadata, key);
	const char *has = cJSON_GetStringValue(item);

	if (has != NULL && text != NULL && strcmp(has, text) == 0)
		return;
	if (text == NULL)
		cJSON_DeleteItemFromObjectCaseSensitive(metadata, key);
	else if (item != NULL)
		cJSON_ReplaceItemInObjectCaseSensitive(metadata, key,
						       must(cJSON_CreateString(text)));
	else
		must(cJSON_AddStringToObject(metadata, key, text));
}

static cJSON *metadata_of(cJSON *json)
{
	cJSON *metadata = cJSON_GetObjectItemCaseSensitive(json, "metadata");

	if (cJSON_IsObject(metadata))
		return metadata;
	cJSON_DeleteItemFromObjectCaseSensitive(json, "metadata");
	return must(cJSON_AddObjectToObject(json, "metadata"));
}

static const char *time_text(uint64_t now_ns, char text[static 32])
{
	time_t t = (time_t)(SIM_EPOCH_S + now_ns / NS_PER_S);
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return text;
}

static cJSON *set_key(cJSON *json, const char *ns, const char *name)
{
	cJSON *metadata = metadata_of(json);

	set_text(metadata, "name", name);
	set_text(metadata, "namespace", *ns != '\0' ? ns : NULL);
	return metadata;
}

void sim_api_object_stamp(cJSON *json, const char *ns, const char *name, const char *uid,
			  uint64_t now_ns)
{
	cJSON *metadata = set_key(json, ns, name);
	char text[32];

	set_text(metadata, "uid", uid);
	if (meta_text(json, "creationTimestamp") == NULL)
		set_text(metadata, "creationTimestamp", time_text(now_ns, text));
}

void sim_api_object_restamp(cJSON *json, const struct sim_object *old)
{
	cJSON *metadata = set_key(json, old->ns, old->name);

	set_text(metadata, "uid", meta_text(old->json, "uid"));
	set_text(metadata, "creationTimestamp", meta_text(old->json, "creationTimestamp"));
	set_text(metadata, "resourceVersion", old->version);
}

void sim_api_object_set_version(cJSON *json, uint64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
	set_text(metadata_of(json), "resourceVersion", text);
}
