// SPDX-License-Identifier: Apache-2.0
/*
 * Which transaction comes next, and what follows from how it ended. What is known of the cluster is
 * in owners.c, what is known of the kernel in applied.c, what nobody wants any more in leftovers.c.
 *
 * A transaction holds what is dirty, as much of it as may be; and the frame, when that is to be
 * written. There are three ways to write Services:
 *
 *	in pieces	there is no table, or one with our frame: each Service that is sent is one
 *			more that is right
 *	whole		the table is to be replaced by another: all Services at once, but those that
 *			are known to be refused, since what is not in it is served no more
 *	on trial	the kernel refused the whole, twice: pieces that it only has to check, to
 *			find the Service at fault while the old table stays
 *
 * What is refused is tried again in smaller parts, each smaller than the one before, so that this
 * ends. A Service that is refused alone may not be at fault: the kernel may lack what it should
 * have. So that is looked up, then the frame sent alone, then the Service alone. If it fails then
 * too, it is the Service. From then on it goes in transactions of its own, so that it costs nobody
 * else anything.
 */
#include "standalone/proxy/rules.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/duration.h"
#include "lib/base/intern.h"
#include "lib/base/log.h"
#include "standalone/proxy/applied.h"
#include "standalone/proxy/leftovers.h"
#include "standalone/proxy/owners.h"
#include "standalone/proxy/pods.h"
#include "standalone/proxy/transaction.h"

/*
 * How much of a transaction there may be before it is sent, in bytes: nft takes some 30 times that
 * in memory. What belongs to one Service is never divided.
 */
#define TRANSACTION_MAX  (2u << 20)
/* How often to try again what the kernel refused and nobody changed. */
#define RETRY_REFUSED_NS (60 * NS_PER_S)

/* What is in the transaction that was given out, or that none is needed. */
struct given_out {
	bool any; /* and its end was not heard of since */
	bool frame, nodes, whole, trial;
	unsigned owners;
};

struct rules {
	const char *node;
	struct owners owners;
	struct pods *pods;
	struct applied applied;
	struct leftovers leftovers;
	struct flows *flows; /* to look at once the kernel has what was given out */
	struct check_changes checks;

	enum { FRAME_STANDS, FRAME_ANEW, FRAME_RENEW } frame; /* what is to be done about it */
	bool replaces;                                        /* FRAME_ANEW: there is another */
	uint64_t frame_since_ns, nodes_since_ns; /* since when that has been so; 0: it is not */
	struct given_out out;

	bool must_look;          /* what the kernel has is not known */
	bool restart;            /* forget what was sent */
	bool fresh;              /* the kernel was looked at, and not all is sent since */
	struct inherited *found; /* at the last restart, until the next pass */
	bool affinity_found[2];
	unsigned unsettled; /* owners that are not sent since then */

	unsigned batch_max; /* Services in a transaction */
	enum { NOT_CAREFUL, ONE_ALONE, FRAME_ALONE } careful;
	unsigned whole_refusals; /* in a row; from the second on, find out by trials */
	bool tried_all;          /* since then */
	unsigned refused;
	uint64_t retry_ns; /* when to try those again */
};

/* --- what is told --------------------------------------------------------------------------- */

void rules_now(struct rules *r, uint64_t now_ns)
{
	r->owners.now_ns = now_ns;
}

int rules_service(struct rules *r, struct service *service)
{
	return owners_service(&r->owners, service);
}

void rules_service_gone(struct rules *r, const char *ns, const char *name)
{
	owners_service_gone(&r->owners, ns, name);
}

int rules_slice(struct rules *r, struct endpoint_slice *object)
{
	return owners_slice(&r->owners, object);
}

void rules_slice_gone(struct rules *r, const char *ns, const char *name)
{
	owners_slice_gone(&r->owners, ns, name);
}

static void nodes_changed(struct rules *r)
{
	if (pods_dirty(r->pods) && r->nodes_since_ns == 0)
		r->nodes_since_ns = r->owners.now_ns;
}

/* This node is not what it was: Services that go by its zone or its addresses may have to change.
 */
static void self_changed(struct rules *r)
{
	struct owner *o, *next;

	OWNERS_FOREACH(o, &r->owners, next)
	if (o->service != NULL)
		owner_mark(&r->owners, o);
}

