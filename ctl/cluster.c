// SPDX-License-Identifier: Apache-2.0
#include "ctl/cluster.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/must.h"
#include "lib/model/service_rules.h"

#define NODE_PORTS "30000-32767"
#define FROM_POOL  "metallb.io/ip-allocated-from-pool"

static cJSON *get(const cJSON *object, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(object, key);
}

/* --- objects that need no more than decoding ------------------------------------------------ */

static void decode_objects(struct world *w, struct cluster *c)
{
	for (size_t i = 0; i < w->count; i++) {
		const struct world_object *o = &w->items[i];
		struct endpoint_slice *slice;
		struct node *node;
		struct namespace *namespace;

		if (o->hidden)
			continue;
		if (o->kind == WORLD_SLICE &&
		    endpoint_slice_decode(o->json, o->where, &w->faults, &slice) == 0)
			*(struct endpoint_slice **)must(array_push(&c->slices)) = slice;
		if (o->kind == WORLD_NODE && node_decode(o->json, o->where, &w->faults, &node) == 0)
			*(struct node **)must(array_push(&c->nodes)) = node;
		if (o->kind == WORLD_NAMESPACE &&
		    namespace_decode(o->json, o->where, &w->faults, &namespace) == 0)
			*(struct namespace **)must(array_push(&c->namespaces)) = namespace;
	}
}

static void build_config(struct world *w, struct cluster *c)
{
	struct config_inputs inputs = { 0 };

	for (size_t i = 0; i < w->count; i++) {
		const struct world_object *o = &w->items[i];
		/* Others too: it knows a mistaken kind of our own groups. */
		if (o->hidden || (o->kind != WORLD_CONFIG && o->kind != WORLD_OTHER))
			continue;
		*(struct config_input *)must(array_push(&inputs)) = (struct config_input){
			.object = o->json,
			.where = o->where,
			.from_file = doc_is_config_file(o->where.doc),
		};
	}
	if (config_build(&inputs, &w->faults, &c->config) != 0)
		c->config = NULL;
	array_free(&inputs);
}

/* --- Services ------------------------------------------------------------------------------- */

/* The node that a path such as spec.ports[0].port leads to, or the nearest one above it. */
static const cJSON *node_at(const cJSON *json, const char *path)
{
	while (*path != '\0') {
		const cJSON *next;
		if (*path == '[') {
			next = cJSON_GetArrayItem(json, atoi(path + 1));
			path += strcspn(path, "]");
			path += *path == ']';
		} else {
			char key[64] = "";
			size_t len = strcspn(path, ".[");
			if (len < sizeof(key))
				memcpy(key, path, len);
			next = get(json, key);
			/* The rules speak of the list, users write the first of it. */
			if (next == NULL && strcmp(key, "clusterIPs") == 0)
				next = get(json, "clusterIP");
			path += len;
		}
		path += *path == '.';
		if (next == NULL)
			break;
		json = next;
	}
	return json;
}

/* What kubectl apply leaves in place: the status, and what the allocator noted. */
static void inherit(cJSON *json, const cJSON *live)
{
	const cJSON *pool = get(get(get(live, "metadata"), "annotations"), FROM_POOL);
	cJSON *meta = get(json, "metadata"), *annotations = get(meta, "annotations");

	if (get(json, "status") == NULL && get(live, "status") != NULL)
		cJSON_AddItemToObject(json, "status",
				      must(cJSON_Duplicate(get(live, "status"), true)));
	if (pool == NULL)
		return;
	if (annotations == NULL)
		annotations = must(cJSON_AddObjectToObject(meta, "annotations"));
	if (get(annotations, FROM_POOL) == NULL)
		cJSON_AddItemToObject(annotations, FROM_POOL, must(cJSON_Duplicate(pool, true)));
}

/* Take the addresses in the status of @json down as those held. */
static void note_held(struct cluster_service *s, const cJSON *json)
{
	const cJSON *entry;
	struct ip_addr ip;

	cJSON_ArrayForEach (entry, get(get(get(json, "status"), "loadBalancer"), "ingress")) {
		if (ip_parse(cJSON_GetStringValue(get(entry, "ip")), &ip) != 0)
			continue;
		s->held = must(reallocarray(s->held, s->held_count + 1, sizeof(ip)));
		s->held[s->held_count++] = ip;
	}
}

static bool names_cluster_ip(const cJSON *json)
{
	return get(get(json, "spec"), "clusterIP") != NULL ||
	       get(get(json, "spec"), "clusterIPs") != NULL;
}

/* Send a file's Service through the rules of the API. False, with faults, when it is refused. */
static bool pass_rules(struct world *w, const struct world_object *o, struct service_books *books,
		       cJSON *json)
{
	struct rule_causes causes = { 0 };
	int rc = service_rules_apply(books, json, o->live, &causes);

	for (size_t i = 0; i < causes.count; i++)
		doc_fault(o->where, node_at(o->json, causes.items[i].field), &w->faults,
			  causes.items[i].field, "%s", causes.items[i].message);
	if (rc != 0 && causes.count == 0)
		doc_fault(o->where, o->json, &w->faults, "", "%s", strerror(-rc));
	array_free(&causes);
	return rc == 0;
}

static void add_service(struct world *w, struct cluster *c, const struct world_object *o,
			struct service_books *books)
{
	struct service *decoded;
	cJSON *json = must(cJSON_Duplicate(o->json, true));

