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

struct candidate {
	const char *node; /* borrowed */
	int64_t weight;   /* summed preferences */
	uint8_t hash[ELECTION_HASH_LEN];
};

struct candidates {
	ARRAY_OF(struct candidate);
};

/* Add a candidate for a Service whose first address is @first. Returns 0 or -ENOMEM. */
int election_enter(struct candidates *c, const char *node, int64_t weight,
		   const struct ip_addr *first);

/* The first one, in one look at each; NULL when there is none. */
const struct candidate *election_winner(const struct candidates *c);

/* Bring all in order, the winner first. */
void election_sort(struct candidates *c);

#endif
