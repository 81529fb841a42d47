// SPDX-License-Identifier: Apache-2.0
/*
 * lib/kube with a server that works for some and not for others: what one path, one busy queue or
 * one broken answer suffers must not become the trouble of all.
 */
#include "tests/unit/kube_bench.h"

#include "lib/kube/internal.h"
#include "tests/unit/kube_programs.h"
#include "tests/unit/kube_server.h"

/* --- one path ------------------------------------------------------------------------------- */

/* A watch that is never silent. */
static struct {
	uv_timer_t timer;
	struct conn *to; /* NULL: it does not run */
} talker;

static void on_talk(uv_timer_t *timer)
{
	(void)timer;
	say(talker.to, EVENT("MODIFIED", OBJECT("a", "11")));
}

static void talker_start(struct conn *c)
{
	stream(c, "");
	talker.to = c;
	uv_timer_init(c->server->loop, &talker.timer);
	uv_timer_start(&talker.timer, on_talk, 5, 5);
}

static int teardown(void **state)
{
	if (talker.to != NULL)
		uv_close((uv_handle_t *)&talker.timer, NULL);
	talker.to = NULL;
	return bench_teardown(state);
}

static void answer_talk(struct conn *c, const char *request)
{
	if (is_watch(request))
		talker_start(c);
	else
		reply(c, 200, LIST("10", OBJECT("a", "1")));
}

static void answer_b_503(struct conn *c, const char *request)
{
	if (strstr(request, "/b?") != NULL)
		reply(c, 503, "no backend");
	else
		answer_talk(c, request);
}

static void answer_b_reset(struct conn *c, const char *request)
{
	if (strstr(request, "/b?") != NULL)
		hang_up(c);
	else
		answer_talk(c, request);
}

static void one_path_fails(struct bench *b, void (*answer)(struct conn *c, const char *request),
			   const char *reason)
{
	server.answer = answer;
	b->watch = kube_watch_start(b->kube, "/a", NULL, &told_ops, b);
	wait_for(b, b->upserts > 3);
	uint64_t began = uv_now(&b->loop);
	struct kube_watch *w = kube_watch_start(b->kube, "/b", NULL, &told_ops, b);
	while (asked_for("GET /b?") < 5) { /* after 0, 100, 300, 700 and 1500 ms */
		unsigned asked = asked_for("GET /b?");

		wait_for(b, asked_for("GET /b?") > asked);
		assert_true(kube_connected(b->kube));
	}
	assert_true(uv_now(&b->loop) - began >= 1000);
	assert_logged(b, "reachable", 0);
	assert_logged(b, "no whole answer to a watch", 1);
	assert_logged(b, "path=/b reason=", 1);
	assert_logged(b, reason, 1);
	kube_watch_stop(w);
}

static void test_a_path_without_a_backend_is_no_outage(void **state)
{
	one_path_fails(*state, answer_b_503, "gateway answers 503");
}

static void test_a_path_that_is_reset_is_no_outage(void **state)
{
	one_path_fails(*state, answer_b_reset, "Empty reply from server");
}

static void answer_no_etcd(struct conn *c, const char *request)
{
	(void)request;
	reply(c, 503,
	      "{\"kind\":\"Status\",\"code\":503,\"reason\":\"ServiceUnavailable\",\"message\":"
	      "\"etcd is away\"}");
}

static void test_a_status_of_the_servers_own_is_no_gateways(void **state)
{
	struct bench *b = *state;

	server.answer = answer_no_etcd;
	b->watch = kube_watch_start(b->kube, SERVICES, NULL, &told_ops, b);
	wait_for(b, server.asked == 3);
	assert_logged(b, "503 ServiceUnavailable: etcd is away", 1);
	assert_logged(b, "gateway", 0);
	assert_logged(b, "unreachable", 0);
	assert_true(kube_connected(b->kube));
}

/* --- a busy server -------------------------------------------------------------------------- */

static void answer_busy_but_for_leases(struct conn *c, const char *request)
{
	if (strstr(request, "/lease ") != NULL)
		reply(c, 200, "{\"text\":\"renewed\"}");
	else
		reply_later(c, 429, "30");
}

static void test_what_waits_for_a_busy_server_keeps_nobody_waiting(void **state)
{
	struct bench *b = *state;

	server.answer = answer_busy_but_for_leases;
	for (int i = 0; i < 64; i++)
		kube_request(b->kube, "GET", "/x", NULL, NULL, on_done, b);
	kube_request(b->kube, "PUT", "/lease", KUBE_JSON, "{}", on_done, b);
	wait_for(b, b->done == 1);
	assert_string_equal(b->told, "renewed ");
	assert_int_equal(b->kube->queues[REQUEST_FOREGROUND].resting_count, 64);
}

