// SPDX-License-Identifier: Apache-2.0
/* sim/world.h: small worlds played to their end, and what is found broken when it is broken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "allocator/lead.h"
#include "proto/arp.h"
#include "proto/ndp.h"
#include "sim/packet.h"
#include "sim/world_state.h"

#define S  NS_PER_S
#define MS NS_PER_MS

/* For 10.0.0.200, the first address of the pool, the order is node1, node3, node2. */
#define VIP "10.0.0.200"

/* --- scenarios --------------------------------------------------------------------------- */

static cJSON *parsed(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static cJSON *parsed(const char *fmt, ...)
{
	char text[2048];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return must(cJSON_Parse(text));
}

static void add_object(struct sim_scenario *s, cJSON *json)
{
	*(cJSON **)must(array_push(&s->objects)) = json;
}

static cJSON *service_json(const char *name, const char *status)
{
	return parsed("{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"%s\","
		      "\"namespace\":\"web\"},\"spec\":{\"type\":\"LoadBalancer\","
		      "\"clusterIP\":\"10.96.0.1\",\"clusterIPs\":[\"10.96.0.1\"],"
		      "\"ipFamilies\":[\"IPv4\"],\"ports\":[{\"name\":\"a\",\"protocol\":\"TCP\","
		      "\"port\":80},{\"name\":\"b\",\"protocol\":\"UDP\",\"port\":80}]}%s}",
		      name, status);
}

static struct config *config_new(void)
{
	struct config_input inputs[] = {
		{ .object = parsed("{\"apiVersion\":\"metallb.io/v1beta1\",\"kind\":"
				   "\"IPAddressPool\",\"metadata\":{\"name\":\"p\"},\"spec\":{"
				   "\"addresses\":[\"10.0.0.200-10.0.0.203\"]}}") },
		{ .object = parsed("{\"apiVersion\":\"metallb.io/v1beta1\",\"kind\":"
				   "\"L2Advertisement\",\"metadata\":{\"name\":\"a\"},"
				   "\"spec\":{}}") },
	};
	struct config_inputs in = { .items = inputs, .count = 2, .scope = CONFIG_ALL };
	struct faults faults = { 0 };
	struct config *config;

	assert_int_equal(config_build(&in, &faults, &config), 0);
	faults_free(&faults);
	cJSON_Delete((cJSON *)inputs[0].object);
	cJSON_Delete((cJSON *)inputs[1].object);
	return config;
}

static struct sim_scenario_station *station_add(struct sim_scenario_station *st, const char *name)
{
	struct sim_scenario_iface *i = must(array_push(&st->ifaces));

	st->name = must_copy(name);
	i->name = must_copy("eth0");
	i->link = must_copy("lan");
	return st;
}

/* node1 to node3 and a host on one link, an allocator, and a Service. */
static struct sim_scenario *scenario_new(void)
{
	struct sim_scenario *s = must(calloc(1, sizeof(*s)));
	struct sim_scenario_link *l = must(array_push(&s->links));
	char name[16];

	s->name = must_copy("test");
	l->name = must_copy("lan");
	l->delay_ns = MS / 10;
	must_0(ip_prefix_parse("10.0.0.0/24", &l->prefix4));
	for (unsigned i = 1; i <= 3; i++) {
		snprintf(name, sizeof(name), "node%u", i);
		station_add(must(array_push(&s->nodes)), name);
	}
	station_add(must(array_push(&s->hosts)), "pc");
	s->allocators = 1;
	s->seed = 1;
	s->until_ns = 60 * S;
	s->config = config_new();
	add_object(s, service_json("front", ""));
	return s;
}

static void add_client(struct sim_scenario *s, uint8_t protocol)
{
	struct sim_scenario_client *c = must(array_push(&s->clients));

	c->host = must_copy("pc");
	c->service = must_copy("web/front");
	c->protocol = protocol;
	c->every_ns = 100 * MS;
	c->timeout_ns = S;
}

static struct sim_step *step_add(struct sim_scenario *s, uint64_t at_ns, enum sim_op op,
				 const char *what)
{
	struct sim_step *step = must(array_push(&s->steps));

	step->at_ns = at_ns;
	step->op = op;
	step->what = must_copy(what);
	return step;
}

static struct sim_step *expect_owner(struct sim_scenario *s, uint64_t at_ns, uint64_t within_ns,
				     const char *owner)
{
	struct sim_step *step = step_add(s, at_ns, SIM_OP_EXPECT, NULL);

	step->time_ns = within_ns;
	step->expect.service = must_copy("web/front");
	step->expect.owner = must_copy(owner);
	return step;
}

/* --- worlds ------------------------------------------------------------------------------ */

static struct sim_world *world_of(struct sim_scenario *s)
{
	const struct sim_world_cfg cfg = { .scenario = s, .check_all = true };
	char err[256] = "";

	sim_scenario_settle(s);
	struct sim_world *w = sim_world_new(&cfg, err, sizeof(err));
	if (w == NULL)
		fail_msg("%s", err);
	return w;
}

static void end(struct sim_world *w, struct sim_scenario *s)
{
	sim_world_free(w);
	sim_scenario_free(s);
}

static void tell(const struct sim_world *w)
{
	const struct sim_journal *j = sim_world_journal(w);

	for (size_t i = 0; i < j->count; i++)
		fprintf(stderr, "%10.3f %2d %s %s %s\n", (double)j->items[i].at_ns / 1e9,
			(int)j->items[i].type, j->items[i].node, j->items[i].service,
			j->items[i].text);
}

/* To the end, and all is as it should be. */
static void play_well(struct sim_world *w)
{
	if (sim_world_run(w) != 0)
		tell(w);
	assert_int_equal(sim_world_journal(w)->broken, 0);
	assert_int_equal(sim_world_journal(w)->disappointed, 0);
}

static const struct sim_entry *entry(const struct sim_world *w, enum sim_entry_type type,
				     const char *text)
{
	const struct sim_journal *j = sim_world_journal(w);

	for (size_t i = 0; i < j->count; i++)
		if (j->items[i].type == type && strstr(j->items[i].text, text) != NULL)
			return &j->items[i];
	return NULL;
}

static unsigned count(const struct sim_world *w, enum sim_entry_type type)
{
	const struct sim_journal *j = sim_world_journal(w);
	unsigned n = 0;

	for (size_t i = 0; i < j->count; i++)
		n += j->items[i].type == type;
	return n;
}

static void take_outcome(void *arg, const struct sim_outcome *o)
{
	*(struct sim_outcome *)arg = *o;
}

static struct sim_outcome outcome(const struct sim_world *w)
{
	struct sim_outcome o = { 0 };

	sim_world_outcomes(w, take_outcome, &o);
	return o;
}

static void take_client(void *arg, const struct sim_client_outcome *o)
{
	*(struct sim_client_counts *)arg = o->counts;
}

static struct sim_client_counts client(const struct sim_world *w)
{
	struct sim_client_counts c = { 0 };

	sim_world_clients(w, take_client, &c);
	return c;
}

/* --- playing ----------------------------------------------------------------------------- */

static void test_a_service_gets_an_address_an_owner_and_clients(void **state)
{
	struct sim_scenario *s = scenario_new();
	char ip[IP_TEXT_MAX];

	(void)state;
	add_client(s, SIM_TCP);
	expect_owner(s, 0, 2 * S, "node1");
	struct sim_world *w = world_of(s);
	play_well(w);
	struct sim_outcome o = outcome(w);
	assert_string_equal(o.service, "web/front");
	assert_string_equal(ip_format(&o.ip, ip), VIP);
	assert_string_equal(o.owner, "node1");
	assert_true(o.assigned_ns < S && o.first_ns < 100 * MS);
	assert_int_equal(o.dark_ns, 0);
	assert_int_equal(o.moves, 0);
	assert_true(client(w).attempts > 500);
	assert_int_equal(client(w).failed + client(w).foreign, 0);
	assert_non_null(entry(w, SIM_LEADS, ""));
	assert_non_null(entry(w, SIM_ASSIGNED, ""));
	assert_non_null(entry(w, SIM_ANNOUNCES, "first of 3 eligible nodes"));
	assert_non_null(entry(w, SIM_EXPECTED, ""));
	assert_true(sim_world_counts(w).looks > 0);
	end(w, s);
}

static void test_an_excluded_node_gives_its_address_to_the_next(void **state)
{
	struct sim_scenario *s = scenario_new();

	(void)state;
	add_client(s, SIM_UDP);
	expect_owner(s, 0, 2 * S, "node1");
	step_add(s, 20 * S, SIM_OP_EXCLUDE, "node1");
	struct sim_step *e = expect_owner(s, 20 * S, S, "node3");
	e->expect.has_dark = e->expect.has_failed = true;
	e->expect.dark_max_ns = 100 * MS;
	e->expect.failed_max = 1;
	struct sim_world *w = world_of(s);
	play_well(w);
	assert_string_equal(outcome(w).owner, "node3");
	assert_int_equal(outcome(w).moves, 1);
	assert_true(outcome(w).dark_longest_ns < 100 * MS);
	end(w, s);
}

/* Without gossip nobody takes over: that is so until the speaker is back. */
static void test_a_killed_speaker_leaves_its_address_dark(void **state)
{
	struct sim_scenario *s = scenario_new();

	(void)state;
	step_add(s, 20 * S, SIM_OP_KILL, "node1");
	expect_owner(s, 20 * S, 0, "");
	step_add(s, 40 * S, SIM_OP_RESTART, "node1");
	expect_owner(s, 40 * S, S, "node1");
	struct sim_world *w = world_of(s);
	play_well(w);
	assert_non_null(entry(w, SIM_LOST, ""));
	assert_non_null(entry(w, SIM_DARK, ""));
	assert_true(entry(w, SIM_LIT, "")->value_ns >= 20 * S);
	assert_true(outcome(w).dark_ns >= 20 * S && outcome(w).dark_ns < 21 * S);
	assert_int_equal(outcome(w).moves, 0);
	end(w, s);
}

static void test_a_machine_without_power_is_dark_and_comes_back(void **state)
{
	struct sim_scenario *s = scenario_new();

	(void)state;
	add_client(s, SIM_TCP);
	step_add(s, 20 * S, SIM_OP_KILL, "node1")->process = SIM_PROCESS_NODE;
	step_add(s, 30 * S, SIM_OP_RESTART, "node1")->process = SIM_PROCESS_NODE;
	expect_owner(s, 30 * S, S, "node1");
	struct sim_world *w = world_of(s);
	play_well(w);
	assert_true(client(w).failed > 10);
	assert_true(client(w).gap_ns >= 10 * S && client(w).gap_ns < 15 * S);
	end(w, s);
}

static void test_who_steals_an_address_gets_its_clients(void **state)
{
	struct sim_scenario *s = scenario_new();

	(void)state;
	station_add(must(array_push(&s->hosts)), "thief");
	add_client(s, SIM_UDP);
	step_add(s, 20 * S, SIM_OP_STEAL, "thief")->service = must_copy("web/front");
	step_add(s, 40 * S, SIM_OP_GIVE_BACK, "thief")->service = must_copy("web/front");
	struct sim_world *w = world_of(s);
	play_well(w);
	assert_string_equal(entry(w, SIM_STOLEN, "")->node, "thief");
	assert_true(client(w).failed + client(w).foreign > 10);
	end(w, s);
}

/* Its Lease runs out, and who follows waits for what may still be under way. */
static void test_a_killed_leader_is_followed(void **state)
{
	struct sim_scenario *s = scenario_new();

	(void)state;
	s->allocators = 3;
	struct sim_step *kill = step_add(s, 10 * S, SIM_OP_KILL, SIM_LEADER);
	kill->process = SIM_PROCESS_ALLOCATOR;
	struct sim_step *apply = step_add(s, 12 * S, SIM_OP_APPLY, NULL);
	*(cJSON **)must(array_push(&apply->objects)) = service_json("back", "");
	struct sim_step *e = step_add(s, 12 * S, SIM_OP_EXPECT, NULL);
	e->time_ns = 30 * S;
	e->expect.service = must_copy("web/back");
	e->expect.address = must_copy("10.0.0.201");
	struct sim_world *w = world_of(s);
	play_well(w);
	assert_non_null(entry(w, SIM_LEADS_NOT, ""));
	end(w, s);
}

/* --- what is told of it ------------------------------------------------------------------ */

static void apply(struct sim_scenario *s, uint64_t at_ns, cJSON *json)
{
	struct sim_step *step = step_add(s, at_ns, SIM_OP_APPLY, NULL);

	*(cJSON **)must(array_push(&step->objects)) = json;
}

static void set_text(const cJSON *json, const char *of, const char *key, const char *value)
{
	cJSON *in = cJSON_GetObjectItemCaseSensitive(json, of);

	assert_true(cJSON_ReplaceItemInObjectCaseSensitive(in, key, cJSON_CreateString(value)));
}

static cJSON *no_balancer(void)
{
	cJSON *json = service_json("front", "");

	set_text(json, "spec", "type", "ClusterIP");
	return json;
}

/* Nobody announces it again: it has no endpoint any more. */
static void test_what_is_given_out_anew_is_dark_until_somebody_answers(void **state)
{
	struct sim_scenario *s = scenario_new();

	(void)state;
	apply(s, 20 * S, no_balancer());
	for (unsigned i = 0; i < 3; i++) {
		struct sim_step *e = step_add(s, 21 * S, SIM_OP_ENDPOINT, s->nodes.items[i].name);
		e->service = must_copy("web/front");
	}
	apply(s, 30 * S, service_json("front", ""));
	struct sim_world *w = world_of(s);
	play_well(w);
	assert_true(outcome(w).dark_ns > 29 * S && outcome(w).dark_ns < 31 * S);
	end(w, s);
}

static void test_a_client_fails_while_the_service_has_no_address(void **state)
{
	struct sim_scenario *s = scenario_new();

	(void)state;
	add_client(s, SIM_TCP);
	apply(s, 20 * S, no_balancer());
	apply(s, 30 * S, service_json("front", ""));
	struct sim_world *w = world_of(s);
	play_well(w);
	assert_in_range(client(w).failed, 95, 105);
	assert_true(client(w).gap_ns > 9 * S && client(w).gap_ns < 11 * S);
	end(w, s);
}

static void test_a_client_waits_for_its_service_and_asks_for_the_port_that_it_has(void **state)
{
	struct sim_scenario *s = scenario_new();
	cJSON *back = service_json("back", "");
	cJSON *ports =
		cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(back, "spec"),
						 "ports");

	(void)state;
	add_client(s, SIM_TCP);
	free(s->clients.items[0].service);
	s->clients.items[0].service = must_copy("web/back");
	cJSON_SetNumberValue(cJSON_GetObjectItemCaseSensitive(cJSON_GetArrayItem(ports, 0), "port"),
			     8080);
	apply(s, 20 * S, back);
	struct sim_world *w = world_of(s);
	play_well(w);
	assert_int_equal(client(w).failed + client(w).foreign, 0);
	assert_in_range(client(w).attempts, 390, 400);
	end(w, s);
}

