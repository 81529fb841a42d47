// SPDX-License-Identifier: Apache-2.0
#include "allocator/ipam_book.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/intern.h"
#include "lib/base/must.h"
#include "lib/base/text.h"

/* --- hooks come and go ----------------------------------------------------------------------- */

static void lease_strip(struct lease *l)
{
	while (!LIST_EMPTY(&l->wishes))
		wish_free(LIST_FIRST(&l->wishes));
	lease_agree(l);
}

/* Nothing is asked for any more; what falls free is still released. */
static void hook_retire(struct ipam *m, struct hook *h)
{
	struct lease *l, *next;

	h->retired = true;
	for (l = LIST_FIRST(&h->leases); l != NULL; l = next) {
		next = LIST_NEXT(l, of_hook);
		lease_strip(l);
		lease_update(m, l);
	}
}

/* Whatever went wrong may be put right by what changed: nobody waits for his back-off to end. */
static void hook_hurry(struct ipam *m, struct hook *h)
{
	struct lease *l, *next;

	h->retry_ns = h->list_ns = 0;
	for (l = LIST_FIRST(&h->leases); l != NULL; l = next) {
		next = LIST_NEXT(l, of_hook);
		l->retry_ns = 0;
		lease_update(m, l);
	}
}

static void hook_set(struct ipam *m, struct hook *h, const struct pool_ipam *to)
{
	bool changed = h->retired || !text_equal(h->url, to->url) ||
		       !text_equal(h->ca_file, to->ca_file) ||
		       !text_equal(h->token_file, to->token_file) ||
		       h->timeout_ns != to->timeout_ns;

	h->retired = false;
	h->timeout_ns = to->timeout_ns;
	word_set(&h->url, to->url);
	word_set(&h->ca_file, to->ca_file);
	word_set(&h->token_file, to->token_file);
	if (changed)
		hook_hurry(m, h);
}

void ipam_set_config(struct ipam *m, const struct config *c)
{
	struct hook *h, *next;

	for (size_t i = 0; i < c->pools.count; i++) {
		const struct pool *p = &c->pools.items[i];

		if (p->ipam.url == NULL)
			continue;
		h = hook_find(m, p->name);
		if (h == NULL)
			h = hook_new(m, p->name);
		hook_set(m, h, &p->ipam);
	}
	for (h = TAILQ_FIRST(&m->hooks); h != NULL; h = next) {
		const struct pool *p = config_pool(c, h->pool);

		next = TAILQ_NEXT(h, next);
		if (!h->retired && (p == NULL || p->ipam.url == NULL))
			hook_retire(m, h);
	}
}

void ipam_set_cluster(struct ipam *m, const char *uid)
{
	if (m->cluster == NULL)
		m->cluster = intern(uid);
}

void ipam_forget(struct ipam *m)
{
	struct hook *h, *next;

	for (h = TAILQ_FIRST(&m->hooks); h != NULL; h = next) {
		next = TAILQ_NEXT(h, next);
		if (h->retired) {
			hook_free(m, h);
			continue;
		}
		while (!LIST_EMPTY(&h->flights))
			flight_free(LIST_FIRST(&h->flights));
		while (!LIST_EMPTY(&h->leases))
			lease_free(m, LIST_FIRST(&h->leases));
		h->flight_count = h->failures = h->list_failures = 0;
		h->retry_ns = h->list_ns = 0;
		h->down = h->missed = h->listing = h->listed = false;
		word_set(&h->why, NULL);
	}
}

/* --- decisions ------------------------------------------------------------------------------- */

#define ID_MAX 512

/* What the lease is called: the UID, or for objects of files, which have none, the name. */
static const char *who_id(const struct ipam_who *who, char buf[static ID_MAX])
{
	if (who->uid != NULL)
		return who->uid;
	snprintf(buf, ID_MAX, "%s/%s", who->ns, who->name);
	return buf;
}

static struct hook *hook_of(const struct ipam *m, const struct pool *pool)
{
	struct hook *h = hook_find(m, pool->name);

	return h != NULL && !h->retired ? h : NULL;
}

static struct lease *lease_of(const struct ipam *m, const struct hook *h,
			      const struct ipam_who *who)
{
	char buf[ID_MAX];

	return lease_find(m, h, who_id(who, buf));
}

