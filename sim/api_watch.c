// SPDX-License-Identifier: Apache-2.0
/*
 * Lists and watches, as lib/kube's reflector and its clock (lib/kube/watch.c) have them.
 *
 * A watch has one timer. It is set to the moment at which its state ends: a request or an answer
 * arrives, a wait is over, or, while it is open, the next change is to be told. An open watch that
 * has told everything is idle and is woken by the next change; one that has not tells, when its
 * time has come, all that is old enough, so that a burst of changes costs it few steps.
 */
#include <assert.h>
#include <stdlib.h>

#include "lib/base/duration.h"
#include "lib/base/intern.h"
#include "lib/base/must.h"
#include "sim/api_state.h"

/* Times of lib/kube. */
#define CONNECT_NS   (5 * NS_PER_S)
#define SILENCE_NS   (90 * NS_PER_S)
#define BOOKMARK_NS  (60 * NS_PER_S) /* the server's word when it has nothing to say */
#define SHORT_NS     NS_PER_S        /* a watch that ends sooner is not asked again at once */
#define PROVEN_NS    (10 * NS_PER_S) /* one that lives so long begins its back-off anew */
#define LIFE_MIN_NS  (300 * NS_PER_S)
#define LIFE_MAX_NS  (600 * NS_PER_S)
#define DELAY_JITTER 50 /* percent */

enum watch_state {
	WATCH_WAITING,    /* it will ask */
	WATCH_ASKING,     /* its request is on the way to the server */
	WATCH_LISTED,     /* on the way back: a list, */
	WATCH_TOO_OLD,    /* or 410, */
	WATCH_UNANSWERED, /* or nothing */
	WATCH_OPEN,
};

static void on_due(void *arg);

