// SPDX-License-Identifier: Apache-2.0
/*
 * A capture of two segments, byte for byte: tests/golden/sim-capture.pcapng, which
 * tests/golden/test_golden.py shows to tshark. GOLDEN_WRITE=1 writes it anew.
 */
#include "sim/capture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <errno.h>

#include "tests/unit/frames.h"

#define GOLDEN   "tests/golden/sim-capture.pcapng"
#define EPOCH_NS (1700000000 * NS_PER_S)

struct scene {
	struct sim_clock *clock;
	struct sim_net *net;
	struct sim_port *node, *client; /* on two links */
};

static void ignore(void *arg, const uint8_t *bytes, size_t len)
{
	(void)arg;
	(void)bytes;
	(void)len;
}

static const struct sim_port_ops ops = { ignore, NULL };

static int setup(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));
	struct sim_link *l;

	s->clock = sim_clock_new();
	s->net = sim_net_new(s->clock, 1);
	l = sim_link_add(s->net, &(struct sim_link_cfg){ .name = "front" });
	s->client = sim_port_add(l, "client", client_mac, &ops, NULL);
	l = sim_link_add(s->net, &(struct sim_link_cfg){ .name = "b\u00fcro" });
	s->node = sim_port_add(l, "node1", node_mac, &ops, NULL);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct scene *s = *state;

	sim_net_free(s->net);
	sim_clock_free(s->clock);
	free(s);
	return 0;
}

static void run_until(struct scene *s, uint64_t until_ns)
{
	while (sim_clock_step(s->clock, until_ns))
		;
}

/* A client asks, on the other segment a node announces. */
static void converse(struct scene *s)
{
	struct frame f = arp_request("10.0.0.1", "192.0.2.10");
	struct arp a = { .op = ARP_REQUEST,
			 .sender_ip = ip_of("192.0.2.10"),
			 .target_ip = ip_of("192.0.2.10") };
	uint8_t bytes[64];
	struct wr w = wr_init(bytes, sizeof(bytes));

	sim_port_send(s->client, f.bytes, f.len, NULL);
	run_until(s, NS_PER_S + 1);
	memcpy(a.sender_mac, node_mac, sizeof(a.sender_mac));
	arp_encode(&w, ether_broadcast, &a);
	sim_port_send(s->node, bytes, wr_len(&w), "takes 192.0.2.10: node2 is excluded");
	run_until(s, 3600 * NS_PER_S);
	f = neighbour_solicitation(
		(struct ns_shape){ .src = "fe80::1", .target = "2001:db8:1::10" });
	sim_port_send(s->client, f.bytes, f.len, NULL);
}

/* What comes behind the section header, which tells the version of the program. */
static struct rd behind_section(const void *bytes, size_t len)
{
	struct rd r = rd_init(bytes, len);

	assert_int_equal(rd_u32(&r), 0x0a0d0d0a);
	rd_take(&r, rd_u32(&r) - 8);
	assert_true(rd_left(&r) > 0);
	return r;
}

static void test_a_capture_is_the_golden_one(void **state)
{
	static uint8_t golden[4096];
	char *bytes = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&bytes, &len);
	struct scene *s = *state;
	struct sim_capture *c = sim_capture_new(s->net, s->clock, EPOCH_NS, to);

	converse(s);
	assert_int_equal(sim_capture_end(c), 0);
	fclose(to);
	if (getenv("GOLDEN_WRITE") != NULL) {
		FILE *file = fopen(GOLDEN, "wb");
		assert_non_null(file);
		assert_int_equal(fwrite(bytes, 1, len, file), len);
		fclose(file);
	}
	FILE *from = fopen(GOLDEN, "rb");
	if (from == NULL)
		fail_msg("%s is missing", GOLDEN);
	size_t golden_len = fread(golden, 1, sizeof(golden), from);
	fclose(from);

	struct rd is = behind_section(bytes, len), should = behind_section(golden, golden_len);
	assert_int_equal(rd_left(&is), rd_left(&should));
	assert_memory_equal(is.at, should.at, rd_left(&should));
	free(bytes);
}

static void test_a_capture_that_ended_hears_nothing_more(void **state)
{
	char *bytes = NULL;
	size_t len = 0, before;
	FILE *to = open_memstream(&bytes, &len);
	struct scene *s = *state;

	assert_int_equal(sim_capture_end(sim_capture_new(s->net, s->clock, 0, to)), 0);
	before = len;
	converse(s);
	fclose(to);
	assert_int_equal(len, before);
	free(bytes);
}

static void test_a_write_that_fails_is_told_at_the_end(void **state)
{
	FILE *full = fopen("/dev/full", "wb");
	struct scene *s = *state;

	assert_non_null(full);
	struct sim_capture *c = sim_capture_new(s->net, s->clock, 0, full);
	for (unsigned i = 0; i < 1000; i++) /* more than a buffer */
		converse(s);
	assert_int_equal(sim_capture_end(c), -ENOSPC);

	c = sim_capture_new(s->net, s->clock, 0, full);
	assert_int_equal(sim_capture_end(c), -ENOSPC); /* less: when it is flushed */
	fclose(full);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_a_capture_is_the_golden_one),
		T(test_a_capture_that_ended_hears_nothing_more),
		T(test_a_write_that_fails_is_told_at_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
