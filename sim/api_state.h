// SPDX-License-Identifier: Apache-2.0
/*
 * The inside of the simulated API server: what its files share.
 *
 * api.c keeps what is true, api_slices.c finds the EndpointSlices of a Service in it, api_object.c
 * makes versions of objects, api_history.c remembers how it came about. api_client.c is a process's
 * way to the server, on which api_watch.c lists and follows and api_request.c reads and writes.
 *
 * Changes of a kind have positions: 0, 1, 2, … A watch is nothing but its position: it has told
 * what was before it, so what it has told of is what was there then, and needs no list of its own.
 */
#ifndef BELLMAN_SIM_API_STATE_H
#define BELLMAN_SIM_API_STATE_H

#include <sys/queue.h>

#include "lib/base/tree.h"
#include "lib/kube/backoff.h"
#include "sim/api.h"

/* --- versions of objects (api_object.c) -------------------------------------------------- */

struct sim_api_version {
	struct sim_object object; /* first, so that one is the other */
	unsigned refs;
	uint64_t at_ns; /* when it was made */
	char text[24];  /* object.version */
};

/* @json is handed over, @config gets a reference; both NULL: it is gone. The caller's reference. */
struct sim_api_version *sim_api_version_new(enum sim_kind kind, const char *ns, const char *name,
					    uint64_t number, uint64_t at_ns, cJSON *json,
					    struct config *config);
struct sim_api_version *sim_api_version_ref(struct sim_api_version *v);
struct sim_api_version *
sim_api_version_unref(struct sim_api_version *v); /* NULL is fine; returns NULL */

/* Where an object of @kind is kept that says @ns. */
const char *sim_api_object_ns(enum sim_kind kind, const char *ns);
/* Does it keep its status when somebody writes it without one? */
bool sim_api_object_keeps_status(enum sim_kind kind);
/* Write the server's part of the metadata of a new object, and of what takes the place of @old. */
void sim_api_object_stamp(cJSON *json, const char *ns, const char *name, const char *uid,
			  uint64_t now_ns);
void sim_api_object_restamp(cJSON *json, const struct sim_object *old);
void sim_api_object_set_version(cJSON *json, uint64_t number);

/* --- history of a kind (api_history.c) --------------------------------------------------- */

/* Somebody who was there from position @born until @gone. */
struct sim_api_grave {
	const char *ns, *name; /* interned */
	uint64_t born, gone;
};

struct sim_api_history {
	ARRAY_OF(struct sim_api_version *); /* the first has position @begin */
	uint64_t begin, window;             /* whoever comes back from before @window gets 410 */
	size_t trim_at;
	struct sim_api_graves {
		ARRAY_OF(struct sim_api_grave); /* in the order in which they went */
	} graves;
};

/* All objects of a kind at one moment, by namespace and name; shared. */
struct sim_api_snapshot {
	unsigned refs;
	uint64_t position;
	size_t count;
	struct sim_api_version *items[];
};

struct sim_watch;
TAILQ_HEAD(sim_watches, sim_watch);

/* One object that is there. */
struct sim_api_entry {
	RB_ENTRY(sim_api_entry) link;
	struct sim_api_version *now;
	uint64_t born; /* position */
};
RB_HEAD(sim_api_entries, sim_api_entry);

/* One kind of objects. */
struct sim_api_store {
	struct sim_api_entries entries;
	size_t count;
	struct sim_api_history history;
	struct sim_api_snapshot *snapshot; /* of now; NULL: nobody has asked */
	struct sim_watches watches;
	struct sim_watches idle; /* of these, who follow and have told everything */
};

/* The position of the next change. */
static inline uint64_t sim_api_history_end(const struct sim_api_history *h)
{
	return h->begin + h->count;
}
static inline struct sim_api_version *sim_api_history_at(const struct sim_api_history *h,
							 uint64_t position)
{
	return h->items[position - h->begin];
}

/* Remember a change, which gets a reference; @most: how many are kept for who comes back. */
void sim_api_history_add(struct sim_api_store *s, struct sim_api_version *v, uint64_t born,
			 size_t most);
/* Who comes back gets 410, unless nothing has happened meanwhile. */
void sim_api_history_forget(struct sim_api_store *s);
void sim_api_history_done(struct sim_api_history *h);

/* Those that were there at @position and are not in @now; to be freed by sim_api_graves_done(). */
struct sim_api_graves sim_api_history_lost(const struct sim_api_history *h, uint64_t position,
					   const struct sim_api_snapshot *now);
