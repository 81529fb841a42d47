// SPDX-License-Identifier: Apache-2.0
/*
 * MetalLB's rules of allocation, one row each, by the sections of the compatibility page: 3.1 how
 * a Service converges, 3.2 which pool, 3.3 which address, 3.4 the assign check, 3.5 pools and
 * Services, 3.6 dual stack, 3.7 the change matrix. Where decisions.md departs from MetalLB, the row
 * has the decision's number. What takes more than one change has a test of its own elsewhere:
 * writes, sharing and restarts in test_allocator_change.c, the rest in test_allocator_assign.c.
 */
#include "tests/unit/allocator_world.h"

#define P(name, addresses, more) "{\"name\":\"" name "\",\"addresses\":[" addresses "]" more "}"
#define V4A                      "\"192.0.2.0/30\""
#define V4B                      "\"198.51.100.0/30\""
#define V6A                      "\"2001:db8:a::/126\""
#define V6B                      "\"2001:db8:b::/126\""
#define SA(members)              ",\"serviceAllocation\":{" members "}"
#define MANUAL                   ",\"autoAssign\":false"
#define AB                       "[" P("a", V4A, "") "," P("b", V4B, "") "]"
#define A_ONE                    "[" P("a", "\"192.0.2.0/32\"", "") "]"
#define NO_IP                    "{\"type\":\"LoadBalancer\"," PORTS(80) "}"
#define LOCAL(x)                                                                                   \
	"{\"type\":\"LoadBalancer\",\"clusterIPs\":[\"10.96.0.1\"],\"externalTrafficPolicy\":"     \
	"\"Local\",\"selector\":{\"app\":\"" x "\"}," PORTS(81) "}"
#define NODE_PORT "{\"type\":\"NodePort\",\"clusterIPs\":[\"10.96.0.1\"]," PORTS(80) "}"
#define REQUIRE_ONE                                                                                \
	"{\"type\":\"LoadBalancer\",\"clusterIPs\":[\"10.96.0.1\"],\"ipFamilyPolicy\":"            \
	"\"RequireDualStack\"," PORTS(80) "}"
#define PREFER_ONE                                                                                 \
	"{\"type\":\"LoadBalancer\",\"clusterIPs\":[\"10.96.0.1\"],\"ipFamilyPolicy\":"            \
	"\"PreferDualStack\"," PORTS(80) "}"
#define PREFER_V6                                                                                  \
	"{\"type\":\"LoadBalancer\",\"clusterIPs\":[\"fd00::1\",\"10.96.0.1\"],\"ipFamilies\":"    \
	"[\"IPv6\",\"IPv4\"],\"ipFamilyPolicy\":\"PreferDualStack\"," PORTS(80) "}"
#define PREFER  LB_DUAL("PreferDualStack")
#define REQUIRE LB_DUAL("RequireDualStack")

struct given {
	const char *name, *spec, *annotations, *labels; /* no name: none */
};

struct rule {
	const char *name;
	const char *pools;     /* NULL: one pool "a" and one "b" of IPv4 */
	struct given first[4]; /* applied one after the other */
	/* Then the change: any of these. */
	const char *new_pools;
	struct given then;
	const char *gone;               /* deleted */
	const char *status_of, *ips[2]; /* written by somebody */
	bool restart;
	/* And what comes of it. */
	struct {
		const char *name, *shows;
	} after[3];
	const char *said, *unsaid; /* events of the change */
	bool quiet;                /* nothing is written for the change */
};

static void apply(struct world *w, const struct given *g)
{
	world_apply(w, g->name, g->spec, g->annotations, g->labels);
	world_run(w);
}

