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

/* In a cluster of more nodes than that a Service with policy Cluster has so many endpoints. */
#define MADE_ON_ALL  100
#define MADE_ON_SOME 10

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

/*
 * On how many nodes a Service has an endpoint that says nothing of them. With policy Cluster it is
 * the same to all others on which, and each of a thousand speakers would keep a thousand names.
 */
static size_t endpoints_of(const struct sim_world *w, const struct service *s)
{
	bool all = w->node_count <= MADE_ON_ALL || s->external_policy == POLICY_LOCAL;

	return all ? w->node_count : MADE_ON_SOME;
}

static void add_slice(struct sim_world *w, const struct service *s)
{
	size_t count = endpoints_of(w, s);
	char name[512];

	world_slice_name(s->meta.name, name, sizeof(name));
	cJSON *json = object_new("discovery.k8s.io/v1", "EndpointSlice", s->meta.ns, name);
	cJSON *meta = cJSON_GetObjectItemCaseSensitive(json, "metadata");
	set_text(must(cJSON_AddObjectToObject(meta, "labels")), "kubernetes.io/service-name",
		 s->meta.name);
	set_text(json, "addressType", "IPv4");
	cJSON *endpoints = must(cJSON_AddArrayToObject(json, "endpoints"));
	for (size_t i = 0; i < count; i++)
		cJSON_AddItemToArray(endpoints, world_endpoint(&w->nodes[i], true));
	must(cJSON_AddArrayToObject(json, "ports"));
	sim_api_put(w->api, SIM_SLICE, json);
}

static bool has_endpoint_on(const struct endpoint_slice *x, const char *node)
{
	for (size_t i = 0; i < x->endpoint_count; i++)
		if (x->endpoints[i].node != NULL && strcmp(x->endpoints[i].node, node) == 0)
			return true;
	return false;
}

/* Its policy may be Local now: nodes that @x leaves out have an endpoint, too. */
static void fill_slice(struct sim_world *w, const struct service *s, const struct sim_object *o)
{
	size_t count = endpoints_of(w, s);

	if (o->slice == NULL || o->slice->endpoint_count >= count)
		return;
	cJSON *json = must(cJSON_Duplicate(o->json, true));
	cJSON *endpoints = cJSON_GetObjectItemCaseSensitive(json, "endpoints");
	for (size_t i = 0; i < count; i++)
		if (!has_endpoint_on(o->slice, w->nodes[i].cfg->name))
			cJSON_AddItemToArray(endpoints, world_endpoint(&w->nodes[i], true));
	sim_api_put(w->api, SIM_SLICE, json);
}

struct balancers { /* all there are; putting slices does not touch them */
	ARRAY_OF(const struct service *);
};

static void take_balancer(void *arg, const struct sim_object *o)
{
	if (o->service != NULL && o->service->type == SERVICE_LOAD_BALANCER)
		*(const struct service **)must(array_push((struct balancers *)arg)) = o->service;
}

void world_add_slices(struct sim_world *w)
{
	struct balancers all = { 0 };
	char name[512];

	sim_api_each(w->api, SIM_SERVICE, take_balancer, &all);
	for (size_t i = 0; i < all.count; i++) {
		const struct service *s = all.items[i];

		world_slice_name(s->meta.name, name, sizeof(name));
		const struct sim_object *made = sim_api_get(w->api, SIM_SLICE, s->meta.ns, name);
		if (made != NULL)
			fill_slice(w, s, made);
		else if (sim_api_slices(w->api, s->meta.ns, s->meta.name)->count == 0)
			add_slice(w, s);
	}
	array_free(&all);
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
