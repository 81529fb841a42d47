// SPDX-License-Identifier: Apache-2.0
/* What was done to the world: lines across the rows, numbers above, and what they stand for. */
#include "sim/svg_sheet.h"

#include "lib/base/must.h"
#include "sim/report_words.h"

#define STRIP (16 * PX) /* a line of numbers */
#define SIGN  (13 * PX) /* how high a sign is */

void svg_marks_find(struct svg_sheet *s)
{
	unsigned steps = 0, failures = 0;

	for (size_t i = 0; i < s->r->journal->count; i++) {
		const struct sim_entry *e = &s->r->journal->items[i];
		bool step = e->type == SIM_FAULT || e->type == SIM_HEALED;
		bool failure = e->type == SIM_DISAPPOINTED || e->type == SIM_BROKEN;
		if (!step && !failure)
			continue;
		*(struct svg_mark *)must(array_push(&s->marks)) = (struct svg_mark){
			.entry = e,
			.failure = failure,
			.number = failure ? ++failures : ++steps,
		};
	}
	s->failures = failures > 0;
}

int svg_marks_height(const struct svg_sheet *s)
{
	return s->failures ? 2 * STRIP : STRIP;
}

/* --- signs ----------------------------------------------------------------------------------- */

/* Several marks that are too near to each other have one sign. */
struct sign {
	const struct svg_mark *first, *last;
	bool heals; /* all of them */
};

static void sign_text(const struct sign *g, char *buf, size_t size)
{
	const char *kind = g->first->failure ? "!" : "";

	if (g->first == g->last)
		snprintf(buf, size, "%s%u", kind, g->first->number);
	else
		snprintf(buf, size, "%s%u\xe2\x80\x93%u", kind, g->first->number, g->last->number);
}

static int sign_width(const struct sign *g)
{
	char text[32];
	int width;

	sign_text(g, text, sizeof(text));
	width = svg_text_width(text, SVG_SMALL) + 5 * PX;
	return width < SIGN ? SIGN : width;
}

/* A step is round, filled if it is a fault; a failure has corners. */
static void put_sign(FILE *to, const struct sign *g, int x, int y)
{
	bool failure = g->first->failure, filled = failure || !g->heals;
	int width = sign_width(g);
	char text[32];
	const struct svg_text number = { x + width / 2, y + SIGN - 35,
					 SVG_SMALL,     0,
					 SVG_MIDDLE,    filled ? "white" : "black" };

	sign_text(g, text, sizeof(text));
	fprintf(to,
		"<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"%d\" fill=\"%s\" "
		"stroke=\"%s\" stroke-width=\"10\"/>\n",
		x, y, width, SIGN, failure ? 0 : SIGN / 2,
		failure  ? "#A50026"
		: filled ? "black"
			 : "white",
		failure ? "#A50026" : "black");
	svg_text(to, &number, text);
}

/* --- above the rows -------------------------------------------------------------------------- */

static void put_lines(const struct svg_sheet *s, int bottom_y)
{
	for (size_t i = 0; i < s->marks.count; i++) {
		const struct svg_mark *m = &s->marks.items[i];
		bool dashed = m->entry->type == SIM_HEALED;
		fprintf(s->to,
			"<path d=\"M%d %dV%d\" stroke=\"%s\" stroke-opacity=\"0.6\" "
			"stroke-width=\"%d\"%s><title>",
			svg_x(s, m->entry->at_ns), s->top_y - 3 * PX, bottom_y,
			m->failure ? "#A50026" : "black", m->failure ? 14 : 8,
			dashed ? " stroke-dasharray=\"40 30\"" : "");
		svg_escape(s->to, m->entry->text);
		fputs("</title></path>\n", s->to);
	}
}

/* One strip: as many signs as have room, each over its first line. */
static void put_strip(const struct svg_sheet *s, bool failures, int y)
{
	struct sign sign = { 0 };
	int sign_x = 0;

	for (size_t i = 0; i < s->marks.count; i++) {
		const struct svg_mark *m = &s->marks.items[i];
		struct sign next = { m, m, m->entry->type == SIM_HEALED };
		int x = svg_x(s, m->entry->at_ns) - sign_width(&next) / 2;
		if (m->failure != failures)
			continue;
		if (sign.first != NULL && x < sign_x + sign_width(&sign) + PX) {
			sign.last = m;
			sign.heals &= next.heals;
			continue;
		}
		if (sign.first != NULL)
			put_sign(s->to, &sign, sign_x, y);
		sign = next;
		sign_x = x;
	}
	if (sign.first != NULL)
		put_sign(s->to, &sign, sign_x, y);
}

void svg_marks_put(const struct svg_sheet *s, int bottom_y)
{
	int y = s->top_y - svg_marks_height(s) - 2 * PX;

	put_lines(s, bottom_y);
	put_strip(s, false, y);
	if (s->failures)
		put_strip(s, true, y + STRIP);
}

int svg_mark_sign(const struct svg_sheet *s, const struct svg_mark *m, int x, int y)
{
	const struct sign sign = { m, m, m->entry->type == SIM_HEALED };

	put_sign(s->to, &sign, x, y);
	return sign_width(&sign);
}
