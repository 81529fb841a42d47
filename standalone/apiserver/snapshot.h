// SPDX-License-Identifier: Apache-2.0
/*
 * The objects of a kind as they were at a version: what all pages of one list show, so
 * that a client that watches from that version never sees time run backwards.
 */
#ifndef BELLMAN_APISERVER_SNAPSHOT_H
#define BELLMAN_APISERVER_SNAPSHOT_H

#include "lib/base/array.h"
#include "standalone/apiserver/store.h"

/* Borrowed from the store: good until the next write. */
struct snapshot_item {
	const char *ns, *name;
	struct text *text;
};

struct snapshot {
	ARRAY_OF(struct snapshot_item); /* by namespace and name */
};

/*
 * Objects of @kind in @ns (NULL: all) behind @after_ns, @after_name (NULL: from the start) at
 * version @rv. False: the history does not reach back that far, and there is nothing to free.
 */
bool snapshot_take(const struct store *s, const struct kind *kind, const char *ns,
		   const char *after_ns, const char *after_name, uint64_t rv, struct snapshot *ret);
void snapshot_done(struct snapshot *s);

#endif
