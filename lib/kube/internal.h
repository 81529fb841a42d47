// SPDX-License-Identifier: Apache-2.0
/*
 * The inside of `struct kube`: what its files share.
 *
 * From the bottom: pool.c carries transfers over kept connections; transfer.c is one HTTP exchange;
 * request.c and watch.c are what users know. exec_io.c gets credentials from a program.
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
#include "lib/kube/curl_loop.h"
#include "lib/kube/event_book.h"
#include "lib/kube/kube.h"

struct transfer;

/* --- connections (pool.c) ------------------------------------------------------------------- */

/*
 * What goes to the server by which set of connections. Over HTTP/2 each set is one connection, and
 * watches that stand still (hundreds of streams, a full flow-control window) never delay a write.
 */
enum channel { CHANNEL_WATCH, CHANNEL_REQUEST, CHANNEL_MAX };

TAILQ_HEAD(transfers, transfer);

/*
 * Connections that are kept and used again, one libcurl multi handle.
 *
 * Whether a server speaks HTTP/2, the first connection shows. So over TLS one transfer goes first;
 * the others wait until it has an answer, and then find a connection to share (or none, over
 * HTTP/1.1, and open their own). They wait for a connection as long as it may take to get one, and
 * then for kube->patience_ms. CURLOPT_PIPEWAIT promises the same, but libcurl 7.88 forgets some
 * of those that wait when the server turns out to speak HTTP/1.1.
 *
 * A pool whose connections are not to be trusted any more, or show outdated credentials, is
 * retired: new transfers get a new pool, and the old one goes with its last transfer.
 */
struct pool {
	struct kube *kube;
	struct curl_loop curl;
	uv_timer_t patience; /* how long those wait who wait; then they go on their own */
	uint64_t waiting_ms; /* since when somebody waits, without a pause */
	unsigned count;      /* transfers that are its own, those that wait included */
	unsigned answered;   /* those that run and have an answer: their connections are good */
	unsigned handles;    /* of its own that are not closed yet */
	bool one_first;      /* nobody knows yet what the server speaks */
	bool retired;
	struct transfer *first; /* goes while the others wait */
	struct transfers waiting;
	uint64_t heard_ms; /* when the last byte came */
};

/* 0 or -ENOMEM. */
int pools_init(struct kube *k);
void pools_close(struct kube *k);
/* New transfers use new connections. */
void pool_retire(struct kube *k, enum channel channel);

/* Begin @t, whose easy handle is ready; now, or in its turn. 0 or -ENOMEM. */
int pool_add(struct kube *k, struct transfer *t);
/* Take it out again, ended or not. May free the pool. */
void pool_remove(struct transfer *t);
/* The head of its answer has come; told once. */
void pool_answered(struct transfer *t);

/* --- one HTTP exchange (transfer.c) --------------------------------------------------------- */

#define TRANSFER_ERROR_SIZE 512
#define CONNECT_TIMEOUT_MS  5000  /* names, TCP and TLS */
#define UNACKED_MAX_MS      30000 /* sent bytes that nobody acknowledges: the connection is dead */

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
	struct curl_slist *headers, *connect_to;
	struct transfer_body {
		char *text;
		size_t len, cap;
	} body;
	size_t body_max; /* of unconsumed bytes; more is an error */
	enum channel channel;
	struct pool *pool;           /* NULL: idle, or credentials are still to come */
	bool stream;                 /* a watch: it ends when the server or the connection does */
	bool waits;                  /* in pool->waiting, or in kube->uncredentialed */
	bool heard;                  /* pool_answered() knows */
	bool answered;               /* counted in pool->answered */
	unsigned identity;           /* credentials.version when it began */
	uint64_t began_ms;           /* when the credentials were there */
	unsigned timeout_ms;         /* from then on; 0: none */
	bool (*may_send)(void *arg); /* as in struct kube_call; NULL: yes */
	void *may_send_arg;
	const char *request_body, *unread; /* with may_send: all, and what libcurl has not taken */
	int status;                        /* of HTTP; 0: no answer */
	int retry_after_s;                 /* what the server wishes; -1: nothing */
	bool retry_at_once;                /* it wishes for a number of seconds, be it 0 */
	bool failed;                       /* the exchange broke off, before or after a status */
	bool timed_out;                    /* it did by our own clock */
	bool unsent;   /* no credentials, or withheld: says nothing about the server */
	bool outdated; /* at its end new transfers went to another pool already */
	bool too_big, ended, is_ready;
	char *error; /* why it failed; TRANSFER_ERROR_SIZE bytes, from start to stop */
	TAILQ_ENTRY(transfer) ready, turn;
};

struct transfer_request {
	enum channel channel;
	const char *method, *path; /* path with query */
	const char *content_type;  /* NULL: no body */
	const char *body;          /* must live until the end */
	size_t body_max;           /* of the answer */
	unsigned timeout_ms;       /* the wait for a connection included; 0: none */
	bool stream;               /* a watch */
	bool (*may_send)(void *arg);
	void *may_send_arg;
};

