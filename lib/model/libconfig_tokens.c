// SPDX-License-Identifier: Apache-2.0
/*
 * A pass over the tokens of a configuration file before libconfig reads it.
 *
 * libconfig 1.5 wraps integers above 31 bits without a word: they get its mark for 64 bits, L.
 * Beyond 63 bits there is no mark; such a number becomes a string that starts with
 * LIBCONFIG_TOO_LONG, and whoever reads the field finds that it is no number it can use. Lines
 * stay where they are. Nesting is bounded since libconfig is recursive, and @include is
 * refused: what it brings in would not come by here. So is a string where none can be, or
 * without an end, which libconfig would refuse too, but forget to free.
 */
#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/model/doc_read.h"

#define LIBCONFIG_SIZE_MAX (16u << 20) /* ten thousand pools take one */

struct pass {
	const char *at, *end;
	char *to;
	unsigned line;
	char last;                /* the first byte of the token before this one */
	char open[DOC_DEPTH_MAX]; /* brackets that are not closed yet */
	size_t depth;
};

static void copy_one(struct pass *p)
{
	p->line += *p->at == '\n';
	*p->to++ = *p->at++;
}

/* To the end of the line, or of the text. */
static void copy_line(struct pass *p)
{
	while (p->at < p->end && *p->at != '\n')
		copy_one(p);
}

static void copy_comment(struct pass *p)
{
	copy_one(p);
	copy_one(p);
	while (p->at < p->end && !(p->at[0] == '*' && p->at[1] == '/'))
		copy_one(p);
	for (int i = 0; i < 2 && p->at < p->end; i++)
		copy_one(p);
}

/* May a value stand here: behind a name and its sign, or as an item? */
static bool value_may_follow(const struct pass *p)
{
	if (p->last == ',')
		return p->depth > 0 && p->open[p->depth - 1] != '{';
	return p->last != '\0' && strchr("=:([", p->last) != NULL;
}

/* False when it has no end. */
static bool copy_string(struct pass *p)
{
	copy_one(p);
	while (p->at < p->end && *p->at != '"') {
		if (*p->at == '\\' && p->at + 1 < p->end)
			copy_one(p);
		copy_one(p);
	}
	if (p->at == p->end)
		return false;
	copy_one(p);
	return true;
}

static bool is_name_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '*' || c == '-';
}

/* A number: an integer that needs a mark gets it, a float is copied as it is. */
static void copy_number(struct pass *p)
{
	const char *from = p->at, *at = p->at;

	at += *at == '-' || *at == '+';
	bool hex = at[0] == '0' && (at[1] == 'x' || at[1] == 'X');
	const char *digits = hex ? at + 2 : at;
	at = digits + strspn(digits, hex ? "0123456789abcdefABCDEF" : "0123456789");
	bool whole = at > digits && (hex || strchr(".eE", *at) == NULL || *at == '\0');
	if (!whole) {
		do
			copy_one(p);
		while (p->at < p->end && strchr("0123456789.eE+-", *p->at) != NULL);
		return;
	}

	size_t len = (size_t)(at - from);
	while (*at == 'L') /* the user's own mark */
		at++;
	errno = 0;
	bool negative = *from == '-';
	unsigned long long n = strtoull(digits, NULL, hex ? 16 : 10);
	if (!value_may_follow(p)) { /* for libconfig to refuse */
		memcpy(p->to, from, len);
		p->to += len;
	} else if (errno != 0 || n > (unsigned long long)INT64_MAX + (negative ? 1 : 0)) {
		p->to += sprintf(p->to, "\"\\x%02x%.*s\"", LIBCONFIG_TOO_LONG, (int)len, from);
	} else {
		memcpy(p->to, from, len);
		p->to += len;
		if (at > from + len || n > (unsigned long long)INT32_MAX)
			*p->to++ = 'L';
	}
	p->at = at;
}

static int refuse(const char *file, unsigned line, struct faults *faults, const char *why)
{
	faults_add(faults, false, file, line, "", "%s", why);
	return -EBADMSG;
}

/* One bracket or other sign. False when it nests too deep. */
static bool copy_sign(struct pass *p)
{
	char c = *p->at;

	if (strchr("([{", c) != NULL) {
		if (p->depth == DOC_DEPTH_MAX)
			return false;
		p->open[p->depth++] = c;
	} else if (strchr(")]}", c) != NULL && p->depth > 0) {
		p->depth--;
	}
	copy_one(p);
	return true;
}

static int pass_all(struct pass *p, const char *file, struct faults *faults)
{
	while (p->at < p->end) {
		char c = *p->at, next = p->at[1]; /* there is a NUL behind the end */
		unsigned line = p->line;

		if (c == '\0')
			return refuse(file, line, faults, "a NUL byte in the text");
		if (c == '@')
			return refuse(file, line, faults,
				      "@include is not supported, put all in one file");
		if (c == '#' || (c == '/' && next == '/')) {
			copy_line(p);
			continue;
		}
		if (c == '/' && next == '*') {
			copy_comment(p);
			continue;
		}
		if (isspace((unsigned char)c)) {
			copy_one(p);
			continue;
		}
		if (c == '"') {
			if (p->last != '"' && !value_may_follow(p)) /* one goes on with another */
				return refuse(file, line, faults, "syntax error");
			if (!copy_string(p))
				return refuse(file, line, faults, "a string without an end");
		} else if (isdigit((unsigned char)c) || c == '.' ||
			   ((c == '-' || c == '+') && isdigit((unsigned char)next))) {
			copy_number(p);
		} else if (is_name_char(c)) {
			while (p->at < p->end && is_name_char(*p->at))
				copy_one(p);
		} else if (!copy_sign(p)) {
			return refuse(file, line, faults, "nested too deep");
		}
		p->last = c;
	}
	*p->to = '\0';
	return 0;
}

int libconfig_prepare(const char *file, const char *text, size_t len, struct faults *faults,
		      char **ret)
{
	if (len > LIBCONFIG_SIZE_MAX)
		return refuse(file, 0, faults, "too large for a configuration file");
	/* A mark is one byte on ten digits, a string six on nineteen: twice will do. */
	char *out = malloc(2 * len + 16);
	struct pass p = { .at = text, .end = text + len, .to = out, .line = 1 };

	if (out == NULL)
		return -ENOMEM;
	int rc = pass_all(&p, file, faults);
	if (rc != 0) {
		free(out);
		return rc;
	}
	*ret = out;
	return 0;
}
