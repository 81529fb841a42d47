// SPDX-License-Identifier: Apache-2.0
/* Layer 2 by its rules: who is answered, when and how fast is announced, what is joined. */
#include "speaker/layer2.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>

#include "tests/unit/frames.h"

#define T0 (1000 * NS_PER_S) /* some time after boot */

static const struct service_id owner = { "web", "front" }, first = { "web", "first" },
			       second = { "web", "second" };

struct world {
	struct l2 *l2;
	struct metrics *metrics;
	struct speaker_actions out;
	uint64_t now_ns;
};

static struct l2_link eth(unsigned ifindex, const char *name)
{
	struct l2_link k = { .ifindex = ifindex,
			     .hw_type = ARPHRD_ETHER,
			     .flags = IFF_UP | IFF_RUNNING | IFF_BROADCAST | IFF_MULTICAST,
			     .link_local = ip_of("fe80::aa") };

	snprintf(k.name, sizeof(k.name), "%s", name);
	memcpy(k.mac, node_mac, sizeof(k.mac));
	return k;
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct l2_link link = eth(2, "eth0");

	w->metrics = metrics_new();
	w->now_ns = T0;
	assert_int_equal(l2_new(NULL, w->metrics, 1, &w->l2), 0);
	l2_link_set(w->l2, &link);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	l2_free(w->l2);
	metrics_free(w->metrics);
	speaker_actions_done(&w->out);
	free(w);
	return 0;
}

static void hold(struct world *w, const char *ip)
{
	struct ip_addr a = ip_of(ip);

	l2_hold(w->l2, &owner, &a, NULL);
}

static void release(struct world *w, const char *ip)
{
	struct ip_addr a = ip_of(ip);

	l2_release(w->l2, &owner, &a);
}

/* One pass at the present time; the actions of before are dropped. */
static void pass(struct world *w)
{
	speaker_actions_clear(&w->out);
	l2_pass(w->l2, w->now_ns, &w->out);
}

static size_t count(const struct world *w, enum speaker_action_type type)
{
	size_t n = 0;

	for (size_t i = 0; i < w->out.count; i++)
		n += w->out.items[i].type == type;
	return n;
}

static size_t input(struct world *w, unsigned ifindex, const struct frame *f)
{
	speaker_actions_clear(&w->out);
	l2_frame(w->l2, ifindex, f->bytes, f->len, &w->out);
	return w->out.count;
}

/* Let the clock run as a daemon would until @until_ns; returns how many frames were sent. */
static size_t run_until(struct world *w, uint64_t until_ns)
{
	size_t sent = 0;

	for (uint64_t wake_ns; (wake_ns = l2_wake_ns(w->l2)) <= until_ns;) {
		w->now_ns = wake_ns > w->now_ns ? wake_ns : w->now_ns;
		pass(w);
		sent += count(w, SPEAKER_SEND);
	}
	w->now_ns = until_ns;
	return sent;
}

static int64_t counter(struct world *w, const char *line)
{
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);
	int64_t value = -1;

	metrics_write(w->metrics, to);
	fclose(to);
	char *at = strstr(text, line);
	if (at != NULL)
		value = strtoll(at + strlen(line), NULL, 10);
	free(text);
	return value;
}

/* --- answers ------------------------------------------------------------------------------- */

static void test_arp_request_is_answered_to_its_sender_alone(void **state)
{
	struct world *w = *state;
	struct frame f = arp_request("10.0.0.1", "192.0.2.10");
	struct arp a;
	struct ether e;

	hold(w, "192.0.2.10");
	pass(w);
	assert_int_equal(input(w, 2, &f), 1);
	assert_int_equal(w->out.items[0].type, SPEAKER_SEND);
	assert_int_equal(w->out.items[0].ifindex, 2);
	struct rd r = rd_init(w->out.items[0].frame.bytes, w->out.items[0].frame.len);
	assert_int_equal(ether_decode(&r, &e), 0);
	assert_null(arp_decode(r, &a));
	assert_memory_equal(e.dst, client_mac, sizeof(client_mac));
	assert_memory_equal(e.src, node_mac, sizeof(node_mac));
	assert_int_equal(a.op, ARP_REPLY);
	assert_memory_equal(a.sender_mac, node_mac, sizeof(node_mac));
	assert_memory_equal(a.target_mac, client_mac, sizeof(client_mac));
	struct ip_addr vip = ip_of("192.0.2.10"), client = ip_of("10.0.0.1");
	assert_true(ip_equal(&a.sender_ip, &vip));
	assert_true(ip_equal(&a.target_ip, &client));
	assert_int_equal(counter(w, "metallb_layer2_requests_received{ip=\"192.0.2.10\"} "), 1);
	assert_int_equal(counter(w, "metallb_layer2_responses_sent{ip=\"192.0.2.10\"} "), 1);
}

