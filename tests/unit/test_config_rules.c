// SPDX-License-Identifier: Apache-2.0
/*
 * What objects of BGP must not do to each other and to pools (compatibility page 1.3 to 1.6): one
 * row a case, with the fault as it is printed and, where upstream compares it, MetalLB's text.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "lib/base/intern.h"
#include "lib/model/cluster.h"
#include "tests/unit/config_built.h"

#define LENGTH(a) (sizeof(a) / sizeof(*(a)))

#define OBJECT(version, kind, name, more, spec)                                                    \
	"apiVersion: metallb.io/" version "\nkind: " kind "\nmetadata: {name: " name more "}\n"    \
	"spec: {" spec "}\n---\n"
#define POOL(name, addresses)                                                                      \
	OBJECT("v1beta1", "IPAddressPool", name, ", labels: {pool: " name "}",                     \
	       "addresses: [" addresses "]")
#define PEER(name, address, more)                                                                  \
	OBJECT("v1beta2", "BGPPeer", name, ", namespace: metallb-system",                          \
	       "myASN: 64500, peerASN: 64501, peerAddress: " address more)
#define ADVERTISEMENT(name, spec) OBJECT("v1beta1", "BGPAdvertisement", name, "", spec)
#define PROFILE(name, spec)       OBJECT("v1beta1", "BFDProfile", name, "", spec)
#define COMMUNITY(name, list)     OBJECT("v1beta1", "Community", name, "", "communities: [" list "]")
#define ON(key)                   ", nodeSelectors: [{matchLabels: {" key ": \"yes\"}}]"
#define ONLY_ON(key)              "nodeSelectors: [{matchLabels: {" key ": \"yes\"}}]"
#define SERVICES                  "serviceSelectors: [{matchLabels: {a: b}}]"

/* The nodes of the rules that ask for them: "both" has labels a and b, the others one of them. */
static struct node *nodes[3];

static struct node *node_new(const char *name, const char *labels)
{
	struct faults faults = { 0 };
	struct node *n = NULL;
	char text[256];

	snprintf(text, sizeof(text), "{\"metadata\":{\"name\":\"%s\",\"labels\":{%s}}}", name,
		 labels);
	cJSON *json = cJSON_Parse(text);
	assert_int_equal(node_decode(json, (struct where){ 0 }, &faults, &n), 0);
	cJSON_Delete(json);
	return n;
}

static int nodes_new(void **state)
{
	(void)state;
	nodes[0] = node_new("a", "\"a\":\"yes\"");
	nodes[1] = node_new("b", "\"b\":\"yes\"");
	nodes[2] = node_new("both", "\"a\":\"yes\",\"b\":\"yes\"");
	return 0;
}

static int nodes_free(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(nodes); i++)
		nodes[i] = node_free(nodes[i]);
	return intern_count() == 0 ? 0 : -1;
}

enum known { NO_NODES, NODES_A_B, NODES_A_B_BOTH };

/* Lines of faults, warnings too. */
static void faults_text(const struct faults *faults, char *buf, size_t size)
{
	size_t len = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < faults->count; i++) {
		char line[1024];
		len += (size_t)snprintf(buf + len, size - len, "%s%s", i == 0 ? "" : "\n",
					fault_format(&faults->items[i], line, sizeof(line)));
	}
}

/* What FRR cannot do is refused here, unless a test says otherwise. */
static struct config_inputs inputs_with(enum known known)
{
	return (struct config_inputs){
		.frr = FRR_LIMITS_REFUSE,
		.ns = "metallb-system",
		.nodes = (const struct node *const *)nodes,
		.node_count = known == NO_NODES    ? 0
			      : known == NODES_A_B ? 2
						   : 3,
	};
}

struct rule_case {
	const char *text;
	enum known known;
	const char *fault; /* "": none */
	const char *first; /* what MetalLB says; NULL: not asked */
};

static void expect_rules(const struct rule_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct built b = { .inputs = inputs_with(cases[i].known) };
		char buf[4096];

		built_add(&b, "m.yaml", cases[i].text);
		built_finish(&b);
		faults_text(&b.faults, buf, sizeof(buf));
		assert_string_equal(buf, cases[i].fault);
		assert_int_equal(b.rc, b.faults.errors > 0 ? -EBADMSG : 0);
		config_first_error(&b.faults, buf, sizeof(buf));
		if (cases[i].first != NULL)
			assert_string_equal(buf, cases[i].first);
		built_done(&b);
	}
}

/* --- advertisements and pools ----------------------------------------------------------------- */

