// SPDX-License-Identifier: Apache-2.0
/* Services and what belongs to them, Nodes and Namespaces of a made-up scenario, as JSON. */
#include <stdarg.h>
#include <stdio.h>

#include "sim/random_state.h"

static const char *const ports[MAKER_PORTS] = {
	"{\"protocol\":\"TCP\",\"port\":80,\"name\":\"a\"}",
	"{\"protocol\":\"UDP\",\"port\":80,\"name\":\"b\"}",
	"{\"protocol\":\"TCP\",\"port\":81,\"name\":\"c\"}",
	"{\"protocol\":\"UDP\",\"port\":53,\"name\":\"d\"}",
	"{\"protocol\":\"TCP\",\"port\":53,\"name\":\"e\"}",
};

cJSON *maker_json(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	char *text = must_vtext(fmt, args);
	va_end(args);
	cJSON *json = must(cJSON_Parse(text));
	free(text);
	return json;
}

static cJSON *at(const cJSON *json, const char *key)
{
	return must(cJSON_GetObjectItemCaseSensitive(json, key));
}

static void set_text(cJSON *json, const char *key, const char *value)
{
	must(cJSON_AddStringToObject(json, key, value));
}

/* --- Nodes and Namespaces --------------------------------------------------------------- */

cJSON *maker_node_json(const struct maker *m, const struct maker_node *n)
{
	(void)m;
	return maker_json("{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"metadata\":{\"name\":\"%s\","
			  "\"labels\":{\"zone\":\"z%u\",\"disk\":\"d%u\"}},\"status\":{}}",
			  n->name, n->zone, n->disk);
}

cJSON *maker_namespace_json(const struct maker *m, unsigned space)
{
	return maker_json("{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":"
			  "\"n%u\",\"labels\":{\"tier\":\"t%u\"}}}",
			  space, m->tiers[space]);
}

/* --- Services -------------------------------------------------------------------------- */

const char *maker_service_space(const struct maker_service *s)
{
	static const char *const names[MAKER_SPACES] = { "n0", "n1", "n2" };

	return names[s->space];
}

char *maker_service_name(const struct maker_service *s)
{
	return must_text("%s/s%u", maker_service_space(s), s->serial);
}

static unsigned some_families(struct maker *m)
{
	static const unsigned all[] = { 4, 4, 4, 6, 46, 46, 64 };

	return all[maker_below(m, sizeof(all) / sizeof(all[0]))];
}

static void wish(struct maker *m, struct maker_service *s)
{
	s->pool = maker_one_in(m, 6) ? (int)maker_below(m, MAKER_POOLS) : -1;
	s->wish = s->pool != -1 && maker_one_in(m, 2) ? 1 + maker_below(m, 12) : 0;
}

static void share(struct maker *m, struct maker_service *s)
{
	s->key = maker_one_in(m, 3) ? 1 + maker_below(m, 2) : 0;
	s->selector = maker_below(m, 2);
	s->local = maker_one_in(m, 4);
}

static void open_ports(struct maker *m, struct maker_service *s)
{
	s->ports = 1u << maker_below(m, MAKER_PORTS);
	if (maker_one_in(m, 3))
		s->ports |= 1u << maker_below(m, MAKER_PORTS);
}

struct maker_service *maker_service_new(struct maker *m)
{
	struct maker_service *s = must(array_push(&m->services));

	s->there = s->balancer = true;
	s->serial = (unsigned)m->services.count;
	s->space = maker_below(m, MAKER_SPACES);
	s->tier = maker_below(m, 2);
	s->families = some_families(m);
	s->prefers = maker_one_in(m, 2);
	open_ports(m, s);
	share(m, s);
	wish(m, s);
	return s;
}

void maker_service_change(struct maker *m, struct maker_service *s)
{
	switch (maker_below(m, 6)) {
	case 0:
		s->balancer = !s->balancer;
		break;
	case 1:
		open_ports(m, s);
		break;
	case 2:
		share(m, s);
		break;
	case 3:
		wish(m, s);
		break;
	case 4:
		s->tier = 1 - s->tier;
		break;
	default:
		s->balancer = true;
		s->families = some_families(m);
		s->prefers = maker_one_in(m, 2);
	}
}

