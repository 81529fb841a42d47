// SPDX-License-Identifier: Apache-2.0
/* What the Kubernetes API does to a Service before it is stored. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/model/service_rules.h"

static struct service_books *books;

static int new_books(void **state)
{
	(void)state;
	return service_books_new("10.96.0.0/16,fd00:10:96::/112", "30000-32767", &books);
}

static int free_books(void **state)
{
	(void)state;
	books = service_books_free(books);
	return 0;
}

/* A Service of that name from its spec, in a text with ' for ". */
static cJSON *service(const char *name, const char *spec)
{
	char text[2048];

	snprintf(text, sizeof(text), "{'metadata':{'name':'%s','namespace':'default'},'spec':%s}",
		 name, spec);
	for (char *c = text; *c != '\0'; c++)
		*c = *c == '\'' ? '"' : *c;
	cJSON *s = cJSON_Parse(text);
	assert_non_null(s);
	return s;
}

static cJSON *spec_of(const cJSON *s)
{
	return cJSON_GetObjectItemCaseSensitive(s, "spec");
}

static const char *text_at(const cJSON *s, const char *name)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(spec_of(s), name));
}

static cJSON *list_at(const cJSON *s, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(spec_of(s), name);
}

static const char *item_text(const cJSON *s, const char *list, int i)
{
	return cJSON_GetStringValue(cJSON_GetArrayItem(list_at(s, list), i));
}

static int port_number(const cJSON *s, int i, const char *field)
{
	const cJSON *n =
		cJSON_GetObjectItemCaseSensitive(cJSON_GetArrayItem(list_at(s, "ports"), i), field);

	return n == NULL ? 0 : n->valueint;
}

static void apply_ok(cJSON *s, const cJSON *old)
{
	struct rule_causes causes = { 0 };
	int rc = service_rules_apply(books, s, old, &causes);

	if (rc != 0)
		for (size_t i = 0; i < causes.count; i++)
			print_error("%s: %s\n", causes.items[i].field, causes.items[i].message);
	assert_int_equal(rc, 0);
	assert_int_equal(causes.count, 0);
}

/* Refused, and one of the causes is on @field and says @why. */
static void apply_refused(cJSON *s, const cJSON *old, const char *field, const char *why)
{
	struct rule_causes causes = { 0 };
	bool found = false;

	assert_int_equal(service_rules_apply(books, s, old, &causes), -EINVAL);
	for (size_t i = 0; i < causes.count; i++)
		found = found || (strcmp(causes.items[i].field, field) == 0 &&
				  strstr(causes.items[i].message, why) != NULL);
	if (!found)
		for (size_t i = 0; i < causes.count; i++)
			print_error("%s: %s\n", causes.items[i].field, causes.items[i].message);
	assert_true(found);
	causes_free(&causes);
}

static void test_defaults_are_those_of_kubernetes(void **state)
{
	cJSON *s = service("a", "{'type':'LoadBalancer','ports':[{'port':80}]}");

	(void)state;
	apply_ok(s, NULL);
	assert_string_equal(text_at(s, "sessionAffinity"), "None");
	assert_string_equal(text_at(s, "externalTrafficPolicy"), "Cluster");
	assert_string_equal(text_at(s, "internalTrafficPolicy"), "Cluster");
	assert_string_equal(text_at(s, "ipFamilyPolicy"), "SingleStack");
	assert_string_equal(item_text(s, "ipFamilies", 0), "IPv4");
	assert_true(cJSON_IsTrue(list_at(s, "allocateLoadBalancerNodePorts")));
	assert_int_equal(port_number(s, 0, "targetPort"), 80);
	assert_in_range(port_number(s, 0, "nodePort"), 30000, 32767);
	assert_string_equal(text_at(s, "clusterIP"), item_text(s, "clusterIPs", 0));
	assert_int_equal(cJSON_GetArraySize(list_at(s, "clusterIPs")), 1);
	cJSON_Delete(s);
}

