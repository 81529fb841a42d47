// SPDX-License-Identifier: Apache-2.0
#include "lib/model/json.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define PATH_MAX_TEXT 512

struct json json_root(struct json_source *source, const cJSON *value, const char *path)
{
	return (struct json){ .source = source, .key = path, .value = value };
}

struct json json_get(const struct json *of, const char *key)
{
	const cJSON *value = NULL;

	if (json_is_object(of))
		value = cJSON_GetObjectItemCaseSensitive(of->value, key);
	return (struct json){ .source = of->source, .up = of, .key = key, .value = value };
}

struct json json_first(const struct json *of)
{
	const cJSON *value = json_absent(of) ? NULL : of->value->child;
	bool member = value != NULL && cJSON_IsObject(of->value);

	return (struct json){
		.source = of->source, .up = of, .key = member ? value->string : NULL, .value = value
	};
}

struct json json_next(const struct json *j)
{
	struct json next = *j;

	next.value = j->value->next;
	if (next.key != NULL)
		next.key = next.value == NULL ? "" : next.value->string;
	else
		next.index++;
	return next;
}

bool json_absent(const struct json *j)
{
	return j->value == NULL || cJSON_IsNull(j->value);
}

const char *json_type_name(const cJSON *value)
{
	return value == NULL || cJSON_IsNull(value) ? "null"
	       : cJSON_IsString(value)              ? "a string"
	       : cJSON_IsBool(value)                ? "a boolean"
	       : cJSON_IsArray(value)               ? "a list"
	       : cJSON_IsObject(value)              ? "a map"
						    : "a number";
}

static bool is_of_type(const struct json *j, cJSON_bool (*is)(const cJSON *), const char *wanted)
{
	if (json_absent(j))
		return false;
	if (is(j->value))
		return true;
	/* Told once: what should be a map is asked for each of its members. */
	if (j->source->last == j->value)
		return false;
	j->source->last = j->value;
	json_fault(j, "must be %s, not %s", wanted, json_type_name(j->value));
	return false;
}

bool json_is_object(const struct json *j)
{
	return is_of_type(j, cJSON_IsObject, "a map");
}

bool json_is_list(const struct json *j)
{
	return is_of_type(j, cJSON_IsArray, "a list");
}

size_t json_count(const struct json *j)
{
	size_t n = 0;

	if (json_is_list(j))
		for (const cJSON *c = j->value->child; c != NULL; c = c->next)
			n++;
	return n;
}

const char *json_text(const struct json *j)
{
	return is_of_type(j, cJSON_IsString, "a string") ? j->value->valuestring : NULL;
}

bool json_bool(const struct json *j, bool absent)
{
	return is_of_type(j, cJSON_IsBool, "true or false") ? cJSON_IsTrue(j->value) : absent;
}

bool json_integer(const cJSON *value, int64_t *ret)
{
	const double exact = 9007199254740992.0; /* 2^53 */

	if (cJSON_IsNumber(value)) {
		double d = value->valuedouble;
		if (!(d >= -exact && d <= exact) || d != (double)(int64_t)d)
			return false;
		*ret = (int64_t)d;
		return true;
	}
	if (!cJSON_IsRaw(value) || value->valuestring == NULL)
		return false;
	char *end;
	errno = 0;
	int64_t n = strtoll(value->valuestring, &end, 10);
	if (errno != 0 || end == value->valuestring || *end != '\0')
		return false;
	*ret = n;
	return true;
}

int64_t json_int(const struct json *j, int64_t min, int64_t max, int64_t absent)
{
	int64_t n;

	if (json_absent(j))
		return absent;
	if (!json_integer(j->value, &n)) {
		if (cJSON_IsNumber(j->value) || cJSON_IsRaw(j->value))
			json_fault(j, "must be a whole number in %" PRId64 "..%" PRId64, min, max);
		else
			json_fault(j, "must be a whole number, not %s", json_type_name(j->value));
		return absent;
	}
	if (n < min || n > max) {
		json_fault(j, "%" PRId64 " is not in %" PRId64 "..%" PRId64, n, min, max);
		return absent;
	}
	return n;
}

const char *json_need_text(const struct json *j)
{
	const char *text = json_text(j);

	if (json_absent(j) || (text != NULL && *text == '\0')) {
		json_fault(j, "is required");
		return NULL;
	}
	return text;
}

