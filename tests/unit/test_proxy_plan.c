// SPDX-License-Identifier: Apache-2.0
/*
 * What the fields of a Service ask for: session affinity, source ranges, external IPs, ingress by
 * proxy, zones. tests/golden/proxy has whole rule sets, tests/lab/test_proxy_*.py the traffic.
 */
#include "tests/unit/proxy_rules.h"

#include "standalone/proxy/affinity.h"
#include "standalone/proxy/text.h"

#define LB     "lb4/default/web/tcp/80"
#define SOURCE "{\"payload\":{\"protocol\":\"ip\",\"field\":\"saddr\"}}"
#define DROP   "{\"drop\":null}"

/* default/web at 10.96.0.1 with more fields of spec, and these entries of status...ingress. */
static void put_web_with(struct rules *r, const char *spec, const char *ingress)
{
	put_service(r,
		    "{" META("default", "web") ",\"spec\":{\"clusterIPs\":[\"10.96.0.1\"],"
					       "\"ipFamilies\":[\"IPv4\"],\"ports\":[" PORT80
					       "],%s},\"status\":{\"loadBalancer\":{"
					       "\"ingress\":[%s]}}}",
		    spec, ingress);
}

#define LOAD_BALANCER       "\"type\":\"LoadBalancer\""
#define INGRESS             "{\"ip\":\"192.0.2.1\"}"
#define TO_CHAIN(ip, chain) "[{\"concat\":[\"" ip "\",\"tcp\",80]}," GOTO(chain) "]"

/* A pass that must come to something, for the caller to free(). */
static char *pass(struct rules *r)
{
	char *lines = pass_at(r, 1);

	assert_non_null(lines);
	return lines;
}

/* --- session affinity ------------------------------------------------------------------------ */

#define STICKY                                                                                     \
	"\"sessionAffinity\":\"ClientIP\",\"sessionAffinityConfig\":{\"clientIP\":"                \
	"{\"timeoutSeconds\":600}}"
#define IS_KNOWN(number)                                                                           \
	"{\"match\":{\"op\":\"==\",\"left\":{\"concat\":[" SOURCE                                  \
	",{\"|\":[{\"&\":[{\"meta\":{\"key\":\"mark\"}},0]}," number                               \
	"]}]},\"right\":\"@affinity4\"}}"
#define REMEMBER(number)                                                                           \
	"{\"set\":{\"op\":\"update\",\"elem\":{\"elem\":{\"val\":{\"concat\":[" SOURCE "," number  \
	"]},\"timeout\":600}},\"set\":\"@affinity4\"}}"

/* Of default/web tcp/80 at 8080. They may never change: a new release must know its clients. */
#define NUMBER_1_2 "3706583419"
#define NUMBER_2_2 "874313176"

static void test_affinity_asks_remembers_and_has_a_way_out(void **state)
{
	put_web_with(*state, STICKY, "");
	put_slice(*state, "web-1", "IPv4",
		  ON("node-b", "10.244.1.2") "," ON("node-b", "10.244.2.2"));
	char *lines = pass(*state);
	assert_ptr_equal(strstr(lines, "add set affinity4\nadd chain " SVC "\n"), lines);
	assert_has(
		lines,
		"add rule " SVC " [" IS_KNOWN(NUMBER_1_2) "," REMEMBER(NUMBER_1_2) "," TO(
			"10.244.1.2") "]\n"
				      "add rule " SVC
				      " [" IS_KNOWN(NUMBER_2_2) "," REMEMBER(NUMBER_2_2) "," TO(
					      "10.244.2.2") "]\n"
							    "add rule " SVC
							    " [" ONE_OF("2") "," REMEMBER(NUMBER_1_2) "," TO(
								    "10.244.1.2") "]\n"
										  "add rule " SVC
										  " [" REMEMBER(NUMBER_2_2) "," TO(
											  "10.244."
											  "2.2") "]"
												 "\n"
												 "a"
												 "d"
												 "d"
												 " "
												 "r"
												 "u"
												 "l"
												 "e"
												 " " SVC
												 " "
												 "[" ONE_OF("2") "," TO(
													 "10.244.1.2") "]\n"
														       "add rule " SVC
														       " [" TO("10.244.2.2") "]\nadd element");
	free(lines);
}

