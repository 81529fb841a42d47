// SPDX-License-Identifier: Apache-2.0
/*
 * Where one JSON value ends in a stream of bytes that comes in pieces of any size.
 *
 * It knows strings, escapes and nesting (RFC 8259) and nothing more: whether what lies between the
 * two ends is JSON, the parser says. So brackets are counted and not matched. Pure.
 */
#ifndef BELLMAN_KUBE_JSON_SCAN_H
#define BELLMAN_KUBE_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#define JSON_DEPTH_MAX 500 /* deeper is not believed; the parser would recurse as deep */

struct json_scan { /* zeroed: at the first byte of a value */
	unsigned depth;
	bool begun, in_string, escaped;
	bool done;     /* the value is complete */
	bool too_deep; /* it never will be */
};

/* May lie between values. */
static inline bool json_is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/*
 * Take more bytes; returns how many belong to the value: all, unless it is `done` or `too_deep`.
 * The first byte of all must not be blank. A number or word ends before what follows it.
 */
size_t json_scan(struct json_scan *s, const char *text, size_t len);

#endif
