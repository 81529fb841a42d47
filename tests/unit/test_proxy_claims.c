// SPDX-License-Identifier: Apache-2.0
/* Who has an address and port that several Services ask for, and how it goes from one to another.
 */
#include "tests/unit/proxy_kernel.h"

#define ADDR "10.96.9.9"

/* A Service of one TCP port 80 out of the rest of its spec and its status; @day: when it was made.
 */
static void put_made(struct rules *r, const char *ns, const char *name, unsigned day,
		     const char *rest)
{
	put_service(r,
		    "{\"metadata\":{\"namespace\":\"%s\",\"name\":\"%s\","
		    "\"creationTimestamp\":\"2026-01-%02uT00:00:00Z\"},"
		    "\"spec\":{\"ipFamilies\":[\"IPv4\"],\"ports\":[" PORT80 "],%s}",
		    ns, name, day, rest);
}

#define AS_CLUSTER_IP  "\"clusterIPs\":[\"" ADDR "\"]}"
#define AS_EXTERNAL_IP "\"clusterIPs\":[\"10.96.0.%u\"],\"externalIPs\":[\"" ADDR "\"]}"
#define AS_INGRESS                                                                                 \
	"\"type\":\"LoadBalancer\"},\"status\":{\"loadBalancer\":{\"ingress\":[{\"ip\":\"" ADDR    \
	"\"}]}}"

static const char *as_external_ip(unsigned last)
{
	static char text[256];

	snprintf(text, sizeof(text), AS_EXTERNAL_IP, last);
	return text;
}

/* Where the elements for ADDR in @json lead, which may be NULL; "": none is added. */
static const char *leads_to(const char *lines)
{
	static char target[128];
	const char *at = lines;

	*target = '\0';
	while (at != NULL && (at = strstr(at, "{\"concat\":[\"" ADDR "\",\"tcp\",80]},")) != NULL) {
		at = strstr(at, "\"target\":\"") + strlen("\"target\":\"");
		assert_string_equal(target, ""); /* once in a transaction */
		snprintf(target, sizeof(target), "%.*s", (int)strcspn(at, "\""), at);
	}
	return target;
}

static void assert_leads_to(struct rules *r, const char *chain)
{
	char *lines = pass_at(r, 1);

	assert_string_equal(leads_to(lines), chain);
	free(lines);
}

/* Whatever came first, and whichever has the first name. */
static void test_a_cluster_ip_is_nobody_elses(void **state)
{
	(void)state;
	for (unsigned first = 0; first < 2; first++) {
		struct rules *r = rules_new("node-a");

		free(rules_pass(r, 0));
		for (unsigned i = 0; i < 2; i++) {
			if (i == first)
				put_made(r, "default", "victim", 2, AS_CLUSTER_IP);
			else
				put_made(r, "aaa", "evil", 1, as_external_ip(1));
			free(rules_pass(r, 1));
		}
		rules_restart(r);
		assert_leads_to(r, "svc4/default/victim/tcp/80");
		rules_free(r);
	}
	assert_int_equal(intern_count(), 0);
}

static void test_the_better_claim_takes_an_address_over_in_one_transaction(void **state)
{
	put_made(*state, "aaa", "external", 1, as_external_ip(1));
	assert_leads_to(*state, "ext4/aaa/external/tcp/80");
	put_made(*state, "bbb", "ingress", 2, AS_INGRESS);
	char *lines = pass_at(*state, 1);
	assert_order(lines, "delete element services4", "add element services4");
	assert_string_equal(leads_to(lines), "ext4/bbb/ingress/tcp/80");
	free(lines);
	put_made(*state, "ccc", "internal", 3, AS_CLUSTER_IP);
	assert_leads_to(*state, "svc4/ccc/internal/tcp/80");

	/* And back, as each goes. */
	rules_service_gone(*state, "default", "nobody");
	rules_service_gone(*state, "ccc", "internal");
	assert_leads_to(*state, "ext4/bbb/ingress/tcp/80");
	rules_service_gone(*state, "bbb", "ingress");
	assert_leads_to(*state, "ext4/aaa/external/tcp/80");
}

static void test_of_equals_the_older_one_has_it_then_the_first_by_name(void **state)
{
	put_made(*state, "default", "m", 5, as_external_ip(1));
	assert_leads_to(*state, "ext4/default/m/tcp/80");
	put_made(*state, "default", "a", 6, as_external_ip(2)); /* younger */
	assert_leads_to(*state, "");
	put_made(*state, "default", "n", 5, as_external_ip(3)); /* as old */
	assert_leads_to(*state, "");
	put_service(*state,
		    "{\"metadata\":{\"namespace\":\"aaa\",\"name\":\"b\"}," /* does not say */
		    "\"spec\":{\"ports\":[" PORT80 "],\"externalIPs\":[\"" ADDR "\"],"
		    "\"clusterIPs\":[\"10.96.0.7\"]}}");
	assert_leads_to(*state, "");
	put_made(*state, "default", "z", 4, as_external_ip(4));
	assert_leads_to(*state, "ext4/default/z/tcp/80");
	/* Made anew under the same name. */
	put_made(*state, "default", "z", 7, as_external_ip(4));
	assert_leads_to(*state, "ext4/default/m/tcp/80");
}

