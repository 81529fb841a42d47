// SPDX-License-Identifier: Apache-2.0
/* The JSON of `bellman plan` and `bellman status`, printed for machines or for people. */
#ifndef BELLMAN_CTL_REPORT_H
#define BELLMAN_CTL_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "lib/model/fault.h"

#include <cjson/cJSON.h>

/* What is told when the input is at fault: no services, no pools, and the errors of @faults. */
cJSON *report_of_faults(const struct faults *faults);

/* Add those errors to a report that tells more. */
void report_add_errors(cJSON *report, const struct faults *faults);

void report_json(const cJSON *report, FILE *to);
/* @status: with the columns that only status has. */
void report_table(const cJSON *report, bool status, FILE *to);
/* A list of changes (changes.h). */
void report_changes(const cJSON *changes, FILE *to);

#endif
