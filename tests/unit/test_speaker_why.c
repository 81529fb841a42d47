// SPDX-License-Identifier: Apache-2.0
/* Every frame says why it is sent. */
#include "speaker/layer2.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <net/if.h>
#include <net/if_arp.h>

#include "tests/unit/frames.h"

#define T0 (1000 * NS_PER_S)

static const struct service_id front = { "web", "front" }, back = { "web", "back" };

struct world {
	struct l2 *l2;
	struct speaker_actions out;
	uint64_t now_ns;
	char why[SPEAKER_WHY_MAX];
};

static struct l2_link eth(unsigned ifindex)
{
	struct l2_link k = { .ifindex = ifindex,
			     .hw_type = ARPHRD_ETHER,
			     .flags = IFF_UP | IFF_RUNNING | IFF_BROADCAST,
			     .link_local = ip_of("fe80::aa") };

	snprintf(k.name, sizeof(k.name), "eth%u", ifindex);
	memcpy(k.mac, node_mac, sizeof(k.mac));
	k.mac[4] = (uint8_t)ifindex;
	return k;
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct l2_link link = eth(2);

	w->now_ns = T0;
	assert_int_equal(l2_new(NULL, NULL, 1, &w->l2), 0);
	l2_link_set(w->l2, &link);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	l2_free(w->l2);
	speaker_actions_done(&w->out);
	free(w);
	return 0;
}

static void hold(struct world *w, const struct service_id *owner, const char *ip,
		 const struct names *interfaces)
{
	struct ip_addr a = ip_of(ip);

	l2_hold(w->l2, owner, &a, interfaces);
}

/* The first frame of a pass @later_ns from now, in words; "" when none is sent. */
static const char *after(struct world *w, uint64_t later_ns)
{
	w->now_ns += later_ns;
	speaker_actions_clear(&w->out);
	l2_pass(w->l2, w->now_ns, &w->out);
	w->why[0] = '\0';
	for (size_t i = 0; i < w->out.count; i++)
		if (w->out.items[i].type == SPEAKER_SEND)
			return speaker_why_format(&w->out.items[i], w->why, sizeof(w->why));
	return w->why;
}

static const char *answer_to(struct world *w, unsigned ifindex, const struct frame *f)
{
	speaker_actions_clear(&w->out);
	l2_frame(w->l2, ifindex, f->bytes, f->len, &w->out);
	assert_int_equal(w->out.count, 1);
	return speaker_why_format(&w->out.items[0], w->why, sizeof(w->why));
}

static void test_an_answer_says_to_what_and_for_whom(void **state)
{
	struct world *w = *state;
	struct frame f;

	hold(w, &front, "192.0.2.10", NULL);
	hold(w, &front, "2001:db8::10", NULL);
	after(w, 0);
	f = arp_request("192.0.2.1", "192.0.2.10");
	assert_string_equal(answer_to(w, 2, &f), "answers who-has 192.0.2.10 from 192.0.2.1: "
						 "web/front is announced here");
	f = arp_request("0.0.0.0", "192.0.2.10");
	assert_string_equal(answer_to(w, 2, &f), "answers a probe for 192.0.2.10 from "
						 "02:00:00:00:00:01: it is taken, by web/front");
	f = neighbour_solicitation((struct ns_shape){ .src = "fe80::1", .target = "2001:db8::10" });
	assert_string_equal(answer_to(w, 2, &f), "answers a solicitation of 2001:db8::10 from "
						 "fe80::1: web/front is announced here");
	f = neighbour_solicitation(
		(struct ns_shape){ .src = "::", .target = "2001:db8::10", .no_lladdr = true });
	assert_string_equal(answer_to(w, 2, &f), "answers duplicate address detection of "
						 "2001:db8::10: it is taken, by web/front");
}

static void test_rounds_of_a_burst_are_counted_until_the_refresh(void **state)
{
	struct world *w = *state;
	char expect[200];

	hold(w, &front, "192.0.2.10", NULL);
	for (unsigned round = 1; round <= 5; round++) {
		snprintf(expect, sizeof(expect),
			 "announces 192.0.2.10 (web/front), round %u of the burst after taking "
			 "over",
			 round);
		assert_string_equal(after(w, round == 1 ? 0 : L2_ROUND_NS), expect);
	}
	assert_string_equal(after(w, 2 * L2_REFRESH_NS), "refreshes 192.0.2.10 (web/front)");
}

static void test_a_burst_says_what_began_it(void **state)
{
	struct world *w = *state;
	const char *only[] = { "eth2" };
	const struct names eth2 = { .items = only, .count = 1 };
	struct l2_link two = eth(2), three = eth(3);

	l2_link_set(w->l2, &three);
	hold(w, &front, "2001:db8::10", &eth2);
	assert_string_equal(
		after(w, 0),
		"announces 2001:db8::10 (web/front), round 1 of the burst after taking over");
	hold(w, &front, "2001:db8::10", NULL);
	assert_string_equal(after(w, NS_PER_MS),
			    "announces 2001:db8::10 (web/front), round 1 of the burst after "
			    "being advertised on this link too");
	two.flags &= ~(unsigned)IFF_RUNNING;
	l2_link_set(w->l2, &two);
	after(w, L2_BURST_NS + NS_PER_S);
	two.flags |= IFF_RUNNING;
	l2_link_set(w->l2, &two);
	assert_string_equal(
		after(w, NS_PER_MS),
		"announces 2001:db8::10 (web/front), round 1 of the burst after the link came up");
	two.mac[5]++;
	l2_link_set(w->l2, &two);
	assert_string_equal(after(w, NS_PER_MS),
			    "announces 2001:db8::10 (web/front), round 1 of the burst after the "
			    "link got another MAC");
}

/* Of two that share an address, each on an interface of its own. */
static void test_the_holder_is_one_of_that_link(void **state)
{
	struct world *w = *state;
	const char *on_two[] = { "eth2" }, *on_three[] = { "eth3" };
	const struct names eth2 = { .items = on_two, .count = 1 };
	const struct names eth3 = { .items = on_three, .count = 1 };
	struct l2_link three = eth(3);
	struct frame f = arp_request("192.0.2.1", "192.0.2.10");

	l2_link_set(w->l2, &three);
	hold(w, &front, "192.0.2.10", &eth2);
	hold(w, &back, "192.0.2.10", &eth3);
	after(w, 0);
	assert_non_null(strstr(answer_to(w, 2, &f), "web/front is announced"));
	assert_non_null(strstr(answer_to(w, 3, &f), "web/back is announced"));
}

/* As the header of layer2.h has it: from the release on, whether a pass ran or not. */
static void test_nothing_is_said_for_an_address_that_was_given_up(void **state)
{
	struct world *w = *state;
	struct ip_addr ip = ip_of("192.0.2.10");
	struct frame f = arp_request("192.0.2.1", "192.0.2.10");

	l2_hold(w->l2, &front, &ip, NULL);
	after(w, 0);
	l2_release(w->l2, &front, &ip);
	speaker_actions_clear(&w->out);
	l2_frame(w->l2, 2, f.bytes, f.len, &w->out);
	assert_int_equal(w->out.count, 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_an_answer_says_to_what_and_for_whom),
		T(test_rounds_of_a_burst_are_counted_until_the_refresh),
		T(test_a_burst_says_what_began_it),
		T(test_the_holder_is_one_of_that_link),
		T(test_nothing_is_said_for_an_address_that_was_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
