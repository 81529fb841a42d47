// SPDX-License-Identifier: Apache-2.0
/* The simulated API server, rule by rule: what clients are told, when, and what goes wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/duration.h"
#include "lib/base/intern.h"
#include "lib/model/meta.h"
#include "sim/api.h"

#define MS NS_PER_MS
#define S  NS_PER_S

static struct sim_clock *clock_;
static struct sim_api *api;

static void open_api(const struct sim_api_cfg *cfg)
{
	clock_ = sim_clock_new();
	api = sim_api_new(clock_, cfg);
}

static int setup(void **state)
{
	(void)state;
	open_api(&(struct sim_api_cfg){ .seed = 1 });
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	api = sim_api_free(api);
	clock_ = sim_clock_free(clock_);
	return intern_count() == 0 ? 0 : -1;
}

static void run_for(uint64_t ns)
{
	uint64_t until = sim_clock_now(clock_) + ns;

	while (sim_clock_step(clock_, until))
		;
}

/* --- objects ------------------------------------------------------------------------------ */

static cJSON *named(const char *ns, const char *name)
{
	cJSON *json = cJSON_CreateObject(), *metadata = cJSON_AddObjectToObject(json, "metadata");

	if (ns != NULL)
		cJSON_AddStringToObject(metadata, "namespace", ns);
	cJSON_AddStringToObject(metadata, "name", name);
	return json;
}

/* A Service of namespace "web"; @cluster_ip tells versions of it apart. */
static cJSON *service(const char *name, const char *cluster_ip)
{
	cJSON *json = named("web", name), *spec = cJSON_AddObjectToObject(json, "spec");

	cJSON_AddStringToObject(spec, "type", "LoadBalancer");
	cJSON_AddStringToObject(spec, "clusterIP", cluster_ip);
	return json;
}

static void put(const char *name, const char *cluster_ip)
{
	assert_non_null(sim_api_put(api, SIM_SERVICE, service(name, cluster_ip)));
}

static const char *cluster_ip_of(const struct sim_object *o)
{
	return cJSON_GetStringValue(
		cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(o->json, "spec"),
						 "clusterIP"));
}

static const char *meta_of(const struct sim_object *o, const char *key)
{
	const char *text = meta_text(o->json, key);

	return text == NULL ? "" : text;
}

/* --- a watch that writes down what it is told ----------------------------------------------- */

struct follower {
	struct sim_api_client *client;
	struct sim_watch *watch;
	char text[8192]; /* "+name=IP " for upsert, "-name " for remove, "| " for synced */
	uint64_t last_ns;
};

static void note(struct follower *f, const char *text)
{
	assert_true(strlen(f->text) + strlen(text) < sizeof(f->text));
	strcat(f->text, text);
	f->last_ns = sim_clock_now(clock_);
}

static void on_upsert(void *arg, const struct sim_object *o)
{
	const char *ip = o->json == NULL ? NULL : cluster_ip_of(o);
	char text[256];

	snprintf(text, sizeof(text), "+%s%s%s ", o->name, ip == NULL ? "" : "=",
		 ip == NULL ? "" : ip + strlen("10.0.0."));
	note(arg, text);
}

static void on_remove(void *arg, const char *ns, const char *name)
{
	char text[256];

	(void)ns;
	snprintf(text, sizeof(text), "-%s ", name);
	note(arg, text);
}

static void on_synced(void *arg)
{
	note(arg, "| ");
}

static const struct sim_watch_ops ops = { on_upsert, on_remove, on_synced };

static void follow(struct follower *f, enum sim_kind kind)
{
	*f = (struct follower){ .client = sim_api_client_new(api, "test") };
	f->watch = sim_watch_start(f->client, kind, &ops, f);
}

/* The same with its list told, and open. */
static void follow_on(struct follower *f, enum sim_kind kind)
{
	follow(f, kind);
	run_for(2 * S);
	assert_true(sim_watch_is_current(f->watch));
	f->text[0] = '\0';
}

static void leave(struct follower *f)
{
	f->client = sim_api_client_free(f->client);
}

/* What it was told since this was asked last. */
static void told(struct follower *f, const char *want)
{
	assert_string_equal(f->text, want);
	f->text[0] = '\0';
}

/* --- what is true --------------------------------------------------------------------------- */

static void test_put_adds_what_a_server_adds(void **state)
{
	(void)state;
	run_for(90 * S);
	const struct sim_object *o = sim_api_put(api, SIM_SERVICE, service("a", "10.0.0.1"));
	assert_string_equal(o->ns, "web");
	assert_string_equal(o->version, "1");
	assert_string_equal(meta_of(o, "resourceVersion"), "1");
	assert_string_equal(meta_of(o, "creationTimestamp"), "2026-01-01T00:01:30Z");
	assert_int_equal(strlen(meta_of(o, "uid")), 36);
	assert_non_null(o->service);
	assert_int_equal(o->service->created_s, SIM_EPOCH_S + 90);
	assert_string_equal(o->service->meta.resource_version, "1");
}

/* One counter for all kinds, as in etcd. */
static void test_versions_count_all_changes(void **state)
{
	(void)state;
	put("a", "10.0.0.1");
	assert_string_equal(sim_api_put(api, SIM_NODE, named(NULL, "n"))->version, "2");
	put("a", "10.0.0.2");
	assert_string_equal(sim_api_get(api, SIM_SERVICE, "web", "a")->version, "3");
	assert_true(sim_api_delete(api, SIM_SERVICE, "web", "a"));
	assert_int_equal(sim_api_number(api), 4);
}

