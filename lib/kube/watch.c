// SPDX-License-Identifier: Apache-2.0
/*
 * Watches: the reflector's transfers and its clock.
 *
 * Lists and watches are both read as their bytes come, and both are given up after a silence: no
 * byte may come any more because nothing is to be said, or because the connection is dead.
 * Bookmarks tell the two apart. If others are heard on the same connections, only this one begins
 * again; if nobody is, all that begin from now on get new connections.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/kube/internal.h"
#include "lib/kube/reflector.h"

#define EVENT_MAX         (8u << 20)
#define RETRY_AFTER_MAX_S 60
#define ABSENT_EVERY_MS   60000
#define WAKE_WITHIN_MS    200
/* A watch that lived so long makes its troubles before a thing of the past. */
#define PROVEN_MS         10000

struct kube_watch {
	struct kube *kube;
	struct reflector reflector;
	struct transfer transfer;
	uv_timer_t timer; /* while a transfer runs: for its silence; else until the next one */
	struct backoff backoff; /* of what this watch alone suffers; outages have kube->backoff */
	uint64_t started_ms, heard_ms;
	unsigned troubles; /* in a row: answers that did not come or broke off */
	bool for_server;   /* the timer waits for a server that is away */
	TAILQ_ENTRY(kube_watch) link;
};

static void watch_ask(struct kube_watch *w);

static void on_due(uv_timer_t *timer)
{
	watch_ask(timer->data);
}

static void wait_ms(struct kube_watch *w, uint64_t ms)
{
	uv_timer_start(&w->timer, on_due, ms, 0);
}

/* Are its connections dead? Then nobody is to begin on them. */
static void distrust(struct kube_watch *w)
{
	struct kube *k = w->kube;
	const struct pool *p = w->transfer.pool;

	if (p != NULL && p == k->pools[CHANNEL_WATCH] &&
	    uv_now(k->loop) - p->heard_ms >= k->silence_ms / 2)
		pool_retire(k, CHANNEL_WATCH);
}

/* No answer, or none to its end. Once, that may happen to anybody; a row of them is said once. */
static void trouble(struct kube_watch *w, const char *reason)
{
	log_debug("kube", "watch ended", "path=%s reason=\"%s\"", w->reflector.path, reason);
	if (++w->troubles == 2)
		log_warn("kube", "no whole answer to a watch, trying again",
			 "server=%s path=%s reason=\"%s\"", w->kube->credentials.server,
			 w->reflector.path, reason);
}

static void trouble_ends(struct kube_watch *w)
{
	if (w->troubles >= 2)
		log_info("kube", "watch goes on", "server=%s path=%s", w->kube->credentials.server,
			 w->reflector.path);
	w->troubles = 0;
}

static void on_silence(uv_timer_t *timer)
{
	struct kube_watch *w = timer->data;
	uint64_t silent_ms = uv_now(w->kube->loop) - w->heard_ms;

	if (silent_ms < w->kube->silence_ms) {
		uv_timer_start(&w->timer, on_silence, w->kube->silence_ms - silent_ms, 0);
		return;
	}
	if (w->transfer.status == 200 && reflector_watching(&w->reflector))
		log_debug("kube", "watch is silent, opening it again", "path=%s",
			  w->reflector.path);
	else
		trouble(w, "silence");
	distrust(w);
	transfer_stop(&w->transfer);
	reflector_cut(&w->reflector, silent_ms);
	watch_ask(w);
}

/* What the reflector made of an answer; the transfer is idle or to be ended now. */
static void go_on(struct kube_watch *w, enum reflector_next next)
{
	switch (next) {
	case REFLECTOR_WAIT:
	case REFLECTOR_ENDED:
		return;
	case REFLECTOR_NOW:
		transfer_stop(&w->transfer);
		watch_ask(w);
		return;
	case REFLECTOR_LATER:
		transfer_stop(&w->transfer);
		wait_ms(w, backoff_next(&w->backoff, &w->kube->rng));
		return;
	case REFLECTOR_RARELY:
		transfer_stop(&w->transfer);
		wait_ms(w, rng_jitter(&w->kube->rng, ABSENT_EVERY_MS, 5));
		return;
	}
}

static struct kube_watch *watch_of(struct transfer *t)
{
	return (struct kube_watch *)((char *)t - offsetof(struct kube_watch, transfer));
}

/* Bytes of a list or watch: tell what is whole. */
static void on_data(struct transfer *t)
{
	struct kube_watch *w = watch_of(t);
	size_t used = t->body.len;
	enum reflector_next next;

	if (t->status != 200) /* an error's text, for on_end() */
		return;
	w->heard_ms = uv_now(w->kube->loop);
	if (w->heard_ms - w->started_ms >= PROVEN_MS)
		backoff_reset(&w->backoff);
	if (reflector_watching(&w->reflector))
		next = reflector_lines(&w->reflector, t->body.text, t->body.len, &used);
	else
		next = reflector_page(&w->reflector, t->body.text, t->body.len);
	if (next == REFLECTOR_ENDED)
		return;
	if (next == REFLECTOR_WAIT && used > 0 && reflector_watching(&w->reflector))
		trouble_ends(w);
	transfer_consume(t, used);
	go_on(w, next);
}

static enum reflector_next refused(struct kube_watch *w)
{
	const struct transfer *t = &w->transfer;
	char reason[512];

