// SPDX-License-Identifier: Apache-2.0
#include "standalone/proxy/rules.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "lib/base/duration.h"
#include "lib/base/intern.h"
#include "lib/base/log.h"
#include "lib/base/tree.h"
#include "standalone/proxy/claims.h"
#include "standalone/proxy/plan.h"
#include "standalone/proxy/pods.h"
#include "standalone/proxy/text.h"
#include "standalone/proxy/transaction.h"

/*
 * Kernels before 6.2 count a map element that is gone as a user of its chain for a moment longer,
 * and refuse to delete the chain. So chains are emptied at once and deleted after this time.
 */
#define CHAIN_LINGERS_NS (5 * NS_PER_S)

/*
 * How much of a transaction there may be before it is sent, in bytes: nft takes some 30 times that
 * in memory. What belongs to one Service is never divided.
 */
#define TRANSACTION_MAX  (2u << 20)
/* How often to try a Service again that the kernel refused and that nobody changed. */
#define RETRY_REFUSED_NS (60 * NS_PER_S)

struct slice {
	RB_ENTRY(slice) by_name;
	LIST_ENTRY(slice) of_owner;
	struct owner *owner; /* NULL: of no Service */
	struct endpoint_slice *object;
};
RB_HEAD(slices, slice);

/* A Service, or slices that wait for one. */
struct owner {
	RB_ENTRY(owner) by_name;
	const char *ns, *name;   /* interned */
	struct service *service; /* NULL: not there (yet) */
	LIST_HEAD(, slice) slices;
	struct plan sent;   /* what is in the kernel, chains that linger included */
	struct plan before; /* the same without the transaction that is under way, if it is part of
			       it */

	TAILQ_ENTRY(owner) in_dirty, in_waiting, in_lingering, in_under_way;
	bool dirty, waiting, lingering, under_way; /* which of the lists it is on */
	bool refused;                              /* by the kernel, when last tried */
	uint16_t health_port;                      /* as told last; 0: none */
	unsigned health_endpoints;
	uint64_t linger_until_ns;
};
RB_HEAD(owners, owner);
TAILQ_HEAD(owner_list, owner);

struct rules {
	const char *node;
	struct owners owners;
	struct slices slices;
	struct claims *claims; /* elements in the kernel */
	struct pods *pods;
	struct flows *flows;  /* to look at once the kernel has what was given out */
	struct flows *coming; /* with what is under way */
	struct check_changes checks;

	struct owner_list dirty;     /* their plans may have changed */
	struct owner_list waiting;   /* they want an element that another has */
	struct owner_list lingering; /* they have empty chains to delete, the first due first */
	struct owner_list under_way; /* they are part of the transaction that was given out */

	/* What the next transaction does about the frame, and whether the one under way does. */
	enum { FRAME_STANDS, FRAME_ANEW, FRAME_RENEW } frame;
	bool frame_under_way;
	bool in_pieces; /* a frame that is made anew need not have all Services at once */
	bool given_out; /* a transaction, or the finding that none is needed, and not heard of since
			 */
	bool tidying;   /* it deletes what nobody uses, and nothing else */
	bool restart;   /* forget what was sent */
	bool must_look; /* what the kernel has is not known */
	bool fresh;     /* it was known at the last restart, and not all is sent since */

	struct inherited *inherited; /* what was there at the last restart; NULL: nothing */
	bool leftovers_empty;        /* they have no rules any more */
	uint64_t leftovers_due_ns;   /* when their chains may be deleted */

	unsigned batch_max; /* Services in a transaction */
	enum { NOT_CAREFUL, ONE_ALONE, FRAME_ALONE } careful;
	unsigned refused;
	uint64_t retry_ns; /* when to try those again */

	bool affinity_before[2]; /* without the transaction that is under way */
	bool affinity_found[2];  /* at the last restart */
	bool affinity[2];        /* the sets of session affinity are there; [0]: IPv4 */
	char *recalled[2];       /* elements for them; NULL: none */
	unsigned services, endpoints;
};

static int owner_cmp(const struct owner *a, const struct owner *b)
{
	int diff = strcmp(a->ns, b->ns);

	return diff != 0 ? diff : strcmp(a->name, b->name);
}