static void test_aggregation_is_never_wider_than_an_entry_of_the_pool(void **state)
{
	(void)state;
	static const struct rule_case cases[] = {
		{ POOL("p", "1.1.1.0/28") ADVERTISEMENT("a", "aggregationLength: 26"), NO_NODES,
		  "m.yaml:9: spec.aggregationLength: invalid aggregation length 26: prefix 28 in "
		  "this "
		  "pool is more specific than the aggregation length for addresses 1.1.1.0/28 of "
		  "pool "
		  "\"p\"",
		  "invalid aggregation length 26: prefix 28 in this pool is more specific than the "
		  "aggregation length for addresses 1.1.1.0/28" },
		{ POOL("p", "1.1.1.0/28") ADVERTISEMENT("a", "aggregationLength: 28"), NO_NODES,
		  "" },
		/* each entry counts, and each pool that is reached */
		{ POOL("p", "10.0.0.0/16, 1.1.1.0/28") ADVERTISEMENT("a", "aggregationLength: 24"),
		  NO_NODES,
		  "m.yaml:9: spec.aggregationLength: invalid aggregation length 24: prefix 28 in "
		  "this "
		  "pool is more specific than the aggregation length for addresses 1.1.1.0/28 of "
		  "pool "
		  "\"p\"" },
		{ POOL("p", "1.1.1.0/28") POOL("q", "10.0.0.0/16")
			  ADVERTISEMENT("a", "aggregationLength: 24, ipAddressPools: [q]"),
		  NO_NODES, "" },
		{ POOL("p", "1.1.1.0/28") POOL("q", "10.0.0.0/16")
			  ADVERTISEMENT("a", "aggregationLength: 24, ipAddressPools: [p]"),
		  NO_NODES,
		  "m.yaml:14: spec.aggregationLength: invalid aggregation length 24: prefix 28 in "
		  "this "
		  "pool is more specific than the aggregation length for addresses 1.1.1.0/28 of "
		  "pool "
		  "\"p\"" },
		{ POOL("p", "1.1.1.0/28") POOL("q", "10.0.0.0/16")
			  ADVERTISEMENT("a", "aggregationLength: 24, ipAddressPools: [nowhere], "
					     "ipAddressPoolSelectors: [{matchLabels: {pool: p}}]"),
		  NO_NODES,
		  "m.yaml:14: spec.aggregationLength: invalid aggregation length 24: prefix 28 in "
		  "this "
		  "pool is more specific than the aggregation length for addresses 1.1.1.0/28 of "
		  "pool "
		  "\"p\"" },
		/* of a range the widest prefix in it: here .16/28, beside /32s */
		{ POOL("p", "1.1.1.15-1.1.1.32") ADVERTISEMENT("a", "aggregationLength: 28"),
		  NO_NODES, "" },
		{ POOL("p", "1.1.1.15-1.1.1.32") ADVERTISEMENT("a", "aggregationLength: 27"),
		  NO_NODES,
		  "m.yaml:9: spec.aggregationLength: invalid aggregation length 27: prefix 28 in "
		  "this "
		  "pool is more specific than the aggregation length for addresses "
		  "1.1.1.15-1.1.1.32 of pool \"p\"" },
		/* families by themselves */
		{ POOL("p", "1.1.1.0/28, 2001:db8::/64")
			  ADVERTISEMENT("a", "aggregationLengthV6: 56"),
		  NO_NODES,
		  "m.yaml:9: spec.aggregationLengthV6: invalid aggregation length 56: prefix 64 in "
		  "this pool is more specific than the aggregation length for addresses "
		  "2001:db8::/64 of pool \"p\"" },
		{ POOL("p", "2001:db8::/64")
			  ADVERTISEMENT("a", "aggregationLength: 1, aggregationLengthV6: 64"),
		  NO_NODES, "" },
	};

	expect_rules(cases, LENGTH(cases));
}

#define TWO_PREFS(one, two)                                                                        \
	ADVERTISEMENT("a", "localPref: 100, " one) ADVERTISEMENT("b", "localPref: 200, " two)
#define PREFS_CONTRADICT(line, pool)                                                               \
	"m.yaml:" line ": spec.localPref: 200 here, but 100 in BGPAdvertisement \"a\", for the "   \
	"same routes of pool \"" pool "\""

