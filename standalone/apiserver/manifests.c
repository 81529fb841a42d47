// SPDX-License-Identifier: Apache-2.0
#include "standalone/apiserver/manifests.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/model/doc.h"
#include "lib/model/json.h"
#include "standalone/apiserver/objects.h"
#include "standalone/apiserver/status.h"

enum {
	DIRS_MAX = 16,
	SETTLE_MS = 200, /* editors write in several steps */
};

/* One object that a file asks for. */
struct wanted {
	cJSON *json;
	char *file;
	cJSON *applied; /* what was last taken over from files; NULL: nothing */
};

struct wanteds {
	ARRAY_OF(struct wanted);
};

struct dir {
	struct manifests *m;
	char *path;
	uv_fs_event_t watch;
};

struct manifests {
	struct api *api;
	void (*written)(void *arg);
	void *arg;
	struct dir dirs[DIRS_MAX];
	unsigned dir_count;
	struct wanteds known; /* as of the last load */
	uv_timer_t settle;
	int open_handles;
};

/* --- one object ------------------------------------------------------------------------ */

static const char *text_or(const cJSON *json, const char *path, const char *otherwise)
{
	const char *text = js_text(json, path);

	return text == NULL ? otherwise : text;
}

/* Who names no namespace means the one called default. */
static const char *namespace_of(const cJSON *json)
{
	const char *ns = text_or(json, "metadata.namespace", "");

	return ns[0] == '\0' ? "default" : ns;
}

static bool same_object(const cJSON *a, const cJSON *b)
{
	static const char *const identity[] = { "apiVersion", "kind", "metadata.name" };

	for (size_t i = 0; i < sizeof(identity) / sizeof(identity[0]); i++)
		if (strcmp(text_or(a, identity[i], ""), text_or(b, identity[i], "")) != 0)
			return false;
	return strcmp(namespace_of(a), namespace_of(b)) == 0;
}

static struct wanted *find(const struct wanteds *list, const cJSON *json)
{
	for (size_t i = 0; i < list->count; i++)
		if (same_object(list->items[i].json, json))
			return &list->items[i];
	return NULL;
}

static void wanteds_done(struct wanteds *list)
{
	for (size_t i = 0; i < list->count; i++) {
		cJSON_Delete(list->items[i].json);
		cJSON_Delete(list->items[i].applied);
		free(list->items[i].file);
	}
	array_free(list);
}

static bool target_of(const struct api *a, const cJSON *json, struct target *ret)
{
	struct target t = { 0 };

	t.kind = kinds_by_object(&a->kinds, text_or(json, "apiVersion", ""),
				 text_or(json, "kind", ""), &t.version);
	if (t.kind == NULL || t.kind->id == KIND_ENDPOINTS)
		return false;
	t.ns = t.kind->namespaced ? namespace_of(json) : "";
	t.name = text_or(json, "metadata.name", "");
	*ret = t;
	return true;
}

/* A merge patch towards @now that also removes what @before said and @now does not. */
static cJSON *patch_towards(const cJSON *before, const cJSON *now)
{
	cJSON *patch = cJSON_Duplicate(now, 1);
	const cJSON *member;

	cJSON_ArrayForEach (member, before) {
		const cJSON *kept = cJSON_GetObjectItemCaseSensitive(now, member->string);

		if (kept == NULL)
			js_set(patch, member->string, cJSON_CreateNull());
		else if (cJSON_IsObject(kept) && cJSON_IsObject(member))
			js_set(patch, member->string, patch_towards(member, kept));
	}
	return patch;
}

static cJSON *apply(struct api *a, const cJSON *json, const cJSON *before)
{
	struct target t;
	cJSON *wrong, *result = NULL, *patch;

	if (!target_of(a, json, &t))
		return status_failure(404, "NotFound", "no kind %s in %s",
				      text_or(json, "kind", "?"), text_or(json, "apiVersion", "?"));
	if (store_get(a->store, t.kind, t.ns, t.name) == NULL) {
		cJSON *object = cJSON_Duplicate(json, 1);

		wrong = objects_create(a, &t, object);
		cJSON_Delete(object);
		return wrong;
	}
	patch = patch_towards(before, json);
	wrong = objects_patch(a, &t, PATCH_MERGE, patch, &result);
	cJSON_Delete(result);
	/* There is no kubelet here: what a manifest says of a Node's or Pod's status holds. */
	if (wrong == NULL && js_at(json, "status") != NULL &&
	    (t.kind->id == KIND_NODE || t.kind->id == KIND_POD)) {
		result = NULL;
		t.status = true;
		wrong = objects_patch(a, &t, PATCH_MERGE, patch, &result);
		cJSON_Delete(result);
	}
	cJSON_Delete(patch);
	return wrong;
}

