// SPDX-License-Identifier: Apache-2.0
/*
 * lib/kube and host names: a name server that does not answer holds up nobody, and what it says is
 * told.
 *
 * The C library asks whom /etc/resolv.conf names. So this program has namespaces of its own, where
 * the file names a server on loopback that the test plays; without the right to them it skips.
 */
#include "tests/unit/kube_bench.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "lib/kube/internal.h"

#define NAME_SERVER  "127.0.0.53"
#define URL          "https://api.example.test:6443"
/* Far from what the tests need, far from the ten seconds that the C library waits for an answer. */
#define STILL_MAX_MS 3000

static bool is_alone; /* the namespaces are ours */

/* --- namespaces ----------------------------------------------------------------------------- */

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	bool ok = fd != -1 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd != -1)
		close(fd);
	return ok;
}

/* Put @text in place of the file, for us alone. */
static bool cover(const char *path, const char *text)
{
	char temporary[] = "/tmp/bellman-names-XXXXXX";
	int fd = mkstemp(temporary);
	bool ok;

	if (fd == -1)
		return false;
	fchmod(fd, 0644);
	ok = write(fd, text, strlen(text)) == (ssize_t)strlen(text) &&
	     mount(temporary, path, NULL, MS_BIND, NULL) == 0;
	close(fd);
	unlink(temporary);
	return ok;
}

static bool loopback_up(void)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	bool ok = fd != -1 && ioctl(fd, SIOCSIFFLAGS, &lo) == 0;

	if (fd != -1)
		close(fd);
	return ok;
}

static bool be_alone(void)
{
	char users[64], groups[64];
	int flags = CLONE_NEWNS | CLONE_NEWNET;

	snprintf(users, sizeof(users), "0 %u 1", geteuid());
	snprintf(groups, sizeof(groups), "0 %u 1", getegid());
	if (geteuid() != 0)
		flags |= CLONE_NEWUSER;
	if (unshare(flags) != 0)
		return false;
	if ((flags & CLONE_NEWUSER) != 0 &&
	    (!write_file("/proc/self/setgroups", "deny") ||
	     !write_file("/proc/self/uid_map", users) || !write_file("/proc/self/gid_map", groups)))
		return false;
	return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 && loopback_up() &&
	       cover("/etc/resolv.conf", "nameserver " NAME_SERVER "\n") &&
	       cover("/etc/nsswitch.conf", "hosts: files dns\n");
}

/* --- the name server ------------------------------------------------------------------------ */

static struct {
	uv_udp_t udp;
	bool mute;
	unsigned asked;
} names;

static void on_alloc(uv_handle_t *handle, size_t want, uv_buf_t *buf)
{
	static char bytes[65536];

	(void)handle;
	(void)want;
	*buf = uv_buf_init(bytes, sizeof(bytes));
}

/* There is no such name (RFC 1035, section 4.1.1: QR, RA and RCODE 3). */
static void on_question(uv_udp_t *udp, ssize_t got, const uv_buf_t *buf,
			const struct sockaddr *from, unsigned flags)
{
	uv_buf_t answer = uv_buf_init(buf->base, (unsigned)(got < 0 ? 0 : got));

	(void)flags;
	if (from == NULL || got < 12)
		return;
	names.asked++;
	if (names.mute)
		return;
	answer.base[2] |= (char)0x80;
	answer.base[3] = (char)0x83;
	uv_udp_try_send(udp, &answer, 1, from);
}

/* --- the bench ------------------------------------------------------------------------------ */

static struct {
	uv_timer_t timer;
	uint64_t last_ms, still_ms; /* the longest time between two turns of the loop */
} pulse;

static void on_pulse(uv_timer_t *timer)
{
	uint64_t now = uv_now(timer->loop);

	if (now - pulse.last_ms > pulse.still_ms)
		pulse.still_ms = now - pulse.last_ms;
	pulse.last_ms = now;
}

static int setup(void **state)
{
	struct sockaddr_in at;
	struct bench *b;

	if (!is_alone)
		return 0; /* the test itself skips */
	*state = b = bench_new();
	uv_ip4_addr(NAME_SERVER, 53, &at);
	memset(&names, 0, sizeof(names));
	uv_udp_init(&b->loop, &names.udp);
	assert_int_equal(uv_udp_bind(&names.udp, (struct sockaddr *)&at, 0), 0);
	uv_udp_recv_start(&names.udp, on_alloc, on_question);
	memset(&pulse, 0, sizeof(pulse));
	uv_timer_init(&b->loop, &pulse.timer);
	uv_update_time(&b->loop);
	pulse.last_ms = uv_now(&b->loop);
	uv_timer_start(&pulse.timer, on_pulse, 10, 10);
	bench_open(b, URL, NULL);
	return 0;
}

static int teardown(void **state)
{
	if (*state == NULL)
		return 0;
	uv_close((uv_handle_t *)&pulse.timer, NULL);
	uv_close((uv_handle_t *)&names.udp, NULL);
	bench_free(*state);
	return 0;
}

/* What is missing where there is no bench. */
static const char missing[] = "no right to namespaces";

/* --- tests ---------------------------------------------------------------------------------- */

static void test_a_name_that_does_not_exist_is_named(void **state)
{
	struct bench *b = bench_or_skip(state, missing);

	kube_request(b->kube, "GET", "/x", NULL, NULL, on_done, b);
	wait_for(b, b->done == 1);
	assert_int_equal(b->status, 0);
	assert_string_equal(b->error, "GET " URL "/x: Could not resolve host: api.example.test");
	assert_true(names.asked > 0);
}

static void test_a_silent_name_server_stops_nobody(void **state)
{
	struct bench *b = bench_or_skip(state, missing);
	struct kube_watch *w;

	names.mute = true;
	b->kube->timeout_s = 1;
	w = kube_watch_start(b->kube, "/w", NULL, &told_ops, b);
	kube_request(b->kube, "GET", "/x", NULL, NULL, on_done, b);
	wait_for(b, b->done == 1 && names.asked >= 2);
	assert_int_equal(b->status, 0);
	assert_non_null(strstr(b->error, "Resolving timed out"));
	assert_in_range(pulse.still_ms, 0, STILL_MAX_MS);

	/* The watch still asks. */
	uint64_t began = uv_hrtime();
	kube_watch_stop(w);
	kube_watch_start(b->kube, "/w", NULL, &told_ops, b);
	unsigned asked = names.asked;
	wait_for(b, names.asked > asked);
	b->kube = kube_close(b->kube);
	assert_in_range((uv_hrtime() - began) / 1000000, 0, STILL_MAX_MS);
}

#define NAMES_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		NAMES_TEST(test_a_name_that_does_not_exist_is_named),
		NAMES_TEST(test_a_silent_name_server_stops_nobody),
	};

	is_alone = be_alone();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
