// SPDX-License-Identifier: Apache-2.0
#include "allocator/lead_io.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "allocator/identity_io.h"
#include "allocator/lead_words_io.h"
#include "allocator/metallb_io.h"
#include "allocator/namespace_io.h"
#include "lib/base/duration.h"
#include "lib/base/must.h"
#include "lib/daemon/loop.h"
#include "lib/kube/lease.h"
#include "lib/kube/lease_object.h"
#include "lib/model/version.h"

#define API   "/apis/coordination.k8s.io/v1"
#define LEASE "bellman-allocator"

struct lead_io {
	struct lead_io_cfg cfg;
	struct kube_lease *lease;
	struct metallb_io *metallb; /* NULL: not looked for */
	struct kube_watch *watch;
	uv_timer_t timer;
	char identity[IDENTITY_MAX];
	char *path, *collection;
	cJSON *known;               /* the Lease; NULL: not read yet, or there is none */
	enum kube_lease_todo asked; /* the request that is under way */
	bool leads;                 /* the engine has been told so */
	bool configured;            /* lead_io_stand() was called */
	bool away;                  /* no controller of MetalLB's is at work */
	bool leaving, closing;
	uint64_t leave_by_ns;
	struct lead_words words;
	enum kube_lease_todo refused; /* what failed last */
	int64_t *is_leader, *transitions;
	unsigned holders; /* the timer and each request; at 0 the memory goes */
};

static void run(struct lead_io *l);

static void unref(struct lead_io *l)
{
	if (--l->holders > 0)
		return;
	kube_lease_free(l->lease);
	cJSON_Delete(l->known);
	free(l->path);
	free(l->collection);
	free(l);
}

/* --- what follows from it ------------------------------------------------------------ */

static void set_leads(struct lead_io *l, bool leads)
{
	if (l->leads == leads)
		return;
	l->leads = leads;
	*l->is_leader = leads;
	++*l->transitions;
	if (!leads)
		gate_close(l->cfg.gate);
	lead_say(&l->words, leads);
	l->cfg.lead(l->cfg.arg, leads);
}

/* We hold the Lease. Since when may be too short a time to do something about it. */
static void lead(struct lead_io *l, uint64_t now_ns)
{
	bool was_open = gate_is_open(l->cfg.gate);

	if (!l->leads &&
	    (now_ns < kube_lease_quiet_ns(l->lease) || gate_quiet_ns(l->cfg.gate) > now_ns))
		return;
	gate_open(l->cfg.gate, kube_lease_until_ns(l->lease),
		  kube_lease_write_ns(l->cfg.lease_duration_ns));
	if (!l->leads)
		set_leads(l, true);
	else if (!was_open && gate_is_open(l->cfg.gate))
		l->cfg.renewed(l->cfg.arg);
}

/* --- requests ------------------------------------------------------------------------ */

/* Is it an answer that no later try will mend by itself? */
static bool is_refusal(int status)
{
	return status >= 400 && status < 500 && status != 409 && status != 429;
}

static void know(struct lead_io *l, const cJSON *lease)
{
	cJSON_Delete(l->known);
	l->known = lease != NULL ? must(cJSON_Duplicate(lease, true)) : NULL;
}

static bool is_dead(const struct lead_io *l, const struct kube_lease_record *r)
{
	return r->holder != NULL && strcmp(r->holder, l->identity) != 0 &&
	       identity_is_dead(r->holder);
}

/* The namespace was not there, and now is. */
static void on_namespace(void *arg, int status, const cJSON *json, const char *error)
{
	struct lead_io *l = arg;

	(void)json;
	l->asked = LEASE_NOTHING;
	if (!l->closing) {
		if (is_refusal(status))
			lead_set_trouble(&l->words, status, error);
		kube_lease_answer(l->lease,
				  status == 201 || status == 409 ? LEASE_CONFLICT : LEASE_FAILED,
				  NULL, false, daemon_now_ns());
		run(l);
	}
	unref(l);
}

static enum kube_lease_outcome outcome_of(enum kube_lease_todo asked, int status, const cJSON *json)
{
	/* Without a version there is nothing to write on top of: a gateway's word, say. */
	if (status >= 200 && status < 300)
		return version_of(json) != NULL ? LEASE_DONE : LEASE_FAILED;
	if (status == 404 && asked == LEASE_GET)
		return LEASE_DONE; /* there is none */
	if (status == 409 || (status == 404 && asked != LEASE_CREATE))
		return LEASE_CONFLICT;
	return LEASE_FAILED;
}