/* Begin; @t->ops is set. 0 or -ENOMEM. ops run later, from the loop. */
int transfer_start(struct kube *k, struct transfer *t, const struct transfer_request *req);
/* End without a further callback and free what it holds; idle is fine. */
void transfer_stop(struct transfer *t);
/* Drop @len bytes from the front of the body. */
void transfer_consume(struct transfer *t, size_t len);

/* The body as JSON, for cJSON_Delete(); NULL: it is none. */
cJSON *transfer_json(const struct transfer *t);
/*
 * Has the API server not answered (yet)? No status at all, or a gateway speaks for a server that
 * does not: 502 to 504, without the Status object that an API server would write.
 */
bool transfer_is_unheard(const struct transfer *t);

/* The program that was asked has given credentials, or @failure says why not; else NULL. */
void transfers_credentialed(struct kube *k, const char *failure);

/* Called by pool.c: libcurl is done with it. */
void transfer_ended(struct transfer *t, CURLcode result);
/* It cannot even begin. */
void transfer_failed(struct transfer *t, const char *why);
/* Tell the owners of all transfers that have news. Never from inside libcurl. */
void transfers_tell(struct kube *k);

/* Why the exchange broke off: more than libcurl's own words in t->error where there is more. */
void transfer_explain(struct transfer *t, CURLcode result);

/* --- credentials from a program (exec_io.c) ------------------------------------------------- */

struct exec_run;

/* Are the credentials good for a transfer that begins now? */
bool kube_has_credentials(struct kube *k);
/* Get them. Transfers in k->uncredentialed begin, or fail, when that is done. */
void kube_get_credentials(struct kube *k);
void exec_close(struct kube *k);
/* @t was answered 401: is there a reason to believe that it would go better now? */
bool kube_credentials_refused(struct kube *k, const struct transfer *t);
/* Follow files that rotate. */
void kube_refresh_credentials(struct kube *k, bool refused);

/* "reason: message" of a Status object, or of the HTTP status alone, into @buf; returns @buf. */
const char *status_reason(int status, const cJSON *json, char *buf, size_t size);

/* --- one request (request.c) ---------------------------------------------------------------- */

enum request_class { REQUEST_FOREGROUND, REQUEST_URGENT, REQUEST_EVENT, REQUEST_CLASS_MAX };

TAILQ_HEAD(requests, request);

struct request_queue {
	struct requests waiting, running, resting; /* resting: until the server is less busy */
	unsigned waiting_count, running_count, resting_count;
};

int request_send(struct kube *k, enum request_class class, const struct kube_call *call);
void requests_close(struct kube *k);

/* --- watches (watch.c) ---------------------------------------------------------------------- */

TAILQ_HEAD(watches, kube_watch);

/* The server is back: those that wait for it go on. */
void watches_wake(struct kube *k);
/* Is one of them being answered? */
bool watches_hear(const struct kube *k);

/* --- the client (kube.c) -------------------------------------------------------------------- */

struct kube {
	uv_loop_t *loop;
	struct credentials credentials;
	char *user_agent;
	struct rng rng;
	bool direct; /* loopback: no proxy from the environment */
	bool closing;
	unsigned handles; /* uv handles that are not closed yet; the last one takes all along */

	struct pool *pools[CHANNEL_MAX];
	struct transfers ready;          /* with news for their owner */
	struct transfers uncredentialed; /* wait for the program that has our credentials */
	struct exec_run *exec;           /* it runs; else NULL */
	uint64_t exec_ended_ms;          /* the last time it did; 0: never */
	unsigned tls_version;            /* credentials.tls_version that the pools show */

	struct request_queue queues[REQUEST_CLASS_MAX];
	struct watches watches;
	uint64_t silence_ms;       /* a watch that says nothing for so long is taken for dead */
	unsigned timeout_s;        /* of a request */
	unsigned unacked_ms;       /* as in struct kube_cfg; for requests */
	uint64_t plugin_ms;        /* how long a credential plugin may take */
	uint64_t patience_ms;      /* how long transfers wait for another one's connection */
	struct event_book *events; /* made by the first event */

	/* Outage: nobody is answered (down), or there are no credentials to ask with (locked_out).
	 */
	bool answered, down, locked_out;
	uint64_t heard_ms; /* the last answer, or part of one */
	struct backoff backoff;
	uint64_t retry_at_ms; /* of the loop's clock */
};

/* The server answers @t. */
void kube_heard(struct kube *k, const struct transfer *t);
/*
 * @t, which asked for @path, got no answer. Is this an outage, or the trouble of this path alone?
 * Others that are answered right now say that it is no outage.
 */
bool kube_unheard(struct kube *k, const char *path, const struct transfer *t);
/* A program was asked for credentials; @failure: why there are none, NULL: there are. */
void kube_credentialed(struct kube *k, const char *failure);
/* Why @t got no answer, in words. */
const char *unheard_reason(const struct transfer *t, char *buf, size_t size);
/* In how many milliseconds a watch should try again; one back-off for all of them. */
uint64_t kube_retry_in(struct kube *k);

/* Count a uv handle in; its close callback calls kube_handle_closed(), which may free @k. */
void kube_handle_opened(struct kube *k);
void kube_handle_closed(struct kube *k);

#endif
