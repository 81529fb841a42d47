// SPDX-License-Identifier: Apache-2.0
/*
 * Validation of a Service spec, after defaults, in Kubernetes' words (ValidateService,
 * ValidateServiceUpdate, ValidateServiceClusterIPsRelatedFields).
 */
#include <stdio.h>

#include "lib/model/name_rules.h"
#include "lib/model/service_rules_impl.h"

enum { KUBELET_PORT = 10250, FIELD_MAX = 96 };

static const char only_lb[] = "may only be used when `type` is 'LoadBalancer'";

/* --- JSON types: what Kubernetes refuses while decoding ------------------------------- */

static bool is_whole(const cJSON *v)
{
	return cJSON_IsNumber(v) && v->valuedouble == (double)v->valueint;
}

static bool is_texts(const cJSON *v)
{
	const cJSON *item;

	cJSON_ArrayForEach (item, v)
		if (!cJSON_IsString(item))
			return false;
	return true;
}

enum shape { TEXT, WHOLE, TRUTH, TEXTS, TEXT_MAP, OBJECT, LIST, WHOLE_OR_TEXT };

struct field_shape {
	const char *name;
	enum shape shape;
};

static const struct field_shape spec_shapes[] = {
	{ "type", TEXT },
	{ "clusterIP", TEXT },
	{ "clusterIPs", TEXTS },
	{ "ipFamilies", TEXTS },
	{ "ipFamilyPolicy", TEXT },
	{ "ports", LIST },
	{ "selector", TEXT_MAP },
	{ "externalName", TEXT },
	{ "externalIPs", TEXTS },
	{ "externalTrafficPolicy", TEXT },
	{ "internalTrafficPolicy", TEXT },
	{ "allocateLoadBalancerNodePorts", TRUTH },
	{ "healthCheckNodePort", WHOLE },
	{ "loadBalancerIP", TEXT },
	{ "loadBalancerClass", TEXT },
	{ "loadBalancerSourceRanges", TEXTS },
	{ "publishNotReadyAddresses", TRUTH },
	{ "sessionAffinity", TEXT },
	{ "sessionAffinityConfig", OBJECT },
};

static const struct field_shape port_shapes[] = {
	{ "name", TEXT },
	{ "protocol", TEXT },
	{ "appProtocol", TEXT },
	{ "port", WHOLE },
	{ "targetPort", WHOLE_OR_TEXT },
	{ "nodePort", WHOLE },
};

static const char *shape_fault(const cJSON *v, enum shape shape)
{
	switch (shape) {
	case TEXT:
		return cJSON_IsString(v) ? NULL : "must be a string";
	case WHOLE:
		return is_whole(v) ? NULL : "must be an integer";
	case TRUTH:
		return cJSON_IsBool(v) ? NULL : "must be a boolean";
	case TEXTS:
		return cJSON_IsArray(v) && is_texts(v) ? NULL : "must be a list of strings";
	case TEXT_MAP:
		return cJSON_IsObject(v) && is_texts(v) ? NULL : "must be a map of strings";
	case OBJECT:
		return cJSON_IsObject(v) ? NULL : "must be an object";
	case LIST:
		return cJSON_IsArray(v) ? NULL : "must be a list";
	case WHOLE_OR_TEXT:
		return is_whole(v) || cJSON_IsString(v) ? NULL : "must be an integer or a string";
	}
	return NULL;
}

static void check_shapes(const cJSON *object, const struct field_shape *shapes, size_t count,
			 const char *path, struct rule_causes *causes)
{
	for (size_t i = 0; i < count; i++) {
		const cJSON *v = rule_get(object, shapes[i].name);
		const char *fault = v == NULL ? NULL : shape_fault(v, shapes[i].shape);
		char field[FIELD_MAX];

		if (fault == NULL)
			continue;
		snprintf(field, sizeof(field), "%s.%s", path, shapes[i].name);
		rule_invalid(causes, field, v, fault);
	}
}

