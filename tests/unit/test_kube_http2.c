// SPDX-License-Identifier: Apache-2.0
/*
 * lib/kube over HTTP/2: all watches on one connection, requests on a second one, and what becomes
 * of them when connections die.
 *
 * nghttpx speaks TLS and HTTP/2 before the real bellman-apiserver; the proxy before both counts the
 * connections and lets them fail. Without BELLMAN_BIN or nghttpx the tests skip.
 */
#include "tests/unit/kube_bench.h"

#include <fcntl.h>
#include <netinet/tcp.h>

#include "lib/kube/internal.h"
#include "tests/unit/fault_proxy.h"
#include "tests/unit/kube_programs.h"

#define CONFIG_MAPS "/api/v1/namespaces/web/configmaps"
#define WATCHES     8

static struct fault_proxy proxy;
static struct kube *direct; /* past the proxy */
static const char *const *front_options;

/* What each watch has told. */
static struct {
	unsigned objects, lists;
} told[WATCHES];

static void count_upsert(void *arg, const cJSON *object)
{
	(void)object;
	told[(uintptr_t)arg].objects++;
}

static void count_remove(void *arg, const char *ns, const char *name)
{
	(void)ns;
	told[(uintptr_t)arg].objects -= strcmp(name, "kept") != 0;
}

static void count_list(void *arg)
{
	told[(uintptr_t)arg].lists++;
}

static const struct kube_watch_ops count_ops = { count_upsert, count_remove, count_list, NULL,
						 NULL };

static bool all_told(unsigned objects, unsigned lists)
{
	for (size_t i = 0; i < WATCHES; i++) {
		if (told[i].objects != objects || told[i].lists != lists)
			return false;
	}
	return true;
}

static void ask(struct bench *b, struct kube *k, const char *method, const char *path,
		const char *body, int status)
{
	unsigned before = b->done;

	assert_int_equal(kube_request(k, method, path, body == NULL ? NULL : KUBE_JSON, body,
				      on_done, b),
			 0);
	wait_for(b, b->done == before + 1);
	if (b->status != status)
		fail_aloud(b, "%s %s: %d, not %d: %s", method, path, b->status, status, b->error);
}

static void create(struct bench *b, struct kube *k, const char *name)
{
	char body[256];

	snprintf(body, sizeof(body),
		 "{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"%s\"}}",
		 name);
	ask(b, k, "POST", CONFIG_MAPS, body, 201);
}

static void write_kubeconfig(unsigned port)
{
	write_text("config",
		   "current-context: x\n"
		   "contexts: [{name: x, context: {cluster: x, user: x}}]\n"
		   "users: [{name: x, user: {}}]\n"
		   "clusters: [{name: x, cluster: {server: 'https://127.0.0.1:%u', "
		   "certificate-authority: ca.pem}}]\n",
		   port);
}

static int setup(void **state)
{
	char url[64], err[256];
	const struct kube_cfg to = { .server = url, .user_agent = "bellman-test/1" };
	struct bench *b;

	if (getenv("BELLMAN_BIN") == NULL || front_program() == NULL)
		return 0; /* the test itself skips */
	work_dir_make();
	memset(told, 0, sizeof(told));
	apiserver.port = front.port = 0;
	apiserver_start(NULL);
	certificate_make(&(struct certificate){ .name = "ca" });
	certificate_make(&(struct certificate){ .name = "front", .issuer = "ca" });
	front_start("front", front_options);
	*state = b = bench_new();
	proxy_open(&proxy, &b->loop, front.port);
	write_kubeconfig(proxy.port);
	bench_open(b, NULL, in_dir("config"));
	snprintf(url, sizeof(url), "http://127.0.0.1:%u", apiserver.port);
	assert_int_equal(kube_open(&b->loop, &to, &direct, err, sizeof(err)), 0);
	ask(b, direct, "POST", "/api/v1/namespaces",
	    "{\"kind\":\"Namespace\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"web\"}}", 201);
	create(b, direct, "kept");
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	if (b == NULL)
		return 0;
	direct = kube_close(direct);
	proxy_close(&proxy);
	program_end(&front.pid, SIGKILL);
	apiserver_kill();
	bench_free(b);
	work_dir_drop();
	return 0;
}

static int setup_few_streams(void **state)
{
	static const char *const few[] = { "--frontend-http2-max-concurrent-streams=3", NULL };

	front_options = few;
	int rc = setup(state);
	front_options = NULL;
	return rc;
}

static int setup_http1(void **state)
{
	static const char *const http1[] = { "--npn-list=http/1.1", NULL };

	front_options = http1;
	int rc = setup(state);
	front_options = NULL;
	return rc;
}

/* What is missing where there is no bench. */
static const char missing[] = "no bellman-apiserver in BELLMAN_BIN, or no nghttpx";

