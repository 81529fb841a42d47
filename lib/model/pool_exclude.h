// SPDX-License-Identifier: Apache-2.0
/* What is doubtful about the field `exclude` of a pool: warnings, never faults. */
#ifndef BELLMAN_MODEL_POOL_EXCLUDE_H
#define BELLMAN_MODEL_POOL_EXCLUDE_H

#include "lib/model/json.h"

/*
 * Warn of each entry that has no address of the pool, and of a pool all of whose addresses are
 * excluded. @addresses: the list of the pool; @exclude: the value of the field, NULL for none;
 * @at: where that stands. Entries that are at fault are passed over: that is told elsewhere.
 */
void pool_exclude_check(const struct json *addresses, const cJSON *exclude, const struct json *at);

#endif
