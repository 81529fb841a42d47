// SPDX-License-Identifier: Apache-2.0
/* The legend below the rows. */
#include "sim/svg_sheet.h"

#include "sim/report_words.h"

#define LINE   (18 * PX)
#define SWATCH (26 * PX)
#define HEIGHT (12 * PX) /* of a swatch */

#define MARKS_MOST   120 /* that are told */
#define MARKS_NARROW 8   /* from more on there are two columns */

static int put_heading(const struct svg_sheet *s, int y, const char *text)
{
	const struct svg_text heading = { SVG_MARGIN, y, SVG_PLAIN, .bold = true };

	svg_text(s->to, &heading, text);
	return y + LINE;
}

/* Where the next swatch with @text goes: *x moves on, and to the next line at the end of one. */
static void flow(int *x, int *y, const char *text)
{
	int width = SWATCH + 6 * PX + svg_text_width(text, SVG_PLAIN) + 14 * PX;

	if (*x > SVG_MARGIN && *x + width > SVG_WIDTH - SVG_MARGIN) {
		*x = SVG_MARGIN;
		*y += LINE;
	}
}

/* The text right of a swatch at *x, which moves behind it. */
static void put_meaning(const struct svg_sheet *s, int *x, int y, const char *text)
{
	const struct svg_text label = { *x + SWATCH + 6 * PX, y, SVG_PLAIN };

	svg_text(s->to, &label, text);
	*x += SWATCH + 6 * PX + svg_text_width(text, SVG_PLAIN) + 14 * PX;
}

/* --- nodes ----------------------------------------------------------------------------------- */

static int put_nodes(const struct svg_sheet *s, int y)
{
	int x = SVG_MARGIN;

	y = put_heading(s, y, "Nodes that announce");
	for (size_t i = 0; i < s->nodes.count; i++) {
		if (!s->announces.items[i])
			continue;
		flow(&x, &y, s->nodes.items[i]);
		fprintf(s->to, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"", x,
			y - HEIGHT + 2 * PX, SWATCH, HEIGHT);
		svg_style_fill(s->to, (unsigned)(i % SVG_STYLES));
		fputs("/>\n", s->to);
		put_meaning(s, &x, y, s->nodes.items[i]);
	}
	return y + LINE + 6 * PX;
}

/* --- signs ----------------------------------------------------------------------------------- */

/* Each in a field of SWATCH by HEIGHT. */
static void draw_dark(FILE *to)
{
	fputs("<rect width=\"260\" height=\"120\" fill=\"url(#dark)\" stroke=\"black\" "
	      "stroke-width=\"6\"/>",
	      to);
}

static void draw_short(FILE *to)
{
	fputs("<rect y=\"10\" width=\"260\" height=\"110\" fill=\"#DDDDDD\"/>"
	      "<rect x=\"120\" y=\"10\" width=\"20\" height=\"110\"/>"
	      "<path d=\"M100 -40H160L130 10Z\"/>",
	      to);
}

static void draw_waits(FILE *to)
{
	fputs("<rect y=\"4\" width=\"260\" height=\"112\" fill=\"white\" stroke=\"#777777\" "
	      "stroke-width=\"8\" stroke-dasharray=\"30 20\"/>",
	      to);
}

static void draw_two(FILE *to)
{
	fputs("<rect width=\"260\" height=\"60\" fill=\"#0072B2\"/>"
	      "<rect y=\"60\" width=\"260\" height=\"60\" fill=\"#E69F00\"/>",
	      to);
}

static void draw_stolen(FILE *to)
{
	fputs("<path d=\"M90 20L170 100M90 100L170 20\" stroke=\"black\" stroke-width=\"18\"/>",
	      to);
}

static int put_signs(const struct svg_sheet *s, int y)
{
	static const struct {
		void (*draw)(FILE *to);
		const char *means;
	} signs[] = {
		{ draw_dark, "dark: nobody answers" },
		{ draw_short, "dark for less than can be drawn" },
		{ draw_waits, "in the status, announced by nobody" },
		{ draw_two, "several announce it" },
		{ draw_stolen, "a foreign host begins to answer" },
	};
	int x = SVG_MARGIN;

	y = put_heading(s, y, "Signs");
	for (size_t i = 0; i < sizeof(signs) / sizeof(*signs); i++) {
		flow(&x, &y, signs[i].means);
		fprintf(s->to, "<g transform=\"translate(%d %d)\">", x, y - HEIGHT + 2 * PX);
		signs[i].draw(s->to);
		fputs("</g>\n", s->to);
		put_meaning(s, &x, y, signs[i].means);
	}
	return y + LINE + 6 * PX;
}

/* --- marks ----------------------------------------------------------------------------------- */

static void put_mark(const struct svg_sheet *s, const struct svg_mark *m, int x, int y, int width)
{
	const int after_sign = 30 * PX, after_moment = 80 * PX;
	struct svg_text text = { .y = y, .size = SVG_PLAIN };
	char moment[SIM_MOMENT_MAX];

	svg_mark_sign(s, m, x, y - HEIGHT + PX);
	text.x = x + after_sign + after_moment - 8 * PX;
	text.anchor = SVG_END;
	svg_text(s->to, &text, sim_moment_format(m->entry->at_ns, moment));
	text.x = x + after_sign + after_moment;
	text.anchor = SVG_START;
	text.width = width - after_sign - after_moment - 10 * PX;
	svg_text(s->to, &text, m->entry->text);
}

/* Down one column, then down the next. */
static int put_marks(const struct svg_sheet *s, int y)
{
	size_t told = s->marks.count < MARKS_MOST ? s->marks.count : MARKS_MOST;
	size_t columns = told > MARKS_NARROW ? 2 : 1, lines = (told + columns - 1) / columns;
	int width = (SVG_WIDTH - 2 * SVG_MARGIN) / (int)columns;
	char more[64];

	if (told == 0)
		return y;
	y = put_heading(s, y,
			s->failures ? "What was done, and what was not as it should be (!)"
				    : "What was done");
	for (size_t i = 0; i < told; i++)
		put_mark(s, &s->marks.items[i], SVG_MARGIN + (int)(i / lines) * width,
			 y + (int)(i % lines) * LINE, width);
	y += (int)lines * LINE;
	if (told == s->marks.count)
		return y;
	const struct svg_text rest = { SVG_MARGIN, y, SVG_PLAIN, .fill = SVG_GREY };
	snprintf(more, sizeof(more), "and %zu more", s->marks.count - told);
	svg_text(s->to, &rest, more);
	return y + LINE;
}

int svg_legend_put(const struct svg_sheet *s, int y)
{
	y = put_nodes(s, y);
	y = put_signs(s, y);
	return put_marks(s, y);
}
