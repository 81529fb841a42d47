// SPDX-License-Identifier: Apache-2.0
#include "lib/daemon/options.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/duration.h"
#include "lib/base/ip.h"
#include "lib/base/log.h"
#include "lib/daemon/settings.h"
#include "lib/model/file_io.h"

void options_usage(const char *program, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s: ", program);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\nTry '%s --help'.\n", program);
	exit(2);
}

void options_check_tls(const char *program, const char *prefix, const char *cert, const char *key)
{
	if ((cert == NULL) != (key == NULL))
		options_usage(program, "--%s-cert and --%s-key go together, one is missing", prefix,
			      prefix);
	int rc = cert == NULL ? 0 : file_check(cert);
	if (rc < 0)
		options_usage(program, "--%s-cert: %s: %s", prefix, cert, file_error(rc));
	rc = key == NULL ? 0 : file_check(key);
	if (rc < 0)
		options_usage(program, "--%s-key: %s: %s", prefix, key, file_error(rc));
}

static void print_help(const char *program, const char *summary, const char *words,
		       const struct option_spec *tables[2])
{
	printf("%s\n\nUsage: %s [options]%s%s\n\n", summary, program, *words == '\0' ? "" : " ",
	       words);
	for (size_t t = 0; t < 2; t++) {
		for (const struct option_spec *o = tables[t]; o->name != NULL; o++) {
			char left[64];
			if (o->help == NULL)
				continue;
			snprintf(left, sizeof(left), "%s%s %s", o->name[1] == '\0' ? "-" : "--",
				 o->name, o->arg ? o->arg : "");
			printf("  %-30s %s%s%s%s\n", left, o->help, o->env ? " [$" : "",
			       o->env ? o->env : "", o->env ? "]" : "");
		}
	}
	printf("  %-30s this text\n  %-30s the version\n", "--help", "--version");
}

static int parse_number(const char *text, uint64_t *ret)
{
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return -EINVAL;
	errno = 0;
	unsigned long long n = strtoull(text, &end, 10);
	if (errno != 0 || *end != '\0')
		return -EINVAL;
	*ret = n;
	return 0;
}

static int parse_bool(const char *text, bool *ret)
{
	bool yes = strcmp(text, "true") == 0 || strcmp(text, "1") == 0;

	if (!yes && strcmp(text, "false") != 0 && strcmp(text, "0") != 0)
		return -EINVAL;
	*ret = yes;
	return 0;
}

static bool takes_value(const struct option_spec *o)
{
	return o->type != OPT_FLAG && o->type != OPT_IGNORED_FLAG;
}

static int store(const struct option_spec *o, const char *value)
{
	struct ip_addr ip;
	uint16_t port;

	switch (o->type) {
	case OPT_FLAG:
		return parse_bool(value, o->to);
	case OPT_TEXT:
		*(const char **)o->to = value;
		return 0;
	case OPT_LISTEN:
		*(const char **)o->to = value;
		return ip_listen_parse(value, &ip, &port);
	case OPT_DURATION:
		return duration_parse(value, o->to);
	case OPT_NUMBER:
		return parse_number(value, o->to);
	case OPT_IGNORED:
	case OPT_IGNORED_FLAG:
		break;
	}
	return 0;
}

/* What was said by a flag or a variable: the file is not asked for it. */
struct given {
	const struct option_spec *specs[64];
	size_t count;
};

static bool is_given(const struct given *g, const struct option_spec *o)
{
	for (size_t i = 0; i < g->count; i++)
		if (g->specs[i] == o)
			return true;
	return false;
}

/* Store @value; @from names the flag or the variable in the error. */
static void apply(const char *program, const struct option_spec *o, const char *from,
		  const char *value, struct given *given)
{
	if (given->count < sizeof(given->specs) / sizeof(*given->specs) && !is_given(given, o))
		given->specs[given->count++] = o;
	if (o->given != NULL)
		*o->given = true;
	if (store(o, value) != 0)
		options_usage(program, "%.*s: '%s' is not %s", (int)strcspn(from, "="), from, value,
			      o->type == OPT_FLAG       ? "a truth value"
			      : o->type == OPT_DURATION ? "a duration such as 90s or 1m30s"
			      : o->type == OPT_LISTEN ? "an address and port such as 127.0.0.1:7473"
						      : "a number");
}

static const struct option_spec *find(const struct option_spec *tables[2], const char *name,
				      size_t len)
{
	for (size_t t = 0; t < 2; t++)
		for (const struct option_spec *o = tables[t]; o->name != NULL; o++)
			if (strlen(o->name) == len && strncmp(o->name, name, len) == 0)
				return o;
	return NULL;
}

static void apply_environment(const char *program, const struct option_spec *tables[2],
			      struct given *given)
{
	for (size_t t = 0; t < 2; t++) {
		for (const struct option_spec *o = tables[t]; o->name != NULL; o++) {
			const char *value = o->env == NULL ? NULL : getenv(o->env);
			if (value != NULL && *value != '\0')
				apply(program, o, o->env, value, given);
		}
	}
}