static int slice_cmp(const struct slice *a, const struct slice *b)
{
	int diff = strcmp(a->object->meta.ns, b->object->meta.ns);

	return diff != 0 ? diff : strcmp(a->object->meta.name, b->object->meta.name);
}

TREE_GENERATE(owners, owner, by_name, owner_cmp)
TREE_GENERATE(slices, slice, by_name, slice_cmp)

/* --- what is known ------------------------------------------------------------------------- */

static void mark_dirty(struct rules *r, struct owner *o)
{
	if (o->dirty)
		return;
	TAILQ_INSERT_TAIL(&r->dirty, o, in_dirty);
	o->dirty = true;
}

static struct owner *owner_find(struct rules *r, const char *ns, const char *name)
{
	struct owner key = { .ns = ns, .name = name };

	return RB_FIND(owners, &r->owners, &key);
}

static struct owner *owner_get(struct rules *r, const char *ns, const char *name)
{
	struct owner *o = owner_find(r, ns, name);

	if (o == NULL) {
		o = must(calloc(1, sizeof(*o)));
		o->ns = intern(ns);
		o->name = intern(name);
		LIST_INIT(&o->slices);
		RB_INSERT(owners, &r->owners, o);
	}
	return o;
}

static void owner_free(struct rules *r, struct owner *o)
{
	RB_REMOVE(owners, &r->owners, o);
	if (o->dirty)
		TAILQ_REMOVE(&r->dirty, o, in_dirty);
	if (o->waiting)
		TAILQ_REMOVE(&r->waiting, o, in_waiting);
	if (o->lingering)
		TAILQ_REMOVE(&r->lingering, o, in_lingering);
	if (o->under_way)
		TAILQ_REMOVE(&r->under_way, o, in_under_way);
	r->refused -= o->refused;
	plan_done(&o->before);
	plan_done(&o->sent);
	service_free(o->service);
	intern_unref(o->ns);
	intern_unref(o->name);
	free(o);
}

/* Free an owner that stands for nothing any more. */
static void owner_reap(struct rules *r, struct owner *o)
{
	if (o->service == NULL && LIST_EMPTY(&o->slices) && o->sent.chains.count == 0 &&
	    o->sent.elements.count == 0 && !o->dirty && !o->under_way)
		owner_free(r, o);
}

/* May @name stand in a chain's name? The API server sees to it; this is for when it did not. */
static bool name_fits(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-.");

	return len > 0 && len <= DNS_LABEL_MAX && name[len] == '\0';
}

int rules_service(struct rules *r, struct service *service)
{
	if (!name_fits(service->meta.ns) || !name_fits(service->meta.name)) {
		service_free(service);
		return -EINVAL;
	}
	struct owner *o = owner_get(r, service->meta.ns, service->meta.name);

	service_free(o->service);
	o->service = service;
	mark_dirty(r, o);
	return 0;
}

void rules_service_gone(struct rules *r, const char *ns, const char *name)
{
	struct owner *o = owner_find(r, ns, name);

	if (o == NULL || o->service == NULL)
		return;
	o->service = service_free(o->service);
	mark_dirty(r, o);
}

static struct slice *slice_find(struct rules *r, const char *ns, const char *name)
{
	struct endpoint_slice object = { .meta = { .ns = ns, .name = name } };
	struct slice key = { .object = &object };

	return RB_FIND(slices, &r->slices, &key);
}

/* Take a slice from its Service, which is dirty then. */
static void slice_part(struct rules *r, struct slice *s)
{
	if (s->owner == NULL)
		return;
	LIST_REMOVE(s, of_owner);
	mark_dirty(r, s->owner);
	s->owner = NULL;
}

static void slice_free(struct rules *r, struct slice *s)
{
	slice_part(r, s);
	RB_REMOVE(slices, &r->slices, s);
	endpoint_slice_free(s->object);
	free(s);
}

void rules_slice_gone(struct rules *r, const char *ns, const char *name)
{
	struct slice *s = slice_find(r, ns, name);

	if (s != NULL)
		slice_free(r, s);
}

