// SPDX-License-Identifier: Apache-2.0
/*
 * Label and field selectors as they stand in a URL:
 * `app=web,tier in (a,b),!old` and `metadata.name=x,spec.type!=ClusterIP`.
 *
 * lib/model reads selectors that are objects; these are text and never stored.
 *
 * The facts of an object, which they are held against: the values of the fields that its kind may
 * be asked for, in the order of the table in query.c, then its labels, key and value in turn. Each
 * is a string with its NUL.
 */
#ifndef BELLMAN_APISERVER_QUERY_H
#define BELLMAN_APISERVER_QUERY_H

#include <stdbool.h>

#include "lib/base/array.h"
#include "standalone/apiserver/json.h"
#include "standalone/apiserver/kinds.h"

enum term_op { TERM_IN, TERM_NOT_IN, TERM_EXISTS, TERM_ABSENT, TERM_GREATER, TERM_LESS };

struct term {
	enum term_op op;
	char *key;
	int field; /* of a field: its place among the facts, or one of FIELD_* */
	struct {
		ARRAY_OF(char *);
	} values;
};

struct query {
	struct {
		ARRAY_OF(struct term);
	} labels, fields;
	size_t field_count; /* how many the kind has among its facts */
};

/*
 * Either text may be NULL. Returns NULL, or the 400 of what is wrong (nothing to free in *ret
 * then).
 */
cJSON *query_parse(const struct kind *kind, const char *labels, const char *fields,
		   struct query *ret);
void query_done(struct query *q);

/*
 * Print @object, of @kind, and keep its facts behind the text: all that a selector may ask of it,
 * so that no list and no watch has to parse it for that. The caller unrefs it.
 */
struct text *query_text(const struct kind *kind, const cJSON *object);
/* The same where the printed form is at hand. */
struct text *query_text_of(const struct kind *kind, const cJSON *object, const char *printed,
			   size_t len);

/* Everything matches. */
bool query_empty(const struct query *q);
/* @object comes from query_text(), with the kind that @q was parsed for. */
bool query_matches(const struct query *q, const char *ns, const char *name,
		   const struct text *object);

#endif
