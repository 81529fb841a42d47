// SPDX-License-Identifier: Apache-2.0
/*
 * The client of the IPAM hook (docs/ipam-hook.md) against a server of a few lines, with calls that
 * are lost, done late, refused and answered wrongly. Whatever happens, in the end the server holds
 * what the books hold and nothing else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "allocator/ipam.h"
#include "lib/base/duration.h"
#include "lib/base/intern.h"
#include "lib/base/rng.h"
#include "tests/unit/ipam_server.h"

#define SERVICES 12
#define CLUSTER  "c0ffee"

/* A Service and what the books say that it holds. */
struct svc {
	char name[16], uid[16];
	struct ipam_wish wants; /* families 0 and no ips: nothing */
	struct ip_list asked, held;
	bool there, denied, waits, away;
	unsigned births;
};

struct world {
	struct ipam *m;
	struct pool pools[1];
	struct config config;
	struct svc services[SERVICES];
	bool dirty[SERVICES];
	uint64_t now_ns;
	cJSON *leases;             /* the server's: key: [address, ...] */
	struct ipam_calls calls;   /* on their way to the server */
	struct ipam_calls zombies; /* given up by us, and still on their way */
	unsigned made, down;       /* down: percent of calls that get no answer */
	struct rng rng;
	const char *told; /* the last objection */
	unsigned told_count;
};

static struct ip_addr ip_of(const char *text)
{
	struct ip_addr ip;

	assert_int_equal(ip_parse(text, &ip), 0);
	return ip;
}

/* --- the books --------------------------------------------------------------------------- */

static bool in_use(void *arg, const struct ip_addr *ip)
{
	const struct world *w = arg;

	for (size_t i = 0; i < SERVICES; i++) {
		if (ips_have(ip_list_lend(&w->services[i].held), ip))
			return true;
	}
	return false;
}

static void on_changed(void *arg, const struct ipam_who *who)
{
	struct world *w = arg;

	for (size_t i = 0; i < SERVICES; i++) {
		if (strcmp(w->services[i].name, who->name) == 0)
			w->dirty[i] = true;
	}
}

static void on_pool_changed(void *arg, const char *pool)
{
	struct world *w = arg;

	assert_string_equal(pool, "p");
	memset(w->dirty, true, sizeof(w->dirty));
}

static const struct ipam_ops ops = { in_use, on_changed, on_pool_changed };

static struct ipam_who who_of(const struct svc *s)
{
	return (struct ipam_who){ "ns", s->name, s->uid };
}

static void drop_all(struct world *w, struct svc *s)
{
	struct ip_list was = s->held;

	s->held.count = 0;
	for (unsigned i = 0; i < was.count; i++)
		ipam_freed(w->m, &was.ips[i]);
}

/* May @s take what it is offered? As decide.c does: in the pool, and nobody else's. */
static bool acceptable(const struct world *w, const struct svc *s, struct ips ips)
{
	for (unsigned i = 0; i < ips.count; i++) {
		if (ips.items[i].family == IP_V4 && ips.items[i].bytes[0] != 192)
			return false;
		for (size_t j = 0; j < SERVICES; j++) {
			if (&w->services[j] != s &&
			    ips_have(ip_list_lend(&w->services[j].held), &ips.items[i]))
				return false;
		}
	}
	return true;
}

static void decide(struct world *w, struct svc *s)
{
	struct ipam_who who = who_of(s);
	struct ip_list got;
	const char *why = NULL;

	ipam_begin(w->m, &who);
	s->denied = s->waits = false;
	bool wants = s->wants.families != 0 || s->wants.ips.count > 0;
	if (!s->there || !wants) {
		drop_all(w, s);
	} else if (s->held.count == 0 || (s->wants.ips.count > 0 &&
					  !ips_same_set(s->wants.ips, ip_list_lend(&s->held)))) {
		switch (ipam_ask(w->m, &w->pools[0], &who, s->wants, &got)) {
		case IPAM_OFFERED:
			if (acceptable(w, s, ip_list_lend(&got))) {
				struct ip_list was = s->held;

				s->held = got;
				for (unsigned i = 0; i < was.count; i++)
					ipam_freed(w->m, &was.ips[i]);
			} else {
				ipam_reject(w->m, &w->pools[0], &who, s->wants, "what is no use");
				s->denied = true;
			}
			break;
		case IPAM_WAITING:
			s->waits = true;
			break;
		case IPAM_DENIED:
			s->denied = true;
			break;
		case IPAM_NO_HOOK:
			break;
		}
	}
	if (s->waits || s->denied) {
		why = ipam_why(w->m, &w->pools[0], &who, s->wants, &s->away);
		assert_true(strlen(why) > 10);
	}
	if (ipam_hold(w->m, &w->pools[0], &who, ip_list_lend(&s->held), &(struct ip_addr){ 0 },
		      &why)) {
		w->told = intern(why);
		w->told_count++;
		intern_unref(w->told);
	}
	ipam_end(w->m, &who);
}

