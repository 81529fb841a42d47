// SPDX-License-Identifier: Apache-2.0
/*
 * The allocator engine under thousands of random inputs in random order: Services come, change
 * and go, pools are edited, writes are late, lost before or after they land, the allocator dies or
 * another one leads for a while.
 *
 * At every step: no address stands in two statuses, unless both Services share by key. Once all
 * is quiet: books and statuses agree, each address is in its pool, sharing keeps its rules,
 * nobody waits for what is free, another run does nothing, and neither does a new engine.
 */
#include "tests/unit/allocator_world.h"

#define SERVICES 24
#define SEEDS    60
#define STEPS    400

static const char *const pool_sets[] = {
	"[{\"name\":\"a\",\"addresses\":[\"192.0.2.0/30\",\"2001:db8::/126\"]},"
	"{\"name\":\"b\",\"addresses\":[\"198.51.100.8-198.51.100.12\"]}]",
	"[{\"name\":\"a\",\"addresses\":[\"192.0.2.0/29\",\"2001:db8::/126\"],\"avoidBuggyIPs\":"
	"true,\"exclude\":[\"192.0.2.3/32\"]},{\"name\":\"c\",\"addresses\":[\"2001:db8:c::/127\","
	"\"203.0.113.0/31\"],\"serviceAllocation\":{\"priority\":3,\"namespaces\":[\"n1\"]}}]",
	"[{\"name\":\"b\",\"autoAssign\":false,\"addresses\":[\"198.51.100.8-198.51.100.12\"]},"
	"{\"name\":\"d\",\"addresses\":[\"192.0.2.2-192.0.2.5\"]}]",
	"[{\"name\":\"a\",\"addresses\":[\"192.0.2.0/28\",\"198.51.100.0/28\",\"2001:db8::/"
	"120\"]}]",
	"[]",
};

static const char *const specs[] = { LB_V4, LB_V4_PORT(81), LB_V4_PORT(82),
				     LB_V6, CLUSTER_IP,     LB_DUAL("PreferDualStack"),
				     LB_V4, LB_V4_PORT(83), LB_DUAL("RequireDualStack") };
static const char *const plain[] = { "",
				     "",
				     "",
				     "",
				     A_POOL("a"),
				     A_POOL("b"),
				     A_IPS("192.0.2.2"),
				     A_IPS("198.51.100.9"),
				     A_IPS("192.0.2.1,2001:db8::1"),
				     A_IPS("rubbish") };
static const char *const sharing[] = { A_SHARE("k"), A_SHARE("k"), A_SHARE("l"),
				       A_SHARE("k") "," A_IPS("192.0.2.2") };

#define PICK(w, list) (list)[rng_below(&(w)->rng, sizeof(list) / sizeof((list)[0]))]

/* Every third Service may share; the others never do. */
static bool may_share(const char *name)
{
	return (name[strlen(name) - 1] - '0') % 3 == 0;
}

static void random_name(struct world *w, char name[static 16])
{
	unsigned i = (unsigned)rng_below(&w->rng, SERVICES);

	snprintf(name, 16, "n%u/s%02u", i % 3, i);
}

static void random_input(struct world *w);

/* What another leader lives through. */
static void lead_elsewhere(struct world *w)
{
	for (unsigned i = (unsigned)rng_below(&w->rng, 30); i > 0; i--) {
		if (rng_below(&w->rng, 3) == 0)
			random_input(w);
		world_run_once(w);
		world_step(w);
	}
}

static void random_input(struct world *w)
{
	char name[16];
	random_name(w, name);

	switch (rng_below(&w->rng, 20)) {
	case 0:
		world_pools(w, PICK(w, pool_sets));
		break;
	case 1:
		if (w->led_elsewhere)
			break;
		if (rng_below(&w->rng, 4) == 0)
			world_restart(w);
		if (rng_below(&w->rng, 4) == 0) {
			w->led_elsewhere = true;
			world_change_leader(w, lead_elsewhere);
			w->led_elsewhere = false;
		}
		break;
	case 2:
	case 3:
	case 4:
		world_delete(w, name);
		break;
	case 5: { /* somebody empties a status */
		struct thing *t = world_thing(w, name);
		if (t != NULL && t->there)
			world_status(w, name, NULL, NULL);
		break;
	}
	default:
		world_apply(w, name, rng_below(&w->rng, 3) > 0 ? PICK(w, specs) : NULL,
			    rng_below(&w->rng, 2) == 0 ? NULL
			    : may_share(name)          ? PICK(w, sharing)
						       : PICK(w, plain),
			    NULL);
	}
}

static void check_no_address_twice(struct world *w)
{
	for (size_t i = 0; i < WORLD_THINGS; i++) {
		const struct thing *x = &w->things[i];

		for (size_t k = 0; x->there && k < i; k++) {
			const struct thing *y = &w->things[k];

			if (!y->there || (may_share(x->name) && may_share(y->name)))
				continue;
			for (unsigned m = 0; m < x->ip_count; m++) {
				for (unsigned n = 0; n < y->ip_count; n++) {
					if (strcmp(x->ips[m], y->ips[n]) == 0)
						fail_msg("%s is in the status of %s and of %s",
							 x->ips[m], x->name, y->name);
				}
			}
		}
	}
}

static bool ports_clash(const struct service *x, const struct service *y)
{
	assert_true(x->port_count > 0 && y->port_count > 0);
	for (unsigned i = 0; i < x->port_count; i++) {
		for (unsigned k = 0; k < y->port_count; k++) {
			if (x->ports[i].port == y->ports[k].port &&
			    x->ports[i].protocol == y->ports[k].protocol)
				return true;
		}
	}
	return false;
}

