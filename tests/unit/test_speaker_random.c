// SPDX-License-Identifier: Apache-2.0
/*
 * Elections that are kept from change to change end as those of who asks everybody anew.
 *
 * A random cluster changes at random; one engine for each node follows it, half of them with shared
 * ranks, and runs passes now and then. Whenever all have run, each Service is announced by the one
 * node that an engine that was built a moment ago names, by its own query and by its own pass.
 */
#include "tests/unit/speaker_told.h"

#include <net/if.h>
#include <net/if_arp.h>

#include "lib/base/intern.h"
#include "lib/base/rng.h"

#define NODES    6
#define SERVICES 12
#define SLICES   (2 * SERVICES)
#define ROUNDS   800

static const char pools[] = "pools = ( { name = \"a\"; addresses = ( \"10.0.0.0/24\", "
			    "\"2001:db8::/64\" ); }, { name = \"b\"; addresses = ( "
			    "\"10.0.1.0/24\" ); } );\n";

/* What decides: one for all, by node and pool, by Service, by preference, on some interfaces. */
static const char *const advertisements[] = {
	"{ name = \"all\"; }",
	"{ name = \"some\"; nodeSelectors = ( { matchLabels = { zone = \"z0\"; }; } ); }, "
	"{ name = \"b\"; ipAddressPools = ( \"b\" ); nodeSelectors = ( { matchLabels = { zone = "
	"\"z1\"; }; } ); interfaces = ( \"eth1\" ); }",
	"{ name = \"gold\"; serviceSelectors = ( { matchLabels = { tier = \"gold\"; }; } ); }, "
	"{ name = \"all\"; preferredNodeSelectors = ( { weight = 10; preference = { matchLabels = "
	"{ zone = \"z0\"; }; }; }, { weight = 5; preference = { matchLabels = { fast = \"yes\"; }; "
	"}; } ); }",
	"{ name = \"gold\"; serviceSelectors = ( { matchLabels = { tier = \"gold\"; }; } ); "
	"preferredNodeSelectors = ( { weight = 7; preference = { matchLabels = { fast = \"yes\"; "
	"}; "
	"}; } ); }, { name = \"tin\"; serviceSelectors = ( { matchLabels = { tier = \"tin\"; }; } "
	"); "
	"nodeSelectors = ( { matchLabels = { zone = \"z2\"; }; }, { matchLabels = { fast = "
	"\"yes\"; "
	"}; } ); }",
};

struct follower {
	struct speaker *speaker;
	bool announces[SERVICES];
};

struct world {
	struct rng rng;
	struct ranks *ranks;
	struct follower followers[NODES];
	uint64_t now_ns;
	/* What the API has; "" : nothing. */
	char nodes[NODES][300], services[SERVICES][500], slices[SLICES][500], config[1200];
};

static unsigned below(struct world *w, unsigned n)
{
	return (unsigned)rng_below(&w->rng, n);
}

/* --- engines -------------------------------------------------------------------------------- */

static void node_name(unsigned i, char ret[static 10])
{
	snprintf(ret, 10, "node-%u", i % NODES);
}

static struct speaker *engine_new(const char *node, struct ranks *ranks)
{
	const struct speaker_cfg cfg = { .node_name = node, .seed = 1, .ranks = ranks };
	struct l2_link eth = { .ifindex = 2,
			       .name = "eth0",
			       .mac = { 2, 0, 0, 0, 0, 0xaa },
			       .hw_type = ARPHRD_ETHER,
			       .flags = IFF_UP | IFF_RUNNING | IFF_BROADCAST,
			       .link_local.family = IP_V6 };
	struct speaker *s = NULL;

	assert_int_equal(speaker_new(&cfg, &s), 0);
	speaker_link_set(s, &eth);
	eth.ifindex = 3;
	eth.name[3] = '1';
	speaker_link_set(s, &eth);
	speaker_ready_set(s, true);
	return s;
}

static void tell_config(struct speaker *to, const char *text)
{
	struct config *c = config_of(text);

	speaker_config_set(to, c);
	config_unref(c);
}

static unsigned service_number(const char *name)
{
	return (unsigned)strtoul(name + strlen("s"), NULL, 10);
}

static void run(struct world *w, struct speaker *s, bool announces[static SERVICES])
{
	struct speaker_actions out = { 0 };

	do
		speaker_pass(s, w->now_ns, &out);
	while (speaker_wake_ns(s) == 0);
	for (size_t i = 0; i < out.count; i++) {
		const struct speaker_action *a = &out.items[i];
		if (a->type == SPEAKER_ANNOUNCED || a->type == SPEAKER_WITHDRAWN)
			announces[service_number(a->about.name)] = a->type == SPEAKER_ANNOUNCED;
	}
	speaker_actions_done(&out);
}

