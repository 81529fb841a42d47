// SPDX-License-Identifier: Apache-2.0
#include "lib/base/utf8.h"

/* Of a character that begins with @lead. */
static size_t length_of(unsigned char lead)
{
	return lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
}

size_t utf8_whole(const char *text, size_t len)
{
	size_t at = len;

	while (at > 0 && len - at < 3 && ((unsigned char)text[at - 1] & 0xc0) == 0x80)
		at--;
	if (at == 0)
		return len;
	return len - (at - 1) < length_of((unsigned char)text[at - 1]) ? at - 1 : len;
}

size_t utf8_len(const char *s)
{
	const unsigned char *text = (const unsigned char *)s;
	static const struct {
		unsigned char first, last; /* lead bytes */
		unsigned char low, high;   /* what the second byte may be */
		size_t len;
	} forms[] = {
		{ 0x00, 0x7f, 0, 0, 1 },       { 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};

	for (size_t f = 0; f < sizeof(forms) / sizeof(*forms); f++) {
		if (text[0] < forms[f].first || text[0] > forms[f].last)
			continue;
		for (size_t i = 1; i < forms[f].len; i++) {
			unsigned char low = i == 1 ? forms[f].low : 0x80;
			unsigned char high = i == 1 ? forms[f].high : 0xbf;
			if (text[i] < low || text[i] > high)
				return 0; /* also at the NUL, so nothing behind it is read */
		}
		return forms[f].len;
	}
	return 0;
}
