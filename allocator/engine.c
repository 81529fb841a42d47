// SPDX-License-Identifier: Apache-2.0
/*
 * The engine's outer half: inputs, the order of work, and the way of a decision into the
 * status. What a Service should hold is decided in decide.c.
 *
 * A record's write is NONE, QUEUED, SENT or in BACKOFF. Nothing is sent while one is SENT.
 * An address that was given up stays in the books (use.leaving) until the status is known
 * not to show it: never while a write is under way or its end is not known.
 */
#include "allocator/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "allocator/chance.h"
#include "allocator/ipam.h"
#include "allocator/ipam_link.h"
#include "allocator/record.h"
#include "allocator/reserve.h"
#include "lib/base/duration.h"
#include "lib/base/intern.h"
#include "lib/base/must.h"
#include "lib/model/version.h"

#define BACKOFF_FIRST_NS (1 * NS_PER_S)
#define BACKOFF_DOUBLED  6 /* times: at most 64 s */

/* So many writes that fail in a row are not the fault of their Services. */
#define FAILED_ALL    16
#define TRIALS        4 /* at once, until one goes well */
#define REST_FIRST_NS (NS_PER_S / 2)
#define REST_DOUBLED  3 /* times: at most 4 s */

static void mark_all(struct allocator *a)
{
	struct record *r;

	RB_FOREACH (r, record_tree, &a->records)
		record_mark(a, r);
}

/* --- inputs -------------------------------------------------------------------------- */

/* As many of a status's addresses as a Service can have. */
static struct ips ips_cut(const struct ip_addr *ips, size_t count)
{
	return (struct ips){ ips, count < IP_LIST_MAX ? (unsigned)count : IP_LIST_MAX };
}

static enum mode mode_of(const struct service *s)
{
	unsigned proxied = 0;

	for (unsigned i = 0; s->ingress_proxied != NULL && i < s->ingress_count; i++)
		proxied += s->ingress_proxied[i];
	return proxied == 0 ? MODE_VIP : proxied == s->ingress_count ? MODE_PROXY : MODE_MIXED;
}

static void face_look_ready(struct face *f, const struct service_condition *c)
{
	if (c == NULL) {
		f->ready = READY_NONE;
		return;
	}
	f->ready = c->status == CONDITION_TRUE    ? READY_TRUE
		   : c->status == CONDITION_FALSE ? READY_FALSE
						  : READY_ANY;
	f->reason = c->reason;
	f->message = c->message;
}

/* What the object's status says, and whether somebody else than we brought that about. */
static void record_look(struct record *r, const struct service *s)
{
	struct face face = { .ips = ip_kept_ref(r->shown.ips), .pool = s->from_pool };

	face_look_ready(&face, s->ready);
	face.mode = mode_of(s);
	face.odd = s->ingress_bad || s->ingress_count > IP_LIST_MAX;
	ip_kept_set(&face.ips, ips_cut(s->ingress, s->ingress_count));
	bool echo = (r->unsure || r->write == WRITE_SENT) && !face.odd &&
		    ip_kept_equal(face.ips, r->sent.ips);
	if (!echo && (face.odd != r->shown.odd || face.ips != r->shown.ips))
		r->shown_new = true;
	face_set(&r->shown, face);
	ip_kept_unref(face.ips);
}

/* Since its condition turned, or from the beginning where there is none. */
static int64_t held_since(const struct service *s)
{
	return s->ready != NULL && s->ready->since_s != 0 ? s->ready->since_s : s->created_s;
}

static bool same_uid(const struct service *x, const struct service *y)
{
	return x->meta.uid == NULL || y->meta.uid == NULL || strcmp(x->meta.uid, y->meta.uid) == 0;
}

