// SPDX-License-Identifier: Apache-2.0
/*
 * Label selectors: two lines of JSON, a list of selectors and a map of labels. It is refused with a
 * reason or it matches as Kubernetes says, which a second reading of the JSON knows by itself.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/model/meta.h"
#include "lib/model/places.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_be(bool holds)
{
	if (!holds)
		abort();
}

static const cJSON *get(const cJSON *object, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(object, key);
}

static bool listed(const cJSON *values, const char *text)
{
	const cJSON *value;

	cJSON_ArrayForEach (value, values)
		if (strcmp(value->valuestring, text) == 0)
			return true;
	return false;
}

/* Of what decoded, so each value is of its type; null is as good as absent. */
static bool selector_holds(const cJSON *selector, const struct labels *labels)
{
	const cJSON *label, *expression;

	cJSON_ArrayForEach (label, get(selector, "matchLabels")) {
		const char *value = labels_get(labels, label->string);
		const char *wanted = cJSON_IsString(label) ? label->valuestring : "";
		if (value == NULL || strcmp(value, wanted) != 0)
			return false;
	}
	cJSON_ArrayForEach (expression, get(selector, "matchExpressions")) {
		const char *op = get(expression, "operator")->valuestring;
		const char *value = labels_get(labels, get(expression, "key")->valuestring);
		bool in = value != NULL && listed(get(expression, "values"), value);
		bool holds = strcmp(op, "In") == 0       ? in
			     : strcmp(op, "NotIn") == 0  ? !in
			     : strcmp(op, "Exists") == 0 ? value != NULL
							 : value == NULL;
		if (!holds)
			return false;
	}
	return true;
}

static bool any_holds(const cJSON *list, const struct labels *labels)
{
	const cJSON *selector;

	cJSON_ArrayForEach (selector, list)
		if (selector_holds(selector, labels))
			return true;
	return false;
}

/* Who is somewhere meets himself there, and whoever is everywhere. */
static void check_places(const struct selectors *s)
{
	const struct selectors *const lists[] = { s };
	const struct selectors everywhere = { 0 };
	struct places *places;
	struct place_set here, all;

	must_be(places_new(NULL, 0, lists, 1, &places) == 0);
	must_be(places_of(places, s, &here) == 0 && places_of(places, &everywhere, &all) == 0);
	must_be(place_sets_meet(&here, &here) && place_sets_meet(&here, &all));
	free(here.words);
	free(all.words);
	places_free(places);
}

static void check(const cJSON *list, const cJSON *labels_json)
{
	struct where where = { 0 };
	struct faults faults = { 0 };
	struct selectors selectors = { 0 };
	struct labels labels = { 0 };

	bool good = selectors_decode(list, where, &faults, "spec.nodeSelectors", &selectors) == 0;
	must_be(good == (faults.errors == 0));
	if (good && labels_decode(labels_json, where, NULL, "", &labels) == 0) {
		must_be(selectors_match(&selectors, &labels) == any_holds(list, &labels));
		for (size_t i = 0; i < selectors.count; i++)
			must_be(selector_cmp(&selectors.items[i], &selectors.items[i]) == 0);
		check_places(&selectors);
	}
	labels_done(&labels);
	selectors_done(&selectors);
	faults_free(&faults);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = memchr(data, '\n', size);
	size_t first = end == NULL ? size : (size_t)(end - data);
	cJSON *list = cJSON_ParseWithLength((const char *)data, first);
	cJSON *labels =
		end == NULL ? NULL : cJSON_ParseWithLength((const char *)end + 1, size - first - 1);

	if (list != NULL)
		check(list, labels);
	cJSON_Delete(list);
	cJSON_Delete(labels);
	return 0;
}
