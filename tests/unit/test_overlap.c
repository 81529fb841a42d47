// SPDX-License-Identifier: Apache-2.0
/* Pools against what the cluster uses: lib/model/overlap.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "lib/base/intern.h"
#include "lib/model/overlap.h"
#include "tests/unit/config_built.h"

#define POOL(name, addresses, more)                                                                \
	"{ name = \"" name "\"; addresses = ( " addresses " ); " more " }\n"

static void take(struct taken_ranges *t, enum overlap_what what, const char *text,
		 const char *whose)
{
	struct ip_prefix prefix;
	struct ip_addr ip;
	struct ip_range range;

	if (ip_parse(text, &ip) == 0) {
		assert_int_equal(taken_add_address(t, what, &ip, whose), 0);
		return;
	}
	assert_int_equal(ip_prefix_parse(text, &prefix), 0);
	range = ip_prefix_range(&prefix);
	assert_int_equal(taken_add(t, what, &range, whose), 0);
}

/* What is found among @pools, a line for each. */
static void find(const char *pools, const struct taken_ranges *t, char *buf, size_t size)
{
	struct built b = { 0 };
	struct overlaps found = { 0 };
	char conf[2048], line[512];
	size_t len = 0;

	snprintf(conf, sizeof(conf), "pools = ( %s );", pools);
	built_add(&b, "b.conf", conf);
	built_finish(&b);
	faults_print(&b.faults, stderr);
	assert_int_equal(b.rc, 0);
	assert_int_equal(overlaps_find(b.config, t, &found), 0);
	buf[0] = '\0';
	for (size_t i = 0; i < found.count; i++)
		len += (size_t)snprintf(buf + len, size - len, "%s[%u]: %s\n", found.items[i].pool,
					found.items[i].index,
					overlap_format(&found.items[i], line, sizeof(line)));
	overlaps_done(&found);
	built_done(&b);
}

