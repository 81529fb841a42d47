// SPDX-License-Identifier: Apache-2.0
/*
 * Simulated allocators: who leads when, that nobody else writes, and that each Service has an
 * address of its own whatever happens to processes, network and API server.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "allocator/lead.h"
#include "allocator/status_object.h"
#include "lib/base/duration.h"
#include "lib/base/intern.h"
#include "lib/kube/lease_object.h"
#include "sim/allocator.h"

#define S  NS_PER_S
#define MS NS_PER_MS

#define YEAR_NS (365 * INT64_C(86400) * (int64_t)S)

static struct sim_clock *world_clock;
static struct sim_api *api;
static struct sim_allocator *all[3];
static size_t count;
static char course[1 << 20]; /* who led when, and which Service got what */
static size_t course_len;
static unsigned writes; /* of statuses, that landed */

/* --- what is written down and checked all the time ----------------------------------------- */

static void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void note(const char *fmt, ...)
{
	va_list args;

	course_len += (size_t)snprintf(course + course_len, sizeof(course) - course_len, "%.6f ",
				       (double)sim_clock_now(world_clock) / (double)S);
	va_start(args, fmt);
	course_len +=
		(size_t)vsnprintf(course + course_len, sizeof(course) - course_len, fmt, args);
	va_end(args);
	assert_true(course_len < sizeof(course));
}

static const char *holder(void)
{
	const struct sim_object *o = sim_api_get(api, SIM_LEASE, SIM_ALLOCATOR_NS, LEAD_LEASE);
	const char *name = o != NULL ? kube_lease_object_record(o->json).holder : NULL;

	return name != NULL ? name : "";
}

static void on_leads(void *arg, const struct sim_allocator *a, bool leads)
{
	(void)arg;
	note("%s %s\n", sim_allocator_name(a), leads ? "leads" : "leads no more");
}

/* A standby decides nothing. */
static void on_told(void *arg, const struct sim_allocator *a, const struct allocator_action *act)
{
	(void)arg;
	if (!sim_allocator_leads(a))
		fail_msg("%s%s decides about %s/%s", course, sim_allocator_name(a), act->ns,
			 act->name);
}

static void on_broke(void *arg, const struct sim_allocator *a, const char *what)
{
	(void)arg;
	fail_msg("%s: %s", sim_allocator_name(a), what);
}

/* Only who holds the Lease writes a status, when that is sent and when it lands. */
static void on_write(void *arg, const struct sim_api_client *c, uint64_t number,
		     enum sim_written what, enum sim_kind kind, const char *ns, const char *name)
{
	const char *writer = sim_api_client_name(c);
	size_t len = strlen(writer);

	(void)number;
	(void)arg;
	if (kind != SIM_SERVICE)
		return;
	writes += what == SIM_WRITE_LANDED;
	if (strncmp(holder(), writer, len) != 0 || holder()[len] != '_')
		fail_msg("%s%.6f %s writes %s/%s, but \"%s\" holds the Lease", course,
			 (double)sim_clock_now(world_clock) / (double)S, writer, ns, name,
			 holder());
}

struct taken {
	struct ip_addr ips[1024];
	size_t count;
};

static void take(void *arg, const struct sim_object *o)
{
	struct taken *t = arg;
	struct ip_addr ips[IP_LIST_MAX];
	size_t n = status_object_ips(o->json, ips);

	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < t->count; k++) {
			if (ip_equal(&t->ips[k], &ips[i]))
				fail_msg("%stwo Services have one address", course);
		}
		t->ips[t->count++] = ips[i];
	}
}

static void on_change(void *arg, const struct sim_object *before, const struct sim_object *now)
{
	struct ip_addr ips[IP_LIST_MAX], old[IP_LIST_MAX];
	char text[IP_TEXT_MAX];
	struct taken taken = { .count = 0 };

	(void)arg;
	if (now->kind != SIM_SERVICE)
		return;
	size_t n = status_object_ips(now->json, ips);
	size_t had = before != NULL ? status_object_ips(before->json, old) : 0;
	if (n != had || (n > 0 && !ip_equal(&ips[0], &old[0])))
		note("%s %s\n", now->name, n > 0 ? ip_format(&ips[0], text) : "none");
	sim_api_each(api, SIM_SERVICE, take, &taken);
}

/* --- the world ------------------------------------------------------------------------------- */

