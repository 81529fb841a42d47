// SPDX-License-Identifier: Apache-2.0
#include "standalone/proxy/applied.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/duration.h"
#include "lib/base/log.h"
#include "lib/base/must.h"

/* --- elements ------------------------------------------------------------------------------ */

/* Have the kernel have @e, which may be there already. */
static void enter(struct applied *a, struct transaction *t, struct owner *o,
		  const struct element *e)
{
	char chain[CHAIN_NAME_MAX];
	enum inherited_element there = INHERITED_NONE;

	if (!entries_take(a->entries, e, o))
		return;
	chain_name(e->target, e->family, o->ns, o->name, e->protocol, e->chain_port, chain);
	if (a->inherited != NULL)
		there = inherited_take_element(a->inherited, e, chain);
	if (there == INHERITED_SAME)
		return;
	if (there == INHERITED_OTHER)
		transaction_delete_element(t, e);
	transaction_add_element(t, e, chain);
}

/* @o has no need of @e any more. If that is what another waits for, it is next. */
static void release(struct applied *a, struct transaction *t, const struct owner *o,
		    const struct element *e)
{
	if (!entries_give_back(a->entries, e))
		return;
	transaction_delete_element(t, e);
	struct owner *heir = element_is_exclusive(e) ? claims_winner(a->owners->claims, e) : NULL;

	if (heir != NULL && heir != o)
		owner_mark_first(a->owners, heir);
}

static void tell_waiting(const struct owner *o, const struct owner *for_whom,
			 const struct element *e)
{
	if (!o->waiting)
		log_warn("proxy", "already taken, waiting for it", "service=%s/%s by=%s/%s port=%u",
			 o->ns, o->name, for_whom->ns, for_whom->name, e->port);
}

/*
 * May @o enter @e now? It may not while another has the better claim, nor before one that lost it,
 * and is dirty since, has let go of it; which it never does if the kernel refuses that.
 */
static bool may_enter(struct applied *a, struct owner *o, const struct element *e)
{
	if (!element_is_exclusive(e))
		return true;
	const struct owner *winner = claims_winner(a->owners->claims, e);
	struct owner *holder = entries_holder(a->entries, e);

	assert(winner != NULL); /* @o claims it, for one */
	if (winner != o) {
		tell_waiting(o, winner, e);
		return false;
	}
	if (holder == NULL || holder == o)
		return true;
	if (holder->refused)
		tell_waiting(o, holder, e);
	return false;
}

static bool element_same(const struct element *a, const struct element *b)
{
	return a->target == b->target && a->chain_port == b->chain_port;
}

/* Release the elements that @o has and @want does not list, then enter those that are new. */
static void update_elements(struct applied *a, struct transaction *t, struct owner *o,
			    struct elements *want)
{
	const struct elements *have = &o->sent.elements;
	size_t h = 0, w = 0, kept = 0;

	for (w = 0; w < want->count; w++)
		if (may_enter(a, o, &want->items[w]))
			want->items[kept++] = want->items[w];
	o->waiting = kept < want->count;
	want->count = kept;

