// SPDX-License-Identifier: Apache-2.0
/*
 * Candidates for one Lease in a world that is against them: clocks that run at different speeds,
 * requests and answers that are late, lost, or land long after they were given up, watches that are
 * behind, processes that are stopped for longer than the lease, that die, leave and come again, and
 * people who edit the Lease.
 *
 * At every step: at most one leads. And what the Lease is for: between the first thing that a
 * leader may do and the last write of his predecessor that may still land, there is no overlap.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/duration.h"
#include "lib/base/rng.h"
#include "lib/kube/lease.h"

#define MS         NS_PER_MS
#define CANDIDATES 4
#define SEEDS      200
#define WORLD_NS   (400 * NS_PER_S)
#define STEP_NS    (20 * MS)
#define LETTERS    64
#define DRIFT      10 /* percent, either way */

#define DURATION_NS (6 * NS_PER_S)
#define DEADLINE_NS (4 * NS_PER_S)
#define RETRY_NS    (1 * NS_PER_S)

/* The Lease as the server has it. Its times stand for themselves: a new one each write. */
static struct {
	bool there;
	char holder[32];
	unsigned long version, renewed, acquired;
	int64_t duration_s, transitions;
} server;

struct candidate {
	struct kube_lease *lease; /* NULL: dead */
	char identity[32];
	unsigned life;
	uint64_t rate; /* of its clock, per mille */
	uint64_t base_ns, base_at_ns;
	uint64_t stopped_until_ns; /* of the world */
	unsigned long version;     /* of the Lease as it knows it */
	unsigned long request;     /* the one under way; 0: none */
	uint64_t gives_up_ns;      /* on it; of its own clock */
	bool acted;
	uint64_t landing_ns; /* of the world: until then something that it sent may land */
};

/* On its way to the server, or back. */
struct letter {
	enum { NONE, REQUEST, ANSWER, NEWS } what;
	uint64_t at_ns;
	unsigned from, life;
	unsigned long request, version;
	enum kube_lease_todo todo;
	enum kube_lease_outcome outcome;
	bool there;
	char holder[32];
	unsigned long renewed, acquired;
	int64_t duration_s, transitions;
};

static struct candidate candidates[CANDIDATES];
static struct letter letters[LETTERS];
static uint64_t world_ns;
static unsigned long requests;
static struct rng rng;
static uint64_t seed;
static unsigned led, released, edits;

static uint64_t clock_of(const struct candidate *c)
{
	return c->base_ns + (world_ns - c->base_at_ns) / 1000 * c->rate;
}

static struct letter *post(uint64_t delay_ns)
{
	for (size_t i = 0; i < LETTERS; i++) {
		if (letters[i].what == NONE) {
			letters[i] = (struct letter){ .at_ns = world_ns + delay_ns };
			return &letters[i];
		}
	}
	return NULL; /* the network drops what is too much for it */
}

static uint64_t some_delay(void)
{
	switch (rng_below(&rng, 20)) {
	case 0:
		return rng_below(&rng, 12 * NS_PER_S); /* longer than the lease */
	case 1:
	case 2:
		return rng_below(&rng, 2 * NS_PER_S);
	default:
		return rng_below(&rng, 50 * MS);
	}
}

static void copy_lease(struct letter *l)
{
	l->there = server.there;
	l->version = server.version;
	l->renewed = server.renewed;
	l->acquired = server.acquired;
	l->duration_s = server.duration_s;
	l->transitions = server.transitions;
	strcpy(l->holder, server.holder);
}

static void birth(struct candidate *c)
{
	unsigned i = (unsigned)(c - candidates);

	c->life++;
	snprintf(c->identity, sizeof(c->identity), "c%u-%u", i, c->life);
	c->rate = 1000 - DRIFT * 10 + rng_below(&rng, 2 * DRIFT * 10 + 1);
	c->base_ns = rng_below(&rng, 1000 * NS_PER_S);
	c->base_at_ns = world_ns;
	c->request = 0;
	c->acted = false;
	c->lease = kube_lease_new(&(struct kube_lease_cfg){ .identity = c->identity,
							    .duration_ns = DURATION_NS,
							    .renew_deadline_ns = DEADLINE_NS,
							    .retry_ns = RETRY_NS,
							    .seed = rng_next(&rng) });
	kube_lease_want(c->lease, true, clock_of(c));
}