static void test_the_same_name_gets_the_same_numbers(void **state)
{
	cJSON *a = service("a", "{'type':'NodePort','ports':[{'port':80}]}");
	cJSON *again = service("a", "{'type':'NodePort','ports':[{'port':80}]}");

	(void)state;
	apply_ok(a, NULL);
	service_rules_release(books, a);
	apply_ok(again, NULL);
	assert_true(cJSON_Compare(a, again, 1));
	cJSON_Delete(a);
	cJSON_Delete(again);
}

static void test_a_taken_number_is_passed_over(void **state)
{
	cJSON *a = service("a", "{'type':'NodePort','ports':[{'port':80}]}");
	cJSON *twin = service("a", "{'type':'NodePort','ports':[{'port':80}]}");

	(void)state;
	apply_ok(a, NULL);
	apply_ok(twin, NULL);
	assert_string_not_equal(text_at(a, "clusterIP"), text_at(twin, "clusterIP"));
	assert_int_not_equal(port_number(a, 0, "nodePort"), port_number(twin, 0, "nodePort"));
	cJSON_Delete(a);
	cJSON_Delete(twin);
}

static void test_dual_stack_has_one_address_of_each_family(void **state)
{
	cJSON *s = service("a", "{'ipFamilyPolicy':'RequireDualStack','ipFamilies':['IPv6'],"
				"'ports':[{'port':80}]}");

	(void)state;
	apply_ok(s, NULL);
	assert_string_equal(item_text(s, "ipFamilies", 0), "IPv6");
	assert_string_equal(item_text(s, "ipFamilies", 1), "IPv4");
	assert_non_null(strchr(item_text(s, "clusterIPs", 0), ':'));
	assert_non_null(strchr(item_text(s, "clusterIPs", 1), '.'));
	cJSON_Delete(s);
}

static void test_require_dual_stack_needs_two_prefixes(void **state)
{
	cJSON *s = service("a", "{'ipFamilyPolicy':'RequireDualStack','ports':[{'port':80}]}");
	cJSON *prefer = service("b", "{'ipFamilyPolicy':'PreferDualStack','ports':[{'port':80}]}");

	(void)state;
	service_books_free(books);
	assert_int_equal(service_books_new("10.0.0.0/24", "30000-30010", &books), 0);
	apply_refused(s, NULL, "spec.ipFamilyPolicy", "not configured for dual-stack");
	apply_ok(prefer, NULL);
	assert_int_equal(cJSON_GetArraySize(list_at(prefer, "clusterIPs")), 1);
	cJSON_Delete(s);
	cJSON_Delete(prefer);
}

static void test_a_second_family_can_be_added_and_given_up(void **state)
{
	cJSON *one = service("a", "{'ports':[{'port':80}]}");
	cJSON *two = service("a", "{'ipFamilyPolicy':'RequireDualStack','ports':[{'port':80}]}");
	cJSON *back = service("a", "{'ipFamilyPolicy':'SingleStack','ports':[{'port':80}]}");
	cJSON *other;
	char spec[128];

	(void)state;
	apply_ok(one, NULL);
	apply_ok(two, one);
	assert_int_equal(cJSON_GetArraySize(list_at(two, "clusterIPs")), 2);
	assert_string_equal(item_text(two, "clusterIPs", 0), item_text(one, "clusterIPs", 0));
	apply_ok(back, two);
	assert_int_equal(cJSON_GetArraySize(list_at(back, "clusterIPs")), 1);
	assert_string_equal(text_at(back, "clusterIP"), text_at(one, "clusterIP"));
	/* The address that was given up is free. */
	snprintf(spec, sizeof(spec), "{'clusterIP':'%s','ports':[{'port':80}]}",
		 item_text(two, "clusterIPs", 1));
	other = service("b", spec);
	apply_ok(other, NULL);
	cJSON_Delete(one);
	cJSON_Delete(two);
	cJSON_Delete(back);
	cJSON_Delete(other);
}

