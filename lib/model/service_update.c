// SPDX-License-Identifier: Apache-2.0
/*
 * What an update carries over from the stored Service, and what a change of type drops (Kubernetes:
 * patchAllocatedValues, normalizeClusterIPs, dropTypeDependentFields).
 */
#include "lib/model/service_rules_impl.h"

static void carry(cJSON *spec, const cJSON *old, const char *name)
{
	const cJSON *value = rule_get(old, name);

	if (value != NULL)
		rule_set(spec, name, cJSON_Duplicate(value, 1));
}

static bool has_node_port(const cJSON *ports, int node_port)
{
	const cJSON *port;

	cJSON_ArrayForEach (port, ports)
		if (rule_int(port, "nodePort") == node_port)
			return true;
	return false;
}

/*
 * By the name of the port, as Kubernetes does: its number may have changed. One that was sent for
 * another port is not given twice; one that two ports shared goes to both.
 */
static void carry_node_ports(const cJSON *spec, const cJSON *old)
{
	cJSON *sent = cJSON_Duplicate(rule_get(spec, "ports"), 1), *port;
	const cJSON *before;

	cJSON_ArrayForEach (port, rule_get(spec, "ports")) {
		if (rule_int(port, "nodePort") != 0)
			continue;
		cJSON_ArrayForEach (before, rule_get(old, "ports")) {
			int node_port = rule_int(before, "nodePort");

			if (node_port == 0 || !rule_is(before, "name", rule_text(port, "name")) ||
			    has_node_port(sent, node_port))
				continue;
			rule_set(port, "nodePort", cJSON_CreateNumber(node_port));
			break;
		}
	}
	cJSON_Delete(sent);
}

/* So that the manifest that made a Service can be sent again, though it has none of these. */
void service_carry_over(cJSON *spec, const cJSON *old)
{
	if (has_cluster_ip(spec) && has_cluster_ip(old)) {
		if (rule_text(spec, "clusterIP")[0] == '\0')
			carry(spec, old, "clusterIP");
		if (rule_count(spec, "clusterIPs") == 0)
			carry(spec, old, "clusterIPs");
	}
	if (wants_node_ports(spec) && wants_node_ports(old))
		carry_node_ports(spec, old);
	if (has_health_check(spec) && has_health_check(old) &&
	    rule_int(spec, "healthCheckNodePort") == 0)
		carry(spec, old, "healthCheckNodePort");
}

static void set_single(cJSON *spec)
{
	rule_drop(spec, "clusterIPs");
	rule_list_add(spec, "clusterIPs", rule_text(spec, "clusterIP"));
}

/* clusterIP and clusterIPs say the same: a client that knows only the first one sets both. */
void service_normalize_cluster_ips(cJSON *spec, const cJSON *old)
{
	if (old == NULL) {
		if (rule_text(spec, "clusterIP")[0] != '\0' && rule_count(spec, "clusterIPs") == 0)
			set_single(spec);
		return;
	}
	bool same = rule_is(spec, "clusterIP", rule_text(old, "clusterIP"));
	if (same && rule_count(spec, "clusterIPs") == 0)
		carry(spec, old, "clusterIPs");
	if (same || !rule_same(spec, old, "clusterIPs"))
		return;
	if (rule_text(spec, "clusterIP")[0] == '\0')
		rule_drop(spec, "clusterIPs");
	else
		set_single(spec);
}

static void drop_same(cJSON *spec, const cJSON *old, const char *name)
{
	if (rule_same(spec, old, name))
		rule_drop(spec, name);
}

static void drop_cluster_ips(cJSON *spec, const cJSON *old)
{
	if (rule_same(spec, old, "clusterIP") && rule_same(spec, old, "clusterIPs")) {
		rule_drop(spec, "clusterIP");
		rule_drop(spec, "clusterIPs");
	}
	drop_same(spec, old, "ipFamilies");
	drop_same(spec, old, "ipFamilyPolicy");
}

/* All or none: one that is new shows that the user means them. */
static void drop_node_ports(const cJSON *spec, const cJSON *old)
{
	cJSON *port;

	cJSON_ArrayForEach (port, rule_get(spec, "ports"))
		if (rule_int(port, "nodePort") != 0 &&
		    !has_node_port(rule_get(old, "ports"), rule_int(port, "nodePort")))
			return;
	cJSON_ArrayForEach (port, rule_get(spec, "ports"))
		rule_drop(port, "nodePort");
}

/* Drop what the new type does not have and the user did not touch; what they set is validated. */
void service_drop_unfit(struct rule_run *r)
{
	cJSON *spec = r->spec, *status = rule_get(r->service, "status");
	const cJSON *old = r->old;

	if (has_cluster_ip(old) && !has_cluster_ip(spec))
		drop_cluster_ips(spec, old);
	if (has_node_ports(old) && !has_node_ports(spec))
		drop_node_ports(spec, old);
	if (has_health_check(old) && !has_health_check(spec))
		drop_same(spec, old, "healthCheckNodePort");
	if (is_load_balancer(old) && !is_load_balancer(spec)) {
		drop_same(spec, old, "allocateLoadBalancerNodePorts");
		drop_same(spec, old, "loadBalancerClass");
	}
	if (is_external(old) && !is_external(spec))
		drop_same(spec, old, "externalTrafficPolicy");
	if (!is_load_balancer(spec) && cJSON_IsObject(status))
		rule_set(status, "loadBalancer", cJSON_CreateObject());
}