void sim_api_graves_done(struct sim_api_graves *g);

/* A reference. */
struct sim_api_snapshot *sim_api_snapshot_take(struct sim_api_store *s);
struct sim_api_snapshot *
sim_api_snapshot_unref(struct sim_api_snapshot *s); /* NULL is fine; returns NULL */

/* --- EndpointSlices by Service (api_slices.c) ---------------------------------------------- */

struct sim_api_group;
RB_HEAD(sim_api_groups, sim_api_group);

/* @now takes the place of @before, which may be NULL. Others than EndpointSlices do not matter. */
void sim_api_slices_change(struct sim_api *a, const struct sim_object *before,
			   const struct sim_object *now);
void sim_api_slices_done(struct sim_api *a);

/* --- the server (api.c) -------------------------------------------------------------------- */

TAILQ_HEAD(sim_api_clients, sim_api_client);

struct sim_api {
	struct sim_clock *clock;
	struct sim_api_cfg cfg;
	struct rng rng;
	uint64_t number;
	bool down;
	unsigned conflicts; /* to come */
	struct sim_api_store stores[SIM_KINDS];
	struct sim_api_groups groups;
	struct sim_api_clients clients;
	struct sim_api_counts counts;
	sim_api_witness *witness;
	void *witness_arg;
	sim_api_writes *writes;
	void *writes_arg;
};

struct sim_api_entry *sim_api_find(const struct sim_api *a, enum sim_kind kind, const char *ns,
				   const char *name);
struct sim_api_entry *sim_api_entry_first(const struct sim_api_store *s);
struct sim_api_entry *sim_api_entry_next(struct sim_api_entry *e);
/* What is there at @ns/@name is now @json, which is handed over. Was that a change? */
bool sim_api_commit(struct sim_api *a, enum sim_kind kind, const char *ns, const char *name,
		    cJSON *json);

/* --- a client (api_client.c) --------------------------------------------------------------- */

struct sim_api_request;
TAILQ_HEAD(sim_api_requests, sim_api_request);

enum sim_api_request_class { SIM_API_COMMON, SIM_API_URGENT, SIM_API_CLASSES };

struct sim_api_client {
	struct sim_api *api;
	char *name;
	struct rng rng;
	unsigned holds; /* by who runs its callbacks */
	bool freed;     /* by its owner; what it sent is still on its way */
	bool in_cut, out_cut, paused;
	uint64_t cut_ns, extra_ns;

	/* What it knows of its server, as struct kube. */
	struct backoff backoff; /* that all watches share while it is away */
	uint64_t retry_at_ns, heard_ns;
	bool away;

	struct sim_watches watches;
	struct sim_api_request_queue {
		struct sim_api_requests waiting;
		unsigned running;
	} queues[SIM_API_CLASSES];
	struct sim_api_requests running;
	TAILQ_ENTRY(sim_api_client) link;
};

/* How long a message takes, one way. */
uint64_t sim_api_client_trip_ns(struct sim_api_client *c);
/* The server has answered something. */
void sim_api_client_heard(struct sim_api_client *c);
/* What began at @began_ns was not answered. Is the server away, for all? */
bool sim_api_client_unheard(struct sim_api_client *c, uint64_t began_ns, bool timed_out);
/* Then: how long until its watches ask again? */
uint64_t sim_api_client_retry_ns(struct sim_api_client *c);
/* It must not go while its callbacks run. */
void sim_api_client_hold(struct sim_api_client *c);
void sim_api_client_release(struct sim_api_client *c);

/* TCP's wait before it sends again, doubled each time. */
#define SIM_RTO_FIRST_NS (200 * 1000000ull)
#define SIM_RTO_MOST_NS  (120 * 1000000000ull)
static inline uint64_t sim_rto_next(uint64_t *rto_ns)
{
	*rto_ns = *rto_ns == 0 ? SIM_RTO_FIRST_NS : *rto_ns * 2;
	if (*rto_ns > SIM_RTO_MOST_NS)
		*rto_ns = SIM_RTO_MOST_NS;
	return *rto_ns;
}

/* --- watches (api_watch.c) ----------------------------------------------------------------- */

#define SIM_SILENCE_NS                                                                             \
	(90 * 1000000000ull) /* a connection without a byte is given up, as in lib/kube */

