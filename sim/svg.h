// SPDX-License-Identifier: Apache-2.0
/*
 * Who owned which address, drawn over time: a row an address, a colour and a pattern a node, lines
 * for what was done to the world. For screens and for paper, for those who see no colours, too.
 */
#ifndef BELLMAN_SIM_SVG_H
#define BELLMAN_SIM_SVG_H

#include "sim/report.h"

/* Write it to @to as SVG 1.1. The same run gives the same bytes. */
void sim_svg(const struct sim_result *r, FILE *to);

#endif
