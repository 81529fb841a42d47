// SPDX-License-Identifier: Apache-2.0
/*
 * The body of a list, made piece by piece as the client takes it.
 *
 * It holds references to the stored texts, and at most one piece that had to be made for this
 * client (a table row, an object in another version). So a list of any length costs a pointer an
 * object while it is being sent, and a client that does not read holds no copy of it.
 */
#ifndef BELLMAN_APISERVER_LISTING_H
#define BELLMAN_APISERVER_LISTING_H

#include "standalone/apiserver/rest.h"

struct listing; /* opaque */

struct listing *listing_new(const struct kind *kind, const struct kind_version *version,
			    const struct view *view);
struct listing *listing_free(struct listing *l); /* NULL is fine; returns NULL */

/* One more object; takes a reference. */
void listing_add(struct listing *l, struct text *object);
size_t listing_bytes(const struct listing *l); /* of the stored objects in it */
/* All were added. @next: the continue token, or NULL; @remaining 0: not said. */
void listing_begin(struct listing *l, uint64_t rv, const char *next, size_t remaining);

/* Up to @max bytes into @to; less than @max, 0 too: that was the end. */
size_t listing_read(struct listing *l, char *to, size_t max);

#endif
