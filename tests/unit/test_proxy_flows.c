// SPDX-License-Identifier: Apache-2.0
/*
 * Which UDP flows must be forgotten (flows.h), and the messages of connection tracking
 * (ctnetlink.h). That the kernel understands them is for tests/lab/test_proxy.py.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/must.h"
#include "standalone/proxy/ctnetlink.h"
#include "standalone/proxy/flows.h"
#include "standalone/proxy/nfnl.h"

static struct ip_addr ip(const char *text)
{
	struct ip_addr addr;

	assert_int_equal(ip_parse(text, &addr), 0);
	return addr;
}

/* --- flows --------------------------------------------------------------------------------- */

/* A plan of one UDP port 53 at 10.96.0.1 and node port 30053, with endpoints at port 5353. */
static struct plan plan_of(const char *const *endpoints)
{
	struct plan p = { 0 };

	*(struct element *)must(array_push(&p.elements)) =
		(struct element){ .set = SET_SERVICES,
				  .family = IP_V4,
				  .protocol = L4_UDP,
				  .port = 53,
				  .chain_port = 53,
				  .addr = ip("10.96.0.1") };
	*(struct element *)must(array_push(&p.elements)) = (struct element){ .set = SET_NODE_PORTS,
									     .family = IP_V4,
									     .protocol = L4_UDP,
									     .port = 30053,
									     .chain_port = 53 };
	struct plan_udp *u = must(array_push(&p.udp));
	*u = (struct plan_udp){ .family = IP_V4, .port = 53 };
	for (; *endpoints != NULL; endpoints++)
		*(struct endpoint_at *)must(array_push(&u->to)) =
			(struct endpoint_at){ .addr = ip(*endpoints), .port = 5353 };
	return p;
}

#define ENDPOINTS(...) plan_of((const char *const[]){ __VA_ARGS__ __VA_OPT__(, ) NULL })

/* To 10.96.0.1:53, with the endpoint @from, or untranslated (NULL). */
static struct flow flow_with(const char *from)
{
	return (struct flow){ .to = ip("10.96.0.1"),
			      .to_port = 53,
			      .from = ip(from != NULL ? from : "10.96.0.1"),
			      .from_port = from != NULL ? 5353 : 53,
			      .translated = from != NULL };
}

static struct flow by_node_port(const char *from)
{
	struct flow flow = flow_with(from);

	flow.to = ip("10.0.0.11");
	flow.to_port = 30053;
	if (from == NULL) {
		flow.from = flow.to;
		flow.from_port = flow.to_port;
	}
	return flow;
}

static bool stale(const struct flows *f, struct flow flow)
{
	return flows_stale(f, &flow, flow.to_port == 30053);
}

/* What is noted when a plan follows another. */
static struct flows *change(struct plan before, struct plan now)
{
	struct flows *f = flows_new();

	flows_note_losses(f, &before, &now);
	flows_note_gains(f, &before, &now);
	plan_done(&before);
	plan_done(&now);
	return f;
}

static void test_flows_of_an_endpoint_that_went_are_stale(void **state)
{
	struct flows *f = change(ENDPOINTS("10.244.1.2", "10.244.2.2"), ENDPOINTS("10.244.2.2"));
	struct flow other_port = flow_with("10.244.2.2");
	(void)state;

	assert_true(stale(f, flow_with("10.244.1.2")));
	assert_false(stale(f, flow_with("10.244.2.2")));
	assert_true(stale(f, by_node_port("10.244.1.2")));
	assert_false(stale(f, by_node_port("10.244.2.2")));
	other_port.from_port = 5354; /* the pod listens elsewhere now */
	assert_true(stale(f, other_port));
	flows_free(f);
}

static void test_the_last_endpoint_takes_its_flows_with_it(void **state)
{
	struct flows *f = change(ENDPOINTS("10.244.1.2"), ENDPOINTS());
	(void)state;

	assert_true(stale(f, flow_with("10.244.1.2")));
	assert_false(stale(f, flow_with(NULL))); /* it would get nothing else */
	flows_free(f);
}

