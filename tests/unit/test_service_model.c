// SPDX-License-Identifier: Apache-2.0
/*
 * Services, EndpointSlices, Nodes and Namespaces out of JSON: what absent means, what is
 * refused and where, and what ten thousand of them cost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/intern.h"
#include "lib/model/cluster.h"
#include "lib/model/service.h"

static cJSON *parse(const char *json)
{
	cJSON *object = cJSON_Parse(json);

	assert_non_null(object);
	return object;
}

static struct service *service_from(const char *json)
{
	struct faults faults = { 0 };
	struct service *s = NULL;
	cJSON *object = parse(json);

	assert_int_equal(service_decode(object, (struct where){ 0 }, &faults, &s), 0);
	assert_int_equal(faults.count, 0);
	cJSON_Delete(object);
	return s;
}

static void expect_ip(const struct ip_addr *ip, const char *text)
{
	char buf[IP_TEXT_MAX];

	assert_string_equal(ip_format(ip, buf), text);
}

/* Kubernetes' own defaults, for objects that no API server has defaulted. */
static void test_absent_fields_have_the_defaults_of_the_api(void **state)
{
	(void)state;
	struct service *s = service_from("{\"metadata\":{\"name\":\"a\"}}");

	assert_string_equal(s->meta.name, "a");
	assert_string_equal(s->meta.ns, "default");
	assert_null(s->meta.uid);
	assert_int_equal(s->type, SERVICE_CLUSTER_IP);
	assert_int_equal(s->family_policy, FAMILY_SINGLE);
	assert_int_equal(s->external_policy, POLICY_CLUSTER);
	assert_int_equal(s->internal_policy, POLICY_CLUSTER);
	assert_true(s->allocate_node_ports);
	assert_false(s->publish_not_ready || s->deleting || s->headless || s->ingress_bad ||
		     s->deprecated_annotations);
	assert_null(s->lb_class);
	assert_null(s->sharing_key);
	assert_int_equal(s->port_count + s->ingress_count + s->cluster_ip_count, 0);
	assert_int_equal(s->created_s, 0);
	assert_int_equal(s->affinity_s, 0);
	assert_int_equal(s->external_ip_count + s->source_range_count, 0);
	assert_false(s->source_ranges_bad);
	assert_null(s->ingress_proxied);
	service_free(s);
}

/* Nothing but an order depends on it: what is no time of an API server is as if not said. */
static void test_creation_time_that_is_none_is_no_fault(void **state)
{
	static const char *const times[] = { "null",
					     "7",
					     "\"\"",
					     "\"yesterday\"",
					     "\"2001-09-09T01:46:40+02:00\"",
					     "\"2001-09-09T01:46:40Zz\"" };
	(void)state;

	for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
		char text[128];
		snprintf(text, sizeof(text),
			 "{\"metadata\":{\"name\":\"a\",\"creationTimestamp\":%s}}", times[i]);
		struct service *s = service_from(text);
		assert_int_equal(s->created_s, 0);
		service_free(s);
	}
}

static const char whole_service[] =
	"{\"metadata\":{\"name\":\"web\",\"namespace\":\"shop\",\"uid\":\"u-1\","
	" \"resourceVersion\":\"41\",\"deletionTimestamp\":\"2024-01-02T03:04:05Z\","
	" \"creationTimestamp\":\"2001-09-09T01:46:40Z\","
	" \"labels\":{\"b\":\"2\",\"a\":\"1\"},"
	" \"annotations\":{\"metallb.io/loadBalancerIPs\":\"192.0.2.7\","
	"   \"metallb.universe.tf/loadBalancerIPs\":\"192.0.2.8\","
	"   \"metallb.universe.tf/address-pool\":\"old\",\"metallb.io/allow-shared-ip\":\"\","
	"   \"metallb.io/ip-allocated-from-pool\":\"p\",\"other\":\"x\"}},"
	"\"spec\":{\"type\":\"LoadBalancer\",\"clusterIP\":\"10.96.0.9\","
	" \"clusterIPs\":[\"10.96.0.9\",\"fd00::9\"],\"ipFamilies\":[\"IPv4\",\"IPv6\"],"
	" \"ipFamilyPolicy\":\"RequireDualStack\",\"externalTrafficPolicy\":\"Local\","
	" \"internalTrafficPolicy\":\"Local\",\"healthCheckNodePort\":30001,"
	" \"externalIPs\":[\"198.51.100.4\",\"2001:db8::4\"],"
	" \"loadBalancerSourceRanges\":[\"203.0.113.9/24\",\"2001:db8::/32\"],"
	" \"sessionAffinity\":\"ClientIP\",\"sessionAffinityConfig\":{\"clientIP\":"
	"{\"timeoutSeconds\":600}},"
	" \"allocateLoadBalancerNodePorts\":false,\"publishNotReadyAddresses\":true,"
	" \"loadBalancerClass\":\"x/"
	"y\",\"loadBalancerIP\":\"192.0.2.9\",\"selector\":{\"app\":\"web\"},"
	" \"ports\":[{\"name\":\"http\",\"port\":80,\"targetPort\":\"web\",\"nodePort\":30080},"
	"  "
	"{\"port\":53,\"targetPort\":5353,\"protocol\":\"UDP\"},{\"port\":9,\"protocol\":\"SCTP\"},"
	"  {\"port\":7,\"targetPort\":0}]},"
	"\"status\":{\"loadBalancer\":{\"ingress\":[{\"hostname\":\"h\"},{\"ip\":\"2001:db8::7\"},"
	" {\"ip\":\"192.0.2.7\",\"ipMode\":\"VIP\"}]}}}";

