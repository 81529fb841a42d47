// SPDX-License-Identifier: Apache-2.0
/*
 * Private to engine*.c: what is kept of the cluster, and what the parts ask of each other.
 *
 * A `subject` is one Service name: it exists while there is a Service of ours, an
 * EndpointSlice that points at it, or an address that is still held in its name. Of
 * an EndpointSlice only the digest is kept that the election asks for: on which nodes
 * something serves. So ten thousand of each fit into a few megabytes.
 *
 * An election is kept: who won, and by what. A change of one node then asks of each Service
 * only whether that node was its first, or is now ahead of it; engine_elect.c has the rest.
 */
#ifndef BELLMAN_SPEAKER_ENGINE_STATE_H
#define BELLMAN_SPEAKER_ENGINE_STATE_H

#include <sys/queue.h>

#include "lib/base/must.h"
#include "lib/base/tree.h"
#include "speaker/election.h"
#include "speaker/engine.h"
#include "speaker/ranks.h"

struct slice {
	RB_ENTRY(slice) by_name;
	LIST_ENTRY(slice) of_subject;
	struct subject *subject;
	const char *ns, *name; /* interned */
	uint32_t node_count;
	bool serving;        /* an endpoint serves, with or without a node */
	const char *nodes[]; /* with a serving endpoint; interned, ascending by pointer, distinct */
};

struct ads { /* the advertisements that select a Service, by place in the configuration */
	ARRAY_OF(uint32_t);
};

/* What a node is in an election. */
struct grade {
	bool fit;       /* it is a candidate */
	int64_t weight; /* its summed preferences */
};

/* A node, and its number beside it: ten thousand elections look at a thousand of these. */
struct best {
	const struct member *member;
	uint32_t number;
};

/*
 * The Services that the same advertisements select. Which nodes are fit and how they are preferred
 * is the same for all of them, policy Local apart.
 */
struct field {
	RB_ENTRY(field) by_ads;
	uint32_t users;       /* Services whose election is kept */
	struct grade was, is; /* of the node that changes just now */
	/* The fit nodes of the greatest weight; only while it is gathered. */
	struct best *best;
	uint32_t best_count;
	bool gathered;
	int64_t best_weight;
	uint32_t ad_count, ads[];
};

/* The candidate that is first, and by what. */
struct winner {
	const struct member *member; /* NULL: there is none */
	int64_t weight;
	uint64_t rank;
};

/* What decides about a LoadBalancer Service of our class. */
struct balancer {
	struct labels labels; /* shared with the Service as it was told */
	char *uid;
	uint64_t event_ns; /* of the last nodeAssigned; 0: none yet */
	uint8_t ip_count;
	bool ips_bad;         /* one does not parse */
	bool sharing;         /* it has the annotation, whatever its value */
	bool local;           /* externalTrafficPolicy: Local */
	bool failed;          /* announceFailed was said and still holds */
	struct ip_addr ips[]; /* of status.loadBalancer.ingress, in their order */
};

TAILQ_HEAD(subject_queue, subject);

struct subject {
	RB_ENTRY(subject) by_name;
	TAILQ_ENTRY(subject) marked;
	struct subject_queue *queue; /* in which it is marked; NULL: in none */
	LIST_HEAD(, slice) slices;
	struct service_id id;
	struct balancer *balancer; /* NULL: no such Service, or none of ours */
	struct field *field;       /* where .winner was elected, and is still; NULL: nowhere */
	struct winner winner;
	struct ip_addr *held; /* announced from here */
	uint8_t held_count;   /* no Service has more in its status */
};

struct member {
	RB_ENTRY(member) by_name;
	const char *name;     /* interned */
	struct labels labels; /* shared with the Node as it was told */
	uint32_t number;      /* in the shared ranks, if there are any */
	bool network_unavailable, excluded;
};

RB_HEAD(slice_tree, slice);
RB_HEAD(subject_tree, subject);
RB_HEAD(member_tree, member);
RB_HEAD(field_tree, field);

#define GATHERED_MAX 8 /* fields whose best nodes are kept gathered */

struct speaker {
	const char *node_name, *lb_class; /* interned, or NULL */
	bool ignore_exclude_lb, assume_endpoints, ready;
	struct config *config, *config_next; /* in force, NULL before the first; waiting, or NULL */
	bool config_news;                    /* the next pass has something to say about them */
	struct slice_tree slices;
	struct subject_tree subjects;
	struct member_tree members;
	struct field_tree fields;
	struct field *gathered[GATHERED_MAX]; /* in turn */
	unsigned gathered_next;
	struct ads ads;      /* of the Service that a pass looks at */
	struct ranks *ranks; /* borrowed; NULL: each hashes for itself */
	/*
	 * Marked for the pass. What was said of one Service comes before what concerns all: an
	 * address taken from it must not be answered for until ten thousand others are elected.
	 */
	struct subject_queue told, concerned;
	size_t announced;
	struct l2 *l2;
	struct metric_family *announced_metric; /* NULL: no metrics */
};

