// SPDX-License-Identifier: Apache-2.0
/*
 * Which status of an IPAddressPool is to be written next: what each should say, what it says, and
 * when it may be written again. No I/O and no clock: times are milliseconds of the caller's.
 *
 * A pool that says something else than it should is written at once, and then not for a second.
 * Whoever has waited longest comes first, so that none is kept waiting by others that change all
 * the time. A write that fails is tried again with a growing pause. One that is answered with an
 * object that does not say what was written (its definition does not know the fields) is tried
 * again as well, for the definition may change, but ever more seldom: down to once in ten minutes.
 */
#ifndef BELLMAN_ALLOCATOR_POOL_STATUS_BOOK_H
#define BELLMAN_ALLOCATOR_POOL_STATUS_BOOK_H

#include "allocator/pool_status.h"

struct pool_status_book; /* opaque */

/* @seed: of the jitter in pauses. */
struct pool_status_book *pool_status_book_new(uint64_t seed);
struct pool_status_book *pool_status_book_free(struct pool_status_book *b); /* returns NULL */

/* What the API says of an IPAddressPool; @object NULL: it is gone. */
void pool_status_book_told(struct pool_status_book *b, const char *name, const cJSON *object);

/* Which pools should have a status, and which: begin, and say each. The others are let be. */
void pool_status_book_begin(struct pool_status_book *b);
void pool_status_book_want(struct pool_status_book *b, const char *name,
			   const struct pool_status *s);

/*
 * The next one to be written, whose write is under way from here on: its name, lent until
 * it is told of, and *ret; NULL: none at this time.
 */
const char *pool_status_book_next(struct pool_status_book *b, uint64_t now_ms,
				  struct pool_status *ret);

enum pool_status_end {
	POOL_STATUS_STANDS, /* it says so now */
	POOL_STATUS_VAIN,   /* it was taken, and is not there */
	POOL_STATUS_FAILED,
};

/* The write of @name has ended, with an HTTP @status (0: no answer) and, if it went well, @object
 * (NULL: not said). */
enum pool_status_end pool_status_book_written(struct pool_status_book *b, const char *name,
					      uint64_t now_ms, int status, const cJSON *object);

/* When the next one may be written; UINT64_MAX: none is to be. */
uint64_t pool_status_book_wake_ms(const struct pool_status_book *b);

#endif