static void test_arp_probe_is_answered_since_the_address_is_taken(void **state)
{
	struct world *w = *state;
	struct frame f = arp_request("0.0.0.0", "192.0.2.10");

	hold(w, "192.0.2.10");
	pass(w);
	assert_int_equal(input(w, 2, &f), 1);
}

static void test_what_is_not_asked_of_us_is_dropped_and_counted(void **state)
{
	struct world *w = *state;
	struct frame f = arp_request("10.0.0.1", "192.0.2.10");

	assert_int_equal(input(w, 2, &f), 0); /* not held */
	assert_int_equal(counter(w, "bellman_frames_dropped_total{reason=\"not_announced\"} "), 1);
	hold(w, "192.0.2.10");
	assert_int_equal(input(w, 2, &f), 0); /* held, but the filter is not there yet */
	pass(w);
	assert_int_equal(input(w, 3, &f), 0);
	assert_int_equal(counter(w, "bellman_frames_dropped_total{reason=\"other_interface\"} "),
			 1);
	f.bytes[5] = 0x77; /* to another station */
	f.bytes[0] = 2;
	assert_int_equal(input(w, 2, &f), 0);
	assert_int_equal(counter(w, "bellman_frames_dropped_total{reason=\"other_host\"} "), 1);
	f = arp_request("10.0.0.1", "192.0.2.10");
	f.bytes[22] |= 1; /* a group as sender: an answer to it would be a broadcast */
	assert_int_equal(input(w, 2, &f), 0);
	assert_int_equal(counter(w, "bellman_frames_dropped_total{reason=\"sender_mac\"} "), 1);
	memset(f.bytes + 22, 0, ETHER_ADDR_LEN);
	assert_int_equal(input(w, 2, &f), 0);
	assert_int_equal(counter(w, "bellman_frames_dropped_total{reason=\"sender_mac\"} "), 2);
	f = arp_request("10.0.0.1", "192.0.2.10");
	f.bytes[21] = ARP_REPLY;
	assert_int_equal(input(w, 2, &f), 0);
	for (f.len = 0; f.len < ARP_FRAME_LEN; f.len++)
		assert_int_equal(input(w, 2, &f), 0);
	assert_int_equal(counter(w, "bellman_frames_dropped_total{reason=\"short\"} "),
			 ARP_FRAME_LEN);
}

/* A loop in the network, or a second link to it, brings back what we said ourselves. */
static void test_own_frames_are_not_answered(void **state)
{
	struct world *w = *state;
	struct l2_link k = eth(9, "eth1");

	k.mac[5] = 0xbb;
	l2_link_set(w->l2, &k);
	hold(w, "192.0.2.10");
	hold(w, "2001:db8:1::10");
	pass(w);
	size_t heard = 0;
	struct speaker_actions said = w->out;
	w->out = (struct speaker_actions){ 0 };
	for (size_t i = 0; i < said.count; i++) {
		const struct speaker_action *a = &said.items[i];
		struct frame f = { .len = a->frame.len };

		if (a->type != SPEAKER_SEND)
			continue;
		memcpy(f.bytes, a->frame.bytes, f.len);
		assert_int_equal(input(w, 2, &f), 0);
		assert_int_equal(input(w, 9, &f), 0);
		heard++;
	}
	assert_int_equal(heard, 6);
	assert_int_equal(counter(w, "bellman_frames_dropped_total{reason=\"own_frame\"} "), 4);
	/* No option: it is the Ethernet header that names us. */
	struct frame ns = neighbour_solicitation((struct ns_shape){
		.src = "fe80::aa", .target = "2001:db8:1::10", .no_lladdr = true });
	assert_int_equal(input(w, 2, &ns), 1);
	memcpy(ns.bytes + ETHER_ADDR_LEN, node_mac, sizeof(node_mac));
	assert_int_equal(input(w, 2, &ns), 0);
	speaker_actions_done(&said);
}