static void test_a_write_that_changes_nothing_is_no_change(void **state)
{
	(void)state;
	put("a", "10.0.0.1");
	put("a", "10.0.0.1");
	assert_int_equal(sim_api_number(api), 1);
}

static void test_an_object_keeps_its_uid_until_it_is_deleted(void **state)
{
	char uid[64];

	(void)state;
	put("a", "10.0.0.1");
	snprintf(uid, sizeof(uid), "%s", meta_of(sim_api_get(api, SIM_SERVICE, "web", "a"), "uid"));
	run_for(S);
	put("a", "10.0.0.2");
	const struct sim_object *o = sim_api_get(api, SIM_SERVICE, "web", "a");
	assert_string_equal(meta_of(o, "uid"), uid);
	assert_string_equal(meta_of(o, "creationTimestamp"), "2026-01-01T00:00:00Z");
	sim_api_delete(api, SIM_SERVICE, "web", "a");
	put("a", "10.0.0.2");
	o = sim_api_get(api, SIM_SERVICE, "web", "a");
	assert_string_not_equal(meta_of(o, "uid"), uid);
	assert_string_equal(meta_of(o, "creationTimestamp"), "2026-01-01T00:00:01Z");
}

/* `kubectl get -o yaml` gives it, and the order of Services by age hangs on it. */
static void test_a_time_of_creation_that_is_given_stays(void **state)
{
	cJSON *json = service("a", "10.0.0.1");

	(void)state;
	cJSON_AddStringToObject(cJSON_GetObjectItem(json, "metadata"), "creationTimestamp",
				"2020-02-02T02:02:02Z");
	const struct sim_object *o = sim_api_put(api, SIM_SERVICE, json);
	assert_string_equal(meta_of(o, "creationTimestamp"), "2020-02-02T02:02:02Z");
}

static void test_who_leaves_the_status_out_keeps_it(void **state)
{
	cJSON *json = service("a", "10.0.0.1");

	(void)state;
	cJSON_AddStringToObject(cJSON_AddObjectToObject(json, "status"), "was", "here");
	sim_api_put(api, SIM_SERVICE, json);
	put("a", "10.0.0.2");
	const struct sim_object *o = sim_api_get(api, SIM_SERVICE, "web", "a");
	assert_string_equal(cluster_ip_of(o), "10.0.0.2");
	assert_non_null(cJSON_GetObjectItem(cJSON_GetObjectItem(o->json, "status"), "was"));
	json = service("a", "10.0.0.2");
	cJSON_AddObjectToObject(json, "status");
	o = sim_api_put(api, SIM_SERVICE, json);
	assert_null(cJSON_GetObjectItem(cJSON_GetObjectItem(o->json, "status"), "was"));
}

static void test_namespaces_are_as_the_kind_has_them(void **state)
{
	(void)state;
	assert_string_equal(sim_api_put(api, SIM_SERVICE, named(NULL, "a"))->ns, "default");
	assert_string_equal(sim_api_put(api, SIM_NODE, named("web", "n"))->ns, "");
	assert_non_null(sim_api_get(api, SIM_SERVICE, "", "a"));
	assert_null(sim_api_put(api, SIM_SERVICE, cJSON_CreateObject()));
}

static void test_what_does_not_decode_is_there_all_the_same(void **state)
{
	cJSON *json = named("web", "a");

	(void)state;
	cJSON_AddStringToObject(json, "spec", "not an object");
	const struct sim_object *o = sim_api_put(api, SIM_SERVICE, json);
	assert_non_null(o->json);
	assert_null(o->any);
	assert_false(o->gone);
}

static void add_name(void *arg, const struct sim_object *o)
{
	strcat(arg, o->ns);
	strcat(arg, "/");
	strcat(arg, o->name);
	strcat(arg, " ");
}

static void test_objects_are_in_order_of_namespace_and_name(void **state)
{
	char text[256] = "";

	(void)state;
	put("b", "10.0.0.1");
	put("a", "10.0.0.1");
	sim_api_put(api, SIM_SERVICE, named("app", "z"));
	sim_api_each(api, SIM_SERVICE, add_name, text);
	assert_string_equal(text, "app/z web/a web/b ");
	assert_int_equal(sim_api_count(api, SIM_SERVICE), 3);
	assert_int_equal(sim_api_count(api, SIM_SLICE), 0);
}

static void on_change(void *arg, const struct sim_object *before, const struct sim_object *now)
{
	char text[128];

	snprintf(text, sizeof(text), "%s>%s%s ", before == NULL ? "" : before->version,
		 now->version, now->gone ? "!" : "");
	strcat(arg, text);
}

static void test_the_witness_sees_every_change_at_once(void **state)
{
	char text[256] = "";

	(void)state;
	sim_api_watch_all(api, on_change, text);
	put("a", "10.0.0.1");
	put("a", "10.0.0.2");
	put("a", "10.0.0.2");
	sim_api_delete(api, SIM_SERVICE, "web", "a");
	assert_false(sim_api_delete(api, SIM_SERVICE, "web", "a"));
	assert_string_equal(text, ">1 1>2 2>3! ");
}

