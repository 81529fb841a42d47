// SPDX-License-Identifier: Apache-2.0
/*
 * The Kubernetes API client: lists and watches, single requests, events.
 *
 * One `struct kube` is one API server on one libuv loop. Watches and requests have connections of
 * their own, which are kept; where the server speaks HTTP/2 each of the two is one connection.
 * Nothing here blocks. Host names are looked up in a thread of libcurl's, which nobody waits for
 * (libcurl 7.87 and later; an older one does when it gives up a name server that is silent).
 *
 * Every callback runs from the loop, never from inside the call that asked for it
 * (kube_close() excepted, see there), and may call anything here, kube_watch_stop() on
 * its own watch and kube_close() included.
 *
 * When the server cannot be reached, that is logged once, and once when it is back;
 * watches go on by themselves with a back-off that all of them share. A watch that gets no answer
 * while others are answered has a back-off of its own. Nothing is removed because of an outage:
 * what was told by upsert() holds until the server says otherwise.
 *
 * A list is decoded object by object while it arrives: one object is in memory at a time, and one
 * of more than 8 MiB is not believed. A list or watch of which no byte has come for 90 s begins
 * again, on new connections unless others are heard on the old ones.
 *
 * Not here: caches of objects, retries of requests (but see kube_request() for a server that is
 * busy). Who got a 409 reads again and decides anew.
 */
#ifndef BELLMAN_KUBE_KUBE_H
#define BELLMAN_KUBE_KUBE_H

#include <stdbool.h>
#include <stddef.h>

#include <cjson/cJSON.h>
#include <uv.h>

struct kube;       /* one API server, on one libuv loop */
struct kube_watch; /* one resource, listed and watched for ever */

struct kube_cfg {
	const char *server;     /* http[s]://HOST[:PORT]; NULL: what the kubeconfig says */
	const char *kubeconfig; /* a file, or several as KUBECONFIG has them; NULL: none */
	const char *user_agent; /* "bellman-speaker/0.1.0" */
	/* For so long our kernel sends again what nobody acknowledges, of requests; 0: 30 s. Then
	 * their connection is dead. */
	unsigned unacked_ms;
};

/*
 * Read the credentials and get ready; nothing is sent yet.
 *
 * @cfg: copied. With a kubeconfig, its current context is used (lib/kube/kubeconfig.h says what is
 * understood), and @cfg->server, if given, stands in for the server's address. A server alone is
 * used without credentials. With neither, those that every pod has are used
 * (KUBERNETES_SERVICE_HOST and _PORT, service-account token and CA).
 *
 * Token and certificate files are looked at again every minute and after a 401. A credential plugin
 * (`exec`) is run by the first request, when what it said has expired, and after a 401; the loop
 * goes on meanwhile. SIGCHLD is then libuv's.
 *
 * Returns 0 and *ret for the caller to kube_close(); or -EINVAL, -ENOENT, -EACCES, -ENOMEM or
 * another negative errno with what is wrong and where in @err; *ret is untouched then.
 */
int kube_open(uv_loop_t *loop, const struct kube_cfg *cfg, struct kube **ret, char *err,
	      size_t err_size);

/*
 * End everything: watches are stopped (their pointers are dead from here), the done() of every
 * request still under way runs now, with status 0. The memory goes when the loop has run its
 * close callbacks, so run it once more (`uv_run(loop, UV_RUN_DEFAULT)`) before uv_loop_close().
 * NULL is fine. Returns NULL.
 */
struct kube *kube_close(struct kube *k);

/* Did the server answer when last asked? False before the first answer, and while a credential
 * plugin fails. For metrics. */
bool kube_connected(const struct kube *k);

/* scheme://host:port[/prefix] in use, for log lines and messages. */
const char *kube_server(const struct kube *k);

/* The namespace of the pod's service account; NULL unless in-cluster credentials are in use: where
 * a user of a kubeconfig works says nothing about where Bellman is installed. */
const char *kube_namespace(const struct kube *k);

/*
 * What a watch tells. The object is lent for the time of the call; it always has its `kind` and
 * `apiVersion`, also where a list leaves them out. The same object may be told again unchanged.
 */
struct kube_watch_ops {
	/* It is there: from a list, or ADDED or MODIFIED. */
	void (*upsert)(void *arg, const cJSON *object);
	/* It is gone: DELETED, or missing from a new list. @ns is "" for cluster scope. */
	void (*remove)(void *arg, const char *ns, const char *name);
	/* After each complete list, the removes included. May be NULL. */
	void (*synced)(void *arg);
	/* 404 on the resource before any list: its CRD is not installed. Told once, asked again
	 * every 60 s. NULL: retried like any other error. */
	void (*absent)(void *arg);
	/* After a complete list, the server refuses (403, 404, 500…): what is known is kept and the
	 * watch retried. Told once until the next success. May be NULL; it is logged anyway. */
	void (*lost)(void *arg, int status, const char *reason);
	/* The same before any complete list; not for what absent() is told. */
	void (*refused)(void *arg, int status, const char *reason);
};

