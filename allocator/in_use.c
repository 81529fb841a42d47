// SPDX-License-Identifier: Apache-2.0
#include "allocator/in_use.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/intern.h"
#include "lib/base/must.h"
#include "lib/base/tree.h"

#define PORTION 1024 /* ranges that are unpacked at a time, or a few more */

/* A row: what it is and its family, the length of the prefix, as many bytes as the family has. */
#define ROW_HEAD 2
#define ROW_V6   0x80u

struct user {
	RB_ENTRY(user) node;
	const char *name; /* interned: the watch has it, too */
	uint32_t rows_size;
	uint8_t kind;
	uint8_t rows[];
};

RB_HEAD(user_tree, user);

struct in_use {
	struct user_tree users;
};

static int user_cmp(const struct user *a, const struct user *b)
{
	return a->kind != b->kind ? (int)a->kind - (int)b->kind : strcmp(a->name, b->name);
}

TREE_GENERATE(user_tree, user, node, user_cmp)

static struct user *user_find(const struct in_use *u, enum in_use_kind kind, const char *name)
{
	struct user key = { .kind = (uint8_t)kind, .name = name };

	return RB_FIND(user_tree, (struct user_tree *)(uintptr_t)&u->users, &key);
}

/* --- rows ---------------------------------------------------------------------------- */

static size_t row_size(uint8_t family)
{
	return ROW_HEAD + (family == IP_V6 ? 16 : 4);
}

/* @range is a prefix. Returns behind the row. */
static uint8_t *row_pack(const struct taken_range *t, uint8_t *to)
{
	bool v6 = t->range.first.family == IP_V6;
	uint8_t len = v6 ? 128 : 32;

	for (u128 rest = ip_range_size_minus_1(&t->range); rest != 0; rest >>= 1)
		len--;
	to[0] = (uint8_t)(t->what | (v6 ? ROW_V6 : 0));
	to[1] = len;
	memcpy(to + ROW_HEAD, t->range.first.bytes, row_size(t->range.first.family) - ROW_HEAD);
	return to + row_size(t->range.first.family);
}

/* Returns behind the row. */
static const uint8_t *row_unpack(const uint8_t *row, const char *whose, struct taken_ranges *to)
{
	struct ip_prefix prefix = { .addr = { .family = row[0] & ROW_V6 ? IP_V6 : IP_V4 },
				    .len = row[1] };
	size_t size = row_size(prefix.addr.family);

	memcpy(prefix.addr.bytes, row + ROW_HEAD, size - ROW_HEAD);
	struct ip_range range = ip_prefix_range(&prefix);
	if (taken_add(to, row[0] & ~ROW_V6, &range, whose) != 0)
		must(NULL);
	return row + size;
}

/* --- users --------------------------------------------------------------------------- */

static void user_free(struct user *user)
{
	intern_unref(user->name);
	free(user);
}

static void user_drop(struct in_use *u, struct user *user)
{
	RB_REMOVE(user_tree, &u->users, user);
	user_free(user);
}

static struct user *user_new(enum in_use_kind kind, const char *name,
			     const struct taken_ranges *ranges)
{
	size_t rows_size = 0;

	for (size_t i = 0; i < ranges->count; i++)
		rows_size += row_size(ranges->items[i].range.first.family);
	struct user *user = must(calloc(1, sizeof(*user) + rows_size));
	user->kind = (uint8_t)kind;
	user->rows_size = (uint32_t)rows_size;
	user->name = intern(name);
	uint8_t *at = user->rows;
	for (size_t i = 0; i < ranges->count; i++)
		at = row_pack(&ranges->items[i], at);
	return user;
}

bool in_use_set(struct in_use *u, enum in_use_kind kind, const char *name,
		const struct taken_ranges *ranges)
{
	struct user *before = user_find(u, kind, name), *now = user_new(kind, name, ranges);

	if (before != NULL && before->rows_size == now->rows_size &&
	    memcmp(before->rows, now->rows, now->rows_size) == 0) {
		user_free(now);
		return false;
	}
	if (before != NULL)
		user_drop(u, before);
	RB_INSERT(user_tree, &u->users, now);
	return true;
}

bool in_use_remove(struct in_use *u, enum in_use_kind kind, const char *name)
{
	struct user *user = user_find(u, kind, name);

	if (user != NULL)
		user_drop(u, user);
	return user != NULL;
}

void in_use_each(const struct in_use *u,
		 void (*each)(void *arg, const struct taken_ranges *portion), void *arg)
{
	struct taken_ranges portion = { 0 };
	struct user *user;

	RB_FOREACH (user, user_tree, (struct user_tree *)(uintptr_t)&u->users) {
		const uint8_t *at = user->rows, *end = at + user->rows_size;

		while (at < end)
			at = row_unpack(at, user->name, &portion);
		if (portion.count >= PORTION) {
			each(arg, &portion);
			taken_done(&portion);
		}
	}
	if (portion.count > 0)
		each(arg, &portion);
	taken_done(&portion);
}

struct in_use *in_use_new(void)
{
	struct in_use *u = must(calloc(1, sizeof(*u)));

	RB_INIT(&u->users);
	return u;
}

struct in_use *in_use_free(struct in_use *u)
{
	if (u == NULL)
		return NULL;
	for (struct user *user; (user = RB_MIN(user_tree, &u->users)) != NULL;)
		user_drop(u, user);
	free(u);
	return NULL;
}
