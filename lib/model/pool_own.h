// SPDX-License-Identifier: Apache-2.0
/*
 * The fields of a pool that only Bellman has (contracts, "Bellman's own fields"): their table,
 * the checks that are theirs alone, and how they get into a struct pool.
 *
 * In the configuration file they are members of the pool, on a custom resource annotations.
 * Between schema.c, kinds.c and config.c; what the fields do is in allocator/.
 */
#ifndef BELLMAN_MODEL_POOL_OWN_H
#define BELLMAN_MODEL_POOL_OWN_H

#include "lib/model/config.h"
#include "lib/model/schema.h"

extern const struct field pool_own_fields[];

/* What joins fields of a pool, as a kind's rules. */
void pool_rules(const struct json *spec);

/* Read all but `exclude` out of an object that held its checks. 0, -EBADMSG or -ENOMEM. */
int pool_own_read(const cJSON *object, struct where where, struct pool *p);
void pool_own_done(struct pool *p);

#endif
