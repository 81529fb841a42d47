// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/sim_segment.h"

static const uint8_t group[ETHER_ADDR_LEN] = { 0x33, 0x33, 0xff, 0, 0, 1 };
static const uint8_t nobody[ETHER_ADDR_LEN] = { 2, 0, 0, 9, 9, 9 };

/* --- the switch ------------------------------------------------------------------------ */

static void test_a_broadcast_comes_to_all_others_after_the_delay_by_one_timer(void **state)
{
	struct segment *g = *state;

	run_for(g, NS_PER_S);
	assert_int_equal(who_gets(g, 1, ether_broadcast), 0xd);
	assert_int_equal(g->s[0].at_ns[0], NS_PER_S + DELAY_NS);
	assert_int_equal(sim_clock_steps(g->clock), 1);
	assert_int_equal(sim_net_counts(g->net).delivered, 3);
}

static void test_sending_delivers_nothing_before_time_goes_on(void **state)
{
	struct segment *g = *state;
	struct sim_link *quick = sim_link_add(g->net, &(struct sim_link_cfg){ .name = "quick" });
	struct sim_port *a = sim_port_add(quick, "a", g->s[0].mac, &station_ops, &g->s[0]);

	sim_port_add(quick, "b", g->s[1].mac, &station_ops, &g->s[1]);
	g->s[0].port = a;
	send_number(g, 0, ether_broadcast, 1);
	assert_int_equal(g->s[1].got, 0);
	run_for(g, 0);
	assert_int_equal(g->s[1].got, 1);
}

static void test_a_group_comes_to_its_members_for_as_long_as_they_are(void **state)
{
	struct segment *g = *state;

	run_for(g, NS_PER_S);
	assert_int_equal(who_gets(g, 0, group), 0);
	assert_int_equal(sim_clock_steps(g->clock), 0);
	for (unsigned i = 0; i < 3; i++)
		sim_port_join(g->s[i].port, group);
	sim_port_join(g->s[1].port, group);
	assert_int_equal(who_gets(g, 0, group), 0x6);
	sim_port_leave(g->s[1].port, group);
	assert_int_equal(who_gets(g, 0, group), 0x6);
	sim_port_leave(g->s[1].port, group);
	assert_int_equal(who_gets(g, 0, group), 0x4);
	sim_port_leave(g->s[2].port, group);
	sim_port_leave(g->s[0].port, group);
	assert_int_equal(who_gets(g, 0, group), 0);
}

/* The first member leaves, and so does the next; the last one to come joins. */
static void leave_and_let_leave(struct station *s)
{
	sim_port_leave(s->port, group);
	sim_port_leave((s + 1)->port, group);
	sim_port_join((s + 2)->port, group);
	s->then = NULL;
}

static void test_members_may_change_while_a_frame_is_delivered(void **state)
{
	struct segment *g = *state;

	sim_port_join(g->s[1].port, group);
	sim_port_join(g->s[2].port, group);
	g->s[1].then = leave_and_let_leave;
	assert_int_equal(who_gets(g, 0, group), 0x6);
	assert_int_equal(who_gets(g, 0, group), 0x8);
}

static void test_the_switch_learns_and_forgets_with_age(void **state)
{
	struct segment *g = *state;

	/* Unknown: to all, of whom one wants it. */
	assert_int_equal(who_gets(g, 0, g->s[1].mac), 0x2);
	assert_int_equal(sim_net_counts(g->net).flooded, 1);
	assert_ptr_equal(sim_link_fdb(g->link, g->s[0].mac), g->s[0].port);
	assert_null(sim_link_fdb(g->link, g->s[1].mac));
	assert_null(sim_link_fdb(g->link, nobody));

	assert_int_equal(who_gets(g, 1, g->s[0].mac), 0x1);
	assert_int_equal(sim_net_counts(g->net).flooded, 1);
	run_for(g, 297 * NS_PER_S);
	assert_ptr_equal(sim_link_fdb(g->link, g->s[0].mac), g->s[0].port);
	run_for(g, NS_PER_S);
	assert_null(sim_link_fdb(g->link, g->s[0].mac));
	assert_non_null(sim_link_fdb(g->link, g->s[1].mac));
	sim_link_forget(g->link);
	assert_null(sim_link_fdb(g->link, g->s[1].mac));
	assert_int_equal(who_gets(g, 1, g->s[0].mac), 0x1);
	assert_int_equal(sim_net_counts(g->net).flooded, 2);
}

