// SPDX-License-Identifier: Apache-2.0
/* A simulated speaker among others: the process around the engine, fault by fault. */
#include "sim/speaker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "lib/base/intern.h"
#include "tests/unit/config_built.h"
#include "tests/unit/frames.h"

#define NODES 3
#define VIP   "192.168.1.240" /* node-a, by the hash, then node-c */
#define VIP6  "2001:db8::240"

struct node_of {
	struct sim_stack *stack;
	struct sim_iface *iface;
	struct sim_speaker *speaker;
};

struct world {
	struct sim_clock *clock;
	struct sim_net *net;
	struct sim_link *lan;
	struct sim_api *api;
	struct ranks *ranks;
	struct sim_port *host;
	struct node_of nodes[NODES];
	unsigned replies, announced, withdrawn, frames, broke;
	uint64_t reply_ns;
	uint64_t sum;  /* over all frames and comments */
	char why[200]; /* of the last frame */
	const char *lost_why;
	char broken[200];
};

/* --- what is told --------------------------------------------------------------------------- */

static void on_told(void *arg, const struct sim_speaker *s, const struct speaker_action *a)
{
	struct world *w = arg;

	(void)s;
	w->announced += a->type == SPEAKER_ANNOUNCED;
	w->withdrawn += a->type == SPEAKER_WITHDRAWN;
}

static void on_broke(void *arg, const struct sim_speaker *s, const char *what)
{
	struct world *w = arg;

	(void)s;
	w->broke++;
	snprintf(w->broken, sizeof(w->broken), "%s", what);
}

static const struct sim_speaker_ops speaker_ops = { .told = on_told, .broke = on_broke };

static void on_tap(void *arg, const struct sim_link *l, const struct sim_port *from,
		   const uint8_t *bytes, size_t len, const char *why)
{
	struct world *w = arg;

	(void)l;
	for (size_t i = 0; i < len; i++)
		w->sum = w->sum * 31 + bytes[i];
	w->sum = w->sum * 31 + sim_clock_now(w->clock);
	if (from == w->host)
		return;
	w->frames++;
	assert_non_null(why);
	snprintf(w->why, sizeof(w->why), "%s", why);
}

/* The host hears an answer. */
static void on_frame(void *arg, const uint8_t *bytes, size_t len)
{
	struct world *w = arg;

	(void)len;
	if (memcmp(bytes, client_mac, sizeof(client_mac)) != 0)
		return; /* to all */
	w->replies++;
	w->reply_ns = sim_clock_now(w->clock);
}

static const struct sim_port_ops host_ops = { .frame = on_frame };

/* --- the cluster ---------------------------------------------------------------------------- */

static void put(struct world *w, enum sim_kind kind, const char *text)
{
	char err[200] = "";
	cJSON *tree = doc_parse_yaml(text, strlen(text), err, sizeof(err));

	if (tree == NULL)
		fail_msg("%s", err);
	assert_non_null(sim_api_put(w->api, kind, tree));
}

static void put_node(struct world *w, char letter, const char *labels)
{
	char text[200];

	snprintf(text, sizeof(text), "metadata: { name: node-%c, labels: { %s } }", letter, labels);
	put(w, SIM_NODE, text);
}

static void put_service(struct world *w, const char *ips)
{
	char text[400];

	snprintf(text, sizeof(text),
		 "metadata: { namespace: web, name: front }\n"
		 "spec: { type: LoadBalancer, ports: [ { port: 80 } ] }\n"
		 "status: { loadBalancer: { ingress: [ %s ] } }\n",
		 ips);
	put(w, SIM_SERVICE, text);
}

static struct sim_speaker *speaker_of(struct world *w, unsigned i)
{
	return w->nodes[i].speaker;
}

static void node_add(struct world *w, unsigned i, uint64_t seed)
{
	struct node_of *n = &w->nodes[i];
	char name[] = { 'n', 'o', 'd', 'e', '-', (char)('a' + i), '\0' };
	const uint8_t mac[ETHER_ADDR_LEN] = { 2, 0, 0, 0, 1, (uint8_t)i };
	const struct sim_stack_cfg stack = { .name = name, .seed = seed + i };

	n->stack = sim_stack_new(w->clock, &stack);
	n->iface = sim_iface_add(n->stack, w->lan, "eth0", mac);
	const struct sim_speaker_cfg cfg = { .node = name,
					     .stack = n->stack,
					     .api = w->api,
					     .ranks = w->ranks,
					     .seed = seed + i,
					     .say_why = true,
					     .check_twice = true,
					     .ops = &speaker_ops,
					     .arg = w };
	n->speaker = sim_speaker_new(&cfg);
	put_node(w, (char)('a' + i), "");
}