static void test_an_asked_for_cluster_ip_is_had_or_refused(void **state)
{
	cJSON *a = service("a", "{'clusterIP':'10.96.0.10','ports':[{'port':53}]}");
	cJSON *b = service("b", "{'clusterIP':'10.96.0.10','ports':[{'port':53}]}");
	cJSON *out = service("c", "{'clusterIP':'192.0.2.1','ports':[{'port':53}]}");

	(void)state;
	apply_ok(a, NULL);
	assert_string_equal(item_text(a, "clusterIPs", 0), "10.96.0.10");
	apply_refused(b, NULL, "spec.clusterIPs", "provided IP is already allocated");
	apply_refused(out, NULL, "spec.clusterIPs", "not in the valid range");
	cJSON_Delete(a);
	cJSON_Delete(b);
	cJSON_Delete(out);
}

static void test_a_cluster_ip_never_changes(void **state)
{
	cJSON *a = service("a", "{'clusterIP':'10.96.0.10','ports':[{'port':53}]}");
	cJSON *moved = service("a", "{'clusterIP':'10.96.0.11','ports':[{'port':53}]}");
	cJSON *silent = service("a", "{'ports':[{'port':54}]}");

	(void)state;
	apply_ok(a, NULL);
	apply_refused(moved, a, "spec.clusterIPs[0]", "may not change once set");
	apply_ok(silent, a);
	assert_string_equal(text_at(silent, "clusterIP"), "10.96.0.10");
	cJSON_Delete(a);
	cJSON_Delete(moved);
	cJSON_Delete(silent);
}

static void test_no_node_ports_when_not_wanted(void **state)
{
	cJSON *s = service("a", "{'type':'LoadBalancer','allocateLoadBalancerNodePorts':false,"
				"'ports':[{'port':80}]}");

	(void)state;
	apply_ok(s, NULL);
	assert_int_equal(port_number(s, 0, "nodePort"), 0);
	cJSON_Delete(s);
}

static void test_node_ports_stay_while_the_object_says_them(void **state)
{
	cJSON *with = service("a", "{'type':'LoadBalancer','ports':[{'port':80}]}");
	cJSON *removed = service("a", "{'type':'LoadBalancer',"
				      "'allocateLoadBalancerNodePorts':false,"
				      "'ports':[{'port':80}]}");

	(void)state;
	apply_ok(with, NULL);
	cJSON *off = cJSON_Duplicate(with, 1);
	cJSON_ReplaceItemInObject(spec_of(off), "allocateLoadBalancerNodePorts",
				  cJSON_CreateFalse());
	apply_ok(off, with);
	assert_int_equal(port_number(off, 0, "nodePort"), port_number(with, 0, "nodePort"));
	/* And go with a manifest that has none. */
	apply_ok(removed, off);
	assert_int_equal(port_number(removed, 0, "nodePort"), 0);
	cJSON_Delete(with);
	cJSON_Delete(off);
	cJSON_Delete(removed);
}

static void test_node_ports_go_with_the_type(void **state)
{
	cJSON *lb = service("a", "{'type':'LoadBalancer','ports':[{'port':80}]}");
	cJSON *plain = cJSON_Duplicate(lb, 1), *asks;
	char spec[160];

	(void)state;
	apply_ok(lb, NULL);
	cJSON_Delete(plain);
	plain = cJSON_Duplicate(lb, 1);
	cJSON_SetValuestring(list_at(plain, "type"), "ClusterIP");
	cJSON *ingress = cJSON_Parse("{\"loadBalancer\":{\"ingress\":[{\"ip\":\"192.0.2.1\"}]}}");
	cJSON_AddItemToObject(plain, "status", ingress);
	apply_ok(plain, lb);
	assert_int_equal(port_number(plain, 0, "nodePort"), 0);
	assert_null(list_at(plain, "allocateLoadBalancerNodePorts"));
	assert_null(list_at(plain, "externalTrafficPolicy"));
	/* The address in the status goes too. */
	cJSON *lb_status =
		cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(plain, "status"),
						 "loadBalancer");
	assert_null(cJSON_GetObjectItemCaseSensitive(lb_status, "ingress"));
	/* The port is free for another. */
	snprintf(spec, sizeof(spec), "{'type':'NodePort','ports':[{'port':80,'nodePort':%d}]}",
		 port_number(lb, 0, "nodePort"));
	asks = service("b", spec);
	apply_ok(asks, NULL);
	cJSON_Delete(lb);
	cJSON_Delete(plain);
	cJSON_Delete(asks);
}