static void run_rule(const struct rule *u)
{
	struct world *w = world_new(u->pools != NULL ? u->pools : AB, NULL);

	world_namespace(w, "web", "\"tier\":\"gold\"");
	world_namespace(w, "db", "");
	for (size_t i = 0; i < 4 && u->first[i].name != NULL; i++)
		apply(w, &u->first[i]);
	if (u->new_pools != NULL)
		world_pools(w, u->new_pools);
	if (u->then.name != NULL)
		world_apply(w, u->then.name, u->then.spec, u->then.annotations, u->then.labels);
	if (u->gone != NULL)
		world_delete(w, u->gone);
	if (u->status_of != NULL)
		world_status(w, u->status_of, u->ips[0], u->ips[1]);
	if (u->restart)
		world_restart(w);
	unsigned writes = world_run(w);
	for (size_t i = 0; i < 3 && u->after[i].name != NULL; i++) {
		const char *shows = world_shows(w, u->after[i].name);

		if (strcmp(shows, u->after[i].shows) != 0)
			fail_msg("%s: %s shows \"%s\", not \"%s\"; %s", u->name, u->after[i].name,
				 shows, u->after[i].shows, w->events);
	}
	if (u->said != NULL && !world_said(w, u->said))
		fail_msg("%s: not said: %s\nbut: %s", u->name, u->said, w->events);
	if (u->unsaid != NULL && world_said(w, u->unsaid))
		fail_msg("%s: said: %s", u->name, w->events);
	if (u->quiet && writes > 0)
		fail_msg("%s: %u writes", u->name, writes);
	if (world_run(w) > 0)
		fail_msg("%s: a second run writes", u->name);
	world_free(w);
}

#define RUN(rules)                                                                                 \
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)                              \
	run_rule(&rules[i])

static void test_3_1_converging_one_service(void **state)
{
	static const struct rule rules[] = {
		{ .name = "1 deleted: what it held goes to one that waits",
		  .pools = A_ONE,
		  .first = { { "web/a", LB_V4 }, { "web/b", LB_V4 } },
		  .gone = "web/a",
		  .after = { { "web/b", "192.0.2.0 a" } },
		  .said = "IPAllocated web/b: Assigned IP [\"192.0.2.0\"]\n" },
		{ .name = "3 no LoadBalancer: cleared, and free",
		  .pools = A_ONE,
		  .first = { { "web/a", LB_V4 }, { "web/b", LB_V4 } },
		  .then = { "web/a", CLUSTER_IP },
		  .after = { { "web/a", "" }, { "web/b", "192.0.2.0 a" } } },
		{ .name = "4 no pool: cleared",
		  .first = { { "web/a", LB_V4 } },
		  .new_pools = "[]",
		  .after = { { "web/a", "" } },
		  .said = "there is no address pool" },
		{ .name = "5 no cluster IP: cleared",
		  .first = { { "web/a", LB_V4 } },
		  .then = { "web/a", NO_IP },
		  .after = { { "web/a", "" } },
		  .said = "AllocationFailed web/a: Failed to allocate IP for \"web/a\": the "
			  "Service "
			  "has no cluster IP yet\n" },
		{ .name = "6 RequireDualStack and one cluster IP: event, cleared",
		  .first = { { "web/a", LB_V4 } },
		  .then = { "web/a", REQUIRE_ONE },
		  .after = { { "web/a", "" } },
		  .said = "not enough clusterips web/a: " },
		{ .name = "7 family of status and cluster IP differ: cleared, begun anew",
		  .pools = "[" P("a", V4A "," V6A, "") "]",
		  .first = { { "web/a", LB_V4 } },
		  .then = { "web/a", LB_V6 },
		  .after = { { "web/a", "2001:db8:a:: a" } },
		  .said = "ClearAssignment web/a: " },
		{ .name = "7 two of one family in the status: event, one is kept",
		  .first = { { "web/a", LB_V4 } },
		  .status_of = "web/a",
		  .ips = { "192.0.2.1", "192.0.2.2" },
		  .restart = true,
		  .after = { { "web/a", "192.0.2.1 a" } },
		  .said = "nolbIPsIPFamily web/a: " },
		{ .name = "7 PreferDualStack tolerates one",
		  .first = { { "web/a", PREFER } },
		  .restart = true,
		  .after = { { "web/a", "192.0.2.0 a" } },
		  .unsaid = "ClearAssignment",
		  .quiet = true },
		{ .name = "8 not acceptable any more: ClearAssignment, begun anew",
		  .first = { { "web/a", LB_V4 } },
		  .new_pools = "[" P("b", V4B, "") "]",
		  .after = { { "web/a", "198.51.100.0 b" } },
		  .said = "ClearAssignment web/a: Current IP [\"192.0.2.0\"] can no longer be "
			  "used, "
			  "a new one will be tried: 192.0.2.0 is in no pool\n" },
		{ .name = "9 annotation names another pool: moved",
		  .first = { { "web/a", LB_V4 } },
		  .then = { "web/a", NULL, A_POOL("b") },
		  .after = { { "web/a", "198.51.100.0 b" } } },
		{ .name = "10 request does not parse: LoadBalancerFailed, kept",
		  .first = { { "web/a", LB_V4 } },
		  .then = { "web/a", NULL, A_IPS("x") },
		  .after = { { "web/a", "192.0.2.0 a" } },
		  .said = "LoadBalancerFailed web/a: ",
		  .quiet = true },
		{ .name = "10 request for another address: moved",
		  .first = { { "web/a", LB_V4 } },
		  .then = { "web/a", NULL, A_IPS("192.0.2.3") },
		  .after = { { "web/a", "192.0.2.3 a" } } },
		{ .name = "11 one address and PreferDualStack: the other of the same pool",
		  .pools = "[" P("a", V4A, "") "]",
		  .first = { { "web/a", PREFER } },
		  .new_pools = "[" P("a", V4A "," V6A, "") "]",
		  .after = { { "web/a", "192.0.2.0,2001:db8:a:: a" } },
		  .said = "IPAllocated web/a: Assigned additional IP \"2001:db8:a::\"\n" },
		{ .name = "12 none to be had: AllocationFailed",
		  .pools = A_ONE,
		  .first = { { "web/a", LB_V4 } },
		  .then = { "web/b", LB_V4 },
		  .after = { { "web/b", "" } },
		  .said = "AllocationFailed web/b: Failed to allocate IP for \"web/b\": no "
			  "available "
			  "IPs: pool \"a\" has no free IPv4 address\n" },
		{ .name = "13 nothing that counts has changed: not written",
		  .first = { { "web/a", LB_V4 } },
		  .then = { "web/a", NULL, NULL, "\"x\":\"1\"" },
		  .after = { { "web/a", "192.0.2.0 a" } },
		  .quiet = true },
	};
	(void)state;
	RUN(rules);
}

