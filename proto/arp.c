// SPDX-License-Identifier: Apache-2.0
#include "proto/arp.h"

#define HARDWARE_ETHERNET 1
#define PROTOCOL_IPV4     0x0800

static struct ip_addr rd_ipv4(struct rd *r)
{
	uint8_t bytes[4];

	rd_bytes(r, bytes, sizeof(bytes));
	return ip_from_bytes(IP_V4, bytes);
}

const char *arp_decode(struct rd r, struct arp *ret)
{
	struct arp a;

	uint16_t hardware = rd_u16(&r);
	uint16_t protocol = rd_u16(&r);
	uint8_t hardware_len = rd_u8(&r);
	uint8_t protocol_len = rd_u8(&r);
	a.op = rd_u16(&r);
	rd_bytes(&r, a.sender_mac, sizeof(a.sender_mac));
	a.sender_ip = rd_ipv4(&r);
	rd_bytes(&r, a.target_mac, sizeof(a.target_mac));
	a.target_ip = rd_ipv4(&r);

	if (rd_failed(&r))
		return "short";
	if (hardware != HARDWARE_ETHERNET || protocol != PROTOCOL_IPV4 ||
	    hardware_len != ETHER_ADDR_LEN || protocol_len != 4)
		return "arp_type";
	*ret = a;
	return NULL;
}

void arp_encode(struct wr *w, const uint8_t eth_dst[static ETHER_ADDR_LEN], const struct arp *a)
{
	struct ether e = { .type = ETHER_TYPE_ARP };

	memcpy(e.dst, eth_dst, sizeof(e.dst));
	memcpy(e.src, a->sender_mac, sizeof(e.src));
	ether_encode(w, &e);
	wr_u16(w, HARDWARE_ETHERNET);
	wr_u16(w, PROTOCOL_IPV4);
	wr_u8(w, ETHER_ADDR_LEN);
	wr_u8(w, 4);
	wr_u16(w, a->op);
	wr_bytes(w, a->sender_mac, sizeof(a->sender_mac));
	wr_bytes(w, a->sender_ip.bytes, 4);
	wr_bytes(w, a->target_mac, sizeof(a->target_mac));
	wr_bytes(w, a->target_ip.bytes, 4);
}
