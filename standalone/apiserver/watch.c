// SPDX-License-Identifier: Apache-2.0
#include "standalone/apiserver/watch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "standalone/apiserver/snapshot.h"
#include "standalone/apiserver/status.h"
#include "standalone/apiserver/table.h"

enum {
	BOOKMARK_S = 60,
	TIMEOUT_MIN_S =
		1800, /* when the client does not say: as Kubernetes, half an hour or more */
};

struct watch {
	const struct api *api;
	struct watch_spec *spec;
	struct columns *columns; /* of the version when the watch began */
	struct text **first;     /* the objects at the start, when they were asked for */
	size_t first_count, first_at;
	uint64_t next; /* seq of the next change to look at */
	bool idle;     /* everything visible was looked at, and nothing of this kind came since */
	bool columns_sent, ending, ended;
	uint64_t deadline_s, bookmark_s;
	/* The line being sent: prefix, object, tail. */
	const char *prefix;
	struct text *object;
	size_t sent;
};

static const char tail[] = "}\n";
static const char *const prefixes[] = {
	[CHANGE_ADDED] = "{\"type\":\"ADDED\",\"object\":",
	[CHANGE_MODIFIED] = "{\"type\":\"MODIFIED\",\"object\":",
	[CHANGE_DELETED] = "{\"type\":\"DELETED\",\"object\":",
};

/* --- which changes, as what ------------------------------------------------------------ */

static bool of_interest(const struct watch *w, const struct change *c)
{
	return c->kind == w->spec->kind && (w->spec->ns == NULL || c->ns == w->spec->ns);
}

static bool selected(const struct watch *w, const struct change *c, struct text *text)
{
	const struct query *q = &w->spec->query;

	return text != NULL && query_matches(q, c->ns, c->name, text);
}

/* To a selector, an object that begins to match is added, one that ceases to is deleted. */
static bool seen_as(const struct watch *w, const struct change *c, enum change_type *ret)
{
	bool before = selected(w, c, c->before);
	bool now = c->type != CHANGE_DELETED && selected(w, c, c->now);

	if (!before && !now)
		return false;
	*ret = !before ? CHANGE_ADDED : now ? CHANGE_MODIFIED : CHANGE_DELETED;
	return true;
}

/* --- lines ----------------------------------------------------------------------------- */

static struct text *as_table(struct watch *w, struct text *stored)
{
	struct watch_spec *s = w->spec;
	cJSON *json = js_parse(stored->bytes, stored->len);
	cJSON *table = table_new(s->kind, w->columns, &s->view, !w->columns_sent);

	w->columns_sent = true;
	js_set_text(js_object(table, "metadata"), "resourceVersion",
		    js_text(json, "metadata.resourceVersion"));
	table_add(table, s->kind, w->columns, &s->view, json);
	struct text *t = js_print(table);
	cJSON_Delete(table);
	cJSON_Delete(json);
	return t;
}

static void begin_line(struct watch *w, const char *prefix, struct text *object)
{
	w->prefix = prefix;
	w->object = object;
	w->sent = 0;
}

static void begin_change(struct watch *w, enum change_type type, struct text *stored)
{
	const struct watch_spec *s = w->spec;

	begin_line(w, prefixes[type],
		   s->view.as == AS_TABLE ? as_table(w, stored)
					  : view_text(&s->view, s->kind, s->version, stored));
}

/* A bookmark is an object of the kind with a version and nothing else. */
static void begin_bookmark(struct watch *w, bool initial_end)
{
	const struct watch_spec *s = w->spec;
	cJSON *whole = cJSON_CreateObject(), *o = whole, *meta;
	char version[256], rv[24];

	kind_api_version(s->kind, s->version->name, version, sizeof(version));
	snprintf(rv, sizeof(rv), "%" PRIu64, store_visible_rv(w->api->store));
	js_set_text(whole, "kind", s->kind->name);
	js_set_text(whole, "apiVersion", version);
	if (s->view.as == AS_METADATA)
		o = view_metadata(&s->view, whole);
	meta = js_object(o, "metadata");
	js_set_text(meta, "resourceVersion", rv);
	js_set(meta, "creationTimestamp", cJSON_CreateNull());
	if (initial_end)
		js_set_text(js_object(meta, "annotations"), "k8s.io/initial-events-end", "true");
	begin_line(w, "{\"type\":\"BOOKMARK\",\"object\":", js_print(o));
	if (o != whole)
		cJSON_Delete(o);
	cJSON_Delete(whole);
}

/* The last line: the client has to list again. */
static void begin_expired(struct watch *w)
{
	cJSON *s = status_expired("too old resource version: %" PRIu64 " (%" PRIu64 ")",
				  w->spec->rv, history_floor(store_history(w->api->store)));

	begin_line(w, "{\"type\":\"ERROR\",\"object\":", js_print(s));
	cJSON_Delete(s);
	w->ending = true;
}

/* --- start and end --------------------------------------------------------------------- */

