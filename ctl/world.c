// SPDX-License-Identifier: Apache-2.0
#include "ctl/world.h"

#include <stdlib.h>
#include <string.h>

#include "ctl/peek.h"
#include "lib/base/must.h"
#include "lib/model/schema.h"

static const struct {
	const char *api_version, *kind;
	enum world_kind is;
	bool namespaced;
} core_kinds[] = {
	{ "v1", "Service", WORLD_SERVICE, true },
	{ "discovery.k8s.io/v1", "EndpointSlice", WORLD_SLICE, true },
	{ "v1", "Node", WORLD_NODE, false },
	{ "v1", "Namespace", WORLD_NAMESPACE, false },
};

bool world_is_live(const struct world_object *o)
{
	return o->where.doc == NULL;
}

static struct world_object *add(struct world *w, cJSON *json, struct where where)
{
	struct world_object *o = must(array_push(w));
	cJSON *meta = peek(json, "metadata");

	o->json = json;
	o->where = where;
	o->kind = kind_of(json) != NULL ? WORLD_CONFIG : WORLD_OTHER;
	o->kind_name = peek_text(json, "kind");
	for (size_t i = 0; i < sizeof(core_kinds) / sizeof(*core_kinds); i++) {
		if (strcmp(core_kinds[i].kind, o->kind_name) != 0 ||
		    strcmp(core_kinds[i].api_version, peek_text(json, "apiVersion")) != 0)
			continue;
		o->kind = core_kinds[i].is;
		/* As kubectl does where no namespace is named. */
		if (core_kinds[i].namespaced && cJSON_IsObject(meta) &&
		    !cJSON_HasObjectItem(meta, "namespace"))
			must(cJSON_AddStringToObject(meta, "namespace", "default"));
	}
	o->ns = peek_text(meta, "namespace");
	o->name = peek_text(meta, "name");
	return o;
}

void world_load(struct world *w, const char *path)
{
	struct doc *doc;

	*(const char **)must(array_push(&w->files)) = path;
	if (doc_load(path, &w->faults, &doc) != 0)
		return;
	*(struct doc **)must(array_push(&w->docs)) = doc;
	const struct doc_objects *objects = doc_objects(doc);
	for (size_t i = 0; i < objects->count; i++)
		add(w, objects->items[i].json, objects->items[i].where);
}

void world_add_live(struct world *w, const cJSON *object)
{
	add(w, must(cJSON_Duplicate(object, true)), (struct where){ 0 })->owned = true;
}

/* By kind, namespace and name; what the API holds before what files hold, those in their order. */
static int object_cmp(const void *a, const void *b)
{
	const struct world_object *x = *(struct world_object *const *)a;
	const struct world_object *y = *(struct world_object *const *)b;
	int c = (int)x->kind - (int)y->kind;

	if (c == 0)
		c = strcmp(x->kind_name, y->kind_name);
	if (c == 0)
		c = strcmp(x->ns, y->ns);
	if (c == 0)
		c = strcmp(x->name, y->name);
	if (c == 0)
		c = (int)world_is_live(y) - (int)world_is_live(x);
	return c != 0 ? c : (x > y) - (x < y);
}

static bool same_name(const struct world_object *a, const struct world_object *b)
{
	return a->kind == b->kind && strcmp(a->kind_name, b->kind_name) == 0 &&
	       strcmp(a->ns, b->ns) == 0 && strcmp(a->name, b->name) == 0;
}

const char *world_namespace(const struct world *w)
{
	for (size_t i = 0; w->ns == NULL && i < w->count; i++) {
		const cJSON *json = w->items[i].json;
		const char *ns = peek_text(peek(json, "spec"), "namespace");
		if (w->items[i].kind == WORLD_CONFIG &&
		    strcmp(w->items[i].kind_name, "Settings") == 0 && *ns != '\0')
			return ns;
	}
	return w->ns != NULL ? w->ns : "metallb-system";
}

/* Leave out the resources of other namespaces than that of the daemons. */
static void leave_out_unread(struct world *w)
{
	const char *ns = world_namespace(w);

	for (size_t i = 0; i < w->count; i++) {
		struct world_object *o = &w->items[i];
		const cJSON *meta = peek(o->json, "metadata");

		if (o->kind == WORLD_CONFIG && *o->ns == '\0')
			o->ns = ns; /* kubectl would choose by its context: taken to be this one */
		if (o->kind != WORLD_CONFIG || strcmp(o->ns, ns) == 0)
			continue;
		o->hidden = true;
		doc_warn(o->where, peek(meta, "namespace"), &w->faults, "metadata.namespace",
			 "not %s: no daemon reads it", ns);
	}
}

void world_settle(struct world *w)
{
	struct world_object **by_name = must(calloc(w->count + 1, sizeof(struct world_object *)));

	leave_out_unread(w);
	for (size_t i = 0; i < w->count; i++)
		by_name[i] = &w->items[i];
	qsort(by_name, w->count, sizeof(struct world_object *), object_cmp);
	for (size_t i = 1; i < w->count; i++) {
		struct world_object *first = by_name[i - 1], *o = by_name[i];
		/* Whether the configuration file wins over a resource is lib/model/config.h's. */
		if (*o->name == '\0' || o->kind == WORLD_OTHER || !same_name(first, o) ||
		    world_is_live(o) || doc_is_config_file(o->where.doc))
			continue;
		if (world_is_live(first)) {
			o->live = first->json;
			first->hidden = true;
		} else if (o->kind != WORLD_CONFIG) {
			doc_fault(o->where, o->json, &w->faults, "metadata.name",
				  "%s %s is there already, at %s:%u", o->kind_name, o->name,
				  doc_file(first->where.doc),
				  doc_line(first->where.doc, first->json));
		}
	}
	free(by_name);
}

/* Where a file stands among those given; behind them for what has no file. */
static size_t file_rank(const struct world *w, const char *file)
{
	size_t i = 0;

	while (i < w->files.count && strcmp(w->files.items[i], file) != 0)
		i++;
	return i;
}

static bool fault_before(const struct world *w, const struct fault *a, const struct fault *b)
{
	size_t x = file_rank(w, a->file), y = file_rank(w, b->file);

	return x != y ? x < y : a->line < b->line;
}

void world_sort_faults(struct world *w)
{
	struct fault *f = w->faults.items;

	/* By insertion: stable, and there are few. */
	for (size_t i = 1; i < w->faults.count; i++) {
		struct fault moving = f[i];
		size_t at = i;
		for (; at > 0 && fault_before(w, &moving, &f[at - 1]); at--)
			f[at] = f[at - 1];
		f[at] = moving;
	}
}

void world_done(struct world *w)
{
	for (size_t i = 0; i < w->count; i++)
		if (w->items[i].owned)
			cJSON_Delete(w->items[i].json);
	array_free(w);
	for (size_t i = 0; i < w->docs.count; i++)
		doc_free(w->docs.items[i]);
	array_free(&w->docs);
	array_free(&w->files);
	faults_free(&w->faults);
}
