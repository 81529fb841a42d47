// SPDX-License-Identifier: Apache-2.0
/*
 * The allocator engine against a naive model of the rules (allocator_naive.h), under random inputs:
 * Services and pools with all that they can ask and say, labels of namespaces, edits of statuses by
 * others, writes that are late, refused or lost, restarts, the lead lost and won again.
 *
 * At every step: no address stands in two statuses, unless both Services share by key. When all is
 * quiet: by the model nobody could have what he waits for, or has what he may not have, a restart
 * or another leader does nothing. From there, input by input, the model foretells every status and
 * every reservation.
 *
 * SEED=N begins with that world instead of the first, WORLDS=N has as many of them, TRACE=1 tells
 * what happens. A failure says its seed: `SEED=N WORLDS=1` has the same world again.
 */
#include "allocator/reserve_map.h"
#include "tests/unit/allocator_random.h"

#define WORLDS       100
#define STEPS        1000 /* of each */
#define LATE_STEPS   60   /* with everything late, before all is let come to rest */
#define STRICT_STEPS 40   /* of which each is foretold */
#define S_NS         1000000000ull

/* What the test knows of a world, beside what the world does. */
static struct trial {
	struct naive n; /* of Services, pools and namespaces; the rest only when all is quiet */
	struct world *w;
	uint64_t seed;
	unsigned step;
	bool running, trace;
	bool vague; /* two have one address kept: who came first is not to be seen */
	bool tampered[NAIVE_SERVICES]; /* shows what the engine did not write */
	cJSON *record, *sent;          /* of reservations: there, and on its way */
} t;

