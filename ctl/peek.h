// SPDX-License-Identifier: Apache-2.0
/* Members of JSON objects that may be missing, or of another type: no fault is told. */
#ifndef BELLMAN_CTL_PEEK_H
#define BELLMAN_CTL_PEEK_H

#include <cjson/cJSON.h>

/* NULL when there is none, or @object is no object. */
static inline cJSON *peek(const cJSON *object, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(object, key);
}

/* "" when there is none, or it is no text. */
static inline const char *peek_text(const cJSON *object, const char *key)
{
	const char *text = cJSON_GetStringValue(peek(object, key));

	return text == NULL ? "" : text;
}

#endif