void service_types_check(const cJSON *spec, struct rule_causes *causes)
{
	const cJSON *port;
	int i = 0;

	if (!cJSON_IsObject(spec)) {
		rule_invalid(causes, "spec", spec, "must be an object");
		return;
	}
	check_shapes(spec, spec_shapes, sizeof(spec_shapes) / sizeof(spec_shapes[0]), "spec",
		     causes);
	if (!cJSON_IsArray(rule_get(spec, "ports")))
		return;
	cJSON_ArrayForEach (port, rule_get(spec, "ports")) {
		char path[32];

		snprintf(path, sizeof(path), "spec.ports[%d]", i++);
		if (!cJSON_IsObject(port))
			rule_invalid(causes, path, port, "must be an object");
		else
			check_shapes(port, port_shapes,
				     sizeof(port_shapes) / sizeof(port_shapes[0]), path, causes);
	}
}

/* --- one of a few words ---------------------------------------------------------------- */

static void check_word(struct rule_causes *causes, const char *field, const char *value,
		       const char *const *words, const char *shown)
{
	for (; *words != NULL; words++)
		if (strcmp(*words, value) == 0)
			return;
	causes_add(causes, "FieldValueNotSupported", field,
		   "Unsupported value: \"%s\": supported values: %s", value, shown);
}

static const char *const types[] = { "ClusterIP", "ExternalName", "LoadBalancer", "NodePort",
				     NULL };
static const char *const protocols[] = { "SCTP", "TCP", "UDP", NULL };
static const char *const policies[] = { "Cluster", "Local", NULL };
static const char *const affinities[] = { "ClientIP", "None", NULL };
static const char *const families[] = { "IPv4", "IPv6", NULL };
static const char *const family_policies[] = { "PreferDualStack", "RequireDualStack", "SingleStack",
					       NULL };

/* --- ports ----------------------------------------------------------------------------- */

static void check_number(struct rule_causes *causes, const char *field, const cJSON *value)
{
	cJSON zero = { .type = cJSON_Number };

	if (value == NULL || value->valueint < 1 || value->valueint > 65535)
		rule_invalid(causes, field, value == NULL ? &zero : value,
			     "must be between 1 and 65535, inclusive");
}

static void check_port(const cJSON *spec, const cJSON *port, int i, struct rule_causes *causes)
{
	const cJSON *target = rule_get(port, "targetPort");
	const char *name = rule_text(port, "name");
	char field[FIELD_MAX];

	snprintf(field, sizeof(field), "spec.ports[%d].name", i);
	if (name[0] == '\0') {
		if (cJSON_GetArraySize(rule_get(spec, "ports")) > 1)
			causes_add(causes, "FieldValueRequired", field, "Required value");
	} else {
		name_check_label(causes, field, name);
	}

	snprintf(field, sizeof(field), "spec.ports[%d].port", i);
	check_number(causes, field, rule_get(port, "port"));
	snprintf(field, sizeof(field), "spec.ports[%d].protocol", i);
	check_word(causes, field, rule_text(port, "protocol"), protocols,
		   "\"SCTP\", \"TCP\", \"UDP\"");
	snprintf(field, sizeof(field), "spec.ports[%d].targetPort", i);
	if (cJSON_IsString(target)) {
		name_check_port(causes, field, target->valuestring);
	} else if (rule_get(port, "port") != NULL && rule_int(port, "port") != 0) {
		check_number(causes, field, target);
	}
	const char *app = rule_text(port, "appProtocol");
	snprintf(field, sizeof(field), "spec.ports[%d].appProtocol", i);
	if (app[0] != '\0')
		name_check_qualified(causes, field, app);
	snprintf(field, sizeof(field), "spec.ports[%d].nodePort", i);
	if (rule_is(spec, "type", "ClusterIP") && rule_int(port, "nodePort") != 0)
		cause_forbidden(causes, field, "may not be used when `type` is 'ClusterIP'");
	snprintf(field, sizeof(field), "spec.ports[%d]", i);
	if (is_load_balancer(spec) && rule_int(port, "port") == KUBELET_PORT)
		rule_invalid(causes, field, rule_get(port, "port"),
			     "may not expose port 10250 externally since it is used by kubelet");
}

