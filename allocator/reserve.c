// SPDX-License-Identifier: Apache-2.0
#include "allocator/reserve.h"

#include <stdlib.h>
#include <string.h>

#include "allocator/pick.h"
#include "lib/base/duration.h"
#include "lib/base/must.h"

/* A ConfigMap holds 1 MiB. An entry is its name, its addresses and some words around them. */
#define BYTES_MAX     900000
#define ENTRY_BYTES   96
#define ADDRESS_BYTES (IP_TEXT_MAX + 4)

#define BACKOFF_FIRST_NS (1 * NS_PER_S)
#define BACKOFF_DOUBLED  6 /* times: at most 64 s */

static size_t bytes_of(const struct record *r, unsigned addresses)
{
	return strlen(r->holder.ns) + strlen(r->holder.name) + ENTRY_BYTES +
	       addresses * (size_t)ADDRESS_BYTES;
}

static const struct pool *pool_of(const struct allocator *a, const struct ip_addr *ip)
{
	const struct pool_book *in = pools_place(ledger_pools(a->ledger), ip).pool;

	return in != NULL ? in->pool : NULL;
}

/* For how long are addresses of @p kept? */
static uint64_t keep_ns(const struct pool *p)
{
	return p == NULL || p->ipam.url != NULL ? 0 : p->reserve_ns;
}

/* --- one of them ----------------------------------------------------------------------- */

static void set_ips(struct allocator *a, struct reserve *v, struct ips ips)
{
	a->reserve_bytes -= bytes_of(v->record, ip_kept_lend(v->ips).count);
	a->reserve_bytes += bytes_of(v->record, ips.count);
	ip_kept_set(&v->ips, ips);
}

static struct reserve *reserve_of(struct allocator *a, struct record *r)
{
	if (r->reserve == NULL) {
		struct reserve *v = must(calloc(1, sizeof(*v)));

		v->record = r;
		r->reserve = v;
		a->reserve_bytes += bytes_of(r, 0);
		LIST_INSERT_HEAD(&a->reserves, v, all);
	}
	return r->reserve;
}

void reserve_free(struct allocator *a, struct record *r)
{
	struct reserve *v = r->reserve;

	if (v == NULL)
		return;
	set_ips(a, v, (struct ips){ NULL, 0 });
	a->reserve_bytes -= bytes_of(r, 0);
	LIST_REMOVE(v, all);
	free(v);
	r->reserve = NULL;
}

/* What is kept for @r ends here and now, and with it @r if nothing else is known of it. */
static void drop(struct allocator *a, struct record *r)
{
	while (!LIST_EMPTY(&r->holder.uses))
		ledger_drop(a->ledger, LIST_FIRST(&r->holder.uses));
	reserve_free(a, r);
	if (record_is_ghost(r) && !r->gone)
		record_free(a, r);
}

/*
 * May @ip be kept for @r, which has just left it? Not if others share on it. The books of a standby
 * hold nothing but what it keeps: that ended when @r got the address, for whoever had it before.
 */
static bool may_keep(struct allocator *a, const struct record *r, const struct ip_addr *ip)
{
	const struct holder *other;

	while ((other = ledger_blocker(a->ledger, ip, &r->holder, NULL)) != NULL) {
		if (!a->standby)
			return false;
		drop(a, record_of(other));
	}
	return true;
}

void reserve_begin(struct allocator *a, struct record *r, struct ips ips)
{
	uint64_t keep = ips.count > 0 ? keep_ns(pool_of(a, &ips.items[0])) : 0;

	if (!a->reservations || keep == 0)
		return;
	for (unsigned i = 0; i < ips.count; i++) {
		if (!may_keep(a, r, &ips.items[i]))
			return;
	}
	if (a->reserve_bytes + bytes_of(r, ips.count) > BYTES_MAX) {
		a->reserves_refused++;
		return;
	}
	struct reserve *v = reserve_of(a, r);
	set_ips(a, v, ips);
	v->keep_ns = keep;
	v->wanted = true;
	v->saved = v->sent = false;
	a->reserve_dirty = a->reserve_new = true;
	reserve_hold(a, r);
}

void reserve_end(struct allocator *a, struct record *r)
{
	if (r->reserve == NULL || !r->reserve->wanted)
		return;
	if (a->standby) { /* what is on record is the leader's, and told to who leads next */
		drop(a, r);
		return;
	}
	r->reserve->wanted = false;
	if (r->reserve->saved || r->reserve->sent)
		a->reserve_dirty = true; /* it goes when that is gone from the record */
	else
		reserve_free(a, r);
	record_mark(a, r);
}