static void test_local_prefs_of_one_route_do_not_contradict(void **state)
{
	(void)state;
	static const struct rule_case cases[] = {
		{ POOL("p", "10.0.0.0/16") TWO_PREFS("peers: []", "peers: []"), NO_NODES,
		  PREFS_CONTRADICT("14", "p"),
		  "invalid local preference 200: local preference 100 was already set for the same "
		  "type of BGP update" },
		{ POOL("p", "10.0.0.0/16") ADVERTISEMENT("a", "localPref: 100")
			  ADVERTISEMENT("b", "localPref: 100"),
		  NO_NODES, "" },
		/* unset is another one, as in MetalLB */
		{ POOL("p", "10.0.0.0/16") ADVERTISEMENT("a", "localPref: 100")
			  ADVERTISEMENT("b", "peers: []"),
		  NO_NODES,
		  "m.yaml:14: spec.localPref: 0 here, but 100 in BGPAdvertisement \"a\", for the "
		  "same "
		  "routes of pool \"p\"" },
		/* lengths that differ make other routes: those of the families that the pool has */
		{ POOL("p", "10.0.0.0/16") TWO_PREFS("aggregationLength: 24", "peers: []"),
		  NO_NODES, "" },
		{ POOL("p", "10.0.0.0/16") TWO_PREFS("aggregationLengthV6: 64", "peers: []"),
		  NO_NODES, PREFS_CONTRADICT("14", "p") },
		{ POOL("p", "2001:db8::/48") TWO_PREFS("aggregationLengthV6: 64", "peers: []"),
		  NO_NODES, "" },
		{ POOL("p", "2001:db8::/48") TWO_PREFS("aggregationLength: 24", "peers: []"),
		  NO_NODES, PREFS_CONTRADICT("14", "p") },
		{ POOL("p", "10.0.0.0/16, 2001:db8::/48")
			  TWO_PREFS("aggregationLength: 24", "peers: []"),
		  NO_NODES, PREFS_CONTRADICT("14", "p") },
		{ POOL("p", "10.0.0.0/16, 2001:db8::/48")
			  TWO_PREFS("aggregationLength: 24, aggregationLengthV6: 64", "peers: []"),
		  NO_NODES, "" },
		/* to different peers */
		{ POOL("p", "10.0.0.0/16") TWO_PREFS("peers: [x]", "peers: [z]"), NO_NODES, "" },
		{ POOL("p", "10.0.0.0/16") TWO_PREFS("peers: [x, z]", "peers: [z]"), NO_NODES,
		  PREFS_CONTRADICT("14", "p") },
		{ POOL("p", "10.0.0.0/16") TWO_PREFS("peers: [x]", "peers: []"), NO_NODES,
		  PREFS_CONTRADICT("14", "p") },
		/* from different nodes: by the Nodes there are */
		{ POOL("p", "10.0.0.0/16") TWO_PREFS(ONLY_ON("a"), ONLY_ON("b")), NODES_A_B, "" },
		{ POOL("p", "10.0.0.0/16") TWO_PREFS(ONLY_ON("a"), ONLY_ON("b")), NODES_A_B_BOTH,
		  PREFS_CONTRADICT("14", "p") },
		/* where they are not known only what is sure counts */
		{ POOL("p", "10.0.0.0/16") TWO_PREFS(ONLY_ON("a"), ONLY_ON("b")), NO_NODES, "" },
		{ POOL("p", "10.0.0.0/16") TWO_PREFS(ONLY_ON("a"), ONLY_ON("a")), NO_NODES,
		  PREFS_CONTRADICT("14", "p") },
		{ POOL("p", "10.0.0.0/16") TWO_PREFS(ONLY_ON("a"), "peers: []"), NO_NODES,
		  PREFS_CONTRADICT("14", "p") },
		/* on different pools, or for Services that are not known yet */
		{ POOL("p", "10.0.0.0/16") POOL("q", "10.1.0.0/16")
			  TWO_PREFS("ipAddressPools: [p]", "ipAddressPools: [q]"),
		  NO_NODES, "" },
		{ POOL("p", "10.0.0.0/16") TWO_PREFS(SERVICES, "peers: []"), NO_NODES, "" },
		/* told once, not for every pool */
		{ POOL("p", "10.0.0.0/16") POOL("q", "10.1.0.0/16")
			  TWO_PREFS("peers: []", "peers: []"),
		  NO_NODES, PREFS_CONTRADICT("19", "p") },
	};

	expect_rules(cases, LENGTH(cases));
}

#define ECHO PROFILE("e", "echoMode: true") PEER("x", "10.0.0.1", ", bfdProfile: e")
#define ECHO_FAULT(line)                                                                           \
	"m.yaml:" line ": spec: pool \"p\" has IPv6 addresses, and BGPPeer \"x\" BFD in echo "     \
	"mode, which is for IPv4 alone"

static void test_ipv6_pools_do_not_go_with_bfd_echo_mode(void **state)
{
	(void)state;
	static const struct rule_case cases[] = {
		{ ECHO POOL("p", "2001:db8::/64") ADVERTISEMENT("a", "peers: [x]"), NO_NODES,
		  ECHO_FAULT("19"),
		  "pool p has bgpadvertisement a which references peer x which has bfd echo "
		  "enabled, "
		  "which is not possible" },
		{ ECHO POOL("p", "2001:db8::/64") ADVERTISEMENT("a", "localPref: 5"), NO_NODES,
		  ECHO_FAULT("19") },
		{ ECHO POOL("p", "2001:db8::/64") ADVERTISEMENT("a", "peers: [other]"), NO_NODES,
		  "" },
		{ ECHO POOL("p", "10.0.0.0/16") ADVERTISEMENT("a", "peers: [x]"), NO_NODES, "" },
		{ PROFILE("e", "echoInterval: 50") PEER("x", "10.0.0.1", ", bfdProfile: e")
			  POOL("p", "2001:db8::/64") ADVERTISEMENT("a", "peers: [x]"),
		  NO_NODES, "" },
	};

	expect_rules(cases, LENGTH(cases));
}

/* --- communities ------------------------------------------------------------------------------ */

static void test_communities_are_of_the_two_forms(void **state)
{
	(void)state;
	static const struct rule_case cases[] = {
		{ COMMUNITY("c", "{name: x, value: \"1:2\"}, {name: z, value: \"large:1:2:3\"}"),
		  NO_NODES, "" },
		{ COMMUNITY("c", "{name: x, value: \"65536:2\"}"), NO_NODES,
		  "m.yaml:4: spec.communities[0].value: invalid community value: invalid section "
		  "\"65536\" of community \"65536:2\"",
		  "parsing community \"x\": invalid community value: invalid section \"65536\" of "
		  "community \"65536:2\"" },
		{ COMMUNITY("c", "{name: x, value: \"large:1:2:4294967296\"}"), NO_NODES,
		  "m.yaml:4: spec.communities[0].value: invalid community value: invalid section "
		  "\"4294967296\" of community \"large:1:2:4294967296\"" },
		{ COMMUNITY("c", "{name: x, value: \"small:1:2:3\"}"), NO_NODES,
		  "m.yaml:4: spec.communities[0].value: invalid community value: expected "
		  "community "
		  "to be of format large:A:B:C but got \"small:1:2:3\"" },
		{ COMMUNITY("c", "{name: x, value: \"1:\"}"), NO_NODES,
		  "m.yaml:4: spec.communities[0].value: invalid community value: invalid section "
		  "\"\" "
		  "of community \"1:\"" },
		{ COMMUNITY("c", "{name: x, value: \"-1:+2\"}"), NO_NODES,
		  "m.yaml:4: spec.communities[0].value: invalid community value: invalid section "
		  "\"-1\" of community \"-1:+2\"" },
		{ COMMUNITY("c", "{name: x, value: \"17\"}"), NO_NODES,
		  "m.yaml:4: spec.communities[0].value: invalid community format: 17",
		  "parsing community \"x\": invalid community format: 17" },
		{ ADVERTISEMENT("a", "communities: [\"1:2\", \"large:1:2:3\"]"), NO_NODES, "" },
		{ ADVERTISEMENT("a", "communities: [\"1:x\"]"), NO_NODES,
		  "m.yaml:4: spec.communities[0]: invalid community value: invalid section \"x\" "
		  "of "
		  "community \"1:x\"" },
	};

	expect_rules(cases, LENGTH(cases));
}

