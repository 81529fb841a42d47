// SPDX-License-Identifier: Apache-2.0
/* The steps of a timeline: what is done to processes, to the API server and to the cluster. The
 * network's are in fault_net.c. */
#include <stdio.h>

#include "sim/world_state.h"

/* --- whom a step is about ---------------------------------------------------------------- */

static struct world_allocator *the_allocator(struct sim_world *w, const struct sim_step *s)
{
	if (strcmp(s->what, SIM_LEADER) != 0)
		return world_allocator(w, s->what);
	struct world_allocator *leader = world_leader(w);
	if (sim_step_is_cure(s) && w->last_leader != NULL)
		return world_allocator(w, w->last_leader);
	if (leader != NULL)
		w->last_leader = leader->name;
	return leader;
}

/* --- processes --------------------------------------------------------------------------- */

static void node_power(struct world_node *n, bool on)
{
	if (n->power == on)
		return;
	if (!on)
		world_speaker_end(n, false);
	n->power = on;
	sim_stack_power(n->stack, on);
}

static void on_speaker(struct world_node *n, const struct sim_step *s)
{
	bool machine = s->process == SIM_PROCESS_NODE;
	struct world_health *h = &n->health;

	switch (s->op) {
	case SIM_OP_KILL:
	case SIM_OP_STOP:
		if (machine)
			node_power(n, false);
		else
			world_speaker_end(n, s->op == SIM_OP_STOP);
		break;
	case SIM_OP_RESTART:
		world_speaker_end(n, false);
		if (machine) {
			node_power(n, false);
			node_power(n, true);
		}
		world_speaker_start(n);
		break;
	case SIM_OP_PAUSE:
	case SIM_OP_RESUME:
		if (!sim_speaker_runs(n->speaker))
			break;
		h->paused = s->op == SIM_OP_PAUSE;
		sim_speaker_pause(n->speaker, h->paused);
		health_resume(n->world, h);
		owner_node_look(n);
		break;
	case SIM_OP_SLOW:
		h->slow_ns = s->time_ns;
		sim_speaker_slow(n->speaker, h->slow_ns);
		break;
	default: /* no speaker minds the time of day */
		break;
	}
	health_settle(n->world, h);
}

static void on_allocator(struct world_allocator *a, const struct sim_step *s)
{
	struct world_health *h = &a->health;
	int64_t by_ns = (int64_t)s->time_ns;

	switch (s->op) {
	case SIM_OP_KILL:
	case SIM_OP_STOP:
		world_allocator_end(a, s->op == SIM_OP_STOP);
		break;
	case SIM_OP_RESTART:
		world_allocator_end(a, false);
		world_allocator_start(a);
		break;
	case SIM_OP_PAUSE:
	case SIM_OP_RESUME:
		if (!sim_allocator_runs(a->process))
			break;
		h->paused = s->op == SIM_OP_PAUSE;
		sim_allocator_pause(a->process, h->paused);
		health_resume(a->world, h);
		break;
	case SIM_OP_SLOW:
		h->slow_ns = s->time_ns;
		sim_allocator_slow(a->process, h->slow_ns);
		break;
	case SIM_OP_CLOCK_STEP:
		sim_allocator_step_clock(a->process, s->back ? -by_ns : by_ns);
		break;
	default:
		break;
	}
	health_settle(a->world, h);
}

static void on_process(struct sim_world *w, const struct sim_step *s)
{
	if (s->process == SIM_PROCESS_ALLOCATOR) {
		struct world_allocator *a = the_allocator(w, s);

		if (a != NULL)
			on_allocator(a, s);
		return;
	}
	struct world_node *n = world_node(w, s->what);
	if (n != NULL)
		on_speaker(n, s);
}

/* --- ways to the API --------------------------------------------------------------------- */

static void set_way(struct sim_world *w, struct world_health *h, const struct sim_step *s)
{
	switch (s->op) {
	case SIM_OP_API_CUT:
		h->cut_in |= s->in;
		h->cut_out |= s->out;
		break;
	case SIM_OP_API_HEAL:
		h->cut_in = h->cut_out = false;
		break;
	default:
		h->api_slow_ns = s->time_ns;
		break;
	}
	health_settle_api(w, h);
}

static void on_way(struct sim_world *w, const struct sim_step *s)
{
	struct world_allocator *a =
		s->process == SIM_PROCESS_ALLOCATOR ? the_allocator(w, s) : NULL;
	struct world_node *n = s->process == SIM_PROCESS_ALLOCATOR ? NULL : world_node(w, s->what);

	if (a != NULL) {
		set_way(w, &a->health, s);
		world_reach(&a->health, 0, sim_allocator_client(a->process));
	} else if (n != NULL) {
		set_way(w, &n->health, s);
		world_reach(&n->health, n->cfg->api_delay_ns, sim_speaker_client(n->speaker));
	}
}