static void death(struct candidate *c)
{
	c->lease = kube_lease_free(c->lease);
}

/* The watch of each of them. */
static void tell_all(void)
{
	for (unsigned i = 0; i < CANDIDATES; i++) {
		struct letter *l = post(some_delay());

		if (l == NULL)
			continue;
		l->what = NEWS;
		l->from = i;
		l->life = candidates[i].life;
		copy_lease(l);
	}
}

/* The server's part: optimistic locking by version, and the watch. */
static void serve(const struct letter *in)
{
	bool ok = true, changed = false;
	const struct letter request = *in;

	switch (request.todo) {
	case LEASE_GET:
	case LEASE_NOTHING:
		break;
	case LEASE_CREATE:
		ok = !server.there;
		break;
	default:
		ok = server.there && server.version == request.version;
	}
	if (ok && request.todo != LEASE_GET) {
		changed = true;
		server.version++;
		server.renewed++;
		if (request.todo != LEASE_RENEW)
			server.acquired = server.renewed;
		server.transitions = request.todo == LEASE_CREATE    ? 0
				     : request.todo == LEASE_ACQUIRE ? server.transitions + 1
								     : server.transitions;
		server.there = true;
		server.duration_s =
			request.todo == LEASE_RELEASE ? 1 : (int64_t)(DURATION_NS / NS_PER_S);
		snprintf(server.holder, sizeof(server.holder), "c%u-%u", request.from,
			 request.life);
		if (request.todo == LEASE_RELEASE)
			server.holder[0] = '\0';
		released += request.todo == LEASE_RELEASE;
	}
	struct letter *l = rng_below(&rng, 10) == 0 ? NULL : post(some_delay());
	if (l != NULL) {
		l->what = ANSWER;
		l->from = request.from;
		l->life = request.life;
		l->request = request.request;
		l->todo = request.todo;
		l->outcome = ok ? LEASE_DONE : LEASE_CONFLICT;
		copy_lease(l);
	}
	if (changed)
		tell_all();
}

static void receive(struct candidate *c, const struct letter *l)
{
	char renewed[24], acquired[24];
	const struct kube_lease_record r = { l->holder, acquired, renewed, l->duration_s,
					     l->transitions };
	uint64_t now = clock_of(c);

	snprintf(renewed, sizeof(renewed), "%lu", l->renewed);
	snprintf(acquired, sizeof(acquired), "%lu", l->acquired);
	if (l->what == NEWS) {
		c->version = l->version;
		kube_lease_seen(c->lease, l->there ? &r : NULL, false, now);
		return;
	}
	if (l->request != c->request) /* given up since */
		return;
	c->request = 0;
	if (l->outcome == LEASE_DONE)
		c->version = l->version;
	kube_lease_answer(c->lease, l->outcome, l->there ? &r : NULL, false, now);
}

static void run(struct candidate *c)
{
	uint64_t now = clock_of(c);

	if (c->request != 0 && now >= c->gives_up_ns) {
		c->request = 0;
		kube_lease_answer(c->lease, LEASE_FAILED, NULL, false, now);
	}
	enum kube_lease_todo todo = kube_lease_take(c->lease, now);
	if (todo == LEASE_NOTHING)
		return;
	c->request = ++requests;
	c->gives_up_ns = now + DEADLINE_NS / 2;
	struct letter *l = rng_below(&rng, 10) == 0 ? NULL : post(some_delay());
	if (l == NULL)
		return;
	l->what = REQUEST;
	l->from = (unsigned)(c - candidates);
	l->life = c->life;
	l->request = requests;
	l->version = c->version;
	l->todo = todo;
}

