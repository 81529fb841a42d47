// SPDX-License-Identifier: Apache-2.0
#include "standalone/apiserver/store.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/intern.h"
#include "lib/base/log.h"
#include "standalone/apiserver/disk.h"
#include "standalone/apiserver/query.h"

RB_HEAD(objects, object);
RB_HEAD(uids, object);

struct store {
	struct objects objects;
	struct uids uids;
	struct object *owned; /* list of those with owners: what the garbage collector looks at */
	struct kinds *kinds;
	struct disk *disk; /* NULL: memory only */
	struct history *history;
	uint64_t rv, visible, visible_rv;
	bool dirty;
	int fault; /* of the last write */
};

static int object_cmp(const struct object *a, const struct object *b)
{
	if (a->kind->order != b->kind->order)
		return a->kind->order < b->kind->order ? -1 : 1;
	int d = a->ns == b->ns ? 0 : strcmp(a->ns, b->ns);
	return d != 0 ? d : strcmp(a->name, b->name);
}
TREE_GENERATE(objects, object, entry, object_cmp)

/* Interned texts are equal where they stand; the rest tells objects of one uid apart. */
static int uid_cmp(const struct object *a, const struct object *b)
{
	const uintptr_t x[] = { (uintptr_t)a->uid, (uintptr_t)a };
	const uintptr_t y[] = { (uintptr_t)b->uid, (uintptr_t)b };
	int i = x[0] == y[0];

	return x[i] < y[i] ? -1 : x[i] > y[i];
}
TREE_GENERATE(uids, object, by_uid, uid_cmp)

/* --- one object ---------------------------------------------------------------------- */

static void drop_owners(struct object *o)
{
	for (unsigned i = 0; i < o->owner_count; i++)
		intern_unref(o->owners[i]);
	free(o->owners);
	o->owners = NULL;
	o->owner_count = 0;
	if (o->prev_owned != NULL) {
		*o->prev_owned = o->next_owned;
		if (o->next_owned != NULL)
			o->next_owned->prev_owned = o->prev_owned;
		o->prev_owned = NULL;
	}
}

static void take_owners(struct store *s, struct object *o, const cJSON *json)
{
	const cJSON *refs = js_at(json, "metadata.ownerReferences"), *ref;
	int n = cJSON_GetArraySize(refs);

	drop_owners(o);
	if (n == 0)
		return;
	o->owners = mem_get((size_t)n * sizeof(o->owners[0]));
	cJSON_ArrayForEach (ref, refs) {
		const char *uid = js_text(ref, "uid");
		if (uid != NULL)
			o->owners[o->owner_count++] = intern(uid);
	}
	o->next_owned = s->owned;
	o->prev_owned = &s->owned;
	if (s->owned != NULL)
		s->owned->prev_owned = &o->next_owned;
	s->owned = o;
}

static void free_object(struct object *o)
{
	drop_owners(o);
	intern_unref(o->ns);
	intern_unref(o->name);
	intern_unref(o->uid);
	text_unkeep(o->text);
	free(o);
}

/* Enter or replace; returns the text that was there before, which the caller unkeeps. */
static struct text *enter(struct store *s, const struct kind *kind, const cJSON *json,
			  struct text *text, uint64_t rv, uint64_t *ret_before_rv)
{
	const char *ns = js_text(json, "metadata.namespace");
	const char *uid = js_text(json, "metadata.uid");
	struct object *o = store_get(s, kind, ns == NULL ? "" : ns, js_text(json, "metadata.name"));
	struct text *before = NULL;

	if (o == NULL) {
		o = mem_zero(sizeof(*o));
		o->kind = kind;
		o->ns = intern(ns == NULL ? "" : ns);
		o->name = intern(js_text(json, "metadata.name"));
		RB_INSERT(objects, &s->objects, o);
	} else {
		before = o->text;
		*ret_before_rv = o->rv;
		RB_REMOVE(uids, &s->uids, o);
	}
	intern_unref(o->uid);
	o->uid = intern(uid == NULL ? "" : uid);
	RB_INSERT(uids, &s->uids, o);
	o->text = text_keep(text);
	o->rv = rv;
	o->rests = 0;
	take_owners(s, o, json);
	return before;
}