/* As of the last commit: what was written since comes as changes. False: too much of it. */
static bool take_first(struct watch *w)
{
	const struct watch_spec *s = w->spec;
	struct snapshot snap;

	if (!snapshot_take(w->api->store, s->kind, s->ns, NULL, NULL,
			   store_visible_rv(w->api->store), &snap))
		return false;
	w->first = mem_get(snap.count * sizeof(w->first[0]));
	for (size_t i = 0; i < snap.count; i++) {
		const struct snapshot_item *o = &snap.items[i];
		struct change as = { .kind = s->kind, .ns = o->ns, .name = o->name };

		if (selected(w, &as, o->text))
			w->first[w->first_count++] = text_ref(o->text);
	}
	snapshot_done(&snap);
	return true;
}

struct watch *watch_new(const struct api *a, struct watch_spec *spec, uint64_t now_s)
{
	struct watch *w = mem_zero(sizeof(*w));

	w->api = a;
	w->spec = spec;
	w->columns = columns_ref(spec->version->columns);
	w->deadline_s = now_s + (spec->timeout_s != 0 ? spec->timeout_s
						      : TIMEOUT_MIN_S + now_s % TIMEOUT_MIN_S);
	w->bookmark_s = now_s + BOOKMARK_S;
	w->next = store_visible(a->store);
	/*
	 * A version that was never given comes from another life of the state file. Kubernetes
	 * would let the client wait for it in silence; to list again is the only way on.
	 */
	if (spec->from_start ? !take_first(w)
			     : spec->rv > store_rv(a->store) ||
				       !history_after(store_history(a->store), spec->rv, &w->next))
		begin_expired(w);
	return w;
}

struct watch *watch_free(struct watch *w)
{
	if (w == NULL)
		return NULL;
	for (size_t i = w->first_at; i < w->first_count; i++)
		text_unref(w->first[i]);
	free(w->first);
	text_unref(w->object);
	columns_unref(w->columns);
	watch_spec_done(w->spec);
	free(w->spec);
	free(w);
	return NULL;
}

/* --- reading --------------------------------------------------------------------------- */

/* Find the next line. False: nothing to say now. */
static bool next_line(struct watch *w, uint64_t now_s)
{
	struct store *store = w->api->store;

	if (w->first_at < w->first_count) {
		struct text *t = w->first[w->first_at++];

		begin_change(w, CHANGE_ADDED, t);
		text_unref(t);
		return true;
	}
	if (w->spec->mark_initial) {
		w->spec->mark_initial = false;
		begin_bookmark(w, true);
		return true;
	}
	for (; w->next < store_visible(store) && !w->idle; w->next++) {
		const struct change *c = history_at(store_history(store), w->next);
		enum change_type type;

		if (c == NULL) { /* too slow */
			begin_expired(w);
			return true;
		}
		if (of_interest(w, c) && seen_as(w, c, &type)) {
			begin_change(w, type, c->now);
			w->next++;
			return true;
		}
	}
	w->idle = true;
	if (now_s >= w->deadline_s || w->spec->kind->gone) {
		w->ending = true;
		if (w->spec->bookmarks)
			begin_bookmark(w, false);
		return w->spec->bookmarks;
	}
	if (w->spec->bookmarks && now_s >= w->bookmark_s) {
		w->bookmark_s = now_s + BOOKMARK_S;
		begin_bookmark(w, false);
		return true;
	}
	return false;
}

static size_t copy(const char *from, size_t len, size_t skip, char *to, size_t max)
{
	size_t n = skip >= len ? 0 : len - skip;

	n = n > max ? max : n;
	if (n > 0)
		memcpy(to, from + skip, n);
	return n;
}

/* As much of the current line as fits. */
static size_t read_line(struct watch *w, char *to, size_t max)
{
	struct {
		const char *bytes;
		size_t len;
	} parts[] = { { w->prefix, strlen(w->prefix) },
		      { w->object->bytes, w->object->len },
		      { tail, sizeof(tail) - 1 } };
	size_t done = 0, before = 0;

	for (size_t i = 0; i < 3; i++) {
		size_t skip = w->sent > before ? w->sent - before : 0;
		size_t n = copy(parts[i].bytes, parts[i].len, skip, to + done, max - done);

		w->sent += n;
		done += n;
		before += parts[i].len;
	}
	if (w->sent == before)
		w->object = text_unref(w->object);
	return done;
}

size_t watch_read(struct watch *w, char *to, size_t max, uint64_t now_s)
{
	size_t done = 0;

	while (done < max) {
		if (w->object == NULL && (w->ending || !next_line(w, now_s)))
			break;
		done += read_line(w, to + done, max - done);
	}
	w->ended = w->ending && w->object == NULL;
	return done;
}

bool watch_ended(const struct watch *w)
{
	return w->ended;
}

bool watch_wakes_for(struct watch *w, uint64_t seq, const struct change *c)
{
	enum change_type type;

	if (c != NULL && (!of_interest(w, c) || (w->idle && !seen_as(w, c, &type))))
		return false;
	/* What was passed over since was of no interest, and may have been forgotten by now. */
	if (w->idle) {
		w->idle = false;
		w->next = seq;
	}
	return true;
}

bool watch_is_due(const struct watch *w, uint64_t now_s)
{
	return now_s >= w->deadline_s || w->spec->kind->gone ||
	       (w->spec->bookmarks && now_s >= w->bookmark_s);
}
