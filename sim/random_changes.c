// SPDX-License-Identifier: Apache-2.0
/* What users do in a made-up scenario: Services come, change and go, and so does the configuration.
 */
#include "sim/random_state.h"

static struct maker_service *some_service(struct maker *m)
{
	return &m->services.items[maker_below(m, (unsigned)m->services.count)];
}

static void apply(struct sim_step *s, cJSON *json)
{
	*(cJSON **)must(array_push(&s->objects)) = json;
}

static void delete (struct maker *m, uint64_t at_ns, const char *kind, const char *suffix,
		    const struct maker_service *service)
{
	struct sim_step *s = maker_step(m, at_ns, SIM_OP_DELETE);

	s->kind = must_copy(kind);
	s->ns = must_copy(maker_service_space(service));
	s->what = must_text("s%u%s", service->serial, suffix);
}

static void service_comes_or_goes(struct maker *m, uint64_t at_ns)
{
	struct maker_service *service = some_service(m);

	service->there = !service->there;
	if (service->there) {
		struct sim_step *s = maker_step(m, at_ns, SIM_OP_APPLY);

		apply(s, maker_service_json(m, service));
		if (maker_one_in(m, 2))
			apply(s, maker_slice_json(m, service));
		return;
	}
	delete (m, at_ns, "Service", "", service);
	if (maker_one_in(m, 2))
		delete (m, at_ns + maker_below(m, 100) * NS_PER_MS, "EndpointSlice", "-x", service);
}

static void service_changes(struct maker *m, uint64_t at_ns)
{
	struct maker_service *service = some_service(m);

	if (!service->there)
		return;
	maker_service_change(m, service);
	apply(maker_step(m, at_ns, SIM_OP_APPLY), maker_service_json(m, service));
}

static void endpoints_change(struct maker *m, uint64_t at_ns)
{
	struct maker_service *service = some_service(m);

	if (service->there)
		apply(maker_step(m, at_ns, SIM_OP_APPLY), maker_slice_json(m, service));
}

static void endpoint_turns(struct maker *m, uint64_t at_ns)
{
	const struct maker_service *service = some_service(m);

	if (!service->there)
		return;
	struct sim_step *s = maker_step(m, at_ns, SIM_OP_ENDPOINT);
	s->service = maker_service_name(service);
	s->what = must_copy(m->nodes.items[maker_below(m, (unsigned)m->nodes.count)].name);
	s->on = maker_one_in(m, 2);
}

static void config_changes(struct maker *m, uint64_t at_ns)
{
	if (maker_config_change(m))
		maker_step(m, at_ns, SIM_OP_CONFIG)->config = maker_config(m);
}

static void node_changes(struct maker *m, uint64_t at_ns)
{
	struct maker_node *n = &m->nodes.items[maker_below(m, (unsigned)m->nodes.count)];

	n->zone = maker_below(m, 3);
	n->disk = maker_below(m, 2);
	apply(maker_step(m, at_ns, SIM_OP_APPLY), maker_node_json(m, n));
}

static void namespace_changes(struct maker *m, uint64_t at_ns)
{
	unsigned space = maker_below(m, MAKER_SPACES);

	m->tiers[space] = maker_below(m, 2);
	apply(maker_step(m, at_ns, SIM_OP_APPLY), maker_namespace_json(m, space));
}

void maker_change(struct maker *m, uint64_t at_ns)
{
	static void (*const changes[])(struct maker *, uint64_t) = {
		service_comes_or_goes, service_comes_or_goes, service_changes, service_changes,
		endpoints_change,      endpoint_turns,        endpoint_turns,  config_changes,
		namespace_changes,     node_changes,
	};

	changes[maker_below(m, sizeof(changes) / sizeof(changes[0]))](m, at_ns);
}
