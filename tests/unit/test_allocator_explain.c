// SPDX-License-Identifier: Apache-2.0
/* What each pool says to a Service, and that a waiting Service is told just that. */
#include "allocator/explain.h"
#include "tests/unit/allocator_world.h"

/* One pool for each answer; by name they stand in another order than they are asked. */
#define LB_LOCAL                                                                                   \
	"{\"type\":\"LoadBalancer\",\"clusterIP\":\"10.96.0.1\",\"clusterIPs\":[\"10.96.0.1\"],"   \
	"\"ipFamilies\":[\"IPv4\"],\"externalTrafficPolicy\":\"Local\",\"selector\":{\"app\":"     \
	"\"x\"}," PORTS(81) "}"
#define OPEN_POOL "[{\"name\":\"open\",\"addresses\":[\"192.0.2.0/24\"]}]"
#define POOLS                                                                                      \
	"[{\"name\":\"a-full\",\"addresses\":[\"192.0.2.0/32\"]},"                                 \
	"{\"name\":\"b-six\",\"addresses\":[\"2001:db8::/126\"]},"                                 \
	"{\"name\":\"c-request\",\"addresses\":[\"192.0.2.4/30\"],\"autoAssign\":false,"           \
	"\"exclude\":[\"192.0.2.5\"]},"                                                            \
	"{\"name\":\"d-db\",\"addresses\":[\"192.0.2.8/30\"],\"serviceAllocation\":"               \
	"{\"priority\":20,\"namespaces\":[\"db\"]}},"                                              \
	"{\"name\":\"e-front\",\"addresses\":[\"192.0.2.12/30\"],\"serviceAllocation\":"           \
	"{\"priority\":10,\"serviceSelectors\":[{\"matchLabels\":{\"app\":\"front\"}}]}}]"

struct heard {
	char *text; /* "name way answer: text\n" of each verdict */
};

static void hear(void *arg, const struct allocator_verdict *v)
{
	static const char *const ways[] = { "request", "pinned", "open", "none" };
	struct heard *h = arg;
	char *more = world_text("%s%s %s %s: %s\n", h->text, v->pool->name, ways[v->way],
				allocator_answer_word(v->answer), v->text);

	free(h->text);
	h->text = more;
}

static void expect_verdicts(struct world *w, const char *full, const char *want)
{
	struct heard heard = { strdup("") };
	char ns[64];
	const char *name;

	world_split(full, ns, &name);
	assert_true(allocator_explain(w->a, ns, name, hear, &heard));
	assert_string_equal(heard.text, want);
	free(heard.text);
}

static void test_every_pool_is_heard_in_the_order_of_asking(void **state)
{
	struct world *w = world_new(POOLS, NULL);
	(void)state;

	world_apply(w, "web/0", LB_V4, A_IPS("192.0.2.0"), NULL);
	world_apply(w, "web/a", LB_V4, NULL, NULL);
	world_run(w);
	expect_verdicts(w, "web/a",
			"e-front pinned otherLabels: pool \"e-front\" is not for Services with "
			"these labels\n"
			"d-db pinned otherNamespace: pool \"d-db\" is not for namespace \"web\"\n"
			"a-full open full: pool \"a-full\" has no free IPv4 address\n"
			"b-six open noFamily: pool \"b-six\" has no IPv4 addresses\n"
			"c-request none onRequest: pool \"c-request\" is only used on request\n");
	assert_string_equal(world_view(w, "web/a").reason,
			    "no available IPs: "
			    "pool \"e-front\" is not for Services with these labels; "
			    "pool \"d-db\" is not for namespace \"web\"; "
			    "pool \"a-full\" has no free IPv4 address; "
			    "pool \"b-six\" has no IPv4 addresses; "
			    "pool \"c-request\" is only used on request");
	assert_true(world_said(w, "AllocationFailed web/a: Failed to allocate IP for \"web/a\": "
				  "no available IPs: pool \"e-front\" is not for Services"));
	world_free(w);
}

static void test_pool_that_serves_is_heard_beside_those_that_could(void **state)
{
	struct world *w = world_new(POOLS, NULL);
	(void)state;

	world_apply(w, "db/a", LB_V4, NULL, NULL);
	world_run(w);
	expect_verdicts(w, "db/a",
			"e-front pinned otherLabels: pool \"e-front\" is not for Services with "
			"these labels\n"
			"d-db pinned holds: pool \"d-db\" gave it [\"192.0.2.8\"]\n"
			"a-full open could: pool \"a-full\" has what the Service needs\n"
			"b-six open noFamily: pool \"b-six\" has no IPv4 addresses\n"
			"c-request none onRequest: pool \"c-request\" is only used on request\n");
	world_free(w);
}

