// SPDX-License-Identifier: Apache-2.0
#include "ctl/frame_text.h"

#include <stdio.h>

#include "proto/arp.h"
#include "proto/ndp.h"

#define ICMPV6_AT      40 /* in the IPv6 packet, without extension headers */
#define NEXT_HEADER_AT 6
#define NEXT_ICMPV6    58
#define TYPE_NS        135
#define TYPE_NA        136

static void arp_text(struct rd r, const struct ether *e, char *buf)
{
	char sender[IP_TEXT_MAX], target[IP_TEXT_MAX], mac[ETHER_TEXT_MAX], to[ETHER_TEXT_MAX];
	struct arp a;
	const char *bad = arp_decode(r, &a);

	if (bad != NULL) {
		snprintf(buf, FRAME_TEXT_MAX, "malformed ARP (%s)", bad);
		return;
	}
	ip_format(&a.sender_ip, sender);
	ip_format(&a.target_ip, target);
	ether_format(a.sender_mac, mac);
	ether_format(e->dst, to);

	if (a.op != ARP_REQUEST && a.op != ARP_REPLY)
		snprintf(buf, FRAME_TEXT_MAX, "ARP operation %u", a.op);
	else if (ip_equal(&a.sender_ip, &a.target_ip)) /* RFC 5227 section 3 */
		snprintf(buf, FRAME_TEXT_MAX, "gratuitous ARP %s: %s is at %s",
			 a.op == ARP_REQUEST ? "request" : "reply", sender, mac);
	else if (a.op == ARP_REPLY)
		snprintf(buf, FRAME_TEXT_MAX, "ARP reply to %s: %s is at %s", to, sender, mac);
	else if (ip_to_number(&a.sender_ip) == 0) /* RFC 5227 section 2.1.1 */
		snprintf(buf, FRAME_TEXT_MAX, "ARP probe: who has %s?", target);
	else
		snprintf(buf, FRAME_TEXT_MAX, "ARP request: who has %s? tell %s", target, sender);
}

static void ns_text(struct rd r, char *buf)
{
	char src[IP_TEXT_MAX], target[IP_TEXT_MAX];
	struct ndp_ns ns;
	const char *bad = ndp_ns_decode(r, &ns);

	if (bad != NULL) {
		snprintf(buf, FRAME_TEXT_MAX, "malformed neighbour solicitation (%s)", bad);
		return;
	}
	ip_format(&ns.target, target);
	if (ip_is_unspecified6(&ns.src)) /* RFC 4862 section 5.4 */
		snprintf(buf, FRAME_TEXT_MAX, "duplicate address detection: who has %s?", target);
	else
		snprintf(buf, FRAME_TEXT_MAX, "neighbour solicitation: who has %s? tell %s", target,
			 ip_format(&ns.src, src));
}

static void na_text(struct rd r, const struct ether *e, char *buf)
{
	char dst[IP_TEXT_MAX], target[IP_TEXT_MAX], mac[ETHER_TEXT_MAX];
	static const uint8_t none[ETHER_ADDR_LEN];
	struct ndp_na na;
	const char *bad = ndp_na_decode(r, &na);

	if (bad != NULL) {
		snprintf(buf, FRAME_TEXT_MAX, "malformed neighbour advertisement (%s)", bad);
		return;
	}
	ip_format(&na.target, target);
	ether_format(memcmp(na.lladdr, none, sizeof(none)) == 0 ? e->src : na.lladdr, mac);
	const char *override = na.override ? " (override)" : "";
	if (na.solicited)
		snprintf(buf, FRAME_TEXT_MAX, "neighbour advertisement to %s: %s is at %s%s",
			 ip_format(&na.dst, dst), target, mac, override);
	else
		snprintf(buf, FRAME_TEXT_MAX, "unsolicited neighbour advertisement: %s is at %s%s",
			 target, mac, override);
}

/* The ICMPv6 type of an IPv6 packet without extension headers; 0 otherwise. */
static uint8_t icmpv6_type(struct rd r)
{
	rd_take(&r, NEXT_HEADER_AT);
	uint8_t next = rd_u8(&r);
	rd_take(&r, ICMPV6_AT - NEXT_HEADER_AT - 1);
	uint8_t type = rd_u8(&r);
	return next == NEXT_ICMPV6 ? type : 0;
}

const char *frame_text(const void *bytes, size_t len, uint8_t ret_src[static ETHER_ADDR_LEN],
		       char buf[static FRAME_TEXT_MAX])
{
	struct rd r = rd_init(bytes, len);
	struct ether e;

	if (ether_decode(&r, &e) != 0)
		return NULL;
	if (e.type == ETHER_TYPE_ARP)
		arp_text(r, &e, buf);
	else if (e.type == ETHER_TYPE_IPV6 && icmpv6_type(r) == TYPE_NS)
		ns_text(r, buf);
	else if (e.type == ETHER_TYPE_IPV6 && icmpv6_type(r) == TYPE_NA)
		na_text(r, &e, buf);
	else
		return NULL;
	memcpy(ret_src, e.src, ETHER_ADDR_LEN);
	return buf;
}
