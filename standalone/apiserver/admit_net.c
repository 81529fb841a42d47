// SPDX-License-Identifier: Apache-2.0
/* Rules of EndpointSlices, Leases, Ingresses and IngressClasses. */
#include <stdio.h>
#include <string.h>

#include "lib/base/ip.h"
#include "lib/model/name_rules.h"
#include "standalone/apiserver/admit_impl.h"

/* --- EndpointSlice --------------------------------------------------------------------- */

static const char *const address_types[] = { "FQDN", "IPv4", "IPv6", NULL };
static const char *const protocols[] = { "SCTP", "TCP", "UDP", NULL };
static const char *const path_types[] = { "Exact", "ImplementationSpecific", "Prefix", NULL };

enum { ENDPOINTS_MAX = 1000, ADDRESSES_MAX = 100, SLICE_PORTS_MAX = 20000 };

/* Addresses that no endpoint can have (ValidateNonSpecialIP). */
static const char *special_fault(const struct ip_addr *ip)
{
	static const struct {
		const char *prefix, *why;
	} special[] = {
		{ "0.0.0.0/32", "may not be unspecified (0.0.0.0)" },
		{ "::/128", "may not be unspecified (::)" },
		{ "127.0.0.0/8", "may not be in the loopback range (127.0.0.0/8, ::1/128)" },
		{ "::1/128", "may not be in the loopback range (127.0.0.0/8, ::1/128)" },
		{ "169.254.0.0/16",
		  "may not be in the link-local range (169.254.0.0/16, fe80::/10)" },
		{ "fe80::/10", "may not be in the link-local range (169.254.0.0/16, fe80::/10)" },
		{ "224.0.0.0/24",
		  "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)" },
		{ "ff02::/16",
		  "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)" },
	};
	struct ip_prefix p;

	for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++)
		if (ip_prefix_parse(special[i].prefix, &p) == 0 && ip_prefix_contains(&p, ip))
			return special[i].why;
	return NULL;
}

static void check_address(const char *text, const char *type, const char *field,
			  struct rule_causes *causes)
{
	bool v4 = strcmp(type, "IPv4") == 0;
	const char *fault = NULL;
	struct ip_addr ip;

	if (strcmp(type, "FQDN") == 0)
		name_check_subdomain(causes, field, text);
	else if (ip_parse(text, &ip) != 0 || (ip.family == IP_V4) != v4)
		fault = v4 ? "must be a valid IPv4 address" : "must be a valid IPv6 address";
	else
		fault = special_fault(&ip);
	if (fault != NULL)
		cause_invalid_text(causes, field, text, fault);
	/* Whether it is a special address is asked all the same, and then it is no address. */
	if (strcmp(type, "FQDN") != 0 && ip_parse(text, &ip) != 0)
		cause_invalid_text(causes, field, text, "must be a valid IP address");
}

static void check_endpoints(const cJSON *slice, struct rule_causes *causes)
{
	const cJSON *list = js_at(slice, "endpoints"), *e, *address;
	const char *type = text_at(slice, "addressType");
	int i = 0, count = cJSON_GetArraySize(list);

	if (count > ENDPOINTS_MAX) {
		cause_too_many(causes, "endpoints", count, ENDPOINTS_MAX);
		return;
	}
	cJSON_ArrayForEach (e, list) {
		int n = 0, addresses = cJSON_GetArraySize(js_at(e, "addresses"));
		const char *node = js_text(e, "nodeName"), *host = js_text(e, "hostname");
		char field[48];

		snprintf(field, sizeof(field), "endpoints[%d].addresses", i);
		if (addresses == 0)
			cause_required_why(causes, field, "must contain at least 1 address");
		else if (addresses > ADDRESSES_MAX)
			cause_too_many(causes, field, addresses, ADDRESSES_MAX);
		cJSON_ArrayForEach (address, js_at(e, "addresses"))
			check_address(address->valuestring, type,
				      FIELD("endpoints[%d].addresses[%d]", i, n++), causes);
		if (node != NULL)
			name_check_subdomain(causes, FIELD("endpoints[%d].nodeName", i), node);
		if (host != NULL)
			name_check_label(causes, FIELD("endpoints[%d].hostname", i), host);
		i++;
	}
}

static bool name_came_before(const cJSON *list, const cJSON *port, const char *name)
{
	const cJSON *other;

	cJSON_ArrayForEach (other, list) {
		if (other == port)
			return false;
		if (strcmp(text_at(other, "name"), name) == 0)
			return true;
	}
	return false;
}

