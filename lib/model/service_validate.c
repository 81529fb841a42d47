// SPDX-License-Identifier: Apache-2.0
/* Validation of a Service, after defaults and the books, in Kubernetes' order (ValidateService). */
#include <ctype.h>
#include <stdio.h>

#include "lib/model/name_rules.h"
#include "lib/model/service_rules_impl.h"

enum { KUBELET_PORT = 10250, AFFINITY_TIMEOUT_MAX_S = 86400 };

static const char only_lb[] = "may only be used when `type` is 'LoadBalancer'";

static const char *const types[] = { "ClusterIP", "ExternalName", "LoadBalancer", "NodePort",
				     NULL };
static const char *const protocols[] = { "SCTP", "TCP", "UDP", NULL };
static const char *const policies[] = { "Cluster", "Local", NULL };
static const char *const affinities[] = { "ClientIP", "None", NULL };
static const char *const distributions[] = { "PreferClose", NULL };

static void check_word(struct rule_causes *causes, const char *field, const char *value,
		       const char *const *words)
{
	for (const char *const *word = words; *word != NULL; word++)
		if (strcmp(*word, value) == 0)
			return;
	cause_unsupported(causes, field, value, words);
}

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

static bool name_is_taken(const cJSON *ports, const cJSON *port)
{
	const cJSON *before;

	cJSON_ArrayForEach (before, ports) {
		if (before == port)
			return false;
		if (rule_same(before, port, "name"))
			return true;
	}
	return false;
}