enum sim_watch_state {
	WATCH_WAITING,    /* it will ask */
	WATCH_ASKING,     /* its request is on the way to the server */
	WATCH_LISTED,     /* on the way back: a list, */
	WATCH_TOO_OLD,    /* or 410, */
	WATCH_UNANSWERED, /* or nothing */
	WATCH_OPEN,
};

struct sim_watch {
	struct sim_api_client *client;
	struct sim_api_store *store;
	const struct sim_watch_ops *ops;
	void *arg;
	struct sim_timer timer;
	struct rng rng;
	struct backoff backoff;            /* of what this watch alone suffers */
	struct sim_api_snapshot *snapshot; /* on its way */
	uint64_t position;                 /* it has told what was before */
	uint64_t at_ns;                    /* when its state is to be looked at again */
	uint64_t asked_ns, rto_ns;
	uint64_t held_ns;   /* nothing arrives before */
	uint64_t silent_ns; /* the client gives its connection up; UINT64_MAX: it hears something */
	uint64_t ends_ns;   /* the server ends it */
	uint8_t state;      /* enum sim_watch_state */
	bool listed;        /* there is a position to go on from */
	bool synced;        /* has been, once: @position says what it has told of */
	bool fresh;         /* it is open, and the client does not know yet */
	bool dead; /* the server has ended its connection, and the client does not know yet */
	bool is_idle;
	bool timed_out;   /* its latest request was, by the client's clock */
	bool for_server;  /* it waits for a server that is away, with all others */
	bool busy, ended; /* it runs a callback; it is to be freed after that */
	TAILQ_ENTRY(sim_watch) of_client, of_store, of_idle;
};

/* Does the server think that it has a connection, and does the client? */
bool sim_watch_is_open(const struct sim_watch *w);
bool sim_watch_hears(const struct sim_watch *w);
/* A change was made: whoever was idle has something to tell. */
void sim_watches_wake(struct sim_api_store *s);
/* The server ends its connection. */
void sim_watch_break(struct sim_watch *w);
/* The client was paused or cut, or the reverse. */
void sim_watch_paused(struct sim_watch *w);
void sim_watch_cut(struct sim_watch *w);
/* The server is back: if that is what it waits for, it waits no longer than @within_ns. */
void sim_watch_hurry(struct sim_watch *w, uint64_t within_ns);

static inline uint64_t sim_watch_now_ns(const struct sim_watch *w)
{
	return sim_clock_now(w->client->api->clock);
}
/* Is something there that it has not told? */
static inline bool sim_watch_is_behind(const struct sim_watch *w)
{
	return w->position < sim_api_history_end(&w->store->history);
}
static inline uint64_t sim_earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Look at it again then; a process that stands still does so when it goes on. */
void sim_watch_arm(struct sim_watch *w, uint64_t at_ns);
void sim_watch_set_idle(struct sim_watch *w, bool idle);
/* Send the next request: a list, or the watch from where it is. */
void sim_watch_ask(struct sim_watch *w);
/* The same after a back-off of its own. */
void sim_watch_wait(struct sim_watch *w);
/* After its callbacks. True: it was stopped by one of them, and is gone. */
bool sim_watch_has_ended(struct sim_watch *w);

/* --- open watches, and what is told (api_follow.c) ------------------------------------------- */

/* The server has taken its request. */
void sim_watch_open(struct sim_watch *w);
/* Wait for what comes next on its connection. */
void sim_watch_follow(struct sim_watch *w);
/* It comes. */
void sim_watch_on_open(struct sim_watch *w);
/* The list has arrived: tell what is there, then what is gone; and watch from there. */
void sim_watch_tell_list(struct sim_watch *w);

/* --- requests (api_request.c) ---------------------------------------------------------------- */

void sim_api_requests_paused(struct sim_api_client *c);
/* The server is gone: answers under way do not come. */
void sim_api_requests_break(struct sim_api_client *c);
/* Its process is gone: what was sent goes on alone. */
void sim_api_requests_orphan(struct sim_api_client *c);
/* All of them, now. */
void sim_api_requests_drop(struct sim_api_client *c);

/* --- what becomes of them at the server (api_serve.c) ------------------------------------------
 */

/* The HTTP status, and with 2xx the object as it is then: a reference in *ret. */
int sim_api_serve_read(const struct sim_api *a, const struct sim_api_write *w,
		       struct sim_api_version **ret);
int sim_api_serve_write(struct sim_api *a, const struct sim_api_write *w, bool *ret_changed,
			struct sim_api_version **ret);

#endif
