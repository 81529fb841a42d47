// SPDX-License-Identifier: Apache-2.0
/* What the Kubernetes API does to a Service before it is stored. */
#include <errno.h>

#include "tests/unit/service_bench.h"

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
	use_books("10.0.0.0/24", "30000-30010");
	apply_fails(s, NULL, -EINVAL, "spec.ipFamilyPolicy", "not configured for dual-stack");
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
	apply_fails(b, NULL, -EINVAL, "spec.clusterIPs", "provided IP is already allocated");
	apply_fails(out, NULL, -EINVAL, "spec.clusterIPs", "not in the valid range");
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
	apply_fails(moved, a, -EINVAL, "spec.clusterIPs[0]", "may not change once set");
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
	apply_fails(b, NULL, -EINVAL, "spec.ports[0].nodePort",
		    "provided port is already allocated");
	apply_fails(out, NULL, -EINVAL, "spec.ports[0].nodePort",
		    "The range of valid ports is 30000-32767");
	apply_fails(plain, NULL, -EINVAL, "spec.ports[0].nodePort",
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
	apply_fails(other, a, -EINVAL, "spec.loadBalancerClass", "may not change once set");
	apply_fails(gone, a, -EINVAL, "spec.loadBalancerClass", "may not change once set");
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE(test_defaults_are_those_of_kubernetes),
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
		RULE(test_a_class_never_changes),
		RULE(test_headless_and_external_name_hold_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
