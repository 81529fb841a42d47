// SPDX-License-Identifier: Apache-2.0
#include "lib/model/rule_causes.h"

#include <stdarg.h>
#include <stdio.h>

#include "lib/base/must.h"

/* --- texts ------------------------------------------------------------------------------ */

/* The letter after the backslash, or 0. */
static char escape_of(char c)
{
	static const char plain[] = "\a\b\f\n\r\t\v\\\"", letters[] = "abfnrtv\\\"";
	const char *at = c == '\0' ? NULL : strchr(plain, c);

	return at == NULL ? '\0' : letters[at - plain];
}

char *go_quoted(const char *text)
{
	char *quoted = must(malloc(strlen(text) * 4 + 3)), *to = quoted;

	*to++ = '"';
	for (; *text != '\0'; text++) {
		char letter = escape_of(*text);

		if (letter != '\0') {
			*to++ = '\\';
			*to++ = letter;
		} else if ((unsigned char)*text < 0x20 || *text == 0x7f) {
			to += sprintf(to, "\\x%02x", (unsigned)*text);
		} else {
			*to++ = *text;
		}
	}
	*to++ = '"';
	*to = '\0';
	return quoted;
}

/* []string{"a", "b"}, or []string(nil). */
static char *list_text(const char *type, const cJSON *list)
{
	char *text = NULL;
	size_t len;
	FILE *to = must(open_memstream(&text, &len));
	const cJSON *item;

	fprintf(to, "%s%s", type, list == NULL ? "(nil)" : "{");
	cJSON_ArrayForEach (item, list) {
		char *quoted = go_quoted(cJSON_GetStringValue(item));

		fprintf(to, "%s%s", item == list->child ? "" : ", ", quoted);
		free(quoted);
	}
	if (list != NULL)
		fputc('}', to);
	fclose(to);
	return must(text);
}

/* --- causes ------------------------------------------------------------------------------ */

/* FNV-1a. */
static uint32_t hash_of(const char *text)
{
	uint32_t hash = 2166136261u;

	for (; *text != '\0'; text++)
		hash = (hash ^ (unsigned char)*text) * 16777619u;
	return hash;
}

void causes_add(struct rule_causes *causes, const char *reason, const char *field, const char *fmt,
		...)
{
	struct rule_cause *c = must(array_push(causes));
	va_list args;

	c->reason = reason;
	c->field = must(strdup(field));
	va_start(args, fmt);
	c->message = must_vtext(fmt, args);
	va_end(args);
	c->hash = hash_of(c->field) ^ hash_of(c->message);
}

bool cause_is_repeated(const struct rule_causes *causes, size_t index)
{
	const struct rule_cause *c = &causes->items[index];

	for (const struct rule_cause *before = causes->items; before < c; before++)
		if (before->hash == c->hash && strcmp(before->field, c->field) == 0 &&
		    strcmp(before->message, c->message) == 0)
			return true;
	return false;
}

void causes_free(struct rule_causes *causes)
{
	for (size_t i = 0; i < causes->count; i++) {
		free(causes->items[i].field);
		free(causes->items[i].message);
	}
	array_free(causes);
}

void cause_required(struct rule_causes *causes, const char *field)
{
	causes_add(causes, "FieldValueRequired", field, "Required value");
}

void cause_forbidden(struct rule_causes *causes, const char *field, const char *why)
{
	causes_add(causes, "FieldValueForbidden", field, "Forbidden: %s", why);
}

void cause_invalid_text(struct rule_causes *causes, const char *field, const char *value,
			const char *why)
{
	char *quoted = go_quoted(value);

	causes_add(causes, "FieldValueInvalid", field, "Invalid value: %s: %s", quoted, why);
	free(quoted);
}

void cause_invalid_int(struct rule_causes *causes, const char *field, int value, const char *why)
{
	causes_add(causes, "FieldValueInvalid", field, "Invalid value: %d: %s", value, why);
}

void cause_invalid_list(struct rule_causes *causes, const char *field, const char *type,
			const cJSON *list, const char *why)
{
	char *shown = list_text(type, list);

	causes_add(causes, "FieldValueInvalid", field, "Invalid value: %s: %s", shown, why);
	free(shown);
}

void cause_unsupported(struct rule_causes *causes, const char *field, const char *value,
		       const char *const *words)
{
	char *quoted = go_quoted(value), *shown = must(strdup(""));

	for (const char *const *word = words; *word != NULL; word++) {
		char *longer = must_text("%s%s\"%s\"", shown, word == words ? "" : ", ", *word);

		free(shown);
		shown = longer;
	}
	causes_add(causes, "FieldValueNotSupported", field,
		   "Unsupported value: %s: supported values: %s", quoted, shown);
	free(quoted);
	free(shown);
}

void cause_unless_one_of(struct rule_causes *causes, const char *field, const char *value,
			 const char *const *words)
{
	for (const char *const *word = words; *word != NULL; word++)
		if (strcmp(*word, value) == 0)
			return;
	cause_unsupported(causes, field, value, words);
}

void cause_duplicate(struct rule_causes *causes, const char *field, const char *value)
{
	char *quoted = go_quoted(value);

	causes_add(causes, "FieldValueDuplicate", field, "Duplicate value: %s", quoted);
	free(quoted);
}
