// SPDX-License-Identifier: Apache-2.0
/* The rows: labels, bars, what was dark, what was stolen. */
#include "sim/svg_sheet.h"

#include "lib/base/duration.h"

#define DARK_LEAST (2 * PX)    /* nothing dark is narrower */
#define DARK_TEXT  (NS_PER_MS) /* shorter times have no label */
#define MARKER     (3 * PX)    /* half the width of the sign above what is dark */

/* What a reader with a pointer is told. */
static void put_tip(const struct svg_sheet *s, const char *what, const struct sim_segment *g)
{
	char from[DURATION_TEXT_MAX], took[DURATION_TEXT_MAX];

	fputs("<title>", s->to);
	svg_escape(s->to, what);
	fprintf(s->to, " from %s, for %s</title>", duration_format(g->from_ns, from),
		duration_format(g->to_ns - g->from_ns, took));
}

/* --- bars ------------------------------------------------------------------------------------ */

/* Of several that announce it at once each has its share of the height. */
static void put_owned(const struct svg_sheet *s, const struct sim_segment *g, int y)
{
	int x = svg_x(s, g->from_ns), width = svg_x(s, g->to_ns) - x;
	int count = (int)g->node_count;

	for (int i = 0; i < count; i++) {
		int from = s->height * i / count, to = s->height * (i + 1) / count;
		fprintf(s->to, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"", x, y + from,
			width, to - from);
		svg_style_fill(s->to, svg_style_of(s, g->nodes[i]));
		fputc('>', s->to);
		put_tip(s, g->nodes[i], g);
		fputs("</rect>\n", s->to);
	}
}

static void put_waits(const struct svg_sheet *s, const struct sim_segment *g, int y)
{
	int x = svg_x(s, g->from_ns), width = svg_x(s, g->to_ns) - x;

	fprintf(s->to,
		"<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"white\" "
		"stroke=\"#777777\" stroke-width=\"8\" stroke-dasharray=\"30 20\">",
		x, y + 4, width, s->height - 8);
	put_tip(s, "in the status, announced by nobody", g);
	fputs("</rect>\n", s->to);
}

/* --- letters --------------------------------------------------------------------------------- */

/* A box to be written on, over what is there. */
static void put_box(const struct svg_sheet *s, int x, int y, int width, int height,
		    const char *colour)
{
	fprintf(s->to, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"%s\"/>\n", x, y,
		width, height, colour);
}

/* The node's name in its bar, where there is room for it. */
static void put_name(const struct svg_sheet *s, const struct sim_segment *g, int y)
{
	int x = svg_x(s, g->from_ns), width = svg_x(s, g->to_ns) - x;
	int need = svg_text_width(g->nodes[0], SVG_SMALL);
	unsigned style = svg_style_of(s, g->nodes[0]);
	const struct svg_text name = { x + width / 2, y + s->height / 2 + 32, SVG_SMALL, 0,
				       SVG_MIDDLE,    svg_style_ink(style) };

	if (g->node_count > 1 || need + 6 * PX > width)
		return;
	put_box(s, x + (width - need) / 2 - PX, y + PX, need + 2 * PX, s->height - 2 * PX,
		svg_style_colour(style));
	svg_text(s->to, &name, g->nodes[0]);
}

/* --- what is dark ---------------------------------------------------------------------------- */

static int middle_of(const struct svg_sheet *s, const struct sim_segment *g)
{
	return (svg_x(s, g->from_ns) + svg_x(s, g->to_ns)) / 2;
}

static void put_dark(const struct svg_sheet *s, const struct sim_segment *g, int y)
{
	int x = svg_x(s, g->from_ns), width = svg_x(s, g->to_ns) - x, middle = middle_of(s, g);
	bool narrow = width < 4 * DARK_LEAST;

	if (width < DARK_LEAST)
		width = DARK_LEAST;
	fprintf(s->to,
		"<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"%s\" "
		"stroke=\"black\" stroke-width=\"6\">",
		x, y, width, s->height, narrow ? "black" : "url(#dark)");
	put_tip(s, "dark", g);
	fputs("</rect>\n", s->to);
	fprintf(s->to, "<path d=\"M%d %dH%dL%d %dZ\"/>\n", middle - MARKER, y - 6 * PX + PX,
		middle + MARKER, middle, y);
}

/*
 * How long it was, above the bar and right or left of its sign, if there is room between @from and
 * @to. Returns where the text ends, or @from.
 */
static int put_length(const struct svg_sheet *s, const struct sim_segment *g, int y, int from,
		      int to)
{
	struct svg_text label = { .y = y - 2 * PX, .size = SVG_SMALL };
	int middle = middle_of(s, g);
	char took[DURATION_TEXT_MAX];

	duration_format(g->to_ns - g->from_ns, took);
	int width = svg_text_width(took, label.size);
	label.x = middle + MARKER + PX;
	if (label.x + width > to)
		label.x = middle - MARKER - PX - width;
	if (g->to_ns - g->from_ns < DARK_TEXT || label.x < from)
		return from;
	put_box(s, label.x, y - 9 * PX, width, 9 * PX - 4, "white");
	svg_text(s->to, &label, took);
	return label.x + width + PX;
}

