// SPDX-License-Identifier: Apache-2.0
/* Tables (meta.k8s.io): what `kubectl get` prints, columns and cells made by the server. */
#ifndef BELLMAN_APISERVER_TABLE_H
#define BELLMAN_APISERVER_TABLE_H

#include "standalone/apiserver/rest.h"

/*
 * An empty Table, its rows last; @head: with column definitions (a watch sends them once).
 * @columns: those of a version of a custom kind, the same for all rows.
 */
cJSON *table_new(const struct kind *kind, const struct columns *columns, const struct view *v,
		 bool head);
/* The row for @object; the caller's. */
cJSON *table_row(const struct kind *kind, const struct columns *columns, const struct view *v,
		 const cJSON *object);
/* The same, added. */
void table_add(cJSON *table, const struct kind *kind, const struct columns *columns,
	       const struct view *v, const cJSON *object);

#endif
