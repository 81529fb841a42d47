// SPDX-License-Identifier: Apache-2.0
/*
 * What the kernel has of the Services, by the engine's (rules.h) own books, and what has to be
 * written to bring one of them to what it should be.
 *
 * The books run ahead of the kernel: they hold what the transaction that is under way will have
 * made. It ends with applied_commit() or with applied_roll_back().
 */
#ifndef BELLMAN_PROXY_APPLIED_H
#define BELLMAN_PROXY_APPLIED_H

#include "standalone/proxy/checks.h"
#include "standalone/proxy/entries.h"
#include "standalone/proxy/flows.h"
#include "standalone/proxy/inherited.h"
#include "standalone/proxy/owners.h"
#include "standalone/proxy/pods.h"
#include "standalone/proxy/transaction.h"

/*
 * Kernels before 6.2 count a map element that is gone as a user of its chain for a moment longer,
 * and refuse to delete the chain. So chains are emptied at once and deleted after this time.
 */
#define CHAIN_LINGERS_NS (5 * NS_PER_S)

struct applied {
	struct owners *owners; /* borrowed, as are the next two */
	struct pods *pods;
	const char *node;

	struct entries *entries;
	struct inherited *inherited; /* what was there at the last restart; NULL: nothing */
	struct owner_list under_way; /* they are part of the transaction that was given out */
	struct owner_list lingering; /* they have empty chains to delete, the first due first */
	struct flows *coming;        /* all UDP ways in of those under way */
	bool affinity[2];            /* the sets of session affinity are there; [0]: IPv4 */
	bool affinity_before[2];     /* without the transaction that is under way */
	char *recalled[2];           /* elements for them; NULL: none */
};

/* In place. */
void applied_init(struct applied *a, struct owners *owners, struct pods *pods, const char *node);
void applied_done(struct applied *a);

/* The kernel has nothing but what is in @found, which is taken over (NULL: nothing). */
void applied_forget(struct applied *a, struct inherited *found, const bool affinity[2]);

/* What is in the set of @family if one is made: taken over; NULL: nothing. */
void applied_recall(struct applied *a, uint8_t family, char *elements);
/* Does what is under way put that in? */
bool applied_recalls(const struct applied *a);

/* Write what brings @o, which is not marked as dirty, to what it should be. */
void applied_update(struct applied *a, struct transaction *t, struct owner *o, uint64_t now_ns);

/* Owners with empty chains that are due to be deleted are dirty. */
void applied_wake(struct applied *a, uint64_t now_ns);
uint64_t applied_wake_ns(const struct applied *a); /* UINT64_MAX: never */
/* Do not try to delete @o's empty chains before @until_ns. */
void applied_spare_chains(struct owner *o, uint64_t until_ns);

/* The kernel has taken it: note what follows in @flows and @checks. Empties the list under_way. */
void applied_commit(struct applied *a, struct flows *flows, struct check_changes *checks, void *arg,
		    void (*each)(void *arg, struct owner *o));
/* It has not. All owners that were under way are dirty, in front. */
void applied_roll_back(struct applied *a);

#endif
