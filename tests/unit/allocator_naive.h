// SPDX-License-Identifier: Apache-2.0
/*
 * The rules of allocation once more, as plain as can be: lists that are walked from their
 * beginning, one address at a time. Written from the rules (docs/allocation.md) and not from the
 * engine, so that a test can hold one against the other.
 *
 * An address is a small number here: NET * 256 + HOST, of the networks below. A Service converges
 * in naive_converge(); naive_settle() does so with all of them, in their order, and has the server
 * show what they hold, until nothing changes any more.
 */
#ifndef BELLMAN_TESTS_ALLOCATOR_NAIVE_H
#define BELLMAN_TESTS_ALLOCATOR_NAIVE_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAIVE_SERVICES 24
#define NAIVE_SPACES   3 /* namespaces */
#define NAIVE_POOLS    4
#define NAIVE_RANGES   4 /* of a pool */
#define NAIVE_IPS      8 /* of a Service */
#define NAIVE_USES     512
#define NAIVE_NETS     6 /* three of IPv4, three of IPv6 */

#define V4 1u
#define V6 2u

struct naive_range {
	int first, last;
	bool dash; /* written FIRST-LAST */
};

enum { NAIVE_FIRST_FIT, NAIVE_LEAST_USED, NAIVE_RANDOM };

struct naive_pool {
	bool there;
	const char *name;
	struct naive_range ranges[NAIVE_RANGES], exclude[2];
	unsigned range_count, exclude_count;
	bool auto_assign, avoid_buggy, drain, per_range, pinned;
	int priority;
	unsigned namespaces;                /* a set; 0: none is named */
	int namespace_label, service_label; /* the value that is selected; 0: no selector */
	int strategy;
	int quota[NAIVE_SPACES]; /* of each namespace; -1: none */
	long reserve_s;
};

struct naive_list {
	int at[NAIVE_IPS];
	unsigned count;
};

/* One requested address: whole, or of @family the one that ends in @at. */
struct naive_want {
	bool host;
	unsigned family;
	int at;
};

/* On what terms an address is used. */
struct naive_terms {
	int key, backend; /* key 0: with nobody */
	unsigned ports;   /* a set */
};

struct naive_use {
	int who, at;
	struct naive_terms terms;
};

enum { NAIVE_SINGLE, NAIVE_PREFER, NAIVE_REQUIRE };

struct naive_service {
	bool there, load_balancer, v6_first, local, bad_request;
	int space, class, policy, key, selector, label;
	unsigned families; /* of its cluster IPs */
	unsigned ports;
	struct naive_want wants[3];
	unsigned want_count;
	int wanted_pool; /* -1: none; NAIVE_POOLS: one that is not there */

	struct naive_list held, shown;
	bool news;              /* somebody else wrote shown */
	bool strip;             /* not ours any more, and the server shall show nothing */
	int shown_pool;         /* the annotation; -1: none */
	struct naive_list kept; /* reserved for it */
	long until_s;
	struct naive_list hint; /* of the addresses that a random strategy could give it */
};

struct naive {
	struct naive_service services[NAIVE_SERVICES];
	struct naive_pool pools[NAIVE_POOLS];
	int labels[NAIVE_SPACES]; /* of namespaces; -1: the namespace is not there */
	int class;                /* the one that is served; 0: Services without one */
	bool complete;
	long now_s;
	struct naive_use uses[NAIVE_USES];
	unsigned use_count;
	bool freed; /* somebody who waits may have a new chance */
};

/* --- lists and addresses ------------------------------------------------------------- */

static inline unsigned naive_family(int at)
{
	return at < NAIVE_NETS / 2 * 256 ? V4 : V6;
}

static inline bool naive_has(const struct naive_list *l, int at)
{
	for (unsigned i = 0; i < l->count; i++) {
		if (l->at[i] == at)
			return true;
	}
	return false;
}

static inline bool naive_same(const struct naive_list *x, const struct naive_list *y)
{
	return x->count == y->count && memcmp(x->at, y->at, x->count * sizeof(x->at[0])) == 0;
}

