// SPDX-License-Identifier: Apache-2.0
#include "standalone/proxy/claims.h"

#include <assert.h>
#include <stdlib.h>

#include "lib/base/tree.h"
#include "standalone/proxy/text.h"

struct claim {
	RB_ENTRY(claim) by_key;
	struct element key;
	const void *holder; /* of exclusive ones; else NULL */
	unsigned users;
};
RB_HEAD(claim_tree, claim);

struct claims {
	struct claim_tree tree;
};

static int claim_cmp(const struct claim *a, const struct claim *b)
{
	return element_cmp(&a->key, &b->key);
}

TREE_GENERATE(claim_tree, claim, by_key, claim_cmp)

static struct claim *find(struct claims *c, const struct element *e)
{
	struct claim key = { .key = *e };

	return RB_FIND(claim_tree, &c->tree, &key);
}

enum claim_result claims_take(struct claims *c, const struct element *e, const void *who,
			      const void **ret_holder)
{
	struct claim *there = find(c, e);

	if (there != NULL && there->holder != NULL) {
		*ret_holder = there->holder;
		return CLAIM_REFUSED;
	}
	if (there != NULL) {
		there->users++;
		return CLAIM_SHARED;
	}
	there = must(calloc(1, sizeof(*there)));
	*there = (struct claim){ .key = *e,
				 .holder = element_is_exclusive(e) ? who : NULL,
				 .users = 1 };
	RB_INSERT(claim_tree, &c->tree, there);
	return CLAIM_NEW;
}

static void drop(struct claims *c, struct claim *there)
{
	RB_REMOVE(claim_tree, &c->tree, there);
	free(there);
}

bool claims_give_back(struct claims *c, const struct element *e)
{
	struct claim *there = find(c, e);

	assert(there != NULL);
	if (--there->users > 0)
		return false;
	drop(c, there);
	return true;
}

void claims_forget(struct claims *c)
{
	struct claim *there, *next;

	RB_FOREACH_SAFE (there, claim_tree, &c->tree, next)
		drop(c, there);
}

struct claims *claims_new(void)
{
	return must(calloc(1, sizeof(struct claims)));
}

struct claims *claims_free(struct claims *c)
{
	if (c != NULL)
		claims_forget(c);
	free(c);
	return NULL;
}
