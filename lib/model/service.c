// SPDX-License-Identifier: Apache-2.0
#include "lib/model/service.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/intern.h"
#include "lib/model/json.h"

#define ANNOTATION     "metallb.io/"
#define ANNOTATION_OLD "metallb.universe.tf/"

#define AFFINITY_DEFAULT_S (3 * 3600)
#define AFFINITY_MAX_S     (24 * 3600)

static const char *const type_names[] = { "ClusterIP", "NodePort", "LoadBalancer", "ExternalName",
					  NULL };
static const char *const traffic_policy_names[] = { "Cluster", "Local", NULL };
static const char *const family_policy_names[] = { "SingleStack", "PreferDualStack",
						   "RequireDualStack", NULL };

const char *service_type_name(enum service_type t)
{
	return type_names[t];
}

int l4_protocol_decode(const struct json *j)
{
	static const char *const names[] = { "TCP", "UDP", "SCTP", NULL };
	static const uint8_t numbers[] = { L4_TCP, L4_UDP, L4_SCTP };

	return numbers[json_word(j, names, 0)];
}

/* The annotation under MetalLB's prefix, else under the one of old releases; interned. */
static const char *annotation(const struct json *annotations, const char *name)
{
	static const char *const prefixes[] = { ANNOTATION, ANNOTATION_OLD };
	char key[64];

	for (size_t i = 0; i < 2; i++) {
		snprintf(key, sizeof(key), "%s%s", prefixes[i], name);
		struct json j = json_get(annotations, key);
		if (!json_absent(&j))
			return intern(json_text(&j));
	}
	return NULL;
}

static void annotations_decode(const struct json *root, struct service *s)
{
	struct json metadata = json_get(root, "metadata");
	struct json annotations = json_get(&metadata, "annotations");

	if (!json_is_object(&annotations))
		return;
	s->requested_ips = annotation(&annotations, "loadBalancerIPs");
	s->address_pool = annotation(&annotations, "address-pool");
	s->sharing_key = annotation(&annotations, "allow-shared-ip");
	struct json from_pool = json_get(&annotations, ANNOTATION "ip-allocated-from-pool");
	s->from_pool = intern(json_text(&from_pool));
	json_each (j, &annotations)
		if (strncmp(j.key, ANNOTATION_OLD, strlen(ANNOTATION_OLD) - 1) == 0)
			s->deprecated_annotations = true;
}

static void port_decode(const struct json *j, struct service_port *p)
{
	struct json name = json_get(j, "name"), port = json_get(j, "port");
	struct json target = json_get(j, "targetPort"), node_port = json_get(j, "nodePort");
	struct json protocol = json_get(j, "protocol");

	p->name = intern(json_text(&name));
	p->protocol = (uint8_t)l4_protocol_decode(&protocol);
	if (json_absent(&port))
		json_fault(&port, "is required");
	p->port = (uint16_t)json_int(&port, 1, UINT16_MAX, 0);
	p->node_port = (uint16_t)json_int(&node_port, 0, UINT16_MAX, 0);

	/* An IntOrString: absent, 0 and "" all mean the port itself. */
	if (cJSON_IsString(target.value)) {
		const char *text = json_text(&target);
		p->target_name = *text == '\0' ? NULL : intern(text);
	} else {
		p->target_port = (uint16_t)json_int(&target, 0, UINT16_MAX, 0);
	}
	if (p->target_port == 0 && p->target_name == NULL)
		p->target_port = p->port;
}

static int ports_decode(const struct json *ports, struct service *s)
{
	size_t count = json_count(ports);

	if (count > UINT16_MAX)
		json_fault(ports, "has more than %d entries", UINT16_MAX);
	if (count == 0 || count > UINT16_MAX)
		return 0;
	s->ports = calloc(count, sizeof(*s->ports));
	if (s->ports == NULL)
		return -ENOMEM;
	json_each (j, ports) {
		if (json_absent(&j))
			json_fault(&j, "must be a map");
		port_decode(&j, &s->ports[s->port_count++]);
	}
	return 0;
}

