// SPDX-License-Identifier: Apache-2.0
/*
 * lib/kube through a network that fails: whatever happens on the way, in the end the client knows
 * what the server has, and on the way it never takes for gone what is there.
 *
 * The server is the real bellman-apiserver, past the proxy written to by a second client. Objects
 * are never made again under a name that was deleted, so each wrong remove shows.
 */
#include "tests/unit/kube_bench.h"

#include "lib/kube/internal.h"
#include "tests/unit/fault_proxy.h"
#include "tests/unit/kube_programs.h"

#define CONFIG_MAPS "/api/v1/namespaces/web/configmaps"
#define OBJECTS_MAX 2048
#define VIEWS       3
#define SILENCE_MS  400

static struct fault_proxy proxy;
static struct kube *direct; /* past the proxy */

/* What was written, by number of the object's name. */
static struct {
	int value;    /* 0: never made */
	bool deleted; /* asked for */
} truth[OBJECTS_MAX];

/* What one watch has told. */
struct view {
	struct bench *b;
	struct kube_watch *watch;
	int value[OBJECTS_MAX]; /* 0: not there */
	unsigned changes[OBJECTS_MAX], lists;
};

static struct view views[VIEWS];

static int number_of(const char *name)
{
	return atoi(name + strlen("m-"));
}

static void view_upsert(void *arg, const cJSON *object)
{
	struct view *v = arg;
	const cJSON *data = cJSON_GetObjectItemCaseSensitive(object, "data");
	int n = number_of(
		member_text(cJSON_GetObjectItemCaseSensitive(object, "metadata"), "name"));

	assert_in_range(n, 0, OBJECTS_MAX - 1);
	v->value[n] = atoi(member_text(data, "n"));
	v->changes[n]++;
}

static void view_remove(void *arg, const char *ns, const char *name)
{
	struct view *v = arg;
	int n = number_of(name);

	assert_string_equal(ns, "web");
	if (!truth[n].deleted)
		fail_aloud(v->b, "%s was told to be gone, and never was deleted", name);
	v->value[n] = 0;
}

static void view_synced(void *arg)
{
	((struct view *)arg)->lists++;
}

static const struct kube_watch_ops view_ops = { view_upsert, view_remove, view_synced, NULL, NULL };

static bool view_is_true(const struct view *v)
{
	for (size_t n = 0; n < OBJECTS_MAX; n++) {
		if (v->value[n] != (truth[n].deleted ? 0 : truth[n].value))
			return false;
	}
	return true;
}

static bool views_are_true(void)
{
	for (size_t i = 0; i < VIEWS; i++) {
		if (views[i].watch != NULL && !view_is_true(&views[i]))
			return false;
	}
	return true;
}

/* --- writing -------------------------------------------------------------------------------- */

static void ask(struct bench *b, const char *method, const char *path, const char *body, int status)
{
	unsigned before = b->done;
	const char *type = strcmp(method, "PATCH") == 0 ? KUBE_MERGE_PATCH : KUBE_JSON;

	assert_int_equal(kube_request(direct, method, path, body == NULL ? NULL : type, body,
				      on_done, b),
			 0);
	wait_for(b, b->done == before + 1);
	if (b->status != status)
		fail_aloud(b, "%s %s: %d, not %d: %s", method, path, b->status, status, b->error);
}

static void put(struct bench *b, unsigned n, int value)
{
	char body[256], path[64];
	bool is_new = truth[n].value == 0;

	truth[n].value = value;
	if (is_new)
		snprintf(path, sizeof(path), CONFIG_MAPS);
	else
		snprintf(path, sizeof(path), CONFIG_MAPS "/m-%u", n);
	snprintf(body, sizeof(body),
		 "{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"m-%u\"},"
		 "\"data\":{\"n\":\"%d\"}}",
		 n, value);
	ask(b, is_new ? "POST" : "PATCH", path, body, is_new ? 201 : 200);
}

static void drop(struct bench *b, unsigned n)
{
	char path[64];

	truth[n].deleted = true;
	snprintf(path, sizeof(path), CONFIG_MAPS "/m-%u", n);
	ask(b, "DELETE", path, NULL, 200);
}

/* --- the bench ------------------------------------------------------------------------------ */

static void open_direct(struct bench *b)
{
	char url[64], err[256];
	const struct kube_cfg to = { .server = url, .user_agent = "bellman-test/1" };

	snprintf(url, sizeof(url), "http://127.0.0.1:%u", apiserver.port);
	assert_int_equal(kube_open(&b->loop, &to, &direct, err, sizeof(err)), 0);
}

