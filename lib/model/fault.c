// SPDX-License-Identifier: Apache-2.0
#include "lib/model/fault.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void faults_add(struct faults *f, bool warning, const char *file, unsigned line, const char *field,
		const char *fmt, ...)
{
	va_list ap;

	/* Counted first: short of memory the text may be lost, the verdict must not. */
	if (!warning)
		f->errors++;
	struct fault *fault = array_push(f);
	if (fault == NULL)
		return;
	fault->warning = warning;
	fault->line = line;
	fault->file = strdup(file == NULL ? "" : file);
	fault->field = strdup(field == NULL ? "" : field);
	va_start(ap, fmt);
	if (vasprintf(&fault->message, fmt, ap) < 0)
		fault->message = NULL;
	va_end(ap);
}

void faults_summarize(struct faults *f, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	if (f->count == 0)
		return;
	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	free(f->items[f->count - 1].summary);
	f->items[f->count - 1].summary = text;
}

static const char *text_of(const char *text)
{
	return text == NULL ? "" : text;
}

bool fault_equal(const struct fault *a, const struct fault *b)
{
	return a->line == b->line && strcmp(text_of(a->file), text_of(b->file)) == 0 &&
	       strcmp(text_of(a->field), text_of(b->field)) == 0 &&
	       strcmp(text_of(a->message), text_of(b->message)) == 0;
}

const char *fault_format(const struct fault *f, char *buf, size_t size)
{
	const char *file = text_of(f->file), *field = text_of(f->field);
	char line[16] = "";

	if (f->line > 0)
		snprintf(line, sizeof(line), ":%u", f->line);
	snprintf(buf, size, "%s%s%s%s%s%s%s", file, *file != '\0' ? line : "",
		 *file != '\0' ? ": " : "", field, *field != '\0' ? ": " : "",
		 f->warning ? "warning: " : "", text_of(f->message));
	return buf;
}

void faults_print(const struct faults *f, FILE *to)
{
	char buf[2048];

	for (size_t i = 0; i < f->count; i++)
		fprintf(to, "%s\n", fault_format(&f->items[i], buf, sizeof(buf)));
}

void faults_free(struct faults *f)
{
	for (size_t i = 0; i < f->count; i++) {
		free(f->items[i].file);
		free(f->items[i].field);
		free(f->items[i].message);
		free(f->items[i].summary);
	}
	array_free(f);
	f->errors = 0;
}