static void test_affinity_set_is_made_once_and_for_those_who_need_it(void **state)
{
	put_web(*state);
	put_slice(*state, "web-1", "IPv4", ON("node-b", "10.244.1.2"));
	char *lines = pass(*state);
	assert_has_not(lines, "affinity");
	free(lines);

	put_web_with(*state, STICKY, "");
	lines = pass(*state);
	assert_has(lines, "add set affinity4\n");
	assert_has_not(lines, "affinity6");
	free(lines);

	put_slice(*state, "web-1", "IPv4", ON("node-b", "10.244.1.3"));
	lines = pass(*state);
	assert_has_not(lines, "add set");
	free(lines);

	rules_restart(*state);
	lines = pass(*state);
	assert_order(lines, "delete table bellman\n", "add set affinity4\n");
	free(lines);
}

/* Two may know a client: the one that it moved to is asked before the one that came back. */
static void test_endpoint_that_returns_is_asked_last(void **state)
{
	put_web_with(*state, STICKY, "");
	put_slice(*state, "web-1", "IPv4",
		  ON("node-b", "10.244.1.2") "," ON("node-b", "10.244.1.3") "," ON("node-b",
										   "10.244.1.4"));
	free(pass(*state));
	put_slice(*state, "web-1", "IPv4",
		  ON("node-b", "10.244.1.3") "," ON("node-b", "10.244.1.4"));
	free(pass(*state));
	put_slice(*state, "web-1", "IPv4",
		  ON("node-b", "10.244.1.2") "," ON("node-b", "10.244.1.3") "," ON("node-b",
										   "10.244.1.4"));
	char *lines = pass(*state);
	assert_order(lines, TO("10.244.1.3"), TO("10.244.1.4"));
	assert_order(lines, TO("10.244.1.4"), TO("10.244.1.2"));
	free(lines);

	put_slice(*state, "web-2", "IPv4", NOT_READY("10.244.1.9"));
	assert_nothing(pass_at(*state, 1)); /* and it stays in that order */
}

static void test_affinity_that_is_taken_off_leaves_plain_rules(void **state)
{
	put_web_with(*state, STICKY, "");
	put_slice(*state, "web-1", "IPv4", ON("node-b", "10.244.1.2"));
	free(pass(*state));
	put_web(*state);
	assert_is(pass_at(*state, 1),
		  "flush chain " SVC "\nadd rule " SVC " " TO_ONE("10.244.1.2"));
}

static void test_affinity_goes_on_in_a_table_that_is_made_anew(void **state)
{
	static const char answer[] =
		"{\"nftables\":[{\"metainfo\":{\"version\":\"1.0.6\"}},{\"set\":{\"family\":"
		"\"inet\","
		"\"name\":\"affinity4\",\"table\":\"bellman\",\"elem\":["
		"{\"elem\":{\"val\":{\"concat\":[\"10.9.0.1\",4294967295]},\"timeout\":600,"
		"\"expires\":599}},"
		"{\"elem\":{\"val\":{\"concat\":[\"10.9.0.2\",7]},\"timeout\":600,\"expires\":0}},"
		"{\"elem\":{\"val\":{\"concat\":[\"10.9.0.3\",8]},\"timeout\":1,\"expires\":1}}]}}]"
		"}";

	rules_restart(*state);
	rules_recall(*state, IP_V4, affinity_elements(IP_V4, answer));
	put_web_with(*state, STICKY, "");
	put_slice(*state, "web-1", "IPv4", ON("node-b", "10.244.1.2"));
	char *lines = pass(*state);
	assert_has(lines,
		   "add set affinity4\nadd element affinity4 ["
		   "{\"elem\":{\"val\":{\"concat\":[\"10.9.0.1\",4294967295]},\"timeout\":600,"
		   "\"expires\":599}},"
		   "{\"elem\":{\"val\":{\"concat\":[\"10.9.0.3\",8]},\"timeout\":1,\"expires\":1}}]"
		   "\n");
	free(lines);

	rules_restart(*state); /* and nobody asked again */
	lines = pass(*state);
	assert_has(lines, "add set affinity4\n");
	assert_has_not(lines, "10.9.0.1");
	free(lines);
}

