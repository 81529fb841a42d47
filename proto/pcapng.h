// SPDX-License-Identifier: Apache-2.0
/*
 * Writing pcapng (draft-ietf-opsawg-pcapng): section header, interface descriptions, enhanced
 * packets with comments. Nanoseconds, Ethernet. Into the caller's bytes; reading is libpcap's.
 */
#ifndef BELLMAN_PROTO_PCAPNG_H
#define BELLMAN_PROTO_PCAPNG_H

#include "lib/base/cursor.h"

/* The section header; once, first. @application: who writes, e.g. "bellman 0.1.0". */
void pcapng_section_encode(struct wr *w, const char *application);
/* One interface; they are numbered from 0 in their order. @name, @description: UTF-8. */
void pcapng_interface_encode(struct wr *w, const char *name, const char *description);
/* A frame on interface @interface at @time_ns since 1970. @comment: NULL for none. */
void pcapng_packet_encode(struct wr *w, uint32_t interface, uint64_t time_ns, const void *frame,
			  size_t len, const char *comment);
/* Room that the last one takes at most. */
size_t pcapng_packet_room(size_t len, const char *comment);

#endif
