// SPDX-License-Identifier: Apache-2.0
#include "allocator/ipam_link.h"

#include <string.h>

#include "allocator/ipam.h"
#include "lib/base/intern.h"
#include "lib/base/must.h"

static struct ipam_who who_of(const struct record *r)
{
	return (struct ipam_who){ r->holder.ns, r->holder.name, r->service->meta.uid };
}

/* --- choosing ------------------------------------------------------------------------ */

/* Put what @r has or shares in @pool into @list; the families that are left to ask for. */
static unsigned known(const struct allocator *a, const struct record *r, struct pool_book *pool,
		      unsigned families, struct ip_list *list)
{
	struct ledger_search s = { .pool = pool,
				   .range = RANGE_ANY,
				   .holder = &r->holder,
				   .claim = r->claim,
				   .in_use = true };

	for (unsigned bit = FAMILIES_V4; bit <= FAMILIES_V6; bit <<= 1) {
		s.family = bit == FAMILIES_V6 ? IP_V6 : IP_V4;
		if (families & bit && ledger_first(a->ledger, &s, &list->ips[list->count])) {
			list->count++;
			families &= ~bit;
		}
	}
	return families;
}

/* May @r take what the server of @pool offers? False and why. */
static bool may_take(const struct allocator *a, const struct record *r, struct pool_book *pool,
		     struct ips ips, char *why)
{
	for (unsigned i = 0; i < ips.count; i++) {
		const struct pool_book *in = NULL;
		char ip[IP_TEXT_MAX], said[WHY_MAX] = "";

		ip_format(&ips.items[i], ip);
		if (address_answer(a, r, &ips.items[i], false, &in, said) != ALLOCATOR_COULD) {
			why_add(why, "%s, but %s", ip, said);
			return false;
		}
		if (in != pool) {
			why_add(why, "%s, which is in pool \"%s\"", ip, in->pool->name);
			return false;
		}
	}
	return true;
}

/* Ask for @wish; true when *ret is offered and good. */
static bool ask(struct allocator *a, struct record *r, struct pool_book *pool,
		struct ipam_wish wish, struct ip_list *ret)
{
	struct ipam_who who = who_of(r);
	char why[WHY_MAX] = "";

	switch (ipam_ask(a->ipam, pool->pool, &who, wish, ret)) {
	case IPAM_OFFERED:
		if (may_take(a, r, pool, ip_list_lend(ret), why))
			return true;
		ipam_reject(a->ipam, pool->pool, &who, wish, why);
		return false;
	case IPAM_WAITING:
		r->ipam_waits = true;
		ipam_why(a->ipam, pool->pool, &who, wish, &r->ipam_away);
		return false;
	case IPAM_DENIED:
	case IPAM_NO_HOOK:
		break;
	}
	return false;
}

bool ipam_pick(struct allocator *a, struct record *r, struct pool_book *pool, unsigned families,
	       struct ip_list *ret)
{
	struct ip_list list = { .count = 0 }, offer = { .count = 0 };

	unsigned missing = known(a, r, pool, families, &list);
	if (missing != 0 && !ask(a, r, pool, (struct ipam_wish){ missing, { NULL, 0 } }, &offer))
		return false;
	for (unsigned i = 0; i < offer.count; i++)
		list.ips[list.count++] = offer.ips[i];
	if (list.count == 2 && list.ips[0].family == IP_V6) { /* IPv4 first */
		struct ip_addr v6 = list.ips[0];

		list.ips[0] = list.ips[1];
		list.ips[1] = v6;
	}
	*ret = list;
	return true;
}

/* Those of @ips that are in nobody's hands. */
static struct ip_list unheld(const struct allocator *a, struct ips ips)
{
	struct ip_list list = { .count = 0 };

	for (unsigned i = 0; i < ips.count; i++) {
		if (!ledger_has(a->ledger, &ips.items[i]))
			list.ips[list.count++] = ips.items[i];
	}
	return list;
}

bool ipam_grants(struct allocator *a, struct record *r, struct ips ips, char *why)
{
	struct pool_book *pool = pools_place(ledger_pools(a->ledger), &ips.items[0]).pool;
	struct ip_list left = unheld(a, ips), offer;

	if (!pool_has_ipam(pool->pool) || left.count == 0 ||
	    ask(a, r, pool, (struct ipam_wish){ 0, ip_list_lend(&left) }, &offer))
		return true;
	ipam_grants_answer(a, r, pool, ips, why);
	return false;
}

/* --- explaining ---------------------------------------------------------------------- */

/* What has become of one wish. ALLOCATOR_COULD and nothing said when there is no such wish. */
static enum allocator_answer wish_answer(const struct allocator *a, const struct record *r,
					 const struct pool *pool, struct ipam_wish wish, char *why)
{
	struct ipam_who who = who_of(r);
	enum ipam_verdict verdict;
	bool away;
	const char *said = ipam_why(a->ipam, pool, &who, wish, &away);

	verdict = ipam_verdict(a->ipam, pool, &who, wish);
	if (verdict != IPAM_WAITING && verdict != IPAM_DENIED)
		return ALLOCATOR_COULD;
	why_add(why, "pool \"%s\" %s", pool->name, said);
	return verdict == IPAM_WAITING ? ALLOCATOR_IPAM_WAITS : ALLOCATOR_IPAM_REFUSED;
}

