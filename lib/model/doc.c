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

struct doc *doc_new(const char *file)
{
	struct doc *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->file = strdup(file);
	return d->file == NULL ? doc_free(d) : d;
}

struct doc *doc_free(struct doc *d)
{
	if (d == NULL)
		return NULL;
	for (size_t i = 0; i < d->objects.count; i++)
		cJSON_Delete(d->objects.items[i].json);
	for (size_t i = 0; i < d->kept.count; i++)
		cJSON_Delete(d->kept.items[i]);
	for (size_t i = 0; i < d->bases.count; i++)
		free(d->bases.items[i]);
	array_free(&d->objects);
	array_free(&d->kept);
	array_free(&d->bases);
	free(d->lines.slots);
	free(d->file);
	free(d);
	return NULL;
}

int doc_keep(struct doc *d, cJSON *tree)
{
	cJSON **slot = array_push(&d->kept);

	if (slot == NULL) {
		cJSON_Delete(tree);
		return -ENOMEM;
	}
	*slot = tree;
	return 0;
}

static bool is_list_kind(const cJSON *kind, const cJSON *items)
{
	size_t len = cJSON_IsString(kind) ? strlen(kind->valuestring) : 0;

	return len >= 4 && strcmp(kind->valuestring + len - 4, "List") == 0 && cJSON_IsArray(items);
}

int doc_add_object(struct doc *d, cJSON *json, const char *base, struct faults *faults)
{
	cJSON *items = cJSON_GetObjectItemCaseSensitive(json, "items");
	const cJSON *kind = cJSON_GetObjectItemCaseSensitive(json, "kind");
	const cJSON *version = cJSON_GetObjectItemCaseSensitive(json, "apiVersion");
	struct where where = { d, NULL };

	if (cJSON_IsNull(json)) /* an empty document, say two "---" in a row */
		return doc_keep(d, json);
	if (is_list_kind(kind, items)) {
		int rc = 0;
		while (rc == 0 && items->child != NULL) {
			cJSON *item = cJSON_DetachItemViaPointer(items, items->child);
			rc = doc_add_object(d, item, base, faults);
		}
		int keep = doc_keep(d, json);
		return rc != 0 ? rc : keep;
	}
	if (!cJSON_IsObject(json) || !cJSON_IsString(kind) || !cJSON_IsString(version)) {
		doc_fault(where, json, faults, "",
			  cJSON_IsObject(json) ? "an object needs apiVersion and kind"
					       : "is no object with apiVersion and kind");
		return doc_keep(d, json);
	}

	if (base != NULL) {
		char **slot = array_push(&d->bases);
		if (slot == NULL || (*slot = strdup(base)) == NULL) {
			cJSON_Delete(json);
			return -ENOMEM;
		}
		where.base = *slot;
	}
	struct doc_object *o = array_push(&d->objects);
	if (o == NULL) {
		cJSON_Delete(json);
		return -ENOMEM;
	}
	*o = (struct doc_object){ json, where };
	return 0;
}

static int key_cmp(const void *a, const void *b)
{
	const cJSON *x = *(const cJSON *const *)a, *y = *(const cJSON *const *)b;

	return strcmp(x->string, y->string);
}

int doc_check_keys(const struct doc *d, const cJSON *map, struct faults *faults)
{
	size_t count = (size_t)cJSON_GetArraySize(map), i = 0;

	if (count < 2)
		return 0;
	const cJSON **members = calloc(count, sizeof(*members));
	if (members == NULL)
		return -ENOMEM;
	for (const cJSON *j = map->child; j != NULL; j = j->next)
		members[i++] = j;
	qsort(members, count, sizeof(*members), key_cmp);
	for (i = 1; i < count; i++) {
		if (strcmp(members[i - 1]->string, members[i]->string) != 0)
			continue;
		unsigned one = doc_line(d, members[i - 1]), two = doc_line(d, members[i]);
		faults_add(faults, false, d->file, one > two ? one : two, members[i]->string,
			   "is there twice, first at line %u", one < two ? one : two);
	}
	free(members);
	return 0;
}

