// SPDX-License-Identifier: Apache-2.0
/*
 * Leader election by a Lease (coordination.k8s.io/v1) as a state machine: when to read it, when
 * to write it and what, and whether that makes us the leader.
 *
 * Pure: it is told answers, what the watch saw, and the time. Who owns it sends what
 * kube_lease_take() says, one request at a time (allocator/lead.c). It works as client-go's
 * leaderelection does, so that both may stand for one Lease:
 *
 * - Who holds it renews it every retry period, and stops leading when no renewal has succeeded for
 *   the renew deadline. Time counts from the sending of the last one that did; so does the period,
 *   or a server that is slow to answer would cost the lead.
 * - Who does not hold it takes it when its record has not changed for its leaseDurationSeconds by
 *   the own clock (clocks are never compared), or when it was given back. A write names the
 *   resourceVersion that was seen, so of two that try, one succeeds, however old the news was.
 * - Who leaves gives it back: no holderIdentity, leaseDurationSeconds 1, both times the same.
 *
 * and is more careful in what a leader may do with it, since addresses given twice are worse than
 * addresses given late:
 *
 * - A request may be under way for up to kube_lease_write_ns() of the lease, which follows from
 *   leaseDurationSeconds alone: so every candidate knows it of every leader that it saw. Who
 *   follows one that did not give the Lease back, or lost it himself and gets it back, waits so
 *   long after its end before he acts (kube_lease_quiet_ns()). With that, clocks may run 14 %
 * apart.
 * - A Lease that is deleted, emptied or made shorter while it is held is not free before it would
 *   have expired; but when nobody holds it, after a minute, or our duration if that is longer.
 * - One that nobody holds and that was not given back, at first sight, is somebody's.
 * - Who does not lead, and hears no answer to a write, reads the Lease before he writes it again:
 *   writes that land unheard would keep it from others for ever.
 * - A duration that is missing, or not positive, is taken for ours.
 *
 * @now_ns is a clock that goes on while the machine is suspended. Running out of memory ends the
 * process, as in lib/base/intern.h. Does not log.
 */
#ifndef BELLMAN_KUBE_LEASE_H
#define BELLMAN_KUBE_LEASE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/duration.h"

/* Where nothing else is said, as of client-go's users. */
#define KUBE_LEASE_DURATION_NS       (15 * NS_PER_S)
#define KUBE_LEASE_RENEW_DEADLINE_NS (10 * NS_PER_S)
#define KUBE_LEASE_RETRY_NS          (2 * NS_PER_S)

struct kube_lease; /* opaque */

struct kube_lease_cfg {
	const char *identity; /* of this process and no other, ever; copied */
	uint64_t duration_ns; /* the part below a second is left out: the Lease has whole ones */
	uint64_t renew_deadline_ns, retry_ns;
	uint64_t seed; /* of the jitter */
};

/* What is wrong with the three times, in words that follow "lease duration"; NULL: nothing. */
const char *kube_lease_times_fault(uint64_t duration_ns, uint64_t renew_deadline_ns,
				   uint64_t retry_ns);

/* How long a write under a lease of @duration_ns may take: a third of it, at most 5 s. */
uint64_t kube_lease_write_ns(uint64_t duration_ns);

struct kube_lease *kube_lease_new(const struct kube_lease_cfg *cfg); /* wants nothing yet */
struct kube_lease *kube_lease_free(struct kube_lease *l); /* NULL is fine; returns NULL */

/* --- inputs -------------------------------------------------------------------------- */

/*
 * Stand for election, or leave: lead no longer from this moment, and give the Lease back once
 * kube_lease_drained() says that nothing done under it can still have an effect.
 */
void kube_lease_want(struct kube_lease *l, bool want, uint64_t now_ns);
void kube_lease_drained(struct kube_lease *l);

/* The spec of a Lease. Texts are lent, and NULL where the field is missing. */
struct kube_lease_record {
	const char *holder, *acquired, *renewed;
	int64_t duration_s, transitions;
};
/*
 * The watch shows the Lease; @record NULL: it is gone. @holder_dead: its holder is known to have
 * ended, so that it need not expire first.
 */
void kube_lease_seen(struct kube_lease *l, const struct kube_lease_record *record, bool holder_dead,
		     uint64_t now_ns);

enum kube_lease_outcome {
	LEASE_DONE,     /* written; or read, and @record is what there is */
	LEASE_CONFLICT, /* it is not as it was, is there already, or is there no more */
	LEASE_FAILED,   /* anything else, also no answer: a write may have landed */
};
/*
 * The end of what kube_lease_take() asked for, exactly once. @record and @holder_dead: of LEASE_GET
 * with LEASE_DONE, as in kube_lease_seen().
 */
void kube_lease_answer(struct kube_lease *l, enum kube_lease_outcome outcome,
		       const struct kube_lease_record *record, bool holder_dead, uint64_t now_ns);

/* --- what to do ---------------------------------------------------------------------- */

enum kube_lease_todo {
	LEASE_NOTHING,
	LEASE_GET,
	LEASE_CREATE,  /* we hold it, acquired and renewed now, transitions 0 */
	LEASE_ACQUIRE, /* the same of one that is there, transitions one more */
	LEASE_RENEW,   /* we hold it, renewed now; the rest stays */
	LEASE_RELEASE, /* nobody holds it, acquired and renewed now, for 1 s; the rest stays */
};
/* What to send now. With anything but NOTHING an answer is due. Also ends a lead that is over. */
enum kube_lease_todo kube_lease_take(struct kube_lease *l, uint64_t now_ns);

/* When to call kube_lease_take() again even without an input; UINT64_MAX: not at all. */
uint64_t kube_lease_wake_ns(const struct kube_lease *l);

/* --- questions ----------------------------------------------------------------------- */

/* Do we lead? To be asked after kube_lease_take(). */
bool kube_lease_leads(const struct kube_lease *l);
/* Who leads acts only from here on; 0: at once. */
uint64_t kube_lease_quiet_ns(const struct kube_lease *l);
/* When the lease that we lead under ends unless it is renewed. */
uint64_t kube_lease_until_ns(const struct kube_lease *l);
/* We want nothing, hold nothing and wait for no answer. */
bool kube_lease_is_over(const struct kube_lease *l);
/* As far as is known, does nobody hold it, or who did no more? */
bool kube_lease_is_free(const struct kube_lease *l, uint64_t now_ns);
/* Who holds the Lease as far as is known; "" for nobody. Lent until the next input. */
const char *kube_lease_holder(const struct kube_lease *l);
/* We want the Lease, nobody holds it, and nobody gave it back: when we take it. Else 0. */
uint64_t kube_lease_unheld_ns(const struct kube_lease *l);

#endif