static void test_every_field_is_read(void **state)
{
	(void)state;
	struct service *s = service_from(whole_service);

	assert_string_equal(s->meta.ns, "shop");
	assert_string_equal(s->meta.uid, "u-1");
	assert_string_equal(s->meta.resource_version, "41");
	assert_true(s->deleting);
	assert_int_equal(s->created_s, 1000000000);
	assert_int_equal(s->meta.labels.count, 2);
	assert_string_equal(s->meta.labels.items[0].key, "a"); /* sorted */
	assert_string_equal(labels_get(&s->meta.labels, "b"), "2");
	assert_null(labels_get(&s->meta.labels, "c"));

	/* our prefix wins; the old one fills in; an empty sharing key is there all the same */
	assert_string_equal(s->requested_ips, "192.0.2.7");
	assert_string_equal(s->address_pool, "old");
	assert_string_equal(s->sharing_key, "");
	assert_string_equal(s->from_pool, "p");
	assert_true(s->deprecated_annotations);

	assert_int_equal(s->type, SERVICE_LOAD_BALANCER);
	assert_int_equal(s->cluster_ip_count, 2);
	expect_ip(&s->cluster_ips[0], "10.96.0.9");
	expect_ip(&s->cluster_ips[1], "fd00::9");
	assert_int_equal(s->family_count, 2);
	assert_int_equal(s->families[0], IP_V4);
	assert_int_equal(s->families[1], IP_V6);
	assert_int_equal(s->family_policy, FAMILY_REQUIRE_DUAL);
	assert_int_equal(s->external_policy, POLICY_LOCAL);
	assert_int_equal(s->internal_policy, POLICY_LOCAL);
	assert_int_equal(s->health_check_node_port, 30001);
	assert_false(s->allocate_node_ports);
	assert_true(s->publish_not_ready);
	assert_int_equal(s->affinity_s, 600);
	assert_int_equal(s->external_ip_count, 2);
	expect_ip(&s->external_ips[0], "198.51.100.4");
	expect_ip(&s->external_ips[1], "2001:db8::4");
	assert_int_equal(s->source_range_count, 2);
	expect_ip(&s->source_ranges[0].addr, "203.0.113.0"); /* host bits masked off */
	assert_int_equal(s->source_ranges[0].len, 24);
	expect_ip(&s->source_ranges[1].addr, "2001:db8::");
	assert_false(s->source_ranges_bad);
	assert_string_equal(s->lb_class, "x/y");
	assert_string_equal(s->lb_ip, "192.0.2.9");
	assert_string_equal(labels_get(&s->selector, "app"), "web");

	assert_int_equal(s->port_count, 4);
	assert_string_equal(s->ports[0].name, "http");
	assert_string_equal(s->ports[0].target_name, "web");
	assert_int_equal(s->ports[0].target_port, 0);
	assert_int_equal(s->ports[0].node_port, 30080);
	assert_int_equal(s->ports[0].protocol, L4_TCP);
	assert_null(s->ports[1].name);
	assert_int_equal(s->ports[1].target_port, 5353);
	assert_int_equal(s->ports[1].protocol, L4_UDP);
	assert_int_equal(s->ports[2].target_port, 9); /* absent: the port itself */
	assert_int_equal(s->ports[2].protocol, L4_SCTP);
	assert_int_equal(s->ports[3].target_port, 7);

	/* in their order, which decides the election; entries without an ip are passed over */
	assert_int_equal(s->ingress_count, 2);
	expect_ip(&s->ingress[0], "2001:db8::7");
	expect_ip(&s->ingress[1], "192.0.2.7");
	assert_null(s->ingress_proxied);
	service_free(s);
}

static void test_affinity_lasts_three_hours_when_not_said(void **state)
{
	(void)state;
	struct service *s = service_from("{\"metadata\":{\"name\":\"a\"},\"spec\":"
					 "{\"sessionAffinity\":\"ClientIP\"}}");

	assert_int_equal(s->affinity_s, 10800);
	service_free(s);
}

/* As Kubernetes takes them: blanks around a prefix, and lists of what is blank, which restrict
 * nobody. */