static void run(struct world *w)
{
	size_t before = w->calls.count;

	ipam_tick(w->m, w->now_ns);
	for (size_t i = 0; i < SERVICES; i++) {
		if (w->dirty[i]) {
			w->dirty[i] = false;
			decide(w, &w->services[i]);
		}
	}
	ipam_calls(w->m, w->now_ns, &w->calls);
	w->made += (unsigned)(w->calls.count - before);
}

/* --- calls ------------------------------------------------------------------------------- */

static struct ipam_call *take(struct ipam_calls *calls, size_t at)
{
	struct ipam_call *c = calls->items[at];

	memmove(&calls->items[at], &calls->items[at + 1],
		(--calls->count - at) * sizeof(calls->items[0]));
	return c;
}

static void answer(struct world *w, size_t at, int status, const char *body)
{
	struct ipam_call *c = take(&w->calls, at);
	struct ipam_answer a;

	if (status == 0)
		ipam_answer_none("Timeout was reached", &a);
	else if (body != NULL)
		ipam_answer_parse(c->kind, status, body, strlen(body), 0, &a);
	else
		serve(w->leases, c, &a);
	ipam_answered(w->m, c->id, &a, w->now_ns);
	ipam_answer_done(&a);
	ipam_call_free(c);
}

/* Run and serve until nothing is left to do now. */
static void settle(struct world *w)
{
	run(w);
	while (w->calls.count > 0) {
		answer(w, 0, 200, NULL);
		run(w);
	}
}

static void later(struct world *w, uint64_t ns)
{
	w->now_ns += ns;
	settle(w);
}

static const char *lease_text(const struct world *w, const char *uid, char buf[static 256])
{
	char key[64];
	const cJSON *a;
	size_t len = 0;

	snprintf(key, sizeof(key), CLUSTER "/p/%s", uid);
	buf[0] = '\0';
	cJSON_ArrayForEach (a, cJSON_GetObjectItemCaseSensitive(w->leases, key))
		len += (size_t)snprintf(buf + len, 256 - len, "%s%s", len > 0 ? " " : "",
					a->valuestring);
	return buf;
}

/* --- setting up -------------------------------------------------------------------------- */

static struct svc *want(struct world *w, unsigned at, struct ipam_wish wants)
{
	struct svc *s = &w->services[at];

	if (!s->there) {
		snprintf(s->name, sizeof(s->name), "s%u", at);
		snprintf(s->uid, sizeof(s->uid), "u%u.%u", at, s->births++);
		s->there = true;
	}
	s->asked = ip_list_of(wants.ips);
	s->wants = (struct ipam_wish){ wants.families, ip_list_lend(&s->asked) };
	w->dirty[at] = true;
	return s;
}

static struct svc *want_families(struct world *w, unsigned at, unsigned families)
{
	return want(w, at, (struct ipam_wish){ families, { NULL, 0 } });
}

static struct svc *want_ip(struct world *w, unsigned at, const char *text)
{
	struct ip_addr ip = ip_of(text);

	return want(w, at, (struct ipam_wish){ 0, { &ip, 1 } });
}

/* It is deleted: nobody decides about it any more. */
static void gone(struct world *w, unsigned at)
{
	struct svc *s = &w->services[at];
	struct ipam_who who = who_of(s);

	drop_all(w, s);
	ipam_begin(w->m, &who);
	ipam_end(w->m, &who);
	s->there = false;
	w->dirty[at] = false;
}

static void drop_calls(struct ipam_calls *calls)
{
	while (calls->count > 0)
		ipam_call_free(take(calls, 0));
	array_free(calls);
}

/* The allocator ends and another starts: it knows what the statuses say. */
static void restart(struct world *w)
{
	ipam_free(w->m);
	w->m = ipam_new(&ops, w, rng_next(&w->rng));
	ipam_set_config(w->m, &w->config);
	ipam_set_cluster(w->m, CLUSTER);
	memset(w->dirty, true, sizeof(w->dirty));
}

