// SPDX-License-Identifier: Apache-2.0
/*
 * The sockets of layer 2: frames in through a filter, frames out, multicast groups.
 *
 * One packet socket takes ARP and one takes IPv6 from all interfaces; a raw ICMPv6 socket would
 * not do, since it never sees a unicast solicitation for an address that no interface
 * holds. A third only sends. Groups are entered by plain UDP sockets, a few hundred each,
 * because the memory for them is bounded by net.core.optmem_max per socket. Needs CAP_NET_RAW.
 */
#ifndef BELLMAN_SPEAKER_PACKET_IO_H
#define BELLMAN_SPEAKER_PACKET_IO_H

#include "speaker/engine.h"

#include <uv.h>

struct packet_io; /* opaque */

struct packet_io_cfg {
	uv_loop_t *loop;
	struct speaker *speaker; /* borrowed: frames go into it, covers come out of it */
};

/*
 * Open the sockets with filters that let nothing through.
 * Returns 0; -EPERM without CAP_NET_RAW; another negative errno.
 */
int packet_io_open(const struct packet_io_cfg *cfg, struct packet_io **ret);

/* Do the filters, groups and frames among @actions, in their order. Failures are logged. */
void packet_io_do(struct packet_io *io, const struct speaker_actions *actions);

/* Close all, and so leave all groups. The loop must turn once more. NULL is fine; returns NULL. */
struct packet_io *packet_io_close(struct packet_io *io);

#endif