static void test_name_of_a_community_is_given_once(void **state)
{
	(void)state;
	static const struct rule_case cases[] = {
		{ COMMUNITY("c", "{name: x, value: \"1:2\"}, {name: x, value: \"1:3\"}"), NO_NODES,
		  "m.yaml:4: spec.communities[1].name: \"x\" is already a name in Community \"c\"",
		  "duplicate definition of community \"x\"" },
		{ COMMUNITY("d", "{name: x, value: \"1:2\"}")
			  COMMUNITY("c", "{name: x, value: \"1:2\"}"),
		  NO_NODES,
		  "m.yaml:4: spec.communities[0].name: \"x\" is already a name in Community \"c\"",
		  "duplicate definition of community \"x\"" },
		{ COMMUNITY("c", "{name: x, value: \"1:2\"}")
			  COMMUNITY("d", "{name: z, value: \"1:2\"}"),
		  NO_NODES, "" },
	};

	expect_rules(cases, LENGTH(cases));
}

static void test_name_of_a_community_in_an_advertisement_exists(void **state)
{
	(void)state;
	static const struct rule_case cases[] = {
		{ ADVERTISEMENT("a", "communities: [my-valid-alias]"), NO_NODES,
		  "m.yaml:4: spec.communities[0]: invalid community format: my-valid-alias, and no "
		  "Community has that name",
		  "invalid community format: my-valid-alias\n"
		  "invalid community \"my-valid-alias\" in BGP advertisement" },
		{ COMMUNITY("c", "{name: my-valid-alias, value: \"1:2\"}")
			  ADVERTISEMENT("a", "communities: [my-valid-alias]"),
		  NO_NODES, "" },
		/* the name may look like anything */
		{ COMMUNITY("c", "{name: \"one:two\", value: \"1:2\"}")
			  ADVERTISEMENT("a", "communities: [\"one:two\"]"),
		  NO_NODES, "" },
		/* a faulty Community may have held it: one fault is enough */
		{ COMMUNITY("c", "{name: x, value: \"1\"}") ADVERTISEMENT("a", "communities: [x]"),
		  NO_NODES, "m.yaml:4: spec.communities[0].value: invalid community format: 1" },
	};

	expect_rules(cases, LENGTH(cases));
}

/* --- peers ------------------------------------------------------------------------------------ */

#define TWICE(line)                                                                                \
	"m.yaml:" line ": spec.peerAddress: 10.200.200.2 already exists on the same node, as "     \
	"BGPPeer \"x\""
#define TWICE_FIRST                                                                                \
	"peer 10.200.200.2 already exists, FRR mode doesn't support duplicate BGPPeers selecting " \
	"the same node"
#define ADDR "10.200.200.2"

static void test_no_two_peers_on_one_node_are_the_same_router(void **state)
{
	(void)state;
	static const struct rule_case cases[] = {
		{ PEER("x", ADDR, "") PEER("z", ADDR, ""), NO_NODES, TWICE("9"), TWICE_FIRST },
		{ PEER("x", ADDR, "") PEER("z", "10.200.200.3", ""), NO_NODES, "" },
		{ PEER("x", ADDR, ON("a")) PEER("z", ADDR, ON("b")), NODES_A_B, "" },
		{ PEER("x", ADDR, ON("a")) PEER("z", ADDR, ON("b")), NODES_A_B_BOTH, TWICE("9"),
		  TWICE_FIRST },
		{ PEER("x", ADDR, ON("a")) PEER("z", ADDR, ON("b")), NO_NODES, "" },
		{ PEER("x", ADDR, ON("a")) PEER("z", ADDR, ON("a")), NO_NODES, TWICE("9") },
		{ PEER("x", ADDR, ON("a")) PEER("z", ADDR, ""), NO_NODES, TWICE("9") },
		{ PEER("x", ADDR, ON("a")) PEER("z", ADDR, ", nodeSelectors: [{}]"), NO_NODES,
		  TWICE("9") },
		{ PEER("x", ADDR, ON("a"))
			  PEER("z", ADDR, ", nodeSelectors: [{matchLabels: {c: d}}]"),
		  NODES_A_B_BOTH, "" },
		/* another VRF is another router */
		{ PEER("x", ADDR, "") PEER("z", ADDR, ", vrf: red"), NO_NODES, "" },
		{ PEER("x", ADDR, ", vrf: red") PEER("z", ADDR, ", vrf: red"), NO_NODES,
		  "m.yaml:9: spec.peerAddress: 10.200.200.2-red already exists on the same node, "
		  "as "
		  "BGPPeer \"x\"",
		  "peer 10.200.200.2-red already exists, FRR mode doesn't support duplicate "
		  "BGPPeers "
		  "selecting the same node" },
		/* however it is spelled */
		{ PEER("x", "\"2001:db8::1\"", "") PEER("z", "\"2001:DB8:0::1\"", ""), NO_NODES,
		  "m.yaml:9: spec.peerAddress: 2001:db8::1 already exists on the same node, as "
		  "BGPPeer "
		  "\"x\"" },
		/* unnumbered ones go by their interface */
		{ OBJECT("v1beta2", "BGPPeer", "x", "", "myASN: 1, peerASN: 2, interface: eth0")
			  OBJECT("v1beta2", "BGPPeer", "z", "",
				 "myASN: 1, peerASN: 2, interface: eth0"),
		  NO_NODES,
		  "m.yaml:9: spec.interface: eth0 already exists on the same node, as BGPPeer "
		  "\"x\"",
		  "peer eth0 already exists, FRR mode doesn't support duplicate BGPPeers selecting "
		  "the "
		  "same node" },
		{ OBJECT("v1beta2", "BGPPeer", "x", "", "myASN: 1, peerASN: 2, interface: eth0")
			  OBJECT("v1beta2", "BGPPeer", "z", "",
				 "myASN: 1, peerASN: 2, interface: eth1"),
		  NO_NODES, "" },
		/* the old version is held to the same */
		{ PEER("x", ADDR, "") OBJECT("v1beta1", "BGPPeer", "z", "",
					     "myASN: 64500, peerASN: 64501, peerAddress: " ADDR),
		  NO_NODES, TWICE("9") },
	};

	expect_rules(cases, LENGTH(cases));
}

