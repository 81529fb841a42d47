// SPDX-License-Identifier: Apache-2.0
/* lib/kube/credentials.h: what a kubeconfig and a pod's files say, and what is wrong with them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/kube/kubeconfig.h"

static char dir[] = "/tmp/bellman-cred-XXXXXX";

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) == NULL ? -1 : 0;
}

static const char *in_dir(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void write_file(const char *name, const char *text)
{
	FILE *to = fopen(in_dir(name), "w");

	assert_non_null(to);
	fputs(text, to);
	fclose(to);
}

static int drop_dir(void **state)
{
	static const char *const names[] = { "config", "token",  "ca.crt", "namespace",
					     "c.pem",  "second", "third",  "new" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		unlink(in_dir(names[i]));
	return rmdir(dir);
}

/* Parts of a kubeconfig; a case replaces one of them. */
#define HEAD     "apiVersion: v1\nkind: Config\ncurrent-context: main\n"
#define CONTEXTS "contexts:\n- name: main\n  context: {cluster: k, user: u}\n"
#define CLUSTERS "clusters:\n- name: k\n  cluster:\n    server: https://10.0.0.1:6443/\n"
#define USERS    "users:\n- name: u\n  user:\n"

#define EXEC_V1 "    exec: {apiVersion: client.authentication.k8s.io/v1, "

static int load(const char *text, const char *server, struct credentials *c, char *err, size_t size)
{
	write_file("config", text);
	return credentials_from_kubeconfig(in_dir("config"), server, c, err, size);
}

static void test_a_token_is_read_from_the_current_context(void **state)
{
	struct credentials c;
	char err[256];

	(void)state;
	assert_int_equal(load(HEAD "contexts:\n- name: other\n  context: {cluster: z, user: z}\n"
				   "- name: main\n  context: {cluster: k, user: u}\n" CLUSTERS
				   "users:\n- name: z\n  user: {token: wrong}\n- name: u\n  user: "
				   "{token: t0ken}\n",
			      NULL, &c, err, sizeof(err)),
			 0);
	assert_string_equal(c.server, "https://10.0.0.1:6443"); /* no slash at the end */
	assert_string_equal(c.token, "t0ken");
	assert_null(c.ca_file);
	assert_null(c.cert_file);
	assert_false(c.insecure);
	credentials_done(&c);
}

static void test_a_server_given_stands_in_for_the_clusters(void **state)
{
	struct credentials c;
	char err[256];

	(void)state;
	assert_int_equal(load(HEAD CONTEXTS CLUSTERS USERS "    token: t\n", "http://127.0.0.1:1",
			      &c, err, sizeof(err)),
			 0);
	assert_string_equal(c.server, "http://127.0.0.1:1");
	assert_string_equal(c.token, "t");
	credentials_done(&c);
}

static void read_all(const char *path, char *to, size_t size)
{
	FILE *from = fopen(path, "r");

	assert_non_null(from);
	to[fread(to, 1, size - 1, from)] = '\0';
	fclose(from);
}

static void test_inline_certificates_become_files_that_can_be_read_again(void **state)
{
	struct credentials c;
	char err[256], text[64];

	(void)state;
	/* base64 of "CA\n", "CERT\n", "KEY\n" */
	assert_int_equal(
		load(HEAD CONTEXTS CLUSTERS
		     "    certificate-authority-data: Q0EK\n" USERS
		     "    client-certificate-data: Q0VSVAo=\n    client-key-data: S0VZCg==\n",
		     NULL, &c, err, sizeof(err)),
		0);
	for (int twice = 0; twice < 2; twice++) {
		read_all(c.ca_file, text, sizeof(text));
		assert_string_equal(text, "CA\n");
		read_all(c.cert_file, text, sizeof(text));
		assert_string_equal(text, "CERT\n");
		read_all(c.key_file, text, sizeof(text));
		assert_string_equal(text, "KEY\n");
	}
	credentials_done(&c);
}