static int world_open(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	w->pools[0].name = intern("p");
	w->pools[0].ipam = (struct pool_ipam){ .url = "http+unix:///x", .timeout_ns = NS_PER_S };
	w->config.pools.items = w->pools;
	w->config.pools.count = 1;
	w->leases = cJSON_CreateObject();
	w->now_ns = NS_PER_S;
	w->rng = rng_seeded(1);
	w->m = ipam_new(&ops, w, 1);
	ipam_set_config(w->m, &w->config);
	ipam_set_cluster(w->m, CLUSTER);
	*state = w;
	return 0;
}

static int world_close(void **state)
{
	struct world *w = *state;

	ipam_free(w->m);
	drop_calls(&w->calls);
	drop_calls(&w->zombies);
	cJSON_Delete(w->leases);
	intern_unref(w->pools[0].name);
	free(w);
	assert_int_equal(intern_count(), 0);
	return 0;
}

/* --- the way of one wish ----------------------------------------------------------------- */

static void test_an_address_is_asked_for_held_and_released(void **state)
{
	struct world *w = *state;
	struct svc *s = want_families(w, 0, FAMILIES_BOTH);
	char text[256];

	settle(w);
	assert_int_equal(s->held.count, 2);
	assert_string_equal(lease_text(w, s->uid, text), "192.0.2.1 2001:db8::1");
	unsigned made = w->made;
	later(w, NS_PER_S);
	assert_int_equal(w->made, made); /* a second run does nothing */
	gone(w, 0);
	settle(w);
	assert_int_equal(cJSON_GetArraySize(w->leases), 0);
}

static void test_a_repeat_after_a_crash_gives_the_same_address(void **state)
{
	struct world *w = *state;
	struct svc *s = want_families(w, 0, FAMILIES_V4);
	struct ipam_answer a;

	run(w);
	for (size_t i = 0; i < w->calls.count; i++) { /* done, and nobody is there to hear it */
		serve(w->leases, w->calls.items[i], &a);
		ipam_answer_done(&a);
	}
	drop_calls(&w->calls);
	want_families(w, 1, FAMILIES_V4);
	restart(w);
	settle(w);
	char text[256];
	assert_string_equal(lease_text(w, s->uid, text), "192.0.2.1");
	assert_true(ip_equal(&s->held.ips[0], &(struct ip_addr){ IP_V4, { 192, 0, 2, 1 } }));
	assert_int_equal(cJSON_GetArraySize(w->leases), 2);
}

static void test_a_lost_answer_is_asked_for_again_and_a_lost_wish_released(void **state)
{
	struct world *w = *state;
	struct ipam_answer a;

	want_families(w, 0, FAMILIES_V4);
	settle(w);
	gone(w, 0);
	settle(w);
	struct svc *s = want_families(w, 0, FAMILIES_V4);
	run(w);
	assert_int_equal(w->calls.count, 1);
	serve(w->leases, w->calls.items[0], &a);
	ipam_answer_done(&a);
	answer(w, 0, 0, NULL);
	run(w);
	assert_true(s->waits && s->away);
	gone(w, 0); /* it may hold an address: it does */
	assert_int_equal(cJSON_GetArraySize(w->leases), 1);
	for (unsigned i = 0; i < 4; i++)
		later(w, NS_PER_S);
	assert_int_equal(cJSON_GetArraySize(w->leases), 0);
}

static void test_what_falls_free_while_nobody_runs_is_released(void **state)
{
	struct world *w = *state;

	want_families(w, 0, FAMILIES_V4);
	struct svc *kept = want_families(w, 1, FAMILIES_V4);
	settle(w);
	w->services[0].there = false; /* deleted: no allocator to see it */
	w->services[0].held.count = 0;
	restart(w);
	settle(w);
	assert_int_equal(cJSON_GetArraySize(w->leases), 1);
	char text[256];
	assert_string_equal(lease_text(w, kept->uid, text), "192.0.2.2");
}

static void test_leases_of_others_are_left_alone(void **state)
{
	struct world *w = *state;
	static const char *const keys[] = {
		"other/p/u9", CLUSTER "/p/deep/u9", CLUSTER "/pp/u9", CLUSTER "/p/", "", CLUSTER
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		cJSON *list = cJSON_AddArrayToObject(w->leases, keys[i]);
		cJSON_AddItemToArray(list, cJSON_CreateString("198.51.100.1"));
	}
	settle(w);
	later(w, 3600 * NS_PER_S);
	assert_int_equal(cJSON_GetArraySize(w->leases), sizeof(keys) / sizeof(keys[0]));
}

