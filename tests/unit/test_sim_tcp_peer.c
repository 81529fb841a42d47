// SPDX-License-Identifier: Apache-2.0
/* TCP with a peer that says what it likes, segment by segment (RFC 9293). */
#include "tests/unit/sim_ends.h"

#define KEPT 64

/* 10.0.0.9: a station without a stack; it keeps every segment that it gets. */
struct peer {
	struct lan lan;
	struct sim_port *port;
	struct segment {
		uint64_t at_ns;
		struct sim_packet p;
		char payload[16];
	} got[KEPT];
	size_t count;
	struct end end; /* of the host that it talks to */
	uint16_t port_there;
	struct sim_iface *there;
};

static void peer_frame(void *arg, const uint8_t *bytes, size_t len)
{
	struct peer *p = arg;
	struct rd r = rd_init(bytes, len);
	struct ether e;
	struct segment *s = &p->got[p->count];

	assert_int_equal(ether_decode(&r, &e), 0);
	if (e.type != SIM_ETHER_TYPE_IPV4)
		return;
	assert_true(p->count < KEPT);
	assert_null(sim_packet_decode(e.type, r, &s->p));
	s->at_ns = sim_clock_now(p->lan.clock);
	memcpy(s->payload, s->p.payload, s->p.payload_len < 15 ? s->p.payload_len : 15);
	p->count++;
}

static const uint8_t peer_mac[ETHER_ADDR_LEN] = { 2, 0, 0, 0, 0, 9 };

static void peer_open(struct peer *p, uint64_t seed)
{
	static const struct sim_port_ops ops = { .frame = peer_frame };
	struct ip_prefix address_there = address("10.0.0.9", 32);

	lan_open_with(&p->lan, false, seed);
	/* b announces it, has its caches filled, and leaves its place. */
	sim_iface_address_add(p->lan.b0, &address_there);
	send_one(&p->lan, "10.0.0.9");
	run_for(&p->lan, NS_PER_MS);
	sim_iface_address_remove(p->lan.b0, &address_there.addr);
	p->port = sim_port_add(p->lan.link, "peer", peer_mac, &ops, p);
	sim_port_promiscuous(p->port, true);
	sim_stack_power(p->lan.b, false);
}

static void peer_say(struct peer *p, uint8_t flags, uint32_t seq, uint32_t ack, const char *payload)
{
	struct sim_packet packet = { .src = ip("10.0.0.9"),
				     .dst = ip("10.0.0.1"),
				     .protocol = SIM_TCP,
				     .src_port = 179,
				     .dst_port = p->port_there,
				     .seq = seq,
				     .ack = ack,
				     .flags = flags,
				     .window = 65535,
				     .payload = (const uint8_t *)payload,
				     .payload_len = strlen(payload) };
	uint8_t frame[SIM_FRAME_MAX];
	struct wr w = wr_init(frame, sizeof(frame));

	sim_packet_encode(&w, sim_iface_mac(p->lan.client0), peer_mac, &packet);
	sim_port_send(p->port, frame, wr_len(&w), NULL);
	run_for(&p->lan, NS_PER_MS);
}

static const struct sim_packet *last(const struct peer *p)
{
	assert_true(p->count > 0);
	return &p->got[p->count - 1].p;
}

/* The client connects to it; returns the number of its SYN. */
static uint32_t peer_syn(struct peer *p)
{
	struct ip_addr to = ip("10.0.0.9");

	p->end.t = sim_tcp_connect(p->lan.client, &to, 179, &end_ops, &p->end);
	run_for(&p->lan, NS_PER_MS);
	assert_int_equal(p->count, 1);
	assert_int_equal(last(p)->flags, SIM_SYN);
	p->port_there = last(p)->src_port;
	return last(p)->seq;
}

#define OURS 0xfffffffeu /* the peer's own numbers begin here: they wrap at once */

/* And it answers; returns the number of the client's first byte. */
static uint32_t peer_connect(struct peer *p, uint64_t seed)
{
	peer_open(p, seed);
	uint32_t next = peer_syn(p) + 1;
	peer_say(p, SIM_SYN | SIM_ACK, OURS, next, "");
	assert_int_equal(p->count, 2);
	assert_int_equal(last(p)->flags, SIM_ACK);
	assert_int_equal(last(p)->seq, next);
	assert_int_equal(last(p)->ack, OURS + 1);
	return next;
}

