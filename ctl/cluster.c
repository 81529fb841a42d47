// SPDX-License-Identifier: Apache-2.0
#include "ctl/cluster.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "allocator/reserve_map.h"
#include "ctl/peek.h"
#include "lib/base/must.h"
#include "lib/model/service_rules.h"

#define NODE_PORTS "30000-32767"
#define FROM_POOL  "metallb.io/ip-allocated-from-pool"

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
	struct {
		ARRAY_OF(const cJSON *);
	} secrets = { 0 };
	struct config_inputs inputs = {
		.frr = config_frr_limits(getenv("METALLB_BGP_TYPE"), FRR_LIMITS_WARN),
		.ns = world_namespace(w),
		.nodes = (const struct node *const *)c->nodes.items,
		.node_count = c->nodes.count,
		.references_may_come = true, /* advice.c warns of what is not in the files */
	};

	for (size_t i = 0; i < w->count; i++) {
		const struct world_object *o = &w->items[i];
		if (o->kind == WORLD_OTHER && strcmp(o->kind_name, "Secret") == 0)
			*(const cJSON **)must(array_push(&secrets)) = o->json;
		/* Others too: it knows a mistaken kind of our own groups. */
		if (o->hidden || (o->kind != WORLD_CONFIG && o->kind != WORLD_OTHER))
			continue;
		*(struct config_input *)must(array_push(&inputs)) = (struct config_input){
			.object = o->json,
			.where = o->where,
			.from_file = doc_is_config_file(o->where.doc),
		};
	}
	inputs.secrets = secrets.items;
	inputs.secret_count = secrets.count;
	if (config_build(&inputs, &w->faults, &c->config) != 0)
		c->config = NULL;
	array_free(&secrets);
	array_free(&inputs);
}

/* What the allocator keeps for Services that are gone: of files, else of the API. */
static void find_reservations(const struct world *w, struct cluster *c)
{
	for (size_t i = 0; i < w->count; i++) {
		const struct world_object *o = &w->items[i];
		if (strcmp(o->kind_name, "ConfigMap") == 0 &&
		    strcmp(o->name, RESERVE_MAP_NAME) == 0 &&
		    strcmp(o->ns, world_namespace(w)) == 0 &&
		    (c->reservations == NULL || !world_is_live(o)))
			c->reservations = o->json;
	}
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
			next = peek(json, key);
			/* The rules speak of the list, users write the first of it. */
			if (next == NULL && strcmp(key, "clusterIPs") == 0)
				next = peek(json, "clusterIP");
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
	const cJSON *pool = peek(peek(peek(live, "metadata"), "annotations"), FROM_POOL);
	cJSON *meta = peek(json, "metadata"), *annotations = peek(meta, "annotations");

	if (peek(json, "status") == NULL && peek(live, "status") != NULL)
		cJSON_AddItemToObject(json, "status",
				      must(cJSON_Duplicate(peek(live, "status"), true)));
	if (pool == NULL)
		return;
	if (annotations == NULL)
		annotations = must(cJSON_AddObjectToObject(meta, "annotations"));
	if (peek(annotations, FROM_POOL) == NULL)
		cJSON_AddItemToObject(annotations, FROM_POOL, must(cJSON_Duplicate(pool, true)));
}

/* Take down what @json says that is held: the addresses in its status, and their pool. */
static void note_held(struct cluster_service *s, const cJSON *json)
{
	const char *pool =
		cJSON_GetStringValue(peek(peek(peek(json, "metadata"), "annotations"), FROM_POOL));
	const cJSON *entry;
	struct ip_addr ip;

	if (pool != NULL)
		s->held_pool = must(strdup(pool));
	cJSON_ArrayForEach (entry, peek(peek(peek(json, "status"), "loadBalancer"), "ingress")) {
		if (ip_parse(cJSON_GetStringValue(peek(entry, "ip")), &ip) != 0)
			continue;
		s->held = must(reallocarray(s->held, s->held_count + 1, sizeof(ip)));
		s->held[s->held_count++] = ip;
	}
}

static bool names_cluster_ip(const cJSON *json)
{
	return peek(peek(json, "spec"), "clusterIP") != NULL ||
	       peek(peek(json, "spec"), "clusterIPs") != NULL;
}

