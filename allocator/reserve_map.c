// SPDX-License-Identifier: Apache-2.0
#include "allocator/reserve_map.h"

#include <stdlib.h>
#include <string.h>

#include "allocator/ips.h"
#include "lib/base/duration.h"
#include "lib/base/must.h"

#define TIME_FORMAT "%Y-%m-%dT%H:%M:%SZ"
#define LEFT_MAX_S  ((time_t)100 * 365 * 24 * 3600) /* what is beyond is for ever */

/* --- writing --------------------------------------------------------------------------- */

struct encoding {
	cJSON *data;
	struct reserve_now now;
};

static void encode_one(void *arg, const struct allocator_reservation *v)
{
	struct encoding *e = arg;
	uint64_t left_ns = v->until_ns > e->now.ns ? v->until_ns - e->now.ns : 0;
	time_t until = e->now.wall_s + (time_t)((left_ns + NS_PER_S - 1) / NS_PER_S);
	cJSON *entry = must(cJSON_CreateObject());
	cJSON *addresses = must(cJSON_AddArrayToObject(entry, "addresses"));
	char text[32], ip[IP_TEXT_MAX];
	struct tm tm;

	for (unsigned i = 0; i < v->ip_count; i++)
		cJSON_AddItemToArray(addresses,
				     must(cJSON_CreateString(ip_format(&v->ips[i], ip))));
	strftime(text, sizeof(text), TIME_FORMAT, gmtime_r(&until, &tm));
	must(cJSON_AddStringToObject(entry, "until", text));
	char *value = must(cJSON_PrintUnformatted(entry));
	char *key = must_text("%s.%s", v->ns, v->name);
	must(cJSON_AddStringToObject(e->data, key, value));
	free(key);
	free(value);
	cJSON_Delete(entry);
}

cJSON *reserve_map_encode(const struct allocator *engine, const char *ns, const char *version,
			  struct reserve_now now)
{
	cJSON *map = must(cJSON_CreateObject());

	must(cJSON_AddStringToObject(map, "apiVersion", "v1"));
	must(cJSON_AddStringToObject(map, "kind", "ConfigMap"));
	cJSON *meta = must(cJSON_AddObjectToObject(map, "metadata"));
	must(cJSON_AddStringToObject(meta, "name", RESERVE_MAP_NAME));
	must(cJSON_AddStringToObject(meta, "namespace", ns));
	if (version != NULL)
		must(cJSON_AddStringToObject(meta, "resourceVersion", version));
	struct encoding e = { must(cJSON_AddObjectToObject(map, "data")), now };
	allocator_reservations(engine, encode_one, &e);
	return map;
}

/* --- reading --------------------------------------------------------------------------- */

static void reservation_done(struct allocator_reservation *v)
{
	free((char *)(uintptr_t)v->ns);
	free((char *)(uintptr_t)v->name);
	free((struct ip_addr *)(uintptr_t)v->ips);
}

void reserve_list_done(struct reserve_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		reservation_done(&l->items[i]);
	array_free(l);
}

static bool decode_until(const cJSON *until, struct reserve_now now, uint64_t *ret_ns)
{
	const char *text = cJSON_GetStringValue(until);
	struct tm tm = { 0 };
	const char *end = text != NULL ? strptime(text, TIME_FORMAT, &tm) : NULL;

	if (end == NULL || *end != '\0')
		return false;
	time_t left = timegm(&tm) - now.wall_s;
	if (left > LEFT_MAX_S)
		left = LEFT_MAX_S;
	*ret_ns = now.ns + (left > 0 ? (uint64_t)left * NS_PER_S : 0);
	return true;
}

static bool decode_ips(const cJSON *list, struct ip_list *ret)
{
	const cJSON *entry;

	ret->count = 0;
	cJSON_ArrayForEach (entry, list) {
		const char *text = cJSON_GetStringValue(entry);

		if (ret->count == IP_LIST_MAX || text == NULL ||
		    ip_parse(text, &ret->ips[ret->count]) != 0)
			return false;
		ret->count++;
	}
	return ret->count > 0;
}

static bool decode_one(const cJSON *entry, struct reserve_now now,
		       struct allocator_reservation *ret)
{
	/* NULL: `data` is a list. */
	const char *dot = entry->string != NULL ? strchr(entry->string, '.') : NULL;
	cJSON *value = cJSON_Parse(cJSON_GetStringValue(entry));
	struct ip_list ips;
	bool ok =
		dot != NULL && dot != entry->string && dot[1] != '\0' &&
		decode_ips(cJSON_GetObjectItemCaseSensitive(value, "addresses"), &ips) &&
		decode_until(cJSON_GetObjectItemCaseSensitive(value, "until"), now, &ret->until_ns);

	cJSON_Delete(value);
	if (!ok)
		return false;
	struct ip_addr *copy = must(calloc(ips.count, sizeof(*copy)));
	memcpy(copy, ips.ips, ips.count * sizeof(*copy));
	ret->ns = must(strndup(entry->string, (size_t)(dot - entry->string)));
	ret->name = must(strdup(dot + 1));
	ret->ips = copy;
	ret->ip_count = ips.count;
	return true;
}

size_t reserve_map_decode(const cJSON *map, struct reserve_now now, struct reserve_list *ret)
{
	const cJSON *entry;
	size_t bad = 0;

	cJSON_ArrayForEach (entry, cJSON_GetObjectItemCaseSensitive(map, "data")) {
		struct allocator_reservation v = { 0 };

		if (decode_one(entry, now, &v))
			*(struct allocator_reservation *)must(array_push(ret)) = v;
		else
			bad++;
	}
	return bad;
}
