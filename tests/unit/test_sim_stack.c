// SPDX-License-Identifier: Apache-2.0
/* Neighbour caches as Linux keeps them; tests/lab/test_sim_neighbours.py asks a kernel. */
#include "tests/unit/sim_lan.h"

static void test_an_address_is_asked_for_and_reachable_when_answered(void **state)
{
	(void)state;
	for (size_t n = 0; n < 2; n++) {
		struct lan lan;

		lan_open(&lan);
		take(lan.a0, vips[n]);
		assert_neighbour(&lan, vips[n], SIM_NEIGH_NONE, 0);
		send_one(&lan, vips[n]);
		assert_neighbour(&lan, vips[n], SIM_NEIGH_INCOMPLETE, 0);
		run_for(&lan, NS_PER_MS);
		assert_neighbour(&lan, vips[n], SIM_NEIGH_REACHABLE, 2);
		lan_close(&lan);
	}
}

static void test_nobody_answers_three_questions_and_it_failed(void **state)
{
	(void)state;
	for (size_t n = 0; n < 2; n++) {
		struct lan lan;

		lan_open(&lan);
		send_one(&lan, vips[n]);
		run_for(&lan, 2900 * NS_PER_MS);
		assert_neighbour(&lan, vips[n], SIM_NEIGH_INCOMPLETE, 0);
		run_for(&lan, 200 * NS_PER_MS);
		assert_neighbour(&lan, vips[n], SIM_NEIGH_FAILED, 0);
		/* And the next packet asks anew. */
		take(lan.b0, vips[n]);
		send_one(&lan, vips[n]);
		run_for(&lan, NS_PER_MS);
		assert_neighbour(&lan, vips[n], SIM_NEIGH_REACHABLE, 3);
		lan_close(&lan);
	}
}

static void test_what_waits_is_sent_when_the_answer_is_there(void **state)
{
	struct lan lan;
	struct sim_net_counts before, after;

	(void)state;
	lan_open(&lan);
	take(lan.a0, vips[0]);
	before = sim_net_counts(lan.net);
	for (int i = 0; i < 3; i++)
		send_one(&lan, vips[0]);
	run_for(&lan, NS_PER_MS);
	after = sim_net_counts(lan.net);
	assert_int_equal(after.sent - before.sent, 2 + 3); /* question, answer, three datagrams */
	lan_close(&lan);
}

static void test_reachable_becomes_stale_when_it_is_not_used(void **state)
{
	(void)state;
	for (size_t n = 0; n < 2; n++) {
		struct lan lan;

		lan_open(&lan);
		take(lan.a0, vips[n]);
		send_one(&lan, vips[n]);
		run_for(&lan, 14 * NS_PER_S);
		assert_neighbour(&lan, vips[n], SIM_NEIGH_REACHABLE, 2);
		run_for(&lan, 32 * NS_PER_S); /* at most one and a half of 30 s */
		assert_neighbour(&lan, vips[n], SIM_NEIGH_STALE, 2);
		lan_close(&lan);
	}
}

static void test_a_stale_one_is_used_and_asked_after_five_seconds(void **state)
{
	(void)state;
	for (size_t n = 0; n < 2; n++) {
		struct lan lan;

		lan_open(&lan);
		take(lan.a0, vips[n]);
		send_one(&lan, vips[n]);
		run_for(&lan, 50 * NS_PER_S);
		drop(lan.a0, vips[n]);
		send_one(&lan, vips[n]);
		assert_neighbour(&lan, vips[n], SIM_NEIGH_DELAY, 2);
		run_for(&lan, 5 * NS_PER_S + NS_PER_MS);
		assert_neighbour(&lan, vips[n], SIM_NEIGH_PROBE, 2);
		run_for(&lan, 3 * NS_PER_S);
		assert_neighbour(&lan, vips[n], SIM_NEIGH_FAILED, 0);
		lan_close(&lan);
	}
}

static void test_a_gratuitous_frame_moves_what_is_there_and_makes_nothing(void **state)
{
	(void)state;
	for (size_t n = 0; n < 2; n++) {
		struct lan lan;

		lan_open(&lan);
		take(lan.a0, vips[n]);
		gratuitous(lan.a0, vips[n]);
		run_for(&lan, NS_PER_MS);
		assert_neighbour(&lan, vips[n], SIM_NEIGH_NONE, 0);
		send_one(&lan, vips[n]);
		run_for(&lan, NS_PER_MS);
		drop(lan.a0, vips[n]);
		take(lan.b0, vips[n]);
		gratuitous(lan.b0, vips[n]); /* within locktime */
		run_for(&lan, NS_PER_MS);
		assert_neighbour(&lan, vips[n], SIM_NEIGH_STALE, 3);
		lan_close(&lan);
	}
}

