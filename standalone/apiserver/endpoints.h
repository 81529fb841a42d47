// SPDX-License-Identifier: Apache-2.0
/*
 * Endpoints: what older clients, such as `kubectl get endpoints`, ask for instead of
 * EndpointSlices.
 *
 * They are derived: as Services and EndpointSlices change, one object follows for each Service
 * that has slices, stored like any other, so that lists and watches need to know nothing of it.
 * Clients cannot write them.
 */
#ifndef BELLMAN_APISERVER_ENDPOINTS_H
#define BELLMAN_APISERVER_ENDPOINTS_H

#include "standalone/apiserver/api.h"

/* Enter the stored slices, and bring stored Endpoints up to date. NULL or a Status. */
cJSON *endpoints_start(struct api *a);
void endpoints_done(struct api *a);

/*
 * An object of @kind was written: @before is what it was, or NULL, @now what it is, or NULL.
 * NULL or a Status: the state file failed.
 */
cJSON *endpoints_follow(struct api *a, const struct kind *kind, const cJSON *before,
			const cJSON *now);

#endif