static void check_port(const cJSON *ports, const cJSON *port, int i, struct rule_causes *causes)
{
	const cJSON *target = rule_get(port, "targetPort");
	const char *name = rule_text(port, "name");
	char field[FIELD_MAX];

	snprintf(field, sizeof(field), "spec.ports[%d].name", i);
	if (name[0] != '\0') {
		name_check_label(causes, field, name);
		if (name_is_taken(ports, port)) {
			char *quoted = go_quoted(name);
			causes_add(causes, "FieldValueDuplicate", field, "Duplicate value: %s",
				   quoted);
			free(quoted);
		}
	} else if (cJSON_GetArraySize(ports) > 1) {
		cause_required(causes, field);
	}
	snprintf(field, sizeof(field), "spec.ports[%d].port", i);
	check_number(causes, field, rule_int(port, "port"));
	snprintf(field, sizeof(field), "spec.ports[%d].protocol", i);
	check_word(causes, field, rule_text(port, "protocol"), protocols);
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
	int i = 0;

	cJSON_ArrayForEach (port, ports)
		check_port(ports, port, i++, causes);
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

/* Is there a port before @port of the same protocol with the same number in @key, not 0? */
static bool is_twin(const cJSON *ports, const cJSON *port, const char *key)
{
	const cJSON *before;

	cJSON_ArrayForEach (before, ports) {
		if (before == port)
			break;
		if (rule_same(before, port, "protocol") &&
		    rule_int(before, key) == rule_int(port, key))
			return true;
	}
	return false;
}

static void check_twins(const cJSON *spec, struct rule_causes *causes)
{
	const cJSON *ports = rule_get(spec, "ports"), *port;
	char field[FIELD_MAX];
	int i = 0;

	cJSON_ArrayForEach (port, ports) {
		snprintf(field, sizeof(field), "spec.ports[%d].nodePort", i++);
		if (rule_int(port, "nodePort") != 0 && is_twin(ports, port, "nodePort"))
			causes_add(causes, "FieldValueDuplicate", field, "Duplicate value: %d",
				   rule_int(port, "nodePort"));
	}
	i = 0;
	cJSON_ArrayForEach (port, ports) {
		snprintf(field, sizeof(field), "spec.ports[%d]", i++);
		if (!is_twin(ports, port, "port"))
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

	check_word(causes, "spec.sessionAffinity", rule_text(spec, "sessionAffinity"), affinities);
	if (rule_is(spec, "sessionAffinity", "ClientIP") &&
	    (timeout <= 0 || timeout > AFFINITY_TIMEOUT_MAX_S))
		cause_invalid_int(causes, "spec.sessionAffinityConfig.clientIP.timeoutSeconds",
				  timeout, "must be greater than 0 and less than 86400");
}

/* --- addresses ----------------------------------------------------------------------------------
 */

bool rule_check_ip(struct rule_causes *causes, const char *field, const char *text)
{
	if (is_sloppy_ip(text))
		return true;
	cause_invalid_text(causes, field, text,
			   "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
	return false;
}

/* Not for one node only: unspecified, loopback, link-local. */
static void check_special(struct rule_causes *causes, const char *field, const char *text)
{
	struct ip_addr ip = { 0 };
	char why[96];

	must_0(ip_parse_sloppy(text, &ip));
	const uint8_t *b = ip.bytes;
	bool v4 = ip.family == IP_V4;
	u128 number = ip_to_number(&ip);
	if (number == 0) {
		snprintf(why, sizeof(why), "may not be unspecified (%.60s)", text);
		cause_invalid_text(causes, field, text, why);
	}
	if (v4 ? b[0] == 127 : number == 1)
		cause_invalid_text(causes, field, text,
				   "may not be in the loopback range (127.0.0.0/8, ::1/128)");
	if (v4 ? b[0] == 169 && b[1] == 254 : b[0] == 0xfe && (b[1] & 0xc0) == 0x80)
		cause_invalid_text(causes, field, text,
				   "may not be in the link-local range (169.254.0.0/16, "
				   "fe80::/10)");
	if (v4 ? b[0] == 224 && b[1] == 0 && b[2] == 0 : b[0] == 0xff && (b[1] & 0x0f) == 0x02)
		cause_invalid_text(causes, field, text,
				   "may not be in the link-local multicast range (224.0.0.0/24, "
				   "ff02::/10)");
}

static void check_external_ips(const cJSON *spec, struct rule_causes *causes)
{
	const cJSON *item;
	int i = 0;

	cJSON_ArrayForEach (item, rule_get(spec, "externalIPs")) {
		char field[FIELD_MAX];

		snprintf(field, sizeof(field), "spec.externalIPs[%d]", i++);
		if (rule_check_ip(causes, field, item->valuestring))
			check_special(causes, field, item->valuestring);
	}
}

/* ADDRESS/LENGTH of @len characters, blanks around it left out. */
static void check_cidr(struct rule_causes *causes, const char *field, const char *text, size_t len)
{
	for (; len > 0 && isspace((unsigned char)text[0]); len--)
		text++;
	while (len > 0 && isspace((unsigned char)text[len - 1]))
		len--;

	char *cidr = must(strndup(text, len));
	struct ip_prefix prefix;
	if (ip_prefix_parse_sloppy(cidr, &prefix) != 0)
		cause_invalid_text(causes, field, cidr,
				   "must be a valid CIDR value, (e.g. 10.9.8.0/24 or "
				   "2001:db8::/64)");
	free(cidr);
}

/* In the annotation, where the field is not used, with commas between. */
static void check_ranges_annotation(const cJSON *service, const char *list,
				    struct rule_causes *causes)
{
	static const char field[] =
		"metadata.annotations[service.beta.kubernetes.io/load-balancer-source-ranges]";

	if (!is_load_balancer(rule_get(service, "spec")))
		cause_forbidden(causes, field, only_lb);
	if (list[strspn(list, " \t\n\v\f\r")] == '\0')
		return;
	for (;; list++) {
		size_t len = strcspn(list, ",");

		check_cidr(causes, field, list, len);
		list += len;
		if (*list == '\0')
			break;
	}
}

static void check_source_ranges(const cJSON *service, struct rule_causes *causes)
{
	const cJSON *spec = rule_get(service, "spec"), *item;
	const cJSON *annotations = rule_get(rule_get(service, "metadata"), "annotations");
	const cJSON *list =
		rule_get(annotations, "service.beta.kubernetes.io/load-balancer-source-ranges");
	int i = 0;

	if (rule_count(spec, "loadBalancerSourceRanges") == 0) {
		if (cJSON_IsString(list))
			check_ranges_annotation(service, list->valuestring, causes);
		return;
	}
	/* The first letter is an old slip of Kubernetes. */
	if (!is_load_balancer(spec))
		cause_forbidden(causes, "spec.LoadBalancerSourceRanges", only_lb);
	cJSON_ArrayForEach (item, rule_get(spec, "loadBalancerSourceRanges")) {
		char field[FIELD_MAX];

		snprintf(field, sizeof(field), "spec.LoadBalancerSourceRanges[%d]", i++);
		check_cidr(causes, field, item->valuestring, strlen(item->valuestring));
	}
}

/* --- class, policies ---------------------------------------------------------- */

void service_validate_class(const cJSON *spec, struct rule_causes *causes)
{
	const cJSON *class = rule_get(spec, "loadBalancerClass");

	if (class != NULL && is_load_balancer(spec))
		name_check_qualified(causes, "spec.loadBalancerClass", class->valuestring);
	else if (class != NULL)
		cause_forbidden(causes, "spec.loadBalancerClass", only_lb);
}

static void check_policies(const cJSON *spec, bool settled, struct rule_causes *causes)
{
	const char *external = rule_text(spec, "externalTrafficPolicy");
	int check = rule_int(spec, "healthCheckNodePort");

	if (is_external(spec))
		check_word(causes, "spec.externalTrafficPolicy", external, policies);
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
		check_word(causes, "spec.internalTrafficPolicy",
			   rule_text(spec, "internalTrafficPolicy"), policies);
	if (rule_get(spec, "trafficDistribution") != NULL)
		check_word(causes, "spec.trafficDistribution",
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
	check_external_ips(spec, causes);
	check_word(causes, "spec.type", rule_text(spec, "type"), types);
	check_no_node_ports(spec, causes);
	check_twins(spec, causes);
	check_source_ranges(service, causes);
	if (!is_load_balancer(spec) && rule_get(spec, "allocateLoadBalancerNodePorts") != NULL)
		cause_forbidden(causes, "spec.allocateLoadBalancerNodePorts", only_lb);
	service_validate_class(spec, causes);
	check_policies(spec, settled, causes);
}