static void test_a_node_port_is_had_or_refused(void **state)
{
	cJSON *a = service("a", "{'type':'NodePort','ports':[{'port':80,'nodePort':30080}]}");
	cJSON *b = service("b", "{'type':'NodePort','ports':[{'port':80,'nodePort':30080}]}");
	cJSON *out = service("c", "{'type':'NodePort','ports':[{'port':80,'nodePort':80}]}");
	cJSON *plain = service("d", "{'ports':[{'port':80,'nodePort':30081}]}");

	(void)state;
	apply_ok(a, NULL);
	apply_refused(b, NULL, "spec.ports[0].nodePort", "provided port is already allocated");
	apply_refused(out, NULL, "spec.ports[0].nodePort",
		      "The range of valid ports is 30000-32767");
	apply_refused(plain, NULL, "spec.ports[0].nodePort",
		      "may not be used when `type` is 'ClusterIP'");
	cJSON_Delete(a);
	cJSON_Delete(b);
	cJSON_Delete(out);
	cJSON_Delete(plain);
}

static void test_tcp_and_udp_of_one_port_share_a_node_port(void **state)
{
	cJSON *s = service("dns", "{'type':'NodePort','ports':[{'name':'t','port':53},"
				  "{'name':'u','port':53,'protocol':'UDP'}]}");

	(void)state;
	apply_ok(s, NULL);
	assert_int_equal(port_number(s, 0, "nodePort"), port_number(s, 1, "nodePort"));
	cJSON_Delete(s);
}

static void test_local_policy_has_a_health_check_port_while_it_lasts(void **state)
{
	cJSON *local = service("a", "{'type':'LoadBalancer','externalTrafficPolicy':'Local',"
				    "'ports':[{'port':80}]}");
	cJSON *cluster = service("a", "{'type':'LoadBalancer','externalTrafficPolicy':'Cluster',"
				      "'ports':[{'port':80}]}");

	(void)state;
	apply_ok(local, NULL);
	int check = list_at(local, "healthCheckNodePort")->valueint;
	assert_in_range(check, 30000, 32767);
	assert_int_not_equal(check, port_number(local, 0, "nodePort"));
	apply_ok(cluster, local);
	assert_null(list_at(cluster, "healthCheckNodePort"));
	cJSON_Delete(local);
	cJSON_Delete(cluster);
}

static void test_a_refused_service_leaves_the_books_alone(void **state)
{
	cJSON *holder = service("h", "{'type':'NodePort','ports':[{'port':80,'nodePort':30001}]}");
	cJSON *bad = service("b", "{'type':'NodePort','clusterIP':'10.96.3.3','ports':["
				  "{'name':'x','port':80,'nodePort':30002},"
				  "{'name':'y','port':81,'nodePort':30001}]}");
	cJSON *good = service("g", "{'type':'NodePort','clusterIP':'10.96.3.3','ports':["
				   "{'port':80,'nodePort':30002}]}");

	(void)state;
	apply_ok(holder, NULL);
	apply_refused(bad, NULL, "spec.ports[1].nodePort", "already allocated");
	apply_ok(good, NULL);
	cJSON_Delete(holder);
	cJSON_Delete(bad);
	cJSON_Delete(good);
}

