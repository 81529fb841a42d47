// SPDX-License-Identifier: Apache-2.0
/*
 * What one Service should hold: MetalLB's section "Converging one Service", step by step,
 * with Bellman's departures (a change that cannot be met keeps what is there; nothing is
 * taken away because a source of pools is missing).
 *
 * Only the books and the record change here; that the status follows is engine.c's work.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "allocator/must.h"
#include "allocator/record.h"
#include "lib/base/intern.h"

/* Families as a set. */
enum { FAMILIES_V4 = 1, FAMILIES_V6 = 2, FAMILIES_BOTH = 3 };

#define WHY_MAX    512
#define POOLS_TOLD 4 /* in one sentence */

/* Why a Service does not get what it should, and the event that says so. */
struct problem {
	char why[WHY_MAX]; /* "": none */
	const char *event;
	bool warning;
};

static void __attribute__((format(printf, 2, 3))) why_add(char *why, const char *fmt, ...)
{
	size_t len = strlen(why);
	va_list args;

	va_start(args, fmt);
	vsnprintf(why + len, WHY_MAX - len, fmt, args);
	va_end(args);
}

static const char *families_text(unsigned families)
{
	static const char *const text[] = { "no family", "IPv4", "IPv6", "IPv4 and IPv6" };

	return text[families & FAMILIES_BOTH];
}

static unsigned family_bit(uint8_t family)
{
	return family == IP_V6 ? FAMILIES_V6 : FAMILIES_V4;
}

/* The set of families in a list; 0 when one is there twice. */
static unsigned families_of(const struct ip_addr *ips, unsigned count)
{
	unsigned families = 0;

	for (unsigned i = 0; i < count; i++) {
		if (families & family_bit(ips[i].family))
			return 0;
		families |= family_bit(ips[i].family);
	}
	return families;
}

static bool ip_list_has(const struct ip_list *l, const struct ip_addr *ip)
{
	for (unsigned i = 0; i < l->count; i++) {
		if (ip_equal(&l->ips[i], ip))
			return true;
	}
	return false;
}

static bool ip_list_same_set(const struct ip_list *a, const struct ip_list *b)
{
	if (a->count != b->count)
		return false;
	for (unsigned i = 0; i < a->count; i++) {
		if (!ip_list_has(b, &a->ips[i]))
			return false;
	}
	return true;
}

/* As Go prints a list of strings: ["192.0.2.1" "2001:db8::1"]. */
static const char *ip_list_text(const struct ip_list *l, char text[static WHY_MAX])
{
	char ip[IP_TEXT_MAX];

	strcpy(text, "[");
	for (unsigned i = 0; i < l->count; i++)
		why_add(text, "%s\"%s\"", i > 0 ? " " : "", ip_format(&l->ips[i], ip));
	why_add(text, "]");
	return text;
}

/* --- holding -------------------------------------------------------------------------------- */

/* @r holds @list from now on; what it held besides is leaving. */
static void hold(struct allocator *a, struct record *r, struct ip_list list)
{
	struct use *u;

	LIST_FOREACH (u, &r->holder.uses, of_holder)
		u->leaving = !ip_list_has(&list, use_ip(u));
	for (unsigned i = 0; i < list.count; i++)
		ledger_take(a->ledger, &list.ips[i], &r->holder, r->claim);
	r->held = list;

	const struct pool_book *pool =
		list.count > 0 ? pools_place(ledger_pools(a->ledger), &list.ips[0]).pool : NULL;
	const char *name = pool != NULL ? intern_ref(pool->pool->name) : NULL;
	intern_unref(r->pool);
	r->pool = name;
}

static void let_go(struct allocator *a, struct record *r)
{
	hold(a, r, (struct ip_list){ .count = 0 });
	r->shown_new = false;
}

/* Not ours to touch any more: out of the books at once, whatever its status shows. */
static void forget(struct allocator *a, struct record *r)
{
	let_go(a, r);
	while (!LIST_EMPTY(&r->holder.uses))
		ledger_drop(a->ledger, LIST_FIRST(&r->holder.uses));
	r->shown_new = true; /* if it becomes ours again, look anew */
	r->hands_off = true;
}

