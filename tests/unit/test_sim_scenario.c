// SPDX-License-Identifier: Apache-2.0
/*
 * Scenario files: what is read of them, what is made up, and every rule that refuses one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/duration.h"
#include "lib/base/utf8.h"
#include "sim/packet.h"
#include "sim/scenario.h"

static struct sim_scenario *load(const char *text)
{
	struct faults faults = { 0 };
	struct sim_scenario *s = NULL;

	int rc = sim_scenario_load_text("dir/some.conf", text, strlen(text), &faults, &s);
	faults_print(&faults, stderr);
	assert_int_equal(rc, 0);
	assert_int_equal(faults.count, 0);
	faults_free(&faults);
	return s;
}

static cJSON *object(const char *json)
{
	cJSON *o = cJSON_Parse(json);

	assert_non_null(o);
	return o;
}

static void add_object(struct sim_scenario *s, const char *json)
{
	cJSON **slot = array_push(&s->objects);

	assert_non_null(slot);
	*slot = object(json);
}

/* --- what is read ----------------------------------------------------------------------------- */

static void test_what_is_said_is_read(void **state)
{
	(void)state;
	struct sim_scenario *s =
		load("config = \"b.conf\"; manifests = ( \"a.yaml\", \"b.yaml\" );\n"
		     "serviceCIDR = \"10.97.0.0/16\"; loadBalancerClass = \"x\";\n"
		     "allocators = 2; leaseDuration = \"9s\"; renewDeadline = \"6s\";\n"
		     "retryPeriod = \"1s\"; apiLatency = \"3ms\"; watchDelay = \"4ms\";\n"
		     "seed = 7; until = \"2m\"; bound = \"5s\";\n");

	assert_string_equal(s->name, "some");
	assert_string_equal(s->file, "dir/some.conf");
	assert_string_equal(s->config_file, "b.conf");
	assert_int_equal(s->manifests.count, 2);
	assert_string_equal(s->manifests.items[1], "b.yaml");
	assert_string_equal(s->service_cidrs, "10.97.0.0/16");
	assert_string_equal(s->lb_class, "x");
	assert_int_equal(s->allocators, 2);
	assert_int_equal(s->lease_duration_ns, 9 * NS_PER_S);
	assert_int_equal(s->renew_deadline_ns, 6 * NS_PER_S);
	assert_int_equal(s->retry_period_ns, NS_PER_S);
	assert_int_equal(s->api_latency_ns, 3 * NS_PER_MS);
	assert_int_equal(s->api_watch_delay_ns, 4 * NS_PER_MS);
	assert_int_equal(s->seed, 7);
	assert_int_equal(s->until_ns, 120 * NS_PER_S);
	assert_int_equal(s->bound_ns, 5 * NS_PER_S);
	sim_scenario_free(s);
}

static void test_a_link_has_prefixes_delays_and_troubles(void **state)
{
	(void)state;
	struct sim_scenario *s =
		load("links = (\n"
		     "  { name = \"lan\"; prefixes = ( \"10.1.0.0/16\", \"fd00::/64\" );\n"
		     "    delay = \"2ms\"; fdbAgeing = \"60s\"; loss = 0.5; duplicate = 1;\n"
		     "    reorder = 100.0; jitter = \"1ms\"; },\n"
		     "  { name = \"dmz\"; }\n"
		     ");\n");
	char text[IP_PREFIX_MAX];

	assert_int_equal(s->links.count, 2);
	const struct sim_scenario_link *l = &s->links.items[0];
	assert_string_equal(ip_prefix_format(&l->prefix4, text), "10.1.0.0/16");
	assert_string_equal(ip_prefix_format(&l->prefix6, text), "fd00::/64");
	assert_int_equal(l->delay_ns, 2 * NS_PER_MS);
	assert_int_equal(l->fdb_age_ns, 60 * NS_PER_S);
	assert_int_equal(l->impair.loss_ppm, 5000);
	assert_int_equal(l->impair.duplicate_ppm, 10000);
	assert_int_equal(l->impair.reorder_ppm, 1000000);
	assert_int_equal(l->impair.jitter_ns, NS_PER_MS);
	assert_int_equal(l->impair.delay_ns, 0);
	assert_int_equal(l->line, 2);
	assert_int_equal(s->links.items[1].delay_ns, SIM_SCENARIO_LINK_DELAY_NS);
	assert_int_equal(s->links.items[1].line, 5);
	sim_scenario_free(s);
}

