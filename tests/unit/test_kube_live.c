// SPDX-License-Identifier: Apache-2.0
/*
 * lib/kube against the real bellman-apiserver, through a relay that can cut, refuse and garble.
 *
 * The server is $BELLMAN_BIN/bellman-apiserver on a free port of 127.0.0.1 with a state file; it is
 * killed without warning and started again. Without BELLMAN_BIN the tests skip.
 */
#include "tests/unit/kube_bench.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <nettle/base64.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/queue.h>
#include <sys/wait.h>

#define CONFIG_MAPS "/api/v1/namespaces/web/configmaps"

/* --- the server ----------------------------------------------------------------------------- */

static char dir[64];

static struct {
	pid_t pid; /* 0: not running */
	unsigned port;
} apiserver;

static const char *in_dir(const char *name)
{
	static char paths[4][128];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
	return path;
}

static void write_file(const char *name, const void *bytes, size_t len)
{
	FILE *to = fopen(in_dir(name), "w");

	assert_non_null(to);
	assert_int_equal(fwrite(bytes, 1, len, to), len);
	fclose(to);
}

/* Start it, on the port it had before if any, and wait for the line that names its address. */
static void apiserver_start(bool tls)
{
	char program[512], listen[32], line[1024] = "";
	const char *argv[16] = { program,        "--listen", listen, "--data", in_dir("state.db"),
				 "--log-format", "text" };
	int out[2], n = 7;

	snprintf(program, sizeof(program), "%s/bellman-apiserver", getenv("BELLMAN_BIN"));
	snprintf(listen, sizeof(listen), "127.0.0.1:%u", apiserver.port);
	if (tls) {
		const char *more[] = {
			"--tls-cert",         in_dir("server.pem"), "--tls-key",
			in_dir("server.key"), "--token-file",       in_dir("tokens")
		};

		memcpy(argv + n, more, sizeof(more));
	}
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	apiserver.pid = fork();
	assert_true(apiserver.pid >= 0);
	if (apiserver.pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(out[1], STDERR_FILENO);
		execv(program, (char *const *)argv);
		_exit(127);
	}
	close(out[1]);
	FILE *from = fdopen(out[0], "r");
	const char *at = NULL;
	while (at == NULL && fgets(line, sizeof(line), from) != NULL)
		at = strstr(line, "address=127.0.0.1:");
	fclose(from);
	if (at == NULL) {
		fail_msg("%s did not start: %s", program, line);
		return;
	}
	apiserver.port = (unsigned)atoi(at + strlen("address=127.0.0.1:"));
}

static void apiserver_kill(void)
{
	if (apiserver.pid == 0)
		return;
	kill(apiserver.pid, SIGKILL);
	waitpid(apiserver.pid, NULL, 0);
	apiserver.pid = 0;
}

/* --- the relay ------------------------------------------------------------------------------ */

/* One side of a relayed connection. */
struct side {
	uv_tcp_t tcp;
	struct pipe *pipe;
	struct side *other;
};

struct pipe {
	struct side client, server;
	uv_connect_t connect;
	unsigned open; /* sides whose handles are not closed yet */
	bool cut;
	TAILQ_ENTRY(pipe) link;
};

static struct {
	uv_loop_t *loop;
	uv_tcp_t listener;
	unsigned port;
	bool refuse; /* take connections and drop them at once */
	bool garble; /* put what is no JSON into each byte stream from the server, once */
	unsigned taken;
	TAILQ_HEAD(, pipe) pipes;
} relay;

static void on_side_closed(uv_handle_t *handle)
{
	struct pipe *p = ((struct side *)handle->data)->pipe;

	if (--p->open == 0)
		free(p);
}

static void pipe_cut(struct pipe *p)
{
	if (p->cut)
		return;
	p->cut = true;
	TAILQ_REMOVE(&relay.pipes, p, link);
	uv_close((uv_handle_t *)&p->client.tcp, on_side_closed);
	uv_close((uv_handle_t *)&p->server.tcp, on_side_closed);
}

static void relay_cut(void)
{
	struct pipe *p;

	while ((p = TAILQ_FIRST(&relay.pipes)) != NULL)
		pipe_cut(p);
}

static void on_alloc(uv_handle_t *handle, size_t want, uv_buf_t *buf)
{
	(void)handle;
	*buf = (uv_buf_t){ .base = malloc(want), .len = want };
}

