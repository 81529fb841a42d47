// SPDX-License-Identifier: Apache-2.0
/*
 * Single requests of clients: queues as lib/kube/request.c has them, the way there, what the server
 * does, the way back.
 *
 * A request has one timer, for what comes first: its arrival, or the end of its owner's patience.
 * One whose owner was told already, or is gone, goes on alone while the network carries it.
 */
#include <assert.h>
#include <stdlib.h>

#include "lib/base/duration.h"
#include "lib/base/must.h"
#include "sim/api_state.h"

#define TIMEOUT_NS (15 * NS_PER_S)

/* How many of a class are under way at a time. */
static const unsigned running_max[SIM_API_CLASSES] = {
	[SIM_API_COMMON] = 32,
	[SIM_API_URGENT] = 4,
};

enum stage {
	STAGE_WITHHELD, /* it is not to be sent after all */
	STAGE_GOING,
	STAGE_COMING, /* its answer is on the way */
};

struct sim_api_request {
	struct sim_api_client *client;
	struct sim_api_write write; /* of a read: kind, key, time-out and done() */
	bool is_read;
	bool alone;      /* nobody waits for the answer any more */
	uint64_t number; /* of all that were sent */
	bool resent;     /* a cut keeps it back, there or here */
	uint8_t class, stage;
	int status;
	struct sim_api_version *answer;
	struct sim_timer timer;
	uint64_t asked_ns, deadline_ns, next_ns, rto_ns;
	TAILQ_ENTRY(sim_api_request) link;
};

static uint64_t now_ns(const struct sim_api_request *r)
{
	return sim_clock_now(r->client->api->clock);
}

static void request_free(struct sim_api_request *r)
{
	sim_timer_stop(r->client->api->clock, &r->timer);
	sim_api_version_unref(r->answer);
	free((char *)r->write.ns);
	free((char *)r->write.name);
	free((char *)r->write.version);
	free(r->write.change_arg);
	free(r);
}

/* It is no longer under way. */
static void leave(struct sim_api_request *r)
{
	struct sim_api_client *c = r->client;

	TAILQ_REMOVE(&c->running, r, link);
	if (!r->alone)
		c->queues[r->class].running--;
}

/* --- waiting and sending ---------------------------------------------------------------- */

static void on_due(void *arg);

static void arm(struct sim_api_request *r)
{
	struct sim_clock *clock = r->client->api->clock;
	uint64_t at_ns = r->next_ns;

	if (!r->alone && !r->client->paused && r->deadline_ns < at_ns)
		at_ns = r->deadline_ns;
	if (r->stage != STAGE_GOING && r->client->paused)
		sim_timer_stop(clock, &r->timer);
	else
		sim_timer_set(clock, &r->timer, at_ns, on_due, r);
}

static void say_written(const struct sim_api_request *r, enum sim_written what)
{
	const struct sim_api *a = r->client->api;

	if (a->writes != NULL && !r->is_read)
		a->writes(a->writes_arg, r->client, r->number, what, r->write.kind, r->write.ns,
			  r->write.name);
}

static void start(struct sim_api_request *r)
{
	uint64_t now = now_ns(r);

	r->deadline_ns = now + r->write.timeout_ns;
	if (r->write.may_send != NULL && !r->write.may_send(r->write.arg)) {
		r->stage = STAGE_WITHHELD;
		r->next_ns = now;
	} else {
		r->stage = STAGE_GOING;
		r->next_ns = now + sim_api_client_trip_ns(r->client);
		r->number = ++r->client->api->counts.requests;
		say_written(r, SIM_WRITE_SENT);
	}
	arm(r);
}

/* Start as many as may be under way. */
static void queues_run(struct sim_api_client *c)
{
	for (size_t i = 0; i < SIM_API_CLASSES && !c->paused && !c->freed; i++) {
		struct sim_api_request_queue *q = &c->queues[i];
		struct sim_api_request *r;

		while (q->running < running_max[i] && (r = TAILQ_FIRST(&q->waiting)) != NULL) {
			TAILQ_REMOVE(&q->waiting, r, link);
			TAILQ_INSERT_TAIL(&c->running, r, link);
			q->running++;
			start(r);
		}
	}
}

/* Those that an outage has kept from their turn for as long as one may take. */
static void queue_expire(struct sim_api_client *c, struct sim_api_request_queue *q)
{
	struct sim_api_request *r;

	while (!c->freed && c->away && (r = TAILQ_FIRST(&q->waiting)) != NULL &&
	       now_ns(r) - r->asked_ns >= r->write.timeout_ns) {
		TAILQ_REMOVE(&q->waiting, r, link);
		c->api->counts.unanswered++;
		if (r->write.done != NULL)
			r->write.done(r->write.arg, 0, NULL);
		request_free(r);
	}
}

/* --- the end ----------------------------------------------------------------------------- */

/* Tell its owner how it ended, and go on with the next one. @stays: it is still carried. */
static void finish(struct sim_api_request *r, int status, bool stays)
{
	struct sim_api_client *c = r->client;
	struct sim_api_request_queue *q = &c->queues[r->class];
	sim_api_done *done = r->write.done;
	void *arg = r->write.arg;
	struct sim_api_version *answer = r->answer;

	sim_api_client_hold(c);
	r->answer = NULL;
	if (stays) {
		q->running--;
		r->alone = true;
		arm(r);
	} else {
		leave(r);
		request_free(r);
	}
	if (done != NULL)
		done(arg, status, answer != NULL ? &answer->object : NULL);
	sim_api_version_unref(answer);
	queue_expire(c, q);
	queues_run(c);
	sim_api_client_release(c);
}

