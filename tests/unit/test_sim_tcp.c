// SPDX-License-Identifier: Apache-2.0
/* TCP between simulated hosts, through trouble. */
#include "lib/base/rng.h"
#include "tests/unit/sim_ends.h"

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

/* A seed whose first number makes the stream wrap within its first segments. */
static uint64_t wrapping_seed(void)
{
	for (uint64_t seed = 1;; seed++) {
		struct rng rng = rng_seeded(seed);
		if ((uint32_t)rng_next(&rng) > UINT32_MAX - 4000)
			return seed;
	}
}

static void on_segment(void *arg, const struct sim_link *l, const struct sim_port *from,
		       const uint8_t *bytes, size_t len, const char *why)
{
	bool *wraps = arg;
	struct rd r = rd_init(bytes, len);
	struct ether e;
	struct sim_packet p;

	(void)l;
	(void)why;
	if (strcmp(sim_port_name(from), "client") == 0 && ether_decode(&r, &e) == 0 &&
	    sim_packet_decode(e.type, r, &p) == NULL)
		wraps[p.seq > UINT32_MAX / 2] = true;
}

static void test_a_stream_whose_numbers_wrap_comes_whole(void **state)
{
	const struct sim_impair bad = { .loss_ppm = 50000,
					.duplicate_ppm = 50000,
					.reorder_ppm = 50000 };
	bool wraps[2] = { false, false };
	struct ends e = { 0 };
	struct lan lan;
	struct ip_addr to = ip("10.0.0.2");

	(void)state;
	lan_open_with(&lan, false, wrapping_seed());
	sim_net_tap(lan.net, on_segment, wraps);
	struct sim_listener *l = sim_tcp_listen(lan.a, 179, on_accept, &e);
	sim_tcp_connect(lan.client, &to, 179, &client_ops, &e);
	sim_link_impair(lan.link, &bad);
	run_for(&lan, 600 * NS_PER_S);
	assert_int_equal(e.received, STREAM_LEN);
	assert_false(e.wrong);
	assert_string_equal(e.why, "closed");
	assert_true(wraps[false] && wraps[true]);
	sim_listener_close(l);
	lan_close(&lan);
}

/* --- what a user does within a callback ------------------------------------------------------- */

struct pair {
	struct lan lan;
	struct end client, server;
	struct sim_listener *listener;
};

/* The client's connection to a server on a. */
static void pair_open(struct pair *p)
{
	struct ip_addr to = ip("10.0.0.2");

	lan_open(&p->lan);
	p->listener = sim_tcp_listen(p->lan.a, 179, end_accept, &p->server);
	assert_null(sim_tcp_listen(p->lan.a, 179, end_accept, NULL)); /* taken */
	p->client.t = sim_tcp_connect(p->lan.client, &to, 179, &end_ops, &p->client);
	run_for(&p->lan, NS_PER_MS);
}

static void pair_close(struct pair *p)
{
	sim_listener_close(p->listener);
	lan_close(&p->lan);
}

static void test_an_answer_to_the_last_bytes_of_a_peer_is_sent(void **state)
{
	struct pair p = { .server.reply = "answer" };

	(void)state;
	pair_open(&p);
	say(&p.client, "question");
	sim_tcp_close(p.client.t);
	run_for(&p.lan, NS_PER_S);
	assert_string_equal(p.server.got, "question");
	assert_string_equal(p.client.got, "answer");
	assert_string_equal(p.client.why, "closed");
	assert_string_equal(p.server.why, "closed");
	pair_close(&p);
}

static void test_who_has_closed_still_receives(void **state)
{
	struct pair p = { 0 };

	(void)state;
	pair_open(&p);
	const struct sim_impair slow = { .delay_ns = 20 * NS_PER_MS };
	sim_link_impair(p.lan.link, &slow);
	say(&p.server, "bytes on their way");
	sim_tcp_close(p.client.t);
	run_for(&p.lan, NS_PER_S);
	assert_string_equal(p.client.got, "bytes on their way");
	assert_string_equal(p.client.why, "closed");
	assert_string_equal(p.server.why, "closed");
	pair_close(&p);
}

static void test_who_aborts_within_received_hears_no_more_and_the_peer_is_reset(void **state)
{
	struct pair p = { .server = { .abort = true, .reply = "lost" } };

	(void)state;
	pair_open(&p);
	say(&p.client, "a");
	say(&p.client, "b");
	run_for(&p.lan, NS_PER_S);
	assert_string_equal(p.server.got, "a");
	assert_null(p.server.why);
	assert_string_equal(p.client.got, "");
	assert_string_equal(p.client.why, "reset");
	pair_close(&p);
}

