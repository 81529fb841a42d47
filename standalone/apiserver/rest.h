// SPDX-License-Identifier: Apache-2.0
/*
 * Paths and verbs: from a request to what it asks of the objects, and to the answer.
 * No sockets: http.c brings requests and takes answers, tests do the same.
 */
#ifndef BELLMAN_APISERVER_REST_H
#define BELLMAN_APISERVER_REST_H

#include "standalone/apiserver/api.h"
#include "standalone/apiserver/query.h"
#include "standalone/apiserver/types.h"

struct request {
	const char *method;                /* GET, POST... */
	const char *path;                  /* decoded, without query */
	const char *accept, *content_type; /* NULL: not said */
	/* The value of a query parameter, or NULL; decoded. */
	const char *(*param)(void *arg, const char *name);
	void *arg;
	const char *body; /* NUL-terminated behind its end */
	size_t body_len;
};

/* How objects go out. */
struct view {
	enum { AS_OBJECT, AS_TABLE, AS_METADATA, AS_METADATA_LIST } as;
	const char *meta_version; /* v1 or v1beta1 of meta.k8s.io; not of AS_OBJECT */
	enum { INCLUDE_METADATA, INCLUDE_OBJECT, INCLUDE_NONE } include;
};

/* A watch that was asked for and may begin. */
struct watch_spec {
	const struct kind *kind;
	const struct kind_version *version;
	const char *ns; /* interned; NULL: all */
	struct query query;
	struct view view;
	bool from_start;   /* all objects first, as ADDED */
	bool mark_initial; /* then a bookmark that says that this was all (WatchList) */
	uint64_t rv;       /* else changes after this one */
	bool bookmarks;
	uint64_t timeout_s; /* 0: not said */
};
void watch_spec_done(struct watch_spec *w);

struct reply {
	int code;
	struct buf body;
	struct text *text; /* not NULL: the body, shared */
	const char *content_type;
	struct notes warnings;    /* each goes into a Warning header */
	struct watch_spec *watch; /* not NULL: stream this, there is no body; the caller's */
	struct listing *list;     /* not NULL: the body is still in it (listing.h); the caller's */
};
void reply_done(struct reply *r);
/* Draw what is in a shared text or a list into the body. */
void reply_gather(struct reply *r);

void rest_handle(struct api *a, const struct request *q, struct reply *r);

/* The text of an object in the version that the client speaks. The caller unrefs it. */
struct text *rest_convert(const struct kind *kind, const struct kind_version *version,
			  struct text *stored);

/* A PartialObjectMetadata; the caller's. */
cJSON *view_metadata(const struct view *v, const cJSON *object);
/* What is sent of an object, but for tables. The caller unrefs it. */
struct text *view_text(const struct view *v, const struct kind *kind,
		       const struct kind_version *version, struct text *stored);

/* A Status as the whole answer; @status is taken over. */
void reply_status(struct reply *r, cJSON *status);

#endif