/* --- expectations ------------------------------------------------------------------------ */

static void test_an_expectation_must_hold_in_time(void **state)
{
	struct sim_scenario *s = scenario_new();

	(void)state;
	expect_owner(s, 0, 2 * S, "node2");
	struct sim_world *w = world_of(s);
	assert_int_equal(sim_world_run(w), 1);
	assert_int_equal(entry(w, SIM_DISAPPOINTED, VIP " is node1's")->at_ns, 2 * S);
	end(w, s);
}

static void test_an_expectation_must_go_on_to_hold_until_the_next_step(void **state)
{
	struct sim_scenario *s = scenario_new();

	(void)state;
	expect_owner(s, 0, 2 * S, "node1");
	step_add(s, 20 * S, SIM_OP_RESTART, "node1"); /* ends it */
	struct sim_step *e = expect_owner(s, 30 * S, S, "node1");
	e->expect.has_dark = true; /* since the expectation before, so the restart counts */
	struct sim_world *w = world_of(s);
	assert_int_equal(sim_world_run(w), 1);
	assert_non_null(entry(w, SIM_EXPECTED, ""));
	assert_non_null(entry(w, SIM_DISAPPOINTED, "dark for"));
	end(w, s);
}

static void test_failed_attempts_are_counted(void **state)
{
	struct sim_scenario *s = scenario_new();

	(void)state;
	add_client(s, SIM_UDP);
	step_add(s, 20 * S, SIM_OP_KILL, "node1");
	struct sim_step *e = step_add(s, 20 * S, SIM_OP_EXPECT, NULL);
	e->time_ns = 10 * S;
	e->expect.has_failed = true;
	e->expect.failed_max = 10;
	struct sim_world *w = world_of(s);
	assert_int_equal(sim_world_run(w), 1);
	assert_non_null(entry(w, SIM_DISAPPOINTED, "11 attempts failed"));
	end(w, s);
}

