// SPDX-License-Identifier: Apache-2.0
/*
 * lib/kube against a server whose every word the test chooses: requests, outages, broken streams,
 * and that anything may be ended from inside any callback.
 * test_kube_live.c has a real one.
 */
#include "tests/unit/kube_bench.h"

#include "lib/kube/internal.h"
#include "tests/unit/kube_server.h"

/* --- requests ------------------------------------------------------------------------------- */

static void answer_patch(struct conn *c, const char *request)
{
	assert_non_null(strstr(request, "PATCH /api/v1/namespaces/web/services/a/status HTTP/1.1"));
	assert_non_null(strstr(request, "\r\nContent-Type: application/merge-patch+json\r\n"));
	assert_non_null(strstr(request, "\r\nUser-Agent: bellman-test/1\r\n"));
	assert_null(strstr(request, "\r\nAuthorization:"));
	assert_null(strstr(request, "\r\nExpect:"));
	assert_non_null(strstr(request, "\r\n\r\n{\"status\":{}}"));
	reply(c, 200, "{\"text\":\"written\"}");
}

static void test_a_request_carries_method_type_and_body(void **state)
{
	struct bench *b = *state;
	char *path = kube_path("/api/v1", "web", "services", "a", "status");

	server.answer = answer_patch;
	assert_false(kube_connected(b->kube));
	assert_int_equal(kube_request(b->kube, "PATCH", path, KUBE_MERGE_PATCH, "{\"status\":{}}",
				      on_done, b),
			 0);
	assert_int_equal(b->done, 0); /* never from inside the call */
	wait_for(b, b->done == 1);
	assert_int_equal(b->status, 200);
	assert_string_equal(b->error, "");
	assert_string_equal(b->told, "written ");
	assert_true(kube_connected(b->kube));
	free(path);
}

static void answer_conflict(struct conn *c, const char *request)
{
	(void)request;
	reply(c, 409,
	      "{\"kind\":\"Status\",\"reason\":\"Conflict\",\"message\":\"it has changed\"}");
}

static void test_a_refusal_is_handed_on_with_server_path_and_reason(void **state)
{
	struct bench *b = *state;
	char want[128];

	server.answer = answer_conflict;
	kube_request(b->kube, "PUT", "/api/v1/nodes/a", KUBE_JSON, "{}", on_done, b);
	wait_for(b, b->done == 1);
	assert_int_equal(b->status, 409);
	snprintf(want, sizeof(want),
		 "PUT http://127.0.0.1:%u/api/v1/nodes/a: 409 Conflict: it has changed",
		 server.port);
	assert_string_equal(b->error, want);
	assert_true(kube_connected(b->kube));
}

static void test_without_a_server_the_error_names_it_and_the_path(void **state)
{
	struct bench *b = *state;

	server_stop(&server);
	kube_request(b->kube, "GET", "/api/v1/nodes/a", NULL, NULL, on_done, b);
	wait_for(b, b->done == 1);
	assert_int_equal(b->status, 0);
	assert_non_null(strstr(b->error, "GET http://127.0.0.1:"));
	assert_non_null(strstr(b->error, "/api/v1/nodes/a: "));
	assert_non_null(strstr(b->error, "connect"));
	assert_false(kube_connected(b->kube));
	assert_logged(b, "unreachable", 1);
}

static void answer_echo_path(struct conn *c, const char *request)
{
	char body[64];

	snprintf(body, sizeof(body), "{\"text\":\"%.*s\"}", (int)strcspn(request + 5, " "),
		 request + 5);
	reply(c, 200, body);
}

static void test_a_thousand_requests_use_few_connections(void **state)
{
	struct bench *b = *state;

	server.answer = answer_echo_path;
	for (int i = 0; i < 1000; i++)
		assert_int_equal(kube_request(b->kube, "GET", "/x", NULL, NULL, on_done, b), 0);
	wait_for(b, b->done == 1000);
	assert_in_range(server.open_max, 2, 32);
	assert_in_range(server.accepted, 2, 64); /* kept and used again */
}