static void test_source_ranges_may_have_blanks_around(void **state)
{
	(void)state;
	struct service *s = service_from(
		"{\"metadata\":{\"name\":\"a\"},\"spec\":{\"loadBalancerSourceRanges\":"
		"[\" 192.0.2.0/24\\t\",\"\",\"  \"]}}");

	assert_int_equal(s->source_range_count, 1);
	expect_ip(&s->source_ranges[0].addr, "192.0.2.0");
	assert_false(s->source_ranges_bad);
	service_free(s);
}

/* A wall must not fall because one of its stones is broken. */
static void test_source_range_that_is_none_is_told(void **state)
{
	static const char *const ranges[] = {
		"192.0.2.1",
		"192.0.2.0/24 x",
		"192.0.2.0/33",
		"x",
		"2001:0db8:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000/128",
	};
	(void)state;

	for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++) {
		char text[256];
		snprintf(text, sizeof(text),
			 "{\"metadata\":{\"name\":\"a\"},\"spec\":{"
			 "\"loadBalancerSourceRanges\":[\"%s\",\"192.0.2.0/24\"]}}",
			 ranges[i]);
		struct service *s = service_from(text);
		assert_int_equal(s->source_range_count, 1);
		assert_true(s->source_ranges_bad);
		service_free(s);
	}
}

static void test_ingress_by_proxy_is_told(void **state)
{
	(void)state;
	struct service *s = service_from(
		"{\"metadata\":{\"name\":\"a\"},\"status\":{\"loadBalancer\":{\"ingress\":["
		"{\"ip\":\"192.0.2.1\"},{\"hostname\":\"h\",\"ipMode\":\"Proxy\"},"
		"{\"ip\":\"192.0.2.2\",\"ipMode\":\"Proxy\"},"
		"{\"ip\":\"192.0.2.3\",\"ipMode\":\"VIP\"}]}}}");

	assert_int_equal(s->ingress_count, 3);
	assert_non_null(s->ingress_proxied);
	assert_false(s->ingress_proxied[0] || s->ingress_proxied[2]);
	assert_true(s->ingress_proxied[1]);
	service_free(s);
}

static void test_condition_of_the_allocator_is_read(void **state)
{
	static const struct {
		const char *conditions, *reason, *message;
		int status;
		int64_t since_s;
	} rows[] = {
		{ "{\"type\":\"other/Ready\",\"status\":\"True\"},"
		  "{\"type\":\"bellman.io/"
		  "LoadBalancerReady\",\"status\":\"False\",\"reason\":\"NoPools\","
		  "\"message\":\"m\",\"lastTransitionTime\":\"2001-09-09T01:46:40Z\"}",
		  "NoPools", "m", CONDITION_FALSE, 1000000000 },
		{ "{\"type\":\"bellman.io/"
		  "LoadBalancerReady\",\"status\":\"True\",\"reason\":\"Allocated\"}",
		  "Allocated", NULL, CONDITION_TRUE, 0 },
		/* What somebody else made of it is no reason not to serve the Service. */
		{ "7,null,{\"type\":7},{\"type\":\"bellman.io/"
		  "LoadBalancerReady\",\"status\":\"no\","
		  "\"reason\":7,\"message\":[],\"lastTransitionTime\":\"yesterday\"}",
		  NULL, NULL, CONDITION_UNKNOWN, 0 },
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[512];

		snprintf(text, sizeof(text),
			 "{\"metadata\":{\"name\":\"a\"},\"status\":{\"conditions\":[%s]}}",
			 rows[i].conditions);
		struct service *s = service_from(text);
		assert_non_null(s->ready);
		assert_int_equal(s->ready->status, rows[i].status);
		assert_int_equal(s->ready->since_s, rows[i].since_s);
		/* Equal texts are equal pointers. */
		const char *reason = intern(rows[i].reason), *message = intern(rows[i].message);
		assert_ptr_equal(s->ready->reason, reason);
		assert_ptr_equal(s->ready->message, message);
		intern_unref(reason);
		intern_unref(message);
		service_free(s);
	}
	struct service *s =
		service_from("{\"metadata\":{\"name\":\"a\"},\"status\":{\"conditions\":"
			     "[{\"type\":\"x\",\"status\":\"True\"}]}}");
	assert_null(s->ready);
	service_free(s);
}

static void test_headless_and_bad_ingress_are_told(void **state)
{
	(void)state;
	struct service *s = service_from(
		"{\"metadata\":{\"name\":\"a\"},\"spec\":{\"clusterIP\":\"None\",\"clusterIPs\":"
		"[\"None\"]},\"status\":{\"loadBalancer\":{\"ingress\":[{\"ip\":\"192.0.2.300\"},"
		"{\"ip\":\"192.0.2.3\"}]}}}");

	assert_true(s->headless);
	assert_int_equal(s->cluster_ip_count, 0);
	assert_true(s->ingress_bad);
	assert_int_equal(s->ingress_count, 1);
	service_free(s);
}