/* The Service of @r is gone: what is left is its name, as long as something is known of it. */
static void service_leaves(struct allocator *a, struct record *r)
{
	bool ours = r->service == NULL || allocator_serves(a, r->service);
	struct ip_kept *ips = NULL;

	if (r->held != NULL)
		ips = ip_kept_ref(r->held);
	else if (r->shown_new && ours) /* nothing was decided about it yet */
		ips = ip_kept_ref(r->shown.ips);
	record_clear(a, r);
	reserve_begin(a, r, ip_kept_lend(ips));
	reserve_hold(a, r); /* of what was kept already, too */
	ip_kept_unref(ips);
}

void allocator_service_upsert(struct allocator *a, struct service *s)
{
	struct record *r = record_get(a, s->meta.ns, s->meta.name);

	if (r->service != NULL && !same_uid(r->service, s))
		service_leaves(a, r);
	if (r->floored && version_older(s->meta.resource_version, r->version)) {
		service_free(s);
		return;
	}
	r->floored = false;
	free(r->version);
	r->version = s->meta.resource_version;
	s->meta.resource_version = NULL;
	record_look(r, s);
	record_unqueue(a, r); /* its place may have hung on the old object */
	claim_set(&r->claim, s);
	r->since_s = held_since(s);
	service_shed(s);
	service_free(r->service);
	r->service = s;
	r->gone = r->unreadable = false;
	record_mark(a, r);
}

bool allocator_service_reread(struct allocator *a, struct service *s)
{
	const struct record *r = record_find(a, s->meta.ns, s->meta.name);
	bool known = r != NULL && r->service != NULL && same_uid(r->service, s);

	if (known && !version_older(s->meta.resource_version, r->version))
		allocator_service_upsert(a, s);
	else
		service_free(s);
	return known;
}

void allocator_service_unreadable(struct allocator *a, const char *ns, const char *name,
				  const struct ip_addr *ips, size_t count)
{
	struct record *r = record_get(a, ns, name);

	if (r->service == NULL && !r->unreadable) {
		face_set(&r->shown, (struct face){ 0 });
		ip_kept_set(&r->shown.ips, ips_cut(ips, count));
		r->shown_new = true;
	}
	r->gone = false;
	r->unreadable = true;
	record_mark(a, r);
}

void allocator_service_remove(struct allocator *a, const char *ns, const char *name)
{
	struct record *r = record_find(a, ns, name);

	if (r == NULL || record_is_ghost(r))
		return;
	service_leaves(a, r);
	r->gone = r->write == WRITE_SENT;
	if (!r->gone && r->reserve == NULL)
		record_free(a, r);
}

static struct space *space_find(const struct allocator *a, const char *name)
{
	struct namespace ns = { .meta = { .name = name } };
	struct space key = { .ns = &ns };

	return RB_FIND(space_tree, (struct space_tree *)(uintptr_t)&a->spaces, &key);
}

const struct labels *allocator_namespace_labels(const struct allocator *a, const char *name)
{
	struct space *s = space_find(a, name);

	return s != NULL ? &s->ns->meta.labels : NULL;
}

const char *allocator_namespace_uid(const struct allocator *a, const char *name)
{
	struct space *s = space_find(a, name);

	return s != NULL ? s->ns->meta.uid : NULL;
}

static void mark_namespace(struct allocator *a, const char *name)
{
	struct record from = { .holder = { .ns = name, .name = "" } };

	for (struct record *r = RB_NFIND(record_tree, &a->records, &from);
	     r != NULL && strcmp(r->holder.ns, name) == 0; r = RB_NEXT(record_tree, , r))
		record_mark(a, r);
}

void allocator_namespace_upsert(struct allocator *a, struct namespace *n)
{
	struct space *s = space_find(a, n->meta.name);

	if (s == NULL) {
		s = must(calloc(1, sizeof(*s)));
		s->ns = n;
		RB_INSERT(space_tree, &a->spaces, s);
	} else {
		namespace_free(s->ns);
		s->ns = n;
	}
	mark_namespace(a, n->meta.name);
}

