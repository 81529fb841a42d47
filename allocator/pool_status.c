// SPDX-License-Identifier: Apache-2.0
#include "allocator/pool_status.h"

#include <inttypes.h>

#include "lib/base/must.h"

#define ENDLESS ((u128)1 << 62)

int64_t pool_status_capacity(const struct allocator_count *count)
{
	return count->total >= ENDLESS ? INT64_MAX : (int64_t)count->total;
}

static int64_t clamp(u128 n)
{
	return n > INT64_MAX ? INT64_MAX : (int64_t)n;
}

struct pool_status pool_status_of(const struct allocator_pool_view *view)
{
	struct pool_status s = {
		.assigned_v4 = clamp(view->v4.used),
		.assigned_v6 = clamp(view->v6.used),
	};

	s.available_v4 = pool_status_capacity(&view->v4) - s.assigned_v4;
	s.available_v6 = pool_status_capacity(&view->v6) - s.assigned_v6;
	return s;
}

static bool says(const cJSON *status, const char *key, int64_t value)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(status, key);

	return cJSON_IsNumber(item) && item->valuedouble == (double)value;
}

bool pool_status_is(const cJSON *status, const struct pool_status *s)
{
	return says(status, "assignedIPv4", s->assigned_v4) &&
	       says(status, "assignedIPv6", s->assigned_v6) &&
	       says(status, "availableIPv4", s->available_v4) &&
	       says(status, "availableIPv6", s->available_v6);
}

char *pool_status_patch(const struct pool_status *s)
{
	return must_text("{\"status\":{\"assignedIPv4\":%" PRId64 ",\"assignedIPv6\":%" PRId64
			 ",\"availableIPv4\":%" PRId64 ",\"availableIPv6\":%" PRId64 "}}",
			 s->assigned_v4, s->assigned_v6, s->available_v4, s->available_v6);
}
