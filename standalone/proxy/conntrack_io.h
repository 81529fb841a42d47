// SPDX-License-Identifier: Apache-2.0
/*
 * The kernel's table of flows: looked through after a change, and those that flows.h calls
 * stale deleted, by ctnetlink. Needs CAP_NET_ADMIN and no more.
 *
 * The table may be large: it is read in pieces, a few for each turn of the loop, and nothing of it
 * is kept. What changes meanwhile has the table looked through once more.
 */
#ifndef BELLMAN_PROXY_CONNTRACK_IO_H
#define BELLMAN_PROXY_CONNTRACK_IO_H

#include <uv.h>

#include "standalone/proxy/flows.h"

struct conntrack; /* opaque */

/*
 * @deleted counts flows; borrowed until conntrack_close(). Returns NULL and logs when there is no
 * socket to be had; the functions below take that for a conntrack that does nothing.
 */
struct conntrack *conntrack_open(uv_loop_t *loop, int64_t *deleted);

/*
 * Look through the table for what @flows notes, which is taken over: @flows is empty then. What a
 * look that failed was for is looked for in the next one, for which empty @flows will do.
 */
void conntrack_sweep(struct conntrack *c, struct flows *flows);

/* The kernel is about to get rules that lead to what @coming notes: spare flows to that from now
 * on. */
void conntrack_expect(struct conntrack *c, const struct flows *coming);

/* A reading under way is let go of once the loop has run the close callbacks. NULL is fine; returns
 * NULL. */
struct conntrack *conntrack_close(struct conntrack *c);

#endif