/* spec.clusterIPs, or spec.clusterIP where an old API server knows no list. */
static void cluster_ips_decode(const struct json *spec, struct service *s)
{
	struct json list = json_get(spec, "clusterIPs"), single = json_get(spec, "clusterIP");
	const char *texts[2] = { json_text(&single), NULL };
	size_t count = texts[0] == NULL ? 0 : 1;

	if (json_count(&list) > 2) {
		json_fault(&list, "has more than two entries");
		return;
	}
	if (json_count(&list) > 0) {
		count = 0;
		json_each (j, &list)
			texts[count++] = json_need_text(&j);
	}
	for (size_t i = 0; i < count; i++) {
		if (texts[i] == NULL || *texts[i] == '\0')
			continue;
		if (strcmp(texts[i], "None") == 0)
			s->headless = true;
		else if (ip_parse_sloppy(texts[i], &s->cluster_ips[s->cluster_ip_count]) == 0)
			s->cluster_ip_count++;
		else
			json_fault(json_absent(&list) ? &single : &list, "\"%s\" is no address",
				   texts[i]);
	}
}

static void families_decode(const struct json *families, struct service *s)
{
	static const char *const names[] = { "IPv4", "IPv6", NULL };

	if (json_count(families) > 2) {
		json_fault(families, "has more than two entries");
		return;
	}
	if (json_absent(families) || !json_is_list(families))
		return;
	json_each (j, families)
		s->families[s->family_count++] = json_word(&j, names, 0) == 0 ? IP_V4 : IP_V6;
}

/* Mark the address that is next in s->ingress, of @count at most. */
static int ingress_mark_proxied(struct service *s, size_t count)
{
	if (s->ingress_proxied == NULL)
		s->ingress_proxied = calloc(count, sizeof(*s->ingress_proxied));
	if (s->ingress_proxied == NULL)
		return -ENOMEM;
	s->ingress_proxied[s->ingress_count] = true;
	return 0;
}

/* Entries without an ip (a hostname of another controller) are passed over. */
static int ingress_decode(const struct json *ingress, struct service *s)
{
	size_t count = json_count(ingress);

	if (count > UINT8_MAX)
		json_fault(ingress, "has more than %d entries", UINT8_MAX);
	if (count == 0 || count > UINT8_MAX)
		return 0;
	s->ingress = calloc(count, sizeof(*s->ingress));
	if (s->ingress == NULL)
		return -ENOMEM;
	json_each (j, ingress) {
		struct json ip = json_get(&j, "ip"), mode = json_get(&j, "ipMode");
		const char *text = json_text(&ip);
		if (text == NULL || *text == '\0')
			continue;
		if (ip_parse_sloppy(text, &s->ingress[s->ingress_count]) != 0) {
			s->ingress_bad = true;
			continue;
		}
		text = json_text(&mode);
		if (text != NULL && strcmp(text, "VIP") != 0 && ingress_mark_proxied(s, count) != 0)
			return -ENOMEM;
		s->ingress_count++;
	}
	return 0;
}

/* API servers take no other than addresses; what is none is passed over. */
static int external_ips_decode(const struct json *list, struct service *s)
{
	size_t count = json_count(list);

	if (count > UINT8_MAX)
		json_fault(list, "has more than %d entries", UINT8_MAX);
	if (count == 0 || count > UINT8_MAX)
		return 0;
	s->external_ips = calloc(count, sizeof(*s->external_ips));
	if (s->external_ips == NULL)
		return -ENOMEM;
	json_each (j, list) {
		const char *text = json_text(&j);
		if (text != NULL &&
		    ip_parse_sloppy(text, &s->external_ips[s->external_ip_count]) == 0)
			s->external_ip_count++;
	}
	return 0;
}