static void test_3_2_which_pool(void **state)
{
	static const struct rule rules[] = {
		{ .name = "1 a request's families are the Service's, even with PreferDualStack",
		  .then = { "web/a", PREFER, A_IPS("192.0.2.1") },
		  .after = { { "web/a", "" } },
		  .said = "the Service needs IPv4 and IPv6, not IPv4 alone" },
		{ .name = "1 both requested addresses are in one pool",
		  .pools = "[" P("a", V4A, "") "," P("b", V6A, "") "]",
		  .then = { "web/a", REQUIRE, A_IPS("192.0.2.1,2001:db8:a::1") },
		  .after = { { "web/a", "" } },
		  .said = "the addresses are in two pools, \"a\" and \"b\"" },
		{ .name = "1 the owning pool is the annotated one",
		  .then = { "web/a", LB_V4, A_IPS("192.0.2.1") "," A_POOL("b") },
		  .after = { { "web/a", "" } },
		  .said = "AllocationFailed" },
		{ .name = "2 that pool only, autoAssign or not",
		  .pools = "[" P("a", V4A, "") "," P("b", V4B, MANUAL) "]",
		  .then = { "web/a", LB_V4, A_POOL("b") },
		  .after = { { "web/a", "198.51.100.0 b" } } },
		{ .name = "3 pinned pools before open ones",
		  .pools = "[" P("a", V4A, "") "," P("b", V4B, SA("\"namespaces\":[\"web\"]")) "]",
		  .then = { "web/a", LB_V4 },
		  .after = { { "web/a", "198.51.100.0 b" } } },
		{ .name = "3 by priority",
		  .pools = "[" P("a", V4A, SA("\"priority\":20")) "," P("b", V4B,
									SA("\"priority\":10")) "]",
		  .then = { "web/a", LB_V4 },
		  .after = { { "web/a", "198.51.100.0 b" } } },
		{ .name = "3 priority 0 is last",
		  .pools = "[" P("a", V4A, SA("\"priority\":0")) "," P("b", V4B,
								       SA("\"priority\":10")) "]",
		  .then = { "web/a", LB_V4 },
		  .after = { { "web/a", "198.51.100.0 b" } } },
		{ .name = "3 a serviceAllocation without conditions is for everybody",
		  .pools = "[" P("a", V4A, "") "," P("b", V4B, SA("\"priority\":1")) "]",
		  .then = { "web/a", LB_V4 },
		  .after = { { "web/a", "198.51.100.0 b" } } },
		{ .name = "3 open pools when pinned ones give nothing",
		  .pools = "[" P("a", V4A, "") "," P("b", V6A, SA("\"priority\":1")) "]",
		  .then = { "web/a", LB_V4 },
		  .after = { { "web/a", "192.0.2.0 a" } } },
		{ .name = "3 autoAssign false gives nothing by itself, pinned or not",
		  .pools = "[" P("a", V4A, MANUAL) "," P("b", V4B, MANUAL SA("\"priority\":1")) "]",
		  .then = { "web/a", LB_V4 },
		  .after = { { "web/a", "" } },
		  .said = "only used on request" },
		{ .name = "decision 1: open pools by name",
		  .pools = "[" P("z", V4A, "") "," P("b", V4B, "") "]",
		  .then = { "web/a", LB_V4 },
		  .after = { { "web/a", "198.51.100.0 b" } } },
		{ .name = "single: the first pool of that family",
		  .pools = "[" P("a", V6A, "") "," P("b", V4B, "") "]",
		  .then = { "web/a", LB_V4 },
		  .after = { { "web/a", "198.51.100.0 b" } } },
		{ .name = "dual: the first pool of both",
		  .pools = "[" P("a", V4A, "") "," P("b", V4B "," V6B, "") "]",
		  .then = { "web/a", PREFER },
		  .after = { { "web/a", "198.51.100.0,2001:db8:b:: b" } } },
		{ .name = "PreferDualStack: else one of the first family",
		  .pools = "[" P("a", V6A, "") "," P("b", V4B, "") "]",
		  .then = { "web/a", PREFER },
		  .after = { { "web/a", "198.51.100.0 b" } } },
		{ .name = "PreferDualStack: IPv6 if that is first",
		  .pools = "[" P("a", V4A, "") "," P("b", V6B, "") "]",
		  .then = { "web/a", PREFER_V6 },
		  .after = { { "web/a", "2001:db8:b:: b" } } },
		{ .name = "PreferDualStack: else one of the other family",
		  .pools = "[" P("a", V6A, "") "]",
		  .then = { "web/a", PREFER },
		  .after = { { "web/a", "2001:db8:a:: a" } } },
		{ .name = "RequireDualStack: never of two pools",
		  .pools = "[" P("a", V4A, "") "," P("b", V6B, "") "]",
		  .then = { "web/a", REQUIRE },
		  .after = { { "web/a", "" } },
		  .said = "AllocationFailed" },
	};
	(void)state;
	RUN(rules);
}

