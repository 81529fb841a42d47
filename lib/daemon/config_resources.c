// SPDX-License-Identifier: Apache-2.0
#include "lib/daemon/config_resources.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/must.h"
#include "lib/model/json.h"
#include "lib/model/meta.h"

#define POOLS 0 /* index of the IPAddressPools */

/* A custom resource, reduced to what configuration is: no status, no managedFields. */
struct resource {
	char *name;
	char *uid;  /* NULL: the server says none */
	char *base; /* what its faults start with: "IPAddressPool/public" */
	cJSON *json;
};

static const struct resource_kind {
	const char *plural, *api;
	enum config_scope scope; /* who needs it: that one, and CONFIG_ALL */
} resource_kinds[] = {
	[POOLS] = { "ipaddresspools", "/apis/metallb.io/v1beta1", CONFIG_POOLS },
	{ "communities", "/apis/metallb.io/v1beta1", CONFIG_POOLS },
	{ "l2advertisements", "/apis/metallb.io/v1beta1", CONFIG_ALL },
	{ "bgpadvertisements", "/apis/metallb.io/v1beta1", CONFIG_ALL },
	{ "bgppeers", "/apis/metallb.io/v1beta2", CONFIG_ALL },
	{ "bfdprofiles", "/apis/metallb.io/v1beta1", CONFIG_ALL },
};
#define KINDS (sizeof(resource_kinds) / sizeof(*resource_kinds))

struct collection { /* what one watch has told */
	struct config_resources *of;
	struct kube_watch *watch;
	bool read;   /* listed once, or said to be absent */
	bool listed; /* once */
	bool lost;   /* the server refuses it since */
	ARRAY_OF(struct resource);
};

struct config_resources {
	struct config_resources_cfg cfg;
	struct collection collections[KINDS];
};

/* Is it part of the configuration? */
static bool is_in_scope(const struct config_resources *r, size_t kind)
{
	return r->cfg.scope == CONFIG_ALL || r->cfg.scope == resource_kinds[kind].scope;
}

static bool is_watched(const struct config_resources *r, size_t kind)
{
	return is_in_scope(r, kind) || r->cfg.watch_all;
}

/* --- what the API tells -------------------------------------------------------------- */

static void resource_done(struct resource *r)
{
	free(r->name);
	free(r->uid);
	free(r->base);
	cJSON_Delete(r->json);
}

static void touch(struct collection *c)
{
	if (is_in_scope(c->of, (size_t)(c - c->of->collections)))
		c->of->cfg.touched(c->of->cfg.arg);
}

static void look(struct collection *c)
{
	c->of->cfg.look(c->of->cfg.arg);
}

static struct resource *resource_find(struct collection *c, const char *name)
{
	for (size_t i = 0; i < c->count; i++)
		if (strcmp(c->items[i].name, name) == 0)
			return &c->items[i];
	return NULL;
}

static void copy_items(cJSON *to, const cJSON *from, const char *const *keys)
{
	for (; *keys != NULL; keys++) {
		const cJSON *item = cJSON_GetObjectItemCaseSensitive(from, *keys);
		if (item != NULL)
			cJSON_AddItemToObject(to, *keys, must(cJSON_Duplicate(item, true)));
	}
}

/* Without status and what the server keeps for itself, so that only a user's change is one. */
static cJSON *reduce(const cJSON *object)
{
	cJSON *to = must(cJSON_CreateObject());
	const cJSON *meta = cJSON_GetObjectItemCaseSensitive(object, "metadata");

	copy_items(to, object, (const char *const[]){ "apiVersion", "kind", "spec", NULL });
	copy_items(must(cJSON_AddObjectToObject(to, "metadata")), meta,
		   (const char *const[]){ "name", "namespace", "labels", "annotations", NULL });
	return to;
}

/* @object NULL: it is gone. */
static void pool_tell(struct collection *c, const char *name, const cJSON *object)
{
	const struct config_resources *r = c->of;

	if (r->cfg.pool_told != NULL && c == &r->collections[POOLS])
		r->cfg.pool_told(r->cfg.arg, name, object);
}

static void uid_set(struct resource *r, const cJSON *object)
{
	const char *uid = meta_text(object, "uid");

	free(r->uid);
	r->uid = must_copy(uid);
}

