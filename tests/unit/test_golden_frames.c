// SPDX-License-Identifier: Apache-2.0
/*
 * Whole conversations byte for byte: what layer 2 says on a wire is rendered as a capture
 * and compared with tests/golden/NAME.pcap, which tests/golden/test_golden.py shows to tshark.
 *
 * Run with GOLDEN_WRITE=1 to write them anew, and read the difference before committing it.
 */
#include "speaker/layer2.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <net/if.h>
#include <net/if_arp.h>

#include "proto/pcap.h"
#include "tests/unit/frames.h"

#define T0 (1700000000 * NS_PER_S) /* time stamps of the captures begin here */

static const struct service_id owner = { "web", "front" };

struct wire {
	struct l2 *l2;
	struct speaker_actions out;
	uint64_t now_ns;
	uint8_t bytes[16384];
	struct wr capture;
};

static int setup(void **state)
{
	struct wire *w = calloc(1, sizeof(*w));
	struct l2_link link = { .ifindex = 2,
				.name = "eth0",
				.hw_type = ARPHRD_ETHER,
				.flags = IFF_UP | IFF_RUNNING | IFF_BROADCAST,
				.link_local = ip_of("fe80::aa") };

	memcpy(link.mac, node_mac, sizeof(link.mac));
	assert_int_equal(l2_new(NULL, NULL, 1, &w->l2), 0);
	l2_link_set(w->l2, &link);
	w->now_ns = T0;
	w->capture = wr_init(w->bytes, sizeof(w->bytes));
	pcap_header_encode(&w->capture);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct wire *w = *state;

	l2_free(w->l2);
	speaker_actions_done(&w->out);
	free(w);
	return 0;
}

/* What was sent goes into the capture; a microsecond apart, as they leave in this order. */
static void record(struct wire *w)
{
	for (size_t i = 0; i < w->out.count; i++)
		if (w->out.items[i].type == SPEAKER_SEND)
			pcap_frame_encode(&w->capture, w->now_ns += 1000,
					  w->out.items[i].frame.bytes, w->out.items[i].frame.len);
	speaker_actions_clear(&w->out);
}

static void take(struct wire *w, const char *ip)
{
	struct ip_addr a = ip_of(ip);

	l2_hold(w->l2, &owner, &a, NULL);
	l2_pass(w->l2, w->now_ns, &w->out);
}

static void hear(struct wire *w, const struct frame *f)
{
	pcap_frame_encode(&w->capture, w->now_ns += NS_PER_MS, f->bytes, f->len);
	l2_frame(w->l2, 2, f->bytes, f->len, &w->out);
	record(w);
}

static void run_until(struct wire *w, uint64_t until_ns)
{
	for (uint64_t wake_ns; (wake_ns = l2_wake_ns(w->l2)) <= until_ns;) {
		w->now_ns = wake_ns > w->now_ns ? wake_ns : w->now_ns;
		l2_pass(w->l2, w->now_ns, &w->out);
		record(w);
	}
}

static void assert_golden(const struct wire *w, const char *name)
{
	static uint8_t golden[sizeof(w->bytes)];
	char path[128];

	assert_false(wr_failed(&w->capture));
	snprintf(path, sizeof(path), "tests/golden/%s.pcap", name);
	if (getenv("GOLDEN_WRITE") != NULL) {
		FILE *to = fopen(path, "wb");
		assert_non_null(to);
		assert_int_equal(fwrite(w->bytes, 1, wr_len(&w->capture), to), wr_len(&w->capture));
		fclose(to);
	}
	FILE *from = fopen(path, "rb");
	if (from == NULL)
		fail_msg("%s is missing", path);
	size_t len = fread(golden, 1, sizeof(golden), from);
	fclose(from);
	assert_int_equal(len, wr_len(&w->capture));
	assert_memory_equal(golden, w->bytes, len);
}

static void test_arp_take_over(void **state)
{
	struct wire *w = *state;

	take(w, "192.0.2.10");
	record(w);
	run_until(w, T0 + 300 * NS_PER_S);
	assert_golden(w, "arp-take-over");
}

static void test_arp_answers(void **state)
{
	struct wire *w = *state;
	struct frame f;

	take(w, "192.0.2.10");
	speaker_actions_clear(&w->out);
	f = arp_request("10.0.0.1", "192.0.2.10");
	hear(w, &f);
	f = arp_request("0.0.0.0", "192.0.2.10"); /* a probe */
	hear(w, &f);
	f = arp_request("10.0.0.1", "192.0.2.10");
	memset(f.bytes + f.len, 0, 60 - f.len); /* padded, as a network card sends it */
	f.len = 60;
	hear(w, &f);
	f = arp_request("10.0.0.1", "192.0.2.11"); /* nobody here */
	hear(w, &f);
	assert_golden(w, "arp-answers");
}

static void test_ndp_take_over(void **state)
{
	struct wire *w = *state;

	take(w, "2001:db8:1::10");
	record(w);
	run_until(w, T0 + 300 * NS_PER_S);
	assert_golden(w, "ndp-take-over");
}

static void test_ndp_answers(void **state)
{
	struct wire *w = *state;
	struct frame f;

	take(w, "2001:db8:1::10");
	speaker_actions_clear(&w->out);
	f = neighbour_solicitation(
		(struct ns_shape){ .src = "fe80::1", .target = "2001:db8:1::10" });
	hear(w, &f);
	f = neighbour_solicitation((struct ns_shape){ .src = "fe80::1",
						      .dst = "2001:db8:1::10",
						      .target = "2001:db8:1::10",
						      .no_lladdr = true });
	hear(w, &f);
	f = neighbour_solicitation(
		(struct ns_shape){ .src = "::", .target = "2001:db8:1::10", .no_lladdr = true });
	hear(w, &f);
	assert_golden(w, "ndp-answers");
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_arp_take_over),
		T(test_arp_answers),
		T(test_ndp_take_over),
		T(test_ndp_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
