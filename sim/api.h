// SPDX-License-Identifier: Apache-2.0
/*
 * The Kubernetes API server as clients meet it: objects with resourceVersions, lists and watches
 * that lag and break, writes that conflict, answers that do not come.
 *
 * Objects are kept as JSON and decoded once for all who watch. A watch tells of changes in the
 * order in which they were made, but each watch lags on its own, so two kinds, or two clients, may
 * be told in different orders, as in a cluster. History is kept in a window: who fell behind it is
 * told 410 and lists anew; what went meanwhile is told as removed, as lib/kube's reflector does.
 *
 * The client's side is lib/kube's, at its own times: a watch that ended is continued where it was,
 * a server that is away is asked again by a back-off that a client's watches share, a connection on
 * which nothing comes is given up after 90 s; and at most 32 requests of a client are under way,
 * those about Leases in a queue of their own.
 *
 * A cut is one of the network: what it keeps back is sent again (200 ms, doubled) as long as the
 * sender believes in its connection, so a short one delays and a long one loses; a request may land
 * whose answer never comes. An outage is one of the server: its connections end, and new ones are
 * refused.
 */
#ifndef BELLMAN_SIM_API_H
#define BELLMAN_SIM_API_H

#include <cjson/cJSON.h>

#include "lib/base/rng.h"
#include "lib/model/cluster.h"
#include "lib/model/config.h"
#include "lib/model/service.h"
#include "sim/clock.h"

enum sim_kind {
	SIM_SERVICE,
	SIM_SLICE,
	SIM_NODE,
	SIM_NAMESPACE,
	SIM_LEASE,
	SIM_CONFIG, /* stands for the configuration of all sources: one object of the name "" */
	SIM_KINDS,
};

/* Virtual time 0 in the objects' times: 2026-01-01T00:00:00Z, in seconds since 1970. */
#define SIM_EPOCH_S 1767225600

/* One version of an object; never changes. */
struct sim_object {
	enum sim_kind kind;
	const char *ns, *name; /* "" for no namespace */
	const char *version;   /* resourceVersion */
	uint64_t number;       /* the same as a number: of all changes, the how manieth */
	const cJSON *json;     /* NULL for SIM_CONFIG, and when it is gone */
	bool gone;             /* this version says that it was deleted */
	union {                /* decoded; all NULL when it does not decode, and when it is gone */
		const struct service *service;
		const struct endpoint_slice *slice;
		const struct node *node;
		const struct namespace *namespace;
		struct config *config;
		const void *any;
	};
};

struct sim_api;

struct sim_api_cfg {
	uint64_t seed;
	uint64_t latency_ns;     /* of a request, each way; 0: 2 ms */
	uint64_t watch_delay_ns; /* from a change to a watch; 0: 5 ms, give or take 50 % */
	size_t history;          /* changes that are kept for watches; 0: 1,000 */
};

/* Empty. @clock is borrowed until sim_api_free(). */
struct sim_api *sim_api_new(struct sim_clock *clock, const struct sim_api_cfg *cfg);
struct sim_api *sim_api_free(struct sim_api *a); /* after its clients; returns NULL */

/* --- the user's and the cluster's own changes: at once, never refused ------------------- */

/*
 * Create or replace; @json is handed over. The server's own metadata is added: a uid, which each
 * new object gets anew; a resourceVersion; the time of creation, where @json says none. A Service
 * or Node that is there keeps its status if @json has none. What changes nothing is no change, as
 * in Kubernetes. Returns what is there then; NULL: @json has no name, and is freed.
 */
const struct sim_object *sim_api_put(struct sim_api *a, enum sim_kind kind, cJSON *json);
/* The configuration that everybody is told; takes a reference. */
void sim_api_put_config(struct sim_api *a, struct config *config);
/* False: there is none. */
bool sim_api_delete(struct sim_api *a, enum sim_kind kind, const char *ns, const char *name);

/* --- what is true now, for those who check: no delay ------------------------------------ */

/* NULL: there is none. Good until the next change of it. */
const struct sim_object *sim_api_get(const struct sim_api *a, enum sim_kind kind, const char *ns,
				     const char *name);
size_t sim_api_count(const struct sim_api *a, enum sim_kind kind);
/* By namespace and name. @each must change nothing. */
void sim_api_each(const struct sim_api *a, enum sim_kind kind,
		  void (*each)(void *arg, const struct sim_object *o), void *arg);
/* The EndpointSlices of a Service, by name, decoded; lent until the next change of one. None is
 * NULL, nor is what is returned. */
struct sim_slices {
	ARRAY_OF(const struct endpoint_slice *);
};
const struct sim_slices *sim_api_slices(const struct sim_api *a, const char *ns,
					const char *service);
uint64_t sim_api_number(const struct sim_api *a); /* of the latest change */
/* Told of every change at once, as it is made. @before NULL: it is new. */
typedef void sim_api_witness(void *arg, const struct sim_object *before,
			     const struct sim_object *now);
