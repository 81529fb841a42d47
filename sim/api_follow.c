// SPDX-License-Identifier: Apache-2.0
/*
 * A watch that is open, and what a watch tells.
 *
 * Who has told everything is idle and is woken by the next change; who has not tells, when its time
 * has come, all that is old enough, so that a burst of changes costs it few steps.
 */
#include "lib/base/duration.h"
#include "sim/api_state.h"

#define SHORT_NS     NS_PER_S        /* a watch that ends sooner is not asked again at once */
#define PROVEN_NS    (10 * NS_PER_S) /* one that lives so long begins its back-off anew */
#define LIFE_MIN_NS  (300 * NS_PER_S)
#define LIFE_MAX_NS  (600 * NS_PER_S)
#define DELAY_JITTER 50              /* percent */
#define BOOKMARK_NS  (60 * NS_PER_S) /* the server's word when it has nothing to say */

/* --- an open watch ----------------------------------------------------------------------- */

bool sim_watch_is_open(const struct sim_watch *w)
{
	return w->state == WATCH_OPEN && !w->dead;
}

bool sim_watch_hears(const struct sim_watch *w)
{
	return w->state == WATCH_OPEN && !w->fresh;
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
void sim_watch_follow(struct sim_watch *w)
{
	uint64_t at_ns = w->ends_ns;

	sim_watch_set_idle(w, !w->dead && !sim_watch_is_behind(w));
	if (w->dead || w->fresh)
		at_ns = w->held_ns;
	else if (sim_watch_is_behind(w))
		at_ns = sim_earlier(at_ns, due_ns(w));
	if (at_ns < w->held_ns)
		at_ns = w->held_ns;
	sim_watch_arm(w, w->client->out_cut ? w->silent_ns : sim_earlier(at_ns, w->silent_ns));
}

void sim_watches_wake(struct sim_api_store *s)
{
	struct sim_watch *w;

	while ((w = TAILQ_FIRST(&s->idle)) != NULL)
		sim_watch_follow(w); /* it is idle no longer */
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
	uint64_t now = sim_watch_now_ns(w), age_ns = age_min_ns(w);

	w->busy = true;
	while (!w->ended && sim_watch_is_open(w) && sim_watch_is_behind(w)) {
		struct sim_api_version *v = sim_api_history_at(&w->store->history, w->position);

		if (v->at_ns + age_ns > now)
			break;
		w->position++;
		w->client->api->counts.events++;
		sim_api_version_ref(v);
		tell(w, &v->object);
		sim_api_version_unref(v);
	}
	return !sim_watch_has_ended(w);
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
void sim_watch_tell_list(struct sim_watch *w)
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
	if (!sim_watch_has_ended(w))
		sim_watch_ask(w);
}

/* --- its course ---------------------------------------------------------------------------- */

/* A watch that merely ended is continued. */
static void on_closed(struct sim_watch *w)
{
	uint64_t lived_ns = sim_watch_now_ns(w) - w->asked_ns;

	if (lived_ns >= PROVEN_NS)
		backoff_reset(&w->backoff);
	if (lived_ns >= SHORT_NS)
		sim_watch_ask(w);
	else
		sim_watch_wait(w);
}

void sim_watch_on_open(struct sim_watch *w)
{
	uint64_t now = sim_watch_now_ns(w);

	if (now >= w->silent_ns) {
		sim_watch_ask(w);
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
		sim_watch_follow(w);
}

void sim_watch_open(struct sim_watch *w)
{
	uint64_t now = sim_watch_now_ns(w);

	w->fresh = true;
	w->held_ns = now + sim_api_client_trip_ns(w->client);
	w->ends_ns = now + LIFE_MIN_NS + rng_below(&w->rng, LIFE_MAX_NS - LIFE_MIN_NS);
	w->silent_ns = w->asked_ns + SIM_SILENCE_NS;
	w->state = WATCH_OPEN;
	sim_watch_follow(w);
}

/*
 * Cut: the client hears nothing from now on, and its last bookmark is up to a minute old. Healed:
 * what was kept back meanwhile comes when the server's TCP tries again.
 */
void sim_watch_cut(struct sim_watch *w)
{
	const struct sim_api_client *c = w->client;
	uint64_t now = sim_watch_now_ns(w), most_ns = sim_earlier(now - c->cut_ns, SIM_RTO_MOST_NS);

	if (w->state != WATCH_OPEN)
		return;
	if (c->out_cut)
		w->silent_ns = sim_earlier(w->silent_ns,
					   now + SIM_SILENCE_NS - rng_below(&w->rng, BOOKMARK_NS));
	else if (w->fresh || w->dead || sim_watch_is_behind(w))
		w->held_ns = now + rng_below(&w->rng, most_ns + 1);
	else
		w->silent_ns = UINT64_MAX;
	sim_watch_follow(w);
}