static void test_close_answers_every_request_once(void **state)
{
	struct bench *b = *state;

	for (int i = 0; i < 100; i++)
		kube_request(b->kube, "GET", "/x", NULL, NULL, on_done, b);
	b->kube = kube_close(b->kube);
	assert_int_equal(b->done, 100);
	assert_int_equal(b->done_without_answer, 100);
	assert_string_equal(strstr(b->error, "the client is closing"), "the client is closing");
}

static void close_in_done(void *arg, int status, const cJSON *json, const char *error)
{
	struct bench *b = arg;

	on_done(arg, status, json, error);
	kube_close(b->kube);
	b->kube = NULL;
}

static void test_the_client_may_be_closed_in_done(void **state)
{
	struct bench *b = *state;

	server.answer = answer_echo_path;
	b->watch = kube_watch_start(b->kube, SERVICES, NULL, &told_ops, b);
	for (int i = 0; i < 50; i++)
		kube_request(b->kube, "GET", "/x", NULL, NULL, close_in_done, b);
	wait_for(b, b->done == 50);
	assert_in_range(b->done_without_answer, 1, 49);
}

static void answer_busy(struct conn *c, const char *request)
{
	assert_non_null(strstr(request, "{\"x\":1}"));
	if (server.asked == 1)
		reply_later(c, 429, "1");
	else if (server.asked == 2)
		reply_later(c, 503, "1");
	else
		reply(c, 200, "{\"text\":\"welcome\"}");
}

static void test_a_busy_server_is_asked_again_when_it_says_so(void **state)
{
	struct bench *b = *state;
	uint64_t began = uv_now(&b->loop);

	server.answer = answer_busy;
	kube_request(b->kube, "PATCH", "/x", KUBE_MERGE_PATCH, "{\"x\":1}", on_done, b);
	wait_for(b, b->done == 1);
	assert_int_equal(b->status, 200);
	assert_int_equal(server.asked, 3);
	assert_true(uv_now(&b->loop) - began >= 2000);
}

static void answer_busy_long(struct conn *c, const char *request)
{
	if (strstr(request, "/hour ") != NULL)
		reply_later(c, 429, "3600");
	else if (strstr(request, "/unsaid ") != NULL)
		reply(c, 429, "{\"reason\":\"TooManyRequests\"}");
	else
		reply_later(c, 409, "1"); /* not about being busy */
}

static void test_an_answer_that_is_not_to_be_waited_for_is_handed_on(void **state)
{
	static const struct {
		const char *path;
		int status;
	} cases[] = { { "/hour", 429 }, { "/unsaid", 429 }, { "/conflict", 409 } };
	struct bench *b = *state;

	server.answer = answer_busy_long;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		kube_request(b->kube, "GET", cases[i].path, NULL, NULL, on_done, b);
		wait_for(b, b->done == i + 1);
		assert_int_equal(b->status, cases[i].status);
		assert_int_equal(server.asked, i + 1);
	}
}

static void answer_busy_for_ever(struct conn *c, const char *request)
{
	(void)request;
	reply_later(c, 429, "30");
}

/* What waits for a busy server is still answered once, and holds nothing back. */
static void test_close_answers_what_waits_for_a_busy_server(void **state)
{
	struct bench *b = *state;

	server.answer = answer_busy_for_ever;
	for (int i = 0; i < 3; i++)
		kube_request(b->kube, "GET", "/x", NULL, NULL, on_done, b);
	wait_for(b, server.asked == 3);
	for (int turn = 0; turn < 10; turn++)
		uv_run(&b->loop, UV_RUN_NOWAIT);
	assert_int_equal(b->done, 0);
	b->kube = kube_close(b->kube);
	assert_int_equal(b->done_without_answer, 3);
}

static char token_dir[] = "/tmp/bellman-kube-XXXXXX";

static void write_file(const char *name, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", token_dir, name);
	FILE *to = fopen(path, "w");
	assert_non_null(to);
	fputs(text, to);
	fclose(to);
}

