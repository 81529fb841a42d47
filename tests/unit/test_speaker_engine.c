// SPDX-License-Identifier: Apache-2.0
/* The speaker engine by its rules: objects go in as the API has them, actions come out. */
#include "speaker/engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>

#include "lib/base/intern.h"
#include "tests/unit/frames.h"
#include "tests/unit/speaker_told.h"

#define T0 (1000 * NS_PER_S)

static const char pools[] = "pools = ( { name = \"public\"; addresses = ( \"192.168.1.0/24\", "
			    "\"2001:db8::/64\" ); } );\n";

struct world {
	struct speaker *speaker;
	struct metrics *metrics;
	struct speaker_actions out;
	uint64_t now_ns;
};

/* --- what goes in -------------------------------------------------------------------------- */

static void service(struct world *w, const char *name, const char *more, const char *spec,
		    const char *status)
{
	char text[1200];

	snprintf(text, sizeof(text),
		 "metadata: { namespace: web, name: %s, uid: u-%s %s }\n"
		 "spec: { type: LoadBalancer, ports: [ { port: 80 } ] %s }\n"
		 "status: { loadBalancer: { ingress: [ %s ] } }\n",
		 name, name, more, spec, status);
	tell_service(w->speaker, text);
}

/* One endpoint on @node with the given conditions. */
static void slice(struct world *w, const char *service_name, const char *node,
		  const char *conditions)
{
	char text[600];

	snprintf(text, sizeof(text),
		 "metadata: { namespace: web, name: %s-1, labels: { kubernetes.io/service-name: %s "
		 "} }\n"
		 "addressType: IPv4\n"
		 "endpoints: [ { addresses: [ 10.244.0.7 ], nodeName: %s, conditions: { %s } } ]\n"
		 "ports: [ { port: 8080 } ]\n",
		 service_name, service_name, node, conditions);
	tell_slice(w->speaker, text);
}

static void node(struct world *w, const char *name, const char *labels, const char *condition)
{
	char text[600];

	snprintf(text, sizeof(text),
		 "metadata: { name: %s, labels: { %s } }\nstatus: { conditions: [ %s ] }\n", name,
		 labels, condition);
	tell_node(w->speaker, text);
}

static void configure(struct world *w, const char *pools_text, const char *ads)
{
	char text[1500];

	snprintf(text, sizeof(text), "%s%s", pools_text, ads);
	struct config *c = config_of(text);
	speaker_config_set(w->speaker, c);
	config_unref(c);
}

static void link_add(struct world *w, unsigned ifindex, const char *name)
{
	struct l2_link k = { .ifindex = ifindex,
			     .hw_type = ARPHRD_ETHER,
			     .flags = IFF_UP | IFF_RUNNING | IFF_BROADCAST,
			     .link_local = ip_of("fe80::aa") };

	snprintf(k.name, sizeof(k.name), "%s", name);
	memcpy(k.mac, node_mac, sizeof(k.mac));
	speaker_link_set(w->speaker, &k);
}

/* --- what comes out ------------------------------------------------------------------------ */

static void pass(struct world *w)
{
	speaker_actions_clear(&w->out);
	speaker_pass(w->speaker, w->now_ns, &w->out);
}

static const struct speaker_action *find(const struct world *w, enum speaker_action_type type)
{
	for (size_t i = 0; i < w->out.count; i++)
		if (w->out.items[i].type == type)
			return &w->out.items[i];
	return NULL;
}

static bool answers(struct world *w, const char *ip)
{
	struct speaker_actions out = { 0 };
	struct frame f = arp_request("192.168.1.1", ip);

	speaker_frame(w->speaker, 2, f.bytes, f.len, &out);
	bool yes = out.count == 1;
	speaker_actions_done(&out);
	return yes;
}

/* Who announces, "" for nobody, and why, by the observer's query. */
static const char *winner(struct world *w, const char *name, char why[static 300])
{
	struct speaker_view v;
	const char *node_name = "";

	assert_int_equal(speaker_view(w->speaker, "web", name, &v), 0);
	if (v.announcements.count > 0)
		node_name = v.announcements.items[0].node;
	snprintf(why, 300, "%s", v.why);
	speaker_view_done(&v);
	return node_name;
}