static void put(enum sim_kind kind, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void put(enum sim_kind kind, const char *fmt, ...)
{
	char text[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	cJSON *json = cJSON_Parse(text);
	assert_non_null(json);
	assert_non_null(sim_api_put(api, kind, json));
}

static void put_service(unsigned i)
{
	put(SIM_SERVICE,
	    "{\"metadata\":{\"namespace\":\"web\",\"name\":\"s%u\"},\"spec\":{\"type\":"
	    "\"LoadBalancer\",\"clusterIP\":\"10.96.0.1\",\"clusterIPs\":[\"10.96.0.1\"],"
	    "\"ipFamilies\":[\"IPv4\"],\"ports\":[{\"port\":80,\"protocol\":\"TCP\"}]}}",
	    i);
}

static void delete_service(unsigned i)
{
	char name[16];

	snprintf(name, sizeof(name), "s%u", i);
	sim_api_delete(api, SIM_SERVICE, "web", name);
}

static void put_pool(void)
{
	cJSON *pool = cJSON_Parse("{\"apiVersion\":\"metallb.io/v1beta1\",\"kind\":"
				  "\"IPAddressPool\",\"metadata\":{\"name\":\"a\"},\"spec\":{"
				  "\"addresses\":[\"192.0.2.0/24\"]}}");
	struct config_inputs inputs = { 0 };
	struct faults faults = { 0 };
	struct config *c = NULL;

	((struct config_input *)array_push(&inputs))->object = pool;
	assert_int_equal(config_build(&inputs, &faults, &c), 0);
	sim_api_put_config(api, c);
	config_unref(c);
	array_free(&inputs);
	faults_free(&faults);
	cJSON_Delete(pool);
}

static void world_open(uint64_t seed, size_t allocators)
{
	static const struct sim_allocator_ops ops = { on_leads, on_told, on_broke };

	course_len = writes = 0;
	world_clock = sim_clock_new();
	api = sim_api_new(world_clock, &(struct sim_api_cfg){ .seed = seed });
	sim_api_watch_all(api, on_change, NULL);
	sim_api_watch_writes(api, on_write, NULL);
	put(SIM_NAMESPACE, "{\"metadata\":{\"name\":\"web\"}}");
	put_pool();
	count = allocators;
	for (size_t i = 0; i < count; i++) {
		const char *const names[] = { "al0", "al1", "al2" };
		all[i] = sim_allocator_new(&(struct sim_allocator_cfg){ .name = names[i],
									.clock = world_clock,
									.api = api,
									.seed = seed * 16 + i,
									.check_twice = true,
									.ops = &ops });
		sim_allocator_start(all[i]);
	}
}

static void world_close(void)
{
	for (size_t i = 0; i < count; i++)
		all[i] = sim_allocator_free(all[i]);
	api = sim_api_free(api);
	world_clock = sim_clock_free(world_clock);
	assert_int_equal(intern_count(), 0);
}

static void run_for(uint64_t ns)
{
	uint64_t until = sim_clock_now(world_clock) + ns;

	while (sim_clock_step(world_clock, until))
		;
}

/* Who leads; NULL: nobody. Of two there must be none whose gate is open. */
static struct sim_allocator *leader(void)
{
	struct sim_allocator *found = NULL;

	for (size_t i = 0; i < count; i++) {
		if (!sim_allocator_leads(all[i]))
			continue;
		assert_null(found);
		found = all[i];
	}
	return found;
}

static struct sim_allocator *other(const struct sim_allocator *than)
{
	return all[0] == than ? all[1] : all[0];
}

/* How long until @who leads; a failure after @most_ns. */
static uint64_t until_leads(struct sim_allocator *who, uint64_t most_ns)
{
	uint64_t began = sim_clock_now(world_clock);

	while (!sim_allocator_leads(who)) {
		run_for(10 * MS);
		if (sim_clock_now(world_clock) - began > most_ns)
			fail_msg("%s%s does not lead", course, sim_allocator_name(who));
	}
	return sim_clock_now(world_clock) - began;
}

/* How many Services have no address. */
static void count_bare(void *arg, const struct sim_object *o)
{
	struct ip_addr ips[IP_LIST_MAX];

	*(unsigned *)arg += status_object_ips(o->json, ips) == 0;
}

static unsigned bare(void)
{
	unsigned n = 0;

	sim_api_each(api, SIM_SERVICE, count_bare, &n);
	return n;
}

/* --- rules -------------------------------------------------------------------------------------
 */

static void test_one_alone_leads_and_gives_each_service_an_address(void **state)
{
	(void)state;
	world_open(1, 1);
	for (unsigned i = 0; i < 100; i++)
		put_service(i);
	assert_int_equal(bare(), 100);
	run_for(5 * S);
	assert_ptr_equal(leader(), all[0]);
	assert_string_equal(holder(), sim_allocator_identity(all[0]));
	assert_int_equal(bare(), 0);
	assert_true(sim_allocator_is_current(all[0]));
	assert_int_equal(allocator_footprint(sim_allocator_engine(all[0])).addresses, 100);
	world_close();
}

/* It renews its Lease, and does nothing else. */
static void test_at_rest_it_wakes_for_its_lease_alone(void **state)
{
	(void)state;
	world_open(1, 2);
	put_service(0);
	run_for(30 * S);
	uint64_t wakes = sim_allocator_wakes(all[0]) + sim_allocator_wakes(all[1]);
	unsigned written = writes;
	run_for(600 * S);
	assert_in_range(sim_allocator_wakes(all[0]) + sim_allocator_wakes(all[1]) - wakes, 295,
			310);
	assert_int_equal(writes, written);
	world_close();
}

static void test_without_a_configuration_nobody_stands(void **state)
{
	(void)state;
	world_open(1, 0);
	api = sim_api_free(api);
	api = sim_api_new(world_clock, &(struct sim_api_cfg){ .seed = 1 });
	count = 1;
	all[0] = sim_allocator_new(&(struct sim_allocator_cfg){
		.name = "al0", .clock = world_clock, .api = api, .seed = 1 });
	sim_allocator_start(all[0]);
	run_for(30 * S);
	assert_string_equal(holder(), "");
	put_pool();
	run_for(5 * S);
	assert_string_equal(holder(), sim_allocator_identity(all[0]));
	world_close();
}

/* The Lease is believed for 15 s after it was last renewed, and a write may take 5 s. */
static void test_after_a_killed_leader_the_other_leads_when_nothing_of_it_can_land(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		world_open(seed, 2);
		for (unsigned i = 0; i < 40; i++)
			put_service(i);
		run_for(10 * S);
		struct sim_allocator *led = leader();
		assert_non_null(led);
		for (unsigned i = 40; i < 80; i++)
			put_service(i);
		run_for(seed * MS); /* some are decided, some are on their way */
		sim_allocator_kill(led);
		assert_false(sim_allocator_runs(led));
		assert_null(sim_allocator_engine(led));
		uint64_t took = until_leads(other(led), 30 * S);
		assert_in_range(took, 18 * S, 22 * S + 500 * MS);
		run_for(S);
		assert_int_equal(bare(), 0);
		world_close();
	}
}

static void test_one_that_starts_again_is_another_and_waits_for_itself(void **state)
{
	char identity[300];

	(void)state;
	world_open(1, 1);
	run_for(5 * S);
	snprintf(identity, sizeof(identity), "%s", sim_allocator_identity(all[0]));
	sim_allocator_kill(all[0]);
	sim_allocator_start(all[0]);
	assert_string_not_equal(identity, sim_allocator_identity(all[0]));
	assert_in_range(until_leads(all[0], 30 * S), 18 * S, 22 * S + 500 * MS);
	world_close();
}

static void test_who_is_told_to_end_hands_over_at_once(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		world_open(seed, 2);
		run_for(10 * S);
		struct sim_allocator *led = leader();
		for (unsigned i = 0; i < 40; i++)
			put_service(i);
		run_for(seed * MS);
		sim_allocator_stop(led);
		assert_true(until_leads(other(led), 30 * S) < 500 * MS);
		assert_false(sim_allocator_runs(led));
		run_for(S);
		assert_int_equal(bare(), 0);
		world_close();
	}
}