static void test_what_is_held_already_is_asked_for_once_the_list_is_known(void **state)
{
	struct world *w = *state;
	struct svc *s = want_families(w, 0, FAMILIES_V4);

	s->held = (struct ip_list){ .ips = { ip_of("192.0.2.7") }, .count = 1 };
	run(w);
	assert_int_equal(w->calls.count, 1);
	assert_int_equal(w->calls.items[0]->kind, IPAM_LIST); /* in the books without a call */
	settle(w);
	char text[256];
	assert_string_equal(lease_text(w, s->uid, text), "192.0.2.7");
	cJSON_Delete(w->leases); /* the server loses its data */
	w->leases = cJSON_CreateObject();
	later(w, 800 * NS_PER_S);
	assert_string_equal(lease_text(w, s->uid, text), "192.0.2.7");
}

static void test_a_server_that_disagrees_is_told_once_and_the_address_kept(void **state)
{
	struct world *w = *state;
	struct svc *s = want_families(w, 0, FAMILIES_V4);
	cJSON *list = cJSON_AddArrayToObject(w->leases, "somebody");

	cJSON_AddItemToArray(list, cJSON_CreateString("192.0.2.7"));
	s->held = (struct ip_list){ .ips = { ip_of("192.0.2.7") }, .count = 1 };
	settle(w);
	later(w, 1);
	assert_int_equal(w->told_count, 1);
	later(w, 800 * NS_PER_S);
	later(w, 800 * NS_PER_S);
	assert_int_equal(w->told_count, 1);
	assert_int_equal(s->held.count, 1);
	gone(w, 0);
	settle(w);
	assert_int_equal(cJSON_GetArraySize(w->leases), 1);
}

static void test_of_two_addresses_each_is_agreed_on_alone(void **state)
{
	struct world *w = *state;
	struct svc *s = want_families(w, 0, FAMILIES_BOTH);
	cJSON *list = cJSON_AddArrayToObject(w->leases, "somebody");
	char text[256];

	cJSON_AddItemToArray(list, cJSON_CreateString("192.0.2.7"));
	s->held = (struct ip_list){
		.ips = { ip_of("192.0.2.7"), ip_of("2001:db8::7") },
		.count = 2,
	};
	settle(w);
	assert_string_equal(lease_text(w, s->uid, text), "2001:db8::7");
	assert_int_equal(w->told_count, 1);
	cJSON_DeleteItemFromObject(w->leases, "somebody");
	later(w, 800 * NS_PER_S);
	assert_string_equal(lease_text(w, s->uid, text), "2001:db8::7 192.0.2.7");
	assert_int_equal(w->told_count, 1);
}

static void test_a_request_moves_the_lease(void **state)
{
	struct world *w = *state;
	struct svc *s = want_families(w, 0, FAMILIES_V4);
	char text[256];

	settle(w);
	want_ip(w, 0, "192.0.2.9");
	settle(w);
	assert_string_equal(lease_text(w, s->uid, text), "192.0.2.9");
	want_ip(w, 1, "192.0.2.9"); /* another's */
	settle(w);
	assert_true(w->services[1].denied);
	want_ip(w, 0, "192.0.2.8");
	settle(w);
	assert_true(ip_equal(&w->services[1].held.ips[0],
			     &(struct ip_addr){ IP_V4, { 192, 0, 2, 9 } }));
}

/* --- trouble ----------------------------------------------------------------------------- */

static void test_while_away_one_call_at_a_time_with_a_growing_pause(void **state)
{
	struct world *w = *state;
	uint64_t last_ns = 0;

	settle(w);
	for (unsigned i = 0; i < SERVICES; i++)
		want_families(w, i, FAMILIES_V6);
	run(w);
	assert_int_equal(w->calls.count, 8);
	while (w->calls.count > 0)
		answer(w, 0, 0, NULL);
	for (unsigned i = 0; i < 12; i++) {
		uint64_t wake_ns = ipam_wake_ns(w->m);

		assert_true(wake_ns > w->now_ns && wake_ns < w->now_ns + 75 * NS_PER_S);
		if (i < 6)
			assert_true(wake_ns - w->now_ns > last_ns * 5 / 4);
		last_ns = wake_ns - w->now_ns;
		w->now_ns = wake_ns - 1;
		run(w);
		assert_int_equal(w->calls.count, 0);
		w->now_ns = wake_ns;
		run(w);
		assert_int_equal(w->calls.count, 1);
		assert_true(w->services[i % SERVICES].waits);
		answer(w, 0, i % 2 ? 0 : 500, i % 2 ? NULL : "{\"message\":\"no\\nway\"}");
	}
	w->now_ns = ipam_wake_ns(w->m);
	settle(w); /* one answer, and all go on */
	later(w, 70 * NS_PER_S);
	for (unsigned i = 0; i < ADDRESSES; i++)
		assert_false(w->services[i].waits);
}

