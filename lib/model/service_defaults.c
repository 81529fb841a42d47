// SPDX-License-Identifier: Apache-2.0
/* Defaults of a Service (Kubernetes: SetDefaults_Service). */
#include "lib/model/service_rules_impl.h"

enum { AFFINITY_TIMEOUT_S = 3 * 60 * 60 };

static void default_text(cJSON *o, const char *name, const char *value)
{
	if (rule_get(o, name) == NULL)
		rule_set_text(o, name, value);
}

static void default_ports(cJSON *spec)
{
	cJSON *port;

	cJSON_ArrayForEach (port, rule_get(spec, "ports")) {
		const cJSON *target = rule_get(port, "targetPort");

		default_text(port, "protocol", "TCP");
		if (rule_get(port, "port") == NULL)
			rule_set(port, "port", cJSON_CreateNumber(0));
		if (target == NULL || (cJSON_IsNumber(target) && target->valueint == 0) ||
		    (cJSON_IsString(target) && target->valuestring[0] == '\0'))
			rule_set(port, "targetPort", cJSON_CreateNumber(rule_int(port, "port")));
	}
}

static void default_affinity(cJSON *spec)
{
	default_text(spec, "sessionAffinity", "None");
	if (rule_is(spec, "sessionAffinity", "None")) {
		rule_drop(spec, "sessionAffinityConfig");
		return;
	}
	const cJSON *client = rule_get(rule_get(spec, "sessionAffinityConfig"), "clientIP");
	if (!rule_is(spec, "sessionAffinity", "ClientIP") ||
	    rule_get(client, "timeoutSeconds") != NULL)
		return;
	cJSON *config = must(cJSON_CreateObject());
	cJSON *timeout = must(cJSON_AddObjectToObject(config, "clientIP"));
	must(cJSON_AddNumberToObject(timeout, "timeoutSeconds", AFFINITY_TIMEOUT_S));
	rule_set(spec, "sessionAffinityConfig", config);
}

void service_rules_decoded(cJSON *service)
{
	const cJSON *lb = rule_get(rule_get(service, "status"), "loadBalancer");
	cJSON *entry;

	if (!is_load_balancer(rule_get(service, "spec")))
		return;
	cJSON_ArrayForEach (entry, rule_get(lb, "ingress"))
		if (rule_text(entry, "ip")[0] != '\0')
			default_text(entry, "ipMode", "VIP");
}

void service_default(cJSON *service)
{
	cJSON *spec = rule_get(service, "spec");

	default_affinity(spec);
	default_text(spec, "type", "ClusterIP");
	default_ports(spec);
	if (is_external(spec))
		default_text(spec, "externalTrafficPolicy", "Cluster");
	if (has_node_ports(spec) || rule_is(spec, "type", "ClusterIP"))
		default_text(spec, "internalTrafficPolicy", "Cluster");
	if (is_load_balancer(spec) && rule_get(spec, "allocateLoadBalancerNodePorts") == NULL)
		rule_set(spec, "allocateLoadBalancerNodePorts", cJSON_CreateTrue());
	service_rules_decoded(service);
}