void rules_node(struct rules *r, struct node *node)
{
	bool self = strcmp(node->meta.name, r->node) == 0;

	if (pods_node(r->pods, node) && self)
		self_changed(r);
	nodes_changed(r);
}

void rules_node_gone(struct rules *r, const char *name)
{
	pods_node_gone(r->pods, name);
	if (strcmp(name, r->node) == 0)
		self_changed(r);
	nodes_changed(r);
}

void rules_recall(struct rules *r, uint8_t family, char *elements)
{
	applied_recall(&r->applied, family, elements);
}

/* --- restart --------------------------------------------------------------------------------- */

static void restart(struct rules *r, struct inherited *found)
{
	rules_done(r); /* whatever became of it */
	r->restart = true;
	r->must_look = false;
	inherited_free(r->found);
	r->found = found;
	r->affinity_found[0] = r->affinity_found[1] = false;
	r->replaces = r->tried_all = false;
	if (r->frame_since_ns == 0)
		r->frame_since_ns = r->owners.now_ns;
}

void rules_restart(struct rules *r)
{
	restart(r, NULL);
	r->frame = FRAME_ANEW;
	r->replaces = true;
}

void rules_restart_on_nothing(struct rules *r)
{
	restart(r, NULL);
	r->frame = FRAME_ANEW;
}

void rules_take_over(struct rules *r, struct inherited *found, const bool affinity[2])
{
	restart(r, found);
	r->frame = FRAME_RENEW;
	r->affinity_found[0] = affinity[0];
	r->affinity_found[1] = affinity[1];
}

/* Forget what was sent; every Service is dirty. */
static void forget(struct rules *r)
{
	struct owner *o, *next;

	OWNERS_FOREACH(o, &r->owners, next)
	{
		if (o->sent.elements.count > 0)
			o->kept_endpoints = o->sent.endpoints;
		o->kept = o->tried = false;
		r->unsettled += !o->unsettled;
		o->unsettled = true;
		owner_mark(&r->owners, o);
	}
	applied_forget(&r->applied, r->found, r->affinity_found);
	r->found = NULL;
	leftovers_begin(&r->leftovers);
	pods_forget(r->pods);
}

/* --- how a transaction ended ----------------------------------------------------------------- */

static void settle(struct rules *r, struct owner *o)
{
	r->unsettled -= o->unsettled;
	o->unsettled = false;
}

static void set_refused(struct rules *r, struct owner *o, bool refused)
{
	if (o->refused && !refused)
		leftovers_reconsider(&r->leftovers);
	r->refused += (unsigned)refused - o->refused;
	o->refused = refused;
}

static void was_taken(void *arg, struct owner *o)
{
	struct rules *r = arg;

	if (o->refused)
		log_info("proxy", "the kernel takes a Service that it refused", "service=%s/%s",
			 o->ns, o->name);
	set_refused(r, o, false);
	o->kept = false;
	settle(r, o);
	owner_reap(&r->owners, o);
}

/* The kernel is as it was before: so are the books. All that were under way are dirty, in front. */
static void roll_back(struct rules *r)
{
	applied_roll_back(&r->applied);
	leftovers_roll_back(&r->leftovers);
	pods_roll_back(r->pods);
}

/* It would take them. They go behind those that were not tried yet. */
static void trial_passed(struct rules *r)
{
	unsigned count = 0;
	struct owner *o;

	TAILQ_FOREACH (o, &r->applied.under_way, in_under_way)
		count++;
	roll_back(r);
	while (count-- > 0) {
		o = TAILQ_FIRST(&r->owners.dirty);
		TAILQ_REMOVE(&r->owners.dirty, o, in_dirty);
		TAILQ_INSERT_TAIL(&r->owners.dirty, o, in_dirty);
		o->tried = true;
	}
}

static void forget_recalled(struct rules *r)
{
	applied_recall(&r->applied, IP_V4, NULL);
	applied_recall(&r->applied, IP_V6, NULL);
}

