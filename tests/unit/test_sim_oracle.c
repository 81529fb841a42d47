// SPDX-License-Identifier: Apache-2.0
/* sim/oracle.c: the rules one by one, and on made-up clusters what the speaker's engine says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "lib/base/must.h"
#include "sim/oracle.h"
#include "sim/random_state.h"
#include "speaker/engine.h"

/* --- a cluster of one Service ------------------------------------------------------------ */

struct cluster {
	struct sim_clock *clock;
	struct sim_api *api;
	struct sim_oracle *oracle;
};

static struct cluster cluster_new(void)
{
	const struct sim_api_cfg cfg = { .seed = 1 };
	struct cluster c = { .clock = sim_clock_new() };

	c.api = sim_api_new(c.clock, &cfg);
	c.oracle = sim_oracle_new(c.api, NULL, false);
	return c;
}

static void cluster_done(struct cluster *c)
{
	sim_oracle_free(c->oracle);
	sim_api_free(c->api);
	sim_clock_free(c->clock);
}

static void put(struct cluster *c, enum sim_kind kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void put(struct cluster *c, enum sim_kind kind, const char *fmt, ...)
{
	char text[2048];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	sim_api_put(c->api, kind, must(cJSON_Parse(text)));
}

static void put_node(struct cluster *c, const char *name, const char *labels, const char *status)
{
	put(c, SIM_NODE,
	    "{\"kind\":\"Node\",\"metadata\":{\"name\":\"%s\",\"labels\":{%s}},\"status\":{%s}}",
	    name, labels, status);
}

/* @spec and @notes: more of it. */
static void put_service(struct cluster *c, const char *ip, const char *spec, const char *notes)
{
	put(c, SIM_SERVICE,
	    "{\"kind\":\"Service\",\"metadata\":{\"name\":\"a\",\"namespace\":\"n\","
	    "\"labels\":{\"tier\":\"front\"},\"annotations\":{%s}},"
	    "\"spec\":{\"type\":\"LoadBalancer\"%s},"
	    "\"status\":{\"loadBalancer\":{\"ingress\":[{\"ip\":\"%s\"}]}}}",
	    notes, spec, ip);
}

/* Ready on the nodes, as a list of JSON texts; NULL: somewhere. */
static void put_slice(struct cluster *c, const char *nodes[], const char *conditions)
{
	char endpoints[1024] = "";
	size_t len = 0;

	for (size_t i = 0; nodes[i] != NULL; i++)
		len += (size_t)snprintf(endpoints + len, sizeof(endpoints) - len,
					"%s{\"addresses\":[\"10.244.0.%zu\"],\"nodeName\":\"%s\","
					"\"conditions\":{%s}}",
					i == 0 ? "" : ",", i + 1, nodes[i], conditions);
	put(c, SIM_SLICE,
	    "{\"kind\":\"EndpointSlice\",\"metadata\":{\"name\":\"a-1\",\"namespace\":\"n\","
	    "\"labels\":{\"kubernetes.io/service-name\":\"a\"}},\"addressType\":\"IPv4\","
	    "\"endpoints\":[%s],\"ports\":[]}",
	    endpoints);
}

/* @ads: texts of their spec. */
static void put_config(struct cluster *c, const char *ads[])
{
	struct config_inputs in = { .scope = CONFIG_ALL };
	struct faults faults = { 0 };
	struct config *config;
	char text[1024];

	((struct config_input *)must(array_push(&in)))->object = must(cJSON_Parse(
		"{\"apiVersion\":\"metallb.io/v1beta1\",\"kind\":\"IPAddressPool\",\"metadata\":{"
		"\"name\":\"p\"},\"spec\":{\"addresses\":[\"192.168.1.0/24\",\"10.0.0.0/24\","
		"\"fc00:f853:ccd:e799::/64\",\"2001:db8::/64\"]}}"));
	for (size_t i = 0; ads[i] != NULL; i++) {
		snprintf(text, sizeof(text),
			 "{\"apiVersion\":\"metallb.io/v1beta1\",\"kind\":\"L2Advertisement\","
			 "\"metadata\":{\"name\":\"ad%zu\"},\"spec\":{%s}}",
			 i, ads[i]);
		((struct config_input *)must(array_push(&in)))->object = must(cJSON_Parse(text));
	}
	assert_int_equal(config_build(&in, &faults, &config), 0);
	sim_api_put_config(c->api, config);
	config_unref(config);
	for (size_t i = 0; i < in.count; i++)
		cJSON_Delete((cJSON *)in.items[i].object);
	array_free(&in);
	faults_free(&faults);
}

static const char *const plain[] = { "", NULL };
static const char *const ready[] = { "node-a", "node-b", "node-c", NULL };

/* Three nodes, an advertisement for all, endpoints everywhere. */
static struct cluster three(const char *ip)
{
	struct cluster c = cluster_new();

	put_node(&c, "node-a", "\"zone\":\"a\"", "");
	put_node(&c, "node-b", "\"zone\":\"b\"", "");
	put_node(&c, "node-c", "\"zone\":\"c\"", "");
	put_config(&c, (const char **)plain);
	put_slice(&c, (const char **)ready, "\"ready\":true");
	put_service(&c, ip, "", "");
	return c;
}

/* "" for nobody. */
static void assert_owner(struct cluster *c, const char *owner)
{
	struct sim_verdict v;

	sim_oracle_owner(c->oracle, "n", "a", &v);
	assert_string_equal(v.owner != NULL ? v.owner : "", owner);
	assert_true((v.owner == NULL) == (v.why != NULL));
	array_free(&v.interfaces);
}

/* --- the rules --------------------------------------------------------------------------- */

/* Computed by Python's hashlib: compatibility page, appendix A. */
static void test_the_smallest_hash_of_node_and_first_address_owns(void **state)
{
	static const char *const vectors[][2] = {
		{ "192.168.1.240", "node-a" }, { "192.168.1.241", "node-c" },
		{ "10.0.0.1", "node-b" },      { "fc00:f853:ccd:e799::1", "node-b" },
		{ "2001:db8::a", "node-a" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		struct cluster c = three(vectors[i][0]);

		assert_owner(&c, vectors[i][1]);
		cluster_done(&c);
	}
}

/* For 192.168.1.240 the order is node-a, node-c, node-b. */
static void test_nodes_that_may_not_are_passed_over(void **state)
{
	struct cluster c = three("192.168.1.240");

	(void)state;
	put_node(&c, "node-a", "\"node.kubernetes.io/exclude-from-external-load-balancers\":\"\"",
		 "");
	assert_owner(&c, "node-c");
	put_node(&c, "node-c", "",
		 "\"conditions\":[{\"type\":\"NetworkUnavailable\",\"status\":\"True\"}]");
	assert_owner(&c, "node-b");
	sim_api_delete(c.api, SIM_NODE, NULL, "node-b");
	assert_owner(&c, "");
	put_node(&c, "node-c", "",
		 "\"conditions\":[{\"type\":\"NetworkUnavailable\",\"status\":\"False\"}]");
	assert_owner(&c, "node-c");
	cluster_done(&c);
}

static void test_an_endpoint_must_be_able_to_serve(void **state)
{
	static const char *const on_b[] = { "node-b", NULL };
	struct cluster c = three("192.168.1.240");

	(void)state;
	put_slice(&c, (const char **)on_b, "\"ready\":false");
	assert_owner(&c, "");
	put_slice(&c, (const char **)on_b, "\"ready\":false,\"serving\":true,\"terminating\":true");
	assert_owner(&c, "node-a");
	put_service(&c, "192.168.1.240", ",\"externalTrafficPolicy\":\"Local\"", "");
	assert_owner(&c, "node-b");
	sim_api_delete(c.api, SIM_SLICE, "n", "a-1");
	assert_owner(&c, "");
	cluster_done(&c);
}

static void test_advertisements_say_who_may_and_who_is_preferred(void **state)
{
	static const char *const only_b[] = {
		"\"nodeSelectors\":[{\"matchLabels\":{\"zone\":\"b\"}}]", NULL
	};
	static const char *const rather_b[] = {
		"\"preferredNodeSelectors\":[{\"weight\":1,\"preference\":{\"matchLabels\":{"
		"\"zone\":\"b\"}}}]",
		NULL
	};
	static const char *const sums[] = {
		"\"preferredNodeSelectors\":[{\"weight\":3,\"preference\":{\"matchLabels\":{"
		"\"zone\":\"b\"}}}]",
		"\"preferredNodeSelectors\":[{\"weight\":2,\"preference\":{\"matchLabels\":{"
		"\"zone\":\"c\"}}}]",
		"\"preferredNodeSelectors\":[{\"weight\":2,\"preference\":{\"matchLabels\":{"
		"\"zone\":\"c\"}}}]",
		NULL
	};
	static const char *const others[] = {
		"\"serviceSelectors\":[{\"matchLabels\":{\"tier\":\"back\"}}]", NULL
	};
	static const char *const another_pool[] = { "\"ipAddressPools\":[\"q\"]", NULL };
	struct cluster c = three("192.168.1.240");

	(void)state;
	put_config(&c, (const char **)only_b);
	assert_owner(&c, "node-b");
	put_config(&c, (const char **)rather_b);
	assert_owner(&c, "node-b");
	put_config(&c, (const char **)sums);
	assert_owner(&c, "node-c");
	put_config(&c, (const char **)others);
	assert_owner(&c, "");
	put_config(&c, (const char **)another_pool);
	assert_owner(&c, "");
	cluster_done(&c);
}

static void test_a_shared_address_and_service_selectors_do_not_go_together(void **state)
{
	static const char *const by_label[] = {
		"", "\"serviceSelectors\":[{\"matchLabels\":{\"tier\":\"front\"}}]", NULL
	};
	struct cluster c = three("192.168.1.240");

	(void)state;
	put_config(&c, (const char **)by_label);
	assert_owner(&c, "node-a");
	put_service(&c, "192.168.1.240", "", "\"metallb.io/allow-shared-ip\":\"\"");
	assert_owner(&c, "");
	cluster_done(&c);
}

static void test_only_services_of_the_class_with_an_address_of_a_pool_count(void **state)
{
	struct cluster c = three("192.168.1.240");

	(void)state;
	put_service(&c, "192.168.1.240", ",\"loadBalancerClass\":\"x.org/y\"", "");
	assert_owner(&c, "");
	put_service(&c, "192.168.2.1", "", "");
	assert_owner(&c, "");
	put_service(&c, "192.168.1.x", "", "");
	assert_owner(&c, "");
	put_service(&c, "192.168.1.0", "", ""); /* no matter what it ends in */
	assert_owner(&c, "node-a");
	sim_api_delete(c.api, SIM_SERVICE, "n", "a");
	assert_owner(&c, "");
	cluster_done(&c);
}

static void test_interfaces_are_those_of_all_that_cover_the_owner(void **state)
{
	static const char *const some[] = {
		"\"interfaces\":[\"eth1\",\"eth0\"]", "\"interfaces\":[\"eth0\",\"eth2\"]",
		"\"interfaces\":[\"eth9\"],\"nodeSelectors\":[{\"matchLabels\":{\"zone\":\"b\"}}]",
		NULL
	};
	static const char *const all[] = { "\"interfaces\":[\"eth1\"]", "", NULL };
	struct cluster c = three("192.168.1.240");
	struct sim_verdict v;

	(void)state;
	put_config(&c, (const char **)some);
	sim_oracle_owner(c.oracle, "n", "a", &v);
	assert_string_equal(v.owner, "node-a");
	assert_int_equal(v.interfaces.count, 3);
	assert_true(names_contain(&v.interfaces, "eth0"));
	assert_true(names_contain(&v.interfaces, "eth1"));
	assert_true(names_contain(&v.interfaces, "eth2"));
	array_free(&v.interfaces);
	put_config(&c, (const char **)all);
	sim_oracle_owner(c.oracle, "n", "a", &v);
	assert_int_equal(v.interfaces.count, 0);
	cluster_done(&c);
}

/* --- the engine agrees --------------------------------------------------------------------- */

#define CLUSTERS 300

static struct maker maker_of(uint64_t seed)
{
	struct maker m = { .rng = rng_seeded(seed), .cfg = { seed, 3, 12, 20, 0 } };

	m.s = must(calloc(1, sizeof(*m.s)));
	maker_topology(&m);
	maker_config_first(&m);
	for (unsigned i = 0; i < 20; i++)
		maker_service_new(&m);
	return m;
}

static void maker_done(struct maker *m)
{
	array_free(&m->nodes);
	array_free(&m->services);
	sim_scenario_free(m->s);
}

/* Nobody allocates here: some address or two, most of them of a pool. */
static void add_status(struct maker *m, cJSON *service)
{
	unsigned pool = maker_below(m, MAKER_POOLS), link = m->pools[pool].link;
	char *four = link < m->links
			     ? must_text("10.0.%u.%u", link, 128 + pool * 32 + maker_below(m, 8))
			     : must_text("10.64.%u.%u", pool, maker_below(m, 8));
	char *six = must_text("fd00:10:%u::%x:%x", link, 1 + pool, maker_below(m, 8));
	const char *first = maker_one_in(m, 2) ? four : six;
	cJSON *status =
		maker_one_in(m, 3)
			? maker_json("{\"loadBalancer\":{\"ingress\":[{\"ip\":\"%s\"},{"
				     "\"ip\":\"%s\"}]}}",
				     first, first == four ? six : four)
			: maker_json("{\"loadBalancer\":{\"ingress\":[{\"ip\":\"%s\"}]}}", first);

	cJSON_AddItemToObject(service, "status", status);
	free(four);
	free(six);
}

static void tell(void *arg, const struct sim_object *o)
{
	struct speaker *s = arg;

	if (o->kind == SIM_NODE)
		speaker_node_upsert(s, o->node);
	else if (o->kind == SIM_SLICE)
		speaker_slice_upsert(s, o->slice);
	else
		speaker_service_upsert(s, o->service);
}

struct comparison {
	struct cluster *c;
	struct speaker *engine;
	unsigned owned;
};

static void compare(void *arg, const struct sim_object *o)
{
	struct comparison *x = arg;
	struct speaker_view view = { 0 };
	struct sim_verdict v;

	sim_oracle_owner(x->c->oracle, o->ns, o->name, &v);
	if (speaker_view(x->engine, o->ns, o->name, &view) == 0) {
		const char *node =
			view.announcements.count > 0 ? view.announcements.items[0].node : NULL;

		assert_string_equal(v.owner != NULL ? v.owner : "", node != NULL ? node : "");
		x->owned += v.owner != NULL;
		assert_int_equal(v.interfaces.count, v.owner != NULL ? view.interfaces.count : 0);
		for (size_t i = 0; i < v.interfaces.count; i++)
			assert_true(names_contain(&view.interfaces, v.interfaces.items[i]));
		speaker_view_done(&view);
	} else {
		assert_null(v.owner);
	}
	array_free(&v.interfaces);
}

static void test_the_engine_says_the_same_of_made_up_clusters(void **state)
{
	struct comparison x = { 0 };

	(void)state;
	for (uint64_t seed = 0; seed < CLUSTERS; seed++) {
		const struct speaker_cfg cfg = { .seed = 1 };
		struct maker m = maker_of(seed);
		struct cluster c = cluster_new();
		struct config *config = maker_config(&m);

		assert_int_equal(speaker_new(&cfg, &x.engine), 0);
		x.c = &c;
		sim_api_put_config(c.api, config);
		speaker_config_set(x.engine, config);
		config_unref(config);
		for (size_t i = 0; i < m.s->objects.count; i++)
			sim_api_put(c.api, SIM_NODE, cJSON_Duplicate(m.s->objects.items[i], true));
		for (size_t i = 0; i < m.services.count; i++) {
			cJSON *service = maker_service_json(&m, &m.services.items[i]);

			add_status(&m, service);
			sim_api_put(c.api, SIM_SERVICE, service);
			sim_api_put(c.api, SIM_SLICE, maker_slice_json(&m, &m.services.items[i]));
		}
		sim_api_each(c.api, SIM_NODE, tell, x.engine);
		sim_api_each(c.api, SIM_SLICE, tell, x.engine);
		sim_api_each(c.api, SIM_SERVICE, tell, x.engine);
		sim_api_each(c.api, SIM_SERVICE, compare, &x);
		speaker_free(x.engine);
		cluster_done(&c);
		maker_done(&m);
	}
	assert_true(x.owned > CLUSTERS * 2); /* it is worth something */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_smallest_hash_of_node_and_first_address_owns),
		cmocka_unit_test(test_nodes_that_may_not_are_passed_over),
		cmocka_unit_test(test_an_endpoint_must_be_able_to_serve),
		cmocka_unit_test(test_advertisements_say_who_may_and_who_is_preferred),
		cmocka_unit_test(test_a_shared_address_and_service_selectors_do_not_go_together),
		cmocka_unit_test(test_only_services_of_the_class_with_an_address_of_a_pool_count),
		cmocka_unit_test(test_interfaces_are_those_of_all_that_cover_the_owner),
		cmocka_unit_test(test_the_engine_says_the_same_of_made_up_clusters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
