// SPDX-License-Identifier: Apache-2.0
#include "standalone/apiserver/table_cells.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "standalone/apiserver/json.h"

/* --- cells ----------------------------------------------------------------------------- */

/* How long ago, in at most two units, as kubectl writes it. */
static void put_duration(struct buf *b, long long s)
{
	const long long minute = 60, hour = 3600, day = 86400, year = 365 * 86400;

	if (s < 0)
		s = 0;
	if (s < 2 * minute)
		buf_printf(b, "%llds", s);
	else if (s < 10 * minute && s % minute != 0)
		buf_printf(b, "%lldm%llds", s / minute, s % minute);
	else if (s < 3 * hour)
		buf_printf(b, "%lldm", s / minute);
	else if (s < 8 * hour && s % hour / minute != 0)
		buf_printf(b, "%lldh%lldm", s / hour, s % hour / minute);
	else if (s < 2 * day)
		buf_printf(b, "%lldh", s / hour);
	else if (s < 8 * day && s % day / hour != 0)
		buf_printf(b, "%lldd%lldh", s / day, s % day / hour);
	else if (s < 2 * year)
		buf_printf(b, "%lldd", s / day);
	else if (s < 8 * year && s % year / day != 0)
		buf_printf(b, "%lldy%lldd", s / year, s % year / day);
	else
		buf_printf(b, "%lldy", s / year);
}

void cell_put_since(struct buf *b, const char *timestamp)
{
	struct tm tm = { 0 };

	if (timestamp == NULL || strptime(timestamp, "%Y-%m-%dT%H:%M:%S", &tm) == NULL)
		buf_puts(b, "<unknown>");
	else
		put_duration(b, (long long)time(NULL) - timegm(&tm));
}

static void put_text(struct buf *b, const cJSON *o, const char *path, const char *otherwise)
{
	const char *text = js_text(o, path);

	buf_puts(b, text == NULL || text[0] == '\0' ? otherwise : text);
}

static void separate(struct buf *b, const char *separator)
{
	if (b->len > 0)
		buf_puts(b, separator);
}

static void otherwise(struct buf *b, const char *text)
{
	if (b->len == 0)
		buf_puts(b, text);
}

void cell_age(struct buf *b, const cJSON *o)
{
	cell_put_since(b, js_text(o, "metadata.creationTimestamp"));
}

void cell_name(struct buf *b, const cJSON *o)
{
	put_text(b, o, "metadata.name", "");
}

static void cell_created_at(struct buf *b, const cJSON *o)
{
	put_text(b, o, "metadata.creationTimestamp", "<unknown>");
}

static void cell_phase(struct buf *b, const cJSON *o)
{
	put_text(b, o, "status.phase", "<unknown>");
}

static void cell_data_count(struct buf *b, const cJSON *o)
{
	buf_printf(b, "%d",
		   cJSON_GetArraySize(js_at(o, "data")) +
			   cJSON_GetArraySize(js_at(o, "binaryData")));
}

static void cell_type(struct buf *b, const cJSON *o)
{
	put_text(b, o, "type", "Opaque");
}

static void cell_holder(struct buf *b, const cJSON *o)
{
	put_text(b, o, "spec.holderIdentity", "");
}

static void cell_secrets(struct buf *b, const cJSON *o)
{
	buf_printf(b, "%d", cJSON_GetArraySize(js_at(o, "secrets")));
}

/* Services */

static void cell_service_type(struct buf *b, const cJSON *o)
{
	put_text(b, o, "spec.type", "");
}

static void cell_cluster_ip(struct buf *b, const cJSON *o)
{
	put_text(b, o, "spec.clusterIP", "<none>");
}

static void put_list(struct buf *b, const cJSON *list)
{
	const cJSON *item;

	cJSON_ArrayForEach (item, list) {
		separate(b, ",");
		buf_puts(b, cJSON_IsString(item) ? item->valuestring : "");
	}
}

