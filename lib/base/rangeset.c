// SPDX-License-Identifier: Apache-2.0
#include "lib/base/rangeset.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/base/tree.h"

struct run {
	RB_ENTRY(run) node;
	u128 first, last;
};

RB_HEAD(run_tree, run);

struct rangeset {
	struct run_tree tree;
	size_t runs;
};

static int run_cmp(const struct run *a, const struct run *b)
{
	return a->first < b->first ? -1 : a->first > b->first;
}

TREE_GENERATE(run_tree, run, node, run_cmp)

struct rangeset *rangeset_new(void)
{
	struct rangeset *s = calloc(1, sizeof(*s));

	if (s != NULL)
		RB_INIT(&s->tree);
	return s;
}

struct rangeset *rangeset_free(struct rangeset *s)
{
	if (s == NULL)
		return NULL;
	for (struct run *r; (r = RB_MIN(run_tree, &s->tree)) != NULL;) {
		RB_REMOVE(run_tree, &s->tree, r);
		free(r);
	}
	free(s);
	return NULL;
}

/* The last run that starts at or before @number, or NULL. */
static struct run *run_at_or_before(const struct rangeset *s, u128 number)
{
	struct run *best = NULL;

	for (struct run *r = RB_ROOT(&s->tree); r != NULL;) {
		if (r->first > number) {
			r = RB_LEFT(r, node);
		} else {
			best = r;
			r = RB_RIGHT(r, node);
		}
	}
	return best;
}

static struct run *run_containing(const struct rangeset *s, u128 number)
{
	struct run *r = run_at_or_before(s, number);

	return r != NULL && number <= r->last ? r : NULL;
}

/* The first run that reaches @number or lies behind it. */
static struct run *run_from(const struct rangeset *s, u128 number)
{
	struct run *r = run_at_or_before(s, number);

	if (r == NULL)
		return RB_MIN(run_tree, (struct run_tree *)(uintptr_t)&s->tree);
	return number <= r->last ? r : RB_NEXT(run_tree, , r);
}

static void run_drop(struct rangeset *s, struct run *r)
{
	RB_REMOVE(run_tree, &s->tree, r);
	free(r);
	s->runs--;
}

static int run_insert(struct rangeset *s, u128 first, u128 last)
{
	struct run *r = malloc(sizeof(*r));

	if (r == NULL)
		return -ENOMEM;
	r->first = first;
	r->last = last;
	RB_INSERT(run_tree, &s->tree, r);
	s->runs++;
	return 0;
}

int rangeset_add(struct rangeset *s, u128 first, u128 last)
{
	/* Widen to whatever the new run overlaps or touches, then swallow those runs. */
	struct run *into = run_containing(s, first);

	if (into == NULL && first > 0)
		into = run_containing(s, first - 1);
	if (into == NULL) {
		struct run *next = run_from(s, first);
		if (next == NULL || (next->first > last && next->first - last > 1))
			return run_insert(s, first, last);
		into = next;
		into->first = first; /* keeps its place: nothing lies between */
	}
	if (last > into->last)
		into->last = last;
	for (struct run *next; (next = RB_NEXT(run_tree, , into)) != NULL;) {
		if (next->first > into->last && next->first - into->last > 1)
			break;
		if (next->last > into->last)
			into->last = next->last;
		run_drop(s, next);
	}
	return 0;
}

int rangeset_remove(struct rangeset *s, u128 first, u128 last)
{
	for (struct run *r = run_from(s, first), *next; r != NULL && r->first <= last; r = next) {
		next = RB_NEXT(run_tree, , r);
		if (r->first < first && r->last > last) {
			u128 tail = r->last;
			if (run_insert(s, last + 1, tail) != 0)
				return -ENOMEM; /* only on the first turn: the set is as it was */
			r->last = first - 1;
			return 0;
		}
		if (r->first < first)
			r->last = first - 1;
		else if (r->last > last)
			r->first = last + 1; /* still before its successor */
		else
			run_drop(s, r);
	}
	return 0;
}

bool rangeset_contains(const struct rangeset *s, u128 number)
{
	return run_containing(s, number) != NULL;
}

bool rangeset_first_free(const struct rangeset *s, u128 from, u128 last, u128 *ret)
{
	const struct run *r = run_containing(s, from);

	if (from > last || (r != NULL && r->last >= last))
		return false;
	*ret = r == NULL ? from : r->last + 1;
	return true;
}

u128 rangeset_count(const struct rangeset *s, u128 first, u128 last)
{
	u128 count = 0;

	for (struct run *r = run_from(s, first); r != NULL && r->first <= last;
	     r = RB_NEXT(run_tree, , r)) {
		u128 from = r->first > first ? r->first : first;
		u128 to = r->last < last ? r->last : last;
		count += to - from + 1;
		if (count == 0)
			return ~(u128)0; /* the whole space: 2^128 does not fit */
	}
	return count;
}

size_t rangeset_runs(const struct rangeset *s)
{
	return s->runs;
}
