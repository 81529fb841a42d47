// SPDX-License-Identifier: Apache-2.0
/*
 * The proxy's engine: objects of the API in, nft transactions out. What nftables makes of them is
 * for tests/lab/test_proxy.py.
 */
#include "tests/unit/proxy_rules.h"

/* --- tests --------------------------------------------------------------------------------- */

static void test_first_pass_replaces_the_table_in_one_transaction(void **state)
{
	struct rules *r = rules_new("node-a");
	(void)state;

	put_web(r);
	char *lines = pass_at(r, 0);
	assert_ptr_equal(strstr(lines,
				"add table bellman\ndelete table bellman\nadd table bellman\n"),
			 lines);
	assert_order(lines, "add map services4", "add chain " SVC);
	assert_order(lines, "add rule postrouting", "add element services4");
	free(lines);
	rules_free(r);
}

static void test_cluster_ip_without_endpoints_is_refused(void **state)
{
	put_web(*state);
	assert_is(pass_at(*state, 1),
		  "add chain " SVC "\n"
		  "add rule " SVC
		  " [" GOTO("refuse") "]\n"
				      "add element services4 "
				      "[[{\"concat\":[\"10.96.0.1\",\"tcp\",80]}," GOTO(
					      SVC) "]]\n"
						   "add element addresses4 [\"10.96.0.1\"]\n"
						   "add element cluster_ips4 [\"10.96.0.1\"]\n");
}

static void test_endpoints_rewrite_one_chain_and_no_map(void **state)
{
	put_web(*state);
	free(pass_at(*state, 1));
	put_slice(*state, "web-1", "IPv4", ON("node-b", "10.244.2.2"));
	assert_is(pass_at(*state, 1),
		  "flush chain " SVC "\nadd rule " SVC " " TO_ONE("10.244.2.2"));

	put_slice(*state, "web-1", "IPv4",
		  ON("node-b", "10.244.2.2") "," ON("node-c", "10.244.3.2"));
	assert_is(pass_at(*state, 1),
		  "flush chain " SVC "\n"
		  "add rule " SVC
		  " [" ONE_OF("2") "," TO("10.244.2.2") "]\n"
							"add rule " SVC
							" [" TO("10.244.3.2") "]\n");

	rules_slice_gone(*state, "default", "web-1");
	assert_is(pass_at(*state, 1),
		  "flush chain " SVC "\nadd rule " SVC " [" GOTO("refuse") "]\n");
}

static void test_many_endpoints_share_a_map(void **state)
{
	char endpoints[2048] = "";

	for (unsigned i = 0; i < 17; i++)
		snprintf(endpoints + strlen(endpoints), sizeof(endpoints) - strlen(endpoints),
			 "%s{\"addresses\":[\"10.244.2.%u\"],\"nodeName\":\"node-b\"}",
			 i > 0 ? "," : "", 10 + i);
	put_web(*state);
	put_slice(*state, "web-1", "IPv4", endpoints);
	char *lines = pass_at(*state, 1);
	assert_has(lines,
		   "add rule " SVC " [" IS_TCP
		   ",{\"dnat\":{\"family\":\"ip\",\"addr\":{\"map\":{\"key\":" RANDOM(
			   "17") ",\"data\":{\"set\":[[0,{\"concat\":[\"10.244.2.10\",8080]}],");
	assert_has(lines, "[16,{\"concat\":[\"10.244.2.26\",8080]}]]}}}}}]\nadd element");
	free(lines);
}

static void test_the_same_again_is_nothing(void **state)
{
	put_web(*state);
	put_slice(*state, "web-1", "IPv4", ON("node-b", "10.244.2.2"));
	free(pass_at(*state, 1));
	put_web(*state);
	put_slice(*state, "web-1", "IPv4", ON("node-b", "10.244.2.2"));
	assert_nothing(pass_at(*state, 1));
}