static void peer_close(struct peer *p)
{
	lan_close(&p->lan);
}

static void assert_silent_since(const struct peer *p, size_t count)
{
	assert_int_equal(p->count, count);
}

static void test_a_syn_is_sent_again_after_one_two_and_four_seconds(void **state)
{
	struct peer p = { 0 };

	(void)state;
	peer_open(&p, 1);
	peer_syn(&p);
	run_for(&p.lan, 130 * NS_PER_S);
	assert_string_equal(p.end.why, "timed out");
	assert_int_equal(p.count, 7);
	for (unsigned n = 1; n < 7; n++) {
		assert_int_equal(p.got[n].p.seq, p.got[0].p.seq);
		assert_int_equal(p.got[n].at_ns - p.got[n - 1].at_ns, NS_PER_S << (n - 1));
	}
	peer_close(&p);
}

static void test_bytes_are_sent_again_after_200_ms_and_twice_that(void **state)
{
	struct peer p = { 0 };
	uint32_t next = peer_connect(&p, 1);

	(void)state;
	say(&p.end, "ab");
	run_for(&p.lan, NS_PER_S);
	assert_int_equal(p.count, 2 + 3); /* at 0, 200 and 600 ms */
	for (unsigned n = 2; n < 5; n++) {
		assert_int_equal(p.got[n].p.seq, next);
		assert_string_equal(p.got[n].payload, "ab");
	}
	assert_int_equal(p.got[3].at_ns - p.got[2].at_ns, 200 * NS_PER_MS);
	assert_int_equal(p.got[4].at_ns - p.got[3].at_ns, 400 * NS_PER_MS);

	peer_say(&p, SIM_ACK, OURS + 1, next + 1, ""); /* half of it; the time-out begins anew */
	size_t count = p.count;
	run_for(&p.lan, 250 * NS_PER_MS);
	assert_int_equal(p.count, count + 1);
	assert_int_equal(last(&p)->seq, next + 1);
	assert_string_equal(p.got[count].payload, "b");

	peer_say(&p, SIM_ACK, OURS + 1, next + 2, "");
	run_for(&p.lan, 10 * NS_PER_S);
	assert_silent_since(&p, count + 1);
	peer_close(&p);
}

static void test_a_peer_that_dies_is_given_up(void **state)
{
	struct peer p = { 0 };

	(void)state;
	peer_connect(&p, 1);
	say(&p.end, "a");
	run_for(&p.lan, 500 * NS_PER_S);
	assert_null(p.end.why);
	run_for(&p.lan, 500 * NS_PER_S);
	assert_string_equal(p.end.why, "timed out");
	peer_close(&p);
}

static void test_what_came_already_or_too_early_is_acknowledged_and_dropped(void **state)
{
	struct peer p = { 0 };
	uint32_t next = peer_connect(&p, 1);

	(void)state;
	peer_say(&p, SIM_ACK, OURS + 1, next, "abc");
	assert_int_equal(last(&p)->ack, OURS + 4);
	peer_say(&p, SIM_ACK, OURS + 7, next, "ghi"); /* early */
	assert_int_equal(p.count, 4);
	assert_int_equal(last(&p)->ack, OURS + 4);
	peer_say(&p, SIM_ACK, OURS + 1, next, "abc"); /* again */
	assert_int_equal(p.count, 5);
	assert_int_equal(last(&p)->ack, OURS + 4);
	peer_say(&p, SIM_ACK, OURS + 2, next, "bcde"); /* half of it again */
	assert_int_equal(last(&p)->ack, OURS + 6);
	assert_string_equal(p.end.got, "abcde");
	peer_say(&p, SIM_ACK, OURS + 6, next, ""); /* nothing to acknowledge */
	assert_silent_since(&p, 6);
	peer_close(&p);
}

static void test_bytes_that_come_with_fin_are_received_and_answered(void **state)
{
	struct peer p = { .end.reply = "answer" };
	uint32_t next = peer_connect(&p, 1);

	(void)state;
	peer_say(&p, SIM_ACK | SIM_FIN, OURS + 1, next, "abc");
	assert_string_equal(p.end.got, "abc");
	assert_int_equal(p.count, 4); /* the answer, FIN */
	assert_string_equal(p.got[2].payload, "answer");
	assert_int_equal(p.got[2].p.ack, OURS + 5);
	assert_int_equal(last(&p)->flags, SIM_FIN | SIM_ACK);
	assert_int_equal(last(&p)->seq, next + 6);
	peer_say(&p, SIM_ACK | SIM_FIN, OURS + 1, next, "abc"); /* he has not heard us */
	assert_int_equal(p.count, 5);
	assert_int_equal(last(&p)->ack, OURS + 5);
	peer_say(&p, SIM_ACK, OURS + 5, next + 7, "");
	assert_string_equal(p.end.why, "closed");
	peer_close(&p);
}