static void test_peers_on_one_node_have_one_router_id(void **state)
{
	(void)state;
	static const struct rule_case cases[] = {
		{ PEER("x", "10.0.0.1", ", routerID: 1.1.1.1")
			  PEER("z", "10.0.0.2", ", routerID: 1.1.1.2"),
		  NO_NODES,
		  "m.yaml:9: spec.routerID: is not that of BGPPeer \"x\", which is on the same "
		  "node",
		  "peer 1.1.1.2 has RouterID different from 1.1.1.1, in FRR mode peers selecting "
		  "the "
		  "same node must all have the same RouterID" },
		{ PEER("x", "10.0.0.1", ", routerID: 1.1.1.1") PEER("z", "10.0.0.2", ""), NO_NODES,
		  "m.yaml:9: spec.routerID: is not that of BGPPeer \"x\", which is on the same "
		  "node" },
		{ PEER("x", "10.0.0.1", ", routerID: 1.1.1.1")
			  PEER("z", "10.0.0.2", ", routerID: 1.1.1.1"),
		  NO_NODES, "" },
		{ PEER("x", "10.0.0.1", ", routerID: 1.1.1.1" ON("a"))
			  PEER("z", "10.0.0.2", ", routerID: 1.1.1.2" ON("b")),
		  NODES_A_B, "" },
	};

	expect_rules(cases, LENGTH(cases));
}

#define PEER_OF(name, asn, address, more)                                                          \
	OBJECT("v1beta2", "BGPPeer", name, "",                                                     \
	       "myASN: " asn ", peerASN: 64501, peerAddress: " address more)

static void test_peers_on_one_node_and_vrf_have_one_as_number(void **state)
{
	(void)state;
	static const struct rule_case cases[] = {
		{ PEER_OF("x", "1", "10.0.0.1", "") PEER_OF("z", "2", "10.0.0.2", ""), NO_NODES,
		  "m.yaml:9: spec.myASN: is not that of BGPPeer \"x\", which is on the same node "
		  "and in "
		  "the same VRF",
		  "peer 10.0.0.2 has myAsn different from 10.0.0.1, in FRR mode peers selecting "
		  "the same "
		  "node must have the same myAsn within the same VRF" },
		{ PEER_OF("x", "1", "10.0.0.1", "") PEER_OF("z", "2", "10.0.0.2", ", vrf: red"),
		  NO_NODES, "" },
		{ PEER_OF("x", "1", "10.0.0.1", ON("a")) PEER_OF("z", "2", "10.0.0.2", ON("b")),
		  NODES_A_B, "" },
	};

	expect_rules(cases, LENGTH(cases));
}

/* Of one text with all three: what is told, and how many of the peers are left. */
static void expect_frr(enum config_frr frr, const char *told, size_t errors)
{
	struct built b = { .inputs = inputs_with(NO_NODES) };
	char buf[4096];

	b.inputs.frr = frr;
	built_add(&b, "m.yaml",
		  PEER_OF("a", "1", "10.0.0.1", "") PEER_OF("b", "2", "10.0.0.2", "")
			  PEER_OF("c", "1", "10.0.0.1", "")
				  PEER_OF("d", "1", "10.0.0.4", ", routerID: 1.1.1.1"));
	built_finish(&b);
	faults_text(&b.faults, buf, sizeof(buf));
	assert_string_equal(buf, told);
	assert_int_equal(b.faults.errors, errors);
	if (errors == 0)
		assert_int_equal(b.config->bgp_peers.count, 4);
	built_done(&b);
}