static void test_slices_may_come_before_their_service(void **state)
{
	put_slice(*state, "web-1", "IPv4", ON("node-b", "10.244.2.2"));
	assert_nothing(pass_at(*state, 1));
	put_web(*state);
	char *lines = pass_at(*state, 1);
	assert_has(lines, "add rule " SVC " " TO_ONE("10.244.2.2"));
	free(lines);
}

static void test_endpoint_in_two_slices_counts_once(void **state)
{
	put_web(*state);
	put_slice(*state, "web-1", "IPv4", NOT_READY("10.244.2.2"));
	put_slice(*state, "web-2", "IPv4", ON("node-b", "10.244.2.2"));
	char *lines = pass_at(*state, 1);
	assert_has(lines, "add rule " SVC " " TO_ONE("10.244.2.2"));
	free(lines);
	assert_int_equal(rules_endpoints(*state), 1);
	assert_int_equal(rules_services(*state), 1);
}

static void test_terminating_endpoints_serve_only_while_none_is_ready(void **state)
{
	put_web(*state);
	put_slice(*state, "web-1", "IPv4",
		  DRAINING("node-b", "10.244.2.2") "," NOT_READY("10.244.2.9"));
	char *lines = pass_at(*state, 1);
	assert_has(lines, "add rule " SVC " " TO_ONE("10.244.2.2"));
	free(lines);

	put_slice(*state, "web-2", "IPv4", ON("node-c", "10.244.3.2"));
	assert_is(pass_at(*state, 1),
		  "flush chain " SVC "\nadd rule " SVC " " TO_ONE("10.244.3.2"));
}

static void test_slice_ports_are_matched_by_name_and_protocol(void **state)
{
	put_service(*state, "{" META("default",
				     "web") ",\"spec\":{\"clusterIPs\":[\"10.96.0.1\"],\"ports\":["
					    "{\"name\":\"other\",\"port\":81,\"targetPort\":8080,"
					    "\"protocol\":\"TCP\"},"
					    "{\"name\":\"http\",\"port\":80,\"targetPort\":"
					    "\"named\",\"protocol\":\"TCP\"},"
					    "{\"name\":\"http\",\"port\":80,\"targetPort\":8080,"
					    "\"protocol\":\"UDP\"}]}}");
	put_slice(*state, "web-1", "IPv4", ON("node-b", "10.244.2.2"));
	char *lines = pass_at(*state, 1);
	assert_has(lines, "add rule " SVC " " TO_ONE("10.244.2.2"));
	assert_has(lines, "add rule svc4/default/web/tcp/81 [" GOTO("refuse") "]\n");
	assert_has(lines, "add rule svc4/default/web/udp/80 [" GOTO("refuse") "]\n");
	free(lines);
}

static void test_each_family_has_its_own_endpoints(void **state)
{
	put_service(*state,
		    "{" META("default",
			     "web") ",\"spec\":{\"clusterIPs\":[\"10.96.0.1\",\"fd00:96::1\"],"
				    "\"ipFamilies\":[\"IPv4\",\"IPv6\"],\"ports\":[" PORT80 "]}}");
	put_slice(*state, "web-6", "IPv6", ON("node-b", "fd00:244:2::2"));
	char *lines = pass_at(*state, 1);
	assert_has(lines, "add rule " SVC " [" GOTO("refuse") "]\n");
	assert_has(lines,
		   "add rule svc6/default/web/tcp/80 [" IS_TCP
		   ",{\"dnat\":{\"family\":\"ip6\",\"addr\":\"fd00:244:2::2\",\"port\":8080}}]\n");
	assert_has(lines, "add element services6 [[{\"concat\":[\"fd00:96::1\",\"tcp\",80]}," GOTO(
				  "svc6/default/web/tcp/80") "]]\n");
	free(lines);
}

