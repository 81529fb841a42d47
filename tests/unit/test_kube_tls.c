// SPDX-License-Identifier: Apache-2.0
/*
 * What a user reads when the API server cannot be reached, by real failures: who was asked for
 * what, and why it did not work. And that certificates may be replaced under way.
 */
#include "tests/unit/kube_bench.h"

#include "lib/kube/internal.h"
#include "tests/unit/fault_proxy.h"
#include "tests/unit/kube_programs.h"

#define PATH "/api/v1/namespaces/default"

static struct fault_proxy proxy;

static int setup(void **state)
{
	struct bench *b;

	if (getenv("BELLMAN_BIN") == NULL || front_program() == NULL)
		return 0; /* the test itself skips */
	work_dir_make();
	certificate_make(&(struct certificate){ .name = "ca" });
	certificate_make(&(struct certificate){ .name = "good", .issuer = "ca" });
	write_text("tokens", "s3cret\n");
	apiserver.port = front.port = 0;
	*state = b = bench_new();
	proxy_open(&proxy, &b->loop, 0);
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	if (b == NULL)
		return 0;
	program_end(&front.pid, SIGKILL);
	apiserver_kill();
	proxy_close(&proxy);
	bench_free(b);
	work_dir_drop();
	return 0;
}

/* What is missing where there is no bench. */
static const char missing[] = "no bellman-apiserver in BELLMAN_BIN, or no nghttpx";

/* @cluster, @user: more of each, in YAML's flow style, or "". */
static void open_by(struct bench *b, const char *server, const char *cluster, const char *user)
{
	write_text("config",
		   "{current-context: x, contexts: [{name: x, context: {cluster: x, user: x}}], "
		   "clusters: [{name: x, cluster: {server: '%s'%s}}], "
		   "users: [{name: x, user: {%s}}]}\n",
		   server, cluster, user);
	kube_close(b->kube);
	bench_open(b, NULL, in_dir("config"));
}

static int get(struct bench *b)
{
	unsigned before = b->done;

	assert_int_equal(kube_request(b->kube, "GET", PATH, NULL, NULL, on_done, b), 0);
	wait_for(b, b->done == before + 1);
	return b->status;
}

/* Is one of the words of @reasons, with bars between, in the error? A reason is libcurl's or its
 * TLS library's, and libcurl comes with several. */
static bool has_reason(const char *error, const char *reasons)
{
	char copy[256], *rest = copy, *reason;

	snprintf(copy, sizeof(copy), "%s", reasons);
	while ((reason = strsep(&rest, "|")) != NULL) {
		if (strstr(error, reason) != NULL)
			return true;
	}
	return false;
}

/* "GET SERVER/PATH: ... one of @reasons ..." */
static void assert_error(struct bench *b, const char *server, const char *reasons)
{
	char want[256];

	snprintf(want, sizeof(want), "GET %s" PATH ": ", server);
	if (strncmp(b->error, want, strlen(want)) != 0 || !has_reason(b->error, reasons))
		fail_aloud(b, "\"%s\" is not \"%s... %s\"", b->error, want, reasons);
}

static void assert_fails(struct bench *b, const char *server, const char *cluster,
			 const char *reason)
{
	open_by(b, server, cluster, "token: s3cret");
	if (proxy.mute)
		b->kube->timeout_s = 2;
	assert_int_equal(get(b), 0);
	assert_error(b, server, reason);
}

static const char *url_of(const char *scheme, unsigned port)
{
	static char url[64];

	snprintf(url, sizeof(url), "%s://127.0.0.1:%u", scheme, port);
	return url;
}

/* --- nobody there --------------------------------------------------------------------------- */

