// SPDX-License-Identifier: Apache-2.0
/*
 * The status of an IPAddressPool (compatibility page 1.1): how many addresses are assigned and how
 * many are available, by family. Pure.
 */
#ifndef BELLMAN_ALLOCATOR_POOL_STATUS_H
#define BELLMAN_ALLOCATOR_POOL_STATUS_H

#include <cjson/cJSON.h>

#include "allocator/engine.h"

struct pool_status {
	int64_t assigned_v4, assigned_v6, available_v4, available_v6;
};

/*
 * How many addresses a family of a pool has, as MetalLB counts: 2^62 or more read as 2^63 - 1, for
 * a range that never runs out.
 */
int64_t pool_status_capacity(const struct allocator_count *count);

/* Of the addresses that can be given out: those of `exclude` and avoidBuggyIPs are neither. */
struct pool_status pool_status_of(const struct allocator_pool_view *view);

/*
 * Does @status (of an object) say it? Numbers beyond 2^53 are compared as the doubles that a JSON
 * reader makes of them: what is assigned is far from there, and changes along.
 */
bool pool_status_is(const cJSON *status, const struct pool_status *s);

/* A merge patch of the status subresource, with every digit. To be freed. */
char *pool_status_patch(const struct pool_status *s);

#endif