/* --- a cluster of three, we are node-a, which the hash of .240 puts first -------------------- */

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	w->metrics = metrics_new();
	const struct speaker_cfg cfg = { .node_name = "node-a", .metrics = w->metrics, .seed = 1 };

	w->now_ns = T0;
	assert_int_equal(speaker_new(&cfg, &w->speaker), 0);
	link_add(w, 2, "eth0");
	node(w, "node-a", "zone: one", "");
	node(w, "node-b", "zone: two", "");
	node(w, "node-c", "zone: two", "");
	configure(w, pools, "l2Advertisements = ( { name = \"all\"; } );");
	service(w, "front", "", "", "{ ip: 192.168.1.240 }");
	slice(w, "front", "node-b", "ready: true");
	speaker_ready_set(w->speaker, true);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	speaker_free(w->speaker);
	metrics_free(w->metrics);
	speaker_actions_done(&w->out);
	free(w);
	assert_int_equal(intern_count(), 0);
	return 0;
}

static void test_first_of_the_election_announces_and_says_so(void **state)
{
	struct world *w = *state;

	pass(w);
	assert_true(answers(w, "192.168.1.240"));
	assert_int_equal(speaker_announced_count(w->speaker), 1);
	const struct speaker_action *e = find(w, SPEAKER_EVENT);
	assert_non_null(e);
	assert_string_equal(e->about.reason, "nodeAssigned");
	assert_string_equal(e->about.text,
			    "announcing from node \"node-a\" with protocol \"layer2\"");
	assert_string_equal(e->about.ns, "web");
	assert_string_equal(e->about.name, "front");
	assert_string_equal(e->about.uid, "u-front");
	assert_false(e->about.warning);
	assert_non_null(find(w, SPEAKER_ANNOUNCED));
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);
	metrics_write(w->metrics, to);
	fclose(to);
	assert_non_null(strstr(text, "metallb_speaker_announced{service=\"web/front\",protocol="
				     "\"layer2\",node=\"node-a\",ip=\"192.168.1.240\"} 1\n"));
	free(text);
}

static void test_nothing_happens_before_it_takes_part(void **state)
{
	struct world *w = *state;

	speaker_ready_set(w->speaker, false);
	pass(w);
	assert_false(answers(w, "192.168.1.240"));
	assert_null(find(w, SPEAKER_SEND));
	assert_null(find(w, SPEAKER_EVENT));
}

static void test_one_that_stops_withdraws_everything(void **state)
{
	struct world *w = *state;

	pass(w);
	speaker_ready_set(w->speaker, false);
	pass(w);
	assert_non_null(find(w, SPEAKER_WITHDRAWN));
	assert_false(answers(w, "192.168.1.240"));
	assert_int_equal(speaker_announced_count(w->speaker), 0);
}

static void test_the_second_is_silent_until_the_first_leaves(void **state)
{
	struct world *w = *state;

	/* By the vectors: .241 is node-c, then node-a. */
	service(w, "front", "", "", "{ ip: 192.168.1.241 }");
	pass(w);
	assert_false(answers(w, "192.168.1.241"));
	speaker_node_remove(w->speaker, "node-c");
	pass(w);
	assert_true(answers(w, "192.168.1.241"));
	assert_non_null(find(w, SPEAKER_SEND));
}

static void test_nodes_that_may_not_announce(void **state)
{
	struct world *w = *state;
	char why[300];

	assert_string_equal(winner(w, "front", why), "node-a");
	node(w, "node-a", "node.kubernetes.io/exclude-from-external-load-balancers: \"\"", "");
	assert_string_equal(winner(w, "front", why), "node-c");
	pass(w);
	assert_false(answers(w, "192.168.1.240"));
	node(w, "node-c", "", "{ type: NetworkUnavailable, status: \"True\" }");
	assert_string_equal(winner(w, "front", why), "node-b");
	node(w, "node-b", "node.kubernetes.io/exclude-from-external-load-balancers: x", "");
	assert_string_equal(winner(w, "front", why), "");
	assert_string_equal(why,
			    "no node is eligible: node-a is excluded from load balancers by its "
			    "label; node-b is excluded from load balancers by its label; node-c "
			    "has NetworkUnavailable");
	node(w, "node-a", "zone: one", "");
	assert_string_equal(winner(w, "front", why), "node-a");
	assert_string_equal(why, "the only eligible node");
}

