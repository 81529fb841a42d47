// SPDX-License-Identifier: Apache-2.0
/*
 * Writing pcapng (draft-ietf-opsawg-pcapng): section header, interface descriptions, enhanced
 * packets with comments. Nanoseconds, Ethernet, network byte order. Into the caller's bytes;
 * reading is libpcap's.
 *
 * Texts are UTF-8. NULL or "": that option is left out. What does not fit into an option (65,535
 * bytes) is cut off behind a whole character.
 */
#ifndef BELLMAN_PROTO_PCAPNG_H
#define BELLMAN_PROTO_PCAPNG_H

#include "lib/base/cursor.h"

/* The section header; once, first. @application: who writes, e.g. "bellman 0.1.0". */
void pcapng_section_encode(struct wr *w, const char *application);
/* One interface, before the first frame on it; they are numbered from 0 in their order. */
void pcapng_interface_encode(struct wr *w, const char *name, const char *description);
/* A frame on interface @interface at @time_ns since 1970. @comment: for whoever reads it. */
void pcapng_packet_encode(struct wr *w, uint32_t interface, uint64_t time_ns, const void *frame,
			  size_t len, const char *comment);
/* Room that suffices for a frame; and for the section or an interface, with its texts. */
size_t pcapng_packet_room(size_t len, const char *comment);
size_t pcapng_header_room(const char *text, const char *other);

#endif