static void on_answer(void *arg, int status, const cJSON *json, const char *error)
{
	struct lead_io *l = arg;
	enum kube_lease_todo asked = l->asked;

	if (l->closing) {
		unref(l);
		return;
	}
	if (asked == LEASE_CREATE && status == 404 && namespace_is_missing(json) &&
	    namespace_make(l->cfg.kube, l->cfg.ns, on_namespace, l) == 0)
		return; /* still this one request, as far as anybody else knows */
	l->asked = LEASE_NOTHING;
	enum kube_lease_outcome outcome = outcome_of(asked, status, json);
	if (outcome == LEASE_DONE)
		know(l, status == 404 ? NULL : json);
	/* That it may be read does not say that it may be written. */
	if (outcome == LEASE_FAILED && error == NULL)
		lead_set_trouble(&l->words, status, "the answer is no Lease");
	else if (outcome == LEASE_FAILED && is_refusal(status))
		lead_set_trouble(&l->words, status, error);
	else if (outcome == LEASE_DONE && (asked != LEASE_GET || l->refused == LEASE_GET))
		lead_set_trouble(&l->words, status, NULL);
	if (outcome == LEASE_FAILED) /* and any Lease shows that no gateway is in the way now */
		l->refused = error == NULL ? LEASE_GET : asked;
	struct kube_lease_record r = kube_lease_object_record(l->known);
	bool there = asked == LEASE_GET && l->known != NULL;
	kube_lease_answer(l->lease, outcome, there ? &r : NULL, there && is_dead(l, &r),
			  daemon_now_ns());
	run(l);
	unref(l);
}

static int64_t wall_us(void)
{
	struct timeval now;

	gettimeofday(&now, NULL);
	return now.tv_sec * 1000000LL + now.tv_usec;
}

static void ask(struct lead_io *l, enum kube_lease_todo todo)
{
	char *body = todo == LEASE_GET
			     ? NULL
			     : kube_lease_object_text(l->known, todo, l->cfg.ns, LEASE, l->identity,
						      l->cfg.lease_duration_ns, wall_us());
	const struct kube_call call = {
		.method = todo == LEASE_GET      ? "GET"
			  : todo == LEASE_CREATE ? "POST"
						 : "PUT",
		.path = todo == LEASE_CREATE ? l->collection : l->path,
		.content_type = body != NULL ? KUBE_JSON : NULL,
		.body = body,
		/* So that a second one fits before the deadline, as client-go's users have it. */
		.timeout_ms = (unsigned)(l->cfg.renew_deadline_ns / 2 / NS_PER_MS) + 1,
		.urgent = true,
		.done = on_answer,
		.arg = l,
	};

	l->asked = todo;
	l->holders++;
	must_0(kube_call(l->cfg.kube, &call));
	free(body);
}

/* --- the clock ----------------------------------------------------------------------- */

