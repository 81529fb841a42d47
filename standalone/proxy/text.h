// SPDX-License-Identifier: Apache-2.0
/*
 * A growing text. Running out of memory ends the process, as in lib/base/intern.h: a rule set
 * that is cut short must never reach the kernel.
 */
#ifndef BELLMAN_PROXY_TEXT_H
#define BELLMAN_PROXY_TEXT_H

#include <stddef.h>

#include "lib/base/must.h"

struct text {
	char *at; /* NUL-ended; NULL while empty */
	size_t len, cap;
};

void text_add(struct text *t, const char *what, size_t len);
void text_printf(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The text itself, for the caller to free(); "" when nothing was written. @t is empty again. */
char *text_take(struct text *t);
void text_free(struct text *t);

#endif
