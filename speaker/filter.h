// SPDX-License-Identifier: Apache-2.0
/*
 * Socket filters, so that only solicitations for announced addresses wake the process.
 *
 * Pure: from addresses to covering prefixes, from prefixes to classic BPF instructions
 * (linux/filter.h). A filter may let too much through, never too little: whoever
 * receives still looks each address up. packet_io.h attaches them.
 */
#ifndef BELLMAN_SPEAKER_FILTER_H
#define BELLMAN_SPEAKER_FILTER_H

#include "lib/base/ip.h"

#include <linux/filter.h>

#define FILTER_PREFIXES_MAX 64
#define FILTER_LEN_MAX      704 /* instructions, for as many IPv6 prefixes */

/*
 * Cover @count addresses of one family, ascending and distinct, by at most @max prefixes (1 to
 * FILTER_PREFIXES_MAX), the nearest ones merged. Returns how many are in @ret, ascending and
 * disjoint.
 */
size_t filter_cover(const struct ip_addr *addresses, size_t count, size_t max,
		    struct ip_prefix ret[static FILTER_PREFIXES_MAX]);

/*
 * Let through, of frames with their Ethernet header that are not for another host: ARP requests, or
 * neighbour solicitations, with a target inside one of the prefixes. @count 0: nothing at all.
 * Returns how many instructions are in @ret.
 */
size_t filter_arp(const struct ip_prefix *prefixes, size_t count,
		  struct sock_filter ret[static FILTER_LEN_MAX]);
size_t filter_ndp(const struct ip_prefix *prefixes, size_t count,
		  struct sock_filter ret[static FILTER_LEN_MAX]);

#endif
