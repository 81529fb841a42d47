// SPDX-License-Identifier: Apache-2.0
/*
 * Whether an allocator leads, told from the Lease that allocators stand for.
 *
 * The clock of this machine is held against the time that the leader wrote: with clocks far apart
 * the answer is wrong. The allocators themselves never compare clocks.
 */
#ifndef BELLMAN_CTL_LEADER_H
#define BELLMAN_CTL_LEADER_H

#include <stdbool.h>
#include <stdio.h>

#include <cjson/cJSON.h>

#define LEADER_LEASE "bellman-allocator"

/*
 * What the Lease @lease says; NULL: there is none.
 *
 * @ns: where it is looked for. @refused: why the API does not show it, NULL: it does. @because:
 * what may keep allocators from leading, a part of a sentence; NULL: nothing is known. Returns
 * {"lease", "holder", "renewed", "leads", "text"} for the caller to delete; `leads` is true, false,
 * or null for not known, `text` says it in a sentence without a full stop.
 */
cJSON *leader_tell(const cJSON *lease, const char *ns, const char *refused, const char *because);

/* Is it known that none leads? */
bool leader_is_missing(const cJSON *leader);
/* Is it known that none ever did: that there is no Lease? */
bool leader_was_never(const cJSON *leader);
/* Is it known that one does? */
bool leader_is_there(const cJSON *leader);

#endif