static void space_drop(struct allocator *a, struct space *s)
{
	RB_REMOVE(space_tree, &a->spaces, s);
	namespace_free(s->ns);
	free(s);
}

void allocator_namespace_remove(struct allocator *a, const char *name)
{
	struct space *s = space_find(a, name);

	if (s == NULL)
		return;
	space_drop(a, s);
	mark_namespace(a, name);
}

void allocator_set_config(struct allocator *a, struct config *c, bool complete)
{
	struct config *old = a->config;

	a->config = config_ref(c);
	a->complete = complete;
	a->news.count = 0; /* a call may be broken off; its pools go, and all are looked at */
	ledger_set_config(a->ledger, c);
	ipam_set_config(a->ipam, c);
	reserve_config(a);
	config_unref(old);
	mark_all(a);
}

void allocator_synced(struct allocator *a)
{
	a->synced = true;
}

/* Whatever fails for all is tried with a few, and those have pauses in common. */
static void note_failure(struct allocator *a, uint64_t now_ns)
{
	if (++a->failed < FAILED_ALL || now_ns < a->rest_ns)
		return;
	unsigned doubled = a->rests < REST_DOUBLED ? a->rests : REST_DOUBLED;

	a->rests++;
	a->rest_ns = now_ns + rng_jitter(&a->rng, REST_FIRST_NS << doubled, 20);
}

static void note_success(struct allocator *a)
{
	a->failed = a->rests = 0;
	a->rest_ns = 0;
}

void allocator_lead(struct allocator *a, bool lead)
{
	struct record *r;

	if (a->standby == !lead)
		return;
	a->standby = !lead;
	a->synced = a->more = a->called = false;
	a->retry_ns = 0;
	a->reserves_told = false;
	note_success(a);
	ipam_forget(a->ipam);
	RB_FOREACH (r, record_tree, &a->records)
		record_forget(a, r);
	mark_all(a);
}

static void back_off(struct allocator *a, struct record *r, uint64_t now_ns)
{
	unsigned doubled = r->attempts - 1 < BACKOFF_DOUBLED ? r->attempts - 1 : BACKOFF_DOUBLED;

	r->retry_ns = now_ns + rng_jitter(&a->rng, BACKOFF_FIRST_NS << doubled, 20);
	record_set_write(a, r, WRITE_BACKOFF);
}

/* @sent was written over @shown. */
static void face_landed(struct face *shown, const struct face *sent)
{
	struct face now = *sent;

	if (sent->ready == READY_ANY) { /* the condition was not touched */
		now.ready = shown->ready;
		now.reason = shown->reason;
		now.message = shown->message;
	}
	face_set(shown, now);
}

/* Is there nothing that the next decision could do, as long as nothing changes? */
static bool is_settled(const struct record *r)
{
	const struct use *u;

	LIST_FOREACH (u, &r->holder.uses, of_holder) {
		if (u->leaving)
			return false;
	}
	return !record_wants_write(r);
}

/* What @r gave up is free once it neither shows it nor has it kept. */
static void release(struct allocator *a, struct record *r)
{
	struct use *u, *next;

	if (r->write == WRITE_SENT || r->unsure)
		return;
	for (u = LIST_FIRST(&r->holder.uses); u != NULL; u = next) {
		next = LIST_NEXT(u, of_holder);
		if (u->leaving && !ips_have(ip_kept_lend(r->shown.ips), use_ip(u)) &&
		    !reserve_keeps(r, use_ip(u)))
			ledger_drop(a->ledger, u);
	}
}

