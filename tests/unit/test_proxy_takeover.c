// SPDX-License-Identifier: Apache-2.0
/*
 * The proxy's engine beside a kernel that has something already: take-over of a predecessor's
 * table, large rule sets in pieces. What it does when the kernel refuses: test_proxy_refusals.c.
 */
#include "standalone/proxy/frame.h"
#include "standalone/proxy/nfnl.h"
#include "standalone/proxy/nftnetlink.h"
#include "tests/unit/proxy_kernel.h"

/* --- taking over ------------------------------------------------------------------------- */

static void test_what_is_right_stays_and_rules_are_written_anew(void **state)
{
	struct rules *r = rules_new("node-a");
	struct inherited *found = inherited_new();
	(void)state;

	assert_true(rules_must_look(r));
	put(r, 1);
	inherit(found, 1, 1);
	inherited_add_chain(found, frame_id());
	inherited_add_chain(found, "services");
	rules_take_over(r, found, no_affinity);
	assert_false(rules_must_look(r));

	char *json = rules_pass(r, 1);
	assert_false(has(json, "{\"delete\":{\"table\""));
	assert_true(has(json, command("flush", "chain", "services")));
	assert_true(has(json, COMMAND("flush", "chain", 1)));
	assert_false(has(json, COMMAND("add", "chain", 1)));
	assert_true(has(json, "\"chain\":\"svc4/default/web-1/udp/80\",\"expr\":["));
	assert_false(has(json, "\"element\""));
	free(json);
	rules_done(r);

	/* Nothing is left over: the chains of the frame are nobody's but ours. */
	assert_null(rules_pass(r, 2));
	assert_null(rules_pass(r, 60 * NS_PER_S));
	assert_true(rules_settled(r));
	rules_free(r);
	assert_int_equal(intern_count(), 0);
}

static void test_an_element_that_leads_elsewhere_is_replaced(void **state)
{
	struct rules *r = rules_new("node-a");
	struct inherited *found = inherited_new();
	(void)state;

	put(r, 1);
	inherit(found, 1, 2); /* the address was web-2's then */
	rules_take_over(r, found, no_affinity);
	char *json = rules_pass(r, 1);
	const char *gone = strstr(json, command("delete", "element", "services4"));
	const char *come = strstr(json, command("add", "element", "services4"));
	assert_non_null(gone);
	assert_non_null(come);
	assert_true(gone < come);
	assert_false(has(json, "addresses4\",\"elem\""));
	free(json);
	rules_free(r);
}

static void test_leftovers_go_last_elements_first_and_with_their_flows(void **state)
{
	struct rules *r = rules_new("node-a");
	struct inherited *found = inherited_new();
	(void)state;

	put(r, 1);
	inherit(found, 1, 1);
	inherit(found, 2, 2);
	rules_take_over(r, found, no_affinity);
	char *json = rules_pass(r, 1);
	assert_false(has(json, "web-2"));
	free(json);
	rules_done(r);
	assert_false(rules_settled(r));

	json = rules_pass(r, 1);
	assert_true(has(json, command("delete", "element", "services4")));
	assert_true(has(json, command("delete", "element", "addresses4")));
	assert_true(has(json, COMMAND("flush", "chain", 2)));
	assert_false(has(json, "\"delete\":{\"chain\""));
	assert_false(has(json, "web-1"));
	free(json);
	rules_done(r);
	assert_true(rules_settled(r));
	struct flow flow = { .to = element_of(2, SET_SERVICES).addr,
			     .to_port = 80,
			     .translated = true };
	assert_true(flows_stale(rules_flows(r), &flow, false));

	/* Kernels that still count the elements would refuse to delete the chain at once. */
	assert_null(rules_pass(r, 2));
	assert_in_range(rules_wake_ns(r), 2, 10 * NS_PER_S);
	json = rules_pass(r, rules_wake_ns(r));
	assert_true(has(json, COMMAND("delete", "chain", 2)));
	free(json);
	rules_done(r);
	assert_true(rules_wake_ns(r) == UINT64_MAX);
	rules_free(r);
}