static void commit(struct rules *r, const struct given_out *out)
{
	if (out->frame) {
		r->frame = FRAME_STANDS;
		r->frame_since_ns = r->whole_refusals = 0;
		r->replaces = false;
	}
	if (out->whole)
		forget_recalled(r); /* it is old from now on */
	pods_commit(r->pods);
	if (!pods_dirty(r->pods))
		r->nodes_since_ns = 0;
	applied_commit(&r->applied, r->flows, &r->checks, r, was_taken);
	leftovers_commit(&r->leftovers, r->flows, r->refused);
	if (r->unsettled == 0)
		r->fresh = false;
}

void rules_done(struct rules *r)
{
	const struct given_out out = r->out;

	if (!out.any)
		return;
	r->out = (struct given_out){ 0 };
	if (out.trial)
		trial_passed(r);
	else
		commit(r, &out);
	if (r->careful != NOT_CAREFUL)
		r->careful--;
	else
		r->batch_max = r->batch_max < UINT_MAX / 2 ? r->batch_max * 2 : UINT_MAX;
}

/* Whether the chain of an element is one of a Service's. */
struct look_for {
	const struct owner *whose;
	bool found;
};

static void is_way_in(void *arg, const struct element *e, const char *chain)
{
	struct look_for *l = arg;
	char own[CHAIN_NAME_MAX];

	if (l->found || chain == NULL)
		return;
	for (unsigned kind = CHAIN_ALL; kind <= CHAIN_BALANCER; kind++) {
		const char *mine = chain_name(kind, e->family, l->whose->ns, l->whose->name,
					      e->protocol, 0, own);

		l->found |= strncmp(chain, mine, strlen(mine) - 1) == 0;
	}
}

/* The Service @o is at fault: it stays as it is. */
static void refuse(struct rules *r, struct owner *o, uint64_t now_ns, const char *error)
{
	owner_unmark(&r->owners, o);
	if (!o->refused)
		log_error("proxy", "the kernel refuses a Service, its rules stay as they were",
			  "service=%s/%s err=\"%s\"", o->ns, o->name, error);
	set_refused(r, o, true);
	settle(r, o);
	if (r->retry_ns <= now_ns)
		r->retry_ns = now_ns + RETRY_REFUSED_NS;
	if (o->sent.elements.count == 0 && r->applied.inherited != NULL) {
		struct look_for l = { .whose = o };

		inherited_elements(r->applied.inherited, &l, is_way_in);
		o->kept = l.found;
	}
}

/* One Service was refused, without any other. */
static bool one_refused(struct rules *r, const struct given_out *out, struct owner *o,
			uint64_t now_ns, const char *error)
{
	bool alone = out->trial || (!out->frame && !out->nodes);

	if ((!o->refused && !r->fresh) || !alone) {
		r->must_look = true;
		r->careful = FRAME_ALONE;
	} else if (o->deletes) {
		log_warn("proxy", "chains that a Service had cannot be deleted, leaving them",
			 "service=%s/%s err=\"%s\"", o->ns, o->name, error);
		applied_spare_chains(o, now_ns + RETRY_REFUSED_NS);
	} else {
		refuse(r, o, now_ns, error);
	}
	return true;
}

/* Only leftovers were in it. */
static bool leftovers_alone_refused(struct rules *r, const char *error)
{
	enum leftovers_verdict verdict = leftovers_refused(&r->leftovers);

	if (verdict == LEFTOVERS_LEAVE) {
		log_warn("proxy", "what nobody uses any more cannot be deleted, leaving it",
			 "what=%s err=\"%s\"", r->leftovers.last, error);
		flows_forget(r->leftovers.gone);
		inherited_commit(r->applied.inherited);
		leftovers_commit(&r->leftovers, r->flows, r->refused);
		return true;
	}
	roll_back(r);
	r->must_look |= verdict == LEFTOVERS_LOOK;
	return verdict != LEFTOVERS_LOOK;
}

