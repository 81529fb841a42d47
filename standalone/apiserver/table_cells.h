// SPDX-License-Identifier: Apache-2.0
/* What each column of `kubectl get` shows of the built-in kinds. The Table itself: table.h. */
#ifndef BELLMAN_APISERVER_TABLE_CELLS_H
#define BELLMAN_APISERVER_TABLE_CELLS_H

#include "standalone/apiserver/buf.h"
#include "standalone/apiserver/kinds.h"

/* Append what the cell of @object shows. */
typedef void (*table_cell)(struct buf *b, const cJSON *object);

struct table_column {
	enum kind_id id;
	const char *name, *type;
	int priority; /* above 0: only with -o wide */
	table_cell cell;
};

/* Of all built-in kinds, those of one kind in their order. */
const struct table_column *table_columns(size_t *ret_count);

/* Of every kind. */
void cell_name(struct buf *b, const cJSON *object);
void cell_age(struct buf *b, const cJSON *object);
/* The age of @timestamp, as kubectl writes ages; NULL: not known. */
void cell_put_since(struct buf *b, const char *timestamp);

#endif