static void test_a_standby_that_is_told_to_end_ends(void **state)
{
	(void)state;
	world_open(1, 2);
	run_for(10 * S);
	struct sim_allocator *led = leader();
	sim_allocator_stop(other(led));
	run_for(100 * MS);
	assert_false(sim_allocator_runs(other(led)));
	assert_ptr_equal(leader(), led);
	world_close();
}

/* What it had decided before is not written when it goes on. */
static void test_a_leader_that_stood_still_is_none_when_it_goes_on(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		world_open(seed, 2);
		run_for(10 * S);
		struct sim_allocator *led = leader();
		for (unsigned i = 0; i < 100; i++)
			put_service(i);
		run_for(5 * MS + seed * MS);
		sim_allocator_pause(led, true);
		run_for(60 * S);
		/* It does not know, and does nothing. */
		assert_true(sim_allocator_leads(led) && sim_allocator_leads(other(led)));
		assert_false(sim_allocator_is_current(led));
		assert_int_equal(bare(), 0);
		for (unsigned i = 100; i < 120; i++)
			put_service(i);
		sim_allocator_pause(led, false);
		run_for(10 * MS);
		assert_ptr_equal(leader(), other(led));
		run_for(30 * S);
		assert_ptr_equal(leader(), other(led));
		assert_int_equal(bare(), 0);
		world_close();
	}
}