static void trace(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void trace(const char *fmt, ...)
{
	va_list args;

	if (!t.trace)
		return;
	printf("# %u (%.3f s): ", t.step, (double)t.w->now_ns / 1e9);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
}

static struct thing *thing_of(const struct naive_service *s)
{
	return world_thing(t.w, service_name(&t.n, s));
}

static struct naive_service *service_named(const char *name)
{
	return &t.n.services[atoi(strchr(name, '/') + 2)];
}

/* --- the record of reservations ------------------------------------------------------ */

static struct reserve_now both_clocks(void)
{
	return (struct reserve_now){ t.w->now_ns, 1700000000 + (time_t)(t.w->now_ns / S_NS) };
}

/* The write under way ends: it lands or not, and that is told or not. */
static void record_end(bool lands, bool told)
{
	if (t.sent == NULL)
		return;
	if (lands) {
		cJSON_Delete(t.record);
		t.record = t.sent;
	} else {
		cJSON_Delete(t.sent);
	}
	t.sent = NULL;
	allocator_reservations_written(t.w->a, lands && told ? ALLOCATOR_WRITTEN : ALLOCATOR_FAILED,
				       t.w->now_ns);
}

static void on_reserve(struct world *w)
{
	assert_null(t.sent);
	t.sent = reserve_map_encode(w->a, "system", NULL, both_clocks());
	if (!w->late)
		record_end(true, true);
}

static void record_read(void)
{
	struct reserve_list list = { 0 };

	assert_int_equal(reserve_map_decode(t.record, both_clocks(), &list), 0);
	allocator_reservations_told(t.w->a, list.items, list.count);
	reserve_list_done(&list);
}

/* --- the world ----------------------------------------------------------------------- */

static bool one_of(unsigned n)
{
	return one_in(&t.w->rng, n);
}

static size_t run(void)
{
	if (allocator_reservations_needed(t.w->a) && (!t.w->late || one_of(2)))
		record_read();
	return world_run_once(t.w);
}

/* One of the things that are under way arrives. */
static bool step(void)
{
	bool lost = (unsigned)below(&t.w->rng, 100) < t.w->loss_percent;

	if (!(t.sent != NULL && one_of(4)) && world_step(t.w))
		return true;
	if (t.sent == NULL)
		return false;
	record_end(!lost || one_of(2), !lost);
	return true;
}

static void tell_namespace(int space)
{
	char name[8], labels[32] = "";

	snprintf(name, sizeof(name), "n%d", space);
	if (t.n.labels[space] > 0)
		snprintf(labels, sizeof(labels), "\"team\":\"%d\"", t.n.labels[space]);
	if (t.n.labels[space] >= 0)
		world_namespace(t.w, name, labels);
	else
		allocator_namespace_remove(t.w->a, name);
}

static void list_namespaces(struct world *w)
{
	(void)w;
	for (int i = 0; i < NAIVE_SPACES; i++)
		tell_namespace(i);
}

/* --- inputs; each gives the set of Services that it concerns ------------------------- */

#define EVERYBODY ~0u

static unsigned bit_of(const struct naive_service *s)
{
	return 1u << naive_index(&t.n, s);
}

static void service_apply(struct naive_service *s)
{
	char labels[32] = "", *spec = spec_text(s), *notes = notes_text(&t.w->rng, s);

	if (s->label > 0)
		snprintf(labels, sizeof(labels), "\"team\":\"%d\"", s->label);
	trace("apply %s %s {%s} {%s}", service_name(&t.n, s), spec, notes, labels);
	world_apply(t.w, service_name(&t.n, s), spec, notes, labels);
	free(spec);
	free(notes);
	if (!s->load_balancer)
		s->shown.count = 0; /* the server does that */
}

static unsigned input_apply(struct naive_service *s)
{
	struct rng *rng = &t.w->rng;

	if (!s->there || one_of(4)) {
		s->there = true;
		for (int i = 0; i < ASPECTS; i++)
			random_aspect(rng, &t.n, s, i);
	} else {
		random_aspect(rng, &t.n, s, below(rng, ASPECTS));
	}
	if (!naive_is_ours(&t.n, s))
		t.tampered[naive_index(&t.n, s)] = true;
	service_apply(s);
	return bit_of(s);
}

static unsigned input_delete(struct naive_service *s)
{
	trace("delete %s", service_name(&t.n, s));
	if (s->there)
		world_delete(t.w, service_name(&t.n, s));
	naive_delete(&t.n, s);
	t.tampered[naive_index(&t.n, s)] = false;
	return bit_of(s);
}

/* Somebody writes a status: takes it away, or puts in what may be another's. */
static unsigned input_status(struct naive_service *s)
{
	struct rng *rng = &t.w->rng;
	struct naive_list list = { .count = 0 };

	if (!s->there || !s->load_balancer)
		return 0;
	for (int i = below(rng, 3); i > 0; i--) {
		int at = random_spot(rng, &t.n, one_of(2) ? V4 : V6);
		const struct naive_service *other = &t.n.services[below(rng, NAIVE_SERVICES)];

		if (one_of(4) && other->shown.count > 0)
			at = other->shown.at[0];
		if (!naive_has(&list, at))
			list.at[list.count++] = at;
	}
	s->news = !naive_same(&s->shown, &list);
	s->shown = list;
	const char *ip1 = list.count > 0 ? spot_text(list.at[0]) : NULL;
	const char *ip2 = list.count > 1 ? spot_text(list.at[1]) : NULL;
	trace("status %s %s %s", service_name(&t.n, s), ip1 != NULL ? ip1 : "-",
	      ip2 != NULL ? ip2 : "-");
	world_status(t.w, service_name(&t.n, s), ip1, ip2);
	t.tampered[naive_index(&t.n, s)] = true;
	return bit_of(s);
}

static unsigned input_pools(void)
{
	struct rng *rng = &t.w->rng;
	struct text text = { .len = 0 };

	if (one_of(12)) {
		for (unsigned i = 0; i < NAIVE_POOLS; i++)
			t.n.pools[i].there = false;
	} else if (one_of(6)) {
		t.n.pools[below(rng, NAIVE_POOLS)].there = false;
	} else {
		struct naive_pool *p = &t.n.pools[below(rng, NAIVE_POOLS)], old = *p;

		random_pool(rng, &t.n, p);
		if (old.there && one_of(2)) { /* only its other fields change */
			memcpy(p->ranges, old.ranges, sizeof(p->ranges));
			memcpy(p->exclude, old.exclude, sizeof(p->exclude));
			p->range_count = old.range_count;
			p->exclude_count = old.exclude_count;
			p->there = true;
		}
	}
	t.n.complete = !one_of(4);
	pools_write(&text, &t.n);
	trace("pools %s%s", text.at, t.n.complete ? "" : ", not all");
	world_pools_complete(t.w, text.at, t.n.complete);
	t.n.freed = true;
	return EVERYBODY;
}

static unsigned input_namespace(void)
{
	unsigned dirty = 0;
	int space = below(&t.w->rng, NAIVE_SPACES);

	t.n.labels[space] = below(&t.w->rng, 4) - 1;
	trace("namespace n%d %d", space, t.n.labels[space]);
	tell_namespace(space);
	for (unsigned i = 0; i < NAIVE_SERVICES; i++) {
		if (t.n.services[i].space == space)
			dirty |= 1u << i;
	}
	return dirty;
}

static unsigned random_input(void)
{
	struct naive_service *s = &t.n.services[below(&t.w->rng, NAIVE_SERVICES)];

	switch (below(&t.w->rng, 20)) {
	case 0:
		return input_pools();
	case 1:
		return input_namespace();
	case 2:
		return input_status(s);
	case 3:
	case 4:
	case 5:
		return input_delete(s);
	default:
		return input_apply(s);
	}
}

/* --- what others do ------------------------------------------------------------------ */

/* What another leader lives through. */
static void lead_elsewhere(struct world *w)
{
	trace("led elsewhere");
	for (int i = below(&w->rng, 30); i > 0; i--) {
		if (one_of(3))
			random_input();
		run();
		step();
	}
	record_end(true, true); /* it releases when that has ended */
}

static void nothing_happens(struct world *w)
{
	(void)w;
	while (run() > 0)
		step();
}

static void restart(void)
{
	trace("restart");
	record_end(one_of(2), false);
	world_restart(t.w);
}

static void change_leader(void (*meanwhile)(struct world *w))
{
	trace("lead lost");
	record_end(one_of(2), false);
	world_change_leader(t.w, meanwhile);
	trace("lead won");
}

/* --- what has to hold at every step -------------------------------------------------- */

static void check_no_address_twice(void)
{
	for (size_t i = 0; i < NAIVE_SERVICES; i++) {
		const struct naive_service *x = &t.n.services[i];
		const struct thing *a = thing_of(x);

		for (size_t k = 0; k < i && a != NULL && a->there && !t.tampered[i]; k++) {
			const struct naive_service *y = &t.n.services[k];
			const struct thing *b = thing_of(y);

			if (b == NULL || !b->there || t.tampered[k] ||
			    (may_share(&t.n, x) && may_share(&t.n, y)))
				continue;
			for (unsigned m = 0; m < a->ip_count * b->ip_count; m++) {
				const char *ip = a->ips[m / b->ip_count];

				if (strcmp(ip, b->ips[m % b->ip_count]) == 0)
					fail_msg("%s is in the status of %s and of %s", ip, a->name,
						 b->name);
			}
		}
	}
}

/* --- what has to hold when all is quiet ---------------------------------------------- */

static const char *list_text(const struct naive_list *l)
{
	static char texts[2][NAIVE_IPS * IP_TEXT_MAX];
	static unsigned next;
	char *text = texts[next++ % 2];
	size_t len = 0;

	*text = '\0';
	for (unsigned i = 0; i < l->count; i++)
		len += (size_t)sprintf(text + len, " %s", spot_text(l->at[i]));
	return text;
}

static void trace_server(void)
{
	for (unsigned i = 0; t.trace && i < NAIVE_SERVICES; i++) {
		const struct naive_service *s = &t.n.services[i];

		if (s->shown.count > 0 || s->kept.count > 0)
			trace("  %s shows%s of %d, kept%s", service_name(&t.n, s),
			      list_text(&s->shown), s->shown_pool, list_text(&s->kept));
	}
}

static bool any_pool_reserves(void)
{
	for (unsigned i = 0; i < NAIVE_POOLS; i++) {
		if (t.n.pools[i].there && t.n.pools[i].reserve_s > 0)
			return true;
	}
	return false;
}

/* The model of what the server has: who holds what, and what is kept for whom. */
static void look_at_server(void)
{
	struct naive *n = &t.n;
	struct reserve_list kept = { 0 };

	n->now_s = (long)(t.w->now_ns / S_NS);
	n->use_count = 0;
	t.vague = false;
	for (unsigned i = 0; i < NAIVE_SERVICES; i++) {
		struct naive_service *s = &n->services[i];
		const struct thing *at = thing_of(s);

		s->held.count = s->shown.count = s->kept.count = s->hint.count = 0;
		s->strip = false;
		s->shown_pool = -1;
		for (unsigned k = 0; s->there && k < at->ip_count; k++)
			s->shown.at[s->shown.count++] = spot_parse(at->ips[k]);
		for (int k = 0; s->there && k < NAIVE_POOLS; k++) {
			if (strcmp(at->pool, pool_names[k]) == 0)
				s->shown_pool = k;
		}
		s->news = !naive_is_ours(n, s); /* to be looked at if it is one day */
		if (!s->news)
			s->held = s->shown;
		for (unsigned k = 0; k < s->held.count; k++)
			naive_use(n, s, s->held.at[k], naive_terms_of(s));
		if (!naive_no_pools(n) || n->complete)
			t.tampered[i] = s->there && !naive_is_ours(n, s);
	}
	assert_int_equal(reserve_map_decode(t.record, both_clocks(), &kept), 0);
	/* Where no pool reserves, nobody reads the record, and it may be stale. */
	for (size_t i = 0; any_pool_reserves() && i < kept.count; i++) {
		const struct allocator_reservation *r = &kept.items[i];
		struct naive_service *s = &n->services[atoi(r->name + 1)];
		char ip[IP_TEXT_MAX];

		s->until_s = (long)(r->until_ns / S_NS);
		if (s->until_s <= n->now_s)
			s->until_s = n->now_s + 1; /* that is rounded */
		for (unsigned k = 0; k < r->ip_count; k++) {
			int spot = spot_parse(ip_format(&r->ips[k], ip));

			s->kept.at[s->kept.count++] = spot;
			if (naive_blocked(n, s, spot, (struct naive_terms){ 0 }))
				t.vague = true;
			else
				naive_use(n, s, spot, (struct naive_terms){ 0 });
		}
	}
	reserve_list_done(&kept);
	n->freed = false;
	trace_server();
}

/* Hold what the server shows against what the model, @was before, foretold. */
static void compare(const struct naive *told, const char *what)
{
	for (unsigned i = 0; i < NAIVE_SERVICES && !t.vague; i++) {
		const struct naive_service *is = &t.n.services[i], *wanted = &told->services[i];

		if (!naive_same(&is->shown, &wanted->shown) ||
		    (is->load_balancer && is->shown_pool != wanted->shown_pool))
			fail_msg("%s: %s shows%s (%d), by the model%s (%d); %s", what,
				 service_name(&t.n, is), list_text(&is->shown), is->shown_pool,
				 list_text(&wanted->shown), wanted->shown_pool,
				 is->there ? world_view(t.w, service_name(&t.n, is)).reason : "");
		if (any_pool_reserves() && !naive_same(&is->kept, &wanted->kept))
			fail_msg("%s: for %s is kept%s, by the model%s", what,
				 service_name(&t.n, is), list_text(&is->kept),
				 list_text(&wanted->kept));
	}
}

static void check_service(void *arg, const struct allocator_service_view *v)
{
	char name[64], ip[IP_TEXT_MAX];
	const struct thing *at;

	(void)arg;
	snprintf(name, sizeof(name), "%s/%s", v->ns, v->name);
	at = world_thing(t.w, name);
	const struct naive_service *s = service_named(name);

	/* Books and status agree. */
	assert_true(at->there);
	assert_false(v->unwritten);
	assert_int_equal(v->ours, naive_is_ours(&t.n, s));
	if (!v->ours)
		return;
	if (naive_no_pools(&t.n) && !t.n.complete)
		return;
	assert_int_equal(at->ip_count, v->ip_count);
	for (unsigned i = 0; i < v->ip_count; i++)
		assert_string_equal(at->ips[i], ip_format(&v->ips[i], ip));
	assert_string_equal(at->pool, v->pool != NULL ? v->pool : "");
	/* Who waits knows why. */
	assert_int_equal(v->reason[0] != '\0', v->ip_count == 0);
	if (v->ip_count > 0)
		assert_int_equal(at->ready.set, ALLOCATOR_CONDITION_TRUE);
	else
		assert_string_equal(at->ready.message, v->reason);
}

/* Nobody could have what he waits for, and nobody has what he may not have. */
static void check_quiet(void)
{
	look_at_server();
	allocator_services(t.w->a, check_service, NULL);
	struct naive *n = malloc(sizeof(*n));

	*n = t.n;
	naive_settle(n, EVERYBODY);
	compare(n, "at rest");
	free(n);
}

static void come_to_rest(void)
{
	unsigned loss = t.w->loss_percent;

	t.w->loss_percent = 0;
	for (int i = 0; i < 10000; i++) {
		uint64_t wake;

		size_t done = run();
		check_no_address_twice();
		if (step() || done > 0 || allocator_reservations_needed(t.w->a))
			continue;
		wake = allocator_wake_ns(t.w->a);
		if (wake == UINT64_MAX || wake > t.w->now_ns + 100 * S_NS)
			break; /* only those who wait are asked again */
		if (wake > t.w->now_ns)
			t.w->now_ns = wake;
	}
	t.w->loss_percent = loss;
	assert_int_equal(run(), 0);
	check_quiet();
}

static bool anything_is_kept(void)
{
	for (unsigned i = 0; i < NAIVE_SERVICES; i++) {
		if (t.n.services[i].kept.count > 0)
			return true;
	}
	return false;
}

/* What stands in a status beside addresses. */
static char *condition_of(const struct naive_service *s)
{
	return strdup(s->there ? world_condition(t.w, service_name(&t.n, s)) : "");
}

/* Who waits is asked again now and then, and nothing comes of it but newer words. */
static void check_retry(void)
{
	struct naive *before = malloc(sizeof(*before));
	bool stays = !anything_is_kept();

	*before = t.n;
	t.w->now_ns += ALLOCATOR_RETRY_NS;
	come_to_rest();
	if (stays)
		compare(before, "tried again");
	free(before);
}

/* Who begins anew finds nothing to do. */
static void check_stays(void)
{
	unsigned before = t.w->writes;
	char *record = cJSON_PrintUnformatted(t.record), *after;
	char *said[NAIVE_SERVICES];

	for (unsigned i = 0; i < NAIVE_SERVICES; i++)
		said[i] = condition_of(&t.n.services[i]);
	if (one_of(2))
		restart();
	else
		change_leader(nothing_happens);
	come_to_rest();
	for (unsigned i = 0; i < NAIVE_SERVICES; i++) {
		char *now = condition_of(&t.n.services[i]);

		assert_string_equal(now, said[i]);
		free(now);
		free(said[i]);
	}
	assert_int_equal(t.w->writes, before);
	after = cJSON_PrintUnformatted(t.record);
	if (record == NULL)
		assert_null(after);
	else if (any_pool_reserves())
		assert_string_equal(after, record);
	free(after);
	free(record);
}

/* --- one world ----------------------------------------------------------------------- */

static void late_steps(void)
{
	t.w->late = true;
	for (int i = 0; i < LATE_STEPS; i++, t.step++) {
		if (one_of(30)) {
			if (one_of(2))
				restart();
			else
				change_leader(lead_elsewhere);
		} else if (one_of(3)) {
			random_input();
		} else if (one_of(3)) {
			t.w->now_ns += rng_below(&t.w->rng, 2000) * NS_OF_MS;
		} else {
			step();
		}
		if (one_of(2))
			run();
		check_no_address_twice();
	}
}

/* Time goes on. False when the model cannot tell to the second whether something is over. */
static bool let_time_pass(void)
{
	long seconds = 10 * (1 + below(&t.w->rng, 30));

	trace("%ld s go by", seconds);
	t.w->now_ns += (uint64_t)seconds * S_NS;
	t.n.now_s = (long)(t.w->now_ns / S_NS);
	for (unsigned i = 0; i < NAIVE_SERVICES; i++) {
		const struct naive_service *s = &t.n.services[i];

		if (s->kept.count > 0 && labs(s->until_s - t.n.now_s) < 3)
			return false;
	}
	return true;
}

/* Without anything under way: what comes of each input is foretold. */
static void strict_steps(void)
{
	struct naive *told = malloc(sizeof(*told));

	t.w->late = false;
	for (int i = 0; i < STRICT_STEPS; i++, t.step++) {
		bool blind = naive_no_pools(&t.n) && !t.n.complete, sure = !blind && !t.vague;
		bool unread = !any_pool_reserves();
		unsigned dirty = 0;

		if (one_of(15))
			sure = let_time_pass() && sure;
		else
			dirty = random_input();
		sure = sure && !(unread && any_pool_reserves());
		*told = t.n;
		while (run() > 0 || allocator_reservations_needed(t.w->a))
			;
		/* What a random strategy gave, it may have given. */
		for (unsigned k = 0; k < NAIVE_SERVICES; k++) {
			const struct thing *at = thing_of(&t.n.services[k]);
			struct naive_list *hint = &told->services[k].hint;

			for (unsigned m = 0; at != NULL && at->there && m < at->ip_count; m++)
				hint->at[hint->count++] = spot_parse(at->ips[m]);
		}
		naive_settle(told, dirty);
		check_quiet();
		if (sure)
			compare(told, "foretold");
	}
	free(told);
}

static struct naive_service service_of_space(int space)
{
	return (struct naive_service){ .space = space, .wanted_pool = -1, .shown_pool = -1 };
}

static void begin(uint64_t seed)
{
	static const char *const classes[] = { NULL, "c" };
	struct rng rng = rng_seeded(seed);

	t.n = (struct naive){ .class = one_in(&rng, 4), .complete = true };
	for (int i = 0; i < NAIVE_SERVICES; i++)
		t.n.services[i] = service_of_space(i % NAIVE_SPACES);
	for (unsigned i = 0; i < NAIVE_POOLS; i++)
		t.n.pools[i].name = pool_names[i];
	t.seed = seed;
	t.step = 0;
	t.w = world_new(NULL, classes[t.n.class]);
	t.w->rng = rng;
	t.w->cfg.reservations = true;
	t.w->cfg.seed = seed;
	t.w->cfg.writes_max = one_of(4) ? 1 + (unsigned)below(&t.w->rng, 3) : 0;
	t.w->cfg.actions_max = one_of(4) ? 1 + (unsigned)below(&t.w->rng, 5) : 0;
	t.w->loss_percent = (unsigned)below(&t.w->rng, 40);
	t.w->reserve = on_reserve;
	t.w->list = list_namespaces;
	world_restart(t.w);
	for (unsigned i = 0; i < NAIVE_POOLS; i++)
		random_pool(&t.w->rng, &t.n, &t.n.pools[i]);
	input_pools();
}

static void end(void)
{
	cJSON_Delete(t.record);
	t.record = NULL;
	world_free(t.w);
}

static unsigned long from_environment(const char *name, unsigned long otherwise)
{
	const char *text = getenv(name);

	return text != NULL ? strtoul(text, NULL, 0) : otherwise;
}

static void test_engine_does_what_the_naive_model_does(void **state)
{
	unsigned long first = from_environment("SEED", 1),
		      count = from_environment("WORLDS", WORLDS);
	(void)state;

	t.trace = getenv("TRACE") != NULL;
	printf("# seeds %lu to %lu\n", first, first + count - 1);
	for (unsigned long seed = first; seed < first + count; seed++) {
		begin(seed);
		t.running = true;
		while (t.step < STEPS) {
			late_steps();
			come_to_rest();
			/* Who may not write all at once frees addresses one by one. */
			if (t.w->cfg.writes_max == 0)
				strict_steps();
			come_to_rest();
			check_retry();
			check_stays();
		}
		t.running = false;
		end();
	}
}

static int say_seed(void **state)
{
	(void)state;
	if (t.running)
		printf("# failed in the world of SEED=%llu at step %u\n",
		       (unsigned long long)t.seed, t.step);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_engine_does_what_the_naive_model_does, say_seed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