/* Refuse the first token, and put a new one in the file as the kubelet does. */
static void answer_by_token(struct conn *c, const char *request)
{
	if (strstr(request, "\r\nAuthorization: Bearer new\r\n") != NULL) {
		reply(c, 200, "{\"text\":\"welcome\"}");
		return;
	}
	assert_non_null(strstr(request, "\r\nAuthorization: Bearer old\r\n"));
	write_file("token", "new\n");
	reply(c, 401, "{}");
}

static void test_a_401_reads_the_token_again(void **state)
{
	struct bench *b = *state;
	char path[128], config[512];

	b->kube = kube_close(b->kube);
	assert_non_null(mkdtemp(token_dir));
	write_file("token", "old\n");
	snprintf(
		config, sizeof(config),
		"{\"current-context\":\"c\",\"contexts\":[{\"name\":\"c\",\"context\":{\"cluster\":"
		"\"k\",\"user\":\"u\"}}],\"clusters\":[{\"name\":\"k\",\"cluster\":{\"server\":"
		"\"http://127.0.0.1:%u\"}}],\"users\":[{\"name\":\"u\",\"user\":{\"tokenFile\":"
		"\"token\"}}]}",
		server.port);
	write_file("config", config);
	snprintf(path, sizeof(path), "%s/config", token_dir);
	bench_open(b, NULL, path);
	server.answer = answer_by_token;
	kube_request(b->kube, "GET", "/x", NULL, NULL, on_done, b);
	wait_for(b, b->done == 1);
	assert_int_equal(b->status, 200);
	assert_int_equal(server.asked, 2);
	unlink(path);
	snprintf(path, sizeof(path), "%s/token", token_dir);
	unlink(path);
	rmdir(token_dir);
}

/* --- watches -------------------------------------------------------------------------------- */