/* MetalLB's native mode takes all of it, and so does Bellman unless it is asked for FRR's rules. */
static void test_limits_of_frr_are_no_limits_of_ours(void **state)
{
	(void)state;
	expect_frr(FRR_LIMITS_IGNORE, "", 0);
	expect_frr(FRR_LIMITS_WARN,
		   "m.yaml:9: spec.myASN: warning: is not that of BGPPeer \"a\", which is on the "
		   "same node and in the same VRF; MetalLB with FRR refuses that\n"
		   "m.yaml:14: spec.peerAddress: warning: 10.0.0.1 already exists on the same "
		   "node, as BGPPeer \"a\"; MetalLB with FRR refuses that\n"
		   "m.yaml:19: spec.routerID: warning: is not that of BGPPeer \"a\", which is on "
		   "the same node; MetalLB with FRR refuses that",
		   0);
	expect_frr(FRR_LIMITS_REFUSE,
		   "m.yaml:9: spec.myASN: is not that of BGPPeer \"a\", which is on the same node "
		   "and in the same VRF\n"
		   "m.yaml:14: spec.peerAddress: 10.0.0.1 already exists on the same node, as "
		   "BGPPeer \"a\"\n"
		   "m.yaml:19: spec.routerID: is not that of BGPPeer \"a\", which is on the same "
		   "node",
		   3);
	assert_int_equal(config_frr_limits(NULL, FRR_LIMITS_WARN), FRR_LIMITS_WARN);
	assert_int_equal(config_frr_limits("native", FRR_LIMITS_IGNORE), FRR_LIMITS_IGNORE);
	assert_int_equal(config_frr_limits("frr", FRR_LIMITS_IGNORE), FRR_LIMITS_REFUSE);
	assert_int_equal(config_frr_limits("frr-k8s", FRR_LIMITS_WARN), FRR_LIMITS_REFUSE);
}

static void test_bfd_profile_of_a_peer_exists(void **state)
{
	(void)state;
	static const struct rule_case cases[] = {
		{ PEER("peer1", "10.0.0.1", ", bfdProfile: my-bfd-profile"), NO_NODES,
		  "m.yaml:4: spec.bfdProfile: there is no BFDProfile \"my-bfd-profile\"",
		  "peer peer1 referencing non existing bfd profile my-bfd-profile" },
		{ PROFILE("fast", "") PEER("p", "10.0.0.1", ", bfdProfile: fast"), NO_NODES, "" },
		{ PEER("p", "10.0.0.1", ", bfdProfile: \"\""), NO_NODES, "" },
		/* it is there, and has its own fault */
		{ PROFILE("fast", "minimumTtl: 0") PEER("p", "10.0.0.1", ", bfdProfile: fast"),
		  NO_NODES, "m.yaml:4: spec.minimumTtl: 0 is not in 1..254" },
	};

	expect_rules(cases, LENGTH(cases));
}

/* --- what is not known yet, or not one's own -------------------------------------------------- */

/* A webhook sees one object at a time; what it refers to may come next. */
static void test_references_may_come_later(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t faults;
	} cases[] = {
		{ PEER("p", "10.0.0.1", ", bfdProfile: fast"), 0 },
		{ PEER("p", "10.0.0.1", ", passwordSecret: {name: s}"), 0 },
		{ ADVERTISEMENT("a", "communities: [x]"), 0 },
		{ ADVERTISEMENT("a", "communities: [\"x:1\"]"), 1 },
	};

	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct built b = { .inputs = inputs_with(NO_NODES) };

		b.inputs.references_may_come = true;
		built_add(&b, "m.yaml", cases[i].text);
		built_finish(&b);
		assert_int_equal(b.faults.count, cases[i].faults);
		built_done(&b);
	}
}

/* The speaker of a node is not concerned with what other nodes cannot do. */
static void test_a_speaker_is_concerned_with_its_own_node(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t on_a, on_both;
	} cases[] = {
		{ PEER("p", "10.0.0.1", ", bfdProfile: fast" ON("b")), 0, 1 },
		{ PEER("x", ADDR, ON("a")) PEER("z", ADDR, ON("b")), 0, 1 },
		{ ADVERTISEMENT("a", "communities: [x], " ONLY_ON("b")), 0, 1 },
		{ POOL("p", "10.0.0.0/16") TWO_PREFS(ONLY_ON("a"), ONLY_ON("b")), 0, 1 },
		{ POOL("p", "1.1.1.0/28")
			  ADVERTISEMENT("a", "aggregationLength: 26, " ONLY_ON("b")),
		  0, 1 },
		{ PEER("p", "10.0.0.1", ", bfdProfile: fast"), 1, 1 },
	};

	for (size_t i = 0; i < 2 * LENGTH(cases); i++) {
		struct built b = { .inputs = inputs_with(NODES_A_B_BOTH) };
		bool both = i % 2 == 1;

		b.inputs.own_node = nodes[both ? 2 : 0];
		built_add(&b, "m.yaml", cases[i / 2].text);
		built_finish(&b);
		assert_int_equal(b.faults.count, both ? cases[i / 2].on_both : cases[i / 2].on_a);
		built_done(&b);
	}
}

/* Peers and advertisements stop no allocation (MetalLB's controller does not read them). */
static void test_the_allocator_is_not_stopped_by_rules_of_bgp(void **state)
{
	(void)state;
	struct built b = { .inputs = { .scope = CONFIG_POOLS } };
	char buf[256];

	built_add(
		&b, "b.conf",
		"bgpPeers = ( { name = \"p\"; myASN = 1; peerASN = 2; peerAddress = \"10.0.0.1\";\n"
		"bfdProfile = \"a-resource\"; } );\n"
		"bgpAdvertisements = ( { name = \"a\"; aggregationLength = 8; } );\n"
		"pools = ( { name = \"p\"; addresses = ( \"192.0.2.0/24\" ); } );\n");
	built_finish(&b);
	faults_text(&b.faults, buf, sizeof(buf));
	assert_string_equal(buf, "");
	assert_int_equal(b.config->pools.count, 1);
	built_done(&b);
}

