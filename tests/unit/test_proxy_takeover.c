// SPDX-License-Identifier: Apache-2.0
/*
 * The proxy's engine beside a kernel that has something already, or that refuses: take-over of a
 * predecessor's table, large rule sets in pieces, and the search for the Service at fault.
 */
#include "standalone/proxy/rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "lib/base/duration.h"
#include "lib/base/intern.h"
#include "lib/base/log.h"
#include "standalone/proxy/frame.h"
#include "standalone/proxy/nfnl.h"
#include "standalone/proxy/nftnetlink.h"

static void put(struct rules *r, unsigned number)
{
	struct faults faults = { 0 };
	struct service *s = NULL;
	char text[512];

	snprintf(text, sizeof(text),
		 "{\"metadata\":{\"namespace\":\"default\",\"name\":\"web-%u\"},\"spec\":{"
		 "\"clusterIPs\":[\"10.96.%u.%u\"],\"ipFamilies\":[\"IPv4\"],"
		 "\"ports\":[{\"port\":80,\"protocol\":\"UDP\"}]}}",
		 number, number / 200, 1 + number % 200);
	cJSON *object = cJSON_Parse(text);
	assert_int_equal(service_decode(object, (struct where){ 0 }, &faults, &s), 0);
	cJSON_Delete(object);
	assert_int_equal(rules_service(r, s), 0);
}

static const char *chain_of(unsigned number)
{
	static char name[64];

	snprintf(name, sizeof(name), "svc4/default/web-%u/udp/80", number);
	return name;
}

static struct element element_of(unsigned number, enum rule_set set)
{
	char text[32];
	struct element e = { .set = (uint8_t)set, .family = IP_V4 };

	snprintf(text, sizeof(text), "10.96.%u.%u", number / 200, 1 + number % 200);
	ip_parse(text, &e.addr);
	if (set == SET_SERVICES) {
		e.protocol = L4_UDP;
		e.port = 80;
	}
	return e;
}

/* What put() leads to in the kernel, with the element going to the chain of @chain. */
static void inherit(struct inherited *i, unsigned number, unsigned chain)
{
	const enum rule_set sets[] = { SET_ADDRESSES, SET_CLUSTER_IPS };
	struct element e = element_of(number, SET_SERVICES);

	inherited_add_chain(i, chain_of(number));
	inherited_add_chain(i, chain_of(chain));
	inherited_add_element(i, &e, chain_of(chain));
	for (size_t s = 0; s < 2; s++) {
		e = element_of(number, sets[s]);
		inherited_add_element(i, &e, NULL);
	}
}

static bool has(const char *json, const char *what)
{
	return json != NULL && strstr(json, what) != NULL;
}

/* The beginning of a command for @name. */
static const char *command(const char *verb, const char *object, const char *name)
{
	static char text[256];

	snprintf(text, sizeof(text),
		 "{\"%s\":{\"%s\":{\"family\":\"inet\",\"table\":\"bellman\",\"name\":\"%s\"", verb,
		 object, name);
	return text;
}

#define COMMAND(verb, object, number) command(verb, object, chain_of(number))

static const bool no_affinity[2];

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

static unsigned services_in(const char *json)
{
	unsigned count = 0;

	for (const char *at = json; at != NULL && (at = strstr(at, "\"add\":{\"chain\":")) != NULL;
	     at++)
		count += strncmp(strstr(at, "\"name\":"), "\"name\":\"svc4/", 13) == 0;
	return count;
}

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

/* --- what the kernel refuses ------------------------------------------------------------- */

/*
 * Go on until all is given out, with a kernel that refuses whatever has @bad in it. Returns how
 * many transactions that took.
 */
static unsigned go_on(struct rules *r, const char *bad, uint64_t now_ns)
{
	unsigned count = 0;

	for (;;) {
		if (rules_must_look(r))
			rules_take_over(r, inherited_new(), no_affinity);
		char *json = rules_pass(r, now_ns);

		if (json == NULL)
			return count;
		assert_in_range(++count, 1, 100);
		if (has(json, bad))
			assert_true(rules_refused(r, now_ns, "No"));
		else
			rules_done(r);
		free(json);
	}
}

static void test_one_bad_service_does_not_stop_the_others(void **state)
{
	struct rules *r = rules_new("node-a");
	(void)state;

	for (unsigned i = 0; i < 64; i++)
		put(r, i);
	rules_restart_on_nothing(r);
	unsigned took = go_on(r, "web-37/", 1);
	assert_in_range(took, 3, 20); /* halves, not one by one */
	assert_int_equal(rules_refusals(r), 1);
	assert_int_equal(rules_services(r), 63);

	/* It is tried again after a while, and taken once it is good. */
	assert_int_equal(go_on(r, "web-37/", 2), 0);
	assert_in_range(rules_wake_ns(r), 3, 100 * NS_PER_S);
	assert_int_equal(go_on(r, "web-37/", 100 * NS_PER_S) > 0, 1);
	assert_int_equal(rules_refusals(r), 1);
	assert_int_equal(go_on(r, "nothing", 200 * NS_PER_S), 1);
	assert_int_equal(rules_refusals(r), 0);
	assert_int_equal(rules_services(r), 64);
	rules_free(r);
	assert_int_equal(intern_count(), 0);
}

