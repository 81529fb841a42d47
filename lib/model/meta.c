// SPDX-License-Identifier: Apache-2.0
#include "lib/model/meta.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/intern.h"
#include "lib/model/json.h"

int meta_decode(const cJSON *object, struct where where, struct faults *faults,
		struct object_meta *ret)
{
	struct json_source source = { .where = where, .faults = faults };
	struct json root = json_root(&source, object, "");
	struct json metadata = json_get(&root, "metadata");
	struct json name = json_get(&metadata, "name"), ns = json_get(&metadata, "namespace");
	struct json uid = json_get(&metadata, "uid");
	struct json version = json_get(&metadata, "resourceVersion");
	struct json labels = json_get(&metadata, "labels");
	struct object_meta m = { 0 };

	const char *name_text = json_need_text(&name), *ns_text = json_text(&ns);
	const char *uid_text = json_text(&uid), *version_text = json_text(&version);
	if (labels_decode(labels.value, where, faults, "metadata.labels", &m.labels) != 0 ||
	    source.failed) {
		labels_done(&m.labels);
		return -EBADMSG;
	}

	m.name = intern(name_text);
	m.ns = intern(ns_text);
	m.uid = uid_text == NULL ? NULL : strdup(uid_text);
	m.resource_version = version_text == NULL ? NULL : strdup(version_text);
	if ((uid_text != NULL && m.uid == NULL) ||
	    (version_text != NULL && m.resource_version == NULL)) {
		meta_done(&m);
		return -ENOMEM;
	}
	*ret = m;
	return 0;
}

int meta_decode_namespaced(const cJSON *object, struct where where, struct faults *faults,
			   struct object_meta *ret)
{
	int rc = meta_decode(object, where, faults, ret);

	if (rc == 0 && (ret->ns == NULL || *ret->ns == '\0')) {
		intern_unref(ret->ns);
		ret->ns = intern("default");
	}
	return rc;
}

void meta_done(struct object_meta *m)
{
	m->ns = intern_unref(m->ns);
	m->name = intern_unref(m->name);
	free(m->uid);
	free(m->resource_version);
	m->uid = m->resource_version = NULL;
	labels_done(&m->labels);
}

const char *meta_text(const cJSON *object, const char *key)
{
	const cJSON *meta = cJSON_GetObjectItemCaseSensitive(object, "metadata");

	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(meta, key));
}

const char *meta_text_or_empty(const cJSON *object, const char *key)
{
	const char *text = meta_text(object, key);

	return text != NULL ? text : "";
}

/* Labels as they are kept: behind the number of those who have them. */
struct kept_labels {
	uint32_t users;
	struct label items[];
};

static struct kept_labels *kept_of(const struct labels *l)
{
	return (struct kept_labels *)(void *)((char *)l->items -
					      offsetof(struct kept_labels, items));
}

static int labels_alloc(size_t count, struct labels *ret)
{
	struct kept_labels *kept = calloc(1, sizeof(*kept) + count * sizeof(kept->items[0]));

	if (kept == NULL)
		return -ENOMEM;
	kept->users = 1;
	ret->items = kept->items;
	return 0;
}

struct labels labels_ref(const struct labels *l)
{
	if (l->items != NULL)
		kept_of(l)->users++;
	return *l;
}

static int label_cmp(const void *a, const void *b)
{
	return strcmp(((const struct label *)a)->key, ((const struct label *)b)->key);
}

/* Of a key that is there twice, one is kept; readers of files refuse it before. */
static void labels_sort(struct labels *l)
{
	uint32_t kept = 0;

	qsort(l->items, l->count, sizeof(*l->items), label_cmp);
	for (uint32_t i = 0; i < l->count; i++) {
		if (kept > 0 && l->items[kept - 1].key == l->items[i].key) {
			intern_unref(l->items[i].key);
			intern_unref(l->items[i].value);
		} else {
			l->items[kept++] = l->items[i];
		}
	}
	l->count = kept;
}

int labels_decode(const cJSON *json, struct where where, struct faults *faults, const char *field,
		  struct labels *ret)
{
	struct json_source source = { .where = where, .faults = faults };
	struct json root = json_root(&source, json, field);
	struct labels l = { 0 };

	size_t count = json_is_object(&root) ? (size_t)cJSON_GetArraySize(json) : 0;
	if (count > 0 && labels_alloc(count, &l) < 0)
		return -ENOMEM;
	for (struct json j = json_first(&root); count > 0 && j.value != NULL; j = json_next(&j)) {
		const char *value = json_text(&j);
		if (value == NULL) { /* the API takes null for "" */
			if (!json_absent(&j))
				continue;
			value = "";
		}
		l.items[l.count++] = (struct label){ intern(j.key), intern(value) };
	}
	if (source.failed) {
		labels_done(&l);
		return -EBADMSG;
	}
	if (l.count > 1)
		labels_sort(&l);
	*ret = l;
	return 0;
}

void labels_done(struct labels *l)
{
	if (l->items != NULL && --kept_of(l)->users == 0) {
		for (uint32_t i = 0; i < l->count; i++) {
			intern_unref(l->items[i].key);
			intern_unref(l->items[i].value);
		}
		free(kept_of(l));
	}
	*l = (struct labels){ 0 };
}

const char *labels_get(const struct labels *l, const char *key)
{
	uint32_t low = 0, high = l->count;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		int c = strcmp(l->items[mid].key, key);
		if (c == 0)
			return l->items[mid].value;
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

void names_done(struct names *n)
{
	for (size_t i = 0; i < n->count; i++)
		intern_unref(n->items[i]);
	array_free(n);
}

bool names_contain(const struct names *n, const char *name)
{
	for (size_t i = 0; i < n->count; i++)
		if (strcmp(n->items[i], name) == 0)
			return true;
	return false;
}
