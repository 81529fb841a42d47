// SPDX-License-Identifier: Apache-2.0
/*
 * Addresses kept for Services that are gone (`reserve` of a pool): who gets them, until when, and
 * that what is on record and what is in the books agree through failures, restarts and elections.
 */
#include "allocator/reserve_map.h"
#include "tests/unit/allocator_world.h"

#define S_NS 1000000000ull
#define POOL "[{\"name\":\"a\",\"addresses\":[\"192.0.2.0/31\"],\"reserve\":\"60s\"}]"

#define LB_V4_CLASS(c)                                                                             \
	"{\"type\":\"LoadBalancer\",\"loadBalancerClass\":\"" c "\",\"clusterIP\":\"10.96.0.1\","  \
	"\"clusterIPs\":[\"10.96.0.1\"],\"ipFamilies\":[\"IPv4\"]," PORTS(80) "}"

/* The ConfigMap of this world. */
static struct record_of_reserves {
	cJSON *map;
	bool away;      /* writes get no answer */
	unsigned waits; /* writes without one */
	unsigned writes;
} kept;

static struct reserve_now both_clocks(const struct world *w)
{
	return (struct reserve_now){ w->now_ns, 1700000000 + (time_t)(w->now_ns / S_NS) };
}

static void land(struct world *w)
{
	cJSON_Delete(kept.map);
	kept.map = reserve_map_encode(w->a, "system", NULL, both_clocks(w));
	kept.writes++;
}

static void on_reserve(struct world *w)
{
	if (kept.away) {
		kept.waits++;
		return;
	}
	land(w);
	allocator_reservations_written(w->a, ALLOCATOR_WRITTEN, w->now_ns);
}

static void read_record(struct world *w)
{
	struct reserve_list list = { 0 };

	assert_int_equal(reserve_map_decode(kept.map, both_clocks(w), &list), 0);
	allocator_reservations_told(w->a, list.items, list.count);
	reserve_list_done(&list);
}

static struct world *reserve_world(const char *pools)
{
	struct world *w = world_new(NULL, NULL);

	kept.map = NULL;
	kept.away = false;
	kept.waits = kept.writes = 0;
	w->cfg.reservations = true;
	w->reserve = on_reserve;
	world_restart(w);
	world_pools(w, pools);
	read_record(w);
	return w;
}

static void reserve_world_free(struct world *w)
{
	cJSON_Delete(kept.map);
	kept.map = NULL;
	world_free(w);
}

static void restart(struct world *w)
{
	world_restart(w);
	assert_true(allocator_reservations_needed(w->a));
	assert_int_equal(world_run(w), 0); /* nothing is decided yet */
	read_record(w);
	world_run(w);
}

/* What is on record: "key value\n" each. */
static const char *on_record(void)
{
	static char text[2000];
	const cJSON *entry;

	text[0] = '\0';
	cJSON_ArrayForEach (entry, cJSON_GetObjectItemCaseSensitive(kept.map, "data")) {
		size_t len = strlen(text);
		snprintf(text + len, sizeof(text) - len, "%s %s\n", entry->string,
			 cJSON_GetStringValue(entry));
	}
	return text;
}

/* What is kept for one that is gone counts, which nobody could guess. */
static void test_what_is_kept_counts_for_the_quota_and_that_is_told(void **state)
{
	struct world *w = reserve_world("[{\"name\":\"a\",\"quota\":1,\"reserve\":\"60s\","
					"\"addresses\":[\"192.0.2.0/28\"]}]");
	(void)state;

	world_apply(w, "web/a", LB_V4, NULL, NULL);
	world_run(w);
	world_delete(w, "web/a");
	world_run(w);
	world_apply(w, "web/b", LB_V4, NULL, NULL);
	world_run(w);
	assert_string_equal(
		world_view(w, "web/b").reason,
		"no available IPs: pool \"a\" has a quota of 1 for namespace \"web\", "
		"which is used up (addresses that are kept for deleted Services count)");
	reserve_world_free(w);
}

