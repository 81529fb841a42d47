// SPDX-License-Identifier: Apache-2.0
#include "allocator/ipam_book.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/duration.h"
#include "lib/base/intern.h"
#include "lib/base/must.h"

#define DENIED_NS (60 * NS_PER_S)

/* Interned texts and hooks: only that equal ones stand together matters. */
int lease_id_cmp(const struct lease *a, const struct lease *b)
{
	if (a->id != b->id)
		return (uintptr_t)a->id < (uintptr_t)b->id ? -1 : 1;
	if (a->hook != b->hook)
		return (uintptr_t)a->hook < (uintptr_t)b->hook ? -1 : 1;
	return 0;
}

int lease_timer_cmp(const struct lease *a, const struct lease *b)
{
	if (a->wake_ns != b->wake_ns)
		return a->wake_ns < b->wake_ns ? -1 : 1;
	return lease_id_cmp(a, b);
}

int leased_cmp(const struct leased *a, const struct leased *b)
{
	int c = ip_cmp(&a->ip, &b->ip);

	if (c != 0 || a->lease == b->lease)
		return c;
	return (uintptr_t)a->lease < (uintptr_t)b->lease ? -1 : 1;
}

void word_set(const char **slot, const char *text)
{
	const char *word = intern(text);

	intern_unref(*slot);
	*slot = word;
}

/* --- addresses ------------------------------------------------------------------------------- */

struct ip_list ips_filter(struct ips ips, struct ips list, bool in)
{
	struct ip_list some = { .count = 0 };

	for (unsigned i = 0; i < ips.count; i++) {
		if (ips_have(list, &ips.items[i]) == in)
			some.ips[some.count++] = ips.items[i];
	}
	return some;
}

struct leased *leased_find(const struct lease *l, const struct ip_addr *ip)
{
	struct leased *x;

	LIST_FOREACH (x, &l->ips, of_lease) {
		if (ip_equal(&x->ip, ip))
			return x;
	}
	return NULL;
}

bool hook_has(const struct ipam *m, const struct hook *h, const struct ip_addr *ip)
{
	struct leased from = { .ip = *ip };
	struct leased_tree *tree = (struct leased_tree *)(uintptr_t)&m->leased;

	for (struct leased *x = RB_NFIND(leased_tree, tree, &from);
	     x != NULL && ip_equal(&x->ip, ip); x = RB_NEXT(leased_tree, , x)) {
		if (x->lease->hook == h && !x->rejected)
			return true;
	}
	return false;
}

struct leased *leased_add(struct ipam *m, struct lease *l, const struct ip_addr *ip)
{
	struct leased *x = leased_find(l, ip);

	if (x == NULL) {
		x = must(calloc(1, sizeof(*x)));
		x->ip = *ip;
		x->lease = l;
		if (LIST_EMPTY(&l->ips))
			l->hook->leased_count++;
		LIST_INSERT_HEAD(&l->ips, x, of_lease);
		RB_INSERT(leased_tree, &m->leased, x);
	}
	return x;
}

void leased_drop(struct ipam *m, struct leased *x)
{
	RB_REMOVE(leased_tree, &m->leased, x);
	LIST_REMOVE(x, of_lease);
	if (LIST_EMPTY(&x->lease->ips))
		x->lease->hook->leased_count--;
	free(x);
}

bool leased_is_spare(const struct ipam *m, const struct leased *x)
{
	const struct wish *w;

	if (x->rejected)
		return true;
	LIST_FOREACH (w, &x->lease->wishes, of_lease) {
		if (w->state == WISH_OFFERED && ips_have(ip_kept_lend(w->offered), &x->ip))
			return false;
	}
	return !m->ops->in_use(m->arg, &x->ip);
}

/* --- wishes ---------------------------------------------------------------------------------- */

struct wish *wish_find(const struct lease *l, unsigned families, struct ips ips)
{
	struct wish *w;

	LIST_FOREACH (w, &l->wishes, of_lease) {
		if (w->families == families && ips_same_set(ip_kept_lend(w->ips), ips))
			return w;
	}
	return NULL;
}

struct wish *wish_new(struct lease *l, unsigned families, struct ips ips)
{
	struct wish *w = must(calloc(1, sizeof(*w)));

	w->families = families;
	ip_kept_set(&w->ips, ips);
	LIST_INSERT_HEAD(&l->wishes, w, of_lease);
	return w;
}

void wish_free(struct wish *w)
{
	LIST_REMOVE(w, of_lease);
	ip_kept_unref(w->ips);
	ip_kept_unref(w->offered);
	intern_unref(w->why);
	free(w);
}

void wish_deny(struct ipam *m, struct wish *w, const char *why, bool rejected)
{
	w->state = WISH_DENIED;
	w->until_ns = m->now_ns + rng_jitter(&m->rng, DENIED_NS, 10);
	w->rejected = rejected;
	w->offered = ip_kept_unref(w->offered);
	word_set(&w->why, why);
}

/* --- leases ---------------------------------------------------------------------------------- */

struct lease *lease_find(const struct ipam *m, const struct hook *h, const char *id)
{
	struct lease key = { .id = intern(id), .hook = (struct hook *)(uintptr_t)h };
	struct lease *l = RB_FIND(lease_tree, (struct lease_tree *)(uintptr_t)&m->leases, &key);

	intern_unref(key.id);
	return l;
}

struct lease *lease_get(struct ipam *m, struct hook *h, const char *id)
{
	struct lease *l = lease_find(m, h, id);

	if (l == NULL) {
		l = must(calloc(1, sizeof(*l)));
		l->id = intern(id);
		l->hook = h;
		LIST_INIT(&l->wishes);
		LIST_INIT(&l->ips);
		RB_INSERT(lease_tree, &m->leases, l);
		LIST_INSERT_HEAD(&h->leases, l, of_hook);
	}
	return l;
}

