// SPDX-License-Identifier: Apache-2.0
#include "standalone/apiserver/patch.h"

#include <errno.h>
#include <string.h>

#include "standalone/apiserver/json_patch.h"
#include "standalone/apiserver/status.h"
#include "standalone/apiserver/strategic.h"

int patch_type_parse(const char *content_type, enum patch_type *ret)
{
	static const struct {
		const char *name;
		enum patch_type type;
	} types[] = {
		{ "application/json-patch+json", PATCH_JSON },
		{ "application/merge-patch+json", PATCH_MERGE },
		{ "application/strategic-merge-patch+json", PATCH_STRATEGIC },
	};
	size_t len = content_type == NULL ? 0 : strcspn(content_type, "; \t");

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (strlen(types[i].name) == len &&
		    strncasecmp(types[i].name, content_type, len) == 0) {
			*ret = types[i].type;
			return 0;
		}
	}
	return -EINVAL;
}

/* RFC 7386 section 2. */
static void merge(cJSON *object, const cJSON *patch)
{
	const cJSON *member;

	cJSON_ArrayForEach (member, patch) {
		cJSON *there = cJSON_GetObjectItemCaseSensitive(object, member->string);

		if (cJSON_IsNull(member)) {
			js_drop(object, member->string);
		} else if (!cJSON_IsObject(member)) {
			js_set(object, member->string, cJSON_Duplicate(member, 1));
		} else {
			if (!cJSON_IsObject(there))
				there = js_object(object, member->string);
			merge(there, member);
		}
	}
}

cJSON *patch_apply(const struct kind *kind, enum patch_type type, const cJSON *patch,
		   cJSON **object)
{
	if (type == PATCH_JSON)
		return json_patch_apply(patch, object);
	if (!cJSON_IsObject(patch))
		return status_bad_request("the patch must be an object");
	if (type == PATCH_MERGE) {
		merge(*object, patch);
		return NULL;
	}
	if (kind->id == KIND_CUSTOM)
		return status_failure(415, "UnsupportedMediaType",
				      "the body of the request was in an unknown format - accepted "
				      "media types include: application/json-patch+json, "
				      "application/merge-patch+json");
	return strategic_merge(kind, *object, patch);
}