static void test_fin_is_sent_again(void **state)
{
	struct peer p = { 0 };
	uint32_t next = peer_connect(&p, 1);

	(void)state;
	say(&p.end, "a");
	sim_tcp_close(p.end.t);
	run_for(&p.lan, 300 * NS_PER_MS);
	assert_int_equal(p.count, 2 + 4);
	assert_string_equal(p.got[4].payload, "a");
	assert_int_equal(last(&p)->flags, SIM_FIN | SIM_ACK);
	peer_say(&p, SIM_ACK, OURS + 1, next + 1, "");
	size_t count = p.count;
	run_for(&p.lan, 250 * NS_PER_MS);
	assert_int_equal(p.count, count + 1);
	assert_int_equal(last(&p)->flags, SIM_FIN | SIM_ACK);
	assert_int_equal(last(&p)->seq, next + 1);

	peer_say(&p, SIM_ACK, OURS + 1, next + 2, "");
	run_for(&p.lan, 59 * NS_PER_S);
	assert_null(p.end.why);
	peer_say(&p, SIM_ACK, OURS + 1, next + 2, "still here");
	assert_string_equal(p.end.got, "still here");
	run_for(&p.lan, 59 * NS_PER_S);
	assert_null(p.end.why);
	run_for(&p.lan, 2 * NS_PER_S);
	assert_string_equal(p.end.why, "timed out");
	peer_close(&p);
}

/* The peer has closed and forgotten, and only its last word was lost. */
static void test_a_reset_when_both_have_closed_is_no_failure(void **state)
{
	struct peer p = { 0 };
	uint32_t next = peer_connect(&p, 1);

	(void)state;
	peer_say(&p, SIM_ACK | SIM_FIN, OURS + 1, next, "");
	assert_int_equal(last(&p)->flags, SIM_FIN | SIM_ACK);
	peer_say(&p, SIM_RST, OURS + 2, 0, "");
	assert_string_equal(p.end.why, "closed");
	peer_close(&p);
}

static void test_a_reset_holds_only_at_the_number_that_is_awaited(void **state)
{
	struct peer p = { 0 };
	uint32_t next = peer_connect(&p, 1);

	(void)state;
	peer_say(&p, SIM_RST, OURS, 0, "");
	peer_say(&p, SIM_RST, OURS + 1 + 65535, 0, "");
	assert_silent_since(&p, 2);
	peer_say(&p, SIM_RST, OURS + 5, 0, ""); /* bytes of his were lost: asked back */
	assert_int_equal(p.count, 3);
	assert_int_equal(last(&p)->flags, SIM_ACK);
	assert_int_equal(last(&p)->seq, next);
	assert_int_equal(last(&p)->ack, OURS + 1);
	assert_null(p.end.why);
	peer_say(&p, SIM_RST, OURS + 1, 0, "");
	assert_string_equal(p.end.why, "reset");
	peer_close(&p);
}

static void test_an_acknowledgement_of_what_was_not_sent_is_not_believed(void **state)
{
	struct peer p = { 0 };
	uint32_t next = peer_connect(&p, 1);

	(void)state;
	say(&p.end, "a");
	run_for(&p.lan, NS_PER_MS);
	peer_say(&p, SIM_ACK, OURS + 1, next + 2, "x");
	assert_int_equal(last(&p)->flags, SIM_ACK);
	assert_int_equal(last(&p)->ack, OURS + 1);
	assert_string_equal(p.end.got, "");
	size_t count = p.count;
	run_for(&p.lan, 250 * NS_PER_MS);
	assert_int_equal(p.count, count + 1); /* it is sent again */
	assert_string_equal(p.got[count].payload, "a");
	peer_close(&p);
}