/* One that knows all that there is, and nothing of what was. */
static struct speaker *engine_fresh(const struct world *w, const char *node)
{
	struct speaker *s = engine_new(node, NULL);

	tell_config(s, w->config);
	for (unsigned i = 0; i < SLICES; i++)
		if (w->slices[i][0] != '\0')
			tell_slice(s, w->slices[i]);
	for (unsigned i = 0; i < SERVICES; i++)
		if (w->services[i][0] != '\0')
			tell_service(s, w->services[i]);
	for (unsigned i = 0; i < NODES; i++)
		if (w->nodes[i][0] != '\0')
			tell_node(s, w->nodes[i]);
	return s;
}

/* --- changes -------------------------------------------------------------------------------- */

#define TELL_ALL(w, call)                                                                          \
	for (unsigned follower_ = 0; follower_ < NODES; follower_++) {                             \
		struct speaker *to = (w)->followers[follower_].speaker;                            \
		call;                                                                              \
	}

static void change_node(struct world *w)
{
	unsigned i = below(w, NODES);
	char name[10], *text = w->nodes[i];

	node_name(i, name);
	if (text[0] != '\0' && below(w, 4) == 0) {
		text[0] = '\0';
		TELL_ALL(w, speaker_node_remove(to, name));
		return;
	}
	snprintf(text, sizeof(w->nodes[i]),
		 "metadata: { name: %s, labels: { zone: z%u, noise: n%u%s%s } }\n"
		 "status: { conditions: [ { type: NetworkUnavailable, status: \"%s\" } ] }\n",
		 name, below(w, 3), below(w, 3), below(w, 3) == 0 ? ", fast: \"yes\"" : "",
		 below(w, 4) == 0 ? ", node.kubernetes.io/exclude-from-external-load-balancers: x"
				  : "",
		 below(w, 8) == 0 ? "True" : "False");
	TELL_ALL(w, tell_node(to, text));
}

/* Mostly what it had. Few addresses, so that Services share them; one family or both; none. */
static void ingress_of(struct world *w, unsigned i, char ret[static 80])
{
	unsigned last = i % 4, kind = below(w, 4) == 0 ? below(w, 5) : i % 4 + 1;

	if (kind == 0)
		ret[0] = '\0';
	else if (kind == 1)
		snprintf(ret, 80, "{ ip: \"2001:db8::%u\" }", last);
	else
		snprintf(ret, 80, "{ ip: 10.0.%u.%u }%s", kind == 2, last,
			 kind == 3 ? ", { ip: \"2001:db8::7\" }" : "");
}

static void change_service(struct world *w)
{
	unsigned i = below(w, SERVICES);
	char name[10], ingress[80], *text = w->services[i];

	snprintf(name, sizeof(name), "s%u", i);
	if (text[0] != '\0' && below(w, 5) == 0) {
		text[0] = '\0';
		TELL_ALL(w, speaker_service_remove(to, "web", name));
		return;
	}
	ingress_of(w, i, ingress);
	snprintf(text, sizeof(w->services[i]),
		 "metadata: { namespace: web, name: %s, labels: { tier: %s }, annotations: { n: "
		 "a%u } "
		 "}\n"
		 "spec: { type: %s, ports: [ { port: 80 } ], externalTrafficPolicy: %s }\n"
		 "status: { loadBalancer: { ingress: [ %s ] } }\n",
		 name, below(w, 2) == 0 ? "gold" : "tin", below(w, 9),
		 below(w, 10) == 0 ? "ClusterIP" : "LoadBalancer",
		 below(w, 3) == 0 ? "Local" : "Cluster", ingress);
	TELL_ALL(w, tell_service(to, text));
}

static void change_slice(struct world *w)
{
	unsigned i = below(w, SLICES);
	char name[10], *text = w->slices[i];

	snprintf(name, sizeof(name), "e%u", i);
	if (text[0] != '\0' && below(w, 5) == 0) {
		text[0] = '\0';
		TELL_ALL(w, speaker_slice_remove(to, "web", name));
		return;
	}
	snprintf(
		text, sizeof(w->slices[i]),
		"metadata: { namespace: web, name: %s, labels: { kubernetes.io/service-name: s%u } "
		"}\n"
		"addressType: IPv4\nendpoints: [ { addresses: [ 10.244.0.7 ], nodeName: node-%u, "
		"conditions: { ready: %s } }, { addresses: [ 10.244.0.8 ], nodeName: node-%u } ]\n",
		name, below(w, 20) == 0 ? below(w, SERVICES) : i / 2, below(w, NODES),
		below(w, 2) == 0 ? "true" : "false", below(w, NODES));
	TELL_ALL(w, tell_slice(to, text));
}