static void put_ingress(struct buf *b, const cJSON *o)
{
	const cJSON *entry;

	cJSON_ArrayForEach (entry, js_at(o, "status.loadBalancer.ingress")) {
		const char *ip = js_text(entry, "ip"), *host = js_text(entry, "hostname");

		separate(b, ",");
		buf_puts(b, ip != NULL ? ip : host != NULL ? host : "");
	}
}

static void cell_external_ip(struct buf *b, const cJSON *o)
{
	const char *type = js_text(o, "spec.type");

	if (type != NULL && strcmp(type, "ExternalName") == 0) {
		put_text(b, o, "spec.externalName", "");
		return;
	}
	bool balanced = type != NULL && strcmp(type, "LoadBalancer") == 0;
	if (balanced)
		put_ingress(b, o);
	put_list(b, js_at(o, "spec.externalIPs"));
	otherwise(b, balanced ? "<pending>" : "<none>");
}

static void cell_ports(struct buf *b, const cJSON *o)
{
	const cJSON *p;

	cJSON_ArrayForEach (p, js_at(o, "spec.ports")) {
		separate(b, ",");
		buf_printf(b, "%lld", js_int(p, "port", 0));
		if (js_int(p, "nodePort", 0) > 0)
			buf_printf(b, ":%lld", js_int(p, "nodePort", 0));
		buf_puts(b, "/");
		put_text(b, p, "protocol", "TCP");
	}
	otherwise(b, "<none>");
}

static void cell_selector(struct buf *b, const cJSON *o)
{
	const cJSON *s;

	cJSON_ArrayForEach (s, js_at(o, "spec.selector")) {
		separate(b, ",");
		buf_printf(b, "%s=%s", s->string, cJSON_IsString(s) ? s->valuestring : "");
	}
	otherwise(b, "<none>");
}

/* Nodes */

static void cell_node_status(struct buf *b, const cJSON *o)
{
	const cJSON *c;

	cJSON_ArrayForEach (c, js_at(o, "status.conditions")) {
		const char *type = js_text(c, "type"), *status = js_text(c, "status");

		if (type != NULL && strcmp(type, "Ready") == 0)
			buf_puts(b, status != NULL && strcmp(status, "True") == 0 ? "Ready"
										  : "NotReady");
	}
	otherwise(b, "Unknown");
	if (js_true(o, "spec.unschedulable"))
		buf_puts(b, ",SchedulingDisabled");
}

static void cell_roles(struct buf *b, const cJSON *o)
{
	static const char prefix[] = "node-role.kubernetes.io/";
	const cJSON *l;

	cJSON_ArrayForEach (l, js_at(o, "metadata.labels"))
		if (strncmp(l->string, prefix, sizeof(prefix) - 1) == 0) {
			separate(b, ",");
			buf_puts(b, l->string + sizeof(prefix) - 1);
		}
	otherwise(b, "<none>");
}

static void put_address(struct buf *b, const cJSON *o, const char *type)
{
	const cJSON *a;

	cJSON_ArrayForEach (a, js_at(o, "status.addresses"))
		if (b->len == 0 && js_text(a, "type") != NULL &&
		    strcmp(js_text(a, "type"), type) == 0)
			put_text(b, a, "address", "");
	otherwise(b, "<none>");
}

static void cell_internal_ip(struct buf *b, const cJSON *o)
{
	put_address(b, o, "InternalIP");
}

static void cell_node_external_ip(struct buf *b, const cJSON *o)
{
	put_address(b, o, "ExternalIP");
}

static void cell_kubelet(struct buf *b, const cJSON *o)
{
	put_text(b, o, "status.nodeInfo.kubeletVersion", "");
}

static void cell_os(struct buf *b, const cJSON *o)
{
	put_text(b, o, "status.nodeInfo.osImage", "<unknown>");
}

static void cell_kernel(struct buf *b, const cJSON *o)
{
	put_text(b, o, "status.nodeInfo.kernelVersion", "<unknown>");
}

static void cell_runtime(struct buf *b, const cJSON *o)
{
	put_text(b, o, "status.nodeInfo.containerRuntimeVersion", "<unknown>");
}

/* Pods */

