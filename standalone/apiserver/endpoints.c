// SPDX-License-Identifier: Apache-2.0
#include "standalone/apiserver/endpoints.h"

#include <string.h>

static const char service_label[] = "kubernetes.io/service-name";

static void add_subset(cJSON *subsets, const cJSON *slice)
{
	cJSON *ready = cJSON_CreateArray(), *not_ready = cJSON_CreateArray();
	cJSON *subset = cJSON_CreateObject(), *ports = cJSON_CreateArray();
	const cJSON *e, *p;

	cJSON_ArrayForEach (e, js_at(slice, "endpoints")) {
		const char *ip = cJSON_GetStringValue(cJSON_GetArrayItem(js_at(e, "addresses"), 0));
		const char *node = js_text(e, "nodeName");
		cJSON *address = cJSON_CreateObject();

		if (ip != NULL)
			js_set_text(address, "ip", ip);
		if (node != NULL)
			js_set_text(address, "nodeName", node);
		if (js_at(e, "targetRef") != NULL)
			js_set(address, "targetRef", cJSON_Duplicate(js_at(e, "targetRef"), 1));
		cJSON_AddItemToArray(cJSON_IsFalse(js_at(e, "conditions.ready")) ? not_ready
										 : ready,
				     address);
	}
	cJSON_ArrayForEach (p, js_at(slice, "ports"))
		cJSON_AddItemToArray(ports, cJSON_Duplicate(p, 1));
	if (cJSON_GetArraySize(ready) > 0)
		cJSON_AddItemToObject(subset, "addresses", ready);
	else
		cJSON_Delete(ready);
	if (cJSON_GetArraySize(not_ready) > 0)
		cJSON_AddItemToObject(subset, "notReadyAddresses", not_ready);
	else
		cJSON_Delete(not_ready);
	cJSON_AddItemToObject(subset, "ports", ports);
	cJSON_AddItemToArray(subsets, subset);
}

static cJSON *derive(const struct api *a, const struct object *service)
{
	const struct kind *slices = kinds_builtin(&a->kinds, KIND_ENDPOINT_SLICE);
	cJSON *own = js_parse(service->text->bytes, service->text->len);
	cJSON *ep = cJSON_CreateObject(), *meta, *subsets = cJSON_CreateArray();

	js_set_text(ep, "kind", "Endpoints");
	js_set_text(ep, "apiVersion", "v1");
	meta = js_object(ep, "metadata");
	js_set_text(meta, "name", service->name);
	js_set_text(meta, "namespace", service->ns);
	js_set_text(meta, "uid", service->uid);
	js_set_text(meta, "resourceVersion", js_text(own, "metadata.resourceVersion"));
	js_set_text(meta, "creationTimestamp", js_text(own, "metadata.creationTimestamp"));
	for (const struct object *o = store_first(a->store, slices, service->ns, NULL, NULL);
	     o != NULL; o = store_next(o, service->ns)) {
		/* Most slices are of others: look before parsing. */
		if (strstr(o->text->bytes, service->name) == NULL)
			continue;
		cJSON *slice = js_parse(o->text->bytes, o->text->len);
		const char *of = cJSON_GetStringValue(
			cJSON_GetObjectItemCaseSensitive(js_at(slice, "metadata.labels"),
							 service_label));
		const char *type = js_text(slice, "addressType");

		/* As in Kubernetes, Endpoints know one family: the Service's first. */
		const char *family =
			cJSON_GetStringValue(cJSON_GetArrayItem(js_at(own, "spec.ipFamilies"), 0));
		if (of != NULL && strcmp(of, service->name) == 0 &&
		    (family == NULL || type == NULL || strcmp(type, family) == 0))
			add_subset(subsets, slice);
		cJSON_Delete(slice);
	}
	cJSON_AddItemToObject(ep, "subsets", subsets);
	cJSON_Delete(own);
	return ep;
}

cJSON *endpoints_get(const struct api *a, const char *ns, const char *name)
{
	const struct kind *services = kinds_builtin(&a->kinds, KIND_SERVICE);
	const struct object *service = store_get(a->store, services, ns, name);

	return service == NULL ? NULL : derive(a, service);
}

cJSON *endpoints_list(const struct api *a, const char *ns)
{
	const struct kind *services = kinds_builtin(&a->kinds, KIND_SERVICE);
	cJSON *list = cJSON_CreateArray();

	for (const struct object *o = store_first(a->store, services, ns, NULL, NULL); o != NULL;
	     o = store_next(o, ns))
		cJSON_AddItemToArray(list, derive(a, o));
	return list;
}