static void test_outsiders_are_masqueraded_with_policy_cluster(void **state)
{
	put_lb(*state, "Cluster");
	put_slice(*state, "web-1", "IPv4", ON("node-b", "10.244.2.2"));
	char *lines = pass_at(*state, 1);
	assert_has(lines, "add rule " EXT " [" MARK "," GOTO(SVC) "]\n");
	assert_has(lines, "[{\"concat\":[\"192.0.2.1\",\"tcp\",80]}," GOTO(EXT) "]");
	assert_has(lines, "[{\"concat\":[\"10.96.0.1\",\"tcp\",80]}," GOTO(SVC) "]");
	assert_has(lines,
		   "add element node_ports4 [[{\"concat\":[\"tcp\",30080]}," GOTO(EXT) "]]\n");
	assert_has(lines, "add element addresses4 [\"10.96.0.1\",\"192.0.2.1\"]\n");
	assert_has(lines, "add element cluster_ips4 [\"10.96.0.1\"]\n");
	assert_has_not(lines, OWN);
	free(lines);
}

static void test_policy_local_keeps_the_source_and_stays_on_the_node(void **state)
{
	put_lb(*state, "Local");
	put_slice(*state, "web-1", "IPv4",
		  ON("node-a", "10.244.1.2") "," ON("node-b", "10.244.2.2"));
	char *lines = pass_at(*state, 1);
	assert_has(lines, "add rule " OWN " " TO_ONE("10.244.1.2"));
	assert_has(lines, "add rule " EXT " [" GOTO(OWN) "]\n");
	assert_order(lines, "\"right\":\"@pod_cidrs4\"}}," GOTO(SVC),
		     "add rule " EXT " [" GOTO(OWN) "]\n");
	assert_order(lines, "\"right\":\"local\"}}," MARK "," GOTO(SVC),
		     "add rule " EXT " [" GOTO(OWN) "]\n");
	free(lines);
}

static void test_policy_local_without_own_endpoint_drops(void **state)
{
	put_lb(*state, "Local");
	put_slice(*state, "web-1", "IPv4", ON("node-b", "10.244.2.2"));
	char *lines = pass_at(*state, 1);
	assert_has(lines, "add rule " OWN " [{\"drop\":null}]\n");
	free(lines);

	rules_slice_gone(*state, "default", "web-1");
	lines = pass_at(*state, 1);
	assert_has(lines, "add rule " OWN " [" GOTO("refuse") "]\n");
	free(lines);
}

static void test_own_terminating_endpoint_serves_where_the_ready_one_is_elsewhere(void **state)
{
	put_lb(*state, "Local");
	put_slice(*state, "web-1", "IPv4",
		  DRAINING("node-a", "10.244.1.2") "," ON("node-b", "10.244.2.2"));
	char *lines = pass_at(*state, 1);
	assert_has(lines, "add rule " OWN " " TO_ONE("10.244.1.2"));
	assert_has(lines, "add rule " SVC " " TO_ONE("10.244.2.2"));
	free(lines);
}

static void test_internal_policy_local_sends_the_cluster_ip_to_own_endpoints(void **state)
{
	put_service(*state,
		    "{" META("default",
			     "web") ",\"spec\":{\"clusterIPs\":[\"10.96.0.1\"],"
				    "\"internalTrafficPolicy\":\"Local\",\"ports\":[" PORT80 "]}}");
	char *lines = pass_at(*state, 1);
	assert_has(lines, "[{\"concat\":[\"10.96.0.1\",\"tcp\",80]}," GOTO(OWN) "]");
	free(lines);
}

static void test_policy_change_moves_no_element(void **state)
{
	put_lb(*state, "Cluster");
	put_slice(*state, "web-1", "IPv4", ON("node-a", "10.244.1.2"));
	free(pass_at(*state, 1));
	put_lb(*state, "Local");
	char *lines = pass_at(*state, 1);
	assert_order(lines, "add chain " OWN, "add rule " EXT);
	assert_order(lines, "flush chain " EXT, "add rule " EXT);
	assert_has_not(lines, "element");
	assert_has_not(lines, SVC "\n");
	free(lines);
}