/* Such a Service is not written again at all: its other way in is not among what is coming. */
static void test_waiting_for_an_address_costs_nothing_when_others_change(void **state)
{
	static const char fmt[] =
		"{\"metadata\":{\"namespace\":\"default\",\"name\":\"%s\"},\"spec\":{"
		"\"clusterIPs\":[\"10.96.0.%u\"],\"externalIPs\":[\"198.51.100.%u\"],"
		"\"ports\":[{\"port\":80,\"protocol\":\"UDP\"}]}}";
	struct flow to_waiter = { .to_port = 80, .translated = true };

	ip_parse("10.96.0.2", &to_waiter.to);
	put_service(*state, fmt, "a", 1u, 7u);
	put_service(*state, fmt, "b", 2u, 7u);
	put_service(*state, fmt, "c", 3u, 8u);
	free(pass_at(*state, 1));
	assert_true(flows_stale(rules_coming(*state), &to_waiter, false));
	rules_service_gone(*state, "default", "c");
	free(pass_at(*state, 1));
	assert_false(flows_stale(rules_coming(*state), &to_waiter, false));
	rules_service_gone(*state, "default", "a");
	free(pass_at(*state, 1));
	assert_true(flows_stale(rules_coming(*state), &to_waiter, false));
}

/* One whose change is refused keeps what it had; the heir gets it once the kernel takes that. */
static void test_an_address_that_cannot_be_let_go_of_is_waited_for(void **state)
{
	struct rules *r = rules_new("node-a");
	(void)state;

	put_made(r, "default", "external", 1, as_external_ip(1));
	rules_restart_on_nothing(r);
	go_on(r, "nothing", 1);
	put_made(r, "default", "internal", 2, AS_CLUSTER_IP);
	char *lines = NULL;
	bool refused = false;
	for (unsigned i = 0; i < 20; i++) {
		free(lines);
		if (rules_must_look(r)) {
			/* Nothing is found, so the Service that is refused has nothing. */
			rules_take_over(r, inherited_new(), no_affinity);
		}
		if ((lines = pass_at(r, 1)) == NULL)
			break;
		if (strstr(lines, "ext4/default/external") != NULL ||
		    strstr(lines, "delete element services4") != NULL) {
			assert_true(rules_refused(r, 1, "No"));
			refused = true;
		} else {
			rules_done(r);
		}
	}
	assert_true(refused);
	assert_null(lines);
	assert_int_equal(rules_refusals(r), 1);
	assert_int_equal(rules_services(r), 1);
	rules_free(r);
}

/* --- flows ------------------------------------------------------------------------------- */

static void put_udp(struct rules *r, const char *name, const char *external)
{
	put_service(r,
		    "{\"metadata\":{\"namespace\":\"default\",\"name\":\"%s\"},\"spec\":{"
		    "\"clusterIPs\":[\"10.96.0.%u\"],\"externalIPs\":[%s],\"ports\":[{"
		    "\"name\":\"dns\",\"port\":53,\"protocol\":\"UDP\"}]}}",
		    name, (unsigned)name[0], external);
}

/* A way in that goes from one Service to another leads on: the flows of its heir are its own. */
static void test_flows_of_who_got_an_address_are_not_those_of_who_lost_it(void **state)
{
	struct faults faults = { 0 };
	struct endpoint_slice *s = NULL;
	struct flow flow = { .to_port = 53, .from_port = 53, .translated = true };

	ip_parse("198.51.100.7", &flow.to);
	ip_parse("10.244.1.2", &flow.from);
	cJSON *object = cJSON_Parse(
		"{\"metadata\":{\"namespace\":\"default\",\"name\":\"b-1\",\"labels\":{"
		"\"kubernetes.io/service-name\":\"b\"}},\"addressType\":\"IPv4\",\"ports\":[{"
		"\"name\":\"dns\",\"port\":53,\"protocol\":\"UDP\"}],\"endpoints\":["
		"{\"addresses\":[\"10.244.1.2\"]}]}");
	assert_int_equal(endpoint_slice_decode(object, (struct where){ 0 }, &faults, &s), 0);
	cJSON_Delete(object);
	assert_int_equal(rules_slice(*state, s), 0);
	put_udp(*state, "a", "\"198.51.100.7\"");
	put_udp(*state, "b", "");
	free(pass_at(*state, 1));
	rules_done(*state);
	flows_forget(rules_flows(*state));

	put_udp(*state, "b", "\"198.51.100.7\""); /* the one that gains is written first */
	put_udp(*state, "a", "");
	free(pass_at(*state, 1));
	rules_done(*state);
	assert_false(flows_stale(rules_flows(*state), &flow, false));
	ip_parse("10.244.1.3", &flow.from);
	assert_true(flows_stale(rules_flows(*state), &flow, false));
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_cluster_ip_is_nobody_elses),
		TEST(test_the_better_claim_takes_an_address_over_in_one_transaction),
		TEST(test_of_equals_the_older_one_has_it_then_the_first_by_name),
		TEST(test_waiting_for_an_address_costs_nothing_when_others_change),
		cmocka_unit_test(test_an_address_that_cannot_be_let_go_of_is_waited_for),
		TEST(test_flows_of_who_got_an_address_are_not_those_of_who_lost_it),
	};
	log_setup("test", LOG_LEVEL_NONE, LOG_TEXT);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
