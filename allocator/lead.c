// SPDX-License-Identifier: Apache-2.0
#include "allocator/lead.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/duration.h"
#include "lib/base/must.h"
#include "lib/kube/lease_object.h"
#include "lib/model/version.h"

struct lead {
	struct lead_cfg cfg;
	struct kube_lease *lease;
	cJSON *known; /* the Lease; NULL: not read yet, or there is none */
	bool leads;   /* the engine has been told so */
	bool leaving; /* for good */
	bool left;    /* and that is done, and said */
	uint64_t leave_by_ns;
};

struct lead *lead_new(const struct lead_cfg *cfg)
{
	struct lead *l = must(calloc(1, sizeof(*l)));

	l->cfg = *cfg;
	l->cfg.lease_duration_ns -= cfg->lease_duration_ns % NS_PER_S; /* as the Lease has it */
	l->lease = kube_lease_new(
		&(struct kube_lease_cfg){ .identity = cfg->identity,
					  .duration_ns = cfg->lease_duration_ns,
					  .renew_deadline_ns = cfg->renew_deadline_ns,
					  .retry_ns = cfg->retry_period_ns,
					  .seed = cfg->seed });
	return l;
}

struct lead *lead_free(struct lead *l)
{
	if (l == NULL)
		return NULL;
	kube_lease_free(l->lease);
	cJSON_Delete(l->known);
	free(l);
	return NULL;
}

/* --- inputs --------------------------------------------------------------------------- */

void lead_stand(struct lead *l, bool stand, uint64_t now_ns)
{
	kube_lease_want(l->lease, stand && !l->leaving, now_ns);
}

void lead_leave(struct lead *l, uint64_t now_ns)
{
	if (l->leaving)
		return;
	l->leaving = true;
	/* The writes, the wait that the Lease's end or one without an answer asks for, then one
	 * request. */
	l->leave_by_ns = now_ns + 2 * kube_lease_write_ns(l->cfg.lease_duration_ns) +
			 l->cfg.renew_deadline_ns / 2 + NS_PER_S;
	kube_lease_want(l->lease, false, now_ns);
}

static void know(struct lead *l, const cJSON *lease)
{
	cJSON_Delete(l->known);
	l->known = lease != NULL ? must(cJSON_Duplicate(lease, true)) : NULL;
}

static bool is_dead(const struct lead *l, const struct kube_lease_record *r)
{
	return l->cfg.is_dead != NULL && r->holder != NULL &&
	       strcmp(r->holder, l->cfg.identity) != 0 && l->cfg.is_dead(r->holder);
}

void lead_seen(struct lead *l, const cJSON *object, uint64_t now_ns)
{
	struct kube_lease_record r = kube_lease_object_record(object);

	/* The watch may be behind what we have read or written. */
	if (object != NULL && version_older(version_of(object), version_of(l->known)))
		return;
	if (object != NULL)
		know(l, object);
	kube_lease_seen(l->lease, object != NULL ? &r : NULL, is_dead(l, &r), now_ns);
}

static enum kube_lease_outcome outcome_of(enum kube_lease_todo asked, int status,
					  const cJSON *object)
{
	/* Without a version there is nothing to write on top of: a gateway's word, say. */
	if (status >= 200 && status < 300)
		return version_of(object) != NULL ? LEASE_DONE : LEASE_FAILED;
	if (status == 404 && asked == LEASE_GET)
		return LEASE_DONE; /* there is none */
	if (status == 409 || (status == 404 && asked != LEASE_CREATE))
		return LEASE_CONFLICT;
	return LEASE_FAILED;
}

enum kube_lease_outcome lead_answered(struct lead *l, enum kube_lease_todo asked, int status,
				      const cJSON *object, uint64_t now_ns)
{
	enum kube_lease_outcome outcome = outcome_of(asked, status, object);

	if (outcome == LEASE_DONE)
		know(l, status == 404 ? NULL : object);
	struct kube_lease_record r = kube_lease_object_record(l->known);
	bool there = asked == LEASE_GET && l->known != NULL;
	kube_lease_answer(l->lease, outcome, there ? &r : NULL, there && is_dead(l, &r), now_ns);
	return outcome;
}

/* --- what follows from it ------------------------------------------------------------- */

/* We hold the Lease. Since when may be too short a time to do something about it. */
static enum lead_change hold(struct lead *l, uint64_t now_ns)
{
	struct gate *gate = l->cfg.gate;
	bool was_open = gate_is_open(gate, now_ns);

	if (!l->leads &&
	    (now_ns < kube_lease_quiet_ns(l->lease) || gate_quiet_ns(gate, now_ns) > now_ns))
		return LEAD_STAYS;
	gate_open(gate, kube_lease_until_ns(l->lease),
		  kube_lease_write_ns(l->cfg.lease_duration_ns));
	if (!l->leads) {
		l->leads = true;
		return LEAD_BEGINS;
	}
	return !was_open && gate_is_open(gate, now_ns) ? LEAD_RENEWED : LEAD_STAYS;
}

static enum lead_change end(struct lead *l)
{
	if (!l->leads)
		return LEAD_STAYS;
	l->leads = false;
	gate_close(l->cfg.gate);
	return LEAD_ENDS;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t wake_ns(const struct lead *l, uint64_t now_ns)
{
	uint64_t at_ns = kube_lease_wake_ns(l->lease);
	uint64_t quiet_ns = gate_quiet_ns(l->cfg.gate, now_ns);

	if (kube_lease_leads(l->lease) && !l->leads && kube_lease_quiet_ns(l->lease) > quiet_ns)
		quiet_ns = kube_lease_quiet_ns(l->lease);
	if (!l->leads && quiet_ns > now_ns)
		at_ns = earlier(at_ns, quiet_ns);
	return l->leaving && !l->left ? earlier(at_ns, l->leave_by_ns) : at_ns;
}

/* Is there nothing left to do for one who leaves, or no time? */
static bool is_off(const struct lead *l, uint64_t now_ns)
{
	return kube_lease_is_over(l->lease) || now_ns >= l->leave_by_ns;
}

struct lead_turn lead_run(struct lead *l, uint64_t now_ns)
{
	struct lead_turn turn = { .change = LEAD_STAYS };

	if (!kube_lease_leads(l->lease))
		turn.change = end(l);
	if (!l->leads && gate_quiet_ns(l->cfg.gate, now_ns) <= now_ns)
		kube_lease_drained(l->lease);
	turn.send = kube_lease_take(l->lease, now_ns); /* which may end it, and never begins it */
	if (kube_lease_leads(l->lease))
		turn.change = hold(l, now_ns);
	else if (l->leads)
		turn.change = end(l);
	turn.wake_ns = wake_ns(l, now_ns);
	if (l->leaving && !l->left)
		turn.left = l->left = is_off(l, now_ns);
	return turn;
}

/* --- requests --------------------------------------------------------------------------- */

char *lead_object(const struct lead *l, enum kube_lease_todo todo, int64_t wall_us)
{
	return kube_lease_object_text(l->known, todo, l->cfg.ns, LEAD_LEASE, l->cfg.identity,
				      l->cfg.lease_duration_ns, wall_us);
}

uint64_t lead_request_ns(const struct lead *l)
{
	return l->cfg.renew_deadline_ns / 2 + NS_PER_MS;
}

bool lead_leads(const struct lead *l)
{
	return l->leads;
}

const struct kube_lease *lead_lease(const struct lead *l)
{
	return l->lease;
}