static void test_exhaustion_is_told(void **state)
{
	struct rule_causes causes = { 0 };
	int given = 0, rc;

	(void)state;
	service_books_free(books);
	assert_int_equal(service_books_new("10.0.0.0/29", "30000-30001", &books), 0);
	do {
		char name[16];
		snprintf(name, sizeof(name), "s%d", given);
		cJSON *s = service(name, "{'ports':[{'port':80}]}");
		rc = service_rules_apply(books, s, NULL, &causes);
		cJSON_Delete(s);
	} while (rc == 0 && ++given < 100);
	assert_int_equal(rc, -ENOSPC);
	assert_int_equal(given, 6); /* a /29 less network and broadcast */
	assert_int_equal(causes.count, 1);
	causes_free(&causes);
}

static void test_what_is_adopted_is_taken(void **state)
{
	cJSON *stored = service("a", "{'type':'NodePort','clusterIP':'10.96.1.1',"
				     "'clusterIPs':['10.96.1.1'],"
				     "'ports':[{'port':80,'nodePort':30005}]}");
	cJSON *ip = service("b", "{'clusterIP':'10.96.1.1','ports':[{'port':80}]}");
	cJSON *port = service("c", "{'type':'NodePort','ports':[{'port':80,'nodePort':30005}]}");

	(void)state;
	service_rules_adopt(books, stored);
	apply_refused(ip, NULL, "spec.clusterIPs", "already allocated");
	apply_refused(port, NULL, "spec.ports[0].nodePort", "already allocated");
	cJSON_Delete(stored);
	cJSON_Delete(ip);
	cJSON_Delete(port);
}

