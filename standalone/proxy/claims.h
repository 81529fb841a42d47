// SPDX-License-Identifier: Apache-2.0
/*
 * Which elements are in the kernel's sets and maps, and whose they are: an element of a map
 * belongs to one Service, an element of a set to as many as have need of it.
 */
#ifndef BELLMAN_PROXY_CLAIMS_H
#define BELLMAN_PROXY_CLAIMS_H

#include "standalone/proxy/plan.h"

struct claims; /* opaque */

enum claim_result {
	CLAIM_NEW,     /* it was not there: the kernel must be told */
	CLAIM_SHARED,  /* it was there already */
	CLAIM_REFUSED, /* it belongs to another */
};

struct claims *claims_new(void);
struct claims *claims_free(struct claims *c); /* NULL is fine; returns NULL */

/* @who: compared only. When refused, *ret_holder is who has it. */
enum claim_result claims_take(struct claims *c, const struct element *e, const void *who,
			      const void **ret_holder);
/* Give back one that was taken. Returns true when nobody has it now: the kernel must be told. */
bool claims_give_back(struct claims *c, const struct element *e);

/* There are none. */
void claims_forget(struct claims *c);

#endif