/* Station @i sends in the name of one that nobody has. */
static void send_as(struct segment *g, unsigned i, uint32_t n)
{
	uint8_t own[ETHER_ADDR_LEN];

	memcpy(own, g->s[i].mac, sizeof(own));
	for (unsigned k = 0; k < 4; k++)
		g->s[i].mac[1 + k] = (uint8_t)(n >> 8 * k);
	g->s[i].mac[5] = 99;
	send_number(g, i, group, n); /* that nobody listens to */
	memcpy(g->s[i].mac, own, sizeof(own));
}

static bool is_learned(const struct segment *g, uint32_t n)
{
	const uint8_t mac[ETHER_ADDR_LEN] = { 2, (uint8_t)n, (uint8_t)(n >> 8), 0, 0, 99 };

	return sim_link_fdb(g->link, mac) != NULL;
}

static void test_a_full_switch_floods_and_learns_nothing(void **state)
{
	struct segment *g = *state;
	const uint8_t first[ETHER_ADDR_LEN] = { 2, 1, 0, 0, 0, 99 };
	size_t learned = 0;

	who_gets(g, 1, ether_broadcast);
	for (uint32_t n = 1; n <= 2 * SIM_FDB_MAX; n++)
		send_as(g, 0, n);
	for (uint32_t n = 1; n <= 2 * SIM_FDB_MAX; n++)
		learned += is_learned(g, n);
	assert_int_equal(learned, SIM_FDB_MAX - 1);
	assert_true(is_learned(g, SIM_FDB_MAX - 1));
	/* Who is known is known, and followed where he goes; who is not is flooded to. */
	assert_int_equal(who_gets(g, 0, g->s[1].mac), 0x2);
	assert_int_equal(sim_net_counts(g->net).flooded, 0);
	assert_int_equal(who_gets(g, 2, ether_broadcast), 0xb);
	assert_null(sim_link_fdb(g->link, g->s[2].mac));
	assert_int_equal(who_gets(g, 1, g->s[2].mac), 0x4);
	assert_int_equal(sim_net_counts(g->net).flooded, 1);
	send_as(g, 3, 1);
	assert_ptr_equal(sim_link_fdb(g->link, first), g->s[3].port);
	/* With time those that were made up go, and there is room again. */
	run_for(g, 200 * NS_PER_S);
	send_as(g, 0, 2);
	run_for(g, 101 * NS_PER_S);
	assert_false(is_learned(g, 3));
	who_gets(g, 2, ether_broadcast);
	assert_ptr_equal(sim_link_fdb(g->link, g->s[2].mac), g->s[2].port);
	assert_true(is_learned(g, 2));
	learned = 0;
	for (uint32_t n = 3; n <= 2 * SIM_FDB_MAX; n++)
		send_as(g, 0, n);
	for (uint32_t n = 2; n <= 2 * SIM_FDB_MAX; n++)
		learned += is_learned(g, n);
	assert_int_equal(learned, SIM_FDB_MAX - 1);
	/* A flush makes room at once. */
	sim_link_forget(g->link);
	who_gets(g, 1, ether_broadcast);
	assert_ptr_equal(sim_link_fdb(g->link, g->s[1].mac), g->s[1].port);
}

static void test_a_frame_goes_where_its_address_was_seen_last(void **state)
{
	struct segment *g = *state;
	uint8_t own[ETHER_ADDR_LEN];

	memcpy(own, g->s[2].mac, sizeof(own));
	who_gets(g, 2, ether_broadcast);
	memcpy(g->s[3].mac, own, sizeof(own)); /* somebody sends in its name */
	who_gets(g, 3, ether_broadcast);
	assert_ptr_equal(sim_link_fdb(g->link, own), g->s[3].port);
	assert_int_equal(who_gets(g, 0, own), 0); /* and whose address it is gets nothing */
	who_gets(g, 2, ether_broadcast);
	assert_int_equal(who_gets(g, 0, own), 0x4);
	assert_int_equal(who_gets(g, 2, own), 0); /* not back to where it came from */
}

static void test_a_promiscuous_port_gets_what_is_sent_its_way(void **state)
{
	struct segment *g = *state;

	sim_port_promiscuous(g->s[3].port, true);
	sim_port_promiscuous(g->s[3].port, true);
	sim_port_join(g->s[3].port, group);
	assert_int_equal(who_gets(g, 0, nobody), 0x8);
	assert_int_equal(who_gets(g, 0, group), 0x8);
	assert_int_equal(who_gets(g, 0, ether_broadcast), 0xe);
	assert_int_equal(who_gets(g, 0, g->s[1].mac), 0xa); /* unknown yet */
	who_gets(g, 1, ether_broadcast);
	assert_int_equal(who_gets(g, 0, g->s[1].mac), 0x2);
	sim_port_promiscuous(g->s[3].port, false);
	assert_int_equal(who_gets(g, 0, nobody), 0);
	assert_int_equal(who_gets(g, 0, group), 0x8);
}