static void test_refusals_name_the_field_and_the_reason(void **state)
{
	static const struct {
		const char *spec, *field, *why;
	} rows[] = {
		{ "{}", "spec.ports", "Required value" },
		{ "{'ports':[{'port':0}]}", "spec.ports[0].port",
		  "Invalid value: 0: must be between 1 and 65535, inclusive" },
		{ "{'ports':[{'port':70000}]}", "spec.ports[0].port", "between 1 and 65535" },
		{ "{'ports':[{'port':'80'}]}", "spec.ports[0].port", "must be an integer" },
		{ "{'ports':[{'port':80.5}]}", "spec.ports[0].port", "must be an integer" },
		{ "{'ports':{'port':80}}", "spec.ports", "must be a list" },
		{ "{'ports':[80]}", "spec.ports[0]", "must be an object" },
		{ "{'ports':[{'port':80},{'port':81}]}", "spec.ports[1].name", "Required value" },
		{ "{'ports':[{'name':'A','port':80}]}", "spec.ports[0].name", "RFC 1123 label" },
		{ "{'ports':[{'name':'a','port':80},{'name':'a','port':81}]}", "spec.ports[1].name",
		  "Duplicate value: \"a\"" },
		{ "{'ports':[{'name':'a','port':80},{'name':'b','port':80}]}", "spec.ports[1]",
		  "Duplicate value" },
		{ "{'ports':[{'port':80,'protocol':'ICMP'}]}", "spec.ports[0].protocol",
		  "Unsupported value: \"ICMP\": supported values: \"SCTP\", \"TCP\", \"UDP\"" },
		{ "{'ports':[{'port':80,'targetPort':'much-too-long-a-name'}]}",
		  "spec.ports[0].targetPort", "no more than 15 characters" },
		{ "{'ports':[{'port':80,'targetPort':'80'}]}", "spec.ports[0].targetPort",
		  "at least one letter" },
		{ "{'type':'Balancer','ports':[{'port':80}]}", "spec.type", "Unsupported value" },
		{ "{'type':'LoadBalancer','clusterIP':'None','ports':[{'port':80}]}",
		  "spec.clusterIPs[0]", "may not be set to 'None' for LoadBalancer services" },
		{ "{'type':'NodePort','clusterIP':'None','ports':[{'port':80}]}",
		  "spec.clusterIPs[0]", "may not be set to 'None' for NodePort services" },
		{ "{'clusterIP':'10.96.0','ports':[{'port':80}]}", "spec.clusterIPs[0]",
		  "must be a valid IP address" },
		{ "{'clusterIP':'10.96.0.5','clusterIPs':['10.96.0.6'],'ports':[{'port':80}]}",
		  "spec.clusterIPs", "first value must match `clusterIP`" },
		{ "{'clusterIP':'10.96.0.5','clusterIPs':['10.96.0.5','10.96.0.6'],"
		  "'ipFamilyPolicy':'RequireDualStack','ports':[{'port':80}]}",
		  "spec.clusterIPs", "no more than one IP for each IP family" },
		{ "{'clusterIP':'10.96.0.5','ipFamilies':['IPv6'],'ports':[{'port':80}]}",
		  "spec.clusterIPs[0]", "expected an IPv6 value" },
		{ "{'ipFamilies':['IPv5'],'ports':[{'port':80}]}", "spec.ipFamilies[0]",
		  "Unsupported value" },
		{ "{'ipFamilies':['IPv4','IPv4'],'ports':[{'port':80}]}", "spec.ipFamilies[1]",
		  "Duplicate value" },
		{ "{'ipFamilies':['IPv4','IPv6'],'ipFamilyPolicy':'SingleStack',"
		  "'ports':[{'port':80}]}",
		  "spec.ipFamilyPolicy", "when multiple IP families are specified" },
		{ "{'type':'ExternalName'}", "spec.externalName", "Required value" },
		{ "{'type':'ExternalName','externalName':'x.example','clusterIP':'10.96.0.5'}",
		  "spec.clusterIPs", "may not be set for ExternalName services" },
		{ "{'loadBalancerClass':'x/y','ports':[{'port':80}]}", "spec.loadBalancerClass",
		  "may only be used when `type` is 'LoadBalancer'" },
		{ "{'type':'LoadBalancer','loadBalancerClass':'?','ports':[{'port':80}]}",
		  "spec.loadBalancerClass", "name part must consist" },
		{ "{'allocateLoadBalancerNodePorts':true,'ports':[{'port':80}]}",
		  "spec.allocateLoadBalancerNodePorts", "may only be used" },
		{ "{'externalTrafficPolicy':'Local','ports':[{'port':80}]}",
		  "spec.externalTrafficPolicy", "externally-accessible services" },
		{ "{'type':'NodePort','externalTrafficPolicy':'Near','ports':[{'port':80}]}",
		  "spec.externalTrafficPolicy", "Unsupported value" },
		{ "{'type':'LoadBalancer','healthCheckNodePort':30000,'ports':[{'port':80}]}",
		  "spec.healthCheckNodePort", "`externalTrafficPolicy` is 'Local'" },
		{ "{'loadBalancerSourceRanges':['10.0.0.0/8'],'ports':[{'port':80}]}",
		  "spec.LoadBalancerSourceRanges", "may only be used" },
		{ "{'type':'LoadBalancer','loadBalancerSourceRanges':['10'],'ports':[{'port':80}]}",
		  "spec.LoadBalancerSourceRanges[0]", "must be a valid CIDR value" },
		{ "{'type':'LoadBalancer','ports':[{'port':10250}]}", "spec.ports[0]",
		  "used by kubelet" },
		{ "{'sessionAffinity':'ClientIP','sessionAffinityConfig':{'clientIP':"
		  "{'timeoutSeconds':90000}},'ports':[{'port':80}]}",
		  "spec.sessionAffinityConfig.clientIP.timeoutSeconds", "less than 86400" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cJSON *s = service("a", rows[i].spec);

		apply_refused(s, NULL, rows[i].field, rows[i].why);
		cJSON_Delete(s);
	}
}

static void test_a_class_never_changes(void **state)
{
	cJSON *a = service("a", "{'type':'LoadBalancer','loadBalancerClass':'x/y',"
				"'ports':[{'port':80}]}");
	cJSON *other = service("a", "{'type':'LoadBalancer','loadBalancerClass':'x/z',"
				    "'ports':[{'port':80}]}");
	cJSON *gone = service("a", "{'type':'LoadBalancer','ports':[{'port':80}]}");
	cJSON *plain = service("a", "{'type':'ClusterIP','ports':[{'port':80}],"
				    "'loadBalancerClass':'x/y'}");

	(void)state;
	apply_ok(a, NULL);
	apply_refused(other, a, "spec.loadBalancerClass", "may not change once set");
	apply_refused(gone, a, "spec.loadBalancerClass", "may not change once set");
	apply_ok(plain, a); /* with the type it goes */
	assert_null(list_at(plain, "loadBalancerClass"));
	cJSON_Delete(a);
	cJSON_Delete(other);
	cJSON_Delete(gone);
	cJSON_Delete(plain);
}

static void test_headless_and_external_name_hold_nothing(void **state)
{
	cJSON *headless = service("a", "{'clusterIP':'None','selector':{'a':'b'},"
				       "'ports':[{'port':80}]}");
	cJSON *bare = service("b", "{'clusterIP':'None'}");
	cJSON *name = service("c", "{'type':'ExternalName','externalName':'db.example.com.'}");

	(void)state;
	apply_ok(headless, NULL);
	assert_string_equal(item_text(headless, "clusterIPs", 0), "None");
	assert_int_equal(cJSON_GetArraySize(list_at(headless, "ipFamilies")), 1);
	/* Without a selector: both families, whoever fills in the endpoints. */
	apply_ok(bare, NULL);
	assert_string_equal(text_at(bare, "ipFamilyPolicy"), "RequireDualStack");
	assert_int_equal(cJSON_GetArraySize(list_at(bare, "ipFamilies")), 2);
	apply_ok(name, NULL);
	assert_null(list_at(name, "clusterIPs"));
	assert_null(list_at(name, "ipFamilies"));
	cJSON_Delete(headless);
	cJSON_Delete(bare);
	cJSON_Delete(name);
}

static void test_books_refuse_what_is_no_range(void **state)
{
	static const char *const cidrs[] = { "", "10.0.0.0", "10.0.0.0/8,10.1.0.0/16",
					     "10.0.0.0/8,fd00::/64,fd01::/64", "x/8" };
	static const char *const ports[] = { "", "30000", "2-1", "0-10", "1-65536", "1-2x" };
	struct service_books *b = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(cidrs) / sizeof(cidrs[0]); i++)
		assert_int_equal(service_books_new(cidrs[i], "30000-32767", &b), -EINVAL);
	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
		assert_int_equal(service_books_new("10.0.0.0/8", ports[i], &b), -ERANGE);
	assert_null(b);
}

