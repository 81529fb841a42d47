// SPDX-License-Identifier: Apache-2.0
#include "standalone/proxy/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for @len more bytes and a NUL. */
static char *text_room(struct text *t, size_t len)
{
	if (t->cap - t->len <= len) {
		size_t want = t->cap == 0 ? 256 : t->cap * 2;

		while (want - t->len <= len)
			want *= 2;
		t->at = must(realloc(t->at, want));
		t->cap = want;
	}
	return t->at + t->len;
}

void text_add(struct text *t, const char *what, size_t len)
{
	if (len == 0)
		return;
	char *room = text_room(t, len);

	memcpy(room, what, len);
	room[len] = '\0';
	t->len += len;
}

void text_printf(struct text *t, const char *fmt, ...)
{
	va_list args, again;

	va_start(args, fmt);
	va_copy(again, args);
	int len = vsnprintf(NULL, 0, fmt, args);
	if (len > 0) {
		vsnprintf(text_room(t, (size_t)len), (size_t)len + 1, fmt, again);
		t->len += (size_t)len;
	}
	va_end(again);
	va_end(args);
}

char *text_take(struct text *t)
{
	char *at = t->at != NULL ? t->at : must(strdup(""));

	*t = (struct text){ 0 };
	return at;
}

void text_free(struct text *t)
{
	free(t->at);
	*t = (struct text){ 0 };
}
