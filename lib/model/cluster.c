// SPDX-License-Identifier: Apache-2.0
#include "lib/model/cluster.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/intern.h"
#include "lib/model/json.h"

#define LABEL_SERVICE "kubernetes.io/service-name"
#define LABEL_ZONE    "topology.kubernetes.io/zone"
#define LABEL_EXCLUDE "node.kubernetes.io/exclude-from-external-load-balancers"

/* Room for the values of a list in one exact array: NULL for none, and the count in *ret_count. */
static int list_alloc(const struct json *list, size_t size, void *ret_items, size_t *ret_count)
{
	size_t count = json_count(list);

	*ret_count = 0;
	if (count > UINT16_MAX)
		json_fault(list, "has more than %d entries", UINT16_MAX);
	if (count == 0 || count > UINT16_MAX)
		return 0;
	void *items = calloc(count, size);
	if (items == NULL)
		return -ENOMEM;
	memcpy(ret_items, &items, sizeof(items));
	*ret_count = count;
	return 0;
}

/*
 * The zones that an endpoint is meant for, in one text: there is hardly ever more than one, and all
 * endpoints of a zone share it. Names of zones are values of labels, which have no comma.
 */
static int zones_decode(const struct json *endpoint, const char **ret)
{
	struct json hints = json_get(endpoint, "hints"), list = json_get(&hints, "forZones");
	char *text = NULL;
	size_t size = 0;

	if (json_count(&list) == 0)
		return 0;
	FILE *to = open_memstream(&text, &size);
	if (to == NULL)
		return -ENOMEM;
	json_each (j, &list) {
		struct json name = json_get(&j, "name");
		const char *zone = json_need_text(&name);

		fprintf(to, "%s%s", ftell(to) > 0 ? "," : "", zone != NULL ? zone : "");
	}
	int rc = fclose(to) == 0 ? 0 : -ENOMEM;
	if (rc == 0)
		*ret = intern(text);
	free(text);
	return rc;
}

bool endpoint_is_for_zone(const struct endpoint *e, const char *zone)
{
	size_t len = strlen(zone);

	for (const char *z = e->zones; z != NULL; z = strchr(z, ',')) {
		z += *z == ',';
		if (strncmp(z, zone, len) == 0 && (z[len] == ',' || z[len] == '\0'))
			return true;
	}
	return false;
}

static int endpoint_decode(const struct json *j, uint8_t family, struct endpoint *e)
{
	struct json addresses = json_get(j, "addresses"), conditions = json_get(j, "conditions");
	struct json ready = json_get(&conditions, "ready");
	struct json serving = json_get(&conditions, "serving");
	struct json terminating = json_get(&conditions, "terminating");
	struct json node = json_get(j, "nodeName");

	if (json_absent(j))
		json_fault(j, "must be a map");
	e->ready = json_bool(&ready, true);
	e->serving = json_bool(&serving, e->ready);
	e->terminating = json_bool(&terminating, false);
	e->node = intern(json_text(&node));
	int rc = zones_decode(j, &e->zones);
	if (rc != 0 || json_count(&addresses) == 0 || family == IP_NONE)
		return rc;
	struct json first = json_first(&addresses);
	const char *text = json_text(&first);
	if (text == NULL || ip_parse(text, &e->addr) != 0 || e->addr.family != family)
		json_fault(&first, "is no address of the slice's addressType");
	return 0;
}

