// SPDX-License-Identifier: Apache-2.0
/*
 * `bellman`, the tool: one function for each subcommand.
 *
 * Each takes its own words (argv[0] is the subcommand) and returns the exit code of the program;
 * what it says goes to stdout, what is wrong to stderr.
 */
#ifndef BELLMAN_CTL_CTL_H
#define BELLMAN_CTL_CTL_H

/* Exit codes of contracts. */
enum ctl_exit {
	CTL_DONE = 0,
	CTL_FAULT = 1,       /* in the input, or something could not be done, or did not hold */
	CTL_USAGE = 2,       /* options_usage() */
	CTL_LOSS = 3,        /* a Service would lose its address */
	CTL_UNREACHABLE = 4, /* the API */
};

int ctl_check(int argc, char **argv);
int ctl_plan(int argc, char **argv);
int ctl_explain(int argc, char **argv);
int ctl_status(int argc, char **argv);
int ctl_simulate(int argc, char **argv);
int ctl_capture(int argc, char **argv);

#endif