bool reserve_keeps(const struct record *r, const struct ip_addr *ip)
{
	return r->reserve != NULL && r->reserve->wanted &&
	       ips_have(ip_kept_lend(r->reserve->ips), ip);
}

void reserve_hold(struct allocator *a, struct record *r)
{
	struct ips ips = { NULL, 0 };
	bool lost = false;

	if (r->reserve != NULL && r->reserve->wanted)
		ips = ip_kept_lend(r->reserve->ips);
	for (unsigned i = 0; i < ips.count; i++) {
		const struct ip_addr *ip = &ips.items[i];
		const struct use *u = ledger_use(&r->holder, ip);

		if (u != NULL && !u->leaving)
			continue;
		if (ledger_blocker(a->ledger, ip, &r->holder, NULL) != NULL) {
			lost = true;
			continue;
		}
		ledger_take(a->ledger, ip, &r->holder, NULL); /* nobody may share it */
		ledger_use(&r->holder, ip)->leaving = true;   /* held, but shown nowhere */
	}
	if (lost)
		reserve_end(a, r);
}

void reserve_only(struct allocator *a, struct record *r)
{
	struct use *u, *next;

	reserve_hold(a, r);
	for (u = LIST_FIRST(&r->holder.uses); u != NULL; u = next) {
		next = LIST_NEXT(u, of_holder);
		if (!reserve_keeps(r, use_ip(u)))
			ledger_drop(a->ledger, u);
	}
}

bool reserve_offer(const struct allocator *a, const struct record *r,
		   const struct pool_book *wanted, unsigned families, bool single,
		   struct ip_list *ret)
{
	char why[WHY_MAX] = "";

	if (r->reserve == NULL || !r->reserve->wanted)
		return false;
	struct ips ips = ip_kept_lend(r->reserve->ips);
	const struct pool_book *pool = pools_place(ledger_pools(a->ledger), &ips.items[0]).pool;

	if (pool == NULL || pool->pool->drain ||
	    (wanted != NULL ? pool != wanted : !pool->pool->auto_assign))
		return false;
	if (!may_hold(a, r, ips, families, single, false, why))
		return false;
	*ret = ip_list_of(ips);
	return true;
}

/* When it is over is reckoned from the first look at the clock. */
static void reserve_date(struct reserve *v, uint64_t now_ns)
{
	if (v->keep_ns != 0)
		v->until_ns = now_ns + v->keep_ns;
	v->keep_ns = 0;
}

/* --- all of them ----------------------------------------------------------------------- */

void reserve_config(struct allocator *a)
{
	a->reserve_new = true;
}

void reserve_tick(struct allocator *a, uint64_t now_ns)
{
	bool all_gone = a->config != NULL && a->config->pools.count == 0 && !a->complete;
	struct reserve *v, *next;

	if (!a->reserve_new && now_ns < a->reserve_next_ns)
		return;
	a->reserve_new = false;
	a->reserve_next_ns = UINT64_MAX;
	for (v = LIST_FIRST(&a->reserves); v != NULL; v = next) {
		next = LIST_NEXT(v, all);
		if (!v->wanted)
			continue;
		reserve_date(v, now_ns);
		const struct pool *p = pool_of(a, &ip_kept_lend(v->ips).items[0]);

		/* A pool may only be out of sight; one that is there has the word. */
		if (v->until_ns <= now_ns || (keep_ns(p) == 0 && a->config != NULL && !all_gone))
			reserve_end(a, v->record);
		else if (v->until_ns < a->reserve_next_ns)
			a->reserve_next_ns = v->until_ns;
	}
}

void reserve_calls(struct allocator *a, uint64_t now_ns, struct allocator_actions *out)
{
	struct reserve *v;

	if (!a->reserve_dirty || a->reserve_writing || !a->reserves_told ||
	    now_ns < a->reserve_retry_ns)
		return;
	LIST_FOREACH (v, &a->reserves, all) {
		reserve_date(v, now_ns); /* one may have begun in this very run */
		v->sent = v->wanted;
	}
	a->reserve_dirty = false;
	a->reserve_writing = true;
	*(struct allocator_action *)must(array_push(out)) =
		(struct allocator_action){ .type = ALLOCATOR_RESERVE };
}

