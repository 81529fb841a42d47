// SPDX-License-Identifier: Apache-2.0
/*
 * Ethernet II headers (IEEE 802.3 clause 3). Pure functions over the caller's bytes.
 *
 * Tags are not seen here: the kernel strips an 802.1Q tag and delivers on the VLAN device.
 */
#ifndef BELLMAN_PROTO_ETHER_H
#define BELLMAN_PROTO_ETHER_H

#include "lib/base/cursor.h"

#define ETHER_ADDR_LEN   6
#define ETHER_HEADER_LEN 14
#define ETHER_TEXT_MAX   18 /* aa:bb:cc:dd:ee:ff */

#define ETHER_TYPE_ARP  0x0806
#define ETHER_TYPE_IPV6 0x86dd

extern const uint8_t ether_broadcast[ETHER_ADDR_LEN];

struct ether {
	uint8_t dst[ETHER_ADDR_LEN], src[ETHER_ADDR_LEN];
	uint16_t type;
};

/* Read the header off the front of @r. Returns 0, or -EBADMSG (too short) with *ret untouched. */
int ether_decode(struct rd *r, struct ether *ret);
void ether_encode(struct wr *w, const struct ether *e);

static inline bool ether_equal(const uint8_t a[static ETHER_ADDR_LEN],
			       const uint8_t b[static ETHER_ADDR_LEN])
{
	return memcmp(a, b, ETHER_ADDR_LEN) == 0;
}

/* A group address: broadcast or multicast (the I/G bit). A sender never has one. */
static inline bool ether_is_group(const uint8_t mac[static ETHER_ADDR_LEN])
{
	return mac[0] & 1;
}

/* The address of one station: neither a group nor all zero. */
static inline bool ether_is_station(const uint8_t mac[static ETHER_ADDR_LEN])
{
	static const uint8_t zero[ETHER_ADDR_LEN];

	return !ether_is_group(mac) && memcmp(mac, zero, sizeof(zero)) != 0;
}

/* Read aa:bb:cc:dd:ee:ff, in letters of either case. Returns 0, or -EINVAL with @ret untouched. */
int ether_parse(const char *text, uint8_t ret[static ETHER_ADDR_LEN]);

/* Write aa:bb:cc:dd:ee:ff into @buf and return it. */
const char *ether_format(const uint8_t mac[static ETHER_ADDR_LEN], char buf[static ETHER_TEXT_MAX]);

#endif