/* --- the file wins ---------------------------------------------------------------------------- */

#define FILE_PEER                                                                                  \
	"bgpPeers = ( { name = \"%s\"; myASN = 64500; peerASN = 64501; peerAddress = \"" ADDR      \
	"\"; } );\n"

static void test_peer_of_the_file_wins(void **state)
{
	(void)state;
	static const char *const names[] = { "before",
					     "zzz" }; /* the order of names is no matter */

	for (size_t i = 0; i < LENGTH(names); i++) {
		struct built b = { 0 };
		char conf[256], buf[512], expected[256];

		snprintf(conf, sizeof(conf), FILE_PEER, names[i]);
		built_add(&b, "m.yaml", PEER("m", ADDR, "") PEER("other", "10.0.0.9", ""));
		built_add(&b, "b.conf", conf);
		built_finish(&b);
		faults_text(&b.faults, buf, sizeof(buf));
		snprintf(expected, sizeof(expected),
			 "m.yaml:4: spec.peerAddress: warning: ignored, " ADDR
			 " already exists on the same node, as BGPPeer \"%s\"",
			 names[i]);
		assert_string_equal(buf, expected);
		assert_int_equal(b.rc, 0);
		assert_int_equal(b.config->bgp_peers.count, 2);
		assert_non_null(config_bgp_peer(b.config, names[i]));
		assert_non_null(config_bgp_peer(b.config, "other"));
		assert_null(config_bgp_peer(b.config, "m"));
		built_done(&b);
	}
}

static void test_advertisement_and_community_of_the_file_win(void **state)
{
	(void)state;
	struct built b = { 0 };
	char buf[1024];

	built_add(&b, "m.yaml",
		  POOL("p", "10.0.0.0/16") ADVERTISEMENT("a", "localPref: 100, communities: [x]")
			  COMMUNITY("c", "{name: x, value: \"1:1\"}"));
	built_add(&b, "b.conf",
		  "bgpAdvertisements = ( { name = \"z\"; localPref = 200; communities = ( \"x\" ); "
		  "} );\n"
		  "communities = ( { name = \"z\"; communities = ( { name = \"x\"; value = "
		  "\"2:2\"; } ); "
		  "} );");
	built_finish(&b);
	faults_text(&b.faults, buf, sizeof(buf));
	assert_string_equal(
		buf, "m.yaml:14: spec.communities[0].name: warning: ignored, \"x\" is already a "
		     "name in Community \"z\"\n"
		     "m.yaml:9: spec.localPref: warning: ignored, 100 here, but 200 in "
		     "BGPAdvertisement \"z\", for the same routes of pool \"p\"");
	assert_int_equal(b.rc, 0);
	assert_int_equal(b.config->bgp_advertisements.count, 1);
	const struct bgp_advertisement *a = &b.config->bgp_advertisements.items[0];
	assert_string_equal(a->name, "z");
	assert_int_equal(a->communities.count, 1);
	assert_int_equal(a->communities.items[0].parts[0], 2 << 16 | 2);
	built_done(&b);
}

/* --- Secrets ---------------------------------------------------------------------------------- */

static const struct secret_case {
	const char *secret; /* NULL: none */
	const char *error, *password;
} secret_cases[] = {
	{ "{\"metadata\":{\"name\":\"bgp-password\",\"namespace\":\"metallb-system\"},"
	  "\"type\":\"kubernetes.io/basic-auth\",\"data\":{\"password\":\"c2VjcmV0\"}}",
	  "", "secret" },
	{ "{\"metadata\":{\"name\":\"bgp-password\",\"namespace\":\"metallb-system\"},"
	  "\"type\":\"kubernetes.io/basic-auth\",\"stringData\":{\"password\":\"plain\"}}",
	  "", "plain" },
	{ "{\"metadata\":{\"name\":\"bgp-password\",\"namespace\":\"metallb-system\"},"
	  "\"type\":\"Opaque\",\"data\":{\"password\":\"c2VjcmV0\"}}",
	  "parsing peer peer1 secret type mismatch on \"metallb-system\"/\"bgp-password\", type "
	  "\"kubernetes.io/basic-auth\" is expected \nfailed to parse peer peer1 password secret",
	  NULL },
	{ NULL,
	  "parsing peer peer1 secret ref not found for peer config \"metallb-system\"/\"peer1\"\n"
	  "failed to parse peer peer1 password secret",
	  NULL },
	/* one of another namespace is not it */
	{ "{\"metadata\":{\"name\":\"bgp-password\",\"namespace\":\"default\"},"
	  "\"type\":\"kubernetes.io/basic-auth\",\"data\":{\"password\":\"c2VjcmV0\"}}",
	  "parsing peer peer1 secret ref not found for peer config \"metallb-system\"/\"peer1\"\n"
	  "failed to parse peer peer1 password secret",
	  NULL },
	{ "{\"metadata\":{\"name\":\"bgp-password\",\"namespace\":\"metallb-system\"},"
	  "\"type\":\"kubernetes.io/basic-auth\",\"data\":{}}",
	  "parsing peer peer1 password not specified in the secret "
	  "\"metallb-system\"/\"bgp-password\"\nfailed to parse peer peer1 password secret",
	  NULL },
	{ "{\"metadata\":{\"name\":\"bgp-password\",\"namespace\":\"metallb-system\"},"
	  "\"type\":\"kubernetes.io/basic-auth\",\"data\":{\"password\":\"!\"}}",
	  "parsing peer peer1 password not specified in the secret "
	  "\"metallb-system\"/\"bgp-password\"\nfailed to parse peer peer1 password secret",
	  NULL },
};

