// SPDX-License-Identifier: Apache-2.0
/*
 * Single requests: a first-in first-out queue with a bounded number under way.
 *
 * Events have a queue of their own, so that thousands of them never stand before a status write;
 * and so have urgent requests, that these do not stand before the renewal of a lease. An urgent one
 * does not rest either, as below: its owner has a pace of his own and a deadline.
 *
 * A server that is busy (429, or 5xx with Retry-After) is asked again when it says so, whatever the
 * method, as client-go does: it has not begun with the request. What rests meanwhile leaves its
 * place to the next one, which the server may well have time for (its queues are many), and is then
 * the first to go. At most RESTING_MAX rest; it ends after RETRY_MAX tries or RETRY_FOR_MS; and an
 * answer that wishes for more is handed on as it is.
 *
 * While the server cannot be reached, requests that have waited for their turn as long as one may
 * take fail with the one before them: else the last of a thousand would fail after minutes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/kube/internal.h"

#define ANSWER_MAX   (64u << 20)
#define RETRY_MAX    10u
#define RETRY_FOR_MS 60000u
#define RETRY_MIN_MS 100u /* "Retry-After: 0" */
#define RESTING_MAX  1000u

static const struct {
	unsigned running_max, waiting_max; /* waiting_max 0: no limit */
} class_limits[REQUEST_CLASS_MAX] = {
	[REQUEST_FOREGROUND] = { 32, 0 },
	[REQUEST_URGENT] = { 4, 0 },
	[REQUEST_EVENT] = { 4, 1000 },
};

struct request {
	struct kube *kube;
	enum request_class class;
	bool retried; /* after a 401, with new credentials */
	unsigned tries;
	uint64_t asked_ms; /* by its user */
	uint64_t began_ms; /* its first try */
	uv_timer_t *timer; /* made for the first wait; its close callback frees */
	struct transfer transfer;
	const char *method, *path, *content_type, *body; /* in `texts`; the last two may be NULL */
	unsigned timeout_ms;                             /* 0: as of all */
	bool (*may_send)(void *arg);
	kube_done done;
	void *arg;
	TAILQ_ENTRY(request) link;
	char texts[]; /* in one block: thousands of requests may wait */
};

static void on_timer_closed(uv_handle_t *handle)
{
	struct kube *k = handle->data;

	free(handle);
	kube_handle_closed(k);
}

static void request_free(struct request *r)
{
	transfer_stop(&r->transfer);
	if (r->timer != NULL) {
		r->timer->data = r->kube; /* the request will be gone */
		uv_close((uv_handle_t *)r->timer, on_timer_closed);
	}
	free(r);
}

/* Tell the user how it ended. */
static void request_tell(struct request *r, int status, const char *failure)
{
	const struct transfer_body *b = &r->transfer.body;
	char reason[512], error[1024];
	cJSON *json = NULL;
	bool ok = status >= 200 && status < 300;

	if (r->done == NULL)
		return;
	if (status != 0 && b->len > 0)
		json = cJSON_ParseWithLength(b->text, b->len);
	if (failure == NULL && !ok)
		failure = status_reason(status, json, reason, sizeof(reason));
	if (failure != NULL)
		snprintf(error, sizeof(error), "%s %s%s: %s", r->method,
			 r->kube->credentials.server, r->path, failure);
	r->done(r->arg, status, json, failure == NULL ? NULL : error);
	cJSON_Delete(json);
}

static const struct transfer_ops request_ops;

static unsigned timeout_of(const struct request *r)
{
	return r->timeout_ms != 0 ? r->timeout_ms : r->kube->timeout_s * 1000;
}

static int request_start(struct request *r)
{
	struct transfer_request req = {
		.channel = CHANNEL_REQUEST,
		.method = r->method,
		.path = r->path,
		.content_type = r->content_type,
		.body = r->body,
		.body_max = ANSWER_MAX,
		.timeout_ms = timeout_of(r),
		.may_send = r->may_send,
		.may_send_arg = r->arg,
	};

	r->transfer.ops = &request_ops;
	return transfer_start(r->kube, &r->transfer, &req);
}

/* Start as many as may be under way. */
static void queue_run(struct kube *k, enum request_class class)
{
	struct request_queue *q = &k->queues[class];
	struct request *r;

	while (!k->closing && q->running_count < class_limits[class].running_max &&
	       (r = TAILQ_FIRST(&q->waiting)) != NULL) {
		if (request_start(r) < 0)
			return; /* no memory now: with the next one that ends */
		if (r->tries == 0)
			r->began_ms = uv_now(k->loop);
		TAILQ_REMOVE(&q->waiting, r, link);
		q->waiting_count--;
		TAILQ_INSERT_TAIL(&q->running, r, link);
		q->running_count++;
	}
}

/* Those that an outage has kept from their turn for too long. */
static void queue_expire(struct kube *k, enum request_class class)
{
	struct request_queue *q = &k->queues[class];
	struct request *r;

	while (!k->closing && k->down && (r = TAILQ_FIRST(&q->waiting)) != NULL &&
	       uv_now(k->loop) - r->asked_ms >= timeout_of(r)) {
		TAILQ_REMOVE(&q->waiting, r, link);
		q->waiting_count--;
		request_tell(r, 0, "API server unreachable, and others wait before it");
		request_free(r);
	}
}

