// SPDX-License-Identifier: Apache-2.0
#include "allocator/ledger.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/must.h"

#define TABLE_FIRST 64 /* buckets */

struct ledger_addr {
	struct ledger_addr *next; /* in its bucket */
	struct ip_addr ip;
	struct place place;
	LIST_HEAD(, use) uses;
	struct share *share; /* NULL: one user, who does not share */
	uint64_t changed;    /* ledger_freed() when its users were last other ones */
};

struct ledger {
	struct ledger_addr **buckets;
	size_t size, count; /* size: a power of two */
	uint64_t seed;
	struct share_book *shares;
	struct pools_book *pools;
	uint64_t freed;
	void (*on_freed)(void *arg, const struct ip_addr *ip); /* NULL: nobody asked */
	void *arg;
};

/* --- the table of addresses ------------------------------------------------------------ */

/* Tenants choose addresses, so the places of those are not theirs to know. */
static struct ledger_addr **bucket_of(const struct ledger *b, const struct ip_addr *ip)
{
	u128 n = ip_to_number(ip);
	struct rng mix = rng_seeded(b->seed ^ (uint64_t)n);

	mix.state ^= rng_next(&mix) + (uint64_t)(n >> 64) + ip->family;
	return &b->buckets[rng_next(&mix) & (b->size - 1)];
}

static struct ledger_addr *addr_find(const struct ledger *b, const struct ip_addr *ip)
{
	struct ledger_addr *a = *bucket_of(b, ip);

	while (a != NULL && !ip_equal(&a->ip, ip))
		a = a->next;
	return a;
}

/* Each address in turn; @a may be dropped. */
#define EACH_ADDR(b, i, a, after)                                                                  \
	for (size_t i = 0; i < (b)->size; i++)                                                     \
		for (struct ledger_addr *a = (b)->buckets[i], *after;                              \
		     a != NULL && (after = a->next, true); a = after)

static void table_grow(struct ledger *b)
{
	struct ledger old = *b;

	b->size = old.size * 2;
	b->buckets = must(calloc(b->size, sizeof(struct ledger_addr *)));
	EACH_ADDR(&old, i, a, after)
	{
		struct ledger_addr **at = bucket_of(b, &a->ip);

		a->next = *at;
		*at = a;
	}
	free(old.buckets);
}

static struct ledger_addr *addr_add(struct ledger *b, const struct ip_addr *ip)
{
	if (b->count > b->size / 2) /* a miss of the cache is what counts among millions */
		table_grow(b);
	struct ledger_addr *a = must(calloc(1, sizeof(*a)));
	struct ledger_addr **at = bucket_of(b, ip);

	a->ip = *ip;
	a->next = *at;
	*at = a;
	b->count++;
	LIST_INIT(&a->uses);
	a->changed = b->freed;
	a->place = pools_place(b->pools, ip);
	pools_take(a->place, ip);
	return a;
}

static void addr_remove(struct ledger *b, struct ledger_addr *a)
{
	struct ledger_addr **at = bucket_of(b, &a->ip);

	while (*at != a)
		at = &(*at)->next;
	*at = a->next;
	b->count--;
	share_free(b->shares, a->share);
	pools_release(a->place, &a->ip);
	if (a->place.pool != NULL)
		pool_side(a->place.pool, a->ip.family)->freed = b->freed;
	if (b->on_freed != NULL)
		b->on_freed(b->arg, &a->ip);
	free(a);
}

/* --- users ------------------------------------------------------------------------------ */

const struct ip_addr *use_ip(const struct use *u)
{
	return &u->addr->ip;
}

static struct use *addr_use_of(const struct ledger_addr *a, const struct holder *h)
{
	struct use *u;

	LIST_FOREACH (u, &h->uses, of_holder) {
		if (u->addr == a)
			return u;
	}
	return NULL;
}

struct use *ledger_use(const struct holder *h, const struct ip_addr *ip)
{
	struct use *u;

	LIST_FOREACH (u, &h->uses, of_holder) {
		if (ip_equal(&u->addr->ip, ip))
			return u;
	}
	return NULL;
}

/* Has @a another user than @own? */
static bool addr_has_others(const struct ledger_addr *a, const struct use *own)
{
	const struct use *u = LIST_FIRST(&a->uses);

	return u != NULL && (u != own || LIST_NEXT(u, of_addr) != NULL);
}

/* May @h have @a on the terms @claim? If not for a port of another, that is in *ret_port. */
static bool addr_admits(const struct ledger_addr *a, const struct holder *h,
			const struct claim *claim, uint32_t *ret_port)
{
	const struct use *own = addr_use_of(a, h);

	*ret_port = 0;
	return !addr_has_others(a, own) ||
	       (a->share != NULL &&
		share_admits(a->share, claim, own != NULL ? own->claim : NULL, ret_port));
}

