// SPDX-License-Identifier: Apache-2.0
/* lib/kube, the pure parts of a watch: key set, back-off, the reflector, events, paths. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/intern.h"
#include "lib/base/log.h"
#include "lib/kube/backoff.h"
#include "lib/kube/event_book.h"
#include "lib/kube/reflector.h"

/* --- key set -------------------------------------------------------------------------------- */

#define MODEL_KEYS 300

/* Against an array of flags: thousands of random adds, removes and new lists. */
static void test_key_set_behaves_as_a_set(void **state)
{
	struct rng rng = rng_seeded(42);
	struct keyset k = { 0 };
	bool there[MODEL_KEYS] = { 0 }, seen[MODEL_KEYS] = { 0 };

	(void)state;
	for (int step = 0; step < 60000; step++) {
		unsigned i = (unsigned)rng_below(&rng, MODEL_KEYS);
		char ns[16], name[16];
		const char *old_ns, *old_name;
		size_t at = 0;

		snprintf(ns, sizeof(ns), "ns-%u", i % 7);
		snprintf(name, sizeof(name), "name-%u", i);
		switch (rng_below(&rng, 200)) {
		case 0:
			keyset_unsee(&k);
			memset(seen, 0, sizeof(seen));
			break;
		case 1:
			while (keyset_take_unseen(&k, &at, &old_ns, &old_name)) {
				unsigned n = (unsigned)atoi(old_name + strlen("name-"));

				assert_true(there[n] && !seen[n]);
				assert_int_equal(atoi(old_ns + strlen("ns-")), n % 7);
				there[n] = false;
				intern_unref(old_ns);
				intern_unref(old_name);
			}
			for (unsigned n = 0; n < MODEL_KEYS; n++)
				assert_false(there[n] && !seen[n]);
			break;
		default:
			if (step & 1) {
				keyset_add(&k, ns, name);
				there[i] = seen[i] = true;
			} else {
				assert_int_equal(keyset_remove(&k, ns, name), there[i]);
				there[i] = seen[i] = false;
			}
		}
		size_t count = 0;
		for (unsigned n = 0; n < MODEL_KEYS; n++)
			count += there[n];
		assert_int_equal(k.count, count);
	}
	keyset_free(&k);
	assert_int_equal(intern_count(), 0);
}

static void test_same_name_in_two_namespaces_is_two_keys(void **state)
{
	struct keyset k = { 0 };

	(void)state;
	keyset_add(&k, "a", "x");
	keyset_add(&k, "b", "x");
	keyset_add(&k, "", "x");
	keyset_add(&k, "a", "x");
	assert_int_equal(k.count, 3);
	assert_true(keyset_remove(&k, "b", "x"));
	assert_false(keyset_remove(&k, "b", "x"));
	assert_int_equal(k.count, 2);
	keyset_free(&k);
}

/* --- back-off ------------------------------------------------------------------------------- */

static void test_back_off_doubles_to_ten_seconds_with_jitter(void **state)
{
	struct rng rng = rng_seeded(1);
	struct backoff b = { 0 };
	uint64_t want = 100;
	bool differs = false;

	(void)state;
	for (int i = 0; i < 40; i++) {
		uint64_t ms = backoff_next(&b, &rng);

		assert_in_range(ms, want * 7 / 10, want * 13 / 10);
		differs |= ms != want;
		want = want * 2 > 10000 ? 10000 : want * 2;
	}
	assert_true(differs);
	backoff_reset(&b);
	assert_in_range(backoff_next(&b, &rng), 70, 130);
}

/* --- reflector ------------------------------------------------------------------------------ */

/* What the user was told, as text: "+ns/name" "-ns/name" "=" (synced) "?" (absent) "!" (lost). */
struct told {
	struct reflector r;
	struct rng rng;
	char text[512];
	const char *end_at; /* end the watch when told this */
};

static void tell(struct told *t, const char *what, const char *ns, const char *name)
{
	size_t len = strlen(t->text);

	assert_false(t->r.ended); /* nobody is told anything after the end */
	snprintf(t->text + len, sizeof(t->text) - len, "%s%s%s%s ", what, ns, *ns ? "/" : "", name);
	t->r.ended = t->end_at != NULL && strstr(t->text, t->end_at) != NULL;
}