static inline bool naive_same_set(const struct naive_list *x, const struct naive_list *y)
{
	for (unsigned i = 0; i < x->count; i++) {
		if (!naive_has(y, x->at[i]))
			return false;
	}
	return x->count == y->count;
}

static inline unsigned naive_families(const struct naive_list *l)
{
	unsigned families = 0;

	for (unsigned i = 0; i < l->count; i++)
		families |= naive_family(l->at[i]);
	return families;
}

/* --- pools --------------------------------------------------------------------------- */

static inline bool naive_within(const struct naive_range *r, unsigned count, int at)
{
	for (unsigned i = 0; i < count; i++) {
		if (r[i].first <= at && at <= r[i].last)
			return true;
	}
	return false;
}

/* Does @p ever give @at out? */
static inline bool naive_gives(const struct naive_pool *p, int at)
{
	if (!p->there || !naive_within(p->ranges, p->range_count, at))
		return false;
	if (naive_within(p->exclude, p->exclude_count, at))
		return false;
	return !(p->avoid_buggy && naive_family(at) == V4 && (at % 256 == 0 || at % 256 == 255));
}

static inline const struct naive_pool *naive_pool_of(const struct naive *n, int at)
{
	for (unsigned i = 0; i < NAIVE_POOLS; i++) {
		if (naive_gives(&n->pools[i], at))
			return &n->pools[i];
	}
	return NULL;
}

static inline unsigned naive_range_of(const struct naive_pool *p, int at)
{
	unsigned i = 0;

	while (!naive_within(&p->ranges[i], 1, at))
		i++;
	return i;
}

/* How many addresses of a range are given out? */
static inline int naive_range_size(const struct naive_pool *p, unsigned range)
{
	int size = 0;

	for (int at = p->ranges[range].first; at <= p->ranges[range].last; at++)
		size += naive_gives(p, at);
	return size;
}

static inline unsigned naive_pool_families(const struct naive_pool *p)
{
	unsigned families = 0;

	for (unsigned i = 0; i < p->range_count; i++) {
		if (naive_range_size(p, i) > 0)
			families |= naive_family(p->ranges[i].first);
	}
	return families;
}

/* May @s use the pool at all? */
static inline bool naive_admits(const struct naive *n, const struct naive_service *s,
				const struct naive_pool *p)
{
	if (p->pinned && (p->namespaces != 0 || p->namespace_label != 0)) {
		bool named = (p->namespaces & 1u << s->space) != 0;
		bool selected =
			p->namespace_label != 0 && n->labels[s->space] == p->namespace_label;

		if (!named && !selected)
			return false;
	}
	return !p->pinned || p->service_label == 0 || p->service_label == s->label;
}

/* Pools in the order in which they are tried. */
static inline unsigned naive_pools_in_order(const struct naive *n, bool pinned,
					    const struct naive_pool *ret[NAIVE_POOLS])
{
	unsigned count = 0;

	for (int priority = 1; priority <= 10; priority++) { /* 10: for those that have 0 */
		for (unsigned i = 0; i < NAIVE_POOLS; i++) { /* by name */
			const struct naive_pool *p = &n->pools[i];
			int its = p->pinned && p->priority != 0 ? p->priority : 10;

			if (p->there && p->auto_assign && p->pinned == pinned && its == priority)
				ret[count++] = p;
		}
	}
	return count;
}

/* --- who uses what ------------------------------------------------------------------- */

static inline int naive_index(const struct naive *n, const struct naive_service *s)
{
	return (int)(s - n->services);
}

static inline struct naive_terms naive_terms_of(const struct naive_service *s)
{
	return (struct naive_terms){ .key = s->key,
				     .backend = s->local ? s->selector : 0,
				     .ports = s->ports };
}

static inline struct naive_use *naive_use_of(struct naive *n, int who, int at)
{
	for (unsigned i = 0; i < n->use_count; i++) {
		if (n->uses[i].who == who && n->uses[i].at == at)
			return &n->uses[i];
	}
	return NULL;
}

static inline bool naive_is_used(const struct naive *n, int at)
{
	for (unsigned i = 0; i < n->use_count; i++) {
		if (n->uses[i].at == at)
			return true;
	}
	return false;
}