static const struct sim_segment *next_dark(const struct sim_segments *segments, size_t from)
{
	for (size_t i = from; i < segments->count; i++)
		if (segments->items[i].type == SIM_SEGMENT_DARK)
			return &segments->items[i];
	return NULL;
}

static void put_darks(const struct svg_sheet *s, const struct sim_segments *segments, int y)
{
	const struct sim_segment *g, *next;
	int from = s->left_x;

	for (g = next_dark(segments, 0); g != NULL; g = next) {
		next = next_dark(segments, (size_t)(g - segments->items) + 1);
		put_dark(s, g, y);
		if (s->pitch - s->height < SVG_SMALL)
			continue; /* no room for letters */
		from = put_length(s, g, y, from,
				  next == NULL ? s->right_x : middle_of(s, next) - MARKER);
		if (from < middle_of(s, g) + MARKER)
			from = middle_of(s, g) + MARKER;
	}
}

/* --- a row ----------------------------------------------------------------------------------- */

static void put_stolen(const struct svg_sheet *s, const struct svg_row *row, int y)
{
	const int half = 4 * PX;

	for (size_t i = 0; i < row->history->count; i++) {
		const struct sim_entry *e = row->history->entries[i];
		if (e->type != SIM_STOLEN)
			continue;
		int x = svg_x(s, e->at_ns), middle = y + s->height / 2;
		for (int white = 1; white >= 0; white--) /* a white rim below the sign itself */
			fprintf(s->to,
				"<path d=\"M%d %dL%d %dM%d %dL%d %d\" stroke=\"%s\" "
				"stroke-width=\"%d\"/>\n",
				x - half, middle - half, x + half, middle + half, x - half,
				middle + half, x + half, middle - half, white ? "white" : "black",
				white ? 35 : 18);
	}
}

static uint64_t dark_in_all(const struct sim_segments *segments)
{
	uint64_t ns = 0;

	for (size_t i = 0; i < segments->count; i++)
		if (segments->items[i].type == SIM_SEGMENT_DARK)
			ns += segments->items[i].to_ns - segments->items[i].from_ns;
	return ns;
}

static void put_labels(const struct svg_sheet *s, size_t number, int y)
{
	const struct svg_row *row = &s->rows.items[number];
	const struct sim_entry *e = row->history->entries[0];
	struct svg_text label = { SVG_MARGIN, y + s->height / 2 + 4 * PX, SVG_PLAIN,
				  s->service_width };
	char ip[IP_TEXT_MAX], dark[DURATION_TEXT_MAX];
	uint64_t dark_ns = dark_in_all(&row->segments);

	if (number == 0 || s->rows.items[number - 1].history->entries[0]->service != e->service)
		svg_text(s->to, &label, e->service);
	label.x = s->left_x - 6 * PX;
	label.anchor = SVG_END;
	label.width = 0;
	svg_text(s->to, &label, ip_format(&e->ip, ip));
	if (dark_ns == 0)
		return;
	label.x = SVG_WIDTH - SVG_MARGIN;
	svg_text(s->to, &label, duration_format(dark_ns, dark));
}

static int row_y(const struct svg_sheet *s, size_t number)
{
	return s->top_y + (int)number * s->pitch + (s->pitch - s->height) - 2 * PX;
}

static void put_bars(const struct svg_sheet *s, size_t number)
{
	const struct sim_segments *segments = &s->rows.items[number].segments;
	int y = row_y(s, number);

	for (size_t i = 0; i < segments->count; i++) {
		const struct sim_segment *g = &segments->items[i];
		if (g->type == SIM_SEGMENT_OWNED)
			put_owned(s, g, y);
		else if (g->type == SIM_SEGMENT_WAITS)
			put_waits(s, g, y);
	}
}

/* What must be seen, whatever is below it. */
static void put_signs(const struct svg_sheet *s, size_t number)
{
	const struct svg_row *row = &s->rows.items[number];
	int y = row_y(s, number);

	put_labels(s, number, y);
	for (size_t i = 0; i < row->segments.count; i++) {
		const struct sim_segment *g = &row->segments.items[i];
		if (g->type == SIM_SEGMENT_OWNED)
			put_name(s, g, y);
	}
	put_darks(s, &row->segments, y);
	put_stolen(s, row, y);
}

void svg_rows_put_bars(const struct svg_sheet *s)
{
	for (size_t i = 0; i < s->rows.count; i++)
		put_bars(s, i);
}

void svg_rows_put_signs(const struct svg_sheet *s)
{
	const struct svg_text head = {
		SVG_WIDTH - SVG_MARGIN, s->top_y - 5 * PX, SVG_SMALL, 0, SVG_END, SVG_GREY
	};

	svg_text(s->to, &head, "dark in all");
	for (size_t i = 0; i < s->rows.count; i++)
		put_signs(s, i);
}
