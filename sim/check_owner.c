// SPDX-License-Identifier: Apache-2.0
/*
 * Who answers is who should, by the oracle.
 *
 * `one-owner`: when the world is quiet, the owner answers and nobody else does. `covered`: it does
 * so on every interface that is meant, and on no other. `filter`: who does not announce it is not
 * woken by those that ask for it. `usurper`: nobody answers for longer than
 * the bound for what is not his. A node that something ails knows no better, and is held to none of
 * it; what it should announce, nobody does.
 */
#include "sim/check_state.h"

#define ASK_BESIDE 2              /* nodes that do not say that they announce */
#define TIGHTEN_NS (2 * NS_PER_S) /* a filter may be so late */

static bool is_well(const struct world_node *n)
{
	return world_is_well(n->world, n->health.well_ns, n->world->bound_ns);
}

/* Is @n the owner of one of the Services that have the address? */
static bool is_owner(struct sim_world *w, const struct answered *a, const struct world_node *n)
{
	for (size_t i = 0; i < a->owned.count; i++) {
		if (!a->owned.items[i]->shown)
			continue;
		const struct sim_verdict *v = owner_verdict(w, a->owned.items[i]->service);
		if (v->owner != NULL && strcmp(v->owner, n->cfg->name) == 0)
			return true;
	}
	return false;
}

/* --- covered ----------------------------------------------------------------------------- */

static bool is_meant(const struct sim_verdict *v, const struct sim_iface *iface)
{
	return v->interfaces.count == 0 || names_contain(&v->interfaces, sim_iface_name(iface));
}

/* On @iface, for one of the Services that have the address. */
static bool should_answer(struct sim_world *w, const struct answered *a, const struct world_node *n,
			  const struct sim_iface *iface)
{
	for (size_t i = 0; i < a->owned.count; i++) {
		if (!a->owned.items[i]->shown)
			continue;
		const struct sim_verdict *v = owner_verdict(w, a->owned.items[i]->service);
		if (v->owner != NULL && strcmp(v->owner, n->cfg->name) == 0 && is_meant(v, iface))
			return true;
	}
	return false;
}

static void check_interfaces(struct sim_world *w, const struct answered *a, struct world_node *n)
{
	const struct answer *by = owner_answer(a, n);

	for (size_t i = 0; i < sim_stack_ifaces(n->stack); i++) {
		struct sim_iface *iface = sim_stack_iface(n->stack, i);
		bool should = sim_iface_is_up(iface) && should_answer(w, a, n, iface);
		bool does = sim_speaker_answers(n->speaker, iface, &a->ip);

		if (should != does)
			check_broken(w, "covered", n->cfg->name, a->owned.items[0]->service->text,
				     &a->ip, "%s %s on %s", n->cfg->name,
				     does ? "answers" : "does not answer", sim_iface_name(iface));
		else if (does && by != NULL)
			check_silent(n, iface, a, by);
	}
}

static bool has_iface_on(const struct world_node *n, const struct sim_link *link,
			 const struct sim_verdict *v)
{
	for (size_t i = 0; i < sim_stack_ifaces(n->stack); i++) {
		const struct sim_iface *iface = sim_stack_iface(n->stack, i);

		if (sim_port_link(sim_iface_port(iface)) == link && is_meant(v, iface))
			return true;
	}
	return false;
}

void check_covered(struct world_node *n, struct owned_service *s, const struct ip_addr *ip)
{
	struct sim_world *w = n->world;
	const struct sim_verdict *v = owner_verdict(w, s);
	struct owned *o = owner_owned(s, ip);

	if (v->owner == NULL || strcmp(v->owner, n->cfg->name) != 0 || o == NULL)
		return;
	for (size_t i = 0; i < sim_net_links(w->net) && i < 64; i++) {
		const struct sim_link *link = sim_net_link(w->net, i);
		uint64_t bit = 1ull << i;

		if (has_iface_on(n, link, v)) {
			o->not_covered &= ~bit;
		} else if ((o->not_covered & bit) == 0) {
			o->not_covered |= bit;
			sim_journal_add(&w->journal, world_now(w), SIM_NOT_COVERED, NULL, s->text,
					ip, "%s", sim_link_name(link));
		}
	}
}

/* --- filters ----------------------------------------------------------------------------- */

