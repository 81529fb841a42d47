// SPDX-License-Identifier: Apache-2.0
#include "lib/base/duration.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
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

/* @whole of one unit and @part of a smaller one, which is left out when it is nothing. */
static void two_units(char *buf, uint64_t whole, const char *unit, uint64_t part, const char *small)
{
	if (part == 0)
		snprintf(buf, DURATION_TEXT_MAX, "%" PRIu64 " %s", whole, unit);
	else
		snprintf(buf, DURATION_TEXT_MAX, "%" PRIu64 " %s %" PRIu64 " %s", whole, unit, part,
			 small);
}

/* Less than 1,000 @unit_ns as a decimal number. */
static void decimal(char *buf, uint64_t ns, uint64_t unit_ns, const char *unit)
{
	uint64_t whole = ns / unit_ns;
	/* What is behind the point, in hundredths. */
	unsigned part = (unsigned)(ns % unit_ns * 100 / unit_ns);

	if (whole >= 10)
		part -= part % 10;
	if (whole >= 100)
		part = 0;
	if (part == 0)
		snprintf(buf, DURATION_TEXT_MAX, "%" PRIu64 " %s", whole, unit);
	else if (part % 10 == 0)
		snprintf(buf, DURATION_TEXT_MAX, "%" PRIu64 ".%u %s", whole, part / 10, unit);
	else
		snprintf(buf, DURATION_TEXT_MAX, "%" PRIu64 ".%02u %s", whole, part, unit);
}

const char *duration_format(uint64_t ns, char buf[static DURATION_TEXT_MAX])
{
	const uint64_t minute = 60 * NS_PER_S, hour = 60 * minute;

	if (ns >= hour)
		two_units(buf, ns / hour, "h", ns % hour / minute, "min");
	else if (ns >= minute)
		two_units(buf, ns / minute, "min", ns % minute / NS_PER_S, "s");
	else if (ns >= NS_PER_S || ns == 0)
		decimal(buf, ns, NS_PER_S, "s");
	else if (ns >= NS_PER_MS)
		decimal(buf, ns, NS_PER_MS, "ms");
	else if (ns >= 1000)
		decimal(buf, ns, 1000, "us");
	else
		decimal(buf, ns, 1, "ns");
	return buf;
}