/*
 * List @path and watch it for ever.
 *
 * @path: a collection, "/api/v1/services". @query: more parameters, escaped already
 * ("fieldSelector=metadata.name%3Da"), or NULL. Both are copied; @ops is kept by pointer.
 * Returns the watch, to be ended by kube_watch_stop() or kube_close(), or NULL: out of memory.
 */
struct kube_watch *kube_watch_start(struct kube *k, const char *path, const char *query,
				    const struct kube_watch_ops *ops, void *arg);
/* Has one list been complete? Stays true through outages. */
bool kube_watch_synced(const struct kube_watch *w);
/*
 * List anew, and at once: the next synced() tells of a list that begins after this call. Until then
 * what is known stays. Not from a callback of the same watch.
 */
void kube_watch_relist(struct kube_watch *w);
/* No callback runs after this. NULL is fine. Returns NULL. */
struct kube_watch *kube_watch_stop(struct kube_watch *w);

#define KUBE_JSON            "application/json"
#define KUBE_MERGE_PATCH     "application/merge-patch+json"
#define KUBE_STRATEGIC_PATCH "application/strategic-merge-patch+json" /* built-in kinds only */

/*
 * The answer to a request.
 * @status: of HTTP; 0: no answer, or kube_close(). @json: lent, NULL when there is none or it is
 * no JSON. @error: NULL for 2xx, else server, path and reason, for logs and events.
 */
typedef void (*kube_done)(void *arg, int status, const cJSON *json, const char *error);

/*
 * Send one request. At most 32 are under way at a time, the rest wait in order; 15 s each, the wait
 * for a connection included, and that for a credential plugin not. In an outage those that have
 * waited as long for their turn fail with the first that does. When the server is busy (429, or
 * 5xx, with Retry-After) it is sent again at the time that it says, for a minute at most, and
 * others go meanwhile; then, or without Retry-After, @done gets that answer.
 *
 * @path: with its query, as from kube_path(). @content_type and @body: NULL for none; copied.
 * @done: runs exactly once if this returns 0; NULL: nobody asks.
 * Returns 0, -ENOMEM, or -ESHUTDOWN after kube_close().
 */
int kube_request(struct kube *k, const char *method, const char *path, const char *content_type,
		 const char *body, kube_done done, void *arg);

/* The same with more to say. What is zero is as kube_request() has it. */
struct kube_call {
	const char *method, *path, *content_type, *body;
	unsigned timeout_ms; /* 0: 15 s */
	bool urgent;         /* in a queue of its own, so that no other stands before it, and a busy
			      * server's answer is handed on at once: a lease */
	/*
	 * Is it still to be sent? Asked each time that its body, which there has to be, is about
	 * to be handed to the connection: after the queue, the TLS handshake, a wait for a busy
	 * server, and whatever time the process was stopped. False ends it, with status 0 for
	 * @done; a server does nothing for a request whose body does not come. Runs inside
	 * libcurl: it may look at things and call nothing here. NULL: yes.
	 */
	bool (*may_send)(void *arg);
	kube_done done;
	void *arg;
};
int kube_call(struct kube *k, const struct kube_call *call);

/*
 * The path of an object or collection, its parts escaped:
 * kube_path("/api/v1", "web", "services", "front", "status") is
 * "/api/v1/namespaces/web/services/front/status". @ns NULL or "": cluster scope, or all
 * namespaces. @name, @subresource: NULL for none. Free the result; NULL: out of memory.
 */
char *kube_path(const char *api, const char *ns, const char *resource, const char *name,
		const char *subresource);

/* The wall clock as times stand in objects (RFC 3339, whole seconds); returns @buf. */
#define KUBE_TIME_TEXT 32
const char *kube_time_text(char buf[KUBE_TIME_TEXT]);

/*
 * A core/v1 Event about an object. Nobody hears whether it arrived: it is dropped while the
 * server cannot be reached, and beyond 25 at once and one each 5 minutes for one object. The same
 * again within 10 minutes counts up the first, when that has arrived.
 */
struct kube_event {
	const char *component, *host;          /* who says it: "bellman-speaker", the node or "" */
	const char *kind, *api_version, *name; /* about what */
	const char *ns;                        /* NULL or "": cluster scope */
	const char *uid, *resource_version;    /* NULL: not known */
	const char *type;                      /* Normal or Warning */
	const char *reason;                    /* CamelCase, from a fixed set */
	const char *message;
};
void kube_event(struct kube *k, const struct kube_event *event);

#endif