static void test_service_without_node_ports_has_no_node_port_element(void **state)
{
	put_service(*state,
		    "{" META("default",
			     "web") ",\"spec\":{\"type\":\"LoadBalancer\",\"clusterIPs\":[\"10.96."
				    "0.1\"],"
				    "\"allocateLoadBalancerNodePorts\":false,\"ports\":[" PORT80
				    "]},"
				    "\"status\":{\"loadBalancer\":{\"ingress\":[{\"ip\":\"192.0.2."
				    "1\"}]}}}");
	char *lines = pass_at(*state, 1);
	assert_has(lines, "[{\"concat\":[\"192.0.2.1\",\"tcp\",80]}," GOTO(EXT) "]");
	assert_has_not(lines, "node_ports");
	free(lines);
}

static void test_ingress_counts_only_for_type_load_balancer(void **state)
{
	put_lb(*state, "Cluster");
	free(pass_at(*state, 1));
	put_web(*state);
	char *lines = pass_at(*state, 2);
	assert_has(lines, "delete element services4 [{\"concat\":[\"192.0.2.1\",\"tcp\",80]}]\n");
	assert_has(lines, "delete element node_ports4 [{\"concat\":[\"tcp\",30080]}]\n");
	assert_has(lines, "delete element addresses4 [\"192.0.2.1\"]\n");
	assert_has(lines, "flush chain " EXT "\n");
	assert_has_not(lines, "add ");
	free(lines);
}

static void test_headless_external_name_and_other_proxies_services_get_nothing(void **state)
{
	put_service(*state,
		    "{" META("default",
			     "web") ",\"spec\":{\"clusterIP\":\"None\",\"clusterIPs\":[\"None\"],"
				    "\"ports\":[" PORT80 "]}}");
	put_service(*state, "{" META("default", "ext") ",\"spec\":{\"type\":\"ExternalName\","
						       "\"externalName\":\"x.example\"}}");
	put_service(*state,
		    "{\"metadata\":{\"namespace\":\"default\",\"name\":\"foreign\",\"labels\":"
		    "{\"service.kubernetes.io/service-proxy-name\":\"other\"}},\"spec\":{"
		    "\"clusterIPs\":[\"10.96.0.3\"],\"ports\":[" PORT80 "]}}");
	put_service(*state,
		    "{\"metadata\":{\"namespace\":\"default\",\"name\":\"labelled\",\"labels\":"
		    "{\"service.kubernetes.io/headless\":\"\"}},\"spec\":{"
		    "\"clusterIPs\":[\"10.96.0.4\"],\"ports\":[" PORT80 "]}}");
	assert_nothing(pass_at(*state, 1));
	assert_int_equal(rules_services(*state), 0);
}

static void test_hairpin_lists_endpoints_that_may_be_here_once(void **state)
{
	put_lb(*state, "Cluster");
	put_slice(*state, "web-1", "IPv4",
		  ON("node-a",
		     "10.244.1.2") "," ON("node-b",
					  "10.244.2.2") ",{\"addresses\":[\"10.244.9.9\"]}");
	char *lines = pass_at(*state, 1);
	assert_has(lines, "add element hairpin4 [{\"concat\":[\"10.244.1.2\",\"10.244.1.2\"]},"
			  "{\"concat\":[\"10.244.9.9\",\"10.244.9.9\"]}]\n");
	free(lines);
}

static void test_shared_address_stays_until_the_last_service_leaves(void **state)
{
	static const char fmt[] =
		"{\"metadata\":{\"namespace\":\"default\",\"name\":\"%s\"},\"spec\":{\"type\":"
		"\"LoadBalancer\","
		"\"allocateLoadBalancerNodePorts\":false,\"ipFamilies\":[\"IPv4\"],\"ports\":[{"
		"\"port\":%u,\"protocol\":"
		"\"TCP\"}]},"
		"\"status\":{\"loadBalancer\":{\"ingress\":[{\"ip\":\"192.0.2.1\"}]}}}";

	put_service(*state, fmt, "one", 80u);
	put_service(*state, fmt, "two", 81u);
	char *lines = pass_at(*state, 1);
	assert_has(lines, "add element addresses4 [\"192.0.2.1\"]\n");
	free(lines);

	rules_service_gone(*state, "default", "one");
	lines = pass_at(*state, 1);
	assert_has(lines, "delete element services4 [{\"concat\":[\"192.0.2.1\",\"tcp\",80]}]\n");
	assert_has_not(lines, "addresses4");
	free(lines);

	rules_service_gone(*state, "default", "two");
	lines = pass_at(*state, 1);
	assert_has(lines, "delete element addresses4 [\"192.0.2.1\"]\n");
	free(lines);
}