const struct holder *ledger_blocker(const struct ledger *b, const struct ip_addr *ip,
				    const struct holder *h, const struct claim *claim)
{
	const struct ledger_addr *a = addr_find(b, ip);
	const struct holder *first = NULL;
	const struct use *u;
	uint32_t port;

	if (a == NULL || addr_admits(a, h, claim, &port))
		return NULL;
	LIST_FOREACH (u, &a->uses, of_addr) {
		if (u->holder == h || (port != 0 && !claim_has(u->claim, port)))
			continue;
		int c = first == NULL ? -1 : strcmp(u->holder->ns, first->ns);
		if (c < 0 || (c == 0 && strcmp(u->holder->name, first->name) < 0))
			first = u->holder;
	}
	return first;
}

/* Does another than @h hold @a for the same namespace? */
static bool addr_is_of_namespace(const struct ledger_addr *a, const struct holder *h)
{
	const struct use *u;

	LIST_FOREACH (u, &a->uses, of_addr) {
		if (u->holder != h && u->holder->ns == h->ns)
			return true;
	}
	return false;
}

/* @h begins (1) or ends (-1) to be a user of @a. */
static void addr_tally(struct ledger *b, const struct ledger_addr *a, const struct holder *h,
		       int by)
{
	struct pool_book *pool = a->place.pool;

	if (pool == NULL || pool->tallies == NULL || addr_is_of_namespace(a, h))
		return;
	tally_change(pool->tallies, h->ns, by);
	if (by < 0)
		pool->tallied = b->freed;
}

uint64_t ledger_would_hold(const struct ledger *b, const struct pool_book *pool,
			   const struct holder *h, struct ips ips)
{
	uint64_t count = tally_of(pool->tallies, h->ns);
	const struct use *u;

	LIST_FOREACH (u, &h->uses, of_holder) {
		if (u->addr->place.pool == pool && !addr_is_of_namespace(u->addr, h))
			count--;
	}
	for (unsigned i = 0; i < ips.count; i++) {
		const struct ledger_addr *a = addr_find(b, &ips.items[i]);

		if (a == NULL || !addr_is_of_namespace(a, h))
			count++;
	}
	return count;
}

/* The users of @a, or their terms, are not what they were. */
static void addr_changed(struct ledger *b, struct ledger_addr *a)
{
	a->changed = ++b->freed;
	if (a->place.pool != NULL)
		a->place.pool->changed = b->freed;
}

/* --- taking and dropping ---------------------------------------------------------------- */

/* All users of an address share on one key; it follows a sole user who changes his mind. */
static void addr_set_key(struct ledger *b, struct ledger_addr *a, const char *key)
{
	if (share_key(a->share) == key)
		return;
	a->share = share_free(b->shares, a->share);
	if (key == NULL)
		return;
	a->share = share_new(key, &a->ip);
	share_set_place(b->shares, a->share, a->place);
	addr_changed(b, a);
	share_widened(a->share, b->freed); /* others with that key may join */
}

void ledger_take(struct ledger *b, const struct ip_addr *ip, struct holder *h, struct claim *claim)
{
	struct ledger_addr *a = addr_find(b, ip);

	if (a == NULL)
		a = addr_add(b, ip);
	struct use *u = addr_use_of(a, h);
	if (u == NULL) {
		u = must(calloc(1, sizeof(*u)));
		u->addr = a;
		u->holder = h;
		addr_tally(b, a, h, 1);
		if (!LIST_EMPTY(&a->uses))
			addr_changed(b, a);
		LIST_INSERT_HEAD(&h->uses, u, of_holder);
		LIST_INSERT_HEAD(&a->uses, u, of_addr);
	} else if (u->claim != claim) {
		addr_changed(b, a);
		if (u->claim != NULL) {
			share_remove(a->share, u->claim);
			share_widened(a->share, b->freed);
		}
	}
	u->leaving = false;
	if (u->claim != claim) {
		claim_ref(claim);
		claim_unref(u->claim);
		u->claim = claim;
		addr_set_key(b, a, claim_key(claim));
		if (claim != NULL)
			share_add(a->share, claim);
	}
}

void ledger_drop(struct ledger *b, struct use *u)
{
	struct ledger_addr *a = u->addr;

	addr_changed(b, a);
	if (u->claim != NULL) {
		share_remove(a->share, u->claim);
		share_widened(a->share, b->freed);
	}
	LIST_REMOVE(u, of_addr);
	LIST_REMOVE(u, of_holder);
	addr_tally(b, a, u->holder, -1);
	claim_unref(u->claim);
	free(u);
	if (LIST_EMPTY(&a->uses))
		addr_remove(b, a);
}

/* --- the next address ------------------------------------------------------------------- */

/* An address as it stands in the order of giving out. */
struct candidate {
	size_t range; /* RANGE_ANY: none yet */
	u128 number;
};

static void candidate_offer(struct candidate *best, size_t range, u128 number)
{
	if (range < best->range || (range == best->range && number < best->number))
		*best = (struct candidate){ range, number };
}