enum allocator_answer ipam_pick_answer(const struct allocator *a, const struct record *r,
				       struct pool_book *pool, unsigned families, char *why)
{
	bool either = families == FAMILIES_BOTH && r->service->family_policy == FAMILY_PREFER_DUAL;
	const unsigned tries[] = { families, FAMILIES_V4, FAMILIES_V6 };
	enum allocator_answer answer = ALLOCATOR_COULD;

	/* The last of the wishes that it had: it was made because those before were denied. */
	for (size_t i = either ? 3 : 1; i-- > 0 && answer == ALLOCATOR_COULD;) {
		struct ip_list ignored = { .count = 0 };
		unsigned missing = known(a, r, pool, tries[i], &ignored);

		answer = wish_answer(a, r, pool->pool, (struct ipam_wish){ missing, { NULL, 0 } },
				     why);
	}
	if (answer == ALLOCATOR_COULD)
		why_add(why, "pool \"%s\" would ask its IPAM", pool->pool->name);
	return answer;
}

enum allocator_answer ipam_grants_answer(const struct allocator *a, const struct record *r,
					 struct pool_book *pool, struct ips ips, char *why)
{
	struct ip_list left = unheld(a, ips);

	return wish_answer(a, r, pool->pool, (struct ipam_wish){ 0, ip_list_lend(&left) }, why);
}

/* --- decisions ----------------------------------------------------------------------- */

void ipam_link_begin(struct allocator *a, struct record *r)
{
	r->ipam_waits = r->ipam_away = false;
	if (r->service != NULL) {
		struct ipam_who who = who_of(r);

		ipam_begin(a->ipam, &who);
	}
}

void ipam_link_end(struct allocator *a, struct record *r, struct allocator_actions *out)
{
	const struct pool *pool = r->pool != NULL ? config_pool(a->config, r->pool) : NULL;
	struct ip_addr ip;
	const char *why;

	if (r->service == NULL)
		return;
	struct ipam_who who = who_of(r);
	if (pool != NULL && pool_has_ipam(pool) &&
	    ipam_hold(a->ipam, pool, &who, ip_kept_lend(r->held), &ip, &why)) {
		char text[IP_TEXT_MAX];

		allocator_say(out, r, true, "IPAMRefused",
			      "Keeps %s, which the IPAM of pool \"%s\" does not agree to%s%s",
			      ip_format(&ip, text), pool->name, why[0] != '\0' ? ": " : "", why);
	}
	ipam_end(a->ipam, &who);
}

void ipam_link_gone(struct allocator *a, const struct record *r)
{
	if (r->service == NULL)
		return;
	struct ipam_who who = who_of(r);
	ipam_begin(a->ipam, &who);
	ipam_end(a->ipam, &who);
}

/* --- the run ------------------------------------------------------------------------- */

/* No two clusters have a namespace kube-system with the same UID, and none makes it anew. */
static void name_cluster(struct allocator *a)
{
	static const char *const names[] = { "kube-system", "default" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *uid = allocator_namespace_uid(a, names[i]);

		if (uid != NULL) {
			ipam_set_cluster(a->ipam, uid);
			return;
		}
	}
}

void ipam_link_tick(struct allocator *a, uint64_t now_ns)
{
	name_cluster(a);
	ipam_tick(a->ipam, now_ns);
}

void ipam_link_calls(struct allocator *a, uint64_t now_ns, struct allocator_actions *out)
{
	struct ipam_calls calls = { 0 };

	ipam_calls(a->ipam, now_ns, &calls);
	for (size_t i = 0; i < calls.count; i++) {
		struct allocator_action *act = must(array_push(out));

		act->type = ALLOCATOR_IPAM;
		act->ipam = calls.items[i];
	}
	array_free(&calls);
}

void allocator_ipam_answered(struct allocator *a, uint64_t call, const struct ipam_answer *answer,
			     uint64_t now_ns)
{
	ipam_answered(a->ipam, call, answer, now_ns);
}

void allocator_ipam_hooks(const struct allocator *a,
			  void (*each)(void *arg, const struct ipam_hook_view *view), void *arg)
{
	ipam_hooks(a->ipam, each, arg);
}

/* --- what the client asks of the engine ---------------------------------------------- */

static bool in_use(void *arg, const struct ip_addr *ip)
{
	const struct allocator *a = arg;

	return ledger_has(a->ledger, ip);
}

static void on_changed(void *arg, const struct ipam_who *who)
{
	struct allocator *a = arg;
	struct record *r = record_find(a, who->ns, who->name);

	if (r != NULL && r->service != NULL)
		record_mark(a, r);
}

static void on_pool_changed(void *arg, const char *pool)
{
	struct allocator *a = arg;
	struct record *r;

	RB_FOREACH (r, record_tree, &a->records) {
		if (r->pool == pool) /* both are interned */
			record_mark(a, r);
	}
}

static void on_freed(void *arg, const struct ip_addr *ip)
{
	const struct allocator *a = arg;

	ipam_freed(a->ipam, ip);
}

struct ipam *ipam_link_new(struct allocator *a, uint64_t seed)
{
	static const struct ipam_ops ops = { in_use, on_changed, on_pool_changed };

	ledger_on_freed(a->ledger, on_freed, a);
	return ipam_new(&ops, a, seed);
}
