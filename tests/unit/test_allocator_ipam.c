// SPDX-License-Identifier: Apache-2.0
/*
 * Pools whose addresses an IPAM gives out, among others: in which order they are asked, what a
 * Service is told while an answer is due, and that what the server holds is what statuses show,
 * whatever is late, lost or done twice.
 */
#include "tests/unit/allocator_world.h"
#include "tests/unit/ipam_server.h"

#include "allocator/explain.h"
#include "lib/base/duration.h"

#define IPAM_POOL                                                                                  \
	"{\"name\":\"i\",\"addresses\":[\"192.0.2.0/28\",\"2001:db8::/124\"],\"ipam\":{\"url\":"   \
	"\"http+unix:///x\"}}"
#define AND_SPARE ",{\"name\":\"z\",\"addresses\":[\"198.51.100.0/30\",\"2001:db8:f::/126\"]}"
#define ALONE     "[" IPAM_POOL "]"
#define BOTH      "[" IPAM_POOL AND_SPARE "]"

/* What stands at the other end. */
struct far {
	cJSON *leases;
	struct ipam_calls calls, late; /* not answered yet; given up and still under way */
	enum { UP, DOWN, SILENT } how;
	unsigned made, allocates;
	unsigned loss_percent; /* SILENT: when calls meet their fate */
};

static struct far *far_of(struct world *w)
{
	return w->test;
}

static void on_call(struct world *w, struct ipam_call *c)
{
	struct far *f = far_of(w);

	f->made++;
	f->allocates += c->kind == IPAM_ALLOCATE;
	*(struct ipam_call **)array_push(&f->calls) = c;
}

static struct ipam_call *call_take(struct ipam_calls *calls, size_t at)
{
	struct ipam_call *c = calls->items[at];

	calls->items[at] = calls->items[--calls->count];
	return c;
}

static void calls_drop(struct ipam_calls *calls)
{
	while (calls->count > 0)
		ipam_call_free(call_take(calls, 0));
	array_free(calls);
}

static void answer(struct world *w, size_t at, bool good)
{
	struct far *f = far_of(w);
	struct ipam_call *c = call_take(&f->calls, at);
	struct ipam_answer a;

	if (good)
		serve(f->leases, c, &a);
	else
		ipam_answer_none("Could not connect to server", &a);
	allocator_ipam_answered(w->a, c->id, &a, w->now_ns);
	ipam_answer_done(&a);
	ipam_call_free(c);
}

/* Run, and have calls answered, until nothing is left to do. */
static unsigned settle(struct world *w)
{
	struct far *f = far_of(w);
	unsigned writes = world_run(w);

	while (f->how != SILENT && f->calls.count > 0) {
		char *said = strdup(w->events);

		answer(w, 0, f->how == UP);
		writes += world_run(w);
		char *all = world_text("%s%s", said, w->events);
		free(said);
		free(w->events);
		w->events = all;
	}
	return writes;
}

static unsigned later(struct world *w, unsigned s)
{
	w->now_ns += s * NS_PER_S;
	return settle(w);
}

static struct world *begin(const char *pools)
{
	struct world *w = world_new(pools, NULL);
	struct far *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->leases = cJSON_CreateObject();
	w->test = f;
	w->ipam = on_call;
	world_cluster(w->a);
	settle(w); /* the list */
	return w;
}

static void end(struct world *w)
{
	struct far *f = far_of(w);

	calls_drop(&f->calls);
	calls_drop(&f->late);
	cJSON_Delete(f->leases);
	free(f);
	world_free(w);
}

static void shows(struct world *w, const char *name, const char *what)
{
	assert_string_equal(world_shows(w, name), what);
}

/* Addresses of all leases. */
static unsigned leased(struct world *w)
{
	const cJSON *lease;
	unsigned count = 0;

	cJSON_ArrayForEach (lease, far_of(w)->leases)
		count += (unsigned)cJSON_GetArraySize(lease);
	return count;
}

