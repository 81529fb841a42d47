// SPDX-License-Identifier: Apache-2.0
/*
 * Messages of nf_tables (linux/netfilter/nf_tables.h), to see what is in the kernel: tables, the
 * chains and sets of our table, the elements of a set. Changes are nft's business.
 *
 * nft could list it too, but takes a gigabyte of memory for 10,000 Services. Pure: bytes in, bytes
 * out; requests are written into NFNL_REQUEST_MAX bytes (nfnl.h).
 */
#ifndef BELLMAN_PROXY_NFTNETLINK_H
#define BELLMAN_PROXY_NFTNETLINK_H

#include <linux/netlink.h>
#include <stddef.h>

#include "standalone/proxy/plan.h"

#define NFT_NAME_MAX 256 /* of the kernel, NUL included */

enum nftnetlink_what { NFT_TABLES, NFT_CHAINS, NFT_SETS, NFT_ELEMENTS };

/* Write the request for a dump. @set: whose elements, else NULL. Returns its length. */
size_t nftnetlink_write_dump(void *to, enum nftnetlink_what what, const char *set, uint32_t seq);

/* Write the request for one chain of our table. Returns its length. */
size_t nftnetlink_write_get_chain(void *to, const char *name, uint32_t seq);

/*
 * Read the name that a message of a dump tells of: a table's of any family, a chain's or a set's of
 * our table. Returns 0, -ENOENT when it is another's, or -EBADMSG; @ret is untouched then.
 */
int nftnetlink_read_name(const struct nlmsghdr *message, enum nftnetlink_what what,
			 char ret[static NFT_NAME_MAX]);

/*
 * How many rules are in the chain of ours that an answer to nftnetlink_write_get_chain() tells of,
 * and elements and rules that lead to it? Returns 0, -ENOENT, as above, or -EBADMSG.
 */
int nftnetlink_read_chain_use(const struct nlmsghdr *message, uint32_t *ret);

/*
 * Read the elements of @set and @family that a message of a dump tells of, and hand each to
 * @each with the chain that it leads to (NULL: of a set). Returns 0 or -EBADMSG, after those that
 * were good.
 */
int nftnetlink_read_elements(const struct nlmsghdr *message, enum rule_set set, uint8_t family,
			     void *arg,
			     void (*each)(void *arg, const struct element *e, const char *chain));

#endif
