// SPDX-License-Identifier: Apache-2.0
/*
 * Defaults of a Service, what an update carries over from the stored one, and what a
 * change of type drops (Kubernetes: SetDefaults_Service, patchAllocatedValues,
 * NormalizeClusterIPs, dropTypeDependentFields).
 */
#include "lib/model/service_rules_impl.h"

static void default_text(cJSON *o, const char *name, const char *value)
{
	if (rule_text(o, name)[0] == '\0')
		rule_set(o, name, cJSON_CreateString(value));
}

static void default_ports(cJSON *spec)
{
	cJSON *port;

	cJSON_ArrayForEach (port, rule_get(spec, "ports")) {
		const cJSON *target = rule_get(port, "targetPort");

		default_text(port, "protocol", "TCP");
		if (target == NULL || (cJSON_IsNumber(target) && target->valueint == 0) ||
		    (cJSON_IsString(target) && target->valuestring[0] == '\0'))
			rule_set(port, "targetPort", cJSON_CreateNumber(rule_int(port, "port")));
		if (rule_int(port, "nodePort") == 0)
			rule_drop(port, "nodePort");
	}
}

static void default_affinity(cJSON *spec)
{
	default_text(spec, "sessionAffinity", "None");
	if (rule_is(spec, "sessionAffinity", "None")) {
		rule_drop(spec, "sessionAffinityConfig");
		return;
	}
	if (!rule_is(spec, "sessionAffinity", "ClientIP"))
		return;
	cJSON *config = rule_get(spec, "sessionAffinityConfig");
	cJSON *client = rule_get(config, "clientIP");
	if (rule_get(client, "timeoutSeconds") != NULL)
		return;
	config = cJSON_CreateObject();
	client = cJSON_AddObjectToObject(config, "clientIP");
	cJSON_AddNumberToObject(client, "timeoutSeconds", 10800);
	rule_set(spec, "sessionAffinityConfig", config);
}

/* status.loadBalancer.ingress[].ipMode, where there is an ip. */
static void default_ingress(cJSON *service)
{
	cJSON *lb = rule_get(rule_get(service, "status"), "loadBalancer"), *entry;

	cJSON_ArrayForEach (entry, rule_get(lb, "ingress"))
		if (cJSON_IsObject(entry) && rule_text(entry, "ip")[0] != '\0')
			default_text(entry, "ipMode", "VIP");
}

void service_default(cJSON *service)
{
	cJSON *spec = rule_get(service, "spec");

	default_text(spec, "type", "ClusterIP");
	default_affinity(spec);
	default_ports(spec);
	if (is_external(spec))
		default_text(spec, "externalTrafficPolicy", "Cluster");
	if (has_cluster_ip(spec))
		default_text(spec, "internalTrafficPolicy", "Cluster");
	if (is_load_balancer(spec)) {
		if (rule_get(spec, "allocateLoadBalancerNodePorts") == NULL)
			rule_set(spec, "allocateLoadBalancerNodePorts", cJSON_CreateTrue());
		default_ingress(service);
	}
	if (rule_int(spec, "healthCheckNodePort") == 0)
		rule_drop(spec, "healthCheckNodePort");
}

static void carry(cJSON *spec, const cJSON *old, const char *name)
{
	const cJSON *value = rule_get(old, name);

	if (value != NULL)
		rule_set(spec, name, cJSON_Duplicate(value, 1));
}

static bool uses_node_port(const cJSON *spec, int node_port)
{
	const cJSON *port;

	cJSON_ArrayForEach (port, rule_get(spec, "ports"))
		if (rule_int(port, "nodePort") == node_port)
			return true;
	return false;
}

/* Two Services that do not ask for node ports: one left out then is one given back. */
static bool may_give_back_ports(const cJSON *spec, const cJSON *old)
{
	return cJSON_IsFalse(rule_get(spec, "allocateLoadBalancerNodePorts")) &&
	       cJSON_IsFalse(rule_get(old, "allocateLoadBalancerNodePorts"));
}

