// SPDX-License-Identifier: Apache-2.0
/* Between config.c and config_address.c; nobody else includes it. */
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
	bool dropped;     /* faulty, or it lost against the file */
};

struct build_entries {
	ARRAY_OF(struct build_entry);
};

/*
 * Hold the addresses of all pools against each other. Within one source an overlap is an error;
 * a resource that overlaps with the file is dropped with a warning. 0 or -ENOMEM.
 */
int build_overlaps_check(struct build_entries *entries, struct faults *faults);

/* Fill c->spans from c->pools, which are sorted. 0 or -ENOMEM. */
int build_spans(struct config *c);

#endif
