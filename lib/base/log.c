// SPDX-License-Identifier: Apache-2.0
#include "lib/base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/utf8.h"

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

/*
 * Write @text to @to as the inside of a JSON string; stops at a whole character where the room
 * ends. Bytes that are no UTF-8 become U+FFFD: a line that a collector cannot parse is lost.
 */
static void json_escape(char *to, size_t room, const char *text)
{
	size_t n = 0;

	while (*text != '\0' && n + 7 < room) {
		unsigned char c = (unsigned char)*text;
		size_t len = utf8_len(text);
		if (c == '"' || c == '\\') {
			to[n++] = '\\';
			to[n++] = (char)c;
		} else if (c < 0x20 || c == 0x7f) {
			n += (size_t)snprintf(to + n, room - n, "\\u%04x", c);
		} else if (len == 0) {
			n += (size_t)snprintf(to + n, room - n, "\\ufffd");
			len = 1;
		} else {
			memcpy(to + n, text, len);
			n += len;
		}
		text += len;
	}
	to[n] = '\0';
}

/* Write @text to @to with control characters as blanks: one event a line, whatever a name from
 * outside holds. */
static void text_escape(char *to, size_t room, const char *text)
{
	size_t n = 0;

	for (; *text != '\0' && n + 1 < room; text++)
		to[n++] = (unsigned char)*text < 0x20 || *text == 0x7f ? ' ' : *text;
	to[n] = '\0';
}

/* Does the quote at @at end a value: is it the last character, or is the next key behind it? */
static bool ends_value(const char *at)
{
	static const char key[] = "abcdefghijklmnopqrstuvwxyz_0123456789";
	size_t len = at[1] == ' ' ? strspn(at + 2, key) : 0;

	return at[1] == '\0' || (len > 0 && at[2 + len] == '=');
}

/* Quotes within quoted values become single ones, so that one sees where a value ends. */
static void quotes_mend(char *pairs)
{
	for (char *at = strstr(pairs, "=\""); at != NULL; at = strstr(at, "=\"")) {
		for (at += 2; *at != '\0' && (*at != '"' || !ends_value(at)); at++)
			if (*at == '"')
				*at = '\'';
	}
}

void log_write(enum log_level level, const char *subsystem, const char *event, const char *fmt, ...)
{
	char pairs[2048], what[300], escaped[4200], line[4800], stamp[32];
	bool json = log_state.format == LOG_JSON;
	struct timespec now;
	struct tm tm;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(pairs, sizeof(pairs), fmt, ap);
	va_end(ap);
	quotes_mend(pairs);
	/* The event may hold foreign text as well: both go through the escape. */
	(json ? json_escape : text_escape)(what, sizeof(what), event);
	(json ? json_escape : text_escape)(escaped, sizeof(escaped), pairs);

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm);

	if (json)
		snprintf(line, sizeof(line),
			 "{\"ts\":\"%s.%03ldZ\",\"level\":\"%s\",\"program\":\"%s\",\"subsystem\":"
			 "\"%s\",\"event\":\"%s\",\"msg\":\"%s\"}\n",
			 stamp, now.tv_nsec / 1000000, level_names[level], log_state.program,
			 subsystem, what, escaped);
	else
		snprintf(line, sizeof(line), "%s.%03ldZ %-5s %s: %s%s%s\n", stamp,
			 now.tv_nsec / 1000000, level_names[level], subsystem, what,
			 escaped[0] == '\0' ? "" : " ", escaped);
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
