// SPDX-License-Identifier: Apache-2.0
/* Between doc.c and the readers of one format each; nobody else includes it. */
#ifndef BELLMAN_MODEL_DOC_READ_H
#define BELLMAN_MODEL_DOC_READ_H

#include "lib/model/doc.h"

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

/* Trees on their way: one for each document of a file. */
struct doc_roots {
	ARRAY_OF(cJSON *);
};

struct doc {
	char *file;
	bool flat; /* libconfig: the file has no "spec" and no "metadata" in its paths */
	struct doc_lines lines;
	struct doc_objects objects;
	struct doc_roots kept; /* trees that are no object but must live as long */
	const cJSON *tree;     /* of those the one that doc_load_tree() has read */
	struct doc_bases {
		ARRAY_OF(char *);
	} bases; /* what where.base of the objects points at */
};

struct doc *doc_new(const char *file); /* NULL: out of memory */

/* Remember where @node was written. Returns 0 or -ENOMEM. */
int doc_note(struct doc *d, const cJSON *node, unsigned line);

/* Own @tree until the doc is freed. Returns 0, or -ENOMEM with @tree freed. */
int doc_keep(struct doc *d, cJSON *tree);

/*
 * Own @json and list it as an object, or its items if it is a List. @base: copied; NULL: none.
 * What is no object is a fault. Returns 0 or -ENOMEM.
 */
int doc_add_object(struct doc *d, cJSON *json, const char *base, struct faults *faults);

/* A key that is twice in the map @map is a fault. Returns 0 or -ENOMEM. */
int doc_check_keys(const struct doc *d, const cJSON *map, struct faults *faults);

/*
 * Read one format. @text has @len bytes and a NUL behind them. The trees of the documents are
 * appended to @ret and are the caller's, also after a failure.
 * Returns 0, -EBADMSG after a syntax error, which is then in @faults, or -ENOMEM.
 */
int doc_read_yaml(struct doc *d, const char *text, size_t len, struct faults *faults,
		  struct doc_roots *ret);
int doc_read_json(struct doc *d, const char *text, size_t len, struct faults *faults,
		  struct doc_roots *ret);
/* The same, with the objects listed in @d already. */
int doc_read_libconfig(struct doc *d, const char *text, size_t len, struct faults *faults);
/* Libconfig as it is, into d->tree. */
int doc_read_libconfig_tree(struct doc *d, const char *text, size_t len, struct faults *faults);

/*
 * What must happen to the text of a configuration file before libconfig sees it
 * (libconfig_tokens.c): longer integers are marked as 64-bit; nesting, NUL and @include
 * are refused. *ret is the caller's. Returns 0, -EBADMSG with the reason in @faults, or -ENOMEM.
 */
int libconfig_prepare(const char *file, const char *text, size_t len, struct faults *faults,
		      char **ret);
/* What starts a string that was an integer beyond 63 bits. */
#define LIBCONFIG_TOO_LONG '\x01'

/* A whole number of any length: exact ones as cJSON number, longer ones as cJSON_Raw. */
cJSON *doc_integer(const char *digits);

#endif
