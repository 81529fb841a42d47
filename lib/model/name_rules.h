// SPDX-License-Identifier: Apache-2.0
/*
 * What names may look like in Kubernetes: labels and subdomains (RFC 1123, RFC 1035), values of
 * labels, qualified names such as example.com/role, names of ports (RFC 6335).
 *
 * Each check adds a cause for each fault of @value, in Kubernetes' words, and returns whether there
 * was none.
 */
#ifndef BELLMAN_MODEL_NAME_RULES_H
#define BELLMAN_MODEL_NAME_RULES_H

#include <stdbool.h>

#include "lib/model/rule_causes.h"

/* Lower case letters, digits and inner dashes, up to 63. */
bool name_check_label(struct rule_causes *causes, const char *field, const char *value);
/* The same, beginning with a letter. */
bool name_check_label_1035(struct rule_causes *causes, const char *field, const char *value);
/* The same but for its case, as kinds are named. */
bool name_check_kind(struct rule_causes *causes, const char *field, const char *value);
/* Labels of any length with dots between, 253 characters in all. */
bool name_check_subdomain(struct rule_causes *causes, const char *field, const char *value);
/* Nothing, or letters, digits, '-', '_' and '.', beginning and ending with the first two; up to 63.
 */
bool name_check_label_value(struct rule_causes *causes, const char *field, const char *value);
/* The same, not empty, with a subdomain and a slash before it or without. */
bool name_check_qualified(struct rule_causes *causes, const char *field, const char *value);
/* Lower case letters, one at least, digits and single inner dashes, up to 15. */
bool name_check_port(struct rule_causes *causes, const char *field, const char *value);

#endif
