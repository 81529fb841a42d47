// SPDX-License-Identifier: Apache-2.0
#include "standalone/apiserver/json.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { EXACT_DIGITS = 15 }; /* what a double surely keeps */

/*
 * What marks a long integer between the pass over the text and the one over the tree. Random, so
 * that no string of a client begins with it.
 */
static const char *long_mark(void)
{
	static char mark[20];
	uint64_t random;

	if (mark[0] == '\0') {
		if (getrandom(&random, sizeof(random), 0) != sizeof(random))
			abort(); /* never for so few bytes once the system has booted */
		snprintf(mark, sizeof(mark), "#%016" PRIx64 "#", random);
	}
	return mark;
}

static size_t number_len(const char *at, const char *end, bool *is_long)
{
	const char *from = at;
	size_t digits = 0;
	bool integer = true;

	for (; at < end && (isdigit((unsigned char)*at) || strchr("+-.eE", *at) != NULL); at++) {
		if (*at == '\0')
			break;
		if (isdigit((unsigned char)*at))
			digits++;
		else if (*at != '-' || at != from)
			integer = false;
	}
	*is_long = integer && digits > EXACT_DIGITS;
	return (size_t)(at - from);
}

/* Copy @text with long integers quoted and marked. Returns false when there are none. */
static bool mark_long_integers(const char *text, size_t len, struct buf *marked)
{
	const char *end = text + len, *copied = text;
	bool quoted = false;

	for (const char *at = text; at < end;) {
		bool is_long;
		size_t n;

		if (quoted) {
			if (*at == '\\' && at + 1 < end)
				at++;
			else if (*at == '"')
				quoted = false;
			at++;
			continue;
		}
		if (!isdigit((unsigned char)*at) && *at != '-') {
			quoted = *at == '"';
			at++;
			continue;
		}
		n = number_len(at, end, &is_long);
		if (is_long) {
			buf_add(marked, copied, (size_t)(at - copied));
			buf_printf(marked, "\"%s%.*s\"", long_mark(), (int)n, at);
			copied = at + n;
		}
		at += n;
	}
	if (copied == text)
		return false;
	buf_add(marked, copied, (size_t)(end - copied));
	return true;
}

/* RFC 8259 section 6: no zeros in front. */
static bool is_integer(const char *text)
{
	const char *digits = text + (text[0] == '-');
	size_t n = strspn(digits, "0123456789");

	return n > 0 && digits[n] == '\0' && (digits[0] != '0' || n == 1);
}

/* False: an integer stands where none may, or is none. */
static bool unmark(cJSON *json)
{
	const char *mark = long_mark();
	size_t len = strlen(mark);
	bool good = json->string == NULL || strncmp(json->string, mark, len) != 0;
	cJSON *child;

	if (cJSON_IsString(json) && strncmp(json->valuestring, mark, len) == 0) {
		good = good && is_integer(json->valuestring + len);
		memmove(json->valuestring, json->valuestring + len,
			strlen(json->valuestring + len) + 1);
		json->type = cJSON_Raw | (json->type & cJSON_StringIsConst);
	}
	cJSON_ArrayForEach (child, json)
		good = unmark(child) && good;
	return good;
}

cJSON *js_parse(const char *text, size_t len)
{
	struct buf marked = { 0 };
	const char *end = NULL;
	bool has_long = mark_long_integers(text, len, &marked);

	if (has_long) {
		len = marked.len;
		text = buf_take(&marked);
	}
	cJSON *json = cJSON_ParseWithLengthOpts(text, len + 1, &end, 0);
	if (json != NULL) {
		while (end < text + len && isspace((unsigned char)*end))
			end++;
		if (end != text + len)
			json = (cJSON_Delete(json), NULL);
	}
	if (has_long) {
		if (json != NULL && !unmark(json))
			json = (cJSON_Delete(json), NULL);
		free((void *)(uintptr_t)text);
	}
	return json;
}

unsigned js_depth(const cJSON *json)
{
	unsigned deepest = 0;
	const cJSON *child;

	cJSON_ArrayForEach (child, json) {
		unsigned depth = js_depth(child);
		deepest = depth > deepest ? depth : deepest;
	}
	return deepest + 1;
}

static bool is_narrow(const cJSON *json)
{
	const cJSON *child;
	unsigned count = 0;

	cJSON_ArrayForEach (child, json)
		if (++count > JS_MEMBERS_MAX || !is_narrow(child))
			return false;
	return true;
}

bool js_is_moderate(const cJSON *json)
{
	return js_depth(json) <= JS_DEPTH_MAX && is_narrow(json);
}

struct text *js_print(const cJSON *json)
{
	char *printed = cJSON_PrintUnformatted(json);

	if (printed == NULL)
		abort(); /* the hooks of main() never return NULL */
	struct text *t = text_new(printed, strlen(printed));
	free(printed);
	return t;
}

cJSON *js_at(const cJSON *json, const char *path)
{
	char name[128];

	while (json != NULL) {
		size_t n = strcspn(path, ".");

		if (n >= sizeof(name))
			return NULL;
		memcpy(name, path, n);
		name[n] = '\0';
		json = cJSON_GetObjectItemCaseSensitive(json, name);
		if (path[n] == '\0')
			break;
		path += n + 1;
	}
	return (cJSON *)(uintptr_t)json;
}

const char *js_text(const cJSON *json, const char *path)
{
	return cJSON_GetStringValue(js_at(json, path));
}

long long js_int(const cJSON *json, const char *path, long long otherwise)
{
	const cJSON *n = js_at(json, path);

	if (cJSON_IsNumber(n) && n->valuedouble >= -9e15 && n->valuedouble <= 9e15)
		return (long long)n->valuedouble;
	return otherwise;
}

bool js_true(const cJSON *json, const char *path)
{
	return cJSON_IsTrue(js_at(json, path));
}

void js_set(cJSON *object, const char *name, cJSON *item)
{
	if (cJSON_GetObjectItemCaseSensitive(object, name) != NULL)
		cJSON_ReplaceItemInObjectCaseSensitive(object, name, item);
	else
		cJSON_AddItemToObject(object, name, item);
}

void js_set_text(cJSON *object, const char *name, const char *value)
{
	js_set(object, name, cJSON_CreateString(value));
}

void js_set_int(cJSON *object, const char *name, long long value)
{
	js_set(object, name, cJSON_CreateNumber((double)value));
}

void js_drop(cJSON *object, const char *name)
{
	cJSON_DeleteItemFromObjectCaseSensitive(object, name);
}

cJSON *js_object(cJSON *object, const char *name)
{
	cJSON *member = cJSON_GetObjectItemCaseSensitive(object, name);

	if (!cJSON_IsObject(member)) {
		member = cJSON_CreateObject();
		js_set(object, name, member);
	}
	return member;
}
