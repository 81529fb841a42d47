// SPDX-License-Identifier: Apache-2.0
#include "standalone/proxy/claims.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/must.h"
#include "lib/base/tree.h"

struct claim {
	RB_ENTRY(claim) in_order;
	struct element key;
	struct claimant by;
};
RB_HEAD(claim_tree, claim);

/* All claims to one element are neighbours, the best one first. */
struct claims {
	struct claim_tree tree;
};

#define COMPARE(a, b) (((a) > (b)) - ((a) < (b)))

/*
 * By element; of the same by rank, age, namespace and name. Less one, an age that is not said (0)
 * is the youngest, and 1 the oldest that there can be.
 */
static int claim_cmp(const struct claim *a, const struct claim *b)
{
	int diff = element_cmp(&a->key, &b->key);

	if (diff == 0)
		diff = COMPARE(a->key.rank, b->key.rank);
	if (diff == 0)
		diff = COMPARE((uint64_t)a->by.created_s - 1, (uint64_t)b->by.created_s - 1);
	if (diff == 0)
		diff = strcmp(a->by.ns, b->by.ns);
	return diff != 0 ? diff : strcmp(a->by.name, b->by.name);
}

TREE_GENERATE(claim_tree, claim, in_order, claim_cmp)

void claims_add(struct claims *c, const struct element *e, const struct claimant *by)
{
	struct claim *new = must(calloc(1, sizeof(*new)));

	*new = (struct claim){ .key = *e, .by = *by };
	const struct claim *there = RB_INSERT(claim_tree, &c->tree, new);
	assert(there == NULL);
	(void)there;
}

static void drop(struct claims *c, struct claim *claim)
{
	RB_REMOVE(claim_tree, &c->tree, claim);
	free(claim);
}

void claims_remove(struct claims *c, const struct element *e, const struct claimant *by)
{
	struct claim key = { .key = *e, .by = *by };
	struct claim *there = RB_FIND(claim_tree, &c->tree, &key);

	assert(there != NULL);
	drop(c, there);
}

void *claims_winner(const struct claims *c, const struct element *e)
{
	struct claim best = { .key = *e, .by = { .ns = "", .name = "", .created_s = 1 } };

	best.key.rank = 0;
	/* The tree's macros write to no node when they search. */
	const struct claim *first =
		RB_NFIND(claim_tree, (struct claim_tree *)(uintptr_t)&c->tree, &best);
	return first != NULL && element_cmp(&first->key, e) == 0 ? first->by.who : NULL;
}

struct claims *claims_new(void)
{
	return must(calloc(1, sizeof(struct claims)));
}

struct claims *claims_free(struct claims *c)
{
	struct claim *claim, *next;

	if (c == NULL)
		return NULL;
	RB_FOREACH_SAFE (claim, claim_tree, &c->tree, next)
		drop(c, claim);
	free(c);
	return NULL;
}