static void test_file_names_are_relative_to_the_kubeconfig(void **state)
{
	struct credentials c;
	char err[256], want[256];

	(void)state;
	write_file("c.pem", "x");
	assert_int_equal(load(HEAD CONTEXTS CLUSTERS "    certificate-authority: c.pem\n"
						     "    insecure-skip-tls-verify: false\n" USERS
						     "    client-certificate: c.pem\n"
						     "    client-key: ./c.pem\n",
			      NULL, &c, err, sizeof(err)),
			 0);
	snprintf(want, sizeof(want), "%s/c.pem", dir);
	assert_string_equal(c.ca_file, want);
	assert_string_equal(c.cert_file, want);
	assert_false(c.insecure);
	credentials_done(&c);
}

static void test_a_token_file_is_read_again_each_minute_and_when_refused(void **state)
{
	struct credentials c;
	char err[256];

	(void)state;
	write_file("token", "one\n");
	assert_int_equal(load(HEAD CONTEXTS CLUSTERS USERS "    tokenFile: token\n", NULL, &c, err,
			      sizeof(err)),
			 0);
	assert_string_equal(c.token, "one");
	assert_false(credentials_refresh(&c, false, 100000)); /* read, the same */
	write_file("token", "two\n");
	assert_false(credentials_refresh(&c, false, 159999)); /* too early */
	assert_string_equal(c.token, "one");
	assert_true(credentials_refresh(&c, false, 160000));
	assert_string_equal(c.token, "two");
	write_file("token", " \n\tthree ");
	assert_true(credentials_refresh(&c, true, 160001));
	assert_string_equal(c.token, "three");
	write_file("token", ""); /* as it is while somebody writes it */
	assert_false(credentials_refresh(&c, true, 160002));
	unlink(in_dir("token"));
	assert_false(credentials_refresh(&c, true, 160003));
	assert_string_equal(c.token, "three");
	credentials_done(&c);
}

