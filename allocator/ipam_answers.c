// SPDX-License-Identifier: Apache-2.0
/* The way back from the server: what an answer changes, and who is told. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "allocator/ipam_book.h"
#include "lib/base/duration.h"
#include "lib/base/intern.h"

#define LIST_EVERY_NS (600 * NS_PER_S)
#define LIST_JITTER   20 /* percent */

static void lease_changed(struct ipam *m, const struct lease *l)
{
	struct ipam_who who = lease_who(l);

	if (l->ns != NULL)
		m->ops->changed(m->arg, &who);
}

/* Those who wait for an answer are to know that, and why, there is none. */
static void hook_tell(struct ipam *m, const struct hook *h)
{
	const struct lease *l;

	LIST_FOREACH (l, &h->leases, of_hook) {
		if (!LIST_EMPTY(&l->wishes))
			lease_changed(m, l);
	}
}

static void hook_failed(struct ipam *m, struct hook *h, const struct flight *f,
			const struct ipam_answer *answer)
{
	bool news = h->why == NULL || strcmp(h->why, answer->why) != 0;

	h->down = true;
	word_set(&h->why, answer->why);
	if (f->kind == IPAM_LIST) {
		h->list_ns = retry_at(m, ++h->list_failures, answer->retry_after_s);
		return;
	}
	h->missed = true;
	if (f->failures == h->failures) { /* of calls that went together, one counts */
		h->retry_ns = retry_at(m, ++h->failures, answer->retry_after_s);
		news = news || h->failures == 1;
	}
	if (news)
		hook_tell(m, h);
}

static void hook_heard(struct hook *h, const struct flight *f)
{
	h->down = false;
	h->failures = 0;
	h->retry_ns = 0;
	if (f->kind == IPAM_LIST)
		h->list_failures = 0;
	else if (h->missed && h->list_failures == 0)
		h->list_ns = 0;
	word_set(&h->why, NULL);
}

/* Addresses went back to the server: as many of those that it refused may try again. */
static void hook_hint(struct ipam *m, struct hook *h, unsigned count)
{
	struct lease *l, *next;
	struct wish *w;

	for (l = RB_MIN(lease_timers, &h->timers); l != NULL && count > 0; l = next) {
		bool refused = false;

		next = RB_NEXT(lease_timers, , l);
		LIST_FOREACH (w, &l->wishes, of_lease) {
			if (w->state == WISH_DENIED && w->until_ns != 0) {
				w->until_ns = 0;
				refused = true;
			}
		}
		count -= refused;
		lease_update(m, l);
	}
}

/* Is this what was asked for? */
static bool fits(const struct flight *f, struct ips ips)
{
	unsigned v4 = 0;

	if (f->families == 0)
		return ips_same_set(ips, ip_kept_lend(f->ips));
	for (unsigned i = 0; i < ips.count; i++)
		v4 += ips.items[i].family == IP_V4;
	return v4 == (f->families & FAMILIES_V4 ? 1 : 0) &&
	       ips.count - v4 == (f->families & FAMILIES_V6 ? 1 : 0);
}

static void offered(struct ipam *m, struct lease *l, const struct flight *f, struct ips ips)
{
	struct wish *w = wish_find(l, f->families, ip_kept_lend(f->ips));
	char text[IPS_TEXT_MAX], why[IPS_TEXT_MAX + 64];

	if (w == NULL)
		return; /* nobody wants it any more */
	if (fits(f, ips)) {
		w->state = WISH_OFFERED;
		ip_kept_set(&w->offered, ips);
		word_set(&w->why, NULL);
		return;
	}
	snprintf(why, sizeof(why), "%s, which is not what it was asked for", ips_text(ips, text));
	wish_deny(m, w, why, true);
	for (unsigned i = 0; i < ips.count; i++) {
		struct leased *x = leased_find(l, &ips.items[i]);

		x->rejected = x->fresh;
	}
}

/* The server does not agree that @l holds what was asked for. */
static void objected(struct lease *l, const struct flight *f, const char *why)
{
	struct ip_list disputed = ip_list_of(ip_kept_lend(l->disputed));
	struct ip_list told = ip_list_of(ip_kept_lend(l->told));
	struct ip_addr ip = ip_kept_lend(f->ips).items[0];

	if (disputed.count < IP_LIST_MAX)
		disputed.ips[disputed.count++] = ip;
	ip_kept_set(&l->disputed, ip_list_lend(&disputed));
	if (told.count == IP_LIST_MAX || ips_have(ip_list_lend(&told), &ip))
		return;
	told.ips[told.count++] = ip;
	ip_kept_set(&l->told, ip_list_lend(&told));
	l->objected = ip;
	word_set(&l->objection, why);
}

static void claim_answered(struct lease *l, const struct flight *f,
			   const struct ipam_answer *answer)
{
	struct ips asked = ip_kept_lend(f->ips);
	struct ip_list left = ips_filter(ip_kept_lend(l->claims), asked, false);

	ip_kept_set(&l->claims, ip_list_lend(&left));
	if (answer->result == IPAM_REFUSED) {
		objected(l, f, answer->why);
	} else if (!fits(f, ip_list_lend(&answer->ips))) {
		objected(l, f, "it answers with another address");
	} else {
		left = ips_filter(ip_kept_lend(l->told), asked, false);
		ip_kept_set(&l->told, ip_list_lend(&left));
	}
}