static void on_upsert(void *arg, const cJSON *object)
{
	const cJSON *meta = cJSON_GetObjectItemCaseSensitive(object, "metadata");
	const char *ns = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(meta, "namespace"));

	tell(arg, "+", ns == NULL ? "" : ns,
	     cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(meta, "name")));
}

static void on_remove(void *arg, const char *ns, const char *name)
{
	tell(arg, "-", ns, name);
}

static void on_synced(void *arg)
{
	tell(arg, "=", "", "");
}

static void on_absent(void *arg)
{
	tell(arg, "?", "", "");
}

static void on_lost(void *arg, int status, const char *reason)
{
	char number[16];

	(void)reason;
	snprintf(number, sizeof(number), "%d", status);
	tell(arg, "!", "", number);
}

static const struct kube_watch_ops told_ops = { on_upsert, on_remove, on_synced, on_absent,
						on_lost };

static void told_init(struct told *t)
{
	*t = (struct told){ .rng = rng_seeded(7) };
	assert_int_equal(reflector_init(&t->r, "http://x", "/api/v1/services",
					"labelSelector=a%3Db", &told_ops, t),
			 0);
}

/* Say what it was told since the last time. */
#define assert_told(t, what)                                                                       \
	do {                                                                                       \
		assert_string_equal((t)->text, what);                                              \
		(t)->text[0] = '\0';                                                               \
	} while (0)

static void assert_asks(struct told *t, const char *what)
{
	char *url = reflector_url(&t->r, &t->rng);

	assert_non_null(url);
	assert_non_null(strstr(url, "/api/v1/services?labelSelector=a%3Db&"));
	if (strstr(url, what) == NULL)
		fail_msg("asks for %s, not for %s", url, what);
	free(url);
}

#define OBJECT(ns, name, version)                                                                  \
	"{\"metadata\":{\"namespace\":\"" ns "\",\"name\":\"" name                                 \
	"\",\"resourceVersion\":\"" version "\"}}"
#define LIST(version, next, items)                                                                 \
	"{\"kind\":\"ServiceList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":"       \
	"\"" version "\",\"continue\":\"" next "\"},\"items\":[" items "]}"
#define EVENT(type, object) "{\"type\":\"" type "\",\"object\":" object "}\n"

static enum reflector_next page(struct told *t, const char *text)
{
	enum reflector_next next = reflector_page(&t->r, text, strlen(text));

	return next == REFLECTOR_WAIT ? reflector_page_end(&t->r) : next;
}

static enum reflector_next lines(struct told *t, const char *text)
{
	size_t used;
	enum reflector_next next = reflector_lines(&t->r, text, strlen(text), &used);

	if (next == REFLECTOR_WAIT)
		assert_int_equal(used, strlen(text));
	return next;
}

/* Listed and watching, with web/a and web/b known at version 10. */
static void told_listed(struct told *t)
{
	told_init(t);
	assert_int_equal(page(t,
			      LIST("10", "", OBJECT("web", "a", "1") "," OBJECT("web", "b", "2"))),
			 REFLECTOR_NOW);
	assert_told(t, "+web/a +web/b = ");
}

static void test_list_goes_page_by_page_then_watches_from_the_first_pages_version(void **state)
{
	struct told t;

	(void)state;
	told_init(&t);
	assert_false(reflector_watching(&t.r));
	assert_asks(&t, "limit=500");
	assert_int_equal(page(&t, LIST("10", "x/y=", OBJECT("web", "a", "1"))), REFLECTOR_NOW);
	assert_told(&t, "+web/a ");
	assert_false(t.r.synced);
	assert_asks(&t, "limit=500&continue=x%2Fy%3D");
	assert_int_equal(page(&t, LIST("11", "", OBJECT("web", "b", "2"))), REFLECTOR_NOW);
	assert_told(&t, "+web/b = ");
	assert_true(t.r.synced);
	assert_true(reflector_watching(&t.r));
	assert_asks(&t, "watch=true&allowWatchBookmarks=true&timeoutSeconds=");
	assert_asks(&t, "&resourceVersion=10");
	reflector_done(&t.r);
}

static void test_watch_timeout_is_five_to_ten_minutes_at_random(void **state)
{
	unsigned long min = 1000, max = 0;
	struct told t;

	(void)state;
	told_listed(&t);
	for (int i = 0; i < 200; i++) {
		char *url = reflector_url(&t.r, &t.rng);
		unsigned long s = strtoul(strstr(url, "timeoutSeconds=") + 15, NULL, 10);

		free(url);
		assert_in_range(s, 300, 600);
		min = s < min ? s : min;
		max = s > max ? s : max;
	}
	assert_true(max - min > 200);
	reflector_done(&t.r);
}

