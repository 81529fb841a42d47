// SPDX-License-Identifier: Apache-2.0
#include "sim/bpf.h"

#define PACKET_TYPE_AT ((uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE))

static bool is_known(uint16_t code)
{
	switch (code) {
	case BPF_LD | BPF_B | BPF_ABS:
	case BPF_LD | BPF_H | BPF_ABS:
	case BPF_LD | BPF_W | BPF_ABS:
	case BPF_ALU | BPF_AND | BPF_K:
	case BPF_JMP | BPF_JEQ | BPF_K:
	case BPF_JMP | BPF_JA:
	case BPF_RET | BPF_K:
		return true;
	default:
		return false;
	}
}

/* How far @in may jump over what follows it. */
static size_t jump_of(const struct sock_filter *in)
{
	if (in->code == (BPF_JMP | BPF_JA))
		return in->k;
	if (in->code == (BPF_JMP | BPF_JEQ | BPF_K))
		return in->jt > in->jf ? in->jt : in->jf;
	return 0;
}

bool sim_bpf_is_valid(const struct sock_filter *code, size_t count)
{
	const size_t last = count - 1;

	if (count == 0 || code[last].code != (BPF_RET | BPF_K))
		return false;
	for (size_t pc = 0; pc < last; pc++)
		if (!is_known(code[pc].code) || pc + jump_of(&code[pc]) + 1 > last)
			return false;
	return true;
}

/* A number of @size bytes in network order. Returns false when it is not all in the frame. */
static inline bool load(const uint8_t *frame, size_t len, uint32_t at, uint32_t size, uint32_t *ret)
{
	if (at > len || len - at < size)
		return false;
	*ret = 0;
	for (uint32_t i = 0; i < size; i++)
		*ret = *ret << 8 | frame[at + i];
	return true;
}

uint32_t sim_bpf_run(const struct sock_filter *code, const uint8_t *frame, size_t len,
		     uint8_t packet_type)
{
	uint32_t a = 0;

	for (const struct sock_filter *in = code;; in++) {
		switch (in->code) {
		case BPF_LD | BPF_B | BPF_ABS:
			if (in->k == PACKET_TYPE_AT)
				a = packet_type;
			else if (!load(frame, len, in->k, 1, &a))
				return 0;
			break;
		case BPF_LD | BPF_H | BPF_ABS:
			if (!load(frame, len, in->k, 2, &a))
				return 0;
			break;
		case BPF_LD | BPF_W | BPF_ABS:
			if (!load(frame, len, in->k, 4, &a))
				return 0;
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= in->k;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			in += a == in->k ? in->jt : in->jf;
			break;
		case BPF_JMP | BPF_JA:
			in += in->k;
			break;
		default: /* BPF_RET: a valid program has no other */
			return in->k;
		}
	}
}