static void test_after_an_outage_the_list_is_looked_at(void **state)
{
	struct world *w = *state;

	settle(w);
	struct svc *s = want_families(w, 0, FAMILIES_V4);
	run(w);
	answer(w, 0, 0, NULL);
	cJSON *list = cJSON_AddArrayToObject(w->leases, CLUSTER "/p/u9"); /* one too many */
	cJSON_AddItemToArray(list, cJSON_CreateString("192.0.2.9"));
	later(w, NS_PER_S);
	assert_int_equal(s->held.count, 1);
	assert_int_equal(cJSON_GetArraySize(w->leases), 1);
}

static void test_what_is_offered_is_not_released_before_the_decision(void **state)
{
	struct world *w = *state;

	settle(w);
	want_families(w, 0, FAMILIES_V4);
	run(w);
	answer(w, 0, 200, NULL);
	ipam_calls(w->m, w->now_ns, &w->calls);
	assert_int_equal(w->calls.count, 0);
}

static void test_what_is_in_use_again_before_its_release_stays(void **state)
{
	struct world *w = *state;
	struct svc *s = want_families(w, 0, FAMILIES_V4);

	settle(w);
	struct ip_list was = s->held;
	s->held.count = 0;
	ipam_freed(w->m, &was.ips[0]);
	s->held = was; /* as a reservation, or another who shares it, takes it in the same run */
	ipam_calls(w->m, w->now_ns, &w->calls);
	assert_int_equal(w->calls.count, 0);
	settle(w);
	assert_int_equal(cJSON_GetArraySize(w->leases), 1);
}

static void test_retry_after_is_heeded(void **state)
{
	struct world *w = *state;
	struct ipam_answer a;

	settle(w);
	want_families(w, 0, FAMILIES_V4);
	run(w);
	struct ipam_call *c = take(&w->calls, 0);
	ipam_answer_parse(c->kind, 429, "", 0, 100, &a);
	ipam_answered(w->m, c->id, &a, w->now_ns);
	ipam_call_free(c);
	assert_int_equal(ipam_wake_ns(w->m), w->now_ns + 100 * NS_PER_S);
}

static void test_one_lease_that_always_fails_does_not_starve_the_others(void **state)
{
	struct world *w = *state;

	settle(w);
	want_families(w, 0, FAMILIES_V4);
	for (unsigned round = 0; round < 40; round++) {
		if (round == 5) {
			for (unsigned i = 1; i < 5; i++)
				want_families(w, i, FAMILIES_V4);
		}
		run(w);
		while (w->calls.count > 0) {
			bool poison = w->calls.items[0]->body != NULL &&
				      strstr(w->calls.items[0]->body, "u0.0") != NULL;

			answer(w, 0, poison ? 500 : 200, poison ? "{}" : NULL);
			run(w);
		}
		w->now_ns += NS_PER_S;
	}
	assert_true(w->services[0].waits && w->services[0].away);
	for (unsigned i = 1; i < 5; i++)
		assert_int_equal(w->services[i].held.count, 1);
	assert_true(w->made < 30);
}

static void test_a_refusal_is_asked_again_later_and_at_once_when_one_falls_free(void **state)
{
	struct world *w = *state;

	for (unsigned i = 0; i < ADDRESSES; i++)
		want_families(w, i, FAMILIES_V4);
	settle(w);
	struct svc *s = want_families(w, 10, FAMILIES_V4);
	settle(w);
	assert_true(s->denied);
	unsigned made = w->made;
	later(w, 40 * NS_PER_S);
	assert_int_equal(w->made, made);
	later(w, 30 * NS_PER_S);
	assert_int_equal(w->made, made + 1);
	gone(w, 3);
	settle(w);
	assert_int_equal(s->held.count, 1);
}