/* API servers allow blanks around a prefix, and nothing but blanks. */
static void source_range_decode(const char *text, struct service *s)
{
	static const char blanks[] = " \t\n";
	char buf[IP_PREFIX_MAX];

	text += strspn(text, blanks);
	size_t len = strcspn(text, blanks);
	if (len == 0)
		return;
	snprintf(buf, sizeof(buf), "%.*s", (int)len, text);
	if (len < sizeof(buf) && text[len + strspn(text + len, blanks)] == '\0' &&
	    ip_prefix_parse_sloppy(buf, &s->source_ranges[s->source_range_count]) == 0)
		s->source_range_count++;
	else
		s->source_ranges_bad = true;
}

static int source_ranges_decode(const struct json *list, struct service *s)
{
	size_t count = json_count(list);

	if (count > UINT16_MAX)
		json_fault(list, "has more than %d entries", UINT16_MAX);
	if (count == 0 || count > UINT16_MAX)
		return 0;
	s->source_ranges = calloc(count, sizeof(*s->source_ranges));
	if (s->source_ranges == NULL)
		return -ENOMEM;
	json_each (j, list) {
		const char *text = json_text(&j);
		if (text != NULL)
			source_range_decode(text, s);
	}
	return 0;
}

static uint32_t affinity_decode(const struct json *spec)
{
	static const char *const names[] = { "None", "ClientIP", NULL };
	struct json affinity = json_get(spec, "sessionAffinity");
	struct json config = json_get(spec, "sessionAffinityConfig");
	struct json client_ip = json_get(&config, "clientIP");
	struct json timeout = json_get(&client_ip, "timeoutSeconds");

	if (json_word(&affinity, names, 0) == 0)
		return 0;
	return (uint32_t)json_int(&timeout, 1, AFFINITY_MAX_S, AFFINITY_DEFAULT_S);
}

static int spec_decode(const struct json *spec, struct service *s)
{
	struct json type = json_get(spec, "type"), lb_class = json_get(spec, "loadBalancerClass");
	struct json lb_ip = json_get(spec, "loadBalancerIP"), ports = json_get(spec, "ports");
	struct json families = json_get(spec, "ipFamilies");
	struct json family_policy = json_get(spec, "ipFamilyPolicy");
	struct json external = json_get(spec, "externalTrafficPolicy");
	struct json internal = json_get(spec, "internalTrafficPolicy");
	struct json health = json_get(spec, "healthCheckNodePort");
	struct json node_ports = json_get(spec, "allocateLoadBalancerNodePorts");
	struct json not_ready = json_get(spec, "publishNotReadyAddresses");
	struct json external_ips = json_get(spec, "externalIPs");
	struct json source_ranges = json_get(spec, "loadBalancerSourceRanges");

	s->type = (uint8_t)json_word(&type, type_names, SERVICE_CLUSTER_IP);
	s->lb_class = intern(json_text(&lb_class));
	s->lb_ip = intern(json_text(&lb_ip));
	s->family_policy = (uint8_t)json_word(&family_policy, family_policy_names, FAMILY_SINGLE);
	s->external_policy = (uint8_t)json_word(&external, traffic_policy_names, POLICY_CLUSTER);
	s->internal_policy = (uint8_t)json_word(&internal, traffic_policy_names, POLICY_CLUSTER);
	s->health_check_node_port = (uint16_t)json_int(&health, 0, UINT16_MAX, 0);
	s->allocate_node_ports = json_bool(&node_ports, true);
	s->publish_not_ready = json_bool(&not_ready, false);
	cluster_ips_decode(spec, s);
	families_decode(&families, s);
	s->affinity_s = affinity_decode(spec);
	int rc = external_ips_decode(&external_ips, s);
	if (rc == 0)
		rc = source_ranges_decode(&source_ranges, s);
	return rc != 0 ? rc : ports_decode(&ports, s);
}

static const char *member_text(const cJSON *object, const char *key)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
}

/* As API servers write it, in UTC. 0 for anything else: nothing depends on it but an order. */
static int64_t time_of(const char *text)
{
	struct tm tm = { 0 };
	const char *end = text == NULL ? NULL : strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);

	return end == NULL || *end != '\0' ? 0 : (int64_t)timegm(&tm);
}