/* What a table had says nothing of the next one, which may be made on nothing. */
static void test_affinity_set_is_made_again_after_one_that_was_taken_over(void **state)
{
	put_web_with(*state, STICKY, "");
	put_slice(*state, "web-1", "IPv4", ON("node-b", "10.244.1.2"));
	rules_take_over(*state, inherited_new(), (bool[]){ true, true });
	char *lines = pass(*state);
	assert_has_not(lines, "add set affinity4");
	free(lines);

	rules_restart_on_nothing(*state);
	lines = pass(*state);
	assert_has(lines, "add set affinity4\n");
	free(lines);
}

/* It goes into the next transaction: what is not understood must not get there. */
static void test_what_is_no_affinity_is_not_recalled(void **state)
{
	static const char *const elements[] = {
		"",
		"null",
		"\"10.9.0.1\"",
		"{\"elem\":{\"val\":\"10.9.0.1\",\"timeout\":600,\"expires\":599}}",
		"{\"elem\":{\"val\":{\"concat\":[\"10.9.0.1\"]},\"timeout\":600,\"expires\":599}}",
		"{\"elem\":{\"val\":{\"concat\":[\"fd00::1\",7]},\"timeout\":600,\"expires\":599}}",
		"{\"elem\":{\"val\":{\"concat\":[\"x\",7]},\"timeout\":600,\"expires\":599}}",
		"{\"elem\":{\"val\":{\"concat\":[\"10.9.0.1\",-7]},\"timeout\":600,\"expires\":599}"
		"}",
		"{\"elem\":{\"val\":{\"concat\":[\"10.9.0.1\",\"7\"]},\"timeout\":600,\"expires\":"
		"599}}",
		"{\"elem\":{\"val\":{\"concat\":[\"10.9.0.1\",4294967296]},\"timeout\":6,"
		"\"expires\":5}}",
		"{\"elem\":{\"val\":{\"concat\":[\"10.9.0.1\",7]},\"timeout\":600}}",
		"{\"elem\":{\"val\":{\"concat\":[\"10.9.0.1\",7]},\"timeout\":600,\"expires\":601}"
		"}",
	};
	(void)state;

	for (size_t i = 0; i < sizeof(elements) / sizeof(*elements); i++) {
		char answer[512];

		snprintf(answer, sizeof(answer), "{\"nftables\":[{\"set\":{\"elem\":[%s]}}]}",
			 elements[i]);
		char *found = affinity_elements(IP_V4, answer);
		assert_string_equal(found, "");
		free(found);
	}
	static const char *const answers[] = {
		"", "no JSON", "{\"elem\"", "{\"elem\":7}", "{\"elem\":[", "{\"elem\":[]}"
	};
	for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
		char *found = affinity_elements(IP_V4, answers[i]);
		assert_string_equal(found, "");
		free(found);
	}
}

static size_t held, held_most; /* pieces of memory, by cJSON */

static void *hold(size_t size)
{
	held_most = ++held > held_most ? held : held_most;
	return malloc(size);
}

static void let_go(void *piece)
{
	held -= piece != NULL;
	free(piece);
}

/* There may be a quarter of a million. The spaces are those of nft. */
static void test_affinity_is_read_one_client_at_a_time(void **state)
{
	cJSON_Hooks counting = { .malloc_fn = hold, .free_fn = let_go };
	const unsigned count = 1000;
	struct text answer = { 0 };

	(void)state;
	text_printf(&answer, "{\"nftables\": [{\"set\": {\"name\": \"affinity4\", \"elem\": [");
	for (unsigned i = 0; i < count; i++)
		text_printf(
			&answer,
			"%s{\"elem\": {\"val\": {\"concat\": [\"10.9.%u.%u\", 7]}, \"timeout\": 9, "
			"\"expires\": 9}}",
			i > 0 ? ", " : "", i / 250, i % 250);
	text_printf(&answer, "]}}]}");

	cJSON_InitHooks(&counting);
	char *found = affinity_elements(IP_V4, answer.at);
	cJSON_InitHooks(NULL);
	unsigned elements = 0;
	for (const char *at = found; (at = strstr(at, "\"expires\":9")) != NULL; at++)
		elements++;
	assert_int_equal(elements, count);
	assert_int_equal(held, 0);
	assert_in_range(held_most, 1, 40);
	free(found);
	text_free(&answer);
}