	bool *is_new = must(calloc(want->count + 1, sizeof(*is_new)));
	for (w = 0; h < have->count || w < want->count;) {
		int diff = h == have->count   ? 1
			   : w == want->count ? -1
					      : element_cmp(&have->items[h], &want->items[w]);

		if (diff < 0 || (diff == 0 && !element_same(&have->items[h], &want->items[w]))) {
			release(a, t, o, &have->items[h]);
			is_new[w] = diff == 0;
		} else if (diff > 0) {
			is_new[w] = true;
		}
		h += diff <= 0;
		w += diff >= 0;
	}
	for (w = 0; w < want->count; w++)
		if (is_new[w])
			enter(a, t, o, &want->items[w]);
	free(is_new);
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

static void chain_make(struct applied *a, struct transaction *t, const char *name,
		       const char *rules)
{
	if (a->inherited != NULL && inherited_take_chain(a->inherited, name))
		transaction_flush_chain(t, name);
	else
		transaction_add_chain(t, name);
	send_rules(t, name, rules);
}

static void linger(struct applied *a, struct owner *o, uint64_t now_ns)
{
	if (o->lingering)
		return;
	o->linger_until_ns = now_ns + CHAIN_LINGERS_NS;
	TAILQ_INSERT_TAIL(&a->lingering, o, in_lingering);
	o->lingering = true;
}

static void part_lingering(struct applied *a, struct owner *o)
{
	TAILQ_REMOVE(&a->lingering, o, in_lingering);
	o->lingering = false;
}

/*
 * @c is not wanted: empty it now and note it in @kept, to be deleted later; or delete it. What was
 * sent before is left as it is: the kernel may refuse all this.
 */
static void chain_go(struct applied *a, struct transaction *t, struct owner *o,
		     const struct chain *c, struct chains *kept, uint64_t now_ns)
{
	char name[CHAIN_NAME_MAX];

	name_of(o, c, name);
	if (c->gone_ns != 0 && c->gone_ns + CHAIN_LINGERS_NS <= now_ns) {
		transaction_delete_chain(t, name);
		o->deletes = true;
		return;
	}
	struct chain *empty = must(array_push(kept));

	*empty = *c;
	empty->rules = must(strdup("")); /* unlike any that it could get again */
	if (c->gone_ns == 0) {
		transaction_flush_chain(t, name);
		empty->gone_ns = now_ns;
	}
	linger(a, o, now_ns);
}

/* Bring the chains to what @want lists. Those that go stay on that list, empty, for a while. */
static void update_chains(struct applied *a, struct transaction *t, struct owner *o,
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
			chain_go(a, t, o, &have->items[h++], &both, now_ns);
			continue;
		}
		const struct chain *new = &want->items[w++];