/* --- lists and watches ------------------------------------------------------------------------ */

static void test_a_watch_lists_then_follows(void **state)
{
	struct follower f;

	(void)state;
	put("b", "10.0.0.1");
	put("a", "10.0.0.1");
	follow(&f, SIM_SERVICE);
	assert_false(sim_watch_synced(f.watch));
	run_for(S);
	assert_true(sim_watch_synced(f.watch));
	told(&f, "+a=1 +b=1 | ");
	put("a", "10.0.0.2");
	sim_api_put(api, SIM_NODE, named(NULL, "n")); /* of another kind */
	sim_api_delete(api, SIM_SERVICE, "web", "b");
	assert_false(sim_watch_is_current(f.watch));
	run_for(S);
	told(&f, "+a=2 -b ");
	assert_true(sim_watch_is_current(f.watch));
	leave(&f);
}

/* The list is what was there when the server answered, and takes a round trip. */
static void test_a_list_takes_its_time(void **state)
{
	struct follower f;

	(void)state;
	sim_api_free(api);
	sim_clock_free(clock_);
	open_api(&(struct sim_api_cfg){ .latency_ns = 100 * MS });
	put("a", "10.0.0.1");
	follow(&f, SIM_SERVICE);
	run_for(70 * MS); /* on the way there: 75 to 125 ms */
	put("b", "10.0.0.1");
	run_for(60 * MS); /* on the way back */
	put("c", "10.0.0.1");
	run_for(15 * MS);
	told(&f, "");
	run_for(110 * MS);
	told(&f, "+a=1 +b=1 | ");
	run_for(S);
	told(&f, "+c=1 ");
	leave(&f);
}

static void test_changes_of_a_kind_come_in_order(void **state)
{
	char ip[32], want[8192] = "", one[64];
	struct follower f;

	(void)state;
	follow_on(&f, SIM_SERVICE);
	for (int i = 1; i < 100; i++) {
		snprintf(ip, sizeof(ip), "10.0.0.%d", i);
		snprintf(one, sizeof(one), "+%c=%d ", 'a' + i % 3, i);
		put((char[]){ (char)('a' + i % 3), '\0' }, ip);
		strcat(want, one);
		run_for(MS * (unsigned)(i % 4));
	}
	run_for(S);
	told(&f, want);
	leave(&f);
}

static void test_each_watch_lags_on_its_own(void **state)
{
	unsigned other = 0, first = 0;
	struct follower f, g;

	(void)state;
	follow_on(&f, SIM_SERVICE);
	follow_on(&g, SIM_SERVICE);
	for (unsigned i = 0; i < 50; i++) {
		uint64_t at = sim_clock_now(clock_);

		put("a", i % 2 ? "10.0.0.1" : "10.0.0.2");
		run_for(S);
		assert_in_range(f.last_ns - at, 2500000, 7500000);
		assert_in_range(g.last_ns - at, 2500000, 7500000);
		other += f.last_ns != g.last_ns;
		first += f.last_ns < g.last_ns;
	}
	assert_true(other > 45 && first > 10 && first < 40);
	leave(&f);
	leave(&g);
}

/* One process may hear of a Node first that was made after a Service. */
static void test_two_kinds_may_come_in_another_order(void **state)
{
	unsigned turned = 0;
	struct follower f;

	(void)state;
	follow_on(&f, SIM_SERVICE);
	sim_watch_start(f.client, SIM_NODE, &ops, &f);
	run_for(S);
	for (unsigned i = 0; i < 50; i++) {
		char name[16];

		f.text[0] = '\0';
		snprintf(name, sizeof(name), "n%u", i);
		put("a", i % 2 ? "10.0.0.1" : "10.0.0.2");
		sim_api_put(api, SIM_NODE, named(NULL, name));
		run_for(S);
		turned += f.text[1] == 'n';
	}
	assert_in_range(turned, 10, 40);
	leave(&f);
}

static void test_a_deletion_is_told_to_a_watch_that_is_behind(void **state)
{
	struct follower f;

	(void)state;
	follow_on(&f, SIM_SERVICE);
	put("a", "10.0.0.1");
	sim_api_delete(api, SIM_SERVICE, "web", "a");
	put("a", "10.0.0.2");
	sim_api_delete(api, SIM_SERVICE, "web", "a");
	run_for(S);
	told(&f, "+a=1 -a +a=2 -a ");
	leave(&f);
}

static void test_the_configuration_is_an_object_like_others(void **state)
{
	struct config *config = calloc(1, sizeof(*config));
	struct follower f;

	(void)state;
	config->refs = 1;
	follow(&f, SIM_CONFIG);
	run_for(S);
	told(&f, "| ");
	sim_api_put_config(api, config);
	assert_ptr_equal(sim_api_get(api, SIM_CONFIG, "", "")->config, config);
	config_unref(config);
	run_for(S);
	told(&f, "+ ");
	leave(&f);
}

static void stop_on_upsert(void *arg, const struct sim_object *o)
{
	struct follower *f = arg;

	on_upsert(arg, o);
	f->watch = sim_watch_stop(f->watch);
}

static void free_on_upsert(void *arg, const struct sim_object *o)
{
	on_upsert(arg, o);
	leave(arg);
}

