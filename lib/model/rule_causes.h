// SPDX-License-Identifier: Apache-2.0
/*
 * Why an object is refused, in the words of a Kubernetes Status: a reason, the field, a message.
 *
 * The messages show values as the Kubernetes API does, which prints them in Go's notation:
 * texts quoted, lists with their type ([]string{"10.0.0.1"}).
 */
#ifndef BELLMAN_MODEL_RULE_CAUSES_H
#define BELLMAN_MODEL_RULE_CAUSES_H

#include "lib/base/array.h"
#include <stdint.h>

#include <cjson/cJSON.h>
#include <stdbool.h>

/* One reason, as a cause of a Status. */
struct rule_cause {
	const char *reason; /* literal: FieldValueRequired, FieldValueInvalid,
			       FieldValueNotSupported, FieldValueForbidden, FieldValueDuplicate */
	char *field;        /* spec.ports[0].port */
	char *message;
	uint32_t hash; /* of field and message: there may be thousands to compare with */
};

struct rule_causes {
	ARRAY_OF(struct rule_cause);
};

/* Add one; the texts are copied. Ends the process when memory is short, as all of these. */
void causes_add(struct rule_causes *causes, const char *reason, const char *field, const char *fmt,
		...) __attribute__((format(printf, 4, 5)));
/* Is the one at @index said before in the same words? Kubernetes' messages tell it once. */
bool cause_is_repeated(const struct rule_causes *causes, size_t index);
void causes_free(struct rule_causes *causes);

/* "Required value", "Forbidden: WHY". */
void cause_required(struct rule_causes *causes, const char *field);
void cause_forbidden(struct rule_causes *causes, const char *field, const char *why);
/* "Invalid value: VALUE: WHY". */
void cause_invalid_text(struct rule_causes *causes, const char *field, const char *value,
			const char *why);
void cause_invalid_int(struct rule_causes *causes, const char *field, int value, const char *why);
/* @list: an array of texts or NULL; @type: that of Go, such as []string. */
void cause_invalid_list(struct rule_causes *causes, const char *field, const char *type,
			const cJSON *list, const char *why);
/* "Unsupported value: VALUE: supported values: ..." @words: sorted, ended by NULL. */
void cause_unsupported(struct rule_causes *causes, const char *field, const char *value,
		       const char *const *words);
/* The same, unless it is one of the words. */
void cause_unless_one_of(struct rule_causes *causes, const char *field, const char *value,
			 const char *const *words);
/* "Duplicate value: VALUE". */
void cause_duplicate(struct rule_causes *causes, const char *field, const char *value);

/* The text in quotes, with what does not print escaped as Go's %q does; the caller frees it. */
char *go_quoted(const char *text);

#endif