static struct lease *lease_make(struct ipam *m, struct hook *h, const struct ipam_who *who)
{
	char buf[ID_MAX];
	struct lease *l = lease_get(m, h, who_id(who, buf));

	if (l->ns == NULL) {
		l->ns = intern(who->ns);
		l->name = intern(who->name);
		l->uid = intern(who->uid);
	}
	return l;
}

void ipam_begin(struct ipam *m, const struct ipam_who *who)
{
	char buf[ID_MAX];
	struct wish *w;

	if (RB_EMPTY(&m->leases))
		return;
	for (struct lease *l = lease_first(m, who_id(who, buf)); l != NULL; l = lease_next(l)) {
		l->holding = false;
		LIST_FOREACH (w, &l->wishes, of_lease)
			w->asked = false;
	}
}

/* Forget what the decision did not ask for, and which addresses were only just offered. */
static void lease_settle(struct ipam *m, struct lease *l)
{
	struct wish *w, *next;
	struct leased *x;

	for (w = LIST_FIRST(&l->wishes); w != NULL; w = next) {
		next = LIST_NEXT(w, of_lease);
		if (!w->asked)
			wish_free(w);
	}
	word_set(&l->objection, NULL); /* it was told */
	if (!l->holding)
		lease_agree(l);
	LIST_FOREACH (x, &l->ips, of_lease) {
		if (x->fresh && !x->rejected && m->ops->in_use(m->arg, &x->ip))
			x->fresh = false;
	}
	lease_update(m, l);
}

void ipam_end(struct ipam *m, const struct ipam_who *who)
{
	char buf[ID_MAX];
	struct lease *l, *next;

	if (RB_EMPTY(&m->leases))
		return;
	for (l = lease_first(m, who_id(who, buf)); l != NULL; l = next) {
		next = lease_next(l);
		lease_settle(m, l);
	}
}

enum ipam_verdict ipam_ask(struct ipam *m, const struct pool *pool, const struct ipam_who *who,
			   struct ipam_wish wish, struct ip_list *ret)
{
	struct hook *h = hook_of(m, pool);

	if (h == NULL)
		return IPAM_NO_HOOK;
	struct lease *l = lease_make(m, h, who);
	struct wish *w = wish_find(l, wish.families, wish.ips);
	if (w == NULL)
		w = wish_new(l, wish.families, wish.ips);
	w->asked = true;
	if (w->state == WISH_OPEN)
		return IPAM_WAITING;
	if (w->state == WISH_DENIED)
		return IPAM_DENIED;
	*ret = ip_list_of(ip_kept_lend(w->offered));
	return IPAM_OFFERED;
}

static const struct wish *wish_of(const struct ipam *m, const struct hook *h,
				  const struct ipam_who *who, struct ipam_wish wish)
{
	const struct lease *l = h != NULL ? lease_of(m, h, who) : NULL;

	return l != NULL ? wish_find(l, wish.families, wish.ips) : NULL;
}

enum ipam_verdict ipam_verdict(const struct ipam *m, const struct pool *pool,
			       const struct ipam_who *who, struct ipam_wish wish)
{
	static const enum ipam_verdict verdicts[] = {
		[WISH_OPEN] = IPAM_WAITING,
		[WISH_OFFERED] = IPAM_OFFERED,
		[WISH_DENIED] = IPAM_DENIED,
	};
	const struct wish *w = wish_of(m, hook_of(m, pool), who, wish);

	return w != NULL ? verdicts[w->state] : IPAM_NO_HOOK;
}

void ipam_reject(struct ipam *m, const struct pool *pool, const struct ipam_who *who,
		 struct ipam_wish wish, const char *why)
{
	struct hook *h = hook_of(m, pool);
	struct lease *l = h != NULL ? lease_of(m, h, who) : NULL;
	struct wish *w = l != NULL ? wish_find(l, wish.families, wish.ips) : NULL;
	struct leased *x;

	if (w == NULL || w->state != WISH_OFFERED)
		return;
	/* What somebody held before it was offered here is not ours to release. */
	LIST_FOREACH (x, &l->ips, of_lease) {
		if (x->fresh && ips_have(ip_kept_lend(w->offered), &x->ip))
			x->rejected = true;
	}
	wish_deny(m, w, why, true);
}

