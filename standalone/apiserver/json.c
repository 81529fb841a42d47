// SPDX-License-Identifier: Apache-2.0
#include "standalone/apiserver/json.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { EXACT_DIGITS = 15 }; /* what a double surely keeps */

/*
 * What marks a number between the pass over the text and the one over the tree. Random, so
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

/*
 * cJSON takes more than RFC 8259 allows, and strings up to their first NUL. One pass over the text
 * stands before it: it refuses what cJSON would take, mends what Kubernetes mends, and marks the
 * numbers that a double does not keep.
 */
struct scan {
	const char *at, *end;
	const char *copied; /* up to here the text is in @clean, once that is needed at all */
	struct buf clean;
};

/* What was read so far goes over as it is, then @text in place of the next @skip bytes. */
static void put_instead(struct scan *s, size_t skip, const char *text)
{
	buf_add(&s->clean, s->copied, (size_t)(s->at - s->copied));
	buf_puts(&s->clean, text);
	s->at += skip;
	s->copied = s->at;
}

/* How many bytes the UTF-8 sequence at @s has; 0: it is none (RFC 3629 section 4). */
static size_t sequence_len(const unsigned char *s)
{
	size_t len = s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;

	for (size_t i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0; /* the NUL at the end, too */
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] >= 0xa0) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] >= 0x90))
		return 0;
	return len;
}

/* Four hexadecimal digits behind "\u"; -1: there are none. */
static int escaped_unit(const char *at)
{
	int unit = 0;

	if (at[0] != '\\' || at[1] != 'u')
		return -1;
	for (int i = 2; i < 6; i++) {
		if (!isxdigit((unsigned char)at[i]))
			return -1;
		int digit = at[i] <= '9' ? at[i] - '0' : (at[i] | 0x20) - 'a' + 10;
		unit = unit * 16 + digit;
	}
	return unit;
}

/* No NUL: a string would end there. Half a pair of surrogates becomes U+FFFD, as in Go. */
static bool scan_escape(struct scan *s)
{
	if (s->at[1] != 'u') { /* which others there are, cJSON knows */
		s->at += s->at[1] == '\0' ? 1 : 2;
		return true;
	}
	int unit = escaped_unit(s->at);
	if (unit <= 0)
		return false;
	if ((unit & 0xf800) != 0xd800) {
		s->at += 6;
	} else if (unit < 0xdc00 && (escaped_unit(s->at + 6) & ~0x3ff) == 0xdc00) {
		s->at += 12;
	} else {
		put_instead(s, 6, "\\ufffd");
	}
	return true;
}

/* Behind the opening quote. A byte that is no UTF-8 becomes U+FFFD, as in Go. */
static bool scan_string(struct scan *s)
{
	for (;;) {
		unsigned char c = (unsigned char)*s->at;

		if (c == '"') {
			s->at++;
			return true;
		}
		if (c < ' ') /* the NUL at the end, too */
			return false;
		if (c == '\\') {
			if (!scan_escape(s))
				return false;
		} else if (c < 0x80) {
			s->at++;
		} else {
			size_t len = sequence_len((const unsigned char *)s->at);

			if (len == 0)
				put_instead(s, 1, "\xef\xbf\xbd");
			s->at += len;
		}
	}
}

static const char *skip_digits(const char *at)
{
	while (isdigit((unsigned char)*at))
		at++;
	return at;
}

/*
 * RFC 8259 section 6, and not beyond what a double can say. Marked are integers with more digits
 * than one keeps, and whole numbers that were not written as integers: 1e1 is none to Kubernetes.
 */
static bool scan_number(struct scan *s)
{
	const char *digits = s->at + (*s->at == '-'), *at = skip_digits(digits);
	const char *whole_end = at;

	if (at == digits || (*digits == '0' && at - digits > 1))
		return false;
	if (*at == '.') {
		const char *fraction = at + 1;

		at = skip_digits(fraction);
		if (at == fraction)
			return false;
	}
	if (*at == 'e' || *at == 'E') {
		const char *exponent = at + 1 + (at[1] == '+' || at[1] == '-');

		at = skip_digits(exponent);
		if (at == exponent)
			return false;
	}
	bool marked = at - digits > EXACT_DIGITS;
	if (marked || at != whole_end) {
		double value = strtod(s->at, NULL);

		if (!isfinite(value))
			return false;
		marked = at == whole_end ? marked : value == floor(value) && fabs(value) < 1e15;
	}
	if (!marked) {
		s->at = at;
		return true;
	}
	size_t len = (size_t)(at - s->at);
	char *raw = mem_printf("\"%s%.*s\"", long_mark(), (int)len, s->at);
	put_instead(s, len, raw);
	free(raw);
	return true;
}

/* False: no JSON, or none that is to be taken. */
static bool scan_text(struct scan *s)
{
	while (s->at < s->end) {
		unsigned char c = (unsigned char)*s->at;

		if (c == '"') {
			s->at++;
			if (!scan_string(s))
				return false;
		} else if (c == '-' || isdigit(c)) {
			if (!scan_number(s))
				return false;
		} else if ((c < ' ' && c != '\t' && c != '\n' && c != '\r') || c >= 0x7f) {
			return false;
		} else {
			s->at++;
		}
	}
	return true;
}

/* False: a number stands where none may, as the name of a member. */
static bool unmark(cJSON *json)
{
	const char *mark = long_mark();
	size_t len = strlen(mark);
	bool good = json->string == NULL || strncmp(json->string, mark, len) != 0;
	cJSON *child;

	if (cJSON_IsString(json) && strncmp(json->valuestring, mark, len) == 0) {
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
	struct scan scan = { .at = text, .end = text + len, .copied = text };
	const char *end = NULL;

	if (!scan_text(&scan)) {
		buf_done(&scan.clean);
		return NULL;
	}
	bool changed = scan.copied != text;
	if (changed) {
		put_instead(&scan, 0, "");
		len = scan.clean.len;
		text = buf_take(&scan.clean);
	}
	cJSON *json = cJSON_ParseWithLengthOpts(text, len + 1, &end, 0);
	if (json != NULL) {
		while (end < text + len && isspace((unsigned char)*end))
			end++;
		if (end != text + len || (changed && !unmark(json)))
			json = (cJSON_Delete(json), NULL);
	}
	if (changed)
		free((void *)(uintptr_t)text);
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
