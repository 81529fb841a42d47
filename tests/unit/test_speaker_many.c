// SPDX-License-Identifier: Apache-2.0
/*
 * Elections among many nodes, by engines that share their ranks: each Service is announced by the
 * one node that the query names, which ranks all of them anew.
 */
#include "tests/unit/speaker_told.h"

#include <net/if.h>
#include <net/if_arp.h>

#include "lib/base/intern.h"
#include "lib/base/rng.h"

#define NODES    150
#define SERVICES 60

static const char config_text[] =
	"pools = ( { name = \"a\"; addresses = ( \"10.0.0.0/24\" ); } );\n"
	"l2Advertisements = ( { name = \"all\"; preferredNodeSelectors = ( { weight = 5; "
	"preference = "
	"{ matchLabels = { fast = \"yes\"; }; }; } ); } );";

struct many {
	struct rng rng;
	struct ranks *ranks;
	struct speaker *speakers[NODES];
};

static struct speaker *engine_new(const char *node, struct ranks *ranks)
{
	const struct speaker_cfg cfg = {
		.node_name = node, .seed = 1, .ranks = ranks, .assume_endpoints = true
	};
	const struct l2_link eth = { .ifindex = 2,
				     .name = "eth0",
				     .mac = { 2, 0, 0, 0, 0, 0xaa },
				     .hw_type = ARPHRD_ETHER,
				     .flags = IFF_UP | IFF_RUNNING | IFF_BROADCAST };
	struct config *config = config_of(config_text);
	struct speaker *s = NULL;

	assert_int_equal(speaker_new(&cfg, &s), 0);
	speaker_link_set(s, &eth);
	speaker_ready_set(s, true);
	speaker_config_set(s, config);
	config_unref(config);
	return s;
}

static void tell_all_of_service(struct many *m, unsigned i)
{
	struct faults faults = { 0 };
	struct service *service;
	char text[300];

	snprintf(text, sizeof(text),
		 "metadata: { namespace: web, name: s%u }\n"
		 "spec: { type: LoadBalancer, ports: [ { port: 80 } ] }\n"
		 "status: { loadBalancer: { ingress: [ { ip: 10.0.0.%u } ] } }\n",
		 i, i);
	cJSON *tree = yaml_tree(text);
	assert_int_equal(service_decode(tree, (struct where){ 0 }, &faults, &service), 0);
	for (unsigned k = 0; k < NODES; k++)
		speaker_service_upsert(m->speakers[k], service);
	service_free(service);
	cJSON_Delete(tree);
	faults_free(&faults);
}

static void tell_all_of_node(struct many *m, unsigned n, bool fast, bool excluded)
{
	struct faults faults = { 0 };
	struct node *node;
	char text[300];

	snprintf(text, sizeof(text), "metadata: { name: node-%u, labels: { a: b%s%s } }\n", n,
		 fast ? ", fast: \"yes\"" : "",
		 excluded ? ", node.kubernetes.io/exclude-from-external-load-balancers: x" : "");
	cJSON *tree = yaml_tree(text);
	assert_int_equal(node_decode(tree, (struct where){ 0 }, &faults, &node), 0);
	for (unsigned k = 0; k < NODES; k++)
		speaker_node_upsert(m->speakers[k], node);
	node_free(node);
	cJSON_Delete(tree);
	faults_free(&faults);
}

static void pass_all(struct many *m, uint64_t now_ns)
{
	struct speaker_actions out = { 0 };

	for (unsigned k = 0; k < NODES; k++) {
		do
			speaker_pass(m->speakers[k], now_ns, &out);
		while (speaker_wake_ns(m->speakers[k]) == 0);
		speaker_actions_clear(&out);
	}
	speaker_actions_done(&out);
}

/* Each Service is announced once, where the query says. */
static void check(struct many *m)
{
	const char *owner;
	char name[10], node[12];
	struct speaker_view v;
	size_t held;

	for (unsigned i = 0; i < SERVICES; i++) {
		snprintf(name, sizeof(name), "s%u", i);
		assert_int_equal(speaker_view(m->speakers[0], "web", name, &v), 0);
		assert_int_equal(v.announcements.count, 1);
		owner = v.announcements.items[0].node;
		for (unsigned k = 0; k < NODES; k++) {
			snprintf(node, sizeof(node), "node-%u", k);
			speaker_held(m->speakers[k], "web", name, &held);
			assert_int_equal(held, strcmp(owner, node) == 0);
		}
		speaker_view_done(&v);
	}
}

static void test_of_many_nodes_the_one_that_the_query_names_announces(void **state)
{
	struct many m = { .rng = rng_seeded(3), .ranks = ranks_new() };
	uint64_t now_ns = NS_PER_S;
	char name[12];

	(void)state;
	for (unsigned n = 0; n < NODES; n++) {
		snprintf(name, sizeof(name), "node-%u", n);
		m.speakers[n] = engine_new(name, m.ranks);
	}
	for (unsigned n = 0; n < NODES; n++)
		tell_all_of_node(&m, n, false, false);
	for (unsigned i = 0; i < SERVICES; i++)
		tell_all_of_service(&m, i);
	pass_all(&m, now_ns);
	check(&m);
	/* In turn few are fit, and some are preferred. */
	for (unsigned round = 0; round < 6; round++) {
		for (unsigned n = 0; n < NODES; n++)
			tell_all_of_node(&m, n, round % 2 == 1 && rng_below(&m.rng, 2) == 0,
					 rng_below(&m.rng, 6) < round);
		pass_all(&m, now_ns += 10 * NS_PER_S);
		check(&m);
		/* Then some go and come, beside whoever was elected. */
		for (unsigned change = 0; change < 60; change++) {
			tell_all_of_node(&m, (unsigned)rng_below(&m.rng, NODES),
					 round % 2 == 1 && rng_below(&m.rng, 2) == 0,
					 rng_below(&m.rng, 6) < round);
			if (change % 10 == 9) {
				pass_all(&m, now_ns += 10 * NS_PER_S);
				check(&m);
			}
		}
	}
	for (unsigned n = 0; n < NODES; n++)
		speaker_free(m.speakers[n]);
	ranks_free(m.ranks);
	assert_int_equal(intern_count(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_of_many_nodes_the_one_that_the_query_names_announces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
