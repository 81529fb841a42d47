// SPDX-License-Identifier: Apache-2.0
/* Health-check node ports: what the engine tells of them, and what is answered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "lib/base/intern.h"
#include "standalone/proxy/checks.h"
#include "standalone/proxy/rules.h"

/* --- what the engine tells ----------------------------------------------------------------- */

/* default/web of type LoadBalancer, two ports, both families. */
static void put_web(struct rules *r, const char *policy, unsigned health_port)
{
	struct faults faults = { 0 };
	struct service *s = NULL;
	char text[1024];

	snprintf(text, sizeof(text),
		 "{\"metadata\":{\"namespace\":\"default\",\"name\":\"web\"},\"spec\":{"
		 "\"type\":\"LoadBalancer\",\"clusterIPs\":[\"10.96.0.1\",\"fd00:96::1\"],"
		 "\"ipFamilies\":[\"IPv4\",\"IPv6\"],\"externalTrafficPolicy\":\"%s\","
		 "\"healthCheckNodePort\":%u,\"ports\":[{\"name\":\"a\",\"port\":80},"
		 "{\"name\":\"b\",\"port\":81}]}}",
		 policy, health_port);
	cJSON *object = cJSON_Parse(text);
	assert_int_equal(service_decode(object, (struct where){ 0 }, &faults, &s), 0);
	cJSON_Delete(object);
	assert_int_equal(rules_service(r, s), 0);
}

#define HERE(ip)  "{\"addresses\":[\"" ip "\"],\"nodeName\":\"node-a\"}"
#define THERE(ip) "{\"addresses\":[\"" ip "\"],\"nodeName\":\"node-b\"}"
#define DRAINING(ip)                                                                               \
	"{\"addresses\":[\"" ip "\"],\"nodeName\":\"node-a\",\"conditions\":"                      \
	"{\"ready\":false,\"serving\":true,\"terminating\":true}}"

static void put_slice(struct rules *r, const char *family, const char *endpoints)
{
	struct faults faults = { 0 };
	struct endpoint_slice *s = NULL;
	char text[2048];

	snprintf(text, sizeof(text),
		 "{\"metadata\":{\"namespace\":\"default\",\"name\":\"web-%s\",\"labels\":{"
		 "\"kubernetes.io/service-name\":\"web\"}},\"addressType\":\"%s\",\"ports\":["
		 "{\"name\":\"a\",\"port\":8080},{\"name\":\"b\",\"port\":8081}],"
		 "\"endpoints\":[%s]}",
		 family, family, endpoints);
	cJSON *object = cJSON_Parse(text);
	assert_int_equal(endpoint_slice_decode(object, (struct where){ 0 }, &faults, &s), 0);
	cJSON_Delete(object);
	assert_int_equal(rules_slice(r, s), 0);
}

/* A pass, and what it tells of health checks: "PORT NAME=ENDPOINTS" or "PORT NAME gone" each. */
static const char *told(struct rules *r)
{
	static char text[512];
	struct check_changes *changes = rules_checks(r);
	size_t len = 0;

	free(rules_pass(r, 1));
	rules_done(r);
	text[0] = '\0';
	for (size_t i = 0; i < changes->count; i++) {
		const struct check_change *c = &changes->items[i];

		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%u %s/%s",
					len > 0 ? ", " : "", c->check.port, c->check.ns,
					c->check.name);
		if (c->gone)
			len += (size_t)snprintf(text + len, sizeof(text) - len, " gone");
		else
			len += (size_t)snprintf(text + len, sizeof(text) - len, "=%u",
						c->check.endpoints);
	}
	check_changes_done(changes);
	return text;
}

static void test_addresses_that_are_ready_here_are_counted_once(void **state)
{
	struct rules *r = rules_new("node-a");

	(void)state;
	put_web(r, "Local", 32000);
	assert_string_equal(told(r), "32000 default/web=0");
	/* Two ports and two families of one pod; a pod elsewhere; one that goes. */
	put_slice(r, "IPv4", HERE("10.244.1.2") "," THERE("10.244.2.2"));
	put_slice(r, "IPv6", HERE("fd00:244:1::2"));
	assert_string_equal(told(r), "32000 default/web=1");
	put_slice(r, "IPv4", HERE("10.244.1.2") "," HERE("10.244.1.3") "," DRAINING("10.244.1.4"));
	assert_string_equal(told(r), "32000 default/web=2");
	put_slice(r, "IPv4", HERE("10.244.1.2") "," HERE("10.244.1.3"));
	assert_string_equal(told(r), "");
	rules_free(r);
}

