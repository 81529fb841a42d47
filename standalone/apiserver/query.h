// SPDX-License-Identifier: Apache-2.0
/*
 * Label and field selectors as they stand in a URL:
 * `app=web,tier in (a,b),!old` and `metadata.name=x,spec.type!=ClusterIP`.
 *
 * lib/model reads selectors that are objects; these are text and never stored.
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
	struct {
		ARRAY_OF(char *);
	} values;
};

struct query {
	struct {
		ARRAY_OF(struct term);
	} labels, fields;
};

/*
 * Either text may be NULL. Returns NULL, or the 400 of what is wrong (nothing to free in *ret
 * then).
 */
cJSON *query_parse(const struct kind *kind, const char *labels, const char *fields,
		   struct query *ret);
void query_done(struct query *q);

/* Everything matches. */
bool query_empty(const struct query *q);
/* It can be answered from the name alone, without the object. */
bool query_by_name(const struct query *q);
/* @object may be NULL when query_by_name(). */
bool query_matches(const struct query *q, const char *ns, const char *name, const cJSON *object);

#endif
