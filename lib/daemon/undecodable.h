// SPDX-License-Identifier: Apache-2.0
/*
 * Objects of the API that do not decode: skipped by their user, and here logged once for each
 * version of them and counted in bellman_objects_undecodable_total{kind}.
 */
#ifndef BELLMAN_DAEMON_UNDECODABLE_H
#define BELLMAN_DAEMON_UNDECODABLE_H

#include <cjson/cJSON.h>

#include "lib/base/metrics.h"
#include "lib/model/fault.h"

struct undecodable;

/* @metrics is borrowed; one of these a registry. Out of memory ends the process. */
struct undecodable *undecodable_new(struct metrics *metrics);
struct undecodable *undecodable_free(struct undecodable *u); /* NULL is fine; returns NULL */

/* @object, of @kind, did not decode because of @faults. */
void undecodable_note(struct undecodable *u, const char *kind, const cJSON *object,
		      const struct faults *faults);

/* It decodes now, or is gone. One that was never noted is fine, and costs nothing. */
void undecodable_forget(struct undecodable *u, const char *kind, const char *ns, const char *name);

#endif
