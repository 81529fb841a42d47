// SPDX-License-Identifier: Apache-2.0
/* What the files of service_rules.h share: reading a spec, adding causes, the steps. */
#ifndef BELLMAN_MODEL_SERVICE_RULES_IMPL_H
#define BELLMAN_MODEL_SERVICE_RULES_IMPL_H

#include <string.h>

#include "lib/base/rangeset.h"
#include "lib/model/json.h"
#include "lib/model/service_rules.h"

enum { CLUSTER_IPS_MAX = 2 };

/* The steps in their order; those that can refuse add causes. @old: NULL on create. */
void service_types_check(const cJSON *spec, struct rule_causes *causes); /* JSON types alone */
void service_default(cJSON *service);
void service_normalize_cluster_ips(cJSON *spec, const cJSON *old_spec);
void service_carry_over(cJSON *spec, const cJSON *old_spec);
void service_drop_unfit(cJSON *service, const cJSON *old_spec);
void service_validate(const cJSON *spec, const cJSON *old_spec, struct rule_causes *causes);

/* What an address or a port was taken for, to give it back if a later step refuses. */
struct claim {
	uint8_t family; /* IP_NONE: a node port */
	u128 number;
};
struct claims {
	ARRAY_OF(struct claim);
};

struct service_books {
	struct ip_prefix cidrs[CLUSTER_IPS_MAX]; /* the primary family first */
	struct rangeset *ips[CLUSTER_IPS_MAX];
	unsigned cidr_count;
	uint16_t first_port, last_port;
	struct rangeset *ports;
};

/* Families and cluster IPs: 0, -EINVAL or -ENOSPC, with causes. Claims are added to @taken. */
int service_cluster_ips(struct service_books *b, const cJSON *service, cJSON *spec,
			const cJSON *old_spec, struct rule_causes *causes, struct claims *taken);
/* Node ports and the health check's. As above. */
int service_node_ports(struct service_books *b, const cJSON *service, cJSON *spec,
		       const cJSON *old_spec, struct rule_causes *causes, struct claims *taken);

/* What a stored spec holds of the books. @fn is called for each. */
typedef void (*claim_fn)(struct service_books *b, struct claim c);
void service_held_ips(struct service_books *b, const cJSON *spec, claim_fn fn);
void service_held_ports(struct service_books *b, const cJSON *spec, claim_fn fn);

int books_take(struct service_books *b, struct claim c, struct claims *taken);
void books_give(struct service_books *b, struct claim c);
struct rangeset *books_set(struct service_books *b, uint8_t family); /* NULL: not ours */
/* A number that differs by Service, the same each time: where the search for a free one begins. */
uint64_t service_hash(const cJSON *service, const char *what);

/* "Invalid value: VALUE: WHY" with the value as JSON. */
void rule_invalid(struct rule_causes *causes, const char *field, const cJSON *value,
		  const char *why);

static inline cJSON *rule_get(const cJSON *o, const char *name)
{
	cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);

	return cJSON_IsNull(v) ? NULL : v; /* null is absent, as in Kubernetes */
}

/* The string, "" for absent. */
static inline const char *rule_text(const cJSON *o, const char *name)
{
	const char *t = cJSON_GetStringValue(rule_get(o, name));

	return t == NULL ? "" : t;
}

static inline bool rule_is(const cJSON *o, const char *name, const char *value)
{
	return strcmp(rule_text(o, name), value) == 0;
}

static inline int rule_int(const cJSON *o, const char *name)
{
	const cJSON *v = rule_get(o, name);

	return cJSON_IsNumber(v) ? v->valueint : 0;
}

/* Replace or add; @item is taken over. */
static inline void rule_set(cJSON *o, const char *name, cJSON *item)
{
	cJSON_DeleteItemFromObjectCaseSensitive(o, name);
	cJSON_AddItemToObject(o, name, item);
}

static inline void rule_drop(cJSON *o, const char *name)
{
	cJSON_DeleteItemFromObjectCaseSensitive(o, name);
}

static inline bool rule_same(const cJSON *a, const cJSON *b, const char *name)
{
	return json_equal(rule_get(a, name), rule_get(b, name));
}

/* What the type of a Service entails. */
static inline bool has_cluster_ip(const cJSON *spec)
{
	return !rule_is(spec, "type", "ExternalName");
}

static inline bool has_node_ports(const cJSON *spec)
{
	return rule_is(spec, "type", "NodePort") || rule_is(spec, "type", "LoadBalancer");
}

static inline bool is_load_balancer(const cJSON *spec)
{
	return rule_is(spec, "type", "LoadBalancer");
}

static inline bool has_health_check(const cJSON *spec)
{
	return is_load_balancer(spec) && rule_is(spec, "externalTrafficPolicy", "Local");
}

static inline bool is_external(const cJSON *spec)
{
	return has_node_ports(spec) || (rule_is(spec, "type", "ClusterIP") &&
					cJSON_GetArraySize(rule_get(spec, "externalIPs")) > 0);
}

static inline bool is_headless(const cJSON *spec)
{
	return rule_is(spec, "clusterIP", "None");
}

#endif