static void test_endpoints_decide_whether_and_with_policy_local_where(void **state)
{
	static const struct {
		const char *conditions;
		bool serves;
	} rows[] = {
		{ "", true }, /* absent is ready */
		{ "ready: true", true },
		{ "ready: false", false },
		{ "ready: false, serving: true, terminating: true", true },
		{ "ready: false, serving: false, terminating: true", false },
	};
	struct world *w = *state;
	char why[300];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		slice(w, "front", "node-b", rows[i].conditions);
		pass(w);
		assert_int_equal(answers(w, "192.168.1.240"), rows[i].serves);
		assert_string_equal(winner(w, "front", why), rows[i].serves ? "node-a" : "");
	}
	assert_string_equal(why, "no endpoint is ready");

	slice(w, "front", "node-b", "ready: true");
	service(w, "front", "", ", externalTrafficPolicy: Local", "{ ip: 192.168.1.240 }");
	assert_string_equal(winner(w, "front", why), "node-b");
	pass(w);
	assert_false(answers(w, "192.168.1.240"));
	slice(w, "front", "node-a", "ready: true");
	pass(w);
	assert_true(answers(w, "192.168.1.240"));

	speaker_slice_remove(w->speaker, "web", "front-1");
	pass(w);
	assert_false(answers(w, "192.168.1.240"));
	winner(w, "front", why);
	assert_string_equal(why, "it has no EndpointSlice");
}

static void test_reasons_why_nobody_announces(void **state)
{
	struct world *w = *state;
	char why[300];

	service(w, "front", "", "", "");
	assert_string_equal(winner(w, "front", why), "");
	assert_string_equal(why, "it has no address yet");
	service(w, "front", "", "", "{ ip: 10.9.9.9 }");
	winner(w, "front", why);
	assert_string_equal(why, "no pool contains its addresses");
	service(w, "front", "", "", "{ ip: nonsense }");
	winner(w, "front", why);
	assert_string_equal(why, "an address in its status does not parse");

	service(w, "front", ", labels: { app: x }", "", "{ ip: 192.168.1.240 }");
	configure(w, pools, "");
	assert_string_equal(winner(w, "front", why), "");
	assert_string_equal(why, "no L2Advertisement selects it");
	configure(w, pools,
		  "l2Advertisements = ( { name = \"x\"; serviceSelectors = ( { matchLabels "
		  "= ( \"app=x\" ); } ); } );");
	assert_string_equal(winner(w, "front", why), "node-a");
	service(w, "front",
		", labels: { app: x }, annotations: { metallb.io/allow-shared-ip: \"\" }", "",
		"{ ip: 192.168.1.240 }");
	assert_string_equal(winner(w, "front", why), "");
	assert_non_null(strstr(why, "serviceSelectors"));
	service(w, "front", ", labels: { app: other }", "", "{ ip: 192.168.1.240 }");
	winner(w, "front", why);
	assert_string_equal(why, "no L2Advertisement selects it");
}

static void test_selectors_and_preferences_of_advertisements(void **state)
{
	struct world *w = *state;
	char why[300];

	configure(w, pools,
		  "l2Advertisements = ( { name = \"two\"; nodeSelectors = ( { matchLabels = "
		  "( \"zone=two\" ); } ); } );");
	assert_string_equal(winner(w, "front", why), "node-c");
	configure(w, pools,
		  "l2Advertisements = ( { name = \"all\"; preferredNodeSelectors = ( { weight "
		  "= 10; preference = { matchLabels = ( \"zone=two\" ); }; } ); } );");
	assert_string_equal(winner(w, "front", why), "node-c");
	assert_string_equal(why,
			    "first of 3 eligible nodes among those most preferred, by the hash of "
			    "node-c#192.168.1.240");
	pass(w);
	assert_false(answers(w, "192.168.1.240"));
}