/* First watch: one event, then cut in the middle of a chunk. The second one stays. */
static void answer_and_cut_once(struct conn *c, const char *request)
{
	if (!is_watch(request)) {
		reply(c, 200, LIST("10", OBJECT("a", "1")));
	} else if (strstr(request, "resourceVersion=10") != NULL) {
		say(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\n");
		say(c, EVENT("ADDED", OBJECT("b", "11")) "{\"type\":\"ADD");
	} else {
		stream(c, EVENT("DELETED", OBJECT("a", "12")));
	}
}

static void test_a_watch_that_is_cut_resumes_where_it_was(void **state)
{
	struct bench *b = *state;

	server.answer = answer_and_cut_once;
	b->watch = kube_watch_start(b->kube, SERVICES, NULL, &told_ops, b);
	assert_false(kube_watch_synced(b->watch));
	wait_for(b, b->upserts == 2);
	assert_true(kube_watch_synced(b->watch));
	server_hang_up_all(&server);
	wait_for(b, strstr(b->told, "-a") != NULL);
	assert_string_equal(b->told, "+a = +b -a ");
	assert_int_equal(asked_for("limit=500"), 1);
	assert_int_equal(asked_for("resourceVersion=11"), 1);
	assert_logged(b, "unreachable", 0); /* a cut is no outage */
}

static void answer_list_then_silence(struct conn *c, const char *request)
{
	if (!is_watch(request))
		reply(c, 200, LIST("10", OBJECT("a", "1")));
	else
		stream(c, "");
}

static void test_a_silent_watch_is_opened_again(void **state)
{
	struct bench *b = *state;

	server.answer = answer_list_then_silence;
	b->kube->silence_ms = 50;
	b->watch = kube_watch_start(b->kube, SERVICES, NULL, &told_ops, b);
	wait_for(b, asked_for("watch=true") >= 3);
	assert_int_equal(asked_for("limit=500"), 1);
	assert_string_equal(b->told, "+a = ");
}

/* The server forgets: 410, once as status and once inside the stream. */
static void answer_gone(struct conn *c, const char *request)
{
	static const char gone[] = "{\"kind\":\"Status\",\"code\":410,\"reason\":\"Expired\"}";

	if (!is_watch(request))
		reply(c, 200,
		      bench->synced == 0   ? LIST("10", OBJECT("a", "1"))
		      : bench->synced == 1 ? LIST("20", OBJECT("b", "2"))
					   : LIST("30", OBJECT("b", "2") "," OBJECT("c", "3")));
	else if (strstr(request, "resourceVersion=10") != NULL)
		reply(c, 410, gone);
	else if (strstr(request, "resourceVersion=20") != NULL)
		stream(c, "{\"type\":\"ERROR\",\"object\":{\"code\":410}}\n");
	else
		stream(c, "");
}

static void test_410_by_status_and_in_the_stream_lists_again(void **state)
{
	struct bench *b = *state;

	server.answer = answer_gone;
	b->watch = kube_watch_start(b->kube, SERVICES, NULL, &told_ops, b);
	wait_for(b, asked_for("resourceVersion=30") == 1);
	assert_string_equal(b->told, "+a = +b -a = +b +c = ");
}

static void answer_garbage(struct conn *c, const char *request)
{
	if (!is_watch(request)) {
		reply(c, 200, LIST("10", OBJECT("a", "1")));
	} else if (bench->synced == 1) {
		stream(c, "\x16\x03\x01 what is this\n");
	} else if (bench->synced == 2) {
		/* A line without end: more than a watch's bound of 8 MiB. */
		size_t len = 9u << 20;
		char *line = malloc(len);

		memset(line, 'x', len);
		stream(c, "");
		say_bytes(c, line, len);
		free(line);
	} else {
		stream(c, "");
	}
}

static void test_garbage_and_endless_lines_lead_to_a_new_list(void **state)
{
	struct bench *b = *state;

	server.answer = answer_garbage;
	b->watch = kube_watch_start(b->kube, SERVICES, NULL, &told_ops, b);
	wait_for(b, b->synced == 3 && asked_for("watch=true") == 3);
	assert_string_equal(b->told, "+a = +a = +a = ");
	assert_logged(b, "not understood", 2);
	assert_logged(b, "more than 8 MiB", 1);
}

static void test_an_outage_is_said_once_and_its_end_once(void **state)
{
	struct kube_watch *watches[8];
	struct bench *b = *state;

	server.answer = answer_list_then_silence;
	for (size_t i = 0; i < 8; i++)
		watches[i] = kube_watch_start(b->kube, SERVICES, NULL, &told_ops, b);
	wait_for(b, asked_for("watch=true") == 8);
	server_stop(&server);
	wait_for(b, !kube_connected(b->kube));
	/* Let them knock a few times. */
	wait_for(b, b->kube->backoff.delay_ms >= 800);
	assert_logged(b, "unreachable, going on with what is known", 1);
	for (size_t i = 0; i < 8; i++)
		assert_true(kube_watch_synced(watches[i]));

	server.asked = 0;
	server_start(&server);
	wait_for(b, server.asked == 8);
	assert_true(kube_connected(b->kube));
	assert_int_equal(asked_for("limit=500"), 8); /* nothing was listed anew */
	assert_logged(b, "unreachable", 1);
	assert_logged(b, "reachable again", 1);
	assert_int_equal(b->kube->backoff.delay_ms, 0);
}

static void answer_gateway(struct conn *c, const char *request)
{
	if (server.asked <= 3)
		reply(c, 503, "no backend");
	else
		answer_list_then_silence(c, request);
}

static void test_a_gateway_without_a_server_is_an_outage(void **state)
{
	struct bench *b = *state;

	server.answer = answer_gateway;
	b->watch = kube_watch_start(b->kube, SERVICES, NULL, &told_ops, b);
	wait_for(b, b->synced == 1);
	assert_logged(b, "gateway answers 503", 1);
	assert_logged(b, "reachable again", 1);
}

static void answer_busy_first(struct conn *c, const char *request)
{
	if (server.asked <= 1)
		reply_later(c, 429, "1");
	else if (server.asked == 3)
		reply_later(c, 503, "1");
	else
		answer_list_then_silence(c, request);
}

static void test_a_watch_waits_as_long_as_a_busy_server_wishes(void **state)
{
	struct bench *b = *state;
	uint64_t began = uv_now(&b->loop);

	server.answer = answer_busy_first;
	b->watch = kube_watch_start(b->kube, SERVICES, NULL, &told_ops, b);
	wait_for(b, b->synced == 1);
	assert_true(uv_now(&b->loop) - began >= 1000);
	wait_for(b, asked_for("watch=true") == 2);
	assert_true(uv_now(&b->loop) - began >= 2000);
	assert_int_equal(asked_for("limit="), 2);
}

/* 504 with a cause: no gateway, but a server that does not know our version yet. */
static void answer_too_large(struct conn *c, const char *request)
{
	if (is_watch(request) && bench->synced == 1)
		reply(c, 504,
		      "{\"kind\":\"Status\",\"code\":504,\"reason\":\"Timeout\",\"details\":{"
		      "\"causes\":[{\"reason\":\"ResourceVersionTooLarge\"}]}}");
	else
		answer_list_then_silence(c, request);
}

static void test_a_version_from_the_servers_future_leads_to_a_new_list(void **state)
{
	struct bench *b = *state;

	server.answer = answer_too_large;
	b->watch = kube_watch_start(b->kube, SERVICES, NULL, &told_ops, b);
	wait_for(b, b->synced == 2 && asked_for("watch=true") == 2);
	assert_string_equal(b->told, "+a = +a = ");
	assert_logged(b, "unreachable", 0);
}

static void answer_forbidden(struct conn *c, const char *request)
{
	if (server.asked <= 3)
		reply(c, 403, "{\"reason\":\"Forbidden\",\"message\":\"no such right\"}");
	else
		answer_list_then_silence(c, request);
}

static void test_a_refused_watch_is_said_once_and_tried_again(void **state)
{
	struct bench *b = *state;

	server.answer = answer_forbidden;
	b->watch = kube_watch_start(b->kube, SERVICES, NULL, &told_ops, b);
	wait_for(b, b->synced == 1);
	assert_logged(b, "403 Forbidden: no such right", 1);
	assert_logged(b, "watch goes on", 1);
	assert_logged(b, "unreachable", 0);
}

/* --- ending from inside --------------------------------------------------------------------- */

static void stop_in_upsert(void *arg, const cJSON *object)
{
	struct bench *b = arg;

	on_upsert(arg, object);
	if (b->upserts == 2)
		b->watch = kube_watch_stop(b->watch);
}

static void close_in_upsert(void *arg, const cJSON *object)
{
	struct bench *b = arg;

	on_upsert(arg, object);
	if (b->upserts == 2)
		b->kube = kube_close(b->kube);
}

static void close_in_synced(void *arg)
{
	struct bench *b = arg;

	on_synced(arg);
	b->kube = kube_close(b->kube);
}

static void answer_three(struct conn *c, const char *request)
{
	if (!is_watch(request))
		reply(c, 200,
		      LIST("10", OBJECT("a", "1") "," OBJECT("b", "1") "," OBJECT("c", "1")));
	else
		stream(c, "");
}

static void answer_one_and_events(struct conn *c, const char *request)
{
	if (!is_watch(request))
		reply(c, 200, LIST("10", OBJECT("a", "1")));
	else
		stream(c, EVENT("ADDED", OBJECT("b", "11")) EVENT("ADDED", OBJECT("c", "12")));
}

static void test_a_watch_may_be_stopped_and_the_client_closed_in_callbacks(void **state)
{
	static const struct {
		struct kube_watch_ops ops;
		void (*answer)(struct conn *c, const char *request);
		const char *told;
	} cases[] = {
		{ { stop_in_upsert, on_remove, on_synced, NULL, NULL }, answer_three, "+a +b " },
		{ { stop_in_upsert, on_remove, on_synced, NULL, NULL },
		  answer_one_and_events,
		  "+a = +b " },
		{ { close_in_upsert, on_remove, on_synced, NULL, NULL }, answer_three, "+a +b " },
		{ { close_in_upsert, on_remove, on_synced, NULL, NULL },
		  answer_one_and_events,
		  "+a = +b " },
		{ { on_upsert, on_remove, close_in_synced, NULL, NULL },
		  answer_three,
		  "+a +b +c = " },
	};
	struct bench *b = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		if (b->kube == NULL)
			open_here(b);
		b->told[0] = '\0';
		b->upserts = 0;
		b->done = 0;
		server.answer = cases[i].answer;
		b->watch = kube_watch_start(b->kube, SERVICES, NULL, &cases[i].ops, b);
		wait_for(b, strcmp(b->told, cases[i].told) == 0);
		/* A request there and back (or closed): enough time for a late callback. */
		server.answer = answer_echo_path;
		if (b->kube != NULL) {
			kube_request(b->kube, "GET", "/x", NULL, NULL, on_done, b);
			wait_for(b, b->done == 1);
			*strstr(b->told, "x ") = '\0';
		}
		for (int turn = 0; turn < 10; turn++)
			uv_run(&b->loop, UV_RUN_NOWAIT);
		assert_string_equal(b->told, cases[i].told);
	}
}

