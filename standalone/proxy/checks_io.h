// SPDX-License-Identifier: Apache-2.0
/*
 * The listeners of health-check node ports, on all addresses of the node.
 *
 * A Service costs one socket: they all feed one HTTP server, since one of libmicrohttpd's daemons
 * each would cost thousands of Services thousands of epoll descriptors and timers. A port that
 * somebody else has is logged once, told in an event, and tried again until it is free. So is one
 * for which there are not enough descriptors: some of those that the process may have
 * (RLIMIT_NOFILE at checks_open()) are kept for the rest of it.
 */
#ifndef BELLMAN_PROXY_CHECKS_IO_H
#define BELLMAN_PROXY_CHECKS_IO_H

#include <uv.h>

#include "lib/base/metrics.h"
#include "lib/kube/kube.h"
#include "standalone/proxy/checks.h"

struct checks_io; /* opaque */

struct checks_cfg {
	struct kube *kube; /* for events */
	struct metrics *metrics;
	const char *node;
	bool (*healthy)(void *arg); /* does the kernel have what it should have? */
	void *arg;
};

/* Everything is borrowed until checks_close(). Returns NULL, and logs, when HTTP cannot be served.
 */
struct checks_io *checks_open(uv_loop_t *loop, const struct checks_cfg *cfg);

/* Open and close listeners by what changed, and take @changes over: it is empty then. NULL @c is
 * fine. */
void checks_change(struct checks_io *c, struct check_changes *changes);

/* The memory goes once the loop has run the close callbacks. NULL is fine; returns NULL. */
struct checks_io *checks_close(struct checks_io *c);

#endif
