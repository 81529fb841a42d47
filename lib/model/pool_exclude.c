// SPDX-License-Identifier: Apache-2.0
#include "lib/model/pool_exclude.h"

#include "lib/base/ip.h"
#include "lib/base/rangeset.h"
#include "lib/model/schema.h"

struct sets { /* the addresses of a list, by family */
	struct rangeset *v4, *v6;
};

static struct rangeset *set_of(const struct sets *s, const struct ip_range *range)
{
	return range->first.family == IP_V4 ? s->v4 : s->v6;
}

/* False: out of memory. */
static bool sets_fill(struct sets *s, const cJSON *list, bool single)
{
	struct ip_range range;
	const cJSON *entry;

	s->v4 = rangeset_new();
	s->v6 = rangeset_new();
	if (s->v4 == NULL || s->v6 == NULL)
		return false;
	cJSON_ArrayForEach (entry, list) {
		if (schema_range_parse(cJSON_GetStringValue(entry), single, &range) == 0 &&
		    rangeset_add(set_of(s, &range), ip_to_number(&range.first),
				 ip_to_number(&range.last)) != 0)
			return false;
	}
	return true;
}

static void sets_free(struct sets *s)
{
	rangeset_free(s->v4);
	rangeset_free(s->v6);
}

/* Is anything of @list left when @excluded is taken away? True where nothing can be said. */
static bool is_any_left(const cJSON *list, const struct sets *excluded)
{
	struct ip_range range;
	const cJSON *entry;
	u128 left;

	cJSON_ArrayForEach (entry, list) {
		if (schema_range_parse(cJSON_GetStringValue(entry), false, &range) != 0 ||
		    rangeset_first_free(set_of(excluded, &range), ip_to_number(&range.first),
					ip_to_number(&range.last), &left))
			return true;
	}
	return cJSON_GetArraySize(list) == 0;
}

/* Entry @index of the field, which in a resource is one annotation as a whole. */
static void outside(const struct json *at, unsigned index, const char *text)
{
	unsigned i = 0;

	if (cJSON_IsArray(at->value)) {
		json_each (entry, at) {
			if (i++ == index)
				json_warn(&entry, "\"%s\" is not in the pool's addresses", text);
		}
	} else {
		json_warn(at, "\"%s\" is not in the pool's addresses", text);
	}
}

void pool_exclude_check(const struct json *addresses, const cJSON *exclude, const struct json *at)
{
	struct sets pool = { 0 }, excluded = { 0 };
	struct ip_range range;
	unsigned index = 0;
	const cJSON *entry;

	if (!cJSON_IsArray(exclude) || !cJSON_IsArray(addresses->value))
		return;
	if (sets_fill(&pool, addresses->value, false) && sets_fill(&excluded, exclude, true)) {
		cJSON_ArrayForEach (entry, exclude) {
			if (schema_range_parse(cJSON_GetStringValue(entry), true, &range) == 0 &&
			    rangeset_count(set_of(&pool, &range), ip_to_number(&range.first),
					   ip_to_number(&range.last)) == 0)
				outside(at, index, entry->valuestring);
			index++;
		}
		if (!is_any_left(addresses->value, &excluded))
			json_warn(at, "all addresses of the pool are excluded");
	}
	sets_free(&pool);
	sets_free(&excluded);
}
