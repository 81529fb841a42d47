// SPDX-License-Identifier: Apache-2.0
/*
 * The objects: an ordered index in memory over the state file, and the history of
 * changes that watchers read.
 *
 * A write is in memory and in an open transaction at once; store_commit() makes it
 * durable and lets watchers see it. Nobody may be told of a write before that.
 * There is one version counter for all kinds, as in Kubernetes.
 */
#ifndef BELLMAN_APISERVER_STORE_H
#define BELLMAN_APISERVER_STORE_H

#include "lib/base/tree.h"
#include "standalone/apiserver/history.h"
#include "standalone/apiserver/json.h"
#include "standalone/apiserver/kinds.h"

/* One stored object. Borrowed from the store: good until the next write to it. */
struct object {
	RB_ENTRY(object) entry, by_uid;
	const struct kind *kind;
	const char *ns, *name; /* interned; ns "" for cluster scope */
	uint64_t rv;
	struct text *text;   /* compact JSON, in the kind's storage version */
	const char *uid;     /* interned */
	const char **owners; /* uids of ownerReferences, interned; NULL: none */
	unsigned owner_count;
	unsigned rests; /* times objects_expire_events() came by since the last write */
	struct object *next_owned, **prev_owned; /* among those that have owners */
};

/* Bytes of one object's JSON: as etcd by default, so that what fits here fits a cluster. */
enum { STORE_OBJECT_MAX = 3 << 19 };

struct store_cfg {
	const char *path; /* NULL: memory only */
	size_t history_count, history_bytes;
	uint64_t first_rv; /* where a new store begins to count */
};

struct store; /* opaque */

/*
 * Open and load. CustomResourceDefinitions are entered into @kinds before the rest is read.
 * Returns 0 or -EIO with the reason in @err.
 */
int store_open(const struct store_cfg *cfg, struct kinds *kinds, struct store **ret, char *err,
	       size_t err_size);
struct store *store_close(struct store *s); /* NULL is fine; returns NULL */

struct object *store_get(const struct store *s, const struct kind *kind, const char *ns,
			 const char *name);
/*
 * In order of namespace and name: the first object of @kind in @ns (NULL: all namespaces) that
 * comes after @after_ns, @after_name (NULL: from the start), and the one after @o.
 */
struct object *store_first(const struct store *s, const struct kind *kind, const char *ns,
			   const char *after_ns, const char *after_name);
struct object *store_next(const struct object *o, const char *ns);
/* The first of those that have owners; go on by next_owned. */
struct object *store_owned(const struct store *s);
/* @uid: interned. */
bool store_has_uid(const struct store *s, const char *uid);
size_t store_count(const struct store *s, const struct kind *kind);

/*
 * Create or replace what @object's metadata names; its resourceVersion is set to the new one.
 * Returns 0, or with nothing changed -EIO, or -E2BIG for more than STORE_OBJECT_MAX.
 */
int store_put(struct store *s, const struct kind *kind, cJSON *object);
/* Remove @o; watchers get @last (its last state) with a new resourceVersion. 0 or -EIO. */
int store_delete(struct store *s, struct object *o, cJSON *last);

/* Make writes durable and visible. Returns 0 or -EIO: memory is ahead of the file then, end. */
int store_commit(struct store *s);
bool store_dirty(const struct store *s);
/* What the last store_put() or store_delete() that failed returned. */
int store_fault(const struct store *s);
const char *store_error(const struct store *s); /* of the state file */

uint64_t store_rv(const struct store *s);
const struct history *store_history(const struct store *s);
/* Changes before this seq, and up to this version, are committed. */
uint64_t store_visible(const struct store *s);
uint64_t store_visible_rv(const struct store *s);

#endif
