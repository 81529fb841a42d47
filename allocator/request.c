// SPDX-License-Identifier: Apache-2.0
#include "allocator/request.h"

#include <string.h>

#include "lib/base/utf8.h"

/* --- reading ---------------------------------------------------------------------------- */

/* One address of @len bytes without the blanks around it. */
static bool word_parse(const char *at, size_t len, struct ip_addr *ret, char *why)
{
	char word[IP_TEXT_MAX];

	while (len > 0 && strchr(" \t\n", *at) != NULL) {
		at++;
		len--;
	}
	while (len > 0 && strchr(" \t\n", at[len - 1]) != NULL)
		len--;
	if (len >= sizeof(word)) /* too long for an address in any case */
		len = utf8_whole(at, sizeof(word) - 1);
	memcpy(word, at, len);
	word[len] = '\0';
	if (ip_parse(word, ret) == 0)
		return true;
	why_add(why, "invalid requested address \"%s\"", word);
	return false;
}

#define TOLD_MAX 100 /* bytes of what somebody wrote */

static int told(const char *text)
{
	size_t len = strnlen(text, TOLD_MAX + 1);

	return (int)(len > TOLD_MAX ? utf8_whole(text, TOLD_MAX) : len);
}

static bool request_parse(const char *text, bool many, struct ip_list *ret, char *why)
{
	struct ip_list list = { .count = 0 };

	for (const char *at = text; at != NULL;) {
		const char *comma = strchr(at, ',');
		size_t len = comma != NULL ? (size_t)(comma - at) : strlen(at);

		if (list.count == (many ? IP_LIST_MAX : 2)) {
			why_add(why, "more than %s addresses are requested: \"%.*s\"",
				many ? "32" : "two", told(text), text);
			return false;
		}
		if (!word_parse(at, len, &list.ips[list.count], why))
			return false;
		list.count++;
		at = comma != NULL ? comma + 1 : NULL;
	}
	if (!many && families_of(ip_list_lend(&list)) == 0) {
		why_add(why, "two addresses of one family are requested: \"%.*s\"", told(text),
			text);
		return false;
	}
	*ret = list;
	return true;
}

bool request_of(const struct service *s, bool many, struct ip_list *ret, char *why)
{
	bool spec = s->lb_ip != NULL && s->lb_ip[0] != '\0';

	ret->count = 0;
	if (s->requested_ips != NULL && spec) {
		why_add(why, "both spec.loadBalancerIP and annotation metallb.io/loadBalancerIPs "
			     "are set");
		return false;
	}
	if (s->requested_ips != NULL)
		return request_parse(s->requested_ips, many, ret, why);
	return !spec || request_parse(s->lb_ip, many, ret, why);
}

/* --- host parts ------------------------------------------------------------------------- */

/* 0.0.0.1 to 0.255.255.255; ::1 to ::ffff:ffff:ffff:ffff, less the IPv4-mapped addresses. */
static bool looks_like_host_part(const struct ip_addr *ip)
{
	u128 n = ip_to_number(ip);

	return n != 0 && n >> (ip->family == IP_V4 ? 24 : 64) == 0 &&
	       !(ip->family == IP_V6 && n >> 32 == 0xffff);
}

/* Is @ip a host part, to those who know the pools of @a? */
static bool is_host_part(const struct allocator *a, const struct ip_addr *ip)
{
	return looks_like_host_part(ip) && config_pool_of(a->config, ip, true) == NULL;
}

bool request_has_host_part(const struct allocator *a, const struct ip_list *request)
{
	for (unsigned i = 0; i < request->count; i++) {
		if (is_host_part(a, &request->ips[i]))
			return true;
	}
	return false;
}

/*
 * How long the part is that all addresses of a range have in common: as written, or of FIRST-LAST
 * what both ends begin with, in whole octets, or groups of an IPv6 address, and never all of it.
 */
static unsigned range_prefix_len(const struct pool_range *r)
{
	unsigned bits = ip_bits(r->range.first.family), step = bits == 32 ? 8 : 16, len = 0;
	u128 differ = ip_to_number(&r->range.first) ^ ip_to_number(&r->range.last);
	struct ip_prefix p;

	if (ip_prefix_parse(r->text, &p) == 0)
		return p.len;
	while (len + step < bits && differ >> (bits - len - step) == 0)
		len += step;
	return len;
}

/* The address of @r that ends in @host. False when it has none. */
static bool range_host(const struct pool_range *r, const struct ip_addr *host, struct ip_addr *ret)
{
	if (r->range.first.family != host->family)
		return false;
	struct ip_prefix p = ip_prefix_of(&r->range.first, (uint8_t)range_prefix_len(r));
	u128 number = ip_to_number(host);
	unsigned bits = ip_bits(host->family) - p.len;

	if (bits < 128 && number >> bits != 0)
		return false;
	struct ip_addr ip = ip_from_number(host->family, ip_to_number(&p.addr) | number);
	if (!ip_range_contains(&r->range, &ip))
		return false;
	*ret = ip;
	return true;
}

/* Does @ip, in a pool of @a, end in @host? */
static bool ends_in(const struct allocator *a, const struct ip_addr *ip, const struct ip_addr *host)
{
	struct place place = pools_place(ledger_pools(a->ledger), ip);
	struct ip_addr is;

	return place.pool != NULL && ip->family == host->family &&
	       range_host(pool_side(place.pool, ip->family)->ranges[place.range].written, host,
			  &is) &&
	       ip_equal(&is, ip);
}

