// SPDX-License-Identifier: Apache-2.0
#include "ctl/advice_cluster.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/must.h"
#include "lib/model/json.h"
#include "lib/model/overlap.h"

static const cJSON *get(const cJSON *object, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(object, key);
}

/* --- overlaps --------------------------------------------------------------------------------- */

/* The addresses of a list with commas. False when one of them is none. */
static bool gateways_add(struct taken_ranges *t, const char *list)
{
	for (const char *at = list; at != NULL;) {
		size_t len = strcspn(at, ",");
		char text[IP_TEXT_MAX] = "";
		struct ip_addr ip;

		if (len < sizeof(text))
			memcpy(text, at, len);
		if (ip_parse(text, &ip) != 0)
			return false;
		must_0(taken_add_address(t, OVERLAP_GATEWAY, &ip, ""));
		at = at[len] == ',' ? at + len + 1 : NULL;
	}
	return true;
}

bool network_valid(const struct network *n, const char **ret_option)
{
	struct taken_ranges t = { 0 };
	const char *wrong = NULL;

	if (taken_add_service_cidrs(&t, n->service_cidrs) != 0)
		wrong = "--service-cidr";
	else if (!gateways_add(&t, n->gateways))
		wrong = "--gateway";
	taken_done(&t);
	if (wrong != NULL)
		*ret_option = wrong;
	return wrong == NULL;
}

/* As written in the file, not what an API server would have given. */
static void cluster_ips_add(struct taken_ranges *t, const struct world_object *o)
{
	const cJSON *spec = get(o->json, "spec"), *list = get(spec, "clusterIPs"), *item;
	const cJSON *single = get(spec, "clusterIP");
	struct ip_addr ip;
	char whose[600];

	snprintf(whose, sizeof(whose), "%s/%s", *o->ns != '\0' ? o->ns : "default", o->name);
	if (!cJSON_IsArray(list) && cJSON_IsString(single) &&
	    ip_parse_sloppy(single->valuestring, &ip) == 0)
		must_0(taken_add_address(t, OVERLAP_CLUSTER_IP, &ip, whose));
	if (!cJSON_IsArray(list))
		return;
	cJSON_ArrayForEach (item, list)
		if (cJSON_IsString(item) && ip_parse_sloppy(item->valuestring, &ip) == 0)
			must_0(taken_add_address(t, OVERLAP_CLUSTER_IP, &ip, whose));
}

static void taken_collect(const struct world *w, const struct cluster *c, const struct network *n,
			  struct taken_ranges *t)
{
	must_0(taken_add_service_cidrs(t, n->service_cidrs));
	gateways_add(t, n->gateways);
	for (size_t i = 0; i < c->nodes.count; i++)
		must_0(taken_add_node(t, c->nodes.items[i]));
	for (size_t i = 0; i < w->count; i++) {
		const struct world_object *o = &w->items[i];

		if (o->kind == WORLD_SERVICE && !o->hidden)
			cluster_ips_add(t, o);
		if (o->kind == WORLD_OTHER && strcmp(o->kind_name, "ServiceCIDR") == 0)
			must_0(taken_add_service_cidr_object(t, o->json));
	}
}

static const struct world_object *pool_object(const struct world *w, const char *name)
{
	for (size_t i = 0; i < w->count; i++) {
		const struct world_object *o = &w->items[i];

		if (o->kind == WORLD_CONFIG && !o->hidden && strcmp(o->name, name) == 0 &&
		    strcmp(o->kind_name, "IPAddressPool") == 0)
			return o;
	}
	return NULL;
}

static void warn_of_overlap(struct world *w, const struct overlap *overlap)
{
	const struct world_object *o = pool_object(w, overlap->pool);
	char field[64], what[700];

	if (o == NULL)
		return;
	const cJSON *addresses = get(get(o->json, "spec"), "addresses");
	snprintf(field, sizeof(field), "spec.addresses[%u]", overlap->index);
	doc_warn(o->where, cJSON_GetArrayItem(addresses, (int)overlap->index), &w->faults, field,
		 "%s: exclude it", overlap_format(overlap, what, sizeof(what)));
}

static void check_overlaps(struct world *w, const struct cluster *c, const struct network *n)
{
	struct taken_ranges t = { 0 };
	struct overlaps found = { 0 };

	taken_collect(w, c, n, &t);
	must_0(overlaps_find(c->config, &t, &found));
	for (size_t i = 0; i < found.count; i++)
		warn_of_overlap(w, &found.items[i]);
	overlaps_done(&found);
	taken_done(&t);
}

/* --- names of communities --------------------------------------------------------------------- */

static void check_communities(struct world *w, const struct world_object *o,
			      const struct config *config)
{
	struct json_source source = { .where = o->where, .faults = &w->faults };
	struct json list =
		json_root(&source, get(get(o->json, "spec"), "communities"), "spec.communities");

	if (!cJSON_IsArray(list.value))
		return;
	json_each (j, &list) {
		const char *text = cJSON_GetStringValue(j.value);

		if (text != NULL && strchr(text, ':') == NULL &&
		    config_community(config, text) == NULL)
			json_warn(&j, "no Community in these files names \"%s\"", text);
	}
}

void advise_on_cluster(struct world *w, const struct cluster *c, const struct network *n)
{
	if (c->config == NULL)
		return;
	check_overlaps(w, c, n);
	for (size_t i = 0; i < w->count; i++)
		if (w->items[i].kind == WORLD_CONFIG && !w->items[i].hidden &&
		    strcmp(w->items[i].kind_name, "BGPAdvertisement") == 0)
			check_communities(w, &w->items[i], c->config);
	world_sort_faults(w);
}
