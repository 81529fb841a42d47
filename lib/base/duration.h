// SPDX-License-Identifier: Apache-2.0
/* Durations as Go writes them ("90s", "1m30s", "100ms", "1.5h") and for people, in nanoseconds. */
#ifndef BELLMAN_BASE_DURATION_H
#define BELLMAN_BASE_DURATION_H

#include <stdint.h>

#define NS_PER_MS 1000000ull
#define NS_PER_S  1000000000ull

/*
 * Parse what Go's time.ParseDuration takes, without signs: units ns, us, ms, s, m, h,
 * fractions, several parts in a row, and a bare "0".
 * Returns 0, -EINVAL (not of that form) or -ERANGE (beyond 2^63 - 1 ns); *ret_ns untouched then.
 */
int duration_parse(const char *text, uint64_t *ret_ns);

#define DURATION_TEXT_MAX 32

/*
 * For people: three digits, rounded down, and no more zeros than are needed: "3.1 ms", "1.25 s";
 * from a minute on two units: "2 min 5 s", "3 h 7 min". Writes into @buf and returns it.
 */
const char *duration_format(uint64_t ns, char buf[static DURATION_TEXT_MAX]);

#endif
