// SPDX-License-Identifier: Apache-2.0
/*
 * Any frame to layer 2 that holds an IPv4 address: it is answered or dropped, and an answer
 * is an ARP reply for our address to one station, never to a group.
 */
#include <net/if.h>
#include <net/if_arp.h>
#include <stdlib.h>

#include "proto/arp.h"
#include "speaker/layer2.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct service_id owner = { "web", "front" };

static struct l2 *layer2_with(const struct ip_addr *ip)
{
	struct l2_link link = { .ifindex = 2,
				.name = "eth0",
				.mac = { 2, 0, 0, 0, 0, 0xaa },
				.hw_type = ARPHRD_ETHER,
				.flags = IFF_UP | IFF_RUNNING | IFF_BROADCAST };
	struct speaker_actions out = { 0 };
	struct l2 *l = NULL;

	if (l2_new(NULL, NULL, 1, &l) < 0)
		abort();
	l2_link_set(l, &link);
	l2_hold(l, &owner, ip, NULL);
	l2_pass(l, 1, &out);
	speaker_actions_done(&out);
	return l;
}

static void check_answer(const struct speaker_action *a, const struct ip_addr *ip)
{
	struct rd r = rd_init(a->frame.bytes, a->frame.len);
	struct ether e;
	struct arp arp;

	if (a->type != SPEAKER_SEND || a->ifindex != 2 || ether_decode(&r, &e) < 0 ||
	    arp_decode(r, &arp) != NULL)
		abort();
	if (e.type != ETHER_TYPE_ARP || ether_is_group(e.dst) || arp.op != ARP_REPLY ||
	    !ip_equal(&arp.sender_ip, ip))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct l2 *l; /* the process's: frames change nothing in it */
	const struct ip_addr ip = ip_from_bytes(IP_V4, (const uint8_t[]){ 192, 0, 2, 10 });
	struct speaker_actions out = { 0 };

	if (l == NULL)
		l = layer2_with(&ip);
	l2_frame(l, 2, data, size, &out);
	if (out.count > 1)
		abort();
	if (out.count == 1)
		check_answer(&out.items[0], &ip);
	speaker_actions_done(&out);
	return 0;
}
