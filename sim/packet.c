// SPDX-License-Identifier: Apache-2.0
#include "sim/packet.h"

#define VERSION_IHL    0x45   /* IPv4, five words of header */
#define DONT_FRAGMENT  0x4000 /* there are no fragments here */
#define FRAGMENT_MASK  0x3fff /* more fragments, or not the first */
#define TTL            64
#define UDP_HEADER_LEN 8
#define TCP_HEADER_LEN 20

/* RFC 1071: the sum of 16-bit words, one at the odd end padded; begun with @sum. */
static uint64_t sum_of(struct rd r, uint64_t sum)
{
	while (rd_left(&r) > 1)
		sum += rd_u16(&r);
	if (rd_left(&r) > 0)
		sum += (uint64_t)rd_u8(&r) << 8;
	return sum;
}

static uint16_t fold(uint64_t sum)
{
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static size_t ip_len(const struct ip_addr *ip)
{
	return ip->family == IP_V4 ? 4 : 16;
}

/* The pseudo-headers of RFC 9293 section 3.1 and RFC 8200 section 8.1 have the same sum. */
static uint16_t l4_checksum(const struct sim_packet *p, struct rd segment)
{
	uint64_t sum = rd_left(&segment) + p->protocol;

	sum = sum_of(rd_init(p->src.bytes, ip_len(&p->src)), sum);
	sum = sum_of(rd_init(p->dst.bytes, ip_len(&p->dst)), sum);
	return fold(sum_of(segment, sum));
}

/* --- decode --------------------------------------------------------------------------------- */

static struct ip_addr rd_ip(struct rd *r, uint8_t family)
{
	uint8_t bytes[16];

	rd_bytes(r, bytes, family == IP_V4 ? 4 : 16);
	return ip_from_bytes(family, bytes);
}

static const char *udp_decode(struct rd segment, struct sim_packet *p)
{
	struct rd r = segment;

	p->src_port = rd_u16(&r);
	p->dst_port = rd_u16(&r);
	uint16_t len = rd_u16(&r);
	uint16_t checksum = rd_u16(&r);
	if (rd_failed(&r) || len != rd_left(&segment))
		return "udp_length";
	if ((checksum != 0 || p->src.family == IP_V6) && l4_checksum(p, segment) != 0)
		return "checksum";
	p->payload = r.at;
	p->payload_len = rd_left(&r);
	return NULL;
}

static const char *tcp_decode(struct rd segment, struct sim_packet *p)
{
	struct rd r = segment;

	p->src_port = rd_u16(&r);
	p->dst_port = rd_u16(&r);
	p->seq = rd_u32(&r);
	p->ack = rd_u32(&r);
	unsigned header_len = (rd_u8(&r) >> 4) * 4u;
	p->flags = rd_u8(&r) & (SIM_FIN | SIM_SYN | SIM_RST | SIM_PSH | SIM_ACK);
	p->window = rd_u16(&r);
	rd_u32(&r); /* checksum, urgent pointer */
	if (rd_failed(&r) || header_len < TCP_HEADER_LEN)
		return "tcp_length";
	rd_take(&r, header_len - TCP_HEADER_LEN);
	if (rd_failed(&r))
		return "tcp_length";
	if (l4_checksum(p, segment) != 0)
		return "checksum";
	p->payload = r.at;
	p->payload_len = rd_left(&r);
	return NULL;
}

static const char *ipv4_decode(struct rd *r, struct sim_packet *p, struct rd *ret_segment)
{
	struct rd header = *r;

	if (rd_u8(&header) != VERSION_IHL)
		return "ipv4_header";
	rd_u8(&header); /* traffic class */
	uint16_t total = rd_u16(&header);
	rd_u16(&header); /* identification */
	uint16_t fragment = rd_u16(&header);
	p->ttl = rd_u8(&header);
	p->protocol = rd_u8(&header);
	rd_u16(&header); /* checksum: summed with the rest */
	p->src = rd_ip(&header, IP_V4);
	p->dst = rd_ip(&header, IP_V4);
	if (rd_failed(&header) || total < 20)
		return "short";
	struct rd whole = rd_sub(r, total);
	if (rd_failed(&whole))
		return "short";
	struct rd first = rd_sub(&whole, 20);
	if (fold(sum_of(first, 0)) != 0)
		return "checksum";
	if ((fragment & FRAGMENT_MASK) != 0)
		return "fragment";
	*ret_segment = whole;
	return NULL;
}

static const char *ipv6_decode(struct rd *r, struct sim_packet *p, struct rd *ret_segment)
{
	uint32_t version = rd_u32(r) >> 28;
	uint16_t payload = rd_u16(r);

	p->protocol = rd_u8(r);
	p->ttl = rd_u8(r);
	p->src = rd_ip(r, IP_V6);
	p->dst = rd_ip(r, IP_V6);
	*ret_segment = rd_sub(r, payload);
	if (rd_failed(r))
		return "short";
	return version == 6 ? NULL : "ipv6_header";
}

const char *sim_packet_decode(uint16_t ether_type, struct rd r, struct sim_packet *ret)
{
	struct sim_packet p = { 0 };
	struct rd segment = { 0 };
	const char *bad = ether_type == SIM_ETHER_TYPE_IPV4 ? ipv4_decode(&r, &p, &segment)
			  : ether_type == ETHER_TYPE_IPV6   ? ipv6_decode(&r, &p, &segment)
							    : "ether_type";

	if (bad == NULL)
		bad = p.protocol == SIM_UDP   ? udp_decode(segment, &p)
		      : p.protocol == SIM_TCP ? tcp_decode(segment, &p)
					      : "protocol";
	if (bad == NULL)
		*ret = p;
	return bad;
}

/* --- encode --------------------------------------------------------------------------------- */

static size_t header_len(const struct sim_packet *p)
{
	return p->protocol == SIM_UDP ? UDP_HEADER_LEN : TCP_HEADER_LEN;
}

static void ip_encode(struct wr *w, const struct sim_packet *p)
{
	size_t len = header_len(p) + p->payload_len;
	uint8_t ttl = p->ttl != 0 ? p->ttl : TTL;

	if (p->src.family == IP_V6) {
		wr_u32(w, 6u << 28);
		wr_u16(w, (uint16_t)len);
		wr_u8(w, p->protocol);
		wr_u8(w, ttl);
		wr_bytes(w, p->src.bytes, 16);
		wr_bytes(w, p->dst.bytes, 16);
		return;
	}
	uint8_t *start = w->at;
	wr_u8(w, VERSION_IHL);
	wr_u8(w, 0);
	wr_u16(w, (uint16_t)(20 + len));
	wr_u16(w, 0);
	wr_u16(w, DONT_FRAGMENT);
	wr_u8(w, ttl);
	wr_u8(w, p->protocol);
	uint8_t *checksum = wr_hole16(w);
	wr_bytes(w, p->src.bytes, 4);
	wr_bytes(w, p->dst.bytes, 4);
	if (!wr_failed(w))
		wr_fill16(w, checksum, fold(sum_of(rd_init(start, 20), 0)));
}

/* Returns where its checksum goes. */
static uint8_t *l4_encode(struct wr *w, const struct sim_packet *p)
{
	uint8_t *checksum;

	wr_u16(w, p->src_port);
	wr_u16(w, p->dst_port);
	if (p->protocol == SIM_UDP) {
		wr_u16(w, (uint16_t)(UDP_HEADER_LEN + p->payload_len));
		return wr_hole16(w);
	}
	wr_u32(w, p->seq);
	wr_u32(w, p->ack);
	wr_u8(w, TCP_HEADER_LEN / 4 << 4);
	wr_u8(w, p->flags);
	wr_u16(w, p->window);
	checksum = wr_hole16(w);
	wr_u16(w, 0);
	return checksum;
}

void sim_packet_encode(struct wr *w, const uint8_t dst[static ETHER_ADDR_LEN],
		       const uint8_t src[static ETHER_ADDR_LEN], const struct sim_packet *p)
{
	struct ether e = { .type = p->src.family == IP_V4 ? SIM_ETHER_TYPE_IPV4 : ETHER_TYPE_IPV6 };

	memcpy(e.dst, dst, sizeof(e.dst));
	memcpy(e.src, src, sizeof(e.src));
	ether_encode(w, &e);
	ip_encode(w, p);
	const uint8_t *segment = w->at;
	uint8_t *checksum = l4_encode(w, p);
	wr_bytes(w, p->payload, p->payload_len);
	if (wr_failed(w))
		return;
	uint16_t sum = l4_checksum(p, rd_init(segment, (size_t)(w->at - segment)));
	/* RFC 768: 0 would say that there is none. */
	wr_fill16(w, checksum, p->protocol == SIM_UDP && sum == 0 ? 0xffff : sum);
}