	if (o->live != NULL)
		inherit(json, o->live);
	/* Decoded from the document for the sake of its lines; the API's own objects have passed.
	 */
	if (service_decode(o->json, o->where, &w->faults, &decoded) != 0) {
		cJSON_Delete(json);
		return;
	}
	service_free(decoded);

	struct cluster_service s = { .live = world_is_live(o), .name = o->name };
	note_held(&s, json);
	if ((!s.live && !pass_rules(w, o, books, json)) ||
	    service_decode(json, (struct where){ 0 }, &w->faults, &decoded) != 0) {
		cJSON_Delete(json);
		free(s.held);
		return;
	}
	service_free(decoded);
	s.json = json;
	s.ns = cJSON_GetStringValue(get(get(json, "metadata"), "namespace"));
	s.name = cJSON_GetStringValue(get(get(json, "metadata"), "name"));
	*(struct cluster_service *)must(array_push(&c->services)) = s;
}

static int service_cmp(const void *a, const void *b)
{
	const struct cluster_service *x = a, *y = b;
	int c = strcmp(x->ns, y->ns);

	return c != 0 ? c : strcmp(x->name, y->name);
}

struct cluster_service *cluster_service(const struct cluster *c, const char *ns, const char *name)
{
	struct cluster_service key = { .ns = ns, .name = name };

	return c->services.count == 0 ? NULL
				      : bsearch(&key, c->services.items, c->services.count,
						sizeof(key), service_cmp);
}

static void add_services(struct world *w, struct cluster *c, struct service_books *books)
{
	/* What is in the API first, then who names a cluster IP, then who takes what is left. */
	for (size_t i = 0; i < w->count; i++)
		if (w->items[i].kind == WORLD_SERVICE && world_is_live(&w->items[i]))
			service_rules_adopt(books, w->items[i].json);
	for (int named = 1; named >= 0; named--) {
		for (size_t i = 0; i < w->count; i++) {
			const struct world_object *o = &w->items[i];
			if (o->kind == WORLD_SERVICE && !o->hidden &&
			    names_cluster_ip(o->json) == (named == 1))
				add_service(w, c, o, books);
		}
	}
	if (c->services.count > 0)
		qsort(c->services.items, c->services.count, sizeof(*c->services.items),
		      service_cmp);
	for (size_t i = 0; i < c->slices.count; i++) {
		const struct endpoint_slice *e = c->slices.items[i];
		struct cluster_service *s =
			e->service == NULL ? NULL : cluster_service(c, e->meta.ns, e->service);
		if (s != NULL)
			s->has_slice = true;
	}
}

/* A namespace that only a Service speaks of has the one label that all have. */
static void add_namespaces(struct cluster *c)
{
	for (size_t i = 0; i < c->services.count; i++) {
		const char *ns = c->services.items[i].ns;
		bool known = i > 0 && strcmp(ns, c->services.items[i - 1].ns) == 0;
		struct faults faults = { 0 };
		struct namespace *namespace;

		for (size_t n = 0; n < c->namespaces.count && !known; n++)
			known = strcmp(c->namespaces.items[n]->meta.name, ns) == 0;
		if (known)
			continue;
		cJSON *json = must(cJSON_CreateObject());
		cJSON *meta = must(cJSON_AddObjectToObject(json, "metadata"));
		must(cJSON_AddStringToObject(meta, "name", ns));
		must(cJSON_AddStringToObject(must(cJSON_AddObjectToObject(meta, "labels")),
					     "kubernetes.io/metadata.name", ns));
		if (namespace_decode(json, (struct where){ 0 }, &faults, &namespace) == 0)
			*(struct namespace **)must(array_push(&c->namespaces)) = namespace;
		faults_free(&faults);
		cJSON_Delete(json);
	}
}

bool cluster_cidrs_valid(const char *service_cidrs)
{
	struct service_books *books = NULL;
	bool valid = service_books_new(service_cidrs, NODE_PORTS, &books) != -EINVAL;

	service_books_free(books);
	return valid;
}

void cluster_build(struct world *w, const char *service_cidrs, struct cluster *ret)
{
	struct service_books *books;

	*ret = (struct cluster){ 0 };
	build_config(w, ret);
	decode_objects(w, ret);
	if (service_books_new(service_cidrs, NODE_PORTS, &books) != 0)
		abort(); /* out of memory: the text was looked at, see cluster_cidrs_valid() */
	add_services(w, ret, books);
	add_namespaces(ret);
	service_books_free(books);
	world_sort_faults(w);
}

struct service *cluster_service_decode(const struct cluster_service *s)
{
	struct service *decoded = NULL;

	if (service_decode(s->json, (struct where){ 0 }, NULL, &decoded) != 0)
		abort(); /* cluster_build() has decoded it, and only the status has changed since */
	return decoded;
}

void cluster_done(struct cluster *c)
{
	config_unref(c->config);
	for (size_t i = 0; i < c->services.count; i++) {
		cJSON_Delete(c->services.items[i].json);
		free(c->services.items[i].held);
	}
	for (size_t i = 0; i < c->slices.count; i++)
		endpoint_slice_free(c->slices.items[i]);
	for (size_t i = 0; i < c->nodes.count; i++)
		node_free(c->nodes.items[i]);
	for (size_t i = 0; i < c->namespaces.count; i++)
		namespace_free(c->namespaces.items[i]);
	array_free(&c->services);
	array_free(&c->slices);
	array_free(&c->nodes);
	array_free(&c->namespaces);
}
