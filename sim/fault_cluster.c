// SPDX-License-Identifier: Apache-2.0
/* The steps of a timeline that change objects of the API. */
#include <stdio.h>

#include "sim/world_state.h"

#define EXCLUDE_LABEL "node.kubernetes.io/exclude-from-external-load-balancers"

/* The object under @key, made if there is none. */
static cJSON *object_at(cJSON *json, const char *key)
{
	cJSON *found = cJSON_GetObjectItemCaseSensitive(json, key);

	if (cJSON_IsObject(found))
		return found;
	cJSON_DeleteItemFromObjectCaseSensitive(json, key);
	return must(cJSON_AddObjectToObject(json, key));
}

static cJSON *list_at(cJSON *json, const char *key)
{
	cJSON *found = cJSON_GetObjectItemCaseSensitive(json, key);

	if (cJSON_IsArray(found))
		return found;
	cJSON_DeleteItemFromObjectCaseSensitive(json, key);
	return must(cJSON_AddArrayToObject(json, key));
}

static void set_text(cJSON *json, const char *key, const char *value)
{
	cJSON_DeleteItemFromObjectCaseSensitive(json, key);
	must(cJSON_AddStringToObject(json, key, value));
}

static bool has_text(const cJSON *json, const char *key, const char *value)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, key));

	return text != NULL && strcmp(text, value) == 0;
}

/* A copy to be changed and put; NULL: there is none. */
static cJSON *copy_of(const struct sim_world *w, enum sim_kind kind, const char *ns,
		      const char *name)
{
	const struct sim_object *o = sim_api_get(w->api, kind, ns, name);

	return o != NULL && o->json != NULL ? must(cJSON_Duplicate(o->json, true)) : NULL;
}

/* --- Nodes ------------------------------------------------------------------------------- */

void world_node_exclude(struct sim_world *w, const char *name, bool on)
{
	cJSON *json = copy_of(w, SIM_NODE, NULL, name);

	if (json == NULL)
		return;
	cJSON *labels = object_at(object_at(json, "metadata"), "labels");
	cJSON_DeleteItemFromObjectCaseSensitive(labels, EXCLUDE_LABEL);
	if (on)
		set_text(labels, EXCLUDE_LABEL, "true");
	sim_api_put(w->api, SIM_NODE, json);
}

void world_node_network(struct sim_world *w, const char *name, bool unavailable)
{
	cJSON *json = copy_of(w, SIM_NODE, NULL, name), *condition = NULL, *each;

	if (json == NULL)
		return;
	cJSON *conditions = list_at(object_at(json, "status"), "conditions");
	cJSON_ArrayForEach (each, conditions) {
		if (has_text(each, "type", "NetworkUnavailable"))
			condition = each;
	}
	if (condition == NULL) {
		condition = must(cJSON_CreateObject());
		set_text(condition, "type", "NetworkUnavailable");
		cJSON_AddItemToArray(conditions, condition);
	}
	set_text(condition, "status", unavailable ? "True" : "False");
	sim_api_put(w->api, SIM_NODE, json);
}

/* --- endpoints --------------------------------------------------------------------------- */

/* Every endpoint of @json on @node; how many there are. */
static unsigned turn(cJSON *json, const char *node, bool ready)
{
	unsigned count = 0;
	cJSON *e;

	cJSON_ArrayForEach (e, list_at(json, "endpoints")) {
		cJSON *conditions;

		if (!has_text(e, "nodeName", node))
			continue;
		conditions = object_at(e, "conditions");
		cJSON_DeleteItemFromObjectCaseSensitive(conditions, "ready");
		cJSON_DeleteItemFromObjectCaseSensitive(conditions, "serving");
		must(cJSON_AddBoolToObject(conditions, "ready", ready));
		count++;
	}
	return count;
}

void world_endpoint_set(struct sim_world *w, const char *service, const char *node, bool ready)
{
	const struct world_node *n = world_node(w, node);
	unsigned turned = 0;
	char ns[256];
	const char *name;

	if (!world_service_split(service, ns, &name))
		return;
	/* As many as there are, and in the same order, whichever of them changes. */
	const size_t count = sim_api_slices(w->api, ns, name)->count;
	for (size_t i = 0; i < count; i++) {
		const struct endpoint_slice *x = sim_api_slices(w->api, ns, name)->items[i];
		cJSON *json = copy_of(w, SIM_SLICE, ns, x->meta.name);
		unsigned here = turn(json, node, ready);

		turned += here;
		if (i + 1 == count && turned == 0 && n != NULL) {
			cJSON_AddItemToArray(list_at(json, "endpoints"), world_endpoint(n, ready));
			here = 1;
		}
		if (here > 0)
			sim_api_put(w->api, SIM_SLICE, json);
		else
			cJSON_Delete(json);
	}
}

/* --- deletion ---------------------------------------------------------------------------- */

void world_delete(struct sim_world *w, const char *kind, const char *ns, const char *name)
{
	enum sim_kind k = world_kind(kind);
	char slice[512];

	if (k == SIM_KINDS || !sim_api_delete(w->api, k, ns, name) || k != SIM_SERVICE)
		return;
	/* What was made for the Service goes with it. */
	world_slice_name(name, slice, sizeof(slice));
	sim_api_delete(w->api, SIM_SLICE, ns, slice);
}