/* on_write() looks. A slow one decides after 20 ms and more, and sends after another 20. */
static void test_what_was_decided_before_it_stood_still_is_never_sent(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		world_open(seed, 2);
		run_for(10 * S);
		struct sim_allocator *led = leader();
		sim_allocator_slow(led, 20 * MS);
		for (unsigned i = 0; i < 20; i++)
			put_service(i);
		run_for(35 * MS);
		assert_int_equal(allocator_footprint(sim_allocator_engine(led)).unwritten, 20);
		sim_allocator_pause(led, true);
		run_for(60 * S);
		sim_allocator_pause(led, false);
		run_for(10 * S);
		assert_ptr_equal(leader(), other(led));
		world_close();
	}
}

static void test_sigterm_waits_for_a_process_that_stands_still(void **state)
{
	(void)state;
	world_open(1, 1);
	run_for(10 * S);
	sim_allocator_pause(all[0], true);
	sim_allocator_stop(all[0]);
	run_for(S);
	assert_true(sim_allocator_runs(all[0]));
	sim_allocator_pause(all[0], false);
	run_for(S);
	assert_false(sim_allocator_runs(all[0]));
	assert_string_equal(holder(), "");
	world_close();
}

static void test_a_short_pause_changes_no_leader(void **state)
{
	(void)state;
	world_open(1, 2);
	run_for(10 * S);
	struct sim_allocator *led = leader();
	sim_allocator_pause(led, true);
	put_service(0);
	run_for(4 * S);
	sim_allocator_pause(led, false);
	run_for(S);
	assert_ptr_equal(leader(), led);
	assert_int_equal(bare(), 0);
	world_close();
}

/* Its requests do not come through, or the answers do not. */
static void test_a_leader_that_is_cut_off_one_way_gives_up_and_another_follows(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		world_open(seed, 2);
		run_for(10 * S);
		struct sim_allocator *led = leader();
		bool in = seed % 2 == 0;
		for (unsigned i = 0; i < 40; i++)
			put_service(i);
		run_for(seed / 2 * MS);
		sim_api_client_cut(sim_allocator_client(led), in, !in);
		run_for(12 * S);
		assert_null(leader());
		until_leads(other(led), 30 * S);
		run_for(S);
		assert_int_equal(bare(), 0);
		sim_api_client_cut(sim_allocator_client(led), false, false);
		run_for(120 * S);
		assert_ptr_equal(leader(), other(led));
		assert_true(sim_allocator_is_current(led));
		world_close();
	}
}

static void test_after_an_outage_one_leads_and_what_was_given_stays(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 10; seed++) {
		world_open(seed, 3);
		for (unsigned i = 0; i < 40; i++)
			put_service(i);
		run_for(10 * S);
		assert_int_equal(bare(), 0);
		size_t before = course_len;
		sim_api_outage(api, true);
		run_for(60 * S);
		assert_null(leader());
		sim_api_outage(api, false);
		run_for(90 * S);
		assert_non_null(leader());
		assert_null(strstr(course + before, "192.0.2.")); /* nothing moved */
		put_service(40);
		run_for(S);
		assert_int_equal(bare(), 0);
		world_close();
	}
}

