// SPDX-License-Identifier: Apache-2.0
#include "standalone/proxy/entries.h"

#include <assert.h>
#include <stdlib.h>

#include "lib/base/must.h"
#include "lib/base/tree.h"

struct entry {
	RB_ENTRY(entry) by_key;
	struct element key;
	void *holder; /* of exclusive ones; else NULL */
	unsigned users;
};
RB_HEAD(entry_tree, entry);

struct entries {
	struct entry_tree tree;
};

static int entry_cmp(const struct entry *a, const struct entry *b)
{
	return element_cmp(&a->key, &b->key);
}

TREE_GENERATE(entry_tree, entry, by_key, entry_cmp)

static struct entry *find(const struct entries *all, const struct element *e)
{
	struct entry key = { .key = *e };

	/* The tree's macros write to no node when they search. */
	return RB_FIND(entry_tree, (struct entry_tree *)(uintptr_t)&all->tree, &key);
}

void *entries_holder(const struct entries *all, const struct element *e)
{
	const struct entry *there = find(all, e);

	return there == NULL ? NULL : there->holder;
}

bool entries_take(struct entries *all, const struct element *e, void *who)
{
	struct entry *there = find(all, e);

	if (there != NULL) {
		assert(there->holder == NULL);
		there->users++;
		return false;
	}
	there = must(calloc(1, sizeof(*there)));
	*there = (struct entry){ .key = *e,
				 .holder = element_is_exclusive(e) ? who : NULL,
				 .users = 1 };
	RB_INSERT(entry_tree, &all->tree, there);
	return true;
}

static void drop(struct entries *all, struct entry *there)
{
	RB_REMOVE(entry_tree, &all->tree, there);
	free(there);
}

bool entries_give_back(struct entries *all, const struct element *e)
{
	struct entry *there = find(all, e);

	assert(there != NULL);
	if (--there->users > 0)
		return false;
	drop(all, there);
	return true;
}

void entries_forget(struct entries *all)
{
	struct entry *there, *next;

	RB_FOREACH_SAFE (there, entry_tree, &all->tree, next)
		drop(all, there);
}

struct entries *entries_new(void)
{
	return must(calloc(1, sizeof(struct entries)));
}

struct entries *entries_free(struct entries *all)
{
	if (all != NULL)
		entries_forget(all);
	free(all);
	return NULL;
}
