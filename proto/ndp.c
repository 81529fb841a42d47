// SPDX-License-Identifier: Apache-2.0
#include "proto/ndp.h"

#define NEXT_ICMPV6  58
#define HOP_LIMIT    255 /* nobody off the link can send with it: RFC 4861 section 3.1 */
#define TYPE_NS      135
#define TYPE_NA      136
#define OPT_SLLA     1
#define OPT_TLLA     2
#define NA_SOLICITED 0x40000000u
#define NA_OVERRIDE  0x20000000u
#define FIXED_LEN    24 /* ICMPv6 part up to the options */
#define OPT_LEN      8  /* a link-layer address of Ethernet */

static struct ip_addr rd_ipv6(struct rd *r)
{
	uint8_t bytes[16];

	rd_bytes(r, bytes, sizeof(bytes));
	return ip_from_bytes(IP_V6, bytes);
}

/* RFC 1071 over the pseudo-header of RFC 8200 section 8.1 and the message; 0 when a sum is right.
 */
static uint16_t checksum(const struct ip_addr *src, const struct ip_addr *dst, struct rd message)
{
	uint64_t sum = rd_left(&message) + NEXT_ICMPV6;
	struct rd addresses[] = { rd_init(src->bytes, 16), rd_init(dst->bytes, 16) };

	for (size_t i = 0; i < 2; i++)
		while (rd_left(&addresses[i]) > 0)
			sum += rd_u16(&addresses[i]);
	while (rd_left(&message) > 1)
		sum += rd_u16(&message);
	if (rd_left(&message) > 0)
		sum += (uint64_t)rd_u8(&message) << 8;
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

struct ip_addr ndp_link_local(const uint8_t mac[static ETHER_ADDR_LEN])
{
	const uint8_t bytes[16] = { 0xfe, 0x80, [8] = mac[0] ^ 2, mac[1], mac[2],
				    0xff, 0xfe, mac[3],           mac[4], mac[5] };

	return ip_from_bytes(IP_V6, bytes);
}

struct ip_addr ndp_all_nodes(void)
{
	return ip_from_bytes(IP_V6, (const uint8_t[16]){ 0xff, 0x02, [15] = 1 });
}

struct ip_addr ndp_solicited_node(const struct ip_addr *ip)
{
	uint8_t bytes[16] = { 0xff, 0x02, [11] = 1, 0xff };

	memcpy(bytes + 13, ip->bytes + 13, 3);
	return ip_from_bytes(IP_V6, bytes);
}

void ndp_group_mac(const struct ip_addr *group, uint8_t ret[static ETHER_ADDR_LEN])
{
	ret[0] = ret[1] = 0x33;
	memcpy(ret + 2, group->bytes + 12, 4);
}

/* What solicitations and advertisements have in common. */
struct message {
	struct ip_addr src, dst, target;
	uint32_t flags;
	bool has_lladdr;
	uint8_t lladdr[ETHER_ADDR_LEN];
};

/* Sections 4.3, 4.4: only the link-layer address of type @want matters; others are skipped. */
static const char *options_decode(struct rd r, uint8_t want, struct message *m)
{
	while (rd_left(&r) > 0) {
		uint8_t type = rd_u8(&r);
		uint8_t units = rd_u8(&r); /* of 8 octets, these two included */

		if (units == 0) /* section 4.6; it would never advance */
			return "option_length";
		struct rd body = rd_sub(&r, units * 8u - 2u);
		if (type == want && units == 1) {
			rd_bytes(&body, m->lladdr, sizeof(m->lladdr));
			m->has_lladdr = !rd_failed(&body);
		}
	}
	return rd_failed(&r) ? "option_length" : NULL;
}

/* The checks that sections 7.1.1 and 7.1.2 share. @other: what to call another type. */
static const char *message_decode(struct rd r, uint8_t want_type, uint8_t want_option,
				  const char *other, struct message *ret)
{
	struct message m = { 0 };

	uint32_t version = rd_u32(&r) >> 28;
	uint16_t payload = rd_u16(&r);
	uint8_t next = rd_u8(&r);
	uint8_t hop_limit = rd_u8(&r);
	m.src = rd_ipv6(&r);
	m.dst = rd_ipv6(&r);
	struct rd message = rd_sub(&r, payload), whole = message;
	if (rd_failed(&r))
		return "short";
	if (version != 6 || next != NEXT_ICMPV6)
		return "not_icmpv6";
	if (hop_limit != HOP_LIMIT)
		return "hop_limit";

	uint8_t type = rd_u8(&message);
	uint8_t code = rd_u8(&message);
	rd_u16(&message); /* checksum: summed with the rest */
	m.flags = rd_u32(&message);
	m.target = rd_ipv6(&message);
	if (rd_failed(&message))
		return "short";
	if (checksum(&m.src, &m.dst, whole) != 0)
		return "checksum";
	if (type != want_type || code != 0)
		return other;
	if (m.target.bytes[0] == 0xff)
		return "target_multicast";
	const char *bad = options_decode(message, want_option, &m);
	if (bad != NULL)
		return bad;
	if (m.src.bytes[0] == 0xff)
		return "source_multicast";
	*ret = m;
	return NULL;
}

const char *ndp_ns_decode(struct rd r, struct ndp_ns *ret)
{
	struct message m;
	const char *bad = message_decode(r, TYPE_NS, OPT_SLLA, "not_a_solicitation", &m);

	if (bad != NULL)
		return bad;
	if (ip_is_unspecified6(&m.src)) {
		struct ip_addr group = ndp_solicited_node(&m.target);
		if (!ip_equal(&m.dst, &group) || m.has_lladdr)
			return "source_unspecified";
	}
	*ret = (struct ndp_ns){
		.src = m.src, .dst = m.dst, .target = m.target, .has_lladdr = m.has_lladdr
	};
	memcpy(ret->lladdr, m.lladdr, sizeof(ret->lladdr));
	return NULL;
}

const char *ndp_na_decode(struct rd r, struct ndp_na *ret)
{
	struct message m;
	const char *bad = message_decode(r, TYPE_NA, OPT_TLLA, "not_an_advertisement", &m);

	if (bad != NULL)
		return bad;
	if (m.dst.bytes[0] == 0xff && (m.flags & NA_SOLICITED) != 0)
		return "solicited_multicast";
	*ret = (struct ndp_na){
		.src = m.src,
		.dst = m.dst,
		.target = m.target,
		.solicited = (m.flags & NA_SOLICITED) != 0,
		.override = (m.flags & NA_OVERRIDE) != 0,
		.bare = !m.has_lladdr,
	};
	memcpy(ret->lladdr, m.lladdr, sizeof(ret->lladdr));
	return NULL;
}

/* A whole frame with the message @m, whose option, if it has one, is of type @option. */
static void message_encode(struct wr *w, const uint8_t eth_dst[static ETHER_ADDR_LEN],
			   const uint8_t eth_src[static ETHER_ADDR_LEN], uint8_t type,
			   uint8_t option, const struct message *m)
{
	struct ether e = { .type = ETHER_TYPE_IPV6 };
	const uint16_t len = FIXED_LEN + (m->has_lladdr ? OPT_LEN : 0);

	memcpy(e.dst, eth_dst, sizeof(e.dst));
	memcpy(e.src, eth_src, sizeof(e.src));
	ether_encode(w, &e);

	wr_u32(w, 6u << 28);
	wr_u16(w, len);
	wr_u8(w, NEXT_ICMPV6);
	wr_u8(w, HOP_LIMIT);
	wr_bytes(w, m->src.bytes, 16);
	wr_bytes(w, m->dst.bytes, 16);

	const uint8_t *message = w->at;
	wr_u8(w, type);
	wr_u8(w, 0);
	uint8_t *sum = wr_hole16(w);
	wr_u32(w, m->flags);
	wr_bytes(w, m->target.bytes, 16);
	if (m->has_lladdr) {
		wr_u8(w, option);
		wr_u8(w, OPT_LEN / 8);
		wr_bytes(w, m->lladdr, sizeof(m->lladdr));
	}
	if (!wr_failed(w))
		wr_fill16(w, sum, checksum(&m->src, &m->dst, rd_init(message, len)));
}

void ndp_ns_encode(struct wr *w, const uint8_t eth_dst[static ETHER_ADDR_LEN],
		   const uint8_t eth_src[static ETHER_ADDR_LEN], const struct ndp_ns *ns)
{
	struct message m = {
		.src = ns->src, .dst = ns->dst, .target = ns->target, .has_lladdr = ns->has_lladdr
	};

	memcpy(m.lladdr, ns->lladdr, sizeof(m.lladdr));
	message_encode(w, eth_dst, eth_src, TYPE_NS, OPT_SLLA, &m);
}

void ndp_na_encode(struct wr *w, const struct ndp_na *na)
{
	struct message m = {
		.src = na->src,
		.dst = na->dst,
		.target = na->target,
		.flags = (na->solicited ? NA_SOLICITED : 0) | (na->override ? NA_OVERRIDE : 0),
		.has_lladdr = !na->bare,
	};

	memcpy(m.lladdr, na->lladdr, sizeof(m.lladdr));
	message_encode(w, na->eth_dst, na->lladdr, TYPE_NA, OPT_TLLA, &m);
}
