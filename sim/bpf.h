// SPDX-License-Identifier: Apache-2.0
/*
 * A machine for socket filters: the instructions of classic BPF that speaker/filter.h uses, run as
 * the kernel runs them (linux/filter.h; networking/filter.rst of the kernel's documentation).
 */
#ifndef BELLMAN_SIM_BPF_H
#define BELLMAN_SIM_BPF_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * May it be run? Every instruction is known, every jump stays inside, and the last one returns:
 * what the kernel asks of a filter before it attaches it.
 */
bool sim_bpf_is_valid(const struct sock_filter *code, size_t count);

/*
 * How many bytes of the frame the filter, which is valid, lets through; 0: the frame is dropped.
 * @packet_type: PACKET_HOST and so on (linux/if_packet.h). A load beyond the frame drops it.
 */
uint32_t sim_bpf_run(const struct sock_filter *code, const uint8_t *frame, size_t len,
		     uint8_t packet_type);

#endif