static void test_a_watch_may_be_stopped_by_what_it_tells(void **state)
{
	static const struct sim_watch_ops stops = { stop_on_upsert, on_remove, on_synced };
	static const struct sim_watch_ops frees = { free_on_upsert, on_remove, on_synced };
	struct follower f, g;

	(void)state;
	put("a", "10.0.0.1");
	put("b", "10.0.0.1");
	follow(&f, SIM_SERVICE);
	sim_watch_stop(f.watch);
	f.watch = sim_watch_start(f.client, SIM_SERVICE, &stops, &f);
	follow(&g, SIM_SERVICE);
	sim_watch_stop(g.watch);
	sim_watch_start(g.client, SIM_SERVICE, &frees, &g);
	run_for(S);
	put("c", "10.0.0.1");
	run_for(S);
	told(&f, "+a=1 ");
	told(&g, "+a=1 ");
	leave(&f);
}

static void test_a_list_may_be_asked_for_anew(void **state)
{
	struct follower f;

	(void)state;
	put("a", "10.0.0.1");
	follow_on(&f, SIM_SERVICE);
	sim_watch_relist(f.watch);
	assert_true(sim_watch_synced(f.watch));
	assert_false(sim_watch_is_current(f.watch));
	run_for(S);
	told(&f, "+a=1 | ");
	leave(&f);
}

/* --- what goes wrong with watches ---------------------------------------------------------------
 */

static void test_a_watch_that_ended_goes_on_where_it_was(void **state)
{
	struct follower f;

	(void)state;
	put("a", "10.0.0.1");
	follow_on(&f, SIM_SERVICE);
	sim_api_break_watches(api);
	put("b", "10.0.0.1");
	run_for(S);
	told(&f, "+b=1 ");
	assert_int_equal(sim_api_counts(api).lists, 1);
	leave(&f);
}

/* The server ends each watch after 5 to 10 minutes; nothing gets lost by that. */
static void test_nothing_is_lost_between_two_watches(void **state)
{
	struct follower f;
	char want[8192] = "", one[64], ip[32];

	(void)state;
	follow_on(&f, SIM_SERVICE);
	for (int i = 1; i < 250; i++) {
		snprintf(ip, sizeof(ip), "10.0.0.%d", i);
		snprintf(one, sizeof(one), "+a=%d ", i);
		put("a", ip);
		strcat(want, one);
		run_for(10 * S);
	}
	told(&f, want);
	assert_int_equal(sim_api_counts(api).lists, 1);
	leave(&f);
}

static void test_who_fell_behind_lists_anew_and_tells_what_is_gone(void **state)
{
	struct follower f;

	(void)state;
	put("a", "10.0.0.1");
	put("b", "10.0.0.1");
	put("c", "10.0.0.1");
	follow_on(&f, SIM_SERVICE);
	sim_api_outage(api, true);
	run_for(S);
	sim_api_delete(api, SIM_SERVICE, "web", "a");
	sim_api_delete(api, SIM_SERVICE, "web", "b");
	put("b", "10.0.0.2"); /* another one, but it is there */
	put("d", "10.0.0.1"); /* never told of */
	sim_api_delete(api, SIM_SERVICE, "web", "d");
	sim_api_compact(api);
	sim_api_outage(api, false);
	run_for(5 * S);
	told(&f, "+b=2 +c=1 -a | ");
	assert_int_equal(sim_api_counts(api).gone410, 1);
	leave(&f);
}

static void test_who_missed_nothing_needs_no_list_after_compaction(void **state)
{
	struct follower f;

	(void)state;
	put("a", "10.0.0.1");
	follow_on(&f, SIM_SERVICE);
	sim_api_compact(api);
	sim_api_break_watches(api);
	run_for(S);
	assert_int_equal(sim_api_counts(api).gone410, 0);
	put("b", "10.0.0.1");
	run_for(S);
	told(&f, "+b=1 ");
	leave(&f);
}

/* The window counts for who comes back; who only lags is told everything. */
static void test_history_is_a_window(void **state)
{
	char ip[32];
	struct follower f;

	(void)state;
	sim_api_free(api);
	sim_clock_free(clock_);
	open_api(&(struct sim_api_cfg){ .history = 10 });
	follow_on(&f, SIM_SERVICE);
	for (int i = 1; i <= 40; i++) {
		snprintf(ip, sizeof(ip), "10.0.0.%d", i);
		put("a", ip);
	}
	run_for(S);
	assert_int_equal(sim_api_counts(api).events, 40);
	for (int missed = 10; missed <= 11; missed++) {
		sim_api_outage(api, true);
		run_for(S);
		for (int i = 1; i <= missed; i++) {
			snprintf(ip, sizeof(ip), "10.0.0.%d", i);
			put("a", ip);
		}
		sim_api_outage(api, false);
		run_for(10 * S);
		assert_int_equal(sim_api_counts(api).gone410, missed == 11);
		assert_true(sim_watch_is_current(f.watch));
	}
	leave(&f);
}

