// SPDX-License-Identifier: Apache-2.0
/*
 * JSON files: cJSON parses, then a second walk goes through text and tree in step to learn
 * the lines, to keep integers that a double would round, and to find keys that are there twice.
 *
 * The walk trusts the text, since cJSON took it: it only has to find where each value starts.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/model/doc_read.h"

struct walk {
	struct doc *doc;
	struct faults *faults;
	const char *at, *end;
	unsigned line;
	int rc;
};

/* Blanks, in cJSON's sense, and what stands between values. */
static void skip_between(struct walk *w)
{
	for (; w->at < w->end && ((unsigned char)*w->at <= ' ' || *w->at == ',' || *w->at == ':');
	     w->at++)
		w->line += *w->at == '\n';
}

static void skip_string(struct walk *w)
{
	unsigned line = w->line;

	for (w->at++; w->at < w->end && *w->at != '"'; w->at++) {
		w->line += *w->at == '\n';
		if (*w->at != '\\' || w->at + 1 == w->end)
			continue;
		w->at++;
		/* cJSON would end the text there, and two names could be one. */
		if (w->end - w->at >= 5 && memcmp(w->at, "u0000", 5) == 0) {
			faults_add(w->faults, false, w->doc->file, line, "",
				   "a text must not hold NUL");
			w->rc = -EBADMSG;
		}
	}
	w->at += w->at < w->end;
}

/* A number or a literal. An integer that a double would round is kept as its digits. */
static void skip_word(struct walk *w, cJSON *node)
{
	const char *from = w->at;

	while (w->at < w->end && (unsigned char)*w->at > ' ' && strchr(",:]}", *w->at) == NULL)
		w->at++;
	size_t len = (size_t)(w->at - from);
	size_t digits = strspn(from + (*from == '-'), "0123456789") + (*from == '-');
	if (!cJSON_IsNumber(node) || digits != len || len < 16)
		return;
	char *text = strndup(from, len);
	if (text == NULL) {
		w->rc = -ENOMEM;
		return;
	}
	cJSON *exact = doc_integer(text);
	if (cJSON_IsRaw(exact)) {
		node->type = cJSON_Raw | (node->type & ~0xff);
		node->valuestring = text; /* cJSON's allocator is malloc */
		text = NULL;
	}
	free(text);
	cJSON_Delete(exact);
}

static void walk_value(struct walk *w, cJSON *node)
{
	skip_between(w);
	if (w->rc == 0)
		w->rc = doc_note(w->doc, node, w->line);
	if (w->rc != 0)
		return;
	if (cJSON_IsString(node)) {
		skip_string(w);
		return;
	}
	if (!cJSON_IsArray(node) && !cJSON_IsObject(node)) {
		skip_word(w, node);
		return;
	}
	w->at++;
	for (cJSON *child = node->child; child != NULL && w->rc == 0; child = child->next) {
		skip_between(w);
		if (cJSON_IsObject(node))
			skip_string(w);
		walk_value(w, child);
	}
	skip_between(w);
	w->at++;
	if (w->rc == 0 && cJSON_IsObject(node))
		w->rc = doc_check_keys(w->doc, node, w->faults);
}

static int syntax_error(const struct walk *w, const char *at, struct faults *faults)
{
	unsigned line = w->line;

	for (const char *c = w->at; c < at && c < w->end; c++)
		line += *c == '\n';
	faults_add(faults, false, w->doc->file, line, "", "syntax error, this is not JSON");
	return -EBADMSG;
}

int doc_read_json(struct doc *d, const char *text, size_t len, struct faults *faults,
		  struct doc_roots *ret)
{
	struct walk w = { d, faults, text, text + len, 1, 0 };

	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		w.at += 3;
	/* One document after the other, as kubectl takes them. */
	for (;;) {
		const char *end = w.at;

		while (w.at < w.end && (unsigned char)*w.at <= ' ')
			w.line += *w.at++ == '\n';
		if (w.at == w.end)
			return 0;
		cJSON *root = cJSON_ParseWithLengthOpts(w.at, (size_t)(w.end - w.at), &end, false);
		if (root == NULL)
			return syntax_error(&w, end, faults);
		cJSON **slot = array_push(ret);
		if (slot == NULL) {
			cJSON_Delete(root);
			return -ENOMEM;
		}
		*slot = root;
		walk_value(&w, root);
		if (w.rc != 0)
			return w.rc;
	}
}