void allocator_written(struct allocator *a, const char *ns, const char *name,
		       enum allocator_outcome outcome, const char *resource_version,
		       uint64_t now_ns)
{
	struct record *r = record_find(a, ns, name);

	if (a->writes > 0)
		a->writes--;
	if (r == NULL || r->write != WRITE_SENT)
		return;
	record_set_write(a, r, WRITE_NONE);
	if (r->gone) {
		r->gone = r->forget = false;
		if (r->reserve == NULL)
			record_free(a, r);
		else
			record_mark(a, r); /* that may have been told meanwhile */
		return;
	}
	if (r->forget) {
		r->forget = false;
		record_mark(a, r);
		return;
	}
	switch (outcome) {
	case ALLOCATOR_WRITTEN:
		note_success(a);
		r->attempts = 0;
		r->unsure = false;
		if (!version_older(resource_version, r->version)) {
			face_landed(&r->shown, &r->sent);
			if (resource_version != NULL) {
				text_set(&r->version, resource_version);
				r->floored = true;
			}
		}
		break;
	case ALLOCATOR_CONFLICT:
		r->unsure = false;
		r->sent.ready = READY_ANY; /* it was not said */
		r->floored = true;
		if (++r->attempts > 1) { /* once is an accident */
			note_failure(a, now_ns);
			back_off(a, r, now_ns);
		}
		break;
	case ALLOCATOR_FAILED:
		note_failure(a, now_ns);
		r->unsure = true;
		r->attempts++;
		back_off(a, r, now_ns);
		break;
	}
	release(a, r); /* before anybody who waits is looked at */
	if (outcome != ALLOCATOR_WRITTEN || !is_settled(r))
		record_mark(a, r);
}

/* --- the run ------------------------------------------------------------------------- */

/* What a status shows is nobody else's until it is known to be gone from there. */
static void guard(struct allocator *a, struct record *r)
{
	struct ips shown = ip_kept_lend(r->shown.ips);

	for (unsigned i = 0; i < shown.count; i++) {
		const struct ip_addr *ip = &shown.items[i];

		if (ledger_use(&r->holder, ip) != NULL ||
		    ledger_blocker(a->ledger, ip, &r->holder, r->claim) != NULL)
			continue;
		ledger_take(a->ledger, ip, &r->holder, r->claim);
		ledger_use(&r->holder, ip)->leaving = true;
	}
}

/* Bring books and status of @r together after a decision. */
static void reconcile(struct allocator *a, struct record *r)
{
	if (!r->hands_off)
		guard(a, r);
	release(a, r);
	if (r->write == WRITE_NONE && record_wants_write(r))
		record_set_write(a, r, WRITE_QUEUED);
	else if (r->write == WRITE_QUEUED && !record_wants_write(r))
		record_set_write(a, r, WRITE_NONE);
}

/* What is kept for a Service that is gone is in the books, and nothing else of it. */
static void settle_ghost(struct allocator *a, struct record *r)
{
	reserve_only(a, r);
	if (r->reserve == NULL)
		record_free(a, r);
}

/*
 * Those that wait are called before others get a first address, and once more when those are
 * through. True when one of them, who comes before all that are queued, is queued now.
 */
static bool call_waiting(struct allocator *a)
{
	const struct record *head = RB_MIN(record_queue, &a->queues[TURN_WAITING]);
	struct record *w = chances_next(a, head);

	/* The last one of a call may have been what makes for the next. */
	if (a->calling == WAITS && a->freed_seen != ledger_freed(a->ledger) &&
	    (!a->called || head == NULL)) {
		chances_begin(a);
		w = chances_next(a, head);
	}
	if (w != NULL)
		record_mark(a, w);
	return w != NULL;
}

/* The next record to look at, off its queue, or NULL. */
static struct record *next_record(struct allocator *a, enum turn *ret_turn)
{
	for (int turn = 0; turn < TURNS; turn++) {
		if (turn == TURN_WAITING && call_waiting(a))
			turn = 0; /* it may hold something */
		struct record *r = RB_MIN(record_queue, &a->queues[turn]);
		if (r != NULL) {
			*ret_turn = r->turn;
			record_unqueue(a, r);
			return r;
		}
	}
	return NULL;
}

/* What to do about the condition so that it says what @want says, where @shown is what stands. */
static struct allocator_condition condition_for(const struct face *shown, const struct face *want)
{
	struct allocator_condition c = { .set = ALLOCATOR_CONDITION_KEEP };

