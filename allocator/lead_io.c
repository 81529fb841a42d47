// SPDX-License-Identifier: Apache-2.0
#include "allocator/lead_io.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/time.h>

#include "allocator/identity_io.h"
#include "allocator/lead.h"
#include "allocator/lead_words_io.h"
#include "allocator/metallb_io.h"
#include "allocator/namespace_io.h"
#include "lib/base/duration.h"
#include "lib/base/must.h"
#include "lib/daemon/loop.h"

#define API "/apis/coordination.k8s.io/v1"

struct lead_io {
	struct lead_io_cfg cfg;
	struct lead *lead;
	struct metallb_io *metallb; /* NULL: not looked for */
	struct kube_watch *watch;
	uv_timer_t timer;
	char identity[IDENTITY_MAX];
	char *path, *collection;
	enum kube_lease_todo asked; /* the request that is under way */
	bool configured;            /* lead_io_stand() was called */
	bool away;                  /* no controller of MetalLB's is at work */
	bool closing;
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
	lead_free(l->lead);
	free(l->path);
	free(l->collection);
	free(l);
}

/* --- requests ------------------------------------------------------------------------ */

/* Is it an answer that no later try will mend by itself? */
static bool is_refusal(int status)
{
	return status >= 400 && status < 500 && status != 409 && status != 429;
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
		/* As if the Lease had been made meanwhile: have a look, then make it. */
		lead_answered(l->lead, LEASE_CREATE, status == 201 || status == 409 ? 409 : 0, NULL,
			      daemon_now_ns());
		run(l);
	}
	unref(l);
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
	enum kube_lease_outcome outcome =
		lead_answered(l->lead, asked, status, json, daemon_now_ns());
	/* That it may be read does not say that it may be written. */
	if (outcome == LEASE_FAILED && error == NULL)
		lead_set_trouble(&l->words, status, "the answer is no Lease");
	else if (outcome == LEASE_FAILED && is_refusal(status))
		lead_set_trouble(&l->words, status, error);
	else if (outcome == LEASE_DONE && (asked != LEASE_GET || l->refused == LEASE_GET))
		lead_set_trouble(&l->words, status, NULL);
	if (outcome == LEASE_FAILED) /* and any Lease shows that no gateway is in the way now */
		l->refused = error == NULL ? LEASE_GET : asked;
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
	char *body = todo == LEASE_GET ? NULL : lead_object(l->lead, todo, wall_us());
	const struct kube_call call = {
		.method = todo == LEASE_GET      ? "GET"
			  : todo == LEASE_CREATE ? "POST"
						 : "PUT",
		.path = todo == LEASE_CREATE ? l->collection : l->path,
		.content_type = body != NULL ? KUBE_JSON : NULL,
		.body = body,
		.timeout_ms = (unsigned)(lead_request_ns(l->lead) / NS_PER_MS),
		.urgent = true,
		.done = on_answer,
		.arg = l,
	};

	l->asked = todo;
	l->holders++;
	must_0(kube_call(l->cfg.kube, &call));
	free(body);
}

/* --- what follows from it ------------------------------------------------------------ */

static void tell(struct lead_io *l, enum lead_change change)
{
	bool leads = change == LEAD_BEGINS;

	if (change == LEAD_STAYS)
		return;
	if (change == LEAD_RENEWED) {
		l->cfg.renewed(l->cfg.arg);
		return;
	}
	*l->is_leader = leads;
	++*l->transitions;
	lead_say(&l->words, leads);
	l->cfg.lead(l->cfg.arg, leads);
}

static void on_timer(uv_timer_t *timer)
{
	run(timer->data);
}

static void set_timer(struct lead_io *l, uint64_t wake_ns, uint64_t now_ns)
{
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
	struct lead_turn turn = lead_run(l->lead, now_ns);
	const struct kube_lease *lease = lead_lease(l->lead);

	tell(l, turn.change);
	lead_name_holder(&l->words, kube_lease_holder(lease));
	uint64_t unheld_ns = kube_lease_unheld_ns(lease);
	lead_say_unheld(&l->words, unheld_ns > now_ns ? unheld_ns - now_ns : 0);
	if (turn.send != LEASE_NOTHING)
		ask(l, turn.send);
	set_timer(l, turn.wake_ns, now_ns);
	if (turn.left)
		l->cfg.left(l->cfg.arg);
}

/* A write has ended. Do we wait for that? */
static void on_ended(void *arg)
{
	struct lead_io *l = arg;

	if (!l->closing && !lead_leads(l->lead))
		uv_timer_start(&l->timer, on_timer, 0, 0); /* not from inside lib/kube's telling */
}

/* --- what the API tells -------------------------------------------------------------- */

static void on_upsert(void *arg, const cJSON *object)
{
	struct lead_io *l = arg;

	lead_seen(l->lead, object, daemon_now_ns());
	run(l);
}

static void on_remove(void *arg, const char *ns, const char *name)
{
	struct lead_io *l = arg;

	(void)ns;
	(void)name;
	lead_seen(l->lead, NULL, daemon_now_ns());
	run(l);
}

static const struct kube_watch_ops lease_ops = { .upsert = on_upsert, .remove = on_remove };

/* Who has no configuration, or is not alone, does not want to lead. */
static void stand(struct lead_io *l)
{
	lead_stand(l->lead, l->configured && l->away, daemon_now_ns());
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
	       kube_lease_is_free(lead_lease(l->lead), daemon_now_ns());
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
	struct gate *gate = gate_io_gate(cfg->gate);

	l->cfg = *cfg;
	l->holders = 1;
	identity_make(cfg->pod, l->identity);
	l->words = (struct lead_words){
		.kube = cfg->kube, .ns = cfg->ns, .lease = LEAD_LEASE, .identity = l->identity
	};
	l->lead = lead_new(&(struct lead_cfg){ .gate = gate,
					       .ns = cfg->ns,
					       .identity = l->identity,
					       .lease_duration_ns = cfg->lease_duration_ns,
					       .renew_deadline_ns = cfg->renew_deadline_ns,
					       .retry_period_ns = cfg->retry_period_ns,
					       .seed = cfg->seed,
					       .is_dead = identity_is_dead });
	l->path = must(kube_path(API, cfg->ns, "leases", LEAD_LEASE, NULL));
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
	gate_watch(gate, on_ended, l);
	l->watch = kube_watch_start(cfg->kube, l->collection,
				    "fieldSelector=metadata.name%3D" LEAD_LEASE, &lease_ops, l);
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
	lead_leave(l->lead, daemon_now_ns());
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
	gate_watch(gate_io_gate(l->cfg.gate), NULL, NULL);
	kube_watch_stop(l->watch);
	l->metallb = metallb_io_close(l->metallb);
	uv_close((uv_handle_t *)&l->timer, on_closed);
	return NULL;
}