/* API servers before 1.20 have no list. */
static void test_cluster_ip_alone_is_enough(void **state)
{
	(void)state;
	struct service *s = service_from(
		"{\"metadata\":{\"name\":\"a\"},\"spec\":{\"clusterIP\":\"fd00::1\"}}");

	assert_int_equal(s->cluster_ip_count, 1);
	expect_ip(&s->cluster_ips[0], "fd00::1");
	service_free(s);
}

#define META "\"metadata\":{\"name\":\"a\"},"

static const struct {
	const char *json, *fault;
} bad_services[] = {
	{ "{}", "metadata.name: is required" },
	{ "{\"metadata\":{\"name\":5}}", "metadata.name: must be a string, not a number" },
	{ "{\"metadata\":{\"name\":\"\"}}", "metadata.name: is required" },
	{ "{\"metadata\":{\"name\":\"a\",\"labels\":{\"x.y/z\":1}}}",
	  "metadata.labels[x.y/z]: must be a string, not a number" },
	{ "{\"metadata\":{\"name\":\"a\",\"labels\":[]}}",
	  "metadata.labels: must be a map, not a list" },
	{ "{\"metadata\":{\"name\":\"a\",\"annotations\":{\"metallb.io/address-pool\":true}}}",
	  "metadata.annotations[metallb.io/address-pool]: must be a string, not a boolean" },
	{ "{" META "\"spec\":\"x\"}", "spec: must be a map, not a string" },
	{ "{" META "\"spec\":{\"type\":\"Loadbalancer\"}}",
	  "spec.type: \"Loadbalancer\" is none of ClusterIP, NodePort, LoadBalancer, "
	  "ExternalName" },
	{ "{" META "\"spec\":{\"ports\":{}}}", "spec.ports: must be a list, not a map" },
	{ "{" META "\"spec\":{\"ports\":[{\"port\":1},{}]}}", "spec.ports[1].port: is required" },
	{ "{" META "\"spec\":{\"ports\":[{\"port\":65536}]}}",
	  "spec.ports[0].port: 65536 is not in 1..65535" },
	{ "{" META "\"spec\":{\"ports\":[{\"port\":1.5}]}}",
	  "spec.ports[0].port: must be a whole number in 1..65535" },
	{ "{" META "\"spec\":{\"ports\":[{\"port\":1e300}]}}",
	  "spec.ports[0].port: must be a whole number in 1..65535" },
	{ "{" META "\"spec\":{\"ports\":[{\"port\":\"80\"}]}}",
	  "spec.ports[0].port: must be a whole number, not a string" },
	{ "{" META "\"spec\":{\"ports\":[{\"port\":1,\"protocol\":\"tcp\"}]}}",
	  "spec.ports[0].protocol: \"tcp\" is none of TCP, UDP, SCTP" },
	{ "{" META "\"spec\":{\"clusterIPs\":[\"10.0.0.1\",\"fd00::1\",\"fd00::2\"]}}",
	  "spec.clusterIPs: has more than two entries" },
	{ "{" META "\"spec\":{\"clusterIP\":\"x\"}}", "spec.clusterIP: \"x\" is no address" },
	{ "{" META "\"spec\":{\"ipFamilies\":[\"IPv5\"]}}",
	  "spec.ipFamilies[0]: \"IPv5\" is none of IPv4, IPv6" },
	{ "{" META "\"spec\":{\"externalTrafficPolicy\":\"local\"}}",
	  "spec.externalTrafficPolicy: \"local\" is none of Cluster, Local" },
	{ "{" META "\"spec\":{\"sessionAffinity\":\"clientIP\"}}",
	  "spec.sessionAffinity: \"clientIP\" is none of None, ClientIP" },
	{ "{" META "\"spec\":{\"sessionAffinity\":\"ClientIP\",\"sessionAffinityConfig\":"
	  "{\"clientIP\":{\"timeoutSeconds\":86401}}}}",
	  "spec.sessionAffinityConfig.clientIP.timeoutSeconds: 86401 is not in 1..86400" },
	{ "{" META "\"spec\":{\"externalIPs\":[7]}}",
	  "spec.externalIPs[0]: must be a string, not a number" },
	{ "{" META "\"spec\":{\"loadBalancerSourceRanges\":\"192.0.2.0/24\"}}",
	  "spec.loadBalancerSourceRanges: must be a list, not a string" },
	{ "{" META "\"spec\":{\"selector\":{\"app\":{}}}}",
	  "spec.selector.app: must be a string, not a map" },
	{ "{" META "\"status\":{\"loadBalancer\":{\"ingress\":[{\"ip\":7}]}}}",
	  "status.loadBalancer.ingress[0].ip: must be a string, not a number" },
};