	if (want->ready == READY_NONE && shown->ready != READY_NONE)
		c.set = ALLOCATOR_CONDITION_REMOVE;
	else if (want->ready == READY_FALSE)
		c.set = ALLOCATOR_CONDITION_FALSE;
	else if (want->ready == READY_TRUE)
		c.set = ALLOCATOR_CONDITION_TRUE;
	c.turned = want->ready != shown->ready;
	c.reason = want->reason;
	c.message = want->message;
	return c;
}

static void send_write(struct allocator *a, struct record *r, struct allocator_actions *out)
{
	struct face want = record_face(r);
	struct ips ips = ip_kept_lend(want.ips);
	char served[WHY_MAX] = "";

	if (r->service->deprecated_annotations && !r->warned) {
		r->warned = true;
		allocator_say(out, r, true, "deprecatedAnnotation",
			      "annotations under metallb.universe.tf are deprecated, use "
			      "metallb.io");
	}
	if (want.ready == READY_TRUE) {
		snprintf(served, sizeof(served), "the addresses are from pool \"%s\"", want.pool);
		want.reason = "Allocated";
		want.message = served;
	}
	want.reason = intern(want.reason);
	want.message = intern(want.message);
	face_set(&r->sent, want);
	intern_unref(want.reason);
	intern_unref(want.message);

	*(struct allocator_action *)must(array_push(out)) = (struct allocator_action){
		.type = ALLOCATOR_WRITE,
		.ns = r->holder.ns,
		.name = r->holder.name,
		.uid = r->service->meta.uid,
		.resource_version = r->version,
		.ips = ips.items,
		.ip_count = ips.count,
		.pool = want.pool,
		.proxied = want.mode == MODE_PROXY,
		.condition = condition_for(&r->shown, &r->sent),
	};
	record_set_write(a, r, WRITE_SENT);
	a->writes++;
}

/* May one more write be under way? */
static bool has_room(const struct allocator *a)
{
	if (a->failed >= FAILED_ALL && a->writes >= TRIALS)
		return false;
	return a->writes_max == 0 || a->writes < a->writes_max;
}

static void send_writes(struct allocator *a, uint64_t now_ns, struct allocator_actions *out)
{
	struct record *r;

	while (now_ns >= a->rest_ns && has_room(a) && (r = TAILQ_FIRST(&a->to_write)) != NULL)
		send_write(a, r, out);
}

/* @r has come to its @turn. */
static void look_at(struct allocator *a, struct record *r, enum turn turn,
		    struct allocator_actions *out)
{
	if (record_is_ghost(r)) {
		settle_ghost(a, r);
		return;
	}
	if (turn == TURN_CLAIM) {
		allocator_claim(a, r, out);
		record_enqueue(a, r, TURN_GUARD);
		return;
	}
	if (turn == TURN_GUARD && !r->unreadable) {
		if (r->ours)
			guard(a, r);
		reserve_hold(a, r);
		release(a, r);
		record_enqueue(a, r,
			       r->held == NULL && r->shown.ips == NULL ? TURN_WAITING
								       : TURN_HOLDER);
		return;
	}
	r->tried = ledger_freed(a->ledger);
	a->recomputed++;
	ipam_link_begin(a, r);
	allocator_decide(a, r, out);
	if (r->held != NULL) /* whichever it is: it has one again */
		reserve_end(a, r);
	reconcile(a, r);
	ipam_link_end(a, r, out);
	record_set_waiting(a, r, r->problem != NULL);
}

static bool is_enough(const struct allocator *a, const struct allocator_actions *out)
{
	return a->actions_max != 0 && out->count >= a->actions_max;
}

