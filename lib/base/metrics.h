// SPDX-License-Identifier: Apache-2.0
/*
 * Counters and gauges, and their Prometheus text (exposition format 0.0.4).
 *
 * A family is made once at start; a series is found or made by its label values
 * and may be dropped again. Values are 64-bit integers: nothing here needs more.
 * One thread, no locks.
 */
#ifndef BELLMAN_BASE_METRICS_H
#define BELLMAN_BASE_METRICS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum metric_type { METRIC_COUNTER, METRIC_GAUGE };

#define METRIC_LABELS_MAX 4

struct metrics;       /* a registry */
struct metric_family; /* owned by its registry */

struct metrics *metrics_new(void);
struct metrics *metrics_free(struct metrics *m); /* NULL is fine; returns NULL */

/*
 * Declare a family. @labels: label names, ended by NULL, at most METRIC_LABELS_MAX; NULL for none.
 * Strings are kept by pointer, so they must be literals. Never fails short of memory, which aborts.
 */
struct metric_family *metrics_family(struct metrics *m, const char *name, const char *help,
				     enum metric_type type, const char *const *labels);

/*
 * The value of one series, made at 0 when it is new. @values: as many as the family has labels;
 * copied. The pointer holds until the series is dropped, so a hot path may keep it.
 */
int64_t *metric_value(struct metric_family *f, const char *const *values);

/* Shorthand for families without and with one label. */
int64_t *metric_value0(struct metric_family *f);
int64_t *metric_value1(struct metric_family *f, const char *value);

/* Drop one series; one that is not there is fine. */
void metric_drop(struct metric_family *f, const char *const *values);
/* Drop every series of a family, for gauges that are set anew as a whole. */
void metric_clear(struct metric_family *f);

/*
 * Each series of the family of that name, by its label values, which are lent: as many as it has
 * labels. A family that is not there has none.
 */
void metrics_each(const struct metrics *m, const char *family,
		  void (*each)(void *arg, const char *const *values, int64_t value), void *arg);

/* Write the whole registry as Prometheus text, families in order of declaration. */
void metrics_write(const struct metrics *m, FILE *to);

#endif
