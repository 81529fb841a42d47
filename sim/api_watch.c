// SPDX-License-Identifier: Apache-2.0
/*
 * Lists and watches, as lib/kube's reflector and its clock (lib/kube/watch.c) have them.
 *
 * A watch has one timer. It is set to the moment at which its state ends: a request or an answer
 * arrives, a wait is over, or, while it is open, something is to be told (api_follow.c).
 */
#include <assert.h>
#include <stdlib.h>

#include "lib/base/duration.h"
#include "lib/base/intern.h"
#include "lib/base/must.h"
#include "sim/api_state.h"

/* Times of lib/kube. */
#define CONNECT_NS (5 * NS_PER_S)

static void on_due(void *arg);

/* A process that stands still does nothing; what is the server's to do happens all the same. */
void sim_watch_arm(struct sim_watch *w, uint64_t at_ns)
{
	struct sim_clock *clock = w->client->api->clock;

	w->at_ns = at_ns;
	if (w->client->paused && w->state != WATCH_ASKING)
		sim_timer_stop(clock, &w->timer);
	else
		sim_timer_set(clock, &w->timer, at_ns, on_due, w);
}

void sim_watch_set_idle(struct sim_watch *w, bool idle)
{
	if (w->is_idle == idle)
		return;
	w->is_idle = idle;
	if (idle)
		TAILQ_INSERT_TAIL(&w->store->idle, w, of_idle);
	else
		TAILQ_REMOVE(&w->store->idle, w, of_idle);
}

static void set_state(struct sim_watch *w, enum sim_watch_state state, uint64_t at_ns)
{
	sim_watch_set_idle(w, false);
	w->state = state;
	sim_watch_arm(w, at_ns);
}

/* Send the next request: a list, or the watch from where it is. */
void sim_watch_ask(struct sim_watch *w)
{
	w->snapshot = sim_api_snapshot_unref(w->snapshot);
	w->asked_ns = sim_watch_now_ns(w);
	w->rto_ns = w->held_ns = 0;
	w->silent_ns = UINT64_MAX;
	w->fresh = w->dead = w->timed_out = w->for_server = false;
	set_state(w, WATCH_ASKING, w->asked_ns + sim_api_client_trip_ns(w->client));
}

void sim_watch_wait(struct sim_watch *w)
{
	set_state(w, WATCH_WAITING,
		  sim_watch_now_ns(w) + backoff_next(&w->backoff, &w->client->rng) * NS_PER_MS);
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
	sim_watch_set_idle(w, false);
	w->state = WATCH_WAITING;
	w->for_server = false;
	sim_timer_stop(w->client->api->clock, &w->timer);
	if (!w->busy)
		watch_free(w);
	return NULL;
}

/* After its callbacks. True: it was stopped by one of them, and is gone. */
bool sim_watch_has_ended(struct sim_watch *w)
{
	bool ended = w->ended;

	w->busy = false;
	if (ended)
		watch_free(w);
	return ended;
}

/* --- its states ---------------------------------------------------------------------------- */

static void on_unanswered(struct sim_watch *w)
{
	struct sim_api_client *c = w->client;

	/* The end of a connection gets lost as all else does. */
	if (c->out_cut && sim_watch_now_ns(w) < w->asked_ns + CONNECT_NS) {
		w->timed_out = true;
		sim_watch_arm(w, w->asked_ns + CONNECT_NS);
		return;
	}
	c->api->counts.unanswered++;
	w->for_server = sim_api_client_unheard(c, w->asked_ns, w->timed_out);
	if (w->for_server)
		set_state(w, WATCH_WAITING, sim_watch_now_ns(w) + sim_api_client_retry_ns(c));
	else
		sim_watch_wait(w);
}

static void on_too_old(struct sim_watch *w)
{
	sim_api_client_heard(w->client);
	w->listed = false;
	sim_watch_wait(w);
}

/* Does a cut keep its answer back? Then it is sent again, until the client asks anew. */
static bool is_kept_back(struct sim_watch *w)
{
	uint64_t now = sim_watch_now_ns(w), until_ns = w->asked_ns + SIM_SILENCE_NS;

	if (!w->client->out_cut)
		return false;
	if (now >= until_ns)
		sim_watch_ask(w);
	else
		sim_watch_arm(w, sim_earlier(now + sim_rto_next(&w->rto_ns), until_ns));
	return true;
}

/* Its request has come to the server. */
static void serve(struct sim_watch *w)
{
	struct sim_api *a = w->client->api;
	uint64_t back_ns = sim_watch_now_ns(w) + sim_api_client_trip_ns(w->client);

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
		sim_watch_open(w);
	}
}

static void on_asked(struct sim_watch *w)
{
	uint64_t now = sim_watch_now_ns(w), until_ns = w->asked_ns + CONNECT_NS;

	if (!w->client->in_cut) {
		serve(w);
	} else if (now < until_ns) {
		sim_watch_arm(w, sim_earlier(now + sim_rto_next(&w->rto_ns), until_ns));
	} else {
		w->timed_out = true;
		set_state(w, WATCH_UNANSWERED, now);
	}
}

static void on_due(void *arg)
{
	struct sim_watch *w = arg;

	switch ((enum sim_watch_state)w->state) {
	case WATCH_WAITING:
		sim_watch_ask(w);
		return;
	case WATCH_ASKING:
		on_asked(w);
		return;
	case WATCH_LISTED:
		if (!is_kept_back(w))
			sim_watch_tell_list(w);
		return;
	case WATCH_TOO_OLD:
		if (!is_kept_back(w))
			on_too_old(w);
		return;
	case WATCH_UNANSWERED:
		on_unanswered(w);
		return;
	case WATCH_OPEN:
		sim_watch_on_open(w);
		return;
	}
}

/* --- what happens to it ---------------------------------------------------------------------- */

void sim_watch_break(struct sim_watch *w)
{
	uint64_t heard_ns = sim_watch_now_ns(w) + sim_api_client_trip_ns(w->client);

	switch ((enum sim_watch_state)w->state) {
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
		sim_watch_follow(w);
		return;
	}
}

void sim_watch_paused(struct sim_watch *w)
{
	if (!w->ended)
		sim_watch_arm(w, w->at_ns);
}

void sim_watch_hurry(struct sim_watch *w, uint64_t within_ns)
{
	if (w->for_server)
		sim_watch_arm(w, sim_earlier(w->at_ns, sim_watch_now_ns(w) + within_ns));
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
	set_state(w, WATCH_WAITING, sim_watch_now_ns(w));
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
	sim_watch_ask(w);
}

bool sim_watch_is_current(const struct sim_watch *w)
{
	return w->listed && !sim_watch_is_behind(w);
}

bool sim_watch_has_told(const struct sim_watch *w, uint64_t number)
{
	const struct sim_api_history *h = &w->store->history;

	if (!w->listed || w->position < h->begin) /* what it has to tell may be forgotten */
		return false;
	return !sim_watch_is_behind(w) ||
	       sim_api_history_at(h, w->position)->object.number > number;
}