static struct ndp_na sent_na(const struct world *w)
{
	const struct speaker_action *a = &w->out.items[0];
	const uint8_t *b = a->frame.bytes;
	struct ndp_na na = { .src = ip_from_bytes(IP_V6, b + 22),
			     .dst = ip_from_bytes(IP_V6, b + 38),
			     .target = ip_from_bytes(IP_V6, b + 62),
			     .solicited = b[58] & 0x40,
			     .override = b[58] & 0x20 };

	assert_int_equal(a->type, SPEAKER_SEND);
	assert_int_equal(a->frame.len, NDP_NA_FRAME_LEN);
	assert_int_equal(b[54], 136);
	assert_int_equal(b[58] & 0x80, 0); /* never a router */
	memcpy(na.eth_dst, b, sizeof(na.eth_dst));
	memcpy(na.lladdr, b + 80, sizeof(na.lladdr));
	return na;
}

static void test_solicitation_is_answered_from_the_address_asked_for(void **state)
{
	struct world *w = *state;
	struct frame f = neighbour_solicitation(
		(struct ns_shape){ .src = "fe80::1", .target = "2001:db8:1::10" });

	hold(w, "2001:db8:1::10");
	pass(w);
	assert_int_equal(input(w, 2, &f), 1);
	struct ndp_na na = sent_na(w);
	struct ip_addr from = ip_of("2001:db8:1::10"), to = ip_of("fe80::1");
	assert_true(ip_equal(&na.src, &from));
	assert_true(ip_equal(&na.dst, &to));
	assert_true(na.solicited);
	assert_false(na.override);
	assert_memory_equal(na.eth_dst, client_mac, sizeof(client_mac));
	assert_memory_equal(na.lladdr, node_mac, sizeof(node_mac));
}

/* RFC 4861 section 7.2.4: the option is missing where the neighbour knows whom it asks. */
static void test_solicitation_without_option_is_answered_to_where_it_came_from(void **state)
{
	struct world *w = *state;
	struct frame f = neighbour_solicitation((struct ns_shape){ .src = "fe80::1",
								   .dst = "2001:db8:1::10",
								   .target = "2001:db8:1::10",
								   .no_lladdr = true });

	hold(w, "2001:db8:1::10");
	pass(w);
	assert_int_equal(input(w, 2, &f), 1);
	struct ndp_na na = sent_na(w);
	assert_memory_equal(na.eth_dst, client_mac, sizeof(client_mac));
}

/* RFC 4862 section 5.4.3: somebody wants to take our address; all must hear that it is taken. */
static void test_duplicate_detection_is_answered_to_all_nodes(void **state)
{
	struct world *w = *state;
	struct frame f = neighbour_solicitation(
		(struct ns_shape){ .src = "::", .target = "2001:db8:1::10", .no_lladdr = true });

	hold(w, "2001:db8:1::10");
	pass(w);
	assert_int_equal(input(w, 2, &f), 1);
	struct ndp_na na = sent_na(w);
	struct ip_addr all = ip_of("ff02::1"), from = ip_of("fe80::aa");
	assert_true(ip_equal(&na.src, &from));
	assert_true(ip_equal(&na.dst, &all));
	assert_false(na.solicited);
	assert_true(na.override);
	assert_int_equal(na.eth_dst[0], 0x33);
	assert_int_equal(na.eth_dst[5], 1);
}

/* --- announcing ---------------------------------------------------------------------------- */

