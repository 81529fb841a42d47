// SPDX-License-Identifier: Apache-2.0
/*
 * A growing array in three fields: `T *items; size_t count, cap;`.
 *
 *	struct frames { struct frame *items; size_t count, cap; } out = { 0 };
 *	struct frame *f = array_push(&out);	// zeroed, or NULL: out of memory
 *	array_free(&out);
 */
#ifndef BELLMAN_BASE_ARRAY_H
#define BELLMAN_BASE_ARRAY_H

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Declare the three fields inside a struct. */
#define ARRAY_OF(T)                                                                                \
	T *items;                                                                                  \
	size_t count, cap

/* Make room for one more of @size bytes behind *@count and zero it. Returns it, or NULL. */
static inline void *array_grow(void **items, size_t *count, size_t *cap, size_t size)
{
	if (*count == *cap) {
		size_t want = *cap == 0 ? 4 : *cap * 2;
		void *bigger = reallocarray(*items, want, size);

		if (bigger == NULL)
			return NULL;
		*items = bigger;
		*cap = want;
	}
	void *slot = (char *)*items + (*count)++ * size;
	return memset(slot, 0, size);
}

/* A new zeroed last element, as a T *; NULL when out of memory. */
#define array_push(a)                                                                              \
	((__typeof__((a)->items))array_grow((void **)&(a)->items, &(a)->count, &(a)->cap,          \
					    sizeof(*(a)->items)))

/* As array_grow(), without room to spare: for the many small arrays that are kept. */
static inline void *array_grow_by_one(void **items, size_t *count, size_t *cap, size_t size)
{
	if (*count == *cap) {
		void *bigger = reallocarray(*items, *count + 1, size);

		if (bigger == NULL)
			return NULL;
		*items = bigger;
		*cap = *count + 1;
	}
	return array_grow(items, count, cap, size);
}
#define array_push_tight(a)                                                                        \
	((__typeof__((a)->items))array_grow_by_one((void **)&(a)->items, &(a)->count, &(a)->cap,   \
						   sizeof(*(a)->items)))

/* Give back the spare room, for arrays that are kept. */
static inline void array_fit(void **items, size_t count, size_t *cap, size_t size)
{
	if (count == *cap)
		return;
	if (count == 0) {
		free(*items);
		*items = NULL;
		*cap = 0;
		return;
	}
	void *smaller = reallocarray(*items, count, size);
	if (smaller != NULL) {
		*items = smaller;
		*cap = count;
	}
}
#define array_trim(a) array_fit((void **)&(a)->items, (a)->count, &(a)->cap, sizeof(*(a)->items))

/* Free the storage (not what the elements own) and leave an empty array. */
#define array_free(a)                                                                              \
	do {                                                                                       \
		free((a)->items);                                                                  \
		(a)->items = NULL;                                                                 \
		(a)->count = (a)->cap = 0;                                                         \
	} while (0)

#endif