/* As lib/kube: 100 ms, doubled up to 10 s, and all watches of a process knock as one. */
static void test_an_outage_is_waited_for_by_a_back_off(void **state)
{
	struct follower f;
	uint64_t before;

	(void)state;
	follow_on(&f, SIM_SERVICE);
	sim_watch_start(f.client, SIM_NODE, &ops, &f);
	run_for(2 * S);
	f.text[0] = '\0';
	sim_api_outage(api, true);
	run_for(60 * S);
	/* 0.1 + 0.2 + … + 6.4 s is 7 tries in 12.7 s, then one each 10 s; give or take 30 %. */
	assert_in_range(sim_api_counts(api).unanswered, 2 * 9, 2 * 15);
	before = sim_api_counts(api).unanswered;
	run_for(120 * S);
	assert_in_range(sim_api_counts(api).unanswered - before, 2 * 9, 2 * 18);
	put("a", "10.0.0.1");
	sim_api_outage(api, false);
	run_for(15 * S);
	told(&f, "+a=1 ");
	leave(&f);
}

static void test_a_cut_short_enough_only_delays(void **state)
{
	struct follower f;

	(void)state;
	follow_on(&f, SIM_SERVICE);
	sim_api_client_cut(f.client, true, true);
	put("a", "10.0.0.1");
	run_for(10 * S);
	told(&f, "");
	sim_api_client_cut(f.client, false, false);
	run_for(10 * S); /* TCP's next try */
	told(&f, "+a=1 ");
	assert_int_equal(sim_api_counts(api).lists, 1);
	assert_int_equal(sim_api_counts(api).unanswered, 0);
	leave(&f);
}

static void test_a_connection_that_is_silent_is_given_up(void **state)
{
	struct follower f;

	(void)state;
	follow_on(&f, SIM_SERVICE);
	sim_api_client_cut(f.client, true, true);
	run_for(29 * S);
	assert_int_equal(sim_api_counts(api).unanswered, 0);
	run_for(62 * S + 5 * S);
	assert_true(sim_api_counts(api).unanswered > 0);
	put("a", "10.0.0.1");
	sim_api_client_cut(f.client, false, false);
	run_for(15 * S);
	told(&f, "+a=1 ");
	leave(&f);
}

/* What is open goes on; only what would be asked does not arrive. */
static void test_a_cut_may_be_in_one_direction(void **state)
{
	struct follower f;

	(void)state;
	follow_on(&f, SIM_SERVICE);
	sim_api_client_cut(f.client, true, false);
	put("a", "10.0.0.1");
	run_for(S);
	told(&f, "+a=1 ");
	sim_watch_relist(f.watch);
	run_for(20 * S);
	told(&f, "");
	sim_api_client_cut(f.client, false, false);
	run_for(15 * S);
	told(&f, "+a=1 | ");
	leave(&f);
}

static void test_a_paused_process_is_told_when_it_goes_on(void **state)
{
	struct follower f;

	(void)state;
	follow_on(&f, SIM_SERVICE);
	put("a", "10.0.0.1");
	sim_api_client_pause(f.client, true);
	put("b", "10.0.0.1");
	run_for(60 * S);
	told(&f, "");
	sim_api_client_pause(f.client, false);
	run_for(0);
	told(&f, "+a=1 +b=1 ");
	leave(&f);
}

/* A server ends a watch that takes nothing; then it is one that fell behind. */
static void test_a_process_paused_for_long_lists_anew(void **state)
{
	char ip[32];
	struct follower f;

	(void)state;
	sim_api_free(api);
	sim_clock_free(clock_);
	open_api(&(struct sim_api_cfg){ .history = 10 });
	put("b", "10.0.0.1");
	follow_on(&f, SIM_SERVICE);
	sim_api_client_pause(f.client, true);
	sim_api_delete(api, SIM_SERVICE, "web", "b");
	for (int i = 1; i <= 100; i++) {
		snprintf(ip, sizeof(ip), "10.0.0.%d", i);
		put("a", ip);
	}
	run_for(S);
	sim_api_client_pause(f.client, false);
	run_for(S);
	told(&f, "+a=100 -b | ");
	leave(&f);
}

static void test_a_slow_client_is_told_late(void **state)
{
	struct follower f;

	(void)state;
	follow_on(&f, SIM_SERVICE);
	sim_api_client_slow(f.client, 3 * S);
	put("a", "10.0.0.1");
	run_for(3 * S);
	told(&f, "");
	run_for(10 * MS);
	told(&f, "+a=1 ");
	leave(&f);
}

/* --- requests -------------------------------------------------------------------------------- */

struct answer {
	unsigned count;
	int status;
	char version[24];
	uint64_t at_ns;
};

static void on_done(void *arg, int status, const struct sim_object *o)
{
	struct answer *a = arg;

	a->count++;
	a->status = status;
	a->at_ns = sim_clock_now(clock_);
	snprintf(a->version, sizeof(a->version), "%s", o == NULL ? "" : o->version);
}

/* The last octet of its cluster IP is *@arg. */
static void set_ip(const void *arg, cJSON *json)
{
	char ip[32];

	snprintf(ip, sizeof(ip), "10.0.0.%d", *(const int *)arg);
	cJSON_DeleteItemFromObject(json, "spec");
	cJSON_AddStringToObject(cJSON_AddObjectToObject(json, "spec"), "clusterIP", ip);
}

static struct sim_api_write write_of(const char *name, int ip, struct answer *answer)
{
	int *arg = malloc(sizeof(*arg));