static void test_filter_comes_before_groups_before_frames(void **state)
{
	struct world *w = *state;

	hold(w, "2001:db8:1::10");
	pass(w);
	assert_int_equal(w->out.count, 3);
	assert_int_equal(w->out.items[0].type, SPEAKER_FILTER);
	assert_int_equal(w->out.items[0].family, IP_V6);
	assert_int_equal(w->out.items[1].type, SPEAKER_JOIN);
	struct ip_addr group = ip_of("ff02::1:ff00:10");
	assert_true(ip_equal(&w->out.items[1].group, &group));
	assert_int_equal(w->out.items[2].type, SPEAKER_SEND);
}

static void test_take_over_is_one_request_and_one_reply_to_all(void **state)
{
	struct world *w = *state;

	hold(w, "192.0.2.10");
	pass(w);
	assert_int_equal(count(w, SPEAKER_SEND), 2);
	for (size_t i = 0; i < 2; i++) {
		const struct speaker_action *s = &w->out.items[w->out.count - 2 + i];
		struct rd r = rd_init(s->frame.bytes, s->frame.len);
		struct ether e;
		struct arp a;

		assert_int_equal(ether_decode(&r, &e), 0);
		assert_null(arp_decode(r, &a));
		assert_memory_equal(e.dst, ether_broadcast, sizeof(e.dst));
		assert_int_equal(a.op, i == 0 ? ARP_REQUEST : ARP_REPLY);
		assert_true(ip_equal(&a.sender_ip, &a.target_ip));
		assert_memory_equal(a.sender_mac, node_mac, sizeof(node_mac));
		assert_memory_equal(a.target_mac, ether_broadcast, sizeof(a.target_mac));
	}
	assert_int_equal(counter(w, "metallb_layer2_gratuitous_sent{ip=\"192.0.2.10\"} "), 2);
}

static void test_burst_is_five_rounds_1100_ms_apart_then_refreshes(void **state)
{
	struct world *w = *state;

	hold(w, "192.0.2.10");
	pass(w);
	for (unsigned round = 1; round < 5; round++) {
		assert_int_equal(l2_wake_ns(w->l2), T0 + round * L2_ROUND_NS);
		w->now_ns = l2_wake_ns(w->l2);
		pass(w);
		assert_int_equal(count(w, SPEAKER_SEND), 2);
	}
	for (unsigned i = 0; i < 20; i++) {
		uint64_t wait_ns = l2_wake_ns(w->l2) - w->now_ns;

		assert_in_range(wait_ns, 135 * NS_PER_S, 165 * NS_PER_S);
		w->now_ns += wait_ns;
		pass(w);
		assert_int_equal(count(w, SPEAKER_SEND), 1);
	}
}

static void test_a_pass_over_an_unchanged_world_does_nothing(void **state)
{
	struct world *w = *state;

	hold(w, "192.0.2.10");
	pass(w);
	hold(w, "192.0.2.10");
	pass(w);
	assert_int_equal(w->out.count, 0);
}

static void test_lost_address_falls_silent_at_once(void **state)
{
	struct world *w = *state;
	struct frame f = arp_request("10.0.0.1", "192.0.2.10");

	hold(w, "192.0.2.10");
	pass(w);
	release(w, "192.0.2.10");
	pass(w);
	assert_int_equal(count(w, SPEAKER_SEND), 0);
	assert_int_equal(input(w, 2, &f), 0);
	/* Only the filter is left to be tightened. */
	assert_int_equal(l2_wake_ns(w->l2), T0 + L2_TIGHTEN_NS);
	w->now_ns = T0 + L2_TIGHTEN_NS;
	pass(w);
	assert_int_equal(count(w, SPEAKER_FILTER), 1);
	struct ip_prefix cover[L2_COVER_MAX];
	assert_int_equal(l2_cover(w->l2, IP_V4, L2_COVER_MAX, cover), 0);
	assert_int_equal(l2_wake_ns(w->l2), UINT64_MAX);
}