/* Does anybody else stand against @s using @at on @terms? */
static inline bool naive_blocked(const struct naive *n, const struct naive_service *s, int at,
				 struct naive_terms terms)
{
	for (unsigned i = 0; i < n->use_count; i++) {
		const struct naive_use *u = &n->uses[i];

		if (u->at != at || u->who == naive_index(n, s))
			continue;
		if (terms.key == 0 || terms.key != u->terms.key ||
		    terms.backend != u->terms.backend || (terms.ports & u->terms.ports) != 0)
			return true;
	}
	return false;
}

static inline void naive_use(struct naive *n, const struct naive_service *s, int at,
			     struct naive_terms terms)
{
	struct naive_use *u = naive_use_of(n, naive_index(n, s), at);

	if (u == NULL) {
		u = &n->uses[n->use_count++];
		if (n->use_count == NAIVE_USES)
			abort();
		*u = (struct naive_use){ .who = naive_index(n, s), .at = at };
	}
	if (memcmp(&u->terms, &terms, sizeof(terms)) != 0)
		n->freed = true; /* others may share now */
	u->terms = terms;
}

static inline void naive_unuse(struct naive *n, struct naive_use *u)
{
	*u = n->uses[--n->use_count];
	n->freed = true;
}

/* --- may it have these? -------------------------------------------------------------- */

static inline bool naive_within_quota(const struct naive *n, const struct naive_service *s,
				      const struct naive_pool *p, const struct naive_list *list)
{
	int count = 0;

	for (int at = 0; at < NAIVE_NETS * 256 && p->quota[s->space] >= 0; at++) {
		bool counts = naive_has(list, at);

		if (!naive_gives(p, at))
			continue;

		for (unsigned i = 0; !counts && i < n->use_count; i++) {
			const struct naive_use *u = &n->uses[i];

			counts = u->at == at && u->who != naive_index(n, s) &&
				 n->services[u->who].space == s->space;
		}
		count += counts;
	}
	return p->quota[s->space] < 0 || count <= p->quota[s->space];
}

/* @keeps: it has @at by its status, which is nothing new. */
static inline bool naive_may_use(const struct naive *n, const struct naive_service *s, int at,
				 bool keeps)
{
	const struct naive_pool *p = naive_pool_of(n, at);

	if (p == NULL || !naive_admits(n, s, p))
		return false;
	if (p->drain && !keeps && !naive_has(&s->held, at))
		return false;
	return !naive_blocked(n, s, at, naive_terms_of(s));
}

/* May two addresses be held together? */
static inline bool naive_go_together(const struct naive *n, int x, int y)
{
	const struct naive_pool *p = naive_pool_of(n, x);

	if (p != naive_pool_of(n, y))
		return false;
	return naive_family(x) != naive_family(y) ||
	       (p->per_range && naive_range_of(p, x) != naive_range_of(p, y));
}

static inline bool naive_may_hold(const struct naive *n, const struct naive_service *s,
				  const struct naive_list *list, bool single, bool keeps)
{
	unsigned families = naive_families(list);
	bool news = false;

	if (families != s->families && !(single && families != 0))
		return false;
	for (unsigned i = 0; i < list->count; i++) {
		if (!naive_may_use(n, s, list->at[i], keeps))
			return false;
		for (unsigned k = 0; k < i; k++) {
			if (!naive_go_together(n, list->at[i], list->at[k]))
				return false;
		}
		news = news || !naive_has(&s->held, list->at[i]);
	}
	return !news || keeps || naive_within_quota(n, s, naive_pool_of(n, list->at[0]), list);
}

/* --- which address? ------------------------------------------------------------------ */

/* The range of @family of which the smallest part is in use, among those with a free address. */
static inline int naive_least_used(const struct naive *n, const struct naive_pool *p,
				   unsigned family)
{
	int best = -1, best_used = 0, best_size = 1;

	for (unsigned i = 0; i < p->range_count; i++) {
		int size = naive_range_size(p, i), used = 0;

		if (naive_family(p->ranges[i].first) != family)
			continue;
		for (int at = p->ranges[i].first; at <= p->ranges[i].last; at++)
			used += naive_gives(p, at) && naive_is_used(n, at);
		if (used < size && (best == -1 || used * best_size < best_used * size)) {
			best = (int)i;
			best_used = used;
			best_size = size;
		}
	}
	return best;
}