static void on_timer(uv_timer_t *timer)
{
	run(timer->data);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void set_timer(struct lead_io *l, uint64_t now_ns)
{
	uint64_t wake_ns = kube_lease_wake_ns(l->lease), quiet_ns = gate_quiet_ns(l->cfg.gate);

	if (kube_lease_leads(l->lease) && !l->leads && kube_lease_quiet_ns(l->lease) > quiet_ns)
		quiet_ns = kube_lease_quiet_ns(l->lease);
	if (!l->leads && quiet_ns > now_ns)
		wake_ns = earlier(wake_ns, quiet_ns);
	if (l->leaving)
		wake_ns = earlier(wake_ns, l->leave_by_ns);
	if (wake_ns == UINT64_MAX)
		uv_timer_stop(&l->timer);
	else
		uv_timer_start(&l->timer, on_timer,
			       wake_ns > now_ns ? (wake_ns - now_ns) / NS_PER_MS + 1 : 0, 0);
}

/* Something has happened, or it is time. */
static void run(struct lead_io *l)
{
	uint64_t now_ns = daemon_now_ns();

	if (!kube_lease_leads(l->lease))
		set_leads(l, false);
	if (!l->leads && gate_quiet_ns(l->cfg.gate) <= now_ns)
		kube_lease_drained(l->lease);
	enum kube_lease_todo todo = kube_lease_take(l->lease, now_ns);
	if (kube_lease_leads(l->lease))
		lead(l, now_ns);
	else
		set_leads(l, false);
	lead_name_holder(&l->words, kube_lease_holder(l->lease));
	uint64_t unheld_ns = kube_lease_unheld_ns(l->lease);
	lead_say_unheld(&l->words, unheld_ns > now_ns ? unheld_ns - now_ns : 0);
	if (todo != LEASE_NOTHING)
		ask(l, todo);
	set_timer(l, now_ns);
	if (l->leaving && (kube_lease_is_over(l->lease) || now_ns >= l->leave_by_ns)) {
		l->leaving = false;
		l->cfg.left(l->cfg.arg);
	}
}

/* A write has ended. Do we wait for that? */
static void on_ended(void *arg)
{
	struct lead_io *l = arg;

	if (!l->closing && !l->leads)
		uv_timer_start(&l->timer, on_timer, 0, 0); /* not from inside lib/kube's telling */
}

/* --- what the API tells -------------------------------------------------------------- */

static void on_upsert(void *arg, const cJSON *object)
{
	struct lead_io *l = arg;
	struct kube_lease_record r = kube_lease_object_record(object);

	/* The watch may be behind what we have read or written. */
	if (version_older(version_of(object), version_of(l->known)))
		return;
	know(l, object);
	kube_lease_seen(l->lease, &r, is_dead(l, &r), daemon_now_ns());
	run(l);
}

static void on_remove(void *arg, const char *ns, const char *name)
{
	struct lead_io *l = arg;

	(void)ns;
	(void)name;
	kube_lease_seen(l->lease, NULL, false, daemon_now_ns());
	run(l);
}

static const struct kube_watch_ops lease_ops = { .upsert = on_upsert, .remove = on_remove };

/* Who has no configuration, or is not alone, or goes, does not want to lead. */
static void stand(struct lead_io *l)
{
	kube_lease_want(l->lease, l->configured && l->away && !l->leaving, daemon_now_ns());
	run(l);
}

static void on_metallb(void *arg, bool away)
{
	struct lead_io *l = arg;

	l->away = away;
	stand(l);
}

void lead_io_stand(struct lead_io *l)
{
	if (l->configured)
		return;
	l->configured = true;
	stand(l);
}

bool lead_io_leaderless(const struct lead_io *l)
{
	return l->away && kube_watch_synced(l->watch) &&
	       kube_lease_is_free(l->lease, daemon_now_ns());
}

/* --- life ---------------------------------------------------------------------------- */

static int metallb_open(struct lead_io *l)
{
	if (l->cfg.ignore_metallb) {
		l->away = true; /* or as good as that */
		return 0;
	}
	return metallb_io_open(&(struct metallb_io_cfg){ .kube = l->cfg.kube,
							 .metrics = l->cfg.metrics,
							 .ns = l->cfg.ns,
							 .pod = l->cfg.pod,
							 .changed = on_metallb,
							 .arg = l },
			       &l->metallb);
}

int lead_io_open(const struct lead_io_cfg *cfg, struct lead_io **ret)
{
	struct lead_io *l = must(calloc(1, sizeof(*l)));

	l->cfg = *cfg;
	l->cfg.lease_duration_ns -= cfg->lease_duration_ns % NS_PER_S; /* as the Lease has it */
	l->holders = 1;
	identity_make(cfg->pod, l->identity);
	l->words = (struct lead_words){
		.kube = cfg->kube, .ns = cfg->ns, .lease = LEASE, .identity = l->identity
	};
	l->lease = kube_lease_new(
		&(struct kube_lease_cfg){ .identity = l->identity,
					  .duration_ns = cfg->lease_duration_ns,
					  .renew_deadline_ns = cfg->renew_deadline_ns,
					  .retry_ns = cfg->retry_period_ns,
					  .seed = cfg->seed });
	l->path = must(kube_path(API, cfg->ns, "leases", LEASE, NULL));
	l->collection = must(kube_path(API, cfg->ns, "leases", NULL, NULL));
	l->is_leader = metric_value0(
		metrics_family(cfg->metrics, "bellman_allocator_leader",
			       "1 while this process gives the addresses, 0 while it stands by.",
			       METRIC_GAUGE, NULL));
	l->transitions = metric_value0(
		metrics_family(cfg->metrics, "bellman_allocator_leader_transitions_total",
			       "Times that this process began or ceased to lead.", METRIC_COUNTER,
			       NULL));
	uv_timer_init(cfg->loop, &l->timer);
	l->timer.data = l;
	gate_watch(cfg->gate, on_ended, l);
	l->watch = kube_watch_start(cfg->kube, l->collection,
				    "fieldSelector=metadata.name%3D" LEASE, &lease_ops, l);
	int rc = l->watch == NULL ? -ENOMEM : metallb_open(l);
	if (rc != 0) {
		lead_io_close(l);
		return rc;
	}
	*ret = l;
	return 0;
}

void lead_io_leave(struct lead_io *l)
{
	uint64_t now_ns = daemon_now_ns();

	if (l->leaving)
		return;
	l->leaving = true;
	/* The writes, the wait that the Lease's end or one without an answer asks for, then one
	 * request. */
	l->leave_by_ns = now_ns + 2 * kube_lease_write_ns(l->cfg.lease_duration_ns) +
			 l->cfg.renew_deadline_ns / 2 + NS_PER_S;
	kube_lease_want(l->lease, false, now_ns);
	run(l);
}

const char *lead_io_trouble(const struct lead_io *l)
{
	if (l->metallb != NULL && metallb_io_trouble(l->metallb) != NULL)
		return metallb_io_trouble(l->metallb);
	return l->words.trouble[0] != '\0' ? l->words.trouble : NULL;
}

static void on_closed(uv_handle_t *handle)
{
	unref(handle->data);
}

struct lead_io *lead_io_close(struct lead_io *l)
{
	if (l == NULL)
		return NULL;
	l->closing = true;
	gate_watch(l->cfg.gate, NULL, NULL);
	kube_watch_stop(l->watch);
	l->metallb = metallb_io_close(l->metallb);
	uv_close((uv_handle_t *)&l->timer, on_closed);
	return NULL;
}
