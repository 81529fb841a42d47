// SPDX-License-Identifier: Apache-2.0
#include "sim/svg_draw.h"

#include <string.h>

/* --- characters ------------------------------------------------------------------------------ */

/* How many bytes the character at @s has (RFC 3629), or 0: it is none that XML 1.0 may hold. */
static size_t character(const char *s)
{
	const unsigned char *b = (const unsigned char *)s;
	static const struct {
		unsigned char mask, lead;
		uint32_t least;
	} forms[] = { { 0x80, 0, 0x20 },
		      { 0xe0, 0xc0, 0x80 },
		      { 0xf0, 0xe0, 0x800 },
		      { 0xf8, 0xf0, 0x10000 } };

	for (size_t more = 0; more < sizeof(forms) / sizeof(*forms); more++) {
		if ((b[0] & forms[more].mask) != forms[more].lead)
			continue;
		uint32_t c = b[0] & (unsigned char)~forms[more].mask;
		for (size_t i = 1; i <= more; i++) {
			if ((b[i] & 0xc0) != 0x80)
				return 0;
			c = c << 6 | (b[i] & 0x3fu);
		}
		bool surrogate = c >= 0xd800 && c <= 0xdfff, none = c == 0xfffe || c == 0xffff;
		return c < forms[more].least || c > 0x10ffff || surrogate || none ? 0 : more + 1;
	}
	return 0;
}

/* Write one character and return how many bytes of @text it took. */
static size_t put_character(FILE *to, const char *text)
{
	size_t len = character(text);

	if (len == 0)
		fputc('?', to);
	else if (*text == '&')
		fputs("&amp;", to);
	else if (*text == '<')
		fputs("&lt;", to);
	else if (*text == '>')
		fputs("&gt;", to);
	else if (*text == '"')
		fputs("&quot;", to);
	else
		fwrite(text, 1, len, to);
	return len == 0 ? 1 : len;
}

void svg_escape(FILE *to, const char *text)
{
	while (*text != '\0')
		text += put_character(to, text);
}

/* --- texts ----------------------------------------------------------------------------------- */

/* In percent of the font's size; the widest of the usual sans-serif fonts has no more on average.
 */
#define CHARACTER_WIDTH 62

static int width_of(size_t characters, int size)
{
	return (int)characters * size * CHARACTER_WIDTH / 100;
}

static size_t characters_of(const char *text)
{
	size_t n = 0;

	while (*text != '\0') {
		size_t len = character(text);
		text += len == 0 ? 1 : len;
		n++;
	}
	return n;
}

int svg_text_width(const char *text, int size)
{
	return width_of(characters_of(text), size);
}

void svg_text(FILE *to, const struct svg_text *how, const char *text)
{
	static const char *const anchors[] = {
		[SVG_START] = "",
		[SVG_MIDDLE] = " text-anchor=\"middle\"",
		[SVG_END] = " text-anchor=\"end\"",
	};
	size_t room = SIZE_MAX;

	fprintf(to, "<text x=\"%d\" y=\"%d\" font-size=\"%d\"%s", how->x, how->y, how->size,
		anchors[how->anchor]);
	if (how->fill != NULL)
		fprintf(to, " fill=\"%s\"", how->fill);
	fprintf(to, "%s>", how->bold ? " font-weight=\"bold\"" : "");
	if (how->width > 0 && svg_text_width(text, how->size) > how->width) {
		room = 0;
		while (width_of(room + 2, how->size) <= how->width) /* with the ellipsis */
			room++;
	}
	for (; *text != '\0' && room > 0; room--)
		text += put_character(to, text);
	fprintf(to, "%s</text>\n", *text == '\0' ? "" : "\xe2\x80\xa6");
}

/* --- what the nodes look like ---------------------------------------------------------------- */

/*
 * Masataka Okabe and Kei Ito, "Color Universal Design", 2008. Neighbours differ in lightness, so
 * that they can be told apart in grey. Black is for the dark. The ink is what has more contrast.
 */
static const struct {
	const char *fill, *ink;
} colours[SVG_COLOURS] = {
	{ "#0072B2", "white" }, /* blue */
	{ "#E69F00", "black" }, /* orange */
	{ "#009E73", "black" }, /* bluish green */
	{ "#F0E442", "black" }, /* yellow */
	{ "#D55E00", "black" }, /* vermillion */
	{ "#56B4E9", "black" }, /* sky blue */
	{ "#8C8C8C", "black" }, /* grey */
	{ "#CC79A7", "black" }, /* reddish purple */
};

/* What is stroked in a tile of 8 by 8 pixels. */
static const char *const patterns[SVG_PATTERNS] = {
	NULL,
	"M-20 20L20 -20M0 80L80 0M60 100L100 60",                                       /* / */
	"M-20 60L20 100M0 0L80 80M60 -20L100 20",                                       /* \ */
	"M0 20H80M0 60H80",                                                             /* = */
	"M20 0V80M60 0V80",                                                             /* || */
	"M-20 20L20 -20M0 80L80 0M60 100L100 60M-20 60L20 100M0 0L80 80M60 -20L100 20", /* x */
	"M10 20H30M50 60H70",                                                           /* dots */
};

void svg_style_define(FILE *to, unsigned style)
{
	const char *path = patterns[style / SVG_COLOURS];

	if (path == NULL)
		return;
	fprintf(to,
		"<pattern id=\"s%u\" width=\"80\" height=\"80\" patternUnits=\"userSpaceOnUse\">"
		"<rect width=\"80\" height=\"80\" fill=\"%s\"/>"
		"<path d=\"%s\" stroke=\"%s\" stroke-width=\"12\"/></pattern>\n",
		style, svg_style_colour(style), path, svg_style_ink(style));
}

void svg_style_fill(FILE *to, unsigned style)
{
	if (patterns[style / SVG_COLOURS] == NULL)
		fprintf(to, " fill=\"%s\"", svg_style_colour(style));
	else
		fprintf(to, " fill=\"url(#s%u)\"", style);
}

const char *svg_style_colour(unsigned style)
{
	return colours[style % SVG_COLOURS].fill;
}

const char *svg_style_ink(unsigned style)
{
	return colours[style % SVG_COLOURS].ink;
}