static struct sim_step *expect_dark(struct sim_scenario *s, uint64_t at_ns, uint64_t most_ns)
{
	struct sim_step *step = expect_owner(s, at_ns, S, "");

	step->expect.has_dark = true;
	step->expect.dark_max_ns = most_ns;
	return step;
}

/* Nothing happens any more, and it is dark for longer and longer. */
static void test_what_is_dark_counts_to_the_end(void **state)
{
	struct sim_scenario *s = scenario_new();

	(void)state;
	step_add(s, 20 * S, SIM_OP_KILL, "node1");
	expect_dark(s, 20 * S, 30 * S);
	struct sim_world *w = world_of(s);
	assert_int_equal(sim_world_run(w), 1);
	assert_non_null(entry(w, SIM_EXPECTED, ""));
	assert_non_null(entry(w, SIM_DISAPPOINTED, "dark for 40000.000 ms"));
	end(w, s);
}

static void test_an_expectation_holds_until_the_next_one_comes(void **state)
{
	struct sim_scenario *s = scenario_new();

	(void)state;
	step_add(s, 20 * S, SIM_OP_KILL, "node1");
	expect_dark(s, 20 * S, 10 * S);
	expect_owner(s, 45 * S, 0, "");
	struct sim_world *w = world_of(s);
	assert_int_equal(sim_world_run(w), 1);
	assert_int_equal(entry(w, SIM_DISAPPOINTED, "dark for 25000.000 ms")->at_ns, 45 * S);
	end(w, s);
}

