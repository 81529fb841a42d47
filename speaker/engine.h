// SPDX-License-Identifier: Apache-2.0
/*
 * The speaker engine: decides what this node announces, and speaks it.
 *
 * Services, EndpointSlices, Nodes, configuration, links and frames go in; frames,
 * group joins, filter changes and events come out. No socket, clock, file or log:
 * the daemon, the simulator, the fuzzers and `bellman plan` run this same code.
 *
 * It is level-triggered. An input only notes what changed and marks the Services
 * that it concerns; speaker_pass() compares, for each marked Service, what should be
 * announced with what is, and appends the difference to the actions. A pass over
 * an unchanged world does nothing. An input about one Service costs O(log n), its own
 * size and at most one look at each Node. A Node costs a comparison for each Service, and an
 * election for those whose first it was or is now; a configuration concerns all.
 *
 * Who announces is election.h's, how an address is held on the wire is layer2.h's.
 * Not here yet: gossip (every known Node counts as alive), conflict detection, BGP.
 */
#ifndef BELLMAN_SPEAKER_ENGINE_H
#define BELLMAN_SPEAKER_ENGINE_H

#include "lib/base/metrics.h"
#include "lib/model/cluster.h"
#include "lib/model/config.h"
#include "lib/model/service.h"
#include "speaker/layer2.h"
#include "speaker/ranks.h"

#define SPEAKER_PASS_MAX 256 /* Services */

struct speaker; /* opaque */

struct speaker_cfg {
	const char *node_name; /* copied; NULL: observer, announces nothing (plan, status) */
	const char *lb_class;  /* copied; NULL or "": Services without a class */
	bool ignore_exclude_lb;
	bool assume_endpoints;   /* a Service without any EndpointSlice is taken to have a serving
				    endpoint on every node (plan) */
	const char *exclude;     /* see l2_new(); copied */
	struct metrics *metrics; /* borrowed; NULL: none are kept */
	uint64_t seed;           /* of the jitter in refreshes */
	struct ranks *ranks;     /* borrowed: shared with other engines; NULL: there are none */
};

/* On success *ret is the caller's. Returns 0, -EINVAL (cfg.exclude) or -ENOMEM. */
int speaker_new(const struct speaker_cfg *cfg, struct speaker **ret);
/* NULL is fine. Always returns NULL. Emits nothing: to leave in order, see speaker_ready_set(). */
struct speaker *speaker_free(struct speaker *s);

/*
 * Inputs. Each copies what it keeps; objects stay the caller's. Names that are not known are fine
 * to remove. What cannot be kept for want of memory ends the process, as interning does.
 */
void speaker_service_upsert(struct speaker *s, const struct service *service);
void speaker_service_remove(struct speaker *s, const char *ns, const char *name);
void speaker_slice_upsert(struct speaker *s, const struct endpoint_slice *slice);
void speaker_slice_remove(struct speaker *s, const char *ns, const char *name);
void speaker_node_upsert(struct speaker *s, const struct node *node);
void speaker_node_remove(struct speaker *s, const char *name);
/* Is there a Node of our own name? */
bool speaker_node_known(const struct speaker *s);

/*
 * Offer a configuration; the engine takes a reference. It is adopted at once, unless an address
 * that is announced here would then be in no pool: such a configuration waits, with the running
 * one in force, until the allocator has moved the Service (compatibility page 4.1).
 */
void speaker_config_set(struct speaker *s, struct config *config);
/* One is waiting so: what runs is stale. */
bool speaker_config_waits(const struct speaker *s);

/* The node's network interfaces, whatever their state; layer2.h says which are used. */
void speaker_link_set(struct speaker *s, const struct l2_link *link);
void speaker_link_remove(struct speaker *s, unsigned ifindex);

/*
 * Take part, or not (from the start: not). Set once all lists are synced and sockets are open.
 * After setting it to false the next pass withdraws everything: how a speaker stops.
 */
void speaker_ready_set(struct speaker *s, bool ready);

/* One frame as received, with its Ethernet header. The answer, if any, is appended to @out. */
void speaker_frame(struct speaker *s, unsigned ifindex, const void *bytes, size_t len,
		   struct speaker_actions *out);

/*
 * Bring what is announced in line with what should be, and send what is due. Call it after a batch
 * of inputs and at speaker_wake_ns(). Actions are in the order in which they must be done.
 * One pass looks at SPEAKER_PASS_MAX Services at most, so that after a large change the first
 * frames leave early and requests are answered in between; the rest is due at once.
 */
void speaker_pass(struct speaker *s, uint64_t now_ns, struct speaker_actions *out);

/*
 * When speaker_pass() wants to run next although nothing comes in; 0: at once, since Services are
 * still marked; UINT64_MAX: never.
 */
uint64_t speaker_wake_ns(const struct speaker *s);

/*
 * The announced addresses of @family as at most @max prefixes that cover them all (nearest merged),
 * for the socket filter. Asked for after a SPEAKER_FILTER action; a smaller @max than L2_COVER_MAX
 * is remembered and holds from then on. Returns how many are in @ret.
 */
size_t speaker_cover(struct speaker *s, uint8_t family, size_t max,
		     struct ip_prefix ret[static L2_COVER_MAX]);

/* What an outside observer may know of one Service: one entry for each address that is announced.
 */
struct speaker_announcement {
	const char *protocol; /* "layer2" */
	struct ip_addr ip;
	const char *node; /* the winner */
};

struct speaker_view {
	struct {
		ARRAY_OF(struct speaker_announcement);
	} announcements; /* empty: nobody announces */
	/* The same for all addresses of a Service, since its first address decides. */
	struct names runners_up; /* in the order in which they would take over */
	struct names interfaces; /* on the winner, sorted; empty: all */
	char *why;               /* why this node; without announcements: why nobody. One line. */
};

/*
 * Who announces @ns/@name, by the inputs so far, on the whole cluster: needs neither a link, nor
 * readiness, nor a node name, and no pass before it. Strings in @ret but `why` are borrowed until
 * the next input. Returns 0 with @ret to be ended by speaker_view_done(), or -ENOENT: no such
 * Service, or not a LoadBalancer of our class; @ret is untouched then.
 */
int speaker_view(const struct speaker *s, const char *ns, const char *name,
		 struct speaker_view *ret);
void speaker_view_done(struct speaker_view *v);

/*
 * The addresses of @ns/@name that are announced from here, as of the last pass, and how many:
 * lent until the next. This asks nobody else, and costs one look-up.
 */
const struct ip_addr *speaker_held(const struct speaker *s, const char *ns, const char *name,
				   size_t *ret_count);
/* Why they are: in the words of speaker_view(), and the caller's; NULL: none is. Ranks nobody. */
char *speaker_held_why(const struct speaker *s, const char *ns, const char *name);

/* How many Services this node announces, for a human. */
size_t speaker_announced_count(const struct speaker *s);

/*
 * How much an engine keeps, as numbers of things. At rest none is greater than what it was told has
 * need of: whoever finds more has found a leak.
 */
struct speaker_footprint {
	size_t names;     /* Services and those that EndpointSlices point at */
	size_t services;  /* of our class */
	size_t slices;    /* EndpointSlices of a Service */
	size_t nodes;     /* Nodes */
	size_t elections; /* sets of advertisements that select a Service */
	size_t marked;    /* Services that the next pass looks at */
	size_t held;      /* addresses announced, one for each Service that has it */
	struct l2_footprint l2;
};
struct speaker_footprint speaker_footprint(const struct speaker *s);

#endif