static void configure(struct world *w)
{
	struct built b = { 0 };

	built_add(&b, "b.conf",
		  "pools = ( { name = \"public\"; addresses = ( \"192.168.1.0/24\", "
		  "\"2001:db8::/64\" ); } );\nl2Advertisements = ( { name = \"all\"; } );\n");
	built_finish(&b);
	assert_int_equal(b.rc, 0);
	sim_api_put_config(w->api, b.config);
	built_done(&b);
}

static struct world *world_new(uint64_t seed)
{
	struct world *w = calloc(1, sizeof(*w));

	w->clock = sim_clock_new();
	w->ranks = ranks_new();
	w->net = sim_net_new(w->clock, seed);
	w->lan = sim_link_add(w->net, &(struct sim_link_cfg){ .name = "lan", .delay_ns = 50000 });
	w->host = sim_port_add(w->lan, "host", client_mac, &host_ops, w);
	w->api = sim_api_new(w->clock, &(struct sim_api_cfg){ .seed = seed });
	sim_net_tap(w->net, on_tap, w);
	configure(w);
	put_service(w, "{ ip: " VIP " }, { ip: \"" VIP6 "\" }");
	put(w, SIM_SLICE,
	    "metadata: { namespace: web, name: front-1, labels: { kubernetes.io/service-name: "
	    "front } }\naddressType: IPv4\nendpoints: [ { addresses: [ 10.244.0.7 ] } ]\n");
	for (unsigned i = 0; i < NODES; i++)
		node_add(w, i, seed * 100);
	return w;
}

static void world_free(struct world *w)
{
	for (unsigned i = 0; i < NODES; i++)
		sim_speaker_free(w->nodes[i].speaker);
	sim_api_free(w->api);
	ranks_free(w->ranks);
	for (unsigned i = 0; i < NODES; i++)
		sim_stack_free(w->nodes[i].stack);
	sim_net_free(w->net);
	sim_clock_free(w->clock);
	free(w);
}

static void run_for(struct world *w, uint64_t ns)
{
	uint64_t until_ns = sim_clock_now(w->clock) + ns;

	while (sim_clock_step(w->clock, until_ns))
		;
	if (w->broke > 0)
		fail_msg("%s", w->broken);
}

static void start_all(struct world *w)
{
	for (unsigned i = 0; i < NODES; i++)
		sim_speaker_start(speaker_of(w, i));
}

static int setup(void **state)
{
	*state = world_new(1);
	return 0;
}

static int teardown(void **state)
{
	world_free(*state);
	assert_int_equal(intern_count(), 0);
	return 0;
}

static void ask(struct world *w)
{
	struct frame f = arp_request("192.168.1.1", VIP);

	sim_port_send(w->host, f.bytes, f.len, NULL);
}

static void ask6(struct world *w)
{
	struct frame f =
		neighbour_solicitation((struct ns_shape){ .src = "fe80::1", .target = VIP6 });

	sim_port_send(w->host, f.bytes, f.len, NULL);
}

static bool answers(struct world *w, unsigned i, const char *text)
{
	struct ip_addr ip = ip_of(text);

	return sim_speaker_answers(speaker_of(w, i), w->nodes[i].iface, &ip);
}

static unsigned answered(struct world *w)
{
	unsigned before = w->replies;

	ask(w);
	run_for(w, NS_PER_MS);
	return w->replies - before;
}

/* --- what it does --------------------------------------------------------------------------- */

static void test_the_elected_one_announces_and_answers(void **state)
{
	struct world *w = *state;

	start_all(w);
	run_for(w, NS_PER_S);
	assert_int_equal(w->announced, 1);
	assert_true(answers(w, 0, VIP));
	assert_true(answers(w, 0, VIP6));
	assert_false(answers(w, 1, VIP));
	assert_false(answers(w, 2, VIP6));
	assert_false(answers(w, 0, "192.168.1.241"));
	assert_string_equal(w->why, "announces " VIP6
				    " (web/front), round 1 of the burst after taking over");
	assert_int_equal(answered(w), 1);
	assert_string_equal(w->why, "answers who-has " VIP
				    " from 192.168.1.1: web/front is announced here");
	ask6(w);
	run_for(w, NS_PER_MS);
	assert_int_equal(w->replies, 2);
	assert_string_equal(w->why, "answers a solicitation of " VIP6
				    " from fe80::1: web/front is announced here");
}

