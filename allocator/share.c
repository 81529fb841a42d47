// SPDX-License-Identifier: Apache-2.0
#include "allocator/share.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/intern.h"
#include "lib/base/must.h"
#include "lib/base/rangeset.h"
#include "lib/base/tree.h"

struct claim {
	unsigned refs;
	const char *key; /* interned */
	size_t count;
	uint32_t ports[]; /* protocol << 16 | port, sorted: there may be tens of thousands */
};

/* All members up to @last have @port. */
struct cursor {
	RB_ENTRY(cursor) by_port;
	uint32_t port;
	struct share *last;
};

RB_HEAD(member_tree, share);
RB_HEAD(cursor_tree, cursor);
RB_HEAD(group_tree, group);

/* The shared addresses of one key in one range of a pool. */
struct group {
	RB_ENTRY(group) by_terms;
	const char *key; /* its members' */
	const struct pool_book *pool;
	uint8_t family;
	size_t range;
	struct member_tree members;
	struct cursor_tree cursors;
	uint64_t widened; /* when a member last was */
};

struct share {
	RB_ENTRY(share) by_number;
	struct group *group; /* NULL: in no pool */
	const char *key;     /* interned */
	uint8_t family;
	u128 number;
	struct rangeset *ports; /* of all users */
};

struct share_book {
	struct group_tree groups;
};

static int member_cmp(const struct share *a, const struct share *b)
{
	return (a->number > b->number) - (a->number < b->number);
}

static int cursor_cmp(const struct cursor *a, const struct cursor *b)
{
	return (a->port > b->port) - (a->port < b->port);
}

/* Keys are interned: only that equal ones stand together matters. */
static int group_cmp(const struct group *a, const struct group *b)
{
	if (a->key != b->key)
		return (uintptr_t)a->key < (uintptr_t)b->key ? -1 : 1;
	if (a->pool != b->pool)
		return (uintptr_t)a->pool < (uintptr_t)b->pool ? -1 : 1;
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return (a->range > b->range) - (a->range < b->range);
}

TREE_GENERATE(member_tree, share, by_number, member_cmp)
TREE_GENERATE(cursor_tree, cursor, by_port, cursor_cmp)
TREE_GENERATE(group_tree, group, by_terms, group_cmp)

/* --- claims -------------------------------------------------------------------------- */

/* Sharing key and back end in one text; the back end is the selector with policy Local. */
static const char *key_of(const struct service *s)
{
	char *text = NULL;
	size_t len;
	FILE *f = must(open_memstream(&text, &len));

	fprintf(f, "%s\n", s->sharing_key);
	for (uint32_t i = 0; s->external_policy == POLICY_LOCAL && i < s->selector.count; i++)
		fprintf(f, "%s%s=%s", i > 0 ? "," : "", s->selector.items[i].key,
			s->selector.items[i].value);
	must_0(fclose(f));
	const char *key = intern(text);
	free(text);
	return key;
}

