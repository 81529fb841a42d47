// SPDX-License-Identifier: Apache-2.0
/*
 * `bellman simulate --replay`: what a speaker would have answered to the frames of a capture.
 *
 * The speaker's engine is told the cluster of the files, and hears the frames at the times at which
 * they were recorded, as node NODE on one interface. Nothing is sent, and no socket is opened.
 */
#ifndef BELLMAN_CTL_REPLAY_H
#define BELLMAN_CTL_REPLAY_H

#include "ctl/ctl.h"
#include "ctl/look.h"

struct replay_cfg {
	const char *capture;   /* file: pcap or pcapng, of one Ethernet link */
	const char *node;      /* who listens; one of the Nodes that are read */
	const char *interface; /* "NAME=MAC", or "NAME": with a MAC that nobody has; NULL: eth0 */
};

/*
 * Play it and print what comes of it, as look->output says. @words: the files that were given.
 * Wrong options end the process. Returns CTL_DONE, or CTL_FAULT or CTL_UNREACHABLE, which is said.
 */
enum ctl_exit simulate_replay(const struct replay_cfg *cfg, const struct look *look, char **words,
			      int count);

#endif