/* Is each watch under way, its connection proven? */
static bool watching(struct bench *b)
{
	return b->kube->pools[CHANNEL_WATCH]->answered == WATCHES;
}

static void watches_start(struct bench *b)
{
	for (uintptr_t i = 0; i < WATCHES; i++)
		assert_non_null(kube_watch_start(b->kube, "/api/v1/configmaps", NULL, &count_ops,
						 (void *)i));
	wait_for(b, all_told(1, 1) && watching(b));
}

/* --- connections ---------------------------------------------------------------------------- */

static void test_all_watches_share_one_connection_and_requests_another(void **state)
{
	struct bench *b = bench_or_skip(state, missing);

	watches_start(b);
	assert_int_equal(proxy.taken, 1);
	for (int i = 0; i < 100; i++)
		kube_request(b->kube, "GET", CONFIG_MAPS "/kept", NULL, NULL, on_done, b);
	unsigned want = b->done + 100;
	wait_for(b, b->done == want);
	assert_int_equal(b->status, 200);
	assert_int_equal(proxy.taken, 2);
	create(b, b->kube, "a");
	wait_for(b, all_told(2, 1));
	assert_int_equal(proxy.taken, 2);
}

/* The sockets that this process has open to @port. */
static unsigned sockets_to(unsigned port, void (*each)(int fd))
{
	unsigned count = 0;

	for (int fd = 0; fd < 256; fd++) {
		struct sockaddr_in peer = { 0 };
		socklen_t len = sizeof(peer);

		if (getpeername(fd, (struct sockaddr *)&peer, &len) != 0 ||
		    peer.sin_family != AF_INET || ntohs(peer.sin_port) != port)
			continue;
		each(fd);
		count++;
	}
	return count;
}

static void assert_limits(int fd)
{
	socklen_t len = sizeof(int);
	int value = 0;

	assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &value, &len), 0);
	assert_int_equal(value, 30000);
	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &value, &len), 0);
	assert_int_equal(value, 1);
	assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &value, &len), 0);
	assert_int_equal(value, 30);
	assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &value, &len), 0);
	assert_int_equal(value, 10);
	/* And a credential plugin does not inherit it. */
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

static void test_the_kernel_gives_up_a_peer_that_is_silent_on_both(void **state)
{
	struct bench *b = bench_or_skip(state, missing);

	watches_start(b);
	ask(b, b->kube, "GET", CONFIG_MAPS "/kept", NULL, 200);
	assert_int_equal(sockets_to(proxy.port, assert_limits), 2);
}

static void test_a_lost_connection_is_replaced_by_one(void **state)
{
	struct bench *b = bench_or_skip(state, missing);

	watches_start(b);
	proxy_cut(&proxy);
	create(b, direct, "a");
	wait_for(b, all_told(2, 1)); /* without a new list */
	assert_int_equal(proxy.taken, 2);
}

/* It is up and nothing passes: a stream on it would be as dead as those that there are. */
static void test_a_silent_connection_is_replaced_by_one(void **state)
{
	struct bench *b = bench_or_skip(state, missing);

	watches_start(b);
	b->kube->silence_ms = 1000;
	/* The watches that run have the old limit yet. */
	proxy_cut(&proxy);
	create(b, direct, "a");
	wait_for(b, all_told(2, 1) && watching(b));
	assert_int_equal(proxy.taken, 2);
	proxy_stall(&proxy);
	create(b, direct, "b");
	wait_for(b, all_told(3, 1));
	assert_int_equal(proxy.taken, 3);
}

static void test_watches_that_stand_still_do_not_delay_a_write(void **state)
{
	struct bench *b = bench_or_skip(state, missing);

	watches_start(b);
	proxy_stall(&proxy);
	uint64_t began = uv_now(&b->loop);
	create(b, b->kube, "a");
	assert_in_range(uv_now(&b->loop) - began, 0, 10000);
	assert_true(all_told(1, 1));
}

/* A request that is not answered in time, and the next one does not wait on the same connection. */
static void test_after_a_timeout_requests_take_a_new_connection(void **state)
{
	struct bench *b = bench_or_skip(state, missing);

	ask(b, b->kube, "GET", CONFIG_MAPS "/kept", NULL, 200);
	proxy_stall(&proxy);
	b->kube->timeout_s = 1;
	ask(b, b->kube, "GET", CONFIG_MAPS "/kept", NULL, 0);
	assert_non_null(strstr(b->error, "timed out"));
	assert_int_equal(proxy.taken, 1);
	b->kube->timeout_s = 15;
	ask(b, b->kube, "GET", CONFIG_MAPS "/kept", NULL, 200);
	assert_int_equal(proxy.taken, 2);
}