static int endpoints_decode(const struct json *list, struct endpoint_slice *s)
{
	size_t count;
	int rc = list_alloc(list, sizeof(*s->endpoints), &s->endpoints, &count);

	if (rc != 0 || count == 0)
		return rc;
	json_each (j, list) {
		rc = endpoint_decode(&j, s->family, &s->endpoints[s->endpoint_count++]);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int slice_ports_decode(const struct json *list, struct endpoint_slice *s)
{
	size_t count;
	int rc = list_alloc(list, sizeof(*s->ports), &s->ports, &count);

	if (rc != 0 || count == 0)
		return rc;
	json_each (j, list) {
		struct json name = json_get(&j, "name"), port = json_get(&j, "port");
		struct json protocol = json_get(&j, "protocol");
		struct endpoint_port *p = &s->ports[s->port_count++];

		if (json_absent(&j))
			json_fault(&j, "must be a map");
		p->name = intern(json_text(&name));
		p->port = (uint16_t)json_int(&port, 1, UINT16_MAX, 0);
		p->protocol = (uint8_t)l4_protocol_decode(&protocol);
	}
	return 0;
}

int endpoint_slice_decode(const cJSON *object, struct where where, struct faults *faults,
			  struct endpoint_slice **ret)
{
	static const char *const types[] = { "IPv4", "IPv6", "FQDN", NULL };
	static const uint8_t families[] = { IP_V4, IP_V6, IP_NONE };
	struct json_source source = { .where = where, .faults = faults };
	struct json root = json_root(&source, object, "");
	struct json type = json_get(&root, "addressType"), ports = json_get(&root, "ports");
	struct json endpoints = json_get(&root, "endpoints");
	struct endpoint_slice *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return -ENOMEM;
	int rc = meta_decode_namespaced(object, where, faults, &s->meta);
	s->service = intern(labels_get(&s->meta.labels, LABEL_SERVICE));
	/* Nothing else selects slices, and there is one for each Service and more. */
	labels_done(&s->meta.labels);

	json_need_text(&type);
	int type_index = json_word(&type, types, 0);
	s->family = families[type_index];
	if (rc == 0)
		rc = endpoints_decode(&endpoints, s);
	if (rc == 0)
		rc = slice_ports_decode(&ports, s);
	if (rc == 0 && source.failed)
		rc = -EBADMSG;
	if (rc != 0) {
		endpoint_slice_free(s);
		return rc;
	}
	*ret = s;
	return 0;
}

struct endpoint_slice *endpoint_slice_free(struct endpoint_slice *s)
{
	if (s == NULL)
		return NULL;
	meta_done(&s->meta);
	intern_unref(s->service);
	for (size_t i = 0; i < s->endpoint_count; i++) {
		intern_unref(s->endpoints[i].node);
		intern_unref(s->endpoints[i].zones);
	}
	for (size_t i = 0; i < s->port_count; i++)
		intern_unref(s->ports[i].name);
	free(s->endpoints);
	free(s->ports);
	free(s);
	return NULL;
}

/*
 * Those of @type. There are a handful in all, so each kind has room for them all. @needed: one that
 * is none is a fault; others are passed over, they must not cost us the Node.
 */
static int addresses_decode(const struct json *list, const char *type, bool needed,
			    struct ip_addr **ret_items, uint16_t *ret_count)
{
	size_t count;
	int rc = list_alloc(list, sizeof(**ret_items), ret_items, &count);

	if (rc != 0 || count == 0)
		return rc;
	json_each (j, list) {
		struct json kind = json_get(&j, "type"), address = json_get(&j, "address");
		const char *is = json_text(&kind), *text = json_text(&address);

		if (is == NULL || text == NULL || strcmp(is, type) != 0)
			continue;
		if (ip_parse(text, &(*ret_items)[*ret_count]) == 0)
			++*ret_count;
		else if (needed)
			json_fault(&address, "\"%s\" is no address", text);
	}
	if (*ret_count == 0) {
		free(*ret_items);
		*ret_items = NULL;
	}
	return 0;
}

static int pod_cidrs_decode(const struct json *spec, struct node *n)
{
	struct json list = json_get(spec, "podCIDRs"), single = json_get(spec, "podCIDR");
	size_t count;
	int rc = list_alloc(&list, sizeof(*n->pod_cidrs), &n->pod_cidrs, &count);

	if (rc != 0)
		return rc;
	if (count == 0) {
		const char *text = json_text(&single);
		if (text == NULL || *text == '\0')
			return 0;
		n->pod_cidrs = calloc(1, sizeof(*n->pod_cidrs));
		if (n->pod_cidrs == NULL)
			return -ENOMEM;
		if (ip_prefix_parse(text, &n->pod_cidrs[0]) == 0)
			n->pod_cidr_count = 1;
		else
			json_fault(&single, "\"%s\" is no prefix", text);
		return 0;
	}
	json_each (j, &list) {
		const char *text = json_text(&j);
		if (text != NULL && ip_prefix_parse(text, &n->pod_cidrs[n->pod_cidr_count]) == 0)
			n->pod_cidr_count++;
		else
			json_fault(&j, "is no prefix");
	}
	return 0;
}

static bool network_unavailable(const struct json *conditions)
{
	if (!json_is_list(conditions))
		return false;
	json_each (j, conditions) {
		struct json type = json_get(&j, "type"), status = json_get(&j, "status");
		const char *kind = json_text(&type), *text = json_text(&status);

		if (kind != NULL && strcmp(kind, "NetworkUnavailable") == 0)
			return text != NULL && strcmp(text, "True") == 0;
	}
	return false;
}

int node_decode(const cJSON *object, struct where where, struct faults *faults, struct node **ret)
{
	struct json_source source = { .where = where, .faults = faults };
	struct json root = json_root(&source, object, "");
	struct json spec = json_get(&root, "spec"), status = json_get(&root, "status");
	struct json addresses = json_get(&status, "addresses");
	struct json conditions = json_get(&status, "conditions");
	struct node *n = calloc(1, sizeof(*n));

	if (n == NULL)
		return -ENOMEM;
	int rc = meta_decode(object, where, faults, &n->meta);
	n->excluded = labels_get(&n->meta.labels, LABEL_EXCLUDE) != NULL;
	n->zone = labels_get(&n->meta.labels, LABEL_ZONE);
	n->network_unavailable = network_unavailable(&conditions);
	if (rc == 0)
		rc = addresses_decode(&addresses, "InternalIP", true, &n->internal_ips,
				      &n->internal_ip_count);
	if (rc == 0)
		rc = addresses_decode(&addresses, "ExternalIP", false, &n->external_ips,
				      &n->external_ip_count);
	if (rc == 0)
		rc = pod_cidrs_decode(&spec, n);
	if (rc == 0 && source.failed)
		rc = -EBADMSG;
	if (rc != 0) {
		node_free(n);
		return rc;
	}
	*ret = n;
	return 0;
}

struct node *node_free(struct node *n)
{
	if (n == NULL)
		return NULL;
	meta_done(&n->meta);
	free(n->internal_ips);
	free(n->external_ips);
	free(n->pod_cidrs);
	free(n);
	return NULL;
}

int namespace_decode(const cJSON *object, struct where where, struct faults *faults,
		     struct namespace **ret)
{
	struct namespace *n = calloc(1, sizeof(*n));

	if (n == NULL)
		return -ENOMEM;
	int rc = meta_decode(object, where, faults, &n->meta);
	if (rc != 0) {
		namespace_free(n);
		return rc;
	}
	*ret = n;
	return 0;
}

struct namespace *namespace_free(struct namespace *n)
{
	if (n == NULL)
		return NULL;
	meta_done(&n->meta);
	free(n);
	return NULL;
}
