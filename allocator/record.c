// SPDX-License-Identifier: Apache-2.0
#include "allocator/record.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "allocator/ipam_link.h"
#include "allocator/reserve.h"
#include "lib/base/intern.h"
#include "lib/base/must.h"
#include "lib/base/text.h"

int record_cmp(const struct record *a, const struct record *b)
{
	int c = a->holder.ns == b->holder.ns ? 0 : strcmp(a->holder.ns, b->holder.ns);

	return c != 0 ? c : strcmp(a->holder.name, b->holder.name);
}

/* The older holder first (decisions, "State that outlives a process"); else by UID, then name. */
static int age_cmp(const struct record *a, const struct record *b)
{
	const struct service *x = a->service, *y = b->service;

	if (a->since_s != b->since_s)
		return a->since_s < b->since_s ? -1 : 1;
	if (x->created_s != y->created_s)
		return x->created_s < y->created_s ? -1 : 1;
	int c = strcmp(x->meta.uid != NULL ? x->meta.uid : "",
		       y->meta.uid != NULL ? y->meta.uid : "");
	return c != 0 ? c : record_cmp(a, b);
}

/* Both are in one queue. Those that claim have a Service, which is not replaced while they do. */
int queue_cmp(const struct record *a, const struct record *b)
{
	return a->turn == TURN_CLAIM ? age_cmp(a, b) : record_cmp(a, b);
}

int timer_cmp(const struct record *a, const struct record *b)
{
	if (a->retry_ns != b->retry_ns)
		return a->retry_ns < b->retry_ns ? -1 : 1;
	return record_cmp(a, b);
}

int space_cmp(const struct space *a, const struct space *b)
{
	return strcmp(a->ns->meta.name, b->ns->meta.name);
}

void face_set(struct face *f, struct face as)
{
	ip_kept_ref(as.ips);
	intern_ref(as.pool);
	intern_ref(as.reason);
	intern_ref(as.message);
	ip_kept_unref(f->ips);
	intern_unref(f->pool);
	intern_unref(f->reason);
	intern_unref(f->message);
	*f = as;
}

void text_set(char **slot, const char *text)
{
	char *copy = must_copy(text);

	free(*slot);
	*slot = copy;
}

void allocator_say(struct allocator_actions *out, const struct record *r, bool warning,
		   const char *reason, const char *fmt, ...)
{
	struct allocator_action *act = must(array_push(out));
	va_list args;

	act->type = ALLOCATOR_EVENT;
	act->ns = r->holder.ns;
	act->name = r->holder.name;
	act->uid = r->service != NULL ? r->service->meta.uid : NULL;
	act->resource_version = r->version;
	act->warning = warning;
	act->reason = reason;
	va_start(args, fmt);
	act->message = must_vtext(fmt, args);
	va_end(args);
}

void allocator_actions_done(struct allocator_actions *actions)
{
	for (size_t i = 0; i < actions->count; i++) {
		free(actions->items[i].message);
		ipam_call_free(actions->items[i].ipam);
	}
	array_free(actions);
}

struct record *record_find(const struct allocator *a, const char *ns, const char *name)
{
	struct record key = { .holder = { .ns = ns, .name = name } };

	return RB_FIND(record_tree, (struct record_tree *)(uintptr_t)&a->records, &key);
}

struct record *record_get(struct allocator *a, const char *ns, const char *name)
{
	struct record *r = record_find(a, ns, name);

	if (r == NULL) {
		r = must(calloc(1, sizeof(*r)));
		r->holder.ns = intern(ns);
		r->holder.name = intern(name);
		LIST_INIT(&r->holder.uses);
		r->turn = TURNS;
		r->waits = WAIT_NOT;
		RB_INSERT(record_tree, &a->records, r);
	}
	return r;
}

void record_unqueue(struct allocator *a, struct record *r)
{
	if (r->turn != TURNS)
		RB_REMOVE(record_queue, &a->queues[r->turn], r);
	r->turn = TURNS;
}

void record_enqueue(struct allocator *a, struct record *r, enum turn turn)
{
	if (r->turn == turn)
		return;
	record_unqueue(a, r);
	r->turn = turn;
	RB_INSERT(record_queue, &a->queues[turn], r);
}

void record_mark(struct allocator *a, struct record *r)
{
	if (r->gone)
		return;
	if (r->unreadable || record_is_ghost(r))
		record_enqueue(a, r, TURN_GUARD);
	else if (r->shown_new && r->shown.ips != NULL)
		record_enqueue(a, r, TURN_CLAIM);
	else if (r->held == NULL && r->reserve != NULL)
		record_enqueue(a, r, TURN_GUARD); /* what is kept for it goes to nobody else */
	else
		record_enqueue(a, r, r->held != NULL ? TURN_HOLDER : TURN_WAITING);
}

/* Does it wait for more than any address that is free? */
static bool is_picky(const struct record *r)
{
	const struct service *s = r->service;

	return r->claim != NULL || s->requested_ips != NULL ||
	       (s->lb_ip != NULL && s->lb_ip[0] != '\0');
}