/* On a new list, what is new is told before what is gone: two may hold one port for a moment. */
static void test_taken_port_goes_to_the_next_service_in_the_same_transaction(void **state)
{
	static const char fmt[] = "{\"metadata\":{\"namespace\":\"default\",\"name\":\"%s\","
				  "\"creationTimestamp\":\"2026-01-0%uT00:00:00Z\"},"
				  "\"spec\":{\"clusterIPs\":[\"10.96.0.1\"],"
				  "\"ports\":[" PORT80 "]}}";

	put_service(*state, fmt, "old", 1u);
	free(pass_at(*state, 1));

	put_service(*state, fmt, "new", 2u);
	char *lines = pass_at(*state, 1);
	assert_has(lines, "add chain svc4/default/new/tcp/80");
	assert_has_not(lines, "services4");
	free(lines);

	rules_service_gone(*state, "default", "old");
	lines = pass_at(*state, 1);
	assert_order(lines, "delete element services4 [{\"concat\":[\"10.96.0.1\",\"tcp\",80]}]\n",
		     "add element services4 [[{\"concat\":[\"10.96.0.1\",\"tcp\",80]}," GOTO(
			     "svc4/default/new/tcp/80") "]]\n");
	free(lines);

	rules_service_gone(*state, "default", "new");
	lines = pass_at(*state, 1);
	assert_has(lines, "delete element services4 [{\"concat\":[\"10.96.0.1\",\"tcp\",80]}]\n");
	free(lines);
}

static void test_chain_is_emptied_at_once_and_deleted_later(void **state)
{
	put_web(*state);
	free(pass_at(*state, 1));
	assert_int_equal(rules_wake_ns(*state), UINT64_MAX);

	rules_service_gone(*state, "default", "web");
	char *lines = pass_at(*state, NS_PER_S);
	assert_has(lines, "flush chain " SVC "\n");
	assert_has(lines, "delete element services4");
	assert_has_not(lines, "delete chain");
	free(lines);
	assert_int_equal(rules_services(*state), 0);

	uint64_t due = rules_wake_ns(*state);
	assert_in_range(due, 2 * NS_PER_S, 60 * NS_PER_S);
	assert_nothing(pass_at(*state, due - 1));
	assert_is(pass_at(*state, due), "delete chain " SVC "\n");
	assert_int_equal(rules_wake_ns(*state), UINT64_MAX);
	assert_nothing(pass_at(*state, due + 1));
}

static void test_chain_that_is_needed_again_is_not_deleted(void **state)
{
	put_web(*state);
	free(pass_at(*state, 1));
	rules_service_gone(*state, "default", "web");
	free(pass_at(*state, NS_PER_S));
	put_web(*state);
	char *lines = pass_at(*state, 2 * NS_PER_S);
	assert_has(lines, "add rule " SVC " [" GOTO("refuse") "]\n");
	assert_has(lines, "add element services4");
	free(lines);
	assert_nothing(pass_at(*state, rules_wake_ns(*state)));
}