static void test_a_service_may_come_back_for_its_leftover_chain(void **state)
{
	struct rules *r = rules_new("node-a");
	struct inherited *found = inherited_new();
	(void)state;

	inherit(found, 1, 1);
	rules_take_over(r, found, no_affinity);
	free(rules_pass(r, 1)); /* the frame */
	free(rules_pass(r, 1)); /* leftovers */
	put(r, 1);
	char *json = rules_pass(r, 2);
	assert_true(has(json, COMMAND("flush", "chain", 1)));
	assert_true(has(json, command("add", "element", "services4")));
	free(json);
	assert_null(rules_pass(r, 60 * NS_PER_S));
	rules_free(r);
}

static void test_sets_of_affinity_that_are_there_are_not_made_again(void **state)
{
	const bool both[2] = { true, true };
	struct rules *r = rules_new("node-a");
	(void)state;

	rules_take_over(r, inherited_new(), both);
	char *json = rules_pass(r, 1);
	assert_false(has(json, "affinity"));
	free(json);
	rules_free(r);
}

static void test_another_frame_has_another_name(void **state)
{
	(void)state;
	assert_int_equal(strspn(frame_id(), "frame-0123456789abcdef"), strlen("frame-") + 16);
	struct rules *r = rules_new("node-a");
	char *json = rules_pass(r, 1);
	assert_true(has(json, frame_id()));
	free(json);
	rules_free(r);
}

/* --- in pieces --------------------------------------------------------------------------- */

static void test_a_large_rule_set_comes_in_pieces_unless_it_replaces_one(void **state)
{
	enum { MANY = 8000 };
	(void)state;

	for (unsigned replaces = 0; replaces < 2; replaces++) {
		struct rules *r = rules_new("node-a");
		unsigned count = 0, pieces = 0;
		char *json;

		for (unsigned i = 0; i < MANY; i++)
			put(r, i);
		if (replaces)
			rules_restart(r);
		else
			rules_restart_on_nothing(r);
		while ((json = rules_pass(r, 1)) != NULL) {
			pieces++;
			count += services_in(json);
			assert_int_equal(has(json, "{\"delete\":{\"table\""), pieces == 1);
			free(json);
			rules_done(r);
			assert_int_equal(rules_settled(r), count == MANY);
		}
		assert_int_equal(count, MANY);
		if (replaces)
			assert_int_equal(pieces, 1);
		else
			assert_in_range(pieces, 2, 20);
		rules_free(r);
	}
}

/* --- messages ---------------------------------------------------------------------------- */

/* One element of services4, 10.96.0.1 . udp . 53 : goto "x/y", as Linux 6.18 dumps it. */
/* clang-format off */
static const uint8_t one_element[] = {
	116, 0, 0, 0, 0x0c, 0x0a, 0x02, 0x00, 7, 0, 0, 0, 0, 0, 0, 0,		/* NEWSETELEM */
	1, 0, 0, 0,								/* inet */
	12, 0, 1, 0, 'b', 'e', 'l', 'l', 'm', 'a', 'n', 0,			/* table */
	14, 0, 2, 0, 's', 'e', 'r', 'v', 'i', 'c', 'e', 's', '4', 0, 0, 0,	/* set */
	68, 0, 3, 0x80, 64, 0, 1, 0x80,						/* elements, one */
	20, 0, 1, 0x80, 16, 0, 1, 0, 10, 96, 0, 1, 17, 0, 0, 0, 0, 53, 0, 0,	/* key */
	24, 0, 2, 0x80, 20, 0, 2, 0x80,						/* data, verdict */
	8, 0, 1, 0, 0xff, 0xff, 0xff, 0xfc, 8, 0, 2, 0, 'x', '/', 'y', 0,	/* goto, chain */
	8, 0, 3, 0, 0, 0, 0, 0, 8, 0, 9, 0, 0, 0, 0, 0,				/* flags and more */
};
/* clang-format on */