static void check_twins(const cJSON *port, int i, const cJSON *before, struct rule_causes *causes)
{
	char field[FIELD_MAX];

	if (rule_text(port, "name")[0] != '\0' && rule_same(port, before, "name")) {
		snprintf(field, sizeof(field), "spec.ports[%d].name", i);
		causes_add(causes, "FieldValueDuplicate", field, "Duplicate value: \"%s\"",
			   rule_text(port, "name"));
	}
	if (!rule_same(port, before, "protocol"))
		return;
	if (rule_same(port, before, "port")) {
		snprintf(field, sizeof(field), "spec.ports[%d]", i);
		causes_add(causes, "FieldValueDuplicate", field,
			   "Duplicate value: {\"protocol\":\"%s\",\"port\":%d}",
			   rule_text(port, "protocol"), rule_int(port, "port"));
	}
	if (rule_int(port, "nodePort") != 0 && rule_same(port, before, "nodePort")) {
		snprintf(field, sizeof(field), "spec.ports[%d].nodePort", i);
		causes_add(causes, "FieldValueDuplicate", field, "Duplicate value: %d",
			   rule_int(port, "nodePort"));
	}
}

static void check_ports(const cJSON *spec, struct rule_causes *causes)
{
	const cJSON *ports = rule_get(spec, "ports"), *port, *before;
	int i = 0;

	if (cJSON_GetArraySize(ports) == 0 && !is_headless(spec) && has_cluster_ip(spec))
		causes_add(causes, "FieldValueRequired", "spec.ports", "Required value");
	cJSON_ArrayForEach (port, ports) {
		check_port(spec, port, i, causes);
		cJSON_ArrayForEach (before, ports) {
			if (before == port)
				break;
			check_twins(port, i, before, causes);
		}
		i++;
	}
}

/* --- addresses ------------------------------------------------------------------------- */

static void check_families(const cJSON *spec, struct rule_causes *causes)
{
	const cJSON *list = rule_get(spec, "ipFamilies"), *f;
	int i = 0;

	cJSON_ArrayForEach (f, list) {
		char field[FIELD_MAX];

		snprintf(field, sizeof(field), "spec.ipFamilies[%d]", i++);
		check_word(causes, field, f->valuestring, families, "\"IPv4\", \"IPv6\"");
	}
	if (i > 2)
		rule_invalid(causes, "spec.ipFamilies", list, "may only hold up to 2 values");
	else if (i == 2 && json_equal(cJSON_GetArrayItem(list, 0), cJSON_GetArrayItem(list, 1)))
		causes_add(causes, "FieldValueDuplicate", "spec.ipFamilies[1]",
			   "Duplicate value: \"%s\"", cJSON_GetArrayItem(list, 1)->valuestring);
	if (rule_get(spec, "ipFamilyPolicy") != NULL)
		check_word(causes, "spec.ipFamilyPolicy", rule_text(spec, "ipFamilyPolicy"),
			   family_policies,
			   "\"PreferDualStack\", \"RequireDualStack\", \"SingleStack\"");
}

static void check_cluster_ip(const cJSON *spec, const cJSON *ip, int i, uint8_t *family,
			     struct rule_causes *causes)
{
	const cJSON *want = cJSON_GetArrayItem(rule_get(spec, "ipFamilies"), i);
	struct ip_addr addr;
	char field[FIELD_MAX], why[96];