static void test_restart_sends_everything_again(void **state)
{
	put_lb(*state, "Local");
	put_slice(*state, "web-1", "IPv4", ON("node-a", "10.244.1.2"));
	put_node(*state, "node-a", "\"10.244.1.0/24\"");
	rules_restart(*state);
	char *before = pass_at(*state, 1);
	put_service(*state,
		    "{" META("default",
			     "gone") ",\"spec\":{\"clusterIPs\":[\"10.96.0.2\"],\"ports\":[" PORT80
				     "]}}");
	free(pass_at(*state, 1));
	rules_service_gone(*state, "default", "gone");
	free(pass_at(*state, 1));
	rules_restart(*state);
	char *after = pass_at(*state, 2);
	assert_non_null(before);
	assert_string_equal(after, before);
	free(before);
	free(after);
	assert_int_equal(rules_wake_ns(*state),
			 UINT64_MAX); /* the old chains went with the table */
}

static void test_pod_networks_are_those_of_all_nodes_without_overlaps(void **state)
{
	put_node(*state, "node-a", "\"10.244.1.0/24\",\"fd00:244:1::/64\"");
	put_node(*state, "node-b", "\"10.244.1.128/25\",\"10.244.2.0/24\",\"0.0.0.0/0\"");
	char *lines = pass_at(*state, 1);
	assert_has(lines, "flush set pod_cidrs4\n");
	assert_has(lines,
		   "add element pod_cidrs4 [{\"prefix\":{\"addr\":\"10.244.1.0\",\"len\":24}},"
		   "{\"prefix\":{\"addr\":\"10.244.2.0\",\"len\":24}}]\n");
	assert_has(
		lines,
		"add element pod_cidrs6 [{\"prefix\":{\"addr\":\"fd00:244:1::\",\"len\":64}}]\n");
	assert_has(lines, "add rule outsiders4 [" MARK "]\n");
	free(lines);

	put_node(*state, "node-a", "\"10.244.1.0/24\",\"fd00:244:1::/64\"");
	assert_nothing(pass_at(*state, 1));

	rules_node_gone(*state, "node-a");
	lines = pass_at(*state, 1);
	assert_has(lines,
		   "add element pod_cidrs4 [{\"prefix\":{\"addr\":\"10.244.1.128\",\"len\":25}},");
	free(lines);
}

static void test_addresses_of_nodes_are_told_when_they_change(void **state)
{
	static const char fmt[] = "{\"metadata\":{\"name\":\"node-b\"},\"status\":{\"addresses\":["
				  "{\"type\":\"InternalIP\",\"address\":\"%s\"}]}}";
	static const char *const ips[] = { "10.0.0.2", "10.0.0.2", "fd00::2" };
	static const char *const told[] = {
		"flush set node_ips4\nadd element node_ips4 [\"10.0.0.2\"]\n",
		NULL,
		"flush set node_ips4\nflush set node_ips6\nadd element node_ips6 [\"fd00::2\"]\n",
	};

	rules_restart(*state);
	free(pass_at(*state, 1));
	for (int i = 0; i < 3; i++) {
		struct faults faults = { 0 };
		struct node *n = NULL;
		char text[256];

		snprintf(text, sizeof(text), fmt, ips[i]);
		cJSON *object = cJSON_Parse(text);
		assert_int_equal(node_decode(object, (struct where){ 0 }, &faults, &n), 0);
		cJSON_Delete(object);
		rules_node(*state, n);
		char *lines = pass_at(*state, 1);
		if (told[i] == NULL)
			assert_nothing(lines);
		else
			assert_has(lines, told[i]);
		free(lines);
	}
}