static void test_who_is_refused_by_a_stranger_has_failed(void **state)
{
	struct sim_scenario *s = scenario_new();

	(void)state;
	station_add(must(array_push(&s->hosts)), "thief");
	add_client(s, SIM_TCP);
	step_add(s, 20 * S, SIM_OP_STEAL, "thief")->service = must_copy("web/front");
	struct sim_step *e = step_add(s, 20 * S, SIM_OP_EXPECT, NULL);
	e->time_ns = 30 * S;
	e->expect.has_failed = true;
	e->expect.failed_max = 20;
	struct sim_world *w = world_of(s);
	assert_int_equal(sim_world_run(w), 1);
	assert_non_null(entry(w, SIM_DISAPPOINTED, "21 attempts failed"));
	assert_true(client(w).failed <= 20 && client(w).foreign > 20);
	end(w, s);
}

/* --- building ---------------------------------------------------------------------------- */

static void test_addresses_are_given_in_order_or_as_nodes_say(void **state)
{
	static const char *const want[] = { "10.0.0.1", "10.0.0.9", "10.0.0.2" };
	struct sim_scenario *s = scenario_new();
	char ip[IP_TEXT_MAX];

	(void)state;
	add_object(s,
		   parsed("{\"kind\":\"Node\",\"metadata\":{\"name\":\"node2\"},\"status\":{"
			  "\"addresses\":[{\"type\":\"InternalIP\",\"address\":\"10.0.0.9\"}]}}"));
	struct sim_world *w = world_of(s);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(w->nodes[i].addresses.count, 1);
		assert_string_equal(ip_format(&w->nodes[i].addresses.items[0], ip), want[i]);
	}
	assert_non_null(sim_api_get(w->api, SIM_NODE, NULL, "node1"));
	assert_non_null(sim_api_get(w->api, SIM_SLICE, "web", "front-simulated"));
	end(w, s);
}