static void test_watch_events_are_told_and_move_the_version(void **state)
{
	struct told t;

	(void)state;
	told_listed(&t);
	assert_int_equal(lines(&t, EVENT("ADDED", OBJECT("web", "c", "11"))
					   EVENT("MODIFIED", OBJECT("web", "a", "12"))
						   EVENT("DELETED", OBJECT("web", "b", "13"))),
			 REFLECTOR_WAIT);
	assert_told(&t, "+web/c +web/a -web/b ");
	assert_asks(&t, "&resourceVersion=13");
	reflector_done(&t.r);
}

static void test_bookmark_moves_the_version_and_is_not_told(void **state)
{
	struct told t;

	(void)state;
	told_listed(&t);
	assert_int_equal(lines(&t,
			       EVENT("BOOKMARK", "{\"metadata\":{\"resourceVersion\":\"77\"}}")),
			 REFLECTOR_WAIT);
	assert_told(&t, "");
	assert_asks(&t, "&resourceVersion=77");
	reflector_done(&t.r);
}

static void test_a_line_cut_in_two_is_taken_when_it_is_whole(void **state)
{
	static const char text[] = EVENT("ADDED", OBJECT("web", "c", "11"));
	struct told t;
	size_t used;

	(void)state;
	told_listed(&t);
	for (size_t len = 0; len < strlen(text); len++) {
		assert_int_equal(reflector_lines(&t.r, text, len, &used), REFLECTOR_WAIT);
		assert_int_equal(used, 0);
	}
	assert_told(&t, "");
	assert_int_equal(lines(&t, text), REFLECTOR_WAIT);
	assert_told(&t, "+web/c ");
	reflector_done(&t.r);
}

static void test_after_a_disconnect_the_watch_resumes_without_a_list(void **state)
{
	struct told t;

	(void)state;
	told_listed(&t);
	lines(&t, EVENT("ADDED", OBJECT("web", "c", "11")));
	assert_int_equal(reflector_cut(&t.r, 60000), REFLECTOR_NOW);
	assert_asks(&t, "&resourceVersion=11");
	/* One that is cut at once must not be asked again at once. */
	assert_int_equal(reflector_cut(&t.r, 3), REFLECTOR_LATER);
	assert_asks(&t, "&resourceVersion=11");
	reflector_done(&t.r);
}

static void test_410_lists_again_and_removes_what_vanished(void **state)
{
	static const char gone[] =
		EVENT("ERROR", "{\"kind\":\"Status\",\"code\":410,\"reason\":\"Expired\"}");
	struct told t;

	(void)state;
	for (int in_stream = 0; in_stream < 2; in_stream++) {
		told_listed(&t);
		assert_int_equal(in_stream ? lines(&t, gone)
					   : reflector_refused(&t.r, 410, "410 Expired"),
				 REFLECTOR_LATER);
		assert_told(&t, ""); /* what is known stays until the new list is complete */
		assert_asks(&t, "limit=500");
		assert_int_equal(page(&t, LIST("20", "", OBJECT("web", "b", "2"))), REFLECTOR_NOW);
		assert_told(&t, "+web/b -web/a = ");
		assert_asks(&t, "&resourceVersion=20");
		reflector_done(&t.r);
	}
}

/* A list that breaks off in the middle is begun anew; nothing that only it named is lost. */
static void test_a_list_that_expires_half_way_removes_nothing_too_early(void **state)
{
	struct told t;

	(void)state;
	told_listed(&t);
	reflector_refused(&t.r, 410, "");
	page(&t, LIST("20", "more", OBJECT("web", "a", "1")));
	assert_told(&t, "+web/a ");
	assert_int_equal(reflector_refused(&t.r, 410, "continue expired"), REFLECTOR_LATER);
	assert_asks(&t, "limit=0");
	page(&t, LIST("21", "more", OBJECT("web", "b", "1")));
	page(&t, LIST("21", "", OBJECT("web", "c", "1")));
	assert_told(&t, "+web/b +web/c -web/a = ");
	reflector_done(&t.r);
}