static void test_links_are_apart(void **state)
{
	struct segment *g = *state;
	struct sim_link *other = sim_link_add(g->net, &(struct sim_link_cfg){ .name = "other" });

	sim_port_add(other, "x", g->s[0].mac, &station_ops, &g->s[0]);
	assert_int_equal(who_gets(g, 1, ether_broadcast), 0xd);
	assert_null(sim_link_fdb(other, g->s[1].mac));
	assert_int_equal(sim_net_links(g->net), 2);
	assert_ptr_equal(sim_net_link(g->net, 1), other);
	assert_ptr_equal(sim_link_find(g->net, "other"), other);
	assert_string_equal(sim_link_name(sim_link_find(g->net, "lan")), "lan");
	assert_null(sim_link_find(g->net, "none"));
}

static void test_taps_see_each_frame_once_with_its_reason(void **state)
{
	struct segment *g = *state;
	const struct sim_impair all_lost = { .loss_ppm = 1000000 };

	sim_port_impair(g->s[0].port, &all_lost);
	assert_int_equal(who_gets(g, 0, ether_broadcast), 0);
	assert_int_equal(g->tapped, 1);
	assert_string_equal(g->why, "because");
	assert_int_equal(sim_net_counts(g->net).sent, 1);
}

static void test_a_frame_without_a_header_is_lost(void **state)
{
	struct segment *g = *state;

	sim_port_send(g->s[0].port, ether_broadcast, ETHER_ADDR_LEN, NULL);
	run_for(g, NS_PER_S);
	assert_int_equal(sim_net_counts(g->net).lost, 1);
	assert_int_equal(sim_net_counts(g->net).sent, 0);
}

/* --- carrier and power ----------------------------------------------------------------- */

static void test_without_carrier_nothing_is_sent_or_received(void **state)
{
	struct segment *g = *state;

	who_gets(g, 1, ether_broadcast);
	sim_port_carrier(g->s[1].port, false);
	sim_port_carrier(g->s[1].port, false);
	assert_false(sim_port_is_up(g->s[1].port));
	assert_int_equal(g->s[1].carrier_downs, 1);
	assert_null(sim_link_fdb(g->link, g->s[1].mac)); /* the switch sees it too */
	assert_int_equal(who_gets(g, 1, ether_broadcast), 0);
	assert_int_equal(who_gets(g, 0, ether_broadcast), 0xc);
	sim_port_carrier(g->s[1].port, true);
	assert_int_equal(g->s[1].carrier_ups, 1);
	assert_int_equal(who_gets(g, 0, ether_broadcast), 0xe);
}

static void test_power_and_carrier_are_apart(void **state)
{
	struct segment *g = *state;

	sim_port_power(g->s[1].port, false);
	assert_false(sim_port_is_up(g->s[1].port));
	assert_int_equal(who_gets(g, 0, ether_broadcast), 0xc);
	sim_port_carrier(g->s[1].port, false);
	sim_port_power(g->s[1].port, true);
	assert_false(sim_port_is_up(g->s[1].port));
	sim_port_carrier(g->s[1].port, true);
	assert_true(sim_port_is_up(g->s[1].port));
	assert_int_equal(who_gets(g, 0, ether_broadcast), 0xe);
}

static void test_what_is_under_way_to_a_pulled_cable_is_lost(void **state)
{
	struct segment *g = *state;

	send_number(g, 0, ether_broadcast, 1);
	sim_port_carrier(g->s[1].port, false);
	run_for(g, NS_PER_S);
	assert_int_equal(g->s[1].got, 0);
	assert_int_equal(g->s[2].got, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_a_broadcast_comes_to_all_others_after_the_delay_by_one_timer),
		T(test_sending_delivers_nothing_before_time_goes_on),
		T(test_a_group_comes_to_its_members_for_as_long_as_they_are),
		T(test_members_may_change_while_a_frame_is_delivered),
		T(test_the_switch_learns_and_forgets_with_age),
		T(test_a_full_switch_floods_and_learns_nothing),
		T(test_a_frame_goes_where_its_address_was_seen_last),
		T(test_a_promiscuous_port_gets_what_is_sent_its_way),
		T(test_links_are_apart),
		T(test_taps_see_each_frame_once_with_its_reason),
		T(test_a_frame_without_a_header_is_lost),
		T(test_without_carrier_nothing_is_sent_or_received),
		T(test_power_and_carrier_are_apart),
		T(test_what_is_under_way_to_a_pulled_cable_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
