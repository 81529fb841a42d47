// SPDX-License-Identifier: Apache-2.0
/*
 * Addresses that are kept for Services which are gone (pools with `reserve`).
 *
 * What a deleted Service held stays in the books, in the hands of its record, which lives on
 * without a Service: so nobody else gets it, and a Service of the same name finds it in its own
 * hands. It is over when that Service holds an address again, or the time is. All that are kept
 * are on record outside (allocator/reserve_io.c), written as a whole when one comes or goes and
 * read once by each new leader before it decides anything. A standby keeps what it sees go, for
 * its time, in case the leader dies before that is on record.
 *
 * Not kept: what other Services share on, addresses of an IPAM, and what would not fit on record.
 * A Service that is deleted while no allocator runs has left nothing behind to keep.
 */
#ifndef BELLMAN_ALLOCATOR_RESERVE_H
#define BELLMAN_ALLOCATOR_RESERVE_H

#include "allocator/record.h"

struct reserve {
	LIST_ENTRY(reserve) all;
	struct record *record;
	struct ip_kept *ips;
	uint64_t keep_ns;  /* from the next run on; 0: it has begun */
	uint64_t until_ns; /* once it has */
	bool wanted;       /* else it is over */
	bool saved, sent;  /* it is on record; the write under way puts it there */
};

/* Keep @ips, which @r held, as far as the rules say so. They may be in other hands: then not. */
void reserve_begin(struct allocator *a, struct record *r, struct ips ips);
/* What is kept for @r, if anything, is so no longer. */
void reserve_end(struct allocator *a, struct record *r);
/* With the record; what is in the books must be gone from there. */
void reserve_free(struct allocator *a, struct record *r);

bool reserve_keeps(const struct record *r, const struct ip_addr *ip);
/* Take what is kept for @r into the books. Is some of it in other hands, it was over when it got
 * there. */
void reserve_hold(struct allocator *a, struct record *r);
/* The same, and nothing else of @r stays in the books. */
void reserve_only(struct allocator *a, struct record *r);

/*
 * What is kept for @r, if it is what @r needs and may have: @families, or one of them if @single.
 * @wanted: the pool it asks for; NULL: any that assigns by itself.
 */
bool reserve_offer(const struct allocator *a, const struct record *r,
		   const struct pool_book *wanted, unsigned families, bool single,
		   struct ip_list *ret);

void reserve_config(struct allocator *a); /* the pools are other ones */
/* Before and after all decisions of a run. */
void reserve_tick(struct allocator *a, uint64_t now_ns);
void reserve_calls(struct allocator *a, uint64_t now_ns, struct allocator_actions *out);
uint64_t reserve_wake_ns(const struct allocator *a);

#endif
