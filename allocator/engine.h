// SPDX-License-Identifier: Apache-2.0
/*
 * The allocator engine: which Service holds which address.
 *
 * Pure: Services, namespaces and pools go in, status writes and events come out, and the
 * time is told to it. The daemon (allocator/io.c), `bellman plan` and the simulator run
 * this very code. Inputs only mark Services dirty; allocator_run() then takes each dirty
 * Service, works out what it should hold, and acts on the difference, so a second run
 * without an input in between does nothing.
 *
 * An address is in the books from the moment it is decided until the write that takes it
 * out of the Service's status is known to have landed. Services that show an address are
 * always looked at before those that wait for one, so a restart keeps every address.
 *
 *	allocator_set_config(a, config, true);
 *	allocator_service_upsert(a, service);		// each one
 *	allocator_synced(a);
 *	allocator_run(a, now_ns, &actions);		// do them, tell allocator_written()
 *
 * The rules are MetalLB's; they and the departures from them are in docs/. Running out of
 * memory ends the process, as in lib/base/intern.h. Does not log.
 */
#ifndef BELLMAN_ALLOCATOR_ENGINE_H
#define BELLMAN_ALLOCATOR_ENGINE_H

#include "allocator/ipam_call.h"
#include "lib/base/array.h"
#include "lib/base/ip.h"
#include "lib/model/cluster.h"
#include "lib/model/config.h"
#include "lib/model/service.h"

struct allocator; /* opaque; fields live in engine.c */

/* A Service that waits is tried again this often, beside whenever an address becomes free. */
#define ALLOCATOR_RETRY_NS (300 * 1000000000ull)

/* As the daemon has it: thousands of Services may come at once. */
#define ALLOCATOR_WRITES_MAX  32
#define ALLOCATOR_ACTIONS_MAX 256

struct allocator_cfg {
	bool standby;         /* begin as one, see allocator_lead() */
	const char *lb_class; /* spec.loadBalancerClass to serve; NULL or "": those without one */
	bool reservations;    /* `reserve` of pools takes effect: somebody writes what is kept */
	unsigned writes_max;  /* status writes under way at once; 0: any number */
	size_t actions_max; /* a run that has so many breaks off, the next goes on; 0: none does */
	uint64_t seed;      /* of the jitter in write back-offs */
};

struct allocator *allocator_new(const struct allocator_cfg *cfg); /* the class is copied */
struct allocator *allocator_free(struct allocator *a);            /* NULL is fine; returns NULL */

/* --- inputs: each only notes what changed -------------------------------------------- */

/*
 * A Service as it is now; it is handed over. An object that is known to be older than the
 * engine's own last write is dropped; another UID under the same name is another Service.
 */
void allocator_service_upsert(struct allocator *a, struct service *s);

/*
 * A Service that was read beside the watch, after a conflict; handed over. The watch may have
 * told more by now, so one that is gone does not come back and a newer object stays.
 * False when it is not the Service that the engine knows: gone, or another UID.
 */
bool allocator_service_reread(struct allocator *a, struct service *s);

/*
 * A Service that cannot be decoded: it keeps what it holds and is not written to. One that
 * is not known yet holds @ips (what could be read of its status), unless another has them.
 */
void allocator_service_unreadable(struct allocator *a, const char *ns, const char *name,
				  const struct ip_addr *ips, size_t count);

/* The Service is gone; what it held is free at once, unless its pool reserves it. One that is not
 * known is fine. */
void allocator_service_remove(struct allocator *a, const char *ns, const char *name);

void allocator_namespace_upsert(struct allocator *a, struct namespace *n); /* handed over */
void allocator_namespace_remove(struct allocator *a, const char *name);

/*
 * The pools that apply from now on; the engine takes its own reference. @complete: every
 * source has given a clean list. Without it a config with no pools takes no address away.
 */
void allocator_set_config(struct allocator *a, struct config *c, bool complete);

/* Services and namespaces are all here: nothing is decided before this and a config. */
void allocator_synced(struct allocator *a);

