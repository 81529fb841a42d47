// SPDX-License-Identifier: Apache-2.0
/* Text in columns, for people. */
#ifndef BELLMAN_CTL_TABLE_H
#define BELLMAN_CTL_TABLE_H

#include <stdio.h>

#include "lib/base/array.h"

#define TABLE_COLUMNS_MAX 8

struct table_row {
	char *cells[TABLE_COLUMNS_MAX];
};

struct table {
	size_t columns;
	ARRAY_OF(struct table_row); /* the first one is the heading */
};

/* Add a row. @cells: as many as there are columns; copied. Nothing to say is a dash. */
void table_add(struct table *t, const char *const *cells);

/* Print all rows, columns straight, and free them. */
void table_print(struct table *t, FILE *to);

#endif
