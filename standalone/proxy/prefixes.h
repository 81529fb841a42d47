// SPDX-License-Identifier: Apache-2.0
/* A list of prefixes in a form that nft takes: sorted, and none within another. */
#ifndef BELLMAN_PROXY_PREFIXES_H
#define BELLMAN_PROXY_PREFIXES_H

#include "lib/base/array.h"
#include "lib/base/ip.h"
#include "standalone/proxy/text.h"

struct prefixes {
	ARRAY_OF(struct ip_prefix);
};

void prefixes_add(struct prefixes *p, const struct ip_prefix *prefix);
/* Sort, and leave out what another holds. */
void prefixes_unite(struct prefixes *p);
/* The JSON of one, and of all as elements of a set, separated by commas. */
void prefix_write(const struct ip_prefix *p, struct text *to);
void prefixes_write(const struct prefixes *p, struct text *to);

#endif
