// SPDX-License-Identifier: Apache-2.0
/*
 * A journal in sentences, one line an entry:
 *
 *	   10.000 s  exclude node2
 *	   10.012 s  node3 announces web/front 10.0.0.240 (node2 still does)
 *
 * Where many entries say the same of many addresses at about the same time, one line says it of
 * all of them.
 */
#ifndef BELLMAN_SIM_REPORT_WORDS_H
#define BELLMAN_SIM_REPORT_WORDS_H

#include <stdio.h>

#include "sim/journal.h"

#define SIM_WORDS_GROUP_NS (100 * 1000000ull) /* how far apart they may be */
#define SIM_WORDS_SINGLE   5                  /* as many get a line each */

/* The timeline of @j. */
void sim_report_words(const struct sim_journal *j, FILE *to);

/* A moment as the timeline has it, seconds with three decimals, into @buf; returns @buf. */
#define SIM_MOMENT_MAX 32
const char *sim_moment_format(uint64_t at_ns, char buf[static SIM_MOMENT_MAX]);

#endif