static void assign(struct allocator *a, struct record *r, struct ip_list list,
		   struct allocator_actions *out)
{
	char text[WHY_MAX];

	hold(a, r, list);
	allocator_say(out, r, false, "IPAllocated", "Assigned IP %s", ip_list_text(&list, text));
}

static void say_cleared(const struct record *r, const struct ip_list *list, const char *why,
			struct allocator_actions *out)
{
	char text[WHY_MAX];

	allocator_say(out, r, false, "ClearAssignment",
		      "Current IP %s can no longer be used, a new one will be tried: %s",
		      ip_list_text(list, text), why);
}

/* --- which pool ------------------------------------------------------------------------------ */

/* May @r use @p? (compatibility page 3.5; selectors that match no namespace let nobody in) */
static bool pool_serves(const struct allocator *a, const struct record *r, const struct pool *p)
{
	if (p->namespaces.count > 0 || p->namespace_selectors.count > 0) {
		const struct labels *labels;

		if (!names_contain(&p->namespaces, r->holder.ns) &&
		    ((labels = allocator_namespace_labels(a, r->holder.ns)) == NULL ||
		     !selectors_match(&p->namespace_selectors, labels)))
			return false;
	}
	return p->service_selectors.count == 0 ||
	       selectors_match(&p->service_selectors, &r->service->meta.labels);
}

/* One address of each of @families from @pool, IPv4 first. */
static bool pick_from(struct allocator *a, struct record *r, struct pool_book *pool,
		      unsigned families, struct ip_list *ret)
{
	struct ip_list list = { .count = 0 };

	if (!pool_serves(a, r, pool->pool))
		return false;
	if (families & FAMILIES_V4 &&
	    !ledger_first(a->ledger, pool, IP_V4, &r->holder, r->claim, &list.ips[list.count++]))
		return false;
	if (families & FAMILIES_V6 &&
	    !ledger_first(a->ledger, pool, IP_V6, &r->holder, r->claim, &list.ips[list.count++]))
		return false;
	*ret = list;
	return true;
}

/* The same from the first of @pools that can; never from two. */
static bool pick_among(struct allocator *a, struct record *r, struct pool_book *const *pools,
		       size_t count, unsigned families, struct ip_list *ret)
{
	for (size_t i = 0; i < count; i++) {
		if (pick_from(a, r, pools[i], families, ret))
			return true;
	}
	return false;
}

/* With PreferDualStack one address will do: of the Service's first family, else of the other. */
static bool pick(struct allocator *a, struct record *r, struct pool_book *const *pools,
		 size_t count, unsigned families, struct ip_list *ret)
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

static bool pick_anywhere(struct allocator *a, struct record *r, unsigned families,
			  struct ip_list *ret)
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

/* Why @pool gave nothing, as the end of a sentence that begins with its name. */
static void why_pool(const struct allocator *a, const struct record *r, struct pool_book *pool,
		     unsigned families, char *why)
{
	why_add(why, "pool \"%s\" ", pool->pool->name);
	if (!pool_serves(a, r, pool->pool)) {
		why_add(why, "is not for this Service");
		return;
	}
	for (unsigned bit = FAMILIES_V4; bit <= FAMILIES_V6; bit <<= 1) {
		uint8_t family = bit == FAMILIES_V6 ? IP_V6 : IP_V4;
		struct ip_addr ip;

		if (!(families & bit))
			continue;
		if (pool_side(pool, family)->span_count == 0) {
			why_add(why, "has no %s addresses", families_text(bit));
			return;
		}
		if (!ledger_first(a->ledger, pool, family, &r->holder, r->claim, &ip)) {
			why_add(why, "has no free %s address", families_text(bit));
			return;
		}
	}
}

static void why_none(const struct allocator *a, const struct record *r, unsigned families,
		     char *why)
{
	size_t count, told = 0;
	struct pool_book *const *pools = pools_list(ledger_pools(a->ledger), POOLS_ALL, &count);

	why_add(why, "no available IPs: ");
	for (size_t i = 0; i < count && told < POOLS_TOLD; i++, told++) {
		why_add(why, "%s", told > 0 ? "; " : "");
		if (!pools[i]->pool->auto_assign)
			why_add(why, "pool \"%s\" is only used on request", pools[i]->pool->name);
		else
			why_pool(a, r, pools[i], families, why);
	}
	if (told < count)
		why_add(why, "; and %zu more pools", count - told);
}

