// SPDX-License-Identifier: Apache-2.0
/*
 * Elections, kept from one to the next change.
 *
 * A thousand nodes and ten thousand Services are ten million candidates. So who won is remembered,
 * and by what, and it holds until something is said that may make a difference: the Service's own
 * first address, its policy, its endpoints where they matter, the advertisements that select it
 * (another field), or a node. A node makes a difference where it was first and is worth something
 * else now, and where it is worth more than it was and comes before who is first. The outcome is
 * that of asking everybody again.
 */
#include "speaker/engine_state.h"

/* --- fields ------------------------------------------------------------------------------ */

static bool field_is(const struct field *f, const struct ads *ads)
{
	return f->ad_count == ads->count &&
	       memcmp(f->ads, ads->items, ads->count * sizeof(ads->items[0])) == 0;
}

static struct field *field_get(struct speaker *s, const struct ads *ads)
{
	size_t size = ads->count * sizeof(ads->items[0]);
	struct field *f = must(calloc(1, sizeof(*f) + size));

	f->ad_count = (uint32_t)ads->count;
	memcpy(f->ads, ads->items, size);
	struct field *old = RB_INSERT(field_tree, &s->fields, f);
	if (old == NULL)
		return f;
	free(f);
	return old;
}

/* Forget the best nodes of @f. */
static void scatter(struct field *f)
{
	free(f->best);
	f->best = NULL;
	f->best_count = 0;
	f->gathered = false;
}

static void field_free(struct speaker *s, struct field *f)
{
	for (size_t i = 0; i < GATHERED_MAX; i++)
		if (s->gathered[i] == f)
			s->gathered[i] = NULL;
	scatter(f);
	RB_REMOVE(field_tree, &s->fields, f);
	free(f);
}

static void scatter_all(struct speaker *s)
{
	for (size_t i = 0; i < GATHERED_MAX; i++) {
		if (s->gathered[i] != NULL)
			scatter(s->gathered[i]);
		s->gathered[i] = NULL;
	}
}

static struct grade grade_of(const struct speaker *s, const struct field *f, const struct member *m)
{
	struct grade g = { 0 };

	g.fit = m != NULL && engine_unfit(s, f->ads, f->ad_count, m, &g.weight) == NULL;
	return g;
}

static void gathered_add(struct speaker *s, struct field *f)
{
	struct field **slot = &s->gathered[s->gathered_next++ % GATHERED_MAX];

	if (*slot != NULL)
		scatter(*slot);
	*slot = f;
	f->gathered = true;
}

/* Have the best nodes of @f at hand. Those of a few fields are kept; of all it could be megabytes.
 */
static void gather(struct speaker *s, struct field *f)
{
	uint32_t cap = 0;
	struct member *m;

	if (f->gathered)
		return;
	RB_FOREACH (m, member_tree, &s->members) {
		struct grade g = grade_of(s, f, m);
		if (!g.fit || (f->best_count > 0 && g.weight < f->best_weight))
			continue;
		if (f->best_count > 0 && g.weight > f->best_weight)
			f->best_count = 0;
		if (f->best_count == cap) {
			cap = cap == 0 ? 8 : cap * 2;
			f->best = must(reallocarray(f->best, cap, sizeof(*f->best)));
		}
		f->best[f->best_count++] = (struct best){ m, m->number };
		f->best_weight = g.weight;
	}
	gathered_add(s, f);
}

/* --- one election ------------------------------------------------------------------------ */

/* What ranks the candidates for one Service. */
struct ballot {
	const struct ip_addr *first;
	const uint64_t *row;      /* of the shared ranks; NULL: there are none, then */
	struct election election; /* each is worked out */
};

static struct ballot ballot_for(const struct speaker *s, const struct subject *j)
{
	struct ballot b = { .first = &j->balancer->ips[0] };

	if (s->ranks != NULL)
		b.row = ranks_row(s->ranks, b.first);
	else
		b.election = election_for(b.first);
	return b;
}

static uint64_t rank_of(const struct ballot *b, const struct member *m, uint32_t number)
{
	return b->row != NULL ? b->row[number] : election_rank(&b->election, m->name);
}