int json_word(const struct json *j, const char *const *words, int absent)
{
	const char *text = json_text(j);

	if (text == NULL)
		return absent;
	for (int i = 0; words[i] != NULL; i++)
		if (strcmp(words[i], text) == 0)
			return i;

	char known[256] = "";
	for (int i = 0; words[i] != NULL; i++) {
		size_t used = strlen(known);
		snprintf(known + used, sizeof(known) - used, "%s%s", i == 0 ? "" : ", ", words[i]);
	}
	json_fault(j, "\"%s\" is none of %s", text, known);
	return absent;
}

/* Levenshtein's distance, case ignored; SIZE_MAX for texts too long to be a slip of one another. */
static size_t edit_distance(const char *a, const char *b)
{
	size_t row[64], len = strlen(b);

	if (len >= sizeof(row) / sizeof(*row) || strlen(a) >= 2 * sizeof(row) / sizeof(*row))
		return SIZE_MAX;
	for (size_t i = 0; i <= len; i++)
		row[i] = i;
	for (size_t i = 0; a[i] != '\0'; i++) {
		size_t corner = row[0]++;
		for (size_t k = 0; k < len; k++) {
			bool same = tolower((unsigned char)a[i]) == tolower((unsigned char)b[k]);
			size_t best = corner + (same ? 0 : 1);
			corner = row[k + 1];
			if (row[k] + 1 < best)
				best = row[k] + 1;
			if (corner + 1 < best)
				best = corner + 1;
			row[k + 1] = best;
		}
	}
	return row[len];
}

const char *json_nearest(const char *text, const char *const *known)
{
	const char *nearest = NULL;
	size_t distance = 1 + strlen(text) / 2; /* farther away it is another word */

	for (size_t i = 0; known[i] != NULL; i++) {
		size_t d = edit_distance(text, known[i]);
		if (d < distance) {
			distance = d;
			nearest = known[i];
		}
	}
	return nearest;
}

/* Within the spec of an object that comes from an API. */
static bool is_stored_spec(const struct json *j)
{
	const char *first = "";

	for (; j != NULL; j = j->up)
		if (j->key != NULL && *j->key != '\0')
			first = j->key;
	return strcmp(first, "spec") == 0 || strncmp(first, "spec.", strlen("spec.")) == 0;
}

void json_unknown(const struct json *j, const char *const *known)
{
	const char *nearest = json_nearest(j->key, known);

	/* Without faults it is what has been checked already that is read, where it stood is lost.
	 */
	if (j->source->where.doc == NULL && (j->source->faults == NULL || is_stored_spec(j)))
		json_warn(j, "unknown field, ignored");
	else if (nearest != NULL)
		json_fault(j, "unknown field, did you mean %s?", nearest);
	else
		json_fault(j, "unknown field");
}

size_t json_path(const struct json *j, char *buf, size_t size)
{
	size_t at = j->up == NULL ? 0 : json_path(j->up, buf, size);
	int n;

	if (j->key == NULL)
		n = snprintf(buf + at, size - at, "[%u]", j->index);
	else if (*j->key == '\0') /* the same place, read anew */
		n = snprintf(buf + at, size - at, "%s", "");
	else if (j->up != NULL && strpbrk(j->key, "./") != NULL) /* a label, an annotation */
		n = snprintf(buf + at, size - at, "[%s]", j->key);
	else
		n = snprintf(buf + at, size - at, "%s%s", at > 0 ? "." : "", j->key);
	at += n < 0 ? 0 : (size_t)n;
	return at < size ? at : size - 1;
}

static void __attribute__((format(printf, 3, 0)))
report(const struct json *j, bool warning, const char *fmt, va_list ap)
{
	struct json_source *s = j->source;
	const cJSON *known = NULL;
	char path[PATH_MAX_TEXT] = "", message[512];

	if (!warning)
		s->failed = true;
	if (s->faults == NULL)
		return;
	/* What is absent has no line: its owner has. */
	for (const struct json *up = j; up != NULL && doc_line(s->where.doc, known) == 0;
	     up = up->up)
		known = up->value;
	json_path(j, path, sizeof(path));
	vsnprintf(message, sizeof(message), fmt, ap);
	if (warning)
		doc_warn(s->where, known, s->faults, path, "%s", message);
	else
		doc_fault(s->where, known, s->faults, path, "%s", message);
}

void json_fault(const struct json *j, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	report(j, false, fmt, ap);
	va_end(ap);
}

void json_warn(const struct json *j, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	report(j, true, fmt, ap);
	va_end(ap);
}

void json_summarize(const struct json *j, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	if (j->source->faults == NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	faults_summarize(j->source->faults, "%s", text);
}