	*arg = ip;
	*answer = (struct answer){ 0 };
	return (struct sim_api_write){ .kind = SIM_SERVICE,
				       .ns = "web",
				       .name = name,
				       .change = set_ip,
				       .change_arg = arg,
				       .done = on_done,
				       .arg = answer };
}

static void send(struct sim_api_client *c, const char *name, int ip, const char *version,
		 struct answer *answer)
{
	struct sim_api_write w = write_of(name, ip, answer);

	w.version = version;
	sim_api_send(c, &w);
}

static void answered(const struct answer *a, int status)
{
	assert_int_equal(a->count, 1);
	assert_int_equal(a->status, status);
}

static void test_a_read_is_answered_after_a_round_trip(void **state)
{
	struct sim_api_client *c = sim_api_client_new(api, "test");
	struct answer a = { 0 }, b = { 0 };

	(void)state;
	put("a", "10.0.0.1");
	sim_api_read(c, SIM_SERVICE, "web", "a", 0, on_done, &a);
	sim_api_read(c, SIM_SERVICE, "web", "b", 0, on_done, &b);
	assert_int_equal(a.count, 0);
	run_for(S);
	answered(&a, 200);
	assert_string_equal(a.version, "1");
	assert_in_range(a.at_ns, 3 * MS, 5 * MS);
	answered(&b, 404);
	sim_api_client_free(c);
}

static void test_a_write_is_refused_if_the_version_is_another(void **state)
{
	struct sim_api_client *c = sim_api_client_new(api, "test");
	struct answer a, b;

	(void)state;
	put("a", "10.0.0.1");
	send(c, "a", 7, "1", &a);
	send(c, "a", 8, "1", &b);
	run_for(S);
	assert_int_equal(a.count + b.count, 2);
	assert_int_equal(a.status + b.status, 200 + 409);
	assert_int_equal(sim_api_number(api), 2);
	assert_int_equal(sim_api_counts(api).conflicts, 1);
	send(c, "a", 9, NULL, &a);
	run_for(S);
	answered(&a, 200);
	assert_string_equal(a.version, "3");
	assert_string_equal(cluster_ip_of(sim_api_get(api, SIM_SERVICE, "web", "a")), "10.0.0.9");
	sim_api_client_free(c);
}

static void test_conflicts_may_be_asked_for(void **state)
{
	struct sim_api_client *c = sim_api_client_new(api, "test");
	struct answer a, b;

	(void)state;
	put("a", "10.0.0.1");
	sim_api_conflicts(api, 1);
	send(c, "a", 7, NULL, &a);
	run_for(S);
	send(c, "a", 7, NULL, &b);
	run_for(S);
	answered(&a, 409);
	answered(&b, 200);
	sim_api_client_free(c);
}

static void test_create_only_what_is_not_there(void **state)
{
	struct sim_api_client *c = sim_api_client_new(api, "test");
	struct answer a, b, d;
	struct sim_api_write w = write_of("a", 1, &a);

	(void)state;
	w.create = true;
	sim_api_send(c, &w);
	run_for(S);
	answered(&a, 201);
	assert_string_equal(sim_api_get(api, SIM_SERVICE, "web", "a")->version, "1");
	w = write_of("a", 2, &b);
	w.create = true;
	sim_api_send(c, &w);
	send(c, "b", 1, NULL, &d);
	run_for(S);
	answered(&b, 409);
	answered(&d, 404);
	assert_int_equal(sim_api_number(api), 1);
	sim_api_client_free(c);
}

static void test_a_request_in_an_outage_is_refused_at_once(void **state)
{
	struct sim_api_client *c = sim_api_client_new(api, "test");
	struct answer a;

	(void)state;
	put("a", "10.0.0.1");
	sim_api_outage(api, true);
	send(c, "a", 7, NULL, &a);
	run_for(10 * MS);
	answered(&a, 0);
	assert_int_equal(sim_api_number(api), 1);
	sim_api_client_free(c);
}

/* The outage begins when the write is done and its answer on the way. */
static void test_a_write_may_land_though_no_answer_comes(void **state)
{
	struct sim_api_client *c = sim_api_client_new(api, "test");
	struct answer a;

	(void)state;
	put("a", "10.0.0.1");
	send(c, "a", 7, NULL, &a);
	while (sim_api_number(api) == 1)
		assert_true(sim_clock_step(clock_, S));
	sim_api_outage(api, true);
	run_for(10 * MS);
	answered(&a, 0);
	sim_api_outage(api, false);

	sim_api_client_cut(c, false, true);
	struct sim_api_write w = write_of("a", 8, &a);
	w.timeout_ns = 5 * S;
	sim_api_send(c, &w);
	run_for(4999 * MS);
	assert_int_equal(a.count, 0);
	assert_int_equal(sim_api_number(api), 3);
	run_for(2 * MS);
	answered(&a, 0);
	sim_api_client_free(c);
}

/* TCP sends again what a cut has kept back, until the request is given up. */
static void test_a_write_may_land_late_but_not_after_its_timeout(void **state)
{
	struct sim_api_client *c = sim_api_client_new(api, "test");
	struct answer a;

	(void)state;
	put("a", "10.0.0.1");
	for (unsigned cut_s = 3; cut_s <= 6; cut_s += 3) {
		struct sim_api_write w = write_of("a", (int)cut_s, &a);

		w.timeout_ns = 5 * S;
		sim_api_client_cut(c, true, false);
		sim_api_send(c, &w);
		run_for(cut_s * S);
		assert_int_equal(a.count, cut_s == 6);
		sim_api_client_cut(c, false, false);
		run_for(20 * S);
		answered(&a, cut_s == 3 ? 200 : 0);
	}
	assert_int_equal(sim_api_number(api), 2);
	sim_api_client_free(c);
}