static void test_both_families_are_announced_by_the_winner_of_the_first(void **state)
{
	struct world *w = *state;
	struct speaker_view v;

	service(w, "front", "", "", "{ ip: 192.168.1.240 }, { ip: \"2001:db8::f0\" }");
	pass(w);
	assert_non_null(find(w, SPEAKER_JOIN));
	assert_true(answers(w, "192.168.1.240"));
	assert_int_equal(speaker_view(w->speaker, "web", "front", &v), 0);
	assert_int_equal(v.announcements.count, 2);
	assert_string_equal(v.announcements.items[1].node, "node-a");
	assert_int_equal(v.runners_up.count, 2);
	assert_string_equal(v.runners_up.items[0], "node-c");
	assert_string_equal(v.runners_up.items[1], "node-b");
	assert_int_equal(v.interfaces.count, 0);
	assert_string_equal(v.why,
			    "first of 3 eligible nodes, by the hash of node-a#192.168.1.240");
	speaker_view_done(&v);
	/* The second goes: only it is given up. */
	service(w, "front", "", "", "{ ip: 192.168.1.240 }");
	pass(w);
	assert_non_null(find(w, SPEAKER_LEAVE));
	assert_null(find(w, SPEAKER_SEND));
	assert_true(answers(w, "192.168.1.240"));
}

static void test_interfaces_of_all_advertisements_add_up(void **state)
{
	struct world *w = *state;
	struct speaker_view v;

	configure(w, pools,
		  "l2Advertisements = ( { name = \"x\"; interfaces = ( \"eth1\", \"eth0\" ); }, "
		  "{ name = \"y\"; interfaces = ( \"eth0\" ); } );");
	assert_int_equal(speaker_view(w->speaker, "web", "front", &v), 0);
	assert_int_equal(v.interfaces.count, 2);
	assert_string_equal(v.interfaces.items[0], "eth0");
	assert_string_equal(v.interfaces.items[1], "eth1");
	speaker_view_done(&v);
	configure(w, pools,
		  "l2Advertisements = ( { name = \"x\"; interfaces = ( \"eth1\" ); }, { name "
		  "= \"y\"; } );");
	assert_int_equal(speaker_view(w->speaker, "web", "front", &v), 0);
	assert_int_equal(v.interfaces.count, 0);
	speaker_view_done(&v);
}

static void test_elected_without_the_interface_says_so_once(void **state)
{
	struct world *w = *state;

	configure(w, pools, "l2Advertisements = ( { name = \"x\"; interfaces = ( \"eth7\" ); } );");
	pass(w);
	const struct speaker_action *e = find(w, SPEAKER_EVENT);
	assert_non_null(e);
	assert_string_equal(e->about.reason, "announceFailed");
	assert_true(e->about.warning);
	assert_false(answers(w, "192.168.1.240"));
	service(w, "front", ", labels: { touched: x }", "", "{ ip: 192.168.1.240 }");
	pass(w);
	assert_null(find(w, SPEAKER_EVENT));
	link_add(w, 7, "eth7");
	pass(w);
	e = find(w, SPEAKER_EVENT);
	assert_non_null(e);
	assert_string_equal(e->about.reason, "nodeAssigned");
	assert_false(answers(w, "192.168.1.240")); /* asked on eth0 */
}

static void test_events_are_on_change_and_at_most_one_a_minute(void **state)
{
	struct world *w = *state;

	pass(w);
	service(w, "front", ", labels: { touched: x }", "", "{ ip: 192.168.1.240 }");
	pass(w);
	assert_null(find(w, SPEAKER_EVENT));
	for (unsigned flap = 0; flap < 5; flap++) {
		slice(w, "front", "node-b", "ready: false");
		pass(w);
		slice(w, "front", "node-b", "ready: true");
		w->now_ns += NS_PER_S;
		pass(w);
		assert_non_null(find(w, SPEAKER_ANNOUNCED));
		assert_null(find(w, SPEAKER_EVENT));
	}
	w->now_ns = T0 + 61 * NS_PER_S;
	slice(w, "front", "node-b", "ready: false");
	pass(w);
	slice(w, "front", "node-b", "ready: true");
	pass(w);
	assert_non_null(find(w, SPEAKER_EVENT));
}