static void test_without_a_connection_the_error_says_why(void **state)
{
	struct bench *b = bench_or_skip(state, missing);
	char by_proxy[64];

	assert_fails(b, url_of("http", free_port()), "", "Connection refused");
	assert_fails(b, url_of("https", free_port()), "", "Connection refused");

	proxy.mute = true;
	assert_fails(b, url_of("http", proxy.port), "", "timed out|timeout");
	assert_fails(b, url_of("https", proxy.port), "", "timed out|timeout");
	proxy.mute = false;
	proxy.refuse = true;
	/* Which of them depends on what came first, the request or the end. */
	assert_fails(b, url_of("http", proxy.port), "",
		     "Empty reply from server|Connection reset by peer|Broken pipe");
	proxy.refuse = false;

	snprintf(by_proxy, sizeof(by_proxy), ", proxy-url: 'http://127.0.0.1:%u'", free_port());
	assert_fails(b, "https://203.0.113.1:6443", by_proxy, "Connection refused");
	/* A web server, which is no proxy for TLS. */
	apiserver_start(NULL);
	snprintf(by_proxy, sizeof(by_proxy), ", proxy-url: 'http://127.0.0.1:%u'", apiserver.port);
	assert_fails(b, "https://203.0.113.1:6443", by_proxy, "CONNECT");
	/* No TLS where TLS is expected, and the other way round. */
	assert_fails(b, url_of("https", apiserver.port), "", "TLS|SSL");
	assert_null(strstr(bench_log(b), "s3cret"));
}

/* --- somebody else there -------------------------------------------------------------------- */

static void test_a_certificate_that_is_not_believed_is_named_with_its_fault(void **state)
{
	static const struct {
		struct certificate cert;
		const char *cluster, *reasons; /* of GnuTLS and of OpenSSL */
	} cases[] = {
		{ { "good2", "ca", NULL, false },
		  "",
		  "issuer is unknown|unable to get local issuer" },
		{ { "expired", "ca", NULL, true }, ", certificate-authority: ca.pem", "expired" },
		{ { "other", "ca", "other.example", false },
		  ", certificate-authority: ca.pem",
		  "does not match target host name '127.0.0.1'|"
		  "subject name matches target host name '127.0.0.1'" },
		{ { "stranger", NULL, NULL, false },
		  ", certificate-authority: ca.pem",
		  "issuer is unknown|self-signed|self signed" },
		{ { "good3", "ca", NULL, false },
		  ", certificate-authority: ca.pem, tls-server-name: other.example",
		  "does not match target host name 'other.example'|"
		  "subject name matches target host name 'other.example'" },
	};
	struct bench *b = bench_or_skip(state, missing);

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		certificate_make(&cases[i].cert);
		apiserver_kill();
		apiserver_start(cases[i].cert.name);
		assert_fails(b, url_of("https", apiserver.port), cases[i].cluster,
			     cases[i].reasons);
	}
	assert_null(strstr(bench_log(b), "s3cret"));
}

static void test_the_name_that_is_expected_may_be_said(void **state)
{
	struct bench *b = bench_or_skip(state, missing);

	certificate_make(
		&(struct certificate){ .name = "other", .issuer = "ca", .dns = "other.example" });
	apiserver_start("other");
	open_by(b, url_of("https", apiserver.port),
		", certificate-authority: ca.pem, tls-server-name: other.example", "token: s3cret");
	assert_int_equal(get(b), 200);
	open_by(b, url_of("https", apiserver.port), ", insecure-skip-tls-verify: true",
		"token: s3cret");
	assert_int_equal(get(b), 200);
}

static void test_who_is_not_known_is_told_so(void **state)
{
	struct bench *b = bench_or_skip(state, missing);

	apiserver_start("good");
	open_by(b, url_of("https", apiserver.port), ", certificate-authority: ca.pem",
		"token: wr0ng");
	assert_int_equal(get(b), 401);
	assert_error(b, url_of("https", apiserver.port), "401 Unauthorized: ");
	assert_null(strstr(b->error, "wr0ng"));
}

/* --- rotation ------------------------------------------------------------------------------- */

static void front_start_for_clients(void)
{
	char ca[160];
	const char *const options[] = { "--verify-client", ca, NULL };

	snprintf(ca, sizeof(ca), "--verify-client-cacert=%s", in_dir("clients.pem"));
	front_start("good", options);
}

/* As if a minute had gone by. */
static void minute_passes(struct bench *b)
{
	b->kube->credentials.checked_ms = 0;
}