static void test_with_arp_accept_a_gratuitous_frame_makes_an_entry(void **state)
{
	(void)state;
	for (size_t n = 0; n < 2; n++) {
		struct lan lan;

		lan_open_with(&lan, true, 1);
		gratuitous(lan.a0, vips[n]);
		run_for(&lan, NS_PER_MS);
		assert_neighbour(&lan, vips[n], SIM_NEIGH_STALE, 2);
		lan_close(&lan);
	}
}

/* arp_process(): of two answers the first holds; neighbour discovery: neither overrides, and the
 * first is doubted. */
static void test_of_two_answers_to_one_question_the_first_holds(void **state)
{
	struct lan lan;

	(void)state;
	lan_open(&lan);
	take(lan.a0, vips[0]);
	take(lan.b0, vips[0]);
	const struct sim_impair late = { .delay_ns = 10 * NS_PER_MS };
	sim_port_impair(sim_iface_port(lan.b0), &late);
	send_one(&lan, vips[0]);
	run_for(&lan, NS_PER_S / 2);
	assert_neighbour(&lan, vips[0], SIM_NEIGH_REACHABLE, 2);
	lan_close(&lan);
}

static void test_who_asks_is_known(void **state)
{
	struct lan lan;
	uint8_t mac[ETHER_ADDR_LEN];
	struct ip_addr client = ip("10.0.0.1");

	(void)state;
	lan_open(&lan);
	send_one(&lan, "10.0.0.2");
	run_for(&lan, NS_PER_MS);
	assert_int_equal(sim_stack_neighbour(lan.a, &client, mac), SIM_NEIGH_STALE);
	assert_int_equal(mac[5], 1);
	assert_int_equal(sim_stack_neighbour(lan.b, &client, mac), SIM_NEIGH_NONE);
	lan_close(&lan);
}

static void test_the_cache_is_bounded(void **state)
{
	struct lan lan;

	(void)state;
	lan_open(&lan);
	for (unsigned n = 0; n < 3000; n++) {
		char text[IP_TEXT_MAX];
		struct ip_addr to = ip_from_number(IP_V4, 0x0a000000u + 256 + n);
		send_one(&lan, ip_format(&to, text));
	}
	assert_true(sim_stack_neighbours(lan.client) <= 1024);
	lan_close(&lan);
}

static void test_without_power_nothing_is_known_or_answered(void **state)
{
	struct lan lan;

	(void)state;
	lan_open(&lan);
	send_one(&lan, "10.0.0.2");
	run_for(&lan, NS_PER_MS);
	sim_stack_power(lan.a, false);
	sim_stack_power(lan.client, false);
	assert_int_equal(sim_stack_neighbours(lan.client), 0);
	sim_stack_power(lan.client, true);
	send_one(&lan, "10.0.0.2");
	run_for(&lan, 4 * NS_PER_S);
	assert_neighbour(&lan, "10.0.0.2", SIM_NEIGH_FAILED, 0);
	sim_stack_power(lan.a, true);
	send_one(&lan, "10.0.0.2");
	run_for(&lan, NS_PER_MS);
	assert_neighbour(&lan, "10.0.0.2", SIM_NEIGH_REACHABLE, 2);
	lan_close(&lan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_address_is_asked_for_and_reachable_when_answered),
		cmocka_unit_test(test_nobody_answers_three_questions_and_it_failed),
		cmocka_unit_test(test_what_waits_is_sent_when_the_answer_is_there),
		cmocka_unit_test(test_reachable_becomes_stale_when_it_is_not_used),
		cmocka_unit_test(test_a_stale_one_is_used_and_asked_after_five_seconds),
		cmocka_unit_test(test_a_gratuitous_frame_moves_what_is_there_and_makes_nothing),
		cmocka_unit_test(test_with_arp_accept_a_gratuitous_frame_makes_an_entry),
		cmocka_unit_test(test_of_two_answers_to_one_question_the_first_holds),
		cmocka_unit_test(test_who_asks_is_known),
		cmocka_unit_test(test_the_cache_is_bounded),
		cmocka_unit_test(test_without_power_nothing_is_known_or_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
