// SPDX-License-Identifier: Apache-2.0
/*
 * The gate: what a leader sends comes through it, and nobody else's.
 *
 * A book of what is under way in the leader's name: writes to the API server, and calls of somebody
 * else that must be the leader's (an IPAM server). Pure: the time is told to it. gate_io.c asks it
 * for every request, lead.c opens and closes it; the simulator's processes do the same.
 *
 * What it promises. A write is handed to the connection only while the lease that it was decided
 * under is ours and has longer to run than a write may take, by a clock that goes on while the
 * machine is suspended, so that neither a stopped process nor a suspended machine believes in a
 * lease that is over. That is asked at the last moment (gate_may_send()): a write that lay in a
 * queue, or in a process that was stopped, is dropped. So every write has ended before the lease
 * does, or has at least been given up; and who follows without a release waits for the time-out
 * once more before it lists and decides, which is what a write may take that the network still
 * carried when it was given up. Our own kernel does not carry it for longer, be this process
 * stopped or gone: struct kube_cfg's unacked_ms is the time-out.
 *
 * What it cannot promise: that the network carries nothing for longer than that. Such a write still
 * has the resourceVersion of the object as it was, and fails if that has changed; if not, the
 * engine sees one address with two Services and repairs it at once.
 *
 * Running out of memory ends the process, as in lib/base/must.h. Does not log.
 */
#ifndef BELLMAN_ALLOCATOR_GATE_H
#define BELLMAN_ALLOCATOR_GATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct gate; /* opaque */

struct gate *gate_new(void);            /* closed */
struct gate *gate_free(struct gate *g); /* nothing is under way. NULL is fine; returns NULL */

/*
 * We lead, until @until_ns if the lease is not renewed; a write may take @timeout_ns. When it is
 * open already that only moves its end.
 */
void gate_open(struct gate *g, uint64_t until_ns, uint64_t timeout_ns);
/*
 * We lead no longer. What is under way is given up here and now; what was not handed to the
 * connection yet never will be.
 */
void gate_close(struct gate *g);

/* Would a write be sent now? */
bool gate_is_open(const struct gate *g, uint64_t now_ns);
/*
 * Is it worth deciding? What a leader decides while its lease has little time left could not be
 * written. A standby decides nothing, but time is to go on for it.
 */
bool gate_may_decide(const struct gate *g, uint64_t now_ns);
/* How long a write may take. */
uint64_t gate_timeout_ns(const struct gate *g);

/* A write, or a call of somebody else than the API server; its owner's memory. Zeroed: there is
 * none. */
struct gate_call {
	struct gate *gate; /* NULL: not under way */
	uint64_t sent_ns;  /* when it was last handed to the connection; 0: it was not */
	bool given_up;     /* its owner knows its end already, and no more of it is to be told */
	/* The gate is closed before it has ended: it may be done or not, and nobody is to try
	 * again. gate_end() is still due. May be NULL. */
	void (*give_up)(struct gate_call *call);
	LIST_ENTRY(gate_call) link;
};
/* It is under way from here on, but not sent. False: we do not lead, and it is not. */
bool gate_begin(struct gate *g, struct gate_call *call);
/* May it be handed to the connection now? Then it is taken to be. To be asked each time. */
bool gate_may_send(struct gate_call *call, uint64_t now_ns);
/* It is handed over, whatever the gate says of it. */
void gate_sent(struct gate_call *call, uint64_t now_ns);
/* It has ended. @answered: what it asked for is done, or refused. One that did not begin is fine.
 */
void gate_end(struct gate_call *call, bool answered);

/*
 * From when on nothing of ours can land any more: 0 when each was answered. What was not has its
 * time-out; and the same once more when it has ended without an answer.
 */
uint64_t gate_quiet_ns(const struct gate *g, uint64_t now_ns);

/* @ended runs whenever something has ended, in whatever way: gate_quiet_ns() may be earlier now. */
void gate_watch(struct gate *g, void (*ended)(void *arg), void *arg);

#endif
