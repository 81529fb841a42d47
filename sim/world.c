// SPDX-License-Identifier: Apache-2.0
#include "sim/world.h"

#include <stdio.h>

#include "sim/world_state.h"

/* --- questions --------------------------------------------------------------------------- */

struct world_node *world_node(const struct sim_world *w, const char *name)
{
	for (size_t i = 0; i < w->node_count; i++)
		if (strcmp(w->nodes[i].cfg->name, name) == 0)
			return &w->nodes[i];
	return NULL;
}

struct world_host *world_host(const struct sim_world *w, const char *name)
{
	for (size_t i = 0; i < w->host_count; i++)
		if (strcmp(w->hosts[i].cfg->name, name) == 0)
			return &w->hosts[i];
	return NULL;
}

struct world_allocator *world_allocator(const struct sim_world *w, const char *name)
{
	for (size_t i = 0; i < w->allocator_count; i++)
		if (strcmp(w->allocators[i].name, name) == 0)
			return &w->allocators[i];
	return NULL;
}

struct world_allocator *world_leader(const struct sim_world *w)
{
	for (size_t i = 0; i < w->allocator_count; i++)
		if (sim_allocator_leads(w->allocators[i].process))
			return &w->allocators[i];
	return NULL;
}

struct sim_stack *world_station(const struct sim_world *w, const char *name)
{
	const struct world_node *n = world_node(w, name);
	const struct world_host *h = world_host(w, name);

	return n != NULL ? n->stack : h != NULL ? h->stack : NULL;
}

struct sim_iface *world_iface(struct sim_stack *s, const char *name)
{
	for (size_t i = 0; i < sim_stack_ifaces(s); i++)
		if (strcmp(sim_iface_name(sim_stack_iface(s, i)), name) == 0)
			return sim_stack_iface(s, i);
	return NULL;
}

bool world_service_split(const char *text, char ns[static 256], const char **ret_name)
{
	const char *slash = text != NULL ? strchr(text, '/') : NULL;

	if (slash == NULL || slash - text > 255)
		return false;
	memcpy(ns, text, (size_t)(slash - text));
	ns[slash - text] = '\0';
	*ret_name = slash + 1;
	return true;
}

const struct service *world_service(const struct sim_world *w, const char *text)
{
	char ns[256];
	const char *name;

	if (!world_service_split(text, ns, &name))
		return NULL;
	const struct sim_object *o = sim_api_get(w->api, SIM_SERVICE, ns, name);
	return o != NULL ? o->service : NULL;
}

/* --- play -------------------------------------------------------------------------------- */

static const struct sim_step *next_step(const struct sim_world *w)
{
	return w->next_step < w->scenario->steps.count ? &w->scenario->steps.items[w->next_step]
						       : NULL;
}

static void do_steps(void *arg)
{
	struct sim_world *w = arg;
	const struct sim_step *s;

	while ((s = next_step(w)) != NULL && s->at_ns <= world_now(w)) {
		w->next_step++;
		if (s->op == SIM_OP_EXPECT) {
			expect_add(w, s);
			continue;
		}
		check_before_step(w);
		expect_end(w);
		world_step(w, s);
		w->stirred_ns = world_now(w);
		world_changed(w);
	}
	if (s != NULL)
		sim_timer_set(w->clock, &w->step, s->at_ns, do_steps, w);
}

static bool is_over(const struct sim_world *w)
{
	return w->cfg.stop_early && w->journal.broken + w->journal.disappointed > 0;
}

unsigned sim_world_run(struct sim_world *w)
{
	const struct sim_step *first = next_step(w);

	if (first != NULL)
		sim_timer_set(w->clock, &w->step, first->at_ns, do_steps, w);
	while (!is_over(w) && sim_clock_step(w->clock, w->until_ns)) {
		if (!w->changed)
			continue;
		w->changed = false;
		expect_look(w);
	}
	if (!is_over(w)) {
		check_before_step(w);
		expect_finish(w);
	}
	return w->journal.broken + w->journal.disappointed;
}

/* --- what came of it --------------------------------------------------------------------- */

const struct sim_scenario *sim_world_scenario(const struct sim_world *w)
{
	return w->scenario;
}

uint64_t sim_world_seed(const struct sim_world *w)
{
	return w->seed;
}

uint64_t sim_world_until(const struct sim_world *w)
{
	return is_over(w) ? world_now(w) : w->until_ns;
}

const struct sim_journal *sim_world_journal(const struct sim_world *w)
{
	return &w->journal;
}

struct sim_net *sim_world_net(struct sim_world *w)
{
	return w->net;
}

struct sim_clock *sim_world_clock(struct sim_world *w)
{
	return w->clock;
}

struct outcomes {
	struct sim_world *w;
	void (*each)(void *arg, const struct sim_outcome *o);
	void *arg;
};

static void outcome_of(void *arg, struct owned_service *s)
{
	const struct outcomes *all = arg;

	for (size_t i = 0; i < s->ips.count; i++) {
		const struct owned *o = s->ips.items[i];
		const struct world_node *owner = owner_of(o->answered);
		struct sim_outcome out = {
			.service = s->text,
			.ip = o->ip,
			.owner = owner != NULL ? owner->cfg->name : NULL,
			.assigned_ns = o->assigned_ns,
			.first_ns = o->first_ns,
			.moves = o->moves,
		};

		if (!o->shown)
			continue;
		owner_dark(all->w, o, 0, &out.dark_ns, &out.dark_longest_ns);
		all->each(all->arg, &out);
	}
}

void sim_world_outcomes(const struct sim_world *w,
			void (*each)(void *arg, const struct sim_outcome *o), void *arg)
{
	struct outcomes all = { (struct sim_world *)w, each, arg };

	owner_each_service((struct sim_world *)w, outcome_of, &all);
}

void sim_world_clients(const struct sim_world *w,
		       void (*each)(void *arg, const struct sim_client_outcome *o), void *arg)
{
	for (size_t i = 0; i < w->client_count; i++) {
		const struct world_client *c = &w->clients[i];
		const struct sim_client_outcome out = {
			.host = c->cfg->host,
			.service = c->cfg->service,
			.protocol = c->cfg->protocol,
			.family = c->cfg->family,
			.counts = sim_client_counts(c->client),
		};

		each(arg, &out);
	}
}

struct sim_world_counts sim_world_counts(const struct sim_world *w)
{
	return (struct sim_world_counts){
		.steps = sim_clock_steps(w->clock),
		.looks = w->looks,
		.net = sim_net_counts(w->net),
		.api = sim_api_counts(w->api),
	};
}