static void withdraw(struct api *a, const struct wanted *w)
{
	struct target t;
	cJSON *gone = NULL, *wrong;

	if (w->applied == NULL || !target_of(a, w->json, &t))
		return;
	wrong = objects_delete(a, &t, NULL, &gone);
	if (wrong == NULL)
		log_info("manifests", "object deleted, no file has it any more",
			 "file=%s kind=%s ns=%s name=%s", w->file, t.kind->name, t.ns, t.name);
	else if (status_code(wrong) != 404)
		log_warn("manifests", "cannot delete what a file no longer has",
			 "file=%s kind=%s name=%s err=\"%s\"", w->file, t.kind->name, t.name,
			 text_or(wrong, "message", ""));
	cJSON_Delete(gone);
	cJSON_Delete(wrong);
}

/* --- a load ---------------------------------------------------------------------------- */

static bool is_manifest(const char *name)
{
	static const char *const endings[] = { ".yaml", ".yml", ".json" };
	size_t len = strlen(name);

	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		size_t n = strlen(endings[i]);
		if (name[0] != '.' && len > n && strcmp(name + len - n, endings[i]) == 0)
			return true;
	}
	return false;
}

/* Of an object that stands in several files, or twice in one, the first holds. */
static void add(struct wanteds *list, const cJSON *json, const char *file)
{
	const struct wanted *there = find(list, json);

	if (there != NULL) {
		log_warn("manifests", "object stands in two places, the first one holds",
			 "kind=%s ns=%s name=%s file=%s first=%s", text_or(json, "kind", ""),
			 namespace_of(json), text_or(json, "metadata.name", ""), file, there->file);
		return;
	}
	struct wanted *w = array_push(list);

	if (w == NULL)
		abort();
	w->json = cJSON_Duplicate(json, 1);
	w->file = mem_text(file);
	w->applied = NULL;
}

/* A file that does not parse keeps what it said before. */
static void read_file(const struct manifests *m, const char *path, struct wanteds *list)
{
	struct faults faults = { 0 };
	struct doc *doc = NULL;
	char line[512];

	if (doc_load(path, &faults, &doc) == 0) {
		const struct doc_objects *objects = doc_objects(doc);

		for (size_t i = 0; i < objects->count; i++)
			add(list, objects->items[i].json, path);
	} else {
		for (size_t i = 0; i < m->known.count; i++)
			if (strcmp(m->known.items[i].file, path) == 0)
				add(list, m->known.items[i].json, path);
	}
	for (size_t i = 0; i < faults.count; i++)
		log_error("manifests", "fault in a file", "fault=\"%s\"",
			  fault_format(&faults.items[i], line, sizeof(line)));
	faults_free(&faults);
	doc_free(doc);
}

static void read_dir(const struct manifests *m, const char *dir, struct wanteds *list)
{
	struct dirent **entries;
	int n = scandir(dir, &entries, NULL, alphasort);

	if (n < 0) {
		log_error("manifests", "cannot read the folder", "dir=%s err=\"%s\"", dir,
			  strerror(errno));
		return;
	}
	for (int i = 0; i < n; i++) {
		if (is_manifest(entries[i]->d_name)) {
			char *path = mem_printf("%s/%s", dir, entries[i]->d_name);
			read_file(m, path, list);
			free(path);
		}
		free(entries[i]);
	}
	free(entries);
}

/* Definitions, then namespaces, then what needs them. */
static int rank(const cJSON *json)
{
	const char *kind = text_or(json, "kind", "");

	return strcmp(kind, "CustomResourceDefinition") == 0 ? 0
	       : strcmp(kind, "Namespace") == 0              ? 1
							     : 2;
}