static void test_services_that_are_not_ours(void **state)
{
	struct world *w = *state;
	struct speaker_view v;

	pass(w);
	service(w, "front", "", ", loadBalancerClass: example.com/other", "{ ip: 192.168.1.240 }");
	pass(w);
	assert_non_null(find(w, SPEAKER_WITHDRAWN));
	assert_false(answers(w, "192.168.1.240"));
	assert_int_equal(speaker_view(w->speaker, "web", "front", &v), -ENOENT);
	service(w, "front", "", "", "{ ip: 192.168.1.240 }");
	pass(w);
	assert_true(answers(w, "192.168.1.240"));
	speaker_service_remove(w->speaker, "web", "front");
	pass(w);
	assert_false(answers(w, "192.168.1.240"));
}

static void test_services_of_our_class_only(void **state)
{
	const struct speaker_cfg cfg = { .lb_class = "example.com/ours" };
	struct world *w = *state, other = { 0 };
	struct speaker_view v;

	(void)w;
	assert_int_equal(speaker_new(&cfg, &other.speaker), 0);
	service(&other, "plain", "", "", "");
	service(&other, "ours", "", ", loadBalancerClass: example.com/ours", "");
	service(&other, "foreign", "", ", loadBalancerClass: example.com/other", "");
	assert_int_equal(speaker_view(other.speaker, "web", "plain", &v), -ENOENT);
	assert_int_equal(speaker_view(other.speaker, "web", "foreign", &v), -ENOENT);
	assert_int_equal(speaker_view(other.speaker, "web", "ours", &v), 0);
	speaker_view_done(&v);
	speaker_free(other.speaker);
}

static void test_exclusion_can_be_ignored_and_endpoints_assumed(void **state)
{
	const struct speaker_cfg cfg = { .ignore_exclude_lb = true, .assume_endpoints = true };
	struct world other = { 0 };
	char why[300];

	(void)state;
	assert_int_equal(speaker_new(&cfg, &other.speaker), 0);
	configure(&other, pools, "l2Advertisements = ( { name = \"all\"; } );");
	service(&other, "front", "", ", externalTrafficPolicy: Local", "{ ip: 192.168.1.240 }");
	assert_string_equal(winner(&other, "front", why), "");
	assert_string_equal(why, "no Node is known");
	node(&other, "node-a", "node.kubernetes.io/exclude-from-external-load-balancers: x", "");
	assert_string_equal(winner(&other, "front", why), "node-a");
	slice(&other, "front", "node-a", "ready: false"); /* one slice, and nothing is assumed */
	assert_string_equal(winner(&other, "front", why), "");
	speaker_free(other.speaker);
}

/* Compatibility page 4.1: the allocator moves the Service first. */
static void test_configuration_that_orphans_an_address_waits(void **state)
{
	static const char other[] =
		"pools = ( { name = \"public\"; addresses = ( \"10.7.0.0/24\" ); } );";
	struct world *w = *state;

	pass(w);
	assert_null(find(w, SPEAKER_CONFIG)->about.text);
	configure(w, other, "l2Advertisements = ( { name = \"all\"; } );");
	assert_true(speaker_config_waits(w->speaker));
	pass(w);
	assert_string_equal(find(w, SPEAKER_CONFIG)->about.text,
			    "an address of web/front is in no pool of it");
	assert_true(answers(w, "192.168.1.240"));

	service(w, "front", "", "",
		"{ ip: 10.7.0.2 }"); /* ranks: not looked up, so take all others out */
	speaker_node_remove(w->speaker, "node-b");
	speaker_node_remove(w->speaker, "node-c");
	pass(w);
	assert_false(speaker_config_waits(w->speaker));
	assert_null(find(w, SPEAKER_CONFIG)->about.text);
	assert_false(answers(w, "192.168.1.240"));
	assert_true(answers(w, "10.7.0.2"));
}