static void check_slice_ports(const cJSON *list, struct rule_causes *causes)
{
	const cJSON *port;
	int i = 0, count = cJSON_GetArraySize(list);

	if (count > SLICE_PORTS_MAX) {
		cause_too_many(causes, "ports", count, SLICE_PORTS_MAX);
		return;
	}
	cJSON_ArrayForEach (port, list) {
		const char *name = text_at(port, "name"), *protocol = text_at(port, "protocol");
		const char *app = js_text(port, "appProtocol");

		if (name[0] != '\0')
			name_check_label(causes, FIELD("ports[%d].name", i), name);
		if (name_came_before(list, port, name))
			cause_duplicate(causes, FIELD("ports[%d].name", i), name);
		if (strcmp(protocol, "TCP") != 0 && strcmp(protocol, "UDP") != 0 &&
		    strcmp(protocol, "SCTP") != 0)
			cause_unsupported(causes, FIELD("ports[%d].protocol", i), protocol,
					  protocols);
		if (app != NULL)
			name_check_qualified(causes, FIELD("ports[%d].appProtocol", i), app);
		i++;
	}
}

void admit_endpoint_slice(cJSON *object, const cJSON *old, struct rule_causes *causes)
{
	const char *type = text_at(object, "addressType");
	cJSON *port;

	cJSON_ArrayForEach (port, js_at(object, "ports")) {
		if (js_at(port, "name") == NULL)
			js_set_text(port, "name", "");
		if (js_at(port, "protocol") == NULL)
			js_set_text(port, "protocol", "TCP");
	}
	if (type[0] == '\0')
		cause_required(causes, "addressType");
	else if (strcmp(type, "IPv4") != 0 && strcmp(type, "IPv6") != 0 &&
		 strcmp(type, "FQDN") != 0)
		cause_unsupported(causes, "addressType", type, address_types);
	else
		check_endpoints(object, causes);
	check_slice_ports(js_at(object, "ports"), causes);
	if (old != NULL && !same_field(object, old, "addressType"))
		cause_invalid_text(causes, "addressType", type, "field is immutable");
}

/* --- Lease ----------------------------------------------------------------------------- */

void admit_lease(cJSON *object, const cJSON *old, struct rule_causes *causes)
{
	const cJSON *spec = js_at(object, "spec");

	(void)old;
	if (js_int(spec, "leaseDurationSeconds", 1) <= 0)
		causes_add(causes, "FieldValueInvalid", "spec.leaseDurationSeconds",
			   "Invalid value: %lld: must be greater than 0",
			   js_int(spec, "leaseDurationSeconds", 1));
	if (js_int(spec, "leaseTransitions", 0) < 0)
		causes_add(causes, "FieldValueInvalid", "spec.leaseTransitions",
			   "Invalid value: %lld: must be greater than or equal to 0",
			   js_int(spec, "leaseTransitions", 0));
	if (text_at(spec, "preferredHolder")[0] != '\0' && text_at(spec, "strategy")[0] == '\0')
		cause_forbidden(causes, "spec.preferredHolder",
				"may only be specified if `strategy` is defined");
}

/* --- Ingress, IngressClass ------------------------------------------------------------- */

/* A name, or *.example.com. */
static void check_host(const char *host, const char *field, struct rule_causes *causes)
{
	struct rule_causes below = { 0 };
	struct ip_addr ip;

	if (ip_parse(host, &ip) == 0)
		cause_invalid_text(causes, field, host, "must be a DNS name, not an IP address");
	if (strchr(host, '*') == NULL)
		name_check_subdomain(causes, field, host);
	else if (strncmp(host, "*.", 2) != 0 || !name_check_subdomain(&below, field, host + 2))
		cause_invalid_text(
			causes, field, host,
			"a wildcard DNS-1123 subdomain must start with '*.', followed by a valid "
			"DNS subdomain, which must consist of lower case alphanumeric characters, "
			"'-' or '.' and end with an alphanumeric character (e.g. '*.example.com', "
			"regex used for validation is "
			"'\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*'"
			")");
	causes_free(&below);
}

static void check_service_backend(const cJSON *service, const char *at, struct rule_causes *causes)
{
	const char *name = text_at(service, "name"), *port = text_at(service, "port.name");
	long long number = js_int(service, "port.number", 0);

	if (name[0] == '\0')
		cause_required(causes, FIELD("%s.service.name", at));
	else
		name_check_label_1035(causes, FIELD("%s.service.name", at), name);
	if (port[0] != '\0' && number != 0)
		cause_invalid_text(causes, at, "", "cannot set both port name & port number");
	else if (port[0] == '\0' && number == 0)
		cause_required_why(causes, at, "port name or number is required");
	else if (port[0] != '\0')
		name_check_port(causes, FIELD("%s.service.port.name", at), port);
	else if (number < 1 || number > 65535)
		cause_invalid_int(causes, FIELD("%s.service.port.number", at), (int)number,
				  "must be between 1 and 65535, inclusive");
}

static void check_backend(const cJSON *backend, const char *at, struct rule_causes *causes)
{
	const cJSON *service = js_at(backend, "service"), *resource = js_at(backend, "resource");

	if (service != NULL && resource != NULL)
		cause_invalid_text(causes, at, "", "cannot set both resource and service backends");
	else if (service != NULL)
		check_service_backend(service, at, causes);
	else if (resource == NULL)
		cause_invalid_text(causes, at, "", "resource or service backend is required");
	else if (text_at(resource, "kind")[0] == '\0' || text_at(resource, "name")[0] == '\0')
		cause_required(causes,
			       FIELD("%s.resource.%s", at,
				     text_at(resource, "kind")[0] == '\0' ? "kind" : "name"));
}

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), n = strlen(end);

	return len >= n && strcmp(text + len - n, end) == 0;
}