static void test_a_page_that_breaks_off_is_asked_for_again(void **state)
{
	struct told t;

	(void)state;
	told_init(&t);
	page(&t, LIST("20", "more", OBJECT("web", "a", "1")));
	assert_int_equal(reflector_cut(&t.r, 50), REFLECTOR_LATER);
	assert_asks(&t, "&continue=more");
	reflector_done(&t.r);
}

/* It would be asked for without end, and without a pause. */
static void test_a_page_that_leads_to_itself_is_no_list(void **state)
{
	struct told t;

	(void)state;
	told_init(&t);
	assert_int_equal(page(&t, LIST("20", "more", OBJECT("web", "a", "1"))), REFLECTOR_NOW);
	assert_int_equal(page(&t, LIST("20", "more", OBJECT("web", "b", "1"))), REFLECTOR_LATER);
	assert_told(&t, "+web/a +web/b ");
	assert_asks(&t, "limit=500");
	reflector_done(&t.r);
}

static void test_a_broken_line_is_counted_and_leads_to_a_new_list(void **state)
{
	static const char *const broken[] = {
		"{\"type\":\"ADDED\",\"obj\n",
		"\x01\x02\x03\n",
		"{\"type\":\"ADDED\",\"object\":{}}\n",
		"{\"type\":\"ADDED\"}\n",
		"{\"object\":{}}\n",
		EVENT("SIDEWAYS", OBJECT("web", "c", "1")),
		"[]\n",
		"HTTP/1.1 200 OK\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(broken) / sizeof(*broken); i++) {
		struct told t;

		told_listed(&t);
		assert_int_equal(lines(&t, broken[i]), REFLECTOR_LATER);
		assert_int_equal(t.r.malformed, 1);
		assert_told(&t, "");
		assert_asks(&t, "limit=500");
		reflector_done(&t.r);
	}
}

static void test_events_behind_a_broken_line_are_not_believed(void **state)
{
	struct told t;

	(void)state;
	told_listed(&t);
	assert_int_equal(lines(&t, "junk\n" EVENT("DELETED", OBJECT("web", "a", "11"))),
			 REFLECTOR_LATER);
	assert_told(&t, "");
	reflector_done(&t.r);
}

static void test_a_page_that_is_no_list_removes_nothing(void **state)
{
	struct told t;

	(void)state;
	told_listed(&t);
	reflector_refused(&t.r, 410, "");
	assert_int_equal(page(&t, "<html>maintenance</html>"), REFLECTOR_LATER);
	assert_int_equal(page(&t, "{}"), REFLECTOR_LATER);
	assert_int_equal(t.r.malformed, 2);
	assert_told(&t, "");
	assert_int_equal(t.r.keys.count, 2);
	reflector_done(&t.r);
}

static void test_404_before_any_list_is_absent_and_told_once(void **state)
{
	struct told t;

	(void)state;
	told_init(&t);
	assert_int_equal(reflector_refused(&t.r, 404, "no CRD"), REFLECTOR_RARELY);
	assert_told(&t, "? ");
	assert_int_equal(reflector_refused(&t.r, 404, "no CRD"), REFLECTOR_RARELY);
	assert_told(&t, "");
	page(&t, LIST("1", "", ""));
	assert_told(&t, "= ");
	reflector_done(&t.r);
}

static void test_404_after_a_list_is_a_loss_and_keeps_what_is_known(void **state)
{
	struct told t;

	(void)state;
	told_listed(&t);
	assert_int_equal(reflector_refused(&t.r, 404, "CRD deleted"), REFLECTOR_LATER);
	assert_told(&t, "!404 ");
	assert_int_equal(reflector_refused(&t.r, 404, "CRD deleted"), REFLECTOR_LATER);
	assert_told(&t, ""); /* once */
	assert_int_equal(t.r.keys.count, 2);
	assert_asks(&t, "limit=500"); /* a new CRD knows nothing of our version */
	page(&t, LIST("1", "", ""));
	assert_told(&t, "-web/a -web/b = ");
	reflector_done(&t.r);
}

static void test_a_server_in_trouble_does_not_cost_the_version(void **state)
{
	static const int keeps[] = { 401, 403, 429, 500, 504 };
	static const int drops[] = { 400, 404, 405, 410 };

	(void)state;
	for (size_t i = 0; i < sizeof(keeps) / sizeof(*keeps); i++) {
		struct told t;

		told_listed(&t);
		assert_int_equal(reflector_refused(&t.r, keeps[i], ""), REFLECTOR_LATER);
		assert_asks(&t, "&resourceVersion=10");
		reflector_done(&t.r);
	}
	for (size_t i = 0; i < sizeof(drops) / sizeof(*drops); i++) {
		struct told t;

		told_listed(&t);
		assert_int_equal(reflector_refused(&t.r, drops[i], ""), REFLECTOR_LATER);
		assert_asks(&t, "limit=500");
		reflector_done(&t.r);
	}
}

