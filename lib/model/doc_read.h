// SPDX-License-Identifier: Apache-2.0
/*
 * Between doc.c and the readers of one format each; nobody else includes it.
 */
#ifndef BELLMAN_MODEL_DOC_READ_H
#define BELLMAN_MODEL_DOC_READ_H

#include "lib/model/doc.h"

#include <stdint.h>

#define DOC_DEPTH_MAX 100          /* maps and lists within each other */
#define DOC_SIZE_MAX  (256u << 20) /* bytes of a file */

/* Lines by node: open addressing on the pointer, never more than half full. */
struct doc_lines {
	struct doc_line {
		const cJSON *node;
		unsigned line;
	} * slots;
	size_t size, count;
};

struct doc {
	char *file;
	bool flat; /* libconfig: the file has no "spec" and no "metadata" in its paths */
	struct doc_lines lines;
	struct doc_objects objects;
	struct doc_roots {
		ARRAY_OF(cJSON *);
	} roots; /* trees that are no object of their own but must be freed */
	struct doc_bases {
		ARRAY_OF(char *);
	} bases; /* what where.base of the objects points at */
};

/* Remember where @node was written. Returns 0 or -ENOMEM. */
int doc_note(struct doc *d, const cJSON *node, unsigned line);
/* A copy of the tree @from, lines included; NULL: out of memory. */
cJSON *doc_copy(struct doc *d, const cJSON *from);

/* Own @json and list it as an object, or its items if it is a List. NULL @base: none. */
int doc_add_object(struct doc *d, cJSON *json, const char *base, struct faults *faults);

/*
 * Read one format into @d. @text has @len bytes and a NUL behind them.
 * 0, -EBADMSG after a syntax error, which is in @faults, or -ENOMEM.
 */
int doc_read_yaml(struct doc *d, const char *text, size_t len, struct faults *faults);
int doc_read_json(struct doc *d, const char *text, size_t len, struct faults *faults);
int doc_read_libconfig(struct doc *d, const char *text, size_t len, struct faults *faults);

/* A number as JSON text: exact numbers become cJSON numbers, longer integers cJSON_Raw. */
cJSON *doc_number(const char *text);

#endif
