// SPDX-License-Identifier: Apache-2.0
/*
 * Bellman's configuration kinds as tables: which fields there are, of which type, within
 * which bounds. kinds.c has the tables, schema.c holds objects against them.
 *
 * It checks one object alone; what objects must not do to each other is in config.c.
 */
#ifndef BELLMAN_MODEL_SCHEMA_H
#define BELLMAN_MODEL_SCHEMA_H

#include "lib/base/ip.h"
#include "lib/model/json.h"

enum field_type {
	FIELD_TEXT,
	FIELD_BOOL,
	FIELD_INT,      /* .min and .max */
	FIELD_ASN,      /* .min..4294967295, as a number or a string */
	FIELD_WORD,     /* one of .words */
	FIELD_DURATION, /* Go's notation */
	FIELD_IP,
	FIELD_LISTEN,    /* ADDRESS:PORT to serve at */
	FIELD_TEXTS,     /* a list of strings */
	FIELD_UNIQUE,    /* a list of strings, none twice */
	FIELD_RANGES,    /* ADDRESS/LENGTH or FIRST-LAST */
	FIELD_ADDRESSES, /* the same, or single addresses */
	FIELD_COMMUNITY, /* A:B or large:A:B:C; a list, none twice: or the name of one. What it
			    says is for the rules: config_communities.c knows the names */
	FIELD_SELECTOR,
	FIELD_SELECTORS, /* a list of them, none twice */
	FIELD_MAP,       /* .fields */
	FIELD_MAPS,      /* a list of them */
	FIELD_CHECKED,   /* .check alone knows */
};

struct field {
	const char *name; /* NULL ends a table */
	enum field_type type;
	bool required;  /* there, and not empty */
	bool file_only; /* not a field of the custom resource */
	int64_t min, max;
	const char *const *words;
	const struct field *fields;
	const char *called; /* by MetalLB when it is wrong: "invalid CALLED ..."; NULL: our words */
	const char *missing; /* what MetalLB says when it is absent or empty; NULL: our words */
	/* It is there; of FIELD_CHECKED and FIELD_MAP, and of each in FIELD_MAPS. */
	void (*check)(const struct json *j);
};

struct kind {
	const char *name;        /* IPAddressPool; NULL ends the table */
	const char *api_version; /* metallb.io/v1beta1 */
	const char *list;        /* what the configuration file calls it; NULL: not there */
	const struct field *spec;
	const struct field *own;                /* Bellman's additions (contracts) */
	void (*rules)(const struct json *spec); /* what no field alone can tell; may be NULL */
};

extern const struct kind kinds[];

/* The kind of an object, or NULL when it is none of ours. */
const struct kind *kind_of(const cJSON *object);

/*
 * Is @object of one of our API groups, but of a kind or version that does not exist? Adds the
 * fault. Kinds that Bellman writes itself (ServiceL2Status, ...) are no mistake.
 */
bool kind_mistaken(const cJSON *object, struct where where, struct faults *faults);

/* Hold @object against its kind. Returns 0, or -EBADMSG with all that is wrong in @faults. */
int kind_check(const struct kind *kind, const cJSON *object, struct where where,
	       struct faults *faults);

/*
 * One of Bellman's own fields: in a configuration file a member of spec, on a custom resource
 * the annotation bellman.io/NAME with a JSON value. A copy for the caller, who ends it with
 * cJSON_Delete(); NULL when it is not there.
 */
cJSON *kind_own_field(const cJSON *object, struct where where, const char *name);

/*
 * For files of other kinds than configuration: hold a map against a table, or one value against
 * its field. What is wrong is told by way of the source of @map, or @j.
 */
void schema_check(const struct json *map, const struct field *fields);
void schema_check_field(const struct json *j, const struct field *field);

/* A range of addresses; @single: an address alone is one too. Errors as ip_range_parse(). */
int schema_range_parse(const char *text, bool single, struct ip_range *ret);

#endif
