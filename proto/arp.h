// SPDX-License-Identifier: Apache-2.0
/*
 * ARP for IPv4 over Ethernet: decode, encode (RFC 826).
 *
 * Pure functions over the caller's bytes. What to answer is speaker/layer2.h's.
 * Other hardware and protocol types are refused.
 */
#ifndef BELLMAN_PROTO_ARP_H
#define BELLMAN_PROTO_ARP_H

#include "lib/base/cursor.h"
#include "lib/base/ip.h"
#include "proto/ether.h"

#define ARP_FRAME_LEN (ETHER_HEADER_LEN + 28) /* without the padding to 60 bytes */

enum arp_op { ARP_REQUEST = 1, ARP_REPLY = 2 };

struct arp {
	uint16_t op; /* enum arp_op; others are decoded too */
	uint8_t sender_mac[ETHER_ADDR_LEN], target_mac[ETHER_ADDR_LEN];
	struct ip_addr sender_ip, target_ip;
};

/*
 * Decode what follows the Ethernet header; padding behind it is ignored.
 * Returns NULL, or why not, as a short literal for a counter; *ret is untouched then.
 */
const char *arp_decode(struct rd r, struct arp *ret);

/* Append a whole frame to @eth_dst; its Ethernet source is the ARP sender. */
void arp_encode(struct wr *w, const uint8_t eth_dst[static ETHER_ADDR_LEN], const struct arp *a);

#endif