/* --- events --------------------------------------------------------------------------------- */

static void answer_event(struct conn *c, const char *request)
{
	if (strncmp(request, "POST ", 5) == 0) {
		assert_non_null(strstr(request, "POST /api/v1/namespaces/web/events HTTP/1.1\r\n"));
		assert_non_null(strstr(request, "\"involvedObject\":{\"kind\":\"Service\","
						"\"apiVersion\":\"v1\",\"namespace\":\"web\","
						"\"name\":\"front\",\"uid\":\"u-1\"}"));
		assert_non_null(strstr(request, "\"metadata\":{\"name\":\"front."));
		assert_non_null(strstr(request, "\"reason\":\"IPAllocated\""));
		assert_non_null(
			strstr(request, "\"source\":{\"component\":\"bellman-allocator\"}"));
		assert_non_null(strstr(request, "\"count\":1"));
		reply(c, 201, "{}");
	} else {
		assert_non_null(strstr(request, "PATCH /api/v1/namespaces/web/events/front."));
		reply(c, server.asked == 4 ? 404 : 200, "{}");
	}
}

static void test_a_repeated_event_counts_up_the_first(void **state)
{
	static const struct kube_event event = {
		.component = "bellman-allocator",
		.host = "",
		.kind = "Service",
		.api_version = "v1",
		.ns = "web",
		.name = "front",
		.uid = "u-1",
		.type = "Normal",
		.reason = "IPAllocated",
		.message = "Assigned IP [\"192.0.2.1\"]",
	};
	struct bench *b = *state;

	server.answer = answer_event;
	for (unsigned i = 1; i <= 5; i++) {
		kube_event(b->kube, &event);
		wait_for(b, server.asked == i);
		/* The fourth answer is a 404: it has to be read before the fifth is sent. */
		wait_for(b, b->kube->queues[REQUEST_EVENT].running_count == 0);
	}
	assert_int_equal(asked_for("POST "), 2); /* the first, and after the 404 */
	assert_int_equal(asked_for("PATCH "), 3);

	/* While nobody listens, nothing is kept. */
	server_stop(&server);
	kube_request(b->kube, "GET", "/x", NULL, NULL, on_done, b);
	wait_for(b, b->done == 1);
	kube_event(b->kube, &event);
	assert_int_equal(b->kube->queues[REQUEST_EVENT].running_count, 0);
	assert_int_equal(b->kube->queues[REQUEST_EVENT].waiting_count, 0);
}

