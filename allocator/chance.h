// SPDX-License-Identifier: Apache-2.0
/*
 * Whom of those that wait a change in the books may help, so that the others need not be decided
 * anew: thousands may wait where one address becomes free.
 */
#ifndef BELLMAN_ALLOCATOR_CHANCE_H
#define BELLMAN_ALLOCATOR_CHANCE_H

#include "allocator/record.h"

/* Which pools have news since the last look? To be called before has_chance(), in each run. */
void chances_look(struct allocator *a);

/*
 * May @r get now what it did not get when it was last decided, or be refused in other words? Never
 * false when it is so.
 */
bool has_chance(const struct allocator *a, const struct record *r);

#endif