/* Who has a sharing key and may not share is told what stands against it. */
static void test_what_keeps_two_from_sharing_is_named(void **state)
{
	static const struct {
		const char *spec, *annotations, *apart;
	} rows[] = {
		{ LB_V4, A_IPS("192.0.2.8"), "" },
		{ LB_V4, A_IPS("192.0.2.8") "," A_SHARE("x"), ", which has another sharing key" },
		{ LB_V4, A_IPS("192.0.2.8") "," A_SHARE("k"),
		  ", which has the same sharing key, but both have port 80/TCP" },
		{ LB_LOCAL, A_IPS("192.0.2.8") "," A_SHARE("k"),
		  ", which has the same sharing key, but with externalTrafficPolicy Local both "
		  "need "
		  "it and the same selector" },
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world *w = world_new(OPEN_POOL, NULL);
		struct heard heard = { strdup("") };
		char first[512];

		world_apply(w, "web/0", LB_V4, A_IPS("192.0.2.8") "," A_SHARE("k"), NULL);
		world_apply(w, "web/a", rows[i].spec, rows[i].annotations, NULL);
		world_run(w);
		assert_true(allocator_explain(w->a, "web", "a", hear, &heard));
		snprintf(first, sizeof(first), "open request taken: 192.0.2.8 is held by web/0%s\n",
			 rows[i].apart);
		assert_string_equal(heard.text, first);
		free(heard.text);
		world_free(w);
	}
	struct world *w = world_new(OPEN_POOL, NULL);
	struct heard heard = { strdup("") };
	world_apply(w, "web/0", LB_V4, A_IPS("192.0.2.8"), NULL);
	world_apply(w, "web/a", LB_V4, A_IPS("192.0.2.8") "," A_SHARE("k"), NULL);
	world_run(w);
	assert_true(allocator_explain(w->a, "web", "a", hear, &heard));
	assert_string_equal(heard.text,
			    "open request taken: 192.0.2.8 is held by web/0, which has no "
			    "sharing key\n");
	free(heard.text);
	world_free(w);
}

/* A request names a pool, or addresses: all other pools are out of the question. */
static void test_requests_are_answered_by_the_pool_they_are_for(void **state)
{
	static const struct {
		const char *annotations, *first; /* verdict */
	} rows[] = {
		{ A_POOL("c-request"),
		  "c-request request holds: pool \"c-request\" gave it [\"192.0.2.4\"]\n" },
		{ A_POOL("a-full"),
		  "a-full request full: pool \"a-full\" has no free IPv4 address\n" },
		{ A_POOL("d-db"),
		  "d-db request otherNamespace: pool \"d-db\" is not for namespace \"web\"\n" },
		{ A_IPS("192.0.2.6"),
		  "c-request request holds: pool \"c-request\" gave it [\"192.0.2.6\"]\n" },
		{ A_IPS("192.0.2.5"), "c-request request excluded: 192.0.2.5 is excluded from pool "
				      "\"c-request\"\n" },
		{ A_IPS("192.0.2.0"), "a-full request taken: 192.0.2.0 is held by web/0\n" },
		{ A_IPS("192.0.2.8"), "d-db request otherNamespace: 192.0.2.8 is refused: pool "
				      "\"d-db\" is not for namespace \"web\"\n" },
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world *w = world_new(POOLS, NULL);
		struct heard heard = { strdup("") };

		world_apply(w, "web/0", LB_V4, A_IPS("192.0.2.0"), NULL);
		world_apply(w, "web/a", LB_V4, rows[i].annotations, NULL);
		world_run(w);
		assert_true(allocator_explain(w->a, "web", "a", hear, &heard));
		assert_memory_equal(heard.text, rows[i].first, strlen(rows[i].first));
		assert_null(strstr(heard.text + strlen(rows[i].first), "could"));
		assert_non_null(strstr(heard.text, "elsewhere"));
		free(heard.text);
		world_free(w);
	}
}

/* Where the Service itself is the reason, no pool is asked. */
static void test_no_pool_is_heard_about_a_service_that_cannot_be_served(void **state)
{
	static const struct {
		const char *spec, *annotations;
	} rows[] = {
		{ CLUSTER_IP, NULL },
		{ "{\"type\":\"LoadBalancer\"," PORTS(80) "}", NULL },
		{ LB_V4, A_IPS("rubbish") },
		{ LB_V4, A_POOL("none") },
		{ "{\"type\":\"LoadBalancer\",\"loadBalancerClass\":\"x\",\"clusterIPs\":"
		  "[\"10.96.0.1\"]," PORTS(80) "}",
		  NULL },
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world *w = world_new(POOLS, NULL);

		world_apply(w, "web/a", rows[i].spec, rows[i].annotations, NULL);
		world_run(w);
		expect_verdicts(w, "web/a", "");
		assert_false(allocator_explain(w->a, "web", "b", hear, NULL));
		world_free(w);
	}
}

/* A sentence is bounded: pools that have no room in it are counted. */
static void test_very_many_pools_are_told_as_a_number(void **state)
{
	enum { POOLS_MANY = 40 };
	char *pools = strdup("[");
	(void)state;

	for (int i = 0; i < POOLS_MANY; i++) {
		char *more = world_text(
			"%s%s{\"name\":\"pool-%02d\",\"addresses\":[\"2001:db8:%x::/64\"]}", pools,
			i > 0 ? "," : "", i, i + 1);
		free(pools);
		pools = more;
	}
	char *list = world_text("%s]", pools);
	struct world *w = world_new(list, NULL);
	world_apply(w, "web/a", LB_V4, NULL, NULL);
	world_run(w);
	const char *reason = world_view(w, "web/a").reason, *at = reason;
	int told = 0;
	while ((at = strstr(at, "has no IPv4 addresses")) != NULL) {
		told++;
		at++;
	}
	char *end = world_text("; and %d more pools", POOLS_MANY - told);
	assert_in_range(told, 10, POOLS_MANY - 1);
	assert_string_equal(reason + strlen(reason) - strlen(end), end);
	free(end);
	free(list);
	free(pools);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_pool_is_heard_in_the_order_of_asking),
		cmocka_unit_test(test_pool_that_serves_is_heard_beside_those_that_could),
		cmocka_unit_test(test_what_keeps_two_from_sharing_is_named),
		cmocka_unit_test(test_requests_are_answered_by_the_pool_they_are_for),
		cmocka_unit_test(test_no_pool_is_heard_about_a_service_that_cannot_be_served),
		cmocka_unit_test(test_very_many_pools_are_told_as_a_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