/* --- source ranges --------------------------------------------------------------------------- */

#define FROM(ip, bits)                                                                             \
	"{\"match\":{\"op\":\"==\",\"left\":" SOURCE ",\"right\":{\"prefix\":{\"addr\":\"" ip      \
	"\",\"len\":" bits "}}}}"

static void test_source_ranges_are_for_the_balancers_addresses(void **state)
{
	put_web_with(*state,
		     LOAD_BALANCER ",\"loadBalancerSourceRanges\":[\"203.0.113.0/24\","
				   "\"198.51.100.7/32\",\"203.0.113.64/26\",\"2001:db8::/32\"],"
				   "\"externalIPs\":[\"192.0.2.1\",\"192.0.2.9\"]",
		     INGRESS);
	char *lines = pass(*state);
	assert_has(lines, "add rule " LB " [" FROM("198.51.100.7", "32") "," GOTO(
				  EXT) "]\n"
				       "add rule " LB " [" FROM("203.0.113.0", "24") "," GOTO(
					       EXT) "]\n"
						    "add rule " LB " [" DROP "]\n");
	assert_has(lines, TO_CHAIN("10.96.0.1", SVC));
	assert_has(lines, TO_CHAIN("192.0.2.1", LB)); /* whatever externalIPs says of it */
	assert_has(lines, TO_CHAIN("192.0.2.9", EXT));
	free(lines);
}

static void test_source_ranges_that_hold_everybody_are_none(void **state)
{
	static const char *const ranges[] = { "\"0.0.0.0/0\",\"203.0.113.0/24\"",
					      "\"2001:db8::/32\"", "" };

	for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++) {
		char spec[256];

		snprintf(spec, sizeof(spec), LOAD_BALANCER ",\"loadBalancerSourceRanges\":[%s]",
			 ranges[i]);
		put_web_with(*state, spec, INGRESS);
		char *lines = pass_at(*state, 1);
		if (i == 0)
			assert_has(lines, TO_CHAIN("192.0.2.1", EXT));
		else
			assert_nothing(lines);
		free(lines);
	}
}

static void test_source_ranges_of_which_none_can_be_read_admit_nobody(void **state)
{
	put_web_with(*state, LOAD_BALANCER ",\"loadBalancerSourceRanges\":[\"203.0.113.0\"]",
		     INGRESS);
	char *lines = pass(*state);
	assert_has(lines, "add chain " LB "\nadd rule " LB " [" DROP "]\n");
	free(lines);
}

static void test_many_source_ranges_share_a_set(void **state)
{
	char spec[1024] = LOAD_BALANCER ",\"loadBalancerSourceRanges\":[";

	for (unsigned i = 0; i < 17; i++)
		snprintf(spec + strlen(spec), sizeof(spec) - strlen(spec), "\"203.0.%u.0/24\"%s", i,
			 i < 16 ? "," : "]");
	put_web_with(*state, spec, INGRESS);
	char *lines = pass(*state);
	assert_has(lines, "add rule " LB " [{\"match\":{\"op\":\"==\",\"left\":" SOURCE
			  ",\"right\":{\"set\":[{\"prefix\":{\"addr\":\"203.0.0.0\",\"len\":24}},");
	assert_has(lines, "{\"prefix\":{\"addr\":\"203.0.16.0\",\"len\":24}}]}}}," GOTO(
				  EXT) "]\nadd rule " LB " [" DROP "]\n");
	free(lines);
}

/* A Node by its labels and addresses. */
static void put_self(struct rules *r, const char *labels, const char *ip)
{
	char text[512];
	struct faults faults = { 0 };
	struct node *n = NULL;

	snprintf(text, sizeof(text),
		 "{\"metadata\":{\"name\":\"node-a\",\"labels\":{%s}},\"status\":{\"addresses\":["
		 "{\"type\":\"InternalIP\",\"address\":\"%s\"}]}}",
		 labels, ip);
	cJSON *object = cJSON_Parse(text);
	assert_int_equal(node_decode(object, (struct where){ 0 }, &faults, &n), 0);
	cJSON_Delete(object);
	rules_node(r, n);
}

