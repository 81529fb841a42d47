// SPDX-License-Identifier: Apache-2.0
/*
 * Command lines: one table of flags a program.
 *
 * Go's syntax, since MetalLB's manifests are taken as they are: one or two dashes,
 * `--name value` or `--name=value`, flags without value, `--flag=false`. Every
 * program also has --help, --version, --log-level and --log-format.
 */
#ifndef BELLMAN_DAEMON_OPTIONS_H
#define BELLMAN_DAEMON_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

enum opt_type {
	OPT_FLAG,     /* bool *to */
	OPT_TEXT,     /* const char **to: points into argv or the environment */
	OPT_LISTEN,   /* const char **to, the same: an address and port to serve at */
	OPT_DURATION, /* uint64_t *to: nanoseconds, from Go's notation */
	OPT_NUMBER,   /* uint64_t *to */
	OPT_IGNORED,  /* one of MetalLB's with no meaning here, with a value: accepted, warned of
			 once */
	OPT_IGNORED_FLAG, /* the same without a value */
};

struct option_spec {
	const char *name; /* without dashes; NULL ends the table */
	enum opt_type type;
	void *to;         /* holds the default before the call */
	const char *env;  /* variable that applies where the flag is not given; NULL: none */
	const char *arg;  /* what --help calls the value */
	const char *help; /* one line; NULL: not shown */
	bool *given;      /* set where a flag or its variable says it; NULL: nobody asks */
};

/*
 * Read the command line into what @specs points to, then set up the log under @program.
 *
 * Where neither a flag nor its variable says anything and there is a flag `config`, the group
 * `settings` of that file does (settings.h).
 *
 * An address in the file that is none is an error as on the command line, since nobody would look
 * for the daemon elsewhere; other settings that do not fit are left out.
 *
 * --help and --version print to stdout and exit 0. An unknown option, a value that does not
 * parse or a stray word: a line on stderr and exit 2.
 */
void options_parse(const char *program, const char *summary, const struct option_spec *specs,
		   int argc, char **argv);
/*
 * The same for a program that takes words, which --help calls @words ("FILE..."): they may stand
 * among the options and are moved to the end of @argv; *first_word is the index of the first one
 * (argc: none).
 */
void options_parse_words(const char *program, const char *summary, const char *words,
			 const struct option_spec *specs, int argc, char **argv, int *first_word);

/*
 * The values of --PREFIX-cert and --PREFIX-key: both or none, and files that can be read. Otherwise
 * it is wrong usage.
 */
void options_check_tls(const char *program, const char *prefix, const char *cert, const char *key);

/* Say what is wrong on stderr, point to --help, and exit 2. */
void options_usage(const char *program, const char *fmt, ...)
	__attribute__((noreturn, format(printf, 2, 3)));

#endif
