// SPDX-License-Identifier: Apache-2.0
#include "speaker/election.h"

#include <errno.h>
#include <nettle/sha2.h>

_Static_assert(ELECTION_HASH_LEN == SHA256_DIGEST_SIZE, "SHA-256");

int election_enter(struct candidates *c, const char *node, int64_t weight,
		   const struct ip_addr *first)
{
	struct candidate *new = array_push(c);
	struct sha256_ctx sha;
	char text[IP_TEXT_MAX];

	if (new == NULL)
		return -ENOMEM;
	new->node = node;
	new->weight = weight;
	ip_format(first, text);
	sha256_init(&sha);
	sha256_update(&sha, strlen(node), (const uint8_t *)node);
	sha256_update(&sha, 1, (const uint8_t *)"#");
	sha256_update(&sha, strlen(text), (const uint8_t *)text);
	sha256_digest(&sha, sizeof(new->hash), new->hash);
	return 0;
}

static int rank(const void *x, const void *y)
{
	const struct candidate *a = x, *b = y;

	if (a->weight != b->weight)
		return a->weight > b->weight ? -1 : 1;
	return memcmp(a->hash, b->hash, sizeof(a->hash));
}

const struct candidate *election_winner(const struct candidates *c)
{
	const struct candidate *first = NULL;

	for (size_t i = 0; i < c->count; i++)
		if (first == NULL || rank(&c->items[i], first) < 0)
			first = &c->items[i];
	return first;
}

void election_sort(struct candidates *c)
{
	if (c->count > 1)
		qsort(c->items, c->count, sizeof(*c->items), rank);
}