/* Questions for what it does not announce are not to wake it, while a filter can tell all apart. */
static void check_filter(struct sim_world *w, const struct answered *a, const struct world_node *n)
{
	size_t services = speaker_announced_count(sim_speaker_engine(n->speaker));

	if (services > L2_COVER_MAX / 2 || /* with two addresses each */
	    !world_is_well(w, w->checks->generation_ns, TIGHTEN_NS))
		return;
	for (size_t i = 0; i < sim_stack_ifaces(n->stack); i++) {
		const struct sim_iface *iface = sim_stack_iface(n->stack, i);

		if (sim_speaker_hears(n->speaker, iface, &a->ip))
			check_broken(w, "filter", n->cfg->name, NULL, &a->ip,
				     "%s hears who asks for it, and does not announce it",
				     n->cfg->name);
	}
}

/* --- one owner --------------------------------------------------------------------------- */

static void check_node(struct sim_world *w, const struct answered *a, struct world_node *n)
{
	const char *service = a->owned.items[0]->service->text;
	bool should = is_owner(w, a, n), does;

	if (!is_well(n))
		return;
	does = owner_answers(n, &a->ip);
	if (does != (owner_answer(a, n) != NULL))
		check_broken(w, "harness", n->cfg->name, service, &a->ip,
			     "%s %s, which the world did not see", n->cfg->name,
			     does ? "answers" : "does not answer");
	if (does && !should)
		check_broken(w, "one-owner", n->cfg->name, service, &a->ip,
			     "%s answers, and is not the owner", n->cfg->name);
	if (should)
		check_interfaces(w, a, n);
	else
		check_filter(w, a, n);
}

static void check_address(void *arg, struct answered *a)
{
	struct sim_world *w = arg;

	for (size_t i = 0; i < a->by.count; i++)
		check_node(w, a, a->by.items[i].node);
	for (size_t i = 0; i < ASK_BESIDE; i++)
		check_node(w, a, &w->nodes[rng_below(&w->rng, w->node_count)]);
}

/* Does it have an interface on which to announce it at all? */
static bool can_announce(const struct world_node *n, const struct sim_verdict *v)
{
	for (size_t i = 0; i < sim_stack_ifaces(n->stack); i++) {
		const struct sim_iface *iface = sim_stack_iface(n->stack, i);

		if (sim_iface_is_up(iface) && is_meant(v, iface))
			return true;
	}
	return false;
}

static void check_service(void *arg, struct owned_service *s)
{
	struct sim_world *w = arg;
	const struct sim_verdict *v = owner_verdict(w, s);
	struct world_node *n = v->owner != NULL ? world_node(w, v->owner) : NULL;

	if (n == NULL || !is_well(n) || !can_announce(n, v))
		return;
	for (size_t i = 0; i < s->ips.count; i++)
		if (s->ips.items[i]->shown && !owner_answers(n, &s->ips.items[i]->ip))
			check_broken(w, "one-owner", n->cfg->name, s->text, &s->ips.items[i]->ip,
				     "%s should answer, and does not", n->cfg->name);
}

void check_owners(struct sim_world *w)
{
	owner_each_service(w, check_service, w);
	owner_each_answered(w, check_address, w);
}

/* --- usurpers ---------------------------------------------------------------------------- */

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static void check_usurper(void *arg, struct answered *a)
{
	struct sim_world *w = arg;

	for (size_t i = 0; i < a->by.count; i++) {
		struct answer *x = &a->by.items[i];
		const struct world_node *n = x->node;
		const struct speaker *engine = sim_speaker_engine(n->speaker);

		if (is_owner(w, a, n)) {
			x->unowned_ns = 0;
			continue;
		}
		if (x->unowned_ns == 0)
			x->unowned_ns = world_now(w);
		if (n->health.well_ns == UINT64_MAX || w->api_well_ns == UINT64_MAX ||
		    (engine != NULL && speaker_config_waits(engine) && !check_is_allocated(w)))
			x->unowned_ns = world_now(w);
		uint64_t since_ns = later(x->unowned_ns, later(n->health.well_ns, w->api_well_ns));
		if (world_is_well(w, since_ns, w->bound_ns + 1))
			check_broken(w, "usurper", n->cfg->name,
				     a->owned.count > 0 ? a->owned.items[0]->service->text : NULL,
				     &a->ip, "%s answers, and does not own it", n->cfg->name);
	}
}

void check_usurpers(struct sim_world *w)
{
	owner_each_answered(w, check_usurper, w);
}
