// SPDX-License-Identifier: Apache-2.0
#include "allocator/chance.h"

#include "allocator/request.h"
#include "lib/base/must.h"

/* How a Service asks: for given addresses, for such as end in a host part, or for any. */
enum request { BY_ADDRESS, BY_HOST, BY_NOTHING };

/* Has @pool, which @r would have to ask, something that it had not? */
static bool pool_has_news(const struct allocator *a, const struct record *r, struct pool_book *pool,
			  unsigned families, enum request by)
{
	if (pool->changed <= r->tried || pool->pool->drain ||
	    pool_admits(a, r, pool->pool) != ALLOCATOR_COULD)
		return false;
	if (by == BY_ADDRESS)
		return pool->tallied > r->tried; /* the address itself was looked at */
	return by == BY_HOST ||                  /* another may hold the one that ends so */
	       ((families & FAMILIES_V4) != 0 &&
		ledger_news(a->ledger, pool, IP_V4, r->claim, r->tried)) ||
	       ((families & FAMILIES_V6) != 0 &&
		ledger_news(a->ledger, pool, IP_V6, r->claim, r->tried));
}

/* Is it another who stands against an address that is asked for, or nobody? */
static bool request_has_news(const struct allocator *a, const struct record *r,
			     const struct ip_list *request)
{
	for (unsigned i = 0; i < request->count; i++) {
		if (ledger_changed(a->ledger, &request->ips[i], r->tried))
			return true;
	}
	return false;
}

/*
 * May @r get now what it did not get when it was last decided, or be refused in other words? Never
 * false when it is so.
 */
static bool has_chance(const struct allocator *a, const struct record *r)
{
	const struct service *s = r->service;
	struct problem ignored;
	struct ip_list request;

	if (s == NULL)
		return true;
	if (a->news.count == 0)
		return false;
	ignored.why[0] = '\0';
	unsigned families = service_needs(s, &ignored);
	if (families == 0 ||
	    !request_of(s, pools_per_range(ledger_pools(a->ledger)), &request, ignored.why))
		return false;
	if (request_has_news(a, r, &request))
		return true;
	bool asks = request.count > 0 || (s->address_pool != NULL && s->address_pool[0] != '\0');
	enum request by = request.count == 0                   ? BY_NOTHING
			  : request_has_host_part(a, &request) ? BY_HOST
							       : BY_ADDRESS;

	for (size_t i = 0; i < a->news.count; i++) {
		const struct pool *p = a->news.items[i]->pool;

		if ((asks || p->auto_assign || p->name == r->pool) &&
		    (request.count > 0 || !asks || s->address_pool == p->name) &&
		    pool_has_news(a, r, a->news.items[i], families, by))
			return true;
	}
	return false;
}

/* --- the call -------------------------------------------------------------------------- */

void chances_begin(struct allocator *a)
{
	size_t count;
	struct pool_book *const *pools = pools_list(ledger_pools(a->ledger), POOLS_ALL, &count);

	a->news.count = 0;
	for (size_t i = 0; i < count; i++) {
		if (pools[i]->changed > a->freed_seen)
			*(struct pool_book **)must(array_push(&a->news)) = pools[i];
	}
	a->freed_seen = ledger_freed(a->ledger);
	a->called = true;
	a->calling = WAIT_HOLDING;
	a->call_next = RB_MIN(record_waiting, &a->waiting[WAIT_HOLDING]);
}

/* Has one of the pools with news an address for who takes any? */
static bool news_have_room(const struct allocator *a)
{
	for (size_t i = 0; i < a->news.count; i++) {
		for (size_t s = 0; s < 2; s++) {
			const struct pool_side *side = &a->news.items[i]->sides[s];

			if (side->used < side->total)
				return true;
		}
	}
	return false;
}

struct record *chances_next(struct allocator *a, const struct record *behind)
{
	bool in_vain = a->calling != WAITS && a->picky == 0 && !news_have_room(a);

	while (a->calling != WAITS) {
		struct record *w = a->call_next;

		if (w == NULL || (in_vain && a->calling == WAIT_EMPTY_HANDED)) {
			a->calling++;
			a->call_next = a->calling == WAIT_EMPTY_HANDED
					       ? RB_MIN(record_waiting, &a->waiting[a->calling])
					       : NULL;
			continue;
		}
		if (a->calling == WAIT_EMPTY_HANDED && behind != NULL && record_cmp(w, behind) > 0)
			break;
		a->call_next = RB_NEXT(record_waiting, , w);
		if (w->turn == TURNS && has_chance(a, w))
			return w;
	}
	return NULL;
}
