// SPDX-License-Identifier: Apache-2.0
#include "sim/report_words.h"

#include <inttypes.h>

#include "lib/base/duration.h"
#include "lib/base/must.h"
#include "sim/history.h"

/* Entries that say the same of several addresses. */
struct group {
	size_t first, last; /* in the journal */
	size_t count;
	uint64_t value_min_ns, value_max_ns;
};

/* One entry as it is told. */
struct note {
	size_t group;                   /* from 1; 0: it stands alone */
	const struct sim_entry *before; /* ANNOUNCES: what another node last did with the address */
};

struct words {
	const struct sim_journal *journal;
	struct note *notes; /* one an entry */
	struct {
		ARRAY_OF(struct group);
	} groups;
	struct {
		ARRAY_OF(size_t);
	} open; /* numbers of the groups that may still grow */
};

const char *sim_moment_format(uint64_t at_ns, char buf[static SIM_MOMENT_MAX])
{
	uint64_t whole = at_ns / NS_PER_S;

	snprintf(buf, SIM_MOMENT_MAX, "%" PRIu64 ".%03u s", whole,
		 (unsigned)(at_ns % NS_PER_S / NS_PER_MS));
	return buf;
}

/* --- who had it before ----------------------------------------------------------------------- */

static void note_before(struct words *w, const struct sim_history_row *row)
{
	const struct sim_entry *last = NULL, *other = NULL; /* of anybody; of another than that */

	for (size_t i = 0; i < row->count; i++) {
		const struct sim_entry *e = row->entries[i];
		if (e->type != SIM_ANNOUNCES && !sim_entry_ends(e))
			continue;
		if (last != NULL && last->node != e->node)
			other = last;
		/* Of interest is who still has it, or who had it last. */
		if (e->type == SIM_ANNOUNCES && other != NULL &&
		    (other == last || other->type == SIM_ANNOUNCES))
			w->notes[e - w->journal->items].before = other;
		last = e;
	}
}

/* --- groups ---------------------------------------------------------------------------------- */

/* Is this about one of many addresses, and not about the world as a whole? */
static bool can_be_grouped(const struct sim_entry *e)
{
	switch (e->type) {
	case SIM_ASSIGNED:
	case SIM_CLEARED:
	case SIM_ANNOUNCES:
	case SIM_WITHDRAWS:
	case SIM_LOST:
	case SIM_DARK:
	case SIM_LIT:
	case SIM_STOLEN:
	case SIM_NOT_COVERED:
		return true;
	case SIM_TOLD:
		return *e->service != '\0';
	default:
		return false;
	}
}

/* Texts of a journal are interned. Why a node announces an address is about that address alone. */
static bool same_text(const struct sim_entry *a, const struct sim_entry *b)
{
	return a->text == b->text || a->type == SIM_ANNOUNCES;
}

static bool same_before(const struct sim_entry *a, const struct sim_entry *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return a->node == b->node && a->type == b->type && same_text(a, b);
}

/* Do the entries @a and @b say the same? */
static bool says_the_same(const struct words *w, size_t a, size_t b)
{
	const struct sim_entry *x = &w->journal->items[a], *y = &w->journal->items[b];

	return x->type == y->type && x->node == y->node && same_text(x, y) &&
	       x->warning == y->warning && same_before(w->notes[a].before, w->notes[b].before);
}

/* The open group that entry @i belongs to, from 1; 0: there is none. Closes those that are old. */
static size_t find_group(struct words *w, size_t i)
{
	uint64_t at_ns = w->journal->items[i].at_ns;
	size_t kept = 0, found = 0;

	for (size_t n = 0; n < w->open.count; n++) {
		const struct group *g = &w->groups.items[w->open.items[n] - 1];
		if (at_ns - w->journal->items[g->first].at_ns > SIM_WORDS_GROUP_NS)
			continue;
		if (found == 0 && says_the_same(w, g->first, i))
			found = w->open.items[n];
		w->open.items[kept++] = w->open.items[n];
	}
	w->open.count = kept;
	return found;
}

