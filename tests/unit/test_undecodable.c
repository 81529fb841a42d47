// SPDX-License-Identifier: Apache-2.0
/* Objects that do not decode are counted once for each version of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/intern.h"
#include "lib/base/log.h"
#include "lib/daemon/undecodable.h"

static cJSON *object(const char *version)
{
	char text[200];

	snprintf(text, sizeof(text),
		 "{\"metadata\":{\"namespace\":\"web\",\"name\":\"a\",\"resourceVersion\":\"%s\"}}",
		 version);
	return cJSON_Parse(text);
}

static void note(struct undecodable *u, const char *kind, const char *version)
{
	struct faults faults = { 0 };
	cJSON *json = object(version);

	faults_add(&faults, false, "", 0, "spec", "it is rubbish");
	undecodable_note(u, kind, json, &faults);
	faults_free(&faults);
	cJSON_Delete(json);
}

static long long counted(struct metrics *m, const char *kind)
{
	char *text = NULL, want[100];
	size_t len;
	long long value = 0;
	FILE *f = open_memstream(&text, &len);

	metrics_write(m, f);
	fclose(f);
	snprintf(want, sizeof(want), "bellman_objects_undecodable_total{kind=\"%s\"} ", kind);
	const char *at = strstr(text, want);
	if (at != NULL)
		value = atoll(at + strlen(want));
	free(text);
	return value;
}

static void test_each_version_counts_once(void **state)
{
	struct metrics *m = metrics_new();
	struct undecodable *u = undecodable_new(m);
	(void)state;

	log_setup("test", LOG_LEVEL_NONE, LOG_TEXT);
	note(u, "Service", "1");
	note(u, "Service", "1"); /* the same list told again */
	assert_int_equal(counted(m, "Service"), 1);
	note(u, "Service", "2");
	note(u, "Node", "2"); /* another kind of the same name */
	assert_int_equal(counted(m, "Service"), 2);
	assert_int_equal(counted(m, "Node"), 1);
	undecodable_forget(u, "Service", "web", "a");
	undecodable_forget(u, "Service", "web", "never seen");
	note(u, "Service", "2");
	assert_int_equal(counted(m, "Service"), 3);
	undecodable_free(u);
	metrics_free(m);
	assert_int_equal(intern_count(), 0);
}

static void test_object_without_metadata_is_noted_too(void **state)
{
	struct metrics *m = metrics_new();
	struct undecodable *u = undecodable_new(m);
	struct faults none = { 0 };
	cJSON *json = cJSON_CreateObject();
	(void)state;

	undecodable_note(u, "Service", json, &none);
	assert_int_equal(counted(m, "Service"), 1);
	cJSON_Delete(json);
	undecodable_free(u);
	metrics_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_version_counts_once),
		cmocka_unit_test(test_object_without_metadata_is_noted_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