static int setup(void **state)
{
	struct bench *b;
	char url[64];

	if (getenv("BELLMAN_BIN") == NULL)
		return 0; /* the test itself skips */
	work_dir_make();
	memset(truth, 0, sizeof(truth));
	memset(views, 0, sizeof(views));
	apiserver.port = 0;
	apiserver_start(NULL);
	*state = b = bench_new();
	proxy_open(&proxy, &b->loop, apiserver.port);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u", proxy.port);
	bench_open(b, url, NULL);
	b->kube->silence_ms = SILENCE_MS;
	open_direct(b);
	ask(b, "POST", "/api/v1/namespaces",
	    "{\"kind\":\"Namespace\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"web\"}}", 201);
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	if (b == NULL)
		return 0;
	direct = kube_close(direct);
	proxy_close(&proxy);
	apiserver_kill();
	bench_free(b);
	work_dir_drop();
	return 0;
}

/* What is missing where there is no bench. */
static const char missing[] = "BELLMAN_BIN names no folder with bellman-apiserver";

static void watch_start(struct bench *b, struct view *v)
{
	v->b = b;
	v->watch = kube_watch_start(b->kube, CONFIG_MAPS, NULL, &view_ops, v);
	wait_for(b, v->lists == 1);
}

static void on_turn(uv_timer_t *timer)
{
	*(bool *)timer->data = true;
}

/* Let the loop turn for a time. */
static void turn_for(struct bench *b, uint64_t ms)
{
	uv_timer_t timer;
	bool over = false;

	uv_timer_init(&b->loop, &timer);
	timer.data = &over;
	uv_timer_start(&timer, on_turn, ms, 0);
	while (!over)
		uv_run(&b->loop, UV_RUN_ONCE);
	over = false;
	uv_close((uv_handle_t *)&timer, NULL);
	uv_run(&b->loop, UV_RUN_NOWAIT);
}

/* --- one fault ------------------------------------------------------------------------------ */

/* As long as there are only cuts, no list is needed, and each single change is told. */
static void test_cut_in_the_middle_of_lines_no_event_is_lost(void **state)
{
	struct bench *b = bench_or_skip(state, missing);
	struct rng rng = rng_seeded(5);
	struct view *v = &views[0];

	watch_start(b, v);
	for (unsigned round = 1; round <= 5; round++) {
		proxy.cut_after = 1 + rng_below(&rng, 900);
		for (unsigned n = 0; n < 12; n++)
			put(b, n, (int)round);
		wait_for(b, views_are_true());
		assert_int_equal(proxy.cut_after, 0);
	}
	assert_int_equal(v->lists, 1);
	assert_true(proxy.taken > 5);
	for (unsigned n = 0; n < 12; n++) /* twice where it was cut behind the event */
		assert_in_range(v->changes[n], 5, 10);
}

/* The first answer is a list of two pages. */
static void test_a_list_that_is_cut_again_and_again_becomes_complete(void **state)
{
	struct bench *b = bench_or_skip(state, missing);
	struct view *v = &views[0];

	for (unsigned n = 0; n < 700; n++)
		put(b, n, 1);
	v->b = b;
	v->watch = kube_watch_start(b->kube, CONFIG_MAPS, NULL, &view_ops, v);
	for (size_t bytes = 1000; bytes <= 64000; bytes *= 4) {
		unsigned taken = proxy.taken;

		proxy.cut_after = bytes;
		wait_for(b, proxy.taken > taken && proxy.cut_after == 0);
		assert_int_equal(v->lists, 0);
	}
	wait_for(b, v->lists == 1);
	assert_true(view_is_true(v));
}

/* The connection is up, and nothing passes: no reset tells that it is dead. */
static void test_a_connection_that_stands_still_is_given_up(void **state)
{
	struct bench *b = bench_or_skip(state, missing);
	struct view *v = &views[0];

	put(b, 0, 1);
	watch_start(b, v);
	proxy_stall(&proxy);
	put(b, 1, 1);
	drop(b, 0);
	wait_for(b, views_are_true());
	assert_int_equal(v->lists, 1);
	/* The same while it lists. */
	proxy.mute = true;
	proxy_cut(&proxy);
	v = &views[1];
	v->b = b;
	v->watch = kube_watch_start(b->kube, CONFIG_MAPS, NULL, &view_ops, v);
	unsigned taken = proxy.taken;
	wait_for(b, proxy.taken >= taken + 3);
	proxy.mute = false;
	wait_for(b, v->lists == 1 && views_are_true());
}

/* Answers of several connections arrive in another order than they were given. */
static void test_late_answers_do_not_undo_early_ones(void **state)
{
	struct bench *b = bench_or_skip(state, missing);

	proxy.delay_max_ms = 30;
	for (size_t i = 0; i < VIEWS; i++)
		watch_start(b, &views[i]);
	for (unsigned i = 0; i < 60; i++)
		put(b, i % 20, 1 + (int)i);
	wait_for(b, views_are_true());
	for (size_t i = 0; i < VIEWS; i++)
		assert_int_equal(views[i].lists, 1);
}