static void test_a_port_that_changes_is_given_up_first(void **state)
{
	struct rules *r = rules_new("node-a");

	(void)state;
	put_web(r, "Local", 32000);
	told(r);
	put_web(r, "Local", 32001);
	assert_string_equal(told(r), "32000 default/web gone, 32001 default/web=0");
	put_web(r, "Cluster", 0);
	assert_string_equal(told(r), "32001 default/web gone");
	rules_free(r);
}

static void test_a_deleted_service_gives_its_port_up_also_over_a_restart(void **state)
{
	struct rules *r = rules_new("node-a");

	(void)state;
	put_web(r, "Local", 32000);
	told(r);
	rules_restart(r); /* of the rules: the listeners stay */
	assert_string_equal(told(r), "");
	rules_service_gone(r, "default", "web");
	rules_restart(r);
	assert_string_equal(told(r), "32000 default/web gone");
	rules_free(r);
}

/* --- what is answered ---------------------------------------------------------------------- */

static void change(struct checks *c, uint16_t port, const char *name, unsigned endpoints, bool gone)
{
	struct check_changes changes = { 0 };
	struct check check = {
		.port = port, .ns = intern("default"), .name = intern(name), .endpoints = endpoints
	};

	check_changes_add(&changes, &check, gone);
	intern_unref(check.ns);
	intern_unref(check.name);
	checks_apply(c, &changes.items[0]);
	check_changes_done(&changes);
}

static void test_a_port_belongs_to_one_service_and_goes_to_the_next(void **state)
{
	struct checks *c = checks_new();

	(void)state;
	assert_null(checks_at(c, 32000));
	change(c, 32000, "one", 1, false);
	change(c, 32000, "two", 2, false);
	change(c, 32002, "three", 3, false);
	assert_string_equal(checks_at(c, 32000)->name, "one");
	assert_null(checks_at(c, 32001));
	change(c, 32000, "one", 0, true);
	assert_string_equal(checks_at(c, 32000)->name, "two");
	assert_int_equal(checks_at(c, 32000)->endpoints, 2);
	change(c, 32000, "two", 5, false);
	assert_int_equal(checks_at(c, 32000)->endpoints, 5);
	change(c, 32000, "two", 0, true);
	assert_null(checks_at(c, 32000));
	checks_free(c);
	assert_int_equal(intern_count(), 0);
}

static void test_answers_are_those_of_kube_proxy(void **state)
{
	struct check check = { .port = 32000, .ns = "default", .name = "web", .endpoints = 2 };
	char body[CHECK_BODY_MAX];

	(void)state;
	assert_int_equal(check_answer(&check, true, body), 200);
	assert_string_equal(body, "{\n\t\"service\": {\n\t\t\"namespace\": \"default\",\n"
				  "\t\t\"name\": \"web\"\n\t},\n\t\"localEndpoints\": 2,\n"
				  "\t\"serviceProxyHealthy\": true\n}");
	assert_int_equal(check_answer(&check, false, body), 503);
	assert_non_null(strstr(body, "\"serviceProxyHealthy\": false"));
	check.endpoints = 0;
	assert_int_equal(check_answer(&check, true, body), 503);
	assert_non_null(strstr(body, "\"localEndpoints\": 0"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses_that_are_ready_here_are_counted_once),
		cmocka_unit_test(test_a_port_that_changes_is_given_up_first),
		cmocka_unit_test(test_a_deleted_service_gives_its_port_up_also_over_a_restart),
		cmocka_unit_test(test_a_port_belongs_to_one_service_and_goes_to_the_next),
		cmocka_unit_test(test_answers_are_those_of_kube_proxy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
