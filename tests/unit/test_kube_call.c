// SPDX-License-Identifier: Apache-2.0
/*
 * kube_call(): a time-out of its own, a queue of its own, and a body that is withheld when its time
 * is over at the very moment when it would be sent.
 */
#include "tests/unit/kube_bench.h"

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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