/*
 * What the file of --config says, where neither flag nor variable did. A value that does not fit is
 * left out: whoever follows the file says so with its line.
 */
static void apply_settings(const char *program, const struct option_spec *tables[2],
			   const struct given *given)
{
	static struct settings *settings; /* texts are borrowed from it as long as the process */
	const struct option_spec *config = find(tables, "config", strlen("config"));

	if (config == NULL || *(const char **)config->to == NULL)
		return;
	settings_free(settings);
	settings = settings_load(*(const char **)config->to);
	if (settings == NULL)
		return;
	for (size_t t = 0; t < 2; t++) {
		for (const struct option_spec *o = tables[t]; o->name != NULL; o++) {
			const char *value = settings_get(settings, o->name);
			if (value == NULL || is_given(given, o) || store(o, value) == 0)
				continue;
			if (o->type == OPT_LISTEN)
				options_usage(program,
					      "%s: settings.%s: '%s' is not an address and port "
					      "such as 127.0.0.1:7473",
					      *(const char **)config->to, o->name, value);
		}
	}
}

/* @words: what --help calls the words behind the options. */
static void parse(const char *program, const char *summary, const char *words,
		  const struct option_spec *specs, int argc, char **argv, int *first_word)
{
	const char *level_name = "info", *format_name = NULL;
	const struct option_spec common[] = {
		{ "log-level", OPT_TEXT, &level_name, NULL, "LEVEL",
		  "all, debug, info, warn, error or none (info)" },
		{ "log-format", OPT_TEXT, &format_name, NULL, "FORMAT",
		  "text or json (text on a terminal)" },
		{ 0 },
	};
	const struct option_spec *tables[2] = { specs, common };
	const char *ignored[16]; /* said once the log is set up */
	size_t ignored_count = 0;
	int word_count = 0;
	struct given given = { .count = 0 };

	/* The environment first: what the command line says comes over it. */
	apply_environment(program, tables, &given);

	for (int i = 1; i < argc; i++) {
		char *arg = argv[i];
		if (arg[0] != '-' || arg[1] == '\0') {
			argv[++word_count] = arg; /* never past what is read */
			continue;
		}
		if (strcmp(arg, "--") == 0) {
			while (++i < argc)
				argv[++word_count] = argv[i];
			break;
		}
		const char *name = arg + (arg[1] == '-' ? 2 : 1);
		size_t len = strcspn(name, "=");
		const char *value = name[len] == '=' ? name + len + 1 : NULL;

		if (strcmp(name, "help") == 0 || strcmp(name, "h") == 0) {
			print_help(program, summary, words, tables);
			exit(0);
		}
		if (strcmp(name, "version") == 0) {
			printf("%s %s\n", program, BELLMAN_VERSION);
			exit(0);
		}
		const struct option_spec *o = find(tables, name, len);
		if (o == NULL)
			options_usage(program, "unknown option '%s'", arg);
		if (value == NULL && takes_value(o)) {
			if (++i == argc)
				options_usage(program, "option '%s' needs a value", arg);
			value = argv[i];
		}
		apply(program, o, arg, value == NULL ? "true" : value, &given);
		if ((o->type == OPT_IGNORED || o->type == OPT_IGNORED_FLAG) &&
		    ignored_count < sizeof(ignored) / sizeof(*ignored))
			ignored[ignored_count++] = o->name;
	}

	apply_settings(program, tables, &given);

	enum log_level level;
	if (log_level_parse(level_name, &level) != 0)
		options_usage(program,
			      "--log-level: '%s' is none of all, debug, info, warn, error, none",
			      level_name);
	if (format_name == NULL)
		format_name = isatty(STDERR_FILENO) ? "text" : "json";
	if (strcmp(format_name, "text") != 0 && strcmp(format_name, "json") != 0)
		options_usage(program, "--log-format: '%s' is neither text nor json", format_name);
	log_setup(program, level, strcmp(format_name, "json") == 0 ? LOG_JSON : LOG_TEXT);
	for (size_t i = 0; i < ignored_count; i++)
		log_warn("options", "option has no effect here", "option=--%s", ignored[i]);

	*first_word = argc - word_count;
	memmove(argv + *first_word, argv + 1, (size_t)word_count * sizeof(*argv));
}

void options_parse_words(const char *program, const char *summary, const char *words,
			 const struct option_spec *specs, int argc, char **argv, int *first_word)
{
	parse(program, summary, words, specs, argc, argv, first_word);
}

void options_parse(const char *program, const char *summary, const struct option_spec *specs,
		   int argc, char **argv)
{
	int first_word;

	parse(program, summary, "", specs, argc, argv, &first_word);
	if (first_word < argc)
		options_usage(program, "stray word '%s'", argv[first_word]);
}