int rules_slice(struct rules *r, struct endpoint_slice *object)
{
	if (!name_fits(object->meta.ns) ||
	    (object->service != NULL && !name_fits(object->service))) {
		/* What it was before, it is no more. */
		rules_slice_gone(r, object->meta.ns, object->meta.name);
		endpoint_slice_free(object);
		return -EINVAL;
	}
	struct slice *s = slice_find(r, object->meta.ns, object->meta.name);

	if (s == NULL) {
		s = must(calloc(1, sizeof(*s)));
		s->object = object;
		RB_INSERT(slices, &r->slices, s);
	} else {
		slice_part(r, s);
		endpoint_slice_free(s->object);
		s->object = object;
	}
	if (object->service != NULL) {
		s->owner = owner_get(r, object->meta.ns, object->service);
		LIST_INSERT_HEAD(&s->owner->slices, s, of_owner);
		mark_dirty(r, s->owner);
	}
	return 0;
}

/* This node is not what it was: Services that go by its zone or its addresses may have to change.
 */
static void self_changed(struct rules *r)
{
	struct owner *o;

	RB_FOREACH (o, owners, &r->owners)
		if (o->service != NULL)
			mark_dirty(r, o);
}

void rules_node(struct rules *r, struct node *node)
{
	bool self = strcmp(node->meta.name, r->node) == 0;

	if (pods_node(r->pods, node) && self)
		self_changed(r);
}

void rules_node_gone(struct rules *r, const char *name)
{
	pods_node_gone(r->pods, name);
	if (strcmp(name, r->node) == 0)
		self_changed(r);
}

/* --- elements ------------------------------------------------------------------------------ */

/* Have the kernel have @e, which may be there already. */
static void enter(struct rules *r, struct transaction *t, const struct element *e,
		  const char *chain)
{
	enum inherited_element there = r->inherited == NULL
					       ? INHERITED_NONE
					       : inherited_take_element(r->inherited, e, chain);

	if (there == INHERITED_SAME)
		return;
	if (there == INHERITED_OTHER)
		transaction_delete_element(t, e);
	transaction_add_element(t, e, chain);
}

/* Enter that @o has @e. Returns false when it belongs to another. */
static bool claim(struct rules *r, struct transaction *t, struct owner *o, const struct element *e)
{
	char chain[CHAIN_NAME_MAX];
	const struct owner *holder;

	switch (claims_take(r->claims, e, o, (const void **)&holder)) {
	case CLAIM_REFUSED:
		if (!o->waiting)
			log_warn("proxy", "already taken, waiting for it",
				 "service=%s/%s by=%s/%s port=%u", o->ns, o->name, holder->ns,
				 holder->name, e->port);
		return false;
	case CLAIM_NEW:
		chain_name(e->target, e->family, o->ns, o->name, e->protocol, e->chain_port, chain);
		enter(r, t, e, chain);
		return true;
	default:
		return true;
	}
}

static void release(struct rules *r, struct transaction *t, const struct element *e)
{
	struct owner *o;

	if (!claims_give_back(r->claims, e))
		return;
	transaction_delete_element(t, e);
	if (element_is_exclusive(e))
		TAILQ_FOREACH (o, &r->waiting, in_waiting)
			mark_dirty(r, o);
}

static bool element_same(const struct element *a, const struct element *b)
{
	return a->target == b->target && a->chain_port == b->chain_port;
}

/*
 * Give back the elements that @o has and @want does not list, then claim those that are new. What
 * another Service has is struck out of @want.
 */
static void update_elements(struct rules *r, struct transaction *t, struct owner *o,
			    struct elements *want)
{
	const struct elements *have = &o->sent.elements;
	bool *is_new = must(calloc(want->count + 1, sizeof(*is_new)));
	bool lacks = false;
	size_t h = 0, w = 0, kept = 0;

	while (h < have->count || w < want->count) {
		int diff = h == have->count   ? 1
			   : w == want->count ? -1
					      : element_cmp(&have->items[h], &want->items[w]);

		if (diff < 0 || (diff == 0 && !element_same(&have->items[h], &want->items[w]))) {
			release(r, t, &have->items[h]);
			is_new[w] = diff == 0;
		} else if (diff > 0) {
			is_new[w] = true;
		}
		h += diff <= 0;
		w += diff >= 0;
	}
	for (w = 0; w < want->count; w++) {
		if (is_new[w] && !claim(r, t, o, &want->items[w])) {
			lacks = true;
			continue;
		}
		want->items[kept++] = want->items[w];
	}
	want->count = kept;
	free(is_new);

