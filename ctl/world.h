// SPDX-License-Identifier: Apache-2.0
/*
 * The objects of a cluster as they were found, in files and in the API: what check,
 * plan and status start from. Still JSON; ctl/cluster.h decodes them.
 *
 * An object of a manifest stands in the place of the one that the API holds under the
 * same name, as it would once applied.
 */
#ifndef BELLMAN_CTL_WORLD_H
#define BELLMAN_CTL_WORLD_H

#include "lib/model/doc.h"

#include <stdbool.h>

enum world_kind {
	WORLD_SERVICE,
	WORLD_SLICE,
	WORLD_NODE,
	WORLD_NAMESPACE,
	WORLD_CONFIG, /* pools, advertisements and what else lib/model/config.h takes */
	WORLD_OTHER,  /* of no concern to Bellman: a manifest may hold anything */
};

struct world_object {
	enum world_kind kind;
	const char *kind_name, *ns, *name; /* borrowed from json; "" when they are missing */
	cJSON *json;
	struct where where; /* zero: from the API */
	const cJSON *live;  /* from a file: what the API holds under this name; NULL: nothing */
	bool hidden;        /* a manifest stands in its place, or no daemon reads it */
	bool owned;         /* json goes with the world, not with a document */
};

struct world {
	ARRAY_OF(struct world_object);
	const char *ns; /* of the daemons; NULL: not said, see world_namespace() */
	struct world_docs {
		ARRAY_OF(struct doc *);
	} docs;
	struct world_files {
		ARRAY_OF(const char *); /* as given, borrowed */
	} files;
	struct faults faults; /* of everything that was read so far */
};

/* Read @path into @w. What is wrong with it is in w->faults. */
void world_load(struct world *w, const char *path);

/* Copy an object of the API into @w. */
void world_add_live(struct world *w, const cJSON *object);

/*
 * The one namespace whose resources of metallb.io the daemons read: w->ns, else what `settings` in
 * the files say, else metallb-system.
 */
const char *world_namespace(const struct world *w);

/* Once all is read: find what stands for what, what is there twice, and what nobody reads. */
void world_settle(struct world *w);

/* Put the faults in the order of the files and their lines, as a reader mends them. */
void world_sort_faults(struct world *w);

bool world_is_live(const struct world_object *o);
void world_done(struct world *w);

#endif
