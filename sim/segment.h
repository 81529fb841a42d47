// SPDX-License-Identifier: Apache-2.0
/* One address over time, in pieces between which something changed: what sim/svg.c draws. */
#ifndef BELLMAN_SIM_SEGMENT_H
#define BELLMAN_SIM_SEGMENT_H

#include "sim/history.h"

#define SIM_SEGMENT_NODES 3 /* of more that announce at once, the latest */

enum sim_segment_type {
	SIM_SEGMENT_NONE,  /* it is in no status, and nobody announces it */
	SIM_SEGMENT_WAITS, /* it is in a status, and nobody announces it */
	SIM_SEGMENT_OWNED,
	SIM_SEGMENT_DARK, /* nobody answers, whoever announces it */
};

struct sim_segment {
	uint64_t from_ns, to_ns;
	enum sim_segment_type type;
	unsigned node_count;                  /* OWNED: how many announce it */
	const char *nodes[SIM_SEGMENT_NODES]; /* the latest last; lent by the journal */
};

struct sim_segments {
	ARRAY_OF(struct sim_segment); /* in order, without gaps, from 0 to the end */
};

/* To be ended by array_free(). */
void sim_segments_of(const struct sim_history_row *row, uint64_t until_ns,
		     struct sim_segments *ret);

/*
 * Take out what is too short to be drawn: that several announce it for less than @short_ns is as
 * if the latest of them did alone.
 */
void sim_segments_simplify(struct sim_segments *s, uint64_t short_ns);

/* Did one node announce it from the first time to the end, and never in the dark? */
bool sim_segments_are_calm(const struct sim_segments *s);

#endif
