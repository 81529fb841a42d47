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

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "allocator/must.h"
#include "allocator/record.h"
#include "lib/base/duration.h"
#include "lib/base/intern.h"

#define BACKOFF_FIRST_NS (1 * NS_PER_S)
#define BACKOFF_DOUBLED  6 /* times: at most 64 s */

static int record_cmp(const struct record *a, const struct record *b)
{
	int c = strcmp(a->holder.ns, b->holder.ns);

	return c != 0 ? c : strcmp(a->holder.name, b->holder.name);
}

static int timer_cmp(const struct record *a, const struct record *b)
{
	if (a->retry_ns != b->retry_ns)
		return a->retry_ns < b->retry_ns ? -1 : 1;
	return record_cmp(a, b);
}

static int space_cmp(const struct space *a, const struct space *b)
{
	return strcmp(a->ns->meta.name, b->ns->meta.name);
}

TREE_GENERATE(record_tree, record, by_name, record_cmp)
TREE_GENERATE(record_queue, record, queued, record_cmp)
TREE_GENERATE(record_timers, record, timed, timer_cmp)
TREE_GENERATE(space_tree, space, by_name, space_cmp)

/* --- small things ---------------------------------------------------------------------------- */

bool ip_list_equal(const struct ip_list *a, const struct ip_list *b)
{
	return a->count == b->count && memcmp(a->ips, b->ips, a->count * sizeof(a->ips[0])) == 0;
}

static bool ip_list_has(const struct ip_list *l, const struct ip_addr *ip)
{
	return (l->count > 0 && ip_equal(&l->ips[0], ip)) ||
	       (l->count > 1 && ip_equal(&l->ips[1], ip));
}

static void face_set(struct face *f, struct ip_list list, const char *pool, bool odd)
{
	intern_ref(pool);
	intern_unref(f->pool);
	*f = (struct face){ list, pool, odd };
}

static void text_set(char **slot, const char *text)
{
	char *copy = text != NULL ? must(strdup(text)) : NULL;

	free(*slot);
	*slot = copy;
}

/*
 * Is version @a older than @b? False when one is not known, or not a number: versions are
 * numbers in every API server there is, and where not, nothing is held to be stale.
 */
static bool version_older(const char *a, const char *b)
{
	char *end_a, *end_b;

	if (a == NULL || b == NULL || a[0] < '0' || a[0] > '9' || b[0] < '0' || b[0] > '9')
		return false;
	unsigned long long x = strtoull(a, &end_a, 10), y = strtoull(b, &end_b, 10);
	return *end_a == '\0' && *end_b == '\0' && x < y;
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
	must_0(vasprintf(&act->message, fmt, args) < 0);
	va_end(args);
}

void allocator_actions_done(struct allocator_actions *actions)
{
	for (size_t i = 0; i < actions->count; i++)
		free(actions->items[i].message);
	array_free(actions);
}

/* --- records and their queues ------------------------------------------------------------------
 */

static struct record *record_find(const struct allocator *a, const char *ns, const char *name)
{
	struct record key = { .holder = { .ns = ns, .name = name } };

	return RB_FIND(record_tree, (struct record_tree *)(uintptr_t)&a->records, &key);
}

static struct record *record_get(struct allocator *a, const char *ns, const char *name)
{
	struct record *r = record_find(a, ns, name);

	if (r == NULL) {
		r = must(calloc(1, sizeof(*r)));
		r->holder.ns = intern(ns);
		r->holder.name = intern(name);
		LIST_INIT(&r->holder.uses);
		r->turn = TURNS;
		RB_INSERT(record_tree, &a->records, r);
	}
	return r;
}

static void unqueue(struct allocator *a, struct record *r)
{
	if (r->turn != TURNS)
		RB_REMOVE(record_queue, &a->queues[r->turn], r);
	r->turn = TURNS;
}

static void queue(struct allocator *a, struct record *r, enum turn turn)
{
	if (r->turn == turn)
		return;
	unqueue(a, r);
	r->turn = turn;
	RB_INSERT(record_queue, &a->queues[turn], r);
}

/* Have @r looked at by the next run. */
static void mark(struct allocator *a, struct record *r)
{
	if (r->gone)
		return;
	if (r->unreadable)
		queue(a, r, TURN_GUARD);
	else if (r->shown_new && r->shown.list.count > 0)
		queue(a, r, TURN_CLAIM);
	else
		queue(a, r, r->held.count > 0 ? TURN_HOLDER : TURN_WAITING);
}

static void mark_all(struct allocator *a)
{
	struct record *r;

	RB_FOREACH (r, record_tree, &a->records)
		mark(a, r);
}

