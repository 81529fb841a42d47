// SPDX-License-Identifier: Apache-2.0
/* A drawing on its way to the paper: what is on it and where. Shared by the files sim/svg*.c. */
#ifndef BELLMAN_SIM_SVG_SHEET_H
#define BELLMAN_SIM_SVG_SHEET_H

#include "sim/report.h"
#include "sim/segment.h"
#include "sim/svg_draw.h"

#define SVG_WIDTH  (1200 * PX)
#define SVG_MARGIN (12 * PX)

/* Sizes of letters. */
#define SVG_TITLE (16 * PX)
#define SVG_PLAIN (11 * PX)
#define SVG_SMALL (9 * PX)

#define SVG_GREY "#555555" /* what explains */

struct svg_row {
	const struct sim_history_row *history;
	struct sim_segments segments;
};

/* A step of the timeline, or something that was not as it should be. */
struct svg_mark {
	const struct sim_entry *entry;
	unsigned number; /* from 1, each kind for itself */
	bool failure;
	int x;
};

struct svg_sheet {
	FILE *to;
	const struct sim_result *r;
	struct sim_history history;
	struct {
		ARRAY_OF(struct svg_row);
	} rows;                 /* that are drawn */
	size_t calm_left, left; /* addresses that are not: that kept their owner; others */
	struct names nodes;     /* whose number is their style */
	struct {
		ARRAY_OF(bool);
	} announces; /* by node */
	struct {
		ARRAY_OF(struct svg_mark);
	} marks;
	bool failures; /* there are marks of these */

	int left_x, right_x;      /* of the time axis */
	int top_y, pitch, height; /* of the first row, from row to row, of a bar */
	int service_width;        /* of the column of names */
};

/* Where a moment is. */
int svg_x(const struct svg_sheet *s, uint64_t at_ns);
/* The style of a node, below SVG_STYLES. */
unsigned svg_style_of(const struct svg_sheet *s, const char *node);

/* What is drawn below the lines of the marks, and what is drawn above them. */
void svg_rows_put_bars(const struct svg_sheet *s);
void svg_rows_put_signs(const struct svg_sheet *s);

void svg_marks_find(struct svg_sheet *s);
void svg_marks_put(const struct svg_sheet *s, int bottom_y);
/* The signs of marks above the plot need so much room. */
int svg_marks_height(const struct svg_sheet *s);

/* Above a mark's line, or in the legend: the left end of its sign is at @x. Returns how wide. */
int svg_mark_sign(const struct svg_sheet *s, const struct svg_mark *m, int x, int y);

/*
 * What the nodes look like, what the other signs mean, what the marks stand for. Returns the y
 * below it.
 */
int svg_legend_put(const struct svg_sheet *s, int y);

#endif
