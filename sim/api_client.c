// SPDX-License-Identifier: Apache-2.0
/* A process's way to the API server: how long it is, and what the process thinks of the server. */
#include <stdlib.h>

#include "lib/base/duration.h"
#include "lib/base/must.h"
#include "sim/api_state.h"

#define JITTER          25 /* percent of the latency */
#define HURRY_WITHIN_NS (200 * NS_PER_MS)

struct sim_api_client *sim_api_client_new(struct sim_api *a, const char *name)
{
	struct sim_api_client *c = must(calloc(1, sizeof(*c)));

	c->api = a;
	c->name = must_copy(name);
	c->rng = rng_seeded(rng_next(&a->rng));
	TAILQ_INIT(&c->watches);
	TAILQ_INIT(&c->running);
	for (size_t i = 0; i < SIM_API_CLASSES; i++)
		TAILQ_INIT(&c->queues[i].waiting);
	TAILQ_INSERT_TAIL(&a->clients, c, link);
	return c;
}

void sim_api_client_hold(struct sim_api_client *c)
{
	c->holds++;
}

void sim_api_client_release(struct sim_api_client *c)
{
	if (--c->holds > 0 || !c->freed || !TAILQ_EMPTY(&c->watches) || !TAILQ_EMPTY(&c->running))
		return;
	TAILQ_REMOVE(&c->api->clients, c, link);
	free(c->name);
	free(c);
}

struct sim_api_client *sim_api_client_free(struct sim_api_client *c)
{
	struct sim_watch *w, *next;

	if (c == NULL)
		return NULL;
	sim_api_client_hold(c);
	c->freed = true;
	TAILQ_FOREACH_SAFE (w, &c->watches, of_client, next)
		sim_watch_stop(w);
	sim_api_requests_orphan(c);
	sim_api_client_release(c);
	return NULL;
}

const char *sim_api_client_name(const struct sim_api_client *c)
{
	return c->name;
}

uint64_t sim_api_client_trip_ns(struct sim_api_client *c)
{
	return rng_jitter(&c->rng, c->api->cfg.latency_ns, JITTER) + c->extra_ns;
}

/* --- what goes wrong ---------------------------------------------------------------------- */

void sim_api_client_cut(struct sim_api_client *c, bool in, bool out)
{
	bool turns = out != c->out_cut;
	struct sim_watch *w;

	c->in_cut = in;
	c->out_cut = out;
	if (!turns)
		return;
	if (out)
		c->cut_ns = sim_clock_now(c->api->clock);
	TAILQ_FOREACH (w, &c->watches, of_client)
		sim_watch_cut(w);
}

void sim_api_client_slow(struct sim_api_client *c, uint64_t extra_ns)
{
	c->extra_ns = extra_ns;
}

void sim_api_client_pause(struct sim_api_client *c, bool paused)
{
	struct sim_watch *w;

	c->paused = paused;
	TAILQ_FOREACH (w, &c->watches, of_client)
		sim_watch_paused(w);
	sim_api_requests_paused(c);
}

/* --- is the server there? As kube_heard(), kube_unheard() and kube_retry_in() ------------- */

void sim_api_client_heard(struct sim_api_client *c)
{
	struct sim_watch *w;

	c->heard_ns = sim_clock_now(c->api->clock);
	if (!c->away)
		return;
	c->away = false;
	backoff_reset(&c->backoff);
	TAILQ_FOREACH (w, &c->watches, of_client)
		sim_watch_hurry(w, rng_below(&c->rng, HURRY_WITHIN_NS));
}

static bool watches_hear(const struct sim_api_client *c)
{
	const struct sim_watch *w;

	TAILQ_FOREACH (w, &c->watches, of_client) {
		if (sim_watch_hears(w))
			return true;
	}
	return false;
}

bool sim_api_client_unheard(struct sim_api_client *c, uint64_t began_ns, bool timed_out)
{
	if (watches_hear(c) && (!timed_out || c->heard_ns >= began_ns))
		return false;
	c->away = true;
	return true;
}

uint64_t sim_api_client_retry_ns(struct sim_api_client *c)
{
	uint64_t now_ns = sim_clock_now(c->api->clock);

	if (now_ns >= c->retry_at_ns)
		c->retry_at_ns = now_ns + backoff_next(&c->backoff, &c->rng) * NS_PER_MS;
	uint64_t left_ns = c->retry_at_ns - now_ns;
	return left_ns + rng_below(&c->rng, left_ns / 8 + 1);
}
