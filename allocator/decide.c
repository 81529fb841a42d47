// SPDX-License-Identifier: Apache-2.0
/*
 * What one Service should hold: MetalLB's section "Converging one Service", step by step,
 * with Bellman's departures (a change that cannot be met keeps what is there; nothing is
 * taken away because a source of pools is missing).
 *
 * Only the books and the record change here; that the status follows is engine.c's work.
 */
#include <stdlib.h>
#include <string.h>

#include "allocator/ipam_link.h"
#include "allocator/record.h"
#include "allocator/request.h"
#include "allocator/reserve.h"
#include "lib/base/intern.h"
#include "lib/base/must.h"

/* --- holding ------------------------------------------------------------------------- */

/* @r holds @ips from now on; what it held besides is leaving. */
static void hold(struct allocator *a, struct record *r, struct ips ips)
{
	struct use *u;

	LIST_FOREACH (u, &r->holder.uses, of_holder)
		u->leaving = !ips_have(ips, use_ip(u));
	for (unsigned i = 0; i < ips.count; i++)
		ledger_take(a->ledger, &ips.items[i], &r->holder, r->claim);

	const struct pool_book *pool =
		ips.count > 0 ? pools_place(ledger_pools(a->ledger), &ips.items[0]).pool : NULL;
	const char *name = pool != NULL ? intern_ref(pool->pool->name) : NULL;
	intern_unref(r->pool);
	r->pool = name;
	r->proxied = pool != NULL && pool->pool->ip_mode == IP_MODE_PROXY;
	ip_kept_set(&r->held, ips); /* last: they may be lent from there */
}

static void let_go(struct allocator *a, struct record *r)
{
	hold(a, r, (struct ips){ NULL, 0 });
	r->shown_new = false;
}

/* Not ours to touch any more: out of the books at once, whatever its status shows. */
static void forget(struct allocator *a, struct record *r)
{
	let_go(a, r);
	reserve_only(a, r);
	r->shown_new = true; /* if it becomes ours again, look anew */
	r->hands_off = true;
}

static void assign(struct allocator *a, struct record *r, struct ips ips,
		   struct allocator_actions *out)
{
	char text[IPS_TEXT_MAX];

	hold(a, r, ips);
	allocator_say(out, r, false, "IPAllocated", "Assigned IP %s", ips_text(ips, text));
}

static void say_cleared(const struct record *r, struct ips ips, const char *why,
			struct allocator_actions *out)
{
	char text[IPS_TEXT_MAX];

	allocator_say(out, r, false, "ClearAssignment",
		      "Current IP %s can no longer be used, a new one will be tried: %s",
		      ips_text(ips, text), why);
}

/* --- the steps ----------------------------------------------------------------------- */

unsigned service_needs(const struct service *s, struct problem *p)
{
	unsigned families = families_of((struct ips){ s->cluster_ips, s->cluster_ip_count });

	p->event = "AllocationFailed";
	p->reason = "NoClusterIP";
	p->warning = true;
	if (s->headless) {
		why_add(p->why, "a headless Service (clusterIP: None) gets no address");
	} else if (s->cluster_ip_count == 0) {
		why_add(p->why, "the Service has no cluster IP yet");
	} else if (s->family_policy == FAMILY_REQUIRE_DUAL && s->cluster_ip_count < 2) {
		p->event = "not enough clusterips";
		p->reason = "NotEnoughClusterIPs";
		why_add(p->why, "RequireDualStack needs two cluster IPs, there is one");
	} else if (families == 0) {
		p->event = "noclusterIPsIPFamily";
		p->reason = "FamilyMismatch";
		why_add(p->why, "the two cluster IPs are of one family");
	} else if (families == FAMILIES_BOTH && s->family_policy == FAMILY_SINGLE) {
		p->reason = "FamilyMismatch";
		why_add(p->why, "two cluster IPs do not go with ipFamilyPolicy SingleStack");
	} else {
		return families;
	}
	return 0;
}

/* Interned: equal texts are equal pointers. */
bool allocator_serves(const struct allocator *a, const struct service *s)
{
	return s->type == SERVICE_LOAD_BALANCER && s->lb_class == a->lb_class;
}

/* Will one address of two families do? */
static bool takes_single(const struct service *s, unsigned families)
{
	return families == FAMILIES_BOTH && s->family_policy == FAMILY_PREFER_DUAL;
}

