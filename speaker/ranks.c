// SPDX-License-Identifier: Apache-2.0
/* Rows by address in a table with open addressing; nodes by name in a tree. */
#include "speaker/ranks.h"

#include "lib/base/intern.h"
#include "lib/base/must.h"
#include "lib/base/tree.h"
#include "speaker/election.h"

/* Addresses may come and go for ever: more than this is forgotten, and worked out again. */
#define BYTES_MAX ((size_t)512 << 20)

struct ranked_node {
	RB_ENTRY(ranked_node) by_name;
	const char *name; /* interned */
	uint32_t number;
};

RB_HEAD(node_tree, ranked_node);

struct row {
	struct ip_addr first; /* IP_NONE: the slot is free */
	uint32_t count, cap;  /* nodes that are ranked, and for which there is room */
	uint64_t *ranks;
};

struct ranks {
	struct node_tree tree;
	struct ranked_node **nodes; /* by number */
	uint32_t node_count, node_cap;
	struct row *rows;
	size_t row_count, row_cap; /* the latter a power of two, or 0 */
};

static int node_cmp(const struct ranked_node *a, const struct ranked_node *b)
{
	return strcmp(a->name, b->name);
}

TREE_GENERATE(node_tree, ranked_node, by_name, node_cmp)

struct ranks *ranks_new(void)
{
	return must(calloc(1, sizeof(struct ranks)));
}

static void rows_free(struct ranks *r)
{
	for (size_t i = 0; i < r->row_cap; i++)
		free(r->rows[i].ranks);
	free(r->rows);
	r->rows = NULL;
	r->row_count = r->row_cap = 0;
}

struct ranks *ranks_free(struct ranks *r)
{
	if (r == NULL)
		return NULL;
	rows_free(r);
	for (uint32_t i = 0; i < r->node_count; i++) {
		intern_unref(r->nodes[i]->name);
		free(r->nodes[i]);
	}
	free(r->nodes);
	free(r);
	return NULL;
}

uint32_t ranks_number(struct ranks *r, const char *node)
{
	struct ranked_node key = { .name = node };
	struct ranked_node *n = RB_FIND(node_tree, &r->tree, &key);

	if (n != NULL)
		return n->number;
	if (r->node_count == r->node_cap) {
		r->node_cap = r->node_cap == 0 ? 16 : r->node_cap * 2;
		r->nodes = must(reallocarray(r->nodes, r->node_cap, sizeof(*r->nodes)));
	}
	n = must(calloc(1, sizeof(*n)));
	n->name = intern(node);
	n->number = r->node_count;
	r->nodes[r->node_count++] = n;
	RB_INSERT(node_tree, &r->tree, n);
	return n->number;
}

/* Where @first is, or where it would be. There is always a free slot. */
static struct row *slot_of(const struct ranks *r, const struct ip_addr *first)
{
	uint64_t hash = first->family, part;

	for (size_t i = 0; i < sizeof(first->bytes); i += sizeof(part)) {
		memcpy(&part, first->bytes + i, sizeof(part));
		hash = (hash ^ part) * 0x9e3779b97f4a7c15u; /* Knuth's multiplier, of 64 bits */
		hash ^= hash >> 32;
	}
	for (size_t at = hash;; at++) {
		struct row *row = &r->rows[at & (r->row_cap - 1)];
		if (row->first.family == IP_NONE || ip_equal(&row->first, first))
			return row;
	}
}

static void rows_grow(struct ranks *r)
{
	struct row *old = r->rows;
	size_t old_cap = r->row_cap;

	r->row_cap = old_cap == 0 ? 64 : old_cap * 2;
	r->rows = must(calloc(r->row_cap, sizeof(*r->rows)));
	for (size_t i = 0; i < old_cap; i++)
		if (old[i].first.family != IP_NONE)
			*slot_of(r, &old[i].first) = old[i];
	free(old);
}

static void row_fill(const struct ranks *r, struct row *row)
{
	struct election e = election_for(&row->first);

	if (row->cap < r->node_count) {
		row->cap = r->node_cap;
		row->ranks = must(reallocarray(row->ranks, row->cap, sizeof(*row->ranks)));
	}
	for (; row->count < r->node_count; row->count++)
		row->ranks[row->count] = election_rank(&e, r->nodes[row->count]->name);
}

const uint64_t *ranks_row(struct ranks *r, const struct ip_addr *first)
{
	if (r->row_count * r->node_cap * sizeof(uint64_t) > BYTES_MAX)
		rows_free(r);
	if ((r->row_count + 1) * 2 > r->row_cap)
		rows_grow(r);
	struct row *row = slot_of(r, first);
	if (row->first.family == IP_NONE) {
		row->first = *first;
		r->row_count++;
	}
	if (row->count < r->node_count)
		row_fill(r, row);
	return row->ranks;
}