static void test_after_conflicts_the_service_is_read_and_written_again(void **state)
{
	(void)state;
	world_open(1, 1);
	run_for(5 * S);
	put_service(0);
	sim_api_conflicts(api, 1);
	run_for(500 * MS);
	assert_int_equal(bare(), 0); /* once is an accident */
	put_service(1);
	sim_api_conflicts(api, 3); /* the Lease may take some of them */
	run_for(10 * S);
	assert_int_equal(bare(), 0);
	assert_true(sim_api_counts(api).conflicts == 4);
	world_close();
}

static void test_a_service_that_does_not_decode_keeps_its_address(void **state)
{
	(void)state;
	world_open(1, 1);
	put(SIM_SERVICE,
	    "{\"metadata\":{\"namespace\":\"web\",\"name\":\"odd\"},\"spec\":7,\"status\":{"
	    "\"loadBalancer\":{\"ingress\":[{\"ip\":\"192.0.2.0\"}]}}}");
	assert_null(sim_api_get(api, SIM_SERVICE, "web", "odd")->service);
	put_service(0);
	run_for(5 * S);
	assert_non_null(strstr(course, "s0 192.0.2.1\n"));
	world_close();
}

static void test_a_slow_process_does_everything_later(void **state)
{
	(void)state;
	world_open(1, 1);
	run_for(5 * S);
	sim_allocator_slow(all[0], S);
	run_for(5 * S);
	put_service(0);
	run_for(1900 * MS); /* it decides after one second, and sends after another */
	assert_int_equal(bare(), 1);
	run_for(300 * MS);
	assert_int_equal(bare(), 0);
	run_for(60 * S);
	assert_ptr_equal(leader(), all[0]);
	sim_allocator_slow(all[0], 12 * S); /* more than it has to renew its Lease */
	run_for(60 * S);
	put_service(1);
	run_for(60 * S);
	assert_null(leader());
	assert_int_equal(bare(), 1);
	world_close();
}

/* --- of runs ------------------------------------------------------------------------------------
 */

static char first[sizeof(course)];

/* A bit of everything. */
static void play(uint64_t seed, int64_t step_ns)
{
	world_open(seed, 2);
	for (unsigned i = 0; i < 40; i++)
		put_service(i);
	run_for(10 * S);
	for (size_t i = 0; i < count; i++)
		sim_allocator_step_clock(all[i], i == 0 ? step_ns : -step_ns);
	sim_allocator_kill(all[0]);
	put_service(40);
	run_for(5 * S);
	sim_allocator_start(all[0]);
	delete_service(3);
	run_for(40 * S);
	sim_allocator_stop(all[1]);
	put_service(3);
	run_for(40 * S);
	world_close();
}

static void test_the_same_seed_is_the_same_course(void **state)
{
	(void)state;
	play(7, 0);
	strcpy(first, course);
	play(7, 0);
	assert_string_equal(course, first);
	play(8, 0);
	assert_string_not_equal(course, first);
}

/* A clock that has gone as far as it may stays there, and comes back. */
static void test_steps_of_the_clock_do_not_add_up_for_ever(void **state)
{
	(void)state;
	world_open(1, 1);
	for (unsigned i = 0; i < 5; i++)
		sim_allocator_step_clock(all[0], INT64_MAX);
	run_for(20 * S);
	put_service(1);
	for (unsigned i = 0; i < 10; i++)
		sim_allocator_step_clock(all[0], INT64_MIN + 1);
	run_for(20 * S);
	assert_ptr_equal(leader(), all[0]);
	assert_int_equal(bare(), 0);
	world_close();
}

/* Clocks of different processes are never compared, and their own is monotonic. */
static void test_a_step_of_the_clock_changes_nothing(void **state)
{
	(void)state;
	play(7, 0);
	strcpy(first, course);
	play(7, YEAR_NS);
	assert_string_equal(course, first);
}

/* --- chaos
 * ----------------------------------------------------------------------------------------- */

