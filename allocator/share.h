// SPDX-License-Identifier: Apache-2.0
/*
 * Sharing of addresses: MetalLB's rule (equal sharing keys and back ends, no port twice), and an
 * index that finds the first shared address which still admits a Service.
 *
 * Thousands of Services may have one key and one port, each on an address of its own. So that the
 * next of them does not ask all those addresses in turn, a group remembers for a port up to which
 * member all have it. Who holds an address is in ledger.c.
 */
#ifndef BELLMAN_ALLOCATOR_SHARE_H
#define BELLMAN_ALLOCATOR_SHARE_H

#include "allocator/pools.h"
#include "lib/model/service.h"

/*
 * On what terms a Service would share an address: its key (sharing key and back end) and its
 * ports. NULL stands for "with nobody". Counted references, never changed.
 */
struct claim;
struct claim *claim_of(const struct service *s); /* NULL without a sharing key */
/* The same in *slot. It stays the one that is there if nothing about it has changed. */
void claim_set(struct claim **slot, const struct service *s);
struct claim *claim_ref(struct claim *c);
struct claim *claim_unref(struct claim *c);           /* NULL is fine; returns NULL */
const char *claim_key(const struct claim *c);         /* interned; NULL for NULL */
bool claim_has(const struct claim *c, uint32_t port); /* as share_admits() gives it */
/*
 * Why a Service with @c may not be beside one with @other, which holds the address: what goes on
 * behind "is held by NAMESPACE/NAME". "" where @c is NULL: who shares with nobody knows why.
 */
const char *claim_apart(const struct claim *c, const struct claim *other, char *buf, size_t size);

struct share_book;
struct share_book *share_book_new(void);
struct share_book *share_book_free(struct share_book *b); /* no share may be left; NULL is fine */

/* An address whose users share it on one key. */
struct share;
struct share *share_new(const char *key, const struct ip_addr *ip);
struct share *share_free(struct share_book *b, struct share *s); /* NULL is fine; returns NULL */
const char *share_key(const struct share *s);                    /* NULL for NULL */

/* Where its address lies from now on. */
void share_set_place(struct share_book *b, struct share *s, struct place place);

/* The ports of @c come to it or leave it. */
void share_add(struct share *s, const struct claim *c);
void share_remove(struct share *s, const struct claim *c);

/*
 * Does it admit @c beside its users, one of whom is known to have @own (NULL: none)? If not for a
 * port, the lowest that stands against it is in *ret_port, else 0.
 */
bool share_admits(const struct share *s, const struct claim *c, const struct claim *own,
		  uint32_t *ret_port);

/* The first address of @family in @range (or RANGE_ANY) of @pool that admits @c. */
bool share_first(const struct share_book *b, const struct pool_book *pool, uint8_t family,
		 size_t range, const struct claim *c, size_t *ret_range, u128 *ret);

/* How many ports groups remember something of. */
size_t share_cursors(const struct share_book *b);

/* Since @now, a stamp that grows, @s admits more than it did. */
void share_widened(struct share *s, uint64_t now);
/* Is that so, after @since, of an address of @family in @pool, and is there one that admits @c? */
bool share_news(const struct share_book *b, const struct pool_book *pool, uint8_t family,
		const struct claim *c, uint64_t since);

#endif