static void test_wrong_answers_are_refused_and_released(void **state)
{
	struct world *w = *state;
	static const struct {
		const char *body;
		bool away; /* no answer at all; else one that cannot be used */
	} table[] = {
		{ "{\"addresses\":[\"10.9.9.9\"]}", false },
		{ "{\"addresses\":[\"2001:db8::5\"]}", false },
		{ "{\"addresses\":[\"192.0.2.3\",\"192.0.2.4\"]}", false },
		{ "{\"addresses\":[\"192.0.2.1\"]}", false }, /* held by s1 */
		{ "{\"addresses\":[]}", true },
		{ "{\"addresses\":[\"192.0.2.3\",\"192.0.2.3\"]}", true },
		{ "{\"addresses\":[\"192.0.2.300\"]}", true },
		{ "{\"addresses\":\"192.0.2.3\"}", true },
		{ "<html>", true },
		{ "", true },
	};

	want_families(w, 1, FAMILIES_V4);
	settle(w);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct svc *s = want_families(w, 0, FAMILIES_V4);

		run(w);
		assert_int_equal(w->calls.count, 1);
		answer(w, 0, 200, table[i].body);
		run(w);
		assert_int_equal(s->held.count, 0);
		assert_int_equal(s->denied, !table[i].away);
		assert_int_equal(s->away, table[i].away);
		if (!table[i].away) { /* what it named goes back */
			assert_int_equal(w->calls.count, 1);
			assert_int_equal(w->calls.items[0]->kind, IPAM_RELEASE);
			assert_non_null(strstr(w->calls.items[0]->body, "\"addresses\":[\""));
		}
		gone(w, 0);
		for (unsigned n = 0; n < 5; n++)
			later(w, 20 * NS_PER_S);
		assert_int_equal(cJSON_GetArraySize(w->leases), 1);
	}
}

static void test_a_pool_without_its_hook_keeps_holders_and_still_releases(void **state)
{
	struct world *w = *state;
	struct config none = { 0 };

	want_families(w, 0, FAMILIES_V4);
	want_families(w, 1, FAMILIES_V4);
	settle(w);
	ipam_set_config(w->m, &none);
	settle(w);
	assert_int_equal(cJSON_GetArraySize(w->leases), 2);
	gone(w, 0);
	settle(w);
	assert_int_equal(cJSON_GetArraySize(w->leases), 1);
	ipam_set_config(w->m, &w->config); /* and back */
	settle(w);
	assert_int_equal(cJSON_GetArraySize(w->leases), 1);
	assert_int_equal(w->services[1].held.count, 1);
}

static void test_a_hook_that_changes_is_asked_at_once(void **state)
{
	struct world *w = *state;
	struct svc *s = want_families(w, 0, FAMILIES_V4);

	for (unsigned i = 0; i < 8; i++) { /* long pauses by now */
		w->now_ns += i * 10 * NS_PER_S;
		run(w);
		while (w->calls.count > 0) {
			answer(w, 0, 0, NULL);
			run(w);
		}
	}
	assert_true(s->away);
	ipam_set_config(w->m, &w->config);
	settle(w);
	assert_int_equal(s->held.count, 0); /* nothing new */
	w->pools[0].ipam.token_file = "/right";
	ipam_set_config(w->m, &w->config);
	settle(w);
	assert_int_equal(s->held.count, 1);
}

static void test_who_leads_no_longer_forgets(void **state)
{
	struct world *w = *state;
	struct svc *s = want_families(w, 0, FAMILIES_V4);

	run(w);
	ipam_forget(w->m);
	while (w->calls.count > 0)
		answer(w, 0, 200, NULL); /* nobody knows these calls */
	assert_int_equal(ipam_wake_ns(w->m), 0);
	run(w);
	assert_int_equal(s->held.count, 0);
	w->dirty[0] = true;
	settle(w);
	assert_int_equal(s->held.count, 1);
	assert_int_equal(cJSON_GetArraySize(w->leases), 1);
}

/* --- anything goes ----------------------------------------------------------------------- */

/* One call meets its fate. */
static void fate(struct world *w)
{
	size_t at = rng_below(&w->rng, w->calls.count);
	struct ipam_answer a;

	if (rng_below(&w->rng, 100) >= w->down) {
		answer(w, at, 200, NULL);
		return;
	}
	switch (rng_below(&w->rng, 5)) {
	case 0: /* lost on the way there */
		answer(w, at, 0, NULL);
		break;
	case 1: /* lost on the way back */
		serve(w->leases, w->calls.items[at], &a);
		ipam_answer_done(&a);
		answer(w, at, 0, NULL);
		break;
	case 2:
		answer(w, at, 500, "{}");
		break;
	case 3: /* given up, and done much later */ {
		struct ipam_call *c = take(&w->calls, at);

		ipam_answer_none("Timeout was reached", &a);
		ipam_answered(w->m, c->id, &a, w->now_ns);
		*(struct ipam_call **)array_push(&w->zombies) = c;
		break;
	}
	default:
		answer(w, at, 200, "[]");
	}
}

