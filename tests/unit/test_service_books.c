// SPDX-License-Identifier: Apache-2.0
/* Cluster IPs and node ports: which are given, in which order, and what gives them back. */
#include <errno.h>
#include <stdlib.h>

#include "tests/unit/service_bench.h"

static const char clusters[] = "{'ports':[{'port':80}]}";
static const char nodes[] = "{'type':'NodePort','ports':[{'port':80}]}";

/* The first cluster IP, or the node port, that a Service of this name gets. */
static struct ip_addr ip_of(const char *name, const char *spec)
{
	cJSON *s = service(name, spec);
	struct ip_addr ip;

	apply_ok(s, NULL);
	assert_int_equal(ip_parse(text_at(s, "clusterIP"), &ip), 0);
	cJSON_Delete(s);
	return ip;
}

static int port_of(const char *name)
{
	cJSON *s = service(name, nodes);

	apply_ok(s, NULL);
	int number = port_number(s, 0, "nodePort");
	cJSON_Delete(s);
	return number;
}

static const char *numbered(char buf[static 16], int i)
{
	snprintf(buf, 16, "s%d", i);
	return buf;
}

static void test_the_same_name_gets_the_same_numbers(void **state)
{
	cJSON *a = service("a", nodes), *again = service("a", nodes);

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
	(void)state;
	struct ip_addr first = ip_of("a", nodes), second = ip_of("a", nodes);

	assert_false(ip_equal(&first, &second));
	assert_int_not_equal(port_of("b"), port_of("b"));
}

/*
 * How many addresses a range has, and how many at its start are given last (calculateRangeOffset:
 * a 16th, 16 to 256; none in ranges of 16 and less).
 */
static void test_addresses_for_who_asks_are_given_last(void **state)
{
	static const struct {
		const char *cidr;
		unsigned usable, band;
	} rows[] = {
		{ "10.0.0.0/30", 2, 0 },      { "10.0.0.0/29", 6, 0 },
		{ "10.0.0.0/28", 14, 0 },     { "10.0.0.0/27", 30, 16 },
		{ "10.0.0.0/24", 254, 16 },   { "10.0.0.0/23", 510, 32 },
		{ "10.0.0.0/20", 4094, 256 }, { "fd00::/125", 7, 0 },
		{ "fd00::/124", 15, 0 },      { "fd00::/123", 31, 16 },
	};

	(void)state;
	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		struct ip_prefix prefix;
		char name[16];
		unsigned i = 0;

		use_books(rows[r].cidr, "30000-32767");
		assert_int_equal(ip_prefix_parse(rows[r].cidr, &prefix), 0);
		for (; i < rows[r].usable; i++) {
			struct ip_addr ip = ip_of(numbered(name, (int)i), clusters);
			unsigned at = (unsigned)(ip_to_number(&ip) - ip_to_number(&prefix.addr));

			assert_in_range(at, 1, rows[r].usable);
			if ((at <= rows[r].band) != (i >= rows[r].usable - rows[r].band))
				fail_msg("%s: number %u is %u", rows[r].cidr, i, at);
		}
		refused("full", clusters, -ENOSPC, "",
			"failed to allocate a serviceIP: range is full");
	}
}

static void test_a_range_without_inner_addresses_is_full(void **state)
{
	static const char *const none[] = { "10.0.0.0/31", "10.0.0.0/32", "fd00::/128" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		use_books(none[i], "30000-32767");
		refused("a", clusters, -ENOSPC, "", "range is full");
	}
}

static void test_the_largest_ranges_have_numbers_to_give(void **state)
{
	(void)state;
	use_books("0.0.0.0/0,::/0", "1-65535");
	made("a", "{'ipFamilyPolicy':'RequireDualStack','ports':[{'port':80}]}");
}

/* The same of node ports: a 32th, 16 to 128. */
static void test_ports_for_who_asks_are_given_last(void **state)
{
	static const struct {
		const char *range;
		int first, count, band;
	} rows[] = {
		{ "30000-30000", 30000, 1, 0 },     { "30000-30015", 30000, 16, 0 },
		{ "30000-30016", 30000, 17, 16 },   { "30000-30099", 30000, 100, 16 },
		{ "30000-31023", 30000, 1024, 32 },
	};

	(void)state;
	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		char name[16];

		use_books("10.96.0.0/16", rows[r].range);
		for (int i = 0; i < rows[r].count; i++) {
			int at = port_of(numbered(name, i)) - rows[r].first;

			assert_in_range(at, 0, rows[r].count - 1);
			if ((at < rows[r].band) != (i >= rows[r].count - rows[r].band))
				fail_msg("%s: number %d is %d", rows[r].range, i, at);
		}
		refused("full", nodes, -ENOSPC, "", "failed to allocate a nodePort: range is full");
	}
}

static void test_the_band_of_the_usual_ranges(void **state)
{
	char name[16];

	(void)state;
	for (int i = 0; i < 200; i++) {
		struct ip_addr ip = ip_of(numbered(name, i), clusters);

		assert_true(ip.bytes[2] >= 1); /* 10.96.0.1 to 10.96.1.0 are for who asks */
		assert_true(port_of(name) >= 30086);
	}
}

