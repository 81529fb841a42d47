// SPDX-License-Identifier: Apache-2.0
/* Validation of a Service, after defaults and the books, in Kubernetes' order (ValidateService). */
#include <stdio.h>

#include "lib/model/name_rules.h"
#include "lib/model/service_rules_impl.h"

enum { KUBELET_PORT = 10250, AFFINITY_TIMEOUT_MAX_S = 86400 };

static const char *const types[] = { "ClusterIP", "ExternalName", "LoadBalancer", "NodePort",
				     NULL };
static const char *const protocols[] = { "SCTP", "TCP", "UDP", NULL };
static const char *const policies[] = { "Cluster", "Local", NULL };
static const char *const affinities[] = { "ClientIP", "None", NULL };
static const char *const distributions[] = { "PreferClose", NULL };

/* --- annotations -------------------------------------------------------------------------------
 */

static void check_topology(const cJSON *service, struct rule_causes *causes)
{
	const cJSON *annotations = rule_get(rule_get(service, "metadata"), "annotations");
	const cJSON *hints = rule_get(annotations, "service.kubernetes.io/topology-aware-hints");
	const cJSON *mode = rule_get(annotations, "service.kubernetes.io/topology-mode");

	if (cJSON_IsString(hints) && cJSON_IsString(mode) &&
	    strcmp(hints->valuestring, mode->valuestring) != 0)
		cause_invalid_text(
			causes, "metadata.annotations[service.kubernetes.io/topology-mode]",
			mode->valuestring,
			"must match annotations[service.kubernetes.io/topology-aware-hints] when "
			"both are specified");
}

/* --- what the type asks for ---------------------------------------------------------------------
 */

static void check_kubelet_port(const cJSON *spec, struct rule_causes *causes)
{
	const cJSON *port;
	int i = 0;

	cJSON_ArrayForEach (port, rule_get(spec, "ports")) {
		char field[FIELD_MAX];

		snprintf(field, sizeof(field), "spec.ports[%d]", i++);
		if (rule_int(port, "port") == KUBELET_PORT)
			cause_invalid_int(causes, field, KUBELET_PORT,
					  "may not expose port 10250 externally since it is used "
					  "by kubelet");
	}
}

static void check_external_name(const cJSON *spec, struct rule_causes *causes)
{
	static const char why[] = "may not be set for ExternalName services";

	if (rule_count(spec, "clusterIPs") > 0)
		cause_forbidden(causes, "spec.clusterIPs", why);
	if (rule_count(spec, "ipFamilies") > 0)
		cause_forbidden(causes, "spec.ipFamilies", why);
	if (rule_get(spec, "ipFamilyPolicy") != NULL)
		cause_forbidden(causes, "spec.ipFamilyPolicy", why);

	/* One dot at the end is the root's. */
	char *name = must(strdup(rule_text(spec, "externalName")));
	size_t len = strlen(name);
	if (len > 0 && name[len - 1] == '.')
		name[len - 1] = '\0';
	if (name[0] == '\0')
		cause_required(causes, "spec.externalName");
	else
		name_check_subdomain(causes, "spec.externalName", name);
	free(name);
}

static void check_type_needs(const cJSON *spec, struct rule_causes *causes)
{
	if (rule_count(spec, "ports") == 0 && !is_headless(spec) && has_cluster_ip(spec))
		cause_required(causes, "spec.ports");
	if (is_load_balancer(spec))
		check_kubelet_port(spec, causes);
	if (has_node_ports(spec) && is_headless(spec))
		cause_invalid_text(causes, "spec.clusterIPs[0]", "None",
				   is_load_balancer(spec)
					   ? "may not be set to 'None' for LoadBalancer services"
					   : "may not be set to 'None' for NodePort services");
	if (!has_cluster_ip(spec))
		check_external_name(spec, causes);
}

/* --- ports ---------------------------------------------------------------------------------------
 */

static void check_number(struct rule_causes *causes, const char *field, int number)
{
	if (number < 1 || number > 65535)
		cause_invalid_int(causes, field, number, "must be between 1 and 65535, inclusive");
}

/* What no two ports may have in common, and whose it is. */
struct port_key {
	const char *text;
	int number, index;
};

static int port_key_cmp(const void *a, const void *b)
{
	const struct port_key *x = a, *y = b;
	int d = strcmp(x->text, y->text);

	if (d == 0)
		d = (x->number > y->number) - (x->number < y->number);
	return d != 0 ? d : x->index - y->index;
}

