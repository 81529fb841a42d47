// SPDX-License-Identifier: Apache-2.0
/*
 * Bytes of the API server: a growing buffer to build answers in, and shared immutable
 * texts for what many hold at once (a stored object, a watch event).
 *
 * Running out of memory ends the process: every answered write is on disk, so a
 * restart is the way on, and no caller has to undo half of an operation.
 */
#ifndef BELLMAN_APISERVER_BUF_H
#define BELLMAN_APISERVER_BUF_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/* As malloc, calloc and strdup, but never NULL. */
void *mem_get(size_t size);
void *mem_zero(size_t size);
char *mem_text(const char *text);
char *mem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

struct buf {
	char *bytes; /* NULL while empty; not NUL-terminated */
	size_t len, cap;
};

void buf_add(struct buf *b, const void *bytes, size_t len);
void buf_puts(struct buf *b, const char *text);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *fmt, va_list args)
	__attribute__((format(printf, 2, 0)));
/* The content as a C string that the caller frees; the buffer is empty then. */
char *buf_take(struct buf *b);
void buf_done(struct buf *b);

/* An immutable text, counted by its holders. */
struct text {
	uint32_t refs, len;
	uint32_t kept;      /* by how many of them for good: text_keep() */
	uint32_t facts_len; /* of what stands behind the NUL of a stored object: query.h */
	char bytes[];       /* NUL-terminated */
};

struct text *text_new(const char *bytes, size_t len);
/* The same with @facts kept behind. */
struct text *text_new_with(const char *bytes, size_t len, const struct buf *facts);
struct text *text_ref(struct text *t);   /* NULL is fine */
struct text *text_unref(struct text *t); /* NULL is fine; returns NULL */
/*
 * As those two, for holders that are bounded by themselves: the store and its history. All others
 * hold a text for some client, and what they hold alone is what clients cost.
 */
struct text *text_keep(struct text *t);   /* NULL is fine */
struct text *text_unkeep(struct text *t); /* NULL is fine; returns NULL */
/* Bytes of all texts that nobody keeps. */
size_t text_lent_bytes(void);

#endif