void sim_api_watch_all(struct sim_api *a, sim_api_witness *witness, void *arg);

/* --- clients: what a process has of it -------------------------------------------------- */

struct sim_api_client;
/*
 * @name: of the process, for witnesses and checks. All watches and requests end with it, except
 * that what was sent already may still land.
 */
struct sim_api_client *sim_api_client_new(struct sim_api *a, const char *name);
struct sim_api_client *sim_api_client_free(struct sim_api_client *c);
const char *sim_api_client_name(const struct sim_api_client *c);

struct sim_watch;
struct sim_watch_ops {
	void (*upsert)(void *arg, const struct sim_object *o);
	void (*remove)(void *arg, const char *ns, const char *name);
	/* After each complete list, the removes included. May be NULL. */
	void (*synced)(void *arg);
};
/*
 * List, then follow. Ends by sim_watch_stop(), or with the client. Tells from the clock alone,
 * never from inside a call, and may be stopped from its own callbacks.
 */
struct sim_watch *sim_watch_start(struct sim_api_client *c, enum sim_kind kind,
				  const struct sim_watch_ops *ops, void *arg);
struct sim_watch *sim_watch_stop(struct sim_watch *w); /* NULL is fine; returns NULL */
bool sim_watch_synced(const struct sim_watch *w);
/* List anew, and at once: the next synced() tells of a list that begins after this call. Not from a
 * callback of the same watch. */
void sim_watch_relist(struct sim_watch *w);
/* Has it told all that has happened, and is no list under way? */
bool sim_watch_is_current(const struct sim_watch *w);
/* The same of what had happened up to the change @number. */
bool sim_watch_has_told(const struct sim_watch *w, uint64_t number);

/*
 * The end of a request, exactly once unless the client is freed before, and never from inside the
 * call: an HTTP status, 0 for no answer (it may have landed, or may yet). @o: the object as it is
 * after, lent; or NULL. A @timeout_ns of 0 is 15 s; it begins when the request is sent.
 */
typedef void sim_api_done(void *arg, int status, const struct sim_object *o);

/* Ask for one object. */
void sim_api_read(struct sim_api_client *c, enum sim_kind kind, const char *ns, const char *name,
		  uint64_t timeout_ns, sim_api_done *done, void *arg);
/*
 * Write. It is refused with 409 if @version is not NULL and not the object's, or if @create and it
 * is there; with 404 if not @create and it is not there. @change makes the new object of a copy of
 * the old one (an empty object to create), when the request has arrived; it must not use what may
 * be gone by then but @change_arg, which the request owns and ends by free().
 */
struct sim_api_write {
	enum sim_kind kind;
	const char *ns, *name, *version; /* copied */
	bool create;
	uint64_t timeout_ns;
	void (*change)(const void *change_arg, cJSON *json);
	void *change_arg;
	/* Asked with @arg when its turn to be sent has come; false ends it, with status 0. NULL:
	 * yes.
	 */
	bool (*may_send)(void *arg);
	sim_api_done *done; /* NULL: nobody asks */
	void *arg;
};
void sim_api_send(struct sim_api_client *c, const struct sim_api_write *w);
enum sim_written {
	SIM_WRITE_SENT,
	/* The server has it. @c may have been freed by its process, and can only be asked for its
	 * name. */
	SIM_WRITE_LANDED, /* it has changed something */
	SIM_WRITE_VAIN,   /* it has not: refused, or nothing new */
};
/* Told of the writes of all clients. @number: of the write, by which it is known when it arrives.
 */
typedef void sim_api_writes(void *arg, const struct sim_api_client *c, uint64_t number,
			    enum sim_written what, enum sim_kind kind, const char *ns,
			    const char *name);
void sim_api_watch_writes(struct sim_api *a, sim_api_writes *writes, void *arg);

/* --- what goes wrong ------------------------------------------------------------------- */

void sim_api_outage(struct sim_api *a, bool down); /* nobody is answered; watches break */
/* One client cannot reach it (in: its requests, out: answers and watches). */
void sim_api_client_cut(struct sim_api_client *c, bool in, bool out);
void sim_api_client_slow(struct sim_api_client *c, uint64_t extra_ns); /* each way, and watches */
void sim_api_break_watches(struct sim_api *a); /* all connections end; clients watch on */
void sim_api_compact(struct sim_api *a);       /* forget history: who is behind gets 410 */
void sim_api_conflicts(struct sim_api *a, unsigned count); /* so many writes are refused with 409 */
/* Process pause: what would be told waits until it goes on. Requests that are sent are on their
 * way. */
void sim_api_client_pause(struct sim_api_client *c, bool paused);

struct sim_api_counts {
	uint64_t lists, events, requests, writes, conflicts, gone410, unanswered;
};
struct sim_api_counts sim_api_counts(const struct sim_api *a);

#endif