const char *ipam_why(const struct ipam *m, const struct pool *pool, const struct ipam_who *who,
		     struct ipam_wish wish, bool *ret_away)
{
	const struct hook *h = hook_of(m, pool);
	const struct lease *l = h != NULL ? lease_of(m, h, who) : NULL;
	const struct wish *w = l != NULL ? wish_find(l, wish.families, wish.ips) : NULL;
	char *text = (char *)(uintptr_t)m->text;
	const char *down;

	*ret_away = false;
	if (w == NULL || w->state == WISH_OFFERED)
		return "";
	if (w->state == WISH_DENIED) {
		if (w->rejected)
			snprintf(text, sizeof(m->text), "gives nothing: its IPAM answered %s",
				 w->why);
		else
			snprintf(text, sizeof(m->text), "was refused by its IPAM%s%s",
				 w->why[0] != '\0' ? ": " : "", w->why);
		return text;
	}
	down = l->failures > 0 ? l->why : h->failures > 0 ? h->why : NULL;
	*ret_away = down != NULL;
	if (down == NULL)
		return "waits for the answer of its IPAM";
	snprintf(text, sizeof(m->text), "waits for its IPAM, which is away: %s", down);
	return text;
}

bool ipam_hold(struct ipam *m, const struct pool *pool, const struct ipam_who *who, struct ips ips,
	       struct ip_addr *ret_ip, const char **ret_why)
{
	struct hook *h = hook_of(m, pool);
	struct ip_list missing = { .count = 0 }, some;

	if (h == NULL || !h->listed)
		return false;
	for (unsigned i = 0; i < ips.count; i++) {
		if (!hook_has(m, h, &ips.items[i]))
			missing.ips[missing.count++] = ips.items[i];
	}
	if (missing.count == 0)
		return false;
	struct lease *l = lease_make(m, h, who);
	l->holding = true;
	some = ips_filter(ip_list_lend(&missing), ip_kept_lend(l->disputed), false);
	ip_kept_set(&l->claims, ip_list_lend(&some));
	if (l->objection == NULL)
		return false;
	*ret_why = l->objection;
	*ret_ip = l->objected;
	return true;
}

void ipam_freed(struct ipam *m, const struct ip_addr *ip)
{
	struct leased from = { .ip = *ip };
	struct leased *x, *next;

	for (x = RB_NFIND(leased_tree, &m->leased, &from); x != NULL && ip_equal(&x->ip, ip);
	     x = next) {
		next = RB_NEXT(leased_tree, , x);
		lease_update(m, x->lease);
	}
}

/* --- life ------------------------------------------------------------------------------------ */

void ipam_hooks(const struct ipam *m, void (*each)(void *arg, const struct ipam_hook_view *view),
		void *arg)
{
	const struct hook *h;

	TAILQ_FOREACH (h, &m->hooks, next) {
		struct ipam_hook_view view = {
			.pool = h->pool,
			.up = !h->down,
			.leases = h->leased_count,
			.waiting = h->due_count,
			.calls = h->flight_count,
		};
		each(arg, &view);
	}
}

void ipam_count(const struct ipam *m, size_t *ret_leases, size_t *ret_work)
{
	struct lease *l;
	const struct hook *h;
	const struct wish *w;

	*ret_leases = *ret_work = 0;
	TAILQ_FOREACH (h, &m->hooks, next)
		*ret_work += h->flight_count;
	RB_FOREACH (l, lease_tree, (struct lease_tree *)(uintptr_t)&m->leases) {
		++*ret_leases;
		LIST_FOREACH (w, &l->wishes, of_lease)
			++*ret_work;
	}
}

struct ipam *ipam_new(const struct ipam_ops *ops, void *arg, uint64_t seed)
{
	struct ipam *m = must(calloc(1, sizeof(*m)));

	m->ops = ops;
	m->arg = arg;
	m->rng = rng_seeded(seed);
	TAILQ_INIT(&m->hooks);
	RB_INIT(&m->leases);
	RB_INIT(&m->leased);
	return m;
}

struct ipam *ipam_free(struct ipam *m)
{
	if (m == NULL)
		return NULL;
	while (!TAILQ_EMPTY(&m->hooks))
		hook_free(m, TAILQ_FIRST(&m->hooks));
	intern_unref(m->cluster);
	free(m);
	return NULL;
}