/* --- whether addresses may be held ----------------------------------------------------------- */

/*
 * Why @r may not hold @list, into @why; returns true when it may (compatibility page 3.4).
 * @families: of its cluster IPs. @single: one of two families will do.
 */
static bool may_hold(const struct allocator *a, const struct record *r, const struct ip_list *list,
		     unsigned families, bool single, char *why)
{
	unsigned have = families_of(list->ips, list->count);
	const struct pool *pool = NULL;
	char ip[IP_TEXT_MAX];

	if (have != families && !(single && have != 0)) {
		why_add(why, "the Service needs %s", families_text(families));
		if (have == 0)
			why_add(why, ", not two of one family");
		else
			why_add(why, ", not %s%s", families_text(have),
				families == FAMILIES_BOTH ? " alone" : "");
		return false;
	}
	for (unsigned i = 0; i < list->count; i++) {
		const struct pool_book *in =
			pools_place(ledger_pools(a->ledger), &list->ips[i]).pool;

		ip_format(&list->ips[i], ip);
		if (in == NULL) {
			why_add(why, "%s is in no pool, or excluded there", ip);
			return false;
		}
		if (pool != NULL && in->pool != pool) {
			why_add(why, "the addresses are in two pools, \"%s\" and \"%s\"",
				pool->name, in->pool->name);
			return false;
		}
		pool = in->pool;
		if (!pool_serves(a, r, pool)) {
			why_add(why, "%s is in pool \"%s\", which is not for this Service", ip,
				pool->name);
			return false;
		}
		const struct holder *other =
			ledger_blocker(a->ledger, &list->ips[i], &r->holder, r->claim);
		if (other != NULL) {
			why_add(why, "%s is held by %s/%s%s", ip, other->ns, other->name,
				r->claim != NULL ? ", which does not share it with this Service"
						 : "");
			return false;
		}
	}
	return true;
}

/* --- what is asked for ------------------------------------------------------------------------ */

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
	if (families_of(list.ips, list.count) == 0) {
		why_add(why, "two addresses of one family are requested: \"%.100s\"", text);
		return false;
	}
	*ret = list;
	return true;
}

/* What the Service asks for; count 0 for nothing in particular. */
static bool request_of(const struct service *s, struct ip_list *ret, char *why)
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

/* --- the steps ----------------------------------------------------------------------------------
 */

/* The families that the cluster IPs call for; 0 and a problem when they call for nothing. */
static unsigned step_families(const struct service *s, struct problem *p)
{
	unsigned families = families_of(s->cluster_ips, s->cluster_ip_count);

	p->event = "AllocationFailed";
	p->warning = true;
	if (s->headless) {
		why_add(p->why, "a headless Service (clusterIP: None) gets no address");
	} else if (s->cluster_ip_count == 0) {
		why_add(p->why, "the Service has no cluster IP yet");
	} else if (s->family_policy == FAMILY_REQUIRE_DUAL && s->cluster_ip_count < 2) {
		p->event = "not enough clusterips";
		why_add(p->why, "RequireDualStack needs two cluster IPs, there is one");
	} else if (families == 0) {
		p->event = "noclusterIPsIPFamily";
		why_add(p->why, "the two cluster IPs are of one family");
	} else if (families == FAMILIES_BOTH && s->family_policy == FAMILY_SINGLE) {
		why_add(p->why, "two cluster IPs do not go with ipFamilyPolicy SingleStack");
	} else {
		return families;
	}
	return 0;
}

/* Interned: equal texts are equal pointers. */
static bool is_ours(const struct allocator *a, const struct service *s)
{
	return s->type == SERVICE_LOAD_BALANCER && s->lb_class == a->lb_class;
}

/* Will one address of two families do? */
static bool takes_single(const struct service *s, unsigned families)
{
	return families == FAMILIES_BOTH && s->family_policy == FAMILY_PREFER_DUAL;
}

/* Take over what the status says, if it was not written by us and holds. */
static void step_adopt(struct allocator *a, struct record *r, unsigned families, bool single,
		       struct allocator_actions *out)
{
	char why[WHY_MAX] = "";