/* What Kubernetes does not store: loopback would lead to what the node keeps for itself. */
static void test_addresses_of_no_other_host_lead_nowhere(void **state)
{
	static const char *const bad4[] = { "127.0.0.1", "0.0.0.0", "224.0.0.1",
					    "255.255.255.255" };
	static const char *const bad6[] = { "::1", "::", "fe80::1", "ff02::1", "::ffff:127.0.0.1" };
	char text[256];

	put_service(
		*state,
		"{" META(
			"default",
			"web") ",\"spec\":{\"type\":\"LoadBalancer\",\"clusterIPs\":[\"10.96.0.1\","
			       "\"fd00:96::1\"],\"ipFamilies\":[\"IPv4\",\"IPv6\"],\"ports\":"
			       "[" PORT80 "]},\"status\":{\"loadBalancer\":{\"ingress\":[{\"ip\":"
			       "\"127.0.0.1\"},"
			       "{\"ip\":\"::1\"},{\"ip\":\"192.0.2.1\"}]}}}");
	char *lines = pass_at(*state, 1);
	assert_has(lines, "add element addresses4 [\"10.96.0.1\",\"192.0.2.1\"]\n");
	assert_has(lines, "add element addresses6 [\"fd00:96::1\"]\n");
	free(lines);
	for (size_t i = 0; i < 9; i++) {
		snprintf(text, sizeof(text), "{\"addresses\":[\"%s\"]}",
			 i < 4 ? bad4[i] : bad6[i - 4]);
		put_slice(*state, "web-1", i < 4 ? "IPv4" : "IPv6", text);
		assert_nothing(pass_at(*state, 1));
	}
}

/* Without pod networks nobody can be told to be an outsider, and nobody is masqueraded as one. */
static void test_no_pod_networks_no_outsiders(void **state)
{
	put_node(*state, "node-a", "\"10.244.1.0/24\"");
	free(pass_at(*state, 1));
	rules_node_gone(*state, "node-a");
	assert_is(pass_at(*state, 1), "flush set pod_cidrs4\nflush chain outsiders4\n");
}

static void test_names_that_would_break_out_of_json_are_refused(void **state)
{
	static const char fmt[] =
		"{\"metadata\":{\"namespace\":\"%s\",\"name\":\"%s\"},\"spec\":{\"clusterIPs\":"
		"[\"10.96.0.1\"],\"ports\":[" PORT80 "]}}";
	char longest[65];

	memset(longest, 'a', sizeof(longest));
	longest[64] = '\0';
	assert_int_equal(put_service(*state, fmt, "default", "a\\\"b"), -EINVAL);
	assert_int_equal(put_service(*state, fmt, "default", "a b"), -EINVAL);
	assert_int_equal(put_service(*state, fmt, "a/b", "web"), -EINVAL);
	assert_int_equal(put_service(*state, fmt, "default", longest), -EINVAL);
	assert_nothing(pass_at(*state, 1));
	assert_int_equal(put_service(*state, fmt, "default", longest + 1), 0);
	free(pass_at(*state, 1));
}

static void test_a_slice_that_names_no_service_any_more_serves_none(void **state)
{
	struct faults faults = { 0 };
	struct endpoint_slice *s = NULL;

	put_web(*state);
	put_slice(*state, "web-1", "IPv4", ON("node-a", "10.244.1.2"));
	free(pass_at(*state, 1));
	cJSON *object = cJSON_Parse("{" META("default", "web-1") ",\"addressType\":\"IPv4\"}");
	cJSON *labels = cJSON_AddObjectToObject(cJSON_GetObjectItem(object, "metadata"), "labels");
	cJSON_AddStringToObject(labels, "kubernetes.io/service-name", "No_Name");
	assert_int_equal(endpoint_slice_decode(object, (struct where){ 0 }, &faults, &s), 0);
	cJSON_Delete(object);
	assert_int_equal(rules_slice(*state, s), -EINVAL);
	char *lines = pass_at(*state, 2);
	assert_has(lines, "add rule " SVC " [" GOTO("refuse") "]\n");
	free(lines);
}