/* --- lists that are asked for --------------------------------------------------------------- */

static void answer_fewer_each_time(struct conn *c, const char *request)
{
	unsigned lists = asked_for("limit=");

	if (is_watch(request))
		stream(c, "");
	else if (lists == 1)
		reply(c, 200, LIST("10", OBJECT("a", "1") "," OBJECT("b", "2")));
	else
		reply(c, 200, LIST("11", OBJECT("a", "1")));
}

static void test_a_new_list_is_made_when_asked_for(void **state)
{
	struct bench *b = *state;

	server.answer = answer_fewer_each_time;
	b->watch = kube_watch_start(b->kube, SERVICES, NULL, &told_ops, b);
	wait_for(b, asked_for("watch=true") == 1);
	kube_watch_relist(b->watch);
	assert_true(kube_watch_synced(b->watch)); /* what is known stays */
	wait_for(b, b->synced == 2);
	assert_string_equal(b->told, "+a +b = +a -b = ");
	wait_for(b, asked_for("resourceVersion=11") == 1); /* and is watched from there */
}

/* One that was under way began too early. */
static void test_a_list_that_was_under_way_is_given_up_for_a_new_one(void **state)
{
	struct bench *b = *state;

	server.answer = answer_fewer_each_time;
	b->watch = kube_watch_start(b->kube, SERVICES, NULL, &told_ops, b);
	wait_for(b, server.accepted == 1);
	kube_watch_relist(b->watch);
	wait_for(b, b->synced == 1);
	wait_for(b, asked_for("watch=true") == 1);
	assert_in_range(asked_for("limit="), 1, 2);
	assert_int_equal(b->synced, 1);
}

