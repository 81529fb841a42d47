// SPDX-License-Identifier: Apache-2.0
/*
 * Requests through the gate (allocator/gate.h), with the clock and the connection.
 *
 * Whoever changes something in the cluster (a status, an annotation, a ConfigMap, a Secret) calls
 * gate_io_send() where it would call kube_request(). Reads and events need no gate. A request to
 * somebody else than the API server that must be the leader's (an IPAM server) asks
 * gate_io_is_open() first, takes no longer than gate_timeout_ns(), and is made known to the gate
 * (gate_io_call_begin()), so that the Lease is not given back under it.
 *
 *	rc = gate_io_send(gate, "PATCH", path, KUBE_MERGE_PATCH, body, on_written, x);
 *	// -EACCES: we do not lead; forget it, nothing was decided
 */
#ifndef BELLMAN_ALLOCATOR_GATE_IO_H
#define BELLMAN_ALLOCATOR_GATE_IO_H

#include <stdbool.h>

#include "allocator/gate.h"
#include "lib/base/metrics.h"
#include "lib/kube/kube.h"

struct gate_io; /* opaque */

/*
 * With a gate that is closed. @kube, @metrics: borrowed; @kube is to be closed before
 * gate_io_free(), which ends the writes under way.
 */
struct gate_io *gate_io_new(struct kube *kube, struct metrics *metrics);
struct gate_io *gate_io_free(struct gate_io *g); /* NULL is fine; returns NULL */

/* The gate itself, whose time is daemon_now_ns(). */
struct gate *gate_io_gate(struct gate_io *g);
/* gate_is_open() and gate_may_decide(), now. */
bool gate_io_is_open(const struct gate_io *g);
bool gate_io_may_decide(const struct gate_io *g);

/*
 * As kube_request(), for whatever changes something in the cluster. @body must be there, for a
 * DELETE too ("{}" will do).
 * @done: runs exactly once if this returns 0, with status 0 also when the write was withheld or the
 * gate is closed before it has ended: it may have landed then, and nobody is to try again.
 * Returns 0; -EACCES: we do not lead, @done does not run; or as kube_request().
 */
int gate_io_send(struct gate_io *g, const char *method, const char *path, const char *content_type,
		 const char *body, kube_done done, void *arg);

/* A call of somebody else is sent here and now; the gate is open. gate_end() is due. */
void gate_io_call_begin(struct gate_io *g, struct gate_call *call);

#endif
