// SPDX-License-Identifier: Apache-2.0
/*
 * lib/kube against the real bellman-apiserver, through a proxy that can cut, refuse and garble.
 *
 * The server is $BELLMAN_BIN/bellman-apiserver on a free port of 127.0.0.1 with a state file; it is
 * killed without warning and started again. Without BELLMAN_BIN the tests skip.
 */
#include "tests/unit/kube_bench.h"

#include <nettle/base64.h>

#include "tests/unit/fault_proxy.h"
#include "tests/unit/kube_programs.h"

#define CONFIG_MAPS "/api/v1/namespaces/web/configmaps"

static struct fault_proxy proxy;

/* --- the bench ------------------------------------------------------------------------------ */

static struct kube *direct; /* a second client, past the proxy: another user of the cluster */

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
	work_dir_make();
	apiserver.port = 0;
	apiserver_start(NULL);
	*state = b = bench_new();
	proxy_open(&proxy, &b->loop, apiserver.port);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u", proxy.port);
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

static void watch(struct bench *b)
{
	b->watch = kube_watch_start(b->kube, "/api/v1/configmaps", NULL, &told_ops, b);
	wait_for(b, b->synced == 1);
}

/* --- tests ---------------------------------------------------------------------------------- */

static void test_a_watch_sees_create_patch_and_delete(void **state)
{
	struct bench *b = bench_or_skip(state, missing);

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
	struct bench *b = bench_or_skip(state, missing);

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
	struct bench *b = bench_or_skip(state, missing);

	create(b, "a");
	watch(b);
	proxy.refuse = true;
	proxy_cut(&proxy);
	wait_for(b, proxy.taken >= 4); /* it has knocked in vain, more than once */
	create(b, "b");
	erase(b, "a");
	proxy.refuse = false;
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
	struct bench *b = bench_or_skip(state, missing);

	create(b, "a");
	create(b, "b");
	watch(b);
	proxy.refuse = true;
	proxy_cut(&proxy);
	wait_for(b, !kube_connected(b->kube));
	erase(b, "a");
	create(b, "c");
	apiserver_kill();
	apiserver_start(NULL);
	proxy.refuse = false;
	wait_for(b, b->synced == 2);
	assert_string_equal(b->told, "+a +b = +b +c -a = ");
	create(b, "d");
	wait_for(b, strstr(b->told, "+d") != NULL);
	assert_logged(b, "version too old, listing again", 1);
}

static void test_kill_9_under_a_watch_that_knows_all_costs_no_list(void **state)
{
	struct bench *b = bench_or_skip(state, missing);

	create(b, "a");
	watch(b);
	create(b, "b");
	wait_for(b, b->upserts == 2);
	apiserver_kill();
	wait_for(b, !kube_connected(b->kube));
	apiserver_start(NULL);
	create(b, "c");
	wait_for(b, b->upserts == 3);
	assert_string_equal(b->told, "+a = +b +c ");
	assert_int_equal(b->synced, 1);
}

static void test_a_garbled_stream_is_listed_anew(void **state)
{
	struct bench *b = bench_or_skip(state, missing);

	create(b, "a");
	watch(b);
	proxy.garble = 1;
	proxy.garble_at = "{\"type\":";
	create(b, "b");
	wait_for(b, b->synced == 2);
	assert_string_equal(b->told, "+a = +a +b = ");
	assert_logged(b, "not understood", 1);
}

static void test_a_write_over_an_older_version_is_a_409(void **state)
{
	struct bench *b = bench_or_skip(state, missing);

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
	struct bench *b = bench_or_skip(state, missing);
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
	struct bench *b = bench_or_skip(state, missing);
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
	write_text("config", "%s", text);
}

static void test_over_tls_server_and_client_prove_who_they_are(void **state)
{
	struct bench *b = bench_or_skip(state, missing);

	create(b, "a");
	apiserver_kill();
	certificate_make(&(struct certificate){ .name = "server" });
	write_text("tokens", "s3cret\n");
	apiserver_start("server");

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
