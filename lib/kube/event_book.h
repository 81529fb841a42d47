// SPDX-License-Identifier: Apache-2.0
/*
 * Which events are worth sending: repeats are counted, floods are stopped.
 *
 * Pure and of fixed size. Objects and events are known by a 64-bit hash; of each kind the most
 * recent 256 are remembered, and one that was forgotten counts as new.
 */
#ifndef BELLMAN_KUBE_EVENT_BOOK_H
#define BELLMAN_KUBE_EVENT_BOOK_H

#include <stdbool.h>
#include <stdint.h>

#define EVENT_BOOK_SIZE 256
#define EVENT_REPEAT_S  600 /* the same again within this time counts up the first */
#define EVENT_BURST     25  /* of one object at once, as the reference client allows */
#define EVENT_EVERY_S   300 /* and one more each five minutes */

struct event_book { /* zeroed is empty */
	struct event_recent {
		uint64_t key; /* of the whole event; 0: a free entry */
		uint64_t last_s;
		char *name; /* of the Event object */
		unsigned count;
		unsigned sent; /* the count that is on its way to the server; 0: none is */
	} recent[EVENT_BOOK_SIZE];
	struct event_budget {
		uint64_t key;    /* of the object; 0: a free entry */
		uint64_t paid_s; /* when all that was sent is paid for, at one each EVENT_EVERY_S */
	} budgets[EVENT_BOOK_SIZE];
};

/* May the object send one more now? If so it is counted. */
bool event_book_allow(struct event_book *b, uint64_t object_key, uint64_t now_s);

/*
 * The entry of an event: with count > 1 it is a repeat. A new one takes the place of the oldest,
 * has count 1 and no name yet, and is the caller's to name (by malloc).
 */
struct event_recent *event_book_count(struct event_book *b, uint64_t event_key, uint64_t now_s);

/* The entry of an event; NULL: it has been forgotten. */
struct event_recent *event_book_find(struct event_book *b, uint64_t event_key);

/* It did not arrive: the next one is new. */
void event_book_forget(struct event_book *b, uint64_t event_key);

struct event_book *event_book_free(struct event_book *b); /* NULL is fine; returns NULL */

#endif
