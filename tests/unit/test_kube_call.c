// SPDX-License-Identifier: Apache-2.0
/*
 * kube_call(): a time-out of its own, a queue of its own, and a body that is withheld when its time
 * is over at the very moment when it would be sent.
 */
#include "tests/unit/kube_bench.h"

#include <errno.h>
#include <sys/socket.h>

#include "lib/kube/internal.h"
#include "tests/unit/kube_server.h"

/* A call and what its owner says when asked. */
struct asker {
	struct bench *bench;
	unsigned asked, yes; /* so often may it be sent */
};

static bool may_send(void *arg)
{
	struct asker *a = arg;

	return a->asked++ < a->yes;
}

static void on_called(void *arg, int status, const cJSON *json, const char *error)
{
	on_done(((struct asker *)arg)->bench, status, json, error);
}

static void call(struct asker *a, const char *body)
{
	assert_int_equal(kube_call(a->bench->kube,
				   &(struct kube_call){ .method = "PATCH",
							.path = "/lease",
							.content_type = KUBE_MERGE_PATCH,
							.body = body,
							.may_send = may_send,
							.done = on_called,
							.arg = a }),
			 0);
}

static void answer_length(struct conn *c, const char *request)
{
	char body[64];

	snprintf(body, sizeof(body), "{\"text\":\"%zu\"}",
		 strlen(strstr(request, "\r\n\r\n")) - strlen("\r\n\r\n"));
	reply(c, 200, body);
}

static void test_a_body_that_may_be_sent_arrives_whole(void **state)
{
	struct bench *b = *state;
	struct asker a = { .bench = b, .yes = 1000 };
	char *body = malloc(300001);

	memset(body, 'x', 300000); /* more than libcurl asks for at once */
	body[300000] = '\0';
	server.answer = answer_length;
	call(&a, body);
	memset(body, 'y', 300000); /* it was copied */
	wait_for(b, b->done == 1);
	assert_int_equal(b->status, 200);
	assert_string_equal(b->told, "300000 ");
	assert_in_range(a.asked, 2, 100);
	free(body);
}

/* A server sees at most a head without its body, and that is no request and no outage. */
static void test_a_body_that_is_withheld_is_no_request(void **state)
{
	struct bench *b = *state;
	struct asker a = { .bench = b };

	server.answer = answer_length;
	call(&a, "{}");
	wait_for(b, b->done == 1);
	assert_int_equal(b->status, 0);
	assert_int_equal(a.asked, 1);
	assert_non_null(strstr(b->error, "/lease: not sent"));
	assert_int_equal(server.asked, 0);
	assert_logged(b, "unreachable", 0);
	a.yes = 1000;
	call(&a, "{}");
	wait_for(b, b->done == 2);
	assert_int_equal(b->status, 200);
	assert_string_equal(b->told, "2 ");
}

static void answer_busy(struct conn *c, const char *request)
{
	(void)request;
	reply_later(c, 429, "1");
}

static void test_it_is_asked_anew_after_a_wait_for_a_busy_server(void **state)
{
	struct bench *b = *state;
	struct asker a = { .bench = b, .yes = 1 };

	server.answer = answer_busy;
	call(&a, "{}");
	wait_for(b, b->done == 1);
	assert_int_equal(a.asked, 2);
	assert_int_equal(b->status, 0);
	assert_non_null(strstr(b->error, "not sent"));
	assert_int_equal(server.asked, 1);
}

static void answer_once(struct conn *c, const char *request)
{
	if (server.asked == 2) /* as if the kept connection had died: libcurl tries another */
		hang_up(c);
	else
		answer_length(c, request);
}

static void test_a_body_is_sent_again_when_a_kept_connection_is_dead(void **state)
{
	struct bench *b = *state;
	struct asker a = { .bench = b, .yes = 1000 };

	server.answer = answer_once;
	call(&a, "{}");
	wait_for(b, b->done == 1);
	call(&a, "{\"a\":1}");
	wait_for(b, b->done == 2);
	assert_int_equal(b->status, 200);
	assert_string_equal(b->told, "2 7 ");
	assert_int_equal(server.asked, 3);
	assert_int_equal(a.asked, 3);
}

static void answer_never(struct conn *c, const char *request)
{
	(void)c;
	(void)request;
}

static void test_a_call_has_its_own_timeout(void **state)
{
	struct bench *b = *state;
	uint64_t began = uv_now(&b->loop);

	server.answer = answer_never;
	kube_call(b->kube, &(struct kube_call){ .method = "GET",
						.path = "/x",
						.timeout_ms = 200,
						.done = on_done,
						.arg = b });
	wait_for(b, b->done == 1);
	assert_int_equal(b->status, 0);
	assert_in_range(uv_now(&b->loop) - began, 200, 10000); /* and not 15 s */
	assert_non_null(strstr(b->error, "timed out"));
}