bool request_is_held(const struct allocator *a, const struct record *r,
		     const struct ip_list *request)
{
	struct ips held = ip_kept_lend(r->held);
	bool met[IP_LIST_MAX] = { false }; /* of held */

	if (held.count != request->count)
		return false;
	for (unsigned i = 0; i < request->count; i++) {
		const struct ip_addr *ip = &request->ips[i];
		bool host = is_host_part(a, ip);
		unsigned k = 0;

		while (k < held.count && (met[k] || !(host ? ends_in(a, &held.items[k], ip)
							   : ip_equal(&held.items[k], ip))))
			k++;
		if (k == held.count)
			return false;
		met[k] = true;
	}
	return true;
}

/* --- what a pool says ------------------------------------------------------------------- */

/* Does @list hold @ip, or with perRange another address of its range? */
static bool is_spoken_for(const struct ip_list *list, const struct pool *p,
			  const struct ip_range *range, const struct ip_addr *ip)
{
	for (unsigned i = 0; i < list->count; i++) {
		if (ip_equal(&list->ips[i], ip) ||
		    (p->per_range && ip_range_contains(range, &list->ips[i])))
			return true;
	}
	return false;
}

/* Append to @list the address that ends in @host: of the first range where it may be had. */
static enum allocator_answer host_offer(const struct allocator *a, const struct record *r,
					const struct pool_book *pool, const struct ip_addr *host,
					struct ip_list *list, char *why)
{
	const struct pool_ranges *ranges = &pool->pool->addresses;
	enum allocator_answer refusal = ALLOCATOR_ELSEWHERE;
	char text[IP_TEXT_MAX], against[WHY_MAX] = "";

	for (size_t i = 0; i < ranges->count; i++) {
		struct ip_addr ip;
		char no[WHY_MAX] = "";

		if (!range_host(&ranges->items[i], host, &ip) ||
		    is_spoken_for(list, pool->pool, &ranges->items[i].range, &ip))
			continue;
		enum allocator_answer answer = address_answer(a, r, &ip, false, NULL, no);
		if (answer == ALLOCATOR_COULD) {
			list->ips[list->count++] = ip;
			return ALLOCATOR_COULD;
		}
		if (refusal == ALLOCATOR_ELSEWHERE) { /* the first one tells */
			refusal = answer;
			why_add(against, "%s", no);
		}
	}
	if (refusal == ALLOCATOR_ELSEWHERE)
		why_add(why, "pool \"%s\" has no address that ends in %s", pool->pool->name,
			ip_format(host, text));
	else
		why_add(why, "%s", against);
	return refusal;
}

enum allocator_answer request_offer(const struct allocator *a, const struct record *r,
				    const struct pool_book *pool, const struct ip_list *request,
				    struct ip_list *ret, char *why)
{
	struct ip_list list = { .count = 0 };
	bool has_one = false;

	for (unsigned i = 0; i < request->count; i++) {
		const struct ip_addr *ip = &request->ips[i];
		enum allocator_answer answer = ALLOCATOR_COULD;

		if (is_host_part(a, ip)) {
			answer = host_offer(a, r, pool, ip, &list, why);
		} else if (!pool_contains(pool->pool, ip, true)) {
			continue; /* of another pool, as may_hold() will tell */
		} else {
			list.ips[list.count++] = *ip;
			answer = address_answer(a, r, ip, false, NULL, why);
		}
		if (answer != ALLOCATOR_COULD)
			return answer;
		has_one = true;
	}
	if (!has_one || list.count < request->count) {
		why_add(why, "pool \"%s\" does not have the requested address%s", pool->pool->name,
			has_one ? "es all" : "");
		return ALLOCATOR_ELSEWHERE;
	}
	if (!within_quota(a, r, pool, ip_list_lend(&list))) {
		why_quota(r, pool->pool, why);
		return ALLOCATOR_OVER_QUOTA;
	}
	*ret = list;
	return ALLOCATOR_COULD;
}

static bool pick_from(const struct allocator *a, const struct record *r,
		      const struct pool_book *pool, const struct ip_list *request,
		      unsigned families, struct ip_list *ret, char *why)
{
	return request_offer(a, r, pool, request, ret, why) == ALLOCATOR_COULD &&
	       may_hold(a, r, ip_list_lend(ret), families, false, false, why);
}

bool request_pick(const struct allocator *a, const struct record *r, struct pool_book *wanted,
		  const struct ip_list *request, unsigned families, struct ip_list *ret, char *why)
{
	static const enum pool_list order[] = { POOLS_PINNED, POOLS_OPEN };
	struct pool_book *only = wanted;

	/* A whole address beside the host part says which pool. */
	for (unsigned i = 0; only == NULL && i < request->count; i++) {
		if (!is_host_part(a, &request->ips[i]))
			only = pools_place(ledger_pools(a->ledger), &request->ips[i]).pool;
	}
	if (only != NULL)
		return pick_from(a, r, only, request, families, ret, why);
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		size_t count;
		struct pool_book *const *pools =
			pools_list(ledger_pools(a->ledger), order[i], &count);

		for (size_t k = 0; k < count; k++) {
			char ignored[WHY_MAX] = "";

			if (pick_from(a, r, pools[k], request, families, ret, ignored))
				return true;
		}
	}
	why_none(a, r, families, request, why);
	return false;
}