/*
 * The condition that the allocator writes. It is read without a fault: whatever somebody else made
 * of it, the Service itself can be served, and the next write puts it right.
 */
static int ready_decode(const cJSON *status, struct service *s)
{
	const cJSON *c, *list = cJSON_GetObjectItemCaseSensitive(status, "conditions");

	cJSON_ArrayForEach (c, list) {
		const char *type = member_text(c, "type"), *word = member_text(c, "status");

		if (type == NULL || strcmp(type, SERVICE_READY_CONDITION) != 0)
			continue;
		s->ready = calloc(1, sizeof(*s->ready));
		if (s->ready == NULL)
			return -ENOMEM;
		s->ready->reason = intern(member_text(c, "reason"));
		s->ready->message = intern(member_text(c, "message"));
		s->ready->since_s = time_of(member_text(c, "lastTransitionTime"));
		s->ready->status = word == NULL                 ? CONDITION_UNKNOWN
				   : strcmp(word, "True") == 0  ? CONDITION_TRUE
				   : strcmp(word, "False") == 0 ? CONDITION_FALSE
								: CONDITION_UNKNOWN;
		return 0;
	}
	return 0;
}

int service_decode(const cJSON *object, struct where where, struct faults *faults,
		   struct service **ret)
{
	struct json_source source = { .where = where, .faults = faults };
	struct json root = json_root(&source, object, "");
	struct json metadata = json_get(&root, "metadata"), spec = json_get(&root, "spec");
	struct json status = json_get(&root, "status");
	struct json balancer = json_get(&status, "loadBalancer");
	struct json ingress = json_get(&balancer, "ingress");
	struct json selector = json_get(&spec, "selector");
	struct json deleted = json_get(&metadata, "deletionTimestamp");
	struct json created = json_get(&metadata, "creationTimestamp");
	struct service *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return -ENOMEM;
	int meta_rc = meta_decode_namespaced(object, where, faults, &s->meta);
	int selector_rc =
		labels_decode(selector.value, where, faults, "spec.selector", &s->selector);
	int rc = spec_decode(&spec, s);
	if (rc == 0)
		rc = ingress_decode(&ingress, s);
	if (rc == 0)
		rc = ready_decode(status.value, s);
	annotations_decode(&root, s);
	s->deleting = !json_absent(&deleted);
	s->created_s = time_of(cJSON_GetStringValue(created.value));

	if (rc == 0)
		rc = meta_rc != 0       ? meta_rc
		     : selector_rc != 0 ? selector_rc
		     : source.failed    ? -EBADMSG
					: 0;
	if (rc != 0) {
		service_free(s);
		return rc;
	}
	*ret = s;
	return 0;
}

void service_shed(struct service *s)
{
	for (size_t i = 0; i < s->port_count; i++) {
		intern_unref(s->ports[i].name);
		intern_unref(s->ports[i].target_name);
	}
	if (s->ready != NULL) {
		intern_unref(s->ready->reason);
		intern_unref(s->ready->message);
	}
	labels_done(&s->selector);
	free(s->ready);
	free(s->ports);
	free(s->ingress);
	free(s->ingress_proxied);
	free(s->external_ips);
	free(s->source_ranges);
	s->ready = NULL;
	s->ports = NULL;
	s->ingress = s->external_ips = NULL;
	s->ingress_proxied = NULL;
	s->source_ranges = NULL;
	s->port_count = s->source_range_count = 0;
	s->ingress_count = s->external_ip_count = 0;
}

struct service *service_free(struct service *s)
{
	if (s == NULL)
		return NULL;
	service_shed(s);
	meta_done(&s->meta);
	intern_unref(s->lb_class);
	intern_unref(s->requested_ips);
	intern_unref(s->lb_ip);
	intern_unref(s->address_pool);
	intern_unref(s->sharing_key);
	intern_unref(s->from_pool);
	free(s);
	return NULL;
}
