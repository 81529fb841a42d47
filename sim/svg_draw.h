// SPDX-License-Identifier: Apache-2.0
/*
 * Drawing in SVG 1.1: texts, boxes, colours. Lengths are tenths of a pixel and whole numbers, so
 * that no rounding of a machine's can show in the bytes.
 */
#ifndef BELLMAN_SIM_SVG_DRAW_H
#define BELLMAN_SIM_SVG_DRAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define PX 10 /* units of a pixel */

/* --- texts ----------------------------------------------------------------------------------- */

/* @text as XML 1.0 has it: escaped; what is no character is a question mark. */
void svg_escape(FILE *to, const char *text);

/* About how wide it is; no less in any font that is usual. */
int svg_text_width(const char *text, int size);

enum svg_anchor { SVG_START, SVG_MIDDLE, SVG_END };
/* @y is the base line. A text that would be wider than @width ends in an ellipsis. */
struct svg_text {
	int x, y, size, width;
	enum svg_anchor anchor;
	const char *fill;
	bool bold;
};
void svg_text(FILE *to, const struct svg_text *how, const char *text);

/* --- what the nodes look like ---------------------------------------------------------------- */

/* The colours of Okabe and Ito without black, and grey; then the same with a pattern on them. */
#define SVG_COLOURS  8
#define SVG_PATTERNS 7 /* the first is none */
#define SVG_STYLES   (SVG_COLOURS * SVG_PATTERNS)

/* Define the pattern of @style, which is below SVG_STYLES; inside <defs>. */
void svg_style_define(FILE *to, unsigned style);
/* The attribute that fills with it, with a blank in front. */
void svg_style_fill(FILE *to, unsigned style);
const char *svg_style_colour(unsigned style); /* without its pattern */
const char *svg_style_ink(unsigned style);    /* black or white: what is read best on it */

#endif
