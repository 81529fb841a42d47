// SPDX-License-Identifier: Apache-2.0
/*
 * What happened, in order: what the timeline, the SVG, the JSON and the expectations are made of.
 * Texts are copied. The same run gives the same journal.
 */
#ifndef BELLMAN_SIM_JOURNAL_H
#define BELLMAN_SIM_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/array.h"
#include "lib/base/ip.h"

enum sim_entry_type {
	SIM_FAULT,     /* a step of the timeline was done; .text says which */
	SIM_HEALED,    /* the same, of one that ends a fault */
	SIM_ASSIGNED,  /* .service got .ip in its status */
	SIM_CLEARED,   /* .service lost it */
	SIM_ANNOUNCES, /* .node begins to announce .service; one entry an address */
	SIM_WITHDRAWS, /* .node ends that; .text says why */
	SIM_LOST,      /* .node announced .ip and died */
	SIM_DARK,      /* nobody answers for .ip any more, or yet: it is in a status */
	SIM_LIT,       /* somebody does again; .value_ns: how long it was dark; .node: who */
	SIM_LEADS,     /* allocator .node begins to give addresses */
	SIM_LEADS_NOT,
	SIM_TOLD,         /* a Kubernetes event on .service; .text */
	SIM_STOLEN,       /* a foreign host answers for .ip too; .node names it */
	SIM_NOT_COVERED,  /* .ip is not to be had on segment .text */
	SIM_EXPECTED,     /* an expectation held; .text says which */
	SIM_DISAPPOINTED, /* it did not */
	SIM_BROKEN,       /* an invariant did not hold; .text says which, how */
};

struct sim_entry {
	uint64_t at_ns;
	uint64_t value_ns;
	/* Interned, "" when no matter; the service is NAMESPACE/NAME. */
	const char *node, *service, *text;
	enum sim_entry_type type;
	struct ip_addr ip; /* IP_NONE: no matter */
	bool warning;      /* SIM_TOLD */
};

/* Zeroed: empty, and keeps all. */
struct sim_journal {
	ARRAY_OF(struct sim_entry);
	unsigned disappointed, broken;
	size_t most; /* so many entries are kept, and beyond that faults and what was found; 0: all
		      */
	uint64_t left_out;
	struct sim_entry last_left_out;
};

/*
 * Note it. @node, @service, @ip: NULL when no matter; copied. @at_ns: not before the entry before.
 * Returns it, for what else it has to say; good until the next. It is never NULL: an entry that is
 * left out can be written to as well.
 */
struct sim_entry *sim_journal_add(struct sim_journal *j, uint64_t at_ns, enum sim_entry_type type,
				  const char *node, const char *service, const struct ip_addr *ip,
				  const char *fmt, ...) __attribute__((format(printf, 7, 8)));
/* Free what it holds and leave it empty. */
void sim_journal_done(struct sim_journal *j);

#endif