static inline int name_cmp(const char *a_ns, const char *a_name, const char *b_ns,
			   const char *b_name)
{
	int c = a_ns == b_ns ? 0 : strcmp(a_ns, b_ns);

	return c != 0 ? c : a_name == b_name ? 0 : strcmp(a_name, b_name);
}

static inline int slice_cmp(const struct slice *a, const struct slice *b)
{
	return name_cmp(a->ns, a->name, b->ns, b->name);
}

static inline int subject_cmp(const struct subject *a, const struct subject *b)
{
	return name_cmp(a->id.ns, a->id.name, b->id.ns, b->id.name);
}

static inline int member_cmp(const struct member *a, const struct member *b)
{
	return strcmp(a->name, b->name);
}

static inline int field_cmp(const struct field *a, const struct field *b)
{
	if (a->ad_count != b->ad_count)
		return a->ad_count < b->ad_count ? -1 : 1;
	for (uint32_t i = 0; i < a->ad_count; i++)
		if (a->ads[i] != b->ads[i])
			return a->ads[i] < b->ads[i] ? -1 : 1;
	return 0;
}

TREE_GENERATE(slice_tree, slice, by_name, slice_cmp)
TREE_GENERATE(subject_tree, subject, by_name, subject_cmp)
TREE_GENERATE(member_tree, member, by_name, member_cmp)
TREE_GENERATE(field_tree, field, by_ads, field_cmp)

/* Interned names by their pointers. */
static inline int pointer_cmp(const void *x, const void *y)
{
	const char *const *a = x, *const *b = y;

	return (*a > *b) - (*a < *b);
}

/* Nothing is held any more. */
static inline void held_free(struct subject *j)
{
	free(j->held);
	j->held = NULL;
	j->held_count = 0;
}

/* engine.c */

/* NULL: there is none. */
struct subject *engine_subject_find(const struct speaker *s, const char *ns, const char *name);
/* The same, made if need be. Both are interned. */
struct subject *engine_subject_get(struct speaker *s, const char *ns, const char *name);
/* It is to be looked at first, since something was said of it. */
void engine_mark_told(struct speaker *s, struct subject *j);
/* It is to be looked at, since something changed that concerns it and others. */
void engine_mark(struct speaker *s, struct subject *j);
/* Free @j if nothing is left that needs it. */
void engine_subject_reap(struct speaker *s, struct subject *j);
/* The next one that is marked, or NULL; and no longer mark it. */
struct subject *engine_next(const struct speaker *s);
void engine_unmark(struct subject *j);
/* Every Service of ours, and every one that something is held for, is to be looked at. */
void engine_mark_all(struct speaker *s);
/* A Service with an address that we hold and that would be in no pool of @config; NULL: none. */
const struct subject *engine_orphan(const struct speaker *s, const struct config *config);
/* Put the configuration that waits in force, unless it would orphan an address. */
bool engine_config_adopt(struct speaker *s);

/* engine_told.c */

/* NULL: there is none. */
struct member *engine_member_find(const struct speaker *s, const char *name);
void engine_member_free(struct speaker *s, struct member *m);
void engine_slice_free(struct speaker *s, struct slice *x);
struct balancer *engine_balancer_free(struct balancer *b); /* NULL is fine; returns NULL */

/* engine_eligible.c */

/*
 * May @j be announced by anybody, in the order of compatibility page 4.1 and 4.2? Returns NULL and
 * the advertisements that select it, in place of what @ret_ads had, or why not.
 */
const char *engine_unannounceable(const struct speaker *s, const struct subject *j,
				  struct ads *ret_ads);
/*
 * May @m announce what @ads select, policy Local apart? Returns NULL and the summed preference of
 * those that cover @m, or why not, in words that follow its name.
 */
const char *engine_unfit(const struct speaker *s, const uint32_t *ads, size_t ad_count,
			 const struct member *m, int64_t *ret_weight);
/* With policy Local: does an endpoint of @j serve on @node? */
bool engine_serves_on(const struct speaker *s, const struct subject *j, const char *node);
/* The same two for one Service. */
const char *engine_unfit_for(const struct speaker *s, const struct subject *j,
			     const struct ads *ads, const struct member *m, int64_t *ret_weight);
/*
 * The interfaces on which @node announces: those of all of @ads that cover it, sorted and
 * distinct; none: all. The array is the caller's, the names the configuration's.
 */
struct names engine_interfaces(const struct speaker *s, const struct ads *ads, const char *node);

/* engine_elect.c */

/* See that @j->winner is who is first for what @ads select, unless that is known already. */
void engine_elect(struct speaker *s, struct subject *j, const struct ads *ads);
/* What was known of the election of @j holds no more. */
void engine_unelect(struct speaker *s, struct subject *j);
/*
 * Around each change of a node: what it is worth before (NULL: it was not there), and then which
 * Services it concerns. Their elections are forgotten, and they are marked. @gone: it goes next.
 */
void engine_node_before(struct speaker *s, const struct member *m);
void engine_node_after(struct speaker *s, const struct member *m, bool gone);

#endif
