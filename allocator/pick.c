// SPDX-License-Identifier: Apache-2.0
#include "allocator/pick.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "allocator/ipam_link.h"
#include "allocator/reserve.h"
#include "lib/base/utf8.h"

void why_add(char *why, const char *fmt, ...)
{
	size_t len = strlen(why);
	va_list args;

	va_start(args, fmt);
	bool cut = vsnprintf(why + len, WHY_MAX - len, fmt, args) >= (int)(WHY_MAX - len);
	va_end(args);
	if (cut)
		why[utf8_whole(why, WHY_MAX - 1)] = '\0';
}

const char *families_text(unsigned families)
{
	static const char *const text[] = { "no family", "IPv4", "IPv6", "IPv4 and IPv6" };

	return text[families & FAMILIES_BOTH];
}

static unsigned family_bit(uint8_t family)
{
	return family == IP_V6 ? FAMILIES_V6 : FAMILIES_V4;
}

unsigned families_of(struct ips ips)
{
	unsigned families = 0;

	for (unsigned i = 0; i < ips.count; i++) {
		if (families & family_bit(ips.items[i].family))
			return 0;
		families |= family_bit(ips.items[i].family);
	}
	return families;
}

/* --- which pool ---------------------------------------------------------------------- */

/* Selectors that match no namespace let nobody in: MetalLB takes them for no restriction. */
enum allocator_answer pool_admits(const struct allocator *a, const struct record *r,
				  const struct pool *p)
{
	if (p->namespaces.count > 0 || p->namespace_selectors.count > 0) {
		const struct labels *labels;

		if (!names_contain(&p->namespaces, r->holder.ns) &&
		    ((labels = allocator_namespace_labels(a, r->holder.ns)) == NULL ||
		     !selectors_match(&p->namespace_selectors, labels)))
			return ALLOCATOR_OTHER_NAMESPACE;
	}
	if (p->service_selectors.count > 0 &&
	    !selectors_match(&p->service_selectors, &r->service->meta.labels))
		return ALLOCATOR_OTHER_LABELS;
	return ALLOCATOR_COULD;
}

void why_shut_out(const struct record *r, const struct pool *p, enum allocator_answer answer,
		  char *why)
{
	if (answer == ALLOCATOR_OTHER_NAMESPACE)
		why_add(why, "pool \"%s\" is not for namespace \"%s\"", p->name, r->holder.ns);
	else
		why_add(why, "pool \"%s\" is not for Services with these labels", p->name);
}

/* Append what @s finds to @list: one address, or with perRange one of every range. */
static bool find_family(const struct allocator *a, struct ledger_search *s, struct rng *rng,
			struct ip_list *list)
{
	const struct pool_side *side = pool_side(s->pool, s->family);
	size_t count = s->pool->pool->per_range ? side->range_count : 1;

	for (size_t i = 0; i < count && list->count < IP_LIST_MAX; i++) {
		struct ip_addr *ip = &list->ips[list->count];

		s->range = s->pool->pool->per_range ? i : RANGE_ANY;
		if (!(rng != NULL ? ledger_next(a->ledger, s, rng, ip)
				  : ledger_first(a->ledger, s, ip)))
			return false;
		list->count++;
	}
	return true;
}

/* The same for each of @families, IPv4 first. */
static bool find_families(const struct allocator *a, const struct record *r, struct pool_book *pool,
			  unsigned families, bool in_use, struct rng *rng, struct ip_list *list)
{
	struct ledger_search s = {
		.pool = pool, .holder = &r->holder, .claim = r->claim, .in_use = in_use
	};

	list->count = 0;
	for (unsigned bit = FAMILIES_V4; bit <= FAMILIES_V6; bit <<= 1) {
		s.family = bit == FAMILIES_V6 ? IP_V6 : IP_V4;
		if ((families & bit) != 0 && !find_family(a, &s, rng, list))
			return false;
	}
	return true;
}

unsigned pool_families(struct pool_book *pool)
{
	return (pool_side(pool, IP_V4)->range_count > 0 ? FAMILIES_V4 : 0) |
	       (pool_side(pool, IP_V6)->range_count > 0 ? FAMILIES_V6 : 0);
}

/* May @r hold @count addresses of @pool? */
static bool quota_has_room(const struct allocator *a, const struct record *r,
			   const struct pool_book *pool, uint64_t count)
{
	uint64_t quota = pool_quota(pool->pool, r->holder.ns);

	return quota == POOL_NO_QUOTA ||
	       ledger_would_hold(a->ledger, pool, &r->holder, (struct ips){ NULL, 0 }) + count <=
		       quota;
}