bool rules_refused(struct rules *r, uint64_t now_ns, const char *error)
{
	const struct given_out out = r->out;
	struct owner *first = TAILQ_FIRST(&r->applied.under_way);
	unsigned leftovers = r->leftovers.under_way;
	bool recalls = applied_recalls(&r->applied);

	if (!out.any)
		return false;
	r->out = (struct given_out){ 0 };
	if (leftovers > 0 && out.owners == 0 && !out.nodes)
		return leftovers_alone_refused(r, error);
	roll_back(r);
	if (leftovers > 0) {
		r->leftovers.apart = true;
		return true;
	}
	if (out.whole) {
		r->whole_refusals++;
		r->must_look = true;
		r->careful = FRAME_ALONE;
		r->batch_max = UINT_MAX;
		return false;
	}
	if (out.owners > 1) {
		r->batch_max = out.owners / 2;
		return true;
	}
	if (out.owners == 0) {
		r->must_look = true;
		return false;
	}
	if (out.trial && recalls) {
		log_warn("proxy", "session affinity is forgotten: the kernel refuses it",
			 "err=\"%s\"", error);
		forget_recalled(r);
		return true;
	}
	return one_refused(r, &out, first, now_ns, error);
}

/* --- the pass ------------------------------------------------------------------------------ */

static void write_frame(struct rules *r, struct transaction *t)
{
	if (r->frame == FRAME_STANDS)
		return;
	if (r->frame == FRAME_ANEW)
		transaction_begin_anew(t);
	else
		transaction_take_over(t);
	r->out.frame = true;
}

/* How many Services the transaction that is begun may have. */
static unsigned batch_limit(const struct rules *r)
{
	if (r->out.whole)
		return UINT_MAX;
	if (r->careful == FRAME_ALONE)
		return 0;
	return r->careful == ONE_ALONE ? 1 : r->batch_max;
}

static void retry_refused(struct rules *r, uint64_t now_ns)
{
	struct owner *o, *next;

	if (r->refused == 0 || now_ns < r->retry_ns)
		return;
	r->retry_ns = now_ns + RETRY_REFUSED_NS;
	OWNERS_FOREACH(o, &r->owners, next)
	if (o->refused)
		owner_mark(&r->owners, o);
}

/* The next to write with those that there are in the transaction, or NULL. */
static struct owner *next_owner(const struct rules *r)
{
	struct owner *o = TAILQ_FIRST(&r->owners.dirty);

	if (r->out.frame || r->out.owners > 0)
		while (o != NULL && o->refused)
			o = TAILQ_NEXT(o, in_dirty);
	return o != NULL && r->out.trial && o->tried ? NULL : o;
}

static void write_owners(struct rules *r, struct transaction *t, uint64_t now_ns)
{
	unsigned limit = batch_limit(r);
	struct owner *o;

	while (r->out.owners < limit && (o = next_owner(r)) != NULL) {
		owner_unmark(&r->owners, o);
		applied_update(&r->applied, t, o, now_ns);
		r->out.owners++;
		if (o->refused || (!r->out.whole && transaction_size(t) >= TRANSACTION_MAX))
			break;
	}
}

/* May leftovers go? Not before everybody has taken what they want of them. */
static bool leftovers_may_go(const struct rules *r, uint64_t now_ns)
{
	return r->unsettled == 0 && r->frame == FRAME_STANDS &&
	       leftovers_wake_ns(&r->leftovers) <= now_ns;
}

/* Begin the search for who makes the whole be refused, or end it. */
static void choose_trial(struct rules *r)
{
	struct owner *o;

	r->out.trial = r->replaces && r->whole_refusals > 1 && !r->tried_all;
	if (!r->out.trial || r->careful != NOT_CAREFUL)
		return;
	TAILQ_FOREACH (o, &r->owners.dirty, in_dirty)
		if (!o->refused && !o->tried)
			return;
	r->tried_all = true;
	r->out.trial = false;
}

/* One transaction, or NULL where what there was to see to needed none; there may be more then. */
static char *pass(struct rules *r, uint64_t now_ns)
{
	struct transaction t = { 0 };
	const struct owner *first;
	bool lone;

	rules_done(r);
	rules_now(r, now_ns);
	flows_forget(r->applied.coming);
	if (r->restart) {
		forget(r);
		r->restart = false;
		r->fresh = true;
	}
	retry_refused(r, now_ns);
	applied_wake(&r->applied, now_ns);

	r->out.any = true;
	if (r->leftovers.apart && leftovers_may_go(r, now_ns)) {
		leftovers_pass(&r->leftovers, &t, now_ns, r->refused);
		return transaction_finish(&t);
	}
	choose_trial(r);
	r->out.whole = r->replaces && !r->out.trial;
	if (r->out.whole)
		r->careful = NOT_CAREFUL;
	write_frame(r, &t);
	first = next_owner(r);
	lone = first != NULL && first->refused;
	if (!lone) {
		r->out.nodes = pods_dirty(r->pods);
		pods_pass(r->pods, &t);
	}
	write_owners(r, &t, now_ns);
	if (!lone && !r->leftovers.apart && leftovers_may_go(r, now_ns))
		leftovers_pass(&r->leftovers, &t, now_ns, r->refused);
	return transaction_finish(&t);
}

