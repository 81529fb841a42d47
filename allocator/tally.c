// SPDX-License-Identifier: Apache-2.0
#include "allocator/tally.h"

#include <stdlib.h>

#include "lib/base/intern.h"
#include "lib/base/must.h"
#include "lib/base/tree.h"

struct tally {
	RB_ENTRY(tally) by_ns;
	const char *ns;
	uint64_t count; /* never 0 */
};

RB_HEAD(tally_tree, tally);

struct tally_book {
	struct tally_tree tree;
};

/* Names are interned: only that equal ones are found matters. */
static int tally_cmp(const struct tally *a, const struct tally *b)
{
	return ((uintptr_t)a->ns > (uintptr_t)b->ns) - ((uintptr_t)a->ns < (uintptr_t)b->ns);
}

TREE_GENERATE(tally_tree, tally, by_ns, tally_cmp)

struct tally_book *tally_book_new(void)
{
	struct tally_book *b = must(calloc(1, sizeof(*b)));

	RB_INIT(&b->tree);
	return b;
}

static void tally_drop(struct tally_book *b, struct tally *t)
{
	RB_REMOVE(tally_tree, &b->tree, t);
	intern_unref(t->ns);
	free(t);
}

struct tally_book *tally_book_free(struct tally_book *b)
{
	struct tally *t;

	if (b == NULL)
		return NULL;
	while ((t = RB_MIN(tally_tree, &b->tree)) != NULL)
		tally_drop(b, t);
	free(b);
	return NULL;
}

static struct tally *tally_find(const struct tally_book *b, const char *ns)
{
	struct tally key = { .ns = ns };

	return RB_FIND(tally_tree, (struct tally_tree *)(uintptr_t)&b->tree, &key);
}

uint64_t tally_of(const struct tally_book *b, const char *ns)
{
	const struct tally *t = tally_find(b, ns);

	return t != NULL ? t->count : 0;
}

size_t tally_count(const struct tally_book *b)
{
	struct tally *t;
	size_t count = 0;

	if (b == NULL)
		return 0;
	RB_FOREACH (t, tally_tree, (struct tally_tree *)(uintptr_t)&b->tree)
		count++;
	return count;
}

void tally_change(struct tally_book *b, const char *ns, int by)
{
	struct tally *t = tally_find(b, ns);

	if (t == NULL) {
		t = must(calloc(1, sizeof(*t)));
		t->ns = intern_ref(ns);
		RB_INSERT(tally_tree, &b->tree, t);
	}
	t->count += (uint64_t)(int64_t)by;
	if (t->count == 0)
		tally_drop(b, t);
}
