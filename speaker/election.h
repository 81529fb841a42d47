// SPDX-License-Identifier: Apache-2.0
/*
 * Who owns an address: every speaker ranks the same candidates by the same rule and so
 * comes to the same answer without a word between them (compatibility page 4.2).
 *
 * Higher preference first, then the smaller SHA-256 of NODE#ADDRESS. Stateless; bit
 * for bit MetalLB's, so that both may run side by side. Who is a candidate is
 * engine.h's to say.
 */
#ifndef BELLMAN_SPEAKER_ELECTION_H
#define BELLMAN_SPEAKER_ELECTION_H

#include "lib/base/array.h"
#include "lib/base/ip.h"

#define ELECTION_HASH_LEN 32

/* One election: what is hashed behind each node's name. */
struct election {
	char text[IP_TEXT_MAX + 1]; /* #ADDRESS */
	size_t len;
};

/* For a Service whose first address is @first. */
struct election election_for(const struct ip_addr *first);
void election_hash(const struct election *e, const char *node,
		   uint8_t ret[static ELECTION_HASH_LEN]);
/*
 * The hash's first bytes as a number: of two nodes the one with the smaller rank is first. Two with
 * the same rank, which hardly are, are told apart by their whole hashes.
 */
uint64_t election_rank(const struct election *e, const char *node);

struct candidate {
	const char *node; /* borrowed */
	int64_t weight;   /* summed preferences */
	uint8_t hash[ELECTION_HASH_LEN];
};

struct candidates {
	ARRAY_OF(struct candidate);
};

/* Add a candidate. Returns 0 or -ENOMEM. */
int election_enter(struct candidates *c, const struct election *e, const char *node,
		   int64_t weight);

/* Bring all in order, the winner first. */
void election_sort(struct candidates *c);

#endif
