// SPDX-License-Identifier: Apache-2.0
/*
 * Why a Service has the address that it has, or has none: what each pool says to it.
 *
 * The one source of these words. The condition on the Service, event AllocationFailed and
 * `bellman explain` all tell what is found here, so they never disagree. Asks the books and
 * changes nothing in them.
 */
#ifndef BELLMAN_ALLOCATOR_EXPLAIN_H
#define BELLMAN_ALLOCATOR_EXPLAIN_H

#include "allocator/engine.h"

/* How a Service comes to ask a pool, in the order in which pools are asked. */
enum allocator_way {
	ALLOCATOR_BY_REQUEST, /* it asks for the pool, or for an address in it */
	ALLOCATOR_PINNED,     /* with serviceAllocation: by priority, 0 last, then name */
	ALLOCATOR_OPEN,       /* without: by name */
	ALLOCATOR_NOT_ASKED,  /* autoAssign: false, and nobody asks for it */
};

enum allocator_answer {
	ALLOCATOR_HOLDS, /* the Service has its addresses from this pool */
	ALLOCATOR_COULD, /* it would get them from here, were this pool's turn to come */
	/* Refusals. */
	ALLOCATOR_ELSEWHERE,       /* the Service asks for another pool, or an address of one */
	ALLOCATOR_ON_REQUEST,      /* autoAssign: false */
	ALLOCATOR_OTHER_NAMESPACE, /* namespaces and namespaceSelectors leave the Service's out */
	ALLOCATOR_OTHER_LABELS,    /* serviceSelectors leave the Service out */
	ALLOCATOR_DRAINING,        /* drain: gives nothing new */
	ALLOCATOR_OVER_QUOTA,      /* quota: the namespace holds as many as it may */
	ALLOCATOR_NO_FAMILY,       /* has no address of a family that is needed */
	ALLOCATOR_FULL,            /* has none free of a family that is needed */
	ALLOCATOR_EXCLUDED,        /* the requested address is excluded, or avoided as buggy */
	ALLOCATOR_TAKEN,           /* the requested address is held by another Service */
	ALLOCATOR_IPAM_REFUSED,    /* its IPAM has none for the Service, or not the requested one */
	ALLOCATOR_IPAM_WAITS,      /* the answer of its IPAM is due; no pool after it is asked */
};

struct allocator_verdict {
	const struct pool *pool;
	enum allocator_way way;
	enum allocator_answer answer;
	const char *text; /* a sentence without a full stop; lent for the call */
};

/* "holds", "full", "otherNamespace", ...: the answer as a word for programs. */
const char *allocator_answer_word(enum allocator_answer answer);

/*
 * What every pool says to a Service, in the order in which the engine asks them. No pool is asked
 * where the Service itself is the reason (it is not ours, has no cluster IP, its request does not
 * parse): allocator_service() tells. @each must not feed the engine.
 *
 * False when the Service is not known, or its object could never be decoded.
 */
bool allocator_explain(const struct allocator *a, const char *ns, const char *name,
		       void (*each)(void *arg, const struct allocator_verdict *v), void *arg);

#endif