static void on_refused(void *arg, int status, const char *reason)
{
	struct bench *b = arg;

	bench_tell(b, reason, "");
	b->status = status;
}

static void answer_403_twice(struct conn *c, const char *request)
{
	if (asked_for("limit=") <= 2)
		reply(c, 403, "{\"reason\":\"Forbidden\"}");
	else
		answer_fewer_each_time(c, request);
}

static void test_a_refusal_before_any_list_is_told_once(void **state)
{
	static const struct kube_watch_ops ops = {
		.upsert = on_upsert, .remove = on_remove, .synced = on_synced, .refused = on_refused
	};
	struct bench *b = *state;

	server.answer = answer_403_twice;
	b->watch = kube_watch_start(b->kube, SERVICES, NULL, &ops, b);
	wait_for(b, b->synced == 1);
	assert_int_equal(b->status, 403);
	assert_string_equal(b->told, "403 Forbidden +a = ");
}

#define BENCH_TEST(f) cmocka_unit_test_setup_teardown(f, bench_setup, bench_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(test_a_request_carries_method_type_and_body),
		BENCH_TEST(test_a_refusal_is_handed_on_with_server_path_and_reason),
		BENCH_TEST(test_without_a_server_the_error_names_it_and_the_path),
		BENCH_TEST(test_a_thousand_requests_use_few_connections),
		BENCH_TEST(test_a_busy_server_is_asked_again_when_it_says_so),
		BENCH_TEST(test_an_answer_that_is_not_to_be_waited_for_is_handed_on),
		BENCH_TEST(test_close_answers_what_waits_for_a_busy_server),
		BENCH_TEST(test_close_answers_every_request_once),
		BENCH_TEST(test_the_client_may_be_closed_in_done),
		BENCH_TEST(test_a_401_reads_the_token_again),
		BENCH_TEST(test_a_watch_that_is_cut_resumes_where_it_was),
		BENCH_TEST(test_a_silent_watch_is_opened_again),
		BENCH_TEST(test_410_by_status_and_in_the_stream_lists_again),
		BENCH_TEST(test_garbage_and_endless_lines_lead_to_a_new_list),
		BENCH_TEST(test_an_outage_is_said_once_and_its_end_once),
		BENCH_TEST(test_a_gateway_without_a_server_is_an_outage),
		BENCH_TEST(test_a_watch_waits_as_long_as_a_busy_server_wishes),
		BENCH_TEST(test_a_version_from_the_servers_future_leads_to_a_new_list),
		BENCH_TEST(test_a_refused_watch_is_said_once_and_tried_again),
		BENCH_TEST(test_a_watch_may_be_stopped_and_the_client_closed_in_callbacks),
		BENCH_TEST(test_a_repeated_event_counts_up_the_first),
		BENCH_TEST(test_a_new_list_is_made_when_asked_for),
		BENCH_TEST(test_a_list_that_was_under_way_is_given_up_for_a_new_one),
		BENCH_TEST(test_a_refusal_before_any_list_is_told_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