static const struct overlap_case {
	const char *pools;
	enum overlap_what what;
	const char *taken, *whose;
	const char *found;
} cases[] = {
	/* each kind of thing */
	{ POOL("p", "\"192.0.2.0/24\"", ""), OVERLAP_NODE, "192.0.2.7", "a",
	  "p[0]: 192.0.2.7 is an address of node \"a\"\n" },
	{ POOL("p", "\"10.244.0.0/16\"", ""), OVERLAP_PODS, "10.244.1.0/24", "a",
	  "p[0]: 10.244.1.0 is in 10.244.1.0/24, the Pod CIDR of node \"a\"\n" },
	{ POOL("p", "\"10.96.5.0/24\"", ""), OVERLAP_SERVICE_CIDR, "10.96.0.0/16", "",
	  "p[0]: 10.96.5.0 is in 10.96.0.0/16, the Service CIDR\n" },
	{ POOL("p", "\"10.96.5.0/24\"", ""), OVERLAP_SERVICE_CIDR, "10.96.0.0/16", "kubernetes",
	  "p[0]: 10.96.5.0 is in 10.96.0.0/16, the Service CIDR of ServiceCIDR \"kubernetes\"\n" },
	{ POOL("p", "\"10.96.0.0/24\"", ""), OVERLAP_CLUSTER_IP, "10.96.0.10", "kube-system/dns",
	  "p[0]: 10.96.0.10 is the cluster IP of Service \"kube-system/dns\"\n" },
	{ POOL("p", "\"192.0.2.0/24\"", ""), OVERLAP_GATEWAY, "192.0.2.1", "",
	  "p[0]: 192.0.2.1 is the gateway\n" },
	{ POOL("p", "\"2001:db8::/64\"", ""), OVERLAP_NODE, "2001:db8::7", "a",
	  "p[0]: 2001:db8::7 is an address of node \"a\"\n" },
	/* the edges of a range */
	{ POOL("p", "\"192.0.2.10-192.0.2.20\"", ""), OVERLAP_NODE, "192.0.2.9", "a", "" },
	{ POOL("p", "\"192.0.2.10-192.0.2.20\"", ""), OVERLAP_NODE, "192.0.2.10", "a",
	  "p[0]: 192.0.2.10 is an address of node \"a\"\n" },
	{ POOL("p", "\"192.0.2.10-192.0.2.20\"", ""), OVERLAP_NODE, "192.0.2.20", "a",
	  "p[0]: 192.0.2.20 is an address of node \"a\"\n" },
	{ POOL("p", "\"192.0.2.10-192.0.2.20\"", ""), OVERLAP_NODE, "192.0.2.21", "a", "" },
	{ POOL("p", "\"192.0.2.10-192.0.2.20\"", ""), OVERLAP_PODS, "0.0.0.0/0", "a",
	  "p[0]: 192.0.2.10 is in 0.0.0.0/0, the Pod CIDR of node \"a\"\n" },
	/* families do not mix */
	{ POOL("p", "\"::/0\"", ""), OVERLAP_NODE, "192.0.2.21", "a", "" },
	/* one row a pool, however many ranges; every pool is told, in order of names */
	{ POOL("p", "\"192.0.2.0/28\", \"192.0.2.32/28\", \"192.0.2.96/28\"", ""), OVERLAP_PODS,
	  "192.0.2.0/25", "a", "p[0]: 192.0.2.0 is in 192.0.2.0/25, the Pod CIDR of node \"a\"\n" },
	{ POOL("z", "\"192.0.2.0/28\", \"192.0.2.48/28\"", "") "," POOL("b", "\"192.0.2.16/28\"",
									""),
	  OVERLAP_PODS, "192.0.2.0/24", "a",
	  "b[0]: 192.0.2.16 is in 192.0.2.0/24, the Pod CIDR of node \"a\"\n"
	  "z[0]: 192.0.2.0 is in 192.0.2.0/24, the Pod CIDR of node \"a\"\n" },
	/* what is excluded does not overlap */
	{ POOL("p", "\"192.0.2.0/24\"", "exclude = ( \"192.0.2.7\" );"), OVERLAP_NODE, "192.0.2.7",
	  "a", "" },
	{ POOL("p", "\"192.0.2.0/24\"",
	       "exclude = ( \"192.0.2.0/25\", \"192.0.2.128-192.0.2.130\" );"),
	  OVERLAP_PODS, "192.0.2.0/24", "a",
	  "p[0]: 192.0.2.131 is in 192.0.2.0/24, the Pod CIDR of node \"a\"\n" },
	{ POOL("p", "\"192.0.2.0/25\", \"192.0.2.128/25\"", "exclude = ( \"192.0.2.0/25\" );"),
	  OVERLAP_PODS, "192.0.2.0/24", "a",
	  "p[1]: 192.0.2.128 is in 192.0.2.0/24, the Pod CIDR of node \"a\"\n" },
	{ POOL("p", "\"2001:db8::/120\"", "exclude = ( \"2001:db8::/120\" );"), OVERLAP_PODS,
	  "2001:db8::/64", "a", "" },
	/* nor what is never given out as buggy */
	{ POOL("p", "\"192.0.2.0/24\"", "avoidBuggyIPs = true;"), OVERLAP_NODE, "192.0.2.255", "a",
	  "" },
	{ POOL("p", "\"192.0.2.0/23\"", "avoidBuggyIPs = true;"), OVERLAP_PODS, "192.0.2.255/32",
	  "a", "" },
	{ POOL("p", "\"192.0.2.0/23\"", "avoidBuggyIPs = true;"), OVERLAP_PODS, "192.0.3.0/31", "a",
	  "p[0]: 192.0.3.1 is in 192.0.3.0/31, the Pod CIDR of node \"a\"\n" },
};

static void test_overlaps_are_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct taken_ranges t = { 0 };
		char buf[2048];

		take(&t, cases[i].what, cases[i].taken, cases[i].whose);
		find(cases[i].pools, &t, buf, sizeof(buf));
		assert_string_equal(buf, cases[i].found);
		taken_done(&t);
	}
}