static void test_who_asks_gets_one_of_the_band(void **state)
{
	(void)state;
	made("a", "{'type':'NodePort','clusterIP':'10.96.0.1',"
		  "'ports':[{'port':80,'nodePort':30000}]}");
	refused("b", "{'clusterIP':'10.96.0.1','ports':[{'port':80}]}", -EINVAL, "spec.clusterIPs",
		"failed to allocate IP 10.96.0.1: provided IP is already allocated");
	refused("b", "{'type':'NodePort','ports':[{'port':80,'nodePort':30000}]}", -EINVAL,
		"spec.ports[0].nodePort", "provided port is already allocated");
}

static void test_the_ends_of_a_range_are_given_to_nobody(void **state)
{
	static const struct {
		const char *ip;
		bool given;
	} rows[] = {
		{ "10.96.0.0", false },       { "10.96.0.1", true },
		{ "10.96.255.254", true },    { "10.96.255.255", false },
		{ "fd00:10:96::", false },    { "fd00:10:96::1", true },
		{ "fd00:10:96::ffff", true }, { "fd00:10:96::1:0", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char spec[96];

		snprintf(spec, sizeof(spec), "{'clusterIP':'%s','ports':[{'port':80}]}",
			 rows[i].ip);
		if (rows[i].given)
			made("a", spec);
		else
			refused("a", spec, -EINVAL, "spec.clusterIPs", "not in the valid range");
	}
}

static void test_what_is_given_back_can_be_had_again(void **state)
{
	cJSON *s = service("a", "{'type':'LoadBalancer','externalTrafficPolicy':'Local',"
				"'ipFamilyPolicy':'RequireDualStack','ports':[{'port':80}]}");
	cJSON *again;

	(void)state;
	use_books("10.0.0.0/30,fd00::/127", "30000-30001");
	apply_ok(s, NULL);
	refused("b", nodes, -ENOSPC, "", "range is full");
	service_rules_release(books, s);
	again = service("a", "{'type':'LoadBalancer','externalTrafficPolicy':'Local',"
			     "'ipFamilyPolicy':'RequireDualStack','ports':[{'port':80}]}");
	apply_ok(again, NULL);
	assert_true(cJSON_Compare(s, again, 1));
	cJSON_Delete(s);
	cJSON_Delete(again);
}

/* Each step that takes something, then one that fails: all is there for the next. */
static void test_a_refused_create_gives_back_what_it_took(void **state)
{
	static const struct {
		const char *spec;
		int rc;
		const char *field, *why;
	} rows[] = {
		{ "{'sessionAffinity':'x','type':'NodePort','ipFamilyPolicy':'RequireDualStack',"
		  "'ports':[{'port':80}]}",
		  -EINVAL, "spec.sessionAffinity", "Unsupported value" },
		{ "{'type':'NodePort','ports':[{'name':'a','port':80},{'name':'b','port':81},"
		  "{'name':'c','port':82}]}",
		  -ENOSPC, "", "failed to allocate a nodePort: range is full" },
		{ "{'type':'NodePort','ports':[{'name':'a','port':80,'nodePort':30000},"
		  "{'name':'b','port':81,'nodePort':30000}]}",
		  -EINVAL, "spec.ports[1].nodePort", "provided port is already allocated" },
		{ "{'type':'LoadBalancer','externalTrafficPolicy':'Local',"
		  "'ports':[{'name':'a','port':80},{'name':'b','port':81}]}",
		  -ENOSPC, "", "failed to allocate a HealthCheck NodePort 0: range is full" },
		{ "{'type':'LoadBalancer','externalTrafficPolicy':'Local',"
		  "'healthCheckNodePort':30000,'ports':[{'port':80,'nodePort':30000}]}",
		  -ENOSPC, "",
		  "failed to allocate requested HealthCheck NodePort 30000: provided port is "
		  "already allocated" },
		{ "{'clusterIP':'10.0.0.1','clusterIPs':['10.0.0.1','fd00::2'],"
		  "'ipFamilyPolicy':'RequireDualStack','ports':[{'port':80}]}",
		  -EINVAL, "spec.clusterIPs", "failed to allocate IP fd00::2" },
	};

	(void)state;
	use_books("10.0.0.0/30,fd00::/127", "30000-30001");
	made("holder", "{'clusterIP':'10.0.0.2','ports':[{'port':80}]}");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		refused("a", rows[i].spec, rows[i].rc, rows[i].field, rows[i].why);

		cJSON *all = service("b", "{'type':'NodePort','ipFamilyPolicy':'RequireDualStack',"
					  "'ports':[{'name':'a','port':80},"
					  "{'name':'b','port':81}]}");
		apply_ok(all, NULL);
		service_rules_release(books, all);
		cJSON_Delete(all);
	}
}

