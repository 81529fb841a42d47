// SPDX-License-Identifier: Apache-2.0
#include "standalone/proxy/ctnetlink.h"

#include <errno.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <sys/socket.h>

#include "standalone/proxy/nfnl.h"

#define MESSAGE(what) ((NFNL_SUBSYS_CTNETLINK << 8) | (what))

/* The kernel's own numbering of what a dump may be filtered by; its header keeps it to itself. */
#define FILTER_PROTOCOL (1u << 3)

/* --- writing ------------------------------------------------------------------------------- */

size_t ctnetlink_write_dump(void *to, uint8_t family, uint32_t seq)
{
	static const uint8_t udp = L4_UDP;
	static const uint32_t by_protocol = FILTER_PROTOCOL, by_nothing;
	struct nlmsghdr *m = nfnl_begin(to, MESSAGE(IPCTNL_MSG_CT_GET), NLM_F_DUMP,
					family == IP_V6 ? AF_INET6 : AF_INET, seq);

	struct nlattr *tuple = nfnl_begin_nested(m, CTA_TUPLE_ORIG);
	struct nlattr *protocol = nfnl_begin_nested(m, CTA_TUPLE_PROTO);
	nfnl_put(m, CTA_PROTO_NUM, &udp, sizeof(udp));
	nfnl_end_nested(m, protocol);
	nfnl_end_nested(m, tuple);

	struct nlattr *filter = nfnl_begin_nested(m, CTA_FILTER);
	nfnl_put(m, CTA_FILTER_ORIG_FLAGS, &by_protocol, sizeof(by_protocol));
	nfnl_put(m, CTA_FILTER_REPLY_FLAGS, &by_nothing, sizeof(by_nothing));
	nfnl_end_nested(m, filter);
	return m->nlmsg_len;
}

/* --- reading ------------------------------------------------------------------------------- */

/* One end of a flow: addresses and ports as the packets in that direction have them. */
struct tuple {
	struct ip_addr src, dst;
	uint16_t src_port, dst_port;
	uint8_t protocol;
};

static bool has_len(const struct nlattr *a, int len)
{
	return a != NULL && nla_len(a) >= len;
}

static int addresses_read(struct nlattr *const ip[], uint8_t family, struct tuple *ret)
{
	const struct nlattr *src = ip[family == IP_V4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC];
	const struct nlattr *dst = ip[family == IP_V4 ? CTA_IP_V4_DST : CTA_IP_V6_DST];
	int len = family == IP_V4 ? 4 : 16;

	if (!has_len(src, len) || !has_len(dst, len))
		return -EBADMSG;
	ret->src = ip_from_bytes(family, nla_data(src));
	ret->dst = ip_from_bytes(family, nla_data(dst));
	return 0;
}

static uint16_t port_read(const struct nlattr *a)
{
	const uint8_t *b = has_len(a, 2) ? nla_data(a) : (const uint8_t[2]){ 0 };

	return (uint16_t)(b[0] << 8 | b[1]);
}

static int tuple_read(struct nlattr *from, uint8_t family, struct tuple *ret)
{
	struct nlattr *parts[CTA_TUPLE_MAX + 1], *ip[CTA_IP_MAX + 1], *proto[CTA_PROTO_MAX + 1];

	if (from == NULL || nla_parse_nested(parts, CTA_TUPLE_MAX, from, NULL) < 0 ||
	    parts[CTA_TUPLE_IP] == NULL || parts[CTA_TUPLE_PROTO] == NULL ||
	    nla_parse_nested(ip, CTA_IP_MAX, parts[CTA_TUPLE_IP], NULL) < 0 ||
	    nla_parse_nested(proto, CTA_PROTO_MAX, parts[CTA_TUPLE_PROTO], NULL) < 0 ||
	    !has_len(proto[CTA_PROTO_NUM], 1))
		return -EBADMSG;
	ret->protocol = *(const uint8_t *)nla_data(proto[CTA_PROTO_NUM]);
	ret->src_port = port_read(proto[CTA_PROTO_SRC_PORT]);
	ret->dst_port = port_read(proto[CTA_PROTO_DST_PORT]);
	return addresses_read(ip, family, ret);
}

/* The attributes of a message about a flow. Returns its family, or 0. */
static uint8_t attributes(const struct nlmsghdr *message, struct nlattr *ret[CTA_MAX + 1])
{
	/* libnl's prototypes take what they only read as not const. */
	struct nlmsghdr *m = (struct nlmsghdr *)(uintptr_t)message;
	const struct nfgenmsg *head = nlmsg_data(m);

	if (m->nlmsg_type != MESSAGE(IPCTNL_MSG_CT_NEW) ||
	    nlmsg_parse(m, sizeof(*head), ret, CTA_MAX, NULL) < 0)
		return 0;
	return head->nfgen_family == AF_INET ? IP_V4 : head->nfgen_family == AF_INET6 ? IP_V6 : 0;
}

int ctnetlink_read(const struct nlmsghdr *message, struct flow *ret)
{
	struct nlattr *attr[CTA_MAX + 1];
	struct tuple forth, back;
	uint8_t family = attributes(message, attr);
	uint32_t status = 0;

	if (family == 0)
		return -ENOENT;
	if (tuple_read(attr[CTA_TUPLE_ORIG], family, &forth) != 0 ||
	    tuple_read(attr[CTA_TUPLE_REPLY], family, &back) != 0)
		return -EBADMSG;
	if (forth.protocol != L4_UDP)
		return -ENOENT;
	if (has_len(attr[CTA_STATUS], sizeof(status))) {
		const uint8_t *b = nla_data(attr[CTA_STATUS]);

		status = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
	}
	*ret = (struct flow){ .to = forth.dst,
			      .to_port = forth.dst_port,
			      .from = back.src,
			      .from_port = back.src_port,
			      .translated = (status & IPS_DST_NAT) != 0 };
	return 0;
}

size_t ctnetlink_write_delete(void *to, const struct nlmsghdr *message, uint32_t seq)
{
	static const uint16_t naming[] = { CTA_TUPLE_ORIG, CTA_ZONE, CTA_ID };
	struct nlattr *attr[CTA_MAX + 1];
	uint8_t family = attributes(message, attr);

	if (family == 0)
		return 0;
	struct nlmsghdr *m = nfnl_begin(to, MESSAGE(IPCTNL_MSG_CT_DELETE), 0,
					family == IP_V6 ? AF_INET6 : AF_INET, seq);
	for (size_t i = 0; i < sizeof(naming) / sizeof(naming[0]); i++) {
		const struct nlattr *a = attr[naming[i]];

		if (a != NULL && nfnl_put(m, a->nla_type, nla_data(a), (size_t)nla_len(a)) == NULL)
			return 0;
	}
	return m->nlmsg_len;
}