/* The first of those that are in use, but not against the one who asks. */
static void search_used(const struct ledger *b, const struct ledger_search *s,
			struct candidate *best)
{
	const struct use *u;
	size_t range;
	uint32_t port;
	u128 n;

	LIST_FOREACH (u, &s->holder->uses, of_holder) {
		const struct ledger_addr *a = u->addr;

		if (a->place.pool == s->pool && a->ip.family == s->family &&
		    (s->range == RANGE_ANY || a->place.range == s->range) &&
		    addr_admits(a, s->holder, s->claim, &port))
			candidate_offer(best, a->place.range, ip_to_number(&a->ip));
	}
	if (s->claim != NULL &&
	    share_first(b->shares, s->pool, s->family, s->range, s->claim, &range, &n))
		candidate_offer(best, range, n);
}

static bool search_end(const struct ledger_search *s, const struct candidate *best,
		       struct ip_addr *ret)
{
	if (best->range == RANGE_ANY)
		return false;
	*ret = ip_from_number(s->family, best->number);
	return true;
}

bool ledger_first(const struct ledger *b, const struct ledger_search *s, struct ip_addr *ret)
{
	struct candidate best = { .range = RANGE_ANY };

	if (!s->in_use)
		pool_first_free(s->pool, s->family, s->range, &best.range, &best.number);
	search_used(b, s, &best);
	return search_end(s, &best, ret);
}

/* Services of one key are to meet on one address, whatever the strategy. */
bool ledger_next(const struct ledger *b, const struct ledger_search *s, struct rng *rng,
		 struct ip_addr *ret)
{
	struct candidate best = { .range = RANGE_ANY };

	if (s->pool->pool->strategy == STRATEGY_FIRST_FIT)
		return ledger_first(b, s, ret);
	search_used(b, s, &best);
	if (best.range == RANGE_ANY && !s->in_use)
		pool_next_free(s->pool, s->family, s->range, rng, &best.range, &best.number);
	return search_end(s, &best, ret);
}

bool ledger_has(const struct ledger *b, const struct ip_addr *ip)
{
	return addr_find(b, ip) != NULL;
}

void ledger_on_freed(struct ledger *b, void (*freed)(void *arg, const struct ip_addr *ip),
		     void *arg)
{
	b->on_freed = freed;
	b->arg = arg;
}

uint64_t ledger_freed(const struct ledger *b)
{
	return b->freed;
}

bool ledger_changed(const struct ledger *b, const struct ip_addr *ip, uint64_t since)
{
	const struct ledger_addr *a = addr_find(b, ip);

	if (a != NULL)
		return a->changed > since;
	struct place place = pools_place(b->pools, ip);
	return place.pool != NULL && pool_side(place.pool, ip->family)->freed > since;
}

bool ledger_news(const struct ledger *b, struct pool_book *pool, uint8_t family,
		 const struct claim *claim, uint64_t since)
{
	const struct pool_side *side = pool_side(pool, family);

	return (side->used < side->total && (side->freed > since || pool->tallied > since)) ||
	       (claim != NULL &&
		(pool->tallied > since || share_news(b->shares, pool, family, claim, since)));
}

size_t ledger_addresses(const struct ledger *b)
{
	return b->count;
}

size_t ledger_cursors(const struct ledger *b)
{
	return share_cursors(b->shares);
}

const struct pools_book *ledger_pools(const struct ledger *b)
{
	return b->pools;
}

/* --- life -------------------------------------------------------------------------------- */

void ledger_set_config(struct ledger *b, const struct config *c)
{
	struct pools_book *old = b->pools;

	b->pools = pools_book_new(c);
	b->freed++;
	EACH_ADDR(b, i, a, after)
	{
		const struct use *u;

		a->place = pools_place(b->pools, &a->ip);
		pools_take(a->place, &a->ip);
		if (a->share != NULL)
			share_set_place(b->shares, a->share, a->place);
		if (a->place.pool == NULL || a->place.pool->tallies == NULL)
			continue;
		/* Each namespace once: with the last of its users in the list. */
		LIST_FOREACH (u, &a->uses, of_addr) {
			const struct use *later = LIST_NEXT(u, of_addr);

			while (later != NULL && later->holder->ns != u->holder->ns)
				later = LIST_NEXT(later, of_addr);
			if (later == NULL)
				tally_change(a->place.pool->tallies, u->holder->ns, 1);
		}
	}
	pools_book_free(old);
}

struct ledger *ledger_new(uint64_t seed)
{
	struct ledger *b = must(calloc(1, sizeof(*b)));

	b->size = TABLE_FIRST;
	b->buckets = must(calloc(b->size, sizeof(struct ledger_addr *)));
	b->seed = seed;
	b->shares = share_book_new();
	b->pools = pools_book_new(NULL);
	return b;
}

struct ledger *ledger_free(struct ledger *b)
{
	if (b == NULL)
		return NULL;
	assert(b->count == 0);
	pools_book_free(b->pools);
	share_book_free(b->shares);
	free(b->buckets);
	free(b);
	return NULL;
}
