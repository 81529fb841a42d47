// SPDX-License-Identifier: Apache-2.0
/* Hosts on one segment: neighbour caches as Linux keeps them, UDP and TCP through trouble. */
#include "sim/stack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/base/duration.h"
#include "sim/packet.h"
#include "sim/traffic.h"

struct lan {
	struct sim_clock *clock;
	struct sim_net *net;
	struct sim_link *link;
	struct sim_stack *client, *a, *b; /* a and b may both claim 10.0.0.9 and fd00::9 */
	struct sim_iface *client0, *a0, *b0;
};

static struct ip_addr ip(const char *text)
{
	struct ip_addr ip;

	assert_int_equal(ip_parse(text, &ip), 0);
	return ip;
}

static struct ip_prefix address(const char *text, uint8_t len)
{
	return (struct ip_prefix){ ip(text), len };
}

static struct sim_stack *host(struct lan *lan, const char *name, uint8_t number, bool accept,
			      struct sim_iface **ret)
{
	const struct sim_stack_cfg cfg = { .name = name, .seed = number, .arp_accept = accept };
	struct sim_stack *s = sim_stack_new(lan->clock, &cfg);
	const uint8_t mac[ETHER_ADDR_LEN] = { 2, 0, 0, 0, 0, number };
	struct ip_prefix v4 = address("10.0.0.0", 24), v6 = address("fd00::", 64);

	v4.addr.bytes[3] = v6.addr.bytes[15] = number;
	*ret = sim_iface_add(s, lan->link, "eth0", mac);
	sim_iface_address_add(*ret, &v4);
	sim_iface_address_add(*ret, &v6);
	return s;
}

static void lan_open_with(struct lan *lan, bool accept)
{
	const struct sim_link_cfg link = { .name = "lan", .delay_ns = 50000 };

	lan->clock = sim_clock_new();
	lan->net = sim_net_new(lan->clock, 1);
	lan->link = sim_link_add(lan->net, &link);
	lan->client = host(lan, "client", 1, accept, &lan->client0);
	lan->a = host(lan, "a", 2, false, &lan->a0);
	lan->b = host(lan, "b", 3, false, &lan->b0);
}

static void lan_open(struct lan *lan)
{
	lan_open_with(lan, false);
}

static void lan_close(struct lan *lan)
{
	sim_stack_free(lan->client);
	sim_stack_free(lan->a);
	sim_stack_free(lan->b);
	sim_net_free(lan->net);
	sim_clock_free(lan->clock);
}

static void run_for(struct lan *lan, uint64_t ns)
{
	uint64_t until = sim_clock_now(lan->clock) + ns;

	while (sim_clock_step(lan->clock, until))
		;
}

static enum sim_neigh_state state_of(const struct lan *lan, const char *text, uint8_t *ret_last)
{
	uint8_t mac[ETHER_ADDR_LEN] = { 0 };
	struct ip_addr of = ip(text);
	enum sim_neigh_state state = sim_stack_neighbour(lan->client, &of, mac);

	*ret_last = mac[5];
	return state;
}

static void assert_neighbour(const struct lan *lan, const char *text, enum sim_neigh_state state,
			     uint8_t last)
{
	uint8_t got;

	assert_int_equal(state_of(lan, text, &got), state);
	assert_int_equal(got, last);
}

static void ignore(void *arg, const struct ip_addr *from, uint16_t from_port,
		   const struct ip_addr *to, uint16_t to_port, const uint8_t *bytes, size_t len)
{
	(void)arg;
	(void)from;
	(void)from_port;
	(void)to;
	(void)to_port;
	(void)bytes;
	(void)len;
}

/* The client sends one datagram to @to. */
static void send_one(struct lan *lan, const char *to)
{
	struct sim_udp *u = sim_udp_open(lan->client, 0, ignore, NULL);
	struct ip_addr dst = ip(to);

	sim_udp_send(u, NULL, 0, &dst, 9, "x", 1);
	sim_udp_close(u);
}

static const char *const vips[] = { "10.0.0.9", "fd00::9" };

static void take(struct sim_iface *i, const char *text)
{
	struct ip_prefix p = address(text, text[0] == 'f' ? 128 : 32);

	sim_iface_address_add(i, &p);
}

static void drop(struct sim_iface *i, const char *text)
{
	struct ip_addr a = ip(text);

	sim_iface_address_remove(i, &a);
}

static void gratuitous(struct sim_iface *i, const char *text)
{
	struct ip_addr a = ip(text);

	sim_iface_gratuitous(i, &a, NULL);
}

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

		lan_open_with(&lan, true);
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