/*
 * The next address of @family, in @range or (-1) anywhere; -1 for none. @what: 0 of any kind, 1 in
 * use already, 2 free.
 */
static inline int naive_walk(const struct naive *n, const struct naive_service *s,
			     const struct naive_pool *p, unsigned family, int range, int what)
{
	for (unsigned i = 0; i < p->range_count; i++) {
		if (naive_family(p->ranges[i].first) != family || (range != -1 && range != (int)i))
			continue;
		for (int at = p->ranges[i].first; at <= p->ranges[i].last; at++) {
			bool used = naive_is_used(n, at);

			if (naive_gives(p, at) && (what == 0 || used == (what == 1)) &&
			    !naive_blocked(n, s, at, naive_terms_of(s)))
				return at;
		}
	}
	return -1;
}

static inline int naive_next(const struct naive *n, const struct naive_service *s,
			     const struct naive_pool *p, unsigned family, int range, bool in_use)
{
	if (p->strategy == NAIVE_FIRST_FIT && !in_use)
		return naive_walk(n, s, p, family, range, 0);
	int at = naive_walk(n, s, p, family, range, 1);
	if (at != -1 || in_use)
		return at;
	if (p->strategy == NAIVE_RANDOM) {
		for (unsigned i = 0; i < s->hint.count; i++) {
			at = s->hint.at[i];
			if (naive_gives(p, at) && naive_family(at) == family &&
			    (range == -1 || range == (int)naive_range_of(p, at)) &&
			    !naive_is_used(n, at))
				return at;
		}
	} else if (range == -1) {
		range = naive_least_used(n, p, family);
		if (range == -1)
			return -1;
	}
	return naive_walk(n, s, p, family, range, 2);
}

/* One address of @family, or with perRange one of each range, behind those in @list. */
static inline bool naive_add(const struct naive *n, const struct naive_service *s,
			     const struct naive_pool *p, unsigned family, bool in_use,
			     struct naive_list *list)
{
	for (unsigned i = 0; i < p->range_count; i++) {
		if (p->per_range &&
		    (naive_family(p->ranges[i].first) != family || naive_range_size(p, i) == 0))
			continue;
		int at = naive_next(n, s, p, family, p->per_range ? (int)i : -1, in_use);
		if (at == -1)
			return false;
		list->at[list->count++] = at;
		if (!p->per_range)
			break;
	}
	return true;
}

static inline bool naive_offer(const struct naive *n, const struct naive_service *s,
			       const struct naive_pool *p, unsigned families,
			       struct naive_list *ret)
{
	if (!p->there || p->drain || !naive_admits(n, s, p) ||
	    (families & ~naive_pool_families(p)) != 0)
		return false;
	for (int in_use = 0; in_use <= (s->key != 0); in_use++) { /* sharing may save quota */
		struct naive_list list = { .count = 0 };

		if (((families & V4) != 0 && !naive_add(n, s, p, V4, in_use, &list)) ||
		    ((families & V6) != 0 && !naive_add(n, s, p, V6, in_use, &list)))
			return false;
		if (naive_within_quota(n, s, p, &list)) {
			*ret = list;
			return true;
		}
	}
	return false;
}

static inline bool naive_pick(const struct naive *n, const struct naive_service *s,
			      const struct naive_pool *const *pools, unsigned count,
			      struct naive_list *ret)
{
	unsigned first = s->v6_first ? V6 : V4;
	unsigned tries[] = { s->families, first, (V4 | V6) & ~first };
	bool single = s->families == (V4 | V6) && s->policy == NAIVE_PREFER;

	for (unsigned t = 0; t < (single ? 3u : 1u); t++) {
		for (unsigned i = 0; i < count; i++) {
			if (naive_offer(n, s, pools[i], tries[t], ret))
				return true;
		}
	}
	return false;
}

/* --- requests ------------------------------------------------------------------------ */

/* The address of a range that ends in @host; -1 for none. */
static inline int naive_host(const struct naive_range *r, const struct naive_want *want)
{
	if (naive_family(r->first) != want->family)
		return -1;
	/* Of a range from FIRST to LAST both have the network in common. */
	int at = r->dash ? r->first / 256 * 256 + want->at : r->first + want->at;
	return naive_within(r, 1, at) ? at : -1;
}