static void put_into_group(struct words *w, size_t i)
{
	const struct sim_entry *e = &w->journal->items[i];
	size_t number = find_group(w, i);

	if (number == 0) {
		*(struct group *)must(array_push(&w->groups)) =
			(struct group){ .first = i, .value_min_ns = e->value_ns };
		number = w->groups.count;
		*(size_t *)must(array_push(&w->open)) = number;
	}
	struct group *g = &w->groups.items[number - 1];
	g->last = i;
	g->count++;
	if (e->value_ns < g->value_min_ns)
		g->value_min_ns = e->value_ns;
	if (e->value_ns > g->value_max_ns)
		g->value_max_ns = e->value_ns;
	w->notes[i].group = number;
}

/* A line of the user's own comes between no group: what came of it stands below it. */
static void find_groups(struct words *w)
{
	for (size_t i = 0; i < w->journal->count; i++) {
		if (can_be_grouped(&w->journal->items[i]))
			put_into_group(w, i);
		else if (w->journal->items[i].type <= SIM_HEALED)
			w->open.count = 0;
	}
}

/* --- sentences ------------------------------------------------------------------------------- */

/* What a sentence is about: nothing, one address of a Service, or so many. */
static void put_subject(const struct words *w, const struct sim_entry *e, const struct group *g,
			FILE *to)
{
	char ip[IP_TEXT_MAX], took[DURATION_TEXT_MAX];
	const char *blank = *e->service == '\0' || e->ip.family == IP_NONE ? "" : " ";

	if (g != NULL) {
		uint64_t took_ns = w->journal->items[g->last].at_ns - e->at_ns;
		fprintf(to, "%zu %s", g->count, e->type == SIM_TOLD ? "Services" : "addresses");
		if (took_ns > 0)
			fprintf(to, " within %s", duration_format(took_ns, took));
		fputs(", first ", to);
	}
	fprintf(to, "%s%s%s", e->service, blank, ip_format(&e->ip, ip));
}

static void put_text(const struct words *w, const struct sim_entry *e, const struct group *g,
		     FILE *to)
{
	(void)w;
	(void)g;
	fputs(e->text, to);
}

static void put_why(const struct words *w, const struct sim_entry *e, const struct group *g,
		    FILE *to)
{
	(void)w;
	(void)g;
	if (*e->text != '\0')
		fprintf(to, ": %s", e->text);
}

/* Some of what is told is about no Service. */
static void put_about(const struct words *w, const struct sim_entry *e, const struct group *g,
		      FILE *to)
{
	if (g != NULL || *e->service != '\0') {
		fputs(" of ", to);
		put_subject(w, e, g, to);
	}
	put_why(w, e, g, to);
}

static void put_before(const struct words *w, const struct sim_entry *e, const struct group *g,
		       FILE *to)
{
	const struct sim_entry *before = w->notes[e - w->journal->items].before;

	if (g == NULL)
		put_why(w, e, g, to);
	if (before == NULL)
		return;
	if (before->type == SIM_ANNOUNCES)
		fprintf(to, " (%s still does)", before->node);
	else if (before->type == SIM_LOST)
		fprintf(to, " (%s did, and is gone)", before->node);
	else
		fprintf(to, " (%s did before%s%s)", before->node, *before->text == '\0' ? "" : ": ",
			before->text);
}

static void put_dark(const struct words *w, const struct sim_entry *e, const struct group *g,
		     FILE *to)
{
	char shortest[DURATION_TEXT_MAX], longest[DURATION_TEXT_MAX];

	(void)w;
	duration_format(g == NULL ? e->value_ns : g->value_min_ns, shortest);
	duration_format(g == NULL ? e->value_ns : g->value_max_ns, longest);
	fprintf(to, ": dark for %s", shortest);
	if (strcmp(shortest, longest) != 0)
		fprintf(to, " to %s", longest);
}

