// SPDX-License-Identifier: Apache-2.0
/*
 * bellman-proxy at work: watches Services, EndpointSlices and Nodes, hands them to rules.c, and
 * sends its transactions to the kernel one after the other. What changes while nft
 * runs goes into the next one.
 *
 * Fails open: without the API server, and after the proxy has ended, the rules stay as they are.
 */
#ifndef BELLMAN_PROXY_PROXY_IO_H
#define BELLMAN_PROXY_PROXY_IO_H

#include <stdbool.h>

#include "lib/base/metrics.h"
#include "lib/kube/kube.h"

struct proxy; /* opaque */

/* Everything is borrowed until proxy_free(). @node: this node's name. */
struct proxy *proxy_new(uv_loop_t *loop, struct kube *kube, struct metrics *metrics,
			const char *node);

/* All caches are synced and the kernel has taken the first rule set. */
bool proxy_ready(const struct proxy *p);
/* Bring the gauges up to date. */
void proxy_before_scrape(struct proxy *p);

/* Look now whether the rules are still in the kernel; if not, they are put there again. */
void proxy_look(struct proxy *p);

/* Start nothing more. The loop runs dry once an nft that is under way has ended. */
void proxy_stop(struct proxy *p);
/* After the loop has run dry. NULL is fine; returns NULL. */
struct proxy *proxy_free(struct proxy *p);

#endif