bool within_quota(const struct allocator *a, const struct record *r, const struct pool_book *pool,
		  struct ips ips)
{
	uint64_t quota = pool_quota(pool->pool, r->holder.ns);

	return quota == POOL_NO_QUOTA ||
	       ledger_would_hold(a->ledger, pool, &r->holder, ips) <= quota;
}

/* What stands against @r getting anything new from @pool, whatever else is taken. */
static enum allocator_answer pool_opens(const struct allocator *a, const struct record *r,
					struct pool_book *pool, unsigned families)
{
	enum allocator_answer admits = pool_admits(a, r, pool->pool);

	if (admits != ALLOCATOR_COULD)
		return admits;
	if (pool->pool->drain)
		return ALLOCATOR_DRAINING;
	return (families & ~pool_families(pool)) != 0 ? ALLOCATOR_NO_FAMILY : ALLOCATOR_COULD;
}

/* How many addresses of @pool are needed for @families. */
static uint64_t wants_of(struct pool_book *pool, unsigned families)
{
	uint64_t v4 = pool->pool->per_range ? pool_side(pool, IP_V4)->range_count : 1;
	uint64_t v6 = pool->pool->per_range ? pool_side(pool, IP_V6)->range_count : 1;

	return (families & FAMILIES_V4 ? v4 : 0) + (families & FAMILIES_V6 ? v6 : 0);
}

enum allocator_answer pool_offer(const struct allocator *a, const struct record *r,
				 struct pool_book *pool, unsigned families, struct rng *rng,
				 struct ip_list *ret)
{
	enum allocator_answer opens = pool_opens(a, r, pool, families);

	if (opens != ALLOCATOR_COULD)
		return opens;
	if (r->claim == NULL && !quota_has_room(a, r, pool, wants_of(pool, families)))
		return ALLOCATOR_OVER_QUOTA;
	if (!find_families(a, r, pool, families, false, rng, ret))
		return ALLOCATOR_FULL;
	if (within_quota(a, r, pool, ip_list_lend(ret)))
		return ALLOCATOR_COULD;
	/* What another Service of the namespace holds already counts no more when it is shared. */
	if (r->claim != NULL && find_families(a, r, pool, families, true, rng, ret) &&
	    within_quota(a, r, pool, ip_list_lend(ret)))
		return ALLOCATOR_COULD;
	return ALLOCATOR_OVER_QUOTA;
}

/*
 * The same in earnest: where an IPAM server knows which addresses are free, it is asked. A quota
 * has to let one more pass before, that none is offered in vain.
 */
static bool pick_from(struct allocator *a, struct record *r, struct pool_book *pool,
		      unsigned families, struct ip_list *ret)
{
	bool has_ipam = pool_has_ipam(pool->pool);
	struct ip_list list;
	enum allocator_answer answer =
		pool_offer(a, r, pool, families, has_ipam ? NULL : &a->rng, &list);

	if (has_ipam)
		return (answer == ALLOCATOR_COULD || answer == ALLOCATOR_FULL) &&
		       ipam_pick(a, r, pool, families, ret);
	if (answer == ALLOCATOR_COULD)
		*ret = list;
	return answer == ALLOCATOR_COULD;
}

/* The same from the first of @pools that can; never from two. Ends where an answer is due. */
static bool pick_among(struct allocator *a, struct record *r, struct pool_book *const *pools,
		       size_t count, unsigned families, struct ip_list *ret)
{
	for (size_t i = 0; i < count && !r->ipam_waits; i++) {
		if (pick_from(a, r, pools[i], families, ret))
			return true;
	}
	return false;
}

/* With PreferDualStack one address will do: of the Service's first family, else of the other. */
bool pick(struct allocator *a, struct record *r, struct pool_book *const *pools, size_t count,
	  unsigned families, struct ip_list *ret)
{
	const struct service *s = r->service;

	if (pick_among(a, r, pools, count, families, ret))
		return true;
	if (families != FAMILIES_BOTH || s->family_policy != FAMILY_PREFER_DUAL)
		return false;
	unsigned first = s->family_count > 0 ? family_bit(s->families[0]) : FAMILIES_V4;
	return pick_among(a, r, pools, count, first, ret) ||
	       pick_among(a, r, pools, count, FAMILIES_BOTH & ~first, ret);
}

bool pick_anywhere(struct allocator *a, struct record *r, unsigned families, struct ip_list *ret)
{
	static const enum pool_list order[] = { POOLS_PINNED, POOLS_OPEN };

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		size_t count;
		struct pool_book *const *pools =
			pools_list(ledger_pools(a->ledger), order[i], &count);

		if (pick(a, r, pools, count, families, ret))
			return true;
	}
	return false;
}

/* --- whether addresses may be held --------------------------------------------------- */

