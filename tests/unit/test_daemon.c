// SPDX-License-Identifier: Apache-2.0
/* lib/daemon: command lines, and /metrics, /healthz, /readyz over a real socket. */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/duration.h"
#include "lib/base/log.h"
#include "lib/daemon/health.h"
#include "lib/daemon/loop.h"
#include "lib/daemon/options.h"

static bool flag;
static const char *text;
static uint64_t duration, number;

static const char *config, *lb_class;

static const struct option_spec specs[] = {
	{ "config", OPT_TEXT, &config, NULL, "FILE", "a file" },
	{ "lb-class", OPT_TEXT, &lb_class, "BELLMAN_TEST_CLASS", "CLASS", "a class" },
	{ "ignore-exclude-lb", OPT_FLAG, &flag, NULL, NULL, "a flag" },
	{ "shutdown-delay", OPT_DURATION, &duration, NULL, "T", "a duration" },
	{ "ml-bindport", OPT_NUMBER, &number, NULL, "N", "a number" },
	{ "flag", OPT_FLAG, &flag, NULL, NULL, "a flag" },
	{ "metrics", OPT_LISTEN, &text, NULL, "ADDR", "an address" },
	{ "text", OPT_TEXT, &text, "BELLMAN_TEST_TEXT", "TEXT", "a text" },
	{ "wait", OPT_DURATION, &duration, NULL, "T", "a duration" },
	{ "old", OPT_IGNORED, NULL, NULL, NULL, NULL },
	{ 0 },
};