/*
 * Lead from now on, or stand by. A standby takes every input and decides nothing. Who begins to
 * lead decides after the next allocator_synced(): that is to tell of a list that began after the
 * lead, and after every write of an earlier leader had landed or failed.
 *
 * Who ends to lead forgets what is not in a status, as if started anew on the same objects. A write
 * that is under way is still to be told by allocator_written(); it may land, and who leads next
 * sees it or not.
 */
void allocator_lead(struct allocator *a, bool lead);

enum allocator_outcome {
	ALLOCATOR_WRITTEN,  /* it landed */
	ALLOCATOR_CONFLICT, /* refused for its resourceVersion; the fresh object was given, by
			       allocator_service_reread() or before by the watch */
	ALLOCATOR_FAILED,   /* anything else, also no answer: it may have landed. Also a 404: only
			       the watch tells that a Service is gone */
};

/*
 * How an ALLOCATOR_WRITE ended; due exactly once for each.
 * @resource_version: of the written object (ALLOCATOR_WRITTEN), NULL when not known.
 */
void allocator_written(struct allocator *a, const char *ns, const char *name,
		       enum allocator_outcome outcome, const char *resource_version,
		       uint64_t now_ns);

/* Addresses that are kept for a Service which is gone, until that is over. */
struct allocator_reservation {
	const char *ns, *name;
	const struct ip_addr *ips;
	unsigned ip_count;
	uint64_t until_ns;
};

/*
 * What is on record of reservations; copied. To be told when they are needed, and after a write
 * that was refused. What is not there any more of what was, is over.
 */
void allocator_reservations_told(struct allocator *a, const struct allocator_reservation *items,
				 size_t count);

/* How an ALLOCATOR_RESERVE ended; due exactly once for each. */
void allocator_reservations_written(struct allocator *a, enum allocator_outcome outcome,
				    uint64_t now_ns);

/* How call @call of an ALLOCATOR_IPAM ended. One that is not known any more is fine. */
void allocator_ipam_answered(struct allocator *a, uint64_t call, const struct ipam_answer *answer,
			     uint64_t now_ns);

/* --- what to do ---------------------------------------------------------------------- */

enum allocator_action_type {
	ALLOCATOR_WRITE,
	ALLOCATOR_EVENT,
	ALLOCATOR_IPAM,
	ALLOCATOR_RESERVE, /* write all of allocator_reservations() over what is on record */
};

/* What becomes of condition SERVICE_READY_CONDITION, in the same write. */
struct allocator_condition {
	enum {
		ALLOCATOR_CONDITION_KEEP, /* as it is */
		ALLOCATOR_CONDITION_REMOVE,
		ALLOCATOR_CONDITION_FALSE,
		ALLOCATOR_CONDITION_TRUE,
	} set;
	bool turned; /* its lastTransitionTime is now; else the one that is there stays */
	const char *reason, *message; /* of FALSE and TRUE */
};

struct allocator_action {
	enum allocator_action_type type;
	/* Lent until the next input, as ips are. uid and resource_version may be NULL (objects of
	 * files). */
	const char *ns, *name, *uid, *resource_version;

	/* ALLOCATOR_WRITE: status.loadBalancer.ingress as a whole, in this order, annotation
	 * metallb.io/ip-allocated-from-pool and the condition; all in one update guarded by
	 * resource_version. */
	const struct ip_addr *ips;
	unsigned ip_count;
	const char *pool; /* NULL: remove the annotation */
	bool proxied;     /* each address with ipMode Proxy; else none with any */
	struct allocator_condition condition;

	/* ALLOCATOR_EVENT */
	bool warning;       /* type Warning, else Normal */
	const char *reason; /* a literal */
	char *message;      /* owned by the action */

	/* ALLOCATOR_IPAM: a call to make; allocator_ipam_answered() is due for each. Nothing else
	 * is set. Owned by the action; who takes it leaves NULL. */
	struct ipam_call *ipam;
};

struct allocator_actions {
	ARRAY_OF(struct allocator_action);
};
void allocator_actions_done(struct allocator_actions *actions); /* frees and empties */

/*
 * Look at every dirty Service; what is to be done is appended to @out. With actions_max events the
 * run breaks off, before anything is written; allocator_wake_ns() then wants the next one at once.
 */