static void allocate_answered(struct ipam *m, struct lease *l, const struct flight *f,
			      const struct ipam_answer *answer)
{
	struct ips ips = ip_list_lend(&answer->ips);
	struct wish *w = NULL;

	l->unsure = false;
	for (unsigned i = 0; i < ips.count; i++) {
		struct leased *x = leased_find(l, &ips.items[i]);

		if (x == NULL)
			leased_add(m, l, &ips.items[i])->fresh = !f->claim;
	}
	if (f->claim)
		claim_answered(l, f, answer);
	else if (answer->result == IPAM_OK)
		offered(m, l, f, ips);
	else if ((w = wish_find(l, f->families, ip_kept_lend(f->ips))) != NULL)
		wish_deny(m, w, answer->why, false);
}

static void release_answered(struct ipam *m, struct lease *l, const struct flight *f)
{
	struct leased *x, *next;
	unsigned count = 0;

	if (f->whole)
		l->unsure = false;
	for (x = LIST_FIRST(&l->ips); x != NULL; x = next) {
		next = LIST_NEXT(x, of_lease);
		if (!f->whole && !ips_have(ip_kept_lend(f->ips), &x->ip))
			continue;
		/* Somebody took it meanwhile, or had it all along: whose is it there? */
		if (m->ops->in_use(m->arg, &x->ip))
			l->hook->list_ns = 0;
		count += !x->rejected;
		leased_drop(m, x);
	}
	hook_hint(m, l->hook, count);
}

/* --- the list -------------------------------------------------------------------------------- */

/* What the server holds for @l is @ips and no more. */
static void lease_list(struct ipam *m, struct lease *l, struct ips ips)
{
	struct leased *x, *next;

	for (x = LIST_FIRST(&l->ips); x != NULL; x = next) {
		next = LIST_NEXT(x, of_lease);
		if (!ips_have(ips, &x->ip))
			leased_drop(m, x);
	}
	for (unsigned i = 0; i < ips.count; i++)
		leased_add(m, l, &ips.items[i]);
	l->unsure = false;
}

static void list_answered(struct ipam *m, struct hook *h, const struct ipam_entries *list)
{
	char *prefix = lease_key(m, h, "");
	size_t len = strlen(prefix);
	struct lease *l, *next;

	LIST_FOREACH (l, &h->leases, of_hook)
		l->listed = false;
	for (size_t i = 0; i < list->count; i++) {
		const struct ipam_entry *e = &list->items[i];

		/* Others' leases, also those of a pool whose name begins like this one. */
		if (strncmp(e->key, prefix, len) != 0 || e->key[len] == '\0' ||
		    strchr(e->key + len, '/') != NULL)
			continue;
		l = lease_get(m, h, e->key + len);
		l->listed = true;
		if (l->flight == NULL) /* else its own answer tells more */
			lease_list(m, l, ip_kept_lend(e->ips));
	}
	free(prefix);
	for (l = LIST_FIRST(&h->leases); l != NULL; l = next) {
		next = LIST_NEXT(l, of_hook);
		if (!l->listed && l->flight == NULL)
			lease_list(m, l, (struct ips){ NULL, 0 });
		l->disputed = ip_kept_unref(l->disputed);
		lease_update(m, l);
	}
	h->listed = true;
	h->list_ns = m->now_ns + rng_jitter(&m->rng, LIST_EVERY_NS, LIST_JITTER);
	m->ops->pool_changed(m->arg, h->pool);
}

static void lease_answered(struct ipam *m, struct lease *l, const struct flight *f,
			   const struct ipam_answer *answer)
{
	l->flight = NULL;
	if (answer->result == IPAM_FAILED) {
		if (f->kind == IPAM_ALLOCATE)
			l->unsure = true;
		word_set(&l->why, answer->why);
		l->retry_ns = retry_at(m, ++l->failures, answer->retry_after_s);
	} else {
		l->failures = 0;
		l->retry_ns = 0;
		word_set(&l->why, NULL);
		if (f->kind == IPAM_ALLOCATE)
			allocate_answered(m, l, f, answer);
		else
			release_answered(m, l, f);
	}
	lease_changed(m, l);
	lease_update(m, l);
}

void ipam_answered(struct ipam *m, uint64_t id, const struct ipam_answer *answer, uint64_t now_ns)
{
	struct hook *h;
	struct flight *f = NULL;

	m->now_ns = now_ns;
	TAILQ_FOREACH (h, &m->hooks, next) {
		LIST_FOREACH (f, &h->flights, of_hook) {
			if (f->id == id)
				break;
		}
		if (f != NULL)
			break;
	}
	if (f == NULL)
		return;
	h->flight_count--;
	if (f->kind == IPAM_LIST)
		h->listing = false;
	if (answer->result == IPAM_FAILED)
		hook_failed(m, h, f, answer);
	else
		hook_heard(h, f);
	if (f->lease != NULL)
		lease_answered(m, f->lease, f, answer);
	else if (answer->result == IPAM_OK && !h->retired)
		list_answered(m, h, &answer->leases);
	flight_free(f);
}