static void test_series_of_an_address_go_with_it(void **state)
{
	struct world *w = *state;
	struct frame f = arp_request("10.0.0.1", "192.0.2.10");

	hold(w, "192.0.2.10");
	hold(w, "192.0.2.11");
	pass(w);
	assert_int_equal(input(w, 2, &f), 1);
	release(w, "192.0.2.10");
	pass(w);
	assert_int_equal(counter(w, "{ip=\"192.0.2.10\"} "), -1);
	assert_int_equal(counter(w, "metallb_layer2_gratuitous_sent{ip=\"192.0.2.11\"} "), 2);
}

static void test_a_second_owner_keeps_the_address(void **state)
{
	struct world *w = *state;
	struct ip_addr ip = ip_of("192.0.2.10");
	struct frame f = arp_request("10.0.0.1", "192.0.2.10");

	l2_hold(w->l2, &first, &ip, NULL);
	l2_hold(w->l2, &second, &ip, NULL);
	pass(w);
	l2_release(w->l2, &first, &ip);
	pass(w);
	assert_int_equal(input(w, 2, &f), 1);
	l2_release(w->l2, &second, &ip);
	pass(w);
	assert_int_equal(input(w, 2, &f), 0);
}

/* In no window of a second more than 1,000 frames and what may go ahead; and nobody starves. */
static void test_burst_of_many_addresses_keeps_the_pace(void **state)
{
	struct world *w = *state;
	enum { VIPS = 2000, TICKS = 5000 };
	static size_t at_ms[TICKS + 1];
	char ip[IP_TEXT_MAX];
	size_t sent = 0;

	memset(at_ms, 0, sizeof(at_ms));
	for (unsigned i = 0; i < VIPS; i++) {
		snprintf(ip, sizeof(ip), "10.1.%u.%u", i / 256, i % 256);
		hold(w, ip);
	}
	for (unsigned ms = 0; ms <= TICKS; ms++) {
		w->now_ns = T0 + ms * NS_PER_MS;
		pass(w);
		sent += at_ms[ms] = count(w, SPEAKER_SEND);
	}
	for (unsigned from = 0; from + 1000 <= TICKS; from += 50) {
		size_t window = 0;
		for (unsigned ms = from; ms < from + 1000; ms++)
			window += at_ms[ms];
		assert_in_range(window, 900, 1000 + L2_BURST_AHEAD + 2);
	}
	/* First rounds take four seconds; each address had one before any had its second. */
	for (unsigned i = 0; i < VIPS; i++) {
		char line[128];
		snprintf(line, sizeof(line), "metallb_layer2_gratuitous_sent{ip=\"10.1.%u.%u\"} ",
			 i / 256, i % 256);
		assert_true(counter(w, line) >= 2);
	}
	assert_true(sent > 0);
}

static void test_refreshes_are_at_most_fifty_a_second(void **state)
{
	struct world *w = *state;
	enum { VIPS = 10000 };
	char ip[IP_TEXT_MAX];

	for (unsigned i = 0; i < VIPS; i++) {
		snprintf(ip, sizeof(ip), "10.1.%u.%u", i / 256, i % 256);
		hold(w, ip);
	}
	pass(w);
	run_until(w, T0 + 400 * NS_PER_S); /* bursts are over, refreshes have begun */
	size_t sent = run_until(w, T0 + 410 * NS_PER_S);
	assert_in_range(sent, 490, 501);
}

/* --- links --------------------------------------------------------------------------------- */