void allocator_run(struct allocator *a, uint64_t now_ns, struct allocator_actions *out);

/* When to run again even without an input; UINT64_MAX: not at all. */
uint64_t allocator_wake_ns(const struct allocator *a);

/* How many times a Service was decided so far: what a change costs. */
uint64_t allocator_recomputed(const struct allocator *a);

/*
 * What it keeps, counted: nothing of it may grow with time alone. At rest each is bounded by what
 * there is at the API: services and namespaces are those, names are what `reservations` keeps.
 */
struct allocator_footprint {
	size_t services, namespaces; /* that are known */
	size_t names;     /* of Services that are gone: addresses are kept for them, or a write of
			     theirs is under way */
	size_t addresses; /* in the books */
	size_t uses;      /* of these, by Services: a shared one has several */
	size_t cursors;   /* of the search for shared ones: one for each sharing key, range and port
			     at most */
	size_t tallies;   /* of namespaces in pools with a quota: at most one for each use */
	size_t reservations;
	size_t queued;            /* Services to be looked at */
	size_t unwritten;         /* whose status is to be written */
	size_t leases, ipam_work; /* of IPAMs; wishes and calls */
};
struct allocator_footprint allocator_footprint(const struct allocator *a);

/* --- questions ----------------------------------------------------------------------- */

/*
 * Do its books count? True when it leads, has all lists and a config, and has looked at everything
 * that it was told. Before, and as a standby, what it answers below may lack what others hold.
 */
bool allocator_settled(const struct allocator *a);

struct allocator_service_view {
	const struct service *service; /* NULL when it could never be decoded */
	const char *ns, *name;
	const struct ip_addr *ips; /* what it holds in the books, in the order of its status */
	unsigned ip_count;
	const char *pool;   /* of ips; NULL without */
	const char *reason; /* why it has no address, a sentence without a full stop; "" if it has
			       one or is none of ours (not of type LoadBalancer) */
	const char *word;   /* the same in a CamelCase word, a literal; NULL when there is none */
	const char *note;   /* what else to know about one that is served; "" for nothing */
	bool ours;          /* type LoadBalancer and of our class */
	bool unwritten;     /* its status does not show ips yet */
};

/* False when the Service is not known. Texts and ips are lent until the next input or run. */
bool allocator_service(const struct allocator *a, const char *ns, const char *name,
		       struct allocator_service_view *ret);
/* Every Service by namespace and name. @each must not feed the engine. */
void allocator_services(const struct allocator *a,
			void (*each)(void *arg, const struct allocator_service_view *view),
			void *arg);

/* Every pool whose addresses an IPAM gives out, and those that had one as long as it has leases. */
void allocator_ipam_hooks(const struct allocator *a,
			  void (*each)(void *arg, const struct ipam_hook_view *view), void *arg);

/*
 * Is what is on record of reservations to be read? Nothing is decided until it was told. That is so
 * when all Services are known, so that what an earlier leader wrote before is read after.
 */
bool allocator_reservations_needed(const struct allocator *a);
/* All that are to be on record. */
void allocator_reservations(const struct allocator *a,
			    void (*each)(void *arg, const struct allocator_reservation *item),
			    void *arg);
struct allocator_reserved {
	uint64_t kept;    /* reservations */
	uint64_t refused; /* since the start: there was no room for them on record */
};
struct allocator_reserved allocator_reserved(const struct allocator *a);

/* How many Services were moved off an address that another Service held first. */
uint64_t allocator_duplicates(const struct allocator *a);

struct allocator_count {
	u128 total, used, available; /* addresses; at most 2^128 - 1 */
};

/* The pool in force that contains @ip, or NULL. Lent until the next input. */
const struct pool *allocator_pool_of(const struct allocator *a, const struct ip_addr *ip);

struct allocator_pool_view {
	const struct pool *pool;
	struct allocator_count v4, v6;
};
/* Every pool by name. A shared address counts once. */
void allocator_pools(const struct allocator *a,
		     void (*each)(void *arg, const struct allocator_pool_view *view), void *arg);

#endif