static void test_delete_of_what_was_never_told_is_not_told(void **state)
{
	struct told t;

	(void)state;
	told_listed(&t);
	lines(&t, EVENT("DELETED", OBJECT("web", "stranger", "11")));
	assert_told(&t, "");
	reflector_done(&t.r);
}

static void test_cluster_scope_has_an_empty_namespace(void **state)
{
	struct told t;

	(void)state;
	told_init(&t);
	page(&t, LIST("1", "", "{\"metadata\":{\"name\":\"node-a\"}}"));
	lines(&t,
	      EVENT("DELETED", "{\"metadata\":{\"name\":\"node-a\",\"resourceVersion\":\"2\"}}"));
	assert_told(&t, "+node-a = -node-a ");
	reflector_done(&t.r);
}

/* The user may end the watch in any of its callbacks and is told nothing more. */
static void test_an_ended_watch_tells_nothing_more(void **state)
{
	static const char *const ends[] = { "+web/b", "-web/a", "= ", "+web/d", "-web/b" };

	(void)state;
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		enum reflector_next next;
		struct told t;

		told_init(&t);
		keyset_add(&t.r.keys, "web", "a");
		t.end_at = ends[i];
		next = page(&t,
			    LIST("10", "", OBJECT("web", "b", "1") "," OBJECT("web", "c", "2")));
		if (next == REFLECTOR_NOW)
			next = lines(&t, EVENT("ADDED", OBJECT("web", "d", "11"))
						 EVENT("DELETED", OBJECT("web", "b", "12"))
							 EVENT("ADDED", OBJECT("web", "e", "13")));
		assert_int_equal(next, REFLECTOR_ENDED);
		reflector_done(&t.r);
	}
}

/* --- in the course of time ------------------------------------------------------------------ */

/* Told to go on from a token that has expired, with a list that takes longer than the server keeps
 * its snapshot: page by page it would never end. */
static void test_after_410_in_the_middle_the_list_is_asked_for_in_one_piece(void **state)
{
	struct told t;

	(void)state;
	told_init(&t);
	page(&t, LIST("20", "more", OBJECT("web", "a", "1")));
	assert_int_equal(reflector_refused(&t.r, 410, "continue expired"), REFLECTOR_LATER);
	assert_asks(&t, "limit=0");
	page(&t, LIST("30", "", OBJECT("web", "a", "1")));
	assert_told(&t, "+web/a +web/a = ");
	reflector_refused(&t.r, 410, "version too old"); /* of the watch: pages again */
	assert_asks(&t, "limit=500");
	reflector_done(&t.r);
}

static void test_objects_are_told_before_the_page_is_complete(void **state)
{
	static const char whole[] =
		LIST("20", "", OBJECT("web", "c", "1") "," OBJECT("web", "b", "2"));
	struct told t;

	(void)state;
	told_listed(&t);
	reflector_refused(&t.r, 410, "");
	assert_int_equal(reflector_page(&t.r, whole, strlen(whole) - 40), REFLECTOR_WAIT);
	assert_told(&t, "+web/c ");
	/* It breaks off: the next one begins at the front, and nothing was removed. */
	assert_int_equal(reflector_cut(&t.r, 50), REFLECTOR_LATER);
	assert_int_equal(page(&t, whole), REFLECTOR_NOW);
	assert_told(&t, "+web/c +web/b -web/a = ");
	reflector_done(&t.r);
}

static void test_a_page_cut_short_is_not_a_list(void **state)
{
	static const char whole[] = LIST("20", "", OBJECT("web", "c", "1"));
	struct told t;

	(void)state;
	told_listed(&t);
	reflector_refused(&t.r, 410, "");
	reflector_page(&t.r, whole, strlen(whole) - 1);
	assert_int_equal(reflector_page_end(&t.r), REFLECTOR_LATER);
	assert_told(&t, "+web/c ");
	assert_int_equal(reflector_page_end(&t.r), REFLECTOR_LATER); /* no byte at all */
	assert_int_equal(t.r.malformed, 2);
	assert_told(&t, "");
	reflector_done(&t.r);
}