static void heal_ways(struct sim_world *w)
{
	for (size_t i = 0; i < w->node_count; i++) {
		struct world_node *n = &w->nodes[i];

		if (!n->health.cut_in && !n->health.cut_out && n->health.api_slow_ns == 0)
			continue;
		n->health.cut_in = n->health.cut_out = false;
		n->health.api_slow_ns = 0;
		health_settle_api(w, &n->health);
		world_reach(&n->health, n->cfg->api_delay_ns, sim_speaker_client(n->speaker));
	}
	for (size_t i = 0; i < w->allocator_count; i++) {
		struct world_allocator *a = &w->allocators[i];

		if (!a->health.cut_in && !a->health.cut_out && a->health.api_slow_ns == 0)
			continue;
		a->health.cut_in = a->health.cut_out = false;
		a->health.api_slow_ns = 0;
		health_settle_api(w, &a->health);
		world_reach(&a->health, 0, sim_allocator_client(a->process));
	}
}

/* --- the API server ---------------------------------------------------------------------- */

static void on_api(struct sim_world *w, const struct sim_step *s)
{
	switch (s->op) {
	case SIM_OP_API_DOWN:
	case SIM_OP_API_UP:
		w->api_down = s->op == SIM_OP_API_DOWN;
		sim_api_outage(w->api, w->api_down);
		break;
	case SIM_OP_API_BREAK:
		sim_api_break_watches(w->api);
		w->api_well_ns = UINT64_MAX; /* it ails at this moment */
		break;
	case SIM_OP_API_COMPACT:
		sim_api_compact(w->api);
		break;
	default:
		w->api_conflicts = s->count > 0;
		sim_api_conflicts(w->api, (unsigned)s->count);
		break;
	}
	health_settle_server(w);
}

static void heal_api(struct sim_world *w)
{
	sim_api_outage(w->api, false);
	sim_api_conflicts(w->api, 0);
	w->api_down = w->api_conflicts = false;
	health_settle_server(w);
	heal_ways(w);
}

/* --- the cluster ------------------------------------------------------------------------- */

static void apply(struct sim_world *w, const struct sim_step *s)
{
	if (s->config != NULL)
		sim_api_put_config(w->api, s->config);
	for (size_t i = 0; i < s->objects.count; i++)
		world_put(w, must(cJSON_Duplicate(s->objects.items[i], true)));
	if (s->objects.count > 0)
		world_add_slices(w);
}

static void on_cluster(struct sim_world *w, const struct sim_step *s)
{
	switch (s->op) {
	case SIM_OP_EXCLUDE:
	case SIM_OP_INCLUDE:
		world_node_exclude(w, s->what, s->op == SIM_OP_EXCLUDE);
		break;
	case SIM_OP_NETWORK_UNAVAILABLE:
		world_node_network(w, s->what, s->on);
		break;
	case SIM_OP_ENDPOINT:
		world_endpoint_set(w, s->service, s->what, s->on);
		break;
	case SIM_OP_DELETE:
		world_delete(w, s->kind, s->ns, s->what);
		break;
	default:
		apply(w, s);
		break;
	}
}

/* ------------------------------------------------------------------------------------------ */

/* Does it end something? For the timeline. */
static bool is_heal(const struct sim_step *s)
{
	switch (s->op) {
	case SIM_OP_INCLUDE:
	case SIM_OP_LINK_UP:
	case SIM_OP_HEAL:
	case SIM_OP_GIVE_BACK:
	case SIM_OP_API_UP:
		return true;
	case SIM_OP_NETWORK_UNAVAILABLE:
		return !s->on;
	case SIM_OP_ENDPOINT:
		return s->on;
	case SIM_OP_IMPAIR:
		return sim_impair_is_none(&s->impair);
	case SIM_OP_STORM:
	case SIM_OP_API_CONFLICTS:
		return s->count == 0;
	default:
		return sim_step_is_cure(s);
	}
}

static void do_step(struct sim_world *w, const struct sim_step *s)
{
	switch (s->op) {
	case SIM_OP_KILL:
	case SIM_OP_STOP:
	case SIM_OP_RESTART:
	case SIM_OP_PAUSE:
	case SIM_OP_RESUME:
	case SIM_OP_SLOW:
	case SIM_OP_CLOCK_STEP:
		on_process(w, s);
		break;
	case SIM_OP_API_CUT:
	case SIM_OP_API_HEAL:
	case SIM_OP_API_SLOW:
		on_way(w, s);
		break;
	case SIM_OP_API_DOWN:
	case SIM_OP_API_UP:
	case SIM_OP_API_BREAK:
	case SIM_OP_API_COMPACT:
	case SIM_OP_API_CONFLICTS:
		on_api(w, s);
		break;
	case SIM_OP_LINK_DOWN:
	case SIM_OP_LINK_UP:
	case SIM_OP_CUT:
	case SIM_OP_IMPAIR:
	case SIM_OP_STORM:
	case SIM_OP_FORGET:
	case SIM_OP_STEAL:
	case SIM_OP_GIVE_BACK:
		world_net_step(w, s);
		break;
	case SIM_OP_HEAL:
		world_net_step(w, s);
		if (s->link == NULL)
			heal_api(w);
		break;
	default:
		on_cluster(w, s);
		break;
	}
}

void world_step(struct sim_world *w, const struct sim_step *s)
{
	sim_journal_add(&w->journal, world_now(w), is_heal(s) ? SIM_HEALED : SIM_FAULT, NULL, NULL,
			NULL, "%s", s->text);
	do_step(w, s);
}