/*
 * Which of @ports have what one before them has: the text in @text, and the number in @number
 * unless that is NULL. There may be thousands, so they are sorted. The caller frees the answer.
 */
static bool *repeated(const cJSON *ports, const char *text, const char *number)
{
	size_t count = (size_t)cJSON_GetArraySize(ports), n = 0;
	struct port_key *keys = must(calloc(count + 1, sizeof(*keys)));
	bool *ret = must(calloc(count + 1, sizeof(*ret)));
	const cJSON *port;

	cJSON_ArrayForEach (port, ports) {
		keys[n] = (struct port_key){ rule_text(port, text),
					     number == NULL ? 0 : rule_int(port, number), (int)n };
		n++;
	}
	qsort(keys, count, sizeof(*keys), port_key_cmp);
	for (size_t i = 1; i < count; i++)
		ret[keys[i].index] = keys[i].number == keys[i - 1].number &&
				     strcmp(keys[i].text, keys[i - 1].text) == 0;
	free(keys);
	return ret;
}

static void check_port(const cJSON *port, int i, bool single, bool taken,
		       struct rule_causes *causes)
{
	const cJSON *target = rule_get(port, "targetPort");
	const char *name = rule_text(port, "name");
	char field[FIELD_MAX];

	snprintf(field, sizeof(field), "spec.ports[%d].name", i);
	if (name[0] != '\0') {
		name_check_label(causes, field, name);
		if (taken)
			cause_duplicate(causes, field, name);
	} else if (!single) {
		cause_required(causes, field);
	}
	snprintf(field, sizeof(field), "spec.ports[%d].port", i);
	check_number(causes, field, rule_int(port, "port"));
	snprintf(field, sizeof(field), "spec.ports[%d].protocol", i);
	cause_unless_one_of(causes, field, rule_text(port, "protocol"), protocols);
	snprintf(field, sizeof(field), "spec.ports[%d].targetPort", i);
	if (cJSON_IsString(target))
		name_check_port(causes, field, target->valuestring);
	else
		check_number(causes, field, rule_int(port, "targetPort"));
	snprintf(field, sizeof(field), "spec.ports[%d].appProtocol", i);
	if (rule_get(port, "appProtocol") != NULL)
		name_check_qualified(causes, field, rule_text(port, "appProtocol"));
}

static void check_ports(const cJSON *spec, struct rule_causes *causes)
{
	const cJSON *ports = rule_get(spec, "ports"), *port;
	bool single = cJSON_GetArraySize(ports) <= 1, *taken = repeated(ports, "name", NULL);
	int i = 0;

	cJSON_ArrayForEach (port, ports) {
		check_port(port, i, single, taken[i], causes);
		i++;
	}
	free(taken);
}

static void check_no_node_ports(const cJSON *spec, struct rule_causes *causes)
{
	const cJSON *port;
	int i = 0;

	if (!rule_is(spec, "type", "ClusterIP"))
		return;
	cJSON_ArrayForEach (port, rule_get(spec, "ports")) {
		char field[FIELD_MAX];

		snprintf(field, sizeof(field), "spec.ports[%d].nodePort", i++);
		if (rule_int(port, "nodePort") != 0)
			cause_forbidden(causes, field,
					"may not be used when `type` is 'ClusterIP'");
	}
}

static void check_twins(const cJSON *spec, struct rule_causes *causes)
{
	const cJSON *ports = rule_get(spec, "ports"), *port;
	bool *same_node_port = repeated(ports, "protocol", "nodePort");
	bool *same_port = repeated(ports, "protocol", "port");
	char field[FIELD_MAX];
	int i = 0;

	cJSON_ArrayForEach (port, ports) {
		snprintf(field, sizeof(field), "spec.ports[%d].nodePort", i);
		if (same_node_port[i++] && rule_int(port, "nodePort") != 0)
			causes_add(causes, "FieldValueDuplicate", field, "Duplicate value: %d",
				   rule_int(port, "nodePort"));
	}
	i = 0;
	cJSON_ArrayForEach (port, ports) {
		snprintf(field, sizeof(field), "spec.ports[%d]", i);
		if (!same_port[i++])
			continue;
		char *protocol = go_quoted(rule_text(port, "protocol"));
		causes_add(causes, "FieldValueDuplicate", field,
			   "Duplicate value: core.ServicePort{Name:\"\", Protocol:%s, "
			   "AppProtocol:(*string)(nil), Port:%d, "
			   "TargetPort:intstr.IntOrString{Type:0, IntVal:0, StrVal:\"\"}, "
			   "NodePort:0}",
			   protocol, rule_int(port, "port"));
		free(protocol);
	}
	free(same_node_port);
	free(same_port);
}

