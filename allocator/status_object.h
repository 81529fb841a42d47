// SPDX-License-Identifier: Apache-2.0
/*
 * The status of a Service as the API has it: what a write of the engine's puts there, and what can
 * be read of one that does not decode.
 *
 * A write is a strategic merge patch of the status subresource. The daemon sends it; `bellman plan`
 * and the simulator do to the object what the API would do. Pure. Running out of memory ends the
 * process, as in lib/base/must.h.
 */
#ifndef BELLMAN_ALLOCATOR_STATUS_OBJECT_H
#define BELLMAN_ALLOCATOR_STATUS_OBJECT_H

#include <cjson/cJSON.h>
#include <stddef.h>

#include "allocator/engine.h"
#include "allocator/ips.h"

/*
 * The patch of an ALLOCATOR_WRITE, for cJSON_Delete(), guarded by resourceVersion if the object has
 * one. @now: the time of day as objects have it (RFC 3339); NULL: there is none, and a condition
 * that turns has none.
 */
cJSON *status_object_patch(const struct allocator_action *act, const char *now);

/* Do to @service what the API does when it takes @patch, which is one of those above. */
void status_object_apply(cJSON *service, const cJSON *patch);

/* The addresses that the status of @service shows, the first IP_LIST_MAX of them; how many. */
size_t status_object_ips(const cJSON *service, struct ip_addr ret[static IP_LIST_MAX]);

#endif