static cJSON *with_policy(cJSON *service, const char *policy)
{
	cJSON_AddStringToObject(cJSON_GetObjectItem(service, "spec"), "externalTrafficPolicy",
				policy);
	return service;
}

static size_t endpoints_made(const struct sim_world *w, const char *slice)
{
	return sim_api_get(w->api, SIM_SLICE, "web", slice)->slice->endpoint_count;
}

static void test_endpoints_are_made_on_enough_nodes(void **state)
{
	struct sim_scenario *s = scenario_new();
	char name[16];

	(void)state;
	for (unsigned i = 4; i <= 120; i++) {
		snprintf(name, sizeof(name), "node%u", i);
		station_add(must(array_push(&s->nodes)), name);
	}
	add_object(s, with_policy(service_json("local", ""), "Local"));
	struct sim_step *apply = step_add(s, 12 * S, SIM_OP_APPLY, NULL);
	*(cJSON **)must(array_push(&apply->objects)) =
		with_policy(service_json("front", ""), "Local");
	struct sim_world *w = world_of(s);
	assert_int_equal(endpoints_made(w, "front-simulated"), 10);
	assert_int_equal(endpoints_made(w, "local-simulated"), 120);
	play_well(w);
	assert_int_equal(endpoints_made(w, "front-simulated"), 120);
	end(w, s);
	/* Of few nodes each has one. */
	s = scenario_new();
	for (unsigned i = 4; i <= 100; i++) {
		snprintf(name, sizeof(name), "node%u", i);
		station_add(must(array_push(&s->nodes)), name);
	}
	w = world_of(s);
	assert_int_equal(endpoints_made(w, "front-simulated"), 100);
	end(w, s);
}

static void assert_not_built(struct sim_scenario *s, const char *why)
{
	const struct sim_world_cfg cfg = { .scenario = s };
	char err[256] = "";

	assert_null(sim_world_new(&cfg, err, sizeof(err)));
	assert_string_equal(err, why);
	sim_scenario_free(s);
}

static void test_what_does_not_fit_together_is_refused(void **state)
{
	struct sim_scenario *s = scenario_new();

	(void)state;
	station_add(must(array_push(&s->nodes)), "node1");
	assert_not_built(s, "two stations are called node1");
	s = scenario_new();
	free(s->hosts.items[0].ifaces.items[0].link);
	s->hosts.items[0].ifaces.items[0].link = must_copy("wan");
	assert_not_built(s, "pc: there is no link wan");
	s = scenario_new();
	add_client(s, SIM_TCP);
	free(s->clients.items[0].host);
	s->clients.items[0].host = must_copy("mac");
	assert_not_built(s, "there is no host mac");
	s = scenario_new();
	for (unsigned i = 1; i <= 2; i++)
		add_object(s,
			   parsed("{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"metadata\":{\"name\":"
				  "\"node%u\"},\"status\":{\"addresses\":[{\"type\":\"InternalIP\","
				  "\"address\":\"10.0.0.9\"}]}}",
				  i));
	assert_not_built(s, "Nodes node1 and node2 both have 10.0.0.9");
}

