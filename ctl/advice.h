// SPDX-License-Identifier: Apache-2.0
/*
 * What `bellman check` looks for beyond what the API and the daemons refuse: it is taken, and does
 * not do what its author meant.
 *
 * Not for `plan`, which tells what becomes of it, and may see the missing half in the API.
 */
#ifndef BELLMAN_CTL_ADVICE_H
#define BELLMAN_CTL_ADVICE_H

#include "ctl/world.h"

/*
 * Look at @w, which must be settled. Adds to w->faults: addresses that a Service asks for and that
 * are none; warnings about fields and annotations of Services that nobody reads, and about names
 * that nothing in the files has.
 */
void advise(struct world *w);

#endif