/*
 * @r shows what it may not hold. If that is because another Service holds it, two say that they
 * have one address: somebody edited a status, or there were two allocators. The one in the books
 * keeps it, and hears of it here; the other hears by losing it.
 */
static void note_duplicates(struct allocator *a, const struct record *r,
			    struct allocator_actions *out)
{
	struct ips shown = ip_kept_lend(r->shown.ips);
	bool any = false;
	char ip[IP_TEXT_MAX];

	for (unsigned i = 0; i < shown.count; i++) {
		const struct ip_addr *at = &shown.items[i];
		const struct holder *h = ledger_blocker(a->ledger, at, &r->holder, r->claim);
		const struct record *other = h != NULL ? record_of(h) : NULL;

		if (other == NULL || !ips_have(ip_kept_lend(other->held), at) ||
		    !ips_have(ip_kept_lend(other->shown.ips), at))
			continue;
		allocator_say(out, other, true, "DuplicateAddress",
			      "%s is in the status of %s/%s too, which loses it", ip_format(at, ip),
			      r->holder.ns, r->holder.name);
		any = true;
	}
	a->duplicates += any;
}

/* The families of what the status says cannot be worked out: MetalLB has an event for that. */
static void say_no_family(const struct allocator *a, const struct record *r, struct ips shown,
			  struct allocator_actions *out)
{
	const struct pool_book *pool = pools_place(ledger_pools(a->ledger), &shown.items[0]).pool;
	char text[IPS_TEXT_MAX];

	if (families_of(shown) == 0 && (pool == NULL || !pool->pool->per_range))
		allocator_say(out, r, true, "nolbIPsIPFamily",
			      "The status holds several addresses of one family: %s",
			      ips_text(shown, text));
}

/* Hold what may stay of @ips, if there is any; @why is said of the rest. */
static bool hold_some(struct allocator *a, struct record *r, struct ips ips, unsigned families,
		      bool single, const char *why, struct allocator_actions *out)
{
	struct ip_list stay, go = { .count = 0 };

	if (!may_keep_some(a, r, ips, families, single, &stay))
		return false;
	for (unsigned i = 0; i < ips.count; i++) {
		if (!ips_have(ip_list_lend(&stay), &ips.items[i]))
			go.ips[go.count++] = ips.items[i];
	}
	hold(a, r, ip_list_lend(&stay));
	say_cleared(r, ip_list_lend(&go), why, out);
	return true;
}

/* Take over what the status says, if it was not written by us and holds. */
static void step_adopt(struct allocator *a, struct record *r, unsigned families, bool single,
		       struct allocator_actions *out)
{
	struct ips shown = ip_kept_lend(r->shown.ips);
	char why[WHY_MAX] = "";

	if (!r->shown_new)
		return;
	r->shown_new = false;
	if (shown.count == 0)
		return; /* emptied by somebody: what is in the books is written again */
	if (r->shown.odd)
		why_add(why, "the status holds something else than addresses, or too many");
	else if (ips_same_set(shown, ip_kept_lend(r->held)))
		ip_kept_set(&r->held, shown); /* the order is theirs to choose */
	else if (may_hold(a, r, shown, families, single, r->held == NULL, why))
		hold(a, r, shown);
	if (why[0] == '\0')
		return;
	note_duplicates(a, r, out);
	say_no_family(a, r, shown, out);
	if (r->held != NULL || r->shown.odd || !hold_some(a, r, shown, families, single, why, out))
		say_cleared(r, shown, why, out);
}

/* Is what is held still right? It goes if not. */
static void step_check(struct allocator *a, struct record *r, unsigned families, bool single,
		       struct allocator_actions *out)
{
	struct ips held = ip_kept_lend(r->held);
	char why[WHY_MAX] = "";

	if (held.count == 0)
		return;
	if (may_hold(a, r, held, families, single, true, why)) {
		hold(a, r, held); /* with the claim and the pool of today */
		return;
	}
	if (hold_some(a, r, held, families, single, why, out))
		return;
	say_cleared(r, held, why, out);
	let_go(a, r);
}

/*
 * What is lacking to what is held: the second family of a PreferDualStack Service, an address of
 * each range of a pool with perRange. It comes from the same pool, behind what is there.
 */