/* Bring one object to what its file says; @before: as of the last load, or NULL. */
static void apply_one(struct manifests *m, struct wanted *w, struct wanted *before)
{
	const char *kind = text_or(w->json, "kind", ""), *ns = namespace_of(w->json);
	const char *name = text_or(w->json, "metadata.name", "");
	cJSON *last = before == NULL ? NULL : before->applied;

	if (last != NULL && json_equal(last, w->json)) {
		w->applied = last;
		before->applied = NULL;
		return;
	}
	cJSON *wrong = apply(m->api, w->json, last);

	if (wrong != NULL) {
		log_error("manifests", "object refused", "file=%s kind=%s ns=%s name=%s err=\"%s\"",
			  w->file, kind, ns, name, text_or(wrong, "message", ""));
		cJSON_Delete(wrong);
		/* The next one that is taken removes what this one said, not what was refused. */
		w->applied = last;
		if (before != NULL)
			before->applied = NULL;
		return;
	}
	w->applied = cJSON_Duplicate(w->json, 1);
	log_info("manifests", last == NULL ? "object loaded" : "object changed",
		 "file=%s kind=%s ns=%s name=%s", w->file, kind, ns, name);
}

static void apply_all(struct manifests *m, struct wanteds *list)
{
	for (int r = 0; r < 3; r++)
		for (size_t i = 0; i < list->count; i++)
			if (rank(list->items[i].json) == r)
				apply_one(m, &list->items[i], find(&m->known, list->items[i].json));
}

static void load(struct manifests *m)
{
	struct wanteds list = { 0 };

	for (unsigned i = 0; i < m->dir_count; i++)
		read_dir(m, m->dirs[i].path, &list);
	apply_all(m, &list);
	for (size_t i = 0; i < m->known.count; i++)
		if (find(&list, m->known.items[i].json) == NULL)
			withdraw(m->api, &m->known.items[i]);
	wanteds_done(&m->known);
	m->known = list;
	m->written(m->arg);
}

/* --- following ------------------------------------------------------------------------- */

static void on_settled(uv_timer_t *timer)
{
	load(timer->data);
}

static void on_change(uv_fs_event_t *watch, const char *name, int events, int status)
{
	struct dir *d = watch->data;

	(void)name;
	(void)events;
	if (status == 0)
		uv_timer_start(&d->m->settle, on_settled, SETTLE_MS, 0);
}

static void on_closed(uv_handle_t *handle)
{
	struct manifests *m =
		handle->type == UV_TIMER ? handle->data : ((struct dir *)handle->data)->m;

	if (--m->open_handles > 0)
		return;
	for (unsigned i = 0; i < m->dir_count; i++)
		free(m->dirs[i].path);
	wanteds_done(&m->known);
	free(m);
}

char *manifests_missing(const char *dirs)
{
	unsigned count = 0;

	while (dirs != NULL && *dirs != '\0') {
		size_t n = strcspn(dirs, ",");
		char *path = mem_printf("%.*s", (int)n, dirs);
		DIR *dir = opendir(path);

		if (dir == NULL || ++count > DIRS_MAX) {
			char *why = mem_printf("%s: %s", path,
					       dir == NULL ? strerror(errno) : "too many folders");
			if (dir != NULL)
				closedir(dir);
			free(path);
			return why;
		}
		closedir(dir);
		free(path);
		dirs += n + (dirs[n] == ',' ? 1 : 0);
	}
	return NULL;
}

struct manifests *manifests_open(uv_loop_t *loop, struct api *a, const char *dirs,
				 void (*written)(void *arg), void *arg)
{
	if (dirs == NULL)
		return NULL;
	struct manifests *m = mem_zero(sizeof(*m));

	m->api = a;
	m->written = written;
	m->arg = arg;
	uv_timer_init(loop, &m->settle);
	m->settle.data = m;
	m->open_handles = 1;
	while (*dirs != '\0' && m->dir_count < DIRS_MAX) {
		size_t n = strcspn(dirs, ",");
		struct dir *d = &m->dirs[m->dir_count++];

		d->m = m;
		d->path = mem_printf("%.*s", (int)n, dirs);
		uv_fs_event_init(loop, &d->watch);
		d->watch.data = d;
		m->open_handles++;
		int rc = uv_fs_event_start(&d->watch, on_change, d->path, 0);
		if (rc != 0)
			log_error("manifests", "cannot follow the folder", "dir=%s err=\"%s\"",
				  d->path, uv_strerror(rc));
		dirs += n + (dirs[n] == ',' ? 1 : 0);
	}
	load(m);
	return m;
}

struct manifests *manifests_close(struct manifests *m)
{
	if (m == NULL)
		return NULL;
	for (unsigned i = 0; i < m->dir_count; i++)
		uv_close((uv_handle_t *)&m->dirs[i].watch, on_closed);
	uv_close((uv_handle_t *)&m->settle, on_closed);
	return NULL;
}