static void test_untranslated_flows_are_stale_once_there_is_an_endpoint(void **state)
{
	struct flows *f = change(ENDPOINTS(), ENDPOINTS("10.244.1.2"));
	(void)state;

	assert_true(stale(f, flow_with(NULL)));
	assert_true(stale(f, by_node_port(NULL)));
	assert_false(stale(f, flow_with("10.244.1.2")));
	flows_free(f);
}

static void test_more_endpoints_are_no_reason_to_look(void **state)
{
	struct flows *f = change(ENDPOINTS("10.244.1.2"), ENDPOINTS("10.244.1.2", "10.244.2.2"));
	(void)state;

	assert_true(flows_empty(f));
	flows_free(f);
}

static void test_a_way_in_that_is_gone_ends_what_it_translated(void **state)
{
	struct flows *f = change(ENDPOINTS("10.244.1.2"), (struct plan){ 0 });
	(void)state;

	assert_true(stale(f, flow_with("10.244.1.2")));
	assert_true(stale(f, by_node_port("10.244.1.2")));
	assert_false(stale(f, flow_with(NULL))); /* not ours */
	flows_free(f);
}

static void test_when_nothing_is_known_every_way_in_is_looked_at(void **state)
{
	struct flows *f = flows_new();
	struct plan now = ENDPOINTS("10.244.1.2");
	(void)state;

	flows_note_gains(f, &(struct plan){ 0 }, &now);
	assert_true(stale(f, flow_with("10.244.9.9")));
	assert_true(stale(f, flow_with(NULL)));
	assert_false(stale(f, flow_with("10.244.1.2")));
	plan_done(&now);
	flows_free(f);
}

static void test_node_ports_are_those_of_this_node(void **state)
{
	struct flows *f = change(ENDPOINTS("10.244.1.2"), ENDPOINTS("10.244.2.2"));
	struct flow flow = by_node_port("10.244.1.2");
	(void)state;

	assert_true(flows_need_local(f));
	flow.to = ip("203.0.113.1"); /* forwarded for somebody else */
	assert_false(flows_stale(f, &flow, false));
	flows_free(f);
}

static void test_what_is_not_noted_is_left_alone(void **state)
{
	struct flows *f = change(ENDPOINTS("10.244.1.2"), ENDPOINTS("10.244.2.2"));
	struct flow flow = flow_with("10.244.1.2");
	(void)state;

	flow.to_port = 54;
	assert_false(stale(f, flow));
	flow = flow_with("10.244.1.2");
	flow.to = ip("10.96.0.2");
	assert_false(stale(f, flow));
	flows_free(f);
}

static void test_the_newer_note_holds(void **state)
{
	struct flows *f = change(ENDPOINTS("10.244.1.2"), (struct plan){ 0 });
	struct flows *newer = change((struct plan){ 0 }, ENDPOINTS("10.244.2.2"));
	(void)state;

	flows_merge(f, newer);
	assert_true(flows_empty(newer));
	assert_false(stale(f, flow_with("10.244.2.2")));
	assert_true(stale(f, flow_with("10.244.1.2")));

	struct plan p = ENDPOINTS("10.244.2.2");
	flows_note_losses(newer, &p, &(struct plan){ 0 });
	plan_done(&p);
	flows_merge(f, newer);
	assert_true(stale(f, flow_with("10.244.2.2")));
	flows_forget(f);
	assert_true(flows_empty(f));
	assert_false(flows_need_local(f));
	flows_free(newer);
	flows_free(f);
}

/* Between a transaction and the end of the look that it made necessary, the next one may come. */
static void test_a_look_spares_what_the_next_rules_lead_to(void **state)
{
	struct flows *f = change(ENDPOINTS("10.244.1.2"), ENDPOINTS("10.244.2.2"));
	struct flows *coming = change((struct plan){ 0 }, ENDPOINTS("10.244.1.2", "10.244.3.2"));
	(void)state;

	assert_true(stale(f, flow_with("10.244.1.2")));
	flows_allow(f, coming);
	assert_false(stale(f, flow_with("10.244.1.2")));
	assert_false(stale(f, flow_with("10.244.2.2")));
	assert_false(stale(f, flow_with("10.244.3.2")));
	assert_true(stale(f, flow_with("10.244.9.9")));
	assert_true(stale(f, by_node_port("10.244.9.9")));
	flows_free(f);

	f = change(ENDPOINTS("10.244.1.2"), (struct plan){ 0 });
	flows_allow(f, coming);
	assert_false(stale(f, flow_with("10.244.3.2")));
	assert_true(stale(f, flow_with("10.244.9.9")));
	flows_forget(f);
	flows_allow(f, coming); /* what is not looked at is not looked at now either */
	assert_true(flows_empty(f));
	flows_free(f);
	flows_free(coming);
}

