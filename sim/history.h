// SPDX-License-Identifier: Apache-2.0
/* The entries of a journal by address: what became of each, in order. */
#ifndef BELLMAN_SIM_HISTORY_H
#define BELLMAN_SIM_HISTORY_H

#include "sim/journal.h"

/* One address of one Service; several Services may share an address. */
struct sim_history_row {
	const struct sim_entry *const *entries; /* in order; at least one */
	size_t count;
};

/* By Service, then by address. Lent by the journal, which must not grow meanwhile. */
struct sim_history {
	ARRAY_OF(struct sim_history_row);
	const struct sim_entry **entries; /* of all rows */
};

/* Of the entries that have a Service and an address. To be ended by sim_history_done(). */
void sim_history_of(const struct sim_journal *j, struct sim_history *ret);
void sim_history_done(struct sim_history *h);

/* Does @e say that its node announces the address no longer? */
static inline bool sim_entry_ends(const struct sim_entry *e)
{
	return e->type == SIM_WITHDRAWS || e->type == SIM_LOST;
}

#endif
