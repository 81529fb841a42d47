// SPDX-License-Identifier: Apache-2.0
/*
 * A look through the kernel's flows that fails half-way (conntrack_io.h), which kernels do when
 * they are short of memory. The flows are real, in a network namespace of this test's own; only one
 * recv() is not. All else of it is for tests/lab/test_proxy.py.
 */
#include "standalone/proxy/conntrack_io.h"

#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/log.h"
#include "lib/base/must.h"
#include "standalone/proxy/nft_io.h"

/* More than the kernel sends at a time, so that it is in the midst of it when reading fails. */
#define FLOWS4      600
#define FLOWS6      400
#define DEADLINE_MS 20000

static bool fail_next_recv;

/* In place of libc's, also for the code under test. */
ssize_t recv(int fd, void *buf, size_t len, int flags)
{
	if (fail_next_recv) {
		fail_next_recv = false;
		errno = ENOBUFS;
		return -1;
	}
	return recvfrom(fd, buf, len, flags, NULL, NULL);
}

/* --- a kernel with flows --------------------------------------------------------------------- */

static void on_nft_done(void *arg, const char *error)
{
	bool *taken = arg;

	*taken = error == NULL;
}

/* Have the kernel remember flows, which it only does where rules ask for it. */
static void track(uv_loop_t *loop)
{
	static const char rules[] =
		"{\"nftables\":[{\"add\":{\"table\":{\"family\":\"inet\",\"name\":\"t\"}}},"
		"{\"add\":{\"chain\":{\"family\":\"inet\",\"table\":\"t\",\"name\":\"c\","
		"\"type\":\"filter\",\"hook\":\"output\",\"prio\":0,\"policy\":\"accept\"}}},"
		"{\"add\":{\"rule\":{\"family\":\"inet\",\"table\":\"t\",\"chain\":\"c\",\"expr\":["
		"{\"match\":{\"op\":\"in\",\"left\":{\"ct\":{\"key\":\"state\"}},\"right\":\"new\"}"
		"},"
		"{\"accept\":null}]}}}]}";
	bool taken = false;

	nft_run(loop, must(strdup(rules)), on_nft_done, &taken);
	uv_run(loop, UV_RUN_DEFAULT);
	assert_true(taken);
}

static void lo_up(void)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &lo), 0);
	close(fd);
}

/* @count flows from a port each to port 53 of @to. */
static void flows_make(const char *to, unsigned count)
{
	struct sockaddr_storage sa = { 0 };
	struct sockaddr_in *v4 = (void *)&sa;
	struct sockaddr_in6 *v6 = (void *)&sa;
	struct ip_addr addr;

	assert_int_equal(ip_parse(to, &addr), 0);
	sa.ss_family = addr.family == IP_V4 ? AF_INET : AF_INET6;
	if (addr.family == IP_V4) {
		v4->sin_port = htons(53);
		memcpy(&v4->sin_addr, addr.bytes, sizeof(v4->sin_addr));
	} else {
		v6->sin6_port = htons(53);
		memcpy(&v6->sin6_addr, addr.bytes, sizeof(v6->sin6_addr));
	}
	for (unsigned i = 0; i < count; i++) {
		struct sockaddr_storage from = { .ss_family = sa.ss_family };
		int fd = socket(sa.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

		/* Both have their port in the same place. */
		((struct sockaddr_in *)(void *)&from)->sin_port = htons((uint16_t)(10000 + i));
		assert_int_equal(bind(fd, (void *)&from, sizeof(from)), 0);
		assert_int_equal(sendto(fd, "?", 1, 0, (void *)&sa, sizeof(sa)), 1);
		close(fd);
	}
}

/* --- the test -------------------------------------------------------------------------------- */

/* Note that port 53 of @to leads to an endpoint: flows that do not go there are stale. */
static void note(struct flows *f, const char *to)
{
	struct plan p = { 0 };
	struct element *e = must(array_push(&p.elements));
	struct plan_udp *u = must(array_push(&p.udp));
	struct endpoint_at *endpoint = must(array_push(&u->to));

	*e = (struct element){
		.set = SET_SERVICES, .protocol = L4_UDP, .port = 53, .chain_port = 53
	};
	assert_int_equal(ip_parse(to, &e->addr), 0);
	e->family = e->addr.family;
	u->family = e->family;
	u->port = 53;
	*endpoint = (struct endpoint_at){ .addr = e->addr, .port = 5353 };
	flows_note_gains(f, &(struct plan){ 0 }, &p);
	plan_done(&p);
}

static void on_deadline(uv_timer_t *timer)
{
	bool *over = timer->data;

	*over = true;
}

/* Look the table through for @f until @deleted flows are in all. */
static void sweep(uv_loop_t *loop, struct conntrack *c, struct flows *f, const int64_t *deleted,
		  int64_t wanted)
{
	bool over = false;
	uv_timer_t deadline;

	uv_timer_init(loop, &deadline);
	deadline.data = &over;
	uv_timer_start(&deadline, on_deadline, DEADLINE_MS, 0);
	conntrack_sweep(c, f);
	while (*deleted < wanted && !over)
		uv_run(loop, UV_RUN_ONCE);
	assert_int_equal(*deleted, wanted);
	uv_close((uv_handle_t *)&deadline, NULL);
	uv_run(loop, UV_RUN_NOWAIT);
}

static void test_reading_that_fails_spoils_no_other_and_is_made_up_for(void **state)
{
	uv_loop_t *loop = uv_default_loop();
	struct flows *f;
	int64_t deleted = 0;

	(void)state;
	if (unshare(CLONE_NEWNET) != 0)
		skip(); /* network namespaces need root */
	lo_up();
	track(loop);
	flows_make("127.0.0.1", FLOWS4);
	flows_make("::1", FLOWS6);

	struct conntrack *c = conntrack_open(loop, &deleted);
	assert_non_null(c);
	f = flows_new();
	note(f, "127.0.0.1");
	note(f, "::1");
	fail_next_recv = true;
	sweep(loop, c, f, &deleted, FLOWS6);
	/* And what could not be read is still to be done. */
	sweep(loop, c, f, &deleted, FLOWS6 + FLOWS4);
	flows_free(f);
	assert_null(conntrack_close(c));
	uv_run(loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(loop), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reading_that_fails_spoils_no_other_and_is_made_up_for),
	};
	log_setup("test", LOG_LEVEL_NONE, LOG_TEXT);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