static void test_service_that_comes_again_gets_its_address_back(void **state)
{
	struct world *w = reserve_world(POOL);
	(void)state;

	world_apply(w, "web/a", LB_V4, A_IPS("192.0.2.1"), NULL);
	world_run(w);
	world_delete(w, "web/a");
	world_run(w);
	assert_string_equal(on_record(), "web.a {\"addresses\":[\"192.0.2.1\"],"
					 "\"until\":\"2023-11-14T22:14:20Z\"}\n");
	world_apply(w, "web/b", LB_V4, NULL, NULL);
	world_apply(w, "web/c", LB_V4, NULL, NULL);
	world_run(w);
	assert_string_equal(world_shows(w, "web/b"), "192.0.2.0 a");
	assert_string_equal(world_shows(w, "web/c"), "");
	world_apply(w, "web/d", LB_V4, A_IPS("192.0.2.1"), NULL); /* nor by request */
	world_run(w);
	assert_string_equal(world_view(w, "web/d").reason, "192.0.2.1 is kept for web/a");
	world_apply(w, "web/a", LB_V4, NULL, NULL);
	world_run(w);
	assert_string_equal(world_shows(w, "web/a"), "192.0.2.1 a");
	assert_string_equal(on_record(), ""); /* that ends it */
	assert_int_equal(allocator_reserved(w->a).kept, 0);
	assert_int_equal(world_run(w), 0);
	reserve_world_free(w);
}

/* A delete and a create that the watch tells as one, and one that took the type away in between. */
static void test_other_ways_to_come_again(void **state)
{
	enum way { REPLACED, TYPE_CHANGED, WAYS };
	(void)state;

	for (enum way way = 0; way < WAYS; way++) {
		struct world *w = reserve_world(POOL);

		world_apply(w, "web/a", LB_V4, A_IPS("192.0.2.1"), NULL);
		world_run(w);
		if (way == REPLACED) {
			w->late = true;
			world_delete(w, "web/a");
			world_apply(w, "web/a", LB_V4, NULL, NULL);
			world_take(&w->watch, 0);
			while (w->watch.count > 0)
				world_step(w);
			w->late = false;
		} else {
			world_apply(w, "web/a", CLUSTER_IP, "", NULL);
			world_run(w);
			world_apply(w, "web/b", LB_V4, NULL, NULL);
			world_apply(w, "web/c", LB_V4, NULL, NULL);
			world_run(w);
			assert_string_equal(world_shows(w, "web/c"), "");
			world_apply(w, "web/a", LB_V4, NULL, NULL);
		}
		world_run(w);
		assert_string_equal(world_shows(w, "web/a"), "192.0.2.1 a");
		assert_string_equal(on_record(), "");
		reserve_world_free(w);
	}
}

/* For as long, whoever leads, also if it is deleted then; and that is what others are told. */
static void test_service_of_another_type_is_reserved_for_like_one_that_is_gone(void **state)
{
	static const char *const classes[] = { NULL, "c" };
	(void)state;

	for (size_t i = 0; i < 2; i++) {
		struct world *w = reserve_world(POOL);
		const char *lb = classes[i] == NULL ? LB_V4 : LB_V4_CLASS("c");

		w->cfg.lb_class = classes[i];
		restart(w);
		world_apply(w, "web/a", lb, A_IPS("192.0.2.1"), NULL);
		world_run(w);
		world_apply(w, "web/a", CLUSTER_IP, NULL, NULL);
		world_run(w);
		assert_string_equal(on_record(), "web.a {\"addresses\":[\"192.0.2.1\"],"
						 "\"until\":\"2023-11-14T22:14:20Z\"}\n");
		world_apply(w, "web/b", lb, NULL, NULL);
		world_apply(w, "web/d", lb, A_IPS("192.0.2.1"), NULL);
		w->now_ns += 30 * S_NS;
		restart(w);
		world_apply(w, "web/c", lb, NULL, NULL);
		world_run(w);
		assert_string_equal(world_shows(w, "web/c"), "");
		assert_string_equal(world_view(w, "web/d").reason, "192.0.2.1 is kept for web/a");
		world_delete(w, "web/a");
		world_run(w);
		assert_string_equal(world_shows(w, "web/c"), "");
		w->now_ns += 30 * S_NS;
		world_run(w);
		assert_string_equal(world_shows(w, "web/c"), "192.0.2.1 a");
		reserve_world_free(w);
	}
}

