// SPDX-License-Identifier: Apache-2.0
#include "lib/kube/event_book.h"

#include <stdlib.h>

static bool is_repeat(const struct event_recent *e, uint64_t key, uint64_t now_s)
{
	return e->key == key && now_s - e->last_s < EVENT_REPEAT_S;
}

bool event_book_allow(struct event_book *b, uint64_t object_key, uint64_t now_s)
{
	struct event_budget *mine = &b->budgets[0];

	/* Mine, or else the one that is nearest to a full budget: it loses least. */
	for (size_t i = 0; i < EVENT_BOOK_SIZE && mine->key != object_key; i++) {
		struct event_budget *e = &b->budgets[i];

		if (e->key == object_key || e->paid_s < mine->paid_s)
			mine = e;
	}
	if (mine->key != object_key)
		*mine = (struct event_budget){ .key = object_key };
	if (mine->paid_s < now_s)
		mine->paid_s = now_s;
	if (mine->paid_s - now_s > (EVENT_BURST - 1) * EVENT_EVERY_S)
		return false;
	mine->paid_s += EVENT_EVERY_S;
	return true;
}

struct event_recent *event_book_count(struct event_book *b, uint64_t event_key, uint64_t now_s)
{
	struct event_recent *oldest = &b->recent[0];

	for (size_t i = 0; i < EVENT_BOOK_SIZE; i++) {
		struct event_recent *e = &b->recent[i];

		if (is_repeat(e, event_key, now_s)) {
			e->last_s = now_s;
			e->count++;
			return e;
		}
		if (e->key == event_key) { /* too old to count on: no second entry of it */
			oldest = e;
			break;
		}
		if (e->last_s < oldest->last_s)
			oldest = e;
	}
	free(oldest->name);
	*oldest = (struct event_recent){ .key = event_key, .last_s = now_s, .count = 1 };
	return oldest;
}

struct event_recent *event_book_find(struct event_book *b, uint64_t event_key)
{
	for (size_t i = 0; i < EVENT_BOOK_SIZE; i++) {
		if (b->recent[i].key == event_key)
			return &b->recent[i];
	}
	return NULL;
}

void event_book_forget(struct event_book *b, uint64_t event_key)
{
	struct event_recent *e = event_book_find(b, event_key);

	if (e == NULL)
		return;
	free(e->name);
	*e = (struct event_recent){ 0 };
}

struct event_book *event_book_free(struct event_book *b)
{
	for (size_t i = 0; b != NULL && i < EVENT_BOOK_SIZE; i++)
		free(b->recent[i].name);
	free(b);
	return NULL;
}