static void test_stations_are_plugged_in_as_said(void **state)
{
	(void)state;
	struct sim_scenario *s = load(
		"links = ( { name = \"lan\"; }, { name = \"dmz\"; } );\n"
		"nodes = (\n"
		"  { name = \"node\"; count = 2; links = ( \"lan\", \"dmz\" ); },\n"
		"  { name = \"edge\"; apiDelay = \"20ms\"; interfaces = (\n"
		"      { name = \"ens3\"; link = \"dmz\"; mac = \"02:00:00:0A:bc:01\"; } ); }\n"
		");\n"
		"hosts = ( { name = \"client\"; link = \"lan\"; arpAccept = true; } );\n"
		"clients = ( { host = \"client\"; service = \"front\"; protocol = \"udp\";\n"
		"              family = \"ipv6\"; every = \"10ms\"; timeout = \"2s\"; },\n"
		"            { service = \"web/front\"; } );\n");

	assert_int_equal(s->nodes.count, 3);
	assert_string_equal(s->nodes.items[0].name, "node1");
	assert_string_equal(s->nodes.items[1].name, "node2");
	assert_int_equal(s->nodes.items[1].ifaces.count, 2);
	assert_string_equal(s->nodes.items[1].ifaces.items[1].name, "eth1");
	assert_string_equal(s->nodes.items[1].ifaces.items[1].link, "dmz");
	const struct sim_scenario_station *edge = &s->nodes.items[2];
	static const uint8_t mac[] = { 2, 0, 0, 0x0a, 0xbc, 1 };
	assert_string_equal(edge->name, "edge");
	assert_string_equal(edge->ifaces.items[0].name, "ens3");
	assert_memory_equal(edge->ifaces.items[0].mac, mac, sizeof(mac));
	assert_int_equal(edge->api_delay_ns, 20 * NS_PER_MS);
	assert_true(s->hosts.items[0].arp_accept);

	const struct sim_scenario_client *c = s->clients.items;
	assert_string_equal(c[0].host, "client");
	assert_string_equal(c[0].service, "default/front");
	assert_int_equal(c[0].protocol, SIM_UDP);
	assert_int_equal(c[0].family, IP_V6);
	assert_int_equal(c[0].every_ns, 10 * NS_PER_MS);
	assert_int_equal(c[0].timeout_ns, 2 * NS_PER_S);
	assert_null(c[1].host);
	assert_int_equal(c[1].protocol, SIM_TCP);
	assert_int_equal(c[1].family, 0);
	assert_int_equal(c[1].every_ns, 100 * NS_PER_MS);
	assert_int_equal(c[1].timeout_ns, NS_PER_S);
	sim_scenario_free(s);
}