void allocator_run(struct allocator *a, uint64_t now_ns, struct allocator_actions *out)
{
	struct record *r;
	enum turn turn;

	reserve_tick(a, now_ns);
	if (a->standby || !a->synced || a->config == NULL || allocator_reservations_needed(a))
		return;
	ipam_link_tick(a, now_ns);
	while ((r = RB_MIN(record_timers, &a->timers)) != NULL && r->retry_ns <= now_ns) {
		record_set_write(a, r, WRITE_NONE);
		record_mark(a, r);
	}
	if (a->retry_ns != 0 && a->retry_ns <= now_ns) {
		for (enum wait w = 0; w < WAITS; w++)
			RB_FOREACH (r, record_waiting, &a->waiting[w])
				record_mark(a, r);
		a->retry_ns = 0;
	}
	while (!(a->more = is_enough(a, out)) && (r = next_record(a, &turn)) != NULL)
		look_at(a, r, turn, out);
	if (a->more) /* nothing is written before everything was looked at */
		return;
	a->called = false;
	if (!allocator_has_waiting(a))
		a->retry_ns = 0;
	else if (a->retry_ns == 0)
		a->retry_ns = now_ns + ALLOCATOR_RETRY_NS;
	send_writes(a, now_ns, out);
	ipam_link_calls(a, now_ns, out);
	reserve_calls(a, now_ns, out);
}

uint64_t allocator_recomputed(const struct allocator *a)
{
	return a->recomputed;
}

uint64_t allocator_wake_ns(const struct allocator *a)
{
	const struct record *r =
		RB_MIN(record_timers, (struct record_timers *)(uintptr_t)&a->timers);
	uint64_t wake = a->retry_ns != 0 ? a->retry_ns : UINT64_MAX;

	if (a->more)
		return 0;
	if (r != NULL && r->retry_ns < wake)
		wake = r->retry_ns;
	if (a->rest_ns != 0 && a->rest_ns < wake && has_room(a) && !TAILQ_EMPTY(&a->to_write))
		wake = a->rest_ns;
	uint64_t ipam_ns = a->standby || !a->synced ? UINT64_MAX : ipam_wake_ns(a->ipam);
	uint64_t reserve_ns = reserve_wake_ns(a);

	if (ipam_ns < wake)
		wake = ipam_ns;
	return reserve_ns < wake ? reserve_ns : wake;
}

/* --- life ---------------------------------------------------------------------------- */

struct allocator *allocator_new(const struct allocator_cfg *cfg)
{
	struct allocator *a = must(calloc(1, sizeof(*a)));

	if (cfg->lb_class != NULL && cfg->lb_class[0] != '\0')
		a->lb_class = intern(cfg->lb_class);
	a->writes_max = cfg->writes_max;
	a->actions_max = cfg->actions_max;
	a->standby = cfg->standby;
	a->reservations = cfg->reservations;
	a->reserve_next_ns = UINT64_MAX;
	a->rng = rng_seeded(cfg->seed);
	a->ledger = ledger_new(rng_next(&a->rng));
	a->ipam = ipam_link_new(a, rng_next(&a->rng));
	RB_INIT(&a->spaces);
	RB_INIT(&a->records);
	RB_INIT(&a->timers);
	for (size_t i = 0; i < TURNS; i++)
		RB_INIT(&a->queues[i]);
	TAILQ_INIT(&a->to_write);
	for (enum wait w = 0; w < WAITS; w++)
		RB_INIT(&a->waiting[w]);
	a->calling = WAITS;
	return a;
}

struct allocator *allocator_free(struct allocator *a)
{
	struct record *r;
	struct space *s;

	if (a == NULL)
		return NULL;
	while ((r = RB_MIN(record_tree, &a->records)) != NULL)
		record_free(a, r);
	while ((s = RB_MIN(space_tree, &a->spaces)) != NULL)
		space_drop(a, s);
	ledger_free(a->ledger);
	ipam_free(a->ipam);
	config_unref(a->config);
	intern_unref(a->lb_class);
	array_free(&a->news);
	free(a);
	return NULL;
}
