// SPDX-License-Identifier: Apache-2.0
/*
 * Watches on the wire: each a connection that is suspended while there is nothing to tell, woken by
 * a change it looks for or by the time, and ended when its client has gone or takes nothing.
 *
 * What a watch tells is watch.c's; a stream holds one line of it at most, and MHD one block.
 */
#ifndef BELLMAN_APISERVER_STREAMS_H
#define BELLMAN_APISERVER_STREAMS_H

#include "lib/daemon/httpd.h"
#include "standalone/apiserver/rest.h"

struct streams; /* opaque */

/* Both are borrowed for as long as it lives. */
struct streams *streams_new(const struct api *a, struct httpd *httpd);
/* After MHD is done with the last one. NULL is fine; returns NULL. */
struct streams *streams_free(struct streams *s);

/* Is there a place for one more, and for one more of this client's address? */
bool streams_have_room(const struct streams *s, struct MHD_Connection *c);

/* Answer @c with what @spec asks for; takes @spec over. */
enum MHD_Result streams_begin(struct streams *s, struct MHD_Connection *c, struct watch_spec *spec,
			      const char *content_type);

/* After a commit: wake those that have something to read since the last one. */
void streams_wake(struct streams *s);
/* About every second: bookmarks, ends, clients that have gone or stall. */
void streams_tick(struct streams *s);
/* End all; their connections are not suspended any more. */
void streams_end(struct streams *s);

#endif