/* Parse in a child, so that exit() can be seen; the child reports what it read by its exit code. */
static int parse(int argc, const char *const *args, int (*judge)(void))
{
	char *argv[8] = { (char *)"test" };
	int status;

	for (int i = 0; i < argc; i++)
		argv[i + 1] = (char *)(uintptr_t)args[i];
	pid_t pid = fork();
	if (pid == 0) {
		close(STDOUT_FILENO);
		close(STDERR_FILENO);
		options_parse("test", "A test", specs, argc + 1, argv);
		_exit(judge == NULL ? 0 : judge());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#define PARSE(judge, ...)                                                                          \
	parse((int)(sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *)),                     \
	      (const char *const[]){ __VA_ARGS__ }, judge)

static int judge_all(void)
{
	return flag && text != NULL && strcmp(text, "a=b") == 0 && duration == 90 * NS_PER_S ? 42
											     : 1;
}

static void test_go_syntax_is_taken(void **state)
{
	(void)state;
	assert_int_equal(PARSE(judge_all, "--flag", "--text", "a=b", "--wait=90s"), 42);
	assert_int_equal(PARSE(judge_all, "-flag=true", "-text=a=b", "-wait", "1m30s"), 42);
	assert_int_equal(PARSE(judge_all, "--old", "x", "--flag", "--text=a=b", "--wait=90s"), 42);
	assert_int_equal(PARSE(judge_all, "--flag=false", "--text=a=b", "--wait=90s"), 1);
}

static void test_wrong_usage_exits_2(void **state)
{
	(void)state;
	assert_int_equal(PARSE(NULL, "--flags"), 2);
	assert_int_equal(PARSE(NULL, "stray"), 2);
	assert_int_equal(PARSE(NULL, "--text"), 2);
	assert_int_equal(PARSE(NULL, "--wait", "soon"), 2);
	assert_int_equal(PARSE(NULL, "--flag=perhaps"), 2);
	assert_int_equal(PARSE(NULL, "--metrics", "foo"), 2);
	assert_int_equal(PARSE(NULL, "--metrics=127.0.0.1:99999"), 2);
	assert_int_equal(PARSE(NULL, "--metrics=:0"), 0);
	assert_int_equal(PARSE(NULL, "--log-level", "loud"), 2);
	assert_int_equal(PARSE(NULL, "--log-format", "xml"), 2);
}

static void test_help_and_version_exit_0(void **state)
{
	(void)state;
	assert_int_equal(PARSE(NULL, "--help"), 0);
	assert_int_equal(PARSE(NULL, "--version"), 0);
}

static int judge_environment(void)
{
	return text != NULL && strcmp(text, "from-env") == 0 ? 42 : 1;
}

static int judge_flag_over_environment(void)
{
	return text != NULL && strcmp(text, "from-flag") == 0 ? 42 : 1;
}

static void test_a_flag_wins_over_the_environment(void **state)
{
	(void)state;
	setenv("BELLMAN_TEST_TEXT", "from-env", 1);
	assert_int_equal(PARSE(judge_environment, "--flag"), 42);
	assert_int_equal(PARSE(judge_flag_over_environment, "--text", "from-flag"), 42);
	unsetenv("BELLMAN_TEST_TEXT");
}

static int judge_settings(void)
{
	return strcmp(lb_class, "of/file") == 0 && flag && duration == 3 * NS_PER_S &&
			       number == 7946
		       ? 42
		       : 1;
}

static int judge_class_over_settings(void)
{
	return strcmp(lb_class, "mine") == 0 && flag ? 42 : 1;
}

/* contracts, Programs: each flag has a settings key, and a flag wins over the file. */
static void test_settings_of_the_file_apply_where_no_flag_does(void **state)
{
	char path[64] = "/tmp/bellman-settings-XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	dprintf(fd, "settings = { loadBalancerClass = \"of/file\"; ignoreExcludeLB = true;\n"
		    "  shutdownDelay = \"3s\"; ml = { bindport = 7946; }; };\n");
	close(fd);
	assert_int_equal(PARSE(judge_settings, "--config", path), 42);
	assert_int_equal(PARSE(judge_class_over_settings, "--lb-class=mine", "--config", path), 42);
	setenv("BELLMAN_TEST_CLASS", "mine", 1);
	assert_int_equal(PARSE(judge_class_over_settings, "--config", path), 42);
	unsetenv("BELLMAN_TEST_CLASS");
	assert_int_equal(PARSE(NULL, "--config", "/nonexistent"), 0);
	unlink(path);
}

static void test_a_bad_address_in_the_file_is_wrong_usage(void **state)
{
	char path[64] = "/tmp/bellman-settings-XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	dprintf(fd, "settings = { metrics = \"x\"; };\n");
	close(fd);
	assert_int_equal(PARSE(NULL, "--config", path), 2);
	assert_int_equal(PARSE(NULL, "--config", path, "--metrics", "[::1]:7473"), 0);
	unlink(path);
}

static void on_child_stop(void *arg)
{
	uv_close(arg, NULL);
}

static void on_child_late(uv_timer_t *t)
{
	(void)t;
	abort();
}

/* Child: start as a daemon does, log, end by SIGTERM. 0 when all went well. */
static int run_daemon(void)
{
	struct daemon d;
	uv_timer_t keeps_running;
	struct stat null, fd;

	log_setup("test", LOG_LEVEL_INFO, LOG_TEXT);
	if (daemon_init(&d, on_child_stop, NULL, &keeps_running) != 0 ||
	    stat("/dev/null", &null) != 0)
		return 1;
	uv_timer_init(d.loop, &keeps_running);
	uv_timer_start(&keeps_running, on_child_late, 10000, 0);
	for (int i = 0; i < 3; i++)
		if (fstat(i, &fd) != 0 || (!S_ISFIFO(fd.st_mode) && fd.st_rdev != null.st_rdev))
			return 2;
	for (int i = 0; i < 100; i++)
		log_info("test", "a line", "");
	kill(getpid(), SIGTERM);
	daemon_run(&d);
	daemon_done(&d);
	return 0;
}

/* With no stderr, its number went to a pipe of libuv, which took log lines for signals. */
static void test_a_daemon_runs_without_standard_descriptors(void **state)
{
	int status;
	(void)state;

	pid_t pid = fork();
	if (pid == 0) {
		close(STDIN_FILENO);
		close(STDOUT_FILENO);
		close(STDERR_FILENO);
		_exit(run_daemon());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_a_daemon_outlives_the_reader_of_its_log(void **state)
{
	int status, fds[2];
	(void)state;

	pid_t pid = fork();
	if (pid == 0) {
		if (pipe(fds) != 0)
			_exit(3);
		dup2(fds[1], STDIN_FILENO);
		dup2(fds[1], STDOUT_FILENO);
		dup2(fds[1], STDERR_FILENO);
		close(fds[0]);
		_exit(run_daemon());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_listen_addresses(void **state)
{
	static const char *const bad[] = {
		"",           "127.0.0.1: 80", "127.0.0.1:000080", "[]:80", "127.0.0.1",
		"127.0.0.1:", "127.0.0.1:x",   "::1:80",           "[::1]", "127.0.0.1:65536",
		"host:80",    "[::1:80",       "1.2.3.4:-1"
	};
	struct sockaddr_storage a;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(httpd_address(bad[i], &a), -EINVAL);
	assert_int_equal(httpd_address("127.0.0.1:7472", &a), 0);
	assert_int_equal(a.ss_family, AF_INET);
	assert_int_equal(ntohs(((struct sockaddr_in *)&a)->sin_port), 7472);
	assert_int_equal(httpd_address("[::1]:0", &a), 0);
	assert_int_equal(a.ss_family, AF_INET6);
	assert_int_equal(httpd_address(":7472", &a), 0);
	assert_int_equal(a.ss_family, AF_INET6);
}

static bool ready_answer;

static const char *why_not(void *arg)
{
	(void)arg;
	return "the moon is in the way";
}

static bool is_ready(void *arg)
{
	(void)arg;
	return ready_answer;
}

/* One GET over a plain socket while the loop runs; returns the status line's code and the body. */
static int get(uv_loop_t *loop, unsigned port, const char *path, char *answer, size_t size)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	size_t got = 0;

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	assert_true(dprintf(fd, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path) >
		    0);
	for (;;) {
		uv_run(loop, UV_RUN_NOWAIT);
		ssize_t n = recv(fd, answer + got, size - 1 - got, MSG_DONTWAIT);
		if (n == 0)
			break;
		if (n > 0)
			got += (size_t)n;
		else
			assert_int_equal(errno, EAGAIN);
	}
	answer[got] = '\0';
	close(fd);
	return atoi(answer + strlen("HTTP/1.1 "));
}

static void test_health_endpoints(void **state)
{
	struct metrics *m = metrics_new();
	struct httpd *h = NULL;
	uv_loop_t loop;
	char answer[4096];

	(void)state;
	*metric_value0(metrics_family(m, "bellman_test", "A test.", METRIC_GAUGE, NULL)) = 7;
	uv_loop_init(&loop);
	assert_int_equal(health_open(&loop,
				     &(struct health_cfg){ .listen = "127.0.0.1:0",
							   .metrics = m,
							   .ready = is_ready,
							   .why_not = why_not },
				     &h),
			 0);
	assert_int_equal(get(&loop, httpd_port(h), "/healthz", answer, sizeof(answer)), 200);
	assert_int_equal(get(&loop, httpd_port(h), "/readyz", answer, sizeof(answer)), 503);
	assert_non_null(strstr(answer, "not ready: the moon is in the way\n"));
	ready_answer = true;
	assert_int_equal(get(&loop, httpd_port(h), "/readyz", answer, sizeof(answer)), 200);
	assert_int_equal(get(&loop, httpd_port(h), "/metrics", answer, sizeof(answer)), 200);
	assert_non_null(strstr(answer, "# TYPE bellman_test gauge\nbellman_test 7\n"));
	assert_int_equal(get(&loop, httpd_port(h), "/", answer, sizeof(answer)), 404);
	httpd_close(h);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	metrics_free(m);
}

static enum MHD_Result on_any_request(void *arg, struct MHD_Connection *c, const char *url,
				      const char *method, const char *version, const char *upload,
				      size_t *upload_size, void **state)
{
	(void)arg;
	(void)url;
	(void)method;
	(void)version;
	(void)upload;
	(void)upload_size;
	(void)state;
	return httpd_reply(c, MHD_HTTP_OK, "text/plain", "ok", 2);
}

static void test_a_connection_that_was_accepted_elsewhere_is_served(void **state)
{
	struct sockaddr_in to;
	socklen_t len = sizeof(to);
	struct httpd *h = NULL;
	uv_loop_t loop;
	char byte;
	int listener;

	(void)state;
	uv_loop_init(&loop);
	assert_int_equal(httpd_listen("127.0.0.1:0", &listener), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&to, &len), 0);
	assert_int_equal(httpd_open(&loop, &(struct httpd_cfg){ .handler = on_any_request }, &h),
			 0);
	int client = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(client, (struct sockaddr *)&to, sizeof(to)), 0);
	int served = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	httpd_adopt(h, served, (struct sockaddr *)&to, sizeof(to));
	assert_true(dprintf(client, "GET / HTTP/1.1\r\nHost: x\r\n\r\n") > 0);
	while (recv(client, &byte, 1, MSG_DONTWAIT) != 1)
		uv_run(&loop, UV_RUN_NOWAIT);
	close(client);
	close(listener);
	httpd_close(h);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_go_syntax_is_taken),
		cmocka_unit_test(test_wrong_usage_exits_2),
		cmocka_unit_test(test_help_and_version_exit_0),
		cmocka_unit_test(test_a_flag_wins_over_the_environment),
		cmocka_unit_test(test_settings_of_the_file_apply_where_no_flag_does),
		cmocka_unit_test(test_a_bad_address_in_the_file_is_wrong_usage),
		cmocka_unit_test(test_a_daemon_runs_without_standard_descriptors),
		cmocka_unit_test(test_a_daemon_outlives_the_reader_of_its_log),
		cmocka_unit_test(test_listen_addresses),
		cmocka_unit_test(test_health_endpoints),
		cmocka_unit_test(test_a_connection_that_was_accepted_elsewhere_is_served),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