		name_of(o, new, name);
		if (diff > 0) {
			chain_make(a, t, name, new->rules);
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

void applied_wake(struct applied *a, uint64_t now_ns)
{
	struct owner *o;

	while ((o = TAILQ_FIRST(&a->lingering)) != NULL && o->linger_until_ns <= now_ns) {
		part_lingering(a, o);
		owner_mark(a->owners, o);
	}
}

uint64_t applied_wake_ns(const struct applied *a)
{
	const struct owner *o = TAILQ_FIRST(&a->lingering);

	return o == NULL ? UINT64_MAX : o->linger_until_ns;
}

void applied_spare_chains(struct owner *o, uint64_t until_ns)
{
	for (size_t i = 0; i < o->sent.chains.count; i++)
		if (o->sent.chains.items[i].gone_ns != 0)
			o->sent.chains.items[i].gone_ns = until_ns - CHAIN_LINGERS_NS;
}

/* --- one Service --------------------------------------------------------------------------- */

void applied_recall(struct applied *a, uint8_t family, char *elements)
{
	unsigned f = family == IP_V6;

	free(a->recalled[f]);
	a->recalled[f] = elements;
}

bool applied_recalls(const struct applied *a)
{
	for (unsigned f = 0; f < 2; f++)
		if (a->affinity[f] && !a->affinity_before[f] && a->recalled[f] != NULL)
			return true;
	return false;
}

/* Have the sets that the rules of @want put clients in. */
static void need_affinity(struct applied *a, struct transaction *t, const struct plan *want)
{
	for (size_t i = 0; i < want->arrivals.count; i++) {
		uint8_t family = want->arrivals.items[i].addr.family;
		unsigned f = family == IP_V6;

		if (!a->affinity[f])
			transaction_add_affinity(t, family,
						 a->recalled[f] != NULL ? a->recalled[f] : "");
		a->affinity[f] = true;
	}
}

static void plan(const struct applied *a, const struct owner *o, struct plan *ret)
{
	struct {
		ARRAY_OF(const struct endpoint_slice *);
	} slices = { 0 };
	const struct slice *s;

	LIST_FOREACH (s, &o->slices, of_owner)
		*(const struct endpoint_slice **)must(array_push(&slices)) = s->object;
	plan_build(&(struct plan_input){ .service = o->service,
					 .slices = slices.items,
					 .slice_count = slices.count,
					 .node = a->node,
					 .self = pods_find(a->pods, a->node),
					 .before = &o->sent.arrivals },
		   ret);
	array_free(&slices);
}

void applied_update(struct applied *a, struct transaction *t, struct owner *o, uint64_t now_ns)
{
	static const struct plan nothing;
	struct plan want;

	if (!o->under_way)
		o->deletes = false;
	plan(a, o, &want);
	need_affinity(a, t, &want);
	update_chains(a, t, o, &want.chains, now_ns);
	update_elements(a, t, o, &want.elements);
	flows_note_gains(a->coming, &nothing, &want);
	if (o->under_way) {
		plan_done(&o->sent);
	} else {
		o->before = o->sent;
		o->under_way = true;
		o->under_way_since_ns = o->dirty_since_ns;
		TAILQ_INSERT_TAIL(&a->under_way, o, in_under_way);
	}
	o->sent = want;
}

/* --- how a transaction ended ----------------------------------------------------------------- */

/* Take @o off the list of those under way. */
static void arrived(struct applied *a, struct owner *o)
{
	TAILQ_REMOVE(&a->under_way, o, in_under_way);
	o->under_way = false;
}

/* Tell what changed of @o's health check. What was told holds, whatever the kernel may forget. */
static void tell_check(struct check_changes *checks, struct owner *o)
{
	struct check was = { .port = o->health_port, .ns = o->ns, .name = o->name };
	struct check is = { .port = o->sent.health_port,
			    .ns = o->ns,
			    .name = o->name,
			    .endpoints = o->sent.health_endpoints };

	if (was.port != 0 && was.port != is.port)
		check_changes_add(checks, &was, true);
	if (is.port != 0 && (was.port != is.port || o->health_endpoints != is.endpoints))
		check_changes_add(checks, &is, false);
	o->health_port = is.port;
	o->health_endpoints = is.endpoints;
}

void applied_commit(struct applied *a, struct flows *flows, struct check_changes *checks, void *arg,
		    void (*each)(void *arg, struct owner *o))
{
	struct owner *o;

	if (a->inherited != NULL)
		inherited_commit(a->inherited);
	a->affinity_before[0] = a->affinity[0];
	a->affinity_before[1] = a->affinity[1];
	TAILQ_FOREACH (o, &a->under_way, in_under_way)
		flows_note_losses(flows, &o->before, &o->sent);
	while ((o = TAILQ_FIRST(&a->under_way)) != NULL) {
		arrived(a, o);
		flows_note_gains(flows, &o->before, &o->sent);
		tell_check(checks, o);
		plan_done(&o->before);
		each(arg, o);
	}
}

void applied_roll_back(struct applied *a)
{
	struct owner *o;

	if (a->inherited != NULL)
		inherited_roll_back(a->inherited);
	a->affinity[0] = a->affinity_before[0];
	a->affinity[1] = a->affinity_before[1];
	/* All give back before any takes: an address may have gone from one to another. */
	TAILQ_FOREACH (o, &a->under_way, in_under_way)
		for (size_t i = 0; i < o->sent.elements.count; i++)
			entries_give_back(a->entries, &o->sent.elements.items[i]);
	while ((o = TAILQ_LAST(&a->under_way, owner_list)) != NULL) {
		arrived(a, o);
		for (size_t i = 0; i < o->before.elements.count; i++)
			entries_take(a->entries, &o->before.elements.items[i], o);
		plan_done(&o->sent);
		o->sent = o->before;
		o->before = (struct plan){ 0 };
		owner_mark_first(a->owners, o);
		o->dirty_since_ns = o->under_way_since_ns;
	}
}

/* --- life ------------------------------------------------------------------------------------ */

void applied_forget(struct applied *a, struct inherited *found, const bool affinity[2])
{
	struct owner *o, *next;

	entries_forget(a->entries);
	while ((o = TAILQ_FIRST(&a->lingering)) != NULL)
		part_lingering(a, o);
	OWNERS_FOREACH(o, a->owners, next)
	{
		plan_done(&o->sent);
		o->waiting = false;
	}
	inherited_free(a->inherited);
	a->inherited = found;
	for (unsigned f = 0; f < 2; f++)
		a->affinity[f] = a->affinity_before[f] = affinity[f];
}

void applied_init(struct applied *a, struct owners *owners, struct pods *pods, const char *node)
{
	*a = (struct applied){ .owners = owners,
			       .pods = pods,
			       .node = node,
			       .entries = entries_new(),
			       .coming = flows_new() };
	TAILQ_INIT(&a->under_way);
	TAILQ_INIT(&a->lingering);
}

void applied_done(struct applied *a)
{
	struct owner *o;

	while ((o = TAILQ_FIRST(&a->under_way)) != NULL) {
		arrived(a, o);
		plan_done(&o->before);
	}
	applied_forget(a, NULL, (const bool[2]){ false, false });
	entries_free(a->entries);
	flows_free(a->coming);
	free(a->recalled[0]);
	free(a->recalled[1]);
}