uint64_t reserve_wake_ns(const struct allocator *a)
{
	uint64_t wake = a->reserve_new && !LIST_EMPTY(&a->reserves) ? 0 : a->reserve_next_ns;

	if (a->reserve_dirty && !a->reserve_writing && a->reserves_told && !a->standby &&
	    a->reserve_retry_ns < wake)
		wake = a->reserve_retry_ns;
	return wake;
}

bool allocator_reservations_needed(const struct allocator *a)
{
	if (!a->reservations || a->reserves_told || a->standby || !a->synced || a->config == NULL)
		return false;
	for (size_t i = 0; i < a->config->pools.count; i++) {
		if (keep_ns(&a->config->pools.items[i]) != 0)
			return true;
	}
	return false;
}

/* It is on record that @item is kept: by us, or by who led before. */
static void told_one(struct allocator *a, const struct allocator_reservation *item)
{
	struct record *r = record_get(a, item->ns, item->name);
	struct ips ips = { item->ips, item->ip_count };
	struct reserve *v = r->reserve;

	if (v == NULL) {
		v = reserve_of(a, r);
		set_ips(a, v, ips);
		v->until_ns = item->until_ns;
		v->wanted = true;
	}
	/* What is kept now may be other than what was; then it is written again. */
	v->saved = true;
	if (!v->wanted || !ips_equal(ips, ip_kept_lend(v->ips)))
		a->reserve_dirty = true;
	record_mark(a, r);
}

void allocator_reservations_told(struct allocator *a, const struct allocator_reservation *items,
				 size_t count)
{
	struct reserve *v, *next;

	a->reserve_dirty = false;
	LIST_FOREACH (v, &a->reserves, all) {
		v->sent = v->saved; /* was */
		v->saved = false;
	}
	for (size_t i = 0; i < count; i++) {
		if (items[i].ip_count > 0)
			told_one(a, &items[i]);
	}
	for (v = LIST_FIRST(&a->reserves); v != NULL; v = next) {
		bool was_saved = v->sent;

		next = LIST_NEXT(v, all);
		v->sent = false;
		if (v->wanted && !v->saved && !was_saved) {
			a->reserve_dirty = true; /* news of ours */
		} else if (!v->saved) {
			/* Somebody took it off the record: that ends it, too. */
			struct record *r = v->record;
			reserve_free(a, r);
			record_mark(a, r);
		}
	}
	a->reserves_told = a->reserve_new = true;
}

void allocator_reservations_written(struct allocator *a, enum allocator_outcome outcome,
				    uint64_t now_ns)
{
	struct reserve *v, *next;

	if (!a->reserve_writing)
		return;
	a->reserve_writing = false;
	if (outcome != ALLOCATOR_WRITTEN) {
		unsigned doubled = a->reserve_attempts < BACKOFF_DOUBLED ? a->reserve_attempts
									 : BACKOFF_DOUBLED;

		/* One conflict is an accident. */
		if (a->reserve_attempts++ > 0 || outcome == ALLOCATOR_FAILED)
			a->reserve_retry_ns =
				now_ns + rng_jitter(&a->rng, BACKOFF_FIRST_NS << doubled, 20);
		a->reserve_dirty = true;
		return;
	}
	a->reserve_attempts = 0;
	for (v = LIST_FIRST(&a->reserves); v != NULL; v = next) {
		next = LIST_NEXT(v, all);
		v->saved = v->sent;
		v->sent = false;
		if (!v->wanted && !v->saved) {
			struct record *r = v->record;
			reserve_free(a, r);
			record_mark(a, r);
		} else if (v->wanted != v->saved) {
			a->reserve_dirty = true;
		}
	}
}

void allocator_reservations(const struct allocator *a,
			    void (*each)(void *arg, const struct allocator_reservation *item),
			    void *arg)
{
	const struct reserve *v;

	LIST_FOREACH (v, &a->reserves, all) {
		struct ips ips = ip_kept_lend(v->ips);

		if (v->wanted)
			each(arg, &(struct allocator_reservation){
					  v->record->holder.ns, v->record->holder.name, ips.items,
					  ips.count, v->until_ns });
	}
}

struct allocator_reserved allocator_reserved(const struct allocator *a)
{
	struct allocator_reserved n = { .refused = a->reserves_refused };
	const struct reserve *v;

	LIST_FOREACH (v, &a->reserves, all)
		n.kept += v->wanted;
	return n;
}