static void test_what_does_not_decode_is_refused_with_its_field(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad_services) / sizeof(*bad_services); i++) {
		struct faults faults = { 0 };
		struct service *s = NULL;
		cJSON *object = parse(bad_services[i].json);
		char buf[512];

		assert_int_equal(service_decode(object, (struct where){ 0 }, &faults, &s),
				 -EBADMSG);
		assert_null(s);
		assert_int_equal(faults.errors, 1);
		assert_string_equal(fault_format(&faults.items[0], buf, sizeof(buf)),
				    bad_services[i].fault);
		faults_free(&faults);
		cJSON_Delete(object);
	}
}

/* A status that a stranger wrote must not decide how much we keep. */
static void test_too_many_ingress_entries_are_refused(void **state)
{
	(void)state;
	struct faults faults = { 0 };
	struct service *s = NULL;
	cJSON *object = parse("{" META "\"status\":{\"loadBalancer\":{\"ingress\":[]}}}");
	cJSON *ingress = object->child->next->child->child;

	for (int i = 0; i < 256; i++)
		cJSON_AddItemToArray(ingress, cJSON_CreateObject());
	assert_int_equal(service_decode(object, (struct where){ 0 }, &faults, &s), -EBADMSG);
	assert_string_equal(faults.items[0].message, "has more than 255 entries");
	faults_free(&faults);
	cJSON_Delete(object);
}

static void test_endpoint_slice_is_read(void **state)
{
	(void)state;
	struct faults faults = { 0 };
	struct endpoint_slice *s = NULL;
	cJSON *object = parse(
		"{\"metadata\":{\"name\":\"web-x\",\"namespace\":\"shop\",\"labels\":"
		"{\"kubernetes.io/service-name\":\"web\"}},\"addressType\":\"IPv6\","
		"\"endpoints\":[{\"addresses\":[\"fd00::1\",\"fd00::2\"],\"nodeName\":\"n1\"},"
		"{\"addresses\":[\"fd00::3\"],\"conditions\":{\"ready\":false}},"
		"{\"addresses\":[],\"conditions\":{\"ready\":false,\"serving\":true,"
		"\"terminating\":true}},{\"conditions\":{\"ready\":null}}],"
		"\"ports\":[{\"name\":\"http\",\"port\":8080,\"protocol\":\"UDP\"},{\"port\":null}]"
		"}");

	assert_int_equal(endpoint_slice_decode(object, (struct where){ 0 }, &faults, &s), 0);
	cJSON_Delete(object);
	assert_string_equal(s->service, "web");
	assert_int_equal(s->family, IP_V6);
	assert_int_equal(s->endpoint_count, 4);
	expect_ip(&s->endpoints[0].addr, "fd00::1");
	assert_string_equal(s->endpoints[0].node, "n1");
	assert_true(s->endpoints[0].ready && s->endpoints[0].serving);
	/* compatibility page 2.5: ready, or terminating but serving */
	assert_true(endpoint_can_serve(&s->endpoints[0]));
	assert_false(endpoint_can_serve(&s->endpoints[1]));
	assert_true(endpoint_can_serve(&s->endpoints[2]));
	assert_true(s->endpoints[2].terminating);
	assert_int_equal(s->endpoints[2].addr.family, IP_NONE);
	assert_true(endpoint_can_serve(&s->endpoints[3]));
	assert_int_equal(s->port_count, 2);
	assert_int_equal(s->ports[0].port, 8080);
	assert_int_equal(s->ports[0].protocol, L4_UDP);
	assert_int_equal(s->ports[1].port, 0); /* all ports */
	endpoint_slice_free(s);
}

static void test_endpoint_slice_tells_which_zones_are_meant(void **state)
{
	(void)state;
	struct faults faults = { 0 };
	struct endpoint_slice *s = NULL;
	cJSON *object =
		parse("{" META "\"addressType\":\"IPv4\",\"endpoints\":["
		      "{\"addresses\":[\"10.0.0.1\"],\"hints\":{\"forZones\":[{\"name\":\"a1\"},"
		      "{\"name\":\"b\"}]}},"
		      "{\"addresses\":[\"10.0.0.2\"],\"hints\":{\"forZones\":[]}},"
		      "{\"addresses\":[\"10.0.0.3\"]}]}");

	assert_int_equal(endpoint_slice_decode(object, (struct where){ 0 }, &faults, &s), 0);
	cJSON_Delete(object);
	assert_true(endpoint_is_for_zone(&s->endpoints[0], "a1"));
	assert_true(endpoint_is_for_zone(&s->endpoints[0], "b"));
	assert_false(endpoint_is_for_zone(&s->endpoints[0], "a"));
	assert_false(endpoint_is_for_zone(&s->endpoints[0], "1"));
	assert_false(endpoint_is_for_zone(&s->endpoints[0], "a1,b,"));
	assert_null(s->endpoints[1].zones);
	assert_null(s->endpoints[2].zones);
	assert_false(endpoint_is_for_zone(&s->endpoints[2], "b"));
	endpoint_slice_free(s);
}

