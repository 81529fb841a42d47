// SPDX-License-Identifier: Apache-2.0
/*
 * The inside of `struct kube`: what kube.c, transfer.c, request.c, watch.c and events.c share.
 *
 * Lifetimes. libcurl must not be entered from its own callbacks and libuv closes handles in a
 * later turn of the loop, so:
 * - No user code runs inside libcurl. Its write callback only appends bytes; transfer.c hands
 *   them on after libcurl has returned.
 * - What a callback may end (a watch, the whole client) is only marked and its uv handles closed;
 *   the memory goes in the close callback, a turn later, when nobody is inside it any more.
 */
#ifndef BELLMAN_KUBE_INTERNAL_H
#define BELLMAN_KUBE_INTERNAL_H

#include <curl/curl.h>
#include <sys/queue.h>

#include "lib/kube/backoff.h"
#include "lib/kube/credentials.h"
#include "lib/kube/event_book.h"
#include "lib/kube/kube.h"

/* --- one HTTP exchange (transfer.c) --------------------------------------------------------- */

struct transfer;

struct transfer_ops {
	void (*data)(
		struct transfer *t); /* more bytes are in t->body; NULL: only the whole counts */
	void (*end)(struct transfer *t); /* t->status and t->body are final; t is idle again */
};

/* Embedded in what it serves; zeroed is idle. */
struct transfer {
	struct kube *kube;
	const struct transfer_ops *ops;
	CURL *easy; /* NULL: idle */
	struct curl_slist *headers;
	struct transfer_body {
		char *text;
		size_t len, cap;
	} body;
	size_t body_max; /* of unconsumed bytes; more is an error */
	int status;      /* of HTTP; 0: no answer */
	bool failed;     /* the exchange broke off, before or after a status */
	bool too_big, ended, is_ready;
	char *error; /* why it failed; CURL_ERROR_SIZE bytes, from start to stop */
	TAILQ_ENTRY(transfer) ready;
};

struct transfer_request {
	const char *method, *path; /* path with query */
	const char *content_type;  /* NULL: no body */
	const char *body;          /* must live until the end */
	size_t body_max;           /* of the answer */
	unsigned timeout_s;        /* 0: none */
	bool fresh_connection;     /* the kept ones are not to be trusted */
};

/* Begin; @t->ops is set. 0 or -ENOMEM. ops run later, from the loop. */
int transfer_start(struct kube *k, struct transfer *t, const struct transfer_request *req);
/* End without a further callback and free what it holds; idle is fine. */
void transfer_stop(struct transfer *t);
/* Drop @len bytes from the front of the body. */
void transfer_consume(struct transfer *t, size_t len);

int transfers_init(struct kube *k);
void transfers_close(struct kube *k);

/* --- one request (request.c) ---------------------------------------------------------------- */

enum request_class { REQUEST_FOREGROUND, REQUEST_EVENT, REQUEST_CLASS_MAX };

TAILQ_HEAD(requests, request);

struct request_queue {
	struct requests waiting, running;
	unsigned waiting_count, running_count;
};

int request_send(struct kube *k, enum request_class class, const char *method, const char *path,
		 const char *content_type, const char *body, kube_done done, void *arg);
void requests_close(struct kube *k);

/* "reason: message" of a Status object, or of the HTTP status alone, into @buf; returns @buf. */
const char *status_reason(int status, const cJSON *json, char *buf, size_t size);

/* --- watches (watch.c) ---------------------------------------------------------------------- */

TAILQ_HEAD(watches, kube_watch);

/* The server is back: those that wait for it go on. */
void watches_wake(struct kube *k);

/* --- the client (kube.c) -------------------------------------------------------------------- */

struct kube {
	uv_loop_t *loop;
	struct credentials credentials;
	char *user_agent;
	struct rng rng;
	bool direct; /* loopback: no proxy from the environment */
	bool closing;
	unsigned handles; /* uv handles that are not closed yet; the last one takes all along */

	CURLM *multi; /* NULL once closed */
	uv_timer_t curl_timer;
	TAILQ_HEAD(, transfer) ready; /* transfers with news for their owner */

	struct request_queue queues[REQUEST_CLASS_MAX];
	struct watches watches;
	uint64_t silence_ms;       /* a watch that says nothing for so long is taken for dead */
	struct event_book *events; /* made by the first event */

	/* Outage: no answer at all, or a gateway's word that there is none. */
	bool answered, down;
	struct backoff backoff;
	uint64_t retry_at_ms; /* of the loop's clock */
};

/* No answer from the API server: none at all, or a gateway that speaks for one that does not. */
static inline bool is_no_answer(int status)
{
	return status == 0 || (status >= 502 && status <= 504);
}

/* The server answered @status. */
void kube_heard(struct kube *k, int status);
/* @t, which asked for @path, got no answer. */
void kube_unheard(struct kube *k, const char *path, const struct transfer *t);
/* In how many milliseconds a watch should try again; one back-off for all of them. */
uint64_t kube_retry_in(struct kube *k);

/* Count a uv handle in; its close callback calls kube_handle_closed(), which may free @k. */
void kube_handle_opened(struct kube *k);
void kube_handle_closed(struct kube *k);

#endif