static void test_a_question_changes_nothing(void **state)
{
	struct world *w = *state;

	start_all(w);
	run_for(w, 10 * NS_PER_S);
	unsigned frames = w->frames;
	uint64_t wakes = sim_speaker_wakes(speaker_of(w, 0)), next_ns = sim_clock_next(w->clock);
	for (unsigned i = 0; i < 10; i++)
		assert_true(answers(w, 0, VIP));
	assert_int_equal(w->frames, frames);
	assert_int_equal(sim_speaker_wakes(speaker_of(w, 0)), wakes);
	assert_int_equal(sim_clock_next(w->clock), next_ns);
}

static void test_it_takes_no_part_before_it_knows_all(void **state)
{
	struct world *w = *state;

	sim_api_outage(w->api, true);
	start_all(w);
	run_for(w, 5 * NS_PER_S);
	assert_false(sim_speaker_is_ready(speaker_of(w, 0)));
	assert_false(sim_speaker_is_current(speaker_of(w, 0)));
	assert_int_equal(w->frames, 0);
	sim_api_outage(w->api, false);
	run_for(w, 60 * NS_PER_S);
	assert_true(sim_speaker_is_ready(speaker_of(w, 0)));
	assert_true(sim_speaker_is_current(speaker_of(w, 0)));
	assert_int_equal(w->announced, 1);
}

static void test_an_excluded_node_hands_over(void **state)
{
	struct world *w = *state;

	start_all(w);
	run_for(w, NS_PER_S);
	put_node(w, 'a', "node.kubernetes.io/exclude-from-external-load-balancers: \"\"");
	assert_false(sim_speaker_is_current(speaker_of(w, 0)));
	run_for(w, 100 * NS_PER_MS);
	assert_true(sim_speaker_is_current(speaker_of(w, 0)));
	assert_false(answers(w, 0, VIP));
	assert_true(answers(w, 2, VIP));
	assert_int_equal(w->withdrawn, 1);
	assert_int_equal(w->announced, 2);
}

/* Told once more, an engine has nothing to do; the clocks of all go on as if nothing had been. */
static void test_told_all_over_again_nothing_follows(void **state)
{
	struct world *w = *state;

	start_all(w);
	assert_int_equal(sim_speaker_retell(speaker_of(w, 0)), 0); /* knows nothing yet */
	run_for(w, 3 * NS_PER_S);
	unsigned frames = w->frames;
	for (unsigned i = 0; i < NODES; i++)
		assert_int_equal(sim_speaker_retell(speaker_of(w, i)), 0);
	assert_int_equal(w->frames, frames);
	run_for(w, 10 * NS_PER_S);
	/* Two more rounds of a request and a reply and of an advertisement. */
	assert_int_equal(w->frames, frames + 2 * 3);
}

static void test_the_same_seed_is_the_same_bytes_at_the_same_time(void **state)
{
	uint64_t sums[3];

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct world *w = world_new(i == 2 ? 8 : 7);
		start_all(w);
		run_for(w, NS_PER_S);
		sim_speaker_kill(speaker_of(w, 0));
		run_for(w, NS_PER_S);
		sim_speaker_start(speaker_of(w, 0));
		run_for(w, 400 * NS_PER_S);
		sums[i] = w->sum;
		world_free(w);
	}
	assert_int_equal(sums[0], sums[1]);
	assert_int_not_equal(sums[0], sums[2]);
}

/* A burst, refreshes, the filter's tightening: no more turns than there is something to do. */
static void test_at_rest_it_hardly_wakes(void **state)
{
	struct world *w = *state;

	start_all(w);
	run_for(w, 20 * NS_PER_S);
	uint64_t wakes = sim_speaker_wakes(speaker_of(w, 0));
	assert_in_range(wakes, 4, 30);
	run_for(w, 600 * NS_PER_S);
	assert_in_range(sim_speaker_wakes(speaker_of(w, 0)) - wakes, 4, 20);
	assert_in_range(sim_speaker_wakes(speaker_of(w, 1)), 0, 4);
}