static void disturb(struct rng *rng)
{
	struct sim_allocator *a = all[rng_below(rng, count)];

	switch (rng_below(rng, 14)) {
	case 0:
		sim_allocator_kill(a);
		break;
	case 1:
		sim_allocator_stop(a);
		break;
	case 2:
		sim_allocator_pause(a, rng_below(rng, 2) == 0);
		break;
	case 3:
		sim_allocator_slow(a, rng_below(rng, 3) * 700 * MS);
		break;
	case 4:
		sim_allocator_step_clock(a, (int64_t)rng_below(rng, 20 * S) - (int64_t)(10 * S));
		break;
	case 5:
		if (sim_allocator_runs(a))
			sim_api_client_cut(sim_allocator_client(a), rng_below(rng, 2) == 0,
					   rng_below(rng, 2) == 0);
		break;
	case 6:
		sim_api_outage(api, rng_below(rng, 3) == 0);
		break;
	case 7:
		sim_api_break_watches(api);
		break;
	case 8:
		sim_api_compact(api);
		break;
	case 9:
		sim_api_conflicts(api, (unsigned)rng_below(rng, 5));
		break;
	case 10:
		delete_service((unsigned)rng_below(rng, 60));
		break;
	default:
		put_service((unsigned)rng_below(rng, 60));
		break;
	}
	if (rng_below(rng, 3) == 0)
		sim_allocator_start(all[rng_below(rng, count)]);
}

static void heal(void)
{
	sim_api_outage(api, false);
	sim_api_conflicts(api, 0);
	for (size_t i = 0; i < count; i++) {
		sim_allocator_pause(all[i], false);
		sim_allocator_slow(all[i], 0);
		if (sim_allocator_runs(all[i]))
			sim_api_client_cut(sim_allocator_client(all[i]), false, false);
	}
	run_for(20 * S); /* those that were told to end, do */
	for (size_t i = 0; i < count; i++)
		sim_allocator_start(all[i]);
}

static void test_whatever_happens_each_service_has_an_address_of_its_own_in_the_end(void **state)
{
	const char *seeds = getenv("SEEDS");
	uint64_t last = seeds != NULL ? strtoull(seeds, NULL, 10) : 60;

	(void)state;
	for (uint64_t seed = 1; seed <= last; seed++) {
		struct rng rng = rng_seeded(seed);

		world_open(seed, 3);
		for (unsigned i = 0; i < 150; i++) {
			disturb(&rng);
			run_for(rng_below(&rng, 4 * S) >> rng_below(&rng, 12));
		}
		heal();
		run_for(200 * S);
		assert_non_null(leader());
		if (bare() != 0)
			fail_msg("%sseed %llu: %u Services have no address", course,
				 (unsigned long long)seed, bare());
		unsigned written = writes;
		run_for(700 * S);
		assert_int_equal(writes, written); /* nothing is left to do */
		for (size_t i = 0; i < count; i++) {
			const struct allocator *engine = sim_allocator_engine(all[i]);
			assert_true(sim_allocator_is_current(all[i]));
			assert_int_equal(allocator_footprint(engine).services,
					 sim_api_count(api, SIM_SERVICE));
			assert_int_equal(allocator_footprint(engine).names, 0);
		}
		world_close();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_alone_leads_and_gives_each_service_an_address),
		cmocka_unit_test(test_at_rest_it_wakes_for_its_lease_alone),
		cmocka_unit_test(test_without_a_configuration_nobody_stands),
		cmocka_unit_test(
			test_after_a_killed_leader_the_other_leads_when_nothing_of_it_can_land),
		cmocka_unit_test(test_one_that_starts_again_is_another_and_waits_for_itself),
		cmocka_unit_test(test_who_is_told_to_end_hands_over_at_once),
		cmocka_unit_test(test_a_standby_that_is_told_to_end_ends),
		cmocka_unit_test(test_a_leader_that_stood_still_is_none_when_it_goes_on),
		cmocka_unit_test(test_what_was_decided_before_it_stood_still_is_never_sent),
		cmocka_unit_test(test_sigterm_waits_for_a_process_that_stands_still),
		cmocka_unit_test(test_a_short_pause_changes_no_leader),
		cmocka_unit_test(
			test_a_leader_that_is_cut_off_one_way_gives_up_and_another_follows),
		cmocka_unit_test(test_after_an_outage_one_leads_and_what_was_given_stays),
		cmocka_unit_test(test_after_conflicts_the_service_is_read_and_written_again),
		cmocka_unit_test(test_a_service_that_does_not_decode_keeps_its_address),
		cmocka_unit_test(test_a_slow_process_does_everything_later),
		cmocka_unit_test(test_the_same_seed_is_the_same_course),
		cmocka_unit_test(test_steps_of_the_clock_do_not_add_up_for_ever),
		cmocka_unit_test(test_a_step_of_the_clock_changes_nothing),
		cmocka_unit_test(
			test_whatever_happens_each_service_has_an_address_of_its_own_in_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
