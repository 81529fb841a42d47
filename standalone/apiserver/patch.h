// SPDX-License-Identifier: Apache-2.0
/*
 * Patches: JSON merge patch (RFC 7386), JSON patch (RFC 6902) and Kubernetes'
 * strategic merge patch, on JSON trees. No stored state, no admission.
 */
#ifndef BELLMAN_APISERVER_PATCH_H
#define BELLMAN_APISERVER_PATCH_H

#include "standalone/apiserver/json.h"
#include "standalone/apiserver/kinds.h"

enum patch_type { PATCH_JSON, PATCH_MERGE, PATCH_STRATEGIC };

/* From a Content-Type. Returns 0 or -EINVAL. */
int patch_type_parse(const char *content_type, enum patch_type *ret);

/*
 * Apply @patch to @*object in place (the tree may be replaced by another one).
 * Returns NULL, or a Status (400 for a patch of the wrong form, 415 for a strategic merge patch
 * of a custom resource, 422 for one that does not fit); *object is then only fit to be freed.
 */
cJSON *patch_apply(const struct kind *kind, enum patch_type type, const cJSON *patch,
		   cJSON **object);

#endif
