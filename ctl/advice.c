// SPDX-License-Identifier: Apache-2.0
#include "ctl/advice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "allocator/request.h"
#include "ctl/peek.h"
#include "lib/base/must.h"
#include "lib/model/json.h"
#include "lib/model/schema.h"
#include "lib/model/service_rules.h"

/* --- Services --------------------------------------------------------------------------------- */

#define REQUEST "loadBalancerIPs"

static const char *const metallb_names[] = { REQUEST, "address-pool", "allow-shared-ip",
					     "ip-allocated-from-pool", NULL };
/* What Bellman adds stands on pools and advertisements; on a Service it is written, not read. */
static const char *const bellman_names[] = { "owner", NULL };

static const struct family {
	const char *prefix;
	const char *const *names;
	const char *today; /* the prefix under which a name is to be written */
} families[] = {
	{ "metallb.io/", metallb_names, "metallb.io/" },
	{ "metallb.universe.tf/", metallb_names, "metallb.io/" }, /* of old releases */
	{ "bellman.io/", bellman_names, "bellman.io/" },
};

/*
 * Read @asks as the allocator will, and tell at @j what it would say. @many: there may be a pool
 * that gives several addresses of one family.
 */
static void check_request(const struct json *j, const struct service *asks, bool many)
{
	struct ip_list ips;
	char why[WHY_MAX] = "";

	if (!request_of(asks, many, &ips, why))
		json_fault(j, "%s", why);
}

/* Whose annotation it is, with the name behind the prefix; NULL for the keys of others. */
static const struct family *family_of(const char *key, const char **ret_name)
{
	for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++) {
		size_t len = strlen(families[i].prefix);
		if (strncmp(key, families[i].prefix, len) != 0)
			continue;
		*ret_name = key + len;
		return &families[i];
	}
	return NULL;
}

static bool is_request(const char *key)
{
	const char *name;
	const struct family *family = family_of(key, &name);

	return family != NULL && family->names == metallb_names && strcmp(name, REQUEST) == 0;
}

static void check_annotation(const struct json *j, bool many)
{
	const char *name;
	const struct family *family = family_of(j->key, &name);
	size_t i = 0;

	if (family == NULL)
		return;
	while (family->names[i] != NULL && strcmp(family->names[i], name) != 0)
		i++;
	const char *nearest = json_nearest(name, family->names);
	if (family->names[i] == NULL && nearest != NULL)
		json_warn(j, "unknown annotation, did you mean %s%s?", family->today, nearest);
	else if (family->names[i] == NULL)
		json_warn(j, "unknown annotation");
	else if (is_request(j->key) && cJSON_IsString(j->value))
		check_request(j, &(struct service){ .requested_ips = j->value->valuestring }, many);
}

static void check_service(const struct world_object *o, bool many, struct faults *faults)
{
	struct json_source source = { .where = o->where, .faults = faults };
	const cJSON *in_annotation = NULL;
	const cJSON *annotations = peek(peek(o->json, "metadata"), "annotations");
	const cJSON *in_spec = peek(peek(o->json, "spec"), "loadBalancerIP");

	struct json spec = json_root(&source, peek(o->json, "spec"), "spec");
	service_warn_of_unknown(&spec);
	/* Of any other type they are faults already, of decoding. */
	if (cJSON_IsObject(annotations)) {
		struct json root = json_root(&source, annotations, "metadata.annotations");
		json_each (j, &root) {
			check_annotation(&j, many);
			if (is_request(j.key))
				in_annotation = j.value;
		}
	}
	if (cJSON_IsString(in_spec)) {
		struct json j = json_root(&source, in_spec, "spec.loadBalancerIP");
		check_request(&j,
			      &(struct service){
				      .lb_ip = in_spec->valuestring,
				      .requested_ips = cJSON_GetStringValue(in_annotation),
			      },
			      many);
	}
}

/* --- references ------------------------------------------------------------------------------- */

static const struct reference {
	const char *kind, *field; /* one name, or a list of them */
	const char *to;
} references[] = {
	{ "L2Advertisement", "ipAddressPools", "IPAddressPool" },
	{ "BGPAdvertisement", "ipAddressPools", "IPAddressPool" },
	{ "BGPAdvertisement", "peers", "BGPPeer" },
	{ "BGPPeer", "bfdProfile", "BFDProfile" },
};

static int config_cmp(const void *a, const void *b)
{
	const struct world_object *x = *(struct world_object *const *)a;
	const struct world_object *y = *(struct world_object *const *)b;
	int c = strcmp(x->kind_name, y->kind_name);

	return c != 0 ? c : strcmp(x->name, y->name);
}

/* The configuration objects that somebody reads, by kind and name. */
struct configs {
	ARRAY_OF(const struct world_object *);
};

static void check_name(const struct json *j, const char *kind, const struct configs *configs)
{
	const char *name = cJSON_GetStringValue(j->value);
	const struct world_object wanted = { .kind_name = kind, .name = name }, *key = &wanted;

	if (name != NULL && *name != '\0' &&
	    bsearch(&key, configs->items, configs->count, sizeof(*configs->items), config_cmp) ==
		    NULL)
		json_warn(j, "%s \"%s\" is in none of these files", kind, name);
}

static void check_references(const struct world_object *o, const struct configs *configs,
			     struct faults *faults)
{
	struct json_source source = { .where = o->where, .faults = faults };

	for (size_t i = 0; i < sizeof(references) / sizeof(*references); i++) {
		const struct reference *r = &references[i];
		char path[64];

		if (strcmp(r->kind, o->kind_name) != 0)
			continue;
		snprintf(path, sizeof(path), "spec.%s", r->field);
		struct json value = json_root(&source, peek(peek(o->json, "spec"), r->field), path);
		if (cJSON_IsArray(value.value)) {
			json_each (j, &value)
				check_name(&j, r->to, configs);
		} else {
			check_name(&value, r->to, configs);
		}
	}
}

/* Is there a pool with perRange, or are the pools elsewhere, where one may be? */
static bool may_ask_for_many(const struct world *w)
{
	bool has_pools = false, per_range = false;

	for (size_t i = 0; i < w->count && !per_range; i++) {
		const struct world_object *o = &w->items[i];

		if (o->kind != WORLD_CONFIG || o->hidden ||
		    strcmp(o->kind_name, "IPAddressPool") != 0)
			continue;
		cJSON *own = kind_own_field(o->json, o->where, "perRange");
		has_pools = true;
		per_range = cJSON_IsTrue(own);
		cJSON_Delete(own);
	}
	return per_range || !has_pools;
}

void advise(struct world *w)
{
	struct configs configs = { 0 };
	bool many = may_ask_for_many(w);

	for (size_t i = 0; i < w->count; i++) {
		const struct world_object *o = &w->items[i];
		if (o->kind == WORLD_CONFIG && !o->hidden)
			*(const struct world_object **)must(array_push(&configs)) = o;
		else if (o->kind == WORLD_SERVICE)
			check_service(o, many, &w->faults);
	}
	if (configs.count > 0)
		qsort(configs.items, configs.count, sizeof(*configs.items), config_cmp);
	for (size_t i = 0; i < configs.count; i++)
		check_references(configs.items[i], &configs, &w->faults);
	array_free(&configs);
}
