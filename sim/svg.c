// SPDX-License-Identifier: Apache-2.0
/* The sheet: which rows are on it, where things are, the frame and the axis. */
#include "sim/svg.h"

#include <inttypes.h>

#include "lib/base/duration.h"
#include "lib/base/must.h"
#include "sim/svg_sheet.h"

#define ROWS_MOST 200 /* a sheet with more is not read */
#define ROWS_FEW  60  /* so many have room for letters above the bars */

#define FAR_RIGHT (84 * PX) /* room for the column on the right */

/* An overlap that takes less than this of the width is not drawn. */
#define SHORTEST (3 * PX / 2)

int svg_x(const struct svg_sheet *s, uint64_t at_ns)
{
	uint64_t until_ns = s->r->until_ns == 0 ? 1 : s->r->until_ns;

	if (at_ns > until_ns)
		at_ns = until_ns;
	return s->left_x + (int)((u128)at_ns * (u128)(s->right_x - s->left_x) / until_ns);
}

/* --- nodes ----------------------------------------------------------------------------------- */

static size_t node_number(const struct svg_sheet *s, const char *node)
{
	size_t i = 0;

	while (i < s->nodes.count && strcmp(s->nodes.items[i], node) != 0)
		i++;
	return i;
}

unsigned svg_style_of(const struct svg_sheet *s, const char *node)
{
	return (unsigned)(node_number(s, node) % SVG_STYLES);
}

static void note_node(struct svg_sheet *s, const char *node)
{
	size_t i = node_number(s, node);

	if (i == s->nodes.count)
		*(const char **)must(array_push(&s->nodes)) = node;
	while (s->announces.count < s->nodes.count)
		must(array_push(&s->announces));
	s->announces.items[i] = true;
}

/* All of the scenario, so that a node looks the same in every run of it. */
static void find_nodes(struct svg_sheet *s)
{
	for (size_t i = 0; i < s->r->nodes.count; i++)
		*(const char **)must(array_push(&s->nodes)) = s->r->nodes.items[i];
	for (size_t i = 0; i < s->rows.count; i++) {
		const struct sim_segments *g = &s->rows.items[i].segments;
		for (size_t j = 0; j < g->count; j++)
			for (unsigned n = 0; n < g->items[j].node_count; n++)
				note_node(s, g->items[j].nodes[n]);
	}
	while (s->announces.count < s->nodes.count)
		must(array_push(&s->announces));
}

/* --- rows ------------------------------------------------------------------------------------ */

static void add_row(struct svg_sheet *s, const struct sim_history_row *history, bool all)
{
	struct svg_row row = { .history = history };

	sim_segments_of(history, s->r->until_ns, &row.segments);
	bool calm = sim_segments_are_calm(&row.segments);
	if ((calm && !all) || s->rows.count == ROWS_MOST) {
		*(calm ? &s->calm_left : &s->left) += 1;
		array_free(&row.segments);
		return;
	}
	*(struct svg_row *)must(array_push(&s->rows)) = row;
}

static void find_rows(struct svg_sheet *s)
{
	sim_history_of(s->r->journal, &s->history);
	for (size_t i = 0; i < s->history.count; i++)
		add_row(s, &s->history.items[i], s->history.count <= ROWS_MOST);
}

/* --- where things are ------------------------------------------------------------------------ */

static int widest(int a, int b)
{
	return a > b ? a : b;
}

static void lay_out(struct svg_sheet *s)
{
	const int service_most = 220 * PX;
	char ip[IP_TEXT_MAX];
	int ip_width = 0;

	for (size_t i = 0; i < s->rows.count; i++) {
		const struct sim_entry *e = s->rows.items[i].history->entries[0];
		s->service_width = widest(s->service_width, svg_text_width(e->service, SVG_PLAIN));
		ip_width = widest(ip_width, svg_text_width(ip_format(&e->ip, ip), SVG_PLAIN));
	}
	if (s->service_width > service_most)
		s->service_width = service_most;
	s->left_x = SVG_MARGIN + s->service_width + 10 * PX + ip_width + 8 * PX;
	s->right_x = SVG_WIDTH - SVG_MARGIN - FAR_RIGHT;
	s->pitch = s->rows.count <= ROWS_FEW ? 26 * PX : 14 * PX;
	s->height = s->rows.count <= ROWS_FEW ? 15 * PX : 11 * PX;
	s->top_y = 56 * PX + svg_marks_height(s);
}

static void simplify(struct svg_sheet *s)
{
	uint64_t short_ns =
		(uint64_t)((u128)s->r->until_ns * SHORTEST / (u128)(s->right_x - s->left_x));

	for (size_t i = 0; i < s->rows.count; i++)
		sim_segments_simplify(&s->rows.items[i].segments, short_ns);
}

/* --- the frame ------------------------------------------------------------------------------- */

static void put_head(const struct svg_sheet *s, int height)
{
	fprintf(s->to,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" version=\"1.1\" width=\"%d\" "
		"height=\"%d\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" "
		"stroke-linecap=\"butt\">\n",
		SVG_WIDTH / PX, height / PX, SVG_WIDTH, height);
	fputs("<defs>\n"
	      "<pattern id=\"dark\" width=\"60\" height=\"60\" patternUnits=\"userSpaceOnUse\">"
	      "<rect width=\"60\" height=\"60\" fill=\"white\"/>"
	      "<path d=\"M-15 15L15 -15M0 60L60 0M45 75L75 45\" stroke=\"black\" "
	      "stroke-width=\"28\"/></pattern>\n",
	      s->to);
	for (unsigned i = 0; i < s->nodes.count && i < SVG_STYLES; i++)
		if (s->announces.items[i])
			svg_style_define(s->to, i);
	fprintf(s->to, "</defs>\n<rect width=\"%d\" height=\"%d\" fill=\"white\"/>\n", SVG_WIDTH,
		height);
}