static void test_kept_address_is_shared_with_nobody(void **state)
{
	struct world *w = reserve_world(POOL);
	(void)state;

	world_apply(w, "web/a", LB_V4_PORT(80), A_SHARE("k"), NULL);
	world_run(w);
	world_apply(w, "web/a", CLUSTER_IP, NULL, NULL);
	world_run(w);
	world_apply(w, "web/b", LB_V4_PORT(81), A_SHARE("k"), NULL);
	world_run(w);
	assert_string_equal(world_shows(w, "web/b"), "192.0.2.1 a");
	reserve_world_free(w);
}

/* What is kept for a Service helps it to that, and to nothing else before others. */
static void test_who_waits_with_a_reservation_waits_in_line(void **state)
{
	struct world *w = reserve_world(
		"[{\"name\":\"a\",\"addresses\":[\"192.0.2.0/31\"],\"reserve\":\"60s\"},"
		"{\"name\":\"b\",\"addresses\":[\"2001:db8::1/128\"]}]");
	(void)state;

	world_apply(w, "web/b", LB_V4, NULL, NULL);
	world_apply(w, "web/z", LB_V6, NULL, NULL);
	world_run(w);
	world_delete(w, "web/b");
	world_run(w);
	world_apply(w, "web/a", LB_V6, NULL, NULL);
	world_apply(w, "web/b", LB_V6, NULL, NULL);
	world_run(w);
	world_delete(w, "web/z");
	world_run(w);
	assert_string_equal(world_shows(w, "web/a"), "2001:db8::1 b");
	assert_string_equal(world_shows(w, "web/b"), "");
	reserve_world_free(w);
}

static void test_address_is_free_when_the_time_is_over(void **state)
{
	struct world *w = reserve_world(POOL);
	(void)state;

	world_apply(w, "web/a", LB_V4, A_IPS("192.0.2.1"), NULL);
	world_apply(w, "web/b", LB_V4, NULL, NULL);
	world_run(w);
	world_delete(w, "web/a");
	world_run(w);
	world_apply(w, "web/c", LB_V4, NULL, NULL);
	world_run(w);
	uint64_t end = w->now_ns + 60 * S_NS;
	assert_int_equal(allocator_wake_ns(w->a), end);
	w->now_ns = end - 1;
	world_run(w);
	assert_string_equal(world_shows(w, "web/c"), "");
	w->now_ns = end;
	world_run(w);
	assert_string_equal(world_shows(w, "web/c"), "192.0.2.1 a");
	assert_string_equal(on_record(), "");
	reserve_world_free(w);
}

/* What it is offered must be what it needs, and the pool must still want to give it. */
static void test_reservation_gives_way_to_what_the_service_wants_now(void **state)
{
	static const struct {
		const char *spec, *annotations, *pools, *shows;
	} rows[] = {
		{ LB_V4, A_IPS("192.0.2.0"), NULL, "192.0.2.0 a" }, /* another request wins */
		{ LB_V4, A_IPS("192.0.2.1"), NULL, "192.0.2.1 a" }, /* its own may be asked for */
		{ LB_V4, A_POOL("b"), NULL, "198.51.100.0 b" },
		{ LB_V4, A_POOL("a"), NULL, "192.0.2.1 a" },
		{ LB_V6, NULL, NULL, "2001:db8:: b" },
		{ LB_V4, NULL,
		  "[{\"name\":\"a\",\"addresses\":[\"192.0.2.0/31\"],\"reserve\":\"60s\","
		  "\"autoAssign\":false},{\"name\":\"b\",\"addresses\":[\"198.51.100.0/31\"]}]",
		  "198.51.100.0 b" },
		{ LB_V4, NULL,
		  "[{\"name\":\"a\",\"addresses\":[\"192.0.2.0/31\"],\"reserve\":\"60s\","
		  "\"serviceAllocation\":{\"namespaces\":[\"db\"]}},"
		  "{\"name\":\"b\",\"addresses\":[\"198.51.100.0/31\"]}]",
		  "198.51.100.0 b" },
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world *w = reserve_world(
			"[{\"name\":\"a\",\"addresses\":[\"192.0.2.0/31\"],\"reserve\":\"60s\"},"
			"{\"name\":\"b\",\"addresses\":[\"198.51.100.0/31\",\"2001:db8::/126\"]}]");

		world_apply(w, "web/a", LB_V4, A_IPS("192.0.2.1"), NULL);
		world_run(w);
		world_delete(w, "web/a");
		world_run(w);
		if (rows[i].pools != NULL)
			world_pools(w, rows[i].pools);
		world_apply(w, "web/a", rows[i].spec, rows[i].annotations, NULL);
		world_run(w);
		assert_string_equal(world_shows(w, "web/a"), rows[i].shows);
		assert_string_equal(on_record(), ""); /* it has an address: that is the end of it */
		/* And what it did not take is free. */
		world_pools(w, "[{\"name\":\"a\",\"addresses\":[\"192.0.2.0/31\"]},"
			       "{\"name\":\"b\",\"addresses\":[\"198.51.100.0/31\","
			       "\"2001:db8::/126\"]}]");
		world_run(w);
		world_apply(w, "web/z", LB_V4, A_IPS("192.0.2.1"), NULL);
		world_run(w);
		assert_string_equal(world_shows(w, "web/z"),
				    strcmp(rows[i].shows, "192.0.2.1 a") == 0 ? "" : "192.0.2.1 a");
		reserve_world_free(w);
	}
}

