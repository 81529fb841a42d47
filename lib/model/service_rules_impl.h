// SPDX-License-Identifier: Apache-2.0
/* What the files of service_rules.h share: reading a spec, the books, the steps. */
#ifndef BELLMAN_MODEL_SERVICE_RULES_IMPL_H
#define BELLMAN_MODEL_SERVICE_RULES_IMPL_H

#include <string.h>

#include "lib/base/ip.h"
#include "lib/base/must.h"
#include "lib/base/rangeset.h"
#include "lib/model/json.h"
#include "lib/model/service_rules.h"

#define SERVICE_ONLY_LB "may only be used when `type` is 'LoadBalancer'"

enum { CLUSTER_IPS_MAX = 2, FIELD_MAX = 96 };

/* --- the books ---------------------------------------------------------------------------- */

/* An address or a port that a Service holds. */
struct claim {
	uint8_t family; /* IP_NONE: a node port */
	u128 number;
};
struct claims {
	ARRAY_OF(struct claim);
};

/*
 * Which numbers may be given out. Those before @dynamic are left to those who ask for one, until
 * all others are gone. Empty: first > last.
 */
struct bounds {
	u128 first, dynamic, last;
};

struct service_books {
	struct ip_prefix cidrs[CLUSTER_IPS_MAX]; /* the primary family first */
	struct bounds ip_bounds[CLUSTER_IPS_MAX];
	struct rangeset *ips[CLUSTER_IPS_MAX];
	unsigned cidr_count;
	struct bounds port_bounds;
	struct rangeset *ports;
	bool tell_all;
};

/* --- one Service under way ---------------------------------------------------------------- */

struct rule_run {
	struct service_books *books;
	cJSON *service, *spec;
	const cJSON *old; /* the stored spec, NULL on create */
	struct rule_causes *causes;
	struct claims taken; /* to give back when a later step refuses */
};

/* The steps in their order. Those that can refuse add causes; rc as of service_rules_apply(). */
bool service_check_types(const cJSON *service, struct rule_causes *causes);
void service_prune(cJSON *service); /* what is null or empty goes, as the API leaves it out */
void service_default(cJSON *service);
void service_carry_over(cJSON *spec, const cJSON *old_spec);
void service_normalize_cluster_ips(cJSON *spec, const cJSON *old_spec);
int service_settle_families(struct rule_run *r);
int service_claim_ips(struct rule_run *r);
int service_claim_ports(struct rule_run *r);
void service_drop_unfit(struct rule_run *r);
void service_validate_update(const struct rule_run *r);
/* @settled: the health check has its port. */
void service_validate(const cJSON *service, bool settled, struct rule_causes *causes);
/* What validation says of clusterIPs, ipFamilies and ipFamilyPolicy; the first step needs it too.
 */
void service_validate_cluster_ips(const cJSON *spec, struct rule_causes *causes);

void service_validate_class(const cJSON *spec, struct rule_causes *causes);
void service_validate_external_ips(const cJSON *spec, struct rule_causes *causes);
/* In the field, or else in the annotation that came before it. */
void service_validate_source_ranges(const cJSON *service, struct rule_causes *causes);

/* A PreferDualStack Service keeps its families, whatever the cluster has, until it is edited. */
bool service_keeps_preference(const struct rule_run *r);

/* What a stored spec holds of the books. @fn is called for each. */
typedef void (*claim_fn)(struct service_books *b, struct claim c);
void service_held_ips(struct service_books *b, const cJSON *spec, claim_fn fn);
void service_held_ports(struct service_books *b, const cJSON *spec, claim_fn fn);

/* The prefix of a family, or -1: the cluster has none. */
int books_index(const struct service_books *b, uint8_t family);
bool books_has(const struct service_books *b, struct claim c);
void books_give(struct service_books *b, struct claim c);
void books_take(struct rule_run *r, struct claim c);
/*
 * Take a free number of @family. Where the search begins depends on the Service and on @what, and
 * is the same each time. False: none is left.
 */
bool books_pick(struct rule_run *r, uint8_t family, const char *what, u128 *ret);