	if (lacks != o->waiting) {
		if (lacks)
			TAILQ_INSERT_TAIL(&r->waiting, o, in_waiting);
		else
			TAILQ_REMOVE(&r->waiting, o, in_waiting);
		o->waiting = lacks;
	}
}

/* --- chains -------------------------------------------------------------------------------- */

static const char *name_of(const struct owner *o, const struct chain *c, char *buf)
{
	return chain_name(c->kind, c->family, o->ns, o->name, c->protocol, c->port, buf);
}

static void send_rules(struct transaction *t, const char *name, const char *rules)
{
	for (const char *end; (end = strchr(rules, '\n')) != NULL; rules = end + 1)
		transaction_add_rule(t, name, rules, (size_t)(end - rules));
}

static void linger(struct rules *r, struct owner *o, uint64_t now_ns)
{
	if (o->lingering)
		return;
	o->linger_until_ns = now_ns + CHAIN_LINGERS_NS;
	TAILQ_INSERT_TAIL(&r->lingering, o, in_lingering);
	o->lingering = true;
}

/* @c is not wanted: empty it now, and remember to delete it. */
static void chain_empty(struct rules *r, struct transaction *t, struct owner *o, struct chain *c,
			uint64_t now_ns)
{
	char name[CHAIN_NAME_MAX];

	if (c->gone_ns != 0)
		return;
	transaction_flush_chain(t, name_of(o, c, name));
	c->gone_ns = now_ns;
	*c->rules = '\0'; /* unlike any that it could get again */
	linger(r, o, now_ns);
}

static void chain_make(struct rules *r, struct transaction *t, const char *name, const char *rules)
{
	if (r->inherited != NULL && inherited_take_chain(r->inherited, name))
		transaction_flush_chain(t, name);
	else
		transaction_add_chain(t, name);
	send_rules(t, name, rules);
}

/*
 * Bring the chains to what @want lists. Those that go stay on that list, empty, for a while.
 * What was sent before is left as it is: the kernel may refuse all this.
 */
static void update_chains(struct rules *r, struct transaction *t, struct owner *o,
			  struct chains *want, uint64_t now_ns)
{
	const struct chains *have = &o->sent.chains;
	struct chains both = { 0 };
	size_t h = 0, w = 0;

	while (h < have->count || w < want->count) {
		int diff = h == have->count   ? 1
			   : w == want->count ? -1
					      : chain_cmp(&have->items[h], &want->items[w]);
		char name[CHAIN_NAME_MAX];

		if (diff < 0) {
			struct chain *gone = must(array_push(&both));

			*gone = have->items[h++];
			gone->rules = must(strdup(gone->rules));
			chain_empty(r, t, o, gone, now_ns);
			continue;
		}
		const struct chain *new = &want->items[w++];

		name_of(o, new, name);
		if (diff > 0) {
			chain_make(r, t, name, new->rules);
		} else if (strcmp(have->items[h].rules, new->rules) != 0) {
			transaction_flush_chain(t, name);
			send_rules(t, name, new->rules);
		}
		h += diff == 0;
		*(struct chain *)must(array_push(&both)) = *new;
	}
	array_free(want);
	*want = both;
	array_trim(want);
}

/* Delete the chains that have been empty for long enough. */
static void delete_chains(struct rules *r, struct transaction *t, uint64_t now_ns)
{
	struct owner *o;

	while ((o = TAILQ_FIRST(&r->lingering)) != NULL && o->linger_until_ns <= now_ns) {
		struct chains *chains = &o->sent.chains;
		bool more = false;
		size_t kept = 0;

		TAILQ_REMOVE(&r->lingering, o, in_lingering);
		o->lingering = false;
		for (size_t i = 0; i < chains->count; i++) {
			struct chain *c = &chains->items[i];
			char name[CHAIN_NAME_MAX];

			if (c->gone_ns == 0 || c->gone_ns + CHAIN_LINGERS_NS > now_ns) {
				more |= c->gone_ns != 0;
				chains->items[kept++] = *c;
				continue;
			}
			transaction_delete_chain(t, name_of(o, c, name));
			free(c->rules);
		}
		chains->count = kept;
		if (more)
			linger(r, o, now_ns);
		owner_reap(r, o);
	}
}

