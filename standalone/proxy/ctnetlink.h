// SPDX-License-Identifier: Apache-2.0
/*
 * Messages of the kernel's connection tracking (linux/netfilter/nfnetlink_conntrack.h): ask for all
 * UDP flows, read one, ask that it be forgotten. Pure: bytes in, bytes out.
 *
 * A flow is named to the kernel by the very attributes it came with, its id among them, so that
 * a younger flow between the same ends is never taken for it.
 */
#ifndef BELLMAN_PROXY_CTNETLINK_H
#define BELLMAN_PROXY_CTNETLINK_H

#include <linux/netlink.h>
#include <stddef.h>

#include "standalone/proxy/flows.h"

/*
 * Requests are written into NFNL_REQUEST_MAX bytes (nfnl.h).
 *
 * Write the request for a dump of the UDP flows of @family. Kernels before 5.8 take no notice of
 * the protocol and send all flows. Returns its length.
 */
size_t ctnetlink_write_dump(void *to, uint8_t family, uint32_t seq);

/*
 * Read one message of the dump. Returns 0, -ENOENT when it is no flow of UDP over IP, or -EBADMSG;
 * *ret is untouched then.
 */
int ctnetlink_read(const struct nlmsghdr *message, struct flow *ret);

/* Write the request to forget the flow that @message told of. Returns its length, 0: too long. */
size_t ctnetlink_write_delete(void *to, const struct nlmsghdr *message, uint32_t seq);

#endif
