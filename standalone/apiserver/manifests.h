// SPDX-License-Identifier: Apache-2.0
/*
 * Folders of manifests: loaded at start, then followed. What a file says is applied like
 * `kubectl apply` would: made, or merged into what is there; what a file no longer says
 * is deleted, unless it changed hands meanwhile (another file has it).
 */
#ifndef BELLMAN_APISERVER_MANIFESTS_H
#define BELLMAN_APISERVER_MANIFESTS_H

#include <uv.h>

#include "standalone/apiserver/api.h"

struct manifests; /* opaque */

/*
 * Is one of @dirs (as below) no folder that can be read? Says which and why, NULL where all are
 * well. For a start: a folder that goes later is followed as one without files. The caller frees
 * it.
 */
char *manifests_missing(const char *dirs);

/*
 * @dirs: comma between them; NULL: none, and NULL is returned. @written is called after each
 * change of the store. Faults are logged, the rest is loaded.
 */
struct manifests *manifests_open(uv_loop_t *loop, struct api *a, const char *dirs,
				 void (*written)(void *arg), void *arg);
struct manifests *manifests_close(struct manifests *m); /* NULL is fine; returns NULL */

#endif
