// SPDX-License-Identifier: Apache-2.0
/* Objects of the API that the world itself makes, or hands on. */
#include <stdio.h>

#include "lib/model/meta.h"
#include "sim/world_state.h"

enum sim_kind world_kind(const char *kind)
{
	static const char *const names[] = {
		[SIM_SERVICE] = "Service",     [SIM_SLICE] = "EndpointSlice", [SIM_NODE] = "Node",
		[SIM_NAMESPACE] = "Namespace", [SIM_LEASE] = "Lease",
	};

	for (size_t i = 0; kind != NULL && i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(kind, names[i]) == 0)
			return (enum sim_kind)i;
	return SIM_KINDS;
}

void world_put(struct sim_world *w, cJSON *json)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "kind"));
	enum sim_kind kind = world_kind(text);

	if (kind == SIM_KINDS)
		cJSON_Delete(json);
	else
		sim_api_put(w->api, kind, json);
}

/* --- EndpointSlices ---------------------------------------------------------------------- */

static cJSON *set_text(cJSON *json, const char *key, const char *value)
{
	return must(cJSON_AddStringToObject(json, key, value));
}

static cJSON *object_new(const char *version, const char *kind, const char *ns, const char *name)
{
	cJSON *json = must(cJSON_CreateObject());

	set_text(json, "apiVersion", version);
	set_text(json, "kind", kind);
	cJSON *meta = must(cJSON_AddObjectToObject(json, "metadata"));
	set_text(meta, "name", name);
	if (ns != NULL)
		set_text(meta, "namespace", ns);
	return json;
}

cJSON *world_endpoint(const struct world_node *n, bool ready)
{
	cJSON *e = must(cJSON_CreateObject());
	char ip[32];

	snprintf(ip, sizeof(ip), "10.244.%u.%u", n->number >> 8 & 255, n->number & 255);
	cJSON_AddItemToArray(must(cJSON_AddArrayToObject(e, "addresses")),
			     must(cJSON_CreateString(ip)));
	set_text(e, "nodeName", n->cfg->name);
	must(cJSON_AddBoolToObject(must(cJSON_AddObjectToObject(e, "conditions")), "ready", ready));
	return e;
}

void world_slice_name(const char *service, char *buf, size_t size)
{
	snprintf(buf, size, "%s-simulated", service);
}

static void add_slice(struct sim_world *w, const struct service *s)
{
	char name[512];

	world_slice_name(s->meta.name, name, sizeof(name));
	cJSON *json = object_new("discovery.k8s.io/v1", "EndpointSlice", s->meta.ns, name);
	cJSON *meta = cJSON_GetObjectItemCaseSensitive(json, "metadata");
	set_text(must(cJSON_AddObjectToObject(meta, "labels")), "kubernetes.io/service-name",
		 s->meta.name);
	set_text(json, "addressType", "IPv4");
	cJSON *endpoints = must(cJSON_AddArrayToObject(json, "endpoints"));
	for (size_t i = 0; i < w->node_count; i++)
		cJSON_AddItemToArray(endpoints, world_endpoint(&w->nodes[i], true));
	must(cJSON_AddArrayToObject(json, "ports"));
	sim_api_put(w->api, SIM_SLICE, json);
}

struct missing { /* Services of ours without any slice */
	const struct sim_api *api;
	ARRAY_OF(const struct service *);
};

static void take_service(void *arg, const struct sim_object *o)
{
	struct missing *m = arg;

	if (o->service != NULL && o->service->type == SERVICE_LOAD_BALANCER &&
	    sim_api_slices(m->api, o->ns, o->name)->count == 0)
		*(const struct service **)must(array_push(m)) = o->service;
}

void world_add_slices(struct sim_world *w)
{
	struct missing m = { .api = w->api };

	sim_api_each(w->api, SIM_SERVICE, take_service, &m);
	for (size_t i = 0; i < m.count; i++)
		add_slice(w, m.items[i]);
	array_free(&m);
}

/* --- Nodes ------------------------------------------------------------------------------- */

static void add_node(struct sim_world *w, const struct world_node *n)
{
	cJSON *json = object_new("v1", "Node", NULL, n->cfg->name);
	cJSON *status = must(cJSON_AddObjectToObject(json, "status"));
	cJSON *list = must(cJSON_AddArrayToObject(status, "addresses"));
	char text[IP_TEXT_MAX];

	for (size_t i = 0; i < n->addresses.count; i++) {
		cJSON *a = must(cJSON_CreateObject());

		set_text(a, "type", "InternalIP");
		set_text(a, "address", ip_format(&n->addresses.items[i], text));
		cJSON_AddItemToArray(list, a);
	}
	sim_api_put(w->api, SIM_NODE, json);
}

void world_add_nodes(struct sim_world *w)
{
	for (size_t i = 0; i < w->node_count; i++)
		if (sim_api_get(w->api, SIM_NODE, NULL, w->nodes[i].cfg->name) == NULL)
			add_node(w, &w->nodes[i]);
}
