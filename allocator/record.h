// SPDX-License-Identifier: Apache-2.0
/*
 * What the files of the engine share and nobody else sees: the record of one Service.
 *
 * engine.c takes inputs, has records looked at in turn, and brings statuses into line.
 * decide.c works out what a Service should hold (compatibility page, section 3) and enters
 * it into the books, with the help of pick.c. view.c answers questions.
 */
#ifndef BELLMAN_ALLOCATOR_RECORD_H
#define BELLMAN_ALLOCATOR_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "allocator/engine.h"
#include "allocator/ips.h"
#include "allocator/ledger.h"
#include "lib/base/rng.h"
#include "lib/base/tree.h"

/* Room for a sentence. */
#define WHY_MAX 1024

/* Why a Service does not get what it should, and how that is said. */
struct problem {
	char why[WHY_MAX];  /* "": none */
	const char *event;  /* NULL: not to be said */
	const char *reason; /* of the condition, a literal; NULL: not to be said there */
	bool warning;
};

/* What the condition of a Service says, or is to say. */
enum ready {
	READY_ANY, /* wanted: as it is. Shown: something that is neither of those below */
	READY_NONE,
	READY_FALSE,
	READY_TRUE,
};

/* What a status says of how its addresses are reached (ipMode): 0 is the API's default. */
enum mode { MODE_VIP, MODE_PROXY, MODE_MIXED };

/* What a status says, or is to say. */
struct face {
	struct ip_kept *ips;
	const char *pool;             /* the annotation, interned; NULL: none */
	const char *reason, *message; /* of the condition, interned; NULL without */
	uint8_t ready;                /* enum ready */
	uint8_t mode;                 /* enum mode */
	bool odd; /* has entries that are no address, or more than IP_LIST_MAX */
};

/* Where a record's write stands. Unless it is SENT or unsure, `shown` is what the API has. */
enum write_state { WRITE_NONE, WRITE_QUEUED, WRITE_SENT, WRITE_BACKOFF };

/*
 * The order of work, within a turn by namespace and name. Before anybody gets an address, every
 * Service that shows one has taken it into the books (CLAIM), and so has, for those that may not
 * keep theirs, whoever still shows it (GUARD; also of those that do not decode). Claims go by age:
 * of two Services that show one address, the older one keeps it.
 */
enum turn { TURN_CLAIM, TURN_GUARD, TURN_HOLDER, TURN_WAITING, TURNS };

/* Those that wait, in the order in which they are called when something becomes free. */
enum wait { WAIT_HOLDING, WAIT_EMPTY_HANDED, WAITS, WAIT_NOT = WAITS };

struct record {
	RB_ENTRY(record) by_name, queued, waiting;
	union {
		TAILQ_ENTRY(record) to_write; /* WRITE_QUEUED */
		RB_ENTRY(record) timed;       /* WRITE_BACKOFF */
	};
	struct holder holder; /* ns and name, interned here, and the addresses in the books */

	struct service *service; /* as last decoded, less its version and service_shed(); NULL:
				    never */
	struct claim *claim;     /* of service */
	int64_t since_s;         /* since when it can hold what it shows */
	char *version;           /* its resourceVersion; NULL: not known */

	struct ip_kept *held; /* NULL: nothing */
	const char *pool;     /* of held, interned; NULL without */
	const char *problem;  /* why it holds nothing, or not what it asks for, interned; NULL: all
				 is well */
	const char *problem_reason; /* the same in a word for the condition, a literal or NULL */
	struct reserve *reserve;    /* what is kept for it when it is gone; NULL: nothing */
	struct face shown;          /* what its status is known to say */
	struct face sent;           /* what the last write said */
	uint64_t retry_ns;          /* WRITE_BACKOFF: until then */
	uint64_t tried;             /* ledger_freed() when it was last decided */
	unsigned attempts;          /* writes that failed in a row */
	uint8_t write;              /* enum write_state */
	uint8_t turn;               /* enum turn; TURNS: not queued */
	uint8_t waits;              /* enum wait */

	bool shown_new;  /* `shown` came from elsewhere and was not looked at yet */
	bool floored;    /* an older object than `version` is stale */
	bool unsure;     /* a write failed and may have landed all the same */
	bool forget;     /* of the write under way nobody here knows any more */
	bool gone;       /* no more than the name of a write under way */
	bool unreadable; /* its last object did not decode */
	bool ours;       /* type LoadBalancer, our class */
	bool proxied;    /* its pool says ipMode Proxy */
	bool strip;      /* was ours: its status is still to be emptied */
	bool hands_off;  /* its status is not ours to write */
	bool picky;      /* waits for a given address, or one to share */
	bool warned;     /* of deprecated annotations */
	bool ipam_waits; /* in the decision at hand: the answer of an IPAM is due */
	bool ipam_away;  /* and its server does not give one */
};

/* A record without a Service: what is left of one that is gone. */
static inline bool record_is_ghost(const struct record *r)
{
	return r->service == NULL && !r->unreadable;
}

static inline struct record *record_of(const struct holder *h)
{
	return (struct record *)(void *)((char *)(uintptr_t)h - offsetof(struct record, holder));
}

