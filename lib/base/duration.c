// SPDX-License-Identifier: Apache-2.0
#include "lib/base/duration.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

static const struct {
	const char *name;
	uint64_t ns;
} units[] = {
	/* Longer names first: "ms" must not be read as minutes. Unicode has two signs for micro. */
	{ "ns", 1 },         { "us", 1000 },    { "\xc2\xb5s", 1000 },  { "\xce\xbcs", 1000 },
	{ "ms", NS_PER_MS }, { "s", NS_PER_S }, { "m", 60 * NS_PER_S }, { "h", 3600 * NS_PER_S },
};

int duration_parse(const char *text, uint64_t *ret_ns)
{
	__extension__ typedef unsigned __int128 wide;
	const wide limit = INT64_MAX;
	wide total = 0;

	if (strcmp(text, "0") == 0) {
		*ret_ns = 0;
		return 0;
	}
	if (*text == '\0')
		return -EINVAL;
	while (*text != '\0') {
		wide whole = 0, fraction = 0, scale = 1;
		size_t digits = 0;

		for (; isdigit((unsigned char)*text); text++, digits++) {
			whole = whole * 10 + (wide)(*text - '0');
			if (whole > limit)
				return -ERANGE;
		}
		if (*text == '.') {
			for (text++; isdigit((unsigned char)*text); text++, digits++) {
				if (scale >= NS_PER_S * 1000000)
					continue; /* below any unit's precision */
				fraction = fraction * 10 + (wide)(*text - '0');
				scale *= 10;
			}
		}
		if (digits == 0)
			return -EINVAL;

		size_t u = 0, n = sizeof(units) / sizeof(*units);
		while (u < n && strncmp(text, units[u].name, strlen(units[u].name)) != 0)
			u++;
		if (u == n)
			return -EINVAL;
		text += strlen(units[u].name);
		total += whole * units[u].ns + fraction * units[u].ns / scale;
		if (total > limit)
			return -ERANGE;
	}
	*ret_ns = (uint64_t)total;
	return 0;
}