/* --- the pass ------------------------------------------------------------------------------ */

/* Have the sets that the rules of @want put clients in. */
static void need_affinity(struct rules *r, struct transaction *t, const struct plan *want)
{
	for (size_t i = 0; i < want->arrivals.count; i++) {
		uint8_t family = want->arrivals.items[i].addr.family;
		unsigned f = family == IP_V6;

		if (!r->affinity[f])
			transaction_add_affinity(t, family,
						 r->recalled[f] != NULL ? r->recalled[f] : "");
		r->affinity[f] = true;
	}
}

/* Tell what changed of @o's health check. What was told holds, whatever the kernel may forget. */
static void update_check(struct rules *r, struct owner *o, const struct plan *want)
{
	struct check was = { .port = o->health_port, .ns = o->ns, .name = o->name };
	struct check is = { .port = want->health_port,
			    .ns = o->ns,
			    .name = o->name,
			    .endpoints = want->health_endpoints };

	if (was.port != 0 && was.port != is.port)
		check_changes_add(&r->checks, &was, true);
	if (is.port != 0 && (was.port != is.port || o->health_endpoints != is.endpoints))
		check_changes_add(&r->checks, &is, false);
	o->health_port = is.port;
	o->health_endpoints = is.endpoints;
}

void rules_recall(struct rules *r, uint8_t family, char *elements)
{
	unsigned f = family == IP_V6;

	free(r->recalled[f]);
	r->recalled[f] = elements;
}

static void update(struct rules *r, struct transaction *t, struct owner *o, uint64_t now_ns)
{
	struct {
		ARRAY_OF(const struct endpoint_slice *);
	} slices = { 0 };
	struct slice *s;
	struct plan want;

	LIST_FOREACH (s, &o->slices, of_owner)
		*(const struct endpoint_slice **)must(array_push(&slices)) = s->object;
	plan_build(&(struct plan_input){ .service = o->service,
					 .slices = slices.items,
					 .slice_count = slices.count,
					 .node = r->node,
					 .self = pods_find(r->pods, r->node),
					 .before = &o->sent.arrivals },
		   &want);
	array_free(&slices);
	need_affinity(r, t, &want);

	update_chains(r, t, o, &want.chains, now_ns);
	update_elements(r, t, o, &want.elements);
	r->services += (unsigned)(want.elements.count > 0) - (o->sent.elements.count > 0);
	r->endpoints += want.endpoints - o->sent.endpoints;
	flows_note(r->coming, NULL, &want);
	if (o->under_way) {
		plan_done(&o->sent);
	} else {
		o->before = o->sent;
		o->under_way = true;
		TAILQ_INSERT_TAIL(&r->under_way, o, in_under_way);
	}
	o->sent = want;
}

/* --- how a transaction ended ----------------------------------------------------------------- */

/* Take @o off the list of those under way. */
static void arrived(struct rules *r, struct owner *o)
{
	TAILQ_REMOVE(&r->under_way, o, in_under_way);
	o->under_way = false;
}

static void set_refused(struct rules *r, struct owner *o, bool refused)
{
	r->refused += (unsigned)refused - o->refused;
	o->refused = refused;
}

void rules_done(struct rules *r)
{
	struct owner *o;

	if (!r->given_out)
		return;
	r->given_out = false;
	if (r->inherited != NULL)
		inherited_commit(r->inherited);
	if (r->frame_under_way)
		r->frame = FRAME_STANDS;
	r->frame_under_way = r->in_pieces = false;
	r->affinity_before[0] = r->affinity[0];
	r->affinity_before[1] = r->affinity[1];
	while ((o = TAILQ_FIRST(&r->under_way)) != NULL) {
		arrived(r, o);
		flows_note(r->flows, &o->before, &o->sent);
		update_check(r, o, &o->sent);
		plan_done(&o->before);
		if (o->refused)
			log_info("proxy", "the kernel takes a Service that it refused",
				 "service=%s/%s", o->ns, o->name);
		set_refused(r, o, false);
		owner_reap(r, o);
	}
	if (r->careful != NOT_CAREFUL)
		r->careful--;
	else
		r->batch_max = r->batch_max < UINT_MAX / 2 ? r->batch_max * 2 : UINT_MAX;
	if (TAILQ_EMPTY(&r->dirty))
		r->fresh = false;
}

