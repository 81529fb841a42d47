// SPDX-License-Identifier: Apache-2.0
#include "standalone/apiserver/endpoints.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/intern.h"
#include "lib/base/tree.h"
#include "lib/model/json.h"
#include "standalone/apiserver/objects_impl.h"
#include "standalone/apiserver/types_tables.h"

static const char service_label[] = "kubernetes.io/service-name";

/* --- which slices a Service has -------------------------------------------------------- */

struct slice_of {
	RB_ENTRY(slice_of) entry;
	const char *ns, *service, *slice; /* interned */
};

static int slice_cmp(const struct slice_of *a, const struct slice_of *b)
{
	int d = strcmp(a->ns, b->ns);

	d = d != 0 ? d : strcmp(a->service, b->service);
	return d != 0 ? d : strcmp(a->slice, b->slice);
}

RB_HEAD(slices, slice_of);
TREE_GENERATE(slices, slice_of, entry, slice_cmp)

struct endpoints {
	struct slices slices;
};

static const char *service_of(const cJSON *slice)
{
	return cJSON_GetStringValue(
		cJSON_GetObjectItemCaseSensitive(js_at(slice, "metadata.labels"), service_label));
}

static void enter(struct endpoints *e, const cJSON *slice)
{
	struct slice_of *s = mem_zero(sizeof(*s));

	s->ns = intern(js_text(slice, "metadata.namespace"));
	s->service = intern(service_of(slice));
	s->slice = intern(js_text(slice, "metadata.name"));
	if (s->ns == NULL || s->service == NULL || s->slice == NULL)
		abort();
	if (RB_INSERT(slices, &e->slices, s) != NULL)
		abort(); /* it is entered once */
}

static void free_slice(struct slice_of *s)
{
	intern_unref(s->ns);
	intern_unref(s->service);
	intern_unref(s->slice);
	free(s);
}

static void leave(struct endpoints *e, const cJSON *slice)
{
	struct slice_of key = { .ns = js_text(slice, "metadata.namespace"),
				.service = service_of(slice),
				.slice = js_text(slice, "metadata.name") };
	struct slice_of *s = RB_FIND(slices, &e->slices, &key);

	if (s == NULL)
		return;
	RB_REMOVE(slices, &e->slices, s);
	free_slice(s);
}

/* The first slice of a Service, and the one after @s. */
static struct slice_of *first_slice(struct endpoints *e, const char *ns, const char *service)
{
	struct slice_of key = { .ns = ns, .service = service, .slice = "" };
	struct slice_of *s = RB_NFIND(slices, &e->slices, &key);

	return s != NULL && strcmp(s->ns, ns) == 0 && strcmp(s->service, service) == 0 ? s : NULL;
}

static struct slice_of *next_slice(struct slice_of *s)
{
	struct slice_of *next = RB_NEXT(slices, NULL, s);

	return next != NULL && strcmp(next->ns, s->ns) == 0 &&
			       strcmp(next->service, s->service) == 0
		       ? next
		       : NULL;
}

/* --- from slices to Endpoints ---------------------------------------------------------- */

static void add_addresses(cJSON *subset, const cJSON *slice, bool ready)
{
	cJSON *list = cJSON_CreateArray();
	const cJSON *e;

	cJSON_ArrayForEach (e, js_at(slice, "endpoints")) {
		const char *ip = cJSON_GetStringValue(cJSON_GetArrayItem(js_at(e, "addresses"), 0));
		const char *node = js_text(e, "nodeName");

		/* Absent means ready. */
		if (ip == NULL || cJSON_IsFalse(js_at(e, "conditions.ready")) == ready)
			continue;
		cJSON *address = cJSON_CreateObject();
		js_set_text(address, "ip", ip);
		if (node != NULL)
			js_set_text(address, "nodeName", node);
		if (js_at(e, "targetRef") != NULL)
			js_set(address, "targetRef", cJSON_Duplicate(js_at(e, "targetRef"), 1));
		cJSON_AddItemToArray(list, address);
	}
	if (list->child == NULL)
		cJSON_Delete(list);
	else
		js_set(subset, ready ? "addresses" : "notReadyAddresses", list);
}

static void add_subset(cJSON *subsets, const cJSON *slice)
{
	cJSON *subset = cJSON_CreateObject();

	add_addresses(subset, slice, true);
	add_addresses(subset, slice, false);
	if (subset->child == NULL) {
		cJSON_Delete(subset);
		return;
	}
	js_set(subset, "ports", cJSON_Duplicate(js_at(slice, "ports"), 1));
	cJSON_AddItemToArray(subsets, subset);
}

