// SPDX-License-Identifier: Apache-2.0
/*
 * For what can only fail short of memory: the process ends.
 *
 * An engine with half of its books could give an address away twice; after a restart
 * everything is read again from the API. Not for what depends on input, and not for
 * readers of files, which say that memory ran out.
 */
#ifndef BELLMAN_BASE_MUST_H
#define BELLMAN_BASE_MUST_H

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* @memory, which is not NULL. */
static inline void *must(void *memory)
{
	if (memory == NULL)
		abort();
	return memory;
}

/* A copy of @text for the caller to free; NULL of NULL. */
static inline char *must_copy(const char *text)
{
	return text != NULL ? must(strdup(text)) : NULL;
}

/* printf() into memory for the caller to free. */
char *must_text(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
char *must_vtext(const char *fmt, va_list args) __attribute__((format(printf, 1, 0)));

/* @rc is 0. */
static inline void must_0(int rc)
{
	if (rc != 0)
		abort();
}

#endif