static void put_too(const struct words *w, const struct sim_entry *e, const struct group *g,
		    FILE *to)
{
	fputs(", too", to);
	put_why(w, e, g, to);
}

static void put_segment(const struct words *w, const struct sim_entry *e, const struct group *g,
			FILE *to)
{
	(void)w;
	(void)g;
	fprintf(to, " on %s", e->text);
}

/* A sentence is the node, what it does, what with, and more. */
static const struct form {
	bool node;
	const char *does, *warns; /* a warning may have a verb of its own */
	void (*more)(const struct words *w, const struct sim_entry *e, const struct group *g,
		     FILE *to);
} forms[] = {
	[SIM_FAULT] = { false, "", NULL, put_text },
	[SIM_HEALED] = { false, "", NULL, put_text },
	[SIM_ASSIGNED] = { false, "given out: ", NULL, put_why },
	[SIM_CLEARED] = { false, "taken back: ", NULL, put_why },
	[SIM_ANNOUNCES] = { true, " announces ", NULL, put_before },
	[SIM_WITHDRAWS] = { true, " withdraws ", NULL, put_why },
	[SIM_LOST] = { true, " is gone, and with it ", NULL, put_why },
	[SIM_DARK] = { false, "nobody answers for ", NULL, put_why },
	[SIM_LIT] = { true, " answers for ", NULL, put_dark },
	[SIM_LEADS] = { true, " leads", NULL, put_why },
	[SIM_LEADS_NOT] = { true, " leads no more", NULL, put_why },
	[SIM_TOLD] = { true, " tells", " warns", put_about },
	[SIM_STOLEN] = { true, " answers for ", NULL, put_too },
	[SIM_NOT_COVERED] = { false, "not covered: ", NULL, put_segment },
	[SIM_EXPECTED] = { false, "holds: ", NULL, put_text },
	[SIM_DISAPPOINTED] = { false, "DOES NOT HOLD: ", NULL, put_text },
	[SIM_BROKEN] = { false, "BROKEN: ", NULL, put_text },
};

/* @g NULL: of @e alone. */
static void put_sentence(const struct words *w, const struct sim_entry *e, const struct group *g,
			 FILE *to)
{
	const struct form *f = &forms[e->type];

	if (f->node)
		fputs(e->node, to);
	fputs(e->warning && f->warns != NULL ? f->warns : f->does, to);
	if (f->more != put_text && f->more != put_about)
		put_subject(w, e, g, to);
	f->more(w, e, g, to);
}

/* --- all of it ------------------------------------------------------------------------------- */

static void put_line(const struct words *w, size_t i, FILE *to)
{
	const struct sim_entry *e = &w->journal->items[i];
	size_t number = w->notes[i].group;
	const struct group *g = number == 0 ? NULL : &w->groups.items[number - 1];
	char moment[SIM_MOMENT_MAX];

	if (g != NULL && g->count <= SIM_WORDS_SINGLE)
		g = NULL;
	if (g != NULL && g->first != i)
		return; /* told with the first one */
	fprintf(to, "%11s  ", sim_moment_format(e->at_ns, moment));
	put_sentence(w, e, g, to);
	fputc('\n', to);
}

void sim_report_words(const struct sim_journal *j, FILE *to)
{
	struct words w = { .journal = j };
	struct sim_history history;

	if (j->count == 0)
		return;
	w.notes = must(calloc(j->count, sizeof(*w.notes)));
	sim_history_of(j, &history);
	for (size_t i = 0; i < history.count; i++)
		note_before(&w, &history.items[i]);
	find_groups(&w);
	for (size_t i = 0; i < j->count; i++)
		put_line(&w, i, to);
	sim_history_done(&history);
	array_free(&w.groups);
	array_free(&w.open);
	free(w.notes);
}
