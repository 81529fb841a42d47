// SPDX-License-Identifier: Apache-2.0
#include "lib/base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static struct {
	const char *program;
	enum log_level level;
	enum log_format format;
} log_state = { "bellman", LOG_LEVEL_INFO, LOG_TEXT };

static const char *const level_names[] = { "none", "error", "warn", "info", "debug" };

int log_level_parse(const char *name, enum log_level *ret)
{
	if (strcmp(name, "all") == 0) {
		*ret = LOG_LEVEL_DEBUG;
		return 0;
	}
	for (size_t i = 0; i < sizeof(level_names) / sizeof(*level_names); i++) {
		if (strcmp(name, level_names[i]) == 0) {
			*ret = (enum log_level)i;
			return 0;
		}
	}
	return -EINVAL;
}

void log_setup(const char *program, enum log_level level, enum log_format format)
{
	log_state.program = program;
	log_state.level = level;
	log_state.format = format;
}

bool log_enabled(enum log_level level)
{
	return level <= log_state.level;
}

/* Append @text as the inside of a JSON string; stops where the room ends. */
static size_t json_escape(char *to, size_t room, const char *text)
{
	size_t n = 0;

	for (; *text != '\0' && n + 7 < room; text++) {
		unsigned char c = (unsigned char)*text;
		if (c == '"' || c == '\\') {
			to[n++] = '\\';
			to[n++] = (char)c;
		} else if (c < 0x20 || c == 0x7f) {
			n += (size_t)snprintf(to + n, room - n, "\\u%04x", c);
		} else {
			to[n++] = (char)c;
		}
	}
	to[n] = '\0';
	return n;
}

void log_write(enum log_level level, const char *subsystem, const char *event, const char *fmt, ...)
{
	char pairs[2048], escaped[4200], line[4800], stamp[32];
	struct timespec now;
	struct tm tm;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(pairs, sizeof(pairs), fmt, ap);
	va_end(ap);

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm);

	/* The event may hold foreign text as well: both go through the escape. */
	if (log_state.format == LOG_JSON) {
		char what[300];
		json_escape(what, sizeof(what), event);
		json_escape(escaped, sizeof(escaped), pairs);
		snprintf(line, sizeof(line),
			 "{\"ts\":\"%s.%03ldZ\",\"level\":\"%s\",\"program\":\"%s\",\"subsystem\":"
			 "\"%s\",\"event\":\"%s\",\"msg\":\"%s\"}\n",
			 stamp, now.tv_nsec / 1000000, level_names[level], log_state.program,
			 subsystem, what, escaped);
	} else {
		/* One event a line, whatever a name from outside holds. */
		for (char *c = pairs; *c != '\0'; c++)
			if ((unsigned char)*c < 0x20 || *c == 0x7f)
				*c = ' ';
		snprintf(line, sizeof(line), "%s.%03ldZ %-5s %s: %s%s%s\n", stamp,
			 now.tv_nsec / 1000000, level_names[level], subsystem, event,
			 pairs[0] == '\0' ? "" : " ", pairs);
	}
	/* One write, so lines of several processes on one terminal do not mix. */
	ssize_t ignored = write(STDERR_FILENO, line, strlen(line));
	(void)ignored;
}

bool log_limit_pass(struct log_limit *l, uint64_t now_ns)
{
	uint64_t slack = l->every_ns * l->burst;

	if (l->next_ns + l->every_ns > now_ns + slack) {
		l->suppressed++;
		return false;
	}
	if (l->next_ns < now_ns)
		l->next_ns = now_ns;
	l->next_ns += l->every_ns;
	return true;
}
