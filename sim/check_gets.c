// SPDX-License-Identifier: Apache-2.0
/*
 * What a Service is given, as it is given. `pool`: by a pool that was open to it. `quota`: no
 * namespace is given more of a pool than it may have.
 */
#include "sim/check_given.h"

/* Has who wrote it been told the configuration of now? */
static bool is_config_known(const struct sim_world *w)
{
	const struct world_allocator *leader = w->checks->leader;

	if (w->checks->config_ns == 0)
		return true; /* there was never another one */
	return leader != NULL && world_is_well(w, w->checks->config_ns, CHECK_WRITE_NS) &&
	       world_is_well(w, w->api_well_ns, CHECK_WRITE_NS) &&
	       world_is_well(w, leader->health.well_ns, CHECK_WRITE_NS);
}

/* Who asks for nothing and has nothing gets none of a pool that only keeps what it gave. */
static void check_open(struct sim_world *w, const struct owned *o, const struct pool *p)
{
	const struct service *s = world_service(w, o->service->text);

	if (!given_asks(s) && s->address_pool == NULL && (p->drain || !p->auto_assign))
		check_broken(w, "pool", NULL, o->service->text, &o->ip,
			     "it is given an address of pool %s, which is %s", p->name,
			     p->drain ? "drained" : "for those who ask for it");
}

/* Addresses of a pool that Services of one namespace have. */
struct holdings {
	const struct pool *pool;
	const char *ns;
	uint64_t count;
};

static void count_held(void *arg, struct answered *a)
{
	struct holdings *h = arg;
	bool held = false;

	for (size_t i = 0; i < a->owned.count; i++)
		held |= a->owned.items[i]->shown &&
			strcmp(a->owned.items[i]->service->ns, h->ns) == 0;
	h->count += held && given_pool_gives(h->pool, &a->ip);
}

static void check_quota(struct sim_world *w, const struct owned *o, const struct pool *p)
{
	struct holdings h = { .pool = p, .ns = o->service->ns };
	uint64_t quota = pool_quota(p, h.ns);

	if (quota == POOL_NO_QUOTA)
		return;
	owner_each_answered(w, count_held, &h);
	if (h.count > quota)
		check_broken(w, "quota", NULL, o->service->text, &o->ip,
			     "namespace %s has %llu addresses of pool %s, and may have %llu", h.ns,
			     (unsigned long long)h.count, p->name, (unsigned long long)quota);
}

void check_gets(struct sim_world *w, const struct owned *o, bool first)
{
	const struct sim_object *config = sim_api_get(w->api, SIM_CONFIG, "", "");

	if (config == NULL || !is_config_known(w))
		return;
	for (size_t i = 0; i < config->config->pools.count; i++) {
		const struct pool *p = &config->config->pools.items[i];

		if (!given_pool_gives(p, &o->ip))
			continue;
		check_quota(w, o, p);
		if (first)
			check_open(w, o, p);
	}
}