/* A node that has the address as its own sends from it. */
static void test_where_this_node_may_come_the_address_itself_may(void **state)
{
	put_web_with(*state, LOAD_BALANCER ",\"loadBalancerSourceRanges\":[\"10.0.0.0/24\"]",
		     INGRESS);
	char *lines = pass(*state);
	assert_has_not(lines, FROM("192.0.2.1", "32"));
	free(lines);

	put_self(*state, "", "10.0.0.3");
	lines = pass(*state);
	assert_has(lines,
		   "add rule " LB " [" FROM("10.0.0.0", "24") "," GOTO(
			   EXT) "]\n"
				"add rule " LB " [" FROM("192.0.2.1", "32") "," GOTO(EXT) "]\n");
	free(lines);

	put_self(*state, "", "10.0.1.3");
	lines = pass(*state);
	assert_has_not(lines, FROM("192.0.2.1", "32"));
	free(lines);
}

/* --- addresses ------------------------------------------------------------------------------- */

static void test_external_ips_are_of_any_type_and_keep_their_other_ports(void **state)
{
	put_web_with(*state,
		     "\"externalIPs\":[\"192.0.2.9\",\"192.0.2.9\",\"2001:db8::9\",\"127.0.0.1\","
		     "\"169.254.169.254\",\"239.0.0.9\",\"240.0.0.9\",\"255.255.255.255\","
		     "\"fe80::9\"]",
		     "");
	char *lines = pass(*state);
	assert_has(lines, "add element services4 [" TO_CHAIN("10.96.0.1", SVC) "," TO_CHAIN(
				  "192.0.2.9", EXT) "," TO_CHAIN("240.0.0.9", EXT) "]\n");
	assert_has(lines, "add rule " EXT " [" MARK "," GOTO(SVC) "]\n");
	assert_has(lines, "add element addresses4 [\"10.96.0.1\"]\n");
	assert_has_not(lines, "services6");
	free(lines);
}

static void test_ingress_by_proxy_is_no_way_in(void **state)
{
	put_web_with(*state, LOAD_BALANCER,
		     "{\"ip\":\"192.0.2.1\",\"ipMode\":\"Proxy\"},{\"ip\":\"192.0.2.2\",\"ipMode\":"
		     "\"VIP\"}");
	char *lines = pass(*state);
	assert_has_not(lines, "192.0.2.1");
	assert_has(lines, TO_CHAIN("192.0.2.2", EXT));
	free(lines);

	/* But an external IP is one, whatever the load balancer says of it. */
	put_web_with(*state, LOAD_BALANCER ",\"externalIPs\":[\"192.0.2.1\"]",
		     "{\"ip\":\"192.0.2.1\",\"ipMode\":\"Proxy\"}");
	lines = pass(*state);
	assert_has(lines, TO_CHAIN("192.0.2.1", EXT));
	free(lines);
}

static void test_addresses_of_a_family_that_the_service_has_not_are_passed_over(void **state)
{
	put_web_with(*state, LOAD_BALANCER, INGRESS ",{\"ip\":\"2001:db8::1\"}");
	char *lines = pass(*state);
	assert_has(lines, TO_CHAIN("192.0.2.1", EXT));
	assert_has_not(lines, "2001:db8::1");
	free(lines);
}

/* --- endpoints ------------------------------------------------------------------------------- */

#define FOR(ip, zone)                                                                              \
	"{\"addresses\":[\"" ip                                                                    \
	"\"],\"nodeName\":\"node-b\",\"hints\":{\"forZones\":[{\"name\":\"" zone "\"}]}}"
#define ZONE(name) "\"topology.kubernetes.io/zone\":\"" name "\""

