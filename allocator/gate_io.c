// SPDX-License-Identifier: Apache-2.0
#include "allocator/gate_io.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "lib/base/duration.h"
#include "lib/base/must.h"
#include "lib/daemon/loop.h"

struct gate_io {
	struct gate *gate;
	struct kube *kube;
	int64_t *withheld;
};

struct write {
	struct gate_call call; /* first: it is what the gate knows of it */
	struct gate_io *io;
	kube_done done;
	void *arg;
};

struct gate_io *gate_io_new(struct kube *kube, struct metrics *metrics)
{
	struct gate_io *g = must(calloc(1, sizeof(*g)));

	g->gate = gate_new();
	g->kube = kube;
	g->withheld = metric_value0(metrics_family(
		metrics, "bellman_allocator_writes_withheld_total",
		"Writes that were not sent because the lease had too little time left.",
		METRIC_COUNTER, NULL));
	return g;
}

struct gate_io *gate_io_free(struct gate_io *g)
{
	if (g != NULL)
		gate_free(g->gate);
	free(g);
	return NULL;
}

struct gate *gate_io_gate(struct gate_io *g)
{
	return g->gate;
}

bool gate_io_is_open(const struct gate_io *g)
{
	return gate_is_open(g->gate, daemon_now_ns());
}

bool gate_io_may_decide(const struct gate_io *g)
{
	return gate_may_decide(g->gate, daemon_now_ns());
}

static bool may_send(void *arg)
{
	struct write *w = arg;

	if (gate_may_send(&w->call, daemon_now_ns()))
		return true;
	++*w->io->withheld;
	return false;
}

static void on_end(void *arg, int status, const cJSON *json, const char *error)
{
	struct write *w = arg;

	gate_end(&w->call, status != 0);
	if (!w->call.given_up && w->done != NULL)
		w->done(w->arg, status, json, error);
	free(w);
}

static void on_give_up(struct gate_call *call)
{
	struct write *w = (struct write *)call;

	if (w->done != NULL)
		w->done(w->arg, 0, NULL, "no longer leading");
}

int gate_io_send(struct gate_io *g, const char *method, const char *path, const char *content_type,
		 const char *body, kube_done done, void *arg)
{
	assert(body != NULL); /* it is what is withheld */
	struct write *w = must(calloc(1, sizeof(*w)));
	*w = (struct write){ .call = { .give_up = on_give_up }, .io = g, .done = done, .arg = arg };
	if (!gate_begin(g->gate, &w->call)) {
		free(w);
		return -EACCES;
	}
	int rc = kube_call(g->kube,
			   &(struct kube_call){
				   .method = method,
				   .path = path,
				   .content_type = content_type,
				   .body = body,
				   .timeout_ms = (unsigned)(gate_timeout_ns(g->gate) / NS_PER_MS),
				   .may_send = may_send,
				   .done = on_end,
				   .arg = w,
			   });
	if (rc != 0) {
		gate_end(&w->call, true);
		free(w);
	}
	return rc;
}

void gate_io_call_begin(struct gate_io *g, struct gate_call *call)
{
	if (gate_begin(g->gate, call))
		gate_sent(call, daemon_now_ns());
}
