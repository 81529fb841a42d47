// SPDX-License-Identifier: Apache-2.0
/* The machine for socket filters refuses what the kernel refuses; test_filter.c runs filters on it.
 */
#include "sim/bpf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <linux/if_packet.h>

#define RET(k)                                                                                     \
	{                                                                                          \
		BPF_RET | BPF_K, 0, 0, k                                                           \
	}
#define JA(k)                                                                                      \
	{                                                                                          \
		BPF_JMP | BPF_JA, 0, 0, k                                                          \
	}
#define JEQ(k, yes, no)                                                                            \
	{                                                                                          \
		BPF_JMP | BPF_JEQ | BPF_K, yes, no, k                                              \
	}
#define LOAD(size, at)                                                                             \
	{                                                                                          \
		BPF_LD | (size) | BPF_ABS, 0, 0, at                                                \
	}
#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static void test_a_program_must_end_and_stay_inside(void **state)
{
	const struct sock_filter good[] = { JEQ(0, 1, 0), RET(0), RET(1) };
	const struct sock_filter no_end[] = { RET(0), LOAD(BPF_B, 0) };
	const struct sock_filter ends_in_jump[] = { RET(0), JA(0) };
	const struct sock_filter jumps_out[] = { JA(1), RET(0) };
	const struct sock_filter jumps_far[] = { JA(UINT32_MAX), RET(0) };
	const struct sock_filter one_way_out[] = { JEQ(0, 0, 1), RET(0) };
	const struct sock_filter unknown[] = { { BPF_LD | BPF_MEM, 0, 0, 0 }, RET(0) };

	(void)state;
	assert_true(sim_bpf_is_valid(good, COUNT(good)));
	assert_false(sim_bpf_is_valid(good, 0));
	assert_false(sim_bpf_is_valid(no_end, COUNT(no_end)));
	assert_false(sim_bpf_is_valid(ends_in_jump, COUNT(ends_in_jump)));
	assert_false(sim_bpf_is_valid(jumps_out, COUNT(jumps_out)));
	assert_false(sim_bpf_is_valid(jumps_far, COUNT(jumps_far)));
	assert_false(sim_bpf_is_valid(one_way_out, COUNT(one_way_out)));
	assert_false(sim_bpf_is_valid(unknown, COUNT(unknown)));
}

static void test_a_load_beyond_the_frame_drops_it(void **state)
{
	const uint8_t frame[] = { 1, 2, 3, 4, 5 };
	static const struct {
		uint16_t size;
		uint32_t at;
		bool passes;
	} rows[] = {
		{ BPF_B, 4, true },  { BPF_B, 5, false },          { BPF_H, 3, true },
		{ BPF_H, 4, false }, { BPF_W, 1, true },           { BPF_W, 2, false },
		{ BPF_W, 6, false }, { BPF_H, UINT32_MAX, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct sock_filter code[] = { LOAD(rows[i].size, rows[i].at), RET(7) };
		assert_true(sim_bpf_is_valid(code, COUNT(code)));
		assert_int_equal(sim_bpf_run(code, frame, sizeof(frame), PACKET_HOST),
				 rows[i].passes ? 7 : 0);
	}
}

static void test_numbers_are_in_network_order_and_masked(void **state)
{
	const uint8_t frame[] = { 0x12, 0x34, 0x56, 0x78 };
	const struct sock_filter half[] = { LOAD(BPF_H, 1), JEQ(0x3456, 0, 1), RET(1), RET(0) };
	const struct sock_filter masked[] = { LOAD(BPF_W, 0),
					      { BPF_ALU | BPF_AND | BPF_K, 0, 0, 0xffff0000 },
					      JEQ(0x12340000, 1, 0),
					      JA(1),
					      RET(1),
					      RET(0) };
	const struct sock_filter type[] = { LOAD(BPF_B, (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE)),
					    JEQ(PACKET_MULTICAST, 0, 1), RET(1), RET(0) };

	(void)state;
	assert_int_equal(sim_bpf_run(half, frame, 4, PACKET_HOST), 1);
	assert_int_equal(sim_bpf_run(masked, frame, 4, PACKET_HOST), 1);
	assert_int_equal(sim_bpf_run(type, frame, 4, PACKET_MULTICAST), 1);
	assert_int_equal(sim_bpf_run(type, frame, 4, PACKET_HOST), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_program_must_end_and_stay_inside),
		cmocka_unit_test(test_a_load_beyond_the_frame_drops_it),
		cmocka_unit_test(test_numbers_are_in_network_order_and_masked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