/* Of 10.0.0.200 to .207 the first four are the pool's, and the last is for broadcasts. */
static void test_stations_leave_pools_alone_while_they_can(void **state)
{
	static const char *const wanted[] = { "10.0.0.204", "10.0.0.205", "10.0.0.206",
					      "10.0.0.201" };
	struct sim_scenario *s = scenario_new();
	char text[IP_TEXT_MAX];

	(void)state;
	must_0(ip_prefix_parse("10.0.0.200/29", &s->links.items[0].prefix4));
	station_add(must(array_push(&s->nodes)), "node4");
	struct sim_world *w = world_of(s);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(w->nodes[i].addresses.count, 1);
		assert_string_equal(ip_format(&w->nodes[i].addresses.items[0], text), wanted[i]);
	}
	end(w, s);
}

/* --- what is broken is found ------------------------------------------------------------- */

/* Done to the world behind its back, at 30 s. */
struct deed {
	struct sim_timer timer;
	struct sim_world *w;
};

static void do_later(struct deed *d, struct sim_world *w, void (*run)(void *arg))
{
	d->w = w;
	sim_timer_set(w->clock, &d->timer, 30 * S, run, d);
}

static void assert_broken(struct sim_scenario *s, void (*run)(void *arg), const char *what)
{
	struct sim_world *w = world_of(s);
	struct deed d = { .w = w };

	do_later(&d, w, run);
	assert_true(sim_world_run(w) > 0);
	if (entry(w, SIM_BROKEN, what) == NULL) {
		tell(w);
		fail_msg("%s", what);
	}
	end(w, s);
}

static void give_twice(void *arg)
{
	const struct deed *d = arg;

	sim_api_put(d->w->api, SIM_SERVICE,
		    service_json("back", ",\"status\":{\"loadBalancer\":{\"ingress\":[{\"ip\":"
					 "\"" VIP "\"}]}}"));
}

static void test_an_address_of_two_services_is_found(void **state)
{
	(void)state;
	assert_broken(scenario_new(), give_twice, "double-address: web/front has it, too");
}

static void again(struct deed *d, void (*run)(void *arg))
{
	sim_timer_set(d->w->clock, &d->timer, world_now(d->w) + S, run, d);
}

static void give_what_back_has(void *arg)
{
	const struct deed *d = arg;

	sim_api_put(d->w->api, SIM_SERVICE,
		    service_json("side", ",\"status\":{\"loadBalancer\":{\"ingress\":[{\"ip\":"
					 "\"10.0.0.201\"}]}}"));
}

static void make_back(void *arg)
{
	struct deed *d = arg;

	sim_api_put(d->w->api, SIM_SERVICE, service_json("back", ""));
	again(d, give_what_back_has);
}

/* The allocator takes it back at once. */
static void test_an_address_of_two_new_services_is_found(void **state)
{
	(void)state;
	assert_broken(scenario_new(), make_back, "double-address: web/back has it, too");
}

/* Node number @n says where the VIP is: at its own MAC, with @twist in the last byte. */
static void say_where(const struct deed *d, size_t n, uint16_t op, uint8_t twist)
{
	struct sim_iface *i = sim_stack_iface(d->w->nodes[n].stack, 0);
	struct arp a = { .op = op };
	uint8_t bytes[64];
	struct wr w = wr_init(bytes, sizeof(bytes));

	must_0(ip_parse(VIP, &a.sender_ip));
	a.target_ip = a.sender_ip;
	memcpy(a.sender_mac, sim_iface_mac(i), ETHER_ADDR_LEN);
	a.sender_mac[5] ^= twist;
	if (op == ARP_REPLY)
		memcpy(a.target_mac, ether_broadcast, ETHER_ADDR_LEN);
	arp_encode(&w, ether_broadcast, &a);
	sim_port_send(sim_iface_port(i), bytes, wr_len(&w), NULL);
}

/* node2 claims what is not its own. */
static void claim(void *arg)
{
	say_where(arg, 1, ARP_REPLY, 0);
}

static void test_a_frame_of_who_does_not_own_is_found(void **state)
{
	(void)state;
	assert_broken(scenario_new(), claim, "wrong-sender: node2 sends a frame of an address");
}

/* node1 owns it, and says somebody else has it. */
static void misdirect(void *arg)
{
	say_where(arg, 0, ARP_REQUEST, 0x55);
}

static void test_a_frame_with_anothers_mac_is_found(void **state)
{
	(void)state;
	assert_broken(scenario_new(), misdirect,
		      "wrong-sender: node1 sends a frame from another's");
}

/* node1 owns it, and has announced it long ago. */
static void announce_again(void *arg)
{
	say_where(arg, 0, ARP_REQUEST, 0);
}

static void test_who_announces_again_and_again_is_found(void **state)
{
	(void)state;
	assert_broken(scenario_new(), announce_again, "frames: node1 announces it on eth0 again");
}

