// SPDX-License-Identifier: Apache-2.0
/*
 * What plan and status have in common: where they look, and how they print.
 *
 * Both are one run of the engines over a world; they differ in where it comes from, and in
 * whether what the allocator decides is taken as done.
 */
#ifndef BELLMAN_CTL_LOOK_H
#define BELLMAN_CTL_LOOK_H

#include "ctl/cluster.h"
#include "ctl/ctl.h"
#include "ctl/live.h"
#include "ctl/since.h"
#include "lib/daemon/options.h"

struct look {
	const char *program, *summary;
	const char *output, *lb_class, *config, *service_cidrs;
	struct live_cfg cfg;
	bool live;    /* ask the API */
	bool compare; /* keep apart what it holds, see struct sight */
};

/* What there is to see. Zeroed at first. */
struct sight {
	struct world world; /* all there is, files in the place of what the API holds */
	struct world now;   /* what the API holds, alone; empty unless look.compare */
	struct since since;
	struct cluster cluster; /* of world, once look_decode() was called */
};

struct look look_new(const char *program, const char *summary);

/*
 * Read the command line: @own, and behind them what all understand. Does not return when it is
 * wrong. The index of the first file in @argv, whose end they are moved to.
 */
int look_options(struct look *look, const struct option_spec *own, int argc, char **argv);

/*
 * Read --config, the files of @words, and the API if @look says so. Faults in files are kept in
 * ret->world. Returns CTL_DONE, or CTL_UNREACHABLE, which is said.
 */
enum ctl_exit look_read(const struct look *look, char **words, int count, struct sight *ret);

/*
 * Decode ret->world into ret->cluster, and print what is wrong on stderr. Returns CTL_DONE, or
 * CTL_FAULT; in JSON the faults are printed as the answer then, too.
 */
enum ctl_exit look_decode(const struct look *look, struct sight *ret);

/* Is JSON wanted, not a table? */
bool look_wants_json(const struct look *look);

void sight_done(struct sight *s);

#endif