static void set_waiting(struct allocator *a, struct record *r, bool waits)
{
	if (waits && !r->waits)
		LIST_INSERT_HEAD(&a->waiting, r, waiting);
	else if (!waits && r->waits)
		LIST_REMOVE(r, waiting);
	r->waits = waits;
}

static void set_write(struct allocator *a, struct record *r, enum write_state to)
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

/* Everything about the Service goes; the name stays, for a write that is under way. */
static void record_clear(struct allocator *a, struct record *r)
{
	unqueue(a, r);
	set_waiting(a, r, false);
	if (r->write != WRITE_SENT)
		set_write(a, r, WRITE_NONE);
	while (!LIST_EMPTY(&r->holder.uses))
		ledger_drop(a->ledger, LIST_FIRST(&r->holder.uses));
	r->service = service_free(r->service);
	r->claim = claim_unref(r->claim);
	r->pool = intern_unref(r->pool);
	text_set(&r->version, NULL);
	text_set(&r->floor, NULL);
	text_set(&r->problem, NULL);
	face_set(&r->shown, (struct ip_list){ .count = 0 }, NULL, false);
	face_set(&r->sent, (struct ip_list){ .count = 0 }, NULL, false);
	r->held.count = 0;
	r->attempts = 0;
	r->shown_new = r->unsure = r->unreadable = r->ours = r->strip = r->warned = false;
	r->forget = r->write == WRITE_SENT;
}

static void record_free(struct allocator *a, struct record *r)
{
	record_clear(a, r);
	RB_REMOVE(record_tree, &a->records, r);
	intern_unref(r->holder.ns);
	intern_unref(r->holder.name);
	free(r);
}

/* --- inputs --------------------------------------------------------------------------------------
 */

/* What the object's status says, and whether somebody else than we brought that about. */
static void record_look(struct record *r, const struct service *s)
{
	struct ip_list list = { .count = s->ingress_count < 2 ? s->ingress_count : 2 };
	bool odd = s->ingress_bad || s->ingress_count > 2;

	for (unsigned i = 0; i < list.count; i++)
		list.ips[i] = s->ingress[i];
	bool echo = (r->unsure || r->write == WRITE_SENT) && !odd &&
		    ip_list_equal(&list, &r->sent.list);
	if (!echo && (odd != r->shown.odd || !ip_list_equal(&list, &r->shown.list)))
		r->shown_new = true;
	face_set(&r->shown, list, s->from_pool, odd);
}

void allocator_service_upsert(struct allocator *a, struct service *s)
{
	struct record *r = record_get(a, s->meta.ns != NULL ? s->meta.ns : "", s->meta.name);
	const struct service *old = r->service;

	if (old != NULL && old->meta.uid != NULL && s->meta.uid != NULL &&
	    strcmp(old->meta.uid, s->meta.uid) != 0)
		record_clear(a, r);
	if (version_older(s->meta.resource_version, r->floor)) {
		service_free(s);
		return;
	}
	text_set(&r->floor, NULL);
	text_set(&r->version, s->meta.resource_version);
	record_look(r, s);
	claim_unref(r->claim);
	r->claim = claim_of(s);
	service_free(r->service);
	r->service = s;
	r->gone = r->unreadable = false;
	mark(a, r);
}

void allocator_service_unreadable(struct allocator *a, const char *ns, const char *name,
				  const struct ip_addr *ips, size_t count)
{
	struct record *r = record_get(a, ns, name);

	if (r->service == NULL && !r->unreadable) {
		struct ip_list list = { .count = count < 2 ? (unsigned)count : 2 };

		for (unsigned i = 0; i < list.count; i++)
			list.ips[i] = ips[i];
		face_set(&r->shown, list, NULL, false);
		r->shown_new = true;
	}
	r->gone = false;
	r->unreadable = true;
	mark(a, r);
}