/* One that is run too early finds nothing to do, and has to wake up again. */
static void test_its_timers_are_never_early(void **state)
{
	struct world *w = *state;
	char labels[20];
	uint64_t wakes;

	start_all(w);
	run_for(w, 20 * NS_PER_S);
	w->frames = 0;
	wakes = sim_speaker_wakes(speaker_of(w, 0));
	for (unsigned i = 0; i < 300; i++) { /* it is told something, at odd times */
		snprintf(labels, sizeof(labels), "a: b%u", i);
		put_node(w, 'b', labels);
		run_for(w, 6 * NS_PER_S + i * 7001);
	}
	assert_in_range(w->frames, 12, 100);
	assert_in_range(sim_speaker_wakes(speaker_of(w, 0)) - wakes, 1, w->frames);
}

/* --- what befalls it ------------------------------------------------------------------------ */

static void test_a_killed_one_is_silent_until_it_is_started(void **state)
{
	struct world *w = *state;

	start_all(w);
	run_for(w, NS_PER_S);
	sim_speaker_kill(speaker_of(w, 0));
	assert_false(sim_speaker_runs(speaker_of(w, 0)));
	assert_null(sim_speaker_client(speaker_of(w, 0)));
	assert_false(answers(w, 0, VIP));
	unsigned frames = w->frames;
	assert_int_equal(answered(w), 0);
	ask6(w);
	run_for(w, 10 * NS_PER_S);
	assert_int_equal(w->frames, frames);
	assert_int_equal(w->withdrawn, 0);
	sim_speaker_start(speaker_of(w, 0));
	run_for(w, 100 * NS_PER_MS);
	assert_true(answers(w, 0, VIP6));
	assert_int_equal(answered(w), 1);
	assert_int_equal(w->announced, 2);
}

static void test_one_that_is_stopped_withdraws_first(void **state)
{
	struct world *w = *state;

	start_all(w);
	run_for(w, NS_PER_S);
	sim_speaker_stop(speaker_of(w, 0));
	run_for(w, NS_PER_MS);
	assert_int_equal(w->withdrawn, 1);
	assert_false(sim_speaker_runs(speaker_of(w, 0)));
	assert_int_equal(answered(w), 0);
}

static void test_a_paused_one_answers_late_what_its_sockets_kept(void **state)
{
	struct world *w = *state;

	start_all(w);
	run_for(w, 10 * NS_PER_S);
	sim_speaker_pause(speaker_of(w, 0), true);
	assert_false(answers(w, 0, VIP));
	for (unsigned i = 0; i < 300; i++)
		ask(w);
	run_for(w, NS_PER_S);
	assert_int_equal(w->replies, 0);
	sim_speaker_stop(speaker_of(w, 0)); /* heard of when it goes on */
	run_for(w, NS_PER_S);
	assert_true(sim_speaker_runs(speaker_of(w, 0)));
	sim_speaker_kill(speaker_of(w, 0));
	sim_speaker_start(speaker_of(w, 0));
	run_for(w, 10 * NS_PER_S);
	assert_int_equal(w->replies, 0);

	sim_speaker_pause(speaker_of(w, 0), true);
	for (unsigned i = 0; i < 300; i++)
		ask(w);
	run_for(w, NS_PER_S);
	sim_speaker_pause(speaker_of(w, 0), false);
	run_for(w, NS_PER_MS);
	assert_int_equal(w->replies, 256);
}

/* It goes on as it was, and hears only then what happened. */
static void test_a_paused_one_knows_nothing_of_its_time(void **state)
{
	struct world *w = *state;

	start_all(w);
	run_for(w, 10 * NS_PER_S);
	sim_speaker_pause(speaker_of(w, 0), true);
	put_node(w, 'a', "node.kubernetes.io/exclude-from-external-load-balancers: \"\"");
	run_for(w, NS_PER_S);
	assert_int_equal(w->withdrawn, 0);
	assert_true(answers(w, 2, VIP));
	sim_speaker_pause(speaker_of(w, 0), false);
	run_for(w, 100 * NS_PER_MS);
	assert_int_equal(w->withdrawn, 1);
	assert_false(answers(w, 0, VIP));
}

