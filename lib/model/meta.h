// SPDX-License-Identifier: Apache-2.0
/* What all Kubernetes objects have: names, labels, versions. Strings are interned
 * (lib/base/intern.h). */
#ifndef BELLMAN_MODEL_META_H
#define BELLMAN_MODEL_META_H

#include "lib/model/doc.h"

#include <stdint.h>

struct label {
	const char *key, *value; /* interned */
};

/* Never change once they are read, so that many may have the same. */
struct labels {
	struct label *items; /* sorted by key */
	uint32_t count;
};

struct object_meta {
	const char *ns;         /* interned; NULL for what has no namespace */
	const char *name;       /* interned */
	char *uid;              /* NULL when absent */
	char *resource_version; /* NULL when absent */
	struct labels labels;
};

/* Read metadata; adds a fault and returns -EBADMSG when there is no name or a label is no string.
 */
int meta_decode(const cJSON *object, struct where where, struct faults *faults,
		struct object_meta *ret);
/*
 * The same for a kind that lives in namespaces: one that names none is in "default", as kubectl and
 * the API server have it, so that .ns of Services and EndpointSlices is never NULL.
 */
int meta_decode_namespaced(const cJSON *object, struct where where, struct faults *faults,
			   struct object_meta *ret);
void meta_done(struct object_meta *m);

/* A text of the metadata of an object that need not decode, lent; NULL: none, or no object. */
const char *meta_text(const cJSON *object, const char *key);
/* The same, "" for NULL. */
const char *meta_text_or_empty(const cJSON *object, const char *key);

/* Read a JSON object of strings (labels, selectors). NULL json is an empty set. 0 or -EBADMSG. */
int labels_decode(const cJSON *json, struct where where, struct faults *faults, const char *field,
		  struct labels *ret);
/* The same labels once more, for another who keeps them; ends by labels_done(). */
struct labels labels_ref(const struct labels *l);
void labels_done(struct labels *l);
/* The value of @key, or NULL. */
const char *labels_get(const struct labels *l, const char *key);

/* A label selector: all requirements hold (Kubernetes metav1.LabelSelector). */
enum selector_op { SELECTOR_IN, SELECTOR_NOT_IN, SELECTOR_EXISTS, SELECTOR_DOES_NOT_EXIST };

struct requirement {
	const char *key; /* interned */
	enum selector_op op;
	const char **values; /* interned */
	uint32_t value_count;
};

struct selector {
	ARRAY_OF(struct requirement);
};

struct selectors { /* a list is OR */
	ARRAY_OF(struct selector);
};

/* {matchLabels, matchExpressions}, both optional; {} matches everything. */
int selector_decode(const cJSON *json, struct where where, struct faults *faults, const char *field,
		    struct selector *ret);
/* A list of them, with the duplicates of compatibility page 1 refused. NULL json: empty list. */
int selectors_decode(const cJSON *json, struct where where, struct faults *faults,
		     const char *field, struct selectors *ret);
/* Zero for equal ones, whatever order they were written in; else some total order. */
int selector_cmp(const struct selector *a, const struct selector *b);
void selector_done(struct selector *s);
void selectors_done(struct selectors *s);
bool selector_matches(const struct selector *s, const struct labels *l);
/* True when one of them matches; false for an empty list. */
bool selectors_match(const struct selectors *s, const struct labels *l);

/* A list of strings, interned. */
struct names {
	ARRAY_OF(const char *);
};
void names_done(struct names *n);
bool names_contain(const struct names *n, const char *name);

#endif