static void one_step(struct world *w)
{
	unsigned at = (unsigned)rng_below(&w->rng, SERVICES);
	char ip[64];
	struct ipam_answer a;

	switch (rng_below(&w->rng, 12)) {
	case 0:
		want_families(w, at, 1 + (unsigned)rng_below(&w->rng, 3));
		break;
	case 1:
		snprintf(ip, sizeof(ip), "192.0.2.%u", 1 + (unsigned)rng_below(&w->rng, ADDRESSES));
		want_ip(w, at, ip);
		break;
	case 2:
		if (w->services[at].there)
			gone(w, at);
		break;
	case 3:
		if (rng_below(&w->rng, 20) == 0) {
			drop_calls(&w->calls);
			restart(w);
		}
		break;
	case 4:
		if (rng_below(&w->rng, 20) == 0) {
			ipam_forget(w->m);
			memset(w->dirty, true, sizeof(w->dirty));
		}
		break;
	case 5:
		w->now_ns += rng_below(&w->rng, 3 * NS_PER_S);
		break;
	case 6:
		if (w->zombies.count > 0) {
			struct ipam_call *c = take(&w->zombies, 0);

			serve(w->leases, c, &a);
			ipam_answer_done(&a);
			ipam_call_free(c);
		}
		break;
	default:
		if (w->calls.count > 0)
			fate(w);
	}
	run(w);
	assert_true(w->calls.count <= 64);
}

/* No address twice, and the server holds what the books hold. */
static void check_end(struct world *w, uint64_t seed)
{
	unsigned held = 0, listed = 0;
	const cJSON *lease;
	char ip[IP_TEXT_MAX];

	for (size_t i = 0; i < SERVICES; i++) {
		const struct svc *s = &w->services[i];

		if (s->there && (s->waits || (!s->denied && s->held.count == 0)))
			fail_msg("seed %llu: %s waits", (unsigned long long)seed, s->name);
		held += s->held.count;
		for (unsigned n = 0; n < s->held.count; n++) {
			if (!server_leased(w->leases, ip_format(&s->held.ips[n], ip), NULL))
				fail_msg("seed %llu: %s of %s is in no lease",
					 (unsigned long long)seed, ip, s->name);
		}
	}
	cJSON_ArrayForEach (lease, w->leases)
		listed += (unsigned)cJSON_GetArraySize(lease);
	if (listed != held)
		fail_msg("seed %llu: %u held, %u leased", (unsigned long long)seed, held, listed);
}

static void test_random_faults_lose_no_address(void **state)
{
	for (uint64_t seed = 1; seed <= 60; seed++) {
		void *sub;
		world_open(&sub);
		struct world *w = sub;

		w->rng = rng_seeded(seed);
		w->down = (unsigned)rng_below(&w->rng, 90);
		for (unsigned i = 0; i < 1500; i++)
			one_step(w);
		while (w->zombies.count > 0) {
			struct ipam_answer a;
			struct ipam_call *c = take(&w->zombies, 0);

			serve(w->leases, c, &a);
			ipam_answer_done(&a);
			ipam_call_free(c);
		}
		w->down = 0;
		for (unsigned i = 0; i < 40; i++) /* back-offs, refusals, and two lists */
			later(w, 61 * NS_PER_S);
		check_end(w, seed);
		if (seed < 60)
			ipam_free(w->m), w->m = NULL, drop_calls(&w->calls),
					 drop_calls(&w->zombies), cJSON_Delete(w->leases),
					 intern_unref(w->pools[0].name), free(w);
		else
			world_close(&sub);
	}
	(void)state;
}

/* --- requests and answers ---------------------------------------------------------------- */

