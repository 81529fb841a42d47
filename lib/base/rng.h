// SPDX-License-Identifier: Apache-2.0
/*
 * Seeded random numbers for jitter and choices: engines are handed one, so a run
 * can be repeated. Not for secrets.
 */
#ifndef BELLMAN_BASE_RNG_H
#define BELLMAN_BASE_RNG_H

#include <stdint.h>

struct rng {
	uint64_t state;
};

static inline struct rng rng_seeded(uint64_t seed)
{
	return (struct rng){ seed };
}

/* SplitMix64 (Steele, Lea, Flood 2014): any seed is good, and the state is one word. */
static inline uint64_t rng_next(struct rng *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* Evenly in 0..bound-1; 0 for a bound of 0. The bias is below bound / 2^64. */
static inline uint64_t rng_below(struct rng *r, uint64_t bound)
{
	__extension__ typedef unsigned __int128 wide;

	return (uint64_t)((wide)rng_next(r) * bound >> 64);
}

/* @value, give or take @percent of it. */
static inline uint64_t rng_jitter(struct rng *r, uint64_t value, unsigned percent)
{
	uint64_t span = value / 100 * percent;

	return value - span + rng_below(r, 2 * span + 1);
}

#endif
