// SPDX-License-Identifier: Apache-2.0
/*
 * Any frame to layer 2 that holds an IPv6 address: it is answered or dropped, and an answer
 * is one whole advertisement for our address. Each input is tried as it is and with its
 * checksum put right, since hardly any mutation survives that check by chance.
 */
#include <net/if.h>
#include <net/if_arp.h>
#include <stdlib.h>

#include "proto/ndp.h"
#include "speaker/layer2.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ICMPV6_AT (ETHER_HEADER_LEN + 40)

static const uint8_t vip[16] = { 0x20, 0x01, 0x0d, 0xb8, 0, 1, [15] = 0x10 };

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

	link.link_local = ip_from_bytes(IP_V6, (const uint8_t[16]){ 0xfe, 0x80, [15] = 0xaa });
	if (l2_new(NULL, NULL, 1, &l) < 0)
		abort();
	l2_link_set(l, &link);
	l2_hold(l, &owner, ip, NULL);
	l2_pass(l, 1, &out);
	speaker_actions_done(&out);
	return l;
}

/* RFC 1071, its own here: the one under test shall not vouch for itself. */
static uint16_t sum(const uint8_t *bytes, size_t len, uint32_t sum)
{
	for (size_t i = 0; i < len; i++)
		sum += i % 2 == 0 ? (uint32_t)bytes[i] << 8 : bytes[i];
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* Over the pseudo-header and the message; 0xffff for one that is right. */
static uint16_t frame_sum(const uint8_t *frame, size_t len)
{
	size_t payload = (size_t)frame[18] << 8 | frame[19];

	if (payload > len - ICMPV6_AT)
		payload = len - ICMPV6_AT;
	uint32_t pseudo = sum(frame + 22, 32, (uint32_t)(58 + payload));
	return sum(frame + ICMPV6_AT, payload, pseudo);
}

static void check_answer(const struct speaker_action *a)
{
	const uint8_t *b = a->frame.bytes;

	if (a->type != SPEAKER_SEND || a->ifindex != 2 || a->frame.len != NDP_NA_FRAME_LEN)
		abort();
	if (b[54] != 136 || memcmp(b + 62, vip, sizeof(vip)) != 0 || b[21] != 255)
		abort();
	if (frame_sum(b, a->frame.len) != 0xffff)
		abort();
	/* Solicited to one station, unsolicited to all nodes: nothing between. */
	if (((b[58] & 0x40) != 0) == ether_is_group(b))
		abort();
}

static void feed(struct l2 *l, const uint8_t *data, size_t size)
{
	struct speaker_actions out = { 0 };

	l2_frame(l, 2, data, size, &out);
	if (out.count > 1)
		abort();
	if (out.count == 1)
		check_answer(&out.items[0]);
	speaker_actions_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct l2 *l; /* the process's: frames change nothing in it */
	const struct ip_addr ip = ip_from_bytes(IP_V6, vip);

	if (l == NULL)
		l = layer2_with(&ip);
	feed(l, data, size);
	if (size < ICMPV6_AT + 24)
		return 0;
	uint8_t *mended = malloc(size);
	if (mended == NULL)
		return 0;
	memcpy(mended, data, size);
	mended[ICMPV6_AT + 2] = mended[ICMPV6_AT + 3] = 0;
	uint16_t right = (uint16_t)~frame_sum(mended, size);
	mended[ICMPV6_AT + 2] = (uint8_t)(right >> 8);
	mended[ICMPV6_AT + 3] = (uint8_t)right;
	feed(l, mended, size);
	free(mended);
	return 0;
}
