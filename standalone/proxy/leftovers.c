// SPDX-License-Identifier: Apache-2.0
#include "standalone/proxy/leftovers.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/duration.h"

struct sweep {
	struct leftovers *of;
	struct transaction *to;
	unsigned refusals;
	bool more; /* than may be in one transaction */
};

/* Is @chain, of a way in, one of a Service that the kernel refuses? */
static bool is_refused(struct owners *owners, const char *chain)
{
	char text[CHAIN_NAME_MAX], *rest = text, *ns, *name;

	snprintf(text, sizeof(text), "%s", chain);
	strsep(&rest, "/");
	ns = strsep(&rest, "/");
	name = strsep(&rest, "/");
	const struct owner *o = ns != NULL && name != NULL ? owners_find(owners, ns, name) : NULL;

	return o != NULL && o->refused;
}

static bool is_of_a_service(const char *chain)
{
	return strchr(chain, '/') != NULL;
}

static bool is_spared(const struct sweep *s, const char *chain)
{
	return s->refusals > 0 && (chain == NULL || is_refused(s->of->applied->owners, chain));
}

/* Is there room for one more, called @name? */
static bool begin(struct sweep *s, const char *name)
{
	struct leftovers *l = s->of;

	if (l->under_way >= l->batch_max) {
		s->more = true;
		return false;
	}
	l->under_way++;
	snprintf(l->last, sizeof(l->last), "%s", name);
	return true;
}

static void drop_element(void *arg, const struct element *e, const char *chain)
{
	struct sweep *s = arg;
	char set[SET_NAME_MAX];

	if (is_spared(s, chain) ||
	    !begin(s, chain != NULL ? chain : transaction_set_name(e->set, e->family, set)))
		return;
	inherited_take_element(s->of->applied->inherited, e, "");
	transaction_delete_element(s->to, e);
	if (element_is_exclusive(e) && e->protocol == L4_UDP)
		flows_note_gone(s->of->gone, e);
}

static void empty_chain(void *arg, const char *name, bool empty)
{
	struct sweep *s = arg;

	if (empty || !is_of_a_service(name) || is_spared(s, name) || !begin(s, name))
		return;
	inherited_empty_chain(s->of->applied->inherited, name);
	transaction_flush_chain(s->to, name);
}

static void drop_chain(void *arg, const char *name, bool empty)
{
	struct sweep *s = arg;

	if (!empty || !begin(s, name))
		return;
	inherited_take_chain(s->of->applied->inherited, name);
	transaction_delete_chain(s->to, name);
}

void leftovers_pass(struct leftovers *l, struct transaction *t, uint64_t now_ns, unsigned refusals)
{
	struct sweep s = { .of = l, .to = t, .refusals = refusals };
	struct inherited *there = l->applied->inherited;

	if (there == NULL)
		return;
	if (!l->cleared) {
		inherited_elements(there, &s, drop_element);
		inherited_chains(there, &s, empty_chain);
		l->cleared = !s.more;
		l->due_ns = now_ns + CHAIN_LINGERS_NS;
	} else if (l->due_ns <= now_ns) {
		inherited_chains(there, &s, drop_chain);
		if (!s.more)
			l->due_ns = UINT64_MAX;
	}
}

static void settle(struct leftovers *l)
{
	l->cleared_before = l->cleared;
	l->due_before_ns = l->due_ns;
	l->under_way = 0;
}

void leftovers_commit(struct leftovers *l, struct flows *flows, unsigned refusals)
{
	if (l->under_way > 0)
		l->batch_max = l->batch_max < UINT_MAX / 2 ? l->batch_max * 2 : UINT_MAX;
	settle(l);
	flows_merge(flows, l->gone);
	if (l->applied->inherited == NULL || !l->cleared || l->due_ns != UINT64_MAX || refusals > 0)
		return;
	l->applied->inherited = inherited_free(l->applied->inherited);
	l->apart = l->doubted = false;
}

void leftovers_roll_back(struct leftovers *l)
{
	l->cleared = l->cleared_before;
	l->due_ns = l->due_before_ns;
	l->under_way = 0;
	flows_forget(l->gone);
}

enum leftovers_verdict leftovers_refused(struct leftovers *l)
{
	if (!l->doubted) {
		l->doubted = true;
		return LEFTOVERS_LOOK;
	}
	if (l->under_way <= 1)
		return LEFTOVERS_LEAVE;
	l->batch_max = l->under_way / 2;
	return LEFTOVERS_HALVE;
}

void leftovers_begin(struct leftovers *l)
{
	l->cleared = false;
	l->due_ns = UINT64_MAX;
	settle(l);
}

void leftovers_reconsider(struct leftovers *l)
{
	l->cleared = l->cleared_before = false;
}

uint64_t leftovers_wake_ns(const struct leftovers *l)
{
	if (l->applied->inherited == NULL)
		return UINT64_MAX;
	return l->cleared ? l->due_ns : 0;
}

bool leftovers_cleared(const struct leftovers *l)
{
	return l->applied->inherited == NULL || l->cleared;
}

void leftovers_init(struct leftovers *l, struct applied *applied)
{
	*l = (struct leftovers){ .applied = applied,
				 .batch_max = UINT_MAX,
				 .due_ns = UINT64_MAX,
				 .due_before_ns = UINT64_MAX,
				 .gone = flows_new() };
}

void leftovers_done(struct leftovers *l)
{
	l->gone = flows_free(l->gone);
}
