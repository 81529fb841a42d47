// SPDX-License-Identifier: Apache-2.0
/* Between the files that build a configuration (config*.c); nobody else includes it. */
#ifndef BELLMAN_MODEL_CONFIG_BUILD_H
#define BELLMAN_MODEL_CONFIG_BUILD_H

#include "lib/model/config.h"

struct kind;

/* One object on its way into the configuration. */
struct build_entry {
	const struct config_input *input;
	const struct kind *kind;
	const char *name; /* borrowed from the object; "" when it has none */
	size_t order;     /* its place among the inputs */
	uint32_t place;   /* its place by kind and name */
	bool dropped;     /* faulty, or it lost against the file */
};

struct build_entries {
	ARRAY_OF(struct build_entry);
};

/* In which order MetalLB looks for errors (compatibility page 1.9). */
enum build_stage {
	BUILD_FILE, /* not yet an object */
	BUILD_PEERS_TOGETHER,
	BUILD_BFD_PROFILES,
	BUILD_PEERS,
	BUILD_COMMUNITIES,
	BUILD_POOLS,
	BUILD_L2_ADVERTISEMENTS,
	BUILD_BGP_ADVERTISEMENT_TWINS,
	BUILD_BGP_ADVERTISEMENTS,
	BUILD_ECHO_MODE,
	BUILD_SETTINGS, /* of ours alone */
};

/* Objects of the API have no line: they are called KIND/NAME instead, in @buf. */
struct where build_where(const struct build_entry *e, char *buf, size_t size);

/* Rank what was added to @faults since there were @from of them: faults of @e, met at @stage. */
void build_rank(const struct build_entry *e, enum build_stage stage, struct faults *faults,
		size_t from);

/* The same for what is wrong with @e alone, with MetalLB's words around it. */
void build_rank_own(const struct build_entry *e, struct faults *faults, size_t from);

/*
 * Hold the addresses of all pools against each other. Within one source an overlap is an error;
 * a resource that overlaps with the file is dropped with a warning. 0 or -ENOMEM.
 */
int build_overlaps_check(struct build_entries *entries, struct faults *faults);

/* Fill c->spans from c->pools, which are sorted. 0 or -ENOMEM. */
int build_spans(struct config *c);

#endif
