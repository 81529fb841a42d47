// SPDX-License-Identifier: Apache-2.0
#include "allocator/pick.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "allocator/ipam_link.h"

void why_add(char *why, const char *fmt, ...)
{
	size_t len = strlen(why);
	va_list args;

	va_start(args, fmt);
	vsnprintf(why + len, WHY_MAX - len, fmt, args);
	va_end(args);
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

/* One address of each of @families from @pool, IPv4 first. */
static bool pick_from(struct allocator *a, struct record *r, struct pool_book *pool,
		      unsigned families, struct ip_list *ret)
{
	struct ip_list list = { .count = 0 };

	if (pool_admits(a, r, pool->pool) != ALLOCATOR_COULD)
		return false;
	if (pool_has_ipam(pool->pool))
		return ipam_pick(a, r, pool, families, ret);
	if (families & FAMILIES_V4 &&
	    !ledger_first(a->ledger, pool, IP_V4, &r->holder, r->claim, &list.ips[list.count++]))
		return false;
	if (families & FAMILIES_V6 &&
	    !ledger_first(a->ledger, pool, IP_V6, &r->holder, r->claim, &list.ips[list.count++]))
		return false;
	*ret = list;
	return true;
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

enum allocator_answer address_answer(const struct allocator *a, const struct record *r,
				     const struct ip_addr *ip, const struct pool **ret_pool,
				     char *why)
{
	const struct pool_book *in = pools_place(ledger_pools(a->ledger), ip).pool;
	char text[IP_TEXT_MAX];

	ip_format(ip, text);
	if (in == NULL)
		return why_nowhere(config_pool_of(a->config, ip, true), ip, why);
	enum allocator_answer admits = pool_admits(a, r, in->pool);
	if (admits != ALLOCATOR_COULD) {
		why_add(why, "%s is refused: ", text);
		why_shut_out(r, in->pool, admits, why);
		return admits;
	}
	const struct holder *other = ledger_blocker(a->ledger, ip, &r->holder, r->claim);
	if (other != NULL) {
		why_add(why, "%s is held by %s/%s%s", text, other->ns, other->name,
			r->claim != NULL ? ", which does not share it with this Service" : "");
		return ALLOCATOR_TAKEN;
	}
	if (ret_pool != NULL)
		*ret_pool = in->pool;
	return ALLOCATOR_COULD;
}

bool may_hold(const struct allocator *a, const struct record *r, struct ips ips, unsigned families,
	      bool single, char *why)
{
	unsigned have = families_of(ips);
	const struct pool *first = NULL, *pool;

	if (have != families && !(single && have != 0)) {
		why_add(why, "the Service needs %s", families_text(families));
		if (have == 0)
			why_add(why, ", not two of one family");
		else
			why_add(why, ", not %s%s", families_text(have),
				families == FAMILIES_BOTH ? " alone" : "");
		return false;
	}
	for (unsigned i = 0; i < ips.count; i++) {
		if (address_answer(a, r, &ips.items[i], &pool, why) != ALLOCATOR_COULD)
			return false;
		if (first != NULL && pool != first) {
			why_add(why, "the addresses are in two pools, \"%s\" and \"%s\"",
				first->name, pool->name);
			return false;
		}
		first = pool;
	}
	return true;
}

/* --- what is asked for --------------------------------------------------------------- */

/* Read a list of one or two addresses; false and why when it is not that. */
static bool request_parse(const char *text, struct ip_list *ret, char *why)
{
	struct ip_list list = { .count = 0 };

	for (const char *at = text; at != NULL;) {
		const char *comma = strchr(at, ',');
		size_t len = comma != NULL ? (size_t)(comma - at) : strlen(at);
		char word[IP_TEXT_MAX];

		while (len > 0 && strchr(" \t\n", *at) != NULL) {
			at++;
			len--;
		}
		while (len > 0 && strchr(" \t\n", at[len - 1]) != NULL)
			len--;
		if (list.count == 2) {
			why_add(why, "more than two addresses are requested: \"%.100s\"", text);
			return false;
		}
		if (len >= sizeof(word))
			len = sizeof(word) - 1; /* too long for an address in any case */
		memcpy(word, at, len);
		word[len] = '\0';
		if (ip_parse(word, &list.ips[list.count]) != 0) {
			why_add(why, "invalid requested address \"%s\"", word);
			return false;
		}
		list.count++;
		at = comma != NULL ? comma + 1 : NULL;
	}
	if (families_of(ip_list_lend(&list)) == 0) {
		why_add(why, "two addresses of one family are requested: \"%.100s\"", text);
		return false;
	}
	*ret = list;
	return true;
}

bool request_of(const struct service *s, struct ip_list *ret, char *why)
{
	bool spec = s->lb_ip != NULL && s->lb_ip[0] != '\0';

	ret->count = 0;
	if (s->requested_ips != NULL && spec) {
		why_add(why, "both spec.loadBalancerIP and annotation metallb.io/loadBalancerIPs "
			     "are set");
		return false;
	}
	if (s->requested_ips != NULL)
		return request_parse(s->requested_ips, ret, why);
	return !spec || request_parse(s->lb_ip, ret, why);
}