/* Each verb with what is made of it, in words. Another test looks at the fields. */
static void test_every_verb_in_words(void **state)
{
	static const struct {
		const char *step, *words;
	} rows[] = {
		{ "exclude = \"node2\";", "exclude node2" },
		{ "include = \"node2\";", "include node2 again" },
		{ "networkUnavailable = \"node2\";", "node2 reports its network unavailable" },
		{ "networkAvailable = \"node2\";", "node2 reports its network available again" },
		{ "apply = \"a.yaml\";", "apply a.yaml" },
		{ "create = \"a.yaml\";", "apply a.yaml" },
		{ "delete = \"service front\";", "delete Service default/front" },
		{ "delete = \"endpointslice web/front-x\";", "delete EndpointSlice web/front-x" },
		{ "delete = \"node node2\";", "delete Node node2" },
		{ "delete = \"namespace web\";", "delete Namespace web" },
		{ "delete = \"lease\";", "delete Lease" },
		{ "ready = { service = \"web/front\"; node = \"node1\"; };",
		  "the endpoint of web/front on node1 is ready" },
		{ "unready = { service = \"web/front\"; node = \"node1\"; };",
		  "the endpoint of web/front on node1 is no longer ready" },
		{ "config = \"b.conf\";", "the configuration is now b.conf" },
		{ "kill = \"speaker node2\";", "kill the speaker on node2" },
		{ "kill = \"allocator a1\";", "kill allocator a1" },
		{ "kill = \"allocator leader\";", "kill the allocator that leads" },
		{ "kill = \"node node2\";", "power off node2" },
		{ "stop = \"speaker node2\";", "stop the speaker on node2" },
		{ "stop = \"node node2\";", "shut down node2" },
		{ "restart = \"node node2\";", "restart node2" },
		{ "pause = \"allocator a1\";", "pause allocator a1" },
		{ "resume = \"speaker node2\";", "let the speaker on node2 go on" },
		{ "slow = { process = \"speaker node2\"; by = \"5ms\"; };",
		  "the speaker on node2 is slow: each of its turns begins 5 ms late" },
		{ "slow = { process = \"speaker node2\"; by = \"0\"; };",
		  "the speaker on node2 runs at full speed again" },
		{ "clockStep = { process = \"allocator a1\"; by = \"-1m30s\"; };",
		  "set the clock of allocator a1 1 min 30 s back" },
		{ "clockStep = { process = \"allocator a1\"; by = \"2s\"; };",
		  "set the clock of allocator a1 2 s forward" },
		{ "linkDown = \"node2\";", "pull the cables of node2" },
		{ "linkDown = \"node2 eth0\";", "pull the cable of node2 eth0" },
		{ "linkUp = \"node2 eth0\";", "plug in the cable of node2 eth0" },
		{ "cut = { link = \"lan\"; from = \"node1\"; to = \"node2\"; };",
		  "cut lan from node1 to node2" },
		{ "cut = { link = \"lan\"; from = \"node1\"; to = \"node2\"; both = true; };",
		  "cut lan between node1 and node2" },
		{ "cut = { link = \"lan\"; };", "cut lan between all" },
		{ "cut = { link = \"lan\"; to = \"node1\"; };", "cut lan to node1" },
		{ "cut = { link = \"lan\"; from = \"node1\"; };", "cut lan from node1" },
		{ "cut = { link = \"lan\"; from = \"node1\"; both = true; };",
		  "cut lan to and from node1" },
		{ "heal = { link = \"lan\"; from = \"node1\"; };", "heal lan from node1" },
		{ "heal = { link = \"lan\"; };", "heal lan" },
		{ "heal = \"all\";", "heal everything" },
		{ "impair = { link = \"lan\"; loss = 10; delay = \"5ms\"; jitter = \"1ms\"; };",
		  "lan: 10% of the frames lost, 5 ms later, 1 ms of jitter" },
		{ "impair = { link = \"lan\"; station = \"node1\"; duplicate = 0.5; reorder = 2; "
		  "};",
		  "lan at node1: 0.5% doubled, 2% out of order" },
		{ "impair = { link = \"lan\"; };", "lan is as it was" },
		{ "storm = { link = \"lan\"; rate = 1000; };",
		  "a loop on lan: 1000 broadcasts a second" },
		{ "storm = { link = \"lan\"; rate = 0; };", "the loop on lan is gone" },
		{ "flush = \"lan\";", "the switch of lan forgets who is where" },
		{ "steal = { host = \"thief\"; address = \"10.0.0.200\"; };",
		  "thief steals 10.0.0.200" },
		{ "giveBack = { host = \"thief\"; service = \"web/front\"; };",
		  "thief gives back the address of web/front" },
		{ "api = \"down\";", "the API server goes down" },
		{ "api = \"up\";", "the API server is up again" },
		{ "api = \"break\";", "every connection to the API server breaks" },
		{ "api = \"compact\";", "the API server forgets its history" },
		{ "apiCut = { process = \"speaker node2\"; };",
		  "cut the speaker on node2 off from the API server" },
		{ "apiCut = { process = \"allocator a1\"; in = true; };",
		  "requests of allocator a1 do not arrive at the API server" },
		{ "apiCut = { process = \"allocator a1\"; out = true; };",
		  "what the API server says does not reach allocator a1" },
		{ "apiHeal = \"speaker node2\";",
		  "the speaker on node2 reaches the API server again" },
		{ "apiSlow = { process = \"speaker node2\"; by = \"200ms\"; };",
		  "the speaker on node2 is 200 ms farther from the API server" },
		{ "apiSlow = { process = \"speaker node2\"; by = \"0s\"; };",
		  "the speaker on node2 is as near to the API server as it was" },
		{ "apiConflicts = 3;", "the next 3 writes conflict" },
		{ "expect = { service = \"web/front\"; owner = \"node3\"; within = \"1s\"; };",
		  "expect web/front to be announced by node3 within 1 s" },
		{ "expect = { service = \"web/front\"; owner = \"\"; };",
		  "expect web/front to be announced by nobody" },
		{ "expect = { service = \"web/front\"; address = \"\"; };",
		  "expect web/front to have no address" },
		{ "expect = { service = \"web/front\"; owner = \"node1\"; address = \"10.0.0.200\";"
		  " darkBelow = \"2s\"; failedBelow = 1; };",
		  "expect web/front to be announced by node1, to have 10.0.0.200, not to be dark "
		  "for longer than 2 s, no attempt to fail" },
		{ "expect = { darkBelow = \"1s\"; failedBelow = 4; within = \"3s\"; };",
		  "expect nothing to be dark for longer than 1 s, at most 3 attempts to fail "
		  "within "
		  "3 s" },
		{ "restart = \"allocator leader\";", "restart the allocator that led" },
		{ "expect = { leader = \"a1\"; within = \"20s\"; };",
		  "expect allocator a1 to lead within 20 s" },
		{ "expect = { leader = \"\"; };", "expect no allocator to lead" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char text[1024];
		snprintf(text, sizeof(text),
			 "hosts = ( { name = \"thief\"; } ); timeline = ( { at = \"10s\"; %s } );",
			 rows[i].step);
		struct sim_scenario *s = load(text);
		assert_int_equal(s->steps.count, 1);
		assert_string_equal(s->steps.items[0].text, rows[i].words);
		sim_scenario_free(s);
	}
}

static void test_what_a_step_holds(void **state)
{
	(void)state;
	struct sim_scenario *s = load(
		"hosts = ( { name = \"thief\"; } );\n"
		"timeline = (\n"
		"  { at = \"1s\"; delete = \"service web/front\"; },\n"
		"  { at = \"2s\"; clockStep = { process = \"allocator a1\"; by = \"-2s\"; }; },\n"
		"  { at = \"3s\"; steal = { host = \"thief\"; address = \"fd00::1\"; }; },\n"
		"  { at = \"4s\"; apiCut = { process = \"speaker n\"; out = true; }; },\n"
		"  { at = \"5s\"; linkDown = \"n eth1\"; },\n"
		"  { at = \"6s\"; expect = { service = \"f\"; darkBelow = \"1s\"; failedBelow = "
		"3;\n"
		"      within = \"4s\"; }; },\n"
		"  { at = \"7s\"; networkAvailable = \"n\"; },\n"
		"  { at = \"8s\"; ready = { service = \"f\"; node = \"n\"; }; }\n"
		");\n");
	const struct sim_step *step = s->steps.items;

	assert_int_equal(step[0].op, SIM_OP_DELETE);
	assert_string_equal(step[0].kind, "Service");
	assert_string_equal(step[0].ns, "web");
	assert_string_equal(step[0].what, "front");
	assert_int_equal(step[0].line, 3);
	assert_int_equal(step[1].process, SIM_PROCESS_ALLOCATOR);
	assert_int_equal(step[1].time_ns, 2 * NS_PER_S);
	assert_true(step[1].back);
	assert_int_equal(step[2].address.family, IP_V6);
	assert_true(step[3].out);
	assert_false(step[3].in);
	assert_string_equal(step[4].what, "n");
	assert_string_equal(step[4].to, "eth1");
	assert_string_equal(step[5].expect.service, "default/f");
	assert_true(step[5].expect.has_dark);
	assert_int_equal(step[5].expect.dark_max_ns, NS_PER_S);
	assert_int_equal(step[5].expect.failed_max, 2);
	assert_int_equal(step[5].time_ns, 4 * NS_PER_S);
	assert_null(step[5].expect.owner);
	assert_int_equal(step[6].op, SIM_OP_NETWORK_UNAVAILABLE);
	assert_false(step[6].on);
	assert_string_equal(step[7].service, "default/f");
	assert_true(step[7].on);
	/* To the end of what is expected, and half a minute. */
	assert_int_equal(s->until_ns, 40 * NS_PER_S);
	sim_scenario_free(s);
}

static void test_steps_of_one_time_stay_as_written(void **state)
{
	(void)state;
	struct sim_scenario *s = load("timeline = ( { at = \"20s\"; exclude = \"a\"; },\n"
				      " { at = \"10s\"; exclude = \"b\"; },\n"
				      " { at = \"20s\"; include = \"c\"; },\n"
				      " { at = \"10s\"; include = \"d\"; } );");
	char order[5] = "";

	for (size_t i = 0; i < s->steps.count; i++)
		order[i] = *s->steps.items[i].what;
	assert_string_equal(order, "bdac");
	sim_scenario_free(s);
}

/* --- what is made up -------------------------------------------------------------------------- */

/* The host of clients of which none is said can be named like any other. */
static void test_the_host_of_clients_can_be_named(void **state)
{
	(void)state;
	struct sim_scenario *s = load(
		"clients = ( { service = \"f\"; }, { service = \"g\"; host = \"client\"; } );\n"
		"timeline = ( { at = \"1s\"; steal = { host = \"client\"; service = \"f\"; }; } "
		");");

	sim_scenario_fill(s);
	assert_int_equal(s->hosts.count, 1);
	assert_string_equal(s->clients.items[0].host, s->hosts.items[0].name);
	assert_string_equal(s->steps.items[0].what, s->hosts.items[0].name);
	sim_scenario_free(s);
}

/* Names of 2 × 253 bytes and more do not fit: JSON takes what there is room for. */
static void test_a_step_that_is_too_long_is_cut_between_letters(void **state)
{
	char name[254] = "";
	struct sim_step step = { .op = SIM_OP_CUT, .link = name, .what = name, .to = name };
	char text[600];

	(void)state;
	for (size_t i = 0; i < 126; i++)
		strcat(name, "\xc3\xbc");
	for (size_t size = 500; size < 520; size++) {
		sim_step_format(&step, text, size);
		assert_in_range(strlen(text), size - 2, size - 1);
		for (const char *at = text; *at != '\0'; at += utf8_len(at))
			assert_int_not_equal(utf8_len(at), 0);
	}
}

static void test_a_name_may_have_letters_of_any_kind(void **state)
{
	(void)state;
	struct sim_scenario *s = load("links = ( { name = \"b\xc3\xbcro\"; } );");

	assert_string_equal(s->links.items[0].name, "b\xc3\xbcro");
	sim_scenario_free(s);
}

static void test_an_empty_file_is_three_nodes_on_a_lan(void **state)
{
	(void)state;
	struct sim_scenario *s = load("clients = ( { service = \"f\"; } );");
	char text[IP_PREFIX_MAX];

	sim_scenario_fill(s);
	assert_int_equal(s->links.count, 1);
	assert_string_equal(s->links.items[0].name, "lan");
	assert_string_equal(ip_prefix_format(&s->links.items[0].prefix4, text), "10.0.0.0/24");
	assert_string_equal(ip_prefix_format(&s->links.items[0].prefix6, text), "fd00:10::/64");
	assert_int_equal(s->nodes.count, 3);
	assert_string_equal(s->nodes.items[2].name, "node3");
	assert_string_equal(s->nodes.items[2].ifaces.items[0].name, "eth0");
	assert_string_equal(s->nodes.items[2].ifaces.items[0].link, "lan");
	assert_int_equal(s->hosts.count, 1);
	assert_string_equal(s->hosts.items[0].name, "client");
	assert_string_equal(s->clients.items[0].host, "client");
	assert_int_equal(s->allocators, 1);
	assert_int_equal(s->seed, 1);
	assert_int_equal(s->until_ns, 30 * NS_PER_S);
	sim_scenario_free(s);
}

#define NODE(NAME, IP)                                                                             \
	"{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"metadata\":{\"name\":\"" NAME "\"},"           \
	"\"status\":{\"addresses\":[{\"type\":\"InternalIP\",\"address\":\"" IP "\"}]}}"

/* kubectl get nodes -o yaml says where the nodes are: the link is theirs. */
static void test_nodes_of_manifests_have_a_link_that_holds_them(void **state)
{
	(void)state;
	struct sim_scenario *s = load("nodes = ( { name = \"n1\"; apiDelay = \"1s\"; } );");
	char text[IP_PREFIX_MAX];

	add_object(s, NODE("n1", "192.168.1.10"));
	add_object(s, NODE("n2", "192.168.2.10"));
	sim_scenario_fill(s);
	assert_int_equal(s->nodes.count, 2);
	assert_int_equal(s->nodes.items[0].api_delay_ns, NS_PER_S);
	assert_string_equal(s->nodes.items[1].name, "n2");
	assert_string_equal(ip_prefix_format(&s->links.items[0].prefix4, text), "192.168.0.0/22");
	assert_int_equal(s->links.items[0].prefix6.addr.family, 0);
	sim_scenario_free(s);
}

static void test_a_node_is_plugged_in_where_its_address_lies(void **state)
{
	(void)state;
	struct sim_scenario *s =
		load("links = ( { name = \"a\"; prefixes = ( \"10.1.0.0/24\" ); },\n"
		     "          { name = \"b\"; prefixes = ( \"10.2.0.0/24\" ); } );");

	add_object(s, NODE("n1", "10.2.0.9"));
	add_object(s, NODE("n2", "10.3.0.9"));
	sim_scenario_fill(s);
	assert_string_equal(s->nodes.items[0].ifaces.items[0].link, "b");
	assert_string_equal(s->nodes.items[1].ifaces.items[0].link, "a");
	sim_scenario_free(s);
}

/* --- what is refused -------------------------------------------------------------------------- */

static void expect_faults(const struct faults *faults, const char *expected)
{
	char text[4096] = "", line[1024];

	for (size_t i = 0; i < faults->count; i++) {
		strcat(text, fault_format(&faults->items[i], line, sizeof(line)));
		strcat(text, "\n");
	}
	assert_string_equal(text, expected);
}

static void refused(const char *text, const char *why)
{
	struct faults faults = { 0 };
	struct sim_scenario *s = NULL;

	assert_int_equal(sim_scenario_load_text("f", text, strlen(text), &faults, &s), -EBADMSG);
	assert_null(s);
	expect_faults(&faults, why);
	faults_free(&faults);
}

static void test_each_rule_refuses(void **state)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{ "seed = ;", "f:1: syntax error\n" },
		{ "seeds = 1;", "f:1: seeds: unknown field, did you mean seed?\n" },
		{ "seed = -1;", "f:1: seed: -1 is not in 0..9223372036854775807\n" },
		{ "seed = \"x\";", "f:1: seed: must be a whole number, not a string\n" },
		{ "until = \"10\";",
		  "f:1: until: \"10\" is no duration such as \"90s\" or \"1m30s\"\n" },
		{ "manifests = \"a.yaml\";", "f:1: manifests: must be a list, not a string\n" },
		{ "allocators = 101;", "f:1: allocators: 101 is not in 0..100\n" },
		{ "leaseDuration = \"5s\";", "f:1: leaseDuration: must be greater than the renew "
					     "deadline, in whole seconds\n" },
		{ "seed = 1;\nretryPeriod = \"20s\";",
		  "f:2: leaseDuration: needs a renew deadline greater than 1.2 times the retry "
		  "period\n" },
		{ "until = \"0s\"; bound = \"x\";",
		  "f:1: until: must be longer than 0s\n"
		  "f:1: bound: \"x\" is no duration such as \"90s\" or \"1m30s\"\n" },
		{ "config = \"\";", "f:1: config: must not be empty\n" },
		/* links */
		{ "links = ( { prefixes = (); } );", "f:1: links[0].name: is required\n" },
		{ "links = ( { name = \"a\"; loss = 101; } );",
		  "f:1: links[0].loss: must be a number of percent in 0..100\n" },
		{ "links = ( { name = \"a\"; loss = -0.1; } );",
		  "f:1: links[0].loss: must be a number of percent in 0..100\n" },
		{ "links = ( { name = \"a\"; loss = \"1%\"; } );",
		  "f:1: links[0].loss: must be a number of percent in 0..100\n" },
		{ "links = ( { name = \"a\"; prefixes = ( \"10.0.0.0\" ); } );",
		  "f:1: links[0].prefixes[0]: \"10.0.0.0\" is no prefix such as "
		  "\"10.0.0.0/24\"\n" },
		{ "links = ( { name = \"a\"; prefixes = ( \"10.0.0.0/8\", \"10.1.0.0/16\" ); } );",
		  "f:1: links[0].prefixes[1]: a link has one prefix of a family\n" },
		{ "links = ( { name = \"a\"; prefixes = ( \"224.0.0.0/24\", \"fe80::/64\" ); } "
		  ");",
		  "f:1: links[0].prefixes[0]: \"224.0.0.0/24\" has no addresses for stations\n"
		  "f:1: links[0].prefixes[1]: \"fe80::/64\" has no addresses for stations\n" },
		{ "links = ( { name = \"a b\"; } );",
		  "f:1: links[0].name: must have no blank, no slash and nothing that cannot be "
		  "printed\n" },
		{ "links = ( { name = \"a\"; },\n { name = \"a\"; } );",
		  "f:2: links: there are two of the name a\n" },
		{ "links = ( { name = \"a\"; prefixes = ( \"10.0.0.0/30\" ); } );\n"
		  "nodes = ( { name = \"n\"; count = 2; link = \"a\"; } );",
		  "f:1: links: a prefix of a has no room for 2 stations\n" },
		/* stations */
		{ "nodes = ( { name = \"n\"; cuont = 3; } );",
		  "f:1: nodes[0].cuont: unknown field, did you mean count?\n" },
		{ "nodes = ( { name = \"n\"; count = 0; } );",
		  "f:1: nodes[0].count: 0 is not in 1..10000\n" },
		{ "nodes = ( { name = \"n\"; count = 9999; }, { name = \"m\"; count = 2; } );",
		  "f: nodes: there are more than 10000\n" },
		{ "nodes = ( { name = \"n\"; link = \"lam\"; } );",
		  "f:1: nodes: there is no link \"lam\", did you mean lan?\n" },
		{ "links = ( { name = \"dmz\"; } ); nodes = ( { name = \"n\"; link = \"lan\"; } );",
		  "f:1: nodes: there is no link \"lan\"\n" },
		{ "nodes = ( { name = \"n\"; link = \"lan\"; links = ( \"lan\" ); } );",
		  "f:1: nodes[0].links: there is link already\n" },
		{ "nodes = ( { name = \"n\"; interfaces = ( { name = \"e\"; link = \"lan\"; },\n"
		  " { name = \"e\"; link = \"lan\"; } ); } );",
		  "f:1: nodes: there are two interfaces of the name e\n" },
		{ "nodes = ( { name = \"n\"; interfaces = ( { name = \"e\"; link = \"lan\";\n"
		  "mac = \"03:00:00:00:00:01\"; } ); } );",
		  "f:2: nodes[0].interfaces[0].mac: \"03:00:00:00:00:01\" is no address of one "
		  "station such as \"02:00:00:00:00:01\"\n" },
		{ "nodes = ( { name = \"n\"; interfaces = ( { name = \"enp0s31f6np0.1234\"; link = "
		  "\"lan\"; } ); } );",
		  "f:1: nodes[0].interfaces[0].name: must not be longer than 15 letters\n" },
		{ "links = ( { name = \"lan\"; }, { name = \"dmz\"; } );\n"
		  "nodes = ( { name = \"n\"; interfaces = (\n"
		  "  { name = \"e0\"; link = \"lan\"; mac = \"02:00:00:00:00:01\"; },\n"
		  "  { name = \"e1\"; link = \"dmz\"; mac = \"02:00:00:00:00:01\"; } ); } );\n"
		  "hosts = ( { name = \"h\"; interfaces = (\n"
		  "  { name = \"e0\"; link = \"dmz\"; mac = \"02:00:00:00:00:01\"; } ); } );",
		  "f:5: hosts: h has the mac of n, which is on dmz, too\n" },
		{ "nodes = ( { name = \"n\"; count = 3; interfaces = ( { name = \"e\";\n"
		  "link = \"lan\"; mac = \"02:00:00:00:00:01\"; } ); } );",
		  "f:1: nodes: n2 has the mac of n1, which is on lan, too\n" },
		{ "nodes = ( { name = \"n\n\"; } );\nhosts = ( { name = \"a/b\"; }, { name = "
		  "\"\xff\"; } );",
		  "f:1: nodes[0].name: must have no blank, no slash and nothing that cannot be "
		  "printed\n"
		  "f:3: hosts[0].name: must have no blank, no slash and nothing that cannot be "
		  "printed\n"
		  "f:3: hosts[1].name: must have no blank, no slash and nothing that cannot be "
		  "printed\n" },
		{ "nodes = ( { name = \"n2\"; },\n { name = \"n\"; count = 3; } );",
		  "f:2: nodes: there are two of the name n2\n" },
		{ "nodes = ( { name = \"n\"; } );\nhosts = ( { name = \"n\"; } );",
		  "f:2: hosts: there are two of the name n\n" },
		{ "hosts = ( { name = \"h\"; count = 2; } );",
		  "f:1: hosts[0].count: unknown field\n" },
		/* clients */
		{ "clients = ( { host = \"h\"; } );", "f:1: clients[0].service: is required\n"
						      "f:1: clients: there is no host \"h\"\n" },
		{ "hosts = ( { name = \"client\"; } );\n"
		  "clients = ( { host = \"clinet\"; service = \"f\"; } );",
		  "f:2: clients: there is no host \"clinet\", did you mean client?\n" },
		{ "clients = ( { service = \"a/b/c\"; } );",
		  "f:1: clients[0].service: \"a/b/c\" is no Service such as \"web/front\", "
		  "NAMESPACE/NAME\n" },
		{ "clients = ( { service = \"f\"; protocol = \"sctp\"; } );",
		  "f:1: clients[0].protocol: \"sctp\" is none of tcp, udp\n" },
		{ "clients = ( { service = \"f\"; every = \"1us\"; } );",
		  "f:1: clients[0].every: must be 1ms or more\n" },
		/* steps */
		{ "timeline = ( { exclude = \"n\"; } );", "f:1: timeline[0].at: is required\n" },
		{ "timeline = ( { at = \"1s\"; } );",
		  "f:1: timeline[0]: does nothing: it needs a verb such as exclude, kill or "
		  "expect\n" },
		{ "timeline = ( { at = \"1s\"; exclud = \"n\"; } );",
		  "f:1: timeline[0].exclud: unknown field, did you mean exclude?\n" },
		{ "timeline = ( { at = \"1s\"; exclude = \"n\";\n include = \"n\"; } );",
		  "f:2: timeline[0].include: a step has one verb, and this one has exclude\n" },
		{ "timeline = ( { at = \"-1s\"; exclude = \"n\"; } );",
		  "f:1: timeline[0].at: \"-1s\" is no duration such as \"90s\" or \"1m30s\"\n" },
		{ "until = \"10s\"; timeline = ( { at = \"11s\"; exclude = \"n\"; } );",
		  "f:1: timeline: ends at 11 s, and the run at 10 s (until)\n" },
		{ "until = \"10s\"; timeline = ( { at = \"9s\"; expect = { leader = \"a1\"; within "
		  "= \"2s\"; }; } );",
		  "f:1: timeline: ends at 11 s, and the run at 10 s (until)\n" },
		{ "timeline = ( { at = \"1s\"; delete = \"pod web/x\"; } );",
		  "f:1: timeline[0].delete: \"pod web/x\" is none of \"service "
		  "[NAMESPACE/]NAME\", \"endpointslice [NAMESPACE/]NAME\", \"node NAME\", "
		  "\"namespace NAME\" and \"lease\"\n" },
		{ "timeline = ( { at = \"1s\"; ready = { service = \"f\"; }; } );",
		  "f:1: timeline[0].ready.node: is required\n" },
		{ "timeline = ( { at = \"1s\"; kill = \"speeker n\"; } );",
		  "f:1: timeline[0].kill: \"speeker n\" is none of \"speaker NODE\", \"allocator "
		  "NAME\", \"allocator leader\" and \"node NODE\"\n" },
		{ "timeline = ( { at = \"1s\"; kill = \"allocator a2\"; } );",
		  "f:1: timeline: there is no allocator \"a2\": they are called a1\n" },
		{ "allocators = 3; timeline = ( { at = \"1s\"; kill = \"allocator b\"; } );",
		  "f:1: timeline: there is no allocator \"b\": they are called a1 to a3\n" },
		{ "allocators = 0; timeline = ( { at = \"1s\"; expect = { leader = \"a1\"; }; } );",
		  "f:1: timeline: there is no allocator\n" },
		{ "timeline = ( { at = \"1s\"; slow = { process = \"node n\"; by = \"1ms\"; }; } "
		  ");",
		  "f:1: timeline[0].slow.process: \"node n\" is none of \"speaker NODE\", "
		  "\"allocator NAME\" and \"allocator leader\"\n" },
		{ "timeline = ( { at = \"1s\"; clockStep = { process = \"speaker n\"; by = "
		  "\"--1s\"; "
		  "}; } );",
		  "f:1: timeline[0].clockStep.by: \"--1s\" is no duration such as \"2s\" or "
		  "\"-1m30s\"\n" },
		{ "timeline = ( { at = \"1s\"; clockStep = { process = \"speaker n\"; by = "
		  "\"-876001h\"; }; } );",
		  "f:1: timeline[0].clockStep.by: must not be more than 100 years (876000h)\n" },
		{ "timeline = ( { at = \"1s\"; cut = { link = \"lann\"; }; } );",
		  "f:1: timeline: there is no link \"lann\", did you mean lan?\n" },
		{ "timeline = ( { at = \"1s\"; cut = { from = \"n\"; }; } );",
		  "f:1: timeline[0].cut.link: is required\n" },
		{ "timeline = ( { at = \"1s\"; heal = \"lan\"; } );",
		  "f:1: timeline[0].heal: \"lan\" is neither \"all\" nor a map\n" },
		{ "timeline = ( { at = \"1s\"; heal = 1; } );",
		  "f:1: timeline[0].heal: must be a map, not a number\n" },
		{ "timeline = ( { at = \"1s\"; storm = { link = \"lan\"; rate = 1000001; }; } );",
		  "f:1: timeline[0].storm.rate: 1000001 is not in 0..1000000\n" },
		{ "hosts = ( { name = \"h\"; } ); timeline = ( { at = \"1s\"; steal = { host = "
		  "\"h\"; }; } );",
		  "f:1: timeline[0].steal: needs either an address or a service\n" },
		{ "hosts = ( { name = \"h\"; } ); timeline = ( { at = \"1s\"; steal = { host = "
		  "\"h\"; address = \"10.0.0\"; }; } );",
		  "f:1: timeline[0].steal.address: \"10.0.0\" is no address\n" },
		{ "timeline = ( { at = \"1s\"; steal = { host = \"h\"; service = \"f\"; }; } );",
		  "f:1: timeline: there is no host \"h\"\n" },
		{ "clients = ( { service = \"f\"; } ); timeline = ( { at = \"1s\"; steal = { host "
		  "= "
		  "\"clent\"; service = \"f\"; }; } );",
		  "f:1: timeline: there is no host \"clent\", did you mean client?\n" },
		{ "timeline = ( { at = \"1s\"; create = \"\"; }, { at = \"1s\"; config = \"\"; } "
		  ");",
		  "f:1: timeline[0].create: must not be empty\n"
		  "f:1: timeline[1].config: must not be empty\n" },
		{ "timeline = ( { at = \"1s\"; api = \"off\"; } );",
		  "f:1: timeline[0].api: \"off\" is none of down, up, break, compact\n" },
		{ "timeline = ( { at = \"1s\"; apiCut = { process = \"speaker n\"; in = false; }; "
		  "} "
		  ");",
		  "f:1: timeline[0].apiCut: cuts nothing: neither in nor out\n" },
		{ "timeline = ( { at = \"1s\"; expect = { service = \"f\"; within = \"1s\"; }; } "
		  ");",
		  "f:1: timeline[0].expect: expects nothing: it needs owner, address, leader, "
		  "darkBelow or failedBelow\n" },
		{ "timeline = ( { at = \"1s\"; expect = { owner = \"n\"; }; } );",
		  "f:1: timeline[0].expect: whose owner or address? It needs a service\n" },
		{ "timeline = ( { at = \"1s\"; expect = { service = \"f\"; address = \"x\"; }; } "
		  ");",
		  "f:1: timeline[0].expect.address: \"x\" is no address\n" },
		{ "timeline = ( { at = \"1s\"; expect = { service = \"f\"; failedBelow = 0; }; } "
		  ");",
		  "f:1: timeline[0].expect.failedBelow: 0 is not in 1..9223372036854775807\n" },
		{ "timeline = ( 3 );", "f:1: timeline[0]: must be a map, not a number\n" },
		{ "timeline = 3;", "f:1: timeline: must be a list, not a number\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		refused(rows[i].text, rows[i].why);
}

static void test_all_faults_are_told(void **state)
{
	(void)state;
	refused("seed = \"x\";\n"
		"nodes = ( { name = \"n\"; link = \"nowhere\"; } );\n"
		"timeline = (\n"
		"  { at = \"1x\"; exclude = 3; },\n"
		"  { at = \"1s\"; kill = \"allocator a9\"; }\n"
		");\n",
		"f:1: seed: must be a whole number, not a string\n"
		"f:4: timeline[0].at: \"1x\" is no duration such as \"90s\" or \"1m30s\"\n"
		"f:4: timeline[0].exclude: must be a string, not a number\n"
		"f:2: nodes: there is no link \"nowhere\"\n"
		"f:5: timeline: there is no allocator \"a9\": they are called a1\n");
}

#define SERVICE                                                                                    \
	"{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"namespace\":\"web\","         \
	"\"name\":\"front\"},\"spec\":{\"ports\":[{\"port\":80}]}}"

/* What comes with manifests is asked for once they are there. */
static void test_nodes_and_services_are_looked_for_at_last(void **state)
{
	static const struct {
		const char *step, *why;
	} rows[] = {
		{ "exclude = \"node1\";", "" },
		{ "exclude = \"nod1\";", "f:1: timeline: there is no node \"nod1\", did you mean "
					 "node1?\n" },
		{ "kill = \"speaker x\";", "f:1: timeline: there is no node \"x\"\n" },
		{ "delete = \"node x\";", "f:1: timeline: there is no node \"x\"\n" },
		{ "delete = \"service web/front\";", "" },
		{ "delete = \"service web/frnt\";", "f:1: timeline: there is no Service "
						    "\"web/frnt\", did you mean web/front?\n" },
		{ "delete = \"endpointslice web/front\";",
		  "f:1: timeline: there is no EndpointSlice \"web/front\"\n" },
		{ "delete = \"lease\";", "" },
		{ "linkDown = \"node2 eth0\";", "" },
		{ "linkDown = \"node2 eth1\";",
		  "f:1: timeline: there is no interface \"eth1\", did you mean eth0?\n" },
		{ "linkDown = \"host9\";", "f:1: timeline: there is no node or host \"host9\", did "
					   "you mean host?\n" },
		{ "cut = { link = \"lan\"; from = \"host\"; to = \"node4\"; };",
		  "f:1: timeline: there is no node or host \"node4\", did you mean node1?\n" },
		{ "expect = { service = \"web/front\"; owner = \"node4\"; };",
		  "f:1: timeline: there is no node \"node4\", did you mean node1?\n" },
		{ "unready = { service = \"web/back\"; node = \"node3\"; };",
		  "f:1: timeline: there is no Service \"web/back\"\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct faults faults = { 0 };
		struct sim_scenario *s = NULL;
		char text[512];
		snprintf(text, sizeof(text),
			 "hosts = ( { name = \"host\"; } ); timeline = ( { at = \"1s\"; %s } );",
			 rows[i].step);
		assert_int_equal(sim_scenario_load_text("f", text, strlen(text), &faults, &s), 0);
		add_object(s, SERVICE);
		sim_scenario_fill(s);
		assert_int_equal(sim_scenario_check(s, &faults),
				 *rows[i].why == '\0' ? 0 : -EBADMSG);
		expect_faults(&faults, rows[i].why);
		faults_free(&faults);
		sim_scenario_free(s);
	}
}

/* A Service that comes with a later step is one, too. */
static void test_what_a_step_brings_is_there(void **state)
{
	(void)state;
	struct sim_scenario *s = load("timeline = ( { at = \"1s\"; create = \"a.yaml\"; },\n"
				      " { at = \"2s\"; delete = \"service web/front\"; } );");
	struct faults faults = { 0 };
	cJSON **slot = array_push(&s->steps.items[0].objects);

	assert_non_null(slot);
	*slot = object(SERVICE);
	sim_scenario_fill(s);
	assert_int_equal(sim_scenario_check(s, &faults), 0);
	assert_int_equal(faults.count, 0);
	sim_scenario_free(s);
}

static void test_a_client_needs_a_port_of_its_protocol(void **state)
{
	(void)state;
	struct sim_scenario *s = load("clients = ( { service = \"web/front\"; },\n"
				      " { service = \"web/front\"; protocol = \"udp\"; } );");
	struct faults faults = { 0 };

	add_object(s, SERVICE);
	sim_scenario_fill(s);
	assert_int_equal(sim_scenario_check(s, &faults), -EBADMSG);
	expect_faults(&faults, "dir/some.conf:2: clients: web/front has no port of protocol UDP\n");
	faults_free(&faults);
	sim_scenario_free(s);
}

/* Words are cut to what there is room for. */
static void test_words_fit_the_buffer(void **state)
{
	(void)state;
	struct sim_step step = { .op = SIM_OP_EXCLUDE, .what = (char[]){ "a-long-name" } };
	char buf[8], one[1];

	assert_string_equal(sim_step_format(&step, buf, sizeof(buf)), "exclude");
	assert_string_equal(sim_step_format(&step, one, sizeof(one)), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_said_is_read),
		cmocka_unit_test(test_a_link_has_prefixes_delays_and_troubles),
		cmocka_unit_test(test_stations_are_plugged_in_as_said),
		cmocka_unit_test(test_every_verb_in_words),
		cmocka_unit_test(test_what_a_step_holds),
		cmocka_unit_test(test_steps_of_one_time_stay_as_written),
		cmocka_unit_test(test_the_host_of_clients_can_be_named),
		cmocka_unit_test(test_a_step_that_is_too_long_is_cut_between_letters),
		cmocka_unit_test(test_a_name_may_have_letters_of_any_kind),
		cmocka_unit_test(test_an_empty_file_is_three_nodes_on_a_lan),
		cmocka_unit_test(test_nodes_of_manifests_have_a_link_that_holds_them),
		cmocka_unit_test(test_a_node_is_plugged_in_where_its_address_lies),
		cmocka_unit_test(test_each_rule_refuses),
		cmocka_unit_test(test_all_faults_are_told),
		cmocka_unit_test(test_nodes_and_services_are_looked_for_at_last),
		cmocka_unit_test(test_what_a_step_brings_is_there),
		cmocka_unit_test(test_a_client_needs_a_port_of_its_protocol),
		cmocka_unit_test(test_words_fit_the_buffer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
