// SPDX-License-Identifier: Apache-2.0
#include "sim/random.h"

#include "sim/packet.h"
#include "sim/random_state.h"

/* A time of troubles, and the quiet after it, in which all is checked. */
#define TROUBLES_MIN_NS (5 * NS_PER_S)
#define TROUBLES_MAX_NS (60 * NS_PER_S)
#define QUIET_NS        (50 * NS_PER_S)
/* One trouble alone, which lasts: whom it does not ail must get over it. */
#define LASTING_NS      (60 * NS_PER_S)
#define OWN_SEED        0x62656c6c6d616e /* another stream of numbers */

static void make_services(struct maker *m)
{
	unsigned max = m->cfg.services_max, count = 1 + maker_below(m, max);

	if (!maker_one_in(m, 3))
		count = 1 + maker_below(m, count);
	for (unsigned i = 0; i < count; i++) {
		const struct maker_service *s = maker_service_new(m);

		*(cJSON **)must(array_push(&m->s->objects)) = maker_service_json(m, s);
		if (!maker_one_in(m, 3))
			*(cJSON **)must(array_push(&m->s->objects)) = maker_slice_json(m, s);
	}
	for (unsigned i = 0; i < MAKER_SPACES; i++) {
		m->tiers[i] = maker_below(m, 2);
		*(cJSON **)must(array_push(&m->s->objects)) = maker_namespace_json(m, i);
	}
}

static void make_clients(struct maker *m)
{
	unsigned count = maker_below(m, 4);

	for (unsigned i = 0; i < count; i++) {
		struct sim_scenario_client *c = must(array_push(&m->s->clients));
		const struct maker_service *s =
			&m->services.items[maker_below(m, (unsigned)m->services.count)];

		c->host = must_text("host%u", maker_below(m, m->hosts));
		c->service = maker_service_name(s);
		c->protocol = maker_one_in(m, 2) ? SIM_TCP : SIM_UDP;
		c->every_ns = maker_between(m, 200, 2000) * NS_PER_MS;
		c->timeout_ns = NS_PER_S;
	}
}

static void make_timeline(struct maker *m)
{
	uint64_t now_ns = maker_between(m, 0, 30) * NS_PER_S, until_ns = m->s->until_ns;

	while (now_ns + TROUBLES_MIN_NS + QUIET_NS < until_ns) {
		uint64_t most_ns = until_ns - now_ns - QUIET_NS;
		uint64_t for_ns =
			maker_between(m, TROUBLES_MIN_NS,
				      most_ns < TROUBLES_MAX_NS ? most_ns : TROUBLES_MAX_NS);
		unsigned troubles = maker_below(m, maker_one_in(m, 4) ? 30 : 10);
		unsigned changes = maker_below(m, maker_one_in(m, 4) ? 60 : 15);
		uint64_t end_ns = now_ns + for_ns;

		for (unsigned i = 0; i < troubles; i++)
			maker_trouble(m, maker_between(m, now_ns, end_ns), end_ns);
		for (unsigned i = 0; i < changes; i++)
			maker_change(m, now_ns + for_ns * i / changes + maker_below(m, 1000));
		maker_heal_all(m, end_ns);
		now_ns = end_ns + QUIET_NS;
		if (maker_one_in(m, 3) && now_ns + LASTING_NS + QUIET_NS < until_ns) {
			maker_lasting_trouble(m, now_ns, now_ns + LASTING_NS);
			now_ns += LASTING_NS + QUIET_NS;
		}
	}
}

struct sim_scenario *sim_random_scenario(const struct sim_random_cfg *cfg)
{
	struct maker m = { .rng = rng_seeded(cfg->seed),
			   .own = rng_seeded(cfg->seed ^ OWN_SEED),
			   .cfg = *cfg };
	struct sim_scenario *s = m.s = must(calloc(1, sizeof(*s)));

	if (m.cfg.nodes_min == 0)
		m.cfg.nodes_min = 3;
	if (m.cfg.nodes_max == 0)
		m.cfg.nodes_max = 50;
	if (m.cfg.services_max == 0)
		m.cfg.services_max = 40;
	s->name = must_copy("random");
	s->seed = cfg->seed;
	s->until_ns = cfg->until_ns != 0 ? cfg->until_ns : maker_between(&m, 300, 900) * NS_PER_S;
	maker_topology(&m);
	maker_config_first(&m);
	s->config = maker_config(&m);
	make_services(&m);
	make_clients(&m);
	make_timeline(&m);
	sim_scenario_settle(s);
	array_free(&m.nodes);
	array_free(&m.services);
	array_free(&m.heals);
	return s;
}
