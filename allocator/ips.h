// SPDX-License-Identifier: Apache-2.0
/*
 * Lists of addresses in the order of a status, in the three ways that they live: put together
 * on the stack (ip_list), kept by records (ip_kept), lent to whoever reads (ips).
 *
 * Few Services have more than two, and the same list is what a record holds, has sent and
 * shows. So what is kept is counted, never changed, and as long as it has to be.
 * Running out of memory ends the process.
 */
#ifndef BELLMAN_ALLOCATOR_IPS_H
#define BELLMAN_ALLOCATOR_IPS_H

#include "lib/base/ip.h"

/* Families as a set. */
enum { FAMILIES_V4 = 1, FAMILIES_V6 = 2, FAMILIES_BOTH = 3 };

#define IP_LIST_MAX 32 /* addresses of one Service */

struct ips {
	const struct ip_addr *items;
	unsigned count;
};

struct ip_list {
	struct ip_addr ips[IP_LIST_MAX];
	unsigned count;
};

struct ip_kept; /* NULL is the empty list, and no other pointer is */

/* The same addresses, lent. */
struct ips ip_list_lend(const struct ip_list *l);
struct ips ip_kept_lend(const struct ip_kept *k);

/* A list with the addresses of @ips, of which there are at most IP_LIST_MAX. */
struct ip_list ip_list_of(struct ips ips);

struct ip_kept *ip_kept_ref(struct ip_kept *k);
struct ip_kept *ip_kept_unref(struct ip_kept *k); /* returns NULL */
/* Keep @ips in *slot from now on; they may be lent from it. */
void ip_kept_set(struct ip_kept **slot, struct ips ips);

bool ips_equal(struct ips a, struct ips b); /* the same addresses in the same order */
bool ips_same_set(struct ips a, struct ips b);
bool ips_have(struct ips ips, const struct ip_addr *ip);
bool ip_kept_equal(const struct ip_kept *a, const struct ip_kept *b);

/* As Go prints a list of strings: ["192.0.2.1" "2001:db8::1"]; of a long one the first. */
#define IPS_TEXT_MAX 512
const char *ips_text(struct ips ips, char text[static IPS_TEXT_MAX]);

#endif