static inline bool naive_request_from(const struct naive *n, const struct naive_service *s,
				      const struct naive_pool *p, struct naive_list *ret)
{
	struct naive_list list = { .count = 0 };

	for (unsigned i = 0; i < s->want_count; i++) {
		const struct naive_want *want = &s->wants[i];
		int found = want->host ? -1 : want->at;

		for (unsigned k = 0; want->host && found == -1 && k < p->range_count; k++) {
			int at = naive_host(&p->ranges[k], want);
			bool taken = at == -1 || naive_has(&list, at);

			for (unsigned m = 0; p->per_range && m < list.count; m++)
				taken = taken || naive_within(&p->ranges[k], 1, list.at[m]);
			if (!taken && naive_may_use(n, s, at, false))
				found = at;
		}
		if (found == -1 || !naive_gives(p, found))
			return false;
		list.at[list.count++] = found;
	}
	if (!naive_may_hold(n, s, &list, false, false))
		return false;
	*ret = list;
	return true;
}

/* Is what it asks for what it holds? */
static inline bool naive_request_met(const struct naive *n, const struct naive_service *s)
{
	bool met[NAIVE_IPS] = { false };

	for (unsigned i = 0; i < s->want_count; i++) {
		unsigned k = 0;

		for (; k < s->held.count; k++) {
			int at = s->held.at[k];
			const struct naive_pool *p = naive_pool_of(n, at);
			const struct naive_want *want = &s->wants[i];

			if (!met[k] &&
			    (want->host ? naive_host(&p->ranges[naive_range_of(p, at)], want) == at
					: want->at == at))
				break;
		}
		if (k == s->held.count)
			return false;
		met[k] = true;
	}
	return s->held.count == s->want_count;
}

static inline bool naive_request_valid(const struct naive *n, const struct naive_service *s)
{
	bool many = false;

	for (unsigned i = 0; i < NAIVE_POOLS; i++)
		many = many || (n->pools[i].there && n->pools[i].per_range);
	if (s->bad_request || (!many && s->want_count > 2))
		return false;
	return many || s->want_count < 2 || s->wants[0].family != s->wants[1].family;
}

static inline bool naive_request(const struct naive *n, const struct naive_service *s,
				 const struct naive_pool *wanted, struct naive_list *ret)
{
	const struct naive_pool *only = wanted, *list[NAIVE_POOLS];
	bool any_host = false;

	for (unsigned i = 0; i < s->want_count; i++) {
		any_host = any_host || s->wants[i].host;
		if (only == NULL && !s->wants[i].host)
			only = naive_pool_of(n, s->wants[i].at);
	}
	if (only != NULL)
		return naive_request_from(n, s, only, ret);
	for (int pinned = 1; any_host && pinned >= 0; pinned--) {
		unsigned count = naive_pools_in_order(n, pinned != 0, list);

		for (unsigned i = 0; i < count; i++) {
			if (naive_request_from(n, s, list[i], ret))
				return true;
		}
	}
	return false;
}

/* --- one Service --------------------------------------------------------------------- */

static inline void naive_hold(struct naive *n, struct naive_service *s, struct naive_list list)
{
	for (unsigned i = 0; i < list.count; i++)
		naive_use(n, s, list.at[i], naive_terms_of(s));
	s->held = list;
}

/* Keep what is right of @list where a pool with perRange gave, or gave before, one of each. */
static inline bool naive_hold_some(struct naive *n, struct naive_service *s, struct naive_list list,
				   bool single)
{
	struct naive_list stay = { .count = 0 };
	unsigned per_family[2] = { 0 };

	for (unsigned i = 0; i < list.count; i++) {
		bool fits = (naive_family(list.at[i]) & s->families) != 0 &&
			    naive_may_use(n, s, list.at[i], true);

		per_family[naive_family(list.at[i]) == V6]++;
		for (unsigned k = 0; fits && k < stay.count; k++)
			fits = naive_go_together(n, stay.at[k], list.at[i]);
		if (fits)
			stay.at[stay.count++] = list.at[i];
	}
	if (stay.count == 0 || !naive_may_hold(n, s, &stay, single, true))
		return false;
	if (!naive_pool_of(n, stay.at[0])->per_range && per_family[0] < 2 && per_family[1] < 2)
		return false;
	naive_hold(n, s, stay);
	return true;
}