static void on_relayed(uv_write_t *req, int status)
{
	(void)status;
	free(req->data);
	free(req);
}

/* Change a letter of what a watch sends: {"type":"ADDED"... is no event any more. */
static void garble(char *bytes, size_t len)
{
	char *type = memmem(bytes, len, "{\"type\":", 8);

	if (!relay.garble || type == NULL)
		return;
	*type = '[';
	relay.garble = false;
}

static void on_side_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
	struct side *side = stream->data;

	if (got > 0) {
		uv_write_t *req = calloc(1, sizeof(*req));
		uv_buf_t out = { .base = buf->base, .len = (size_t)got };

		if (side == &side->pipe->server)
			garble(out.base, out.len);
		req->data = buf->base;
		if (uv_write(req, (uv_stream_t *)&side->other->tcp, &out, 1, on_relayed) == 0)
			return;
		free(req);
		got = UV_EOF;
	}
	free(buf->base);
	if (got < 0)
		pipe_cut(side->pipe);
}

static void on_server_connected(uv_connect_t *req, int status)
{
	struct pipe *p = req->data;

	if (p->cut)
		return;
	if (status < 0) {
		pipe_cut(p);
		return;
	}
	uv_read_start((uv_stream_t *)&p->client.tcp, on_alloc, on_side_read);
	uv_read_start((uv_stream_t *)&p->server.tcp, on_alloc, on_side_read);
}

static void side_init(struct pipe *p, struct side *side, struct side *other)
{
	uv_tcp_init(relay.loop, &side->tcp);
	side->tcp.data = side;
	side->pipe = p;
	side->other = other;
	p->open++;
}

static void on_client(uv_stream_t *listener, int status)
{
	struct pipe *p = calloc(1, sizeof(*p));
	struct sockaddr_in to;

	assert_int_equal(status, 0);
	relay.taken++;
	side_init(p, &p->client, &p->server);
	side_init(p, &p->server, &p->client);
	TAILQ_INSERT_TAIL(&relay.pipes, p, link);
	assert_int_equal(uv_accept(listener, (uv_stream_t *)&p->client.tcp), 0);
	p->connect.data = p;
	uv_ip4_addr("127.0.0.1", (int)apiserver.port, &to);
	if (relay.refuse || uv_tcp_connect(&p->connect, &p->server.tcp, (struct sockaddr *)&to,
					   on_server_connected) < 0)
		pipe_cut(p);
}

static void relay_start(uv_loop_t *loop)
{
	struct sockaddr_in at;
	int len = sizeof(at);

	memset(&relay, 0, sizeof(relay));
	relay.loop = loop;
	TAILQ_INIT(&relay.pipes);
	uv_ip4_addr("127.0.0.1", 0, &at);
	uv_tcp_init(loop, &relay.listener);
	assert_int_equal(uv_tcp_bind(&relay.listener, (struct sockaddr *)&at, 0), 0);
	assert_int_equal(uv_listen((uv_stream_t *)&relay.listener, 64, on_client), 0);
	uv_tcp_getsockname(&relay.listener, (struct sockaddr *)&at, &len);
	relay.port = ntohs(at.sin_port);
}

/* --- the bench ------------------------------------------------------------------------------ */

static struct kube *direct; /* a second client, past the relay: another user of the cluster */

/* Send a request by @k and wait for its answer, which must have @status. */
static void ask(struct bench *b, struct kube *k, const char *method, const char *path,
		const char *body, int status)
{
	unsigned before = b->done;
	const char *type = strcmp(method, "PATCH") == 0 ? KUBE_MERGE_PATCH : KUBE_JSON;

	assert_int_equal(kube_request(k, method, path, type, body, on_done, b), 0);
	wait_for(b, b->done == before + 1);
	if (b->status != status)
		fail_aloud(b, "%s %s: %d, not %d: %s", method, path, b->status, status, b->error);
}

static void create(struct bench *b, const char *name)
{
	char body[256];

	snprintf(body, sizeof(body),
		 "{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"%s\"},"
		 "\"data\":{\"n\":\"1\"}}",
		 name);
	ask(b, direct, "POST", CONFIG_MAPS, body, 201);
}

static void erase(struct bench *b, const char *name)
{
	char *path = kube_path("/api/v1", "web", "configmaps", name, NULL);

	ask(b, direct, "DELETE", path, NULL, 200);
	free(path);
}