static void test_links_that_carry_nothing(void **state)
{
	static const struct {
		const char *name;
		uint32_t flags;
		uint16_t hw_type;
		bool enslaved;
	} rows[] = {
		{ "veth12", IFF_UP | IFF_RUNNING | IFF_BROADCAST, ARPHRD_ETHER, false },
		{ "lo", IFF_UP | IFF_RUNNING | IFF_BROADCAST, ARPHRD_ETHER, false },
		{ "cali0a1", IFF_UP | IFF_RUNNING | IFF_BROADCAST, ARPHRD_ETHER, false },
		{ "eth1", IFF_RUNNING | IFF_BROADCAST, ARPHRD_ETHER, false },
		{ "eth1", IFF_UP | IFF_BROADCAST, ARPHRD_ETHER, false },
		{ "eth1", IFF_UP | IFF_RUNNING | IFF_BROADCAST | IFF_NOARP, ARPHRD_ETHER, false },
		{ "eth1", IFF_UP | IFF_RUNNING | IFF_BROADCAST, ARPHRD_INFINIBAND, false },
		{ "eth1", IFF_UP | IFF_RUNNING | IFF_BROADCAST, ARPHRD_ETHER, true },
	};
	struct world *w = *state;

	l2_link_remove(w->l2, 2);
	hold(w, "192.0.2.10");
	hold(w, "2001:db8:1::10");
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct l2_link k = eth(7, rows[i].name);

		k.flags = rows[i].flags;
		k.hw_type = rows[i].hw_type;
		k.enslaved = rows[i].enslaved;
		l2_link_set(w->l2, &k);
		pass(w);
		assert_int_equal(count(w, SPEAKER_SEND), 0);
		assert_int_equal(count(w, SPEAKER_JOIN), 0);
		l2_link_remove(w->l2, 7);
	}
	struct l2_link no_mac = eth(7, "eth1");
	memset(no_mac.mac, 0, sizeof(no_mac.mac));
	l2_link_set(w->l2, &no_mac);
	pass(w);
	assert_int_equal(count(w, SPEAKER_SEND), 0);
}

static void test_only_links_that_may_be_used_are_news(void **state)
{
	struct world *w = *state;
	struct l2_link pod = eth(7, "veth12"), k = eth(8, "eth1");

	assert_false(l2_link_set(w->l2, &pod));
	assert_false(l2_link_remove(w->l2, 7));
	assert_true(l2_link_set(w->l2, &k));
	k.flags &= ~(uint32_t)IFF_UP;
	assert_false(l2_link_set(w->l2, &k)); /* it exists all the same */
	snprintf(k.name, sizeof(k.name), "eth2");
	assert_true(l2_link_set(w->l2, &k));
	snprintf(k.name, sizeof(k.name), "veth2");
	assert_true(l2_link_set(w->l2, &k));
	assert_false(l2_link_exists(w->l2, "eth2"));
	assert_false(l2_link_remove(w->l2, 8));
}

static void test_names_like_lo_are_not_lo(void **state)
{
	struct world *w = *state;
	struct l2_link k = eth(7, "lovely0");

	l2_link_set(w->l2, &k);
	assert_true(l2_link_exists(w->l2, "lovely0"));
	k = eth(8, "lo");
	l2_link_set(w->l2, &k);
	assert_false(l2_link_exists(w->l2, "lo"));
}

static void test_link_without_link_local_address_carries_ipv4_only(void **state)
{
	struct world *w = *state;
	struct l2_link k = eth(2, "eth0");

	k.link_local = (struct ip_addr){ 0 }; /* still tentative */
	l2_link_set(w->l2, &k);
	hold(w, "192.0.2.10");
	hold(w, "2001:db8:1::10");
	pass(w);
	assert_int_equal(count(w, SPEAKER_SEND), 2);
	assert_int_equal(count(w, SPEAKER_JOIN), 0);

	k = eth(2, "eth0"); /* detection is through */
	l2_link_set(w->l2, &k);
	pass(w);
	assert_int_equal(count(w, SPEAKER_JOIN), 1);
	assert_int_equal(count(w, SPEAKER_SEND), 1);
}

static void test_ipv6_only_link_carries_ipv6(void **state)
{
	struct world *w = *state;
	struct l2_link k = eth(2, "eth0");

	k.flags &= ~(uint32_t)IFF_BROADCAST;
	l2_link_set(w->l2, &k);
	hold(w, "192.0.2.10");
	hold(w, "2001:db8:1::10");
	pass(w);
	assert_int_equal(count(w, SPEAKER_SEND), 1);
	assert_int_equal(count(w, SPEAKER_JOIN), 1);
}

