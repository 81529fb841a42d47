// SPDX-License-Identifier: Apache-2.0
/* Three hosts on one segment, for tests of their stacks. */
#ifndef BELLMAN_TESTS_SIM_LAN_H
#define BELLMAN_TESTS_SIM_LAN_H

#include "sim/stack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/base/duration.h"
#include "sim/packet.h"

struct lan {
	struct sim_clock *clock;
	struct sim_net *net;
	struct sim_link *link;
	struct sim_stack *client, *a, *b; /* a and b may both claim 10.0.0.9 and fd00::9 */
	struct sim_iface *client0, *a0, *b0;
};

static inline struct ip_addr ip(const char *text)
{
	struct ip_addr ip;

	assert_int_equal(ip_parse(text, &ip), 0);
	return ip;
}

static inline struct ip_prefix address(const char *text, uint8_t len)
{
	return (struct ip_prefix){ ip(text), len };
}

static inline struct sim_stack *host(struct lan *lan, const char *name, uint8_t number, bool accept,
				     uint64_t seed, struct sim_iface **ret)
{
	const struct sim_stack_cfg cfg = { .name = name, .seed = seed, .arp_accept = accept };
	struct sim_stack *s = sim_stack_new(lan->clock, &cfg);
	const uint8_t mac[ETHER_ADDR_LEN] = { 2, 0, 0, 0, 0, number };
	struct ip_prefix v4 = address("10.0.0.0", 24), v6 = address("fd00::", 64);

	v4.addr.bytes[3] = v6.addr.bytes[15] = number;
	*ret = sim_iface_add(s, lan->link, "eth0", mac);
	sim_iface_address_add(*ret, &v4);
	sim_iface_address_add(*ret, &v6);
	return s;
}

/* @seed: of the client. */
static inline void lan_open_with(struct lan *lan, bool accept, uint64_t seed)
{
	const struct sim_link_cfg link = { .name = "lan", .delay_ns = 50000 };

	lan->clock = sim_clock_new();
	lan->net = sim_net_new(lan->clock, 1);
	lan->link = sim_link_add(lan->net, &link);
	lan->client = host(lan, "client", 1, accept, seed, &lan->client0);
	lan->a = host(lan, "a", 2, false, 2, &lan->a0);
	lan->b = host(lan, "b", 3, false, 3, &lan->b0);
}

static inline void lan_open(struct lan *lan)
{
	lan_open_with(lan, false, 1);
}

static inline void lan_close(struct lan *lan)
{
	sim_stack_free(lan->client);
	sim_stack_free(lan->a);
	sim_stack_free(lan->b);
	sim_net_free(lan->net);
	sim_clock_free(lan->clock);
}

static inline void run_for(struct lan *lan, uint64_t ns)
{
	uint64_t until = sim_clock_now(lan->clock) + ns;

	while (sim_clock_step(lan->clock, until))
		;
}

static inline enum sim_neigh_state state_of(const struct lan *lan, const char *text,
					    uint8_t *ret_last)
{
	uint8_t mac[ETHER_ADDR_LEN] = { 0 };
	struct ip_addr of = ip(text);
	enum sim_neigh_state state = sim_stack_neighbour(lan->client, &of, mac);

	*ret_last = mac[5];
	return state;
}

static inline void assert_neighbour(const struct lan *lan, const char *text,
				    enum sim_neigh_state state, uint8_t last)
{
	uint8_t got;

	assert_int_equal(state_of(lan, text, &got), state);
	assert_int_equal(got, last);
}

/* The client sends one datagram to @to. */
static inline void send_one(struct lan *lan, const char *to)
{
	struct sim_udp *u = sim_udp_open(lan->client, 0, NULL, NULL);
	struct ip_addr dst = ip(to);

	sim_udp_send(u, NULL, 0, &dst, 9, "x", 1);
	sim_udp_close(u);
}

static const char *const vips[] = { "10.0.0.9", "fd00::9" };

static inline void take(struct sim_iface *i, const char *text)
{
	struct ip_prefix p = address(text, text[0] == 'f' ? 128 : 32);

	sim_iface_address_add(i, &p);
}

static inline void drop(struct sim_iface *i, const char *text)
{
	struct ip_addr a = ip(text);

	sim_iface_address_remove(i, &a);
}

static inline void gratuitous(struct sim_iface *i, const char *text)
{
	struct ip_addr a = ip(text);

	sim_iface_gratuitous(i, &a, NULL);
}

#endif
