// SPDX-License-Identifier: Apache-2.0
/* Texts that may be missing. */
#ifndef BELLMAN_BASE_TEXT_H
#define BELLMAN_BASE_TEXT_H

#include <stdbool.h>
#include <string.h>

/* NULL is equal to nothing but NULL. */
static inline bool text_equal(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

#endif
