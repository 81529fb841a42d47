// SPDX-License-Identifier: Apache-2.0
/*
 * What the readers of all formats share: lines by node, List kinds, faults with a place.
 *
 * Lines live beside the trees, so that the decoders see plain cJSON whether an object came
 * from a file or from the API.
 */
#include "lib/model/doc.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/model/doc_read.h"

static size_t slot_of(const struct doc_lines *l, const cJSON *node)
{
	/* Heap pointers differ in the middle bits; spread them over the high ones. */
	size_t at = (size_t)(((uintptr_t)node >> 4) * 0x9e3779b97f4a7c15u >> 20) & (l->size - 1);

	while (l->slots[at].node != NULL && l->slots[at].node != node)
		at = (at + 1) & (l->size - 1);
	return at;
}

static int lines_grow(struct doc_lines *l)
{
	struct doc_lines bigger = { .size = l->size == 0 ? 256 : l->size * 2, .count = l->count };

	bigger.slots = calloc(bigger.size, sizeof(*bigger.slots));
	if (bigger.slots == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < l->size; i++)
		if (l->slots[i].node != NULL)
			bigger.slots[slot_of(&bigger, l->slots[i].node)] = l->slots[i];
	free(l->slots);
	*l = bigger;
	return 0;
}

int doc_note(struct doc *d, const cJSON *node, unsigned line)
{
	struct doc_lines *l = &d->lines;

	if (l->count * 2 >= l->size && lines_grow(l) != 0)
		return -ENOMEM;
	struct doc_line *slot = &l->slots[slot_of(l, node)];
	l->count += slot->node == NULL;
	*slot = (struct doc_line){ node, line };
	return 0;
}

unsigned doc_line(const struct doc *d, const cJSON *node)
{
	if (d == NULL || node == NULL || d->lines.size == 0)
		return 0;
	return d->lines.slots[slot_of(&d->lines, node)].line;
}

const char *doc_file(const struct doc *d)
{
	return d == NULL ? "" : d->file;
}

bool doc_is_config_file(const struct doc *d)
{
	return d != NULL && d->flat;
}

const struct doc_objects *doc_objects(const struct doc *d)
{
	return &d->objects;
}

struct doc *doc_free(struct doc *d)
{
	if (d == NULL)
		return NULL;
	for (size_t i = 0; i < d->objects.count; i++)
		cJSON_Delete(d->objects.items[i].json);
	for (size_t i = 0; i < d->roots.count; i++)
		cJSON_Delete(d->roots.items[i]);
	for (size_t i = 0; i < d->bases.count; i++)
		free(d->bases.items[i]);
	array_free(&d->objects);
	array_free(&d->roots);
	array_free(&d->bases);
	free(d->lines.slots);
	free(d->file);
	free(d);
	return NULL;
}

/* The path as the user wrote it: libconfig entries have no "spec." and no "metadata.". */
static const char *written_path(const struct doc *d, const char *field)
{
	if (d == NULL || !d->flat)
		return field;
	if (strcmp(field, "spec") == 0 || strcmp(field, "metadata") == 0)
		return "";
	if (strncmp(field, "spec.", 5) == 0)
		return field + 5;
	return strncmp(field, "metadata.", 9) == 0 ? field + 9 : field;
}

static void __attribute__((format(printf, 6, 0)))
add(bool warning, struct where where, const cJSON *node, struct faults *faults, const char *field,
    const char *fmt, va_list ap)
{
	const char *base = where.base == NULL ? "" : where.base;
	const char *own = field == NULL ? "" : written_path(where.doc, field);
	const char *dot = *base != '\0' && *own != '\0' && *own != '[' ? "." : "";
	char path[1024], message[1024];

	snprintf(path, sizeof(path), "%s%s%s", base, dot, own);
	vsnprintf(message, sizeof(message), fmt, ap);
	faults_add(faults, warning, doc_file(where.doc), doc_line(where.doc, node), path, "%s",
		   message);
}

void doc_fault(struct where where, const cJSON *node, struct faults *faults, const char *field,
	       const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(false, where, node, faults, field, fmt, ap);
	va_end(ap);
}

void doc_warn(struct where where, const cJSON *node, struct faults *faults, const char *field,
	      const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(true, where, node, faults, field, fmt, ap);
	va_end(ap);
}
