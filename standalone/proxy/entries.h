// SPDX-License-Identifier: Apache-2.0
/*
 * Which elements are in the kernel's sets and maps, and whose they are: an element of a map is
 * there for one Service, an element of a set for as many as have need of it. Who may have one is
 * claims.h's question.
 */
#ifndef BELLMAN_PROXY_ENTRIES_H
#define BELLMAN_PROXY_ENTRIES_H

#include "standalone/proxy/plan.h"

struct entries; /* opaque */

struct entries *entries_new(void);
struct entries *entries_free(struct entries *e); /* NULL is fine; returns NULL */

/* For whom is @e there, which is one of a map? As given to entries_take(); NULL: it is not there.
 */
void *entries_holder(const struct entries *all, const struct element *e);

/*
 * One more has need of @e; of a map nobody else may hold it. @who: compared and handed back only.
 * Returns true when it was not there: the kernel must be told.
 */
bool entries_take(struct entries *all, const struct element *e, void *who);
/* Give back one that was taken. Returns true when nobody has it now: the kernel must be told. */
bool entries_give_back(struct entries *all, const struct element *e);

/* There are none. */
void entries_forget(struct entries *all);

#endif