/* A server that was put back to an older state passes over all events up to the version asked for:
 * what shows it is a bookmark or an event from before. */
static void test_a_server_that_went_back_in_time_is_listed_anew(void **state)
{
	static const char *const signs[] = {
		EVENT("BOOKMARK", "{\"metadata\":{\"resourceVersion\":\"9\"}}"),
		EVENT("ADDED", OBJECT("web", "c", "9")),
		EVENT("MODIFIED", OBJECT("web", "a", "8")),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(signs) / sizeof(*signs); i++) {
		struct told t;

		told_listed(&t);
		assert_int_equal(lines(&t, signs[i]), REFLECTOR_LATER);
		assert_told(&t, "");
		assert_asks(&t, "limit=500");
		assert_int_equal(page(&t,
				      LIST("9", "",
					   OBJECT("web", "a", "8") "," OBJECT("web", "c", "9"))),
				 REFLECTOR_NOW);
		assert_told(&t, "+web/a +web/c -web/b = ");
		reflector_done(&t.r);
	}
}

static void test_versions_that_are_no_numbers_have_no_order(void **state)
{
	struct told t;

	(void)state;
	told_listed(&t);
	assert_int_equal(lines(&t, EVENT("ADDED", OBJECT("web", "c", "1a"))), REFLECTOR_WAIT);
	assert_int_equal(lines(&t, EVENT("ADDED", OBJECT("web", "d", "9"))), REFLECTOR_WAIT);
	assert_told(&t, "+web/c +web/d ");
	assert_asks(&t, "&resourceVersion=9");
	/* Nor does the last version of what is gone say where the server is. */
	assert_int_equal(lines(&t, EVENT("DELETED", OBJECT("web", "c", "3"))), REFLECTOR_WAIT);
	assert_told(&t, "-web/c ");
	assert_asks(&t, "&resourceVersion=9");
	reflector_done(&t.r);
}