static void test_3_3_which_address(void **state)
{
	static const struct rule rules[] = {
		{ .name = "ranges in written order, from the lowest, network address included",
		  .pools = "[" P("a", "\"198.51.100.0/31\",\"192.0.2.0/30\"", "") "]",
		  .first = { { "web/a", LB_V4 }, { "web/b", LB_V4 } },
		  .then = { "web/c", LB_V4 },
		  .after = { { "web/a", "198.51.100.0 a" },
			     { "web/b", "198.51.100.1 a" },
			     { "web/c", "192.0.2.0 a" } } },
		{ .name = ".0 and .255 are skipped with avoidBuggyIPs",
		  .pools = "[" P("a", "\"192.0.2.255-192.0.3.9\"", ",\"avoidBuggyIPs\":true") "]",
		  .then = { "web/a", LB_V4 },
		  .after = { { "web/a", "192.0.3.1 a" } } },
		{ .name = "the broadcast address is given out",
		  .pools = "[" P("a", "\"192.0.2.255/32\"", "") "]",
		  .then = { "web/a", LB_V4 },
		  .after = { { "web/a", "192.0.2.255 a" } } },
		{ .name = "a freed low address is used again at once",
		  .first = { { "web/a", LB_V4 }, { "web/b", LB_V4 } },
		  .gone = "web/a",
		  .then = { "web/c", LB_V4 },
		  .after = { { "web/c", "192.0.2.0 a" } } },
		{ .name = "addresses that may not be shared are skipped",
		  .first = { { "web/a", LB_V4, A_SHARE("k") } },
		  .then = { "web/b", LB_V4, A_SHARE("k") }, /* the same port */
		  .after = { { "web/b", "192.0.2.1 a" } } },
	};
	(void)state;
	RUN(rules);
}

