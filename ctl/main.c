// SPDX-License-Identifier: Apache-2.0
/* `bellman`: hands over to the subcommand that is named first. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "lib/daemon/options.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} commands[] = {
	{ "check", ctl_check, "look for faults in configuration files and manifests" },
	{ "plan", ctl_plan, "tell who would get which address, and which node announces it" },
	{ "status", ctl_status, "the same as it is in the cluster now, and why" },
	{ "explain", ctl_explain, "tell why one Service has its address, or waits for one" },
	{ "simulate", ctl_simulate, "play failures, or tell what would move without a node" },
	{ "capture", ctl_capture, "tell ARP and neighbour discovery on a link in words" },
};

static void print_help(void)
{
	printf("Look at a Bellman load balancer: before it runs, while it runs, and on the "
	       "wire.\n\n"
	       "Usage: bellman COMMAND [options]\n\n");
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		printf("  %-10s %s\n", commands[i].name, commands[i].help);
	printf("\n'bellman COMMAND --help' tells the options of each.\n");
}

/* What could not be said was not done: `bellman plan >file` on a full disk is no success. */
static int finish(int code)
{
	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	fprintf(stderr, "bellman: standard output: %s\n",
		errno != 0 ? strerror(errno) : "not all of it could be written");
	return code != CTL_DONE ? code : CTL_FAULT;
}

/*
 * A file that is opened must not get the number of a stream that the caller has closed: what is
 * printed would go there. In its place stands what cannot be written.
 */
static void fill_streams(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDONLY);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	const char *command = argc > 1 ? argv[1] : "";

	fill_streams();

	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (strcmp(command, commands[i].name) == 0)
			return finish(commands[i].run(argc - 1, argv + 1));
	if (strcmp(command, "--help") == 0 || strcmp(command, "-h") == 0 ||
	    strcmp(command, "help") == 0) {
		print_help();
		return finish(CTL_DONE);
	}
	if (strcmp(command, "--version") == 0) {
		printf("bellman %s\n", BELLMAN_VERSION);
		return finish(CTL_DONE);
	}
	if (argc > 1)
		options_usage("bellman", "unknown command '%s'", command);
	options_usage("bellman", "a command is needed");
}
