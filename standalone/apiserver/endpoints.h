// SPDX-License-Identifier: Apache-2.0
/*
 * Endpoints, read-only: derived from the EndpointSlices of a Service whenever they are
 * asked for. Old kubectl and `describe` want them; nothing of Bellman does.
 */
#ifndef BELLMAN_APISERVER_ENDPOINTS_H
#define BELLMAN_APISERVER_ENDPOINTS_H

#include "standalone/apiserver/api.h"

/* Of the Service of that name, NULL when there is none. The caller owns it. */
cJSON *endpoints_get(const struct api *a, const char *ns, const char *name);
/* An array of them, for each Service; @ns NULL: all namespaces. The caller's. */
cJSON *endpoints_list(const struct api *a, const char *ns);

#endif
