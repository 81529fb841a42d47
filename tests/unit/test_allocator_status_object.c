// SPDX-License-Identifier: Apache-2.0
/*
 * What a status write of the allocator does to a Service, held against the strategic merge patch of
 * standalone/apiserver.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "allocator/status_object.h"
#include "standalone/apiserver/patch.h"

#define NOW "2025-01-02T03:04:05Z"

static const char *const objects[] = {
	"{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"7\"},\"spec\":{}}",
	"{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"7\",\"annotations\":{\"x\":\"y\","
	"\"metallb.io/ip-allocated-from-pool\":\"old\"}},\"status\":{\"loadBalancer\":{\"ingress\":"
	"[{\"ip\":\"192.0.2.9\",\"ports\":[]}],\"other\":1}}}",
	"{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"7\",\"annotations\":{}},\"status\":{"
	"\"conditions\":[{\"type\":\"Other\",\"status\":\"True\"},{\"type\":"
	"\"" SERVICE_READY_CONDITION
	"\",\"status\":\"False\",\"reason\":\"R\",\"message\":\"M\",\"lastTransitionTime\":\"T\","
	"\"observedGeneration\":3},{\"type\":\"Third\"}],\"loadBalancer\":{}}}",
};

static struct allocator_action action(unsigned n)
{
	static struct ip_addr ips[2];
	const struct allocator_condition conditions[] = {
		{ .set = ALLOCATOR_CONDITION_KEEP },
		{ .set = ALLOCATOR_CONDITION_REMOVE, .turned = true },
		{ .set = ALLOCATOR_CONDITION_FALSE, .reason = "Why", .message = "because" },
		{ .set = ALLOCATOR_CONDITION_TRUE,
		  .turned = true,
		  .reason = "Allocated",
		  .message = "from a" },
	};

	assert_int_equal(ip_parse("192.0.2.1", &ips[0]), 0);
	assert_int_equal(ip_parse("2001:db8::1", &ips[1]), 0);
	return (struct allocator_action){ .type = ALLOCATOR_WRITE,
					  .resource_version = n % 2 == 0 ? "7" : NULL,
					  .ips = ips,
					  .ip_count = n % 3,
					  .pool = n % 3 > 0 ? "a" : NULL,
					  .proxied = n % 5 == 0,
					  .condition = conditions[n % 4] };
}

/* 3 x 4 x 5 actions on each object. The order of members does not count, that of lists does. */
static void test_a_write_does_what_the_api_does_with_its_patch(void **state)
{
	struct kinds kinds;

	(void)state;
	kinds_init(&kinds);
	for (unsigned n = 0; n < 60 * 3; n++) {
		struct allocator_action act = action(n / 3);
		cJSON *patch = status_object_patch(&act, NOW);
		cJSON *ours = cJSON_Parse(objects[n % 3]), *theirs = cJSON_Parse(objects[n % 3]);

		status_object_apply(ours, patch);
		assert_null(patch_apply(kinds_builtin(&kinds, KIND_SERVICE), PATCH_STRATEGIC, patch,
					&theirs));
		if (!cJSON_Compare(ours, theirs, true)) {
			char *a = cJSON_Print(ours), *b = cJSON_Print(theirs);
			fail_msg("%u: %s, and the API makes it %s", n, a, b);
		}
		cJSON_Delete(ours);
		cJSON_Delete(theirs);
		cJSON_Delete(patch);
	}
	kinds_done(&kinds);
}

/* So that the API refuses it when the Service has changed since. */
static void test_a_write_names_the_version_that_it_was_decided_on(void **state)
{
	struct allocator_action act = action(0);
	cJSON *patch = status_object_patch(&act, NOW);
	const cJSON *meta = cJSON_GetObjectItemCaseSensitive(patch, "metadata");
	const char *version =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(meta, "resourceVersion"));

	(void)state;
	assert_non_null(version);
	assert_string_equal(version, "7");
	cJSON_Delete(patch);
}

/* In a plan nothing happens at any time: one that turns loses the time that it had. */
static void test_without_a_time_a_condition_that_turns_has_none(void **state)
{
	struct allocator_action act = action(3);
	cJSON *patch = status_object_patch(&act, NULL), *service = cJSON_Parse(objects[2]);

	(void)state;
	status_object_apply(service, patch);
	char *text = cJSON_PrintUnformatted(service);
	assert_null(strstr(text, "lastTransitionTime"));
	assert_non_null(strstr(text, "\"status\":\"True\",\"reason\":\"Allocated\""));
	free(text);
	cJSON_Delete(service);
	cJSON_Delete(patch);
}

static void test_the_addresses_of_any_status_can_be_read(void **state)
{
	struct ip_addr ips[IP_LIST_MAX];
	char text[4096] = "{\"status\":{\"loadBalancer\":{\"ingress\":[{\"hostname\":\"h\"},7,"
			  "{\"ip\":\"nonsense\"}";
	char ip[IP_TEXT_MAX];

	(void)state;
	for (unsigned i = 0; i < IP_LIST_MAX + 3; i++)
		sprintf(text + strlen(text), ",{\"ip\":\"192.0.2.%u\"}", i);
	strcat(text, "]}}}");
	cJSON *service = cJSON_Parse(text);
	assert_int_equal(status_object_ips(service, ips), IP_LIST_MAX);
	assert_string_equal(ip_format(&ips[1], ip), "192.0.2.1");
	cJSON_Delete(service);
	assert_int_equal(status_object_ips(NULL, ips), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_write_does_what_the_api_does_with_its_patch),
		cmocka_unit_test(test_a_write_names_the_version_that_it_was_decided_on),
		cmocka_unit_test(test_without_a_time_a_condition_that_turns_has_none),
		cmocka_unit_test(test_the_addresses_of_any_status_can_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
