// SPDX-License-Identifier: Apache-2.0
/*
 * Writing capture files that every tool reads: classic pcap, Ethernet, nanoseconds
 * (draft-ietf-opsawg-pcap). Into the caller's bytes; reading them is libpcap's.
 */
#ifndef BELLMAN_PROTO_PCAP_H
#define BELLMAN_PROTO_PCAP_H

#include "lib/base/cursor.h"

#define PCAP_HEADER_LEN 24
#define PCAP_RECORD_LEN 16

/* The file header; once, first. */
void pcap_header_encode(struct wr *w);

/* One frame as seen at @time_ns since the epoch. */
void pcap_frame_encode(struct wr *w, uint64_t time_ns, const void *frame, size_t len);

#endif
