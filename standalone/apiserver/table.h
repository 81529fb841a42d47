// SPDX-License-Identifier: Apache-2.0
/* Tables (meta.k8s.io): what `kubectl get` prints, columns and cells made by the server. */
#ifndef BELLMAN_APISERVER_TABLE_H
#define BELLMAN_APISERVER_TABLE_H

#include "standalone/apiserver/rest.h"

/* An empty Table; @columns: with column definitions (a watch sends them once). */
cJSON *table_new(const struct kind *kind, const struct kind_version *version, const struct view *v,
		 bool columns);
/* One row for @object. */
void table_add(cJSON *table, const struct kind *kind, const struct kind_version *version,
	       const struct view *v, const cJSON *object);

#endif