static int setup(void **state)
{
	struct kube_cfg to = { .user_agent = "bellman-test/1" };
	char url[64], err[256];
	struct bench *b;

	if (getenv("BELLMAN_BIN") == NULL)
		return 0; /* the test itself skips */
	snprintf(dir, sizeof(dir), "/tmp/bellman-live-XXXXXX");
	assert_non_null(mkdtemp(dir));
	apiserver.port = 0;
	apiserver_start(false);
	*state = b = bench_new();
	relay_start(&b->loop);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u", relay.port);
	bench_open(b, url, NULL);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u", apiserver.port);
	to.server = url;
	assert_int_equal(kube_open(&b->loop, &to, &direct, err, sizeof(err)), 0);
	ask(b, direct, "POST", "/api/v1/namespaces",
	    "{\"kind\":\"Namespace\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"web\"}}", 201);
	return 0;
}

static int teardown(void **state)
{
	static const char *const files[] = { "state.db",   "state.db-wal", "state.db-shm",
					     "server.pem", "server.key",   "tokens",
					     "config" };
	struct bench *b = *state;

	if (b == NULL)
		return 0;
	direct = kube_close(direct);
	uv_close((uv_handle_t *)&relay.listener, NULL);
	relay_cut();
	apiserver_kill();
	bench_free(b);
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		unlink(in_dir(files[i]));
	assert_int_equal(rmdir(dir), 0);
	return 0;
}

/* The bench, or an end with a word why not. */
static struct bench *bench_or_skip(void **state)
{
	if (*state == NULL) {
		print_message("skipped: BELLMAN_BIN names no folder with bellman-apiserver\n");
		skip();
	}
	return *state;
}

static void watch(struct bench *b)
{
	b->watch = kube_watch_start(b->kube, "/api/v1/configmaps", NULL, &told_ops, b);
	wait_for(b, b->synced == 1);
}

/* --- tests ---------------------------------------------------------------------------------- */

static void test_a_watch_sees_create_patch_and_delete(void **state)
{
	struct bench *b = bench_or_skip(state);

	create(b, "a");
	watch(b);
	assert_string_equal(b->told, "+a = ");
	create(b, "b");
	ask(b, direct, "PATCH", CONFIG_MAPS "/a", "{\"data\":{\"n\":\"2\"}}", 200);
	erase(b, "b");
	wait_for(b, b->removes == 1);
	assert_string_equal(b->told, "+a = +b +a -b ");
}

static void test_a_list_of_many_pages_is_complete(void **state)
{
	struct bench *b = bench_or_skip(state);

	for (unsigned i = 0; i < 1201; i++) {
		char body[128];

		snprintf(body, sizeof(body),
			 "{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":"
			 "\"m-%u\"}}",
			 i);
		kube_request(direct, "POST", CONFIG_MAPS, KUBE_JSON, body, on_done, b);
	}
	wait_for(b, b->done == 1202); /* and the namespace */
	watch(b);
	assert_int_equal(b->upserts, 1201);
	erase(b, "m-700");
	wait_for(b, b->removes == 1);
	assert_int_equal(b->upserts, 1201);
}

static void test_what_happens_while_cut_off_is_seen_without_a_new_list(void **state)
{
	struct bench *b = bench_or_skip(state);

	create(b, "a");
	watch(b);
	relay.refuse = true;
	relay_cut();
	wait_for(b, relay.taken >= 4); /* it has knocked in vain, more than once */
	create(b, "b");
	erase(b, "a");
	relay.refuse = false;
	wait_for(b, b->removes == 1);
	assert_string_equal(b->told, "+a = +b -a ");
	assert_int_equal(b->synced, 1);
	assert_logged(b, "unreachable, going on with what is known", 1);
	assert_logged(b, "reachable again", 1);
}

/* Killed, it forgets its history but not its state: the old version is 410 Gone to it, and the new
 * list shows what vanished meanwhile. */
static void test_after_kill_9_the_state_is_listed_anew(void **state)
{
	struct bench *b = bench_or_skip(state);

	create(b, "a");
	create(b, "b");
	watch(b);
	relay.refuse = true;
	relay_cut();
	wait_for(b, !kube_connected(b->kube));
	erase(b, "a");
	create(b, "c");
	apiserver_kill();
	apiserver_start(false);
	relay.refuse = false;
	wait_for(b, b->synced == 2);
	assert_string_equal(b->told, "+a +b = +b +c -a = ");
	create(b, "d");
	wait_for(b, strstr(b->told, "+d") != NULL);
	assert_logged(b, "version too old, listing again", 1);
}