/* The kernel is as it was before: so are the books. All that were under way are dirty, in front. */
static void roll_back(struct rules *r)
{
	struct owner *o;

	if (r->inherited != NULL)
		inherited_roll_back(r->inherited);
	r->frame_under_way = false;
	r->affinity[0] = r->affinity_before[0];
	r->affinity[1] = r->affinity_before[1];
	pods_forget(r->pods);
	/* All give back before any takes: an address may have gone from one to another. */
	TAILQ_FOREACH (o, &r->under_way, in_under_way)
		for (size_t i = 0; i < o->sent.elements.count; i++)
			claims_give_back(r->claims, &o->sent.elements.items[i]);
	while ((o = TAILQ_LAST(&r->under_way, owner_list)) != NULL) {
		const void *holder;

		arrived(r, o);
		for (size_t i = 0; i < o->before.elements.count; i++)
			claims_take(r->claims, &o->before.elements.items[i], o, &holder);
		r->services +=
			(unsigned)(o->before.elements.count > 0) - (o->sent.elements.count > 0);
		r->endpoints += o->before.endpoints - o->sent.endpoints;
		plan_done(&o->sent);
		o->sent = o->before;
		o->before = (struct plan){ 0 };
		if (o->dirty)
			TAILQ_REMOVE(&r->dirty, o, in_dirty);
		TAILQ_INSERT_HEAD(&r->dirty, o, in_dirty);
		o->dirty = true;
	}
}

/*
 * Find out whose fault it was. Several Services are tried again in halves. One alone may fail
 * because the kernel has not what it should have; so that is looked up, then the frame sent alone,
 * then the Service alone. If it fails then too, it is the Service.
 */
bool rules_refused(struct rules *r, uint64_t now_ns, const char *error)
{
	struct owner *first = TAILQ_FIRST(&r->under_way), *o;
	bool with_frame = r->frame_under_way;
	unsigned count = 0;

	TAILQ_FOREACH (o, &r->under_way, in_under_way)
		count++;
	r->given_out = false;
	roll_back(r);
	if (r->tidying) {
		log_warn("proxy", "what nobody uses any more cannot be deleted, leaving it",
			 "err=\"%s\"", error);
		r->inherited = inherited_free(r->inherited);
		return true;
	}
	if (count > 1) {
		r->batch_max = count / 2;
		r->in_pieces = true;
		return true;
	}
	if (count == 1 && r->fresh && !with_frame) {
		TAILQ_REMOVE(&r->dirty, first, in_dirty);
		first->dirty = false;
		if (!first->refused)
			log_error("proxy",
				  "the kernel refuses a Service, its rules stay as they were",
				  "service=%s/%s err=\"%s\"", first->ns, first->name, error);
		set_refused(r, first, true);
		r->retry_ns = now_ns + RETRY_REFUSED_NS;
		return true;
	}
	r->must_look = true;
	if (count == 0)
		return false;
	r->careful = FRAME_ALONE;
	return true;
}

/* --- restart --------------------------------------------------------------------------------- */

static void restart(struct rules *r, struct inherited *found)
{
	rules_done(r); /* whatever became of it */
	r->restart = true;
	r->must_look = false;
	inherited_free(r->inherited);
	r->inherited = found;
	r->leftovers_empty = false;
	r->affinity_found[0] = r->affinity_found[1] = false;
}

void rules_restart(struct rules *r)
{
	restart(r, NULL);
	r->frame = FRAME_ANEW;
	r->in_pieces = false;
}

void rules_restart_on_nothing(struct rules *r)
{
	rules_restart(r);
	r->in_pieces = true;
}

void rules_take_over(struct rules *r, struct inherited *found, const bool affinity[2])
{
	restart(r, found);
	r->frame = FRAME_RENEW;
	r->in_pieces = true;
	r->affinity_found[0] = affinity[0];
	r->affinity_found[1] = affinity[1];
}

