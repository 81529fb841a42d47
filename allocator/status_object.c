// SPDX-License-Identifier: Apache-2.0
#include "allocator/status_object.h"

#include <string.h>

#include "lib/base/must.h"

#define ANNOTATION "metallb.io/ip-allocated-from-pool"

static cJSON *member(const cJSON *object, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(object, name);
}

/* --- the patch --------------------------------------------------------------------------- */

static void add_ingress(cJSON *status, const struct allocator_action *act)
{
	cJSON *balancer = must(cJSON_AddObjectToObject(status, "loadBalancer"));

	if (act->ip_count == 0) {
		must(cJSON_AddNullToObject(balancer, "ingress"));
		return;
	}
	cJSON *ingress = must(cJSON_AddArrayToObject(balancer, "ingress"));
	for (unsigned i = 0; i < act->ip_count; i++) {
		cJSON *entry = must(cJSON_CreateObject());
		char ip[IP_TEXT_MAX];

		must(cJSON_AddStringToObject(entry, "ip", ip_format(&act->ips[i], ip)));
		if (act->proxied)
			must(cJSON_AddStringToObject(entry, "ipMode", "Proxy"));
		cJSON_AddItemToArray(ingress, entry);
	}
}

/*
 * One entry of status.conditions, which a strategic merge patch merges by type: those of others
 * stay, and of our own a lastTransitionTime that is not mentioned.
 */
static void add_condition(cJSON *status, const struct allocator_condition *c, const char *now)
{
	if (c->set == ALLOCATOR_CONDITION_KEEP)
		return;
	cJSON *conditions = must(cJSON_AddArrayToObject(status, "conditions"));
	cJSON *entry = must(cJSON_CreateObject());
	cJSON_AddItemToArray(conditions, entry);
	must(cJSON_AddStringToObject(entry, "type", SERVICE_READY_CONDITION));
	if (c->set == ALLOCATOR_CONDITION_REMOVE) {
		must(cJSON_AddStringToObject(entry, "$patch", "delete"));
		return;
	}
	must(cJSON_AddStringToObject(entry, "status",
				     c->set == ALLOCATOR_CONDITION_TRUE ? "True" : "False"));
	must(cJSON_AddStringToObject(entry, "reason", c->reason));
	must(cJSON_AddStringToObject(entry, "message", c->message));
	if (c->turned)
		must(now != NULL ? cJSON_AddStringToObject(entry, "lastTransitionTime", now)
				 : cJSON_AddNullToObject(entry, "lastTransitionTime"));
}

/* {"metadata": {"resourceVersion", "annotations"}, "status": {"loadBalancer", "conditions"}} */
cJSON *status_object_patch(const struct allocator_action *act, const char *now)
{
	cJSON *patch = must(cJSON_CreateObject());
	cJSON *meta = must(cJSON_AddObjectToObject(patch, "metadata"));
	cJSON *annotations = must(cJSON_AddObjectToObject(meta, "annotations"));
	cJSON *status = must(cJSON_AddObjectToObject(patch, "status"));

	if (act->resource_version != NULL)
		must(cJSON_AddStringToObject(meta, "resourceVersion", act->resource_version));
	if (act->pool != NULL)
		must(cJSON_AddStringToObject(annotations, ANNOTATION, act->pool));
	else
		must(cJSON_AddNullToObject(annotations, ANNOTATION));
	add_ingress(status, act);
	add_condition(status, &act->condition, now);
	return patch;
}

/* --- what the API does with it ----------------------------------------------------------- */

static cJSON *made(cJSON *object, const char *name, bool array)
{
	cJSON *m = member(object, name);

	if (m != NULL && (array ? cJSON_IsArray(m) : cJSON_IsObject(m)))
		return m;
	cJSON_DeleteItemFromObjectCaseSensitive(object, name);
	return must(array ? cJSON_AddArrayToObject(object, name)
			  : cJSON_AddObjectToObject(object, name));
}

static void merge(cJSON *object, const cJSON *patch);

/* Of a list that is merged by type. */
static void merge_condition(cJSON *conditions, const cJSON *patch)
{
	const char *type = cJSON_GetStringValue(member(patch, "type"));
	cJSON *c;

	cJSON_ArrayForEach (c, conditions) {
		const char *its = cJSON_GetStringValue(member(c, "type"));
		if (its != NULL && strcmp(its, type) == 0)
			break;
	}
	if (member(patch, "$patch") != NULL) {
		if (c != NULL)
			cJSON_Delete(cJSON_DetachItemViaPointer(conditions, c));
		return;
	}
	if (c == NULL) {
		c = must(cJSON_CreateObject());
		cJSON_AddItemToArray(conditions, c);
	}
	merge(c, patch);
}

static void merge(cJSON *object, const cJSON *patch)
{
	const cJSON *p, *c;

	cJSON_ArrayForEach (p, patch) {
		if (cJSON_IsObject(p)) {
			merge(made(object, p->string, false), p);
		} else if (strcmp(p->string, "conditions") == 0) {
			cJSON *conditions = made(object, p->string, true);
			cJSON_ArrayForEach (c, p)
				merge_condition(conditions, c);
		} else {
			cJSON_DeleteItemFromObjectCaseSensitive(object, p->string);
			if (!cJSON_IsNull(p))
				cJSON_AddItemToObject(object, p->string,
						      must(cJSON_Duplicate(p, true)));
		}
	}
}

void status_object_apply(cJSON *service, const cJSON *patch)
{
	merge(service, patch);
}

/* --- reading ----------------------------------------------------------------------------- */

size_t status_object_ips(const cJSON *service, struct ip_addr ret[static IP_LIST_MAX])
{
	const cJSON *balancer = member(member(service, "status"), "loadBalancer");
	const cJSON *entry;
	size_t count = 0;

	cJSON_ArrayForEach (entry, member(balancer, "ingress")) {
		const char *ip = cJSON_GetStringValue(member(entry, "ip"));

		if (count < IP_LIST_MAX && ip != NULL && ip_parse(ip, &ret[count]) == 0)
			count++;
	}
	return count;
}
