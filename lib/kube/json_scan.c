// SPDX-License-Identifier: Apache-2.0
#include "lib/kube/json_scan.h"

/* Inside a string; true at its closing quote. */
static bool string_byte(struct json_scan *s, char c)
{
	if (s->escaped)
		s->escaped = false;
	else if (c == '\\')
		s->escaped = true;
	else if (c == '"')
		s->in_string = false;
	return !s->in_string;
}

/* Outside of strings and of brackets, a value is a number or a word: does @c end it? */
static bool ends_word(char c)
{
	return json_is_blank(c) || c == ',' || c == ']' || c == '}' || c == ':';
}

size_t json_scan(struct json_scan *s, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (s->in_string) {
			if (string_byte(s, c) && s->depth == 0)
				s->done = true;
		} else if (s->begun && s->depth == 0 && ends_word(c)) {
			s->done = true;
			return i; /* this byte is not of the value */
		} else if (c == '"') {
			s->in_string = true;
		} else if (c == '{' || c == '[') {
			s->too_deep = ++s->depth > JSON_DEPTH_MAX;
		} else if (c == '}' || c == ']') {
			/* At depth 0 only as the first byte: a value that the parser refuses. */
			s->done = s->depth == 0 || --s->depth == 0;
		}
		s->begun = true;
		if (s->done || s->too_deep)
			return i + 1;
	}
	return len;
}