static void on_no_answer(struct sim_api_request *r, bool timed_out)
{
	r->client->api->counts.unanswered++;
	sim_api_client_unheard(r->client, r->deadline_ns - r->write.timeout_ns, timed_out);
	r->answer = sim_api_version_unref(r->answer);
	finish(r, 0, timed_out && r->stage == STAGE_GOING && !r->resent);
}

/* --- its ways ------------------------------------------------------------------------------ */

/* A cut keeps it back: TCP sends it again. */
static void resend(struct sim_api_request *r)
{
	r->resent = true;
	r->next_ns = now_ns(r) + sim_rto_next(&r->rto_ns);
	if (r->stage == STAGE_GOING && r->next_ns > r->deadline_ns)
		r->next_ns = r->deadline_ns;
	arm(r);
}

static void come_back(struct sim_api_request *r)
{
	r->stage = STAGE_COMING;
	r->resent = false;
	r->rto_ns = 0;
	r->next_ns = now_ns(r) + sim_api_client_trip_ns(r->client);
	arm(r);
}

static void drop(struct sim_api_request *r)
{
	struct sim_api_client *c = r->client;

	sim_api_client_hold(c);
	leave(r);
	request_free(r);
	sim_api_client_release(c);
}

static void serve(struct sim_api_request *r)
{
	struct sim_api *a = r->client->api;
	bool changed = false;

	r->status = r->is_read ? sim_api_serve_read(a, &r->write, &r->answer)
			       : sim_api_serve_write(a, &r->write, &changed, &r->answer);
	say_written(r, changed ? SIM_WRITE_LANDED : SIM_WRITE_VAIN);
}

static void on_arrived(struct sim_api_request *r)
{
	bool cut = r->client->in_cut;

	if (cut && now_ns(r) < r->deadline_ns) {
		resend(r);
		return;
	}
	/* Else its kernel has given up, too. */
	if (!cut && !r->client->api->down)
		serve(r);
	if (r->alone)
		drop(r);
	else
		come_back(r);
}

static void on_answer(struct sim_api_request *r)
{
	if (r->client->out_cut) {
		resend(r);
	} else if (r->status == 0) {
		on_no_answer(r, false);
	} else {
		sim_api_client_heard(r->client);
		finish(r, r->status, false);
	}
}

static void on_due(void *arg)
{
	struct sim_api_request *r = arg;

	if (r->stage == STAGE_WITHHELD)
		finish(r, 0, false);
	else if (!r->alone && !r->client->paused && now_ns(r) >= r->deadline_ns)
		on_no_answer(r, true);
	else if (r->stage == STAGE_GOING)
		on_arrived(r);
	else
		on_answer(r);
}

/* --- what happens to the client --------------------------------------------------------------- */

void sim_api_requests_paused(struct sim_api_client *c)
{
	struct sim_api_request *r;

	TAILQ_FOREACH (r, &c->running, link)
		arm(r);
	queues_run(c);
}

void sim_api_requests_break(struct sim_api_client *c)
{
	struct sim_api_request *r;

	TAILQ_FOREACH (r, &c->running, link) {
		if (r->stage != STAGE_COMING)
			continue;
		r->answer = sim_api_version_unref(r->answer);
		r->status = 0;
	}
}

void sim_api_requests_orphan(struct sim_api_client *c)
{
	struct sim_api_request *r, *next;

	for (size_t i = 0; i < SIM_API_CLASSES; i++) {
		while ((r = TAILQ_FIRST(&c->queues[i].waiting)) != NULL) {
			TAILQ_REMOVE(&c->queues[i].waiting, r, link);
			request_free(r);
		}
	}
	TAILQ_FOREACH_SAFE (r, &c->running, link, next) {
		if (r->stage != STAGE_GOING) {
			drop(r);
			continue;
		}
		r->write.done = NULL;
		if (!r->alone)
			c->queues[r->class].running--;
		r->alone = true;
		arm(r);
	}
}

void sim_api_requests_drop(struct sim_api_client *c)
{
	struct sim_api_request *r;

	sim_api_client_hold(c);
	while ((r = TAILQ_FIRST(&c->running)) != NULL)
		drop(r);
	sim_api_client_release(c);
}

/* --- for its user ------------------------------------------------------------------------------
 */

static void queue(struct sim_api_client *c, const struct sim_api_write *w, bool is_read)
{
	struct sim_api_request *r = must(calloc(1, sizeof(*r)));

	assert(!c->freed);
	r->client = c;
	r->write = *w;
	r->write.ns = must_copy(sim_api_object_ns(w->kind, w->ns));
	r->write.name = must_copy(w->name);
	r->write.version = must_copy(w->version);
	if (w->timeout_ns == 0)
		r->write.timeout_ns = TIMEOUT_NS;
	r->is_read = is_read;
	r->class = w->kind == SIM_LEASE ? SIM_API_URGENT : SIM_API_COMMON;
	r->asked_ns = now_ns(r);
	TAILQ_INSERT_TAIL(&c->queues[r->class].waiting, r, link);
	queues_run(c);
}

void sim_api_read(struct sim_api_client *c, enum sim_kind kind, const char *ns, const char *name,
		  uint64_t timeout_ns, sim_api_done *done, void *arg)
{
	queue(c,
	      &(struct sim_api_write){ .kind = kind,
				       .ns = ns,
				       .name = name,
				       .timeout_ns = timeout_ns,
				       .done = done,
				       .arg = arg },
	      true);
}

void sim_api_send(struct sim_api_client *c, const struct sim_api_write *w)
{
	assert(w->kind != SIM_CONFIG);
	queue(c, w, false);
}
