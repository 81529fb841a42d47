// SPDX-License-Identifier: Apache-2.0
/* What the files of objects.h share. Those that return a cJSON return NULL or a Status. */
#ifndef BELLMAN_APISERVER_OBJECTS_IMPL_H
#define BELLMAN_APISERVER_OBJECTS_IMPL_H

#include "standalone/apiserver/objects.h"

cJSON *object_parsed(const struct object *o); /* the caller's */
bool object_is_ending(const cJSON *object);   /* deletionTimestamp is set */
bool object_has_finalizers(const cJSON *object);
void object_set_uid(cJSON *meta);
void object_set_now(cJSON *meta, const char *name);
bool object_has_generation(const struct kind *kind);
bool object_is_container(const struct kind *kind); /* namespaces and definitions */

/* NULL and a 404 in *ret_wrong when it is not there. */
struct object *objects_find(struct api *a, const struct target *t, cJSON **ret_wrong);
cJSON *objects_disk_failed(struct api *a);
/* Remove for good, dependents too (@orphan: they only lose the reference). @json: last state. */
cJSON *objects_remove(struct api *a, struct object *o, cJSON *json, bool orphan);
/* Namespaces and definitions that have become empty go. */
cJSON *objects_sweep(struct api *a);

void keys_add(struct keys *keys, const struct object *o);
void keys_done(struct keys *keys);

#endif
