// SPDX-License-Identifier: Apache-2.0
/*
 * What is known of Services and their EndpointSlices, which of them have changed and since when:
 * the engine's (rules.h) view of the cluster. applied.h is its view of the kernel.
 */
#ifndef BELLMAN_PROXY_OWNERS_H
#define BELLMAN_PROXY_OWNERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "lib/base/tree.h"
#include "lib/model/cluster.h"
#include "lib/model/service.h"
#include "standalone/proxy/claims.h"
#include "standalone/proxy/plan.h"

struct slice {
	RB_ENTRY(slice) by_name;
	LIST_ENTRY(slice) of_owner;
	struct owner *owner; /* NULL: of no Service */
	struct endpoint_slice *object;
};
RB_HEAD(slice_tree, slice);

/* A Service, or slices that wait for one. */
struct owner {
	RB_ENTRY(owner) by_name;
	const char *ns, *name;   /* interned */
	struct service *service; /* NULL: not there (yet) */
	LIST_HEAD(, slice) slices;
	struct elements ways; /* what it claims, */
	int64_t created_s;    /* as made then */

	TAILQ_ENTRY(owner) in_dirty;
	bool dirty;
	uint64_t dirty_since_ns;

	/* For applied.c: */
	struct plan sent;   /* what is in the kernel, chains that linger included */
	struct plan before; /* the same without the transaction that is under way, if it is part of
			       it */
	TAILQ_ENTRY(owner) in_under_way, in_lingering;
	bool under_way, lingering;   /* whether it is on those lists */
	bool waiting;                /* for an element that another has */
	bool deletes;                /* chains, in what is under way */
	uint64_t under_way_since_ns; /* since when that was to be sent */
	uint64_t linger_until_ns;
	uint16_t health_port; /* as told last; 0: none */
	unsigned health_endpoints;

	/* For rules.c: */
	bool unsettled; /* not sent since the last restart */
	bool refused;   /* by the kernel, when last tried */
	bool tried;     /* the kernel would take it */
	bool kept;      /* it is refused, and what was there before the restart serves on, */
	unsigned kept_endpoints; /* with so many endpoints */
};
RB_HEAD(owner_tree, owner);
TAILQ_HEAD(owner_list, owner);

struct owners {
	struct owner_tree tree;
	struct slice_tree slices;
	struct claims *claims;
	struct owner_list dirty; /* what is to be sent for them may have changed */
	uint64_t now_ns;         /* when what is told now happened */
};

/* In place. Running out of memory ends the process. */
void owners_init(struct owners *os);
/* Their plans have been freed, and they are on no list but that of those that are dirty. */
void owners_done(struct owners *os);

/* As rules.h has them. */
int owners_service(struct owners *os, struct service *service);
void owners_service_gone(struct owners *os, const char *ns, const char *name);
int owners_slice(struct owners *os, struct endpoint_slice *object);
void owners_slice_gone(struct owners *os, const char *ns, const char *name);

/* NULL: not known. */
struct owner *owners_find(struct owners *os, const char *ns, const char *name);
/* Each, by name; NULL: there is no more. It may be freed before the next is asked for with it. */
#define OWNERS_FOREACH(o, os, next)                                                                \
	for ((o) = owners_next(os, NULL); (o) != NULL && ((next) = owners_next(os, o), 1);         \
	     (o) = (next))
/* The one after @o, or the first one. */
struct owner *owners_next(struct owners *os, struct owner *o);

void owner_mark(struct owners *os, struct owner *o);
/* Before all others, wherever it was. */
void owner_mark_first(struct owners *os, struct owner *o);
void owner_unmark(struct owners *os, struct owner *o);
/* Free it if it stands for nothing any more. */
void owner_reap(struct owners *os, struct owner *o);

#endif