static void test_3_4_assign_check(void **state)
{
	static const struct rule rules[] = {
		{ .name = "a status may hold what is in a pool",
		  .then = { "web/a", LB_V4 },
		  .status_of = "web/a",
		  .ips = { "198.51.100.2" },
		  .after = { { "web/a", "198.51.100.2 b" } },
		  .unsaid = "ClearAssignment" },
		{ .name = "buggy addresses of a pool that avoids them do not count",
		  .pools = "[" P("a", V4A, ",\"avoidBuggyIPs\":true") "]",
		  .then = { "web/a", LB_V4 },
		  .status_of = "web/a",
		  .ips = { "192.0.2.0" },
		  .after = { { "web/a", "192.0.2.1 a" } },
		  .said = "ClearAssignment" },
		{ .name = "the pool has to be for the Service",
		  .pools = "[" P("a", V4A, SA("\"namespaces\":[\"db\"]")) "," P("b", V4B, "") "]",
		  .then = { "web/a", LB_V4 },
		  .status_of = "web/a",
		  .ips = { "192.0.2.0" },
		  .after = { { "web/a", "198.51.100.0 b" } },
		  .said = "ClearAssignment" },
		{ .name = "autoAssign is not asked",
		  .pools = "[" P("a", V4A, MANUAL) "]",
		  .then = { "web/a", LB_V4 },
		  .status_of = "web/a",
		  .ips = { "192.0.2.2" },
		  .after = { { "web/a", "192.0.2.2 a" } } },
		{ .name = "labels of the Service can take an address away",
		  .pools = "[" P("a", V4A,
				 SA("\"serviceSelectors\":[{\"matchLabels\":{\"x\":\"1\"}}]")) "]",
		  .first = { { "web/a", LB_V4, NULL, "\"x\":\"1\"" } },
		  .then = { "web/a", NULL, NULL, "\"x\":\"2\"" },
		  .after = { { "web/a", "" } },
		  .said = "ClearAssignment" },
	};
	(void)state;
	RUN(rules);
}

static void test_3_5_pools_and_services(void **state)
{
#define GOLD "\"namespaceSelectors\":[{\"matchLabels\":{\"tier\":\"gold\"}}]"
#define LEAD "\"namespaceSelectors\":[{\"matchLabels\":{\"tier\":\"lead\"}}]"
#define FRONT                                                                                      \
	"\"serviceSelectors\":[{\"matchLabels\":{\"x\":\"1\"}},{\"matchLabels\":{\"x\":\"2\"}}]"
	static const struct rule rules[] = {
		{ .name = "namespaces by name",
		  .pools = "[" P("a", V4A, SA("\"namespaces\":[\"web\"]")) "]",
		  .first = { { "web/a", LB_V4 } },
		  .then = { "db/a", LB_V4 },
		  .after = { { "web/a", "192.0.2.0 a" }, { "db/a", "" } } },
		{ .name = "namespaces by label",
		  .pools = "[" P("a", V4A, SA(GOLD)) "]",
		  .first = { { "web/a", LB_V4 } },
		  .then = { "db/a", LB_V4 },
		  .after = { { "web/a", "192.0.2.0 a" }, { "db/a", "" } } },
		{ .name = "by name or by label",
		  .pools = "[" P("a", V4A, SA("\"namespaces\":[\"db\"]," GOLD)) "]",
		  .first = { { "web/a", LB_V4 } },
		  .then = { "db/a", LB_V4 },
		  .after = { { "web/a", "192.0.2.0 a" }, { "db/a", "192.0.2.1 a" } } },
		{ .name = "one of the Service selectors",
		  .pools = "[" P("a", V4A, SA(FRONT)) "]",
		  .first = { { "web/a", LB_V4, NULL, "\"x\":\"2\"" } },
		  .then = { "web/b", LB_V4, NULL, "\"x\":\"3\"" },
		  .after = { { "web/a", "192.0.2.0 a" }, { "web/b", "" } } },
		{ .name = "namespace and Service both",
		  .pools = "[" P("a", V4A, SA(GOLD "," FRONT)) "]",
		  .first = { { "web/a", LB_V4, NULL, "\"x\":\"1\"" }, { "web/b", LB_V4 } },
		  .then = { "db/a", LB_V4, NULL, "\"x\":\"1\"" },
		  .after = { { "web/a", "192.0.2.0 a" }, { "web/b", "" }, { "db/a", "" } } },
		{ .name = "decision 8: selectors that match no namespace let nobody in",
		  .pools = "[" P("a", V4A, SA(LEAD)) "]",
		  .then = { "web/a", LB_V4, A_IPS("192.0.2.1") },
		  .after = { { "web/a", "" } },
		  .said = "pool \"a\" is not for namespace \"web\"" },
	};
	(void)state;
	RUN(rules);
}