/* With a hop limit that nobody takes. */
static void advertise_from_afar(void *arg)
{
	const struct deed *d = arg;
	struct sim_iface *i = sim_stack_iface(d->w->nodes[0].stack, 0);
	struct ndp_na na = { .dst = ndp_all_nodes(), .override = true };
	uint8_t bytes[NDP_NA_FRAME_LEN];
	struct wr w = wr_init(bytes, sizeof(bytes));

	must_0(ip_parse("fd00::1", &na.target));
	na.src = na.target;
	memcpy(na.lladdr, sim_iface_mac(i), ETHER_ADDR_LEN);
	ndp_group_mac(&na.dst, na.eth_dst);
	ndp_na_encode(&w, &na);
	bytes[ETHER_HEADER_LEN + 7] = 64;
	sim_port_send(sim_iface_port(i), bytes, wr_len(&w), NULL);
}

static void test_an_advertisement_that_nobody_takes_is_found(void **state)
{
	(void)state;
	assert_broken(scenario_new(), advertise_from_afar,
		      "wrong-sender: node1 sends a frame of neighbour discovery that does not");
}

/* node1 is not told that it is excluded, and nobody knows that something ails it. */
static void keep_from_news(void *arg)
{
	const struct deed *d = arg;

	sim_api_client_cut(sim_speaker_client(d->w->nodes[0].speaker), true, true);
	world_node_exclude(d->w, "node1", true);
}

static void test_who_answers_for_what_is_not_his_is_found(void **state)
{
	(void)state;
	assert_broken(scenario_new(), keep_from_news, "usurper: node1 answers");
}

static void test_who_is_not_told_is_found(void **state)
{
	(void)state;
	assert_broken(scenario_new(), keep_from_news, "stale: node1");
}

static void write_nothing(const void *change_arg, cJSON *json)
{
	(void)change_arg;
	cJSON_AddStringToObject(json, "x", "y");
}

static void written(void *arg, int status, const struct sim_object *o)
{
	(void)arg;
	(void)status;
	(void)o;
}

/* Somebody writes who does not lead. */
static void write_service(void *arg)
{
	const struct deed *d = arg;
	const struct sim_api_write w = { .kind = SIM_SERVICE,
					 .ns = "web",
					 .name = "front",
					 .change = write_nothing,
					 .done = written };

	sim_api_send(sim_speaker_client(d->w->nodes[0].speaker), &w);
}

static void test_a_write_without_the_lead_is_found(void **state)
{
	(void)state;
	assert_broken(scenario_new(), write_service, "leadership: a write is sent by who does not");
}

static void write_as_a1(void *arg)
{
	const struct deed *d = arg;
	const struct sim_api_write w = { .kind = SIM_SERVICE,
					 .ns = "web",
					 .name = "front",
					 .change = write_nothing,
					 .done = written };

	sim_api_send(sim_allocator_client(d->w->allocators[0].process), &w);
}

/* It cannot renew its Lease, and nobody else is there to take it. */
static void cut_a1(struct deed *d)
{
	sim_api_client_cut(sim_allocator_client(d->w->allocators[0].process), true, true);
}

static void cut_and_write_late(void *arg)
{
	struct deed *d = arg;

	cut_a1(d);
	sim_timer_set(d->w->clock, &d->timer, world_now(d->w) + 15 * S, write_as_a1, d);
}

static void test_a_write_after_the_lease_has_run_out_is_found(void **state)
{
	(void)state;
	assert_broken(scenario_new(), cut_and_write_late,
		      "leadership: a write is sent by one whose Lease has run out");
}

/* It is slow, and leads again before what it wrote arrives. */
static struct sim_api_client *slow_leader;

static void kill_who_followed(void *arg)
{
	const struct deed *d = arg;

	sim_api_put(d->w->api, SIM_SERVICE, service_json("side", ""));
	sim_allocator_kill(world_leader(d->w)->process);
}

static void let_another_write(void *arg)
{
	struct deed *d = arg;

	sim_api_client_slow(slow_leader, 0);
	sim_api_put(d->w->api, SIM_SERVICE, service_json("back", ""));
	sim_timer_set(d->w->clock, &d->timer, world_now(d->w) + S, kill_who_followed, d);
}

static void write_slowly(void *arg)
{
	struct deed *d = arg;
	struct sim_api_write w = { .kind = SIM_SERVICE,
				   .ns = "web",
				   .name = "front",
				   .change = write_nothing,
				   .done = written };

	slow_leader = sim_allocator_client(world_leader(d->w)->process);
	sim_api_client_slow(slow_leader, 60 * S);
	sim_api_send(slow_leader, &w);
	sim_timer_set(d->w->clock, &d->timer, world_now(d->w) + 25 * S, let_another_write, d);
}

static void test_a_late_write_of_who_leads_again_is_found(void **state)
{
	struct sim_scenario *s = scenario_new();

	(void)state;
	s->allocators = 2;
	s->until_ns = 120 * S;
	struct sim_world *w = world_of(s);
	struct deed d = { .w = w };
	do_later(&d, w, write_slowly);
	assert_true(sim_world_run(w) > 0);
	assert_non_null(entry(w, SIM_BROKEN, "leadership: a write arrives after one of a later"));
	assert_int_equal(count(w, SIM_LEADS), 3);
	end(w, s);
}

