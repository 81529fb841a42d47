// SPDX-License-Identifier: Apache-2.0
/*
 * Carries the calls of docs/ipam-hook.md over HTTP: a Unix socket, or TLS.
 *
 * Decides nothing: what is called when, and what an answer means for Services, is the engine's.
 * Only the leader calls. Connections are kept; nothing is followed elsewhere, no proxy is used.
 */
#ifndef BELLMAN_ALLOCATOR_IPAM_IO_H
#define BELLMAN_ALLOCATOR_IPAM_IO_H

#include <uv.h>

#include "allocator/engine.h"
#include "allocator/gate_io.h"
#include "lib/base/metrics.h"

struct ipam_io; /* opaque */

struct ipam_io_cfg {
	uv_loop_t *loop;
	struct gate_io *gate;       /* borrowed; whether we lead */
	struct allocator *engine;   /* borrowed */
	struct metrics *metrics;    /* borrowed */
	void (*changed)(void *arg); /* the engine was told something */
	void *arg;
};

/* Returns 0 and *ret for ipam_io_close(), or a negative errno. */
int ipam_io_open(const struct ipam_io_cfg *cfg, struct ipam_io **ret);

/* Make a call, which is ipam_io's from here on. The engine hears of its end later, from the loop.
 */
void ipam_io_call(struct ipam_io *io, struct ipam_call *call);

/* Bring the gauges up to date. */
void ipam_io_measure(struct ipam_io *io);

/*
 * End all calls; the engine hears of none. The memory goes when the loop has run its close
 * callbacks. NULL is fine; returns NULL.
 */
struct ipam_io *ipam_io_close(struct ipam_io *io);

#endif