static void put_title(const struct svg_sheet *s)
{
	char title[400], about[200], took[DURATION_TEXT_MAX];
	const struct svg_text big = { SVG_MARGIN, 24 * PX, SVG_TITLE, SVG_WIDTH - 2 * SVG_MARGIN,
				      .bold = true };
	const struct svg_text small = { SVG_MARGIN, 42 * PX, SVG_PLAIN, 0, .fill = SVG_GREY };

	snprintf(title, sizeof(title), "%s, seed %" PRIu64, s->r->scenario, s->r->seed);
	svg_text(s->to, &big, title);
	snprintf(about, sizeof(about),
		 "who announces each address, over %s; nodes: %zu, "
		 "addresses: %zu",
		 duration_format(s->r->until_ns, took), s->r->nodes.count, s->history.count);
	svg_text(s->to, &small, about);
}

/* The finest of the usual steps that makes no more than a dozen. */
static uint64_t tick_step(uint64_t until_ns)
{
	static const uint64_t below_s[] = { 1, 2, 5 };
	static const uint64_t in_s[] = { 1,   2,   5,    10,   15,   30,    60,    120,  300,
					 600, 900, 1800, 3600, 7200, 14400, 28800, 86400 };
	const uint64_t most = 12, day_ns = 86400 * NS_PER_S;

	for (uint64_t ns = 1; ns < NS_PER_S; ns *= 10)
		for (size_t i = 0; i < 3; i++)
			if (until_ns / (ns * below_s[i]) <= most)
				return ns * below_s[i];
	for (size_t i = 0; i < sizeof(in_s) / sizeof(*in_s); i++)
		if (until_ns / NS_PER_S / in_s[i] <= most)
			return in_s[i] * NS_PER_S;
	return (until_ns / most / day_ns + 1) * day_ns;
}

static void put_axis(const struct svg_sheet *s, int bottom_y)
{
	uint64_t step_ns = tick_step(s->r->until_ns), last = s->r->until_ns / step_ns;
	char when[DURATION_TEXT_MAX];
	struct svg_text label = { .y = bottom_y + 15 * PX,
				  .size = SVG_PLAIN,
				  .anchor = SVG_MIDDLE };

	fprintf(s->to, "<g stroke=\"#CCCCCC\" stroke-width=\"5\">\n");
	for (uint64_t i = 0; i <= last; i++)
		fprintf(s->to, "<path d=\"M%d %dV%d\"/>\n", svg_x(s, i * step_ns), s->top_y,
			bottom_y + 4 * PX);
	fprintf(s->to, "</g>\n");
	for (uint64_t i = 0; i <= last; i++) {
		label.x = svg_x(s, i * step_ns);
		svg_text(s->to, &label, duration_format(i * step_ns, when));
	}
}

static void put_border(const struct svg_sheet *s, int bottom_y)
{
	fprintf(s->to,
		"<path d=\"M%d %dV%dH%d\" fill=\"none\" stroke=\"black\" stroke-width=\"10\"/>\n",
		s->left_x, s->top_y, bottom_y, s->right_x);
}

static int put_left_out(const struct svg_sheet *s, int y)
{
	struct svg_text small = { SVG_MARGIN, y, SVG_PLAIN, 0, .fill = SVG_GREY };
	char text[200];

	if (s->calm_left > 0) {
		snprintf(text, sizeof(text), "not drawn: %zu addresses that kept their owner",
			 s->calm_left);
		svg_text(s->to, &small, text);
		small.y += 16 * PX;
	}
	if (s->left > 0) {
		snprintf(text, sizeof(text),
			 "not drawn: %zu addresses more, for which there is no room", s->left);
		svg_text(s->to, &small, text);
		small.y += 16 * PX;
	}
	if (s->r->journal->left_out > 0) {
		snprintf(text, sizeof(text),
			 "not known: %" PRIu64 " entries that the journal left out",
			 s->r->journal->left_out);
		svg_text(s->to, &small, text);
		small.y += 16 * PX;
	}
	return small.y;
}

/* --- all of it ------------------------------------------------------------------------------- */

/* Everything below the head; returns how high the sheet is. */
static int put_body(const struct svg_sheet *s)
{
	int bottom_y = s->top_y + (int)s->rows.count * s->pitch;

	put_title(s);
	put_axis(s, bottom_y);
	svg_rows_put_bars(s);
	put_border(s, bottom_y);
	svg_marks_put(s, bottom_y);
	svg_rows_put_signs(s);
	int y = put_left_out(s, bottom_y + 38 * PX);
	return svg_legend_put(s, y);
}

static void sheet_done(struct svg_sheet *s)
{
	for (size_t i = 0; i < s->rows.count; i++)
		array_free(&s->rows.items[i].segments);
	array_free(&s->rows);
	array_free(&s->nodes);
	array_free(&s->announces);
	array_free(&s->marks);
	sim_history_done(&s->history);
}

void sim_svg(const struct sim_result *r, FILE *to)
{
	struct svg_sheet s = { .r = r };
	char *body = NULL;
	size_t len;

	find_rows(&s);
	find_nodes(&s);
	svg_marks_find(&s);
	lay_out(&s);
	simplify(&s);
	/* How high it is stands in front, and is known at the end. */
	s.to = must(open_memstream(&body, &len));
	int height = put_body(&s) + SVG_MARGIN;
	fclose(s.to);
	s.to = to;
	put_head(&s, height);
	fwrite(must(body), 1, len, to);
	fputs("</svg>\n", to);
	free(body);
	sheet_done(&s);
}