static void set_families(cJSON *spec, const struct maker_service *s)
{
	bool dual = s->families > 6, six_first = s->families == 6 || s->families == 64;
	const char *four = "10.96.0.1", *six = "fd00:96::1";
	cJSON *ips = must(cJSON_AddArrayToObject(spec, "clusterIPs"));
	cJSON *families = must(cJSON_AddArrayToObject(spec, "ipFamilies"));

	set_text(spec, "clusterIP", six_first ? six : four);
	set_text(spec, "ipFamilyPolicy",
		 !dual        ? "SingleStack"
		 : s->prefers ? "PreferDualStack"
			      : "RequireDualStack");
	for (unsigned i = 0; i < (dual ? 2u : 1u); i++) {
		bool is_six = six_first == (i == 0);

		cJSON_AddItemToArray(ips, must(cJSON_CreateString(is_six ? six : four)));
		cJSON_AddItemToArray(families, must(cJSON_CreateString(is_six ? "IPv6" : "IPv4")));
	}
}

/* The nth address of pool @p, of both families where the Service has both. */
static char *wished(const struct maker *m, const struct maker_service *s)
{
	const struct maker_pool *p = &m->pools[s->pool];
	char four[64], six[64];

	if (p->link < m->links) {
		snprintf(four, sizeof(four), "10.0.%u.%u", p->link,
			 128 + (unsigned)s->pool * 32 + s->wish);
		snprintf(six, sizeof(six), "fd00:10:%u::%x:%x", p->link, 1 + (unsigned)s->pool,
			 s->wish);
	} else {
		snprintf(four, sizeof(four), "10.64.%d.%u", s->pool, s->wish);
		snprintf(six, sizeof(six), "fd00:64:%d::1:%x", s->pool, s->wish);
	}
	if (s->families > 6)
		return must_text("%s,%s", four, six);
	return must_copy(s->families == 4 ? four : six);
}

cJSON *maker_service_json(const struct maker *m, const struct maker_service *s)
{
	cJSON *json = maker_json(
		"{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"s%u\","
		"\"namespace\":\"%s\",\"labels\":{\"tier\":\"t%u\"},\"annotations\":{}},"
		"\"spec\":{\"type\":\"%s\",\"externalTrafficPolicy\":\"%s\","
		"\"selector\":{\"app\":\"a%u\"}}}",
		s->serial, maker_service_space(s), s->tier,
		s->balancer ? "LoadBalancer" : "ClusterIP", s->local ? "Local" : "Cluster",
		s->selector);
	cJSON *spec = at(json, "spec"), *notes = at(at(json, "metadata"), "annotations");
	cJSON *list = must(cJSON_AddArrayToObject(spec, "ports"));

	for (unsigned i = 0; i < MAKER_PORTS; i++)
		if ((s->ports & 1u << i) != 0)
			cJSON_AddItemToArray(list, must(cJSON_Parse(ports[i])));
	set_families(spec, s);
	if (s->key != 0)
		set_text(notes, "metallb.io/allow-shared-ip", s->key == 1 ? "k" : "l");
	if (s->wish != 0) {
		char *ips = wished(m, s);

		set_text(notes, "metallb.io/loadBalancerIPs", ips);
		free(ips);
	} else if (s->pool != -1) {
		char name[16];

		snprintf(name, sizeof(name), "pool%d", s->pool);
		set_text(notes, "metallb.io/address-pool", name);
	}
	return json;
}

static void add_endpoint(struct maker *m, const struct maker_service *s, cJSON *endpoints)
{
	unsigned n = maker_below(m, (unsigned)m->nodes.count);
	bool ready = !maker_one_in(m, 6), ends = !ready && rng_below(&m->own, 2) == 0;

	cJSON_AddItemToArray(endpoints,
			     maker_json("{\"addresses\":[\"10.244.%u.%u\"],\"nodeName\":\"%s\","
					"\"conditions\":{\"ready\":%s%s}}",
					n, s->serial, m->nodes.items[n].name,
					ready ? "true" : "false",
					ends ? ",\"serving\":true,\"terminating\":true" : ""));
}

cJSON *maker_slice_json(struct maker *m, const struct maker_service *s)
{
	cJSON *json = maker_json(
		"{\"apiVersion\":\"discovery.k8s.io/v1\",\"kind\":\"EndpointSlice\",\"metadata\":{"
		"\"name\":\"s%u-x\",\"namespace\":\"%s\",\"labels\":{"
		"\"kubernetes.io/service-name\":\"s%u\"}},\"addressType\":\"IPv4\","
		"\"endpoints\":[],\"ports\":[]}",
		s->serial, maker_service_space(s), s->serial);
	unsigned count = maker_below(m, 5);

	for (unsigned i = 0; i < count; i++)
		add_endpoint(m, s, at(json, "endpoints"));
	return json;
}