/* Engines compare namespaces: it is never NULL, whatever an API server sends. */
static void test_endpoint_slice_without_a_namespace_is_in_default(void **state)
{
	struct faults faults = { 0 };
	struct endpoint_slice *s = NULL;
	cJSON *object = parse("{\"metadata\":{\"name\":\"a\",\"namespace\":\"\"},"
			      "\"addressType\":\"IPv4\"}");

	(void)state;
	assert_int_equal(endpoint_slice_decode(object, (struct where){ 0 }, &faults, &s), 0);
	assert_string_equal(s->meta.ns, "default");
	endpoint_slice_free(s);
	cJSON_Delete(object);
}

static void test_endpoint_slice_of_another_family_is_refused(void **state)
{
	(void)state;
	static const char *const rows[][2] = {
		{ "{" META
		  "\"addressType\":\"IPv4\",\"endpoints\":[{\"addresses\":[\"fd00::1\"]}]}",
		  "endpoints[0].addresses[0]: is no address of the slice's addressType" },
		{ "{" META "\"addressType\":\"IPv4\",\"endpoints\":[{\"hints\":{\"forZones\":"
		  "[{}]}}]}",
		  "endpoints[0].hints.forZones[0].name: is required" },
		{ "{" META "\"endpoints\":[]}", "addressType: is required" },
		{ "{" META "\"addressType\":\"IPv9\"}",
		  "addressType: \"IPv9\" is none of IPv4, IPv6, FQDN" },
		{ "{" META "\"addressType\":\"IPv4\",\"endpoints\":[null]}",
		  "endpoints[0]: must be a map" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct faults faults = { 0 };
		struct endpoint_slice *s = NULL;
		cJSON *object = parse(rows[i][0]);
		char buf[256];

		assert_int_equal(endpoint_slice_decode(object, (struct where){ 0 }, &faults, &s),
				 -EBADMSG);
		assert_string_equal(fault_format(&faults.items[0], buf, sizeof(buf)), rows[i][1]);
		faults_free(&faults);
		cJSON_Delete(object);
	}
}

static void test_node_is_read(void **state)
{
	(void)state;
	struct faults faults = { 0 };
	struct node *n = NULL;
	cJSON *object = parse(
		"{\"metadata\":{\"name\":\"n1\",\"labels\":"
		"{\"node.kubernetes.io/exclude-from-external-load-balancers\":\"\","
		"\"topology.kubernetes.io/zone\":\"rack-1\"}},"
		"\"spec\":{\"podCIDR\":\"10.1.0.0/24\",\"podCIDRs\":[\"10.1.0.0/24\",\"fd00::/"
		"64\"]},"
		"\"status\":{\"addresses\":[{\"type\":\"Hostname\",\"address\":\"n1\"},"
		"{\"type\":\"InternalIP\",\"address\":\"192.0.2.1\"},{\"type\":\"ExternalIP\","
		"\"address\":\"198.51.100.1\"},{\"type\":\"InternalIP\",\"address\":\"2001:db8::"
		"1\"}],"
		"\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"},"
		"{\"type\":\"NetworkUnavailable\",\"status\":\"True\"}]}}");

	assert_int_equal(node_decode(object, (struct where){ 0 }, &faults, &n), 0);
	cJSON_Delete(object);
	assert_true(n->excluded); /* by any value */
	assert_string_equal(n->zone, "rack-1");
	assert_true(n->network_unavailable);
	assert_int_equal(n->internal_ip_count, 2);
	expect_ip(&n->internal_ips[0], "192.0.2.1");
	expect_ip(&n->internal_ips[1], "2001:db8::1");
	assert_int_equal(n->pod_cidr_count, 2);
	assert_int_equal(n->pod_cidrs[1].len, 64);
	node_free(n);

	object = parse("{" META "\"spec\":{\"podCIDR\":\"10.1.0.0/24\"},\"status\":{\"conditions\":"
		       "[{\"type\":\"NetworkUnavailable\",\"status\":\"False\"}]}}");
	assert_int_equal(node_decode(object, (struct where){ 0 }, &faults, &n), 0);
	assert_int_equal(n->pod_cidr_count, 1);
	assert_false(n->network_unavailable || n->excluded);
	cJSON_Delete(object);
	node_free(n);
}

static void test_namespace_is_its_name_and_labels(void **state)
{
	(void)state;
	struct faults faults = { 0 };
	struct namespace *n = NULL;
	cJSON *object = parse("{\"metadata\":{\"name\":\"shop\",\"labels\":{\"team\":\"x\"}}}");

	assert_int_equal(namespace_decode(object, (struct where){ 0 }, &faults, &n), 0);
	assert_string_equal(n->meta.name, "shop");
	assert_string_equal(labels_get(&n->meta.labels, "team"), "x");
	cJSON_Delete(object);
	namespace_free(n);
}

/* --- selectors -------------------------------------------------------------------------- */

