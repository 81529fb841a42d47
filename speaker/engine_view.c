// SPDX-License-Identifier: Apache-2.0
/* What an observer may know of a Service: who announces it, and why. */
#include "speaker/engine_state.h"

#include <errno.h>
#include <stdio.h>

#define UNFIT_SHOWN 5 /* nodes named in one line */

/* Every node that may announce @j, in order. */
static struct candidates candidates_of(const struct speaker *s, const struct subject *j,
				       const struct ads *ads)
{
	struct election e = election_for(&j->balancer->ips[0]);
	struct candidates all = { 0 };
	struct member *m;
	int64_t weight;

	RB_FOREACH (m, member_tree, (struct member_tree *)&s->members)
		if (engine_unfit_for(s, j, ads, m, &weight) == NULL)
			must_0(election_enter(&all, &e, m->name, weight));
	election_sort(&all);
	return all;
}

/* Why each node is out, for a Service that nobody may announce. */
static char *why_no_node(const struct speaker *s, const struct subject *j, const struct ads *ads)
{
	char *text = NULL;
	size_t size = 0, n = 0;
	struct member *m;
	int64_t weight;

	FILE *to = must(open_memstream(&text, &size));
	RB_FOREACH (m, member_tree, (struct member_tree *)&s->members) {
		if (n++ < UNFIT_SHOWN)
			fprintf(to, "%s %s %s", n == 1 ? "no node is eligible:" : ";", m->name,
				engine_unfit_for(s, j, ads, m, &weight));
	}
	if (n == 0)
		fputs("no Node is known", to);
	else if (n > UNFIT_SHOWN)
		fprintf(to, "; and %zu more", n - UNFIT_SHOWN);
	fclose(to);
	return must(text);
}

/* Who stands for a Service, in short. */
struct field_view {
	size_t count, of_most; /* candidates, and those that have the greatest weight */
	int64_t most, least;   /* weight */
};

static void field_view_add(struct field_view *f, int64_t weight)
{
	if (f->count == 0 || weight > f->most) {
		f->most = weight;
		f->of_most = 0;
	}
	if (f->count == 0 || weight < f->least)
		f->least = weight;
	f->of_most += weight == f->most;
	f->count++;
}

/* Why @first is. */
static char *why_first(const struct subject *j, const struct field_view *f, const char *first)
{
	char ip[IP_TEXT_MAX];

	if (f->count == 1)
		return must_text("the only eligible node");
	if (f->of_most == 1)
		return must_text("the most preferred of %zu eligible nodes, by weight %lld",
				 f->count, (long long)f->most);
	return must_text("first of %zu eligible nodes%s, by the hash of %s#%s", f->count,
			 f->most != f->least ? " among those most preferred" : "", first,
			 ip_format(&j->balancer->ips[0], ip));
}

/* Who announces @j, which somebody may. */
static void view_nodes(const struct speaker *s, const struct subject *j, const struct ads *ads,
		       struct speaker_view *v)
{
	struct candidates candidates = candidates_of(s, j, ads);
	struct field_view f = { 0 };

	if (candidates.count == 0) {
		v->why = why_no_node(s, j, ads);
		return;
	}
	for (size_t i = 0; i < candidates.count; i++)
		field_view_add(&f, candidates.items[i].weight);
	v->why = why_first(j, &f, candidates.items[0].node);
	for (size_t i = 0; i < j->balancer->ip_count; i++) {
		struct speaker_announcement *a = must(array_push(&v->announcements));
		a->protocol = "layer2";
		a->ip = j->balancer->ips[i];
		a->node = candidates.items[0].node;
	}
	for (size_t i = 1; i < candidates.count; i++)
		*(const char **)must(array_push(&v->runners_up)) = candidates.items[i].node;
	v->interfaces = engine_interfaces(s, ads, candidates.items[0].node);
	array_free(&candidates);
}

int speaker_view(const struct speaker *s, const char *ns, const char *name,
		 struct speaker_view *ret)
{
	const struct subject *j = engine_subject_find(s, ns, name);
	struct speaker_view v = { 0 };
	struct ads ads = { 0 };

	if (j == NULL || j->balancer == NULL)
		return -ENOENT;
	const char *why = engine_unannounceable(s, j, &ads);
	if (why != NULL)
		v.why = must(strdup(why));
	else
		view_nodes(s, j, &ads, &v);
	array_free(&ads);
	*ret = v;
	return 0;
}

void speaker_view_done(struct speaker_view *v)
{
	array_free(&v->announcements);
	array_free(&v->runners_up);
	array_free(&v->interfaces);
	free(v->why);
	v->why = NULL;
}

const struct ip_addr *speaker_held(const struct speaker *s, const char *ns, const char *name,
				   size_t *ret_count)
{
	const struct subject *j = engine_subject_find(s, ns, name);

	*ret_count = j != NULL ? j->held_count : 0;
	return j != NULL ? j->held : NULL;
}

char *speaker_held_why(const struct speaker *s, const char *ns, const char *name)
{
	const struct subject *j = engine_subject_find(s, ns, name);
	struct field_view f = { 0 };
	struct member *m;
	int64_t weight;

	if (j == NULL || j->held_count == 0 || j->field == NULL)
		return NULL;
	const struct ads ads = { .items = j->field->ads, .count = j->field->ad_count };
	RB_FOREACH (m, member_tree, (struct member_tree *)&s->members)
		if (engine_unfit_for(s, j, &ads, m, &weight) == NULL)
			field_view_add(&f, weight);
	return why_first(j, &f, s->node_name);
}

struct speaker_footprint speaker_footprint(const struct speaker *s)
{
	struct speaker_footprint n = { .l2 = l2_footprint(s->l2) };
	struct subject *j;
	struct member *m;
	struct slice *x;
	struct field *f;

	RB_FOREACH (j, subject_tree, (struct subject_tree *)&s->subjects) {
		n.names++;
		n.services += j->balancer != NULL;
		n.marked += j->queue != NULL;
		n.held += j->held_count;
	}
	RB_FOREACH (x, slice_tree, (struct slice_tree *)&s->slices)
		n.slices++;
	RB_FOREACH (m, member_tree, (struct member_tree *)&s->members)
		n.nodes++;
	RB_FOREACH (f, field_tree, (struct field_tree *)&s->fields)
		n.elections++;
	return n;
}
