// SPDX-License-Identifier: Apache-2.0
/*
 * What the files of the IPAM client share: hooks, leases and wishes (allocator/ipam.h says what
 * they are). ipam_book.c keeps them, ipam.c takes decisions' questions, ipam_way.c makes calls,
 * ipam_answers.c takes what comes back.
 */
#ifndef BELLMAN_ALLOCATOR_IPAM_BOOK_H
#define BELLMAN_ALLOCATOR_IPAM_BOOK_H

#include <sys/queue.h>

#include "allocator/ipam.h"
#include "lib/base/rng.h"
#include "lib/base/tree.h"

/* A call under way. */
struct flight {
	LIST_ENTRY(flight) of_hook;
	uint64_t id;
	enum ipam_kind kind;
	struct lease *lease; /* NULL: of a list */
	unsigned families;   /* asked for; 0: ips */
	struct ip_kept *ips; /* asked for, or to be released */
	bool claim;          /* asks for what is held already */
	bool whole;          /* releases all of the lease */
	unsigned failures;   /* of the hook, when it began */
};

enum wish_state {
	WISH_OPEN, /* to be asked, or being asked */
	WISH_OFFERED,
	WISH_DENIED, /* holds until another answer, also while it is asked again */
};

struct wish {
	LIST_ENTRY(wish) of_lease;
	unsigned families;
	struct ip_kept *ips;
	struct ip_kept *offered;
	const char *why;   /* DENIED; interned */
	uint64_t until_ns; /* DENIED: asked again then; 0: now */
	enum wish_state state;
	bool rejected; /* DENIED by us, not by the server */
	bool asked;    /* in the decision at hand */
};

/* An address that the server is known to hold for a lease. */
struct leased {
	RB_ENTRY(leased) by_ip;
	LIST_ENTRY(leased) of_lease;
	struct ip_addr ip;
	struct lease *lease;
	bool fresh;    /* nobody has held it yet */
	bool rejected; /* to be released, whoever holds it */
};

struct lease {
	RB_ENTRY(lease) by_id, timed;
	LIST_ENTRY(lease) of_hook;
	TAILQ_ENTRY(lease) due;
	struct hook *hook;
	const char *id;              /* the Service's UID, else its ns/name; interned */
	const char *ns, *name, *uid; /* interned; NULL as long as nobody asked */
	LIST_HEAD(, wish) wishes;
	LIST_HEAD(, leased) ips;
	struct ip_kept *claims;   /* held, in no lease, and to be asked for one by one */
	struct ip_kept *disputed; /* the server refused that since the last list */
	struct ip_kept *told;     /* and that was told */
	const char *objection;    /* to be told: why, interned, and about which address */
	struct ip_addr objected;
	struct flight *flight; /* its call under way */
	const char *why;       /* the last one failed; interned */
	uint64_t retry_ns;     /* no call before; 0: now */
	uint64_t wake_ns;      /* 0: not timed */
	unsigned failures;     /* in a row */
	bool is_due;
	bool unsure;  /* the server may hold more for it than we know */
	bool holding; /* in the decision at hand something is held that is not leased */
	bool listed;  /* in the list that is being read */
};

RB_HEAD(lease_tree, lease);
RB_HEAD(lease_timers, lease);
RB_HEAD(leased_tree, leased);

struct hook {
	TAILQ_ENTRY(hook) next;
	const char *pool, *url, *ca_file, *token_file; /* interned */
	uint64_t timeout_ns;
	LIST_HEAD(, lease) leases;
	LIST_HEAD(, flight) flights;
	TAILQ_HEAD(lease_queue, lease) due;
	struct lease_timers timers;
	unsigned leased_count; /* leases with an address */
	unsigned due_count, flight_count;
	unsigned failures, list_failures; /* in a row */
	uint64_t retry_ns;                /* no call before */
	uint64_t list_ns;                 /* the next list is due */
	const char *why;                  /* the last call failed; interned */
	bool down;                        /* it did */
	bool missed; /* a call that changes something failed since the last list */
	bool listing, listed;
	bool retired; /* no pool has it any more */
};

struct ipam {
	const struct ipam_ops *ops;
	void *arg;
	struct rng rng;
	const char *cluster; /* interned; NULL: not known */
	uint64_t now_ns, next_id;
	TAILQ_HEAD(, hook) hooks;
	struct lease_tree leases;
	struct leased_tree leased;
	char text[512]; /* of ipam_why() */
};

int lease_id_cmp(const struct lease *a, const struct lease *b);
int lease_timer_cmp(const struct lease *a, const struct lease *b);
int leased_cmp(const struct leased *a, const struct leased *b);
TREE_GENERATE(lease_tree, lease, by_id, lease_id_cmp)
TREE_GENERATE(lease_timers, lease, timed, lease_timer_cmp)
TREE_GENERATE(leased_tree, leased, by_ip, leased_cmp)

/* Interned text in a slot; NULL: none. */
void word_set(const char **slot, const char *text);

/* @pool: interned. Finds retired ones too. */
struct hook *hook_find(const struct ipam *m, const char *pool);
struct hook *hook_new(struct ipam *m, const char *pool);
void hook_free(struct ipam *m, struct hook *h);

struct lease *lease_find(const struct ipam *m, const struct hook *h, const char *id);
struct lease *lease_get(struct ipam *m, struct hook *h, const char *id);
/* The first lease of Service @id, in no certain order of hooks, and the next one; NULL: no more. */
struct lease *lease_first(const struct ipam *m, const char *id);
struct lease *lease_next(struct lease *l);
void lease_free(struct ipam *m, struct lease *l);
/* Something changed: is there a call to make, now or later? Frees one that is about nothing. */
void lease_update(struct ipam *m, struct lease *l);

struct wish *wish_find(const struct lease *l, unsigned families, struct ips ips);
struct wish *wish_new(struct lease *l, unsigned families, struct ips ips);
void wish_free(struct wish *w);
void wish_deny(struct ipam *m, struct wish *w, const char *why, bool rejected);

/* The address of @l, or NULL; that of any lease of @h. */
struct leased *leased_find(const struct lease *l, const struct ip_addr *ip);
bool hook_has(const struct ipam *m, const struct hook *h, const struct ip_addr *ip);
struct leased *leased_add(struct ipam *m, struct lease *l, const struct ip_addr *ip);
void leased_drop(struct ipam *m, struct leased *x);
bool leased_is_spare(const struct ipam *m, const struct leased *x); /* to be released */

void flight_free(struct flight *f);

/* What to call for next. */
enum lease_need { NEED_NOTHING, NEED_WISH, NEED_CLAIM, NEED_RELEASE, NEED_END };
enum lease_need lease_need(const struct ipam *m, const struct lease *l, struct wish **ret);

/* "CLUSTER/POOL/@id", or what all keys of a pool begin with if that is "". The caller's. */
char *lease_key(const struct ipam *m, const struct hook *h, const char *id);
/* When to try again after @failures in a row, one at least. @wish_s: of the server; 0: none. */
uint64_t retry_at(struct ipam *m, unsigned failures, unsigned wish_s);

/* What is held and not leased is no matter (any more). */
void lease_agree(struct lease *l);

/* Those of @ips that are (@in) or are not in @list. */
struct ip_list ips_filter(struct ips ips, struct ips list, bool in);

struct ipam_who lease_who(const struct lease *l);

#endif
