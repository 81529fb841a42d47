// SPDX-License-Identifier: Apache-2.0
/* How many addresses of one pool each namespace holds: what a quota is held against. */
#ifndef BELLMAN_ALLOCATOR_TALLY_H
#define BELLMAN_ALLOCATOR_TALLY_H

#include <stddef.h>
#include <stdint.h>

struct tally_book;

struct tally_book *tally_book_new(void);
struct tally_book *tally_book_free(struct tally_book *b); /* NULL is fine; returns NULL */

/* Names of namespaces are interned. */
uint64_t tally_of(const struct tally_book *b, const char *ns);
size_t tally_count(const struct tally_book *b); /* namespaces that hold any; 0 for NULL */
void tally_change(struct tally_book *b, const char *ns, int by);

#endif
