// SPDX-License-Identifier: Apache-2.0
#include "lib/kube/lease.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/duration.h"
#include "lib/base/must.h"
#include "lib/base/rng.h"

#define WRITE_MAX_NS   (5 * NS_PER_S)
#define JITTER_PERCENT 120 /* of the retry period, added at random: client-go's JitterFactor */
#define RELEASE_TRIES  3
#define UNHELD_MAX_NS  (60 * NS_PER_S)

struct kube_lease {
	char *identity;
	uint64_t duration_ns, renew_deadline_ns, retry_ns;
	struct rng rng;

	bool wanted, drained;
	enum kube_lease_todo under_way;
	uint64_t sent_ns; /* of it */
	uint64_t next_ns; /* nothing is sent before */
	bool look;        /* what is known is not to be trusted: read it first */
	bool conflicted;  /* the last write was refused for that */
	unsigned releases;

	/* The Lease as last seen. Gone, what was seen before still says when it is free. */
	enum { UNKNOWN, ABSENT, PRESENT } there;
	char *holder, *acquired, *renewed; /* never NULL; holder "": nobody, or never seen */
	int64_t duration_s, transitions;
	uint64_t
		expires_ns; /* unless it is seen to change before; 0: nobody has to be waited for */
	uint64_t term_ns;   /* of the one that expires then */
	bool holder_dead;

	bool leads;
	uint64_t renewed_ns; /* when what made or kept us leader was sent */
	uint64_t quiet_ns;
};

/* --- times --------------------------------------------------------------------------- */

static uint64_t whole_seconds(uint64_t ns)
{
	return ns / NS_PER_S * NS_PER_S;
}

const char *kube_lease_times_fault(uint64_t duration_ns, uint64_t renew_deadline_ns,
				   uint64_t retry_ns)
{
	if (duration_ns < NS_PER_S || duration_ns / NS_PER_S > INT32_MAX)
		return "must be 1s at least, and whole seconds count";
	if (retry_ns == 0)
		return "needs a retry period greater than zero";
	if (whole_seconds(duration_ns) <= renew_deadline_ns)
		return "must be greater than the renew deadline, in whole seconds";
	if (renew_deadline_ns <= retry_ns + retry_ns / 100 * (JITTER_PERCENT - 100))
		return "needs a renew deadline greater than 1.2 times the retry period";
	return NULL;
}

