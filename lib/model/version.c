// SPDX-License-Identifier: Apache-2.0
#include "lib/model/version.h"

#include <stddef.h>
#include <string.h>

#include "lib/model/meta.h"

const char *version_of(const cJSON *object)
{
	return meta_text(object, "resourceVersion");
}

static bool is_number(const char *version)
{
	return version != NULL && version[0] != '\0' &&
	       version[strspn(version, "0123456789")] == '\0';
}

bool version_older(const char *a, const char *b)
{
	if (!is_number(a) || !is_number(b))
		return false;
	a += strspn(a, "0");
	b += strspn(b, "0");
	size_t a_len = strlen(a), b_len = strlen(b);
	return a_len != b_len ? a_len < b_len : strcmp(a, b) < 0;
}
