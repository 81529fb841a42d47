// SPDX-License-Identifier: Apache-2.0
/* How many addresses of each pool are in use: shown by Services, whatever is decided here. */
#ifndef BELLMAN_CTL_USAGE_H
#define BELLMAN_CTL_USAGE_H

#include "ctl/engines.h"

struct usage {
	ARRAY_OF(struct ip_addr); /* each once */
};

/* Find those that a Service of @c shows, and those that @a keeps for one that is gone. */
struct usage usage_find(const struct cluster *c, const struct allocator *a);
/* How many of them are addresses of @pool, one of @config, and of @family. */
size_t usage_of(const struct usage *u, const struct config *config, const struct pool *pool,
		enum ip_family family);
void usage_done(struct usage *u);

#endif
