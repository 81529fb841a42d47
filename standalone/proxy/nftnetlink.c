// SPDX-License-Identifier: Apache-2.0
#include "standalone/proxy/nftnetlink.h"

#include <errno.h>
#include <netinet/in.h> /* before linux/netfilter.h, which then leaves out its own */

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

#include "standalone/proxy/json.h"
#include "standalone/proxy/nfnl.h"

#define MESSAGE(what) ((NFNL_SUBSYS_NFTABLES << 8) | (what))

static const struct {
	uint16_t ask, told;
	int table, name; /* attributes; table 0: it is one */
} dumps[] = {
	[NFT_TABLES] = { NFT_MSG_GETTABLE, NFT_MSG_NEWTABLE, 0, NFTA_TABLE_NAME },
	[NFT_CHAINS] = { NFT_MSG_GETCHAIN, NFT_MSG_NEWCHAIN, NFTA_CHAIN_TABLE, NFTA_CHAIN_NAME },
	[NFT_SETS] = { NFT_MSG_GETSET, NFT_MSG_NEWSET, NFTA_SET_TABLE, NFTA_SET_NAME },
	[NFT_ELEMENTS] = { NFT_MSG_GETSETELEM, NFT_MSG_NEWSETELEM, NFTA_SET_ELEM_LIST_TABLE,
			   NFTA_SET_ELEM_LIST_SET },
};

/* --- writing ------------------------------------------------------------------------------- */

static void put_string(struct nlmsghdr *m, int type, const char *text)
{
	nfnl_put(m, (uint16_t)type, text, strlen(text) + 1);
}

size_t nftnetlink_write_dump(void *to, enum nftnetlink_what what, const char *set, uint32_t seq)
{
	struct nlmsghdr *m = nfnl_begin(to, MESSAGE(dumps[what].ask), NLM_F_DUMP,
					what == NFT_TABLES ? NFPROTO_UNSPEC : NFPROTO_INET, seq);

	/* Kernels that know no filter here send what is of other tables too. */
	if (what != NFT_TABLES)
		put_string(m, dumps[what].table, NFT_TABLE);
	if (set != NULL)
		put_string(m, dumps[what].name, set);
	return m->nlmsg_len;
}

size_t nftnetlink_write_get_chain(void *to, const char *name, uint32_t seq)
{
	struct nlmsghdr *m = nfnl_begin(to, MESSAGE(NFT_MSG_GETCHAIN), 0, NFPROTO_INET, seq);

	put_string(m, NFTA_CHAIN_TABLE, NFT_TABLE);
	put_string(m, NFTA_CHAIN_NAME, name);
	return m->nlmsg_len;
}

/* --- reading ------------------------------------------------------------------------------- */

/* The attributes of a message of such a dump, those above @max left out. */
static int attributes(const struct nlmsghdr *message, enum nftnetlink_what what,
		      struct nlattr **ret, int max)
{
	/* libnl's prototypes take what they only read as not const. */
	struct nlmsghdr *m = (struct nlmsghdr *)(uintptr_t)message;

	if (m->nlmsg_type != MESSAGE(dumps[what].told))
		return -ENOENT;
	return nlmsg_parse(m, sizeof(struct nfgenmsg), ret, max, NULL) < 0 ? -EBADMSG : 0;
}

/* The text of an attribute, which the kernel ends by a NUL; NULL when it does not. */
static const char *text_of(const struct nlattr *a)
{
	return a != NULL && nla_len(a) > 0 && nla_len(a) <= NFT_NAME_MAX &&
			       ((const char *)nla_data(a))[nla_len(a) - 1] == '\0'
		       ? nla_data(a)
		       : NULL;
}

static bool is_our_table(const struct nlmsghdr *message, const struct nlattr *table)
{
	const struct nfgenmsg *head = nlmsg_data(message);
	const char *name = text_of(table);

	return head->nfgen_family == NFPROTO_INET && name != NULL && strcmp(name, NFT_TABLE) == 0;
}

int nftnetlink_read_name(const struct nlmsghdr *message, enum nftnetlink_what what,
			 char ret[static NFT_NAME_MAX])
{
	enum { MAX = 8 }; /* names come early */
	struct nlattr *attr[MAX + 1];
	int rc = attributes(message, what, attr, MAX);

	if (rc != 0)
		return rc;
	const char *name = text_of(attr[dumps[what].name]);
	if (name == NULL)
		return -EBADMSG;
	if (what != NFT_TABLES && !is_our_table(message, attr[dumps[what].table]))
		return -ENOENT;
	memcpy(ret, name, strlen(name) + 1);
	return 0;
}