static void answer_at_once_again(struct conn *c, const char *request)
{
	(void)request;
	if (server.asked < 3)
		reply_later(c, 429, "0");
	else
		reply(c, 200, "{}");
}

static void test_no_seconds_to_wait_are_a_wish_too(void **state)
{
	struct bench *b = *state;

	server.answer = answer_at_once_again;
	kube_request(b->kube, "GET", "/x", NULL, NULL, on_done, b);
	wait_for(b, b->done == 1);
	assert_int_equal(b->status, 200);
	assert_int_equal(server.asked, 3);
}

static void answer_never(struct conn *c, const char *request)
{
	(void)c;
	(void)request;
}

/* 32 at a time, and a second each: that would be eight seconds for the last one. */
static void test_in_an_outage_the_queue_does_not_wait_in_turn(void **state)
{
	struct bench *b = *state;

	server.answer = answer_never;
	b->kube->timeout_s = 1;
	for (int i = 0; i < 8 * 32; i++)
		kube_request(b->kube, "GET", "/x", NULL, NULL, on_done, b);
	wait_for(b, b->done == 8 * 32);
	assert_int_equal(b->done_without_answer, 8 * 32);
	assert_in_range(server.asked, 32, 3 * 32);
}

/* --- answers that are none ------------------------------------------------------------------ */

/* The beginning of a list, and the end of the connection. */
static void answer_cut(struct conn *c, const char *request)
{
	(void)request;
	say(c, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"kind\":");
	hang_up(c);
}

static void test_a_list_that_always_breaks_off_is_said_once(void **state)
{
	struct bench *b = *state;
	char want[128];

	server.answer = answer_cut;
	b->watch = kube_watch_start(b->kube, SERVICES, NULL, &told_ops, b);
	wait_for(b, server.asked == 4);
	snprintf(want, sizeof(want),
		 "server=http://127.0.0.1:%u path=" SERVICES " reason=", server.port);
	assert_logged(b, "no whole answer to a watch", 1);
	assert_logged(b, want, 1);
	server.answer = answer_talk;
	wait_for(b, b->synced == 1 && b->upserts > 2);
	assert_logged(b, "watch goes on", 1);
}

static void answer_early_hints(struct conn *c, const char *request)
{
	(void)request;
	say(c, "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n");
	hang_up(c);
}

static void test_a_hint_of_an_answer_is_none(void **state)
{
	struct bench *b = *state;

	server.answer = answer_early_hints;
	b->watch = kube_watch_start(b->kube, SERVICES, NULL, &told_ops, b);
	wait_for(b, server.asked == 3);
	assert_logged(b, "103", 0);
	assert_logged(b, "API server unreachable", 1);
	assert_false(kube_connected(b->kube));
}

static void answer_by_bare_lf(struct conn *c, const char *request)
{
	if (is_watch(request))
		say(c, "HTTP/1.1 200 OK\n\n" EVENT("ADDED", OBJECT("b", "11")));
	else
		reply(c, 200, LIST("10", OBJECT("a", "1")));
}

static void test_a_head_whose_lines_end_without_cr_is_a_head(void **state)
{
	struct bench *b = *state;

	server.answer = answer_by_bare_lf;
	b->watch = kube_watch_start(b->kube, SERVICES, NULL, &told_ops, b);
	wait_for(b, b->upserts == 2);
	assert_string_equal(b->told, "+a = +b ");
}

/* --- events --------------------------------------------------------------------------------- */

static struct conn *post;

static void answer_events_late(struct conn *c, const char *request)
{
	if (strncmp(request, "POST ", 5) == 0) {
		post = c;
		return;
	}
	assert_null(post);
	assert_non_null(strstr(request, "\"count\":5,"));
	reply(c, 200, "{}");
}

static void test_an_event_is_counted_up_when_it_is_there(void **state)
{
	static const struct kube_event event = { .component = "bellman-test",
						 .kind = "Service",
						 .api_version = "v1",
						 .ns = "web",
						 .name = "front",
						 .type = "Normal",
						 .reason = "Tested",
						 .message = "again and again" };
	struct bench *b = *state;

	server.answer = answer_events_late;
	for (int i = 0; i < 5; i++)
		kube_event(b->kube, &event);
	/* What is sent beside it would be there by now. */
	wait_for(b, post != NULL);
	for (int turn = 0; turn < 20; turn++)
		uv_run(&b->loop, UV_RUN_NOWAIT);
	assert_int_equal(server.asked, 1);
	reply(post, 201, "{}");
	post = NULL;
	wait_for(b, asked_for("PATCH ") == 1 && b->kube->queues[REQUEST_EVENT].running_count == 0);
	assert_int_equal(server.asked, 2);
}

/* --- credentials and proxies ---------------------------------------------------------------- */