static void cell_pod_ready(struct buf *b, const cJSON *o)
{
	const cJSON *c;
	int ready = 0;

	cJSON_ArrayForEach (c, js_at(o, "status.containerStatuses"))
		ready += js_true(c, "ready") ? 1 : 0;
	buf_printf(b, "%d/%d", ready, cJSON_GetArraySize(js_at(o, "spec.containers")));
}

static void cell_restarts(struct buf *b, const cJSON *o)
{
	const cJSON *c;
	long long n = 0;

	cJSON_ArrayForEach (c, js_at(o, "status.containerStatuses"))
		n += js_int(c, "restartCount", 0);
	buf_printf(b, "%lld", n);
}

static void cell_pod_ip(struct buf *b, const cJSON *o)
{
	put_text(b, o, "status.podIP", "<none>");
}

static void cell_pod_node(struct buf *b, const cJSON *o)
{
	put_text(b, o, "spec.nodeName", "<none>");
}

static void cell_nominated_node(struct buf *b, const cJSON *o)
{
	put_text(b, o, "status.nominatedNodeName", "<none>");
}

/* How many of the conditions that the Pod waits for are there. */
static void cell_readiness_gates(struct buf *b, const cJSON *o)
{
	const cJSON *gates = js_at(o, "spec.readinessGates"), *gate, *c;
	int there = 0;

	cJSON_ArrayForEach (gate, gates)
		cJSON_ArrayForEach (c, js_at(o, "status.conditions"))
			if (js_text(c, "type") != NULL && js_text(gate, "conditionType") != NULL &&
			    strcmp(js_text(c, "type"), js_text(gate, "conditionType")) == 0 &&
			    js_text(c, "status") != NULL &&
			    strcmp(js_text(c, "status"), "True") == 0)
				there++;
	if (gates == NULL)
		buf_puts(b, "<none>");
	else
		buf_printf(b, "%d/%d", there, cJSON_GetArraySize(gates));
}

/* EndpointSlices and Endpoints */

static void cell_address_type(struct buf *b, const cJSON *o)
{
	put_text(b, o, "addressType", "");
}

static void cell_slice_ports(struct buf *b, const cJSON *o)
{
	const cJSON *p;

	cJSON_ArrayForEach (p, js_at(o, "ports")) {
		separate(b, ",");
		if (js_at(p, "port") == NULL || cJSON_IsNull(js_at(p, "port")))
			buf_puts(b, "*");
		else
			buf_printf(b, "%lld", js_int(p, "port", 0));
	}
	otherwise(b, "<unset>");
}

enum { ENDPOINTS_SHOWN = 3 };

static void put_more(struct buf *b, int count)
{
	if (count > ENDPOINTS_SHOWN)
		buf_printf(b, " + %d more...", count - ENDPOINTS_SHOWN);
}

static void cell_slice_endpoints(struct buf *b, const cJSON *o)
{
	const cJSON *e, *address;
	int n = 0;

	cJSON_ArrayForEach (e, js_at(o, "endpoints"))
		cJSON_ArrayForEach (address, js_at(e, "addresses"))
			if (n++ < ENDPOINTS_SHOWN) {
				separate(b, ",");
				buf_puts(b, cJSON_IsString(address) ? address->valuestring : "");
			}
	put_more(b, n);
	otherwise(b, "<unset>");
}

static void cell_endpoints(struct buf *b, const cJSON *o)
{
	const cJSON *subset, *p, *address;
	int n = 0;

	cJSON_ArrayForEach (subset, js_at(o, "subsets"))
		cJSON_ArrayForEach (p, js_at(subset, "ports"))
			cJSON_ArrayForEach (address, js_at(subset, "addresses"))
				if (n++ < ENDPOINTS_SHOWN) {
					const char *ip = js_text(address, "ip");

					separate(b, ",");
					buf_printf(b,
						   ip != NULL && strchr(ip, ':') != NULL
							   ? "[%s]:%lld"
							   : "%s:%lld",
						   ip == NULL ? "" : ip, js_int(p, "port", 0));
				}
	put_more(b, n);
	otherwise(b, "<none>");
}

/* Events */