static void change_config(struct world *w)
{
	snprintf(w->config, sizeof(w->config), "%sl2Advertisements = ( %s );", pools,
		 advertisements[below(w, 4)]);
	TELL_ALL(w, tell_config(to, w->config));
}

static void change(struct world *w)
{
	unsigned what = below(w, 20);

	if (what == 0)
		change_config(w);
	else if (what < 8)
		change_node(w);
	else if (what < 14)
		change_service(w);
	else
		change_slice(w);
}

/* --- checks --------------------------------------------------------------------------------- */

/* The node that announces Service @i by the query of @s; -1: none. */
static int winner_of(const struct speaker *s, unsigned i)
{
	struct speaker_view v;
	char name[10];
	int node = -1;

	snprintf(name, sizeof(name), "s%u", i);
	if (speaker_view(s, "web", name, &v) < 0)
		return -1;
	if (v.announcements.count > 0)
		node = v.announcements.items[0].node[strlen("node-")] - '0';
	speaker_view_done(&v);
	return node;
}

/* Asked for itself alone, an engine says of Service @i what the query on all nodes says. */
static void check_held(const struct speaker *s, unsigned i, bool announces)
{
	const struct ip_addr *held;
	struct speaker_view v;
	char name[10], *why;
	size_t count;

	snprintf(name, sizeof(name), "s%u", i);
	held = speaker_held(s, "web", name, &count);
	why = speaker_held_why(s, "web", name);
	assert_int_equal(count > 0, announces);
	assert_int_equal(why != NULL, announces);
	if (!announces)
		return;
	assert_int_equal(speaker_view(s, "web", name, &v), 0);
	assert_int_equal(count, v.announcements.count);
	for (size_t k = 0; k < count; k++) {
		bool found = false;

		for (size_t m = 0; m < count; m++)
			found |= ip_equal(&held[k], &v.announcements.items[m].ip);
		assert_true(found);
	}
	assert_string_equal(why, v.why);
	speaker_view_done(&v);
	free(why);
}

/* What an engine keeps is what one keeps that has never known anything else. */
static void check_footprint(const struct speaker *kept, const struct speaker *fresh)
{
	struct speaker_footprint a = speaker_footprint(kept), b = speaker_footprint(fresh);

	assert_memory_equal(&a, &b, sizeof(a));
	assert_int_equal(a.marked, 0);
}

/* Against an engine in the place of one of them, chosen at random. */
static void check(struct world *w)
{
	bool announces[SERVICES] = { false };
	unsigned n = below(w, NODES);
	char name[10];

	for (unsigned k = 0; k < NODES; k++)
		run(w, w->followers[k].speaker, w->followers[k].announces);
	node_name(n, name);
	struct speaker *fresh = engine_fresh(w, name);
	run(w, fresh, announces);
	for (unsigned i = 0; i < SERVICES; i++) {
		int winner = winner_of(fresh, i);
		assert_int_equal(winner_of(w->followers[n].speaker, i), winner);
		assert_int_equal(announces[i], winner == (int)n);
		for (unsigned k = 0; k < NODES; k++)
			assert_int_equal(w->followers[k].announces[i], winner == (int)k);
		check_held(w->followers[n].speaker, i, winner == (int)n);
	}
	check_footprint(w->followers[n].speaker, fresh);
	speaker_free(fresh);
}

static void test_kept_elections_are_those_of_a_fresh_engine(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	char name[10];

	(void)state;
	w->rng = rng_seeded(5);
	w->ranks = ranks_new();
	w->now_ns = 1000 * NS_PER_S;
	for (unsigned n = 0; n < NODES; n++) {
		node_name(n, name);
		w->followers[n].speaker = engine_new(name, n % 2 == 0 ? w->ranks : NULL);
	}
	change_config(w);
	for (unsigned round = 0; round < ROUNDS; round++) {
		w->now_ns += 10 * NS_PER_S;
		for (unsigned k = below(w, 6); k > 0; k--) {
			change(w);
			struct follower *f = &w->followers[below(w, NODES)];
			if (below(w, 2) == 0)
				run(w, f->speaker, f->announces);
		}
		check(w);
	}
	for (unsigned n = 0; n < NODES; n++)
		speaker_free(w->followers[n].speaker);
	ranks_free(w->ranks);
	free(w);
	assert_int_equal(intern_count(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kept_elections_are_those_of_a_fresh_engine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
