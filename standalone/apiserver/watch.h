// SPDX-License-Identifier: Apache-2.0
/*
 * One watch: a cursor in the history that yields lines of JSON. No socket, no timer,
 * no queue: what it holds is a position and the line that is half sent.
 */
#ifndef BELLMAN_APISERVER_WATCH_H
#define BELLMAN_APISERVER_WATCH_H

#include "standalone/apiserver/rest.h"

struct watch; /* opaque */

/* Takes @spec over. Never fails: a version that is too old is told in the stream. */
struct watch *watch_new(const struct api *a, struct watch_spec *spec, uint64_t now_s);
struct watch *watch_free(struct watch *w); /* NULL is fine; returns NULL */

/* Up to @max bytes into @to; 0: nothing to say now. */
size_t watch_read(struct watch *w, char *to, size_t max, uint64_t now_s);
/* The last line was read: close. */
bool watch_ended(const struct watch *w);

/*
 * Would this change, or the time, make watch_read() return something? @c NULL: a change that the
 * history has forgotten before anybody was told; the watch expires then.
 */
bool watch_wakes_for(struct watch *w, uint64_t seq, const struct change *c);
bool watch_is_due(const struct watch *w, uint64_t now_s);

#endif