static void test_late_link_is_joined_and_announced_on_at_once(void **state)
{
	struct world *w = *state;
	struct l2_link k = eth(9, "eth1");

	hold(w, "192.0.2.10");
	hold(w, "2001:db8:1::10");
	pass(w);
	l2_link_set(w->l2, &k);
	pass(w);
	assert_int_equal(count(w, SPEAKER_JOIN), 1);
	assert_int_equal(count(w, SPEAKER_SEND), 3);
	for (size_t i = 0; i < w->out.count; i++)
		assert_int_equal(w->out.items[i].ifindex, 9);
}

static void test_link_down_and_up_begins_anew(void **state)
{
	struct world *w = *state;
	struct l2_link k = eth(2, "eth0");

	hold(w, "192.0.2.10");
	hold(w, "2001:db8:1::10");
	pass(w);
	k.flags &= ~(uint32_t)IFF_RUNNING;
	l2_link_set(w->l2, &k);
	pass(w);
	assert_int_equal(count(w, SPEAKER_LEAVE), 1);
	assert_int_equal(l2_wake_ns(w->l2), UINT64_MAX);
	k.flags |= IFF_RUNNING;
	l2_link_set(w->l2, &k);
	pass(w);
	assert_int_equal(count(w, SPEAKER_JOIN), 1);
	assert_int_equal(count(w, SPEAKER_SEND), 3);
}

/*
 * Down and up, or gone and there again under the same index, before a pass looks: a switch has
 * forgotten us, the kernel of a new link knows no group, and all begins anew. A group that two
 * addresses share is left and entered once.
 */
static void test_link_lost_between_two_passes_begins_anew(void **state)
{
	struct world *w = *state;
	struct l2_link up = eth(2, "eth0"), down = up;

	down.flags &= ~(uint32_t)IFF_UP;
	hold(w, "192.0.2.10");
	hold(w, "2001:db8:1::10");
	hold(w, "2001:db8:2::10");
	pass(w);
	for (unsigned round = 0; round < 2; round++) {
		if (round == 0)
			l2_link_set(w->l2, &down);
		else
			l2_link_remove(w->l2, 2);
		l2_link_set(w->l2, &up);
		w->now_ns += NS_PER_S;
		pass(w);
		assert_int_equal(count(w, SPEAKER_LEAVE), 1);
		assert_int_equal(count(w, SPEAKER_JOIN), 1);
		assert_int_equal(count(w, SPEAKER_SEND), 4);
		assert_int_equal(w->out.items[0].type, SPEAKER_LEAVE);
	}
	up.flags |= IFF_PROMISC; /* somebody captures: nothing to do */
	l2_link_set(w->l2, &up);
	pass(w);
	assert_int_equal(w->out.count, 0);
}

static void test_new_mac_is_announced(void **state)
{
	struct world *w = *state;
	struct l2_link k = eth(2, "eth0");

	hold(w, "192.0.2.10");
	pass(w);
	k.mac[5] = 0xbb;
	l2_link_set(w->l2, &k);
	pass(w);
	assert_int_equal(count(w, SPEAKER_SEND), 2);
	assert_int_equal(w->out.items[0].frame.bytes[11], 0xbb);
}

static void test_only_the_interfaces_asked_for_answer(void **state)
{
	struct world *w = *state;
	const char *one[] = { "eth1" };
	struct names eth1 = { .items = one, .count = 1 };
	struct l2_link k = eth(9, "eth1");
	struct ip_addr ip = ip_of("192.0.2.10");
	struct frame f = arp_request("10.0.0.1", "192.0.2.10");

	l2_link_set(w->l2, &k);
	l2_hold(w->l2, &owner, &ip, &eth1);
	pass(w);
	assert_int_equal(input(w, 2, &f), 0);
	assert_int_equal(input(w, 9, &f), 1);
	l2_hold(w->l2, &owner, &ip, NULL);
	pass(w);
	assert_int_equal(input(w, 2, &f), 1);
	l2_hold(w->l2, &owner, &ip, &eth1);
	pass(w);
	assert_int_equal(input(w, 2, &f), 0);
}