/* No pool gives @ip out, not even @p, in which it lies (or NULL). */
static enum allocator_answer why_nowhere(const struct pool *p, const struct ip_addr *ip, char *why)
{
	char text[IP_TEXT_MAX];

	ip_format(ip, text);
	if (p == NULL) {
		why_add(why, "%s is in no pool", text);
		return ALLOCATOR_ELSEWHERE;
	}
	if (pool_excludes(p, ip))
		why_add(why, "%s is excluded from pool \"%s\"", text, p->name);
	else
		why_add(why, "%s ends in 0 or 255, which pool \"%s\" avoids", text, p->name);
	return ALLOCATOR_EXCLUDED;
}

/* Does @r hold @ip? */
static bool is_held(const struct record *r, const struct ip_addr *ip)
{
	return ips_have(ip_kept_lend(r->held), ip);
}

void why_drain(const struct pool *p, char *why)
{
	why_add(why, "pool \"%s\" is drained and gives out nothing new", p->name);
}

void why_quota(const struct record *r, const struct pool *p, char *why)
{
	why_add(why, "pool \"%s\" has a quota of %llu for namespace \"%s\", which is used up%s",
		p->name, (unsigned long long)pool_quota(p, r->holder.ns), r->holder.ns,
		p->reserve_ns > 0 ? " (addresses that are kept for deleted Services count)" : "");
}

enum allocator_answer address_answer(const struct allocator *a, const struct record *r,
				     const struct ip_addr *ip, bool keeps,
				     const struct pool_book **ret_pool, char *why)
{
	const struct pool_book *in = pools_place(ledger_pools(a->ledger), ip).pool;
	char text[IP_TEXT_MAX];

	if (in == NULL)
		return why_nowhere(config_pool_of(a->config, ip, true), ip, why);
	enum allocator_answer admits = pool_admits(a, r, in->pool);
	if (admits != ALLOCATOR_COULD) {
		why_add(why, "%s is refused: ", ip_format(ip, text));
		why_shut_out(r, in->pool, admits, why);
		return admits;
	}
	if (in->pool->drain && !keeps && !is_held(r, ip)) {
		why_add(why, "%s is refused: ", ip_format(ip, text));
		why_drain(in->pool, why);
		return ALLOCATOR_DRAINING;
	}
	const struct holder *other = ledger_blocker(a->ledger, ip, &r->holder, r->claim);
	if (other != NULL) {
		bool kept = reserve_keeps(record_of(other), ip);
		char apart[128] = "";

		if (!kept)
			claim_apart(r->claim, ledger_use(other, ip)->claim, apart, sizeof(apart));
		why_add(why, "%s is %s %s/%s%s", ip_format(ip, text), kept ? "kept for" : "held by",
			other->ns, other->name, apart);
		return ALLOCATOR_TAKEN;
	}
	if (ret_pool != NULL)
		*ret_pool = in;
	return ALLOCATOR_COULD;
}

/* Are the families of @ips what the Service needs? */
static bool families_do(struct ips ips, unsigned families, bool single, char *why)
{
	unsigned have = 0;

	for (unsigned i = 0; i < ips.count; i++)
		have |= family_bit(ips.items[i].family);
	if (have == families || (single && have != 0))
		return true;
	why_add(why, "the Service needs %s, not %s%s", families_text(families), families_text(have),
		families == FAMILIES_BOTH ? " alone" : "");
	return false;
}

/* Two addresses of one family go together only in a pool with perRange, out of two ranges. */
static bool two_go_together(const struct allocator *a, const struct pool_book *pool,
			    const struct ip_addr *x, const struct ip_addr *y, unsigned families,
			    char *why)
{
	char text[2][IP_TEXT_MAX];

	if (x->family != y->family)
		return true;
	if (!pool->pool->per_range) {
		why_add(why, "the Service needs %s, not two of one family",
			families_text(families));
		return false;
	}
	if (pools_place(ledger_pools(a->ledger), x).range !=
	    pools_place(ledger_pools(a->ledger), y).range)
		return true;
	why_add(why, "%s and %s are in one range, of which pool \"%s\" gives one address",
		ip_format(x, text[0]), ip_format(y, text[1]), pool->pool->name);
	return false;
}

