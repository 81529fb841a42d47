// SPDX-License-Identifier: Apache-2.0
/*
 * IPv4 and IPv6 packets with UDP or TCP in Ethernet frames: decode and encode (RFC 791, 8200, 768,
 * 9293). What the simulated hosts say to each other, whole and with checksums, so that a capture
 * of it is one that every tool reads. No options, fragments or extension headers.
 */
#ifndef BELLMAN_SIM_PACKET_H
#define BELLMAN_SIM_PACKET_H

#include "lib/base/cursor.h"
#include "lib/base/ip.h"
#include "proto/ether.h"

#define SIM_ETHER_TYPE_IPV4 0x0800
#define SIM_FRAME_MAX       1514 /* with its Ethernet header */

enum sim_l4 { SIM_UDP = 17, SIM_TCP = 6 };
enum { SIM_FIN = 1, SIM_SYN = 2, SIM_RST = 4, SIM_PSH = 8, SIM_ACK = 16 };

struct sim_packet {
	struct ip_addr src, dst; /* of one family */
	uint8_t ttl;             /* 0: 64 */
	uint8_t protocol;        /* enum sim_l4 */
	uint16_t src_port, dst_port;
	/* TCP */
	uint32_t seq, ack;
	uint8_t flags;
	uint16_t window;
	/* lent; of the frame when decoded */
	const uint8_t *payload;
	size_t payload_len;
};

/* From behind the Ethernet header on. NULL, or why not as a literal; *ret is untouched then. */
const char *sim_packet_decode(uint16_t ether_type, struct rd r, struct sim_packet *ret);
/* Append a whole frame. */
void sim_packet_encode(struct wr *w, const uint8_t dst[static ETHER_ADDR_LEN],
		       const uint8_t src[static ETHER_ADDR_LEN], const struct sim_packet *p);

#endif