int nftnetlink_read_chain_use(const struct nlmsghdr *message, uint32_t *ret)
{
	enum { MAX = NFTA_CHAIN_USE };
	struct nlattr *attr[MAX + 1];
	int rc = attributes(message, NFT_CHAINS, attr, MAX);

	if (rc != 0)
		return rc;
	if (attr[NFTA_CHAIN_USE] == NULL || nla_len(attr[NFTA_CHAIN_USE]) != sizeof(uint32_t))
		return -EBADMSG;
	if (!is_our_table(message, attr[NFTA_CHAIN_TABLE]))
		return -ENOENT;
	*ret = ntohl(nla_get_u32(attr[NFTA_CHAIN_USE]));
	return 0;
}

/* Keys are fields one after the other, each on the next multiple of four bytes. */
static int key_read(const struct nlattr *value, enum rule_set set, uint8_t family,
		    struct element *ret)
{
	const size_t ip_len = family == IP_V6 ? 16 : 4;
	const size_t lens[RULE_SETS] = { [SET_SERVICES] = ip_len + 8,
					 [SET_NODE_PORTS] = 8,
					 [SET_ADDRESSES] = ip_len,
					 [SET_CLUSTER_IPS] = ip_len,
					 [SET_HAIRPIN] = 2 * ip_len };
	struct element e = { .set = (uint8_t)set, .family = family };

	if (value == NULL || (size_t)nla_len(value) != lens[set])
		return -EBADMSG;
	const uint8_t *b = nla_data(value);
	if (set != SET_NODE_PORTS) {
		e.addr = ip_from_bytes(family, b);
		b += ip_len;
	}
	if (set == SET_SERVICES || set == SET_NODE_PORTS) {
		e.protocol = b[0];
		e.port = (uint16_t)(b[4] << 8 | b[5]);
	}
	*ret = e;
	return 0;
}

/* DATA { VERDICT { CODE, CHAIN } } */
static const char *chain_read(struct nlattr *data)
{
	struct nlattr *kinds[NFTA_DATA_MAX + 1], *verdict[NFTA_VERDICT_MAX + 1];

	if (data == NULL || nla_parse_nested(kinds, NFTA_DATA_MAX, data, NULL) < 0 ||
	    kinds[NFTA_DATA_VERDICT] == NULL ||
	    nla_parse_nested(verdict, NFTA_VERDICT_MAX, kinds[NFTA_DATA_VERDICT], NULL) < 0)
		return NULL;
	return text_of(verdict[NFTA_VERDICT_CHAIN]);
}

static int element_read(struct nlattr *from, enum rule_set set, uint8_t family, struct element *ret,
			const char **ret_chain)
{
	struct nlattr *parts[NFTA_SET_ELEM_MAX + 1], *key[NFTA_DATA_MAX + 1];

	if (nla_parse_nested(parts, NFTA_SET_ELEM_MAX, from, NULL) < 0 ||
	    parts[NFTA_SET_ELEM_KEY] == NULL ||
	    nla_parse_nested(key, NFTA_DATA_MAX, parts[NFTA_SET_ELEM_KEY], NULL) < 0)
		return -EBADMSG;
	*ret_chain = chain_read(parts[NFTA_SET_ELEM_DATA]);
	return key_read(key[NFTA_DATA_VALUE], set, family, ret);
}

int nftnetlink_read_elements(const struct nlmsghdr *message, enum rule_set set, uint8_t family,
			     void *arg,
			     void (*each)(void *arg, const struct element *e, const char *chain))
{
	struct nlattr *attr[NFTA_SET_ELEM_LIST_MAX + 1], *item;
	int rc = attributes(message, NFT_ELEMENTS, attr, NFTA_SET_ELEM_LIST_MAX), left;

	if (rc != 0 || attr[NFTA_SET_ELEM_LIST_ELEMENTS] == NULL)
		return rc == -ENOENT ? 0 : rc;
	nla_for_each_nested(item, attr[NFTA_SET_ELEM_LIST_ELEMENTS], left)
	{
		const char *chain;
		struct element e;

		rc = element_read(item, set, family, &e, &chain);
		if (rc != 0)
			return rc;
		each(arg, &e, chain);
	}
	return 0;
}
