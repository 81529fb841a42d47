// SPDX-License-Identifier: Apache-2.0
/*
 * Which UDP flows the kernel must forget because of what changed.
 *
 * Rules are asked only about the first packet of a flow; the kernel remembers the answer for as
 * long as the flow does not pause. So a UDP client that keeps sending stays with an endpoint
 * that is gone, and one that sent before the Service had an endpoint is never translated. This is
 * the book of the ways in (an address and port, a node port) whose flows have to be looked at,
 * each with the endpoints that its flows may go on with.
 *
 * Terminating endpoints that still serve keep their flows, and traffic policies are not looked at:
 * they are for new flows, as with TCP. Pure; conntrack_io.c does what it says.
 */
#ifndef BELLMAN_PROXY_FLOWS_H
#define BELLMAN_PROXY_FLOWS_H

#include <stdbool.h>

#include "standalone/proxy/plan.h"

struct flows; /* opaque */

/* A UDP flow that the kernel knows. */
struct flow {
	struct ip_addr to;   /* where its first packet was sent */
	struct ip_addr from; /* where answers come from: @to, unless it is translated */
	uint16_t to_port, from_port;
	bool translated; /* its destination is */
};

struct flows *flows_new(void);
struct flows *flows_free(struct flows *f); /* NULL is fine; returns NULL */

/*
 * Compare what a Service asked for before with what it asks for now, and note the ways in that it
 * lost, or those that it got or whose flows have to be looked at. @before: empty when it is not
 * known. Of Services that changed together all losses must be noted first: what one lost another
 * may have got.
 */
void flows_note_losses(struct flows *f, const struct plan *before, const struct plan *now);
void flows_note_gains(struct flows *f, const struct plan *before, const struct plan *now);
/* The way in @e, of UDP, is gone. */
void flows_note_gone(struct flows *f, const struct element *e);
/* Add what @from notes, which is newer, to @f. @from is empty then. */
void flows_merge(struct flows *f, struct flows *from);
/*
 * Rules that the kernel is about to take lead to what @coming notes: flows to that are in order too
 * from now on, for the ways in that @f has.
 */
void flows_allow(struct flows *f, const struct flows *coming);
void flows_forget(struct flows *f);

bool flows_empty(const struct flows *f);
/* Is a node port among them? Only then does flows_stale() need to know addresses of this node. */
bool flows_need_local(const struct flows *f);

/* Must @flow be forgotten? @is_local: its `to` is an address of this node. */
bool flows_stale(const struct flows *f, const struct flow *flow, bool is_local);

#endif
