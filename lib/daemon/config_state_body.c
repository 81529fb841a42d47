// SPDX-License-Identifier: Apache-2.0
#include "lib/daemon/config_state_body.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/must.h"
#include "lib/model/json.h"

#define COMPONENT_LABEL "metallb.io/component-type"
#define NODE_LABEL      "metallb.io/node-name"
#define ERROR_PREFIX    "configuration error: "

static const cJSON *get(const cJSON *object, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(object, key);
}

static const char *text(const cJSON *object, const char *key)
{
	const char *value = cJSON_GetStringValue(get(object, key));

	return value != NULL ? value : "";
}

static void set(cJSON *to, const char *key, const char *value)
{
	must(cJSON_AddStringToObject(to, key, value));
}

/* --- labels and owner -------------------------------------------------------------------- */

static cJSON *labels_of(const struct config_state_text *want)
{
	cJSON *labels = must(cJSON_CreateObject());

	set(labels, COMPONENT_LABEL, want->component);
	if (want->node != NULL)
		set(labels, NODE_LABEL, want->node);
	return labels;
}

/* The pod that writes it, so that what no speaker keeps up to date any more goes with its pod. */
static cJSON *owners_of(const struct config_state_text *want)
{
	cJSON *owners = must(cJSON_CreateArray());
	cJSON *owner = must(cJSON_CreateObject());

	set(owner, "apiVersion", "v1");
	set(owner, "kind", "Pod");
	set(owner, "name", want->pod);
	set(owner, "uid", want->pod_uid);
	cJSON_AddItemToArray(owners, owner);
	return owners;
}

cJSON *config_state_object(const struct config_state_text *want)
{
	cJSON *object = must(cJSON_CreateObject());

	set(object, "apiVersion", CONFIG_STATE_API);
	set(object, "kind", "ConfigurationState");
	cJSON *meta = must(cJSON_AddObjectToObject(object, "metadata"));
	set(meta, "name", want->name);
	set(meta, "namespace", want->ns);
	cJSON_AddItemToObject(meta, "labels", labels_of(want));
	if (want->pod != NULL)
		cJSON_AddItemToObject(meta, "ownerReferences", owners_of(want));
	return object;
}

cJSON *config_state_meta_patch(const struct config_state_text *want, const cJSON *object)
{
	const cJSON *meta = get(object, "metadata"), *label;
	cJSON *patch = must(cJSON_CreateObject());
	cJSON *to = must(cJSON_AddObjectToObject(patch, "metadata"));
	cJSON *labels = labels_of(want);
	bool differ = false;

	cJSON_ArrayForEach (label, labels)
		if (strcmp(text(get(meta, "labels"), label->string), label->valuestring) != 0)
			differ = true;
	if (differ)
		cJSON_AddItemToObject(to, "labels", labels);
	else
		cJSON_Delete(labels);

	cJSON *owners = want->pod == NULL ? NULL : owners_of(want);
	if (owners != NULL && !json_equal(owners, get(meta, "ownerReferences")))
		cJSON_AddItemToObject(to, "ownerReferences", owners);
	else
		cJSON_Delete(owners);
	if (to->child != NULL)
		return patch;
	cJSON_Delete(patch);
	return NULL;
}

/* --- status ------------------------------------------------------------------------------ */

static cJSON *condition_of(const struct config_state_text *want, const char *message)
{
	cJSON *condition = must(cJSON_CreateObject());

	set(condition, "type", want->condition);
	set(condition, "status", want->error == NULL ? "True" : "False");
	set(condition, "reason", want->error == NULL ? "Reconciled" : "ConfigurationError");
	set(condition, "message", message);
	return condition;
}

/* Does @object have the condition, and no other, as @condition says, the time aside? */
static bool says_so(const cJSON *object, const cJSON *condition)
{
	const cJSON *list = get(get(object, "status"), "conditions"), *field;

	if (cJSON_GetArraySize(list) != 1)
		return false;
	cJSON_ArrayForEach (field, condition)
		if (strcmp(text(list->child, field->string), field->valuestring) != 0)
			return false;
	return true;
}

/* When the condition came into the status that @condition has. */
static const char *time_of(const cJSON *object, const cJSON *condition, const char *now)
{
	const cJSON *item;

	cJSON_ArrayForEach (item, get(get(object, "status"), "conditions"))
		if (strcmp(text(item, "type"), text(condition, "type")) == 0 &&
		    strcmp(text(item, "status"), text(condition, "status")) == 0 &&
		    *text(item, "lastTransitionTime") != '\0')
			return text(item, "lastTransitionTime");
	return now;
}

cJSON *config_state_status_patch(const struct config_state_text *want, const cJSON *object,
				 const char *now)
{
	const cJSON *had = get(object, "status");
	const char *result = want->error == NULL ? "Valid" : "Invalid";
	const char *error = want->error != NULL ? want->error : "";
	size_t size = sizeof(ERROR_PREFIX) + strlen(error);
	char *message = must(calloc(1, size));

	if (want->error != NULL)
		snprintf(message, size, ERROR_PREFIX "%s", error);
	cJSON *condition = condition_of(want, message);
	cJSON *patch = NULL;
	if (!says_so(object, condition) || strcmp(text(had, "result"), result) != 0 ||
	    strcmp(text(had, "errorSummary"), message) != 0) {
		set(condition, "lastTransitionTime", time_of(object, condition, now));
		patch = must(cJSON_CreateObject());
		cJSON *status = must(cJSON_AddObjectToObject(patch, "status"));
		set(status, "result", result);
		if (want->error != NULL)
			set(status, "errorSummary", message);
		else /* as MetalLB: absent, not empty */
			must(cJSON_AddNullToObject(status, "errorSummary"));
		cJSON *conditions = must(cJSON_AddArrayToObject(status, "conditions"));
		cJSON_AddItemToArray(conditions, condition);
		condition = NULL;
	}
	cJSON_Delete(condition);
	free(message);
	return patch;
}
