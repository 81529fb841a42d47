// SPDX-License-Identifier: Apache-2.0
/* Solicitations as a neighbour would send them, for tests of what receives them. */
#ifndef BELLMAN_TESTS_FRAMES_H
#define BELLMAN_TESTS_FRAMES_H

#include "proto/arp.h"
#include "proto/ndp.h"

#include <assert.h>

struct frame {
	uint8_t bytes[128];
	size_t len;
};

static const uint8_t client_mac[ETHER_ADDR_LEN] = { 2, 0, 0, 0, 0, 1 };
static const uint8_t node_mac[ETHER_ADDR_LEN] = { 2, 0, 0, 0, 0, 0xaa };

static inline struct ip_addr ip_of(const char *text)
{
	struct ip_addr ip = { 0 };
	int rc = ip_parse(text, &ip);

	assert(rc == 0);
	(void)rc;
	return ip;
}

static inline struct frame arp_request(const char *sender, const char *target)
{
	struct arp a = { .op = ARP_REQUEST,
			 .sender_ip = ip_of(sender),
			 .target_ip = ip_of(target) };
	struct frame f;
	struct wr w = wr_init(f.bytes, sizeof(f.bytes));

	memcpy(a.sender_mac, client_mac, sizeof(a.sender_mac));
	arp_encode(&w, ether_broadcast, &a);
	f.len = wr_len(&w);
	return f;
}

/* What a neighbour solicitation may get wrong. */
struct ns_shape {
	const char *src, *dst, *target; /* dst NULL: the target's solicited-node group */
	bool no_lladdr, bad_checksum;
	uint8_t hop_limit, code, type, option_units; /* 0: as it should be */
};

/* RFC 1071 as its text has it, apart from the one under test. */
static inline uint16_t ones_sum(const uint8_t *bytes, size_t len, uint32_t sum)
{
	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
	while (sum > 0xffff)
		sum = (sum >> 16) + (sum & 0xffff);
	return (uint16_t)sum;
}

static inline struct frame neighbour_solicitation(struct ns_shape shape)
{
	struct ip_addr src = ip_of(shape.src), target = ip_of(shape.target);
	struct ip_addr dst = shape.dst == NULL ? ndp_solicited_node(&target) : ip_of(shape.dst);
	struct ether e = { .type = ETHER_TYPE_IPV6 };
	struct frame f;
	struct wr w = wr_init(f.bytes, sizeof(f.bytes));
	uint16_t len = shape.no_lladdr ? 24 : 32;

	memcpy(e.src, client_mac, sizeof(e.src));
	if (dst.bytes[0] == 0xff)
		ndp_group_mac(&dst, e.dst);
	else
		memcpy(e.dst, node_mac, sizeof(e.dst));
	ether_encode(&w, &e);
	wr_u32(&w, 6u << 28);
	wr_u16(&w, len);
	wr_u8(&w, 58);
	wr_u8(&w, shape.hop_limit == 0 ? 255 : shape.hop_limit);
	wr_bytes(&w, src.bytes, 16);
	wr_bytes(&w, dst.bytes, 16);
	uint8_t *message = w.at;
	wr_u8(&w, shape.type == 0 ? 135 : shape.type);
	wr_u8(&w, shape.code);
	uint8_t *sum = wr_hole16(&w);
	wr_u32(&w, 0);
	wr_bytes(&w, target.bytes, 16);
	if (!shape.no_lladdr) {
		wr_u8(&w, 1);
		wr_u8(&w, shape.option_units == 0      ? 1
			  : shape.option_units == 0xff ? 0
						       : shape.option_units);
		wr_bytes(&w, client_mac, sizeof(client_mac));
	}
	uint32_t pseudo = 58u + len;
	pseudo = ones_sum(src.bytes, 16, pseudo);
	pseudo = ones_sum(dst.bytes, 16, pseudo);
	wr_fill16(&w, sum, (uint16_t)~ones_sum(message, len, pseudo));
	f.len = wr_len(&w);
	if (shape.bad_checksum)
		sum[0] ^= 0x40;
	return f;
}

#endif