/* All of them are late, and those behind them in the queue take one new connection together. */
static void test_many_timeouts_take_one_new_connection(void **state)
{
	struct bench *b = bench_or_skip(state, missing);
	unsigned before = b->done;

	ask(b, b->kube, "GET", CONFIG_MAPS "/kept", NULL, 200);
	proxy_stall(&proxy);
	b->kube->timeout_s = 1;
	b->kube->patience_ms = 50; /* so that all of them go out on the connection that stands */
	for (int i = 0; i < 40; i++)
		kube_request(b->kube, "GET", CONFIG_MAPS "/kept", NULL, NULL, on_done, b);
	b->kube->timeout_s = 15; /* of the eight that have to wait for their turn */
	wait_for(b, b->done == before + 41);
	assert_int_equal(b->done_without_answer, 32);
	assert_int_equal(proxy.taken, 2);
}

/* The second one waits for the first, and gives up with it. */
static void test_the_wait_for_a_connection_counts_for_a_request(void **state)
{
	struct bench *b = bench_or_skip(state, missing);
	unsigned before = b->done;

	ask(b, b->kube, "GET", CONFIG_MAPS "/kept", NULL, 200);
	proxy_stall(&proxy);
	b->kube->timeout_s = 1;
	for (int i = 0; i < 2; i++)
		kube_request(b->kube, "GET", CONFIG_MAPS "/kept", NULL, NULL, on_done, b);
	wait_for(b, b->done == before + 3);
	assert_int_equal(b->done_without_answer, 2);
	assert_non_null(strstr(b->error, "timed out waiting for a connection"));
	assert_int_equal(proxy.taken, 1);
}

/* A server that is far away, or busy with other handshakes: the one connection is waited for. */
static void test_a_slow_handshake_is_waited_for(void **state)
{
	struct bench *b = bench_or_skip(state, missing);

	proxy.delay_max_ms = 200;
	b->kube->patience_ms = 5;
	watches_start(b);
	assert_int_equal(proxy.taken, 1);
}

/* It says GOAWAY and stops to listen, as an API server does that is replaced. */
static void test_a_server_that_says_good_bye_is_followed_by_the_next(void **state)
{
	struct bench *b = bench_or_skip(state, missing);

	watches_start(b);
	ask(b, b->kube, "GET", CONFIG_MAPS "/kept", NULL, 200);
	pid_t old = front.pid;
	kill(old, SIGQUIT);
	for (int tries = 0; is_listening(front.port); tries++) {
		assert_true(tries < 1000);
		poll(NULL, 0, 10);
	}
	front_start("front", NULL);
	create(b, b->kube, "a");
	wait_for(b, all_told(2, 1));
	program_end(&old, SIGKILL);
	create(b, b->kube, "b");
	wait_for(b, all_told(3, 1));
}

static void test_more_watches_than_streams_take_more_connections(void **state)
{
	struct bench *b = bench_or_skip(state, missing);

	watches_start(b);
	assert_in_range(proxy.taken, 3, 8);
	create(b, b->kube, "a");
	wait_for(b, all_told(2, 1));
}

/* --- HTTP/1.1 over TLS ---------------------------------------------------------------------- */

static void test_a_server_without_http2_loses_no_transfer(void **state)
{
	struct bench *b = bench_or_skip(state, missing);

	watches_start(b);
	assert_int_equal(proxy.taken, WATCHES);
	for (int i = 0; i < 200; i++)
		kube_request(b->kube, "GET", CONFIG_MAPS "/kept", NULL, NULL, on_done, b);
	unsigned want = b->done + 200;
	wait_for(b, b->done == want);
	assert_in_range(proxy.taken, WATCHES + 2, WATCHES + 32);
	proxy_cut(&proxy);
	create(b, direct, "a");
	wait_for(b, all_told(2, 1));
}

#define HTTP2_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		HTTP2_TEST(test_all_watches_share_one_connection_and_requests_another),
		HTTP2_TEST(test_the_kernel_gives_up_a_peer_that_is_silent_on_both),
		HTTP2_TEST(test_a_lost_connection_is_replaced_by_one),
		HTTP2_TEST(test_a_silent_connection_is_replaced_by_one),
		HTTP2_TEST(test_watches_that_stand_still_do_not_delay_a_write),
		HTTP2_TEST(test_after_a_timeout_requests_take_a_new_connection),
		HTTP2_TEST(test_many_timeouts_take_one_new_connection),
		HTTP2_TEST(test_the_wait_for_a_connection_counts_for_a_request),
		HTTP2_TEST(test_a_slow_handshake_is_waited_for),
		HTTP2_TEST(test_a_server_that_says_good_bye_is_followed_by_the_next),
		cmocka_unit_test_setup_teardown(
			test_more_watches_than_streams_take_more_connections, setup_few_streams,
			teardown),
		cmocka_unit_test_setup_teardown(test_a_server_without_http2_loses_no_transfer,
						setup_http1, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