/* Of two with one rank, is @x first? */
static bool wins_tie(const struct ballot *b, const struct member *x, const struct member *y)
{
	struct election e = election_for(b->first);
	uint8_t of_x[ELECTION_HASH_LEN], of_y[ELECTION_HASH_LEN];

	election_hash(&e, x->name, of_x);
	election_hash(&e, y->name, of_y);
	return memcmp(of_x, of_y, sizeof(of_x)) < 0;
}

/* @m stands, and wins if it is ahead of who won up to now. */
static inline void stand(const struct ballot *b, const struct member *m, uint32_t number,
			 int64_t weight, struct winner *w)
{
	uint64_t rank = rank_of(b, m, number);

	if (w->member != NULL) {
		if (weight < w->weight || (weight == w->weight && rank > w->rank))
			return;
		if (weight == w->weight && rank == w->rank && !wins_tie(b, m, w->member))
			return;
	}
	*w = (struct winner){ m, weight, rank };
}

/* Policy Local: those nodes stand on which an endpoint serves. */
static struct winner first_that_serves(const struct speaker *s, const struct subject *j,
				       const struct field *f, const struct ballot *b)
{
	struct winner w = { 0 };
	const struct slice *x;

	LIST_FOREACH (x, &j->slices, of_subject) {
		for (uint32_t i = 0; i < x->node_count; i++) {
			const struct member *m = engine_member_find(s, x->nodes[i]);
			struct grade g = grade_of(s, f, m);
			if (g.fit)
				stand(b, m, m->number, g.weight, &w);
		}
	}
	return w;
}

static struct winner first_of_best(const struct field *f, const struct ballot *b)
{
	struct winner w = { 0 };

	for (uint32_t i = 0; i < f->best_count; i++)
		stand(b, f->best[i].member, f->best[i].number, f->best_weight, &w);
	return w;
}

void engine_unelect(struct speaker *s, struct subject *j)
{
	struct field *f = j->field;

	j->field = NULL;
	j->winner = (struct winner){ 0 };
	if (f != NULL && --f->users == 0)
		field_free(s, f);
}

void engine_elect(struct speaker *s, struct subject *j, const struct ads *ads)
{
	if (j->field != NULL && field_is(j->field, ads))
		return; /* it holds */
	engine_unelect(s, j);
	struct field *f = field_get(s, ads);
	struct ballot b = ballot_for(s, j);
	j->field = f;
	f->users++;
	if (j->balancer->local && !LIST_EMPTY(&j->slices)) {
		j->winner = first_that_serves(s, j, f, &b);
	} else {
		gather(s, f);
		j->winner = first_of_best(f, &b);
	}
}

/* --- a node changes ---------------------------------------------------------------------- */

void engine_node_before(struct speaker *s, const struct member *m)
{
	struct field *f;

	RB_FOREACH (f, field_tree, &s->fields)
		f->was = grade_of(s, f, m);
}

/* May the change of @m have another win, where @j is elected? */
static bool makes_a_difference(const struct speaker *s, const struct subject *j,
			       const struct member *m)
{
	const struct grade *was = &j->field->was, *is = &j->field->is;

	if (was->fit == is->fit && was->weight == is->weight)
		return false;
	if (j->winner.member == m || j->winner.member == NULL)
		return true;
	if (!is->fit || is->weight < j->winner.weight)
		return false;
	if (j->balancer->local && !engine_serves_on(s, j, m->name))
		return false;
	if (is->weight > j->winner.weight)
		return true;
	struct ballot b = ballot_for(s, j);
	return rank_of(&b, m, m->number) <= j->winner.rank;
}

void engine_node_after(struct speaker *s, const struct member *m, bool gone)
{
	bool changed = false, own = m->name == s->node_name;
	struct subject *j;
	struct field *f;

	RB_FOREACH (f, field_tree, &s->fields) {
		f->is = grade_of(s, f, gone ? NULL : m);
		changed |= f->was.fit != f->is.fit || f->was.weight != f->is.weight;
	}
	if (changed)
		scatter_all(s);
	else if (!own)
		return;
	RB_FOREACH (j, subject_tree, &s->subjects) {
		if (j->field == NULL)
			continue; /* nobody is elected for it, or it is marked already */
		if (own && j->winner.member == m)
			engine_mark(s, j); /* interfaces may be others by our labels */
		if (makes_a_difference(s, j, m)) {
			engine_unelect(s, j);
			engine_mark(s, j);
		}
	}
}