static void answer_lease_only(struct conn *c, const char *request)
{
	if (strstr(request, "/lease") != NULL)
		reply(c, 200, "{\"text\":\"renewed\"}");
}

static void test_an_urgent_call_waits_for_no_other(void **state)
{
	struct bench *b = *state;

	server.answer = answer_lease_only;
	for (int i = 0; i < 100; i++)
		kube_request(b->kube, "GET", "/x", NULL, NULL, on_done, b);
	kube_call(b->kube, &(struct kube_call){ .method = "GET",
						.path = "/lease",
						.urgent = true,
						.done = on_done,
						.arg = b });
	wait_for(b, b->done == 1);
	assert_string_equal(b->told, "renewed ");
}

/* The server may wish for longer than a lease has. */
static void test_an_urgent_call_is_told_at_once_that_the_server_is_busy(void **state)
{
	struct bench *b = *state;

	server.answer = answer_busy;
	kube_call(b->kube, &(struct kube_call){ .method = "GET",
						.path = "/lease",
						.urgent = true,
						.done = on_done,
						.arg = b });
	wait_for(b, b->done == 1);
	assert_int_equal(b->status, 429);
	assert_int_equal(server.asked, 1);
}

/* --- a server that does not take what is sent ---------------------------------------- */

#define LARGE (32u << 20) /* more than both kernels keep */

static char *large_body(void)
{
	char *body = malloc(LARGE + 1);

	memset(body, 'x', LARGE);
	body[LARGE] = '\0';
	return body;
}

static int listen_here(struct bench *b)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char url[64];

	assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
	assert_int_equal(listen(fd, 8), 0);
	getsockname(fd, (struct sockaddr *)&at, &len);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u", ntohs(at.sin_port));
	b->kube = kube_close(b->kube);
	bench_open(b, url, NULL);
	return fd;
}

static void call_large(struct bench *b, unsigned timeout_ms)
{
	char *body = large_body();

	assert_int_equal(kube_call(b->kube, &(struct kube_call){ .method = "PUT",
								 .path = "/x",
								 .content_type = KUBE_JSON,
								 .body = body,
								 .timeout_ms = timeout_ms,
								 .done = on_done,
								 .arg = b }),
			 0);
	free(body);
}

/* Else our kernel would send on what nobody waits for, and it would be done late. */
static void test_what_was_given_up_is_not_sent_any_more(void **state)
{
	struct bench *b = *state;
	int listener = listen_here(b), fd;
	static char bytes[1 << 16];
	ssize_t got;

	call_large(b, 300);
	wait_for(b, b->done == 1);
	assert_int_equal(b->status, 0);
	fd = accept(listener, NULL, NULL); /* only now does it look */
	assert_true(fd >= 0);
	do {
		got = recv(fd, bytes, sizeof(bytes), 0);
	} while (got > 0);
	if (got == 0)
		fail_aloud(b, "the connection was closed in order");
	assert_int_equal(errno, ECONNRESET);
	close(fd);
	close(listener);
}

/* The same of a process that is stopped, which closes nothing. */
static void test_the_kernel_gives_up_by_itself(void **state)
{
	struct bench *b = *state;
	int listener = listen_here(b);
	uint64_t began = uv_now(&b->loop);

	b->kube->unacked_ms = 500;
	call_large(b, DEADLINE_MS);
	wait_for(b, b->done == 1);
	assert_int_equal(b->status, 0);
	assert_null(strstr(b->error, "timed out after"));
	assert_in_range(uv_now(&b->loop) - began, 400, DEADLINE_MS / 2);
	close(listener);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_body_that_may_be_sent_arrives_whole,
						bench_setup, bench_teardown),
		cmocka_unit_test_setup_teardown(test_a_body_that_is_withheld_is_no_request,
						bench_setup, bench_teardown),
		cmocka_unit_test_setup_teardown(
			test_it_is_asked_anew_after_a_wait_for_a_busy_server, bench_setup,
			bench_teardown),
		cmocka_unit_test_setup_teardown(
			test_a_body_is_sent_again_when_a_kept_connection_is_dead, bench_setup,
			bench_teardown),
		cmocka_unit_test_setup_teardown(test_a_call_has_its_own_timeout, bench_setup,
						bench_teardown),
		cmocka_unit_test_setup_teardown(test_an_urgent_call_waits_for_no_other, bench_setup,
						bench_teardown),
		cmocka_unit_test_setup_teardown(test_what_was_given_up_is_not_sent_any_more,
						bench_setup, bench_teardown),
		cmocka_unit_test_setup_teardown(test_the_kernel_gives_up_by_itself, bench_setup,
						bench_teardown),
		cmocka_unit_test_setup_teardown(
			test_an_urgent_call_is_told_at_once_that_the_server_is_busy, bench_setup,
			bench_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