static void test_a_wrong_kubeconfig_is_refused_with_file_and_reason(void **state)
{
	static const struct {
		const char *text, *reason;
		int rc;
	} cases[] = {
		{ "", "", -EINVAL },
		{ "just text", "not a kubeconfig", -EINVAL },
		{ "a: [", "line ", -EINVAL },
		{ "kind: Service\n", "not a kubeconfig", -EINVAL },
		{ CONTEXTS CLUSTERS USERS "    token: t\n", "no current-context", -EINVAL },
		{ HEAD CLUSTERS, "\"main\": no such context", -EINVAL },
		{ HEAD "contexts:\n- name: main\n  context: {user: u}\n" CLUSTERS, "no cluster",
		  -EINVAL },
		{ HEAD CONTEXTS "clusters: []\n", "no cluster \"k\"", -EINVAL },
		{ HEAD CONTEXTS "clusters:\n- name: k\n  cluster: {}\n", "no server", -EINVAL },
		{ HEAD CONTEXTS "clusters:\n- name: k\n  cluster: {server: 10.0.0.1:6443}\n",
		  "must begin with https://", -EINVAL },
		{ HEAD CONTEXTS "clusters:\n- name: k\n  cluster: {server: 'https://'}\n",
		  "not an address", -EINVAL },
		{ HEAD CONTEXTS "clusters:\n- name: k\n  cluster: {server: 'https://me:pw@h/'}\n",
		  "user name in the address", -EINVAL },
		{ HEAD CONTEXTS CLUSTERS "    tls-server-name: x/y\n",
		  "tls-server-name \"x/y\": not a host name", -EINVAL },
		{ HEAD CONTEXTS CLUSTERS "    certificate-authority-data: Q0E=\n"
					 "    insecure-skip-tls-verify: true\n",
		  "insecure-skip-tls-verify: true says to ignore", -EINVAL },
		{ HEAD CONTEXTS CLUSTERS "    proxy-url: 'ftp://me:pw@h:1'\n",
		  "proxy-url: must begin with http://, https:// or socks5://", -EINVAL },
		{ HEAD CONTEXTS CLUSTERS "    proxy-url: 'me:pw@h:1'\n",
		  "proxy-url: must begin with", -EINVAL },
		{ HEAD CONTEXTS CLUSTERS "    proxy-url: 'http://me:pw@h:99999'\n",
		  "proxy-url: not SCHEME://", -EINVAL },
		{ HEAD CONTEXTS CLUSTERS "    proxy-url: 'http://me:pw@h:'\n",
		  "proxy-url: not SCHEME://", -EINVAL },
		{ HEAD CONTEXTS CLUSTERS "    proxy-url: 'http://me:pw@h:80x'\n",
		  "proxy-url: not SCHEME://", -EINVAL },
		{ HEAD CONTEXTS CLUSTERS "    proxy-url: 'http://me:pw@:80'\n",
		  "proxy-url: not SCHEME://", -EINVAL },
		{ HEAD CONTEXTS CLUSTERS "    proxy-url: 'http://me:/pw@h:80'\n",
		  "proxy-url: not SCHEME://", -EINVAL },
		{ HEAD CONTEXTS CLUSTERS "    proxy-url: 'http://me:pw@h h'\n",
		  "proxy-url: not SCHEME://", -EINVAL },
		{ HEAD CONTEXTS CLUSTERS, "no user \"u\"", -EINVAL },
		{ HEAD CONTEXTS CLUSTERS "    certificate-authority-data: '%%%'\n",
		  "certificate-authority-data: not base64", -EINVAL },
		{ HEAD CONTEXTS CLUSTERS "    certificate-authority: nowhere.pem\n",
		  "nowhere.pem: No such file", -ENOENT },
		{ HEAD CONTEXTS CLUSTERS USERS "    exec: {command: aws}\n",
		  "exec: apiVersion must be client.authentication.k8s.io/v1 or", -EINVAL },
		{ HEAD CONTEXTS CLUSTERS USERS
		  "    exec: {apiVersion: client.authentication.k8s.io/v1alpha1, command: aws}\n",
		  "exec: apiVersion must be", -EINVAL },
		{ HEAD CONTEXTS CLUSTERS USERS EXEC_V1 "interactiveMode: Never}\n",
		  "exec: no command", -EINVAL },
		{ HEAD CONTEXTS CLUSTERS USERS EXEC_V1 "command: aws}\n", "exec: interactiveMode",
		  -EINVAL },
		{ HEAD CONTEXTS CLUSTERS USERS EXEC_V1
		  "command: aws, interactiveMode: Sometimes}\n",
		  "exec: interactiveMode must be Never, IfAvailable or Always", -EINVAL },
		{ HEAD CONTEXTS CLUSTERS USERS EXEC_V1
		  "command: aws, interactiveMode: Never, args: [1]}\n",
		  "exec: args[0] is no text", -EINVAL },
		{ HEAD CONTEXTS CLUSTERS USERS EXEC_V1
		  "command: aws, interactiveMode: Never, env: [{value: x}]}\n",
		  "exec: env[0] has no name", -EINVAL },
		{ HEAD CONTEXTS CLUSTERS USERS "    auth-provider: {name: gcp}\n",
		  "auth-provider is not supported", -EINVAL },
		{ HEAD CONTEXTS CLUSTERS USERS "    as: root\n", "as is not supported", -EINVAL },
		{ HEAD CONTEXTS CLUSTERS USERS "    username: admin\n", "username is not supported",
		  -EINVAL },
		{ HEAD CONTEXTS CLUSTERS USERS "    client-certificate-data: Q0VSVAo=\n",
		  "go together", -EINVAL },
		{ HEAD CONTEXTS CLUSTERS USERS "    token: |\n      pw@\n",
		  "token: more than one line", -EINVAL },
		{ HEAD CONTEXTS CLUSTERS USERS "    tokenFile: nowhere\n", "nowhere: No such file",
		  -ENOENT },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct credentials c;
		char err[512] = "";

		int rc = load(cases[i].text, NULL, &c, err, sizeof(err));
		if (rc != cases[i].rc || strncmp(err, in_dir("config"), strlen(dir)) != 0 ||
		    strstr(err, cases[i].reason) == NULL)
			fail_msg("case %zu: %d \"%s\", not \"%s\"", i, rc, err, cases[i].reason);
		assert_null(strstr(err, "pw@")); /* no secret in a message */
	}
}