/* What the status says, if somebody else wrote it. */
static inline void naive_adopt(struct naive *n, struct naive_service *s, bool single)
{
	bool holds = s->held.count > 0;

	if (!s->news)
		return;
	s->news = false;
	if (s->shown.count == 0)
		return;
	if (naive_same_set(&s->shown, &s->held))
		s->held = s->shown;
	else if (naive_may_hold(n, s, &s->shown, single, !holds))
		naive_hold(n, s, s->shown);
	else if (!holds)
		naive_hold_some(n, s, s->shown, single);
}

static inline void naive_complete(struct naive *n, struct naive_service *s)
{
	const struct naive_pool *p = naive_pool_of(n, s->held.at[0]);

	if (!p->per_range && naive_families(&s->held) == s->families)
		return;
	for (unsigned family = V4; family <= V6; family <<= 1) {
		for (unsigned i = 0; i < p->range_count && !p->drain; i++) {
			struct naive_list list = s->held;
			bool has = !p->per_range && (naive_families(&list) & family) != 0;

			for (unsigned k = 0; p->per_range && k < list.count; k++)
				has = has || naive_within(&p->ranges[i], 1, list.at[k]);
			if (has || (s->families & family) == 0 ||
			    naive_family(p->ranges[i].first) != family)
				continue;
			for (int in_use = 0; in_use <= (s->key != 0); in_use++) {
				int at = naive_next(n, s, p, family, p->per_range ? (int)i : -1,
						    in_use);

				list.count = s->held.count;
				if (at == -1)
					break;
				list.at[list.count++] = at;
				if (naive_within_quota(n, s, p, &list)) {
					naive_hold(n, s, list);
					break;
				}
			}
		}
	}
}

static inline bool naive_offer_kept(const struct naive *n, const struct naive_service *s,
				    const struct naive_pool *wanted, bool single,
				    struct naive_list *ret)
{
	const struct naive_pool *p = s->kept.count > 0 ? naive_pool_of(n, s->kept.at[0]) : NULL;

	if (p == NULL || p->drain || (wanted != NULL ? wanted != p : !p->auto_assign) ||
	    !naive_may_hold(n, s, &s->kept, single, false))
		return false;
	*ret = s->kept;
	return true;
}

static inline void naive_allocate(struct naive *n, struct naive_service *s, bool single)
{
	const struct naive_pool *wanted = NULL, *list[NAIVE_POOLS];
	const struct naive_pool *has = s->held.count > 0 ? naive_pool_of(n, s->held.at[0]) : NULL;
	struct naive_list found;

	if (!naive_request_valid(n, s))
		return;
	if (s->wanted_pool != -1) {
		wanted = s->wanted_pool < NAIVE_POOLS ? &n->pools[s->wanted_pool] : NULL;
		if (wanted == NULL || !wanted->there)
			return;
	}
	if (s->want_count > 0) {
		if (has != NULL && naive_request_met(n, s) && (wanted == NULL || wanted == has))
			return;
		if (naive_request(n, s, wanted, &found))
			naive_hold(n, s, found);
		return;
	}
	if (has == NULL && naive_offer_kept(n, s, wanted, single, &found)) {
		naive_hold(n, s, found);
	} else if (wanted != NULL && wanted != has) {
		if (!naive_pick(n, s, &wanted, 1, &found))
			return;
		naive_hold(n, s, found);
	} else if (has == NULL) {
		bool any = false;

		for (int pinned = 1; !any && pinned >= 0; pinned--) {
			unsigned count = naive_pools_in_order(n, pinned != 0, list);
			any = naive_pick(n, s, list, count, &found);
		}
		if (!any)
			return;
		naive_hold(n, s, found);
	}
	naive_complete(n, s);
}

static inline bool naive_is_ours(const struct naive *n, const struct naive_service *s)
{
	return s->there && s->load_balancer && s->class == n->class;
}