/* --- TCP ----------------------------------------------------------------------------------------
 */

#define STREAM_LEN 200000

struct ends {
	uint8_t sent[STREAM_LEN];
	size_t received;
	bool wrong, server_closed, client_closed;
	const char *why;
};

static void on_connected(void *arg, struct sim_tcp *t)
{
	struct ends *e = arg;

	for (size_t i = 0; i < STREAM_LEN; i++)
		e->sent[i] = (uint8_t)(i * 7 + i / 251);
	sim_tcp_send(t, e->sent, STREAM_LEN / 2);
	sim_tcp_send(t, e->sent + STREAM_LEN / 2, STREAM_LEN - STREAM_LEN / 2);
	sim_tcp_close(t);
}

static void on_client_closed(void *arg, struct sim_tcp *t, const char *why)
{
	struct ends *e = arg;

	(void)t;
	e->client_closed = true;
	e->why = why;
}

static void on_received(void *arg, struct sim_tcp *t, const uint8_t *bytes, size_t len)
{
	struct ends *e = arg;

	(void)t;
	e->wrong |=
		e->received + len > STREAM_LEN || memcmp(e->sent + e->received, bytes, len) != 0;
	e->received += len;
}

static void on_server_closed(void *arg, struct sim_tcp *t, const char *why)
{
	struct ends *e = arg;

	(void)t;
	(void)why;
	e->server_closed = true;
}

static const struct sim_tcp_ops client_ops = { .connected = on_connected,
					       .closed = on_client_closed };
static const struct sim_tcp_ops server_ops = { .received = on_received,
					       .closed = on_server_closed };

static bool on_accept(void *arg, struct sim_tcp *t, const struct sim_tcp_ops **ret_ops,
		      void **ret_arg)
{
	(void)t;
	*ret_ops = &server_ops;
	*ret_arg = arg;
	return true;
}

static void test_a_stream_comes_whole_through_loss_duplicates_and_disorder(void **state)
{
	const struct sim_impair bad = { .loss_ppm = 50000,
					.duplicate_ppm = 50000,
					.reorder_ppm = 50000,
					.jitter_ns = 2 * NS_PER_MS };
	struct ends e = { 0 };
	struct lan lan;
	struct ip_addr to = ip("10.0.0.2");

	(void)state;
	lan_open(&lan);
	struct sim_listener *l = sim_tcp_listen(lan.a, 179, on_accept, &e);
	sim_link_impair(lan.link, &bad);
	assert_non_null(sim_tcp_connect(lan.client, &to, 179, &client_ops, &e));
	run_for(&lan, 600 * NS_PER_S);
	assert_int_equal(e.received, STREAM_LEN);
	assert_false(e.wrong);
	assert_true(e.server_closed);
	assert_true(e.client_closed);
	sim_listener_close(l);
	lan_close(&lan);
}

static void test_a_port_that_nobody_listens_on_refuses(void **state)
{
	struct ends e = { 0 };
	struct lan lan;
	struct ip_addr to = ip("fd00::2");

	(void)state;
	lan_open(&lan);
	sim_tcp_connect(lan.client, &to, 179, &client_ops, &e);
	run_for(&lan, NS_PER_MS);
	assert_true(e.client_closed);
	assert_string_equal(e.why, "refused");
	lan_close(&lan);
}

static void test_who_never_answers_times_the_connection_out(void **state)
{
	struct ends e = { 0 };
	struct lan lan;
	struct ip_addr to = ip("10.0.0.2");

	(void)state;
	lan_open(&lan);
	sim_stack_power(lan.a, false);
	sim_tcp_connect(lan.client, &to, 179, &client_ops, &e);
	run_for(&lan, 60 * NS_PER_S);
	assert_false(e.client_closed);
	run_for(&lan, 200 * NS_PER_S);
	assert_string_equal(e.why, "timed out");
	lan_close(&lan);
}

static void test_power_that_goes_resets_what_was_open(void **state)
{
	struct ends e = { 0 };
	struct lan lan;
	struct ip_addr to = ip("10.0.0.2");

	(void)state;
	lan_open(&lan);
	struct sim_listener *l = sim_tcp_listen(lan.a, 179, on_accept, &e);
	const struct sim_impair slow = { .delay_ns = 20 * NS_PER_MS };
	sim_link_impair(lan.link, &slow);
	sim_tcp_connect(lan.client, &to, 179, &client_ops, &e);
	run_for(&lan, 200 * NS_PER_MS);
	assert_true(e.received > 0 && e.received < STREAM_LEN);
	sim_stack_power(lan.a, false);
	assert_true(e.server_closed);
	sim_stack_power(lan.a, true); /* and knows nothing of it: RST */
	run_for(&lan, 5 * NS_PER_S);
	assert_true(e.client_closed);
	assert_string_equal(e.why, "reset");
	sim_listener_close(l);
	lan_close(&lan);
}