static void test_restart_keeps_what_is_on_record(void **state)
{
	struct world *w = reserve_world(POOL);
	(void)state;

	world_apply(w, "web/a", LB_V4, A_IPS("192.0.2.1"), NULL);
	world_apply(w, "web/b", LB_V4, NULL, NULL);
	world_run(w);
	world_delete(w, "web/a");
	world_run(w);
	w->now_ns += 30 * S_NS;
	world_apply(w, "web/c", LB_V4, NULL, NULL);
	restart(w);
	assert_string_equal(world_shows(w, "web/c"), "");
	w->now_ns += 29 * S_NS; /* the time goes on where it was */
	world_run(w);
	assert_string_equal(world_shows(w, "web/c"), "");
	world_apply(w, "web/a", LB_V4, NULL, NULL);
	world_run(w);
	assert_string_equal(world_shows(w, "web/a"), "192.0.2.1 a");
	assert_int_equal(kept.writes, 2);
	/* One that came again while nobody ran is not kept for as well. */
	world_delete(w, "web/a");
	world_run(w);
	allocator_free(w->a);
	w->a = allocator_new(&w->cfg);
	world_apply(w, "web/a", LB_V4, A_IPS("192.0.2.1"), NULL);
	restart(w);
	assert_string_equal(world_shows(w, "web/a"), "192.0.2.1 a");
	assert_string_equal(on_record(), "");
	/* One whose time ended meanwhile is not kept at all. */
	world_delete(w, "web/a");
	world_run(w);
	w->now_ns += 61 * S_NS;
	restart(w);
	assert_string_equal(world_shows(w, "web/c"), "192.0.2.1 a");
	assert_string_equal(on_record(), "");
	reserve_world_free(w);
}

/* Whose status shows an address has it, whatever is on record of it. */
static void test_status_wins_against_the_record(void **state)
{
	struct world *w = reserve_world(POOL);
	(void)state;

	world_apply(w, "web/a", LB_V4, A_IPS("192.0.2.1"), NULL);
	world_run(w);
	world_delete(w, "web/a");
	world_run(w);
	world_apply(w, "web/b", LB_V4, NULL, NULL);
	world_status(w, "web/b", "192.0.2.1", NULL);
	restart(w);
	assert_string_equal(world_shows(w, "web/b"), "192.0.2.1 a");
	world_apply(w, "web/a", LB_V4, NULL, NULL);
	world_run(w);
	assert_string_equal(world_shows(w, "web/a"), "192.0.2.0 a");
	reserve_world_free(w);
}