static bool matches(const char *selector, const char *labels)
{
	struct faults faults = { 0 };
	struct selector s = { 0 };
	struct labels l = { 0 };
	cJSON *a = parse(selector), *b = parse(labels);

	assert_int_equal(selector_decode(a, (struct where){ 0 }, &faults, "s", &s), 0);
	assert_int_equal(labels_decode(b, (struct where){ 0 }, &faults, "l", &l), 0);
	bool yes = selector_matches(&s, &l);
	selector_done(&s);
	labels_done(&l);
	cJSON_Delete(a);
	cJSON_Delete(b);
	return yes;
}

static void test_labels_end_with_the_last_who_has_them(void **state)
{
	struct faults faults = { 0 };
	struct labels first = { 0 }, none = { 0 };
	cJSON *json = parse("{\"a\":\"1\",\"b\":\"2\"}");
	size_t interned = intern_count();

	(void)state;
	assert_int_equal(labels_decode(json, (struct where){ 0 }, &faults, "l", &first), 0);
	struct labels second = labels_ref(&first);
	labels_done(&first);
	assert_string_equal(labels_get(&second, "b"), "2");
	labels_done(&second);
	assert_int_equal(intern_count(), interned);
	second = labels_ref(&none);
	assert_int_equal(second.count, 0);
	labels_done(&second);
	cJSON_Delete(json);
}

#define EXPRESSION(op, values)                                                                     \
	"{\"matchExpressions\":[{\"key\":\"k\",\"operator\":\"" op "\",\"values\":" values "}]}"

static void test_selector_operators(void **state)
{
	(void)state;
	static const struct {
		const char *selector;
		bool none, a, b; /* without the label, with k=a, with k=b */
	} rows[] = {
		{ "{}", true, true, true },
		{ "{\"matchLabels\":{\"k\":\"a\"}}", false, true, false },
		{ EXPRESSION("In", "[\"a\",\"c\"]"), false, true, false },
		{ EXPRESSION("NotIn", "[\"a\",\"c\"]"), true, false, true },
		{ EXPRESSION("Exists", "[]"), false, true, true },
		{ EXPRESSION("DoesNotExist", "null"), true, false, false },
		{ "{\"matchLabels\":{\"k\":\"a\",\"x\":\"y\"}}", false, false, false },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_int_equal(matches(rows[i].selector, "{}"), rows[i].none);
		assert_int_equal(matches(rows[i].selector, "{\"k\":\"a\",\"z\":\"1\"}"), rows[i].a);
		assert_int_equal(matches(rows[i].selector, "{\"k\":\"b\"}"), rows[i].b);
	}
}

static void test_list_of_selectors_is_or_and_empty_matches_nothing(void **state)
{
	(void)state;
	struct faults faults = { 0 };
	struct selectors s = { 0 };
	struct labels l = { 0 };
	cJSON *list = parse("[{\"matchLabels\":{\"a\":\"1\"}},{\"matchLabels\":{\"b\":\"1\"}}]");
	cJSON *labels = parse("{\"b\":\"1\"}");

	assert_false(selectors_match(&s, &l));
	assert_int_equal(selectors_decode(list, (struct where){ 0 }, &faults, "s", &s), 0);
	assert_false(selectors_match(&s, &l));
	assert_int_equal(labels_decode(labels, (struct where){ 0 }, &faults, "l", &l), 0);
	assert_true(selectors_match(&s, &l));
	selectors_done(&s);
	labels_done(&l);
	cJSON_Delete(list);
	cJSON_Delete(labels);
}

/* Values and requirements are sorted first, so another order is no difference. */
static void test_equal_selectors_in_another_order_are_duplicates(void **state)
{
	(void)state;
	struct faults faults = { 0 };
	struct selectors s = { 0 };
	cJSON *list = parse(
		"[" EXPRESSION("In", "[\"a\",\"b\"]") "," EXPRESSION("In", "[\"b\",\"a\"]") "]");

	assert_int_equal(selectors_decode(list, (struct where){ 0 }, &faults, "s", &s), -EBADMSG);
	assert_string_equal(faults.items[0].message, "the same selector is there twice");
	assert_int_equal(s.count, 0);
	faults_free(&faults);
	cJSON_Delete(list);
}

/* --- memory ----------------------------------------------------------------------------- */

/*
 * What glibc's malloc takes on 64 bits, reckoned from the sizes: the sanitizers that these
 * tests run under have an allocator of their own, which would tell nothing.
 */
static size_t chunk(const void *p, size_t size)
{
	size_t rounded = (size + 8 + 15) / 16 * 16;

	return p == NULL ? 0 : rounded < 32 ? 32 : rounded;
}

static size_t text_chunk(const char *text)
{
	return text == NULL ? 0 : chunk(text, strlen(text) + 1);
}

static size_t interned_chunk(const char *text)
{
	/* an entry's header, and a slot of the table at half load */
	return text == NULL ? 0 : chunk(text, 8 + strlen(text) + 1) + 16;
}