	if (!r->shown_new)
		return;
	r->shown_new = false;
	if (r->shown.list.count == 0)
		return; /* emptied by somebody: what is in the books is written again */
	if (r->shown.odd)
		why_add(why, "the status holds something else than one or two addresses");
	else if (ip_list_same_set(&r->shown.list, &r->held))
		r->held = r->shown.list; /* the order is theirs to choose */
	else if (may_hold(a, r, &r->shown.list, families, single, why))
		hold(a, r, r->shown.list);
	if (why[0] != '\0')
		say_cleared(r, &r->shown.list, why, out);
}

/* Is what is held still right? It goes if not. */
static void step_check(struct allocator *a, struct record *r, unsigned families, bool single,
		       struct allocator_actions *out)
{
	char why[WHY_MAX] = "";

	if (r->held.count == 0)
		return;
	if (may_hold(a, r, &r->held, families, single, why)) {
		hold(a, r, r->held); /* with the claim and the pool of today */
		return;
	}
	say_cleared(r, &r->held, why, out);
	let_go(a, r);
}

/* The second family of a PreferDualStack Service, from the pool of the first. */
static void step_add_family(struct allocator *a, struct record *r, struct problem *p,
			    struct allocator_actions *out)
{
	unsigned missing = FAMILIES_BOTH & ~families_of(r->held.ips, 1);
	struct pool_book *pool = pools_place(ledger_pools(a->ledger), &r->held.ips[0]).pool;
	struct ip_list list = r->held;
	char ip[IP_TEXT_MAX];

	if (ledger_first(a->ledger, pool, missing & FAMILIES_V6 ? IP_V6 : IP_V4, &r->holder,
			 r->claim, &list.ips[list.count])) {
		list.count++;
		hold(a, r, list);
		allocator_say(out, r, false, "IPAllocated", "Assigned additional IP \"%s\"",
			      ip_format(&list.ips[1], ip));
		return;
	}
	p->event = "AdditionalAssignFailed";
	p->warning = false;
	why_pool(a, r, pool, missing, p->why);
}

/* Get what is asked for, or anything if nothing is held. What is held stays until then. */
static void step_allocate(struct allocator *a, struct record *r, unsigned families,
			  struct problem *p, struct allocator_actions *out)
{
	const struct service *s = r->service;
	const char *wanted = s->address_pool;
	struct ip_list request, list;
	struct pool_book *pool = NULL;

	if (wanted != NULL && wanted[0] == '\0')
		wanted = NULL;
	p->event = "AllocationFailed";
	p->warning = true;
	if (!request_of(s, &request, p->why)) {
		if (r->held.count > 0)
			p->event = "LoadBalancerFailed";
		return;
	}
	if (wanted != NULL) {
		pool = pools_named(ledger_pools(a->ledger), wanted);
		if (pool == NULL) {
			why_add(p->why, "there is no pool \"%s\"", wanted);
			return;
		}
	}
	if (request.count > 0) {
		const struct pool_book *in =
			pools_place(ledger_pools(a->ledger), &request.ips[0]).pool;

		if (pool != NULL && in != NULL && in != pool)
			why_add(p->why,
				"the requested address is in pool \"%s\", not in \"%s\" as the "
				"annotation says",
				in->pool->name, wanted);
		else if (!ip_list_same_set(&request, &r->held) &&
			 may_hold(a, r, &request, families, false, p->why))
			assign(a, r, request, out);
		return;
	}
	if (pool != NULL && (r->held.count == 0 || strcmp(r->pool, wanted) != 0)) {
		if (pick(a, r, &pool, 1, families, &list))
			assign(a, r, list, out);
		else
			why_pool(a, r, pool, families, p->why);
	} else if (r->held.count == 0) {
		if (pick_anywhere(a, r, families, &list))
			assign(a, r, list, out);
		else
			why_none(a, r, families, p->why);
	}
	if (r->held.count == 1 && takes_single(s, families) && p->why[0] == '\0')
		step_add_family(a, r, p, out);
}