void allocator_service_remove(struct allocator *a, const char *ns, const char *name)
{
	struct record *r = record_find(a, ns, name);

	if (r == NULL)
		return;
	if (r->write != WRITE_SENT) {
		record_free(a, r);
		return;
	}
	record_clear(a, r);
	r->gone = true;
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

static void mark_namespace(struct allocator *a, const char *name)
{
	struct record from = { .holder = { .ns = name, .name = "" } };

	for (struct record *r = RB_NFIND(record_tree, &a->records, &from);
	     r != NULL && strcmp(r->holder.ns, name) == 0; r = RB_NEXT(record_tree, , r))
		mark(a, r);
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
	ledger_set_config(a->ledger, c);
	config_unref(old);
	mark_all(a);
}

void allocator_synced(struct allocator *a)
{
	a->synced = true;
}

static void back_off(struct allocator *a, struct record *r, uint64_t now_ns)
{
	unsigned doubled = r->attempts - 1 < BACKOFF_DOUBLED ? r->attempts - 1 : BACKOFF_DOUBLED;

	r->retry_ns = now_ns + rng_jitter(&a->rng, BACKOFF_FIRST_NS << doubled, 20);
	set_write(a, r, WRITE_BACKOFF);
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
	set_write(a, r, WRITE_NONE);
	if (r->gone) {
		record_free(a, r);
		return;
	}
	if (r->forget) {
		r->forget = false;
		mark(a, r);
		return;
	}
	switch (outcome) {
	case ALLOCATOR_WRITTEN:
		r->attempts = 0;
		r->unsure = false;
		if (!version_older(resource_version, r->version)) {
			face_set(&r->shown, r->sent.list, r->sent.pool, false);
			if (resource_version != NULL) {
				text_set(&r->version, resource_version);
				text_set(&r->floor, resource_version);
			}
		}
		break;
	case ALLOCATOR_CONFLICT:
		r->unsure = false;
		text_set(&r->floor, r->version);
		if (++r->attempts > 1) /* once is an accident */
			back_off(a, r, now_ns);
		break;
	case ALLOCATOR_FAILED:
		r->unsure = true;
		r->attempts++;
		back_off(a, r, now_ns);
		break;
	}
	mark(a, r);
}

/* --- the run
 * -------------------------------------------------------------------------------------- */

static struct face face_wanted(const struct record *r)
{
	return (struct face){ r->held, r->held.count > 0 ? r->pool : NULL, false };
}

static bool wants_write(const struct record *r)
{
	struct face want = face_wanted(r);

	return !r->hands_off && r->service != NULL &&
	       (r->unsure || r->shown.odd || want.pool != r->shown.pool ||
		!ip_list_equal(&want.list, &r->shown.list));
}

/* What a status shows is nobody else's until it is known to be gone from there. */
static void guard(struct allocator *a, struct record *r)
{
	for (unsigned i = 0; i < r->shown.list.count; i++) {
		const struct ip_addr *ip = &r->shown.list.ips[i];

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
	struct use *u, *next;

	if (!r->hands_off)
		guard(a, r);
	if (r->write != WRITE_SENT && !r->unsure) {
		for (u = LIST_FIRST(&r->holder.uses); u != NULL; u = next) {
			next = LIST_NEXT(u, of_holder);
			if (u->leaving && !ip_list_has(&r->shown.list, use_ip(u)))
				ledger_drop(a->ledger, u);
		}
	}
	if (r->write == WRITE_NONE && wants_write(r))
		set_write(a, r, WRITE_QUEUED);
	else if (r->write == WRITE_QUEUED && !wants_write(r))
		set_write(a, r, WRITE_NONE);
}

/* The next record to look at, off its queue, or NULL. */
static struct record *next_record(struct allocator *a, enum turn *ret_turn)
{
	for (int turn = 0; turn < TURNS; turn++) {
		/* Before the waiting: have any of them a new chance? */
		if (turn == TURN_WAITING && a->freed_seen != ledger_freed(a->ledger)) {
			struct record *w;

			a->freed_seen = ledger_freed(a->ledger);
			LIST_FOREACH (w, &a->waiting, waiting) {
				if (w->turn == TURNS)
					mark(a, w);
			}
			turn = 0; /* some of them hold addresses */
		}
		struct record *r = RB_MIN(record_queue, &a->queues[turn]);
		if (r != NULL) {
			*ret_turn = r->turn;
			unqueue(a, r);
			return r;
		}
	}
	return NULL;
}

static void send_writes(struct allocator *a, struct allocator_actions *out)
{
	struct record *r;

	while ((a->writes_max == 0 || a->writes < a->writes_max) &&
	       (r = TAILQ_FIRST(&a->to_write)) != NULL) {
		struct face want = face_wanted(r);

		if (r->service->deprecated_annotations && !r->warned) {
			r->warned = true;
			allocator_say(out, r, true, "deprecatedAnnotation",
				      "annotations under metallb.universe.tf are deprecated, use "
				      "metallb.io");
		}
		struct allocator_action *act = must(array_push(out));
		act->type = ALLOCATOR_WRITE;
		act->ns = r->holder.ns;
		act->name = r->holder.name;
		act->uid = r->service->meta.uid;
		act->resource_version = r->version;
		memcpy(act->ips, want.list.ips, sizeof(act->ips));
		act->ip_count = want.list.count;
		act->pool = want.pool;
		face_set(&r->sent, want.list, want.pool, false);
		set_write(a, r, WRITE_SENT);
		a->writes++;
	}
}

void allocator_run(struct allocator *a, uint64_t now_ns, struct allocator_actions *out)
{
	struct record *r;
	enum turn turn;

	if (!a->synced || a->config == NULL)
		return;
	while ((r = RB_MIN(record_timers, &a->timers)) != NULL && r->retry_ns <= now_ns) {
		set_write(a, r, WRITE_NONE);
		mark(a, r);
	}
	if (a->retry_ns != 0 && a->retry_ns <= now_ns) {
		LIST_FOREACH (r, &a->waiting, waiting)
			mark(a, r);
		a->retry_ns = 0;
	}
	while ((r = next_record(a, &turn)) != NULL) {
		if (turn == TURN_CLAIM) {
			allocator_claim(a, r, out);
			queue(a, r, TURN_GUARD);
			continue;
		}
		if (turn == TURN_GUARD && !r->unreadable) {
			if (r->ours)
				guard(a, r);
			queue(a, r, TURN_HOLDER);
			continue;
		}
		allocator_decide(a, r, out);
		reconcile(a, r);
		set_waiting(a, r, r->problem != NULL);
	}
	if (LIST_EMPTY(&a->waiting))
		a->retry_ns = 0;
	else if (a->retry_ns == 0)
		a->retry_ns = now_ns + ALLOCATOR_RETRY_NS;
	send_writes(a, out);
}

uint64_t allocator_wake_ns(const struct allocator *a)
{
	const struct record *r =
		RB_MIN(record_timers, (struct record_timers *)(uintptr_t)&a->timers);
	uint64_t wake = a->retry_ns != 0 ? a->retry_ns : UINT64_MAX;

	return r != NULL && r->retry_ns < wake ? r->retry_ns : wake;
}

/* --- questions
 * -------------------------------------------------------------------------------------- */

static void record_view(const struct record *r, struct allocator_service_view *ret)
{
	*ret = (struct allocator_service_view){
		.service = r->service,
		.ns = r->holder.ns,
		.name = r->holder.name,
		.ip_count = r->held.count,
		.pool = r->held.count > 0 ? r->pool : NULL,
		.reason = "",
		.note = "",
		.ours = r->ours,
		.unwritten = wants_write(r),
	};
	memcpy(ret->ips, r->held.ips, sizeof(ret->ips));
	if (r->unreadable)
		ret->note = "the object cannot be decoded; what it holds is kept";
	else if (r->problem != NULL && r->held.count > 0)
		ret->note = r->problem;
	else if (r->problem != NULL)
		ret->reason = r->problem;
}

bool allocator_service(const struct allocator *a, const char *ns, const char *name,
		       struct allocator_service_view *ret)
{
	struct record *r = record_find(a, ns, name);

	if (r == NULL || r->gone)
		return false;
	record_view(r, ret);
	return true;
}

void allocator_services(const struct allocator *a,
			void (*each)(void *arg, const struct allocator_service_view *view),
			void *arg)
{
	struct record *r;

	RB_FOREACH (r, record_tree, (struct record_tree *)(uintptr_t)&a->records) {
		struct allocator_service_view view;

		if (r->gone)
			continue;
		record_view(r, &view);
		each(arg, &view);
	}
}

static struct allocator_count side_count(const struct pool_side *s)
{
	return (struct allocator_count){ s->total, s->used, s->total - s->used };
}

void allocator_pools(const struct allocator *a,
		     void (*each)(void *arg, const struct allocator_pool_view *view), void *arg)
{
	size_t count;
	struct pool_book *const *pools = pools_list(ledger_pools(a->ledger), POOLS_ALL, &count);

	for (size_t i = 0; i < count; i++) {
		struct allocator_pool_view view = {
			.pool = pools[i]->pool,
			.v4 = side_count(&pools[i]->sides[0]),
			.v6 = side_count(&pools[i]->sides[1]),
		};
		each(arg, &view);
	}
}

/* --- life
 * ------------------------------------------------------------------------------------------- */

struct allocator *allocator_new(const struct allocator_cfg *cfg)
{
	struct allocator *a = must(calloc(1, sizeof(*a)));

	if (cfg->lb_class != NULL && cfg->lb_class[0] != '\0')
		a->lb_class = intern(cfg->lb_class);
	a->writes_max = cfg->writes_max;
	a->rng = rng_seeded(cfg->seed);
	a->ledger = ledger_new();
	RB_INIT(&a->spaces);
	RB_INIT(&a->records);
	RB_INIT(&a->timers);
	for (size_t i = 0; i < TURNS; i++)
		RB_INIT(&a->queues[i]);
	TAILQ_INIT(&a->to_write);
	LIST_INIT(&a->waiting);
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
	config_unref(a->config);
	intern_unref(a->lb_class);
	free(a);
	return NULL;
}