static void test_answers_are_read_as_the_page_says(void **state)
{
	static const struct {
		enum ipam_kind kind;
		int status;
		const char *body;
		enum ipam_result result;
		const char *why;
	} table[] = {
		{ IPAM_ALLOCATE, 200, "{\"addresses\":[\"192.0.2.1\"],\"x\":1}", IPAM_OK, "" },
		{ IPAM_ALLOCATE, 409, "{\"message\":\"full\"}", IPAM_REFUSED, "full" },
		{ IPAM_ALLOCATE, 404, "{}", IPAM_REFUSED, "" },
		{ IPAM_ALLOCATE, 404, "<html>", IPAM_FAILED, "it answers 404" },
		{ IPAM_ALLOCATE, 409, "", IPAM_FAILED, "it answers 409" },
		{ IPAM_ALLOCATE, 302, "", IPAM_FAILED, "it answers 302" },
		{ IPAM_ALLOCATE, 201, "{\"addresses\":[\"192.0.2.1\"]}", IPAM_FAILED,
		  "it answers 201" },
		{ IPAM_ALLOCATE, 401, "{\"message\":\" a\\u001b[31m\\n\\u0085b \\u202e\"}",
		  IPAM_FAILED, "it answers 401: a [31m b \xe2\x80\xae" },
		{ IPAM_ALLOCATE, 500, "{\"message\":7}", IPAM_FAILED, "it answers 500" },
		{ IPAM_RELEASE, 200, "", IPAM_OK, "" },
		{ IPAM_RELEASE, 404, "{}", IPAM_OK, "" },
		{ IPAM_RELEASE, 404, "not found", IPAM_FAILED, "it answers 404" },
		{ IPAM_RELEASE, 409, "{}", IPAM_FAILED, "it answers 409" },
		{ IPAM_LIST, 200, "{\"leases\":[{\"key\":\"a\",\"addresses\":[]}]}", IPAM_OK, "" },
		{ IPAM_LIST, 200, "{\"leases\":[{\"addresses\":[]}]}", IPAM_FAILED,
		  "it answers without a list of leases" },
		{ IPAM_LIST, 200, "{\"leases\":[{\"key\":\"a\",\"addresses\":[7]}]}", IPAM_FAILED,
		  "it answers without a list of leases" },
		{ IPAM_LIST, 404, "{}", IPAM_FAILED, "it answers 404" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct ipam_answer a;

		ipam_answer_parse(table[i].kind, table[i].status, table[i].body,
				  strlen(table[i].body), 0, &a);
		assert_int_equal(a.result, table[i].result);
		assert_string_equal(a.why, table[i].why);
		ipam_answer_done(&a);
	}
}

static void test_a_long_message_is_cut_between_characters(void **state)
{
	char body[2048] = "{\"message\":\"x";
	struct ipam_answer a;

	(void)state;
	for (unsigned i = 0; i < 200; i++)
		strcat(body, "\xe2\x82\xac"); /* the euro sign */
	strcat(body, "\"}");
	ipam_answer_parse(IPAM_ALLOCATE, 409, body, strlen(body), 0, &a);
	assert_int_equal(strlen(a.why), 1 + 66 * 3);
}

static void test_requests_are_as_the_page_shows_them(void **state)
{
	struct ip_addr ips[] = { ip_of("192.0.2.7"), ip_of("2001:db8:1::7") };

	(void)state;
	char *body = ipam_body("k", "public", "web", "front", "51b2", FAMILIES_BOTH,
			       (struct ips){ NULL, 0 });
	assert_string_equal(body, "{\"key\":\"k\",\"pool\":\"public\",\"service\":{\"namespace\":"
				  "\"web\",\"name\":\"front\",\"uid\":\"51b2\"},\"families\":"
				  "[\"IPv4\",\"IPv6\"]}");
	free(body);
	body = ipam_body("k", "public", NULL, NULL, NULL, 0, (struct ips){ ips, 2 });
	assert_string_equal(body, "{\"key\":\"k\",\"pool\":\"public\",\"addresses\":"
				  "[\"192.0.2.7\",\"2001:db8:1::7\"]}");
	free(body);
	char *path = ipam_list_path("8c0f/public/");
	assert_string_equal(path, "/v1/leases?prefix=8c0f%2Fpublic%2F");
	free(path);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_open, world_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_an_address_is_asked_for_held_and_released),
		TEST(test_a_repeat_after_a_crash_gives_the_same_address),
		TEST(test_a_lost_answer_is_asked_for_again_and_a_lost_wish_released),
		TEST(test_what_falls_free_while_nobody_runs_is_released),
		TEST(test_leases_of_others_are_left_alone),
		TEST(test_what_is_held_already_is_asked_for_once_the_list_is_known),
		TEST(test_a_server_that_disagrees_is_told_once_and_the_address_kept),
		TEST(test_of_two_addresses_each_is_agreed_on_alone),
		TEST(test_a_request_moves_the_lease),
		TEST(test_while_away_one_call_at_a_time_with_a_growing_pause),
		TEST(test_after_an_outage_the_list_is_looked_at),
		TEST(test_what_is_offered_is_not_released_before_the_decision),
		TEST(test_what_is_in_use_again_before_its_release_stays),
		TEST(test_retry_after_is_heeded),
		TEST(test_one_lease_that_always_fails_does_not_starve_the_others),
		TEST(test_a_refusal_is_asked_again_later_and_at_once_when_one_falls_free),
		TEST(test_wrong_answers_are_refused_and_released),
		TEST(test_a_pool_without_its_hook_keeps_holders_and_still_releases),
		TEST(test_a_hook_that_changes_is_asked_at_once),
		TEST(test_who_leads_no_longer_forgets),
		cmocka_unit_test(test_random_faults_lose_no_address),
		cmocka_unit_test(test_answers_are_read_as_the_page_says),
		cmocka_unit_test(test_a_long_message_is_cut_between_characters),
		cmocka_unit_test(test_requests_are_as_the_page_shows_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