static void cell_last_seen(struct buf *b, const cJSON *o)
{
	const char *last = js_text(o, "lastTimestamp");
	const char *series = js_text(o, "series.lastObservedTime");

	cell_put_since(b, series != NULL ? series : last != NULL ? last : js_text(o, "eventTime"));
}

static void cell_first_seen(struct buf *b, const cJSON *o)
{
	const char *first = js_text(o, "firstTimestamp");

	cell_put_since(b, first != NULL ? first : js_text(o, "eventTime"));
}

static void cell_reason(struct buf *b, const cJSON *o)
{
	put_text(b, o, "reason", "");
}

static void cell_event_type(struct buf *b, const cJSON *o)
{
	put_text(b, o, "type", "");
}

static void cell_object(struct buf *b, const cJSON *o)
{
	const char *kind = js_text(o, "involvedObject.kind");

	for (const char *c = kind == NULL ? "" : kind; *c != '\0'; c++)
		buf_printf(b, "%c", *c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c);
	buf_puts(b, "/");
	put_text(b, o, "involvedObject.name", "");
}

static void cell_subobject(struct buf *b, const cJSON *o)
{
	put_text(b, o, "involvedObject.fieldPath", "");
}

static void cell_source(struct buf *b, const cJSON *o)
{
	put_text(b, o, "source.component", "");
	otherwise(b,
		  js_text(o, "reportingComponent") == NULL ? "" : js_text(o, "reportingComponent"));
	if (js_text(o, "source.host") != NULL && js_text(o, "source.host")[0] != '\0')
		buf_printf(b, ", %s", js_text(o, "source.host"));
}

static void cell_message(struct buf *b, const cJSON *o)
{
	put_text(b, o, "message", "");
}

static void cell_count(struct buf *b, const cJSON *o)
{
	buf_printf(b, "%lld", js_int(o, "count", 1));
}

/* Ingresses */

static void cell_class(struct buf *b, const cJSON *o)
{
	put_text(b, o, "spec.ingressClassName", "<none>");
}

static void cell_hosts(struct buf *b, const cJSON *o)
{
	const cJSON *rule;

	cJSON_ArrayForEach (rule, js_at(o, "spec.rules")) {
		const char *host = js_text(rule, "host");
		separate(b, ",");
		buf_puts(b, host == NULL ? "*" : host);
	}
	otherwise(b, "*");
}

static void cell_ingress_ports(struct buf *b, const cJSON *o)
{
	buf_puts(b, cJSON_GetArraySize(js_at(o, "spec.tls")) > 0 ? "80, 443" : "80");
}

static void cell_controller(struct buf *b, const cJSON *o)
{
	put_text(b, o, "spec.controller", "");
}

/* Kind.group/name */
static void cell_parameters(struct buf *b, const cJSON *o)
{
	const cJSON *p = js_at(o, "spec.parameters");

	if (p == NULL) {
		buf_puts(b, "<none>");
		return;
	}
	put_text(b, p, "kind", "");
	if (js_text(p, "apiGroup") != NULL)
		buf_printf(b, ".%s", js_text(p, "apiGroup"));
	buf_puts(b, "/");
	put_text(b, p, "name", "");
}

/* --- columns of the built-in kinds ----------------------------------------------------- */

