// SPDX-License-Identifier: Apache-2.0
/*
 * The gate: every write of the allocator goes through it, and only the leader's come through.
 *
 * Whoever changes something in the cluster (a status, an annotation, a ConfigMap, a Secret) calls
 * gate_send() where it would call kube_request(). Reads and events need no gate. A request to
 * somebody else than the API server that must be the leader's (an IPAM server) asks
 * gate_is_open() first, takes no longer than gate_timeout_ns(), and is made known to the gate
 * (gate_call_begin()), so that the Lease is not given back under it.
 *
 *	rc = gate_send(gate, "PATCH", path, KUBE_MERGE_PATCH, body, on_written, x);
 *	// -EACCES: we do not lead; forget it, nothing was decided
 *
 * What it promises. A write is handed to the connection only while the lease that it was decided
 * under is ours and has longer to run than a write may take, by CLOCK_BOOTTIME, so that neither a
 * stopped process nor a suspended machine believes in a lease that is over. That is asked at the
 * last moment (kube_call()): a write that lay in a queue, or in a process that was stopped, is
 * dropped. So every write has ended before the lease does, or has at least been given up; and who
 * follows without a release waits for the time-out once more before it lists and decides, which is
 * what a write may take that the network still carried when it was given up. Our own kernel does
 * not carry it for longer, be this process stopped or gone: struct kube_cfg's unacked_ms is the
 * time-out.
 *
 * What it cannot promise: that the network carries nothing for longer than that. Such a write still
 * has the resourceVersion of the object as it was, and fails if that has changed; if not, the
 * engine sees one address with two Services and repairs it at once.
 *
 * lead_io.c opens and closes it.
 */
#ifndef BELLMAN_ALLOCATOR_GATE_IO_H
#define BELLMAN_ALLOCATOR_GATE_IO_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "lib/base/metrics.h"
#include "lib/kube/kube.h"

struct gate; /* opaque */

/*
 * A gate that is closed. @kube, @metrics: borrowed; @kube is to be closed before gate_free(), which
 * ends the writes under way.
 */
struct gate *gate_new(struct kube *kube, struct metrics *metrics);
struct gate *gate_free(struct gate *g); /* NULL is fine; returns NULL */

/*
 * As kube_request(), for whatever changes something in the cluster. @body must be there, for a
 * DELETE too ("{}" will do).
 * @done: runs exactly once if this returns 0, with status 0 also when the write was withheld or the
 * gate is closed before it has ended: it may have landed then, and nobody is to try again.
 * Returns 0; -EACCES: we do not lead, @done does not run; or as kube_request().
 */
int gate_send(struct gate *g, const char *method, const char *path, const char *content_type,
	      const char *body, kube_done done, void *arg);

/* Would a write be sent now? */
bool gate_is_open(const struct gate *g);
/* How long a write may take. */
uint64_t gate_timeout_ns(const struct gate *g);

/*
 * We lead, until @until_ns (of daemon_now_ns()) if the lease is not renewed; a write may take
 * @timeout_ns. When it is open already that only moves its end.
 */
void gate_open(struct gate *g, uint64_t until_ns, uint64_t timeout_ns);

/*
 * We lead no longer. Writes that are under way end for their owners here and now, with status 0;
 * those that were not handed to the connection yet never will be.
 */
void gate_close(struct gate *g);

/* A call of somebody else than the API server; its owner's memory. Zeroed: there is none. */
struct gate_call {
	uint64_t sent_ns; /* 0: not under way */
	LIST_ENTRY(gate_call) link;
};
/* It is under way from here on; the gate is open. */
void gate_call_begin(struct gate *g, struct gate_call *call);
/* It has ended. @answered: what it asked for is done, or refused. One that did not begin is fine.
 */
void gate_call_end(struct gate *g, struct gate_call *call, bool answered);

/*
 * From when on no write and no call of ours can land any more: 0 when each has been answered. One
 * that has not has its time-out; and the same once more when it has ended without an answer.
 */
uint64_t gate_quiet_ns(const struct gate *g);

/* @ended runs whenever a write or a call has ended, in whatever way: gate_quiet_ns() may be earlier
 * now. */
void gate_watch(struct gate *g, void (*ended)(void *arg), void *arg);

#endif