/* What becomes of a Service that is not (or no longer) ours (decision on loadBalancerClass). */
static void decide_foreign(struct allocator *a, struct record *r)
{
	const struct service *s = r->service;
	bool was_ours = r->held.count > 0 || r->strip;

	if (s->type != SERVICE_LOAD_BALANCER)
		r->strip = was_ours || s->lb_class == a->lb_class;
	else /* another controller may own it by now, unless it is plainly still ours */
		r->strip = was_ours && r->shown.pool != NULL && s->lb_class == NULL;
	if (r->strip)
		let_go(a, r);
	else
		forget(a, r);
}

static void decide_ours(struct allocator *a, struct record *r, struct problem *p,
			struct allocator_actions *out)
{
	const struct service *s = r->service;
	bool has = r->held.count > 0 || r->shown.list.count > 0;
	size_t pool_count;

	pools_list(ledger_pools(a->ledger), POOLS_ALL, &pool_count);
	if (pool_count == 0 && !a->complete && has) {
		r->hands_off = true; /* the pools may only be out of sight */
		return;
	}
	unsigned families = step_families(s, p);
	if (pool_count == 0) {
		p->why[0] = '\0';
		why_add(p->why, "there is no address pool");
	}
	if (p->why[0] != '\0') {
		if (has && (r->held.count > 0 || r->shown_new))
			say_cleared(r, r->held.count > 0 ? &r->held : &r->shown.list, p->why, out);
		let_go(a, r);
		return;
	}
	bool single = takes_single(s, families);

	step_adopt(a, r, families, single, out);
	step_check(a, r, families, single, out);
	if (!s->deleting)
		step_allocate(a, r, families, p, out);
	else if (r->held.count == 0)
		why_add(p->why, "the Service is being deleted");
}

/* One that cannot be decoded keeps what it holds; new here, it holds what its status shows. */
static void decide_unreadable(struct allocator *a, struct record *r)
{
	struct ip_list list = { .count = 0 };

	r->hands_off = true;
	if (!r->shown_new)
		return;
	r->shown_new = false;
	for (unsigned i = 0; i < r->shown.list.count; i++) {
		const struct ip_addr *ip = &r->shown.list.ips[i];

		if (ledger_blocker(a->ledger, ip, &r->holder, r->claim) == NULL)
			list.ips[list.count++] = *ip;
	}
	hold(a, r, list);
}

/* Keep the problem for whoever asks; say it when it is news. */
static void settle_problem(struct record *r, const struct problem *p, struct allocator_actions *out)
{
	char text[WHY_MAX] = "", ips[WHY_MAX];

	if (p->why[0] == '\0') {
		free(r->problem);
		r->problem = NULL;
		return;
	}
	if (r->held.count > 0)
		why_add(text, "stays on %s: %s", ip_list_text(&r->held, ips), p->why);
	else
		why_add(text, "%s", p->why);
	if (r->problem != NULL && strcmp(r->problem, text) == 0)
		return;
	free(r->problem);
	r->problem = must(strdup(text));
	if (strcmp(p->event, "AllocationFailed") == 0)
		allocator_say(out, r, p->warning, p->event,
			      "Failed to allocate IP for \"%s/%s\": %s", r->holder.ns,
			      r->holder.name, text);
	else
		allocator_say(out, r, p->warning, p->event, "%s", text);
}

void allocator_claim(struct allocator *a, struct record *r, struct allocator_actions *out)
{
	struct problem p = { .why = "" };
	size_t pool_count;

	r->ours = is_ours(a, r->service);
	pools_list(ledger_pools(a->ledger), POOLS_ALL, &pool_count);
	if (!r->ours || pool_count == 0)
		return;
	unsigned families = step_families(r->service, &p);
	if (families != 0)
		step_adopt(a, r, families, takes_single(r->service, families), out);
}

void allocator_decide(struct allocator *a, struct record *r, struct allocator_actions *out)
{
	struct problem p = { .event = "AllocationFailed", .warning = true };

	r->hands_off = false;
	if (r->unreadable) {
		decide_unreadable(a, r);
		return;
	}
	r->ours = is_ours(a, r->service);
	if (r->ours) {
		r->strip = false;
		decide_ours(a, r, &p, out);
	} else {
		decide_foreign(a, r);
	}
	settle_problem(r, &p, out);
}