	if (t->status == 401 && kube_credentials_refused(w->kube, t))
		return REFLECTOR_LATER; /* with the new ones */
	cJSON *json = transfer_json(t);
	bool ahead = reflector_is_ahead(json);
	status_reason(t->status, json, reason, sizeof(reason));
	cJSON_Delete(json);
	if (ahead)
		return reflector_refused(&w->reflector, 410, "version of the server's future");
	return reflector_refused(&w->reflector, t->status, reason);
}

/* No sooner than the server wishes. */
static void wait_at_least(struct kube_watch *w, int seconds)
{
	uint64_t ms = (uint64_t)(seconds < RETRY_AFTER_MAX_S ? seconds : RETRY_AFTER_MAX_S) * 1000;

	if (seconds > 0 && uv_is_active((uv_handle_t *)&w->timer) &&
	    uv_timer_get_due_in(&w->timer) < ms)
		wait_ms(w, ms + rng_below(&w->kube->rng, ms / 8 + 1));
}

/* The API server has not answered: with all the others, or alone, it tries again. */
static void on_no_answer(struct kube_watch *w)
{
	struct transfer *t = &w->transfer;
	struct kube *k = w->kube;
	char reason[TRANSFER_ERROR_SIZE];
	bool for_all = t->unsent || kube_unheard(k, w->reflector.path, t);
	bool is_there = t->retry_after_s >= 0; /* and said when to ask */

	if (!for_all)
		trouble(w, unheard_reason(t, reason, sizeof(reason)));
	reflector_cut(&w->reflector, 0);
	transfer_stop(t);
	w->for_server = for_all && !is_there;
	wait_ms(w, for_all ? kube_retry_in(k) : backoff_next(&w->backoff, &k->rng));
}

/* It has not been answered by 200. */
static void on_refusal(struct kube_watch *w)
{
	int retry_after_s = w->transfer.retry_after_s;

	if (transfer_is_unheard(&w->transfer))
		on_no_answer(w);
	else
		go_on(w, refused(w));
	if (!w->reflector.ended)
		wait_at_least(w, retry_after_s);
}

static void on_end(struct transfer *t)
{
	struct kube_watch *w = watch_of(t);
	enum reflector_next next;

	uv_timer_stop(&w->timer);
	if (t->status != 200) {
		on_refusal(w);
	} else if (t->too_big) {
		go_on(w, reflector_misunderstood(&w->reflector, t->error));
	} else if (t->failed || reflector_watching(&w->reflector)) {
		next = reflector_cut(&w->reflector, uv_now(w->kube->loop) - w->started_ms);
		if (next == REFLECTOR_LATER)
			trouble(w, t->failed ? t->error : "it ends at once");
		else
			trouble_ends(w);
		go_on(w, next);
	} else {
		next = reflector_page_end(&w->reflector);
		if (next == REFLECTOR_NOW)
			trouble_ends(w);
		go_on(w, next);
	}
}

static const struct transfer_ops watch_ops = { .data = on_data, .end = on_end };

/* Send the reflector's next request. */
static void watch_ask(struct kube_watch *w)
{
	struct kube *k = w->kube;
	bool watching = reflector_watching(&w->reflector);
	char *url = reflector_url(&w->reflector, &k->rng);
	struct transfer_request req = {
		.channel = CHANNEL_WATCH,
		.method = "GET",
		.path = url,
		.body_max = EVENT_MAX,
		.stream = watching,
	};

	w->for_server = false;
	w->started_ms = w->heard_ms = uv_now(k->loop);
	w->transfer.ops = &watch_ops;
	if (url == NULL || transfer_start(k, &w->transfer, &req) < 0)
		wait_ms(w, backoff_next(&w->backoff, &k->rng));
	else
		uv_timer_start(&w->timer, on_silence, k->silence_ms, 0);
	free(url);
}

struct kube_watch *kube_watch_start(struct kube *k, const char *path, const char *query,
				    const struct kube_watch_ops *ops, void *arg)
{
	struct kube_watch *w = k->closing ? NULL : calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	if (reflector_init(&w->reflector, k->credentials.server, path, query, ops, arg) < 0) {
		free(w);
		return NULL;
	}
	w->kube = k;
	uv_timer_init(k->loop, &w->timer);
	w->timer.data = w;
	kube_handle_opened(k);
	TAILQ_INSERT_TAIL(&k->watches, w, link);
	wait_ms(w, 0);
	return w;
}

bool kube_watch_synced(const struct kube_watch *w)
{
	return w->reflector.synced;
}

void kube_watch_relist(struct kube_watch *w)
{
	transfer_stop(&w->transfer);
	reflector_relist(&w->reflector);
	watch_ask(w);
}

static void on_timer_closed(uv_handle_t *handle)
{
	struct kube_watch *w = handle->data;

	reflector_done(&w->reflector);
	kube_handle_closed(w->kube);
	free(w);
}

struct kube_watch *kube_watch_stop(struct kube_watch *w)
{
	if (w == NULL || w->reflector.ended)
		return NULL;
	w->reflector.ended = true;
	TAILQ_REMOVE(&w->kube->watches, w, link);
	transfer_stop(&w->transfer);
	uv_close((uv_handle_t *)&w->timer, on_timer_closed);
	return NULL;
}

bool watches_hear(const struct kube *k)
{
	const struct kube_watch *w;

	TAILQ_FOREACH (w, &k->watches, link) {
		if (w->transfer.easy != NULL && w->transfer.status == 200 && !w->transfer.ended)
			return true;
	}
	return false;
}

void watches_wake(struct kube *k)
{
	struct kube_watch *w;

	TAILQ_FOREACH (w, &k->watches, link) {
		if (w->for_server)
			wait_ms(w, rng_below(&k->rng, WAKE_WITHIN_MS));
	}
}