static uint64_t now_ns(const struct sim_watch *w)
{
	return sim_clock_now(w->client->api->clock);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* A process that stands still does nothing; what is the server's to do happens all the same. */
static void arm(struct sim_watch *w, uint64_t at_ns)
{
	struct sim_clock *clock = w->client->api->clock;

	w->at_ns = at_ns;
	if (w->client->paused && w->state != WATCH_ASKING)
		sim_timer_stop(clock, &w->timer);
	else
		sim_timer_set(clock, &w->timer, at_ns, on_due, w);
}

static void set_idle(struct sim_watch *w, bool idle)
{
	if (w->is_idle == idle)
		return;
	w->is_idle = idle;
	if (idle)
		TAILQ_INSERT_TAIL(&w->store->idle, w, of_idle);
	else
		TAILQ_REMOVE(&w->store->idle, w, of_idle);
}

static void set_state(struct sim_watch *w, enum watch_state state, uint64_t at_ns)
{
	set_idle(w, false);
	w->state = state;
	arm(w, at_ns);
}

/* Send the next request: a list, or the watch from where it is. */
static void ask(struct sim_watch *w)
{
	w->snapshot = sim_api_snapshot_unref(w->snapshot);
	w->asked_ns = now_ns(w);
	w->rto_ns = w->held_ns = 0;
	w->silent_ns = UINT64_MAX;
	w->fresh = w->dead = w->timed_out = w->for_server = false;
	set_state(w, WATCH_ASKING, w->asked_ns + sim_api_client_trip_ns(w->client));
}

static void wait_alone(struct sim_watch *w)
{
	set_state(w, WATCH_WAITING,
		  now_ns(w) + backoff_next(&w->backoff, &w->client->rng) * NS_PER_MS);
}

/* --- an open watch ----------------------------------------------------------------------- */

bool sim_watch_is_open(const struct sim_watch *w)
{
	return w->state == WATCH_OPEN && !w->dead;
}

bool sim_watch_hears(const struct sim_watch *w)
{
	return w->state == WATCH_OPEN && !w->fresh;
}

static bool is_behind(const struct sim_watch *w)
{
	return w->position < sim_api_history_end(&w->store->history);
}

/* The age of a change at which it is told at the earliest; the latest is three times that. */
static uint64_t age_min_ns(const struct sim_watch *w)
{
	uint64_t delay_ns = w->client->api->cfg.watch_delay_ns;

	return delay_ns - delay_ns / 100 * DELAY_JITTER + w->client->extra_ns;
}

/* When its next change is to be told. */
static uint64_t due_ns(struct sim_watch *w)
{
	const struct sim_api_version *v = sim_api_history_at(&w->store->history, w->position);

	return v->at_ns + rng_jitter(&w->rng, w->client->api->cfg.watch_delay_ns, DELAY_JITTER) +
	       w->client->extra_ns;
}

/* Wait for what comes next on its connection. */
static void follow(struct sim_watch *w)
{
	uint64_t at_ns = w->ends_ns;

	set_idle(w, !w->dead && !is_behind(w));
	if (w->dead || w->fresh)
		at_ns = w->held_ns;
	else if (is_behind(w))
		at_ns = earlier(at_ns, due_ns(w));
	if (at_ns < w->held_ns)
		at_ns = w->held_ns;
	arm(w, w->client->out_cut ? w->silent_ns : earlier(at_ns, w->silent_ns));
}

void sim_watches_wake(struct sim_api_store *s)
{
	struct sim_watch *w;

	while ((w = TAILQ_FIRST(&s->idle)) != NULL)
		follow(w); /* it is idle no longer */
}

/* --- its end ------------------------------------------------------------------------------- */

static void watch_free(struct sim_watch *w)
{
	struct sim_api_client *c = w->client;

	sim_api_client_hold(c);
	TAILQ_REMOVE(&c->watches, w, of_client);
	TAILQ_REMOVE(&w->store->watches, w, of_store);
	sim_api_snapshot_unref(w->snapshot);
	free(w);
	sim_api_client_release(c);
}

struct sim_watch *sim_watch_stop(struct sim_watch *w)
{
	if (w == NULL || w->ended)
		return NULL;
	w->ended = true;
	set_idle(w, false);
	w->state = WATCH_WAITING;
	w->for_server = false;
	sim_timer_stop(w->client->api->clock, &w->timer);
	if (!w->busy)
		watch_free(w);
	return NULL;
}

/* After its callbacks. True: it was stopped by one of them, and is gone. */
static bool has_ended(struct sim_watch *w)
{
	bool ended = w->ended;

	w->busy = false;
	if (ended)
		watch_free(w);
	return ended;
}

/* --- telling ------------------------------------------------------------------------------- */

static void tell(struct sim_watch *w, const struct sim_object *o)
{
	if (o->gone)
		w->ops->remove(w->arg, o->ns, o->name);
	else
		w->ops->upsert(w->arg, o);
}

/* All that is old enough. False: it was stopped, and is gone. */
static bool tell_changes(struct sim_watch *w)
{
	uint64_t now = now_ns(w), age_ns = age_min_ns(w);

	w->busy = true;
	while (!w->ended && sim_watch_is_open(w) && is_behind(w)) {
		struct sim_api_version *v = sim_api_history_at(&w->store->history, w->position);

		if (v->at_ns + age_ns > now)
			break;
		w->position++;
		w->client->api->counts.events++;
		sim_api_version_ref(v);
		tell(w, &v->object);
		sim_api_version_unref(v);
	}
	return !has_ended(w);
}

static void tell_lost(struct sim_watch *w, const struct sim_api_snapshot *s)
{
	struct sim_api_graves lost = { 0 };

	if (w->synced)
		lost = sim_api_history_lost(&w->store->history, w->position, s);
	for (size_t i = 0; i < lost.count && !w->ended; i++)
		w->ops->remove(w->arg, lost.items[i].ns, lost.items[i].name);
	sim_api_graves_done(&lost);
}

/* The list has arrived: what is there, then what is gone; and watch from there. */
static void tell_list(struct sim_watch *w)
{
	struct sim_api_snapshot *s = w->snapshot;

	w->snapshot = NULL;
	sim_api_client_heard(w->client);
	w->busy = true;
	for (size_t i = 0; i < s->count && !w->ended; i++)
		tell(w, &s->items[i]->object);
	tell_lost(w, s);
	w->position = s->position;
	sim_api_snapshot_unref(s);
	w->listed = w->synced = true;
	if (!w->ended && w->ops->synced != NULL)
		w->ops->synced(w->arg);
	if (!has_ended(w))
		ask(w);
}

/* --- its states ---------------------------------------------------------------------------- */

/* A watch that merely ended is continued. */
static void on_closed(struct sim_watch *w)
{
	uint64_t lived_ns = now_ns(w) - w->asked_ns;

	if (lived_ns >= PROVEN_NS)
		backoff_reset(&w->backoff);
	if (lived_ns >= SHORT_NS)
		ask(w);
	else
		wait_alone(w);
}

static void on_open_due(struct sim_watch *w)
{
	uint64_t now = now_ns(w);

	if (now >= w->silent_ns) {
		ask(w);
		return;
	}
	if (w->client->out_cut || now < w->held_ns) {
		follow(w);
		return;
	}
	sim_api_client_heard(w->client);
	w->fresh = false;
	w->silent_ns = UINT64_MAX;
	if (!w->dead && !tell_changes(w))
		return;
	if (w->dead || now >= w->ends_ns)
		on_closed(w);
	else
		follow(w);
}

static void on_unanswered(struct sim_watch *w)
{
	struct sim_api_client *c = w->client;

	/* The end of a connection gets lost as all else does. */
	if (c->out_cut && now_ns(w) < w->asked_ns + CONNECT_NS) {
		w->timed_out = true;
		arm(w, w->asked_ns + CONNECT_NS);
		return;
	}
	c->api->counts.unanswered++;
	w->for_server = sim_api_client_unheard(c, w->asked_ns, w->timed_out);
	if (w->for_server)
		set_state(w, WATCH_WAITING, now_ns(w) + sim_api_client_retry_ns(c));
	else
		wait_alone(w);
}

static void on_too_old(struct sim_watch *w)
{
	sim_api_client_heard(w->client);
	w->listed = false;
	wait_alone(w);
}

/* Does a cut keep its answer back? Then it is sent again, until the client asks anew. */
static bool is_kept_back(struct sim_watch *w)
{
	uint64_t now = now_ns(w), until_ns = w->asked_ns + SILENCE_NS;

	if (!w->client->out_cut)
		return false;
	if (now >= until_ns)
		ask(w);
	else
		arm(w, earlier(now + sim_rto_next(&w->rto_ns), until_ns));
	return true;
}

static void open_watch(struct sim_watch *w)
{
	uint64_t now = now_ns(w);

	w->fresh = true;
	w->held_ns = now + sim_api_client_trip_ns(w->client);
	w->ends_ns = now + LIFE_MIN_NS + rng_below(&w->rng, LIFE_MAX_NS - LIFE_MIN_NS);
	w->silent_ns = w->asked_ns + SILENCE_NS;
	w->state = WATCH_OPEN;
	follow(w);
}

/* Its request has come to the server. */
static void serve(struct sim_watch *w)
{
	struct sim_api *a = w->client->api;
	uint64_t back_ns = now_ns(w) + sim_api_client_trip_ns(w->client);

	w->rto_ns = 0;
	if (a->down) {
		set_state(w, WATCH_UNANSWERED, back_ns);
	} else if (!w->listed) {
		a->counts.lists++;
		w->snapshot = sim_api_snapshot_take(w->store);
		set_state(w, WATCH_LISTED, back_ns);
	} else if (w->position < w->store->history.window) {
		a->counts.gone410++;
		set_state(w, WATCH_TOO_OLD, back_ns);
	} else {
		open_watch(w);
	}
}

static void on_asked(struct sim_watch *w)
{
	uint64_t now = now_ns(w), until_ns = w->asked_ns + CONNECT_NS;

	if (!w->client->in_cut) {
		serve(w);
	} else if (now < until_ns) {
		arm(w, earlier(now + sim_rto_next(&w->rto_ns), until_ns));
	} else {
		w->timed_out = true;
		set_state(w, WATCH_UNANSWERED, now);
	}
}

static void on_due(void *arg)
{
	struct sim_watch *w = arg;

	switch ((enum watch_state)w->state) {
	case WATCH_WAITING:
		ask(w);
		return;
	case WATCH_ASKING:
		on_asked(w);
		return;
	case WATCH_LISTED:
		if (!is_kept_back(w))
			tell_list(w);
		return;
	case WATCH_TOO_OLD:
		if (!is_kept_back(w))
			on_too_old(w);
		return;
	case WATCH_UNANSWERED:
		on_unanswered(w);
		return;
	case WATCH_OPEN:
		on_open_due(w);
		return;
	}
}

/* --- what happens to it ---------------------------------------------------------------------- */

void sim_watch_break(struct sim_watch *w)
{
	uint64_t heard_ns = now_ns(w) + sim_api_client_trip_ns(w->client);

	switch ((enum watch_state)w->state) {
	case WATCH_WAITING:
	case WATCH_UNANSWERED:
		return;
	case WATCH_ASKING:
	case WATCH_LISTED:
	case WATCH_TOO_OLD:
		w->snapshot = sim_api_snapshot_unref(w->snapshot);
		set_state(w, WATCH_UNANSWERED, heard_ns);
		return;
	case WATCH_OPEN:
		w->dead = true;
		w->held_ns = heard_ns;
		follow(w);
		return;
	}
}

void sim_watch_paused(struct sim_watch *w)
{
	if (!w->ended)
		arm(w, w->at_ns);
}

/*
 * Cut: the client hears nothing from now on, and its last bookmark is up to a minute old. Healed:
 * what was kept back meanwhile comes when the server's TCP tries again.
 */
void sim_watch_cut(struct sim_watch *w)
{
	const struct sim_api_client *c = w->client;
	uint64_t now = now_ns(w), most_ns = earlier(now - c->cut_ns, SIM_RTO_MOST_NS);

	if (w->state != WATCH_OPEN)
		return;
	if (c->out_cut)
		w->silent_ns =
			earlier(w->silent_ns, now + SILENCE_NS - rng_below(&w->rng, BOOKMARK_NS));
	else if (w->fresh || w->dead || is_behind(w))
		w->held_ns = now + rng_below(&w->rng, most_ns + 1);
	else
		w->silent_ns = UINT64_MAX;
	follow(w);
}

void sim_watch_hurry(struct sim_watch *w, uint64_t within_ns)
{
	if (w->for_server)
		arm(w, earlier(w->at_ns, now_ns(w) + within_ns));
}

/* --- for its user ------------------------------------------------------------------------------
 */

struct sim_watch *sim_watch_start(struct sim_api_client *c, enum sim_kind kind,
				  const struct sim_watch_ops *ops, void *arg)
{
	struct sim_watch *w = must(calloc(1, sizeof(*w)));

	w->client = c;
	w->store = &c->api->stores[kind];
	w->ops = ops;
	w->arg = arg;
	w->rng = rng_seeded(rng_next(&c->rng));
	TAILQ_INSERT_TAIL(&c->watches, w, of_client);
	TAILQ_INSERT_TAIL(&w->store->watches, w, of_store);
	set_state(w, WATCH_WAITING, now_ns(w));
	return w;
}

bool sim_watch_synced(const struct sim_watch *w)
{
	return w->synced;
}

void sim_watch_relist(struct sim_watch *w)
{
	assert(!w->busy);
	w->listed = false;
	ask(w);
}

bool sim_watch_is_current(const struct sim_watch *w)
{
	return w->listed && !is_behind(w);
}
