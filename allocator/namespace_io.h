// SPDX-License-Identifier: Apache-2.0
/*
 * The namespace that we keep things in. In a cluster it is our own pod's and is there; elsewhere
 * nobody may have made it yet, and the first who is refused for that makes it.
 */
#ifndef BELLMAN_ALLOCATOR_NAMESPACE_IO_H
#define BELLMAN_ALLOCATOR_NAMESPACE_IO_H

#include <stdbool.h>

#include "lib/kube/kube.h"

/* Does this answer to a POST, a 404, say that its namespace is not there? */
bool namespace_is_missing(const cJSON *answer);

/* Make it; @done as in kube_call(), with 409 when another was quicker. Returns as kube_call(). */
int namespace_make(struct kube *kube, const char *ns, kube_done done, void *arg);

#endif
