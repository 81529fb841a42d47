// SPDX-License-Identifier: Apache-2.0
/*
 * Reading values out of a JSON tree, with a fault for each that is not what it should be.
 *
 * A `struct json` is a value and the way that led to it. The ways chain on the caller's
 * stack and become text (spec.ports[0].port) only when there is a fault to tell, so a good
 * object costs nothing. As in the Kubernetes API, null is the same as absent.
 *
 *	struct json_source source = { where, faults };
 *	struct json root = json_root(&source, object, ""), spec = json_get(&root, "spec");
 *	struct json ports = json_get(&spec, "ports");
 *
 *	json_each(port, &ports) { struct json n = json_get(&port, "port"); ... json_int(&n, ...) }
 *	return source.failed ? -EBADMSG : 0;
 */
#ifndef BELLMAN_MODEL_JSON_H
#define BELLMAN_MODEL_JSON_H

#include "lib/model/doc.h"

#include <stdint.h>

struct json_source {
	struct where where;
	struct faults *faults; /* NULL: nobody wants to know */
	bool failed;           /* sticky: there was a fault */
	const cJSON *last;     /* the latest value of a wrong type */
};

struct json {
	struct json_source *source;
	const struct json *up; /* must outlive this one; NULL at the root */
	const char *key;       /* in an object, or the path of a root; NULL in a list */
	unsigned index;        /* in a list */
	const cJSON *value;    /* NULL: absent */
};

/* A tree to read. @path: what its fields are called from here on, "" for a whole object. */
struct json json_root(struct json_source *source, const cJSON *value, const char *path);

/* A member of an object; absent when @of is absent. A fault when @of is something else. */
struct json json_get(const struct json *of, const char *key);

/* For each value of a list, or member of an object. */
struct json json_first(const struct json *of);
struct json json_next(const struct json *j);
#define json_each(item, of)                                                                        \
	for (struct json item = json_first(of); item.value != NULL; item = json_next(&item))

bool json_absent(const struct json *j);

/* True when it is there and of that type; a fault when it is of another. */
bool json_is_object(const struct json *j);
bool json_is_list(const struct json *j);
size_t json_count(const struct json *j); /* values of a list; 0 when it is absent or faulty */

/* The value, or the one for absent; a fault, and the one for absent, for another type. */
const char *json_text(const struct json *j); /* NULL when absent; borrowed from the tree */
bool json_bool(const struct json *j, bool absent);
int64_t json_int(const struct json *j, int64_t min, int64_t max, int64_t absent);

/* A protocol of a port, as an enum l4_protocol (service.h); TCP when absent. */
int l4_protocol_decode(const struct json *j);

/* As json_text(), with a fault when it is absent or empty. */
const char *json_need_text(const struct json *j);

/* The index of a text within @words (ended by NULL), @absent when absent; a fault for others. */
int json_word(const struct json *j, const char *const *words, int absent);

/*
 * A fault about a member whose name is none of @known (ended by NULL), with the nearest one. In the
 * spec of an object of an API it is a warning: a slip would not have passed the definition there,
 * so that is of a later version than we know, and MetalLB passes over it.
 */
void json_unknown(const struct json *j, const char *const *known);

/* The one of @known that @text is a slip of, or NULL. */
const char *json_nearest(const char *text, const char *const *known);

/* The way to @j as text: spec.ports[0].port. Cut to @size; returns the length. */
size_t json_path(const struct json *j, char *buf, size_t size);

/* Add a fault about this value. */
void json_fault(const struct json *j, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void json_warn(const struct json *j, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Give the fault that was just told about @j its summary (fault.h). */
void json_summarize(const struct json *j, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * A whole number out of a JSON number. Doubles are exact up to 2^53; readers keep longer
 * ones as cJSON_Raw text, which is understood up to 63 bits.
 */
bool json_integer(const cJSON *value, int64_t *ret);

/* Same content, whatever the order of members. NULL equals NULL only. */
bool json_equal(const cJSON *a, const cJSON *b);

/* "a string", "a list", ... for messages. */
const char *json_type_name(const cJSON *value);

#endif