static void test_a_refused_update_leaves_the_books_alone(void **state)
{
	cJSON *old = service("a", "{'type':'NodePort','ports':[{'port':80,'nodePort':30001}]}");
	cJSON *bad = service("a", "{'type':'NodePort','ipFamilyPolicy':'PreferDualStack',"
				  "'sessionAffinity':'x','ports':[{'port':80,'nodePort':30002}]}");

	(void)state;
	apply_ok(old, NULL);
	apply_fails(bad, old, -EINVAL, "spec.sessionAffinity", "Unsupported value");
	made("b", "{'type':'NodePort','ports':[{'port':80,'nodePort':30002}]}");
	refused("c", "{'type':'NodePort','ports':[{'port':80,'nodePort':30001}]}", -EINVAL,
		"spec.ports[0].nodePort", "provided port is already allocated");
	cJSON_Delete(old);
	cJSON_Delete(bad);
}

static void test_two_new_ports_of_an_update_cannot_have_one_number(void **state)
{
	cJSON *old = service("a", nodes);
	cJSON *twins = service("a", "{'type':'NodePort','ports':["
				    "{'name':'x','port':80,'nodePort':30001},"
				    "{'name':'y','port':81,'nodePort':30001}]}");

	(void)state;
	apply_ok(old, NULL);
	apply_fails(twins, old, -ENOTUNIQ, "", "duplicate nodePort: {TCP 30001}");
	made("b", "{'type':'NodePort','ports':[{'port':80,'nodePort':30001}]}");
	cJSON_Delete(old);
	cJSON_Delete(twins);
}

static void test_what_is_adopted_is_taken(void **state)
{
	cJSON *stored = service("a", "{'type':'LoadBalancer','clusterIP':'010.96.1.1',"
				     "'clusterIPs':['010.96.1.1'],'healthCheckNodePort':30006,"
				     "'ports':[{'port':80,'nodePort':30005}]}");

	(void)state;
	service_rules_adopt(books, stored);
	refused("b", "{'clusterIP':'10.96.1.1','ports':[{'port':80}]}", -EINVAL, "spec.clusterIPs",
		"already allocated");
	refused("c", "{'type':'NodePort','ports':[{'port':80,'nodePort':30005}]}", -EINVAL,
		"spec.ports[0].nodePort", "already allocated");
	refused("c", "{'type':'NodePort','ports':[{'port':80,'nodePort':30006}]}", -EINVAL,
		"spec.ports[0].nodePort", "already allocated");
	cJSON_Delete(stored);
}

/* Kubernetes lets one slip in when a Service becomes ExternalName; it may be another's. */
static void test_the_cluster_ip_of_an_external_name_is_not_its_own(void **state)
{
	static const char holder[] = "{'clusterIP':'10.96.0.8','ports':[{'port':80}]}";
	cJSON *old = service("a", clusters);
	cJSON *name = service("a", "{'type':'ExternalName','externalName':'a.example',"
				   "'clusterIP':'10.96.0.8'}");

	(void)state;
	made("holder", holder);
	apply_ok(old, NULL);
	apply_ok(name, old);
	assert_string_equal(item_text(name, "clusterIPs", 0), "10.96.0.8");
	service_rules_release(books, name);
	refused("b", holder, -EINVAL, "spec.clusterIPs", "provided IP is already allocated");
	cJSON_Delete(old);
	cJSON_Delete(name);
}

/* A state file from a server that had another range, or a second family. */
static void test_what_is_adopted_may_be_of_no_range(void **state)
{
	cJSON *stored = service("a", "{'type':'NodePort','clusterIP':'192.0.2.1',"
				     "'clusterIPs':['192.0.2.1','2001:db8::1'],"
				     "'ports':[{'port':80,'nodePort':99}]}");

	(void)state;
	use_books("10.96.0.0/16", "30000-32767");
	service_rules_adopt(books, stored);
	service_rules_release(books, stored);
	made("b", clusters);
	cJSON_Delete(stored);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE(test_the_same_name_gets_the_same_numbers),
		RULE(test_a_taken_number_is_passed_over),
		RULE(test_addresses_for_who_asks_are_given_last),
		RULE(test_a_range_without_inner_addresses_is_full),
		RULE(test_the_largest_ranges_have_numbers_to_give),
		RULE(test_ports_for_who_asks_are_given_last),
		RULE(test_the_band_of_the_usual_ranges),
		RULE(test_who_asks_gets_one_of_the_band),
		RULE(test_the_ends_of_a_range_are_given_to_nobody),
		RULE(test_what_is_given_back_can_be_had_again),
		RULE(test_a_refused_create_gives_back_what_it_took),
		RULE(test_a_refused_update_leaves_the_books_alone),
		RULE(test_two_new_ports_of_an_update_cannot_have_one_number),
		RULE(test_what_is_adopted_is_taken),
		RULE(test_the_cluster_ip_of_an_external_name_is_not_its_own),
		RULE(test_what_is_adopted_may_be_of_no_range),
		cmocka_unit_test(test_books_refuse_what_is_no_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
