// SPDX-License-Identifier: Apache-2.0
/*
 * Cursors over wire bytes: every read and write is bounds-checked and can fail.
 *
 * A failed read sets a sticky flag and yields zero, so a decoder reads a whole
 * header and checks once, before it acts. A failed write sets a sticky flag and
 * writes nothing more. Numbers are in network order. No allocation, no cast over
 * the bytes, so alignment never matters.
 */
#ifndef BELLMAN_BASE_CURSOR_H
#define BELLMAN_BASE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct rd {
	const uint8_t *at, *end;
	bool failed;
};

/* @bytes may be NULL when @len is 0. */
static inline struct rd rd_init(const void *bytes, size_t len)
{
	static const uint8_t nothing[1];
	const uint8_t *at = bytes == NULL ? nothing : bytes; /* NULL + 0 is undefined in C */

	return (struct rd){ at, at + len, false };
}

static inline size_t rd_left(const struct rd *r)
{
	return r->failed ? 0 : (size_t)(r->end - r->at);
}

static inline bool rd_failed(const struct rd *r)
{
	return r->failed;
}

/* Take @len bytes off the front; NULL and the flag when there are fewer, or one failed before. */
static inline const uint8_t *rd_take(struct rd *r, size_t len)
{
	if (r->failed || rd_left(r) < len) {
		r->failed = true;
		return NULL;
	}
	const uint8_t *at = r->at;
	r->at += len;
	return at;
}

static inline uint64_t rd_number(struct rd *r, size_t len)
{
	const uint8_t *b = rd_take(r, len);
	uint64_t n = 0;

	for (size_t i = 0; b != NULL && i < len; i++)
		n = n << 8 | b[i];
	return n;
}

static inline uint8_t rd_u8(struct rd *r)
{
	return (uint8_t)rd_number(r, 1);
}

static inline uint16_t rd_u16(struct rd *r)
{
	return (uint16_t)rd_number(r, 2);
}

static inline uint32_t rd_u32(struct rd *r)
{
	return (uint32_t)rd_number(r, 4);
}

/* Copy @len bytes to @to; zeroes when there are fewer. */
static inline void rd_bytes(struct rd *r, void *to, size_t len)
{
	const uint8_t *b = rd_take(r, len);

	if (b == NULL)
		memset(to, 0, len);
	else
		memcpy(to, b, len);
}

/* A cursor over the next @len bytes, which are taken; a failed one when there are fewer. */
static inline struct rd rd_sub(struct rd *r, size_t len)
{
	const uint8_t *b = rd_take(r, len);

	return b == NULL ? (struct rd){ NULL, NULL, true } : rd_init(b, len);
}

struct wr {
	uint8_t *start, *at, *end;
	bool failed;
};

static inline struct wr wr_init(void *bytes, size_t len)
{
	return (struct wr){ bytes, bytes, (uint8_t *)bytes + len, false };
}

/* Bytes written so far; zero after a failure, so that nothing half-made is sent. */
static inline size_t wr_len(const struct wr *w)
{
	return w->failed ? 0 : (size_t)(w->at - w->start);
}

static inline bool wr_failed(const struct wr *w)
{
	return w->failed;
}

/* Room for @len bytes, zeroed; NULL and the flag when there is none. */
static inline uint8_t *wr_room(struct wr *w, size_t len)
{
	if (w->failed || (size_t)(w->end - w->at) < len) {
		w->failed = true;
		return NULL;
	}
	uint8_t *at = w->at;
	memset(at, 0, len);
	w->at += len;
	return at;
}

/* @from may be NULL when @len is 0. */
static inline void wr_bytes(struct wr *w, const void *from, size_t len)
{
	uint8_t *b = wr_room(w, len);

	if (b != NULL && len > 0)
		memcpy(b, from, len);
}

static inline void wr_number(struct wr *w, uint64_t n, size_t len)
{
	uint8_t *b = wr_room(w, len);

	for (size_t i = len; b != NULL && i-- > 0; n >>= 8)
		b[i] = (uint8_t)n;
}

static inline void wr_u8(struct wr *w, uint8_t n)
{
	wr_number(w, n, 1);
}

static inline void wr_u16(struct wr *w, uint16_t n)
{
	wr_number(w, n, 2);
}

static inline void wr_u32(struct wr *w, uint32_t n)
{
	wr_number(w, n, 4);
}

/* Leave two bytes to be filled once what they count is written. */
static inline uint8_t *wr_hole16(struct wr *w)
{
	return wr_room(w, 2);
}

static inline void wr_fill16(struct wr *w, uint8_t *hole, uint16_t n)
{
	if (w->failed || hole == NULL)
		return;
	hole[0] = (uint8_t)(n >> 8);
	hole[1] = (uint8_t)n;
}

#endif
