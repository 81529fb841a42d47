// SPDX-License-Identifier: Apache-2.0
#include "lib/model/places.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WORD_BITS 64

struct places {
	const struct node *const *nodes;
	size_t node_count;
	struct {
		ARRAY_OF(const struct selector *); /* sorted, none twice; where no node is known */
	} selectors;
};

static int selector_ref_cmp(const void *a, const void *b)
{
	return selector_cmp(*(const struct selector *const *)a, *(const struct selector *const *)b);
}

static int selectors_collect(struct places *p, const struct selectors *const *lists, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < lists[i]->count; k++) {
			const struct selector **slot = array_push(&p->selectors);
			if (slot == NULL)
				return -ENOMEM;
			*slot = &lists[i]->items[k];
		}
	}
	if (p->selectors.count == 0)
		return 0;
	qsort(p->selectors.items, p->selectors.count, sizeof(*p->selectors.items),
	      selector_ref_cmp);
	for (size_t i = 0; i < p->selectors.count; i++)
		if (kept == 0 ||
		    selector_cmp(p->selectors.items[kept - 1], p->selectors.items[i]) != 0)
			p->selectors.items[kept++] = p->selectors.items[i];
	p->selectors.count = kept;
	return 0;
}

int places_new(const struct node *const *nodes, size_t node_count,
	       const struct selectors *const *lists, size_t list_count, struct places **ret)
{
	struct places *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return -ENOMEM;
	p->nodes = nodes;
	p->node_count = node_count;
	int rc = node_count > 0 ? 0 : selectors_collect(p, lists, list_count);
	if (rc != 0) {
		places_free(p);
		return rc;
	}
	*ret = p;
	return 0;
}

struct places *places_free(struct places *p)
{
	if (p == NULL)
		return NULL;
	array_free(&p->selectors);
	free(p);
	return NULL;
}

static void set_bit(struct place_set *s, size_t place)
{
	s->words[place / WORD_BITS] |= 1ull << place % WORD_BITS;
}

/* Is one of them {}, which selects whatever there is? */
static bool is_for_all(const struct selectors *s)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->items[i].count == 0)
			return true;
	return s->count == 0;
}

int places_of(const struct places *p, const struct selectors *s, struct place_set *ret)
{
	size_t places = p->node_count > 0 ? p->node_count : p->selectors.count + 1;
	struct place_set set = { .count = (places + WORD_BITS - 1) / WORD_BITS };

	set.words = calloc(set.count, sizeof(*set.words));
	if (set.words == NULL)
		return -ENOMEM;
	if (is_for_all(s)) {
		for (size_t i = 0; i < places; i++)
			set_bit(&set, i);
	} else if (p->node_count > 0) {
		for (size_t i = 0; i < places; i++)
			if (selectors_match(s, &p->nodes[i]->meta.labels))
				set_bit(&set, i);
	} else {
		for (size_t i = 0; i < s->count; i++) {
			const struct selector *key = &s->items[i];
			const struct selector **at =
				bsearch(&key, p->selectors.items, p->selectors.count,
					sizeof(*p->selectors.items), selector_ref_cmp);
			set_bit(&set, (size_t)(at - p->selectors.items));
		}
	}
	*ret = set;
	return 0;
}

bool place_sets_meet(const struct place_set *a, const struct place_set *b)
{
	for (size_t i = 0; i < a->count; i++)
		if ((a->words[i] & b->words[i]) != 0)
			return true;
	return false;
}
