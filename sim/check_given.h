// SPDX-License-Identifier: Apache-2.0
/*
 * Which addresses Services have, held against the pools by plain arithmetic over what the API
 * holds: what the files of that share. check_given.c looks at what a Service has, check_wishes.c at
 * what it asks for, check_gets.c at what it is just given; check_pools.c is what pools say.
 */
#ifndef BELLMAN_SIM_CHECK_GIVEN_H
#define BELLMAN_SIM_CHECK_GIVEN_H

#include "sim/check_state.h"

/* Of one pool: whether it has an address left. It is asked of many Services, and costly. */
struct rooms {
	bool known4, known6, room4, room6;
};

/* All of one look. */
struct look {
	struct sim_world *w;
	const struct config *config;
	struct rooms *rooms; /* of the pools, in their order */
};

/* One Service, as it is held against the pools. */
struct given {
	const struct look *look;
	struct sim_world *w;
	const struct sim_object *object;
	const struct service *service;
	const struct config *config;
	bool four, six; /* it needs an address of that family, or one of both will do: */
	bool one_will_do;
	char text[520];
};

/* --- check_pools.c --------------------------------------------------------------------- */

/* Others may have reasons for giving nothing that are not told here. */
bool given_pool_is_open(const struct pool *p);
bool given_pool_is_plain(const struct pool *p); /* the same, and one of a family is all it gives */
bool given_pool_gives(const struct pool *p, const struct ip_addr *ip); /* whoever asks */
bool given_pool_admits(const struct given *g, const struct pool *p);
/* Is an address of the family nobody's? */
bool given_pool_has_room(const struct given *g, const struct pool *p, uint8_t family);
/* Has a Service the address in its status, other than @but (or NULL)? */
bool given_is_shown(const struct answered *a, const struct owned_service *but);

/* --- check_wishes.c -------------------------------------------------------------------- */

bool given_asks(const struct service *s); /* for addresses */
/* `allocation`, but for the second one of two, and for ranges. */
void given_check_wishes(const struct given *g);

#endif