/* --- messages ------------------------------------------------------------------------------ */

/*
 * A flow as Linux 6.18 dumps it: 10.0.0.1:40000 to 10.96.0.1:53, translated to 10.244.1.2:5353,
 * then its status, zone and id.
 */
/* clang-format off */
static const uint8_t v4_flow[] = {
	156, 0, 0, 0, 0x00, 0x01, 0x02, 0x00, 7, 0, 0, 0, 0, 0, 0, 0,			/* CT_NEW */
	2, 0, 0, 0,									/* AF_INET */
	52, 0, 0x01, 0x80,								/* original */
	20, 0, 0x01, 0x80, 8, 0, 1, 0, 10, 0, 0, 1, 8, 0, 2, 0, 10, 96, 0, 1,		/* addresses */
	28, 0, 0x02, 0x80, 5, 0, 1, 0, 17, 0, 0, 0, 6, 0, 2, 0, 0x9c, 0x40, 0, 0,	/* from 40000 */
	6, 0, 3, 0, 0, 53, 0, 0,							/* to 53 */
	52, 0, 0x02, 0x80,								/* reply */
	20, 0, 0x01, 0x80, 8, 0, 1, 0, 10, 244, 1, 2, 8, 0, 2, 0, 10, 0, 0, 1,
	28, 0, 0x02, 0x80, 5, 0, 1, 0, 17, 0, 0, 0, 6, 0, 2, 0, 0x14, 0xe9, 0, 0,	/* from 5353 */
	6, 0, 3, 0, 0x9c, 0x40, 0, 0,
	8, 0, 3, 0, 0, 0, 0x01, 0xae,							/* status: dst-nat */
	6, 0, 0x12, 0, 0, 9, 0, 0,							/* zone 9 */
	8, 0, 0x0c, 0, 0xde, 0xad, 0xbe, 0xef,						/* id */
	8, 0, 0x0b, 0, 0, 0, 0, 1,							/* use */
};
/* clang-format on */

/* The bytes of a heap block of exactly their length, so that ASan sees a read beyond. */
static int read_copy(const uint8_t *bytes, size_t len, struct flow *ret)
{
	struct nlmsghdr *copy = malloc(len);

	assert_non_null(copy);
	memcpy(copy, bytes, len);
	copy->nlmsg_len = (uint32_t)len;
	int rc = ctnetlink_read(copy, ret);
	free(copy);
	return rc;
}

static void test_a_flow_is_read(void **state)
{
	struct flow flow;
	struct ip_addr to = ip("10.96.0.1"), from = ip("10.244.1.2");
	(void)state;

	assert_int_equal(sizeof(v4_flow), 156);
	assert_int_equal(read_copy(v4_flow, sizeof(v4_flow), &flow), 0);
	assert_true(ip_equal(&flow.to, &to) && ip_equal(&flow.from, &from));
	assert_int_equal(flow.to_port, 53);
	assert_int_equal(flow.from_port, 5353);
	assert_true(flow.translated);
}

static void test_a_flow_cut_short_is_refused(void **state)
{
	const size_t needed = 20 + 52 + 52 + 8; /* up to and with the status */
	(void)state;

	for (size_t len = sizeof(struct nlmsghdr); len < sizeof(v4_flow); len++) {
		struct flow flow = { .to_port = 4711 };
		int rc = read_copy(v4_flow, len, &flow);

		if (len < needed - 8) {
			assert_int_not_equal(rc, 0);
			assert_int_equal(flow.to_port, 4711);
		}
	}
}