static void test_a_service_and_its_slice_stay_below_900_bytes(void **state)
{
	(void)state;
	struct faults faults = { 0 };
	struct service *s = NULL;
	struct endpoint_slice *e = NULL;
	cJSON *service = parse(
		"{\"metadata\":{\"name\":\"service-01234\",\"namespace\":\"default\","
		"\"uid\":\"0c1e7f3a-0000-4000-8000-000000000001\",\"resourceVersion\":\"1234567\"},"
		"\"spec\":{\"type\":\"LoadBalancer\",\"clusterIP\":\"10.96.1.2\",\"clusterIPs\":"
		"[\"10.96.1.2\"],\"ipFamilies\":[\"IPv4\"],\"selector\":{\"app\":\"service-01234\"}"
		","
		"\"ports\":[{\"name\":\"http\",\"port\":80,\"targetPort\":8080,\"nodePort\":30080}]"
		"},"
		"\"status\":{\"loadBalancer\":{\"ingress\":[{\"ip\":\"10.0.1.2\"}]}}}");
	cJSON *slice = parse(
		"{\"metadata\":{\"name\":\"service-01234-abcde\",\"namespace\":\"default\","
		"\"uid\":\"0c1e7f3a-0000-4000-8000-000000000002\",\"resourceVersion\":\"1234568\","
		"\"labels\":{\"kubernetes.io/service-name\":\"service-01234\","
		"\"endpointslice.kubernetes.io/managed-by\":\"x\"}},\"addressType\":\"IPv4\","
		"\"endpoints\":[{\"addresses\":[\"10.244.1.2\"],\"conditions\":{\"ready\":true},"
		"\"nodeName\":\"node-a\"}],\"ports\":[{\"name\":\"http\",\"port\":8080}]}");

	assert_int_equal(service_decode(service, (struct where){ 0 }, &faults, &s), 0);
	assert_int_equal(endpoint_slice_decode(slice, (struct where){ 0 }, &faults, &e), 0);
	/* shared by all: namespace, label keys, port and node names */
	size_t bytes = chunk(s, sizeof(*s)) + interned_chunk(s->meta.name) +
		       text_chunk(s->meta.uid) + text_chunk(s->meta.resource_version) +
		       chunk(s->meta.labels.items, s->meta.labels.count * sizeof(struct label)) +
		       chunk(s->selector.items, s->selector.count * sizeof(struct label)) +
		       chunk(s->ports, s->port_count * sizeof(*s->ports)) +
		       chunk(s->ingress, s->ingress_count * sizeof(*s->ingress)) +
		       chunk(e, sizeof(*e)) + interned_chunk(e->meta.name) +
		       text_chunk(e->meta.uid) + text_chunk(e->meta.resource_version) +
		       chunk(e->endpoints, e->endpoint_count * sizeof(*e->endpoints)) +
		       chunk(e->ports, e->port_count * sizeof(*e->ports));
	print_message("a Service and its EndpointSlice: %zu bytes\n", bytes);
	assert_true(bytes < 900);
	assert_null(e->meta.labels.items);
	/* the name of the Service is one text for the Service, the selector and the slice */
	assert_ptr_equal(s->meta.name, e->service);
	assert_ptr_equal(s->meta.name, labels_get(&s->selector, "app"));
	service_free(s);
	endpoint_slice_free(e);
	cJSON_Delete(service);
	cJSON_Delete(slice);
}

static int nothing_is_left_interned(void **state)
{
	(void)state;
	return intern_count() == 0 ? 0 : -1;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, nothing_is_left_interned)
	const struct CMUnitTest tests[] = {
		TEST(test_absent_fields_have_the_defaults_of_the_api),
		TEST(test_creation_time_that_is_none_is_no_fault),
		TEST(test_every_field_is_read),
		TEST(test_affinity_lasts_three_hours_when_not_said),
		TEST(test_source_ranges_may_have_blanks_around),
		TEST(test_source_range_that_is_none_is_told),
		TEST(test_ingress_by_proxy_is_told),
		TEST(test_condition_of_the_allocator_is_read),
		TEST(test_headless_and_bad_ingress_are_told),
		TEST(test_cluster_ip_alone_is_enough),
		TEST(test_what_does_not_decode_is_refused_with_its_field),
		TEST(test_too_many_ingress_entries_are_refused),
		TEST(test_endpoint_slice_is_read),
		TEST(test_endpoint_slice_tells_which_zones_are_meant),
		TEST(test_endpoint_slice_without_a_namespace_is_in_default),
		TEST(test_endpoint_slice_of_another_family_is_refused),
		TEST(test_node_is_read),
		TEST(test_namespace_is_its_name_and_labels),
		TEST(test_selector_operators),
		TEST(test_labels_end_with_the_last_who_has_them),
		TEST(test_list_of_selectors_is_or_and_empty_matches_nothing),
		TEST(test_equal_selectors_in_another_order_are_duplicates),
		TEST(test_a_service_and_its_slice_stay_below_900_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
