// SPDX-License-Identifier: Apache-2.0
#include "proto/pcap.h"

#include "lib/base/duration.h"

#define MAGIC_NANOSECONDS                                                                          \
	0xa1b23c4du /* in the byte order of the rest of the file: network order                    \
		     */
#define SNAP_LEN          262144u
#define LINKTYPE_ETHERNET 1u

void pcap_header_encode(struct wr *w)
{
	wr_u32(w, MAGIC_NANOSECONDS);
	wr_u16(w, 2); /* version 2.4 */
	wr_u16(w, 4);
	wr_u32(w, 0); /* both once meant for time zones */
	wr_u32(w, 0);
	wr_u32(w, SNAP_LEN);
	wr_u32(w, LINKTYPE_ETHERNET);
}

void pcap_frame_encode(struct wr *w, uint64_t time_ns, const void *frame, size_t len)
{
	wr_u32(w, (uint32_t)(time_ns / NS_PER_S));
	wr_u32(w, (uint32_t)(time_ns % NS_PER_S));
	wr_u32(w, (uint32_t)len); /* captured, */
	wr_u32(w, (uint32_t)len); /* and on the wire */
	wr_bytes(w, frame, len);
}