static void test_kill_9_under_a_watch_that_knows_all_costs_no_list(void **state)
{
	struct bench *b = bench_or_skip(state);

	create(b, "a");
	watch(b);
	create(b, "b");
	wait_for(b, b->upserts == 2);
	apiserver_kill();
	wait_for(b, !kube_connected(b->kube));
	apiserver_start(false);
	create(b, "c");
	wait_for(b, b->upserts == 3);
	assert_string_equal(b->told, "+a = +b +c ");
	assert_int_equal(b->synced, 1);
}

static void test_a_garbled_stream_is_listed_anew(void **state)
{
	struct bench *b = bench_or_skip(state);

	create(b, "a");
	watch(b);
	relay.garble = true;
	create(b, "b");
	wait_for(b, b->synced == 2);
	assert_string_equal(b->told, "+a = +a +b = ");
	assert_logged(b, "not understood", 1);
}

static void test_a_write_over_an_older_version_is_a_409(void **state)
{
	struct bench *b = bench_or_skip(state);

	create(b, "a");
	char *old = cJSON_PrintUnformatted(b->json);
	ask(b, b->kube, "PATCH", CONFIG_MAPS "/a", "{\"data\":{\"n\":\"2\"}}", 200);
	ask(b, b->kube, "PUT", CONFIG_MAPS "/a", old, 409);
	assert_non_null(strstr(b->error, "409 Conflict"));
	/* Read again and redo. */
	ask(b, b->kube, "GET", CONFIG_MAPS "/a", NULL, 200);
	char *fresh = cJSON_PrintUnformatted(b->json);
	ask(b, b->kube, "PUT", CONFIG_MAPS "/a", fresh, 200);
	free(old);
	free(fresh);
}

static void test_a_resource_that_is_not_there_is_absent(void **state)
{
	struct bench *b = bench_or_skip(state);
	static const struct kube_watch_ops ops = {
		.upsert = on_upsert, .remove = on_remove, .synced = on_synced, .absent = on_synced
	};

	b->watch =
		kube_watch_start(b->kube, "/apis/metallb.io/v1beta1/nosuchthings", NULL, &ops, b);
	wait_for(b, b->synced == 1); /* by absent() */
	assert_false(kube_watch_synced(b->watch));
}

static void test_an_event_repeated_is_one_event_with_a_count(void **state)
{
	static const struct kube_event event = {
		.component = "bellman-allocator",
		.kind = "ConfigMap",
		.api_version = "v1",
		.ns = "web",
		.name = "a",
		.type = "Warning",
		.reason = "AllocationFailed",
		.message = "no address left in \"public\"",
	};
	struct bench *b = bench_or_skip(state);
	const cJSON *items, *first;
	double count = 0;

	for (int i = 0; i < 3; i++)
		kube_event(b->kube, &event);
	for (int tries = 0; count != 3 && tries < 100; tries++) {
		ask(b, direct, "GET", "/api/v1/namespaces/web/events", NULL, 200);
		items = cJSON_GetObjectItemCaseSensitive(b->json, "items");
		assert_true(cJSON_GetArraySize(items) <= 1);
		first = cJSON_GetArrayItem(items, 0);
		count = first == NULL ? 0
				      : cJSON_GetNumberValue(
						cJSON_GetObjectItemCaseSensitive(first, "count"));
	}
	assert_true(count == 3);
	assert_string_equal(member_text(first, "reason"), "AllocationFailed");
	assert_string_equal(member_text(first, "message"), event.message);
}

/* --- TLS ------------------------------------------------------------------------------------ */