/* --- addresses as Kubernetes takes them ---------------------------------------------------- */

static inline const char *family_name(uint8_t family)
{
	return family == IP_V6 ? "IPv6" : "IPv4";
}

static inline uint8_t family_parse(const char *name)
{
	return strcmp(name, "IPv4") == 0 ? IP_V4 : strcmp(name, "IPv6") == 0 ? IP_V6 : IP_NONE;
}

static inline bool is_sloppy_ip(const char *text)
{
	struct ip_addr ip;

	return ip_parse_sloppy(text, &ip) == 0;
}

/* "must be a valid IP address, ..." when it is none. */
bool rule_check_ip(struct rule_causes *causes, const char *field, const char *text);

/* --- reading and changing a spec; null is absent, as in Kubernetes ------------------------- */

static inline cJSON *rule_get(const cJSON *o, const char *name)
{
	cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);

	return cJSON_IsNull(v) ? NULL : v;
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

static inline int rule_count(const cJSON *o, const char *name)
{
	return cJSON_GetArraySize(rule_get(o, name));
}

/* The text at @i of a list, NULL beyond its end. */
static inline const char *rule_item(const cJSON *o, const char *list, int i)
{
	return cJSON_GetStringValue(cJSON_GetArrayItem(rule_get(o, list), i));
}

/* Replace or add; @item is taken over. */
static inline void rule_set(cJSON *o, const char *name, cJSON *item)
{
	cJSON_DeleteItemFromObjectCaseSensitive(o, name);
	cJSON_AddItemToObject(o, name, must(item));
}

static inline void rule_set_text(cJSON *o, const char *name, const char *value)
{
	rule_set(o, name, cJSON_CreateString(value));
}

static inline void rule_drop(cJSON *o, const char *name)
{
	cJSON_DeleteItemFromObjectCaseSensitive(o, name);
}

static inline bool rule_same(const cJSON *a, const cJSON *b, const char *name)
{
	return json_equal(rule_get(a, name), rule_get(b, name));
}

/* The list, made when there is none. */
static inline cJSON *rule_list(cJSON *o, const char *name)
{
	if (rule_get(o, name) == NULL)
		rule_set(o, name, cJSON_CreateArray());
	return rule_get(o, name);
}

static inline void rule_list_add(cJSON *o, const char *list, const char *text)
{
	cJSON_AddItemToArray(rule_list(o, list), must(cJSON_CreateString(text)));
}

/* --- what the type of a Service entails ---------------------------------------------------- */

static inline bool has_cluster_ip(const cJSON *spec)
{
	return !rule_is(spec, "type", "ExternalName");
}

static inline bool is_load_balancer(const cJSON *spec)
{
	return rule_is(spec, "type", "LoadBalancer");
}

static inline bool has_node_ports(const cJSON *spec)
{
	return rule_is(spec, "type", "NodePort") || is_load_balancer(spec);
}

/* Node ports are given to those that ask for no number. */
static inline bool wants_node_ports(const cJSON *spec)
{
	return has_node_ports(spec) &&
	       !(is_load_balancer(spec) &&
		 cJSON_IsFalse(rule_get(spec, "allocateLoadBalancerNodePorts")));
}

static inline bool has_health_check(const cJSON *spec)
{
	return is_load_balancer(spec) && rule_is(spec, "externalTrafficPolicy", "Local");
}

static inline bool is_external(const cJSON *spec)
{
	return has_node_ports(spec) ||
	       (rule_is(spec, "type", "ClusterIP") && rule_count(spec, "externalIPs") > 0);
}

/* Validation looks at the list, the allocator at the single one: they may differ until checked. */
static inline bool is_headless(const cJSON *spec)
{
	return rule_count(spec, "clusterIPs") == 1 &&
	       strcmp(rule_item(spec, "clusterIPs", 0), "None") == 0;
}

/* Headless, and whoever writes the endpoints chooses their families. */
static inline bool is_bare(const cJSON *spec)
{
	return rule_is(spec, "clusterIP", "None") && rule_count(spec, "selector") == 0;
}

#endif
