// SPDX-License-Identifier: Apache-2.0
/* A segment with four stations that keep what they get, for tests of the network. */
#ifndef BELLMAN_TESTS_SIM_SEGMENT_H
#define BELLMAN_TESTS_SIM_SEGMENT_H

#include "sim/net.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define STATIONS 4
#define DELAY_NS (50000)

/* A station keeps the numbers that came in, in their order. */
struct station {
	struct sim_port *port;
	uint8_t mac[ETHER_ADDR_LEN];
	size_t got;
	uint32_t numbers[4096];
	uint64_t at_ns[4096];
	unsigned carrier_ups, carrier_downs;
	void (*then)(struct station *s); /* what it does when a frame came in */
	struct segment *in;
};

struct segment {
	struct sim_clock *clock;
	struct sim_net *net;
	struct sim_link *link;
	struct station s[STATIONS];
	size_t tapped;
	char why[32];
};

static inline void on_frame(void *arg, const uint8_t *bytes, size_t len)
{
	struct station *s = arg;
	struct rd r = rd_init(bytes, len);

	rd_take(&r, ETHER_HEADER_LEN);
	if (s->got == sizeof(s->numbers) / sizeof(s->numbers[0]))
		s->got = 0;
	s->at_ns[s->got] = sim_clock_now(s->in->clock);
	s->numbers[s->got++] = rd_u32(&r);
	assert_false(rd_failed(&r));
	if (s->then != NULL)
		s->then(s);
}

static inline void on_carrier(void *arg, bool up)
{
	struct station *s = arg;

	if (up)
		s->carrier_ups++;
	else
		s->carrier_downs++;
}

static inline void on_tap(void *arg, const struct sim_link *l, const struct sim_port *from,
			  const uint8_t *bytes, size_t len, const char *why)
{
	struct segment *g = arg;

	assert_ptr_equal(sim_port_link(from), l);
	assert_true(len > ETHER_HEADER_LEN && bytes != NULL);
	g->tapped++;
	snprintf(g->why, sizeof(g->why), "%s", why != NULL ? why : "");
}

static const struct sim_port_ops station_ops = { on_frame, on_carrier };

static inline struct segment *segment_new(uint64_t seed)
{
	struct segment *g = calloc(1, sizeof(*g));

	assert_non_null(g);
	g->clock = sim_clock_new();
	g->net = sim_net_new(g->clock, seed);
	g->link =
		sim_link_add(g->net, &(struct sim_link_cfg){ .name = "lan", .delay_ns = DELAY_NS });
	for (unsigned i = 0; i < STATIONS; i++) {
		struct station *s = &g->s[i];

		s->in = g;
		s->mac[0] = 2;
		s->mac[5] = (uint8_t)(i + 1);
		s->port = sim_port_add(g->link, "station", s->mac, &station_ops, s);
	}
	sim_net_tap(g->net, on_tap, g);
	return g;
}

static inline void segment_free(struct segment *g)
{
	sim_net_free(g->net);
	sim_clock_free(g->clock);
	free(g);
}

static inline int segment_setup(void **state)
{
	*state = segment_new(1);
	return 0;
}

static inline int segment_teardown(void **state)
{
	segment_free(*state);
	return 0;
}

static inline void run_for(struct segment *g, uint64_t ns)
{
	uint64_t until_ns = sim_clock_now(g->clock) + ns;

	while (sim_clock_step(g->clock, until_ns))
		;
}

static inline void send_number(struct segment *g, unsigned from, const uint8_t *dst,
			       uint32_t number)
{
	uint8_t bytes[64];
	struct wr w = wr_init(bytes, sizeof(bytes));
	struct ether e = { .type = 0x88b5 };

	memcpy(e.dst, dst, ETHER_ADDR_LEN);
	memcpy(e.src, g->s[from].mac, ETHER_ADDR_LEN);
	ether_encode(&w, &e);
	wr_u32(&w, number);
	sim_port_send(g->s[from].port, bytes, wr_len(&w), "because");
}

/* Send one frame, wait, and say who got it: bit 0 for the first station. */
static inline unsigned who_gets(struct segment *g, unsigned from, const uint8_t *dst)
{
	unsigned who = 0;

	for (unsigned i = 0; i < STATIONS; i++)
		g->s[i].got = 0;
	send_number(g, from, dst, 7);
	run_for(g, NS_PER_S);
	for (unsigned i = 0; i < STATIONS; i++) {
		assert_true(g->s[i].got <= 1);
		who |= (unsigned)g->s[i].got << i;
	}
	return who;
}

#define T(name) cmocka_unit_test_setup_teardown(name, segment_setup, segment_teardown)

#endif
