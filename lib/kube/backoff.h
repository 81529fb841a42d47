// SPDX-License-Identifier: Apache-2.0
/* How long to wait before the next try: 100 ms, doubled each time up to 10 s, give or take 30 %. */
#ifndef BELLMAN_KUBE_BACKOFF_H
#define BELLMAN_KUBE_BACKOFF_H

#include "lib/base/rng.h"

#define BACKOFF_FIRST_MS 100u
#define BACKOFF_MAX_MS   10000u
#define BACKOFF_JITTER   30u /* percent */

struct backoff {
	uint64_t delay_ms; /* of the last try; 0: none yet */
};

/* The wait before the next try, in milliseconds. */
static inline uint64_t backoff_next(struct backoff *b, struct rng *rng)
{
	b->delay_ms = b->delay_ms == 0 ? BACKOFF_FIRST_MS : b->delay_ms * 2;
	if (b->delay_ms > BACKOFF_MAX_MS)
		b->delay_ms = BACKOFF_MAX_MS;
	return rng_jitter(rng, b->delay_ms, BACKOFF_JITTER);
}

/* It went well: the next failure starts anew. */
static inline void backoff_reset(struct backoff *b)
{
	b->delay_ms = 0;
}

#endif