/* A self-signed certificate for 127.0.0.1, as PEM in server.pem and server.key. */
static void make_certificate(void)
{
	static const unsigned char loopback[] = { 127, 0, 0, 1 };
	gnutls_x509_privkey_t key;
	gnutls_x509_crt_t cert;
	gnutls_datum_t pem;

	gnutls_x509_privkey_init(&key);
	gnutls_x509_crt_init(&cert);
	assert_int_equal(
		gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
					     GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0),
		0);
	gnutls_x509_crt_set_version(cert, 3);
	gnutls_x509_crt_set_serial(cert, "\1", 1);
	gnutls_x509_crt_set_activation_time(cert, time(NULL) - 3600);
	gnutls_x509_crt_set_expiration_time(cert, time(NULL) + 3600);
	gnutls_x509_crt_set_dn(cert, "CN=bellman test", NULL);
	gnutls_x509_crt_set_basic_constraints(cert, 1, 0);
	gnutls_x509_crt_set_subject_alt_name(cert, GNUTLS_SAN_IPADDRESS, loopback, 4, 0);
	gnutls_x509_crt_set_key(cert, key);
	assert_int_equal(gnutls_x509_crt_sign2(cert, cert, key, GNUTLS_DIG_SHA256, 0), 0);
	gnutls_x509_crt_export2(cert, GNUTLS_X509_FMT_PEM, &pem);
	write_file("server.pem", pem.data, pem.size);
	gnutls_free(pem.data);
	gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &pem);
	write_file("server.key", pem.data, pem.size);
	gnutls_free(pem.data);
	gnutls_x509_crt_deinit(cert);
	gnutls_x509_privkey_deinit(key);
}

static void write_kubeconfig(const char *token, bool with_ca)
{
	char pem[4096], data[8192], text[12288];
	FILE *from = fopen(in_dir("server.pem"), "r");

	assert_non_null(from);
	size_t len = fread(pem, 1, sizeof(pem), from);
	fclose(from);
	base64_encode_raw(data, len, (const uint8_t *)pem);
	data[BASE64_ENCODE_RAW_LENGTH(len)] = '\0';
	snprintf(text, sizeof(text),
		 "current-context: x\n"
		 "contexts: [{name: x, context: {cluster: x, user: x}}]\n"
		 "users: [{name: x, user: {token: %s}}]\n"
		 "clusters:\n- name: x\n  cluster:\n    server: https://127.0.0.1:%u\n"
		 "    %s%s\n",
		 token, apiserver.port, with_ca ? "certificate-authority-data: " : "",
		 with_ca ? data : "");
	write_file("config", text, strlen(text));
}

static void test_over_tls_server_and_client_prove_who_they_are(void **state)
{
	struct bench *b = bench_or_skip(state);

	create(b, "a");
	apiserver_kill();
	make_certificate();
	write_file("tokens", "s3cret\n", 7);
	apiserver_start(true);

	kube_close(b->kube);
	write_kubeconfig("s3cret", true);
	bench_open(b, NULL, in_dir("config"));
	b->watch = kube_watch_start(b->kube, "/api/v1/configmaps", NULL, &told_ops, b);
	wait_for(b, b->synced == 1);
	assert_string_equal(b->told, "+a = ");
	for (int i = 0; i < 100; i++)
		kube_request(b->kube, "GET", CONFIG_MAPS "/a", NULL, NULL, on_done, b);
	unsigned want = b->done + 100;
	wait_for(b, b->done == want);
	assert_int_equal(b->status, 200);

	/* A server that nobody vouches for is not talked to. */
	kube_close(b->kube);
	write_kubeconfig("s3cret", false);
	bench_open(b, NULL, in_dir("config"));
	ask(b, b->kube, "GET", CONFIG_MAPS "/a", NULL, 0);
	assert_non_null(strstr(b->error, "certificate"));

	kube_close(b->kube);
	write_kubeconfig("wrong", true);
	bench_open(b, NULL, in_dir("config"));
	ask(b, b->kube, "GET", CONFIG_MAPS "/a", NULL, 401);
	assert_null(strstr(bench_log(b), "s3cret"));
}

#define LIVE_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LIVE_TEST(test_a_watch_sees_create_patch_and_delete),
		LIVE_TEST(test_a_list_of_many_pages_is_complete),
		LIVE_TEST(test_what_happens_while_cut_off_is_seen_without_a_new_list),
		LIVE_TEST(test_after_kill_9_the_state_is_listed_anew),
		LIVE_TEST(test_kill_9_under_a_watch_that_knows_all_costs_no_list),
		LIVE_TEST(test_a_garbled_stream_is_listed_anew),
		LIVE_TEST(test_a_write_over_an_older_version_is_a_409),
		LIVE_TEST(test_a_resource_that_is_not_there_is_absent),
		LIVE_TEST(test_an_event_repeated_is_one_event_with_a_count),
		LIVE_TEST(test_over_tls_server_and_client_prove_who_they_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