static inline bool naive_no_pools(const struct naive *n)
{
	for (unsigned i = 0; i < NAIVE_POOLS; i++) {
		if (n->pools[i].there)
			return false;
	}
	return true;
}

/* What @s held stays its own for a while, if its pool says so and nobody shared it. */
static inline void naive_keep(struct naive *n, struct naive_service *s, struct naive_list list)
{
	const struct naive_pool *p = list.count > 0 ? naive_pool_of(n, list.at[0]) : NULL;

	if (p == NULL || p->reserve_s == 0)
		return;
	for (unsigned i = 0; i < list.count; i++) {
		if (naive_blocked(n, s, list.at[i], (struct naive_terms){ 0 }))
			return;
	}
	s->kept = list;
	s->until_s = n->now_s + p->reserve_s;
	for (unsigned i = 0; i < list.count; i++)
		naive_use(n, s, list.at[i], (struct naive_terms){ 0 });
}

/* Nothing is used that is neither held, nor kept, nor on show. */
static inline void naive_tidy(struct naive *n, struct naive_service *s)
{
	for (unsigned i = n->use_count; i-- > 0;) {
		struct naive_use *u = &n->uses[i];

		if (u->who == naive_index(n, s) && !naive_has(&s->held, u->at) &&
		    !naive_has(&s->kept, u->at) && !naive_has(&s->shown, u->at))
			naive_unuse(n, u);
	}
}

/* It is not ours any more. */
static inline void naive_leave(struct naive *n, struct naive_service *s)
{
	struct naive_list none = { .count = 0 }, held = s->held;
	bool was_ours = held.count > 0 || s->strip;

	s->strip = !s->load_balancer || (was_ours && s->class == 0 && s->shown_pool != -1);
	naive_hold(n, s, none);
	if (s->strip) {
		naive_keep(n, s, held);
		return;
	}
	s->kept = none;
	for (unsigned i = n->use_count; i-- > 0;) {
		if (n->uses[i].who == naive_index(n, s))
			naive_unuse(n, &n->uses[i]);
	}
}

/* What its status shows is nobody else's, until it is known not to show it any more. */
static inline void naive_guard(struct naive *n, struct naive_service *s)
{
	for (unsigned i = 0; i < s->shown.count; i++) {
		int at = s->shown.at[i];

		if (naive_use_of(n, naive_index(n, s), at) == NULL &&
		    !naive_blocked(n, s, at, naive_terms_of(s)))
			naive_use(n, s, at, naive_terms_of(s));
	}
}

/* Can it be given anything at all? */
static inline bool naive_is_servable(const struct naive *n, const struct naive_service *s)
{
	bool dual = s->families == (V4 | V6);

	return !naive_no_pools(n) && s->policy != (dual ? NAIVE_SINGLE : NAIVE_REQUIRE);
}

static inline bool naive_takes_single(const struct naive_service *s)
{
	return s->families == (V4 | V6) && s->policy == NAIVE_PREFER;
}

/* What @s should hold. */
static inline void naive_converge(struct naive *n, struct naive_service *s)
{
	struct naive_list none = { .count = 0 };
	bool single = naive_takes_single(s);

	if (!s->there)
		return;
	if (!naive_is_ours(n, s)) {
		naive_leave(n, s);
		naive_tidy(n, s);
		return;
	}
	s->strip = false;
	if (naive_no_pools(n) && !n->complete && (s->held.count > 0 || s->shown.count > 0))
		return;
	if (!naive_is_servable(n, s)) {
		naive_hold(n, s, none);
	} else {
		naive_adopt(n, s, single);
		if (s->held.count > 0 && !naive_may_hold(n, s, &s->held, single, true) &&
		    !naive_hold_some(n, s, s->held, single))
			naive_hold(n, s, none);
		else
			naive_hold(n, s, s->held); /* on the terms of today */
		naive_allocate(n, s, single);
	}
	naive_guard(n, s);
	if (s->held.count > 0)
		s->kept = none;
	naive_tidy(n, s);
}

/* --- all of them --------------------------------------------------------------------- */