/* Forget what was sent; every Service is dirty. */
static void forget(struct rules *r)
{
	struct owner *o, *after;

	claims_forget(r->claims);
	while ((o = TAILQ_FIRST(&r->lingering)) != NULL) {
		TAILQ_REMOVE(&r->lingering, o, in_lingering);
		o->lingering = false;
	}
	while ((o = TAILQ_FIRST(&r->waiting)) != NULL) {
		TAILQ_REMOVE(&r->waiting, o, in_waiting);
		o->waiting = false;
	}
	RB_FOREACH_SAFE (o, owners, &r->owners, after) {
		plan_done(&o->sent);
		mark_dirty(r, o);
	}
	r->services = r->endpoints = 0;
	for (unsigned f = 0; f < 2; f++)
		r->affinity[f] = r->affinity_before[f] = r->affinity_found[f];
	pods_forget(r->pods);
}

/* --- leftovers ------------------------------------------------------------------------------- */

struct leftovers {
	struct rules *rules;
	struct transaction *to;
	uint64_t now_ns;
	bool any;
};

/* Is @chain, of a way in, one of a Service that the kernel refuses? What that had stays. */
static bool is_refused(struct rules *r, const char *chain)
{
	char text[CHAIN_NAME_MAX], *rest = text, *ns, *name;

	snprintf(text, sizeof(text), "%s", chain);
	strsep(&rest, "/");
	ns = strsep(&rest, "/");
	name = strsep(&rest, "/");
	const struct owner *o = ns != NULL && name != NULL ? owner_find(r, ns, name) : NULL;

	return o != NULL && o->refused;
}

static bool is_of_a_service(const char *chain)
{
	return strchr(chain, '/') != NULL;
}

static void drop_element(void *arg, const struct element *e, const char *chain)
{
	struct leftovers *l = arg;
	struct rules *r = l->rules;

	if (r->refused > 0 && (chain == NULL || is_refused(r, chain)))
		return;
	inherited_take_element(r->inherited, e, "");
	transaction_delete_element(l->to, e);
	if (element_is_exclusive(e) && e->protocol == L4_UDP)
		flows_note_gone(r->flows, e);
	l->any = true;
}

static void empty_chain(void *arg, const char *name)
{
	struct leftovers *l = arg;

	if (!is_of_a_service(name) || is_refused(l->rules, name))
		return;
	transaction_flush_chain(l->to, name);
	l->any = true;
}

static void drop_chain(void *arg, const char *name)
{
	struct leftovers *l = arg;

	if (!is_of_a_service(name) || is_refused(l->rules, name))
		return;
	inherited_take_chain(l->rules->inherited, name);
	transaction_delete_chain(l->to, name);
	l->any = true;
}

/* What a predecessor had and nobody wants goes, once everybody has what they want. */
static void remove_leftovers(struct rules *r, struct transaction *t, uint64_t now_ns)
{
	struct leftovers l = { .rules = r, .to = t, .now_ns = now_ns };

	if (r->inherited == NULL)
		return;
	if (!r->leftovers_empty) {
		inherited_elements(r->inherited, &l, drop_element);
		inherited_chains(r->inherited, &l, empty_chain);
		r->leftovers_empty = true;
		r->leftovers_due_ns = now_ns + CHAIN_LINGERS_NS;
	} else if (r->leftovers_due_ns <= now_ns) {
		inherited_chains(r->inherited, &l, drop_chain);
		if (r->refused == 0)
			r->inherited = inherited_free(r->inherited);
		else
			r->leftovers_due_ns = now_ns + RETRY_REFUSED_NS;
	}
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
	r->frame_under_way = true;
}

/* How many Services the transaction that is begun may have. */
static unsigned batch_limit(const struct rules *r)
{
	if (r->careful == FRAME_ALONE)
		return 0;
	return r->careful == ONE_ALONE ? 1 : r->batch_max;
}

static void retry_refused(struct rules *r, uint64_t now_ns)
{
	struct owner *o;

	if (r->refused == 0 || now_ns < r->retry_ns)
		return;
	r->retry_ns = now_ns + RETRY_REFUSED_NS;
	RB_FOREACH (o, owners, &r->owners)
		if (o->refused)
			mark_dirty(r, o);
}