/* --- selector, affinity -------------------------------------------------------------------------
 */

static void check_selector(const cJSON *spec, struct rule_causes *causes)
{
	const cJSON *label;

	cJSON_ArrayForEach (label, rule_get(spec, "selector")) {
		name_check_qualified(causes, "spec.selector", label->string);
		name_check_label_value(causes, "spec.selector", label->valuestring);
	}
}

static void check_affinity(const cJSON *spec, struct rule_causes *causes)
{
	const cJSON *client = rule_get(rule_get(spec, "sessionAffinityConfig"), "clientIP");
	int timeout = rule_int(client, "timeoutSeconds");

	cause_unless_one_of(causes, "spec.sessionAffinity", rule_text(spec, "sessionAffinity"),
			    affinities);
	if (rule_is(spec, "sessionAffinity", "ClientIP") &&
	    (timeout <= 0 || timeout > AFFINITY_TIMEOUT_MAX_S))
		cause_invalid_int(causes, "spec.sessionAffinityConfig.clientIP.timeoutSeconds",
				  timeout, "must be greater than 0 and less than 86400");
}

/* --- class, policies ---------------------------------------------------------- */

void service_validate_class(const cJSON *spec, struct rule_causes *causes)
{
	const cJSON *class = rule_get(spec, "loadBalancerClass");

	if (class != NULL && is_load_balancer(spec))
		name_check_qualified(causes, "spec.loadBalancerClass", class->valuestring);
	else if (class != NULL)
		cause_forbidden(causes, "spec.loadBalancerClass", SERVICE_ONLY_LB);
}

static void check_policies(const cJSON *spec, bool settled, struct rule_causes *causes)
{
	const char *external = rule_text(spec, "externalTrafficPolicy");
	int check = rule_int(spec, "healthCheckNodePort");

	if (is_external(spec))
		cause_unless_one_of(causes, "spec.externalTrafficPolicy", external, policies);
	else if (external[0] != '\0')
		cause_invalid_text(causes, "spec.externalTrafficPolicy", external,
				   "may only be set for externally-accessible services");
	if (check != 0 && !has_health_check(spec))
		cause_invalid_int(causes, "spec.healthCheckNodePort", check,
				  "may only be set when `type` is 'LoadBalancer' and "
				  "`externalTrafficPolicy` is 'Local'");
	else if (has_health_check(spec) && check == 0 && settled)
		cause_required(causes, "spec.healthCheckNodePort");
	else if (check != 0)
		check_number(causes, "spec.healthCheckNodePort", check);
	if (rule_get(spec, "internalTrafficPolicy") != NULL)
		cause_unless_one_of(causes, "spec.internalTrafficPolicy",
				    rule_text(spec, "internalTrafficPolicy"), policies);
	if (rule_get(spec, "trafficDistribution") != NULL)
		cause_unless_one_of(causes, "spec.trafficDistribution",
				    rule_text(spec, "trafficDistribution"), distributions);
}

void service_validate(const cJSON *service, bool settled, struct rule_causes *causes)
{
	const cJSON *spec = rule_get(service, "spec");

	check_topology(service, causes);
	check_type_needs(spec, causes);
	check_ports(spec, causes);
	check_selector(spec, causes);
	check_affinity(spec, causes);
	if (has_cluster_ip(spec))
		service_validate_cluster_ips(spec, causes);
	service_validate_external_ips(spec, causes);
	cause_unless_one_of(causes, "spec.type", rule_text(spec, "type"), types);
	check_no_node_ports(spec, causes);
	check_twins(spec, causes);
	service_validate_source_ranges(service, causes);
	if (!is_load_balancer(spec) && rule_get(spec, "allocateLoadBalancerNodePorts") != NULL)
		cause_forbidden(causes, "spec.allocateLoadBalancerNodePorts", SERVICE_ONLY_LB);
	service_validate_class(spec, causes);
	check_policies(spec, settled, causes);
}
