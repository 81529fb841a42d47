// SPDX-License-Identifier: Apache-2.0
#include "speaker/filter.h"

#include <linux/if_packet.h>

#include "proto/arp.h"

/* --- cover --------------------------------------------------------------------------------- */

/* How many leading bits @a and @b share. */
static unsigned common_bits(const struct ip_addr *a, const struct ip_addr *b)
{
	unsigned bits = ip_bits(a->family);

	for (unsigned i = 0; i < bits / 8; i++)
		if (a->bytes[i] != b->bytes[i])
			return i * 8 + (unsigned)__builtin_clz(a->bytes[i] ^ b->bytes[i]) - 24;
	return bits;
}

/* The two halves of one prefix. */
static bool siblings(const struct ip_prefix *a, const struct ip_prefix *b)
{
	return a->len == b->len && common_bits(&a->addr, &b->addr) + 1u == a->len;
}

/*
 * In ascending order, each gap between two neighbours is one branching of the binary trie of the
 * addresses, at the depth of the bits that they share. Cutting at the max - 1 shallowest gaps cuts
 * the trie from its root downward, so that the widest prefixes are split first.
 */
size_t filter_cover(const struct ip_addr *addresses, size_t count, size_t max,
		    struct ip_prefix ret[static FILTER_PREFIXES_MAX])
{
	size_t gaps_at[129] = { 0 }, cuts = max - 1, n = 0, start = 0;
	unsigned depth = 0;

	if (count == 0)
		return 0;
	for (size_t i = 1; i < count; i++)
		gaps_at[common_bits(&addresses[i - 1], &addresses[i])]++;
	/* All gaps above `depth` are cut, and `cuts` of those at it. */
	while (depth < 128 && gaps_at[depth] <= cuts)
		cuts -= gaps_at[depth++];

	for (size_t i = 1; i <= count; i++) {
		if (i < count) {
			unsigned bits = common_bits(&addresses[i - 1], &addresses[i]);
			if (bits > depth || (bits == depth && cuts == 0))
				continue;
			cuts -= bits == depth;
		}
		const struct ip_addr *first = &addresses[start], *last = &addresses[i - 1];
		ret[n++] = ip_prefix_of(first, (uint8_t)common_bits(first, last));
		start = i;
		while (n > 1 && siblings(&ret[n - 2], &ret[n - 1])) {
			ret[n - 2].len--;
			n--;
		}
	}
	return n;
}

/* --- instructions -------------------------------------------------------------------------- */

#define PACKET_TYPE_AT   (SKF_AD_OFF + SKF_AD_PKTTYPE)
#define ETHER_TYPE_AT    12
#define ARP_OP_AT        (ETHER_HEADER_LEN + 6)
#define ARP_TARGET_AT    (ETHER_HEADER_LEN + 24)
#define IPV6_NEXT_AT     (ETHER_HEADER_LEN + 6)
#define ICMPV6_TYPE_AT   (ETHER_HEADER_LEN + 40)
#define NDP_TARGET_AT    (ETHER_HEADER_LEN + 40 + 8)
#define NEXT_ICMPV6      58
#define NEIGHBOR_SOLICIT 135

struct program {
	struct sock_filter *code;
	size_t len;
};

static void emit(struct program *p, uint16_t code, uint32_t k)
{
	p->code[p->len++] = (struct sock_filter){ .code = code, .k = k };
}

/* Go on if the accumulator is @k, else jump to an instruction that is not written yet. */
static size_t emit_unless(struct program *p, uint32_t k)
{
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, k);
	return p->len - 1;
}

static void land(struct program *p, size_t jump)
{
	p->code[jump].jf = (uint8_t)(p->len - jump - 1);
}

/* Drop the frame unless the @size (BPF_B, BPF_H) at @at is @k. */
static void require(struct program *p, uint16_t size, uint32_t at, uint32_t k)
{
	emit(p, BPF_LD | size | BPF_ABS, at);
	size_t jump = emit_unless(p, k);
	emit(p, BPF_JMP | BPF_JA, 1);
	land(p, jump);
	emit(p, BPF_RET | BPF_K, 0);
}

static void require_not_foreign(struct program *p)
{
	emit(p, BPF_LD | BPF_B | BPF_ABS, (uint32_t)PACKET_TYPE_AT);
	size_t jump = emit_unless(p, PACKET_OTHERHOST);
	emit(p, BPF_RET | BPF_K, 0);
	land(p, jump);
}

static uint32_t word_of(const struct ip_addr *ip, unsigned i)
{
	const uint8_t *b = ip->bytes + i * 4;

	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* Accept if the address at @at is inside @prefix; word by word, the last one masked. */
static void accept_if_inside(struct program *p, uint32_t at, const struct ip_prefix *prefix)
{
	size_t jumps[4], n = 0;

	for (unsigned i = 0; i * 32 < prefix->len; i++) {
		unsigned bits = prefix->len - i * 32;
		emit(p, BPF_LD | BPF_W | BPF_ABS, at + i * 4);
		if (bits < 32)
			emit(p, BPF_ALU | BPF_AND | BPF_K, ~0u << (32 - bits));
		jumps[n++] = emit_unless(p, word_of(&prefix->addr, i));
	}
	emit(p, BPF_RET | BPF_K, UINT16_MAX);
	while (n > 0)
		land(p, jumps[--n]);
}

static size_t finish(struct program *p, uint32_t at, const struct ip_prefix *prefixes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		accept_if_inside(p, at, &prefixes[i]);
	emit(p, BPF_RET | BPF_K, 0);
	return p->len;
}

size_t filter_arp(const struct ip_prefix *prefixes, size_t count,
		  struct sock_filter ret[static FILTER_LEN_MAX])
{
	struct program p = { ret, 0 };

	require_not_foreign(&p);
	require(&p, BPF_H, ETHER_TYPE_AT, ETHER_TYPE_ARP);
	require(&p, BPF_H, ARP_OP_AT, ARP_REQUEST);
	return finish(&p, ARP_TARGET_AT, prefixes, count);
}

size_t filter_ndp(const struct ip_prefix *prefixes, size_t count,
		  struct sock_filter ret[static FILTER_LEN_MAX])
{
	struct program p = { ret, 0 };

	require_not_foreign(&p);
	require(&p, BPF_H, ETHER_TYPE_AT, ETHER_TYPE_IPV6);
	require(&p, BPF_B, IPV6_NEXT_AT, NEXT_ICMPV6);
	require(&p, BPF_B, ICMPV6_TYPE_AT, NEIGHBOR_SOLICIT);
	return finish(&p, NDP_TARGET_AT, prefixes, count);
}
