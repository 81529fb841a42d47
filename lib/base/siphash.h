// SPDX-License-Identifier: Apache-2.0
/*
 * SipHash-2-4 (Aumasson and Bernstein 2012): a hash of short texts under a secret key.
 *
 * For tables whose keys come from users: who does not know the key cannot choose texts that
 * all land in one place. Not for signatures.
 */
#ifndef BELLMAN_BASE_SIPHASH_H
#define BELLMAN_BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

static inline uint64_t siphash_rotate(uint64_t x, unsigned bits)
{
	return x << bits | x >> (64 - bits);
}

static inline void siphash_rounds(uint64_t v[4], unsigned rounds)
{
	while (rounds-- > 0) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = siphash_rotate(v[1], 13) ^ v[0];
		v[3] = siphash_rotate(v[3], 16) ^ v[2];
		v[0] = siphash_rotate(v[0], 32) + v[3];
		v[2] += v[1];
		v[1] = siphash_rotate(v[1], 17) ^ v[2];
		v[3] = siphash_rotate(v[3], 21) ^ v[0];
		v[2] = siphash_rotate(v[2], 32);
	}
}

/* The hash of @len bytes under @key. */
static inline uint64_t siphash(const uint64_t key[2], const void *bytes, size_t len)
{
	uint64_t v[4] = {
		key[0] ^ 0x736f6d6570736575u,
		key[1] ^ 0x646f72616e646f6du,
		key[0] ^ 0x6c7967656e657261u,
		key[1] ^ 0x7465646279746573u,
	};
	const unsigned char *b = bytes;
	uint64_t word = 0;

	for (size_t i = 0; i < len; i++) {
		word |= (uint64_t)b[i] << (i % 8 * 8);
		if (i % 8 == 7) {
			v[3] ^= word;
			siphash_rounds(v, 2);
			v[0] ^= word;
			word = 0;
		}
	}
	word |= (uint64_t)len << 56;
	v[3] ^= word;
	siphash_rounds(v, 2);
	v[0] ^= word;
	v[2] ^= 0xff;
	siphash_rounds(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

#endif
