// SPDX-License-Identifier: Apache-2.0
/*
 * Open addressing with linear probing over pointers to counted strings; removal
 * shifts the run back, so there are no tombstones and the table shrinks again.
 */
#include "lib/base/intern.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "lib/base/siphash.h"

struct entry {
	uint32_t hash;
	uint32_t users;
	char text[];
};

static struct {
	struct entry **slots;
	size_t size; /* a power of two, or 0 */
	size_t count;
	uint64_t key[2]; /* of the hash; new with each new table */
} table;

static struct entry *entry_of(const char *text)
{
	return (struct entry *)(void *)((char *)(uintptr_t)text - offsetof(struct entry, text));
}

static void die_out_of_memory(void)
{
	fputs("out of memory\n", stderr);
	abort();
}

/* Whoever may label a Service chooses texts: with a hash that is known, one object could hold
 * thousands that collide, and cost seconds. */
static void key_init(void)
{
	if (getrandom(table.key, sizeof(table.key), 0) != sizeof(table.key))
		abort(); /* so few bytes are never cut short */
}

static void resize(size_t size)
{
	struct entry **slots = calloc(size, sizeof(*slots));

	if (slots == NULL)
		die_out_of_memory();
	for (size_t i = 0; i < table.size; i++) {
		if (table.slots[i] == NULL)
			continue;
		size_t at = table.slots[i]->hash & (size - 1);
		while (slots[at] != NULL)
			at = (at + 1) & (size - 1);
		slots[at] = table.slots[i];
	}
	free(table.slots);
	table.slots = slots;
	table.size = size;
}

const char *intern_len(const char *text, size_t len)
{
	len = strnlen(text, len); /* a NUL inside would make a text that never equals itself */
	if (table.size == 0)
		key_init();
	if ((table.count + 1) * 4 > table.size * 3)
		resize(table.size == 0 ? 64 : table.size * 2);

	uint32_t hash = (uint32_t)siphash(table.key, text, len);
	size_t at = hash & (table.size - 1);
	for (struct entry *e; (e = table.slots[at]) != NULL; at = (at + 1) & (table.size - 1)) {
		if (e->hash == hash && strncmp(e->text, text, len) == 0 && e->text[len] == '\0') {
			e->users++;
			return e->text;
		}
	}

	struct entry *e = malloc(sizeof(*e) + len + 1);
	if (e == NULL)
		die_out_of_memory();
	e->hash = hash;
	e->users = 1;
	memcpy(e->text, text, len);
	e->text[len] = '\0';
	table.slots[at] = e;
	table.count++;
	return e->text;
}

const char *intern(const char *text)
{
	return text == NULL ? NULL : intern_len(text, strlen(text));
}

const char *intern_ref(const char *text)
{
	if (text != NULL)
		entry_of(text)->users++;
	return text;
}

const char *intern_unref(const char *text)
{
	if (text == NULL)
		return NULL;
	struct entry *e = entry_of(text);
	assert(e->users > 0);
	if (--e->users > 0)
		return NULL;

	size_t mask = table.size - 1;
	size_t hole = e->hash & mask;
	while (table.slots[hole] != e)
		hole = (hole + 1) & mask;
	/* Close the hole: move back each follower whose home is not behind the hole. */
	for (size_t at = (hole + 1) & mask; table.slots[at] != NULL; at = (at + 1) & mask) {
		size_t home = table.slots[at]->hash & mask;
		if (((at - home) & mask) >= ((at - hole) & mask)) {
			table.slots[hole] = table.slots[at];
			hole = at;
		}
	}
	table.slots[hole] = NULL;
	free(e);
	if (--table.count == 0) {
		free(table.slots);
		table.slots = NULL;
		table.size = 0;
	} else if (table.size > 64 && table.count * 8 < table.size) {
		resize(table.size / 2);
	}
	return NULL;
}

size_t intern_count(void)
{
	return table.count;
}
