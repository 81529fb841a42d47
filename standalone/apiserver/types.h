// SPDX-License-Identifier: Apache-2.0
/*
 * What the fields of the built-in kinds are called, what they hold and how they are written:
 * the tables that decoding, merging, protobuf and OpenAPI share.
 *
 * An object is brought into the form that a Kubernetes API server gives it: fields that its type
 * does not have are dropped, so are empty ones, and those that are always written are filled in.
 * What the values may be is not decided here.
 */
#ifndef BELLMAN_APISERVER_TYPES_H
#define BELLMAN_APISERVER_TYPES_H

#include <stdint.h>

#include "lib/base/array.h"
#include "standalone/apiserver/json.h"

enum value_type {
	T_TEXT,
	T_INT32,
	T_INT64,
	T_FLAG,
	T_TIME,        /* RFC 3339, to the second */
	T_MICRO_TIME,  /* to the microsecond */
	T_QUANTITY,    /* resource.Quantity */
	T_INT_OR_TEXT, /* intstr.IntOrString */
	T_BLOB,        /* base64 */
	T_OBJECT,
	T_ANY, /* taken as it is */
};

enum value_shape { T_ONE, T_LIST, T_MAP };

struct object_type;

struct field {
	const char *name; /* NULL: the fields of @object stand here; with no @object: the end */
	enum value_type type;
	enum value_shape shape;
	uint8_t number; /* in protobuf; 0: none */
	bool pointer;   /* empty is something else than absent */
	bool always;    /* written even when empty */
	const struct object_type *object;
	/* Of a list that merges: the member that tells elements apart; "": plain values. */
	const char *merge_key;
};

struct object_type {
	const char *name; /* ServicePort */
	const struct field *fields;
	bool open; /* what is not in the table is kept */
};

/* What a custom resource is known to have: metadata. */
extern const struct object_type type_custom;

/* The field of a name; NULL when there is none. */
const struct field *types_field(const struct object_type *type, const char *name);

/* What was noticed on the way, for the client; each a text of its own. */
struct notes {
	ARRAY_OF(char *);
};
void notes_done(struct notes *n);

/*
 * Bring @object into the form of @type. Unknown and duplicate fields are dropped (the last of
 * several stays) and told in @notes, in Kubernetes' words. Returns NULL, or what is of the wrong
 * type, which the caller frees; @object is half done then.
 */
char *types_apply(const struct object_type *type, cJSON *object, struct notes *notes);

#endif
