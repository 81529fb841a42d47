// SPDX-License-Identifier: Apache-2.0
#include "lib/model/json_write.h"

#include <inttypes.h>
#include <stdio.h>

#include "lib/base/duration.h"
#include "lib/base/must.h"

void json_add_number(cJSON *to, const char *key, uint64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, n);
	must(cJSON_AddRawToObject(to, key, text));
}

void json_add_seconds(cJSON *to, const char *key, uint64_t ns)
{
	uint64_t whole = ns / NS_PER_S;
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64 ".%09u", whole, (unsigned)(ns % NS_PER_S));
	must(cJSON_AddRawToObject(to, key, text));
}

void json_add_text(cJSON *to, const char *key, const char *text)
{
	if (text == NULL)
		must(cJSON_AddNullToObject(to, key));
	else
		must(cJSON_AddStringToObject(to, key, text));
}

cJSON *json_add_object(cJSON *list)
{
	cJSON *o = must(cJSON_CreateObject());

	cJSON_AddItemToArray(list, o);
	return o;
}