cJSON *doc_integer(const char *digits)
{
	/* A double is exact up to 2^53, but cJSON prints no more than 15 digits of it. */
	const int64_t exact = 999999999999999;

	errno = 0;
	int64_t n = strtoll(digits, NULL, 10);
	if (errno != 0 || n < -exact || n > exact)
		return cJSON_CreateRaw(digits);
	return cJSON_CreateNumber((double)n);
}

/* What makes something of the text of a file. */
typedef int text_reader(struct doc *d, const char *text, size_t len, struct faults *faults);
typedef int manifest_reader(struct doc *d, const char *text, size_t len, struct faults *faults,
			    struct doc_roots *ret);

static int read_manifest(struct doc *d, manifest_reader *read, const char *text, size_t len,
			 struct faults *faults)
{
	struct doc_roots roots = { 0 };
	int rc = read(d, text, len, faults, &roots);

	for (size_t i = 0; i < roots.count; i++) {
		if (rc == 0)
			rc = doc_add_object(d, roots.items[i], NULL, faults);
		else
			cJSON_Delete(roots.items[i]);
	}
	array_free(&roots);
	return rc;
}

static int read_json(struct doc *d, const char *text, size_t len, struct faults *faults)
{
	return read_manifest(d, doc_read_json, text, len, faults);
}

static int read_yaml(struct doc *d, const char *text, size_t len, struct faults *faults)
{
	return read_manifest(d, doc_read_yaml, text, len, faults);
}

static int load_with(text_reader *read, const char *path, const char *text, size_t len,
		     struct faults *faults, struct doc **ret)
{
	struct doc *d = doc_new(path);
	char *ended = malloc(len + 1); /* the readers want a NUL behind the last byte */
	int rc = -ENOMEM;

	if (len >= 3 &&
	    memcmp(text, "\xef\xbb\xbf", 3) == 0) { /* a byte order mark, of an editor */
		text += 3;
		len -= 3;
	}
	if (d != NULL && ended != NULL) {
		memcpy(ended, text, len);
		ended[len] = '\0';
		d->flat = read == doc_read_libconfig;
		rc = read(d, ended, len, faults);
	}
	free(ended);
	if (rc != 0) {
		doc_free(d);
		return rc;
	}
	*ret = d;
	return 0;
}

int doc_load_text(const char *path, const char *text, size_t len, struct faults *faults,
		  struct doc **ret)
{
	const char *ending = strrchr(path, '.');
	bool json = ending != NULL && strcmp(ending, ".json") == 0;
	bool yaml = ending != NULL && (strcmp(ending, ".yaml") == 0 || strcmp(ending, ".yml") == 0);

	return load_with(json   ? read_json
			 : yaml ? read_yaml
				: doc_read_libconfig,
			 path, text, len, faults, ret);
}

int doc_load_tree_text(const char *path, const char *text, size_t len, struct faults *faults,
		       struct doc **ret)
{
	return load_with(doc_read_libconfig_tree, path, text, len, faults, ret);
}

const cJSON *doc_tree(const struct doc *d)
{
	return d->tree;
}

cJSON *doc_parse_yaml(const char *text, size_t len, char *err, size_t err_size)
{
	struct doc_roots roots = { 0 };
	struct faults faults = { 0 };
	struct doc *d = doc_new("");
	cJSON *tree = NULL;

	int rc = d == NULL ? -ENOMEM : doc_read_yaml(d, text, len, &faults, &roots);
	if (faults.errors > 0)
		snprintf(err, err_size, "line %u: %s", faults.items[0].line,
			 faults.items[0].message);
	else if (rc != 0)
		snprintf(err, err_size, "%s", strerror(-rc));
	else if (roots.count != 1)
		snprintf(err, err_size, "%zu documents instead of one", roots.count);
	else
		tree = roots.items[--roots.count];
	for (size_t i = 0; i < roots.count; i++)
		cJSON_Delete(roots.items[i]);
	array_free(&roots);
	faults_free(&faults);
	doc_free(d);
	return tree;
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