static void step_complete(struct allocator *a, struct record *r, unsigned families,
			  struct problem *p, struct allocator_actions *out)
{
	struct ip_list list = ip_list_of(ip_kept_lend(r->held));
	struct pool_book *pool = pools_place(ledger_pools(a->ledger), &list.ips[0]).pool;
	unsigned before = list.count, lacking;
	char text[IPS_TEXT_MAX], ip[IP_TEXT_MAX];

	if (!pool->pool->per_range && families_of(ip_list_lend(&list)) == families)
		return;
	enum allocator_answer answer = pool_complete(a, r, pool, families, &list, &lacking);
	if (list.count > before) {
		struct ips added = { &list.ips[before], list.count - before };

		hold(a, r, ip_list_lend(&list));
		if (added.count == 1)
			allocator_say(out, r, false, "IPAllocated", "Assigned additional IP \"%s\"",
				      ip_format(&added.items[0], ip));
		else
			allocator_say(out, r, false, "IPAllocated", "Assigned additional IP %s",
				      ips_text(added, text));
	}
	if (answer == ALLOCATOR_COULD)
		return;
	p->event = "AdditionalAssignFailed";
	p->warning = false;
	if (pool_has_ipam(pool->pool))
		pool_answer(a, r, pool, lacking, p->why);
	else
		why_answer(r, pool, lacking, answer, p->why);
}

/* Get the addresses that are asked for, of @wanted if that is asked for, too. */
static void step_request(struct allocator *a, struct record *r, struct pool_book *wanted,
			 const struct ip_list *request, unsigned families, struct problem *p,
			 struct allocator_actions *out)
{
	const struct pool_book *in = pools_place(ledger_pools(a->ledger), &request->ips[0]).pool;
	struct ip_list list = *request;

	p->reason = "RequestRefused";
	if (wanted != NULL && in != NULL && in != wanted)
		why_add(p->why,
			"the requested address is in pool \"%s\", not in \"%s\" as the "
			"annotation says",
			in->pool->name, wanted->pool->name);
	else if (request_is_held(a, r, request) &&
		 (wanted == NULL || r->pool == wanted->pool->name))
		return;
	else if (request_has_host_part(a, request)
			 ? request_pick(a, r, wanted, request, families, &list, p->why)
			 : may_hold(a, r, ip_list_lend(request), families, false, false, p->why)) {
		if (ipam_grants(a, r, ip_list_lend(&list), p->why))
			assign(a, r, ip_list_lend(&list), out);
	}
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
	p->reason = "InvalidRequest";
	if (!request_of(s, pools_per_range(ledger_pools(a->ledger)), &request, p->why)) {
		if (r->held != NULL)
			p->event = "LoadBalancerFailed";
		return;
	}
	if (wanted != NULL) {
		pool = pools_named(ledger_pools(a->ledger), wanted);
		if (pool == NULL) {
			p->reason = "NoSuchPool";
			why_add(p->why, "there is no pool \"%s\"", wanted);
			return;
		}
	}
	if (request.count > 0) {
		step_request(a, r, pool, &request, families, p, out);
		return;
	}
	p->reason = "NoAddressAvailable";
	if (r->held == NULL &&
	    reserve_offer(a, r, pool, families, takes_single(s, families), &list)) {
		assign(a, r, ip_list_lend(&list), out);
	} else if (pool != NULL && (r->held == NULL || strcmp(r->pool, wanted) != 0)) {
		if (pick(a, r, &pool, 1, families, &list))
			assign(a, r, ip_list_lend(&list), out);
		else
			pool_answer(a, r, pool, families, p->why);
	} else if (r->held == NULL) {
		if (pick_anywhere(a, r, families, &list))
			assign(a, r, ip_list_lend(&list), out);
		else
			why_none(a, r, families, NULL, p->why);
	}
	if (r->held != NULL && p->why[0] == '\0')
		step_complete(a, r, families, p, out);
}

