// SPDX-License-Identifier: Apache-2.0
/*
 * One allocator of several: what follows from the Lease for the gate and for the engine.
 *
 * Pure: it is told what the API says of the Lease, and the time. lib/kube/lease.h decides who may
 * hold it; here is when who holds it begins to act, and how one leaves. Who owns it (lead_io.c,
 * the simulator's process) calls lead_run() after every input and when it asks to be woken, and
 * does what that gives back. It opens and closes the gate itself.
 *
 *	lead_seen(lead, object, now_ns);
 *	struct lead_turn turn = lead_run(lead, now_ns);
 *	// tell the engine of turn.change, send turn.send, wake at turn.wake_ns
 *
 * Who holds the Lease acts only when the one before him cannot act any more, and when nothing of
 * his own earlier term can land. Who leaves gives it back when all that he sent was answered, or
 * has had its time. Running out of memory ends the process, as in lib/base/must.h. Does not log.
 */
#ifndef BELLMAN_ALLOCATOR_LEAD_H
#define BELLMAN_ALLOCATOR_LEAD_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "allocator/gate.h"
#include "lib/kube/lease.h"

#define LEAD_LEASE "bellman-allocator" /* the name of the Lease */

struct lead; /* opaque */

struct lead_cfg {
	struct gate *gate;    /* borrowed; closed */
	const char *ns;       /* borrowed; where the Lease is */
	const char *identity; /* borrowed; of this process and no other, ever */
	uint64_t lease_duration_ns, renew_deadline_ns, retry_period_ns; /* that go together */
	uint64_t seed;
	/* Is it known that the process of this identity has ended? NULL: it never is. */
	bool (*is_dead)(const char *identity);
};

struct lead *lead_new(const struct lead_cfg *cfg); /* does not stand for election yet */
struct lead *lead_free(struct lead *l);            /* NULL is fine; returns NULL */

/* --- inputs: lead_run() is to follow each ------------------------------------------------- */

/* Stand for election, or lead no more and give the Lease back. */
void lead_stand(struct lead *l, bool stand, uint64_t now_ns);
/* The same for good; lead_run() says when that is done, or has taken longer than it may. */
void lead_leave(struct lead *l, uint64_t now_ns);

/* The watch shows the Lease; NULL: it is gone. */
void lead_seen(struct lead *l, const cJSON *object, uint64_t now_ns);

/*
 * How the request @asked ended; due exactly once for each that lead_run() asks for. @status is
 * HTTP's, 0 for no answer; @object: the body, or NULL. Returns what that means for the Lease.
 */
enum kube_lease_outcome lead_answered(struct lead *l, enum kube_lease_todo asked, int status,
				      const cJSON *object, uint64_t now_ns);

/* --- what to do --------------------------------------------------------------------------- */

enum lead_change {
	LEAD_STAYS,
	LEAD_BEGINS,  /* decide from here on. The gate is open */
	LEAD_RENEWED, /* the gate, which was closing since the Lease could not be renewed, is open
			 again */
	LEAD_ENDS,    /* decide no more. The gate is closed */
};

/* To be done in this order. */
struct lead_turn {
	enum lead_change change;
	enum kube_lease_todo send; /* a request for the Lease; LEASE_NOTHING: none */
	uint64_t wake_ns;          /* run again even without an input; UINT64_MAX: not at all */
	bool left;                 /* after lead_leave(): it is done. Said once */
};
struct lead_turn lead_run(struct lead *l, uint64_t now_ns);

/*
 * The object to write for @todo, as a text for free(); its resourceVersion, if it has one, guards
 * the write. @wall_us: the time of day in microseconds since 1970, for people; nobody compares it.
 */
char *lead_object(const struct lead *l, enum kube_lease_todo todo, int64_t wall_us);
/* How long a request for the Lease may take: so that a second one fits before the deadline, as
 * client-go's users have it. */
uint64_t lead_request_ns(const struct lead *l);

/* --- questions ---------------------------------------------------------------------------- */

bool lead_leads(const struct lead *l); /* as last said by lead_run() */
/* For its questions; lent. */
const struct kube_lease *lead_lease(const struct lead *l);

#endif
