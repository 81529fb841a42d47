// SPDX-License-Identifier: Apache-2.0
/* JSON patch (RFC 6902) over JSON pointers (RFC 6901), on cJSON trees. */
#ifndef BELLMAN_APISERVER_JSON_PATCH_H
#define BELLMAN_APISERVER_JSON_PATCH_H

#include "standalone/apiserver/json.h"

/*
 * Apply an array of operations to @*root, which may be replaced.
 * Returns NULL, or a Status: 400 (not a patch), 413 (too many operations, or copies that would
 * blow the document up), 422 (an operation does not fit); @*root is only fit to be freed then.
 */
cJSON *json_patch_apply(const cJSON *patch, cJSON **root);

#endif
