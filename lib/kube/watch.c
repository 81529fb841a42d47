// SPDX-License-Identifier: Apache-2.0
/* Watches: the reflector's transfers and its clock. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/kube/internal.h"
#include "lib/kube/reflector.h"

#define PAGE_MAX        (64u << 20)
#define EVENT_MAX       (8u << 20)
#define PAGE_TIMEOUT_S  60
#define ABSENT_EVERY_MS 60000
#define WAKE_WITHIN_MS  200
/* A watch that lived so long makes its troubles before a thing of the past. */
#define PROVEN_MS       10000

struct kube_watch {
	struct kube *kube;
	struct reflector reflector;
	struct transfer transfer;
	uv_timer_t timer; /* while a watch runs: for its silence; else until the next request */
	struct backoff backoff; /* of what this watch alone suffers; outages have kube->backoff */
	uint64_t started_ms, heard_ms;
	bool for_server; /* the timer waits for a server that is away */
	bool was_silent; /* distrust the connection */
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

static void on_silence(uv_timer_t *timer)
{
	struct kube_watch *w = timer->data;
	uint64_t silent_ms = uv_now(w->kube->loop) - w->heard_ms;

	if (silent_ms < w->kube->silence_ms) {
		uv_timer_start(&w->timer, on_silence, w->kube->silence_ms - silent_ms, 0);
		return;
	}
	log_debug("kube", "watch is silent, opening it again", "path=%s", w->reflector.path);
	transfer_stop(&w->transfer);
	w->was_silent = true;
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

/* Bytes of a watch: tell its whole lines. */
static void on_data(struct transfer *t)
{
	struct kube_watch *w = watch_of(t);
	enum reflector_next next;
	size_t used;

	if (t->status != 200) /* an error's text, for on_end() */
		return;
	w->heard_ms = uv_now(w->kube->loop);
	if (w->heard_ms - w->started_ms >= PROVEN_MS)
		backoff_reset(&w->backoff);
	next = reflector_lines(&w->reflector, t->body.text, t->body.len, &used);
	if (next == REFLECTOR_ENDED)
		return;
	transfer_consume(t, used);
	go_on(w, next);
}

static enum reflector_next refused(struct kube_watch *w)
{
	const struct transfer *t = &w->transfer;
	char reason[512];
	cJSON *json;

	if (t->status == 401 &&
	    credentials_refresh(&w->kube->credentials, true, uv_now(w->kube->loop)))
		return REFLECTOR_LATER; /* with the new token */
	json = cJSON_ParseWithLength(t->body.text, t->body.len);
	status_reason(t->status, json, reason, sizeof(reason));
	cJSON_Delete(json);
	return reflector_refused(&w->reflector, t->status, reason);
}

static void on_end(struct transfer *t)
{
	struct kube_watch *w = watch_of(t);
	struct kube *k = w->kube;

	uv_timer_stop(&w->timer);
	if (is_no_answer(t->status)) {
		kube_unheard(k, w->reflector.path, t);
		transfer_stop(t);
		w->for_server = true;
		wait_ms(w, kube_retry_in(k));
	} else if (t->status != 200) {
		go_on(w, refused(w));
	} else if (t->failed || reflector_watching(&w->reflector)) {
		log_debug("kube", "watch ended", "path=%s reason=\"%s\"", w->reflector.path,
			  t->error);
		go_on(w, t->too_big
				 ? reflector_misunderstood(&w->reflector, t->error)
				 : reflector_cut(&w->reflector, uv_now(k->loop) - w->started_ms));
	} else {
		go_on(w, reflector_page(&w->reflector, t->body.text, t->body.len));
	}
}

static const struct transfer_ops list_ops = { .end = on_end };
static const struct transfer_ops watch_ops = { .data = on_data, .end = on_end };

/* Send the reflector's next request. */
static void watch_ask(struct kube_watch *w)
{
	struct kube *k = w->kube;
	bool watching = reflector_watching(&w->reflector);
	char *url = reflector_url(&w->reflector, &k->rng);
	struct transfer_request req = {
		.method = "GET",
		.path = url,
		.body_max = watching ? EVENT_MAX : PAGE_MAX,
		.timeout_s = watching ? 0 : PAGE_TIMEOUT_S,
		.fresh_connection = w->was_silent,
	};

	w->for_server = w->was_silent = false;
	w->started_ms = w->heard_ms = uv_now(k->loop);
	w->transfer.ops = watching ? &watch_ops : &list_ops;
	if (url == NULL || transfer_start(k, &w->transfer, &req) < 0)
		wait_ms(w, backoff_next(&w->backoff, &k->rng));
	else if (watching)
		uv_timer_start(&w->timer, on_silence, k->silence_ms, 0);
	free(url);
}

struct kube_watch *kube_watch_start(struct kube *k, const char *path, const char *query,
				    const struct kube_watch_ops *ops, void *arg)
{
	struct kube_watch *w = k->closing ? NULL : calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	if (reflector_init(&w->reflector, path, query, ops, arg) < 0) {
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

void watches_wake(struct kube *k)
{
	struct kube_watch *w;

	TAILQ_FOREACH (w, &k->watches, link) {
		if (w->for_server)
			wait_ms(w, rng_below(&k->rng, WAKE_WITHIN_MS));
	}
}