/* --- clients of a Service ------------------------------------------------------------------------
 */

static bool is_service(void *arg, const struct ip_addr *to, uint8_t protocol, uint16_t port)
{
	struct ip_addr vip = ip(arg);

	(void)protocol;
	return ip_equal(to, &vip) && port == 80;
}

static bool target(void *arg, struct ip_addr *ret)
{
	*ret = ip(arg);
	return true;
}

static void on_ended(void *arg, uint64_t began_ns, const struct ip_addr *to, const char *node)
{
	(void)arg;
	(void)began_ns;
	(void)to;
	if (node != NULL && strcmp(node, "?") != 0)
		assert_string_equal(node, "a");
}

/* "a" is a node: its proxy takes the address, and a neighbour's entry stands for the speaker. */
static void check_client(uint8_t protocol, const char *vip)
{
	struct lan lan;
	struct sim_client_counts counts;

	lan_open(&lan);
	struct sim_server *server = sim_server_open(lan.a, "a");
	sim_stack_service_set(lan.a, is_service, (void *)vip);
	take(lan.b0, vip); /* answers the question, and is then told apart by its address */
	send_one(&lan, vip);
	run_for(&lan, NS_PER_MS);
	drop(lan.b0, vip);
	gratuitous(lan.a0, vip); /* the address is the node's, as after a take-over */
	run_for(&lan, NS_PER_MS);
	const struct sim_client_cfg cfg = { .protocol = protocol,
					    .every_ns = 100 * NS_PER_MS,
					    .timeout_ns = NS_PER_S,
					    .port = 80,
					    .seed = 5,
					    .target = target,
					    .ended = on_ended,
					    .arg = (void *)vip };
	struct sim_client *c = sim_client_new(lan.client, &cfg);
	run_for(&lan, 4 * NS_PER_S);
	counts = sim_client_counts(c);
	assert_true(counts.attempts >= 38 && counts.failed == 0 && counts.foreign == 0);
	assert_int_equal(counts.gap_ns, 0);

	sim_port_carrier(sim_iface_port(lan.a0), false);
	run_for(&lan, 3 * NS_PER_S);
	sim_port_carrier(sim_iface_port(lan.a0), true);
	run_for(&lan, 1 * NS_PER_S);
	counts = sim_client_counts(c);
	assert_true(counts.failed >= 20);
	assert_true(counts.gap_ns > 2900 * NS_PER_MS && counts.gap_ns < 4 * NS_PER_S);
	sim_client_free(c);
	sim_server_close(server);
	lan_close(&lan);
}

static void test_clients_count_success_failure_and_the_gap(void **state)
{
	(void)state;
	check_client(SIM_UDP, "10.0.0.9");
	check_client(SIM_TCP, "10.0.0.9");
	check_client(SIM_TCP, "fd00::9");
}

static void test_a_foreign_host_that_refuses_is_told_apart(void **state)
{
	struct lan lan;
	const struct sim_client_cfg cfg = { .protocol = SIM_TCP,
					    .every_ns = 100 * NS_PER_MS,
					    .timeout_ns = NS_PER_S,
					    .port = 80,
					    .target = target,
					    .arg = (void *)vips[0] };

	(void)state;
	lan_open(&lan);
	take(lan.b0, vips[0]);
	struct sim_client *c = sim_client_new(lan.client, &cfg);
	run_for(&lan, NS_PER_S);
	struct sim_client_counts counts = sim_client_counts(c);
	assert_true(counts.attempts >= 9);
	assert_int_equal(counts.foreign, counts.attempts);
	assert_int_equal(counts.failed, 0);
	sim_client_free(c);
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
		cmocka_unit_test(test_a_stream_comes_whole_through_loss_duplicates_and_disorder),
		cmocka_unit_test(test_a_port_that_nobody_listens_on_refuses),
		cmocka_unit_test(test_who_never_answers_times_the_connection_out),
		cmocka_unit_test(test_power_that_goes_resets_what_was_open),
		cmocka_unit_test(test_clients_count_success_failure_and_the_gap),
		cmocka_unit_test(test_a_foreign_host_that_refuses_is_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