void record_set_waiting(struct allocator *a, struct record *r, bool waits)
{
	enum wait to = !waits ? WAIT_NOT : r->held != NULL ? WAIT_HOLDING : WAIT_EMPTY_HANDED;
	bool picky = to == WAIT_EMPTY_HANDED && is_picky(r);

	a->picky += (size_t)picky - (size_t)r->picky;
	r->picky = picky;
	if (to == r->waits)
		return;
	if (r->waits != WAIT_NOT) {
		if (a->call_next == r)
			a->call_next = RB_NEXT(record_waiting, , r);
		RB_REMOVE(record_waiting, &a->waiting[r->waits], r);
	}
	r->waits = to;
	if (to != WAIT_NOT)
		RB_INSERT(record_waiting, &a->waiting[to], r);
}

bool allocator_has_waiting(const struct allocator *a)
{
	return !RB_EMPTY(&a->waiting[WAIT_HOLDING]) || !RB_EMPTY(&a->waiting[WAIT_EMPTY_HANDED]);
}

void record_set_write(struct allocator *a, struct record *r, enum write_state to)
{
	if (r->write == to)
		return;
	if (r->write == WRITE_QUEUED)
		TAILQ_REMOVE(&a->to_write, r, to_write);
	else if (r->write == WRITE_BACKOFF)
		RB_REMOVE(record_timers, &a->timers, r);
	r->write = to;
	if (to == WRITE_QUEUED)
		TAILQ_INSERT_TAIL(&a->to_write, r, to_write);
	else if (to == WRITE_BACKOFF)
		RB_INSERT(record_timers, &a->timers, r);
}

void record_forget(struct allocator *a, struct record *r)
{
	record_unqueue(a, r);
	record_set_waiting(a, r, false);
	if (r->write != WRITE_SENT)
		record_set_write(a, r, WRITE_NONE);
	while (!LIST_EMPTY(&r->holder.uses))
		ledger_drop(a->ledger, LIST_FIRST(&r->holder.uses));
	r->pool = intern_unref(r->pool);
	r->held = ip_kept_unref(r->held);
	r->problem = intern_unref(r->problem);
	r->problem_reason = NULL;
	face_set(&r->sent, (struct face){ 0 });
	r->attempts = 0;
	r->unsure = r->ours = r->strip = r->hands_off = false;
	r->shown_new = r->shown.ips != NULL || r->shown.odd;
	r->forget = r->write == WRITE_SENT;
}

void record_clear(struct allocator *a, struct record *r)
{
	record_forget(a, r);
	ipam_link_gone(a, r);
	r->service = service_free(r->service);
	r->claim = claim_unref(r->claim);
	text_set(&r->version, NULL);
	face_set(&r->shown, (struct face){ 0 });
	r->shown_new = r->floored = r->unreadable = r->warned = false;
}

void record_free(struct allocator *a, struct record *r)
{
	record_clear(a, r);
	reserve_free(a, r);
	RB_REMOVE(record_tree, &a->records, r);
	intern_unref(r->holder.ns);
	intern_unref(r->holder.name);
	free(r);
}

struct face record_face(const struct record *r)
{
	struct face want = { .ips = r->held, .pool = r->held != NULL ? r->pool : NULL };

	if (r->held != NULL) {
		want.ready = READY_TRUE;
		want.mode = r->proxied ? MODE_PROXY : MODE_VIP;
	} else if (r->strip) {
		want.ready = READY_NONE;
	} else if (r->problem_reason != NULL) {
		want.ready = READY_FALSE;
		want.reason = r->problem_reason;
		want.message = r->problem;
	}
	return want;
}

bool record_wants_ips(const struct record *r)
{
	return !r->hands_off && r->service != NULL &&
	       (r->unsure || r->shown.odd || !ip_kept_equal(r->held, r->shown.ips) ||
		(r->held != NULL ? r->pool : NULL) != r->shown.pool);
}

/* Does @f say what @want wants said in the condition? */
static bool says(const struct face *f, const struct face *want)
{
	switch ((enum ready)want->ready) {
	case READY_ANY:
		return true;
	case READY_NONE:
		return f->ready == READY_NONE;
	case READY_FALSE:
		return f->ready == READY_FALSE && text_equal(f->reason, want->reason) &&
		       text_equal(f->message, want->message);
	case READY_TRUE:
		return f->ready == READY_TRUE;
	}
	return true;
}

/* Has somebody made the status say something else than @want, beside addresses and pool? */
static bool differs(const struct record *r, const struct face *want)
{
	/* That a Service is served need not be said where nothing is: those that MetalLB served
	 * are not all written once more. */
	if (want->ready == READY_TRUE && r->shown.ready == READY_NONE)
		return r->shown.mode != want->mode;
	return !says(&r->shown, want) || (want->ips != NULL && r->shown.mode != want->mode);
}

/*
 * What was said once is not said again, even if somebody takes it away: whoever does so may do it
 * each time, or the API server may know of no conditions and no ipMode.
 */
static bool said_already(const struct record *r, const struct face *want)
{
	return says(&r->sent, want) && r->sent.mode == want->mode &&
	       ip_kept_equal(r->sent.ips, want->ips);
}

bool record_wants_write(const struct record *r)
{
	struct face want = record_face(r);

	if (r->hands_off || r->service == NULL)
		return false;
	return record_wants_ips(r) || (differs(r, &want) && !said_already(r, &want));
}