bool may_hold(const struct allocator *a, const struct record *r, struct ips ips, unsigned families,
	      bool single, bool keeps, char *why)
{
	const struct pool_book *first = NULL, *pool;
	bool has_new = false;

	if (!families_do(ips, families, single, why))
		return false;
	for (unsigned i = 0; i < ips.count; i++) {
		if (address_answer(a, r, &ips.items[i], keeps, &pool, why) != ALLOCATOR_COULD)
			return false;
		if (first != NULL && pool != first) {
			why_add(why, "the addresses are in two pools, \"%s\" and \"%s\"",
				first->pool->name, pool->pool->name);
			return false;
		}
		first = pool;
		for (unsigned k = 0; k < i; k++) {
			if (!two_go_together(a, pool, &ips.items[k], &ips.items[i], families, why))
				return false;
		}
		has_new = has_new || !is_held(r, &ips.items[i]);
	}
	if (has_new && !keeps && !within_quota(a, r, first, ips)) {
		why_quota(r, first->pool, why);
		return false;
	}
	return true;
}

bool may_keep_some(const struct allocator *a, const struct record *r, struct ips ips,
		   unsigned families, bool single, struct ip_list *ret)
{
	const struct pool_book *first = NULL, *pool;
	struct ip_list list = { .count = 0 };
	char ignored[WHY_MAX] = "";

	for (unsigned i = 0; i < ips.count; i++) {
		const struct ip_addr *ip = &ips.items[i];
		bool fits = (families & family_bit(ip->family)) != 0 &&
			    address_answer(a, r, ip, true, &pool, ignored) == ALLOCATOR_COULD &&
			    (first == NULL || pool == first);

		for (unsigned k = 0; fits && k < list.count; k++)
			fits = two_go_together(a, pool, &list.ips[k], ip, families, ignored);
		if (!fits)
			continue;
		first = pool;
		list.ips[list.count++] = *ip;
	}
	if (first == NULL || !(first->pool->per_range || families_of(ips) == 0) ||
	    !may_hold(a, r, ip_list_lend(&list), families, single, true, ignored))
		return false;
	*ret = list;
	return true;
}

static bool list_has_family(const struct ip_list *list, uint8_t family)
{
	for (unsigned i = 0; i < list->count; i++) {
		if (list->ips[i].family == family)
			return true;
	}
	return false;
}

static bool list_has_range(const struct allocator *a, const struct ip_list *list, uint8_t family,
			   size_t range)
{
	for (unsigned i = 0; i < list->count; i++) {
		if (list->ips[i].family == family &&
		    pools_place(ledger_pools(a->ledger), &list->ips[i]).range == range)
			return true;
	}
	return false;
}

/* Append one address that @s finds. */
static enum allocator_answer complete_one(struct allocator *a, struct record *r,
					  const struct ledger_search *s, struct ip_list *list)
{
	struct ip_list more;

	if (pool_has_ipam(s->pool->pool)) { /* which gives no address of each range */
		if (!quota_has_room(a, r, s->pool, list->count + 1))
			return ALLOCATOR_OVER_QUOTA;
		if (!pick_from(a, r, s->pool, family_bit(s->family), &more))
			return ALLOCATOR_FULL;
		list->ips[list->count++] = more.ips[0];
		return ALLOCATOR_COULD;
	}
	if (list->count == IP_LIST_MAX ||
	    !ledger_next(a->ledger, s, &a->rng, &list->ips[list->count]))
		return ALLOCATOR_FULL;
	list->count++;
	if (within_quota(a, r, s->pool, ip_list_lend(list)))
		return ALLOCATOR_COULD;
	list->count--;
	return ALLOCATOR_OVER_QUOTA;
}

enum allocator_answer pool_complete(struct allocator *a, struct record *r, struct pool_book *pool,
				    unsigned families, struct ip_list *list, unsigned *ret_lacking)
{
	struct ledger_search s = { .pool = pool, .holder = &r->holder, .claim = r->claim };
	enum allocator_answer answer = ALLOCATOR_COULD;

	*ret_lacking = 0;
	for (unsigned bit = FAMILIES_V4; bit <= FAMILIES_V6; bit <<= 1) {
		if (!(families & bit))
			continue;
		s.family = bit == FAMILIES_V6 ? IP_V6 : IP_V4;
		size_t ranges = pool_side(pool, s.family)->range_count;
		size_t count = pool->pool->per_range ? ranges : 1;

		if (ranges == 0) {
			answer = ALLOCATOR_NO_FAMILY;
			*ret_lacking |= bit;
		}
		for (size_t i = 0; i < count && ranges > 0; i++) {
			s.range = pool->pool->per_range ? i : RANGE_ANY;
			if (pool->pool->per_range ? list_has_range(a, list, s.family, i)
						  : list_has_family(list, s.family))
				continue;
			enum allocator_answer one = pool->pool->drain
							    ? ALLOCATOR_DRAINING
							    : complete_one(a, r, &s, list);
			if (one != ALLOCATOR_COULD) {
				answer = one;
				*ret_lacking |= bit;
			}
		}
	}
	return answer;
}
