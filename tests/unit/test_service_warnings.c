// SPDX-License-Identifier: Apache-2.0
/* What the Kubernetes API takes and warns of; tests/requests has it as headers. */
#include "tests/unit/service_bench.h"

/* What was told, each ended by a newline. */
static void note(void *arg, const char *text)
{
	char *told = arg;
	size_t len = strlen(told);

	snprintf(told + len, 4096 - len, "%s\n", text);
}

static void check_warnings(const char *meta, const char *spec, const char *want)
{
	cJSON *s = service_with("a", meta, spec);
	char told[4096] = "";

	service_rules_warn(s, note, told);
	assert_string_equal(told, want);
	cJSON_Delete(s);
}

/* The words are those of Go's net/netip. */
static void test_each_fault_of_an_address(void **state)
{
	static const struct {
		const char *text, *fault; /* NULL: a good one */
	} rows[] = {
		{ "192.0.2.1", NULL },
		{ "2001:db8::1", NULL },
		{ "::", NULL },
		{ "1::", NULL },
		{ "::ffff:192.0.2.1", NULL },
		{ "fe80::1%eth0", NULL },
		{ "1:2:3:4:5:6:7:8", NULL },
		{ "anywhere", "unable to parse IP" },
		{ "%eth0", "missing IPv6 address" },
		{ "fe80::1%", "zone must be a non-empty string" },
		{ "1.2.3", "IPv4 address too short" },
		{ "1.2.3.4.5", "IPv4 address too long" },
		{ "1.2.3.256", "IPv4 field has value >255" },
		{ "1.2.3.04", "IPv4 field has octet with leading zero" },
		{ "1.2.x.4", "unexpected character (at \"x.4\")" },
		{ "1..2.3", "IPv4 field must have at least one digit (at \".2.3\")" },
		{ ".1.2.3", "IPv4 field must have at least one digit (at \".1.2.3\")" },
		{ "1.2.3.", "IPv4 field must have at least one digit (at \".\")" },
		{ "2001:db8:", "colon must be followed by more characters (at \":\")" },
		{ "2001:db8", "address string too short" },
		{ "2001::db8::1", "multiple :: in address (at \":1\")" },
		{ "1:2:3:4:5:6:7:8:9", "trailing garbage after address (at \"9\")" },
		{ "12345::", "each group must have 4 or less digits (at \"12345::\")" },
		{ "g::", "each colon-separated field must have at least one digit (at \"g::\")" },
		{ "1:x", "each colon-separated field must have at least one digit (at \"x\")" },
		{ "1 :2", "unexpected character, want colon (at \" :2\")" },
		{ "1:2:3:4:5:6:7::8", "the :: must expand to at least one field of zeros" },
		{ "1:2:1.2.3.4",
		  "embedded IPv4 address must replace the final 2 fields of the address (at "
		  "\"1.2.3.4\")" },
		{ "::1:2:3:4:5:6:7:1.2.3.4",
		  "too many hex fields to fit an embedded IPv4 at the end of the address (at "
		  "\"1.2.3.4\")" },
		{ "::1.2.3.400", "IPv4 field has value >255" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char spec[160], want[512] = "";

		snprintf(spec, sizeof(spec), "{'type':'LoadBalancer','loadBalancerIP':'%s'}",
			 rows[i].text);
		if (rows[i].fault != NULL)
			snprintf(want, sizeof(want),
				 "spec.loadBalancerIP: IP address was accepted, but will be "
				 "invalid in a future Kubernetes release: ParseAddr(\"%s\"): %s\n",
				 rows[i].text, rows[i].fault);
		check_warnings(NULL, spec, want);
	}
}

static void test_ipv6_text_that_is_not_canonical(void **state)
{
	(void)state;
	check_warnings(NULL, "{'externalIPs':['2001:DB8::1','2001:db8::2','2001:db8:0::3']}",
		       "spec.externalIPs[0]: IPv6 address \"2001:DB8::1\" is not in RFC 5952 "
		       "canonical format (\"2001:db8::1\"), which may cause controller "
		       "apply-loops\n"
		       "spec.externalIPs[2]: IPv6 address \"2001:db8:0::3\" is not in RFC 5952 "
		       "canonical format (\"2001:db8::3\"), which may cause controller "
		       "apply-loops\n");
	check_warnings(NULL, "{'clusterIP':'None','clusterIPs':['None']}", "");
}

static void test_source_ranges(void **state)
{
	static const struct {
		const char *text, *said;
	} rows[] = {
		{ "10.0.0.0/8", "" },
		{ "2001:db8::/32", "" },
		{ "10.0.0.0/0", "" },
		{ "10.0.0.0/08", "bad bits after slash: \"08\"" },
		{ "10.0.0.0/8 ", "bad bits after slash: \"8 \"" },
		{ "010.0.0.0/8",
		  "ParseAddr(\"010.0.0.0\"): IPv4 field has octet with leading zero" },
		{ " 10.0.0.0/8",
		  "ParseAddr(\" 10.0.0.0\"): unexpected character (at \" 10.0.0.0\")" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char spec[128], want[512] = "";

		snprintf(spec, sizeof(spec),
			 "{'type':'LoadBalancer','loadBalancerSourceRanges':['%s']}", rows[i].text);
		if (rows[i].said[0] != '\0')
			snprintf(want, sizeof(want),
				 "spec.loadBalancerSourceRanges[0]: IP prefix was accepted, but "
				 "will be invalid in a future Kubernetes release: "
				 "netip.ParsePrefix(\"%s\"): %s\n",
				 rows[i].text, rows[i].said);
		check_warnings(NULL, spec, want);
	}
	check_warnings(NULL, "{'loadBalancerSourceRanges':['2001:DB8::/32']}",
		       "spec.loadBalancerSourceRanges[0]: IPv6 prefix \"2001:DB8::/32\" is not in "
		       "RFC 5952 canonical format (\"2001:db8::/32\"), which may cause controller "
		       "apply-loops\n");
}

static void test_what_the_type_ignores(void **state)
{
	(void)state;
	check_warnings(NULL,
		       "{'type':'ExternalName','externalName':'a','externalIPs':['192.0.2.1']}",
		       "spec.externalIPs is ignored when spec.type is \"ExternalName\"\n");
	check_warnings(NULL, "{'type':'ClusterIP','externalName':'a'}",
		       "spec.externalName is ignored when spec.type is not \"ExternalName\"\n");
	check_warnings("'annotations':{'service.kubernetes.io/topology-aware-hints':'Auto'}",
		       "{'type':'ClusterIP'}",
		       "annotation service.kubernetes.io/topology-aware-hints is deprecated, "
		       "please use service.kubernetes.io/topology-mode instead\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_fault_of_an_address),
		cmocka_unit_test(test_ipv6_text_that_is_not_canonical),
		cmocka_unit_test(test_source_ranges),
		cmocka_unit_test(test_what_the_type_ignores),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