/* A request that is long on its way lands after its owner has given it up. */
static void test_a_slow_write_may_land_after_its_timeout(void **state)
{
	struct sim_api_client *c = sim_api_client_new(api, "test");
	struct answer a;
	struct sim_api_write w = write_of("a", 7, &a);

	(void)state;
	put("a", "10.0.0.1");
	sim_api_client_slow(c, 7 * S);
	w.timeout_ns = 5 * S;
	sim_api_send(c, &w);
	run_for(6 * S);
	answered(&a, 0);
	assert_int_equal(sim_api_number(api), 1);
	run_for(2 * S);
	answered(&a, 0);
	assert_int_equal(sim_api_number(api), 2);
	sim_api_client_free(c);
}

static void test_what_a_paused_process_sent_lands(void **state)
{
	struct sim_api_client *c = sim_api_client_new(api, "test");
	struct answer a, b;

	(void)state;
	put("a", "10.0.0.1");
	send(c, "a", 7, NULL, &a);
	sim_api_client_pause(c, true);
	run_for(S);
	assert_int_equal(a.count, 0);
	assert_int_equal(sim_api_number(api), 2);
	sim_api_client_pause(c, false);
	run_for(0);
	answered(&a, 200);

	/* Its clock went on meanwhile: it gives up before it looks what has come. */
	send(c, "a", 8, NULL, &b);
	sim_api_client_pause(c, true);
	run_for(60 * S);
	sim_api_client_pause(c, false);
	run_for(0);
	answered(&b, 0);
	assert_int_equal(sim_api_number(api), 3);
	sim_api_client_free(c);
}

/* kill -9 does not call back what is on the wire. */
static void test_what_a_killed_process_sent_lands(void **state)
{
	struct sim_api_client *c = sim_api_client_new(api, "test");
	struct answer a;

	(void)state;
	put("a", "10.0.0.1");
	send(c, "a", 7, NULL, &a);
	sim_api_client_free(c);
	run_for(S);
	assert_int_equal(a.count, 0);
	assert_int_equal(sim_api_number(api), 2);
	c = sim_api_client_new(api, "test");
	send(c, "a", 8, NULL, &a);
	sim_api_client_free(c); /* and still on its way when all ends */
}

static unsigned written_sent, written_landed;
static char written_by[32];

static void on_write(void *arg, const struct sim_api_client *c, bool landed, enum sim_kind kind,
		     const char *ns, const char *name)
{
	(void)arg;
	assert_int_equal(kind, SIM_SERVICE);
	assert_string_equal(ns, "web");
	assert_string_equal(name, "a");
	snprintf(written_by, sizeof(written_by), "%s", sim_api_client_name(c));
	written_sent += !landed;
	written_landed += landed;
}

static void test_writes_are_seen_when_sent_and_when_they_land(void **state)
{
	struct sim_api_client *c = sim_api_client_new(api, "me");
	struct answer a;

	(void)state;
	written_sent = written_landed = 0;
	sim_api_watch_writes(api, on_write, NULL);
	put("a", "10.0.0.1");
	assert_int_equal(written_sent, 0);
	send(c, "a", 7, NULL, &a);
	assert_int_equal(written_sent, 1);
	sim_api_client_free(c);
	run_for(S);
	assert_int_equal(written_landed, 1);
	assert_string_equal(written_by, "me");
}

static bool never(void *arg)
{
	(void)arg;
	return false;
}

static void test_a_write_may_be_withheld_when_its_turn_comes(void **state)
{
	struct sim_api_client *c = sim_api_client_new(api, "test");
	struct answer a;
	struct sim_api_write w = write_of("a", 7, &a);

	(void)state;
	put("a", "10.0.0.1");
	w.may_send = never;
	sim_api_send(c, &w);
	assert_int_equal(a.count, 0);
	run_for(S);
	answered(&a, 0);
	assert_int_equal(sim_api_counts(api).requests, 0);
	sim_api_client_free(c);
}

/* 32 under way, the rest in order; those about a Lease do not wait for them. */
static void test_requests_wait_for_their_turn_but_leases_do_not(void **state)
{
	struct sim_api_client *c = sim_api_client_new(api, "test");
	struct answer a[33] = { 0 }, lease = { 0 };

	(void)state;
	for (size_t i = 0; i < 33; i++)
		sim_api_read(c, SIM_SERVICE, "web", "a", 0, on_done, &a[i]);
	assert_int_equal(sim_api_counts(api).requests, 32);
	sim_api_read(c, SIM_LEASE, "web", "a", 0, on_done, &lease);
	assert_int_equal(sim_api_counts(api).requests, 33);
	run_for(S);
	for (size_t i = 0; i < 32; i++)
		assert_true(a[i].count == 1 && a[i].at_ns < 6 * MS);
	assert_true(a[32].count == 1 && a[32].at_ns >= 6 * MS);
	assert_true(lease.count == 1 && lease.at_ns < 6 * MS);
	sim_api_client_free(c);
}

