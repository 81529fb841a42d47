// SPDX-License-Identifier: Apache-2.0
#include "standalone/apiserver/buf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"

static void *or_end(void *memory)
{
	if (memory == NULL) {
		log_error("apiserver", "out of memory, ending", "err=%s", strerror(ENOMEM));
		abort();
	}
	return memory;
}

void *mem_get(size_t size)
{
	return or_end(malloc(size == 0 ? 1 : size));
}

void *mem_zero(size_t size)
{
	return or_end(calloc(1, size == 0 ? 1 : size));
}

char *mem_text(const char *text)
{
	return or_end(strdup(text));
}

char *mem_printf(const char *fmt, ...)
{
	struct buf b = { 0 };
	va_list args;

	va_start(args, fmt);
	buf_vprintf(&b, fmt, args);
	va_end(args);
	return buf_take(&b);
}

static void reserve(struct buf *b, size_t more)
{
	if (b->cap - b->len >= more)
		return;
	size_t cap = b->cap == 0 ? 256 : b->cap * 2;
	while (cap - b->len < more)
		cap *= 2;
	b->bytes = or_end(realloc(b->bytes, cap));
	b->cap = cap;
}

void buf_add(struct buf *b, const void *bytes, size_t len)
{
	if (len == 0)
		return;
	reserve(b, len);
	memcpy(b->bytes + b->len, bytes, len);
	b->len += len;
}

void buf_puts(struct buf *b, const char *text)
{
	buf_add(b, text, strlen(text));
}

void buf_vprintf(struct buf *b, const char *fmt, va_list args)
{
	va_list again;

	va_copy(again, args);
	int len = vsnprintf(NULL, 0, fmt, args);
	if (len > 0) {
		reserve(b, (size_t)len + 1);
		vsnprintf(b->bytes + b->len, (size_t)len + 1, fmt, again);
		b->len += (size_t)len;
	}
	va_end(again);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	buf_vprintf(b, fmt, args);
	va_end(args);
}

char *buf_take(struct buf *b)
{
	buf_add(b, "", 1);
	char *bytes = b->bytes;
	*b = (struct buf){ 0 };
	return bytes;
}

void buf_done(struct buf *b)
{
	free(b->bytes);
	*b = (struct buf){ 0 };
}

static size_t lent_bytes;

size_t text_lent_bytes(void)
{
	return lent_bytes;
}

static size_t text_size(const struct text *t)
{
	return sizeof(*t) + t->len + 1 + t->facts_len;
}

struct text *text_new(const char *bytes, size_t len)
{
	return text_new_with(bytes, len, &(struct buf){ 0 });
}

struct text *text_new_with(const char *bytes, size_t len, const struct buf *facts)
{
	struct text *t = mem_get(sizeof(*t) + len + 1 + facts->len);

	t->refs = 1;
	t->kept = 0;
	t->len = (uint32_t)len;
	t->facts_len = (uint32_t)facts->len;
	memcpy(t->bytes, bytes, len);
	t->bytes[len] = '\0';
	if (facts->len > 0)
		memcpy(t->bytes + len + 1, facts->bytes, facts->len);
	lent_bytes += text_size(t);
	return t;
}

struct text *text_ref(struct text *t)
{
	if (t != NULL)
		t->refs++;
	return t;
}

struct text *text_unref(struct text *t)
{
	if (t != NULL && --t->refs == 0) {
		lent_bytes -= text_size(t);
		free(t);
	}
	return NULL;
}

struct text *text_keep(struct text *t)
{
	if (t != NULL && t->kept++ == 0)
		lent_bytes -= text_size(t);
	return text_ref(t);
}

struct text *text_unkeep(struct text *t)
{
	if (t != NULL && --t->kept == 0)
		lent_bytes += text_size(t);
	return text_unref(t);
}
