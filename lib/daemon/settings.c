// SPDX-License-Identifier: Apache-2.0
#include "lib/daemon/settings.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct settings {
	struct doc *doc;
	const cJSON *spec;
	char text[64]; /* of a number */
};

/* Flags whose setting is not simply their name in camelCase. */
static const struct {
	const char *flag, *key;
} odd_names[] = {
	{ "lb-class", "loadBalancerClass" },
	{ "ignore-exclude-lb", "ignoreExcludeLB" },
};

struct settings *settings_load(const char *path)
{
	struct faults faults = { 0 };
	struct doc *doc = NULL;
	struct settings *s = NULL;

	if (doc_load(path, &faults, &doc) == 0 && faults.errors == 0) {
		const struct doc_objects *objects = doc_objects(doc);
		for (size_t i = 0; i < objects->count && s == NULL; i++) {
			const cJSON *json = objects->items[i].json;
			const char *kind = cJSON_GetStringValue(
				cJSON_GetObjectItemCaseSensitive(json, "kind"));
			if (kind == NULL || strcmp(kind, "Settings") != 0)
				continue;
			s = calloc(1, sizeof(*s));
			if (s == NULL)
				abort();
			s->doc = doc;
			s->spec = cJSON_GetObjectItemCaseSensitive(json, "spec");
		}
	}
	if (s == NULL)
		doc_free(doc);
	faults_free(&faults);
	return s;
}

struct settings *settings_free(struct settings *s)
{
	if (s != NULL) {
		doc_free(s->doc);
		free(s);
	}
	return NULL;
}

/* "shutdown-delay" is shutdownDelay. Names come from our own tables and fit. */
static void camel_case(const char *flag, char key[static 64])
{
	size_t n = 0;

	for (; *flag != '\0' && n < 63; flag++) {
		bool upper = *flag == '-' && flag[1] != '\0';
		flag += upper;
		key[n++] = upper ? (char)toupper((unsigned char)*flag) : *flag;
	}
	key[n] = '\0';
}

const char *settings_get(struct settings *s, const char *name)
{
	const cJSON *map = s->spec, *value;
	char key[64];

	if (strncmp(name, "ml-", 3) == 0) {
		map = cJSON_GetObjectItemCaseSensitive(map, "ml");
		name += 3;
	}
	camel_case(name, key);
	for (size_t i = 0; i < sizeof(odd_names) / sizeof(*odd_names); i++)
		if (strcmp(odd_names[i].flag, name) == 0)
			strcpy(key, odd_names[i].key);

	value = cJSON_GetObjectItemCaseSensitive(map, key);
	if (cJSON_IsBool(value))
		return cJSON_IsTrue(value) ? "true" : "false";
	if (cJSON_IsNumber(value)) {
		snprintf(s->text, sizeof(s->text), "%.0f", value->valuedouble);
		return s->text;
	}
	return cJSON_IsString(value) || cJSON_IsRaw(value) ? value->valuestring : NULL;
}
