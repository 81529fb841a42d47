// SPDX-License-Identifier: Apache-2.0
/*
 * The life of an object: create, update, patch, delete, and what follows from them
 * (finalizers, owners, namespaces, definitions). Protocol-free: HTTP is http.c's,
 * paths and verbs are rest.c's, and manifests.c comes in here too.
 *
 * All return NULL, or a Status that the caller owns, with nothing changed. A change is
 * in the store but not committed: store_commit() before anybody is told.
 */
#ifndef BELLMAN_APISERVER_OBJECTS_H
#define BELLMAN_APISERVER_OBJECTS_H

#include "standalone/apiserver/api.h"
#include "standalone/apiserver/patch.h"
#include "standalone/apiserver/types.h"

/* What a write is about. */
struct target {
	const struct kind *kind;
	const struct kind_version *version; /* the one the client speaks */
	const char *ns, *name;              /* ns "" for cluster scope; name NULL on create */
	bool status;                        /* the status subresource */
	bool finalize;                      /* that of a namespace: spec.finalizers is written */
	bool dry_run;
	bool strict;         /* unknown and duplicate fields are refused, not only noted */
	struct notes *notes; /* gets what the client is to be warned of; NULL: nobody hears */
};

/* Namespaces that always are, and the books; after store_open(). */
cJSON *objects_start(struct api *a);
void objects_done(struct api *a);

/* @*object is completed in place to what is stored. */
cJSON *objects_create(struct api *a, const struct target *t, cJSON *object);
/* *ret_created: it was not there, and is of a kind that an update creates. */
cJSON *objects_update(struct api *a, const struct target *t, cJSON *object, bool *ret_created);
/* *ret_object: the object after it; the caller's. */
cJSON *objects_patch(struct api *a, const struct target *t, enum patch_type type,
		     const cJSON *patch, cJSON **ret_object);
/*
 * @options: DeleteOptions or NULL. *ret_object: a Status of success, or the object where
 * finalizers keep it.
 */
cJSON *objects_delete(struct api *a, const struct target *t, const cJSON *options,
		      cJSON **ret_object);

/*
 * Delete the Events that nobody wrote since the sixth call before this one: called every ten
 * minutes they live for an hour, as in Kubernetes. False: the state file failed.
 */
bool objects_expire_events(struct api *a);

#endif