/* InternalIP and ExternalIP of a Node and its Pod CIDRs; its other addresses are names. */
static void test_a_node_takes_its_addresses_and_pod_cidrs(void **state)
{
	(void)state;
	static const char text[] =
		"{\"metadata\":{\"name\":\"a\"},\"spec\":{\"podCIDRs\":[\"10.244.1.0/24\"]},"
		"\"status\":{\"addresses\":[{\"type\":\"Hostname\",\"address\":\"192.0.2.9\"},"
		"{\"type\":\"ExternalIP\",\"address\":\"not one\"},"
		"{\"type\":\"ExternalIP\",\"address\":\"192.0.2.8\"},"
		"{\"type\":\"InternalIP\",\"address\":\"192.0.2.7\"}]}}";
	cJSON *object = cJSON_Parse(text);
	struct faults faults = { 0 };
	struct taken_ranges t = { 0 };
	struct node *node;
	char buf[512];

	assert_int_equal(node_decode(object, (struct where){ 0 }, &faults, &node), 0);
	assert_int_equal(faults.count, 0);
	assert_int_equal(taken_add_node(&t, node), 0);
	find(POOL("p", "\"192.0.2.0/24\"", "") "," POOL("q", "\"10.0.0.0/8\"", ""), &t, buf,
	     sizeof(buf));
	assert_string_equal(buf,
			    "p[0]: 192.0.2.7 is an address of node \"a\"\n"
			    "p[0]: 192.0.2.8 is an address of node \"a\"\n"
			    "q[0]: 10.244.1.0 is in 10.244.1.0/24, the Pod CIDR of node \"a\"\n");
	taken_done(&t);
	node_free(node);
	cJSON_Delete(object);
}

static void test_service_cidrs_come_as_text_or_objects(void **state)
{
	(void)state;
	struct taken_ranges t = { 0 };
	char buf[512];
	cJSON *object = cJSON_Parse("{\"kind\":\"ServiceCIDR\",\"metadata\":{\"name\":\"more\"},"
				    "\"spec\":{\"cidrs\":[\"10.97.0.0/16\",\"x\",7]}}");

	assert_int_equal(taken_add_service_cidrs(&t, "10.96.0.0/16,fd00:10:96::/112"), 0);
	assert_int_equal(t.count, 2);
	assert_int_equal(taken_add_service_cidrs(&t, "10.0.0.0/16,"), -EINVAL);
	assert_int_equal(taken_add_service_cidrs(&t, "10.0.0.0/16,10.0.0.1"), -EINVAL);
	assert_int_equal(t.count, 2);
	assert_int_equal(taken_add_service_cidr_object(&t, object), 0);
	assert_int_equal(t.count, 3);
	find(POOL("p", "\"10.96.1.0/24\", \"10.97.1.0/24\"", ""), &t, buf, sizeof(buf));
	assert_string_equal(buf, "p[0]: 10.96.1.0 is in 10.96.0.0/16, the Service CIDR\n"
				 "p[1]: 10.97.1.0 is in 10.97.0.0/16, the Service CIDR of "
				 "ServiceCIDR \"more\"\n");
	cJSON_Delete(object);
	taken_done(&t);
}

/* 10,000 ranges against 100,000 addresses; all with all would take minutes. */
static void test_many_ranges_and_many_nodes_are_done_in_time(void **state)
{
	(void)state;
	struct built b = { 0 };
	struct taken_ranges t = { 0 };
	struct overlaps found = { 0 };
	char *conf = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&conf, &size);

	fprintf(to, "pools = (\n");
	for (unsigned i = 0; i < 10000; i++)
		fprintf(to,
			"%s{ name = \"p%u\"; addresses = ( \"10.%u.%u.0/25\" ); exclude = ( "
			"\"10.%u.%u.64/26\" ); }\n",
			i > 0 ? "," : "", i, i / 256, i % 256, i / 256, i % 256);
	fprintf(to, ");\n");
	fclose(to);
	built_add(&b, "b.conf", conf);
	built_finish(&b);
	assert_int_equal(b.rc, 0);
	/* Of each 256 addresses, 25 a /24: those below .64 are in a pool and given out. */
	for (unsigned i = 0; i < 100000; i++) {
		struct ip_addr ip = ip_from_number(IP_V4, (10u << 24) + i * 10);
		assert_int_equal(taken_add_address(&t, OVERLAP_NODE, &ip, "a"), 0);
	}
	clock_t start = clock();
	assert_int_equal(overlaps_find(b.config, &t, &found), 0);
	assert_true(clock() - start < 5 * CLOCKS_PER_SEC);
	size_t expected = 0;
	for (unsigned i = 0; i < 100000; i++)
		expected += i * 10 < 10000 * 256 && i * 10 % 256 < 64;
	assert_int_equal(found.count, expected);
	overlaps_done(&found);
	taken_done(&t);
	free(conf);
	built_done(&b);
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
		TEST(test_overlaps_are_found),
		TEST(test_a_node_takes_its_addresses_and_pod_cidrs),
		TEST(test_service_cidrs_come_as_text_or_objects),
		TEST(test_many_ranges_and_many_nodes_are_done_in_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