static void test_other_messages_are_no_flow(void **state)
{
	uint8_t bytes[sizeof(v4_flow)];
	struct flow flow;
	(void)state;

	memcpy(bytes, v4_flow, sizeof(bytes));
	bytes[4] = 2; /* CT_DELETE */
	assert_int_equal(read_copy(bytes, sizeof(bytes), &flow), -ENOENT);
	memcpy(bytes, v4_flow, sizeof(bytes));
	bytes[16] = 7; /* a family that is none of ours */
	assert_int_equal(read_copy(bytes, sizeof(bytes), &flow), -ENOENT);
	memcpy(bytes, v4_flow, sizeof(bytes));
	bytes[52] = 6; /* TCP */
	assert_int_equal(read_copy(bytes, sizeof(bytes), &flow), -ENOENT);
}

static void test_a_flow_is_deleted_by_what_it_came_with(void **state)
{
	static const uint8_t expected[] = {
		88,   0,    0, 0, 0x02, 0x01, 0x01, 0x00, 5,    0,    0,    0,    0, 0,    0,
		0, /* CT_DELETE, request */
		2,    0,    0, 0, 52,   0,    0x01, 0x80, 20,   0,    0x01, 0x80, 8, 0,    1,
		0,    10,   0, 0, 1,    8,    0,    2,    0,    10,   96,   0,    1, 28,   0,
		0x02, 0x80, 5, 0, 1,    0,    17,   0,    0,    0,    6,    0,    2, 0,    0x9c,
		0x40, 0,    0, 6, 0,    3,    0,    0,    53,   0,    0,    6,    0, 0x12, 0,
		0,    9,    0, 0, 8,    0,    0x0c, 0,    0xde, 0xad, 0xbe, 0xef
	};
	_Alignas(struct nlmsghdr) uint8_t to[NFNL_REQUEST_MAX];
	_Alignas(struct nlmsghdr) uint8_t message[sizeof(v4_flow)];
	(void)state;

	memcpy(message, v4_flow, sizeof(message));
	assert_int_equal(ctnetlink_write_delete(to, (struct nlmsghdr *)message, 5),
			 sizeof(expected));
	assert_memory_equal(to, expected, sizeof(expected));
}

static void test_a_dump_asks_for_udp(void **state)
{
	static const uint8_t expected[] = {
		56, 0, 0,    0,    0x01, 0x01, 0x01, 0x03, 3, 0, 0, 0, 0,  0, 0, 0, /* CT_GET, dump
										     */
		10, 0, 0,    0,                                                     /* AF_INET6 */
		16, 0, 0x01, 0x80, 12,   0,    0x02, 0x80, 5, 0, 1, 0, 17, 0, 0, 0, /* proto 17 */
		20, 0, 0x19, 0x80, 8,    0,    1,    0,    8, 0, 0, 0, 8,  0, 2, 0, 0,
		0,  0, 0, /* filter */
	};
	_Alignas(struct nlmsghdr) uint8_t to[NFNL_REQUEST_MAX];
	(void)state;

	assert_int_equal(ctnetlink_write_dump(to, IP_V6, 3), sizeof(expected));
	assert_memory_equal(to, expected, sizeof(expected));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flows_of_an_endpoint_that_went_are_stale),
		cmocka_unit_test(test_the_last_endpoint_takes_its_flows_with_it),
		cmocka_unit_test(test_untranslated_flows_are_stale_once_there_is_an_endpoint),
		cmocka_unit_test(test_more_endpoints_are_no_reason_to_look),
		cmocka_unit_test(test_a_way_in_that_is_gone_ends_what_it_translated),
		cmocka_unit_test(test_when_nothing_is_known_every_way_in_is_looked_at),
		cmocka_unit_test(test_node_ports_are_those_of_this_node),
		cmocka_unit_test(test_what_is_not_noted_is_left_alone),
		cmocka_unit_test(test_the_newer_note_holds),
		cmocka_unit_test(test_a_look_spares_what_the_next_rules_lead_to),
		cmocka_unit_test(test_a_flow_is_read),
		cmocka_unit_test(test_a_flow_cut_short_is_refused),
		cmocka_unit_test(test_other_messages_are_no_flow),
		cmocka_unit_test(test_a_flow_is_deleted_by_what_it_came_with),
		cmocka_unit_test(test_a_dump_asks_for_udp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
