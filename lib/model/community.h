// SPDX-License-Identifier: Apache-2.0
/* BGP communities (RFC 1997) and large ones (RFC 8092) as values. */
#ifndef BELLMAN_MODEL_COMMUNITY_H
#define BELLMAN_MODEL_COMMUNITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct community {
	bool large;
	uint32_t parts[3]; /* a standard one is whole in the first: A:B is A << 16 | B */
};

/*
 * Parse "A:B" or "large:A:B:C", decimal. Returns 0; or -EINVAL with the reason in @why, in
 * MetalLB's words, and *ret untouched.
 */
int community_parse(const char *text, struct community *ret, char *why, size_t size);

/* MetalLB's order: a standard one as if it were large with zeros behind. Total. */
int community_cmp(const struct community *a, const struct community *b);

#endif