/* What the Endpoints of a Service are, but for what the server writes into metadata. */
static cJSON *derive(struct api *a, const cJSON *service)
{
	const struct kind *kind = kinds_builtin(&a->kinds, KIND_ENDPOINT_SLICE);
	const char *ns = js_text(service, "metadata.namespace");
	const char *name = js_text(service, "metadata.name");
	const cJSON *labels = js_at(service, "metadata.labels");
	/* As in Kubernetes, Endpoints know one family: the Service's first. */
	const char *family =
		cJSON_GetStringValue(cJSON_GetArrayItem(js_at(service, "spec.ipFamilies"), 0));
	cJSON *made = cJSON_CreateObject(), *meta = js_object(made, "metadata");
	cJSON *subsets = cJSON_CreateArray();

	js_set_text(made, "kind", "Endpoints");
	js_set_text(made, "apiVersion", "v1");
	js_set_text(meta, "name", name);
	js_set_text(meta, "namespace", ns);
	if (labels != NULL)
		js_set(meta, "labels", cJSON_Duplicate(labels, 1));
	for (struct slice_of *s = first_slice(a->endpoints, ns, name); s != NULL;
	     s = next_slice(s)) {
		const struct object *o = store_get(a->store, kind, ns, s->slice);
		cJSON *slice = o == NULL ? NULL : object_parsed(o);
		const char *type = js_text(slice, "addressType");

		if (family == NULL || type == NULL || strcmp(type, family) == 0)
			add_subset(subsets, slice);
		cJSON_Delete(slice);
	}
	js_set(made, "subsets", subsets);

	struct notes notes = { 0 };
	free(types_apply(&type_endpoints, made, &notes));
	notes_done(&notes);
	return made;
}

/* --- keeping up ------------------------------------------------------------------------ */

static cJSON *drop(struct api *a, struct object *o)
{
	cJSON *last, *wrong;

	if (o == NULL)
		return NULL;
	last = object_parsed(o);
	wrong = store_delete(a->store, o, last) == 0 ? NULL : objects_disk_failed(a);
	cJSON_Delete(last);
	return wrong;
}

static cJSON *refresh(struct api *a, const char *ns, const char *name)
{
	const struct kind *services = kinds_builtin(&a->kinds, KIND_SERVICE);
	const struct kind *kind = kinds_builtin(&a->kinds, KIND_ENDPOINTS);
	const struct object *service = store_get(a->store, services, ns, name);
	struct object *o = store_get(a->store, kind, ns, name);
	cJSON *wrong = NULL;

	if (service == NULL || first_slice(a->endpoints, ns, name) == NULL)
		return drop(a, o);
	cJSON *parsed = object_parsed(service), *made = derive(a, parsed);
	cJSON *old = o == NULL ? NULL : object_parsed(o);
	cJSON *meta = js_at(made, "metadata");
	if (old == NULL) {
		object_set_uid(meta);
		object_set_now(meta, "creationTimestamp");
	} else {
		static const char *const kept[] = { "uid", "creationTimestamp", "resourceVersion" };

		for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
			js_set_text(meta, kept[i], js_text(js_at(old, "metadata"), kept[i]));
	}
	if ((old == NULL || !json_equal(old, made)) && store_put(a->store, kind, made) != 0)
		wrong = objects_disk_failed(a);
	cJSON_Delete(old);
	cJSON_Delete(made);
	cJSON_Delete(parsed);
	return wrong;
}

cJSON *endpoints_follow(struct api *a, const struct kind *kind, const cJSON *before,
			const cJSON *now)
{
	const cJSON *any = now != NULL ? now : before;
	const char *ns = js_text(any, "metadata.namespace");
	cJSON *wrong = NULL;

	if (kind->id == KIND_SERVICE)
		return refresh(a, ns, js_text(any, "metadata.name"));
	if (kind->id != KIND_ENDPOINT_SLICE)
		return NULL;
	const char *was = service_of(before), *is = service_of(now);
	if (was != NULL)
		leave(a->endpoints, before);
	if (is != NULL)
		enter(a->endpoints, now);
	if (was != NULL && (is == NULL || strcmp(was, is) != 0))
		wrong = refresh(a, ns, was);
	if (wrong == NULL && is != NULL)
		wrong = refresh(a, ns, is);
	return wrong;
}

cJSON *endpoints_start(struct api *a)
{
	const struct kind *slices = kinds_builtin(&a->kinds, KIND_ENDPOINT_SLICE);
	cJSON *wrong = NULL;

	a->endpoints = mem_zero(sizeof(*a->endpoints));
	RB_INIT(&a->endpoints->slices);
	for (const struct object *o = store_first(a->store, slices, NULL, NULL, NULL); o != NULL;
	     o = store_next(o, NULL)) {
		cJSON *slice = object_parsed(o);

		if (service_of(slice) != NULL)
			enter(a->endpoints, slice);
		cJSON_Delete(slice);
	}
	for (struct slice_of *s = RB_MIN(slices, &a->endpoints->slices); s != NULL && wrong == NULL;
	     s = RB_NEXT(slices, NULL, s))
		if (first_slice(a->endpoints, s->ns, s->service) == s)
			wrong = refresh(a, s->ns, s->service);
	return wrong;
}

void endpoints_done(struct api *a)
{
	struct slice_of *next;

	if (a->endpoints == NULL)
		return;
	for (struct slice_of *s = RB_MIN(slices, &a->endpoints->slices); s != NULL; s = next) {
		next = RB_NEXT(slices, NULL, s);
		RB_REMOVE(slices, &a->endpoints->slices, s);
		free_slice(s);
	}
	free(a->endpoints);
	a->endpoints = NULL;
}