/* By the name of the port, as Kubernetes does: its number may have changed. */
static void carry_node_ports(cJSON *spec, const cJSON *old)
{
	cJSON *port;
	const cJSON *before;

	cJSON_ArrayForEach (port, rule_get(spec, "ports")) {
		if (rule_int(port, "nodePort") != 0)
			continue;
		cJSON_ArrayForEach (before, rule_get(old, "ports")) {
			int node_port = rule_int(before, "nodePort");

			if (node_port == 0 || uses_node_port(spec, node_port) ||
			    strcmp(rule_text(before, "name"), rule_text(port, "name")) != 0)
				continue;
			rule_set(port, "nodePort", cJSON_CreateNumber(node_port));
			break;
		}
	}
}

/* So that the manifest that made a Service can be sent again, though it has none of these. */
void service_carry_over(cJSON *spec, const cJSON *old)
{
	if (has_cluster_ip(spec) && has_cluster_ip(old)) {
		if (rule_text(spec, "clusterIP")[0] == '\0')
			carry(spec, old, "clusterIP");
		if (cJSON_GetArraySize(rule_get(spec, "clusterIPs")) == 0)
			carry(spec, old, "clusterIPs");
		if (cJSON_GetArraySize(rule_get(spec, "ipFamilies")) == 0)
			carry(spec, old, "ipFamilies");
		if (rule_get(spec, "ipFamilyPolicy") == NULL)
			carry(spec, old, "ipFamilyPolicy");
	}
	if (has_node_ports(spec) && has_node_ports(old) && !may_give_back_ports(spec, old))
		carry_node_ports(spec, old);
	if (has_health_check(spec) && has_health_check(old) &&
	    rule_int(spec, "healthCheckNodePort") == 0)
		carry(spec, old, "healthCheckNodePort");
}

/* clusterIP and clusterIPs say the same: a client that knows only the first one sets both. */
void service_normalize_cluster_ips(cJSON *spec, const cJSON *old)
{
	const char *ip = rule_text(spec, "clusterIP");
	bool changed = old == NULL || !rule_same(spec, old, "clusterIP");
	bool stale = old == NULL ? cJSON_GetArraySize(rule_get(spec, "clusterIPs")) == 0
				 : rule_same(spec, old, "clusterIPs");

	if (!changed || !stale)
		return;
	if (ip[0] == '\0') {
		rule_drop(spec, "clusterIPs");
		return;
	}
	cJSON *list = cJSON_CreateArray();
	cJSON_AddItemToArray(list, cJSON_CreateString(ip));
	rule_set(spec, "clusterIPs", list);
}

static void drop_same(cJSON *spec, const cJSON *old, const char *name)
{
	if (rule_same(spec, old, name))
		rule_drop(spec, name);
}

/* Drop what the new type does not have and the user did not touch; what they set is validated. */
void service_drop_unfit(cJSON *service, const cJSON *old)
{
	cJSON *spec = rule_get(service, "spec"), *port;

	if (has_cluster_ip(old) && !has_cluster_ip(spec)) {
		drop_same(spec, old, "clusterIP");
		drop_same(spec, old, "clusterIPs");
		drop_same(spec, old, "ipFamilies");
		drop_same(spec, old, "ipFamilyPolicy");
	}
	if (has_node_ports(old) && !has_node_ports(spec))
		cJSON_ArrayForEach (port, rule_get(spec, "ports"))
			if (uses_node_port(old, rule_int(port, "nodePort")))
				rule_drop(port, "nodePort");
	if (has_health_check(old) && !has_health_check(spec))
		drop_same(spec, old, "healthCheckNodePort");
	if (is_load_balancer(old) && !is_load_balancer(spec)) {
		drop_same(spec, old, "allocateLoadBalancerNodePorts");
		drop_same(spec, old, "loadBalancerClass");
	}
	if (is_external(old) && !is_external(spec))
		drop_same(spec, old, "externalTrafficPolicy");
	if (!is_load_balancer(spec)) {
		cJSON *status = rule_get(service, "status");
		if (cJSON_IsObject(status))
			rule_set(status, "loadBalancer", cJSON_CreateObject());
	}
}