static void occupy(struct world *w, const char *key, const char *ip)
{
	cJSON *list = cJSON_AddArrayToObject(far_of(w)->leases, key);

	cJSON_AddItemToArray(list, cJSON_CreateString(ip));
}

/* --- the order of pools ------------------------------------------------------------------ */

static void test_asked_in_its_turn_and_nothing_is_written_before_the_answer(void **state)
{
	struct world *w = begin(BOTH);

	(void)state;
	far_of(w)->how = SILENT;
	world_apply(w, "web/a", LB_V4, NULL, NULL);
	assert_int_equal(settle(w), 0);
	assert_string_equal(w->events, "");
	assert_string_equal(world_view(w, "web/a").reason,
			    "no available IPs: pool \"i\" waits for the answer of its IPAM; pool "
			    "\"z\" has what the Service needs");
	far_of(w)->how = UP;
	assert_int_equal(settle(w), 1);
	shows(w, "web/a", "192.0.2.1 i");
	assert_true(world_said(w, "Assigned IP"));
	assert_int_equal(settle(w), 0);
	end(w);
}

static void test_a_refusal_leads_to_the_next_pool(void **state)
{
	struct world *w = begin(BOTH);
	char name[16], ip[32];

	(void)state;
	for (unsigned i = 1; i <= ADDRESSES; i++) {
		snprintf(name, sizeof(name), "other%u", i);
		snprintf(ip, sizeof(ip), "192.0.2.%u", i);
		occupy(w, name, ip);
	}
	world_apply(w, "web/a", LB_V4, NULL, NULL);
	settle(w);
	shows(w, "web/a", "198.51.100.0 z");
	world_apply(w, "web/v6", LB_V6, NULL, NULL);
	settle(w);
	shows(w, "web/v6", "2001:db8::1 i");
	end(w);
}

static void test_an_outage_leads_nowhere_and_is_told_once(void **state)
{
	struct world *w = begin(BOTH);

	(void)state;
	far_of(w)->how = DOWN;
	world_apply(w, "web/a", LB_V4, NULL, NULL);
	assert_int_equal(settle(w), 1);
	shows(w, "web/a", "");
	assert_true(world_said(w,
			       "AllocationFailed web/a: Failed to allocate IP for \"web/a\": no "
			       "available IPs: pool \"i\" waits for its IPAM, which is away: Could "
			       "not connect to server"));
	assert_non_null(strstr(world_condition(w, "web/a"), "False IPAMUnavailable: "));
	for (unsigned i = 0; i < 40; i++) {
		assert_int_equal(later(w, 20), 0);
		assert_string_equal(w->events, "");
	}
	world_apply(w, "web/b", LB_V4, A_POOL("z"), NULL); /* who may go elsewhere says so */
	settle(w);
	shows(w, "web/b", "198.51.100.0 z");
	far_of(w)->how = UP;
	for (unsigned i = 0; i < 5; i++)
		later(w, 30);
	shows(w, "web/a", "192.0.2.1 i");
	assert_non_null(strstr(world_condition(w, "web/a"), "True Allocated: "));
	end(w);
}

static void test_plain_pools_are_never_asked_about(void **state)
{
	struct world *w = begin("[{\"name\":\"z\",\"addresses\":[\"198.51.100.0/30\"]}]");

	(void)state;
	world_apply(w, "web/a", LB_V4, NULL, NULL);
	settle(w);
	assert_int_equal(far_of(w)->made, 0);
	assert_true(allocator_wake_ns(w->a) == UINT64_MAX);
	end(w);
}

/* --- families, requests, sharing --------------------------------------------------------- */

