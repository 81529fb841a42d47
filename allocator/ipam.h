// SPDX-License-Identifier: Apache-2.0
/*
 * Addresses that somebody else gives out: the allocator's side of docs/ipam-hook.md.
 *
 * Pure, as the engine that it is a part of: pools and wishes go in, calls come out, answers go
 * in, and time is told. Level-triggered too: what is leased at the server, what Services wish for
 *and what the books hold are compared, and a call is the difference.
 *
 * A hook is the server of one pool. A lease is what it holds for one Service, and has at most one
 * call under way, so the server sees what concerns one lease in order. A wish is one thing that the
 * Service asked this pool for in its last decision: families, or given addresses.
 *
 *	ipam_tick(m, now);			// before decisions: what has waited long enough
 *	ipam_begin(m, &who);			// one decision
 *	  switch (ipam_ask(m, pool, &who, wish, &ips)) ...
 *	ipam_end(m, &who);
 *	ipam_calls(m, now, &calls);		// after all of them; each is due an ipam_answered()
 */
#ifndef BELLMAN_ALLOCATOR_IPAM_H
#define BELLMAN_ALLOCATOR_IPAM_H

#include "allocator/ipam_call.h"
#include "lib/model/config.h"

struct ipam; /* opaque */

/* A Service. Texts are borrowed for the time of the call; uid may be NULL (objects of files). */
struct ipam_who {
	const char *ns, *name, *uid;
};

/* One address of each of @families (a set of FAMILIES_*), or, with families 0, exactly @ips. */
struct ipam_wish {
	unsigned families;
	struct ips ips;
};

struct ipam_ops {
	/* Is @ip in the books, in anybody's hands? */
	bool (*in_use)(void *arg, const struct ip_addr *ip);
	/* Something changed for this Service: decide about it anew. */
	void (*changed)(void *arg, const struct ipam_who *who);
	/* Something changed for all who hold addresses of @pool: ipam_hold() is due for each. */
	void (*pool_changed)(void *arg, const char *pool);
};

struct ipam *ipam_new(const struct ipam_ops *ops, void *arg, uint64_t seed);
struct ipam *ipam_free(struct ipam *m); /* NULL is fine; returns NULL */

/* The pools that apply from now on, borrowed for the call. A hook that is gone has its leases
 * released as they fall free. */
void ipam_set_config(struct ipam *m, const struct config *c);
/* Which cluster this is; the first that is told counts. No call is made before. */
void ipam_set_cluster(struct ipam *m, const char *uid);
/* Forget all leases, calls and outages, as if just started: somebody else leads. */
void ipam_forget(struct ipam *m);

/* --- decisions ------------------------------------------------------------------------------- */

enum ipam_verdict {
	IPAM_NO_HOOK, /* the pool has none */
	IPAM_OFFERED, /* take *ret, or ipam_reject() it */
	IPAM_DENIED,  /* a definite no; ipam_why() */
	IPAM_WAITING, /* for an answer that is due; ipam_why() */
};

/* Around a decision about @who: what it did not ask for is no wish any more. */
void ipam_begin(struct ipam *m, const struct ipam_who *who);
void ipam_end(struct ipam *m, const struct ipam_who *who);

/* Wish for something. The same again does nothing more. *ret is set with IPAM_OFFERED only. */
enum ipam_verdict ipam_ask(struct ipam *m, const struct pool *pool, const struct ipam_who *who,
			   struct ipam_wish wish, struct ip_list *ret);
/* What was offered cannot be taken: it is released, and the wish counts as denied. @why: "... ". */
void ipam_reject(struct ipam *m, const struct pool *pool, const struct ipam_who *who,
		 struct ipam_wish wish, const char *why);
/* As ipam_ask() would say, without asking; IPAM_NO_HOOK also when there is no such wish. */
enum ipam_verdict ipam_verdict(const struct ipam *m, const struct pool *pool,
			       const struct ipam_who *who, struct ipam_wish wish);
/*
 * What becomes of the wish, as the end of a sentence that begins with the pool's name. @ret_away:
 * is it an outage, or only an answer under way? "" and false when there is no such wish.
 */
const char *ipam_why(const struct ipam *m, const struct pool *pool, const struct ipam_who *who,
		     struct ipam_wish wish, bool *ret_away);

/*
 * @who holds @ips of @pool: what is in no lease is asked for. True when the server has refused
 * that for an address, once for each, with what it said in *ret_why, which is lent.
 */
bool ipam_hold(struct ipam *m, const struct pool *pool, const struct ipam_who *who, struct ips ips,
	       struct ip_addr *ret_ip, const char **ret_why);
/* @ip has left the books. */
void ipam_freed(struct ipam *m, const struct ip_addr *ip);

/* --- time, calls and answers ----------------------------------------------------------------- */

/* Wishes that were denied a while ago may be asked anew. */
void ipam_tick(struct ipam *m, uint64_t now_ns);
/* Append the calls that are to be made now. The caller frees each by ipam_call_free(). */
void ipam_calls(struct ipam *m, uint64_t now_ns, struct ipam_calls *out);
/* When ipam_calls() or ipam_tick() have something to do; UINT64_MAX: not at all. */
uint64_t ipam_wake_ns(const struct ipam *m);

/* How call @id ended; an id that is not known is one from before ipam_forget(). */
void ipam_answered(struct ipam *m, uint64_t id, const struct ipam_answer *answer, uint64_t now_ns);

/* How many leases it knows of, and wishes and calls under way. */
void ipam_count(const struct ipam *m, size_t *ret_leases, size_t *ret_work);

void ipam_hooks(const struct ipam *m, void (*each)(void *arg, const struct ipam_hook_view *view),
		void *arg);

#endif
