// SPDX-License-Identifier: Apache-2.0
/*
 * What a predecessor had and nobody wants: it goes once everybody has what they want. Elements are
 * deleted and chains emptied at once; the chains are deleted when the kernel has let go of the
 * elements (CHAIN_LINGERS_NS).
 *
 * What belongs to a Service that the kernel refuses is spared, as that is served by it; when the
 * Service is taken at last, or gone, all is looked through again.
 *
 * When the kernel refuses a deletion it may have something else than was seen, so it is looked at
 * anew. If it refuses again, the deletions are tried in halves, and one that it refuses alone is
 * left.
 */
#ifndef BELLMAN_PROXY_LEFTOVERS_H
#define BELLMAN_PROXY_LEFTOVERS_H

#include "standalone/proxy/applied.h"

struct leftovers {
	struct applied *applied; /* borrowed; what it has inherited and not taken is left over */
	bool cleared, cleared_before;   /* nothing of it leads anywhere any more */
	uint64_t due_ns, due_before_ns; /* when the chains may be deleted; UINT64_MAX: never */
	unsigned batch_max;             /* things in a transaction */
	unsigned under_way;             /* of them, in the one that was given out */
	bool apart;                     /* they go in a transaction of their own */
	bool doubted;                   /* the kernel has refused them, and was looked at since */
	struct flows *gone;             /* what loses its way with what is under way */
	char last[CHAIN_NAME_MAX];      /* a name for one of them */
};

/* In place. @applied: borrowed. */
void leftovers_init(struct leftovers *l, struct applied *applied);
void leftovers_done(struct leftovers *l);

/* The kernel was looked at. */
void leftovers_begin(struct leftovers *l);
/* A Service is not refused any more. */
void leftovers_reconsider(struct leftovers *l);

/* When there is something to do, at the earliest; UINT64_MAX: never. */
uint64_t leftovers_wake_ns(const struct leftovers *l);
/* Is nobody led by what was left over, but for Services that are refused? */
bool leftovers_cleared(const struct leftovers *l);

/* Write what is due, or a part of it. @refusals: Services that are refused. */
void leftovers_pass(struct leftovers *l, struct transaction *t, uint64_t now_ns, unsigned refusals);

/* What is under way was taken, or was not and something else had a part in it. */
void leftovers_commit(struct leftovers *l, struct flows *flows, unsigned refusals);
void leftovers_roll_back(struct leftovers *l);

enum leftovers_verdict {
	LEFTOVERS_LOOK,  /* at the kernel, before more is tried */
	LEFTOVERS_HALVE, /* less will be tried next */
	LEFTOVERS_LEAVE, /* the one that was tried, `last`, stays */
};
/* What is to be done after it was refused alone? It is rolled back, or given up by a commit. */
enum leftovers_verdict leftovers_refused(struct leftovers *l);

#endif