static void test_dual_stack_is_one_wish_and_prefer_dual_takes_what_there_is(void **state)
{
	struct world *w = begin(ALONE);
	char name[16], ip[32];

	(void)state;
	world_apply(w, "web/two", LB_DUAL("RequireDualStack"), NULL, NULL);
	settle(w);
	shows(w, "web/two", "192.0.2.1,2001:db8::1 i");
	assert_int_equal(far_of(w)->allocates, 1);
	for (unsigned i = 2; i <= ADDRESSES + 1; i++) {
		snprintf(name, sizeof(name), "other%u", i);
		snprintf(ip, sizeof(ip), "2001:db8::%x", i);
		snprintf(ip, sizeof(ip), "2001:db8::%u", i);
		occupy(w, name, ip);
	}
	world_apply(w, "web/one", LB_DUAL("PreferDualStack"), NULL, NULL);
	settle(w);
	shows(w, "web/one", "192.0.2.2 i");
	assert_true(world_said(w, "pool \"i\" was refused by its IPAM"));
	world_delete(w, "web/two");
	settle(w);
	later(w, 70);
	shows(w, "web/one", "192.0.2.2,2001:db8::1 i");
	end(w);
}

static void test_a_request_that_the_server_refuses_keeps_what_is_held(void **state)
{
	struct world *w = begin(ALONE);

	(void)state;
	occupy(w, "other", "192.0.2.9");
	world_apply(w, "web/a", LB_V4, A_IPS("192.0.2.8"), NULL);
	settle(w);
	shows(w, "web/a", "192.0.2.8 i");
	world_apply(w, "web/a", LB_V4, A_IPS("192.0.2.9"), NULL);
	settle(w);
	shows(w, "web/a", "192.0.2.8 i");
	assert_true(world_said(w, "stays on [\"192.0.2.8\"]: pool \"i\" was refused by its IPAM"));
	cJSON_DeleteItemFromObject(far_of(w)->leases, "other");
	later(w, 70);
	shows(w, "web/a", "192.0.2.9 i");
	assert_int_equal(leased(w), 1);
	end(w);
}

static void test_who_shares_is_not_asked_for_and_the_last_one_releases(void **state)
{
	struct world *w = begin(ALONE);

	(void)state;
	world_apply(w, "web/a", LB_V4_PORT(80), A_SHARE("k"), NULL);
	settle(w);
	world_apply(w, "web/b", LB_V4_PORT(81), A_SHARE("k"), NULL);
	settle(w);
	shows(w, "web/b", "192.0.2.1 i");
	world_apply(w, "web/c", LB_V4_PORT(82), A_SHARE("k") "," A_IPS("192.0.2.1"), NULL);
	settle(w);
	shows(w, "web/c", "192.0.2.1 i");
	assert_int_equal(far_of(w)->allocates, 1);
	world_delete(w, "web/a"); /* whose lease it is */
	settle(w);
	world_restart(w);
	settle(w);
	assert_int_equal(leased(w), 1);
	assert_int_equal(far_of(w)->allocates, 1);
	world_delete(w, "web/b");
	world_delete(w, "web/c");
	settle(w);
	assert_int_equal(leased(w), 0);
	end(w);
}

/* --- answers that cannot be taken -------------------------------------------------------- */

static void test_an_answer_that_others_hold_is_told_and_goes_back(void **state)
{
	struct world *w = begin(ALONE);

	(void)state;
	world_apply(w, "web/a", LB_V4, NULL, NULL);
	settle(w);
	cJSON_DeleteItemFromObject(far_of(w)->leases,
				   "c0ffee/i/u1"); /* it forgets, and gives it twice */
	world_apply(w, "web/b", LB_V4, NULL, NULL);
	settle(w);
	shows(w, "web/b", "");
	assert_true(world_said(w,
			       "gives nothing: its IPAM answered 192.0.2.1, but 192.0.2.1 is held "
			       "by web/a"));
	assert_int_equal(leased(w), 1); /* and web/a gets its lease back */
	later(w, 70);
	shows(w, "web/a", "192.0.2.1 i");
	shows(w, "web/b", "192.0.2.2 i");
	assert_int_equal(leased(w), 2);
	end(w);
}

