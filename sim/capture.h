// SPDX-License-Identifier: Apache-2.0
/* All frames of a run as a pcapng file: an interface block for each link, nanoseconds, and on every
 * frame of Bellman's a comment: who sent it, and why. */
#ifndef BELLMAN_SIM_CAPTURE_H
#define BELLMAN_SIM_CAPTURE_H

#include <stdio.h>

#include "sim/net.h"

struct sim_capture;
/*
 * Listen to @n, which has all its links, and write to @to; both and @clock are borrowed until
 * sim_capture_end(). Times are those of @clock, which began @epoch_ns after 1970.
 */
struct sim_capture *sim_capture_new(struct sim_net *n, struct sim_clock *clock, uint64_t epoch_ns,
				    FILE *to);
/*
 * Listen no more, flush and free it. Returns 0, or a negative errno of the first write that failed;
 * nothing was written after that.
 */
int sim_capture_end(struct sim_capture *c);

#endif