static const struct table_column columns[] = {
	{ KIND_SERVICE, "Type", "string", 0, cell_service_type },
	{ KIND_SERVICE, "Cluster-IP", "string", 0, cell_cluster_ip },
	{ KIND_SERVICE, "External-IP", "string", 0, cell_external_ip },
	{ KIND_SERVICE, "Port(s)", "string", 0, cell_ports },
	{ KIND_SERVICE, "Age", "string", 0, cell_age },
	{ KIND_SERVICE, "Selector", "string", 1, cell_selector },
	{ KIND_NODE, "Status", "string", 0, cell_node_status },
	{ KIND_NODE, "Roles", "string", 0, cell_roles },
	{ KIND_NODE, "Age", "string", 0, cell_age },
	{ KIND_NODE, "Version", "string", 0, cell_kubelet },
	{ KIND_NODE, "Internal-IP", "string", 1, cell_internal_ip },
	{ KIND_NODE, "External-IP", "string", 1, cell_node_external_ip },
	{ KIND_NODE, "OS-Image", "string", 1, cell_os },
	{ KIND_NODE, "Kernel-Version", "string", 1, cell_kernel },
	{ KIND_NODE, "Container-Runtime", "string", 1, cell_runtime },
	{ KIND_NAMESPACE, "Status", "string", 0, cell_phase },
	{ KIND_NAMESPACE, "Age", "string", 0, cell_age },
	{ KIND_POD, "Ready", "string", 0, cell_pod_ready },
	{ KIND_POD, "Status", "string", 0, cell_phase },
	{ KIND_POD, "Restarts", "string", 0, cell_restarts },
	{ KIND_POD, "Age", "string", 0, cell_age },
	{ KIND_POD, "IP", "string", 1, cell_pod_ip },
	{ KIND_POD, "Node", "string", 1, cell_pod_node },
	{ KIND_POD, "Nominated Node", "string", 1, cell_nominated_node },
	{ KIND_POD, "Readiness Gates", "string", 1, cell_readiness_gates },
	{ KIND_ENDPOINT_SLICE, "AddressType", "string", 0, cell_address_type },
	{ KIND_ENDPOINT_SLICE, "Ports", "string", 0, cell_slice_ports },
	{ KIND_ENDPOINT_SLICE, "Endpoints", "string", 0, cell_slice_endpoints },
	{ KIND_ENDPOINT_SLICE, "Age", "string", 0, cell_age },
	{ KIND_ENDPOINTS, "Endpoints", "string", 0, cell_endpoints },
	{ KIND_ENDPOINTS, "Age", "string", 0, cell_age },
	{ KIND_CONFIG_MAP, "Data", "integer", 0, cell_data_count },
	{ KIND_CONFIG_MAP, "Age", "string", 0, cell_age },
	{ KIND_SECRET, "Type", "string", 0, cell_type },
	{ KIND_SECRET, "Data", "integer", 0, cell_data_count },
	{ KIND_SECRET, "Age", "string", 0, cell_age },
	{ KIND_SERVICE_ACCOUNT, "Secrets", "integer", 0, cell_secrets },
	{ KIND_SERVICE_ACCOUNT, "Age", "string", 0, cell_age },
	{ KIND_LEASE, "Holder", "string", 0, cell_holder },
	{ KIND_LEASE, "Age", "string", 0, cell_age },
	{ KIND_INGRESS, "Class", "string", 0, cell_class },
	{ KIND_INGRESS, "Hosts", "string", 0, cell_hosts },
	{ KIND_INGRESS, "Address", "string", 0, put_ingress },
	{ KIND_INGRESS, "Ports", "string", 0, cell_ingress_ports },
	{ KIND_INGRESS, "Age", "string", 0, cell_age },
	{ KIND_INGRESS_CLASS, "Controller", "string", 0, cell_controller },
	{ KIND_INGRESS_CLASS, "Parameters", "string", 0, cell_parameters },
	{ KIND_INGRESS_CLASS, "Age", "string", 0, cell_age },
	{ KIND_CRD, "Created At", "date", 0, cell_created_at },
	/* The name comes last with events: it says nothing to a reader. */
	{ KIND_EVENT, "Last Seen", "string", 0, cell_last_seen },
	{ KIND_EVENT, "Type", "string", 0, cell_event_type },
	{ KIND_EVENT, "Reason", "string", 0, cell_reason },
	{ KIND_EVENT, "Object", "string", 0, cell_object },
	{ KIND_EVENT, "Subobject", "string", 1, cell_subobject },
	{ KIND_EVENT, "Source", "string", 1, cell_source },
	{ KIND_EVENT, "Message", "string", 0, cell_message },
	{ KIND_EVENT, "First Seen", "string", 1, cell_first_seen },
	{ KIND_EVENT, "Count", "integer", 1, cell_count },
	{ KIND_EVENT, "Name", "string", 1, cell_name },
};

const struct table_column *table_columns(size_t *ret_count)
{
	*ret_count = sizeof(columns) / sizeof(columns[0]);
	return columns;
}