/* Somebody who leads writes all the time that he may. */
static void act(struct candidate *c)
{
	uint64_t now = clock_of(c), write_ns = kube_lease_write_ns(DURATION_NS);

	if (!kube_lease_leads(c->lease) || now < kube_lease_quiet_ns(c->lease)) {
		c->acted = false;
		return;
	}
	if (!c->acted) { /* lists, and believes what it sees */
		led++;
		for (size_t i = 0; i < CANDIDATES; i++) {
			const struct candidate *other = &candidates[i];

			if (other->landing_ns >
			    world_ns) /* of its own, from an earlier term, too */
				fail_msg("seed %llu: at %llu ms candidate %zu may still write for "
					 "%llu ms when %s begins",
					 (unsigned long long)seed,
					 (unsigned long long)(world_ns / MS), i,
					 (unsigned long long)((other->landing_ns - world_ns) / MS),
					 c->identity);
		}
	}
	c->acted = true;
	/* As the gate has it. A write is given up after write_ns of the own, slow or fast clock. */
	uint64_t until = kube_lease_until_ns(c->lease);
	if (until > now && until - now > write_ns)
		c->landing_ns = world_ns + write_ns * 1000 / c->rate;
}

static void fate(struct candidate *c)
{
	if (c->lease == NULL) {
		if (rng_below(&rng, 100) == 0)
			birth(c);
		return;
	}
	switch (rng_below(&rng, 2000)) {
	case 0:
		death(c); /* as by kill -9 */
		break;
	case 1:
		c->stopped_until_ns = world_ns + rng_below(&rng, 20 * NS_PER_S);
		break;
	case 2:
		kube_lease_want(c->lease, false, clock_of(c));
		break;
	case 3:
		kube_lease_want(c->lease, true, clock_of(c));
		break;
	default:
		break;
	}
	/* Its writes have been answered, or had their time. */
	if (c->lease != NULL && c->landing_ns <= world_ns)
		kube_lease_drained(c->lease);
}

/* Somebody edits the Lease, in a way that does not look like a release. */
static void meddle(void)
{
	if (!server.there || rng_below(&rng, 500) != 0)
		return;
	edits++;
	server.version++;
	switch (rng_below(&rng, 4)) {
	case 0:
		server.holder[0] = '\0';
		break;
	case 1:
		strcpy(server.holder, "nobody");
		break;
	case 2:
		server.duration_s = 0;
		break;
	default:
		server.holder[0] = '\0';
		server.duration_s = 0;
	}
	tell_all();
}

static void check_one_leader(void)
{
	const struct candidate *leader = NULL;

	for (size_t i = 0; i < CANDIDATES; i++) {
		const struct candidate *c = &candidates[i];
		/* What a process that is stopped believes is seen when it goes on, by the gate. */
		if (c->lease == NULL || c->stopped_until_ns > world_ns ||
		    !kube_lease_leads(c->lease))
			continue;
		if (leader != NULL)
			fail_msg("seed %llu: at %llu ms both %s and %s lead",
				 (unsigned long long)seed, (unsigned long long)(world_ns / MS),
				 leader->identity, c->identity);
		leader = c;
	}
}

static void deliver(void)
{
	for (size_t i = 0; i < LETTERS; i++) {
		struct letter l = letters[i];

		if (l.what == NONE || l.at_ns > world_ns)
			continue;
		struct candidate *c = &candidates[l.from];
		if (l.what != REQUEST && c->stopped_until_ns > world_ns)
			continue;
		letters[i].what = NONE;
		if (l.what == REQUEST)
			serve(&l);
		else if (c->lease != NULL && c->life == l.life)
			receive(c, &l);
	}
}

static void world(void)
{
	memset(&server, 0, sizeof(server));
	memset(candidates, 0, sizeof(candidates));
	memset(letters, 0, sizeof(letters));
	world_ns = 0;
	rng = rng_seeded(seed);
	for (size_t i = 0; i < CANDIDATES; i++)
		birth(&candidates[i]);
	for (; world_ns < WORLD_NS; world_ns += STEP_NS) {
		deliver();
		meddle();
		for (size_t i = 0; i < CANDIDATES; i++) {
			struct candidate *c = &candidates[i];

			fate(c);
			if (c->lease == NULL || c->stopped_until_ns > world_ns)
				continue;
			run(c);
			act(c);
		}
		check_one_leader();
	}
	for (size_t i = 0; i < CANDIDATES; i++)
		death(&candidates[i]);
}

static void test_there_are_never_two_leaders(void **state)
{
	(void)state;
	for (seed = 0; seed < SEEDS; seed++)
		world();
	/* It is no proof if nobody ever leads. */
	print_message("%u terms, %u releases, %u edits\n", led, released, edits);
	assert_true(led > SEEDS * 10);
	assert_true(released > SEEDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there_are_never_two_leaders),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
