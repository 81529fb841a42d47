// SPDX-License-Identifier: Apache-2.0
/* The store: what survives, what watchers see, what is told when history has moved on. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/intern.h"
#include "standalone/apiserver/objects.h"
#include "standalone/apiserver/watch.h"

struct world {
	struct api api;
	char dir[32], path[64];
	struct store_cfg cfg;
};

static void open_store(struct world *w)
{
	char err[128] = "";

	kinds_init(&w->api.kinds);
	if (store_open(&w->cfg, &w->api.kinds, &w->api.store, err, sizeof(err)) != 0)
		fail_msg("%s", err);
}

static void close_store(struct world *w)
{
	store_close(w->api.store);
	kinds_done(&w->api.kinds);
}

static int setup(void **state)
{
	struct world *w = mem_zero(sizeof(*w));

	strcpy(w->dir, "/tmp/bellman-store-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->path, sizeof(w->path), "%s/state.db", w->dir);
	w->cfg = (struct store_cfg){
		.path = w->path, .history_count = 8, .history_bytes = 1 << 20, .first_rv = 100
	};
	open_store(w);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	char wal[80];

	close_store(w);
	snprintf(wal, sizeof(wal), "%s-wal", w->path);
	unlink(wal);
	unlink(w->path);
	rmdir(w->dir);
	free(w);
	return 0;
}

static const struct kind *config_maps(const struct world *w)
{
	return kinds_builtin(&w->api.kinds, KIND_CONFIG_MAP);
}

static void put(struct world *w, const char *name, const char *value)
{
	char text[256];

	snprintf(text, sizeof(text),
		 "{\"metadata\":{\"name\":\"%s\",\"namespace\":\"default\",\"uid\":\"u-%s\","
		 "\"labels\":{\"v\":\"%s\"}}}",
		 name, name, value);
	cJSON *j = js_parse(text, strlen(text));
	assert_int_equal(store_put(w->api.store, config_maps(w), j), 0);
	cJSON_Delete(j);
}

static void drop(struct world *w, const char *name)
{
	struct object *o = store_get(w->api.store, config_maps(w), "default", name);
	cJSON *last = js_parse(o->text->bytes, o->text->len);

	assert_int_equal(store_delete(w->api.store, o, last), 0);
	cJSON_Delete(last);
}

static struct watch *watch(struct world *w, uint64_t rv, const char *labels)
{
	struct watch_spec *spec = mem_zero(sizeof(*spec));

	spec->kind = config_maps(w);
	spec->version = spec->kind->versions[0];
	spec->ns = intern("default");
	spec->rv = rv;
	spec->from_start = rv == 0;
	spec->timeout_s = 100;
	assert_null(query_parse(spec->kind, labels, NULL, &spec->query));
	return watch_new(&w->api, spec, 0);
}

/* All there is to read as "ADDED a,DELETED b", at @max bytes a time. */
static const char *events(struct watch *w, size_t max)
{
	static char told[512];
	struct buf b = { 0 };
	char piece[4096];
	size_t n;

	while ((n = watch_read(w, piece, max, 0)) > 0)
		buf_add(&b, piece, n);
	buf_add(&b, "", 1);
	told[0] = '\0';
	for (char *line = b.bytes, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		*end = '\0';
		cJSON *j = js_parse(line, (size_t)(end - line));
		assert_non_null(j);
		const char *name = js_text(j, "object.metadata.name");
		snprintf(told + strlen(told), sizeof(told) - strlen(told), "%s%s %s",
			 told[0] == '\0' ? "" : ",", js_text(j, "type"),
			 name == NULL ? js_text(j, "object.reason") : name);
		cJSON_Delete(j);
	}
	buf_done(&b);
	return told;
}

/* Commit, and tell @watch of the changes from @from on, as http.c does. */
static void wake(struct world *w, struct watch *watch, uint64_t from)
{
	const struct history *h = store_history(w->api.store);

	assert_int_equal(store_commit(w->api.store), 0);
	for (uint64_t seq = from; seq < history_end(h); seq++)
		if (watch_wakes_for(watch, seq, history_at(h, seq)))
			break;
}

