// SPDX-License-Identifier: Apache-2.0
/*
 * A script for the neighbour caches of one host: frames come in, datagrams go out, states are
 * shown. tests/lab/test_sim_neighbours.py plays the same script to a kernel.
 *
 *	neighbours ACCEPT REACHABLE-MS DELAY-MS RETRANS-MS MAC ADDRESS/LEN... <SCRIPT
 *
 * ACCEPT is 0 or 1 (arp_accept). A line of the script, in the order of time:
 *
 *	MS frame HEX		a whole frame arrives
 *	MS send IP		the host sends a datagram to IP
 *	MS carrier up|down	of the host's link
 *	MS show IP		printed as "MS show IP STATE MAC", MAC "-" where there is none
 *
 * Every frame that the host sends is printed as "MS sent HEX".
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/duration.h"
#include "sim/packet.h"
#include "sim/stack.h"

#define LINE_MAX_LEN 4096

struct bench {
	struct sim_clock *clock;
	struct sim_net *net;
	struct sim_stack *host;
	struct sim_iface *eth0;
	struct sim_port *wire;
	struct sim_udp *udp;
};

static void fail(const char *what)
{
	(void)fprintf(stderr, "neighbours: %s\n", what);
	exit(2);
}

static uint64_t number(const char *text)
{
	char *end;

	errno = 0;
	unsigned long long n = strtoull(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0')
		fail(text);
	return n;
}

static uint64_t now_ms(const struct bench *b)
{
	return sim_clock_now(b->clock) / NS_PER_MS;
}

static size_t from_hex(const char *hex, uint8_t *bytes, size_t cap)
{
	size_t len = 0;
	unsigned byte;

	for (; len < cap && sscanf(hex, "%2x", &byte) == 1; hex += 2)
		bytes[len++] = (uint8_t)byte;
	if (*hex != '\0')
		fail("frame");
	return len;
}

static void on_wire(void *arg, const uint8_t *bytes, size_t len)
{
	const struct bench *b = arg;

	printf("%" PRIu64 " sent ", now_ms(b));
	for (size_t i = 0; i < len; i++)
		printf("%02x", bytes[i]);
	printf("\n");
}

static void show(const struct bench *b, const struct ip_addr *ip)
{
	static const char *const names[] = {
		[SIM_NEIGH_NONE] = "NONE",           [SIM_NEIGH_INCOMPLETE] = "INCOMPLETE",
		[SIM_NEIGH_REACHABLE] = "REACHABLE", [SIM_NEIGH_STALE] = "STALE",
		[SIM_NEIGH_DELAY] = "DELAY",         [SIM_NEIGH_PROBE] = "PROBE",
		[SIM_NEIGH_FAILED] = "FAILED",
	};
	uint8_t mac[ETHER_ADDR_LEN] = { 0 };
	char text[IP_TEXT_MAX], mac_text[ETHER_TEXT_MAX];
	enum sim_neigh_state state = sim_stack_neighbour(b->host, ip, mac);

	printf("%" PRIu64 " show %s %s %s\n", now_ms(b), ip_format(ip, text), names[state],
	       ether_is_station(mac) ? ether_format(mac, mac_text) : "-");
}

static struct ip_addr address(const char *text)
{
	struct ip_addr ip;

	if (ip_parse(text, &ip) < 0)
		fail(text);
	return ip;
}

static void step(struct bench *b, const char *what, const char *on)
{
	if (strcmp(what, "frame") == 0) {
		uint8_t frame[SIM_FRAME_MAX];
		size_t len = from_hex(on, frame, sizeof(frame));

		sim_port_send(b->wire, frame, len, NULL);
	} else if (strcmp(what, "carrier") == 0) {
		sim_port_carrier(sim_iface_port(b->eth0), strcmp(on, "up") == 0);
	} else if (strcmp(what, "send") == 0) {
		struct ip_addr to = address(on);

		sim_udp_send(b->udp, NULL, 0, &to, 9, "x", 1);
	} else if (strcmp(what, "show") == 0) {
		struct ip_addr ip = address(on);

		show(b, &ip);
	} else {
		fail(what);
	}
}

static void bench_open(struct bench *b, char **argv)
{
	static const struct sim_port_ops wire_ops = { .frame = on_wire };
	const struct sim_stack_cfg host = { .name = "host",
					    .arp_accept = number(argv[0]) != 0,
					    .base_reachable_ns = number(argv[1]) * NS_PER_MS,
					    .delay_probe_ns = number(argv[2]) * NS_PER_MS,
					    .retrans_ns = number(argv[3]) * NS_PER_MS };
	const struct sim_link_cfg link = { .name = "wire" };
	const uint8_t wire_mac[ETHER_ADDR_LEN] = { 2, 0, 0, 0, 0, 0xfe };
	uint8_t mac[ETHER_ADDR_LEN];

	b->clock = sim_clock_new();
	b->net = sim_net_new(b->clock, 1);
	struct sim_link *l = sim_link_add(b->net, &link);
	b->host = sim_stack_new(b->clock, &host);
	if (from_hex(argv[4], mac, sizeof(mac)) != sizeof(mac))
		fail(argv[4]);
	b->eth0 = sim_iface_add(b->host, l, "eth0", mac);
	for (argv += 5; *argv != NULL; argv++) {
		struct ip_prefix p;

		if (ip_prefix_parse(*argv, &p) < 0)
			fail(*argv);
		p.addr = address(strtok(*argv, "/"));
		sim_iface_address_add(b->eth0, &p);
	}
	b->wire = sim_port_add(l, "wire", wire_mac, &wire_ops, b);
	sim_port_promiscuous(b->wire, true);
	b->udp = sim_udp_open(b->host, 0, NULL, NULL);
}

int main(int argc, char **argv)
{
	char line[LINE_MAX_LEN];
	struct bench b;

	if (argc < 7)
		fail("usage: neighbours ACCEPT REACHABLE DELAY RETRANS MAC ADDRESS/LEN... <SCRIPT");
	bench_open(&b, argv + 1);
	while (fgets(line, sizeof(line), stdin) != NULL) {
		const char *at = strtok(line, " \n"), *what = strtok(NULL, " \n"),
			   *on = strtok(NULL, " \n");

		if (on == NULL)
			fail("script");
		while (sim_clock_step(b.clock, number(at) * NS_PER_MS))
			;
		step(&b, what, on);
	}
	sim_udp_close(b.udp);
	sim_stack_free(b.host);
	sim_net_free(b.net);
	sim_clock_free(b.clock);
	return 0;
}
