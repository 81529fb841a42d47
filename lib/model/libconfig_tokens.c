// SPDX-License-Identifier: Apache-2.0
/*
 * A pass over the tokens of a configuration file before libconfig reads it.
 *
 * libconfig 1.5 wraps integers above 31 bits without a word: they get its mark for 64 bits, L.
 * Beyond 63 bits there is no mark; such a number becomes a string that starts with
 * LIBCONFIG_TOO_LONG, and whoever reads the field finds that it is no number it can use. Lines
 * stay where they are. Nesting is bounded since libconfig is recursive, and @include is
 * refused: what it brings in would not come by here.
 */
#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/model/doc_read.h"

struct pass {
	const char *at, *end;
	char *to;
	unsigned line;
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

static void copy_string(struct pass *p)
{
	copy_one(p);
	while (p->at < p->end && *p->at != '"') {
		if (*p->at == '\\' && p->at + 1 < p->end)
			copy_one(p);
		copy_one(p);
	}
	if (p->at < p->end)
		copy_one(p);
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
	if (errno != 0 || n > (unsigned long long)INT64_MAX + (negative ? 1 : 0)) {
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

static int pass_all(struct pass *p, const char *file, struct faults *faults)
{
	unsigned depth = 0;

	while (p->at < p->end) {
		char c = *p->at, next = p->at[1]; /* there is a NUL behind the end */

		if (c == '\0')
			return refuse(file, p->line, faults, "a NUL byte in the text");
		if (c == '"') {
			copy_string(p);
		} else if (c == '#' || (c == '/' && next == '/')) {
			copy_line(p);
		} else if (c == '/' && next == '*') {
			copy_comment(p);
		} else if (isdigit((unsigned char)c) || c == '.' ||
			   ((c == '-' || c == '+') && isdigit((unsigned char)next))) {
			copy_number(p);
		} else if (is_name_char(c)) {
			while (p->at < p->end && is_name_char(*p->at))
				copy_one(p);
		} else if (c == '@') {
			return refuse(file, p->line, faults,
				      "@include is not supported, put all in one file");
		} else {
			if (strchr("([{", c) != NULL && ++depth > DOC_DEPTH_MAX)
				return refuse(file, p->line, faults, "nested too deep");
			if (strchr(")]}", c) != NULL && depth > 0)
				depth--;
			copy_one(p);
		}
	}
	*p->to = '\0';
	return 0;
}

int libconfig_prepare(const char *file, const char *text, size_t len, struct faults *faults,
		      char **ret)
{
	/* A mark is one byte on ten digits, a string seven more than its nineteen: twice is room.
	 */
	char *out = malloc(2 * len + 16);
	struct pass p = { text, text + len, out, 1 };

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
