// SPDX-License-Identifier: Apache-2.0
/* The Lease as an object of the API: what is read of it, and what is written on top of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/duration.h"
#include "lib/kube/lease_object.h"
#include "lib/model/version.h"

#define NOW_US 1700000000000042 /* 2023-11-14T22:13:20.000042Z */

#define KNOWN                                                                                      \
	"{\"metadata\":{\"name\":\"x\",\"resourceVersion\":\"7\",\"labels\":{\"a\":\"b\"}},"       \
	"\"spec\":{\"holderIdentity\":\"other\",\"leaseDurationSeconds\":20,"                      \
	"\"leaseTransitions\":4,\"acquireTime\":\"A\",\"renewTime\":\"R\",\"strategy\":\"S\"}}"

static void written(const char *known, enum kube_lease_todo todo, const char *want)
{
	cJSON *json = known != NULL ? cJSON_Parse(known) : NULL;
	char *text = kube_lease_object_text(json, todo, "sys", "x", "me", 15 * NS_PER_S, NOW_US);
	cJSON *got = cJSON_Parse(text), *expected = cJSON_Parse(want);

	assert_non_null(expected);
	if (!cJSON_Compare(got, expected, true))
		fail_msg("%s", text);
	cJSON_Delete(expected);
	cJSON_Delete(got);
	cJSON_Delete(json);
	free(text);
}

static void test_a_new_one_is_whole(void **state)
{
	(void)state;
	written(NULL, LEASE_CREATE,
		"{\"apiVersion\":\"coordination.k8s.io/v1\",\"kind\":\"Lease\",\"metadata\":"
		"{\"namespace\":\"sys\",\"name\":\"x\"},\"spec\":{\"holderIdentity\":\"me\","
		"\"leaseDurationSeconds\":15,\"leaseTransitions\":0,"
		"\"acquireTime\":\"2023-11-14T22:13:20.000042Z\","
		"\"renewTime\":\"2023-11-14T22:13:20.000042Z\"}}");
}

static void test_what_others_wrote_stays_and_the_version_guards_it(void **state)
{
	(void)state;
	written(KNOWN, LEASE_ACQUIRE,
		"{\"metadata\":{\"name\":\"x\",\"resourceVersion\":\"7\",\"labels\":{\"a\":\"b\"}},"
		"\"spec\":{\"holderIdentity\":\"me\",\"leaseDurationSeconds\":15,"
		"\"leaseTransitions\":5,\"acquireTime\":\"2023-11-14T22:13:20.000042Z\","
		"\"renewTime\":\"2023-11-14T22:13:20.000042Z\",\"strategy\":\"S\"}}");
	written(KNOWN, LEASE_RENEW,
		"{\"metadata\":{\"name\":\"x\",\"resourceVersion\":\"7\",\"labels\":{\"a\":\"b\"}},"
		"\"spec\":{\"holderIdentity\":\"me\",\"leaseDurationSeconds\":15,"
		"\"leaseTransitions\":4,\"acquireTime\":\"A\","
		"\"renewTime\":\"2023-11-14T22:13:20.000042Z\",\"strategy\":\"S\"}}");
	written(KNOWN, LEASE_RELEASE,
		"{\"metadata\":{\"name\":\"x\",\"resourceVersion\":\"7\",\"labels\":{\"a\":\"b\"}},"
		"\"spec\":{\"holderIdentity\":\"\",\"leaseDurationSeconds\":1,"
		"\"leaseTransitions\":4,\"acquireTime\":\"2023-11-14T22:13:20.000042Z\","
		"\"renewTime\":\"2023-11-14T22:13:20.000042Z\",\"strategy\":\"S\"}}");
}

static void test_one_without_a_spec_can_be_taken(void **state)
{
	(void)state;
	written("{\"metadata\":{\"name\":\"x\"}}", LEASE_ACQUIRE,
		"{\"metadata\":{\"name\":\"x\"},\"spec\":{\"holderIdentity\":\"me\","
		"\"leaseDurationSeconds\":15,\"leaseTransitions\":1,"
		"\"acquireTime\":\"2023-11-14T22:13:20.000042Z\","
		"\"renewTime\":\"2023-11-14T22:13:20.000042Z\"}}");
}

/* One more would be no int32, and refused for ever. */
static void test_a_count_that_cannot_grow_stays(void **state)
{
	(void)state;
	written("{\"spec\":{\"leaseTransitions\":2147483647}}", LEASE_ACQUIRE,
		"{\"spec\":{\"holderIdentity\":\"me\",\"leaseDurationSeconds\":15,"
		"\"leaseTransitions\":2147483647,\"acquireTime\":\"2023-11-14T22:13:20.000042Z\","
		"\"renewTime\":\"2023-11-14T22:13:20.000042Z\"}}");
}

static void test_fields_of_other_types_are_not_there(void **state)
{
	cJSON *odd = cJSON_Parse("{\"metadata\":{\"resourceVersion\":5},\"spec\":"
				 "{\"holderIdentity\":7,\"leaseDurationSeconds\":1e300,"
				 "\"leaseTransitions\":\"3\",\"renewTime\":null}}");
	cJSON *good = cJSON_Parse(KNOWN);
	struct kube_lease_record r = kube_lease_object_record(odd);

	(void)state;
	assert_null(r.holder);
	assert_null(r.renewed);
	assert_int_equal(r.duration_s, 0);
	assert_int_equal(r.transitions, 0);
	assert_null(version_of(odd));
	r = kube_lease_object_record(good);
	assert_string_equal(r.holder, "other");
	assert_string_equal(r.renewed, "R");
	assert_string_equal(r.acquired, "A");
	assert_int_equal(r.duration_s, 20);
	assert_int_equal(r.transitions, 4);
	assert_string_equal(version_of(good), "7");
	r = kube_lease_object_record(NULL);
	assert_null(r.holder);
	cJSON_Delete(odd);
	cJSON_Delete(good);
}

static void test_versions_are_compared_as_numbers(void **state)
{
	static const struct {
		const char *a, *b;
		bool older;
	} rows[] = {
		{ "1", "2", true },
		{ "2", "1", false },
		{ "7", "7", false },
		{ "9", "10", true },
		{ "007", "8", true },
		{ "0", "00", false },
		{ "99999999999999999999", "100000000000000000000", true },
		{ "1a", "2", false },
		{ "", "2", false },
		{ NULL, "2", false },
		{ "1", NULL, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(version_older(rows[i].a, rows[i].b), rows[i].older);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_new_one_is_whole),
		cmocka_unit_test(test_what_others_wrote_stays_and_the_version_guards_it),
		cmocka_unit_test(test_one_without_a_spec_can_be_taken),
		cmocka_unit_test(test_a_count_that_cannot_grow_stays),
		cmocka_unit_test(test_fields_of_other_types_are_not_there),
		cmocka_unit_test(test_versions_are_compared_as_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