/* What becomes of a Service that is not (or no longer) ours (decision on loadBalancerClass). */
static void decide_foreign(struct allocator *a, struct record *r)
{
	const struct service *s = r->service;
	bool was_ours = r->held != NULL || r->strip;

	if (s->type != SERVICE_LOAD_BALANCER) /* such a condition tells of what is over */
		r->strip = was_ours || s->lb_class == a->lb_class || r->shown.ready != READY_NONE;
	else /* another controller may own it by now, unless it is plainly still ours */
		r->strip = was_ours && r->shown.pool != NULL && s->lb_class == NULL;
	if (!r->strip) {
		if (s->type == SERVICE_LOAD_BALANCER) /* it gets its addresses elsewhere now */
			reserve_end(a, r);
		forget(a, r);
		return;
	}
	if (r->held != NULL)
		reserve_begin(a, r, ip_kept_lend(r->held));
	let_go(a, r);
}

static void decide_ours(struct allocator *a, struct record *r, struct problem *p,
			struct allocator_actions *out)
{
	const struct service *s = r->service;
	bool has = r->held != NULL || r->shown.ips != NULL;
	size_t pool_count;

	pools_list(ledger_pools(a->ledger), POOLS_ALL, &pool_count);
	if (pool_count == 0 && !a->complete && has) {
		r->hands_off = true; /* the pools may only be out of sight */
		return;
	}
	unsigned families = service_needs(s, p);
	if (pool_count == 0) {
		p->why[0] = '\0';
		p->event = "AllocationFailed";
		/* Not yet to be said there if the pools may only be out of sight. */
		p->reason = a->complete ? "NoPools" : NULL;
		why_add(p->why, "there is no address pool");
	}
	if (p->why[0] != '\0') {
		if (has && (r->held != NULL || r->shown_new))
			say_cleared(r, ip_kept_lend(r->held != NULL ? r->held : r->shown.ips),
				    p->why, out);
		let_go(a, r);
		return;
	}
	bool single = takes_single(s, families);

	step_adopt(a, r, families, single, out);
	step_check(a, r, families, single, out);
	if (!s->deleting) {
		step_allocate(a, r, families, p, out);
	} else if (r->held == NULL) {
		p->reason = NULL; /* nobody writes to what goes */
		why_add(p->why, "the Service is being deleted");
	}
}

/* One that cannot be decoded keeps what it holds; new here, it holds what its status shows. */
static void decide_unreadable(struct allocator *a, struct record *r)
{
	struct ips shown = ip_kept_lend(r->shown.ips);
	struct ip_list list = { .count = 0 };

	r->hands_off = true;
	if (!r->shown_new)
		return;
	r->shown_new = false;
	for (unsigned i = 0; i < shown.count; i++) {
		if (ledger_blocker(a->ledger, &shown.items[i], &r->holder, r->claim) == NULL)
			list.ips[list.count++] = shown.items[i];
	}
	hold(a, r, ip_list_lend(&list));
}

/* Keep the problem for whoever asks; say it when it is news. */
static void settle_problem(struct record *r, const struct problem *p, struct allocator_actions *out)
{
	char text[WHY_MAX], ips[IPS_TEXT_MAX];

	text[0] = '\0';
	if (p->why[0] != '\0' && r->held != NULL)
		why_add(text, "stays on %s: ", ips_text(ip_kept_lend(r->held), ips));
	if (p->why[0] != '\0')
		why_add(text, "%s", p->why);

	const char *now = p->why[0] != '\0' ? intern(text) : NULL;
	/* Who was before us has said what stands in the condition. */
	bool known =
		now == r->problem || (r->held == NULL && r->problem == NULL &&
				      r->shown.ready == READY_FALSE && r->shown.message == now);
	intern_unref(r->problem);
	r->problem = now;
	r->problem_reason = now != NULL ? p->reason : NULL;
	if (now == NULL || known || p->event == NULL)
		return;
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

	r->ours = allocator_serves(a, r->service);
	pools_list(ledger_pools(a->ledger), POOLS_ALL, &pool_count);
	if (!r->ours || pool_count == 0)
		return;
	unsigned families = service_needs(r->service, &p);
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
	r->ours = allocator_serves(a, r->service);
	if (r->ours) {
		r->strip = false;
		decide_ours(a, r, &p, out);
	} else {
		decide_foreign(a, r);
	}
	if (r->ipam_waits && !r->ipam_away) /* the answer will say it in a moment */
		p.event = p.reason = NULL;
	else if (r->ipam_away && p.reason != NULL)
		p.reason = "IPAMUnavailable";
	settle_problem(r, &p, out);
}
