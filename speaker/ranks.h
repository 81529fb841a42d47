// SPDX-License-Identifier: Apache-2.0
/*
 * The ranks of nodes in elections, worked out once for many engines.
 *
 * Where a thousand engines elect in one process, as in the simulator, each would hash the same
 * names with the same addresses. They are handed one of these and share the work: some bytes for
 * each node and address. An engine that is alone does without. Out of memory ends the process.
 */
#ifndef BELLMAN_SPEAKER_RANKS_H
#define BELLMAN_SPEAKER_RANKS_H

#include "lib/base/ip.h"

struct ranks; /* opaque */

/* Of nobody yet. It belongs to the caller. */
struct ranks *ranks_new(void);
struct ranks *ranks_free(struct ranks *r); /* after the engines that use it; returns NULL */

/* The number by which @node goes here, from 0; for ever the same. */
uint32_t ranks_number(struct ranks *r, const char *node);

/* election_rank() of each node by its number, for @first; good until the next call. */
const uint64_t *ranks_row(struct ranks *r, const struct ip_addr *first);

#endif