static void test_a_slow_one_is_late_by_its_turn(void **state)
{
	struct world *w = *state;

	start_all(w);
	run_for(w, 10 * NS_PER_S);
	assert_int_equal(answered(w), 1);
	uint64_t asked_ns = sim_clock_now(w->clock);
	ask(w);
	run_for(w, NS_PER_MS);
	uint64_t quick_ns = w->reply_ns - asked_ns;
	sim_speaker_slow(speaker_of(w, 0), 30 * NS_PER_MS);
	asked_ns = sim_clock_now(w->clock);
	ask(w);
	run_for(w, 100 * NS_PER_MS);
	assert_int_equal(w->reply_ns - asked_ns, quick_ns + 30 * NS_PER_MS);

	/* What comes in meanwhile does not put its turn off for ever. */
	put_node(w, 'a', "node.kubernetes.io/exclude-from-external-load-balancers: \"\"");
	for (unsigned i = 0; i < 10; i++) {
		run_for(w, 10 * NS_PER_MS);
		put_node(w, 'b', i % 2 == 0 ? "turn: even" : "turn: odd");
	}
	assert_int_equal(w->withdrawn, 1);
}

static void test_a_link_that_was_down_is_announced_on_again(void **state)
{
	struct world *w = *state;

	start_all(w);
	run_for(w, 10 * NS_PER_S);
	sim_port_carrier(sim_iface_port(w->nodes[0].iface), false);
	run_for(w, NS_PER_S);
	assert_false(answers(w, 0, VIP));
	sim_port_carrier(sim_iface_port(w->nodes[0].iface), true);
	run_for(w, NS_PER_MS);
	assert_true(answers(w, 0, VIP6));
	assert_string_equal(w->why, "announces " VIP6
				    " (web/front), round 1 of the burst after the link came up");
}

/* The kernel has told both, down and up, when the process comes to it. */
static void test_a_link_that_was_down_in_a_pause_is_announced_on_again(void **state)
{
	struct world *w = *state;

	start_all(w);
	run_for(w, 10 * NS_PER_S);
	sim_speaker_pause(speaker_of(w, 0), true);
	sim_port_carrier(sim_iface_port(w->nodes[0].iface), false);
	run_for(w, NS_PER_S);
	sim_port_carrier(sim_iface_port(w->nodes[0].iface), true);
	run_for(w, NS_PER_S);
	unsigned frames = w->frames;
	sim_speaker_pause(speaker_of(w, 0), false);
	run_for(w, NS_PER_MS);
	assert_int_equal(w->frames, frames + 3);
	assert_string_equal(w->why, "announces " VIP6
				    " (web/front), round 1 of the burst after the link came up");
}

/* --- replay --------------------------------------------------------------------------------- */

static void test_a_recorded_frame_is_taken_as_the_card_would_take_it(void **state)
{
	struct world *w = *state;
	struct frame mine = arp_request("192.168.1.1", VIP),
		     other = arp_request("192.168.1.1", VIP),
		     ns = neighbour_solicitation(
			     (struct ns_shape){ .src = "fe80::1", .target = VIP6 });

	start_all(w);
	run_for(w, 10 * NS_PER_S);
	unsigned frames = w->frames;
	sim_speaker_feed(speaker_of(w, 0), w->nodes[0].iface, mine.bytes, mine.len);
	assert_int_equal(w->frames, frames + 1);
	sim_speaker_feed(speaker_of(w, 0), w->nodes[0].iface, ns.bytes, ns.len);
	assert_int_equal(w->frames, frames + 2);
	sim_speaker_feed(speaker_of(w, 0), w->nodes[0].iface, mine.bytes, 5);
	memcpy(other.bytes, node_mac, sizeof(node_mac)); /* to somebody else */
	sim_speaker_feed(speaker_of(w, 0), w->nodes[0].iface, other.bytes, other.len);
	sim_speaker_feed(speaker_of(w, 1), w->nodes[1].iface, mine.bytes, mine.len);
	assert_int_equal(w->frames, frames + 2);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_the_elected_one_announces_and_answers),
		T(test_a_question_changes_nothing),
		T(test_it_takes_no_part_before_it_knows_all),
		T(test_an_excluded_node_hands_over),
		T(test_told_all_over_again_nothing_follows),
		T(test_the_same_seed_is_the_same_bytes_at_the_same_time),
		T(test_at_rest_it_hardly_wakes),
		T(test_its_timers_are_never_early),
		T(test_a_killed_one_is_silent_until_it_is_started),
		T(test_one_that_is_stopped_withdraws_first),
		T(test_a_paused_one_answers_late_what_its_sockets_kept),
		T(test_a_paused_one_knows_nothing_of_its_time),
		T(test_a_slow_one_is_late_by_its_turn),
		T(test_a_link_that_was_down_is_announced_on_again),
		T(test_a_link_that_was_down_in_a_pause_is_announced_on_again),
		T(test_a_recorded_frame_is_taken_as_the_card_would_take_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
