// SPDX-License-Identifier: Apache-2.0
#include "speaker/election.h"

#include <errno.h>
#include <nettle/sha2.h>

_Static_assert(ELECTION_HASH_LEN == SHA256_DIGEST_SIZE, "SHA-256");

struct election election_for(const struct ip_addr *first)
{
	struct election e = { .text = "#" };

	ip_format(first, e.text + 1);
	e.len = strlen(e.text);
	return e;
}

static void hash(const struct election *e, const char *node, size_t len, uint8_t *ret)
{
	struct sha256_ctx sha;

	sha256_init(&sha);
	sha256_update(&sha, strlen(node), (const uint8_t *)node);
	sha256_update(&sha, e->len, (const uint8_t *)e->text);
	sha256_digest(&sha, len, ret);
}

void election_hash(const struct election *e, const char *node,
		   uint8_t ret[static ELECTION_HASH_LEN])
{
	hash(e, node, ELECTION_HASH_LEN, ret);
}

uint64_t election_rank(const struct election *e, const char *node)
{
	uint8_t first[sizeof(uint64_t)];
	uint64_t rank = 0;

	hash(e, node, sizeof(first), first);
	for (size_t i = 0; i < sizeof(first); i++)
		rank = rank << 8 | first[i];
	return rank;
}

int election_enter(struct candidates *c, const struct election *e, const char *node, int64_t weight)
{
	struct candidate *new = array_push(c);

	if (new == NULL)
		return -ENOMEM;
	new->node = node;
	new->weight = weight;
	election_hash(e, node, new->hash);
	return 0;
}

static int in_order(const void *x, const void *y)
{
	const struct candidate *a = x, *b = y;

	if (a->weight != b->weight)
		return a->weight > b->weight ? -1 : 1;
	return memcmp(a->hash, b->hash, sizeof(a->hash));
}

void election_sort(struct candidates *c)
{
	if (c->count > 1)
		qsort(c->items, c->count, sizeof(*c->items), in_order);
}