uint64_t kube_lease_write_ns(uint64_t duration_ns)
{
	return duration_ns / 3 < WRITE_MAX_NS ? duration_ns / 3 : WRITE_MAX_NS;
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* As client-go waits between two tries to get a Lease: candidates that began together spread. */
static uint64_t jittered(struct kube_lease *l)
{
	return l->retry_ns + rng_below(&l->rng, l->retry_ns / 100 * JITTER_PERCENT + 1);
}

/* --- life ---------------------------------------------------------------------------- */

static void text_set(char **slot, const char *text)
{
	char *copy = must(strdup(text != NULL ? text : ""));

	free(*slot);
	*slot = copy;
}

struct kube_lease *kube_lease_new(const struct kube_lease_cfg *cfg)
{
	struct kube_lease *l = must(calloc(1, sizeof(*l)));

	l->duration_ns = whole_seconds(cfg->duration_ns);
	l->renew_deadline_ns = cfg->renew_deadline_ns;
	l->retry_ns = cfg->retry_ns;
	l->rng = rng_seeded(cfg->seed);
	text_set(&l->identity, cfg->identity);
	text_set(&l->holder, NULL);
	text_set(&l->acquired, NULL);
	text_set(&l->renewed, NULL);
	return l;
}

struct kube_lease *kube_lease_free(struct kube_lease *l)
{
	if (l == NULL)
		return NULL;
	free(l->identity);
	free(l->holder);
	free(l->acquired);
	free(l->renewed);
	free(l);
	return NULL;
}

/* --- what is known ------------------------------------------------------------------- */

static bool is_mine(const struct kube_lease *l)
{
	return strcmp(l->holder, l->identity) == 0;
}

static void lose(struct kube_lease *l, uint64_t now_ns)
{
	l->leads = false;
	l->quiet_ns = later(l->quiet_ns, now_ns + kube_lease_write_ns(l->duration_ns));
}

/* It is not ours any more, and nobody has to wait for us. */
static void let_go(struct kube_lease *l)
{
	text_set(&l->holder, NULL);
	l->expires_ns = 0;
}

static bool same(const char *kept, const char *text)
{
	return strcmp(kept, text != NULL ? text : "") == 0;
}

/* As client-go: the spec counts. Who adds a label to a Lease does not renew it. */
static bool is_changed(const struct kube_lease *l, const struct kube_lease_record *r)
{
	return l->there == UNKNOWN || !same(l->holder, r->holder) ||
	       !same(l->acquired, r->acquired) || !same(l->renewed, r->renewed) ||
	       l->duration_s != r->duration_s || l->transitions != r->transitions;
}

/* As client-go and we give a Lease back, and nothing else: who empties one by hand does not end
 * what its holder does. */
static bool is_release(const struct kube_lease_record *r)
{
	return same("", r->holder) && r->duration_s == 1 && r->renewed != NULL &&
	       same(r->renewed, r->acquired);
}

/* leaseDurationSeconds, which others may have made anything; ours where it says nothing. */
static uint64_t record_ns(const struct kube_lease *l, const struct kube_lease_record *r)
{
	uint64_t ns = l->duration_ns;

	if (r->duration_s > 0)
		ns = (uint64_t)(r->duration_s < INT32_MAX ? r->duration_s : INT32_MAX) * NS_PER_S;
	return same("", r->holder) ? later(ns, l->duration_ns) : ns; /* of whom is not known */
}

/* Nobody holds it, nor gave it back. Its last holder is not waited for beyond reason: else one
 * with an absurd duration would stop all of them, and deleting it would not help. */
static void limit_wait(struct kube_lease *l, uint64_t now_ns)
{
	uint64_t most_ns = now_ns + later(l->duration_ns, UNHELD_MAX_NS);

	if (l->expires_ns > most_ns)
		l->expires_ns = most_ns;
}

/* Its record is a new one. An edit by hand does not shorten what its holder may do. */
static void set_expiry(struct kube_lease *l, const struct kube_lease_record *r, uint64_t now_ns)
{
	uint64_t ns = record_ns(l, r);

	if (is_release(r)) {
		l->expires_ns = 0;
		return;
	}
	l->term_ns = now_ns < l->expires_ns ? later(l->term_ns, ns) : ns;
	l->expires_ns = later(l->expires_ns, now_ns + ns);
	if (same("", r->holder))
		limit_wait(l, now_ns);
}

static void learn(struct kube_lease *l, const struct kube_lease_record *r, bool holder_dead,
		  uint64_t now_ns)
{
	if (r == NULL) {
		l->there = ABSENT;
		limit_wait(l, now_ns);
		return;
	}
	if (is_changed(l, r)) {
		text_set(&l->holder, r->holder);
		text_set(&l->acquired, r->acquired);
		text_set(&l->renewed, r->renewed);
		l->duration_s = r->duration_s;
		l->transitions = r->transitions;
		set_expiry(l, r, now_ns);
		l->conflicted = l->conflicted && is_mine(l);
		l->holder_dead = false;
	}
	l->there = PRESENT;
	if (holder_dead && !l->holder_dead && now_ns < l->expires_ns)
		l->expires_ns = now_ns;
	l->holder_dead = holder_dead;
}

void kube_lease_seen(struct kube_lease *l, const struct kube_lease_record *record, bool holder_dead,
		     uint64_t now_ns)
{
	/* A watch may be behind our own writes: what it says against us is looked into. */
	if (!is_mine(l)) {
		learn(l, record, holder_dead, now_ns);
	} else if (record == NULL || !same(l->identity, record->holder)) {
		l->look = true;
		l->next_ns = now_ns;
	}
}

void kube_lease_want(struct kube_lease *l, bool want, uint64_t now_ns)
{
	if (l->wanted == want)
		return;
	if (want && is_mine(l) && !l->drained)
		lose(l, now_ns); /* before what was done under it is known to have ended */
	l->wanted = want;
	l->leads = l->drained = false;
	l->releases = 0;
	l->next_ns = now_ns;
	/* Much may have happened; and what was gone may be there, by a write without an answer. */
	l->look |= want ? l->there != UNKNOWN : l->there == ABSENT;
}

void kube_lease_drained(struct kube_lease *l)
{
	l->drained = true;
}

/* --- answers ------------------------------------------------------------------------- */

/* The Lease is ours, by a write that was sent at l->sent_ns. */
static void hold(struct kube_lease *l, uint64_t now_ns)
{
	text_set(&l->holder, l->identity);
	l->there = PRESENT;
	l->duration_s = (int64_t)(l->duration_ns / NS_PER_S);
	l->expires_ns = l->sent_ns + l->duration_ns;
	l->term_ns = l->duration_ns;
	l->holder_dead = false;
	l->look = l->conflicted = false;
	l->next_ns = later(now_ns, l->sent_ns + l->retry_ns);
	l->renewed_ns = l->sent_ns;
	if (l->wanted && now_ns < l->sent_ns + l->renew_deadline_ns)
		l->leads = true;
	else
		l->next_ns = now_ns;
}

void kube_lease_answer(struct kube_lease *l, enum kube_lease_outcome outcome,
		       const struct kube_lease_record *record, bool holder_dead, uint64_t now_ns)
{
	enum kube_lease_todo asked = l->under_way;

	l->under_way = LEASE_NOTHING;
	if (outcome == LEASE_FAILED && !l->wanted) {
		l->next_ns = now_ns;
		if (asked == LEASE_RELEASE || asked == LEASE_GET)
			let_go(l); /* as client-go, once; it will expire */
	} else if (outcome == LEASE_FAILED) {
		l->next_ns =
			l->leads ? later(now_ns, l->sent_ns + l->retry_ns) : now_ns + jittered(l);
		/* It may have landed. Who hears no answers would hold it for ever, and not lead. */
		l->look |= !l->leads;
	} else if (asked == LEASE_GET) {
		l->look = false;
		learn(l, record, holder_dead, now_ns);
		if (l->leads && !(is_mine(l) && l->there == PRESENT))
			lose(l, now_ns);
	} else if (outcome == LEASE_CONFLICT) {
		l->look = true;
		l->next_ns = l->conflicted ? now_ns + l->retry_ns : now_ns; /* once, at once */
		l->conflicted = true;
	} else if (asked == LEASE_RELEASE) {
		let_go(l);
	} else {
		hold(l, now_ns);
	}
	if (asked == LEASE_RELEASE && outcome == LEASE_CONFLICT && ++l->releases >= RELEASE_TRIES)
		let_go(l);
}

/* --- what to do ---------------------------------------------------------------------- */

/* What comes next, and when. */
static enum kube_lease_todo plan(const struct kube_lease *l, uint64_t *ret_at_ns)
{
	bool gone = l->there == ABSENT;

	*ret_at_ns = l->next_ns;
	if (!l->wanted && (!is_mine(l) || !l->drained)) {
		*ret_at_ns = UINT64_MAX;
		return LEASE_NOTHING;
	}
	if (l->look || l->there == UNKNOWN)
		return LEASE_GET;
	if (!l->wanted) { /* not sooner than we might have acted: who comes next does so at once */
		*ret_at_ns = gone ? l->next_ns : later(l->next_ns, l->quiet_ns);
		return LEASE_RELEASE;
	}
	if (is_mine(l))
		return gone ? LEASE_CREATE : LEASE_RENEW;
	*ret_at_ns = later(l->next_ns, l->expires_ns);
	return gone ? LEASE_CREATE : LEASE_ACQUIRE;
}

enum kube_lease_todo kube_lease_take(struct kube_lease *l, uint64_t now_ns)
{
	uint64_t at_ns;
	enum kube_lease_todo todo = plan(l, &at_ns);

	if (l->leads && now_ns >= l->renewed_ns + l->renew_deadline_ns)
		lose(l, now_ns);
	if (l->under_way != LEASE_NOTHING || now_ns < at_ns)
		return LEASE_NOTHING;
	if (todo == LEASE_RELEASE && l->there == ABSENT) { /* there is nothing to give back */
		let_go(l);
		return LEASE_NOTHING;
	}
	/* Who held it until now may have acted to its end, and not beyond. Even if we never hear
	 * that this write has landed, and find the Lease ours later. */
	if ((todo == LEASE_ACQUIRE || todo == LEASE_CREATE) && !is_mine(l) && l->expires_ns != 0)
		l->quiet_ns = later(l->quiet_ns, l->expires_ns + kube_lease_write_ns(l->term_ns));
	l->under_way = todo;
	l->sent_ns = now_ns;
	return todo;
}

uint64_t kube_lease_wake_ns(const struct kube_lease *l)
{
	uint64_t at_ns = UINT64_MAX, deadline_ns = l->renewed_ns + l->renew_deadline_ns;

	if (l->under_way == LEASE_NOTHING)
		plan(l, &at_ns);
	return l->leads && deadline_ns < at_ns ? deadline_ns : at_ns;
}

bool kube_lease_leads(const struct kube_lease *l)
{
	return l->leads;
}

uint64_t kube_lease_quiet_ns(const struct kube_lease *l)
{
	return l->quiet_ns;
}

uint64_t kube_lease_until_ns(const struct kube_lease *l)
{
	return l->renewed_ns + l->duration_ns;
}

bool kube_lease_is_over(const struct kube_lease *l)
{
	return !l->wanted && !is_mine(l) && l->under_way == LEASE_NOTHING;
}

bool kube_lease_is_free(const struct kube_lease *l, uint64_t now_ns)
{
	return l->holder[0] == '\0' || now_ns >= l->expires_ns;
}

const char *kube_lease_holder(const struct kube_lease *l)
{
	return l->there == PRESENT ? l->holder : "";
}

uint64_t kube_lease_unheld_ns(const struct kube_lease *l)
{
	bool nobody = l->there == ABSENT || (l->there == PRESENT && l->holder[0] == '\0');

	return l->wanted && nobody && !is_mine(l) ? l->expires_ns : 0;
}