/* Until the write is known to have landed it is tried again, and nobody gets the address. */
static void test_write_that_fails_is_tried_again(void **state)
{
	struct world *w = reserve_world(POOL);
	uint64_t wait = S_NS;
	(void)state;

	world_apply(w, "web/a", LB_V4, A_IPS("192.0.2.1"), NULL);
	world_apply(w, "web/b", LB_V4, NULL, NULL);
	world_run(w);
	kept.away = true;
	world_delete(w, "web/a");
	world_apply(w, "web/c", LB_V4, NULL, NULL);
	world_run(w);
	for (unsigned i = 1; i <= 4; i++) {
		assert_int_equal(kept.waits, i);
		allocator_reservations_written(w->a, ALLOCATOR_FAILED, w->now_ns);
		world_run(w);
		assert_int_equal(kept.waits, i);
		uint64_t wake = allocator_wake_ns(w->a) - w->now_ns;
		assert_in_range(wake, wait / 5 * 4, wait / 5 * 6);
		wait *= 2;
		w->now_ns += wake;
		world_run(w);
		assert_string_equal(world_shows(w, "web/c"), "");
	}
	/* Somebody else has written meanwhile: what is there is read, and ours written over it. */
	kept.map = cJSON_Parse("{\"data\":{\"web.old\":\"{\\\"addresses\\\":[\\\"192.0.2.9\\\"],"
			       "\\\"until\\\":\\\"2033-01-01T00:00:00Z\\\"}\"}}");
	read_record(w);
	allocator_reservations_written(w->a, ALLOCATOR_CONFLICT, w->now_ns);
	kept.away = false;
	w->now_ns += 20 * S_NS;
	world_run(w);
	assert_non_null(strstr(on_record(), "web.a "));
	assert_null(strstr(on_record(), "web.old ")); /* of no pool */
	reserve_world_free(w);
}

/* Whoever takes an entry off the record ends what is kept. */
static void test_entry_taken_off_the_record_ends_the_reservation(void **state)
{
	struct world *w = reserve_world(POOL);
	(void)state;

	world_apply(w, "web/a", LB_V4, A_IPS("192.0.2.1"), NULL);
	world_apply(w, "web/b", LB_V4, NULL, NULL);
	world_run(w);
	world_delete(w, "web/a");
	world_apply(w, "web/c", LB_V4, NULL, NULL);
	world_run(w);
	cJSON_Delete(kept.map);
	kept.map = NULL;
	read_record(w);
	world_run(w);
	assert_string_equal(world_shows(w, "web/c"), "192.0.2.1 a");
	reserve_world_free(w);
}

static void test_pool_that_reserves_no_more_frees_at_once(void **state)
{
	struct world *w = reserve_world(POOL);
	(void)state;

	world_apply(w, "web/a", LB_V4, A_IPS("192.0.2.1"), NULL);
	world_apply(w, "web/b", LB_V4, NULL, NULL);
	world_run(w);
	world_delete(w, "web/a");
	world_apply(w, "web/c", LB_V4, NULL, NULL);
	world_run(w);
	world_pools_complete(w, "[]", false); /* only out of sight */
	world_run(w);
	assert_int_equal(allocator_reserved(w->a).kept, 1);
	world_pools(w, "[{\"name\":\"a\",\"addresses\":[\"192.0.2.0/31\"]}]");
	world_run(w);
	assert_string_equal(world_shows(w, "web/c"), "192.0.2.1 a");
	reserve_world_free(w);
}

/* The last one who shared an address leaves it; as long as others are on it nothing is kept. */
static void test_shared_address_is_kept_for_the_last_user_only(void **state)
{
	struct world *w = reserve_world(POOL);
	(void)state;

	world_apply(w, "web/a", LB_V4_PORT(80), A_SHARE("k"), NULL);
	world_apply(w, "web/b", LB_V4_PORT(81), A_SHARE("k"), NULL);
	world_run(w);
	world_delete(w, "web/a");
	world_run(w);
	assert_string_equal(on_record(), "");
	world_delete(w, "web/b");
	world_run(w);
	assert_int_equal(allocator_reserved(w->a).kept, 1);
	world_apply(w, "web/a", LB_V4_PORT(80), A_SHARE("k"), NULL);
	world_run(w);
	assert_string_equal(world_shows(w, "web/a"), "192.0.2.1 a");
	world_apply(w, "web/b", LB_V4_PORT(81), A_SHARE("k"), NULL);
	world_run(w);
	assert_string_equal(world_shows(w, "web/b"), "192.0.2.0 a");
	reserve_world_free(w);
}

