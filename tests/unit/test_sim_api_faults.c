// SPDX-License-Identifier: Apache-2.0
/* What goes wrong between the simulated API server and those who watch it. */
#include "tests/unit/sim_api_bench.h"

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
	run_for(50 * MS); /* at once: it has lived */
	told(&f, "+b=1 ");
	assert_int_equal(sim_api_counts(api).lists, 1);
	leave(&f);
}

/* Else a server that ends each at once would be asked without end. */
static void test_a_watch_that_ends_at_once_is_waited_for(void **state)
{
	struct follower f;

	(void)state;
	follow_on(&f, SIM_SERVICE);
	for (int i = 0; i < 200; i++) {
		sim_api_break_watches(api);
		run_for(50 * MS);
	}
	/* It has waited for 0.1 + 0.2 + … s: it knows of nothing, but is not behind for long. */
	put("a", "10.0.0.1");
	run_for(100 * MS);
	told(&f, "");
	run_for(10 * S);
	told(&f, "+a=1 ");
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
	for (enum sim_kind kind = SIM_SLICE; kind <= SIM_NAMESPACE; kind++)
		sim_watch_start(f.client, kind, &ops, &f);
	run_for(2 * S);
	f.text[0] = '\0';
	sim_api_outage(api, true);
	run_for(60 * S);
	/* 0.1 + 0.2 + … + 6.4 s is 7 tries in 12.7 s, then one each 10 s; give or take 30 %. */
	assert_in_range(sim_api_counts(api).unanswered, 4 * 9, 4 * 15);
	before = sim_api_counts(api).unanswered;
	run_for(120 * S);
	assert_in_range(sim_api_counts(api).unanswered - before, 4 * 9, 4 * 18);
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
	run_for(50 * MS);
	told(&f, "");
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

/* Who has timed out waits for the server with all others, and goes on with the first that hears. */
static void test_who_waits_goes_on_when_another_hears_the_server(void **state)
{
	struct follower f, g;

	(void)state;
	follow_on(&f, SIM_SERVICE);
	g = (struct follower){ .client = f.client };
	g.watch = sim_watch_start(f.client, SIM_NODE, &ops, &g);
	run_for(2 * S);
	told(&g, "| ");
	sim_api_client_cut(f.client, true, false);
	sim_watch_relist(g.watch);
	run_for(60 * S);
	sim_api_client_cut(f.client, false, false);
	put("a", "10.0.0.1");
	run_for(250 * MS);
	told(&f, "+a=1 ");
	told(&g, "| ");
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

/* --- whatever happens ------------------------------------------------------------------------ */

/* What a process believes of objects "a" to "h": the last octet of each, 0 for one that is gone. */
struct believer {
	struct sim_api_client *client;
	struct sim_watch *watch;
	int ip[8];
	uint64_t digest; /* of all that it was told, and when */
};

static void digest(struct believer *b, const char *name, int ip)
{
	struct rng mix = rng_seeded(b->digest ^ sim_clock_now(clock_) ^ (uint64_t)name[0] << 56 ^
				    (uint64_t)ip << 48);

	b->digest = rng_next(&mix);
}

static void believe(void *arg, const struct sim_object *o)
{
	struct believer *b = arg;

	b->ip[o->name[0] - 'a'] = atoi(cluster_ip_of(o) + strlen("10.0.0."));
	digest(b, o->name, b->ip[o->name[0] - 'a']);
}

/* Only what it was told of goes, and each but once. */
static void disbelieve(void *arg, const char *ns, const char *name)
{
	struct believer *b = arg;

	assert_string_equal(ns, "web");
	assert_int_not_equal(b->ip[name[0] - 'a'], 0);
	b->ip[name[0] - 'a'] = 0;
	digest(b, name, 0);
}

static const struct sim_watch_ops beliefs = { believe, disbelieve, NULL };

static void trouble(struct rng *rng, struct believer *b, size_t count)
{
	struct sim_api_client *c = b[rng_below(rng, count)].client;
	bool on = rng_below(rng, 2) == 0;

	switch (rng_below(rng, 8)) {
	case 0:
		sim_api_outage(api, on);
		return;
	case 1:
		sim_api_client_cut(c, on, rng_below(rng, 2) == 0);
		return;
	case 2:
		sim_api_client_pause(c, on);
		return;
	case 3:
		sim_api_break_watches(api);
		return;
	case 4:
		sim_api_compact(api);
		return;
	case 5:
		sim_api_client_slow(c, on ? rng_below(rng, S) : 0);
		return;
	case 6:
		sim_watch_relist(b[rng_below(rng, count)].watch);
		return;
	default:
		return;
	}
}

/* What a watch has told of is what it was told in time, however much has happened since. */
static void test_a_watch_knows_how_far_it_has_told(void **state)
{
	struct follower f;

	(void)state;
	sim_api_free(api);
	sim_clock_free(clock_);
	open_api(&(struct sim_api_cfg){ .history = 10 });
	put("a", "10.0.0.1");
	follow_on(&f, SIM_SERVICE);
	put("a", "10.0.0.2");
	sim_api_put(api, SIM_NODE, named(NULL, "n")); /* 3: of another kind */
	put("a", "10.0.0.4");
	assert_true(sim_watch_has_told(f.watch, 1));
	assert_false(sim_watch_has_told(f.watch, 2));
	while (!sim_watch_has_told(f.watch, 2))
		run_for(MS);
	put("a", "10.0.0.5");
	while (!sim_watch_has_told(f.watch, 4))
		run_for(MS / 8);
	assert_true(sim_watch_has_told(f.watch, 3));
	run_for(S);
	assert_true(sim_watch_has_told(f.watch, 100));
	/* It is away, and what it has not told is forgotten. */
	sim_api_outage(api, true);
	run_for(S);
	for (unsigned i = 0; i < 40; i++)
		put("a", i % 2 == 0 ? "10.0.0.6" : "10.0.0.7");
	assert_false(sim_watch_has_told(f.watch, 6));
	sim_api_outage(api, false);
	run_for(10 * S);
	assert_true(sim_watch_has_told(f.watch, 45));
	sim_watch_relist(f.watch);
	assert_false(sim_watch_has_told(f.watch, 1));
	leave(&f);
}

static void change(struct rng *rng)
{
	char name[2] = { (char)('a' + rng_below(rng, 8)), '\0' }, ip[32];

	snprintf(ip, sizeof(ip), "10.0.0.%u", (unsigned)rng_below(rng, 200) + 1);
	if (rng_below(rng, 3) == 0)
		sim_api_delete(api, SIM_SERVICE, "web", name);
	else
		put(name, ip);
}

static void check_belief(const struct believer *b)
{
	assert_true(sim_watch_is_current(b->watch));
	for (int i = 0; i < 8; i++) {
		char name[2] = { (char)('a' + i), '\0' };
		const struct sim_object *o = sim_api_get(api, SIM_SERVICE, "web", name);

		assert_int_equal(b->ip[i],
				 o == NULL ? 0 : atoi(cluster_ip_of(o) + strlen("10.0.0.")));
	}
}

/* Troubles of all kinds, then none: what each process believes is what is true. */
static void play(uint64_t seed, struct believer *b, size_t count)
{
	struct rng rng = rng_seeded(seed * 31);

	sim_api_free(api);
	sim_clock_free(clock_);
	open_api(&(struct sim_api_cfg){ .seed = seed, .history = 1 + seed % 20 });
	for (size_t i = 0; i < count; i++) {
		b[i] = (struct believer){ .client = sim_api_client_new(api, "test") };
		b[i].watch = sim_watch_start(b[i].client, SIM_SERVICE, &beliefs, &b[i]);
	}
	for (int i = 0; i < 300; i++) {
		if (rng_below(&rng, 3) == 0)
			trouble(&rng, b, count);
		else
			change(&rng);
		run_for(rng_below(&rng, rng_below(&rng, 10) == 0 ? 60 * S : 20 * MS));
	}
	sim_api_outage(api, false);
	for (size_t i = 0; i < count; i++) {
		sim_api_client_cut(b[i].client, false, false);
		sim_api_client_slow(b[i].client, 0);
		sim_api_client_pause(b[i].client, false);
	}
	run_for(240 * S);
}

static void test_in_the_end_all_believe_what_is_true(void **state)
{
	struct believer b[3];
	uint64_t gone410 = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 300; seed++) {
		play(seed, b, 3);
		for (size_t i = 0; i < 3; i++) {
			check_belief(&b[i]);
			sim_api_client_free(b[i].client);
		}
		gone410 += sim_api_counts(api).gone410;
	}
	assert_true(gone410 > 300); /* the hard way was taken, too */
}

static void test_the_same_seed_gives_the_same_run(void **state)
{
	uint64_t digests[3][3];
	struct believer b[3];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		play(i < 2 ? 7 : 8, b, 3);
		for (size_t k = 0; k < 3; k++) {
			digests[i][k] = b[k].digest;
			sim_api_client_free(b[k].client);
		}
	}
	assert_memory_equal(digests[0], digests[1], sizeof(digests[0]));
	assert_memory_not_equal(digests[0], digests[2], sizeof(digests[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_watch_that_ended_goes_on_where_it_was),
		TEST(test_a_watch_that_ends_at_once_is_waited_for),
		TEST(test_nothing_is_lost_between_two_watches),
		TEST(test_who_fell_behind_lists_anew_and_tells_what_is_gone),
		TEST(test_who_missed_nothing_needs_no_list_after_compaction),
		TEST(test_history_is_a_window),
		TEST(test_a_watch_knows_how_far_it_has_told),
		TEST(test_an_outage_is_waited_for_by_a_back_off),
		TEST(test_a_cut_short_enough_only_delays),
		TEST(test_a_connection_that_is_silent_is_given_up),
		TEST(test_who_waits_goes_on_when_another_hears_the_server),
		TEST(test_a_cut_may_be_in_one_direction),
		TEST(test_a_paused_process_is_told_when_it_goes_on),
		TEST(test_a_process_paused_for_long_lists_anew),
		TEST(test_a_slow_client_is_told_late),
		TEST(test_in_the_end_all_believe_what_is_true),
		TEST(test_the_same_seed_gives_the_same_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
