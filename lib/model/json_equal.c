// SPDX-License-Identifier: Apache-2.0
/*
 * cJSON_Compare() looks through each pair of objects from both sides, and from both sides again in
 * each of their members: two equal trees of 40 levels keep it busy for days.
 */
#include <string.h>

#include "lib/model/json.h"

/* The member of @b that @of is compared with; @next is where it stands when the order is the same.
 */
static const cJSON *twin(const cJSON *b, const cJSON *of, const cJSON *next)
{
	if (next != NULL && strcmp(next->string, of->string) == 0)
		return next;
	return cJSON_GetObjectItemCaseSensitive(b, of->string);
}

static bool same_members(const cJSON *a, const cJSON *b)
{
	const cJSON *x, *y = b->child;

	for (x = a->child; x != NULL; x = x->next) {
		const cJSON *other = twin(b, x, y);

		if (other == NULL || !json_equal(x, other))
			return false;
		y = other->next;
	}
	/* The other way round names are enough. */
	x = a->child;
	for (y = b->child; y != NULL; y = y->next) {
		const cJSON *other = twin(a, y, x);

		if (other == NULL)
			return false;
		x = other->next;
	}
	return true;
}

static bool same_items(const cJSON *a, const cJSON *b)
{
	const cJSON *x = a->child, *y = b->child;

	while (x != NULL && y != NULL && json_equal(x, y)) {
		x = x->next;
		y = y->next;
	}
	return x == NULL && y == NULL;
}

bool json_equal(const cJSON *a, const cJSON *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	if ((a->type & 0xff) != (b->type & 0xff))
		return false;
	switch (a->type & 0xff) {
	case cJSON_Number:
		return a->valuedouble == b->valuedouble;
	case cJSON_String:
	case cJSON_Raw:
		return strcmp(a->valuestring, b->valuestring) == 0;
	case cJSON_Array:
		return same_items(a, b);
	case cJSON_Object:
		return same_members(a, b);
	default:
		return true;
	}
}