/* As if it had given it back itself, which it does not hear. */
static void release_for_leader(void *arg)
{
	const struct deed *d = arg;

	sim_api_client_cut(sim_allocator_client(world_leader(d->w)->process), true, true);
	sim_api_put(d->w->api, SIM_LEASE,
		    parsed("{\"kind\":\"Lease\",\"metadata\":{\"name\":\"%s\",\"namespace\":"
			   "\"%s\"},\"spec\":{\"holderIdentity\":\"\",\"leaseDurationSeconds\":1,"
			   "\"acquireTime\":\"2026-01-01T00:00:30.000000Z\","
			   "\"renewTime\":\"2026-01-01T00:00:30.000000Z\"}}",
			   LEAD_LEASE, SIM_ALLOCATOR_NS));
}

static void test_two_who_may_write_are_found(void **state)
{
	struct sim_scenario *s = scenario_new();

	(void)state;
	s->allocators = 2;
	assert_broken(s, release_for_leader, "may write, and so may");
}

static void keep_service_from_a1(void *arg)
{
	struct deed *d = arg;

	cut_a1(d);
	sim_api_put(d->w->api, SIM_SERVICE, service_json("back", ""));
}

static void test_an_allocator_that_is_not_told_is_found(void **state)
{
	(void)state;
	assert_broken(scenario_new(), keep_service_from_a1, "stale: a1");
}

/* The allocator is not told of a Service, and nobody knows. */
static void keep_from_allocator(void *arg)
{
	const struct deed *d = arg;

	sim_allocator_kill(d->w->allocators[0].process);
	sim_api_put(d->w->api, SIM_SERVICE, service_json("back", ""));
}

static void test_that_nobody_leads_is_found(void **state)
{
	struct sim_scenario *s = scenario_new();

	(void)state;
	s->until_ns = 120 * S;
	assert_broken(s, keep_from_allocator, "leadership: nobody leads");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_service_gets_an_address_an_owner_and_clients),
		cmocka_unit_test(test_an_excluded_node_gives_its_address_to_the_next),
		cmocka_unit_test(test_a_killed_speaker_leaves_its_address_dark),
		cmocka_unit_test(test_a_machine_without_power_is_dark_and_comes_back),
		cmocka_unit_test(test_who_steals_an_address_gets_its_clients),
		cmocka_unit_test(test_a_killed_leader_is_followed),
		cmocka_unit_test(test_what_is_given_out_anew_is_dark_until_somebody_answers),
		cmocka_unit_test(test_a_client_fails_while_the_service_has_no_address),
		cmocka_unit_test(
			test_a_client_waits_for_its_service_and_asks_for_the_port_that_it_has),
		cmocka_unit_test(test_an_expectation_must_hold_in_time),
		cmocka_unit_test(test_an_expectation_must_go_on_to_hold_until_the_next_step),
		cmocka_unit_test(test_failed_attempts_are_counted),
		cmocka_unit_test(test_what_is_dark_counts_to_the_end),
		cmocka_unit_test(test_an_expectation_holds_until_the_next_one_comes),
		cmocka_unit_test(test_who_is_refused_by_a_stranger_has_failed),
		cmocka_unit_test(test_addresses_are_given_in_order_or_as_nodes_say),
		cmocka_unit_test(test_endpoints_are_made_on_enough_nodes),
		cmocka_unit_test(test_what_does_not_fit_together_is_refused),
		cmocka_unit_test(test_stations_leave_pools_alone_while_they_can),
		cmocka_unit_test(test_an_address_of_two_services_is_found),
		cmocka_unit_test(test_an_address_of_two_new_services_is_found),
		cmocka_unit_test(test_a_frame_of_who_does_not_own_is_found),
		cmocka_unit_test(test_a_frame_with_anothers_mac_is_found),
		cmocka_unit_test(test_who_announces_again_and_again_is_found),
		cmocka_unit_test(test_an_advertisement_that_nobody_takes_is_found),
		cmocka_unit_test(test_who_answers_for_what_is_not_his_is_found),
		cmocka_unit_test(test_who_is_not_told_is_found),
		cmocka_unit_test(test_an_allocator_that_is_not_told_is_found),
		cmocka_unit_test(test_a_write_without_the_lead_is_found),
		cmocka_unit_test(test_a_write_after_the_lease_has_run_out_is_found),
		cmocka_unit_test(test_two_who_may_write_are_found),
		cmocka_unit_test(test_a_late_write_of_who_leads_again_is_found),
		cmocka_unit_test(test_that_nobody_leads_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
