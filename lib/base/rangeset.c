// SPDX-License-Identifier: Apache-2.0
#include "lib/base/rangeset.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/base/tree.h"

struct run {
	RB_ENTRY(run) node;
	u128 first, last;
	u128 below; /* how many numbers it and those under it in the tree have, modulo 2^128 */
};

RB_HEAD(run_tree, run);

static u128 run_below(const struct run *r)
{
	return r != NULL ? r->below : 0;
}

static u128 run_length(const struct run *r)
{
	return r->last - r->first + 1;
}

static void run_sum_up(struct run *r)
{
	r->below = run_below(RB_LEFT(r, node)) + run_length(r) + run_below(RB_RIGHT(r, node));
}

/* The tree does this when it turns nodes around. */
#undef RB_AUGMENT
#define RB_AUGMENT(r) run_sum_up(r)

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

/* @r has first..last from now on; `last` may be the number before `first`: none. */
static void run_set(struct run *r, u128 first, u128 last)
{
	u128 more = (last - first) - (r->last - r->first);

	r->first = first;
	r->last = last;
	for (; r != NULL; r = RB_PARENT(r, node))
		r->below += more;
}

static void run_drop(struct rangeset *s, struct run *r)
{
	run_set(r, r->first, r->first - 1);
	RB_REMOVE(run_tree, &s->tree, r);
	free(r);
	s->runs--;
}

static int run_insert(struct rangeset *s, u128 first, u128 last)
{
	struct run *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return -ENOMEM;
	r->first = first;
	r->last = first - 1;
	RB_INSERT(run_tree, &s->tree, r);
	run_set(r, first, last);
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
	}
	if (into->first < first)
		first = into->first;
	if (into->last > last)
		last = into->last;
	for (struct run *next; (next = RB_NEXT(run_tree, , into)) != NULL;) {
		if (next->first > last && next->first - last > 1)
			break;
		if (next->last > last)
			last = next->last;
		run_drop(s, next);
	}
	run_set(into, first, last); /* keeps its place: nothing lies between */
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
			run_set(r, r->first, first - 1);
			return 0;
		}
		if (r->first < first)
			run_set(r, r->first, first - 1);
		else if (r->last > last)
			run_set(r, last + 1, r->last); /* still before its successor */
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

/* How many numbers before @number are in the set. */
static u128 count_before(const struct rangeset *s, u128 number)
{
	u128 count = 0;

	for (const struct run *r = RB_ROOT(&s->tree); r != NULL;) {
		if (r->first >= number) {
			r = RB_LEFT(r, node);
			continue;
		}
		count += run_below(RB_LEFT(r, node));
		count += number > r->last ? run_length(r) : number - r->first;
		r = RB_RIGHT(r, node);
	}
	return count;
}

u128 rangeset_count(const struct rangeset *s, u128 first, u128 last)
{
	u128 count = count_before(s, last) - count_before(s, first) + rangeset_contains(s, last);

	/* The whole space: 2^128 does not fit. */
	return count == 0 && rangeset_contains(s, first) ? ~(u128)0 : count;
}

u128 rangeset_nth_free(const struct rangeset *s, u128 from, u128 n)
{
	u128 skipped = count_before(s, from), left = 0; /* left: in runs left of where we are */

	for (const struct run *r = RB_ROOT(&s->tree); r != NULL;) {
		u128 before = left + run_below(RB_LEFT(r, node));

		if (r->first >= from && (r->first - from) - (before - skipped) > n) {
			r = RB_LEFT(r, node);
		} else {
			left = before + run_length(r);
			r = RB_RIGHT(r, node);
		}
	}
	return from + n + (left - skipped);
}

size_t rangeset_runs(const struct rangeset *s)
{
	return s->runs;
}