/* --- open, close --------------------------------------------------------------------- */

static void load_row(void *arg, const char *resource, const char *body, size_t len)
{
	struct store *s = arg;
	const struct kind *kind = kinds_by_resource(s->kinds, resource);
	cJSON *json = js_parse(body, len);
	const char *rv = js_text(json, "metadata.resourceVersion");
	uint64_t before_rv;

	if (kind == NULL || rv == NULL || js_text(json, "metadata.name") == NULL) {
		log_error("store", "stored object is not readable, left out",
			  "resource=%s bytes=%zu", resource, len);
	} else {
		struct text *text = query_text_of(kind, json, body, len);

		text_unkeep(enter(s, kind, json, text, strtoull(rv, NULL, 10), &before_rv));
		text_unref(text);
		if (kind->id == KIND_CRD)
			kinds_define(s->kinds, json);
	}
	cJSON_Delete(json);
}

int store_open(const struct store_cfg *cfg, struct kinds *kinds, struct store **ret, char *err,
	       size_t err_size)
{
	struct store *s = mem_zero(sizeof(*s));

	RB_INIT(&s->objects);
	RB_INIT(&s->uids);
	s->kinds = kinds;
	s->rv = cfg->first_rv;
	if (cfg->path != NULL) {
		const char *crds = kinds_builtin(kinds, KIND_CRD)->resource;

		if (disk_open(cfg->path, &s->disk, err, err_size) != 0) {
			store_close(s);
			return -EIO;
		}
		if (disk_load(s->disk, crds, load_row, s, &s->rv) != 0) {
			snprintf(err, err_size, "%s", disk_error(s->disk));
			store_close(s);
			return -EIO;
		}
	}
	s->history = history_new(cfg->history_count, cfg->history_bytes, s->rv);
	s->visible_rv = s->rv;
	*ret = s;
	return 0;
}

struct store *store_close(struct store *s)
{
	if (s == NULL)
		return NULL;
	for (struct object *o = RB_MIN(objects, &s->objects), *next; o != NULL; o = next) {
		next = RB_NEXT(objects, &s->objects, o);
		RB_REMOVE(objects, &s->objects, o);
		free_object(o);
	}
	history_free(s->history);
	disk_close(s->disk);
	free(s);
	return NULL;
}

/* --- reading ------------------------------------------------------------------------- */

struct object *store_get(const struct store *s, const struct kind *kind, const char *ns,
			 const char *name)
{
	struct object key = { .kind = kind, .ns = ns, .name = name };

	return RB_FIND(objects, (struct objects *)(uintptr_t)&s->objects, &key);
}

struct object *store_first(const struct store *s, const struct kind *kind, const char *ns,
			   const char *after_ns, const char *after_name)
{
	struct object key = { .kind = kind, .ns = ns == NULL ? "" : ns, .name = "" };
	bool after = after_name != NULL;

	if (after) {
		key.ns = after_ns;
		key.name = after_name;
	}
	struct object *o = RB_NFIND(objects, (struct objects *)(uintptr_t)&s->objects, &key);
	if (after && o != NULL && object_cmp(o, &key) == 0)
		return store_next(o, ns);
	if (o == NULL || o->kind != kind || (ns != NULL && strcmp(o->ns, ns) != 0))
		return NULL;
	return o;
}

struct object *store_next(const struct object *o, const char *ns)
{
	struct object *next = RB_NEXT(objects, NULL, (struct object *)(uintptr_t)o);

	if (next == NULL || next->kind != o->kind || (ns != NULL && strcmp(next->ns, ns) != 0))
		return NULL;
	return next;
}

struct object *store_owned(const struct store *s)
{
	return s->owned;
}

