// SPDX-License-Identifier: Apache-2.0
/* The way to the server: which call is made when. */
#include <stdlib.h>
#include <string.h>

#include "allocator/ipam_book.h"
#include "lib/base/duration.h"
#include "lib/base/intern.h"
#include "lib/base/must.h"

#define CALLS_MAX      8 /* under way for one hook */
#define RETRY_FIRST_NS (500 * NS_PER_MS)
#define RETRY_MAX_NS   (60 * NS_PER_S)
#define RETRY_JITTER   20 /* percent */
#define LIST_TIMES     5  /* the time of another call */

/* --- when ------------------------------------------------------------------------------------ */

uint64_t retry_at(struct ipam *m, unsigned failures, unsigned wish_s)
{
	unsigned doubled = failures - 1 < 7 ? failures - 1 : 7;
	uint64_t wait_ns = RETRY_FIRST_NS << doubled;

	if (wait_ns > RETRY_MAX_NS)
		wait_ns = RETRY_MAX_NS;
	wait_ns = rng_jitter(&m->rng, wait_ns, RETRY_JITTER);
	if (wish_s * NS_PER_S > wait_ns)
		wait_ns = wish_s * NS_PER_S;
	return m->now_ns + wait_ns;
}

/* Ask again about what was denied until now. */
static void lease_wake(struct ipam *m, struct lease *l)
{
	struct wish *w;

	if (l->retry_ns <= m->now_ns)
		l->retry_ns = 0;
	LIST_FOREACH (w, &l->wishes, of_lease) {
		if (w->state == WISH_DENIED && w->until_ns <= m->now_ns)
			w->until_ns = 0;
	}
	lease_update(m, l);
}

void ipam_tick(struct ipam *m, uint64_t now_ns)
{
	struct hook *h, *next;
	struct lease *l;

	m->now_ns = now_ns;
	for (h = TAILQ_FIRST(&m->hooks); h != NULL; h = next) {
		next = TAILQ_NEXT(h, next);
		while ((l = RB_MIN(lease_timers, &h->timers)) != NULL && l->wake_ns <= now_ns)
			lease_wake(m, l);
		if (h->retired && LIST_EMPTY(&h->leases) && LIST_EMPTY(&h->flights))
			hook_free(m, h);
	}
}

/* While the server is away, one call at a time looks whether it is back. */
static bool hook_has_room(const struct hook *h)
{
	return h->flight_count < (h->failures > 0 ? 1 : CALLS_MAX);
}

uint64_t ipam_wake_ns(const struct ipam *m)
{
	uint64_t wake_ns = UINT64_MAX;
	struct hook *h;

	TAILQ_FOREACH (h, &m->hooks, next) {
		const struct lease *l = RB_MIN(lease_timers, &h->timers);
		uint64_t call_ns = TAILQ_EMPTY(&h->due) ? UINT64_MAX : h->retry_ns;

		if (!h->retired && !h->listing) {
			uint64_t list_ns = h->list_ns > h->retry_ns ? h->list_ns : h->retry_ns;

			if (list_ns < call_ns)
				call_ns = list_ns;
		}
		if (m->cluster != NULL && hook_has_room(h) && call_ns < wake_ns)
			wake_ns = call_ns;
		if (l != NULL) { /* all that it may lead to is a call */
			uint64_t lease_ns = l->wake_ns > h->retry_ns ? l->wake_ns : h->retry_ns;

			if (lease_ns < wake_ns)
				wake_ns = lease_ns;
		}
	}
	return wake_ns;
}

/* --- calls ----------------------------------------------------------------------------------- */

char *lease_key(const struct ipam *m, const struct hook *h, const char *id)
{
	return must_text("%s/%s/%s", m->cluster, h->pool, id);
}

static struct flight *flight_new(struct ipam *m, struct hook *h, enum ipam_kind kind)
{
	struct flight *f = must(calloc(1, sizeof(*f)));

	f->id = ++m->next_id;
	f->kind = kind;
	f->failures = h->failures;
	LIST_INSERT_HEAD(&h->flights, f, of_hook);
	h->flight_count++;
	return f;
}

static struct ipam_call *call_new(const struct hook *h, const struct flight *f,
				  struct ipam_calls *out)
{
	struct ipam_call **slot = must(array_push(out));
	struct ipam_call *c = *slot = must(calloc(1, sizeof(*c)));

	c->id = f->id;
	c->kind = f->kind;
	c->pool = must(strdup(h->pool));
	c->url = must(strdup(h->url));
	c->ca_file = must_copy(h->ca_file);
	c->token_file = must_copy(h->token_file);
	c->timeout_ns = h->timeout_ns * (f->kind == IPAM_LIST ? LIST_TIMES : 1);
	return c;
}

static void call_list(struct ipam *m, struct hook *h, struct ipam_calls *out)
{
	struct flight *f = flight_new(m, h, IPAM_LIST);
	struct ipam_call *c = call_new(h, f, out);
	char *prefix = lease_key(m, h, "");

	h->listing = true;
	h->missed = false;
	c->path = ipam_list_path(prefix);
	free(prefix);
}

static struct ips spare_of(const struct ipam *m, const struct lease *l, struct ip_list *list)
{
	const struct leased *x;

	list->count = 0;
	LIST_FOREACH (x, &l->ips, of_lease) {
		if (list->count < IP_LIST_MAX && leased_is_spare(m, x))
			list->ips[list->count++] = x->ip;
	}
	return ip_list_lend(list);
}

static void call_lease(struct ipam *m, struct lease *l, struct ipam_calls *out)
{
	struct hook *h = l->hook;
	struct wish *w = NULL;
	struct ip_list spare;
	enum lease_need need = lease_need(m, l, &w);
	bool asks = need == NEED_WISH || need == NEED_CLAIM;

	if (need == NEED_NOTHING) { /* what was to be released is in use again */
		lease_update(m, l);
		return;
	}
	struct flight *f = flight_new(m, h, asks ? IPAM_ALLOCATE : IPAM_RELEASE);
	f->lease = l;
	l->flight = f;
	switch (need) {
	case NEED_WISH:
		f->families = w->families;
		f->ips = ip_kept_ref(w->ips);
		break;
	case NEED_CLAIM:
		f->claim = true;
		ip_kept_set(&f->ips, (struct ips){ ip_kept_lend(l->claims).items, 1 });
		break;
	case NEED_RELEASE:
		ip_kept_set(&f->ips, spare_of(m, l, &spare));
		break;
	case NEED_END:
	case NEED_NOTHING: /* see above */
		f->whole = true;
		break;
	}
	struct ipam_call *c = call_new(h, f, out);
	char *key = lease_key(m, h, l->id);
	c->path = must(strdup(asks ? "/v1/allocate" : "/v1/release"));
	c->body = ipam_body(key, h->pool, asks ? l->ns : NULL, l->name, l->uid, f->families,
			    ip_kept_lend(f->ips));
	free(key);
	lease_update(m, l);
}

void ipam_calls(struct ipam *m, uint64_t now_ns, struct ipam_calls *out)
{
	struct hook *h;
	struct lease *l;

	m->now_ns = now_ns;
	if (m->cluster == NULL)
		return;
	TAILQ_FOREACH (h, &m->hooks, next) {
		while (hook_has_room(h) && h->retry_ns <= now_ns) {
			if (!h->retired && !h->listing && h->list_ns <= now_ns)
				call_list(m, h, out);
			else if ((l = TAILQ_FIRST(&h->due)) != NULL)
				call_lease(m, l, out);
			else
				break;
		}
	}
}