/* --- the same seed, the same run -------------------------------------------------------------- */

/* What two watches are told, and when, through troubles of all kinds; in words. */
static char *play(uint64_t seed)
{
	struct rng rng = rng_seeded(77);
	struct follower f, g;
	struct answer a;
	char ip[32], *text, times[64];

	sim_api_free(api);
	sim_clock_free(clock_);
	open_api(&(struct sim_api_cfg){ .seed = seed, .history = 5 });
	follow(&f, SIM_SERVICE);
	follow(&g, SIM_SERVICE);
	for (int i = 0; i < 200; i++) {
		bool on = rng_below(&rng, 2) == 0;

		snprintf(ip, sizeof(ip), "10.0.0.%d", i % 5);
		switch (rng_below(&rng, 8)) {
		case 0:
			sim_api_outage(api, on);
			break;
		case 1:
			sim_api_client_cut(f.client, on, !on);
			break;
		case 2:
			sim_api_client_pause(g.client, on);
			break;
		case 3:
			sim_api_break_watches(api);
			break;
		case 4:
			sim_api_delete(api, SIM_SERVICE, "web", "a");
			break;
		case 5:
			sim_api_compact(api);
			break;
		case 6:
			if (!on)
				sim_api_client_slow(f.client, 10 * MS);
			put("a", ip);
			break;
		case 7:
			put("b", ip);
			break;
		}
		run_for(rng_below(&rng, 3 * S));
	}
	sim_api_outage(api, false);
	sim_api_client_cut(f.client, false, false);
	sim_api_client_pause(g.client, false);
	send(f.client, "b", 99, NULL, &a);
	run_for(120 * S);
	answered(&a, 200);
	assert_true(sim_watch_is_current(f.watch));
	assert_true(sim_watch_is_current(g.watch));
	snprintf(times, sizeof(times), "%llu %llu %llu", (unsigned long long)f.last_ns,
		 (unsigned long long)g.last_ns, (unsigned long long)sim_clock_steps(clock_));
	assert_true(asprintf(&text, "%s %s %s", f.text, g.text, times) > 0);
	leave(&f);
	leave(&g);
	return text;
}

static void test_the_same_seed_gives_the_same_run(void **state)
{
	char *a = play(3), *b = play(3), *c = play(4);

	(void)state;
	assert_string_equal(a, b);
	assert_string_not_equal(a, c);
	free(a);
	free(b);
	free(c);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_put_adds_what_a_server_adds),
		TEST(test_versions_count_all_changes),
		TEST(test_a_write_that_changes_nothing_is_no_change),
		TEST(test_an_object_keeps_its_uid_until_it_is_deleted),
		TEST(test_a_time_of_creation_that_is_given_stays),
		TEST(test_who_leaves_the_status_out_keeps_it),
		TEST(test_namespaces_are_as_the_kind_has_them),
		TEST(test_what_does_not_decode_is_there_all_the_same),
		TEST(test_objects_are_in_order_of_namespace_and_name),
		TEST(test_the_witness_sees_every_change_at_once),
		TEST(test_a_watch_lists_then_follows),
		TEST(test_a_list_takes_its_time),
		TEST(test_changes_of_a_kind_come_in_order),
		TEST(test_each_watch_lags_on_its_own),
		TEST(test_two_kinds_may_come_in_another_order),
		TEST(test_a_deletion_is_told_to_a_watch_that_is_behind),
		TEST(test_the_configuration_is_an_object_like_others),
		TEST(test_a_watch_may_be_stopped_by_what_it_tells),
		TEST(test_a_list_may_be_asked_for_anew),
		TEST(test_a_watch_that_ended_goes_on_where_it_was),
		TEST(test_nothing_is_lost_between_two_watches),
		TEST(test_who_fell_behind_lists_anew_and_tells_what_is_gone),
		TEST(test_who_missed_nothing_needs_no_list_after_compaction),
		TEST(test_history_is_a_window),
		TEST(test_an_outage_is_waited_for_by_a_back_off),
		TEST(test_a_cut_short_enough_only_delays),
		TEST(test_a_connection_that_is_silent_is_given_up),
		TEST(test_a_cut_may_be_in_one_direction),
		TEST(test_a_paused_process_is_told_when_it_goes_on),
		TEST(test_a_process_paused_for_long_lists_anew),
		TEST(test_a_slow_client_is_told_late),
		TEST(test_a_read_is_answered_after_a_round_trip),
		TEST(test_a_write_is_refused_if_the_version_is_another),
		TEST(test_conflicts_may_be_asked_for),
		TEST(test_create_only_what_is_not_there),
		TEST(test_a_request_in_an_outage_is_refused_at_once),
		TEST(test_a_write_may_land_though_no_answer_comes),
		TEST(test_a_write_may_land_late_but_not_after_its_timeout),
		TEST(test_a_slow_write_may_land_after_its_timeout),
		TEST(test_what_a_paused_process_sent_lands),
		TEST(test_what_a_killed_process_sent_lands),
		TEST(test_writes_are_seen_when_sent_and_when_they_land),
		TEST(test_a_write_may_be_withheld_when_its_turn_comes),
		TEST(test_requests_wait_for_their_turn_but_leases_do_not),
		TEST(test_the_same_seed_gives_the_same_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
