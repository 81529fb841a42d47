// SPDX-License-Identifier: Apache-2.0
/*
 * Reviews: what `kubectl auth can-i` and `whoami` ask. Whoever is let in may do everything, so the
 * answers are always the same; nothing is stored.
 */
#ifndef BELLMAN_APISERVER_REVIEWS_H
#define BELLMAN_APISERVER_REVIEWS_H

#include "standalone/apiserver/rest.h"

/* False: the path is no review's. */
bool reviews_handle(const struct request *q, struct reply *r);

#endif