static void test_two_bad_services_are_both_found(void **state)
{
	struct rules *r = rules_new("node-a");
	(void)state;

	for (unsigned i = 0; i < 40; i++)
		put(r, i);
	rules_restart_on_nothing(r);
	go_on(r, "web-3", 1); /* and web-30 to web-39 */
	assert_int_equal(rules_refusals(r), 11);
	assert_int_equal(rules_services(r), 29);
	rules_free(r);
}

static void test_a_change_that_is_refused_leaves_what_was_before(void **state)
{
	struct rules *r = rules_new("node-a");
	(void)state;

	put(r, 1);
	put(r, 2);
	rules_restart_on_nothing(r);
	go_on(r, "nothing", 1);
	rules_service_gone(r, "default", "web-1");
	char *json = rules_pass(r, 2);
	assert_true(has(json, COMMAND("flush", "chain", 1)));
	free(json);
	/* One alone, and what the kernel has is long known: look first, it may have lost something.
	 */
	assert_true(rules_refused(r, 2, "No"));
	assert_true(rules_must_look(r));
	assert_int_equal(rules_services(r), 2);
	assert_int_equal(rules_refusals(r), 0);

	struct inherited *found = inherited_new();
	inherit(found, 1, 1);
	inherit(found, 2, 2);
	rules_take_over(r, found, no_affinity);
	json = rules_pass(r, 3); /* the frame alone */
	assert_false(has(json, "web-"));
	free(json);
	rules_done(r);
	go_on(r, "nothing", 3);
	assert_int_equal(rules_services(r), 1);
	rules_free(r);
}

static void test_when_even_the_frame_is_refused_no_service_is_blamed(void **state)
{
	struct rules *r = rules_new("node-a");
	(void)state;

	for (unsigned i = 0; i < 8; i++)
		put(r, i);
	rules_restart(r);
	for (unsigned tries = 0; tries < 20; tries++) {
		if (rules_must_look(r))
			rules_restart(r);
		char *json = rules_pass(r, 1);
		assert_non_null(json);
		free(json);
		rules_refused(r, 1, "Operation not permitted");
	}
	assert_int_equal(rules_refusals(r), 0);
	rules_restart_on_nothing(r);
	go_on(r, "nothing", 2);
	assert_int_equal(rules_services(r), 8);
	rules_free(r);
}

/* A Service that is refused keeps what a predecessor made for it. */
static void test_what_a_refused_service_had_is_no_leftover(void **state)
{
	struct rules *r = rules_new("node-a");
	struct inherited *found = inherited_new();
	(void)state;

	put(r, 1);
	put(r, 2);
	inherit(found, 1, 1);
	inherit(found, 2, 2);
	inherit(found, 3, 3);
	rules_take_over(r, found, no_affinity);
	for (unsigned i = 0; i < 20 && !rules_settled(r); i++) {
		char *json = rules_pass(r, 1);

		if (has(json, "\"expr\"") && has(json, "web-1/")) {
			assert_true(rules_refused(r, 1, "No"));
			if (rules_must_look(r)) {
				found = inherited_new();
				inherit(found, 1, 1);
				inherit(found, 2, 2);
				inherit(found, 3, 3);
				rules_take_over(r, found, no_affinity);
			}
		} else {
			assert_false(has(json, "web-1/"));
			rules_done(r);
		}
		free(json);
	}
	assert_true(rules_settled(r));
	assert_int_equal(rules_refusals(r), 1);
	rules_free(r);
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
		cmocka_unit_test(test_one_bad_service_does_not_stop_the_others),
		cmocka_unit_test(test_two_bad_services_are_both_found),
		cmocka_unit_test(test_a_change_that_is_refused_leaves_what_was_before),
		cmocka_unit_test(test_when_even_the_frame_is_refused_no_service_is_blamed),
		cmocka_unit_test(test_what_a_refused_service_had_is_no_leftover),
		cmocka_unit_test(test_an_element_is_read),
		cmocka_unit_test(test_messages_cut_short_are_refused_or_empty),
		cmocka_unit_test(test_names_of_other_tables_are_passed_over),
	};

	return cmocka_run_group_tests(tests, quiet, NULL);
}
