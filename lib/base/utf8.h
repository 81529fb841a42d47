// SPDX-License-Identifier: Apache-2.0
/* UTF-8 (RFC 3629): JSON takes nothing else, and no half characters. */
#ifndef BELLMAN_BASE_UTF8_H
#define BELLMAN_BASE_UTF8_H

#include <stddef.h>

/* How many of the first @len bytes of @text are whole characters: all but part of the last one. */
size_t utf8_whole(const char *text, size_t len);

/* Length of the well-formed character that @text starts with, or 0; of "" it is 1. */
size_t utf8_len(const char *text);

#endif
