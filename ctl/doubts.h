// SPDX-License-Identifier: Apache-2.0
/*
 * Whether what is seen here is what the daemons run with.
 *
 * They may have a configuration file that was not given here, another namespace, or keep an older
 * configuration because that of the API is faulty. Then their decisions are not those that are
 * worked out here, and whoever asks should know before all else.
 */
#ifndef BELLMAN_CTL_DOUBTS_H
#define BELLMAN_CTL_DOUBTS_H

#include "ctl/look.h"

/*
 * What tells against it in @sight, which is decoded; to be asked before engines write into it.
 * Returns a list of sentences for the caller to delete, empty when there is nothing.
 */
cJSON *doubts_find(const struct look *look, const struct sight *sight);

/* Print @doubts, one a line, and an empty line behind them; nothing when there are none. */
void doubts_print(const cJSON *doubts, FILE *to);

#endif