struct lease *lease_first(const struct ipam *m, const char *id)
{
	struct lease from = { .id = intern(id) };
	struct lease *l = RB_NFIND(lease_tree, (struct lease_tree *)(uintptr_t)&m->leases, &from);

	intern_unref(from.id);
	return l != NULL && l->id == from.id ? l : NULL;
}

struct lease *lease_next(struct lease *l)
{
	struct lease *next = RB_NEXT(lease_tree, , l);

	return next != NULL && next->id == l->id ? next : NULL;
}

static void set_due(struct lease *l, bool due)
{
	struct hook *h = l->hook;

	if (l->is_due == due)
		return;
	l->is_due = due;
	if (due) {
		TAILQ_INSERT_TAIL(&h->due, l, due);
		h->due_count++;
	} else {
		TAILQ_REMOVE(&h->due, l, due);
		h->due_count--;
	}
}

static void set_wake(struct lease *l, uint64_t wake_ns)
{
	struct hook *h = l->hook;

	if (l->wake_ns == wake_ns)
		return;
	if (l->wake_ns != 0)
		RB_REMOVE(lease_timers, &h->timers, l);
	l->wake_ns = wake_ns;
	if (wake_ns != 0)
		RB_INSERT(lease_timers, &h->timers, l);
}

void lease_agree(struct lease *l)
{
	l->claims = ip_kept_unref(l->claims);
	l->disputed = ip_kept_unref(l->disputed);
	l->told = ip_kept_unref(l->told);
	word_set(&l->objection, NULL);
}

void lease_free(struct ipam *m, struct lease *l)
{
	set_due(l, false);
	set_wake(l, 0);
	while (!LIST_EMPTY(&l->wishes))
		wish_free(LIST_FIRST(&l->wishes));
	while (!LIST_EMPTY(&l->ips))
		leased_drop(m, LIST_FIRST(&l->ips));
	RB_REMOVE(lease_tree, &m->leases, l);
	LIST_REMOVE(l, of_hook);
	lease_agree(l);
	intern_unref(l->id);
	intern_unref(l->ns);
	intern_unref(l->name);
	intern_unref(l->uid);
	intern_unref(l->why);
	free(l);
}

/* Wishes first: what the server holds already for the lease may be the answer. */
enum lease_need lease_need(const struct ipam *m, const struct lease *l, struct wish **ret)
{
	struct wish *w;
	struct leased *x;

	LIST_FOREACH (w, &l->wishes, of_lease) {
		if (w->state == WISH_OPEN || (w->state == WISH_DENIED && w->until_ns == 0)) {
			*ret = w;
			return NEED_WISH;
		}
	}
	if (l->claims != NULL)
		return NEED_CLAIM;
	LIST_FOREACH (x, &l->ips, of_lease) {
		if (leased_is_spare(m, x))
			return NEED_RELEASE;
	}
	return l->unsure && LIST_EMPTY(&l->ips) ? NEED_END : NEED_NOTHING;
}

void lease_update(struct ipam *m, struct lease *l)
{
	struct wish *w;
	uint64_t wake_ns = 0;
	bool needs = l->flight == NULL && lease_need(m, l, &w) != NEED_NOTHING;

	if (l->flight == NULL && !needs && l->unsure) {
		/* What it may hold besides the addresses that we know, a list will show. */
		l->unsure = false;
		l->hook->list_ns = 0;
	}
	set_due(l, needs && l->retry_ns == 0);
	if (needs)
		wake_ns = l->retry_ns;
	LIST_FOREACH (w, &l->wishes, of_lease) {
		if (w->state == WISH_DENIED && w->until_ns != 0 &&
		    (wake_ns == 0 || w->until_ns < wake_ns))
			wake_ns = w->until_ns;
	}
	set_wake(l, wake_ns);
	if (l->flight == NULL && !needs && LIST_EMPTY(&l->wishes) && LIST_EMPTY(&l->ips) &&
	    l->disputed == NULL && l->told == NULL)
		lease_free(m, l);
}

struct ipam_who lease_who(const struct lease *l)
{
	return (struct ipam_who){ l->ns, l->name, l->uid };
}

/* --- hooks ----------------------------------------------------------------------------------- */

struct hook *hook_find(const struct ipam *m, const char *pool)
{
	struct hook *h;

	TAILQ_FOREACH (h, &m->hooks, next) {
		if (h->pool == pool)
			return h;
	}
	return NULL;
}

struct hook *hook_new(struct ipam *m, const char *pool)
{
	struct hook *h = must(calloc(1, sizeof(*h)));

	h->pool = intern(pool);
	LIST_INIT(&h->leases);
	LIST_INIT(&h->flights);
	TAILQ_INIT(&h->due);
	RB_INIT(&h->timers);
	TAILQ_INSERT_TAIL(&m->hooks, h, next);
	return h;
}

void flight_free(struct flight *f)
{
	LIST_REMOVE(f, of_hook);
	ip_kept_unref(f->ips);
	free(f);
}

void hook_free(struct ipam *m, struct hook *h)
{
	while (!LIST_EMPTY(&h->flights))
		flight_free(LIST_FIRST(&h->flights));
	while (!LIST_EMPTY(&h->leases))
		lease_free(m, LIST_FIRST(&h->leases));
	TAILQ_REMOVE(&m->hooks, h, next);
	intern_unref(h->pool);
	intern_unref(h->url);
	intern_unref(h->ca_file);
	intern_unref(h->token_file);
	intern_unref(h->why);
	free(h);
}