static void test_the_file_is_private(void **state)
{
	struct world *w = *state;
	struct stat st;

	assert_int_equal(stat(w->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void test_objects_and_versions_survive_reopening(void **state)
{
	struct world *w = *state;

	put(w, "b", "1");
	put(w, "a", "1");
	put(w, "a", "2");
	put(w, "c", "1");
	drop(w, "c");
	assert_int_equal(store_rv(w->api.store), 105);
	assert_int_equal(store_commit(w->api.store), 0);
	close_store(w);
	open_store(w);
	assert_int_equal(store_rv(w->api.store), 105);
	struct object *o = store_first(w->api.store, config_maps(w), "default", NULL, NULL);
	assert_string_equal(o->name, "a");
	assert_int_equal(o->rv, 103);
	assert_non_null(strstr(o->text->bytes, "\"v\":\"2\""));
	o = store_next(o, "default");
	assert_string_equal(o->name, "b");
	assert_null(store_next(o, "default"));
}

static void test_what_is_not_committed_is_not_kept(void **state)
{
	struct world *w = *state;

	put(w, "a", "1");
	assert_int_equal(store_commit(w->api.store), 0);
	put(w, "b", "1");
	close_store(w);
	open_store(w);
	assert_non_null(store_get(w->api.store, config_maps(w), "default", "a"));
	assert_null(store_get(w->api.store, config_maps(w), "default", "b"));
	assert_int_equal(store_rv(w->api.store), 101);
}

static void test_a_second_server_is_refused(void **state)
{
	struct world *w = *state;
	struct kinds kinds;
	struct store *second = NULL;
	char err[128];

	put(w, "a", "1"); /* the lock is taken with the first write at the latest */
	assert_int_equal(store_commit(w->api.store), 0);
	kinds_init(&kinds);
	assert_int_not_equal(store_open(&w->cfg, &kinds, &second, err, sizeof(err)), 0);
	assert_null(second);
	assert_non_null(strstr(err, "locked"));
	kinds_done(&kinds);
}

static void test_a_watch_tells_what_came_after(void **state)
{
	struct world *w = *state;

	put(w, "a", "1");
	put(w, "b", "1");
	assert_int_equal(store_commit(w->api.store), 0);
	struct watch *all = watch(w, 0, NULL), *later = watch(w, 101, NULL);
	assert_string_equal(events(all, 4096), "ADDED a,ADDED b");
	assert_string_equal(events(later, 7), "ADDED b"); /* in small pieces */
	put(w, "a", "2");
	drop(w, "b");
	/* Not before it is on disk. */
	assert_string_equal(events(all, 4096), "");
	wake(w, all, 2);
	wake(w, later, 2);
	assert_string_equal(events(all, 4096), "MODIFIED a,DELETED b");
	assert_string_equal(events(later, 4096), "MODIFIED a,DELETED b");
	watch_free(all);
	watch_free(later);
}

static void test_a_selector_adds_and_deletes_as_labels_change(void **state)
{
	struct world *w = *state;
	uint64_t from;

	assert_int_equal(store_commit(w->api.store), 0);
	struct watch *one = watch(w, 100, "v=1");
	assert_string_equal(events(one, 4096), "");
	put(w, "a", "1");
	put(w, "a", "1");
	put(w, "a", "2");
	put(w, "a", "3");
	wake(w, one, 0);
	assert_string_equal(events(one, 4096), "ADDED a,MODIFIED a,DELETED a");
	from = history_end(store_history(w->api.store));
	drop(w, "a");
	wake(w, one, from);
	assert_string_equal(events(one, 4096), "");
	watch_free(one);
}

static void test_a_version_that_is_forgotten_is_expired(void **state)
{
	struct world *w = *state;
	char name[16];

	for (int i = 0; i < 10; i++) { /* the history holds 8 */
		snprintf(name, sizeof(name), "n%d", i);
		put(w, name, "1");
	}
	assert_int_equal(store_commit(w->api.store), 0);
	struct watch *old = watch(w, 101, NULL), *kept = watch(w, 102, NULL);
	assert_string_equal(events(old, 4096), "ERROR Expired");
	assert_true(watch_ended(old));
	assert_non_null(strstr(events(kept, 4096), "ADDED n2,ADDED n3"));
	watch_free(old);
	watch_free(kept);
	/* A version that was never given: the file was made anew. */
	struct watch *ahead = watch(w, 5000, NULL);
	assert_string_equal(events(ahead, 4096), "ERROR Expired");
	watch_free(ahead);
}

static void test_a_reader_that_is_too_slow_is_cut(void **state)
{
	struct world *w = *state;
	char name[16];

	assert_int_equal(store_commit(w->api.store), 0);
	struct watch *slow = watch(w, 100, NULL);
	for (int i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		put(w, name, "1");
	}
	assert_int_equal(store_commit(w->api.store), 0);
	assert_string_equal(events(slow, 4096), "ERROR Expired");
	assert_true(watch_ended(slow));
	watch_free(slow);
}

/* One that has read everything sleeps through changes of other kinds, however many. */
static void test_an_idle_reader_is_not_cut(void **state)
{
	struct world *w = *state;
	const struct kind *secrets = kinds_builtin(&w->api.kinds, KIND_SECRET);
	uint64_t from;

	assert_int_equal(store_commit(w->api.store), 0);
	struct watch *idle = watch(w, 100, NULL);
	assert_string_equal(events(idle, 4096), "");
	for (int i = 0; i < 20; i++) {
		cJSON *j = cJSON_Parse("{\"metadata\":{\"name\":\"s\",\"namespace\":\"default\"}}");
		assert_int_equal(store_put(w->api.store, secrets, j), 0);
		cJSON_Delete(j);
	}
	from = history_end(store_history(w->api.store));
	put(w, "a", "1");
	wake(w, idle, from);
	assert_string_equal(events(idle, 4096), "ADDED a");
	watch_free(idle);
}

/* As when one request deletes more than the history holds. */
static void test_what_was_forgotten_before_it_was_told_expires_an_idle_reader(void **state)
{
	struct world *w = *state;

	put(w, "a", "1");
	store_commit(w->api.store);
	struct watch *idle = watch(w, 100, NULL);
	assert_string_equal(events(idle, 4096), "ADDED a");
	uint64_t from = store_visible(w->api.store);
	for (int i = 0; i < 12; i++)
		put(w, "b", i % 2 == 0 ? "0" : "1");
	wake(w, idle, from);
	assert_string_equal(events(idle, 4096), "ERROR Expired");
	assert_true(watch_ended(idle));
	watch_free(idle);
}

static void test_time_ends_a_watch(void **state)
{
	struct world *w = *state;
	char piece[256];

	assert_int_equal(store_commit(w->api.store), 0);
	struct watch *one = watch(w, 100, NULL);
	assert_int_equal(watch_read(one, piece, sizeof(piece), 99), 0);
	assert_false(watch_ended(one));
	assert_true(watch_is_due(one, 100));
	assert_int_equal(watch_read(one, piece, sizeof(piece), 100), 0);
	assert_true(watch_ended(one));
	watch_free(one);
}

static struct watch *watch_with_bookmarks(struct world *w, const char *labels)
{
	struct watch_spec *spec = mem_zero(sizeof(*spec));

	spec->kind = config_maps(w);
	spec->version = spec->kind->versions[0];
	spec->ns = intern("default");
	spec->rv = store_visible_rv(w->api.store);
	spec->timeout_s = 150;
	spec->bookmarks = true;
	assert_null(query_parse(spec->kind, labels, NULL, &spec->query));
	return watch_new(&w->api, spec, 0);
}

/* What is read at @now_s as "TYPE version", lines joined by commas. */
static const char *versions_at(struct watch *w, uint64_t now_s)
{
	static char told[256];
	char piece[4096], *line = piece, *end;
	size_t n = watch_read(w, piece, sizeof(piece) - 1, now_s);

	piece[n] = told[0] = '\0';
	for (; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		*end = '\0';
		cJSON *j = js_parse(line, (size_t)(end - line));
		snprintf(told + strlen(told), sizeof(told) - strlen(told), "%s%s %s",
			 told[0] == '\0' ? "" : ",", js_text(j, "type"),
			 js_text(j, "object.metadata.resourceVersion"));
		cJSON_Delete(j);
	}
	return told;
}

/* One a minute and one at the end; what is still to be told goes before. */
static void test_bookmarks_tell_how_far_a_watch_has_come(void **state)
{
	struct world *w = *state;

	put(w, "a", "1");
	store_commit(w->api.store);
	struct watch *one = watch_with_bookmarks(w, NULL);
	assert_string_equal(versions_at(one, 59), "");
	assert_false(watch_is_due(one, 59));
	assert_true(watch_is_due(one, 60));
	assert_string_equal(versions_at(one, 60), "BOOKMARK 101");
	uint64_t from = store_visible(w->api.store);
	put(w, "a", "2");
	assert_string_equal(versions_at(one, 119), "");
	/* The write is not on disk yet: its version must not be told. */
	assert_string_equal(versions_at(one, 120), "BOOKMARK 101");
	put(w, "a", "3");
	wake(w, one, from);
	assert_string_equal(versions_at(one, 150), "MODIFIED 102,MODIFIED 103,BOOKMARK 103");
	assert_true(watch_ended(one));
	watch_free(one);
}

/* Changes that a watch does not select do not wake it, and yet its bookmarks pass them. */
static void test_a_bookmark_passes_what_is_not_selected(void **state)
{
	struct world *w = *state;
	const struct history *h = store_history(w->api.store);

	store_commit(w->api.store);
	struct watch *one = watch_with_bookmarks(w, "v=1");
	assert_string_equal(versions_at(one, 0), "");
	for (int i = 0; i < 20; i++) { /* more than the history holds */
		put(w, "other", i % 2 == 0 ? "2" : "3");
		store_commit(w->api.store);
		uint64_t seq = history_end(h) - 1;
		assert_false(watch_wakes_for(one, seq, history_at(h, seq)));
	}
	assert_string_equal(versions_at(one, 60), "BOOKMARK 120");
	uint64_t from = history_end(h);
	put(w, "mine", "1");
	wake(w, one, from);
	assert_string_equal(versions_at(one, 61), "ADDED 121");
	watch_free(one);
}

/* Six rounds of ten minutes after it was last written. */
static void test_events_go_when_nobody_repeats_them(void **state)
{
	struct world *w = *state;
	const struct kind *events = kinds_builtin(&w->api.kinds, KIND_EVENT);
	cJSON *once = cJSON_Parse("{\"metadata\":{\"name\":\"once\",\"namespace\":\"default\"}}");
	cJSON *twice = cJSON_Parse("{\"metadata\":{\"name\":\"twice\",\"namespace\":\"default\"}}");

	put(w, "a", "1");
	assert_int_equal(store_put(w->api.store, events, once), 0);
	assert_int_equal(store_put(w->api.store, events, twice), 0);
	for (int round = 0; round < 6; round++) {
		assert_int_equal(store_count(w->api.store, events), 2);
		assert_true(objects_expire_events(&w->api));
		if (round == 2)
			assert_int_equal(store_put(w->api.store, events, twice), 0);
	}
	assert_null(store_get(w->api.store, events, "default", "once"));
	assert_non_null(store_get(w->api.store, events, "default", "twice"));
	assert_int_equal(store_count(w->api.store, config_maps(w)), 1);
	cJSON_Delete(once);
	cJSON_Delete(twice);
}

static const struct kind *secrets_of(const struct world *w)
{
	return kinds_builtin(&w->api.kinds, KIND_SECRET);
}

/* A write of @size bytes; returns what the store does. */
static int put_large(struct world *w, int n, size_t size)
{
	char name[16], *text = mem_get(size + 1);
	cJSON *j = cJSON_CreateObject();

	memset(text, 'x', size);
	text[size] = '\0';
	snprintf(name, sizeof(name), "n%d", n);
	js_set_text(js_object(j, "metadata"), "name", name);
	js_set_text(j, "data", text);
	int rc = store_put(w->api.store, secrets_of(w), j);
	cJSON_Delete(j);
	free(text);
	return rc;
}

/* A full disk undoes what the transaction held: that is told, with the reason, and not committed.
 */
static void test_a_full_disk_is_told_with_its_reason(void **state)
{
	struct world *w = *state;
	struct rlimit before, tight;
	int n = 0;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	tight = (struct rlimit){ .rlim_cur = 4 << 20, .rlim_max = before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
	while (n < 100 && put_large(w, n, 1 << 20) == 0)
		n++;
	int rc = store_commit(w->api.store);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_in_range(n, 1, 99);
	assert_int_equal(rc, -EIO);
	assert_string_equal(store_error(w->api.store), "disk I/O error");
	close_store(w);
	open_store(w);
	assert_int_equal(store_count(w->api.store, secrets_of(w)), 0);
}

static void test_an_object_has_its_limit(void **state)
{
	struct world *w = *state;
	uint64_t rv = store_rv(w->api.store);

	assert_int_equal(put_large(w, 1, STORE_OBJECT_MAX), -E2BIG);
	assert_int_equal(store_rv(w->api.store), rv);
	assert_int_equal(put_large(w, 1, STORE_OBJECT_MAX - 1000), 0);
}

/* What the store or its history has costs no client anything; what only others hold does. */
static void test_lent_texts_are_counted(void **state)
{
	struct world *w = *state;

	assert_int_equal(text_lent_bytes(), 0);
	assert_int_equal(put_large(w, 1, 100000), 0);
	struct text *held = text_ref(store_get(w->api.store, secrets_of(w), "", "n1")->text);
	assert_int_equal(text_lent_bytes(), 0);
	for (int i = 0; i < 9; i++) /* one more than the history of setup() has */
		assert_int_equal(put_large(w, 1, 10), 0);
	assert_in_range(text_lent_bytes(), 100000, 101000);
	text_unref(held);
	assert_int_equal(text_lent_bytes(), 0);
}

/* What is written and not committed yet is no part of what a watch begins with: it is told once. */
static void test_a_watch_begins_at_a_commit(void **state)
{
	struct world *w = *state;

	put(w, "a", "1");
	assert_int_equal(store_commit(w->api.store), 0);
	put(w, "a", "2");
	put(w, "b", "1");
	struct watch *watching = watch(w, 0, NULL);
	assert_string_equal(events(watching, 100), "ADDED a");
	assert_int_equal(store_commit(w->api.store), 0);
	watch_wakes_for(watching, store_visible(w->api.store) - 2, NULL);
	assert_string_equal(events(watching, 100), "MODIFIED a,ADDED b");
	watch_free(watching);
}

static bool has_uid(struct world *w, const char *uid)
{
	const char *known = intern(uid);
	bool has = store_has_uid(w->api.store, known);

	intern_unref(known);
	return has;
}

static void test_objects_are_found_by_their_uid(void **state)
{
	struct world *w = *state;

	for (int c = 'a'; c <= 'z'; c++)
		put(w, (char[]){ (char)c, '\0' }, "1");
	put(w, "a", "2");
	assert_true(has_uid(w, "u-a") && has_uid(w, "u-b") && has_uid(w, "u-z"));
	assert_false(has_uid(w, "u-none"));
	drop(w, "b");
	assert_false(has_uid(w, "u-b"));
	assert_true(has_uid(w, "u-a") && has_uid(w, "u-z"));
}

#define STORE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE(test_the_file_is_private),
		STORE(test_a_full_disk_is_told_with_its_reason),
		STORE(test_an_object_has_its_limit),
		STORE(test_a_watch_begins_at_a_commit),
		STORE(test_objects_are_found_by_their_uid),
		STORE(test_lent_texts_are_counted),
		STORE(test_objects_and_versions_survive_reopening),
		STORE(test_what_is_not_committed_is_not_kept),
		STORE(test_a_second_server_is_refused),
		STORE(test_a_watch_tells_what_came_after),
		STORE(test_a_selector_adds_and_deletes_as_labels_change),
		STORE(test_a_version_that_is_forgotten_is_expired),
		STORE(test_a_reader_that_is_too_slow_is_cut),
		STORE(test_an_idle_reader_is_not_cut),
		STORE(test_what_was_forgotten_before_it_was_told_expires_an_idle_reader),
		STORE(test_time_ends_a_watch),
		STORE(test_bookmarks_tell_how_far_a_watch_has_come),
		STORE(test_a_bookmark_passes_what_is_not_selected),
		STORE(test_events_go_when_nobody_repeats_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