char *rules_pass(struct rules *r, uint64_t now_ns)
{
	char *json;

	while ((json = pass(r, now_ns)) == NULL) {
		rules_done(r); /* more may be due now that this is */
		if (TAILQ_EMPTY(&r->owners.dirty) && !leftovers_may_go(r, now_ns))
			break;
	}
	return json;
}

/* --- what there is to know ------------------------------------------------------------------ */

bool rules_must_look(const struct rules *r)
{
	return r->must_look;
}

bool rules_is_trial(const struct rules *r)
{
	return r->out.trial;
}

bool rules_stand(const struct rules *r)
{
	return !r->restart && r->frame == FRAME_STANDS;
}

bool rules_settled(const struct rules *r)
{
	return !r->restart && r->frame == FRAME_STANDS && r->unsettled == 0 &&
	       leftovers_cleared(&r->leftovers);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t rules_behind_since_ns(const struct rules *r)
{
	uint64_t since = UINT64_MAX;
	const struct owner *o;

	if (r->frame_since_ns != 0)
		since = r->frame_since_ns;
	if (r->nodes_since_ns != 0)
		since = earlier(since, r->nodes_since_ns);
	TAILQ_FOREACH (o, &r->owners.dirty, in_dirty)
		if (!o->refused)
			since = earlier(since, o->dirty_since_ns);
	TAILQ_FOREACH (o, &r->applied.under_way, in_under_way)
		if (!o->refused)
			since = earlier(since, o->under_way_since_ns);
	return since;
}

unsigned rules_refusals(const struct rules *r)
{
	return r->refused;
}

struct flows *rules_flows(struct rules *r)
{
	return r->flows;
}

const struct flows *rules_coming(const struct rules *r)
{
	return r->applied.coming;
}

struct check_changes *rules_checks(struct rules *r)
{
	return &r->checks;
}

uint64_t rules_wake_ns(const struct rules *r)
{
	uint64_t due = applied_wake_ns(&r->applied);

	if (!TAILQ_EMPTY(&r->owners.dirty))
		return 0;
	due = earlier(due, leftovers_wake_ns(&r->leftovers));
	return r->refused > 0 ? earlier(due, r->retry_ns) : due;
}

unsigned rules_services(struct rules *r)
{
	struct owner *o, *next;
	unsigned count = 0;

	OWNERS_FOREACH(o, &r->owners, next)
	count += o->sent.elements.count > 0 || o->kept;
	return count;
}

unsigned rules_endpoints(struct rules *r)
{
	struct owner *o, *next;
	unsigned count = 0;

	OWNERS_FOREACH(o, &r->owners, next)
	count += o->kept ? o->kept_endpoints : o->sent.endpoints;
	return count;
}

/* --- life ------------------------------------------------------------------------------------ */

struct rules *rules_new(const char *node)
{
	struct rules *r = must(calloc(1, sizeof(*r)));

	r->node = intern(node);
	r->pods = pods_new();
	r->flows = flows_new();
	owners_init(&r->owners);
	applied_init(&r->applied, &r->owners, r->pods, r->node);
	leftovers_init(&r->leftovers, &r->applied);
	r->batch_max = UINT_MAX;
	r->restart = r->must_look = r->replaces = true;
	r->frame = FRAME_ANEW;
	return r;
}

struct rules *rules_free(struct rules *r)
{
	if (r == NULL)
		return NULL;
	applied_done(&r->applied);
	leftovers_done(&r->leftovers);
	owners_done(&r->owners);
	pods_free(r->pods);
	flows_free(r->flows);
	inherited_free(r->found);
	check_changes_done(&r->checks);
	intern_unref(r->node);
	free(r);
	return NULL;
}
