// SPDX-License-Identifier: Apache-2.0
#include "standalone/proxy/affinity.h"

#include <string.h>

#include <cjson/cJSON.h>

#include "lib/model/json.h"
#include "standalone/proxy/json.h"
#include "standalone/proxy/text.h"

char *affinity_question(uint8_t family)
{
	struct text t = { 0 };

	text_printf(&t,
		    "{\"nftables\":[{\"list\":{\"set\":{" NFT_NAMED(AFFINITY_SET("%u")) "}}}]}\n",
		    family);
	return text_take(&t);
}

/* A whole number from 1 that is a member of @of, or 0. */
static uint32_t positive(const cJSON *of, const char *name)
{
	int64_t number;

	if (!json_integer(cJSON_GetObjectItemCaseSensitive(of, name), &number) || number < 1 ||
	    number > UINT32_MAX)
		return 0;
	return (uint32_t)number;
}

/* {"elem":{"val":{"concat":[CLIENT,NUMBER]},"timeout":SECONDS,"expires":SECONDS}} */
static void take(struct text *t, uint8_t family, const cJSON *item)
{
	const cJSON *elem = cJSON_GetObjectItemCaseSensitive(item, "elem");
	const cJSON *val = cJSON_GetObjectItemCaseSensitive(elem, "val");
	const cJSON *key = cJSON_GetObjectItemCaseSensitive(val, "concat");
	const char *client = cJSON_GetStringValue(cJSON_GetArrayItem(key, 0));
	uint32_t timeout = positive(elem, "timeout"), left = positive(elem, "expires");
	struct ip_addr ip;
	int64_t number;
	char buf[IP_TEXT_MAX];

	if (client == NULL || ip_parse(client, &ip) != 0 || ip.family != family ||
	    !json_integer(cJSON_GetArrayItem(key, 1), &number) || number < 0 ||
	    number > UINT32_MAX || timeout == 0 || left == 0 || left > timeout)
		return;
	text_printf(t,
		    "%s{\"elem\":{\"val\":" JSON_CONCAT(
			    "\"%s\",%u") ",\"timeout\":%u,\"expires\":%u}}",
		    t->len > 0 ? "," : "", ip_format(&ip, buf), (uint32_t)number, timeout, left);
}

#define WHITESPACE " \t\r\n"

/* Where the first array called "elem" begins; NULL: there is none. */
static const char *first_element(const char *answer)
{
	static const char name[] = "\"elem\"";
	const char *at = strstr(answer, name);

	if (at == NULL)
		return NULL;
	at += strlen(name);
	at += strspn(at, WHITESPACE ":");
	return *at == '[' ? at + 1 : NULL;
}

char *affinity_elements(uint8_t family, const char *answer)
{
	const char *at = first_element(answer), *end = answer + strlen(answer);
	struct text t = { 0 };
	cJSON *item;

	/* One at a time: a tree of a full set takes ten times the memory of its text. */
	while (at != NULL &&
	       (item = cJSON_ParseWithLengthOpts(at, (size_t)(end - at), &at, false)) != NULL) {
		take(&t, family, item);
		cJSON_Delete(item);
		at += strspn(at, WHITESPACE ",");
	}
	return text_take(&t);
}