static void test_a_listener_may_refuse_or_abort(void **state)
{
	(void)state;
	for (int how = 1; how <= 3; how++) {
		struct pair p = { .server = { .refuse = how & 1, .abort_1 = how & 2 } };

		pair_open(&p);
		run_for(&p.lan, NS_PER_S);
		assert_string_equal(p.client.why, "refused");
		assert_null(p.server.why);
		pair_close(&p);
	}
}

static void test_both_close_at_once(void **state)
{
	struct pair p = { 0 };

	(void)state;
	pair_open(&p);
	sim_tcp_close(p.client.t);
	sim_tcp_close(p.server.t);
	run_for(&p.lan, 10 * NS_PER_MS);
	assert_string_equal(p.client.why, "closed");
	assert_string_equal(p.server.why, "closed");
	pair_close(&p);
}

static void test_what_is_sent_after_closing_is_dropped(void **state)
{
	struct pair p = { 0 };

	(void)state;
	pair_open(&p);
	say(&p.client, "a");
	sim_tcp_close(p.client.t);
	say(&p.client, "b");
	run_for(&p.lan, NS_PER_S);
	assert_string_equal(p.server.got, "a");
	pair_close(&p);
}

static void test_more_than_the_bound_unsent_ends_it(void **state)
{
	static uint8_t much[SIM_TCP_UNSENT_MAX];
	struct pair p = { 0 };

	(void)state;
	pair_open(&p);
	const struct sim_impair slow = { .delay_ns = NS_PER_S };
	sim_link_impair(p.lan.link, &slow);
	sim_tcp_send(p.client.t, much, sizeof(much));
	assert_null(p.client.why);
	sim_tcp_send(p.client.t, much, 1);
	assert_string_equal(p.client.why, "full");
	sim_port_carrier(sim_iface_port(p.lan.a0), false); /* else all of it comes */
	pair_close(&p);
}

static void reconnect(void *arg, struct sim_tcp *t, const char *why)
{
	struct lan *lan = arg;
	struct ip_addr to = ip("10.0.0.2");

	(void)t;
	(void)why;
	assert_null(sim_tcp_connect(lan->client, &to, 179, &end_ops, NULL));
}

static void test_without_power_nobody_connects(void **state)
{
	static const struct sim_tcp_ops ops = { .closed = reconnect };
	struct ip_addr to = ip("10.0.0.2");
	struct lan lan;

	(void)state;
	lan_open(&lan);
	assert_non_null(sim_tcp_connect(lan.client, &to, 179, &ops, &lan));
	sim_stack_power(lan.client, false);
	lan_close(&lan);
}

/* Bytes that nobody got, and an abort: the peer hears of it although the numbers do not fit. */
static void test_an_abort_after_lost_bytes_is_heard(void **state)
{
	struct pair p = { 0 };

	(void)state;
	pair_open(&p);
	sim_port_carrier(sim_iface_port(p.lan.a0), false);
	say(&p.client, "lost");
	run_for(&p.lan, NS_PER_MS);
	sim_port_carrier(sim_iface_port(p.lan.a0), true);
	sim_tcp_abort(p.client.t);
	run_for(&p.lan, NS_PER_S);
	assert_string_equal(p.server.got, "");
	assert_string_equal(p.server.why, "reset");
	pair_close(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_stream_comes_whole_through_loss_duplicates_and_disorder),
		cmocka_unit_test(test_a_port_that_nobody_listens_on_refuses),
		cmocka_unit_test(test_who_never_answers_times_the_connection_out),
		cmocka_unit_test(test_power_that_goes_resets_what_was_open),
		cmocka_unit_test(test_a_stream_whose_numbers_wrap_comes_whole),
		cmocka_unit_test(test_an_answer_to_the_last_bytes_of_a_peer_is_sent),
		cmocka_unit_test(test_who_has_closed_still_receives),
		cmocka_unit_test(
			test_who_aborts_within_received_hears_no_more_and_the_peer_is_reset),
		cmocka_unit_test(test_a_listener_may_refuse_or_abort),
		cmocka_unit_test(test_both_close_at_once),
		cmocka_unit_test(test_what_is_sent_after_closing_is_dropped),
		cmocka_unit_test(test_more_than_the_bound_unsent_ends_it),
		cmocka_unit_test(test_without_power_nobody_connects),
		cmocka_unit_test(test_an_abort_after_lost_bytes_is_heard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
