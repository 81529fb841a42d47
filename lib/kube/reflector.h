// SPDX-License-Identifier: Apache-2.0
/*
 * List and watch as a state machine: what to ask the API server next, and what its answers mean.
 *
 * Pure: it is fed answers, tells the user's kube_watch_ops, and says when to go on. watch.c owns
 * the transfers and the clock. The way:
 *
 *	list, page by page -> watch from the list's version -> (cut) -> watch from the last version
 *	      ^                                 |
 *	      +------ 410, a line that is broken, an error that a new version may mend
 *
 * A version is kept through disconnects, so an outage costs no new list. It is dropped when the
 * server no longer knows it (410 Gone), when the server has gone back in time (restored from a
 * backup), and when we cannot be sure to have understood everything since. During a new list the
 * old objects stay; what it did not name is removed at its end.
 *
 * A list that takes longer than the server keeps its snapshot (410 in the middle) is asked for
 * again in one piece, or it might never end.
 */
#ifndef BELLMAN_KUBE_REFLECTOR_H
#define BELLMAN_KUBE_REFLECTOR_H

#include "lib/base/rng.h"
#include "lib/kube/keyset.h"
#include "lib/kube/kube.h"
#include "lib/kube/page.h"

/* When to send what reflector_url() says. */
enum reflector_next {
	REFLECTOR_WAIT,   /* the answer is not complete: go on reading */
	REFLECTOR_NOW,    /* at once */
	REFLECTOR_LATER,  /* after the back-off */
	REFLECTOR_RARELY, /* in a minute: the resource is not there */
	REFLECTOR_ENDED,  /* a callback has ended the watch */
};

struct reflector {
	const struct kube_watch_ops *ops;
	void *arg;
	const char *server;
	char *path, *query; /* query may be NULL */

	struct keyset keys;
	char *version; /* to watch from; with `listed`, else of the list under way; or NULL */
	char *page;    /* `continue` of the list under way; NULL: its first page is next */
	struct page_reader reader; /* of the page under way */
	bool unpaged;              /* ask for the list in one piece */
	bool listed;               /* the list is complete: watch */
	bool synced;               /* one list has been complete */
	bool ended;                /* set by the owner in a callback: call nobody any more */
	bool absent;               /* told ops->absent */
	int refused;               /* HTTP status that was told and logged, or MALFORMED; 0: none */
	uint64_t malformed;        /* answers that could not be understood, ever */
};

/* 0 or -ENOMEM. @server, for log lines, is kept by pointer; @path and @query are copied. */
int reflector_init(struct reflector *r, const char *server, const char *path, const char *query,
		   const struct kube_watch_ops *ops, void *arg);
void reflector_done(struct reflector *r);

/* Begin again with a list; an answer that was under way is not to be fed any more. */
void reflector_relist(struct reflector *r);

/* Is the next request, or the one under way, a watch (and not a page of a list)? */
bool reflector_watching(const struct reflector *r);

/* Path and query of the next request; free it. NULL: out of memory. */
char *reflector_url(struct reflector *r, struct rng *rng);

/* Bytes of a page have come: its objects are told as far as they are whole. */
enum reflector_next reflector_page(struct reflector *r, const char *text, size_t len);
/* The page is complete. */
enum reflector_next reflector_page_end(struct reflector *r);

/* Bytes of a watch have come. *ret_used: how many were taken, up to the end of the last line. */
enum reflector_next reflector_lines(struct reflector *r, const char *text, size_t len,
				    size_t *ret_used);

/* An answer that is none: broken, or too large. @why: for the log. */
enum reflector_next reflector_misunderstood(struct reflector *r, const char *why);

/* Does this Status say that our version is from the server's future? Its HTTP status is 504. */
bool reflector_is_ahead(const cJSON *status);

/* The server has answered other than 200. @reason: for the log and ops->lost. */
enum reflector_next reflector_refused(struct reflector *r, int status, const char *reason);

/* The connection has ended without such an answer; @lived_ms: how long the watch has run. */
enum reflector_next reflector_cut(struct reflector *r, uint64_t lived_ms);

#endif