static void test_an_answer_that_another_shares_stays_leased_for_that_one(void **state)
{
	struct world *w = begin(BOTH);

	(void)state;
	world_apply(w, "web/a", LB_V4_PORT(80), A_SHARE("k"), NULL);
	settle(w);
	world_apply(w, "web/b", LB_V4_PORT(81), A_SHARE("k"), NULL);
	settle(w);
	world_apply(w, "web/a", LB_V4_PORT(80), A_POOL("z"), NULL);
	settle(w);
	shows(w, "web/a", "198.51.100.0 z");
	world_apply(w, "web/a", LB_V4_PORT(80), A_POOL("i"), NULL); /* whose lease still has that */
	settle(w);
	shows(w, "web/a", "198.51.100.0 z");
	assert_true(world_said(w, "its IPAM answered 192.0.2.1, but 192.0.2.1 is held by web/b"));
	assert_int_equal(leased(w), 1);
	assert_non_null(cJSON_GetObjectItem(far_of(w)->leases, "c0ffee/i/u1")); /* all along */
	world_delete(w, "web/b");
	settle(w);
	later(w, 70);
	shows(w, "web/a", "192.0.2.1 i");
	assert_int_equal(leased(w), 1);
	end(w);
}

/* --- release ----------------------------------------------------------------------------- */

static void test_nothing_is_released_before_the_status_is_known_not_to_show_it(void **state)
{
	struct world *w = begin(BOTH);

	(void)state;
	world_apply(w, "web/a", LB_V4, NULL, NULL);
	settle(w);
	w->late = true;
	world_apply(w, "web/a", LB_V4, A_POOL("z"), NULL);
	for (unsigned i = 0; i < 20; i++) {
		settle(w);
		bool shown = strcmp(world_shows(w, "web/a"), "192.0.2.1 i") == 0;
		if (shown)
			assert_int_equal(leased(w), 1);
		world_step(w);
	}
	w->late = false;
	settle(w);
	shows(w, "web/a", "198.51.100.0 z");
	assert_int_equal(leased(w), 0);
	end(w);
}

/* --- who leads --------------------------------------------------------------------------- */

/* For how long an address is kept back is the server's matter: nothing is on record of it here. */
static void test_reserve_of_a_pool_with_an_ipam_keeps_nothing(void **state)
{
	struct world *w = begin("[{\"name\":\"i\",\"addresses\":[\"192.0.2.0/28\"],"
				"\"reserve\":\"1h\",\"ipam\":{\"url\":\"http+unix:///x\"}}]");
	(void)state;

	w->cfg.reservations = true;
	world_restart(w);
	assert_false(allocator_reservations_needed(w->a));
	world_apply(w, "web/a", LB_V4, NULL, NULL);
	settle(w);
	shows(w, "web/a", "192.0.2.1 i");
	world_delete(w, "web/a");
	settle(w);
	assert_int_equal(allocator_reserved(w->a).kept, 0);
	assert_int_equal(leased(w), 0);
	world_apply(w, "web/b", LB_V4, NULL, NULL);
	settle(w);
	shows(w, "web/b", "192.0.2.1 i");
	end(w);
}

static void test_a_standby_makes_no_call_and_a_new_leader_gets_the_same_address(void **state)
{
	struct world *w = begin(ALONE);

	(void)state;
	far_of(w)->how = SILENT;
	world_apply(w, "web/a", LB_V4, NULL, NULL);
	settle(w);
	assert_int_equal(far_of(w)->calls.count, 1);
	struct ipam_answer a;
	serve(far_of(w)->leases, far_of(w)->calls.items[0], &a); /* it is done there */
	ipam_answer_done(&a);
	allocator_lead(w->a, false);
	assert_true(allocator_wake_ns(w->a) == UINT64_MAX);
	far_of(w)->how = UP;
	settle(w); /* the answer comes to a standby */
	unsigned made = far_of(w)->made;
	later(w, 1000);
	assert_int_equal(far_of(w)->made, made);
	shows(w, "web/a", "");
	allocator_lead(w->a, true);
	allocator_synced(w->a);
	settle(w);
	shows(w, "web/a", "192.0.2.1 i");
	assert_int_equal(leased(w), 1);
	end(w);
}

