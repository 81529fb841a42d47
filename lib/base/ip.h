// SPDX-License-Identifier: Apache-2.0
/*
 * IP addresses, prefixes and ranges of both families, as values.
 *
 * An address is 17 bytes, has no padding and no pointers, and may be compared,
 * hashed and copied as bytes: what a family does not use is zero. Text forms are
 * those of inet_pton(3) and inet_ntop(3), so IPv6 text is canonical (RFC 5952).
 */
#ifndef BELLMAN_BASE_IP_H
#define BELLMAN_BASE_IP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

__extension__ typedef unsigned __int128 u128;

enum ip_family { IP_NONE = 0, IP_V4 = 4, IP_V6 = 6 };

#define IP_TEXT_MAX   46 /* INET6_ADDRSTRLEN */
#define IP_PREFIX_MAX 50 /* text of a prefix: address, slash, length */

struct ip_addr {
	uint8_t family;    /* enum ip_family */
	uint8_t bytes[16]; /* network order; IPv4 uses the first four, the rest is zero */
};

struct ip_prefix {
	struct ip_addr addr; /* host bits are zero */
	uint8_t len;
};

struct ip_range {
	struct ip_addr first, last; /* same family, first <= last, both included */
};

/* Bits of an address of @family: 32, 128, or 0 for IP_NONE. */
unsigned ip_bits(uint8_t family);

/* Parse one address; no blanks, no zone, no prefix. Returns 0 or -EINVAL with *ret untouched. */
int ip_parse(const char *text, struct ip_addr *ret);

/*
 * The same as the Kubernetes API does it: numbers may have zeros in front, which are nothing, and
 * an IPv4 address within IPv6 (::ffff:192.0.2.1) is that IPv4 address.
 */
int ip_parse_sloppy(const char *text, struct ip_addr *ret);

/*
 * Parse where to listen: ADDR:PORT, [V6]:PORT, localhost:PORT, or :PORT for all addresses (::).
 * Port 0: any. Returns 0 or -EINVAL.
 */
int ip_listen_parse(const char *text, struct ip_addr *ret, uint16_t *ret_port);

/* Write canonical text into @buf and return it; "" for IP_NONE. */
const char *ip_format(const struct ip_addr *ip, char buf[static IP_TEXT_MAX]);

/* From four or sixteen bytes in network order. */
struct ip_addr ip_from_bytes(uint8_t family, const void *bytes);

/* IPv4 first, then by value. Negative, zero or positive. */
int ip_cmp(const struct ip_addr *a, const struct ip_addr *b);
bool ip_equal(const struct ip_addr *a, const struct ip_addr *b);

/* The address as a number within its family, and back. */
u128 ip_to_number(const struct ip_addr *ip);
struct ip_addr ip_from_number(uint8_t family, u128 number);

/*
 * Parse "ADDRESS/LENGTH"; host bits are masked off, as Kubernetes and MetalLB do.
 * Returns 0 or -EINVAL with *ret untouched.
 */
int ip_prefix_parse(const char *text, struct ip_prefix *ret);
/* The same with zeros in front of numbers allowed, as the Kubernetes API does it. */
int ip_prefix_parse_sloppy(const char *text, struct ip_prefix *ret);
const char *ip_prefix_format(const struct ip_prefix *p, char buf[static IP_PREFIX_MAX]);
bool ip_prefix_contains(const struct ip_prefix *p, const struct ip_addr *ip);
struct ip_prefix ip_prefix_of(const struct ip_addr *ip, uint8_t len); /* masks */
struct ip_range ip_prefix_range(const struct ip_prefix *p);

/*
 * Parse one entry of a pool: a prefix, or "FIRST-LAST" with blanks allowed around
 * either. A bare address is refused, as MetalLB does.
 * Returns 0, -EINVAL (not of that form, families mixed) or -ERANGE (first above last).
 */
int ip_range_parse(const char *text, struct ip_range *ret);
bool ip_range_contains(const struct ip_range *r, const struct ip_addr *ip);
bool ip_range_overlaps(const struct ip_range *a, const struct ip_range *b);

/* The length of the widest prefix that lies wholly in @r. */
uint8_t ip_range_widest_prefix(const struct ip_range *r);

/* Addresses in a range, less one: never overflows, not even for ::/0. */
u128 ip_range_size_minus_1(const struct ip_range *r);

#endif
