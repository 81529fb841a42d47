// SPDX-License-Identifier: Apache-2.0
#include "standalone/proxy/inherited.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "lib/base/must.h"
#include "lib/base/tree.h"

enum state { THERE, EMPTY, TAKEN };

struct thing {
	STAILQ_ENTRY(thing) in_changed;
	enum state state;
	enum state before; /* at the last commit */
	bool changed;      /* since then */
};

struct kept_chain {
	struct thing thing; /* first: a chain is a thing */
	RB_ENTRY(kept_chain) by_name;
	const char *name; /* in the same block */
};
RB_HEAD(kept_chains, kept_chain);

struct kept_element {
	struct thing thing; /* first */
	RB_ENTRY(kept_element) by_key;
	struct element key;
	const struct kept_chain *chain; /* NULL: of a set, or to a chain that is not known */
};
RB_HEAD(kept_elements, kept_element);

/* Nothing leaves the trees before all of it goes: elements point to chains. */
struct inherited {
	struct kept_chains chains;
	struct kept_elements elements;
	STAILQ_HEAD(, thing) changed; /* since the last commit */
};

static int chain_by_name(const struct kept_chain *a, const struct kept_chain *b)
{
	return strcmp(a->name, b->name);
}

static int element_by_key(const struct kept_element *a, const struct kept_element *b)
{
	return element_cmp(&a->key, &b->key);
}

TREE_GENERATE(kept_chains, kept_chain, by_name, chain_by_name)
TREE_GENERATE(kept_elements, kept_element, by_key, element_by_key)

static struct kept_chain *chain_find(struct inherited *i, const char *name)
{
	struct kept_chain key = { .name = name };

	return RB_FIND(kept_chains, &i->chains, &key);
}

void inherited_add_chain(struct inherited *i, const char *name)
{
	size_t size = strlen(name) + 1;
	struct kept_chain *c = must(calloc(1, sizeof(*c) + size));

	c->name = memcpy(c + 1, name, size);
	if (RB_INSERT(kept_chains, &i->chains, c) != NULL)
		free(c);
}

void inherited_add_element(struct inherited *i, const struct element *e, const char *chain)
{
	struct kept_element *k = must(calloc(1, sizeof(*k)));

	k->key = *e;
	k->chain = chain != NULL ? chain_find(i, chain) : NULL;
	if (RB_INSERT(kept_elements, &i->elements, k) != NULL)
		free(k);
}

static void set_state(struct inherited *i, struct thing *t, enum state state)
{
	if (!t->changed) {
		STAILQ_INSERT_TAIL(&i->changed, t, in_changed);
		t->changed = true;
		t->before = t->state;
	}
	t->state = state;
}

static bool take(struct inherited *i, struct thing *t)
{
	if (t->state == TAKEN)
		return false;
	set_state(i, t, TAKEN);
	return true;
}

bool inherited_take_chain(struct inherited *i, const char *name)
{
	struct kept_chain *c = chain_find(i, name);

	return c != NULL && take(i, &c->thing);
}

void inherited_empty_chain(struct inherited *i, const char *name)
{
	set_state(i, &chain_find(i, name)->thing, EMPTY);
}

enum inherited_element inherited_take_element(struct inherited *i, const struct element *e,
					      const char *chain)
{
	struct kept_element key = { .key = *e };
	struct kept_element *k = RB_FIND(kept_elements, &i->elements, &key);

	if (k == NULL || !take(i, &k->thing))
		return INHERITED_NONE;
	if (!element_is_exclusive(e))
		return INHERITED_SAME;
	return k->chain != NULL && strcmp(k->chain->name, chain) == 0 ? INHERITED_SAME
								      : INHERITED_OTHER;
}

void inherited_commit(struct inherited *i)
{
	struct thing *t;

	STAILQ_FOREACH(t, &i->changed, in_changed)
	t->changed = false;
	STAILQ_INIT(&i->changed);
}

void inherited_roll_back(struct inherited *i)
{
	struct thing *t;

	STAILQ_FOREACH(t, &i->changed, in_changed)
	t->state = t->before;
	inherited_commit(i);
}

void inherited_elements(struct inherited *i, void *arg,
			void (*each)(void *arg, const struct element *e, const char *chain))
{
	struct kept_element *k;

	RB_FOREACH (k, kept_elements, &i->elements)
		if (k->thing.state != TAKEN)
			each(arg, &k->key, k->chain != NULL ? k->chain->name : NULL);
}

void inherited_chains(struct inherited *i, void *arg,
		      void (*each)(void *arg, const char *name, bool empty))
{
	struct kept_chain *c;

	RB_FOREACH (c, kept_chains, &i->chains)
		if (c->thing.state != TAKEN)
			each(arg, c->name, c->thing.state == EMPTY);
}

struct inherited *inherited_new(void)
{
	struct inherited *i = must(calloc(1, sizeof(*i)));

	STAILQ_INIT(&i->changed);
	return i;
}

struct inherited *inherited_free(struct inherited *i)
{
	struct kept_element *k, *next_element;
	struct kept_chain *c, *next_chain;

	if (i == NULL)
		return NULL;
	RB_FOREACH_SAFE (k, kept_elements, &i->elements, next_element) {
		RB_REMOVE(kept_elements, &i->elements, k);
		free(k);
	}
	RB_FOREACH_SAFE (c, kept_chains, &i->chains, next_chain) {
		RB_REMOVE(kept_chains, &i->chains, c);
		free(c);
	}
	free(i);
	return NULL;
}
