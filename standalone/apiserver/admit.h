// SPDX-License-Identifier: Apache-2.0
/*
 * What each kind asks of its objects before they are stored: defaults, validation, and
 * what a client may not write. Metadata rules are common to all.
 */
#ifndef BELLMAN_APISERVER_ADMIT_H
#define BELLMAN_APISERVER_ADMIT_H

#include "standalone/apiserver/api.h"

/* What an object gets by being read, for what it says itself; before admit(). */
void admit_decoded(const struct kind *kind, cJSON *object);

/* @old NULL: create. @status: a write of the status subresource. NULL or a Status. */
cJSON *admit(struct api *a, const struct kind *kind, cJSON *object, const cJSON *old, bool status);

/* Take back what admit() entered in the books: the write did not happen. */
void admit_undo(struct api *a, const struct kind *kind, const cJSON *object, const cJSON *old);
/* The object is gone. */
void admit_gone(struct api *a, const struct kind *kind, const cJSON *object);

#endif