static void test_an_answer_of_an_old_connection_is_reset_and_awaited_on(void **state)
{
	struct peer p = { 0 };

	(void)state;
	peer_open(&p, 1);
	uint32_t next = peer_syn(&p) + 1;
	peer_say(&p, SIM_ACK, 5, next + 1000, "");
	assert_int_equal(last(&p)->flags, SIM_RST);
	assert_int_equal(last(&p)->seq, next + 1000);
	peer_say(&p, SIM_RST, 5, next, "");               /* it acknowledges nothing */
	peer_say(&p, SIM_RST | SIM_ACK, 5, next + 1, ""); /* nor this */
	assert_null(p.end.why);
	peer_say(&p, SIM_RST | SIM_ACK, 5, next, "");
	assert_string_equal(p.end.why, "refused");
	peer_close(&p);
}

static void test_a_repeated_syn_of_the_peer_is_acknowledged(void **state)
{
	struct peer p = { 0 };
	uint32_t next = peer_connect(&p, 1);

	(void)state;
	peer_say(&p, SIM_SYN | SIM_ACK, OURS, next, "");
	assert_int_equal(p.count, 3);
	assert_int_equal(last(&p)->flags, SIM_ACK);
	assert_int_equal(last(&p)->ack, OURS + 1);
	assert_null(p.end.why);
	peer_close(&p);
}

/* The client listens, and the peer connects. */
static void test_a_listener_wants_its_own_number_acknowledged(void **state)
{
	struct peer p = { .port_there = 80 };

	(void)state;
	peer_open(&p, 1);
	struct sim_listener *l = sim_tcp_listen(p.lan.client, 80, end_accept, &p.end);
	peer_say(&p, SIM_ACK, 5, 77, ""); /* of no connection */
	assert_int_equal(last(&p)->flags, SIM_RST);
	assert_int_equal(last(&p)->seq, 77);
	peer_say(&p, SIM_SYN, OURS, 0, "");
	assert_int_equal(last(&p)->flags, SIM_SYN | SIM_ACK);
	assert_int_equal(last(&p)->ack, OURS + 1);
	uint32_t iss = last(&p)->seq;
	peer_say(&p, SIM_SYN, OURS, 0, ""); /* again */
	assert_int_equal(last(&p)->flags, SIM_SYN | SIM_ACK);
	assert_int_equal(last(&p)->seq, iss);
	peer_say(&p, SIM_ACK, OURS + 1, iss, "x");
	assert_int_equal(last(&p)->flags, SIM_RST);
	assert_string_equal(p.end.got, "");
	peer_say(&p, SIM_ACK, OURS + 1, iss + 1, "y"); /* the handshake's last, with bytes */
	assert_string_equal(p.end.got, "y");
	sim_listener_close(l);
	peer_close(&p);
}

static void test_a_port_nobody_listens_on_answers_as_rfc_9293_says(void **state)
{
	struct peer p = { .port_there = 81 };

	(void)state;
	peer_open(&p, 1);
	peer_say(&p, SIM_SYN, OURS, 0, "xy");
	assert_int_equal(last(&p)->flags, SIM_RST | SIM_ACK);
	assert_int_equal(last(&p)->seq, 0);
	assert_int_equal(last(&p)->ack, OURS + 3);
	peer_say(&p, SIM_RST, OURS, 0, "");
	assert_silent_since(&p, 1);
	peer_close(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_syn_is_sent_again_after_one_two_and_four_seconds),
		cmocka_unit_test(test_bytes_are_sent_again_after_200_ms_and_twice_that),
		cmocka_unit_test(test_a_peer_that_dies_is_given_up),
		cmocka_unit_test(test_what_came_already_or_too_early_is_acknowledged_and_dropped),
		cmocka_unit_test(test_bytes_that_come_with_fin_are_received_and_answered),
		cmocka_unit_test(test_fin_is_sent_again),
		cmocka_unit_test(test_a_reset_when_both_have_closed_is_no_failure),
		cmocka_unit_test(test_a_reset_holds_only_at_the_number_that_is_awaited),
		cmocka_unit_test(test_an_acknowledgement_of_what_was_not_sent_is_not_believed),
		cmocka_unit_test(test_an_answer_of_an_old_connection_is_reset_and_awaited_on),
		cmocka_unit_test(test_a_repeated_syn_of_the_peer_is_acknowledged),
		cmocka_unit_test(test_a_listener_wants_its_own_number_acknowledged),
		cmocka_unit_test(test_a_port_nobody_listens_on_answers_as_rfc_9293_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