/* Does one of the faults from @first up to @end tell of @field, or of what it lies in? */
static bool told(const struct faults *faults, size_t first, size_t end, const char *field)
{
	for (size_t i = first; i < end; i++) {
		const char *other = faults->items[i].field;
		if (*other != '\0' && strncmp(other, field, strlen(other)) == 0)
			return true;
	}
	return false;
}

/* A bad value that @json does not hold: a default, made of another one that is bad. */
static bool is_derived(const struct rule_cause *cause, const cJSON *json)
{
	const char *dot = strrchr(cause->field, '.'), *key = dot == NULL ? cause->field : dot + 1;
	const char *held = node_at(json, cause->field)->string;

	return strcmp(cause->reason, "FieldValueInvalid") == 0 && strchr(key, '[') == NULL &&
	       (held == NULL || strncmp(held, key, strlen(held)) != 0);
}

/*
 * Send a file's Service through the rules of the API. False, with faults, when it is refused.
 * What decoding has told, from @first on, is not told again.
 */
static bool pass_rules(struct world *w, const struct world_object *o, struct service_books *books,
		       cJSON *json, size_t first)
{
	struct rule_causes causes = { 0 };
	size_t end = w->faults.count;
	int rc = service_rules_apply(books, json, o->live, &causes);

	for (size_t i = 0; i < causes.count; i++) {
		const struct rule_cause *cause = &causes.items[i];
		if (cause_is_repeated(&causes, i) ||
		    (end > first &&
		     (told(&w->faults, first, end, cause->field) || is_derived(cause, o->json))))
			continue;
		doc_fault(o->where, node_at(o->json, cause->field), &w->faults, cause->field, "%s",
			  cause->message);
	}
	if (rc != 0 && causes.count == 0)
		doc_fault(o->where, o->json, &w->faults, "", "%s", strerror(-rc));
	causes_free(&causes);
	return rc == 0;
}

static bool decodes(const cJSON *json, struct where where, struct faults *faults)
{
	struct service *decoded;

	if (service_decode(json, where, faults, &decoded) != 0)
		return false;
	service_free(decoded);
	return true;
}

static void add_service(struct world *w, struct cluster *c, const struct world_object *o,
			struct service_books *books)
{
	cJSON *json = must(cJSON_Duplicate(o->json, true));
	size_t first = w->faults.count;

	if (o->live != NULL)
		inherit(json, o->live);
	/* Decoded from the document for the sake of its lines. What the rules find is told in the
	 * same go; the API's own objects have passed them. */
	bool good = decodes(o->json, o->where, &w->faults);
	if (!world_is_live(o))
		good = pass_rules(w, o, books, json, first) && good;
	if (!good || !decodes(json, (struct where){ 0 }, &w->faults)) {
		cJSON_Delete(json);
		return;
	}

	struct cluster_service s = {
		.json = json,
		.live = world_is_live(o),
		.ns = cJSON_GetStringValue(peek(peek(json, "metadata"), "namespace")),
		.name = cJSON_GetStringValue(peek(peek(json, "metadata"), "name")),
	};
	note_held(&s, json);
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

cJSON *cluster_namespace_json(const char *name)
{
	cJSON *json = must(cJSON_CreateObject());

	must(cJSON_AddStringToObject(json, "apiVersion", "v1"));
	must(cJSON_AddStringToObject(json, "kind", "Namespace"));
	cJSON *meta = must(cJSON_AddObjectToObject(json, "metadata"));
	must(cJSON_AddStringToObject(meta, "name", name));
	must(cJSON_AddStringToObject(must(cJSON_AddObjectToObject(meta, "labels")),
				     "kubernetes.io/metadata.name", name));
	return json;
}

/* Those that only a Service speaks of. */
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
		cJSON *json = cluster_namespace_json(ns);
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
	decode_objects(w, ret);
	build_config(w, ret);
	if (service_books_new(service_cidrs, NODE_PORTS, &books) != 0)
		abort(); /* out of memory: the text was looked at, see cluster_cidrs_valid() */
	service_books_tell_all(books);
	add_services(w, ret, books);
	find_reservations(w, ret);
	add_namespaces(ret);
	service_books_free(books);
	world_sort_faults(w);
}

void cluster_do_without_config(struct cluster *c)
{
	const struct config_inputs none = { 0 };
	struct faults faults = { 0 };

	if (config_build(&none, &faults, &c->config) != 0)
		abort(); /* out of memory: nothing is in order */
	faults_free(&faults);
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
		free(c->services.items[i].held_pool);
		free(c->services.items[i].cleared);
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
