// SPDX-License-Identifier: Apache-2.0
/* What the files of openapi.h share. */
#ifndef BELLMAN_APISERVER_OPENAPI_IMPL_H
#define BELLMAN_APISERVER_OPENAPI_IMPL_H

#include "standalone/apiserver/kinds.h"
#include "standalone/apiserver/types.h"

/* Types that a kind is made of, each once, its own first. */
struct openapi_types {
	ARRAY_OF(const struct object_type *);
};
void openapi_each_type(const struct object_type *type, struct openapi_types *seen);

/* io.k8s.api.core.v1.ServiceSpec; the caller frees it, as the path. */
char *openapi_name(const struct kind *kind, const struct object_type *type);
char *openapi_path(const struct kind *kind, const struct kind_version *version);

/* The document of version 2, in protobuf: that is how kubectl 1.20 wants it. */
void openapi_v2(const struct kinds *kinds, struct buf *to);

#endif
