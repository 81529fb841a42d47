// SPDX-License-Identifier: Apache-2.0
#include "allocator/metallb_pod.h"

#include <string.h>

static const cJSON *member(const cJSON *object, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(object, name);
}

static bool is_ready(const cJSON *pod)
{
	const cJSON *condition;

	cJSON_ArrayForEach (condition, member(member(pod, "status"), "conditions")) {
		const char *type = cJSON_GetStringValue(member(condition, "type"));
		const char *status = cJSON_GetStringValue(member(condition, "status"));

		if (type != NULL && status != NULL && strcmp(type, "Ready") == 0)
			return strcmp(status, "True") == 0;
	}
	return false;
}

static bool is_bellman(const cJSON *pod)
{
	const cJSON *container;

	cJSON_ArrayForEach (container, member(member(pod, "spec"), "containers")) {
		const char *image = cJSON_GetStringValue(member(container, "image"));

		if (image != NULL && strstr(image, "bellman") != NULL)
			return true;
	}
	return false;
}

bool metallb_pod_at_work(const cJSON *pod)
{
	return is_ready(pod) && !is_bellman(pod);
}