struct space { /* a namespace */
	RB_ENTRY(space) by_name;
	struct namespace *ns;
};

RB_HEAD(record_tree, record);
RB_HEAD(record_queue, record);
RB_HEAD(record_timers, record);
RB_HEAD(record_waiting, record);
RB_HEAD(space_tree, space);

int record_cmp(const struct record *a, const struct record *b);
int queue_cmp(const struct record *a, const struct record *b);
int timer_cmp(const struct record *a, const struct record *b);
int space_cmp(const struct space *a, const struct space *b);

TREE_GENERATE(record_tree, record, by_name, record_cmp)
TREE_GENERATE(record_queue, record, queued, queue_cmp)
TREE_GENERATE(record_timers, record, timed, timer_cmp)
TREE_GENERATE(record_waiting, record, waiting, record_cmp)
TREE_GENERATE(space_tree, space, by_name, space_cmp)

struct allocator {
	const char *lb_class; /* interned; NULL: Services without one */
	unsigned writes_max, writes;
	unsigned failed, rests; /* writes in a row, and pauses because of it */
	uint64_t rest_ns;       /* nothing is written before; 0: no pause */
	size_t actions_max;
	struct rng rng;

	struct ledger *ledger;
	struct ipam *ipam;
	struct config *config; /* NULL: none yet */
	bool complete, synced;
	bool standby; /* another one decides */

	struct space_tree spaces;
	struct record_tree records;
	struct record_queue queues[TURNS];
	struct record_timers timers;
	TAILQ_HEAD(, record) to_write;
	struct record_waiting waiting[WAITS];
	size_t picky;        /* of those that wait empty-handed */
	uint64_t freed_seen; /* ledger_freed() when the waiting were last called */
	struct {
		ARRAY_OF(struct pool_book *);
	} news;                   /* pools of which addresses had got other users then, or none */
	struct record *call_next; /* the next of them to look at; NULL: the list is at its end */
	enum wait calling;        /* of which list; WAITS: none is called */
	bool more;                /* the last run broke off */
	bool called;              /* the waiting, in this run or what it goes on with */
	uint64_t recomputed;      /* decisions so far */

	bool reservations, reserves_told;
	bool reserve_new;     /* one begins, or the pools are other ones */
	bool reserve_dirty;   /* what is on record is to be written */
	bool reserve_writing; /* it is being */
	unsigned reserve_attempts;
	LIST_HEAD(, reserve) reserves;
	size_t reserve_bytes; /* on record, about */
	uint64_t reserve_next_ns, reserve_retry_ns, reserves_refused;

	uint64_t duplicates; /* Services moved off an address that another one held */
	uint64_t retry_ns;   /* when they are called anyway; 0: nobody waits */
};

/* @f is like @as from now on, which stays the caller's. */
void face_set(struct face *f, struct face as);
void text_set(char **slot, const char *text); /* copies; NULL: none */

struct record *record_find(const struct allocator *a, const char *ns, const char *name);
struct record *record_get(struct allocator *a, const char *ns, const char *name); /* or a new one */
/* What was decided goes, what the API said stays: as if we had only just been told it. */
void record_forget(struct allocator *a, struct record *r);
/* Everything about the Service goes; the name stays, for a write that is under way. */
void record_clear(struct allocator *a, struct record *r);
void record_free(struct allocator *a, struct record *r);

void record_enqueue(struct allocator *a, struct record *r, enum turn turn);
void record_unqueue(struct allocator *a, struct record *r);
void record_mark(struct allocator *a, struct record *r); /* have it looked at by the next run */
/* @r waits from now on, among those that hold what it holds now, or does not. */
void record_set_waiting(struct allocator *a, struct record *r, bool waits);
bool allocator_has_waiting(const struct allocator *a);
void record_set_write(struct allocator *a, struct record *r, enum write_state to);
/* What the status should say; lent. The words of a True condition are left to who writes it. */
struct face record_face(const struct record *r);
/* Does the status have to be written for it to show what is held? */
bool record_wants_ips(const struct record *r);
/* Or for it to say what it should besides? */
bool record_wants_write(const struct record *r);

/* Append an event about @r. */
void allocator_say(struct allocator_actions *out, const struct record *r, bool warning,
		   const char *reason, const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* Of a namespace; NULL when it is not there, or has none. */
const char *allocator_namespace_uid(const struct allocator *a, const char *name);
const struct labels *allocator_namespace_labels(const struct allocator *a, const char *name);

/*
 * The families of addresses that @s needs, as a set (pick.h), by its cluster IPs; 0 and the problem
 * when they call for nothing.
 */
unsigned service_needs(const struct service *s, struct problem *p);

/* Is it of type LoadBalancer and of our class? */
bool allocator_serves(const struct allocator *a, const struct service *s);

/* Take what the status of @r shows into the books, if @r may hold it. */
void allocator_claim(struct allocator *a, struct record *r, struct allocator_actions *out);

/* Work out what @r should hold and enter it into the books. Events go to @out. */
void allocator_decide(struct allocator *a, struct record *r, struct allocator_actions *out);

#endif
