// SPDX-License-Identifier: Apache-2.0
/* The Lease as the API has it (coordination.k8s.io/v1): reading its spec, writing the next one. */
#ifndef BELLMAN_KUBE_LEASE_OBJECT_H
#define BELLMAN_KUBE_LEASE_OBJECT_H

#include <cjson/cJSON.h>

#include "lib/kube/lease.h"

/* The spec of @lease; texts are lent from it. What is missing or of another type is 0 or NULL. */
struct kube_lease_record kube_lease_object_record(const cJSON *lease);

/*
 * The object to send for @todo: LEASE_CREATE, or one of the writes on top of @known, whose other
 * fields, labels and annotations stay and whose resourceVersion guards the write.
 *
 * @now_us: the time of day in microseconds since 1970, for people; nobody compares it.
 * Returns its text, for free(). Running out of memory ends the process.
 */
char *kube_lease_object_text(const cJSON *known, enum kube_lease_todo todo, const char *ns,
			     const char *name, const char *identity, uint64_t duration_ns,
			     int64_t now_us);

#endif