struct seen {
	unsigned count;
	struct element e;
	char chain[16];
};

static void on_element(void *arg, const struct element *e, const char *chain)
{
	struct seen *s = arg;

	s->count++;
	s->e = *e;
	snprintf(s->chain, sizeof(s->chain), "%s", chain != NULL ? chain : "");
}

static int read_copy(const uint8_t *bytes, size_t len, struct seen *s)
{
	struct nlmsghdr *copy = malloc(len);

	memcpy(copy, bytes, len);
	copy->nlmsg_len = (uint32_t)len;
	int rc = nftnetlink_read_elements(copy, SET_SERVICES, IP_V4, s, on_element);
	free(copy);
	return rc;
}

static void test_an_element_is_read(void **state)
{
	struct seen s = { 0 };
	struct ip_addr addr;
	(void)state;

	assert_int_equal(sizeof(one_element), 116);
	assert_int_equal(read_copy(one_element, sizeof(one_element), &s), 0);
	assert_int_equal(s.count, 1);
	ip_parse("10.96.0.1", &addr);
	assert_true(ip_equal(&s.e.addr, &addr));
	assert_int_equal(s.e.protocol, L4_UDP);
	assert_int_equal(s.e.port, 53);
	assert_string_equal(s.chain, "x/y");
}

static void test_messages_cut_short_are_refused_or_empty(void **state)
{
	(void)state;
	for (size_t len = sizeof(struct nlmsghdr); len < sizeof(one_element); len++) {
		struct seen s = { 0 };

		read_copy(one_element, len, &s);
		assert_int_equal(s.count, 0);
	}
}

static void test_names_of_other_tables_are_passed_over(void **state)
{
	_Alignas(struct nlmsghdr) uint8_t bytes[NFNL_REQUEST_MAX];
	struct nlmsghdr *m = (void *)bytes;
	char name[NFT_NAME_MAX] = "untouched";
	(void)state;

	/* A request for a chain is laid out as the answer. */
	nftnetlink_write_get_chain(bytes, "strays", 1);
	m->nlmsg_type = 0x0a03; /* NEWCHAIN */
	assert_int_equal(nftnetlink_read_name(m, NFT_CHAINS, name), 0);
	assert_string_equal(name, "strays");
	assert_true(nftnetlink_read_name(m, NFT_SETS, name) < 0);
	strcpy(name, "untouched");
	bytes[sizeof(*m)] = 2; /* family ip */
	assert_true(nftnetlink_read_name(m, NFT_CHAINS, name) < 0);
	bytes[sizeof(*m)] = 1;
	bytes[sizeof(*m) + 4 + 4] = 'B'; /* of "bellman" */
	assert_true(nftnetlink_read_name(m, NFT_CHAINS, name) < 0);
	assert_string_equal(name, "untouched");
}

static int quiet(void **state)
{
	(void)state;
	log_setup("test", LOG_LEVEL_NONE, LOG_TEXT);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_right_stays_and_rules_are_written_anew),
		cmocka_unit_test(test_an_element_that_leads_elsewhere_is_replaced),
		cmocka_unit_test(test_leftovers_go_last_elements_first_and_with_their_flows),
		cmocka_unit_test(test_a_service_may_come_back_for_its_leftover_chain),
		cmocka_unit_test(test_sets_of_affinity_that_are_there_are_not_made_again),
		cmocka_unit_test(test_another_frame_has_another_name),
		cmocka_unit_test(test_a_large_rule_set_comes_in_pieces_unless_it_replaces_one),
		cmocka_unit_test(test_an_element_is_read),
		cmocka_unit_test(test_messages_cut_short_are_refused_or_empty),
		cmocka_unit_test(test_names_of_other_tables_are_passed_over),
	};

	return cmocka_run_group_tests(tests, quiet, NULL);
}
