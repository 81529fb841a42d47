// SPDX-License-Identifier: Apache-2.0
/*
 * Credential plugins: what they are told, what they may answer, and real ones, as scripts, that get
 * a client into a real bellman-apiserver.
 */
#include "tests/unit/kube_bench.h"

#include <errno.h>

#include "lib/kube/exec_plugin.h"
#include "lib/kube/internal.h"
#include "tests/unit/kube_programs.h"

#define V1      "client.authentication.k8s.io/v1"
#define V1BETA1 "client.authentication.k8s.io/v1beta1"

/* --- pure ----------------------------------------------------------------------------------- */

static struct exec_plugin *plugin_of(const char *json, const char *dir)
{
	cJSON *exec = cJSON_Parse(json);
	struct exec_plugin *p = NULL;
	char err[256];

	assert_non_null(exec);
	if (exec_plugin_read(exec, dir, &p, err, sizeof(err)) != 0)
		fail_msg("%s: %s", json, err);
	cJSON_Delete(exec);
	return p;
}

static void test_a_command_with_a_slash_is_beside_the_kubeconfig(void **state)
{
	static const struct {
		const char *command, *dir, *want;
	} cases[] = {
		{ "aws", "/home/me/.kube", "aws" },
		{ "./login", "/home/me/.kube", "/home/me/.kube/./login" },
		{ "bin/login", "/k", "/k/bin/login" },
		{ "/usr/bin/login", "/k", "/usr/bin/login" },
		{ "bin/login", NULL, "bin/login" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char json[256];

		snprintf(json, sizeof(json),
			 "{\"apiVersion\":\"" V1 "\",\"command\":\"%s\",\"args\":[\"a\",\"b c\"],"
			 "\"interactiveMode\":\"Never\"}",
			 cases[i].command);
		struct exec_plugin *p = plugin_of(json, cases[i].dir);
		assert_string_equal(p->args[0], cases[i].want);
		assert_string_equal(p->args[1], "a");
		assert_string_equal(p->args[2], "b c");
		assert_null(p->args[3]);
		exec_plugin_free(p);
	}
}

static void test_only_in_v1beta1_the_interactive_mode_may_be_left_out(void **state)
{
	struct exec_plugin *p =
		plugin_of("{\"apiVersion\":\"" V1BETA1 "\",\"command\":\"x\"}", NULL);

	(void)state;
	assert_int_equal(p->interactive, EXEC_IF_AVAILABLE);
	exec_plugin_free(p);
}

static void test_its_own_variables_stand_before_ours(void **state)
{
	char one[] = "PATH=/bin", two[] = "REGION=old", three[] = EXEC_INFO "=stale";
	char *ours[] = { one, two, three, NULL };
	struct exec_plugin *p =
		plugin_of("{\"apiVersion\":\"" V1
			  "\",\"command\":\"x\",\"interactiveMode\":\"Never\","
			  "\"env\":[{\"name\":\"REGION\",\"value\":\"new\"},{\"name\":\"EMPTY\"}]}",
			  NULL);
	char **all = exec_plugin_environ(p, ours, "{}");

	(void)state;
	assert_string_equal(all[0], "PATH=/bin");
	assert_string_equal(all[1], "REGION=new");
	assert_string_equal(all[2], "EMPTY=");
	assert_string_equal(all[3], EXEC_INFO "={}");
	assert_null(all[4]);
	exec_plugin_environ_free(all);
	exec_plugin_free(p);
}

static void test_times_are_understood_with_their_zone(void **state)
{
	static const struct {
		const char *text;
		long want; /* -1: none */
	} cases[] = {
		{ "1970-01-01T00:00:10Z", 10 },
		{ "1970-01-01T00:00:10.999Z", 10 },
		{ "2026-03-05T17:30:20-08:00", 1772760620 },
		{ "2026-03-06T03:00:20+01:30", 1772760620 },
		{ "2026-03-05T17:30:20", -1 },
		{ "2026-03-05", -1 },
		{ "2026-03-05T17:30:20Z ", -1 },
		{ "2026-03-05T17:30:20+0100", -1 },
		{ "tomorrow", -1 },
		{ "", -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		time_t t = -1;

		assert_int_equal(exec_time_read(cases[i].text, &t), cases[i].want != -1);
		assert_int_equal(t, cases[i].want);
	}
}

#define ANSWER(status)                                                                             \
	"{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1 "\",\"status\":" status "}"

static void test_an_answer_is_complete_or_refused_with_a_reason(void **state)
{
	static const struct {
		const char *text, *fault; /* NULL: none */
	} cases[] = {
		{ ANSWER("{\"token\":\"s3cret\"}"), NULL },
		{ ANSWER("{\"clientCertificateData\":\"c\",\"clientKeyData\":\"s3cret\"}"), NULL },
		{ ANSWER("{\"token\":\"s3cret\",\"expirationTimestamp\":\"2026-03-05T17:30:20Z\"}"),
		  NULL },
		{ "", "no JSON" },
		{ "s3cret", "no JSON" },
		{ "{}", "no ExecCredential" },
		{ "[]", "no ExecCredential" },
		{ "{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1BETA1
		  "\",\"status\":{\"token\":\"s3cret\"}}",
		  "another apiVersion" },
		{ "{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1 "\"}", "no status" },
		{ ANSWER("{}"), "neither a token nor" },
		{ ANSWER("{\"token\":\"\"}"), "neither a token nor" },
		{ ANSWER("{\"clientKeyData\":\"s3cret\"}"), "only one" },
		{ ANSWER("{\"clientCertificateData\":\"c\",\"token\":\"s3cret\"}"), "only one" },
		{ ANSWER("{\"token\":\"s3cret\\r\\nX: y\"}"), "more than one line" },
		{ ANSWER("{\"token\":\"s3cret\",\"expirationTimestamp\":\"soon\"}"), "no time" },
	};
	struct exec_plugin *p = plugin_of("{\"apiVersion\":\"" V1
					  "\",\"command\":\"x\",\"interactiveMode\":\"Never\"}",
					  NULL);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct exec_answer a;
		char err[256] = "";
		int rc = exec_answer_read(p, cases[i].text, strlen(cases[i].text), &a, err,
					  sizeof(err));

		if (rc != (cases[i].fault == NULL ? 0 : -EBADMSG) ||
		    (cases[i].fault != NULL && strstr(err, cases[i].fault) == NULL))
			fail_msg("%s: %d \"%s\"", cases[i].text, rc, err);
		assert_null(strstr(err, "s3cret"));
		if (rc == 0)
			exec_answer_done(&a);
	}
	exec_plugin_free(p);
}

/* --- real ----------------------------------------------------------------------------------- */

static void write_kubeconfig(const char *scheme, const char *more)
{
	write_text(
		"config",
		"current-context: x\n"
		"contexts: [{name: x, context: {cluster: x, user: x}}]\n"
		"clusters:\n- name: x\n  cluster:\n    server: %s://127.0.0.1:%u\n"
		"    certificate-authority: server.pem\n"
		"    extensions: [{name: client.authentication.k8s.io/exec, extension: {a: b}}]\n"
		"users:\n- name: x\n  user:\n    exec:\n      apiVersion: " V1 "\n"
		"      interactiveMode: Never\n      command: ./plugin\n%s",
		scheme, apiserver.port, more);
}

/* Prints the word in the file "word" as the token, and counts how often it ran. */
#define PLUGIN                                                                                     \
	"#!/bin/sh\ncd \"$(dirname \"$0\")\"\necho x >>ran\n"                                      \
	"printf '{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1                                \
	"\",\"status\":{\"token\":\"%%s\"%%s}}' \"$(cat word)\" \"$(cat expires 2>/dev/null)\"\n"

static int setup(void **state)
{
	if (getenv("BELLMAN_BIN") == NULL)
		return 0; /* the test itself skips */
	work_dir_make();
	certificate_make(&(struct certificate){ .name = "server" });
	write_text("tokens", "s3cret\n");
	write_text("word", "s3cret\n");
	write_text("plugin", PLUGIN);
	apiserver.port = 0;
	apiserver_start("server");
	write_kubeconfig("https", "");
	*state = bench_new();
	bench_open(*state, NULL, in_dir("config"));
	return 0;
}

static int teardown(void **state)
{
	if (*state == NULL)
		return 0;
	bench_free(*state);
	apiserver_kill();
	work_dir_drop();
	return 0;
}

/* What is missing where there is no bench. */
static const char missing[] = "BELLMAN_BIN names no folder with bellman-apiserver";

static void open_again(struct bench *b)
{
	kube_close(b->kube);
	bench_open(b, NULL, in_dir("config"));
}

static int get(struct bench *b)
{
	unsigned before = b->done;

	assert_int_equal(kube_request(b->kube, "GET", "/api/v1/namespaces/default", NULL, NULL,
				      on_done, b),
			 0);
	wait_for(b, b->done == before + 1);
	return b->status;
}

static unsigned times_run(void)
{
	struct stat st;

	return stat(in_dir("ran"), &st) < 0 ? 0 : (unsigned)st.st_size / 2;
}

/* Does the process run whose id is in the file @name? */
static bool is_running(const char *name)
{
	gnutls_datum_t text;
	char path[64], state = 'X';

	assert_int_equal(gnutls_load_file(in_dir(name), &text), 0);
	snprintf(path, sizeof(path), "/proc/%d/stat", atoi((const char *)text.data));
	gnutls_free(text.data);
	FILE *from = fopen(path, "r");
	if (from == NULL)
		return false;
	bool is_told = fscanf(from, "%*d (%*[^)]) %c", &state) == 1;
	fclose(from);
	return is_told && strchr("ZX", state) == NULL; /* nobody may have asked for its end */
}

static void test_a_plugin_gives_the_token_once_for_all(void **state)
{
	struct bench *b = bench_or_skip(state, missing);

	b->watch = kube_watch_start(b->kube, "/api/v1/namespaces", NULL, &told_ops, b);
	for (int i = 0; i < 20; i++)
		kube_request(b->kube, "GET", "/api/v1/namespaces/default", NULL, NULL, on_done, b);
	assert_int_equal(b->done, 0); /* nothing was waited for */
	wait_for(b, b->done == 20 && b->synced == 1);
	assert_int_equal(b->status, 200);
	assert_int_equal(times_run(), 1);
	assert_null(strstr(bench_log(b), "s3cret"));
}

static void test_a_token_that_has_expired_is_got_anew(void **state)
{
	struct bench *b = bench_or_skip(state, missing);

	write_text("expires", ",\"expirationTimestamp\":\"2020-01-01T00:00:00Z\"");
	assert_int_equal(get(b), 200);
	assert_int_equal(get(b), 200);
	assert_int_equal(times_run(), 2);
	write_text("expires", ",\"expirationTimestamp\":\"2999-01-01T00:00:00Z\"");
	assert_int_equal(get(b), 200);
	assert_int_equal(get(b), 200);
	assert_int_equal(times_run(), 3);
}

static void test_a_token_that_is_refused_is_got_anew(void **state)
{
	struct bench *b = bench_or_skip(state, missing);

	assert_int_equal(get(b), 200);
	apiserver_kill();
	write_text("tokens", "another\n");
	write_text("word", "another\n");
	apiserver_start("server");
	assert_int_equal(get(b), 200); /* 401 is not seen */
	assert_int_equal(times_run(), 2);

	/* What was never accepted is not asked for at each try. */
	write_text("word", "wrong\n");
	open_again(b);
	for (int i = 0; i < 5; i++)
		assert_int_equal(get(b), 401);
	assert_int_equal(times_run(), 3);
}

static void test_it_is_told_about_the_cluster_if_it_asks(void **state)
{
	struct bench *b = bench_or_skip(state, missing);
	gnutls_datum_t told;

	write_text("plugin", PLUGIN "printf '%%s|%%s|%%s' \"$KUBERNETES_EXEC_INFO\" \"$A\" \"$1\" "
				    ">told\ncat >&2\n");
	write_kubeconfig("https", "      provideClusterInfo: true\n      args: [first]\n"
				  "      env: [{name: A, value: of its own}]\n");
	open_again(b);
	assert_int_equal(get(b), 200);
	assert_int_equal(gnutls_load_file(in_dir("told"), &told), 0);
	const char *text = (const char *)told.data;
	assert_non_null(strstr(text, "{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1
				     "\",\"spec\":{\"cluster\":{\"server\":\"https://127.0.0.1:"));
	assert_non_null(strstr(text, "\"config\":{\"a\":\"b\"}"));
	assert_non_null(strstr(text, "\"certificate-authority-data\":\"LS0tLS1CRUdJTiBD"));
	assert_non_null(strstr(text, "\"interactive\":false}}|of its own|first"));
	gnutls_free(told.data);
}

static void test_what_fails_names_the_plugin_and_the_reason(void **state)
{
	static const struct {
		const char *plugin, *more, *reason;
	} cases[] = {
		{ "#!/bin/sh\nexit 3\n", "", "exit code 3" },
		{ "#!/bin/sh\nkill -9 $$\n", "", "ended by signal 9" },
		{ "#!/bin/sh\necho s3cret\n", "", "what it printed is no JSON" },
		{ "#!/bin/sh\nyes s3cret\n", "", "it prints more than 1 MiB" },
		{ "#!/bin/sh\nexec sleep 60\n", "", "not done in time" },
		{ "#!/bin/sh\nsleep 60 &\necho $! >\"$(dirname \"$0\")\"/child\nwait\n", "",
		  "not done in time" },
		/* Somebody else holds its output open: what it said counts. */
		{ "#!/bin/sh\nsleep 5 &\n", "", "what it printed is no JSON" },
		{ "#!/nowhere/sh\n", "", "no such program" },
		{ "", "      installHint: apt install login\n",
		  "no such program: apt install login" },
	};
	struct bench *b = bench_or_skip(state, missing);

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		write_kubeconfig("https", cases[i].more);
		if (cases[i].plugin[0] != '\0')
			write_text("plugin", "%s", cases[i].plugin);
		else
			unlink(in_dir("plugin"));
		open_again(b);
		if (strcmp(cases[i].reason, "not done in time") == 0)
			b->kube->plugin_ms = 1000;
		assert_int_equal(get(b), 0);
		if (strstr(b->error, cases[i].reason) == NULL ||
		    strstr(b->error, "credential plugin \"") == NULL ||
		    strstr(b->error, "/plugin\": ") == NULL || strstr(b->error, "s3cret") != NULL)
			fail_aloud(b, "case %zu: %s", i, b->error);
	}
	assert_null(strstr(bench_log(b), "s3cret"));
	/* What it has started ends with it. */
	wait_for(b, !is_running("child"));
}

