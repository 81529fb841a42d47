// SPDX-License-Identifier: Apache-2.0
/* What of a pool is taken, and which of its free numbers comes next. */
#include "allocator/pools.h"
#include "lib/base/must.h"
#include "lib/base/rangeset.h"

void pools_take(struct place place, const struct ip_addr *ip)
{
	if (place.pool == NULL)
		return;
	struct pool_side *side = pool_side(place.pool, ip->family);
	struct pool_range_book *range = &side->ranges[place.range];
	u128 n = ip_to_number(ip);

	must_0(rangeset_add(side->taken, n, n));
	side->used++;
	range->used++;
	if (n == range->open)
		range->open = n + 1; /* not looked at behind the last one */
}

void pools_release(struct place place, const struct ip_addr *ip)
{
	if (place.pool == NULL)
		return;
	struct pool_side *side = pool_side(place.pool, ip->family);
	struct pool_range_book *range = &side->ranges[place.range];
	u128 n = ip_to_number(ip);

	must_0(rangeset_remove(side->taken, n, n));
	side->used--;
	range->used--;
	if (n < range->open)
		range->open = n;
	if (place.range < side->open)
		side->open = place.range;
}

/* --- the first free number ------------------------------------------------------------- */

static bool number_is_buggy(u128 n)
{
	return (n & 0xff) == 0 || (n & 0xff) == 0xff;
}

static bool avoids_buggy(const struct pool_book *p, uint8_t family)
{
	return p->pool->avoid_buggy_ips && family == IP_V4;
}

/* The first free number of a span at or behind @from. */
static bool span_first_free(struct pool_side *side, u128 from, u128 last, bool avoid_buggy,
			    u128 *ret)
{
	u128 n;

	while (rangeset_first_free(side->taken, from, last, &n)) {
		if (!avoid_buggy || !number_is_buggy(n)) {
			*ret = n;
			return true;
		}
		/* Met once, blocked for good: runs coalesce over it. */
		must_0(rangeset_add(side->taken, n, n));
		if (n == last)
			break;
		from = n + 1;
	}
	return false;
}

/* The first span of @range that ends at or behind @n; there is one. */
static size_t span_at(const struct pool_side *side, const struct pool_range_book *range, u128 n)
{
	size_t lo = range->span, hi = range->span_end - 1;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (side->spans[mid].last < n)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool range_has_free(const struct pool_range_book *range)
{
	return range->used < range->total;
}

static bool range_first_free(struct pool_side *side, struct pool_range_book *range,
			     bool avoid_buggy, u128 *ret)
{
	if (!range_has_free(range))
		return false;
	for (size_t i = span_at(side, range, range->open); i < range->span_end; i++) {
		const struct span *s = &side->spans[i];
		u128 from = range->open > s->first ? range->open : s->first;

		if (span_first_free(side, from, s->last, avoid_buggy, ret)) {
			range->open = *ret;
			return true;
		}
	}
	return false;
}

bool pool_first_free(struct pool_book *p, uint8_t family, size_t range, size_t *ret_range,
		     u128 *ret)
{
	struct pool_side *side = pool_side(p, family);
	size_t i = range == RANGE_ANY ? side->open : range;
	size_t end = range == RANGE_ANY ? side->range_count : range + 1;

	while (i < end && !range_first_free(side, &side->ranges[i], avoids_buggy(p, family), ret))
		i++;
	if (range == RANGE_ANY)
		side->open = i;
	if (i == end)
		return false;
	*ret_range = i;
	return true;
}

/* --- the next one by strategy ---------------------------------------------------------- */

/* Evenly in 0..bound-1, for a bound above 0. */
static u128 random_below(struct rng *rng, u128 bound)
{
	u128 mask = bound - 1, n;

	for (unsigned shift = 1; shift < 128; shift <<= 1)
		mask |= mask >> shift;
	do
		n = ((u128)rng_next(rng) << 64 | rng_next(rng)) & mask;
	while (n >= bound);
	return n;
}

/* The range in which the @n-th free number is, of those of all ranges. */
static size_t range_of_free(const struct pool_side *side, u128 n)
{
	size_t i = 0;

	for (; i + 1 < side->range_count; i++) {
		u128 free = side->ranges[i].total - side->ranges[i].used;

		if (n < free)
			break;
		n -= free;
	}
	return i;
}

/* Any free number, each as likely as the others; one in RANGE_ANY if there is one at all. */
static bool pool_random_free(struct pool_book *p, uint8_t family, size_t range, struct rng *rng,
			     size_t *ret_range, u128 *ret)
{
	struct pool_side *side = pool_side(p, family);

	if (range == RANGE_ANY)
		range = range_of_free(side, random_below(rng, side->total - side->used));
	const struct pool_range_book *r = &side->ranges[range];
	if (!range_has_free(r))
		return false;
	u128 first = side->spans[r->span].first, last = side->spans[r->span_end - 1].last;
	for (;;) { /* what is excluded in between counts as taken */
		u128 size = last - first + 1,
		     free = size - rangeset_count(side->taken, first, last);
		u128 n = rangeset_nth_free(side->taken, first,
					   random_below(rng, free != 0 ? free : ~(u128)0));

		if (!avoids_buggy(p, family) || !number_is_buggy(n)) {
			*ret_range = range;
			*ret = n;
			return true;
		}
		must_0(rangeset_add(side->taken, n, n)); /* met once, blocked for good */
	}
}

/* The range of which the smallest share is in use; of equal ones the first. */
static bool least_used_range(const struct pool_side *side, size_t *ret)
{
	long double least = 1;

	for (size_t i = 0; i < side->range_count; i++) {
		const struct pool_range_book *range = &side->ranges[i];
		long double share = (long double)range->used / (long double)range->total;

		if (range_has_free(range) && share < least) {
			least = share;
			*ret = i;
		}
	}
	return least < 1;
}

bool pool_next_free(struct pool_book *p, uint8_t family, size_t range, struct rng *rng,
		    size_t *ret_range, u128 *ret)
{
	struct pool_side *side = pool_side(p, family);

	if (side->used >= side->total)
		return false;
	if (p->pool->strategy == STRATEGY_RANDOM)
		return pool_random_free(p, family, range, rng, ret_range, ret);
	if (p->pool->strategy == STRATEGY_LEAST_USED_RANGE && range == RANGE_ANY &&
	    !least_used_range(side, &range))
		return false;
	return pool_first_free(p, family, range, ret_range, ret);
}