/* Services by namespace and name. */
static inline struct naive_service *naive_nth(struct naive *n, unsigned i)
{
	unsigned each = NAIVE_SERVICES / NAIVE_SPACES;

	return &n->services[i % each * NAIVE_SPACES + i / each];
}

/* Those of @dirty, a set, that hold or show something. */
static inline void naive_pass(struct naive *n, unsigned dirty)
{
	for (unsigned i = 0; i < NAIVE_SERVICES; i++) {
		struct naive_service *s = naive_nth(n, i);

		if ((dirty & 1u << naive_index(n, s)) != 0 &&
		    (s->held.count > 0 || s->shown.count > 0))
			naive_converge(n, s);
	}
}

/* Reservations that are over. */
static inline void naive_expire(struct naive *n)
{
	for (unsigned i = 0; i < NAIVE_SERVICES; i++) {
		struct naive_service *s = &n->services[i];
		const struct naive_pool *p =
			s->kept.count > 0 ? naive_pool_of(n, s->kept.at[0]) : NULL;

		if (s->kept.count > 0 &&
		    (s->until_s <= n->now_s ||
		     ((p == NULL || p->reserve_s == 0) && !(naive_no_pools(n) && !n->complete)))) {
			s->kept.count = 0;
			naive_tidy(n, s);
		}
	}
}

static inline void naive_pass_waiting(struct naive *n, unsigned dirty)
{
	for (unsigned i = 0; i < NAIVE_SERVICES; i++) {
		struct naive_service *s = naive_nth(n, i);

		if ((dirty & 1u << naive_index(n, s)) != 0 && s->held.count == 0)
			naive_converge(n, s);
	}
}

/*
 * Who holds something is looked at before those who hold nothing. Of those who wait everybody is
 * called, beside @dirty, a set, if something became free; and again when that is so once they are
 * through.
 */
static inline void naive_run(struct naive *n, unsigned dirty)
{
	naive_expire(n);
	for (unsigned i = 0; i < NAIVE_SERVICES; i++) { /* what others wrote is claimed first */
		struct naive_service *s = naive_nth(n, i);

		if (s->news && naive_is_ours(n, s) && naive_is_servable(n, s)) {
			naive_adopt(n, s, naive_takes_single(s));
			naive_guard(n, s);
			naive_tidy(n, s);
		}
	}
	naive_pass(n, dirty);
	/* Of those that do not hold anything only ours wait. */
	for (unsigned i = 0; i < NAIVE_SERVICES; i++) {
		if (n->services[i].there && !naive_is_ours(n, &n->services[i]))
			naive_converge(n, &n->services[i]);
	}
	if (n->freed) {
		n->freed = false;
		dirty = ~0u;
		naive_pass(n, dirty);
	}
	naive_pass_waiting(n, dirty);
	while (n->freed) {
		n->freed = false;
		naive_pass(n, ~0u);
		naive_pass_waiting(n, ~0u);
	}
}

/* The server shows what is held. Does it do so already? */
static inline bool naive_land(struct naive *n)
{
	bool changed = false;

	for (unsigned i = 0; i < NAIVE_SERVICES; i++) {
		struct naive_service *s = &n->services[i];
		const struct naive_pool *p =
			s->held.count > 0 ? naive_pool_of(n, s->held.at[0]) : NULL;

		if (!s->there || (!s->strip && !naive_is_ours(n, s)) ||
		    (naive_no_pools(n) && !n->complete))
			continue;
		changed = changed || !naive_same(&s->shown, &s->held);
		s->shown = s->held;
		s->shown_pool = p != NULL ? (int)(p - n->pools) : -1;
		naive_tidy(n, s);
	}
	return changed;
}

/* To the end. @dirty: a set of those Services that something happened to. */
static inline void naive_settle(struct naive *n, unsigned dirty)
{
	do {
		naive_run(n, dirty);
		dirty = 0;
	} while (naive_land(n));
}

/* The Service is deleted. */
static inline void naive_delete(struct naive *n, struct naive_service *s)
{
	struct naive_list held = s->held;

	s->there = false;
	s->held.count = s->shown.count = 0;
	s->shown_pool = -1;
	s->news = false;
	naive_tidy(n, s);
	naive_keep(n, s, held);
}

#endif
