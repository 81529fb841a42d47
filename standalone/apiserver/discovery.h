// SPDX-License-Identifier: Apache-2.0
/*
 * What kubectl asks before it does anything: versions, groups, resources.
 * The documents are made from the table of kinds each time; they are small.
 */
#ifndef BELLMAN_APISERVER_DISCOVERY_H
#define BELLMAN_APISERVER_DISCOVERY_H

#include "standalone/apiserver/rest.h"

/* True when the path is one of discovery's and @r is the answer. */
bool discovery_handle(const struct api *a, const struct request *q, struct reply *r);

/* Does @path lie in a group and version that is served? */
bool discovery_has_group(const struct api *a, const char *path);

#endif
