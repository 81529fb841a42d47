// SPDX-License-Identifier: Apache-2.0
#include "sim/segment.h"

#include "lib/base/must.h"

/* What is so at a moment of the row. */
struct moment {
	struct {
		ARRAY_OF(const char *);
	} nodes; /* that announce it, the latest last */
	bool assigned, dark;
};

static void node_remove(struct moment *m, const char *node)
{
	size_t kept = 0;

	for (size_t i = 0; i < m->nodes.count; i++)
		if (m->nodes.items[i] != node) /* texts of a journal are interned */
			m->nodes.items[kept++] = m->nodes.items[i];
	m->nodes.count = kept;
}

static void apply(struct moment *m, const struct sim_entry *e)
{
	switch (e->type) {
	case SIM_ASSIGNED:
		m->assigned = true;
		break;
	case SIM_CLEARED:
		m->assigned = m->dark = false;
		break;
	case SIM_ANNOUNCES:
		node_remove(m, e->node);
		*(const char **)must(array_push(&m->nodes)) = e->node;
		break;
	case SIM_WITHDRAWS:
	case SIM_LOST:
		node_remove(m, e->node);
		break;
	case SIM_DARK:
		m->dark = true;
		break;
	case SIM_LIT:
		m->dark = false;
		break;
	default: /* says nothing of who announces */
		break;
	}
}

static struct sim_segment segment_of(const struct moment *m, uint64_t from_ns, uint64_t to_ns)
{
	struct sim_segment s = { .from_ns = from_ns, .to_ns = to_ns };

	if (m->dark) {
		s.type = SIM_SEGMENT_DARK;
	} else if (m->nodes.count > 0) {
		size_t n = m->nodes.count < SIM_SEGMENT_NODES ? m->nodes.count : SIM_SEGMENT_NODES;
		s.type = SIM_SEGMENT_OWNED;
		s.node_count = (unsigned)n;
		memcpy(s.nodes, &m->nodes.items[m->nodes.count - n], n * sizeof(*s.nodes));
	} else {
		s.type = m->assigned ? SIM_SEGMENT_WAITS : SIM_SEGMENT_NONE;
	}
	return s;
}

static bool alike(const struct sim_segment *a, const struct sim_segment *b)
{
	return a->type == b->type && a->node_count == b->node_count &&
	       memcmp(a->nodes, b->nodes, sizeof(a->nodes)) == 0;
}

/* Add @next at the end of the first @count segments, or to the last of them. */
static size_t put(struct sim_segment *items, size_t count, const struct sim_segment *next)
{
	if (count > 0 && alike(&items[count - 1], next)) {
		items[count - 1].to_ns = next->to_ns;
		return count;
	}
	items[count] = *next;
	return count + 1;
}

static void add(struct sim_segments *s, const struct moment *m, uint64_t to_ns)
{
	uint64_t from_ns = s->count == 0 ? 0 : s->items[s->count - 1].to_ns;
	struct sim_segment next = segment_of(m, from_ns, to_ns);

	if (to_ns <= from_ns)
		return;
	must(array_push(s));
	s->count = put(s->items, s->count - 1, &next);
}

void sim_segments_of(const struct sim_history_row *row, uint64_t until_ns, struct sim_segments *ret)
{
	struct moment m = { 0 };

	*ret = (struct sim_segments){ 0 };
	for (size_t i = 0; i < row->count; i++) {
		add(ret, &m, row->entries[i]->at_ns);
		apply(&m, row->entries[i]);
	}
	add(ret, &m, until_ns);
	array_free(&m.nodes);
}

void sim_segments_simplify(struct sim_segments *s, uint64_t short_ns)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->count; i++) {
		struct sim_segment next = s->items[i];
		if (next.node_count > 1 && next.to_ns - next.from_ns < short_ns) {
			next.nodes[0] = next.nodes[next.node_count - 1];
			for (unsigned n = 1; n < next.node_count; n++)
				next.nodes[n] = NULL;
			next.node_count = 1;
		}
		kept = put(s->items, kept, &next);
	}
	s->count = kept;
}

bool sim_segments_are_calm(const struct sim_segments *s)
{
	size_t i = 0;

	while (i < s->count &&
	       (s->items[i].type == SIM_SEGMENT_NONE || s->items[i].type == SIM_SEGMENT_WAITS))
		i++;
	return i + 1 == s->count && s->items[i].type == SIM_SEGMENT_OWNED &&
	       s->items[i].node_count == 1;
}
