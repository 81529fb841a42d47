// SPDX-License-Identifier: Apache-2.0
/* Text in columns, for people. */
#ifndef BELLMAN_BASE_TEXT_TABLE_H
#define BELLMAN_BASE_TEXT_TABLE_H

#include <stdio.h>

#include "lib/base/array.h"

#define TEXT_TABLE_COLUMNS_MAX 8

struct text_table_row {
	char *cells[TEXT_TABLE_COLUMNS_MAX];
};

struct text_table {
	size_t columns;
	ARRAY_OF(struct text_table_row); /* the first one is the heading */
};

/* Add a row. @cells: as many as there are columns; copied. Nothing to say is a dash. */
void text_table_add(struct text_table *t, const char *const *cells);

/* Print all rows, columns straight, and free them. */
void text_table_print(struct text_table *t, FILE *to);

#endif