static void copy_pair(const char *from, const char *to)
{
	gnutls_datum_t pem;

	pem_read(from, "pem", &pem);
	pem_write(to, "pem", &pem);
	pem_read(from, "key", &pem);
	pem_write(to, "key", &pem);
}

/* nghttpx lets in who has a certificate of the right CA. */
static void test_a_client_certificate_that_is_replaced_is_used(void **state)
{
	struct bench *b = bench_or_skip(state, missing);

	apiserver_start(NULL);
	certificate_make(&(struct certificate){ .name = "clients" });
	certificate_make(&(struct certificate){ .name = "first", .issuer = "clients" });
	certificate_make(&(struct certificate){ .name = "stranger", .issuer = "ca" });
	copy_pair("stranger", "me");
	front_start_for_clients();
	open_by(b, url_of("https", front.port), ", certificate-authority: ca.pem",
		"client-certificate: me.pem, client-key: me.key");
	assert_int_equal(get(b), 0);

	copy_pair("first", "me");
	assert_int_equal(get(b), 200); /* a new connection reads it anyhow */
	assert_int_equal(get(b), 200);
	struct pool *before = b->kube->pools[CHANNEL_REQUEST];
	copy_pair("stranger", "me");
	minute_passes(b);
	assert_int_equal(get(b), 0); /* the connection that was there is not used any more */
	assert_ptr_not_equal(b->kube->pools[CHANNEL_REQUEST], before);
	assert_logged(b, "certificate has changed, taking new connections", 1);
	copy_pair("first", "me");
	minute_passes(b);
	assert_int_equal(get(b), 200);
}

static void test_a_plugin_may_give_a_certificate(void **state)
{
	struct bench *b = bench_or_skip(state, missing);

	apiserver_start(NULL);
	certificate_make(&(struct certificate){ .name = "clients" });
	certificate_make(&(struct certificate){ .name = "me", .issuer = "clients" });
	front_start_for_clients();
	write_text(
		"plugin",
		"#!/bin/sh\ncd \"$(dirname \"$0\")\"\n"
		"pem() { awk '{ printf \"%%s\\\\n\", $0 }' \"$1\"; }\n"
		"printf '{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s."
		"io/v1\",\"status\":{\"clientCertificateData\":\"'\npem me.pem\n"
		"printf '\",\"clientKeyData\":\"'\npem me.key\nprintf '\"}}'\n");
	open_by(b, url_of("https", front.port), ", certificate-authority: ca.pem",
		"exec: {apiVersion: client.authentication.k8s.io/v1, command: ./plugin, "
		"interactiveMode: Never}");
	assert_int_equal(get(b), 200);
	assert_logged(b, "certificate has changed", 0);
}

static void test_a_ca_that_is_replaced_is_believed(void **state)
{
	struct bench *b = bench_or_skip(state, missing);

	copy_pair("ca", "trusted");
	apiserver_start("good");
	open_by(b, url_of("https", apiserver.port), ", certificate-authority: trusted.pem",
		"token: s3cret");
	assert_int_equal(get(b), 200);

	/* The server gets a certificate of another CA, and so does the client. */
	certificate_make(&(struct certificate){ .name = "ca2" });
	certificate_make(&(struct certificate){ .name = "next", .issuer = "ca2" });
	apiserver_kill();
	apiserver_start("next");
	assert_int_equal(get(b), 0);
	copy_pair("ca2", "trusted");
	minute_passes(b);
	assert_int_equal(get(b), 200);
}

#define TLS_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TLS_TEST(test_without_a_connection_the_error_says_why),
		TLS_TEST(test_a_certificate_that_is_not_believed_is_named_with_its_fault),
		TLS_TEST(test_the_name_that_is_expected_may_be_said),
		TLS_TEST(test_who_is_not_known_is_told_so),
		TLS_TEST(test_a_client_certificate_that_is_replaced_is_used),
		TLS_TEST(test_a_plugin_may_give_a_certificate),
		TLS_TEST(test_a_ca_that_is_replaced_is_believed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
