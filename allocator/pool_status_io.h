// SPDX-License-Identifier: Apache-2.0
/*
 * Keeps the status of every IPAddressPool of the API at what the engine's books say, for pools that
 * are in force. Pools of the configuration file have no object, so no status.
 *
 * The first change of a pool is written at once, further ones once a second together: however many
 * Services come and go, a pool is written at most once a second, and the last numbers always are.
 * What somebody else writes there is put right. In which order is said in pool_status_book.h.
 */
#ifndef BELLMAN_ALLOCATOR_POOL_STATUS_IO_H
#define BELLMAN_ALLOCATOR_POOL_STATUS_IO_H

#include <cjson/cJSON.h>
#include <uv.h>

#include "allocator/engine.h"
#include "allocator/gate_io.h"

struct pool_status_io; /* opaque */

struct pool_status_io_cfg {
	uv_loop_t *loop;
	struct gate_io *gate;           /* borrowed, as what follows */
	const struct allocator *engine; /* asked from the loop */
	const char *ns;                 /* of the IPAddressPools; copied */
	uint64_t seed;                  /* of the jitter in back-offs */
};

struct pool_status_io *pool_status_io_open(const struct pool_status_io_cfg *cfg);

/* What the API says of an IPAddressPool; @object NULL: it is gone. */
void pool_status_io_told(struct pool_status_io *p, const char *name, const cJSON *object);

/* The engine has run: its numbers may be others. Nothing is written before they count. */
void pool_status_io_update(struct pool_status_io *p);

/*
 * Neither the engine nor the API is asked for anything from here on. The memory goes when the
 * writes under way have ended and the loop has run the close callbacks. NULL is fine; returns NULL.
 */
struct pool_status_io *pool_status_io_close(struct pool_status_io *p);

#endif