/* That is no trouble of the server's, and it is said once. */
static void test_a_watch_waits_for_a_plugin_that_fails(void **state)
{
	struct bench *b = bench_or_skip(state, missing);

	write_text("plugin", "#!/bin/sh\necho x >>\"$(dirname \"$0\")\"/ran\nexit 3\n");
	open_again(b);
	for (int i = 0; i < 3; i++)
		kube_watch_start(b->kube, "/api/v1/namespaces", NULL, &told_ops, b);
	wait_for(b, times_run() >= 3);
	assert_logged(b, "unreachable", 0);
	assert_logged(b, "no credentials for the API server", 1);
	assert_false(kube_connected(b->kube));
	write_text("plugin", PLUGIN);
	wait_for(b, b->synced == 3);
	assert_logged(b, "credentials are there again", 1);
	assert_true(kube_connected(b->kube));
}

static void test_the_client_may_be_closed_while_a_plugin_runs(void **state)
{
	struct bench *b = bench_or_skip(state, missing);

	write_text("plugin", "#!/bin/sh\necho x >>\"$(dirname \"$0\")\"/ran\nexec sleep 60\n");
	open_again(b);
	kube_request(b->kube, "GET", "/api/v1/namespaces/default", NULL, NULL, on_done, b);
	b->watch = kube_watch_start(b->kube, "/api/v1/namespaces", NULL, &told_ops, b);
	wait_for(b, times_run() == 1);
	b->kube = kube_close(b->kube);
	assert_int_equal(b->done_without_answer, 1);
	uv_run(&b->loop, UV_RUN_DEFAULT);
}

#define EXEC_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_command_with_a_slash_is_beside_the_kubeconfig),
		cmocka_unit_test(test_only_in_v1beta1_the_interactive_mode_may_be_left_out),
		cmocka_unit_test(test_its_own_variables_stand_before_ours),
		cmocka_unit_test(test_times_are_understood_with_their_zone),
		cmocka_unit_test(test_an_answer_is_complete_or_refused_with_a_reason),
		EXEC_TEST(test_a_plugin_gives_the_token_once_for_all),
		EXEC_TEST(test_a_token_that_has_expired_is_got_anew),
		EXEC_TEST(test_a_token_that_is_refused_is_got_anew),
		EXEC_TEST(test_it_is_told_about_the_cluster_if_it_asks),
		EXEC_TEST(test_what_fails_names_the_plugin_and_the_reason),
		EXEC_TEST(test_a_watch_waits_for_a_plugin_that_fails),
		EXEC_TEST(test_the_client_may_be_closed_while_a_plugin_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