/* --- explaining -------------------------------------------------------------------------- */

static void tell(void *arg, const struct allocator_verdict *v)
{
	char **text = arg;
	char *more = world_text("%s%s;", *text, allocator_answer_word(v->answer));

	free(*text);
	*text = more;
}

static void explains(struct world *w, const char *name, const char *expected)
{
	char *text = strdup("");

	assert_true(allocator_explain(w->a, "web", name, tell, &text));
	assert_string_equal(text, expected);
	free(text);
}

static void test_explain_has_words_for_it(void **state)
{
	struct world *w = begin(BOTH);

	(void)state;
	far_of(w)->how = SILENT;
	world_apply(w, "web/a", LB_V4, NULL, NULL);
	settle(w);
	explains(w, "a", "ipamWaits;could;");
	occupy(w, "other", "192.0.2.9");
	world_apply(w, "web/a", LB_V4, A_IPS("192.0.2.9"), NULL);
	far_of(w)->how = UP;
	settle(w);
	explains(w, "a", "ipamRefused;elsewhere;");
	world_apply(w, "web/a", LB_V4, A_IPS("192.0.2.8"), NULL);
	settle(w);
	explains(w, "a", "holds;elsewhere;");
	end(w);
}

/* --- anything goes ----------------------------------------------------------------------- */

static void fate(struct world *w)
{
	struct far *f = far_of(w);
	size_t at = rng_below(&w->rng, f->calls.count);
	struct ipam_answer a;

	if (rng_below(&w->rng, 100) >= f->loss_percent) {
		answer(w, at, true);
		return;
	}
	switch (rng_below(&w->rng, 3)) {
	case 0: /* done, and the answer lost */
		serve(f->leases, f->calls.items[at], &a);
		ipam_answer_done(&a);
		break;
	case 1: /* given up, and done later */ {
		struct ipam_call *c = call_take(&f->calls, at);

		ipam_answer_none("Timeout was reached", &a);
		allocator_ipam_answered(w->a, c->id, &a, w->now_ns);
		*(struct ipam_call **)array_push(&f->late) = c;
		return;
	}
	}
	answer(w, at, false);
}

static void late_one(struct world *w)
{
	struct far *f = far_of(w);
	struct ipam_answer a;

	struct ipam_call *c = call_take(&f->late, 0);
	serve(f->leases, c, &a);
	ipam_answer_done(&a);
	ipam_call_free(c);
}

static void restart(struct world *w)
{
	calls_drop(&far_of(w)->calls);
	world_restart(w);
}

static void any_input(struct world *w)
{
	static const char *const specs[] = {
		LB_V4,      LB_V6,          LB_DUAL("PreferDualStack"),
		CLUSTER_IP, LB_V4_PORT(81), LB_DUAL("RequireDualStack")
	};
	static const char *const notes[] = { "",
					     "",
					     "",
					     A_SHARE("k"),
					     A_POOL("z"),
					     A_POOL("i"),
					     A_IPS("192.0.2.3"),
					     A_IPS("198.51.100.1") };
	char name[16];

	snprintf(name, sizeof(name), "web/s%u", (unsigned)rng_below(&w->rng, 14));
	if (rng_below(&w->rng, 4) == 0)
		world_delete(w, name);
	else
		world_apply(w, name, specs[rng_below(&w->rng, 6)], notes[rng_below(&w->rng, 8)],
			    NULL);
}

static void meanwhile(struct world *w)
{
	world_run_once(w);
	calls_drop(&far_of(w)->calls);
}

