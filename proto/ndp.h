// SPDX-License-Identifier: Apache-2.0
/*
 * Neighbour discovery over Ethernet: decode and encode solicitations and
 * advertisements (RFC 4861 sections 4.3, 4.4 and 7).
 *
 * Pure functions over the caller's bytes. Whole frames, IPv6 header and checksum
 * included, because they leave by a packet socket. What to answer is speaker/layer2.h's.
 * Extension headers before ICMPv6 are refused: neighbour discovery has none in practice,
 * and RFC 6980 forbids the one that would matter.
 */
#ifndef BELLMAN_PROTO_NDP_H
#define BELLMAN_PROTO_NDP_H

#include "lib/base/cursor.h"
#include "lib/base/ip.h"
#include "proto/ether.h"

#define NDP_NA_FRAME_LEN (ETHER_HEADER_LEN + 40 + 24 + 8) /* with its one option */

struct ndp_ns {
	struct ip_addr src; /* unspecified: duplicate address detection (RFC 4862 section 5.4) */
	struct ip_addr dst; /* the target's group, or the target where it is known already */
	struct ip_addr target;
	bool has_lladdr;
	uint8_t lladdr[ETHER_ADDR_LEN]; /* of the source */
};

/*
 * Decode and check a neighbour solicitation from its IPv6 header on, in the order of
 * RFC 4861 section 7.1.1; what follows the IPv6 payload (padding) is ignored.
 * Returns NULL, or why not, as a short literal for a counter; *ret is untouched then.
 */
const char *ndp_ns_decode(struct rd r, struct ndp_ns *ret);

/* Append a whole neighbour solicitation frame from @eth_src to @eth_dst. */
void ndp_ns_encode(struct wr *w, const uint8_t eth_dst[static ETHER_ADDR_LEN],
		   const uint8_t eth_src[static ETHER_ADDR_LEN], const struct ndp_ns *ns);

struct ndp_na {
	uint8_t eth_dst[ETHER_ADDR_LEN];
	uint8_t lladdr[ETHER_ADDR_LEN]; /* Ethernet source and target link-layer address */
	struct ip_addr src, dst, target;
	bool solicited, override; /* Router is never set */
	bool bare; /* without the option: RFC 4861 section 7.2.4 for who was asked alone */
};

/*
 * Decode and check an advertisement from its IPv6 header on (RFC 4861 section 7.1.2).
 * @ret->eth_dst is left zero, and so is .lladdr when the option is not there (.bare).
 * Returns NULL, or why not, as a short literal; *ret is untouched then.
 */
const char *ndp_na_decode(struct rd r, struct ndp_na *ret);

/* Append a whole neighbour advertisement frame. */
void ndp_na_encode(struct wr *w, const struct ndp_na *na);

/* What an interface has by itself: fe80:: and its MAC in EUI-64 form (RFC 4291 appendix A). */
struct ip_addr ndp_link_local(const uint8_t mac[static ETHER_ADDR_LEN]);
struct ip_addr ndp_all_nodes(void);                          /* ff02::1 */
struct ip_addr ndp_solicited_node(const struct ip_addr *ip); /* RFC 4291 section 2.7.1 */
void ndp_group_mac(const struct ip_addr *group, uint8_t ret[static ETHER_ADDR_LEN]); /* RFC 2464 */

static inline bool ip_is_unspecified6(const struct ip_addr *ip)
{
	return ip->family == IP_V6 && ip_to_number(ip) == 0;
}

#endif
