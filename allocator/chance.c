// SPDX-License-Identifier: Apache-2.0
#include "allocator/chance.h"

#include "allocator/request.h"

/* Has @pool, which @r would have to ask, something that it had not? */
static bool pool_has_news(const struct allocator *a, const struct record *r, struct pool_book *pool,
			  unsigned families)
{
	if (pool->pool->drain || pool_admits(a, r, pool->pool) != ALLOCATOR_COULD)
		return false;
	return ((families & FAMILIES_V4) != 0 &&
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

bool has_chance(const struct allocator *a, const struct record *r)
{
	const struct service *s = r->service;
	struct problem ignored;
	struct ip_list request;
	size_t count;

	if (s == NULL)
		return true;
	ignored.why[0] = '\0';
	unsigned families = service_needs(s, &ignored);
	if (families == 0 ||
	    !request_of(s, pools_per_range(ledger_pools(a->ledger)), &request, ignored.why))
		return false;
	if (request_has_news(a, r, &request))
		return true;
	bool asks = request.count > 0 || (s->address_pool != NULL && s->address_pool[0] != '\0');
	struct pool_book *const *pools = pools_list(ledger_pools(a->ledger), POOLS_ALL, &count);
	for (size_t i = 0; i < count; i++) {
		const struct pool *p = pools[i]->pool;

		if ((asks || p->auto_assign || p->name == r->pool) &&
		    (request.count > 0 || !asks || s->address_pool == p->name) &&
		    pool_has_news(a, r, pools[i], families))
			return true;
	}
	return false;
}
