// SPDX-License-Identifier: Apache-2.0
/*
 * What plan, status and explain have in common: where they look, and how they print.
 *
 * Each is one run of the engines over a world; they differ in where it comes from, in whether what
 * the allocator decides is taken as done, and in how much they tell.
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
	const char *words; /* what --help calls the words that it takes; NULL: it takes none */
	const char *output, *lb_class, *config, *service_cidrs;
	struct live_cfg cfg;
	bool live;                         /* ask the API */
	bool status;                       /* tell what is: also where configuration is faulty */
	bool compare;                      /* keep apart what it holds, see struct sight */
	const char *about_ns, *about_name; /* keep the events on this Service; NULL: on none */
};

/* What there is to see. Zeroed at first. */
struct sight {
	struct world world; /* all there is, files in the place of what the API holds */
	struct world now;   /* what the API holds, alone; empty unless look.compare */
	struct since since;
	cJSON *leader; /* see leader.h; NULL: no API was asked */
	cJSON *events; /* a list of those on look.about_name, as the API has them; NULL: none */
	struct cluster cluster; /* of world, once look_decode() was called */
	bool blind;             /* its config is none: that of the API is faulty */
	struct sight_texts {
		ARRAY_OF(char *);
	} states, elsewhere; /* ConfigurationStates that tell of faults; pools, as NAMESPACE/NAME */
};

struct look look_new(const char *program, const char *summary, const char *words);

/*
 * Read the command line; what takes words takes files, and has the options for those. Does not
 * return when it is wrong. Returns the index of the first word in @argv, whose end they are moved
 * to; argc: there is none.
 */
int look_options(struct look *look, int argc, char **argv);

/*
 * For who looks in a way of its own, with more options: those of all that look, into @to, ended;
 * and a check of what was said with them. That does not return when it is wrong.
 */
#define LOOK_SPECS 7
void look_specs(struct look *look, struct option_spec to[static LOOK_SPECS]);
void look_check(const struct look *look);

/*
 * Read --config, the files of @words, and the API if @look says so. Faults in files are kept in
 * ret->world. Returns CTL_DONE, or CTL_UNREACHABLE, which is said.
 */
enum ctl_exit look_read(const struct look *look, char **words, int count, struct sight *ret);

/*
 * Decode ret->world into ret->cluster, and print what is wrong on stderr. Returns CTL_DONE, or
 * CTL_FAULT; in JSON the faults are printed as the answer then, too.
 *
 * Faults of what the API holds do not keep look.status from being told: it is CTL_DONE, and
 * sight_code() at the end.
 */
enum ctl_exit look_decode(const struct look *look, struct sight *ret);

/* Is JSON wanted, not a table? */
bool look_wants_json(const struct look *look);

/* The exit code where all was told that can be: CTL_FAULT with faults in it. */
enum ctl_exit sight_code(const struct sight *s);

void sight_done(struct sight *s);

#endif