/* It is over: tell the user, and go on with the next one. */
static void request_end(struct request *r, int status, const char *failure)
{
	struct kube *k = r->kube;
	enum request_class class = r->class;

	TAILQ_REMOVE(&k->queues[class].running, r, link);
	k->queues[class].running_count--;
	request_tell(r, status, failure);
	request_free(r);
	queue_expire(k, class);
	queue_run(k, class);
}

/* It has rested: it is the next. */
static void on_retry(uv_timer_t *timer)
{
	struct request *r = timer->data;
	struct request_queue *q = &r->kube->queues[r->class];

	TAILQ_REMOVE(&q->resting, r, link);
	q->resting_count--;
	TAILQ_INSERT_HEAD(&q->waiting, r, link);
	q->waiting_count++;
	queue_run(r->kube, r->class);
}

/* As the server wishes, once more? False when it is not to be waited for. */
static bool request_retry(struct request *r)
{
	int after_s = r->transfer.retry_after_s, status = r->transfer.status;
	uint64_t wait_ms = after_s > 0 ? (uint64_t)after_s * 1000 : RETRY_MIN_MS;
	struct kube *k = r->kube;
	struct request_queue *q = &k->queues[r->class];

	if (r->class == REQUEST_URGENT || r->transfer.failed || (status != 429 && status < 500) ||
	    after_s < 0 || q->resting_count >= RESTING_MAX || ++r->tries >= RETRY_MAX ||
	    uv_now(k->loop) - r->began_ms + wait_ms > RETRY_FOR_MS)
		return false;
	if (r->timer == NULL) {
		r->timer = calloc(1, sizeof(*r->timer));
		if (r->timer == NULL)
			return false;
		uv_timer_init(k->loop, r->timer);
		kube_handle_opened(k);
		r->timer->data = r;
	}
	transfer_stop(&r->transfer);
	TAILQ_REMOVE(&q->running, r, link);
	q->running_count--;
	TAILQ_INSERT_TAIL(&q->resting, r, link);
	q->resting_count++;
	uv_timer_start(r->timer, on_retry, wait_ms + rng_below(&k->rng, wait_ms / 8 + 1), 0);
	queue_run(k, r->class);
	return true;
}

static void on_end(struct transfer *t)
{
	struct request *r = (struct request *)((char *)t - offsetof(struct request, transfer));
	struct kube *k = r->kube;

	if (transfer_is_unheard(t))
		kube_unheard(k, r->path, t);
	/* The connection may be dead without anybody knowing. Over HTTP/2 it would be used again.
	 * Of all that wait on it, the first to give up sees to it. */
	if (t->timed_out && t->status == 0 && !t->outdated)
		pool_retire(k, CHANNEL_REQUEST);
	if (request_retry(r))
		return;
	if (!t->failed && t->status == 401 && !r->retried && kube_credentials_refused(k, t)) {
		r->retried = true;
		transfer_stop(t);
		if (request_start(r) == 0)
			return;
	}
	request_end(r, t->failed ? 0 : t->status, t->failed ? t->error : NULL);
}

static const struct transfer_ops request_ops = { .end = on_end };

static size_t size_of(const char *text)
{
	return text == NULL ? 0 : strlen(text) + 1;
}

/* Copy @text to *@at and step behind it. */
static const char *put(char **at, const char *text)
{
	char *copy = *at;

	if (text == NULL)
		return NULL;
	*at = stpcpy(copy, text) + 1;
	return copy;
}

int request_send(struct kube *k, enum request_class class, const struct kube_call *call)
{
	struct request_queue *q = &k->queues[class];
	struct request *r;

	if (k->closing)
		return -ESHUTDOWN;
	if (class_limits[class].waiting_max != 0 &&
	    q->waiting_count >= class_limits[class].waiting_max)
		return -ENOBUFS;
	r = calloc(1, sizeof(*r) + size_of(call->method) + size_of(call->path) +
			      size_of(call->content_type) + size_of(call->body));
	if (r == NULL)
		return -ENOMEM;
	char *at = r->texts;
	r->kube = k;
	r->class = class;
	r->asked_ms = uv_now(k->loop);
	r->timeout_ms = call->timeout_ms;
	r->may_send = call->may_send;
	r->done = call->done;
	r->arg = call->arg;
	r->method = put(&at, call->method);
	r->path = put(&at, call->path);
	r->content_type = put(&at, call->content_type);
	r->body = put(&at, call->body);
	TAILQ_INSERT_TAIL(&q->waiting, r, link);
	q->waiting_count++;
	queue_run(k, class);
	return 0;
}

int kube_request(struct kube *k, const char *method, const char *path, const char *content_type,
		 const char *body, kube_done done, void *arg)
{
	return kube_call(k, &(struct kube_call){
				    .method = method,
				    .path = path,
				    .content_type = content_type,
				    .body = body,
				    .done = done,
				    .arg = arg,
			    });
}

int kube_call(struct kube *k, const struct kube_call *call)
{
	return request_send(k, call->urgent ? REQUEST_URGENT : REQUEST_FOREGROUND, call);
}

static void end_all(struct requests *list)
{
	struct request *r;

	while ((r = TAILQ_FIRST(list)) != NULL) {
		TAILQ_REMOVE(list, r, link);
		transfer_stop(&r->transfer);
		request_tell(r, 0, "the client is closing");
		request_free(r);
	}
}

void requests_close(struct kube *k)
{
	for (size_t i = 0; i < REQUEST_CLASS_MAX; i++) {
		end_all(&k->queues[i].running);
		end_all(&k->queues[i].resting);
		end_all(&k->queues[i].waiting);
	}
}
