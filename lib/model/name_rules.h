// SPDX-License-Identifier: Apache-2.0
/*
 * What names may look like in Kubernetes: labels and subdomains (RFC 1123), the words of label
 * values, qualified names such as example.com/role. Pure; the wording of a fault is the caller's.
 */
#ifndef BELLMAN_MODEL_NAME_RULES_H
#define BELLMAN_MODEL_NAME_RULES_H

#include <stdbool.h>
#include <stddef.h>

#define NAME_LABEL_MAX     63
#define NAME_SUBDOMAIN_MAX 253

/* Lower case letters, digits and inner dashes; 1..@max of them. @s need not end in NUL. */
bool name_is_label(const char *s, size_t len, size_t max);

/* Labels of at most @label_max with dots between, NAME_SUBDOMAIN_MAX in all. */
bool name_is_subdomain(const char *s, size_t len, size_t label_max);

/* Letters, digits, '-', '_' and '.', beginning and ending with the first two; 1..63 of them. */
bool name_is_word(const char *s);

/* A word, with a subdomain and a slash before it or without. */
bool name_is_qualified(const char *s, size_t label_max);

#endif