static void any_step(struct world *w)
{
	struct far *f = far_of(w);

	switch (rng_below(&w->rng, 10)) {
	case 0:
	case 1:
		any_input(w);
		break;
	case 2:
		if (rng_below(&w->rng, 25) == 0)
			restart(w);
		else if (rng_below(&w->rng, 25) == 0)
			world_change_leader(w, meanwhile);
		break;
	case 3:
		w->now_ns += rng_below(&w->rng, 4 * NS_PER_S);
		break;
	case 4:
		if (f->late.count > 0)
			late_one(w);
		break;
	case 5:
	case 6:
		if (f->calls.count > 0)
			fate(w);
		break;
	default:
		world_step(w);
	}
	world_run_once(w);
}

/* Is every address of pool i in a status leased, and no other? */
static void check(struct world *w, unsigned long seed)
{
	const char *seen[WORLD_THINGS * 2];
	unsigned count = 0;

	for (size_t i = 0; i < WORLD_THINGS; i++) {
		const struct thing *t = &w->things[i];

		for (unsigned k = 0; t->there && strcmp(t->pool, "i") == 0 && k < t->ip_count;
		     k++) {
			bool again = false; /* shared */

			for (unsigned n = 0; n < count; n++)
				again = again || strcmp(seen[n], t->ips[k]) == 0;
			if (!again)
				seen[count++] = t->ips[k];
			if (!server_leased(far_of(w)->leases, t->ips[k], NULL))
				fail_msg("seed %lu: %s of %s is in no lease", seed, t->ips[k],
					 t->name);
		}
	}
	if (leased(w) != count)
		fail_msg("seed %lu: %u in statuses, %u leased", seed, count, leased(w));
}

static void test_random_faults_on_all_sides_leak_nothing(void **state)
{
	(void)state;
	for (unsigned long seed = 1; seed <= 40; seed++) {
		struct world *w = begin(BOTH);
		struct far *f = far_of(w);

		w->rng = rng_seeded(seed);
		w->late = true;
		w->loss_percent = 20;
		f->how = SILENT;
		f->loss_percent = (unsigned)rng_below(&w->rng, 80);
		for (unsigned i = 0; i < 900; i++)
			any_step(w);
		w->loss_percent = 0;
		f->how = UP;
		while (f->late.count > 0)
			late_one(w);
		for (unsigned i = 0; i < 40; i++) { /* back-offs, refusals and lists */
			while (world_step(w))
				settle(w);
			later(w, 65);
		}
		check(w, seed);
		assert_int_equal(later(w, 1), 0);
		end(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_asked_in_its_turn_and_nothing_is_written_before_the_answer),
		cmocka_unit_test(test_a_refusal_leads_to_the_next_pool),
		cmocka_unit_test(test_an_outage_leads_nowhere_and_is_told_once),
		cmocka_unit_test(test_plain_pools_are_never_asked_about),
		cmocka_unit_test(test_dual_stack_is_one_wish_and_prefer_dual_takes_what_there_is),
		cmocka_unit_test(test_a_request_that_the_server_refuses_keeps_what_is_held),
		cmocka_unit_test(test_who_shares_is_not_asked_for_and_the_last_one_releases),
		cmocka_unit_test(test_an_answer_that_others_hold_is_told_and_goes_back),
		cmocka_unit_test(test_an_answer_that_another_shares_stays_leased_for_that_one),
		cmocka_unit_test(
			test_nothing_is_released_before_the_status_is_known_not_to_show_it),
		cmocka_unit_test(test_reserve_of_a_pool_with_an_ipam_keeps_nothing),
		cmocka_unit_test(
			test_a_standby_makes_no_call_and_a_new_leader_gets_the_same_address),
		cmocka_unit_test(test_explain_has_words_for_it),
		cmocka_unit_test(test_random_faults_on_all_sides_leak_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