static void check_exact_path(const char *path, const char *at, struct rule_causes *causes)
{
	static const char *const sequences[] = { "//", "/./", "/../", "%2f", "%2F" };
	static const char *const endings[] = { "/..", "/." };
	char why[48];

	if (path[0] != '/')
		cause_invalid_text(causes, FIELD("%s.path", at), path, "must be an absolute path");
	for (size_t i = 0; i < sizeof(sequences) / sizeof(sequences[0]); i++)
		if (strstr(path, sequences[i]) != NULL) {
			snprintf(why, sizeof(why), "must not contain '%s'", sequences[i]);
			cause_invalid_text(causes, FIELD("%s.path", at), path, why);
		}
	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++)
		if (ends_with(path, endings[i])) {
			snprintf(why, sizeof(why), "cannot end with '%s'", endings[i]);
			cause_invalid_text(causes, FIELD("%s.path", at), path, why);
		}
}

static void check_path(const cJSON *p, const char *at, struct rule_causes *causes)
{
	const char *type = js_text(p, "pathType"), *path = text_at(p, "path");
	char below[128];

	if (type == NULL) {
		cause_required_why(causes, FIELD("%s.pathType", at), "pathType must be specified");
		return;
	}
	if (strcmp(type, "Exact") == 0 || strcmp(type, "Prefix") == 0)
		check_exact_path(path, at, causes);
	else if (strcmp(type, "ImplementationSpecific") != 0)
		cause_unsupported(causes, FIELD("%s.pathType", at), type, path_types);
	else if (path[0] != '\0' && path[0] != '/')
		cause_invalid_text(causes, FIELD("%s.path", at), path, "must be an absolute path");
	snprintf(below, sizeof(below), "%s.backend", at);
	check_backend(js_at(p, "backend"), below, causes);
}

static void check_rules(const cJSON *rules, struct rule_causes *causes)
{
	const cJSON *rule, *p;
	int i = 0;

	cJSON_ArrayForEach (rule, rules) {
		const char *host = text_at(rule, "host");
		int n = 0;

		if (host[0] != '\0')
			check_host(host, FIELD("spec.rules[%d].host", i), causes);
		if (js_at(rule, "http") != NULL &&
		    cJSON_GetArraySize(js_at(rule, "http.paths")) == 0)
			cause_required(causes, FIELD("spec.rules[%d].http.paths", i));
		cJSON_ArrayForEach (p, js_at(rule, "http.paths")) {
			char at[96];

			snprintf(at, sizeof(at), "spec.rules[%d].http.paths[%d]", i, n++);
			check_path(p, at, causes);
		}
		i++;
	}
}

static void check_tls(const cJSON *list, struct rule_causes *causes)
{
	const cJSON *tls, *host;
	int i = 0;

	cJSON_ArrayForEach (tls, list) {
		const char *secret = text_at(tls, "secretName");
		int n = 0;

		cJSON_ArrayForEach (host, js_at(tls, "hosts"))
			check_host(host->valuestring, FIELD("spec.tls[%d].hosts[%d]", i, n++),
				   causes);
		if (secret[0] != '\0')
			name_check_subdomain(causes, FIELD("spec.tls[%d].secretName", i), secret);
		i++;
	}
}

void admit_ingress(cJSON *object, const cJSON *old, struct rule_causes *causes)
{
	const cJSON *spec = js_at(object, "spec"), *rules = js_at(spec, "rules");
	const char *class = js_text(spec, "ingressClassName");

	(void)old;
	if (cJSON_GetArraySize(rules) == 0 && js_at(spec, "defaultBackend") == NULL)
		causes_add(causes, "FieldValueInvalid", "spec",
			   "Invalid value: []networking.IngressRule(nil): either `defaultBackend` "
			   "or `rules` must be specified");
	if (js_at(spec, "defaultBackend") != NULL)
		check_backend(js_at(spec, "defaultBackend"), "spec.defaultBackend", causes);
	check_rules(rules, causes);
	check_tls(js_at(spec, "tls"), causes);
	if (class != NULL)
		name_check_subdomain(causes, "spec.ingressClassName", class);
}

void admit_ingress_class(cJSON *object, const cJSON *old, struct rule_causes *causes)
{
	const char *controller = text_at(object, "spec.controller");
	struct rule_causes below = { 0 };

	/* A domain and a path: what a qualified name is, for all that controllers are called. */
	if (controller[0] == '\0')
		cause_required(causes, "spec.controller");
	else if (strchr(controller, '/') == NULL ||
		 !name_check_qualified(&below, "spec.controller", controller))
		cause_invalid_text(causes, "spec.controller", controller,
				   "must be a domain-prefixed path (such as \"acme.io/foo\")");
	if (old != NULL && !same_field(object, old, "spec.controller"))
		cause_invalid_text(causes, "spec.controller", controller, "field is immutable");
	causes_free(&below);
}
