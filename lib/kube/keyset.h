// SPDX-License-Identifier: Apache-2.0
/*
 * The set of objects that a watch has told its user about, by namespace and name.
 *
 * It exists to answer one question: after a new list, which of the known objects are gone? The
 * names are interned, so an entry is two pointers and a mark, and two keys are compared as
 * pointers. Pure; running out of memory ends the process, as in lib/base/intern.h.
 */
#ifndef BELLMAN_KUBE_KEYSET_H
#define BELLMAN_KUBE_KEYSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct key {
	const char *ns, *name; /* interned; name NULL: a free slot */
};

struct keyset { /* zeroed is empty */
	struct key *slots;
	uint8_t *seen; /* beside each slot: met since keyset_unsee()? */
	size_t size;   /* of both; a power of two, or 0 */
	size_t count;
};

/* Add a key, or meet it again: either way it is seen. */
void keyset_add(struct keyset *k, const char *ns, const char *name);
/* Drop a key; false when it was not there. */
bool keyset_remove(struct keyset *k, const char *ns, const char *name);

/* A new list begins: no key counts as seen. */
void keyset_unsee(struct keyset *k);
/*
 * The list is complete: take out one key that was not seen. *@at starts at 0 and is kept between
 * calls. The two strings are the caller's now, each to be given back by intern_unref().
 * Returns false when there is none left. The set may be freed between calls, not changed.
 */
bool keyset_take_unseen(struct keyset *k, size_t *at, const char **ret_ns, const char **ret_name);

void keyset_free(struct keyset *k);

#endif