static void test_the_address_of_a_proxy_is_taken_as_it_stands(void **state)
{
	static const char *const cases[] = {
		"http://proxy",
		"HTTPS://proxy:443",
		"socks5://me:pw@proxy:1080/",
		"http://[2001:db8::1]",
		"http://me:p@[2001:db8::1]:65535",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct credentials c;
		char text[512], err[256];

		snprintf(text, sizeof(text), "%s    proxy-url: '%s'\n%s    token: t\n",
			 HEAD CONTEXTS CLUSTERS, cases[i], USERS);
		if (load(text, NULL, &c, err, sizeof(err)) != 0)
			fail_msg("%s: %s", cases[i], err);
		assert_string_equal(c.proxy_url, cases[i]);
		credentials_done(&c);
	}
}

static void test_the_name_of_the_certificate_may_differ_from_the_address(void **state)
{
	static const struct {
		const char *server, *url, *connect_to, *host;
	} cases[] = {
		{ "https://10.0.0.1:6443", "https://kube.example:6443",
		  "kube.example:6443:10.0.0.1:6443", "Host: 10.0.0.1:6443" },
		{ "https://host/prefix/", "https://kube.example:443/prefix",
		  "kube.example:443:host:443", "Host: host" },
		{ "https://[fd00::1]:8443", "https://kube.example:8443",
		  "kube.example:8443:[fd00::1]:8443", "Host: [fd00::1]:8443" },
		{ "https://[fd00::1]", "https://kube.example:443", "kube.example:443:[fd00::1]:443",
		  "Host: [fd00::1]" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct credentials c;
		char err[256];

		assert_int_equal(load(HEAD CONTEXTS CLUSTERS
				      "    tls-server-name: kube.example\n" USERS "    token: t\n",
				      cases[i].server, &c, err, sizeof(err)),
				 0);
		assert_string_equal(c.tls_server, cases[i].url);
		assert_string_equal(c.connect_to, cases[i].connect_to);
		assert_string_equal(c.host_header, cases[i].host);
		credentials_done(&c);
	}
}

/* As KUBECONFIG may: who first names something is believed, who is not there is passed over, and
 * file names are relative to the file that has them. */
static void test_several_files_are_read_as_one(void **state)
{
	struct credentials c;
	char err[512], path[512], want[256];

	(void)state;
	write_file("config", HEAD "contexts:\n- name: main\n  context: {cluster: k, user: u, "
				  "namespace: web}\nclusters: []\n");
	write_file("second", "current-context: other\n" CLUSTERS
			     "    certificate-authority: c.pem\n" USERS "    token: second\n");
	write_file("third", CLUSTERS USERS "    token: third\n");
	write_file("c.pem", "x");
	snprintf(path, sizeof(path), "%s/config:%s/nowhere::%s/second:%s/third", dir, dir, dir,
		 dir);
	assert_int_equal(credentials_from_kubeconfig(path, NULL, &c, err, sizeof(err)), 0);
	assert_string_equal(c.server, "https://10.0.0.1:6443");
	assert_string_equal(c.token, "second");
	assert_null(c.ns); /* that of the context is its user's, not ours */
	snprintf(want, sizeof(want), "%s/c.pem", dir);
	assert_string_equal(c.ca_file, want);
	credentials_done(&c);

	/* A fault names the file that has it. */
	write_file("third", "a: [");
	assert_int_equal(credentials_from_kubeconfig(path, NULL, &c, err, sizeof(err)), -EINVAL);
	snprintf(want, sizeof(want), "%s/third: ", dir);
	assert_int_equal(strncmp(err, want, strlen(want)), 0);
	snprintf(path, sizeof(path), "%s/nowhere:%s/neither", dir, dir);
	assert_int_equal(credentials_from_kubeconfig(path, NULL, &c, err, sizeof(err)), -EINVAL);
	assert_non_null(strstr(err, "not a kubeconfig"));
}

static void test_a_token_beside_a_file_is_used_until_the_file_can_be_read(void **state)
{
	struct credentials c;
	char err[256];

	(void)state;
	write_file("token", "\n");
	assert_int_equal(load(HEAD CONTEXTS CLUSTERS USERS
			      "    token: inline\n    tokenFile: token\n",
			      NULL, &c, err, sizeof(err)),
			 0);
	assert_string_equal(c.token, "inline");
	write_file("token", "file\n");
	assert_true(credentials_refresh(&c, true, 1));
	assert_string_equal(c.token, "file");
	credentials_done(&c);
	unlink(in_dir("token"));
}

static void replace_file(const char *name, const char *text)
{
	char new[256];

	write_file("new", text);
	snprintf(new, sizeof(new), "%s", in_dir("new"));
	assert_int_equal(rename(new, in_dir(name)), 0);
}

static void test_certificates_that_are_replaced_are_noticed(void **state)
{
	struct credentials c;
	char err[256];

	(void)state;
	write_file("c.pem", "one");
	assert_int_equal(load(HEAD CONTEXTS CLUSTERS USERS
			      "    client-certificate: c.pem\n    client-key: c.pem\n",
			      NULL, &c, err, sizeof(err)),
			 0);
	assert_false(credentials_refresh(&c, false, 100000));
	assert_int_equal(c.tls_version, 0);
	replace_file("c.pem", "second");
	assert_false(credentials_refresh(&c, false, 159999)); /* too early */
	assert_true(credentials_refresh(&c, false, 160000));
	assert_int_equal(c.tls_version, 1);
	assert_false(credentials_refresh(&c, true, 160001)); /* not once more */
	unlink(in_dir("c.pem"));
	assert_false(credentials_refresh(&c, true, 160002)); /* not there, for a moment */
	replace_file("c.pem", "three");
	assert_true(credentials_refresh(&c, true, 160003));
	credentials_done(&c);
}

static void test_who_has_a_token_needs_no_plugin(void **state)
{
	struct credentials c;
	char err[256];

	(void)state;
	assert_int_equal(load(HEAD CONTEXTS CLUSTERS USERS "    token: t\n" EXEC_V1
							   "command: x, interactiveMode: Never}\n",
			      NULL, &c, err, sizeof(err)),
			 0);
	assert_null(c.plugin);
	credentials_done(&c);
}

static void test_a_kubeconfig_that_is_not_there_says_so(void **state)
{
	struct credentials c;
	char err[256];

	(void)state;
	assert_int_equal(credentials_from_kubeconfig("/nonexistent/config", NULL, &c, err,
						     sizeof(err)),
			 -ENOENT);
	assert_string_equal(err, "/nonexistent/config: No such file or directory");
}

static void test_a_fifo_in_place_of_a_file_is_refused(void **state)
{
	struct credentials c;
	char err[256];

	(void)state;
	assert_int_equal(mkfifo(in_dir("token"), 0600), 0);
	assert_int_equal(load(HEAD CONTEXTS CLUSTERS USERS "    tokenFile: token\n", NULL, &c, err,
			      sizeof(err)),
			 -EMEDIUMTYPE);
	assert_non_null(strstr(err, "/token: not a regular file"));
	assert_int_equal(credentials_from_kubeconfig(in_dir("token"), NULL, &c, err, sizeof(err)),
			 -EMEDIUMTYPE);
	unlink(in_dir("token"));
}

/* KUBECONFIG=/dev/null is how one says that there is none. */
static void test_an_empty_kubeconfig_is_none_where_a_server_is_given(void **state)
{
	struct credentials c;
	char err[256];

	(void)state;
	assert_int_equal(credentials_from_kubeconfig("/dev/null", "http://127.0.0.1:6480", &c, err,
						     sizeof(err)),
			 0);
	assert_string_equal(c.server, "http://127.0.0.1:6480");
	assert_null(c.token);
	credentials_done(&c);
	assert_int_equal(load("\n", "http://127.0.0.1:6480", &c, err, sizeof(err)), 0);
	credentials_done(&c);
	assert_int_equal(credentials_from_kubeconfig("/dev/null", NULL, &c, err, sizeof(err)),
			 -EINVAL);
}

static void test_in_a_cluster_the_pods_files_are_used(void **state)
{
	struct credentials c;
	char err[256], want[256];

	(void)state;
	unlink(in_dir("token"));
	unlink(in_dir("ca.crt"));
	assert_int_equal(credentials_in_cluster(dir, NULL, NULL, &c, err, sizeof(err)), -ENOENT);
	assert_non_null(strstr(err, "not in a cluster"));
	assert_int_equal(credentials_in_cluster(dir, "10.96.0.1", "443", &c, err, sizeof(err)),
			 -ENOENT);
	assert_non_null(strstr(err, "/token: No such file"));
	write_file("token", "tok\n");
	assert_int_equal(credentials_in_cluster(dir, "10.96.0.1", "443", &c, err, sizeof(err)),
			 -ENOENT);
	assert_non_null(strstr(err, "/ca.crt: No such file"));
	write_file("ca.crt", "x");
	assert_int_equal(credentials_in_cluster(dir, "10.96.0.1", "443", &c, err, sizeof(err)), 0);
	assert_string_equal(c.server, "https://10.96.0.1:443");
	assert_string_equal(c.token, "tok");
	assert_null(c.ns);
	snprintf(want, sizeof(want), "%s/ca.crt", dir);
	assert_string_equal(c.ca_file, want);
	credentials_done(&c);

	write_file("namespace", "metallb-system");
	assert_int_equal(credentials_in_cluster(dir, "fd00:10:96::1", "443", &c, err, sizeof(err)),
			 0);
	assert_string_equal(c.server, "https://[fd00:10:96::1]:443");
	assert_string_equal(c.ns, "metallb-system");
	credentials_done(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_token_is_read_from_the_current_context),
		cmocka_unit_test(test_a_server_given_stands_in_for_the_clusters),
		cmocka_unit_test(test_inline_certificates_become_files_that_can_be_read_again),
		cmocka_unit_test(test_file_names_are_relative_to_the_kubeconfig),
		cmocka_unit_test(test_a_token_file_is_read_again_each_minute_and_when_refused),
		cmocka_unit_test(test_a_wrong_kubeconfig_is_refused_with_file_and_reason),
		cmocka_unit_test(test_the_address_of_a_proxy_is_taken_as_it_stands),
		cmocka_unit_test(test_the_name_of_the_certificate_may_differ_from_the_address),
		cmocka_unit_test(test_several_files_are_read_as_one),
		cmocka_unit_test(test_a_token_beside_a_file_is_used_until_the_file_can_be_read),
		cmocka_unit_test(test_certificates_that_are_replaced_are_noticed),
		cmocka_unit_test(test_who_has_a_token_needs_no_plugin),
		cmocka_unit_test(test_a_kubeconfig_that_is_not_there_says_so),
		cmocka_unit_test(test_a_fifo_in_place_of_a_file_is_refused),
		cmocka_unit_test(test_an_empty_kubeconfig_is_none_where_a_server_is_given),
		cmocka_unit_test(test_in_a_cluster_the_pods_files_are_used),
	};

	return cmocka_run_group_tests(tests, make_dir, drop_dir);
}