/* Deleted while the write of its address is under way, or while another one leads. */
static void test_service_that_goes_at_a_bad_moment_is_reserved_for(void **state)
{
	struct world *w = reserve_world(POOL);
	(void)state;

	world_apply(w, "web/a", LB_V4, A_IPS("192.0.2.1"), NULL);
	w->late = true;
	world_run(w);
	struct letter l = world_take(&w->writing, 0);
	w->late = false;
	world_delete(w, "web/a");
	world_apply(w, "web/b", LB_V4, NULL, NULL);
	world_apply(w, "web/c", LB_V4, NULL, NULL);
	world_run(w);
	l.outcome = ALLOCATOR_FAILED;
	world_answer(w, &l);
	world_run(w);
	assert_string_equal(world_shows(w, "web/c"), "");
	assert_int_equal(allocator_reserved(w->a).kept, 1);

	allocator_lead(w->a, false);
	world_delete(w, "web/b"); /* who leads writes that down, or dies before */
	world_run(w);
	allocator_lead(w->a, true);
	allocator_synced(w->a);
	assert_true(allocator_reservations_needed(w->a));
	read_record(w);
	world_run(w);
	assert_string_equal(world_shows(w, "web/c"), "");
	assert_non_null(strstr(on_record(), "web.a "));
	assert_non_null(strstr(on_record(), "web.b "));
	reserve_world_free(w);
}

/* What is over is over in a standby, too: it is not on record again when that leads. */
static void test_standby_ends_what_it_keeps(void **state)
{
	struct world *w = reserve_world(POOL);
	(void)state;

	world_apply(w, "web/a", LB_V4, A_IPS("192.0.2.1"), NULL);
	world_apply(w, "web/b", LB_V4, A_IPS("192.0.2.0"), NULL);
	world_run(w);
	world_delete(w, "web/b"); /* on record when the lead is lost */
	world_run(w);
	allocator_lead(w->a, false);
	world_delete(w, "web/a");
	world_run(w);
	assert_int_equal(allocator_reserved(w->a).kept, 2);
	uint64_t end = w->now_ns + 60 * S_NS;
	assert_int_equal(allocator_wake_ns(w->a), end);
	w->now_ns = end;
	world_run(w);
	assert_int_equal(allocator_reserved(w->a).kept, 0);
	assert_int_equal(allocator_wake_ns(w->a), UINT64_MAX);

	unsigned writes = kept.writes;
	cJSON_Delete(kept.map);
	kept.map = NULL; /* by the leader of that time */
	allocator_lead(w->a, true);
	allocator_synced(w->a);
	read_record(w);
	world_apply(w, "web/c", LB_V4, A_IPS("192.0.2.1"), NULL);
	world_run(w);
	assert_string_equal(world_shows(w, "web/c"), "192.0.2.1 a");
	assert_int_equal(kept.writes, writes);
	reserve_world_free(w);
}

/* An address that a Service had for a while, as a standby sees it. */
static void comes_and_goes(struct world *w, const char *name, const char *ip)
{
	world_apply(w, name, LB_V4, NULL, NULL);
	world_status(w, name, ip, NULL);
	world_run(w);
	world_delete(w, name);
	world_run(w);
}

/* Of two that had one address in turn the later one has it kept, whatever their names. */
static void test_standby_keeps_for_who_left_last(void **state)
{
	static const char *const orders[][2] = { { "web/a", "web/z" }, { "web/z", "web/a" } };
	(void)state;

	for (size_t i = 0; i < 2; i++) {
		struct world *w = reserve_world(POOL);

		allocator_lead(w->a, false);
		comes_and_goes(w, orders[i][0], "192.0.2.1");
		w->now_ns += 10 * S_NS;
		comes_and_goes(w, orders[i][1], "192.0.2.1");
		assert_int_equal(allocator_reserved(w->a).kept, 1);
		/* Its time is counted from its own end. */
		w->now_ns += 59 * S_NS;
		world_run(w);
		assert_int_equal(allocator_reserved(w->a).kept, 1);
		allocator_lead(w->a, true);
		allocator_synced(w->a);
		read_record(w);
		world_apply(w, "web/c", LB_V4, A_IPS("192.0.2.1"), NULL);
		world_run(w);
		assert_int_equal(strncmp(on_record(), i == 0 ? "web.z " : "web.a ", 6), 0);
		assert_string_equal(world_shows(w, "web/c"), "");
		world_apply(w, orders[i][1], LB_V4, NULL, NULL);
		world_run(w);
		assert_string_equal(world_shows(w, orders[i][1]), "192.0.2.1 a");
		reserve_world_free(w);
	}
}

