// SPDX-License-Identifier: Apache-2.0
/*
 * The log: one event a line on stderr, as text or as JSON.
 *
 *	log_info("arp", "announcing", "vip=%s if=%s", vip, ifname);
 *
 * subsystem, event, then key=value pairs. error: somebody must act. warn: it went
 * wrong, and what we do about it. info: a change of state, once. debug: per packet.
 * Never a secret in any line. Values with blanks in them are quoted by the caller
 * with %s inside '"'; quotes of their own are written as single ones. JSON keeps the pairs as one
 *string field `msg`.
 */
#ifndef BELLMAN_BASE_LOG_H
#define BELLMAN_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_NONE, LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_format { LOG_TEXT, LOG_JSON };

/* Level from its name on the command line (all, debug, info, warn, error, none). 0 or -EINVAL. */
int log_level_parse(const char *name, enum log_level *ret);

/* Set once at start. Before that: info and text. @program is kept by pointer. */
void log_setup(const char *program, enum log_level level, enum log_format format);
bool log_enabled(enum log_level level);

void log_write(enum log_level level, const char *subsystem, const char *event, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* The pairs are only evaluated when the level is on. Without pairs, pass "". */
#define LOG_AT(level, ...) (log_enabled(level) ? log_write(level, __VA_ARGS__) : (void)0)
#define log_error(...)     LOG_AT(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...)      LOG_AT(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...)      LOG_AT(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)     LOG_AT(LOG_LEVEL_DEBUG, __VA_ARGS__)

/*
 * A token bucket for lines that a stranger on the wire can trigger: at most
 * @burst at once and one each @every_ns after. @suppressed counts the rest.
 */
struct log_limit {
	uint64_t every_ns, burst, next_ns, suppressed;
};
bool log_limit_pass(struct log_limit *l, uint64_t now_ns);

#endif
