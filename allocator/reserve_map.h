// SPDX-License-Identifier: Apache-2.0
/*
 * Reservations as they stand in ConfigMap bellman-reservations, one key for each Service:
 *
 *	data:
 *	  default.web: '{"addresses":["192.0.2.1"],"until":"2026-11-26T02:00:00Z"}'
 *
 * Namespaces and Services have no dot in their names, so the key is one name for one Service.
 * Pure; allocator/reserve_io.c reads and writes it.
 */
#ifndef BELLMAN_ALLOCATOR_RESERVE_MAP_H
#define BELLMAN_ALLOCATOR_RESERVE_MAP_H

#include <cjson/cJSON.h>
#include <time.h>

#include "allocator/engine.h"

#define RESERVE_MAP_NAME "bellman-reservations"

/* One moment on both clocks: the engine's, and that of the wall. */
struct reserve_now {
	uint64_t ns;
	time_t wall_s;
};

/* All that @engine keeps as a ConfigMap of @ns. @version: of the one it replaces; NULL: a new one.
 * The caller's. */
cJSON *reserve_map_encode(const struct allocator *engine, const char *ns, const char *version,
			  struct reserve_now now);

struct reserve_list {
	ARRAY_OF(struct allocator_reservation);
};
/*
 * What @map says. An entry whose time is over ends now. Returns how many entries are not
 * understood; they are left out. End *ret with reserve_list_done().
 */
size_t reserve_map_decode(const cJSON *map, struct reserve_now now, struct reserve_list *ret);
void reserve_list_done(struct reserve_list *l);

#endif
