// SPDX-License-Identifier: Apache-2.0
/*
 * Whom of those that wait a change in the books may help, so that the others need not be decided
 * anew: thousands may wait where one address becomes free.
 */
#ifndef BELLMAN_ALLOCATOR_CHANCE_H
#define BELLMAN_ALLOCATOR_CHANCE_H

#include "allocator/record.h"

/* Begin to call those that wait: whom does what changed since the last call help? */
void chances_begin(struct allocator *a);

/*
 * The next of them who may get now what he did not get when he was last decided, or be refused in
 * other words; NULL: no more. First those that hold something, then the others, both in order; of
 * those none that comes behind @behind (NULL: all). Asked again when he was decided.
 */
struct record *chances_next(struct allocator *a, const struct record *behind);

#endif