static void test_password_comes_from_a_secret_of_its_type(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(secret_cases); i++) {
		const struct secret_case *c = &secret_cases[i];
		cJSON *secret = c->secret == NULL ? NULL : cJSON_Parse(c->secret);
		const cJSON *const secrets[] = { secret };
		struct built b = { .inputs = inputs_with(NO_NODES) };
		char buf[512];

		b.inputs.secrets = secrets;
		b.inputs.secret_count = secret != NULL;
		b.inputs.secrets_complete = true;
		built_add(&b, "m.yaml",
			  PEER("peer1", "10.0.0.1", ", passwordSecret: {name: bgp-password}"));
		built_finish(&b);
		assert_string_equal(config_first_error(&b.faults, buf, sizeof(buf)), c->error);
		if (b.rc == 0)
			assert_string_equal(b.config->bgp_peers.items[0].password, c->password);
		built_done(&b);
		cJSON_Delete(secret);
	}
}

/* Who does not read Secrets, or not all, does not miss one. */
static void test_secret_that_may_exist_is_not_missed(void **state)
{
	(void)state;
	struct built b = { .inputs = inputs_with(NO_NODES) };

	built_add(&b, "m.yaml",
		  PEER("peer1", "10.0.0.1", ", passwordSecret: {name: bgp-password}"));
	built_finish(&b);
	assert_int_equal(b.faults.count, 0);
	assert_string_equal(b.config->bgp_peers.items[0].password_secret, "bgp-password");
	assert_null(b.config->bgp_peers.items[0].password);
	built_done(&b);
}

/* --- many ------------------------------------------------------------------------------------- */

/* A thousand racks with a peer each, and as many pools and advertisements. */
static void test_a_thousand_racks_build_in_time(void **state)
{
	(void)state;
	struct built b = { 0 };
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);
	const struct node *rack_nodes[1000];

	for (unsigned i = 0; i < 1000; i++) {
		char name[16], labels[32];

		snprintf(name, sizeof(name), "n%u", i);
		snprintf(labels, sizeof(labels), "\"rack\":\"r%u\"", i);
		rack_nodes[i] = node_new(name, labels);
		fprintf(to,
			"{\"apiVersion\":\"metallb.io/v1beta2\",\"kind\":\"BGPPeer\",\"metadata\":{"
			"\"name\":\"p%u\"},\"spec\":{\"myASN\":%u,\"peerASN\":1,\"peerAddress\":"
			"\"10.0.0.1\",\"routerID\":\"1.1.%u.%u\",\"nodeSelectors\":[{"
			"\"matchLabels\":{"
			"\"rack\":\"r%u\"}}]}}\n",
			i, i + 1, i / 256, i % 256, i);
		fprintf(to,
			"{\"apiVersion\":\"metallb.io/"
			"v1beta1\",\"kind\":\"IPAddressPool\",\"metadata\":"
			"{\"name\":\"p%u\"},\"spec\":{\"addresses\":[\"10.%u.%u.0/24\"]}}\n",
			i, i / 256, i % 256);
		fprintf(to,
			"{\"apiVersion\":\"metallb.io/v1beta1\",\"kind\":\"BGPAdvertisement\","
			"\"metadata\":{\"name\":\"a%u\"},\"spec\":{\"localPref\":%u,"
			"\"ipAddressPools\":["
			"\"p%u\"]}}\n",
			i, i, i);
	}
	fclose(to);
	built_add(&b, "m.json", text);
	b.inputs.nodes = rack_nodes;
	b.inputs.node_count = 1000;
	b.inputs.frr = FRR_LIMITS_REFUSE;
	clock_t start = clock();
	built_finish(&b);
	assert_true(clock() - start < 10 * CLOCKS_PER_SEC);
	faults_print(&b.faults, stderr);
	assert_int_equal(b.rc, 0);
	assert_int_equal(b.config->bgp_peers.count, 1000);
	built_done(&b);
	for (unsigned i = 0; i < 1000; i++)
		node_free((struct node *)rack_nodes[i]);
	free(text);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, nodes_new, nodes_free)
	const struct CMUnitTest tests[] = {
		TEST(test_aggregation_is_never_wider_than_an_entry_of_the_pool),
		TEST(test_local_prefs_of_one_route_do_not_contradict),
		TEST(test_ipv6_pools_do_not_go_with_bfd_echo_mode),
		TEST(test_communities_are_of_the_two_forms),
		TEST(test_name_of_a_community_is_given_once),
		TEST(test_name_of_a_community_in_an_advertisement_exists),
		TEST(test_no_two_peers_on_one_node_are_the_same_router),
		TEST(test_peers_on_one_node_have_one_router_id),
		TEST(test_peers_on_one_node_and_vrf_have_one_as_number),
		TEST(test_limits_of_frr_are_no_limits_of_ours),
		TEST(test_bfd_profile_of_a_peer_exists),
		TEST(test_references_may_come_later),
		TEST(test_a_speaker_is_concerned_with_its_own_node),
		TEST(test_the_allocator_is_not_stopped_by_rules_of_bgp),
		TEST(test_peer_of_the_file_wins),
		TEST(test_advertisement_and_community_of_the_file_win),
		TEST(test_password_comes_from_a_secret_of_its_type),
		TEST(test_secret_that_may_exist_is_not_missed),
		TEST(test_a_thousand_racks_build_in_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