static void test_3_6_dual_stack(void **state)
{
#define DUAL "[" P("a", V4A "," V6A, "") "]"
	static const struct rule rules[] = {
		{ .name = "decision 7: one cluster IP, PreferDualStack: one address, for good",
		  .pools = DUAL,
		  .first = { { "web/a", PREFER_ONE } },
		  .restart = true,
		  .after = { { "web/a", "192.0.2.0 a" } },
		  .quiet = true },
		{ .name = "two, RequireDualStack: two of one pool",
		  .pools = DUAL,
		  .then = { "web/a", REQUIRE },
		  .after = { { "web/a", "192.0.2.0,2001:db8:a:: a" } } },
		{ .name = "two, RequireDualStack: or nothing",
		  .then = { "web/a", REQUIRE },
		  .after = { { "web/a", "" } } },
		{ .name = "two, PreferDualStack: two of one pool",
		  .pools = DUAL,
		  .then = { "web/a", PREFER },
		  .after = { { "web/a", "192.0.2.0,2001:db8:a:: a" } } },
		{ .name = "two, SingleStack: fails",
		  .pools = DUAL,
		  .then = { "web/a", LB_DUAL("SingleStack") },
		  .after = { { "web/a", "" } },
		  .said = "AllocationFailed" },
		{ .name = "the second never of a dual pool that appears later",
		  .pools = "[" P("a", V4A, "") "]",
		  .first = { { "web/a", PREFER } },
		  .new_pools = "[" P("a", V4A, "") "," P("b", V4B "," V6B, "") "]",
		  .after = { { "web/a", "192.0.2.0 a" } },
		  .quiet = true },
		{ .name = "that the second cannot be had is said on change, not each time",
		  .pools = "[" P("a", V4A, "") "]",
		  .first = { { "web/a", PREFER } },
		  .then = { "web/a", NULL, NULL, "\"x\":\"1\"" },
		  .after = { { "web/a", "192.0.2.0 a" } },
		  .unsaid = "AdditionalAssignFailed" },
		{ .name = "a dual pool shrinks to one family: begun anew",
		  .pools = DUAL,
		  .first = { { "web/a", REQUIRE } },
		  .new_pools = "[" P("a", V4A, "") "," P("b", V4B "," V6B, "") "]",
		  .after = { { "web/a", "198.51.100.0,2001:db8:b:: b" } },
		  .said = "ClearAssignment" },
	};
	(void)state;
	RUN(rules);
}

