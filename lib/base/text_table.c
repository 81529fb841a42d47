// SPDX-License-Identifier: Apache-2.0
#include "lib/base/text_table.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/must.h"

/* Characters, not bytes, so that columns stand straight under names that are not ASCII. */
static size_t width_of(const char *cell)
{
	size_t n = 0;

	for (; *cell != '\0'; cell++)
		n += ((unsigned char)*cell & 0xc0) != 0x80;
	return n;
}

void text_table_add(struct text_table *t, const char *const *cells)
{
	struct text_table_row *row = must(array_push(t));

	for (size_t i = 0; i < t->columns; i++)
		row->cells[i] = must(strdup(*cells[i] == '\0' ? "-" : cells[i]));
}

void text_table_print(struct text_table *t, FILE *to)
{
	size_t widths[TEXT_TABLE_COLUMNS_MAX] = { 0 };

	for (size_t r = 0; r < t->count; r++) {
		for (size_t i = 0; i < t->columns; i++) {
			size_t width = width_of(t->items[r].cells[i]);
			if (width > widths[i])
				widths[i] = width;
		}
	}
	for (size_t r = 0; r < t->count; r++) {
		for (size_t i = 0; i < t->columns; i++) {
			const char *cell = t->items[r].cells[i];
			bool last = i + 1 == t->columns;
			size_t pad = last ? 0 : widths[i] - width_of(cell) + 2;
			fprintf(to, "%s%*s", cell, (int)pad, "");
			free(t->items[r].cells[i]);
		}
		fputc('\n', to);
	}
	array_free(t);
}
