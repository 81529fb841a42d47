// SPDX-License-Identifier: Apache-2.0
/* All frames of a run as a pcapng file: an interface block for each link, nanoseconds, and on every
 * frame of Bellman's a comment that says why it was sent. */
#ifndef BELLMAN_SIM_CAPTURE_H
#define BELLMAN_SIM_CAPTURE_H

#include <stdio.h>

#include "sim/net.h"

struct sim_capture;
/*
 * Listen to @n, which has all its links, and write to @to (borrowed). Times are those of @clock
 * after @epoch_ns since 1970. Returns NULL when out of memory.
 */
struct sim_capture *sim_capture_new(struct sim_net *n, struct sim_clock *clock, uint64_t epoch_ns,
				    FILE *to);
/* 0, or a negative errno of a write that failed. Frees it. */
int sim_capture_end(struct sim_capture *c);

#endif
