// SPDX-License-Identifier: Apache-2.0
/* Whose turn it is to use a connection, and when connections are not to be used again. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/kube/internal.h"

/* --- the end of a pool ---------------------------------------------------------------------- */

static void pool_handle_closed(struct pool *p)
{
	struct kube *k = p->kube;

	if (--p->handles == 0)
		free(p);
	kube_handle_closed(k);
}

static void on_timer_closed(uv_handle_t *handle)
{
	pool_handle_closed(handle->data);
}

static void pool_close(struct pool *p)
{
	curl_loop_close(&p->curl);
	uv_close((uv_handle_t *)&p->patience, on_timer_closed);
}

static void pool_handle_opened(struct pool *p)
{
	p->handles++;
	kube_handle_opened(p->kube);
}

/* --- whose turn it is ----------------------------------------------------------------------- */

static void start(struct pool *p, struct transfer *t)
{
	uint64_t waited_ms = uv_now(p->kube->loop) - t->began_ms;

	if (t->timeout_ms != 0 && waited_ms >= t->timeout_ms) {
		transfer_failed(t, "timed out waiting for a connection");
		return;
	}
	if (t->timeout_ms != 0)
		curl_easy_setopt(t->easy, CURLOPT_TIMEOUT_MS, (long)(t->timeout_ms - waited_ms));
	if (curl_multi_add_handle(p->curl.multi, t->easy) != CURLM_OK)
		transfer_failed(t, "out of memory");
}

static void start_waiting(struct pool *p, bool all)
{
	struct transfer *t;

	while ((all || p->first == NULL) && (t = TAILQ_FIRST(&p->waiting)) != NULL) {
		TAILQ_REMOVE(&p->waiting, t, turn);
		t->waits = false;
		if (!all)
			p->first = t;
		start(p, t);
	}
	if (TAILQ_EMPTY(&p->waiting))
		uv_timer_stop(&p->patience);
}

/* Does the first of them still look for the server? If not, it waits for its answer. */
static bool is_connecting(const struct transfer *first)
{
	curl_off_t us = 0;

	return first != NULL &&
	       curl_easy_getinfo(first->easy, CURLINFO_PRETRANSFER_TIME_T, &us) == CURLE_OK &&
	       us == 0;
}

static void on_patience(uv_timer_t *timer)
{
	struct pool *p = timer->data;

	/* What is slow to be there may still be shared; but nobody waits for two that fail. */
	if (is_connecting(p->first) && uv_now(p->kube->loop) - p->waiting_ms < CONNECT_TIMEOUT_MS) {
		uv_timer_start(timer, on_patience, p->kube->patience_ms, 0);
		return;
	}
	start_waiting(p, true);
	transfers_tell(p->kube);
}

static bool is_tls(const struct kube *k)
{
	return strncmp(k->credentials.server, "https:", 6) == 0;
}

/*
 * @t has ended. Was it the last that was answered, or did it break off, or was it a stream, which
 * rarely ends before the server says good-bye to the whole connection? Then a new connection may be
 * needed, and the next ones begin as the first ones did.
 */
static void reconsider(struct pool *p, const struct transfer *t)
{
	if (t->answered)
		p->answered--;
	if (p->answered == 0 || t->failed || t->stream)
		p->one_first = is_tls(p->kube);
}

/* @t is the pool's now, and begins in its turn. */
static void admit(struct pool *p, struct transfer *t)
{
	t->pool = p;
	p->count++;
	if (!p->one_first) {
		start(p, t);
		return;
	}
	t->waits = true;
	TAILQ_INSERT_TAIL(&p->waiting, t, turn);
	if (p->first != NULL && !uv_is_active((uv_handle_t *)&p->patience)) {
		p->waiting_ms = uv_now(p->kube->loop);
		uv_timer_start(&p->patience, on_patience, p->kube->patience_ms, 0);
	}
	start_waiting(p, false);
}

int pool_add(struct kube *k, struct transfer *t)
{
	admit(k->pools[t->channel], t);
	return t->ended ? -ENOMEM : 0;
}

void pool_answered(struct transfer *t)
{
	struct pool *p = t->pool;

	if (t->ended && t->failed)
		return;
	if (!t->ended) {
		t->answered = true;
		p->answered++;
		p->one_first = false;
	}
	/* There is a connection, in use or kept. */
	p->first = NULL;
	start_waiting(p, true);
}

void pool_remove(struct transfer *t)
{
	struct pool *p = t->pool;

	if (t->waits)
		TAILQ_REMOVE(&p->waiting, t, turn);
	t->waits = false;
	curl_multi_remove_handle(p->curl.multi, t->easy); /* that it was never added is fine */
	t->pool = NULL;
	p->count--;
	if (!t->ended)
		reconsider(p, t);
	if (p->first == t) {
		p->first = NULL;
		start_waiting(p, false);
	}
	if (p->retired && p->count == 0)
		pool_close(p);
}

/* --- the loop ------------------------------------------------------------------------------- */

static void on_ended(void *arg, CURL *easy, CURLcode result)
{
	struct transfer *t = NULL;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, &t);
	transfer_ended(t, result);
	/* For all that end together, before the first of them is told and asks again. */
	reconsider(arg, t);
}

static void on_driven(void *arg)
{
	struct pool *p = arg;

	transfers_tell(p->kube); /* which may close the pool */
}

static void on_curl_closed(void *arg)
{
	pool_handle_closed(arg);
}

static const struct curl_loop_ops curl_ops = {
	.ended = on_ended,
	.driven = on_driven,
	.closed = on_curl_closed,
};

/* --- making them ---------------------------------------------------------------------------- */

static struct pool *pool_new(struct kube *k)
{
	struct pool *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	if (curl_loop_init(&p->curl, k->loop, &curl_ops, p) != 0) {
		free(p);
		return NULL;
	}
	p->kube = k;
	p->one_first = is_tls(k);
	TAILQ_INIT(&p->waiting);
	uv_timer_init(k->loop, &p->patience);
	p->patience.data = p;
	pool_handle_opened(p);
	pool_handle_opened(p);
	return p;
}

void pool_retire(struct kube *k, enum channel channel)
{
	struct pool *old = k->pools[channel], *new = pool_new(k);
	struct transfer *t;

	if (new == NULL)
		return; /* no memory: the old one has to do */
	k->pools[channel] = new;
	old->retired = true;
	uv_timer_stop(&old->patience);
	while ((t = TAILQ_FIRST(&old->waiting)) != NULL) { /* these have not begun */
		TAILQ_REMOVE(&old->waiting, t, turn);
		t->waits = false;
		old->count--;
		admit(new, t);
	}
	if (old->count == 0)
		pool_close(old);
}

int pools_init(struct kube *k)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return -ENOMEM;
	for (size_t i = 0; i < CHANNEL_MAX; i++) {
		k->pools[i] = pool_new(k);
		if (k->pools[i] == NULL) {
			/* The first one's handles close with the loop; @k must live as long. */
			pools_close(k);
			return -ENOMEM;
		}
	}
	return 0;
}

void pools_close(struct kube *k)
{
	for (size_t i = 0; i < CHANNEL_MAX; i++) {
		if (k->pools[i] != NULL)
			pool_close(k->pools[i]);
		k->pools[i] = NULL;
	}
	curl_global_cleanup();
}