static void test_3_7_change_matrix(void **state)
{
#define PROXY ",\"ipMode\":\"Proxy\""
	static const struct rule rules[] = {
		{ .name = "restart: addresses stay with those that have them",
		  .pools = A_ONE,
		  .first = { { "web/b", LB_V4 }, { "web/a", LB_V4 } },
		  .restart = true,
		  .after = { { "web/b", "192.0.2.0 a" }, { "web/a", "" } },
		  .quiet = true },
		{ .name = "still inside some pool: kept, the annotation follows",
		  .first = { { "web/a", LB_V4 } },
		  .new_pools = "[" P("c", "\"192.0.2.0/24\"", "") "]",
		  .after = { { "web/a", "192.0.2.0 c" } } },
		{ .name = "in no pool any more: another",
		  .first = { { "web/a", LB_V4 } },
		  .new_pools = "[" P("a", "\"192.0.2.2/31\"", "") "]",
		  .after = { { "web/a", "192.0.2.2 a" } },
		  .said = "ClearAssignment" },
		{ .name = "in no pool any more and no other: pending, emptied",
		  .first = { { "web/a", LB_V4 } },
		  .new_pools = "[" P("a", V6A, "") "]",
		  .after = { { "web/a", "" } },
		  .said = "AllocationFailed" },
		{ .name = "last pool deleted: emptied",
		  .first = { { "web/a", LB_V4 } },
		  .new_pools = "[]",
		  .after = { { "web/a", "" } } },
		{ .name = "autoAssign taken away: holders keep",
		  .first = { { "web/a", LB_V4 } },
		  .new_pools = "[" P("a", V4A, MANUAL) "]",
		  .after = { { "web/a", "192.0.2.0 a" } },
		  .quiet = true },
		{ .name = "avoidBuggyIPs set: holders of .0 are moved",
		  .first = { { "web/a", LB_V4 } },
		  .new_pools = "[" P("a", V4A, ",\"avoidBuggyIPs\":true") "]",
		  .after = { { "web/a", "192.0.2.1 a" } },
		  .said = "ClearAssignment" },
		{ .name = "serviceAllocation narrowed: who does not match moves",
		  .first = { { "web/a", LB_V4 } },
		  .new_pools =
			  "[" P("a", V4A, SA("\"namespaces\":[\"db\"]")) "," P("b", V4B, "") "]",
		  .after = { { "web/a", "198.51.100.0 b" } },
		  .said = "ClearAssignment" },
		{ .name = "type NodePort: cleared, free, the others tried",
		  .pools = A_ONE,
		  .first = { { "web/a", LB_V4 }, { "web/b", LB_V4 } },
		  .then = { "web/a", NODE_PORT },
		  .after = { { "web/a", "" }, { "web/b", "192.0.2.0 a" } } },
		{ .name = "pool annotation changed: moved",
		  .first = { { "web/a", LB_V4, A_POOL("a") } },
		  .then = { "web/a", NULL, A_POOL("b") },
		  .after = { { "web/a", "198.51.100.0 b" } } },
		{ .name = "decision 4: pool annotation changed to a full one: kept until then",
		  .pools = "[" P("a", V4A, "") "," P("b", "\"198.51.100.0/32\"", MANUAL) "]",
		  .first = { { "web/a", LB_V4 }, { "web/b", LB_V4, A_POOL("b") } },
		  .then = { "web/a", NULL, A_POOL("b") },
		  .after = { { "web/a", "192.0.2.0 a" } },
		  .said = "AllocationFailed web/a: Failed to allocate IP for \"web/a\": stays on "
			  "[\"192.0.2.0\"]: pool \"b\" has no free IPv4 address\n",
		  .quiet = true },
		{ .name = "decision 5: and had as soon as it is free",
		  .pools = "[" P("a", V4A, "") "," P("b", "\"198.51.100.0/32\"", MANUAL) "]",
		  .first = { { "web/a", LB_V4 },
			     { "web/b", LB_V4, A_POOL("b") },
			     { "web/a", NULL, A_POOL("b") } },
		  .gone = "web/b",
		  .after = { { "web/a", "198.51.100.0 b" } } },
		{ .name = "pool annotation removed: kept",
		  .first = { { "web/a", LB_V4, A_POOL("b") } },
		  .then = { "web/a", NULL, "" },
		  .after = { { "web/a", "198.51.100.0 b" } },
		  .quiet = true },
		{ .name = "address asked for is free: moved",
		  .first = { { "web/a", LB_V4 } },
		  .then = { "web/a", NULL, A_IPS("198.51.100.3") },
		  .after = { { "web/a", "198.51.100.3 b" } } },
		{ .name = "decision 4: it is taken: kept",
		  .first = { { "web/a", LB_V4 }, { "web/b", LB_V4 } },
		  .then = { "web/a", NULL, A_IPS("192.0.2.1") },
		  .after = { { "web/a", "192.0.2.0 a" } },
		  .said = "192.0.2.1 is held by web/b",
		  .quiet = true },
		{ .name = "decision 4: it is unknown: kept",
		  .first = { { "web/a", LB_V4 } },
		  .then = { "web/a", NULL, A_IPS("203.0.113.1") },
		  .after = { { "web/a", "192.0.2.0 a" } },
		  .said = "203.0.113.1 is in no pool",
		  .quiet = true },
		{ .name = "it does not parse: kept, LoadBalancerFailed",
		  .first = { { "web/a", LB_V4 } },
		  .then = { "web/a", NULL, A_IPS("192.0.2.") },
		  .after = { { "web/a", "192.0.2.0 a" } },
		  .said = "LoadBalancerFailed web/a: ",
		  .quiet = true },
		{ .name = "request removed: kept",
		  .first = { { "web/a", LB_V4, A_IPS("192.0.2.3") } },
		  .then = { "web/a", NULL, "" },
		  .after = { { "web/a", "192.0.2.3 a" } },
		  .quiet = true },
		{ .name = "port added that clashes on a shared address: moved",
		  .first = { { "web/a", LB_V4_PORT(80), A_SHARE("k") },
			     { "web/b", LB_V4_PORT(81), A_SHARE("k") } },
		  .then = { "web/b", LB_V4_PORT(80) },
		  .after = { { "web/a", "192.0.2.0 a" }, { "web/b", "192.0.2.1 a" } } },
		{ .name = "sharing key changed, sole user: in place",
		  .first = { { "web/a", LB_V4, A_SHARE("k") } },
		  .then = { "web/a", NULL, A_SHARE("l") },
		  .after = { { "web/a", "192.0.2.0 a" } },
		  .quiet = true },
		{ .name = "sharing key changed, not the sole user: moved",
		  .first = { { "web/a", LB_V4_PORT(80), A_SHARE("k") },
			     { "web/b", LB_V4_PORT(81), A_SHARE("k") } },
		  .then = { "web/a", NULL, A_SHARE("l") },
		  .after = { { "web/a", "192.0.2.1 a" }, { "web/b", "192.0.2.0 a" } } },
		{ .name = "policy Local on a shared address: loses it",
		  .pools = A_ONE,
		  .first = { { "web/a", LB_V4_PORT(80), A_SHARE("k") },
			     { "web/b", LB_V4_PORT(81), A_SHARE("k") } },
		  .then = { "web/b", LOCAL("x") },
		  .after = { { "web/a", "192.0.2.0 a" }, { "web/b", "" } } },
		{ .name = "status wiped: what is in the books is written again",
		  .first = { { "web/a", LB_V4, A_POOL("b") } },
		  .status_of = "web/a",
		  .after = { { "web/a", "198.51.100.0 b" } } },
		{ .name = "status written by somebody: adopted if the check passes",
		  .first = { { "web/a", LB_V4 } },
		  .status_of = "web/a",
		  .ips = { "198.51.100.3" },
		  .after = { { "web/a", "198.51.100.3 b" } },
		  .unsaid = "ClearAssignment" },
		{ .name = "and put right if it does not",
		  .first = { { "web/a", LB_V4 } },
		  .status_of = "web/a",
		  .ips = { "203.0.113.9" },
		  .after = { { "web/a", "192.0.2.0 a" } },
		  .said = "ClearAssignment" },
		{ .name = "drained: holders keep",
		  .first = { { "web/a", LB_V4 } },
		  .new_pools = "[" P("a", V4A, ",\"drain\":true") "," P("b", V4B, "") "]",
		  .then = { "web/b", LB_V4 },
		  .after = { { "web/a", "192.0.2.0 a" }, { "web/b", "198.51.100.0 b" } } },
	};
	(void)state;
	RUN(rules);
}