/* One on record whose address another Service has got since keeps nothing from its successors. */
static void test_reservation_that_lost_its_address_is_over(void **state)
{
	struct world *w = reserve_world(POOL);
	(void)state;

	world_apply(w, "web/b", LB_V4, NULL, NULL);
	world_status(w, "web/b", "192.0.2.1", NULL);
	kept.map = cJSON_Parse("{\"data\":{\"web.a\":\"{\\\"addresses\\\":[\\\"192.0.2.1\\\"],"
			       "\\\"until\\\":\\\"2033-01-01T00:00:00Z\\\"}\"}}");
	restart(w);
	assert_string_equal(world_shows(w, "web/b"), "192.0.2.1 a");
	assert_string_equal(on_record(), "");
	world_delete(w, "web/b");
	restart(w); /* nothing of it is known, and so nothing kept */
	world_apply(w, "web/c", LB_V4, A_IPS("192.0.2.1"), NULL);
	world_run(w);
	assert_string_equal(world_shows(w, "web/c"), "192.0.2.1 a");
	reserve_world_free(w);
}

/* "For ever", as somebody writes it by hand, is long. */
static void test_until_beyond_all_time_is_far(void **state)
{
	static const char *const years[] = { "2200", "2611", "2612", "9999" };
	(void)state;

	for (size_t i = 0; i < sizeof(years) / sizeof(years[0]); i++) {
		struct reserve_now now = { .ns = 7 * S_NS, .wall_s = 1700000000 };
		struct reserve_list list = { 0 };
		char *text =
			world_text("{\"data\":{\"web.a\":\"{\\\"addresses\\\":[\\\"192.0.2.1\\\"],"
				   "\\\"until\\\":\\\"%s-07-01T00:00:00Z\\\"}\"}}",
				   years[i]);
		cJSON *map = cJSON_Parse(text);

		assert_int_equal(reserve_map_decode(map, now, &list), 0);
		assert_int_equal(list.items[0].until_ns, now.ns + 100ull * 365 * 24 * 3600 * S_NS);
		reserve_list_done(&list);
		cJSON_Delete(map);
		free(text);
	}
}

/* A ConfigMap has an end: beyond some 900 kB what is deleted is free at once, and counted. */
static void test_record_is_bounded(void **state)
{
	enum { MANY = 9000 };
	struct world *w = reserve_world(
		"[{\"name\":\"a\",\"addresses\":[\"10.0.0.0/8\"],\"reserve\":\"1h\"}]");
	struct allocator_reservation *items = calloc(MANY, sizeof(*items));
	struct ip_addr *ips = calloc(MANY, sizeof(*ips));
	char(*names)[16] = calloc(MANY, sizeof(*names));
	(void)state;

	for (uint32_t i = 0; i < MANY; i++) {
		snprintf(names[i], sizeof(names[i]), "s%04u", i);
		ips[i] = ip_from_number(IP_V4, ((u128)10 << 24) + i + 1000);
		items[i] = (struct allocator_reservation){ "web", names[i], &ips[i], 1,
							   w->now_ns + 3600 * S_NS };
	}
	allocator_reservations_told(w->a, items, 5000);
	world_apply(w, "web/a", LB_V4, NULL, NULL);
	world_run(w);
	world_delete(w, "web/a");
	world_run(w);
	assert_int_equal(allocator_reserved(w->a).kept, 5001);
	char *text = cJSON_PrintUnformatted(kept.map);
	assert_in_range(strlen(text), 300000, 900000);
	free(text);
	allocator_reservations_told(w->a, items, MANY);
	world_apply(w, "web/b", LB_V4, NULL, NULL);
	world_run(w);
	world_delete(w, "web/b");
	world_run(w);
	assert_int_equal(allocator_reserved(w->a).refused, 1);
	world_apply(w, "web/c", LB_V4, NULL, NULL);
	world_run(w);
	assert_string_not_equal(world_shows(w, "web/c"), "");
	free(items);
	free(ips);
	free(names);
	reserve_world_free(w);
}

