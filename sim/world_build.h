// SPDX-License-Identifier: Apache-2.0
/*
 * What the files that put a world together share: world_build.c all of it, world_stations.c links
 * and what is on them.
 */
#ifndef BELLMAN_SIM_WORLD_BUILD_H
#define BELLMAN_SIM_WORLD_BUILD_H

#include "sim/world_state.h"

struct building {
	struct sim_world *w;
	char *err;
	size_t err_size;
	struct building_link {
		struct sim_link *link;
		unsigned stations;
		struct building_supply {
			u128 next;  /* number within the prefix */
			bool spent; /* what is left is in pools */
		} supply4, supply6;
	} * links;
	struct {
		ARRAY_OF(struct building_address {
			char *node;
			struct ip_addr ip;
		});
	} taken; /* what Nodes say they have */
};

/* Say why it cannot be built. Returns -EINVAL. */
int building_fail(const struct building *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void building_done(struct building *b);

/* world_stations.c. Each returns 0, or what building_fail() does. */
int building_links(struct building *b);
int building_stations(struct building *b);

#endif