static void test_a_configuration_that_waits_is_told_of_once(void **state)
{
	struct world *w = *state;
	struct config *c =
		config_of("pools = ( { name = \"public\"; addresses = ( \"10.7.0.0/24\" ); } );");

	pass(w);
	speaker_config_set(w->speaker, c);
	pass(w);
	assert_non_null(find(w, SPEAKER_CONFIG));
	speaker_config_set(w->speaker, c);
	config_unref(c);
	assert_true(speaker_config_waits(w->speaker));
	pass(w);
	assert_int_equal(w->out.count, 0);
}

/* Sharers hash alike, so one node has them all; the address goes with the last. */
static void test_a_shared_address_stays_until_its_last_service(void **state)
{
	struct world *w = *state;

	service(w, "back", "", "", "{ ip: 192.168.1.240 }");
	slice(w, "back", "node-c", "");
	pass(w);
	speaker_service_remove(w->speaker, "web", "front");
	pass(w);
	assert_true(answers(w, "192.168.1.240"));
	speaker_service_remove(w->speaker, "web", "back");
	pass(w);
	assert_false(answers(w, "192.168.1.240"));
}

static void test_inputs_that_change_nothing_do_nothing(void **state)
{
	struct world *w = *state;

	pass(w);
	node(w, "node-b", "zone: two", "{ type: Ready, status: \"True\" }"); /* a heartbeat */
	slice(w, "front", "node-b", "ready: true");
	link_add(w, 2, "eth0");
	pass(w);
	assert_int_equal(w->out.count, 0);
	speaker_slice_remove(w->speaker, "web", "unknown");
	speaker_service_remove(w->speaker, "web", "unknown");
	speaker_node_remove(w->speaker, "unknown");
	speaker_link_remove(w->speaker, 99);
	pass(w);
	assert_int_equal(w->out.count, 0);
}

/* What a pod's start and end does on every node is no reason to look at any Service. */
static void test_links_of_pods_concern_nobody(void **state)
{
	struct world *w = *state;

	pass(w);
	assert_true(speaker_wake_ns(w->speaker) > 0);
	link_add(w, 70, "veth1234");
	speaker_link_remove(w->speaker, 70);
	assert_true(speaker_wake_ns(w->speaker) > 0);
	link_add(w, 71, "eth1");
	assert_int_equal(speaker_wake_ns(w->speaker), 0);
}

/* Passes until nothing is marked; in each some frames leave. */
static unsigned passes_until_done(struct world *w)
{
	unsigned passes = 0;

	do {
		size_t before = speaker_announced_count(w->speaker);
		pass(w);
		size_t after = speaker_announced_count(w->speaker);
		assert_in_range(after, before + 1, before + SPEAKER_PASS_MAX);
		assert_non_null(find(w, SPEAKER_SEND));
		w->now_ns += 10 * NS_PER_MS;
		passes++;
	} while (speaker_wake_ns(w->speaker) == 0);
	return passes;
}

static void test_a_large_change_is_worked_off_in_parts(void **state)
{
	struct world *w = *state;
	enum { SERVICES = 2 * SPEAKER_PASS_MAX + 88 };
	char name[20], ingress[60];

	speaker_node_remove(w->speaker, "node-b");
	speaker_node_remove(w->speaker, "node-c");
	for (unsigned i = 1; i < SERVICES; i++) { /* the first is there */
		snprintf(name, sizeof(name), "s%u", i);
		snprintf(ingress, sizeof(ingress), "{ ip: \"2001:db8::%x\" }", i);
		service(w, name, "", "", ingress);
		slice(w, name, "node-a", "ready: true");
	}
	assert_int_equal(passes_until_done(w), 3);
	assert_int_equal(speaker_announced_count(w->speaker), SERVICES);
	speaker_ready_set(w->speaker, false);
	assert_int_equal(speaker_wake_ns(w->speaker), 0);
	unsigned passes = 0;
	do {
		pass(w);
		assert_null(find(w, SPEAKER_ANNOUNCED));
		passes++;
	} while (speaker_wake_ns(w->speaker) == 0);
	assert_int_equal(passes, 3);
	assert_int_equal(speaker_announced_count(w->speaker), 0);
}