/* Decisions 21 and 27: ipMode is written when the pool says Proxy; a default is no difference. */
static void test_3_7_ip_mode_of_the_pool(void **state)
{
	struct world *w = world_new("[" P("a", V4A, PROXY) "]", NULL);
	struct thing *t;
	(void)state;

	world_apply(w, "web/a", LB_V4, NULL, NULL);
	assert_int_equal(world_run(w), 1);
	t = world_thing(w, "web/a");
	assert_true(t->proxied);
	assert_int_equal(world_run(w), 0);
	world_restart(w);
	assert_int_equal(world_run(w), 0);
	world_pools(w, "[" P("a", V4A, ",\"ipMode\":\"VIP\"") "]");
	assert_int_equal(world_run(w), 1);
	assert_false(t->proxied);
	world_pools(w, "[" P("a", V4A, "") "]"); /* the server's default is VIP */
	assert_int_equal(world_run(w), 0);
	world_pools(w, "[" P("a", V4A, PROXY) "]");
	assert_int_equal(world_run(w), 1);
	assert_true(t->proxied);
	/* One that took no notice, as an old API server, is not asked again and again. */
	t->proxied = false;
	world_apply(w, "web/a", NULL, NULL, "\"x\":\"1\"");
	assert_int_equal(world_run(w), 0);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_3_1_converging_one_service),
		cmocka_unit_test(test_3_2_which_pool),
		cmocka_unit_test(test_3_3_which_address),
		cmocka_unit_test(test_3_4_assign_check),
		cmocka_unit_test(test_3_5_pools_and_services),
		cmocka_unit_test(test_3_6_dual_stack),
		cmocka_unit_test(test_3_7_change_matrix),
		cmocka_unit_test(test_3_7_ip_mode_of_the_pool),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
