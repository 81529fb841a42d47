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