static void test_hints_count_where_all_have_some_and_one_is_near(void **state)
{
	static const char east_and_west[] = FOR("10.244.1.2", "east") "," FOR("10.244.1.3", "west");

	put_self(*state, ZONE("west"), "10.0.0.3");
	put_web(*state);
	put_slice(*state, "web-1", "IPv4", east_and_west);
	char *lines = pass(*state);
	assert_has(lines, "add rule " SVC " " TO_ONE("10.244.1.3") "add element");
	free(lines);

	put_self(*state, ZONE("north"), "10.0.0.3");
	lines = pass(*state);
	assert_has(lines, "add rule " SVC " [" ONE_OF("2") "," TO("10.244.1.2") "]\n");
	free(lines);

	put_self(*state, ZONE("east"), "10.0.0.3");
	assert_is(pass_at(*state, 1),
		  "flush chain " SVC "\nadd rule " SVC " " TO_ONE("10.244.1.2"));

	put_slice(*state, "web-2", "IPv4", ON("node-b", "10.244.1.4"));
	lines = pass(*state);
	assert_has(lines, "add rule " SVC " [" ONE_OF("3") "," TO("10.244.1.2") "]\n");
	free(lines);

	put_slice(*state, "web-2", "IPv4", NOT_READY("10.244.1.4")); /* which needs no hint */
	assert_is(pass_at(*state, 1),
		  "flush chain " SVC "\nadd rule " SVC " " TO_ONE("10.244.1.2"));

	put_self(*state, "", "10.0.0.3");
	lines = pass(*state);
	assert_has(lines, "add rule " SVC " [" ONE_OF("2") "," TO("10.244.1.2") "]\n");
	free(lines);
}

static void test_hints_say_nothing_of_own_and_of_terminating_endpoints(void **state)
{
	put_self(*state, ZONE("west"), "10.0.0.3");
	put_lb(*state, "Local");
	put_slice(*state, "web-1", "IPv4",
		  "{\"addresses\":[\"10.244.1.2\"],\"nodeName\":\"node-a\",\"hints\":{\"forZones\":"
		  "[{\"name\":\"east\"}]}}," FOR("10.244.2.2", "west"));
	char *lines = pass(*state);
	assert_has(lines, "add rule " SVC " " TO_ONE("10.244.2.2"));
	assert_has(lines, "add rule " OWN " " TO_ONE("10.244.1.2"));
	free(lines);

	put_slice(*state, "web-1", "IPv4",
		  DRAINING("node-b", "10.244.2.2") "," DRAINING("node-b", "10.244.2.3"));
	lines = pass(*state);
	assert_has(lines, "add rule " SVC " [" ONE_OF("2") "," TO("10.244.2.2") "]\n");
	free(lines);
}

/* While a pod moves from one slice to another both list it; this node's word about it counts. */
static void test_of_an_endpoint_in_two_slices_the_ready_and_own_one_counts(void **state)
{
	static const char *const slices[2] = { ON("node-b", "10.244.1.2"),
					       ON("node-a", "10.244.1.2") };

	put_lb(*state, "Local");
	for (unsigned i = 0; i < 2; i++) {
		put_slice(*state, "web-1", "IPv4", slices[i]);
		put_slice(*state, "web-2", "IPv4", slices[!i]);
		char *lines = pass_at(*state, 1);
		if (i == 0)
			assert_has(lines, "add rule " OWN " " TO_ONE("10.244.1.2"));
		else
			assert_nothing(lines);
		free(lines);
	}
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_affinity_asks_remembers_and_has_a_way_out),
		TEST(test_affinity_set_is_made_once_and_for_those_who_need_it),
		TEST(test_endpoint_that_returns_is_asked_last),
		TEST(test_affinity_that_is_taken_off_leaves_plain_rules),
		TEST(test_affinity_goes_on_in_a_table_that_is_made_anew),
		TEST(test_affinity_set_is_made_again_after_one_that_was_taken_over),
		TEST(test_what_is_no_affinity_is_not_recalled),
		TEST(test_affinity_is_read_one_client_at_a_time),
		TEST(test_source_ranges_are_for_the_balancers_addresses),
		TEST(test_source_ranges_that_hold_everybody_are_none),
		TEST(test_source_ranges_of_which_none_can_be_read_admit_nobody),
		TEST(test_many_source_ranges_share_a_set),
		TEST(test_where_this_node_may_come_the_address_itself_may),
		TEST(test_external_ips_are_of_any_type_and_keep_their_other_ports),
		TEST(test_ingress_by_proxy_is_no_way_in),
		TEST(test_addresses_of_a_family_that_the_service_has_not_are_passed_over),
		TEST(test_hints_count_where_all_have_some_and_one_is_near),
		TEST(test_hints_say_nothing_of_own_and_of_terminating_endpoints),
		TEST(test_of_an_endpoint_in_two_slices_the_ready_and_own_one_counts),
	};
	log_setup("test", LOG_LEVEL_NONE, LOG_TEXT);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