static void test_addresses_of_one_group_join_it_once_and_leave_with_the_last(void **state)
{
	struct world *w = *state;

	hold(w, "2001:db8:1::10");
	hold(w, "2001:db8:2::10");
	pass(w);
	assert_int_equal(count(w, SPEAKER_JOIN), 1);
	release(w, "2001:db8:1::10");
	pass(w);
	assert_int_equal(count(w, SPEAKER_LEAVE), 0);
	release(w, "2001:db8:2::10");
	pass(w);
	assert_int_equal(count(w, SPEAKER_LEAVE), 1);
}

static void test_bad_expression_is_refused(void **state)
{
	struct l2 *l = NULL;

	(void)state;
	assert_int_equal(l2_new("eth(", NULL, 0, &l), -EINVAL);
	assert_null(l);
	assert_int_equal(l2_new("^bond0$", NULL, 0, &l), 0);
	struct l2_link bond = eth(2, "bond0"), veth = eth(3, "veth0");
	l2_link_set(l, &bond);
	l2_link_set(l, &veth);
	assert_false(l2_link_exists(l, "bond0"));
	assert_true(l2_link_exists(l, "veth0")); /* the list replaces the default */
	l2_free(l);
}

/* --- cover --------------------------------------------------------------------------------- */

static void test_filter_changes_only_when_the_cover_must(void **state)
{
	struct world *w = *state;
	struct ip_prefix cover[L2_COVER_MAX];
	char ip[IP_TEXT_MAX];

	for (unsigned i = 0; i < 200; i += 2) {
		snprintf(ip, sizeof(ip), "10.1.0.%u", i);
		hold(w, ip);
	}
	pass(w);
	assert_int_equal(count(w, SPEAKER_FILTER), 1);
	assert_in_range(l2_cover(w->l2, IP_V4, L2_COVER_MAX, cover), 1, L2_COVER_MAX);
	/* A socket without memory for more asks for less, and that holds. */
	assert_in_range(l2_cover(w->l2, IP_V4, 8, cover), 1, 8);
	hold(w, "10.1.0.101"); /* inside */
	pass(w);
	assert_int_equal(count(w, SPEAKER_FILTER), 0);
	hold(w, "172.16.0.1"); /* outside */
	pass(w);
	assert_int_equal(count(w, SPEAKER_FILTER), 1);
	assert_in_range(l2_cover(w->l2, IP_V4, L2_COVER_MAX, cover), 1, 8);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_arp_request_is_answered_to_its_sender_alone),
		T(test_arp_probe_is_answered_since_the_address_is_taken),
		T(test_what_is_not_asked_of_us_is_dropped_and_counted),
		T(test_own_frames_are_not_answered),
		T(test_solicitation_is_answered_from_the_address_asked_for),
		T(test_solicitation_without_option_is_answered_to_where_it_came_from),
		T(test_duplicate_detection_is_answered_to_all_nodes),
		T(test_filter_comes_before_groups_before_frames),
		T(test_take_over_is_one_request_and_one_reply_to_all),
		T(test_burst_is_five_rounds_1100_ms_apart_then_refreshes),
		T(test_a_pass_over_an_unchanged_world_does_nothing),
		T(test_lost_address_falls_silent_at_once),
		T(test_series_of_an_address_go_with_it),
		T(test_a_second_owner_keeps_the_address),
		T(test_burst_of_many_addresses_keeps_the_pace),
		T(test_refreshes_are_at_most_fifty_a_second),
		T(test_links_that_carry_nothing),
		T(test_only_links_that_may_be_used_are_news),
		T(test_names_like_lo_are_not_lo),
		T(test_link_without_link_local_address_carries_ipv4_only),
		T(test_ipv6_only_link_carries_ipv6),
		T(test_late_link_is_joined_and_announced_on_at_once),
		T(test_link_down_and_up_begins_anew),
		T(test_link_lost_between_two_passes_begins_anew),
		T(test_new_mac_is_announced),
		T(test_only_the_interfaces_asked_for_answer),
		T(test_addresses_of_one_group_join_it_once_and_leave_with_the_last),
		T(test_bad_expression_is_refused),
		T(test_filter_changes_only_when_the_cover_must),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