#define RULE(f) cmocka_unit_test_setup_teardown(f, new_books, free_books)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE(test_defaults_are_those_of_kubernetes),
		RULE(test_the_same_name_gets_the_same_numbers),
		RULE(test_a_taken_number_is_passed_over),
		RULE(test_dual_stack_has_one_address_of_each_family),
		RULE(test_require_dual_stack_needs_two_prefixes),
		RULE(test_a_second_family_can_be_added_and_given_up),
		RULE(test_an_asked_for_cluster_ip_is_had_or_refused),
		RULE(test_a_cluster_ip_never_changes),
		RULE(test_no_node_ports_when_not_wanted),
		RULE(test_node_ports_stay_while_the_object_says_them),
		RULE(test_node_ports_go_with_the_type),
		RULE(test_a_node_port_is_had_or_refused),
		RULE(test_tcp_and_udp_of_one_port_share_a_node_port),
		RULE(test_local_policy_has_a_health_check_port_while_it_lasts),
		RULE(test_a_refused_service_leaves_the_books_alone),
		RULE(test_exhaustion_is_told),
		RULE(test_what_is_adopted_is_taken),
		RULE(test_refusals_name_the_field_and_the_reason),
		RULE(test_a_class_never_changes),
		RULE(test_headless_and_external_name_hold_nothing),
		cmocka_unit_test(test_books_refuse_what_is_no_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
