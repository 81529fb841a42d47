// SPDX-License-Identifier: Apache-2.0
/*
 * Address resolution in words: what an ARP or neighbour discovery frame says.
 *
 *	gratuitous ARP request: 10.0.0.200 is at 02:00:00:00:00:01
 *
 * Pure. A frame that does not decode is told as what is wrong with it.
 */
#ifndef BELLMAN_CTL_FRAME_TEXT_H
#define BELLMAN_CTL_FRAME_TEXT_H

#include "proto/ether.h"

#include <stddef.h>

#define FRAME_TEXT_MAX 256

/*
 * Write what the frame @bytes, Ethernet header included, says into @buf.
 * Returns @buf with the sender's address in @ret_src, or NULL for a frame that is neither ARP nor a
 * neighbour solicitation or advertisement; both are untouched then.
 */
const char *frame_text(const void *bytes, size_t len, uint8_t ret_src[static ETHER_ADDR_LEN],
		       char buf[static FRAME_TEXT_MAX]);

#endif
