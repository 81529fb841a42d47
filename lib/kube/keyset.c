// SPDX-License-Identifier: Apache-2.0
/* Open addressing with linear probing; removal closes its hole, so there are no tombstones. */
#include "lib/kube/keyset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/intern.h"

/* Pointers of one process, aligned: a multiplication (Knuth's golden ratio) spreads them. */
static size_t home_of(const struct keyset *k, const struct key *key)
{
	uint64_t h = ((uintptr_t)key->ns >> 4) * 31 + ((uintptr_t)key->name >> 4);

	return (size_t)(h * 0x9e3779b97f4a7c15u >> 32) & (k->size - 1);
}

/* The slot of @key, or the free one where it belongs. The table has at least one free slot. */
static size_t slot_of(const struct keyset *k, const struct key *key)
{
	size_t at = home_of(k, key);

	while (k->slots[at].name != NULL &&
	       (k->slots[at].name != key->name || k->slots[at].ns != key->ns))
		at = (at + 1) & (k->size - 1);
	return at;
}

static void resize(struct keyset *k, size_t size)
{
	struct keyset bigger = { .size = size, .count = k->count };

	bigger.slots = calloc(size, sizeof(*bigger.slots));
	bigger.seen = calloc(size, sizeof(*bigger.seen));
	if (bigger.slots == NULL || bigger.seen == NULL) {
		fputs("out of memory\n", stderr);
		abort();
	}
	for (size_t i = 0; i < k->size; i++) {
		if (k->slots[i].name == NULL)
			continue;
		size_t at = slot_of(&bigger, &k->slots[i]);
		bigger.slots[at] = k->slots[i];
		bigger.seen[at] = k->seen[i];
	}
	free(k->slots);
	free(k->seen);
	*k = bigger;
}

static void key_unref(const struct key *key)
{
	intern_unref(key->ns);
	intern_unref(key->name);
}

void keyset_add(struct keyset *k, const char *ns, const char *name)
{
	struct key key = { intern(ns), intern(name) };

	if ((k->count + 1) * 4 > k->size * 3)
		resize(k, k->size == 0 ? 16 : k->size * 2);
	size_t at = slot_of(k, &key);
	if (k->slots[at].name == NULL) {
		k->slots[at] = key;
		k->count++;
	} else {
		key_unref(&key);
	}
	k->seen[at] = 1;
}

/* Empty slot @hole and move back each follower whose home is not behind the hole. */
static void close_hole(struct keyset *k, size_t hole)
{
	size_t mask = k->size - 1;

	for (size_t at = (hole + 1) & mask; k->slots[at].name != NULL; at = (at + 1) & mask) {
		size_t home = home_of(k, &k->slots[at]);

		if (((at - home) & mask) >= ((at - hole) & mask)) {
			k->slots[hole] = k->slots[at];
			k->seen[hole] = k->seen[at];
			hole = at;
		}
	}
	k->slots[hole] = (struct key){ NULL, NULL };
	k->count--;
}

bool keyset_remove(struct keyset *k, const char *ns, const char *name)
{
	struct key key = { intern(ns), intern(name) };
	bool found = false;

	if (k->size > 0) {
		size_t at = slot_of(k, &key);

		found = k->slots[at].name != NULL;
		if (found) {
			key_unref(&k->slots[at]);
			close_hole(k, at);
		}
	}
	key_unref(&key);
	return found;
}

void keyset_unsee(struct keyset *k)
{
	if (k->size > 0)
		memset(k->seen, 0, k->size);
}

bool keyset_take_unseen(struct keyset *k, size_t *at, const char **ret_ns, const char **ret_name)
{
	/* Closing a hole may move an unlooked-at key here, hence no step after a find; a key that
	 * moves here from the front of the table has been looked at, so none is missed. */
	for (; *at < k->size; (*at)++) {
		if (k->slots[*at].name == NULL || k->seen[*at])
			continue;
		*ret_ns = k->slots[*at].ns;
		*ret_name = k->slots[*at].name;
		close_hole(k, *at);
		return true;
	}
	return false;
}

void keyset_free(struct keyset *k)
{
	for (size_t i = 0; i < k->size; i++) {
		if (k->slots[i].name != NULL)
			key_unref(&k->slots[i]);
	}
	free(k->slots);
	free(k->seen);
	*k = (struct keyset){ 0 };
}
