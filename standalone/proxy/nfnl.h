// SPDX-License-Identifier: Apache-2.0
/* Requests to the subsystems of nfnetlink, written into a block of the caller's. */
#ifndef BELLMAN_PROXY_NFNL_H
#define BELLMAN_PROXY_NFNL_H

#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#include <netlink/attr.h>
#include <netlink/msg.h>

#define NFNL_REQUEST_MAX 512 /* bytes of any request that is written here */

/* Begin a request in @to, which has NFNL_REQUEST_MAX bytes. */
static inline struct nlmsghdr *nfnl_begin(void *to, uint16_t type, uint16_t flags, uint8_t family,
					  uint32_t seq)
{
	struct nlmsghdr *m = to;
	struct nfgenmsg *head = nlmsg_data(m);

	memset(to, 0, NFNL_REQUEST_MAX);
	m->nlmsg_len = (uint32_t)nlmsg_size(sizeof(*head));
	m->nlmsg_type = type;
	m->nlmsg_flags = NLM_F_REQUEST | flags;
	m->nlmsg_seq = seq;
	head->nfgen_family = family;
	head->version = NFNETLINK_V0;
	return m;
}

/* Append an attribute. Returns it, or NULL: no room. */
static inline struct nlattr *nfnl_put(struct nlmsghdr *m, uint16_t type, const void *data,
				      size_t len)
{
	struct nlattr *a = (void *)((char *)m + NLMSG_ALIGN(m->nlmsg_len));

	if (len > NFNL_REQUEST_MAX ||
	    NLMSG_ALIGN(m->nlmsg_len) + (size_t)nla_total_size((int)len) > NFNL_REQUEST_MAX)
		return NULL;
	a->nla_type = type;
	a->nla_len = (uint16_t)nla_attr_size((int)len);
	if (len > 0)
		memcpy(nla_data(a), data, len);
	m->nlmsg_len = NLMSG_ALIGN(m->nlmsg_len) + (uint32_t)nla_total_size((int)len);
	return a;
}

/* Begin an attribute of others, which follow; nfnl_end_nested() ends it. */
static inline struct nlattr *nfnl_begin_nested(struct nlmsghdr *m, uint16_t type)
{
	return nfnl_put(m, type | NLA_F_NESTED, NULL, 0);
}

static inline void nfnl_end_nested(struct nlmsghdr *m, struct nlattr *nested)
{
	nested->nla_len = (uint16_t)((char *)m + m->nlmsg_len - (char *)nested);
}

#endif
