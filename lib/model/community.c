// SPDX-License-Identifier: Apache-2.0
#include "lib/model/community.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LARGE "large"

/* A decimal number up to @max that fills @len bytes at @text; zeros in front are fine. */
static bool number_parse(const char *text, size_t len, uint32_t max, uint32_t *ret)
{
	uint64_t n = 0;

	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		n = n * 10 + (uint64_t)(text[i] - '0');
		if (n > max)
			return false;
	}
	*ret = (uint32_t)n;
	return len > 0;
}

/* @count numbers with colons between them. */
static int sections_parse(const char *whole, const char *at, size_t count, uint32_t max,
			  uint32_t *ret, char *why, size_t size)
{
	for (size_t i = 0; i < count; i++) {
		size_t len = strcspn(at, ":");

		if (!number_parse(at, len, max, &ret[i])) {
			snprintf(why, size,
				 "invalid community value: invalid section \"%.*s\" of community "
				 "\"%s\"",
				 (int)len, at, whole);
			return -EINVAL;
		}
		at += len + (at[len] == ':');
	}
	return 0;
}

int community_parse(const char *text, struct community *ret, char *why, size_t size)
{
	struct community c = { 0 };
	size_t colons = 0;
	int rc;

	for (const char *at = text; *at != '\0'; at++)
		colons += *at == ':';
	switch (colons) {
	case 1:
		rc = sections_parse(text, text, 2, UINT16_MAX, c.parts, why, size);
		c.parts[0] = c.parts[0] << 16 | c.parts[1];
		c.parts[1] = 0;
		break;
	case 3:
		if (strncmp(text, LARGE ":", strlen(LARGE ":")) != 0) {
			snprintf(why, size,
				 "invalid community value: expected community to be of format "
				 "large:A:B:C but got \"%s\"",
				 text);
			return -EINVAL;
		}
		c.large = true;
		rc = sections_parse(text, text + strlen(LARGE ":"), 3, UINT32_MAX, c.parts, why,
				    size);
		break;
	default:
		snprintf(why, size, "invalid community format: %s", text);
		return -EINVAL;
	}
	if (rc == 0)
		*ret = c;
	return rc;
}

int community_cmp(const struct community *a, const struct community *b)
{
	for (size_t i = 0; i < 3; i++)
		if (a->parts[i] != b->parts[i])
			return a->parts[i] < b->parts[i] ? -1 : 1;
	return (int)a->large - (int)b->large;
}
