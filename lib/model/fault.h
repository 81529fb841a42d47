// SPDX-License-Identifier: Apache-2.0
/*
 * Faults found in the user's input, each with the place to mend: FILE:LINE: field: why.
 *
 * Readers go on after a fault and report them all; whoever asked decides what a
 * non-empty list means. A warning never makes input invalid.
 */
#ifndef BELLMAN_MODEL_FAULT_H
#define BELLMAN_MODEL_FAULT_H

#include "lib/base/array.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct fault {
	char *file;    /* "" for an object of the API */
	unsigned line; /* from 1; 0 when there is none to give */
	char *field;   /* path such as pools[0].addresses[1], or "" */
	char *message;
	bool warning;

	/*
	 * For users of MetalLB, whose ConfigurationState holds one error (config_first_error()):
	 * its words, NULL where it has none of its own, and when it would come upon this one. 0:
	 * first.
	 */
	char *summary;
	uint64_t rank;
};

struct faults {
	ARRAY_OF(struct fault);
	size_t errors; /* those that are not warnings */
};

/* Add one; the texts are copied. */
void faults_add(struct faults *f, bool warning, const char *file, unsigned line, const char *field,
		const char *fmt, ...) __attribute__((format(printf, 6, 7)));

/* Give the latest fault its summary, or another one. Nothing happens when there is no fault. */
void faults_summarize(struct faults *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Do both say the same about the same place? */
bool fault_equal(const struct fault *a, const struct fault *b);

/* One a line, as `FILE:LINE: field: why`, parts that are missing left out. */
void faults_print(const struct faults *f, FILE *to);
/* The same for one, without the newline, into @buf; returns @buf. For log lines. */
const char *fault_format(const struct fault *f, char *buf, size_t size);

void faults_free(struct faults *f);

#endif
