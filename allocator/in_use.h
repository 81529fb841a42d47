// SPDX-License-Identifier: Apache-2.0
/*
 * What the cluster uses itself: the addresses and Pod CIDRs of its Nodes, and its ServiceCIDRs,
 * object by object, as small as can be: about 100 bytes a Node, as there may be thousands. Pure.
 */
#ifndef BELLMAN_ALLOCATOR_IN_USE_H
#define BELLMAN_ALLOCATOR_IN_USE_H

#include "lib/model/overlap.h"

struct in_use; /* opaque */

/* Of which kind an object is; names are unique in each. */
enum in_use_kind { IN_USE_NODE, IN_USE_SERVICE_CIDR };

struct in_use *in_use_new(void);
struct in_use *in_use_free(struct in_use *u); /* NULL is fine; returns NULL */

/* An object uses just these prefixes from now on, in place of what it did. True: that is news. */
bool in_use_set(struct in_use *u, enum in_use_kind kind, const char *name,
		const struct taken_ranges *ranges);
bool in_use_remove(struct in_use *u, enum in_use_kind kind, const char *name);

/* All of it, in portions; @each is lent them. */
void in_use_each(const struct in_use *u,
		 void (*each)(void *arg, const struct taken_ranges *portion), void *arg);

#endif