static int port_cmp(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

struct claim *claim_of(const struct service *s)
{
	if (s->sharing_key == NULL || s->sharing_key[0] == '\0')
		return NULL;
	struct claim *c = must(calloc(1, sizeof(*c) + s->port_count * sizeof(c->ports[0])));

	c->refs = 1;
	c->key = key_of(s);
	c->count = s->port_count;
	for (size_t i = 0; i < c->count; i++)
		c->ports[i] = (uint32_t)s->ports[i].protocol << 16 | s->ports[i].port;
	qsort(c->ports, c->count, sizeof(c->ports[0]), port_cmp);
	return c;
}

struct claim *claim_ref(struct claim *c)
{
	if (c != NULL)
		c->refs++;
	return c;
}

struct claim *claim_unref(struct claim *c)
{
	if (c != NULL && --c->refs == 0) {
		intern_unref(c->key);
		free(c);
	}
	return NULL;
}

void claim_set(struct claim **slot, const struct service *s)
{
	struct claim *was = *slot, *is = claim_of(s);

	if (was != NULL && is != NULL && was->key == is->key && was->count == is->count &&
	    memcmp(was->ports, is->ports, is->count * sizeof(is->ports[0])) == 0) {
		claim_unref(is);
		return;
	}
	claim_unref(was);
	*slot = is;
}

const char *claim_key(const struct claim *c)
{
	return c != NULL ? c->key : NULL;
}

bool claim_has(const struct claim *c, uint32_t port)
{
	return c != NULL &&
	       bsearch(&port, c->ports, c->count, sizeof(c->ports[0]), port_cmp) != NULL;
}

static const char *protocol_text(uint32_t port)
{
	switch (port >> 16) {
	case L4_TCP:
		return "TCP";
	case L4_UDP:
		return "UDP";
	default:
		return "SCTP";
	}
}

const char *claim_apart(const struct claim *c, const struct claim *other, char *buf, size_t size)
{
	const char *why = "";

	if (c == NULL)
		why = "";
	else if (other == NULL)
		why = ", which has no sharing key";
	else if (strcspn(c->key, "\n") != strcspn(other->key, "\n") ||
		 strncmp(c->key, other->key, strcspn(c->key, "\n")) != 0)
		why = ", which has another sharing key";
	else if (c->key != other->key)
		why = ", which has the same sharing key, but with externalTrafficPolicy Local both "
		      "need it and the same selector";
	snprintf(buf, size, "%s", why);
	for (size_t i = 0; c != NULL && *why == '\0' && i < c->count; i++) {
		if (!claim_has(other, c->ports[i]))
			continue;
		snprintf(buf, size, ", which has the same sharing key, but both have port %u/%s",
			 c->ports[i] & UINT16_MAX, protocol_text(c->ports[i]));
		break;
	}
	return buf;
}

/* --- groups -------------------------------------------------------------------------- */

static struct cursor *cursor_of(const struct group *g, uint32_t port)
{
	struct cursor key = { .port = port };

	return RB_FIND(cursor_tree, (struct cursor_tree *)(uintptr_t)&g->cursors, &key);
}

/* Not all members before @s have the port of @c any more, or @s has not. */
static void cursor_pull_back(struct group *g, struct cursor *c, struct share *s)
{
	if (c->last->number < s->number)
		return;
	c->last = RB_PREV(member_tree, , s);
	if (c->last == NULL) {
		RB_REMOVE(cursor_tree, &g->cursors, c);
		free(c);
	}
}

/* @s, which comes right behind what the cursor has seen, has @port too. */
static void cursor_advance(struct group *g, struct cursor *c, uint32_t port, struct share *s)
{
	if (c == NULL) {
		c = must(calloc(1, sizeof(*c)));
		c->port = port;
		RB_INSERT(cursor_tree, &g->cursors, c);
	}
	c->last = s;
}

static struct group *group_of(struct share_book *b, struct group *terms)
{
	struct group *g = RB_FIND(group_tree, &b->groups, terms);

	if (g == NULL) {
		g = must(malloc(sizeof(*g)));
		*g = *terms;
		RB_INIT(&g->members);
		RB_INIT(&g->cursors);
		RB_INSERT(group_tree, &b->groups, g);
	}
	return g;
}

static void group_join(struct group *g, struct share *s)
{
	struct cursor *c, *next;

	RB_INSERT(member_tree, &g->members, s);
	s->group = g;
	for (c = RB_MIN(cursor_tree, &g->cursors); c != NULL; c = next) {
		next = RB_NEXT(cursor_tree, , c);
		if (!rangeset_contains(s->ports, c->port))
			cursor_pull_back(g, c, s);
	}
}

static void group_leave(struct share_book *b, struct share *s)
{
	struct group *g = s->group;
	struct cursor *c, *next;

	for (c = RB_MIN(cursor_tree, &g->cursors); c != NULL; c = next) {
		next = RB_NEXT(cursor_tree, , c);
		if (c->last == s)
			cursor_pull_back(g, c, s);
	}
	RB_REMOVE(member_tree, &g->members, s);
	s->group = NULL;
	if (RB_EMPTY(&g->members)) {
		RB_REMOVE(group_tree, &b->groups, g);
		free(g);
	}
}

/* --- shares -------------------------------------------------------------------------- */

struct share *share_new(const char *key, const struct ip_addr *ip)
{
	struct share *s = must(calloc(1, sizeof(*s)));

	s->key = intern_ref(key);
	s->family = ip->family;
	s->number = ip_to_number(ip);
	s->ports = must(rangeset_new());
	return s;
}

struct share *share_free(struct share_book *b, struct share *s)
{
	if (s == NULL)
		return NULL;
	if (s->group != NULL)
		group_leave(b, s);
	rangeset_free(s->ports);
	intern_unref(s->key);
	free(s);
	return NULL;
}

const char *share_key(const struct share *s)
{
	return s != NULL ? s->key : NULL;
}

void share_set_place(struct share_book *b, struct share *s, struct place place)
{
	if (s->group != NULL)
		group_leave(b, s);
	if (place.pool != NULL)
		group_join(group_of(b, &(struct group){ .key = s->key,
							.pool = place.pool,
							.family = s->family,
							.range = place.range }),
			   s);
}

void share_add(struct share *s, const struct claim *c)
{
	for (size_t i = 0; i < c->count; i++)
		must_0(rangeset_add(s->ports, c->ports[i], c->ports[i]));
}

void share_remove(struct share *s, const struct claim *c)
{
	for (size_t i = 0; i < c->count; i++) {
		struct cursor *cursor = s->group != NULL ? cursor_of(s->group, c->ports[i]) : NULL;

		must_0(rangeset_remove(s->ports, c->ports[i], c->ports[i]));
		if (cursor != NULL)
			cursor_pull_back(s->group, cursor, s);
	}
}

bool share_admits(const struct share *s, const struct claim *c, const struct claim *own,
		  uint32_t *ret_port)
{
	*ret_port = 0;
	if (c == NULL || c->key != s->key)
		return false;
	for (size_t i = 0; i < c->count; i++) {
		if (rangeset_contains(s->ports, c->ports[i]) && !claim_has(own, c->ports[i])) {
			*ret_port = c->ports[i];
			return false;
		}
	}
	return true;
}

/* Behind the last member that is known to have a port of @c. */
static struct share *group_begin(struct group *g, const struct claim *c)
{
	struct share *last = NULL;

	for (size_t i = 0; !RB_EMPTY(&g->cursors) && i < c->count; i++) {
		const struct cursor *at = cursor_of(g, c->ports[i]);

		if (at != NULL && (last == NULL || at->last->number > last->number))
			last = at->last;
	}
	return last == NULL ? RB_MIN(member_tree, &g->members) : RB_NEXT(member_tree, , last);
}

static struct share *group_first(struct group *g, const struct claim *c)
{
	for (struct share *s = group_begin(g, c); s != NULL; s = RB_NEXT(member_tree, , s)) {
		uint32_t port;

		if (share_admits(s, c, NULL, &port))
			return s;
		struct cursor *at = cursor_of(g, port);
		if (RB_PREV(member_tree, , s) == (at != NULL ? at->last : NULL))
			cursor_advance(g, at, port, s);
	}
	return NULL;
}

/* The first group of @key in @pool from @range on, or NULL. */
static struct group *groups_from(const struct share_book *b, const char *key,
				 const struct pool_book *pool, uint8_t family, size_t range)
{
	struct group from = { .key = key, .pool = pool, .family = family, .range = range };
	struct group *g = RB_NFIND(group_tree, (struct group_tree *)(uintptr_t)&b->groups, &from);

	return g != NULL && g->key == key && g->pool == pool && g->family == family ? g : NULL;
}

bool share_first(const struct share_book *b, const struct pool_book *pool, uint8_t family,
		 size_t range, const struct claim *c, size_t *ret_range, u128 *ret)
{
	struct group *g = groups_from(b, c->key, pool, family, range == RANGE_ANY ? 0 : range);

	while (g != NULL && (range == RANGE_ANY || g->range == range)) {
		const struct share *s = group_first(g, c);

		if (s != NULL) {
			*ret_range = g->range;
			*ret = s->number;
			return true;
		}
		g = groups_from(b, c->key, pool, family, g->range + 1);
	}
	return false;
}

void share_widened(struct share *s, uint64_t now)
{
	if (s->group != NULL)
		s->group->widened = now;
}

bool share_news(const struct share_book *b, const struct pool_book *pool, uint8_t family,
		const struct claim *c, uint64_t since)
{
	for (struct group *g = groups_from(b, c->key, pool, family, 0); g != NULL;
	     g = groups_from(b, c->key, pool, family, g->range + 1)) {
		if (g->widened > since && group_first(g, c) != NULL)
			return true;
	}
	return false;
}

struct share_book *share_book_new(void)
{
	struct share_book *b = must(calloc(1, sizeof(*b)));

	RB_INIT(&b->groups);
	return b;
}

struct share_book *share_book_free(struct share_book *b)
{
	assert(b == NULL || RB_EMPTY(&b->groups));
	free(b);
	return NULL;
}

size_t share_cursors(const struct share_book *b)
{
	struct group *g;
	struct cursor *c;
	size_t count = 0;

	RB_FOREACH (g, group_tree, (struct group_tree *)(uintptr_t)&b->groups)
		RB_FOREACH (c, cursor_tree, (struct cursor_tree *)(uintptr_t)&g->cursors)
			count++;
	return count;
}