/* It was marked with all others before; then it is told itself that its address is taken. */
static void test_what_one_service_loses_does_not_wait_for_the_others(void **state)
{
	struct world *w = *state;
	char name[20];

	pass(w);
	for (unsigned i = 0; i < 2 * SPEAKER_PASS_MAX; i++) {
		snprintf(name, sizeof(name), "a%u", i); /* before it in every order */
		service(w, name, "", "", "");
	}
	for (unsigned i = 0; i < 2; i++)
		pass(w);
	assert_true(answers(w, "192.168.1.240"));
	link_add(w, 9, "eth9"); /* concerns all */
	speaker_service_remove(w->speaker, "web", "front");
	pass(w);
	assert_int_equal(speaker_wake_ns(w->speaker), 0); /* others are left */
	assert_false(answers(w, "192.168.1.240"));
}

/* The orphan is gone after the first part: the configuration that waited for it is in force then.
 */
static void test_a_configuration_need_not_wait_for_all_parts(void **state)
{
	struct world *w = *state;
	char name[20];

	pass(w);
	assert_true(answers(w, "192.168.1.240"));
	service(w, "front", "", "", "");
	for (unsigned i = 0; i < 2 * SPEAKER_PASS_MAX; i++) {
		snprintf(name, sizeof(name), "s%u", i);
		service(w, name, "", "", "");
	}
	configure(w, "pools = ( { name = \"other\"; addresses = ( \"10.0.0.0/24\" ); } );",
		  "l2Advertisements = ( { name = \"all\"; } );");
	assert_true(speaker_config_waits(w->speaker));
	pass(w);
	assert_false(speaker_config_waits(w->speaker));
	assert_null(find(w, SPEAKER_CONFIG)->about.text);
	assert_false(answers(w, "192.168.1.240"));
}

static void test_a_slice_may_come_before_its_service_and_change_it(void **state)
{
	struct world *w = *state;

	slice(w, "late", "node-b", "");
	pass(w);
	service(w, "late", "", "", "{ ip: 192.168.1.240 }");
	speaker_service_remove(w->speaker, "web", "front");
	pass(w);
	assert_true(answers(w, "192.168.1.240"));
	speaker_slice_remove(w->speaker, "web", "late-1");
	pass(w);
	assert_false(answers(w, "192.168.1.240"));
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_first_of_the_election_announces_and_says_so),
		T(test_nothing_happens_before_it_takes_part),
		T(test_one_that_stops_withdraws_everything),
		T(test_the_second_is_silent_until_the_first_leaves),
		T(test_nodes_that_may_not_announce),
		T(test_endpoints_decide_whether_and_with_policy_local_where),
		T(test_reasons_why_nobody_announces),
		T(test_selectors_and_preferences_of_advertisements),
		T(test_both_families_are_announced_by_the_winner_of_the_first),
		T(test_interfaces_of_all_advertisements_add_up),
		T(test_elected_without_the_interface_says_so_once),
		T(test_events_are_on_change_and_at_most_one_a_minute),
		T(test_services_that_are_not_ours),
		T(test_services_of_our_class_only),
		T(test_exclusion_can_be_ignored_and_endpoints_assumed),
		T(test_configuration_that_orphans_an_address_waits),
		T(test_a_configuration_that_waits_is_told_of_once),
		T(test_a_shared_address_stays_until_its_last_service),
		T(test_inputs_that_change_nothing_do_nothing),
		T(test_links_of_pods_concern_nobody),
		T(test_a_large_change_is_worked_off_in_parts),
		T(test_what_one_service_loses_does_not_wait_for_the_others),
		T(test_a_configuration_need_not_wait_for_all_parts),
		T(test_a_slice_may_come_before_its_service_and_change_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