static void test_what_is_garbled_is_not_believed(void **state)
{
	struct bench *b = bench_or_skip(state, missing);
	struct view *v = &views[0];

	watch_start(b, v);
	for (unsigned n = 0; n < 40; n++) {
		proxy.garble = 1;
		put(b, n, 1);
		if (n >= 5)
			drop(b, n - 5);
		turn_for(b, 20);
	}
	proxy.garble = 0;
	wait_for(b, views_are_true());
	assert_true(v->lists > 1);
}

/* --- a server from before ------------------------------------------------------------------- */

static void copy_file(const char *from, const char *to)
{
	gnutls_datum_t bytes = { NULL, 0 };

	if (gnutls_load_file(in_dir(from), &bytes) != 0) {
		unlink(in_dir(to));
		return;
	}
	write_bytes(to, bytes.data, bytes.size, 0600);
	gnutls_free(bytes.data);
}

/* Its state is put back to what it was: what came since is gone, though nobody deleted it. */
static void test_a_server_put_back_to_a_backup_is_followed(void **state)
{
	struct bench *b = bench_or_skip(state, missing);
	struct view *v = &views[0];

	put(b, 0, 1);
	apiserver_kill();
	copy_file("state.db", "backup");
	copy_file("state.db-wal", "backup-wal");
	apiserver_start(NULL);
	watch_start(b, v);
	for (unsigned n = 1; n < 20; n++)
		put(b, n, 1);
	wait_for(b, views_are_true());

	apiserver_kill();
	copy_file("backup", "state.db");
	copy_file("backup-wal", "state.db-wal");
	unlink(in_dir("state.db-shm"));
	for (unsigned n = 1; n < 20; n++)
		truth[n].deleted = true;
	apiserver_start(NULL);
	wait_for(b, views_are_true());
	put(b, 30, 7);
	wait_for(b, views_are_true());
}

/* --- everything ----------------------------------------------------------------------------- */

static void do_a_fault(struct bench *b, struct rng *rng)
{
	switch (rng_below(rng, 10)) {
	case 0:
		proxy_cut(&proxy);
		break;
	case 1:
	case 2:
		proxy.cut_after = 1 + rng_below(rng, 3000);
		break;
	case 3:
		proxy_stall(&proxy);
		break;
	case 4:
	case 5:
		proxy.garble = 1 + (unsigned)rng_below(rng, 3);
		break;
	case 6:
		proxy.delay_max_ms = (unsigned)rng_below(rng, 20);
		break;
	case 7:
		proxy.refuse = !proxy.refuse;
		break;
	case 8:
		proxy.mute = !proxy.mute;
		break;
	default:
		if (rng_below(rng, 3) == 0) {
			apiserver_kill();
			apiserver_start(NULL);
		} else {
			turn_for(b, 1 + rng_below(rng, 50));
		}
	}
}

static void test_hundreds_of_writes_and_faults_at_random(void **state)
{
	const char *seed = getenv("SEED");
	struct bench *b = bench_or_skip(state, missing);
	struct rng rng = rng_seeded(seed == NULL ? 20 : strtoull(seed, NULL, 10));
	unsigned made = 0, alive[OBJECTS_MAX], count = 0;

	for (size_t i = 0; i < VIEWS; i++)
		watch_start(b, &views[i]);
	for (int step = 1; step <= 400; step++) {
		uint64_t what = rng_below(&rng, 10);

		if (what < 3 && made < OBJECTS_MAX) {
			alive[count++] = made;
			put(b, made++, step);
		} else if (what < 5 && count > 0) {
			put(b, alive[rng_below(&rng, count)], step);
		} else if (what < 7 && count > 0) {
			unsigned i = (unsigned)rng_below(&rng, count);

			drop(b, alive[i]);
			alive[i] = alive[--count];
		} else if (what < 9) {
			do_a_fault(b, &rng);
		} else {
			turn_for(b, rng_below(&rng, 60));
		}
	}
	proxy.refuse = proxy.mute = false;
	proxy.garble = proxy.delay_max_ms = 0;
	proxy.cut_after = 0;
	proxy_cut(&proxy);
	wait_for(b, views_are_true());
	/* And they go on. */
	put(b, made, 1);
	wait_for(b, views_are_true());
}

#define FAULT_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FAULT_TEST(test_cut_in_the_middle_of_lines_no_event_is_lost),
		FAULT_TEST(test_a_list_that_is_cut_again_and_again_becomes_complete),
		FAULT_TEST(test_a_connection_that_stands_still_is_given_up),
		FAULT_TEST(test_late_answers_do_not_undo_early_ones),
		FAULT_TEST(test_what_is_garbled_is_not_believed),
		FAULT_TEST(test_a_server_put_back_to_a_backup_is_followed),
		FAULT_TEST(test_hundreds_of_writes_and_faults_at_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