	snprintf(field, sizeof(field), "spec.clusterIPs[%d]", i);
	if (strcmp(ip->valuestring, "None") == 0) {
		if (cJSON_GetArraySize(rule_get(spec, "clusterIPs")) > 1)
			rule_invalid(causes, field, ip, "'None' must be the first and only value");
		return;
	}
	if (ip_parse(ip->valuestring, &addr) != 0) {
		rule_invalid(causes, field, ip,
			     "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
		return;
	}
	*family = addr.family;
	const char *name = addr.family == IP_V6 ? "IPv6" : "IPv4";
	if (want != NULL && strcmp(want->valuestring, name) != 0) {
		snprintf(why, sizeof(why), "expected an %s value as indicated by `ipFamilies[%d]`",
			 want->valuestring, i);
		rule_invalid(causes, field, ip, why);
	}
}

static void check_cluster_ips(const cJSON *spec, struct rule_causes *causes)
{
	const cJSON *ips = rule_get(spec, "clusterIPs"), *ip;
	const char *first = rule_text(spec, "clusterIP");
	uint8_t family[CLUSTER_IPS_MAX] = { 0 };
	int i = 0, count = cJSON_GetArraySize(ips);

	if (first[0] == '\0' && count > 0)
		rule_invalid(causes, "spec.clusterIPs", ips,
			     "must be empty when `clusterIP` is not specified");
	if (first[0] != '\0' && count > 0 && strcmp(first, ips->child->valuestring) != 0)
		rule_invalid(causes, "spec.clusterIPs", ips, "first value must match `clusterIP`");
	if (count > CLUSTER_IPS_MAX) {
		rule_invalid(causes, "spec.clusterIPs", ips, "may only hold up to 2 values");
		return;
	}
	cJSON_ArrayForEach (ip, ips) {
		check_cluster_ip(spec, ip, i, &family[i], causes);
		i++;
	}
	if (count == 2 && family[0] != IP_NONE && family[0] == family[1])
		rule_invalid(causes, "spec.clusterIPs", ips,
			     "may specify no more than one IP for each IP family");
	if (is_headless(spec) && has_node_ports(spec)) {
		char why[64];

		snprintf(why, sizeof(why), "may not be set to 'None' for %s services",
			 rule_text(spec, "type"));
		rule_invalid(causes, "spec.clusterIPs[0]", rule_get(spec, "clusterIP"), why);
	}
}

static void check_external_name(const cJSON *spec, struct rule_causes *causes)
{
	static const char why[] = "may not be set for ExternalName services";
	const cJSON *name = rule_get(spec, "externalName");

	if (cJSON_GetArraySize(rule_get(spec, "clusterIPs")) > 0 ||
	    rule_text(spec, "clusterIP")[0] != '\0')
		cause_forbidden(causes, "spec.clusterIPs", why);
	if (cJSON_GetArraySize(rule_get(spec, "ipFamilies")) > 0)
		cause_forbidden(causes, "spec.ipFamilies", why);
	if (rule_get(spec, "ipFamilyPolicy") != NULL)
		cause_forbidden(causes, "spec.ipFamilyPolicy", why);
	if (name == NULL || name->valuestring[0] == '\0') {
		causes_add(causes, "FieldValueRequired", "spec.externalName", "Required value");
		return;
	}
	/* A trailing dot is the root's. */
	char text[256];
	size_t len = strlen(name->valuestring);
	snprintf(text, sizeof(text), "%.*s",
		 (int)(len > 0 && name->valuestring[len - 1] == '.' ? len - 1 : len),
		 name->valuestring);
	name_check_subdomain(causes, "spec.externalName", text);
}

static void check_lists_of_ips(const cJSON *spec, struct rule_causes *causes)
{
	const cJSON *item;
	int i = 0;

	cJSON_ArrayForEach (item, rule_get(spec, "externalIPs")) {
		struct ip_addr ip;
		char field[FIELD_MAX];

		snprintf(field, sizeof(field), "spec.externalIPs[%d]", i++);
		if (ip_parse(item->valuestring, &ip) != 0)
			rule_invalid(causes, field, item, "must be a valid IP address");
	}
	const cJSON *ranges = rule_get(spec, "loadBalancerSourceRanges");
	if (cJSON_GetArraySize(ranges) == 0)
		return;
	if (!is_load_balancer(spec))
		cause_forbidden(causes, "spec.loadBalancerSourceRanges", only_lb);
	cJSON_ArrayForEach (item, ranges) {
		struct ip_prefix p;

		if (ip_prefix_parse(item->valuestring, &p) != 0) {
			rule_invalid(causes, "spec.loadBalancerSourceRanges", ranges,
				     "must be a list of IP ranges. For example, "
				     "10.240.0.0/24,10.250.0.0/24");
			break;
		}
	}
}

/* --- the rest -------------------------------------------------------------------------- */

static void check_affinity(const cJSON *spec, struct rule_causes *causes)
{
	const cJSON *client = rule_get(rule_get(spec, "sessionAffinityConfig"), "clientIP");
	const cJSON *timeout = rule_get(client, "timeoutSeconds");

	check_word(causes, "spec.sessionAffinity", rule_text(spec, "sessionAffinity"), affinities,
		   "\"ClientIP\", \"None\"");
	if (rule_is(spec, "sessionAffinity", "ClientIP") &&
	    (!is_whole(timeout) || timeout->valueint <= 0 || timeout->valueint > 86400))
		rule_invalid(causes, "spec.sessionAffinityConfig.clientIP.timeoutSeconds", timeout,
			     "must be greater than 0 and less than 86400");
}

static void check_policies(const cJSON *spec, struct rule_causes *causes)
{
	const cJSON *external = rule_get(spec, "externalTrafficPolicy");
	const cJSON *check = rule_get(spec, "healthCheckNodePort");

	if (external != NULL && !is_external(spec))
		rule_invalid(causes, "spec.externalTrafficPolicy", external,
			     "may only be set for externally-accessible services");
	else if (external != NULL)
		check_word(causes, "spec.externalTrafficPolicy", external->valuestring, policies,
			   "\"Cluster\", \"Local\"");
	if (rule_get(spec, "internalTrafficPolicy") != NULL)
		check_word(causes, "spec.internalTrafficPolicy",
			   rule_text(spec, "internalTrafficPolicy"), policies,
			   "\"Cluster\", \"Local\"");
	if (check != NULL && !has_health_check(spec))
		rule_invalid(causes, "spec.healthCheckNodePort", check,
			     "may only be set when `type` is 'LoadBalancer' and "
			     "`externalTrafficPolicy` is 'Local'");
	else if (check != NULL)
		check_number(causes, "spec.healthCheckNodePort", check);
}

static void check_load_balancer(const cJSON *spec, const cJSON *old, struct rule_causes *causes)
{
	const cJSON *class = rule_get(spec, "loadBalancerClass");

	if (!is_load_balancer(spec)) {
		if (rule_get(spec, "allocateLoadBalancerNodePorts") != NULL)
			cause_forbidden(causes, "spec.allocateLoadBalancerNodePorts", only_lb);
		if (class != NULL)
			cause_forbidden(causes, "spec.loadBalancerClass", only_lb);
		return;
	}
	if (old != NULL && is_load_balancer(old) && !rule_same(spec, old, "loadBalancerClass"))
		rule_invalid(causes, "spec.loadBalancerClass", class, "may not change once set");
	if (class != NULL)
		name_check_qualified(causes, "spec.loadBalancerClass", class->valuestring);
}

/* The first address and family stay for life; the second may come and go, not change. */
static void check_unchanged(const cJSON *spec, const cJSON *old, struct rule_causes *causes)
{
	static const char *const lists[] = { "clusterIPs", "ipFamilies" };

	if (!has_cluster_ip(spec) || !has_cluster_ip(old))
		return;
	for (size_t l = 0; l < 2; l++) {
		for (int i = 0; i < CLUSTER_IPS_MAX; i++) {
			const cJSON *now = cJSON_GetArrayItem(rule_get(spec, lists[l]), i);
			const cJSON *was = cJSON_GetArrayItem(rule_get(old, lists[l]), i);
			char field[FIELD_MAX];

			snprintf(field, sizeof(field), "spec.%s[%d]", lists[l], i);
			if (now != NULL && was != NULL && !json_equal(now, was))
				rule_invalid(causes, field, now, "may not change once set");
		}
	}
}

void service_validate(const cJSON *spec, const cJSON *old, struct rule_causes *causes)
{
	check_word(causes, "spec.type", rule_text(spec, "type"), types,
		   "\"ClusterIP\", \"ExternalName\", \"LoadBalancer\", \"NodePort\"");
	check_ports(spec, causes);
	if (has_cluster_ip(spec)) {
		check_families(spec, causes);
		check_cluster_ips(spec, causes);
	} else {
		check_external_name(spec, causes);
	}
	check_lists_of_ips(spec, causes);
	check_affinity(spec, causes);
	check_policies(spec, causes);
	check_load_balancer(spec, old, causes);
	if (old != NULL)
		check_unchanged(spec, old, causes);
}
