// SPDX-License-Identifier: Apache-2.0
/*
 * The node's links as the kernel tells them: read once, then followed by netlink
 * events, never polled. Events that were lost (ENOBUFS) lead to a new reading.
 *
 * It reports; which links are used is layer2.h's.
 */
#ifndef BELLMAN_SPEAKER_LINK_IO_H
#define BELLMAN_SPEAKER_LINK_IO_H

#include "speaker/layer2.h"

#include <uv.h>

struct link_io; /* opaque */

struct link_io_cfg {
	uv_loop_t *loop;
	void (*set)(void *arg, const struct l2_link *link); /* new or changed */
	void (*remove)(void *arg, unsigned ifindex);
	void *arg;
};

/*
 * Report every link through @cfg->set before returning, then follow them from the loop.
 * Returns 0 or negative errno.
 */
int link_io_open(const struct link_io_cfg *cfg, struct link_io **ret);

/* The loop must turn once more. NULL is fine; returns NULL. */
struct link_io *link_io_close(struct link_io *l);

#endif
