// SPDX-License-Identifier: Apache-2.0
#include "allocator/gate_io.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "lib/base/duration.h"
#include "lib/base/must.h"
#include "lib/daemon/loop.h"

struct write {
	struct gate *gate;
	uint64_t sent_ns; /* when its body was last handed to the connection; 0: it was not */
	bool given_up;    /* its owner knows the end already */
	kube_done done;
	void *arg;
	LIST_ENTRY(write) link;
};

struct gate {
	struct kube *kube;
	bool open;
	uint64_t until_ns, timeout_ns;
	uint64_t quiet_ns; /* of those that have ended without an answer */
	LIST_HEAD(, write) writes;
	LIST_HEAD(, gate_call) calls;
	void (*ended)(void *arg);
	void *ended_arg;
	int64_t *withheld;
};

struct gate *gate_new(struct kube *kube, struct metrics *metrics)
{
	struct gate *g = must(calloc(1, sizeof(*g)));

	g->kube = kube;
	LIST_INIT(&g->writes);
	LIST_INIT(&g->calls);
	g->withheld = metric_value0(metrics_family(
		metrics, "bellman_allocator_writes_withheld_total",
		"Writes that were not sent because the lease had too little time left.",
		METRIC_COUNTER, NULL));
	return g;
}

struct gate *gate_free(struct gate *g)
{
	if (g != NULL)
		assert(LIST_EMPTY(&g->writes) && LIST_EMPTY(&g->calls));
	free(g);
	return NULL;
}

bool gate_is_open(const struct gate *g)
{
	uint64_t now = daemon_now_ns();

	return g->open && g->until_ns > now && g->until_ns - now > g->timeout_ns;
}

uint64_t gate_timeout_ns(const struct gate *g)
{
	return g->timeout_ns;
}

static bool may_send(void *arg)
{
	struct write *w = arg;

	/* One that was given up belongs to a term that is over, though we may lead again. */
	if (w->given_up || !gate_is_open(w->gate)) {
		w->sent_ns = 0;
		++*w->gate->withheld;
		return false;
	}
	w->sent_ns = daemon_now_ns();
	return true;
}

/* What was sent at @sent_ns has ended, and nobody said how: the network, or a server, may have it
 * for as long again as we waited. */
static void lost(struct gate *g, uint64_t sent_ns)
{
	if (sent_ns + 2 * g->timeout_ns > g->quiet_ns)
		g->quiet_ns = sent_ns + 2 * g->timeout_ns;
}

static void on_end(void *arg, int status, const cJSON *json, const char *error)
{
	struct write *w = arg;
	struct gate *g = w->gate;

	LIST_REMOVE(w, link);
	if (status == 0 && w->sent_ns != 0)
		lost(g, w->sent_ns);
	if (!w->given_up && w->done != NULL)
		w->done(w->arg, status, json, error);
	free(w);
	if (g->ended != NULL)
		g->ended(g->ended_arg);
}

int gate_send(struct gate *g, const char *method, const char *path, const char *content_type,
	      const char *body, kube_done done, void *arg)
{
	assert(body != NULL); /* it is what is withheld */
	if (!g->open)
		return -EACCES;
	struct write *w = must(calloc(1, sizeof(*w)));
	*w = (struct write){ .gate = g, .done = done, .arg = arg };
	int rc = kube_call(g->kube, &(struct kube_call){
					    .method = method,
					    .path = path,
					    .content_type = content_type,
					    .body = body,
					    .timeout_ms = (unsigned)(g->timeout_ns / NS_PER_MS),
					    .may_send = may_send,
					    .done = on_end,
					    .arg = w,
				    });
	if (rc == 0)
		LIST_INSERT_HEAD(&g->writes, w, link);
	else
		free(w);
	return rc;
}

void gate_call_begin(struct gate *g, struct gate_call *call)
{
	call->sent_ns = daemon_now_ns();
	LIST_INSERT_HEAD(&g->calls, call, link);
}

void gate_call_end(struct gate *g, struct gate_call *call, bool answered)
{
	if (call->sent_ns == 0)
		return;
	LIST_REMOVE(call, link);
	if (!answered)
		lost(g, call->sent_ns);
	call->sent_ns = 0;
	if (g->ended != NULL)
		g->ended(g->ended_arg);
}

void gate_open(struct gate *g, uint64_t until_ns, uint64_t timeout_ns)
{
	g->open = true;
	g->until_ns = until_ns;
	g->timeout_ns = timeout_ns;
}

void gate_close(struct gate *g)
{
	struct write *w;

	g->open = false;
	/* An owner may hand in the next write, which is refused; it ends none of these. */
	LIST_FOREACH (w, &g->writes, link) {
		if (w->given_up)
			continue;
		w->given_up = true;
		if (w->done != NULL)
			w->done(w->arg, 0, NULL, "no longer leading");
	}
}

uint64_t gate_quiet_ns(const struct gate *g)
{
	uint64_t quiet_ns = g->quiet_ns > daemon_now_ns() ? g->quiet_ns : 0;
	const struct gate_call *call;
	const struct write *w;

	LIST_FOREACH (w, &g->writes, link) {
		if (w->sent_ns != 0 && w->sent_ns + g->timeout_ns > quiet_ns)
			quiet_ns = w->sent_ns + g->timeout_ns;
	}
	LIST_FOREACH (call, &g->calls, link) {
		if (call->sent_ns + g->timeout_ns > quiet_ns)
			quiet_ns = call->sent_ns + g->timeout_ns;
	}
	return quiet_ns;
}

void gate_watch(struct gate *g, void (*ended)(void *arg), void *arg)
{
	g->ended = ended;
	g->ended_arg = arg;
}
