// SPDX-License-Identifier: Apache-2.0
/*
 * Looks for pools that hold a gateway of this node's default routes, and has them told
 * (lib/daemon/overlap_report.h): given to a Service, such an address takes the node, and whoever
 * is behind the same gateway, off the network. The routes are read once and then followed by
 * netlink events.
 *
 * Nothing depends on it: routes that cannot be read cost this one check.
 */
#ifndef BELLMAN_SPEAKER_GATEWAY_IO_H
#define BELLMAN_SPEAKER_GATEWAY_IO_H

#include <uv.h>

#include "lib/daemon/overlap_report.h"

struct gateway_io; /* opaque */

struct gateway_io_cfg {
	uv_loop_t *loop;
	const char *node; /* borrowed */
	struct overlap_report_cfg report;
};

/* Returns NULL, with the reason logged, when the kernel does not tell of routes. */
struct gateway_io *gateway_io_open(const struct gateway_io_cfg *cfg);

/* The pools that are in force; takes a reference. NULL for @g is fine. */
void gateway_io_config(struct gateway_io *g, struct config *c);

/* Close it before its kube. The loop must turn once more. NULL is fine; returns NULL. */
struct gateway_io *gateway_io_close(struct gateway_io *g);

#endif