static void on_upsert(void *arg, const cJSON *object)
{
	struct collection *c = arg;
	const char *name = meta_text(object, "name");
	const char *kind = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, "kind"));

	if (name == NULL || kind == NULL)
		return;
	pool_tell(c, name, object);
	struct resource *r = resource_find(c, name);
	cJSON *json = reduce(object);
	if (r != NULL)
		uid_set(r, object);
	if (r != NULL && json_equal(r->json, json)) {
		cJSON_Delete(json);
		return;
	}
	if (r == NULL) {
		size_t len = strlen(kind) + 1 + strlen(name) + 1;
		r = must(array_push(c));
		r->name = must(strdup(name));
		r->base = must(malloc(len));
		snprintf(r->base, len, "%s/%s", kind, name);
		uid_set(r, object);
	} else {
		cJSON_Delete(r->json);
	}
	r->json = json;
	touch(c);
	if (c->read)
		look(c);
}

static void on_remove(void *arg, const char *ns, const char *name)
{
	struct collection *c = arg;
	struct resource *r = resource_find(c, name);

	(void)ns;
	if (r == NULL)
		return;
	pool_tell(c, name, NULL);
	resource_done(r);
	*r = c->items[--c->count];
	touch(c);
	look(c);
}

static void on_absent(void *arg) /* without the definitions there is nothing to wait for */
{
	struct collection *c = arg;

	c->read = true;
	look(c);
}

static void on_listed(void *arg)
{
	struct collection *c = arg;

	if (c->lost)
		touch(c); /* as when a file is mended */
	c->listed = true;
	c->lost = false;
	on_absent(c);
}

static void on_lost(void *arg, int status, const char *reason)
{
	struct collection *c = arg;

	(void)status;
	(void)reason; /* the watch has logged them */
	c->lost = true;
}

static const struct kube_watch_ops watch_ops = {
	.upsert = on_upsert,
	.remove = on_remove,
	.synced = on_listed,
	.absent = on_absent,
	.lost = on_lost,
};

/* --- questions ----------------------------------------------------------------------- */

bool config_resources_synced(const struct config_resources *r)
{
	for (size_t i = 0; i < KINDS; i++)
		if (is_in_scope(r, i) && !r->collections[i].read)
			return false;
	return true;
}

bool config_resources_lost(const struct config_resources *r)
{
	for (size_t i = 0; i < KINDS; i++)
		if (is_in_scope(r, i) && r->collections[i].lost)
			return true;
	return false;
}

bool config_resources_listed(const struct config_resources *r)
{
	for (size_t i = 0; i < KINDS; i++)
		if (is_in_scope(r, i) && r->collections[i].listed)
			return true;
	return false;
}

static void collection_add(const struct collection *c, struct config_inputs *to)
{
	for (size_t i = 0; i < c->count; i++) {
		struct config_input *in = must(array_push(to));

		in->object = c->items[i].json;
		in->where = (struct where){ .base = c->items[i].base };
	}
}

void config_resources_add(const struct config_resources *r, struct config_inputs *to)
{
	for (size_t i = 0; i < KINDS; i++)
		if (is_in_scope(r, i))
			collection_add(&r->collections[i], to);
}

bool config_resources_add_all(const struct config_resources *r, struct config_inputs *to)
{
	bool all = true;

	for (size_t i = 0; i < KINDS; i++) {
		collection_add(&r->collections[i], to);
		all = all && (r->collections[i].read || !is_watched(r, i));
	}
	return all;
}

const char *config_resources_pool_uid(const struct config_resources *r, const char *name)
{
	const struct collection *c = &r->collections[POOLS];

	for (size_t i = 0; i < c->count; i++)
		if (strcmp(c->items[i].name, name) == 0)
			return c->items[i].uid;
	return NULL;
}

/* --- life ---------------------------------------------------------------------------- */

struct config_resources *config_resources_open(const struct config_resources_cfg *cfg)
{
	struct config_resources *r = must(calloc(1, sizeof(*r)));

	r->cfg = *cfg;
	for (size_t i = 0; i < KINDS; i++)
		r->collections[i].of = r;
	for (size_t i = 0; i < KINDS; i++) {
		struct collection *c = &r->collections[i];
		const struct resource_kind *k = &resource_kinds[i];
		if (!is_watched(r, i))
			continue;
		char *path = must(kube_path(k->api, cfg->ns, k->plural, NULL, NULL));

		c->watch = kube_watch_start(cfg->kube, path, NULL, &watch_ops, c);
		free(path);
		if (c->watch == NULL)
			return config_resources_close(r);
	}
	return r;
}

struct config_resources *config_resources_close(struct config_resources *r)
{
	if (r == NULL)
		return NULL;
	for (size_t i = 0; i < KINDS; i++) {
		struct collection *c = &r->collections[i];
		kube_watch_stop(c->watch);
		for (size_t j = 0; j < c->count; j++)
			resource_done(&c->items[j]);
		array_free(c);
	}
	free(r);
	return NULL;
}