/* The Service as the server has it: the engine keeps no ports. */
static struct service *service_of(struct world *w, const struct allocator_service_view *v)
{
	char name[64];

	snprintf(name, sizeof(name), "%s/%s", v->ns, v->name);
	return world_service(world_thing(w, name));
}

/* The rule itself, over all pairs, from the objects and not from the books. */
static void check_pair(struct world *w, const struct allocator_service_view *x,
		       const struct allocator_service_view *y)
{
	for (unsigned i = 0; i < x->ip_count; i++) {
		for (unsigned k = 0; k < y->ip_count; k++) {
			if (!ip_equal(&x->ips[i], &y->ips[k]))
				continue;
			struct service *a = service_of(w, x), *b = service_of(w, y);

			assert_non_null(a->sharing_key);
			assert_ptr_equal(a->sharing_key, b->sharing_key); /* interned */
			assert_false(ports_clash(a, b));
			service_free(a);
			service_free(b);
		}
	}
}

struct free_sides {
	bool any[2];
};

static void find_free(void *arg, const struct allocator_pool_view *v)
{
	struct free_sides *f = arg;

	if (!v->pool->auto_assign || v->pool->pinned)
		return;
	f->any[0] = f->any[0] || v->v4.available > 0;
	f->any[1] = f->any[1] || v->v6.available > 0;
}

struct checker {
	struct world *w;
	struct allocator_service_view seen[WORLD_THINGS];
	size_t count;
	struct free_sides free;
};

static void check_service(void *arg, const struct allocator_service_view *v)
{
	struct checker *c = arg;
	char name[64], ip[IP_TEXT_MAX];

	snprintf(name, sizeof(name), "%s/%s", v->ns, v->name);
	const struct thing *t = world_thing(c->w, name);

	/* Books and status agree. */
	assert_true(t->there);
	assert_false(v->unwritten);
	assert_int_equal(t->ip_count, v->ip_count);
	for (unsigned i = 0; i < v->ip_count; i++) {
		assert_string_equal(t->ips[i], ip_format(&v->ips[i], ip));
		const struct pool *p = config_pool_of(c->w->config, &v->ips[i], false);
		assert_non_null(p);
		assert_string_equal(p->name, v->pool);
		for (size_t k = 0; k < p->exclude.count; k++)
			assert_false(ip_range_contains(&p->exclude.items[k].range, &v->ips[i]));
		for (size_t k = 0; k < c->count; k++)
			check_pair(c->w, v, &c->seen[k]);
	}
	assert_string_equal(t->pool, v->pool != NULL ? v->pool : "");
	/* Nobody waits for what is there, and who waits knows why. */
	assert_int_equal(v->reason[0] != '\0', v->ours && v->ip_count == 0);
	if (v->ip_count > 0)
		assert_int_equal(t->ready.set, ALLOCATOR_CONDITION_TRUE);
	else if (v->ours)
		assert_string_equal(t->ready.message, v->reason);
	else if (v->service->type != SERVICE_LOAD_BALANCER)
		assert_int_equal(t->ready.set, ALLOCATOR_CONDITION_KEEP);
	if (v->reason[0] != '\0' && v->service->cluster_ip_count == 1 &&
	    v->service->requested_ips == NULL && v->service->address_pool == NULL)
		assert_false(c->free.any[v->service->cluster_ips[0].family == IP_V6]);
	c->seen[c->count++] = *v;
}

static void settle(struct world *w)
{
	unsigned loss = w->loss_percent;

	w->loss_percent = 0;
	for (int i = 0; i < 10000; i++) {
		uint64_t wake;

		world_run_once(w);
		check_no_address_twice(w);
		if (world_step(w))
			continue;
		wake = allocator_wake_ns(w->a);
		if (wake == UINT64_MAX || wake > w->now_ns + 100 * NS_OF_MS * 1000)
			break;        /* only the retry of those who wait is left */
		if (wake > w->now_ns) /* else the run broke off */
			w->now_ns = wake;
	}
	w->loss_percent = loss;
	assert_int_equal(world_run_once(w), 0);
}

static void check(struct world *w)
{
	struct checker c = { .w = w };

	allocator_pools(w->a, find_free, &c.free);
	allocator_services(w->a, check_service, &c);
}

static void test_invariants_hold_under_random_inputs(void **state)
{
	(void)state;

	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct world *w = world_new(pool_sets[0], NULL);
		unsigned before;

		w->rng = rng_seeded(seed);
		w->cfg.writes_max = (unsigned)rng_below(&w->rng, 4);
		w->cfg.actions_max = (size_t)(seed % 3); /* 0: no run breaks off */
		w->late = true;
		w->loss_percent = (unsigned)rng_below(&w->rng, 40);
		world_restart(w);
		for (int step = 0; step < STEPS; step++) {
			if (rng_below(&w->rng, 3) == 0)
				random_input(w);
			else if (rng_below(&w->rng, 3) == 0)
				w->now_ns += rng_below(&w->rng, 2000) * NS_OF_MS;
			else
				world_step(w);
			if (rng_below(&w->rng, 2) == 0)
				world_run_once(w);
			check_no_address_twice(w);
			if (step % 100 == 99) {
				settle(w);
				check(w);
				before = w->writes;
				w->now_ns += ALLOCATOR_RETRY_NS; /* trying again changes nothing */
				settle(w);
				world_restart(w);
				settle(w);
				assert_int_equal(w->writes, before);
				check(w);
			}
		}
		world_free(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_invariants_hold_under_random_inputs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
