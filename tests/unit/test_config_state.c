// SPDX-License-Identifier: Apache-2.0
/* lib/daemon/config_state_body: the patches that bring a ConfigurationState where it should be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/daemon/config_state_body.h"

#define NOW "2026-01-02T03:04:05Z"
#define OLD "2020-01-01T00:00:00Z"

static const struct config_state_text controller = {
	.name = "controller",
	.ns = "metallb-system",
	.component = "controller",
	.condition = "poolReconcilerValid",
};
static const struct config_state_text speaker = {
	.name = "speaker-n1",
	.ns = "metallb-system",
	.component = "speaker",
	.node = "n1",
	.condition = "configReconcilerValid",
	.pod = "speaker-x",
	.pod_uid = "123",
};

/* @got, which is deleted, is just this; NULL for none. */
static void expect(cJSON *got, const char *expected)
{
	char *text = cJSON_PrintUnformatted(got);

	if (expected == NULL)
		assert_null(got);
	else
		assert_string_equal(text, expected);
	free(text);
	cJSON_Delete(got);
}

static void test_object_has_labels_and_owner(void **state)
{
	(void)state;
	expect(config_state_object(&controller),
	       "{\"apiVersion\":\"metallb.io/"
	       "v1beta1\",\"kind\":\"ConfigurationState\",\"metadata\":"
	       "{\"name\":\"controller\",\"namespace\":\"metallb-system\",\"labels\":"
	       "{\"metallb.io/component-type\":\"controller\"}}}");
	expect(config_state_object(&speaker),
	       "{\"apiVersion\":\"metallb.io/"
	       "v1beta1\",\"kind\":\"ConfigurationState\",\"metadata\":"
	       "{\"name\":\"speaker-n1\",\"namespace\":\"metallb-system\",\"labels\":"
	       "{\"metallb.io/component-type\":\"speaker\",\"metallb.io/node-name\":\"n1\"},"
	       "\"ownerReferences\":[{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"name\":\"speaker-"
	       "x\","
	       "\"uid\":\"123\"}]}}");
}

static void expect_meta(const struct config_state_text *want, const char *object,
			const char *expected)
{
	cJSON *json = cJSON_Parse(object);

	assert_non_null(json);
	expect(config_state_meta_patch(want, json), expected);
	cJSON_Delete(json);
}

static void test_what_is_wrong_of_labels_and_owner_is_mended(void **state)
{
	cJSON *own = config_state_object(&speaker);
	char *object = cJSON_PrintUnformatted(own);
	(void)state;

	expect_meta(&speaker, object, NULL);
	free(object);
	cJSON_Delete(own);
	/* Labels and, of one that has no pod of its own, owners of others are left alone. */
	expect_meta(&controller,
		    "{\"metadata\":{\"labels\":{\"metallb.io/component-type\":\"controller\","
		    "\"more\":\"x\"},\"ownerReferences\":[{\"uid\":\"9\"}]}}",
		    NULL);
	expect_meta(&controller,
		    "{\"metadata\":{\"labels\":{\"metallb.io/component-type\":\"x\"}}}",
		    "{\"metadata\":{\"labels\":{\"metallb.io/component-type\":\"controller\"}}}");
	/* The pod before this one. */
	expect_meta(&speaker,
		    "{\"metadata\":{\"labels\":{\"metallb.io/component-type\":\"speaker\","
		    "\"metallb.io/node-name\":\"n1\"},\"ownerReferences\":[{\"apiVersion\":\"v1\","
		    "\"kind\":\"Pod\",\"name\":\"speaker-w\",\"uid\":\"122\"}]}}",
		    "{\"metadata\":{\"ownerReferences\":[{\"apiVersion\":\"v1\",\"kind\":\"Pod\","
		    "\"name\":\"speaker-x\",\"uid\":\"123\"}]}}");
}

static cJSON *status_patch(const char *error, const char *object)
{
	struct config_state_text want = controller;
	cJSON *json = cJSON_Parse(object);

	assert_non_null(json);
	want.error = error;
	cJSON *patch = config_state_status_patch(&want, json, NOW);
	cJSON_Delete(json);
	return patch;
}

#define CONDITION(status, reason, message, time)                                                   \
	"{\"type\":\"poolReconcilerValid\",\"status\":\"" status "\",\"reason\":\"" reason         \
	"\",\"message\":\"" message "\",\"lastTransitionTime\":\"" time "\"}"
#define VALID(time)                                                                                \
	"{\"status\":{\"result\":\"Valid\",\"errorSummary\":null,\"conditions\":[" CONDITION(      \
		"True", "Reconciled", "", time) "]}}"
#define INVALID(error, time)                                                                       \
	"{\"status\":{\"result\":\"Invalid\",\"errorSummary\":\"configuration error: " error       \
	"\",\"conditions\":[" CONDITION("False", "ConfigurationError",                             \
					"configuration error: " error, time) "]}}"

static void test_status_is_patched_when_it_says_something_else(void **state)
{
	(void)state;
	expect(status_patch(NULL, "{}"), VALID(NOW));
	expect(status_patch("x\ny", "{}"), INVALID("x\\ny", NOW));
	expect(status_patch("x", VALID(OLD)), INVALID("x", NOW));
	expect(status_patch(NULL, INVALID("x", OLD)), VALID(NOW));
	/* As it is, also with an empty summary, as others may write it. */
	expect(status_patch(NULL, VALID(OLD)), NULL);
	expect(status_patch("x\ny", INVALID("x\\ny", OLD)), NULL);
	expect(status_patch(NULL,
			    "{\"status\":{\"result\":\"Valid\",\"errorSummary\":\"\","
			    "\"conditions\":[" CONDITION("True", "Reconciled", "", OLD) "]}}"),
	       NULL);
}

static void test_time_is_kept_while_the_condition_keeps_its_status(void **state)
{
	(void)state;
	expect(status_patch("y", INVALID("x", OLD)), INVALID("y", OLD));
	/* Edited by somebody: the result, the reason, more conditions, a time that is empty. */
	expect(status_patch(NULL, "{\"status\":{\"result\":\"Unknown\",\"conditions\":[" CONDITION(
					  "True", "Reconciled", "", OLD) "]}}"),
	       VALID(OLD));
	expect(status_patch(NULL, "{\"status\":{\"result\":\"Valid\",\"conditions\":[" CONDITION(
					  "True", "Other", "", OLD) "]}}"),
	       VALID(OLD));
	expect(status_patch(NULL, "{\"status\":{\"result\":\"Valid\",\"conditions\":["
				  "{\"type\":\"other\",\"status\":\"True\"}," CONDITION(
					  "True", "Reconciled", "", OLD) "]}}"),
	       VALID(OLD));
	expect(status_patch(NULL, "{\"status\":{\"result\":\"Valid\",\"conditions\":[" CONDITION(
					  "True", "Other", "", "") "]}}"),
	       VALID(NOW));
	expect(status_patch(NULL, "{\"status\":{\"conditions\":\"none\"}}"), VALID(NOW));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_object_has_labels_and_owner),
		cmocka_unit_test(test_what_is_wrong_of_labels_and_owner_is_mended),
		cmocka_unit_test(test_status_is_patched_when_it_says_something_else),
		cmocka_unit_test(test_time_is_kept_while_the_condition_keeps_its_status),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