/* One transaction, or NULL where what there was to see to needed none; there may be more then. */
static char *pass(struct rules *r, uint64_t now_ns)
{
	struct transaction t = { 0 };
	struct owner *o;
	unsigned count = 0;

	rules_done(r);
	flows_forget(r->coming);
	if (r->restart) {
		forget(r);
		r->restart = false;
		r->fresh = true;
	}
	retry_refused(r, now_ns);
	bool whole = r->frame == FRAME_ANEW && !r->in_pieces;
	unsigned limit = whole ? UINT_MAX : batch_limit(r);

	write_frame(r, &t);
	pods_pass(r->pods, &t);
	while ((o = TAILQ_FIRST(&r->dirty)) != NULL && count++ < limit &&
	       (whole || transaction_size(&t) < TRANSACTION_MAX)) {
		TAILQ_REMOVE(&r->dirty, o, in_dirty);
		o->dirty = false;
		update(r, &t, o, now_ns);
	}
	r->given_out = true;
	r->tidying = TAILQ_EMPTY(&r->dirty) && TAILQ_EMPTY(&r->under_way) && !r->frame_under_way;
	if (r->tidying) {
		delete_chains(r, &t, now_ns);
		remove_leftovers(r, &t, now_ns);
	}
	rules_recall(r, IP_V4, NULL); /* it is old from now on */
	rules_recall(r, IP_V6, NULL);
	return transaction_finish(&t);
}

char *rules_pass(struct rules *r, uint64_t now_ns)
{
	char *json;

	do {
		json = pass(r, now_ns);
	} while (json == NULL &&
		 (!TAILQ_EMPTY(&r->dirty) || (r->inherited != NULL && !r->leftovers_empty)));
	return json;
}

bool rules_must_look(const struct rules *r)
{
	return r->must_look;
}

bool rules_settled(const struct rules *r)
{
	return !r->restart && r->frame == FRAME_STANDS && TAILQ_EMPTY(&r->dirty) &&
	       (r->inherited == NULL || r->leftovers_empty);
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
	return r->coming;
}

struct check_changes *rules_checks(struct rules *r)
{
	return &r->checks;
}

uint64_t rules_wake_ns(const struct rules *r)
{
	const struct owner *o = TAILQ_FIRST(&r->lingering);
	uint64_t due = o == NULL ? UINT64_MAX : o->linger_until_ns;

	if (!TAILQ_EMPTY(&r->dirty))
		return 0;
	if (r->inherited != NULL && !r->leftovers_empty)
		return 0;
	if (r->inherited != NULL && r->leftovers_due_ns < due)
		due = r->leftovers_due_ns;
	if (r->refused > 0 && r->retry_ns < due)
		due = r->retry_ns;
	return due;
}

unsigned rules_services(const struct rules *r)
{
	return r->services;
}

unsigned rules_endpoints(const struct rules *r)
{
	return r->endpoints;
}

struct rules *rules_new(const char *node)
{
	struct rules *r = must(calloc(1, sizeof(*r)));

	r->node = intern(node);
	r->claims = claims_new();
	r->pods = pods_new();
	r->flows = flows_new();
	r->coming = flows_new();
	TAILQ_INIT(&r->dirty);
	TAILQ_INIT(&r->waiting);
	TAILQ_INIT(&r->lingering);
	TAILQ_INIT(&r->under_way);
	r->batch_max = UINT_MAX;
	r->restart = r->must_look = true;
	r->frame = FRAME_ANEW;
	return r;
}

struct rules *rules_free(struct rules *r)
{
	struct slice *s, *next_slice;
	struct owner *o, *next_owner;

	if (r == NULL)
		return NULL;
	RB_FOREACH_SAFE (s, slices, &r->slices, next_slice)
		slice_free(r, s);
	RB_FOREACH_SAFE (o, owners, &r->owners, next_owner)
		owner_free(r, o);
	claims_free(r->claims);
	pods_free(r->pods);
	free(r->recalled[0]);
	free(r->recalled[1]);
	flows_free(r->flows);
	flows_free(r->coming);
	inherited_free(r->inherited);
	check_changes_done(&r->checks);
	intern_unref(r->node);
	free(r);
	return NULL;
}
