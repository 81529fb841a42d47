// SPDX-License-Identifier: Apache-2.0
#include "standalone/proxy/rules.h"

#include <errno.h>
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
	struct plan sent; /* what is in the kernel, chains that linger included */

	TAILQ_ENTRY(owner) in_dirty, in_waiting, in_lingering;
	bool dirty, waiting, lingering; /* which of the lists it is on */
	uint16_t health_port;           /* as told last; 0: none */
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
	struct flows *flows; /* to look at once the kernel has what was given out */
	struct check_changes checks;

	struct owner_list dirty;     /* their plans may have changed */
	struct owner_list waiting;   /* they want an element that another has */
	struct owner_list lingering; /* they have empty chains to delete, the first due first */
	bool restart;
	bool affinity[2];  /* the sets of session affinity are there; [0]: IPv4 */
	char *recalled[2]; /* elements for them; NULL: none */
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
	    o->sent.elements.count == 0 && !o->dirty)
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
		transaction_add_element(t, e, chain);
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

/* Bring the chains to what @want lists. Those that go stay on that list, empty, for a while. */
static void update_chains(struct rules *r, struct transaction *t, struct owner *o,
			  struct chains *want, uint64_t now_ns)
{
	struct chains *have = &o->sent.chains;
	struct chains both = { 0 };
	size_t h = 0, w = 0;

	while (h < have->count || w < want->count) {
		int diff = h == have->count   ? 1
			   : w == want->count ? -1
					      : chain_cmp(&have->items[h], &want->items[w]);
		char name[CHAIN_NAME_MAX];

		if (diff < 0) {
			chain_empty(r, t, o, &have->items[h], now_ns);
			*(struct chain *)must(array_push(&both)) = have->items[h++];
			continue;
		}
		const struct chain *new = &want->items[w++];

		name_of(o, new, name);
		if (diff > 0) {
			transaction_add_chain(t, name);
			send_rules(t, name, new->rules);
		} else {
			char *old_rules = have->items[h++].rules;

			if (strcmp(old_rules, new->rules) != 0) {
				transaction_flush_chain(t, name);
				send_rules(t, name, new->rules);
			}
			free(old_rules);
		}
		*(struct chain *)must(array_push(&both)) = *new;
	}
	array_free(have);
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
	flows_note(r->flows, &o->sent, &want);
	update_check(r, o, &want);
	plan_done(&o->sent);
	o->sent = want;
}

void rules_restart(struct rules *r)
{
	r->restart = true;
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
	r->affinity[0] = r->affinity[1] = false;
	pods_forget(r->pods);
}

char *rules_pass(struct rules *r, uint64_t now_ns)
{
	struct transaction t = { 0 };
	struct owner *o;

	if (r->restart) {
		forget(r);
		transaction_begin_anew(&t);
		r->restart = false;
	}
	pods_pass(r->pods, &t);
	while ((o = TAILQ_FIRST(&r->dirty)) != NULL) {
		TAILQ_REMOVE(&r->dirty, o, in_dirty);
		o->dirty = false;
		update(r, &t, o, now_ns);
		owner_reap(r, o);
	}
	delete_chains(r, &t, now_ns);
	rules_recall(r, IP_V4, NULL); /* it is old from now on */
	rules_recall(r, IP_V6, NULL);
	return transaction_finish(&t);
}

struct flows *rules_flows(struct rules *r)
{
	return r->flows;
}

struct check_changes *rules_checks(struct rules *r)
{
	return &r->checks;
}

uint64_t rules_wake_ns(const struct rules *r)
{
	const struct owner *o = TAILQ_FIRST(&r->lingering);

	return o == NULL ? UINT64_MAX : o->linger_until_ns;
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
	TAILQ_INIT(&r->dirty);
	TAILQ_INIT(&r->waiting);
	TAILQ_INIT(&r->lingering);
	r->restart = true;
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
	check_changes_done(&r->checks);
	intern_unref(r->node);
	free(r);
	return NULL;
}