bool store_has_uid(const struct store *s, const char *uid)
{
	const struct object *o = RB_ROOT(&s->uids);

	while (o != NULL && o->uid != uid)
		o = (uintptr_t)uid < (uintptr_t)o->uid ? RB_LEFT(o, by_uid) : RB_RIGHT(o, by_uid);
	return o != NULL;
}

size_t store_count(const struct store *s, const struct kind *kind)
{
	size_t n = 0;

	for (const struct object *o = store_first(s, kind, NULL, NULL, NULL); o != NULL;
	     o = store_next(o, NULL))
		n++;
	return n;
}

/* --- writing ------------------------------------------------------------------------- */

static struct text *stamp(const struct kind *kind, cJSON *json, uint64_t rv)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, rv);
	js_set_text(js_object(json, "metadata"), "resourceVersion", text);
	return query_text(kind, json);
}

/* Told here and not with the commit, which may fail for the same reason and in other words. */
static int disk_failed(struct store *s)
{
	log_error("store", "the state file does not take a write", "err=\"%s\"", store_error(s));
	return s->fault = -EIO;
}

int store_put(struct store *s, const struct kind *kind, cJSON *json)
{
	const char *ns = js_text(json, "metadata.namespace");
	const char *name = js_text(json, "metadata.name");
	struct text *text = stamp(kind, json, s->rv + 1);

	/* Endpoints follow EndpointSlices, which were taken. */
	if (text->len > STORE_OBJECT_MAX && kind->id != KIND_ENDPOINTS) {
		text_unref(text);
		return s->fault = -E2BIG;
	}
	if (s->disk != NULL && disk_put(s->disk, kind->resource, ns == NULL ? "" : ns, name,
					text->bytes, text->len) != 0) {
		text_unref(text);
		return disk_failed(s);
	}
	s->rv++;
	uint64_t before_rv = 0;
	struct text *before = enter(s, kind, json, text, s->rv, &before_rv);
	const struct object *o = store_get(s, kind, ns == NULL ? "" : ns, name);
	history_add(s->history, &(struct change){
					.type = before == NULL ? CHANGE_ADDED : CHANGE_MODIFIED,
					.rv = s->rv,
					.kind = kind,
					.ns = o->ns,
					.name = o->name,
					.now = text,
					.before = before,
					.before_rv = before_rv,
				});
	text_unkeep(before);
	text_unref(text);
	s->dirty = true;
	return 0;
}

int store_delete(struct store *s, struct object *o, cJSON *last)
{
	if (s->disk != NULL && disk_delete(s->disk, o->kind->resource, o->ns, o->name) != 0)
		return disk_failed(s);
	s->rv++;
	struct text *text = stamp(o->kind, last, s->rv);
	history_add(s->history, &(struct change){
					.type = CHANGE_DELETED,
					.rv = s->rv,
					.kind = o->kind,
					.ns = o->ns,
					.name = o->name,
					.now = text,
					.before = o->text,
					.before_rv = o->rv,
				});
	text_unref(text);
	RB_REMOVE(objects, &s->objects, o);
	RB_REMOVE(uids, &s->uids, o);
	free_object(o);
	s->dirty = true;
	return 0;
}

int store_commit(struct store *s)
{
	if (s->disk != NULL && disk_commit(s->disk, s->rv) != 0)
		return -EIO;
	s->visible = history_end(s->history);
	s->visible_rv = s->rv;
	s->dirty = false;
	return 0;
}

bool store_dirty(const struct store *s)
{
	return s->dirty;
}

int store_fault(const struct store *s)
{
	return s->fault;
}

const char *store_error(const struct store *s)
{
	return s->disk == NULL ? "" : disk_error(s->disk);
}

uint64_t store_rv(const struct store *s)
{
	return s->rv;
}

const struct history *store_history(const struct store *s)
{
	return s->history;
}

uint64_t store_visible(const struct store *s)
{
	return s->visible;
}

uint64_t store_visible_rv(const struct store *s)
{
	return s->visible_rv;
}
