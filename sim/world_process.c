// SPDX-License-Identifier: Apache-2.0
/* Processes of a world as its faults treat them: they start, and something ails them or not. */
#include <stdio.h>

#include "lib/kube/backoff.h"
#include "sim/world_state.h"

/* Who could not reach the API may wait so long until it tries again; */
#define RECONNECT_NS (BACKOFF_MAX_MS * NS_PER_MS / 100 * (100 + BACKOFF_JITTER))
/* and one whose connections were silent, until TCP does, or until it gives them up. */
#define SILENCE_NS   (90 * NS_PER_S)

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

void health_settle(const struct sim_world *w, struct world_health *h)
{
	bool ill = h->off || h->paused || h->cut_in || h->cut_out || h->slow_ns > 0 ||
		   h->api_slow_ns > 0;

	if (ill)
		h->well_ns = UINT64_MAX;
	else if (h->well_ns == UINT64_MAX)
		h->well_ns = later(world_now(w), h->reach_ns);
}

void health_settle_api(const struct sim_world *w, struct world_health *h)
{
	bool cut = h->cut_in || h->cut_out;
	uint64_t now_ns = world_now(w), silent_ns = 0;

	if (cut && h->cut_ns == 0)
		h->cut_ns = now_ns;
	if (!cut && h->cut_ns != 0) {
		silent_ns = now_ns - h->cut_ns < SILENCE_NS ? now_ns - h->cut_ns : SILENCE_NS;
		h->cut_ns = 0;
	}
	h->reach_ns = later(h->reach_ns, now_ns + silent_ns + RECONNECT_NS);
	h->well_ns = UINT64_MAX;
	health_settle(w, h);
}

void health_resume(const struct sim_world *w, struct world_health *h)
{
	h->reach_ns = later(h->reach_ns, world_now(w) + RECONNECT_NS);
	health_settle(w, h);
}

/* A new process has no connections yet. */
static void health_begin(const struct sim_world *w, struct world_health *h)
{
	h->off = h->paused = false;
	h->reach_ns = 0;
	health_settle(w, h);
}

void health_settle_server(struct sim_world *w)
{
	if (w->api_down || w->api_conflicts)
		w->api_well_ns = UINT64_MAX;
	else if (w->api_well_ns == UINT64_MAX)
		w->api_well_ns = world_now(w) + RECONNECT_NS;
}

void world_reach(const struct world_health *h, uint64_t far_ns, struct sim_api_client *c)
{
	if (c == NULL)
		return;
	sim_api_client_cut(c, h->cut_in, h->cut_out);
	sim_api_client_slow(c, far_ns + h->api_slow_ns);
}

/* --- speakers ---------------------------------------------------------------------------- */

void world_speaker_start(struct world_node *n)
{
	if (!n->power || sim_speaker_runs(n->speaker))
		return;
	sim_speaker_start(n->speaker);
	world_reach(&n->health, n->cfg->api_delay_ns, sim_speaker_client(n->speaker));
	sim_speaker_slow(n->speaker, n->health.slow_ns);
	health_begin(n->world, &n->health);
}

void world_speaker_end(struct world_node *n, bool orderly)
{
	if (!sim_speaker_runs(n->speaker))
		return;
	if (orderly)
		sim_speaker_stop(n->speaker);
	else
		sim_speaker_kill(n->speaker);
	n->health.off = true;
	health_settle(n->world, &n->health);
}

/* --- allocators -------------------------------------------------------------------------- */

void world_allocator_start(struct world_allocator *a)
{
	if (sim_allocator_runs(a->process))
		return;
	sim_allocator_start(a->process);
	world_reach(&a->health, 0, sim_allocator_client(a->process));
	sim_allocator_slow(a->process, a->health.slow_ns);
	health_begin(a->world, &a->health);
}

void world_allocator_end(struct world_allocator *a, bool orderly)
{
	if (!sim_allocator_runs(a->process))
		return;
	if (orderly)
		sim_allocator_stop(a->process);
	else
		sim_allocator_kill(a->process);
	a->health.off = true;
	health_settle(a->world, &a->health);
}

static void leads(void *arg, const struct sim_allocator *process, bool leads)
{
	struct world_allocator *a = arg;

	sim_journal_add(&a->world->journal, world_now(a->world), leads ? SIM_LEADS : SIM_LEADS_NOT,
			sim_allocator_name(process), NULL, NULL, "");
	world_changed(a->world);
}

static void told(void *arg, const struct sim_allocator *process, const struct allocator_action *act)
{
	struct world_allocator *a = arg;
	char service[512];

	if (act->type != ALLOCATOR_EVENT || !act->warning)
		return;
	snprintf(service, sizeof(service), "%s/%s", act->ns, act->name);
	sim_journal_add(&a->world->journal, world_now(a->world), SIM_TOLD,
			sim_allocator_name(process), service, NULL, "%s: %s", act->reason,
			act->message)
		->warning = true;
}

static void broke(void *arg, const struct sim_allocator *process, const char *what)
{
	struct world_allocator *a = arg;

	check_broken(a->world, "allocator", sim_allocator_name(process), NULL, NULL, "%s", what);
}

const struct sim_allocator_ops world_allocator_ops = {
	.leads = leads,
	.told = told,
	.broke = broke,
};

/* --- clients ----------------------------------------------------------------------------- */

/* The first port of the client's protocol. */
static uint16_t port_of(const struct world_client *c, const struct service *s)
{
	for (unsigned i = 0; i < s->port_count; i++)
		if (s->ports[i].protocol == c->cfg->protocol)
			return s->ports[i].port;
	return 80;
}

/* As the Service is now. */
static bool target(void *arg, struct ip_addr *ret, uint16_t *ret_port)
{
	const struct world_client *c = arg;
	const struct service *s = world_service(c->world, c->cfg->service);

	for (unsigned i = 0; s != NULL && i < s->ingress_count; i++) {
		if (c->cfg->family != IP_NONE && s->ingress[i].family != c->cfg->family)
			continue;
		*ret = s->ingress[i];
		*ret_port = port_of(c, s);
		return true;
	}
	return false;
}

static void ended(void *arg, uint64_t began_ns, const struct ip_addr *to, const char *node)
{
	struct world_client *c = arg;

	(void)began_ns;
	(void)to;
	if (node == NULL || strcmp(node, SIM_FOREIGN) == 0)
		world_changed(c->world); /* one more that failed */
}

void world_client_start(struct world_client *c, struct sim_stack *stack)
{
	const struct sim_client_cfg cfg = {
		.protocol = c->cfg->protocol,
		.every_ns = c->cfg->every_ns,
		.timeout_ns = c->cfg->timeout_ns,
		.seed = rng_next(&c->world->rng),
		.target = target,
		.ended = ended,
		.arg = c,
	};

	c->client = sim_client_new(stack, &cfg);
}
