// SPDX-License-Identifier: Apache-2.0
#include "allocator/pools.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/array.h"
#include "lib/base/must.h"
#include "lib/base/rangeset.h"

/* A span again, found by address. */
struct stretch {
	uint8_t family;
	u128 first, last;
	struct place place;
};

struct pools_book {
	struct pool_book *pools; /* by name, as in the config */
	struct pool_book **lists[3];
	size_t counts[3];
	struct stretches {
		ARRAY_OF(struct stretch);
	} stretches; /* sorted */
	bool per_range;
};

struct pool_side *pool_side(struct pool_book *p, uint8_t family)
{
	return &p->sides[family == IP_V6];
}

/* --- building -------------------------------------------------------------------------- */

static int span_cmp(const void *a, const void *b)
{
	const struct span *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

static int stretch_cmp(const void *a, const void *b)
{
	const struct stretch *x = a, *y = b;

	if (x->family != y->family)
		return x->family < y->family ? -1 : 1;
	return x->first < y->first ? -1 : x->first > y->first;
}

/* How many of 0..n end in 0 or 255, for IPv4. */
static u128 buggy_up_to(u128 n)
{
	return (n >> 8) + 1 + ((n + 1) >> 8);
}

static u128 sum(u128 a, u128 b)
{
	return a + b < a ? ~(u128)0 : a + b;
}

static void range_add_span(struct pool_side *side, struct pool_range_book *range, u128 first,
			   u128 last, bool avoid_buggy)
{
	u128 size = last - first + 1; /* 0: the whole space */

	side->spans[side->span_count++] = (struct span){ .first = first, .last = last };
	range->span_end = side->span_count;
	if (avoid_buggy)
		size -= buggy_up_to(last) - (first > 0 ? buggy_up_to(first - 1) : 0);
	range->total = size == 0 && !avoid_buggy ? ~(u128)0 : sum(range->total, size);
}

/* What @cuts, which are sorted, leave of @r. A range of which nothing is left is left out. */
static void side_add_range(struct pool_side *side, const struct pool_range *r,
			   const struct span *cuts, size_t cut_count, bool avoid_buggy)
{
	struct pool_range_book *range = &side->ranges[side->range_count];
	u128 from = ip_to_number(&r->range.first), last = ip_to_number(&r->range.last);
	bool used_up = false;

	*range = (struct pool_range_book){
		.written = r, .span = side->span_count, .span_end = side->span_count, .open = from
	};
	for (size_t c = 0; c < cut_count && !used_up && cuts[c].first <= last; c++) {
		if (cuts[c].last < from)
			continue;
		if (cuts[c].first > from)
			range_add_span(side, range, from, cuts[c].first - 1, avoid_buggy);
		used_up = cuts[c].last >= last;
		from = cuts[c].last + 1; /* not looked at when used up */
	}
	if (!used_up)
		range_add_span(side, range, from, last, avoid_buggy);
	if (range->total == 0) {
		side->span_count = range->span;
		return;
	}
	side->total = sum(side->total, range->total);
	side->range_count++;
}

/* The ranges of one family as written, each less what is excluded. */
static void side_init(struct pool_side *side, const struct pool *p, uint8_t family)
{
	struct span *cuts = must(calloc(p->exclude.count + 1, sizeof(*cuts)));
	size_t cut_count = 0;

	for (size_t i = 0; i < p->exclude.count; i++) {
		const struct ip_range *r = &p->exclude.items[i].range;
		if (r->first.family == family)
			cuts[cut_count++] = (struct span){ .first = ip_to_number(&r->first),
							   .last = ip_to_number(&r->last) };
	}
	qsort(cuts, cut_count, sizeof(*cuts), span_cmp);
	/* Each cut adds at most one span to each range. */
	side->spans = must(calloc(p->addresses.count * (cut_count + 1) + 1, sizeof(*side->spans)));
	side->ranges = must(calloc(p->addresses.count + 1, sizeof(*side->ranges)));
	for (size_t i = 0; i < p->addresses.count; i++) {
		const struct pool_range *r = &p->addresses.items[i];
		if (r->range.first.family == family)
			side_add_range(side, r, cuts, cut_count,
				       p->avoid_buggy_ips && family == IP_V4);
	}
	if (side->span_count > 0)
		side->taken = must(rangeset_new());
	for (size_t i = 0; side->taken != NULL && i < cut_count; i++)
		must_0(rangeset_add(side->taken, cuts[i].first, cuts[i].last));
	free(cuts);
}

static int pinned_cmp(const void *a, const void *b)
{
	const struct pool *x = (*(struct pool_book *const *)a)->pool;
	const struct pool *y = (*(struct pool_book *const *)b)->pool;

	if ((x->priority == 0) != (y->priority == 0))
		return x->priority == 0 ? 1 : -1;
	if (x->priority != y->priority)
		return x->priority < y->priority ? -1 : 1;
	return strcmp(x->name, y->name);
}

struct pools_book *pools_book_free(struct pools_book *b)
{
	if (b == NULL)
		return NULL;
	for (size_t i = 0; i < b->counts[POOLS_ALL]; i++) {
		for (size_t s = 0; s < 2; s++) {
			free(b->pools[i].sides[s].ranges);
			free(b->pools[i].sides[s].spans);
			rangeset_free(b->pools[i].sides[s].taken);
		}
		tally_book_free(b->pools[i].tallies);
	}
	free(b->pools);
	for (size_t l = 0; l < 3; l++)
		free(b->lists[l]);
	array_free(&b->stretches);
	free(b);
	return NULL;
}

static void pools_add(struct pools_book *b, const struct pool *p)
{
	static const uint8_t families[2] = { IP_V4, IP_V6 };
	struct pool_book *pb = &b->pools[b->counts[POOLS_ALL]];

	pb->pool = p;
	b->per_range = b->per_range || p->per_range;
	if (p->quota.count > 0 || p->quota_others != POOL_NO_QUOTA)
		pb->tallies = tally_book_new();
	for (size_t s = 0; s < 2; s++) {
		struct pool_side *side = &pb->sides[s];

		side_init(side, p, families[s]);
		for (size_t i = 0, range = 0; i < side->span_count; i++) {
			struct stretch *at = must(array_push(&b->stretches));

			while (side->ranges[range].span_end <= i)
				range++;
			*at = (struct stretch){
				.family = families[s],
				.first = side->spans[i].first,
				.last = side->spans[i].last,
				.place = { pb, range },
			};
		}
	}
	b->lists[POOLS_ALL][b->counts[POOLS_ALL]++] = pb;
	if (p->auto_assign) {
		enum pool_list l = p->pinned ? POOLS_PINNED : POOLS_OPEN;
		b->lists[l][b->counts[l]++] = pb;
	}
}

struct pools_book *pools_book_new(const struct config *c)
{
	struct pools_book *b = must(calloc(1, sizeof(*b)));
	size_t count = c != NULL ? c->pools.count : 0;

	b->pools = must(calloc(count + 1, sizeof(*b->pools)));
	for (size_t l = 0; l < 3; l++)
		b->lists[l] = must(calloc(count + 1, sizeof(struct pool_book *)));
	for (size_t i = 0; i < count; i++)
		pools_add(b, &c->pools.items[i]);
	qsort(b->lists[POOLS_PINNED], b->counts[POOLS_PINNED], sizeof(struct pool_book *),
	      pinned_cmp);
	if (b->stretches.count > 0)
		qsort(b->stretches.items, b->stretches.count, sizeof(struct stretch), stretch_cmp);
	return b;
}

/* --- questions -------------------------------------------------------------------------- */

struct place pools_place(const struct pools_book *b, const struct ip_addr *ip)
{
	const struct place nowhere = { NULL, 0 };
	u128 n = ip_to_number(ip);
	size_t lo = 0, hi = b->stretches.count;

	while (lo < hi) { /* the first stretch that ends at or behind n */
		size_t mid = lo + (hi - lo) / 2;
		const struct stretch *s = &b->stretches.items[mid];

		if (s->family < ip->family || (s->family == ip->family && s->last < n))
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == b->stretches.count)
		return nowhere;
	const struct stretch *s = &b->stretches.items[lo];
	if (s->family != ip->family || s->first > n)
		return nowhere;
	if (s->place.pool->pool->avoid_buggy_ips && ip_is_buggy(ip))
		return nowhere;
	return s->place;
}

struct pool_book *const *pools_list(const struct pools_book *b, enum pool_list list,
				    size_t *ret_count)
{
	*ret_count = b->counts[list];
	return b->lists[list];
}

bool pools_per_range(const struct pools_book *b)
{
	return b->per_range;
}

size_t pools_tallies(const struct pools_book *b)
{
	size_t pools, count = 0;
	struct pool_book *const *all = pools_list(b, POOLS_ALL, &pools);

	for (size_t i = 0; i < pools; i++)
		count += tally_count(all[i]->tallies);
	return count;
}

struct pool_book *pools_named(const struct pools_book *b, const char *name)
{
	size_t lo = 0, hi = b->counts[POOLS_ALL];

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = strcmp(b->pools[mid].pool->name, name);

		if (c == 0)
			return &b->pools[mid];
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}