/* Whatever happened before, the elements of the kernel are those of the objects that are there. */
static void test_random_changes_keep_elements_and_objects_in_step(void **state)
{
	enum { NAMES = 6, PORTS = 3, STEPS = 3000 };
	bool held[NAMES] = { 0 };
	bool in_kernel[PORTS] = { 0 };
	unsigned wants[NAMES] = { 0 };
	uint32_t seed = 1;

	for (unsigned step = 0; step < STEPS; step++) {
		seed = seed * 1103515245u + 12345u;
		unsigned who = (seed >> 16) % NAMES, port = (seed >> 20) % PORTS;
		char name[8], key[64];

		snprintf(name, sizeof(name), "s%u", who);
		if ((seed >> 24) % 3 == 0) {
			rules_service_gone(*state, "default", name);
			held[who] = false;
		} else {
			put_service(*state,
				    "{\"metadata\":{\"namespace\":\"default\",\"name\":\"%s\"},"
				    "\"spec\":{"
				    "\"clusterIPs\":[\"10.96.0.1\"],\"ports\":[{\"port\":%u,"
				    "\"protocol\":\"TCP\"}]}}",
				    name, 80 + port);
			held[who] = true;
			wants[who] = port;
		}
		char *lines = pass_at(*state, step * NS_PER_S);
		const char *gone = lines == NULL ? NULL : strstr(lines, "delete element services4");
		const char *come = lines == NULL ? NULL : strstr(lines, "add element services4");
		for (unsigned p = 0; p < PORTS; p++) {
			snprintf(key, sizeof(key), "\"tcp\",%u]", 80 + p);
			const char *g = gone == NULL ? NULL : strstr(gone, key);
			const char *c = come == NULL ? NULL : strstr(come, key);

			if (g != NULL && g < strchr(gone, '\n')) {
				assert_true(in_kernel[p]); /* else the kernel refuses it */
				in_kernel[p] = false;
			}
			if (c != NULL && c < strchr(come, '\n')) {
				assert_false(in_kernel[p]);
				in_kernel[p] = true;
			}
			bool wanted = false;
			for (unsigned n = 0; n < NAMES; n++)
				wanted |= held[n] && wants[n] == p;
			assert_int_equal(in_kernel[p], wanted);
		}
		free(lines);
	}
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_pass_replaces_the_table_in_one_transaction),
		TEST(test_cluster_ip_without_endpoints_is_refused),
		TEST(test_endpoints_rewrite_one_chain_and_no_map),
		TEST(test_many_endpoints_share_a_map),
		TEST(test_the_same_again_is_nothing),
		TEST(test_slices_may_come_before_their_service),
		TEST(test_endpoint_in_two_slices_counts_once),
		TEST(test_terminating_endpoints_serve_only_while_none_is_ready),
		TEST(test_slice_ports_are_matched_by_name_and_protocol),
		TEST(test_each_family_has_its_own_endpoints),
		TEST(test_outsiders_are_masqueraded_with_policy_cluster),
		TEST(test_policy_local_keeps_the_source_and_stays_on_the_node),
		TEST(test_policy_local_without_own_endpoint_drops),
		TEST(test_own_terminating_endpoint_serves_where_the_ready_one_is_elsewhere),
		TEST(test_internal_policy_local_sends_the_cluster_ip_to_own_endpoints),
		TEST(test_policy_change_moves_no_element),
		TEST(test_service_without_node_ports_has_no_node_port_element),
		TEST(test_ingress_counts_only_for_type_load_balancer),
		TEST(test_headless_external_name_and_other_proxies_services_get_nothing),
		TEST(test_hairpin_lists_endpoints_that_may_be_here_once),
		TEST(test_shared_address_stays_until_the_last_service_leaves),
		TEST(test_taken_port_goes_to_the_next_service_in_the_same_transaction),
		TEST(test_chain_is_emptied_at_once_and_deleted_later),
		TEST(test_chain_that_is_needed_again_is_not_deleted),
		TEST(test_restart_sends_everything_again),
		TEST(test_pod_networks_are_those_of_all_nodes_without_overlaps),
		TEST(test_no_pod_networks_no_outsiders),
		TEST(test_addresses_of_nodes_are_told_when_they_change),
		TEST(test_addresses_of_no_other_host_lead_nowhere),
		TEST(test_a_slice_that_names_no_service_any_more_serves_none),
		TEST(test_names_that_would_break_out_of_json_are_refused),
		TEST(test_random_changes_keep_elements_and_objects_in_step),
	};
	log_setup("test", LOG_LEVEL_NONE, LOG_TEXT);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