static void answer_only_watches(struct conn *c, const char *request)
{
	if (strstr(request, "/w?") != NULL)
		answer_talk(c, request);
	else
		reply(c, 401, "{}");
}

/* The watch goes on with the token that it began with: that says nothing for the next one. */
static void test_a_watch_vouches_for_its_own_credentials_only(void **state)
{
	struct bench *b = *state;

	work_dir_make();
	write_text("plugin",
		   "#!/bin/sh\ncd \"$(dirname \"$0\")\"\necho x >>ran\n"
		   "echo '{\"kind\":\"ExecCredential\",\"apiVersion\":"
		   "\"client.authentication.k8s.io/v1\",\"status\":{\"token\":\"t\"}}'\n");
	write_text("config",
		   "{current-context: x, contexts: [{name: x, context: {cluster: x, user: x}}], "
		   "clusters: [{name: x, cluster: {server: 'http://127.0.0.1:%u'}}], "
		   "users: [{name: x, user: {exec: {apiVersion: client.authentication.k8s.io/v1, "
		   "command: ./plugin, interactiveMode: Never}}}]}\n",
		   server.port);
	kube_close(b->kube);
	bench_open(b, NULL, in_dir("config"));
	server.answer = answer_only_watches;
	b->watch = kube_watch_start(b->kube, "/w", NULL, &told_ops, b);
	wait_for(b, b->upserts > 2);
	for (unsigned i = 1; i <= 10; i++) {
		unsigned upserts = b->upserts;

		kube_request(b->kube, "GET", "/x", NULL, NULL, on_done, b);
		wait_for(b, b->done == i && b->upserts > upserts);
		assert_int_equal(b->status, 401);
	}
	struct stat st;
	assert_int_equal(stat(in_dir("ran"), &st), 0);
	assert_int_equal(st.st_size, 2 * strlen("x\n")); /* at first, and after the first 401 */
	work_dir_drop();
}

static void test_a_proxy_of_the_environment_keeps_its_password(void **state)
{
	static const char *const proxies[] = { "ftp://me:s3cret@127.0.0.1:1",
					       "http://me:s3cret@127.0.0.1:99999",
					       "http://me:s3cret@127.0.0.1:x" };
	struct bench *b = *state;

	kube_close(b->kube);
	bench_open(b, "https://203.0.113.1:6443", NULL);
	for (size_t i = 0; i < sizeof(proxies) / sizeof(*proxies); i++) {
		unsigned done = b->done;

		setenv("https_proxy", proxies[i], 1);
		kube_request(b->kube, "GET", "/x", NULL, NULL, on_done, b);
		wait_for(b, b->done == done + 1);
		assert_non_null(strstr(b->error, "Unsupported proxy"));
		assert_null(strstr(b->error, "s3cret"));
	}
	unsetenv("https_proxy");
	assert_null(strstr(bench_log(b), "s3cret"));
}

static void test_only_this_machine_is_asked_past_the_proxy(void **state)
{
	static const struct {
		const char *server;
		bool direct;
	} cases[] = {
		{ "http://127.0.0.1:1", true },
		{ "https://127.9.9.9", true },
		{ "http://localhost/x", true },
		{ "http://LocalHost:80", true },
		{ "https://[::1]:6443", true },
		{ "https://[::2]:6443", false },
		{ "https://localhosting.example.test", false },
		{ "https://127.example.com", false },
		{ "https://127.0.0.1.example.com:6443", false },
		{ "https://10.0.0.127", false },
	};
	struct bench *b = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		kube_close(b->kube);
		bench_open(b, cases[i].server, NULL);
		if (b->kube->direct != cases[i].direct)
			fail_aloud(b, "%s: %d", cases[i].server, b->kube->direct);
	}
}

#define BENCH_TEST(f) cmocka_unit_test_setup_teardown(f, bench_setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(test_a_path_without_a_backend_is_no_outage),
		BENCH_TEST(test_a_path_that_is_reset_is_no_outage),
		BENCH_TEST(test_a_status_of_the_servers_own_is_no_gateways),
		BENCH_TEST(test_what_waits_for_a_busy_server_keeps_nobody_waiting),
		BENCH_TEST(test_no_seconds_to_wait_are_a_wish_too),
		BENCH_TEST(test_in_an_outage_the_queue_does_not_wait_in_turn),
		BENCH_TEST(test_a_list_that_always_breaks_off_is_said_once),
		BENCH_TEST(test_a_hint_of_an_answer_is_none),
		BENCH_TEST(test_a_head_whose_lines_end_without_cr_is_a_head),
		BENCH_TEST(test_an_event_is_counted_up_when_it_is_there),
		BENCH_TEST(test_a_watch_vouches_for_its_own_credentials_only),
		BENCH_TEST(test_a_proxy_of_the_environment_keeps_its_password),
		BENCH_TEST(test_only_this_machine_is_asked_past_the_proxy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
