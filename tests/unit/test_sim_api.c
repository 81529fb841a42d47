// SPDX-License-Identifier: Apache-2.0
/* The simulated API server, rule by rule: what is true, and what a watch tells of it. */
#include "tests/unit/sim_api_bench.h"

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

static cJSON *slice(const char *ns, const char *name, const char *service)
{
	cJSON *json = named(ns, name);
	cJSON *labels = cJSON_AddObjectToObject(cJSON_GetObjectItem(json, "metadata"), "labels");

	cJSON_AddStringToObject(json, "addressType", "IPv4");
	cJSON_AddArrayToObject(json, "endpoints");
	if (service != NULL)
		cJSON_AddStringToObject(labels, "kubernetes.io/service-name", service);
	return json;
}

static const char *slices_of(const char *ns, const char *service)
{
	const struct sim_slices *all = sim_api_slices(api, ns, service);
	static char text[256];

	text[0] = '\0';
	for (size_t i = 0; i < all->count; i++) {
		assert_ptr_equal(all->items[i],
				 sim_api_get(api, SIM_SLICE, ns, all->items[i]->meta.name)->slice);
		strcat(strcat(text, all->items[i]->meta.name), " ");
	}
	return text;
}

static void test_slices_are_found_by_their_service(void **state)
{
	(void)state;
	assert_string_equal(slices_of("web", "front"), "");
	sim_api_put(api, SIM_SLICE, slice("web", "b", "front"));
	sim_api_put(api, SIM_SLICE, slice("web", "c", "front"));
	sim_api_put(api, SIM_SLICE, slice("web", "a", "front"));
	sim_api_put(api, SIM_SLICE, slice("app", "a", "front"));
	sim_api_put(api, SIM_SLICE, slice("web", "x", NULL));
	sim_api_put(api, SIM_SLICE, slice("web", "y", "front-2"));
	assert_string_equal(slices_of("web", "front"), "a b c ");
	assert_string_equal(slices_of("app", "front"), "a ");
	/* One is changed, one goes elsewhere, one comes, one goes. */
	cJSON *json = slice("web", "a", "front");
	cJSON_AddArrayToObject(json, "ports");
	sim_api_put(api, SIM_SLICE, json);
	sim_api_put(api, SIM_SLICE, slice("web", "b", "front-2"));
	sim_api_put(api, SIM_SLICE, slice("web", "x", "front"));
	sim_api_delete(api, SIM_SLICE, "web", "c");
	assert_string_equal(slices_of("web", "front"), "a x ");
	assert_string_equal(slices_of("web", "front-2"), "b y ");
	/* One that does not decode is of no Service; and who had none any more is forgotten. */
	json = slice("web", "a", "front");
	cJSON_ReplaceItemInObject(json, "endpoints", cJSON_CreateString("not a list"));
	sim_api_put(api, SIM_SLICE, json);
	sim_api_put(api, SIM_SLICE, slice("web", "x", NULL));
	assert_string_equal(slices_of("web", "front"), "");
	sim_api_delete(api, SIM_SLICE, "web", "a");
	assert_string_equal(slices_of("web", "front-2"), "b y ");
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

struct ages {
	uint64_t made_ns[201], least, most;
	unsigned count;
};

static void on_aged(void *arg, const struct sim_object *o)
{
	struct ages *a = arg;
	uint64_t age = sim_clock_now(clock_) - a->made_ns[o->number];

	if (a->count++ == 0 || age < a->least)
		a->least = age;
	if (age > a->most)
		a->most = age;
}

/* Of a burst, too, nothing is told before its time because others are. */
static void test_every_change_of_a_burst_lags(void **state)
{
	static const struct sim_watch_ops aged = { on_aged, on_remove, NULL };
	struct sim_api_client *c = sim_api_client_new(api, "test");
	struct ages a = { 0 };

	(void)state;
	sim_watch_start(c, SIM_SERVICE, &aged, &a);
	run_for(2 * S);
	for (int i = 1; i <= 200; i++) {
		a.made_ns[i] = sim_clock_now(clock_);
		put("a", i % 2 ? "10.0.0.1" : "10.0.0.2");
		run_for(MS / 2);
	}
	run_for(S);
	assert_int_equal(a.count, 200);
	assert_in_range(a.least, 2500000, 3500000);
	assert_in_range(a.most, 6500000, 7500000);
	sim_api_client_free(c);
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
		TEST(test_slices_are_found_by_their_service),
		TEST(test_the_witness_sees_every_change_at_once),
		TEST(test_a_watch_lists_then_follows),
		TEST(test_a_list_takes_its_time),
		TEST(test_changes_of_a_kind_come_in_order),
		TEST(test_each_watch_lags_on_its_own),
		TEST(test_every_change_of_a_burst_lags),
		TEST(test_two_kinds_may_come_in_another_order),
		TEST(test_a_deletion_is_told_to_a_watch_that_is_behind),
		TEST(test_the_configuration_is_an_object_like_others),
		TEST(test_a_watch_may_be_stopped_by_what_it_tells),
		TEST(test_a_list_may_be_asked_for_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