/* Without anybody to write them down (`bellman plan`), nothing is kept. */
static void test_nothing_is_kept_unless_somebody_keeps_record(void **state)
{
	struct world *w = world_new(POOL, NULL);
	(void)state;

	world_apply(w, "web/a", LB_V4, NULL, NULL);
	world_run(w);
	world_delete(w, "web/a");
	world_apply(w, "web/b", LB_V4, NULL, NULL);
	world_run(w);
	assert_string_equal(world_shows(w, "web/b"), "192.0.2.0 a");
	world_free(w);
}

static void test_entries_that_are_not_understood_are_counted(void **state)
{
	static const char *const bad[] = {
		"{\"data\":{\"nodot\":\"{\\\"addresses\\\":[\\\"192.0.2.1\\\"],\\\"until\\\":"
		"\\\"2033-01-01T00:00:00Z\\\"}\"}}",
		"{\"data\":{\".a\":\"{\\\"addresses\\\":[\\\"192.0.2.1\\\"],\\\"until\\\":\\\"2033-"
		"01-01T00:00:00Z\\\"}\"}}",
		"{\"data\":{\"w.a\":\"{\\\"addresses\\\":[],\\\"until\\\":\\\"2033-01-01T00:00:"
		"00Z\\\"}\"}}",
		"{\"data\":{\"w.a\":\"{\\\"addresses\\\":[\\\"x\\\"],\\\"until\\\":\\\"2033-01-"
		"01T00:00:00Z\\\"}\"}}",
		"{\"data\":{\"w.a\":\"{\\\"addresses\\\":[\\\"192.0.2.1\\\"],\\\"until\\\":"
		"\\\"soon\\\"}\"}}",
		"{\"data\":{\"w.a\":\"{\\\"addresses\\\":7,\\\"until\\\":7}\"}}",
		"{\"data\":{\"w.a\":\"rubbish\"}}",
		"{\"data\":{\"w.a\":7}}",
		"{\"data\":[\"{}\"]}",
	};
	(void)state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct reserve_list list = { 0 };
		cJSON *map = cJSON_Parse(bad[i]);

		assert_non_null(map);
		assert_int_equal(reserve_map_decode(map, (struct reserve_now){ 0 }, &list), 1);
		assert_int_equal(list.count, 0);
		reserve_list_done(&list);
		cJSON_Delete(map);
	}
	struct reserve_list none = { 0 };
	assert_int_equal(reserve_map_decode(NULL, (struct reserve_now){ 0 }, &none), 0);
	reserve_list_done(&none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_kept_counts_for_the_quota_and_that_is_told),
		cmocka_unit_test(test_service_that_comes_again_gets_its_address_back),
		cmocka_unit_test(test_other_ways_to_come_again),
		cmocka_unit_test(
			test_service_of_another_type_is_reserved_for_like_one_that_is_gone),
		cmocka_unit_test(test_kept_address_is_shared_with_nobody),
		cmocka_unit_test(test_who_waits_with_a_reservation_waits_in_line),
		cmocka_unit_test(test_address_is_free_when_the_time_is_over),
		cmocka_unit_test(test_reservation_gives_way_to_what_the_service_wants_now),
		cmocka_unit_test(test_restart_keeps_what_is_on_record),
		cmocka_unit_test(test_status_wins_against_the_record),
		cmocka_unit_test(test_write_that_fails_is_tried_again),
		cmocka_unit_test(test_entry_taken_off_the_record_ends_the_reservation),
		cmocka_unit_test(test_pool_that_reserves_no_more_frees_at_once),
		cmocka_unit_test(test_shared_address_is_kept_for_the_last_user_only),
		cmocka_unit_test(test_service_that_goes_at_a_bad_moment_is_reserved_for),
		cmocka_unit_test(test_standby_ends_what_it_keeps),
		cmocka_unit_test(test_standby_keeps_for_who_left_last),
		cmocka_unit_test(test_reservation_that_lost_its_address_is_over),
		cmocka_unit_test(test_until_beyond_all_time_is_far),
		cmocka_unit_test(test_record_is_bounded),
		cmocka_unit_test(test_nothing_is_kept_unless_somebody_keeps_record),
		cmocka_unit_test(test_entries_that_are_not_understood_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
