// SPDX-License-Identifier: Apache-2.0
/* Clients of a Service, and who answers them. */
#include "sim/traffic.h"

#include "tests/unit/sim_lan.h"

static bool is_service(void *arg, const struct ip_addr *to, uint8_t protocol, uint16_t port)
{
	struct ip_addr vip = ip(arg);

	(void)protocol;
	return ip_equal(to, &vip) && port == 80;
}

static bool target(void *arg, struct ip_addr *ret, uint16_t *ret_port)
{
	*ret = ip(arg);
	*ret_port = 80;
	return true;
}

static void on_ended(void *arg, uint64_t began_ns, const struct ip_addr *to, const char *node)
{
	(void)arg;
	(void)began_ns;
	(void)to;
	if (node != NULL && strcmp(node, "?") != 0)
		assert_string_equal(node, "a");
}

/* "a" is a node: its proxy takes the address, and a neighbour's entry stands for the speaker. */
static void check_client(uint8_t protocol, const char *vip)
{
	struct lan lan;
	struct sim_client_counts counts;

	lan_open(&lan);
	struct sim_server *server = sim_server_open(lan.a, "a");
	sim_stack_service_set(lan.a, is_service, (void *)vip);
	take(lan.b0, vip); /* answers the question, and is then told apart by its address */
	send_one(&lan, vip);
	run_for(&lan, NS_PER_MS);
	drop(lan.b0, vip);
	gratuitous(lan.a0, vip); /* the address is the node's, as after a take-over */
	run_for(&lan, NS_PER_MS);
	const struct sim_client_cfg cfg = { .protocol = protocol,
					    .every_ns = 100 * NS_PER_MS,
					    .timeout_ns = NS_PER_S,
					    .seed = 5,
					    .target = target,
					    .ended = on_ended,
					    .arg = (void *)vip };
	struct sim_client *c = sim_client_new(lan.client, &cfg);
	run_for(&lan, 4 * NS_PER_S);
	counts = sim_client_counts(c);
	assert_true(counts.attempts >= 38 && counts.failed == 0 && counts.foreign == 0);
	assert_int_equal(counts.gap_ns, 0);

	sim_port_carrier(sim_iface_port(lan.a0), false);
	run_for(&lan, 3 * NS_PER_S);
	sim_port_carrier(sim_iface_port(lan.a0), true);
	run_for(&lan, 1 * NS_PER_S);
	counts = sim_client_counts(c);
	assert_true(counts.failed >= 20);
	assert_true(counts.gap_ns > 2900 * NS_PER_MS && counts.gap_ns < 4 * NS_PER_S);
	sim_client_free(c);
	sim_server_close(server);
	lan_close(&lan);
}

static void test_clients_count_success_failure_and_the_gap(void **state)
{
	(void)state;
	check_client(SIM_UDP, "10.0.0.9");
	check_client(SIM_TCP, "10.0.0.9");
	check_client(SIM_TCP, "fd00::9");
}

static void test_a_foreign_host_that_refuses_is_told_apart(void **state)
{
	struct lan lan;
	const struct sim_client_cfg cfg = { .protocol = SIM_TCP,
					    .every_ns = 100 * NS_PER_MS,
					    .timeout_ns = NS_PER_S,
					    .target = target,
					    .arg = (void *)vips[0] };

	(void)state;
	lan_open(&lan);
	take(lan.b0, vips[0]);
	struct sim_client *c = sim_client_new(lan.client, &cfg);
	run_for(&lan, NS_PER_S);
	struct sim_client_counts counts = sim_client_counts(c);
	assert_true(counts.attempts >= 9);
	assert_int_equal(counts.foreign, counts.attempts);
	assert_int_equal(counts.failed, 0);
	sim_client_free(c);
	lan_close(&lan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clients_count_success_failure_and_the_gap),
		cmocka_unit_test(test_a_foreign_host_that_refuses_is_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