static void test_a_version_of_the_servers_future_is_recognized(void **state)
{
	static const struct {
		const char *status;
		bool ahead;
	} cases[] = {
		{ "{\"code\":504,\"reason\":\"Timeout\",\"details\":{\"causes\":[{\"reason\":"
		  "\"ResourceVersionTooLarge\",\"message\":\"Too large resource version\"}]}}",
		  true },
		{ "{\"code\":504,\"reason\":\"Timeout\",\"details\":{\"retryAfterSeconds\":1}}",
		  false },
		{ "{\"code\":504,\"details\":{\"causes\":[{}]}}", false },
		{ "null", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		cJSON *status = cJSON_Parse(cases[i].status);

		assert_int_equal(reflector_is_ahead(status), cases[i].ahead);
		cJSON_Delete(status);
	}
}

/* --- events --------------------------------------------------------------------------------- */

static void test_the_same_event_within_ten_minutes_counts_up(void **state)
{
	struct event_book *b = calloc(1, sizeof(*b));
	struct event_recent *e;

	(void)state;
	e = event_book_count(b, 7, 1000);
	assert_int_equal(e->count, 1);
	e->name = strdup("front.1");
	assert_int_equal(event_book_count(b, 7, 1599)->count, 2);
	assert_int_equal(event_book_count(b, 9, 1599)->count, 1);
	e = event_book_count(b, 7, 2198); /* from the last one on */
	assert_int_equal(e->count, 3);
	assert_string_equal(e->name, "front.1");
	e = event_book_count(b, 7, 2798);
	assert_int_equal(e->count, 1);
	assert_null(e->name);
	event_book_forget(b, 7);
	assert_int_equal(event_book_count(b, 7, 2798)->count, 1);
	event_book_free(b);
}

static void test_the_oldest_event_makes_room(void **state)
{
	struct event_book *b = calloc(1, sizeof(*b));

	(void)state;
	for (uint64_t key = 1; key <= EVENT_BOOK_SIZE + 1; key++)
		event_book_count(b, key, 1000 + key)->name = strdup("x");
	assert_int_equal(event_book_count(b, 2, 1300)->count, 2);
	assert_int_equal(event_book_count(b, 1, 1300)->count, 1);
	event_book_free(b);
}

static void test_one_object_may_send_25_events_then_one_each_5_minutes(void **state)
{
	struct event_book *b = calloc(1, sizeof(*b));

	(void)state;
	for (int i = 0; i < 25; i++)
		assert_true(event_book_allow(b, 7, 5000));
	assert_false(event_book_allow(b, 7, 5000));
	assert_true(event_book_allow(b, 9, 5000)); /* another object */
	assert_false(event_book_allow(b, 7, 5299));
	assert_true(event_book_allow(b, 7, 5300));
	assert_false(event_book_allow(b, 7, 5301));
	/* A crowd of others, each with one event, does not wash its account away. */
	for (uint64_t key = 100; key < 1100; key++)
		assert_true(event_book_allow(b, key, 5301));
	assert_false(event_book_allow(b, 7, 5301));
	event_book_free(b);
}

/* --- paths ---------------------------------------------------------------------------------- */

static void test_paths_are_put_together_and_escaped(void **state)
{
	static const struct {
		const char *api, *ns, *resource, *name, *sub, *want;
	} cases[] = {
		{ "/api/v1", NULL, "services", NULL, NULL, "/api/v1/services" },
		{ "/api/v1", "web", "services", "front", "status",
		  "/api/v1/namespaces/web/services/front/status" },
		{ "/api/v1", "", "nodes", "a", NULL, "/api/v1/nodes/a" },
		{ "/apis/x.io/v1", "n", "things", "a/../b?c#d%e f", NULL,
		  "/apis/x.io/v1/namespaces/n/things/a%2F..%2Fb%3Fc%23d%25e%20f" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *path = kube_path(cases[i].api, cases[i].ns, cases[i].resource, cases[i].name,
				       cases[i].sub);

		assert_string_equal(path, cases[i].want);
		free(path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_key_set_behaves_as_a_set),
		cmocka_unit_test(test_same_name_in_two_namespaces_is_two_keys),
		cmocka_unit_test(test_back_off_doubles_to_ten_seconds_with_jitter),
		cmocka_unit_test(
			test_list_goes_page_by_page_then_watches_from_the_first_pages_version),
		cmocka_unit_test(test_watch_timeout_is_five_to_ten_minutes_at_random),
		cmocka_unit_test(test_watch_events_are_told_and_move_the_version),
		cmocka_unit_test(test_bookmark_moves_the_version_and_is_not_told),
		cmocka_unit_test(test_a_line_cut_in_two_is_taken_when_it_is_whole),
		cmocka_unit_test(test_after_a_disconnect_the_watch_resumes_without_a_list),
		cmocka_unit_test(test_410_lists_again_and_removes_what_vanished),
		cmocka_unit_test(test_a_list_that_expires_half_way_removes_nothing_too_early),
		cmocka_unit_test(test_a_page_that_breaks_off_is_asked_for_again),
		cmocka_unit_test(test_a_page_that_leads_to_itself_is_no_list),
		cmocka_unit_test(test_a_broken_line_is_counted_and_leads_to_a_new_list),
		cmocka_unit_test(test_events_behind_a_broken_line_are_not_believed),
		cmocka_unit_test(test_a_page_that_is_no_list_removes_nothing),
		cmocka_unit_test(test_404_before_any_list_is_absent_and_told_once),
		cmocka_unit_test(test_404_after_a_list_is_a_loss_and_keeps_what_is_known),
		cmocka_unit_test(test_a_server_in_trouble_does_not_cost_the_version),
		cmocka_unit_test(test_delete_of_what_was_never_told_is_not_told),
		cmocka_unit_test(test_cluster_scope_has_an_empty_namespace),
		cmocka_unit_test(test_an_ended_watch_tells_nothing_more),
		cmocka_unit_test(test_after_410_in_the_middle_the_list_is_asked_for_in_one_piece),
		cmocka_unit_test(test_objects_are_told_before_the_page_is_complete),
		cmocka_unit_test(test_a_page_cut_short_is_not_a_list),
		cmocka_unit_test(test_a_server_that_went_back_in_time_is_listed_anew),
		cmocka_unit_test(test_versions_that_are_no_numbers_have_no_order),
		cmocka_unit_test(test_a_version_of_the_servers_future_is_recognized),
		cmocka_unit_test(test_the_same_event_within_ten_minutes_counts_up),
		cmocka_unit_test(test_the_oldest_event_makes_room),
		cmocka_unit_test(test_one_object_may_send_25_events_then_one_each_5_minutes),
		cmocka_unit_test(test_paths_are_put_together_and_escaped),
	};

	log_setup("test", LOG_LEVEL_NONE, LOG_TEXT);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
